/* SPDX-License-Identifier: MIT
 * q_connection_server.c - a raw connection that is a server: its clients' events wait on
 * the link, and are handled on the thread that polls. */
#include "bindings/q/q_connection.h"

#include "actors/runtime.h"
#include "transports/q/q_conn.h"

troupe_status trp_q_server_link(struct troupe_q_connection *conn, struct trp_q_link **out,
                                troupe_failure *why)
{
    const troupe_q_connection_options *given = &conn->options;
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    struct trp_q_link *link = NULL;
    troupe_q_server server;

    troupe_status status = trp_q_link_new(conn->sys, &link);
    if (status != TROUPE_OK) {
        return status;
    }
    link->raw = link->server = true;
    status = troupe_system_spawn(conn->sys, &trp_q_bridge, &link, NULL, &link->bridge);
    if (status != TROUPE_OK) {
        trp_q_link_unref(&link);
        return status;
    }
    options.host = given->host != NULL ? given->host : "0.0.0.0";
    options.port = given->port;
    options.unix_domain = given->unix_domain ? TROUPE_Q_UNIX_ALL : TROUPE_Q_UNIX_NONE;
    options.tls_options = given->tls_options;
    options.tls_mode = given->tls ? TROUPE_Q_TLS_ONLY : TROUPE_Q_TLS_OFF;
    options.idle_limit = given->conn_gc_time;
    options.send_limit = given->send_limit;
    options.close_limit = given->close_limit;
    options.output_limit = given->output_limit;
    options.message_limit = given->message_limit;
    options.compress = given->compress;
    options.failure = why;
    for (size_t i = 0; i < TROUPE_Q_EVENTS; i++) {
        options.handlers[i].actor = link->bridge;
    }
    status = troupe_q_serve(conn->sys, &options, &server, &conn->port);
    if (status != TROUPE_OK) {
        (void)(troupe_system_stop_actor(conn->sys, link->bridge) == TROUPE_OK);
        trp_q_link_unref(&link);
        return status;
    }
    link->target = server.id;
    (void)troupe_q_future_set_result(link->opened, NULL);
    *out = link;
    return TROUPE_OK;
}

/* ---- handlers ---- */

troupe_status troupe_q_connection_on(troupe_q_connection *conn, troupe_embedq_event event,
                                     troupe_q_answerer handler, void *context)
{
    if (!conn->options.as_server) {
        return TROUPE_ESTATE;
    }
    if (event < TROUPE_EMBEDQ_LOGIN || event > TROUPE_EMBEDQ_CLOSED) {
        return TROUPE_EINVAL;
    }
    (void)pthread_mutex_lock(&conn->handling);
    conn->handlers[event].function = handler;
    conn->handlers[event].context = context;
    (void)pthread_mutex_unlock(&conn->handling);
    return TROUPE_OK;
}

/* The engine's own handlers: .z.pg and so on of its q. */
static troupe_status ask_engine(struct troupe_q_connection *conn,
                                const troupe_q_event *event, troupe_msg **answer,
                                troupe_failure *failure)
{
    const troupe_embedq_call call = {.size = sizeof(call),
                                     .event = event->event,
                                     .handle = event->handle,
                                     .user = event->user,
                                     .address = event->address,
                                     .value = event->value};
    troupe_msg *msg = NULL;

    troupe_status status = troupe_embedq_call_msg(&call, &msg);
    if (status == TROUPE_OK) {
        status = troupe_call(conn->sys, conn->options.engine, &msg, TROUPE_NEVER, answer,
                             failure);
    }
    troupe_msg_free(&msg);
    return status;
}

static troupe_status call_handler(struct troupe_q_connection *conn,
                                  const troupe_q_event *event, troupe_msg **answer,
                                  troupe_failure *failure)
{
    troupe_q_value *value = NULL;

    (void)pthread_mutex_lock(&conn->handling);
    troupe_q_answerer function = conn->handlers[event->event].function;
    void *context = conn->handlers[event->event].context;
    (void)pthread_mutex_unlock(&conn->handling);
    if (function == NULL && !troupe_id_is_nobody(conn->options.engine)) {
        return ask_engine(conn, event, answer, failure);
    }
    troupe_status status = TROUPE_OK;
    if (function != NULL) {
        status = function(context, event, &value);
        (void)trp_q_failed(failure, status, "%s", troupe_status_text(status));
    } else if (event->event == TROUPE_EMBEDQ_LOGIN) {
        status = troupe_q_boolean(true, &value);
    } else if (event->event == TROUPE_EMBEDQ_SYNC) {
        status = trp_q_failed(failure, TROUPE_EREMOTE, "nyi");
    }
    if (status == TROUPE_OK && value == NULL) {
        status = event->event == TROUPE_EMBEDQ_LOGIN ? troupe_q_boolean(true, &value)
                                                     : troupe_q_null(&value);
    }
    if (status == TROUPE_OK) {
        status = trp_q_msg_new(TROUPE_KIND_Q_VALUE, &value, answer);
    }
    troupe_q_unref(&value);
    return status;
}

/* Answers even when there was no memory to. */
static void handle(struct troupe_q_connection *conn, struct trp_q_link *link,
                   troupe_msg *msg)
{
    troupe_msg *answer = NULL;
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_status status = call_handler(conn, troupe_q_event_of(msg), &answer, &failure);

    if (status != TROUPE_OK) {
        const char *text =
            failure.text[0] != 0 ? failure.text : troupe_status_text(status);
        status = troupe_msg_new_failure(status, link->bridge, &answer, "%s", text);
    }
    if (status == TROUPE_OK && troupe_msg_wants_answer(msg)) {
        /* The door is full or closed: the client waits until it gives up. */
        (void)(trp_q_link_post_reply(link, troupe_msg_from(msg), &answer) == TROUPE_OK);
    }
    troupe_msg_free(&answer);
}

void trp_q_server_abandon(struct trp_q_link *link)
{
    struct trp_q_call *call;

    while ((call = trp_q_raw_take(link, NULL, 0)) != NULL) {
        troupe_msg *answer = NULL;
        if (troupe_msg_wants_answer(call->msg) &&
            troupe_msg_new_failure(TROUPE_ECLOSED, link->bridge, &answer, "%s",
                                   TRP_Q_CLOSED_TEXT) == TROUPE_OK) {
            (void)(trp_q_link_post_reply(link, troupe_msg_from(call->msg), &answer) ==
                   TROUPE_OK);
            troupe_msg_free(&answer);
        }
        trp_q_call_free(&call);
    }
}

/* ---- polling ---- */

/* Whether it counts: comings and goings do not. */
static bool is_message(const troupe_msg *msg)
{
    troupe_embedq_event event = troupe_q_event_of(msg)->event;

    return event == TROUPE_EMBEDQ_SYNC || event == TROUPE_EMBEDQ_ASYNC;
}

troupe_status trp_q_server_poll(struct troupe_q_connection *conn, struct trp_q_link *link,
                                int64_t amount, troupe_ns deadline)
{
    int64_t handled = 0;

    while (amount == 0 || handled < amount) {
        struct trp_q_call *call = trp_q_raw_take(link, NULL, deadline);
        if (call == NULL) {
            break;
        }
        deadline = 0; /* only the first is waited for */
        handled += is_message(call->msg);
        handle(conn, link, call->msg);
        trp_q_call_free(&call);
    }
    return TROUPE_OK;
}

/* A future that handles a message when it is waited for. */
struct server_future {
    struct troupe_q_connection *conn;
    struct trp_q_link *link;
};

static troupe_status server_drive(void *context, troupe_q_future *future,
                                  troupe_ns deadline)
{
    struct server_future *f = context;
    struct trp_q_call *call = trp_q_raw_take(f->link, NULL, deadline);

    if (call == NULL && !atomic_load(&f->link->closed)) {
        return TROUPE_EAGAIN;
    }
    if (call == NULL) {
        trp_q_future_fail(future, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
        return TROUPE_OK;
    }
    bool message = is_message(call->msg);
    handle(f->conn, f->link, call->msg);
    trp_q_call_free(&call);
    return message ? troupe_q_future_set_result(future, NULL) : TROUPE_OK;
}

static void server_release(void *context)
{
    struct server_future *f = context;

    trp_q_link_unref(&f->link);
    trp_free(f);
}

static const struct trp_q_future_ops server_ops = {server_drive, NULL, server_release};

troupe_status trp_q_server_future(struct troupe_q_connection *conn,
                                  struct trp_q_link *link, troupe_q_future **out,
                                  troupe_failure *failure)
{
    struct server_future *f = trp_alloc(sizeof(*f));

    if (f != NULL) {
        *f = (struct server_future){conn, link};
        if (trp_q_future_new(&server_ops, f, out) == TROUPE_OK) {
            (void)trp_q_link_ref(link);
            return TROUPE_OK;
        }
        trp_free(f);
    }
    return trp_q_failed(failure, TROUPE_ENOMEM, "%s", troupe_status_text(TROUPE_ENOMEM));
}

troupe_status troupe_q_connection_clean_open_connections(troupe_q_connection *conn,
                                                         size_t *out,
                                                         troupe_failure *failure)
{
    struct trp_q_link *link = NULL;
    troupe_status status = trp_q_connection_ready(conn, &link, failure);

    if (status != TROUPE_OK) {
        return status;
    }
    if (!link->server) {
        return trp_q_failed(failure, TROUPE_ESTATE, "this connection is no server");
    }
    (void)pthread_mutex_lock(&link->lock);
    *out = link->clients;
    (void)pthread_mutex_unlock(&link->lock);
    return TROUPE_OK;
}
