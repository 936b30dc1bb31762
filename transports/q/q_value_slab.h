/* SPDX-License-Identifier: MIT
 * q_value_slab.h - room for many values at once, for a decoder that makes them by the
 * thousand.
 *
 * A slab counts who lives in it, and is freed or kept with the last. Values that are
 * freed one after the other mostly lie in one slab, which is told of all of them at once:
 * a sweep. */
#ifndef TRP_TRANSPORTS_Q_VALUE_SLAB_H
#define TRP_TRANSPORTS_Q_VALUE_SLAB_H

#include "transports/q/q_room.h"
#include "transports/q/q_value.h"

enum {
    TRP_Q_SLAB = 8192,           /* bytes, and what its address is a multiple of */
    TRP_Q_SLAB_USED = 8192 - 16, /* so that an allocator can put one behind the other */
    TRP_Q_SLAB_KEPT = 2048,      /* free ones kept for the next message; 16 MiB */
    TRP_Q_SLAB_VALUES_AT = 64,   /* where values begin */
    TRP_Q_SLAB_SHORTS_AT = 24,   /* where short atoms begin: 8 more than an even 16 */
    TRP_Q_IN_SLAB = 0x8000       /* `home` of a value in a slab */
};

struct trp_q_slab {
    atomic_uint users; /* values that live in it, and whoever makes more */
    unsigned used, places;
    struct trp_q_slab *next; /* while kept */
};

static inline struct trp_q_slab *trp_q_slab_of(troupe_q_value *v)
{
    return (void *)((char *)v - ((uintptr_t)v & (TRP_Q_SLAB - 1)));
}

/* Renews a slab of values that is full or NULL; false: no memory. */
bool trp_q_slab_renew(struct trp_q_slab **slab);

/* A place for a value in *slab, which is renewed when it is full. NULL: no memory. */
static inline troupe_q_value *trp_q_slab_take(struct trp_q_slab **slab)
{
    if (!trp_q_room_take(TRP_Q_ROOM_BLOCK)) {
        return NULL;
    }
    if (*slab == NULL || (*slab)->used == (*slab)->places) {
        if (!trp_q_slab_renew(slab)) {
            trp_q_room_give(TRP_Q_ROOM_BLOCK);
            return NULL;
        }
    }
    size_t place = (*slab)->used++;
    troupe_q_value *v =
        (void *)((char *)*slab + TRP_Q_SLAB_VALUES_AT + place * sizeof(troupe_q_value));
    v->home = TRP_Q_IN_SLAB;
    return v;
}

/* The same for short atoms: how many fit behind each other from the place returned on.
 * Those that are made are added to (*slab)->used. A slab holds one kind. */
troupe_q_value *trp_q_slab_shorts(struct trp_q_slab **slab, size_t *room);

/* Takes `users` away. */
void trp_q_slab_leave(struct trp_q_slab *slab, unsigned users);

/* Starts zeroed; ends with trp_q_sweep_end. */
struct trp_q_sweep {
    struct trp_q_slab *slab;
    unsigned gone;
};

static inline void trp_q_sweep_end(struct trp_q_sweep *sweep)
{
    trp_q_slab_leave(sweep->slab, sweep->gone);
    sweep->gone = 0;
}

static inline void trp_q_sweep_one(struct trp_q_sweep *sweep, troupe_q_value *v)
{
    struct trp_q_slab *slab = trp_q_slab_of(v);

    if (slab != sweep->slab) {
        trp_q_sweep_end(sweep);
        sweep->slab = slab;
    }
    sweep->gone++;
}

#endif
