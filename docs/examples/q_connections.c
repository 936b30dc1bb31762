/* SPDX-License-Identifier: MIT
 * q_connections.c - the connections of docs/guide/q.md, each used once, against a q
 * process of our own. */
#include <stdio.h>
#include <stdlib.h>

#include <troupe/q_connection.h>

static troupe_system *sys;
static uint16_t port;

static void must(troupe_status status, const troupe_failure *failure)
{
    if (status != TROUPE_OK) {
        fprintf(stderr, "%s: %s\n", troupe_status_name(status),
                failure == NULL ? "" : failure->text);
        abort();
    }
}

static void is(troupe_q_value **value, int64_t expected)
{
    int64_t number = 0;

    must(troupe_q_get_long(*value, 0, &number), NULL);
    if (number != expected) {
        abort();
    }
    troupe_q_unref(value);
}

static void serve(troupe_q_hub **hub)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;

    must(troupe_q_hub_new(sys, hub), NULL);
    q.host = troupe_q_hub_host(*hub);
    q.context = *hub;
    engine.config = &q;
    must(troupe_engine_open(sys, &troupe_engine_embedq, &engine, &options.engine), NULL);
    options.hub = *hub;
    must(troupe_q_serve(sys, &options, &server, &port), NULL);
}

static void sync_connection(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;
    troupe_q_value *answer = NULL, *args[2] = {NULL, NULL};
    troupe_failure failure;

    options.host = "127.0.0.1";
    options.port = port;
    options.timeout = TROUPE_S(30);
    must(troupe_q_connection_open(sys, &options, &conn, &failure), &failure);
    must(troupe_q_long(2, &args[0]), NULL);
    must(troupe_q_long(40, &args[1]), NULL);
    must(troupe_q_connection_query(conn, "{x+y}", 2, args, &answer, &failure), &failure);
    is(&answer, 42);
    troupe_q_unref(&args[0]);
    troupe_q_unref(&args[1]);
    troupe_q_connection_free(&conn);
}

static void without_waiting(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;
    troupe_failure failure;

    request.text = "n:7";
    request.wait = TROUPE_Q_NO; /* sent async: nothing is answered */
    must(troupe_q_connection_call(conn, &request, NULL, &failure), &failure);
    must(troupe_q_connection_query(conn, "n", 0, NULL, &answer, &failure), &failure);
    is(&answer, 7);
}

static void over_its_own(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;
    troupe_failure failure;

    request.text = "6*7";
    request.reuse = false; /* a connection for this call alone */
    must(troupe_q_connection_call(conn, &request, &answer, &failure), &failure);
    is(&answer, 42);
}

static void names(troupe_q_connection *conn)
{
    troupe_q_value *value = NULL;
    troupe_failure failure;

    must(troupe_q_long(5, &value), NULL);
    must(troupe_q_connection_set(conn, "five", value, &failure), &failure);
    troupe_q_unref(&value);
    must(troupe_q_connection_get(conn, "five", &value, &failure), &failure);
    is(&value, 5);
}

static void called(void *context, troupe_q_future *future)
{
    (void)context;
    if (troupe_q_future_cancelled(future)) {
        abort();
    }
}

static void async_connection(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;
    troupe_q_value *answer = NULL;
    troupe_failure failure;

    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    options.host = "127.0.0.1";
    options.port = port;
    options.reconnection_attempts = 5;
    must(troupe_q_connection_open(sys, &options, &conn, &failure), &failure);
    must(troupe_q_connection_await(conn, &failure), &failure); /* connects */
    request.text = "sum til 5";
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure),
         &failure);
    must(troupe_q_future_add_done_callback(future, called, NULL), NULL);
    must(troupe_q_future_wait(future, TROUPE_S(30), &answer, &failure), &failure);
    is(&answer, 10);
    troupe_q_future_unref(&future);
    troupe_q_connection_free(&conn);
}

static void asynchronous_response(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *sent = NULL, *response = NULL;
    troupe_q_value *value = NULL;
    troupe_failure failure;

    request.text = "neg[.z.w] 42";
    request.wait = TROUPE_Q_NO;
    request.reuse = false;
    must(troupe_q_connection_call_async(conn, &request, &sent, &response, &failure),
         &failure);
    must(troupe_q_future_wait(response, TROUPE_S(30), &value, &failure), &failure);
    is(&value, 42);
    troupe_q_future_unref(&sent);
    troupe_q_future_unref(&response);
}

static void cancel(void)
{
    troupe_q_future *future = NULL;

    must(troupe_q_future_new(&future), NULL);
    must(troupe_q_future_cancel(future, "no longer needed"), NULL);
    if (troupe_q_future_result(future, NULL, NULL) != TROUPE_ECANCELED) {
        abort();
    }
    troupe_q_future_unref(&future);
}

static void raw_connection(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;
    troupe_q_value *answer = NULL, *other = NULL;
    troupe_failure failure;

    options.kind = TROUPE_Q_RAW_CONNECTION;
    options.host = "127.0.0.1";
    options.port = port;
    options.timeout = TROUPE_S(30); /* of each poll */
    must(troupe_q_connection_open(sys, &options, &conn, &failure), &failure);
    must(troupe_q_connection_await(conn, &failure), &failure);
    request.text = "6*7";
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure),
         &failure);
    must(troupe_q_connection_poll_send(conn, 1, &failure), &failure);
    must(troupe_q_connection_poll_recv(conn, 1, &other, &failure), &failure);
    must(troupe_q_future_result(future, &answer, &failure), &failure);
    is(&answer, 42);
    troupe_q_unref(&other);
    troupe_q_future_unref(&future);
    troupe_q_connection_free(&conn);
}

static troupe_status on_sync(void *context, const troupe_q_event *event,
                             troupe_q_value **answer)
{
    (void)context;
    return troupe_q_long((int64_t)troupe_q_count(event->value), answer);
}

static troupe_q_connection *raw_server(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *server = NULL;
    troupe_failure failure;

    options.kind = TROUPE_Q_RAW_CONNECTION;
    options.as_server = true;
    options.host = "127.0.0.1";
    options.port = 0;                /* any free one */
    options.timeout = TROUPE_MS(10); /* of a poll with nothing to do */
    must(troupe_q_connection_open(sys, &options, &server, &failure), &failure);
    must(troupe_q_connection_await(server, &failure), &failure); /* listens */
    must(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, on_sync, NULL), NULL);
    return server;
}

/* The client is an actor, so that this thread can serve it. */
static void serve_one(troupe_q_connection *server)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q_value *query = NULL, *answer = NULL;
    troupe_pending *pending = NULL;
    troupe_msg *msg = NULL;
    troupe_failure failure;
    troupe_q q;

    options.host = "127.0.0.1";
    options.port = troupe_q_connection_port(server);
    must(troupe_q_open(sys, &options, &q), NULL);
    must(troupe_q_query("abcd", 0, NULL, &query), NULL);
    must(troupe_q_post_call(sys, q, &query, TROUPE_S(30), &pending), NULL);
    while (troupe_pending_wait(pending, 0, &msg) != TROUPE_OK) {
        must(troupe_q_connection_poll_recv(server, 0, NULL, &failure), &failure);
    }
    must(troupe_msg_status(msg), troupe_msg_failure(msg));
    answer = troupe_q_take(msg);
    is(&answer, 4);
    troupe_msg_free(&msg);
    troupe_pending_free(&pending);
    must(troupe_q_close(sys, q), NULL);
}

int main(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL, *server = NULL;
    troupe_q_hub *hub = NULL;
    troupe_failure failure;

    must(troupe_system_new(NULL, &sys), NULL);
    must(troupe_system_start(sys), NULL);
    serve(&hub);
    sync_connection();
    options.host = "127.0.0.1";
    options.port = port;
    must(troupe_q_connection_open(sys, &options, &conn, &failure), &failure);
    without_waiting(conn);
    over_its_own(conn);
    names(conn);
    troupe_q_connection_free(&conn);
    async_connection();
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    must(troupe_q_connection_open(sys, &options, &conn, &failure), &failure);
    must(troupe_q_connection_await(conn, &failure), &failure);
    asynchronous_response(conn);
    troupe_q_connection_free(&conn);
    cancel();
    raw_connection();
    server = raw_server();
    serve_one(server);
    troupe_q_connection_free(&server);
    troupe_system_shutdown(sys, TROUPE_S(5));
    (void)troupe_system_join(sys);
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
