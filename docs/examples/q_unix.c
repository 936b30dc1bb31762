/* SPDX-License-Identifier: MIT
 * q_unix.c - the Unix sockets of a port: abstract, padded, and the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/q_connection.h>

static troupe_system *sys;
static uint16_t port;
static troupe_failure why; /* of the last call that failed */

static void must(troupe_status status)
{
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "%s: %s\n", troupe_status_name(status), why.text);
        exit(1);
    }
}

/* It prints as the text; and is given back. */
static void is(troupe_q_value **value, const char *text)
{
    troupe_q_value *line = NULL;
    size_t size = 0;

    must(troupe_q_format_line(*value, 0, &line));
    const char *bytes = troupe_q_text(line, &size);
    if (size != strlen(text) || memcmp(bytes, text, size) != 0) {
        (void)fprintf(stderr, "%.*s instead of %s\n", (int)size, bytes, text);
        exit(1);
    }
    troupe_q_unref(&line);
    troupe_q_unref(value);
}

/* A q process of our own: an embedded q, and a server in front of it. */
static troupe_q_hub *serve(troupe_q_server_options options)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    troupe_q_server server;
    troupe_q_hub *hub = NULL;

    must(troupe_q_hub_new(sys, &hub));
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    engine.config = &q;
    must(troupe_engine_open(sys, &troupe_engine_embedq, &engine, &options.engine));
    options.hub = hub;
    must(troupe_q_serve(sys, &options, &server, &port));
    return hub;
}

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
