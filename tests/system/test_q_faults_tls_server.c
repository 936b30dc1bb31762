/* SPDX-License-Identifier: MIT
 * test_q_faults_tls_server.c - what clients do to a server that speaks TLS and plain on
 * one port: handshakes cut anywhere, dripping, half open; garbage, floods of records,
 * alerts, renegotiations and keys; answers nobody reads. */
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mailbox/alloc.h"
#include "tests/support/certs.h"
#include "tests/system/q_faults_tls.h"
#include "transports/q/q_codec.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

enum { CACHES = 6 << 20 }; /* what streams and pools keep for the next */

static troupe_q honest;
static struct faults_mark calm;

static void begin_with(troupe_q_server_options options)
{
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;

    certs_make();
    tls.cert_file = certs_path("server.pem");
    tls.key_file = certs_path("server.key");
    if (options.tls_mode == TROUPE_Q_TLS_OFF) {
        options.tls_mode = TROUPE_Q_TLS_BOTH;
    }
    options.tls_options = &tls;
    faults_begin(&options);
    honest = faults_open_with(port, tls_client_options());
    calm = faults_mark(honest);
}

static void begin(void)
{
    begin_with(TROUPE_Q_SERVER_OPTIONS);
}

static void end(void)
{
    faults_back_to(honest, calm);
    faults_end();
    certs_remove();
}

static size_t memory_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return SANITIZED ? 0 : info.uordblks + info.hblkhd;
}

/* The first message of a client's handshake. */
static size_t hello(int version, uint8_t *to, size_t room)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ck_assert_int_eq(SSL_CTX_set_max_proto_version(context, version), 1);
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, out);
    ck_assert_int_ne(SSL_connect(ssl), 1);
    int size = BIO_read(out, to, (int)room);
    ck_assert_int_gt(size, 0);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return (size_t)size;
}

/* ---- handshakes ---- */

START_TEST(both_kinds_of_clients_are_served_on_one_port)
{
    begin();
    SSL *secret = tls_login(port, versions[_i]);
    int plain = raw_login(port);
    for (int k = 0; k < 20; k++) {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text), "call %d", k);
        tls_say(secret, TRP_Q_SYNC, text);
        raw_say(plain, TRP_Q_SYNC, text);
        tls_hear(secret, TRP_Q_RESPONSE, text);
        raw_hear(plain, TRP_Q_RESPONSE, text);
    }
    tls_close(&secret);
    raw_close(&plain);
    end();
}
END_TEST

START_TEST(a_handshake_cut_anywhere_ends_its_client_alone)
{
    uint8_t bytes[2048];

    begin();
    size_t size = hello(versions[_i], bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= size; cut += cut < 16 ? 1 : 5) {
        int closes = raw_connect(port), resets = raw_connect(port);
        raw_send(closes, bytes, cut);
        raw_send(resets, bytes, cut);
        ck_assert_int_eq(shutdown(closes, SHUT_WR), 0);
        raw_drain(closes); /* the server's part, and the end */
        raw_close(&closes);
        raw_reset(&resets);
    }
    end();
}
END_TEST

START_TEST(a_handshake_that_is_changed_ends_its_client_alone)
{
    uint8_t bytes[2048];

    begin();
    size_t size = hello(versions[_i], bytes, sizeof(bytes));
    for (size_t at = 1; at < size; at += 3) {
        bytes[at] ^= 0x55;
        int fd = raw_connect(port);
        (void)raw_try(fd, bytes, size);
        (void)shutdown(fd, SHUT_WR);
        raw_drain(fd);
        raw_close(&fd);
        bytes[at] ^= 0x55;
    }
    end();
}
END_TEST

START_TEST(handshakes_that_stay_open_are_ended_and_cost_little)
{
    enum { CLIENTS = 300, EACH = 64 << 10 };
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    uint8_t bytes[2048];
    int fds[CLIENTS];

    options.login_limit = TROUPE_S(1);
    begin_with(options);
    size_t size = hello(versions[_i], bytes, sizeof(bytes));
    size_t before = memory_used();
    for (int i = 0; i < CLIENTS; i++) {
        uint8_t byte;
        fds[i] = raw_connect(port);
        raw_send(fds[i], bytes, size);
        raw_take(fds[i], &byte, 1); /* the server has answered, and waits */
    }
    ck_assert_uint_le(memory_used(), before + (size_t)CLIENTS * EACH);
    faults_echo(honest, "served");
    for (int i = 0; i < CLIENTS; i++) {
        raw_drain(fds[i]);
        raw_close(&fds[i]);
    }
    end();
}
END_TEST

START_TEST(a_handshake_that_drips_is_ended_in_time)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    uint8_t bytes[2048];

    options.login_limit = TROUPE_S(1);
    begin_with(options);
    size_t size = hello(versions[_i], bytes, sizeof(bytes)), sent = 0;
    struct pollfd fd = {.fd = raw_connect(port), .events = POLLIN};
    do {
        if (sent < size / 2 && raw_try(fd.fd, bytes + sent, 1)) {
            sent++;
        }
        faults_echo(honest, "served");
    } while (poll(&fd, 1, 1) == 0);
    raw_drain(fd.fd);
    raw_close(&fd.fd);
    end();
}
END_TEST

START_TEST(a_login_over_tls_without_end_is_cut_off)
{
    static char text[16 << 10];

    memset(text, 'x', sizeof(text));
    begin();
    SSL *ssl = tls_try_connect(port, versions[_i]);
    ck_assert_ptr_nonnull(ssl);
    size_t sent = 0;
    while (sent < (size_t)256 << 20 && tls_try(ssl, text, sizeof(text))) {
        sent += sizeof(text);
    }
    ck_assert_uint_lt(sent, (size_t)64 << 20);
    tls_cut(&ssl);
    end();
}
END_TEST

START_TEST(a_record_cut_anywhere_ends_its_client_alone)
{
    uint8_t record[256];
    size_t size = 1;

    begin();
    for (size_t cut = 0; cut < size; cut++) {
        SSL *ssl = tls_login(port, versions[_i]);
        size = tls_seal(ssl, TRP_Q_SYNC, "cut", record, sizeof(record));
        raw_send(SSL_get_fd(ssl), record, cut);
        ck_assert_int_eq(shutdown(SSL_get_fd(ssl), SHUT_WR), 0);
        ck_assert(tls_ends(ssl));
        tls_cut(&ssl);
    }
    end();
}
END_TEST

/* An end of TLS says that all has been said: answers that are due still come. A bare end
 * of the connection does not. */
START_TEST(only_an_end_of_tls_is_an_end_that_waits_for_answers)
{
    begin();
    SSL *ssl = tls_login(port, versions[_i]);
    tls_say(ssl, TRP_Q_SYNC, "one");
    tls_say(ssl, TRP_Q_SYNC, "two");
    ck_assert_int_ge(SSL_shutdown(ssl), 0); /* ours; theirs comes behind the answers */
    tls_hear(ssl, TRP_Q_RESPONSE, "one");
    tls_hear(ssl, TRP_Q_RESPONSE, "two");
    ck_assert(tls_ends(ssl));
    tls_cut(&ssl);
    end();
}
END_TEST

/* ---- certificates of clients ---- */

START_TEST(a_client_without_a_certificate_that_belongs_is_not_let_in)
{
    static const char *const names[] = {NULL, "stray", "expired", "early"};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_tls_options tls = TROUPE_TLS_OPTIONS, show = TROUPE_TLS_OPTIONS;
    troupe_q_options client;
    troupe_q_server server;
    char file[64];

    begin();
    tls.cert_file = certs_path("server.pem");
    tls.key_file = certs_path("server.key");
    tls.ca_cert_file = certs_path("ca.pem");
    tls.verify = TROUPE_TLS_VERIFY_REQUIRE;
    options.tls_mode = TROUPE_Q_TLS_ONLY;
    options.tls_options = &tls;
    uint16_t strict = faults_serve(&options, 0, &server);
    show.ca_cert_file = certs_path("ca.pem");
    client = tls_client_options();
    client.tls_options = &show;
    for (size_t i = 0; i <= TRP_COUNT(names); i++) {
        const char *name = i < TRP_COUNT(names) ? names[i] : "client";
        if (name != NULL) {
            (void)snprintf(file, sizeof(file), "%s.pem", name);
            show.cert_file = certs_path(file);
            (void)snprintf(file, sizeof(file), "%s.key", name);
            show.key_file = certs_path(file);
        }
        troupe_q q = faults_open_with(strict, client);
        troupe_pending *pending = faults_call(q, "in?", TROUPE_NEVER);
        troupe_status status = faults_answer_or(&pending, "in?");
        ck_assert_msg(i < TRP_COUNT(names)
                          ? status == TROUPE_ETLS || status == TROUPE_ELOST
                          : status == TROUPE_OK,
                      "%s: %s", name != NULL ? name : "none", troupe_status_name(status));
        faults_close(q);
    }
    faults_unserve(server);
    end();
}
END_TEST

/* ---- the wrong kind ---- */

START_TEST(a_plain_client_of_a_server_of_tls_only_is_ended)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.tls_mode = TROUPE_Q_TLS_ONLY;
    begin_with(options);
    int fd = raw_connect(port);
    raw_send(fd, ":\6", 3);
    raw_drain(fd);
    raw_close(&fd);
    troupe_q plain = faults_open(port);
    troupe_pending *pending = faults_call(plain, "x", TROUPE_NEVER);
    troupe_status status = faults_outcome(&pending);
    ck_assert_msg(status == TROUPE_EACCESS || status == TROUPE_ELOST ||
                      status == TROUPE_EPROTO,
                  "%s", troupe_status_name(status));
    faults_close(plain);
    end();
}
END_TEST

START_TEST(garbage_after_a_first_byte_of_tls_harms_nobody_else)
{
    enum { ROUNDS = 100 };
    uint8_t bytes[300];
    uint32_t seed = 1;

    begin();
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        memcpy(bytes, round % 2 == 0 ? "\26\3\1\1\44\1\0\1" : "\26\3\3\0\1", 5);
        int fd = raw_connect(port);
        (void)raw_try(fd, bytes, sizeof(bytes));
        (void)shutdown(fd, SHUT_WR);
        raw_drain(fd);
        raw_close(&fd);
    }
    ck_assert_uint_le(faults_logged(), ROUNDS);
    end();
}
END_TEST

/* ---- floods ---- */

/* Sends the same record until the server has enough; it does not grow by it. */
static void flood(const void *record, size_t size, int version)
{
    enum { MOST = 64 << 20, GROWTH = 16 << 20 };
    static uint8_t many[64 << 10];
    size_t all = 0, sent = 0;

    while (all + size <= sizeof(many)) {
        memcpy(many + all, record, size);
        all += size;
    }
    SSL *ssl = tls_login(port, version);
    size_t before = memory_used();
    while (sent < (size_t)(SANITIZED ? MOST / 8 : MOST) &&
           raw_try(SSL_get_fd(ssl), many, all)) {
        sent += all;
    }
    faults_echo(honest, "served");
    ck_assert_uint_le(memory_used(), before + GROWTH);
    tls_cut(&ssl);
}

START_TEST(floods_of_records_that_are_not_sealed_end_their_client)
{
    begin();
    flood("\27\3\3\0\0", 5, versions[_i]);         /* nothing in it */
    flood("\25\3\3\0\2\1\144", 7, versions[_i]);   /* a warning */
    flood("\26\3\3\0\4\1\0\0\0", 9, versions[_i]); /* a hello, again */
    flood("\24\3\3\0\1\1", 6, versions[_i]);       /* change of cipher */
    end();
}
END_TEST

/* Keys are changed without end, and the server's are asked for, and nothing is read. */
START_TEST(new_keys_without_end_do_not_pile_up)
{
    enum { TIMES = SANITIZED ? 5000 : 100000, GROWTH = 4 << 20 };

    begin();
    SSL *ssl = tls_login(port, TLS1_3_VERSION);
    size_t before = memory_used();
    bool alive = true;
    for (int i = 0; alive && i < TIMES; i++) {
        alive = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
                SSL_do_handshake(ssl) == 1;
    }
    faults_echo(honest, "served");
    ck_assert_uint_le(memory_used(), before + GROWTH);
    tls_cut(&ssl);
    end();
}
END_TEST

START_TEST(renegotiation_is_refused_and_does_not_pile_up)
{
    enum { TIMES = 200 };

    begin();
    for (int i = 0; i < TIMES; i++) {
        SSL *ssl = tls_login(port, TLS1_2_VERSION);
        ck_assert_int_eq(SSL_renegotiate(ssl), 1);
        ck_assert_int_ne(SSL_do_handshake(ssl), 1);
        tls_cut(&ssl);
    }
    end();
}
END_TEST

START_TEST(a_client_over_tls_that_never_reads_is_dropped_while_others_are_served)
{
    enum { BIG = 1 << 20 };
    static uint8_t big[BIG] = {1, 1, 0, 0, 0, 0, 16, 0, 4, 0, 0xf2, 0xff, 15, 0};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.output_limit = 4 << 20;
    begin_with(options);
    SSL *ssl = tls_login(port, versions[_i]);
    while (tls_try(ssl, big, sizeof(big))) {
        faults_echo(honest, "served");
    }
    tls_cut(&ssl);
    end();
}
END_TEST

START_TEST(clients_over_tls_that_leave_in_every_way_leave_nothing)
{
    enum { ROUNDS = SANITIZED ? 60 : 240 };
    size_t before = 0;

    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    options.close_limit = TROUPE_MS(50);
    begin_with(options);
    for (unsigned round = 0; round < ROUNDS; round++) {
        SSL *ssl = round % 4 == 0 ? tls_try_connect(port, versions[round % 2])
                                  : tls_login(port, versions[round % 2]);
        ck_assert_ptr_nonnull(ssl);
        if (round % 4 > 1) {
            tls_say(ssl, TRP_Q_SYNC, round % 4 == 2 ? "hang" : "echo");
        }
        if (round % 3 == 0) {
            tls_close(&ssl);
        } else {
            tls_cut(&ssl);
        }
        if (round == ROUNDS / 2) {
            faults_back_to(honest, calm);
            before = memory_used();
        }
    }
    faults_back_to(honest, calm);
    ck_assert_uint_le(memory_used(), before + CACHES);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_tls_server");
    TCase *tcase = tcase_create("clients");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, both_kinds_of_clients_are_served_on_one_port, 0, 2);
    tcase_add_loop_test(tcase, a_handshake_cut_anywhere_ends_its_client_alone, 0, 2);
    tcase_add_loop_test(tcase, a_handshake_that_is_changed_ends_its_client_alone, 0, 2);
    tcase_add_loop_test(tcase, handshakes_that_stay_open_are_ended_and_cost_little, 0, 2);
    tcase_add_loop_test(tcase, a_handshake_that_drips_is_ended_in_time, 0, 2);
    tcase_add_loop_test(tcase, a_login_over_tls_without_end_is_cut_off, 0, 2);
    tcase_add_loop_test(tcase, a_record_cut_anywhere_ends_its_client_alone, 0, 2);
    tcase_add_loop_test(tcase, only_an_end_of_tls_is_an_end_that_waits_for_answers, 0, 2);
    tcase_add_test(tcase, a_client_without_a_certificate_that_belongs_is_not_let_in);
    tcase_add_test(tcase, a_plain_client_of_a_server_of_tls_only_is_ended);
    tcase_add_test(tcase, garbage_after_a_first_byte_of_tls_harms_nobody_else);
    tcase_add_loop_test(tcase, floods_of_records_that_are_not_sealed_end_their_client, 0,
                        2);
    tcase_add_test(tcase, new_keys_without_end_do_not_pile_up);
    tcase_add_test(tcase, renegotiation_is_refused_and_does_not_pile_up);
    tcase_add_loop_test(
        tcase, a_client_over_tls_that_never_reads_is_dropped_while_others_are_served, 0,
        2);
    tcase_add_test(tcase, clients_over_tls_that_leave_in_every_way_leave_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
