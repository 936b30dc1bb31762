/* SPDX-License-Identifier: MIT
 * watch.c - who is told when an actor ends, or has room again.
 *
 * A relation lives with the one that is watched. It holds the very message that will be
 * told, so that the telling cannot fail: the request to watch is that message. */
#include <string.h>

#include "actors/runtime.h"

enum { RELATIONS_MAX = TROUPE_WAITERS_MAX };

static void fill_down(troupe_msg *notice, troupe_kind kind, uint64_t id,
                      troupe_status reason)
{
    troupe_down down = {.id = {id}, .reason = reason};

    notice->kind = kind;
    notice->flags = TRP_MSG_SIGNAL;
    notice->from.bits = id;
    memcpy(notice->body, &down, sizeof(down));
}

static void send_notice(struct trp_base *base, uint64_t to, troupe_msg *notice)
{
    if (trp_send(base, to, notice) != TROUPE_OK) {
        trp_msg_drop(notice); /* whoever wanted to know has ended */
    }
}

/* Removes the relations of watchers on this base that have ended. */
static void purge(struct trp_base *base, struct trp_side *side)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < side->relation_count; i++) {
        struct trp_relation *relation = &side->relations[i];
        if (trp_id_base(relation->id) == base->index &&
            trp_find(base, relation->id) == NULL) {
            troupe_msg_free(&relation->notice);
        } else {
            side->relations[kept++] = *relation;
        }
    }
    side->relation_count = kept;
}

static struct trp_relation *find(struct trp_side *side, uint64_t id, int type)
{
    for (uint32_t i = 0; side != NULL && i < side->relation_count; i++) {
        if (side->relations[i].id == id && (int)side->relations[i].type == type) {
            return &side->relations[i];
        }
    }
    return NULL;
}

static troupe_status grow(struct trp_base *base, struct trp_side *side)
{
    if (side->relation_count < side->relation_capacity) {
        return TROUPE_OK;
    }
    purge(base, side);
    if (side->relation_count < side->relation_capacity - side->relation_capacity / 4) {
        return TROUPE_OK;
    }
    if (side->relation_count >= RELATIONS_MAX) {
        return TROUPE_ELIMIT;
    }
    uint32_t capacity = side->relation_capacity != 0 ? side->relation_capacity * 2 : 2;
    struct trp_relation *relations =
        trp_realloc(side->relations, capacity * sizeof(*side->relations));
    if (relations == NULL) {
        return TROUPE_ENOMEM;
    }
    side->relations = relations;
    side->relation_capacity = capacity;
    return TROUPE_OK;
}

troupe_status trp_relate(struct trp_base *base, struct trp_actor *actor, uint64_t id,
                         int type, troupe_msg *notice)
{
    struct trp_side *side = trp_side(actor);

    if (side == NULL) {
        return TROUPE_ENOMEM;
    }
    struct trp_relation *old = find(side, id, type);
    if (old != NULL) {
        troupe_msg_free(&old->notice);
        old->notice = notice;
        return TROUPE_OK;
    }
    troupe_status status = grow(base, side);
    if (status == TROUPE_OK) {
        struct trp_relation *relation = &side->relations[side->relation_count++];
        relation->id = id;
        relation->notice = notice;
        switch (type) {
        case TRP_REL_LINK:
            relation->type = TRP_REL_LINK;
            break;
        case TRP_REL_ROOM:
            relation->type = TRP_REL_ROOM;
            break;
        default:
            relation->type = TRP_REL_WATCHER;
            break;
        }
    }
    return status;
}

bool trp_unrelate(struct trp_actor *actor, uint64_t id, int type)
{
    struct trp_relation *relation =
        (actor->flags & TRP_ACTOR_LIGHT) == 0 ? find(actor->side, id, type) : NULL;

    if (relation == NULL) {
        return false;
    }
    struct trp_side *side = actor->side;
    troupe_msg_free(&relation->notice);
    *relation = side->relations[--side->relation_count];
    return true;
}

/* ---- signals ---- */

static int type_of(troupe_kind kind)
{
    switch (kind) {
    case TRP_KIND_LINK:
    case TRP_KIND_UNLINK:
        return TRP_REL_LINK;
    case TRP_KIND_ROOM_WANTED:
        return TRP_REL_ROOM;
    default:
        return TRP_REL_WATCHER;
    }
}

/* A linked actor has ended: the same reason ends this one, or it is told. */
static void exit_told(struct trp_base *base, struct trp_actor *target, troupe_msg *msg)
{
    troupe_down down;

    memcpy(&down, msg->body, sizeof(down));
    (void)trp_unrelate(target, down.id.bits, TRP_REL_LINK);
    if ((target->behavior->flags & TROUPE_TRAP_EXIT) != 0) {
        (void)trp_enqueue(base, target, msg); /* signals are never refused */
        return;
    }
    trp_msg_drop(msg);
    if (down.reason != TROUPE_OK) {
        trp_end_soon(base, target, down.reason);
    }
}

/* A relation was made. */
static void related(struct trp_base *base, struct trp_actor *target, uint64_t from,
                    troupe_kind kind)
{
    if (kind == TRP_KIND_ROOM_WANTED) {
        target->flags |= TRP_ACTOR_ROOM;
        trp_room_check(base, target);
    } else {
        trp_record(base->recorder, TROUPE_EV_LINK, (uint16_t)type_of(kind),
                   trp_id_number(from), 0, trp_id_number(target->id), 0);
    }
}

static void remember(struct trp_base *base, struct trp_actor *target, troupe_msg *msg)
{
    uint64_t from = msg->from.bits;
    uint64_t id = msg->to.bits;
    troupe_kind kind = msg->kind;
    troupe_kind told = kind == TRP_KIND_LINK ? TROUPE_KIND_EXIT : TROUPE_KIND_DOWN;
    troupe_status status = target == NULL ? TROUPE_EGONE : TROUPE_OK;

    if (status == TROUPE_OK) {
        status = trp_relate(base, target, from, type_of(kind), msg);
    }
    if (status != TROUPE_OK) {
        fill_down(msg, told, id, status);
        if (told == TROUPE_KIND_EXIT && trp_id_base(from) == base->index) {
            msg->to.bits = from;
            trp_watch_signal(base, msg); /* ends it, or tells it when it traps */
        } else {
            send_notice(base, from, msg);
        }
        return;
    }
    related(base, target, from, kind);
}

void trp_watch_signal(struct trp_base *base, troupe_msg *msg)
{
    struct trp_actor *target = trp_find(base, msg->to.bits);

    if (target != NULL && (target->flags & TRP_ACTOR_LIGHT) != 0) {
        target = NULL; /* futures and subscriptions cannot be watched */
    }
    switch (msg->kind) {
    case TRP_KIND_WATCH:
    case TRP_KIND_LINK:
    case TRP_KIND_ROOM_WANTED:
        remember(base, target, msg);
        return;
    case TROUPE_KIND_EXIT:
        if (target != NULL) {
            exit_told(base, target, msg);
            return;
        }
        break;
    default:
        if (target != NULL) {
            (void)trp_unrelate(target, msg->from.bits, type_of(msg->kind));
        }
        break;
    }
    trp_msg_drop(msg);
}

/* Sends a signal for the watch lists; those of this base are handled at once. */
static troupe_status send_signal(struct trp_base *base, uint64_t to, troupe_msg *msg)
{
    msg->flags = TRP_MSG_SIGNAL;
    msg->to.bits = to;
    if (trp_id_base(to) == base->index) {
        trp_watch_signal(base, msg);
        return TROUPE_OK;
    }
    troupe_status status = trp_send(base, to, msg);
    if (status == TROUPE_EGONE &&
        (msg->kind == TRP_KIND_WATCH || msg->kind == TRP_KIND_LINK)) {
        fill_down(msg, msg->kind == TRP_KIND_LINK ? TROUPE_KIND_EXIT : TROUPE_KIND_DOWN,
                  to, TROUPE_EGONE);
        send_notice(base, msg->from.bits, msg);
        return TROUPE_OK;
    }
    if (status != TROUPE_OK) {
        trp_msg_drop(msg);
    }
    return status;
}

/* The one to be watched lives here: what cannot be remembered is refused. */
static troupe_status relate_here(struct trp_base *base, struct trp_actor *target,
                                 troupe_msg *msg)
{
    uint64_t from = msg->from.bits;
    troupe_kind kind = msg->kind;
    troupe_status status = trp_relate(base, target, from, type_of(kind), msg);

    if (status != TROUPE_OK) {
        trp_msg_drop(msg);
        return status;
    }
    related(base, target, from, kind);
    return TROUPE_OK;
}

troupe_status trp_relation_ask(struct trp_base *base, uint64_t from, uint64_t to,
                               troupe_kind kind, uint64_t tag)
{
    troupe_msg *msg = NULL;
    struct trp_actor *target = trp_id_base(to) == base->index ? trp_find(base, to) : NULL;

    if (kind == TRP_KIND_ROOM_WANTED && trp_id_base(to) == base->index &&
        target == NULL) {
        return TROUPE_EGONE;
    }
    troupe_status status = trp_msg_new(kind, sizeof(troupe_down), &msg);
    if (status != TROUPE_OK) {
        return status;
    }
    msg->from.bits = from;
    msg->tag = tag;
    if (target != NULL && (target->flags & TRP_ACTOR_LIGHT) == 0) {
        msg->flags = TRP_MSG_SIGNAL;
        msg->to.bits = to;
        return relate_here(base, target, msg);
    }
    return send_signal(base, to, msg);
}

void trp_relation_end(struct trp_base *base, uint64_t from, uint64_t to, troupe_kind kind)
{
    struct trp_actor *target = trp_id_base(to) == base->index ? trp_find(base, to) : NULL;

    if (target != NULL) {
        (void)trp_unrelate(target, from, type_of(kind));
    } else if (trp_id_base(to) != base->index) {
        (void)trp_signal(base, from, to, kind, 0);
    }
}

void trp_relations_end(struct trp_base *base, struct trp_actor *actor,
                       troupe_status reason)
{
    struct trp_side *side = actor->side;

    for (uint32_t i = 0; side != NULL && i < side->relation_count; i++) {
        struct trp_relation relation = side->relations[i];
        bool link = relation.type == TRP_REL_LINK;
        side->relations[i].notice = NULL;
        fill_down(relation.notice, link ? TROUPE_KIND_EXIT : TROUPE_KIND_DOWN, actor->id,
                  reason);
        if (link && trp_id_base(relation.id) == base->index) {
            relation.notice->to.bits = relation.id;
            trp_watch_signal(base, relation.notice);
        } else {
            send_notice(base, relation.id, relation.notice);
        }
    }
    if (side != NULL) {
        side->relation_count = 0;
    }
}

/* ---- public ---- */

troupe_status troupe_watch(troupe_self *self, troupe_id target)
{
    if (target.bits == 0 || target.bits == self->actor->id) {
        return TROUPE_EINVAL;
    }
    return trp_relation_ask(self->base, self->actor->id, target.bits, TRP_KIND_WATCH, 0);
}

void troupe_unwatch(troupe_self *self, troupe_id target)
{
    trp_relation_end(self->base, self->actor->id, target.bits, TRP_KIND_UNWATCH);
}

troupe_status troupe_link(troupe_self *self, troupe_id target)
{
    struct trp_base *base = self->base;
    troupe_msg *notice = NULL;

    if (target.bits == 0 || target.bits == self->actor->id) {
        return TROUPE_EINVAL;
    }
    troupe_status status = trp_msg_new(TRP_KIND_LINK, sizeof(troupe_down), &notice);
    if (status != TROUPE_OK) {
        return status;
    }
    status = trp_relate(base, self->actor, target.bits, TRP_REL_LINK, notice);
    if (status != TROUPE_OK) {
        trp_msg_drop(notice);
        return status;
    }
    status = trp_relation_ask(base, self->actor->id, target.bits, TRP_KIND_LINK, 0);
    if (status != TROUPE_OK) {
        (void)trp_unrelate(self->actor, target.bits, TRP_REL_LINK);
    }
    return status;
}

void troupe_unlink(troupe_self *self, troupe_id target)
{
    (void)trp_unrelate(self->actor, target.bits, TRP_REL_LINK);
    trp_relation_end(self->base, self->actor->id, target.bits, TRP_KIND_UNLINK);
}

/* ---- stop and kill ---- */

troupe_status troupe_stop(troupe_self *self, troupe_id target)
{
    return trp_signal(self->base, self->actor->id, target.bits, TROUPE_KIND_STOP, 0);
}

troupe_status troupe_kill(troupe_self *self, troupe_id target)
{
    struct trp_base *base = self->base;

    if (trp_id_base(target.bits) != base->index) {
        return trp_signal(base, self->actor->id, target.bits, TRP_KIND_KILL, 0);
    }
    struct trp_actor *actor = trp_find(base, target.bits);
    if (actor == NULL || (actor->flags & TRP_ACTOR_LIGHT) != 0) {
        return TROUPE_EGONE;
    }
    trp_end_soon(base, actor, TROUPE_EKILLED);
    return TROUPE_OK;
}
