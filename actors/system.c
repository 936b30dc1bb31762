/* SPDX-License-Identifier: MIT
 * system.c - making, stepping and ending the machine. No loop, no clock, no thread here.
 */
#include <string.h>

#include "actors/runtime.h"

enum {
    MAILBOX_LIMIT = 1024,
    BATCH = 64,
    GATE_LIMIT = 65536,
    ACTORS_MAX = 4 << 20,
    SLOTS_MAX = 1 << 24, /* what an id can name */
    TIMERS_MAX = 4 << 20,
    STEP_ROUNDS = 1024
};

#define PASS TROUPE_US(500)

/* ---- bases ---- */

uint64_t trp_random(struct trp_base *base)
{
    /* splitmix64 */
    uint64_t z = base->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void no_wake(struct trp_base *base)
{
    (void)base;
}

static uint32_t free_index(struct troupe_system *sys)
{
    for (uint32_t i = 1; i <= TRP_SYSTEM_BASES; i++) {
        if (trp_base_at(sys, i) == NULL) {
            return i;
        }
    }
    return 0;
}

troupe_status trp_base_new(struct troupe_system *sys, struct trp_engine *engine,
                           struct trp_base **out)
{
    uint32_t index = free_index(sys);
    struct trp_base *base = index != 0 ? trp_aligned(128, sizeof(*base)) : NULL;

    if (base == NULL) {
        return index == 0 ? TROUPE_ELIMIT : TROUPE_ENOMEM;
    }
    memset(base, 0, sizeof(*base));
    troupe_status status = trp_recorder_open(
        sys->trace, index, engine != NULL ? "engine" : "base", &base->recorder);
    if (status != TROUPE_OK) {
        trp_free(base);
        return status;
    }
    base->self.base = base;
    base->system = sys;
    base->index = index;
    base->is_engine = engine != NULL;
    base->engine = engine;
    base->batch = sys->options.batch;
    base->observed = trp_trace_observed(sys->trace);
    base->seeded = sys->options.seed != 0;
    base->plain = !base->observed && !base->seeded && !engine;
    base->random = sys->options.seed + index;
    atomic_init(&base->next_message, (uint64_t)index << 48);
    base->wake = engine != NULL ? trp_engine_wake : no_wake;
    trp_gate_init(&base->gate);
    if (!sys->options.simulated) {
        base->now = trp_clock();
    }
    trp_look_init(&base->look, base->now);
    trp_wheel_init(&base->wheel, base->now, sys->options.timers_max);
    if (index > atomic_load(&sys->top)) {
        atomic_store(&sys->top, index);
    }
    atomic_store_explicit(&sys->bases[index], base, memory_order_release);
    *out = base;
    return TROUPE_OK;
}

/* What is still at the door was accepted, so it is counted. */
static void drop_at_door(struct trp_base *base, troupe_msg *msg)
{
    if ((msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) != 0) {
        trp_msg_drop(msg);
        return;
    }
    msg->trace = trp_tally_add(&base->next_message, 1);
    trp_record(base->recorder, TROUPE_EV_SEND, (uint16_t)msg->kind,
               trp_sender_number(msg), msg->trace, trp_id_number(msg->to.bits),
               msg->size);
    trp_drop(base, msg, msg->to.bits, TROUPE_DROP_SHUTDOWN);
}

void trp_base_end_actors(struct trp_base *base)
{
    struct trp_base *before = trp_base_here;

    trp_base_here = base;
    base->in_pass = true;
    base->run_head = NULL;
    base->ready = 0;
    for (uint32_t i = base->fresh; i-- > 0;) {
        struct trp_actor *actor = &base->chunks[i / TRP_CHUNK]->actors[i % TRP_CHUNK];
        if (actor->phase != TRP_FREE && (actor->flags & TRP_ACTOR_LIGHT) == 0) {
            trp_end_now(base, actor, TROUPE_ECLOSED);
            base->run_head =
                NULL; /* whom it made ready must not stay queued, and freed */
            base->ready = 0;
        }
    }
    trp_flush(base);
    base->in_pass = false;
    trp_base_here = before;
}

void trp_base_clear(struct trp_base *base)
{
    struct trp_base *before = trp_base_here;

    base->dropping_mail = true;
    base->stopping_all = true;
    trp_base_end_actors(base);
    trp_base_here = base;
    base->in_pass = true;
    (void)trp_door_each(base, drop_at_door);
    trp_flush(base);
    base->in_pass = false;
    trp_base_here = before;
}

void trp_base_free(struct trp_base **base)
{
    struct trp_base *old = *base;

    *base = NULL;
    if (old == NULL) {
        return;
    }
    (void)trp_door_each(old, drop_at_door);
    for (uint32_t i = 0; i < old->chunk_count; i++) {
        trp_free(old->chunks[i]);
    }
    trp_free(old->chunks);
    trp_free(old->outboxes);
    trp_free(old->dead_letter_subscribers);
    trp_wheel_fini(&old->wheel);
    trp_recorder_close(&old->recorder);
    trp_engine_free(&old->engine);
    trp_free(old);
}

troupe_ns trp_base_step(struct trp_base *base, troupe_ns now, troupe_ns (*clock)(void))
{
    struct trp_base *before = trp_base_here;

    trp_base_here = base;
    base->in_pass = true;
    base->now = now > base->now ? now : base->now;
    trp_admit(base);
    if (TRP_UNLIKELY(base->unpaid != NULL)) {
        trp_futures_pay(base);
    }
    trp_timers_fire(base);
    trp_turns(base, clock);
    if (base->is_engine) {
        trp_engine_rest(base);
    }
    trp_flush(base);
    base->in_pass = false;
    trp_base_here = before;
    if (base->run_head != NULL || !trp_gate_is_empty(&base->gate)) {
        return base->now;
    }
    troupe_ns next = trp_timers_next(&base->wheel);
    if (TRP_UNLIKELY(base->unpaid != NULL) && next > base->now + TROUPE_MS(1)) {
        next = base->now + TROUPE_MS(1);
    }
    return next > base->now ? next : base->now;
}

troupe_ns troupe_system_step(troupe_system *sys, troupe_ns now)
{
    troupe_ns next = TROUPE_NEVER;

    for (unsigned round = 0; round < STEP_ROUNDS; round++) {
        next = TROUPE_NEVER;
        for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
            struct trp_base *base = trp_base_at(sys, i);
            troupe_ns wants =
                base != NULL ? trp_base_step(base, now, NULL) : TROUPE_NEVER;
            next = wants < next ? wants : next;
        }
        bool mail = false;
        for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
            struct trp_base *base = trp_base_at(sys, i);
            mail = mail || (base != NULL && !trp_gate_is_empty(&base->gate));
        }
        if (!mail) {
            break;
        }
        next = now;
    }
    return next;
}

/* ---- system ---- */

static troupe_status read_options(const troupe_options *given, troupe_options *options)
{
    *options = given != NULL ? *given : TROUPE_OPTIONS;
    if (options->size != sizeof(*options) || options->bases > TROUPE_BASES_MAX ||
        options->pass < 0 || options->spin < TROUPE_NO_SPIN ||
        options->actors_max > SLOTS_MAX) {
        return TROUPE_EINVAL;
    }
#define DEFAULT(field, value)                                                            \
    options->field = options->field != 0 ? options->field : (value)
    DEFAULT(bases, 1);
    DEFAULT(mailbox_limit, MAILBOX_LIMIT);
    DEFAULT(batch, BATCH);
    DEFAULT(pass, PASS);
    DEFAULT(gate_limit, GATE_LIMIT);
    DEFAULT(actors_max, ACTORS_MAX);
    DEFAULT(timers_max, TIMERS_MAX);
#undef DEFAULT
    return TROUPE_OK;
}

static troupe_status make_parts(struct troupe_system *sys, const char *name)
{
    sys->name = trp_strdup(name != NULL ? name : "troupe");
    if (sys->name == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = trp_trace_open(sys->options.trace, sys->name, &sys->trace);
    if (status == TROUPE_OK) {
        status = trp_names_new(&sys->names);
    }
    if (status == TROUPE_OK) {
        status = trp_pendings_new(&sys->pendings);
    }
    if (status == TROUPE_OK) {
        status = trp_shutdown_new(&sys->shutdown);
    }
    for (uint32_t i = 0; i < sys->options.bases && status == TROUPE_OK; i++) {
        struct trp_base *base = NULL;
        status = trp_base_new(sys, NULL, &base);
        sys->base_count += status == TROUPE_OK;
    }
    return status;
}

troupe_status troupe_system_new(const troupe_options *options, troupe_system **out)
{
    troupe_options read;
    troupe_status status = read_options(options, &read);

    if (status != TROUPE_OK) {
        return status;
    }
    struct troupe_system *sys = trp_calloc(1, sizeof(*sys));
    if (sys == NULL) {
        return TROUPE_ENOMEM;
    }
    sys->options = read;
    sys->options.name = NULL; /* borrowed; sys->name is the copy */
    atomic_init(&sys->next_number, 1);
    atomic_init(&sys->holders, 1);
    status = make_parts(sys, read.name);
    if (status != TROUPE_OK) {
        troupe_system_free(&sys);
        return status;
    }
    *out = sys;
    return TROUPE_OK;
}

static void end_bases(struct troupe_system *sys)
{
    for (uint32_t i = (uint32_t)atomic_load(&sys->top); i >= 1; i--) {
        struct trp_base *base = trp_base_at(sys, i);
        if (base != NULL && !base->is_engine) {
            trp_base_clear(base);
        }
    }
    trp_pendings_fail_all(sys, TROUPE_ECLOSED);
    for (uint32_t i = (uint32_t)atomic_load(&sys->top); i >= 1; i--) {
        struct trp_base *base = trp_base_at(sys, i);
        if (base != NULL && base->is_engine) {
            trp_engine_end(base);
        }
    }
}

static void free_bases(struct troupe_system *sys)
{
    for (uint32_t i = (uint32_t)atomic_load(&sys->top); i >= 1; i--) {
        struct trp_base *base = trp_base_at(sys, i);
        if (base != NULL) {
            trp_base_clear(base); /* answers to it may have come meanwhile */
        }
    }
    for (uint32_t i = (uint32_t)atomic_load(&sys->top); i >= 1; i--) {
        struct trp_base *base = trp_base_at(sys, i);
        atomic_store(&sys->bases[i], NULL);
        trp_base_free(&base);
    }
}

void trp_system_release(struct troupe_system *sys)
{
    if (atomic_fetch_sub(&sys->holders, 1) != 1) {
        return;
    }
    free_bases(sys);
    trp_loops_free(sys);
    trp_shutdown_free(&sys->shutdown);
    trp_pendings_free(&sys->pendings);
    trp_names_free(&sys->names);
    trp_trace_close(&sys->trace);
    trp_free(sys->name);
    trp_free(sys);
}

void troupe_system_free(troupe_system **sys)
{
    struct troupe_system *old = *sys;

    *sys = NULL;
    if (old == NULL) {
        return;
    }
    atomic_store(&old->closing, true);
    atomic_store(&old->finished, true);
    end_bases(old);
    trp_system_release(old);
}

/* ---- spawning from outside ---- */

struct spawn_call {
    const troupe_behavior *behavior;
    const void *args;
    const troupe_spawn_options *options;
    troupe_id id;
    troupe_status status;
};

static void spawn_here(struct trp_base *base, void *argument)
{
    struct spawn_call *call = argument;
    struct trp_base *before = trp_base_here;

    if (atomic_load_explicit(&base->system->closing, memory_order_relaxed)) {
        call->status = TROUPE_ECLOSED;
        return;
    }
    trp_base_here = base;
    call->status =
        trp_spawn(base, 0, call->behavior, call->args, call->options, 0, &call->id);
    trp_base_here = before;
    if (call->status == TROUPE_OK) {
        call->status = trp_shutdown_root(base->system, call->id.bits);
        if (call->status != TROUPE_OK) {
            trp_end_soon(base, trp_find(base, call->id.bits), TROUPE_EKILLED);
        }
    }
}

troupe_status troupe_system_spawn(troupe_system *sys, const troupe_behavior *behavior,
                                  const void *args, const troupe_spawn_options *options,
                                  troupe_id *out)
{
    uint32_t index = options != NULL && options->base != 0 ? options->base : 1;
    struct spawn_call call = {behavior, args, options, {0}, TROUPE_OK};

    if (index > sys->base_count) {
        return TROUPE_EINVAL;
    }
    struct trp_base *base = trp_base_at(sys, index);
    if (trp_base_here != NULL && trp_base_here->system == sys) {
        return TROUPE_EDEADLK;
    }
    troupe_status status = TROUPE_OK;
    if (atomic_load_explicit(&sys->running, memory_order_acquire)) {
        status = trp_run_on(sys, base, spawn_here, &call);
    } else {
        spawn_here(base, &call);
    }
    status = status != TROUPE_OK ? status : call.status;
    if (status == TROUPE_OK && out != NULL) {
        *out = call.id;
    }
    return status;
}

/* ---- accounts ---- */

void troupe_system_stats(troupe_system *sys, troupe_stats *out)
{
    troupe_stats sum = {0};

    for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
        struct trp_base *base = trp_base_at(sys, i);
        if (base == NULL) {
            continue;
        }
        uint64_t door = atomic_load_explicit(&base->gate_count, memory_order_relaxed);
        sum.accepted +=
            (trp_tally_read(&base->next_message) & UINT64_C(0xffffffffffff)) + door;
        sum.delivered += trp_tally_read(&base->count.delivered);
        sum.dropped += trp_tally_read(&base->count.dropped);
        sum.refused += trp_tally_read(&base->count.refused);
        sum.spawned += trp_tally_read(&base->count.spawned);
        sum.ended += trp_tally_read(&base->count.ended);
        sum.timers_fired += trp_tally_read(&base->wheel.fired);
        sum.actors +=
            (uint32_t)(trp_tally_read(&base->alive) - trp_tally_read(&base->hidden));
    }
    uint64_t left = sum.delivered + sum.dropped; /* may be ahead while bases run */
    sum.queued = sum.accepted > left ? sum.accepted - left : 0;
    *out = sum;
}
