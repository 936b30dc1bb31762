/* SPDX-License-Identifier: MIT
 * eq_query.c - select, exec, update, delete over a flat table. */
#include "bindings/embedq/eq_query.h"
#include "bindings/embedq/eq_verbs.h"

qv *trp_eq_scope_find(struct trp_embedq *q, struct trp_eq_scope *scope, const char *name)
{
    int64_t at = trp_eq_find_column(scope->table, name);

    if (at < 0 && name[0] == 'i' && name[1] == 0) {
        if (scope->index == NULL && scope->row != NULL) {
            scope->index = trp_eq_rows_of(q, scope->row, scope->rows);
        } else if (scope->index == NULL) {
            qv *n = trp_eq_long(q, (int64_t)scope->rows);
            scope->index = n != NULL ? trp_eq_v_til(q, n) : NULL;
            trp_eq_drop(n);
        }
        return scope->index != NULL ? troupe_q_ref(scope->index) : NULL;
    }
    if (at < 0) {
        return NULL;
    }
    qv *column = TRP_Q_ITEMS(TRP_Q_ITEMS(scope->table)[1])[at];
    if (scope->row == NULL) {
        return troupe_q_ref(column);
    }
    if (scope->cache == NULL) {
        scope->cache = trp_calloc(TRP_Q_ITEMS(scope->table)[0]->count + 1, sizeof(qv *));
        if (scope->cache == NULL) {
            return trp_eq_oom(q);
        }
    }
    if (scope->cache[at] == NULL) {
        scope->cache[at] = trp_eq_take_rows(q, column, scope->row, scope->rows);
    }
    return scope->cache[at] != NULL ? troupe_q_ref(scope->cache[at]) : NULL;
}

void trp_eq_scope_end(struct trp_eq_scope *scope)
{
    size_t n = TRP_Q_ITEMS(scope->table)[0]->count;

    for (size_t i = 0; scope->cache != NULL && i < n; i++) {
        trp_eq_drop(scope->cache[i]);
    }
    trp_free(scope->cache);
    troupe_q_unref(&scope->index);
    scope->cache = NULL;
}

static qv *eval_in(struct trp_embedq *q, struct trp_eq_scope *scope,
                   const struct trp_eq_expr *expr)
{
    struct trp_eq_scope *outer = q->frame->scope;

    q->frame->scope = scope;
    qv *v =
        expr->node != NULL ? trp_eq_eval(q, expr->node) : trp_eq_eval_tree(q, expr->tree);
    q->frame->scope = outer;
    return v;
}

/* The rows (a long vector) for which all conditions hold; NULL with *all: every row. */
static qv *filter(struct trp_embedq *q, const struct trp_eq_plan *plan, bool *all)
{
    qv *rows = NULL;

    *all = true;
    for (size_t i = 0; i < plan->wheres; i++) {
        struct trp_eq_scope scope = {.table = plan->table};
        scope.row = rows != NULL ? TRP_Q_LONGS(rows) : NULL;
        scope.rows = rows != NULL ? rows->count : trp_eq_len(plan->table);
        qv *flags = eval_in(q, &scope, &plan->where[i]);
        trp_eq_scope_end(&scope);
        if (flags != NULL && flags->type < 0) { /* one answer for all */
            qv *n = trp_eq_long(q, (int64_t)scope.rows);
            qv *wide = n != NULL ? trp_eq_v_take(q, n, flags) : NULL;
            trp_eq_drop(n);
            trp_eq_drop(flags);
            flags = wide;
        }
        qv *kept =
            flags != NULL && flags->count == scope.rows ? trp_eq_v_where(q, flags) : NULL;
        if (flags != NULL && kept == NULL) {
            (void)trp_eq_fail(q, "length");
        }
        trp_eq_drop(flags);
        qv *next = kept != NULL && rows != NULL
                       ? trp_eq_index1(q, rows, kept)
                       : (kept != NULL ? troupe_q_ref(kept) : NULL);
        trp_eq_drop(kept);
        trp_eq_drop(rows);
        rows = next;
        if (rows == NULL) {
            return NULL;
        }
        *all = false;
    }
    return rows;
}

static qv *names_of(struct trp_embedq *q, const char *const *names, size_t count)
{
    qv *v = trp_eq_new(q, TROUPE_Q_SYMBOL, count);

    for (size_t i = 0; v != NULL && i < count; i++) {
        TRP_Q_SYMS(v)[i] = names != NULL ? names[i] : trp_q_empty_symbol;
    }
    return v;
}

static qv *eval_columns(struct trp_embedq *q, struct trp_eq_scope *scope,
                        const struct trp_eq_expr *exprs, size_t count)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, count);

    for (size_t i = 0; v != NULL && i < count; i++) {
        TRP_Q_ITEMS(v)[i] = eval_in(q, scope, &exprs[i]);
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

bool trp_eq_level(struct trp_embedq *q, qv **columns)
{
    size_t rows = SIZE_MAX;

    for (size_t i = 0; i < (*columns)->count; i++) {
        const qv *c = TRP_Q_ITEMS(*columns)[i];
        if (trp_q_is_list(c)) {
            if (rows != SIZE_MAX && rows != c->count) {
                return trp_eq_fail(q, "length") != NULL;
            }
            rows = c->count;
        }
    }
    rows = rows == SIZE_MAX ? 1 : rows;
    if (trp_q_unique(columns) != TROUPE_OK) {
        return trp_eq_oom(q) != NULL;
    }
    for (size_t i = 0; i < (*columns)->count; i++) {
        qv **c = &TRP_Q_ITEMS(*columns)[i];
        if (!trp_q_is_list(*c)) {
            qv *n = trp_eq_long(q, (int64_t)rows);
            qv *wide = n != NULL ? trp_eq_v_take(q, n, *c) : NULL;
            trp_eq_drop(n);
            if (wide == NULL) {
                return false;
            }
            trp_eq_drop(*c);
            *c = wide;
        }
    }
    return true;
}

/* Without by: the columns at the rows. */
static qv *plain(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *rows)
{
    struct trp_eq_scope scope = {.table = plan->table};

    scope.row = rows != NULL ? TRP_Q_LONGS(rows) : NULL;
    scope.rows = rows != NULL ? rows->count : trp_eq_len(plan->table);
    if (plan->columns == 0) {
        qv *v = rows == NULL ? troupe_q_ref(plan->table)
                             : trp_eq_take_rows(q, plan->table, scope.row, scope.rows);
        if (v != NULL && plan->kind == TRP_EQ_EXEC) {
            qv *dict = trp_eq_v_last(q, v); /* exec from t: the last row */
            trp_eq_drop(v);
            v = dict;
        }
        if (v != NULL && plan->keys != 0 && plan->kind == TRP_EQ_SELECT) {
            qv *keyed = trp_eq_enkey(q, (int64_t)plan->keys, v);
            trp_eq_drop(v);
            return keyed;
        }
        return v;
    }
    qv *columns = eval_columns(q, &scope, plan->column, plan->columns);
    trp_eq_scope_end(&scope);
    if (columns == NULL) {
        return NULL;
    }
    if (plan->kind == TRP_EQ_EXEC && plan->columns == 1 && !plan->dict) {
        qv *only = troupe_q_ref(TRP_Q_ITEMS(columns)[0]);
        trp_eq_drop(columns);
        return only;
    }
    qv *names = names_of(q, plan->column_names, plan->columns);
    if (plan->kind == TRP_EQ_EXEC) {
        return trp_eq_pair(q, TROUPE_Q_DICT, names, trp_eq_simple(q, columns));
    }
    if (names == NULL || !trp_eq_level(q, &columns)) {
        trp_eq_drop(names);
        trp_eq_drop(columns);
        return NULL;
    }
    return trp_eq_pair(q, TROUPE_Q_TABLE, names, columns);
}

/* The groups: keys (a table, sorted) and per key its rows of the table. */
static bool make_groups(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *rows,
                        qv **keys, qv **lists)
{
    struct trp_eq_scope scope = {.table = plan->table};

    scope.row = rows != NULL ? TRP_Q_LONGS(rows) : NULL;
    scope.rows = rows != NULL ? rows->count : trp_eq_len(plan->table);
    qv *columns = eval_columns(q, &scope, plan->group, plan->groups);
    trp_eq_scope_end(&scope);
    qv *names = columns != NULL ? names_of(q, plan->group_names, plan->groups) : NULL;
    if (names == NULL || !trp_eq_level(q, &columns)) {
        trp_eq_drop(names);
        trp_eq_drop(columns);
        return false;
    }
    qv *table = trp_eq_pair(q, TROUPE_Q_TABLE, names, columns);
    qv *groups = table != NULL ? trp_eq_v_group(q, table) : NULL;
    trp_eq_drop(table);
    if (groups == NULL) {
        return false;
    }
    qv *heads = TRP_Q_ITEMS(groups)[0];
    int64_t *order = trp_eq_grade(q, heads, false);
    *keys = order != NULL ? trp_eq_take_rows(q, heads, order, trp_eq_len(heads)) : NULL;
    *lists = *keys != NULL ? trp_eq_new(q, TROUPE_Q_LIST, trp_eq_len(heads)) : NULL;
    bool good = *lists != NULL;
    for (size_t i = 0; good && i < (*lists)->count; i++) {
        qv *list = TRP_Q_ITEMS(TRP_Q_ITEMS(groups)[1])[order[i]];
        TRP_Q_ITEMS(*lists)
        [i] = rows != NULL ? trp_eq_index1(q, rows, list) : troupe_q_ref(list);
        good = TRP_Q_ITEMS(*lists)[i] != NULL;
    }
    trp_free(order);
    trp_eq_drop(groups);
    if (!good) {
        troupe_q_unref(keys);
        troupe_q_unref(lists);
    }
    return good;
}

/* Per column a list with what every group gave. */
static qv *group_columns(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *lists)
{
    qv *columns = trp_eq_new(q, TROUPE_Q_LIST, plan->columns);

    for (size_t c = 0; columns != NULL && c < plan->columns; c++) {
        TRP_Q_ITEMS(columns)[c] = trp_eq_new(q, TROUPE_Q_LIST, lists->count);
        if (TRP_Q_ITEMS(columns)[c] == NULL) {
            trp_eq_drop(columns);
            return NULL;
        }
    }
    for (size_t g = 0; columns != NULL && g < lists->count; g++) {
        const qv *rows = TRP_Q_ITEMS(lists)[g];
        struct trp_eq_scope scope = {
            .table = plan->table, .row = TRP_Q_LONGS(rows), .rows = rows->count};
        bool good = trp_eq_go_on(q);
        for (size_t c = 0; good && c < plan->columns; c++) {
            qv *v = eval_in(q, &scope, &plan->column[c]);
            TRP_Q_ITEMS(TRP_Q_ITEMS(columns)[c])[g] = v;
            good = v != NULL;
        }
        trp_eq_scope_end(&scope);
        if (!good) {
            troupe_q_unref(&columns);
        }
    }
    for (size_t c = 0; columns != NULL && c < plan->columns; c++) {
        qv **list = &TRP_Q_ITEMS(columns)[c];
        *list = trp_eq_simple(q, *list);
        if (*list == NULL) {
            trp_eq_drop(columns);
            return NULL;
        }
    }
    return columns;
}

/* select by a from t: the last row of every group, without the by columns. */
static qv *last_rows(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *keys,
                     qv *lists)
{
    int64_t *rows = trp_eq_scratch(q, lists->count + 1, sizeof *rows);

    for (size_t i = 0; rows != NULL && i < lists->count; i++) {
        const qv *list = TRP_Q_ITEMS(lists)[i];
        rows[i] = TRP_Q_LONGS(list)[list->count - 1];
    }
    qv *all = rows != NULL ? trp_eq_take_rows(q, plan->table, rows, lists->count)
                           : trp_eq_oom(q);
    trp_free(rows);
    qv *rest = all != NULL ? trp_eq_drop_keys(q, all, TRP_Q_ITEMS(keys)[0]) : NULL;
    trp_eq_drop(all);
    return trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(keys), rest);
}

static qv *exec_by(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *keys,
                   qv *columns)
{
    qv *left = plan->groups == 1 ? troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(keys)[1])[0])
                                 : troupe_q_ref(keys);
    qv *right = NULL;

    if (plan->columns == 1 && !plan->dict) {
        right = troupe_q_ref(TRP_Q_ITEMS(columns)[0]);
    } else {
        right =
            trp_eq_pair(q, TROUPE_Q_TABLE, names_of(q, plan->column_names, plan->columns),
                        troupe_q_ref(columns));
    }
    return trp_eq_pair(q, TROUPE_Q_DICT, left, right);
}

static qv *grouped(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *rows)
{
    qv *keys = NULL;
    qv *lists = NULL;
    qv *v = NULL;

    if (!make_groups(q, plan, rows, &keys, &lists)) {
        return NULL;
    }
    if (plan->columns == 0) {
        v = last_rows(q, plan, keys, lists);
    } else {
        qv *columns = group_columns(q, plan, lists);
        if (columns != NULL && plan->kind == TRP_EQ_EXEC) {
            v = exec_by(q, plan, keys, columns);
        } else if (columns != NULL) {
            qv *values = trp_eq_pair(q, TROUPE_Q_TABLE,
                                     names_of(q, plan->column_names, plan->columns),
                                     troupe_q_ref(columns));
            v = values != NULL ? trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(keys), values)
                               : NULL;
        }
        trp_eq_drop(columns);
    }
    trp_eq_drop(keys);
    trp_eq_drop(lists);
    return v;
}

/* Column `name` of *table gets value at the rows (NULL: all). */
static bool put_column(struct trp_embedq *q, qv **table, const char *name, qv *rows,
                       qv *value)
{
    size_t n = trp_eq_len(*table);
    int64_t at = trp_eq_find_column(*table, name);
    qv *column = at >= 0 ? troupe_q_ref(TRP_Q_ITEMS(TRP_Q_ITEMS(*table)[1])[at]) : NULL;
    bool good = true;

    if (rows == NULL) {
        qv *list = trp_eq_v_enlist_mixed(q, value);
        trp_eq_drop(column);
        column = NULL;
        if (list != NULL && !trp_q_is_list(value)) {
            qv *count = trp_eq_long(q, (int64_t)n);
            column = count != NULL ? trp_eq_v_take(q, count, value) : NULL;
            trp_eq_drop(count);
        } else if (list != NULL) {
            column = value->count == n ? troupe_q_ref(value) : trp_eq_fail(q, "length");
        }
        trp_eq_drop(list);
    } else {
        if (column == NULL) { /* new: nulls elsewhere */
            int type = value->type < 0 ? -value->type : value->type;
            qv *none = trp_eq_null_of(q, type);
            qv *count = none != NULL ? trp_eq_long(q, (int64_t)n) : NULL;
            column = count != NULL ? trp_eq_v_take(q, count, none) : NULL;
            trp_eq_drop(none);
            trp_eq_drop(count);
        }
        good = column != NULL && trp_eq_amend_at(q, &column, 1, &rows, NULL, value);
    }
    if (good && column != NULL && !trp_q_is_list(column) &&
        column->type != TROUPE_Q_TABLE) {
        good = trp_eq_fail(q, "type") != NULL;
    }
    good =
        good && column != NULL &&
        (trp_q_unique(table) == TROUPE_OK || trp_eq_oom(q) != NULL) &&
        (trp_q_unique(&TRP_Q_ITEMS(*table)[0]) == TROUPE_OK || trp_eq_oom(q) != NULL) &&
        (trp_q_unique(&TRP_Q_ITEMS(*table)[1]) == TROUPE_OK || trp_eq_oom(q) != NULL);
    if (!good) {
        trp_eq_drop(column);
        return false;
    }
    qv **columns = &TRP_Q_ITEMS(*table)[1];
    if (at >= 0) {
        trp_eq_drop(TRP_Q_ITEMS(*columns)[at]);
        TRP_Q_ITEMS(*columns)[at] = column;
        return true;
    }
    if (trp_q_reserve(&TRP_Q_ITEMS(*table)[0], 1) != TROUPE_OK ||
        trp_q_push(columns, &column) != TROUPE_OK) {
        trp_eq_drop(column);
        return trp_eq_oom(q) != NULL;
    }
    return trp_q_append(&TRP_Q_ITEMS(*table)[0], &name, 1) == TROUPE_OK ||
           trp_eq_oom(q) != NULL;
}

static bool update_rows(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *rows,
                        qv **table)
{
    struct trp_eq_scope scope = {.table = plan->table};
    bool good = true;

    scope.row = rows != NULL ? TRP_Q_LONGS(rows) : NULL;
    scope.rows = rows != NULL ? rows->count : trp_eq_len(plan->table);
    for (size_t i = 0; good && i < plan->columns; i++) {
        qv *v = eval_in(q, &scope, &plan->column[i]);
        good = v != NULL && put_column(q, table, plan->column_names[i], rows, v);
        trp_eq_drop(v);
    }
    trp_eq_scope_end(&scope);
    return good;
}

static qv *update(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *rows)
{
    qv *table = troupe_q_ref(plan->table);
    bool good = true;

    if (plan->by) {
        qv *keys = NULL;
        qv *lists = NULL;
        good = make_groups(q, plan, rows, &keys, &lists);
        for (size_t g = 0; good && g < lists->count; g++) {
            good = trp_eq_go_on(q) && update_rows(q, plan, TRP_Q_ITEMS(lists)[g], &table);
        }
        trp_eq_drop(keys);
        trp_eq_drop(lists);
    } else {
        good = update_rows(q, plan, rows, &table);
    }
    if (!good) {
        trp_eq_drop(table);
        return NULL;
    }
    qv *v = trp_eq_enkey(q, (int64_t)plan->keys, table);
    trp_eq_drop(table);
    return v;
}

static qv *delete_rows(struct trp_embedq *q, const struct trp_eq_plan *plan, qv *rows)
{
    qv *v = NULL;

    if (plan->columns != 0) {
        qv *names = names_of(q, plan->column_names, plan->columns);
        v = names != NULL ? trp_eq_drop_keys(q, plan->table, names) : NULL;
        trp_eq_drop(names);
    } else {
        qv *n = trp_eq_long(q, (int64_t)trp_eq_len(plan->table));
        qv *all = n != NULL ? trp_eq_v_til(q, n) : NULL;
        qv *left = all == NULL    ? NULL
                   : rows == NULL ? trp_eq_empty(q, TROUPE_Q_LONG)
                                  : trp_eq_v_except(q, all, rows);
        v = left != NULL ? trp_eq_index1(q, plan->table, left) : NULL;
        trp_eq_drop(n);
        trp_eq_drop(all);
        trp_eq_drop(left);
    }
    qv *keyed = v != NULL ? trp_eq_enkey(q, (int64_t)plan->keys, v) : NULL;
    trp_eq_drop(v);
    return keyed;
}

qv *trp_eq_run(struct trp_embedq *q, const struct trp_eq_plan *plan)
{
    bool all = true;
    qv *rows = filter(q, plan, &all);
    qv *v = NULL;

    if (q->failed) {
        trp_eq_drop(rows);
        return NULL;
    }
    if (plan->kind == TRP_EQ_UPDATE) {
        v = update(q, plan, rows);
    } else if (plan->kind == TRP_EQ_DELETE) {
        v = delete_rows(q, plan, rows);
    } else {
        v = plan->by ? grouped(q, plan, rows) : plain(q, plan, rows);
    }
    trp_eq_drop(rows);
    if (v != NULL && plan->distinct) {
        qv *once = trp_eq_v_distinct(q, v);
        trp_eq_drop(v);
        v = once;
    }
    return v;
}

qv *trp_eq_store(struct trp_embedq *q, qv *name, qv *moved)
{
    if (name == NULL || moved == NULL) {
        return moved;
    }
    bool good = trp_eq_set(q, trp_eq_context(q), TRP_Q_SYMS(name)[0], moved);
    trp_eq_drop(moved);
    return good ? troupe_q_ref(name) : NULL;
}
