/* SPDX-License-Identifier: MIT
 * pool.h - blocks of a few sizes, kept by the thread that made them.
 *
 * Each thread has a pool. A block freed on another thread waits in a chain there and goes
 * home in one piece (trp_pool_flush, or when TRP_POOL_CHAIN have gathered). A thread that
 * ends leaves its pool to the next one that starts.
 *
 * A block is preceded by nothing: its owner must remember the size class and the home,
 * as messages and timers do in their headers. */
#ifndef TRP_MAILBOX_POOL_H
#define TRP_MAILBOX_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox/alloc.h"

enum {
    TRP_POOL_CLASSES = 6, /* 64, 128, 192, 256, 512, 1024 bytes */
    TRP_POOL_NONE = 255,  /* class of a block that came from trp_alloc */
    TRP_POOL_KEEP =
        8192, /* free blocks a class keeps; the rest goes back to the system */
    TRP_POOL_CHAIN = 64,
    TRP_POOLS_MAX = 1024 /* threads with a pool; others use trp_alloc */
};

struct trp_pool_block {
    struct trp_pool_block *next;
};

struct trp_pool_class {
    struct trp_pool_block *free;
    int32_t
        count; /* blocks in `free`, less those that came home together: a lower bound */
    int32_t keep; /* 0 while a test makes allocations fail */
};

struct trp_pool {
    struct trp_pool_class classes[TRP_POOL_CLASSES];
    uint16_t home; /* index of this pool, from 1 */
};

extern _Thread_local struct trp_pool *trp_pool_mine;

/* Slow paths; use the inline functions below. */
void *trp_pool_refill(unsigned class, uint16_t *home);
void trp_pool_free_slow(void *block, unsigned class, uint16_t home);

/* Sends every gathered foreign block home; called at the end of a pass. */
void trp_pool_flush(void);

/* While on, this thread's blocks all come from and go to trp_alloc. */
void trp_pool_bypass(bool on);

/* The smallest class that holds `size` bytes, or TRP_POOL_NONE. */
static inline unsigned trp_pool_class_of(size_t size)
{
    if (size <= 256) {
        return size <= 64 ? 0 : (unsigned)((size + 63) / 64 - 1);
    }
    return size <= 512 ? 4 : size <= 1024 ? 5 : (unsigned)TRP_POOL_NONE;
}

size_t trp_pool_class_size(unsigned class);

/* A block of a class; *home says where it must go back to. NULL: no memory. */
static inline void *trp_pool_get(unsigned class, uint16_t *home)
{
    struct trp_pool *pool = trp_pool_mine;

    if (TRP_LIKELY(pool != NULL)) {
        struct trp_pool_block *block = pool->classes[class].free;
        if (TRP_LIKELY(block != NULL)) {
            pool->classes[class].free = block->next;
            pool->classes[class].count--;
            *home = pool->home;
            return block;
        }
    }
    return trp_pool_refill(class, home);
}

static inline void trp_pool_put(void *memory, unsigned class, uint16_t home)
{
    struct trp_pool *pool = trp_pool_mine;

    if (TRP_LIKELY(pool != NULL && pool->home == home &&
                   pool->classes[class].count < pool->classes[class].keep)) {
        struct trp_pool_block *block = memory;
        block->next = pool->classes[class].free;
        pool->classes[class].free = block;
        pool->classes[class].count++;
        return;
    }
    trp_pool_free_slow(memory, class, home);
}

#endif
