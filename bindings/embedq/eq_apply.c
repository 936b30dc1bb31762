/* SPDX-License-Identifier: MIT
 * eq_apply.c - applying whatever can be applied. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

static bool is_hole(const qv *v)
{
    return v == NULL || (v->type == TROUPE_Q_UNARY && TRP_Q_BYTES(v)[0] == TROUPE_Q_HOLE);
}

/* f with arguments, some of them holes (NULL); those behind them are not there. */
static qv *project(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    qv *parts[1 + TRP_EQ_ARGS_MAX] = {troupe_q_ref(f)};

    for (size_t i = 0; i < count; i++) {
        parts[i + 1] = args[i] != NULL ? troupe_q_ref(args[i])
                                       : trp_q_of_code(TROUPE_Q_UNARY, TROUPE_Q_HOLE);
    }
    qv *v = trp_q_of_parts(TROUPE_Q_PROJECTION, count + 1, parts);
    for (size_t i = 0; v == NULL && i <= count; i++) {
        trp_eq_drop(parts[i]);
    }
    return trp_eq_made(q, v);
}

qv *trp_eq_call_builtin(struct trp_embedq *q, const struct trp_eq_builtin *b,
                        size_t count, qv **args)
{
    if (count == 1 && b->one != NULL) {
        return b->one(q, args[0]);
    }
    if (b->source != NULL) {
        qv *f = trp_eq_builtin_value(q, b);
        qv *v = f != NULL ? trp_eq_apply(q, f, count, args) : NULL;
        trp_eq_drop(f);
        return v;
    }
    if (count == 2 && b->two != NULL) {
        return b->two(q, args[0], args[1]);
    }
    if (b->many != NULL && count <= b->max && (count > 2 || b->two == NULL)) {
        return b->many(q, count, args);
    }
    if (count == 1 && b->two != NULL) {
        qv *f = trp_eq_builtin_value(q, b);
        qv *v = f != NULL ? project(q, f, 1, args) : NULL;
        trp_eq_drop(f);
        return v;
    }
    return trp_eq_fail(q, "rank");
}

qv *trp_eq_call_lambda(struct trp_embedq *q, struct trp_eq_lambda *lambda, size_t count,
                       qv **args)
{
    qv *slots[TRP_EQ_SLOTS_MAX];
    struct trp_eq_frame frame = {.up = q->frame, .lambda = lambda, .slots = slots};

    if (count > lambda->rank) {
        return trp_eq_fail(q, "rank");
    }
    if (count < lambda->rank) {
        return project(q, lambda->value, count, args);
    }
    if (q->calls >= q->options.call_depth) {
        return trp_eq_fail(q, "stack");
    }
    for (uint32_t i = 0; i < lambda->slots; i++) {
        slots[i] = i < count && i < lambda->params ? troupe_q_ref(args[i]) : NULL;
    }
    struct trp_eq_code *code = lambda->code;
    code->refs++;
    q->calls++;
    q->frame = &frame;
    qv *out = trp_eq_eval(q, lambda->body);
    q->frame = frame.up;
    q->calls--;
    if (out == NULL && q->returned != NULL) {
        out = q->returned;
        q->returned = NULL;
        q->failed = false;
    }
    for (uint32_t i = 0; i < lambda->slots; i++) {
        trp_eq_drop(slots[i]);
    }
    trp_eq_code_unref(code);
    return out;
}

/* The tree of a lambda value; *code is a reference to give back. */
static struct trp_eq_lambda *lambda_of(struct trp_embedq *q, qv *f,
                                       struct trp_eq_code **code)
{
    size_t slot = ((uintptr_t)f >> 6) % TRP_EQ_LAMBDAS;
    char context[TRP_EQ_NAME_MAX + 2] = ".";
    const char *name = TRP_Q_SYMS(TRP_Q_ITEMS(f)[0])[0];
    const qv *text = TRP_Q_ITEMS(f)[1];

    if (q->lambdas[slot].value == f) {
        *code = q->lambdas[slot].lambda->code;
        (*code)->refs++;
        return q->lambdas[slot].lambda;
    }
    size_t size = trp_q_symbol_size(name);
    if (size > TRP_EQ_NAME_MAX) {
        return (void *)trp_eq_fail(q, "limit");
    }
    memcpy(context + 1, name, size);
    const char *full = NULL;
    if (trp_q_intern(context, size == 0 ? 0 : size + 1, &full) != TROUPE_OK) {
        return (void *)trp_eq_oom(q);
    }
    if (text->count >= 2 && TRP_Q_CHARS(text)[0] == 'k' && TRP_Q_CHARS(text)[1] == ')') {
        return (void *)trp_eq_nyi(q, "k");
    }
    *code = trp_eq_compile(q, full, TRP_Q_CHARS(text), text->count);
    if (*code == NULL) {
        return NULL;
    }
    struct trp_eq_node *root = (*code)->root;
    if (root->count != 1 || root->items[0]->kind != TRP_EQ_FUNCTION) {
        trp_eq_code_unref(*code);
        return (void *)trp_eq_fail(q, "type");
    }
    struct trp_eq_lambda *lambda = root->items[0]->lambda;
    trp_eq_drop(q->lambdas[slot].value);
    if (q->lambdas[slot].lambda != NULL) {
        trp_eq_code_unref(q->lambdas[slot].lambda->code);
    }
    q->lambdas[slot].value = troupe_q_ref(f);
    q->lambdas[slot].lambda = lambda;
    (*code)->refs++;
    return lambda;
}

static qv *apply_lambda(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    const struct trp_eq_builtin *b = trp_eq_builtin_of(q, f);

    if (b != NULL) {
        return trp_eq_call_builtin(q, b, count, args);
    }
    struct trp_eq_code *code = NULL;
    struct trp_eq_lambda *lambda = lambda_of(q, f, &code);
    if (lambda == NULL) {
        return NULL;
    }
    qv *out = count < lambda->rank ? project(q, f, count, args)
                                   : trp_eq_call_lambda(q, lambda, count, args);
    trp_eq_code_unref(code);
    return out;
}

static qv *apply_projection(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    qv *filled[TRP_EQ_ARGS_MAX];
    size_t places = f->count - 1;
    size_t next = 0;
    bool holes = false;

    if (places > TRP_EQ_ARGS_MAX) {
        return trp_eq_fail(q, "rank");
    }
    for (size_t i = 0; i < places; i++) {
        filled[i] = TRP_Q_ITEMS(f)[i + 1];
        if (is_hole(filled[i])) {
            filled[i] = next < count ? args[next++] : NULL;
            holes = holes || filled[i] == NULL;
        }
    }
    while (next < count && places < TRP_EQ_ARGS_MAX) {
        filled[places++] = args[next++];
    }
    if (next < count) {
        return trp_eq_fail(q, "rank");
    }
    qv *inner = TRP_Q_ITEMS(f)[0];
    return holes ? project(q, inner, places, filled)
                 : trp_eq_apply(q, inner, places, filled);
}

static qv *apply_composition(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    size_t i = f->count - 1;
    qv *v = trp_eq_apply(q, TRP_Q_ITEMS(f)[i], count, args);

    while (v != NULL && i-- > 0) {
        qv *next = trp_eq_apply1(q, TRP_Q_ITEMS(f)[i], v);
        trp_eq_drop(v);
        v = next;
    }
    return v;
}

/* An iterator by itself: '[f;g] composes, (') f derives. */
static qv *apply_iterator(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    int op = TRP_Q_BYTES(f)[0];
    qv *parts[2] = {NULL, NULL};

    if (count == 0 || count > 2 || (count == 2 && op != 0)) {
        return trp_eq_fail(q, "rank");
    }
    for (size_t i = 0; i < count; i++) {
        parts[i] = troupe_q_ref(args[i]);
    }
    qv *v = count == 1 ? trp_q_of_parts(TROUPE_Q_EACH + op, 1, parts)
                       : trp_q_of_parts(TROUPE_Q_COMPOSITION, 2, parts);
    for (size_t i = 0; v == NULL && i < count; i++) {
        trp_eq_drop(parts[i]);
    }
    return trp_eq_made(q, v);
}

static qv *apply_value(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    int64_t handle = 0;

    switch (f->type) {
    case TROUPE_Q_LAMBDA:
        return apply_lambda(q, f, count, args);
    case TROUPE_Q_UNARY:
    case TROUPE_Q_BINARY: {
        const struct trp_eq_builtin *b = trp_eq_builtin_of(q, f);
        if (trp_q_is_generic_null(f)) {
            return count == 1 ? troupe_q_ref(args[0]) : trp_eq_fail(q, "rank");
        }
        return b != NULL ? trp_eq_call_builtin(q, b, count, args)
                         : trp_eq_nyi(q, "primitive");
    }
    case TROUPE_Q_ITERATOR:
        return apply_iterator(q, f, count, args);
    case TROUPE_Q_PROJECTION:
        return apply_projection(q, f, count, args);
    case TROUPE_Q_COMPOSITION:
        return apply_composition(q, f, count, args);
    case -TROUPE_Q_SYMBOL: {
        if (count == 1 && trp_eq_is_address(f)) {
            return trp_eq_call_once(q, f, args[0]);
        }
        qv *named = trp_eq_get(q, q->context, TRP_Q_SYMS(f)[0]);
        qv *out = named != NULL ? trp_eq_apply(q, named, count, args) : NULL;
        trp_eq_drop(named);
        return out;
    }
    case -TROUPE_Q_INT:
    case -TROUPE_Q_LONG:
    case -TROUPE_Q_SHORT:
        return count == 1 && trp_eq_int_of(f, &handle)
                   ? trp_eq_apply_handle(q, handle, f, args[0])
                   : trp_eq_fail(q, "type");
    default:
        if (f->type >= TROUPE_Q_EACH && f->type <= TROUPE_Q_EACH_LEFT) {
            return trp_eq_derived(q, f->type - TROUPE_Q_EACH, TRP_Q_ITEMS(f)[0], count,
                                  args);
        }
        return trp_eq_index(q, f, count, args);
    }
}

qv *trp_eq_apply(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    bool function = trp_q_is_function(f);

    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    for (size_t i = 0; function && i < count; i++) {
        if (args[i] == NULL && f->type != TROUPE_Q_PROJECTION) {
            (void)trp_eq_rank(q, f); /* a function that is none shows here */
            return q->failed ? NULL : project(q, f, count, args);
        }
    }
    return apply_value(q, f, count, args);
}

qv *trp_eq_apply1(struct trp_embedq *q, qv *f, qv *x)
{
    return trp_eq_apply(q, f, 1, (qv *[]){x});
}

qv *trp_eq_apply2(struct trp_embedq *q, qv *f, qv *x, qv *y)
{
    return trp_eq_apply(q, f, 2, (qv *[]){x, y});
}

static size_t projection_rank(struct trp_embedq *q, const qv *f)
{
    size_t whole = trp_eq_rank(q, TRP_Q_ITEMS(f)[0]);
    size_t n = whole > f->count - 1 ? whole - (f->count - 1) : 0;

    for (size_t i = 1; i < f->count; i++) {
        n += is_hole(TRP_Q_ITEMS(f)[i]);
    }
    return n;
}

size_t trp_eq_rank(struct trp_embedq *q, qv *f)
{
    struct trp_eq_code *code = NULL;
    const struct trp_eq_builtin *b = trp_eq_builtin_of(q, f);

    if (b != NULL) {
        return b->two != NULL && (b->infix || b->one == NULL) ? 2
               : b->one != NULL                               ? 1
                                                              : b->max;
    }
    switch (f->type) {
    case TROUPE_Q_LAMBDA: {
        struct trp_eq_lambda *lambda = lambda_of(q, f, &code);
        if (lambda == NULL) {
            return 0;
        }
        size_t rank = lambda->rank;
        trp_eq_code_unref(code);
        return rank;
    }
    case TROUPE_Q_PROJECTION:
        return projection_rank(q, f);
    case TROUPE_Q_COMPOSITION:
        return trp_eq_rank(q, TRP_Q_ITEMS(f)[f->count - 1]);
    case TROUPE_Q_EACH:
        return trp_eq_rank(q, TRP_Q_ITEMS(f)[0]);
    case TROUPE_Q_EACH_RIGHT:
    case TROUPE_Q_EACH_LEFT:
        return 2;
    default:
        return 1;
    }
}
