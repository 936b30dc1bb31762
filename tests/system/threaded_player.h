/* SPDX-License-Identifier: MIT
 * threaded_player.h - an engine on its thread that does what a test asks of it, and what
 * a foreign thread needs to call it. */
#ifndef TRP_TESTS_THREADED_PLAYER_H
#define TRP_TESTS_THREADED_PLAYER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include <troupe/engine.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

enum {
    CALL_COUNT = TROUPE_KIND_USER + 1, /* checks that one caller's calls come in order */
    CALL_SPIN,                         /* runs until interrupted */
    CALL_BLOCK,                        /* runs until the test posts `release` */
    CALL_ECHO,
    CALL_POLL, /* runs until it hears that it shall stop */
    KIND_GO,

    CALLERS = 20
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { CALLS = 200, QUEUED = 2000 };
#else
enum { CALLS = 1000, QUEUED = 10000 };
#endif

struct played {
    uint64_t next[CALLERS];
    unsigned wrong; /* calls that came out of order */
    unsigned inside, inside_max;
    uint64_t calls;
    atomic_bool stop;
    sem_t running, release;
    pthread_t thread;
};

extern struct played played;

extern troupe_system *sys;
extern troupe_id engine;
extern const troupe_engine_ops player, stubborn; /* stubborn cannot be interrupted */

void begin_with(const troupe_engine_options *options);
void begin(void);
void end(void);

troupe_status call(troupe_kind kind, uint64_t tag, troupe_ns timeout);
troupe_pending *post_ask(troupe_kind kind, troupe_ns timeout);
/* What it was answered with; frees it. */
troupe_status outcome(troupe_pending **pending);
/* Until a call that says so runs. */
void wait_until_it_runs(void);

#endif
