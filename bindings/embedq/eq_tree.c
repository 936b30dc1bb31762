/* SPDX-License-Identifier: MIT
 * eq_tree.c - `parse`: the syntax tree of a text as a value that `eval` takes. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

/* Puts a made item at place i; false: it failed. */
static bool put(qv *list, size_t i, qv *item)
{
    TRP_Q_ITEMS(list)[i] = item;
    return item != NULL;
}

static qv *tree_of_items(struct trp_embedq *q, qv *head, struct trp_eq_node *const *items,
                         uint32_t count)
{
    qv *list = head != NULL ? trp_eq_new(q, TROUPE_Q_LIST, count + (size_t)1) : NULL;
    bool good = list != NULL;

    if (!good) {
        trp_eq_drop(head);
        return NULL;
    }
    TRP_Q_ITEMS(list)[0] = head;
    for (uint32_t i = 0; good && i < count; i++) {
        good = put(list, i + (size_t)1, trp_eq_tree(q, items[i]));
    }
    if (!good) {
        trp_eq_drop(list);
        return NULL;
    }
    return trp_eq_simple(q, list);
}

static qv *named_verb(struct trp_embedq *q, const char *name)
{
    return trp_eq_builtin_value(q, trp_eq_builtin(q, name, strlen(name)));
}

static qv *constant(struct trp_embedq *q, qv *v)
{
    if (v->type == -TROUPE_Q_SYMBOL) {
        return trp_eq_v_enlist(q, v);
    }
    return v->type == TROUPE_Q_SYMBOL ? trp_eq_v_enlist_mixed(q, v) : troupe_q_ref(v);
}

static qv *assignment(struct trp_embedq *q, const struct trp_eq_node *node)
{
    if (node->count != 2 || node->builtin != NULL) {
        return trp_eq_nyi(q, "parse of an indexed assignment");
    }
    return tree_of_items(q, named_verb(q, ":"), node->items, 2);
}

static qv *derived(struct trp_embedq *q, const struct trp_eq_node *node)
{
    qv *f = trp_eq_tree(q, node->items[0]);

    if (f != NULL && trp_q_is_function(f)) {
        qv *v = trp_q_of_parts(TROUPE_Q_EACH + node->op, 1, &f);
        if (v == NULL) {
            trp_eq_drop(f);
        }
        return trp_eq_made(q, v);
    }
    qv *iterator = f != NULL ? trp_q_of_code(TROUPE_Q_ITERATOR, node->op) : NULL;
    return trp_eq_pair(q, TROUPE_Q_LIST, iterator, f);
}

static qv *trees(struct trp_embedq *q, struct trp_eq_node *const *nodes, uint32_t count)
{
    qv *list = trp_eq_new(q, TROUPE_Q_LIST, count);

    for (uint32_t i = 0; list != NULL && i < count; i++) {
        if (!put(list, i, trp_eq_tree(q, nodes[i]))) {
            trp_eq_drop(list);
            return NULL;
        }
    }
    return list;
}

static qv *names_and_trees(struct trp_embedq *q, const char *const *names,
                           struct trp_eq_node *const *nodes, uint32_t count)
{
    qv *keys = trp_eq_new(q, TROUPE_Q_SYMBOL, count);
    qv *values = keys != NULL ? trees(q, nodes, count) : NULL;

    for (uint32_t i = 0; values != NULL && i < count; i++) {
        TRP_Q_SYMS(keys)[i] = names[i];
    }
    return trp_eq_pair(q, TROUPE_Q_DICT, keys, trp_eq_simple(q, values));
}

static qv *query(struct trp_embedq *q, const struct trp_eq_sql *sql)
{
    bool change = sql->kind == TRP_EQ_UPDATE || sql->kind == TRP_EQ_DELETE;
    qv *list = sql->limit != NULL || sql->order != NULL || sql->distinct
                   ? trp_eq_nyi(q, "parse of select[...] or select distinct")
                   : trp_eq_new(q, TROUPE_Q_LIST, 5);

    if (list == NULL) {
        return NULL;
    }
    qv *where = sql->wheres != 0 ? trees(q, sql->where, sql->wheres) : NULL;
    bool good =
        put(list, 0, named_verb(q, change ? "!" : "?")) &&
        put(list, 1, trp_eq_tree(q, sql->from)) &&
        put(list, 2,
            sql->wheres == 0 ? trp_eq_empty(q, TROUPE_Q_LIST)
            : where == NULL  ? NULL
                             : trp_eq_v_enlist_mixed(q, where)) &&
        put(list, 3,
            sql->by ? names_and_trees(q, sql->group_names, sql->group, sql->groups)
            : sql->kind == TRP_EQ_EXEC ? trp_eq_empty(q, TROUPE_Q_LIST)
                                       : trp_eq_bool(q, false));
    if (good && sql->kind == TRP_EQ_DELETE && sql->columns != 0) {
        qv *names = trp_eq_new(q, TROUPE_Q_SYMBOL, sql->columns);
        for (uint32_t i = 0; names != NULL && i < sql->columns; i++) {
            TRP_Q_SYMS(names)[i] = sql->column_names[i];
        }
        good = names != NULL && put(list, 4, trp_eq_v_enlist_mixed(q, names));
        trp_eq_drop(names);
    } else if (good && sql->columns == 0) {
        good = put(list, 4, trp_eq_empty(q, TROUPE_Q_LIST));
    } else if (good && sql->kind == TRP_EQ_EXEC && sql->columns == 1) {
        good = put(list, 4, trp_eq_tree(q, sql->column[0]));
    } else if (good) {
        good = put(list, 4,
                   names_and_trees(q, sql->column_names, sql->column, sql->columns));
    }
    trp_eq_drop(where);
    if (!good) {
        trp_eq_drop(list);
        return NULL;
    }
    return list;
}

qv *trp_eq_tree(struct trp_embedq *q, const struct trp_eq_node *node)
{
    if (!trp_eq_deep(q)) {
        return NULL;
    }
    switch ((enum trp_eq_node_kind)node->kind) {
    case TRP_EQ_CONST:
        return constant(q, node->value);
    case TRP_EQ_VERB:
    case TRP_EQ_FUNCTION:
        return troupe_q_ref(node->value);
    case TRP_EQ_VAR:
        return trp_eq_made(q, trp_q_of_symbol(node->name));
    case TRP_EQ_APPLY:
    case TRP_EQ_COMPOSE:
        return tree_of_items(q, trp_eq_tree(q, node->items[0]), node->items + 1,
                             node->count - 1);
    case TRP_EQ_MAKE_LIST:
        return tree_of_items(q, named_verb(q, "enlist"), node->items, node->count);
    case TRP_EQ_ASSIGN:
        return assignment(q, node);
    case TRP_EQ_DERIVE:
        return derived(q, node);
    case TRP_EQ_COND:
        return tree_of_items(q, named_verb(q, "$"), node->items, node->count);
    case TRP_EQ_SEQ:
        return node->count == 1 ? trp_eq_tree(q, node->items[0])
                                : trp_eq_nyi(q, "parse of several statements");
    case TRP_EQ_SQL_QUERY:
        return query(q, node->sql);
    case TRP_EQ_HOLE:
        return trp_eq_null(q);
    default:
        return trp_eq_nyi(q, "parse of this construct");
    }
}

qv *trp_eq_v_parse(struct trp_embedq *q, qv *x)
{
    size_t size = 0;
    const char *text = x->type == TROUPE_Q_CHAR || x->type == -TROUPE_Q_CHAR
                           ? troupe_q_text(x, &size)
                           : NULL;
    struct trp_eq_code *code =
        text != NULL ? trp_eq_compile(q, q->context, text, size) : NULL;

    if (code == NULL) {
        return trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_tree(q, code->root);
    trp_eq_code_unref(code);
    return v;
}
