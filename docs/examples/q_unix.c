/* SPDX-License-Identifier: MIT
 * q_unix.c - the Unix sockets of a port: abstract, padded, and the file. */
#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_connection *open_unix(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.port = port;
    options.unix_domain = true; /* `host` is ignored */
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static troupe_q_connection *open_form(troupe_q_unix_form form)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.port = port;
    options.unix_domain = true;
    options.unix_form = form;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static void use(troupe_q_connection *conn)
{
    troupe_q_value *answer = NULL;

    must(troupe_q_connection_query(conn, "til 10", 0, NULL, &answer, &why));
    is(&answer, "0 1 2 3 4 5 6 7 8 9");
    troupe_q_connection_free(&conn);
}

int main(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.unix_domain = TROUPE_Q_UNIX_ALL;
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(options);
    use(open_unix());
    use(open_form(TROUPE_Q_UNIX_FORM_EXACT));
    use(open_form(TROUPE_Q_UNIX_FORM_PADDED));
    use(open_form(TROUPE_Q_UNIX_FORM_FILE));
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
