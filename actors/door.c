/* SPDX-License-Identifier: MIT
 * door.c - between bases: outboxes that leave as chains, the gate, and what is done with
 * whatever came in. */
#include <string.h>

#include "actors/runtime.h"

/* ---- to other bases ---- */

troupe_status trp_into_outbox(struct trp_base *base, struct trp_base *other,
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
        (void)trp_tally_add(&base->count.refused, 1);
        return TROUPE_EBUSY;
    }
    troupe_msg **recent = &box->recent[box->count % TRP_AHEAD];
    if (box->count >= TRP_AHEAD) {
        (*recent)->ahead = msg;
    }
    *recent = msg;
    msg->next = msg->ahead = NULL;
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

    box->first = box->last = NULL;
    box->count = 0;
    (void)atomic_fetch_add_explicit(&other->gate_count, count, memory_order_relaxed);
    (void)trp_gate_put(&other->gate, &first->door); /* the whole chain behind it */
    base->look.told = true;
    base->look.met_awake = !trp_wake(other) || base->look.met_awake;
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
    (void)trp_wake(base);
    return TROUPE_OK;
}

troupe_status trp_gate_call(struct troupe_system *sys, struct trp_base *base,
                            troupe_msg *msg)
{
    if (!base->is_engine) {
        return trp_gate_post(sys, base, msg, false);
    }
    troupe_status status = trp_engine_admit(base, msg->to.bits, msg);
    if (status == TROUPE_OK) {
        status = trp_gate_post(sys, base, msg, false);
        if (status != TROUPE_OK) {
            trp_engine_refused(base, msg);
        }
    }
    return status;
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
        if (base->is_engine) {
            trp_engine_cancel_running(base, msg->from.bits);
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
    case TRP_KIND_CALLS_END:
        trp_futures_end_calls(base, msg);
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
    msg->trace = trp_tally_add(&base->next_message, 1);
    if (trp_recording(base->recorder, TROUPE_EV_SEND)) {
        msg->enqueued = (uint32_t)trp_ticks();
        trp_record(base->recorder, TROUPE_EV_SEND, (uint16_t)msg->kind,
                   trp_sender_number(msg), msg->trace, trp_id_number(msg->to.bits),
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
        for (troupe_msg *ahead = NULL; msg != NULL;) {
            troupe_msg *next = msg->next;
            __builtin_prefetch(ahead, 1);
            ahead = next != NULL ? next->ahead : NULL;
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
