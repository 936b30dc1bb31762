/* SPDX-License-Identifier: MIT
 * embedq_engine.c - the interpreter behind the engine actor: messages in, values out. */
#include "bindings/embedq/eq.h"

struct engine {
    troupe_embedq *q;
};

static void drop_value(void *body)
{
    troupe_q_value *value = body;

    troupe_q_unref(&value);
}

troupe_status troupe_embedq_msg(troupe_kind kind, troupe_q_value **value,
                                troupe_msg **out)
{
    size_t size = troupe_q_count(*value);
    troupe_status status = troupe_msg_new_owned(kind, *value, size, drop_value, out);

    if (status == TROUPE_OK) {
        *value = NULL;
    }
    return status;
}

static void drop_call(void *body)
{
    troupe_embedq_call *call = body;

    troupe_q_unref(&call->value);
    trp_free(call);
}

troupe_status troupe_embedq_call_msg(const troupe_embedq_call *call, troupe_msg **out)
{
    const char *user = call->user != NULL ? call->user : "";
    size_t size = strlen(user) + 1;

    if (call->size != sizeof *call) {
        return TROUPE_EINVAL;
    }
    troupe_embedq_call *copy = trp_alloc(sizeof *copy + size);
    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    *copy = *call;
    memcpy(copy + 1, user, size);
    copy->user = (const char *)(copy + 1);
    if (copy->value != NULL) {
        (void)troupe_q_ref(copy->value);
    }
    troupe_status status = troupe_msg_new_owned(TROUPE_KIND_Q_CALL, copy,
                                                sizeof *copy + size, drop_call, out);
    if (status != TROUPE_OK) {
        drop_call(copy);
    }
    return status;
}

/* A kind without a name is shown as a number; nothing depends on it. */
static void name_kinds(void)
{
    static const struct {
        troupe_kind kind;
        const char *name;
    } names[] = {{TROUPE_KIND_Q_EVAL, "q_eval"},
                 {TROUPE_KIND_Q_VALUE, "q_value"},
                 {TROUPE_KIND_Q_CALL, "q_call"},
                 {TROUPE_KIND_Q_DEFERRED, "q_deferred"}};

    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        if (troupe_kind_register(names[i].kind, names[i].name) != TROUPE_OK) {
            return;
        }
    }
}

static troupe_status open_engine(troupe_self *self, const void *config, void **out)
{
    const troupe_embedq_options *options = config;
    struct engine *engine = trp_calloc(1, sizeof *engine);

    if (engine == NULL) {
        return TROUPE_ENOMEM;
    }
    if (options != NULL && options->size == sizeof *options && options->host != NULL &&
        options->host->attach != NULL) {
        options->host->attach(options->context, self);
    }
    troupe_status status = troupe_embedq_new(options, &engine->q);
    if (status != TROUPE_OK) {
        trp_free(engine);
        return status;
    }
    name_kinds();
    engine->q->may_sleep = true;
    *out = engine;
    return TROUPE_OK;
}

/* The answer to what an evaluation said. */
static troupe_status answer_with(troupe_embedq *q, troupe_status status, troupe_kind kind,
                                 troupe_q_value *value, troupe_msg **answer)
{
    if (status == TROUPE_OK) {
        status = troupe_embedq_msg(kind, &value, answer);
        troupe_q_unref(&value);
        return status;
    }
    if (status == TROUPE_EREMOTE && trp_eq_interrupted(q)) {
        return TROUPE_ECANCELED;
    }
    troupe_status made = troupe_msg_new_failure(status, TROUPE_NOBODY, answer, "%s",
                                                troupe_embedq_error(q));
    return made == TROUPE_OK ? status : made;
}

static troupe_status execute(troupe_self *self, void *state, troupe_msg **request,
                             troupe_msg **answer)
{
    struct engine *engine = state;
    troupe_embedq *q = engine->q;
    troupe_q_value *value = NULL;
    bool deferred = false;

    if (q->options.host != NULL && q->options.host->attach != NULL) {
        q->options.host->attach(q->options.context, self);
    }
    switch (troupe_msg_kind(*request)) {
    case TROUPE_KIND_Q_EVAL: {
        troupe_status status = troupe_embedq_eval(q, troupe_msg_body(*request), &value);
        return answer_with(q, status, TROUPE_KIND_Q_VALUE, value, answer);
    }
    case TROUPE_KIND_Q_CALL: {
        troupe_status status =
            troupe_embedq_handle(q, troupe_msg_body(*request), &deferred, &value);
        return answer_with(q, status,
                           deferred ? TROUPE_KIND_Q_DEFERRED : TROUPE_KIND_Q_VALUE, value,
                           answer);
    }
    default:
        return TROUPE_EUNSUPPORTED;
    }
}

static void interrupt(void *state)
{
    struct engine *engine = state;

    troupe_embedq_interrupt(engine->q);
}

static void close_engine(troupe_self *self, void *state)
{
    struct engine *engine = state;

    (void)self;
    troupe_embedq_free(&engine->q);
    trp_free(engine);
}

const troupe_engine_ops troupe_engine_embedq = {
    .version = TROUPE_ENGINE_VERSION,
    .capabilities = TROUPE_ENGINE_CAN_INTERRUPT,
    .name = "q",
    .open = open_engine,
    .execute = execute,
    .interrupt = interrupt,
    .close = close_engine,
};
