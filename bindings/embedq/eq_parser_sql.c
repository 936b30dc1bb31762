/* SPDX-License-Identifier: MIT
 * eq_parser_sql.c - select, exec, update, delete, and table literals. */
#include <stdio.h>

#include "bindings/embedq/eq_parser.h"

/* The name an expression suggests for its column. */
static const char *suggested(const struct trp_eq_node *node)
{
    const char *name = NULL;

    if (node->kind == TRP_EQ_VAR) {
        const char *dot = strrchr(node->name, '.');
        return dot != NULL ? dot + 1 : node->name;
    }
    if (node->kind == TRP_EQ_ASSIGN || node->kind == TRP_EQ_FUNCTION ||
        node->kind == TRP_EQ_SQL_QUERY) {
        return NULL;
    }
    uint32_t first = node->kind == TRP_EQ_APPLY ? 1 : 0;
    for (uint32_t i = first; i < node->count && name == NULL; i++) {
        name = suggested(node->items[i]);
    }
    return name;
}

struct trp_eq_node *trp_eq_column(struct trp_eq_parser *p, const char **name)
{
    struct trp_eq_token next = trp_eq_peek(p);

    *name = NULL;
    if (p->token.kind == TRP_EQ_NAME && next.kind == TRP_EQ_OP && next.op == ':' &&
        next.op2 == 0) {
        if (trp_q_intern(trp_eq_token_text(p), p->token.size, name) != TROUPE_OK) {
            return (void *)trp_eq_oom(p->q);
        }
        trp_eq_advance(p);
        trp_eq_advance(p);
    }
    struct trp_eq_node *node = trp_eq_expression(p);
    if (node == NULL || node->kind == TRP_EQ_HOLE) {
        return trp_eq_unexpected(p);
    }
    if (*name == NULL) {
        const char *text = suggested(node);
        if (text == NULL || strcmp(text, "i") == 0) {
            text = "x";
        }
        if (trp_q_intern(text, strlen(text), name) != TROUPE_OK) {
            return (void *)trp_eq_oom(p->q);
        }
    }
    return node;
}

/* A name not among the first `count`: a, a1, a2 ... */
static bool distinct_name(struct trp_eq_parser *p, const char **names, uint32_t count)
{
    char text[TRP_EQ_NAME_MAX + 16];
    const char *base = names[count];

    for (uint32_t n = 1;; n++) {
        bool taken = false;
        for (uint32_t i = 0; i < count; i++) {
            taken = taken || names[i] == names[count];
        }
        if (!taken) {
            return true;
        }
        int size = snprintf(text, sizeof text, "%.255s%u", base, n);
        if (trp_q_intern(text, (size_t)size, &names[count]) != TROUPE_OK) {
            return trp_eq_oom(p->q) != NULL;
        }
    }
}

struct columns {
    const char **names;
    struct trp_eq_nodes nodes;
};

static bool add_column(struct trp_eq_parser *p, struct columns *columns)
{
    const char *name = NULL;
    struct trp_eq_node *node = trp_eq_column(p, &name);
    uint32_t n = columns->nodes.count;

    if (node == NULL) {
        return false;
    }
    if (n == TRP_EQ_COLUMNS_MAX) {
        return trp_eq_fail(p->q, "limit") != NULL;
    }
    if ((n & (n - 1)) == 0) { /* room runs out at powers of two */
        const char **names =
            trp_eq_arena(p, (n == 0 ? 2 : 2 * (size_t)n) * sizeof *names);
        if (names == NULL) {
            return false;
        }
        if (n != 0) {
            memcpy(names, columns->names, n * sizeof *names);
        }
        columns->names = names;
    }
    columns->names[n] = name;
    return distinct_name(p, columns->names, n) &&
           trp_eq_nodes_add(p, &columns->nodes, node);
}

static bool column_list(struct trp_eq_parser *p, enum trp_eq_stop stop,
                        struct columns *out)
{
    enum trp_eq_stop before = p->stop;

    p->stop = stop;
    for (;;) {
        if (!add_column(p, out)) {
            return false;
        }
        if (p->token.kind != TRP_EQ_OP || p->token.op != ',') {
            break;
        }
        trp_eq_advance(p);
    }
    p->stop = before;
    return true;
}

/* select[5] and select[5;>price] */
static bool limits(struct trp_eq_parser *p, struct trp_eq_sql *sql)
{
    if (!(p->token.kind == TRP_EQ_OPEN && p->token.op == '[')) {
        return true;
    }
    enum trp_eq_stop before = p->stop;
    p->stop = TRP_EQ_STOP_NONE;
    trp_eq_advance(p);
    bool ordered =
        p->token.kind == TRP_EQ_OP && (p->token.op == '<' || p->token.op == '>');
    if (!ordered) {
        sql->limit = trp_eq_expression(p);
        if (p->token.kind == TRP_EQ_SEMI) {
            trp_eq_advance(p);
            ordered = true;
        }
    }
    if (ordered) {
        sql->op = p->token.op == '>';
        trp_eq_advance(p);
        sql->order = trp_eq_expression(p);
    }
    p->stop = before;
    if (p->q->failed || !trp_eq_is_close(p, ']')) {
        return trp_eq_unexpected(p) != NULL;
    }
    trp_eq_advance(p);
    return true;
}

static bool phrases(struct trp_eq_parser *p, struct trp_eq_sql *sql)
{
    struct columns columns = {0};
    struct columns groups = {0};

    if (!limits(p, sql)) {
        return false;
    }
    if (trp_eq_is_word(p, "distinct")) {
        struct trp_eq_token next = trp_eq_peek(p);
        struct trp_eq_parser look = *p;
        trp_eq_advance(&look);
        bool alone = trp_eq_is_word(&look, "from") || next.kind == TRP_EQ_NAME;
        if (alone && sql->kind == TRP_EQ_SELECT) {
            sql->distinct = true;
            trp_eq_advance(p);
        }
    }
    if (!trp_eq_is_word(p, "from") && !trp_eq_is_word(p, "by") &&
        !column_list(p, TRP_EQ_STOP_COLUMN, &columns)) {
        return false;
    }
    if (trp_eq_is_word(p, "by")) {
        sql->by = true;
        trp_eq_advance(p);
        if (!column_list(p, TRP_EQ_STOP_COLUMN, &groups)) {
            return false;
        }
    }
    sql->columns = columns.nodes.count;
    sql->column = columns.nodes.items;
    sql->column_names = columns.names;
    sql->groups = groups.nodes.count;
    sql->group = groups.nodes.items;
    sql->group_names = groups.names;
    return true;
}

static bool conditions(struct trp_eq_parser *p, struct trp_eq_sql *sql)
{
    struct trp_eq_nodes wheres = {0};
    enum trp_eq_stop before = p->stop;

    p->stop = TRP_EQ_STOP_COMMA;
    do {
        trp_eq_advance(p);
        struct trp_eq_node *node = trp_eq_expression(p);
        if (!trp_eq_nodes_add(p, &wheres, node)) {
            return false;
        }
        if (node->kind == TRP_EQ_HOLE) {
            return trp_eq_unexpected(p) != NULL;
        }
    } while (p->token.kind == TRP_EQ_OP && p->token.op == ',');
    p->stop = before;
    sql->wheres = wheres.count;
    sql->where = wheres.items;
    return true;
}

struct trp_eq_node *trp_eq_query_term(struct trp_eq_parser *p, enum trp_eq_sql_kind kind)
{
    struct trp_eq_node *node = trp_eq_node(p, TRP_EQ_SQL_QUERY);
    struct trp_eq_sql *sql = trp_eq_arena(p, sizeof *sql);
    enum trp_eq_stop before = p->stop;

    if (node == NULL || sql == NULL) {
        return NULL;
    }
    sql->kind = (uint8_t)kind;
    node->sql = sql;
    trp_eq_advance(p);
    if (!phrases(p, sql)) {
        return NULL;
    }
    if (!trp_eq_is_word(p, "from")) {
        return trp_eq_unexpected(p);
    }
    trp_eq_advance(p);
    p->stop = TRP_EQ_STOP_FROM;
    sql->from = trp_eq_expression(p);
    p->stop = before;
    if (sql->from == NULL || sql->from->kind == TRP_EQ_HOLE) {
        return trp_eq_unexpected(p);
    }
    if (trp_eq_is_word(p, "where") && !conditions(p, sql)) {
        return NULL;
    }
    return node;
}

/* Columns up to the bracket, separated by semicolons. */
static bool literal_columns(struct trp_eq_parser *p, char close, struct columns *out)
{
    enum trp_eq_stop before = p->stop;

    p->stop = TRP_EQ_STOP_NONE;
    while (!trp_eq_is_close(p, close)) {
        if (!add_column(p, out)) {
            return false;
        }
        if (p->token.kind == TRP_EQ_SEMI) {
            trp_eq_advance(p);
        } else if (!trp_eq_is_close(p, close)) {
            return trp_eq_unexpected(p) != NULL;
        }
    }
    p->stop = before;
    trp_eq_advance(p);
    return true;
}

struct trp_eq_node *trp_eq_table_literal(struct trp_eq_parser *p)
{
    struct columns columns = {0};

    trp_eq_advance(p);
    trp_eq_advance(p);
    if (!literal_columns(p, ']', &columns)) {
        return NULL;
    }
    uint32_t keys = columns.nodes.count;
    if (p->token.kind == TRP_EQ_SEMI) {
        trp_eq_advance(p);
    }
    if (!literal_columns(p, ')', &columns)) {
        return NULL;
    }
    qv *names = trp_eq_new(p->q, TROUPE_Q_SYMBOL, columns.nodes.count);
    for (uint32_t i = 0; names != NULL && i < columns.nodes.count; i++) {
        TRP_Q_SYMS(names)[i] = columns.names[i];
    }
    struct trp_eq_node *holder = trp_eq_constant(p, names);
    if (holder == NULL) {
        return NULL;
    }
    holder->kind = TRP_EQ_MAKE_TABLE;
    holder->slot = (int32_t)keys;
    holder->items = columns.nodes.items;
    holder->count = columns.nodes.count;
    return holder;
}
