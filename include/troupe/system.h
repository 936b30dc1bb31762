/* SPDX-License-Identifier: MIT
 * system.h - the machine: made, stepped or run, and shut down. */
#ifndef TROUPE_SYSTEM_H
#define TROUPE_SYSTEM_H

#include <troupe/actor.h>
#include <troupe/log.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

typedef struct troupe_options {
    size_t size;      /* sizeof(troupe_options) */
    const char *name; /* of the program, for logs and traces; NULL: "troupe" */
    uint32_t bases;   /* 1 to TROUPE_BASES_MAX; 0: 1 */
    bool simulated; /* no loop, no threads, no clock: only troupe_system_step moves it */
    uint64_t seed;  /* order of ready actors and troupe_random; 0: as they come */
    struct event_base
        *event_base;        /* run base 1 on the caller's own loop; NULL: make one */
    uint32_t mailbox_limit; /* messages; 0: 1024 */
    uint32_t batch;         /* messages a turn; 0: 64 */
    troupe_ns pass;         /* time for actors before descriptors; 0: 500 us */
    uint32_t gate_limit;    /* messages waiting at each door; 0: 65536 */
    uint32_t actors_max;    /* actors and futures a base; 0: 4 Mi */
    uint32_t timers_max;    /* a base; 0: 4 Mi */
    troupe_ns spin; /* a base looks this long for mail before it sleeps; 0: only as long
                       as that saves wake-ups (60 us at most); TROUPE_NO_SPIN: never */
    const char *trace; /* as $TROUPE_TRACE, which it overrides; NULL: that */
} troupe_options;

#define TROUPE_OPTIONS ((troupe_options){.size = sizeof(troupe_options)})

enum { TROUPE_BASES_MAX = 64 };

#define TROUPE_NO_SPIN ((troupe_ns)-1)

/* Makes a system. Nothing runs until it is stepped, run or started.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM or TROUPE_ESYSTEM.
 * Thread: any. Source: actors/system.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_system_new(const troupe_options *options, troupe_system **out);

/* Ends a system that does not run: actors are stopped with TROUPE_ECLOSED, mail is
 * dropped and counted. Clears the pointer; NULL inside is allowed. Thread: any but base.
 * Source: actors/system.c */
TROUPE_API void troupe_system_free(troupe_system **sys);

/* One step of a simulated system: admits what other threads posted, fires the timers due
 * at `now`, delivers until nothing is ready (or `pass` worth of turns is done).
 *
 * now   the simulated clock; never smaller than before
 *
 * Returns when it wants to be stepped again: `now` when there is more to do, a later time
 * for the next timer, TROUPE_NEVER when only a message from outside can wake it.
 * Thread: one at a time. Source: actors/system.c */
TROUPE_API troupe_ns troupe_system_step(troupe_system *sys, troupe_ns now);

/* Runs base 1 on this thread, others and engines on theirs, until shutdown has finished.
 *
 * Returns TROUPE_OK, TROUPE_ESTATE (simulated, or running) or TROUPE_ESYSTEM.
 * Thread: any but base. Source: actors/base.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_system_run(troupe_system *sys);

/* The same on threads of its own; returns when they run. troupe_system_join waits for
 * their end and frees nothing.
 *
 * Returns as troupe_system_run.
 * Thread: any but base. Source: actors/base.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_system_start(troupe_system *sys);
TROUPE_API troupe_status troupe_system_join(troupe_system *sys);

/* Begins the end: posts from outside are refused with TROUPE_ECLOSED; actors spawned from
 * outside are stopped one after the other, the youngest first, each after the mail it
 * has; then all that are left; then engines. What is alive at the deadline is killed and
 * its mail dropped and counted. Idempotent; an earlier deadline wins. Returns at once.
 *
 * within   nanoseconds from now, >= 0
 * Thread: any. Source: actors/shutdown.c */
TROUPE_API void troupe_system_shutdown(troupe_system *sys, troupe_ns within);

/* Spawns from outside. `start` has run when it returns.
 *
 * args     borrowed for the call
 * Returns as troupe_spawn.
 * Thread: any but base. Source: actors/system.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_system_spawn(troupe_system *sys, const troupe_behavior *behavior, const void *args,
                    const troupe_spawn_options *options, troupe_id *out);

/* Puts a message into an actor's mailbox from any thread; its sender is nobody.
 *
 * Returns TROUPE_OK: accepted, it will be delivered or counted as dropped; TROUPE_EBUSY:
 * the door is full; TROUPE_ECLOSED: shutting down; TROUPE_EINVAL. Unless OK the message
 * is still the caller's. Thread: any. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_post(troupe_system *sys, troupe_id to,
                                                       troupe_msg **msg);

/* Stop and kill from outside.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ECLOSED. A dead target is no error.
 * Thread: any. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_system_stop_actor(troupe_system *sys,
                                                                    troupe_id id);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_system_kill_actor(troupe_system *sys,
                                                                    troupe_id id);

/* Where all messages went. Accepted = delivered + dropped + queued, always. */
typedef struct troupe_stats {
    uint64_t accepted;  /* put into a mailbox or past a door */
    uint64_t delivered; /* given to a handler, or to a future */
    uint64_t dropped;   /* by any reason of troupe_drop */
    uint64_t queued;    /* waiting now */
    uint64_t refused;   /* answered TROUPE_EBUSY or TROUPE_EGONE; never accepted */
    uint64_t spawned, ended;
    uint64_t timers_fired;
    uint32_t actors; /* alive, futures included */
} troupe_stats;

/* Sums the counters of all bases. Exact when no base runs, else a close look.
 * Thread: any. Source: actors/system.c */
TROUPE_API void troupe_system_stats(troupe_system *sys, troupe_stats *out);

#ifdef __cplusplus
}
#endif

#endif
