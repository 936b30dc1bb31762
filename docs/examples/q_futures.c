/* SPDX-License-Identifier: MIT
 * q_futures.c - futures: callbacks, cancelling, looking. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_future *ask(troupe_q_connection *conn, const char *text)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = text;
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &why));
    return future;
}

/* Runs once for each future, on the thread that ends it: here a base's, where nothing may
 * wait. What it touches is its own, or atomic. */
static void count(void *context, troupe_q_future *future)
{
    if (!troupe_q_future_cancelled(future)) {
        (void)atomic_fetch_add((atomic_int *)context, 1);
    }
}

static void callbacks(troupe_q_connection *conn)
{
    atomic_int ended = 0;
    troupe_q_future *future = NULL;

    for (int i = 0; i < 10; i++) {
        future = ask(conn, "til 10");
        must(troupe_q_future_add_done_callback(future, count, &ended));
        troupe_q_future_unref(&future); /* the call goes on without it */
    }
    must(troupe_q_connection_close(conn, &why)); /* waits for the answers */
    if (ended != 10) {
        exit(1);
    }
}

static void taken_back(void)
{
    atomic_int ended = 0;
    troupe_q_future *future = NULL;

    must(troupe_q_future_new(&future)); /* of the program's own */
    must(troupe_q_future_add_done_callback(future, count, &ended));
    must(troupe_q_future_add_done_callback(future, count, &ended));
    if (troupe_q_future_remove_done_callback(future, count, &ended) != 2) {
        exit(1);
    }
    must(troupe_q_future_add_done_callback(future, count, &ended));
    must(troupe_q_future_set_result(future, NULL)); /* `::`; runs it, on this thread */
    must(troupe_q_future_add_done_callback(future, count, &ended)); /* late: at once */
    if (ended != 2) {
        exit(1);
    }
    troupe_q_future_unref(&future);
}

static void cancel(troupe_q_connection *conn)
{
    troupe_q_future *first = ask(conn, "til 10"), *second = ask(conn, "42");
    troupe_q_value *answer = NULL;

    if (troupe_q_future_cancel(first, "not needed") == TROUPE_OK) {
        fails(troupe_q_future_result(first, &answer, &why), TROUPE_ECANCELED,
              "This QFuture instance has been cancelled and cannot be awaited. "
              "not needed.");
    } /* else it was answered before */
    must(troupe_q_future_wait(second, TROUPE_S(30), &answer, &why));
    is(&answer, "42"); /* and never what the first was answered */
    troupe_q_future_unref(&first);
    troupe_q_future_unref(&second);
}

static void look(troupe_q_connection *conn)
{
    troupe_q_future *future = ask(conn, "1+`a");

    if (!troupe_q_future_done(future)) {
        (void)printf("not yet\n"); /* troupe_q_future_result says TROUPE_EAGAIN */
    }
    fails(troupe_q_future_wait(future, TROUPE_S(30), NULL, &why), TROUPE_EREMOTE, "type");
    fails(troupe_q_future_exception(future, &why), TROUPE_EREMOTE, "type");
    troupe_q_future_unref(&future);
}

int main(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    options.host = "127.0.0.1";
    options.port = port;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    must(troupe_q_connection_await(conn, &why));
    cancel(conn);
    look(conn);
    callbacks(conn);
    taken_back();
    troupe_q_connection_free(&conn);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
