/* SPDX-License-Identifier: MIT
 * eq_eval.c - walking the tree. */
#include "bindings/embedq/eq.h"

bool trp_eq_truth(struct trp_embedq *q, qv *x, bool *out)
{
    int64_t n = 0;

    if (trp_eq_int_of(x, &n)) {
        *out = n != 0;
        return true;
    }
    if (x->type == -TROUPE_Q_FLOAT || x->type == -TROUPE_Q_REAL) {
        *out =
            x->type == -TROUPE_Q_FLOAT ? TRP_Q_FLOATS(x)[0] != 0 : TRP_Q_REALS(x)[0] != 0;
        return true;
    }
    return trp_eq_fail(q, "type") != NULL;
}

static bool eval_truth(struct trp_embedq *q, struct trp_eq_node *node, bool *out)
{
    qv *x = trp_eq_eval(q, node);
    bool good = x != NULL && trp_eq_truth(q, x, out);

    trp_eq_drop(x);
    return good;
}

static qv *eval_sequence(struct trp_embedq *q, struct trp_eq_node **items, uint32_t count)
{
    qv *last = NULL;

    for (uint32_t i = 0; i < count; i++) {
        trp_eq_drop(last);
        last = trp_eq_eval(q, items[i]);
        if (last == NULL) {
            return NULL;
        }
    }
    return last != NULL ? last : trp_eq_null(q);
}

/* Remembers which tree a lambda value has, so that applying it need not parse. */
static qv *function_value(struct trp_embedq *q, struct trp_eq_node *node)
{
    size_t slot = ((uintptr_t)node->value >> 6) % TRP_EQ_LAMBDAS;

    if (q->lambdas[slot].value != node->value) {
        qv *old = q->lambdas[slot].value;
        struct trp_eq_lambda *lambda = q->lambdas[slot].lambda;
        q->lambdas[slot].value = troupe_q_ref(node->value);
        q->lambdas[slot].lambda = node->lambda;
        node->lambda->code->refs++;
        trp_eq_drop(old);
        if (lambda != NULL) {
            trp_eq_code_unref(lambda->code);
        }
    }
    return troupe_q_ref(node->value);
}

/* time.minute: a column and what to take of it; NULL without error: it is not that. */
static qv *column_part(struct trp_embedq *q, struct trp_eq_scope *scope, const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *front = NULL;

    if (dot == NULL || dot == name) {
        return NULL;
    }
    if (trp_q_intern(name, (size_t)(dot - name), &front) != TROUPE_OK) {
        return trp_eq_oom(q);
    }
    qv *column = trp_eq_scope_find(q, scope, front);
    qv *part = column != NULL ? trp_eq_symbol(q, dot + 1, strlen(dot + 1)) : NULL;
    qv *v = part != NULL ? trp_eq_builtin(q, "$", 1)->two(q, part, column) : NULL;
    trp_eq_drop(part);
    trp_eq_drop(column);
    return v;
}

static qv *eval_name(struct trp_embedq *q, struct trp_eq_node *node)
{
    struct trp_eq_frame *frame = q->frame;

    if (frame->scope != NULL) {
        qv *column = trp_eq_scope_find(q, frame->scope, node->name);
        if (column == NULL && !q->failed) {
            column = column_part(q, frame->scope, node->name);
        }
        if (column != NULL || q->failed) {
            return column;
        }
    }
    if (node->slot >= 0) {
        qv *v = frame->slots[node->slot];
        return v != NULL ? troupe_q_ref(v) : trp_eq_fail(q, node->name);
    }
    const char *context = frame->lambda != NULL ? frame->lambda->context : q->context;
    if (frame->lambda != NULL) {
        if (node->binding == NULL) {
            node->binding = trp_eq_binding(q, context, node->name, false);
        }
        if (node->binding != NULL && node->binding->value != NULL) {
            return troupe_q_ref(node->binding->value);
        }
    }
    return trp_eq_get(q, context, node->name);
}

/* Arguments of an application, the last first; holes are NULL. */
static bool eval_items(struct trp_embedq *q, struct trp_eq_node **items, uint32_t count,
                       qv **out, bool *holes)
{
    *holes = false;
    for (uint32_t i = count; i-- > 0;) {
        if (items[i]->kind == TRP_EQ_HOLE) {
            out[i] = NULL;
            *holes = true;
            continue;
        }
        out[i] = trp_eq_eval(q, items[i]);
        if (out[i] == NULL) {
            for (uint32_t k = i + 1; k < count; k++) {
                troupe_q_unref(&out[k]);
            }
            return false;
        }
    }
    return true;
}

static void drop_all(qv **values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        trp_eq_drop(values[i]);
    }
}

static qv *apply_node(struct trp_embedq *q, struct trp_eq_node *f, uint32_t count,
                      qv **args, bool holes)
{
    if (f->kind == TRP_EQ_VERB && !holes) {
        return trp_eq_go_on(q) ? trp_eq_call_builtin(q, f->builtin, count, args) : NULL;
    }
    if (f->kind == TRP_EQ_FUNCTION && !holes && count == f->lambda->rank) {
        return trp_eq_go_on(q) ? trp_eq_call_lambda(q, f->lambda, count, args) : NULL;
    }
    if (f->kind == TRP_EQ_DERIVE && !holes) {
        qv *inner = trp_eq_eval(q, f->items[0]);
        qv *out = inner != NULL ? trp_eq_derived(q, f->op, inner, count, args) : NULL;
        trp_eq_drop(inner);
        return out;
    }
    qv *function = trp_eq_eval(q, f);
    qv *out = function != NULL ? trp_eq_apply(q, function, count, args) : NULL;
    trp_eq_drop(function);
    return out;
}

static qv *eval_apply(struct trp_embedq *q, struct trp_eq_node *node)
{
    qv *args[TRP_EQ_ARGS_MAX];
    uint32_t count = node->count - 1;
    bool holes = false;

    if (count > TRP_EQ_ARGS_MAX) {
        return trp_eq_fail(q, "rank");
    }
    if (!eval_items(q, node->items + 1, count, args, &holes)) {
        return NULL;
    }
    if (count == 1 && holes) { /* f[] */
        args[0] = trp_eq_null(q);
        holes = false;
        if (args[0] == NULL) {
            return NULL;
        }
    }
    qv *out = apply_node(q, node->items[0], count, args, holes);
    drop_all(args, count);
    return out;
}

static qv *eval_list(struct trp_embedq *q, struct trp_eq_node *node)
{
    bool holes = false;
    qv *list = trp_eq_new(q, TROUPE_Q_LIST, node->count);

    if (list == NULL) {
        return NULL;
    }
    bool good = eval_items(q, node->items, node->count, TRP_Q_ITEMS(list), &holes);
    if (!good) {
        memset(TRP_Q_ITEMS(list), 0, node->count * sizeof(qv *));
        trp_eq_drop(list);
        return NULL;
    }
    if (!holes) {
        return trp_eq_simple(q, list);
    }
    qv *enlist = trp_eq_builtin_value(q, trp_eq_builtin(q, "enlist", 6));
    qv *out = enlist != NULL && node->count <= TRP_EQ_ARGS_MAX
                  ? trp_eq_apply(q, enlist, node->count, TRP_Q_ITEMS(list))
                  : trp_eq_fail(q, "rank");
    trp_eq_drop(enlist);
    trp_eq_drop(list);
    return out;
}

static qv *eval_cond(struct trp_embedq *q, struct trp_eq_node *node)
{
    for (uint32_t i = 0; i + 1 < node->count; i += 2) {
        bool yes = false;
        if (!eval_truth(q, node->items[i], &yes)) {
            return NULL;
        }
        if (yes) {
            return trp_eq_eval(q, node->items[i + 1]);
        }
    }
    return node->count % 2 == 1 ? trp_eq_eval(q, node->items[node->count - 1])
                                : trp_eq_null(q);
}

static qv *eval_if(struct trp_embedq *q, struct trp_eq_node *node)
{
    bool yes = false;

    if (!eval_truth(q, node->items[0], &yes)) {
        return NULL;
    }
    if (yes) {
        qv *last = eval_sequence(q, node->items + 1, node->count - 1);
        if (last == NULL) {
            return NULL;
        }
        trp_eq_drop(last);
    }
    return trp_eq_null(q);
}

static qv *eval_while(struct trp_embedq *q, struct trp_eq_node *node)
{
    bool yes = false;

    while (trp_eq_go_on(q) && eval_truth(q, node->items[0], &yes) && yes) {
        qv *last = eval_sequence(q, node->items + 1, node->count - 1);
        if (last == NULL) {
            return NULL;
        }
        trp_eq_drop(last);
    }
    return q->failed ? NULL : trp_eq_null(q);
}

static qv *eval_do(struct trp_embedq *q, struct trp_eq_node *node)
{
    qv *times = trp_eq_eval(q, node->items[0]);
    int64_t n = 0;

    if (times == NULL) {
        return NULL;
    }
    bool whole = trp_eq_int_of(times, &n);
    trp_eq_drop(times);
    if (!whole) {
        return trp_eq_fail(q, "type");
    }
    for (int64_t i = 0; i < n; i++) {
        qv *last =
            trp_eq_go_on(q) ? eval_sequence(q, node->items + 1, node->count - 1) : NULL;
        if (last == NULL) {
            return NULL;
        }
        trp_eq_drop(last);
    }
    return trp_eq_null(q);
}

static qv *eval_return(struct trp_embedq *q, struct trp_eq_node *node)
{
    qv *v = trp_eq_eval(q, node->items[0]);

    if (v != NULL) {
        (void)trp_eq_fail(q, "return");
        q->returned = v;
    }
    return NULL;
}

static qv *eval_signal(struct trp_embedq *q, struct trp_eq_node *node)
{
    qv *v = trp_eq_eval(q, node->items[0]);
    size_t size = 0;
    const char *text = v != NULL ? troupe_q_text(v, &size) : NULL;

    if (v != NULL) {
        bool words =
            text != NULL && (v->type == -TROUPE_Q_SYMBOL || v->type == TROUPE_Q_CHAR ||
                             v->type == -TROUPE_Q_CHAR);
        (void)(words ? trp_eq_failf(q, "%.*s", (int)(size < 250 ? size : 250), text)
                     : trp_eq_fail(q, "stype"));
        trp_eq_drop(v);
    }
    return NULL;
}

/* Atoms among the columns become as long as the others. */
static bool level_columns(struct trp_embedq *q, qv *columns)
{
    size_t rows = SIZE_MAX;

    for (size_t i = 0; i < columns->count; i++) {
        const qv *c = TRP_Q_ITEMS(columns)[i];
        bool list = trp_q_is_list(c);
        if (list && rows != SIZE_MAX && rows != c->count) {
            return trp_eq_fail(q, "length") != NULL;
        }
        rows = list ? c->count : rows;
    }
    if (rows == SIZE_MAX) {
        return trp_eq_fail(q, "rank") != NULL;
    }
    for (size_t i = 0; i < columns->count; i++) {
        qv **c = &TRP_Q_ITEMS(columns)[i];
        if (!trp_q_is_list(*c)) {
            const struct trp_eq_builtin *take = trp_eq_builtin(q, "#", 1);
            qv *n = trp_eq_long(q, (int64_t)rows);
            qv *wide = n != NULL ? take->two(q, n, *c) : NULL;
            trp_eq_drop(n);
            if (wide == NULL) {
                return false;
            }
            trp_eq_drop(*c);
            *c = wide;
        }
    }
    return true;
}

static qv *eval_table(struct trp_embedq *q, struct trp_eq_node *node)
{
    bool holes = false;
    qv *columns = trp_eq_new(q, TROUPE_Q_LIST, node->count);

    if (columns == NULL) {
        return NULL;
    }
    if (!eval_items(q, node->items, node->count, TRP_Q_ITEMS(columns), &holes)) {
        memset(TRP_Q_ITEMS(columns), 0, node->count * sizeof(qv *));
        trp_eq_drop(columns);
        return NULL;
    }
    if (!level_columns(q, columns)) {
        trp_eq_drop(columns);
        return NULL;
    }
    qv *table = trp_eq_pair(q, TROUPE_Q_TABLE, troupe_q_ref(node->value), columns);
    if (table == NULL || node->slot == 0) {
        return table;
    }
    qv *keyed = trp_eq_enkey(q, node->slot, table);
    trp_eq_drop(table);
    return keyed;
}

static qv *eval_derived(struct trp_embedq *q, struct trp_eq_node *node)
{
    qv *f = trp_eq_eval(q, node->items[0]);
    qv *v = f != NULL ? trp_q_of_parts(TROUPE_Q_EACH + node->op, 1, &f) : NULL;

    if (v == NULL) {
        trp_eq_drop(f);
        return f != NULL ? trp_eq_oom(q) : NULL;
    }
    return v;
}

static qv *eval_compose(struct trp_embedq *q, struct trp_eq_node *node)
{
    qv *parts[2] = {NULL, trp_eq_eval(q, node->items[1])};

    parts[0] = parts[1] != NULL ? trp_eq_eval(q, node->items[0]) : NULL;
    qv *v = parts[0] != NULL ? trp_q_of_parts(TROUPE_Q_COMPOSITION, 2, parts) : NULL;
    if (v == NULL) {
        drop_all(parts, 2);
        return q->failed ? NULL : trp_eq_oom(q);
    }
    return v;
}

qv *trp_eq_eval(struct trp_embedq *q, struct trp_eq_node *node)
{
    switch ((enum trp_eq_node_kind)node->kind) {
    case TRP_EQ_CONST:
    case TRP_EQ_VERB:
        return troupe_q_ref(node->value);
    case TRP_EQ_FUNCTION:
        return function_value(q, node);
    case TRP_EQ_VAR:
        return eval_name(q, node);
    case TRP_EQ_APPLY:
        return trp_eq_deep(q) ? eval_apply(q, node) : NULL;
    case TRP_EQ_MAKE_LIST:
        return trp_eq_deep(q) ? eval_list(q, node) : NULL;
    case TRP_EQ_ASSIGN:
        return trp_eq_assign(q, node);
    case TRP_EQ_DERIVE:
        return eval_derived(q, node);
    case TRP_EQ_COND:
        return eval_cond(q, node);
    case TRP_EQ_IF:
        return eval_if(q, node);
    case TRP_EQ_WHILE:
        return eval_while(q, node);
    case TRP_EQ_DO:
        return eval_do(q, node);
    case TRP_EQ_SEQ:
        return eval_sequence(q, node->items, node->count);
    case TRP_EQ_RETURN:
        return eval_return(q, node);
    case TRP_EQ_SIGNAL:
        return eval_signal(q, node);
    case TRP_EQ_MAKE_TABLE:
        return eval_table(q, node);
    case TRP_EQ_SQL_QUERY:
        return trp_eq_query(q, node);
    case TRP_EQ_COMPOSE:
        return eval_compose(q, node);
    case TRP_EQ_HOLE:
        return trp_eq_null(q);
    }
    return trp_eq_nyi(q, "node");
}
