/* SPDX-License-Identifier: MIT
 * The embedded q behind the engine's functions, without an engine actor. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"

static void *engine;
static char printed[1024];
static char sent[1024];
static int64_t deferred_to;

static void keep_print(void *context, int stream, const char *text, size_t size)
{
    (void)context;
    (void)stream;
    size_t have = strlen(printed);
    ck_assert_uint_lt(have + size, sizeof printed);
    memcpy(printed + have, text, size);
    printed[have + size] = 0;
}

static troupe_status keep_send(void *context, int64_t handle, bool async,
                               troupe_q_value *value, troupe_q_value **answer)
{
    troupe_q_value *line = NULL;
    size_t size = 0;

    (void)context;
    ck_assert_int_eq(troupe_q_format_line(value, 0, &line), TROUPE_OK);
    const char *text = troupe_q_text(line, &size);
    size_t have = strlen(sent);
    (void)snprintf(sent + have, sizeof sent - have, "%d%s %.*s;", (int)handle,
                   async ? "a" : "s", (int)size, text);
    troupe_q_unref(&line);
    return async ? TROUPE_OK : troupe_q_long(42, answer);
}

static troupe_status keep_defer(void *context, int64_t handle, bool is_error,
                                troupe_q_value *value)
{
    (void)context;
    (void)is_error;
    deferred_to = value != NULL ? handle : -handle;
    return TROUPE_OK;
}

static const troupe_embedq_host host = {
    .size = sizeof host, .print = keep_print, .send = keep_send, .defer = keep_defer};

static void begin(void)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;

    options.host = &host;
    options.script = "base:100\nplus:{\n  base+x\n  }\n/ a comment\n";
    printed[0] = sent[0] = 0;
    deferred_to = 0;
    ck_assert_int_eq(troupe_engine_embedq.open(NULL, &options, &engine), TROUPE_OK);
}

static void end(void)
{
    troupe_engine_embedq.close(NULL, engine);
}

static troupe_status run(troupe_msg *request, troupe_msg **answer)
{
    *answer = NULL;
    troupe_status status = troupe_engine_embedq.execute(NULL, engine, &request, answer);
    troupe_msg_free(&request);
    return status;
}

static troupe_msg *text_msg(const char *text)
{
    troupe_q_value *value = NULL;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &value), TROUPE_OK);
    ck_assert_int_eq(troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &value, &msg), TROUPE_OK);
    ck_assert_ptr_null(value);
    return msg;
}

static int64_t number_of(troupe_msg *answer)
{
    int64_t n = 0;

    ck_assert_int_eq((int)troupe_msg_kind(answer), TROUPE_KIND_Q_VALUE);
    ck_assert_int_eq(troupe_q_get_long(troupe_msg_body(answer), 0, &n), TROUPE_OK);
    return n;
}

START_TEST(text_is_answered_with_a_value)
{
    troupe_msg *answer = NULL;

    begin();
    ck_assert_int_eq(run(text_msg("plus 1"), &answer), TROUPE_OK);
    ck_assert_int_eq(number_of(answer), 101);
    troupe_msg_free(&answer);
    end();
}
END_TEST

START_TEST(an_error_is_a_failure_with_q_text)
{
    troupe_msg *answer = NULL;

    begin();
    ck_assert_int_eq(run(text_msg("1+`a"), &answer), TROUPE_EREMOTE);
    ck_assert_str_eq(troupe_msg_failure(answer)->text, "type");
    troupe_msg_free(&answer);
    end();
}
END_TEST

static troupe_msg *event(troupe_embedq_event which, const char *text)
{
    troupe_embedq_call call = {
        .size = sizeof call, .event = which, .handle = 7, .user = "me"};
    troupe_msg *msg = NULL;

    if (text != NULL) {
        ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &call.value), TROUPE_OK);
    }
    ck_assert_int_eq(troupe_embedq_call_msg(&call, &msg), TROUPE_OK);
    troupe_q_unref(&call.value);
    return msg;
}

static int64_t answer_to(troupe_msg *request)
{
    troupe_msg *answer = NULL;
    int64_t n = -1;

    ck_assert_int_eq(run(request, &answer), TROUPE_OK);
    troupe_q_value *value = troupe_msg_body(answer);
    if (troupe_q_type(value) != TROUPE_Q_UNARY) {
        ck_assert_int_eq(troupe_q_get_long(value, 0, &n), TROUPE_OK);
    }
    troupe_msg_free(&answer);
    return n;
}

START_TEST(events_without_handlers_do_what_q_does)
{
    begin();
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_LOGIN, "secret")), 1);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_OPENED, NULL)), -1);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_SYNC, "plus 2")), 102);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_SYNC, ".z.w")), 7);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_SYNC, "`me~.z.u")), 1);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_CLOSED, NULL)), -1);
    end();
}
END_TEST

START_TEST(handlers_in_q_are_called)
{
    begin();
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_SYNC,
                                     ".z.pw:{(x~`me)&y~\"right\"};.z.po:{opened::x};"
                                     ".z.pc:{closed::x};.z.ps:{last_async::value x}")),
                     -1);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_LOGIN, "right")), 1);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_LOGIN, "wrong")), 0);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_OPENED, NULL)), 7);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_CLOSED, NULL)), 7);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_ASYNC, "6*7")), 42);
    ck_assert_int_eq(answer_to(event(TROUPE_EMBEDQ_SYNC, "opened+closed+last_async")),
                     56);
    end();
}
END_TEST

START_TEST(handles_send_through_the_host)
{
    begin();
    ck_assert_int_eq(
        answer_to(event(TROUPE_EMBEDQ_SYNC, "h:neg .z.w; h (`upd;1); 3 \"2+2\"")), 42);
    ck_assert_str_eq(sent, "7a (`upd;1);3s \"2+2\";");
    end();
}
END_TEST

START_TEST(an_answer_can_be_put_off)
{
    troupe_msg *answer = NULL;

    begin();
    ck_assert_int_eq(answer_to(text_msg("f:{h::.z.w;-30!(::);show h};1")), 1);
    ck_assert_int_eq(run(event(TROUPE_EMBEDQ_SYNC, "f[]"), &answer), TROUPE_OK);
    ck_assert_int_eq((int)troupe_msg_kind(answer), TROUPE_KIND_Q_DEFERRED);
    troupe_msg_free(&answer);
    ck_assert_int_eq(deferred_to, -7);
    ck_assert_str_eq(printed, "7i\n");
    ck_assert_int_eq(answer_to(text_msg("-30!(h;0b;`hello`world)")), -1);
    ck_assert_int_eq(deferred_to, 7);
    end();
}
END_TEST

static void *interrupter(void *arg)
{
    atomic_bool *stop = arg;

    while (!atomic_load(stop)) {
        troupe_engine_embedq.interrupt(engine);
    }
    return NULL;
}

START_TEST(an_endless_loop_is_interrupted)
{
    static const char *const loops[] = {"while[1b;x:1]", "{.z.s 1}/[{1b};1]",
                                        "@[{while[1b;x]};1;`caught]",
                                        "system\"sleep 1000\""};
    atomic_bool stop = false;
    pthread_t thread;
    troupe_msg *answer = NULL;

    begin();
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupter, &stop), 0);
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        troupe_status status = run(text_msg(loops[i]), &answer);
        ck_assert(status == TROUPE_ECANCELED || status == TROUPE_EREMOTE);
        troupe_msg_free(&answer);
    }
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    end();
}
END_TEST

START_TEST(limits_end_what_would_not_end)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;
    troupe_embedq *q = NULL;
    troupe_q_value *v = NULL;

    options.memory_limit = 1 << 20;
    options.step_limit = 100000;
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
    ck_assert_int_eq(troupe_embedq_text(q, "til 1000000", TROUPE_Q_Z, &v),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(troupe_embedq_error(q), "wsfull");
    ck_assert_int_eq(
        troupe_embedq_text(q, "a:();while[1b;a,:enlist til 1000]", TROUPE_Q_Z, &v),
        TROUPE_EREMOTE);
    ck_assert_str_eq(troupe_embedq_error(q), "wsfull");
    ck_assert_int_eq(troupe_embedq_text(q, "while[1b;1]", TROUPE_Q_Z, &v),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(troupe_embedq_error(q), "stop");
    ck_assert_int_eq(troupe_embedq_text(q, "{x .z.s}/1", TROUPE_Q_Z, &v), TROUPE_EREMOTE);
    troupe_embedq_free(&q);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_engine");
    TCase *tcase = tcase_create("engine");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, text_is_answered_with_a_value);
    tcase_add_test(tcase, an_error_is_a_failure_with_q_text);
    tcase_add_test(tcase, events_without_handlers_do_what_q_does);
    tcase_add_test(tcase, handlers_in_q_are_called);
    tcase_add_test(tcase, handles_send_through_the_host);
    tcase_add_test(tcase, an_answer_can_be_put_off);
    tcase_add_test(tcase, an_endless_loop_is_interrupted);
    tcase_add_test(tcase, limits_end_what_would_not_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
