/* SPDX-License-Identifier: MIT
 * test_trace_program.c - `troupe trace` on a program that runs, stands still, is dead. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { OUTPUT = 1 << 20, COMMAND = 2048 };

static char scratch[SCRATCH_PATH], copy[SCRATCH_PATH + 16];
static char output[OUTPUT];
static pid_t child;
static int to_child, from_child;

/* Runs the command line; `format` has one %s for the process or the copy. */
static int troupe(const char *arguments)
{
    char command[COMMAND];

    ck_assert_int_lt(
        snprintf(command, sizeof(command), "'%s' trace %s", TRP_PROGRAM, arguments),
        COMMAND);
    return scratch_run(command, output, sizeof(output));
}

static int troupe_pid(const char *command, const char *more)
{
    char arguments[COMMAND];

    ck_assert_int_lt(
        snprintf(arguments, sizeof(arguments), "%s %ld %s", command, (long)child, more),
        COMMAND);
    return troupe(arguments);
}

static void run_child(int in, int out, const char *directory)
{
    (void)dup2(in, STDIN_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    for (int fd = 3; fd < 64; fd++) {
        (void)close(fd);
    }
    (void)execl(TRP_TRACED, TRP_TRACED, directory, (char *)NULL);
    _exit(127);
}

/* Starts the program; returns when it says that all its actors have run. */
static void start(const char *directory)
{
    int in[2], out[2];
    char word[6] = "";

    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        run_child(in[0], out[1], directory);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    to_child = in[1];
    from_child = out[0];
    for (size_t got = 0; got < sizeof(word);) {
        ssize_t size = read(from_child, word + got, sizeof(word) - got);
        ck_assert_int_gt(size, 0);
        got += (size_t)size;
    }
    ck_assert_int_eq(memcmp(word, "ready\n", 6), 0);
}

static void stand_still(void)
{
    int status;

    ck_assert_int_eq(kill(child, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
    ck_assert(WIFSTOPPED(status));
}

static int end(int signal)
{
    int status = -1;

    if (child > 0) {
        if (signal != 0) {
            (void)kill(child, signal);
        }
        (void)close(to_child);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        (void)close(from_child);
        child = 0;
    }
    return status;
}

static void setup(void)
{
    scratch_make(scratch);
    (void)snprintf(copy, sizeof(copy), "%s/copy.trp", scratch);
    (void)unsetenv("TROUPE_TRACE_DIR");
    (void)unsetenv("XDG_RUNTIME_DIR");
    (void)unsetenv("RUNTIME_DIRECTORY");
    (void)unsetenv("TROUPE_TRACE_BUF");
    (void)unsetenv("TROUPE_TRACE");
    child = 0;
}

static void teardown(void)
{
    (void)end(SIGKILL);
    scratch_remove(scratch);
    (void)unsetenv("TROUPE_TRACE_DIR");
    (void)unsetenv("TROUPE_TRACE_BUF");
}

static bool says(const char *text)
{
    return strstr(output, text) != NULL;
}

/* dump, check, babeltrace2 where it is installed. */
static void expect_complete_copy(void)
{
    char arguments[COMMAND / 2], command[COMMAND];

    (void)snprintf(arguments, sizeof(arguments), "-o '%s'", copy);
    ck_assert_msg(troupe_pid("dump", arguments) == 0, "%s", output);
    (void)snprintf(arguments, sizeof(arguments), "check '%s'", copy);
    ck_assert_msg(troupe(arguments) == 0, "%s", output);
    ck_assert_str_eq(output, "");
    if (scratch_run("command -v babeltrace2", output, sizeof(output)) == 0) {
        (void)snprintf(command, sizeof(command), "babeltrace2 '%s' >/dev/null", copy);
        ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
        ck_assert_str_eq(output, "");
    }
}

START_TEST(a_running_program_is_found_listed_drawn_and_copied)
{
    char number[32];

    start(NULL);
    (void)snprintf(number, sizeof(number), "\"pid\":%ld,", (long)child);
    ck_assert_int_eq(troupe("ps --json"), 0);
    ck_assert(says(number));
    ck_assert_int_eq(troupe_pid("list", ""), 0);
    ck_assert_msg(says("vault of the northern branch"), "%s", output);
    ck_assert_int_eq(troupe_pid("list", "kind:hoarder --json"), 0);
    ck_assert_msg(says("\"state\":\"waiting\"") && says("\"mailbox\":20") &&
                      says("\"waits_for\":\"client/"),
                  "%s", output);
    ck_assert_int_eq(troupe_pid("list", "kind:nothing"), 3);
    ck_assert_int_eq(troupe_pid("graph", ""), 0);
    ck_assert_msg(says("label=\"teller\"") && !says("\"unknown\""), "%s", output);
    ck_assert_int_eq(troupe_pid("graph", "--to json --by actor"), 0);
    ck_assert(says("\"label\":\"vault of the northern branch\""));
    ck_assert_int_eq(troupe_pid("graph", "--to svg"), 0);
    ck_assert(says("<svg") && says("</svg>"));
    ck_assert_int_eq(troupe_pid("check", ""), 2);
    expect_complete_copy();
    ck_assert_int_eq(end(0), 0);
}
END_TEST

START_TEST(a_stopped_program_shows_everything_and_the_copy_is_exact)
{
    char arguments[COMMAND / 2];

    start(NULL);
    stand_still();
    ck_assert_int_eq(troupe("ps"), 0);
    ck_assert(says("stopped"));
    ck_assert_int_eq(troupe_pid("list", "'depth>19'"), 0);
    ck_assert(says("hoarder"));
    ck_assert_int_eq(troupe_pid("check", ""), 0);
    expect_complete_copy();
    (void)snprintf(arguments, sizeof(arguments), "check --json '%s'", copy);
    ck_assert_int_eq(troupe(arguments), 0);
    ck_assert_msg(says("\"unjudged_actors\":0") && says("\"violations\":0"), "%s",
                  output);
}
END_TEST

START_TEST(what_a_killed_program_held_is_read_whole)
{
    char command[COMMAND];

    ck_assert_int_eq(setenv("TROUPE_TRACE_DIR", scratch, 1), 0);
    for (int round = 0; round < 8; round++) {
        (void)setenv("TROUPE_TRACE_BUF", round % 2 == 0 ? "4M" : "64K", 1);
        pid_t pid;
        start(NULL);
        pid = child;
        ck_assert(WIFSIGNALED(end(SIGKILL)));
        child = pid; /* only its number is used */
        ck_assert_int_eq(troupe("ps"), 0);
        ck_assert(says("dead"));
        ck_assert_msg(!says(" 0ns "), "it has lived: %s", output);
        ck_assert_int_eq(troupe_pid("list", "kind:vault"), 0);
        expect_complete_copy();
        child = 0;
        ck_assert_int_eq(troupe("gc"), 0);
        (void)snprintf(command, sizeof(command), "rm -r '%s'; ls '%s'", copy, scratch);
        ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
        ck_assert_str_eq(output, "");
    }
}
END_TEST

START_TEST(a_program_leaves_a_copy_of_its_own_and_removes_its_files)
{
    char arguments[COMMAND / 2], command[COMMAND];

    ck_assert_int_eq(setenv("TROUPE_TRACE_DIR", scratch, 1), 0);
    start(copy);
    ck_assert_int_eq(end(0), 0);
    (void)snprintf(command, sizeof(command), "ls '%s'", scratch);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
    ck_assert_str_eq(output, "copy.trp\n");
    (void)snprintf(arguments, sizeof(arguments), "check '%s'", copy);
    ck_assert_msg(troupe(arguments) == 0, "%s", output);
    (void)snprintf(arguments, sizeof(arguments), "list '%s'", copy);
    ck_assert_int_eq(troupe(arguments), 0);
    ck_assert(says("hoarder"));
}
END_TEST

START_TEST(a_switched_off_program_cannot_be_seen)
{
    ck_assert_int_eq(setenv("TROUPE_TRACE", "off", 1), 0);
    start(NULL);
    ck_assert_int_eq(troupe_pid("list", ""), 1);
    ck_assert(says("is no traced process"));
    ck_assert_int_eq(unsetenv("TROUPE_TRACE"), 0);
}
END_TEST

START_TEST(a_copy_that_cannot_be_written_is_told_with_the_reason)
{
    char arguments[COMMAND / 2], command[COMMAND];

    start(NULL);
    (void)snprintf(arguments, sizeof(arguments), "dump %ld -o '%s/none/x.trp'",
                   (long)child, scratch);
    ck_assert_int_eq(troupe(arguments), 1);
    ck_assert_msg(says("No such file or directory"), "%s", output);
    /* A disk that is full after 20 blocks of 512 bytes leaves nothing behind. */
    (void)snprintf(command, sizeof(command),
                   "trap '' XFSZ; ulimit -f 20; '%s' trace dump %ld -o '%s'", TRP_PROGRAM,
                   (long)child, copy);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 1);
    ck_assert_msg(says("cannot be written: File too large"), "%s", output);
    ck_assert_int_ne(access(copy, F_OK), 0);
}
END_TEST

START_TEST(wrong_usage_is_told_with_exit_code_2)
{
    ck_assert_int_eq(troupe(""), 2);
    ck_assert_int_eq(troupe("nonsense"), 2);
    ck_assert_int_eq(troupe("graph --to cake"), 2);
    ck_assert_int_eq(troupe("list 1 2 3"), 2);
    ck_assert_int_eq(troupe("check"), 2);
    ck_assert_int_eq(troupe("--help"), 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("trace program");
    TCase *tcase = tcase_create("trace program");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_running_program_is_found_listed_drawn_and_copied);
    tcase_add_test(tcase, a_stopped_program_shows_everything_and_the_copy_is_exact);
    tcase_add_test(tcase, what_a_killed_program_held_is_read_whole);
    tcase_add_test(tcase, a_program_leaves_a_copy_of_its_own_and_removes_its_files);
    tcase_add_test(tcase, a_switched_off_program_cannot_be_seen);
    tcase_add_test(tcase, a_copy_that_cannot_be_written_is_told_with_the_reason);
    tcase_add_test(tcase, wrong_usage_is_told_with_exit_code_2);
    suite_add_tcase(suite, tcase);
    return suite;
}
