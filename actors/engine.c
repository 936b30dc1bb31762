/* SPDX-License-Identifier: MIT
 * engine.c - opening and closing engines.
 *
 * A closed engine keeps its base, for late messages to be answered there, and the next
 * one that is opened takes it over. */
#include <stdint.h>

#include "actors/engine.h"

enum { QUEUE_LIMIT = 16384, QUEUE_MAX = 1 << 24, SINGLETONS = 16 };

#define STACK_SIZE ((size_t)16 << 20)
#define GRACE      TROUPE_MS(200) /* for an interrupted call to return */
#define END_WAIT   TROUPE_S(1)    /* the same when the system is freed */
#define TRY_AGAIN  TROUPE_MS(10)  /* between two interrupts of the same call */

/* One opening at a time: bases are found, and singletons counted. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static const troupe_engine_ops *singletons[SINGLETONS];

static troupe_status singleton_take(const troupe_engine_ops *ops)
{
    unsigned at = SINGLETONS;

    if ((ops->capabilities & TROUPE_ENGINE_SINGLETON) == 0) {
        return TROUPE_OK;
    }
    for (unsigned i = 0; i < SINGLETONS; i++) {
        if (singletons[i] == ops) {
            return TROUPE_EEXIST;
        }
        at = singletons[i] == NULL ? i : at;
    }
    if (at == SINGLETONS) {
        return TROUPE_ELIMIT;
    }
    singletons[at] = ops;
    return TROUPE_OK;
}

static void singleton_give(const troupe_engine_ops *ops)
{
    (void)pthread_mutex_lock(&opening);
    for (unsigned i = 0; i < SINGLETONS; i++) {
        if (singletons[i] == ops) {
            singletons[i] = NULL;
        }
    }
    (void)pthread_mutex_unlock(&opening);
}

void trp_engine_singleton_gone(struct trp_engine *engine)
{
    if (engine->singleton) {
        engine->singleton = false;
        singleton_give(engine->ops);
    }
}

/* ---- making ---- */

static struct trp_engine *engine_new(void)
{
    struct trp_engine *engine = trp_aligned(64, sizeof(*engine));
    pthread_condattr_t monotonic;

    if (engine == NULL) {
        return NULL;
    }
    *engine = (struct trp_engine){.ended = true, .sweeping = true};
    engine->left = engine->joining = engine->joined = true;
    (void)pthread_mutex_init(&engine->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&engine->woken_up, &monotonic);
    (void)pthread_cond_init(&engine->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return engine;
}

void trp_engine_free(struct trp_engine **engine)
{
    struct trp_engine *old = *engine;

    *engine = NULL;
    if (old != NULL) {
        trp_engine_singleton_gone(old);
        (void)pthread_cond_destroy(&old->changed);
        (void)pthread_cond_destroy(&old->woken_up);
        (void)pthread_mutex_destroy(&old->lock);
        trp_free(old);
    }
}

/* Takes over an engine that is closed and whose door nobody sweeps. */
static bool claim(struct trp_engine *engine)
{
    if (trp_engine_phase(engine) != TRP_ENGINE_STOPPED) {
        return false;
    }
    (void)pthread_mutex_lock(&engine->lock);
    bool free = engine->ended && engine->joined && !engine->sweeping;
    if (free) {
        engine->sweeping = true;
        atomic_store(&engine->actor, 0);
        atomic_store(&engine->phase, TRP_ENGINE_OPENING);
        (void)pthread_cond_broadcast(&engine->changed);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return free;
}

/* A closed engine of the system, or a new one. */
static troupe_status find_or_make(struct troupe_system *sys, struct trp_engine **out)
{
    for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
        struct trp_base *base = trp_base_at(sys, i);
        if (base == NULL || !base->is_engine) {
            continue;
        }
        if (trp_engine_phase(base->engine) == TRP_ENGINE_STOPPED) {
            uint64_t id = atomic_load(&base->engine->actor);
            (void)trp_engine_join(base->engine, id, 0); /* nobody has when it stopped */
        }
        if (claim(base->engine)) {
            *out = base->engine;
            return TROUPE_OK;
        }
    }
    struct trp_engine *engine = engine_new();
    if (engine == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = trp_base_new(sys, engine, &engine->base);
    if (status != TROUPE_OK) {
        trp_engine_free(&engine);
        return status;
    }
    *out = engine;
    return TROUPE_OK;
}

static void configure(struct trp_engine *engine, const troupe_engine_ops *ops,
                      const troupe_engine_options *options)
{
    engine->ops = ops;
    engine->config = options->config;
    engine->name = options->name != NULL ? options->name : ops->name;
    engine->opened = NULL;
    engine->is_open = engine->over = engine->too_long = false;
    engine->threaded = !engine->base->system->options.simulated;
    engine->singleton = (ops->capabilities & TROUPE_ENGINE_SINGLETON) != 0;
    engine->queue_limit = options->queue_limit != 0 ? options->queue_limit : QUEUE_LIMIT;
    engine->spin = options->spin;
    engine->call_limit = options->call_limit;
    atomic_store(&engine->began, 0);
    trp_engine_reset_stats(engine);
    atomic_store_explicit(&engine->base->gone, false, memory_order_release);
}

/* Opens it on the calling thread. */
static troupe_status open_here(struct trp_engine *engine)
{
    struct trp_base *before = trp_base_here;

    trp_base_here = engine->base;
    troupe_status status = trp_engine_spawn(engine);
    if (status != TROUPE_OK) {
        trp_engine_retire(engine);
    }
    engine->sweeping = false;
    trp_base_here = before;
    return status;
}

static bool valid(const troupe_engine_ops *ops, const troupe_engine_options *options)
{
    return ops != NULL && ops->version == TROUPE_ENGINE_VERSION && ops->name != NULL &&
           ops->open != NULL && ops->execute != NULL && ops->close != NULL &&
           options->size == sizeof(*options) && options->queue_limit <= QUEUE_MAX &&
           options->spin >= TROUPE_NO_SPIN && options->call_limit >= 0;
}

troupe_status troupe_engine_open(troupe_system *sys, const troupe_engine_ops *ops,
                                 const troupe_engine_options *options, troupe_id *out)
{
    const troupe_engine_options defaults = TROUPE_ENGINE_OPTIONS;
    struct trp_engine *engine = NULL;

    options = options != NULL ? options : &defaults;
    if (!valid(ops, options)) {
        return TROUPE_EINVAL;
    }
    if (trp_base_here != NULL && trp_base_here->system == sys) {
        return TROUPE_EDEADLK;
    }
    if (atomic_load(&sys->closing)) {
        return TROUPE_ECLOSED;
    }
    (void)pthread_mutex_lock(&opening);
    troupe_status status = singleton_take(ops);
    bool taken = status == TROUPE_OK;
    if (taken) {
        status = find_or_make(sys, &engine);
    }
    (void)pthread_mutex_unlock(&opening);
    if (status != TROUPE_OK) {
        if (taken && (ops->capabilities & TROUPE_ENGINE_SINGLETON) != 0) {
            singleton_give(ops);
        }
        return status;
    }
    configure(engine, ops, options);
    size_t stack = options->stack_size != 0 ? options->stack_size : STACK_SIZE;
    status =
        engine->threaded ? trp_engine_start_thread(engine, stack) : open_here(engine);
    troupe_id id = {atomic_load(&engine->actor)};
    if (status == TROUPE_OK) {
        status = trp_engine_watch(engine);
        if (status != TROUPE_OK) {
            (void)troupe_engine_close(sys, id, 0);
        }
    }
    if (status == TROUPE_OK && out != NULL) {
        *out = id;
    }
    return status;
}

/* ---- closing ---- */

static struct trp_engine *engine_of(troupe_system *sys, troupe_id id)
{
    struct trp_base *base = trp_base_at(sys, trp_id_base(id.bits));
    bool is = base != NULL && base->is_engine && id.bits != 0 &&
              atomic_load(&base->engine->actor) == id.bits;

    return is ? base->engine : NULL;
}

/* Moves on to a later phase, unless the engine serves another actor by now. */
static void advance(struct trp_engine *engine, uint64_t id, int to)
{
    int phase = atomic_load(&engine->phase);

    (void)pthread_mutex_lock(&engine->lock);
    while (atomic_load(&engine->actor) == id && phase < to &&
           !atomic_compare_exchange_weak(&engine->phase, &phase, to)) {
    }
    (void)pthread_mutex_unlock(&engine->lock);
    if (engine->threaded) {
        trp_engine_nudge(engine);
    }
}

/* Interrupts the running call until its thread has ended or `until`. */
static bool cancel_and_join(struct trp_engine *engine, uint64_t id, troupe_ns until)
{
    advance(engine, id, TRP_ENGINE_CANCELLING);
    for (;;) {
        (void)trp_engine_interrupt_call(engine, 0);
        troupe_ns now = trp_clock();
        if (trp_engine_join(engine, id, now + TRY_AGAIN)) {
            return true;
        }
        if (now >= until) {
            return false;
        }
    }
}

/* Answers for an engine whose thread is stuck: it cannot, and its queue is its own. */
static void answer_stuck(struct trp_engine *engine, troupe_id id)
{
    struct troupe_system *sys = engine->base->system;
    uint64_t running = atomic_load(&engine->running);

    trp_pendings_end_calls(sys, id.bits, running);
    for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
        struct trp_base *base = trp_base_at(sys, i);
        troupe_msg *msg = NULL;
        if (base == NULL || base == engine->base ||
            trp_msg_new(TRP_KIND_CALLS_END, 0, &msg) != TROUPE_OK) {
            continue; /* without memory the asks have their own time limits */
        }
        msg->from = id;
        msg->to = TROUPE_NOBODY;
        msg->tag = running;
        msg->flags = TRP_MSG_SIGNAL;
        (void)trp_gate_post(sys, base, msg, true);
    }
}

/* Without a thread: runs what is queued, now. */
static void close_here(struct trp_engine *engine, bool run)
{
    struct trp_base *base = engine->base;

    uint64_t id = atomic_load(&engine->actor);

    advance(engine, id, run ? TRP_ENGINE_DRAINING : TRP_ENGINE_CANCELLING);
    while (!engine->over) {
        if (trp_base_step(base, base->now, NULL) > base->now) {
            advance(engine, id, TRP_ENGINE_CANCELLING); /* what is missing cannot come */
        }
    }
}

troupe_status troupe_engine_close(troupe_system *sys, troupe_id id, troupe_ns within)
{
    struct trp_engine *engine = engine_of(sys, id);

    if (trp_base_here != NULL && trp_base_here->system == sys) {
        return TROUPE_EDEADLK;
    }
    if (within < 0) {
        return TROUPE_EINVAL;
    }
    if (engine == NULL) {
        return TROUPE_EGONE;
    }
    if (!engine->threaded) {
        close_here(engine, within > 0);
        return TROUPE_OK;
    }
    troupe_ns now = trp_clock();
    troupe_ns deadline = within >= TROUPE_NEVER - now ? TROUPE_NEVER : now + within;
    advance(engine, id.bits, TRP_ENGINE_DRAINING);
    if ((within > 0 && trp_engine_join(engine, id.bits, deadline)) ||
        cancel_and_join(engine, id.bits, trp_clock() + GRACE)) {
        return TROUPE_OK;
    }
    answer_stuck(engine, id);
    return TROUPE_ETIMEDOUT;
}

void trp_engine_end(struct trp_base *base)
{
    struct trp_engine *engine = base->engine;

    uint64_t id = atomic_load(&engine->actor);

    if (!engine->threaded || trp_engine_join(engine, id, 0) ||
        cancel_and_join(engine, id, trp_clock() + END_WAIT)) {
        return;
    }
    (void)pthread_mutex_lock(&engine->lock);
    bool left = engine->left;
    if (!left) { /* the thread frees the system when its call returns, if it ever does */
        engine->abandoned = engine->joining = engine->joined = true;
        (void)atomic_fetch_add(&base->system->holders, 1);
        (void)pthread_detach(engine->thread);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    if (left) {
        (void)trp_engine_join(engine, id, 0);
    }
}

/* ---- the rest of the API ---- */

troupe_status troupe_engine_interrupt(troupe_system *sys, troupe_id id)
{
    struct trp_engine *engine = engine_of(sys, id);

    if (engine == NULL || trp_engine_phase(engine) == TRP_ENGINE_STOPPED) {
        return TROUPE_EGONE;
    }
    return trp_engine_interrupt_call(engine, 0) ? TROUPE_OK : TROUPE_EUNSUPPORTED;
}

troupe_status troupe_engine_stats_read(troupe_system *sys, troupe_id id,
                                       troupe_engine_stats *out)
{
    struct trp_engine *engine = engine_of(sys, id);

    if (engine == NULL) {
        return TROUPE_EGONE;
    }
    trp_engine_read_stats(engine, out);
    return TROUPE_OK;
}
