/* SPDX-License-Identifier: MIT
 * engine_call.c - the engine actor: calls counted in, run one after the other, answered.
 *
 *   any thread: admit --> gate --> mailbox --> execute --> answer
 *                 |                   |
 *               EBUSY, ECLOSED     cancelled, dropped
 *
 * An interrupt must not reach a call that began after it was aimed. So the interrupter
 * says that it looks (`interrupting`), then looks who runs; the engine's thread says that
 * nobody runs, then waits for those who look. */
#include <sched.h>

#include "actors/engine.h"

/* ---- the queue's count ---- */

static uint32_t wait_clock(const struct trp_engine *engine)
{
    return (uint32_t)(trp_engine_clock(engine) >> TRP_WAIT_SHIFT);
}

static uint64_t queue_length(struct trp_engine *engine)
{
    uint64_t finished = atomic_load(&engine->finished); /* first: never more than came */

    return atomic_load(&engine->admitted) - finished;
}

/* Whether the queue was full before call number `before` came. Its end is looked at only
 * when it seems so: that is a cache line of the engine's thread. */
static bool full(struct trp_engine *engine, uint64_t before)
{
    uint64_t seen = atomic_load_explicit(&engine->finished_seen, memory_order_relaxed);

    if (TRP_LIKELY(before - seen < engine->queue_limit)) {
        return false;
    }
    seen = atomic_load(&engine->finished);
    atomic_store_explicit(&engine->finished_seen, seen, memory_order_relaxed);
    return before - seen >= engine->queue_limit;
}

troupe_status trp_engine_admit(struct trp_base *base, uint64_t to, troupe_msg *msg)
{
    struct trp_engine *engine = base->engine;

    if (atomic_load_explicit(&engine->actor, memory_order_relaxed) != to) {
        return TROUPE_OK; /* another actor of its thread, or one that has ended */
    }
    /* seq_cst, count before phase: pairs with `finish_draining`, which looks at the phase
     * before the count. */
    uint64_t before = atomic_fetch_add(&engine->admitted, 1);
    troupe_status status = TROUPE_OK;
    if (trp_engine_phase(engine) != TRP_ENGINE_RUNNING) {
        status = TROUPE_ECLOSED;
    } else if (full(engine, before)) {
        status = TROUPE_EBUSY;
    }
    if (TRP_UNLIKELY(status != TROUPE_OK)) {
        trp_engine_refused(base, msg);
        return status;
    }
    msg->flags |= TRP_MSG_COUNTED;
    msg->enqueued = wait_clock(engine);
    return TROUPE_OK;
}

void trp_engine_refused(struct trp_base *base, troupe_msg *msg)
{
    struct trp_engine *engine = base->engine;

    msg->flags &= (uint8_t)~TRP_MSG_COUNTED;
    (void)atomic_fetch_add_explicit(&engine->refused, 1, memory_order_relaxed);
    (void)atomic_fetch_sub(&engine->admitted, 1);
    if (trp_engine_phase(engine) != TRP_ENGINE_RUNNING) {
        trp_engine_nudge(engine); /* it may wait for the count alone */
    }
}

static uint64_t waited_until(const troupe_msg *msg, troupe_ns now)
{
    uint32_t waited = (uint32_t)(now >> TRP_WAIT_SHIFT) - msg->enqueued;

    return waited <= INT32_MAX ? (uint64_t)waited << TRP_WAIT_SHIFT : 0;
}

uint64_t trp_engine_waited(const struct trp_base *base, const troupe_msg *msg)
{
    return waited_until(msg, trp_engine_clock(base->engine));
}

/* Takes a message out of the count. */
static void uncount(struct trp_engine *engine, troupe_msg *msg)
{
    (void)trp_tally_add(&engine->finished, 1);
    msg->flags &= (uint8_t)~TRP_MSG_COUNTED;
}

void trp_engine_dropped(struct trp_base *base, troupe_msg *msg)
{
    uncount(base->engine, msg);
    (void)trp_tally_add(&base->engine->cancelled, 1);
}

/* ---- statistics ---- */

static void note_time(struct trp_times *times, uint64_t ns)
{
    unsigned bucket = ns > 1 ? 63 - (unsigned)__builtin_clzll(ns) : 0;

    (void)trp_tally_add(&times->total, ns);
    trp_tally_max(&times->max, ns);
    (void)trp_tally_add(&times->histogram[bucket < TRP_ENGINE_HISTOGRAM
                                              ? bucket
                                              : (unsigned)TRP_ENGINE_HISTOGRAM - 1],
                        1);
}

static void read_times(struct trp_times *times, troupe_ns *total, troupe_ns *max,
                       uint64_t *histogram)
{
    *total = (troupe_ns)trp_tally_read(&times->total);
    *max = (troupe_ns)trp_tally_read(&times->max);
    for (unsigned i = 0; i < TRP_ENGINE_HISTOGRAM; i++) {
        histogram[i] = trp_tally_read(&times->histogram[i]);
    }
}

void trp_engine_read_stats(struct trp_engine *engine, troupe_engine_stats *out)
{
    uint32_t queued = (uint32_t)queue_length(engine);
    uint32_t peak = (uint32_t)trp_tally_read(&engine->queued_max);

    *out = (troupe_engine_stats){.calls = trp_tally_read(&engine->calls),
                                 .failed = trp_tally_read(&engine->failed),
                                 .cancelled = trp_tally_read(&engine->cancelled),
                                 .refused = trp_tally_read(&engine->refused),
                                 .queued = queued,
                                 .queued_max = peak > queued ? peak : queued};
    read_times(&engine->wait, &out->wait_total, &out->wait_max, out->wait_histogram);
    read_times(&engine->run, &out->run_total, &out->run_max, out->run_histogram);
}

static void reset_times(struct trp_times *times)
{
    atomic_store(&times->total, 0);
    atomic_store(&times->max, 0);
    for (unsigned i = 0; i < TRP_ENGINE_HISTOGRAM; i++) {
        atomic_store(&times->histogram[i], 0);
    }
}

void trp_engine_reset_stats(struct trp_engine *engine)
{
    reset_times(&engine->wait);
    reset_times(&engine->run);
    atomic_store(&engine->calls, 0);
    atomic_store(&engine->failed, 0);
    atomic_store(&engine->cancelled, 0);
    atomic_store(&engine->queued_max, 0);
    atomic_store(&engine->refused, 0);
}

/* ---- interrupting ---- */

/* `interrupting` is held, and a call runs. */
static void stop_running(struct trp_engine *engine)
{
    atomic_store(&engine->interrupted, true);
    if (engine->ops->interrupt != NULL) {
        engine->ops->interrupt(engine->opened);
    }
}

bool trp_engine_interrupt_call(struct trp_engine *engine, uint64_t asker)
{
    (void)atomic_fetch_add(&engine->interrupting, 1);
    uint64_t running = atomic_load(&engine->running);
    if (running != 0 && (asker == 0 || running == asker)) {
        stop_running(engine);
    }
    (void)atomic_fetch_sub(&engine->interrupting, 1);
    return engine->ops->interrupt != NULL ||
           (engine->ops->capabilities & TROUPE_ENGINE_CAN_INTERRUPT) != 0;
}

bool troupe_engine_interrupted(const troupe_self *self)
{
    return self->base->is_engine &&
           atomic_load_explicit(&self->base->engine->interrupted, memory_order_relaxed);
}

void trp_engine_interrupt_late(struct trp_engine *engine, troupe_ns limit)
{
    (void)atomic_fetch_add(&engine->interrupting, 1);
    troupe_ns began = atomic_load(&engine->began);
    if (atomic_load(&engine->running) != 0 && began != 0 && began <= limit &&
        !atomic_exchange(&engine->limit_passed, true)) {
        stop_running(engine);
    }
    (void)atomic_fetch_sub(&engine->interrupting, 1);
}

void trp_engine_interrupt(struct trp_base *base)
{
    (void)trp_engine_interrupt_call(base->engine, 0);
}

void trp_engine_cancel_running(struct trp_base *base, uint64_t asker)
{
    struct trp_engine *engine = base->engine;

    if (atomic_load(&engine->running) == asker) {
        (void)trp_engine_interrupt_call(engine, asker);
    }
}

/* ---- running ---- */

static void begin_call(struct trp_engine *engine, uint64_t asker, troupe_ns now)
{
    if (engine->call_limit != 0) {
        atomic_store_explicit(&engine->began, now, memory_order_relaxed);
    }
    /* seq_cst, then look at the door: who cancels looks at `running` after the door. */
    atomic_store(&engine->running, asker != 0 ? asker : TRP_ENGINE_TOLD);
    if (TRP_UNLIKELY(!trp_gate_is_empty(&engine->base->gate))) {
        trp_admit(engine->base);
    }
}

static void end_call(struct trp_engine *engine)
{
    atomic_store(&engine->running, 0); /* seq_cst: then look at `interrupting` */
    while (TRP_UNLIKELY(atomic_load(&engine->interrupting) != 0)) {
        (void)sched_yield();
    }
    atomic_store_explicit(&engine->interrupted, false, memory_order_relaxed);
    if (engine->call_limit != 0) {
        atomic_store_explicit(&engine->began, 0, memory_order_relaxed);
        engine->too_long = atomic_exchange(&engine->limit_passed, false);
    }
}

/* Runs what one message asks for. */
static troupe_status run(struct trp_engine *engine, troupe_msg **msg, bool counted,
                         troupe_msg **answer)
{
    struct trp_base *base = engine->base;
    uint64_t asker = ((*msg)->flags & TRP_MSG_ASK) != 0 ? (*msg)->from.bits : 0;
    uint64_t caller = (*msg)->from.bits, id = (*msg)->trace;
    uint32_t number = trp_id_number(base->self.actor->id);
    troupe_ns begin = engine->last != 0 ? engine->last : base->now;

    if (counted) {
        uint64_t waited = waited_until(*msg, begin);
        uncount(engine, *msg);
        trp_tally_max(&engine->queued_max, base->self.actor->mail + UINT64_C(1));
        note_time(&engine->wait, waited);
        trp_record(base->recorder, TROUPE_EV_CALL_BEGIN, (uint16_t)(*msg)->kind, number,
                   id, trp_id_number(caller),
                   waited > UINT32_MAX ? UINT32_MAX : (uint32_t)waited);
    }
    begin_call(engine, asker, begin);
    troupe_status status = TROUPE_ECANCELED;
    if (TRP_LIKELY(!troupe_engine_interrupted(&base->self))) {
        status = engine->ops->execute(&base->self, engine->opened, msg, answer);
    }
    end_call(engine);
    engine->last = trp_engine_clock(engine);
    troupe_ns ran = engine->last - begin;
    engine->took = ran;
    if (counted) {
        note_time(&engine->run, ran > 0 ? (uint64_t)ran : 0);
        (void)trp_tally_add(&engine->calls, 1);
        trp_record(base->recorder, TROUPE_EV_CALL_END, (uint16_t)status, number, id,
                   trp_id_number(caller), ran > UINT32_MAX ? UINT32_MAX : (uint32_t)ran);
    }
    return status;
}

/* An empty answer; made of the request when that can be. */
static troupe_status make_done(troupe_msg **msg, troupe_msg **answer)
{
    if (*msg == NULL || ((*msg)->flags & (TRP_MSG_OWNED | TRP_MSG_BLOB)) != 0) {
        return trp_msg_new(TROUPE_KIND_DONE, 0, answer);
    }
    *answer = *msg;
    *msg = NULL;
    (*answer)->kind = TROUPE_KIND_DONE;
    (*answer)->size = 0;
    return TROUPE_OK;
}

/* Makes *answer what the asker shall get; NULL when there is no memory. */
static void complete(struct trp_engine *engine, troupe_status status, troupe_msg **msg,
                     troupe_msg **answer)
{
    troupe_id self = {engine->base->self.actor->id};

    if (status == TROUPE_OK && *answer == NULL) {
        status = make_done(msg, answer);
    }
    if (status == TROUPE_OK ||
        (*answer != NULL && (*answer)->kind == TROUPE_KIND_FAILURE)) {
        return;
    }
    troupe_msg_free(answer);
    const char *text = troupe_status_text(status);
    if (status == TROUPE_ECANCELED && engine->too_long) {
        status = TROUPE_ETIMEDOUT;
        text = "the call ran longer than the engine allows";
    }
    if (troupe_msg_new_failure(status, self, answer, "%s", text) != TROUPE_OK) {
        *answer = NULL;
    }
}

/* Sends the answer; it is dropped when nobody waits any more. */
static void answer_to(struct trp_base *base, uint64_t asker, troupe_msg *answer)
{
    if (answer == NULL) {
        trp_answer_failure(base, asker, TROUPE_ENOMEM, troupe_status_text(TROUPE_ENOMEM));
        return;
    }
    answer->from.bits = base->self.actor->id;
    answer->to.bits = 0;
    if (trp_answer(base, asker, answer) != TROUPE_OK) {
        trp_msg_drop(answer);
    }
}

static void say_no(struct trp_engine *engine, troupe_msg *msg)
{
    uncount(engine, msg);
    (void)trp_tally_add(&engine->cancelled, 1);
    if ((msg->flags & TRP_MSG_ASK) != 0) {
        trp_answer_failure(engine->base, msg->from.bits, TROUPE_ECANCELED,
                           "the engine was closed before the call ran");
    }
}

static troupe_status engine_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct trp_engine *engine = *(struct trp_engine **)state;
    struct trp_base *base = self->base;
    bool counted = ((*msg)->flags & TRP_MSG_COUNTED) != 0;
    uint64_t asker = ((*msg)->flags & TRP_MSG_ASK) != 0 ? (*msg)->from.bits : 0;
    troupe_msg *answer = NULL;

    if ((*msg)->kind == TROUPE_KIND_STOP && ((*msg)->flags & TRP_MSG_SIGNAL) != 0) {
        int running = TRP_ENGINE_RUNNING;
        (void)atomic_compare_exchange_strong(&engine->phase, &running,
                                             TRP_ENGINE_DRAINING);
        return TROUPE_OK;
    }
    if (counted && trp_engine_phase(engine) >= TRP_ENGINE_CANCELLING) {
        say_no(engine, *msg);
        return TROUPE_OK;
    }
    troupe_status status = run(engine, msg, counted, &answer);
    if (status == TROUPE_EAGAIN && answer == NULL) {
        return TROUPE_OK; /* answered later */
    }
    (void)trp_tally_add(&engine->failed, counted && status != TROUPE_OK);
    if (asker != 0) {
        complete(engine, status, msg, &answer);
        answer_to(base, asker, answer);
    } else {
        troupe_msg_free(&answer);
        if (status != TROUPE_OK) {
            trp_log(base, TROUPE_LOG_WARN, "ENGINE-CALL", "a call nobody waits for: %s",
                    troupe_status_text(status));
        }
    }
    if (engine->took >= TRP_ENGINE_LONG_CALL) {
        trp_flush(base);
    }
    return TROUPE_OK;
}

static troupe_status engine_start(troupe_self *self, void *state, const void *args)
{
    struct trp_engine *engine = *(struct trp_engine *const *)args;

    *(struct trp_engine **)state = engine;
    troupe_status status = engine->ops->open(self, engine->config, &engine->opened);
    if (status == TROUPE_OK) {
        engine->is_open = true;
        atomic_store(&engine->actor, self->actor->id);
    }
    return status;
}

static void settle(struct trp_engine *engine)
{
    if (engine->ops->settle != NULL) {
        engine->ops->settle(&engine->base->self, engine->opened);
    }
}

static void engine_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct trp_engine *engine = *(struct trp_engine **)state;

    (void)reason;
    if (engine == NULL) {
        return; /* start has not been called */
    }
    engine->over = true;
    atomic_store(&engine->phase, TRP_ENGINE_STOPPED);
    if (engine->is_open) {
        settle(engine);
        engine->is_open = false;
        engine->ops->close(self, engine->opened);
    }
}

const troupe_behavior trp_engine_behavior = {
    .state_size = sizeof(struct trp_engine *),
    .start = engine_start,
    .receive = engine_receive,
    .stop = engine_stop,
    .batch = 1, /* so that cancelled and urgent calls take effect between two calls */
    .flags = TROUPE_TRAP_STOP,
};

/* ---- between passes ---- */

/* Ends the actor when it drains and its queue is empty. */
static void finish_draining(struct trp_engine *engine, struct trp_actor *actor)
{
    enum trp_engine_phase phase = trp_engine_phase(engine);

    if (phase == TRP_ENGINE_CANCELLING ||
        (phase == TRP_ENGINE_DRAINING && queue_length(engine) == 0)) {
        trp_end_soon(engine->base, actor, TROUPE_OK);
    }
}

void trp_engine_rest(struct trp_base *base)
{
    struct trp_engine *engine = base->engine;
    struct trp_actor *actor = trp_find(base, atomic_load(&engine->actor));

    engine->last = 0;
    if (actor != NULL && actor->head == NULL && trp_gate_is_empty(&base->gate)) {
        atomic_store(&engine->look, false);
        base->self.actor = actor;
        settle(engine);
        base->self.actor = NULL;
        finish_draining(engine, actor);
    }
    if (!engine->threaded && engine->over) {
        trp_engine_retire(engine);
    }
}

/* ---- a call inside a call ---- */

troupe_status trp_engine_inline(struct trp_base *here, uint64_t to, troupe_msg **msg,
                                troupe_msg **answer)
{
    struct trp_engine *engine = here->engine;
    struct trp_actor *before = here->self.actor;
    struct trp_actor *actor = trp_find(here, to);
    troupe_msg *made = NULL;

    if (actor == NULL || (actor->flags & TRP_ACTOR_ENGINE) == 0) {
        return actor == NULL ? TROUPE_EGONE : TROUPE_EDEADLK;
    }
    if (!engine->is_open) {
        return TROUPE_ECLOSED;
    }
    if (engine->depth == TRP_ENGINE_DEPTH) {
        return TROUPE_ELIMIT;
    }
    (*msg)->from.bits = to;
    (*msg)->flags &= TRP_MSG_OWNED | TRP_MSG_BLOB;
    engine->depth++;
    here->self.actor = actor;
    troupe_status status = engine->ops->execute(&here->self, engine->opened, msg, &made);
    if (status == TROUPE_EAGAIN && made == NULL) {
        status = TROUPE_EDEADLK; /* there is nobody to be answered later */
    }
    complete(engine, status, msg, &made);
    here->self.actor = before;
    engine->depth--;
    if (made == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_msg_free(msg);
    made->flags |= TRP_MSG_ANSWER;
    made->from.bits = to;
    *answer = made;
    return TROUPE_OK;
}
