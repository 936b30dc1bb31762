/* SPDX-License-Identifier: MIT
 * q_future.h - the result of a q call that has not come yet, for threads of a program.
 *
 * A future is pending until one of three things happens to it, once: a result, an
 * exception (a loss is one: TROUPE_ELOST), or that it is cancelled. It is counted by
 * reference and may be used from any number of threads.
 *
 * Its callbacks run once each, in the order they were added, whichever of the three it
 * was, on the thread that ends it: for what a server answers a base's, where they must
 * not block; of a raw connection that which polls for the answer or waits for the future;
 * else that which sets or cancels it. One that is added later runs at once on the thread
 * that adds it, or, while others still run, after them on theirs. They run without locks
 * and may use the future. Who waits for it may go on before they have run. */
#ifndef TROUPE_Q_FUTURE_H
#define TROUPE_Q_FUTURE_H

#include <troupe/message.h>
#include <troupe/q_value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_q_future troupe_q_future;

typedef void (*troupe_q_done)(void *context, troupe_q_future *future);

/* Makes a pending future of the program's own, with one reference.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_future_new(troupe_q_future **out);

/* Adds a reference and returns the future.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API troupe_q_future *troupe_q_future_ref(troupe_q_future *future);

/* Gives one reference back and clears the pointer; NULL inside is allowed. What a pending
 * one waits for goes on.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API void troupe_q_future_unref(troupe_q_future **future);

/* Whether it has a result or an exception or is cancelled; and whether the last.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API bool troupe_q_future_done(troupe_q_future *future);
TROUPE_API bool troupe_q_future_cancelled(troupe_q_future *future);

/* The result, without waiting.
 *
 * out       receives the value, the caller's; untouched unless TROUPE_OK
 * failure   receives why there is none, with a text; may be NULL
 *
 * Returns TROUPE_OK; TROUPE_EAGAIN: it is not ready; TROUPE_ECANCELED; or the status of
 * the exception (TROUPE_EREMOTE: q's error is the text).
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_future_result(
    troupe_q_future *future, troupe_q_value **out, troupe_failure *failure);

/* The exception alone: as troupe_q_future_result without the value; TROUPE_OK: there is a
 * result instead.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API troupe_status troupe_q_future_exception(troupe_q_future *future,
                                                   troupe_failure *failure);

/* Where the error of a call with `debug` came from, lent as long as the future; NULL when
 * there is none.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API troupe_q_value *troupe_q_future_backtrace(troupe_q_future *future);

/* Blocks until it is done, then as troupe_q_future_result.
 *
 * timeout   nanoseconds, 0 to look, or TROUPE_NEVER
 *
 * Returns as troupe_q_future_result (TROUPE_EAGAIN: not done in that time);
 * TROUPE_EINVAL (timeout); TROUPE_EDEADLK on a base or engine thread.
 * Thread: any but base. Source: bindings/q/q_future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_future_wait(troupe_q_future *future,
                                                                troupe_ns timeout,
                                                                troupe_q_value **out,
                                                                troupe_failure *failure);

/* Ends it. The program's own futures end so; others before their answer comes, which is
 * then dropped in its place.
 *
 * value     a reference is taken; NULL: `::`
 * failure   copied; its status is not TROUPE_OK
 * message   part of the text of the exception; NULL: ""
 *
 * Return TROUPE_OK; TROUPE_ESTATE: it was done already, nothing changed; TROUPE_EINVAL;
 * TROUPE_ENOMEM (for `::`).
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API troupe_status troupe_q_future_set_result(troupe_q_future *future,
                                                    troupe_q_value *value);
TROUPE_API troupe_status troupe_q_future_set_exception(troupe_q_future *future,
                                                       const troupe_failure *failure);
TROUPE_API troupe_status troupe_q_future_cancel(troupe_q_future *future,
                                                const char *message);

/* Has a function called once it is done; at once when it is.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (no function) or TROUPE_ENOMEM.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_future_add_done_callback(
    troupe_q_future *future, troupe_q_done callback, void *context);

/* Takes back all that were added with this function and context and have not run.
 *
 * Returns how many.
 * Thread: any. Source: bindings/q/q_future.c */
TROUPE_API size_t troupe_q_future_remove_done_callback(troupe_q_future *future,
                                                       troupe_q_done callback,
                                                       void *context);

#ifdef __cplusplus
}
#endif

#endif
