/* SPDX-License-Identifier: MIT
 * tls_pair.c - both ends of a TLS connection in one test. */
#include "tests/protocol/tls_pair.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/certs.h"

struct trp_stream *client, *server;
char tls_why[TROUPE_FAILURE_TEXT];

troupe_tls_options client_options(void)
{
    troupe_tls_options options = TROUPE_TLS_OPTIONS;

    options.ca_cert_file = certs_path("ca.pem");
    return options;
}

troupe_tls_options server_options(const char *name)
{
    troupe_tls_options options = TROUPE_TLS_OPTIONS;
    char file[64];

    (void)snprintf(file, sizeof(file), "%s.pem", name);
    options.cert_file = certs_path(file);
    (void)snprintf(file, sizeof(file), "%s.key", name);
    options.key_file = certs_path(file);
    return options;
}

struct trp_tls_context *make_context(troupe_tls_options options, enum trp_tls_role role)
{
    struct trp_tls_context *context = NULL;

    troupe_status status = trp_tls_context_new(&options, role, tls_why, &context);
    ck_assert_msg(status == TROUPE_OK, "%s", tls_why);
    return context;
}

void open_ends(size_t room)
{
    OK(trp_stream_pair(room, TLS_LIMIT, &client, &server));
}

void wrap_client(troupe_tls_options options, const char *host)
{
    struct trp_tls_context *context = make_context(options, TRP_TLS_CLIENT);

    OK(trp_stream_tls_new(&client, context, host, &client));
    trp_tls_context_unref(&context);
}

void wrap_server(troupe_tls_options options)
{
    struct trp_tls_context *context = make_context(options, TRP_TLS_SERVER);

    OK(trp_stream_tls_new(&server, context, NULL, &server));
    trp_tls_context_unref(&context);
}

void open_tls(size_t room)
{
    open_ends(room);
    wrap_client(client_options(), "localhost");
    wrap_server(server_options("server"));
}

void close_ends(void)
{
    trp_stream_close(&client);
    trp_stream_close(&server);
}

/* Bytes that lie somewhere, whether they may move, and how it stands. */
static uint64_t state_of(const struct trp_stream *end)
{
    return trp_stream_sent(end) * 31 + end->in_end - end->in_start +
           trp_stream_backlog(end) * 7 + (uint64_t)end->handshaking * 3 +
           (end->ended != TROUPE_OK);
}

void run(void)
{
    uint64_t before, after = 0;
    unsigned still = 0;

    do {
        before = after;
        if (client != NULL) {
            trp_stream_turn(client);
        }
        if (server != NULL) {
            trp_stream_turn(server);
        }
        after = (client != NULL ? state_of(client) : 0) * 1000003 +
                (server != NULL ? state_of(server) : 0);
        still = after == before ? still + 1 : 0;
    } while (still < 3);
}

void expect_ready(void)
{
    ck_assert_msg(trp_stream_ready(client) == TROUPE_OK, "client: %s", client->why);
    ck_assert_msg(trp_stream_ready(server) == TROUPE_OK, "server: %s", server->why);
}

void expect_failure(const struct trp_stream *end, troupe_status status, const char *like)
{
    ck_assert_int_eq(trp_stream_ready(end), status);
    ck_assert_int_eq(end->ended, status);
    ck_assert_ptr_nonnull(end->why);
    ck_assert_msg(strstr(end->why, like) != NULL, "%s", end->why);
}

void say(struct trp_stream *from, struct trp_stream *to, const char *text)
{
    size_t size;

    OK(trp_stream_write(from, text, strlen(text)));
    run();
    const uint8_t *bytes = trp_stream_view(to, &size);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(bytes, text, size);
    trp_stream_consume(to, size);
}
