/* SPDX-License-Identifier: MIT
 * q_link.c - what a bridge and the threads that hold a connection share. */
#include "bindings/q/q_bridge.h"

#include <string.h>
#include <time.h>

#include "mailbox/alloc.h"

/* ---- queues ---- */

void trp_q_queue_put(struct trp_q_queue *queue, struct trp_q_call *call)
{
    call->next = NULL;
    call->previous = queue->last;
    if (queue->last != NULL) {
        queue->last->next = call;
    } else {
        queue->first = call;
    }
    queue->last = call;
    queue->count++;
}

void trp_q_queue_remove(struct trp_q_queue *queue, struct trp_q_call *call)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        queue->first = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    } else {
        queue->last = call->previous;
    }
    call->next = call->previous = NULL;
    queue->count--;
}

struct trp_q_call *trp_q_queue_take(struct trp_q_queue *queue)
{
    struct trp_q_call *call = queue->first;

    if (call != NULL) {
        trp_q_queue_remove(queue, call);
    }
    return call;
}

void trp_q_queue_fail(struct trp_q_queue *queue, troupe_status status, const char *text)
{
    for (struct trp_q_call *call; (call = trp_q_queue_take(queue)) != NULL;) {
        trp_q_call_fail(&call, status, text);
    }
}

/* ---- calls ---- */

void trp_q_call_free(struct trp_q_call **call)
{
    struct trp_q_call *old = *call;

    *call = NULL;
    if (old != NULL) {
        troupe_q_future_unref(&old->future);
        troupe_q_unref(&old->query);
        troupe_msg_free(&old->msg);
        trp_free(old);
    }
}

void trp_q_call_fail(struct trp_q_call **call, troupe_status status, const char *text)
{
    if ((*call)->future != NULL) {
        trp_q_future_fail((*call)->future, status, text);
    }
    trp_q_call_free(call);
}

void trp_q_debug_unwrap(troupe_q_value **value, troupe_q_value **backtrace)
{
    const troupe_q_value *flag = troupe_q_part(*value, 0);
    int64_t failed = 0;

    if (troupe_q_type(*value) != TROUPE_Q_LIST || flag == NULL ||
        troupe_q_get_long(flag, 0, &failed) != TROUPE_OK) {
        return; /* a server that answers something else */
    }
    troupe_q_value *part = troupe_q_part(*value, failed != 0 ? 2 : 1);
    troupe_q_value *result = NULL;
    size_t size = 0;
    if (part == NULL) {
        return;
    }
    if (failed == 0) {
        result = troupe_q_ref(part);
    } else {
        const char *text = troupe_q_text(part, &size);
        if (text == NULL || troupe_q_error(text, size, &result) != TROUPE_OK) {
            return;
        }
        if (backtrace != NULL) {
            *backtrace = troupe_q_ref(troupe_q_part(*value, 1));
        }
    }
    troupe_q_unref(value);
    *value = result;
}

static void end_by_value(struct trp_q_call *call)
{
    troupe_q_value *value = troupe_q_take(call->msg), *backtrace = NULL;
    char text[TROUPE_FAILURE_TEXT];
    size_t size = 0;

    if (value != NULL && call->debug) {
        trp_q_debug_unwrap(&value, &backtrace);
        if (backtrace != NULL) {
            trp_q_future_set_backtrace(call->future, backtrace);
        }
    }
    if (value != NULL && troupe_q_type(value) == TROUPE_Q_ERROR) {
        const char *error = troupe_q_text(value, &size);
        size = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
        memcpy(text, error, size);
        text[size] = 0;
        trp_q_future_fail(call->future, TROUPE_EREMOTE, text);
    } else if (troupe_q_future_set_result(call->future, value) == TROUPE_ENOMEM) {
        trp_q_future_fail(call->future, TROUPE_ENOMEM, troupe_status_text(TROUPE_ENOMEM));
    }
    troupe_q_unref(&backtrace);
    troupe_q_unref(&value);
}

void trp_q_call_end(struct trp_q_call **call)
{
    troupe_msg *msg = (*call)->msg;
    const troupe_failure *failure = msg != NULL ? troupe_msg_failure(msg) : NULL;

    if ((*call)->future == NULL) {
        trp_q_call_free(call);
    } else if (msg == NULL) {
        trp_q_call_fail(call, TROUPE_ENOMEM, troupe_status_text(TROUPE_ENOMEM));
    } else if (failure == NULL) {
        end_by_value(*call);
        trp_q_call_free(call);
    } else {
        trp_q_call_fail(call, failure->status,
                        failure->status == TROUPE_ETIMEDOUT ? "Query timed out"
                                                            : failure->text);
    }
}

/* ---- the link ---- */

troupe_status trp_q_link_new(troupe_system *sys, struct trp_q_link **out)
{
    struct trp_q_link *link = trp_calloc(1, sizeof(*link));
    pthread_condattr_t monotonic;

    if (link == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = troupe_q_future_new(&link->opened);
    if (status != TROUPE_OK) {
        trp_free(link);
        return status;
    }
    atomic_init(&link->references, 1);
    atomic_init(&link->closed, false);
    link->sys = sys;
    (void)pthread_mutex_init(&link->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&link->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *out = link;
    return TROUPE_OK;
}

struct trp_q_link *trp_q_link_ref(struct trp_q_link *link)
{
    (void)atomic_fetch_add_explicit(&link->references, 1, memory_order_relaxed);
    return link;
}

void trp_q_link_unref(struct trp_q_link **link)
{
    struct trp_q_link *old = *link;

    *link = NULL;
    if (old == NULL ||
        atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    /* Calls with a future hold the link: what is left here came and ends none. */
    trp_q_queue_fail(&old->arrived, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
    trp_q_queue_fail(&old->kept, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
    troupe_q_future_unref(&old->opened);
    (void)pthread_cond_destroy(&old->changed);
    (void)pthread_mutex_destroy(&old->lock);
    trp_free(old);
}

/* A receiver waits: what came ends a call, or the oldest receiver. */
static void give(struct trp_q_link *link, struct trp_q_call *call)
{
    if (call->future == NULL) {
        (void)pthread_mutex_lock(&link->lock);
        struct trp_q_call *receiver = trp_q_queue_take(&link->receivers);
        (void)pthread_mutex_unlock(&link->lock);
        if (receiver != NULL) {
            call->future = receiver->future;
            receiver->future = NULL;
            trp_q_call_free(&receiver);
        }
    }
    trp_q_call_end(&call);
}

void trp_q_link_arrived(struct trp_q_link *link, struct trp_q_call *call)
{
    (void)pthread_mutex_lock(&link->lock);
    link->sent -= call->future != NULL;
    bool at_once = link->receivers.first != NULL;
    if (!at_once) {
        trp_q_queue_put(&link->arrived, call);
    }
    (void)pthread_cond_broadcast(&link->changed);
    (void)pthread_mutex_unlock(&link->lock);
    if (at_once) {
        give(link, call);
    }
}

/* ---- posting ---- */

static void drop_call(void *body)
{
    struct trp_q_call *call = body;

    trp_q_call_fail(&call, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
}

troupe_status trp_q_link_post_call(struct trp_q_link *link, struct trp_q_call **call)
{
    troupe_msg *msg = NULL;
    troupe_status status = troupe_msg_new_owned(TRP_KIND_BRIDGE_CALL, *call,
                                                sizeof(**call), drop_call, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    status = troupe_post(link->sys, link->bridge, &msg);
    if (status == TROUPE_OK) {
        *call = NULL;
    } else {
        (void)troupe_msg_take(msg);
    }
    troupe_msg_free(&msg);
    return status;
}

static void drop_reply(void *body)
{
    struct trp_q_reply *reply = body;

    troupe_msg_free(&reply->answer);
    trp_free(reply);
}

troupe_status trp_q_link_post_reply(struct trp_q_link *link, troupe_id to,
                                    troupe_msg **answer)
{
    struct trp_q_reply *reply = trp_alloc(sizeof(*reply));
    troupe_msg *msg = NULL;

    if (reply == NULL) {
        return TROUPE_ENOMEM;
    }
    *reply = (struct trp_q_reply){to, *answer};
    troupe_status status = troupe_msg_new_owned(TRP_KIND_BRIDGE_REPLY, reply,
                                                sizeof(*reply), drop_reply, &msg);
    if (status != TROUPE_OK) {
        trp_free(reply);
        return status;
    }
    status = troupe_post(link->sys, link->bridge, &msg);
    if (status == TROUPE_OK) {
        *answer = NULL;
    } else {
        trp_free(troupe_msg_take(msg));
    }
    troupe_msg_free(&msg);
    return status;
}
