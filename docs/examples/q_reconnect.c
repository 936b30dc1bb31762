/* SPDX-License-Identifier: MIT
 * q_reconnect.c - the server goes and comes back, on the same port. */
#include <stdlib.h>

#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_id engine;
static troupe_q_hub *hub;
static troupe_q_server server;

static void open_engine(void)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;

    must(troupe_q_hub_new(sys, &hub));
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    options.config = &q;
    must(troupe_engine_open(sys, &troupe_engine_embedq, &options, &engine));
}

/* On a free port first, later on the same. */
static void start_server(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.engine = engine;
    options.hub = hub;
    options.port = port;
    options.close_limit = TROUPE_MS(10); /* for answers that are due */
    must(troupe_q_serve(sys, &options, &server, &port));
}

/* Ends all its connections; returns when that is done. */
static void stop_server(void)
{
    troupe_msg *msg = NULL, *done = NULL;

    must(troupe_msg_new(TROUPE_KIND_Q_CLOSE, 0, &msg));
    must(troupe_call(sys, server.id, &msg, TROUPE_S(30), &done, &why));
    troupe_msg_free(&done);
}

static troupe_ns half_again(void *context, troupe_ns delay)
{
    (void)context;
    return delay + delay / 2;
}

static troupe_q_connection *open_lasting(troupe_q_kind kind)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.kind = kind;
    options.host = "127.0.0.1";
    options.port = port;
    options.reconnection_attempts = 0;            /* any number; N: at most N in a row */
    options.reconnection_delay = TROUPE_MS(10);   /* before the second attempt */
    options.reconnection_function = half_again;   /* the next; NULL: twice the last */
    options.reconnection_delay_max = TROUPE_S(1); /* no wait is longer */
    options.reconnection_jitter = 0.5;            /* up to half of each is cut off */
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    must(troupe_q_connection_await(conn, &why));
    return conn;
}

static void sync_again(void)
{
    troupe_q_connection *conn = open_lasting(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_value *answer = NULL;

    must(troupe_q_connection_query(conn, "til 10", 0, NULL, &answer, &why));
    is(&answer, "0 1 2 3 4 5 6 7 8 9");
    stop_server();
    start_server();
    must(troupe_q_connection_query(conn, "1+1", 0, NULL, &answer, &why));
    is(&answer, "2");
    troupe_q_connection_free(&conn);
}

static void async_again(void)
{
    troupe_q_connection *conn = open_lasting(TROUPE_Q_ASYNC_CONNECTION);
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;
    troupe_q_value *answer = NULL;
    troupe_q_info info;

    request.text = "{-30!(::)}[]"; /* is never answered */
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &why));
    do {
        must(troupe_q_connection_info(conn, &info, &why));
    } while (info.sent == 0); /* else it waits for the new connection, and is not lost */
    stop_server();
    fails(troupe_q_future_wait(future, TROUPE_S(30), NULL, &why), TROUPE_ELOST, "");
    troupe_q_future_unref(&future);
    start_server();
    request.text = "til 10";
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &why));
    must(troupe_q_future_wait(future, TROUPE_S(30), &answer, &why));
    is(&answer, "0 1 2 3 4 5 6 7 8 9");
    troupe_q_future_unref(&future);
    troupe_q_connection_free(&conn);
}

static void used_up(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;
    troupe_q_value *answer = NULL;

    options.host = "127.0.0.1";
    options.port = port;
    options.reconnection_attempts = 2;
    options.reconnection_delay = TROUPE_MS(10);
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    stop_server();
    fails(troupe_q_connection_query(conn, "1+1", 0, NULL, NULL, &why), TROUPE_EREFUSED,
          ""); /* after both attempts */
    start_server();
    must(
        troupe_q_connection_query(conn, "1+1", 0, NULL, &answer, &why)); /* starts over */
    is(&answer, "2");
    troupe_q_connection_free(&conn);
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    open_engine();
    start_server();
    sync_again();
    async_again();
    used_up();
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
