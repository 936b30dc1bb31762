/* SPDX-License-Identifier: MIT
 * future.h - asking: one request, one answer, always.
 *
 * Every ask is answered exactly once: by the other actor, or by the runtime with a
 * TROUPE_KIND_FAILURE (TROUPE_ETIMEDOUT, TROUPE_EGONE, TROUPE_ECANCELED, TROUPE_EBUSY,
 * TROUPE_ECLOSED). The answer arrives as a message whose tag is the asker's. What comes
 * after that is discarded by identity. */
#ifndef TROUPE_FUTURE_H
#define TROUPE_FUTURE_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_future {
    troupe_id id;
} troupe_future;

/* Sends a request and promises its answer to self.
 *
 * timeout   nanoseconds, > 0, or TROUPE_NEVER
 * tag       what the answer will carry
 * out       receives the future; may be NULL
 *
 * Returns as troupe_tell; TROUPE_EINVAL (timeout); TROUPE_ENOMEM; TROUPE_ELIMIT; or
 * TROUPE_ECYCLE when self is TROUPE_SERIAL and the target waits, through others, for
 * self. On failure the message is still the caller's and nothing will arrive. Thread:
 * base. Source: actors/future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_ask(troupe_self *self, troupe_id to,
                                                      troupe_msg **msg, troupe_ns timeout,
                                                      uint64_t tag, troupe_future *out);

/* The answer will be handled by `handle` in self's turn, in place of `receive`. Set
 * before the handler returns that asked.
 *
 * Returns TROUPE_OK, TROUPE_EGONE (answered already) or TROUPE_EINVAL (not self's).
 * Thread: base. Source: actors/future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_future_then(troupe_self *self,
                                                              troupe_future future,
                                                              troupe_receive handle);

/* Gives up: self receives a TROUPE_ECANCELED failure; a request still queued is dropped.
 *
 * Returns TROUPE_OK, TROUPE_EGONE (answered already) or TROUPE_EINVAL (not self's).
 * Thread: base. Source: actors/future.c */
TROUPE_API troupe_status troupe_future_cancel(troupe_self *self, troupe_future future);

/* Limits the time of a future that has none, or changes its limit.
 *
 * Returns TROUPE_OK, TROUPE_EGONE, TROUPE_EINVAL, TROUPE_ENOMEM or TROUPE_ELIMIT.
 * Thread: base. Source: actors/future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_future_limit(troupe_self *self,
                                                               troupe_future future,
                                                               troupe_ns timeout);

/* Body of TROUPE_KIND_RESULTS: one answer or failure each, in the order of the futures. A
 * handler may take messages out (set the pointer to NULL); the rest is freed. */
typedef struct troupe_results {
    size_t count;
    troupe_msg **items;
} troupe_results;

/* Joins futures of self into one. The parts no longer answer self.
 *
 * all    every answer, failures included, as TROUPE_KIND_RESULTS
 * any    the first answer that is not a failure; when all failed, the last failure
 * race   the first answer or failure
 * Losers of any and race are cancelled.
 *
 * parts, count   1 to TROUPE_JOIN_MAX futures, each self's and unanswered
 * timeout        for the whole, or TROUPE_NEVER
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_EGONE (a part is answered: nothing was
 * joined), TROUPE_ENOMEM or TROUPE_ELIMIT. Thread: base. Source: actors/join.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_all(troupe_self *self,
                                                      const troupe_future *parts,
                                                      size_t count, troupe_ns timeout,
                                                      uint64_t tag, troupe_future *out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_any(troupe_self *self,
                                                      const troupe_future *parts,
                                                      size_t count, troupe_ns timeout,
                                                      uint64_t tag, troupe_future *out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_race(troupe_self *self,
                                                       const troupe_future *parts,
                                                       size_t count, troupe_ns timeout,
                                                       uint64_t tag, troupe_future *out);

enum { TROUPE_JOIN_MAX = 65536 };

/* ---- foreign threads ------------------------------------------------------------- */

/* A future held by a thread that is not a base. */
typedef struct troupe_pending troupe_pending;

/* Posts a request from a foreign thread.
 *
 * timeout   of the whole call, nanoseconds > 0, or TROUPE_NEVER
 * out       receives what to wait on; end it with troupe_pending_free
 *
 * Returns TROUPE_OK, TROUPE_EBUSY (the door is full), TROUPE_ECLOSED, TROUPE_EINVAL or
 * TROUPE_ENOMEM; then the message is still the caller's. A dead target shows as a
 * failure. Thread: any but base. Source: actors/await.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_post_ask(troupe_system *sys,
                                                           troupe_id to, troupe_msg **msg,
                                                           troupe_ns timeout,
                                                           troupe_pending **out);

/* Blocks until the answer or until `timeout` passed.
 *
 * timeout  nanoseconds, 0 to poll, TROUPE_NEVER
 * out      on TROUPE_OK the answer, the caller's; it may be a failure message
 *
 * Returns TROUPE_OK; TROUPE_ETIMEDOUT (wait again if you like); TROUPE_EGONE (taken
 * already); TROUPE_EDEADLK on a base or engine thread, which would wait for itself.
 * Thread: any but base. Source: actors/await.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_pending_wait(troupe_pending *pending,
                                                               troupe_ns timeout,
                                                               troupe_msg **out);

/* Gives up: an answer that has not come is discarded when it does; a request still queued
 * is dropped. A later wait gets a TROUPE_ECANCELED failure.
 * Thread: any. Source: actors/await.c */
TROUPE_API void troupe_pending_cancel(troupe_pending *pending);

/* Ends it, cancelling when unanswered, and clears the pointer.
 * Thread: any. Source: actors/await.c */
TROUPE_API void troupe_pending_free(troupe_pending **pending);

/* Post, wait and free in one. A failure comes as its status, its text in `failure` when
 * that is not NULL.
 *
 * Returns as troupe_post_ask, TROUPE_EDEADLK, or the failure's status.
 * Thread: any but base. Source: actors/await.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_call(troupe_system *sys, troupe_id to,
                                                       troupe_msg **msg,
                                                       troupe_ns timeout,
                                                       troupe_msg **out,
                                                       troupe_failure *failure);

#ifdef __cplusplus
}
#endif

#endif
