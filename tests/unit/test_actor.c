/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

/* ---- spawn ---- */

static troupe_status spawn_with(troupe_self *self, void *argument)
{
    return troupe_spawn(self, argument, NULL, NULL, NULL);
}

START_TEST(a_behaviour_must_have_a_name_and_bounded_parts)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    troupe_behavior behavior = {.name = NULL};
    ck_assert_int_eq(act(probe, spawn_with, &behavior), TROUPE_EINVAL);
    behavior = (troupe_behavior){.name = "big", .state_size = TROUPE_STATE_MAX + 1};
    ck_assert_int_eq(act(probe, spawn_with, &behavior), TROUPE_EINVAL);
    behavior =
        (troupe_behavior){.name = "many", .handler_count = TROUPE_HANDLERS_MAX + 1};
    ck_assert_int_eq(act(probe, spawn_with, &behavior), TROUPE_EINVAL);
    ck_assert_int_eq(act(probe, spawn_with, NULL), TROUPE_EINVAL);
    troupe_spawn_options options = {.size = 1};
    ck_assert_int_eq(act_spawn(probe, probe_make(), &options), TROUPE_EINVAL);
    sim_end();
}
END_TEST

static troupe_status check_zero(troupe_self *self, void *state, const void *args)
{
    static const char zero[600];
    size_t size = *(const size_t *)args;

    (void)self;
    ck_assert_mem_eq(state, zero, size);
    memset(state, 0xee, size);
    return TROUPE_OK;
}

START_TEST(state_is_zero_whatever_its_size_and_whoever_had_the_slot)
{
    size_t sizes[] = {0, 1, 8, 16, 17, 64, 600};
    troupe_behavior dirty[7];

    sim_begin(_i);
    for (size_t i = 0; i < 21; i++) {
        troupe_id id = TROUPE_NOBODY;
        dirty[i % 7] = (troupe_behavior){
            .name = "dirty", .state_size = sizes[i % 7], .start = check_zero};
        ck_assert_int_eq(
            troupe_system_spawn(sim, &dirty[i % 7], &sizes[i % 7], NULL, &id), TROUPE_OK);
        if (i % 2 == 0) {
            ck_assert_int_eq(troupe_system_kill_actor(sim, id), TROUPE_OK);
            settle();
        }
    }
    sim_end();
}
END_TEST

START_TEST(start_runs_inside_spawn_and_its_failure_is_spawns)
{
    sim_begin(_i);
    struct probe *parent = probe_new();
    struct probe *child = probe_make();
    child->start_with = TROUPE_EACCESS;
    ck_assert_int_eq(act_spawn(parent, child, NULL), TROUPE_EACCESS);
    ck_assert(child->ended);
    ck_assert_int_eq(act_tell(parent, child->id, KIND_A, 0), TROUPE_EGONE);
    sim_end();
}
END_TEST

static troupe_status who_am_i(troupe_self *self, void *argument)
{
    troupe_id *out = argument;

    out[0] = troupe_self_id(self);
    out[1] = troupe_self_parent(self);
    ck_assert_ptr_eq(troupe_self_system(self), sim);
    ck_assert_int_eq(troupe_now(self), sim_now());
    return TROUPE_OK;
}

START_TEST(an_actor_knows_itself_its_parent_its_system_and_the_time)
{
    troupe_id ids[2];

    sim_begin(_i);
    struct probe *parent = probe_new();
    struct probe *child = probe_make();
    ck_assert_int_eq(act_spawn(parent, child, NULL), TROUPE_OK);
    run_until(TROUPE_S(3));
    ck_assert_int_eq(act(child, who_am_i, ids), TROUPE_OK);
    ck_assert(troupe_id_equal(ids[0], child->id));
    ck_assert(troupe_id_equal(ids[1], parent->id));
    sim_end();
}
END_TEST

START_TEST(a_name_given_at_spawn_is_known_and_taken)
{
    troupe_id found = TROUPE_NOBODY;
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    sim_begin(_i);
    struct probe *parent = probe_new();
    struct probe *child = probe_make();
    options.name = "child";
    ck_assert_int_eq(act_spawn(parent, child, &options), TROUPE_OK);
    ck_assert_int_eq(troupe_whereis(sim, "child", &found), TROUPE_OK);
    ck_assert(troupe_id_equal(found, child->id));
    ck_assert_int_eq(act_spawn(parent, probe_make(), &options), TROUPE_EEXIST);
    options.name = "";
    ck_assert_int_eq(act_spawn(parent, probe_make(), &options), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(a_child_is_watched_and_linked_before_it_starts)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    sim_begin(_i);
    struct probe *parent = probe_make();
    parent->behavior.flags = TROUPE_TRAP_EXIT;
    probe_start(parent);
    struct probe *child = probe_make();
    options.watch = true;
    options.link = true;
    ck_assert_int_eq(act_spawn(parent, child, &options), TROUPE_OK);
    crash(child, TROUPE_EPROTO);
    ck_assert_int_eq(heard_nth(parent, TROUPE_KIND_DOWN, 0)->status, TROUPE_EPROTO);
    ck_assert_int_eq(heard_nth(parent, TROUPE_KIND_EXIT, 0)->status, TROUPE_EPROTO);
    sim_end();
}
END_TEST

START_TEST(only_the_system_spawns_on_another_base)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    sim_begin(_i);
    struct probe *parent = probe_new();
    options.base = 2;
    ck_assert_int_eq(act_spawn(parent, probe_make(), &options), TROUPE_EINVAL);
    ck_assert_int_eq(probe_try_start(probe_make(), &options), TROUPE_EINVAL);
    sim_end();
}
END_TEST

/* ---- handlers ---- */

static char trail[64];

static void note(char what)
{
    size_t length = strlen(trail);

    ck_assert_uint_lt(length, sizeof(trail) - 1);
    trail[length] = what;
    trail[length + 1] = 0;
}

static troupe_status handle_a(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    note('a');
    return TROUPE_OK;
}

static troupe_status handle_x(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    note('x');
    return TROUPE_OK;
}

static troupe_status handle_rest(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    note('r');
    return TROUPE_OK;
}

static const troupe_handler table[] = {{KIND_A, handle_a}};

START_TEST(a_kind_goes_to_its_handler_and_the_rest_to_receive)
{
    const troupe_behavior behavior = {
        .name = "table", .handlers = table, .handler_count = 1, .receive = handle_rest};
    troupe_id id = TROUPE_NOBODY;

    trail[0] = 0;
    sim_begin(_i);
    ck_assert_int_eq(troupe_system_spawn(sim, &behavior, NULL, NULL, &id), TROUPE_OK);
    post(id, KIND_A, 0);
    post(id, KIND_B, 0);
    post(id, KIND_A, 0);
    ck_assert_str_eq(trail, "ara");
    sim_end();
}
END_TEST

struct on {
    troupe_kind kind;
    troupe_receive handle;
};

static troupe_status call_on(troupe_self *self, void *argument)
{
    const struct on *on = argument;

    return troupe_on(self, on->kind, on->handle);
}

START_TEST(a_registered_handler_outranks_the_table_until_it_is_removed)
{
    sim_begin(_i);
    trail[0] = 0;
    struct probe *probe = probe_make();
    probe->behavior.handlers = table;
    probe->behavior.handler_count = 1;
    probe_start(probe);
    post(probe->id, KIND_A, 0);
    ck_assert_int_eq(act(probe, call_on, &(struct on){KIND_A, handle_x}), TROUPE_OK);
    post(probe->id, KIND_A, 0);
    ck_assert_int_eq(act(probe, call_on, &(struct on){KIND_A, handle_rest}), TROUPE_OK);
    post(probe->id, KIND_A, 0);
    ck_assert_int_eq(act(probe, call_on, &(struct on){KIND_A, NULL}), TROUPE_OK);
    post(probe->id, KIND_A, 0);
    ck_assert_str_eq(trail, "axra");
    ck_assert_int_eq(act(probe, call_on, &(struct on){KIND_A, NULL}), TROUPE_ENOENT);
    sim_end();
}
END_TEST

static troupe_status register_too_many(troupe_self *self, void *argument)
{
    (void)argument;
    for (troupe_kind i = 0; i < TROUPE_HANDLERS_MAX; i++) {
        troupe_status status = troupe_on(self, TROUPE_KIND_USER + 0x2000 + i, handle_x);
        ck_assert_int_eq(status, TROUPE_OK);
    }
    return troupe_on(self, TROUPE_KIND_USER, handle_x);
}

START_TEST(handlers_are_limited_in_number)
{
    sim_begin(_i);
    ck_assert_int_eq(act(probe_new(), register_too_many, NULL), TROUPE_ELIMIT);
    sim_end();
}
END_TEST

START_TEST(a_message_without_a_handler_is_freed_and_an_ask_of_it_is_answered)
{
    const troupe_behavior deaf = {.name = "deaf"};
    troupe_id id = TROUPE_NOBODY;

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(troupe_system_spawn(sim, &deaf, NULL, NULL, &id), TROUPE_OK);
    post(id, KIND_A, 0);
    ck_assert_int_eq(act_ask(probe, id, KIND_A, TROUPE_S(1), 5, NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_nth(probe, TROUPE_KIND_FAILURE, 0)->tag, 5);
    sim_end();
}
END_TEST

/* ---- become ---- */

static troupe_status become(troupe_self *self, void *argument)
{
    return troupe_become(self, argument);
}

static void stop_x(troupe_self *self, void *state, troupe_status reason)
{
    (void)self;
    (void)state;
    (void)reason;
    note('s');
}

START_TEST(an_actor_becomes_another_from_the_next_message_on)
{
    sim_begin(_i);
    trail[0] = 0;
    struct probe *probe = probe_new();
    const troupe_behavior other = {.name = "other",
                                   .state_size = sizeof(void *),
                                   .receive = handle_x,
                                   .stop = stop_x};
    ck_assert_int_eq(act(probe, call_on, &(struct on){KIND_B, handle_rest}), TROUPE_OK);
    ck_assert_int_eq(act(probe, become, (void *)(uintptr_t)&other), TROUPE_OK);
    post(probe->id, KIND_A, 0);
    post(probe->id, KIND_B, 0); /* registered handlers outlive it */
    ck_assert_int_eq(troupe_system_stop_actor(sim, probe->id), TROUPE_OK);
    settle();
    ck_assert_str_eq(trail, "xrs");
    probe->ends++; /* the other behaviour's stop was called in place of the probe's */
    sim_end();
}
END_TEST

START_TEST(nobody_becomes_what_needs_more_state)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    const troupe_behavior larger = {.name = "larger", .state_size = 4096};
    ck_assert_int_eq(act(probe, become, (void *)(uintptr_t)&larger), TROUPE_EINVAL);
    ck_assert_int_eq(act(probe, become, NULL), TROUPE_EINVAL);
    sim_end();
}
END_TEST

/* ---- the end ---- */

START_TEST(a_status_from_a_handler_is_the_exit_reason)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_watch(watcher, probe->id), TROUPE_OK);
    crash(probe, TROUPE_ETLS);
    ck_assert_int_eq(probe->reason, TROUPE_ETLS);
    ck_assert_int_eq(heard_last(watcher)->status, TROUPE_ETLS);
    sim_end();
}
END_TEST

static troupe_status exit_in_the_middle(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (troupe_msg_kind(*msg) == KIND_B) {
        troupe_exit(self, TROUPE_ELOST);
        ck_assert_int_eq(troupe_signal(self, troupe_self_id(self), KIND_C, 0), TROUPE_OK);
    }
    return TROUPE_OK;
}

START_TEST(exit_takes_effect_when_the_handler_returns_and_drops_what_is_left)
{
    sim_begin(_i);
    struct probe *probe = probe_make();
    probe->hook = exit_in_the_middle;
    probe_start(probe);
    struct probe *sender = probe_new();
    ck_assert_int_eq(act_ask(sender, probe->id, KIND_A, TROUPE_NEVER, 1, NULL),
                     TROUPE_OK);
    uint64_t before = stats().dropped;
    post(probe->id, KIND_B, 0);
    ck_assert(probe->ended);
    ck_assert_int_eq(probe->reason, TROUPE_ELOST);
    ck_assert_uint_eq(heard_count(probe, KIND_C), 0);
    ck_assert_uint_eq(stats().dropped, before + 1);
    ck_assert_int_eq(heard_nth(sender, TROUPE_KIND_FAILURE, 0)->status, TROUPE_EGONE);
    sim_end();
}
END_TEST

static troupe_status fill_and_stop(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;

    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_int_eq(troupe_signal(self, id, KIND_A, i), TROUPE_OK);
    }
    ck_assert_int_eq(troupe_stop(self, id), TROUPE_OK);
    troupe_status after = troupe_signal(self, id, KIND_B, 0);
    ck_assert(after == TROUPE_OK || after == TROUPE_EGONE);
    return TROUPE_OK;
}

START_TEST(a_stopped_actor_first_handles_the_mail_it_has)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    struct probe *other = probe_new();
    (void)act(other, fill_and_stop, &probe->id);
    ck_assert(probe->ended);
    ck_assert_int_eq(probe->reason, TROUPE_OK);
    ck_assert_uint_eq(heard_count(probe, KIND_A), 3);
    ck_assert_uint_eq(heard_count(probe, KIND_B), 0);
    sim_end();
}
END_TEST

static troupe_status fill_and_kill(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;

    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_int_eq(troupe_signal(self, id, KIND_A, i), TROUPE_OK);
    }
    return troupe_kill(self, id);
}

START_TEST(a_killed_actor_handles_nothing_more)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    struct probe *other = probe_new();
    ck_assert_int_eq(act(other, fill_and_kill, &probe->id), TROUPE_OK);
    ck_assert(probe->ended);
    ck_assert_int_eq(probe->reason, TROUPE_EKILLED);
    ck_assert_uint_eq(heard_count(probe, KIND_A), 0);
    ck_assert_int_eq(act_kill(other, probe->id), TROUPE_EGONE);
    ck_assert_int_eq(act_stop(other, probe->id), TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(an_actor_may_stop_or_kill_itself)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(act_stop(first, first->id), TROUPE_OK);
    ck_assert_int_eq(act_kill(second, second->id), TROUPE_OK);
    ck_assert(first->ended && second->ended);
    ck_assert_int_eq(first->reason, TROUPE_OK);
    ck_assert_int_eq(second->reason, TROUPE_EKILLED);
    sim_end();
}
END_TEST

START_TEST(one_that_traps_stop_is_told_and_ends_when_it_likes)
{
    sim_begin(_i);
    struct probe *probe = probe_make();
    probe->behavior.flags = TROUPE_TRAP_STOP;
    probe_start(probe);
    struct probe *other = probe_new();
    ck_assert_int_eq(act_stop(other, probe->id), TROUPE_OK);
    ck_assert(!probe->ended);
    ck_assert_uint_eq(heard_count(probe, TROUPE_KIND_STOP), 1);
    act_exit(probe, TROUPE_ECANCELED);
    ck_assert(probe->ended);
    ck_assert_int_eq(probe->reason, TROUPE_ECANCELED);
    sim_end();
}
END_TEST

START_TEST(an_id_that_outlived_its_actor_never_reaches_the_next_tenant)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    troupe_id old = probe_new()->id;
    ck_assert_int_eq(act_kill(sender, old), TROUPE_OK);
    for (int i = 0; i < 10; i++) {
        struct probe *next = probe_new();
        ck_assert(!troupe_id_equal(next->id, old));
        ck_assert_int_eq(act_tell(sender, old, KIND_A, 0), TROUPE_EGONE);
        ck_assert_uint_eq(next->count, 0);
        crash(next, TROUPE_EPROTO);
    }
    sim_end();
}
END_TEST

static troupe_status start_and_exit(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

START_TEST(an_actor_may_exit_from_its_start)
{
    const troupe_behavior brief = {.name = "brief", .start = start_and_exit};
    troupe_id id = TROUPE_NOBODY;

    sim_begin(_i);
    ck_assert_int_eq(troupe_system_spawn(sim, &brief, NULL, NULL, &id), TROUPE_OK);
    settle();
    ck_assert_int_eq(act_tell(probe_new(), id, KIND_A, 0), TROUPE_EGONE);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("actor");
    TCase *tcase = tcase_create("actor");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_behaviour_must_have_a_name_and_bounded_parts);
    ADD(tcase, state_is_zero_whatever_its_size_and_whoever_had_the_slot);
    ADD(tcase, start_runs_inside_spawn_and_its_failure_is_spawns);
    ADD(tcase, an_actor_knows_itself_its_parent_its_system_and_the_time);
    ADD(tcase, a_name_given_at_spawn_is_known_and_taken);
    ADD(tcase, a_child_is_watched_and_linked_before_it_starts);
    ADD(tcase, only_the_system_spawns_on_another_base);
    ADD(tcase, a_kind_goes_to_its_handler_and_the_rest_to_receive);
    ADD(tcase, a_registered_handler_outranks_the_table_until_it_is_removed);
    ADD(tcase, handlers_are_limited_in_number);
    ADD(tcase, a_message_without_a_handler_is_freed_and_an_ask_of_it_is_answered);
    ADD(tcase, an_actor_becomes_another_from_the_next_message_on);
    ADD(tcase, nobody_becomes_what_needs_more_state);
    ADD(tcase, a_status_from_a_handler_is_the_exit_reason);
    ADD(tcase, exit_takes_effect_when_the_handler_returns_and_drops_what_is_left);
    ADD(tcase, a_stopped_actor_first_handles_the_mail_it_has);
    ADD(tcase, a_killed_actor_handles_nothing_more);
    ADD(tcase, an_actor_may_stop_or_kill_itself);
    ADD(tcase, one_that_traps_stop_is_told_and_ends_when_it_likes);
    ADD(tcase, an_id_that_outlived_its_actor_never_reaches_the_next_tenant);
    ADD(tcase, an_actor_may_exit_from_its_start);
    suite_add_tcase(suite, tcase);
    return suite;
}
