/* SPDX-License-Identifier: MIT
 * `troupe q`: a session, typed into a terminal or read from a pipe. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"
#include "tests/support/terminal.h"

static struct terminal terminal;
static struct process process;
static char scratch[SCRATCH_PATH];
static char state[SCRATCH_PATH + 32];

/* ---- on a terminal ---- */

static void open_on(const char *kind, const char *const *extra)
{
    const char *argv[8] = {TRP_PROGRAM, "q"};
    const char *environment[] = {kind, state, NULL};

    for (size_t i = 0; extra != NULL && extra[i] != NULL; i++) {
        argv[2 + i] = extra[i];
    }
    terminal_start(&terminal, argv, environment);
    terminal_expect(&terminal, "q)");
}

static void begin(void)
{
    scratch_make(scratch);
    (void)snprintf(state, sizeof(state), "XDG_STATE_HOME=%s/state", scratch);
    open_on("TERM=dumb", NULL);
}

static void leave(void)
{
    terminal_type(&terminal, "\\\\\n");
    ck_assert_int_eq(terminal_wait(&terminal), 0);
}

static void end(void)
{
    leave();
    scratch_remove(scratch);
}

START_TEST(what_is_typed_is_evaluated_and_shown)
{
    begin();
    terminal_type(&terminal, "1+1\n");
    terminal_expect(&terminal, "\r\n2\r\nq)");
    terminal_type(&terminal, "([]a:1 2)\n");
    terminal_expect(&terminal, "\r\na\r\n-\r\n1\r\n2\r\nq)");
    terminal_type(&terminal, "1+`a\n");
    terminal_expect(&terminal, "'type\r\nq)");
    end();
}
END_TEST

START_TEST(a_line_can_be_edited_before_it_is_entered)
{
    begin();
    terminal_type(&terminal, "2+3\x01" /* to the front */ "10*\n");
    terminal_expect(&terminal, "\r\n50\r\nq)");
    terminal_type(&terminal, "7+12\x7f\n");
    terminal_expect(&terminal, "\r\n8\r\nq)");
    end();
}
END_TEST

START_TEST(earlier_lines_come_back_also_in_the_next_session)
{
    char path[SCRATCH_PATH + 64];
    struct stat file;

    begin();
    terminal_type(&terminal, "40+1\n");
    terminal_expect(&terminal, "\r\n41\r\nq)");
    terminal_type(&terminal, "\x10" /* the line before */ "+1\n");
    terminal_expect(&terminal, "\r\n42\r\nq)");
    leave();
    (void)snprintf(path, sizeof(path), "%s/state/troupe/q_history", scratch);
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_eq(file.st_mode & 0777, 0600);
    open_on("TERM=xterm", NULL);
    terminal_type(&terminal, "\x10\x10" /* the first of them is \\ */ "+1\n");
    terminal_expect(&terminal, "43\r\n");
    end();
}
END_TEST

START_TEST(ctrl_c_stops_the_query_and_not_the_program)
{
    begin();
    for (int i = 0; i < 3; i++) {
        terminal_type(&terminal, "-1\"run\",\"ning\";while[1b;];\n");
        terminal_expect(&terminal, "running\r\n");
        terminal_type(&terminal, "\x03");
        terminal_expect(&terminal, "'stop\r\nq)");
    }
    terminal_type(&terminal, "6*7\n");
    terminal_expect(&terminal, "\r\n42\r\nq)");
    end();
}
END_TEST

START_TEST(ctrl_c_drops_the_line_that_is_being_typed)
{
    begin();
    terminal_type(&terminal, "1+`wrong");
    terminal_expect(&terminal, "wrong");
    terminal_type(&terminal, "\x03");
    terminal_expect(&terminal, "^C\r\nq)");
    terminal_type(&terminal, "2+2\n");
    terminal_expect(&terminal, "\r\n4\r\nq)");
    end();
}
END_TEST

START_TEST(an_entry_goes_on_while_brackets_are_open)
{
    begin();
    terminal_type(&terminal, "f:{x+ / not here: (\n");
    terminal_expect(&terminal, "\r\n  ");
    terminal_type(&terminal, "y*\"}\"=\"a\"}\n");
    terminal_expect(&terminal, "\r\nq)");
    terminal_type(&terminal, "f[3;4]\n");
    terminal_expect(&terminal, "\r\n3\r\nq)");
    end();
}
END_TEST

START_TEST(the_prompt_names_the_namespace)
{
    begin();
    terminal_type(&terminal, "\\d .shop\n");
    terminal_expect(&terminal, "\r\nq.shop)");
    terminal_type(&terminal, "a:1\n");
    terminal_expect(&terminal, "\r\nq.shop)");
    terminal_type(&terminal, "\\d .\n");
    terminal_expect(&terminal, "\r\nq)");
    terminal_type(&terminal, ".shop.a\n");
    terminal_expect(&terminal, "\r\n1\r\nq)");
    end();
}
END_TEST

START_TEST(the_end_of_input_leaves)
{
    begin();
    terminal_type(&terminal, "\x04");
    ck_assert_int_eq(terminal_wait(&terminal), 0);
    scratch_remove(scratch);
}
END_TEST

START_TEST(sigterm_ends_a_session_in_order)
{
    begin();
    terminal_type(&terminal, "-1\"run\",\"ning\";while[1b;];\n");
    terminal_expect(&terminal, "running\r\n");
    ck_assert_int_eq(kill(terminal.pid, SIGTERM), 0);
    ck_assert_int_eq(terminal_wait(&terminal), 0);
    scratch_remove(scratch);
}
END_TEST

START_TEST(a_session_may_serve_what_is_typed_into_it)
{
    static const char *const extra[] = {"-p", "0", NULL};
    char target[64];

    scratch_make(scratch);
    (void)snprintf(state, sizeof(state), "XDG_STATE_HOME=%s", scratch);
    open_on("TERM=dumb", extra);
    const char *number = strstr(terminal.text, "port ");
    ck_assert_ptr_nonnull(number);
    (void)snprintf(target, sizeof(target), "localhost:%lu",
                   strtoul(number + strlen("port "), NULL, 10));
    terminal_type(&terminal, "a:5\n");
    terminal_expect(&terminal, "q)");
    const char *get[] = {TRP_PROGRAM, "q", "eval", target, "a+1", NULL};
    ck_assert_int_eq(process_run(&process, NULL, get), 0);
    ck_assert_str_eq(process.text, "6\n");
    const char *set[] = {TRP_PROGRAM, "q", "eval", target, "a:7", NULL};
    ck_assert_int_eq(process_run(&process, NULL, set), 0);
    terminal_type(&terminal, "a\n");
    terminal_expect(&terminal, "\r\n7\r\nq)");
    const char *out[] = {TRP_PROGRAM, "q", "eval", target, "exit 4", NULL};
    (void)process_run(&process, NULL, out);
    ck_assert_int_eq(terminal_wait(&terminal), 4);
    scratch_remove(scratch);
}
END_TEST

/* ---- without one ---- */

static int run(const char *input, const char *one, const char *two, const char *three)
{
    const char *argv[] = {TRP_PROGRAM, "q", one, two, three, NULL};

    return process_run(&process, input, argv);
}

START_TEST(entries_from_a_pipe_need_no_prompt)
{
    ck_assert_int_eq(run("1+1\na:3;\n\n/ nothing\na*2\nb:1", NULL, NULL, NULL), 0);
    ck_assert_str_eq(process.text, "2\n6\n");
    ck_assert_int_eq(run("1\n\\\\\n2\n", NULL, NULL, NULL), 0);
    ck_assert_str_eq(process.text, "1\n");
    ck_assert_int_eq(run("", NULL, NULL, NULL), 0);
}
END_TEST

START_TEST(the_exit_status_is_about_the_last_entry)
{
    ck_assert_int_eq(run("1+`a\n2\n", NULL, NULL, NULL), 0);
    ck_assert_str_eq(process.error, "'type\n");
    ck_assert_int_eq(run("2\n1+`a\n", NULL, NULL, NULL), 1);
    ck_assert_str_eq(process.text, "2\n");
    ck_assert_int_eq(run("exit 3;show 1\n2\n", NULL, NULL, NULL), 3);
    ck_assert_str_eq(process.text, "");
    ck_assert_int_eq(run("f:{(x\n", NULL, NULL, NULL), 1);
}
END_TEST

START_TEST(system_commands_answer_what_q_answers)
{
    ck_assert_int_eq(
        run("a:1\nf:{x}\nt:([]b:1 2)\n\\a\n\\v\n\\f\n\\d\n\\d .s\nc:2\n\\v\n\\d\n", NULL,
            NULL, NULL),
        0);
    ck_assert_str_eq(process.text, "`s#,`t\n`a`t\n,`f\n`.\n,`c\n`.s\n");
    ck_assert_int_eq(run("\\c 10 20\ntil 20\n\\c\n", NULL, NULL, NULL), 0);
    ck_assert_str_eq(process.text, "0 1 2 3 4 5 6 7 8..\n10 20i\n");
    ck_assert_int_eq(run("\\t 500\n\\t\n\\P\n", NULL, NULL, NULL), 0);
    ck_assert_str_eq(process.text, "500i\n7i\n");
}
END_TEST

START_TEST(evaluations_are_timed)
{
    ck_assert_int_eq(run("r:system\"t til 10\"\n(type r;r within 0 100000)\n"
                         "r:system\"ts:3 til 1000\"\n(type r;count r;r[1]>=24000)\n"
                         "n:0\n\\t:5 n+:1\nn\n\\t 1+`a\n",
                         NULL, NULL, NULL),
                     1);
    ck_assert_ptr_nonnull(strstr(process.text, "-7h\n1b\n7h\n2\n1b\n"));
    ck_assert_ptr_nonnull(strstr(process.text, "\n5\n"));
    ck_assert_str_eq(process.error, "'type\n");
}
END_TEST

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_script_is_loaded_first_with_its_arguments)
{
    char path[SCRATCH_PATH + 32], text[SCRATCH_PATH + 64];

    scratch_make(scratch);
    (void)snprintf(path, sizeof(path), "%s/job.q", scratch);
    write_file(path, "a:{x*\n  y}\nshow .z.x\n\\d .other\nb:1\n");
    ck_assert_int_eq(run("a[6;7]\n\\d\n", path, "one", "two"), 0);
    ck_assert_str_eq(process.text, "\"one\"\n\"two\"\n42\n`.\n");
    (void)snprintf(text, sizeof(text), "\\l %s\na[2;3]\n", path);
    ck_assert_int_eq(run(text, NULL, NULL, NULL), 0);
    ck_assert_str_eq(process.text, "()\n6\n");
    write_file(path, "1+`a\n");
    ck_assert_int_eq(run("2\n", path, NULL, NULL), 1);
    ck_assert_str_eq(process.text, "");
    ck_assert_str_eq(process.error, "'type\n");
    scratch_remove(scratch);
    ck_assert_int_eq(run("2\n", path, NULL, NULL), 2);
}
END_TEST

START_TEST(an_evaluation_has_limits_of_time_and_memory)
{
    ck_assert_int_eq(run("while[1b;]\n1\n", "--time", "0.05", NULL), 0);
    ck_assert_str_eq(process.error, "'stop\n");
    ck_assert_str_eq(process.text, "1\n");
    ck_assert_int_eq(run("til 1000000\ncount til 1000\n", "--memory", "1M", NULL), 0);
    ck_assert_str_eq(process.error, "'wsfull\n");
    ck_assert_str_eq(process.text, "1000\n");
    ck_assert_int_eq(run("", "--memory", "1T", NULL), 2);
    ck_assert_int_eq(run("", "--time", "soon", NULL), 2);
    ck_assert_int_eq(run("", "--what", NULL, NULL), 2);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_console");
    TCase *tcase = tcase_create("session");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, what_is_typed_is_evaluated_and_shown);
    tcase_add_test(tcase, a_line_can_be_edited_before_it_is_entered);
    tcase_add_test(tcase, earlier_lines_come_back_also_in_the_next_session);
    tcase_add_test(tcase, ctrl_c_stops_the_query_and_not_the_program);
    tcase_add_test(tcase, ctrl_c_drops_the_line_that_is_being_typed);
    tcase_add_test(tcase, an_entry_goes_on_while_brackets_are_open);
    tcase_add_test(tcase, the_prompt_names_the_namespace);
    tcase_add_test(tcase, the_end_of_input_leaves);
    tcase_add_test(tcase, sigterm_ends_a_session_in_order);
    tcase_add_test(tcase, a_session_may_serve_what_is_typed_into_it);
    tcase_add_test(tcase, entries_from_a_pipe_need_no_prompt);
    tcase_add_test(tcase, the_exit_status_is_about_the_last_entry);
    tcase_add_test(tcase, system_commands_answer_what_q_answers);
    tcase_add_test(tcase, evaluations_are_timed);
    tcase_add_test(tcase, a_script_is_loaded_first_with_its_arguments);
    tcase_add_test(tcase, an_evaluation_has_limits_of_time_and_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
