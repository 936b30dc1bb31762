/* SPDX-License-Identifier: MIT
 * eq_query.h - a query, whether it was written as qSQL or as ?[t;c;b;a]. */
#ifndef TRP_BINDINGS_EMBEDQ_QUERY_H
#define TRP_BINDINGS_EMBEDQ_QUERY_H

#include "bindings/embedq/eq.h"

struct trp_eq_expr { /* one of the two */
    struct trp_eq_node *node;
    qv *tree;
};

struct trp_eq_plan {
    enum trp_eq_sql_kind kind;
    bool distinct, by, dict; /* dict: exec answers a dictionary even for one column */
    qv *table;               /* flat; owned by the caller */
    size_t keys;             /* it had */
    size_t columns, groups, wheres;
    const char *const *column_names, *const *group_names;
    const struct trp_eq_expr *column, *group, *where;
};

/* Borrowed table in, new value out (for update and delete: the whole table). */
qv *trp_eq_run(struct trp_embedq *q, const struct trp_eq_plan *plan);
/* Stores the answer of update and delete under the name they were given, if any. */
qv *trp_eq_store(struct trp_embedq *q, qv *name, qv *moved);
void trp_eq_scope_end(struct trp_eq_scope *scope);

#endif
