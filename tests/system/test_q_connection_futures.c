/* SPDX-License-Identifier: MIT
 * test_q_connection_futures.c - calls that give futures; connections of one call. */
#include <stdatomic.h>
#include <string.h>

#include "tests/system/q_conn.h"

/* ---- futures ---- */

START_TEST(a_future_waited_for_before_an_older_one_is_fine)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_future *first = conn_call(conn, "1"), *second = conn_call(conn, "2");

    conn_ends(&second, "2");
    ck_assert(troupe_q_future_done(first));
    conn_ends(&first, "1");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(an_error_is_the_exception_of_its_future_alone)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_future *first = conn_call(conn, "1+`a"), *second = conn_call(conn, "2");

    conn_fails(&first, TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text, "type");
    conn_ends(&second, "2");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(async_wait_false_is_resolved_with_the_null_and_not_queued)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *nothing = NULL;

    request.text = "b:7";
    request.wait = TROUPE_Q_NO;
    OK(troupe_q_connection_call_async(conn, &request, &nothing, NULL, &failure));
    ck_assert(troupe_q_future_done(nothing));
    conn_ends(&nothing, "::");
    troupe_q_future *future = conn_call(conn, "b");
    conn_ends(&future, "7");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(the_answer_of_a_cancelled_call_is_dropped_in_its_place)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_future *first = conn_call(conn, "1"), *second = conn_call(conn, "2"),
                    *third = conn_call(conn, "3");

    (void)troupe_q_future_cancel(second, NULL);
    conn_ends(&third, "3");
    conn_ends(&first, "1");
    troupe_q_future_unref(&second);
    troupe_q_connection_free(&conn);
}
END_TEST

static atomic_int ran;

static void note(void *context, troupe_q_future *future)
{
    (void)context;
    ck_assert(troupe_q_future_done(future));
    (void)atomic_fetch_add(&ran, 1);
}

START_TEST(callbacks_of_a_call_run_when_its_answer_comes)
{
    troupe_q_connection *conn = conn_async();

    for (int i = 0; i < 10; i++) {
        troupe_q_future *future = conn_call(conn, "1");
        OK(troupe_q_future_add_done_callback(future, note, NULL));
        troupe_q_future_unref(&future); /* it is not needed any more */
    }
    OK(troupe_q_connection_close(conn, &failure));
    ck_assert_int_eq(atomic_load(&ran), 10);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(futures_outlive_their_connection_and_system)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_future *future = conn_call(conn, "1");

    troupe_q_connection_free(&conn);
    conn_end();
    conn_ends(&future, "1");
    conn_begin();
}
END_TEST

START_TEST(shutting_down_ends_the_futures_that_wait)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_future *futures[64];

    for (int i = 0; i < 64; i++) {
        futures[i] = conn_call(conn, "sum til 10000");
    }
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *late = NULL;
    troupe_system_shutdown(sys, 0);
    for (int i = 0; i < 64; i++) { /* with its answer, or with why not */
        ck_assert_int_ne(troupe_q_future_wait(futures[i], TROUPE_S(60), NULL, NULL),
                         TROUPE_EAGAIN);
        troupe_q_future_unref(&futures[i]);
    }
    request.text = "1";
    ck_assert_int_eq(
        troupe_q_connection_call_async(conn, &request, &late, NULL, &failure),
        TROUPE_ECLOSED);
    ck_assert_str_eq(failure.text, "Attempted to use a closed IPC connection");
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- reuse ---- */

START_TEST(reuse_false_opens_a_connection_of_its_own_and_closes_it)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *own = NULL, *other = NULL;

    conn_asks(conn, "gone:`int$();.z.pc:{gone::gone,x};1", "1");
    troupe_q_future *future = NULL, *mine = conn_call(conn, ".z.w");
    OK(troupe_q_future_wait(mine, TROUPE_S(60), &own, &failure));
    request.text = ".z.w";
    request.reuse = false;
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    OK(troupe_q_future_wait(future, TROUPE_S(60), &other, &failure));
    ck_assert(!troupe_q_match(own, other));
    troupe_q_unref(&own);
    troupe_q_future_unref(&future);
    troupe_q_future_unref(&mine);
    for (size_t gone = 0; gone == 0;) { /* nobody but the other */
        OK(troupe_q_connection_query(conn, "gone", 0, NULL, &own, &failure));
        gone = troupe_q_count(own);
        ck_assert(gone == 0 || *(const int32_t *)troupe_q_data(own) ==
                                   *(const int32_t *)troupe_q_data(other));
        troupe_q_unref(&own);
    }
    troupe_q_unref(&other);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(reuse_false_of_a_sync_call_waits_for_the_answer)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;

    request.text = "6*7";
    request.reuse = false;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "42");
    request.text = "1+`a";
    ck_assert_int_eq(troupe_q_connection_call(conn, &request, NULL, &failure),
                     TROUPE_EREMOTE);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(deferred_answers_with_reuse_false_go_to_their_own_calls)
{
    troupe_q_connection *conn = conn_async(), *other = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *deferred = NULL;

    request.text = "{w::.z.w;-30!(::)}[]";
    request.reuse = false;
    OK(troupe_q_connection_call_async(conn, &request, &deferred, NULL, &failure));
    troupe_q_future *later = conn_call(conn, "`later");
    conn_ends(&later, "`later"); /* does not wait for the deferred one */
    troupe_q_value *answer = NULL;
    while (troupe_q_connection_query(other, "-30!(w;0b;`done)", 0, NULL, &answer, NULL) !=
           TROUPE_OK) { /* until the other connection is there */
    }
    troupe_q_unref(&answer);
    conn_ends(&deferred, "`done");
    troupe_q_connection_free(&conn);
    troupe_q_connection_free(&other);
}
END_TEST

START_TEST(async_response_gives_a_second_future_of_the_next_message)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *first = NULL, *second = NULL;

    request.text = "neg[.z.w]`deferred";
    request.wait = TROUPE_Q_NO;
    request.reuse = false;
    OK(troupe_q_connection_call_async(conn, &request, &first, &second, &failure));
    conn_ends(&first, "::");
    conn_ends(&second, "`deferred");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(async_response_needs_wait_false_and_reuse_false)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *first = NULL, *second = NULL;

    request.text = "1";
    ck_assert_int_eq(
        troupe_q_connection_call_async(conn, &request, &first, &second, &failure),
        TROUPE_EINVAL);
    ck_assert_str_eq(failure.text, "Cannot use async_response=True without reuse=False.");
    request.reuse = false;
    ck_assert_int_eq(
        troupe_q_connection_call_async(conn, &request, &first, &second, &failure),
        TROUPE_EINVAL);
    ck_assert_str_eq(failure.text, "Cannot use async_response=True without wait=False.");
    ck_assert_ptr_null(first);
    ck_assert_ptr_null(second);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(wait_false_and_reuse_false_sends_before_it_closes)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *nothing = NULL;
    troupe_q_value *answer = NULL;

    request.text = "c:5";
    request.wait = TROUPE_Q_NO;
    request.reuse = false;
    OK(troupe_q_connection_call_async(conn, &request, &nothing, NULL, &failure));
    conn_ends(&nothing, "::");
    while (troupe_q_connection_query(conn, "c", 0, NULL, &answer, NULL) != TROUPE_OK) {
    }
    conn_is(answer, "5");
    troupe_q_connection_free(&conn);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_futures");
    TCase *tcase = tcase_create("futures");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, conn_begin, conn_end);
    tcase_add_test(tcase, a_future_waited_for_before_an_older_one_is_fine);
    tcase_add_test(tcase, an_error_is_the_exception_of_its_future_alone);
    tcase_add_test(tcase, async_wait_false_is_resolved_with_the_null_and_not_queued);
    tcase_add_test(tcase, the_answer_of_a_cancelled_call_is_dropped_in_its_place);
    tcase_add_test(tcase, callbacks_of_a_call_run_when_its_answer_comes);
    tcase_add_test(tcase, futures_outlive_their_connection_and_system);
    tcase_add_test(tcase, shutting_down_ends_the_futures_that_wait);
    tcase_add_test(tcase, reuse_false_opens_a_connection_of_its_own_and_closes_it);
    tcase_add_test(tcase, reuse_false_of_a_sync_call_waits_for_the_answer);
    tcase_add_test(tcase, deferred_answers_with_reuse_false_go_to_their_own_calls);
    tcase_add_test(tcase, async_response_gives_a_second_future_of_the_next_message);
    tcase_add_test(tcase, async_response_needs_wait_false_and_reuse_false);
    tcase_add_test(tcase, wait_false_and_reuse_false_sends_before_it_closes);
    suite_add_tcase(suite, tcase);
    return suite;
}
