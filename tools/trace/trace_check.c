/* SPDX-License-Identifier: MIT
 * trace_check.c - the completeness of a trace. */
#include "tools/trace/trace_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/trace/trace_map.h"
#include "tools/trace/trace_reader.h"

enum { SENT = 1, BEGUN = 2, ENDED = 4, DROPPED = 8, TEXT = 256 };

#define NEVER UINT64_MAX

/* What is known of one message; from, to and kind as the first record says. */
struct message {
    uint64_t sent;
    uint32_t from, to;
    uint16_t kind;
    uint8_t seen;
    uint8_t kind_known;
};

struct worker {
    uint64_t first_sent; /* the smallest number sent in the window */
    uint64_t last_sent;
    uint64_t sends;
    uint64_t last_begun; /* message */
    uint64_t running;    /* the same, if it has not ended; else 0 */
    uint32_t runner;     /* who handles it */
    bool resting;        /* the last thing it did was to go to sleep */
    uint32_t tolerated;  /* differences of one, of a base caught in the middle */
};

struct checking {
    struct trp_trace_at *at;
    struct trp_check *out;
    void (*tell)(void *context, const char *text);
    void *context;
    struct trp_map messages;
    struct trp_map rest; /* actor -> messages sent to it that are still there */
    struct trp_map seen; /* actors in the table */
    uint64_t window;
    bool settled, inside, no_memory;
    struct worker workers[TROUPE_TRACE_WORKERS];
};

__attribute__((format(printf, 2, 3))) static void violated(struct checking *c,
                                                           const char *format, ...)
{
    char text[TEXT];
    va_list args;

    c->out->violations++;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->tell(c->context, text);
}

/* "1:204", the way people say a message. */
static const char *say(uint64_t msg, char *text, size_t size)
{
    (void)snprintf(text, size, "%" PRIu64 ":%" PRIu64, msg >> 48,
                   msg & UINT64_C(0xffffffffffff));
    return text;
}

static void compare(struct checking *c, struct message *m,
                    const troupe_trace_record *record, const char *what, uint32_t from,
                    uint32_t to, bool has_kind)
{
    char name[48];

    if (m->seen == 0) {
        m->from = from;
        m->to = to;
    }
    if (m->from != from || m->to != to) {
        violated(c,
                 "message %s: one record says %" PRIu32 " to %" PRIu32 ", its %s %" PRIu32
                 " to %" PRIu32,
                 say(record->msg, name, sizeof(name)), m->from, m->to, what, from, to);
    }
    if (has_kind && m->kind_known != 0 && m->kind != record->tag) {
        violated(c, "message %s: its %s is of another kind",
                 say(record->msg, name, sizeof(name)), what);
    }
    if (has_kind) {
        m->kind = record->tag;
        m->kind_known = 1;
    }
}

static void mark(struct checking *c, struct message *m, uint8_t what, uint64_t msg,
                 const char *text)
{
    char name[48];

    if ((m->seen & what) != 0) {
        violated(c, "message %s: %s twice", say(msg, name, sizeof(name)), text);
    }
    if ((what == BEGUN && (m->seen & DROPPED) != 0) ||
        (what == DROPPED && (m->seen & BEGUN) != 0)) {
        violated(c, "message %s: delivered and dropped", say(msg, name, sizeof(name)));
    }
    m->seen |= what;
}

static void judge(struct checking *c, const troupe_trace_record *r, uint32_t worker)
{
    struct message *m = trp_map_add(&c->messages, r->msg);
    struct worker *w = &c->workers[r->msg >> 48 & 0xff];

    if (m == NULL) {
        c->no_memory = true;
        return;
    }
    switch (r->id) {
    case TROUPE_EV_SEND:
        compare(c, m, r, "send", r->actor, r->peer, true);
        mark(c, m, SENT, r->msg, "sent");
        m->sent = r->ts;
        c->out->sent++;
        c->out->turned += (m->seen & BEGUN) != 0;
        w->first_sent = r->msg < w->first_sent ? r->msg : w->first_sent;
        w->last_sent = r->msg > w->last_sent ? r->msg : w->last_sent;
        w->sends++;
        break;
    case TROUPE_EV_DELIVER_BEGIN:
        compare(c, m, r, "delivery", r->peer, r->actor, true);
        mark(c, m, BEGUN, r->msg, "delivered");
        c->out->delivered++;
        c->workers[worker].last_begun = r->msg;
        break;
    case TROUPE_EV_DELIVER_END:
        compare(c, m, r, "end of delivery", r->peer, r->actor, false);
        mark(c, m, ENDED, r->msg, "ended");
        break;
    default:
        compare(c, m, r, "drop", r->peer, r->actor, true);
        mark(c, m, DROPPED, r->msg, "dropped");
        c->out->dropped++;
        break;
    }
}

/* Only reading what still moves may miss packets. */
static void judge_rings(struct checking *c, const struct trp_reader *reader)
{
    for (uint32_t i = 0; c->settled && i < reader->count; i++) {
        const struct trp_stream *stream = &reader->streams[i];
        if (stream->holes != 0) {
            violated(c, "worker %" PRIu32 ": records are missing from its %s ring",
                     stream->worker, stream->slow ? "slow" : "fast");
        }
    }
}

static troupe_status read_records(struct checking *c)
{
    struct trp_reader *reader = NULL;
    const struct trp_stream *stream = NULL;
    troupe_trace_record record;
    troupe_status status = trp_reader_open(c->at, &reader);

    if (status != TROUPE_OK) {
        return status;
    }
    c->window = reader->window;
    judge_rings(c, reader);
    while (!c->no_memory && trp_reader_next(reader, &record, &stream)) {
        if (record.ts < c->window || stream->slow) {
            continue;
        }
        c->workers[stream->worker].resting = record.id == TROUPE_EV_SLEEP;
        if (record.id >= TROUPE_EV_SEND && record.id <= TROUPE_EV_DROP) {
            judge(c, &record, stream->worker);
        }
    }
    c->out->overwritten += reader->overwritten;
    trp_reader_close(&reader);
    return c->no_memory ? TROUPE_ELIMIT : TROUPE_OK;
}

/* ---- when all records are read ---- */

static bool is_engine(const struct checking *c, uint32_t worker)
{
    return strcmp(c->at->info.workers[worker].role, "engine") == 0;
}

static void judge_delivery(struct checking *c, const struct message *m, uint64_t msg)
{
    struct worker *w = &c->workers[msg >> 48 & 0xff];
    bool before = c->window != 0 && msg < w->first_sent;
    char name[48];

    (void)say(msg, name, sizeof(name));
    if ((m->seen & SENT) == 0) {
        if (before) {
            c->out->explained++;
        } else {
            violated(c, "message %s: %s, but never sent", name,
                     (m->seen & DROPPED) != 0 ? "dropped" : "delivered");
        }
    }
    if ((m->seen & (BEGUN | ENDED)) == ENDED && !before) {
        violated(c, "message %s: the delivery ended, but never began", name);
    }
    if ((m->seen & (BEGUN | ENDED)) != BEGUN ||
        is_engine(c, (uint32_t)(msg >> 48 & 0xff))) {
        return; /* a call made from the engine's own thread runs inside another */
    }
    if (w->last_begun == msg) {
        w->running = msg;
        w->runner = m->to;
    } else {
        violated(c, "message %s: the delivery began, but never ended", name);
    }
}

/* A worker numbers its messages without gaps. */
static void judge_numbers(struct checking *c)
{
    for (uint32_t i = 1; i < TROUPE_TRACE_WORKERS; i++) {
        const struct worker *w = &c->workers[i];
        uint64_t first = c->window == 0 ? ((uint64_t)i << 48) + 1 : w->first_sent;
        if (w->sends != 0 && w->last_sent - first + 1 != w->sends) {
            violated(c,
                     "worker %" PRIu32 ": %" PRIu64 " sends are recorded, their numbers "
                     "say %" PRIu64,
                     i, w->sends, w->last_sent - first + 1);
        }
    }
}

static void judge_messages(struct checking *c)
{
    size_t at = 0;
    uint64_t msg = 0;

    for (struct message *m; (m = trp_map_next(&c->messages, &at, &msg)) != NULL;) {
        judge_delivery(c, m, msg);
        if ((m->seen & SENT) != 0 && (m->seen & (BEGUN | ENDED | DROPPED)) == 0) {
            uint64_t *rest = trp_map_add(&c->rest, m->to);
            if (rest == NULL) {
                c->no_memory = true;
                return;
            }
            ++*rest;
            c->out->queued++;
        }
    }
}

/* A base that was caught in the middle may have counted what it had not recorded yet, or
 * the other way round: one message each. */
static bool may_be_between(struct checking *c, uint32_t worker, uint64_t a, uint64_t b)
{
    struct worker *w = &c->workers[worker];

    if (c->inside || w->resting || w->tolerated != 0 || (a > b ? a - b : b - a) != 1) {
        return false;
    }
    w->tolerated = 1;
    return true;
}

static void judge_slot(void *context, const troupe_trace_slot *slot)
{
    struct checking *c = context;
    uint64_t depth = slot->enqueued - slot->delivered - slot->dropped;
    uint32_t number = (uint32_t)slot->id;
    const uint64_t *found = trp_map_find(&c->rest, number);
    uint64_t rest = found != NULL ? *found : 0;

    if (trp_map_add(&c->seen, number) == NULL) {
        c->no_memory = true;
        return;
    }
    if (slot->spare != 0 || (!c->settled && !c->at->place.is_copy)) {
        c->out->unjudged++;
        return;
    }
    const struct worker *w = &c->workers[slot->id >> 56];
    if (w->running != 0 && w->runner == number &&
        (slot->state != TROUPE_STATE_RUNNING || slot->message != w->running)) {
        char name[48];
        violated(c, "message %s: the delivery began, but never ended",
                 say(w->running, name, sizeof(name)));
    }
    c->out->depth += depth;
    bool agree = c->window == 0 ? rest == depth : rest <= depth;
    if (!agree && !may_be_between(c, (uint32_t)(slot->id >> 56), rest, depth)) {
        violated(c,
                 "actor %" PRIu32 ": %" PRIu64 " messages are neither delivered nor "
                 "dropped, its mailbox holds %" PRIu64,
                 number, rest, depth);
    }
}

/* Mail for actors that are not there. */
static void judge_gone(struct checking *c)
{
    size_t at = 0;
    uint64_t actor = 0;

    for (uint64_t *rest;
         c->settled && (rest = trp_map_next(&c->rest, &at, &actor)) != NULL;) {
        if (trp_map_find(&c->seen, actor) == NULL) {
            violated(c,
                     "actor %" PRIu64 ": %" PRIu64 " messages are neither delivered nor "
                     "dropped, and it has ended",
                     actor, *rest);
        }
    }
}

troupe_status trp_check(struct trp_trace_at *at,
                        void (*tell)(void *context, const char *text), void *context,
                        struct trp_check *out)
{
    struct checking c = {.at = at, .out = out, .tell = tell, .context = context};

    memset(out, 0, sizeof(*out));
    c.inside = at->place.is_copy && at->info.settled == 2;
    c.settled = at->place.is_copy ? at->info.settled != 0
                                  : !at->place.alive || at->place.state == 'T';
    for (size_t i = 0; i < TROUPE_TRACE_WORKERS; i++) {
        c.workers[i].first_sent = NEVER;
    }
    trp_map_init(&c.messages, sizeof(struct message), TRP_CHECK_MESSAGES_MAX);
    trp_map_init(&c.rest, sizeof(uint64_t), TRP_CHECK_MESSAGES_MAX);
    trp_map_init(&c.seen, 0, TRP_CHECK_MESSAGES_MAX);
    troupe_status status = read_records(&c);
    if (status == TROUPE_OK) {
        judge_numbers(&c);
        judge_messages(&c);
        trp_trace_slots(at, judge_slot, &c);
        judge_gone(&c);
        status = c.no_memory ? TROUPE_ELIMIT : TROUPE_OK;
    }
    out->overwritten += at->info.overwritten;
    uint64_t now = trp_trace_now(at);
    if (c.window != 0) { /* 1: all is younger than the beginning of the copy */
        out->window_ns = now > c.window ? trp_trace_ns(at, now - c.window) : 1;
    }
    trp_map_fini(&c.messages);
    trp_map_fini(&c.rest);
    trp_map_fini(&c.seen);
    return status;
}
