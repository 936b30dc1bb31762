/* SPDX-License-Identifier: MIT
 * eq_parser.h - the parts of the parser to each other. */
#ifndef TRP_BINDINGS_EMBEDQ_PARSER_H
#define TRP_BINDINGS_EMBEDQ_PARSER_H

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_lexer.h"

/* Where an expression ends besides ; and closing brackets. */
enum trp_eq_stop {
    TRP_EQ_STOP_NONE,
    TRP_EQ_STOP_COLUMN,
    TRP_EQ_STOP_FROM,
    TRP_EQ_STOP_COMMA
};

struct trp_eq_naming { /* of the lambda being parsed */
    struct trp_eq_naming *up;
    const char *names[TRP_EQ_SLOTS_MAX];
    uint32_t count;
    uint32_t used; /* how many of x y z */
    bool implicit;
    struct trp_eq_node *uses; /* of names, to be resolved at the end */
};

struct trp_eq_parser {
    struct trp_embedq *q;
    struct trp_eq_code *code;
    struct trp_eq_lexer lexer;
    struct trp_eq_token token;
    struct trp_eq_naming *naming;
    enum trp_eq_stop stop;
    int depth;
};

struct trp_eq_nodes { /* a list that grows */
    struct trp_eq_node **items;
    uint32_t count, room;
};

void *trp_eq_arena(struct trp_eq_parser *p, size_t size);
struct trp_eq_node *trp_eq_node(struct trp_eq_parser *p, enum trp_eq_node_kind kind);
struct trp_eq_node *trp_eq_constant(struct trp_eq_parser *p, qv *moved);
struct trp_eq_node *trp_eq_verb(struct trp_eq_parser *p, const struct trp_eq_builtin *b);
struct trp_eq_node *trp_eq_items(struct trp_eq_parser *p, enum trp_eq_node_kind kind,
                                 const struct trp_eq_nodes *nodes);
bool trp_eq_nodes_add(struct trp_eq_parser *p, struct trp_eq_nodes *nodes,
                      struct trp_eq_node *node);

void trp_eq_advance(struct trp_eq_parser *p);
struct trp_eq_token trp_eq_peek(const struct trp_eq_parser *p);
const char *trp_eq_token_text(const struct trp_eq_parser *p);
bool trp_eq_is_word(const struct trp_eq_parser *p, const char *word);
bool trp_eq_is_close(const struct trp_eq_parser *p, char bracket);
bool trp_eq_at_end(const struct trp_eq_parser *p); /* of an expression */
void *trp_eq_unexpected(struct trp_eq_parser *p);

/* expr; a hole when there is nothing. */
struct trp_eq_node *trp_eq_expression(struct trp_eq_parser *p);
/* One term with its brackets and iterators; *verb: it takes a left argument. */
struct trp_eq_node *trp_eq_term(struct trp_eq_parser *p, bool *verb);
/* Statements up to a closing bracket (0: the end), which is consumed. */
bool trp_eq_statements(struct trp_eq_parser *p, char close, struct trp_eq_nodes *out);
struct trp_eq_node *trp_eq_query_term(struct trp_eq_parser *p, enum trp_eq_sql_kind kind);
/* A column: `name:` or the name the expression suggests, and the expression. */
struct trp_eq_node *trp_eq_column(struct trp_eq_parser *p, const char **name);
struct trp_eq_node *trp_eq_table_literal(struct trp_eq_parser *p);
bool trp_eq_use_name(struct trp_eq_parser *p, struct trp_eq_node *node);
bool trp_eq_own_name(struct trp_eq_parser *p, const char *name); /* makes it local */

#endif
