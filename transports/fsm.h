/* SPDX-License-Identifier: MIT
 * fsm.h - a table of phases; moving along an arrow that was not drawn asserts. */
#ifndef TRP_TRANSPORTS_FSM_H
#define TRP_TRANSPORTS_FSM_H

#include <assert.h>
#include <stdint.h>

struct trp_phase {
    const char *name;
    uint32_t next; /* TRP_TO(phase) of each phase that may follow */
};

#define TRP_TO(phase) (UINT32_C(1) << (phase))

static inline void trp_fsm_move(const struct trp_phase *table, uint8_t *phase, uint8_t to)
{
    assert((table[*phase].next & TRP_TO(to)) != 0);
    (void)table;
    *phase = to;
}

#endif
