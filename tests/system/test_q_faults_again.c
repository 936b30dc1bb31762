/* SPDX-License-Identifier: MIT
 * test_q_faults_again.c - connections that are lost and made again, a thousand times,
 * with calls in flight: each call ends once, with its own answer or with why there is
 * none, and nothing is left of the connections that were. */
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/system/q_faults.h"
#include "transports/q/q_codec.h"

static troupe_q honest;
static struct faults_mark calm;
static int listener;
static uint16_t bad_port; /* where the test listens */

static void begin(void)
{
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
}

static troupe_q_options again(int32_t attempts)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.reconnection_attempts = attempts;
    options.reconnection_delay = options.reconnection_delay_max = TROUPE_MS(1);
    return options;
}

/* A call that is sent again after a loss. */
static troupe_pending *call_again(troupe_q q, const char *text)
{
    troupe_q_call_options options = TROUPE_Q_CALL_OPTIONS;
    troupe_pending *pending = NULL;
    troupe_q_value *query = NULL;

    options.again = true;
    OK(troupe_q_query(text, 0, NULL, &query));
    OK(troupe_q_post_call_with(sys, q, &query, &options, &pending));
    return pending;
}

static const char *text_of(char text[TEXT_MAX], unsigned k, unsigned round)
{
    (void)snprintf(text, TEXT_MAX, "call %u of %u", k, round);
    return text;
}

/* ---- a server of the test ---- */

enum { CALLS = 5 };

/* One connection: of CALLS calls `answered` are answered, then it is lost. */
static void one_round(troupe_q q, unsigned round)
{
    unsigned answered = round % (CALLS + 1);
    troupe_pending *pending[CALLS];
    char text[TEXT_MAX];

    for (unsigned k = 0; k < CALLS; k++) {
        pending[k] = faults_call(q, text_of(text, k, round), TROUPE_NEVER);
    }
    int fd = raw_welcome(listener);
    for (unsigned k = 0; k < CALLS; k++) {
        raw_hear(fd, TRP_Q_SYNC, text_of(text, k, round));
        if (k < answered) {
            raw_say(fd, TRP_Q_RESPONSE, text);
            faults_answer(&pending[k], text);
        }
    }
    if (round % 2 == 0) {
        raw_close(&fd);
    } else {
        raw_reset(&fd);
    }
    for (unsigned k = answered; k < CALLS; k++) {
        ck_assert_int_eq(faults_outcome(&pending[k]), TROUPE_ELOST);
    }
}

START_TEST(a_thousand_reconnections_with_calls_in_flight_end_each_call_once)
{
    enum { ROUNDS = 1000 };
    troupe_q_info info;

    begin();
    troupe_q q = faults_open_with(bad_port, again(0));
    for (unsigned round = 0; round < ROUNDS; round++) {
        one_round(q, round);
    }
    OK(troupe_q_wait_info(sys, q, TROUPE_S(STUCK_S), &info));
    ck_assert_uint_ge(info.logins, ROUNDS);
    ck_assert_uint_eq(info.sent + info.held, 0);
    faults_close(q);
    end();
}
END_TEST

START_TEST(a_query_that_may_run_twice_is_sent_until_it_is_answered)
{
    enum { LOSSES = 20 };
    char text[TEXT_MAX];

    begin();
    troupe_q q = faults_open_with(bad_port, again(0));
    troupe_pending *first = call_again(q, "first");
    troupe_pending *once = faults_call(q, "once", TROUPE_NEVER);
    troupe_pending *second = call_again(q, "second");
    for (unsigned loss = 0; loss < LOSSES; loss++) {
        int fd = raw_welcome(listener);
        raw_hear(fd, TRP_Q_SYNC, "first");
        if (loss == 0) {
            raw_hear(fd, TRP_Q_SYNC, "once"); /* here only */
        }
        raw_hear(fd, TRP_Q_SYNC, "second");
        raw_close(&fd);
    }
    ck_assert_int_eq(faults_outcome(&once), TROUPE_ELOST);
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "first");
    raw_hear(fd, TRP_Q_SYNC, "second");
    raw_say(fd, TRP_Q_RESPONSE, "first");
    raw_say(fd, TRP_Q_RESPONSE, "second");
    faults_answer(&first, "first");
    faults_answer(&second, "second");
    troupe_pending *then = faults_call(q, text_of(text, 0, 0), TROUPE_NEVER);
    raw_hear(fd, TRP_Q_SYNC, text);
    raw_say(fd, TRP_Q_RESPONSE, text);
    faults_answer(&then, text);
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(a_server_that_accepts_all_and_serves_none_is_given_up)
{
    enum { ATTEMPTS = 7 };

    troupe_q_options options = again(ATTEMPTS);

    options.reconnection_delay_max = TROUPE_S(60); /* none lasts so long, however slow */
    begin();
    troupe_q q = faults_open_with(bad_port, options);
    troupe_pending *first = call_again(q, "first");
    for (unsigned attempt = 0; attempt <= ATTEMPTS; attempt++) {
        int fd = raw_welcome(listener); /* the first connection, and each attempt */
        raw_hear(fd, TRP_Q_SYNC, "first");
        raw_close(&fd);
    }
    ck_assert_int_eq(faults_outcome(&first), TROUPE_ELOST);
    troupe_pending *next = faults_call(q, "next", TROUPE_NEVER); /* starts over */
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "next");
    raw_say(fd, TRP_Q_RESPONSE, "next");
    faults_answer(&next, "next");
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(what_waits_for_a_connection_ends_when_it_is_closed)
{
    troupe_q_options options = again(0);

    options.reconnection_delay = options.reconnection_delay_max = TROUPE_S(3600);
    begin();
    troupe_q q = faults_open_with(bad_port, options);
    int fd = raw_welcome(listener);
    raw_close(&fd); /* made again at once, and then not for an hour */
    fd = raw_accept(listener);
    raw_close(&fd);
    troupe_pending *held = faults_call(q, "held", TROUPE_NEVER);
    troupe_pending *limited = faults_call(q, "limited", TROUPE_MS(10));
    ck_assert_int_eq(faults_outcome(&limited), TROUPE_ETIMEDOUT);
    faults_close(q);
    ck_assert_int_eq(faults_outcome(&held), TROUPE_ECLOSED);
    end();
}
END_TEST

/* ---- a server of Troupe's ---- */

/* Calls go on while the server ends and begins; those that may run twice are all
 * answered. */
START_TEST(a_server_that_restarts_answers_each_call_once)
{
    enum { RESTARTS = SANITIZED ? 30 : 100, EACH = 20 };
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;
    troupe_pending *sure[EACH], *maybe[EACH];
    troupe_q_server server;
    char text[TEXT_MAX];

    begin();
    serving.close_limit = TROUPE_MS(1);
    uint16_t at = faults_serve(&serving, 0, &server);
    troupe_q q = faults_open_with(at, again(0));
    faults_echo(q, "there"); /* the first connection is attempted once */
    for (unsigned round = 0; round < RESTARTS; round++) {
        for (unsigned k = 0; k < EACH; k++) {
            sure[k] = call_again(q, text_of(text, k, round));
            maybe[k] = faults_call(q, text, TROUPE_NEVER);
        }
        faults_unserve(server);
        (void)faults_serve(&serving, at, &server);
        for (unsigned k = 0; k < EACH; k++) {
            faults_answer(&sure[k], text_of(text, k, round));
            troupe_status status = faults_answer_or(&maybe[k], text);
            ck_assert(status == TROUPE_OK || status == TROUPE_ELOST);
        }
        faults_echo(honest, "served");
    }
    faults_close(q);
    faults_unserve(server);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_again");
    TCase *tcase = tcase_create("losses");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase,
                   a_thousand_reconnections_with_calls_in_flight_end_each_call_once);
    tcase_add_test(tcase, a_query_that_may_run_twice_is_sent_until_it_is_answered);
    tcase_add_test(tcase, a_server_that_accepts_all_and_serves_none_is_given_up);
    tcase_add_test(tcase, what_waits_for_a_connection_ends_when_it_is_closed);
    tcase_add_test(tcase, a_server_that_restarts_answers_each_call_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
