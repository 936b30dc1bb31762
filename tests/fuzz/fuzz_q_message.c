/* SPDX-License-Identifier: MIT
 * fuzz_q_message.c - what a client may send is evaluated: values of any make, functions
 * among them, applied to others. It is decoded as a server does it, evaluated under
 * small limits, and what comes out is encoded and shown. The first byte chooses between
 * the value as it is and the value as argument of a keyword. */
#include <string.h>

#include <troupe/embedq.h>

#include "tests/fuzz/law.h"
#include "transports/q/q_codec.h"

enum { MEMORY = 1 << 20, STEPS = 4000, CALLS = 80, MESSAGE = 64 << 20, LINE = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keywords[] = {
    "value",
    "eval",
    "flip",
    "raze",
    "distinct",
    "group",
    "asc",
    "iasc",
    "desc",
    "string",
    "count",
    "key",
    "cols",
    "meta",
    "where",
    "reverse",
    "enlist",
    "first",
    "last",
    "sum",
    "max",
    "neg",
    "not",
    "null",
    "fills",
    "sums",
    "prev",
    "ungroup",
    "-3!",
    "{x~x}",
    "{x,x}",
    "{x?x}",
    "{x!x}",
    "{x x}",
    "{2#x}",
    "{1_x}",
    "{x each x}",
    "{x/[x]}",
    "{@[x;0;:;x]}",
    "{select from x}",
    "{x in x}",
    "{x+x}",
    "{x=x}",
    "{x lj x}",
    "{update a:x from x}",
    "{x upsert x}",
    "{(x;x)}",
    "{`a xasc x}",
    "{x insert x}",
    "{.[x;(0;0);:;x]}",
    "{x . x}",
    "{x xkey x}",
    "{exec a from x}",
    "{x$x}",
    "{x#x}",
    "{x except x}",
};

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

/* The object in the bytes, as a message would bring it; NULL: none. */
static troupe_q_value *decode(const uint8_t *body, size_t size)
{
    const struct trp_q_limits limits = {.message = 7000, .plain = 7000, .depth = 100};
    const struct trp_q_header header = {.total = size + TRP_Q_HEADER, .kind = TRP_Q_SYNC};
    troupe_q_value *value = NULL;
    struct trp_q_why why;

    if (trp_q_decode_body(body, size, &header, NULL, &limits, &value, &why) !=
        TROUPE_OK) {
        return NULL;
    }
    return value;
}

static void send_and_receive(const troupe_q_value *value)
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
        must(troupe_q_match(back, value));
        troupe_q_unref(&back);
    }
    trp_buffer_fini(&out);
}

/* As it came, or as the argument of a keyword. */
static troupe_q_value *query_of(uint8_t choice, troupe_q_value *value)
{
    size_t which = choice % (sizeof(keywords) / sizeof(keywords[0]) + 1);
    troupe_q_value *parts[2] = {NULL, value}, *query = NULL;

    if (which == 0) {
        return troupe_q_ref(value);
    }
    must(troupe_q_string(keywords[which - 1], TROUPE_Q_Z, &parts[0]) == TROUPE_OK);
    must(troupe_q_list(2, parts, &query) == TROUPE_OK);
    troupe_q_unref(&parts[0]);
    return query;
}

static void evaluate(troupe_embedq *q, troupe_q_value *query)
{
    troupe_q_value *answer = NULL, *text = NULL;
    troupe_status status = troupe_embedq_eval(q, query, &answer);

    if (status == TROUPE_OK) {
        send_and_receive(answer);
        must(troupe_q_format_line(answer, LINE, &text) == TROUPE_OK);
        troupe_q_unref(&text);
    } else {
        must(status == TROUPE_EREMOTE && answer == NULL);
    }
    troupe_q_unref(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;
    int64_t clock = TROUPE_Q_EPOCH_NS;
    troupe_embedq *q = NULL;

    troupe_q_value *value = size > 2 ? decode(data + 1, size - 1) : NULL;
    if (value == NULL) {
        return 0;
    }
    options.memory_limit = MEMORY;
    options.step_limit = STEPS;
    options.call_depth = CALLS;
    options.host = &host;
    options.context = &clock;
    troupe_q_value *query = query_of(data[0], value);
    must(troupe_embedq_new(&options, &q) == TROUPE_OK);
    evaluate(q, query);
    evaluate(q, query); /* it was not changed by that */
    send_and_receive(query);
    troupe_q_unref(&query);
    troupe_q_unref(&value);
    troupe_embedq_free(&q);
    return 0;
}
