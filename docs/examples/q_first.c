/* SPDX-License-Identifier: MIT
 * q_first.c - asks the q process on a port of this machine.
 *
 *   example_q_first PORT */
#include <stdio.h>
#include <stdlib.h>

#include <troupe/q_connection.h>

static int ask(troupe_system *sys, uint16_t port)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;
    troupe_q_value *answer = NULL;
    troupe_failure why;
    int64_t number = 0;

    options.port = port;
    troupe_status status = troupe_q_connection_open(sys, &options, &conn, &why);
    if (status == TROUPE_OK) {
        status = troupe_q_connection_query(conn, "til 10", 0, NULL, &answer, &why);
    }
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "%s: %s\n", troupe_status_name(status), why.text);
    }
    for (size_t i = 0; status == TROUPE_OK && i < troupe_q_count(answer); i++) {
        status = troupe_q_get_long(answer, i, &number);
        (void)printf("%lld ", (long long)number);
    }
    troupe_q_unref(&answer);         /* a reference was the caller's */
    troupe_q_connection_free(&conn); /* NULL inside is allowed, here and above */
    return status == TROUPE_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    troupe_system *sys = NULL;

    if (argc != 2 || troupe_system_new(NULL, &sys) != TROUPE_OK) {
        return 2;
    }
    if (troupe_system_start(sys) != TROUPE_OK) { /* on threads of its own */
        return 2;
    }
    int code = ask(sys, (uint16_t)atoi(argv[1]));
    troupe_system_shutdown(sys, TROUPE_S(5));
    (void)(troupe_system_join(sys) == TROUPE_OK);
    troupe_system_free(&sys);
    return code;
}
