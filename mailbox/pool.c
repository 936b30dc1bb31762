/* SPDX-License-Identifier: MIT
 * pool.c - refilling, foreign frees, and what happens to a pool when its thread ends. */
#include "mailbox/pool.h"

#include <pthread.h>
#include <stdatomic.h>

#include "mailbox/gate.h"

#if defined(__SANITIZE_ADDRESS__) || defined(TRP_POOL_OFF)
#define POOL_KEEP                                                                        \
    0 /* every block is a separate allocation, so that ASan sees its life                \
       */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_KEEP 0
#endif
#endif
#ifndef POOL_KEEP
#define POOL_KEEP TRP_POOL_KEEP
#endif

enum { REFILL = 32 };

/* A pool and the two ends of its traffic with other threads. Never freed: a pool outlives
 * its thread in `table` and is handed to a later one. */
struct pool {
    struct trp_pool own;
    struct trp_gate returns[TRP_POOL_CLASSES]; /* blocks coming home */
    struct {
        struct trp_gate_link *newest, *oldest;
        uint32_t count;
    } away[TRP_POOL_CLASSES]; /* foreign blocks gathered here, all of one home */
    uint16_t away_home[TRP_POOL_CLASSES];
    bool in_use; /* under table_lock */
};

_Thread_local struct trp_pool *trp_pool_mine;
static _Thread_local bool bypassed;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER; /* thread start and end */
static _Atomic(struct pool *) table[TRP_POOLS_MAX + 1]; /* set once; read by any thread */
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

static const uint16_t sizes[TRP_POOL_CLASSES] = {64, 128, 192, 256, 512, 1024};

size_t trp_pool_class_size(unsigned class)
{
    return sizes[class];
}

static void leave(void *memory)
{
    struct pool *pool = memory;

    trp_pool_flush();
    trp_pool_mine = NULL;
    (void)pthread_mutex_lock(&table_lock);
    pool->in_use = false;
    (void)pthread_mutex_unlock(&table_lock);
}

static void make_key(void)
{
    (void)pthread_key_create(&end_key, leave);
}

static struct pool *make(uint16_t home)
{
    /* Not counted by the failure switch: a pool belongs to the thread, not to a test. */
    struct pool *pool = NULL;
    bool armed = trp_fail_armed();

    if (!armed) {
        pool = trp_calloc(1, sizeof(*pool));
    }
    if (pool != NULL) {
        pool->own.home = home;
        for (unsigned i = 0; i < TRP_POOL_CLASSES; i++) {
            trp_gate_init(&pool->returns[i]);
            pool->own.classes[i].keep = POOL_KEEP;
        }
        atomic_store_explicit(&table[home], pool, memory_order_release);
    }
    return pool;
}

/* Finds or makes this thread's pool; NULL when there are too many threads. */
static struct pool *adopt(void)
{
    struct pool *found = NULL;

    (void)pthread_once(&end_once, make_key);
    (void)pthread_mutex_lock(&table_lock);
    for (uint16_t home = 1; home <= TRP_POOLS_MAX && found == NULL; home++) {
        struct pool *pool = atomic_load_explicit(&table[home], memory_order_relaxed);
        if (pool == NULL) {
            found = make(home);
            break;
        }
        if (!pool->in_use) {
            found = pool;
        }
    }
    if (found != NULL) {
        found->in_use = true;
    }
    (void)pthread_mutex_unlock(&table_lock);
    if (found != NULL) {
        trp_pool_mine = &found->own;
        (void)pthread_setspecific(end_key, found);
    }
    return found;
}

static struct pool *mine(void)
{
    return TRP_CONTAINER(trp_pool_mine, struct pool, own);
}

/* Takes what other threads sent home, as the stack it is: the first block is returned,
 * the rest becomes the free list, which is empty now, untouched and uncounted. */
static void *take_returns(struct pool *pool, unsigned class)
{
    struct trp_gate_link *item = trp_gate_take_stack(&pool->returns[class]);

    if (item == NULL) {
        return NULL;
    }
    pool->own.classes[class].free = (struct trp_pool_block *)(void *)item->next;
    pool->own.classes[class].count = 0;
    return item;
}

void *trp_pool_refill(unsigned class, uint16_t *home)
{
    if (bypassed || (trp_pool_mine == NULL && adopt() == NULL)) {
        *home = 0;
        return trp_alloc(sizes[class]);
    }
    struct pool *pool = mine();
    *home = pool->own.home;
    void *block = take_returns(pool, class);
    if (block != NULL || POOL_KEEP == 0) {
        return block != NULL ? block : trp_alloc(sizes[class]);
    }
    pool->own.classes[class].count = 0; /* exact again: the free list is empty */
    block = trp_aligned(64, sizes[class]);
    for (unsigned i = 0; block != NULL && i < REFILL; i++) {
        void *spare = trp_aligned(64, sizes[class]);
        if (spare == NULL) {
            break;
        }
        trp_pool_put(spare, class, pool->own.home);
    }
    return block;
}

static void send_home(struct pool *pool, unsigned class)
{
    struct pool *home =
        atomic_load_explicit(&table[pool->away_home[class]], memory_order_acquire);

    (void)trp_gate_put_chain(&home->returns[class], pool->away[class].newest,
                             pool->away[class].oldest);
    pool->away[class].newest = NULL;
    pool->away[class].count = 0;
}

void trp_pool_flush(void)
{
    if (trp_pool_mine == NULL) {
        return;
    }
    struct pool *pool = mine();
    for (unsigned class = 0; class < TRP_POOL_CLASSES; class ++) {
        if (pool->away[class].newest != NULL) {
            send_home(pool, class);
        }
    }
}

static void gather(struct pool *pool, struct trp_gate_link *block, unsigned class,
                   uint16_t home)
{
    if (pool->away[class].newest != NULL && pool->away_home[class] != home) {
        send_home(pool, class);
    }
    if (pool->away[class].newest == NULL) {
        pool->away[class].oldest = block;
        pool->away_home[class] = home;
    }
    block->next = pool->away[class].newest;
    pool->away[class].newest = block;
    if (++pool->away[class].count >= TRP_POOL_CHAIN) {
        send_home(pool, class);
    }
}

void trp_pool_free_slow(void *block, unsigned class, uint16_t home)
{
    bool foreign = home != 0 && (trp_pool_mine == NULL || trp_pool_mine->home != home);

    if (POOL_KEEP == 0 || bypassed || !foreign ||
        (trp_pool_mine == NULL && adopt() == NULL)) {
        trp_free(block);
        return;
    }
    if (trp_pool_mine->home == home) { /* adopted just now */
        trp_pool_put(block, class, home);
        return;
    }
    gather(mine(), block, class, home);
}

void trp_pool_bypass(bool on)
{
    bypassed = on;
    if (trp_pool_mine == NULL) {
        return;
    }
    trp_pool_flush();
    struct pool *pool = mine();
    for (unsigned class = 0; class < TRP_POOL_CLASSES; class ++) {
        struct trp_pool_class *own = &pool->own.classes[class];
        own->keep = on ? 0 : POOL_KEEP;
        while (on && own->free != NULL) {
            struct trp_pool_block *block = own->free;
            own->free = block->next;
            trp_free(block);
        }
        own->count = on ? 0 : own->count;
    }
}
