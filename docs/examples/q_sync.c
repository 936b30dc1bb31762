/* SPDX-License-Identifier: MIT
 * q_sync.c - sync connections: logging in, calls, limits, errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_connection *log_in(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.host = "127.0.0.1";
    options.port = port;
    options.username = "joe";
    options.password = "secret";
    options.timeout = TROUPE_S(30); /* of each call, and of connecting */
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static void refused(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.host = "127.0.0.1";
    options.port = port;
    options.username = "joe";
    options.password = "wrong";
    fails(troupe_q_connection_open(sys, &options, &conn, &why), TROUPE_EACCESS,
          "Authentication error");
}

static void queries(troupe_q_connection *conn)
{
    troupe_q_value *answer = NULL, *args[3] = {NULL, NULL, NULL};

    must(troupe_q_connection_query(conn, "til 10", 0, NULL, &answer, &why));
    is(&answer, "0 1 2 3 4 5 6 7 8 9");

    must(troupe_q_symbol("sync_query", TROUPE_Q_Z, &args[0]));
    must(troupe_q_long(10, &args[1]));
    must(troupe_q_long(5, &args[2]));
    must(troupe_q_connection_query(conn, "{x set y+til z}", 3, args, &answer, &why));
    is(&answer, "`sync_query");
    must(troupe_q_connection_query(conn, "sync_query", 0, NULL, &answer, &why));
    is(&answer, "10 11 12 13 14");
    for (int i = 0; i < 3; i++) {
        troupe_q_unref(&args[i]); /* calls take references of their own */
    }
}

static void errors(troupe_q_connection *conn)
{
    fails(troupe_q_connection_query(conn, "1+`a", 0, NULL, NULL, &why), TROUPE_EREMOTE,
          "type");
}

static void debugging(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *backtrace = NULL;
    size_t size = 0;

    request.text = "{x+`a}1";
    request.debug = true;
    request.backtrace = &backtrace;
    fails(troupe_q_connection_call(conn, &request, NULL, &why), TROUPE_EREMOTE, "type");
    const char *text = troupe_q_text(backtrace, &size);
    (void)printf("'%s\n%.*s\n", why.text, (int)size, text);
    troupe_q_unref(&backtrace);
}

static void without_waiting(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;

    request.text = "n:7";
    request.wait = TROUPE_Q_NO; /* sent async: nothing is answered */
    must(troupe_q_connection_call(conn, &request, &answer, &why));
    is(&answer, "::");
    must(troupe_q_connection_query(conn, "n", 0, NULL, &answer, &why));
    is(&answer, "7");
}

static void in_time(troupe_q_connection *conn)
{
    troupe_q_request request = TROUPE_Q_REQUEST;

    request.text = "{-30!(::)}[]"; /* the server defers its answer, for ever */
    request.timeout = TROUPE_MS(10);
    request.reuse = false; /* over a connection of this call's own */
    fails(troupe_q_connection_call(conn, &request, NULL, &why), TROUPE_ETIMEDOUT,
          "Query timed out");
}

static void in_words(troupe_q_connection *conn)
{
    char text[120];
    troupe_q_value *words = NULL;
    size_t size = 0;

    (void)snprintf(text, sizeof(text),
                   "pykx.QConnection(host='127.0.0.1', port=%d, username='joe', "
                   "password='********'",
                   port);
    must(troupe_q_connection_repr(conn, &words));
    if (strncmp(troupe_q_text(words, &size), text, strlen(text)) != 0) {
        exit(1);
    }
    troupe_q_unref(&words);
}

static void closing(troupe_q_connection *conn)
{
    must(troupe_q_connection_close(conn, &why));
    fails(troupe_q_connection_query(conn, "1", 0, NULL, NULL, &why), TROUPE_ECLOSED,
          "Attempted to use a closed IPC connection");
}

int main(void)
{
    static const troupe_q_user users[] = {{"joe", "secret"}};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.users = users;
    options.user_count = 1;
    options.close_limit = TROUPE_MS(10); /* one answer is due for ever */
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(options);
    troupe_q_connection *conn = log_in();
    refused();
    queries(conn);
    errors(conn);
    debugging(conn);
    without_waiting(conn);
    in_time(conn);
    in_words(conn);
    closing(conn);
    troupe_q_connection_free(&conn);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
