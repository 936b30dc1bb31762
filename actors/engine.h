/* SPDX-License-Identifier: MIT
 * engine.h - what the files of the embedded-execution actor share.
 *
 *   OPENING --> RUNNING --stop, close--> DRAINING --its deadline--> CANCELLING
 *                                           \------ queue empty ------/
 *                                                      v
 *                                                   STOPPED --reopened--> OPENING
 *
 * engine.c opens and closes, engine_call.c runs calls, engine_thread.c parks and ends. */
#ifndef TRP_ACTORS_ENGINE_H
#define TRP_ACTORS_ENGINE_H

#include <stdalign.h>

#include <troupe/engine.h>

#include "actors/runtime.h"

enum trp_engine_phase {
    TRP_ENGINE_OPENING,
    TRP_ENGINE_RUNNING,
    TRP_ENGINE_DRAINING,   /* new calls are refused, those in the queue run */
    TRP_ENGINE_CANCELLING, /* those in the queue are answered, not run */
    TRP_ENGINE_STOPPED
};

enum {
    TRP_ENGINE_HISTOGRAM = 48,
    TRP_ENGINE_DEPTH = 16, /* calls inside calls */
    TRP_WAIT_SHIFT = 8,    /* `enqueued` of a counted message is in 256 ns */
    TRP_ENGINE_TOLD = 1    /* in `running`: a call without an asker */
};

#define TRP_ENGINE_LONG_CALL TROUPE_US(20) /* its answer does not wait for the pass */

struct trp_times {
    trp_tally total, max, histogram[TRP_ENGINE_HISTOGRAM];
};

struct trp_engine {
    struct trp_base *base;
    const troupe_engine_ops *ops;
    const void *config; /* the opener's; NULL when open has returned */
    const char *name;   /* the same */
    void *opened;       /* what ops->open gave */
    bool is_open;
    bool over;     /* the engine actor has ended */
    bool threaded; /* else simulated: calls run in step */
    bool singleton;
    uint32_t depth; /* calls inside the running one */
    uint32_t queue_limit;
    troupe_ns spin, call_limit;
    troupe_ns last; /* when the last call of this pass ended; 0: none has */
    troupe_ns took; /* by the last call */
    bool too_long;  /* its limit had passed */
    troupe_behavior behavior;

    /* The engine's thread writes with every call, others seldom look. */
    alignas(64) atomic_uint_fast64_t finished; /* calls that left the queue */
    atomic_uint_fast64_t running; /* who asked for the call that runs; 0: none runs */
    _Atomic troupe_ns began;      /* when it began, while there is a call limit; or 0 */
    struct trp_times wait, run;
    trp_tally calls, failed, cancelled, queued_max;

    /* Callers write with every call, the engine's thread seldom looks. */
    alignas(64) atomic_uint_fast64_t admitted; /* calls that entered the queue */
    atomic_uint_fast64_t finished_seen;        /* when the queue last seemed full */
    trp_tally refused;
    _Atomic(uint64_t) actor;
    atomic_int phase;

    /* Seldom written by anybody. */
    alignas(64)
        atomic_uint interrupting; /* threads that look at `running` to interrupt it */
    atomic_bool interrupted;      /* the running call shall return */
    atomic_bool limit_passed;     /* because its limit has passed */
    atomic_bool look;             /* the phase has changed: do not sleep */

    /* Under the lock. */
    alignas(64) pthread_mutex_t lock;
    pthread_cond_t woken_up; /* the engine's thread waits for `woken` */
    pthread_cond_t changed;  /* others wait for the rest */
    pthread_t thread;
    bool woken;
    bool opening_done;
    troupe_status open_status;
    bool ended;    /* the thread has left its base; who wakes it sweeps its door */
    bool sweeping; /* somebody does */
    bool joining, joined;
    bool left;      /* the thread will touch nothing any more */
    bool abandoned; /* it holds the system */
};

static inline enum trp_engine_phase trp_engine_phase(const struct trp_engine *engine)
{
    return (enum trp_engine_phase)atomic_load_explicit(&engine->phase,
                                                       memory_order_seq_cst);
}

static inline troupe_ns trp_engine_clock(const struct trp_engine *engine)
{
    return engine->threaded ? trp_clock() : engine->base->now;
}

/* engine_call.c */
extern const troupe_behavior trp_engine_behavior;
/* Interrupts the running call, or only that of `asker`; false: the engine cannot. */
bool trp_engine_interrupt_call(struct trp_engine *engine, uint64_t asker);
/* Interrupts the running call if it began at `limit` or before. */
void trp_engine_interrupt_late(struct trp_engine *engine, troupe_ns limit);
void trp_engine_read_stats(struct trp_engine *engine, troupe_engine_stats *out);
void trp_engine_reset_stats(struct trp_engine *engine);

/* engine_thread.c */
troupe_status trp_engine_start_thread(struct trp_engine *engine, size_t stack_size);
troupe_status trp_engine_spawn(struct trp_engine *engine);
/* Makes the engine's thread look at its phase. */
void trp_engine_nudge(struct trp_engine *engine);
/* Waits until the thread of the engine actor `id` has ended and is joined (or serves
 * another by now); false: it has not until `deadline`. */
bool trp_engine_join(struct trp_engine *engine, uint64_t id, troupe_ns deadline);
/* The actor has ended or the system is finished: ends what is left on the base. */
void trp_engine_retire(struct trp_engine *engine);

/* engine_watchdog.c */
troupe_status trp_engine_watch(struct trp_engine *engine);

/* engine.c */
void trp_engine_singleton_gone(struct trp_engine *engine);

#endif
