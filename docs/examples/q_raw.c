/* SPDX-License-Identifier: MIT
 * q_raw.c - raw connections: sent and received when told to. */
#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_connection *open_raw(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.kind = TROUPE_Q_RAW_CONNECTION;
    options.host = "127.0.0.1";
    options.port = port;
    options.timeout = TROUPE_S(30); /* of each message that is polled for */
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    must(troupe_q_connection_await(conn, &why));
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

static void ends(troupe_q_future **future, const char *text)
{
    troupe_q_value *answer = NULL;

    must(troupe_q_future_result(*future, &answer, &why)); /* does not wait */
    is(&answer, text);
    troupe_q_future_unref(future);
}

static void one_by_one(troupe_q_connection *conn)
{
    troupe_q_future *first = ask(conn, "1"), *second = ask(conn, "2"); /* queued */

    must(troupe_q_connection_poll_send(conn, 1, &why)); /* the first */
    must(troupe_q_connection_poll_send(conn, 1, &why)); /* the second */
    must(troupe_q_connection_poll_recv(conn, 1, NULL, &why));
    ends(&first, "1");
    must(troupe_q_connection_poll_recv(conn, 1, NULL, &why));
    ends(&second, "2");
}

static void all_of_them(troupe_q_connection *conn)
{
    troupe_q_future *futures[3] = {ask(conn, "1"), ask(conn, "2"), ask(conn, "3")};

    must(troupe_q_connection_poll_send(conn, 2, &why));       /* at most two */
    must(troupe_q_connection_poll_send(conn, 0, &why));       /* all that are queued */
    must(troupe_q_connection_poll_recv(conn, 2, NULL, &why)); /* at most two */
    must(troupe_q_connection_poll_recv(conn, 0, NULL, &why)); /* as are pending, or one */
    ends(&futures[0], "1");
    ends(&futures[1], "2");
    ends(&futures[2], "3");
}

static void pushed(troupe_q_connection *conn)
{
    troupe_q_future *call = ask(conn, "neg[.z.w]`first;`second"), *next = NULL;
    troupe_q_value *value = NULL;

    must(troupe_q_connection_poll_send(conn, 0, &why));
    must(troupe_q_connection_poll_recv(conn, 1, NULL, &why));
    ends(&call, "`first"); /* any message ends the oldest call */
    must(troupe_q_connection_poll_recv(conn, 1, &value, &why));
    is(&value, "`second"); /* one that ends none is the poll's */

    call = ask(conn, "neg[.z.w]`third;`fourth");
    must(troupe_q_connection_poll_send(conn, 0, &why));
    must(troupe_q_connection_poll_recv_async(conn, &next, &why)); /* a future of it */
    must(troupe_q_future_wait(next, TROUPE_S(30), &value, &why));
    is(&value, "`fourth");
    ends(&call, "`third");
    troupe_q_future_unref(&next);
}

static void waited_for(troupe_q_connection *conn)
{
    troupe_q_future *call = ask(conn, "til 10");
    troupe_q_value *answer = NULL;

    must(troupe_q_future_wait(call, TROUPE_S(30), &answer, &why)); /* sends and polls */
    is(&answer, "0 1 2 3 4 5 6 7 8 9");
    troupe_q_future_unref(&call);
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    troupe_q_connection *conn = open_raw();
    one_by_one(conn);
    all_of_them(conn);
    pushed(conn);
    waited_for(conn);
    troupe_q_connection_free(&conn);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
