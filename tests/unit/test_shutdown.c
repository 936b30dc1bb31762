/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <troupe/supervisor.h>

#include "tests/support/sim.h"

static void shut_down(troupe_ns within)
{
    troupe_system_shutdown(sim, within);
    settle();
}

START_TEST(an_empty_system_shuts_down)
{
    sim_begin(_i);
    shut_down(TROUPE_S(1));
    ck_assert_uint_eq(stats().actors, 0);
    sim_end();
}
END_TEST

START_TEST(after_shutdown_begins_the_doors_are_closed)
{
    troupe_msg *msg = NULL;
    troupe_pending *pending = NULL;

    sim_begin(_i);
    struct probe *probe = probe_make();
    probe->behavior.flags = TROUPE_TRAP_STOP;
    probe_start(probe);
    troupe_system_shutdown(sim, TROUPE_S(1));
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_ECLOSED);
    ck_assert_int_eq(troupe_post_ask(sim, probe->id, &msg, TROUPE_S(1), &pending),
                     TROUPE_ECLOSED);
    ck_assert_ptr_nonnull(msg);
    troupe_msg_free(&msg);
    ck_assert_int_eq(probe_try_start(probe_make(), NULL), TROUPE_ECLOSED);
    settle();
    ck_assert_uint_eq(heard_count(probe, TROUPE_KIND_STOP), 1);
    sim_end();
}
END_TEST

static struct probe *order[8];
static size_t ended;

static void note_end(troupe_self *self, void *state, troupe_status reason)
{
    struct probe *probe = *(struct probe **)state;

    (void)self;
    probe->ended = true;
    probe->ends++;
    probe->reason = reason;
    if (ended < 8) {
        order[ended++] = probe;
    }
}

static struct probe *noted(void)
{
    struct probe *probe = probe_make();

    probe->behavior.stop = note_end;
    return probe;
}

static troupe_status mail_everybody(troupe_self *self, void *argument)
{
    struct probe **all = argument;

    for (uint64_t i = 0; i < 30; i++) {
        ck_assert_int_eq(troupe_signal(self, all[i % 3]->id, KIND_A, i), TROUPE_OK);
    }
    troupe_system_shutdown(sim, TROUPE_S(1));
    return TROUPE_OK;
}

START_TEST(roots_end_youngest_first_each_after_its_mail)
{
    struct probe *all[3];

    sim_begin(_i);
    ended = 0;
    for (int i = 0; i < 3; i++) {
        all[i] = noted();
        probe_start(all[i]);
    }
    (void)act(all[0], mail_everybody, all);
    ck_assert_uint_eq(ended, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_eq(order[i], all[2 - i]);
        ck_assert_uint_eq(heard_count(all[i], KIND_A), 10);
        ck_assert_int_eq(all[i]->reason, TROUPE_OK);
    }
    ck_assert_uint_eq(stats().queued, 0);
    sim_end();
}
END_TEST

START_TEST(who_was_spawned_inside_ends_after_the_roots)
{
    sim_begin(_i);
    ended = 0;
    struct probe *root = noted();
    struct probe *inner = noted();
    probe_start(root);
    ck_assert_int_eq(act_spawn(root, inner, NULL), TROUPE_OK);
    shut_down(TROUPE_S(1));
    ck_assert_uint_eq(ended, 2);
    ck_assert_ptr_eq(order[0], root);
    ck_assert_ptr_eq(order[1], inner);
    sim_end();
}
END_TEST

START_TEST(who_does_not_stop_is_killed_at_the_deadline_and_its_mail_is_counted)
{
    sim_begin(_i);
    struct probe *deaf = probe_make();
    struct probe *mute = probe_new();
    deaf->behavior.flags = TROUPE_TRAP_STOP | TROUPE_SERIAL;
    probe_start(deaf);
    ck_assert_int_eq(act_ask(deaf, mute->id, KIND_B, TROUPE_NEVER, 1, NULL), TROUPE_OK);
    ck_assert_uint_eq(act_flood(mute, deaf->id, KIND_A, 5), 5);
    uint64_t dropped = stats().dropped;
    troupe_system_shutdown(sim, TROUPE_MS(50));
    run_for(TROUPE_MS(50) - 1);
    ck_assert(!deaf->ended);
    run_for(1);
    ck_assert(deaf->ended);
    ck_assert_int_eq(deaf->reason, TROUPE_ECLOSED);
    ck_assert_uint_ge(stats().dropped, dropped + 5);
    ck_assert_uint_eq(stats().queued, 0);
    ck_assert_uint_eq(stats().actors, 0);
    sim_end();
}
END_TEST

START_TEST(shutting_down_twice_is_once_and_the_earlier_deadline_wins)
{
    sim_begin(_i);
    struct probe *deaf = probe_make();
    deaf->behavior.flags = TROUPE_TRAP_STOP;
    probe_start(deaf);
    troupe_system_shutdown(sim, TROUPE_S(10));
    run_for(TROUPE_MS(1));
    troupe_system_shutdown(sim, TROUPE_S(20));
    run_for(TROUPE_MS(1));
    troupe_system_shutdown(sim, TROUPE_MS(5));
    run_for(TROUPE_MS(5) - 1);
    ck_assert(!deaf->ended);
    run_for(1);
    ck_assert(deaf->ended);
    ck_assert_uint_eq(heard_count(deaf, TROUPE_KIND_STOP), 1);
    sim_end();
}
END_TEST

START_TEST(no_time_at_all_kills_at_once)
{
    sim_begin(_i);
    struct probe *deaf = probe_make();
    deaf->behavior.flags = TROUPE_TRAP_STOP;
    probe_start(deaf);
    shut_down(0);
    ck_assert(deaf->ended);
    ck_assert_uint_eq(stats().actors, 0);
    sim_end();
}
END_TEST

START_TEST(without_a_deadline_it_waits)
{
    sim_begin(_i);
    struct probe *slow = probe_make();
    slow->behavior.flags = TROUPE_TRAP_STOP;
    probe_start(slow);
    struct probe *friend = probe_new();
    shut_down(TROUPE_NEVER);
    run_for(TROUPE_S(100000));
    ck_assert(friend->ended && !slow->ended);
    ck_assert_int_eq(troupe_system_kill_actor(sim, slow->id), TROUPE_OK);
    settle();
    ck_assert(slow->ended);
    ck_assert_uint_eq(stats().actors, 0);
    sim_end();
}
END_TEST

START_TEST(an_actor_that_is_stopping_still_talks_to_the_older_ones)
{
    sim_begin(_i);
    struct probe *older = probe_new();
    struct probe *younger = probe_make();
    younger->behavior.flags = TROUPE_TRAP_STOP;
    probe_start(younger);
    shut_down(TROUPE_S(1));
    ck_assert(!older->ended);
    troupe_system_shutdown(sim, TROUPE_S(1));
    ck_assert_int_eq(troupe_system_stop_actor(sim, younger->id), TROUPE_OK);
    settle();
    ck_assert_uint_eq(heard_count(younger, TROUPE_KIND_STOP), 2);
    ck_assert_int_eq(troupe_system_kill_actor(sim, younger->id), TROUPE_OK);
    settle();
    ck_assert(older->ended);
    sim_end();
}
END_TEST

START_TEST(a_supervisor_stops_its_children_in_its_own_order)
{
    troupe_child_spec children[3];
    struct probe *workers[3];

    sim_begin(_i);
    ended = 0;
    for (int i = 0; i < 3; i++) {
        workers[i] = noted();
        children[i] =
            (troupe_child_spec){.behavior = &workers[i]->behavior, .args = workers[i]};
    }
    troupe_supervisor_spec spec = {.children = children, .child_count = 3};
    ck_assert_int_eq(troupe_system_spawn(sim, &troupe_supervisor, &spec, NULL, NULL),
                     TROUPE_OK);
    shut_down(TROUPE_S(1));
    ck_assert_uint_eq(ended, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_eq(order[i], workers[2 - i]);
        ck_assert_int_eq(workers[i]->reason, TROUPE_OK);
    }
    sim_end();
}
END_TEST

static troupe_status spawn_now(troupe_self *self, void *argument)
{
    troupe_status *late = argument;

    *late = troupe_spawn(self, &probe_make()->behavior, NULL, NULL, NULL);
    return TROUPE_OK;
}

static troupe_status spawn_when_stopped(troupe_self *self, void *state, troupe_msg **msg)
{
    struct probe *probe = probe_of(self, state);

    if (troupe_msg_kind(*msg) == TROUPE_KIND_STOP) {
        (void)spawn_now(self, probe->context);
        troupe_exit(self, TROUPE_OK);
    }
    return TROUPE_OK;
}

START_TEST(nobody_is_spawned_any_more_when_all_are_stopped)
{
    troupe_status late = TROUPE_OK;

    sim_begin(_i);
    struct probe *root = probe_new();
    struct probe *inner = probe_make();
    inner->behavior.flags = TROUPE_TRAP_STOP;
    inner->hook = spawn_when_stopped;
    inner->context = &late;
    ck_assert_int_eq(act_spawn(root, inner, NULL), TROUPE_OK);
    shut_down(TROUPE_S(1));
    ck_assert_int_eq(late, TROUPE_ECLOSED);
    ck_assert(inner->ended);
    sim_end();
}
END_TEST

START_TEST(every_base_is_emptied)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    struct probe *all[6];

    options.bases = 3;
    options.seed = (uint64_t)_i;
    sim_begin_with(options);
    for (uint32_t i = 0; i < 6; i++) {
        all[i] = probe_make();
        where.base = i % 3 + 1;
        ck_assert_int_eq(probe_try_start(all[i], &where), TROUPE_OK);
        ck_assert_int_eq(act_spawn(all[i], probe_make(), NULL), TROUPE_OK);
    }
    ck_assert_int_eq(act_tell(all[0], all[1]->id, KIND_A, 0), TROUPE_OK);
    shut_down(TROUPE_S(1));
    for (int i = 0; i < 6; i++) {
        ck_assert(all[i]->ended);
    }
    ck_assert_uint_eq(stats().actors, 0);
    ck_assert_uint_eq(stats().queued, 0);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("shutdown");
    TCase *tcase = tcase_create("shutdown");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, an_empty_system_shuts_down);
    ADD(tcase, after_shutdown_begins_the_doors_are_closed);
    ADD(tcase, roots_end_youngest_first_each_after_its_mail);
    ADD(tcase, who_was_spawned_inside_ends_after_the_roots);
    ADD(tcase, who_does_not_stop_is_killed_at_the_deadline_and_its_mail_is_counted);
    ADD(tcase, shutting_down_twice_is_once_and_the_earlier_deadline_wins);
    ADD(tcase, no_time_at_all_kills_at_once);
    ADD(tcase, without_a_deadline_it_waits);
    ADD(tcase, an_actor_that_is_stopping_still_talks_to_the_older_ones);
    ADD(tcase, a_supervisor_stops_its_children_in_its_own_order);
    ADD(tcase, nobody_is_spawned_any_more_when_all_are_stopped);
    ADD(tcase, every_base_is_emptied);
    suite_add_tcase(suite, tcase);
    return suite;
}
