/* SPDX-License-Identifier: MIT
 * q_files.c - runs a file on the server, and gives rows to a tickerplant.
 *
 *   example_q_files q_script.q */
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

static void run_file(troupe_q_connection *conn, const char *path)
{
    troupe_q_value *results = NULL;

    must(troupe_q_connection_file_execute(conn, path, true, &results, &why));
    is(&results, "(::;::;::;40)"); /* one for each statement */
    must(troupe_q_connection_file_execute(conn, path, false, &results, &why));
    is(&results, "::"); /* all was sent, and nothing is heard of it */
}

static void upd(troupe_q_connection *conn)
{
    static const char *const names[] = {"sym", "size"};
    static const int64_t sizes[] = {1, 2};
    troupe_q_value *columns[2] = {NULL, NULL}, *table = NULL, *answer = NULL;

    must(troupe_q_symbols(2, (const char *const[]){"a", "b"}, &columns[0]));
    must(troupe_q_vector(TROUPE_Q_LONG, 2, sizes, &columns[1]));
    must(troupe_q_table_of(2, names, columns, &table));
    must(troupe_q_connection_upd(conn, "trade", table, &why)); /* calls .u.upd there */
    must(troupe_q_connection_query(conn, "total each `a`b", 0, NULL, &answer, &why));
    is(&answer, "41 22");
    troupe_q_unref(&table);
    troupe_q_unref(&columns[0]);
    troupe_q_unref(&columns[1]);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    troupe_q_connection *conn = open_plain();
    run_file(conn, argv[1]);
    upd(conn);
    troupe_q_connection_free(&conn);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
