/* SPDX-License-Identifier: MIT
 * subscription.c - many answers, with credit.
 *
 *   consumer --request--> producer      credit is counted here, on the consumer's base
 *   consumer <--items (credit - 1 each)-- producer
 *   consumer --grant--> ... CREDIT to the producer when it had been refused
 *
 * A subscription is a light actor like a future, kept until one side ends it. */
#include <troupe/subscription.h>

#include "actors/runtime.h"

static struct trp_future *subscription_of(struct trp_base *base, uint64_t id)
{
    struct trp_future *f = trp_future_of(base, id);

    return f != NULL && f->subscription ? f : NULL;
}

/* Whether an id may name somebody: known for this base, a guess for the others. */
static bool can_exist(struct trp_base *base, uint64_t id)
{
    if (trp_id_base(id) != base->index) {
        return trp_base_at(base->system, trp_id_base(id)) != NULL;
    }
    const struct trp_actor *actor = trp_find(base, id);
    return actor != NULL && (actor->flags & TRP_ACTOR_LIGHT) == 0;
}

troupe_status troupe_subscribe(troupe_self *self, troupe_id producer,
                               troupe_msg **request, uint32_t credit, uint64_t tag,
                               troupe_subscription *out)
{
    struct trp_base *base = self->base;

    if (*request == NULL || credit == 0 || credit > TROUPE_CREDIT_MAX) {
        return TROUPE_EINVAL;
    }
    if (!can_exist(base, producer.bits)) {
        (void)trp_tally_add(&base->count.refused, 1);
        return TROUPE_EGONE;
    }
    struct trp_future *sub = trp_future_new(base, self->actor, "subscription");
    if (sub == NULL) {
        return trp_tally_read(&base->alive) >= base->system->options.actors_max
                   ? TROUPE_ELIMIT
                   : TROUPE_ENOMEM;
    }
    sub->subscription = true;
    sub->credit = credit;
    sub->tag = tag;
    sub->target = producer.bits;
    sub->self->slot->waits_on = producer.bits;
    troupe_id from = (*request)->from;
    (*request)->from.bits = sub->self->id;
    (*request)->flags &= TRP_MSG_OWNED | TRP_MSG_BLOB;
    /* The producer's end is told as a DOWN to the subscription. */
    troupe_status status =
        trp_relation_ask(base, sub->self->id, producer.bits, TRP_KIND_WATCH, 0);
    if (status == TROUPE_OK) {
        status = trp_send(base, producer.bits, *request);
    }
    if (status != TROUPE_OK) {
        (*request)->from = from;
        trp_relation_end(base, sub->self->id, producer.bits, TRP_KIND_UNWATCH);
        trp_future_forget(base, sub, false);
        return status;
    }
    *request = NULL;
    trp_record(base->recorder, TROUPE_EV_SUB_ADD, 0, trp_id_number(sub->self->id), 0,
               trp_id_number(producer.bits), credit);
    if (out != NULL) {
        out->id.bits = sub->self->id;
    }
    return TROUPE_OK;
}

static troupe_status own(troupe_self *self, troupe_subscription subscription,
                         struct trp_future **out)
{
    struct trp_future *sub = subscription_of(self->base, subscription.id.bits);

    if (sub == NULL) {
        return TROUPE_EGONE;
    }
    *out = sub;
    return sub->owner == self->actor->id ? TROUPE_OK : TROUPE_EINVAL;
}

troupe_status troupe_grant(troupe_self *self, troupe_subscription subscription,
                           uint32_t more)
{
    struct trp_future *sub = NULL;
    troupe_status status = own(self, subscription, &sub);

    if (status != TROUPE_OK) {
        return status;
    }
    if (more > TROUPE_CREDIT_MAX - sub->credit) {
        return TROUPE_ELIMIT;
    }
    sub->credit += more;
    if (sub->starved && more != 0 &&
        trp_signal(self->base, sub->self->id, sub->target, TROUPE_KIND_CREDIT,
                   sub->credit) != TROUPE_ENOMEM) {
        sub->starved = false; /* else: the next grant tries again */
    }
    return TROUPE_OK;
}

troupe_status troupe_unsubscribe(troupe_self *self, troupe_subscription subscription)
{
    struct trp_future *sub = NULL;
    troupe_status status = own(self, subscription, &sub);

    if (status == TROUPE_OK) {
        trp_relation_end(self->base, sub->self->id, sub->target, TRP_KIND_UNWATCH);
        trp_future_forget(self->base, sub, true);
    }
    return status;
}

/* Gives an item to the consumer; takes it. */
static troupe_status pass_on(struct trp_base *base, struct trp_future *sub,
                             troupe_msg *item)
{
    struct trp_actor *owner = trp_find(base, sub->owner);

    if (owner == NULL) {
        return TROUPE_EGONE;
    }
    item->tag = sub->tag;
    item->flags =
        (uint8_t)((item->flags & (TRP_MSG_OWNED | TRP_MSG_BLOB)) | TRP_MSG_SIGNAL);
    item->to.bits = owner->id;
    return trp_enqueue(base, owner, item);
}

troupe_status trp_subscription_deliver(struct trp_base *base, struct trp_future *sub,
                                       troupe_msg *msg)
{
    if (!sub->subscription || sub->unpaid != 0) {
        return TROUPE_EGONE; /* told to a future's id: only answers reach it */
    }
    if (msg->kind == TROUPE_KIND_DOWN && (msg->flags & TRP_MSG_SIGNAL) != 0) {
        troupe_status reason = ((troupe_down *)troupe_msg_body(msg))->reason;
        trp_msg_drop(msg);
        trp_subscription_end(base, sub, reason != TROUPE_OK ? reason : TROUPE_EGONE);
        return TROUPE_OK;
    }
    if (msg->kind == TROUPE_KIND_FAILURE && (msg->flags & TRP_MSG_ANSWER) != 0) {
        troupe_status reason = troupe_msg_status(msg); /* the request was refused */
        trp_msg_drop(msg);
        trp_relation_end(base, sub->self->id, sub->target, TRP_KIND_UNWATCH);
        trp_subscription_end(base, sub, reason);
        return TROUPE_OK;
    }
    if (sub->credit == 0) {
        sub->starved = true;
        (void)trp_tally_add(&base->count.refused, 1);
        return TROUPE_EBUSY;
    }
    sub->credit--;
    return pass_on(base, sub, msg);
}

troupe_status troupe_offer(troupe_self *self, troupe_id to, troupe_msg **item)
{
    if (*item == NULL) {
        return TROUPE_EINVAL;
    }
    return troupe_tell(self, to, item);
}

void trp_subscription_end(struct trp_base *base, struct trp_future *sub,
                          troupe_status status)
{
    troupe_msg *msg = NULL;
    troupe_status made;

    if (status == TROUPE_OK) {
        made = trp_msg_new(TROUPE_KIND_END, 0, &msg);
    } else {
        made = troupe_msg_new_failure(status, (troupe_id){sub->target}, &msg,
                                      "the subscription ended: %s",
                                      troupe_status_text(status));
    }
    if (made != TROUPE_OK) { /* told when there is memory again */
        sub->unpaid = status != TROUPE_OK ? (int16_t)status : (int16_t)TROUPE_ECLOSED;
        sub->unpaid_next = base->unpaid;
        base->unpaid = sub;
        return;
    }
    msg->from.bits = sub->self->id;
    if (pass_on(base, sub, msg) != TROUPE_OK) {
        trp_msg_drop(msg);
    }
    trp_future_forget(base, sub, false);
}

troupe_status troupe_offer_end(troupe_self *self, troupe_id to, troupe_status status)
{
    struct trp_base *base = self->base;
    struct trp_future *sub = subscription_of(base, to.bits);

    if (sub != NULL) {
        trp_relation_end(base, to.bits, self->actor->id, TRP_KIND_UNWATCH);
        trp_subscription_end(base, sub, status);
        return TROUPE_OK;
    }
    if (trp_id_base(to.bits) == base->index) {
        return TROUPE_EGONE;
    }
    return trp_signal(base, self->actor->id, to.bits, TRP_KIND_SUBSCRIPTION_END,
                      (uint64_t)(int64_t)status);
}

void trp_subscription_signal(struct trp_base *base, const troupe_msg *msg)
{
    struct trp_future *sub = subscription_of(base, msg->to.bits);

    if (sub != NULL && sub->unpaid == 0) {
        trp_subscription_end(base, sub, (troupe_status)(int64_t)msg->tag);
    }
}
