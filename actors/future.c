/* SPDX-License-Identifier: MIT
 * future.c - one request, one answer.
 *
 *   OPEN --answer, failure, limit, cancel--> told to the owner --> gone
 *     |                                          \-- with `then`: kept until it has run
 *     +-- the owner ends --> gone, the request is cancelled
 *
 * A future is a light actor: it has an id and a slot, and never runs. It is in two lists:
 * its owner's open asks, and (on one base) what its target must answer. */
#include <string.h>

#include "actors/runtime.h"

static void owner_add(struct trp_side *side, struct trp_future *f)
{
    f->owner_next = side->asked;
    f->owner_link = &side->asked;
    if (f->owner_next != NULL) {
        f->owner_next->owner_link = &f->owner_next;
    }
    side->asked = f;
}

static void owner_remove(struct trp_future *f)
{
    if (f->owner_link != NULL) {
        *f->owner_link = f->owner_next;
        if (f->owner_next != NULL) {
            f->owner_next->owner_link = f->owner_link;
        }
        f->owner_link = NULL;
    }
}

static void target_add(struct trp_side *side, struct trp_future *f)
{
    f->target_next = side->answering;
    f->target_link = &side->answering;
    if (f->target_next != NULL) {
        f->target_next->target_link = &f->target_next;
    }
    side->answering = f;
}

static void target_remove(struct trp_future *f)
{
    if (f->target_link != NULL) {
        *f->target_link = f->target_next;
        if (f->target_next != NULL) {
            f->target_next->target_link = f->target_link;
        }
        f->target_link = NULL;
    }
}

struct trp_future *trp_future_new(struct trp_base *base, struct trp_actor *owner,
                                  const char *kind)
{
    unsigned class = trp_pool_class_of(sizeof(struct trp_future));
    if (TRP_UNLIKELY(trp_tally_read(&base->alive) >= base->system->options.actors_max)) {
        return NULL;
    }
    struct trp_side *side = trp_side(owner);
    uint16_t home;
    struct trp_future *f = side != NULL ? trp_pool_get(class, &home) : NULL;

    if (f == NULL) {
        return NULL;
    }
    struct trp_actor *light = trp_slot_take(base, kind, owner->id);
    if (light == NULL) {
        trp_pool_put(f, class, home);
        return NULL;
    }
    *f = (struct trp_future){
        .self = light, .owner = owner->id, .home = home, .class = (uint8_t) class};
    light->flags = TRP_ACTOR_LIGHT;
    light->future = f;
    light->slot->state = TROUPE_STATE_WAITING;
    owner_add(side, f);
    return f;
}

/* Takes the future out of everything and frees it. */
static void release(struct trp_base *base, struct trp_future *f)
{
    owner_remove(f);
    target_remove(f);
    if (f->timer != 0) {
        trp_timer_clear(base, NULL, f->timer);
    }
    trp_slot_give(base, f->self);
    trp_pool_put(f, f->class, f->home);
}

/* No longer the target's business. */
static void leave_target(struct trp_base *base, struct trp_future *f)
{
    target_remove(f);
    if (f->remote) {
        f->remote = false;
        (void)trp_signal(base, f->self->id, f->target, TRP_KIND_UNWATCH, 0);
    }
}

/* Drops the request if it still waits in the target's mailbox. */
static void cancel_request(struct trp_base *base, struct trp_future *f)
{
    if (f->target == 0) {
        return;
    }
    if (trp_id_base(f->target) == base->index) {
        struct trp_actor *target = trp_find(base, f->target);
        if (target != NULL && (target->flags & TRP_ACTOR_LIGHT) == 0) {
            trp_cancel_queued(base, target, f->self->id);
        }
        return;
    }
    (void)trp_signal(base, f->self->id, f->target, TRP_KIND_CANCEL, 0);
    struct trp_base *other = trp_base_at(base->system, trp_id_base(f->target));
    if (other != NULL && other->is_engine) {
        trp_flush(base); /* first the cancel is at the door, then look who runs */
        trp_engine_cancel_running(other, f->self->id);
    }
}

void trp_future_forget(struct trp_base *base, struct trp_future *f, bool tell_target)
{
    leave_target(base, f);
    if (f->subscription) {
        if (tell_target) {
            (void)trp_signal(base, f->self->id, f->target, TROUPE_KIND_UNSUBSCRIBE, 0);
        }
        trp_record(base->recorder, TROUPE_EV_SUB_DROP, 0, trp_id_number(f->self->id), 0,
                   trp_id_number(f->target), f->credit);
    } else if (tell_target && !f->answered) {
        trp_record(base->recorder, TROUPE_EV_FUTURE_CANCEL, 0, trp_id_number(f->self->id),
                   0, trp_id_number(f->owner), 0);
        cancel_request(base, f);
    }
    if (f->unpaid != 0) {
        struct trp_future **link = &base->unpaid;
        while (*link != f) {
            link = &(*link)->unpaid_next;
        }
        *link = f->unpaid_next;
    }
    struct trp_join *parts = f->parts;
    release(base, f);
    if (parts != NULL) {
        trp_join_forget(base, parts);
    }
}

static uint32_t age(const struct trp_base *base, const struct trp_future *f)
{
    if (!trp_recording(base->recorder, TROUPE_EV_FUTURE_RESOLVE)) {
        return 0;
    }
    uint64_t ns = trp_ticks_to_ns(trp_ticks() - f->created);
    return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* A watched target on another base has ended before it answered. */
static troupe_status from_down(const troupe_msg *msg)
{
    troupe_down down;

    memcpy(&down, msg->body, sizeof(down));
    return down.reason == TROUPE_ECLOSED ? TROUPE_ECLOSED : TROUPE_EGONE;
}

void trp_future_answer(struct trp_base *base, struct trp_future *f, troupe_msg *msg)
{
    if (TRP_UNLIKELY(f->answered || f->unpaid != 0)) {
        trp_msg_drop(msg);
        return;
    }
    if (TRP_UNLIKELY(msg->kind == TROUPE_KIND_DOWN &&
                     (msg->flags & TRP_MSG_SIGNAL) != 0)) {
        troupe_status status = from_down(msg);
        trp_msg_drop(msg);
        f->remote = false;
        trp_future_fail(base, f, status, "the actor that was asked has ended");
        return;
    }
    leave_target(base, f);
    if (f->timer != 0) {
        trp_timer_clear(base, NULL, f->timer);
        f->timer = 0;
    }
    trp_record(base->recorder, TROUPE_EV_FUTURE_RESOLVE, (uint16_t)troupe_msg_status(msg),
               trp_id_number(f->self->id), msg->trace, trp_id_number(f->owner),
               age(base, f));
    struct trp_join *parts = f->parts;
    f->parts = NULL;
    if (f->join != NULL) {
        struct trp_join *join = f->join;
        uint32_t part = f->part;
        release(base, f);
        if (parts != NULL) { /* a join that was part of a join, and took too long */
            trp_join_forget(base, parts);
        }
        trp_join_take(base, join, part, msg);
        return;
    }
    struct trp_actor *owner = trp_find(base, f->owner);
    msg->tag = f->tag;
    msg->flags =
        (uint8_t)((msg->flags & (TRP_MSG_OWNED | TRP_MSG_BLOB)) | TRP_MSG_ANSWER);
    if (msg->from.bits == 0) {
        msg->from.bits = f->target;
    }
    msg->to.bits = f->owner;
    if (owner == NULL) { /* ending: its futures go with it */
        trp_msg_drop(msg);
        if (parts != NULL) {
            trp_join_forget(base, parts);
        }
        return;
    }
    if (f->then != NULL) {
        msg->to.bits = f->self->id;
        f->answered = true;
    } else {
        release(base, f);
    }
    (void)trp_enqueue(base, owner, msg); /* answers are never refused */
    if (parts != NULL) {
        trp_join_forget(base, parts);
    }
}

void trp_future_fail(struct trp_base *base, struct trp_future *f, troupe_status status,
                     const char *text)
{
    troupe_msg *msg = NULL;

    if (f->unpaid != 0 || f->answered) {
        return;
    }
    if (f->subscription) {
        trp_subscription_end(base, f, status);
        return;
    }
    if (troupe_msg_new_failure(status, (troupe_id){f->target}, &msg, "%s", text) ==
        TROUPE_OK) {
        msg->from.bits = f->target;
        trp_future_answer(base, f, msg);
        return;
    }
    leave_target(base, f);
    f->unpaid = (int16_t)status;
    f->unpaid_next = base->unpaid;
    base->unpaid = f;
}

void trp_futures_pay(struct trp_base *base)
{
    for (struct trp_future *f; (f = base->unpaid) != NULL;) {
        troupe_status status = (troupe_status)f->unpaid;
        base->unpaid = f->unpaid_next;
        f->unpaid = 0;
        trp_future_fail(base, f, status, troupe_status_text(status));
        if (base->unpaid == f) {
            return; /* still no memory */
        }
    }
}

struct trp_future *trp_future_of(struct trp_base *base, uint64_t id)
{
    struct trp_actor *light = trp_id_base(id) == base->index ? trp_find(base, id) : NULL;

    return light != NULL && (light->flags & TRP_ACTOR_LIGHT) != 0 ? light->future : NULL;
}

void trp_future_limit_passed(struct trp_base *base, uint64_t id)
{
    struct trp_future *f = trp_future_of(base, id);

    trp_timer_clear(base, NULL, f->timer);
    f->timer = 0;
    cancel_request(base, f);
    trp_future_fail(base, f, TROUPE_ETIMEDOUT, "no answer within the time limit");
}

void trp_futures_end_calls(struct trp_base *base, const troupe_msg *msg)
{
    for (uint32_t i = 0; i < base->fresh; i++) {
        struct trp_actor *light = &base->chunks[i / TRP_CHUNK]->actors[i % TRP_CHUNK];
        if (light->phase != TRP_LIVE || (light->flags & TRP_ACTOR_LIGHT) == 0 ||
            light->future->target != msg->from.bits) {
            continue;
        }
        bool running = light->id == msg->tag;
        trp_future_fail(base, light->future,
                        running ? TROUPE_ETIMEDOUT : TROUPE_ECANCELED,
                        running ? "the engine was closed and the call does not return"
                                : "the engine was closed before the call ran");
    }
}

/* Registers the future with whoever must answer now, so that it fails when that ends. */
static troupe_status join_target(struct trp_base *base, struct trp_future *f, uint64_t to)
{
    f->target = to;
    f->self->slot->waits_on = to;
    if (trp_id_base(to) == base->index) {
        struct trp_actor *target = trp_find(base, to);
        if (target == NULL || (target->flags & TRP_ACTOR_LIGHT) != 0) {
            return TROUPE_EGONE;
        }
        struct trp_side *side = trp_side(target);
        if (side == NULL) {
            return TROUPE_ENOMEM;
        }
        target_add(side, f);
        return TROUPE_OK;
    }
    const struct trp_base *other = trp_base_at(base->system, trp_id_base(to));
    if (other == NULL) {
        return TROUPE_EGONE;
    }
    if (other->is_engine) {
        return TROUPE_OK; /* an engine answers all it has accepted, also when it closes */
    }
    troupe_status status = trp_relation_ask(base, f->self->id, to, TRP_KIND_WATCH, 0);
    f->remote = status == TROUPE_OK;
    return status;
}

void trp_future_retarget(struct trp_base *base, uint64_t asker, uint64_t to)
{
    if (trp_id_base(asker) == TRP_BASE_PENDING) {
        trp_pending_retarget(base->system, asker, to);
        return;
    }
    struct trp_future *f = trp_future_of(base, asker);
    if (f == NULL || f->subscription || f->answered || f->unpaid != 0) {
        return;
    }
    leave_target(base, f);
    if (join_target(base, f, to) != TROUPE_OK) {
        f->target =
            to; /* unwatched: its time limit, or the drop of the message, serves */
    }
}

/* Whether `to` waits, through others of this base, for `self`. */
static bool would_wait_for(struct trp_base *base, uint64_t to, uint64_t self)
{
    for (uint32_t hops = 0; hops <= trp_tally_read(&base->alive); hops++) {
        if (to == self) {
            return true;
        }
        const struct trp_actor *next =
            trp_id_base(to) == base->index ? trp_find(base, to) : NULL;
        if (next == NULL || (next->flags & TRP_ACTOR_WAITS) == 0) {
            return false;
        }
        to = next->slot->waits_on;
    }
    return true;
}

bool trp_waits_on_asks(const struct trp_actor *actor)
{
    for (const struct trp_future *f = actor->side->asked; f != NULL; f = f->owner_next) {
        if (!f->subscription && !f->answered) {
            return true;
        }
    }
    return false;
}

static troupe_status set_limit(struct trp_base *base, struct trp_future *f,
                               troupe_ns timeout)
{
    if (timeout == TROUPE_NEVER || timeout > TROUPE_NEVER - base->now) {
        return TROUPE_OK;
    }
    return trp_timer_set(base, NULL, f->self->id, base->now + timeout, 0, 0, 0,
                         &f->timer);
}

static troupe_status send_request(struct trp_base *base, struct trp_future *f,
                                  uint64_t to, troupe_msg *msg)
{
    troupe_id from = msg->from;
    uint8_t flags = msg->flags;

    msg->from.bits = f->self->id;
    msg->flags = (uint8_t)((flags & (TRP_MSG_OWNED | TRP_MSG_BLOB | TRP_MSG_URGENT)) |
                           TRP_MSG_ASK);
    troupe_status status = trp_send(base, to, msg);
    if (status != TROUPE_OK) {
        msg->from = from;
        msg->flags = flags;
    }
    return status;
}

static void wait_serially(struct trp_base *base, struct trp_actor *actor,
                          const struct trp_future *f)
{
    actor->flags |= TRP_ACTOR_WAITS;
    actor->slot->waits_on = f->target;
    actor->slot->waits_ask = f->self->id;
    trp_record(base->recorder, TROUPE_EV_ASK_WAIT, 0, trp_id_number(actor->id),
               f->self->id, trp_id_number(f->target), 0);
}

troupe_status troupe_ask(troupe_self *self, troupe_id to, troupe_msg **msg,
                         troupe_ns timeout, uint64_t tag, troupe_future *out)
{
    struct trp_base *base = self->base;
    struct trp_actor *actor = self->actor;
    bool serial = (actor->behavior->flags & TROUPE_SERIAL) != 0;

    if (*msg == NULL || timeout <= 0) {
        return TROUPE_EINVAL;
    }
    if (serial && would_wait_for(base, to.bits, actor->id)) {
        return TROUPE_ECYCLE;
    }
    struct trp_future *f = trp_future_new(base, actor, "future");
    if (f == NULL) {
        return trp_tally_read(&base->alive) >= base->system->options.actors_max
                   ? TROUPE_ELIMIT
                   : TROUPE_ENOMEM;
    }
    f->tag = tag;
    if (trp_recording(base->recorder, TROUPE_EV_FUTURE_NEW)) {
        f->created = trp_ticks();
        trp_record(base->recorder, TROUPE_EV_FUTURE_NEW, 0, trp_id_number(f->self->id), 0,
                   trp_id_number(actor->id), 0);
    }
    uint64_t id = f->self->id;
    troupe_status status = join_target(base, f, to.bits);
    if (status == TROUPE_OK) {
        status = set_limit(base, f, timeout);
    }
    if (status == TROUPE_OK) {
        status = send_request(base, f, to.bits, *msg);
    }
    if (status != TROUPE_OK) {
        (void)trp_tally_add(&base->count.refused, status == TROUPE_EGONE);
        trp_future_forget(base, f, false);
        return status;
    }
    *msg = NULL;
    f = trp_future_of(base, id); /* a dropping mailbox may have answered already */
    if (serial && f != NULL) {
        wait_serially(base, actor, f);
    }
    if (out != NULL) {
        out->id.bits = id;
    }
    return TROUPE_OK;
}

/* self's open future, or why not. */
static troupe_status own_future(troupe_self *self, troupe_future future,
                                struct trp_future **out)
{
    struct trp_future *f = trp_future_of(self->base, future.id.bits);

    if (f == NULL || f->subscription || f->answered || f->unpaid != 0) {
        return TROUPE_EGONE;
    }
    if (f->owner != self->actor->id || f->join != NULL) {
        return TROUPE_EINVAL;
    }
    *out = f;
    return TROUPE_OK;
}

troupe_status troupe_future_then(troupe_self *self, troupe_future future,
                                 troupe_receive handle)
{
    struct trp_future *f = NULL;
    troupe_status status = own_future(self, future, &f);

    if (status == TROUPE_OK) {
        f->then = handle;
    }
    return status;
}

troupe_status troupe_future_cancel(troupe_self *self, troupe_future future)
{
    struct trp_future *f = NULL;
    troupe_status status = own_future(self, future, &f);

    if (status == TROUPE_OK) {
        trp_record(self->base->recorder, TROUPE_EV_FUTURE_CANCEL, 0,
                   trp_id_number(f->self->id), 0, trp_id_number(f->owner), 0);
        cancel_request(self->base, f);
        trp_future_fail(self->base, f, TROUPE_ECANCELED, "the ask was cancelled");
    }
    return status;
}

troupe_status troupe_future_limit(troupe_self *self, troupe_future future,
                                  troupe_ns timeout)
{
    struct trp_base *base = self->base;
    struct trp_future *f = NULL;
    troupe_status status = timeout > 0 ? own_future(self, future, &f) : TROUPE_EINVAL;

    if (status != TROUPE_OK) {
        return status;
    }
    uint32_t before = f->timer;
    f->timer = 0;
    status = set_limit(base, f, timeout);
    if (status != TROUPE_OK) {
        f->timer = before;
    } else if (before != 0) {
        trp_timer_clear(base, NULL, before);
    }
    return status;
}
