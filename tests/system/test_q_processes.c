/* SPDX-License-Identifier: MIT
 * test_q_processes.c - `troupe q serve` processes that call each other, and are killed.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/process.h"
#include "tests/system/q_outgoing.h"
#include "transports/q/q_codec.h"

static struct process a, b;
static uint16_t port_a, port_b, port_here;
static troupe_q to_a, to_b; /* of the test */
static int listener, fd;    /* b's connection to the test, t */

static const char *says(troupe_q q, const char *query)
{
    troupe_pending *pending = faults_call(q, query, TROUPE_NEVER);

    return here_says(&pending);
}

static void begin(void)
{
    static const char *const may[] = {"--allow-connect", NULL};
    char query[64];

    faults_begin(NULL);
    listener = raw_listen(&port_here);
    port_a = process_serve(&a, may);
    port_b = process_serve(&b, may);
    to_a = faults_open(port_a);
    to_b = faults_open(port_b);
    (void)snprintf(query, sizeof(query), "h:hopen %u", port_b);
    ck_assert_str_eq(says(to_a, query), "::");
    (void)snprintf(query, sizeof(query), "t:hopen %u", port_here);
    troupe_pending *pending = faults_call(to_b, query, TROUPE_NEVER);
    fd = raw_welcome(listener);
    ck_assert_str_eq(here_says(&pending), "::");
}

static void end(void)
{
    raw_close(&fd);
    raw_close(&listener);
    faults_end();
}

/* Sends a signal; the process must end so. */
static void ends(struct process *process, int with, int code)
{
    ck_assert_int_eq(kill(process->pid, with), 0);
    ck_assert_int_eq(process_wait(process), code);
    ck_assert_str_eq(process->error, "");
}

/* a calls b, which says so to the test and does not answer. */
static troupe_pending *calls(const char *then)
{
    char query[256];

    (void)snprintf(query, sizeof(query), "h\"neg[t]\\\"in\\\";neg[t][];%s;while[1b;0]\"",
                   then);
    troupe_pending *pending = faults_call(to_a, query, TROUPE_NEVER);
    raw_hear(fd, TRP_Q_ASYNC, "in");
    return pending;
}

START_TEST(one_that_is_killed_in_a_call_ends_the_call)
{
    begin();
    ck_assert_str_eq(says(to_a, "gone:();.z.pc:{gone,:x}"), "::");
    troupe_pending *pending = calls("");
    ends(&b, SIGKILL, 128 + SIGKILL);
    ck_assert_str_eq(here_says(&pending), "'close");
    ck_assert_str_eq(says(to_a, "gone~enlist h"), "1b");
    ck_assert_str_eq(says(to_a, "@[hopen;`$\"::\",string h;{3#x}]"), "\"hop\"");
    ends(&a, SIGTERM, 0);
    end();
}
END_TEST

START_TEST(two_that_wait_for_each_other_end_when_they_are_told)
{
    char back[64];

    begin();
    (void)snprintf(back, sizeof(back), "(hopen %u)`tables", port_a);
    troupe_pending *pending = calls(back);
    ends(&a, SIGTERM, 0);
    (void)faults_outcome(&pending);
    ends(&b, SIGKILL, 128 + SIGKILL);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_processes");
    TCase *tests = tcase_create("processes");

    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, one_that_is_killed_in_a_call_ends_the_call);
    tcase_add_test(tests, two_that_wait_for_each_other_end_when_they_are_told);
    suite_add_tcase(suite, tests);
    return suite;
}
