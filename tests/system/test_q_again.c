/* SPDX-License-Identifier: MIT
 * test_q_again.c - connections of real sockets that are made again, and Unix sockets. */
#include <string.h>

#include "tests/system/q_faults.h"
#include "transports/q/q_codec.h"

/* Retries soon, and as often as it takes. */
static troupe_q_options patient(void)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.reconnection_attempts = 0;
    options.reconnection_delay = TROUPE_MS(1);
    options.reconnection_delay_max = TROUPE_MS(20);
    return options;
}

static troupe_q_info look(troupe_q q)
{
    troupe_q_info info;

    OK(troupe_q_wait_info(sys, q, TROUPE_S(STUCK_S), &info));
    return info;
}

/* Asks until it is so; each time takes a while. */
static void wait_for_phase(troupe_q q, troupe_q_phase phase)
{
    while (look(q).phase != phase) {
    }
}

static void wait_for_held(troupe_q q, uint32_t held)
{
    while (look(q).held != held) {
    }
}

static troupe_pending *call_again(troupe_q q, const char *text)
{
    troupe_q_call_options how = TROUPE_Q_CALL_OPTIONS;
    troupe_q_value *query = NULL;
    troupe_pending *pending = NULL;

    how.again = true;
    OK(troupe_q_query(text, 0, NULL, &query));
    OK(troupe_q_post_call_with(sys, q, &query, &how, &pending));
    return pending;
}

START_TEST(a_loss_is_noticed_without_a_call_and_the_connection_is_made_again)
{
    uint16_t at;

    faults_begin(NULL);
    int listener = raw_listen(&at);
    troupe_q q = faults_open_with(at, patient());
    int fd = raw_welcome(listener);
    wait_for_phase(q, TROUPE_Q_READY);
    raw_close(&fd);
    fd = raw_welcome(listener); /* nobody has called */
    troupe_pending *pending = faults_call(q, "a", TROUPE_NEVER);
    raw_hear(fd, TRP_Q_SYNC, "a");
    raw_say(fd, TRP_Q_RESPONSE, "A");
    faults_answer(&pending, "A");
    ck_assert_uint_eq(look(q).logins, 2);
    faults_close(q);
    raw_close(&fd);
    raw_close(&listener);
    faults_end();
}
END_TEST

START_TEST(only_what_may_run_twice_is_sent_again)
{
    uint16_t at;

    faults_begin(NULL);
    int listener = raw_listen(&at);
    troupe_q q = faults_open_with(at, patient());
    int fd = raw_welcome(listener);
    troupe_pending *once = faults_call(q, "once", TROUPE_NEVER);
    troupe_pending *twice = call_again(q, "twice");
    raw_hear(fd, TRP_Q_SYNC, "once");
    raw_hear(fd, TRP_Q_SYNC, "twice");
    raw_reset(&fd);
    fd = raw_welcome(listener);
    raw_hear(fd, TRP_Q_SYNC, "twice");
    raw_say(fd, TRP_Q_RESPONSE, "2");
    faults_answer(&twice, "2");
    ck_assert_int_eq(faults_outcome(&once), TROUPE_ELOST);
    faults_close(q);
    raw_close(&fd);
    raw_close(&listener);
    faults_end();
}
END_TEST

START_TEST(a_call_that_its_thread_gave_up_is_not_sent_later)
{
    uint16_t at;

    faults_begin(NULL);
    int listener = raw_listen(&at);
    troupe_q q = faults_open_with(at, patient());
    int fd = raw_accept(listener); /* its login waits */
    troupe_pending *late = faults_call(q, "late", TROUPE_NEVER);
    wait_for_held(q, 1);
    troupe_pending_cancel(late);
    troupe_pending_free(&late);
    wait_for_held(q, 0);
    troupe_pending *pending = faults_call(q, "patient", TROUPE_NEVER);
    raw_take(fd, (char[3]){0}, 3);
    raw_send(fd, "\6", 1);
    raw_hear(fd, TRP_Q_SYNC, "patient");
    raw_say(fd, TRP_Q_RESPONSE, "yes");
    faults_answer(&pending, "yes");
    faults_close(q);
    raw_close(&fd);
    raw_close(&listener);
    faults_end();
}
END_TEST

static troupe_q shared_q;

/* On another base: asks with a short limit, and passes its end on. */
static troupe_status ask_briefly(troupe_self *self, void *state, const void *args)
{
    troupe_q_value *query = NULL;

    (void)state, (void)args;
    troupe_status status = troupe_q_query("late", 0, NULL, &query);
    if (status == TROUPE_OK) {
        status = troupe_q_call(self, shared_q, &query, TROUPE_MS(50), 1, NULL);
    }
    troupe_q_unref(&query);
    return status;
}

static troupe_status end_then(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state, (void)msg;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

START_TEST(a_call_of_another_base_that_timed_out_is_not_sent_later)
{
    static const troupe_behavior brief = {
        .name = "brief", .start = ask_briefly, .receive = end_then};
    troupe_options two = TROUPE_OPTIONS;
    troupe_spawn_options there = TROUPE_SPAWN_OPTIONS;
    uint16_t at;

    two.bases = 2;
    there.base = 2;
    OK(troupe_system_new(&two, &sys));
    OK(troupe_system_start(sys));
    int listener = raw_listen(&at);
    shared_q = faults_open_with(at, patient());
    int fd = raw_accept(listener);
    OK(troupe_system_spawn(sys, &brief, NULL, &there, NULL));
    wait_for_held(shared_q, 1);
    wait_for_held(shared_q, 0);
    raw_take(fd, (char[3]){0}, 3);
    raw_send(fd, "\6", 1);
    troupe_pending *pending = faults_call(shared_q, "patient", TROUPE_NEVER);
    raw_hear(fd, TRP_Q_SYNC, "patient");
    raw_say(fd, TRP_Q_RESPONSE, "yes");
    faults_answer(&pending, "yes");
    raw_close(&fd);
    raw_close(&listener);
    troupe_system_shutdown(sys, TROUPE_S(STUCK_S));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
}
END_TEST

START_TEST(the_unix_socket_of_a_port_reaches_its_server)
{
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_options options = TROUPE_Q_OPTIONS;

    serving.unix_domain = TROUPE_Q_UNIX_ALL;
    faults_begin(&serving);
    options.unix_domain = true;
    options.compress = true;
    troupe_q q = faults_open_with(port, options);
    faults_echo(q, "over a Unix socket");
    troupe_q_info info = look(q);
    ck_assert(info.local && info.unix_domain);
    ck_assert_int_eq(strncmp(info.address, "unix @", 6), 0);
    faults_close(q);
    faults_end();
}
END_TEST

START_TEST(no_unix_socket_is_a_refused_connection_that_is_said_so)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_failure failure;
    troupe_q_value *query = NULL, *answer = NULL;

    faults_begin(NULL);
    options.unix_domain = true;
    troupe_q q = faults_open_with(port, options);
    OK(troupe_q_query("a", 0, NULL, &query));
    ck_assert_int_eq(troupe_q_wait(sys, q, &query, TROUPE_S(STUCK_S), &answer, &failure),
                     TROUPE_EREFUSED);
    ck_assert_ptr_nonnull(strstr(failure.text, "Unix socket of port"));
    troupe_q_unref(&query);
    faults_close(q);
    faults_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_again");
    TCase *tcase = tcase_create("sockets");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase,
                   a_loss_is_noticed_without_a_call_and_the_connection_is_made_again);
    tcase_add_test(tcase, only_what_may_run_twice_is_sent_again);
    tcase_add_test(tcase, a_call_that_its_thread_gave_up_is_not_sent_later);
    tcase_add_test(tcase, a_call_of_another_base_that_timed_out_is_not_sent_later);
    tcase_add_test(tcase, the_unix_socket_of_a_port_reaches_its_server);
    tcase_add_test(tcase, no_unix_socket_is_a_refused_connection_that_is_said_so);
    suite_add_tcase(suite, tcase);
    return suite;
}
