/* SPDX-License-Identifier: MIT
 * test_q_connection_again.c - connections that are lost, and made again. The peer is a
 * socket of the test; the connection is used by a thread of its own where it waits. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <troupe/q_connection.h>

#include "tests/system/q_faults.h"
#include "transports/q/q_codec.h"

#define CLOSED_TEXT "Attempted to use a closed IPC connection"

static troupe_failure failure;

/* ---- a thread that opens or calls ---- */

struct deed {
    pthread_t thread;
    troupe_q_connection_options options;
    troupe_q_connection *conn;
    troupe_q_request request;
    troupe_q_value *value;
    troupe_failure failure;
    troupe_status status;
};

static void *do_open(void *context)
{
    struct deed *deed = context;

    deed->status =
        troupe_q_connection_open(sys, &deed->options, &deed->conn, &deed->failure);
    if (deed->status == TROUPE_OK) {
        deed->status = troupe_q_connection_await(deed->conn, &deed->failure);
    }
    return NULL;
}

static void *do_call(void *context)
{
    struct deed *deed = context;

    deed->status = troupe_q_connection_call(deed->conn, &deed->request, &deed->value,
                                            &deed->failure);
    return NULL;
}

static struct deed call;

static void begin_call(troupe_q_connection *conn, const char *text, bool idempotent)
{
    call = (struct deed){.conn = conn, .request = TROUPE_Q_REQUEST};
    call.request.text = text;
    call.request.idempotent = idempotent;
    ck_assert_int_eq(pthread_create(&call.thread, NULL, do_call, &call), 0);
}

static troupe_status end_call(const char *text)
{
    size_t size = 0;

    ck_assert_int_eq(pthread_join(call.thread, NULL), 0);
    if (call.status == TROUPE_OK) {
        const char *bytes = troupe_q_text(call.value, &size);
        ck_assert(bytes != NULL && size == strlen(text) &&
                  memcmp(bytes, text, size) == 0);
        troupe_q_unref(&call.value);
    }
    return call.status;
}

/* ---- the peer and the connection ---- */

static atomic_int delays, ran;
static _Atomic troupe_ns asked_with;
static int listener, peer;
static uint16_t at;

static troupe_q_connection_options patient(troupe_q_kind kind)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;

    options.kind = kind;
    options.host = "127.0.0.1";
    options.port = at;
    options.reconnection_attempts = 0;
    options.reconnection_delay = TROUPE_MS(1);
    options.reconnection_delay_max = TROUPE_MS(20);
    options.close_limit = TROUPE_MS(10); /* some calls are never answered */
    return options;
}

static troupe_q_connection *open_to_peer(troupe_q_connection_options options)
{
    struct deed deed = {.options = options};

    ck_assert_int_eq(pthread_create(&deed.thread, NULL, do_open, &deed), 0);
    peer = raw_welcome(listener);
    ck_assert_int_eq(pthread_join(deed.thread, NULL), 0);
    ck_assert_msg(deed.status == TROUPE_OK, "%s", deed.failure.text);
    return deed.conn;
}

static void begin(void)
{
    faults_begin(NULL);
    listener = raw_listen(&at);
    peer = -1;
    atomic_store(&delays, 0);
    atomic_store(&ran, 0);
}

static void end(void)
{
    if (peer >= 0) {
        raw_close(&peer);
    }
    if (listener >= 0) {
        raw_close(&listener);
    }
    faults_end();
}

static troupe_q_future *call_async(troupe_q_connection *conn, const char *text)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = text;
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    return future;
}

static void ends(troupe_q_future **future, troupe_status status)
{
    ck_assert_int_eq(troupe_q_future_wait(*future, TROUPE_S(STUCK_S), NULL, &failure),
                     status);
    troupe_q_future_unref(future);
}

static void answer(const char *query, const char *text)
{
    raw_hear(peer, TRP_Q_SYNC, query);
    raw_say(peer, TRP_Q_RESPONSE, text);
}

static troupe_q_info look(troupe_q_connection *conn)
{
    troupe_q_info info;

    OK(troupe_q_connection_info(conn, &info, &failure));
    return info;
}

/* The peer goes for good; nobody calls until the attempts are used up. */
static void lose_until_down(troupe_q_connection *conn)
{
    raw_close(&listener);
    raw_reset(&peer);
    while (look(conn).phase != TROUPE_Q_DOWN) {
    }
}

/* ---- the parameters ---- */

START_TEST(parameter_reconnection_attempts_is_off_by_default)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    options.reconnection_attempts = TROUPE_Q_CONNECTION_OPTIONS.reconnection_attempts;
    ck_assert_int_eq(options.reconnection_attempts, -1);
    troupe_q_connection *conn = open_to_peer(options);
    begin_call(conn, "a", true); /* idempotent or not */
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_reset(&peer);
    ck_assert_int_eq(end_call(NULL), TROUPE_ELOST);
    ck_assert_int_eq(troupe_q_connection_query(conn, "b", 0, NULL, NULL, &failure),
                     TROUPE_ECLOSED);
    ck_assert_str_eq(failure.text, CLOSED_TEXT);
    troupe_q_connection_free(&conn);
}
END_TEST

static troupe_ns same_again(void *context, troupe_ns delay)
{
    ck_assert_ptr_eq(context, &delays);
    atomic_store(&asked_with, delay);
    (void)atomic_fetch_add(&delays, 1);
    return delay + TROUPE_MS(1);
}

START_TEST(parameter_reconnection_attempts_counts_connect_attempts)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    options.reconnection_attempts = 3;
    options.reconnection_function = same_again;
    options.reconnection_context = &delays;
    troupe_q_connection *conn = open_to_peer(options);
    lose_until_down(conn);
    ck_assert_uint_eq(look(conn).attempt, 3);
    ck_assert_int_eq(atomic_load(&delays), 1); /* two waits: the delay, and the next */
    ck_assert_int_eq(atomic_load(&asked_with), TROUPE_MS(1));
    ck_assert(!troupe_q_connection_closed(conn)); /* the next call starts over */
    ck_assert_int_eq(troupe_q_connection_query(conn, "b", 0, NULL, NULL, &failure),
                     TROUPE_EREFUSED);
    ck_assert_int_eq(atomic_load(&delays), 2);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_reconnection_attempts_of_zero_tries_without_end)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    options.reconnection_function = same_again;
    options.reconnection_context = &delays;
    troupe_q_connection *conn = open_to_peer(options);
    raw_close(&listener);
    raw_reset(&peer);
    while (atomic_load(&delays) < 5) {
        ck_assert_int_ne(look(conn).phase, TROUPE_Q_DOWN);
    }
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_reconnection_delay_and_function_make_the_waits)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    ck_assert_int_eq(TROUPE_Q_CONNECTION_OPTIONS.reconnection_delay, TROUPE_MS(500));
    options.reconnection_function = same_again;
    options.reconnection_context = &delays;
    options.reconnection_delay = TROUPE_MS(2);
    options.reconnection_attempts = 5;
    troupe_q_connection *conn = open_to_peer(options);
    lose_until_down(conn);
    ck_assert_int_eq(atomic_load(&delays), 3); /* waits of 2, 3, 4 and 5 ms */
    ck_assert_int_eq(atomic_load(&asked_with), TROUPE_MS(4));
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(the_first_connection_is_attempted_once)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_connection *conn = NULL;

    raw_close(&listener);
    ck_assert_int_eq(troupe_q_connection_open(sys, &options, &conn, &failure),
                     TROUPE_EREFUSED);
    ck_assert_ptr_null(conn);
}
END_TEST

/* ---- sync ---- */

START_TEST(sync_sends_the_same_query_again_by_default)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_SYNC_CONNECTION));

    begin_call(conn, "a", false);
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_reset(&peer);
    peer = raw_welcome(listener);
    answer("a", "A");
    OK(end_call("A"));
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(sync_sends_again_only_what_is_idempotent_when_told_so)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    options.at_least_once = false;
    troupe_q_connection *conn = open_to_peer(options);
    begin_call(conn, "a", false);
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_reset(&peer);
    peer = raw_welcome(listener);
    ck_assert_int_eq(end_call(NULL), TROUPE_ELOST);
    begin_call(conn, "b", true);
    raw_hear(peer, TRP_Q_SYNC, "b");
    raw_reset(&peer);
    peer = raw_welcome(listener);
    answer("b", "B");
    OK(end_call("B"));
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_loss_is_noticed_without_a_call)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_SYNC_CONNECTION));

    raw_reset(&peer);
    peer = raw_welcome(listener); /* nobody has called */
    begin_call(conn, "a", false);
    answer("a", "A");
    OK(end_call("A"));
    ck_assert_uint_eq(look(conn).logins, 2);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(errors_of_q_timeouts_and_arguments_do_not_reconnect)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_SYNC_CONNECTION));
    troupe_q_request request = TROUPE_Q_REQUEST;

    begin_call(conn, "a", false);
    answer("a", "'type");
    ck_assert_int_eq(end_call(NULL), TROUPE_EREMOTE);
    request.text = "b";
    request.timeout = 1;
    ck_assert_int_eq(troupe_q_connection_call(conn, &request, NULL, &failure),
                     TROUPE_ETIMEDOUT);
    request.count = 9;
    ck_assert_int_eq(troupe_q_connection_call(conn, &request, NULL, &failure),
                     TROUPE_EINVAL);
    troupe_q_info info = look(conn);
    ck_assert_uint_eq(info.logins, 1);
    ck_assert_int_eq(info.phase, TROUPE_Q_READY);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- what comes in pieces ---- */

START_TEST(a_header_in_pieces_is_a_header)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_SYNC_CONNECTION));
    uint8_t message[MESSAGE_MAX];
    size_t size = raw_message(message, TRP_Q_RESPONSE, "A");

    begin_call(conn, "a", false);
    raw_hear(peer, TRP_Q_SYNC, "a");
    for (size_t i = 0; i < size; i++) {
        raw_send(peer, message + i, 1);
    }
    OK(end_call("A"));
    ck_assert_uint_eq(look(conn).logins, 1);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(an_end_inside_a_message_is_a_lost_connection)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);
    uint8_t message[MESSAGE_MAX];
    size_t size = raw_message(message, TRP_Q_RESPONSE, "A");

    options.reconnection_attempts = -1;
    troupe_q_connection *conn = open_to_peer(options);
    begin_call(conn, "a", false);
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_send(peer, message, size - 1);
    raw_close(&peer);
    ck_assert_int_eq(end_call(NULL), TROUPE_ELOST);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_message_of_no_known_type_ends_the_connection)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    options.reconnection_attempts = -1;
    troupe_q_connection *conn = open_to_peer(options);
    begin_call(conn, "a", false);
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_say(peer, 3, "A");
    ck_assert_int_eq(end_call(NULL), TROUPE_EPROTO);
    ck_assert(raw_ends(peer));
    troupe_q_connection_free(&conn);
}
END_TEST

/* The peer takes nothing: the limit of a call is of sending too. */
START_TEST(a_query_that_cannot_be_written_ends_in_time)
{
    enum { SIZE = 32 << 20 };
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_SYNC_CONNECTION));
    troupe_q_request request = TROUPE_Q_REQUEST;

    OK(troupe_q_vector(TROUPE_Q_BYTE, SIZE, NULL, &request.query));
    request.timeout = TROUPE_MS(1);
    ck_assert_int_eq(troupe_q_connection_call(conn, &request, NULL, &failure),
                     TROUPE_ETIMEDOUT);
    ck_assert_str_eq(failure.text, "Query timed out");
    troupe_q_unref(&request.query);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- async ---- */

START_TEST(calls_made_while_it_is_made_again_end_when_that_fails)
{
    troupe_q_connection_options options = patient(TROUPE_Q_ASYNC_CONNECTION);

    options.reconnection_attempts = 2;
    troupe_q_connection *conn = open_to_peer(options);
    lose_until_down(conn);
    troupe_q_future *first = call_async(conn, "a"), *second = call_async(conn, "b");
    ends(&first, TROUPE_EREFUSED);
    ends(&second, TROUPE_EREFUSED);
    ck_assert(!troupe_q_connection_closed(conn));
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_connection_of_one_call_is_not_made_again)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_ASYNC_CONNECTION));
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = "a";
    request.reuse = false;
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    int own = raw_welcome(listener);
    raw_hear(own, TRP_Q_SYNC, "a");
    raw_reset(&own);
    ends(&future, TROUPE_ELOST);
    future = call_async(conn, "b"); /* the other one is as it was */
    answer("b", "B");
    ends(&future, TROUPE_OK);
    ck_assert_uint_eq(look(conn).logins, 1);
    troupe_q_connection_free(&conn);
}
END_TEST

static void note(void *context, troupe_q_future *future)
{
    (void)context;
    ck_assert_int_eq(troupe_q_future_exception(future, NULL), TROUPE_ELOST);
    (void)atomic_fetch_add(&ran, 1);
}

START_TEST(lost_futures_end_with_a_status_and_nothing_is_sent_again)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_ASYNC_CONNECTION));
    troupe_q_future *first = call_async(conn, "a"), *second = call_async(conn, "b");

    OK(troupe_q_future_add_done_callback(first, note, NULL));
    OK(troupe_q_future_add_done_callback(second, note, NULL));
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_hear(peer, TRP_Q_SYNC, "b");
    raw_reset(&peer);
    peer = raw_welcome(listener);
    ends(&first, TROUPE_ELOST);
    ends(&second, TROUPE_ELOST);
    troupe_q_future *third = call_async(conn, "c");
    answer("c", "C"); /* the first that comes */
    ends(&third, TROUPE_OK);
    ck_assert_int_eq(atomic_load(&ran), 2);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(async_calls_are_never_idempotent)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_ASYNC_CONNECTION));
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = "a";
    request.idempotent = true;
    ck_assert_int_eq(
        troupe_q_connection_call_async(conn, &request, &future, NULL, &failure),
        TROUPE_EINVAL);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(without_reconnection_lost_futures_end_and_the_connection_is_closed)
{
    troupe_q_connection_options options = patient(TROUPE_Q_ASYNC_CONNECTION);
    troupe_q_request request = TROUPE_Q_REQUEST;

    options.reconnection_attempts = -1;
    troupe_q_connection *conn = open_to_peer(options);
    troupe_q_future *future = call_async(conn, "a");
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_reset(&peer);
    ends(&future, TROUPE_ELOST);
    while (!troupe_q_connection_closed(conn)) { /* told right after */
    }
    request.text = "b";
    ck_assert_int_eq(
        troupe_q_connection_call_async(conn, &request, &future, NULL, &failure),
        TROUPE_ECLOSED);
    ck_assert_str_eq(failure.text, CLOSED_TEXT);
    troupe_q_connection_free(&conn);
}
END_TEST

/* Whose call was given up waits for nothing: it is closed long before close_limit. */
START_TEST(a_connection_of_one_call_ends_when_that_is_given_up)
{
    troupe_q_connection_options options = patient(TROUPE_Q_ASYNC_CONNECTION);
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    options.close_limit = TROUPE_S(10 * STUCK_S);
    troupe_q_connection *conn = open_to_peer(options);
    request.text = "a";
    request.reuse = false;
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        request.timeout = cancelled ? TROUPE_NEVER : TROUPE_MS(50);
        OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
        int own = raw_welcome(listener);
        if (cancelled) {
            raw_hear(own, TRP_Q_SYNC, "a");
            OK(troupe_q_future_cancel(future, NULL));
        }
        ends(&future, cancelled ? TROUPE_ECANCELED : TROUPE_ETIMEDOUT);
        raw_drain(own);
        raw_close(&own);
    }
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- raw ---- */

START_TEST(raw_connections_are_made_again_too)
{
    troupe_q_connection *conn = open_to_peer(patient(TROUPE_Q_RAW_CONNECTION));
    troupe_q_future *first = call_async(conn, "a"), *second = call_async(conn, "b");

    OK(troupe_q_connection_poll_send(conn, 1, &failure));
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_reset(&peer);
    peer = raw_welcome(listener);
    ends(&first, TROUPE_ELOST); /* waiting sends the second as well */
    answer("b", "B");
    ends(&second, TROUPE_OK);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(unexpected_messages_while_waiting_are_refused_or_dropped)
{
    troupe_q_connection_options options = patient(TROUPE_Q_SYNC_CONNECTION);

    options.reconnection_attempts = -1;
    troupe_q_connection *conn = open_to_peer(options);
    begin_call(conn, "a", false);
    raw_hear(peer, TRP_Q_SYNC, "a");
    raw_say(peer, TRP_Q_SYNC, "query");
    raw_hear(peer, TRP_Q_RESPONSE, "'a client connection takes no queries");
    raw_say(peer, TRP_Q_ASYNC, "push");
    raw_say(peer, TRP_Q_RESPONSE, "A");
    OK(end_call("A"));
    troupe_q_connection_free(&conn);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_again");
    TCase *tcase = tcase_create("reconnection");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, parameter_reconnection_attempts_is_off_by_default);
    tcase_add_test(tcase, parameter_reconnection_attempts_counts_connect_attempts);
    tcase_add_test(tcase, parameter_reconnection_attempts_of_zero_tries_without_end);
    tcase_add_test(tcase, parameter_reconnection_delay_and_function_make_the_waits);
    tcase_add_test(tcase, the_first_connection_is_attempted_once);
    tcase_add_test(tcase, sync_sends_the_same_query_again_by_default);
    tcase_add_test(tcase, sync_sends_again_only_what_is_idempotent_when_told_so);
    tcase_add_test(tcase, a_loss_is_noticed_without_a_call);
    tcase_add_test(tcase, errors_of_q_timeouts_and_arguments_do_not_reconnect);
    tcase_add_test(tcase, a_header_in_pieces_is_a_header);
    tcase_add_test(tcase, an_end_inside_a_message_is_a_lost_connection);
    tcase_add_test(tcase, a_message_of_no_known_type_ends_the_connection);
    tcase_add_test(tcase, a_query_that_cannot_be_written_ends_in_time);
    tcase_add_test(tcase, calls_made_while_it_is_made_again_end_when_that_fails);
    tcase_add_test(tcase, a_connection_of_one_call_is_not_made_again);
    tcase_add_test(tcase, lost_futures_end_with_a_status_and_nothing_is_sent_again);
    tcase_add_test(tcase, async_calls_are_never_idempotent);
    tcase_add_test(tcase,
                   without_reconnection_lost_futures_end_and_the_connection_is_closed);
    tcase_add_test(tcase, a_connection_of_one_call_ends_when_that_is_given_up);
    tcase_add_test(tcase, raw_connections_are_made_again_too);
    tcase_add_test(tcase, unexpected_messages_while_waiting_are_refused_or_dropped);
    suite_add_tcase(suite, tcase);
    return suite;
}
