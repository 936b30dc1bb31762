/* SPDX-License-Identifier: MIT
 * eq_table.c - dictionaries and tables: !, flip, keys, insert, upsert. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"
#include "bindings/embedq/eq_literal.h"

static qv *as_list(struct trp_embedq *q, qv *x)
{
    return trp_q_is_list(x) || x->type == TROUPE_Q_TABLE || trp_q_is_dict(x)
               ? troupe_q_ref(x)
               : trp_eq_v_enlist(q, x);
}

qv *trp_eq_make_dict(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t n = 0;

    if (trp_eq_int_of(x, &n) && (y->type == TROUPE_Q_TABLE || trp_q_is_keyed(y)) &&
        n >= 0) {
        return trp_eq_enkey(q, n, y);
    }
    if (x->type < 0 && y->type < 0) {
        return trp_eq_fail(q, "type");
    }
    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return trp_eq_fail(q, "type");
    }
    qv *keys = as_list(q, x);
    qv *values = NULL;
    if (keys != NULL && !trp_q_is_list(y) && y->type != TROUPE_Q_TABLE) {
        qv *count = trp_eq_long(q, (int64_t)trp_eq_len(keys));
        values = count != NULL ? trp_eq_v_take(q, count, y) : NULL;
        trp_eq_drop(count);
    } else {
        values = troupe_q_ref(y);
    }
    return trp_eq_pair(q, TROUPE_Q_DICT, keys, values);
}

static qv *flip_lists(struct trp_embedq *q, qv *x)
{
    size_t rows = SIZE_MAX;

    for (size_t i = 0; i < x->count; i++) {
        const qv *c = TRP_Q_ITEMS(x)[i];
        if (trp_q_is_list(c)) {
            if (rows != SIZE_MAX && rows != c->count) {
                return trp_eq_fail(q, "length");
            }
            rows = c->count;
        }
    }
    if (rows == SIZE_MAX) {
        return trp_eq_fail(q, "rank");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, rows);
    for (size_t r = 0; v != NULL && r < rows; r++) {
        qv *row = trp_eq_new(q, TROUPE_Q_LIST, x->count);
        for (size_t i = 0; row != NULL && i < x->count; i++) {
            qv *c = TRP_Q_ITEMS(x)[i];
            TRP_Q_ITEMS(row)[i] = trp_q_is_list(c) ? trp_q_at(c, r) : troupe_q_ref(c);
            if (TRP_Q_ITEMS(row)[i] == NULL) {
                trp_eq_drop(row);
                row = trp_eq_oom(q);
            }
        }
        TRP_Q_ITEMS(v)[r] = trp_eq_simple(q, row);
        if (TRP_Q_ITEMS(v)[r] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

qv *trp_eq_v_flip(struct trp_embedq *q, qv *x)
{
    if (x->type == TROUPE_Q_TABLE) {
        return trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(x)[0]),
                           troupe_q_ref(TRP_Q_ITEMS(x)[1]));
    }
    if (trp_q_is_dict(x)) {
        qv *names = TRP_Q_ITEMS(x)[0];
        qv *columns = trp_eq_explode(q, TRP_Q_ITEMS(x)[1]);
        if (columns == NULL || names->type != TROUPE_Q_SYMBOL) {
            trp_eq_drop(columns);
            return trp_eq_fail(q, "nyi");
        }
        if (!trp_eq_level(q, &columns)) {
            trp_eq_drop(columns);
            return NULL;
        }
        return trp_eq_pair(q, TROUPE_Q_TABLE, troupe_q_ref(names), columns);
    }
    return x->type == TROUPE_Q_LIST && x->count > 0 ? flip_lists(q, x)
                                                    : trp_eq_fail(q, "rank");
}

/* A name stands for its table; what was named in *name. */
static qv *table_of(struct trp_embedq *q, qv *x, qv **name)
{
    *name = NULL;
    if (x->type == -TROUPE_Q_SYMBOL) {
        *name = x;
        return trp_eq_get(q, trp_eq_context(q), TRP_Q_SYMS(x)[0]);
    }
    return troupe_q_ref(x);
}

qv *trp_eq_v_cols(struct trp_embedq *q, qv *x)
{
    qv *name = NULL;
    qv *table = table_of(q, x, &name);
    qv *flat = table != NULL ? trp_eq_flat(q, table) : NULL;
    qv *v = flat == NULL ? NULL
            : flat->type == TROUPE_Q_TABLE || trp_q_is_dict(flat)
                ? troupe_q_ref(TRP_Q_ITEMS(flat)[0])
                : trp_eq_fail(q, "type");

    trp_eq_drop(flat);
    trp_eq_drop(table);
    return v;
}

qv *trp_eq_v_keys(struct trp_embedq *q, qv *x)
{
    qv *name = NULL;
    qv *table = table_of(q, x, &name);
    qv *v = table == NULL           ? NULL
            : trp_q_is_keyed(table) ? troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(table)[0])[0])
            : table->type == TROUPE_Q_TABLE ? trp_eq_empty(q, TROUPE_Q_SYMBOL)
                                            : trp_eq_fail(q, "type");

    trp_eq_drop(table);
    return v;
}

qv *trp_eq_v_xkey(struct trp_embedq *q, qv *x, qv *y)
{
    qv *name = NULL;
    qv *table = table_of(q, y, &name);
    qv *flat = table != NULL ? trp_eq_flat(q, table) : NULL;
    qv *names = flat != NULL ? as_list(q, x) : NULL;
    qv *v = NULL;

    if (names != NULL && names->count == 0) {
        v = troupe_q_ref(flat);
    } else if (names != NULL && names->type == TROUPE_Q_SYMBOL &&
               flat->type == TROUPE_Q_TABLE) {
        qv *front = trp_eq_v_take(q, names, flat);
        qv *rest = front != NULL ? trp_eq_v_drop(q, names, flat) : NULL;
        v = trp_eq_pair(q, TROUPE_Q_DICT, front, rest);
    } else if (!q->failed) {
        (void)trp_eq_fail(q, "type");
    }
    if (v != NULL && name != NULL) {
        bool good = trp_eq_set(q, trp_eq_context(q), TRP_Q_SYMS(name)[0], v);
        trp_eq_drop(v);
        v = good ? troupe_q_ref(name) : NULL;
    }
    trp_eq_drop(names);
    trp_eq_drop(flat);
    trp_eq_drop(table);
    return v;
}

/* One value at the end of a column; a typed empty or full column keeps its type. */
static bool push_cell(struct trp_embedq *q, qv **column, qv *v)
{
    int type = (*column)->type;

    if (type != TROUPE_Q_LIST && v->type == -type) {
        return trp_eq_append(q, column, v);
    }
    if (type != TROUPE_Q_LIST) {
        return trp_eq_fail(q, "type") != NULL;
    }
    qv *item = troupe_q_ref(v);
    if (trp_q_push(column, &item) != TROUPE_OK) {
        trp_eq_drop(item);
        return trp_eq_oom(q) != NULL;
    }
    return (*column)->count != 1 || trp_q_simplify(column) == TROUPE_OK ||
           trp_eq_oom(q) != NULL;
}

/* What a table gets: per column one value, or a list of equally many. */
struct rows {
    qv *list;  /* per column */
    bool many; /* lists of values */
    size_t count;
};

static bool rows_from_dict(struct trp_embedq *q, qv *names, qv *x, struct rows *out)
{
    bool table = x->type == TROUPE_Q_TABLE;
    qv *list = trp_eq_new(q, TROUPE_Q_LIST, names->count);

    for (size_t i = 0; list != NULL && i < names->count; i++) {
        qv *key = trp_eq_made(q, trp_q_of_symbol(TRP_Q_SYMS(names)[i]));
        qv *item = NULL;
        if (key != NULL && table) {
            item = trp_eq_index1(q, x, key);
        } else if (key != NULL && trp_eq_find_item(TRP_Q_ITEMS(x)[0], key) >= 0) {
            item = trp_eq_dict_find(q, x, key);
        } else if (key != NULL) {
            (void)trp_eq_fail(q, "mismatch");
        }
        trp_eq_drop(key);
        TRP_Q_ITEMS(list)[i] = item;
        if (item == NULL) {
            trp_eq_drop(list);
            return trp_eq_fail(q, "mismatch") != NULL;
        }
    }
    *out = (struct rows){.list = list, .many = table, .count = table ? trp_eq_len(x) : 1};
    return list != NULL;
}

static bool nested_rows(const qv *x, size_t width)
{
    if (x->type != TROUPE_Q_LIST || x->count == 0 || x->count == width) {
        return false;
    }
    for (size_t i = 0; i < x->count; i++) {
        if (!trp_q_is_list(TRP_Q_ITEMS(x)[i]) || TRP_Q_ITEMS(x)[i]->count != width) {
            return false;
        }
    }
    return true;
}

static bool rows_of(struct trp_embedq *q, qv *names, qv *columns, qv *x, struct rows *out)
{
    if (x->type == TROUPE_Q_TABLE || x->type == TROUPE_Q_DICT) {
        qv *flat = trp_eq_flat(q, x);
        bool good = flat != NULL && rows_from_dict(q, names, flat, out);
        trp_eq_drop(flat);
        return good;
    }
    qv *list = trp_q_is_list(x) ? trp_eq_explode(q, x) : trp_eq_v_enlist_mixed(q, x);
    if (list != NULL && nested_rows(list, names->count)) {
        qv *turned = trp_eq_v_flip(q, list);
        trp_eq_drop(list);
        list = turned != NULL ? trp_eq_explode(q, turned) : NULL;
        trp_eq_drop(turned);
    }
    if (list == NULL || list->count != names->count) {
        trp_eq_drop(list);
        return trp_eq_fail(q, "length") != NULL;
    }
    out->list = list;
    out->many = false;
    out->count = 1;
    for (size_t i = 0; i < list->count; i++) {
        const qv *item = TRP_Q_ITEMS(list)[i];
        const qv *column = TRP_Q_ITEMS(columns)[i];
        bool cell = !trp_q_is_list(item) ||
                    (column->type == TROUPE_Q_LIST && column->count > 0 &&
                     (item->type == TROUPE_Q_CHAR || item->type != TROUPE_Q_LIST) &&
                     trp_q_is_list(TRP_Q_ITEMS(column)[0]));
        if (!cell && out->many && item->count != out->count) {
            return trp_eq_fail(q, "length") != NULL;
        }
        if (!cell) {
            out->many = true;
            out->count = item->count;
        }
    }
    return true;
}

/* The value of column c in row r of what is added. */
static qv *cell_of(struct trp_embedq *q, const struct rows *rows, size_t c, size_t r)
{
    qv *item = TRP_Q_ITEMS(rows->list)[c];

    return rows->many && trp_q_is_list(item) ? trp_eq_made(q, trp_q_at(item, r))
                                             : troupe_q_ref(item);
}

static bool fits(struct trp_embedq *q, const qv *columns, const struct rows *rows)
{
    for (size_t i = 0; i < columns->count; i++) {
        int type = TRP_Q_ITEMS(columns)[i]->type;
        const qv *item = TRP_Q_ITEMS(rows->list)[i];
        int given = item->type < 0 ? -item->type : item->type;
        bool good = type == TROUPE_Q_LIST || given == type ||
                    (rows->many && item->type == TROUPE_Q_LIST && item->count == 0);
        if (rows->many && item->type == TROUPE_Q_LIST && type != TROUPE_Q_LIST) {
            for (size_t k = 0; k < item->count; k++) {
                good = (k == 0 || good) && TRP_Q_ITEMS(item)[k]->type == -type;
            }
        }
        if (!good) {
            return trp_eq_fail(q, "type") != NULL;
        }
    }
    return true;
}

/* Adds rows at the end, in place where the columns have one owner. */
static bool append_rows(struct trp_embedq *q, qv **table, const struct rows *rows)
{
    if (!fits(q, TRP_Q_ITEMS(*table)[1], rows)) {
        return false;
    }
    if (trp_q_unique(table) != TROUPE_OK ||
        trp_q_unique(&TRP_Q_ITEMS(*table)[1]) != TROUPE_OK) {
        return trp_eq_oom(q) != NULL;
    }
    qv *columns = TRP_Q_ITEMS(*table)[1];
    for (size_t i = 0; i < columns->count; i++) {
        qv **column = &TRP_Q_ITEMS(columns)[i];
        qv *item = TRP_Q_ITEMS(rows->list)[i];
        bool good = true;
        if (rows->many && item->type == (*column)->type && item->type != TROUPE_Q_LIST) {
            good = trp_eq_append(q, column, item);
        } else {
            for (size_t r = 0; good && r < rows->count; r++) {
                qv *cell = cell_of(q, rows, i, r);
                good = cell != NULL && push_cell(q, column, cell);
                trp_eq_drop(cell);
            }
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

/* Row r of what is added: the cells of its key, and the rest. */
static bool split_row(struct trp_embedq *q, const struct rows *rows, size_t r,
                      size_t keys, qv **key, qv **rest)
{
    size_t width = rows->list->count;

    *key = trp_eq_new(q, TROUPE_Q_LIST, keys);
    *rest = *key != NULL ? trp_eq_new(q, TROUPE_Q_LIST, width - keys) : NULL;
    for (size_t c = 0; *rest != NULL && c < width; c++) {
        qv *cell = cell_of(q, rows, c, r);
        TRP_Q_ITEMS(c < keys ? *key : *rest)[c < keys ? c : c - keys] = cell;
        if (cell == NULL) {
            return false;
        }
    }
    return *rest != NULL;
}

/* Puts a row where it belongs: over row `at`, or at the end when that is negative. */
static bool merge_row(struct trp_embedq *q, qv **table, int64_t at, qv *key, qv *rest)
{
    if (trp_q_unique(table) != TROUPE_OK) {
        return trp_eq_oom(q) != NULL;
    }
    if (at >= 0) {
        qv *row = trp_eq_long(q, at);
        bool good = row != NULL &&
                    trp_eq_amend_at(q, &TRP_Q_ITEMS(*table)[1], 1, &row, NULL, rest);
        trp_eq_drop(row);
        return good;
    }
    struct rows one = {.list = key, .count = 1};
    struct rows two = {.list = rest, .count = 1};
    return fits(q, TRP_Q_ITEMS(TRP_Q_ITEMS(*table)[1])[1], &two) &&
           append_rows(q, &TRP_Q_ITEMS(*table)[0], &one) &&
           append_rows(q, &TRP_Q_ITEMS(*table)[1], &two);
}

/* The keys of all rows that are added, as a table like `keys`. */
static qv *keys_added(struct trp_embedq *q, const struct rows *rows, qv *keys)
{
    qv *columns = TRP_Q_ITEMS(keys)[1];
    qv *list = trp_eq_new(q, TROUPE_Q_LIST, columns->count);

    for (size_t c = 0; list != NULL && c < columns->count; c++) {
        int type = TRP_Q_ITEMS(columns)[c]->type;
        qv *item = TRP_Q_ITEMS(rows->list)[c];
        bool whole = rows->many && item->type == type;
        qv *column = whole ? troupe_q_ref(item) : trp_eq_empty(q, type);
        for (size_t r = 0; column != NULL && !whole && r < rows->count; r++) {
            qv *cell = cell_of(q, rows, c, r);
            bool good = cell != NULL;
            if (good && type == TROUPE_Q_LIST) {
                good = trp_q_push(&column, &cell) == TROUPE_OK || trp_eq_oom(q) != NULL;
            } else if (good) {
                good = push_cell(q, &column, cell);
            }
            trp_eq_drop(cell);
            if (!good) {
                troupe_q_unref(&column);
            }
        }
        TRP_Q_ITEMS(list)[c] = column;
        if (column == NULL) {
            trp_eq_drop(list);
            return NULL;
        }
    }
    return trp_eq_pair(q, TROUPE_Q_TABLE, troupe_q_ref(TRP_Q_ITEMS(keys)[0]), list);
}

static bool is_indexed(const qv *keys, const struct rows *rows)
{
    const qv *columns = TRP_Q_ITEMS(keys)[1];
    bool worth =
        trp_eq_len(keys) >= TRP_EQ_INDEX_FROM || rows->count >= TRP_EQ_INDEX_FROM;

    for (size_t c = 0; worth && c < columns->count; c++) { /* the first row may type it */
        const qv *column = TRP_Q_ITEMS(columns)[c];
        worth = column->type != TROUPE_Q_LIST || column->count != 0;
    }
    return worth;
}

/* Rows from `from` on, found by their keys' hash. */
static bool merge_indexed(struct trp_embedq *q, qv **table, const struct rows *rows,
                          size_t from, bool insert)
{
    size_t width = TRP_Q_ITEMS(TRP_Q_ITEMS(*table)[0])[0]->count;
    qv *added = keys_added(q, rows, TRP_Q_ITEMS(*table)[0]);
    struct places *p = added != NULL ? trp_eq_keys_of(q, TRP_Q_ITEMS(*table)[0]) : NULL;
    bool good = p != NULL;

    for (size_t r = from; good && r < rows->count; r++) {
        qv *key = NULL, *rest = NULL;
        int64_t at = trp_eq_keys_find(p, added, r);
        good = (at < 0 || !insert || trp_eq_fail(q, "insert") != NULL) &&
               trp_eq_poll(q, r) && split_row(q, rows, r, width, &key, &rest) &&
               merge_row(q, table, at, key, rest);
        qv *keys = TRP_Q_ITEMS(*table)[0];
        good = good && (at >= 0 || trp_eq_keys_added(q, p, keys, trp_eq_len(keys) - 1));
        trp_eq_drop(key);
        trp_eq_drop(rest);
    }
    if (good) {
        trp_eq_keys_keep(p, TRP_Q_ITEMS(*table)[0]);
    } else if (p != NULL) {
        trp_eq_keys_forget(p);
    }
    trp_eq_drop(added);
    return good;
}

/* Rows of a keyed table: those with known keys replace, others are added. */
static bool merge_rows(struct trp_embedq *q, qv **table, const struct rows *rows,
                       bool insert)
{
    size_t width = TRP_Q_ITEMS(TRP_Q_ITEMS(*table)[0])[0]->count;

    for (size_t r = 0; r < rows->count; r++) {
        qv *key = NULL, *rest = NULL;
        if (is_indexed(TRP_Q_ITEMS(*table)[0], rows)) {
            return merge_indexed(q, table, rows, r, insert);
        }
        bool good = split_row(q, rows, r, width, &key, &rest);
        int64_t at = good ? trp_eq_find_item(TRP_Q_ITEMS(*table)[0], key) : -1;
        good = good && (at < 0 || !insert || trp_eq_fail(q, "insert") != NULL) &&
               merge_row(q, table, at, key, rest);
        trp_eq_drop(key);
        trp_eq_drop(rest);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool add_rows(struct trp_embedq *q, qv **table, qv *x, bool insert)
{
    struct rows rows = {0};

    if ((*table)->type != TROUPE_Q_TABLE && !trp_q_is_keyed(*table)) {
        if (insert) {
            return trp_eq_fail(q, "type") != NULL;
        }
        qv *joined = trp_eq_v_join(q, *table, x);
        if (joined != NULL) {
            trp_eq_drop(*table);
            *table = joined;
        }
        return joined != NULL;
    }
    bool keyed = trp_q_is_keyed(*table);
    qv *flat = keyed ? trp_eq_flat(q, *table) : NULL;
    qv *shape = keyed ? flat : *table;
    bool good = shape != NULL &&
                rows_of(q, TRP_Q_ITEMS(shape)[0], TRP_Q_ITEMS(shape)[1], x, &rows);
    trp_eq_drop(flat);
    good = good &&
           (keyed ? merge_rows(q, table, &rows, insert) : append_rows(q, table, &rows));
    trp_eq_drop(rows.list);
    return good;
}

bool trp_eq_add_rows(struct trp_embedq *q, qv **table, qv *x)
{
    return add_rows(q, table, x, false);
}

qv *trp_eq_v_upsert(struct trp_embedq *q, qv *x, qv *y)
{
    if (x->type == -TROUPE_Q_SYMBOL) {
        struct trp_eq_binding *b =
            trp_eq_binding(q, trp_eq_context(q), TRP_Q_SYMS(x)[0], true);
        if (b == NULL) {
            return NULL;
        }
        if (b->value == NULL) {
            bool rows = y->type == TROUPE_Q_TABLE || trp_q_is_keyed(y);
            b->value = rows ? troupe_q_ref(y) : NULL;
            return rows ? troupe_q_ref(x) : trp_eq_fail(q, TRP_Q_SYMS(x)[0]);
        }
        return add_rows(q, &b->value, y, false) ? troupe_q_ref(x) : NULL;
    }
    qv *v = troupe_q_ref(x);
    if (!add_rows(q, &v, y, false)) {
        trp_eq_drop(v);
        return NULL;
    }
    return v;
}

/* insert: by name; answers the positions of the new rows. */
qv *trp_eq_v_insert(struct trp_embedq *q, qv *x, qv *y)
{
    if (x->type != -TROUPE_Q_SYMBOL) {
        return trp_eq_fail(q, "type");
    }
    struct trp_eq_binding *b =
        trp_eq_binding(q, trp_eq_context(q), TRP_Q_SYMS(x)[0], true);
    if (b == NULL) {
        return NULL;
    }
    if (b->value == NULL) {
        bool rows = y->type == TROUPE_Q_TABLE || trp_q_is_keyed(y);
        b->value = rows ? troupe_q_ref(y) : NULL;
        qv *n = rows ? trp_eq_v_count(q, y) : trp_eq_fail(q, TRP_Q_SYMS(x)[0]);
        qv *all = n != NULL ? trp_eq_v_til(q, n) : NULL;
        trp_eq_drop(n);
        return all;
    }
    size_t before = trp_eq_len(b->value);
    if (!add_rows(q, &b->value, y, true)) {
        return NULL;
    }
    size_t count = trp_eq_len(b->value) - before;
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, count);
    for (size_t i = 0; v != NULL && i < count; i++) {
        TRP_Q_LONGS(v)[i] = (int64_t)(before + i);
    }
    return v;
}

/* c t f a: one row per column. */
qv *trp_eq_v_meta(struct trp_embedq *q, qv *x)
{
    qv *name = NULL;
    qv *table = table_of(q, x, &name);
    qv *flat = table != NULL ? trp_eq_flat(q, table) : NULL;

    trp_eq_drop(table);
    if (flat == NULL || flat->type != TROUPE_Q_TABLE) {
        trp_eq_drop(flat);
        return trp_eq_fail(q, "type");
    }
    qv *columns = TRP_Q_ITEMS(flat)[1];
    size_t n = columns->count;
    qv *types = trp_eq_new(q, TROUPE_Q_CHAR, n);
    qv *foreign = types != NULL ? trp_eq_new(q, TROUPE_Q_SYMBOL, n) : NULL;
    qv *attrs = foreign != NULL ? trp_eq_new(q, TROUPE_Q_SYMBOL, n) : NULL;
    static const char *const letters[] = {"", "s", "u", "p", "g"};
    for (size_t i = 0; attrs != NULL && i < n; i++) {
        const qv *c = TRP_Q_ITEMS(columns)[i];
        const qv *first =
            c->type == TROUPE_Q_LIST && c->count > 0 ? TRP_Q_ITEMS(c)[0] : NULL;
        char t = trp_eq_letter_of_type(c->type);
        if (first != NULL && first->type > 0 && first->type <= TROUPE_Q_TIME) {
            t = (char)(trp_eq_letter_of_type(first->type) - 32);
        }
        unsigned attr = c->attr & TRP_Q_ATTR_MASK;
        TRP_Q_CHARS(types)[i] = t;
        TRP_Q_SYMS(foreign)[i] = trp_q_empty_symbol;
        if (trp_q_intern(letters[attr <= 4 ? attr : 0], attr != 0,
                         &TRP_Q_SYMS(attrs)[i]) != TROUPE_OK) {
            TRP_Q_SYMS(attrs)[i] = trp_q_empty_symbol;
        }
    }
    qv *out = attrs != NULL
                  ? trp_eq_meta_table(q, TRP_Q_ITEMS(flat)[0], types, foreign, attrs)
                  : NULL;
    trp_eq_drop(types);
    trp_eq_drop(foreign);
    trp_eq_drop(attrs);
    trp_eq_drop(flat);
    return out;
}
