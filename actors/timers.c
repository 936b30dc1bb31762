/* SPDX-License-Identifier: MIT
 * timers.c - setting, cancelling and firing; the wheel's arithmetic. */
#include "actors/timers.h"

#include "actors/runtime.h"

enum {
    CROWD = 16,
    FETCH_MAX = 1024,
    DEAL_BITS = 7,
    DEAL_LISTS = 1 << DEAL_BITS,
};

static struct trp_timer *node(const struct trp_wheel *wheel, uint32_t index)
{
    return &wheel->chunks[index / TRP_TIMER_CHUNK]->timers[index % TRP_TIMER_CHUNK];
}

static struct trp_timer_links *links(const struct trp_wheel *wheel, uint32_t index)
{
    return &wheel->chunks[index / TRP_TIMER_CHUNK]->links[index % TRP_TIMER_CHUNK];
}

void trp_wheel_init(struct trp_wheel *wheel, troupe_ns now, uint32_t limit)
{
    *wheel = (struct trp_wheel){
        .tick = (uint64_t)now >> TRP_WHEEL_SHIFT, .fresh = 1, .limit = limit};
}

void trp_wheel_fini(struct trp_wheel *wheel)
{
    for (uint32_t i = 0; i < wheel->chunk_count; i++) {
        trp_free(wheel->chunks[i]);
    }
    trp_free(wheel->chunks);
}

static troupe_status add_chunk(struct trp_wheel *wheel)
{
    if (wheel->chunk_count == wheel->chunk_capacity) {
        uint32_t capacity = wheel->chunk_capacity != 0 ? wheel->chunk_capacity * 2 : 8;
        struct trp_timer_chunk **chunks =
            trp_realloc(wheel->chunks, capacity * sizeof(*wheel->chunks));
        if (chunks == NULL) {
            return TROUPE_ENOMEM;
        }
        wheel->chunks = chunks;
        wheel->chunk_capacity = capacity;
    }
    struct trp_timer_chunk *chunk = trp_alloc(sizeof(*chunk));
    if (chunk == NULL) {
        return TROUPE_ENOMEM;
    }
    wheel->chunks[wheel->chunk_count++] = chunk;
    return TROUPE_OK;
}

static troupe_status take_node(struct trp_wheel *wheel, uint32_t *out)
{
    if (wheel->free != 0) {
        *out = wheel->free;
        wheel->free = links(wheel, wheel->free)->next;
    } else {
        if (wheel->fresh >= wheel->chunk_count * TRP_TIMER_CHUNK) {
            troupe_status status = add_chunk(wheel);
            if (status != TROUPE_OK) {
                return status;
            }
        }
        *out = wheel->fresh++;
        *node(wheel, *out) = (struct trp_timer){0};
        *links(wheel, *out) = (struct trp_timer_links){0};
    }
    wheel->count++;
    return TROUPE_OK;
}

static void give_node(struct trp_wheel *wheel, uint32_t index)
{
    struct trp_timer *timer = node(wheel, index);

    timer->generation++;
    links(wheel, index)->next = wheel->free;
    wheel->free = index;
    wheel->count--;
}

static void mark_used(struct trp_wheel *wheel, uint16_t at)
{
    wheel->used[at / TRP_WHEEL_SLOTS][at % TRP_WHEEL_SLOTS / 64] |= UINT64_C(1)
                                                                    << (at % 64);
}

static void mark_empty(struct trp_wheel *wheel, uint16_t at)
{
    wheel->used[at / TRP_WHEEL_SLOTS][at % TRP_WHEEL_SLOTS / 64] &=
        ~(UINT64_C(1) << (at % 64));
}

/* The first used slot of a level from `slot` on, or TRP_WHEEL_SLOTS. */
static unsigned used_from(const struct trp_wheel *wheel, unsigned level, unsigned slot)
{
    const uint64_t *words = wheel->used[level];

    if (slot >= TRP_WHEEL_SLOTS) {
        return TRP_WHEEL_SLOTS;
    }
    uint64_t bits = words[slot / 64] >> (slot % 64);
    if (bits != 0) {
        return slot + (unsigned)__builtin_ctzll(bits);
    }
    for (unsigned word = slot / 64 + 1; word < TRP_WHEEL_WORDS; word++) {
        if (words[word] != 0) {
            return word * 64 + (unsigned)__builtin_ctzll(words[word]);
        }
    }
    return TRP_WHEEL_SLOTS;
}

/* Of a level: where the present tick stands in it. */
static unsigned slot_now(const struct trp_wheel *wheel, unsigned level)
{
    return (unsigned)(wheel->tick >> (level * TRP_WHEEL_BITS)) & (TRP_WHEEL_SLOTS - 1);
}

/* The bucket for a tick that is not before wheel->tick: the level is that of the highest
 * digit in which both differ, so that a level's buckets never wrap. */
static uint16_t bucket_for(const struct trp_wheel *wheel, uint64_t tick)
{
    uint64_t differ = tick ^ wheel->tick;
    unsigned level = 0;

    if (differ >= TRP_WHEEL_SLOTS) {
        level = (63u - (unsigned)__builtin_clzll(differ)) / TRP_WHEEL_BITS;
    }
    unsigned slot = (unsigned)(tick >> (level * TRP_WHEEL_BITS)) & (TRP_WHEEL_SLOTS - 1);
    return (uint16_t)(level * TRP_WHEEL_SLOTS + slot);
}

/* Puts a node into a bucket behind `prev` (0: as the first). */
static void insert_after(struct trp_wheel *wheel, uint16_t at, uint32_t prev,
                         uint32_t index)
{
    struct trp_timer_links *link = links(wheel, index);
    struct trp_timer_bucket *bucket = &wheel->buckets[at];

    node(wheel, index)->bucket = at;
    link->prev = prev;
    link->next = prev != 0 ? links(wheel, prev)->next : bucket->first;
    if (prev != 0) {
        links(wheel, prev)->next = index;
    } else {
        bucket->first = index;
    }
    if (link->next != 0) {
        links(wheel, link->next)->prev = index;
    } else {
        bucket->last = index;
    }
    if (prev != 0 && link->next == 0) {
        uint32_t *recent = &bucket->recent[bucket->came++ % TRP_WHEEL_AHEAD];
        node(wheel, *recent)->ahead = index; /* perhaps it is elsewhere now: a hint */
        *recent = index;
    }
    mark_used(wheel, at);
}

static uint16_t bucket_of(const struct trp_wheel *wheel, const struct trp_timer *timer)
{
    uint64_t tick = (uint64_t)timer->deadline >> TRP_WHEEL_SHIFT;

    return bucket_for(wheel, tick > wheel->tick ? tick : wheel->tick);
}

/* The bucket of the present tick is kept in the order of deadlines, others as they come.
 */
static void link_in(struct trp_wheel *wheel, uint32_t index)
{
    struct trp_timer *timer = node(wheel, index);
    uint16_t at = bucket_of(wheel, timer);
    uint32_t prev = wheel->buckets[at].last;

    if (at == (wheel->tick & (TRP_WHEEL_SLOTS - 1))) {
        while (prev != 0 && node(wheel, prev)->deadline > timer->deadline) {
            prev = links(wheel, prev)->prev;
        }
    }
    insert_after(wheel, at, prev, index);
}

static void link_out(struct trp_wheel *wheel, uint32_t index)
{
    const struct trp_timer_links *link = links(wheel, index);
    uint16_t at = node(wheel, index)->bucket;

    struct trp_timer_bucket *bucket = &wheel->buckets[at];
    if (link->prev != 0) {
        links(wheel, link->prev)->next = link->next;
    } else {
        bucket->first = link->next;
    }
    if (link->next != 0) {
        links(wheel, link->next)->prev = link->prev;
    } else {
        bucket->last = link->prev;
    }
    if (bucket->first == 0) {
        mark_empty(wheel, at);
    }
}

static void own(struct trp_wheel *wheel, struct trp_actor *owner, uint32_t index)
{
    struct trp_timer_links *link = links(wheel, index);

    link->owner_prev = 0;
    link->owner_next = owner->timers;
    if (owner->timers != 0) {
        links(wheel, owner->timers)->owner_prev = index;
    }
    owner->timers = index;
}

static void disown(struct trp_wheel *wheel, struct trp_actor *owner, uint32_t index)
{
    const struct trp_timer_links *link = links(wheel, index);

    if (link->owner_next != 0) {
        links(wheel, link->owner_next)->owner_prev = link->owner_prev;
    }
    if (link->owner_prev != 0) {
        links(wheel, link->owner_prev)->owner_next = link->owner_next;
    } else {
        owner->timers = link->owner_next;
    }
}

troupe_status trp_timer_set(struct trp_base *base, struct trp_actor *owner,
                            uint64_t actor, troupe_ns deadline, troupe_ns period,
                            troupe_kind kind, uint64_t tag, uint32_t *out)
{
    struct trp_wheel *wheel = &base->wheel;
    bool hidden = owner != NULL && (owner->flags & TRP_ACTOR_HIDDEN) != 0;
    uint32_t index;

    if (wheel->count >= wheel->limit && !hidden) { /* the runtime's own few always fit */
        return TROUPE_ELIMIT;
    }
    troupe_status status = take_node(wheel, &index);
    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_timer *timer = node(wheel, index);
    timer->deadline = deadline;
    timer->period = period;
    timer->actor = actor;
    timer->tag = tag;
    timer->kind = kind;
    timer->generation++;
    timer->limit = owner == NULL;
    link_in(wheel, index);
    if (owner != NULL) {
        own(wheel, owner, index);
    }
    *out = index;
    return TROUPE_OK;
}

void trp_timer_clear(struct trp_base *base, struct trp_actor *owner, uint32_t index)
{
    struct trp_wheel *wheel = &base->wheel;

    link_out(wheel, index);
    if (owner != NULL) {
        disown(wheel, owner, index);
    }
    give_node(wheel, index);
}

void trp_timers_end(struct trp_base *base, struct trp_actor *owner)
{
    while (owner->timers != 0) {
        trp_timer_clear(base, owner, owner->timers);
    }
}

/* Walks through a bucket so that it is in the cache when it is looked at: its timers lie
 * anywhere in memory, and the hints ask for many of them at a time. */
static void fetch(const struct trp_wheel *wheel, uint32_t first)
{
    unsigned count = 0;

    for (uint32_t i = first; i != 0 && count < FETCH_MAX; i = links(wheel, i)->next) {
        const struct trp_timer_links *link = links(wheel, i);
        uint32_t ahead = node(wheel, i)->ahead;
        __builtin_prefetch(links(wheel, ahead));
        __builtin_prefetch(node(wheel, ahead));
        __builtin_prefetch(&node(wheel, ahead)->ahead); /* it may lie across two lines */
        __builtin_prefetch(links(wheel, link->owner_prev));
        __builtin_prefetch(links(wheel, link->owner_next));
        count++;
    }
}

/* Deals a list out by some bits of the deadlines, and gathers it again. */
static uint32_t deal(const struct trp_wheel *wheel, uint32_t first, unsigned shift)
{
    uint32_t heads[DEAL_LISTS] = {0}, tails[DEAL_LISTS];
    uint32_t *end = &first;

    for (uint32_t i = first, next; i != 0; i = next) {
        unsigned at = (uint64_t)node(wheel, i)->deadline >> shift & (DEAL_LISTS - 1);
        struct trp_timer_links *link = links(wheel, i);
        next = link->next;
        link->next = 0;
        *(heads[at] != 0 ? &links(wheel, tails[at])->next : &heads[at]) = i;
        tails[at] = i;
    }
    for (unsigned at = 0; at < DEAL_LISTS; at++) {
        if (heads[at] != 0) {
            *end = heads[at];
            end = &links(wheel, tails[at])->next;
        }
    }
    return first;
}

/* Orders the bucket of the present tick by deadline, equal ones as they were set. It
 * holds nothing but that tick's timers: only the bits below the tick differ. */
static void sort_present(struct trp_wheel *wheel)
{
    struct trp_timer_bucket *bucket =
        &wheel->buckets[wheel->tick & (TRP_WHEEL_SLOTS - 1)];

    if (bucket->first == bucket->last) {
        return;
    }
    fetch(wheel, bucket->first);
    for (unsigned shift = 0; shift < TRP_WHEEL_SHIFT; shift += DEAL_BITS) {
        bucket->first = deal(wheel, bucket->first, shift);
    }
    bucket->last = 0;
    for (uint32_t i = bucket->first; i != 0; i = links(wheel, i)->next) {
        links(wheel, i)->prev = bucket->last;
        bucket->last = i;
    }
}

static uint32_t saturated(troupe_ns ns)
{
    return ns < 0 ? 0 : ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* Tells the owner; false when there is no memory now and the timer must stay. */
static bool tell_owner(struct trp_base *base, struct trp_timer *timer)
{
    struct trp_actor *owner = trp_find(base, timer->actor);
    troupe_msg *msg = NULL;

    if (owner == NULL || trp_msg_new(timer->kind, 0, &msg) != TROUPE_OK) {
        return owner == NULL;
    }
    trp_record(base->recorder, TROUPE_EV_TIMER_FIRE, timer->period != 0,
               trp_id_number(owner->id), 0, 0, saturated(base->now - timer->deadline));
    msg->from = (troupe_id){owner->id};
    msg->tag = timer->tag;
    msg->flags = TRP_MSG_SIGNAL;
    return trp_enqueue(base, owner, msg) == TROUPE_OK;
}

static bool fire(struct trp_base *base, uint32_t index)
{
    struct trp_wheel *wheel = &base->wheel;
    struct trp_timer *timer = node(wheel, index);

    if (timer->limit) {
        uint64_t future = timer->actor;
        (void)trp_tally_add(&wheel->fired, 1);
        trp_future_limit_passed(base, future); /* clears the timer */
        return true;
    }
    if (!tell_owner(base, timer)) {
        return false;
    }
    (void)trp_tally_add(&wheel->fired, 1);
    if (timer->period == 0) {
        trp_timer_clear(base, trp_find(base, timer->actor), index);
        return true;
    }
    link_out(wheel, index);
    timer->deadline += timer->period;
    if (timer->deadline <= base->now) { /* missed some: skip to the next in step */
        troupe_ns behind = base->now - timer->deadline;
        timer->deadline += (behind / timer->period + 1) * timer->period;
    }
    link_in(wheel, index);
    return true;
}

/* Moves a bucket of an upper level down, now that its time has begun. */
static void cascade(struct trp_wheel *wheel, uint16_t at)
{
    uint32_t index = wheel->buckets[at].first;

    wheel->buckets[at] = (struct trp_timer_bucket){0};
    mark_empty(wheel, at);
    while (index != 0) {
        uint32_t next = links(wheel, index)->next;
        uint16_t to = bucket_of(wheel, node(wheel, index));
        insert_after(wheel, to, wheel->buckets[to].last, index);
        index = next;
    }
}

/* The next tick after wheel->tick at which a bucket begins, at most `end`. */
static uint64_t next_tick(const struct trp_wheel *wheel, uint64_t end)
{
    uint64_t best = end;

    for (unsigned level = 0; level < TRP_WHEEL_LEVELS; level++) {
        unsigned shift = level * TRP_WHEEL_BITS;
        unsigned now = slot_now(wheel, level);
        unsigned slot = used_from(wheel, level, now + 1);
        if (slot < TRP_WHEEL_SLOTS) {
            uint64_t tick = ((wheel->tick >> shift) + (slot - now)) << shift;
            return tick < best ? tick : best; /* lower levels come first */
        }
    }
    return best;
}

static void enter(struct trp_wheel *wheel, uint64_t tick)
{
    uint64_t differ = tick ^ wheel->tick;

    wheel->tick = tick;
    for (unsigned level = TRP_WHEEL_LEVELS - 1; level > 0; level--) {
        unsigned shift = level * TRP_WHEEL_BITS;
        uint16_t at = (uint16_t)(level * TRP_WHEEL_SLOTS + slot_now(wheel, level));
        if (differ >> shift != 0 && wheel->buckets[at].first != 0) {
            cascade(wheel, at);
        }
    }
    sort_present(wheel);
}

void trp_timers_fire(struct trp_base *base)
{
    struct trp_wheel *wheel = &base->wheel;
    uint64_t end = (uint64_t)base->now >> TRP_WHEEL_SHIFT;

    if (wheel->count == 0) {
        wheel->tick = end > wheel->tick ? end : wheel->tick;
        return;
    }
    for (;;) {
        const struct trp_timer_bucket *present =
            &wheel->buckets[wheel->tick & (TRP_WHEEL_SLOTS - 1)];
        uint32_t index;
        while ((index = present->first) != 0 &&
               node(wheel, index)->deadline <= base->now) {
            if (!fire(base, index)) {
                return; /* no memory: the same ones are due at the next step */
            }
        }
        if (wheel->tick >= end) {
            return;
        }
        enter(wheel, next_tick(wheel, end));
    }
}

troupe_ns trp_timers_next(const struct trp_wheel *wheel)
{
    if (wheel->count == 0) {
        return TROUPE_NEVER;
    }
    for (unsigned level = 0; level < TRP_WHEEL_LEVELS; level++) {
        unsigned shift = level * TRP_WHEEL_BITS;
        unsigned now = slot_now(wheel, level);
        unsigned slot = used_from(wheel, level, now);
        if (slot == TRP_WHEEL_SLOTS) {
            continue;
        }
        if (level > 0) {
            uint64_t tick = ((wheel->tick >> shift) + (slot - now)) << shift;
            return (troupe_ns)(tick << TRP_WHEEL_SHIFT);
        }
        /* A crowd is not looked through: its bucket's first tick is early enough. */
        troupe_ns begin = (troupe_ns)((wheel->tick + (slot - now)) << TRP_WHEEL_SHIFT);
        troupe_ns best = TROUPE_NEVER;
        unsigned crowd = 0;
        for (uint32_t i = wheel->buckets[slot].first; i != 0; i = links(wheel, i)->next) {
            troupe_ns deadline = node(wheel, i)->deadline;
            best = deadline < best ? deadline : best;
            if (slot == now) {
                break; /* the present bucket is in order */
            }
            if (++crowd == CROWD) {
                return begin;
            }
        }
        return best;
    }
    return TROUPE_NEVER;
}

static troupe_status set(troupe_self *self, troupe_ns delay, troupe_ns period,
                         troupe_kind kind, uint64_t tag, troupe_timer *out)
{
    struct trp_base *base = self->base;
    uint32_t index;

    if (delay > TROUPE_NEVER - base->now) {
        return TROUPE_EINVAL;
    }
    troupe_status status =
        trp_timer_set(base, self->actor, self->actor->id, base->now + delay, period,
                      kind != TROUPE_KIND_NONE ? kind : TROUPE_KIND_TIMER, tag, &index);
    if (status != TROUPE_OK) {
        return status;
    }
    uint64_t bits = (uint64_t)node(&base->wheel, index)->generation << 32 | index;
    trp_record(base->recorder, TROUPE_EV_TIMER_SET, period != 0,
               trp_id_number(self->actor->id), bits, 0, saturated(delay));
    if (out != NULL) {
        out->bits = bits;
    }
    return TROUPE_OK;
}

troupe_status troupe_after(troupe_self *self, troupe_ns delay, troupe_kind kind,
                           uint64_t tag, troupe_timer *out)
{
    return delay < 0 ? TROUPE_EINVAL : set(self, delay, 0, kind, tag, out);
}

troupe_status troupe_every(troupe_self *self, troupe_ns period, troupe_kind kind,
                           uint64_t tag, troupe_timer *out)
{
    return period <= 0 ? TROUPE_EINVAL : set(self, period, period, kind, tag, out);
}

troupe_status troupe_timer_cancel(troupe_self *self, troupe_timer timer)
{
    struct trp_wheel *wheel = &self->base->wheel;
    uint32_t index = (uint32_t)timer.bits;

    if (index == 0 || index >= wheel->fresh) {
        return TROUPE_EGONE;
    }
    struct trp_timer *found = node(wheel, index);
    if (found->generation != timer.bits >> 32 || (found->generation & 1) == 0 ||
        found->actor != self->actor->id) {
        return TROUPE_EGONE;
    }
    trp_timer_clear(self->base, self->actor, index);
    return TROUPE_OK;
}
