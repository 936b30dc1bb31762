/* SPDX-License-Identifier: MIT
 * recorder.c - memory for the actor table; rings come with the recorder proper. */
#include "actors/recorder.h"

#include "mailbox/alloc.h"

enum { CHUNK = 4096, CHUNKS = 8192 };

struct trp_trace {
    uint32_t count;
    void *chunks[CHUNKS];
};

troupe_status trp_trace_open(const char *mode, const char *program,
                             struct trp_trace **out)
{
    (void)mode;
    (void)program;
    *out = trp_calloc(1, sizeof(**out));
    return *out != NULL ? TROUPE_OK : TROUPE_ENOMEM;
}

void trp_trace_close(struct trp_trace **trace)
{
    for (uint32_t i = 0; *trace != NULL && i < (*trace)->count; i++) {
        trp_free((*trace)->chunks[i]);
    }
    trp_free(*trace);
    *trace = NULL;
}

troupe_trace_slot *trp_trace_chunk(struct trp_trace *trace, uint32_t base, uint32_t chunk)
{
    (void)base;
    (void)chunk;
    if (trace->count == CHUNKS) {
        return NULL;
    }
    trace->chunks[trace->count] = trp_calloc(CHUNK, sizeof(troupe_trace_slot));
    return trace->chunks[trace->count] != NULL ? trace->chunks[trace->count++] : NULL;
}

uint16_t trp_trace_kind(struct trp_trace *trace, const char *name)
{
    (void)trace;
    (void)name;
    return 0;
}

troupe_status trp_recorder_open(struct trp_trace *trace, uint32_t worker,
                                const char *role, struct trp_recorder **out)
{
    (void)trace;
    (void)worker;
    (void)role;
    *out = trp_calloc(1, sizeof(**out));
    return *out != NULL ? TROUPE_OK : TROUPE_ENOMEM;
}

void trp_recorder_close(struct trp_recorder **recorder)
{
    trp_free(*recorder);
    *recorder = NULL;
}

void trp_recorder_name(struct trp_recorder *recorder, uint32_t actor, const char *name)
{
    (void)recorder;
    (void)actor;
    (void)name;
}

uint64_t trp_ticks_to_ns(uint64_t ticks)
{
    return ticks;
}
