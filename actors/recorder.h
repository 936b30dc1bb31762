/* SPDX-License-Identifier: MIT
 * recorder.h - the flight recorder: one a base, one writer; and the table of actors.
 *
 *   trace (one a system) --> info: clock, workers, names
 *                        --> recorder 1..N --> fast ring, slow ring
 *                        --> chunks of slots
 *
 * All of it lies in memory that a tool of the same user can map, see trace_memory.h. A
 * record costs a time stamp and nine stores; switched off, a load, a test and a branch.
 */
#ifndef TRP_ACTORS_RECORDER_H
#define TRP_ACTORS_RECORDER_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>
#include <troupe/trace.h>

struct trp_trace;
struct trp_trace_source;

/* Where the next record of one ring goes. */
struct trp_ring {
    troupe_trace_packet *packet;
    troupe_trace_record *at, *end; /* in `packet`; end: it is full */
    uint8_t *first;                /* the ring's first packet */
    uint32_t index, count;         /* packets */
    uint64_t sequence;
};

struct trp_recorder {
    uint64_t mask;            /* bit per event id; 0: off */
    uint64_t current_message; /* the delivery in progress; set by the runtime */
    uint32_t current_actor;
    uint32_t worker;
    struct trp_ring fast, slow;
    struct trp_trace *trace;
    struct trp_recorder *next; /* of the same trace */
};

/* Opens the trace of a system.
 *
 * mode      "off", "count", "ring", "ctl", "ctl+control"; NULL: as $TROUPE_TRACE says
 * program   for the reader; copied
 *
 * Trouble with shared memory is no failure: the trace then lives in private memory and
 * trp_trace_note says why.
 * Returns TROUPE_OK, TROUPE_EINVAL (mode) or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_trace_open(const char *mode, const char *program,
                                               struct trp_trace **out);

/* Removes its files and gives the memory back, unless recorders are still open: their
 * threads were abandoned and may write for ever. */
/* Whether the actor table is kept for somebody to look at (every mode but off). */
bool trp_trace_observed(const struct trp_trace *trace);

void trp_trace_close(struct trp_trace **trace);

/* Why a wish was not granted; "" when all were. */
const char *trp_trace_note(const struct trp_trace *trace);

/* 4096 zeroed slots of a worker, or NULL without memory. Valid until trp_trace_close. */
troupe_trace_slot *trp_trace_chunk(struct trp_trace *trace, uint32_t base,
                                   uint32_t chunk);

/* The number of a kind of actors, the same for the same name; 0 when there are too many.
 * Thread: any. */
uint16_t trp_trace_kind(struct trp_trace *trace, const char *name);

/* Reads the trace of this process as a tool would. */
void trp_trace_inside(struct trp_trace *trace, struct trp_trace_source *out);
const troupe_trace_info *trp_trace_info(const struct trp_trace *trace);

TROUPE_MUST_CHECK troupe_status trp_recorder_open(struct trp_trace *trace,
                                                  uint32_t worker, const char *role,
                                                  struct trp_recorder **out);
void trp_recorder_close(struct trp_recorder **recorder);

/* Records an actor's name, in pieces of 16 bytes. */
void trp_recorder_name(struct trp_recorder *recorder, uint32_t actor, const char *name);

/* Goes on to the ring's next packet. */
void trp_ring_roll(struct trp_recorder *recorder, struct trp_ring *ring, uint64_t ts);

/* ---- the clock: trace_clock.c ---- */

extern bool trp_clock_is_counter; /* decided once, by the first trp_clock_choose */

/* Finds and measures the clock. Thread: any. */
void trp_clock_choose(void);
uint32_t trp_clock_name(void);      /* TROUPE_CLOCK_... */
uint64_t trp_clock_frequency(void); /* ticks a second */
uint64_t trp_clock_ns(void);        /* CLOCK_MONOTONIC */
uint64_t trp_ticks_to_ns(uint64_t ticks);

static inline uint64_t trp_ticks(void)
{
#if defined(__x86_64__)
    if (__builtin_expect(trp_clock_is_counter, 1)) {
        return __builtin_ia32_rdtsc();
    }
#elif defined(__aarch64__)
    if (__builtin_expect(trp_clock_is_counter, 1)) {
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
        return ticks;
    }
#endif
    return trp_clock_ns();
}

/* ---- writing ---- */

/* Rare events whose story is long have a ring that a flood of messages cannot flush.
 * Events that come with single messages (watches of asks, waits, refusals) are not among
 * them; what matters long about those is in the actor table. */
#define TRP_SLOW_EVENTS                                                                  \
    (UINT64_C(1) << TROUPE_EV_SPAWN | UINT64_C(1) << TROUPE_EV_EXIT |                    \
     UINT64_C(1) << TROUPE_EV_STATE | UINT64_C(1) << TROUPE_EV_SUB_ADD |                 \
     UINT64_C(1) << TROUPE_EV_SUB_DROP | UINT64_C(1) << TROUPE_EV_NAME |                 \
     UINT64_C(1) << TROUPE_EV_THREAD | UINT64_C(1) << TROUPE_EV_MARK |                   \
     UINT64_C(1) << TROUPE_EV_RECORDER)

static inline bool trp_recording(const struct trp_recorder *recorder, unsigned id)
{
    return (recorder->mask >> id & 1) != 0;
}

/* The stores are atomic (relaxed) because a watcher may copy the packet meanwhile; the
 * last one makes the record part of the packet. */
static inline void trp_ring_put(struct trp_recorder *recorder, struct trp_ring *ring,
                                const troupe_trace_record *in)
{
    troupe_trace_record *to = ring->at;
    troupe_trace_packet *packet = ring->packet;

    __atomic_store_n(&to->ts, in->ts, __ATOMIC_RELAXED);
    __atomic_store_n(&to->id, in->id, __ATOMIC_RELAXED);
    __atomic_store_n(&to->tag, in->tag, __ATOMIC_RELAXED);
    __atomic_store_n(&to->actor, in->actor, __ATOMIC_RELAXED);
    __atomic_store_n(&to->msg, in->msg, __ATOMIC_RELAXED);
    __atomic_store_n(&to->peer, in->peer, __ATOMIC_RELAXED);
    __atomic_store_n(&to->arg, in->arg, __ATOMIC_RELAXED);
    ring->at = ++to;
    __atomic_store_n(&packet->end, in->ts, __ATOMIC_RELAXED);
    __atomic_store_n(&packet->content_size,
                     8 * (uint64_t)((uint8_t *)to - (uint8_t *)packet), __ATOMIC_RELEASE);
    if (__builtin_expect(to == ring->end, 0)) {
        trp_ring_roll(recorder, ring, in->ts);
    }
}

static inline void trp_record_always(struct trp_recorder *recorder, uint64_t ts,
                                     uint16_t id, uint16_t tag, uint32_t actor,
                                     uint64_t msg, uint32_t peer, uint32_t arg)
{
    troupe_trace_record record = {ts, id, tag, actor, msg, peer, arg};

    trp_ring_put(recorder,
                 (TRP_SLOW_EVENTS >> id & 1) != 0 ? &recorder->slow : &recorder->fast,
                 &record);
}

/* Records an event that happened at `ts`, not earlier than the one before it. */
static inline void trp_record_at(struct trp_recorder *recorder, uint64_t ts, uint16_t id,
                                 uint16_t tag, uint32_t actor, uint64_t msg,
                                 uint32_t peer, uint32_t arg)
{
    if (__builtin_expect(trp_recording(recorder, id), 0)) {
        trp_record_always(recorder, ts, id, tag, actor, msg, peer, arg);
    }
}

static inline void trp_record(struct trp_recorder *recorder, uint16_t id, uint16_t tag,
                              uint32_t actor, uint64_t msg, uint32_t peer, uint32_t arg)
{
    if (__builtin_expect(trp_recording(recorder, id), 0)) {
        trp_record_always(recorder, trp_ticks(), id, tag, actor, msg, peer, arg);
    }
}

#endif
