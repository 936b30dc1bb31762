/* SPDX-License-Identifier: MIT
 * eq_agg.c - many to one, and running: sum avg min max med dev, sums mins maxs. */
#include <math.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_arith.h"
#include "bindings/embedq/eq_verbs.h"

enum fold { SUM, PRD, MIN, MAX };

static const int fold_op[] = {TRP_EQ_ADD, TRP_EQ_MUL, TRP_EQ_MIN, TRP_EQ_MAX};

static int sum_type(int type, enum fold how)
{
    if (how == MIN || how == MAX) {
        return type;
    }
    return type < TROUPE_Q_INT     ? TROUPE_Q_INT
           : type == TROUPE_Q_CHAR ? TROUPE_Q_INT
                                   : type;
}

static int64_t fold_longs(const qv *x, enum fold how, bool *any)
{
    int64_t acc = how == PRD ? 1 : 0;

    *any = false;
    for (size_t i = 0; i < x->count; i++) {
        int64_t a = 0;
        if (troupe_q_get_long(x, i, &a) != TROUPE_OK || a == INT64_MIN) {
            continue;
        }
        acc = how == SUM   ? (int64_t)((uint64_t)acc + (uint64_t)a)
              : how == PRD ? (int64_t)((uint64_t)acc * (uint64_t)a)
              : !*any      ? a
              : how == MIN ? (a < acc ? a : acc)
                           : (a > acc ? a : acc);
        *any = true;
    }
    return acc;
}

static int64_t sum_of_longs(const int64_t *x, size_t count)
{
    uint64_t acc = 0;

    for (size_t i = 0; i < count; i++) {
        acc += x[i] == INT64_MIN ? 0 : (uint64_t)x[i];
    }
    return (int64_t)acc;
}

static double fold_floats(const qv *x, enum fold how, bool *any)
{
    double acc = how == PRD ? 1 : 0;

    *any = false;
    for (size_t i = 0; i < x->count; i++) {
        double a = 0;
        if (troupe_q_get_float(x, i, &a) != TROUPE_OK || isnan(a)) {
            continue;
        }
        acc = how == SUM   ? acc + a
              : how == PRD ? acc * a
              : !*any      ? a
              : how == MIN ? fmin(acc, a)
                           : fmax(acc, a);
        *any = true;
    }
    return acc;
}

/* min and max of nothing are the infinities. */
static qv *nothing(struct trp_embedq *q, int type, enum fold how)
{
    int64_t top = how == MIN ? 1 : -1;

    if (trp_eq_class(type) == 'f') {
        return trp_eq_made(q, trp_q_of_float(-type, (double)INFINITY * (double)top));
    }
    int64_t most = trp_q_width(type) == 8     ? INT64_MAX
                   : trp_q_width(type) == 4   ? INT32_MAX
                   : trp_q_width(type) == 2   ? INT16_MAX
                   : how != MIN               ? 0
                   : type == TROUPE_Q_BOOLEAN ? 1
                                              : 255;
    return trp_eq_made(q,
                       trp_q_of_long(-type, trp_q_width(type) == 1 ? most : top * most));
}

static qv *fold_flat(struct trp_embedq *q, qv *x, enum fold how)
{
    int kind = trp_eq_class(x->type);
    bool any = false;

    if (kind == 's' || kind == 'g' || kind == 0) {
        return trp_eq_fail(q, "type");
    }
    int type = sum_type(x->type, how);
    if (x->type == TROUPE_Q_LONG && how == SUM) {
        return trp_eq_long(q, sum_of_longs(TRP_Q_LONGS(x), x->count));
    }
    if (kind == 'f') {
        double acc = fold_floats(x, how, &any);
        return !any && how >= MIN ? nothing(q, type, how)
                                  : trp_eq_made(q, trp_q_of_float(-type, acc));
    }
    int64_t acc = fold_longs(x, how, &any);
    return !any && how >= MIN ? nothing(q, type, how)
                              : trp_eq_made(q, trp_q_of_long(-type, acc));
}

static qv *fold_any(struct trp_embedq *q, qv *x, enum fold how)
{
    if (trp_q_is_dict(x)) {
        return fold_any(q, TRP_Q_ITEMS(x)[1], how);
    }
    if (x->type == TROUPE_Q_TABLE) {
        qv *columns = TRP_Q_ITEMS(x)[1];
        qv *v = trp_eq_new(q, TROUPE_Q_LIST, columns->count);
        for (size_t i = 0; v != NULL && i < columns->count; i++) {
            TRP_Q_ITEMS(v)[i] = fold_any(q, TRP_Q_ITEMS(columns)[i], how);
            if (TRP_Q_ITEMS(v)[i] == NULL) {
                trp_eq_drop(v);
                return NULL;
            }
        }
        return trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(x)[0]),
                           trp_eq_simple(q, v));
    }
    if (x->type == TROUPE_Q_LIST) {
        if (x->count == 0) {
            return how == SUM ? trp_eq_long(q, 0) : trp_eq_empty(q, TROUPE_Q_LIST);
        }
        qv *acc = troupe_q_ref(TRP_Q_ITEMS(x)[0]);
        for (size_t i = 1; acc != NULL && i < x->count; i++) {
            qv *next = trp_eq_arith(q, fold_op[how], acc, TRP_Q_ITEMS(x)[i]);
            trp_eq_drop(acc);
            acc = next;
        }
        return acc;
    }
    return x->type < 0            ? troupe_q_ref(x)
           : trp_q_is_function(x) ? trp_eq_fail(q, "type")
                                  : fold_flat(q, x, how);
}

#define FOLD(name, how)                                                                  \
    qv *trp_eq_v_##name(struct trp_embedq *q, qv *x)                                     \
    {                                                                                    \
        return fold_any(q, x, how);                                                      \
    }
FOLD(sum, SUM)
FOLD(prd, PRD)
FOLD(min_of, MIN)
FOLD(max_of, MAX)

/* ---- running ---- */

static void run_floats(const qv *x, qv *v, enum fold how)
{
    bool any = false;
    double acc = how == PRD ? 1 : 0;

    for (size_t i = 0; i < x->count; i++) {
        double a = 0;
        if (troupe_q_get_float(x, i, &a) == TROUPE_OK && !isnan(a)) {
            acc = how == SUM   ? acc + a
                  : how == PRD ? acc * a
                  : !any       ? a
                  : how == MIN ? fmin(acc, a)
                               : fmax(acc, a);
            any = true;
        }
        double out = any || how <= PRD ? acc : (double)NAN;
        if (v->type == TROUPE_Q_REAL) {
            TRP_Q_REALS(v)[i] = (float)out;
        } else {
            TRP_Q_FLOATS(v)[i] = out;
        }
    }
}

static void run_longs(const qv *x, int64_t *out, enum fold how)
{
    bool any = false;
    int64_t acc = how == PRD ? 1 : 0;

    for (size_t i = 0; i < x->count; i++) {
        int64_t a = 0;
        if (troupe_q_get_long(x, i, &a) == TROUPE_OK && a != INT64_MIN) {
            acc = how == SUM   ? (int64_t)((uint64_t)acc + (uint64_t)a)
                  : how == PRD ? (int64_t)((uint64_t)acc * (uint64_t)a)
                  : !any       ? a
                  : how == MIN ? (a < acc ? a : acc)
                               : (a > acc ? a : acc);
            any = true;
        }
        out[i] = any || how <= PRD ? acc : INT64_MIN;
    }
}

static qv *running(struct trp_embedq *q, qv *x, enum fold how)
{
    int kind = trp_eq_class(x->type);

    if (trp_q_is_dict(x)) {
        qv *v = running(q, TRP_Q_ITEMS(x)[1], how);
        return v != NULL
                   ? trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(x)[0]), v)
                   : NULL;
    }
    if (x->type < 0) {
        return troupe_q_ref(x);
    }
    if (x->type == TROUPE_Q_LIST && x->count > 0) {
        qv *v = trp_eq_new(q, TROUPE_Q_LIST, x->count);
        for (size_t i = 0; v != NULL && i < x->count; i++) {
            qv *item = TRP_Q_ITEMS(x)[i];
            TRP_Q_ITEMS(v)
            [i] = i == 0 ? troupe_q_ref(item)
                         : trp_eq_arith(q, fold_op[how], TRP_Q_ITEMS(v)[i - 1], item);
            if (TRP_Q_ITEMS(v)[i] == NULL) {
                trp_eq_drop(v);
                return NULL;
            }
        }
        return v;
    }
    if (x->count == 0) {
        return troupe_q_ref(x);
    }
    if (kind != 'i' && kind != 'f') {
        return trp_eq_fail(q, "type");
    }
    int type = sum_type(x->type, how);
    if (kind == 'f') {
        qv *v = trp_eq_new(q, type, x->count);
        if (v != NULL) {
            run_floats(x, v, how);
        }
        return v;
    }
    qv *wide = trp_eq_new(q, TROUPE_Q_LONG, x->count);
    if (wide == NULL) {
        return NULL;
    }
    run_longs(x, TRP_Q_LONGS(wide), how);
    if (type == TROUPE_Q_TIMESTAMP || type == TROUPE_Q_TIMESPAN ||
        type == TROUPE_Q_LONG) {
        wide->type = (int8_t)type;
        return wide;
    }
    int base = trp_q_width(type) == 4 ? TROUPE_Q_INT : type;
    qv *v = trp_eq_cast(q, base, wide);
    trp_eq_drop(wide);
    if (v != NULL) {
        v->type = (int8_t)type;
    }
    return v;
}

#define RUNNING(name, how)                                                               \
    qv *trp_eq_v_##name(struct trp_embedq *q, qv *x)                                     \
    {                                                                                    \
        return running(q, x, how);                                                       \
    }
RUNNING(sums, SUM)
RUNNING(prds, PRD)
RUNNING(mins, MIN)
RUNNING(maxs, MAX)

/* ---- statistics ---- */

static size_t moments(const qv *x, double *mean, double *square)
{
    size_t n = 0;
    double sum = 0;

    for (size_t i = 0; i < x->count; i++) {
        double a = 0;
        if (troupe_q_get_float(x, i, &a) == TROUPE_OK && !isnan(a)) {
            sum += a;
            n++;
        }
    }
    *mean = n != 0 ? sum / (double)n : (double)NAN;
    *square = 0;
    for (size_t i = 0; i < x->count; i++) {
        double a = 0;
        if (troupe_q_get_float(x, i, &a) == TROUPE_OK && !isnan(a)) {
            *square += (a - *mean) * (a - *mean);
        }
    }
    return n;
}

enum statistic { AVG, VAR, DEV, SVAR, SDEV };

static qv *statistic(struct trp_embedq *q, qv *x, enum statistic what)
{
    double mean = 0, square = 0;

    if (trp_q_is_dict(x)) {
        return statistic(q, TRP_Q_ITEMS(x)[1], what);
    }
    if (x->type == TROUPE_Q_LIST && x->count > 0 && what == AVG) {
        qv *sum = trp_eq_v_sum(q, x);
        qv *n = sum != NULL ? trp_eq_v_count(q, x) : NULL;
        qv *v = n != NULL ? trp_eq_v_quotient(q, sum, n) : NULL;
        trp_eq_drop(sum);
        trp_eq_drop(n);
        return v;
    }
    if (trp_eq_class(x->type) != 'i' && trp_eq_class(x->type) != 'f' &&
        !(x->type == TROUPE_Q_LIST && x->count == 0)) {
        return trp_eq_fail(q, "type");
    }
    size_t n = x->type == TROUPE_Q_LIST ? 0 : moments(x, &mean, &square);
    if (n == 0) {
        return trp_eq_float(q, (double)NAN);
    }
    double count = (double)n;
    switch (what) {
    case AVG:
        return trp_eq_float(q, mean);
    case VAR:
        return trp_eq_float(q, square / count);
    case DEV:
        return trp_eq_float(q, sqrt(square / count));
    case SVAR:
        return trp_eq_float(q, square / (count - 1));
    default:
        return trp_eq_float(q, sqrt(square / (count - 1)));
    }
}

#define STATISTIC(name, what)                                                            \
    qv *trp_eq_v_##name(struct trp_embedq *q, qv *x)                                     \
    {                                                                                    \
        return statistic(q, x, what);                                                    \
    }
STATISTIC(avg, AVG)
STATISTIC(var, VAR)
STATISTIC(dev, DEV)
STATISTIC(svar, SVAR)
STATISTIC(sdev, SDEV)

static qv *truth_of_all(struct trp_embedq *q, qv *x, bool all)
{
    qv *items = trp_q_is_dict(x) ? TRP_Q_ITEMS(x)[1] : x;

    if (items->type == TROUPE_Q_LIST && items->count > 0) {
        return fold_any(q, items, all ? MIN : MAX);
    }
    bool out = all;
    for (size_t i = 0; i < items->count; i++) {
        double a = 0;
        if (troupe_q_get_float(items, i, &a) != TROUPE_OK) {
            return trp_eq_fail(q, "type");
        }
        out = all ? out && a != 0 : out || a != 0;
    }
    return trp_eq_bool(q, out);
}

qv *trp_eq_v_all(struct trp_embedq *q, qv *x)
{
    return truth_of_all(q, x, true);
}

qv *trp_eq_v_any(struct trp_embedq *q, qv *x)
{
    return truth_of_all(q, x, false);
}

/* x msum y and friends over windows of x items. */
enum window { MSUM, MAVG, MMIN, MMAX, MCOUNT };

static bool slide(struct trp_embedq *q, const double *in, double *out, size_t n,
                  size_t width, enum window what)
{
    double sum = 0;
    size_t seen = 0;

    for (size_t i = 0; i < n; i++) {
        size_t from = i + 1 > width ? i + 1 - width : 0;
        if ((i & 1023) == 1023 && !trp_eq_go_on(q)) {
            return false;
        }
        if (what == MMIN || what == MMAX) {
            double best = (double)NAN;
            for (size_t k = from; k <= i; k++) {
                best = what == MMIN ? (isnan(in[k]) ? in[k]
                                       : k == from  ? in[k]
                                                    : fmin(best, in[k]))
                                    : fmax(best, in[k]);
            }
            out[i] = best;
            continue;
        }
        sum += isnan(in[i]) ? 0 : in[i];
        seen += isnan(in[i]) ? 0 : 1;
        if (i >= width) {
            sum -= isnan(in[i - width]) ? 0 : in[i - width];
            seen -= isnan(in[i - width]) ? 0 : 1;
        }
        out[i] = what == MSUM ? sum : what == MCOUNT ? (double)seen : sum / (double)seen;
    }
    return true;
}

static qv *windowed(struct trp_embedq *q, qv *x, qv *y, enum window what)
{
    int64_t width = 0;
    int kind = trp_eq_class(y->type);

    if (!trp_eq_int_of(x, &width) || !trp_q_is_list(y) || (kind != 'i' && kind != 'f')) {
        return y->type == TROUPE_Q_LIST && y->count == 0 ? troupe_q_ref(y)
                                                         : trp_eq_fail(q, "type");
    }
    qv *in = trp_eq_cast(q, TROUPE_Q_FLOAT, y);
    qv *v = in != NULL ? trp_eq_new(q, TROUPE_Q_FLOAT, y->count) : NULL;
    if (v != NULL && !slide(q, TRP_Q_FLOATS(in), TRP_Q_FLOATS(v), y->count,
                            width > 0 ? (size_t)width : 0, what)) {
        troupe_q_unref(&v);
    }
    trp_eq_drop(in);
    int type = what == MAVG     ? TROUPE_Q_FLOAT
               : what == MCOUNT ? TROUPE_Q_INT
                                : sum_type(y->type, what == MSUM ? SUM : MIN);
    if (v != NULL && type != TROUPE_Q_FLOAT) {
        qv *narrow = trp_eq_cast(q, type, v);
        trp_eq_drop(v);
        v = narrow;
    }
    return v;
}

#define WINDOW(name, what)                                                               \
    qv *trp_eq_v_##name(struct trp_embedq *q, qv *x, qv *y)                              \
    {                                                                                    \
        return windowed(q, x, y, what);                                                  \
    }
WINDOW(msum, MSUM)
WINDOW(mavg, MAVG)
WINDOW(mmin, MMIN)
WINDOW(mmax, MMAX)
WINDOW(mcount, MCOUNT)
