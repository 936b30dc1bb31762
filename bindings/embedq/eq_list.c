/* SPDX-License-Identifier: MIT
 * eq_list.c - verbs that make, cut and join lists. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

qv *trp_eq_rows_of(struct trp_embedq *q, const int64_t *rows, size_t count)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, count);

    if (v != NULL && count != 0) {
        memcpy(TRP_Q_LONGS(v), rows, count * sizeof *rows);
    }
    return v;
}

qv *trp_eq_v_til(struct trp_embedq *q, qv *x)
{
    int64_t n = 0;

    if (trp_q_is_dict(x)) {
        return troupe_q_ref(TRP_Q_ITEMS(x)[0]);
    }
    if (!trp_eq_int_of(x, &n) || x->type == -TROUPE_Q_CHAR) {
        return trp_eq_fail(q, "type");
    }
    if (n < 0) {
        return trp_eq_fail(q, n == INT64_MIN ? "type" : "domain");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, (size_t)n);
    for (size_t i = 0; v != NULL && i < (size_t)n; i++) {
        TRP_Q_LONGS(v)[i] = (int64_t)i;
        if ((i & 0xfffff) == 0xfffff && !trp_eq_go_on(q)) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

qv *trp_eq_v_count(struct trp_embedq *q, qv *x)
{
    return trp_eq_long(q, (int64_t)trp_eq_len(x));
}

qv *trp_eq_v_enlist(struct trp_embedq *q, qv *x)
{
    return trp_eq_v_enlist_all(q, 1, &x);
}

qv *trp_eq_v_enlist_all(struct trp_embedq *q, size_t count, qv **args)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, count);

    for (size_t i = 0; v != NULL && i < count; i++) {
        TRP_Q_ITEMS(v)[i] = troupe_q_ref(args[i]);
    }
    return trp_eq_simple(q, v);
}

static qv *missing_row(struct trp_embedq *q, qv *x)
{
    qv *row = trp_eq_long(q, 0);
    qv *v = row != NULL ? trp_eq_index1(q, x, row) : NULL;

    trp_eq_drop(row);
    return v;
}

static qv *edge(struct trp_embedq *q, qv *x, bool last)
{
    size_t count = trp_eq_len(x);
    qv *v = NULL;

    if (trp_q_is_dict(x)) {
        return edge(q, TRP_Q_ITEMS(x)[1], last);
    }
    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return troupe_q_ref(x);
    }
    if (count == 0) {
        return x->type == TROUPE_Q_TABLE ? missing_row(q, x) : trp_eq_first_null(q, x);
    }
    return troupe_q_item(x, last ? count - 1 : 0, &v) == TROUPE_OK ? v : trp_eq_oom(q);
}

qv *trp_eq_v_first(struct trp_embedq *q, qv *x)
{
    return edge(q, x, false);
}

qv *trp_eq_v_last(struct trp_embedq *q, qv *x)
{
    return edge(q, x, true);
}

/* Items from, from+step ... of x. */
static qv *stride(struct trp_embedq *q, qv *x, int64_t from, int64_t step, size_t count)
{
    int64_t *rows = trp_eq_scratch(q, count + 1, sizeof *rows);

    if (rows == NULL) {
        return trp_eq_oom(q);
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = from + (int64_t)i * step;
    }
    qv *v = trp_eq_take_rows(q, x, rows, count);
    trp_free(rows);
    return v;
}

/* count items from `from`, which all exist. */
static qv *slice(struct trp_embedq *q, qv *x, size_t from, size_t count)
{
    if (!trp_q_is_list(x) || x->type == TROUPE_Q_LIST) {
        if (count == 0 && x->type == TROUPE_Q_LIST) {
            return trp_eq_empty(q, TROUPE_Q_LIST);
        }
        return stride(q, x, (int64_t)from, 1, count);
    }
    size_t width = trp_q_width(x->type);
    qv *v = trp_eq_new(q, x->type, count);
    if (v != NULL && count != 0) {
        memcpy(v->data, TRP_Q_BYTES(x) + from * width, count * width);
    }
    return v;
}

qv *trp_eq_v_reverse(struct trp_embedq *q, qv *x)
{
    size_t count = trp_eq_len(x);

    if (x->type < 0 || trp_q_is_function(x)) {
        return troupe_q_ref(x);
    }
    return stride(q, x, (int64_t)count - 1, -1, count);
}

static qv *take_count(struct trp_embedq *q, int64_t n, qv *x)
{
    size_t have = trp_eq_len(x);
    bool many = trp_q_is_list(x) || trp_q_is_dict(x) || x->type == TROUPE_Q_TABLE;
    size_t want = (size_t)(n < 0 ? -n : n);

    if (n == INT64_MIN) {
        return trp_eq_fail(q, "type");
    }
    if (!many) {
        qv *one = trp_eq_v_enlist(q, x);
        qv *v = one != NULL ? take_count(q, n, one) : NULL;
        trp_eq_drop(one);
        return v;
    }
    if (want <= have || trp_q_is_dict(x)) {
        want = want < have ? want : have;
        return slice(q, x, n < 0 ? have - want : 0, want);
    }
    if (want > q->options.memory_limit) {
        return trp_eq_oom(q);
    }
    int64_t *rows = trp_eq_scratch(q, want + 1, sizeof *rows);
    if (rows == NULL) {
        return trp_eq_oom(q);
    }
    size_t start = n < 0 && have != 0 ? have - want % have : 0;
    for (size_t i = 0; i < want; i++) {
        rows[i] = have != 0 ? (int64_t)((start + i) % have) : -1;
    }
    qv *v = trp_eq_take_rows(q, x, rows, want);
    trp_free(rows);
    return v;
}

static qv *reshape(struct trp_embedq *q, const qv *shape, size_t level, qv *x, size_t *at)
{
    int64_t n = 0;

    if (troupe_q_get_long(shape, level, &n) != TROUPE_OK || n < 0 || n > 1 << 24) {
        return trp_eq_fail(q, "domain");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, (size_t)n);
    for (size_t i = 0; v != NULL && i < (size_t)n; i++) {
        size_t have = trp_eq_len(x);
        qv *item = NULL;
        if (level + 1 < shape->count) {
            item = reshape(q, shape, level + 1, x, at);
        } else if (!trp_q_is_list(x)) {
            item = troupe_q_ref(x);
        } else {
            item = have == 0 ? trp_eq_first_null(q, x)
                             : trp_eq_made(q, trp_q_at(x, (*at)++ % have));
        }
        TRP_Q_ITEMS(v)[i] = item;
        if (item == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return trp_eq_simple(q, v);
}

/* attribute#list; the value is not checked against more than sortedness */
static qv *set_attr(struct trp_embedq *q, const char *name, qv *x)
{
    static const char letters[] = " supg";
    const char *at = name[0] == 0 ? letters : strchr(letters + 1, name[0]);

    if (at == NULL || (name[0] != 0 && name[1] != 0)) {
        return trp_eq_fail(q, "type");
    }
    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return trp_q_is_dict(x) ? troupe_q_ref(x) : trp_eq_fail(q, "type");
    }
    if (*at == 's' && !trp_eq_bounded(q, x)) {
        return NULL;
    }
    for (size_t i = 1; *at == 's' && trp_q_is_list(x) && i < x->count; i++) {
        if (trp_eq_compare(x, i - 1, x, i) > 0) {
            return trp_eq_fail(q, "s-fail");
        }
    }
    if (*at == 'u' && trp_q_is_list(x)) {
        qv *d = trp_eq_v_distinct(q, x);
        bool unique = d != NULL && d->count == x->count;
        trp_eq_drop(d);
        if (!unique) {
            return trp_eq_fail(q, "u-fail");
        }
    }
    qv *v = trp_eq_made(q, trp_q_copy(x));
    if (v != NULL) {
        v->attr = (uint8_t)(at - letters);
    }
    return v;
}

static qv *take_keys(struct trp_embedq *q, qv *keys, qv *x)
{
    if (x->type == TROUPE_Q_TABLE) {
        qv *list = trp_q_is_list(keys) ? troupe_q_ref(keys) : trp_eq_v_enlist(q, keys);
        qv *columns = list != NULL ? trp_eq_new(q, TROUPE_Q_LIST, list->count) : NULL;
        for (size_t i = 0; columns != NULL && i < list->count; i++) {
            int64_t at = trp_eq_find_column(x, TRP_Q_SYMS(list)[i]);
            if (at < 0) {
                (void)trp_eq_fail(q, TRP_Q_SYMS(list)[i]);
                trp_eq_drop(columns);
                columns = NULL;
                break;
            }
            TRP_Q_ITEMS(columns)[i] = troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(x)[1])[at]);
        }
        return trp_eq_pair(q, TROUPE_Q_TABLE, list, columns);
    }
    qv *list = trp_q_is_list(keys) || keys->type == TROUPE_Q_TABLE
                   ? troupe_q_ref(keys)
                   : trp_eq_v_enlist(q, keys);
    qv *values = list != NULL ? trp_eq_index1(q, x, list) : NULL;
    return trp_eq_pair(q, TROUPE_Q_DICT, list, values);
}

qv *trp_eq_v_take(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t n = 0;

    if (trp_q_is_dict(y) && !(x->type < 0 && trp_eq_int_of(x, &n))) {
        return take_keys(q, x, y);
    }
    if (x->type == -TROUPE_Q_SYMBOL && y->type != TROUPE_Q_TABLE) {
        return set_attr(q, TRP_Q_SYMS(x)[0], y);
    }
    if (y->type == TROUPE_Q_TABLE && trp_eq_class(x->type) == 's') {
        return x->type < 0 && strlen(TRP_Q_SYMS(x)[0]) == 1 &&
                       trp_eq_find_column(y, TRP_Q_SYMS(x)[0]) < 0
                   ? set_attr(q, TRP_Q_SYMS(x)[0], y)
                   : take_keys(q, x, y);
    }
    if (trp_eq_int_of(x, &n)) {
        return take_count(q, n, y);
    }
    if ((x->type == TROUPE_Q_LONG || x->type == TROUPE_Q_INT) && x->count > 0) {
        double cells = 1;
        for (size_t i = 0; i < x->count; i++) {
            double side = 0;
            cells *= troupe_q_get_float(x, i, &side) == TROUPE_OK && side > 1 ? side : 1;
        }
        if (cells * 8 > (double)q->options.memory_limit || x->count > 32) {
            return trp_eq_oom(q);
        }
        size_t at = 0;
        int64_t rows = 0;
        if (x->count == 2 && troupe_q_get_long(x, 0, &rows) == TROUPE_OK &&
            rows == INT64_MIN) { /* 0N 3#list */
            qv *width = trp_eq_made(q, trp_q_at(x, 1));
            qv *v = width != NULL ? trp_eq_v_cut(q, width, y) : NULL;
            trp_eq_drop(width);
            return v;
        }
        return reshape(q, x, 0, y, &at);
    }
    return trp_eq_fail(q, "type");
}

static qv *drop_count(struct trp_embedq *q, int64_t n, qv *x)
{
    size_t have = trp_eq_len(x);
    size_t lost = n == INT64_MIN || (size_t)(n < 0 ? -n : n) > have
                      ? have
                      : (size_t)(n < 0 ? -n : n);

    if (x->type < 0) {
        return troupe_q_ref(x);
    }
    return slice(q, x, n < 0 ? 0 : lost, have - lost);
}

/* Positions in 0 .. count-1 for which keep[i]. */
static qv *kept_rows(struct trp_embedq *q, qv *x, const bool *keep, size_t count)
{
    int64_t *rows = trp_eq_scratch(q, count + 1, sizeof *rows);
    size_t n = 0;

    if (rows == NULL) {
        return trp_eq_oom(q);
    }
    for (size_t i = 0; i < count; i++) {
        if (keep[i]) {
            rows[n++] = (int64_t)i;
        }
    }
    qv *v = trp_eq_take_rows(q, x, rows, n);
    trp_free(rows);
    return v;
}

qv *trp_eq_drop_keys(struct trp_embedq *q, qv *x, qv *keys)
{
    bool table = x->type == TROUPE_Q_TABLE;
    qv *names = TRP_Q_ITEMS(x)[0];
    size_t count = trp_eq_len(names);
    bool *keep = trp_calloc(count + 1, sizeof *keep);
    qv *v = NULL;

    if (keep == NULL) {
        return trp_eq_oom(q);
    }
    memset(keep, true, count);
    for (size_t i = 0;
         i < (trp_q_is_list(keys) || keys->type == TROUPE_Q_TABLE ? trp_eq_len(keys) : 1);
         i++) {
        qv *key = NULL;
        if (!trp_q_is_list(keys) && keys->type != TROUPE_Q_TABLE) {
            key = troupe_q_ref(keys);
        } else if (troupe_q_item(keys, i, &key) != TROUPE_OK) {
            key = NULL;
        }
        int64_t at = key != NULL ? trp_eq_find_item(names, key) : -1;
        if (at >= 0) {
            keep[at] = false;
        }
        trp_eq_drop(key);
    }
    if (table) {
        qv *left = kept_rows(q, names, keep, count);
        qv *columns = left != NULL ? kept_rows(q, TRP_Q_ITEMS(x)[1], keep, count) : NULL;
        v = trp_eq_pair(q, TROUPE_Q_TABLE, left, columns);
    } else {
        v = kept_rows(q, x, keep, count);
    }
    trp_free(keep);
    return v;
}

qv *trp_eq_v_drop(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t n = 0;

    if ((trp_q_is_dict(x)) ||
        (x->type == TROUPE_Q_TABLE && trp_eq_class(y->type) == 's')) {
        return trp_eq_drop_keys(q, x, y); /* d _ key */
    }
    if ((trp_q_is_dict(y) || y->type == TROUPE_Q_TABLE) &&
        !(x->type < 0 && trp_eq_int_of(x, &n))) {
        return trp_eq_drop_keys(q, y, x);
    }
    if (trp_q_is_list(x) && trp_eq_int_of(y, &n) &&
        y->type != -TROUPE_Q_CHAR) { /* l _ i */
        bool inside = n >= 0 && (size_t)n < x->count;
        if (!inside) {
            return troupe_q_ref(x);
        }
        qv *left = slice(q, x, 0, (size_t)n);
        qv *right =
            left != NULL ? slice(q, x, (size_t)n + 1, x->count - (size_t)n - 1) : NULL;
        qv *v = right != NULL ? trp_eq_concat(q, left, right) : NULL;
        trp_eq_drop(left);
        trp_eq_drop(right);
        return v;
    }
    if (trp_eq_int_of(x, &n)) {
        return drop_count(q, n, y);
    }
    return x->type == TROUPE_Q_LONG || x->type == TROUPE_Q_INT ? trp_eq_v_cut(q, x, y)
                                                               : trp_eq_fail(q, "type");
}

/* 3 cut x: pieces of 3; 0 2 5 cut x: pieces that start there. */
qv *trp_eq_v_cut(struct trp_embedq *q, qv *x, qv *y)
{
    size_t have = trp_eq_len(y);
    int64_t width = 0;
    bool even = trp_eq_int_of(x, &width);

    if ((even && width < 1) ||
        (!even && x->type != TROUPE_Q_LONG && x->type != TROUPE_Q_INT) ||
        !(trp_q_is_list(y) || y->type == TROUPE_Q_TABLE)) {
        return trp_eq_fail(q, "type");
    }
    size_t n = even ? have / (size_t)width + (have % (size_t)width != 0) : x->count;
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, n);
    for (size_t i = 0; v != NULL && i < n; i++) {
        int64_t from = even ? (int64_t)i * width : 0;
        int64_t to = even ? from + width : (int64_t)have;
        if (!even && (troupe_q_get_long(x, i, &from) != TROUPE_OK ||
                      (i + 1 < n && troupe_q_get_long(x, i + 1, &to) != TROUPE_OK))) {
            to = from;
        }
        to = to > (int64_t)have ? (int64_t)have : to;
        if (from < 0 || to < from) {
            trp_eq_drop(v);
            return trp_eq_fail(q, from < 0 ? "domain" : "domain");
        }
        TRP_Q_ITEMS(v)[i] = slice(q, y, (size_t)from, (size_t)(to - from));
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

qv *trp_eq_v_where(struct trp_embedq *q, qv *x)
{
    size_t total = 0;
    qv *items = trp_q_is_dict(x) ? TRP_Q_ITEMS(x)[1] : x;

    if (!trp_q_is_list(items) ||
        (trp_eq_class(items->type) != 'i' && items->count != 0)) {
        return trp_eq_fail(q, "type");
    }
    for (size_t i = 0; i < items->count; i++) {
        int64_t n = 0;
        if (troupe_q_get_long(items, i, &n) != TROUPE_OK || n > INT32_MAX) {
            return trp_eq_fail(q, "limit");
        }
        total += n > 0 ? (size_t)n : 0;
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, total);
    size_t at = 0;
    for (size_t i = 0; v != NULL && i < items->count; i++) {
        int64_t n = 0;
        if (troupe_q_get_long(items, i, &n) == TROUPE_OK) {
            for (int64_t k = 0; k < n; k++) {
                TRP_Q_LONGS(v)[at++] = (int64_t)i;
            }
        }
    }
    if (v != NULL && trp_q_is_dict(x)) {
        qv *keys = trp_eq_index1(q, TRP_Q_ITEMS(x)[0], v);
        trp_eq_drop(v);
        return keys;
    }
    return v;
}

qv *trp_eq_v_raze(struct trp_embedq *q, qv *x)
{
    qv *items = trp_q_is_dict(x) ? TRP_Q_ITEMS(x)[1] : x;

    if (items->type < 0) {
        return trp_eq_v_enlist(q, items);
    }
    if (items->type != TROUPE_Q_LIST || items->count == 0) {
        return troupe_q_ref(items);
    }
    qv *first = TRP_Q_ITEMS(items)[0];
    qv *v = trp_q_is_list(first) || trp_q_is_dict(first) || first->type == TROUPE_Q_TABLE
                ? troupe_q_ref(first)
                : trp_eq_v_enlist(q, first);
    for (size_t i = 1; v != NULL && i < items->count; i++) {
        qv *next = TRP_Q_ITEMS(items)[i];
        bool lists = trp_q_is_list(v) && (trp_q_is_list(next) || next->type < 0);
        bool good = false;
        if (lists) {
            good = trp_eq_append(q, &v, next);
        } else {
            qv *joined = trp_eq_v_join(q, v, next);
            trp_eq_drop(v);
            v = joined;
            good = v != NULL;
        }
        if (!good) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

qv *trp_eq_v_join(struct trp_embedq *q, qv *x, qv *y)
{
    if (trp_q_is_dict(x) && trp_q_is_dict(y)) {
        if (trp_q_is_keyed(x)) {
            return trp_eq_v_upsert(q, x, y);
        }
        qv *v = troupe_q_ref(x);
        qv *keys[1] = {TRP_Q_ITEMS(y)[0]};
        for (size_t i = 0; v != NULL && i < trp_eq_len(keys[0]); i++) {
            qv *key = NULL;
            qv *value = NULL;
            bool good = troupe_q_item(keys[0], i, &key) == TROUPE_OK &&
                        troupe_q_item(TRP_Q_ITEMS(y)[1], i, &value) == TROUPE_OK &&
                        trp_eq_amend_at(q, &v, 1, &key, NULL, value);
            trp_eq_drop(key);
            trp_eq_drop(value);
            if (!good) {
                trp_eq_drop(v);
                return q->failed ? NULL : trp_eq_oom(q);
            }
        }
        return v;
    }
    bool rows = y->type == TROUPE_Q_TABLE || y->type == TROUPE_Q_DICT ||
                (trp_q_is_list(y) && y->count != 0);
    if (x->type == TROUPE_Q_TABLE && rows) {
        return trp_eq_v_upsert(q, x, y);
    }
    if (x->type == TROUPE_Q_LIST && x->count == 0 && y->type == TROUPE_Q_TABLE) {
        return troupe_q_ref(y);
    }
    return trp_eq_concat(q, x, y);
}

qv *trp_eq_v_rotate(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t n = 0;
    int64_t have = (int64_t)trp_eq_len(y);

    if (!trp_eq_int_of(x, &n) || y->type < 0) {
        return trp_eq_fail(q, "type");
    }
    if (have == 0) {
        return troupe_q_ref(y);
    }
    size_t from = (size_t)(((n % have) + have) % have);
    qv *left = slice(q, y, from, (size_t)have - from);
    qv *right = left != NULL ? slice(q, y, 0, from) : NULL;
    qv *v = right != NULL ? trp_eq_v_join(q, left, right) : NULL;
    trp_eq_drop(left);
    trp_eq_drop(right);
    return v;
}

qv *trp_eq_v_xprev(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t n = 0;

    if (!trp_eq_int_of(x, &n) || !trp_q_is_list(y) || n > INT32_MAX || n < -INT32_MAX) {
        return trp_eq_fail(q, "type");
    }
    return y->count == 0 ? troupe_q_ref(y) : stride(q, y, -n, 1, y->count);
}

static qv *shifted(struct trp_embedq *q, qv *y, int64_t by)
{
    qv *n = trp_eq_long(q, by);
    qv *v = n != NULL ? trp_eq_v_xprev(q, n, y) : NULL;

    trp_eq_drop(n);
    return v;
}

qv *trp_eq_v_prev(struct trp_embedq *q, qv *x)
{
    return shifted(q, x, 1);
}

qv *trp_eq_v_next(struct trp_embedq *q, qv *x)
{
    return shifted(q, x, -1);
}
