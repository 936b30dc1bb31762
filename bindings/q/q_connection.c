/* SPDX-License-Identifier: MIT
 * q_connection.c - connections for threads: opened, awaited, closed. */
#include "bindings/q/q_connection.h"

#include <stdlib.h>
#include <string.h>

#include "actors/runtime.h"

/* A raw connection that is closed answers nothing more; what was sent still goes out. */
#define RAW_CLOSE_LIMIT TROUPE_MS(100)

/* ---- the bridge and the connection actor ---- */

static troupe_q_options client_options(const struct troupe_q_connection *conn,
                                       const struct trp_q_link *link)
{
    const troupe_q_connection_options *given = &conn->options;
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.host = given->host;
    options.port = given->port;
    options.unix_domain = given->unix_domain;
    options.unix_form = given->unix_form;
    options.tls = given->tls;
    options.tls_options = given->tls_options;
    options.username = given->username;
    options.password = given->password;
    options.connect_limit =
        given->connection_timeout != 0 ? given->connection_timeout : given->timeout;
    options.send_limit = given->send_limit;
    options.close_limit =
        link->raw && !link->single ? RAW_CLOSE_LIMIT : given->close_limit;
    options.pending_limit = given->pending_limit;
    options.output_limit = given->output_limit;
    options.message_limit = given->message_limit;
    options.small_messages = !given->large_messages;
    options.compress = given->compress;
    options.reconnection_delay = given->reconnection_delay;
    options.reconnection_delay_max = given->reconnection_delay_max;
    options.reconnection_jitter = given->reconnection_jitter;
    options.reconnection_function = given->reconnection_function;
    options.reconnection_context = given->reconnection_context;
    options.reconnection_attempts = link->single ? -1 : given->reconnection_attempts;
    options.watcher = link->bridge;
    options.raw_any = link->raw;
    options.handler = link->raw && !link->single ? link->bridge : TROUPE_NOBODY;
    return options;
}

static troupe_status open_client(struct troupe_q_connection *conn,
                                 struct trp_q_link *link)
{
    const troupe_q_options options = client_options(conn, link);
    troupe_q q;

    troupe_status status = troupe_q_open(conn->sys, &options, &q);
    if (status == TROUPE_OK) {
        link->target = q.id;
    }
    return status;
}

troupe_status trp_q_connection_link(struct troupe_q_connection *conn, bool single,
                                    bool any, struct trp_q_link **out)
{
    enum { MOST = 65536 };
    struct trp_q_link *link = NULL;

    troupe_status status = trp_q_link_new(conn->sys, &link);
    if (status != TROUPE_OK) {
        return status;
    }
    link->single = single;
    link->raw = any;
    link->mended = !single && conn->options.reconnection_attempts != -1;
    link->most = conn->options.pending_limit != 0 ? conn->options.pending_limit : MOST;
    status = troupe_system_spawn(conn->sys, &trp_q_bridge, &link, NULL, &link->bridge);
    if (status == TROUPE_OK) {
        status = open_client(conn, link);
        if (status != TROUPE_OK) {
            (void)(troupe_system_stop_actor(conn->sys, link->bridge) == TROUPE_OK);
        }
    }
    if (status != TROUPE_OK) {
        trp_q_link_unref(&link);
        return status;
    }
    *out = link;
    return TROUPE_OK;
}

/* ---- awaiting ---- */

/* Without waiting. Gone already is as good, and so is a system that ends. */
static void stop_both(struct trp_q_link *link)
{
    (void)(troupe_system_stop_actor(link->sys, link->target) == TROUPE_OK);
    (void)(troupe_system_stop_actor(link->sys, link->bridge) == TROUPE_OK);
}

/* Has the bridge close the connection, and waits for it. */
static void end_link(struct trp_q_link *link)
{
    troupe_msg *msg = NULL, *answer = NULL;

    atomic_store(&link->closed, true);
    troupe_status status = troupe_msg_new(TRP_KIND_BRIDGE_END, 0, &msg);
    if (status == TROUPE_OK) {
        status = troupe_call(link->sys, link->bridge, &msg, TROUPE_NEVER, &answer, NULL);
    }
    if (status != TROUPE_OK) {
        stop_both(link);
    }
    troupe_msg_free(&msg);
    troupe_msg_free(&answer);
}

/* Under `opening`. */
static troupe_status begin(struct troupe_q_connection *conn, troupe_failure *failure)
{
    bool raw = conn->options.kind == TROUPE_Q_RAW_CONNECTION;
    struct trp_q_link *link = NULL;
    troupe_failure why = {.status = TROUPE_OK};

    troupe_status status = conn->options.as_server
                               ? trp_q_server_link(conn, &link, &why)
                               : trp_q_connection_link(conn, false, raw, &link);
    if (status != TROUPE_OK) {
        bool of_tls =
            conn->options.tls && (status == TROUPE_ETLS || status == TROUPE_ENOENT);
        return trp_q_failed(failure, status, "%s: %s",
                            of_tls ? "OpenSSL initialization failed" : "Connection error",
                            why.text[0] != 0 ? why.text : troupe_status_text(status));
    }
    status = troupe_q_future_wait(link->opened, TROUPE_NEVER, NULL, failure);
    if (status != TROUPE_OK) {
        end_link(link);
        trp_q_link_unref(&link);
        return status;
    }
    atomic_store(&conn->link, link);
    return TROUPE_OK;
}

static troupe_status refuse_here(troupe_failure *failure)
{
    return trp_q_failed(failure, TROUPE_EDEADLK, "%s",
                        troupe_status_text(TROUPE_EDEADLK));
}

troupe_status troupe_q_connection_await(troupe_q_connection *conn,
                                        troupe_failure *failure)
{
    troupe_status status = TROUPE_OK;

    if (trp_base_here != NULL) {
        return refuse_here(failure);
    }
    (void)pthread_mutex_lock(&conn->opening);
    struct trp_q_link *link = atomic_load(&conn->link);
    if (link == NULL) {
        status = begin(conn, failure);
    } else if (atomic_load(&link->closed)) {
        status = trp_q_failed(failure, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
    }
    (void)pthread_mutex_unlock(&conn->opening);
    return status;
}

troupe_status trp_q_connection_ready(struct troupe_q_connection *conn,
                                     struct trp_q_link **out, troupe_failure *failure)
{
    struct trp_q_link *link = atomic_load(&conn->link);

    if (trp_base_here != NULL) {
        return refuse_here(failure);
    }
    if (link == NULL) {
        return trp_q_failed(failure, TROUPE_ESTATE,
                            "The QConnection has not been initialized.");
    }
    if (atomic_load(&link->closed)) {
        return trp_q_failed(failure, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
    }
    *out = link;
    return TROUPE_OK;
}

/* ---- opening ---- */

/* Also judged by what is below, so that a lazy connection is refused now, not later. */
static troupe_status judge_below(const struct troupe_q_connection *conn,
                                 troupe_failure *failure)
{
    static const struct trp_q_link none;
    const troupe_q_options options = client_options(conn, &none);
    char text[TROUPE_FAILURE_TEXT];

    troupe_status status = conn->options.as_server
                               ? TROUPE_OK
                               : troupe_q_check(&options, text, sizeof(text));
    switch (status) {
    case TROUPE_OK:
        return TROUPE_OK;
    case TROUPE_ENOENT:
    case TROUPE_ETLS: /* of its files */
        return trp_q_failed(failure, status, "OpenSSL initialization failed: %s", text);
    default:
        return trp_q_failed(failure, status, "%s", text);
    }
}

static troupe_status make(troupe_system *sys, const troupe_q_connection_options *options,
                          struct troupe_q_connection **out, troupe_failure *failure)
{
    struct troupe_q_connection *conn = trp_calloc(1, sizeof(*conn));

    if (conn == NULL || trp_q_connection_copy(conn, options) != TROUPE_OK) {
        if (conn != NULL) {
            trp_q_connection_free_copies(conn);
        }
        trp_free(conn);
        return trp_q_failed(failure, TROUPE_ENOMEM, "%s",
                            troupe_status_text(TROUPE_ENOMEM));
    }
    troupe_status status = judge_below(conn, failure);
    if (status != TROUPE_OK) {
        trp_q_connection_free_copies(conn);
        trp_free(conn);
        return status;
    }
    const char *debug = getenv("PYKX_QDEBUG");
    conn->debug = debug != NULL && debug[0] != 0;
    conn->sys = sys;
    conn->port = options->port;
    atomic_init(&conn->link, NULL);
    (void)pthread_mutex_init(&conn->opening, NULL);
    (void)pthread_mutex_init(&conn->handling, NULL);
    *out = conn;
    return TROUPE_OK;
}

troupe_status troupe_q_connection_open(troupe_system *sys,
                                       const troupe_q_connection_options *options,
                                       troupe_q_connection **out, troupe_failure *failure)
{
    const char *wrong = trp_q_connection_wrong(options);
    struct troupe_q_connection *conn = NULL;

    if (wrong != NULL) {
        return trp_q_failed(failure, TROUPE_EINVAL, "%s", wrong);
    }
    if (trp_base_here != NULL) {
        return refuse_here(failure);
    }
    troupe_status status = make(sys, options, &conn, failure);
    if (status != TROUPE_OK) {
        return status;
    }
    if (!trp_q_connection_lazy(conn)) {
        status = troupe_q_connection_await(conn, failure);
        if (status != TROUPE_OK) {
            troupe_q_connection_free(&conn);
            return status;
        }
    }
    *out = conn;
    return TROUPE_OK;
}

/* ---- closing ---- */

/* Raw: calls that nobody will poll for any more. */
static void abandon(struct trp_q_link *link)
{
    struct trp_q_queue queued, arrived;

    (void)pthread_mutex_lock(&link->lock);
    queued = link->queued;
    arrived = link->arrived;
    link->queued = link->arrived = (struct trp_q_queue){NULL, NULL, 0};
    (void)pthread_cond_broadcast(&link->changed);
    (void)pthread_mutex_unlock(&link->lock);
    trp_q_queue_fail(&queued, TROUPE_ELOST, TRP_Q_CLOSED_TEXT);
    trp_q_queue_fail(&arrived, TROUPE_ELOST, TRP_Q_CLOSED_TEXT);
}

troupe_status troupe_q_connection_close(troupe_q_connection *conn,
                                        troupe_failure *failure)
{
    struct trp_q_link *link = NULL;
    troupe_status status = trp_q_connection_ready(conn, &link, failure);

    link = atomic_load(&conn->link);
    if (status == TROUPE_ESTATE || status == TROUPE_EDEADLK) {
        return status;
    }
    (void)pthread_mutex_lock(&conn->opening);
    atomic_store(&link->closed, true); /* what clients send from now on is refused */
    if (link->server) {
        trp_q_server_abandon(link);
    }
    end_link(link); /* what is closed or gone already answers at once */
    if (link->server) {
        trp_q_server_abandon(link); /* the ends of its clients, that nobody polls for */
    }
    if (link->raw) {
        abandon(link);
    }
    (void)pthread_mutex_unlock(&conn->opening);
    return TROUPE_OK;
}

void troupe_q_connection_free(troupe_q_connection **conn)
{
    troupe_q_connection *old = *conn;

    *conn = NULL;
    if (old == NULL) {
        return;
    }
    struct trp_q_link *link = atomic_load(&old->link);
    if (link != NULL) {
        if (troupe_q_connection_close(old, NULL) == TROUPE_EDEADLK) {
            stop_both(link);
        }
        trp_q_link_unref(&link);
    }
    trp_q_connection_free_copies(old);
    (void)pthread_mutex_destroy(&old->opening);
    (void)pthread_mutex_destroy(&old->handling);
    trp_free(old);
}

bool troupe_q_connection_closed(troupe_q_connection *conn)
{
    const struct trp_q_link *link = atomic_load(&conn->link);

    return link != NULL && atomic_load(&link->closed);
}

/* ---- looking ---- */

troupe_status troupe_q_connection_info(troupe_q_connection *conn, troupe_q_info *out,
                                       troupe_failure *failure)
{
    struct trp_q_link *link = NULL;
    troupe_status status = trp_q_connection_ready(conn, &link, failure);

    if (status != TROUPE_OK) {
        return status;
    }
    if (link->server) {
        return trp_q_failed(failure, TROUPE_ESTATE, "this connection is a server");
    }
    status = troupe_q_wait_info(conn->sys, (troupe_q){link->target}, TROUPE_NEVER, out);
    return status == TROUPE_OK
               ? status
               : trp_q_failed(failure, status, "%s", troupe_status_text(status));
}

uint16_t troupe_q_connection_port(const troupe_q_connection *conn)
{
    return conn->port;
}
