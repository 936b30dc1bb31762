/* SPDX-License-Identifier: MIT
 * mail.c - mailboxes: what goes in, what a full one does, what is dropped. */
#include "actors/mail.h"

/* ---- drops ---- */

static const char *const drop_text[] = {
    [TROUPE_DROP_DEAD] = "the actor has ended",
    [TROUPE_DROP_FULL] = "the mailbox is full",
    [TROUPE_DROP_CANCELLED] = "the request was cancelled",
    [TROUPE_DROP_SHUTDOWN] = "the system is shutting down",
};

static const troupe_status drop_status[] = {
    [TROUPE_DROP_DEAD] = TROUPE_EGONE,
    [TROUPE_DROP_FULL] = TROUPE_EBUSY,
    [TROUPE_DROP_CANCELLED] = TROUPE_ECANCELED,
    [TROUPE_DROP_SHUTDOWN] = TROUPE_ECLOSED,
};

void trp_drop(struct trp_base *base, troupe_msg *msg, uint64_t to, troupe_drop reason)
{
    uint64_t asker = (msg->flags & TRP_MSG_ASK) != 0 ? msg->from.bits : 0;

    (void)trp_tally_add(&base->count.dropped, 1);
    if ((msg->flags & TRP_MSG_COUNTED) != 0) {
        trp_engine_dropped(base, msg);
    }
    trp_record(base->recorder, TROUPE_EV_DROP, (uint16_t)msg->kind, trp_id_number(to),
               msg->trace, trp_sender_number(msg), (uint32_t)reason);
    trp_dead_letter(base, msg, to, reason);
    trp_msg_drop(msg);
    if (asker != 0 && reason < (troupe_drop)TRP_COUNT(drop_status)) {
        trp_answer_failure(base, asker, drop_status[reason], drop_text[reason]);
    }
}

/* ---- mailboxes ---- */

/* Takes a message out of the mailbox; prev is the one before it, or NULL. */
static void unlink_mail(struct trp_actor *actor, troupe_msg *msg, troupe_msg *prev)
{
    if (prev != NULL) {
        prev->next = msg->next;
    } else {
        actor->head = msg->next;
    }
    if (actor->tail == msg) {
        actor->tail = prev;
    }
    actor->mail -= (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0;
    actor->slot->dropped++;
}

/* Drops the first ordinary message (of a kind, when `same` is not NULL). */
static bool drop_first(struct trp_base *base, struct trp_actor *actor,
                       const troupe_msg *same)
{
    troupe_msg *prev = NULL;

    for (troupe_msg *msg = actor->head; msg != NULL; prev = msg, msg = msg->next) {
        if ((msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0 &&
            (same == NULL || msg->kind == same->kind)) {
            unlink_mail(actor, msg, prev);
            trp_drop(base, msg, actor->id, TROUPE_DROP_FULL);
            return true;
        }
    }
    return false;
}

static __attribute__((noinline)) void record_send(struct trp_base *base,
                                                  struct trp_actor *to, troupe_msg *msg)
{
    uint64_t now = trp_ticks();

    if ((msg->flags & TRP_MSG_COUNTED) == 0) {
        msg->enqueued = (uint32_t)now;
    } else {
        trp_record_at(base->recorder, now, TROUPE_EV_CALL_QUEUED, (uint16_t)msg->kind,
                      trp_id_number(to->id), msg->trace, trp_sender_number(msg),
                      to->mail);
    }
    if (to->head == NULL || to->head == msg) {
        to->slot->oldest = now;
    }
    if ((to->flags & (TRP_ACTOR_QUEUED | TRP_ACTOR_WAITS)) == 0) {
        to->slot->state = TROUPE_STATE_READY;
    }
    trp_record_at(base->recorder, now, TROUPE_EV_SEND, (uint16_t)msg->kind,
                  trp_sender_number(msg), msg->trace, trp_id_number(to->id), msg->size);
}

/* Accepts into accounts: from here on it is delivered or dropped. */
static inline void account(struct trp_base *base, struct trp_actor *to, troupe_msg *msg)
{
    to->slot->enqueued++;
    msg->trace = trp_tally_add(&base->next_message, 1);
    if (TRP_UNLIKELY(trp_recording(base->recorder, TROUPE_EV_SEND))) {
        record_send(base, to, msg);
    }
}

static inline void become_ready(struct trp_base *base, struct trp_actor *to)
{
    if ((to->flags & TRP_ACTOR_QUEUED) == 0) {
        trp_make_ready(base, to);
    }
}

static troupe_status refuse(struct trp_base *base, struct trp_actor *to)
{
    (void)trp_tally_add(&base->count.refused, 1);
    trp_record(base->recorder, TROUPE_EV_FULL_ON, 0, trp_id_number(to->id), 0,
               base->self.actor != NULL ? trp_id_number(base->self.actor->id) : 0,
               to->mail);
    return TROUPE_EBUSY;
}

/* The mailbox is full, or keeps the last of each kind. *done: msg is dealt with. */
static troupe_status overload(struct trp_base *base, struct trp_actor *to,
                              troupe_msg *msg, bool *done)
{
    switch (to->behavior->policy) {
    case TROUPE_KEEP_LAST:
        if (drop_first(base, to, msg) || to->mail < to->limit) {
            return TROUPE_OK;
        }
        return refuse(base, to);
    case TROUPE_DROP_OLDEST:
        (void)drop_first(base, to, NULL);
        return TROUPE_OK;
    case TROUPE_DROP_NEWEST:
        account(base, to, msg);
        to->slot->dropped++;
        trp_drop(base, msg, to->id, TROUPE_DROP_FULL);
        *done = true;
        return TROUPE_OK;
    case TROUPE_REFUSE:
        break;
    }
    return refuse(base, to);
}

/* Engine calls marked urgent go behind the urgent ones that wait, before all others. */
static void append_urgent(struct trp_actor *to, troupe_msg *msg)
{
    troupe_msg *prev = NULL;

    for (troupe_msg *at = to->head; at != NULL && (at->flags & TRP_MSG_URGENT) != 0;
         at = at->next) {
        prev = at;
    }
    msg->next = prev != NULL ? prev->next : to->head;
    if (prev != NULL) {
        prev->next = msg;
    } else {
        to->head = msg;
    }
    if (msg->next == NULL) {
        to->tail = msg;
    }
}

static void append(struct trp_actor *to, troupe_msg *msg)
{
    if (TRP_UNLIKELY((msg->flags & TRP_MSG_URGENT) != 0 &&
                     (to->flags & TRP_ACTOR_ENGINE) != 0)) {
        append_urgent(to, msg);
        return;
    }
    msg->next = NULL;
    if (to->head != NULL) {
        to->tail->next = msg;
    } else {
        to->head = msg;
    }
    to->tail = msg;
}

/* All but the plain case: lanes, policies, light actors, serial ones, urgent calls. */
static __attribute__((noinline)) troupe_status
enqueue_special(struct trp_base *base, struct trp_actor *to, troupe_msg *msg)
{
    bool bounded = (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0;

    if ((to->flags & TRP_ACTOR_LIGHT) != 0) {
        return trp_subscription_deliver(base, to->future, msg);
    }
    if (bounded) {
        if (to->mail >= to->limit || (to->flags & TRP_ACTOR_KEEPS_LAST) != 0) {
            bool done = false;
            troupe_status status = overload(base, to, msg, &done);
            if (status != TROUPE_OK || done) {
                return status;
            }
        }
        if (++to->mail > to->slot->high_water) {
            to->slot->high_water = to->mail;
        }
    }
    if ((msg->flags & TRP_MSG_ANSWER) == 0 || msg->to.bits == 0) {
        msg->to.bits = to->id; /* else: an answer that names its kept future */
    }
    account(base, to, msg);
    append(to, msg);
    if (!bounded || (to->flags & TRP_ACTOR_WAITS) == 0) {
        become_ready(base, to);
    }
    return TROUPE_OK;
}

troupe_status trp_enqueue(struct trp_base *base, struct trp_actor *to, troupe_msg *msg)
{
    if (TRP_UNLIKELY(!trp_mail_is_plain(to, msg))) {
        return enqueue_special(base, to, msg);
    }
    trp_mail_put(base, to, msg);
    if (TRP_UNLIKELY(trp_recording(base->recorder, TROUPE_EV_SEND))) {
        record_send(base, to, msg);
    }
    become_ready(base, to);
    return TROUPE_OK;
}

void trp_room_check(struct trp_base *base, struct trp_actor *actor)
{
    struct trp_side *side = actor->side;

    if (actor->mail > actor->limit / 2) {
        return;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < side->relation_count; i++) {
        struct trp_relation relation = side->relations[i];
        if (relation.type != TRP_REL_ROOM) {
            side->relations[kept++] = relation;
            continue;
        }
        relation.notice->kind = TROUPE_KIND_ROOM;
        relation.notice->from.bits = actor->id;
        if (trp_send(base, relation.id, relation.notice) != TROUPE_OK) {
            trp_msg_drop(relation.notice);
        }
    }
    side->relation_count = kept;
    actor->flags &= (uint16_t)~TRP_ACTOR_ROOM;
    trp_record(base->recorder, TROUPE_EV_FULL_OFF, 0, trp_id_number(actor->id), 0, 0,
               actor->mail);
}

troupe_status troupe_tell_when_room(troupe_self *self, troupe_id target, uint64_t tag)
{
    return trp_relation_ask(self->base, self->actor->id, target.bits,
                            TRP_KIND_ROOM_WANTED, tag);
}

/* Tells an actor that wants to know; without memory it never learns. */
static void tell_cancelled(struct trp_base *base, struct trp_actor *target,
                           uint64_t asker)
{
    troupe_msg *msg = NULL;

    if ((target->behavior->flags & TRP_TRAP_CANCEL) == 0 ||
        trp_msg_new(TRP_KIND_CANCEL, 0, &msg) != TROUPE_OK) {
        return;
    }
    msg->from.bits = asker;
    msg->flags = TRP_MSG_SIGNAL;
    if (trp_enqueue(base, target, msg) != TROUPE_OK) {
        trp_msg_drop(msg);
    }
}

void trp_cancel_queued(struct trp_base *base, struct trp_actor *target, uint64_t asker)
{
    troupe_msg *prev = NULL;

    for (troupe_msg *msg = target->head; msg != NULL; prev = msg, msg = msg->next) {
        if ((msg->flags & TRP_MSG_ASK) != 0 && msg->from.bits == asker) {
            unlink_mail(target, msg, prev);
            msg->flags &= (uint8_t)~TRP_MSG_ASK; /* who asked knows already */
            trp_drop(base, msg, target->id, TROUPE_DROP_CANCELLED);
            return;
        }
    }
    tell_cancelled(base, target, asker);
}
