/* SPDX-License-Identifier: MIT
 * test_q_connection_raw.c - raw connections: polling, and being a server. */
#include <string.h>

#include "tests/system/q_conn.h"

static troupe_q_connection *conn_raw(troupe_ns timeout)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.timeout = timeout;
    options.connection_timeout = TROUPE_S(60);
    return conn_open(options);
}

static troupe_q_value *receive(troupe_q_connection *conn, int64_t amount)
{
    troupe_q_value *value = NULL;

    troupe_status status = troupe_q_connection_poll_recv(conn, amount, &value, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s", failure.text);
    return value;
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
    ck_assert_ptr_null(receive(raw, 1));
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
    ck_assert_ptr_null(receive(raw, 2));
    ck_assert(troupe_q_future_done(futures[1]));
    ck_assert(!troupe_q_future_done(futures[2]));
    send(raw, 0); /* all that are queued */
    ck_assert_ptr_null(receive(raw, 2));
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
    ck_assert_ptr_null(receive(raw, -1)); /* negative: none */
    ck_assert(!troupe_q_future_done(first));
    ck_assert_ptr_null(receive(raw, 1));
    ck_assert(troupe_q_future_done(first));
    ck_assert(!troupe_q_future_done(second));
    ck_assert_ptr_null(receive(raw, 1));
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
    ck_assert_ptr_null(receive(raw, 0));
    for (int i = 0; i < 3; i++) {
        ck_assert(troupe_q_future_done(futures[i]));
        conn_ends(&futures[i], "7");
    }
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_without_a_timeout_does_not_wait)
{
    troupe_q_connection *raw = conn_raw(0);

    ck_assert_ptr_null(receive(raw, 1));
    ck_assert_ptr_null(receive(raw, 0));
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(poll_recv_without_pending_calls_gives_the_last_object)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *future = call_without(raw, "h:.z.w;neg[h]`one;neg[h]`two");

    send(raw, 0);
    conn_ends(&future, "`one"); /* it was pending: the next message ends it */
    conn_is(receive(raw, 1), "`two");
    future = conn_call(raw, "neg[h]`three;neg[h]`four;`answer");
    send(raw, 0);
    ck_assert_ptr_null(receive(raw, 1)); /* whatever its type */
    conn_ends(&future, "`three");
    conn_is(receive(raw, 2), "`answer");
    troupe_q_connection_free(&raw);
}
END_TEST

START_TEST(errors_are_in_the_future_or_raised_when_none_is_pending)
{
    troupe_q_connection *raw = conn_raw(TROUPE_S(60));
    troupe_q_future *future = conn_call(raw, "1+`a");
    troupe_q_value *value = NULL;

    send(raw, 0);
    ck_assert_ptr_null(receive(raw, 1));
    conn_fails(&future, TROUPE_EREMOTE);
    future = conn_call(raw, "neg[.z.w]`first;1+`a");
    send(raw, 0);
    ck_assert_ptr_null(receive(raw, 1));
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
    conn_is(receive(raw, 1), "`answer");
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

/* ---- server ---- */

static troupe_q_connection *open_server(troupe_id evaluator)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.as_server = true;
    options.port = 0;
    options.engine = evaluator;
    options.timeout = TROUPE_MS(10); /* of a poll with nothing to do */
    return conn_open(options);
}

/* An actor's client, which logs in while the test polls. */
static troupe_pending *ask(troupe_q_connection *server, troupe_q *q, const char *text,
                           troupe_kind kind)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_pending *pending = NULL;
    troupe_q_value *query = NULL;
    troupe_msg *msg = NULL;

    if (q->id.bits == 0) {
        options.host = "127.0.0.1";
        options.port = troupe_q_connection_port(server);
        options.username = "joe";
        options.password = "secret";
        OK(troupe_q_open(sys, &options, q));
    }
    OK(troupe_q_query(text, 0, NULL, &query));
    OK(troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, &msg));
    troupe_msg_set_kind(msg, kind);
    OK(troupe_post_ask(sys, q->id, &msg, TROUPE_S(60), &pending));
    return pending;
}

/* Polls until there is an answer. */
static troupe_msg *serve(troupe_q_connection *server, troupe_pending **pending,
                         int64_t amount)
{
    troupe_msg *answer = NULL;

    while (troupe_pending_wait(*pending, 0, &answer) != TROUPE_OK) {
        ck_assert_ptr_null(receive(server, amount));
    }
    troupe_pending_free(pending);
    return answer;
}

static void serve_is(troupe_q_connection *server, troupe_pending *pending,
                     const char *text)
{
    troupe_msg *answer = serve(server, &pending, 0);

    ck_assert_int_eq(troupe_msg_status(answer), TROUPE_OK);
    conn_is(troupe_q_take(answer), text);
    troupe_msg_free(&answer);
}

static void serve_fails(troupe_q_connection *server, troupe_pending *pending,
                        troupe_status status, const char *text)
{
    troupe_msg *answer = serve(server, &pending, 0);

    ck_assert_int_eq(troupe_msg_status(answer), status);
    if (text != NULL) {
        ck_assert_str_eq(troupe_msg_failure(answer)->text, text);
    }
    troupe_msg_free(&answer);
}

START_TEST(as_server_evaluates_by_default)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q q = {{0}};

    serve_is(server, ask(server, &q, "6*7", TROUPE_KIND_Q_SYNC), "42");
    serve_fails(server, ask(server, &q, "1+`a", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE,
                "type");
    serve_is(server, ask(server, &q, ".z.u", TROUPE_KIND_Q_SYNC), "`joe");
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(handlers_of_the_engines_q_are_used)
{
    troupe_q_connection *server = open_server(engine), *other = conn_sync();
    troupe_q q = {{0}};

    conn_asks(other, ".z.pg:{(`got;x)};.z.pw:{[u;p](u=`joe)and p~\"secret\"};1", "1");
    /* `other` is logged in already; its server has the same engine. */
    serve_is(server, ask(server, &q, "abc", TROUPE_KIND_Q_SYNC), "(`got;\"abc\")");
    troupe_q_connection_free(&other);
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_status answer_length(void *context, const troupe_q_event *event,
                                   troupe_q_value **answer)
{
    (*(int *)context)++;
    ck_assert_int_eq(event->event, TROUPE_EMBEDQ_SYNC);
    return troupe_q_long((int64_t)troupe_q_count(event->value), answer);
}

static troupe_status answer_error(void *context, const troupe_q_event *event,
                                  troupe_q_value **answer)
{
    (void)context, (void)event;
    return troupe_q_error("mine", TROUPE_Q_Z, answer);
}

static troupe_status keep(void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    troupe_q_value **kept = context;

    (void)answer;
    troupe_q_unref(kept);
    *kept = troupe_q_ref(event->value);
    return TROUPE_OK;
}

START_TEST(handlers_pg_and_ps_get_sync_and_async_messages)
{
    troupe_q_connection *server = open_server(TROUPE_NOBODY);
    troupe_q_value *kept = NULL;
    troupe_q q = {{0}};
    int asked = 0;

    serve_fails(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE, "nyi");
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_length, &asked));
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_ASYNC, keep, &kept));
    serve_is(server, ask(server, &q, "abcd", TROUPE_KIND_Q_SYNC), "4");
    ck_assert_int_eq(asked, 1);
    troupe_pending *sent = ask(server, &q, "told", TROUPE_KIND_Q_ASYNC);
    while (kept == NULL) {
        ck_assert_ptr_null(receive(server, 1));
    }
    conn_is(kept, "\"told\"");
    troupe_pending_free(&sent);
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_error, NULL));
    serve_fails(server, ask(server, &q, "x", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE, "mine");
    ck_assert_int_eq(
        troupe_q_connection_on(server, TROUPE_EMBEDQ_TIMER, answer_error, NULL),
        TROUPE_EINVAL);
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_status judge(void *context, const troupe_q_event *event,
                           troupe_q_value **answer)
{
    size_t size = 0;
    const char *password = troupe_q_text(event->value, &size);
    const char *right = context;

    return troupe_q_boolean(strcmp(event->user, "joe") == 0 && size == strlen(right) &&
                                memcmp(password, right, size) == 0,
                            answer);
}

START_TEST(handler_pw_judges_logins)
{
    static char right[] = "secret", wrong[] = "other";
    troupe_q_connection *server = open_server(engine);
    troupe_q in = {{0}}, out = {{0}};

    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_LOGIN, judge, right));
    serve_is(server, ask(server, &in, "1", TROUPE_KIND_Q_SYNC), "1");
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_LOGIN, judge, wrong));
    serve_fails(server, ask(server, &out, "1", TROUPE_KIND_Q_SYNC), TROUPE_EACCESS, NULL);
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(poll_recv_of_a_server_handles_at_most_as_many_messages)
{
    troupe_q_connection *server = open_server(TROUPE_NOBODY);
    troupe_pending *pending[5];
    troupe_q q = {{0}};
    int asked = 0;

    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_length, &asked));
    for (int i = 0; i < 5; i++) {
        pending[i] = ask(server, &q, "a", TROUPE_KIND_Q_SYNC);
    }
    ck_assert_ptr_null(receive(server, -1));
    ck_assert_int_eq(asked, 0);
    while (asked == 0) {
        ck_assert_ptr_null(receive(server, 1));
    }
    ck_assert_int_eq(asked, 1);
    while (asked < 4) { /* three or more serve as many */
        int before = asked;
        ck_assert_ptr_null(receive(server, 3));
        ck_assert_int_le(asked, before + 3);
    }
    while (asked < 5) {
        ck_assert_ptr_null(receive(server, 0));
    }
    for (int i = 0; i < 5; i++) {
        serve_is(server, pending[i], "1");
    }
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(poll_recv_async_of_a_server_handles_a_message_when_waited_for)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q_future *future = NULL;
    troupe_q q = {{0}};

    troupe_pending *pending = ask(server, &q, "6*7", TROUPE_KIND_Q_SYNC);
    OK(troupe_q_connection_poll_recv_async(server, &future, &failure));
    conn_ends(&future, "::");
    serve_is(server, pending, "42");
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(clean_open_connections_counts_and_sends_nothing)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q q = {{0}};
    size_t clients = 9;

    OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    ck_assert_uint_eq(clients, 0);
    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    ck_assert_uint_eq(clients, 1);
    serve_is(server, ask(server, &q, "2", TROUPE_KIND_Q_SYNC), "2"); /* and no `::` */
    OK(troupe_q_close(sys, q));
    while (clients > 0) { /* it is noticed without a message */
        ck_assert_ptr_null(receive(server, 1));
        OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    }
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(parameter_conn_gc_time_closes_clients_that_are_silent)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);
    troupe_q q = {{0}};
    size_t clients = 1;

    options.as_server = true;
    options.port = 0;
    options.engine = engine;
    options.conn_gc_time = TROUPE_MS(20);
    options.timeout = TROUPE_MS(10);
    troupe_q_connection *server = conn_open(options);
    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    while (clients > 0) {
        ck_assert_ptr_null(receive(server, 1));
        OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    }
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(closing_a_server_answers_what_was_not_polled_for)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q q = {{0}};
    troupe_msg *answer = NULL;

    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    troupe_pending *pending = ask(server, &q, "2", TROUPE_KIND_Q_SYNC);
    OK(troupe_q_connection_close(server, &failure));
    OK(troupe_pending_wait(pending, TROUPE_S(60), &answer));
    ck_assert_int_ne(troupe_msg_status(answer), TROUPE_OK);
    troupe_msg_free(&answer);
    troupe_pending_free(&pending);
    troupe_q_connection_free(&server);
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
    tcase_add_test(tcase, as_server_evaluates_by_default);
    tcase_add_test(tcase, handlers_of_the_engines_q_are_used);
    tcase_add_test(tcase, handlers_pg_and_ps_get_sync_and_async_messages);
    tcase_add_test(tcase, handler_pw_judges_logins);
    tcase_add_test(tcase, poll_recv_of_a_server_handles_at_most_as_many_messages);
    tcase_add_test(tcase, poll_recv_async_of_a_server_handles_a_message_when_waited_for);
    tcase_add_test(tcase, clean_open_connections_counts_and_sends_nothing);
    tcase_add_test(tcase, parameter_conn_gc_time_closes_clients_that_are_silent);
    tcase_add_test(tcase, closing_a_server_answers_what_was_not_polled_for);
    suite_add_tcase(suite, tcase);
    return suite;
}
