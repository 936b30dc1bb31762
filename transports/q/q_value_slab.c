/* SPDX-License-Identifier: MIT
 * q_value_slab.c - slabs of values: made, left, kept. */
#include "transports/q/q_value_slab.h"

#include <assert.h>
#include <pthread.h>

#include "mailbox/alloc.h"
#include "mailbox/pool.h"

enum {
    VALUES = (TRP_Q_SLAB_USED - TRP_Q_SLAB_VALUES_AT) / (int)sizeof(troupe_q_value),
    /* the last one is followed by as much as makes it a whole value */
    SHORTS = (TRP_Q_SLAB_USED - TRP_Q_SLAB_SHORTS_AT - (int)sizeof(troupe_q_value)) /
                 TRP_Q_SHORT +
             1
};

static_assert(sizeof(struct trp_q_slab) <= TRP_Q_SLAB_SHORTS_AT, "its head fits");
static_assert(TRP_Q_SLAB_SHORTS_AT % 16 == 8 && TRP_Q_SHORT % 16 == 0,
              "short atoms are known by their addresses");
static_assert((int)TRP_POOLS_MAX < (int)TRP_Q_IN_SLAB, "homes and slabs differ");

/* Fresh pages cost more than all else in making values, so some memory is kept. */
static struct {
    pthread_mutex_t lock;
    struct trp_q_slab *first;
    unsigned count;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep_or_free(struct trp_q_slab *slab)
{
    (void)pthread_mutex_lock(&kept.lock);
    bool keep = kept.count < TRP_Q_SLAB_KEPT;
    if (keep) {
        slab->next = kept.first;
        kept.first = slab;
        kept.count++;
    }
    (void)pthread_mutex_unlock(&kept.lock);
    if (!keep) {
        trp_free(slab);
    }
}

static struct trp_q_slab *new_slab(unsigned places)
{
    struct trp_q_slab *slab = NULL;

    if (!trp_fail_armed()) {
        (void)pthread_mutex_lock(&kept.lock);
        slab = kept.first;
        if (slab != NULL) {
            kept.first = slab->next;
            kept.count--;
        }
        (void)pthread_mutex_unlock(&kept.lock);
    }
    if (slab == NULL) {
        slab = trp_aligned(TRP_Q_SLAB, TRP_Q_SLAB_USED);
    }
    if (slab != NULL) {
        atomic_init(&slab->users, 1 + places);
        slab->used = 0;
        slab->places = places;
    }
    return slab;
}

void trp_q_slab_leave(struct trp_q_slab *slab, unsigned users)
{
    if (users != 0 &&
        atomic_fetch_sub_explicit(&slab->users, users, memory_order_acq_rel) == users) {
        trp_q_room_give(slab->places == SHORTS ? TRP_Q_SLAB_USED : 0);
        keep_or_free(slab);
    }
}

void trp_q_slab_close(struct trp_q_slab **slab)
{
    if (*slab != NULL) {
        trp_q_slab_leave(*slab, 1 + (*slab)->places - (*slab)->used);
        *slab = NULL;
    }
}

/* All places count as used from the start, so that making a value is no atomic step. */
static bool has_place(struct trp_q_slab **slab, unsigned places)
{
    if (*slab != NULL && (*slab)->used < (*slab)->places) {
        return true;
    }
    /* Short atoms do not say when they go, so their slabs count as a whole. */
    size_t size = places == SHORTS ? TRP_Q_SLAB_USED : 0;
    if (!trp_q_room_take(size)) {
        return false;
    }
    struct trp_q_slab *fresh = new_slab(places);
    if (fresh == NULL) {
        trp_q_room_give(size);
        return false;
    }
    trp_q_slab_close(slab);
    *slab = fresh;
    return true;
}

bool trp_q_slab_renew(struct trp_q_slab **slab)
{
    return has_place(slab, VALUES);
}

troupe_q_value *trp_q_slab_shorts(struct trp_q_slab **slab, size_t *room)
{
    if (!has_place(slab, SHORTS)) {
        return NULL;
    }
    *room = (*slab)->places - (*slab)->used;
    return (void *)((char *)*slab + TRP_Q_SLAB_SHORTS_AT +
                    (*slab)->used * (size_t)TRP_Q_SHORT);
}
