/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <troupe/q.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

/* A server on a free port of a system that runs on threads, and clients of it. */
static troupe_system *sys;
static troupe_q_server server;
static uint16_t port;

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static troupe_status echo(troupe_self *self, void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    (void)self, (void)context;
    *answer = troupe_q_ref(event->value);
    return TROUPE_OK;
}

static void begin_with(troupe_q_server_options options)
{
    OK(troupe_system_new(NULL, &sys));
    OK(troupe_system_start(sys));
    options.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    OK(troupe_q_serve(sys, &options, &server, &port));
}

static void end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(10));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
}

static troupe_q open_as(const char *user, const char *password)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    options.port = port;
    options.username = user;
    options.password = password;
    OK(troupe_q_open(sys, &options, &q));
    return q;
}

static troupe_status ask(troupe_q q, const char *text)
{
    troupe_q_value *query = NULL, *answer = NULL;

    OK(troupe_q_query(text, 0, NULL, &query));
    troupe_status status = troupe_q_wait(sys, q, &query, TROUPE_S(60), &answer, NULL);
    troupe_q_unref(&query);
    troupe_q_unref(&answer);
    return status;
}

START_TEST(users_of_a_file_log_in_and_others_do_not)
{
    static const troupe_q_user plain[] = {{"root", "toor"}};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
    troupe_q_users *users = NULL;

    scratch_make(dir);
    (void)snprintf(path, sizeof(path), "%s/users", dir);
    OK(troupe_q_users_set(path, "joe", "secret"));
    OK(troupe_q_users_load(path, &users, NULL));
    options.accounts = users;
    options.users = plain;
    options.user_count = 1;
    begin_with(options);
    troupe_q_users_free(&users); /* the server has a reference of its own */
    OK(ask(open_as("joe", "secret"), "x"));
    ck_assert_int_eq(ask(open_as("joe", "wrong"), "x"), TROUPE_EACCESS);
    ck_assert_int_eq(ask(open_as("ann", "secret"), "x"), TROUPE_EACCESS);
    ck_assert_int_eq(ask(open_as(NULL, NULL), "x"), TROUPE_EACCESS);
    OK(ask(open_as("root", "toor"), "x"));
    end();
    scratch_remove(dir);
}
END_TEST

START_TEST(shutting_down_while_passwords_are_looked_at_does_not_hang)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];

    scratch_make(dir);
    (void)snprintf(path, sizeof(path), "%s/users", dir);
    OK(troupe_q_users_set(path, "joe", "secret"));
    OK(troupe_q_users_load(path, &options.accounts, NULL));
    begin_with(options);
    for (int i = 0; i < 16; i++) {
        (void)open_as("joe", "secret");
    }
    OK(ask(open_as("joe", "secret"), "x"));
    end();
    troupe_q_users_free(&options.accounts);
    scratch_remove(dir);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_serving");
    TCase *tcase = tcase_create("sockets");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, users_of_a_file_log_in_and_others_do_not);
    tcase_add_test(tcase, shutting_down_while_passwords_are_looked_at_does_not_hang);
    suite_add_tcase(suite, tcase);
    return suite;
}
