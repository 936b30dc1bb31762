/* SPDX-License-Identifier: MIT
 * test_q_faults_client.c - what servers do to a client on real sockets: answers cut
 * anywhere, late, twice, never, out of the blue; logins that end, or are answered with
 * too much; resets. Every call ends once, with its own answer or with why there is none,
 * and the client beside it is served. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

static troupe_pending *call(troupe_q q, const char *text)
{
    return faults_call(q, text, TROUPE_NEVER);
}

/* ---- half answers ---- */

/* An answer is cut after `cut` bytes, by an orderly end or by a reset. */
static void cut_answer(const uint8_t *message, size_t cut, bool reset)
{
    troupe_q q = faults_open(bad_port);
    troupe_pending *first = call(q, "first"), *second = call(q, "second");
    int fd = raw_welcome(listener);

    raw_hear(fd, TRP_Q_SYNC, "first");
    raw_hear(fd, TRP_Q_SYNC, "second");
    raw_send(fd, message, cut);
    if (reset) {
        raw_reset(&fd);
    } else {
        raw_close(&fd);
    }
    ck_assert_int_eq(faults_outcome(&first), TROUPE_ELOST);
    ck_assert_int_eq(faults_outcome(&second), TROUPE_ELOST);
    faults_close(q);
}

START_TEST(an_answer_cut_anywhere_fails_the_calls_that_wait)
{
    uint8_t message[MESSAGE_MAX];

    begin();
    size_t size = raw_message(message, TRP_Q_RESPONSE, "first");
    for (size_t cut = 0; cut < size; cut++) {
        cut_answer(message, cut, _i != 0);
    }
    faults_echo(honest, "served");
    end();
}
END_TEST

START_TEST(a_compressed_answer_cut_anywhere_fails_the_calls_that_wait)
{
    static const struct trp_q_encoding how = {
        .kind = TRP_Q_RESPONSE, .capability = TRP_Q_CAPABILITY, .compress = true};
    troupe_q_value *zeros = NULL;
    struct trp_buffer packed;
    struct trp_q_why why;

    begin();
    trp_buffer_init(&packed, 1 << 20);
    OK(troupe_q_vector(TROUPE_Q_BYTE, 3000, NULL, &zeros));
    OK(trp_q_encode(zeros, &how, &packed, &why));
    troupe_q_unref(&zeros);
    for (size_t cut = 0; cut < trp_buffer_size(&packed); cut++) {
        cut_answer(trp_buffer_front(&packed), cut, _i != 0);
    }
    trp_buffer_fini(&packed);
    end();
}
END_TEST

START_TEST(a_reset_in_the_middle_of_a_large_answer_fails_its_call)
{
    enum { SENT = 4 << 20 };
    static uint8_t body[SENT] = {1, 2, 0, 0, 0, 0, 0, 16, TROUPE_Q_BYTE}; /* of 256 MiB */

    begin();
    for (int round = 0; round < 5; round++) {
        troupe_q q = faults_open(bad_port);
        troupe_pending *pending = call(q, "big");
        int fd = raw_welcome(listener);
        raw_hear(fd, TRP_Q_SYNC, "big");
        raw_send(fd, body, SENT);
        raw_reset(&fd);
        ck_assert_int_eq(faults_outcome(&pending), TROUPE_ELOST);
        faults_close(q);
    }
    end();
}
END_TEST

/* ---- late, twice, never ---- */

START_TEST(a_late_answer_is_not_the_answer_of_the_next_call)
{
    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *late = faults_call(q, "late", TROUPE_MS(500));
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "late");
    ck_assert_int_eq(faults_outcome(&late), TROUPE_ETIMEDOUT);
    troupe_pending *next = call(q, "next");
    raw_hear(fd, TRP_Q_SYNC, "next");
    raw_say(fd, TRP_Q_RESPONSE, "late");
    raw_say(fd, TRP_Q_RESPONSE, "next");
    faults_answer(&next, "next");
    faults_close(q);
    ck_assert(raw_ends(fd));
    raw_close(&fd);
    end();
}
END_TEST

/* Of many calls some time out; the answers come in one piece, all of them late. */
START_TEST(answers_belong_to_their_calls_however_many_are_late)
{
    enum { CALLS = 300 };
    troupe_pending *pending[CALLS];
    char text[TEXT_MAX];

    begin();
    troupe_q q = faults_open(bad_port);
    for (unsigned k = 0; k < CALLS; k++) {
        (void)snprintf(text, sizeof(text), "call %u", k);
        pending[k] = faults_call(q, text, k % 3 == 0 ? TROUPE_MS(10) : TROUPE_NEVER);
    }
    int fd = raw_welcome(listener);
    for (unsigned k = 0; k < CALLS; k += 3) {
        troupe_status status = faults_outcome(&pending[k]);
        ck_assert_int_eq(status, TROUPE_ETIMEDOUT);
    }
    /* What timed out before it was sent may not have come. */
    faults_close(faults_open(bad_port));
    int other = raw_accept(listener);
    raw_close(&other);
    troupe_pending *last = call(q, "last");
    for (bool more = true; more;) {
        uint8_t message[MESSAGE_MAX] = {0};
        uint32_t total;
        raw_take(fd, message, TRP_Q_HEADER);
        memcpy(&total, message + 4, sizeof(total));
        ck_assert_uint_le(total, sizeof(message));
        raw_take(fd, message + TRP_Q_HEADER, total - TRP_Q_HEADER);
        more = memcmp(message + MESSAGE_TEXT, "last", 4) != 0;
        message[1] = TRP_Q_RESPONSE;
        raw_send(fd, message, total);
    }
    for (unsigned k = 0; k < CALLS; k++) {
        if (k % 3 != 0) {
            (void)snprintf(text, sizeof(text), "call %u", k);
            faults_answer(&pending[k], text);
        }
    }
    faults_answer(&last, "last");
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(an_answer_that_comes_twice_ends_the_connection)
{
    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *once = call(q, "once");
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "once");
    raw_say(fd, TRP_Q_RESPONSE, "once");
    faults_answer(&once, "once");
    raw_say(fd, TRP_Q_RESPONSE, "once");
    ck_assert(raw_ends(fd));
    troupe_pending *after = call(q, "after");
    ck_assert_int_eq(faults_outcome(&after), TROUPE_EPROTO);
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(a_server_that_never_answers_does_not_keep_a_close_waiting)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.close_limit = TROUPE_MS(20);
    begin();
    troupe_q q = faults_open_with(bad_port, options);
    troupe_pending *never = call(q, "never");
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "never");
    faults_close(q);
    ck_assert_int_eq(faults_outcome(&never), TROUPE_ECLOSED);
    ck_assert(raw_ends(fd));
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(what_comes_between_answers_is_not_an_answer)
{
    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *one = call(q, "one"), *two = call(q, "two");
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "one");
    raw_hear(fd, TRP_Q_SYNC, "two");
    raw_say(fd, TRP_Q_ASYNC, "a push");
    raw_say(fd, TRP_Q_SYNC, "a question");
    raw_say(fd, TRP_Q_RESPONSE, "one");
    raw_say(fd, TRP_Q_ASYNC, "a push");
    raw_say(fd, TRP_Q_RESPONSE, "'two");
    faults_answer(&one, "one");
    ck_assert_int_eq(faults_outcome(&two), TROUPE_EREMOTE);
    raw_hear(fd, TRP_Q_RESPONSE, "'a client connection takes no queries");
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(questions_without_end_to_a_client_that_nobody_listens_to_end_it)
{
    enum { CHUNK = 1000 };
    troupe_q_options options = TROUPE_Q_OPTIONS;
    uint8_t message[MESSAGE_MAX], many[CHUNK * 15];
    size_t size = raw_message(message, TRP_Q_SYNC, "?"), sent = 0;

    ck_assert_uint_eq(size, 15);
    for (size_t i = 0; i < CHUNK; i++) {
        memcpy(many + i * size, message, size);
    }
    options.output_limit = 1 << 20;
    begin();
    troupe_q q = faults_open_with(bad_port, options);
    int fd = raw_welcome(listener);
    while (sent < (size_t)256 << 20 && raw_try(fd, many, sizeof(many))) {
        sent += sizeof(many); /* and its answers are never read */
    }
    ck_assert_uint_lt(sent, (size_t)256 << 20);
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

/* ---- logins ---- */

START_TEST(a_server_that_closes_during_the_login_refused_it)
{
    char login[3];

    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *pending = call(q, "x");
    int fd = raw_accept(listener);
    raw_take(fd, login, sizeof(login));
    raw_close(&fd);
    ck_assert_int_eq(faults_outcome(&pending), TROUPE_EACCESS);
    faults_close(q);
    end();
}
END_TEST

START_TEST(a_reset_during_the_login_is_a_loss)
{
    char login[3];

    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *pending = call(q, "x");
    int fd = raw_accept(listener);
    raw_take(fd, login, sizeof(login));
    raw_reset(&fd);
    ck_assert_int_eq(faults_outcome(&pending), TROUPE_ELOST);
    faults_close(q);
    end();
}
END_TEST

START_TEST(a_login_that_is_never_answered_is_given_up)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.connect_limit = TROUPE_MS(300);
    begin();
    troupe_q q = faults_open_with(bad_port, options);
    troupe_pending *pending = call(q, "x");
    int fd = raw_accept(listener);
    ck_assert_int_eq(faults_outcome(&pending), TROUPE_ETIMEDOUT);
    raw_drain(fd);
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

/* One byte answers a login: a second one begins a message, and none begins like this. */
START_TEST(a_login_answered_with_two_bytes_is_no_login)
{
    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *pending = call(q, "x");
    int fd = raw_accept(listener);
    raw_send(fd, "\6\6\6\6\6\6\6\6\6\6", 10);
    ck_assert_int_eq(faults_outcome(&pending), TROUPE_EPROTO);
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(whatever_capability_is_answered_calls_go_on)
{
    static const uint8_t answers[] = {0, 1, 2, 3, 5, 6, 7, 255};

    begin();
    for (size_t i = 0; i < sizeof(answers); i++) {
        char login[3];
        troupe_q q = faults_open(bad_port);
        troupe_pending *pending = call(q, "x");
        int fd = raw_accept(listener);
        raw_take(fd, login, sizeof(login));
        raw_send(fd, &answers[i], 1);
        raw_hear(fd, TRP_Q_SYNC, "x");
        raw_say(fd, TRP_Q_RESPONSE, "x");
        faults_answer(&pending, "x");
        faults_close(q);
        raw_close(&fd);
    }
    end();
}
END_TEST

/* ---- lies ---- */

#define LIE(text)                                                                        \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }

static const struct lie {
    const char *bytes;
    size_t size;
} lies[] = {
    LIE("HTTP/1.1 400 Bad Request\r\n\r\n"),
    LIE("\1\2\0\0\0\0\0\0"),
    LIE("\1\2\0\0\11\0\0\0\200"),
    LIE("\1\2\0\377\377\377\377\377"),
    LIE("\1\3\0\0\12\0\0\0\145\0"),
    LIE("\1\2\0\0\16\0\0\0\24\0\0\0\0\0"),
    LIE("\1\2\0\0\16\0\0\0\7\0\377\377\377\377"),
    LIE("\1\2\0\0\15\0\0\0\200type"),           /* an error without end */
    LIE("\1\2\0\0\20\0\0\0\0\0\1\0\0\0\200\0"), /* an error inside */
    LIE("\1\0\0\0\13\0\0\0\200a\0"),            /* an error that was not asked for */
    LIE("\1\2\1\0\20\0\0\0\200\200\200\200\0\0\0\0"),
    LIE("\0\2\2\0\0\0\0\24\377\377\377\377\377\377\377\377\0\0\0\0"),
};

START_TEST(an_answer_that_cannot_be_is_the_end_of_its_connection)
{
    begin();
    troupe_q q = faults_open(bad_port);
    troupe_pending *pending = call(q, "x");
    int fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "x");
    raw_send(fd, lies[_i].bytes, lies[_i].size);
    troupe_status status = faults_outcome(&pending);
    ck_assert_msg(status == TROUPE_EPROTO || status == TROUPE_ELIMIT, "%s",
                  troupe_status_name(status));
    raw_drain(fd);
    faults_close(q);
    raw_close(&fd);
    end();
}
END_TEST

/* ---- pressure ---- */

START_TEST(a_server_that_never_reads_makes_calls_busy_not_memory_full)
{
    enum { BIG = 1 << 20, CALLS = 64 };
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_pending *pending[CALLS];
    unsigned busy = 0;

    options.output_limit = 4 << 20;
    options.close_limit = TROUPE_MS(20);
    begin();
    troupe_q q = faults_open_with(bad_port, options);
    int fd = raw_welcome(listener);
    for (unsigned k = 0; k < CALLS; k++) {
        troupe_q_value *big = NULL;
        OK(troupe_q_vector(TROUPE_Q_BYTE, BIG, NULL, &big));
        OK(troupe_q_post_call(sys, q, &big, TROUPE_NEVER, &pending[k]));
        faults_echo(honest, "served");
    }
    faults_close(q);
    for (unsigned k = 0; k < CALLS; k++) {
        troupe_status status = faults_outcome(&pending[k]);
        ck_assert(status == TROUPE_EBUSY || status == TROUPE_ECLOSED);
        busy += status == TROUPE_EBUSY;
    }
    ck_assert_uint_gt(busy, CALLS / 2);
    raw_close(&fd);
    end();
}
END_TEST

/* A thousand times: calls in flight, some answered, then the connection is lost. Each is
 * answered with its own text or lost, and all before a lost one are answered. */
START_TEST(a_thousand_losses_with_calls_in_flight_end_each_call_once)
{
    enum { ROUNDS = SANITIZED ? 300 : 1000, CALLS = 5 };
    troupe_pending *pending[CALLS];
    char text[TEXT_MAX];

    begin();
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned answered = round % (CALLS + 1);
        troupe_q q = faults_open(bad_port);
        for (unsigned k = 0; k < CALLS; k++) {
            (void)snprintf(text, sizeof(text), "call %u of %u", k, round);
            pending[k] = call(q, text);
        }
        int fd = raw_welcome(listener);
        for (unsigned k = 0; k < CALLS; k++) {
            (void)snprintf(text, sizeof(text), "call %u of %u", k, round);
            raw_hear(fd, TRP_Q_SYNC, text);
            if (k < answered) {
                raw_say(fd, TRP_Q_RESPONSE, text);
            }
        }
        raw_close(&fd); /* orderly: what was sent is not lost */
        for (unsigned k = 0; k < CALLS; k++) {
            (void)snprintf(text, sizeof(text), "call %u of %u", k, round);
            if (k < answered) {
                faults_answer(&pending[k], text);
            } else {
                ck_assert_int_eq(faults_outcome(&pending[k]), TROUPE_ELOST);
            }
        }
        faults_close(q);
    }
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_client");
    TCase *tcase = tcase_create("servers");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, an_answer_cut_anywhere_fails_the_calls_that_wait, 0, 2);
    tcase_add_loop_test(tcase, a_compressed_answer_cut_anywhere_fails_the_calls_that_wait,
                        0, 2);
    tcase_add_test(tcase, a_reset_in_the_middle_of_a_large_answer_fails_its_call);
    tcase_add_test(tcase, a_late_answer_is_not_the_answer_of_the_next_call);
    tcase_add_test(tcase, answers_belong_to_their_calls_however_many_are_late);
    tcase_add_test(tcase, an_answer_that_comes_twice_ends_the_connection);
    tcase_add_test(tcase, a_server_that_never_answers_does_not_keep_a_close_waiting);
    tcase_add_test(tcase, what_comes_between_answers_is_not_an_answer);
    tcase_add_test(tcase,
                   questions_without_end_to_a_client_that_nobody_listens_to_end_it);
    tcase_add_test(tcase, a_server_that_closes_during_the_login_refused_it);
    tcase_add_test(tcase, a_reset_during_the_login_is_a_loss);
    tcase_add_test(tcase, a_login_that_is_never_answered_is_given_up);
    tcase_add_test(tcase, a_login_answered_with_two_bytes_is_no_login);
    tcase_add_test(tcase, whatever_capability_is_answered_calls_go_on);
    tcase_add_loop_test(tcase, an_answer_that_cannot_be_is_the_end_of_its_connection, 0,
                        (int)TRP_COUNT(lies));
    tcase_add_test(tcase, a_server_that_never_reads_makes_calls_busy_not_memory_full);
    tcase_add_test(tcase, a_thousand_losses_with_calls_in_flight_end_each_call_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
