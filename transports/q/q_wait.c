/* SPDX-License-Identifier: MIT
 * q_wait.c - how q code's thread waits for an actor. */
#include "transports/q/q_wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "mailbox/alloc.h"

enum { SECOND_NS = 1000000000 };

struct trp_q_wait {
    atomic_uint holders;
    atomic_bool given_up;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool settled;
    struct trp_q_outcome outcome;
};

troupe_status trp_q_wait_new(struct trp_q_wait **out)
{
    struct trp_q_wait *wait = trp_calloc(1, sizeof(*wait));
    pthread_condattr_t monotonic;

    if (wait == NULL) {
        return TROUPE_ENOMEM;
    }
    atomic_init(&wait->holders, 1);
    atomic_init(&wait->given_up, false);
    (void)pthread_mutex_init(&wait->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&wait->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *out = wait;
    return TROUPE_OK;
}

struct trp_q_wait *trp_q_wait_ref(struct trp_q_wait *wait)
{
    (void)atomic_fetch_add_explicit(&wait->holders, 1, memory_order_relaxed);
    return wait;
}

void trp_q_wait_unref(struct trp_q_wait **wait)
{
    struct trp_q_wait *old = *wait;

    *wait = NULL;
    if (old == NULL ||
        atomic_fetch_sub_explicit(&old->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    troupe_q_unref(&old->outcome.value);
    (void)pthread_cond_destroy(&old->changed);
    (void)pthread_mutex_destroy(&old->lock);
    trp_free(old);
}

void trp_q_wait_settle(struct trp_q_wait **wait, troupe_status status, int64_t number,
                       troupe_q_value **value)
{
    struct trp_q_wait *it = *wait;
    troupe_q_value *moved = value != NULL ? *value : NULL;

    if (value != NULL) {
        *value = NULL;
    }
    if (it != NULL) {
        (void)pthread_mutex_lock(&it->lock);
        if (!it->settled) {
            it->settled = true;
            it->outcome = (struct trp_q_outcome){status, number, moved};
            moved = NULL;
            (void)pthread_cond_signal(&it->changed);
        }
        (void)pthread_mutex_unlock(&it->lock);
        trp_q_wait_unref(wait);
    }
    troupe_q_unref(&moved);
}

troupe_status trp_q_wait_for(struct trp_q_wait *wait, troupe_ns span,
                             struct trp_q_outcome *out)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(span / SECOND_NS);
    until.tv_nsec += (long)(span % SECOND_NS);
    if (until.tv_nsec >= SECOND_NS) {
        until.tv_sec++;
        until.tv_nsec -= SECOND_NS;
    }
    (void)pthread_mutex_lock(&wait->lock);
    int failed = 0;
    while (!wait->settled && failed == 0) {
        failed = pthread_cond_timedwait(&wait->changed, &wait->lock, &until);
    }
    bool settled = wait->settled;
    if (settled) {
        *out = wait->outcome;
        wait->outcome.value = NULL;
    }
    (void)pthread_mutex_unlock(&wait->lock);
    return settled ? TROUPE_OK : TROUPE_EAGAIN;
}

void trp_q_wait_give_up(struct trp_q_wait *wait)
{
    atomic_store(&wait->given_up, true);
}

bool trp_q_wait_given_up(struct trp_q_wait *wait)
{
    return atomic_load(&wait->given_up);
}

static void drop_order(void *body)
{
    struct trp_q_order *order = body;

    trp_q_wait_settle(&order->wait, TROUPE_ECLOSED, 0, NULL);
    troupe_q_unref(&order->value);
    if (order->drop != NULL) {
        order->drop(order->more);
    }
    trp_free(order);
}

troupe_status trp_q_order_msg(troupe_kind kind, struct trp_q_order *order,
                              troupe_msg **out)
{
    struct trp_q_order *copy = trp_alloc(sizeof(*copy));

    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    *copy = *order;
    troupe_status status =
        troupe_msg_new_owned(kind, copy, sizeof(*copy), drop_order, out);
    if (status != TROUPE_OK) {
        trp_free(copy);
        return status;
    }
    (void)trp_q_wait_ref(order->wait);
    order->value = NULL;
    order->more = NULL;
    return TROUPE_OK;
}
