/* SPDX-License-Identifier: MIT
 * test_engine_threads.c - the engine on its thread, called by many others. */
#include "tests/system/threaded_player.h"

#include <string.h>

/* ---- many callers ---- */

static void *call_often(void *context)
{
    uint64_t caller = (uint64_t)(uintptr_t)context;

    for (uint64_t i = 0; i < CALLS; i++) {
        ck_assert_int_eq(call(CALL_COUNT, caller << 32 | i, TROUPE_NEVER), TROUPE_OK);
    }
    return NULL;
}

START_TEST(twenty_threads_call_one_at_a_time_and_each_in_order)
{
    pthread_t threads[CALLERS];
    troupe_engine_stats counted;

    begin();
    for (uintptr_t i = 0; i < CALLERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, (void *)i), 0);
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    ck_assert_int_eq(troupe_engine_stats_read(sys, engine, &counted), TROUPE_OK);
    ck_assert_uint_eq(counted.calls, CALLERS * CALLS);
    ck_assert_uint_eq(counted.queued, 0);
    ck_assert_uint_le(counted.queued_max, CALLERS);
    uint64_t sum = 0;
    for (unsigned i = 0; i < TRP_COUNT(counted.wait_histogram); i++) {
        sum += counted.wait_histogram[i];
    }
    ck_assert_uint_eq(sum, counted.calls);
    end();
    ck_assert_uint_eq(played.wrong, 0);
    ck_assert_uint_eq(played.inside_max, 1);
}
END_TEST

/* ---- interrupting ---- */

START_TEST(a_running_call_is_interrupted)
{
    begin();
    troupe_pending *pending = post_ask(CALL_SPIN, TROUPE_NEVER);
    wait_until_it_runs();
    ck_assert_int_eq(troupe_engine_interrupt(sys, engine), TROUPE_OK);
    ck_assert_int_eq(outcome(&pending), TROUPE_ECANCELED);
    ck_assert_int_eq(troupe_engine_interrupt(sys, engine), TROUPE_OK); /* nobody runs */
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_interrupt(sys, TROUPE_NOBODY), TROUPE_EGONE);
    end();
}
END_TEST

START_TEST(cancelling_interrupts_the_call_that_runs_and_no_other)
{
    begin();
    troupe_pending *first = post_ask(CALL_SPIN, TROUPE_NEVER);
    troupe_pending *second = post_ask(CALL_SPIN, TROUPE_NEVER);
    troupe_pending *third = post_ask(CALL_ECHO, TROUPE_NEVER);
    wait_until_it_runs();
    troupe_pending_cancel(second); /* it waits in the queue */
    ck_assert_int_eq(outcome(&second), TROUPE_ECANCELED);
    troupe_pending_cancel(first);
    ck_assert_int_eq(outcome(&first), TROUPE_ECANCELED);
    ck_assert_int_eq(outcome(&third), TROUPE_OK);
    ck_assert_uint_eq(played.calls, 2);
    end();
}
END_TEST

START_TEST(no_cancel_is_missed_and_none_hits_another_call)
{
    enum { ROUNDS = 2000 };

    begin();
    for (unsigned i = 0; i < ROUNDS; i++) {
        troupe_pending *first = post_ask(CALL_POLL, TROUPE_NEVER);
        for (volatile unsigned pause = i % 64 * 16; pause != 0; pause--) {
        }
        troupe_pending_cancel(first);
        ck_assert_int_eq(outcome(&first), TROUPE_ECANCELED);
        ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
    }
    end();
}
END_TEST

START_TEST(a_call_is_given_up_at_its_deadline)
{
    begin();
    troupe_pending *running = post_ask(CALL_BLOCK, TROUPE_NEVER);
    wait_until_it_runs();
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_MS(1)), TROUPE_ETIMEDOUT);
    (void)sem_post(&played.release);
    ck_assert_int_eq(outcome(&running), TROUPE_OK);
    ck_assert_int_eq(call(CALL_SPIN, 0, TROUPE_MS(20)), TROUPE_ETIMEDOUT);
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
    end();
    ck_assert_uint_eq(played.calls, 3);
}
END_TEST

START_TEST(a_call_that_runs_longer_than_the_limit_is_interrupted)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;

    options.call_limit = TROUPE_MS(20);
    begin_with(&options);
    ck_assert_int_eq(call(CALL_SPIN, 0, TROUPE_NEVER), TROUPE_ETIMEDOUT);
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
    ck_assert_int_eq(call(CALL_SPIN, 0, TROUPE_NEVER), TROUPE_ETIMEDOUT);
    end();
}
END_TEST

/* ---- closing ---- */

START_TEST(closing_runs_what_is_queued)
{
    troupe_pending *pending[64];

    begin();
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        pending[i] = post_ask(CALL_ECHO, TROUPE_NEVER);
    }
    ck_assert_int_eq(troupe_engine_close(sys, engine, TROUPE_S(60)), TROUPE_OK);
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        ck_assert_int_eq(outcome(&pending[i]), TROUPE_OK);
    }
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_ECLOSED);
    ck_assert_int_eq(troupe_engine_close(sys, engine, 0), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sys, &player, NULL, &engine), TROUPE_OK);
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
    end();
}
END_TEST

START_TEST(closing_at_once_interrupts_and_cancels)
{
    troupe_pending *pending[64];

    begin();
    troupe_pending *running = post_ask(CALL_SPIN, TROUPE_NEVER);
    wait_until_it_runs();
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        pending[i] = post_ask(CALL_ECHO, TROUPE_NEVER);
    }
    ck_assert_int_eq(troupe_engine_close(sys, engine, 0), TROUPE_OK);
    ck_assert_int_eq(outcome(&running), TROUPE_ECANCELED);
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        ck_assert_int_eq(outcome(&pending[i]), TROUPE_ECANCELED);
    }
    end();
}
END_TEST

static void *close_it(void *context)
{
    *(troupe_status *)context = troupe_engine_close(sys, engine, TROUPE_S(60));
    return NULL;
}

START_TEST(many_threads_may_close_at_once)
{
    pthread_t threads[8];
    troupe_status statuses[TRP_COUNT(threads)];
    troupe_pending *pending[64];

    begin();
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        pending[i] = post_ask(CALL_ECHO, TROUPE_NEVER);
    }
    for (unsigned i = 0; i < TRP_COUNT(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, close_it, &statuses[i]), 0);
    }
    for (unsigned i = 0; i < TRP_COUNT(threads); i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_int_eq(statuses[i], TROUPE_OK);
    }
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        ck_assert_int_eq(outcome(&pending[i]), TROUPE_OK);
    }
    end();
}
END_TEST

START_TEST(a_call_that_does_not_return_keeps_its_thread_only)
{
    troupe_pending *pending[8];

    begin();
    ck_assert_int_eq(troupe_engine_close(sys, engine, 0), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sys, &stubborn, NULL, &engine), TROUPE_OK);
    troupe_pending *running = post_ask(CALL_BLOCK, TROUPE_NEVER);
    wait_until_it_runs();
    ck_assert_int_eq(troupe_engine_interrupt(sys, engine), TROUPE_EUNSUPPORTED);
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        pending[i] = post_ask(CALL_ECHO, TROUPE_NEVER);
    }
    ck_assert_int_eq(troupe_engine_close(sys, engine, TROUPE_MS(1)), TROUPE_ETIMEDOUT);
    ck_assert_int_eq(outcome(&running), TROUPE_ETIMEDOUT);
    for (unsigned i = 0; i < TRP_COUNT(pending); i++) {
        ck_assert_int_eq(outcome(&pending[i]), TROUPE_ECANCELED);
    }
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_ECLOSED);
    (void)sem_post(&played.release);
    ck_assert_int_eq(troupe_engine_close(sys, engine, TROUPE_S(60)), TROUPE_OK);
    end();
}
END_TEST

static sem_t freed_after;

static void stubborn_close(troupe_self *self, void *opened)
{
    (void)self;
    (void)opened;
    (void)sem_post(&freed_after);
}

START_TEST(a_system_can_be_freed_while_a_call_is_stuck)
{
    troupe_engine_ops ops = stubborn;

    ops.close = stubborn_close;
    (void)sem_init(&freed_after, 0, 0);
    begin();
    ck_assert_int_eq(troupe_engine_close(sys, engine, 0), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sys, &ops, NULL, &engine), TROUPE_OK);
    troupe_pending *running = post_ask(CALL_BLOCK, TROUPE_NEVER);
    wait_until_it_runs();
    troupe_system_shutdown(sys, 0);
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    ck_assert_int_eq(outcome(&running), TROUPE_ECLOSED);
    troupe_system_free(&sys);
    (void)sem_post(&played.release);
    while (sem_wait(&freed_after) != 0) { /* its thread frees the rest now */
    }
    (void)sem_destroy(&freed_after);
}
END_TEST

/* ---- shutdown ---- */

START_TEST(shutdown_answers_a_long_queue_within_its_deadline)
{
    static troupe_pending *pending[QUEUED];
    unsigned ran = 0, cancelled = 0;

    begin();
    troupe_pending *running = post_ask(CALL_SPIN, TROUPE_NEVER);
    wait_until_it_runs();
    for (unsigned i = 0; i < QUEUED; i++) {
        pending[i] = post_ask(CALL_ECHO, TROUPE_NEVER);
    }
    troupe_system_shutdown(sys, TROUPE_MS(50));
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    ck_assert_int_ne(outcome(&running), TROUPE_OK);
    for (unsigned i = 0; i < QUEUED; i++) {
        troupe_status status = outcome(&pending[i]);
        ran += status == TROUPE_OK;
        cancelled += status == TROUPE_ECLOSED;
    }
    ck_assert_uint_eq(ran + cancelled, QUEUED);
    troupe_system_free(&sys);
}
END_TEST

START_TEST(shutdown_with_time_runs_a_long_queue)
{
    static troupe_pending *pending[QUEUED];

    begin();
    for (unsigned i = 0; i < QUEUED; i++) {
        pending[i] = post_ask(CALL_ECHO, TROUPE_NEVER);
    }
    troupe_system_shutdown(sys, TROUPE_S(60));
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    for (unsigned i = 0; i < QUEUED; i++) {
        ck_assert_int_eq(outcome(&pending[i]), TROUPE_OK);
    }
    troupe_system_free(&sys);
}
END_TEST

START_TEST(an_engine_works_before_the_system_runs_and_ends_with_it)
{
    troupe_options options = TROUPE_OPTIONS;

    memset(&played, 0, sizeof(played));
    options.trace = "ring";
    ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sys, &player, NULL, &engine), TROUPE_OK);
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
    troupe_pending *pending = post_ask(CALL_POLL, TROUPE_NEVER);
    troupe_system_shutdown(sys, 0);
    ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_ECLOSED);
    troupe_pending_free(&pending);
    troupe_system_free(&sys);
}
END_TEST

/* ---- actors that ask ---- */

struct asker {
    unsigned answers, failures;
};

static struct asker seen;

static troupe_status asker_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (troupe_msg_kind(*msg) == KIND_GO) {
        for (uint64_t i = 0; i < 64; i++) {
            troupe_msg *question = NULL;
            ck_assert_int_eq(
                troupe_msg_new((troupe_kind)troupe_msg_tag(*msg), 0, &question),
                TROUPE_OK);
            troupe_msg_set_tag(question, i);
            ck_assert_int_eq(troupe_ask(self, engine, &question, TROUPE_NEVER, i, NULL),
                             TROUPE_OK);
        }
        return TROUPE_OK;
    }
    seen.failures += troupe_msg_status(*msg) != TROUPE_OK;
    if (++seen.answers == 64) {
        (void)sem_post(&played.running);
    }
    return TROUPE_OK;
}

static const troupe_behavior asker_behavior = {.name = "asker", .receive = asker_receive};

static void spawn_asker(troupe_kind kind)
{
    troupe_id asker;
    troupe_msg *go = NULL;

    seen = (struct asker){0};
    ck_assert_int_eq(troupe_system_spawn(sys, &asker_behavior, NULL, NULL, &asker),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_msg_new(KIND_GO, 0, &go), TROUPE_OK);
    troupe_msg_set_tag(go, kind);
    ck_assert_int_eq(troupe_post(sys, asker, &go), TROUPE_OK);
}

START_TEST(an_actor_asks_and_hears_in_order)
{
    begin();
    spawn_asker(CALL_COUNT);
    wait_until_it_runs();
    ck_assert_uint_eq(seen.failures, 0);
    ck_assert_uint_eq(played.wrong, 0);
    end();
}
END_TEST

START_TEST(actors_are_answered_when_an_engine_is_stuck)
{
    begin();
    ck_assert_int_eq(troupe_engine_close(sys, engine, 0), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sys, &stubborn, NULL, &engine), TROUPE_OK);
    spawn_asker(CALL_BLOCK);
    wait_until_it_runs();
    ck_assert_int_eq(troupe_engine_close(sys, engine, 0), TROUPE_ETIMEDOUT);
    wait_until_it_runs();
    ck_assert_uint_eq(seen.failures, 64);
    (void)sem_post(&played.release);
    ck_assert_int_eq(troupe_engine_close(sys, engine, TROUPE_S(60)), TROUPE_OK);
    end();
}
END_TEST

static void *call_until_closed(void *context)
{
    (void)context;
    while (call(CALL_ECHO, 0, TROUPE_NEVER) == TROUPE_OK) {
    }
    return NULL;
}

START_TEST(callers_and_a_closer_race_and_nobody_hangs)
{
    enum { ROUNDS = 20, RACERS = 4 };

    begin();
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_t threads[RACERS];
        for (unsigned i = 0; i < RACERS; i++) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, call_until_closed, NULL),
                             0);
        }
        ck_assert_int_eq(call(CALL_ECHO, 0, TROUPE_NEVER), TROUPE_OK);
        ck_assert_int_eq(
            troupe_engine_close(sys, engine, round % 2 == 0 ? 0 : TROUPE_S(60)),
            TROUPE_OK);
        for (unsigned i = 0; i < RACERS; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        ck_assert_int_eq(troupe_engine_open(sys, &player, NULL, &engine), TROUPE_OK);
    }
    end();
}
END_TEST

static troupe_status refuse(troupe_self *self, const void *config, void **out)
{
    (void)self, (void)config, (void)out;
    return TROUPE_EACCESS;
}

START_TEST(a_singleton_that_does_not_open_can_be_tried_again_at_once)
{
    troupe_engine_ops only = player;
    troupe_id other;

    begin();
    only.capabilities |= TROUPE_ENGINE_SINGLETON;
    only.name = "only";
    only.open = refuse;
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(troupe_engine_open(sys, &only, NULL, &other), TROUPE_EACCESS);
    }
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("engine threads");
    TCase *tcase = tcase_create("threads");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, twenty_threads_call_one_at_a_time_and_each_in_order);
    tcase_add_test(tcase, a_running_call_is_interrupted);
    tcase_add_test(tcase, cancelling_interrupts_the_call_that_runs_and_no_other);
    tcase_add_test(tcase, no_cancel_is_missed_and_none_hits_another_call);
    tcase_add_test(tcase, a_call_is_given_up_at_its_deadline);
    tcase_add_test(tcase, a_call_that_runs_longer_than_the_limit_is_interrupted);
    tcase_add_test(tcase, closing_runs_what_is_queued);
    tcase_add_test(tcase, closing_at_once_interrupts_and_cancels);
    tcase_add_test(tcase, many_threads_may_close_at_once);
    tcase_add_test(tcase, a_call_that_does_not_return_keeps_its_thread_only);
    tcase_add_test(tcase, a_system_can_be_freed_while_a_call_is_stuck);
    tcase_add_test(tcase, shutdown_answers_a_long_queue_within_its_deadline);
    tcase_add_test(tcase, shutdown_with_time_runs_a_long_queue);
    tcase_add_test(tcase, an_engine_works_before_the_system_runs_and_ends_with_it);
    tcase_add_test(tcase, an_actor_asks_and_hears_in_order);
    tcase_add_test(tcase, actors_are_answered_when_an_engine_is_stuck);
    tcase_add_test(tcase, callers_and_a_closer_race_and_nobody_hangs);
    tcase_add_test(tcase, a_singleton_that_does_not_open_can_be_tried_again_at_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
