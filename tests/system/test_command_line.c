/* SPDX-License-Identifier: MIT
 * test_command_line.c - the program where its surroundings are poor: standard files that
 * are closed or full, numbers without end, settings that would mean nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { OUTPUT = 1 << 16, COMMAND = 1024 };

static char output[OUTPUT];

/* Runs the program with what follows its name on a command line, 20 s at most. */
static int troupe(const char *rest)
{
    char command[COMMAND];

    ck_assert_int_lt(
        snprintf(command, sizeof(command), "timeout 20 '%s' %s", TRP_PROGRAM, rest),
        COMMAND);
    return scratch_run(command, output, sizeof(output));
}

static void refuses(const char *rest, int code, const char *words)
{
    ck_assert_int_eq(troupe(rest), code);
    ck_assert_msg(strstr(output, words) != NULL, "'%s' said: %s", rest, output);
}

START_TEST(output_that_does_not_arrive_is_no_success)
{
    static const char *const commands[] = {"--help",
                                           "--version",
                                           "q --help",
                                           "trace --help",
                                           "trace gc --json --help",
                                           "bench --list",
                                           "bench timer_add 100",
                                           "q eval --help"};
    char command[COMMAND];

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        (void)snprintf(command, sizeof(command), "%s >/dev/full", commands[i]);
        refuses(command, 1, "standard output failed");
    }
    (void)snprintf(command, sizeof(command), "echo 01 | '%s' q recode >/dev/full",
                   TRP_PROGRAM);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 1);
}
END_TEST

START_TEST(closed_standard_files_are_empty_and_nothing_waits_for_them)
{
    ck_assert_int_eq(troupe("q -q <&-"), 0);
    ck_assert_int_eq(troupe("q shell 127.0.0.1:1 <&-"), 0);
    ck_assert_int_eq(troupe("q recode <&-"), 0);
    ck_assert_int_eq(troupe("bench timer_add 100 <&- >&-"), 0);
}
END_TEST

START_TEST(help_of_a_trace_command_is_help)
{
    static const char *const names[] = {"ps", "list", "graph", "dump", "check", "gc"};
    char command[COMMAND];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(command, sizeof(command), "trace %s --help 2>/dev/null", names[i]);
        ck_assert_int_eq(troupe(command), 0);
        ck_assert_ptr_nonnull(strstr(output, "usage: troupe trace"));
        ck_assert_ptr_nonnull(strstr(output, names[i]));
    }
}
END_TEST

START_TEST(a_filter_that_cannot_hold_is_named)
{
    refuses("trace list 1 'depth>many'", 2, "'depth>many' is no filter");
    refuses("trace list 1 'depth>'", 2, "'depth>' is no filter");
    refuses("trace list 1 'worker~1'", 2, "'worker~1' is no filter");
    refuses("trace list 1 'state:happy'", 2, "'state:happy' is no filter");
    refuses("trace list 1 'name>a'", 2, "'name>a' is no filter");
}
END_TEST

START_TEST(arguments_of_bench_out_of_range_are_named)
{
    refuses("bench pingpong 99999999999999999999", 2, "'99999999999999999999'");
    refuses("bench pingpong ' 1'", 2, "' 1'");
    refuses("bench --trace cake", 2, "--trace wants off, count or ring, not 'cake'");
    refuses("bench --trace", 2, "--trace wants a value");
    refuses("bench --pass", 2, "--pass wants a value");
}
END_TEST

START_TEST(an_empty_address_does_not_serve_the_world)
{
    refuses("q serve -p 0 --host ''", 2, "--host wants an address");
    refuses("q -p 0 --host '' </dev/null", 2, "--host wants an address");
}
END_TEST

START_TEST(a_folder_of_unix_sockets_that_is_not_there_is_no_fault_of_the_address)
{
    ck_assert_int_eq(setenv("QUDSPATH", "/none/such", 1), 0);
    refuses("q serve -p 0 --unix", 1, "no such folder");
    ck_assert_int_eq(unsetenv("QUDSPATH"), 0);
    refuses("q serve -p 0 --host 192.0.2.1", 1, "no address of this machine");
}
END_TEST

START_TEST(settings_of_tls_without_tls_are_refused)
{
    refuses("q serve -p 0 --tls-cert cert.pem", 2, "--tls both or --tls only");
    refuses("q serve -p 0 --tls-verify-client", 2, "--tls both or --tls only");
    refuses("q serve -p 0 --tls off --tls-ca ca.pem", 2, "--tls both or --tls only");
}
END_TEST

START_TEST(a_file_of_tls_that_cannot_be_read_is_named)
{
    refuses("q eval --ca none.pem tcps://127.0.0.1:1 1", 1, "'none.pem'");
    refuses("q eval --cert none.pem --key none.pem tcps://127.0.0.1:1 1", 1, "none.pem");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("command line");
    TCase *tcase = tcase_create("command line");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, output_that_does_not_arrive_is_no_success);
    tcase_add_test(tcase, closed_standard_files_are_empty_and_nothing_waits_for_them);
    tcase_add_test(tcase, help_of_a_trace_command_is_help);
    tcase_add_test(tcase, a_filter_that_cannot_hold_is_named);
    tcase_add_test(tcase, arguments_of_bench_out_of_range_are_named);
    tcase_add_test(tcase, an_empty_address_does_not_serve_the_world);
    tcase_add_test(tcase,
                   a_folder_of_unix_sockets_that_is_not_there_is_no_fault_of_the_address);
    tcase_add_test(tcase, settings_of_tls_without_tls_are_refused);
    tcase_add_test(tcase, a_file_of_tls_that_cannot_be_read_is_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
