/* SPDX-License-Identifier: MIT
 * q_async.c - async connections: calls that give futures. */
#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_connection *open_async(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    options.host = "127.0.0.1";
    options.port = port;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    must(troupe_q_connection_await(conn, &why)); /* connects */
    return conn;
}

static troupe_q_future *ask(troupe_q_connection *conn, const char *text)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = text;
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &why));
    return future;
}

static void two_at_once(troupe_q_connection *conn)
{
    troupe_q_future *first = ask(conn, "til 10"), *second = ask(conn, "10+til 5");
    troupe_q_value *answer = NULL;

    must(troupe_q_future_wait(second, TROUPE_S(30), &answer, &why));
    is(&answer, "10 11 12 13 14");
    must(troupe_q_future_wait(first, TROUPE_S(30), &answer, &why)); /* is there already */
    is(&answer, "0 1 2 3 4 5 6 7 8 9");
    troupe_q_future_unref(&first);
    troupe_q_future_unref(&second);
}

/* The server answers the first call when the second comes, over another connection. */
static void deferred_response(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *deferred = NULL, *other = ask(conn, "w:0Ni");
    troupe_q_value *answer = NULL;

    must(troupe_q_future_wait(other, TROUPE_S(30), NULL, &why));
    troupe_q_future_unref(&other);
    request.text = "{w::.z.w;-30!(::)}[]";
    request.reuse = false; /* else all that is asked later would wait for it */
    must(troupe_q_connection_call_async(conn, &request, &deferred, NULL, &why));
    while (!troupe_q_future_done(deferred)) {
        other = ask(conn, "if[not null w;-30!(w;0b;`done);w::0Ni]");
        must(troupe_q_future_wait(other, TROUPE_S(30), NULL, &why));
        troupe_q_future_unref(&other);
    }
    must(troupe_q_future_result(deferred, &answer, &why));
    is(&answer, "`done");
    troupe_q_future_unref(&deferred);
}

static void asynchronous_response(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *sent = NULL, *response = NULL;
    troupe_q_value *value = NULL;

    request.text = "neg[.z.w] 42";
    request.wait = TROUPE_Q_NO;
    request.reuse = false;
    must(troupe_q_connection_call_async(conn, &request, &sent, &response, &why));
    must(troupe_q_future_wait(response, TROUPE_S(30), &value, &why));
    is(&value, "42");
    troupe_q_future_unref(&sent); /* has its result, `::` */
    troupe_q_future_unref(&response);
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    troupe_q_connection *conn = open_async();
    two_at_once(conn);
    deferred_response(conn);
    asynchronous_response(conn);
    troupe_q_connection_free(&conn);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
