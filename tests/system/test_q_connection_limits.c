/* SPDX-License-Identifier: MIT
 * test_q_connection_limits.c - time limits of connections. The servers here answer when
 * they are told to, or never: no limit is raced. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/q_conn.h"

#define DEFERRED "{w::.z.w;-30!(::)}[]"
#define SHORT    TROUPE_MS(1)

static troupe_q_connection *other;

static void begin(void)
{
    conn_begin();
    other = conn_sync();
}

static void end(void)
{
    troupe_q_connection_free(&other);
    conn_end();
}

/* Has the server answer what it has deferred, which may be on its way to it. */
static void let_answer(void)
{
    while (troupe_q_connection_query(other, "-30!(w;0b;`late)", 0, NULL, NULL, NULL) !=
           TROUPE_OK) {
    }
}

static void times_out(troupe_q_connection *conn, const troupe_q_request *request)
{
    troupe_q_value *value = NULL;

    ck_assert_int_eq(troupe_q_connection_call(conn, request, &value, &failure),
                     TROUPE_ETIMEDOUT);
    ck_assert_str_eq(failure.text, "Query timed out");
    ck_assert_ptr_null(value);
}

/* ---- of calls ---- */

START_TEST(parameter_timeout_limits_a_call)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *value = NULL;

    options.timeout = SHORT;
    options.connection_timeout = TROUPE_S(60);
    troupe_q_connection *conn = conn_open(options);
    request.text = DEFERRED;
    times_out(conn, &request);
    let_answer();
    request.timeout =
        TROUPE_S(60); /* a call's own comes first; it is as usable as ever */
    request.text = "2+2";
    OK(troupe_q_connection_call(conn, &request, &value, &failure));
    conn_is(value, "4");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_timeout_of_zero_is_no_limit)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_ASYNC_CONNECTION);

    ck_assert_int_eq(options.timeout, 0);
    troupe_q_connection *conn = conn_open(options);
    troupe_q_future *future = conn_call(conn, DEFERRED);
    ck_assert_int_eq(troupe_q_future_wait(future, TROUPE_MS(50), NULL, &failure),
                     TROUPE_EAGAIN); /* the thread's limit; the call goes on */
    let_answer();
    conn_ends(&future, "`late");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_late_answer_is_dropped_in_its_place)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;

    request.text = DEFERRED;
    request.timeout = SHORT;
    for (int i = 0; i < 3; i++) {
        times_out(conn, &request);
        let_answer();
        conn_asks(conn, "`mine", "`mine"); /* and never the late one */
    }
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_late_answer_holds_up_no_limit_of_the_next_call)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_request request = TROUPE_Q_REQUEST;

    request.text = DEFERRED;
    request.timeout = SHORT;
    times_out(conn, &request);
    request.text = "`next"; /* whose answer is behind the late one */
    times_out(conn, &request);
    let_answer();
    conn_asks(conn, "`mine", "`mine");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(async_timeout_ends_the_future)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_ASYNC_CONNECTION);

    options.timeout = SHORT;
    options.connection_timeout = TROUPE_S(60);
    troupe_q_connection *conn = conn_open(options);
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = conn_call(conn, DEFERRED);
    conn_fails(&future, TROUPE_ETIMEDOUT);
    ck_assert_str_eq(failure.text, "Query timed out");
    let_answer();
    request.text = "`next";
    request.timeout = TROUPE_S(60);
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, &failure));
    conn_ends(&future, "`next");
    troupe_q_connection_free(&conn);
}
END_TEST

/* Of raw connections the limit is of each poll: what was not there is there later. */
START_TEST(raw_timeout_limits_a_poll)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.timeout = SHORT;
    options.connection_timeout = TROUPE_S(60);
    troupe_q_connection *raw = conn_open(options);
    troupe_q_future *future = conn_call(raw, DEFERRED);
    OK(troupe_q_connection_poll_send(raw, 0, &failure));
    ck_assert_ptr_null(conn_receive(raw, 1));
    ck_assert(!troupe_q_future_done(future));
    let_answer();
    conn_ends(&future, "`late");
    troupe_q_connection_free(&raw);
}
END_TEST

/* ---- of connecting ---- */

/* Connects whoever comes, and says nothing. */
static int deaf(uint16_t *at)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)(void *)&address;
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, any, size), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, any, &size), 0);
    *at = ntohs(address.sin_port);
    return fd;
}

START_TEST(parameter_connection_timeout_limits_connecting)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    int fd = deaf(&options.port);

    options.connection_timeout = SHORT;
    options.timeout = TROUPE_S(60); /* which is of calls alone, then */
    conn_refused(options, TROUPE_ETIMEDOUT, "Timeout error: ");
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(parameter_timeout_limits_connecting_without_connection_timeout)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    int fd = deaf(&options.port);

    options.timeout = SHORT;
    conn_refused(options, TROUPE_ETIMEDOUT, "Timeout error: ");
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_limits");
    TCase *tcase = tcase_create("limits");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, parameter_timeout_limits_a_call);
    tcase_add_test(tcase, parameter_timeout_of_zero_is_no_limit);
    tcase_add_test(tcase, a_late_answer_is_dropped_in_its_place);
    tcase_add_test(tcase, a_late_answer_holds_up_no_limit_of_the_next_call);
    tcase_add_test(tcase, async_timeout_ends_the_future);
    tcase_add_test(tcase, raw_timeout_limits_a_poll);
    tcase_add_test(tcase, parameter_connection_timeout_limits_connecting);
    tcase_add_test(tcase, parameter_timeout_limits_connecting_without_connection_timeout);
    suite_add_tcase(suite, tcase);
    return suite;
}
