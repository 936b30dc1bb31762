/* SPDX-License-Identifier: MIT
 * errand.h - what an actor has done on a helper thread, because it takes too long for a
 * base: to ask the resolver, to hash a password.
 *
 * Helpers are few, start with the first errand and end when none is left. An errand
 * outlives its asker if it must: forgetting it only makes the answer go nowhere. */
#ifndef TRP_TRANSPORTS_ERRAND_H
#define TRP_TRANSPORTS_ERRAND_H

#include <pthread.h>

#include <troupe/system.h>

/* The first member of what the errand is about. */
struct trp_errand {
    struct trp_errand *next; /* in the queue */
    struct trp_errands *queue;
    pthread_mutex_t lock;  /* of system and holders */
    troupe_system *system; /* NULL: nobody wants the answer */
    unsigned holders;      /* the asker, the helper */
    troupe_id asker;
};

/* One sort of errands of the process; initialise with TRP_ERRANDS. */
struct trp_errands {
    pthread_mutex_t lock; /* of first to waiting */
    struct trp_errand *first, *newest;
    unsigned threads, waiting;
    unsigned threads_max, waiting_max;
    /* The answer, made on the helper; NULL: no memory. The asker's deadline serves. */
    troupe_msg *(*run)(struct trp_errand *errand);
    void (*destroy)(struct trp_errand *errand);
};

#define TRP_ERRANDS(threads_most, waiting_most, run_it, destroy_it)                      \
    {                                                                                    \
        .lock = PTHREAD_MUTEX_INITIALIZER, .threads_max = (threads_most),                \
        .waiting_max = (waiting_most), .run = (run_it), .destroy = (destroy_it)          \
    }

/* Puts it in the queue; the answer is posted to the asker.
 *
 * Returns TROUPE_OK, TROUPE_EBUSY (waiting_max) or TROUPE_ESYSTEM (no thread); unless
 * TROUPE_OK the errand is still the caller's to free. Thread: any. */
TROUPE_MUST_CHECK troupe_status trp_errand_begin(struct trp_errands *queue,
                                                 struct trp_errand *errand,
                                                 troupe_system *sys, troupe_id asker);

/* Must be called by the asker, at the latest when it ends. Thread: the asker's. */
void trp_errand_forget(struct trp_errand *errand);

#endif
