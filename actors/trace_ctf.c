/* SPDX-License-Identifier: MIT
 * trace_ctf.c - the metadata: which bytes of a record mean what, and how numbers read. */
#include "actors/trace_ctf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/trace_ctf.h"
#include "mailbox/alloc.h"

enum { SECOND_NS = 1000000000, MEASURED_NS = 100000000 };

struct event {
    const char *name;
    const char *tag, *actor, *msg, *peer, *arg; /* how the record's members read */
};

#define NONE16 "u16 none16"
#define NONE32 "u32 none32"
#define NONE64 "u64 none64"
#define ACTOR  "u32 actor"
#define KIND   "enum message_kind kind"
#define MSG    "u64 message"

static const struct event events[] = {
    [TROUPE_EV_SPAWN] = {"spawn", "enum actor_kind kind", ACTOR, NONE64, "u32 parent",
                         "u32 worker"},
    [TROUPE_EV_EXIT] = {"exit", "enum status reason", ACTOR, MSG, "u32 by",
                        "u32 handled"},
    [TROUPE_EV_LINK] = {"link", "u16 type", ACTOR, NONE64, "u32 other", NONE32},
    [TROUPE_EV_SEND] = {"send", KIND, "u32 from", MSG, "u32 to", "u32 bytes"},
    [TROUPE_EV_DELIVER_BEGIN] = {"deliver_begin", KIND, ACTOR, MSG, "u32 from",
                                 "u32 wait_ns"},
    [TROUPE_EV_DELIVER_END] = {"deliver_end", "enum status result", ACTOR, MSG,
                               "u32 from", "u32 run_ns"},
    [TROUPE_EV_DROP] = {"drop", KIND, ACTOR, MSG, "u32 from", "enum drop reason"},
    [TROUPE_EV_TIMER_SET] = {"timer_set", "u16 repeats", ACTOR, "u64 timer", NONE32,
                             "u32 delay_ns"},
    [TROUPE_EV_TIMER_FIRE] = {"timer_fire", "u16 repeats", ACTOR, "u64 timer", NONE32,
                              "u32 late_ns"},
    [TROUPE_EV_IO_WAIT] = {"io_wait", "u16 what", ACTOR, NONE64, "u32 peer", "u32 fd"},
    [TROUPE_EV_IO_READY] = {"io_ready", "u16 what", ACTOR, NONE64, "u32 peer",
                            "u32 bytes"},
    [TROUPE_EV_STATE] = {"state", "u16 now", ACTOR, "u64 cause", NONE32, "u32 before"},
    [TROUPE_EV_FULL_ON] = {"full_on", "u16 level", ACTOR, NONE64, "u32 held_back",
                           "u32 depth"},
    [TROUPE_EV_FULL_OFF] = {"full_off", "u16 level", ACTOR, NONE64, "u32 held_back",
                            "u32 depth"},
    [TROUPE_EV_FUTURE_NEW] = {"future_new", NONE16, "u32 future", "u64 cause",
                              "u32 owner", NONE32},
    [TROUPE_EV_FUTURE_RESOLVE] = {"future_resolve", "enum status result", "u32 future",
                                  "u64 cause", "u32 owner", "u32 age_ns"},
    [TROUPE_EV_FUTURE_CANCEL] = {"future_cancel", NONE16, "u32 future", "u64 cause",
                                 "u32 owner", "u32 age_ns"},
    [TROUPE_EV_SUB_ADD] = {"subscription_add", "u16 reason", "u32 subscription",
                           "u64 cause", "u32 topic", "u32 credit"},
    [TROUPE_EV_SUB_DROP] = {"subscription_drop", "u16 reason", "u32 subscription",
                            "u64 cause", "u32 topic", "u32 credit"},
    [TROUPE_EV_CALL_QUEUED] = {"call_queued", "u16 function", "u32 engine", "u64 call",
                               "u32 caller", "u32 depth"},
    [TROUPE_EV_CALL_BEGIN] = {"call_begin", "u16 function", "u32 engine", "u64 call",
                              "u32 caller", "u32 queued_ns"},
    [TROUPE_EV_CALL_END] = {"call_end", "enum status result", "u32 engine", "u64 call",
                            "u32 caller", "u32 run_ns"},
    [TROUPE_EV_SLEEP] = {"sleep", "u16 backend", NONE32, NONE64, "u32 peer", "u32 ready"},
    [TROUPE_EV_WAKE] = {"wake", "u16 backend", NONE32, NONE64, "u32 peer", "u32 ready"},
    [TROUPE_EV_CAUSE] = {"cause", "u16 part", ACTOR, MSG, "u32 peer", NONE32},
    [TROUPE_EV_NAME] = {"name", "u16 part", ACTOR, "character text[16]", NULL, NULL},
    [TROUPE_EV_ASK_WAIT] = {"ask_wait", "u16 type", ACTOR, "u64 ask", "u32 target",
                            NONE32},
    [TROUPE_EV_ASK_DONE] = {"ask_done", "u16 type", ACTOR, "u64 ask", "u32 target",
                            "u32 waited_ns"},
    [TROUPE_EV_THREAD] = {"thread", "enum thread_phase phase", "u32 of", NONE64,
                          "u32 peer", "u32 tid"},
    [TROUPE_EV_MARK] = {"mark", "u16 tag", ACTOR, "u64 cause", NONE32, "u32 value"},
    [TROUPE_EV_RECORDER] = {"recorder", "u16 what", NONE32, NONE64, "u32 uid",
                            "u32 count"},
};

const char *trp_ctf_event(unsigned id)
{
    return id < TRP_COUNT(events) ? events[id].name : NULL;
}

/* ---- the info ---- */

troupe_status trp_trace_info_read(const struct trp_trace_source *source,
                                  troupe_trace_info *out)
{
    if (!source->read(source->context, TRP_PART_INFO, 0, 0, out, sizeof(*out))) {
        return TROUPE_ETRUNCATED;
    }
    if (memcmp(out->magic, TROUPE_TRACE_INFO, sizeof(out->magic)) != 0 ||
        out->version != TROUPE_TRACE_VERSION || out->size != sizeof(*out) ||
        out->fast == 0 || out->fast > TRP_TRACE_PACKETS_MAX || out->slow == 0 ||
        out->slow > TRP_TRACE_PACKETS_MAX || out->names > TROUPE_TRACE_NAMES ||
        out->frequency < 1000 || out->frequency > UINT64_C(1000) * SECOND_NS) {
        return TROUPE_EPROTO;
    }
    out->program[sizeof(out->program) - 1] = 0;
    out->note[sizeof(out->note) - 1] = 0;
    for (size_t i = 0; i < TROUPE_TRACE_WORKERS; i++) {
        troupe_trace_worker *worker = &out->workers[i];
        worker->role[sizeof(worker->role) - 1] = 0;
        worker->chunks = worker->chunks > 4 * TROUPE_TRACE_CHUNKS_FILE
                             ? 4 * TROUPE_TRACE_CHUNKS_FILE
                             : worker->chunks;
    }
    return TROUPE_OK;
}

bool trp_trace_name_read(const struct trp_trace_source *source,
                         const troupe_trace_info *info, uint32_t at,
                         troupe_trace_name *out)
{
    if (at >= info->names ||
        !source->read(source->context, TRP_PART_INFO, 0,
                      info->size + (uint64_t)at * sizeof(*out), out, sizeof(*out))) {
        return false;
    }
    out->text[sizeof(out->text) - 1] = 0;
    for (char *c = out->text; *c != 0; c++) {
        if (*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
    return out->type == 1 || out->type == 2;
}

uint64_t trp_trace_frequency(const troupe_trace_info *info)
{
    uint64_t ns = info->latest_ns - info->first_ns;
    uint64_t ticks = info->latest_ticks - info->first_ticks;
    double measured = ns != 0 ? (double)ticks * (double)SECOND_NS / (double)ns
                              : (double)info->frequency;
    double ratio = measured / (double)info->frequency;

    return ns >= MEASURED_NS && ratio > 0.9 && ratio < 1.1 ? (uint64_t)(measured + 0.5)
                                                           : info->frequency;
}

/* ---- the text ---- */

static void write_clock(const troupe_trace_info *info, FILE *out)
{
    uint64_t frequency = trp_trace_frequency(info);
    uint64_t before = info->first_ticks / frequency + 1; /* seconds */
    uint64_t seconds = info->first_real / SECOND_NS;
    uint64_t part = (uint64_t)((double)(info->first_real % SECOND_NS) / SECOND_NS *
                               (double)frequency);

    if (seconds < before) {
        seconds = before;
    }
    (void)fprintf(out,
                  "clock {\n\tname = troupe;\n\tdescription = \"%s\";\n"
                  "\tfreq = %" PRIu64 ";\n\toffset_s = %" PRIu64 ";\n"
                  "\toffset = %" PRIu64 ";\n};\n\n",
                  info->clock == TROUPE_CLOCK_MONOTONIC ? "CLOCK_MONOTONIC"
                                                        : "the processor's counter",
                  frequency, seconds - before,
                  before * frequency - info->first_ticks + part);
}

static void write_label(const char *text, long long value, FILE *out)
{
    (void)fputs("\t\"", out);
    for (; *text != 0; text++) {
        bool plain = *text >= ' ' && *text < 127 && *text != '"' && *text != '\\';
        (void)fputc(plain ? *text : '_', out);
    }
    (void)fprintf(out, "\" = %lld,\n", value);
}

/* One enumeration of names of a type; each number once. */
static void write_names(const struct trp_trace_source *source,
                        const troupe_trace_info *info, uint32_t type, FILE *out)
{
    uint8_t seen[65536 / 8] = {0};

    (void)fprintf(out, "enum %s_kind : u16 {\n", type == 1 ? "actor" : "message");
    for (uint32_t i = 0; i < info->names; i++) {
        troupe_trace_name name;
        if (!trp_trace_name_read(source, info, i, &name) || name.type != type) {
            continue;
        }
        uint16_t number = (uint16_t)name.number;
        if ((seen[number / 8] >> number % 8 & 1) == 0) {
            seen[number / 8] |= (uint8_t)(1u << number % 8);
            write_label(name.text, number, out);
        }
    }
    if ((seen[65535 / 8] >> 7 & 1) == 0) {
        write_label("unknown", 65535, out); /* an enumeration must not be empty */
    }
    (void)fputs("};\n\n", out);
}

static void write_constants(FILE *out)
{
    (void)fputs("enum status : i16 {\n", out);
#define X(name, value, text) write_label(#name, value, out);
    TROUPE_STATUS_MAP(X)
#undef X
    (void)fputs("};\n\nenum drop : u32 {\n", out);
    write_label("dead", TROUPE_DROP_DEAD, out);
    write_label("full", TROUPE_DROP_FULL, out);
    write_label("cancelled", TROUPE_DROP_CANCELLED, out);
    write_label("shutdown", TROUPE_DROP_SHUTDOWN, out);
    write_label("unhandled", TROUPE_DROP_UNHANDLED, out);
    (void)fputs("};\n\nenum thread_phase : u16 {\n", out);
    write_label("start", 1, out);
    write_label("end", 2, out);
    (void)fputs("};\n\n", out);
}

static void write_uuid(const uint8_t *uuid, FILE *out)
{
    (void)fputs("\tuuid = \"", out);
    for (int i = 0; i < 16; i++) {
        (void)fprintf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                      uuid[i]);
    }
    (void)fputs("\";\n", out);
}

static void write_trace(const troupe_trace_info *info, FILE *out)
{
    const uint16_t one = 1;
    uint8_t low;

    memcpy(&low, &one, 1);
    (void)fputs("/* CTF 1.8 */\n\n"
                "typealias integer { size = 8; align = 8; } := u8;\n"
                "typealias integer { size = 16; align = 8; } := u16;\n"
                "typealias integer { size = 16; align = 8; signed = true; } := i16;\n"
                "typealias integer { size = 32; align = 8; } := u32;\n"
                "typealias integer { size = 64; align = 8; } := u64;\n"
                "typealias integer { size = 8; align = 8; encoding = UTF8; }"
                " := character;\n\n"
                "trace {\n\tmajor = 1;\n\tminor = 8;\n",
                out);
    write_uuid(info->uuid, out);
    (void)fprintf(out,
                  "\tbyte_order = %s;\n\tpacket.header := struct {\n\t\tu32 magic;\n"
                  "\t\tu8 uuid[16];\n\t\tu32 stream_id;\n\t};\n};\n\n",
                  low == 1 ? "le" : "be");
    (void)fprintf(out,
                  "env {\n\ttracer_name = \"troupe\";\n\tvpid = %" PRIu32 ";\n};\n\n",
                  info->pid);
}

static void write_stream(FILE *out)
{
    (void)fputs("typealias integer { size = 64; align = 8; map = clock.troupe.value; }"
                " := ticks;\n\n"
                "stream {\n\tid = 0;\n"
                "\tevent.header := struct {\n\t\tticks timestamp;\n\t\tu16 id;\n\t};\n"
                "\tpacket.context := struct {\n"
                "\t\tticks timestamp_begin;\n\t\tticks timestamp_end;\n"
                "\t\tu64 content_size;\n\t\tu64 packet_size;\n\t\tu64 packet_seq_num;\n"
                "\t\tu64 events_discarded;\n\t\tu32 thread;\n\t\tu32 worker;\n"
                "\t\tu64 current_message;\n\t\tu32 current_actor;\n\t\tu32 spare;\n"
                "\t};\n};\n\n",
                out);
}

static void write_event(unsigned id, const struct event *event, FILE *out)
{
    const char *fields[] = {event->tag, event->actor, event->msg, event->peer,
                            event->arg};

    (void)fprintf(out,
                  "event {\n\tname = \"%s\";\n\tid = %u;\n\tstream_id = 0;\n"
                  "\tfields := struct {\n",
                  event->name, id);
    for (size_t i = 0; i < TRP_COUNT(fields); i++) {
        if (fields[i] != NULL) {
            (void)fprintf(out, "\t\t%s;\n", fields[i]);
        }
    }
    (void)fputs("\t};\n};\n\n", out);
}

void trp_ctf_metadata(const struct trp_trace_source *source,
                      const troupe_trace_info *info, FILE *out)
{
    write_trace(info, out);
    write_clock(info, out);
    write_names(source, info, 1, out);
    write_names(source, info, 2, out);
    write_constants(out);
    write_stream(out);
    for (unsigned id = 1; id < TRP_COUNT(events); id++) {
        write_event(id, &events[id], out);
    }
}
