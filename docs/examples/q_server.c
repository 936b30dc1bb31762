/* SPDX-License-Identifier: MIT
 * q_server.c - a server with users from a file, and bounds on its clients.
 *
 *   troupe q passwd users joe
 *   example_q_server users PASSWORD */
#include <troupe/q_connection.h>

#include "q_example.h"

static troupe_q_hub *hub;

static troupe_q_server_options bounded(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.clients_max = 100;           /* at once; others are closed */
    options.requests_max = 8;            /* of one client being evaluated */
    options.message_limit = 16 << 20;    /* bytes of one message */
    options.memory_limit = 1 << 30;      /* bytes, for all clients together */
    options.output_limit = 64 << 20;     /* bytes a client lets wait, then it goes */
    options.login_limit = TROUPE_S(5);   /* from connecting to being let in */
    options.idle_limit = TROUPE_S(3600); /* a silent client is closed, and sent nothing */
    options.send_limit = TROUPE_S(60);   /* one that takes nothing is dropped */
    return options;
}

static void evaluate(troupe_q_server_options *options)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;

    must(troupe_q_hub_new(sys, &hub)); /* by which q code reaches clients: .z.w, neg h */
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    engine.config = &q;
    must(troupe_engine_open(sys, &troupe_engine_embedq, &engine, &options->engine));
    options->hub = hub;
}

static troupe_q_server serve_users(const char *users_file)
{
    troupe_q_server_options options = bounded();
    troupe_q_users *users = NULL;
    troupe_q_server server;

    evaluate(&options);
    must(troupe_q_users_load(users_file, &users, &why));
    options.accounts = users; /* the server takes a reference of its own */
    options.failure = &why;
    must(troupe_q_serve(sys, &options, &server, &port));
    troupe_q_users_free(&users);
    return server;
}

static troupe_status log_in(const char *password, troupe_q_connection **conn)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;

    options.host = "127.0.0.1";
    options.port = port;
    options.username = "joe";
    options.password = password;
    return troupe_q_connection_open(sys, &options, conn, &why);
}

static void use(const char *password)
{
    troupe_q_connection *conn = NULL;
    troupe_q_value *answer = NULL;

    fails(log_in("a guess", &conn), TROUPE_EACCESS, "Authentication error");
    must(log_in(password, &conn));
    must(troupe_q_connection_query(conn, "(.z.u;til 10)", 0, NULL, &answer, &why));
    is(&answer, "(`joe;0 1 2 3 4 5 6 7 8 9)");
    troupe_q_connection_free(&conn);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_server server = serve_users(argv[1]);
    use(argv[2]);
    must(troupe_q_server_close(sys, server)); /* after the answers that are due */
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
