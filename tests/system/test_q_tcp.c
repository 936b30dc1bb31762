/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <troupe/q.h>

#include "tests/support/suite.h"

/* A system that runs on threads, with a server on a free port. */
static troupe_system *sys;
static troupe_q_server server;
static uint16_t port;

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static troupe_status echo(troupe_self *self, void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    size_t size;

    (void)self, (void)context;
    const char *text = troupe_q_text(event->value, &size);
    if (text != NULL && size == 4 && memcmp(text, "hang", 4) == 0) {
        return TROUPE_EAGAIN;
    }
    *answer = troupe_q_ref(event->value);
    return TROUPE_OK;
}

static void begin_with(troupe_q_server_options options)
{
    OK(troupe_system_new(NULL, &sys));
    OK(troupe_system_start(sys));
    options.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    OK(troupe_q_serve(sys, &options, &server, &port));
    ck_assert_uint_ne(port, 0);
}

static void begin(void)
{
    begin_with(TROUPE_Q_SERVER_OPTIONS);
}

static void end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(10));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
}

static troupe_q open_to(const char *host, uint16_t to, const char *user,
                        const char *password)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    options.host = host;
    options.port = to;
    options.username = user;
    options.password = password;
    OK(troupe_q_open(sys, &options, &q));
    return q;
}

static troupe_status ask(troupe_q q, const char *text, troupe_q_value **out,
                         troupe_failure *failure)
{
    troupe_q_value *query = NULL;

    OK(troupe_q_query(text, 0, NULL, &query));
    troupe_status status = troupe_q_wait(sys, q, &query, TROUPE_S(60), out, failure);
    troupe_q_unref(&query);
    return status;
}

START_TEST(a_call_is_answered_over_a_socket)
{
    troupe_q_value *answer = NULL;
    size_t size;

    begin();
    troupe_q q = open_to("localhost", port, NULL, NULL);
    OK(ask(q, "hello", &answer, NULL));
    const char *text = troupe_q_text(answer, &size);
    ck_assert_uint_eq(size, 5);
    ck_assert_mem_eq(text, "hello", 5);
    troupe_q_unref(&answer);
    end();
}
END_TEST

START_TEST(a_large_value_goes_both_ways)
{
    enum { COUNT = 2 << 20 }; /* 16 MiB */
    troupe_q_value *big = NULL, *query = NULL, *answer = NULL;

    begin();
    troupe_q q = open_to("127.0.0.1", port, NULL, NULL);
    OK(troupe_q_vector(TROUPE_Q_LONG, COUNT, NULL, &big));
    query = troupe_q_ref(big);
    OK(troupe_q_wait(sys, q, &query, TROUPE_S(60), &answer, NULL));
    ck_assert(troupe_q_match(answer, big));
    troupe_q_unref(&answer);
    troupe_q_unref(&big);
    end();
}
END_TEST

START_TEST(a_wrong_password_is_a_refused_login)
{
    static const troupe_q_user users[] = {{"joe", "secret"}};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_value *answer = NULL;
    troupe_failure failure;

    options.users = users;
    options.user_count = 1;
    begin_with(options);
    troupe_q wrong = open_to("localhost", port, "joe", "guess");
    ck_assert_int_eq(ask(wrong, "x", &answer, &failure), TROUPE_EACCESS);
    troupe_q right = open_to("localhost", port, "joe", "secret");
    OK(ask(right, "x", &answer, &failure));
    troupe_q_unref(&answer);
    end();
}
END_TEST

START_TEST(nobody_listening_is_a_refused_connection)
{
    troupe_q_value *answer = NULL;
    troupe_failure failure;

    begin();
    uint16_t dead = port;
    OK(troupe_q_server_close(sys, server));
    for (;;) { /* until the listener is gone */
        troupe_q q = open_to("127.0.0.1", dead, NULL, NULL);
        troupe_status status = ask(q, "x", &answer, &failure);
        OK(troupe_q_close(sys, q));
        troupe_q_unref(&answer);
        if (status == TROUPE_EREFUSED) {
            break;
        }
    }
    ck_assert_ptr_nonnull(strstr(failure.text, "could not be made"));
    end();
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_said_so)
{
    troupe_q_value *answer = NULL;
    troupe_failure failure;

    begin();
    troupe_q q = open_to("no-such-host.invalid", port, NULL, NULL);
    ck_assert_int_eq(ask(q, "x", &answer, &failure), TROUPE_ERESOLVE);
    end();
}
END_TEST

START_TEST(shutting_down_while_a_name_is_looked_up_does_not_hang)
{
    begin();
    for (int i = 0; i < 8; i++) {
        (void)open_to("no-such-host.invalid", port, NULL, NULL);
    }
    end();
}
END_TEST

START_TEST(the_server_closing_fails_the_calls_that_wait)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_pending *pending = NULL;
    troupe_q_value *query = NULL;
    troupe_msg *answer = NULL;

    options.close_limit = TROUPE_MS(1);
    begin_with(options);
    troupe_q q = open_to("localhost", port, NULL, NULL);
    OK(ask(q, "x", &query, NULL)); /* it is logged in */
    troupe_q_unref(&query);
    OK(troupe_q_query("hang", 0, NULL, &query));
    OK(troupe_q_post_call(sys, q, &query, TROUPE_NEVER, &pending));
    OK(troupe_q_server_close(sys, server));
    OK(troupe_pending_wait(pending, TROUPE_S(60), &answer));
    ck_assert_int_eq(troupe_msg_status(answer), TROUPE_ELOST);
    troupe_msg_free(&answer);
    troupe_pending_free(&pending);
    end();
}
END_TEST

START_TEST(two_servers_cannot_have_one_port)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server second;

    begin();
    options.port = port;
    ck_assert_int_eq(troupe_q_serve(sys, &options, &second, NULL), TROUPE_EINUSE);
    end();
}
END_TEST

START_TEST(an_empty_host_is_no_address)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server second;

    begin();
    options.host = "";
    ck_assert_int_eq(troupe_q_serve(sys, &options, &second, NULL), TROUPE_EINVAL);
    end();
}
END_TEST

START_TEST(a_server_may_be_made_before_the_system_runs)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_value *answer = NULL;

    OK(troupe_system_new(NULL, &sys));
    options.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    OK(troupe_q_serve(sys, &options, &server, &port));
    OK(troupe_system_start(sys));
    OK(ask(open_to("localhost", port, NULL, NULL), "x", &answer, NULL));
    troupe_q_unref(&answer);
    end();
}
END_TEST

START_TEST(a_server_that_never_runs_is_freed)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    OK(troupe_system_new(NULL, &sys));
    OK(troupe_q_serve(sys, &options, &server, &port));
    troupe_system_free(&sys);
}
END_TEST

/* A socket of the test's own, logged in or not. */
static int raw_socket(const char *login, size_t size)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to)),
                     0);
    ck_assert_int_eq(send(fd, login, size, MSG_NOSIGNAL), (ssize_t)size);
    return fd;
}

START_TEST(garbage_of_any_kind_harms_nobody_else)
{
    uint8_t bytes[400];
    uint32_t seed = 1;

    begin();
    troupe_q q = open_to("localhost", port, NULL, NULL);
    for (int round = 0; round < 200; round++) {
        int fd = raw_socket(":\6", round % 4 == 0 ? 1 : 3);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        if (round % 2 == 0) { /* a good header, then nonsense */
            memcpy(bytes, "\1\1\0\0\220\1\0\0", 8);
        }
        (void)send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
        if (round % 3 == 0) { /* wait for what it says */
            (void)shutdown(fd, SHUT_WR);
            while (recv(fd, bytes, sizeof(bytes), 0) > 0) {
            }
        }
        (void)close(fd);
    }
    troupe_q_value *answer = NULL;
    OK(ask(q, "alive", &answer, NULL));
    troupe_q_unref(&answer);
    end();
}
END_TEST

START_TEST(a_client_that_does_not_read_its_answers_is_dropped_alone)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    static uint8_t big[1 << 20];
    troupe_q_value *answer = NULL;

    options.output_limit = 1 << 20;
    begin_with(options);
    int fd = raw_socket(":\6", 3);
    memcpy(big, "\1\1\0\0\0\0\20\0\4\0\362\377\17\0", 14); /* bytes, 1 MiB in all */
    /* It never reads: the answers fill the socket, then its share of memory, then it is
     * closed, and sending fails. */
    while (send(fd, big, sizeof(big), MSG_NOSIGNAL) > 0) {
    }
    OK(ask(open_to("localhost", port, NULL, NULL), "alive", &answer, NULL));
    troupe_q_unref(&answer);
    (void)close(fd);
    end();
}
END_TEST

/* An actor on the second base that opens a connection and calls. */
static atomic_int answered;

static troupe_status call_from_base(troupe_self *self, void *state, const void *args)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q_value *query = NULL;
    troupe_q q;

    (void)state, (void)args;
    options.port = port;
    troupe_status status = troupe_q_open(sys, &options, &q);
    if (status == TROUPE_OK) {
        status = troupe_q_query("from here", 0, NULL, &query);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_call(self, q, &query, TROUPE_S(60), 7, NULL);
    }
    troupe_q_unref(&query);
    return status;
}

static troupe_status take_answer(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_VALUE && troupe_msg_tag(*msg) == 7) {
        atomic_store(&answered, 1);
    }
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(10));
    return TROUPE_OK;
}

START_TEST(an_actor_of_another_base_has_its_connection_there)
{
    static const troupe_behavior caller = {
        .name = "caller", .start = call_from_base, .receive = take_answer};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_options two = TROUPE_OPTIONS;
    troupe_spawn_options there = TROUPE_SPAWN_OPTIONS;

    two.bases = 2;
    there.base = 2;
    OK(troupe_system_new(&two, &sys));
    OK(troupe_system_start(sys));
    options.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    OK(troupe_q_serve(sys, &options, &server, &port));
    OK(troupe_system_spawn(sys, &caller, NULL, &there, NULL));
    OK(troupe_system_join(sys));
    ck_assert_int_eq(atomic_load(&answered), 1);
    troupe_system_free(&sys);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_tcp");
    TCase *tcase = tcase_create("sockets");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_call_is_answered_over_a_socket);
    tcase_add_test(tcase, a_large_value_goes_both_ways);
    tcase_add_test(tcase, a_wrong_password_is_a_refused_login);
    tcase_add_test(tcase, nobody_listening_is_a_refused_connection);
    tcase_add_test(tcase, a_name_that_does_not_exist_is_said_so);
    tcase_add_test(tcase, shutting_down_while_a_name_is_looked_up_does_not_hang);
    tcase_add_test(tcase, the_server_closing_fails_the_calls_that_wait);
    tcase_add_test(tcase, two_servers_cannot_have_one_port);
    tcase_add_test(tcase, an_empty_host_is_no_address);
    tcase_add_test(tcase, a_server_may_be_made_before_the_system_runs);
    tcase_add_test(tcase, a_server_that_never_runs_is_freed);
    tcase_add_test(tcase, garbage_of_any_kind_harms_nobody_else);
    tcase_add_test(tcase, a_client_that_does_not_read_its_answers_is_dropped_alone);
    tcase_add_test(tcase, an_actor_of_another_base_has_its_connection_there);
    suite_add_tcase(suite, tcase);
    return suite;
}
