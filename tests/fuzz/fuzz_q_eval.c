/* SPDX-License-Identifier: MIT
 * fuzz_q_eval.c - programs of the grammar run under small limits: each gives a value or
 * an error; a value can be shown, sent and read back as the same; and what a program left
 * behind does not disturb the next one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/embedq.h>

#include "tests/fuzz/law.h"
#include "tests/fuzz/q_grammar.h"
#include "transports/q/q_codec.h"

enum { MEMORY = 1 << 20, STEPS = 4000, CALLS = 80, MESSAGE = 64 << 20, LINE = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context, (void)stream, (void)text, (void)size;
}

static int64_t now(void *context)
{
    int64_t *t = context;

    return *t += 1000000;
}

static const troupe_embedq_host host = {.size = sizeof host, .print = print, .now = now};

/* Sent and received, a value is the same; only depth can keep it from being sent. */
static void send_and_receive(troupe_q_value *value)
{
    const struct trp_q_encoding how = {.kind = TRP_Q_RESPONSE,
                                       .capability = TRP_Q_CAPABILITY};
    const struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_why why = {NULL, 0};
    troupe_q_value *back = NULL;
    struct trp_buffer out;

    trp_buffer_init(&out, MESSAGE);
    troupe_status status = trp_q_encode(value, &how, &out, &why);
    must(status == TROUPE_OK || status == TROUPE_ELIMIT);
    if (status == TROUPE_OK) {
        must(trp_q_decode(trp_buffer_front(&out), trp_buffer_size(&out), NULL, &limits,
                          &back, &why) == TROUPE_OK);
        must(troupe_q_type(back) == troupe_q_type(value));
        must(troupe_q_match(back, value));
        troupe_q_unref(&back);
    }
    trp_buffer_fini(&out);
}

static void show(troupe_embedq *q, troupe_q_value *value)
{
    troupe_q_value *text = NULL;

    must(troupe_q_format_line(value, LINE, &text) == TROUPE_OK);
    troupe_q_unref(&text);
    troupe_status status = troupe_embedq_show(q, value, &text);
    must(status == TROUPE_OK || status == TROUPE_EREMOTE); /* the limits hold for it */
    troupe_q_unref(&text);
}

/* What a program may have changed is still made as values are. */
static void globals_are_well(troupe_embedq *q)
{
    static const char *const names[] = {"x", "y", "z", "t", "d", "f", ".a.b"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        troupe_q_value *value = NULL;
        if (troupe_embedq_get(q, names[i], &value) == TROUPE_OK) {
            send_and_receive(value);
        }
        troupe_q_unref(&value);
    }
}

static void evaluate(troupe_embedq *q, const char *text, size_t size)
{
    troupe_q_value *value = NULL;
    troupe_status status = troupe_embedq_text(q, text, size, &value);

    if (status == TROUPE_OK) {
        send_and_receive(value);
        show(q, value);
    } else {
        must(status == TROUPE_EREMOTE && value == NULL);
        must(strlen(troupe_embedq_error(q)) < MEMORY);
    }
    troupe_q_unref(&value);
}

/* What was limited or failed before does not matter to what comes after. */
static void is_sane(troupe_embedq *q)
{
    troupe_q_value *value = NULL;
    int64_t three = 0;

    must(troupe_embedq_text(q, "system\"d .\"", TROUPE_Q_Z, &value) == TROUPE_OK);
    troupe_q_unref(&value);
    must(troupe_embedq_text(q, "1+2", TROUPE_Q_Z, &value) == TROUPE_OK);
    must(troupe_q_get_long(value, 0, &three) == TROUPE_OK && three == 3);
    troupe_q_unref(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;
    int64_t clock = TROUPE_Q_EPOCH_NS;
    char text[Q_PROGRAM_MAX];
    troupe_embedq *q = NULL;
    size_t length = q_program(data, size, text);

    if (getenv("SHOW_PROGRAM") != NULL) {
        (void)fwrite(text, 1, length, stderr);
    }
    options.memory_limit = MEMORY;
    options.step_limit = STEPS;
    options.call_depth = CALLS;
    options.host = &host;
    options.context = &clock;
    must(troupe_embedq_new(&options, &q) == TROUPE_OK);
    for (size_t at = 0; at < length;) { /* a statement at a time: errors end one only */
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end != NULL ? (size_t)(end - (text + at)) : length - at;
        evaluate(q, text + at, line);
        globals_are_well(q);
        at += line + 1;
    }
    is_sane(q);
    troupe_embedq_free(&q);
    return 0;
}
