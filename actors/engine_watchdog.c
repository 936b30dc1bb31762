/* SPDX-License-Identifier: MIT
 * engine_watchdog.c - interrupts a call that runs longer than its engine's limit.
 *
 *   WATCHING --limit--> nobody runs: look again after a limit
 *                  \--> somebody runs: look again when its limit has passed
 *
 * A hidden actor on base 1. It looks once a limit, so a call that begins between two
 * looks is seen before its limit has passed. It ends when the engine has. */
#include "actors/engine.h"

struct watchdog {
    struct trp_engine *engine;
    uint64_t id; /* of the engine actor; another: the engine was opened anew */
};

static troupe_status look(troupe_self *self, void *state, troupe_msg **msg)
{
    struct watchdog *dog = state;
    struct trp_engine *engine = dog->engine;
    troupe_ns now = trp_clock();

    (void)msg;
    if (atomic_load(&engine->actor) != dog->id ||
        trp_engine_phase(engine) == TRP_ENGINE_STOPPED) {
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    }
    troupe_ns began = atomic_load_explicit(&engine->began, memory_order_relaxed);
    troupe_ns rest = began != 0 ? began + engine->call_limit - now : engine->call_limit;
    if (rest <= 0) {
        trp_engine_interrupt_late(engine, now - engine->call_limit);
        rest = engine->call_limit;
    }
    return troupe_after(self, rest, TROUPE_KIND_TIMER, 0, NULL);
}

static troupe_status watchdog_start(troupe_self *self, void *state, const void *args)
{
    struct watchdog *dog = state;

    dog->engine = *(struct trp_engine *const *)args;
    dog->id = atomic_load(&dog->engine->actor);
    return troupe_after(self, dog->engine->call_limit, TROUPE_KIND_TIMER, 0, NULL);
}

static const troupe_behavior watchdog_behavior = {
    .name = "engine watchdog",
    .state_size = sizeof(struct watchdog),
    .start = watchdog_start,
    .receive = look,
};

struct spawn {
    struct trp_engine *engine;
    troupe_status status;
};

static void spawn_here(struct trp_base *base, void *argument)
{
    struct spawn *spawn = argument;
    struct trp_base *before = trp_base_here;

    trp_base_here = base;
    spawn->status = trp_spawn(base, 0, &watchdog_behavior, &spawn->engine, NULL,
                              TRP_ACTOR_HIDDEN, NULL);
    trp_base_here = before;
}

troupe_status trp_engine_watch(struct trp_engine *engine)
{
    struct troupe_system *sys = engine->base->system;
    struct trp_base *base = trp_base_at(sys, 1);
    struct spawn spawn = {engine, TROUPE_OK};

    if (engine->call_limit == 0 || !engine->threaded) {
        return TROUPE_OK;
    }
    if (!atomic_load_explicit(&sys->running, memory_order_acquire)) {
        spawn_here(base, &spawn);
        return spawn.status;
    }
    troupe_status status = trp_run_on(sys, base, spawn_here, &spawn);
    return status != TROUPE_OK ? status : spawn.status;
}
