/* SPDX-License-Identifier: MIT
 * q_bridge.c - the actor that asks a connection for threads.
 *
 * Owns the calls that were asked and are not answered; ends them all when it ends. Of a
 * private connection it ends with its one call, and the connection with it. */
#include "bindings/q/q_bridge.h"

#include "actors/runtime.h"
#include "transports/connection.h"
#include "transports/q/q_conn.h"

enum { TAG_END = 1, MAILBOX_LIMIT = 1 << 20 };

struct bridge {
    struct trp_q_link *link;
    struct trp_q_queue calls; /* asked; tags are their addresses */
    troupe_id closer;         /* asked END */
};

/* ---- the end ---- */

static void close_target(troupe_self *self, struct bridge *b)
{
    troupe_msg *msg = NULL;

    if (troupe_msg_new(TROUPE_KIND_Q_CLOSE, 0, &msg) == TROUPE_OK &&
        troupe_ask(self, b->link->target, &msg, TROUPE_NEVER, TAG_END, NULL) ==
            TROUPE_OK) {
        return;
    }
    troupe_msg_free(&msg);
    troupe_exit(self, TROUPE_OK); /* there is nothing to wait for */
}

static void closed(troupe_self *self, struct bridge *b)
{
    troupe_msg *done = NULL;

    if (!troupe_id_is_nobody(b->closer) &&
        troupe_msg_new(TROUPE_KIND_DONE, 0, &done) == TROUPE_OK) {
        trp_ignore(troupe_reply_to(self, b->closer, &done));
        troupe_msg_free(&done);
    }
    b->closer = TROUPE_NOBODY;
    troupe_exit(self, TROUPE_OK);
}

/* ---- calls ---- */

/* A private connection's call was given up: nobody waits for its answer. */
static void drop_target(troupe_self *self, struct bridge *b)
{
    trp_ignore(troupe_kill(self, b->link->target)); /* gone already is as good */
    troupe_exit(self, TROUPE_OK);
}

static void finish(troupe_self *self, struct bridge *b, struct trp_q_call *call)
{
    troupe_status status =
        call->msg != NULL ? troupe_msg_status(call->msg) : TROUPE_ENOMEM;

    trp_q_future_set_call(call->future, NULL);
    if (b->link->raw && !b->link->single) {
        if (call->msg != NULL && troupe_msg_status(call->msg) == TROUPE_ECLOSED) {
            /* By us, or shut down. */
            trp_q_future_fail(call->future, TROUPE_ELOST, TRP_Q_CLOSED_TEXT);
        }
        trp_q_link_arrived(b->link, call);
    } else {
        trp_q_call_end(&call);
    }
    if (!b->link->single) {
        return;
    }
    if (status == TROUPE_ETIMEDOUT || status == TROUPE_ECANCELED) {
        drop_target(self, b);
    } else {
        close_target(self, b);
    }
}

static void begin(troupe_self *self, struct bridge *b, troupe_msg *order)
{
    struct trp_q_call *call = troupe_msg_take(order);
    troupe_msg *msg = NULL;

    troupe_status status = trp_q_msg_new(call->kind, &call->query, &msg);
    if (status == TROUPE_OK) {
        status = troupe_ask(self, b->link->target, &msg, call->timeout,
                            (uint64_t)(uintptr_t)call, &call->ask);
    }
    troupe_msg_free(&msg);
    if (status == TROUPE_OK) {
        trp_q_queue_put(&b->calls, call);
        trp_q_future_set_call(call->future, call);
        return;
    }
    if (troupe_msg_new_failure(status, b->link->target, &call->msg, "%s",
                               troupe_status_text(status)) != TROUPE_OK) {
        call->msg = NULL; /* its end is then a lack of memory */
    }
    finish(self, b, call);
}

static void answered(troupe_self *self, struct bridge *b, troupe_msg **msg)
{
    if (troupe_msg_tag(*msg) == TAG_END) {
        closed(self, b);
        return;
    }
    struct trp_q_call *call = (struct trp_q_call *)(uintptr_t)troupe_msg_tag(*msg);
    trp_q_queue_remove(&b->calls, call);
    call->msg = *msg;
    *msg = NULL;
    finish(self, b, call);
}

static void cancel(troupe_self *self, troupe_msg *msg)
{
    troupe_q_future *future = troupe_msg_body(msg);
    struct trp_q_call *call = trp_q_future_call(future);

    if (call != NULL) { /* the answer, a cancelled one, finishes it */
        (void)troupe_future_cancel(self, call->ask);
    }
}

/* ---- what the connection tells ---- */

static const char *documented(troupe_status status)
{
    switch (status) {
    case TROUPE_EACCESS:
        return "Authentication error";
    case TROUPE_ETIMEDOUT:
        return "Timeout error";
    case TROUPE_ETLS:
        return "OpenSSL initialization failed";
    default:
        return "Connection error";
    }
}

static void state_changed(struct trp_q_link *link, const troupe_q_state *state)
{
    troupe_failure failure;

    if (state->phase == TROUPE_Q_READY) {
        (void)troupe_q_future_set_result(link->opened, NULL);
    } else if (state->phase == TROUPE_Q_DOWN || state->phase == TROUPE_Q_CLOSED) {
        (void)trp_q_failed(&failure, state->status, "%s: %s", documented(state->status),
                           state->text);
        (void)troupe_q_future_set_exception(link->opened, &failure);
    }
    if (state->phase == TROUPE_Q_CLOSED) {
        atomic_store(&link->closed, true);
        (void)pthread_mutex_lock(&link->lock);
        (void)pthread_cond_broadcast(&link->changed);
        (void)pthread_mutex_unlock(&link->lock);
    }
}

/* A message that ends no call, or an event of a server: for a thread that polls. */
static void pushed(troupe_self *self, struct bridge *b, troupe_msg **msg)
{
    struct trp_q_link *link = b->link;
    const troupe_q_event *event = troupe_q_event_of(*msg);

    (void)pthread_mutex_lock(&link->lock);
    bool full = !link->server && link->arrived.count + link->kept.count >= link->most;
    if (event != NULL) {
        link->clients += event->event == TROUPE_EMBEDQ_OPENED;
        link->clients -= event->event == TROUPE_EMBEDQ_CLOSED && link->clients > 0;
    }
    (void)pthread_mutex_unlock(&link->lock);
    bool ends = event != NULL && atomic_load(&link->closed); /* nobody polls any more */
    struct trp_q_call *call = full || ends ? NULL : trp_calloc(1, sizeof(*call));
    if (call != NULL) {
        call->msg = *msg;
        *msg = NULL;
        trp_q_link_arrived(link, call);
    } else if (event != NULL) {
        troupe_status status = ends ? TROUPE_ECLOSED : TROUPE_ENOMEM;
        if (troupe_msg_wants_answer(*msg)) {
            trp_ignore(troupe_fail(self, troupe_msg_from(*msg), status, "%s",
                                   troupe_status_text(status)));
        }
    } else { /* nothing may be left out: the order would no longer be what it seems */
        atomic_store(&link->closed, true);
        (void)troupe_q_close(link->sys, (troupe_q){link->target});
    }
}

static void reply(troupe_self *self, troupe_msg *msg)
{
    struct trp_q_reply *order = troupe_msg_body(msg);

    trp_ignore(
        troupe_reply_to(self, order->to, &order->answer)); /* gone: dropped with msg */
}

/* ---- the actor ---- */

static troupe_status bridge_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct bridge *b = state;

    if (troupe_msg_is_answer(*msg)) {
        answered(self, b, msg);
        return TROUPE_OK;
    }
    switch (troupe_msg_kind(*msg)) {
    case TRP_KIND_BRIDGE_CALL:
        begin(self, b, *msg);
        break;
    case TRP_KIND_BRIDGE_CANCEL:
        cancel(self, *msg);
        break;
    case TRP_KIND_BRIDGE_REPLY:
        reply(self, *msg);
        break;
    case TRP_KIND_BRIDGE_END:
        b->closer = troupe_msg_from(*msg);
        close_target(self, b);
        break;
    case TROUPE_KIND_Q_STATE:
        state_changed(b->link, troupe_msg_body(*msg));
        break;
    case TROUPE_KIND_Q_PUSH:
    case TROUPE_KIND_Q_SYNC:
    case TROUPE_KIND_Q_RESPONSE:
    case TROUPE_KIND_Q_EVENT:
        pushed(self, b, msg);
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static troupe_status bridge_start(troupe_self *self, void *state, const void *link)
{
    struct bridge *b = state;

    (void)self;
    b->link = *(struct trp_q_link *const *)link;
    (void)trp_q_link_ref(b->link);
    return TROUPE_OK;
}

static void bridge_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct bridge *b = state;
    struct trp_q_link *link = b->link;
    troupe_status status = link->raw ? TROUPE_ELOST : TROUPE_ECLOSED;
    struct trp_q_queue receivers;

    (void)self, (void)reason;
    atomic_store(&link->closed, true);
    trp_q_future_fail(link->opened, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
    for (struct trp_q_call *call = b->calls.first; call != NULL; call = call->next) {
        trp_q_future_set_call(call->future, NULL);
    }
    trp_q_queue_fail(&b->calls, status, TRP_Q_CLOSED_TEXT);
    (void)pthread_mutex_lock(&link->lock);
    receivers = link->receivers;
    link->receivers = (struct trp_q_queue){NULL, NULL, 0};
    (void)pthread_cond_broadcast(&link->changed);
    (void)pthread_mutex_unlock(&link->lock);
    trp_q_queue_fail(&receivers, status, TRP_Q_CLOSED_TEXT);
    trp_q_link_unref(&b->link);
}

const troupe_behavior trp_q_bridge = {
    .name = "q_bridge",
    .state_size = sizeof(struct bridge),
    .start = bridge_start,
    .receive = bridge_receive,
    .stop = bridge_stop,
    .mailbox_limit = MAILBOX_LIMIT,
};
