/* SPDX-License-Identifier: MIT
 * The libq engine with a stand-in for the library (tests/standin/libq.c). q starts once
 * in a process, so each test is one, also where Check does not fork. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <troupe/libq.h>
#include <troupe/q.h>

#include "tests/support/process.h"
#include "tests/support/suite.h"

static troupe_system *sys;
static troupe_id engine;
static troupe_failure failure;
static struct process program;

/* ---- a process of its own ---- */

static void apart(void (*run)(void))
{
    int status = 0;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)setenv("QHOME", "/somewhere", 1);
        (void)unsetenv("QLIC");
        run();
        exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ended with %d",
                  status);
}

/* In a child a failed assertion of Check would be nobody's. */
#define NEED(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            (void)fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                \
            _exit(1);                                                                    \
        }                                                                                \
    } while (0)

static troupe_status open_with(troupe_libq_config config)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;

    config.failure = &failure;
    options.config = &config;
    failure = (troupe_failure){.status = TROUPE_OK};
    return troupe_engine_open(sys, &troupe_engine_libq, &options, &engine);
}

static troupe_libq_config standin(const char *licence)
{
    troupe_libq_config config = TROUPE_LIBQ_CONFIG;

    config.path = TRP_STANDIN;
    config.licence = licence;
    return config;
}

static void begin(void)
{
    NEED(troupe_system_new(NULL, &sys) == TROUPE_OK);
    NEED(troupe_system_start(sys) == TROUPE_OK);
}

static void end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(5));
    NEED(troupe_system_join(sys) == TROUPE_OK);
    troupe_system_free(&sys);
}

/* Objects of the stand-in that nobody has given back. */
static int64_t live(void)
{
    void *library = dlopen(TRP_STANDIN, RTLD_NOW);
    int64_t (*count)(void) = NULL;
    void *found = library != NULL ? dlsym(library, "standin_live") : NULL;

    NEED(found != NULL);
    memcpy(&count, &found, sizeof(count));
    return count();
}

/* ---- calls ---- */

static troupe_status ask(troupe_msg **request, troupe_q_value **out)
{
    troupe_msg *answer = NULL;
    troupe_status status =
        troupe_call(sys, engine, request, TROUPE_S(60), &answer, &failure);

    if (status == TROUPE_OK) {
        *out = troupe_q_take(answer);
        NEED(*out != NULL);
    }
    troupe_msg_free(&answer);
    return status;
}

static troupe_status eval(troupe_q_value **query, troupe_q_value **out)
{
    troupe_msg *request = NULL;

    NEED(troupe_embedq_msg(TROUPE_KIND_Q_EVAL, query, &request) == TROUPE_OK);
    return ask(&request, out);
}

static void is(troupe_q_value **value, const char *line)
{
    troupe_q_value *text = NULL;
    size_t size = 0;

    NEED(troupe_q_format_line(*value, 0, &text) == TROUPE_OK);
    const char *shown = troupe_q_text(text, &size);
    if (size != strlen(line) || memcmp(shown, line, size) != 0) {
        (void)fprintf(stderr, "%.*s is not %s\n", (int)size, shown, line);
        _exit(1);
    }
    troupe_q_unref(&text);
    troupe_q_unref(value);
}

static void gives(const char *text, const char *line)
{
    troupe_q_value *query = NULL, *value = NULL;

    NEED(troupe_q_string(text, TROUPE_Q_Z, &query) == TROUPE_OK);
    NEED(eval(&query, &value) == TROUPE_OK);
    is(&value, line);
}

static void fails(const char *text, const char *error)
{
    troupe_q_value *query = NULL, *value = NULL;

    NEED(troupe_q_string(text, TROUPE_Q_Z, &query) == TROUPE_OK);
    NEED(eval(&query, &value) == TROUPE_EREMOTE);
    NEED(strcmp(failure.text, error) == 0);
}

/* ---- what calls do ---- */

static void evaluate_texts(void)
{
    begin();
    NEED(open_with(standin("here")) == TROUPE_OK);
    gives("1+2", "3");
    gives("til 5", "0 1 2 3 4");
    gives("til 0", "`long$()");
    gives("", "::");
    fails("nobody", "nobody");
    fails("foreign", "type");
    gives("2+2", "4");
    end();
    NEED(live() == 0);
}

START_TEST(a_text_is_evaluated_and_an_error_has_its_text)
{
    apart(evaluate_texts);
}
END_TEST

/* Evaluates ("{x}"; value) there. */
static void comes_back(troupe_embedq *q, const char *text)
{
    troupe_q_value *parts[2] = {NULL, NULL}, *query = NULL, *value = NULL;

    NEED(troupe_q_string("{x}", 3, &parts[0]) == TROUPE_OK);
    NEED(troupe_embedq_text(q, text, TROUPE_Q_Z, &parts[1]) == TROUPE_OK);
    NEED(troupe_q_list(2, parts, &query) == TROUPE_OK);
    NEED(eval(&query, &value) == TROUPE_OK);
    NEED(troupe_q_match(value, parts[1]));
    troupe_q_unref(&value);
    troupe_q_unref(&parts[0]);
    troupe_q_unref(&parts[1]);
}

static void pass_values(void)
{
    static const char *const texts[] = {
        "1b", "42",    "1.5",    "\"a\"", "\"text\"",
        "`a", "1 2 3", "0x0102", "::",    "(1;`a;(2;\"x\"))"};
    troupe_embedq *q = NULL;
    troupe_q_value *value = NULL, *answer = NULL;

    begin();
    NEED(open_with(standin("here")) == TROUPE_OK);
    NEED(troupe_embedq_new(NULL, &q) == TROUPE_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        comes_back(q, texts[i]);
    }
    NEED(troupe_embedq_text(q, "`name", TROUPE_Q_Z, &value) == TROUPE_OK);
    NEED(eval(&value, &answer) == TROUPE_EREMOTE && strcmp(failure.text, "name") == 0);
    NEED(troupe_embedq_text(q, "7 8", TROUPE_Q_Z, &value) == TROUPE_OK);
    NEED(eval(&value, &answer) == TROUPE_OK); /* no query: itself */
    is(&answer, "7 8");
    NEED(troupe_embedq_text(q, "(\"{x}\";2022.01.01)", TROUPE_Q_Z, &value) == TROUPE_OK);
    NEED(eval(&value, &answer) == TROUPE_ETYPE); /* the stand-in knows no dates */
    troupe_embedq_free(&q);
    end();
    NEED(live() == 0);
}

START_TEST(values_cross_both_ways_and_nothing_is_left_behind)
{
    apart(pass_values);
}
END_TEST

static troupe_status handle(troupe_embedq_event event, const char *text,
                            troupe_q_value **out)
{
    troupe_embedq_call call = {
        .size = sizeof(call), .event = event, .handle = 7, .user = "joe"};
    troupe_msg *request = NULL;

    NEED(text == NULL || troupe_q_string(text, TROUPE_Q_Z, &call.value) == TROUPE_OK);
    NEED(troupe_embedq_call_msg(&call, &request) == TROUPE_OK);
    troupe_q_unref(&call.value);
    return ask(&request, out);
}

static void event_gives(troupe_embedq_event event, const char *text, const char *line)
{
    troupe_q_value *value = NULL;

    NEED(handle(event, text, &value) == TROUPE_OK);
    is(&value, line);
}

static void call_handlers(void)
{
    begin();
    NEED(open_with(standin("here")) == TROUPE_OK);
    event_gives(TROUPE_EMBEDQ_LOGIN, "guess", "1b");
    event_gives(TROUPE_EMBEDQ_OPENED, NULL, "::");
    event_gives(TROUPE_EMBEDQ_SYNC, "1+2", "3");
    event_gives(TROUPE_EMBEDQ_ASYNC, "3+4", "7");
    gives(".z.pw:{[u;p]p~\"secret\"}", "::");
    gives(".z.po:{x}", "::");
    gives(".z.pg:{(`sync;x)}", "::");
    gives(".z.ps:{(`async;x)}", "::");
    event_gives(TROUPE_EMBEDQ_LOGIN, "guess", "0b");
    event_gives(TROUPE_EMBEDQ_LOGIN, "secret", "1b");
    event_gives(TROUPE_EMBEDQ_OPENED, NULL, "7");
    event_gives(TROUPE_EMBEDQ_CLOSED, NULL, "::");
    event_gives(TROUPE_EMBEDQ_SYNC, "1+2", "(`sync;\"1+2\")");
    event_gives(TROUPE_EMBEDQ_ASYNC, "1+2", "(`async;\"1+2\")");
    end();
    NEED(live() == 0);
}

START_TEST(handlers_of_connections_are_those_that_q_code_defined)
{
    apart(call_handlers);
}
END_TEST

static void exceed_the_limit(void)
{
    troupe_libq_config config = standin("here");
    troupe_q_value *query = NULL, *value = NULL;

    begin();
    config.message_limit = 1000;
    NEED(open_with(config) == TROUPE_OK);
    gives("til 3", "0 1 2");
    NEED(troupe_q_string("til 1000", TROUPE_Q_Z, &query) == TROUPE_OK);
    NEED(eval(&query, &value) == TROUPE_ELIMIT);
    NEED(strstr(failure.text, "message_limit") != NULL);
    gives("1+1", "2");
    end();
    NEED(live() == 0);
}

START_TEST(an_answer_above_the_limit_fails_alone)
{
    apart(exceed_the_limit);
}
END_TEST

/* ---- opening ---- */

static void open_twice(void)
{
    begin();
    NEED(open_with(standin("here")) == TROUPE_OK);
    troupe_id first = engine;
    NEED(open_with(standin("here")) == TROUPE_EEXIST);
    engine = first;
    gives("1+1", "2");
    NEED(troupe_engine_close(sys, first, TROUPE_S(5)) == TROUPE_OK);
    NEED(open_with(standin("here")) == TROUPE_EEXIST);
    NEED(strstr(failure.text, "only once") != NULL);
    end();
}

START_TEST(q_is_opened_once_in_a_process)
{
    apart(open_twice);
}
END_TEST

static void refused(troupe_libq_config config, troupe_status status, const char *text)
{
    troupe_status got = open_with(config);

    if (got != status || failure.status != status || strstr(failure.text, text) == NULL) {
        (void)fprintf(stderr, "%d: '%s' without '%s'\n", got, failure.text, text);
        _exit(1);
    }
}

#if !defined(__SANITIZE_ADDRESS__)
static void open_wrongly(void)
{
    troupe_libq_config config = standin("here");

    begin();
    config.path = "/no/such/libq.so";
    refused(config, TROUPE_ENOENT, "/no/such/libq.so");
    config.path = TRP_STANDIN_LAME;
    refused(config, TROUPE_EUNSUPPORTED, "no function d9");
    config = standin("here");
    (void)unsetenv("QHOME");
    refused(config, TROUPE_ENOENT, "QHOME");
    config.home = "/given";
    config.licence = "/licences/none";
    refused(config, TROUPE_EACCESS, "'k4.lic");
    config.licence = "/licences/ends";
    refused(config, TROUPE_EACCESS, "licence error: exp");
    config.licence = "/licences/hangs";
    config.probe_limit = TROUPE_MS(50);
    refused(config, TROUPE_ETIMEDOUT, "in time");
    config = standin("here"); /* what failed in a child has not started q here */
    config.home = "/given";
    NEED(open_with(config) == TROUPE_OK);
    gives("1+1", "2");
    end();
}

START_TEST(what_keeps_q_from_starting_is_said)
{
    apart(open_wrongly);
}
END_TEST
#endif

static void open_old(void)
{
    begin();
    refused(standin("/licences/old"), TROUPE_EUNSUPPORTED, "q 2.8");
    end();
    NEED(live() == 0);
}

START_TEST(a_q_that_is_too_old_is_refused)
{
    apart(open_old);
}
END_TEST

static void open_without_probe(void)
{
    troupe_libq_config config = standin("/licences/none");

    begin();
    config.skip_probe = true;
    refused(config, TROUPE_EACCESS, "licence");
    end();
}

START_TEST(without_a_probe_q_is_started_at_once)
{
    apart(open_without_probe);
}
END_TEST

/* ---- the program ---- */

START_TEST(a_session_evaluates_with_the_library)
{
    const char *argv[] = {TRP_PROGRAM, "q",         "--engine", "libq",
                          "--libq",    TRP_STANDIN, NULL};

    (void)setenv("QHOME", "/somewhere", 1);
    ck_assert_int_eq(process_run(&program, "1+2\nnobody\n40+2\n", argv), 0);
    ck_assert_str_eq(program.text, "3\n42\n");
    ck_assert_str_eq(program.error, "'nobody\n");
    (void)setenv("QLIC", "/licences/none", 1);
    ck_assert_int_eq(process_run(&program, "1+2\n", argv), 1);
    ck_assert_ptr_nonnull(strstr(program.error, "'k4.lic"));
    (void)unsetenv("QLIC");
    argv[4] = NULL;
    ck_assert_int_eq(process_run(&program, "1+2\n", argv), 1);
    ck_assert_ptr_nonnull(strstr(program.error, "libq.so"));
    argv[3] = "other";
    ck_assert_int_eq(process_run(&program, "1+2\n", argv), 2);
}
END_TEST

START_TEST(a_server_evaluates_with_the_library)
{
    static struct process server;
    const char *const extra[] = {"--engine", "libq", "--libq", TRP_STANDIN, NULL};
    char target[64];

    (void)setenv("QHOME", "/somewhere", 1);
    (void)snprintf(target, sizeof(target), "localhost:%u", process_serve(&server, extra));
    const char *argv[] = {TRP_PROGRAM, "q", "eval", target, "til 4", NULL};
    ck_assert_int_eq(process_run(&program, NULL, argv), 0);
    ck_assert_str_eq(program.text, "0 1 2 3\n");
    argv[4] = "nobody";
    ck_assert_int_eq(process_run(&program, NULL, argv), 1);
    ck_assert_str_eq(program.error, "'nobody\n");
    ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
    ck_assert_int_eq(process_wait(&server), 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("libq");
    TCase *tcase = tcase_create("engine");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_text_is_evaluated_and_an_error_has_its_text);
    tcase_add_test(tcase, values_cross_both_ways_and_nothing_is_left_behind);
    tcase_add_test(tcase, handlers_of_connections_are_those_that_q_code_defined);
    tcase_add_test(tcase, an_answer_above_the_limit_fails_alone);
    tcase_add_test(tcase, q_is_opened_once_in_a_process);
#if !defined(__SANITIZE_ADDRESS__)
    /* The library ends the trial's process by exit; there the report of what was not
     * freed would be what it says. */
    tcase_add_test(tcase, what_keeps_q_from_starting_is_said);
#endif
    tcase_add_test(tcase, a_q_that_is_too_old_is_refused);
    tcase_add_test(tcase, without_a_probe_q_is_started_at_once);
    tcase_add_test(tcase, a_session_evaluates_with_the_library);
    tcase_add_test(tcase, a_server_evaluates_with_the_library);
    suite_add_tcase(suite, tcase);
    return suite;
}
