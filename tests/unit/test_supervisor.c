/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <troupe/supervisor.h>

#include "tests/support/sim.h"

/* A child is a probe that is started again and again; what happened is written down. */
static char diary[256];

static void note(char what)
{
    size_t length = strlen(diary);

    ck_assert_uint_lt(length, sizeof(diary) - 1);
    diary[length] = what;
    diary[length + 1] = 0;
}

enum { CHILDREN = 4 };

struct worker {
    char letter;
    troupe_id id;
    unsigned starts;
    unsigned failures; /* starts that shall fail */
    bool deaf;         /* does not end when it is stopped */
};

static struct worker workers[CHILDREN];

static troupe_status worker_starts(troupe_self *self, void *state, const void *args)
{
    struct worker *worker = (struct worker *)(uintptr_t)args;

    *(struct worker **)state = worker;
    if (worker->failures != 0) {
        worker->failures--;
        note('!');
        return TROUPE_EREFUSED;
    }
    worker->starts++;
    worker->id = troupe_self_id(self);
    note(worker->letter);
    return TROUPE_OK;
}

static troupe_status worker_receives(troupe_self *self, void *state, troupe_msg **msg)
{
    struct worker *worker = *(struct worker **)state;

    if (troupe_msg_kind(*msg) == KIND_CRASH) {
        return (troupe_status)(int64_t)troupe_msg_tag(*msg);
    }
    if (troupe_msg_kind(*msg) == TROUPE_KIND_STOP && !worker->deaf) {
        troupe_exit(self, TROUPE_OK);
    }
    if (troupe_msg_kind(*msg) == KIND_A) {
        troupe_exit(self, TROUPE_OK);
    }
    return TROUPE_OK;
}

static void worker_stops(troupe_self *self, void *state, troupe_status reason)
{
    const struct worker *worker = *(struct worker **)state;

    (void)self;
    if (reason != TROUPE_EREFUSED) {
        note((char)(worker->letter - 'a' + 'A'));
    }
}

static const troupe_behavior worker_behavior = {
    .name = "worker",
    .state_size = sizeof(struct worker *),
    .start = worker_starts,
    .receive = worker_receives,
    .stop = worker_stops,
    .flags = TROUPE_TRAP_STOP,
};

static troupe_id supervisor;
static struct probe *watcher;
static troupe_child_spec specs[CHILDREN];
static troupe_supervisor_spec spec;

static void prepare(int seed, troupe_strategy strategy, size_t count)
{
    sim_begin(seed);
    diary[0] = 0;
    for (size_t i = 0; i < CHILDREN; i++) {
        workers[i] = (struct worker){.letter = (char)('a' + i)};
        specs[i] = (troupe_child_spec){.behavior = &worker_behavior, .args = &workers[i]};
    }
    spec = (troupe_supervisor_spec){
        .strategy = strategy, .children = specs, .child_count = count};
    watcher = probe_new();
}

static troupe_status start(void)
{
    troupe_status status =
        troupe_system_spawn(sim, &troupe_supervisor, &spec, NULL, &supervisor);

    if (status == TROUPE_OK) {
        ck_assert_int_eq(act_watch(watcher, supervisor), TROUPE_OK);
    }
    return status;
}

static void begin(int seed, troupe_strategy strategy, size_t count)
{
    prepare(seed, strategy, count);
    ck_assert_int_eq(start(), TROUPE_OK);
}

static void crash_worker(size_t which, troupe_status reason)
{
    post(workers[which].id, KIND_CRASH, (uint64_t)(int64_t)reason);
}

static bool ended_with(troupe_status reason)
{
    return heard_count(watcher, TROUPE_KIND_DOWN) == 1 &&
           heard_nth(watcher, TROUPE_KIND_DOWN, 0)->status == reason;
}

/* ---- strategies ---- */

START_TEST(children_start_in_order)
{
    begin(_i, TROUPE_ONE_FOR_ONE, 4);
    ck_assert_str_eq(diary, "abcd");
    sim_end();
}
END_TEST

START_TEST(one_for_one_restarts_the_one_that_ended)
{
    begin(_i, TROUPE_ONE_FOR_ONE, 3);
    troupe_id before = workers[1].id;
    crash_worker(1, TROUPE_ELOST);
    ck_assert_str_eq(diary, "abcBb");
    ck_assert(!troupe_id_equal(before, workers[1].id));
    sim_end();
}
END_TEST

START_TEST(one_for_all_stops_the_others_youngest_first_and_restarts_all)
{
    begin(_i, TROUPE_ONE_FOR_ALL, 4);
    crash_worker(1, TROUPE_ELOST);
    settle();
    ck_assert_str_eq(diary, "abcdBDCAabcd");
    sim_end();
}
END_TEST

START_TEST(rest_for_one_restarts_it_and_the_younger_ones)
{
    begin(_i, TROUPE_REST_FOR_ONE, 4);
    crash_worker(1, TROUPE_ELOST);
    settle();
    ck_assert_str_eq(diary, "abcdBDCbcd");
    sim_end();
}
END_TEST

/* ---- which are restarted ---- */

START_TEST(a_permanent_child_is_restarted_after_a_normal_end_too)
{
    begin(_i, TROUPE_ONE_FOR_ONE, 1);
    post(workers[0].id, KIND_A, 0);
    ck_assert_str_eq(diary, "aAa");
    sim_end();
}
END_TEST

START_TEST(a_transient_child_is_restarted_after_a_failure_only)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    specs[0].restart = TROUPE_TRANSIENT;
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(0, TROUPE_ELOST);
    ck_assert_str_eq(diary, "aAa");
    post(workers[0].id, KIND_A, 0);
    ck_assert_str_eq(diary, "aAaA");
    sim_end();
}
END_TEST

START_TEST(a_temporary_child_is_never_restarted)
{
    prepare(_i, TROUPE_ONE_FOR_ALL, 3);
    specs[1].restart = TROUPE_TEMPORARY;
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(0, TROUPE_ELOST); /* it goes with the group and does not come back */
    settle();
    ck_assert_str_eq(diary, "abcACBac");
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert_str_eq(diary, "abcACBacACac");
    sim_end();
}
END_TEST

START_TEST(a_temporary_child_that_fails_disturbs_nobody)
{
    prepare(_i, TROUPE_ONE_FOR_ALL, 2);
    specs[1].restart = TROUPE_TEMPORARY;
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(1, TROUPE_ELOST);
    settle();
    ck_assert_str_eq(diary, "abB");
    sim_end();
}
END_TEST

/* ---- how often ---- */

START_TEST(too_many_restarts_in_a_period_end_the_supervisor)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 2);
    spec.intensity = 2;
    spec.period = TROUPE_S(1);
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(0, TROUPE_ELOST);
    crash_worker(0, TROUPE_ELOST);
    ck_assert_str_eq(diary, "abAaAa");
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert_str_eq(diary, "abAaAaAB");
    ck_assert(ended_with(TROUPE_ERESTARTS));
    sim_end();
}
END_TEST

START_TEST(restarts_that_are_far_enough_apart_are_allowed_for_ever)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    spec.intensity = 2;
    spec.period = TROUPE_S(1);
    ck_assert_int_eq(start(), TROUPE_OK);
    for (int i = 0; i < 20; i++) {
        crash_worker(0, TROUPE_ELOST);
        run_for(TROUPE_MS(500));
    }
    ck_assert_uint_eq(workers[0].starts, 21);
    crash_worker(0, TROUPE_ELOST);
    run_for(TROUPE_MS(499));
    crash_worker(0, TROUPE_ELOST);
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert(ended_with(TROUPE_ERESTARTS));
    sim_end();
}
END_TEST

START_TEST(the_default_is_three_restarts_in_five_seconds)
{
    begin(_i, TROUPE_ONE_FOR_ONE, 1);
    for (int i = 0; i < 3; i++) {
        crash_worker(0, TROUPE_ELOST);
    }
    ck_assert_uint_eq(workers[0].starts, 4);
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert(ended_with(TROUPE_ERESTARTS));
    sim_end();
}
END_TEST

/* ---- how soon ---- */

START_TEST(the_back_off_doubles_up_to_its_cap)
{
    static const troupe_ns waits[] = {TROUPE_MS(10), TROUPE_MS(20), TROUPE_MS(40),
                                      TROUPE_MS(50), TROUPE_MS(50)};

    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    spec.intensity = 100;
    spec.backoff = TROUPE_MS(10);
    spec.backoff_max = TROUPE_MS(50);
    ck_assert_int_eq(start(), TROUPE_OK);
    for (unsigned i = 0; i < 5; i++) {
        crash_worker(0, TROUPE_ELOST);
        ck_assert_uint_eq(workers[0].starts, i + 1);
        run_for(waits[i] - 1);
        ck_assert_uint_eq(workers[0].starts, i + 1);
        run_for(1);
        ck_assert_uint_eq(workers[0].starts, i + 2);
    }
    run_for(TROUPE_S(5)); /* a period in peace: the delay is short again */
    crash_worker(0, TROUPE_ELOST);
    run_for(TROUPE_MS(10));
    ck_assert_uint_eq(workers[0].starts, 7);
    sim_end();
}
END_TEST

START_TEST(a_group_backs_off_too)
{
    prepare(_i, TROUPE_ONE_FOR_ALL, 2);
    spec.backoff = TROUPE_MS(10);
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(0, TROUPE_ELOST);
    run_for(TROUPE_MS(10) - 1);
    ck_assert_str_eq(diary, "abAB");
    run_for(1);
    ck_assert_str_eq(diary, "abABab");
    sim_end();
}
END_TEST

/* ---- starts that fail ---- */

START_TEST(a_first_start_that_fails_is_the_supervisors_failure)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 3);
    workers[1].failures = 1;
    ck_assert_int_eq(start(), TROUPE_EREFUSED);
    settle();
    ck_assert_str_eq(diary, "a!A");
    sim_end();
}
END_TEST

START_TEST(a_restart_that_fails_is_tried_again_and_counts)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    spec.intensity = 3;
    ck_assert_int_eq(start(), TROUPE_OK);
    workers[0].failures = 2;
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert_str_eq(diary, "aA!!a");
    ck_assert_uint_eq(watcher->count, 0);
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert(ended_with(TROUPE_ERESTARTS));
    sim_end();
}
END_TEST

START_TEST(a_restart_that_never_works_ends_the_supervisor)
{
    begin(_i, TROUPE_ONE_FOR_ALL, 3);
    workers[1].failures = 1000;
    crash_worker(0, TROUPE_ELOST);
    settle();
    ck_assert(ended_with(TROUPE_ERESTARTS));
    ck_assert_str_eq(diary, "abcACBa!Aa!Aa!A");
    sim_end();
}
END_TEST

/* ---- stopping ---- */

START_TEST(a_stopped_supervisor_stops_its_children_youngest_first)
{
    begin(_i, TROUPE_ONE_FOR_ONE, 4);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    settle();
    ck_assert_str_eq(diary, "abcdDCBA");
    ck_assert(ended_with(TROUPE_OK));
    sim_end();
}
END_TEST

START_TEST(a_child_that_does_not_stop_is_killed_when_patience_ends)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 3);
    specs[1].patience = TROUPE_MS(20);
    workers[1].deaf = true;
    ck_assert_int_eq(start(), TROUPE_OK);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    run_for(TROUPE_MS(20) - 1);
    ck_assert_str_eq(diary, "abcC");
    run_for(1);
    ck_assert_str_eq(diary, "abcCBA");
    ck_assert(ended_with(TROUPE_OK));
    sim_end();
}
END_TEST

START_TEST(patience_is_five_seconds_unless_said)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    workers[0].deaf = true;
    ck_assert_int_eq(start(), TROUPE_OK);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    run_for(TROUPE_S(5) - 1);
    ck_assert_str_eq(diary, "a");
    run_for(1);
    ck_assert_str_eq(diary, "aA");
    sim_end();
}
END_TEST

START_TEST(a_supervisor_stopped_while_a_child_waits_does_not_restart_it)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 2);
    spec.backoff = TROUPE_MS(10);
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(0, TROUPE_ELOST);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    run_for(TROUPE_S(1));
    ck_assert_str_eq(diary, "abAB");
    ck_assert(ended_with(TROUPE_OK));
    sim_end();
}
END_TEST

START_TEST(a_supervisor_stopped_in_the_middle_of_clearing_ends_in_order)
{
    prepare(_i, TROUPE_ONE_FOR_ALL, 3);
    workers[2].deaf = true;
    specs[2].patience = TROUPE_MS(10);
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(1, TROUPE_ELOST);
    ck_assert_str_eq(diary, "abcB"); /* c is asked to stop and takes its time */
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    run_for(TROUPE_S(1));
    ck_assert_str_eq(diary, "abcBCA");
    ck_assert(ended_with(TROUPE_OK));
    sim_end();
}
END_TEST

START_TEST(an_older_child_that_ends_while_younger_ones_are_cleared_widens_the_group)
{
    prepare(_i, TROUPE_REST_FOR_ONE, 4);
    workers[3].deaf = true;
    specs[3].patience = TROUPE_MS(10);
    ck_assert_int_eq(start(), TROUPE_OK);
    crash_worker(2, TROUPE_ELOST);
    crash_worker(0, TROUPE_ELOST);
    run_for(TROUPE_S(1));
    ck_assert_str_eq(diary, "abcdCADBabcd");
    sim_end();
}
END_TEST

START_TEST(a_killed_supervisor_leaves_no_children)
{
    begin(_i, TROUPE_ONE_FOR_ONE, 3);
    ck_assert_int_eq(troupe_system_kill_actor(sim, supervisor), TROUPE_OK);
    settle();
    ck_assert_uint_eq(strlen(diary), 6);
    ck_assert(ended_with(TROUPE_EKILLED));
    sim_end();
}
END_TEST

/* ---- names ---- */

START_TEST(each_incarnation_has_the_childs_name)
{
    troupe_id found;
    char name[] = "steady";

    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    specs[0].name = name;
    ck_assert_int_eq(start(), TROUPE_OK);
    name[0] = '?'; /* it was copied */
    ck_assert_int_eq(troupe_whereis(sim, "steady", &found), TROUPE_OK);
    ck_assert(troupe_id_equal(found, workers[0].id));
    crash_worker(0, TROUPE_ELOST);
    ck_assert_int_eq(troupe_whereis(sim, "steady", &found), TROUPE_OK);
    ck_assert(troupe_id_equal(found, workers[0].id));
    sim_end();
}
END_TEST

/* ---- what it refuses ---- */

START_TEST(a_spec_that_makes_no_sense_is_refused)
{
    prepare(_i, TROUPE_ONE_FOR_ONE, 1);
    ck_assert_int_eq(troupe_system_spawn(sim, &troupe_supervisor, NULL, NULL, NULL),
                     TROUPE_EINVAL);
    spec.strategy = (troupe_strategy)17;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    spec.strategy = TROUPE_ONE_FOR_ONE;
    spec.period = -1;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    spec.period = 0;
    spec.backoff = -1;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    spec.backoff = 0;
    spec.intensity = TROUPE_INTENSITY_MAX + 1;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    spec.intensity = 0;
    spec.child_count = TROUPE_CHILDREN_MAX + 1;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    spec.child_count = 1;
    specs[0].behavior = NULL;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    specs[0].behavior = &worker_behavior;
    specs[0].patience = -1;
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    specs[0].patience = 0;
    specs[0].name = "";
    ck_assert_int_eq(start(), TROUPE_EINVAL);
    specs[0].name = NULL;
    ck_assert_int_eq(start(), TROUPE_OK);
    sim_end();
}
END_TEST

static void add_ends(Suite *suite)
{
    TCase *tcase = tcase_create("ends");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_stopped_supervisor_stops_its_children_youngest_first);
    ADD(tcase, a_child_that_does_not_stop_is_killed_when_patience_ends);
    ADD(tcase, patience_is_five_seconds_unless_said);
    ADD(tcase, a_supervisor_stopped_while_a_child_waits_does_not_restart_it);
    ADD(tcase, a_supervisor_stopped_in_the_middle_of_clearing_ends_in_order);
    ADD(tcase, an_older_child_that_ends_while_younger_ones_are_cleared_widens_the_group);
    ADD(tcase, a_killed_supervisor_leaves_no_children);
    ADD(tcase, each_incarnation_has_the_childs_name);
    ADD(tcase, a_spec_that_makes_no_sense_is_refused);
    suite_add_tcase(suite, tcase);
}

Suite *test_suite(void)
{
    Suite *suite = suite_create("supervisor");
    TCase *tcase = tcase_create("restarts");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, children_start_in_order);
    ADD(tcase, one_for_one_restarts_the_one_that_ended);
    ADD(tcase, one_for_all_stops_the_others_youngest_first_and_restarts_all);
    ADD(tcase, rest_for_one_restarts_it_and_the_younger_ones);
    ADD(tcase, a_permanent_child_is_restarted_after_a_normal_end_too);
    ADD(tcase, a_transient_child_is_restarted_after_a_failure_only);
    ADD(tcase, a_temporary_child_is_never_restarted);
    ADD(tcase, a_temporary_child_that_fails_disturbs_nobody);
    ADD(tcase, too_many_restarts_in_a_period_end_the_supervisor);
    ADD(tcase, restarts_that_are_far_enough_apart_are_allowed_for_ever);
    ADD(tcase, the_default_is_three_restarts_in_five_seconds);
    ADD(tcase, the_back_off_doubles_up_to_its_cap);
    ADD(tcase, a_group_backs_off_too);
    ADD(tcase, a_first_start_that_fails_is_the_supervisors_failure);
    ADD(tcase, a_restart_that_fails_is_tried_again_and_counts);
    ADD(tcase, a_restart_that_never_works_ends_the_supervisor);
    suite_add_tcase(suite, tcase);
    add_ends(suite);
    return suite;
}
