/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/protocol/q_client_stage.h"
#include "tests/support/certs.h"
#include "transports/stream_tls.h"

/* A client connection with TLS on it, the test being the server. */

static troupe_tls_verify asked; /* by contexts that are made */

static struct trp_tls_context *context(const char *cert, const char *key,
                                       enum trp_tls_role role)
{
    troupe_tls_options options = TROUPE_TLS_OPTIONS;
    char why[TROUPE_FAILURE_TEXT];
    struct trp_tls_context *made = NULL;

    options.ca_cert_file = certs_path("ca.pem");
    options.cert_file = cert != NULL ? certs_path(cert) : NULL;
    options.key_file = key != NULL ? certs_path(key) : NULL;
    options.verify = asked;
    troupe_status status = trp_tls_context_new(&options, role, why, &made);
    ck_assert_msg(status == TROUPE_OK, "%s", why);
    return made;
}

/* The peer is a server with this certificate. */
static void secure_far(const char *cert, const char *key)
{
    struct trp_tls_context *server = context(cert, key, TRP_TLS_SERVER);
    struct trp_stream *secured = NULL;

    ck_assert_int_eq(trp_stream_tls_new(&far, server, NULL, &secured), TROUPE_OK);
    far = secured;
    trp_tls_context_unref(&server);
}

/* Both ends take turns until nothing moves. */
static void shake(void)
{
    for (unsigned i = 0; i < 50; i++) {
        settle();
        trp_stream_turn(far);
    }
    settle();
}

static void begin_tls(int seed, troupe_q_options options)
{
    certs_make();
    stage_tls = context(NULL, NULL, TRP_TLS_CLIENT);
    options.tls = true;
    begin_dialling(seed, options, "a");
    trp_tls_context_unref(&stage_tls);
}

static void end_tls(void)
{
    end();
    certs_remove();
}

static void let_in(void)
{
    shake();
    script_expect(far, ":\6", 3);
    script_write(far, "\6", 1, 0);
    shake();
}

START_TEST(a_call_goes_over_tls)
{
    begin_tls(_i, TROUPE_Q_OPTIONS);
    call("early", TROUPE_NEVER, 1);
    secure_far("server.pem", "server.key");
    let_in();
    script_expect_message(far, TRP_Q_SYNC, "early");
    script_message(far, TRP_Q_RESPONSE, "late", 0);
    shake();
    expect_got(0, "1 late");
    end_tls();
}
END_TEST

START_TEST(a_server_with_the_wrong_name_is_not_logged_in_to)
{
    begin_tls(_i, TROUPE_Q_OPTIONS);
    call("secret", TROUPE_NEVER, 1);
    secure_far("wrong.pem", "wrong.key");
    shake();
    expect_got(0, "1 ETLS the connection to localhost:0 could not be made: ");
    ck_assert_ptr_nonnull(strstr(state_nth(0)->text, "localhost"));
    script_expect_nothing(far);
    end_tls();
}
END_TEST

START_TEST(a_server_without_tls_is_a_failed_handshake)
{
    begin_tls(_i, TROUPE_Q_OPTIONS);
    call("a", TROUPE_NEVER, 1);
    script_write(far, "\6\6\6\6\6\6\6\6", 8, 0);
    expect_got(0, "1 ETLS");
    end_tls();
}
END_TEST

START_TEST(a_server_that_misses_a_certificate_has_not_refused_the_login)
{
    begin_tls(_i, TROUPE_Q_OPTIONS);
    call("a", TROUPE_NEVER, 1);
    asked = TROUPE_TLS_VERIFY_REQUIRE;
    secure_far("server.pem", "server.key");
    asked = TROUPE_TLS_VERIFY_DEFAULT;
    shake();
    expect_got(0, "1 ETLS the connection to localhost:0 was lost during the login: ");
    end_tls();
}
END_TEST

START_TEST(a_handshake_that_is_never_answered_is_given_up)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.connect_limit = TROUPE_MS(100);
    begin_tls(_i, options);
    call("a", TROUPE_NEVER, 1);
    run_for(TROUPE_MS(99));
    ck_assert_uint_eq(got_count, 0);
    run_for(TROUPE_MS(1));
    expect_got(0, "1 ETIMEDOUT the connection to localhost:0 had no TLS in time");
    ck_assert_uint_eq(timers_set(), 0);
    end_tls();
}
END_TEST

START_TEST(one_limit_holds_for_handshake_and_login_together)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.connect_limit = TROUPE_MS(100);
    begin_tls(_i, options);
    call("a", TROUPE_NEVER, 1);
    run_for(TROUPE_MS(60));
    secure_far("server.pem", "server.key");
    shake();
    run_for(TROUPE_MS(40));
    expect_got(0, "1 ETIMEDOUT the connection to localhost:0 had no answer to the login");
    end_tls();
}
END_TEST

START_TEST(a_connection_with_tls_is_made_again)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.reconnection_attempts = 0;
    begin_tls(_i, options);
    for (uint64_t i = 0; i < 3; i++) {
        secure_far("server.pem", "server.key");
        let_in();
        call("a", TROUPE_NEVER, i);
        shake();
        script_expect_message(far, TRP_Q_SYNC, "a");
        script_message(far, TRP_Q_RESPONSE, "A", 0);
        shake();
        ck_assert_uint_eq(got_count, i + 1);
        run_for(TROUPE_S(1)); /* it was of use */
        lose();
    }
    ck_assert_int_eq(state_nth(1)->status, TROUPE_ELOST);
    end_tls();
}
END_TEST

START_TEST(files_that_are_of_no_use_are_said_when_opening)
{
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;
    troupe_q_options options = TROUPE_Q_OPTIONS;
    char why[TROUPE_FAILURE_TEXT];
    troupe_q out;

    certs_make();
    options.port = 5010;
    options.tls = true;
    options.tls_options = &tls;
    ck_assert_int_eq(troupe_q_check(&options, why, sizeof(why)), TROUPE_OK);
    tls.ca_cert_file = "/no/such/file.pem";
    ck_assert_int_eq(troupe_q_check(&options, why, sizeof(why)), TROUPE_ENOENT);
    ck_assert_ptr_nonnull(strstr(why, "/no/such/file.pem"));
    sim_begin(0);
    ck_assert_int_eq(troupe_q_open(sim, &options, &out), TROUPE_ENOENT);
    sim_end();
    certs_remove();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_client_tls");
    TCase *tcase = tcase_create("tls");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_call_goes_over_tls);
    ADD(tcase, a_server_with_the_wrong_name_is_not_logged_in_to);
    ADD(tcase, a_server_without_tls_is_a_failed_handshake);
    ADD(tcase, a_server_that_misses_a_certificate_has_not_refused_the_login);
    ADD(tcase, a_handshake_that_is_never_answered_is_given_up);
    ADD(tcase, one_limit_holds_for_handshake_and_login_together);
    ADD(tcase, a_connection_with_tls_is_made_again);
    tcase_add_test(tcase, files_that_are_of_no_use_are_said_when_opening);
    suite_add_tcase(suite, tcase);
    return suite;
}
