/* SPDX-License-Identifier: MIT
 * eq_values.c - nulls, counts, joins: what all verbs need. */
#include <math.h>

#include "bindings/embedq/eq.h"

int trp_eq_class(int type)
{
    switch (type < 0 ? -type : type) {
    case TROUPE_Q_REAL:
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        return 'f';
    case TROUPE_Q_SYMBOL:
        return 's';
    case TROUPE_Q_GUID:
        return 'g';
    default:
        return (type < 0 ? -type : type) <= TROUPE_Q_TIME && type != TROUPE_Q_LIST ? 'i'
                                                                                   : 0;
    }
}

bool trp_eq_int_of(const qv *x, int64_t *out)
{
    return x->type < 0 && trp_eq_class(x->type) == 'i' &&
           troupe_q_get_long(x, 0, out) == TROUPE_OK;
}

void trp_eq_null_bits(int type, void *item)
{
    double none = (double)NAN;

    switch (type < 0 ? -type : type) {
    case TROUPE_Q_GUID:
        memset(item, 0, 16);
        break;
    case TROUPE_Q_SHORT:
        memcpy(item, &(int16_t){INT16_MIN}, 2);
        break;
    case TROUPE_Q_LONG:
    case TROUPE_Q_TIMESTAMP:
    case TROUPE_Q_TIMESPAN:
        memcpy(item, &(int64_t){INT64_MIN}, 8);
        break;
    case TROUPE_Q_REAL:
        memcpy(item, &(float){(float)none}, 4);
        break;
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        memcpy(item, &none, 8);
        break;
    case TROUPE_Q_CHAR:
        *(char *)item = ' ';
        break;
    case TROUPE_Q_BOOLEAN:
    case TROUPE_Q_BYTE:
        *(uint8_t *)item = 0;
        break;
    case TROUPE_Q_SYMBOL:
        memcpy(item, &trp_q_empty_symbol, sizeof trp_q_empty_symbol);
        break;
    default:
        memcpy(item, &(int32_t){INT32_MIN}, 4);
    }
}

qv *trp_eq_null_of(struct trp_embedq *q, int type)
{
    int kind = type < 0 ? -type : type;

    if (kind == TROUPE_Q_LIST || kind > TROUPE_Q_TIME) {
        return trp_eq_empty(q, TROUPE_Q_LIST);
    }
    qv *v = trp_eq_new(q, -kind, 1);
    if (v != NULL) {
        trp_eq_null_bits(kind, v->data);
    }
    return v;
}

/* What an index outside gives: the null of the type; of a list, an empty list like its
 * first item. */
qv *trp_eq_first_null(struct trp_embedq *q, qv *x)
{
    if (x->type != TROUPE_Q_LIST) {
        return trp_eq_null_of(q, x->type);
    }
    if (x->count == 0) {
        return trp_eq_empty(q, TROUPE_Q_LIST);
    }
    const qv *first = TRP_Q_ITEMS(x)[0];
    return trp_q_is_list(first) ? trp_eq_empty(q, first->type)
                                : trp_eq_null_of(q, first->type);
}

bool trp_eq_item_is_null(const qv *x, size_t i)
{
    return troupe_q_is_null(x, i);
}

size_t trp_eq_len(const qv *x)
{
    return troupe_q_count(x);
}

qv *trp_eq_explode(struct trp_embedq *q, qv *x)
{
    size_t count = trp_eq_len(x);

    if (x->type == TROUPE_Q_LIST) {
        return troupe_q_ref(x);
    }
    qv *list = trp_eq_new(q, TROUPE_Q_LIST, count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        if (troupe_q_item(x, i, &TRP_Q_ITEMS(list)[i]) != TROUPE_OK) {
            trp_eq_drop(list);
            return trp_eq_oom(q);
        }
    }
    return list;
}

/* Dictionaries with the same symbol keys are rows of a table. */
static bool rows_alike(const qv *list)
{
    const qv *first = list->count > 0 ? TRP_Q_ITEMS(list)[0] : NULL;

    if (first == NULL || first->type != TROUPE_Q_DICT ||
        TRP_Q_ITEMS(first)[0]->type != TROUPE_Q_SYMBOL ||
        TRP_Q_ITEMS(first)[0]->count == 0) {
        return false;
    }
    for (size_t i = 1; i < list->count; i++) {
        const qv *row = TRP_Q_ITEMS(list)[i];
        if (row->type != TROUPE_Q_DICT ||
            !troupe_q_match(TRP_Q_ITEMS(row)[0], TRP_Q_ITEMS(first)[0])) {
            return false;
        }
    }
    return true;
}

static qv *rows_to_table(struct trp_embedq *q, qv *list)
{
    qv *names = troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(list)[0])[0]);
    qv *columns = trp_eq_new(q, TROUPE_Q_LIST, names->count);

    for (size_t c = 0; columns != NULL && c < names->count; c++) {
        qv *column = trp_eq_new(q, TROUPE_Q_LIST, list->count);
        for (size_t i = 0; column != NULL && i < list->count; i++) {
            qv *values = TRP_Q_ITEMS(TRP_Q_ITEMS(list)[i])[1];
            if (troupe_q_item(values, c, &TRP_Q_ITEMS(column)[i]) != TROUPE_OK) {
                trp_eq_drop(column);
                column = trp_eq_oom(q);
            }
        }
        column = column != NULL ? trp_eq_simple(q, column) : NULL;
        TRP_Q_ITEMS(columns)[c] = column;
        if (column == NULL) {
            trp_eq_drop(columns);
            columns = NULL;
        }
    }
    return trp_eq_pair(q, TROUPE_Q_TABLE, names, columns);
}

qv *trp_eq_simple(struct trp_embedq *q, qv *moved)
{
    if (moved == NULL || moved->type != TROUPE_Q_LIST) {
        return moved;
    }
    if (rows_alike(moved)) {
        qv *table = rows_to_table(q, moved);
        trp_eq_drop(moved);
        return table;
    }
    if (trp_q_simplify(&moved) != TROUPE_OK) {
        trp_eq_drop(moved);
        return trp_eq_oom(q);
    }
    return moved;
}

static bool append_items(struct trp_embedq *q, qv **x, qv *y)
{
    qv *items = trp_eq_explode(q, y);
    bool good = items != NULL && trp_q_reserve(x, items->count) == TROUPE_OK;

    for (size_t i = 0; good && i < items->count; i++) {
        qv *item = troupe_q_ref(TRP_Q_ITEMS(items)[i]);
        good = trp_q_push(x, &item) == TROUPE_OK;
        if (!good) {
            trp_eq_drop(item);
        }
    }
    trp_eq_drop(items);
    if (!good) {
        (void)trp_eq_oom(q);
    }
    return good;
}

/* Joins y to the vector or list x in place when nobody else holds it. */
bool trp_eq_append(struct trp_embedq *q, qv **x, qv *y)
{
    int type = (*x)->type;

    if (type > TROUPE_Q_LIST && type <= TROUPE_Q_TIME &&
        (y->type == type || y->type == -type)) {
        size_t size = y->count * trp_q_width(type);
        if (size > 64 && size > q->options.memory_limit) {
            return trp_eq_oom(q) != NULL;
        }
        qv *hold = troupe_q_ref(y); /* x and y may be one value */
        bool grouped = ((*x)->attr & TRP_Q_ATTR_MASK) == TROUPE_Q_GROUPED;
        troupe_status status = trp_q_append(x, y->data, y->count);
        (*x)->attr = grouped ? TROUPE_Q_GROUPED : (*x)->attr; /* holds for any items */
        trp_eq_drop(hold);
        return status == TROUPE_OK || trp_eq_oom(q) != NULL;
    }
    if (type == TROUPE_Q_LIST && (*x)->count > 0 && *x != y) {
        if (trp_q_is_list(y)) {
            return append_items(q, x, y);
        }
        if (y->type < 0 || trp_q_is_function(y)) {
            qv *item = troupe_q_ref(y);
            if (trp_q_push(x, &item) != TROUPE_OK) {
                trp_eq_drop(item);
                return trp_eq_oom(q) != NULL;
            }
            return true;
        }
    }
    qv *joined = trp_eq_concat(q, *x, y);
    if (joined == NULL) {
        return false;
    }
    trp_eq_drop(*x);
    *x = joined;
    return true;
}

/* Lists of any two things, as a mixed list. */
static qv *join_mixed(struct trp_embedq *q, qv *x, qv *y)
{
    qv *list = trp_eq_new(q, TROUPE_Q_LIST, 0);

    for (int side = 0; list != NULL && side < 2; side++) {
        qv *v = side == 0 ? x : y;
        qv *item = NULL;
        if (trp_q_is_list(v) || v->type == TROUPE_Q_TABLE) {
            if (!append_items(q, &list, v)) {
                trp_eq_drop(list);
                return NULL;
            }
            continue;
        }
        item = troupe_q_ref(v);
        if (trp_q_push(&list, &item) != TROUPE_OK) {
            trp_eq_drop(item);
            trp_eq_drop(list);
            return trp_eq_oom(q);
        }
    }
    return trp_eq_simple(q, list);
}

qv *trp_eq_concat(struct trp_embedq *q, qv *x, qv *y)
{
    int kind = x->type < 0 ? -x->type : x->type;
    bool vectors = kind > TROUPE_Q_LIST && kind <= TROUPE_Q_TIME &&
                   (y->type == kind || y->type == -kind);

    if (vectors) {
        size_t width = trp_q_width(kind);
        qv *v = trp_eq_new(q, kind, x->count + y->count);
        if (v != NULL) {
            memcpy(TRP_Q_BYTES(v), x->data, x->count * width);
            memcpy(TRP_Q_BYTES(v) + x->count * width, y->data, y->count * width);
        }
        return v;
    }
    if (trp_q_is_list(x) && x->count == 0 && trp_q_is_list(y)) {
        return troupe_q_ref(y->count == 0 && x->type != TROUPE_Q_LIST ? x : y);
    }
    if (trp_q_is_list(y) && y->count == 0 && trp_q_is_list(x)) {
        return troupe_q_ref(x);
    }
    return join_mixed(q, x, y);
}

int64_t trp_eq_find_column(const qv *table, const char *name)
{
    const qv *names = TRP_Q_ITEMS(table)[0];

    for (size_t i = 0; i < names->count; i++) {
        if (TRP_Q_SYMS(names)[i] == name) {
            return (int64_t)i;
        }
    }
    return -1;
}

qv *trp_eq_flat(struct trp_embedq *q, qv *x)
{
    if (!trp_q_is_keyed(x)) {
        return troupe_q_ref(x);
    }
    qv *keys = TRP_Q_ITEMS(x)[0];
    qv *values = TRP_Q_ITEMS(x)[1];
    qv *names = trp_eq_concat(q, TRP_Q_ITEMS(keys)[0], TRP_Q_ITEMS(values)[0]);
    qv *columns = names != NULL ? trp_eq_new(q, TROUPE_Q_LIST, names->count) : NULL;
    size_t n = TRP_Q_ITEMS(keys)[1]->count;

    for (size_t i = 0; columns != NULL && i < columns->count; i++) {
        qv *column = i < n ? TRP_Q_ITEMS(TRP_Q_ITEMS(keys)[1])[i]
                           : TRP_Q_ITEMS(TRP_Q_ITEMS(values)[1])[i - n];
        TRP_Q_ITEMS(columns)[i] = troupe_q_ref(column);
    }
    return trp_eq_pair(q, TROUPE_Q_TABLE, names, columns);
}

/* The first `count` (or the other) columns of a table as a table. */
static qv *split(struct trp_embedq *q, qv *table, size_t from, size_t to)
{
    qv *names = trp_eq_new(q, TROUPE_Q_SYMBOL, to - from);
    qv *columns = names != NULL ? trp_eq_new(q, TROUPE_Q_LIST, to - from) : NULL;

    for (size_t i = from; columns != NULL && i < to; i++) {
        TRP_Q_SYMS(names)[i - from] = TRP_Q_SYMS(TRP_Q_ITEMS(table)[0])[i];
        TRP_Q_ITEMS(columns)
        [i - from] = troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(table)[1])[i]);
    }
    return trp_eq_pair(q, TROUPE_Q_TABLE, names, columns);
}

qv *trp_eq_enkey(struct trp_embedq *q, int64_t keys, qv *x)
{
    qv *flat = trp_eq_flat(q, x);
    qv *keyed = NULL;

    if (flat == NULL || keys == 0) {
        return flat;
    }
    size_t count = TRP_Q_ITEMS(flat)[0]->count;
    if (flat->type != TROUPE_Q_TABLE) {
        (void)trp_eq_fail(q, "type");
    } else if (keys < 0 || (size_t)keys >= count) {
        (void)trp_eq_fail(q, "length");
    } else {
        qv *left = split(q, flat, 0, (size_t)keys);
        qv *right = left != NULL ? split(q, flat, (size_t)keys, count) : NULL;
        keyed = trp_eq_pair(q, TROUPE_Q_DICT, left, right);
    }
    trp_eq_drop(flat);
    return keyed;
}
