/* SPDX-License-Identifier: MIT
 * q_raw_server.c - a server that is driven by polling, and a client of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/q_connection.h>

#include "q_example.h"

/* .z.pw: who may come in. */
static troupe_status on_login(void *context, const troupe_q_event *event,
                              troupe_q_value **answer)
{
    size_t size = 0;
    const char *password = troupe_q_text(event->value, &size);

    (void)context;
    return troupe_q_boolean(strcmp(event->user, "joe") == 0 && size == 6 &&
                                memcmp(password, "secret", 6) == 0,
                            answer);
}

/* .z.pg: what a query is answered. */
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

    options.kind = TROUPE_Q_RAW_CONNECTION;
    options.as_server = true;
    options.host = "127.0.0.1";
    options.port = 0;                    /* any free one */
    options.timeout = TROUPE_MS(10);     /* of a poll with nothing to do */
    options.conn_gc_time = TROUPE_S(20); /* a client silent for so long is closed */
    must(troupe_q_connection_open(sys, &options, &server, &why));
    must(troupe_q_connection_on(server, TROUPE_EMBEDQ_LOGIN, on_login, NULL));
    must(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, on_sync, NULL));
    must(troupe_q_connection_await(server, &why)); /* listens */
    port = troupe_q_connection_port(server);
    return server;
}

/* The client is an actor: a connection that waits would need a thread of its own. */
static troupe_q open_client(void)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    options.host = "127.0.0.1";
    options.port = port;
    options.username = "joe";
    options.password = "secret";
    must(troupe_q_open(sys, &options, &q));
    return q;
}

static void serve_one(troupe_q_connection *server, troupe_q q)
{
    troupe_q_value *query = NULL, *answer = NULL;
    troupe_pending *pending = NULL;
    troupe_msg *msg = NULL;

    must(troupe_q_query("abcd", 0, NULL, &query));
    must(troupe_q_post_call(sys, q, &query, TROUPE_S(30), &pending));
    while (troupe_pending_wait(pending, 0, &msg) != TROUPE_OK) {
        must(troupe_q_connection_poll_recv(server, 0, NULL, &why)); /* all there are */
    }
    must(troupe_msg_status(msg));
    answer = troupe_q_take(msg);
    is(&answer, "4");
    troupe_msg_free(&msg);
    troupe_pending_free(&pending);
}

static void until_it_has_gone(troupe_q_connection *server, troupe_q q)
{
    size_t clients = 0;

    must(troupe_q_connection_clean_open_connections(server, &clients, &why));
    (void)printf("clients: %zu\n", clients);
    must(troupe_q_close(sys, q));
    while (clients > 0) { /* noticed without a message to it */
        must(troupe_q_connection_poll_recv(server, 1, NULL, &why)); /* at most one */
        must(troupe_q_connection_clean_open_connections(server, &clients, &why));
    }
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_connection *server = raw_server();
    troupe_q q = open_client();
    serve_one(server, q);
    until_it_has_gone(server, q);
    troupe_q_connection_free(&server);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    return 0;
}
