/* SPDX-License-Identifier: MIT
 * tally.h - counters that one thread writes and any thread may read. For the writer they
 * cost what plain ones do. */
#ifndef TRP_ACTORS_TALLY_H
#define TRP_ACTORS_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

typedef atomic_uint_fast64_t trp_tally;

static inline uint64_t trp_tally_read(const trp_tally *tally)
{
    return atomic_load_explicit(tally, memory_order_relaxed);
}

/* Returns the new value. */
static inline uint64_t trp_tally_add(trp_tally *tally, uint64_t more)
{
    uint64_t value = atomic_load_explicit(tally, memory_order_relaxed) + more;

    atomic_store_explicit(tally, value, memory_order_relaxed);
    return value;
}

static inline void trp_tally_max(trp_tally *tally, uint64_t value)
{
    if (value > trp_tally_read(tally)) {
        atomic_store_explicit(tally, value, memory_order_relaxed);
    }
}

#endif
