/* SPDX-License-Identifier: MIT
 * timers.h - a hierarchical wheel: five levels of 1024 buckets over ticks of 2^20 ns.
 *
 * Deadlines are exact: a bucket is only emptied of what is due. Nodes are found by index,
 * so that an id outlives its timer harmlessly. */
#ifndef TRP_ACTORS_TIMERS_H
#define TRP_ACTORS_TIMERS_H

#include <troupe/actor.h>

#include "actors/tally.h"

enum {
    TRP_WHEEL_SHIFT = 20,
    TRP_WHEEL_BITS = 10,
    TRP_WHEEL_SLOTS = 1024,
    TRP_WHEEL_LEVELS = 5,
    TRP_WHEEL_WORDS = TRP_WHEEL_SLOTS / 64,
    TRP_WHEEL_AHEAD = 8,
    TRP_TIMER_CHUNK = 1024
};

struct trp_timer {
    troupe_ns deadline;
    troupe_ns period; /* 0: once */
    uint64_t actor;   /* whom to tell, or a future whose limit this is */
    uint64_t tag;
    uint32_t kind;
    uint32_t generation; /* odd while set */
    uint16_t bucket;     /* level * TRP_WHEEL_SLOTS + slot */
    bool limit;          /* a future's */
    uint32_t ahead;      /* came into the bucket TRP_WHEEL_AHEAD later, or 0: a hint */
};

/* Apart from the timers, so that the neighbours in time and of an owner, which lie
 * anywhere, are found in a quarter of the memory. */
struct trp_timer_links {
    uint32_t next, prev; /* in its bucket; prev 0: it is the first */
    uint32_t owner_next, owner_prev;
};

struct trp_timer_chunk {
    struct trp_timer_links links[TRP_TIMER_CHUNK];
    struct trp_timer timers[TRP_TIMER_CHUNK];
};

struct trp_timer_bucket {
    uint32_t first, last;
    uint32_t came;                    /* how many were put behind the last */
    uint32_t recent[TRP_WHEEL_AHEAD]; /* these, in a ring */
};

struct trp_wheel {
    uint64_t tick; /* all buckets before this tick are empty */
    uint64_t used[TRP_WHEEL_LEVELS]
                 [TRP_WHEEL_WORDS]; /* bit per bucket that is not empty */
    struct trp_timer_bucket buckets[TRP_WHEEL_LEVELS * TRP_WHEEL_SLOTS];
    struct trp_timer_chunk **chunks; /* from index 1 */
    uint32_t chunk_count, chunk_capacity;
    uint32_t free;  /* list of free nodes by `next` */
    uint32_t fresh; /* first index never used */
    uint32_t count; /* set */
    uint32_t limit;
    trp_tally fired;
};

struct trp_base;
struct trp_actor;

void trp_wheel_init(struct trp_wheel *wheel, troupe_ns now, uint32_t limit);
void trp_wheel_fini(struct trp_wheel *wheel);

/* Sets a timer; `owner` is whose list it joins (NULL: none, a future's limit).
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT. */
TROUPE_MUST_CHECK troupe_status trp_timer_set(struct trp_base *base,
                                              struct trp_actor *owner, uint64_t actor,
                                              troupe_ns deadline, troupe_ns period,
                                              troupe_kind kind, uint64_t tag,
                                              uint32_t *out);
void trp_timer_clear(struct trp_base *base, struct trp_actor *owner, uint32_t index);
void trp_timers_end(struct trp_base *base, struct trp_actor *owner);

/* Fires what is due at base->now. */
void trp_timers_fire(struct trp_base *base);

/* When the next timer is due, or TROUPE_NEVER. */
troupe_ns trp_timers_next(const struct trp_wheel *wheel);

#endif
