/* SPDX-License-Identifier: MIT
 * q_connection_raw.c - polling: what is queued is sent, what came is taken, when a thread
 * says so. */
#include "bindings/q/q_connection.h"

#include <errno.h>
#include <time.h>

#include "actors/runtime.h"

/* ---- sending ---- */

troupe_status trp_q_raw_send(struct trp_q_link *link, int64_t amount)
{
    troupe_status status = TROUPE_OK;

    (void)pthread_mutex_lock(&link->lock);
    uint64_t left = amount > 0 ? (uint64_t)amount : link->queued.count;
    while (status == TROUPE_OK && left-- > 0 && link->queued.first != NULL) {
        struct trp_q_call *call = trp_q_queue_take(&link->queued);
        bool given_up = troupe_q_future_done(call->future); /* cancelled: not sent */
        link->sent += !given_up;
        (void)pthread_mutex_unlock(&link->lock);
        if (given_up) {
            trp_q_call_free(&call);
        } else {
            status = trp_q_link_post_call(link, &call);
        }
        (void)pthread_mutex_lock(&link->lock);
        if (call != NULL) { /* back to where it was, for the next poll */
            link->sent--;
            call->next = link->queued.first;
            *(call->next != NULL ? &call->next->previous : &link->queued.last) = call;
            link->queued.first = call;
            link->queued.count++;
        }
    }
    (void)pthread_mutex_unlock(&link->lock);
    return status;
}

static troupe_status raw_ready(troupe_q_connection *conn, struct trp_q_link **out,
                               troupe_failure *failure)
{
    troupe_status status = trp_q_connection_ready(conn, out, failure);

    if (status == TROUPE_OK && !(*out)->raw) {
        return trp_q_failed(failure, TROUPE_ESTATE, "only raw connections are polled");
    }
    return status;
}

troupe_status troupe_q_connection_poll_send(troupe_q_connection *conn, int64_t amount,
                                            troupe_failure *failure)
{
    struct trp_q_link *link = NULL;
    troupe_status status = raw_ready(conn, &link, failure);

    if (status != TROUPE_OK || amount < 0) {
        return status;
    }
    status = trp_q_raw_send(link, amount);
    return status == TROUPE_OK
               ? status
               : trp_q_failed(failure, status, "%s", troupe_status_text(status));
}

/* ---- taking what came ---- */

struct trp_q_call *trp_q_raw_take(struct trp_q_link *link, troupe_q_future *future,
                                  troupe_ns deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / TROUPE_S(1)),
                             .tv_nsec = (long)(deadline % TROUPE_S(1))};
    int error = 0;

    (void)pthread_mutex_lock(&link->lock);
    while (link->arrived.first == NULL && error != ETIMEDOUT &&
           !atomic_load(&link->closed) &&
           (future == NULL || !troupe_q_future_done(future))) {
        error = deadline == TROUPE_NEVER
                    ? pthread_cond_wait(&link->changed, &link->lock)
                    : pthread_cond_timedwait(&link->changed, &link->lock, &until);
    }
    struct trp_q_call *call = NULL;
    if (future == NULL || !troupe_q_future_done(future)) {
        call = trp_q_queue_take(&link->arrived);
    }
    (void)pthread_mutex_unlock(&link->lock);
    return call;
}

static void wake(struct trp_q_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    (void)pthread_cond_broadcast(&link->changed);
    (void)pthread_mutex_unlock(&link->lock);
}

static void keep(struct trp_q_link *link, struct trp_q_call *call)
{
    (void)pthread_mutex_lock(&link->lock);
    trp_q_queue_put(&link->kept, call);
    (void)pthread_mutex_unlock(&link->lock);
}

/* Sends all that is queued, then takes one message in. */
troupe_status trp_q_raw_drive(void *context, troupe_q_future *future, troupe_ns deadline)
{
    struct trp_q_link *link = context;
    troupe_status status = trp_q_raw_send(link, 0);

    if (status != TROUPE_OK && status != TROUPE_EBUSY) {
        return status;
    }
    struct trp_q_call *call = trp_q_raw_take(link, future, deadline);
    if (call == NULL) {
        if (troupe_q_future_done(future)) {
            return TROUPE_OK;
        }
        if (atomic_load(&link->closed)) { /* and nothing is left that came before */
            trp_q_future_fail(future, TROUPE_ELOST, TRP_Q_CLOSED_TEXT);
            return TROUPE_OK;
        }
        return TROUPE_EAGAIN;
    }
    if (call->future == NULL) {
        keep(link, call);
    } else {
        trp_q_call_end(&call);
        wake(link);
    }
    return TROUPE_OK;
}

static void raw_cancelled(void *context, troupe_q_future *future)
{
    (void)future; /* the answer is taken in its place, and dropped */
    wake(context);
}

static void raw_release(void *context)
{
    struct trp_q_link *link = context;

    trp_q_link_unref(&link);
}

const struct trp_q_future_ops trp_q_raw_ops = {trp_q_raw_drive, raw_cancelled,
                                               raw_release};

/* ---- polling ---- */

/* What ends no call: the result of a poll. */
static troupe_status show(struct trp_q_call **call, troupe_q_value **out,
                          troupe_failure *failure)
{
    troupe_q_value *value = troupe_q_take((*call)->msg);

    trp_q_call_free(call);
    if (value != NULL && troupe_q_type(value) == TROUPE_Q_ERROR) {
        size_t size = 0;
        const char *text = troupe_q_text(value, &size);
        troupe_status status =
            trp_q_failed(failure, TROUPE_EREMOTE, "%.*s", (int)size, text);
        troupe_q_unref(&value);
        return status;
    }
    troupe_q_unref(out);
    *out = value;
    return TROUPE_OK;
}

static struct trp_q_call *take_kept(struct trp_q_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    struct trp_q_call *call = trp_q_queue_take(&link->kept);
    (void)pthread_mutex_unlock(&link->lock);
    return call;
}

static troupe_ns deadline_in(troupe_ns timeout)
{
    troupe_ns now = trp_clock();

    return timeout >= TROUPE_NEVER - now ? TROUPE_NEVER : now + timeout;
}

static troupe_status receive(troupe_q_connection *conn, struct trp_q_link *link,
                             uint64_t attempts, troupe_q_value **out,
                             troupe_failure *failure)
{
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && attempts-- > 0) {
        struct trp_q_call *call = take_kept(link);
        if (call == NULL) {
            call = trp_q_raw_take(link, NULL, deadline_in(conn->options.timeout));
        }
        if (call == NULL) {
            return atomic_load(&link->closed)
                       ? trp_q_failed(failure, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT)
                       : TROUPE_OK;
        }
        if (call->future == NULL) {
            status = show(&call, out, failure);
        } else {
            trp_q_call_end(&call);
            wake(link);
        }
    }
    return status;
}

/* Calls not yet answered, or answered and not yet polled for. */
static uint64_t pending(struct trp_q_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    uint64_t count = (uint64_t)link->queued.count + link->sent;
    for (const struct trp_q_call *c = link->arrived.first; c != NULL; c = c->next) {
        count += c->future != NULL;
    }
    (void)pthread_mutex_unlock(&link->lock);
    return count;
}

/* Something came and was not polled for. */
static bool any_left(struct trp_q_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    bool left = link->arrived.count + link->kept.count > 0;
    (void)pthread_mutex_unlock(&link->lock);
    return left;
}

troupe_status troupe_q_connection_poll_recv(troupe_q_connection *conn, int64_t amount,
                                            troupe_q_value **out, troupe_failure *failure)
{
    struct trp_q_link *link = NULL;
    troupe_q_value *value = NULL;
    troupe_status status = raw_ready(conn, &link, failure);

    if (status == TROUPE_ECLOSED) {
        link = atomic_load(&conn->link); /* what came before the end is still there */
        status = link->raw && any_left(link) ? TROUPE_OK : TROUPE_ECLOSED;
    }
    if (status != TROUPE_OK) {
        return status;
    }
    if (amount >= 0 && link->server) {
        status =
            trp_q_server_poll(conn, link, amount, deadline_in(conn->options.timeout));
    } else if (amount >= 0) {
        uint64_t attempts = amount > 0 ? (uint64_t)amount : pending(link);
        status = receive(conn, link, attempts > 0 ? attempts : 1, &value, failure);
    }
    if (status == TROUPE_OK && out != NULL) {
        *out = value;
        return TROUPE_OK;
    }
    troupe_q_unref(&value);
    return status;
}

/* ---- a future of the next message ---- */

static void receiver_cancelled(void *context, troupe_q_future *future)
{
    struct trp_q_link *link = context;
    struct trp_q_call *call;

    (void)pthread_mutex_lock(&link->lock);
    for (call = link->receivers.first; call != NULL && call->future != future;) {
        call = call->next;
    }
    if (call != NULL) {
        trp_q_queue_remove(&link->receivers, call);
    }
    (void)pthread_mutex_unlock(&link->lock);
    trp_q_call_free(&call);
}

static const struct trp_q_future_ops receiver_ops = {NULL, receiver_cancelled,
                                                     raw_release};

/* What is there already is taken in; when it all ended calls, the receiver waits. */
static void begin_receiving(struct trp_q_link *link, struct trp_q_call *receiver)
{
    bool waits = false;

    while (!waits && receiver != NULL) {
        (void)pthread_mutex_lock(&link->lock);
        struct trp_q_call *call = trp_q_queue_take(&link->kept);
        call = call != NULL ? call : trp_q_queue_take(&link->arrived);
        waits = call == NULL && !atomic_load(&link->closed);
        if (waits) {
            trp_q_queue_put(&link->receivers, receiver);
        }
        (void)pthread_mutex_unlock(&link->lock);
        if (call == NULL && !waits) {
            trp_q_call_fail(&receiver, TROUPE_ELOST, TRP_Q_CLOSED_TEXT);
        } else if (call != NULL && call->future == NULL) {
            call->future = receiver->future;
            receiver->future = NULL;
            trp_q_call_free(&receiver);
            trp_q_call_end(&call);
        } else if (call != NULL) {
            trp_q_call_end(&call);
        }
    }
}

troupe_status troupe_q_connection_poll_recv_async(troupe_q_connection *conn,
                                                  troupe_q_future **out,
                                                  troupe_failure *failure)
{
    struct trp_q_link *link = NULL;
    troupe_q_future *future = NULL;
    troupe_status status = raw_ready(conn, &link, failure);

    if (status != TROUPE_OK) {
        return status;
    }
    if (link->server) {
        return trp_q_server_future(conn, link, out, failure);
    }
    struct trp_q_call *receiver = trp_calloc(1, sizeof(*receiver));
    if (receiver == NULL || trp_q_future_new(&receiver_ops, link, &future) != TROUPE_OK) {
        trp_free(receiver);
        return trp_q_failed(failure, TROUPE_ENOMEM, "%s",
                            troupe_status_text(TROUPE_ENOMEM));
    }
    (void)trp_q_link_ref(link);
    receiver->future = troupe_q_future_ref(future);
    begin_receiving(link, receiver);
    *out = future;
    return TROUPE_OK;
}
