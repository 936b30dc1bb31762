/* SPDX-License-Identifier: MIT
 * q_wait.h - how q code's thread waits for an actor: one order, settled exactly once.
 *
 * The waiting thread and the order's message hold it together. A message that is dropped
 * settles it, so nobody waits for an actor that is gone. */
#ifndef TRP_TRANSPORTS_Q_WAIT_H
#define TRP_TRANSPORTS_Q_WAIT_H

#include <troupe/message.h>
#include <troupe/q_value.h>

struct trp_q_wait;

/* What came of it. */
struct trp_q_outcome {
    troupe_status status;
    int64_t number;        /* a handle or a port */
    troupe_q_value *value; /* moved to who waits; an error value is an error */
};

/* Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_q_wait_new(struct trp_q_wait **out);
struct trp_q_wait *trp_q_wait_ref(struct trp_q_wait *wait);
void trp_q_wait_unref(struct trp_q_wait **wait);

/* Settles it, unless it is, and gives the reference back; NULL inside is allowed.
 *
 * value   moved in any case; may be NULL */
void trp_q_wait_settle(struct trp_q_wait **wait, troupe_status status, int64_t number,
                       troupe_q_value **value);

/* Blocks for at most `span` nanoseconds.
 *
 * Returns TROUPE_OK (settled: the outcome is the caller's) or TROUPE_EAGAIN. */
TROUPE_MUST_CHECK troupe_status trp_q_wait_for(struct trp_q_wait *wait, troupe_ns span,
                                               struct trp_q_outcome *out);

/* Nobody waits any more. */
void trp_q_wait_give_up(struct trp_q_wait *wait);
bool trp_q_wait_given_up(struct trp_q_wait *wait);

/* A message that carries a wait and perhaps more; dropped, it settles the wait with
 * TROUPE_ECLOSED. */
struct trp_q_order {
    struct trp_q_wait *wait;
    troupe_q_value *value;
    void *more; /* freed by `drop` */
    void (*drop)(void *more);
};

/* *wait gains a reference; *order's parts are moved on TROUPE_OK.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_q_order_msg(troupe_kind kind,
                                                struct trp_q_order *order,
                                                troupe_msg **out);

#endif
