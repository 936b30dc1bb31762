/* SPDX-License-Identifier: MIT
 * test_q_faults_engine.c - what clients do to a server with the embedded q behind it:
 * queries without end, without bottom and without bounds, connections that go while their
 * query runs, or are closed by it, pushes nobody reads. Others are answered all along. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <troupe/engine.h>

#include "mailbox/alloc.h"
#include "tests/system/q_faults.h"
#include "transports/q/q_codec.h"

static troupe_q_hub *hub;
static troupe_id engine;
static troupe_q_server server;
static uint16_t at;           /* of the server with the engine */
static troupe_q honest, user; /* of the echoing server, and of this one */
static struct faults_mark calm;

static const char script[] = "gone:0\n"
                             ".z.pc:{gone+:1}\n"
                             "bye:{hclose .z.w;x}\n"
                             "wait:()\n"
                             "later:{wait,:.z.w;-30!(::)}\n"
                             "answer:{n:count wait;@[{-30!(x;0b;42)};;{x}]each wait;"
                             "wait::();n}\n"
                             "flood:{neg[.z.w]x#0x00;x}\n";

/* Whether a query is answered with a value that prints like this. */
static bool says(const char *text, const char *expected)
{
    troupe_q_value *query = NULL, *answer = NULL, *line = NULL;
    troupe_failure failure = {.status = TROUPE_OK};
    size_t size;

    OK(troupe_q_query(text, 0, NULL, &query));
    troupe_status status =
        troupe_q_wait(sys, user, &query, TROUPE_S(STUCK_S), &answer, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s: %s", text, failure.text);
    OK(troupe_q_format_line(answer, TEXT_MAX, &line));
    const char *got = troupe_q_text(line, &size);
    bool same = size == strlen(expected) && memcmp(got, expected, size) == 0;
    troupe_q_unref(&line);
    troupe_q_unref(&answer);
    return same;
}

static void is(const char *text, const char *expected)
{
    ck_assert_msg(says(text, expected), "%s is not %s", text, expected);
}

static void begin_with(troupe_ns call_limit)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;

    faults_begin(NULL);
    OK(troupe_q_hub_new(sys, &hub));
    q.memory_limit = 64 << 20;
    q.script = script;
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    options.config = &q;
    options.call_limit = call_limit;
    OK(troupe_engine_open(sys, &troupe_engine_embedq, &options, &engine));
    serving.engine = engine;
    serving.hub = hub;
    serving.output_limit = 4 << 20;
    serving.close_limit = TROUPE_MS(50);
    OK(troupe_q_serve(sys, &serving, &server, &at));
    honest = faults_open(port);
    user = faults_open(at);
    is("1+1", "2");
    calm = faults_mark(honest);
}

static void begin(void)
{
    begin_with(0);
}

static void end(void)
{
    is("2+2", "4");
    faults_back_to(honest, calm);
    faults_end();
    troupe_q_hub_free(&hub);
}

/* What a client that was let in asks, its answer unread. */
static int asks(const char *text)
{
    int fd = raw_login(at);

    raw_say(fd, TRP_Q_SYNC, text);
    return fd;
}

/* Says the same and takes what is answered, of any type. */
static void is_error(const char *text, const char *error)
{
    int fd = asks(text);

    raw_hear(fd, TRP_Q_RESPONSE, error);
    is("3+3", "6");
    raw_close(&fd);
}

/* ---- queries ---- */

START_TEST(a_query_without_end_is_stopped_and_others_are_served)
{
    begin_with(TROUPE_MS(500));
    is_error("while[1b;0]", "'stop");
    is_error("{x}/[{1b};0]", "'stop");
    is_error("@[{while[1b;0]};0;`caught]", "'stop");
    end();
}
END_TEST

START_TEST(a_query_without_bounds_is_refused_its_memory)
{
    begin();
    is_error("til 1000000000", "'wsfull");
    is_error("x:1000000#0;do[1000;x,:x]", "'wsfull");
    is_error("{x,x}/[40;`a`b]", "'wsfull");
    is_error("`a$1000000000#0", "'wsfull");
    end();
}
END_TEST

START_TEST(a_query_without_bottom_is_refused)
{
    begin();
    is_error("{x,.z.s x}1", "'stack");
    is_error("{.z.s x}/[0]", "'stack");
    is_error("{enlist x}/[100000;0]", "'limit");
    end();
}
END_TEST

/* ---- connections that go ---- */

START_TEST(clients_that_go_while_their_query_runs_leave_nothing)
{
    enum { CLIENTS = 30 };
    int fds[CLIENTS];

    begin();
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = asks("sum til 100000");
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 2 == 0) {
            raw_reset(&fds[i]);
        } else {
            raw_close(&fds[i]);
        }
    }
    is("3+4", "7");
    end();
}
END_TEST

START_TEST(a_client_may_close_itself_in_its_query)
{
    enum { TIMES = 50 };

    begin();
    for (int i = 0; i < TIMES; i++) {
        int fd = asks("bye 1");
        raw_say(fd, TRP_Q_SYNC, "bye 2"); /* behind the end */
        raw_drain(fd);
        raw_close(&fd);
    }
    end();
}
END_TEST

START_TEST(answers_to_clients_that_have_gone_go_nowhere)
{
    enum { CLIENTS = 20 };
    int fds[CLIENTS];

    begin();
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = asks("later 0");
    }
    for (char text[TEXT_MAX];;) { /* until all of them wait */
        (void)snprintf(text, sizeof(text), "%d", CLIENTS);
        if (says("count wait", text)) {
            break;
        }
    }
    for (int i = 0; i < CLIENTS; i += 2) {
        raw_reset(&fds[i]);
    }
    is("answer[]", "20");
    for (int i = 1; i < CLIENTS; i += 2) {
        uint8_t answer[17];
        raw_take(fds[i], answer, sizeof(answer));
        ck_assert_uint_eq(answer[9], 42);
        raw_close(&fds[i]);
    }
    end();
}
END_TEST

START_TEST(an_answer_that_nobody_waits_for_cannot_be_deferred)
{
    enum { TIMES = 100 };

    begin();
    int fd = raw_login(at);
    for (int i = 0; i < TIMES; i++) {
        raw_say(fd, TRP_Q_ASYNC, "-30!(::)");
    }
    raw_say(fd, TRP_Q_SYNC, "\"read\"");
    raw_hear(fd, TRP_Q_RESPONSE, "read");
    raw_close(&fd);
    end();
}
END_TEST

/* Answered while it is being deferred, deferred twice, answered twice. */
START_TEST(a_query_is_answered_once_however_it_defers)
{
    static const char *const texts[] = {
        "{-30!(::);-30!(.z.w;0b;7)}0",
        "{-30!(::);-30!(::);-30!(.z.w;0b;7)}0",
        "{-30!(::);-30!(.z.w;0b;7);@[{-30!(.z.w;0b;8)};0;{x}]}0",
    };

    begin();
    int fd = raw_login(at);
    for (size_t i = 0; i < TRP_COUNT(texts); i++) {
        uint8_t answer[17];
        raw_say(fd, TRP_Q_SYNC, texts[i]);
        raw_take(fd, answer, sizeof(answer));
        ck_assert_uint_eq(answer[9], 7);
    }
    raw_say(fd, TRP_Q_SYNC, "\"next\"");
    raw_hear(fd, TRP_Q_RESPONSE, "next");
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(pushes_that_nobody_reads_end_their_client_alone)
{
    enum { PUSH = 1000000 };
    char text[TEXT_MAX];

    begin();
    int fd = raw_login(at);
    (void)snprintf(text, sizeof(text), "flood %d", PUSH);
    for (int i = 0; i < 100; i++) {
        uint8_t message[MESSAGE_MAX];
        if (!raw_try(fd, message, raw_message(message, TRP_Q_ASYNC, text))) {
            break;
        }
        is("3+3", "6");
    }
    struct faults_mark without = calm;
    without.descriptors++; /* the test's own end */
    faults_back_to(honest, without);
    raw_close(&fd);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_engine");
    TCase *tcase = tcase_create("engine");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_query_without_end_is_stopped_and_others_are_served);
    tcase_add_test(tcase, a_query_without_bounds_is_refused_its_memory);
    tcase_add_test(tcase, a_query_without_bottom_is_refused);
    tcase_add_test(tcase, clients_that_go_while_their_query_runs_leave_nothing);
    tcase_add_test(tcase, a_client_may_close_itself_in_its_query);
    tcase_add_test(tcase, answers_to_clients_that_have_gone_go_nowhere);
    tcase_add_test(tcase, an_answer_that_nobody_waits_for_cannot_be_deferred);
    tcase_add_test(tcase, a_query_is_answered_once_however_it_defers);
    tcase_add_test(tcase, pushes_that_nobody_reads_end_their_client_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
