/* SPDX-License-Identifier: MIT
 * How long a thread looks for mail before it sleeps: as long as the user says, else as
 * long as that pays. */
#include <string.h>

#include "actors/runtime.h"
#include "tests/support/suite.h"

static struct trp_look look;

static void begin(troupe_ns now)
{
    trp_look_init(&look, now);
}

/* What it would do now, having told another base something. */
static troupe_ns told(bool met_awake, troupe_ns now)
{
    look.told = true;
    look.met_awake = met_awake;
    return trp_look_time(&look, 0, now);
}

START_TEST(who_told_nobody_anything_sleeps_at_once)
{
    begin(0);
    ck_assert_int_eq(trp_look_time(&look, 0, TROUPE_S(1)), 0);
    ck_assert_int_gt(told(true, TROUPE_S(1)), 0);
    ck_assert_int_eq(trp_look_time(&look, 0, TROUPE_S(1)), 0); /* that was one pass */
}
END_TEST

START_TEST(after_writing_to_a_socket_input_is_looked_for_too)
{
    begin(0);
    ck_assert_int_gt(told(true, 1), 0);
    ck_assert(!look.everywhere);
    look.wrote = true;
    ck_assert_int_gt(trp_look_time(&look, 0, 1), 0);
    ck_assert(look.everywhere);
    ck_assert_int_eq(trp_look_time(&look, 0, 1), 0);
}
END_TEST

START_TEST(what_the_user_says_is_done_whatever_it_costs)
{
    begin(0);
    look.budget = 0;
    ck_assert_int_eq(trp_look_time(&look, TROUPE_US(7), 1), TROUPE_US(7));
    look.told = true;
    look.met_awake = true;
    look.budget = TROUPE_S(1);
    ck_assert_int_eq(trp_look_time(&look, TROUPE_NO_SPIN, 1), 0);
}
END_TEST

START_TEST(looking_in_vain_takes_one_percent_of_the_time_at_most)
{
    troupe_ns spent = 0, now = 0;

    begin(0);
    for (; now < TROUPE_S(1); now += TROUPE_US(100)) {
        troupe_ns time = told(now % TROUPE_US(300) == 0, now);
        look.budget -= time; /* found nothing */
        spent += time;
    }
    ck_assert_int_gt(spent, 0);
    ck_assert_int_le(spent, TROUPE_MS(10) + TROUPE_US(60));
}
END_TEST

START_TEST(what_was_not_spent_for_long_is_no_more_than_one_trial)
{
    begin(0);
    ck_assert_int_le(told(false, TROUPE_S(3600)), TROUPE_US(60));
    ck_assert_int_le(look.budget, TROUPE_US(120));
}
END_TEST

static struct trp_base *base_with_mail(struct trp_gate_link *link)
{
    struct trp_base *base = trp_aligned(128, sizeof(*base));

    ck_assert_ptr_nonnull(base);
    memset(base, 0, sizeof(*base));
    trp_gate_init(&base->gate);
    if (link != NULL) {
        (void)trp_gate_put(&base->gate, link);
    }
    return base;
}

START_TEST(a_look_that_finds_mail_pays_up_to_a_bound)
{
    struct trp_gate_link link = {NULL};
    struct trp_base *base = base_with_mail(&link);
    troupe_ns before = TROUPE_US(30);

    base->look.budget = before;
    ck_assert(trp_look(base, trp_clock(), TROUPE_S(60), NULL));
    ck_assert(base->look.paid);
    for (int i = 0; i < 10000; i++) {
        ck_assert(trp_look(base, trp_clock(), TROUPE_S(60), NULL));
    }
    ck_assert_int_le(base->look.budget, TROUPE_MS(1));
    trp_free(base);
}
END_TEST

START_TEST(a_look_ends_in_time_or_when_it_is_told_to)
{
    struct trp_base *base = base_with_mail(NULL);
    atomic_bool also = true;
    troupe_ns began = trp_clock();

    ck_assert(!trp_look(base, began, TROUPE_US(50), NULL));
    ck_assert_int_ge(trp_clock() - began, TROUPE_US(50));
    ck_assert(!base->look.paid);
    ck_assert_int_lt(base->look.budget, 0);
    ck_assert(trp_look(base, trp_clock(), TROUPE_S(60), &also));
    trp_free(base);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("look");
    TCase *tcase = tcase_create("look");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, who_told_nobody_anything_sleeps_at_once);
    tcase_add_test(tcase, after_writing_to_a_socket_input_is_looked_for_too);
    tcase_add_test(tcase, what_the_user_says_is_done_whatever_it_costs);
    tcase_add_test(tcase, looking_in_vain_takes_one_percent_of_the_time_at_most);
    tcase_add_test(tcase, what_was_not_spent_for_long_is_no_more_than_one_trial);
    tcase_add_test(tcase, a_look_that_finds_mail_pays_up_to_a_bound);
    tcase_add_test(tcase, a_look_ends_in_time_or_when_it_is_told_to);
    suite_add_tcase(suite, tcase);
    return suite;
}
