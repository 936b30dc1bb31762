/* SPDX-License-Identifier: MIT
 * test_q_hopen.c - connections that q code opens: every form of an address, calls,
 * messages both ways, handles; and the timer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/engine.h>

#include "tests/support/certs.h"
#include "tests/system/q_outgoing.h"

/* ---- opening ---- */

START_TEST(every_form_of_an_address_opens)
{
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;
    static const char *const forms[] = {"%u",
                                        "%ui",
                                        "`::%u",
                                        "`$\"::%u\"",
                                        "`:localhost:%u",
                                        "`:127.0.0.1:%u",
                                        "\":localhost:%u\"",
                                        "\"localhost:%u\"",
                                        "`:tcp://localhost:%u",
                                        "(`:localhost:%u;5000)",
                                        "(`::%u;5000i)",
                                        "(%u;5000)",
                                        "`:unix://%u",
                                        "(`:unix://%u;5000)"};

    serving.unix_domain = TROUPE_Q_UNIX_ALL;
    outgoing_begin_with(0, &serving);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char address[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(address, sizeof(address), forms[i], there);
#pragma GCC diagnostic pop
        IS("::", "h:hopen %s", address);
        IS("-6h", "type h");
        IS("3", "h\"1+2\"");
        IS("::", "hclose h");
    }
    outgoing_end();
}
END_TEST

START_TEST(what_is_no_address_is_an_error_of_q)
{
    outgoing_begin();
    IS("'type", "hopen 1f");
    IS("'type", "hopen (1;2;3)");
    IS("'type", "hopen (`::5010;`x)");
    IS("'domain", "hopen -5");
    IS("'domain", "hopen 70000");
    IS("'domain", "hopen `:localhost:x");
    IS("'domain", "hopen (`::5010;-1)");
    IS("'domain", "hopen `:unix://abc");
    outgoing_end();
}
END_TEST

START_TEST(the_user_and_the_password_are_those_of_the_address)
{
    const troupe_q_user users[] = {{"joe", "secret"}};
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;

    serving.users = users;
    serving.user_count = 1;
    outgoing_begin_with(0, &serving);
    IS("::", "h:hopen`:localhost:%u:joe:secret", there);
    IS("`joe", "h\".z.u\"");
    IS("'access", "hopen`:localhost:%u:joe:wrong", there);
    IS("'access", "hopen`:localhost:%u:joe", there);
    IS("'access", "hopen %u", there);
    IS("'access", "`:localhost:%u:joe:no \"1\"", there);
    outgoing_end();
}
END_TEST

START_TEST(a_script_that_opens_the_engine_opens_connections)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_q_hub *hub = NULL;
    troupe_id other;
    char script[128];

    outgoing_begin();
    FAR("::", "got:0;there:0");
    (void)snprintf(script, sizeof(script),
                   "h:hopen %u\nneg[h]\"got:1\"\nx:h\"1+1\"\n.z.ts:{neg[h]\"there+:1\"}\n"
                   "\\t 1\n",
                   there);
    OK(troupe_q_hub_new(sys, &hub));
    q.script = script;
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    options.config = &q;
    options.name = "other";
    OK(troupe_engine_open(sys, &troupe_engine_embedq, &options, &other));
    FAR("1", "got");
    while (strcmp(far("there>3"), "1b") != 0) {
    }
    outgoing_end();
    troupe_q_hub_free(&hub);
}
END_TEST

START_TEST(a_connection_can_be_one_of_tls)
{
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;

    certs_make();
    tls.cert_file = certs_path("server.pem");
    tls.key_file = certs_path("server.key");
    serving.tls_mode = TROUPE_Q_TLS_BOTH;
    serving.tls_options = &tls;
    ck_assert_int_eq(setenv("SSL_CA_CERT_FILE", certs_path("ca.pem"), 1), 0);
    outgoing_begin_with(0, &serving);
    IS("::", "h:hopen`:tcps://localhost:%u", there);
    IS("3", "h\"1+2\"");
    IS("3", "`:tcps://localhost:%u \"1+2\"", there);
    outgoing_end();
    ck_assert_int_eq(unsetenv("SSL_CA_CERT_FILE"), 0);
    certs_remove();
}
END_TEST

/* ---- calls and messages ---- */

START_TEST(calls_are_answered_with_values_and_errors)
{
    outgoing_begin();
    FAR("::", "f:{x+y}");
    IS("::", "h:hopen %u", there);
    IS("3", "h(`f;1;2)");
    IS("3", "h(\"f\";1;2)");
    IS("3", "h({x+y};1;2)");
    IS("5", "h({x};5)");
    IS("1 2 3", "h\"1 2 3\"");
    IS("'nope", "h\"nope\"");
    IS("'type", "h\"1+`a\"");
    IS("`type", "@[h;\"1+`a\";{`$x}]");
    IS("2 4 6", "h each(\"2\";\"4\";\"6\")");
    IS("+`a`b!(1 2;`x`y)", "h\"([]a:1 2;b:`x`y)\"");
    IS("7", "h[(+;3;4)]");
    IS("7", ".[h;enlist(+;3;4)]");
    IS("::", "hclose h");
    outgoing_end();
}
END_TEST

START_TEST(messages_are_sent_without_an_answer_and_in_order)
{
    outgoing_begin();
    FAR("::", "got:();add:{got,:x}");
    IS("::", "h:hopen %u", there);
    IS("::", "neg[h]\"add 1\"");
    IS("::", "(neg h)(`add;2)");
    IS("::", "do[1000;neg[h](`add;3)]");
    IS("::", "neg[h][]");
    IS("::", "neg[h](::)");
    IS("1002", "h\"count got\"");
    IS("1 2 3 3", "h\"4#got\"");
    IS("::", "p:neg hopen %u;p(`add;9)", there);
    IS("9", "(neg p)\"last got\"");
    outgoing_end();
}
END_TEST

START_TEST(what_the_peer_sends_is_evaluated_with_its_handle)
{
    outgoing_begin();
    IS("::", "got:();h:hopen %u", there);
    IS("::", "h\"neg[.z.w]\\\"got,:.z.w\\\"\"");
    here_becomes("1b", "got~enlist h");
    IS("::", ".z.ps:{seen::(.z.w;x)}");
    IS("::", "h\"w:.z.w\"");
    FAR("::", "neg[w]`hello");
    here_becomes("1b", "seen~(h;`hello)");
    outgoing_end();
}
END_TEST

START_TEST(an_empty_call_takes_the_next_message)
{
    outgoing_begin();
    IS("::", "h:hopen %u", there);
    IS("0 1 2", "neg[h]\"neg[.z.w]til 3\";h[]");
    IS("`a`b", "neg[h]\"neg[.z.w]`a\";neg[h]\"neg[.z.w]`b\";x:h[];x,h[]");
    IS("::", "g:hopen each 3#%u", there);
    IS("(0 1 2;0 1 2;0 1 2)", "neg[g]@\\:\"neg[.z.w]til 3\";"
                              "g[2]\"1\";g@\\:(::)");
    IS("3", "h\"1+2\"");
    outgoing_end();
}
END_TEST

START_TEST(the_peer_may_ask_and_defer)
{
    outgoing_begin();
    FAR("::", "later:{w::.z.w;-30!(::)};go:{-30!(w;0b;x)}");
    IS("::", "h:hopen %u;g:hopen %u", there, there);
    troupe_pending *pending = here_asks("h(`later;1)");
    /* Only the test's own connection can say it: the first waits. */
    while (strcmp(far("`w in key`."), "1b") != 0) {
    }
    FAR("::", "go 42");
    ck_assert_str_eq(here_says(&pending), "42");
    outgoing_end();
}
END_TEST

START_TEST(an_address_can_be_called_once)
{
    outgoing_begin();
    FAR("::", "n:0;.z.pc:{n+:1}");
    IS("4", "`::%u \"2+2\"", there);
    IS("5", "(`$\"::%u\")(+;2;3)", there);
    IS("'nope", "`:localhost:%u \"nope\"", there);
    IS("1", "count .z.W");
    outgoing_end();
}
END_TEST

/* ---- handles ---- */

START_TEST(handle_0_evaluates_here)
{
    outgoing_begin();
    IS("3", "0(+;1;2)");
    IS("3", "0\"1+2\"");
    IS("5", "z:0;z\"a:5\"");
    IS("5", "a");
    outgoing_end();
}
END_TEST

START_TEST(the_end_of_the_peer_is_told_and_that_of_our_own_is_not)
{
    outgoing_begin();
    IS("::", "gone:();.z.pc:{gone,:x}");
    IS("::", "a:hopen %u;b:hopen %u", there, there);
    IS("1b", "all(a;b)in key .z.W");
    IS("::", "hclose a");
    IS("0b", "a in key .z.W");
    outgoing_end_there();
    here_becomes("1b", "gone~enlist b");
    IS("0b", "b in key .z.W");
    IS("1b", "@[b;\"1\";{x}]like\"*is no handle*\"");
    IS("1b", "@[neg b;\"1\";{x}]like\"*is no handle*\"");
    IS("1b", "@[hclose;b;{x}]like\"*is no handle*\"");
    outgoing_end();
}
END_TEST

START_TEST(many_are_told_at_once)
{
    outgoing_begin();
    FAR("::", "got:()");
    IS("::", "h:hopen each 5#%u", there);
    IS("::", "-25!(h;\"got,:.z.w\")");
    IS("0 0 0 0 0", "{x\"1\";0}each h");
    FAR("5", "count distinct got");
    outgoing_end();
}
END_TEST

/* ---- the timer and the port ---- */

START_TEST(the_timer_ticks_until_it_is_taken_away)
{
    outgoing_begin();
    IS("0i", "system\"t\"");
    IS("::", "n:0;.z.ts:{n+:1;last0::x}");
    IS("::", "\\t 1");
    IS("1i", "\\t");
    here_becomes("1b", "n>5");
    IS("-12h", "type last0");
    IS("::", "system\"t 0\"");
    IS("::", "m:n");
    IS("1b", "m=n");
    IS("'domain", "system\"t -1\"");
    outgoing_end();
}
END_TEST

START_TEST(a_tick_that_takes_long_does_not_pile_up)
{
    outgoing_begin();
    IS("::", "n:0;.z.ts:{n+:1;s:.z.p;while[.z.p<s+0D00:00:00.02]}");
    IS("::", "\\t 1");
    here_becomes("1b", "n>3");
    IS("::", "\\t 0");
    IS("::", "m:n");
    IS("1b", "m=n");
    outgoing_end();
}
END_TEST

START_TEST(an_error_in_the_timer_does_not_end_it)
{
    outgoing_begin();
    IS("::", "n:0;.z.ts:{n+:1;'oops};system\"t 1\"");
    here_becomes("1b", "n>3");
    IS("::", "system\"t 0\"");
    outgoing_end();
}
END_TEST

START_TEST(the_port_is_the_one_that_is_served)
{
    char expected[16];

    outgoing_begin();
    (void)snprintf(expected, sizeof(expected), "%ui", at);
    IS(expected, "system\"p\"");
    IS(expected, "\\p");
    outgoing_end();
}
END_TEST

static troupe_status serve(void *context, const char *host, uint16_t port_wanted,
                           troupe_q_server *out)
{
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;

    serving.host = host;
    serving.port = port_wanted;
    serving.engine = engine;
    serving.hub = context;
    return troupe_q_serve(sys, &serving, out, NULL);
}

START_TEST(the_port_can_be_changed_and_who_is_there_stays)
{
    char expected[16];
    uint16_t other;

    outgoing_begin();
    IS("'nyi: change of the port", "system\"p 1\"");
    troupe_q_hub_on_listen(outgoing_hub(), serve, outgoing_hub());
    int listener = raw_listen(&other);
    IS("'the address is already in use", "system\"p %u\"", other);
    raw_close(&listener);
    IS("::", "system\"p %u\"", other);
    (void)snprintf(expected, sizeof(expected), "%ui", other);
    IS(expected, "system\"p\"");
    FAR("3", "`::%u \"1+2\"", other);
    FAR("1b", "@[hopen;%u;{x}]like\"hop*\"", at);
    IS("'type", "system\"p x\"");
    IS("'type", "system\"p 70000\"");
    outgoing_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_hopen");
    TCase *tests = tcase_create("hopen");

    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, every_form_of_an_address_opens);
    tcase_add_test(tests, what_is_no_address_is_an_error_of_q);
    tcase_add_test(tests, the_user_and_the_password_are_those_of_the_address);
    tcase_add_test(tests, a_script_that_opens_the_engine_opens_connections);
    tcase_add_test(tests, a_connection_can_be_one_of_tls);
    tcase_add_test(tests, calls_are_answered_with_values_and_errors);
    tcase_add_test(tests, messages_are_sent_without_an_answer_and_in_order);
    tcase_add_test(tests, what_the_peer_sends_is_evaluated_with_its_handle);
    tcase_add_test(tests, an_empty_call_takes_the_next_message);
    tcase_add_test(tests, the_peer_may_ask_and_defer);
    tcase_add_test(tests, an_address_can_be_called_once);
    tcase_add_test(tests, handle_0_evaluates_here);
    tcase_add_test(tests, the_end_of_the_peer_is_told_and_that_of_our_own_is_not);
    tcase_add_test(tests, many_are_told_at_once);
    tcase_add_test(tests, the_timer_ticks_until_it_is_taken_away);
    tcase_add_test(tests, a_tick_that_takes_long_does_not_pile_up);
    tcase_add_test(tests, an_error_in_the_timer_does_not_end_it);
    tcase_add_test(tests, the_port_is_the_one_that_is_served);
    tcase_add_test(tests, the_port_can_be_changed_and_who_is_there_stays);
    suite_add_tcase(suite, tests);
    return suite;
}
