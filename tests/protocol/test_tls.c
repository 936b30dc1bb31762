/* SPDX-License-Identifier: MIT
 * test_tls.c - handshakes that are right and wrong, ends that are orderly and not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/protocol/tls_pair.h"
#include "tests/support/certs.h"

enum { ROOM = TRP_STREAM_BLOCK };

START_TEST(a_handshake_succeeds_in_pieces_of_any_size)
{
    static const size_t rooms[] = {1, 7, 1000, ROOM};

    open_tls(rooms[_i]);
    run();
    expect_ready();
    say(client, server, "from the client");
    say(server, client, "from the server");
    close_ends();
}
END_TEST

START_TEST(what_is_written_before_the_handshake_waits_for_it)
{
    size_t size;

    open_ends(ROOM);
    wrap_client(client_options(), "localhost");
    OK(trp_stream_write(client, "early", 5));
    ck_assert_int_eq(trp_stream_ready(client), TROUPE_EAGAIN);
    ck_assert_uint_ge(trp_stream_backlog(client), 5);
    wrap_server(server_options("server"));
    run();
    expect_ready();
    const uint8_t *bytes = trp_stream_view(server, &size);
    ck_assert_uint_eq(size, 5);
    ck_assert_mem_eq(bytes, "early", 5);
    close_ends();
}
END_TEST

START_TEST(a_server_may_look_at_the_first_byte_before_it_puts_tls_on)
{
    size_t size;

    open_ends(ROOM);
    wrap_client(client_options(), "localhost");
    const uint8_t *bytes = trp_stream_view(server, &size);
    ck_assert_uint_gt(size, 0);
    ck_assert_uint_eq(bytes[0], TRP_TLS_FIRST_BYTE);
    wrap_server(server_options("server"));
    run();
    expect_ready();
    say(client, server, "hello");
    close_ends();
}
END_TEST

struct wrong {
    const char *server, *host;
    const char *client_says, *server_says;
};

static const struct wrong wrongs[] = {
    {"wrong", "localhost", "not for 'localhost'", ""},
    {"server", "127.0.0.2", "not for '127.0.0.2'", ""},
    {"stray", "localhost", "authority that is not trusted", "authority"},
    {"expired", "localhost", "has expired", "has expired"},
    {"early", "localhost", "is not valid yet", ""},
};

START_TEST(a_wrong_certificate_is_said_to_be_what_it_is)
{
    const struct wrong *wrong = &wrongs[_i];

    open_ends(ROOM);
    wrap_client(client_options(), wrong->host);
    wrap_server(server_options(wrong->server));
    OK(trp_stream_write(client, "secret", 6));
    run();
    expect_failure(client, TROUPE_ETLS, wrong->client_says);
    ck_assert_uint_eq(trp_stream_backlog(client), 0);
    ck_assert_int_ne(server->ended, TROUPE_OK);
    ck_assert_msg(strstr(server->why, wrong->server_says) != NULL, "%s", server->why);
    close_ends();
}
END_TEST

START_TEST(names_addresses_and_absolute_names_are_checked)
{
    static const char *const right[] = {"localhost", "localhost.", "127.0.0.1", "::1"};

    open_ends(ROOM);
    wrap_client(client_options(), right[_i]);
    wrap_server(server_options("server"));
    run();
    expect_ready();
    close_ends();
}
END_TEST

START_TEST(another_name_than_that_dialled_can_be_checked)
{
    troupe_tls_options options = client_options();

    options.server_name = "elsewhere.example";
    open_ends(ROOM);
    wrap_client(options, "localhost");
    wrap_server(server_options("wrong"));
    run();
    expect_ready();
    close_ends();
}
END_TEST

START_TEST(the_chain_alone_or_nothing_is_checked_when_asked_for)
{
    troupe_tls_options options = client_options();

    options.verify = _i == 0 ? TROUPE_TLS_VERIFY_CHAIN : TROUPE_TLS_VERIFY_NONE;
    open_ends(ROOM);
    wrap_client(options, "localhost");
    wrap_server(server_options(_i == 0 ? "wrong" : "stray"));
    run();
    expect_ready();
    close_ends();
}
END_TEST

START_TEST(a_client_without_a_name_to_check_is_refused)
{
    struct trp_tls_context *context = make_context(client_options(), TRP_TLS_CLIENT);
    struct trp_stream *none = NULL;

    open_ends(ROOM);
    ck_assert_int_eq(trp_stream_tls_new(&client, context, NULL, &none), TROUPE_EINVAL);
    ck_assert_int_eq(trp_stream_tls_new(&client, context, "", &none), TROUPE_EINVAL);
    ck_assert_ptr_nonnull(client);
    trp_tls_context_unref(&context);
    close_ends();
}
END_TEST

/* ---- certificates of clients ---- */

static void with_client_certificate(troupe_tls_verify verify, const char *name)
{
    troupe_tls_options ours = client_options(), theirs = server_options("server");

    if (name != NULL) {
        troupe_tls_options own = server_options(name);
        ours.cert_file = own.cert_file;
        ours.key_file = own.key_file;
    }
    theirs.verify = verify;
    theirs.ca_cert_file = certs_path("ca.pem");
    open_ends(ROOM);
    wrap_client(ours, "localhost");
    wrap_server(theirs);
    run();
}

START_TEST(a_server_may_require_a_certificate)
{
    with_client_certificate(TROUPE_TLS_VERIFY_REQUIRE, "client");
    expect_ready();
    say(client, server, "it is me");
    close_ends();
    with_client_certificate(TROUPE_TLS_VERIFY_REQUIRE, NULL);
    expect_failure(server, TROUPE_ETLS, "shows no certificate");
    ck_assert_int_eq(client->ended, TROUPE_ETLS);
    ck_assert_str_eq(client->why, "the peer wants a certificate");
    close_ends();
    with_client_certificate(TROUPE_TLS_VERIFY_REQUIRE, "stray");
    expect_failure(server, TROUPE_ETLS, "authority");
    close_ends();
}
END_TEST

START_TEST(a_server_may_check_only_certificates_that_are_shown)
{
    with_client_certificate(TROUPE_TLS_VERIFY_IF_PRESENT, NULL);
    expect_ready();
    close_ends();
    with_client_certificate(TROUPE_TLS_VERIFY_IF_PRESENT, "stray");
    expect_failure(server, TROUPE_ETLS, "authority");
    close_ends();
}
END_TEST

START_TEST(a_server_may_ask_for_a_certificate_and_not_judge_it)
{
    ck_assert_int_eq(setenv("SSL_VERIFY_CLIENT", "REQUESTONLY", 1), 0);
    with_client_certificate(TROUPE_TLS_VERIFY_DEFAULT, "stray");
    expect_ready();
    close_ends();
    ck_assert_int_eq(unsetenv("SSL_VERIFY_CLIENT"), 0);
}
END_TEST

/* ---- other peers ---- */

START_TEST(two_sides_without_a_common_version_do_not_meet)
{
    troupe_tls_options ours = client_options(), theirs = server_options("server");

    ours.minprotocol = "TLSv1.3";
    theirs.maxprotocol = "TLSv1.2";
    open_ends(ROOM);
    wrap_client(ours, "localhost");
    wrap_server(theirs);
    run();
    expect_failure(server, TROUPE_ETLS, "no version");
    expect_failure(client, TROUPE_ETLS, "no version");
    close_ends();
}
END_TEST

START_TEST(plain_bytes_are_not_tls)
{
    static const char plain[] = "GET / HTTP/1.0 or a q login, which is long enough";

    open_ends(ROOM);
    if (_i == 0) {
        wrap_server(server_options("server"));
        OK(trp_stream_write(client, plain, sizeof(plain)));
        run();
        expect_failure(server, TROUPE_ETLS, "does not speak TLS");
    } else {
        wrap_client(client_options(), "localhost");
        OK(trp_stream_write(server, plain, sizeof(plain)));
        run();
        expect_failure(client, TROUPE_ETLS, "does not speak TLS");
    }
    close_ends();
}
END_TEST

START_TEST(a_peer_that_closes_during_the_handshake_is_lost)
{
    open_ends(ROOM);
    wrap_client(client_options(), "localhost");
    trp_stream_close(&server);
    run();
    expect_failure(client, TROUPE_ELOST, "during the TLS handshake");
    ck_assert_int_ne(client->system, 0);
    close_ends();
}
END_TEST

/* ---- ends ---- */

START_TEST(an_orderly_end_is_said_inside_tls)
{
    size_t size;

    open_tls(ROOM);
    run();
    OK(trp_stream_write(client, "last words", 10));
    trp_stream_shut(client);
    run();
    (void)trp_stream_view(server, &size);
    ck_assert_uint_eq(size, 10);
    ck_assert_int_eq(server->ended, TROUPE_ELOST);
    ck_assert_int_eq(server->system, 0);
    ck_assert_ptr_null(server->why);
    ck_assert_int_eq(client->ended, TROUPE_OK);
    say(server, client, "the other way is open");
    trp_stream_close(&server);
    run();
    ck_assert_int_eq(client->ended, TROUPE_ELOST);
    ck_assert_int_eq(client->system, 0);
    close_ends();
}
END_TEST

START_TEST(closing_says_the_end_when_all_was_written)
{
    open_tls(ROOM);
    run();
    trp_stream_close(&client);
    run();
    ck_assert_int_eq(server->ended, TROUPE_ELOST);
    ck_assert_int_eq(server->system, 0);
    close_ends();
}
END_TEST

/* Breaks the connection below TLS. */
static void cut(struct trp_stream *end)
{
    trp_stream_shut(end->lower);
}

START_TEST(an_end_that_was_not_said_is_a_lost_connection)
{
    size_t size;

    open_tls(ROOM);
    run();
    OK(trp_stream_write(client, "first half", 10));
    run();
    cut(client);
    run();
    (void)trp_stream_view(server, &size);
    ck_assert_uint_eq(size, 10);
    ck_assert_int_eq(server->ended, TROUPE_ELOST);
    ck_assert_int_eq(server->system, ECONNABORTED);
    ck_assert_ptr_nonnull(strstr(server->why, "without ending TLS"));
    close_ends();
}
END_TEST

START_TEST(closing_with_output_left_is_not_an_orderly_end)
{
    static uint8_t much[1 << 20];
    size_t size;

    open_tls(ROOM);
    run();
    OK(trp_stream_write(client, much, sizeof(much)));
    trp_stream_close(&client);
    for (;;) { /* the server takes all there is */
        run();
        (void)trp_stream_view(server, &size);
        if (size == 0) {
            break;
        }
        trp_stream_consume(server, size);
    }
    ck_assert_int_eq(server->ended, TROUPE_ELOST);
    ck_assert_int_ne(server->system, 0);
    close_ends();
}
END_TEST

START_TEST(bytes_that_were_changed_on_the_way_end_the_connection)
{
    open_ends(ROOM);
    wrap_client(client_options(), "localhost");
    wrap_server(server_options("server"));
    run();
    expect_ready();
    /* A record of the right form that was not encrypted with the key. */
    static const uint8_t record[] = {23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8,
                                     9,  1, 2, 3, 4,  5, 6, 7, 8, 9, 1, 2};
    OK(trp_stream_write(client->lower, record, sizeof(record)));
    run();
    ck_assert_int_eq(server->ended, TROUPE_ETLS);
    ck_assert_int_eq(client->ended, TROUPE_ETLS);
    close_ends();
}
END_TEST

/* ---- renegotiation: a client of OpenSSL's own, which may ask for it ---- */

struct raw {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
};

static void raw_open(struct raw *raw)
{
    raw->context = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(raw->context);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(raw->context, TLS1_2_VERSION), 1);
    raw->ssl = SSL_new(raw->context);
    raw->in = BIO_new(BIO_s_mem());
    raw->out = BIO_new(BIO_s_mem());
    SSL_set_bio(raw->ssl, raw->in, raw->out);
    SSL_set_connect_state(raw->ssl);
}

/* Carries bytes between the client and the end it has instead of a socket. */
static void raw_carry(struct raw *raw)
{
    uint8_t bytes[4096];
    size_t size;
    int got;

    while ((got = BIO_read(raw->out, bytes, sizeof(bytes))) > 0) {
        OK(trp_stream_write(client, bytes, (size_t)got));
    }
    run();
    const uint8_t *view = trp_stream_view(client, &size);
    if (size > 0) {
        ck_assert_int_eq(BIO_write(raw->in, view, (int)size), (int)size);
        trp_stream_consume(client, size);
    }
}

static int raw_shake_hands(struct raw *raw)
{
    int result = 0;

    for (int i = 0; i < 20 && result != 1; i++) {
        result = SSL_do_handshake(raw->ssl);
        if (result != 1 && SSL_get_error(raw->ssl, result) != SSL_ERROR_WANT_READ) {
            return -1;
        }
        raw_carry(raw);
    }
    return result;
}

START_TEST(renegotiation_is_refused)
{
    struct raw raw;

    open_ends(ROOM);
    wrap_server(server_options("server"));
    raw_open(&raw);
    ck_assert_int_eq(raw_shake_hands(&raw), 1);
    ck_assert_int_eq(trp_stream_ready(server), TROUPE_OK);
    ck_assert_int_eq(SSL_write(raw.ssl, "before", 6), 6);
    raw_carry(&raw);
    ck_assert_int_eq(SSL_renegotiate(raw.ssl), 1);
    ck_assert_int_eq(raw_shake_hands(&raw), -1);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    SSL_free(raw.ssl);
    SSL_CTX_free(raw.context);
    ERR_clear_error();
    close_ends();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("tls");
    TCase *tcase = tcase_create("tls");

    tcase_add_unchecked_fixture(tcase, certs_make, certs_remove);
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, a_handshake_succeeds_in_pieces_of_any_size, 0, 4);
    tcase_add_test(tcase, what_is_written_before_the_handshake_waits_for_it);
    tcase_add_test(tcase, a_server_may_look_at_the_first_byte_before_it_puts_tls_on);
    tcase_add_loop_test(tcase, a_wrong_certificate_is_said_to_be_what_it_is, 0,
                        (int)(sizeof(wrongs) / sizeof(wrongs[0])));
    tcase_add_loop_test(tcase, names_addresses_and_absolute_names_are_checked, 0, 4);
    tcase_add_test(tcase, another_name_than_that_dialled_can_be_checked);
    tcase_add_loop_test(tcase, the_chain_alone_or_nothing_is_checked_when_asked_for, 0,
                        2);
    tcase_add_test(tcase, a_client_without_a_name_to_check_is_refused);
    tcase_add_test(tcase, a_server_may_require_a_certificate);
    tcase_add_test(tcase, a_server_may_check_only_certificates_that_are_shown);
    tcase_add_test(tcase, a_server_may_ask_for_a_certificate_and_not_judge_it);
    tcase_add_test(tcase, two_sides_without_a_common_version_do_not_meet);
    tcase_add_loop_test(tcase, plain_bytes_are_not_tls, 0, 2);
    tcase_add_test(tcase, a_peer_that_closes_during_the_handshake_is_lost);
    tcase_add_test(tcase, an_orderly_end_is_said_inside_tls);
    tcase_add_test(tcase, closing_says_the_end_when_all_was_written);
    tcase_add_test(tcase, an_end_that_was_not_said_is_a_lost_connection);
    tcase_add_test(tcase, closing_with_output_left_is_not_an_orderly_end);
    tcase_add_test(tcase, bytes_that_were_changed_on_the_way_end_the_connection);
    tcase_add_test(tcase, renegotiation_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
