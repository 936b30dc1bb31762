/* SPDX-License-Identifier: MIT
 * eq_sort.c - order: comparing items, grades, asc, desc, rank. */
#include <math.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

static int compare_values(const qv *x, const qv *y, int depth);
static int compare_at(const qv *x, size_t i, const qv *y, size_t j, int depth);

static int sign_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int order_floats(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(b) - isnan(a) == 0 ? 0 : isnan(a) ? -1 : 1;
    }
    if (a == b || fabs(a - b) <= 1e-14 * fmax(fabs(a), fabs(b))) {
        return 0;
    }
    return a < b ? -1 : 1;
}

/* Rows of tables, column by column. */
static int compare_columns(const qv *x, size_t i, const qv *y, size_t j, int depth)
{
    for (size_t c = 0; depth <= TROUPE_Q_DEPTH_MAX && c < x->count && c < y->count; c++) {
        const qv *a = TRP_Q_ITEMS(x)[c];
        const qv *b = TRP_Q_ITEMS(y)[c];
        int order = compare_at(a, i, b, j, depth);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int compare_at(const qv *x, size_t i, const qv *y, size_t j, int depth)
{
    int64_t a = 0, b = 0;
    double r = 0, s = 0;

    i = x->type < 0 ? 0 : i;
    j = y->type < 0 ? 0 : j;
    if (x->type == TROUPE_Q_LIST && y->type == TROUPE_Q_LIST) {
        return compare_values(TRP_Q_ITEMS(x)[i], TRP_Q_ITEMS(y)[j], depth + 1);
    }
    if (x->type == TROUPE_Q_TABLE && y->type == TROUPE_Q_TABLE) {
        return compare_columns(TRP_Q_ITEMS(x)[1], i, TRP_Q_ITEMS(y)[1], j, depth + 1);
    }
    switch (trp_eq_class(x->type)) {
    case 's': {
        const char *s1 = TRP_Q_SYMS(x)[i];
        const char *s2 = TRP_Q_SYMS(y)[j];
        return s1 == s2 ? 0 : strcmp(s1, s2);
    }
    case 'g':
        return memcmp(TRP_Q_BYTES(x) + 16 * i, TRP_Q_BYTES(y) + 16 * j, 16);
    case 'f':
        return troupe_q_get_float(x, i, &r) == TROUPE_OK &&
                       troupe_q_get_float(y, j, &s) == TROUPE_OK
                   ? order_floats(r, s)
                   : 0;
    case 'i':
        return troupe_q_get_long(x, i, &a) == TROUPE_OK &&
                       troupe_q_get_long(y, j, &b) == TROUPE_OK
                   ? sign_of(a, b)
                   : 0;
    default:
        return 0;
    }
}

static int compare_values(const qv *x, const qv *y, int depth)
{
    if (x == y || depth > TROUPE_Q_DEPTH_MAX) {
        return 0;
    }
    if (x->type != y->type) {
        return sign_of(x->type < 0 ? -x->type : x->type,
                       y->type < 0 ? -y->type : y->type);
    }
    bool parts = trp_q_holds_values(x->type);
    for (size_t i = 0; i < x->count && i < y->count; i++) {
        int c = parts ? compare_values(TRP_Q_ITEMS(x)[i], TRP_Q_ITEMS(y)[i], depth + 1)
                      : compare_at(x, i, y, i, depth);
        if (c != 0) {
            return c;
        }
    }
    return sign_of((int64_t)x->count, (int64_t)y->count);
}

int trp_eq_compare(const qv *x, size_t i, const qv *y, size_t j)
{
    return compare_at(x, i, y, j, 0);
}

static int compare_rows(const qv *x, size_t i, size_t j)
{
    if (x->type != TROUPE_Q_TABLE) {
        return compare_at(x, i, x, j, 0);
    }
    return compare_columns(TRP_Q_ITEMS(x)[1], i, TRP_Q_ITEMS(x)[1], j, 0);
}

/* One merge pass over runs of `width`; equal items keep their order. */
static void merge(const qv *x, bool down, const int64_t *from, int64_t *to, size_t n,
                  size_t width)
{
    for (size_t start = 0; start < n; start += 2 * width) {
        size_t middle = start + width < n ? start + width : n;
        size_t end = start + 2 * width < n ? start + 2 * width : n;
        size_t a = start, b = middle;
        for (size_t k = start; k < end; k++) {
            bool left = b >= end;
            if (!left && a < middle) {
                int c = compare_rows(x, (size_t)from[a], (size_t)from[b]);
                left = down ? c >= 0 : c <= 0;
            }
            to[k] = left ? from[a++] : from[b++];
        }
    }
}

struct keyed_row {
    uint64_t key;
    int64_t row;
};

/* A number whose order is that of the items; nulls first. */
static uint64_t order_key(const qv *x, size_t i, bool down)
{
    uint64_t key = 0;
    int64_t whole = 0;
    double real = 0;

    if (trp_eq_class(x->type) == 'f') {
        if (troupe_q_get_float(x, i, &real) == TROUPE_OK && !isnan(real)) {
            real = real == 0 ? 0 : real; /* one zero */
            memcpy(&key, &real, sizeof key);
            key = key >> 63 != 0 ? ~key : key | UINT64_C(1) << 63;
        }
    } else if (troupe_q_get_long(x, i, &whole) == TROUPE_OK) {
        key = (uint64_t)whole ^ UINT64_C(1) << 63;
    }
    return down ? ~key : key;
}

/* Numbers byte by byte, leaving out bytes that are the same in all. */
static int64_t *grade_numbers(struct trp_embedq *q, const qv *x, bool down)
{
    size_t n = x->count;
    struct keyed_row *rows = trp_eq_scratch(q, n + 1, sizeof *rows);
    struct keyed_row *other = trp_eq_scratch(q, n + 1, sizeof *other);
    int64_t *out = trp_eq_scratch(q, n + 1, sizeof *out);
    bool good = rows != NULL && other != NULL && out != NULL;

    for (size_t i = 0; good && i < n; i++) {
        rows[i] = (struct keyed_row){order_key(x, i, down), (int64_t)i};
    }
    for (unsigned shift = 0; good && shift < 64; shift += 8) {
        size_t starts[256] = {0};
        for (size_t i = 0; i < n; i++) {
            starts[rows[i].key >> shift & 255]++;
        }
        if (n == 0 || starts[rows[0].key >> shift & 255] == n) {
            continue;
        }
        size_t at = 0;
        for (size_t b = 0; b < 256; b++) {
            size_t count = starts[b];
            starts[b] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++) {
            other[starts[rows[i].key >> shift & 255]++] = rows[i];
        }
        struct keyed_row *swap = rows;
        rows = other;
        other = swap;
        good = trp_eq_go_on(q);
    }
    for (size_t i = 0; good && i < n; i++) {
        out[i] = rows[i].row;
    }
    trp_free(rows);
    trp_free(other);
    if (!good) {
        trp_free(out);
        return (void *)trp_eq_oom(q);
    }
    return out;
}

int64_t *trp_eq_grade(struct trp_embedq *q, qv *x, bool down)
{
    size_t n = trp_eq_len(x);
    if (!trp_eq_bounded(q, x)) {
        return NULL;
    }
    bool numbers = x->type > TROUPE_Q_LIST && x->type <= TROUPE_Q_TIME && n >= 256 &&
                   trp_eq_class(x->type) != 's' && trp_eq_class(x->type) != 'g';
    if (numbers) {
        return grade_numbers(q, x, down);
    }
    int64_t *rows = trp_eq_scratch(q, n + 1, sizeof *rows);
    int64_t *other = trp_eq_scratch(q, n + 1, sizeof *other);

    if (rows == NULL || other == NULL) {
        trp_free(rows);
        trp_free(other);
        return (void *)trp_eq_oom(q);
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = (int64_t)i;
    }
    for (size_t width = 1; width < n; width *= 2) {
        if (!trp_eq_go_on(q)) {
            trp_free(rows);
            trp_free(other);
            return NULL;
        }
        merge(x, down, rows, other, n, width);
        int64_t *swap = rows;
        rows = other;
        other = swap;
    }
    trp_free(other);
    return rows;
}

static qv *grade(struct trp_embedq *q, qv *x, bool down)
{
    if (trp_q_is_dict(x)) {
        qv *order = grade(q, TRP_Q_ITEMS(x)[1], down);
        qv *v = order != NULL ? trp_eq_index1(q, TRP_Q_ITEMS(x)[0], order) : NULL;
        trp_eq_drop(order);
        return v;
    }
    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return trp_eq_fail(q, "type");
    }
    int64_t *rows = trp_eq_grade(q, x, down);
    qv *v = rows != NULL ? trp_eq_rows_of(q, rows, trp_eq_len(x)) : NULL;
    trp_free(rows);
    return v;
}

qv *trp_eq_v_iasc(struct trp_embedq *q, qv *x)
{
    return grade(q, x, false);
}

qv *trp_eq_v_idesc(struct trp_embedq *q, qv *x)
{
    return grade(q, x, true);
}

static qv *sorted(struct trp_embedq *q, qv *x, bool down)
{
    if (trp_q_is_dict(x)) {
        int64_t *rows = trp_eq_grade(q, TRP_Q_ITEMS(x)[1], down);
        qv *v = rows != NULL ? trp_eq_take_rows(q, x, rows, trp_eq_len(x)) : NULL;
        trp_free(rows);
        return v;
    }
    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return trp_eq_fail(q, "rank");
    }
    int64_t *rows = trp_eq_grade(q, x, down);
    qv *v = rows != NULL ? trp_eq_take_rows(q, x, rows, trp_eq_len(x)) : NULL;
    trp_free(rows);
    if (v != NULL && !down && v->type != TROUPE_Q_LIST && trp_q_sole(v)) {
        v->attr = TROUPE_Q_SORTED;
    }
    return v;
}

qv *trp_eq_v_asc(struct trp_embedq *q, qv *x)
{
    return sorted(q, x, false);
}

qv *trp_eq_v_desc(struct trp_embedq *q, qv *x)
{
    return sorted(q, x, true);
}

/* `a`b xasc t, by columns; by name in place. */
static qv *by_columns(struct trp_embedq *q, qv *names, qv *table, bool down)
{
    if (table->type == -TROUPE_Q_SYMBOL) {
        qv *v = trp_eq_get(q, q->context, TRP_Q_SYMS(table)[0]);
        qv *done = v != NULL ? by_columns(q, names, v, down) : NULL;
        bool good = done != NULL && trp_eq_set(q, q->context, TRP_Q_SYMS(table)[0], done);
        trp_eq_drop(v);
        trp_eq_drop(done);
        return good ? troupe_q_ref(table) : NULL;
    }
    if (names->count == 0 && (table->type == TROUPE_Q_TABLE || trp_q_is_keyed(table))) {
        return troupe_q_ref(table); /* by nothing: as it is */
    }
    size_t keys =
        trp_q_is_keyed(table) ? TRP_Q_ITEMS(TRP_Q_ITEMS(table)[0])[0]->count : 0;
    qv *flat = trp_eq_flat(q, table);
    qv *part = flat != NULL && flat->type == TROUPE_Q_TABLE
                   ? trp_eq_v_take(q, names, flat)
                   : NULL;
    int64_t *rows =
        part != NULL && part->type == TROUPE_Q_TABLE ? trp_eq_grade(q, part, down) : NULL;
    qv *v = rows != NULL ? trp_eq_take_rows(q, flat, rows, trp_eq_len(flat)) : NULL;
    if (v != NULL && keys != 0) {
        qv *keyed = trp_eq_enkey(q, (int64_t)keys, v);
        trp_eq_drop(v);
        v = keyed;
    }
    trp_free(rows);
    trp_eq_drop(part);
    trp_eq_drop(flat);
    return v != NULL || q->failed ? v : trp_eq_fail(q, "type");
}

static qv *named(struct trp_embedq *q, qv *x)
{
    return trp_eq_class(x->type) != 's' ? trp_eq_fail(q, "type")
           : x->type < 0                ? trp_eq_v_enlist(q, x)
                                        : troupe_q_ref(x);
}

qv *trp_eq_v_xasc(struct trp_embedq *q, qv *x, qv *y)
{
    qv *names = named(q, x);
    qv *v = names != NULL ? by_columns(q, names, y, false) : NULL;

    trp_eq_drop(names);
    return v;
}

qv *trp_eq_v_xdesc(struct trp_embedq *q, qv *x, qv *y)
{
    qv *names = named(q, x);
    qv *v = names != NULL ? by_columns(q, names, y, true) : NULL;

    trp_eq_drop(names);
    return v;
}
