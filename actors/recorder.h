/* SPDX-License-Identifier: MIT
 * recorder.h - the flight recorder: one a base, one writer. */
#ifndef TRP_ACTORS_RECORDER_H
#define TRP_ACTORS_RECORDER_H

#include <stdbool.h>

#include <troupe/status.h>
#include <troupe/trace.h>

struct trp_trace;

struct trp_recorder {
    uint64_t mask; /* bit per event id; 0: off */
    uint64_t current_message;
    uint32_t current_actor;
};

TROUPE_MUST_CHECK troupe_status trp_trace_open(const char *mode, const char *program,
                                               struct trp_trace **out);
void trp_trace_close(struct trp_trace **trace);
troupe_trace_slot *trp_trace_chunk(struct trp_trace *trace, uint32_t base,
                                   uint32_t chunk);
uint16_t trp_trace_kind(struct trp_trace *trace, const char *name);
TROUPE_MUST_CHECK troupe_status trp_recorder_open(struct trp_trace *trace,
                                                  uint32_t worker, const char *role,
                                                  struct trp_recorder **out);
void trp_recorder_close(struct trp_recorder **recorder);
void trp_recorder_name(struct trp_recorder *recorder, uint32_t actor, const char *name);
uint64_t trp_ticks_to_ns(uint64_t ticks);

static inline uint64_t trp_ticks(void)
{
    return 0;
}

static inline bool trp_recording(const struct trp_recorder *recorder, unsigned id)
{
    return (recorder->mask >> id & 1) != 0;
}

static inline void trp_record_at(struct trp_recorder *recorder, uint64_t ts, uint16_t id,
                                 uint16_t tag, uint32_t actor, uint64_t msg,
                                 uint32_t peer, uint32_t arg)
{
    (void)recorder, (void)ts, (void)id, (void)tag, (void)actor, (void)msg, (void)peer;
    (void)arg;
}

static inline void trp_record(struct trp_recorder *recorder, uint16_t id, uint16_t tag,
                              uint32_t actor, uint64_t msg, uint32_t peer, uint32_t arg)
{
    if (__builtin_expect(trp_recording(recorder, id), 0)) {
        trp_record_at(recorder, trp_ticks(), id, tag, actor, msg, peer, arg);
    }
}

#endif
