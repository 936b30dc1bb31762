/* SPDX-License-Identifier: MIT
 * actor.c - slots, spawning, handlers, and the end of an actor.
 *
 *   FREE --spawn--> LIVE --exit, kill, stop--> ENDING --at its next turn--> FREE
 *                    +----- start failed --------------------------------> FREE */
#include <string.h>

#include "actors/runtime.h"

enum { HIDDEN_MAX = 16 }; /* the runtime's own, beyond actors_max */

_Thread_local struct trp_base *trp_base_here;

/* ---- slots ---- */

static troupe_status add_chunk(struct trp_base *base)
{
    struct trp_chunk **chunks = base->chunks;

    if ((base->chunk_count & (base->chunk_count - 1)) == 0) { /* grows at powers of two */
        size_t capacity = base->chunk_count != 0 ? (size_t)base->chunk_count * 2 : 1;
        chunks = trp_realloc(chunks, capacity * sizeof(*chunks));
        if (chunks == NULL) {
            return TROUPE_ENOMEM;
        }
        base->chunks = chunks;
    }
    struct trp_chunk *chunk = trp_calloc(1, sizeof(*chunk));
    if (chunk == NULL) {
        return TROUPE_ENOMEM;
    }
    chunk->slots = trp_trace_chunk(base->system->trace, base->index, base->chunk_count);
    if (chunk->slots == NULL) {
        trp_free(chunk);
        return TROUPE_ENOMEM;
    }
    chunks[base->chunk_count++] = chunk;
    return TROUPE_OK;
}

/* The place of a slot never used before, or NULL. */
static struct trp_actor *fresh_slot(struct trp_base *base)
{
    if (base->fresh >= base->chunk_count * (uint32_t)TRP_CHUNK &&
        add_chunk(base) != TROUPE_OK) {
        return NULL;
    }
    struct trp_chunk *chunk = base->chunks[base->fresh / TRP_CHUNK];
    struct trp_actor *actor = &chunk->actors[base->fresh % TRP_CHUNK];
    actor->slot = &chunk->slots[base->fresh % TRP_CHUNK];
    actor->id = (uint64_t)base->fresh << 32; /* the slot's index, kept by slot_index */
    base->fresh++;
    return actor;
}

static uint32_t next_number(struct trp_base *base)
{
    if (base->number == base->number_end) {
        base->number = (uint32_t)atomic_fetch_add_explicit(
            &base->system->next_number, TRP_NUMBER_BLOCK, memory_order_relaxed);
        base->number_end = base->number + TRP_NUMBER_BLOCK;
    }
    uint32_t number = base->number++;
    return number != 0 ? number : next_number(base); /* 0 means outside */
}

uint16_t trp_kind_of(struct trp_base *base, const char *name)
{
    size_t at = ((uintptr_t)name >> 3 ^ (uintptr_t)name >> 9) % TRP_COUNT(base->kinds);

    if (base->kinds[at].name != name) {
        base->kinds[at].kind = trp_trace_kind(base->system->trace, name);
        base->kinds[at].name = name;
    }
    return base->kinds[at].kind;
}

struct trp_actor *trp_slot_take(struct trp_base *base, const char *kind, uint64_t parent)
{
    struct trp_actor *actor = base->free;

    if (trp_tally_read(&base->alive) >= base->system->options.actors_max + HIDDEN_MAX) {
        return NULL;
    }
    if (TRP_LIKELY(actor != NULL)) {
        base->free = actor->run_next;
    } else {
        actor = fresh_slot(base);
        if (actor == NULL) {
            return NULL;
        }
        actor->slot->name[0] = 0;
    }
    actor->id = (uint64_t)base->index << 56 | (actor->id & UINT64_C(0xffffff) << 32) |
                next_number(base);
    actor->head = actor->tail = NULL;
    actor->run_next = NULL;
    actor->side = NULL;
    actor->mail = 0;
    actor->timers = 0;
    actor->parent = parent;
    actor->flags = 0;
    actor->phase = TRP_LIVE;
    troupe_trace_slot *slot = actor->slot;
    slot->delivered = slot->enqueued = 0;
    slot->dropped = slot->high_water = 0;
    slot->waits_on = 0;
    slot->message = 0;
    slot->busy = 0;
    slot->parent = trp_id_number(parent);
    slot->worker = (uint8_t)base->index;
    slot->kind = trp_kind_of(base, kind);
    slot->state = TROUPE_STATE_IDLE;
    slot->id = actor->id;
    (void)trp_tally_add(&base->alive, 1);
    return actor;
}

void trp_slot_give(struct trp_base *base, struct trp_actor *actor)
{
    actor->slot->id = 0;
    actor->slot->state = TROUPE_STATE_FREE;
    actor->slot->name[0] = 0;
    actor->phase = TRP_FREE;
    actor->flags = TRP_ACTOR_DEAD;
    actor->side = NULL;
    actor->run_next = base->free;
    base->free = actor;
    (void)trp_tally_add(&base->alive, UINT64_MAX); /* one less */
}

struct trp_side *trp_side(struct trp_actor *actor)
{
    if (actor->side == NULL) {
        actor->side = trp_calloc(1, sizeof(*actor->side));
    }
    return actor->side;
}

static void side_free(struct trp_actor *actor)
{
    if (actor->side != NULL) {
        for (uint32_t i = 0; i < actor->side->relation_count; i++) {
            troupe_msg_free(&actor->side->relations[i].notice);
        }
        trp_free(actor->side->relations);
        trp_free(actor->side->handlers);
        trp_free(actor->side);
        actor->side = NULL;
    }
}

/* ---- spawn ---- */

static bool valid(const troupe_behavior *behavior, const troupe_spawn_options *options)
{
    return behavior != NULL && behavior->name != NULL &&
           behavior->state_size <= TROUPE_STATE_MAX &&
           behavior->handler_count <= TROUPE_HANDLERS_MAX &&
           (options == NULL || options->size == sizeof(*options));
}

static troupe_status make_state(struct trp_actor *actor, const troupe_behavior *behavior)
{
    actor->state = actor->small;
    actor->state_size = TRP_SMALL_STATE;
    memset(actor->small, 0, sizeof(actor->small));
    if (behavior->state_size > TRP_SMALL_STATE) {
        actor->state = trp_calloc(1, behavior->state_size);
        actor->state_size = (uint32_t)behavior->state_size;
    }
    return actor->state != NULL ? TROUPE_OK : TROUPE_ENOMEM;
}

static void free_state(struct trp_actor *actor)
{
    if (actor->state != actor->small) {
        trp_free(actor->state);
    }
    actor->state = NULL;
}

static troupe_status apply_options(struct trp_base *base, struct trp_actor *actor,
                                   const troupe_spawn_options *options)
{
    struct troupe_self child = {base, actor};
    troupe_status status = TROUPE_OK;

    if (options == NULL) {
        return TROUPE_OK;
    }
    if (options->mailbox_limit != 0) {
        actor->limit = options->mailbox_limit;
    }
    if (options->name != NULL) {
        status = troupe_register(&child, options->name);
    }
    struct troupe_self *parent = &base->self;
    if (status == TROUPE_OK && options->watch && parent->actor != NULL) {
        status = troupe_watch(parent, (troupe_id){actor->id});
    }
    if (status == TROUPE_OK && options->link && parent->actor != NULL) {
        status = troupe_link(parent, (troupe_id){actor->id});
    }
    return status;
}

/* Undoes a spawn whose start never ran: nobody hears of it. */
static void unmake(struct trp_base *base, struct trp_actor *actor)
{
    struct trp_actor *parent = base->self.actor;

    if (parent != NULL) {
        (void)trp_unrelate(parent, actor->id, TRP_REL_LINK);
    }
    if ((actor->flags & TRP_ACTOR_NAMED) != 0) {
        trp_names_forget(base->system->names, actor->id);
    }
    side_free(actor);
    free_state(actor);
    trp_slot_give(base, actor);
}

/* Of an actor whose start told itself something and then failed. */
static void leave_run_queue(struct trp_base *base, struct trp_actor *actor)
{
    struct trp_actor *prev = NULL;

    for (struct trp_actor *at = base->run_head; at != NULL;
         prev = at, at = at->run_next) {
        if (at != actor) {
            continue;
        }
        if (prev != NULL) {
            prev->run_next = at->run_next;
        } else {
            base->run_head = at->run_next;
        }
        if (base->run_tail == at) {
            base->run_tail = prev;
        }
        base->ready--;
        return;
    }
}

static troupe_status run_start(struct trp_base *base, struct trp_actor *actor,
                               const void *args)
{
    struct troupe_self before = base->self;
    bool was_exiting = base->exiting;
    int16_t was_reason = base->exit_reason;
    troupe_status status = TROUPE_OK;

    if (actor->behavior->start != NULL) {
        base->self.actor = actor;
        base->exiting = false;
        status = actor->behavior->start(&base->self, actor->state, args);
        if (status == TROUPE_OK && base->exiting) {
            trp_end_soon(base, actor, (troupe_status)base->exit_reason);
        }
        base->self = before;
        base->exiting = was_exiting;
        base->exit_reason = was_reason;
    }
    return status;
}

troupe_status trp_spawn(struct trp_base *base, uint64_t parent,
                        const troupe_behavior *behavior, const void *args,
                        const troupe_spawn_options *options, uint8_t flags,
                        troupe_id *out)
{
    if (!valid(behavior, options)) {
        return TROUPE_EINVAL;
    }
    if (base->stopping_all && (flags & TRP_ACTOR_HIDDEN) == 0) {
        return TROUPE_ECLOSED;
    }
    if (trp_tally_read(&base->alive) >= base->system->options.actors_max &&
        (flags & TRP_ACTOR_HIDDEN) == 0) {
        return TROUPE_ELIMIT;
    }
    struct trp_actor *actor = trp_slot_take(base, behavior->name, parent);
    if (actor == NULL) {
        return TROUPE_ENOMEM;
    }
    actor->behavior = behavior;
    actor->flags =
        (uint16_t)(flags |
                   (behavior->policy == TROUPE_KEEP_LAST ? TRP_ACTOR_KEEPS_LAST : 0));
    actor->limit = behavior->mailbox_limit != 0 ? behavior->mailbox_limit
                                                : base->system->options.mailbox_limit;
    troupe_status status = make_state(actor, behavior);
    if (status == TROUPE_OK) {
        status = apply_options(base, actor, options);
    }
    if (status != TROUPE_OK) {
        unmake(base, actor);
        return status;
    }
    uint64_t id = actor->id;
    (void)trp_tally_add(&base->count.spawned, 1);
    base->bodies += (flags & TRP_ACTOR_HIDDEN) == 0;
    if (TRP_UNLIKELY((flags & TRP_ACTOR_HIDDEN) != 0)) {
        (void)trp_tally_add(&base->hidden, 1);
    }
    if (TRP_UNLIKELY(trp_recording(base->recorder, TROUPE_EV_SPAWN))) {
        actor->slot->spawned = trp_ticks();
    }
    trp_record(base->recorder, TROUPE_EV_SPAWN, actor->slot->kind, trp_id_number(id), 0,
               trp_id_number(parent), base->index);
    status = run_start(base, actor, args);
    if (status != TROUPE_OK) {
        leave_run_queue(base, actor);
        trp_end_now(base, actor, status);
        return status;
    }
    if (out != NULL) {
        out->bits = id;
    }
    return TROUPE_OK;
}

troupe_status troupe_spawn(troupe_self *self, const troupe_behavior *behavior,
                           const void *args, const troupe_spawn_options *options,
                           troupe_id *out)
{
    if (options != NULL && options->base != 0 && options->base != self->base->index) {
        return TROUPE_EINVAL;
    }
    return trp_spawn(self->base, self->actor->id, behavior, args, options, 0, out);
}

/* ---- the end ---- */

void trp_end_soon(struct trp_base *base, struct trp_actor *actor, troupe_status reason)
{
    if (actor->phase > TRP_LIVE) {
        return;
    }
    actor->phase = TRP_ENDING;
    actor->flags |= TRP_ACTOR_ATTENTION | TRP_ACTOR_DEAD;
    actor->reason = (int16_t)reason;
    actor->slot->state = TROUPE_STATE_STOPPING;
    trp_timers_end(base, actor);
    trp_make_ready(base, actor);
}

static void run_stop(struct trp_base *base, struct trp_actor *actor, troupe_status reason)
{
    struct troupe_self before = base->self;
    bool was_exiting = base->exiting;
    int16_t was_reason = base->exit_reason;

    if (actor->behavior->stop != NULL) {
        base->self.actor = actor;
        actor->behavior->stop(&base->self, actor->state, reason);
        base->self = before;
        base->exiting = was_exiting;
        base->exit_reason = was_reason;
    }
}

static void drop_mailbox(struct trp_base *base, struct trp_actor *actor)
{
    troupe_msg *msg = actor->head;

    actor->head = actor->tail = NULL;
    actor->mail = 0;
    while (msg != NULL) {
        troupe_msg *next = msg->next;
        actor->slot->dropped++;
        trp_drop(base, msg, actor->id,
                 base->dropping_mail ? TROUPE_DROP_SHUTDOWN : TROUPE_DROP_DEAD);
        msg = next;
    }
}

/* Its own open asks are given up; those it should have answered fail. */
static void end_futures(struct trp_base *base, struct trp_actor *actor,
                        troupe_status reason)
{
    struct trp_side *side = actor->side;

    while (side != NULL && side->asked != NULL) {
        trp_future_forget(base, side->asked, true);
    }
    while (side != NULL && side->answering != NULL) {
        trp_future_fail(base, side->answering,
                        reason == TROUPE_ECLOSED ? TROUPE_ECLOSED : TROUPE_EGONE,
                        "the actor that was asked has ended");
    }
    trp_pendings_target_ended(base->system, actor->id);
}

void trp_end_now(struct trp_base *base, struct trp_actor *actor, troupe_status reason)
{
    uint32_t handled = (uint32_t)actor->slot->delivered;
    uint64_t id = actor->id;
    bool body = (actor->flags & TRP_ACTOR_HIDDEN) == 0;

    actor->phase = TRP_ENDING;
    actor->flags |= TRP_ACTOR_QUEUED | TRP_ACTOR_DEAD; /* nothing may queue it any more */
    trp_timers_end(base, actor);
    run_stop(base, actor, reason);
    trp_timers_end(base, actor);
    drop_mailbox(base, actor);
    end_futures(base, actor, reason);
    trp_relations_end(base, actor, reason);
    if ((actor->flags & TRP_ACTOR_NAMED) != 0) {
        trp_names_forget(base->system->names, id);
    }
    trp_dead_letters_forget(base, id);
    trp_record(base->recorder, TROUPE_EV_EXIT, (uint16_t)reason, trp_id_number(id), 0, 0,
               handled);
    side_free(actor);
    free_state(actor);
    trp_slot_give(base, actor);
    (void)trp_tally_add(&base->count.ended, 1);
    base->bodies -= body;
    if (TRP_UNLIKELY(!body)) {
        (void)trp_tally_add(&base->hidden, UINT64_MAX); /* one less */
    }
    if (body && base->stopping_all && base->bodies == 0) {
        trp_shutdown_empty(base);
    }
}

void troupe_exit(troupe_self *self, troupe_status reason)
{
    self->actor->flags |= TRP_ACTOR_ATTENTION;
    self->base->exiting = true;
    self->base->exit_reason = (int16_t)reason;
}

/* ---- self ---- */

troupe_id troupe_self_id(const troupe_self *self)
{
    return (troupe_id){self->actor->id};
}

troupe_id troupe_self_parent(const troupe_self *self)
{
    return (troupe_id){self->actor->parent};
}

troupe_system *troupe_self_system(const troupe_self *self)
{
    return self->base->system;
}

troupe_ns troupe_now(const troupe_self *self)
{
    return self->base->now;
}

uint64_t troupe_random(troupe_self *self)
{
    return trp_random(self->base);
}

/* ---- handlers ---- */

troupe_receive trp_handler_of(const struct trp_actor *actor, troupe_kind kind)
{
    const struct trp_side *side = actor->side;
    const troupe_behavior *behavior = actor->behavior;

    for (uint32_t i = 0; side != NULL && i < side->handler_count; i++) {
        if (side->handlers[i].kind == kind) {
            return side->handlers[i].handle;
        }
    }
    for (size_t i = 0; i < behavior->handler_count; i++) {
        if (behavior->handlers[i].kind == kind) {
            return behavior->handlers[i].handle;
        }
    }
    return behavior->receive;
}

static troupe_status remove_handler(struct trp_actor *actor, troupe_kind kind)
{
    struct trp_side *side = actor->side;

    for (uint32_t i = 0; side != NULL && i < side->handler_count; i++) {
        if (side->handlers[i].kind == kind) {
            side->handlers[i] = side->handlers[--side->handler_count];
            return TROUPE_OK;
        }
    }
    return TROUPE_ENOENT;
}

static troupe_status add_handler(struct trp_side *side, troupe_kind kind,
                                 troupe_receive handle)
{
    if (side->handler_count == TROUPE_HANDLERS_MAX) {
        return TROUPE_ELIMIT;
    }
    if (side->handler_count == side->handler_capacity) {
        uint32_t capacity = side->handler_capacity != 0 ? side->handler_capacity * 2 : 4;
        troupe_handler *handlers =
            trp_realloc(side->handlers, capacity * sizeof(*side->handlers));
        if (handlers == NULL) {
            return TROUPE_ENOMEM;
        }
        side->handlers = handlers;
        side->handler_capacity = capacity;
    }
    side->handlers[side->handler_count++] = (troupe_handler){kind, handle};
    return TROUPE_OK;
}

troupe_status troupe_on(troupe_self *self, troupe_kind kind, troupe_receive handle)
{
    if (handle == NULL) {
        return remove_handler(self->actor, kind);
    }
    struct trp_side *side = trp_side(self->actor);
    if (side == NULL) {
        return TROUPE_ENOMEM;
    }
    for (uint32_t i = 0; i < side->handler_count; i++) {
        if (side->handlers[i].kind == kind) {
            side->handlers[i].handle = handle;
            return TROUPE_OK;
        }
    }
    return add_handler(side, kind, handle);
}

troupe_status troupe_become(troupe_self *self, const troupe_behavior *behavior)
{
    struct trp_actor *actor = self->actor;

    if (!valid(behavior, NULL) || behavior->state_size > actor->state_size) {
        return TROUPE_EINVAL;
    }
    actor->behavior = behavior;
    actor->flags &= (uint16_t)~TRP_ACTOR_KEEPS_LAST;
    actor->flags |= behavior->policy == TROUPE_KEEP_LAST ? TRP_ACTOR_KEEPS_LAST : 0;
    actor->slot->kind = trp_kind_of(self->base, behavior->name);
    trp_record(self->base->recorder, TROUPE_EV_STATE, actor->slot->kind,
               trp_id_number(actor->id), actor->slot->message, 0, 0);
    return TROUPE_OK;
}
