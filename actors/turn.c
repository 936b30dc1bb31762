/* SPDX-License-Identifier: MIT
 * turn.c - the run queue: who runs next, and what one turn delivers.
 *
 * A turn ends at the batch limit or at the message that was last when the turn began, so
 * that an actor which tells itself cannot keep the base. */
#include "actors/runtime.h"

static struct trp_actor *pop_ready(struct trp_base *base)
{
    struct trp_actor *actor = base->run_head;

    base->run_head = actor->run_next;
    base->ready--;
    return actor;
}

/* Seeded: any of the first few may come first. */
static void shuffle_ready(struct trp_base *base)
{
    uint64_t turns = trp_random(base) % (base->ready < 8 ? base->ready : 8);

    for (uint64_t i = 0; i < turns; i++) {
        struct trp_actor *actor = base->run_head;
        base->run_head = actor->run_next;
        actor->run_next = NULL;
        base->run_tail->run_next = actor;
        base->run_tail = actor;
    }
}

/* A serial actor that waits takes answers and signals only; the rest stays in order. */
static troupe_msg *take_while_waiting(struct trp_actor *actor)
{
    troupe_msg *prev = NULL;

    for (troupe_msg *msg = actor->head; msg != NULL; prev = msg, msg = msg->next) {
        if ((msg->flags & (TRP_MSG_ANSWER | TRP_MSG_SIGNAL)) == 0) {
            continue;
        }
        if (prev != NULL) {
            prev->next = msg->next;
        } else {
            actor->head = msg->next;
        }
        if (actor->tail == msg) {
            actor->tail = prev;
        }
        return msg;
    }
    return NULL;
}

static troupe_msg *take(struct trp_actor *actor)
{
    troupe_msg *msg = actor->head;

    if (TRP_UNLIKELY((actor->flags & TRP_ACTOR_WAITS) != 0)) {
        return take_while_waiting(actor);
    }
    if (msg != NULL) {
        actor->head = msg->next;
    }
    return msg;
}

static uint32_t saturated(uint64_t ns)
{
    return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* The continuation set by troupe_future_then; its future has been kept until now. */
static troupe_receive continuation(struct trp_base *base, troupe_msg *msg)
{
    struct trp_actor *light = trp_find(base, msg->to.bits);
    troupe_receive then = NULL;

    if (light != NULL && light->future->answered) {
        then = light->future->then;
        trp_future_forget(base, light->future, false);
    }
    return then;
}

static troupe_status stop_told(struct trp_base *base, struct trp_actor *actor,
                               troupe_msg **msg, troupe_receive handle)
{
    if ((actor->behavior->flags & TROUPE_TRAP_STOP) != 0 && handle != NULL) {
        return handle(&base->self, actor->state, msg);
    }
    troupe_exit(&base->self, TROUPE_OK);
    return TROUPE_OK;
}

/* Hands one message to its handler. */
static troupe_status dispatch(struct trp_base *base, struct trp_actor *actor,
                              troupe_msg **msg)
{
    troupe_receive handle;

    if (TRP_UNLIKELY(((*msg)->flags & TRP_MSG_ANSWER) != 0)) {
        if ((actor->flags & TRP_ACTOR_WAITS) != 0 && !trp_waits_on_asks(actor)) {
            actor->flags &= (uint16_t)~TRP_ACTOR_WAITS;
            actor->slot->waits_on = 0;
        }
        handle = (*msg)->to.bits != actor->id ? continuation(base, *msg) : NULL;
        if (handle != NULL) {
            return handle(&base->self, actor->state, msg);
        }
    }
    handle = actor->side == NULL && actor->behavior->handler_count == 0
                 ? actor->behavior->receive
                 : trp_handler_of(actor, (*msg)->kind);
    if (TRP_UNLIKELY((*msg)->kind == TROUPE_KIND_STOP &&
                     ((*msg)->flags & TRP_MSG_SIGNAL) != 0)) {
        return stop_told(base, actor, msg, handle);
    }
    if (TRP_UNLIKELY(handle == NULL)) {
        /* It was delivered, to nobody: the report says so, the count does not change. */
        trp_dead_letter(base, *msg, actor->id, TROUPE_DROP_UNHANDLED);
        if (((*msg)->flags & TRP_MSG_ASK) != 0) {
            trp_answer_failure(base, (*msg)->from.bits, TROUPE_EUNSUPPORTED,
                               "the actor has no handler for this kind");
        }
        return TROUPE_OK;
    }
    return handle(&base->self, actor->state, msg);
}

/* Delivers with times and records; kept apart so that the plain path stays short. */
static troupe_status dispatch_recorded(struct trp_base *base, struct trp_actor *actor,
                                       troupe_msg **msg)
{
    struct trp_recorder *recorder = base->recorder;
    troupe_trace_slot *slot = actor->slot;
    uint32_t number = trp_id_number(actor->id);
    uint32_t from = trp_sender_number(*msg);
    uint16_t kind = (uint16_t)(*msg)->kind;
    uint64_t id = (*msg)->trace;
    uint64_t begin = trp_ticks();

    slot->since = begin;
    recorder->current_message = id;
    recorder->current_actor = number;
    trp_record_at(recorder, begin, TROUPE_EV_DELIVER_BEGIN, kind, number, id, from,
                  saturated((*msg)->flags & TRP_MSG_COUNTED
                                ? trp_engine_waited(base, *msg)
                                : trp_ticks_to_ns((uint32_t)begin - (*msg)->enqueued)));
    troupe_status status = dispatch(base, actor, msg);
    uint64_t end = trp_ticks();
    slot->busy += end - begin;
    slot->oldest = 0;
    if (actor->head != NULL) {
        bool in_ticks = (actor->head->flags & TRP_MSG_COUNTED) == 0;
        slot->oldest = in_ticks ? end - ((uint32_t)end - actor->head->enqueued) : end;
    }
    trp_record_at(recorder, end, TROUPE_EV_DELIVER_END, (uint16_t)status, number, id,
                  from, saturated(trp_ticks_to_ns(end - begin)));
    recorder->current_message = 0;
    recorder->current_actor = 0;
    return status;
}

/* After a handler, when something must be looked at; false: the actor has ended. */
static __attribute__((noinline)) bool look(struct trp_base *base, struct trp_actor *actor,
                                           troupe_status status)
{
    if (status != TROUPE_OK || base->exiting || actor->phase != TRP_LIVE) {
        if (actor->phase == TRP_LIVE) {
            actor->phase = TRP_ENDING;
            actor->flags |= TRP_ACTOR_DEAD;
            actor->reason = status != TROUPE_OK ? (int16_t)status : base->exit_reason;
        }
        base->exiting = false;
        return false;
    }
    actor->flags &= (uint16_t)~TRP_ACTOR_ATTENTION;
    if ((actor->flags & TRP_ACTOR_ROOM) != 0) {
        trp_room_check(base, actor);
    }
    return true;
}

/* Returns false when the actor has ended. */
static bool deliver(struct trp_base *base, struct trp_actor *actor, troupe_msg *msg)
{
    troupe_trace_slot *slot = actor->slot;
    troupe_status status;

    actor->mail -= (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0;
    slot->delivered++;
    (void)trp_tally_add(&base->count.delivered, 1);
    if (base->observed) {
        slot->message = msg->trace;
        slot->message_kind = msg->kind;
    }
    if (trp_recording(base->recorder, TROUPE_EV_DELIVER_END)) {
        status = dispatch_recorded(base, actor, &msg);
    } else {
        status = dispatch(base, actor, &msg);
    }
    if (msg != NULL) {
        trp_msg_drop(msg);
    }
    return (status == TROUPE_OK && (actor->flags & TRP_ACTOR_PAUSES) == 0) ||
           look(base, actor, status);
}

/* A serial actor stops until its answer or a signal comes; one may be there already. */
static void pause_serial(struct trp_base *base, struct trp_actor *actor)
{
    actor->slot->state = TROUPE_STATE_WAITING;
    actor->slot->message = 0;
    for (const troupe_msg *m = actor->head; m != NULL; m = m->next) {
        if ((m->flags & (TRP_MSG_ANSWER | TRP_MSG_SIGNAL)) != 0) {
            trp_push_ready(base, actor);
            return;
        }
    }
    actor->flags &= (uint16_t)~TRP_ACTOR_QUEUED;
}

static inline void end_turn(struct trp_base *base, struct trp_actor *actor)
{
    if (actor->head != NULL) {
        trp_push_ready(base, actor);
    } else {
        actor->flags &= (uint16_t)~TRP_ACTOR_QUEUED;
    }
}

static __attribute__((noinline)) void turn(struct trp_base *base, struct trp_actor *actor)
{
    const troupe_msg *last = actor->tail;
    uint32_t batch = actor->behavior->batch != 0 ? actor->behavior->batch : base->batch;
    bool alive = actor->phase == TRP_LIVE;

    base->self.actor = actor;
    if (base->observed) {
        actor->slot->state = TROUPE_STATE_RUNNING;
    }
    while (alive && batch-- > 0) {
        troupe_msg *msg = take(actor);
        if (msg == NULL) {
            break;
        }
        bool was_last = msg == last;
        alive = deliver(base, actor, msg);
        if (was_last) {
            break;
        }
    }
    base->self.actor = NULL;
    if (!alive) {
        trp_end_now(base, actor, (troupe_status)actor->reason);
        return;
    }
    if ((actor->flags & TRP_ACTOR_WAITS) != 0) {
        pause_serial(base, actor);
        return;
    }
    if (base->observed) {
        actor->slot->message = 0;
        actor->slot->state = actor->head != NULL ? TROUPE_STATE_READY : TROUPE_STATE_IDLE;
    }
    end_turn(base, actor);
}

/* The same for ordinary messages to an actor with nothing but `receive`, unobserved;
 * hands over to turn() at whatever else it meets. Every message between two actors comes
 * this way, so it is kept short (tests/instructions.tsv). */
static inline void turn_plain(struct trp_base *base, struct trp_actor *actor)
{
    const troupe_msg *last = actor->tail;
    uint32_t batch = actor->behavior->batch != 0 ? actor->behavior->batch : base->batch;

    if (TRP_UNLIKELY((actor->flags & TRP_ACTOR_PAUSES) != 0)) {
        turn(base, actor);
        return;
    }
    base->self.actor = actor;
    for (;;) {
        const troupe_behavior *behavior = actor->behavior;
        troupe_msg *msg = actor->head;
        if (TRP_UNLIKELY(msg == NULL)) {
            break;
        }
        if (TRP_UNLIKELY((msg->flags & ~TRP_MSG_BODY) != 0 || actor->side != NULL ||
                         behavior->handler_count != 0 || behavior->receive == NULL)) {
            turn(base, actor);
            return;
        }
        bool was_last = msg == last;
        actor->head = msg->next;
        actor->mail--;
        actor->slot->delivered++;
        (void)trp_tally_add(&base->count.delivered, 1);
        troupe_status status = behavior->receive(&base->self, actor->state, &msg);
        if (msg != NULL) {
            trp_msg_drop(msg);
        }
        if (TRP_UNLIKELY(status != TROUPE_OK || (actor->flags & TRP_ACTOR_PAUSES) != 0)) {
            if (!look(base, actor, status)) {
                base->self.actor = NULL;
                trp_end_now(base, actor, (troupe_status)actor->reason);
                return;
            }
            if ((actor->flags & TRP_ACTOR_WAITS) != 0) {
                base->self.actor = NULL;
                pause_serial(base, actor);
                return;
            }
        }
        if (was_last || --batch == 0) {
            break;
        }
    }
    end_turn(base, actor);
}

void trp_turns(struct trp_base *base, troupe_ns (*clock)(void))
{
    troupe_ns end = clock != NULL ? base->now + base->system->options.pass : 0;
    uint32_t turns = 0;

    while (base->run_head != NULL) {
        if (TRP_LIKELY(base->plain)) {
            turn_plain(base, pop_ready(base));
        } else {
            if (base->seeded && base->ready > 1) {
                shuffle_ready(base);
            }
            turn(base, pop_ready(base));
            if (base->is_engine) {
                trp_admit(base); /* cancelled and urgent calls take effect in between */
            }
        }
        if (TRP_UNLIKELY(++turns % TRP_PASS_LOOK == 0) &&
            (clock != NULL ? clock() >= end : turns >= TRP_STEP_TURNS)) {
            break;
        }
    }
    base->self.actor = NULL;
}
