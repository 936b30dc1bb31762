/* SPDX-License-Identifier: MIT
 * test_engine.c - the engine actor in a simulated system: calls run in step. */
#include <string.h>

#include "tests/unit/engine_player.h"

static troupe_id engine;

static void begin_with(int seed, uint32_t queue_limit)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;

    memset(&played, 0, sizeof(played));
    sim_begin(seed);
    options.queue_limit = queue_limit;
    options.config = "the config";
    ck_assert_int_eq(troupe_engine_open(sim, &player, &options, &engine), TROUPE_OK);
}

static void begin(int seed)
{
    begin_with(seed, 0);
}

static void end(void)
{
    sim_end();
    ck_assert(!played.open);
    ck_assert_uint_eq(played.opens, played.closes);
}

static troupe_engine_stats engine_stats(void)
{
    troupe_engine_stats out;

    ck_assert_int_eq(troupe_engine_stats_read(sim, engine, &out), TROUPE_OK);
    return out;
}

/* ---- answers ---- */

START_TEST(calls_of_one_caller_run_in_order_and_are_answered)
{
    begin(_i);
    struct probe *caller = probe_new();
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert_int_eq(act_ask(caller, engine, CALL_NOTE, TROUPE_S(1), i, NULL),
                         TROUPE_OK);
    }
    ck_assert_uint_eq(heard_count(caller, TROUPE_KIND_DONE), 100);
    for (uint64_t i = 0; i < 100; i++) {
        const struct heard *heard = heard_nth(caller, TROUPE_KIND_DONE, i);
        ck_assert_uint_eq(heard->tag, i);
        ck_assert(heard->answer);
        ck_assert(troupe_id_equal(heard->from, engine));
    }
    troupe_engine_stats counted = engine_stats();
    ck_assert_uint_eq(counted.calls, 100);
    ck_assert_uint_eq(counted.queued, 0);
    ck_assert_uint_eq(counted.failed, 0);
    end();
}
END_TEST

START_TEST(an_engine_is_found_by_its_name_and_told_its_config)
{
    troupe_id found;

    begin(_i);
    ck_assert_str_eq(played.config, "the config");
    ck_assert_int_eq(troupe_whereis(sim, "player", &found), TROUPE_OK);
    ck_assert(troupe_id_equal(found, engine));
    ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &found), TROUPE_EEXIST);
    ck_assert_uint_eq(played.opens, 1);
    end();
}
END_TEST

START_TEST(a_failing_call_is_an_answer_and_the_engine_goes_on)
{
    begin(_i);
    struct probe *caller = probe_new();
    ck_assert_int_eq(act_ask(caller, engine, CALL_EXPLAIN, TROUPE_S(1), 1, NULL),
                     TROUPE_OK);
    ck_assert_int_eq(heard_last(caller)->status, TROUPE_EREMOTE);
    ck_assert_str_eq(heard_last(caller)->bytes, "the q text is wrong");
    ck_assert_int_eq(act_ask(caller, engine, TROUPE_KIND_USER, TROUPE_S(1), 2, NULL),
                     TROUPE_OK);
    ck_assert_int_eq(heard_last(caller)->status, TROUPE_EUNSUPPORTED);
    ck_assert_int_eq(act_ask(caller, engine, CALL_ECHO, TROUPE_S(1), 3, NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_last(caller)->kind, KIND_A);
    ck_assert_int_eq(act_ask(caller, engine, CALL_TAKE, TROUPE_S(1), 4, NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_last(caller)->kind, TROUPE_KIND_DONE);
    ck_assert_uint_eq(engine_stats().failed, 2);
    end();
}
END_TEST

START_TEST(a_call_can_be_answered_later)
{
    begin(_i);
    struct probe *caller = probe_new();
    ck_assert_int_eq(act_ask(caller, engine, CALL_LATER, TROUPE_S(1), 7, NULL),
                     TROUPE_OK);
    ck_assert_uint_eq(caller->count, 0);
    post(engine, CALL_NOW, 0);
    settle();
    ck_assert_uint_eq(heard_last(caller)->tag, 7);
    ck_assert_int_eq(heard_last(caller)->status, TROUPE_EACCESS);
    end();
}
END_TEST

static troupe_status tell_self(troupe_self *self, void *argument)
{
    troupe_id me = troupe_self_id(self);
    troupe_msg *msg = NULL;

    (void)argument;
    ck_assert_int_eq(troupe_msg_new(CALL_TELL, sizeof(me), &msg), TROUPE_OK);
    memcpy(troupe_msg_body(msg), &me, sizeof(me));
    troupe_msg_set_tag(msg, 42);
    return troupe_tell(self, engine, &msg);
}

START_TEST(the_engine_may_tell_actors)
{
    begin(_i);
    struct probe *caller = probe_new();
    ck_assert_int_eq(act(caller, tell_self, NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_last(caller)->kind, KIND_C);
    ck_assert_uint_eq(heard_last(caller)->tag, 42);
    ck_assert(troupe_id_equal(heard_last(caller)->from, engine));
    end();
}
END_TEST

struct nest {
    uint64_t depth;
};

static troupe_status ask_nested(troupe_self *self, void *argument)
{
    const struct nest *nest = argument;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(CALL_NESTED, 0, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, nest->depth);
    return troupe_ask(self, engine, &msg, TROUPE_S(1), 0, NULL);
}

/* What a call says that nests `depth` deep. */
static const struct heard *nest(struct probe *caller, uint64_t depth)
{
    struct nest wanted = {depth};

    ck_assert_int_eq(act(caller, ask_nested, &wanted), TROUPE_OK);
    return heard_last(caller);
}

START_TEST(a_call_inside_a_call_runs_at_once_to_a_limit)
{
    begin(_i);
    struct probe *caller = probe_new();
    ck_assert_uint_eq(nest(caller, 0)->kind, KIND_B);
    ck_assert_uint_eq(nest(caller, 5)->kind, KIND_B);
    ck_assert_int_eq(nest(caller, 100)->status, TROUPE_ELIMIT);
    ck_assert_uint_eq(nest(caller, 1)->kind, KIND_B);
    end();
}
END_TEST

/* ---- the queue ---- */

struct plan {
    unsigned calls, accepted;
    troupe_status last;
    troupe_future first;
};

/* In one turn, so that nothing runs meanwhile. */
static troupe_status ask_many(troupe_self *self, void *argument)
{
    struct plan *plan = argument;

    for (unsigned i = 0; i < plan->calls; i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(CALL_NOTE, 0, &msg), TROUPE_OK);
        troupe_msg_set_tag(msg, i);
        plan->last = troupe_ask(self, engine, &msg, TROUPE_S(1), i,
                                plan->accepted == 0 ? &plan->first : NULL);
        plan->accepted += plan->last == TROUPE_OK;
        troupe_msg_free(&msg);
    }
    return TROUPE_OK;
}

START_TEST(a_full_queue_refuses_and_the_message_stays)
{
    struct plan plan = {.calls = 10};

    begin_with(_i, 4);
    struct probe *caller = probe_new();
    ck_assert_int_eq(act(caller, ask_many, &plan), TROUPE_OK);
    ck_assert_uint_eq(plan.accepted, 4);
    ck_assert_int_eq(plan.last, TROUPE_EBUSY);
    ck_assert_uint_eq(heard_count(caller, TROUPE_KIND_DONE), 4);
    troupe_engine_stats counted = engine_stats();
    ck_assert_uint_eq(counted.refused, 6);
    ck_assert_uint_eq(counted.queued_max, 4);
    plan = (struct plan){.calls = 4};
    ck_assert_int_eq(act(caller, ask_many, &plan), TROUPE_OK);
    ck_assert_uint_eq(plan.accepted, 4);
    for (unsigned i = 0; i < 6; i++) { /* from outside the bound is the same */
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(CALL_NOTE, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_post(sim, engine, &msg),
                         i < 4 ? TROUPE_OK : TROUPE_EBUSY);
        ck_assert((msg == NULL) == (i < 4));
        troupe_msg_free(&msg);
    }
    settle();
    ck_assert_uint_eq(engine_stats().queued, 0);
    end();
}
END_TEST

static troupe_status ask_and_cancel(troupe_self *self, void *argument)
{
    struct plan *plan = argument;

    (void)ask_many(self, plan);
    return troupe_future_cancel(self, plan->first);
}

START_TEST(a_cancelled_call_in_the_queue_does_not_run)
{
    struct plan plan = {.calls = 3};

    begin(_i);
    struct probe *caller = probe_new();
    ck_assert_int_eq(act(caller, ask_and_cancel, &plan), TROUPE_OK);
    ck_assert_int_eq(heard_nth(caller, TROUPE_KIND_FAILURE, 0)->status, TROUPE_ECANCELED);
    ck_assert_uint_eq(played.count, 2);
    ck_assert_uint_eq(played.notes[0], 1);
    troupe_engine_stats counted = engine_stats();
    ck_assert_uint_eq(counted.cancelled, 1);
    ck_assert_uint_eq(counted.queued, 0);
    end();
}
END_TEST

static void post_call(troupe_kind kind, uint64_t tag, bool urgent)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(kind, 0, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, tag);
    troupe_msg_set_urgent(msg, urgent);
    ck_assert_int_eq(troupe_post(sim, engine, &msg), TROUPE_OK);
}

static void post_note(uint64_t tag, bool urgent)
{
    post_call(CALL_NOTE, tag, urgent);
}

START_TEST(urgent_calls_run_first_in_their_own_order)
{
    begin(_i);
    post_note(1, false);
    post_note(2, true);
    post_note(3, false);
    post_note(4, true);
    settle();
    ck_assert_uint_eq(played.count, 4);
    ck_assert_uint_eq(played.notes[0], 2);
    ck_assert_uint_eq(played.notes[1], 4);
    ck_assert_uint_eq(played.notes[2], 1);
    ck_assert_uint_eq(played.notes[3], 3);
    end();
}
END_TEST

START_TEST(settle_is_called_when_the_queue_is_empty)
{
    begin(_i);
    settle();
    played.settles = 0;
    for (uint64_t i = 0; i < 50; i++) {
        post_note(i, false);
    }
    settle();
    ck_assert_uint_eq(played.count, 50);
    ck_assert_uint_ge(played.settles, 1);
    ck_assert_uint_le(played.settles, 3);
    end();
}
END_TEST

/* ---- the end ---- */

START_TEST(a_stopped_engine_runs_what_it_has_and_closes)
{
    begin(_i);
    struct probe *watcher = probe_new();
    ck_assert_int_eq(act_watch(watcher, engine), TROUPE_OK);
    post_note(1, false);
    ck_assert_int_eq(act_stop(watcher, engine), TROUPE_OK);
    ck_assert_uint_eq(played.count, 1);
    ck_assert(!played.open);
    ck_assert_int_eq(heard_nth(watcher, TROUPE_KIND_DOWN, 0)->status, TROUPE_OK);
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_msg_new(CALL_NOTE, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, engine, &msg), TROUPE_ECLOSED);
    troupe_msg_free(&msg);
    ck_assert_int_eq(act_ask(watcher, engine, CALL_NOTE, TROUPE_S(1), 1, NULL),
                     TROUPE_ECLOSED);
    end();
}
END_TEST

START_TEST(closing_runs_the_queue_or_cancels_it)
{
    begin(_i);
    post_note(1, false);
    ck_assert_int_eq(troupe_engine_close(sim, engine, TROUPE_S(1)), TROUPE_OK);
    ck_assert_uint_eq(played.count, 1);
    ck_assert(!played.open);
    ck_assert_int_eq(troupe_engine_close(sim, engine, 0), TROUPE_OK);
    troupe_id before = engine;
    ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &engine), TROUPE_OK);
    ck_assert(!troupe_id_equal(before, engine));
    ck_assert_int_eq(troupe_engine_close(sim, before, 0), TROUPE_EGONE);
    post_note(2, false);
    ck_assert_int_eq(troupe_engine_close(sim, engine, 0), TROUPE_OK);
    ck_assert_uint_eq(played.count, 1);
    ck_assert_uint_eq(engine_stats().cancelled, 1);
    ck_assert_int_eq(troupe_engine_close(sim, engine, -1), TROUPE_EINVAL);
    end();
}
END_TEST

START_TEST(many_engines_one_after_the_other_need_no_more_places)
{
    begin(_i);
    for (unsigned i = 0; i < 600; i++) {
        ck_assert_int_eq(troupe_engine_close(sim, engine, 0), TROUPE_OK);
        ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &engine), TROUPE_OK);
    }
    struct probe *caller = probe_new();
    ck_assert_int_eq(act_ask(caller, engine, CALL_ECHO, TROUPE_S(1), 3, NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_last(caller)->kind, KIND_A);
    end();
}
END_TEST

START_TEST(an_engine_that_ends_itself_answers_what_is_left)
{
    struct plan plan = {.calls = 3};

    begin(_i);
    struct probe *caller = probe_new();
    struct probe *watcher = probe_new();
    ck_assert_int_eq(act_watch(watcher, engine), TROUPE_OK);
    post_call(CALL_GO_AWAY, 0, false);
    ck_assert_int_eq(act(caller, ask_many, &plan), TROUPE_OK);
    ck_assert_int_eq(heard_nth(watcher, TROUPE_KIND_DOWN, 0)->status, TROUPE_ELOST);
    ck_assert_uint_eq(heard_count(caller, TROUPE_KIND_FAILURE), 3);
    ck_assert_int_eq(heard_last(caller)->status, TROUPE_EGONE);
    ck_assert(!played.open);
    end();
}
END_TEST

START_TEST(shutdown_lets_the_queue_run_and_closes_the_engine)
{
    begin(_i);
    for (uint64_t i = 0; i < 10; i++) {
        post_note(i, false);
    }
    troupe_system_shutdown(sim, TROUPE_S(5));
    settle();
    ck_assert_uint_eq(played.count, 10);
    ck_assert(!played.open);
    end();
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_singleton_is_opened_once_until_it_is_closed)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_id one, two;

    memset(&played, 0, sizeof(played));
    sim_begin(_i);
    options.name = "one";
    ck_assert_int_eq(troupe_engine_open(sim, &single, &options, &one), TROUPE_OK);
    options.name = "two";
    ck_assert_int_eq(troupe_engine_open(sim, &single, &options, &two), TROUPE_EEXIST);
    ck_assert_int_eq(troupe_engine_close(sim, one, 0), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sim, &single, &options, &two), TROUPE_OK);
    end();
}
END_TEST

START_TEST(a_wrong_vtable_or_a_failing_open_leaves_nothing)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_engine_ops wrong = player;
    troupe_id id = {1};

    memset(&played, 0, sizeof(played));
    sim_begin(_i);
    wrong.version = 99;
    ck_assert_int_eq(troupe_engine_open(sim, &wrong, NULL, &id), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_engine_open(sim, NULL, NULL, &id), TROUPE_EINVAL);
    options.queue_limit = UINT32_MAX;
    ck_assert_int_eq(troupe_engine_open(sim, &player, &options, &id), TROUPE_EINVAL);
    played.open_with = TROUPE_EACCESS;
    ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &id), TROUPE_EACCESS);
    ck_assert_uint_eq(id.bits, 1);
    played.open_with = TROUPE_OK;
    ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &id), TROUPE_OK);
    troupe_system_shutdown(sim, 0);
    settle();
    ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &id), TROUPE_ECLOSED);
    end();
}
END_TEST

START_TEST(every_failing_allocation_of_open_leaves_nothing)
{
    bool happened = true;

    for (uint64_t n = 1; happened; n++) {
        troupe_id id = {0};
        memset(&played, 0, sizeof(played));
        sim_begin(0);
        trp_fail_nth(n);
        troupe_status status = troupe_engine_open(sim, &player, NULL, &id);
        happened = trp_fail_happened();
        ck_assert_int_eq(status, happened ? TROUPE_ENOMEM : TROUPE_OK);
        ck_assert_uint_eq(played.opens, !happened);
        ck_assert_int_eq(troupe_engine_open(sim, &player, NULL, &id),
                         happened ? TROUPE_OK : TROUPE_EEXIST);
        end();
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

struct torture {
    uint64_t nth;
    unsigned asked;
};

static troupe_status ask_all(troupe_self *self, void *argument)
{
    static const troupe_kind kinds[] = {CALL_NOTE, CALL_ECHO, CALL_EXPLAIN, CALL_TAKE,
                                        CALL_FAIL};
    struct torture *torture = argument;

    trp_fail_nth(torture->nth);
    for (unsigned i = 0; i < TRP_COUNT(kinds); i++) {
        troupe_msg *msg = NULL;
        if (troupe_msg_new(kinds[i], 0, &msg) != TROUPE_OK) {
            continue;
        }
        troupe_msg_set_tag(msg, (uint64_t)TROUPE_ELOST);
        torture->asked +=
            troupe_ask(self, engine, &msg, TROUPE_S(1), i, NULL) == TROUPE_OK;
        troupe_msg_free(&msg);
    }
    return TROUPE_OK;
}

START_TEST(every_call_is_answered_whichever_allocation_fails)
{
    bool happened = true;

    for (uint64_t n = 1; happened; n++) {
        struct torture torture = {.nth = n};
        begin(0);
        struct probe *caller = probe_new();
        post(caller->id, KIND_A, 0); /* so that it has room to remember */
        settle();
        forget(caller);
        ck_assert_int_eq(act(caller, ask_all, &torture), TROUPE_OK);
        happened = trp_fail_happened();
        run_for(TROUPE_S(2));
        ck_assert_uint_eq(caller->count, torture.asked);
        ck_assert_int_eq(act_ask(caller, engine, CALL_ECHO, TROUPE_S(1), 9, NULL),
                         TROUPE_OK);
        ck_assert_uint_eq(heard_last(caller)->kind, KIND_A);
        end();
        ck_assert_uint_lt(n, 200);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("engine");
    TCase *tcase = tcase_create("simulated");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, calls_of_one_caller_run_in_order_and_are_answered);
    ADD(tcase, an_engine_is_found_by_its_name_and_told_its_config);
    ADD(tcase, a_failing_call_is_an_answer_and_the_engine_goes_on);
    ADD(tcase, a_call_can_be_answered_later);
    ADD(tcase, the_engine_may_tell_actors);
    ADD(tcase, a_call_inside_a_call_runs_at_once_to_a_limit);
    ADD(tcase, a_full_queue_refuses_and_the_message_stays);
    ADD(tcase, a_cancelled_call_in_the_queue_does_not_run);
    ADD(tcase, urgent_calls_run_first_in_their_own_order);
    ADD(tcase, settle_is_called_when_the_queue_is_empty);
    ADD(tcase, a_stopped_engine_runs_what_it_has_and_closes);
    ADD(tcase, closing_runs_the_queue_or_cancels_it);
    ADD(tcase, many_engines_one_after_the_other_need_no_more_places);
    ADD(tcase, an_engine_that_ends_itself_answers_what_is_left);
    ADD(tcase, shutdown_lets_the_queue_run_and_closes_the_engine);
    ADD(tcase, a_singleton_is_opened_once_until_it_is_closed);
    ADD(tcase, a_wrong_vtable_or_a_failing_open_leaves_nothing);
    tcase_add_test(tcase, every_failing_allocation_of_open_leaves_nothing);
    tcase_add_test(tcase, every_call_is_answered_whichever_allocation_fails);
    suite_add_tcase(suite, tcase);
    return suite;
}
