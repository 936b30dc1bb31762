/* SPDX-License-Identifier: MIT
 * test_tls_settings.c - options, the environment, and what is said of mistakes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "tests/support/certs.h"
#include "tests/support/suite.h"
#include "transports/tls_context.h"
#include "transports/tls_settings.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static char why[TROUPE_FAILURE_TEXT];
static struct trp_tls_settings found;

static void set(const char *name, const char *value)
{
    ck_assert_int_eq(setenv(name, value, 1), 0);
}

START_TEST(an_option_comes_before_kx_ssl_and_that_before_ssl)
{
    troupe_tls_options options = TROUPE_TLS_OPTIONS;

    set("SSL_CA_CERT_FILE", "general");
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_str_eq(found.ca_cert_file, "general");
    set("KX_SSL_CA_CERT_FILE", "of kx");
    OK(trp_tls_settings(&options, why, &found));
    ck_assert_str_eq(found.ca_cert_file, "of kx");
    options.ca_cert_file = "option";
    OK(trp_tls_settings(&options, why, &found));
    ck_assert_str_eq(found.ca_cert_file, "option");
    set("KX_SSL_CA_CERT_FILE", "");
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_str_eq(found.ca_cert_file, "general");
}
END_TEST

START_TEST(clients_check_the_name_unless_told_otherwise)
{
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_int_eq(found.server, TRP_TLS_CHECK_HOST);
    ck_assert_int_eq(found.client, TRP_TLS_CHECK_NONE);
    ck_assert_int_eq(found.min_version, TLS1_2_VERSION);
    set("SSL_VERIFY_SERVER", "YES");
    set("SSL_VERIFY_CLIENT", "IFPRESENT");
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_int_eq(found.server, TRP_TLS_CHECK_CHAIN);
    ck_assert_int_eq(found.client, TRP_TLS_CHECK_IF_PRESENT);
    set("KX_SSL_VERIFY_SERVER", "NO");
    set("KX_SSL_VERIFY_CLIENT", "YES");
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_int_eq(found.server, TRP_TLS_CHECK_NONE);
    ck_assert_int_eq(found.client, TRP_TLS_CHECK_CHAIN);
    troupe_tls_options options = TROUPE_TLS_OPTIONS;
    options.verify = TROUPE_TLS_VERIFY_HOST;
    OK(trp_tls_settings(&options, why, &found));
    ck_assert_int_eq(found.server, TRP_TLS_CHECK_HOST);
}
END_TEST

struct mistake {
    const char *name, *value, *said;
};

static const struct mistake mistakes[] = {
    {"SSL_VERIFY_SERVER", "MAYBE", "SSL_VERIFY_SERVER cannot be 'MAYBE'"},
    {"SSL_VERIFY_CLIENT", "yes", "SSL_VERIFY_CLIENT cannot be 'yes'"},
    {"SSL_MINPROTOCOL", "TLSv9", "SSL_MINPROTOCOL cannot be 'TLSv9'"},
    {"SSL_MAXPROTOCOL", "TLSv1.1", "SSL_MAXPROTOCOL cannot be 'TLSv1.1'"},
    {"SSL_CIPHER_LIST", "NONE-SUCH", "SSL_CIPHER_LIST 'NONE-SUCH' names no cipher"},
    {"SSL_CIPHERSUITES", "NONE-SUCH", "SSL_CIPHERSUITES 'NONE-SUCH' names no cipher"},
};

START_TEST(a_setting_that_cannot_be_is_said)
{
    const struct mistake *mistake = &mistakes[_i];
    struct trp_tls_context *context = NULL;

    set(mistake->name, mistake->value);
    ck_assert_int_eq(trp_tls_context_new(NULL, TRP_TLS_CLIENT, why, &context),
                     TROUPE_EINVAL);
    ck_assert_ptr_null(context);
    ck_assert_msg(strncmp(why, mistake->said, strlen(mistake->said)) == 0, "%s", why);
}
END_TEST

START_TEST(versions_below_1_2_are_not_spoken)
{
    set("SSL_MINPROTOCOL", "TLSv1");
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_int_eq(found.min_version, TLS1_2_VERSION);
    set("SSL_MINPROTOCOL", "TLSv1.3");
    set("SSL_MAXPROTOCOL", "TLSv1.2");
    ck_assert_int_eq(trp_tls_settings(NULL, why, &found), TROUPE_EINVAL);
    ck_assert_str_eq(why, "SSL_MAXPROTOCOL is below SSL_MINPROTOCOL");
}
END_TEST

/* ---- files ---- */

static void expect_mistake(troupe_tls_options options, enum trp_tls_role role,
                           troupe_status status, const char *like)
{
    struct trp_tls_context *context = NULL;

    ck_assert_int_eq(trp_tls_context_new(&options, role, why, &context), status);
    ck_assert_ptr_null(context);
    ck_assert_msg(strstr(why, like) != NULL, "%s", why);
}

START_TEST(a_file_that_is_of_no_use_is_named_with_its_setting)
{
    troupe_tls_options none = TROUPE_TLS_OPTIONS, options = none;

    expect_mistake(none, TRP_TLS_SERVER, TROUPE_EINVAL, "is not set");
    options.cert_file = certs_path("server.pem");
    expect_mistake(options, TRP_TLS_SERVER, TROUPE_EINVAL, "SSL_KEY_FILE is not set");
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_EINVAL, "SSL_KEY_FILE is not set");
    options.key_file = certs_path("absent.key");
    expect_mistake(options, TRP_TLS_SERVER, TROUPE_ENOENT, "absent.key' cannot be read");
    options.key_file = certs_path("client.key");
    expect_mistake(options, TRP_TLS_SERVER, TROUPE_ETLS, "not that of the certificate");
    options.key_file = certs_path("locked.key");
    expect_mistake(options, TRP_TLS_SERVER, TROUPE_ETLS, "SSL_KEY_FILE");
    options.key_file = certs_path("server.key");
    options.cert_file = certs_path("junk.pem");
    expect_mistake(options, TRP_TLS_SERVER, TROUPE_ETLS, "holds no usable certificate");
    options = none;
    options.ca_cert_file = certs_path("junk.pem");
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_ETLS, "SSL_CA_CERT_FILE");
    options.ca_cert_file = certs_folder();
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_EINVAL, "is no file");
    options.ca_cert_file = NULL;
    options.ca_cert_path = certs_path("ca.pem");
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_EINVAL, "is no folder");
}
END_TEST

START_TEST(a_kind_of_check_is_for_one_role)
{
    troupe_tls_options options = TROUPE_TLS_OPTIONS;

    options.verify = TROUPE_TLS_VERIFY_REQUIRE;
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_EINVAL, "for servers only");
    options.verify = TROUPE_TLS_VERIFY_HOST;
    expect_mistake(options, TRP_TLS_SERVER, TROUPE_EINVAL, "for clients only");
    options.verify = (troupe_tls_verify)99;
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_EINVAL, "verify cannot be 99");
    options = TROUPE_TLS_OPTIONS;
    options.size = 1;
    expect_mistake(options, TRP_TLS_CLIENT, TROUPE_EINVAL, "size");
}
END_TEST

START_TEST(ssl_cert_file_without_a_key_is_trusted_as_openssl_does)
{
    struct trp_tls_context *context = NULL;

    set("SSL_CERT_FILE", certs_path("ca.pem"));
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_ptr_null(found.cert_file);
    ck_assert_str_eq(found.system_file, certs_path("ca.pem"));
    OK(trp_tls_context_new(NULL, TRP_TLS_CLIENT, why, &context));
    trp_tls_context_unref(&context);
    set("SSL_KEY_FILE", certs_path("server.key"));
    set("SSL_CERT_FILE", certs_path("server.pem"));
    OK(trp_tls_settings(NULL, why, &found));
    ck_assert_str_eq(found.cert_file, certs_path("server.pem"));
    ck_assert_ptr_null(found.system_file);
}
END_TEST

/* ---- what is told ---- */

enum { SETTINGS = 9 };

struct told {
    unsigned count;
    char names[SETTINGS][32], values[SETTINGS][256];
};

static void hear(void *context, const char *name, const char *value)
{
    struct told *told = context;

    ck_assert_uint_lt(told->count, SETTINGS);
    (void)snprintf(told->names[told->count], sizeof(told->names[0]), "%s", name);
    (void)snprintf(told->values[told->count++], sizeof(told->values[0]), "%s", value);
}

START_TEST(the_settings_in_effect_are_told_by_their_names)
{
    static const char *const names[SETTINGS] = {
        "SSLEAY_VERSION",    "SSL_CERT_FILE",     "SSL_CA_CERT_FILE",
        "SSL_CA_CERT_PATH",  "SSL_KEY_FILE",      "SSL_CIPHER_LIST",
        "SSL_VERIFY_CLIENT", "SSL_VERIFY_SERVER", "SSL_ERROR_INFO"};
    struct told told = {0};

    set("KX_SSL_CA_CERT_FILE", certs_path("ca.pem"));
    set("SSL_VERIFY_SERVER", "YES");
    troupe_tls_info(NULL, hear, &told);
    ck_assert_uint_eq(told.count, SETTINGS);
    for (unsigned i = 0; i < SETTINGS; i++) {
        ck_assert_str_eq(told.names[i], names[i]);
    }
    ck_assert_int_eq(strncmp(told.values[0], "OpenSSL 3", 9), 0);
    ck_assert_str_eq(told.values[1], "");
    ck_assert_str_eq(told.values[2], certs_path("ca.pem"));
    ck_assert_str_eq(told.values[6], "NO");
    ck_assert_str_eq(told.values[7], "YES");
    ck_assert_str_eq(told.values[8], "");
}
END_TEST

START_TEST(what_is_wrong_with_the_settings_is_told_too)
{
    struct told told = {0};

    set("KX_SSL_CA_CERT_FILE", certs_path("absent.pem"));
    troupe_tls_info(NULL, hear, &told);
    ck_assert_ptr_nonnull(strstr(told.values[8], "absent.pem"));
    told.count = 0;
    set("SSL_VERIFY_SERVER", "PERHAPS");
    troupe_tls_info(NULL, hear, &told);
    ck_assert_str_eq(told.values[8], "SSL_VERIFY_SERVER cannot be 'PERHAPS'");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("tls settings");
    TCase *tcase = tcase_create("tls settings");

    tcase_add_checked_fixture(tcase, certs_make, certs_remove);
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, an_option_comes_before_kx_ssl_and_that_before_ssl);
    tcase_add_test(tcase, clients_check_the_name_unless_told_otherwise);
    tcase_add_loop_test(tcase, a_setting_that_cannot_be_is_said, 0,
                        (int)(sizeof(mistakes) / sizeof(mistakes[0])));
    tcase_add_test(tcase, versions_below_1_2_are_not_spoken);
    tcase_add_test(tcase, a_file_that_is_of_no_use_is_named_with_its_setting);
    tcase_add_test(tcase, a_kind_of_check_is_for_one_role);
    tcase_add_test(tcase, ssl_cert_file_without_a_key_is_trusted_as_openssl_does);
    tcase_add_test(tcase, the_settings_in_effect_are_told_by_their_names);
    tcase_add_test(tcase, what_is_wrong_with_the_settings_is_told_too);
    suite_add_tcase(suite, tcase);
    return suite;
}
