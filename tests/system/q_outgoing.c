/* SPDX-License-Identifier: MIT */
#include "tests/system/q_outgoing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <troupe/engine.h>

#include "mailbox/alloc.h"

troupe_id engine;
uint16_t at, there;

static troupe_system *other; /* the second */
static troupe_q_hub *hub, *other_hub;
static troupe_q first, second; /* connections of the test's */
static char text[OUTGOING_TEXT];

/* ---- the two ---- */

/* system"fail n": the n-th allocation of the engine's thread from now fails. */
static troupe_status fail_soon(void *context, const char *command, size_t size,
                               troupe_q_value **answer)
{
    (void)context, (void)answer;
    ck_assert(size > 5 && memcmp(command, "fail ", 5) == 0);
    trp_fail_nth(strtoull(command + 5, NULL, 10));
    return TROUPE_OK;
}

static uint16_t begin_one(troupe_system *system, troupe_q_hub **its, troupe_id *id,
                          troupe_ns call_limit, const troupe_q_server_options *given)
{
    static troupe_embedq_host host;
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;
    uint16_t got = 0;

    if (given != NULL) {
        serving = *given;
    }
    OK(troupe_q_hub_new(system, its));
    q.memory_limit = 256 << 20;
    host = *troupe_q_hub_host(*its);
    host.system = fail_soon;
    q.host = &host;
    q.context = *its;
    options.config = &q;
    options.call_limit = call_limit;
    OK(troupe_engine_open(system, &troupe_engine_embedq, &options, id));
    serving.engine = *id;
    serving.hub = *its;
    OK(troupe_q_serve(system, &serving, &server, &got));
    return got;
}

void outgoing_begin_with(troupe_ns call_limit, const troupe_q_server_options *serving)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_id id;

    faults_begin(NULL);
    OK(troupe_system_new(NULL, &other));
    troupe_log_to(other, TROUPE_LOG_ERROR, troupe_log_stderr, NULL);
    OK(troupe_system_start(other));
    at = begin_one(sys, &hub, &engine, call_limit, NULL);
    there = begin_one(other, &other_hub, &id, 0, serving);
    first = faults_open(at);
    if (serving != NULL && serving->user_count > 0) {
        options.username = serving->users[0].name;
        options.password = serving->users[0].password;
    }
    second = faults_open_with(there, options);
}

troupe_q_hub *outgoing_hub(void)
{
    return hub;
}

void outgoing_begin(void)
{
    outgoing_begin_with(0, NULL);
}

void outgoing_end_there(void)
{
    troupe_system_shutdown(other, TROUPE_S(STUCK_S));
    OK(troupe_system_join(other));
    troupe_system_free(&other);
    troupe_q_hub_free(&other_hub);
}

void outgoing_finish(void)
{
    if (other != NULL) {
        outgoing_end_there();
    }
    faults_end();
    troupe_q_hub_free(&hub);
}

void outgoing_end(void)
{
    IS("2", "1+1");
    if (other != NULL) {
        FAR("2", "1+1");
    }
    outgoing_finish();
}

/* ---- asking ---- */

static const char *shown(troupe_msg *msg)
{
    const troupe_failure *failure = troupe_msg_failure(msg);
    troupe_q_value *line = NULL, *value = NULL;
    size_t size = 0;

    if (failure != NULL) {
        (void)snprintf(text, sizeof(text), "'%s", failure->text);
        return text;
    }
    value = troupe_q_take(msg);
    OK(troupe_q_format_line(value, 0, &line));
    const char *bytes = troupe_q_text(line, &size);
    (void)snprintf(text, sizeof(text), "%.*s", (int)size, bytes);
    troupe_q_unref(&line);
    troupe_q_unref(&value);
    return text;
}

static troupe_pending *ask(troupe_q q, const char *query)
{
    return faults_call(q, query, TROUPE_NEVER);
}

const char *here_says(troupe_pending **pending)
{
    troupe_msg *msg = NULL;

    OK(troupe_pending_wait(*pending, TROUPE_S(STUCK_S), &msg));
    const char *said = shown(msg);
    troupe_msg_free(&msg);
    troupe_pending_free(pending);
    return said;
}

troupe_pending *here_asks(const char *query)
{
    return ask(first, query);
}

static const char *answer(troupe_q q, const char *format, va_list args)
{
    char query[OUTGOING_TEXT];

    int size = vsnprintf(query, sizeof(query), format, args);
    ck_assert_int_lt(size, (int)sizeof(query));
    troupe_pending *pending = ask(q, query);
    return here_says(&pending);
}

const char *here(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const char *said = answer(first, format, args);
    va_end(args);
    return said;
}

const char *far(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const char *said = answer(second, format, args);
    va_end(args);
    return said;
}

void here_becomes(const char *expected, const char *query)
{
    struct timespec begun, now;

    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    now = begun;
    while (strcmp(here("%s", query), expected) != 0 &&
           now.tv_sec - begun.tv_sec < STUCK_S) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    }
    ck_assert_str_eq(text, expected);
}

int here_welcomed(int listener, uint16_t port_there)
{
    char query[64];

    (void)snprintf(query, sizeof(query), "h:hopen %u", port_there);
    troupe_pending *pending = here_asks(query);
    int fd = raw_welcome(listener);
    ck_assert_str_eq(here_says(&pending), "::");
    return fd;
}
