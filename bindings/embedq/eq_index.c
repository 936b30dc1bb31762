/* SPDX-License-Identifier: MIT
 * eq_index.c - indexing vectors, lists, dictionaries and tables, at any depth. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

struct wide { /* a guid */
    uint64_t half[2];
};

#define GATHER(type)                                                                     \
    do {                                                                                 \
        const type *from = (const type *)x->data;                                        \
        type *to = (type *)v->data;                                                      \
        for (size_t i = 0; i < count; i++) {                                             \
            bool in = rows[i] >= 0 && rows[i] < n;                                       \
            to[i] = in ? from[rows[i]] : none.as_##type;                                 \
        }                                                                                \
    } while (0)

static qv *gather(struct trp_embedq *q, qv *x, const int64_t *rows, size_t count)
{
    union {
        uint8_t as_uint8_t;
        uint16_t as_uint16_t;
        uint32_t as_uint32_t;
        uint64_t as_uint64_t;
        uint8_t bytes[16];
        uint64_t halves[2];
    } none;
    int64_t n = (int64_t)x->count;
    qv *v = trp_eq_new(q, x->type, count);

    if (v == NULL) {
        return NULL;
    }
    trp_eq_null_bits(x->type, none.bytes);
    switch (trp_q_width(x->type)) {
    case 1:
        GATHER(uint8_t);
        break;
    case 2:
        GATHER(uint16_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    case 8:
        GATHER(uint64_t);
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            bool in = rows[i] >= 0 && rows[i] < n;
            memcpy(TRP_Q_BYTES(v) + 16 * i,
                   in ? TRP_Q_BYTES(x) + 16 * (size_t)rows[i] : none.bytes, 16);
        }
    }
    return v;
}

static qv *gather_list(struct trp_embedq *q, qv *x, const int64_t *rows, size_t count)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, count);
    qv *none = NULL;

    for (size_t i = 0; v != NULL && i < count; i++) {
        bool in = rows[i] >= 0 && (size_t)rows[i] < x->count;
        if (!in && none == NULL && (none = trp_eq_first_null(q, x)) == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
        TRP_Q_ITEMS(v)[i] = troupe_q_ref(in ? TRP_Q_ITEMS(x)[rows[i]] : none);
    }
    trp_eq_drop(none);
    return trp_eq_simple(q, v);
}

static qv *gather_table(struct trp_embedq *q, qv *x, const int64_t *rows, size_t count)
{
    qv *from = TRP_Q_ITEMS(x)[1];
    qv *columns = trp_eq_new(q, TROUPE_Q_LIST, from->count);

    for (size_t i = 0; columns != NULL && i < from->count; i++) {
        qv *column = TRP_Q_ITEMS(from)[i];
        qv *taken = column->type == TROUPE_Q_LIST && count == 0
                        ? trp_eq_empty(q, TROUPE_Q_LIST)
                        : trp_eq_take_rows(q, column, rows, count);
        TRP_Q_ITEMS(columns)[i] = taken;
        if (taken == NULL) {
            trp_eq_drop(columns);
            return NULL;
        }
    }
    return trp_eq_pair(q, TROUPE_Q_TABLE, troupe_q_ref(TRP_Q_ITEMS(x)[0]), columns);
}

qv *trp_eq_take_rows(struct trp_embedq *q, qv *x, const int64_t *rows, size_t count)
{
    if (x->type == TROUPE_Q_LIST) {
        return gather_list(q, x, rows, count);
    }
    if (x->type == TROUPE_Q_TABLE) {
        return gather_table(q, x, rows, count);
    }
    if (trp_q_is_dict(x)) {
        qv *keys = trp_eq_take_rows(q, TRP_Q_ITEMS(x)[0], rows, count);
        qv *values =
            keys != NULL ? trp_eq_take_rows(q, TRP_Q_ITEMS(x)[1], rows, count) : NULL;
        return trp_eq_pair(q, TROUPE_Q_DICT, keys, values);
    }
    return trp_q_is_list(x) ? gather(q, x, rows, count) : trp_eq_fail(q, "type");
}

/* A vector of whole numbers as rows; NULL: an error. */
static int64_t *rows_from(struct trp_embedq *q, const qv *index)
{
    int64_t *rows = trp_eq_scratch(q, index->count + 1, sizeof *rows);

    for (size_t i = 0; rows != NULL && i < index->count; i++) {
        if (troupe_q_get_long(index, i, &rows[i]) != TROUPE_OK) {
            rows[i] = -1;
        }
    }
    return rows != NULL ? rows : (void *)trp_eq_oom(q);
}

static bool whole_vector(const qv *index)
{
    return index->type == TROUPE_Q_BOOLEAN ||
           (index->type >= TROUPE_Q_BYTE && index->type <= TROUPE_Q_LONG);
}

/* One row of a table as a dictionary. */
static qv *table_row(struct trp_embedq *q, qv *x, int64_t row)
{
    qv *from = TRP_Q_ITEMS(x)[1];
    qv *values = trp_eq_new(q, TROUPE_Q_LIST, from->count);

    for (size_t i = 0; values != NULL && i < from->count; i++) {
        qv *column = TRP_Q_ITEMS(from)[i];
        bool in = row >= 0 && (size_t)row < trp_eq_len(column);
        qv *item = in ? trp_eq_made(q, trp_q_at(column, (size_t)row))
                      : trp_eq_first_null(q, column);
        TRP_Q_ITEMS(values)[i] = item;
        if (item == NULL) {
            trp_eq_drop(values);
            return NULL;
        }
    }
    values = values != NULL ? trp_eq_simple(q, values) : NULL;
    return trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(x)[0]), values);
}

static qv *at_row(struct trp_embedq *q, qv *x, int64_t row)
{
    if (x->type == TROUPE_Q_TABLE) {
        return table_row(q, x, row);
    }
    if (row < 0 || (size_t)row >= x->count) {
        return trp_eq_first_null(q, x);
    }
    return trp_eq_made(q, trp_q_at(x, (size_t)row));
}

/* Every item of the index by itself. */
static qv *each_index(struct trp_embedq *q, qv *x, qv *index)
{
    size_t count = trp_eq_len(index);
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, count);

    if (!trp_eq_go_on(q)) {
        trp_eq_drop(v);
        return NULL;
    }
    for (size_t i = 0; v != NULL && i < count; i++) {
        qv *one = NULL;
        if (trp_q_is_list(index)) {
            one = trp_eq_made(q, trp_q_at(index, i));
        } else if (troupe_q_item(index, i, &one) != TROUPE_OK) {
            one = trp_eq_oom(q);
        }
        bool good = one != NULL && (!trp_q_is_dict(x) || trp_eq_go_on(q));
        TRP_Q_ITEMS(v)[i] = good ? trp_eq_index1(q, x, one) : NULL;
        trp_eq_drop(one);
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return trp_eq_simple(q, v);
}

static qv *index_list(struct trp_embedq *q, qv *x, qv *index)
{
    int64_t row = 0;

    if (index->type == -TROUPE_Q_SYMBOL && x->type == TROUPE_Q_TABLE) {
        int64_t column = trp_eq_find_column(x, TRP_Q_SYMS(index)[0]);
        return column >= 0 ? troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(x)[1])[column])
                           : trp_eq_fail(q, TRP_Q_SYMS(index)[0]);
    }
    if (index->type < 0) {
        return trp_eq_class(index->type) == 'i' && index->type >= -TROUPE_Q_LONG &&
                       trp_eq_int_of(index, &row)
                   ? at_row(q, x, row)
                   : trp_eq_fail(q, "type");
    }
    if (whole_vector(index)) {
        /* Counted: a nested index may share one vector many times. */
        int64_t *rows = trp_eq_go_on(q) ? rows_from(q, index) : NULL;
        qv *v = rows != NULL ? trp_eq_take_rows(q, x, rows, index->count) : NULL;
        trp_free(rows);
        return v;
    }
    if (trp_q_is_dict(index)) {
        qv *values = trp_eq_index1(q, x, TRP_Q_ITEMS(index)[1]);
        return values != NULL ? trp_eq_pair(q, TROUPE_Q_DICT,
                                            troupe_q_ref(TRP_Q_ITEMS(index)[0]), values)
                              : NULL;
    }
    bool each = index->type == TROUPE_Q_LIST ||
                (index->type == TROUPE_Q_SYMBOL && x->type != TROUPE_Q_LIST) ||
                (index->type == TROUPE_Q_SYMBOL && x->count == 0);
    if (index->type == TROUPE_Q_LIST && index->count == 0) {
        return trp_q_is_list(x) ? trp_eq_empty(q, x->type)
                                : trp_eq_empty(q, TROUPE_Q_LIST);
    }
    return each ? each_index(q, x, index) : trp_eq_fail(q, "type");
}

/* Whether the index of a keyed table is one key, not many. */
static bool one_key(const qv *dict, const qv *index)
{
    const qv *keys = TRP_Q_ITEMS(dict)[0];

    if (keys->type == TROUPE_Q_TABLE) {
        size_t width = TRP_Q_ITEMS(keys)[0]->count;
        if (index->type == TROUPE_Q_TABLE) {
            return false;
        }
        if (index->type == TROUPE_Q_DICT || index->type < 0) {
            return true;
        }
        return width > 1 && index->count == width &&
               (index->type != TROUPE_Q_LIST || TRP_Q_ITEMS(index)[0]->type < 0);
    }
    if (keys->type == TROUPE_Q_LIST) {
        return index->type != TROUPE_Q_LIST;
    }
    return index->type < 0 || trp_q_is_function(index);
}

/* Whether the index holds so many keys that looking them up by hash is worth it. */
static bool many_keys(const qv *dict, const qv *index)
{
    const qv *keys = TRP_Q_ITEMS(dict)[0];

    return index->type == keys->type && index->type != TROUPE_Q_LIST &&
           (trp_q_is_list(index) || index->type == TROUPE_Q_TABLE) &&
           trp_eq_len(index) >= 8;
}

static qv *by_keys(struct trp_embedq *q, qv *dict, qv *index)
{
    qv *at = trp_eq_find(q, TRP_Q_ITEMS(dict)[0], index);
    qv *v = at != NULL ? trp_eq_index1(q, TRP_Q_ITEMS(dict)[1], at) : NULL;

    trp_eq_drop(at);
    return v;
}

qv *trp_eq_index1(struct trp_embedq *q, qv *x, qv *index)
{
    if (trp_q_is_generic_null(index) && !trp_q_is_function(x)) {
        return troupe_q_ref(x);
    }
    if (trp_q_is_list(x) || x->type == TROUPE_Q_TABLE) {
        return index_list(q, x, index);
    }
    if (trp_q_is_dict(x)) {
        return one_key(x, index)     ? trp_eq_dict_find(q, x, index)
               : many_keys(x, index) ? by_keys(q, x, index)
                                     : each_index(q, x, index);
    }
    return trp_q_is_function(x) || x->type == -TROUPE_Q_SYMBOL
               ? trp_eq_apply1(q, x, index)
               : trp_eq_fail(q, "type");
}

/* The rest of the indices applied to every item of v. */
static qv *deeper(struct trp_embedq *q, qv *v, size_t count, qv **index)
{
    qv *items = trp_eq_explode(q, v);
    qv *out = items != NULL ? trp_eq_new(q, TROUPE_Q_LIST, items->count) : NULL;

    for (size_t i = 0; out != NULL && i < items->count; i++) {
        qv *one = trp_eq_index(q, TRP_Q_ITEMS(items)[i], count, index);
        TRP_Q_ITEMS(out)[i] = one;
        if (one == NULL) {
            trp_eq_drop(out);
            out = NULL;
        }
    }
    trp_eq_drop(items);
    return out != NULL ? trp_eq_simple(q, out) : NULL;
}

qv *trp_eq_index(struct trp_embedq *q, qv *x, size_t count, qv **index)
{
    bool all = index[0] == NULL || trp_q_is_generic_null(index[0]);

    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    if (trp_q_is_function(x)) {
        return trp_eq_apply(q, x, count, index);
    }
    if (count == 2 && x->type == TROUPE_Q_TABLE && index[1] != NULL &&
        (index[1]->type == -TROUPE_Q_SYMBOL)) { /* t[rows;`column] */
        qv *column = trp_eq_index1(q, x, index[1]);
        qv *v = column == NULL ? NULL
                : all          ? troupe_q_ref(column)
                               : trp_eq_index1(q, column, index[0]);
        trp_eq_drop(column);
        return v;
    }
    qv *first = all ? troupe_q_ref(x) : trp_eq_index1(q, x, index[0]);
    if (count == 1 || first == NULL) {
        return first;
    }
    bool many =
        all || (trp_q_is_list(index[0]) && !(trp_q_is_dict(x) && one_key(x, index[0])));
    qv *v = NULL;
    if (many && trp_q_is_dict(first)) {
        v = deeper(q, TRP_Q_ITEMS(first)[1], count - 1, index + 1);
        v = v != NULL
                ? trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(first)[0]), v)
                : NULL;
    } else {
        v = many ? deeper(q, first, count - 1, index + 1)
                 : trp_eq_index(q, first, count - 1, index + 1);
    }
    trp_eq_drop(first);
    return v;
}
