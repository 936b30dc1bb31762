/* SPDX-License-Identifier: MIT
 * All that an evaluation makes counts together, what it frees is given back, and what it
 * leaves in globals counts for the next one. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"

enum { LIMIT = 32 << 20 };

static troupe_embedq *q;

static void set_up(void)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;

    options.memory_limit = LIMIT;
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
}

static void tear_down(void)
{
    troupe_embedq_free(&q);
}

/* The error's text, "" when there was none. */
static const char *run(const char *text)
{
    troupe_q_value *v = NULL;

    if (troupe_embedq_text(q, text, TROUPE_Q_Z, &v) == TROUPE_OK) {
        troupe_q_unref(&v);
        return "";
    }
    return troupe_embedq_error(q);
}

static int64_t number(const char *text)
{
    troupe_q_value *v = NULL;
    int64_t n = 0;

    ck_assert_msg(troupe_embedq_text(q, text, TROUPE_Q_Z, &v) == TROUPE_OK, "%s: '%s",
                  text, troupe_embedq_error(q));
    ck_assert_int_eq(troupe_q_get_long(v, 0, &n), TROUPE_OK);
    troupe_q_unref(&v);
    return n;
}

static const char *const hostile[] = {
    "x:til 1000;do[100;x:x,/:\\:x]",
    "x:til 3000;x x x x+/:\\:3000#0",
    "m:1000 1000#0;m[;til 100000]",
    "40{(x;x)}/1",
    "{x,x}/[40;`a`b]",
    "{x,enlist x}/[200;1]",
    "a:100000#enlist til 100;raze a,a,a,a,a,a",
    "raze 1000000#enlist til 1000",
    "s:\"\";do[100000000;s,:\"abcdefgh\"]",
    "s:();while[1b;s,:enlist string count s]",
    "(til 100000)+/:til 100000",
    "{.z.s[x,x]}til 10",
    "{x+1}\\[100000000;1]",
    "f:{x,string til 100000};f/[1000;()]",
    "til 1000000000",
    "{`$\"s\",string x}each til 4000000",
    "i:0;while[1b;i+:1;(`$\"v\",string i)set i]",
    "(til 3000)cross til 100000",
    "1000000000#0x00",
    "string til 4000000",
    "t:([]a:til 100000);do[100;t,:t]",
    "parse raze 100000#enlist \"(1;2;3);\"",
    "value raze 100000#enlist \"(1;2;3);\"",
    "-8!3000000#enlist 1 2",
    "-9!-8!1000000#enlist enlist 1",
    "d:(til 100000)!100000#enlist til 10;{x,'x}/[20;d]",
    "{[n]l:();do[n;l:l,enlist til 1000]}1000000",
    "1000000{enlist[x],x}/1",
    "10000000?`8",
    "flip 1000000#enlist til 100",
    "\",\" vs 30000000#\"a,\"",
    "10000000#enlist\"\";ssr[10000000#\"a\";\"a\";\"bbbb\"]",
};

START_TEST(a_hostile_expression_ends_with_wsfull)
{
    struct rusage before, after;

    ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
    const char *error = run(hostile[_i]);
    ck_assert_msg(strcmp(error, "wsfull") == 0 || strcmp(error, "limit") == 0, "%s: '%s",
                  hostile[_i], error);
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 3 * (LIMIT >> 10));
#endif
    ck_assert_int_eq(number("1+2"), 3);
    ck_assert_str_eq(run("![`.;();0b;key`.]"), "");
    ck_assert_int_eq(number("sum til 1000"), 499500);
}
END_TEST

START_TEST(what_is_freed_is_given_back)
{
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(number("count til 1000000"), 1000000);
    }
    ck_assert_str_eq(run("do[200;x:til 1000000]"), "");
    ck_assert_str_eq(run("do[200;@[{til 100000000};0;::];til 1000000]"), "");
}
END_TEST

START_TEST(what_globals_keep_counts_for_the_next_evaluation)
{
    ck_assert_str_eq(run("a:til 1500000"), "");
    ck_assert_str_eq(run("b:til 1500000"), "");
    ck_assert_str_eq(run("c:til 1500000"), "wsfull");
    ck_assert_str_eq(run("til 1500000"), "wsfull");
    ck_assert_str_eq(run("a:0"), "");
    ck_assert_str_eq(run("c:til 1500000"), "");
}
END_TEST

START_TEST(what_is_shared_counts_once)
{
    ck_assert_str_eq(run("a:til 2000000"), "");
    ck_assert_str_eq(run("b:a;c:(a;a;b);d:10#enlist c;e:`x`y!(a;b)"), "");
    for (int i = 0; i < 100; i++) {
        ck_assert_str_eq(run("a"), "");
        ck_assert_str_eq(run("f:c 1;f"), "");
    }
    ck_assert_str_eq(run("g:til 1000000"), "");
}
END_TEST

START_TEST(globals_do_not_creep_above_the_limit)
{
    char text[64];
    int kept = 0;

    for (int i = 0; i < 4000; i++) {
        (void)snprintf(text, sizeof(text), "v%d:til 2000", i);
        kept += run(text)[0] == 0;
    }
    ck_assert_int_gt(kept, (LIMIT / 16384) / 2);
    ck_assert_int_lt(kept, (LIMIT / 16384) * 5 / 4);
    ck_assert_str_eq(run("![`.;();0b;key`.]"), "");
    ck_assert_str_eq(run("x:til 2000000"), "");
}
END_TEST

START_TEST(values_from_elsewhere_count_when_they_are_kept)
{
    troupe_q_value *name = NULL, *verb = NULL, *data = NULL, *list = NULL, *v = NULL;
    const char *error = "";
    char text[16];

    for (int i = 0; i < 100 && error[0] == 0; i++) {
        (void)snprintf(text, sizeof(text), "v%d", i);
        ck_assert_int_eq(troupe_q_symbol("set", TROUPE_Q_Z, &verb), TROUPE_OK);
        ck_assert_int_eq(troupe_q_symbol(text, TROUPE_Q_Z, &name), TROUPE_OK);
        ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, 100000, NULL, &data), TROUPE_OK);
        ck_assert_int_eq(troupe_q_list(3, (troupe_q_value *[]){verb, name, data}, &list),
                         TROUPE_OK);
        troupe_q_unref(&verb);
        troupe_q_unref(&name);
        troupe_q_unref(&data);
        if (troupe_embedq_eval(q, list, &v) == TROUPE_OK) {
            troupe_q_unref(&v);
        } else {
            error = troupe_embedq_error(q);
        }
        troupe_q_unref(&list);
        if (error[0] == 0 && i % 10 == 9) {
            error = run("til 500000");
        }
    }
    ck_assert_str_eq(error, "wsfull");
}
END_TEST

START_TEST(values_given_away_do_not_count)
{
    troupe_q_value *kept[100];

    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(troupe_embedq_text(q, "til 200000", TROUPE_Q_Z, &kept[i]),
                         TROUPE_OK);
    }
    ck_assert_str_eq(run("a:til 2000000"), "");
    for (int i = 0; i < 100; i++) {
        troupe_q_unref(&kept[i]);
    }
    ck_assert_str_eq(run("b:til 4000000"), "wsfull");
}
END_TEST

START_TEST(an_argument_that_its_owner_keeps_does_not_fill_the_account)
{
    troupe_q_value *f = NULL, *data = NULL, *list = NULL, *v = NULL;

    ck_assert_int_eq(troupe_q_string("{count x}", TROUPE_Q_Z, &f), TROUPE_OK);
    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, 1000000, NULL, &data), TROUPE_OK);
    ck_assert_int_eq(troupe_q_list(2, (troupe_q_value *[]){f, data}, &list), TROUPE_OK);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(troupe_embedq_eval(q, list, &v), TROUPE_OK);
        troupe_q_unref(&v);
        ck_assert_str_eq(run("til 1000000"), "");
    }
    troupe_q_unref(&f);
    troupe_q_unref(&data);
    troupe_q_unref(&list);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_room");
    TCase *tcase = tcase_create("room");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_hostile_expression_ends_with_wsfull, 0,
                        (int)(sizeof(hostile) / sizeof(hostile[0])));
    tcase_add_test(tcase, what_is_freed_is_given_back);
    tcase_add_test(tcase, what_globals_keep_counts_for_the_next_evaluation);
    tcase_add_test(tcase, what_is_shared_counts_once);
    tcase_add_test(tcase, globals_do_not_creep_above_the_limit);
    tcase_add_test(tcase, values_from_elsewhere_count_when_they_are_kept);
    tcase_add_test(tcase, values_given_away_do_not_count);
    tcase_add_test(tcase, an_argument_that_its_owner_keeps_does_not_fill_the_account);
    suite_add_tcase(suite, tcase);
    return suite;
}
