/* SPDX-License-Identifier: MIT
 * shutdown.c - the ordered end.
 *
 *   ROOTS: actors spawned from outside, the youngest first, each after its mail
 *   ALL: whoever is left, base by base; then engines, after their queues
 *   at the deadline, from any stage: KILL, everything at once
 *   DONE: loops end
 *
 * A hidden actor on base 1, made when the end begins, keeps the order. */
#include "actors/runtime.h"

enum stage { STAGE_ROOTS, STAGE_ALL, STAGE_ENGINES, STAGE_KILL, STAGE_DONE };

enum { TAG_DEADLINE = 1, TAG_GRACE = 2 };

/* How long after the deadline a call that cannot be interrupted is waited for. */
#define GRACE TROUPE_MS(200)

struct trp_shutdown {
    pthread_mutex_t lock; /* roots: spawns from several threads */
    uint64_t *roots;
    uint32_t count, capacity;
    _Atomic troupe_ns deadline; /* absolute; the earliest asked for */
    troupe_msg *start;          /* made early, so that the end needs no memory to begin */
    atomic_bool begun;
    uint64_t actor; /* base 1 only */
};

troupe_status trp_shutdown_new(struct trp_shutdown **out)
{
    struct trp_shutdown *shutdown = trp_calloc(1, sizeof(*shutdown));

    if (shutdown == NULL) {
        return TROUPE_ENOMEM;
    }
    if (trp_msg_new(TRP_KIND_SHUTDOWN, 0, &shutdown->start) != TROUPE_OK) {
        trp_free(shutdown);
        return TROUPE_ENOMEM;
    }
    (void)pthread_mutex_init(&shutdown->lock, NULL);
    atomic_init(&shutdown->deadline, TROUPE_NEVER);
    *out = shutdown;
    return TROUPE_OK;
}

void trp_shutdown_free(struct trp_shutdown **shutdown)
{
    struct trp_shutdown *old = *shutdown;

    *shutdown = NULL;
    if (old != NULL) {
        troupe_msg_free(&old->start);
        (void)pthread_mutex_destroy(&old->lock);
        trp_free(old->roots);
        trp_free(old);
    }
}

/* Under the lock: forgets roots of a base that have ended; only its own thread may look.
 */
static void purge(struct trp_base *base, struct trp_shutdown *shutdown)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < shutdown->count; i++) {
        uint64_t id = shutdown->roots[i];
        if (trp_id_base(id) != base->index || trp_find(base, id) != NULL) {
            shutdown->roots[kept++] = id;
        }
    }
    shutdown->count = kept;
}

static troupe_status add_root(struct trp_base *base, struct trp_shutdown *shutdown,
                              uint64_t id)
{
    if (shutdown->count == shutdown->capacity) {
        purge(base, shutdown);
    }
    if (shutdown->count > shutdown->capacity / 2 || shutdown->capacity == 0) {
        uint32_t capacity = shutdown->capacity != 0 ? shutdown->capacity * 2 : 16;
        uint64_t *roots = shutdown->count < shutdown->capacity
                              ? shutdown->roots
                              : trp_realloc(shutdown->roots, capacity * sizeof(*roots));
        if (roots == NULL) {
            return TROUPE_ENOMEM;
        }
        if (shutdown->count == shutdown->capacity) {
            shutdown->capacity = capacity;
        }
        shutdown->roots = roots;
    }
    shutdown->roots[shutdown->count++] = id;
    return TROUPE_OK;
}

troupe_status trp_shutdown_root(struct troupe_system *sys, uint64_t id)
{
    struct trp_shutdown *shutdown = sys->shutdown;

    (void)pthread_mutex_lock(&shutdown->lock);
    troupe_status status = add_root(trp_base_at(sys, trp_id_base(id)), shutdown, id);
    (void)pthread_mutex_unlock(&shutdown->lock);
    return status;
}

static uint64_t youngest_root(struct trp_shutdown *shutdown)
{
    (void)pthread_mutex_lock(&shutdown->lock);
    uint64_t id = shutdown->count != 0 ? shutdown->roots[--shutdown->count] : 0;
    (void)pthread_mutex_unlock(&shutdown->lock);
    return id;
}

/* ---- the keeper of the order ---- */

struct keeper {
    enum stage stage;
    uint32_t left;   /* bases or engines that are not empty */
    troupe_ns armed; /* the deadline a timer is set for */
};

static void stop_all(struct trp_base *base);
static void kill_all(struct trp_base *base);

/* Tells each base (or each engine) and counts them. Only runs on base 1. */
static uint32_t tell_bases(struct trp_base *here, bool engines, troupe_kind kind)
{
    struct troupe_system *sys = here->system;
    uint32_t told = 0;

    for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
        struct trp_base *base = trp_base_at(sys, i);
        troupe_msg *msg = NULL;
        if (base == NULL || base->is_engine != engines || atomic_load(&base->gone)) {
            continue;
        }
        told++;
        if (base == here) {
            continue; /* itself last: it may be empty at once */
        }
        if (trp_msg_new(kind, 0, &msg) == TROUPE_OK) {
            msg->flags = TRP_MSG_SIGNAL;
            msg->to = TROUPE_NOBODY;
            (void)trp_gate_post(sys, base, msg, true);
        }
        if (kind == TRP_KIND_KILL_ALL && base->is_engine) {
            trp_engine_interrupt(base);
        }
    }
    return told;
}

static void done(struct trp_base *base, struct keeper *keeper)
{
    struct troupe_system *sys = base->system;

    keeper->stage = STAGE_DONE;
    atomic_store(&sys->finished, true); /* seq_cst: pairs with `asleep` in base.c */
    trp_pendings_fail_all(sys, TROUPE_ECLOSED);
    for (uint32_t i = 1; i <= atomic_load(&sys->top); i++) {
        struct trp_base *other = trp_base_at(sys, i);
        if (other != NULL) {
            (void)trp_wake(other);
        }
    }
    troupe_exit(&base->self, TROUPE_OK);
}

static void next_stage(troupe_self *self, struct keeper *keeper)
{
    struct trp_base *base = self->base;

    if (keeper->stage == STAGE_ROOTS) {
        for (uint64_t root; (root = youngest_root(base->system->shutdown)) != 0;) {
            troupe_id id = {root};
            if (troupe_watch(self, id) == TROUPE_OK) {
                if (troupe_stop(self, id) == TROUPE_ENOMEM) {
                    (void)troupe_kill(self, id);
                }
                return;
            }
            (void)troupe_kill(self, id); /* no memory to wait for it */
        }
        keeper->stage = STAGE_ALL;
        keeper->left = tell_bases(base, false, TRP_KIND_STOP_ALL);
        stop_all(base);
        return;
    }
    if (keeper->stage == STAGE_ALL || keeper->stage == STAGE_KILL) {
        keeper->stage = keeper->stage == STAGE_ALL ? STAGE_ENGINES : STAGE_KILL;
        keeper->left = tell_bases(base, true,
                                  keeper->stage == STAGE_KILL ? TRP_KIND_KILL_ALL
                                                              : TRP_KIND_STOP_ALL);
        if (keeper->left != 0 && keeper->stage == STAGE_ENGINES) {
            return;
        }
    }
    done(base, keeper);
}

static troupe_status on_down(troupe_self *self, void *state, troupe_msg **msg)
{
    struct keeper *keeper = state;

    (void)msg;
    if (keeper->stage == STAGE_ROOTS) {
        next_stage(self, keeper);
    }
    return TROUPE_OK;
}

static troupe_status on_empty(troupe_self *self, void *state, troupe_msg **msg)
{
    struct keeper *keeper = state;

    (void)msg;
    if (keeper->stage == STAGE_DONE || keeper->left == 0) {
        return TROUPE_OK;
    }
    if (--keeper->left == 0) {
        if (keeper->stage == STAGE_ALL) {
            next_stage(self, keeper);
        } else {
            done(self->base, keeper);
        }
    }
    return TROUPE_OK;
}

/* The deadline: everything that lives is ended now, engines are interrupted. */
static void kill_everything(troupe_self *self, struct keeper *keeper)
{
    struct trp_base *base = self->base;

    keeper->stage = STAGE_KILL;
    keeper->left = tell_bases(base, false, TRP_KIND_KILL_ALL) +
                   tell_bases(base, true, TRP_KIND_KILL_ALL);
    if (troupe_after(self, GRACE, TROUPE_KIND_TIMER, TAG_GRACE, NULL) != TROUPE_OK) {
        kill_all(base);
        done(base, keeper);
        return;
    }
    kill_all(base);
}

static troupe_status on_timer(troupe_self *self, void *state, troupe_msg **msg)
{
    struct keeper *keeper = state;

    if (troupe_msg_tag(*msg) == TAG_GRACE) {
        if (keeper->stage != STAGE_DONE) {
            done(self->base, keeper);
        }
    } else if (keeper->stage < STAGE_KILL &&
               self->base->now >= atomic_load(&self->base->system->shutdown->deadline)) {
        kill_everything(self, keeper);
    }
    return TROUPE_OK;
}

/* Sets the timer for the deadline, or for an earlier one that came later. */
static troupe_status arm(troupe_self *self, struct keeper *keeper)
{
    troupe_ns deadline = atomic_load(&self->base->system->shutdown->deadline);

    if (deadline == TROUPE_NEVER || deadline >= keeper->armed) {
        return TROUPE_OK;
    }
    keeper->armed = deadline;
    troupe_ns rest = deadline - self->base->now;
    return troupe_after(self, rest > 0 ? rest : 0, TROUPE_KIND_TIMER, TAG_DEADLINE, NULL);
}

static troupe_status on_again(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)msg;
    return arm(self, state);
}

static troupe_status keeper_start(troupe_self *self, void *state, const void *args)
{
    struct keeper *keeper = state;

    (void)args;
    keeper->armed = TROUPE_NEVER;
    self->base->system->shutdown->actor = self->actor->id;
    troupe_status status = arm(self, keeper);
    if (status == TROUPE_OK) {
        next_stage(self, keeper);
    }
    return status;
}

static const troupe_handler keeper_handlers[] = {
    {TROUPE_KIND_DOWN, on_down},
    {TRP_KIND_EMPTY, on_empty},
    {TROUPE_KIND_TIMER, on_timer},
    {TRP_KIND_SHUTDOWN, on_again},
};

static const troupe_behavior keeper_behavior = {
    .name = "shutdown",
    .state_size = sizeof(struct keeper),
    .start = keeper_start,
    .handlers = keeper_handlers,
    .handler_count = TRP_COUNT(keeper_handlers),
};

/* ---- on each base ---- */

void trp_shutdown_empty(struct trp_base *base)
{
    struct troupe_system *sys = base->system;
    uint64_t keeper = sys->shutdown->actor;

    if (keeper != 0 && !atomic_load(&sys->finished)) {
        (void)trp_signal(base, 0, keeper, TRP_KIND_EMPTY, base->index);
    }
}

static struct trp_actor *actor_at(struct trp_base *base, uint32_t slot)
{
    struct trp_actor *actor = &base->chunks[slot / TRP_CHUNK]->actors[slot % TRP_CHUNK];
    bool body = actor->phase == TRP_LIVE &&
                (actor->flags & (TRP_ACTOR_LIGHT | TRP_ACTOR_HIDDEN)) == 0;

    return body ? actor : NULL;
}

static void stop_all(struct trp_base *base)
{
    base->stopping_all = true;
    for (uint32_t i = 0; i < base->fresh; i++) {
        struct trp_actor *actor = actor_at(base, i);
        if (actor != NULL && (actor->flags & TRP_ACTOR_SUPERVISED) == 0 &&
            trp_signal(base, 0, actor->id, TROUPE_KIND_STOP, 0) != TROUPE_OK) {
            trp_end_soon(base, actor, TROUPE_ECLOSED); /* no memory to ask it */
        }
    }
    if (base->bodies == 0) {
        trp_shutdown_empty(base);
    }
}

static void kill_all(struct trp_base *base)
{
    base->stopping_all = true;
    base->dropping_mail = true;
    for (uint32_t i = 0; i < base->fresh; i++) {
        struct trp_actor *actor = actor_at(base, i);
        if (actor != NULL) {
            trp_end_soon(base, actor, TROUPE_ECLOSED);
        }
    }
    if (base->bodies == 0) {
        trp_shutdown_empty(base);
    }
}

static void begin(struct trp_base *base)
{
    struct troupe_system *sys = base->system;

    if (sys->shutdown->actor != 0) {
        (void)trp_signal(base, 0, sys->shutdown->actor, TRP_KIND_SHUTDOWN, 0);
        return;
    }
    if (trp_spawn(base, 0, &keeper_behavior, NULL, NULL, TRP_ACTOR_HIDDEN, NULL) !=
        TROUPE_OK) {
        /* Without memory there is no order: end at once, freeing drops and counts. */
        atomic_store(&sys->finished, true); /* seq_cst: pairs with `asleep` in base.c */
        trp_pendings_fail_all(sys, TROUPE_ECLOSED);
    }
}

void trp_shutdown_signal(struct trp_base *base, const troupe_msg *msg)
{
    switch (msg->kind) {
    case TRP_KIND_STOP_ALL:
        stop_all(base);
        return;
    case TRP_KIND_KILL_ALL:
        kill_all(base);
        return;
    default:
        begin(base);
        return;
    }
}

void troupe_system_shutdown(troupe_system *sys, troupe_ns within)
{
    struct trp_shutdown *shutdown = sys->shutdown;
    struct trp_base *base = trp_base_at(sys, 1);
    troupe_ns now = sys->options.simulated ? base->now : trp_clock();
    troupe_ns wanted =
        within >= TROUPE_NEVER - now ? TROUPE_NEVER : now + (within > 0 ? within : 0);
    troupe_ns before = atomic_load(&shutdown->deadline);

    while (wanted < before &&
           !atomic_compare_exchange_weak(&shutdown->deadline, &before, wanted)) {
    }
    atomic_store(&sys->closing, true);
    troupe_msg *msg = NULL;
    if (!atomic_exchange(&shutdown->begun, true)) {
        msg = shutdown->start;
        shutdown->start = NULL;
    } else if (wanted >= before || trp_msg_new(TRP_KIND_SHUTDOWN, 0, &msg) != TROUPE_OK) {
        return; /* nothing new, or no memory to hurry */
    }
    msg->flags = TRP_MSG_SIGNAL;
    msg->to = TROUPE_NOBODY;
    (void)trp_gate_post(sys, base, msg, true);
}
