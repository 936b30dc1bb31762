/* SPDX-License-Identifier: MIT
 * engine.h - the embedded-execution actor: one engine, one thread, one call at a time.
 *
 * The engine actor has an id like every other. Ask it (or troupe_call it from a foreign
 * thread): the request message goes to `execute`, what that answers comes back. */
#ifndef TROUPE_ENGINE_H
#define TROUPE_ENGINE_H

#include <troupe/future.h>
#include <troupe/system.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TROUPE_ENGINE_VERSION = 1,
    TROUPE_ENGINE_CAN_INTERRUPT = 1u << 0, /* a running call can be interrupted */
    TROUPE_ENGINE_SINGLETON = 1u << 1      /* at most one in a process */
};

typedef struct troupe_engine_ops {
    uint32_t version;      /* TROUPE_ENGINE_VERSION */
    uint32_t capabilities; /* TROUPE_ENGINE_... */
    const char *name;

    /* Opens the engine, on the thread where all but interrupt will be called. */
    troupe_status (*open)(troupe_self *self, const void *config, void **engine);

    /* Answers one request. *answer may stay NULL: the caller gets TROUPE_KIND_DONE. A
     * status other than TROUPE_OK becomes a failure message (or set *answer to a failure
     * with a text, and return its status); the engine goes on. TROUPE_EAGAIN: answered
     * later by troupe_reply_to(self, troupe_msg_from(*request), ...). It may leave
     * *request or take it. `self` is the engine actor: execute may tell, ask and publish.
     */
    troupe_status (*execute)(troupe_self *self, void *engine, troupe_msg **request,
                             troupe_msg **answer);

    /* Asks a running execute to return soon with TROUPE_ECANCELED. Called from other
     * threads, only while execute runs (it may just begin, or have just done its work),
     * and perhaps several times; NULL when the engine cannot. */
    void (*interrupt)(void *engine);

    void (*close)(troupe_self *self, void *engine);

    /* No call waits now; also called before close. For an engine that holds answers back
     * (TROUPE_EAGAIN) to finish several calls in one go. NULL: not needed. */
    void (*settle)(troupe_self *self, void *engine);
} troupe_engine_ops;

typedef struct troupe_engine_options {
    size_t size;          /* sizeof(troupe_engine_options) */
    const char *name;     /* registered; NULL: the ops' name */
    const void *config;   /* given to open, borrowed until troupe_engine_open returns */
    uint32_t queue_limit; /* calls waiting; 0: 16384 */
    troupe_ns spin;       /* as troupe_options.spin, for calls */
    troupe_ns call_limit; /* interrupt a call that runs longer; 0: never */
    size_t stack_size;    /* bytes of the thread's stack; 0: 16 MiB */
} troupe_engine_options;

#define TROUPE_ENGINE_OPTIONS                                                            \
    ((troupe_engine_options){.size = sizeof(troupe_engine_options)})

/* Starts the engine thread (in a simulated system: none, calls run in step) and opens the
 * engine; it is open when this returns.
 *
 * out   receives the engine actor's id
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (ops, version), TROUPE_EEXIST (name, or a second
 * singleton), TROUPE_ENOMEM, TROUPE_ELIMIT (engines), TROUPE_ESYSTEM (thread),
 * TROUPE_ECLOSED, TROUPE_EDEADLK (on a base) or what open returned.
 * Thread: any but base. Source: actors/engine.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_engine_open(troupe_system *sys, const troupe_engine_ops *ops,
                   const troupe_engine_options *options, troupe_id *out);

/* Ends an engine: new calls are refused with TROUPE_ECLOSED, queued ones run until the
 * deadline, what is left then is answered TROUPE_ECANCELED and the running call is
 * interrupted. Idempotent; never hangs: a call that cannot be interrupted keeps its
 * thread and is answered TROUPE_ETIMEDOUT. System shutdown does this by itself. When the
 * system is freed while a call does not return, its thread keeps what it needs and frees
 * that when the call returns, if ever.
 *
 * within   nanoseconds, >= 0
 *
 * Returns TROUPE_OK: closed and joined; TROUPE_ETIMEDOUT: the thread is still in a call;
 * TROUPE_EGONE; TROUPE_EDEADLK (on a base or engine thread: stop it by troupe_stop).
 * Thread: any but base. Source: actors/engine.c */
TROUPE_API troupe_status troupe_engine_close(troupe_system *sys, troupe_id engine,
                                             troupe_ns within);

/* Whether the call that runs shall return soon, with TROUPE_ECANCELED: it was
 * interrupted, its asker gave up, or its limit has passed. For an execute that looks now
 * and then, with or without an `interrupt` of its own; no interrupt is missed or left
 * over. Thread: engine. Source: actors/engine_call.c */
TROUPE_API bool troupe_engine_interrupted(const troupe_self *self);

/* Interrupts the call that runs now, if any.
 *
 * Returns TROUPE_OK, TROUPE_EUNSUPPORTED or TROUPE_EGONE.
 * Thread: any. Source: actors/engine.c */
TROUPE_API troupe_status troupe_engine_interrupt(troupe_system *sys, troupe_id engine);

/* Time calls spent waiting and running, in nanoseconds. */
typedef struct troupe_engine_stats {
    uint64_t calls, failed, cancelled, refused;
    uint32_t queued, queued_max;
    troupe_ns wait_total, wait_max, run_total, run_max;
    /* Powers of two: bucket i counts calls of [2^i, 2^(i+1)) ns. */
    uint64_t wait_histogram[48], run_histogram[48];
} troupe_engine_stats;

/* Returns TROUPE_OK or TROUPE_EGONE.
 * Thread: any. Source: actors/engine.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_engine_stats_read(troupe_system *sys, troupe_id engine, troupe_engine_stats *out);

/* An engine that answers every request with an empty DONE; for benchmarks.
 * Source: actors/engine_null.c */
TROUPE_API extern const troupe_engine_ops troupe_engine_null;

#ifdef __cplusplus
}
#endif

#endif
