/* SPDX-License-Identifier: MIT
 * test_q_hopen_faults.c - what peers do to q code that has opened a connection to them:
 * they refuse, stay silent, break off, flood, or ask back; and what ends the waiting. */
#include <stdio.h>
#include <string.h>

#include <troupe/engine.h>

#include "tests/system/q_outgoing.h"
#include "transports/q/q_codec.h"

static int listener;
static uint16_t bad_port; /* where the test listens */
static int fd;            /* the connection of h */

static void begin_with(troupe_ns call_limit)
{
    outgoing_begin_with(call_limit, NULL);
    listener = raw_listen(&bad_port);
    IS("::", "gone:();.z.pc:{gone,:x}");
}

/* h is a connection to the test. */
static void begin(void)
{
    begin_with(0);
    fd = here_welcomed(listener, bad_port);
}

static void end(void)
{
    if (fd >= 0) {
        raw_close(&fd);
    }
    raw_close(&listener);
    outgoing_end();
}

static void interrupt(void)
{
    OK(troupe_engine_interrupt(sys, engine));
}

/* The peer has got the query and does not answer. */
static troupe_pending *begins(const char *query, const char *sent)
{
    troupe_pending *pending = here_asks(query);

    raw_hear(fd, TRP_Q_SYNC, sent);
    return pending;
}

static void says(troupe_pending **pending, const char *text)
{
    ck_assert_str_eq(here_says(pending), text);
}

/* ---- opening ---- */

START_TEST(nobody_is_there)
{
    fd = -1;
    begin_with(0);
    raw_close(&listener);
    IS("'hop: the connection was refused", "hopen %u", bad_port);
    IS("'hop: the connection was refused", "hopen(`:localhost:%u;1000)", bad_port);
    IS("'hop: the connection was refused", "`::%u \"1\"", bad_port);
    IS("1b", "@[hopen;%u;{x}]like\"hop*\"", bad_port);
    IS("1b", "@[hopen;`:unix://%u;{x}]like\"hop*\"", bad_port);
    listener = raw_listen(&bad_port);
    end();
}
END_TEST

START_TEST(the_login_is_not_answered)
{
    fd = -1;
    begin_with(0);
    IS("'timeout", "hopen(%u;50)", bad_port);
    troupe_pending *pending = here_asks("1+1");
    says(&pending, "2");
    end();
}
END_TEST

START_TEST(the_login_is_answered_by_the_end)
{
    char query[32];

    fd = -1;
    begin_with(0);
    (void)snprintf(query, sizeof(query), "hopen %u", bad_port);
    troupe_pending *pending = here_asks(query);
    int other = raw_accept(listener);
    char login[3];
    raw_take(other, login, sizeof(login));
    raw_close(&other);
    says(&pending, "'access");
    end();
}
END_TEST

START_TEST(an_opening_can_be_interrupted)
{
    char query[32];

    fd = -1;
    begin_with(0);
    (void)snprintf(query, sizeof(query), "hopen %u", bad_port);
    troupe_pending *pending = here_asks(query);
    int other = raw_accept(listener);
    interrupt();
    says(&pending, "'stop");
    raw_send(other, "\6", 1); /* nobody wants it any more */
    raw_drain(other);
    raw_close(&other);
    IS("1", "count .z.W");
    end();
}
END_TEST

START_TEST(a_process_does_not_open_itself)
{
    fd = -1;
    begin_with(0);
    const char *self = "'hop: a process that calls itself waits for ever; handle 0 "
                       "evaluates here";
    IS(self, "hopen %u", at);
    IS(self, "hopen`:127.0.0.1:%u", at);
    IS(self, "hopen`:localhost:%u", at);
    IS(self, "hopen(`:unix://%u;1000)", at);
    IS(self, "`::%u \"1\"", at);
    end();
}
END_TEST

START_TEST(a_thousand_connections_come_and_go)
{
    fd = -1;
    begin_with(0);
    troupe_q honest = faults_open(port);
    struct faults_mark calm = faults_mark(honest);
    FAR("::", "n:m:0;.z.po:{n+:1};.z.pc:{m+:1}");
    IS("::", "do[1000;h:hopen %u;h\"1\";hclose h]", there);
    FAR("1000", "n");
    faults_back_to(honest, calm);
    IS("1", "count .z.W");
    IS("0", "count gone");
    end();
}
END_TEST

START_TEST(without_memory_there_are_errors_and_nothing_is_left_open)
{
    static const char *const deeds[] = {"x:hopen p",
                                        "k\"1+1\"",
                                        "neg[k]\"1+1\";neg[k][]",
                                        "count .z.W",
                                        "neg[k]\"neg[.z.w]1\";k[]",
                                        "-25!(enlist k;1)",
                                        "system\"t 0\"",
                                        "system\"p\""};

    fd = -1;
    begin_with(0);
    troupe_q honest = faults_open(port);
    IS("::", "p:%ui;k:hopen p;x:0", there);
    struct faults_mark calm = faults_mark(honest);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        for (unsigned n = 1; n <= 40; n++) {
            (void)here("system\"fail %u\";%s", n, deeds[i]);
            (void)here("system\"fail 0\""); /* fails itself, or disarms */
            IS("2", "if[x>0;hclose x;x:0];count .z.W");
        }
        IS("2", "k\"1+1\"");
    }
    faults_back_to(honest, calm);
    end();
}
END_TEST

/* ---- waiting ---- */

START_TEST(a_call_without_an_answer_ends_with_the_time_of_its_query)
{
    begin_with(TROUPE_MS(300));
    fd = here_welcomed(listener, bad_port);
    troupe_pending *pending = begins("h\"one\"", "one");
    says(&pending, "'stop");
    raw_say(fd, TRP_Q_RESPONSE, "late");
    pending = begins("h\"two\"", "two");
    raw_say(fd, TRP_Q_RESPONSE, "right");
    says(&pending, "\"right\"");
    end();
}
END_TEST

START_TEST(a_call_can_be_interrupted_and_its_late_answer_is_nobodys)
{
    begin();
    troupe_pending *pending = begins("h\"one\"", "one");
    interrupt();
    says(&pending, "'stop");
    pending = begins("h\"two\"", "two");
    raw_say(fd, TRP_Q_RESPONSE, "one's");
    raw_say(fd, TRP_Q_RESPONSE, "two's");
    says(&pending, "\"two's\"");
    end();
}
END_TEST

START_TEST(a_trap_does_not_catch_an_interrupt)
{
    begin();
    troupe_pending *pending = begins("@[h;\"one\";`caught]", "one");
    interrupt();
    says(&pending, "'stop");
    end();
}
END_TEST

START_TEST(waiting_for_a_message_can_be_interrupted)
{
    begin();
    troupe_pending *pending = here_asks("neg[h]\"go\";neg[h][];h[]");
    raw_hear(fd, TRP_Q_ASYNC, "go");
    interrupt();
    says(&pending, "'stop");
    raw_say(fd, TRP_Q_ASYNC, "x:5");
    here_becomes("1b", "`x in key`.");
    end();
}
END_TEST

START_TEST(the_peer_breaks_off_in_a_call)
{
    begin();
    troupe_pending *pending = begins("h\"one\"", "one");
    raw_reset(&fd);
    says(&pending, "'close");
    here_becomes("1b", "gone~enlist h");
    fd = here_welcomed(listener, bad_port);
    pending = begins("@[h;\"one\";{`$x}]", "one");
    raw_close(&fd);
    says(&pending, "`close");
    fd = here_welcomed(listener, bad_port);
    pending = here_asks("neg[h]\"go\";neg[h][];h[]");
    raw_hear(fd, TRP_Q_ASYNC, "go");
    raw_close(&fd);
    says(&pending, "'close");
    end();
}
END_TEST

START_TEST(the_peer_breaks_off_in_an_answer)
{
    uint8_t message[MESSAGE_MAX];
    size_t size = raw_message(message, TRP_Q_RESPONSE, "half of this");

    begin();
    troupe_pending *pending = begins("h\"one\"", "one");
    raw_send(fd, message, size - 4);
    raw_close(&fd);
    says(&pending, "'close");
    end();
}
END_TEST

START_TEST(the_peer_sends_nonsense)
{
    begin();
    troupe_pending *pending = begins("h\"one\"", "one");
    raw_send(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    says(&pending, "'close");
    here_becomes("1b", "gone~enlist h");
    end();
}
END_TEST

START_TEST(a_peer_that_asks_back_is_told_that_q_waits)
{
    begin();
    troupe_pending *pending = begins("h\"one\"", "one");
    raw_say(fd, TRP_Q_SYNC, "1+1");
    raw_hear(fd, TRP_Q_RESPONSE, "'busy: the process waits for an answer on this handle");
    raw_say(fd, TRP_Q_ASYNC, "x:7"); /* after the query that waits */
    raw_say(fd, TRP_Q_RESPONSE, "answer");
    says(&pending, "\"answer\"");
    raw_say(fd, TRP_Q_SYNC, "zzz");
    raw_hear(fd, TRP_Q_RESPONSE, "'zzz");
    IS("7", "x");
    end();
}
END_TEST

START_TEST(a_peer_that_asks_is_answered)
{
    begin();
    raw_say(fd, TRP_Q_SYNC, "string .z.w=h");
    raw_hear(fd, TRP_Q_RESPONSE, "1");
    raw_say(fd, TRP_Q_SYNC, "nope");
    raw_hear(fd, TRP_Q_RESPONSE, "'nope");
    IS("::", ".z.pg:{$[.z.w=h;[w::.z.w;-30!(::)];value x]}");
    raw_say(fd, TRP_Q_SYNC, "one");
    here_becomes("1b", "`w in key`.");
    IS("::", "-30!(w;0b;\"later\")");
    raw_hear(fd, TRP_Q_RESPONSE, "later");
    end();
}
END_TEST

/* ---- many ---- */

START_TEST(a_flood_of_messages_waits_and_is_evaluated_in_order)
{
    enum { MANY = 20000 };

    begin();
    IS("::", "n:0;.z.ps:{n+:1;last0::x}");
    troupe_pending *pending = begins("h\"one\"", "one");
    for (int i = 0; i < MANY; i++) {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof(text), "%d", i);
        raw_say(fd, TRP_Q_ASYNC, text);
    }
    raw_say(fd, TRP_Q_RESPONSE, "done");
    says(&pending, "\"done\"");
    here_becomes("20000", "n");
    IS("\"19999\"", "last0");
    raw_say(fd, TRP_Q_ASYNC, "the end");
    raw_close(&fd);
    here_becomes("1b", "gone~enlist h");
    IS("20001", "n");
    end();
}
END_TEST

START_TEST(a_peer_that_does_not_read_stops_q_code_that_floods_it)
{
    begin();
    troupe_pending *pending = here_asks("neg[h]\"go\";x:10000#0;while[1b;neg[h]x]");
    raw_hear(fd, TRP_Q_ASYNC, "go"); /* it goes out when there is no room for more */
    interrupt();
    says(&pending, "'stop");
    IS("2", "1+1");
    end();
}
END_TEST

/* ---- the end ---- */

START_TEST(the_system_ends_while_q_code_waits)
{
    begin();
    troupe_pending *pending = begins("h\"one\"", "one");
    troupe_system_shutdown(sys, TROUPE_MS(200));
    ck_assert_int_eq(here_says(&pending)[0], '\'');
    raw_close(&fd);
    raw_close(&listener);
    outgoing_finish();
}
END_TEST

START_TEST(the_system_ends_while_q_code_tries_again_and_again)
{
    static const char *const queries[] = {"while[1b;@[h;\"one\";0]]",
                                          "while[1b;@[hopen;1;0]]",
                                          "neg[h]\"one\";neg[h][];while[1b;@[h;::;0]]"};

    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        begin();
        troupe_pending *pending = here_asks(queries[i]);
        if (i != 1) {
            raw_hear(fd, i == 0 ? TRP_Q_SYNC : TRP_Q_ASYNC, "one");
        }
        troupe_system_shutdown(sys, TROUPE_MS(100));
        ck_assert_int_eq(here_says(&pending)[0], '\'');
        raw_close(&fd);
        raw_close(&listener);
        outgoing_finish();
    }
}
END_TEST

START_TEST(the_system_ends_while_q_code_opens)
{
    char query[32];

    fd = -1;
    begin_with(0);
    (void)snprintf(query, sizeof(query), "hopen %u", bad_port);
    troupe_pending *pending = here_asks(query);
    int other = raw_accept(listener);
    troupe_system_shutdown(sys, TROUPE_MS(100));
    ck_assert_int_eq(here_says(&pending)[0], '\'');
    raw_close(&other);
    raw_close(&listener);
    outgoing_finish();
}
END_TEST

START_TEST(the_one_who_asked_leaves_while_q_code_waits)
{
    begin();
    int user = raw_login(at);
    raw_say(user, TRP_Q_SYNC, "h\"one\"");
    raw_hear(fd, TRP_Q_SYNC, "one");
    raw_close(&user);
    IS("2", "1+1"); /* its query has been stopped */
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_hopen_faults");
    TCase *tests = tcase_create("faults");

    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, nobody_is_there);
    tcase_add_test(tests, the_login_is_not_answered);
    tcase_add_test(tests, the_login_is_answered_by_the_end);
    tcase_add_test(tests, an_opening_can_be_interrupted);
    tcase_add_test(tests, a_process_does_not_open_itself);
    tcase_add_test(tests, a_thousand_connections_come_and_go);
    tcase_add_test(tests, without_memory_there_are_errors_and_nothing_is_left_open);
    tcase_add_test(tests, a_call_without_an_answer_ends_with_the_time_of_its_query);
    tcase_add_test(tests, a_call_can_be_interrupted_and_its_late_answer_is_nobodys);
    tcase_add_test(tests, a_trap_does_not_catch_an_interrupt);
    tcase_add_test(tests, waiting_for_a_message_can_be_interrupted);
    tcase_add_test(tests, the_peer_breaks_off_in_a_call);
    tcase_add_test(tests, the_peer_breaks_off_in_an_answer);
    tcase_add_test(tests, the_peer_sends_nonsense);
    tcase_add_test(tests, a_peer_that_asks_back_is_told_that_q_waits);
    tcase_add_test(tests, a_peer_that_asks_is_answered);
    tcase_add_test(tests, a_flood_of_messages_waits_and_is_evaluated_in_order);
    tcase_add_test(tests, a_peer_that_does_not_read_stops_q_code_that_floods_it);
    tcase_add_test(tests, the_system_ends_while_q_code_waits);
    tcase_add_test(tests, the_system_ends_while_q_code_tries_again_and_again);
    tcase_add_test(tests, the_system_ends_while_q_code_opens);
    tcase_add_test(tests, the_one_who_asked_leaves_while_q_code_waits);
    suite_add_tcase(suite, tests);
    return suite;
}
