/* SPDX-License-Identifier: MIT
 * eq_math.c - the atomic verbs of one argument. */
#include <math.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

typedef qv *(*flat_verb)(struct trp_embedq *q, qv *x);

/* Goes into lists, dictionaries and tables down to the vectors. */
static qv *atomic(struct trp_embedq *q, qv *x, flat_verb f)
{
    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    if (trp_q_is_dict(x) || x->type == TROUPE_Q_TABLE) {
        qv *values = atomic(q, TRP_Q_ITEMS(x)[1], f);
        int type = x->type == TROUPE_Q_TABLE ? TROUPE_Q_TABLE : TROUPE_Q_DICT;
        return values != NULL
                   ? trp_eq_pair(q, type, troupe_q_ref(TRP_Q_ITEMS(x)[0]), values)
                   : NULL;
    }
    if (x->type != TROUPE_Q_LIST) {
        return trp_q_is_function(x) ? trp_eq_fail(q, "type") : f(q, x);
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, x->count);
    for (size_t i = 0; v != NULL && i < x->count; i++) {
        TRP_Q_ITEMS(v)[i] = atomic(q, TRP_Q_ITEMS(x)[i], f);
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return trp_eq_simple(q, v);
}

static qv *floats(struct trp_embedq *q, qv *x, double (*f)(double))
{
    qv *v = trp_eq_cast(q, TROUPE_Q_FLOAT, x);

    if (v == x && v != NULL) {
        qv *copy = trp_eq_made(q, trp_q_copy(x));
        trp_eq_drop(v);
        v = copy;
    }
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        TRP_Q_FLOATS(v)[i] = f(TRP_Q_FLOATS(v)[i]);
    }
    if (v != NULL) {
        v->attr = 0;
    }
    return v;
}

static double reciprocal(double x)
{
    return 1 / x;
}

#define FLOAT_VERB(name, f)                                                              \
    static qv *name##_flat(struct trp_embedq *q, qv *x)                                  \
    {                                                                                    \
        return floats(q, x, f);                                                          \
    }                                                                                    \
    qv *trp_eq_v_##name(struct trp_embedq *q, qv *x)                                     \
    {                                                                                    \
        return atomic(q, x, name##_flat);                                                \
    }
FLOAT_VERB(sqrt, sqrt)
FLOAT_VERB(exp, exp)
FLOAT_VERB(log, log)
FLOAT_VERB(sin, sin)
FLOAT_VERB(cos, cos)
FLOAT_VERB(tan, tan)
FLOAT_VERB(asin, asin)
FLOAT_VERB(acos, acos)
FLOAT_VERB(atan, atan)
FLOAT_VERB(reciprocal, reciprocal)

static int whole_result(int type) /* of neg and abs */
{
    int kind = type < 0 ? -type : type;

    return kind < TROUPE_Q_SHORT || kind == TROUPE_Q_CHAR ? TROUPE_Q_INT : kind;
}

static qv *signed_flat(struct trp_embedq *q, qv *x, bool absolute)
{
    int kind = trp_eq_class(x->type);

    if (kind != 'i' && kind != 'f') {
        return trp_eq_fail(q, "type");
    }
    qv *wide = trp_eq_cast(q, whole_result(x->type), x);
    qv *v = wide != NULL ? trp_eq_made(q, trp_q_copy(wide)) : NULL;
    trp_eq_drop(wide);
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        int type = v->type < 0 ? -v->type : v->type;
        if (type == TROUPE_Q_REAL) {
            float a = TRP_Q_REALS(v)[i];
            TRP_Q_REALS(v)[i] = absolute ? fabsf(a) : -a;
        } else if (kind == 'f') {
            double a = TRP_Q_FLOATS(v)[i];
            TRP_Q_FLOATS(v)[i] = absolute ? fabs(a) : -a;
        } else if (trp_q_width(type) == 8) {
            int64_t a = TRP_Q_LONGS(v)[i];
            TRP_Q_LONGS(v)[i] = a == INT64_MIN || (absolute && a >= 0) ? a : -a;
        } else if (trp_q_width(type) == 4) {
            int32_t a = TRP_Q_INTS(v)[i];
            TRP_Q_INTS(v)[i] = a == INT32_MIN || (absolute && a >= 0) ? a : -a;
        } else {
            int16_t a = TRP_Q_SHORTS(v)[i];
            TRP_Q_SHORTS(v)[i] = a == INT16_MIN || (absolute && a >= 0) ? a : (int16_t)-a;
        }
    }
    if (v != NULL) {
        v->attr = 0;
    }
    return v;
}

static qv *neg_flat(struct trp_embedq *q, qv *x)
{
    return signed_flat(q, x, false);
}

static qv *abs_flat(struct trp_embedq *q, qv *x)
{
    return signed_flat(q, x, true);
}

qv *trp_eq_v_neg(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, neg_flat);
}

qv *trp_eq_v_abs(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, abs_flat);
}

static qv *rounded(struct trp_embedq *q, qv *x, double (*f)(double))
{
    if (trp_eq_class(x->type) == 'i') {
        return troupe_q_ref(x);
    }
    if (trp_eq_class(x->type) != 'f') {
        return trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_new(q, x->type < 0 ? -TROUPE_Q_LONG : TROUPE_Q_LONG, x->count);
    for (size_t i = 0; v != NULL && i < x->count; i++) {
        double a = 0;
        if (troupe_q_get_float(x, i, &a) != TROUPE_OK || isnan(a)) {
            TRP_Q_LONGS(v)[i] = INT64_MIN;
            continue;
        }
        a = f(a);
        TRP_Q_LONGS(v)
        [i] = a >= 9.2e18 ? INT64_MAX : a <= -9.2e18 ? -INT64_MAX : (int64_t)a;
    }
    return v;
}

static qv *floor_flat(struct trp_embedq *q, qv *x)
{
    return rounded(q, x, floor);
}

static qv *ceiling_flat(struct trp_embedq *q, qv *x)
{
    return rounded(q, x, ceil);
}

qv *trp_eq_v_floor(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, floor_flat);
}

qv *trp_eq_v_ceiling(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, ceiling_flat);
}

static qv *test_items(struct trp_embedq *q, qv *x, int what)
{
    qv *v = trp_eq_new(q, x->type < 0 ? -TROUPE_Q_BOOLEAN : TROUPE_Q_BOOLEAN, x->count);

    for (size_t i = 0; v != NULL && i < x->count; i++) {
        double real = 0;
        int64_t whole = 0;
        bool yes = false;
        if (what == 0) {
            yes = trp_eq_item_is_null(x, i);
        } else if (trp_eq_class(x->type) == 'f') {
            yes = troupe_q_get_float(x, i, &real) == TROUPE_OK && real == 0;
        } else if (troupe_q_get_long(x, i, &whole) == TROUPE_OK) {
            yes = whole == 0;
        } else {
            trp_eq_drop(v);
            return trp_eq_fail(q, "type");
        }
        TRP_Q_BYTES(v)[i] = yes;
    }
    return v;
}

static qv *null_flat(struct trp_embedq *q, qv *x)
{
    return test_items(q, x, 0);
}

static qv *not_flat(struct trp_embedq *q, qv *x)
{
    return test_items(q, x, 1);
}

qv *trp_eq_v_null(struct trp_embedq *q, qv *x)
{
    if (trp_q_is_function(x)) {
        return trp_eq_bool(q, trp_q_is_generic_null(x));
    }
    return atomic(q, x, null_flat);
}

qv *trp_eq_v_not(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, not_flat);
}

static qv *signum_flat(struct trp_embedq *q, qv *x)
{
    qv *v = trp_eq_new(q, x->type < 0 ? -TROUPE_Q_INT : TROUPE_Q_INT, x->count);

    for (size_t i = 0; v != NULL && i < x->count; i++) {
        double real = 0;
        if (troupe_q_get_float(x, i, &real) != TROUPE_OK) {
            trp_eq_drop(v);
            return trp_eq_fail(q, "type");
        }
        TRP_Q_INTS(v)[i] = real > 0 ? 1 : real == 0 ? 0 : -1;
    }
    return v;
}

qv *trp_eq_v_signum(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, signum_flat);
}

static qv *change_case(struct trp_embedq *q, qv *x, bool upper)
{
    int kind = x->type < 0 ? -x->type : x->type;

    if (kind != TROUPE_Q_CHAR && kind != TROUPE_Q_SYMBOL) {
        return trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_made(q, trp_q_copy(x));
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        char text[1024];
        const char *from =
            kind == TROUPE_Q_SYMBOL ? TRP_Q_SYMS(v)[i] : TRP_Q_CHARS(v) + i;
        size_t size = kind == TROUPE_Q_SYMBOL ? trp_q_symbol_size(from) : 1;
        for (size_t k = 0; k < size && k < sizeof text; k++) {
            char c = from[k];
            text[k] = upper && c >= 'a' && c <= 'z'    ? (char)(c - 32)
                      : !upper && c >= 'A' && c <= 'Z' ? (char)(c + 32)
                                                       : c;
        }
        if (kind == TROUPE_Q_CHAR) {
            TRP_Q_CHARS(v)[i] = text[0];
        } else if (size > sizeof text ||
                   trp_q_intern(text, size, &TRP_Q_SYMS(v)[i]) != TROUPE_OK) {
            trp_eq_drop(v);
            return trp_eq_fail(q, "limit");
        }
    }
    if (v != NULL) {
        v->attr = 0;
    }
    return v;
}

static qv *lower_flat(struct trp_embedq *q, qv *x)
{
    return change_case(q, x, false);
}

static qv *upper_flat(struct trp_embedq *q, qv *x)
{
    return change_case(q, x, true);
}

qv *trp_eq_v_lower(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, lower_flat);
}

qv *trp_eq_v_upper(struct trp_embedq *q, qv *x)
{
    return atomic(q, x, upper_flat);
}
