/* SPDX-License-Identifier: MIT
 * test_tls_sockets.c - TLS over sockets of a running system: owners do only what they are
 * told to, so a signal that is missing shows as a test that does not end. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "mailbox/alloc.h"
#include "tests/support/certs.h"
#include "tests/support/host.h"
#include "tests/support/suite.h"
#include "transports/stream_tls.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

enum { CLIENT, SERVER, MUCH = 16 << 20, LIMIT = 64 << 20 };

static size_t got[2];
static uint8_t *much;
static char why[TROUPE_FAILURE_TEXT];

static struct trp_tls_context *context_of(unsigned end, const char *cert)
{
    troupe_tls_options options = TROUPE_TLS_OPTIONS;
    struct trp_tls_context *context = NULL;
    char file[64];

    if (end == CLIENT) {
        options.ca_cert_file = certs_path("ca.pem");
    } else {
        (void)snprintf(file, sizeof(file), "%s.pem", cert);
        options.cert_file = certs_path(file);
        (void)snprintf(file, sizeof(file), "%s.key", cert);
        options.key_file = certs_path(file);
    }
    enum trp_tls_role role = end == CLIENT ? TRP_TLS_CLIENT : TRP_TLS_SERVER;
    ck_assert_msg(trp_tls_context_new(&options, role, why, &context) == TROUPE_OK, "%s",
                  why);
    return context;
}

static troupe_status open_sockets(troupe_self *self, void *cert)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (unsigned end = CLIENT; end <= SERVER; end++) {
        struct trp_tls_context *context = context_of(end, cert);
        struct trp_stream *plain = NULL;
        OK(trp_stream_tcp_new(self, fds[end], LIMIT, &plain));
        OK(trp_stream_tls_new(&plain, context, "localhost", &host_streams[end]));
        ck_assert_ptr_null(plain);
        trp_tls_context_unref(&context);
        got[end] = 0;
    }
    return TROUPE_OK;
}

static troupe_status write_much(troupe_self *self, void *argument)
{
    troupe_blob *blob = NULL;

    (void)self, (void)argument;
    OK(trp_stream_write(host_streams[CLIENT], much, MUCH));
    OK(troupe_blob_new(much, MUCH, &blob));
    OK(trp_stream_write_blob(host_streams[SERVER], blob));
    troupe_blob_unref(&blob);
    return TROUPE_OK;
}

/* One look at each end a signal, and no more. */
static troupe_status read_much(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    for (unsigned end = CLIENT; end <= SERVER; end++) {
        size_t size;
        const uint8_t *bytes = trp_stream_view(host_streams[end], &size);
        ck_assert_int_eq(host_streams[end]->ended, TROUPE_OK);
        ck_assert(size == 0 || memcmp(bytes, much + got[end], size) == 0);
        got[end] += size;
        if (size > 0) {
            trp_stream_consume(host_streams[end], size);
        }
    }
    return got[CLIENT] == MUCH && got[SERVER] == MUCH ? TROUPE_OK : TROUPE_EAGAIN;
}

static troupe_status both_ready(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    troupe_status client = trp_stream_ready(host_streams[CLIENT]);
    troupe_status server = trp_stream_ready(host_streams[SERVER]);
    return client != TROUPE_OK ? client : server;
}

static troupe_status told_when_empty(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    for (unsigned end = CLIENT; end <= SERVER; end++) {
        if (trp_stream_backlog(host_streams[end]) > 0) {
            host_streams[end]->want_empty = true;
            return TROUPE_EAGAIN;
        }
    }
    return TROUPE_OK;
}

static troupe_status describe(troupe_self *self, void *argument)
{
    char text[TRP_STREAM_TEXT];

    (void)self, (void)argument;
    trp_stream_describe(host_streams[CLIENT], text, sizeof(text));
    ck_assert_str_eq(text, "tls unix");
    ck_assert(host_streams[CLIENT]->local);
    return TROUPE_OK;
}

static troupe_status shut_client(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    trp_stream_shut(host_streams[CLIENT]);
    return TROUPE_OK;
}

static troupe_status close_server(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    trp_stream_close(&host_streams[SERVER]);
    return TROUPE_OK;
}

static troupe_status client_ends(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    return host_streams[CLIENT]->ended != TROUPE_OK ? TROUPE_OK : TROUPE_EAGAIN;
}

static troupe_status server_ends(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    if (host_streams[SERVER]->ended == TROUPE_OK) {
        return TROUPE_EAGAIN;
    }
    ck_assert_int_eq(host_streams[SERVER]->system, 0);
    return TROUPE_OK;
}

static void begin(void)
{
    certs_make();
    much = trp_alloc(MUCH);
    ck_assert_ptr_nonnull(much);
    for (size_t i = 0; i < MUCH; i++) {
        much[i] = (uint8_t)(i * 3 + i / 4093);
    }
    host_begin();
}

static void end(void)
{
    host_end();
    trp_free(much);
    certs_remove();
}

START_TEST(much_goes_both_ways_by_signals_alone)
{
    char cert[] = "server";

    OK(host_do(open_sockets, cert));
    OK(host_do(both_ready, NULL));
    OK(host_do(describe, NULL));
    OK(host_do(write_much, NULL));
    OK(host_do(read_much, NULL));
    OK(host_do(told_when_empty, NULL));
    OK(host_do(shut_client, NULL));
    OK(host_do(server_ends, NULL));
    OK(host_do(close_server, NULL));
    OK(host_do(client_ends, NULL));
}
END_TEST

START_TEST(what_is_written_before_the_handshake_arrives_after_it)
{
    char cert[] = "server";

    OK(host_do(open_sockets, cert));
    OK(host_do(write_much, NULL));
    OK(host_do(read_much, NULL));
}
END_TEST

START_TEST(a_failed_handshake_is_told_to_both)
{
    char cert[] = "expired";

    OK(host_do(open_sockets, cert));
    ck_assert_int_eq(host_do(both_ready, NULL), TROUPE_ETLS);
    OK(host_do(client_ends, NULL));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("tls sockets");
    TCase *tcase = tcase_create("tls sockets");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, much_goes_both_ways_by_signals_alone);
    tcase_add_test(tcase, what_is_written_before_the_handshake_arrives_after_it);
    tcase_add_test(tcase, a_failed_handshake_is_told_to_both);
    suite_add_tcase(suite, tcase);
    return suite;
}
