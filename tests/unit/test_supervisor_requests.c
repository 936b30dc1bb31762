/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <troupe/supervisor.h>

#include "tests/support/sim.h"

static troupe_id supervisor;
static struct probe *asker, *first, *second;

static troupe_child_spec child_of(struct probe *probe)
{
    return (troupe_child_spec){.behavior = &probe->behavior, .args = probe};
}

static void begin_with(int seed, troupe_supervisor_spec spec)
{
    troupe_child_spec children[2];

    sim_begin(seed);
    asker = probe_new();
    first = probe_make();
    second = probe_make();
    children[0] = child_of(first);
    children[1] = child_of(second);
    spec.children = children;
    spec.child_count = 2;
    ck_assert_int_eq(
        troupe_system_spawn(sim, &troupe_supervisor, &spec, NULL, &supervisor),
        TROUPE_OK);
}

static void begin(int seed)
{
    begin_with(seed, (troupe_supervisor_spec){.strategy = TROUPE_ONE_FOR_ONE});
}

struct request {
    troupe_kind kind;
    const void *body;
    size_t size;
    bool told;
};

static troupe_status do_request(troupe_self *self, void *argument)
{
    const struct request *request = argument;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(request->kind, request->size, &msg), TROUPE_OK);
    if (request->size != 0) {
        memcpy(troupe_msg_body(msg), request->body, request->size);
    }
    troupe_status status =
        request->told ? troupe_tell(self, supervisor, &msg)
                      : troupe_ask(self, supervisor, &msg, TROUPE_S(60), 9, NULL);
    troupe_msg_free(&msg);
    return status;
}

/* Asks and returns the answer's status; the answer is the last that was heard. */
static troupe_status request(troupe_kind kind, const void *body, size_t size)
{
    struct request request = {kind, body, size, false};

    forget(asker);
    ck_assert_int_eq(act(asker, do_request, &request), TROUPE_OK);
    return asker->count != 0 ? heard_last(asker)->status : TROUPE_EAGAIN;
}

static troupe_status add(struct probe *probe)
{
    troupe_child_spec spec = child_of(probe);

    return request(TROUPE_KIND_CHILD_ADD, &spec, sizeof(spec));
}

static troupe_status remove_child(troupe_id id)
{
    return request(TROUPE_KIND_CHILD_REMOVE, &id, sizeof(id));
}

static size_t list(troupe_id out[8])
{
    ck_assert_int_eq(request(TROUPE_KIND_CHILD_LIST, NULL, 0), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->kind, TROUPE_KIND_CHILD_LIST);
    memcpy(out, heard_last(asker)->bytes, heard_last(asker)->size);
    return heard_last(asker)->size / sizeof(troupe_id);
}

START_TEST(the_list_names_the_children_oldest_first)
{
    troupe_id ids[8];

    begin(_i);
    ck_assert_uint_eq(list(ids), 2);
    ck_assert(troupe_id_equal(ids[0], first->id));
    ck_assert(troupe_id_equal(ids[1], second->id));
    sim_end();
}
END_TEST

START_TEST(a_child_that_waits_for_its_restart_is_nobody)
{
    troupe_id ids[8];

    begin_with(_i, (troupe_supervisor_spec){.backoff = TROUPE_MS(10)});
    crash(first, TROUPE_ELOST);
    ck_assert_uint_eq(list(ids), 2);
    ck_assert(troupe_id_is_nobody(ids[0]));
    run_for(TROUPE_MS(10));
    ck_assert_uint_eq(list(ids), 2);
    ck_assert(troupe_id_equal(ids[0], first->id));
    sim_end();
}
END_TEST

START_TEST(a_child_is_added_and_kept_alive)
{
    troupe_id id;
    troupe_id ids[8];

    begin(_i);
    struct probe *third = probe_make();
    ck_assert_int_eq(add(third), TROUPE_OK);
    ck_assert_uint_eq(heard_last(asker)->size, sizeof(id));
    memcpy(&id, heard_last(asker)->bytes, sizeof(id));
    ck_assert(troupe_id_equal(id, third->id));
    ck_assert_uint_eq(heard_last(asker)->tag, 9);
    crash(third, TROUPE_ELOST);
    ck_assert_uint_eq(third->starts, 2);
    ck_assert_uint_eq(list(ids), 3);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    settle();
    ck_assert(third->ended && second->ended && first->ended);
    sim_end();
}
END_TEST

START_TEST(a_child_that_does_not_start_is_not_added)
{
    troupe_id ids[8];

    begin(_i);
    struct probe *third = probe_make();
    third->start_with = TROUPE_EREFUSED;
    ck_assert_int_eq(add(third), TROUPE_EREFUSED);
    ck_assert_uint_eq(list(ids), 2);
    sim_end();
}
END_TEST

START_TEST(a_removed_child_ends_and_stays_away)
{
    troupe_id ids[8];

    begin(_i);
    ck_assert_int_eq(remove_child(first->id), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->kind, TROUPE_KIND_DONE);
    ck_assert(first->ended);
    ck_assert_uint_eq(first->starts, 1);
    ck_assert_uint_eq(list(ids), 1);
    ck_assert(troupe_id_equal(ids[0], second->id));
    ck_assert_int_eq(remove_child(first->id), TROUPE_ENOENT);
    sim_end();
}
END_TEST

START_TEST(the_answer_to_a_removal_comes_when_the_child_has_ended)
{
    begin(_i);
    struct probe *deaf = probe_make();
    deaf->behavior.flags = TROUPE_TRAP_STOP;
    ck_assert_int_eq(add(deaf), TROUPE_OK);
    ck_assert_int_eq(remove_child(deaf->id), TROUPE_EAGAIN); /* no answer yet */
    ck_assert_uint_eq(heard_count(deaf, TROUPE_KIND_STOP), 1);
    ck_assert_int_eq(remove_child(deaf->id), TROUPE_ESTATE);
    forget(asker);
    run_for(TROUPE_S(5)); /* its patience */
    ck_assert(deaf->ended);
    ck_assert_int_eq(deaf->reason, TROUPE_EKILLED);
    ck_assert_int_eq(heard_last(asker)->kind, TROUPE_KIND_DONE);
    sim_end();
}
END_TEST

START_TEST(a_child_that_waits_can_be_removed_by_its_last_id)
{
    troupe_id ids[8];

    begin_with(_i, (troupe_supervisor_spec){.backoff = TROUPE_MS(10)});
    crash(first, TROUPE_ELOST);
    ck_assert_int_eq(remove_child(first->id), TROUPE_OK);
    run_for(TROUPE_S(1));
    ck_assert_uint_eq(first->starts, 1);
    ck_assert_uint_eq(list(ids), 1);
    sim_end();
}
END_TEST

START_TEST(bodies_of_the_wrong_size_and_unknown_requests_are_refused)
{
    begin(_i);
    ck_assert_int_eq(request(TROUPE_KIND_CHILD_ADD, "abc", 3), TROUPE_EINVAL);
    ck_assert_int_eq(request(TROUPE_KIND_CHILD_REMOVE, "abc", 3), TROUPE_EINVAL);
    ck_assert_int_eq(request(KIND_A, NULL, 0), TROUPE_EUNSUPPORTED);
    ck_assert_int_eq(remove_child(asker->id), TROUPE_ENOENT);
    troupe_child_spec spec = {.behavior = NULL};
    ck_assert_int_eq(request(TROUPE_KIND_CHILD_ADD, &spec, sizeof(spec)), TROUPE_EINVAL);
    spec = child_of(first);
    spec.restart = (troupe_restart)9;
    ck_assert_int_eq(request(TROUPE_KIND_CHILD_ADD, &spec, sizeof(spec)), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(a_request_that_is_told_is_done_without_an_answer)
{
    troupe_child_spec spec;
    struct request request = {TROUPE_KIND_CHILD_ADD, &spec, sizeof(spec), true};

    begin(_i);
    struct probe *third = probe_make();
    spec = child_of(third);
    ck_assert_int_eq(act(asker, do_request, &request), TROUPE_OK);
    ck_assert_uint_eq(third->starts, 1);
    ck_assert_uint_eq(asker->count, 0);
    sim_end();
}
END_TEST

START_TEST(nobody_is_added_while_the_supervisor_clears_or_ends)
{
    begin_with(_i, (troupe_supervisor_spec){.strategy = TROUPE_ONE_FOR_ALL,
                                            .backoff = TROUPE_MS(10)});
    crash(first, TROUPE_ELOST);
    ck_assert_int_eq(add(probe_make()), TROUPE_EBUSY);
    run_for(TROUPE_MS(10));
    struct probe *deaf = probe_make();
    deaf->behavior.flags = TROUPE_TRAP_STOP;
    ck_assert_int_eq(add(deaf), TROUPE_OK);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    settle();
    ck_assert_int_eq(add(probe_make()), TROUPE_ECLOSED);
    run_for(TROUPE_S(5));
    ck_assert(deaf->ended && first->ended && second->ended);
    sim_end();
}
END_TEST

START_TEST(a_forged_end_of_a_child_is_no_end)
{
    troupe_down down;
    struct request request = {TROUPE_KIND_DOWN, &down, sizeof(down), true};

    begin(_i);
    down = (troupe_down){.id = first->id, .reason = TROUPE_ELOST};
    ck_assert_int_eq(act(asker, do_request, &request), TROUPE_OK);
    ck_assert_uint_eq(first->starts, 1);
    sim_end();
}
END_TEST

START_TEST(a_supervisor_may_supervise_supervisors)
{
    troupe_child_spec inner_children[1];
    struct probe *worker;

    sim_begin(_i);
    worker = probe_make();
    inner_children[0] = child_of(worker);
    troupe_supervisor_spec inner = {
        .children = inner_children, .child_count = 1, .intensity = 1};
    troupe_child_spec outer_children[] = {
        {.behavior = &troupe_supervisor, .args = &inner}};
    troupe_supervisor_spec outer = {.children = outer_children, .child_count = 1};
    ck_assert_int_eq(
        troupe_system_spawn(sim, &troupe_supervisor, &outer, NULL, &supervisor),
        TROUPE_OK);
    crash(worker, TROUPE_ELOST);
    crash(worker, TROUPE_ELOST); /* too often for the inner one, which is restarted */
    ck_assert_uint_eq(worker->starts, 3);
    ck_assert(!worker->ended);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    settle();
    ck_assert(worker->ended);
    ck_assert_uint_eq(stats().actors, 0);
    sim_end();
}
END_TEST

enum { MANY = 3000 };

static troupe_id many[MANY];
static unsigned alive;

static troupe_status one_starts(troupe_self *self, void *state, const void *args)
{
    (void)state;
    *(troupe_id *)(uintptr_t)args = troupe_self_id(self);
    alive++;
    return TROUPE_OK;
}

static void one_stops(troupe_self *self, void *state, troupe_status reason)
{
    (void)self;
    (void)state;
    (void)reason;
    alive--;
}

START_TEST(thousands_of_children_are_kept)
{
    static const troupe_behavior one = {
        .name = "one", .start = one_starts, .stop = one_stops};
    static troupe_child_spec children[MANY];

    sim_begin(_i);
    alive = 0;
    for (size_t i = 0; i < MANY; i++) {
        children[i] = (troupe_child_spec){.behavior = &one, .args = &many[i]};
    }
    troupe_supervisor_spec spec = {
        .children = children, .child_count = MANY, .intensity = TROUPE_INTENSITY_MAX};
    ck_assert_int_eq(
        troupe_system_spawn(sim, &troupe_supervisor, &spec, NULL, &supervisor),
        TROUPE_OK);
    for (size_t i = 0; i < MANY; i += 3) {
        troupe_id before = many[i];
        ck_assert_int_eq(troupe_system_kill_actor(sim, before), TROUPE_OK);
        settle();
        ck_assert(!troupe_id_equal(before, many[i]));
    }
    ck_assert_uint_eq(alive, MANY);
    ck_assert_int_eq(troupe_system_stop_actor(sim, supervisor), TROUPE_OK);
    settle();
    ck_assert_uint_eq(alive, 0);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("supervisor requests");
    TCase *tcase = tcase_create("requests");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, the_list_names_the_children_oldest_first);
    ADD(tcase, a_child_that_waits_for_its_restart_is_nobody);
    ADD(tcase, a_child_is_added_and_kept_alive);
    ADD(tcase, a_child_that_does_not_start_is_not_added);
    ADD(tcase, a_removed_child_ends_and_stays_away);
    ADD(tcase, the_answer_to_a_removal_comes_when_the_child_has_ended);
    ADD(tcase, a_child_that_waits_can_be_removed_by_its_last_id);
    ADD(tcase, bodies_of_the_wrong_size_and_unknown_requests_are_refused);
    ADD(tcase, a_request_that_is_told_is_done_without_an_answer);
    ADD(tcase, nobody_is_added_while_the_supervisor_clears_or_ends);
    ADD(tcase, a_forged_end_of_a_child_is_no_end);
    ADD(tcase, a_supervisor_may_supervise_supervisors);
    ADD(tcase, thousands_of_children_are_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}
