/* SPDX-License-Identifier: MIT
 * trace_open.c - traces: opened as the environment wishes, named, forked, closed.
 *
 * Owns the list of all traces of the process: names of message kinds go to each of them,
 * and after a fork the child must stop writing into its parent's. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/trace_state.h"
#include "mailbox/alloc.h"
#include "mailbox/kinds.h"

enum {
    FAST_BYTES = 4 << 20,
    SLOW_PACKETS = 16,
    PACKETS_MIN = 4,
    PACKETS_MAX = 65536, /* 1 GiB */
    KIND_MAX = 4096
};

pthread_mutex_t trp_traces_lock = PTHREAD_MUTEX_INITIALIZER;
static struct trp_trace *traces; /* under trp_traces_lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- names ---- */

/* Under trace->lock. The number of an actor kind is its place among them, from 1. */
static uint32_t name_of(struct trp_trace *trace, uint32_t type, uint32_t number,
                        const char *text)
{
    uint32_t kinds = 0;
    uint32_t count = trace->info->names;
    char cut[sizeof(trace->names->text)];

    (void)snprintf(cut, sizeof(cut), "%s", text);
    for (uint32_t i = 0; i < count; i++) {
        const troupe_trace_name *name = &trace->names[i];
        kinds += name->type == 1;
        if (name->type == type && (type == 1 || name->number == number) &&
            strcmp(name->text, cut) == 0) {
            return name->number;
        }
    }
    if (count == TROUPE_TRACE_NAMES || (type == 1 && kinds == KIND_MAX)) {
        return 0;
    }
    troupe_trace_name *name = &trace->names[count];
    memcpy(name->text, cut, sizeof(cut));
    name->number = type == 1 ? kinds + 1 : number;
    __atomic_store_n(&name->type, type, __ATOMIC_RELEASE);
    __atomic_store_n(&trace->info->names, count + 1, __ATOMIC_RELEASE);
    return name->number;
}

static void add_message_kind(void *context, troupe_kind kind, const char *text)
{
    struct trp_trace *trace = context;

    (void)pthread_mutex_lock(&trace->lock);
    (void)name_of(trace, 2, kind, text);
    (void)pthread_mutex_unlock(&trace->lock);
}

static void kind_added(troupe_kind kind, const char *text)
{
    (void)pthread_mutex_lock(&trp_traces_lock);
    for (struct trp_trace *trace = traces; trace != NULL; trace = trace->next) {
        add_message_kind(trace, kind, text);
    }
    (void)pthread_mutex_unlock(&trp_traces_lock);
}

uint16_t trp_trace_kind(struct trp_trace *trace, const char *name)
{
    (void)pthread_mutex_lock(&trace->lock);
    uint32_t number = name_of(trace, 1, 0, name);
    (void)pthread_mutex_unlock(&trace->lock);
    return (uint16_t)number;
}

/* ---- fork ---- */

/* All locks are taken, so that the child finds none held by a thread it does not have. */
static void before_fork(void)
{
    (void)pthread_mutex_lock(&trp_traces_lock);
    for (struct trp_trace *trace = traces; trace != NULL; trace = trace->next) {
        (void)pthread_mutex_lock(&trace->lock);
    }
}

static void after_fork(void)
{
    for (struct trp_trace *trace = traces; trace != NULL; trace = trace->next) {
        (void)pthread_mutex_unlock(&trace->lock);
    }
    (void)pthread_mutex_unlock(&trp_traces_lock);
}

/* The child keeps a copy of its own, and records nothing. */
static void in_child(void)
{
    for (struct trp_trace *trace = traces; trace != NULL; trace = trace->next) {
        trp_memory_fork(trace->memory);
        for (struct trp_recorder *r = trace->recorders; r != NULL; r = r->next) {
            r->mask = 0;
        }
    }
    after_fork();
}

static void begin_process(void)
{
    trp_kinds_observe(kind_added);
    if (pthread_atfork(before_fork, after_fork, in_child) != 0) {
        return; /* no memory: a child that records without exec would be seen as us */
    }
}

/* ---- options ---- */

static bool parse_mode(const char *text, uint32_t *mode)
{
    static const struct {
        const char *text;
        uint32_t mode;
    } modes[] = {
        {"off", TROUPE_TRACE_OFF},   {"count", TROUPE_TRACE_COUNT},
        {"ring", TROUPE_TRACE_RING}, {"ctl", TROUPE_TRACE_RING},
        {"", TROUPE_TRACE_RING},     {"ctl+control", TROUPE_TRACE_RING},
    };

    for (size_t i = 0; i < TRP_COUNT(modes); i++) {
        if (strcmp(text, modes[i].text) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    return false;
}

/* "4M" -> packets of a fast ring. */
static uint32_t parse_packets(const char *text, const char **note)
{
    char *end = NULL;
    unsigned long long bytes = text != NULL ? strtoull(text, &end, 10) : FAST_BYTES;
    unsigned shift = 0;

    if (text != NULL && (text[0] < '0' || text[0] > '9')) {
        *note = "TROUPE_TRACE_BUF is not a size";
        return FAST_BYTES / TROUPE_TRACE_PACKET;
    }
    if (end != NULL && *end != 0) {
        shift = *end == 'K' || *end == 'k'   ? 10
                : *end == 'M' || *end == 'm' ? 20
                : *end == 'G' || *end == 'g' ? 30
                                             : 0;
        if (shift == 0 || end[1] != 0) {
            *note = "TROUPE_TRACE_BUF is not a size";
            return FAST_BYTES / TROUPE_TRACE_PACKET;
        }
    }
    unsigned long long most = (unsigned long long)PACKETS_MAX * TROUPE_TRACE_PACKET;
    bytes = bytes > most >> shift ? most : bytes << shift;
    uint32_t packets = (uint32_t)(bytes / TROUPE_TRACE_PACKET);
    return packets < PACKETS_MIN ? PACKETS_MIN : packets;
}

/* ---- the trace ---- */

static void make_uuid(uint8_t *uuid)
{
    if (getentropy(uuid, 16) != 0) {
        uint64_t now = trp_clock_ns();
        memcpy(uuid, &now, sizeof(now));
    }
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static void fill_info(troupe_trace_info *info, const char *program)
{
    struct timespec real;

    info->version = TROUPE_TRACE_VERSION;
    info->size = sizeof(*info);
    info->pid = (uint32_t)getpid();
    info->started = trp_memory_started();
    make_uuid(info->uuid);
    info->clock = trp_clock_name();
    info->frequency = trp_clock_frequency();
    info->first_ticks = trp_ticks();
    info->first_ns = trp_clock_ns();
    (void)clock_gettime(CLOCK_REALTIME, &real);
    info->first_real = (uint64_t)real.tv_sec * 1000000000 + (uint64_t)real.tv_nsec;
    info->latest_ticks = info->first_ticks;
    info->latest_ns = info->first_ns;
    (void)snprintf(info->program, sizeof(info->program), "%s", program);
    memcpy(info->magic + 1, &TROUPE_TRACE_INFO[1], sizeof(info->magic) - 1);
    __atomic_store_n(&info->magic[0], TROUPE_TRACE_INFO[0],
                     __ATOMIC_RELEASE); /* now it is */
}

static void publish(struct trp_trace *trace)
{
    (void)pthread_once(&once, begin_process);
    (void)pthread_mutex_lock(&trp_traces_lock);
    trace->next = traces;
    traces = trace;
    trp_kinds_each(add_message_kind, trace);
    (void)pthread_mutex_unlock(&trp_traces_lock);
}

static troupe_status make_info(struct trp_trace *trace, uint32_t mode, const char *note,
                               const char *program)
{
    size_t size = sizeof(*trace->info) + TROUPE_TRACE_NAMES * sizeof(*trace->names);
    uint8_t *info = trp_memory_area(trace->memory, "info", size, true);

    if (info == NULL) {
        return TROUPE_ENOMEM;
    }
    trace->info = (troupe_trace_info *)(void *)info;
    trace->names = (troupe_trace_name *)(void *)(info + sizeof(*trace->info));
    trace->info->mode = mode;
    trace->info->fast = parse_packets(secure_getenv("TROUPE_TRACE_BUF"), &note);
    trace->info->slow =
        trace->info->fast < SLOW_PACKETS ? trace->info->fast : SLOW_PACKETS;
    if (note[0] == 0) {
        note = trp_memory_note(trace->memory);
    }
    (void)snprintf(trace->info->note, sizeof(trace->info->note), "%s", note);
    fill_info(trace->info, program);
    return TROUPE_OK;
}

bool trp_trace_observed(const struct trp_trace *trace)
{
    return trace->info->mode != TROUPE_TRACE_OFF;
}

troupe_status trp_trace_open(const char *mode, const char *program,
                             struct trp_trace **out)
{
    const char *text = mode != NULL ? mode : secure_getenv("TROUPE_TRACE");
    const char *note = "";
    uint32_t parsed = TROUPE_TRACE_RING;

    if (text != NULL && !parse_mode(text, &parsed)) {
        if (mode != NULL) {
            return TROUPE_EINVAL;
        }
        note = "TROUPE_TRACE is not off, count, ring, ctl or ctl+control";
    }
    struct trp_trace *trace = trp_calloc(1, sizeof(*trace));
    if (trace == NULL) {
        return TROUPE_ENOMEM;
    }
    trp_clock_choose();
    atomic_flag_clear(&trace->pairing);
    (void)pthread_mutex_init(&trace->lock, NULL);
    trace->memory = trp_memory_open(parsed != TROUPE_TRACE_OFF);
    troupe_status status =
        trace->memory != NULL ? make_info(trace, parsed, note, program) : TROUPE_ENOMEM;
    if (status != TROUPE_OK) {
        trp_memory_close(&trace->memory);
        (void)pthread_mutex_destroy(&trace->lock);
        trp_free(trace);
        return status;
    }
    publish(trace);
    *out = trace;
    return TROUPE_OK;
}

static void unpublish(struct trp_trace *trace)
{
    struct trp_trace **link = &traces;

    (void)pthread_mutex_lock(&trp_traces_lock);
    while (*link != trace) {
        link = &(*link)->next;
    }
    *link = trace->next;
    (void)pthread_mutex_unlock(&trp_traces_lock);
}

void trp_trace_close(struct trp_trace **trace)
{
    struct trp_trace *old = *trace;

    *trace = NULL;
    if (old == NULL) {
        return;
    }
    if (old->recorders != NULL) {
        trp_memory_remove(old->memory); /* abandoned threads may still write: it stays */
        return;
    }
    unpublish(old);
    for (uint32_t w = 0; w < TROUPE_TRACE_WORKERS; w++) {
        for (uint32_t i = 0; old->workers[w].loose != NULL && i < old->workers[w].chunks;
             i++) {
            trp_free(old->workers[w].loose[i]);
        }
        trp_free(old->workers[w].loose);
    }
    trp_memory_close(&old->memory);
    (void)pthread_mutex_destroy(&old->lock);
    trp_free(old);
}

const char *trp_trace_note(const struct trp_trace *trace)
{
    return trace->info->note;
}

const troupe_trace_info *trp_trace_info(const struct trp_trace *trace)
{
    return trace->info;
}
