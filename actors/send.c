/* SPDX-License-Identifier: MIT
 * send.c - from a sender to a mailbox: on this base, through another's door, or not. */
#include <stdarg.h>
#include <string.h>

#include "actors/runtime.h"
#include "mailbox/failure.h"

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

    base->count.dropped++;
    if (base->is_engine && (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0) {
        trp_engine_dequeued(base);
    }
    trp_record(base->recorder, TROUPE_EV_DROP, (uint16_t)msg->kind, trp_id_number(to),
               msg->trace, trp_id_number(msg->from.bits), (uint32_t)reason);
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

    msg->enqueued = (uint32_t)now;
    if (to->head == NULL || to->head == msg) {
        to->slot->oldest = now;
    }
    if ((to->flags & (TRP_ACTOR_QUEUED | TRP_ACTOR_WAITS)) == 0) {
        to->slot->state = TROUPE_STATE_READY;
    }
    trp_record_at(base->recorder, now, TROUPE_EV_SEND, (uint16_t)msg->kind,
                  trp_id_number(msg->from.bits), msg->trace, trp_id_number(to->id),
                  msg->size);
}

/* Accepts into accounts: from here on it is delivered or dropped. */
static inline void account(struct trp_base *base, struct trp_actor *to, troupe_msg *msg)
{
    to->slot->enqueued++;
    msg->trace = ++base->next_message;
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
    base->count.refused++;
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
    if (msg->to.bits == 0 || (msg->flags & TRP_MSG_ANSWER) == 0) {
        msg->to.bits = to->id; /* else: an answer that names its kept future */
    }
    account(base, to, msg);
    append(to, msg);
    if (!bounded || (to->flags & TRP_ACTOR_WAITS) == 0) {
        become_ready(base, to);
    }
    return TROUPE_OK;
}

static inline bool is_plain(const struct trp_actor *to, const troupe_msg *msg)
{
    return (msg->flags & ~TRP_MSG_BODY) == 0 && (to->flags & TRP_ACTOR_SPECIAL) == 0 &&
           to->mail < to->limit;
}

/* The plain case, short enough to stand in each sender. */
static inline void put_plain(struct trp_base *base, struct trp_actor *to, troupe_msg *msg)
{
    if (++to->mail > to->slot->high_water) {
        to->slot->high_water = to->mail;
    }
    msg->to.bits = to->id;
    to->slot->enqueued++;
    msg->trace = ++base->next_message;
    msg->next = NULL;
    if (to->head != NULL) {
        to->tail->next = msg;
    } else {
        to->head = msg;
    }
    to->tail = msg;
}

troupe_status trp_enqueue(struct trp_base *base, struct trp_actor *to, troupe_msg *msg)
{
    if (TRP_UNLIKELY(!is_plain(to, msg))) {
        return enqueue_special(base, to, msg);
    }
    put_plain(base, to, msg);
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
}

/* ---- to other bases ---- */

static troupe_status into_outbox(struct trp_base *base, struct trp_base *other,
                                 troupe_msg *msg)
{
    if (base->outboxes == NULL) {
        base->outboxes = trp_calloc(TRP_SYSTEM_BASES + 1, sizeof(*base->outboxes));
        if (base->outboxes == NULL) {
            return TROUPE_ENOMEM;
        }
    }
    struct trp_outbox *box = &base->outboxes[other->index];
    bool bounded = (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0;
    if (bounded &&
        box->count + atomic_load_explicit(&other->gate_count, memory_order_relaxed) >=
            base->system->options.gate_limit) {
        base->count.refused++;
        return TROUPE_EBUSY;
    }
    msg->next = NULL;
    if (box->count++ == 0) {
        box->first = msg;
        base->outbox_used[other->index / 64] |= UINT64_C(1) << (other->index % 64);
    } else {
        box->last->next = msg;
    }
    box->last = msg;
    if (!base->in_pass && base->schedule != NULL) {
        base->schedule(base);
    }
    return TROUPE_OK;
}

static void flush_box(struct trp_base *base, uint32_t index)
{
    struct trp_outbox *box = &base->outboxes[index];
    struct trp_base *other = trp_base_at(base->system, index);
    uint32_t count = box->count;
    troupe_msg *first = box->first;

    *box = (struct trp_outbox){0};
    (void)atomic_fetch_add_explicit(&other->gate_count, count, memory_order_relaxed);
    (void)trp_gate_put(&other->gate, &first->door); /* the whole chain behind it */
    trp_wake(other);
}

void trp_flush(struct trp_base *base)
{
    for (uint32_t word = 0; word < TRP_COUNT(base->outbox_used); word++) {
        while (base->outbox_used[word] != 0) {
            unsigned bit = (unsigned)__builtin_ctzll(base->outbox_used[word]);
            base->outbox_used[word] &= base->outbox_used[word] - 1;
            flush_box(base, word * 64 + bit);
        }
    }
    trp_pool_flush();
}

/* Puts into a base's gate from any thread. `always`: the bound does not apply. */
troupe_status trp_gate_post(struct troupe_system *sys, struct trp_base *base,
                            troupe_msg *msg, bool always)
{
    if (!always && atomic_load_explicit(&sys->closing, memory_order_relaxed)) {
        return TROUPE_ECLOSED;
    }
    uint_fast32_t waiting =
        atomic_fetch_add_explicit(&base->gate_count, 1, memory_order_relaxed);
    if (!always && waiting >= sys->options.gate_limit) {
        (void)atomic_fetch_sub_explicit(&base->gate_count, 1, memory_order_relaxed);
        return TROUPE_EBUSY;
    }
    msg->next = NULL;
    (void)trp_gate_put(&base->gate, &msg->door);
    trp_wake(base);
    return TROUPE_OK;
}

/* ---- admission ---- */

static void admit_call(struct trp_base *base, troupe_msg *msg)
{
    struct trp_base_call call;

    memcpy(&call, msg->body, sizeof(call));
    trp_msg_drop(msg);
    call.run(base, call.argument);
    trp_waiter_done(call.waiter);
}

/* A runtime signal from another base; true when it was one. */
static bool admit_signal(struct trp_base *base, troupe_msg *msg, uint64_t to)
{
    struct trp_actor *target = trp_find(base, to);

    switch (msg->kind) {
    case TRP_KIND_CALL:
        admit_call(base, msg);
        return true;
    case TRP_KIND_KILL:
        if (target != NULL) {
            trp_end_soon(base, target, TROUPE_EKILLED);
        }
        break;
    case TRP_KIND_CANCEL:
        if (target != NULL) {
            trp_cancel_queued(base, target, msg->from.bits);
        }
        break;
    case TRP_KIND_WATCH:
    case TRP_KIND_UNWATCH:
    case TRP_KIND_LINK:
    case TRP_KIND_UNLINK:
    case TRP_KIND_ROOM_WANTED:
    case TROUPE_KIND_EXIT:
        trp_watch_signal(base, msg);
        return true;
    case TRP_KIND_SUBSCRIPTION_END:
        trp_subscription_signal(base, msg);
        break;
    case TRP_KIND_SHUTDOWN:
    case TRP_KIND_STOP_ALL:
    case TRP_KIND_KILL_ALL:
        trp_shutdown_signal(base, msg);
        break;
    default:
        return false;
    }
    trp_msg_drop(msg);
    return true;
}

/* Counts a message that came through the door and can go no further. */
static void admit_drop(struct trp_base *base, troupe_msg *msg, troupe_drop reason)
{
    msg->trace = ++base->next_message;
    if (trp_recording(base->recorder, TROUPE_EV_SEND)) {
        msg->enqueued = (uint32_t)trp_ticks();
        trp_record(base->recorder, TROUPE_EV_SEND, (uint16_t)msg->kind,
                   trp_id_number(msg->from.bits), msg->trace, trp_id_number(msg->to.bits),
                   msg->size);
    }
    trp_drop(base, msg, msg->to.bits, reason);
}

static void admit_one(struct trp_base *base, troupe_msg *msg)
{
    uint64_t to = msg->to.bits;

    if ((msg->flags & TRP_MSG_SIGNAL) != 0 && admit_signal(base, msg, to)) {
        return;
    }
    struct trp_actor *target = trp_find(base, to);
    if (target == NULL) {
        bool tell = (msg->flags & TRP_MSG_SIGNAL) == 0;
        if (tell) {
            admit_drop(base, msg,
                       base->dropping_mail ? TROUPE_DROP_SHUTDOWN : TROUPE_DROP_DEAD);
        } else {
            trp_msg_drop(msg); /* a signal to the dead */
        }
        return;
    }
    if ((target->flags & TRP_ACTOR_LIGHT) != 0 && !target->future->subscription) {
        trp_future_answer(base, target->future, msg);
        return;
    }
    if ((target->flags & TRP_ACTOR_LIGHT) == 0) {
        msg->flags &=
            (uint8_t)~TRP_MSG_ANSWER; /* a reply to one who told: ordinary mail */
    }
    if (trp_enqueue(base, target, msg) != TROUPE_OK) {
        admit_drop(base, msg, TROUPE_DROP_FULL);
    }
}

uint32_t trp_door_each(struct trp_base *base,
                       void (*visit)(struct trp_base *base, troupe_msg *msg))
{
    struct trp_gate_link *door = trp_gate_take(&base->gate);
    uint32_t count = 0;

    while (door != NULL) {
        troupe_msg *msg = TRP_CONTAINER(door, troupe_msg, door);
        door = door->next;
        while (msg != NULL) {
            troupe_msg *next = msg->next;
            count++;
            visit(base, msg);
            msg = next;
        }
    }
    if (count != 0) {
        (void)atomic_fetch_sub_explicit(&base->gate_count, count, memory_order_relaxed);
    }
    return count;
}

void trp_admit(struct trp_base *base)
{
    (void)trp_door_each(base, admit_one);
}

/* ---- sending ---- */

troupe_status trp_send(struct trp_base *base, uint64_t to, troupe_msg *msg)
{
    if (TRP_LIKELY(trp_id_base(to) == base->index)) {
        struct trp_actor *target = trp_find(base, to);
        if (TRP_UNLIKELY(target == NULL)) {
            base->count.refused++;
            return TROUPE_EGONE;
        }
        msg->to.bits = 0; /* it is its own place, unless an answer says otherwise */
        return trp_enqueue(base, target, msg);
    }
    struct trp_base *other = trp_base_at(base->system, trp_id_base(to));
    if (other == NULL) {
        base->count.refused++;
        return TROUPE_EGONE;
    }
    if (other->is_engine && (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0) {
        troupe_status status = trp_engine_admit(other);
        if (status != TROUPE_OK) {
            base->count.refused++;
            return status;
        }
    }
    msg->to.bits = to;
    troupe_status status = into_outbox(base, other, msg);
    if (status != TROUPE_OK && other->is_engine &&
        (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0) {
        trp_engine_dequeued(other);
    }
    return status;
}

troupe_status trp_signal(struct trp_base *base, uint64_t from, uint64_t to,
                         troupe_kind kind, uint64_t tag)
{
    troupe_msg *msg = NULL;

    if (trp_msg_new(kind, 0, &msg) != TROUPE_OK) {
        return TROUPE_ENOMEM;
    }
    msg->from.bits = from;
    msg->tag = tag;
    msg->flags = TRP_MSG_SIGNAL;
    troupe_status status = trp_send(base, to, msg);
    if (status != TROUPE_OK) {
        trp_msg_drop(msg);
    }
    return status;
}

/* Forwards, other bases, full mailboxes, the dead. */
static __attribute__((noinline)) troupe_status
tell_special(troupe_self *self, troupe_id to, troupe_msg **msg)
{
    struct trp_base *base = self->base;
    troupe_msg *moving = *msg;

    if (TRP_UNLIKELY(moving == NULL)) {
        return TROUPE_EINVAL;
    }
    if (TRP_UNLIKELY((moving->flags & ~TRP_MSG_URGENT) != 0)) {
        moving->flags &= (uint8_t) ~(TRP_MSG_ANSWER | TRP_MSG_SIGNAL);
        if ((moving->flags & TRP_MSG_ASK) != 0) { /* forwarded: the asker stays */
            uint64_t asker = moving->from.bits;
            troupe_status status = trp_send(base, to.bits, moving);
            if (status == TROUPE_OK) {
                trp_future_retarget(base, asker, to.bits);
                *msg = NULL;
            }
            return status;
        }
    }
    moving->from.bits = self->actor->id;
    troupe_status status = trp_send(base, to.bits, moving);
    if (TRP_LIKELY(status == TROUPE_OK)) {
        *msg = NULL;
    }
    return status;
}

troupe_status troupe_tell(troupe_self *self, troupe_id to, troupe_msg **msg)
{
    struct trp_base *base = self->base;
    troupe_msg *moving = *msg;

    /* The common case calls nothing, so that it needs no stack frame. */
    if (TRP_UNLIKELY(moving == NULL || !base->plain ||
                     trp_id_base(to.bits) != base->index)) {
        return tell_special(self, to, msg);
    }
    struct trp_actor *target = trp_find_any(base, to.bits);
    if (TRP_UNLIKELY(target == NULL || !is_plain(target, moving))) {
        return tell_special(self, to, msg);
    }
    moving->from.bits = self->actor->id;
    put_plain(base, target, moving);
    if ((target->flags & TRP_ACTOR_QUEUED) == 0) {
        target->flags |= TRP_ACTOR_QUEUED;
        trp_push_ready(base, target);
    }
    *msg = NULL;
    return TROUPE_OK;
}

troupe_status troupe_signal(troupe_self *self, troupe_id to, troupe_kind kind,
                            uint64_t tag)
{
    troupe_msg *msg = NULL;
    troupe_status status = trp_msg_new(kind, 0, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    msg->tag = tag;
    status = troupe_tell(self, to, &msg);
    troupe_msg_free(&msg);
    return status;
}

/* ---- answering ---- */

troupe_status trp_answer(struct trp_base *base, uint64_t asker, troupe_msg *msg)
{
    uint32_t index = trp_id_base(asker);

    msg->flags =
        (uint8_t)((msg->flags & (TRP_MSG_OWNED | TRP_MSG_BLOB)) | TRP_MSG_ANSWER);
    if (index == TRP_BASE_PENDING) {
        return trp_pending_answer(base->system, asker, msg);
    }
    if (index == base->index) {
        struct trp_actor *target = trp_find(base, asker);
        if (target == NULL || (target->flags & TRP_ACTOR_LIGHT) == 0 ||
            target->future->answered || target->future->unpaid != 0) {
            base->count.refused++;
            return TROUPE_EGONE;
        }
        if (TRP_UNLIKELY(target->future->subscription)) {
            return trp_subscription_deliver(base, target->future, msg);
        }
        trp_future_answer(base, target->future, msg);
        return TROUPE_OK;
    }
    struct trp_base *other = trp_base_at(base->system, index);
    if (other == NULL) {
        return TROUPE_EGONE;
    }
    msg->to.bits = asker;
    return into_outbox(base, other, msg);
}

void trp_answer_failure(struct trp_base *base, uint64_t asker, troupe_status status,
                        const char *text)
{
    struct trp_actor *light =
        trp_id_base(asker) == base->index ? trp_find(base, asker) : NULL;
    troupe_msg *msg = NULL;

    if (light != NULL && (light->flags & TRP_ACTOR_LIGHT) != 0) {
        if (!light->future->answered) {
            trp_future_fail(base, light->future, status, text);
        }
        return;
    }
    if (troupe_msg_new_failure(status, TROUPE_NOBODY, &msg, "%s", text) != TROUPE_OK) {
        return;
    }
    if (trp_answer(base, asker, msg) != TROUPE_OK) {
        trp_msg_drop(msg);
    }
}

static bool is_asker(struct trp_base *base, uint64_t id)
{
    if (trp_id_base(id) == TRP_BASE_PENDING) {
        return true;
    }
    const struct trp_actor *actor =
        trp_id_base(id) == base->index ? trp_find(base, id) : NULL;
    return actor != NULL && (actor->flags & TRP_ACTOR_LIGHT) != 0;
}

static troupe_status reply(troupe_self *self, uint64_t to, bool asked,
                           troupe_msg **answer)
{
    if (*answer == NULL || to == 0) {
        return TROUPE_EINVAL;
    }
    if (!asked) {
        return troupe_tell(self, (troupe_id){to}, answer);
    }
    (*answer)->from.bits = self->actor->id;
    (*answer)->to.bits = 0;
    troupe_status status = trp_answer(self->base, to, *answer);
    if (status == TROUPE_OK) {
        *answer = NULL;
    }
    return status;
}

troupe_status troupe_reply(troupe_self *self, const troupe_msg *request,
                           troupe_msg **answer)
{
    return reply(self, request->from.bits, (request->flags & TRP_MSG_ASK) != 0, answer);
}

troupe_status troupe_reply_to(troupe_self *self, troupe_id from, troupe_msg **answer)
{
    bool remote = trp_id_base(from.bits) != self->base->index;

    /* An id of another base may be a future there or an actor: the answer lane fits both,
     * for its base tells a future from an actor. */
    return reply(self, from.bits, remote || is_asker(self->base, from.bits), answer);
}

troupe_status troupe_fail(troupe_self *self, troupe_id from, troupe_status status,
                          const char *format, ...)
{
    troupe_msg *msg = NULL;
    va_list args;

    va_start(args, format);
    troupe_status made =
        trp_failure_new(status, (troupe_id){self->actor->id}, 0, format, args, &msg);
    va_end(args);
    if (made != TROUPE_OK) {
        return made;
    }
    made = troupe_reply_to(self, from, &msg);
    troupe_msg_free(&msg);
    return made;
}

/* ---- from outside ---- */

troupe_status troupe_post(troupe_system *sys, troupe_id to, troupe_msg **msg)
{
    struct trp_base *base = trp_base_at(sys, trp_id_base(to.bits));

    if (*msg == NULL || base == NULL) {
        return TROUPE_EINVAL;
    }
    if (base->is_engine) {
        troupe_status room = trp_engine_admit(base);
        if (room != TROUPE_OK) {
            return room;
        }
    }
    uint8_t flags = (*msg)->flags;
    (*msg)->from = TROUPE_NOBODY;
    (*msg)->to = to;
    (*msg)->flags &= TRP_MSG_OWNED | TRP_MSG_BLOB | TRP_MSG_URGENT;
    troupe_status status = trp_gate_post(sys, base, *msg, false);
    if (status == TROUPE_OK) {
        *msg = NULL;
    } else {
        (*msg)->flags = flags;
        if (base->is_engine) {
            trp_engine_dequeued(base);
        }
    }
    return status;
}

static troupe_status post_signal(troupe_system *sys, troupe_id to, troupe_kind kind)
{
    struct trp_base *base = trp_base_at(sys, trp_id_base(to.bits));
    troupe_msg *msg = NULL;

    if (base == NULL) {
        return TROUPE_OK; /* as a dead target */
    }
    troupe_status status = trp_msg_new(kind, 0, &msg);
    if (status != TROUPE_OK) {
        return status;
    }
    msg->to = to;
    msg->flags = TRP_MSG_SIGNAL;
    status = atomic_load_explicit(&sys->finished, memory_order_acquire)
                 ? TROUPE_ECLOSED
                 : trp_gate_post(sys, base, msg, true);
    if (status != TROUPE_OK) {
        trp_msg_drop(msg);
    }
    return status;
}

troupe_status troupe_system_stop_actor(troupe_system *sys, troupe_id id)
{
    return post_signal(sys, id, TROUPE_KIND_STOP);
}

troupe_status troupe_system_kill_actor(troupe_system *sys, troupe_id id)
{
    return post_signal(sys, id, TRP_KIND_KILL);
}

troupe_status trp_io_signal(struct trp_base *base, troupe_id to, troupe_kind kind,
                            uint64_t tag)
{
    return trp_signal(base, 0, to.bits, kind, tag);
}
