/* SPDX-License-Identifier: MIT
 * gate.h - many threads put, one takes all: the only lock-free code.
 *
 * A stack pushed by compare-and-swap and taken whole by exchange. Links are the first
 * word of each item. What one thread put stays in order; the taker gets the oldest
 * first. */
#ifndef TRP_MAILBOX_GATE_H
#define TRP_MAILBOX_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct trp_gate_link {
    struct trp_gate_link *next;
};

struct trp_gate {
    _Atomic(struct trp_gate_link *) top; /* put: release, take: acquire */
};

static inline void trp_gate_init(struct trp_gate *gate)
{
    atomic_init(&gate->top, NULL);
}

/* Puts a chain, newest first: newest->next ... oldest. Returns whether the gate was
 * empty, that is, whether the taker must be woken. */
static inline bool trp_gate_put_chain(struct trp_gate *gate, struct trp_gate_link *newest,
                                      struct trp_gate_link *oldest)
{
    struct trp_gate_link *top = atomic_load_explicit(&gate->top, memory_order_relaxed);

    do {
        oldest->next = top;
        /* seq_cst: pairs with the taker's "asleep, look again" in base.c and
         * engine_thread.c */
    } while (!atomic_compare_exchange_weak_explicit(
        &gate->top, &top, newest, memory_order_seq_cst, memory_order_relaxed));
    return top == NULL;
}

static inline bool trp_gate_put(struct trp_gate *gate, struct trp_gate_link *item)
{
    return trp_gate_put_chain(gate, item, item);
}

static inline bool trp_gate_is_empty(struct trp_gate *gate)
{
    return atomic_load_explicit(&gate->top, memory_order_seq_cst) == NULL;
}

/* Takes everything, newest first; NULL when empty. */
static inline struct trp_gate_link *trp_gate_take_stack(struct trp_gate *gate)
{
    if (atomic_load_explicit(&gate->top, memory_order_relaxed) == NULL) {
        return NULL;
    }
    return atomic_exchange_explicit(&gate->top, NULL, memory_order_acquire);
}

/* Takes everything, oldest first; NULL when empty. */
static inline struct trp_gate_link *trp_gate_take(struct trp_gate *gate)
{
    struct trp_gate_link *item = trp_gate_take_stack(gate);
    struct trp_gate_link *oldest = NULL;
    while (item != NULL) {
        struct trp_gate_link *next = item->next;
        item->next = oldest;
        oldest = item;
        item = next;
    }
    return oldest;
}

#endif
