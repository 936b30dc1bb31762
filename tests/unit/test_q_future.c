/* SPDX-License-Identifier: MIT
 * test_q_future.c - the state machine of futures of q calls. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <troupe/q_future.h>
#include <troupe/system.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static troupe_q_future *future;
static char order[64];
static troupe_failure failure;

static void begin(void)
{
    order[0] = 0;
    failure = (troupe_failure){.status = TROUPE_OK};
    OK(troupe_q_future_new(&future));
}

static void end(void)
{
    troupe_q_future_unref(&future);
}

static void note(void *context, troupe_q_future *which)
{
    size_t size = strlen(order);

    ck_assert_ptr_eq(which, future);
    ck_assert(troupe_q_future_done(which));
    (void)snprintf(order + size, sizeof(order) - size, "%s", (const char *)context);
}

static char a[] = "a", b[] = "b", c[] = "c";

static void add(char *name)
{
    OK(troupe_q_future_add_done_callback(future, note, name));
}

static void set_long(int64_t number)
{
    troupe_q_value *value = NULL;

    OK(troupe_q_long(number, &value));
    OK(troupe_q_future_set_result(future, value));
    troupe_q_unref(&value);
}

static troupe_failure lost(void)
{
    troupe_failure f = {.status = TROUPE_ELOST};

    (void)snprintf(f.text, sizeof(f.text), "Connection was lost");
    return f;
}

static int64_t result(void)
{
    troupe_q_value *value = NULL;
    int64_t number = 0;

    OK(troupe_q_future_result(future, &value, NULL));
    OK(troupe_q_get_long(value, 0, &number));
    troupe_q_unref(&value);
    return number;
}

START_TEST(a_new_future_is_pending_and_its_result_is_not_ready)
{
    troupe_q_value *value = NULL;

    ck_assert(!troupe_q_future_done(future));
    ck_assert(!troupe_q_future_cancelled(future));
    ck_assert_int_eq(troupe_q_future_result(future, &value, &failure), TROUPE_EAGAIN);
    ck_assert_str_eq(failure.text, "The result is not ready.");
    ck_assert_ptr_null(value);
    ck_assert_int_eq(troupe_q_future_exception(future, NULL), TROUPE_EAGAIN);
    ck_assert_ptr_null(troupe_q_future_backtrace(future));
}
END_TEST

START_TEST(a_result_ends_it_and_stays)
{
    set_long(7);
    ck_assert(troupe_q_future_done(future));
    ck_assert(!troupe_q_future_cancelled(future));
    ck_assert_int_eq(result(), 7);
    ck_assert_int_eq(result(), 7);
    OK(troupe_q_future_exception(future, NULL));
}
END_TEST

START_TEST(no_value_is_the_generic_null_not_no_result)
{
    troupe_q_value *value = NULL;

    OK(troupe_q_future_set_result(future, NULL));
    OK(troupe_q_future_result(future, &value, NULL));
    ck_assert_int_eq(troupe_q_type(value), TROUPE_Q_UNARY);
    ck_assert_int_eq(troupe_q_code(value), 0);
    troupe_q_unref(&value);
}
END_TEST

START_TEST(an_exception_ends_it_with_its_status_and_text)
{
    troupe_failure f = lost();

    OK(troupe_q_future_set_exception(future, &f));
    ck_assert(troupe_q_future_done(future));
    ck_assert(!troupe_q_future_cancelled(future));
    ck_assert_int_eq(troupe_q_future_result(future, NULL, &failure), TROUPE_ELOST);
    ck_assert_str_eq(failure.text, "Connection was lost");
    ck_assert_int_eq(troupe_q_future_exception(future, NULL), TROUPE_ELOST);
}
END_TEST

START_TEST(an_exception_needs_a_status)
{
    troupe_failure f = {.status = TROUPE_OK};

    ck_assert_int_eq(troupe_q_future_set_exception(future, &f), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_q_future_set_exception(future, NULL), TROUPE_EINVAL);
    ck_assert(!troupe_q_future_done(future));
}
END_TEST

START_TEST(cancel_ends_it_with_the_documented_text_and_message)
{
    OK(troupe_q_future_cancel(future, "too slow"));
    ck_assert(troupe_q_future_done(future));
    ck_assert(troupe_q_future_cancelled(future));
    ck_assert_int_eq(troupe_q_future_result(future, NULL, &failure), TROUPE_ECANCELED);
    ck_assert_str_eq(failure.text, "This QFuture instance has been cancelled and cannot "
                                   "be awaited. too slow.");
    ck_assert_int_eq(troupe_q_future_exception(future, NULL), TROUPE_ECANCELED);
}
END_TEST

START_TEST(what_ended_it_first_stays_and_the_second_is_an_error)
{
    troupe_failure f = lost();

    set_long(1);
    ck_assert_int_eq(troupe_q_future_set_result(future, NULL), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_future_set_exception(future, &f), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_future_cancel(future, NULL), TROUPE_ESTATE);
    ck_assert_int_eq(result(), 1);
    ck_assert(!troupe_q_future_cancelled(future));
}
END_TEST

START_TEST(a_result_after_cancel_is_an_error_and_changes_nothing)
{
    OK(troupe_q_future_cancel(future, NULL));
    ck_assert_int_eq(troupe_q_future_set_result(future, NULL), TROUPE_ESTATE);
    ck_assert(troupe_q_future_cancelled(future));
}
END_TEST

START_TEST(callbacks_run_once_in_order_on_a_result)
{
    add(a), add(b), add(c);
    ck_assert_str_eq(order, "");
    set_long(1);
    ck_assert_str_eq(order, "abc");
    (void)troupe_q_future_set_result(future, NULL);
    ck_assert_str_eq(order, "abc");
}
END_TEST

START_TEST(callbacks_run_on_an_exception_as_on_a_loss)
{
    troupe_failure f = lost();

    add(a), add(b), add(c);
    OK(troupe_q_future_set_exception(future, &f));
    ck_assert_str_eq(order, "abc");
}
END_TEST

START_TEST(callbacks_run_on_cancel)
{
    add(a), add(b);
    OK(troupe_q_future_cancel(future, NULL));
    ck_assert_str_eq(order, "ab");
}
END_TEST

START_TEST(a_callback_added_late_runs_at_once)
{
    set_long(1);
    add(a);
    ck_assert_str_eq(order, "a");
    add(b);
    ck_assert_str_eq(order, "ab");
}
END_TEST

static void add_another(void *context, troupe_q_future *which)
{
    note(context, which);
    add(c);
}

START_TEST(a_callback_added_by_a_callback_comes_after_all_others)
{
    OK(troupe_q_future_add_done_callback(future, add_another, a));
    add(b);
    set_long(1);
    ck_assert_str_eq(order, "abc");
}
END_TEST

START_TEST(removing_takes_all_that_are_the_same_and_says_how_many)
{
    add(a), add(b), add(a), add(c), add(a);
    ck_assert_uint_eq(troupe_q_future_remove_done_callback(future, note, a), 3);
    ck_assert_uint_eq(troupe_q_future_remove_done_callback(future, note, a), 0);
    ck_assert_uint_eq(troupe_q_future_remove_done_callback(future, note, c), 1);
    add(c);
    set_long(1);
    ck_assert_str_eq(order, "bc");
    ck_assert_uint_eq(troupe_q_future_remove_done_callback(future, note, b), 0);
}
END_TEST

START_TEST(each_future_has_callbacks_of_its_own)
{
    troupe_q_future *other = NULL;

    OK(troupe_q_future_new(&other));
    add(a);
    OK(troupe_q_future_set_result(other, NULL));
    ck_assert_str_eq(order, "");
    troupe_q_future_unref(&other);
    set_long(1);
    ck_assert_str_eq(order, "a");
}
END_TEST

START_TEST(callbacks_of_a_future_that_never_ends_do_not_run)
{
    add(a), add(b);
    troupe_q_future_unref(&future);
    ck_assert_ptr_null(future);
    ck_assert_str_eq(order, "");
}
END_TEST

START_TEST(a_callback_is_needed)
{
    ck_assert_int_eq(troupe_q_future_add_done_callback(future, NULL, NULL),
                     TROUPE_EINVAL);
}
END_TEST

START_TEST(waiting_with_a_limit_says_that_it_is_not_done)
{
    ck_assert_int_eq(troupe_q_future_wait(future, 0, NULL, &failure), TROUPE_EAGAIN);
    ck_assert_int_eq(troupe_q_future_wait(future, 1, NULL, NULL), TROUPE_EAGAIN);
    ck_assert_int_eq(troupe_q_future_wait(future, -1, NULL, NULL), TROUPE_EINVAL);
    set_long(1);
    OK(troupe_q_future_wait(future, 0, NULL, NULL));
}
END_TEST

static void *wait_for_it(void *context)
{
    troupe_q_value *value = NULL;

    (void)context;
    if (troupe_q_future_wait(future, TROUPE_NEVER, &value, NULL) != TROUPE_OK) {
        return NULL;
    }
    troupe_q_unref(&value);
    return future;
}

START_TEST(all_threads_that_wait_are_woken)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_it, NULL), 0);
    }
    set_long(1);
    for (int i = 0; i < THREADS; i++) {
        void *woken = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &woken), 0);
        ck_assert_ptr_eq(woken, future);
    }
}
END_TEST

static atomic_int calls;

static void count(void *context, troupe_q_future *which)
{
    (void)context, (void)which;
    (void)atomic_fetch_add(&calls, 1);
}

enum { EACH = 200 };

static void *add_many(void *context)
{
    for (int i = 0; i < EACH; i++) {
        if (troupe_q_future_add_done_callback(future, count, NULL) != TROUPE_OK) {
            return context;
        }
    }
    return NULL;
}

START_TEST(callbacks_added_by_many_threads_while_it_ends_all_run_once)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];

    atomic_store(&calls, 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, future), 0);
    }
    set_long(1);
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    troupe_q_future_unref(&future); /* whoever ran them has finished */
    ck_assert_int_eq(atomic_load(&calls), THREADS * EACH);
}
END_TEST

START_TEST(without_memory_there_is_no_future_and_no_callback)
{
    troupe_q_future *none = NULL;

    trp_fail_nth(1);
    ck_assert_int_eq(troupe_q_future_new(&none), TROUPE_ENOMEM);
    ck_assert_ptr_null(none);
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_q_future_add_done_callback(future, note, a), TROUPE_ENOMEM);
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_q_future_set_result(future, NULL), TROUPE_ENOMEM);
    trp_fail_nth(0);
    ck_assert(!troupe_q_future_done(future));
    set_long(1);
    ck_assert_str_eq(order, "");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_future");
    TCase *tcase = tcase_create("states");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_new_future_is_pending_and_its_result_is_not_ready);
    tcase_add_test(tcase, a_result_ends_it_and_stays);
    tcase_add_test(tcase, no_value_is_the_generic_null_not_no_result);
    tcase_add_test(tcase, an_exception_ends_it_with_its_status_and_text);
    tcase_add_test(tcase, an_exception_needs_a_status);
    tcase_add_test(tcase, cancel_ends_it_with_the_documented_text_and_message);
    tcase_add_test(tcase, what_ended_it_first_stays_and_the_second_is_an_error);
    tcase_add_test(tcase, a_result_after_cancel_is_an_error_and_changes_nothing);
    tcase_add_test(tcase, callbacks_run_once_in_order_on_a_result);
    tcase_add_test(tcase, callbacks_run_on_an_exception_as_on_a_loss);
    tcase_add_test(tcase, callbacks_run_on_cancel);
    tcase_add_test(tcase, a_callback_added_late_runs_at_once);
    tcase_add_test(tcase, a_callback_added_by_a_callback_comes_after_all_others);
    tcase_add_test(tcase, removing_takes_all_that_are_the_same_and_says_how_many);
    tcase_add_test(tcase, each_future_has_callbacks_of_its_own);
    tcase_add_test(tcase, callbacks_of_a_future_that_never_ends_do_not_run);
    tcase_add_test(tcase, a_callback_is_needed);
    tcase_add_test(tcase, waiting_with_a_limit_says_that_it_is_not_done);
    tcase_add_test(tcase, all_threads_that_wait_are_woken);
    tcase_add_test(tcase, callbacks_added_by_many_threads_while_it_ends_all_run_once);
    tcase_add_test(tcase, without_memory_there_is_no_future_and_no_callback);
    suite_add_tcase(suite, tcase);
    return suite;
}
