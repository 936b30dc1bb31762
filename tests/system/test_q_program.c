/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <troupe/q.h>

#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

/* `troupe q serve` as a process of its own, and programs that use it. */
static struct process server, other;
static char target[64];

#define ROWS TRP_SOURCE_DIR "/docs/examples/rows.q"

static void begin_with(const char *const *extra)
{
    (void)snprintf(target, sizeof(target), "localhost:%u", process_serve(&server, extra));
}

static void begin(void)
{
    begin_with(NULL);
}

static void end(void)
{
    ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
    ck_assert_int_eq(process_wait(&server), 0);
    ck_assert_str_eq(server.error, "");
}

static int eval(const char *expression, const char *one, const char *two)
{
    const char *argv[] = {TRP_PROGRAM, "q", "eval", target, expression, one, two, NULL};

    return process_run(&other, NULL, argv);
}

START_TEST(eval_prints_what_q_prints)
{
    begin();
    ck_assert_int_eq(eval("1+1", NULL, NULL), 0);
    ck_assert_str_eq(other.text, "2\n");
    ck_assert_int_eq(eval("([]a:1 2;b:`x`y)", NULL, NULL), 0);
    ck_assert_str_eq(other.text, "a b\n---\n1 x\n2 y\n");
    ck_assert_int_eq(eval("{x+y}", "1", "10 20"), 0);
    ck_assert_str_eq(other.text, "11 21\n");
    ck_assert_int_eq(eval("a:1", NULL, NULL), 0);
    ck_assert_str_eq(other.text, "");
    end();
}
END_TEST

START_TEST(an_error_of_q_goes_to_stderr_with_exit_code_1)
{
    begin();
    ck_assert_int_eq(eval("1+`a", NULL, NULL), 1);
    ck_assert_str_eq(other.text, "");
    ck_assert_str_eq(other.error, "'type\n");
    ck_assert_int_eq(eval("{x}", "1+`a", NULL), 2);
    ck_assert_ptr_nonnull(strstr(other.error, "no q expression"));
    end();
}
END_TEST

START_TEST(logins_are_checked)
{
    static const char *const users[] = {"--user", "joe:secret", NULL};

    begin_with(users);
    ck_assert_int_eq(eval("1", NULL, NULL), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "refused"));
    const char *argv[] = {TRP_PROGRAM,  "q",    "eval", "--user",
                          "joe:secret", target, "1b",   NULL};
    ck_assert_int_eq(process_run(&other, NULL, argv), 0);
    ck_assert_str_eq(other.text, "1b\n");
    end();
}
END_TEST

START_TEST(the_server_limits_what_a_query_takes)
{
    static const char *const limits[] = {"--memory", "32M", "--time", "0.2", NULL};
    static const char *const endless[] = {
        "while[1b;]", "(2000000#\"a\")like\"*\",(1000000#\"a\"),\"b\"",
        "ss[4000000#\"a\";(100000#\"a\"),\"b\"]",
        "((1000000#\"a\"),\"b\")vs 4000000#\"a\""};

    begin_with(limits);
    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        ck_assert_int_eq(eval(endless[i], NULL, NULL), 1);
        ck_assert_str_eq(other.error, "'stop\n");
    }
    ck_assert_int_eq(eval("count til 100000000", NULL, NULL), 1);
    ck_assert_str_eq(other.error, "'wsfull\n");
    ck_assert_int_eq(eval("1+1", NULL, NULL), 0);
    end();
}
END_TEST

START_TEST(a_client_does_not_take_the_server_off_its_port)
{
    begin();
    ck_assert_int_eq(eval("0<system\"p\"", NULL, NULL), 0);
    ck_assert_str_eq(other.text, "1b\n");
    ck_assert_int_eq(eval("system\"p 0\"", NULL, NULL), 1);
    ck_assert_str_eq(other.error, "'access\n");
    ck_assert_int_eq(eval("1+1", NULL, NULL), 0);
    end();
}
END_TEST

START_TEST(the_server_says_what_is_wrong_with_its_options)
{
    static const char *const wrong[][10] = {
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--tls", "maybe", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--tls-verify-client=perhaps", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--clients", "0", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--idle", "1x", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--time", "0", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--memory", "1T", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--client-memory", "-1", NULL},
    };
    static const char *const absent[] = {
        TRP_PROGRAM, "q",          "serve",   "-p",        "0",       "--tls",
        "both",      "--tls-cert", "no/such", "--tls-key", "no/such", NULL};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(process_run(&other, NULL, wrong[i]), 2);
    }
    ck_assert_int_eq(process_run(&other, NULL, absent), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "no/such"));
}
END_TEST

START_TEST(users_come_from_a_file_that_passwd_writes)
{
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];

    scratch_make(dir);
    (void)snprintf(path, sizeof(path), "%s/users", dir);
    const char *set[] = {TRP_PROGRAM, "q", "passwd", path, "joe", NULL};
    const char *take[] = {TRP_PROGRAM, "q", "passwd", "--remove", path, "ann", NULL};
    const char *users[] = {"--users", path, NULL};
    ck_assert_int_eq(process_run(&other, "secret\n", set), 0);
    ck_assert_str_eq(other.error, "");
    ck_assert_int_eq(process_run(&other, "\n", set), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "the password is empty"));
    ck_assert_int_eq(process_run(&other, NULL, take), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "there is no user ann"));
    begin_with(users);
    ck_assert_int_eq(eval("1", NULL, NULL), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "refused"));
    const char *argv[] = {TRP_PROGRAM,  "q",    "eval", "--user",
                          "joe:secret", target, ".z.u", NULL};
    ck_assert_int_eq(process_run(&other, NULL, argv), 0);
    ck_assert_str_eq(other.text, "`joe\n");
    end();
    FILE *file = fopen(path, "a");
    (void)fputs("nonsense\n", file);
    (void)fclose(file);
    const char *serve[] = {TRP_PROGRAM, "q", "serve", "-p", "0", "--users", path, NULL};
    ck_assert_int_eq(process_run(&other, NULL, serve), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "line 2 is not name:hash"));
    scratch_remove(dir);
}
END_TEST

START_TEST(wrong_usage_is_one_sentence_and_exit_code_2)
{
    static const char *const wrong[][8] = {
        {TRP_PROGRAM, "q", "serve", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "70000", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--what", NULL},
        {TRP_PROGRAM, "q", "serve", "-p", "0", "--user", "nopassword", NULL},
        {TRP_PROGRAM, "q", "eval", "localhost", "1", NULL},
        {TRP_PROGRAM, "q", "eval", "--timeout", "soon", "localhost:1", "1", NULL},
        {TRP_PROGRAM, "q", "what", NULL},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(process_run(&other, NULL, wrong[i]), 2);
        ck_assert_str_eq(other.text, "");
        ck_assert_ptr_nonnull(strchr(other.error, '\n'));
        ck_assert_ptr_eq(strchr(other.error, '\n'),
                         other.error + strlen(other.error) - 1);
    }
}
END_TEST

START_TEST(what_cannot_be_reached_is_said)
{
    static const char *const nobody[] = {TRP_PROGRAM,   "q", "eval",
                                         "localhost:1", "1", NULL};
    static const char *const script[] = {TRP_PROGRAM, "q",      "serve",          "-p",
                                         "0",         "--load", "no/such/file.q", NULL};

    ck_assert_int_eq(process_run(&other, NULL, nobody), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "refused"));
    ck_assert_int_eq(process_run(&other, NULL, script), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "no/such/file.q"));
}
END_TEST

START_TEST(the_shell_works_without_a_terminal)
{
    begin();
    const char *argv[] = {TRP_PROGRAM, "q", "shell", target, NULL};
    ck_assert_int_eq(process_run(&other, "a:5\n\na+1\n`x+1\na+2\n\\\\\na+3\n", argv), 0);
    ck_assert_str_eq(other.text, "6\n7\n");
    ck_assert_str_eq(other.error, "'type\n");
    end();
}
END_TEST

START_TEST(handlers_written_in_q_are_called)
{
    begin();
    ck_assert_int_eq(eval(".z.pg:{(`got;x)}", NULL, NULL), 0);
    ck_assert_int_eq(eval("1+1", NULL, NULL), 0);
    ck_assert_str_eq(other.text, "`got\n\"1+1\"\n");
    end();
}
END_TEST

static void load_text(const char *text)
{
    ck_assert_int_eq(eval(text, NULL, NULL), 0);
}

START_TEST(q_code_may_answer_later)
{
    static struct process patient;

    begin();
    load_text("w:0");
    load_text(".z.pg:{$[x~\"wait\";[w::.z.w;-30!(::)];value x]}");
    for (int error = 0; error < 2; error++) {
        const char *argv[] = {TRP_PROGRAM, "q", "eval", target, "wait", NULL};
        load_text("w:0");
        process_start(&patient, NULL, argv);
        do {
            load_text("w>0");
        } while (strcmp(other.text, "1b\n") != 0);
        load_text(error ? "-30!(w;1b;\"late\")" : "-30!(w;0b;42)");
        ck_assert_int_eq(process_wait(&patient), error);
        ck_assert_str_eq(patient.text, error ? "" : "42\n");
        ck_assert_str_eq(patient.error, error ? "'late\n" : "");
    }
    end();
}
END_TEST

START_TEST(q_code_may_hang_up_and_is_told_of_ends)
{
    begin();
    load_text("ended:0");
    load_text(".z.pc:{ended::ended+1}");
    ck_assert_int_eq(eval("hclose .z.w", NULL, NULL), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "was lost"));
    ck_assert_int_eq(eval("ended>1", NULL, NULL), 0);
    ck_assert_str_eq(other.text, "1b\n");
    end();
}
END_TEST

START_TEST(q_code_may_send_to_many_handles_at_once)
{
    begin();
    ck_assert_int_eq(eval("-25!(.z.w,.z.w;`news)", NULL, NULL), 0);
    ck_assert_int_eq(eval("-25!(.z.w,9999i;`news)", NULL, NULL), 1);
    ck_assert_int_eq(eval("-25!(`a;`news)", NULL, NULL), 1);
    ck_assert_str_eq(other.error, "'type\n");
    end();
}
END_TEST

START_TEST(q_code_decides_who_may_log_in)
{
    begin();
    load_text(".z.pw:{[user;password] (user~`joe)and password~\"secret\"}");
    ck_assert_int_eq(eval("1", NULL, NULL), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "refused"));
    const char *argv[] = {TRP_PROGRAM,  "q",    "eval", "--user",
                          "joe:secret", target, ".z.u", NULL};
    ck_assert_int_eq(process_run(&other, NULL, argv), 0);
    ck_assert_str_eq(other.text, "`joe\n");
    end();
}
END_TEST

START_TEST(the_main_job_fills_its_table)
{
    static const char *const load[] = {"--load", ROWS, NULL};

    begin_with(load);
    for (int threads = 0; threads < 2; threads++) {
        const char *argv[] = {TRP_DEMO, target, threads ? "--threads" : NULL, NULL};
        ck_assert_int_eq(process_run(&other, NULL, argv), 0);
        ck_assert_ptr_nonnull(strstr(other.text, "20010 rows of 20010"));
        ck_assert_ptr_nonnull(strstr(other.text, "20 of 20 connections"));
    }
    end();
}
END_TEST

/* In stuck.q the job can only stop in the middle. */
static void kill_in_the_middle(const char *option, const char *calls)
{
    static const char *const load[] = {"--load", TRP_SOURCE_DIR "/tests/system/stuck.q",
                                       NULL};
    static struct process job;
    unsigned lost = 0;

    begin_with(load);
    const char *argv[] = {TRP_DEMO, target, option, NULL};
    process_start(&job, NULL, argv);
    do {
        ck_assert_int_eq(eval("seen", NULL, NULL), 0);
    } while (strcmp(other.text, calls) != 0);
    ck_assert_int_eq(kill(server.pid, SIGKILL), 0);
    ck_assert_int_eq(process_wait(&server), 128 + SIGKILL);
    ck_assert_int_eq(process_wait(&job), 1);
    for (const char *at = job.error; (at = strstr(at, ": ELOST after ")) != NULL; at++) {
        lost++;
    }
    ck_assert_uint_eq(lost, 20);
}

START_TEST(killing_the_server_in_the_middle_ends_the_job_with_lost_connections)
{
    kill_in_the_middle(NULL, "20\n");
}
END_TEST

START_TEST(threads_that_block_are_told_of_lost_connections_too)
{
    kill_in_the_middle("--threads", "120\n");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_program");
    TCase *tcase = tcase_create("processes");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, eval_prints_what_q_prints);
    tcase_add_test(tcase, an_error_of_q_goes_to_stderr_with_exit_code_1);
    tcase_add_test(tcase, logins_are_checked);
    tcase_add_test(tcase, the_server_limits_what_a_query_takes);
    tcase_add_test(tcase, a_client_does_not_take_the_server_off_its_port);
    tcase_add_test(tcase, the_server_says_what_is_wrong_with_its_options);
    tcase_add_test(tcase, users_come_from_a_file_that_passwd_writes);
    tcase_add_test(tcase, wrong_usage_is_one_sentence_and_exit_code_2);
    tcase_add_test(tcase, what_cannot_be_reached_is_said);
    tcase_add_test(tcase, the_shell_works_without_a_terminal);
    tcase_add_test(tcase, handlers_written_in_q_are_called);
    tcase_add_test(tcase, q_code_may_answer_later);
    tcase_add_test(tcase, q_code_may_hang_up_and_is_told_of_ends);
    tcase_add_test(tcase, q_code_may_send_to_many_handles_at_once);
    tcase_add_test(tcase, q_code_decides_who_may_log_in);
    tcase_add_test(tcase, the_main_job_fills_its_table);
    tcase_add_test(tcase,
                   killing_the_server_in_the_middle_ends_the_job_with_lost_connections);
    tcase_add_test(tcase, threads_that_block_are_told_of_lost_connections_too);
    suite_add_tcase(suite, tcase);
    return suite;
}
