/* SPDX-License-Identifier: MIT
 * Scripts of q processes: what they print, when they run, and what they and clients may
 * do to files and to the process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

static struct process server, other;
static char folder[SCRATCH_PATH];
static char target[64];

/* Each test has a folder of its own to work in. */
static void begin(void)
{
    scratch_make(folder);
    ck_assert_int_eq(chdir(folder), 0);
}

static void end(void)
{
    ck_assert_int_eq(chdir(".."), 0);
    scratch_remove(folder);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void aim(void)
{
    const char *number = strstr(server.text, "listening on port ");

    (void)snprintf(target, sizeof(target), "localhost:%lu",
                   strtoul(number + strlen("listening on port "), NULL, 10));
}

static void serve(const char *const *extra)
{
    const char *argv[PROCESS_ARGS] = {TRP_PROGRAM, "q", "serve", "-p", "0"};

    for (size_t i = 5; *extra != NULL; i++) {
        argv[i] = *extra++;
    }
    process_start(&server, NULL, argv);
    ck_assert(process_expect(&server, "listening on port "));
    ck_assert(process_expect(&server, "\n"));
    aim();
}

static int stop(void)
{
    ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
    return process_wait(&server);
}

static int eval(const char *expression)
{
    const char *argv[] = {TRP_PROGRAM, "q", "eval", target, expression, NULL};

    return process_run(&other, NULL, argv);
}

static void gives(const char *expression, const char *text)
{
    ck_assert_int_eq(eval(expression), 0);
    ck_assert_str_eq(other.text, text);
}

static void fails(const char *expression, const char *error)
{
    ck_assert_int_eq(eval(expression), 1);
    ck_assert_str_eq(other.error, error);
}

START_TEST(scripts_are_loaded_in_order_with_arguments_and_know_the_port)
{
    static const char *const extra[] = {
        "--load", "one.q", "--load", "sub/two.q", "--timer", "60000", "sym", "log", NULL};

    begin();
    ck_assert_int_eq(mkdir("sub", 0777), 0);
    write_file("one.q",
               "a:1;-1 \"to the console\";-2\"to the other\";show .z.x;p:system\"p\"\n");
    write_file("sub/two.q", "b:a+1\n\\l three.q\n");
    write_file("sub/three.q", "c:b+1;f:.z.f;t:system\"t\"\n");
    serve(extra);
    ck_assert_ptr_eq(strstr(server.text, "to the console\n\"sym\"\n\"log\"\nlistening"),
                     server.text);
    gives("(a;b;c;f;t;p=system\"p\";p>0)", "1\n2\n3\n`one.q\n60000i\n1b\n1b\n");
    ck_assert_int_eq(stop(), 0);
    ck_assert_str_eq(server.error, "to the other\n");
    end();
}
END_TEST

START_TEST(files_are_for_scripts_unless_a_folder_is_given)
{
    static const char *const none[] = {"--load", "s.q", NULL};
    static const char *const some[] = {"--load", "s.q", "--files", "open", NULL};

    begin();
    ck_assert_int_eq(mkdir("open", 0777), 0);
    ck_assert_int_eq(symlink("..", "open/up"), 0);
    ck_assert_int_eq(symlink("../new", "open/nowhere"), 0);
    write_file("s.q", "`:secret set 1;`:open/x set 2;l:hopen`:log;add:{l enlist x}\n");
    serve(none);
    fails("get`:secret", "'access\n");
    fails("`:open/x set 3", "'access\n");
    fails("hopen`:open/x", "'access\n");
    fails("\\l s.q", "'access\n");
    fails("system\"cd /\"", "'access\n");
    ck_assert_int_eq(eval("add 5"), 0); /* the handle is open */
    fails("-11!(-2;`:log)", "'access\n");
    ck_assert_int_eq(stop(), 0);
    serve(some);
    gives("get`:open/x", "2\n");
    gives("`:open/deep/y set 5", "`:open/deep/y\n");
    gives("key`:open/deep", ",`y\n");
    fails("get`:secret", "'access\n");
    fails("get`:open/../secret", "'access\n");
    fails("get`:open/up/secret", "'access\n");
    fails("`:open/up/z set 1", "'access\n");
    fails("`:open/deep/no/../../../z set 1", "'access\n");
    fails("`:open/nowhere set 1", "'access\n");
    fails("`:openly set 1", "'access\n");
    fails("key`:.", "'access\n");
    gives("system\"cd open\";get`:x", "2\n");
    fails("system\"cd ..\"", "'access\n");
    ck_assert_int_eq(stop(), 0);
    end();
}
END_TEST

START_TEST(exit_ends_the_process_in_order)
{
    static const char *const at_once[] = {TRP_PROGRAM, "q",      "serve", "-p",
                                          "0",         "--load", "s.q",   NULL};
    static const char *const no[] = {"--load", "t.q", NULL};
    static const char *const yes[] = {"--load", "t.q", "--allow-exit", NULL};

    begin();
    write_file("s.q", "-1\"bye\";exit 3;-1\"not this\"\n-1\"nor this\"");
    ck_assert_int_eq(process_run(&other, NULL, at_once), 3);
    ck_assert_str_eq(other.text, "bye\n");
    ck_assert_str_eq(other.error, "");
    write_file("t.q", ".z.exit:{-1\"told \",string x}\n");
    serve(no);
    fails("exit 4", "'access\n");
    gives("1+1", "2\n");
    ck_assert_int_eq(stop(), 0);
    serve(yes);
    (void)eval("exit 4");
    ck_assert_int_eq(process_wait(&server), 4);
    ck_assert_ptr_nonnull(strstr(server.text, "told 4\n"));
    end();
}
END_TEST

START_TEST(clients_open_connections_only_where_it_is_granted)
{
    static const char *const no[] = {"--load", "c.q", NULL};
    static const char *const yes[] = {"--load", "c.q", "--allow-connect", NULL};

    begin();
    write_file("c.q", "dial:{@[hopen;(`::1;100);{x}]}\nloaded:dial[]\n");
    serve(no);
    gives("loaded like \"hop*\"", "1b\n"); /* it tried */
    gives("dial[]", "\"access\"\n");
    fails("hopen 1", "'access\n");
    fails("`::1 \"1\"", "'access\n");
    ck_assert_int_eq(stop(), 0);
    serve(yes);
    gives("dial[] like \"hop*\"", "1b\n");
    ck_assert_int_eq(stop(), 0);
    end();
}
END_TEST

START_TEST(a_script_that_fails_is_named_and_ends_the_server)
{
    static const char *const argv[] = {TRP_PROGRAM, "q",      "serve",  "-p",    "0",
                                       "--load",    "good.q", "--load", "bad.q", NULL};

    begin();
    write_file("good.q", "a:1\n");
    write_file("bad.q", "1+`a\n");
    ck_assert_int_eq(process_run(&other, NULL, argv), 1);
    ck_assert_str_eq(other.text, "");
    ck_assert_str_eq(other.error, "troupe: the script bad.q ends with an error: 'type\n");
    end();
}
END_TEST

START_TEST(a_server_without_its_port_runs_no_script)
{
    static const char *const first[] = {"--load", "s.q", NULL};

    begin();
    write_file("s.q", "`:ran set @[get;`:ran;0]+1\n");
    serve(first);
    const char *argv[] = {TRP_PROGRAM, "q",   "serve", "-p", strchr(target, ':') + 1,
                          "--load",    "s.q", NULL};
    const char *session[] = {TRP_PROGRAM, "q", "s.q", "-p", strchr(target, ':') + 1,
                             NULL};
    ck_assert_int_eq(process_run(&other, NULL, argv), 1);
    ck_assert_ptr_nonnull(strstr(other.error, "already in use"));
    ck_assert_int_eq(process_run(&other, NULL, session), 1);
    ck_assert_int_eq(stop(), 0);
    write_file("look.q", "show get`:ran\nexit 0\n");
    const char *look[] = {TRP_PROGRAM, "q", "look.q", NULL};
    ck_assert_int_eq(process_run(&other, NULL, look), 0);
    ck_assert_str_eq(other.text, "1\n");
    end();
}
END_TEST

START_TEST(a_script_that_does_not_end_is_stopped_by_sigterm)
{
    static const char *const argv[] = {TRP_PROGRAM, "q",      "serve", "-p",
                                       "0",         "--load", "s.q",   NULL};

    begin();
    write_file("s.q", "-1\"here\";while[1b;]\n");
    process_start(&server, NULL, argv);
    ck_assert(process_expect(&server, "here\n"));
    ck_assert_int_eq(stop(), 1);
    ck_assert_str_eq(server.error, "troupe: the script s.q was stopped\n");
    end();
}
END_TEST

START_TEST(a_session_without_input_stays_while_it_serves)
{
    begin();
    write_file("s.q", "a:.z.x\n");
    const char *argv[] = {"/bin/sh", "-c",
                          "exec " TRP_PROGRAM " q s.q one -p 0 two <"
                          "/dev/null",
                          NULL};
    process_start(&server, NULL, argv);
    ck_assert(process_expect(&server, "listening on port "));
    ck_assert(process_expect(&server, "\n"));
    aim();
    gives("a", "\"one\"\n\"two\"\n");
    (void)eval("exit 5"); /* a session is for whoever reaches it */
    ck_assert_int_eq(process_wait(&server), 5);
    const char *none[] = {"/bin/sh", "-c", "exec " TRP_PROGRAM " q s.q </dev/null", NULL};
    ck_assert_int_eq(process_run(&server, NULL, none), 0);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_scripts");
    TCase *tcase = tcase_create("processes");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, scripts_are_loaded_in_order_with_arguments_and_know_the_port);
    tcase_add_test(tcase, files_are_for_scripts_unless_a_folder_is_given);
    tcase_add_test(tcase, exit_ends_the_process_in_order);
    tcase_add_test(tcase, clients_open_connections_only_where_it_is_granted);
    tcase_add_test(tcase, a_script_that_fails_is_named_and_ends_the_server);
    tcase_add_test(tcase, a_server_without_its_port_runs_no_script);
    tcase_add_test(tcase, a_script_that_does_not_end_is_stopped_by_sigterm);
    tcase_add_test(tcase, a_session_without_input_stays_while_it_serves);
    suite_add_tcase(suite, tcase);
    return suite;
}
