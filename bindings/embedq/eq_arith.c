/* SPDX-License-Identifier: MIT
 * eq_arith.c - the atomic verbs of two arguments: arithmetic, comparison, min, max, fill.
 *
 * Operands are read in pieces as longs or doubles in a common unit, computed by a kernel,
 * and written in the type of the result. */
#include <math.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_arith.h"
#include "bindings/embedq/eq_literal.h"
#include "bindings/embedq/eq_verbs.h"

enum { PIECE = 512 };

#define NONE INT64_MIN

typedef void (*long_kernel)(const int64_t *x, const int64_t *y, int64_t *out, size_t n);
typedef void (*float_kernel)(const double *x, const double *y, double *out, size_t n);

#define LONG_KERNEL(name, result)                                                        \
    static void name(const int64_t *x, const int64_t *y, int64_t *out, size_t n)         \
    {                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                 \
            int64_t a = x[i], b = y[i];                                                  \
            out[i] = (result);                                                           \
        }                                                                                \
    }

#define FLOAT_KERNEL(name, result)                                                       \
    static void name(const double *x, const double *y, double *out, size_t n)            \
    {                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                 \
            double a = x[i], b = y[i];                                                   \
            out[i] = (result);                                                           \
        }                                                                                \
    }

static int64_t floor_div(int64_t a, int64_t b)
{
    if (b == 0 || b == -1) {
        return b == 0 ? NONE : (int64_t)(0 - (uint64_t)a);
    }
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool same(double a, double b)
{
    double diff = fabs(a - b);

    return a == b || (isnan(a) && isnan(b)) || diff <= 1e-14 * fmax(fabs(a), fabs(b));
}

static bool less(double a, double b) /* NaN is before all else */
{
    return isnan(a) ? !isnan(b) : !isnan(b) && a < b && !same(a, b);
}

LONG_KERNEL(add_long,
            a == NONE || b == NONE ? NONE : (int64_t)((uint64_t)a + (uint64_t)b))
LONG_KERNEL(sub_long,
            a == NONE || b == NONE ? NONE : (int64_t)((uint64_t)a - (uint64_t)b))
LONG_KERNEL(mul_long,
            a == NONE || b == NONE ? NONE : (int64_t)((uint64_t)a * (uint64_t)b))
LONG_KERNEL(min_long, a < b ? a : b)
LONG_KERNEL(max_long, a > b ? a : b)
LONG_KERNEL(fill_long, b == NONE ? a : b)
LONG_KERNEL(eq_long, a == b)
LONG_KERNEL(ne_long, a != b)
LONG_KERNEL(lt_long, a < b)
LONG_KERNEL(gt_long, a > b)
LONG_KERNEL(le_long, a <= b)
LONG_KERNEL(ge_long, a >= b)
LONG_KERNEL(div_long, a == NONE || b == NONE ? NONE : floor_div(a, b))
LONG_KERNEL(mod_long,
            a == NONE || b == NONE || b == 0
                ? NONE
                : (int64_t)((uint64_t)a - (uint64_t)floor_div(a, b) * (uint64_t)b))
LONG_KERNEL(bar_long, a == NONE || b == NONE || a == 0
                          ? (a == 0 ? b : NONE)
                          : (int64_t)((uint64_t)floor_div(b, a) * (uint64_t)a))
FLOAT_KERNEL(add_float, a + b)
FLOAT_KERNEL(sub_float, a - b)
FLOAT_KERNEL(mul_float, a *b)
FLOAT_KERNEL(quotient, a / b)
FLOAT_KERNEL(min_float, isnan(a) || a < b ? a : b)
FLOAT_KERNEL(max_float, isnan(a) || a < b ? b : a)
FLOAT_KERNEL(fill_float, isnan(b) ? a : b)
FLOAT_KERNEL(eq_float, same(a, b))
FLOAT_KERNEL(ne_float, !same(a, b))
FLOAT_KERNEL(lt_float, less(a, b))
FLOAT_KERNEL(gt_float, less(b, a))
FLOAT_KERNEL(le_float, !less(b, a))
FLOAT_KERNEL(ge_float, !less(a, b))
FLOAT_KERNEL(div_float, floor(a / b))
FLOAT_KERNEL(mod_float, a - b * floor(a / b))
FLOAT_KERNEL(bar_float, a == 0 ? b : a * floor(b / a + 1e-14))
FLOAT_KERNEL(power, pow(a, b))
FLOAT_KERNEL(logarithm, log(b) / log(a))

static const struct op {
    long_kernel whole;
    float_kernel real;
} ops[TRP_EQ_OPS] = {
    [TRP_EQ_ADD] = {add_long, add_float},    [TRP_EQ_SUB] = {sub_long, sub_float},
    [TRP_EQ_MUL] = {mul_long, mul_float},    [TRP_EQ_QUOTIENT] = {NULL, quotient},
    [TRP_EQ_MIN] = {min_long, min_float},    [TRP_EQ_MAX] = {max_long, max_float},
    [TRP_EQ_FILL] = {fill_long, fill_float}, [TRP_EQ_EQ] = {eq_long, eq_float},
    [TRP_EQ_NE] = {ne_long, ne_float},       [TRP_EQ_LT] = {lt_long, lt_float},
    [TRP_EQ_GT] = {gt_long, gt_float},       [TRP_EQ_LE] = {le_long, le_float},
    [TRP_EQ_GE] = {ge_long, ge_float},       [TRP_EQ_DIV] = {div_long, div_float},
    [TRP_EQ_MOD] = {mod_long, mod_float},    [TRP_EQ_BAR] = {bar_long, bar_float},
    [TRP_EQ_POWER] = {NULL, power},          [TRP_EQ_LOGARITHM] = {NULL, logarithm},
};

struct plan {
    int type;   /* of the result */
    bool whole; /* computed as longs */
    int64_t scale[2];
};

/* ---- reading and writing pieces ---- */

#define READ_LONGS(type, none)                                                           \
    for (size_t i = 0; i < n; i++) {                                                     \
        type item = ((const type *)v->data)[from + i * step];                            \
        out[i] = item == (none) ? NONE : (int64_t)item * scale;                          \
    }                                                                                    \
    break

static void read_longs(const qv *v, size_t from, size_t n, int64_t scale, int64_t *out)
{
    size_t step = v->type > 0;

    from = step != 0 ? from : 0;
    switch (trp_q_width(v->type)) {
    case 1:
        for (size_t i = 0; i < n; i++) {
            out[i] = TRP_Q_BYTES(v)[from + i * step];
        }
        break;
    case 2:
        READ_LONGS(int16_t, INT16_MIN);
    case 4:
        READ_LONGS(int32_t, INT32_MIN);
    default:
        for (size_t i = 0; i < n; i++) {
            int64_t item = TRP_Q_LONGS(v)[from + i * step];
            out[i] = item == NONE ? NONE : (int64_t)((uint64_t)item * (uint64_t)scale);
        }
    }
}

static void read_floats(const qv *v, size_t from, size_t n, int64_t scale, double *out)
{
    size_t step = v->type > 0;
    int kind = v->type < 0 ? -v->type : v->type;

    if (kind == TROUPE_Q_REAL || kind == TROUPE_Q_FLOAT || kind == TROUPE_Q_DATETIME) {
        from = step != 0 ? from : 0;
        for (size_t i = 0; i < n; i++) {
            size_t at = from + i * step;
            out[i] =
                kind == TROUPE_Q_REAL ? (double)TRP_Q_REALS(v)[at] : TRP_Q_FLOATS(v)[at];
        }
        return;
    }
    int64_t whole[PIECE];
    read_longs(v, from, n, scale, whole);
    for (size_t i = 0; i < n; i++) {
        out[i] = whole[i] == NONE ? (double)NAN : (double)whole[i];
    }
}

static void write_longs(qv *v, size_t from, size_t n, const int64_t *in)
{
    switch (trp_q_width(v->type)) {
    case 1:
        for (size_t i = 0; i < n; i++) {
            TRP_Q_BYTES(v)[from + i] = (uint8_t)in[i];
        }
        break;
    case 2:
        for (size_t i = 0; i < n; i++) {
            TRP_Q_SHORTS(v)[from + i] = in[i] == NONE ? INT16_MIN : (int16_t)in[i];
        }
        break;
    case 4:
        for (size_t i = 0; i < n; i++) {
            TRP_Q_INTS(v)[from + i] = in[i] == NONE ? INT32_MIN : (int32_t)in[i];
        }
        break;
    default:
        memcpy(TRP_Q_LONGS(v) + from, in, n * sizeof *in);
    }
}

static void write_floats(qv *v, size_t from, size_t n, const double *in)
{
    int kind = v->type < 0 ? -v->type : v->type;
    int64_t whole[PIECE];

    if (kind == TROUPE_Q_REAL) {
        for (size_t i = 0; i < n; i++) {
            TRP_Q_REALS(v)[from + i] = (float)in[i];
        }
    } else if (kind == TROUPE_Q_FLOAT || kind == TROUPE_Q_DATETIME) {
        memcpy(TRP_Q_FLOATS(v) + from, in, n * sizeof *in);
    } else {
        for (size_t i = 0; i < n; i++) {
            bool fits = in[i] >= -9.2e18 && in[i] <= 9.2e18;
            whole[i] =
                fits ? (int64_t)(kind == TROUPE_Q_BOOLEAN ? in[i] : rint(in[i])) : NONE;
        }
        write_longs(v, from, n, whole);
    }
}

/* The items themselves when they are what the kernel wants, else read into `room`. */
static const int64_t *as_longs(const qv *v, size_t from, size_t n, int64_t scale,
                               int64_t *room)
{
    if (v->type > 0 && trp_q_width(v->type) == 8 && scale == 1) {
        return TRP_Q_LONGS(v) + from;
    }
    read_longs(v, from, n, scale, room);
    return room;
}

static const double *as_floats(const qv *v, size_t from, size_t n, int64_t scale,
                               double *room)
{
    if (v->type == TROUPE_Q_FLOAT) {
        return TRP_Q_FLOATS(v) + from;
    }
    read_floats(v, from, n, scale, room);
    return room;
}

static bool run_longs(struct trp_embedq *q, const struct plan *plan, long_kernel kernel,
                      const qv *x, const qv *y, qv *out, size_t count)
{
    int64_t a[PIECE], b[PIECE], c[PIECE];

    for (size_t from = 0; from < count; from += PIECE) {
        size_t n = count - from < PIECE ? count - from : PIECE;
        if (from % ((size_t)PIECE * 64) == 0 && !trp_eq_go_on(q)) {
            return false;
        }
        const int64_t *left = as_longs(x, from, n, plan->scale[0], a);
        const int64_t *right = as_longs(y, from, n, plan->scale[1], b);
        bool wide = trp_q_width(out->type) == 8;
        kernel(left, right, wide ? TRP_Q_LONGS(out) + from : c, n);
        if (!wide) {
            write_longs(out, from, n, c);
        }
    }
    return true;
}

static bool run_floats(struct trp_embedq *q, const struct plan *plan, float_kernel kernel,
                       const qv *x, const qv *y, qv *out, size_t count)
{
    double a[PIECE], b[PIECE], c[PIECE];

    for (size_t from = 0; from < count; from += PIECE) {
        size_t n = count - from < PIECE ? count - from : PIECE;
        if (from % ((size_t)PIECE * 64) == 0 && !trp_eq_go_on(q)) {
            return false;
        }
        const double *left = as_floats(x, from, n, plan->scale[0], a);
        const double *right = as_floats(y, from, n, plan->scale[1], b);
        bool wide = out->type == TROUPE_Q_FLOAT;
        kernel(left, right, wide ? TRP_Q_FLOATS(out) + from : c, n);
        if (!wide) {
            write_floats(out, from, n, c);
        }
    }
    return true;
}

/* ---- types ---- */

static bool temporal(int kind)
{
    return kind >= TROUPE_Q_TIMESTAMP;
}

static bool clock_type(int kind)
{
    return kind >= TROUPE_Q_TIMESPAN;
}

static int64_t unit(int kind) /* nanoseconds; 0: no fixed unit */
{
    switch (kind) {
    case TROUPE_Q_TIMESTAMP:
    case TROUPE_Q_TIMESPAN:
        return 1;
    case TROUPE_Q_TIME:
        return 1000000;
    case TROUPE_Q_SECOND:
        return TRP_EQ_SECOND;
    case TROUPE_Q_MINUTE:
        return 60 * TRP_EQ_SECOND;
    case TROUPE_Q_DATE:
        return TRP_EQ_DAY;
    default:
        return 0;
    }
}

static int finer(int a, int b)
{
    return unit(a) <= unit(b) ? a : b;
}

/* The type of two different temporal types together; 0: they do not go together. */
static int temporal_pair(int a, int b, int op)
{
    if (clock_type(a) && clock_type(b)) {
        return finer(a, b);
    }
    if (unit(a) == 0 || unit(b) == 0) {
        return 0;
    }
    if (op == TRP_EQ_ADD) {
        return clock_type(a) || clock_type(b) ? TROUPE_Q_TIMESTAMP : 0;
    }
    if (op == TRP_EQ_SUB) {
        return clock_type(b) ? TROUPE_Q_TIMESTAMP : clock_type(a) ? 0 : TROUPE_Q_TIMESPAN;
    }
    return clock_type(a) != clock_type(b) ? 0 : TROUPE_Q_TIMESTAMP;
}

static int number_pair(int a, int b, int op)
{
    bool select = op == TRP_EQ_MIN || op == TRP_EQ_MAX || op == TRP_EQ_FILL;
    int top = a > b ? a : b;

    if (a == TROUPE_Q_CHAR || b == TROUPE_Q_CHAR) {
        int other = a == TROUPE_Q_CHAR ? b : a;
        return select && a == b                                 ? TROUPE_Q_CHAR
               : other == TROUPE_Q_CHAR || other < TROUPE_Q_INT ? TROUPE_Q_INT
                                                                : other;
    }
    if (top < TROUPE_Q_INT && !(select && top >= TROUPE_Q_BOOLEAN)) {
        return TROUPE_Q_INT;
    }
    return top;
}

static bool comparison(int op)
{
    return op >= TRP_EQ_EQ && op <= TRP_EQ_GE;
}

static int pair_type(int a, int b, int op)
{
    if (temporal(a) && temporal(b)) {
        bool same_type = a == b;
        if (same_type && op == TRP_EQ_SUB && !clock_type(a)) {
            return a == TROUPE_Q_TIMESTAMP  ? TROUPE_Q_TIMESPAN
                   : a == TROUPE_Q_DATETIME ? TROUPE_Q_FLOAT
                                            : TROUPE_Q_INT;
        }
        return same_type ? a : temporal_pair(a, b, op);
    }
    if (temporal(a) || temporal(b)) {
        return temporal(a) ? a : b;
    }
    return number_pair(a, b, op);
}

static bool make_plan(int a, int b, int op, struct plan *plan)
{
    int ca = trp_eq_class(a);
    int cb = trp_eq_class(b);
    int type = pair_type(a, b, op);

    if ((ca != 'i' && ca != 'f') || (cb != 'i' && cb != 'f') || type == 0) {
        return false;
    }
    plan->whole = ca == 'i' && cb == 'i' && ops[op].whole != NULL;
    plan->scale[0] = plan->scale[1] = 1;
    if (temporal(a) && temporal(b) && a != b) {
        plan->scale[0] = unit(a) / unit(type);
        plan->scale[1] = unit(b) / unit(type);
    }
    plan->type = type;
    if (comparison(op)) {
        plan->type = TROUPE_Q_BOOLEAN;
    } else if (op == TRP_EQ_QUOTIENT || op == TRP_EQ_POWER || op == TRP_EQ_LOGARITHM) {
        plan->type =
            a == TROUPE_Q_REAL && b == TROUPE_Q_REAL ? TROUPE_Q_REAL : TROUPE_Q_FLOAT;
    } else if (op == TRP_EQ_DIV && !temporal(a)) {
        plan->type = plan->whole ? type : TROUPE_Q_LONG;
    } else if (op == TRP_EQ_BAR && temporal(b)) {
        plan->type = b;
    } else if (!plan->whole && temporal(type) && (op == TRP_EQ_ADD || op == TRP_EQ_SUB) &&
               type == TROUPE_Q_DATE) {
        plan->type = TROUPE_Q_DATETIME;
    }
    return true;
}

/* ---- symbols and guids ---- */

static int order_items(const qv *x, size_t i, const qv *y, size_t j)
{
    if (trp_eq_class(x->type) == 's') {
        const char *a = TRP_Q_SYMS(x)[x->type < 0 ? 0 : i];
        const char *b = TRP_Q_SYMS(y)[y->type < 0 ? 0 : j];
        return a == b ? 0 : strcmp(a, b);
    }
    return memcmp(TRP_Q_BYTES(x) + 16 * (x->type < 0 ? 0 : i),
                  TRP_Q_BYTES(y) + 16 * (y->type < 0 ? 0 : j), 16);
}

static qv *compare_names(struct trp_embedq *q, int op, qv *x, qv *y, size_t count,
                         bool atom)
{
    qv *v = trp_eq_new(q, atom ? -TROUPE_Q_BOOLEAN : TROUPE_Q_BOOLEAN, count);

    for (size_t i = 0; v != NULL && i < count; i++) {
        int c = order_items(x, i, y, i);
        bool yes = op == TRP_EQ_EQ   ? c == 0
                   : op == TRP_EQ_NE ? c != 0
                   : op == TRP_EQ_LT ? c < 0
                   : op == TRP_EQ_GT ? c > 0
                   : op == TRP_EQ_LE ? c <= 0
                                     : c >= 0;
        TRP_Q_BYTES(v)[i] = yes;
    }
    return v;
}

static qv *fill_names(struct trp_embedq *q, qv *x, qv *y, size_t count, bool atom)
{
    qv *v = trp_eq_new(q, atom ? -TROUPE_Q_SYMBOL : TROUPE_Q_SYMBOL, count);

    for (size_t i = 0; v != NULL && i < count; i++) {
        const char *b = TRP_Q_SYMS(y)[y->type < 0 ? 0 : i];
        TRP_Q_SYMS(v)
        [i] = b == trp_q_empty_symbol ? TRP_Q_SYMS(x)[x->type < 0 ? 0 : i] : b;
    }
    return v;
}

/* Atoms and vectors. */
qv *trp_eq_arith_flat(struct trp_embedq *q, int op, qv *x, qv *y)
{
    bool atom = x->type < 0 && y->type < 0;
    size_t count = x->type < 0 ? y->count : x->count;
    int a = x->type < 0 ? -x->type : x->type;
    int b = y->type < 0 ? -y->type : y->type;
    struct plan plan;

    if (x->type > 0 && y->type > 0 && x->count != y->count) {
        return trp_eq_fail(q, "length");
    }
    if (a == b && (a == TROUPE_Q_SYMBOL || a == TROUPE_Q_GUID)) {
        return comparison(op) ? compare_names(q, op, x, y, count, atom)
               : op == TRP_EQ_FILL && a == TROUPE_Q_SYMBOL
                   ? fill_names(q, x, y, count, atom)
                   : trp_eq_fail(q, "type");
    }
    if (a != b && temporal(a) && temporal(b) &&
        (unit(a) == 0 || unit(b) == 0)) { /* months and datetimes: through timestamps */
        qv *s = trp_eq_cast(q, TROUPE_Q_TIMESTAMP, unit(a) == 0 ? x : y);
        qv *v = s == NULL      ? NULL
                : unit(a) == 0 ? trp_eq_arith_flat(q, op, s, y)
                               : trp_eq_arith_flat(q, op, x, s);
        trp_eq_drop(s);
        return v;
    }
    if (!make_plan(a, b, op, &plan)) {
        return trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_new(q, atom ? -plan.type : plan.type, count);
    bool good =
        v != NULL && (plan.whole ? run_longs(q, &plan, ops[op].whole, x, y, v, count)
                                 : run_floats(q, &plan, ops[op].real, x, y, v, count));
    if (!good) {
        trp_eq_drop(v);
        return NULL;
    }
    return v;
}
