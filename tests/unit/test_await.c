/* SPDX-License-Identifier: MIT
 * Foreign threads that wait for actors of a system which runs on its own threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <troupe/future.h>
#include <troupe/system.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

enum {
    KIND_DOUBLE = TROUPE_KIND_USER, /* body: uint64_t; answered twice as large */
    KIND_REFUSE,
    KIND_MUTE,    /* never answered */
    KIND_RELEASE, /* answers the mute ones */
    KIND_CALL_HERE,
    KIND_END
};

static troupe_system *sys;
static troupe_id server;

struct state {
    troupe_id waiting;
};

static troupe_status answer(troupe_self *self, troupe_id to, uint64_t value)
{
    troupe_msg *msg = NULL;

    troupe_status status = troupe_msg_new(KIND_DOUBLE, sizeof(value), &msg);
    if (status == TROUPE_OK) {
        memcpy(troupe_msg_body(msg), &value, sizeof(value));
        status = troupe_reply_to(self, to, &msg);
        troupe_msg_free(&msg);
    }
    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

/* A base that waits would wait for itself. */
static uint64_t try_to_wait(troupe_self *self)
{
    troupe_msg *msg = NULL;
    troupe_msg *out = NULL;

    if (troupe_msg_new(KIND_DOUBLE, 8, &msg) != TROUPE_OK) {
        return 0;
    }
    troupe_status status = troupe_call(troupe_self_system(self), troupe_self_id(self),
                                       &msg, TROUPE_NEVER, &out, NULL);
    troupe_msg_free(&msg);
    return status == TROUPE_EDEADLK;
}

static troupe_status serve(troupe_self *self, void *memory, troupe_msg **msg)
{
    struct state *state = memory;
    troupe_id from = troupe_msg_from(*msg);
    uint64_t value = 0;

    switch (troupe_msg_kind(*msg)) {
    case KIND_DOUBLE:
        memcpy(&value, troupe_msg_body(*msg), sizeof(value));
        return answer(self, from, value * 2);
    case KIND_REFUSE:
        return troupe_fail(self, from, TROUPE_EACCESS, "not for %d", 7);
    case KIND_MUTE:
        state->waiting = from;
        return TROUPE_OK;
    case KIND_RELEASE:
        (void)answer(self, state->waiting, 77);
        return answer(self, from, 0);
    case KIND_CALL_HERE:
        return answer(self, from, try_to_wait(self));
    case KIND_END:
        return TROUPE_ELOST;
    default:
        return TROUPE_OK;
    }
}

static const troupe_behavior behavior = {
    .name = "server", .state_size = sizeof(struct state), .receive = serve};

static void begin(void)
{
    troupe_options options = TROUPE_OPTIONS;

    options.trace = "off";
    ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    ck_assert_int_eq(troupe_system_spawn(sys, &behavior, NULL, NULL, &server), TROUPE_OK);
}

static void end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(5));
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    troupe_system_free(&sys);
}

static troupe_msg *request(troupe_kind kind, uint64_t value)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(kind, sizeof(value), &msg), TROUPE_OK);
    memcpy(troupe_msg_body(msg), &value, sizeof(value));
    return msg;
}

static troupe_status call(troupe_kind kind, uint64_t value, uint64_t *out)
{
    troupe_msg *msg = request(kind, value);
    troupe_msg *got = NULL;

    troupe_status status = troupe_call(sys, server, &msg, TROUPE_NEVER, &got, NULL);
    if (status == TROUPE_OK) {
        memcpy(out, troupe_msg_body(got), sizeof(*out));
        troupe_msg_free(&got);
    }
    troupe_msg_free(&msg);
    return status;
}

static troupe_pending *ask(troupe_kind kind, troupe_ns timeout)
{
    troupe_msg *msg = request(kind, 1);
    troupe_pending *pending = NULL;

    ck_assert_int_eq(troupe_post_ask(sys, server, &msg, timeout, &pending), TROUPE_OK);
    ck_assert_ptr_null(msg);
    return pending;
}

static troupe_status wait_for_status(troupe_pending *pending)
{
    troupe_msg *out = NULL;

    ck_assert_int_eq(troupe_pending_wait(pending, TROUPE_NEVER, &out), TROUPE_OK);
    troupe_status status = troupe_msg_status(out);
    troupe_msg_free(&out);
    return status;
}

START_TEST(a_thread_calls_an_actor_and_gets_its_answer)
{
    uint64_t out = 0;

    begin();
    ck_assert_int_eq(call(KIND_DOUBLE, 21, &out), TROUPE_OK);
    ck_assert_uint_eq(out, 42);
    end();
}
END_TEST

START_TEST(a_failure_comes_as_its_status_and_text)
{
    troupe_msg *out = NULL;
    troupe_failure failure;

    begin();
    troupe_msg *msg = request(KIND_REFUSE, 0);
    ck_assert_int_eq(troupe_call(sys, server, &msg, TROUPE_NEVER, &out, &failure),
                     TROUPE_EACCESS);
    ck_assert_str_eq(failure.text, "not for 7");
    ck_assert_ptr_null(out);
    end();
}
END_TEST

START_TEST(a_poll_does_not_wait_and_an_answer_is_taken_once)
{
    troupe_msg *out = NULL;
    uint64_t ignored;

    begin();
    troupe_pending *pending = ask(KIND_MUTE, TROUPE_NEVER);
    ck_assert_int_eq(troupe_pending_wait(pending, 0, &out), TROUPE_ETIMEDOUT);
    ck_assert_int_eq(troupe_pending_wait(pending, 1, &out), TROUPE_ETIMEDOUT);
    ck_assert_int_eq(troupe_pending_wait(pending, -1, &out), TROUPE_EINVAL);
    ck_assert_int_eq(call(KIND_RELEASE, 0, &ignored), TROUPE_OK);
    ck_assert_int_eq(wait_for_status(pending), TROUPE_OK);
    ck_assert_int_eq(troupe_pending_wait(pending, 0, &out), TROUPE_EGONE);
    troupe_pending_free(&pending);
    ck_assert_ptr_null(pending);
    troupe_pending_free(&pending);
    end();
}
END_TEST

START_TEST(the_time_of_a_whole_call_is_limited)
{
    begin();
    troupe_pending *pending = ask(KIND_MUTE, TROUPE_MS(1));
    ck_assert_int_eq(wait_for_status(pending), TROUPE_ETIMEDOUT);
    troupe_pending_free(&pending);
    end();
}
END_TEST

START_TEST(a_cancelled_wait_gets_that_as_its_answer)
{
    uint64_t out;

    begin();
    troupe_pending *pending = ask(KIND_MUTE, TROUPE_NEVER);
    troupe_pending_cancel(pending);
    troupe_pending_cancel(pending);
    ck_assert_int_eq(wait_for_status(pending), TROUPE_ECANCELED);
    troupe_pending_free(&pending);
    ck_assert_int_eq(call(KIND_RELEASE, 0, &out), TROUPE_OK); /* too late: discarded */
    end();
}
END_TEST

START_TEST(freeing_an_unanswered_one_cancels_it)
{
    uint64_t out;

    begin();
    for (int i = 0; i < 100; i++) {
        troupe_pending *pending = ask(KIND_MUTE, TROUPE_NEVER);
        troupe_pending_free(&pending);
    }
    ck_assert_int_eq(call(KIND_RELEASE, 0, &out), TROUPE_OK);
    end();
}
END_TEST

START_TEST(a_dead_target_shows_as_a_failure)
{
    uint64_t out;

    begin();
    troupe_pending *waiting = ask(KIND_MUTE, TROUPE_NEVER);
    troupe_pending *ending = ask(KIND_END, TROUPE_NEVER);
    ck_assert_int_eq(wait_for_status(waiting), TROUPE_EGONE);
    ck_assert_int_eq(wait_for_status(ending), TROUPE_EGONE);
    troupe_pending_free(&waiting);
    troupe_pending_free(&ending);
    ck_assert_int_eq(call(KIND_DOUBLE, 1, &out), TROUPE_EGONE);
    end();
}
END_TEST

START_TEST(a_base_does_not_wait_for_itself)
{
    uint64_t out = 0;

    begin();
    ck_assert_int_eq(call(KIND_CALL_HERE, 0, &out), TROUPE_OK);
    ck_assert_uint_eq(out, 1);
    end();
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    troupe_msg *none = NULL;
    troupe_pending *pending = NULL;

    begin();
    troupe_msg *msg = request(KIND_DOUBLE, 1);
    ck_assert_int_eq(troupe_post_ask(sys, server, &none, TROUPE_S(1), &pending),
                     TROUPE_EINVAL);
    ck_assert_int_eq(troupe_post_ask(sys, server, &msg, 0, &pending), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_post_ask(sys, TROUPE_NOBODY, &msg, TROUPE_S(1), &pending),
                     TROUPE_EINVAL);
    ck_assert_ptr_nonnull(msg);
    troupe_msg_free(&msg);
    end();
}
END_TEST

START_TEST(shutdown_answers_whoever_waits)
{
    begin();
    troupe_pending *pending = ask(KIND_MUTE, TROUPE_NEVER);
    troupe_system_shutdown(sys, TROUPE_S(5));
    troupe_status status = wait_for_status(pending);
    ck_assert(status == TROUPE_ECLOSED || status == TROUPE_EGONE);
    troupe_pending_free(&pending);
    troupe_msg *msg = request(KIND_DOUBLE, 1);
    ck_assert_int_eq(troupe_post_ask(sys, server, &msg, TROUPE_S(1), &pending),
                     TROUPE_ECLOSED);
    troupe_msg_free(&msg);
    end();
}
END_TEST

/* ---- many ---- */

enum { THREADS = 8, CALLS = 300 };

static void *call_often(void *argument)
{
    uint64_t base = *(uint64_t *)argument;

    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t out = 0;
        if (call(KIND_DOUBLE, base + i, &out) != TROUPE_OK || out != (base + i) * 2) {
            *(uint64_t *)argument = UINT64_MAX;
            return NULL;
        }
    }
    return NULL;
}

START_TEST(many_threads_call_at_once_and_each_gets_its_own_answers)
{
    pthread_t threads[THREADS];
    uint64_t bases[THREADS];

    begin();
    for (uint64_t i = 0; i < THREADS; i++) {
        bases[i] = i * 1000000;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &bases[i]), 0);
    }
    for (uint64_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_uint_eq(bases[i], i * 1000000);
    }
    end();
}
END_TEST

static atomic_uint_fast64_t mortal; /* the id of an actor that is killed and replaced */

static void replace(void)
{
    troupe_id id;

    ck_assert_int_eq(troupe_system_spawn(sys, &behavior, NULL, NULL, &id), TROUPE_OK);
    atomic_store(&mortal, id.bits);
}

/* Asks at a door that is full most of the time, until the system closes. */
static void *ask_until_closed(void *argument)
{
    troupe_status status = TROUPE_OK;

    while (status != TROUPE_ECLOSED) {
        troupe_pending *pending = NULL;
        troupe_msg *msg = NULL;
        if (troupe_msg_new(KIND_MUTE, 8, &msg) != TROUPE_OK) {
            break;
        }
        status = troupe_post_ask(sys, (troupe_id){atomic_load(&mortal)}, &msg,
                                 TROUPE_NEVER, &pending);
        troupe_pending_free(&pending);
        troupe_msg_free(&msg);
    }
    return argument;
}

/* The target's end can answer an ask before the door refuses it; that answer is nobody's.
 * What it would leave, the leak check sees. */
START_TEST(an_ask_that_is_refused_while_its_target_ends_leaves_nothing)
{
    troupe_options options = TROUPE_OPTIONS;
    pthread_t threads[THREADS];

    options.trace = "off";
    options.gate_limit = 1;
    for (int round = 0; round < 50; round++) {
        ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
        ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
        replace();
        for (int i = 0; i < THREADS; i++) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_until_closed, NULL),
                             0);
        }
        for (int i = 0; i < 20; i++) {
            (void)!troupe_system_kill_actor(sys, (troupe_id){atomic_load(&mortal)});
            replace();
        }
        troupe_system_shutdown(sys, TROUPE_S(5));
        for (int i = 0; i < THREADS; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
        troupe_system_free(&sys);
    }
}
END_TEST

/* A simulated system, so that the allocation that fails is the one on the base. */
START_TEST(a_failure_without_memory_still_ends_the_wait)
{
    static const troupe_behavior deaf = {.name = "deaf"};
    troupe_options options = TROUPE_OPTIONS;

    options.simulated = true;
    for (uint64_t nth = 1; nth <= 8; nth++) {
        troupe_pending *pending = NULL;
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
        ck_assert_int_eq(troupe_system_spawn(sys, &deaf, NULL, NULL, &server), TROUPE_OK);
        ck_assert_int_eq(troupe_msg_new(KIND_MUTE, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_post_ask(sys, server, &msg, TROUPE_NEVER, &pending),
                         TROUPE_OK);
        trp_fail_nth(nth);
        (void)troupe_system_step(sys, 0);
        (void)trp_fail_happened();
        ck_assert_int_eq(troupe_pending_wait(pending, 0, &msg), TROUPE_OK);
        ck_assert_int_ne(troupe_msg_status(msg), TROUPE_OK);
        troupe_msg_free(&msg);
        troupe_pending_free(&pending);
        troupe_system_free(&sys);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("await");
    TCase *tcase = tcase_create("await");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_thread_calls_an_actor_and_gets_its_answer);
    tcase_add_test(tcase, a_failure_comes_as_its_status_and_text);
    tcase_add_test(tcase, a_poll_does_not_wait_and_an_answer_is_taken_once);
    tcase_add_test(tcase, the_time_of_a_whole_call_is_limited);
    tcase_add_test(tcase, a_cancelled_wait_gets_that_as_its_answer);
    tcase_add_test(tcase, freeing_an_unanswered_one_cancels_it);
    tcase_add_test(tcase, a_dead_target_shows_as_a_failure);
    tcase_add_test(tcase, a_base_does_not_wait_for_itself);
    tcase_add_test(tcase, what_makes_no_sense_is_refused);
    tcase_add_test(tcase, shutdown_answers_whoever_waits);
    tcase_add_test(tcase, many_threads_call_at_once_and_each_gets_its_own_answers);
    tcase_add_test(tcase, an_ask_that_is_refused_while_its_target_ends_leaves_nothing);
    tcase_add_test(tcase, a_failure_without_memory_still_ends_the_wait);
    suite_add_tcase(suite, tcase);
    return suite;
}
