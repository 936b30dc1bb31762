/* SPDX-License-Identifier: MIT
 * send.c - telling, answering, posting. */
#include <stdarg.h>

#include "actors/mail.h"
#include "actors/runtime.h"
#include "mailbox/failure.h"

/* ---- sending ---- */

troupe_status trp_send(struct trp_base *base, uint64_t to, troupe_msg *msg)
{
    if (TRP_LIKELY(trp_id_base(to) == base->index)) {
        struct trp_actor *target = trp_find(base, to);
        if (TRP_UNLIKELY(target == NULL)) {
            (void)trp_tally_add(&base->count.refused, 1);
            return TROUPE_EGONE;
        }
        msg->to.bits = 0; /* it is its own place, unless an answer says otherwise */
        return trp_enqueue(base, target, msg);
    }
    struct trp_base *other = trp_base_at(base->system, trp_id_base(to));
    if (other == NULL) {
        (void)trp_tally_add(&base->count.refused, 1);
        return TROUPE_EGONE;
    }
    if (other->is_engine && (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0) {
        troupe_status status = trp_engine_admit(other, to, msg);
        if (status != TROUPE_OK) {
            (void)trp_tally_add(&base->count.refused, 1);
            return status;
        }
    }
    msg->to.bits = to;
    troupe_status status = trp_into_outbox(base, other, msg);
    if (TRP_UNLIKELY(status != TROUPE_OK) && (msg->flags & TRP_MSG_COUNTED) != 0) {
        trp_engine_refused(other, msg);
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
    if (TRP_UNLIKELY(target == NULL || !trp_mail_is_plain(target, moving))) {
        return tell_special(self, to, msg);
    }
    moving->from.bits = self->actor->id;
    trp_mail_put(base, target, moving);
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
            (void)trp_tally_add(&base->count.refused, 1);
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
    return trp_into_outbox(base, other, msg);
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
        if (trp_id_base(asker) == TRP_BASE_PENDING) {
            trp_pending_fail(base->system, asker, status);
        }
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
    uint8_t flags = (*msg)->flags;
    (*msg)->from = TROUPE_NOBODY;
    (*msg)->to = to;
    (*msg)->flags &= TRP_MSG_OWNED | TRP_MSG_BLOB | TRP_MSG_URGENT;
    troupe_status status = trp_gate_call(sys, base, *msg);
    if (status == TROUPE_OK) {
        *msg = NULL;
    } else {
        (*msg)->flags = flags;
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
