/* SPDX-License-Identifier: MIT
 * q_names.c - the context interface: what names mean on the server. */
#include <stdlib.h>

#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_connection *open_plain(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.host = "127.0.0.1";
    options.port = port;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static void globals(troupe_q_connection *conn)
{
    troupe_q_value *value = NULL;

    must(troupe_q_long(5, &value));
    must(troupe_q_connection_set(conn, "five", value, &why));
    troupe_q_unref(&value);
    must(troupe_q_connection_get(conn, "five", &value, &why));
    is(&value, "5");
}

static void functions(troupe_q_connection *conn)
{
    troupe_q_value *args[2] = {NULL, NULL}, *answer = NULL;

    must(troupe_q_long(40, &args[0]));
    must(troupe_q_long(2, &args[1]));
    must(troupe_q_connection_query(conn, ".test.addition:{x+y};", 0, NULL, NULL, &why));
    must(troupe_q_connection_apply(conn, ".test.addition", 2, args, &answer, &why));
    is(&answer, "42");
    must(troupe_q_connection_apply(conn, "til", 1, &args[1], &answer, &why));
    is(&answer, "0 1");
    troupe_q_unref(&args[0]);
    troupe_q_unref(&args[1]);
}

static void what_it_is(troupe_q_connection *conn)
{
    troupe_q_name what = TROUPE_Q_NAME_VALUE;
    troupe_q_value *there = NULL;

    must(troupe_q_connection_context(conn, ".test", &what, &there, &why));
    if (what == TROUPE_Q_NAME_NAMESPACE) {
        is(&there, "``addition");
    }
    must(troupe_q_connection_context(conn, ".test.addition", &what, NULL, &why));
    if (what != TROUPE_Q_NAME_FUNCTION) {
        exit(1);
    }
}

static void without_names(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;
    troupe_q_value *answer = NULL, *five = NULL;

    options.host = "127.0.0.1";
    options.port = port;
    options.no_ctx = true;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    fails(troupe_q_connection_get(conn, "five", &answer, &why), TROUPE_ESTATE,
          "Attempted to use context interface after disabling it.");
    must(troupe_q_long(5, &five));
    must(troupe_q_connection_apply(conn, "til", 1, &five, &answer, &why)); /* q's own */
    is(&answer, "0 1 2 3 4");
    troupe_q_unref(&five);
    troupe_q_connection_free(&conn);
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    troupe_q_connection *conn = open_plain();
    globals(conn);
    functions(conn);
    what_it_is(conn);
    without_names();
    troupe_q_connection_free(&conn);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
