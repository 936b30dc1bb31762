/* SPDX-License-Identifier: MIT
 * test_q_connection_tls.c - TLS of connections, as the environment says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/support/certs.h"
#include "tests/system/q_conn.h"

/* A server with what `own` and the environment say. */
static void begin_with(const troupe_tls_options *own)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;

    server.tls_mode = TROUPE_Q_TLS_BOTH;
    server.tls_options = own;
    conn_begin_with(server);
}

static troupe_tls_options own_as(const char *certificate, const char *key)
{
    troupe_tls_options own = TROUPE_TLS_OPTIONS;

    certs_make();
    own.cert_file = certs_path(certificate);
    own.key_file = certs_path(key);
    return own;
}

static void begin_as(const char *certificate, const char *key)
{
    const troupe_tls_options own = own_as(certificate, key);

    begin_with(&own);
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

static void unset(const char *name)
{
    ck_assert_int_eq(unsetenv(name), 0);
}

static void refused(void)
{
    conn_refused(over_tls(), TROUPE_ETLS, "OpenSSL initialization failed: ");
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

START_TEST(files_of_tls_that_are_of_no_use_are_said_at_open)
{
    begin_as("server.pem", "server.key");
    set("SSL_CA_CERT_FILE", "/no/such.pem");
    conn_refused(over_tls(), TROUPE_ENOENT,
                 "OpenSSL initialization failed: SSL_CA_CERT_FILE");
    set("SSL_CA_CERT_FILE", certs_path("junk.pem"));
    conn_refused(over_tls(), TROUPE_ETLS,
                 "OpenSSL initialization failed: SSL_CA_CERT_FILE");
    unset("SSL_CA_CERT_FILE");
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

/* ---- one's own certificate ---- */

START_TEST(environment_ssl_cert_file_and_ssl_key_file_are_of_a_server)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;

    certs_make();
    set("SSL_CERT_FILE", certs_path("server.pem"));
    set("SSL_KEY_FILE", certs_path("server.key"));
    begin_with(NULL);
    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    works();
    unset("SSL_KEY_FILE"); /* one without the other makes no server */
    options.tls_mode = TROUPE_Q_TLS_BOTH;
    ck_assert_int_eq(troupe_q_serve(sys, &options, &server, NULL), TROUPE_EINVAL);
    set("SSL_KEY_FILE", certs_path("wrong.key"));
    ck_assert_int_eq(troupe_q_serve(sys, &options, &server, NULL), TROUPE_ETLS);
    unset("SSL_CERT_FILE");
    unset("SSL_KEY_FILE");
    unset("SSL_CA_CERT_FILE");
    end();
}
END_TEST

static void show(const char *certificate, const char *key)
{
    set("SSL_CERT_FILE", certs_path(certificate));
    set("SSL_KEY_FILE", certs_path(key));
}

static void show_nothing(void)
{
    unset("SSL_CERT_FILE");
    unset("SSL_KEY_FILE");
}

static void begin_asking(const char *verify)
{
    const troupe_tls_options own = own_as("server.pem", "server.key");

    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    set("SSL_VERIFY_CLIENT", verify);
    begin_with(&own);
    unset("SSL_VERIFY_CLIENT");
}

START_TEST(environment_ssl_cert_file_and_ssl_key_file_are_of_a_client)
{
    begin_asking("YES");
    refused();
    show("client.pem", "client.key");
    works();
    show_nothing();
    unset("SSL_CA_CERT_FILE");
    end();
}
END_TEST

START_TEST(environment_ssl_verify_client_says_what_is_asked_of_clients)
{
    begin_asking("NO");
    show("stray.pem", "stray.key");
    works();
    end();
    show_nothing();
    begin_asking("REQUESTONLY"); /* and not judged */
    works();
    show("stray.pem", "stray.key");
    works();
    end();
    show_nothing();
    begin_asking("IFPRESENT");
    works();
    show("stray.pem", "stray.key");
    refused();
    show("client.pem", "client.key");
    works();
    end();
    begin_asking("YES");
    show_nothing();
    refused();
    show("stray.pem", "stray.key");
    refused();
    show_nothing();
    unset("SSL_CA_CERT_FILE");
    end();
}
END_TEST

/* ---- whom to trust, and how to speak ---- */

START_TEST(environment_ssl_ca_cert_path_is_a_folder_of_them)
{
    char link[256];

    begin_as("server.pem", "server.key");
    FILE *file = fopen(certs_path("ca.pem"), "r");
    ck_assert_ptr_nonnull(file);
    X509 *ca = PEM_read_X509(file, NULL, NULL, NULL);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_ptr_nonnull(ca);
    (void)snprintf(link, sizeof(link), "%s/%08lx.0", certs_folder(),
                   X509_subject_name_hash(ca));
    X509_free(ca);
    set("SSL_CA_CERT_PATH", certs_folder());
    refused(); /* it is looked for by its hash */
    ck_assert_int_eq(symlink("ca.pem", link), 0);
    works();
    unset("SSL_CA_CERT_PATH");
    end();
}
END_TEST

/* The client's setting of that name: with the first it is refused, with the second not.
 */
static void setting(const char *name, const char *bad, const char *good)
{
    set("SSL_CA_CERT_FILE", certs_path("ca.pem"));
    works();
    set(name, bad);
    refused();
    set(name, good);
    works();
    unset(name);
    unset("SSL_CA_CERT_FILE");
    end();
}

START_TEST(environment_ssl_cipher_list_is_of_tls_1_2)
{
    troupe_tls_options own = own_as("server.pem", "server.key");

    own.maxprotocol = "TLSv1.2";
    own.cipher_list = "ECDHE-ECDSA-AES128-GCM-SHA256";
    begin_with(&own);
    setting("SSL_CIPHER_LIST", "ECDHE-ECDSA-AES256-GCM-SHA384", "ALL");
}
END_TEST

START_TEST(environment_ssl_ciphersuites_are_of_tls_1_3)
{
    troupe_tls_options own = own_as("server.pem", "server.key");

    own.minprotocol = "TLSv1.3";
    own.ciphersuites = "TLS_AES_128_GCM_SHA256";
    begin_with(&own);
    setting("SSL_CIPHERSUITES", "TLS_AES_256_GCM_SHA384",
            "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
}
END_TEST

START_TEST(environment_ssl_minprotocol_is_the_least)
{
    troupe_tls_options own = own_as("server.pem", "server.key");

    own.maxprotocol = "TLSv1.2";
    begin_with(&own);
    setting("SSL_MINPROTOCOL", "TLSv1.3", "TLSv1"); /* which is 1.2 and later, here */
}
END_TEST

START_TEST(environment_ssl_maxprotocol_is_the_most)
{
    troupe_tls_options own = own_as("server.pem", "server.key");

    own.minprotocol = "TLSv1.3";
    begin_with(&own);
    setting("SSL_MAXPROTOCOL", "TLSv1.2", "TLSv1.3");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_tls");
    TCase *tcase = tcase_create("tls");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, environment_ssl_ca_cert_file_says_whom_to_trust);
    tcase_add_test(tcase, files_of_tls_that_are_of_no_use_are_said_at_open);
    tcase_add_test(tcase, environment_names_with_kx_come_first);
    tcase_add_test(tcase, environment_ssl_verify_server_of_no_trusts_everybody);
    tcase_add_test(
        tcase, environment_ssl_verify_server_of_hostip_checks_the_name_and_yes_does_not);
    tcase_add_test(tcase, timeout_with_tls_is_valid_for_async_and_raw);
    tcase_add_test(tcase, a_lost_tls_connection_is_made_again);
    tcase_add_test(tcase, environment_ssl_cert_file_and_ssl_key_file_are_of_a_server);
    tcase_add_test(tcase, environment_ssl_cert_file_and_ssl_key_file_are_of_a_client);
    tcase_add_test(tcase, environment_ssl_verify_client_says_what_is_asked_of_clients);
    tcase_add_test(tcase, environment_ssl_ca_cert_path_is_a_folder_of_them);
    tcase_add_test(tcase, environment_ssl_cipher_list_is_of_tls_1_2);
    tcase_add_test(tcase, environment_ssl_ciphersuites_are_of_tls_1_3);
    tcase_add_test(tcase, environment_ssl_minprotocol_is_the_least);
    tcase_add_test(tcase, environment_ssl_maxprotocol_is_the_most);
    suite_add_tcase(suite, tcase);
    return suite;
}
