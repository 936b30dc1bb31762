/* SPDX-License-Identifier: MIT
 * eq_arith.h - atomic verbs of two arguments. */
#ifndef TRP_BINDINGS_EMBEDQ_ARITH_H
#define TRP_BINDINGS_EMBEDQ_ARITH_H

#include "bindings/embedq/eq.h"

enum trp_eq_op {
    TRP_EQ_ADD,
    TRP_EQ_SUB,
    TRP_EQ_MUL,
    TRP_EQ_QUOTIENT,
    TRP_EQ_MIN,
    TRP_EQ_MAX,
    TRP_EQ_FILL,
    TRP_EQ_EQ,
    TRP_EQ_NE,
    TRP_EQ_LT,
    TRP_EQ_GT,
    TRP_EQ_LE,
    TRP_EQ_GE,
    TRP_EQ_DIV,
    TRP_EQ_MOD,
    TRP_EQ_BAR,
    TRP_EQ_POWER,
    TRP_EQ_LOGARITHM,
    TRP_EQ_OPS
};

qv *trp_eq_arith_flat(struct trp_embedq *q, int op, qv *x, qv *y);
qv *trp_eq_arith(struct trp_embedq *q, int op, qv *x, qv *y);

#endif
