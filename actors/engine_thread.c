/* SPDX-License-Identifier: MIT
 * engine_thread.c - the thread of an engine: steps its base, parks, ends.
 *
 *   step --nothing to do--> look --> asleep, look again --> park --woken--> step
 *     \--the actor has ended, or the system has--> retire --> whoever puts something into
 *                                                the door sweeps it: nothing stays there
 *
 * The lock guards who owns the base: the thread, then the sweepers, one at a time. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "actors/engine.h"

/* ---- waking and sweeping ---- */

/* Answers what came through the door of an engine that has ended. The caller has set
 * `sweeping`. */
static void sweep(struct trp_engine *engine)
{
    struct trp_base *base = engine->base;
    bool again = true;

    while (again) {
        atomic_store_explicit(&base->asleep, false, memory_order_relaxed);
        (void)trp_base_step(base, trp_clock(), NULL);
        atomic_store_explicit(&base->asleep, true, memory_order_seq_cst);
        (void)pthread_mutex_lock(&engine->lock);
        again = engine->woken || !trp_gate_is_empty(&base->gate);
        engine->woken = false;
        engine->sweeping = again;
        (void)pthread_mutex_unlock(&engine->lock);
    }
}

void trp_engine_wake(struct trp_base *base)
{
    struct trp_engine *engine = base->engine;

    if (!engine->threaded) {
        return;
    }
    (void)pthread_mutex_lock(&engine->lock);
    bool sweeps = engine->ended && !engine->sweeping;
    engine->woken = !sweeps;
    engine->sweeping = engine->sweeping || sweeps;
    (void)pthread_mutex_unlock(&engine->lock);
    if (sweeps) {
        sweep(engine);
    } else {
        (void)pthread_cond_signal(&engine->woken_up);
    }
}

void trp_engine_nudge(struct trp_engine *engine)
{
    atomic_store(&engine->look, true);
    (void)trp_wake(engine->base);
}

/* ---- parking ---- */

static struct timespec timespec_of(troupe_ns when)
{
    return (struct timespec){.tv_sec = (time_t)(when / TROUPE_S(1)),
                             .tv_nsec = (long)(when % TROUPE_S(1))};
}

/* Looks for a call a little longer before sleeping; true when there is one. */
static bool look(struct trp_engine *engine)
{
    troupe_ns now = trp_clock();
    troupe_ns time = trp_look_time(&engine->base->look, engine->spin, now);

    return time != 0 && trp_look(engine->base, now, time, &engine->look);
}

/* Sleeps until woken or `until`. */
static void park(struct trp_engine *engine, troupe_ns until)
{
    struct trp_base *base = engine->base;

    /* seq_cst on both sides: a put, a nudge, or the end, either sees `asleep` or is seen
     * here. */
    atomic_store_explicit(&base->asleep, true, memory_order_seq_cst);
    if (trp_gate_is_empty(&base->gate) && !atomic_load(&engine->look) &&
        !atomic_load(&base->system->finished)) {
        trp_record(base->recorder, TROUPE_EV_SLEEP, 0, 0, 0, 0, 0);
        struct timespec at = timespec_of(until);
        int failed = 0;
        (void)pthread_mutex_lock(&engine->lock);
        while (!engine->woken && failed != ETIMEDOUT) {
            failed = until == TROUPE_NEVER
                         ? pthread_cond_wait(&engine->woken_up, &engine->lock)
                         : pthread_cond_timedwait(&engine->woken_up, &engine->lock, &at);
        }
        engine->woken = false;
        (void)pthread_mutex_unlock(&engine->lock);
        trp_record(base->recorder, TROUPE_EV_WAKE, 0, 0, 0, 0, 1);
    }
    atomic_store_explicit(&base->asleep, false, memory_order_relaxed);
}

/* ---- the thread ---- */

troupe_status trp_engine_spawn(struct trp_engine *engine)
{
    struct trp_base *base = engine->base;
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    options.name = engine->name;
    options.mailbox_limit = engine->queue_limit * 2; /* what it tells itself included */
    engine->behavior = trp_engine_behavior;
    engine->behavior.name = engine->ops->name;
    if (base->outboxes == NULL) { /* early, so that answering needs no memory */
        base->outboxes = trp_calloc(TRP_SYSTEM_BASES + 1, sizeof(*base->outboxes));
        if (base->outboxes == NULL) {
            return TROUPE_ENOMEM;
        }
    }
    base->in_pass = true;
    troupe_status status =
        trp_spawn(base, 0, &engine->behavior, &engine, &options, TRP_ACTOR_ENGINE, NULL);
    if (status == TROUPE_OK) {
        atomic_store(&engine->phase, TRP_ENGINE_RUNNING);
    }
    trp_flush(base);
    base->in_pass = false;
    return status;
}

void trp_engine_retire(struct trp_engine *engine)
{
    struct trp_base *base = engine->base;

    if (atomic_load(&base->system->finished)) {
        base->dropping_mail = true;
    }
    trp_base_end_actors(base);
    atomic_store(&engine->phase, TRP_ENGINE_STOPPED);
    atomic_store_explicit(&base->gone, true, memory_order_release);
    trp_engine_singleton_gone(engine);
    if (!engine->threaded) {
        engine->ended = true;
    }
}

static void serve(struct trp_engine *engine)
{
    struct trp_base *base = engine->base;

    while (!engine->over && !atomic_load(&base->system->finished)) {
        troupe_ns next = trp_base_step(base, trp_clock(), trp_clock);
        if (!engine->over && next > base->now && !look(engine)) {
            park(engine, next);
        }
    }
}

/* The thread owns its base until here; nothing of it is touched after `left`. */
static void leave(struct trp_engine *engine)
{
    struct troupe_system *sys = engine->base->system;

    trp_engine_retire(engine);
    (void)pthread_mutex_lock(&engine->lock);
    engine->ended = engine->sweeping = true;
    (void)pthread_mutex_unlock(&engine->lock);
    sweep(engine);
    trp_base_here = NULL;
    (void)pthread_mutex_lock(&engine->lock);
    engine->left = true;
    bool abandoned = engine->abandoned;
    (void)pthread_cond_broadcast(&engine->changed);
    (void)pthread_mutex_unlock(&engine->lock);
    if (abandoned) {
        trp_system_release(sys);
    }
}

static void *engine_main(void *context)
{
    struct trp_engine *engine = context;

    trp_base_here = engine->base;
    (void)pthread_mutex_lock(&engine->lock);
    engine->ended = engine->sweeping = false;
    (void)pthread_mutex_unlock(&engine->lock);
    troupe_status status = trp_engine_spawn(engine);
    if (status != TROUPE_OK) {
        trp_engine_singleton_gone(engine); /* the caller may try again at once */
    }
    (void)pthread_mutex_lock(&engine->lock);
    engine->open_status = status;
    engine->opening_done = true;
    (void)pthread_cond_broadcast(&engine->changed);
    (void)pthread_mutex_unlock(&engine->lock);
    if (status == TROUPE_OK) {
        serve(engine);
    }
    leave(engine);
    return NULL;
}

static int create(struct trp_engine *engine, size_t stack_size)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    (void)pthread_attr_init(&attributes);
    int failed = pthread_attr_setstacksize(&attributes, stack_size);
    if (failed == 0) {
        (void)sigfillset(&all); /* signals are for the application's threads */
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(&engine->thread, &attributes, engine_main, engine);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return failed;
}

troupe_status trp_engine_start_thread(struct trp_engine *engine, size_t stack_size)
{
    engine->opening_done = engine->joining = engine->joined = engine->left = false;
    if (create(engine, stack_size) != 0) {
        engine->left = engine->joining = engine->joined = true;
        trp_engine_singleton_gone(engine);
        return TROUPE_ESYSTEM;
    }
    (void)pthread_mutex_lock(&engine->lock);
    while (!engine->opening_done) {
        (void)pthread_cond_wait(&engine->changed, &engine->lock);
    }
    troupe_status status = engine->open_status;
    (void)pthread_mutex_unlock(&engine->lock);
    return status;
}

/* Under the lock: whether there is still something to wait for. */
static bool lives(const struct trp_engine *engine, uint64_t id)
{
    return atomic_load(&engine->actor) == id &&
           (!engine->left || (engine->joining && !engine->joined));
}

bool trp_engine_join(struct trp_engine *engine, uint64_t id, troupe_ns deadline)
{
    struct timespec at = timespec_of(deadline);
    int failed = 0;

    (void)pthread_mutex_lock(&engine->lock);
    while (lives(engine, id) && failed != ETIMEDOUT) {
        failed = deadline == TROUPE_NEVER
                     ? pthread_cond_wait(&engine->changed, &engine->lock)
                     : pthread_cond_timedwait(&engine->changed, &engine->lock, &at);
    }
    bool left = !lives(engine, id);
    if (left && !engine->joining) {
        engine->joining = true;
        (void)pthread_mutex_unlock(&engine->lock);
        (void)pthread_join(engine->thread, NULL);
        (void)pthread_mutex_lock(&engine->lock);
        engine->joined = true;
        (void)pthread_cond_broadcast(&engine->changed);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return left;
}
