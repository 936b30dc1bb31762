/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

START_TEST(a_system_refuses_options_that_make_no_sense)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *none = NULL;

    options.size = 3;
    ck_assert_int_eq(troupe_system_new(&options, &none), TROUPE_EINVAL);
    options = TROUPE_OPTIONS;
    options.bases = TROUPE_BASES_MAX + 1;
    ck_assert_int_eq(troupe_system_new(&options, &none), TROUPE_EINVAL);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(freeing_no_system_does_nothing)
{
    troupe_system *none = NULL;

    troupe_system_free(&none);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(a_simulated_system_is_stepped_and_does_not_run)
{
    sim_begin(_i);
    ck_assert_int_eq(troupe_system_run(sim), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_system_start(sim), TROUPE_ESTATE);
    sim_end();
}
END_TEST

START_TEST(an_idle_system_wants_to_be_stepped_never_again)
{
    sim_begin(_i);
    ck_assert_int_eq(troupe_system_step(sim, 0), TROUPE_NEVER);
    (void)probe_new();
    settle();
    ck_assert_int_eq(troupe_system_step(sim, 0), TROUPE_NEVER);
    sim_end();
}
END_TEST

START_TEST(a_step_says_when_the_next_timer_is_due)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_after(probe, TROUPE_MS(7), KIND_A, 0, NULL), TROUPE_OK);
    troupe_ns now = 0;
    for (int steps = 0; heard_count(probe, KIND_A) == 0; steps++) {
        ck_assert_int_lt(steps, 8); /* it may look once a level of the wheel */
        now = troupe_system_step(sim, now);
        ck_assert_int_le(now, steps == 0 ? TROUPE_MS(7) : TROUPE_NEVER);
    }
    ck_assert_int_eq(heard_last(probe)->when, TROUPE_MS(7));
    ck_assert_int_eq(now, TROUPE_NEVER);
    sim_end();
}
END_TEST

static troupe_status tell_self_again(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    return troupe_msg_kind(*msg) == KIND_A ? troupe_tell(self, troupe_self_id(self), msg)
                                           : TROUPE_OK;
}

START_TEST(an_actor_that_never_rests_does_not_keep_a_step_from_returning)
{
    sim_begin(_i);
    struct probe *busy = probe_make();
    busy->hook = tell_self_again;
    probe_start(busy);
    struct probe *other = probe_new();
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, busy->id, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_msg_new(KIND_B, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, other->id, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_system_step(sim, 0), 0); /* there is more to do */
    ck_assert_uint_eq(heard_count(other, KIND_B), 1);
    sim_end();
}
END_TEST

START_TEST(posting_needs_a_message_and_a_possible_address)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, TROUPE_NOBODY, &msg), TROUPE_EINVAL);
    ck_assert_ptr_nonnull(msg);
    troupe_msg_free(&msg);
    sim_end();
}
END_TEST

START_TEST(a_posted_message_has_no_sender_and_its_body)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_msg_new(KIND_A, 6, &msg), TROUPE_OK);
    memcpy(troupe_msg_body(msg), "hello", 6);
    troupe_msg_set_tag(msg, 11);
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_OK);
    ck_assert_ptr_null(msg);
    settle();
    const struct heard *heard = heard_nth(probe, KIND_A, 0);
    ck_assert(troupe_id_is_nobody(heard->from));
    ck_assert_uint_eq(heard->tag, 11);
    ck_assert_uint_eq(heard->size, 6);
    ck_assert_str_eq(heard->bytes, "hello");
    sim_end();
}
END_TEST

START_TEST(a_full_door_refuses_and_the_message_stays)
{
    troupe_options options = TROUPE_OPTIONS;
    options.gate_limit = 4;
    sim_begin_with(options);
    struct probe *probe = probe_new();
    troupe_msg *msg = NULL;
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_OK);
    }
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_EBUSY);
    ck_assert_ptr_nonnull(msg);
    settle();
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_OK);
    settle();
    ck_assert_uint_eq(heard_count(probe, KIND_A), 5);
    sim_end();
}
END_TEST

START_TEST(a_post_to_the_dead_is_counted_as_dropped)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    crash(probe, TROUPE_EPROTO);
    uint64_t before = stats().dropped;
    post(probe->id, KIND_A, 0);
    ck_assert_uint_eq(stats().dropped, before + 1);
    check_accounts();
    sim_end();
}
END_TEST

START_TEST(stop_and_kill_from_outside_end_an_actor)
{
    sim_begin(_i);
    struct probe *stopped = probe_new();
    struct probe *killed = probe_new();
    ck_assert_int_eq(troupe_system_stop_actor(sim, stopped->id), TROUPE_OK);
    ck_assert_int_eq(troupe_system_kill_actor(sim, killed->id), TROUPE_OK);
    settle();
    ck_assert(stopped->ended && killed->ended);
    ck_assert_int_eq(stopped->reason, TROUPE_OK);
    ck_assert_int_eq(killed->reason, TROUPE_EKILLED);
    ck_assert_int_eq(troupe_system_stop_actor(sim, stopped->id), TROUPE_OK);
    ck_assert_int_eq(troupe_system_kill_actor(sim, killed->id), TROUPE_OK);
    settle();
    sim_end();
}
END_TEST

START_TEST(freeing_a_system_stops_actors_and_accounts_for_their_mail)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_OK);
    ck_assert_uint_eq(stats().queued, 1);
    troupe_system_free(&sim);
    ck_assert(probe->ended);
    ck_assert_int_eq(probe->reason, TROUPE_ECLOSED);
    ck_assert_uint_eq(heard_count(probe, KIND_A), 0);
    sim_end();
}
END_TEST

START_TEST(statistics_count_spawns_ends_and_timers)
{
    sim_begin(_i);
    troupe_stats before = stats();
    struct probe *probe = probe_new();
    ck_assert_uint_eq(stats().spawned, before.spawned + 1);
    ck_assert_uint_eq(stats().actors, before.actors + 1);
    ck_assert_int_eq(act_after(probe, 1, KIND_A, 0, NULL), TROUPE_OK);
    run_for(TROUPE_MS(1));
    ck_assert_uint_eq(stats().timers_fired, before.timers_fired + 1);
    crash(probe, TROUPE_EPROTO);
    ck_assert_uint_eq(stats().ended, before.ended + 1);
    ck_assert_uint_eq(stats().actors, before.actors);
    sim_end();
}
END_TEST

START_TEST(the_number_of_actors_is_limited)
{
    troupe_options options = TROUPE_OPTIONS;
    options.actors_max = 16;
    sim_begin_with(options);
    troupe_status status = TROUPE_OK;
    int made = 0;
    while (status == TROUPE_OK && made < 100) {
        status = probe_try_start(probe_make(), NULL);
        made += status == TROUPE_OK;
    }
    ck_assert_int_eq(status, TROUPE_ELIMIT);
    ck_assert_int_le(made, 16);
    ck_assert_int_ge(made, 8);
    sim_end();
}
END_TEST

/* ---- seeds ---- */

static uint64_t story[64];
static size_t told;

static troupe_status tell_story(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (told < 64 && troupe_msg_kind(*msg) == KIND_A) {
        story[told++] = (troupe_self_id(self).bits & 0xffffffff) << 32 |
                        (troupe_random(self) & 0xffffffff);
    }
    return TROUPE_OK;
}

static void live_a_story(uint64_t seed, uint64_t out[64])
{
    troupe_options options = TROUPE_OPTIONS;
    struct probe *cast[8];

    options.seed = seed;
    sim_begin_with(options);
    told = 0;
    for (int i = 0; i < 8; i++) {
        cast[i] = probe_make();
        cast[i]->hook = tell_story;
        probe_start(cast[i]);
    }
    for (int i = 0; i < 64; i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_post(sim, cast[i % 8]->id, &msg), TROUPE_OK);
    }
    settle();
    ck_assert_uint_eq(told, 64);
    memcpy(out, story, sizeof(story));
    sim_end();
}

START_TEST(the_same_seed_tells_the_same_story_and_another_seed_another)
{
    uint64_t first[64];
    uint64_t again[64];
    uint64_t other[64];

    live_a_story(7, first);
    live_a_story(7, again);
    live_a_story(8, other);
    ck_assert_mem_eq(first, again, sizeof(first));
    ck_assert_mem_ne(first, other, sizeof(first));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("system");
    TCase *tcase = tcase_create("system");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_system_refuses_options_that_make_no_sense);
    tcase_add_test(tcase, freeing_no_system_does_nothing);
    ADD(tcase, a_simulated_system_is_stepped_and_does_not_run);
    ADD(tcase, an_idle_system_wants_to_be_stepped_never_again);
    ADD(tcase, a_step_says_when_the_next_timer_is_due);
    ADD(tcase, an_actor_that_never_rests_does_not_keep_a_step_from_returning);
    ADD(tcase, posting_needs_a_message_and_a_possible_address);
    ADD(tcase, a_posted_message_has_no_sender_and_its_body);
    tcase_add_test(tcase, a_full_door_refuses_and_the_message_stays);
    ADD(tcase, a_post_to_the_dead_is_counted_as_dropped);
    ADD(tcase, stop_and_kill_from_outside_end_an_actor);
    ADD(tcase, freeing_a_system_stops_actors_and_accounts_for_their_mail);
    ADD(tcase, statistics_count_spawns_ends_and_timers);
    tcase_add_test(tcase, the_number_of_actors_is_limited);
    tcase_add_test(tcase, the_same_seed_tells_the_same_story_and_another_seed_another);
    suite_add_tcase(suite, tcase);
    return suite;
}
