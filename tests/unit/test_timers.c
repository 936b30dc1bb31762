/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

START_TEST(a_timer_fires_exactly_when_it_is_due)
{
    static const troupe_ns delays[] = {1,
                                       999,
                                       TROUPE_US(65),
                                       TROUPE_US(66),
                                       TROUPE_MS(1),
                                       TROUPE_MS(5),
                                       TROUPE_S(1),
                                       TROUPE_S(3600),
                                       TROUPE_S(86400 * 30)};

    sim_begin(_i);
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct probe *probe = probe_new();
        ck_assert_int_eq(act_after(probe, delays[i], KIND_A, i, NULL), TROUPE_OK);
        troupe_ns due = sim_now() + delays[i];
        run_until(due - 1);
        ck_assert_uint_eq(probe->count, 0);
        run_until(due);
        ck_assert_uint_eq(probe->count, 1);
        ck_assert_uint_eq(heard_last(probe)->tag, i);
        ck_assert_int_eq(heard_last(probe)->when, due);
    }
    sim_end();
}
END_TEST

START_TEST(a_timer_of_no_delay_fires_at_once)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_after(probe, 0, KIND_A, 1, NULL), TROUPE_OK);
    settle();
    ck_assert_uint_eq(probe->count, 1);
    sim_end();
}
END_TEST

START_TEST(timers_fire_in_the_order_of_their_times_and_then_of_their_setting)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_after(probe, TROUPE_MS(5), KIND_A, 4, NULL), TROUPE_OK);
    ck_assert_int_eq(act_after(probe, TROUPE_MS(3), KIND_A, 1, NULL), TROUPE_OK);
    ck_assert_int_eq(act_after(probe, TROUPE_MS(3), KIND_A, 2, NULL), TROUPE_OK);
    ck_assert_int_eq(act_after(probe, TROUPE_MS(4), KIND_A, 3, NULL), TROUPE_OK);
    run_for(TROUPE_MS(10));
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(probe->heard[i].tag, i + 1);
    }
    sim_end();
}
END_TEST

START_TEST(a_repeated_timer_fires_every_period)
{
    troupe_timer timer = {0};

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_every(probe, TROUPE_MS(10), KIND_A, 1, &timer), TROUPE_OK);
    run_until(TROUPE_MS(95));
    ck_assert_uint_eq(probe->count, 9);
    for (size_t i = 0; i < 9; i++) {
        ck_assert_int_eq(probe->heard[i].when, TROUPE_MS(10) * (troupe_ns)(i + 1));
    }
    sim_end();
}
END_TEST

static troupe_status do_cancel(troupe_self *self, void *argument)
{
    return troupe_timer_cancel(self, *(troupe_timer *)argument);
}

START_TEST(a_cancelled_timer_does_not_fire)
{
    troupe_timer once = {0};
    troupe_timer again = {0};

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_after(probe, TROUPE_MS(10), KIND_A, 1, &once), TROUPE_OK);
    ck_assert_int_eq(act_every(probe, TROUPE_MS(10), KIND_B, 1, &again), TROUPE_OK);
    run_for(TROUPE_MS(5));
    ck_assert_int_eq(act(probe, do_cancel, &once), TROUPE_OK);
    run_for(TROUPE_MS(10));
    ck_assert_uint_eq(heard_count(probe, KIND_A), 0);
    ck_assert_uint_eq(heard_count(probe, KIND_B), 1);
    ck_assert_int_eq(act(probe, do_cancel, &again), TROUPE_OK);
    run_for(TROUPE_S(1));
    ck_assert_uint_eq(heard_count(probe, KIND_B), 1);
    ck_assert_int_eq(act(probe, do_cancel, &once), TROUPE_EGONE);
    ck_assert_int_eq(act(probe, do_cancel, &again), TROUPE_EGONE);
    sim_end();
}
END_TEST

enum { CROWD = 3000 };

static struct {
    troupe_timer timers[CROWD];
    troupe_ns due[CROWD], last;
    bool cancelled[CROWD], came[CROWD];
    uint64_t last_tag;
} crowd;

/* Sets timers over a few ticks, in no order, and cancels every third, in no order. */
static troupe_status set_crowd(troupe_self *self, void *argument)
{
    (void)argument;
    memset(&crowd, 0, sizeof(crowd));
    for (uint64_t i = 0; i < CROWD; i++) {
        troupe_ns delay = (troupe_ns)(troupe_random(self) % (uint64_t)TROUPE_US(4000));
        delay -= i % 7 == 0 ? delay % TROUPE_US(50) : 0; /* some at the same time */
        crowd.due[i] = troupe_now(self) + delay;
        ck_assert_int_eq(troupe_after(self, delay, KIND_A, i, &crowd.timers[i]),
                         TROUPE_OK);
    }
    for (uint64_t i = 0; i < CROWD / 3; i++) {
        uint64_t victim = troupe_random(self) % CROWD;
        if (!crowd.cancelled[victim]) {
            crowd.cancelled[victim] = true;
            ck_assert_int_eq(troupe_timer_cancel(self, crowd.timers[victim]), TROUPE_OK);
        }
    }
    return TROUPE_OK;
}

static troupe_status crowd_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    uint64_t tag = troupe_msg_tag(*msg);

    (void)state;
    if (troupe_msg_kind(*msg) != KIND_A) {
        return set_crowd(self, NULL);
    }
    ck_assert(!crowd.cancelled[tag] && !crowd.came[tag]);
    ck_assert_int_le(crowd.due[tag], troupe_now(self));
    ck_assert(crowd.last < crowd.due[tag] ||
              (crowd.last == crowd.due[tag] && crowd.last_tag < tag));
    crowd.came[tag] = true;
    crowd.last = crowd.due[tag];
    crowd.last_tag = tag;
    return TROUPE_OK;
}

START_TEST(a_crowd_of_timers_fires_in_order_whichever_are_cancelled)
{
    static const troupe_behavior behavior = {.name = "crowd", .receive = crowd_receive};
    troupe_id id = {0};
    troupe_msg *go = NULL;

    sim_begin(_i);
    ck_assert_int_eq(troupe_system_spawn(sim, &behavior, NULL, NULL, &id), TROUPE_OK);
    for (unsigned round = 0; round < 3; round++) { /* the second uses nodes again */
        ck_assert_int_eq(troupe_msg_new(KIND_B, 0, &go), TROUPE_OK);
        ck_assert_int_eq(troupe_post(sim, id, &go), TROUPE_OK);
        run_for(TROUPE_MS(10));
        for (size_t i = 0; i < CROWD; i++) {
            ck_assert(crowd.came[i] != crowd.cancelled[i]);
        }
    }
    sim_end();
}
END_TEST

START_TEST(a_timer_that_fired_or_never_was_is_gone)
{
    troupe_timer timer = {0};

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act(probe, do_cancel, &timer), TROUPE_EGONE);
    ck_assert_int_eq(act_after(probe, TROUPE_MS(1), KIND_A, 1, &timer), TROUPE_OK);
    run_for(TROUPE_MS(1));
    ck_assert_int_eq(act(probe, do_cancel, &timer), TROUPE_EGONE);
    /* its node may serve another timer now: the old handle must not touch that */
    ck_assert_int_eq(act_after(probe, TROUPE_MS(1), KIND_B, 1, NULL), TROUPE_OK);
    ck_assert_int_eq(act(probe, do_cancel, &timer), TROUPE_EGONE);
    run_for(TROUPE_MS(1));
    ck_assert_uint_eq(heard_count(probe, KIND_B), 1);
    sim_end();
}
END_TEST

START_TEST(nobody_cancels_anothers_timer)
{
    troupe_timer timer = {0};

    sim_begin(_i);
    struct probe *owner = probe_new();
    struct probe *other = probe_new();
    ck_assert_int_eq(act_after(owner, TROUPE_MS(1), KIND_A, 1, &timer), TROUPE_OK);
    ck_assert_int_eq(act(other, do_cancel, &timer), TROUPE_EGONE);
    run_for(TROUPE_MS(1));
    ck_assert_uint_eq(owner->count, 1);
    sim_end();
}
END_TEST

START_TEST(timers_end_with_their_actor)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_after(probe, TROUPE_MS(10), KIND_A, 1, NULL), TROUPE_OK);
    ck_assert_int_eq(act_every(probe, TROUPE_MS(10), KIND_A, 1, NULL), TROUPE_OK);
    crash(probe, TROUPE_ELOST);
    uint64_t fired = stats().timers_fired;
    ck_assert_int_eq(troupe_system_step(sim, sim_now()), TROUPE_NEVER);
    run_for(TROUPE_S(1));
    ck_assert_uint_eq(stats().timers_fired, fired);
    sim_end();
}
END_TEST

START_TEST(delays_are_not_negative_and_periods_above_zero)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_after(probe, -1, KIND_A, 1, NULL), TROUPE_EINVAL);
    ck_assert_int_eq(act_every(probe, 0, KIND_A, 1, NULL), TROUPE_EINVAL);
    ck_assert_int_eq(act_every(probe, -5, KIND_A, 1, NULL), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(timers_are_limited_in_number)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_status status = TROUPE_OK;
    int count = 0;

    options.timers_max = 10;
    sim_begin_with(options);
    struct probe *probe = probe_new();
    for (; status == TROUPE_OK && count < 100; count++) {
        status = act_after(probe, TROUPE_S(1), KIND_A, 1, NULL);
    }
    ck_assert_int_eq(status, TROUPE_ELIMIT);
    ck_assert_int_eq(count, 11);
    sim_end();
}
END_TEST

START_TEST(a_timer_finds_room_in_a_full_mailbox)
{
    sim_begin(_i);
    struct probe *mute = probe_new();
    struct probe *probe = probe_make();
    probe->behavior.mailbox_limit = 2;
    probe->behavior.flags = TROUPE_SERIAL;
    probe_start(probe);
    ck_assert_int_eq(act_after(probe, TROUPE_MS(1), KIND_B, 1, NULL), TROUPE_OK);
    ck_assert_int_eq(act_ask(probe, mute->id, KIND_C, TROUPE_MS(2), 0, NULL), TROUPE_OK);
    ck_assert_uint_eq(act_flood(mute, probe->id, KIND_A, 5), 2);
    run_for(TROUPE_MS(2));
    ck_assert_uint_eq(heard_count(probe, KIND_B), 1);
    sim_end();
}
END_TEST

START_TEST(a_clock_that_jumps_fires_everything_that_was_due)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert_int_eq(act_after(probe, (troupe_ns)((i * 7919) % 1000) * TROUPE_MS(13),
                                   KIND_A, i, NULL),
                         TROUPE_OK);
    }
    (void)troupe_system_step(sim, TROUPE_S(3600));
    while (troupe_system_step(sim, TROUPE_S(3600)) == TROUPE_S(3600)) {
    }
    ck_assert_uint_eq(heard_count(probe, KIND_A), 1000);
    for (size_t i = 1; i < 1000; i++) {
        ck_assert_uint_le((probe->heard[i - 1].tag * 7919) % 1000,
                          (probe->heard[i].tag * 7919) % 1000);
    }
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("timers");
    TCase *tcase = tcase_create("timers");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_timer_fires_exactly_when_it_is_due);
    ADD(tcase, a_timer_of_no_delay_fires_at_once);
    ADD(tcase, timers_fire_in_the_order_of_their_times_and_then_of_their_setting);
    ADD(tcase, a_repeated_timer_fires_every_period);
    ADD(tcase, a_cancelled_timer_does_not_fire);
    ADD(tcase, a_crowd_of_timers_fires_in_order_whichever_are_cancelled);
    ADD(tcase, a_timer_that_fired_or_never_was_is_gone);
    ADD(tcase, nobody_cancels_anothers_timer);
    ADD(tcase, timers_end_with_their_actor);
    ADD(tcase, delays_are_not_negative_and_periods_above_zero);
    tcase_add_test(tcase, timers_are_limited_in_number);
    ADD(tcase, a_timer_finds_room_in_a_full_mailbox);
    ADD(tcase, a_clock_that_jumps_fires_everything_that_was_due);
    suite_add_tcase(suite, tcase);
    return suite;
}
