/* SPDX-License-Identifier: MIT
 * test_q_connection_calls.c - sending, receiving, waiting or not, futures. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/q_conn.h"

static troupe_q_value *make_long(int64_t number)
{
    troupe_q_value *value = NULL;

    OK(troupe_q_long(number, &value));
    return value;
}

static void refuses(troupe_q_connection *conn, const troupe_q_request *request,
                    troupe_status status, const char *text)
{
    troupe_q_value *value = NULL;

    ck_assert_int_eq(troupe_q_connection_call(conn, request, &value, &failure), status);
    ck_assert_str_eq(failure.text, text);
    ck_assert_ptr_null(value);
}

/* ---- sending ---- */

START_TEST(a_query_is_a_text)
{
    troupe_q_connection *conn = conn_sync();

    conn_asks(conn, "til 5", "0 1 2 3 4");
    conn_asks(conn, "", "::"); /* an empty one is one too */
    conn_asks(conn, ".z.pg:{(type x;x)};1", "1");
    conn_asks(conn, "some text", "(10h;\"some text\")"); /* it comes as a char vector */
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_query_is_any_q_value)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *items[3] = {NULL}, *answer = NULL;

    OK(troupe_q_lambda("", "{x*y}", TROUPE_Q_Z, &items[0]));
    items[1] = make_long(6);
    items[2] = make_long(7);
    request.query = items[0]; /* a function with arguments */
    request.count = 2;
    request.args = &items[1];
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "42");
    conn_asks(conn, ".z.pg:{(type x;count x;$[0=type x;type first x;0Nh];value x)};1",
              "1");
    troupe_q_value *name = NULL; /* a symbol stays one */
    OK(troupe_q_symbol("til", TROUPE_Q_Z, &name));
    request.query = name;
    request.count = 1;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "(0h;2;-11h;0 1 2 3 4 5)");
    troupe_q_unref(&name);
    troupe_q_value *list = NULL; /* a list of both */
    OK(troupe_q_list(3, items, &list));
    request.query = list;
    request.count = 0;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "(0h;3;100h;42)");
    troupe_q_unref(&list);
    for (int i = 0; i < 3; i++) {
        troupe_q_unref(&items[i]);
    }
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(what_is_no_value_cannot_be_sent)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *error = NULL, *none[1] = {NULL};

    refuses(conn, &request, TROUPE_EINVAL,
            "Cannot send object of passed type over IPC: NULL");
    request.text = "f";
    request.count = 1;
    request.args = none;
    refuses(conn, &request, TROUPE_EINVAL,
            "Cannot send object of passed type over IPC: NULL");
    OK(troupe_q_error("type", TROUPE_Q_Z, &error));
    none[0] = error;
    refuses(conn, &request, TROUPE_EINVAL,
            "Cannot send object of passed type over IPC: an error");
    troupe_q_unref(&error);
    request.size--;
    refuses(conn, &request, TROUPE_EINVAL, "the request is not of this version's size");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(eight_arguments_are_sent_and_nine_are_too_many)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *args[9], *answer = NULL;

    for (int i = 0; i < 9; i++) {
        args[i] = make_long(1);
    }
    request.text = "{[a;b;c;d;e;f;g;h]a+b+c+d+e+f+g+h}";
    request.args = args;
    request.count = 8;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "8");
    request.count = 9;
    refuses(conn, &request, TROUPE_EINVAL,
            "Too many parameters - q queries cannot have more than 8 parameters");
    for (int i = 0; i < 9; i++) {
        troupe_q_unref(&args[i]);
    }
    conn_asks(conn, "1+1", "2"); /* it is as it was */
    troupe_q_connection_free(&conn);
}
END_TEST

/* More than the sockets' buffers hold: it is written in pieces. */
START_TEST(a_large_query_is_written_in_pieces)
{
    enum { SIZE = 32 << 20 };
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *arg = NULL, *answer = NULL;

    OK(troupe_q_vector(TROUPE_Q_BYTE, SIZE, NULL, &arg));
    OK(troupe_q_connection_query(conn, "count", 1, &arg, &answer, &failure));
    conn_is(answer, "33554432");
    troupe_q_unref(&arg);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(an_error_of_q_is_its_text)
{
    troupe_q_connection *conn = conn_sync();

    ck_assert_int_eq(troupe_q_connection_query(conn, "1+`a", 0, NULL, NULL, &failure),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text, "type");
    ck_assert_int_eq(
        troupe_q_connection_query(conn, "'\"own text\"", 0, NULL, NULL, NULL),
        TROUPE_EREMOTE); /* a failure need not be wanted */
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(debug_tells_where_an_error_came_from)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *backtrace = NULL, *answer = NULL;
    size_t size = 0;

    request.text = "{x+`a}1";
    request.debug = true;
    request.backtrace = &backtrace;
    refuses(conn, &request, TROUPE_EREMOTE, "type");
    ck_assert_ptr_nonnull(backtrace);
    ck_assert_ptr_nonnull(troupe_q_text(backtrace, &size));
    ck_assert_uint_gt(size, 0);
    troupe_q_unref(&backtrace);
    request.text = "1+1"; /* and leaves results alone */
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "2");
    ck_assert_ptr_null(backtrace);
    troupe_q_value *two = make_long(2);
    request.text = "{x*21}";
    request.count = 1;
    request.args = &two;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "42");
    troupe_q_unref(&two);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(environment_pykx_qdebug_is_debug_and_skip_debug_overrides_it)
{
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *backtrace = NULL;

    ck_assert_int_eq(setenv("PYKX_QDEBUG", "true", 1), 0);
    troupe_q_connection *conn = conn_sync();
    ck_assert_int_eq(unsetenv("PYKX_QDEBUG"), 0);
    request.text = "1+`a";
    request.backtrace = &backtrace;
    request.skip_debug = true;
    refuses(conn, &request, TROUPE_EREMOTE, "type");
    ck_assert_ptr_null(backtrace);
    request.skip_debug = false;
    refuses(conn, &request, TROUPE_EREMOTE, "type");
    ck_assert_ptr_nonnull(backtrace);
    troupe_q_unref(&backtrace);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(debug_of_a_future_keeps_the_backtrace)
{
    troupe_q_connection *conn = conn_async();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;

    request.text = "1+`a";
    request.debug = true;
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    ck_assert_int_eq(troupe_q_future_wait(future, TROUPE_S(60), NULL, &failure),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text, "type");
    ck_assert_ptr_nonnull(troupe_q_future_backtrace(future));
    troupe_q_future_unref(&future);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- receiving ---- */

START_TEST(an_async_message_while_waiting_is_never_the_answer)
{
    for (int kind = TROUPE_Q_SYNC_CONNECTION; kind <= TROUPE_Q_ASYNC_CONNECTION; kind++) {
        troupe_q_connection *conn = conn_open(conn_options((troupe_q_kind)kind));
        conn_asks(conn, "{neg[.z.w]`pushed;`answer}[]", "`answer");
        troupe_q_future *future = conn_call(conn, "{neg[.z.w]`pushed;`again}[]");
        conn_ends(&future, "`again");
        troupe_q_connection_free(&conn);
    }
}
END_TEST

static troupe_status long_error(troupe_self *self, void *context,
                                const troupe_q_event *event, troupe_q_value **answer)
{
    char text[1000];

    (void)self, (void)context, (void)event;
    memset(text, 'x', sizeof(text));
    return troupe_q_error(text, sizeof(text), answer);
}

START_TEST(the_text_of_an_error_is_cut_to_what_a_failure_holds)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;

    conn_end();
    server.handlers[TROUPE_EMBEDQ_SYNC].function = long_error;
    conn_begin_with(server);
    troupe_q_connection *conn = conn_sync();
    ck_assert_int_eq(troupe_q_connection_query(conn, "1", 0, NULL, NULL, &failure),
                     TROUPE_EREMOTE);
    ck_assert_uint_eq(strlen(failure.text), TROUPE_FAILURE_TEXT - 1);
    ck_assert_uint_eq(strspn(failure.text, "x"), TROUPE_FAILURE_TEXT - 1);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- wait ---- */

START_TEST(wait_false_gives_the_null_at_once_and_errors_are_invisible)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;

    request.wait = TROUPE_Q_NO;
    conn_asks(conn, ".z.ps:{got::x;value x};1", "1"); /* it is an async message */
    request.text = "a:42";
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "::");
    conn_asks(conn, "got", "\"a:42\"");
    request.text = "1+`a";
    OK(troupe_q_connection_call(conn, &request, NULL, &failure));
    conn_asks(conn, "a", "42");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(wait_false_of_a_secure_connection_sends_and_gives_the_null)
{
    troupe_q_connection *conn = conn_open(conn_options(TROUPE_Q_SECURE_CONNECTION));
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;

    request.wait = TROUPE_Q_NO;
    request.text = "g:9";
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "::");
    conn_asks(conn, "g", "9");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(wait_of_a_call_overrides_that_of_the_constructor)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *answer = NULL;

    request.text = "1+1";
    request.wait = TROUPE_Q_YES;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "2");
    request.wait = TROUPE_Q_NO;
    OK(troupe_q_connection_call(conn, &request, &answer, &failure));
    conn_is(answer, "::");
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- closing ---- */

START_TEST(close_is_idempotent_and_later_calls_say_closed)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;

    ck_assert(!troupe_q_connection_closed(conn));
    OK(troupe_q_connection_close(conn, &failure));
    OK(troupe_q_connection_close(conn, &failure));
    ck_assert(troupe_q_connection_closed(conn));
    request.text = "1";
    refuses(conn, &request, TROUPE_ECLOSED, "Attempted to use a closed IPC connection");
    ck_assert_int_eq(troupe_q_connection_await(conn, &failure), TROUPE_ECLOSED);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(close_of_async_waits_for_all_answers)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_ASYNC_CONNECTION);

    options.close_limit = TROUPE_S(60);
    troupe_q_connection *conn = conn_open(options);
    troupe_q_future *first = conn_call(conn, "sum til 100000");
    troupe_q_future *second = conn_call(conn, "2");

    OK(troupe_q_connection_close(conn, &failure));
    ck_assert(troupe_q_future_done(first));
    ck_assert(troupe_q_future_done(second));
    conn_ends(&first, "4999950000");
    conn_ends(&second, "2");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_server_that_ends_closes_the_connection)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_status status = TROUPE_OK;

    request.text = "hclose .z.w";
    while (status == TROUPE_OK || status == TROUPE_EREMOTE) {
        status = troupe_q_connection_call(conn, &request, NULL, &failure);
    }
    ck_assert(status == TROUPE_ELOST || status == TROUPE_ECLOSED);
    refuses(conn, &request, TROUPE_ECLOSED, "Attempted to use a closed IPC connection");
    ck_assert(troupe_q_connection_closed(conn));
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- threads ---- */

enum { EACH = 100 };

static void *call_often(void *context)
{
    for (int64_t i = 0; i < EACH; i++) {
        troupe_q_value *arg = NULL, *answer = NULL;
        int64_t number = 0;
        if (troupe_q_long(i, &arg) != TROUPE_OK ||
            troupe_q_connection_query(context, "{2*x}", 1, &arg, &answer, NULL) !=
                TROUPE_OK ||
            troupe_q_get_long(answer, 0, &number) != TROUPE_OK || number != 2 * i) {
            return context;
        }
        troupe_q_unref(&arg);
        troupe_q_unref(&answer);
    }
    return NULL;
}

START_TEST(many_threads_share_a_connection_without_a_lock)
{
    troupe_q_connection *conn = conn_sync();
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, conn), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    troupe_q_connection_free(&conn);
}
END_TEST

static atomic_int refused;

static troupe_status try_on_base(troupe_self *self, void *state, const void *args)
{
    troupe_q_connection *conn = *(troupe_q_connection *const *)args;
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_connection *other = NULL;
    troupe_q_future *future = NULL;

    (void)self, (void)state;
    bool all =
        troupe_q_connection_query(conn, "1", 0, NULL, NULL, NULL) == TROUPE_EDEADLK &&
        troupe_q_connection_close(conn, NULL) == TROUPE_EDEADLK &&
        troupe_q_connection_open(troupe_self_system(self), &options, &other, NULL) ==
            TROUPE_EDEADLK &&
        troupe_q_future_new(&future) == TROUPE_OK &&
        troupe_q_future_wait(future, TROUPE_NEVER, NULL, NULL) == TROUPE_EDEADLK;
    troupe_q_future_unref(&future);
    atomic_store(&refused, all ? 1 : -1);
    return TROUPE_OK;
}

START_TEST(a_bases_thread_is_refused)
{
    static const troupe_behavior behavior = {.name = "trier", .start = try_on_base};
    troupe_q_connection *conn = conn_sync();

    OK(troupe_system_spawn(sys, &behavior, &conn, NULL, NULL));
    ck_assert_int_eq(atomic_load(&refused), 1);
    conn_asks(conn, "1", "1");
    troupe_q_connection_free(&conn);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_calls");
    TCase *tcase = tcase_create("calls");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, conn_begin, conn_end);
    tcase_add_test(tcase, a_query_is_a_text);
    tcase_add_test(tcase, a_query_is_any_q_value);
    tcase_add_test(tcase, what_is_no_value_cannot_be_sent);
    tcase_add_test(tcase, eight_arguments_are_sent_and_nine_are_too_many);
    tcase_add_test(tcase, a_large_query_is_written_in_pieces);
    tcase_add_test(tcase, an_error_of_q_is_its_text);
    tcase_add_test(tcase, debug_tells_where_an_error_came_from);
    tcase_add_test(tcase, environment_pykx_qdebug_is_debug_and_skip_debug_overrides_it);
    tcase_add_test(tcase, debug_of_a_future_keeps_the_backtrace);
    tcase_add_test(tcase, an_async_message_while_waiting_is_never_the_answer);
    tcase_add_test(tcase, the_text_of_an_error_is_cut_to_what_a_failure_holds);
    tcase_add_test(tcase, wait_false_gives_the_null_at_once_and_errors_are_invisible);
    tcase_add_test(tcase, wait_false_of_a_secure_connection_sends_and_gives_the_null);
    tcase_add_test(tcase, wait_of_a_call_overrides_that_of_the_constructor);
    tcase_add_test(tcase, close_is_idempotent_and_later_calls_say_closed);
    tcase_add_test(tcase, close_of_async_waits_for_all_answers);
    tcase_add_test(tcase, a_server_that_ends_closes_the_connection);
    tcase_add_test(tcase, many_threads_share_a_connection_without_a_lock);
    tcase_add_test(tcase, a_bases_thread_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
