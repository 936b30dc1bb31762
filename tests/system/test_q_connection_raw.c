/* SPDX-License-Identifier: MIT
 * test_q_connection_raw.c - raw connections: polling. */
#include <string.h>

#include "tests/system/q_conn.h"

static troupe_q_connection *conn_raw(troupe_ns timeout)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.timeout = timeout;
    options.connection_timeout = TROUPE_S(60);
    return conn_open(options);
}

static void send(troupe_q_connection *conn, int64_t amount)
{
    OK(troupe_q_connection_poll_send(conn, amount, &failure));
}

static troupe_q_future *call_without(troupe_q_connection *conn, const char *query)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = query;
    request.wait = TROUPE_Q_NO;
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    return future;
}

/* ---- client ---- */

START_TEST(a_call_is_queued_until_it_is_polled_for)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60)), *other = conn_sync();
    troupe_q_future *future = conn_call(raw, "d:1");

    ck_assert_int_eq(troupe_q_connection_query(other, "d", 0, NULL, NULL, &failure),
                     TROUPE_EREMOTE);
    send(raw, 1);
    ck_assert_ptr_null(conn_receive(raw, 1));
    ck_assert(troupe_q_future_done(future));
    conn_asks(other, "d", "1");
    troupe_q_future_unref(&future);
    troupe_q_connection_free(&raw);
    troupe_q_connection_free(&other);
}
END_TEST

START_TEST(poll_send_sends_as_many_as_it_says)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *futures[4];

    for (int i = 0; i < 4; i++) {
        futures[i] = conn_call(raw, "1");
    }
    send(raw, -1); /* negative: none */
    send(raw, 2);
    ck_assert_ptr_null(conn_receive(raw, 2));
    ck_assert(troupe_q_future_done(futures[1]));
    ck_assert(!troupe_q_future_done(futures[2]));
    send(raw, 0); /* all that are queued */
    ck_assert_ptr_null(conn_receive(raw, 2));
    ck_assert(troupe_q_future_done(futures[3]));
    send(raw, 5); /* none are left, which is fine */
    for (int i = 0; i < 4; i++) {
        conn_ends(&futures[i], "1");
    }
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_takes_one_message_each_time_it_tries)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *first = conn_call(raw, "1"), *second = conn_call(raw, "2");

    send(raw, 0);
    ck_assert_ptr_null(conn_receive(raw, -1)); /* negative: none */
    ck_assert(!troupe_q_future_done(first));
    ck_assert_ptr_null(conn_receive(raw, 1));
    ck_assert(troupe_q_future_done(first));
    ck_assert(!troupe_q_future_done(second));
    ck_assert_ptr_null(conn_receive(raw, 1));
    ck_assert(troupe_q_future_done(second));
    conn_ends(&first, "1");
    conn_ends(&second, "2");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_of_zero_takes_as_many_as_are_pending)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *futures[3];

    for (int i = 0; i < 3; i++) {
        futures[i] = conn_call(raw, "7");
    }
    send(raw, 0);
    ck_assert_ptr_null(conn_receive(raw, 0));
    for (int i = 0; i < 3; i++) {
        ck_assert(troupe_q_future_done(futures[i]));
        conn_ends(&futures[i], "7");
    }
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_of_zero_takes_one_when_none_is_pending)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *future = call_without(raw, "{neg[.z.w]x}each`a`b`c`d");

    send(raw, 0);
    conn_ends(&future, "`a");
    conn_is(conn_receive(raw, 0), "`b");
    conn_is(conn_receive(raw, 0), "`c");
    conn_is(conn_receive(raw, 0), "`d");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(what_came_before_the_end_can_still_be_polled_for)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *future =
        call_without(raw, "{neg[.z.w]x}each`a`b`c;neg[.z.w](::);hclose .z.w");
    troupe_q_value *value = NULL;

    send(raw, 0);
    conn_ends(&future, "`a");
    while (!troupe_q_connection_closed(raw)) {
    }
    conn_is(conn_receive(raw, 1), "`b");
    conn_is(conn_receive(raw, 1), "`c");
    ck_assert_int_eq(troupe_q_connection_poll_recv(raw, 1, &value, &failure),
                     TROUPE_ECLOSED);
    ck_assert_ptr_null(value);
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_without_a_timeout_does_not_wait)
{
    troupe_q_connection *raw = conn_raw(0);

    ck_assert_ptr_null(conn_receive(raw, 1));
    ck_assert_ptr_null(conn_receive(raw, 0));
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_without_pending_calls_gives_the_last_object)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *future = call_without(raw, "h:.z.w;neg[h]`one;neg[h]`two");

    send(raw, 0);
    conn_ends(&future, "`one"); /* it was pending: the next message ends it */
    conn_is(conn_receive(raw, 1), "`two");
    future = conn_call(raw, "neg[h]`three;neg[h]`four;`answer");
    send(raw, 0);
    ck_assert_ptr_null(conn_receive(raw, 1)); /* whatever its type */
    conn_ends(&future, "`three");
    conn_is(conn_receive(raw, 2), "`answer");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(errors_are_in_the_future_or_raised_when_none_is_pending)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *future = conn_call(raw, "1+`a");
    troupe_q_value *value = NULL;

    send(raw, 0);
    ck_assert_ptr_null(conn_receive(raw, 1));
    conn_fails(&future, TROUPE_EREMOTE);
    future = conn_call(raw, "neg[.z.w]`first;1+`a");
    send(raw, 0);
    ck_assert_ptr_null(conn_receive(raw, 1));
    conn_ends(&future, "`first");
    ck_assert_int_eq(troupe_q_connection_poll_recv(raw, 1, &value, &failure),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text, "type");
    ck_assert_ptr_null(value);
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(waiting_for_a_future_sends_all_that_is_queued_and_receives)
{
    troupe_q_connection *raw = conn_raw(0);
    troupe_q_future *first = conn_call(raw, "1"), *second = conn_call(raw, "2");

    conn_ends(&second, "2"); /* and the first on the way */
    ck_assert(troupe_q_future_done(first));
    conn_ends(&first, "1");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_async_is_a_future_of_the_next_object)
{
    troupe_q_connection *raw = conn_raw(0);
    troupe_q_future *call = conn_call(raw, "{neg[.z.w]`pushed}[];`answer"), *next = NULL;

    send(raw, 0);
    OK(troupe_q_connection_poll_recv_async(raw, &next, &failure));
    conn_ends(&next, "`answer"); /* the call took what came first */
    ck_assert(troupe_q_future_done(call));
    conn_ends(&call, "`pushed");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_async_carries_an_error_as_its_exception)
{
    troupe_q_connection *raw = conn_raw(0);
    troupe_q_future *call = conn_call(raw, "{neg[.z.w]`pushed}[];1+`a"), *next = NULL;

    send(raw, 0);
    OK(troupe_q_connection_poll_recv_async(raw, &next, &failure));
    conn_fails(&next, TROUPE_EREMOTE);
    troupe_q_future_unref(&call);
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(a_receiver_that_was_cancelled_takes_nothing)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *call = NULL, *next = NULL;

    OK(troupe_q_connection_poll_recv_async(raw, &next, &failure));
    OK(troupe_q_future_cancel(next, NULL));
    troupe_q_future_unref(&next);
    call = conn_call(raw, "{neg[.z.w]`pushed}[];`answer");
    conn_ends(&call, "`pushed");
    conn_is(conn_receive(raw, 1), "`answer");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(the_answer_of_a_cancelled_raw_call_is_dropped_in_its_place)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *first = conn_call(raw, "1"), *second = conn_call(raw, "2");

    send(raw, 0);
    OK(troupe_q_future_cancel(first, NULL));
    conn_ends(&second, "2");
    troupe_q_future_unref(&first);
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(close_of_raw_ends_its_futures_as_lost)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    conn_end();
    options.close_limit = TROUPE_MS(10); /* it never answers what is deferred */
    conn_begin_with(options);
    troupe_q_connection *raw = conn_raw(0);
    troupe_q_future *sent = conn_call(raw, "{-30!(::)}[]"), *next = NULL;

    send(raw, 0);
    troupe_q_future *queued = conn_call(raw, "2");
    OK(troupe_q_connection_poll_recv_async(raw, &next, &failure));
    OK(troupe_q_connection_close(raw, &failure));
    conn_fails(&sent, TROUPE_ELOST);
    conn_fails(&queued, TROUPE_ELOST);
    conn_fails(&next, TROUPE_ELOST);
    ck_assert_int_eq(troupe_q_connection_poll_recv(raw, 1, NULL, &failure),
                     TROUPE_ECLOSED);
    ck_assert_str_eq(failure.text, "Attempted to use a closed IPC connection");
    ck_assert_int_eq(troupe_q_connection_poll_send(raw, 1, &failure), TROUPE_ECLOSED);
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(only_raw_connections_are_polled)
{
    troupe_q_connection *conn = conn_async(), *raw = conn_raw(0);
    troupe_q_future *future = NULL;
    size_t clients = 0;

    ck_assert_int_eq(troupe_q_connection_poll_send(conn, 1, &failure), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_poll_recv(conn, 1, NULL, &failure),
                     TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_poll_recv_async(conn, &future, &failure),
                     TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_query(raw, "1", 0, NULL, NULL, &failure),
                     TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_clean_open_connections(raw, &clients, &failure),
                     TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_on(raw, TROUPE_EMBEDQ_SYNC, NULL, NULL),
                     TROUPE_ESTATE);
    troupe_q_connection_free(&conn);
    troupe_q_connection_free(&raw);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_raw");
    TCase *tcase = tcase_create("polling");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, conn_begin, conn_end);
    tcase_add_test(tcase, a_call_is_queued_until_it_is_polled_for);
    tcase_add_test(tcase, poll_send_sends_as_many_as_it_says);
    tcase_add_test(tcase, poll_recv_takes_one_message_each_time_it_tries);
    tcase_add_test(tcase, poll_recv_of_zero_takes_as_many_as_are_pending);
    tcase_add_test(tcase, poll_recv_of_zero_takes_one_when_none_is_pending);
    tcase_add_test(tcase, what_came_before_the_end_can_still_be_polled_for);
    tcase_add_test(tcase, poll_recv_without_a_timeout_does_not_wait);
    tcase_add_test(tcase, poll_recv_without_pending_calls_gives_the_last_object);
    tcase_add_test(tcase, errors_are_in_the_future_or_raised_when_none_is_pending);
    tcase_add_test(tcase, waiting_for_a_future_sends_all_that_is_queued_and_receives);
    tcase_add_test(tcase, poll_recv_async_is_a_future_of_the_next_object);
    tcase_add_test(tcase, poll_recv_async_carries_an_error_as_its_exception);
    tcase_add_test(tcase, a_receiver_that_was_cancelled_takes_nothing);
    tcase_add_test(tcase, the_answer_of_a_cancelled_raw_call_is_dropped_in_its_place);
    tcase_add_test(tcase, close_of_raw_ends_its_futures_as_lost);
    tcase_add_test(tcase, only_raw_connections_are_polled);
    suite_add_tcase(suite, tcase);
    return suite;
}
