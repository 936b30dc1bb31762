/* SPDX-License-Identifier: MIT
 * eq_functional.c - qSQL trees and ?[t;c;b;a] ![t;c;b;a] to plans; parse trees evaluated.
 */
#include "bindings/embedq/eq_query.h"
#include "bindings/embedq/eq_verbs.h"

static qv *named_table(struct trp_embedq *q, qv *x, qv **name)
{
    *name = x->type == -TROUPE_Q_SYMBOL ? x : NULL;
    return *name != NULL ? trp_eq_get(q, trp_eq_context(q), TRP_Q_SYMS(x)[0])
                         : troupe_q_ref(x);
}

static bool set_table(struct trp_embedq *q, struct trp_eq_plan *plan, qv *table)
{
    plan->keys = trp_q_is_keyed(table) ? TRP_Q_ITEMS(TRP_Q_ITEMS(table)[0])[0]->count : 0;
    plan->table = trp_eq_flat(q, table);
    if (plan->table != NULL && plan->table->type != TROUPE_Q_TABLE) {
        troupe_q_unref(&plan->table);
        return trp_eq_fail(q, "type") != NULL;
    }
    return plan->table != NULL;
}

/* select[n;>c] */
static qv *limited(struct trp_embedq *q, const struct trp_eq_sql *sql, qv *moved)
{
    if (moved != NULL && sql->order != NULL && sql->order->kind == TRP_EQ_VAR) {
        qv *name = trp_eq_made(q, trp_q_of_symbol(sql->order->name));
        qv *v = name == NULL ? NULL
                : sql->op    ? trp_eq_v_xdesc(q, name, moved)
                             : trp_eq_v_xasc(q, name, moved);
        trp_eq_drop(name);
        trp_eq_drop(moved);
        moved = v;
    }
    if (moved != NULL && sql->limit != NULL && sql->limit->kind != TRP_EQ_HOLE) {
        qv *n = trp_eq_eval(q, sql->limit);
        qv *v = n != NULL ? trp_eq_v_sublist(q, n, moved) : NULL;
        trp_eq_drop(n);
        trp_eq_drop(moved);
        moved = v;
    }
    return moved;
}

static struct trp_eq_expr *nodes(struct trp_embedq *q, struct trp_eq_node **from,
                                 size_t count)
{
    struct trp_eq_expr *exprs = trp_calloc(count + 1, sizeof *exprs);

    for (size_t i = 0; exprs != NULL && i < count; i++) {
        exprs[i].node = from[i];
    }
    return exprs != NULL ? exprs : (void *)trp_eq_oom(q);
}

qv *trp_eq_query(struct trp_embedq *q, struct trp_eq_node *node)
{
    const struct trp_eq_sql *sql = node->sql;
    struct trp_eq_expr *column = nodes(q, sql->column, sql->columns);
    struct trp_eq_expr *group = nodes(q, sql->group, sql->groups);
    struct trp_eq_expr *where = nodes(q, sql->where, sql->wheres);
    struct trp_eq_plan plan = {.kind = (enum trp_eq_sql_kind)sql->kind,
                               .distinct = sql->distinct,
                               .by = sql->by,
                               .columns = sql->columns,
                               .groups = sql->groups,
                               .wheres = sql->wheres,
                               .column_names = sql->column_names,
                               .group_names = sql->group_names,
                               .column = column,
                               .group = group,
                               .where = where};
    qv *name = NULL;
    qv *v = NULL;

    qv *from = column != NULL && group != NULL && where != NULL && trp_eq_deep(q)
                   ? trp_eq_eval(q, sql->from)
                   : NULL;
    qv *table = from != NULL ? named_table(q, from, &name) : NULL;
    if (table != NULL && set_table(q, &plan, table)) {
        v = trp_eq_run(q, &plan);
        bool store = sql->kind == TRP_EQ_UPDATE || sql->kind == TRP_EQ_DELETE;
        v = store ? trp_eq_store(q, name, v) : limited(q, sql, v);
    }
    trp_eq_drop(plan.table);
    trp_eq_drop(table);
    trp_eq_drop(from);
    trp_free(column);
    trp_free(group);
    trp_free(where);
    return v;
}

/* ---- parse trees ---- */

static qv *tree_name(struct trp_embedq *q, const char *name)
{
    struct trp_eq_frame *frame = q->frame;

    if (frame->scope != NULL) {
        qv *column = trp_eq_scope_find(q, frame->scope, name);
        if (column != NULL || q->failed) {
            return column;
        }
    }
    for (uint32_t i = 0; frame->lambda != NULL && i < frame->lambda->slots; i++) {
        if (frame->lambda->names[i] == name && frame->slots[i] != NULL) {
            return troupe_q_ref(frame->slots[i]);
        }
    }
    const struct trp_eq_builtin *b = trp_eq_builtin(q, name, strlen(name));
    return b != NULL ? trp_eq_builtin_value(q, b)
                     : trp_eq_get(q, trp_eq_context(q), name);
}

static qv *apply_tree(struct trp_embedq *q, qv *tree)
{
    qv *args[TRP_EQ_ARGS_MAX] = {0};
    size_t count = tree->count - 1;
    qv *f = NULL;
    qv *v = NULL;
    bool good = count <= TRP_EQ_ARGS_MAX || trp_eq_fail(q, "rank");

    for (size_t i = count; good && i-- > 0;) {
        qv *item = trp_eq_made(q, trp_q_at(tree, i + 1));
        args[i] = item != NULL ? trp_eq_eval_tree(q, item) : NULL;
        trp_eq_drop(item);
        good = args[i] != NULL;
    }
    if (good) {
        qv *head = trp_eq_made(q, trp_q_at(tree, 0));
        f = head != NULL ? trp_eq_eval_tree(q, head) : NULL;
        trp_eq_drop(head);
        v = f != NULL ? trp_eq_apply(q, f, count, args) : NULL;
    }
    for (size_t i = 0; i < count && i < TRP_EQ_ARGS_MAX; i++) {
        trp_eq_drop(args[i]);
    }
    trp_eq_drop(f);
    return v;
}

qv *trp_eq_eval_tree(struct trp_embedq *q, qv *tree)
{
    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    if (tree->type == -TROUPE_Q_SYMBOL) {
        const char *name = TRP_Q_SYMS(tree)[0];
        return name[0] == 0 ? troupe_q_ref(tree) : tree_name(q, name);
    }
    if (tree->type == TROUPE_Q_SYMBOL && tree->count == 1) {
        return trp_eq_made(q, trp_q_of_symbol(TRP_Q_SYMS(tree)[0]));
    }
    if (tree->type == TROUPE_Q_LIST && tree->count == 1) {
        return troupe_q_ref(TRP_Q_ITEMS(tree)[0]);
    }
    bool call = (tree->type == TROUPE_Q_SYMBOL && tree->count > 1) ||
                (tree->type == TROUPE_Q_LIST && tree->count > 1);
    return call ? apply_tree(q, tree) : troupe_q_ref(tree);
}

/* ---- functional forms ---- */

struct trees {
    qv *names;
    struct trp_eq_expr *exprs;
    qv *items;
    size_t count;
};

static void trees_end(struct trees *t)
{
    trp_eq_drop(t->names);
    trp_eq_drop(t->items);
    trp_free(t->exprs);
}

/* A dictionary of names to trees, a list of trees, or one. */
static bool trees_of(struct trp_embedq *q, qv *x, struct trees *out)
{
    *out = (struct trees){0};
    if (trp_q_is_dict(x)) {
        out->names = troupe_q_ref(TRP_Q_ITEMS(x)[0]);
        out->items = trp_eq_explode(q, TRP_Q_ITEMS(x)[1]);
        if (out->names->type != TROUPE_Q_SYMBOL) {
            return trp_eq_fail(q, "type") != NULL;
        }
    } else if (x->type == TROUPE_Q_SYMBOL) {
        out->names = troupe_q_ref(x);
        out->items = trp_eq_explode(q, x);
    } else {
        out->items =
            trp_q_is_list(x) ? trp_eq_explode(q, x) : trp_eq_v_enlist_mixed(q, x);
    }
    if (out->items == NULL) {
        return false;
    }
    out->count = out->items->count;
    out->exprs = trp_calloc(out->count + 1, sizeof *out->exprs);
    for (size_t i = 0; out->exprs != NULL && i < out->count; i++) {
        out->exprs[i].tree = TRP_Q_ITEMS(out->items)[i];
    }
    return out->exprs != NULL || trp_eq_oom(q) != NULL;
}

static bool is_false(const qv *x)
{
    return x->type == -TROUPE_Q_BOOLEAN && TRP_Q_BYTES(x)[0] == 0;
}

static bool empty_list(const qv *x)
{
    return trp_q_is_list(x) && x->count == 0;
}

/* The conditions; one condition may stand by itself: (>;`m;1) or enlist(>;`m;1). */
static bool conditions(struct trp_embedq *q, qv *x, struct trees *out)
{
    bool one = x->type == TROUPE_Q_LIST && x->count > 1 &&
               (trp_q_is_function(TRP_Q_ITEMS(x)[0]) ||
                TRP_Q_ITEMS(x)[0]->type == -TROUPE_Q_SYMBOL);

    if (one) {
        qv *list = trp_eq_v_enlist_mixed(q, x);
        bool good = list != NULL && trees_of(q, list, out);
        trp_eq_drop(list);
        return good;
    }
    return trees_of(q, x, out);
}

static const char *const *names_in(const struct trees *t)
{
    return t->names != NULL ? (const char *const *)TRP_Q_SYMS(t->names) : NULL;
}

/* The answer of exec may be one tree: `a or (sum;`a). */
static bool one_tree(const qv *x)
{
    return !trp_q_is_dict(x) && !empty_list(x) && x->type != TROUPE_Q_SYMBOL;
}

static qv *functional(struct trp_embedq *q, size_t count, qv **args, bool change)
{
    struct trees where = {0}, group = {0}, column = {0};
    struct trp_eq_plan plan = {.kind = change ? TRP_EQ_UPDATE : TRP_EQ_SELECT};
    qv *name = NULL;
    qv *v = NULL;
    qv *table = named_table(q, args[0], &name);
    qv *by = args[2];
    qv *what = args[3];
    bool single = one_tree(what);

    if (table == NULL) {
        return NULL;
    }
    qv *list = single ? trp_eq_v_enlist_mixed(q, what) : troupe_q_ref(what);
    plan.by = trp_q_is_dict(by) && TRP_Q_ITEMS(by)[0]->count > 0;
    if (change && (what->type == TROUPE_Q_SYMBOL || empty_list(what))) {
        plan.kind = TRP_EQ_DELETE;
    } else if (!change && !plan.by && !is_false(by) && by->type != -TROUPE_Q_BOOLEAN) {
        plan.kind = TRP_EQ_EXEC;
        plan.by = !empty_list(by) && !trp_q_is_generic_null(by);
        plan.dict = !single;
    }
    qv *groups =
        plan.by && !trp_q_is_dict(by) ? trp_eq_v_enlist(q, by) : troupe_q_ref(by);
    bool good = list != NULL && groups != NULL && conditions(q, args[1], &where) &&
                (!plan.by || trees_of(q, groups, &group)) && trees_of(q, list, &column);
    bool unnamed = single && (plan.kind == TRP_EQ_SELECT || plan.kind == TRP_EQ_UPDATE);
    good = good && (!unnamed || trp_eq_fail(q, "type"));
    good = good && set_table(q, &plan, table) && count <= 6;
    if (good) {
        plan.wheres = where.count;
        plan.where = where.exprs;
        plan.groups = plan.by ? group.count : 0;
        plan.group = group.exprs;
        plan.group_names = names_in(&group);
        plan.columns = column.count;
        plan.column = column.exprs;
        plan.column_names = names_in(&column);
        v = trp_eq_run(q, &plan);
        v = change ? trp_eq_store(q, name, v) : v;
    }
    trp_eq_drop(plan.table);
    trp_eq_drop(groups);
    trp_eq_drop(list);
    trees_end(&where);
    trees_end(&group);
    trees_end(&column);
    trp_eq_drop(table);
    return v;
}

/* A namespace: ![`.;();0b;names] deletes globals. */
static qv *delete_names(struct trp_embedq *q, const char *space, qv *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!trp_eq_unset(q, strlen(space) <= 1 ? "" : space, TRP_Q_SYMS(names)[i])) {
            return NULL;
        }
    }
    return trp_eq_symbol(q, space, strlen(space));
}

qv *trp_eq_v_select(struct trp_embedq *q, size_t count, qv **args)
{
    if (count == 3) { /* ?[bools;x;y] */
        qv *v = trp_q_is_list(args[0]) ? trp_eq_new(q, TROUPE_Q_LIST, args[0]->count)
                                       : trp_eq_fail(q, "type");
        for (size_t i = 0; v != NULL && i < args[0]->count; i++) {
            int64_t yes = 0;
            bool known = troupe_q_get_long(args[0], i, &yes) == TROUPE_OK;
            qv *from = args[yes != 0 ? 1 : 2];
            bool list = trp_q_is_list(from);
            bool inside = known && (!list || from->count == args[0]->count);
            TRP_Q_ITEMS(v)
            [i] = !inside ? trp_eq_fail(q, known ? "length" : "type")
                  : list  ? trp_eq_made(q, trp_q_at(from, i))
                          : troupe_q_ref(from);
            if (TRP_Q_ITEMS(v)[i] == NULL) {
                trp_eq_drop(v);
                return NULL;
            }
        }
        return trp_eq_simple(q, v);
    }
    return count >= 4 ? functional(q, count, args, false) : trp_eq_fail(q, "rank");
}

qv *trp_eq_v_change(struct trp_embedq *q, size_t count, qv **args)
{
    if (count != 4) {
        return trp_eq_fail(q, "rank");
    }
    bool space = args[0]->type == -TROUPE_Q_SYMBOL && args[3]->type == TROUPE_Q_SYMBOL &&
                 trp_eq_is_space(q, TRP_Q_SYMS(args[0])[0]);
    return space ? delete_names(q, TRP_Q_SYMS(args[0])[0], args[3])
                 : functional(q, count, args, true);
}
