/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/protocol/q_client_stage.h"

/* Connections that are lost and made again, under the simulated clock. */

static troupe_q_options again(int32_t how_often)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.reconnection_attempts = how_often;
    return options;
}

/* Logged in, of use, and lost; then attempts meet the plan. */
static void begin_and_lose(int seed, troupe_q_options options, const char *plan)
{
    begin_dialling(seed, options, "a");
    accept_login();
    script_message(far, TRP_Q_ASYNC, "news", 0);
    got_count = attempt_count = 0;
    plan_next(plan);
    lose();
}

static void expect_attempts(unsigned count, const troupe_ns *ms)
{
    ck_assert_uint_eq(attempt_count, count);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_int_eq(attempts[i], TROUPE_MS(ms[i]));
    }
}

START_TEST(a_lost_connection_is_made_again_at_once_then_after_growing_delays)
{
    static const troupe_ns ms[] = {0, 500, 1500, 3500, 7500, 12500, 17500};
    troupe_q_options options = again(0);

    options.reconnection_delay_max = TROUPE_S(5);
    begin_and_lose(_i, options, "r");
    run_for(TROUPE_MS(17500));
    expect_attempts(7, ms);
    end();
}
END_TEST

START_TEST(attempts_are_counted_and_calls_that_waited_get_the_last_reason)
{
    static const troupe_ns ms[] = {0, 500, 1500};

    begin_and_lose(_i, again(3), "r");
    call("a", TROUPE_NEVER, 1);
    call("b", 0, 0);
    run_for(TROUPE_MS(1499));
    ck_assert_uint_eq(got_count, 0);
    run_for(TROUPE_S(60));
    expect_attempts(3, ms);
    ck_assert_uint_eq(got_count, 1);
    expect_got(0, "1 EREFUSED the connection to localhost:0 could not be made");
    ck_assert_uint_eq(timers_set(), 0);
    end();
}
END_TEST

START_TEST(after_the_last_attempt_a_new_call_starts_over)
{
    static const troupe_ns ms[] = {0, 500, 60500, 61000};

    begin_and_lose(_i, again(2), "r");
    run_for(TROUPE_MS(60500));
    call("a", TROUPE_NEVER, 1);
    ck_assert_uint_eq(got_count, 0);
    plan_next("a");
    run_for(TROUPE_MS(500));
    expect_attempts(4, ms);
    accept_login();
    script_expect_message(far, TRP_Q_SYNC, "a");
    script_message(far, TRP_Q_RESPONSE, "A", 0);
    expect_got(0, "1 A");
    end();
}
END_TEST

START_TEST(the_first_connection_is_attempted_once_and_a_call_starts_over)
{
    static const troupe_ns ms[] = {0, 1000, 1500};

    begin_dialling(_i, again(2), "r");
    call("a", TROUPE_NEVER, 1); /* what the first attempt left is an idle connection */
    run_for(TROUPE_S(1));
    ck_assert_uint_eq(got_count, 1);
    attempt_count = 1;
    call("b", TROUPE_NEVER, 2);
    run_for(TROUPE_S(10));
    expect_attempts(3, ms);
    expect_got(1, "2 EREFUSED");
    end();
}
END_TEST

START_TEST(without_reconnection_a_lost_connection_stays_closed)
{
    begin_and_lose(_i, again(-1), "a");
    call("a", TROUPE_NEVER, 1);
    run_for(TROUPE_S(60));
    ck_assert_uint_eq(attempt_count, 0);
    expect_got(0, "1 ELOST");
    ck_assert_int_eq(state_nth(1)->phase, TROUPE_Q_CLOSED);
    end();
}
END_TEST

static troupe_ns add_a_tenth(void *context, troupe_ns delay)
{
    ++*(unsigned *)context;
    return delay + TROUPE_MS(100);
}

START_TEST(delays_grow_by_the_function_of_the_options)
{
    static const troupe_ns ms[] = {0, 50, 200, 450};
    troupe_q_options options = again(0);
    unsigned calls = 0;

    options.reconnection_delay = TROUPE_MS(50);
    options.reconnection_function = add_a_tenth;
    options.reconnection_context = &calls;
    begin_and_lose(_i, options, "r");
    run_for(TROUPE_MS(500));
    expect_attempts(4, ms);
    ck_assert_uint_eq(calls, 3);
    end();
}
END_TEST

static void jittered(int seed, troupe_ns out[8])
{
    troupe_q_options options = again(0);

    options.reconnection_jitter = 0.5;
    options.reconnection_delay_max = TROUPE_S(1);
    begin_and_lose(seed, options, "r");
    run_for(TROUPE_S(9));
    ck_assert_uint_ge(attempt_count, 8);
    memcpy(out, attempts, 8 * sizeof(*out));
    end();
}

START_TEST(jitter_shortens_delays_within_its_bounds_and_the_same_in_each_run)
{
    troupe_ns one[8], same[8], other[8];
    bool shorter = false;

    jittered(_i + 1, one);
    jittered(_i + 1, same);
    jittered(_i + 7, other);
    ck_assert_mem_eq(one, same, sizeof(one));
    ck_assert(memcmp(one, other, sizeof(one)) != 0);
    for (unsigned i = 1; i < 8; i++) {
        troupe_ns delay = i == 1 ? TROUPE_MS(500) : TROUPE_S(1);
        ck_assert_int_le(one[i] - one[i - 1], delay);
        ck_assert_int_gt(one[i] - one[i - 1], delay / 2);
        shorter |= one[i] - one[i - 1] < delay;
    }
    ck_assert(shorter);
}
END_TEST

START_TEST(what_was_sent_is_answered_lost_and_never_sent_again)
{
    begin_dialling(_i, again(0), "a");
    accept_login();
    call("a", TROUPE_NEVER, 1);
    call("b", 0, 0);
    script_expect_message(far, TRP_Q_SYNC, "a");
    lose();
    expect_got(0, "1 ELOST the connection to localhost:0 was lost");
    call("c", TROUPE_NEVER, 2);
    accept_login();
    script_expect_message(far, TRP_Q_SYNC, "c");
    script_expect_nothing(far);
    script_message(far, TRP_Q_RESPONSE, "C", 0);
    expect_got(1, "2 C");
    ck_assert_uint_eq(got_count, 2);
    end();
}
END_TEST

START_TEST(a_query_that_may_run_twice_is_sent_once_on_each_connection)
{
    begin_dialling(_i, again(0), "a");
    accept_login();
    call_again("one", TROUPE_NEVER, 1);
    call("never", TROUPE_NEVER, 2);
    call_again("two", TROUPE_NEVER, 3);
    for (unsigned i = 0; i < 3; i++) {
        lose();
        if (i == 0) {
            call("three", TROUPE_NEVER, 4);
        }
        run_for(i * TROUPE_MS(500)); /* it was of no use before */
        accept_login();
        script_expect_message(far, TRP_Q_SYNC, "one");
        script_expect_message(far, TRP_Q_SYNC, "two");
        if (i == 0) {
            script_expect_message(far, TRP_Q_SYNC, "three");
        }
        script_expect_nothing(far);
    }
    script_message(far, TRP_Q_RESPONSE, "1", 0);
    script_message(far, TRP_Q_RESPONSE, "2", 0);
    ck_assert_uint_eq(got_count, 4);
    expect_got(0, "2 ELOST");
    expect_got(1, "4 ELOST");
    expect_got(2, "1 1");
    expect_got(3, "3 2");
    end();
}
END_TEST

START_TEST(a_query_is_not_sent_again_after_an_answer_that_cannot_be_read)
{
    begin_dialling(_i, again(0), "a");
    accept_login();
    call_again("a", TROUPE_NEVER, 1);
    script_write(far, "\1\2\0\0\4\0\0\0", 8, 0);
    expect_got(0, "1 EPROTO");
    accept_login();
    script_expect_nothing(far);
    end();
}
END_TEST

START_TEST(a_call_that_timed_out_while_it_waited_is_not_sent)
{
    begin_and_lose(_i, again(0), "r");
    call("late", TROUPE_MS(100), 1);
    call("patient", TROUPE_NEVER, 2);
    run_for(TROUPE_MS(100));
    expect_got(0, "1 ETIMEDOUT");
    plan_next("a");
    run_for(TROUPE_MS(400));
    accept_login();
    script_expect_message(far, TRP_Q_SYNC, "patient");
    script_expect_nothing(far);
    end();
}
END_TEST

START_TEST(a_query_whose_caller_has_given_up_is_not_sent_again)
{
    begin_dialling(_i, again(0), "a");
    accept_login();
    call_again("a", TROUPE_MS(50), 1);
    run_for(TROUPE_MS(50));
    lose();
    accept_login();
    script_expect_nothing(far);
    call("b", TROUPE_NEVER, 2);
    script_message(far, TRP_Q_RESPONSE, "B", 0);
    expect_got(1, "2 B");
    end();
}
END_TEST

START_TEST(calls_that_wait_for_a_connection_are_bounded)
{
    troupe_q_options options = again(0);

    options.pending_limit = 2;
    begin_and_lose(_i, options, "r");
    call("a", TROUPE_MS(10), 1);
    call("b", TROUPE_NEVER, 2);
    call("c", TROUPE_NEVER, 3);
    expect_got(0, "3 EBUSY");
    run_for(TROUPE_MS(10)); /* there is room again */
    call("d", TROUPE_NEVER, 4);
    ck_assert_uint_eq(got_count, 2);
    end();
}
END_TEST

START_TEST(a_refused_login_is_a_failed_attempt)
{
    begin_and_lose(_i, again(2), "a");
    call("a", TROUPE_NEVER, 1);
    lose();
    ck_assert_int_eq(state_nth(2)->status, TROUPE_EACCESS);
    ck_assert_int_eq(state_nth(2)->phase, TROUPE_Q_WAITING);
    ck_assert_uint_eq(state_nth(2)->attempt, 1);
    run_for(TROUPE_MS(500));
    lose();
    ck_assert_int_eq(state_nth(3)->phase, TROUPE_Q_DOWN);
    expect_got(0, "1 EACCESS");
    end();
}
END_TEST

START_TEST(each_attempt_has_the_whole_connect_limit)
{
    static const troupe_ns ms[] = {0, 700, 1900};
    troupe_q_options options = again(3);

    options.connect_limit = TROUPE_MS(200);
    begin_and_lose(_i, options, "s");
    for (unsigned i = 0; i < 3; i++) { /* silent: asked again without a signal */
        run_for(TROUPE_MS(200));
        plan_next("s");
        run_for(TROUPE_MS(500) << i);
    }
    expect_attempts(3, ms);
    ck_assert_int_eq(state_nth(state_count() - 1)->status, TROUPE_ETIMEDOUT);
    ck_assert_int_eq(state_nth(state_count() - 1)->phase, TROUPE_Q_DOWN);
    ck_assert_uint_eq(timers_set(), 0);
    end();
}
END_TEST

START_TEST(a_connection_lost_before_it_was_of_use_counts_as_a_failed_attempt)
{
    static const troupe_ns ms[] = {0, 500, 1500};

    begin_and_lose(_i, again(3), "a");
    for (unsigned i = 0; i < 3; i++) {
        accept_login();
        lose();
        run_for(TROUPE_MS(500) << i);
    }
    expect_attempts(3, ms);
    ck_assert_int_eq(state_nth(state_count() - 1)->phase, TROUPE_Q_DOWN);
    end();
}
END_TEST

START_TEST(a_server_that_serves_one_message_each_is_not_asked_without_end)
{
    static const troupe_ns ms[] = {0, 500, 1500};

    begin_and_lose(_i, again(3), "a");
    for (unsigned i = 0; i < 3; i++) {
        accept_login();
        script_message(far, TRP_Q_ASYNC, "news", 0);
        lose();
        run_for(TROUPE_MS(500) << i);
    }
    expect_attempts(3, ms);
    ck_assert_int_eq(state_nth(state_count() - 1)->phase, TROUPE_Q_DOWN);
    end();
}
END_TEST

START_TEST(a_connection_that_lasted_is_made_again_at_once)
{
    troupe_q_options options = again(1);

    options.reconnection_delay_max = TROUPE_S(2);
    begin_and_lose(_i, options, "a");
    for (unsigned i = 0; i < 5; i++) {
        accept_login();
        run_for(TROUPE_S(2));
        lose();
    }
    ck_assert_uint_eq(attempt_count, 6);
    accept_login();
    end();
}
END_TEST

START_TEST(the_watcher_is_told_each_step)
{
    static const struct {
        troupe_status status;
        troupe_q_phase phase;
        uint32_t attempt;
        troupe_ns next;
    } steps[] = {
        {TROUPE_OK, TROUPE_Q_READY, 0, 0},
        {TROUPE_ELOST, TROUPE_Q_WAITING, 0, 0},
        {TROUPE_EREFUSED, TROUPE_Q_WAITING, 1, TROUPE_MS(500)},
        {TROUPE_EREFUSED, TROUPE_Q_WAITING, 2, TROUPE_S(1)},
        {TROUPE_OK, TROUPE_Q_READY, 2, 0},
        {TROUPE_ECLOSED, TROUPE_Q_CLOSED, 2, 0},
    };

    begin_and_lose(_i, again(0), "rra");
    run_for(TROUPE_MS(1500));
    accept_login();
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    settle();
    ck_assert_uint_eq(state_count(), TRP_COUNT(steps));
    for (size_t i = 0; i < TRP_COUNT(steps); i++) {
        const troupe_q_state *state = state_nth(i);
        ck_assert_int_eq(state->status, steps[i].status);
        ck_assert_int_eq(state->phase, steps[i].phase);
        ck_assert_uint_eq(state->attempt, steps[i].attempt);
        ck_assert_int_eq(state->next, steps[i].next);
    }
    end();
}
END_TEST

START_TEST(closing_while_waiting_for_the_next_attempt_ends_at_once)
{
    begin_and_lose(_i, again(0), "r");
    call("a", TROUPE_NEVER, 1);
    run_for(TROUPE_MS(100));
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    settle();
    expect_got(0, "1 ECLOSED");
    ck_assert_uint_eq(stats().actors, 1);
    ck_assert_uint_eq(timers_set(), 0);
    end();
}
END_TEST

START_TEST(shutting_down_while_waiting_leaves_nothing)
{
    begin_and_lose(_i, again(0), _i == 0 ? "r" : "s");
    call("a", TROUPE_NEVER, 1);
    end();
}
END_TEST

START_TEST(many_losses_leave_no_timers_and_no_memory)
{
    begin_dialling(_i, again(0), "a");
    for (uint64_t i = 0; i < 200; i++) {
        accept_login();
        ck_assert_uint_eq(timers_set(), 0);
        got_count = attempt_count = 0;
        call("a", TROUPE_NEVER, i);
        script_expect_message(far, TRP_Q_SYNC, "a");
        script_message(far, TRP_Q_RESPONSE, "A", 0);
        ck_assert_uint_eq(got_count, 1);
        run_for(TROUPE_S(1)); /* it was of use */
        lose();
    }
    end();
}
END_TEST

static void one_loss(int seed, uint64_t n, bool *more)
{
    begin_dialling(seed, again(3), "a");
    accept_login();
    for (uint64_t i = 0; i < 32; i++) { /* the probe has room from now on */
        post(user->id, KIND_A, i);
    }
    settle();
    forget(user);
    call("a", TROUPE_NEVER, 1);
    call_again("b", TROUPE_NEVER, 2);
    plan_next("raar");
    trp_stream_close(&far);
    trp_fail_nth(n);
    settle();
    run_for(TROUPE_S(1));
    *more = trp_fail_happened();
    trp_fail_nth(0);
    call("c", TROUPE_NEVER, 3);
    run_for(TROUPE_S(60)); /* nobody accepts the login */
    plan_next("r");
    run_for(TROUPE_S(60));
    ck_assert_uint_eq(heard_count(user, TROUPE_KIND_FAILURE), 3);
    end();
}

START_TEST(without_memory_calls_are_still_answered_when_the_connection_is_lost)
{
    bool more = true;

    for (uint64_t n = 1; more; n++) {
        one_loss(_i, n, &more);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_client_again");
    TCase *tcase = tcase_create("reconnection");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_lost_connection_is_made_again_at_once_then_after_growing_delays);
    ADD(tcase, attempts_are_counted_and_calls_that_waited_get_the_last_reason);
    ADD(tcase, after_the_last_attempt_a_new_call_starts_over);
    ADD(tcase, the_first_connection_is_attempted_once_and_a_call_starts_over);
    ADD(tcase, without_reconnection_a_lost_connection_stays_closed);
    ADD(tcase, delays_grow_by_the_function_of_the_options);
    ADD(tcase, jitter_shortens_delays_within_its_bounds_and_the_same_in_each_run);
    ADD(tcase, what_was_sent_is_answered_lost_and_never_sent_again);
    ADD(tcase, a_query_that_may_run_twice_is_sent_once_on_each_connection);
    ADD(tcase, a_query_is_not_sent_again_after_an_answer_that_cannot_be_read);
    ADD(tcase, a_call_that_timed_out_while_it_waited_is_not_sent);
    ADD(tcase, a_query_whose_caller_has_given_up_is_not_sent_again);
    ADD(tcase, calls_that_wait_for_a_connection_are_bounded);
    ADD(tcase, a_refused_login_is_a_failed_attempt);
    ADD(tcase, each_attempt_has_the_whole_connect_limit);
    ADD(tcase, a_connection_lost_before_it_was_of_use_counts_as_a_failed_attempt);
    ADD(tcase, a_server_that_serves_one_message_each_is_not_asked_without_end);
    ADD(tcase, a_connection_that_lasted_is_made_again_at_once);
    ADD(tcase, the_watcher_is_told_each_step);
    ADD(tcase, closing_while_waiting_for_the_next_attempt_ends_at_once);
    ADD(tcase, shutting_down_while_waiting_leaves_nothing);
    ADD(tcase, many_losses_leave_no_timers_and_no_memory);
    ADD(tcase, without_memory_calls_are_still_answered_when_the_connection_is_lost);
    suite_add_tcase(suite, tcase);
    return suite;
}
