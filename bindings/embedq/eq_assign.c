/* SPDX-License-Identifier: MIT
 * eq_assign.c - a:x a::x a+:x a[i]:x a[i]+:x, in place where nobody else looks. */
#include "bindings/embedq/eq.h"

static const char *context_of(const struct trp_embedq *q)
{
    return q->frame->lambda != NULL ? q->frame->lambda->context : q->context;
}

/* Where the variable's value is kept; NULL: an error. */
static qv **place_of(struct trp_embedq *q, struct trp_eq_node *name)
{
    if (name->slot >= 0) {
        return &q->frame->slots[name->slot];
    }
    struct trp_eq_binding *b = trp_eq_binding(q, context_of(q), name->name, true);
    return b != NULL ? &b->value : NULL;
}

static bool set_plain(struct trp_embedq *q, struct trp_eq_node *name, qv *value)
{
    if (name->slot < 0) {
        return trp_eq_set(q, context_of(q), name->name, value);
    }
    qv *old = q->frame->slots[name->slot];
    q->frame->slots[name->slot] = troupe_q_ref(value);
    trp_eq_drop(old);
    return true;
}

static bool change(struct trp_embedq *q, qv **place, const struct trp_eq_builtin *op,
                   qv *value)
{
    if (op->name[0] == ',' && op->name[1] == 0) {
        if (trp_q_is_list(*place)) {
            return trp_eq_append(q, place, value);
        }
        if ((*place)->type == TROUPE_Q_TABLE || trp_q_is_keyed(*place)) {
            return trp_eq_add_rows(q, place, value);
        }
    }
    qv *held = troupe_q_ref(*place);
    qv *fresh = trp_eq_call_builtin(q, op, 2, (qv *[]){held, value});
    trp_eq_drop(held);
    if (fresh == NULL) {
        return false;
    }
    qv *old = *place;
    *place = fresh;
    trp_eq_drop(old);
    return true;
}

static bool change_at(struct trp_embedq *q, qv **place, struct trp_eq_node *node,
                      qv *value)
{
    qv *index[TRP_EQ_ARGS_MAX] = {0};
    uint32_t count = node->count - 2;
    bool good = count <= TRP_EQ_ARGS_MAX || trp_eq_fail(q, "rank");
    qv *verb = NULL;

    for (uint32_t i = count; good && i-- > 0;) {
        if (node->items[i + 2]->kind != TRP_EQ_HOLE) {
            index[i] = trp_eq_eval(q, node->items[i + 2]);
            good = index[i] != NULL;
        }
    }
    if (good && node->builtin != NULL) {
        verb = trp_eq_builtin_value(q, node->builtin);
        good = verb != NULL;
    }
    if (good && !trp_eq_is_calm(q, verb)) { /* it may touch the variable itself */
        qv *work = troupe_q_ref(*place);
        good = trp_eq_amend_at(q, &work, count, index, verb, value);
        qv *old = *place;
        *place = good ? work : old;
        trp_eq_drop(good ? old : work);
    } else {
        good = good && trp_eq_amend_at(q, place, count, index, verb, value);
    }
    trp_eq_drop(verb);
    for (uint32_t i = 0; i < count && i < TRP_EQ_ARGS_MAX; i++) {
        trp_eq_drop(index[i]);
    }
    return good;
}

/* A global that is not there is () to a verb, so that `found,:x` begins a list. */
static bool change_nothing(struct trp_embedq *q, qv **place,
                           const struct trp_eq_builtin *op, qv *value)
{
    qv *work = trp_eq_empty(q, TROUPE_Q_LIST);

    if (work == NULL || !change(q, &work, op, value)) {
        trp_eq_drop(work);
        return false;
    }
    *place = work;
    return true;
}

qv *trp_eq_assign(struct trp_embedq *q, struct trp_eq_node *node)
{
    struct trp_eq_node *name = node->items[0];
    qv *value = trp_eq_eval(q, node->items[1]);

    if (value == NULL) {
        return NULL;
    }
    bool good = false;
    if (node->count == 2 && node->builtin == NULL) {
        good = set_plain(q, name, value);
    } else {
        qv **place = place_of(q, name);
        if (place != NULL && *place == NULL && name->slot < 0 && node->count == 2) {
            good = change_nothing(q, place, node->builtin, value);
        } else if (place != NULL && *place == NULL) {
            (void)trp_eq_fail(q, name->name);
        } else if (place != NULL) {
            good = node->count == 2 ? change(q, place, node->builtin, value)
                                    : change_at(q, place, node, value);
        }
    }
    if (!good) {
        trp_eq_drop(value);
        return NULL;
    }
    return value;
}
