/* SPDX-License-Identifier: MIT
 * embedq.c - the interpreter's life and its doors. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_random.h"
#include "bindings/embedq/eq_verbs.h"

/* What an evaluation from outside needs set up and taken down. */
struct entry {
    struct trp_eq_frame frame;
    struct trp_eq_frame *before;
    const qv *query;
};

static void enter(struct trp_embedq *q, struct entry *entry, const qv *query)
{
    entry->frame = (struct trp_eq_frame){0};
    entry->before = q->frame;
    q->frame = &entry->frame;
    q->failed = false;
    q->error[0] = 0;
    entry->query = query;
    if (q->running++ == 0) {
        trp_eq_room_open(q, query);
        atomic_store_explicit(&q->interrupt, false, memory_order_relaxed);
        q->steps = 0;
        q->stack = (uintptr_t)__builtin_frame_address(0);
    }
}

static troupe_status leave(struct trp_embedq *q, struct entry *entry, qv *v, qv **out)
{
    q->frame = entry->before;
    if (v == NULL && q->returned != NULL) {
        v = q->returned;
        q->returned = NULL;
        q->failed = false;
    }
    if (v != NULL && !trp_eq_bounded(q, v)) {
        troupe_q_unref(&v);
    }
    if (--q->running == 0) {
        q->stack = 0;
        trp_eq_room_close(q, entry->query, v);
    }
    if (v == NULL) {
        return TROUPE_EREMOTE;
    }
    *out = v;
    return TROUPE_OK;
}

/* One text: a system command, a known k text, or statements. */
qv *trp_eq_eval_text(struct trp_embedq *q, const char *text, size_t size, bool message)
{
    struct trp_eq_frame frame = {.up = q->frame};

    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    while (size > 0 && (*text == ' ' || *text == '\n')) {
        text++;
        size--;
    }
    if (size > 0 && *text == '\\') {
        return trp_eq_command(q, text + 1, size - 1);
    }
    if (size > 1 && text[1] == ')' && (*text == 'k' || *text == 'p')) {
        const struct trp_eq_builtin *known = trp_eq_known_k(q, text, size);
        return known != NULL ? trp_eq_builtin_value(q, known)
                             : trp_eq_nyi(q, *text == 'k' ? "k" : "p)");
    }
    struct trp_eq_code *code = trp_eq_compile(q, q->context, text, size);
    if (code == NULL) {
        return NULL;
    }
    q->frame = &frame;
    qv *v = trp_eq_eval(q, code->root);
    q->frame = frame.up;
    if (v == NULL && q->returned != NULL) {
        v = q->returned;
        q->returned = NULL;
        q->failed = false;
    }
    const struct trp_eq_node *last = code->root->items[code->root->count - 1];
    if (v != NULL && message && last->kind == TRP_EQ_ASSIGN) {
        trp_eq_drop(v);
        v = trp_eq_null(q);
    }
    trp_eq_code_unref(code);
    return v;
}

static troupe_status check_options(const troupe_embedq_options *options)
{
    if (options != NULL && options->size != sizeof *options) {
        return TROUPE_EINVAL;
    }
    return options != NULL && options->host != NULL &&
                   options->host->size != sizeof(troupe_embedq_host)
               ? TROUPE_EINVAL
               : TROUPE_OK;
}

troupe_status troupe_embedq_new(const troupe_embedq_options *options, troupe_embedq **out)
{
    troupe_status status = check_options(options);

    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_embedq *q = trp_calloc(1, sizeof *q);
    if (q == NULL) {
        return TROUPE_ENOMEM;
    }
    if (options != NULL) {
        q->options = *options;
    }
    q->options.memory_limit =
        q->options.memory_limit != 0 ? q->options.memory_limit : (size_t)1 << 30;
    q->options.call_depth =
        q->options.call_depth != 0 ? q->options.call_depth : TRP_EQ_CALLS_MAX;
    q->context = trp_q_empty_symbol;
    q->user = "";
    q->precision = 7;
    q->console_rows = 25;
    q->console_columns = 80;
    atomic_init(&q->interrupt, false);
    trp_eq_random_seed(&q->random, q->options.seed != 0 ? q->options.seed : 314159);
    if (!trp_eq_builtins_init(q)) {
        troupe_embedq_free(&q);
        return TROUPE_ENOMEM;
    }
    if (q->options.script != NULL) {
        status = troupe_embedq_script(q, q->options.script, strlen(q->options.script));
        if (status != TROUPE_OK) {
            troupe_embedq_free(&q);
            return status;
        }
    }
    *out = q;
    return TROUPE_OK;
}

void trp_eq_forget(struct trp_embedq *q)
{
    for (size_t i = 0; i < TRP_EQ_LAMBDAS; i++) {
        if (q->lambdas[i].lambda != NULL) {
            troupe_q_unref(&q->lambdas[i].value);
            trp_eq_code_unref(q->lambdas[i].lambda->code);
            q->lambdas[i].lambda = NULL;
        }
    }
    for (size_t i = 0; i < TRP_EQ_TEXTS; i++) {
        trp_eq_code_unref(q->texts[i]);
        q->texts[i] = NULL;
        troupe_q_unref(&q->text_keys[i]);
    }
}

void troupe_embedq_free(troupe_embedq **q)
{
    struct trp_embedq *it = *q;

    if (it == NULL) {
        return;
    }
    *q = NULL;
    for (size_t i = 0; i < TRP_EQ_INDICES; i++) {
        trp_eq_keys_forget(&it->indices[i]);
    }
    trp_eq_forget(it);
    trp_eq_files_fini(it);
    trp_eq_names_fini(it);
    trp_eq_builtins_fini(it);
    trp_free(it);
}

static qv *eval_message(struct trp_embedq *q, qv *query)
{
    bool text = query->type == TROUPE_Q_CHAR || query->type == -TROUPE_Q_CHAR;

    if (text && query->count == 0) {
        return trp_eq_null(q);
    }
    return text ? trp_eq_eval_text(q, TRP_Q_CHARS(query), query->count, true)
                : trp_eq_value(q, query);
}

troupe_status troupe_embedq_eval(troupe_embedq *q, troupe_q_value *query,
                                 troupe_q_value **out)
{
    struct entry entry;

    enter(q, &entry, query);
    qv *v = eval_message(q, query);
    return leave(q, &entry, v, out);
}

troupe_status troupe_embedq_text(troupe_embedq *q, const char *text, size_t size,
                                 troupe_q_value **out)
{
    struct entry entry;

    size = size == TROUPE_Q_Z ? strlen(text) : size;
    enter(q, &entry, NULL);
    qv *v = size == 0 ? trp_eq_null(q) : trp_eq_eval_text(q, text, size, true);
    return leave(q, &entry, v, out);
}

troupe_status troupe_embedq_script(troupe_embedq *q, const char *text, size_t size)
{
    struct entry entry;
    qv *done = NULL;

    size = size == TROUPE_Q_Z ? strlen(text) : size;
    enter(q, &entry, NULL);
    qv *v = trp_eq_script(q, text, size) ? trp_eq_null(q) : NULL;
    troupe_status status = leave(q, &entry, v, &done);
    troupe_q_unref(&done);
    return status;
}

const char *troupe_embedq_error(const troupe_embedq *q)
{
    return q->error;
}

void troupe_embedq_interrupt(troupe_embedq *q)
{
    atomic_store_explicit(&q->interrupt, true, memory_order_relaxed);
}

/* ---- handlers ---- */

static qv *call_handler(struct trp_embedq *q, const troupe_embedq_call *call)
{
    static const char *const names[] = {".z.pw", ".z.po", ".z.pg",
                                        ".z.ps", ".z.pc", ".z.ts"};
    const char *name = NULL;

    if (trp_q_intern(names[call->event], strlen(names[call->event]), &name) !=
        TROUPE_OK) {
        return trp_eq_oom(q);
    }
    qv *handler = trp_eq_get_quiet(q, "", name);
    if (handler == NULL && call->event == TROUPE_EMBEDQ_LOGIN) {
        return trp_eq_bool(q, true);
    }
    bool message =
        call->event == TROUPE_EMBEDQ_SYNC || call->event == TROUPE_EMBEDQ_ASYNC;
    if (handler == NULL) {
        return message && call->value != NULL ? eval_message(q, call->value)
                                              : trp_eq_null(q);
    }
    /* A symbol is kept for ever: one is made of a name only where it is asked for. */
    const char *name_of = call->event == TROUPE_EMBEDQ_LOGIN ? q->user : "";
    qv *value = call->value != NULL ? troupe_q_ref(call->value) : trp_eq_null(q);
    qv *user = trp_eq_symbol(q, name_of, strlen(name_of));
    qv *handle = trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, call->handle));
    qv *v = NULL;
    if (value != NULL && user != NULL && handle != NULL) {
        bool plain = message || call->event == TROUPE_EMBEDQ_TIMER;
        v = call->event == TROUPE_EMBEDQ_LOGIN ? trp_eq_apply2(q, handler, user, value)
            : plain                            ? trp_eq_apply1(q, handler, value)
                                               : trp_eq_apply1(q, handler, handle);
    }
    trp_eq_drop(value);
    trp_eq_drop(user);
    trp_eq_drop(handle);
    trp_eq_drop(handler);
    return v;
}

troupe_status troupe_embedq_handle(troupe_embedq *q, const troupe_embedq_call *call,
                                   bool *deferred, troupe_q_value **out)
{
    struct entry entry;

    if (call->size != sizeof *call || call->event > TROUPE_EMBEDQ_TIMER) {
        return TROUPE_EINVAL;
    }
    int64_t handle = q->handle;
    const char *user = q->user;
    int32_t address = q->address;
    q->handle = call->handle;
    q->user = call->user != NULL ? call->user : "";
    q->address = (int32_t)call->address;
    q->deferred = false;
    enter(q, &entry, call->value);
    qv *v = call_handler(q, call);
    troupe_status status = leave(q, &entry, v, out);
    if (deferred != NULL) {
        *deferred = q->deferred;
    }
    q->deferred = false;
    q->handle = handle;
    q->user = user;
    q->address = address;
    return status;
}

troupe_status troupe_embedq_set(troupe_embedq *q, const char *name, troupe_q_value *value)
{
    struct entry entry;
    const char *symbol = NULL;
    qv *done = NULL;

    if (name[0] == 0 || trp_q_intern(name, strlen(name), &symbol) != TROUPE_OK) {
        return name[0] == 0 ? TROUPE_EINVAL : TROUPE_ENOMEM;
    }
    enter(q, &entry, value);
    qv *v = trp_eq_set(q, "", symbol, value) ? trp_eq_null(q) : NULL;
    troupe_status status = leave(q, &entry, v, &done);
    troupe_q_unref(&done);
    return status == TROUPE_OK ? TROUPE_OK : TROUPE_ENOMEM;
}

troupe_status troupe_embedq_get(troupe_embedq *q, const char *name, troupe_q_value **out)
{
    struct entry entry;
    const char *symbol = NULL;

    if (name[0] == 0 || trp_q_intern(name, strlen(name), &symbol) != TROUPE_OK) {
        return name[0] == 0 ? TROUPE_EINVAL : TROUPE_ENOMEM;
    }
    enter(q, &entry, NULL);
    qv *v = trp_eq_get(q, "", symbol);
    return leave(q, &entry, v, out) == TROUPE_OK ? TROUPE_OK : TROUPE_ENOENT;
}
