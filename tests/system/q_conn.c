/* SPDX-License-Identifier: MIT */
#include "tests/system/q_conn.h"

#include <stdio.h>
#include <string.h>

troupe_system *sys;
uint16_t port;
troupe_id engine;
troupe_failure failure;
static troupe_q_hub *hub;

#define STUCK TROUPE_S(60)

void conn_begin_with(troupe_q_server_options options)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine_options = TROUPE_ENGINE_OPTIONS;
    troupe_q_server server;

    OK(troupe_system_new(NULL, &sys));
    OK(troupe_system_start(sys));
    troupe_log_to(sys, TROUPE_LOG_ERROR, troupe_log_stderr, NULL);
    OK(troupe_q_hub_new(sys, &hub));
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    engine_options.config = &q;
    OK(troupe_engine_open(sys, &troupe_engine_embedq, &engine_options, &engine));
    options.hub = hub;
    options.engine = engine;
    OK(troupe_q_serve(sys, &options, &server, &port));
}

void conn_begin(void)
{
    conn_begin_with(TROUPE_Q_SERVER_OPTIONS);
}

void conn_end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(30));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
}

troupe_q_connection_options conn_options(troupe_q_kind kind)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;

    options.kind = kind;
    options.host = "127.0.0.1";
    options.port = port;
    return options;
}

troupe_q_connection *conn_open(troupe_q_connection_options options)
{
    troupe_q_connection *conn = NULL;

    troupe_status status = troupe_q_connection_open(sys, &options, &conn, &failure);
    if (status == TROUPE_OK) {
        status = troupe_q_connection_await(conn, &failure);
    }
    ck_assert_msg(status == TROUPE_OK, "%s: %s", troupe_status_name(status),
                  failure.text);
    return conn;
}

troupe_q_connection *conn_sync(void)
{
    return conn_open(conn_options(TROUPE_Q_SYNC_CONNECTION));
}

troupe_q_connection *conn_async(void)
{
    return conn_open(conn_options(TROUPE_Q_ASYNC_CONNECTION));
}

void conn_refused(troupe_q_connection_options options, troupe_status status,
                  const char *text)
{
    troupe_q_connection *conn = NULL;

    ck_assert_int_eq(troupe_q_connection_open(sys, &options, &conn, &failure), status);
    ck_assert_ptr_null(conn);
    ck_assert_int_eq(failure.status, status);
    ck_assert_msg(strncmp(failure.text, text, strlen(text)) == 0, "%s", failure.text);
}

void conn_is(troupe_q_value *value, const char *text)
{
    troupe_q_value *line = NULL;
    size_t size = 0;

    ck_assert_ptr_nonnull(value);
    OK(troupe_q_format_line(value, 0, &line));
    const char *bytes = troupe_q_text(line, &size);
    ck_assert_msg(size == strlen(text) && memcmp(bytes, text, size) == 0,
                  "%.*s instead of %s", (int)size, bytes, text);
    troupe_q_unref(&line);
    troupe_q_unref(&value);
}

void conn_asks(troupe_q_connection *conn, const char *query, const char *text)
{
    troupe_q_value *value = NULL;

    troupe_status status =
        troupe_q_connection_query(conn, query, 0, NULL, &value, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s: %s: %s", query, troupe_status_name(status),
                  failure.text);
    conn_is(value, text);
}

troupe_q_future *conn_call(troupe_q_connection *conn, const char *query)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = query;
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    return future;
}

void conn_ends(troupe_q_future **future, const char *text)
{
    troupe_q_value *value = NULL;

    troupe_status status = troupe_q_future_wait(*future, STUCK, &value, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s: %s", troupe_status_name(status),
                  failure.text);
    conn_is(value, text);
    troupe_q_future_unref(future);
}

void conn_fails(troupe_q_future **future, troupe_status status)
{
    ck_assert_int_eq(troupe_q_future_wait(*future, STUCK, NULL, &failure), status);
    troupe_q_future_unref(future);
}

troupe_q_value *conn_receive(troupe_q_connection *conn, int64_t amount)
{
    troupe_q_value *value = NULL;

    troupe_status status = troupe_q_connection_poll_recv(conn, amount, &value, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s", failure.text);
    return value;
}
