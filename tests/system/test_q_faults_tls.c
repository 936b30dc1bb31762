/* SPDX-License-Identifier: MIT
 * test_q_faults_tls.c - what servers do to a client that uses TLS: certificates of the
 * wrong name, chain and time, ends without an end of TLS, records cut anywhere, garbage,
 * renegotiation. A call is answered or fails; a cut is never taken for an orderly end. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mailbox/alloc.h"
#include "tests/support/certs.h"
#include "tests/system/q_faults_tls.h"
#include "transports/q/q_codec.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static troupe_q honest;
static struct faults_mark calm;
static int listener;
static uint16_t bad_port; /* where the test listens */

static void begin(void)
{
    certs_make();
    faults_begin(NULL);
    honest = faults_open(port);
    listener = raw_listen(&bad_port);
    calm = faults_mark(honest);
}

static void end(void)
{
    faults_back_to(honest, calm);
    raw_close(&listener);
    faults_end();
    certs_remove();
}

static troupe_q open_tls(void)
{
    return faults_open_with(bad_port, tls_client_options());
}

static troupe_pending *call(troupe_q q, const char *text)
{
    return faults_call(q, text, TROUPE_NEVER);
}

/* ---- certificates ---- */

START_TEST(a_certificate_that_does_not_belong_ends_the_connection)
{
    static const char *const names[] = {"wrong", "stray", "expired", "early"};

    begin();
    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        troupe_q q = open_tls();
        troupe_pending *pending = call(q, "secret");
        SSL *ssl = tls_try_accept(listener, names[i], versions[_i]);
        if (ssl != NULL) { /* the server learns it only when it reads */
            ck_assert(tls_ends(ssl));
            tls_cut(&ssl);
        }
        ck_assert_int_eq(faults_outcome(&pending), TROUPE_ETLS);
        faults_close(q);
    }
    end();
}
END_TEST

START_TEST(a_certificate_that_belongs_lets_calls_through)
{
    begin();
    troupe_q q = open_tls();
    troupe_pending *pending = call(q, "question");
    SSL *ssl = tls_welcome(listener, "server", versions[_i]);
    tls_hear(ssl, TRP_Q_SYNC, "question");
    tls_say(ssl, TRP_Q_RESPONSE, "question");
    faults_answer(&pending, "question");
    faults_close(q);
    ck_assert(tls_ends(ssl));
    tls_close(&ssl);
    end();
}
END_TEST

/* ---- cuts ---- */

START_TEST(an_end_without_an_end_of_tls_is_a_loss)
{
    begin();
    troupe_q q = open_tls();
    troupe_pending *first = call(q, "first"), *second = call(q, "second");
    SSL *ssl = tls_welcome(listener, "server", versions[_i]);
    tls_hear(ssl, TRP_Q_SYNC, "first");
    tls_hear(ssl, TRP_Q_SYNC, "second");
    tls_say(ssl, TRP_Q_RESPONSE, "first");
    tls_cut(&ssl);
    faults_answer(&first, "first");
    ck_assert_int_eq(faults_outcome(&second), TROUPE_ELOST);
    faults_close(q);
    end();
}
END_TEST

/* Somebody on the way can cut a connection, and must not be able to make it look like a
 * refused login. */
START_TEST(a_login_that_is_cut_is_not_a_refused_one)
{
    char login[3];

    begin();
    for (int orderly = 0; orderly < 2; orderly++) {
        troupe_q q = open_tls();
        troupe_pending *pending = call(q, "x");
        SSL *ssl = tls_try_accept(listener, "server", versions[_i]);
        ck_assert_ptr_nonnull(ssl);
        tls_take(ssl, login, sizeof(login));
        if (orderly != 0) {
            tls_close(&ssl);
        } else {
            tls_cut(&ssl);
        }
        ck_assert_int_eq(faults_outcome(&pending),
                         orderly != 0 ? TROUPE_EACCESS : TROUPE_ELOST);
        faults_close(q);
    }
    end();
}
END_TEST

START_TEST(a_record_cut_anywhere_fails_the_calls_that_wait)
{
    uint8_t record[256];
    size_t size = 1;

    begin();
    for (size_t cut = 0; cut < size; cut++) {
        troupe_q q = open_tls();
        troupe_pending *pending = call(q, "cut");
        SSL *ssl = tls_welcome(listener, "server", versions[_i]);
        tls_hear(ssl, TRP_Q_SYNC, "cut");
        size = tls_seal(ssl, TRP_Q_RESPONSE, "cut", record, sizeof(record));
        raw_send(SSL_get_fd(ssl), record, cut);
        tls_cut(&ssl);
        ck_assert_int_eq(faults_outcome(&pending), TROUPE_ELOST);
        faults_close(q);
    }
    end();
}
END_TEST

START_TEST(a_record_that_was_changed_ends_the_connection)
{
    uint8_t record[256];
    size_t size = 1;

    begin();
    for (size_t at = 0; at < size; at += 7) {
        troupe_q q = open_tls();
        troupe_pending *pending = call(q, "changed");
        SSL *ssl = tls_welcome(listener, "server", versions[_i]);
        tls_hear(ssl, TRP_Q_SYNC, "changed");
        size = tls_seal(ssl, TRP_Q_RESPONSE, "changed", record, sizeof(record));
        record[at] ^= 1;
        raw_send(SSL_get_fd(ssl), record, size);
        raw_send(SSL_get_fd(ssl), record, size); /* enough for any length it may have */
        tls_cut(&ssl);
        troupe_status status = faults_outcome(&pending);
        ck_assert(status == TROUPE_ETLS || status == TROUPE_ELOST);
        faults_close(q);
    }
    end();
}
END_TEST

/* ---- not TLS at all ---- */

static const char *const babble[] = {
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "\6",                    /* a plain server that lets everybody in */
    "\25\3\3\0\2\2\50",      /* an alert: no handshake */
    "\26\3\3\100\0",         /* a handshake of 16 KiB, and its end */
    "\27\3\3\0\1x",          /* data before a handshake */
    "\200\56\1\0\2\0\25\0\0" /* SSL 2 */
};

START_TEST(a_server_that_does_not_speak_tls_is_an_error)
{
    begin();
    troupe_q q = open_tls();
    troupe_pending *pending = call(q, "x");
    int fd = raw_accept(listener);
    raw_send(fd, babble[_i], strlen(babble[_i]));
    raw_close(&fd);
    troupe_status status = faults_outcome(&pending);
    ck_assert_msg(status == TROUPE_ETLS || status == TROUPE_ELOST, "%s",
                  troupe_status_name(status));
    faults_close(q);
    end();
}
END_TEST

START_TEST(a_plain_server_that_waits_for_a_login_is_given_up)
{
    troupe_q_options options;

    begin();
    options = tls_client_options();
    options.connect_limit = TROUPE_MS(300);
    troupe_q q = faults_open_with(port, options); /* our own, which is plain */
    troupe_pending *pending = call(q, "x");
    troupe_status status = faults_outcome(&pending);
    ck_assert_msg(status == TROUPE_ETLS || status == TROUPE_ELOST ||
                      status == TROUPE_ETIMEDOUT,
                  "%s", troupe_status_name(status));
    faults_close(q);
    end();
}
END_TEST

START_TEST(a_handshake_that_is_never_answered_is_given_up)
{
    troupe_q_options options;

    begin();
    options = tls_client_options();
    options.connect_limit = TROUPE_MS(300);
    troupe_q q = faults_open_with(bad_port, options);
    troupe_pending *pending = call(q, "x");
    int fd = raw_accept(listener);
    ck_assert_int_eq(faults_outcome(&pending), TROUPE_ETIMEDOUT);
    raw_drain(fd);
    raw_close(&fd);
    faults_close(q);
    end();
}
END_TEST

/* ---- after the handshake ---- */

/* The server asks for another handshake, is refused, and takes that badly. */
START_TEST(renegotiation_is_refused)
{
    uint8_t byte;
    size_t got;

    begin();
    troupe_q q = open_tls();
    troupe_pending *one = call(q, "one");
    SSL *ssl = tls_welcome(listener, "server", TLS1_2_VERSION);
    tls_hear(ssl, TRP_Q_SYNC, "one");
    ck_assert_int_eq(SSL_renegotiate(ssl), 1);
    ck_assert_int_eq(SSL_do_handshake(ssl), 1); /* asks, and does not wait */
    tls_say(ssl, TRP_Q_RESPONSE, "one");
    faults_answer(&one, "one");
    troupe_pending *two = call(q, "two");
    ck_assert_int_ne(SSL_read_ex(ssl, &byte, 1, &got), 1);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    tls_cut(&ssl);
    troupe_status status = faults_outcome(&two);
    ck_assert(status == TROUPE_ELOST || status == TROUPE_ETLS);
    faults_close(q);
    end();
}
END_TEST

START_TEST(new_keys_without_end_do_not_pile_up)
{
    enum { TIMES = SANITIZED ? 2000 : 20000 };

    begin();
    troupe_q q = open_tls();
    troupe_pending *one = call(q, "one");
    SSL *ssl = tls_welcome(listener, "server", TLS1_3_VERSION);
    tls_hear(ssl, TRP_Q_SYNC, "one");
    bool alive = true;
    for (int i = 0; alive && i < TIMES; i++) { /* asks for ours as well, reads nothing */
        alive = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
                SSL_do_handshake(ssl) == 1;
    }
    faults_echo(honest, "served");
    tls_cut(&ssl);
    troupe_status status = faults_outcome(&one);
    ck_assert(status == TROUPE_ELOST || status == TROUPE_ETLS);
    faults_close(q);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_tls");
    TCase *tcase = tcase_create("servers");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, a_certificate_that_does_not_belong_ends_the_connection, 0,
                        2);
    tcase_add_loop_test(tcase, a_certificate_that_belongs_lets_calls_through, 0, 2);
    tcase_add_loop_test(tcase, an_end_without_an_end_of_tls_is_a_loss, 0, 2);
    tcase_add_loop_test(tcase, a_login_that_is_cut_is_not_a_refused_one, 0, 2);
    tcase_add_loop_test(tcase, a_record_cut_anywhere_fails_the_calls_that_wait, 0, 2);
    tcase_add_loop_test(tcase, a_record_that_was_changed_ends_the_connection, 0, 2);
    tcase_add_loop_test(tcase, a_server_that_does_not_speak_tls_is_an_error, 0,
                        (int)TRP_COUNT(babble));
    tcase_add_test(tcase, a_plain_server_that_waits_for_a_login_is_given_up);
    tcase_add_test(tcase, a_handshake_that_is_never_answered_is_given_up);
    tcase_add_test(tcase, renegotiation_is_refused);
    tcase_add_test(tcase, new_keys_without_end_do_not_pile_up);
    suite_add_tcase(suite, tcase);
    return suite;
}
