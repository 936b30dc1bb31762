/* SPDX-License-Identifier: MIT
 * libq_engine.c - a q library behind the engine actor: the same messages as the embedded
 * q's, evaluated there. */
#include <string.h>

#include "bindings/libq/libq.h"
#include "mailbox/alloc.h"

#define MESSAGE_LIMIT ((uint64_t)1 << 30)

/* ---- evaluating ---- */

static troupe_status evaluate_text(struct trp_libq *q, const char *text, size_t size,
                                   troupe_q_value **out, char *error)
{
    char *copy = trp_alloc(size + 1);

    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    memcpy(copy, text, size);
    copy[size] = 0;
    troupe_status status = trp_libq_call(q, copy, NULL, 0, out, error);
    trp_free(copy);
    return status;
}

/* As a q server does: a text is evaluated, a list applied, a name looked up; the rest is
 * itself. */
static troupe_status evaluate(struct trp_libq *q, troupe_q_value *query,
                              troupe_q_value **out, char *error)
{
    int type = troupe_q_type(query);
    size_t size = 0;
    const char *text = type == TROUPE_Q_CHAR || type == -TROUPE_Q_CHAR
                           ? troupe_q_text(query, &size)
                           : NULL;

    if (text != NULL && size == 0) {
        return troupe_q_null(out);
    }
    if (text != NULL && memchr(text, 0, size) == NULL) {
        return evaluate_text(q, text, size, out, error);
    }
    if (text != NULL || type == TROUPE_Q_LIST || type == -TROUPE_Q_SYMBOL) {
        return trp_libq_call(q, "value", &query, 1, out, error);
    }
    *out = troupe_q_ref(query);
    return TROUPE_OK;
}

/* ---- handlers ---- */

static const struct {
    const char *is_there, *call;
} handlers[] = {
    [TROUPE_EMBEDQ_LOGIN] = {"@[{.z.pw;1b};::;0b]", "{.z.pw[x;y]}"},
    [TROUPE_EMBEDQ_OPENED] = {"@[{.z.po;1b};::;0b]", "{.z.po x}"},
    [TROUPE_EMBEDQ_SYNC] = {"@[{.z.pg;1b};::;0b]", "{.z.pg x}"},
    [TROUPE_EMBEDQ_ASYNC] = {"@[{.z.ps;1b};::;0b]", "{.z.ps x}"},
    [TROUPE_EMBEDQ_CLOSED] = {"@[{.z.pc;1b};::;0b]", "{.z.pc x}"},
    [TROUPE_EMBEDQ_TIMER] = {"@[{.z.ts;1b};::;0b]", "{.z.ts x}"},
};

static troupe_status is_there(struct trp_libq *q, troupe_embedq_event event, bool *out,
                              char *error)
{
    troupe_q_value *answer = NULL;
    int64_t yes = 0;
    troupe_status status =
        trp_libq_call(q, handlers[event].is_there, NULL, 0, &answer, error);

    if (status == TROUPE_OK) {
        status = troupe_q_get_long(answer, 0, &yes);
    }
    troupe_q_unref(&answer);
    *out = yes != 0;
    return status;
}

/* What q does by itself. */
static troupe_status without_handler(struct trp_libq *q, const troupe_embedq_call *call,
                                     troupe_q_value **out, char *error)
{
    bool message =
        call->event == TROUPE_EMBEDQ_SYNC || call->event == TROUPE_EMBEDQ_ASYNC;

    if (call->event == TROUPE_EMBEDQ_LOGIN) {
        return troupe_q_boolean(true, out);
    }
    return message && call->value != NULL ? evaluate(q, call->value, out, error)
                                          : troupe_q_null(out);
}

/* What a handler is applied to. */
static troupe_status arguments_of(const troupe_embedq_call *call, troupe_q_value *args[2],
                                  size_t *count)
{
    const char *user = call->user != NULL ? call->user : "";
    troupe_status status = TROUPE_OK;

    *count = 1;
    if (call->event == TROUPE_EMBEDQ_OPENED || call->event == TROUPE_EMBEDQ_CLOSED) {
        return troupe_q_int(call->handle, &args[0]);
    }
    if (call->event == TROUPE_EMBEDQ_LOGIN) {
        status = troupe_q_symbol(user, TROUPE_Q_Z, &args[(*count)++ - 1]);
    }
    troupe_q_value **value = &args[*count - 1];
    if (status == TROUPE_OK && call->value != NULL) {
        *value = troupe_q_ref(call->value);
    } else if (status == TROUPE_OK) {
        status = troupe_q_null(value);
    }
    return status;
}

static troupe_status handle(struct trp_libq *q, const troupe_embedq_call *call,
                            troupe_q_value **out, char *error)
{
    troupe_q_value *args[2] = {NULL, NULL};
    size_t count = 0;
    bool there = false;

    if (call->size != sizeof(*call) || call->event > TROUPE_EMBEDQ_TIMER) {
        return TROUPE_EINVAL;
    }
    troupe_status status = is_there(q, call->event, &there, error);
    if (status != TROUPE_OK) {
        return status;
    }
    if (!there) {
        return without_handler(q, call, out, error);
    }
    status = arguments_of(call, args, &count);
    if (status == TROUPE_OK) {
        status = trp_libq_call(q, handlers[call->event].call, args, count, out, error);
    }
    troupe_q_unref(&args[0]);
    troupe_q_unref(&args[1]);
    return status;
}

/* ---- the engine ---- */

static troupe_status answer_with(troupe_status status, troupe_q_value **value,
                                 const char *error, troupe_msg **answer)
{
    if (status == TROUPE_OK) {
        status = troupe_embedq_msg(TROUPE_KIND_Q_VALUE, value, answer);
        troupe_q_unref(value);
        return status;
    }
    troupe_status made =
        troupe_msg_new_failure(status, TROUPE_NOBODY, answer, "%s",
                               error[0] != 0 ? error : troupe_status_text(status));
    return made == TROUPE_OK ? status : made;
}

static troupe_status execute(troupe_self *self, void *state, troupe_msg **request,
                             troupe_msg **answer)
{
    char error[TROUPE_FAILURE_TEXT] = "";
    troupe_q_value *value = NULL;
    troupe_status status;

    (void)self;
    switch (troupe_msg_kind(*request)) {
    case TROUPE_KIND_Q_EVAL:
        status = evaluate(state, troupe_msg_body(*request), &value, error);
        break;
    case TROUPE_KIND_Q_CALL:
        status = handle(state, troupe_msg_body(*request), &value, error);
        break;
    default:
        return TROUPE_EUNSUPPORTED;
    }
    return answer_with(status, &value, error, answer);
}

static troupe_status open_engine(troupe_self *self, const void *given, void **out)
{
    const troupe_libq_config defaults = TROUPE_LIBQ_CONFIG;
    const troupe_libq_config *config = given != NULL ? given : &defaults;

    (void)self;
    if (config->size != sizeof(*config)) {
        return TROUPE_EINVAL;
    }
    struct trp_libq *q = trp_calloc(1, sizeof(*q));
    if (q == NULL) {
        return trp_libq_fail(config, TROUPE_ENOMEM, "%s",
                             troupe_status_text(TROUPE_ENOMEM));
    }
    q->message_limit = config->message_limit != 0 ? config->message_limit : MESSAGE_LIMIT;
    troupe_status status = trp_libq_load(config, q);
    if (status == TROUPE_OK) {
        status = trp_libq_start(config, q);
    }
    if (status != TROUPE_OK) {
        trp_free(q);
        return status;
    }
    *out = q;
    return TROUPE_OK;
}

/* q itself cannot be ended: the library and what it holds stay. */
static void close_engine(troupe_self *self, void *state)
{
    (void)self;
    trp_free(state);
}

const troupe_engine_ops troupe_engine_libq = {
    .version = TROUPE_ENGINE_VERSION,
    .capabilities = TROUPE_ENGINE_SINGLETON,
    .name = "libq",
    .open = open_engine,
    .execute = execute,
    .close = close_engine,
};
