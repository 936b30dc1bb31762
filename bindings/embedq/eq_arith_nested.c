/* SPDX-License-Identifier: MIT
 * eq_arith_nested.c - atomic verbs down into lists, dictionaries and tables. */
#include "bindings/embedq/eq_arith.h"
#include "bindings/embedq/eq_verbs.h"

/* ---- lists, dictionaries, tables ---- */

static qv *list_pair(struct trp_embedq *q, int op, qv *x, qv *y)
{
    bool xs = trp_q_is_list(x);
    bool ys = trp_q_is_list(y);
    size_t count = xs ? x->count : y->count;

    if (xs && ys && x->count != y->count) {
        return trp_eq_fail(q, "length");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, count);
    for (size_t i = 0; v != NULL && i < count; i++) {
        qv *a = xs ? trp_eq_made(q, trp_q_at(x, i)) : troupe_q_ref(x);
        qv *b = ys ? trp_eq_made(q, trp_q_at(y, i)) : troupe_q_ref(y);
        TRP_Q_ITEMS(v)[i] = a != NULL && b != NULL ? trp_eq_arith(q, op, a, b) : NULL;
        trp_eq_drop(a);
        trp_eq_drop(b);
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return trp_eq_simple(q, v);
}

/* Keys of both; a value alone stays. */
static qv *dict_union(struct trp_embedq *q, int op, qv *x, qv *y)
{
    qv *keys = troupe_q_ref(TRP_Q_ITEMS(x)[0]);
    qv *values = troupe_q_ref(TRP_Q_ITEMS(x)[1]);
    qv *out = trp_eq_pair(q, TROUPE_Q_DICT, keys, values);
    qv *more = TRP_Q_ITEMS(y)[0];

    for (size_t i = 0; out != NULL && i < trp_eq_len(more); i++) {
        qv *key = NULL;
        qv *value = NULL;
        qv *done = NULL;
        bool good = troupe_q_item(more, i, &key) == TROUPE_OK &&
                    troupe_q_item(TRP_Q_ITEMS(y)[1], i, &value) == TROUPE_OK;
        int64_t at = good ? trp_eq_find_item(TRP_Q_ITEMS(out)[0], key) : -1;
        if (good && at >= 0) {
            qv *old = NULL;
            if (troupe_q_item(TRP_Q_ITEMS(out)[1], (size_t)at, &old) == TROUPE_OK) {
                done = trp_eq_arith(q, op, old, value);
                trp_eq_drop(old);
            }
        } else if (good) {
            done = troupe_q_ref(value);
        }
        good = done != NULL && trp_eq_amend_at(q, &out, 1, &key, NULL, done);
        trp_eq_drop(done);
        trp_eq_drop(value);
        trp_eq_drop(key);
        if (!good) {
            trp_eq_drop(out);
            return q->failed ? NULL : trp_eq_oom(q);
        }
    }
    return out;
}

static qv *dict_pair(struct trp_embedq *q, int op, qv *x, qv *y)
{
    bool xd = trp_q_is_dict(x);
    bool yd = trp_q_is_dict(y);

    if (xd && yd && !troupe_q_match(TRP_Q_ITEMS(x)[0], TRP_Q_ITEMS(y)[0])) {
        return trp_q_is_keyed(x) || trp_q_is_keyed(y) ? trp_eq_fail(q, "type")
                                                      : dict_union(q, op, x, y);
    }
    qv *values =
        trp_eq_arith(q, op, xd ? TRP_Q_ITEMS(x)[1] : x, yd ? TRP_Q_ITEMS(y)[1] : y);
    return values != NULL ? trp_eq_pair(q, TROUPE_Q_DICT,
                                        troupe_q_ref(TRP_Q_ITEMS(xd ? x : y)[0]), values)
                          : NULL;
}

static qv *table_pair(struct trp_embedq *q, int op, qv *x, qv *y)
{
    bool xt = x->type == TROUPE_Q_TABLE;
    bool yt = y->type == TROUPE_Q_TABLE;
    qv *table = xt ? x : y;

    if ((!xt && x->type >= 0) || (!yt && y->type >= 0)) {
        return trp_eq_fail(q, "type");
    }
    if (xt && yt && !troupe_q_match(TRP_Q_ITEMS(x)[0], TRP_Q_ITEMS(y)[0])) {
        return trp_eq_fail(q, "mismatch");
    }
    qv *columns =
        list_pair(q, op, xt ? TRP_Q_ITEMS(x)[1] : x, yt ? TRP_Q_ITEMS(y)[1] : y);
    return columns != NULL ? trp_eq_pair(q, TROUPE_Q_TABLE,
                                         troupe_q_ref(TRP_Q_ITEMS(table)[0]), columns)
                           : NULL;
}

qv *trp_eq_arith(struct trp_embedq *q, int op, qv *x, qv *y)
{
    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    if (trp_q_is_dict(x) || trp_q_is_dict(y)) {
        return dict_pair(q, op, x, y);
    }
    if (x->type == TROUPE_Q_TABLE || y->type == TROUPE_Q_TABLE) {
        return table_pair(q, op, x, y);
    }
    if (trp_q_is_function(x) || trp_q_is_function(y)) {
        return trp_eq_fail(q, "type");
    }
    return x->type == TROUPE_Q_LIST || y->type == TROUPE_Q_LIST
               ? list_pair(q, op, x, y)
               : trp_eq_arith_flat(q, op, x, y);
}

#define VERB(name, op)                                                                   \
    qv *name(struct trp_embedq *q, qv *x, qv *y)                                         \
    {                                                                                    \
        return trp_eq_arith(q, op, x, y);                                                \
    }
VERB(trp_eq_v_add, TRP_EQ_ADD)
VERB(trp_eq_v_sub, TRP_EQ_SUB)
VERB(trp_eq_v_mul, TRP_EQ_MUL)
VERB(trp_eq_v_quotient, TRP_EQ_QUOTIENT)
VERB(trp_eq_v_min, TRP_EQ_MIN)
VERB(trp_eq_v_max, TRP_EQ_MAX)
VERB(trp_eq_v_fill, TRP_EQ_FILL)
VERB(trp_eq_v_eq, TRP_EQ_EQ)
VERB(trp_eq_v_ne, TRP_EQ_NE)
VERB(trp_eq_v_lt, TRP_EQ_LT)
VERB(trp_eq_v_gt, TRP_EQ_GT)
VERB(trp_eq_v_le, TRP_EQ_LE)
VERB(trp_eq_v_ge, TRP_EQ_GE)
VERB(trp_eq_v_div, TRP_EQ_DIV)
VERB(trp_eq_v_mod, TRP_EQ_MOD)
VERB(trp_eq_v_xbar, TRP_EQ_BAR)
VERB(trp_eq_v_xexp, TRP_EQ_POWER)
VERB(trp_eq_v_xlog, TRP_EQ_LOGARITHM)
