/* SPDX-License-Identifier: MIT
 * q_subscriber.c - subscribes to a tickerplant, here one of our own in a few lines of q.
 */
#include <string.h>

#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_connection *open_kind(troupe_q_kind kind)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.kind = kind;
    options.host = "127.0.0.1";
    options.port = port;
    options.timeout = TROUPE_S(30); /* of a raw one: of each message that is polled for */
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    must(troupe_q_connection_await(conn, &why));
    return conn;
}

/* What a tickerplant does: remembers who subscribes, and sends them `upd`. */
static void set_up(troupe_q_connection *conn)
{
    static const char *const script[] = {
        "trade:([]sym:`symbol$();size:`long$())",
        ".u.sub:{[t;s] w::.z.w; (t;0#value t)}",
        ".u.upd:{[t;x] neg[w](`upd;t;x);}",
    };

    for (int i = 0; i < 3; i++) {
        must(troupe_q_connection_query(conn, script[i], 0, NULL, NULL, &why));
    }
}

/* Sends (".u.sub";`trade;`): all symbols of that table. */
static void subscribe(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *args[2] = {NULL, NULL}, *schema = NULL;
    troupe_q_future *future = NULL;

    must(troupe_q_symbol("trade", TROUPE_Q_Z, &args[0]));
    must(troupe_q_symbol("", TROUPE_Q_Z, &args[1]));
    request.text = ".u.sub";
    request.count = 2;
    request.args = args;
    must(troupe_q_connection_call_async(conn, &request, &future, NULL, &why));
    must(troupe_q_future_wait(future, TROUPE_S(30), &schema, &why));
    is(&schema, "(`trade;+`sym`size!(`symbol$();`long$()))");
    troupe_q_future_unref(&future);
    troupe_q_unref(&args[0]);
    troupe_q_unref(&args[1]);
}

static void publish(troupe_q_connection *conn)
{
    troupe_q_value *row = NULL;

    must(troupe_q_connection_query(conn, "(`a;10)", 0, NULL, &row, &why));
    for (int i = 0; i < 3; i++) {
        must(troupe_q_connection_upd(conn, "trade", row, &why));
    }
    troupe_q_unref(&row);
}

/* Each push is (`upd;`trade;data). NULL is what a poll gives when nothing came in time.
 */
static size_t hear(troupe_q_connection *conn, size_t most)
{
    size_t heard = 0;

    for (troupe_q_value *push = NULL; heard < most; troupe_q_unref(&push)) {
        must(troupe_q_connection_poll_recv(conn, 1, &push, &why));
        if (push == NULL) {
            break;
        }
        const char *name = troupe_q_get_symbol(troupe_q_part(push, 0), 0);
        if (name != NULL && strcmp(name, "upd") == 0) {
            heard++;
        }
    }
    return heard;
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    troupe_q_connection *feed = open_kind(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_connection *subscriber = open_kind(TROUPE_Q_RAW_CONNECTION);
    set_up(feed);
    subscribe(subscriber);
    publish(feed);
    if (hear(subscriber, 3) != 3) {
        return 1;
    }
    troupe_q_connection_free(&feed);
    troupe_q_connection_free(&subscriber);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
