/* SPDX-License-Identifier: MIT
 * trace_state.h - what a trace is made of; for the files that are the recorder. */
#ifndef TRP_ACTORS_TRACE_STATE_H
#define TRP_ACTORS_TRACE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "actors/recorder.h"
#include "actors/trace_memory.h"

enum { TRP_ACTORS_FILES = 4 }; /* actors.W.0 to 3: all 16 Mi slots an id can name */

#define TRP_CHUNK_BYTES (sizeof(troupe_trace_slot) * TROUPE_TRACE_CHUNK)
#define TRP_FILE_BYTES  (TRP_CHUNK_BYTES * TROUPE_TRACE_CHUNKS_FILE)

struct trp_trace_worker {
    uint8_t *ring; /* fast, then slow; kept after the recorder has gone */
    uint8_t *actors[TRP_ACTORS_FILES];
    troupe_trace_slot **loose; /* chunks in private memory */
    uint32_t chunks;
    uint32_t fast_index, slow_index; /* where its next recorder goes on */
    uint64_t fast_sequence, slow_sequence;
};

struct trp_trace {
    struct trp_trace *next; /* of the process */
    struct trp_memory *memory;
    troupe_trace_info *info;
    troupe_trace_name *names;
    pthread_mutex_t lock; /* names, workers, recorders */
    atomic_flag pairing;  /* somebody writes the latest clock pair */
    struct trp_recorder *recorders;
    struct trp_trace_worker workers[TROUPE_TRACE_WORKERS];
};

/* Held while recorders come and go, and over a fork; taken before trace->lock. */
extern pthread_mutex_t trp_traces_lock;

#endif
