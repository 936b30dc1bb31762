/* SPDX-License-Identifier: MIT
 * await.c - how a thread that is not a base waits: for an answer, or for a base to have
 * run something.
 *
 * A pending is found by an id (base byte 255, place, generation) under one lock; so an
 * answer that comes after its waiter has gone finds nothing. Locks: docs/adr/0012. */
#include <errno.h>
#include <time.h>

#include "actors/runtime.h"

enum { PENDINGS_MAX = 1 << 20, PENDINGS_FIRST = 32 };

struct troupe_pending {
    struct troupe_system *system;
    uint64_t id;
    uint64_t target; /* who must answer */
    pthread_cond_t answered;
    troupe_msg *answer; /* not NULL: there, and not yet taken */
    bool open;          /* no answer so far */
    bool taken;
    troupe_ns deadline; /* of the whole call, on the monotonic clock */
};

struct place {
    struct troupe_pending *pending; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct trp_pendings {
    pthread_mutex_t lock;
    struct place *places; /* from 1 */
    uint32_t count, capacity, free;
    atomic_uint_fast32_t open; /* so that the end of an actor looks only when needed */
};

troupe_status trp_pendings_new(struct trp_pendings **out)
{
    struct trp_pendings *pendings = trp_calloc(1, sizeof(*pendings));

    if (pendings == NULL) {
        return TROUPE_ENOMEM;
    }
    pendings->places = trp_calloc(PENDINGS_FIRST, sizeof(*pendings->places));
    if (pendings->places == NULL) {
        trp_free(pendings);
        return TROUPE_ENOMEM;
    }
    pendings->capacity = PENDINGS_FIRST;
    pendings->count = 1;
    (void)pthread_mutex_init(&pendings->lock, NULL);
    *out = pendings;
    return TROUPE_OK;
}

void trp_pendings_free(struct trp_pendings **pendings)
{
    struct trp_pendings *old = *pendings;

    *pendings = NULL;
    if (old != NULL) {
        (void)pthread_mutex_destroy(&old->lock);
        trp_free(old->places);
        trp_free(old);
    }
}

/* Under the lock: a place for a pending. */
static troupe_status take_place(struct trp_pendings *all, struct troupe_pending *pending)
{
    uint32_t at = all->free;

    if (at != 0) {
        all->free = all->places[at].next_free;
    } else {
        if (all->count == all->capacity) {
            if (all->capacity >= PENDINGS_MAX) {
                return TROUPE_ELIMIT;
            }
            struct place *places =
                trp_realloc(all->places, (size_t)all->capacity * 2 * sizeof(*places));
            if (places == NULL) {
                return TROUPE_ENOMEM;
            }
            all->places = places;
            all->capacity *= 2;
        }
        at = all->count++;
        all->places[at].generation = 0;
    }
    all->places[at].pending = pending;
    pending->id = (uint64_t)TRP_BASE_PENDING << 56 | (uint64_t)at << 32 |
                  ++all->places[at].generation;
    return TROUPE_OK;
}

/* Under the lock. */
static struct troupe_pending *find(struct trp_pendings *all, uint64_t id)
{
    uint32_t at = trp_id_slot(id);

    if (at >= all->count || all->places[at].pending == NULL ||
        all->places[at].generation != trp_id_number(id)) {
        return NULL;
    }
    return all->places[at].pending;
}

/* Under the lock: takes the answer in and wakes the waiter. */
static void settle(struct trp_pendings *all, struct troupe_pending *pending,
                   troupe_msg *answer)
{
    pending->answer = answer;
    pending->open = false;
    (void)atomic_fetch_sub_explicit(&all->open, 1, memory_order_relaxed);
    (void)pthread_cond_signal(&pending->answered);
}

troupe_status trp_pending_answer(struct troupe_system *sys, uint64_t id, troupe_msg *msg)
{
    struct trp_pendings *all = sys->pendings;

    (void)pthread_mutex_lock(&all->lock);
    struct troupe_pending *pending = find(all, id);
    bool takes = pending != NULL && pending->open;
    if (takes) {
        settle(all, pending, msg);
    }
    (void)pthread_mutex_unlock(&all->lock);
    return takes ? TROUPE_OK : TROUPE_EGONE;
}

void trp_pending_retarget(struct troupe_system *sys, uint64_t id, uint64_t to)
{
    (void)pthread_mutex_lock(&sys->pendings->lock);
    struct troupe_pending *pending = find(sys->pendings, id);
    if (pending != NULL && pending->open) { /* else others may be reading it */
        pending->target = to;
    }
    (void)pthread_mutex_unlock(&sys->pendings->lock);
}

/* Settles a pending with a failure; without memory it gets none, but is no longer open:
 * the wait then makes one from the status. */
static void fail(struct trp_pendings *all, struct troupe_pending *pending,
                 troupe_status status)
{
    troupe_msg *msg = NULL;

    if (troupe_msg_new_failure(status, (troupe_id){pending->target}, &msg, "%s",
                               troupe_status_text(status)) != TROUPE_OK) {
        msg = NULL;
    }
    settle(all, pending, msg);
}

void trp_pending_fail(struct troupe_system *sys, uint64_t id, troupe_status status)
{
    struct trp_pendings *all = sys->pendings;

    (void)pthread_mutex_lock(&all->lock);
    struct troupe_pending *pending = find(all, id);
    if (pending != NULL && pending->open) {
        fail(all, pending, status);
    }
    (void)pthread_mutex_unlock(&all->lock);
}

/* Fails those that wait for `target` (0: all); the one with the id `running` as timed
 * out. */
static void fail_those(struct troupe_system *sys, uint64_t target, troupe_status status,
                       uint64_t running)
{
    struct trp_pendings *all = sys->pendings;

    if (all == NULL || atomic_load_explicit(&all->open, memory_order_relaxed) == 0) {
        return; /* NULL: a system that was never whole */
    }
    (void)pthread_mutex_lock(&all->lock);
    for (uint32_t i = 1; i < all->count; i++) {
        struct troupe_pending *pending = all->places[i].pending;
        if (pending != NULL && pending->open &&
            (target == 0 || pending->target == target)) {
            fail(all, pending, pending->id == running ? TROUPE_ETIMEDOUT : status);
        }
    }
    (void)pthread_mutex_unlock(&all->lock);
}

void trp_pendings_target_ended(struct troupe_system *sys, uint64_t target)
{
    fail_those(sys, target, TROUPE_EGONE, 0);
}

void trp_pendings_end_calls(struct troupe_system *sys, uint64_t target, uint64_t running)
{
    fail_those(sys, target, TROUPE_ECANCELED, running);
}

void trp_pendings_fail_all(struct troupe_system *sys, troupe_status status)
{
    fail_those(sys, 0, status, 0);
}

/* ---- the waiting side ---- */

static troupe_status pending_new(struct troupe_system *sys, troupe_id to,
                                 struct troupe_pending **out)
{
    struct troupe_pending *pending = trp_calloc(1, sizeof(*pending));
    pthread_condattr_t monotonic;

    if (pending == NULL) {
        return TROUPE_ENOMEM;
    }
    pending->system = sys;
    pending->target = to.bits;
    pending->open = true;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pending->answered, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_lock(&sys->pendings->lock);
    troupe_status status = take_place(sys->pendings, pending);
    if (status == TROUPE_OK) {
        (void)atomic_fetch_add_explicit(&sys->pendings->open, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&sys->pendings->lock);
    if (status != TROUPE_OK) {
        (void)pthread_cond_destroy(&pending->answered);
        trp_free(pending);
        return status;
    }
    *out = pending;
    return TROUPE_OK;
}

/* Returns whether it was still unanswered. */
static bool leave_place(struct troupe_pending *pending)
{
    struct trp_pendings *all = pending->system->pendings;
    uint32_t at = trp_id_slot(pending->id);

    (void)pthread_mutex_lock(&all->lock);
    bool open = pending->open;
    if (open) {
        (void)atomic_fetch_sub_explicit(&all->open, 1, memory_order_relaxed);
    }
    all->places[at].pending = NULL;
    all->places[at].next_free = all->free;
    all->free = at;
    (void)pthread_mutex_unlock(&all->lock);
    return open;
}

/* Asks the target's base to drop the request if it is still queued there. */
static void cancel_request(struct troupe_pending *pending)
{
    struct troupe_system *sys = pending->system;
    struct trp_base *base = trp_base_at(sys, trp_id_base(pending->target));
    troupe_msg *msg = NULL;

    if (base == NULL || atomic_load_explicit(&sys->finished, memory_order_acquire) ||
        trp_msg_new(TRP_KIND_CANCEL, 0, &msg) != TROUPE_OK) {
        return;
    }
    msg->from.bits = pending->id;
    msg->to.bits = pending->target;
    msg->flags = TRP_MSG_SIGNAL;
    if (trp_gate_post(sys, base, msg, true) != TROUPE_OK) {
        trp_msg_drop(msg);
    }
    if (base->is_engine) {
        trp_engine_cancel_running(base, pending->id);
    }
}

/* What has left its place. Even a request that was refused may have an answer: its target
 * can end before the refusal. */
static void destroy(struct troupe_pending *pending)
{
    troupe_msg_free(&pending->answer);
    (void)pthread_cond_destroy(&pending->answered);
    trp_free(pending);
}

void troupe_pending_free(troupe_pending **pending)
{
    struct troupe_pending *old = *pending;

    *pending = NULL;
    if (old == NULL) {
        return;
    }
    if (leave_place(old)) {
        cancel_request(old);
    }
    destroy(old);
}

static troupe_status post_request(struct troupe_system *sys, struct trp_base *base,
                                  struct troupe_pending *pending, troupe_msg *msg)
{
    troupe_id from = msg->from;
    uint8_t flags = msg->flags;

    msg->from.bits = pending->id;
    msg->to.bits = pending->target;
    msg->flags = (uint8_t)((flags & (TRP_MSG_OWNED | TRP_MSG_BLOB | TRP_MSG_URGENT)) |
                           TRP_MSG_ASK);
    troupe_status status = trp_gate_call(sys, base, msg);
    if (status != TROUPE_OK) {
        msg->from = from;
        msg->flags = flags;
    }
    return status;
}

troupe_status troupe_post_ask(troupe_system *sys, troupe_id to, troupe_msg **msg,
                              troupe_ns timeout, troupe_pending **out)
{
    struct trp_base *base = trp_base_at(sys, trp_id_base(to.bits));
    struct troupe_pending *pending = NULL;

    if (*msg == NULL || timeout <= 0 || base == NULL) {
        return TROUPE_EINVAL;
    }
    troupe_status status = pending_new(sys, to, &pending);
    if (status != TROUPE_OK) {
        return status;
    }
    pending->deadline = timeout == TROUPE_NEVER ? TROUPE_NEVER : trp_clock() + timeout;
    status = post_request(sys, base, pending, *msg);
    if (status != TROUPE_OK) {
        (void)leave_place(pending);
        destroy(pending);
        return status;
    }
    *msg = NULL;
    *out = pending;
    return TROUPE_OK;
}

/* Under the lock: waits until settled or `deadline`; false when it passed. */
static bool wait_until(struct trp_pendings *all, struct troupe_pending *pending,
                       troupe_ns deadline)
{
    while (pending->open) {
        if (deadline == TROUPE_NEVER) {
            (void)pthread_cond_wait(&pending->answered, &all->lock);
            continue;
        }
        struct timespec until = {.tv_sec = (time_t)(deadline / TROUPE_S(1)),
                                 .tv_nsec = (long)(deadline % TROUPE_S(1))};
        if (pthread_cond_timedwait(&pending->answered, &all->lock, &until) == ETIMEDOUT) {
            return !pending->open;
        }
    }
    return true;
}

/* Under the lock: what there is to take. */
static troupe_status take(struct troupe_pending *pending, troupe_msg **out)
{
    if (pending->taken) {
        return TROUPE_EGONE;
    }
    if (pending->answer == NULL &&
        troupe_msg_new_failure(TROUPE_ENOMEM, (troupe_id){pending->target},
                               &pending->answer, "%s",
                               troupe_status_text(TROUPE_ENOMEM)) != TROUPE_OK) {
        return TROUPE_ENOMEM;
    }
    *out = pending->answer;
    pending->answer = NULL;
    pending->taken = true;
    return TROUPE_OK;
}

troupe_status troupe_pending_wait(troupe_pending *pending, troupe_ns timeout,
                                  troupe_msg **out)
{
    struct trp_pendings *all = pending->system->pendings;
    troupe_ns now = trp_clock();
    troupe_ns until = timeout >= TROUPE_NEVER - now ? TROUPE_NEVER : now + timeout;
    bool whole_call = pending->deadline <= until;
    troupe_status status = TROUPE_ETIMEDOUT;

    if (trp_base_here != NULL) {
        return TROUPE_EDEADLK;
    }
    if (timeout < 0) {
        return TROUPE_EINVAL;
    }
    (void)pthread_mutex_lock(&all->lock);
    bool there = wait_until(all, pending, whole_call ? pending->deadline : until);
    bool gave_up = !there && whole_call && pending->deadline != TROUPE_NEVER;
    if (gave_up) {
        fail(all, pending, TROUPE_ETIMEDOUT);
    }
    if (there || gave_up) {
        status = take(pending, out);
    }
    (void)pthread_mutex_unlock(&all->lock);
    if (gave_up) {
        cancel_request(pending);
    }
    return status;
}

void troupe_pending_cancel(troupe_pending *pending)
{
    struct trp_pendings *all = pending->system->pendings;

    (void)pthread_mutex_lock(&all->lock);
    bool open = pending->open;
    if (open) {
        fail(all, pending, TROUPE_ECANCELED);
    }
    (void)pthread_mutex_unlock(&all->lock);
    if (open) {
        cancel_request(pending);
    }
}

/* Turns a failure message into its status. */
static troupe_status unpack(troupe_msg **answer, troupe_msg **out,
                            troupe_failure *failure)
{
    const troupe_failure *failed = troupe_msg_failure(*answer);

    if (failed == NULL) {
        *out = *answer;
        return TROUPE_OK;
    }
    troupe_status status = failed->status;
    if (failure != NULL) {
        *failure = *failed;
    }
    troupe_msg_free(answer);
    return status;
}

troupe_status troupe_call(troupe_system *sys, troupe_id to, troupe_msg **msg,
                          troupe_ns timeout, troupe_msg **out, troupe_failure *failure)
{
    troupe_pending *pending = NULL;
    troupe_msg *answer = NULL;

    if (trp_base_here != NULL) {
        if (!trp_base_here->is_engine || trp_base_here->index != trp_id_base(to.bits) ||
            trp_base_here->system != sys || *msg == NULL) {
            return TROUPE_EDEADLK;
        }
        troupe_status ran = trp_engine_inline(trp_base_here, to.bits, msg, &answer);
        return ran == TROUPE_OK ? unpack(&answer, out, failure) : ran;
    }
    troupe_status status = troupe_post_ask(sys, to, msg, timeout, &pending);
    if (status != TROUPE_OK) {
        return status;
    }
    status = troupe_pending_wait(pending, TROUPE_NEVER, &answer);
    troupe_pending_free(&pending);
    return status == TROUPE_OK ? unpack(&answer, out, failure) : status;
}

/* ---- running a function on a base ---- */

struct trp_waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

void trp_waiter_done(struct trp_waiter *waiter)
{
    (void)pthread_mutex_lock(&waiter->lock);
    waiter->done = true;
    (void)pthread_cond_signal(&waiter->changed);
    (void)pthread_mutex_unlock(&waiter->lock);
}

/* Waits for the base to run the call, or to have gone without: it never will then. */
static bool waiter_wait(struct trp_waiter *waiter, struct trp_base *base)
{
    enum { LOOK_NS = 20000000 };
    bool done = false;

    (void)pthread_mutex_lock(&waiter->lock);
    for (;;) {
        bool gone = atomic_load_explicit(&base->gone, memory_order_acquire);
        done = waiter->done;
        if (done || gone) {
            break;
        }
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        if (until.tv_nsec >= TROUPE_S(1)) {
            until.tv_nsec -= (long)TROUPE_S(1);
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&waiter->changed, &waiter->lock, &until);
    }
    (void)pthread_mutex_unlock(&waiter->lock);
    return done;
}

troupe_status trp_run_on(struct troupe_system *sys, struct trp_base *base,
                         void (*run)(struct trp_base *base, void *argument),
                         void *argument)
{
    struct trp_waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER};
    struct trp_base_call call = {run, argument, &waiter};
    troupe_msg *msg = NULL;

    if (trp_base_here != NULL) {
        return TROUPE_EDEADLK;
    }
    troupe_status status = trp_msg_new(TRP_KIND_CALL, sizeof(call), &msg);
    if (status != TROUPE_OK) {
        return status;
    }
    *(struct trp_base_call *)troupe_msg_body(msg) = call;
    msg->flags = TRP_MSG_SIGNAL;
    msg->to = TROUPE_NOBODY;
    (void)trp_gate_post(sys, base, msg, true);
    bool done = waiter_wait(&waiter, base);
    (void)pthread_mutex_destroy(&waiter.lock);
    (void)pthread_cond_destroy(&waiter.changed);
    return done ? TROUPE_OK : TROUPE_ECLOSED;
}
