/* SPDX-License-Identifier: MIT
 * q_future.h - what connections do with the futures they give out. */
#ifndef TRP_BINDINGS_Q_FUTURE_H
#define TRP_BINDINGS_Q_FUTURE_H

#include <stdarg.h>

#include <troupe/q_future.h>

/* What a future belongs to. Called without locks. */
struct trp_q_future_ops {
    /* Does what may end the future; who waits calls it again until it is done.
     * TROUPE_EAGAIN: nothing to do before `deadline` (monotonic clock). NULL: it ends by
     * itself. */
    troupe_status (*drive)(void *context, troupe_q_future *future, troupe_ns deadline);
    void (*cancelled)(void *context, troupe_q_future *future); /* or NULL */
    void (*release)(void *context);                            /* the future is gone */
};

/* The future takes over the caller's hold on `context` when TROUPE_OK is returned. */
TROUPE_MUST_CHECK troupe_status trp_q_future_new(const struct trp_q_future_ops *ops,
                                                 void *context, troupe_q_future **out);

/* For the owner's own use, on its base's thread only. */
void trp_q_future_set_call(troupe_q_future *future, void *call);
void *trp_q_future_call(const troupe_q_future *future);

/* Done by a failure of this status and text; nothing when done already. */
void trp_q_future_fail(troupe_q_future *future, troupe_status status, const char *text);

/* Before the end of a future: where its error came from; a reference is taken. */
void trp_q_future_set_backtrace(troupe_q_future *future, troupe_q_value *backtrace);

/* Fills in a failure, when there is one to fill in; returns the status. */
troupe_status trp_q_failed(troupe_failure *failure, troupe_status status,
                           const char *format, ...) TROUPE_PRINTF(3, 4);

#endif
