/* SPDX-License-Identifier: MIT
 * test_q_connection_tls.c - TLS of connections, as the environment says. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/certs.h"
#include "tests/system/q_conn.h"

static void begin_as(const char *certificate, const char *key)
{
    troupe_tls_options own = TROUPE_TLS_OPTIONS;
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;

    certs_make();
    own.cert_file = certs_path(certificate);
    own.key_file = certs_path(key);
    server.tls_mode = TROUPE_Q_TLS_BOTH;
    server.tls_options = &own;
    conn_begin_with(server);
}

static void end(void)
{
    conn_end();
    certs_remove();
}

static troupe_q_connection_options over_tls(void)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SECURE_CONNECTION);

    options.tls = true;
    return options;
}

static void set(const char *name, const char *value)
{
    ck_assert_int_eq(setenv(name, value, 1), 0);
}

static void works(void)
{
    troupe_q_connection *conn = conn_open(over_tls());

    conn_asks(conn, "1+1", "2");
    troupe_q_connection_free(&conn);
}

START_TEST(environment_ssl_ca_cert_file_says_whom_to_trust)
{
    begin_as("server.pem", "server.key");
    conn_refused(over_tls(), TROUPE_ETLS, "OpenSSL initialization failed: ");
    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    works();
    ck_assert_int_eq(unsetenv("SSL_CA_CERT_FILE"), 0);
    end();
}
END_TEST

START_TEST(environment_names_with_kx_come_first)
{
    begin_as("server.pem", "server.key");
    set("SSL_CA_CERT_FILE", certs_path("other_ca.pem"));
    set("KX_SSL_CA_CERT_FILE", certs_path("ca.pem"));
    works();
    ck_assert_int_eq(unsetenv("KX_SSL_CA_CERT_FILE"), 0);
    conn_refused(over_tls(), TROUPE_ETLS, "OpenSSL initialization failed: ");
    ck_assert_int_eq(unsetenv("SSL_CA_CERT_FILE"), 0);
    end();
}
END_TEST

START_TEST(environment_ssl_verify_server_of_no_trusts_everybody)
{
    begin_as("stray.pem", "stray.key");
    conn_refused(over_tls(), TROUPE_ETLS, "OpenSSL initialization failed: ");
    set("KX_SSL_VERIFY_SERVER", "NO");
    works();
    ck_assert_int_eq(unsetenv("KX_SSL_VERIFY_SERVER"), 0);
    end();
}
END_TEST

START_TEST(environment_ssl_verify_server_of_hostip_checks_the_name_and_yes_does_not)
{
    begin_as("wrong.pem", "wrong.key");
    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    set("SSL_VERIFY_SERVER", "YES");
    works();
    set("SSL_VERIFY_SERVER", "HOSTIP");
    conn_refused(over_tls(), TROUPE_ETLS, "OpenSSL initialization failed: ");
    ck_assert_int_eq(unsetenv("SSL_VERIFY_SERVER"), 0);
    conn_refused(over_tls(), TROUPE_ETLS, "OpenSSL initialization failed: ");
    ck_assert_int_eq(unsetenv("SSL_CA_CERT_FILE"), 0);
    end();
}
END_TEST

START_TEST(timeout_with_tls_is_valid_for_async_and_raw)
{
    begin_as("server.pem", "server.key");
    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    for (int kind = TROUPE_Q_ASYNC_CONNECTION; kind <= TROUPE_Q_RAW_CONNECTION; kind++) {
        troupe_q_connection_options options = over_tls();
        options.kind = (troupe_q_kind)kind;
        options.timeout = TROUPE_S(60);
        troupe_q_connection *conn = conn_open(options);
        troupe_q_future *future = conn_call(conn, "1+1");
        conn_ends(&future, "2");
        troupe_q_connection_free(&conn);
    }
    ck_assert_int_eq(unsetenv("SSL_CA_CERT_FILE"), 0);
    end();
}
END_TEST

START_TEST(a_lost_tls_connection_is_made_again)
{
    begin_as("server.pem", "server.key");
    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    troupe_q_connection_options options = over_tls();
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    options.reconnection_attempts = 0;
    options.reconnection_delay = TROUPE_MS(1);
    troupe_q_connection *conn = conn_open(options);
    troupe_q_future *future = conn_call(conn, "1+1");
    conn_ends(&future, "2");
    future = conn_call(conn, "hclose .z.w");
    while (!troupe_q_future_done(future)) {
        (void)(troupe_q_future_wait(future, TROUPE_S(60), NULL, NULL) == TROUPE_OK);
    }
    troupe_q_future_unref(&future);
    troupe_q_info info;
    do {
        OK(troupe_q_connection_info(conn, &info, &failure));
    } while (info.logins < 2 || info.phase != TROUPE_Q_READY);
    future = conn_call(conn, "2+2");
    conn_ends(&future, "4");
    ck_assert_int_eq(unsetenv("SSL_CA_CERT_FILE"), 0);
    troupe_q_connection_free(&conn);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_tls");
    TCase *tcase = tcase_create("tls");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, environment_ssl_ca_cert_file_says_whom_to_trust);
    tcase_add_test(tcase, environment_names_with_kx_come_first);
    tcase_add_test(tcase, environment_ssl_verify_server_of_no_trusts_everybody);
    tcase_add_test(
        tcase, environment_ssl_verify_server_of_hostip_checks_the_name_and_yes_does_not);
    tcase_add_test(tcase, timeout_with_tls_is_valid_for_async_and_raw);
    tcase_add_test(tcase, a_lost_tls_connection_is_made_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
