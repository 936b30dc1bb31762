/* SPDX-License-Identifier: MIT
 * q_future.c - futures of q calls, held by threads of a program.
 *
 * PENDING --> RESULT | EXCEPTION | CANCELLED, once. The thread that ends it runs the
 * callbacks; while it does, others that add callbacks leave them to it, so that the order
 * holds. */
#include "bindings/q/q_future.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "actors/runtime.h"

struct callback {
    struct callback *next;
    troupe_q_done function;
    void *context;
};

enum { PENDING, RESULT, EXCEPTION, CANCELLED };

struct troupe_q_future {
    atomic_size_t references;
    const struct trp_q_future_ops *ops; /* or NULL */
    void *context;
    void *call; /* of the bridge, on its thread */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t ended;
    int state;    /* PENDING... */
    bool running; /* a thread runs callbacks */
    struct callback *first, **last;
    troupe_q_value *value, *backtrace;
    troupe_failure failure;
};

troupe_status trp_q_failed(troupe_failure *failure, troupe_status status,
                           const char *format, ...)
{
    if (failure != NULL) {
        va_list arguments;
        *failure = (troupe_failure){.status = status};
        va_start(arguments, format);
        (void)vsnprintf(failure->text, sizeof(failure->text), format, arguments);
        va_end(arguments);
    }
    return status;
}

/* ---- life ---- */

troupe_status trp_q_future_new(const struct trp_q_future_ops *ops, void *context,
                               troupe_q_future **out)
{
    troupe_q_future *future = trp_calloc(1, sizeof(*future));
    pthread_condattr_t monotonic;

    if (future == NULL) {
        return TROUPE_ENOMEM;
    }
    atomic_init(&future->references, 1);
    future->ops = ops;
    future->context = context;
    future->last = &future->first;
    (void)pthread_mutex_init(&future->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&future->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *out = future;
    return TROUPE_OK;
}

troupe_status troupe_q_future_new(troupe_q_future **out)
{
    return trp_q_future_new(NULL, NULL, out);
}

troupe_q_future *troupe_q_future_ref(troupe_q_future *future)
{
    (void)atomic_fetch_add_explicit(&future->references, 1, memory_order_relaxed);
    return future;
}

void troupe_q_future_unref(troupe_q_future **future)
{
    troupe_q_future *old = *future;

    *future = NULL;
    if (old == NULL ||
        atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (struct callback *next; old->first != NULL; old->first = next) {
        next = old->first->next;
        trp_free(old->first);
    }
    troupe_q_unref(&old->value);
    troupe_q_unref(&old->backtrace);
    (void)pthread_cond_destroy(&old->ended);
    (void)pthread_mutex_destroy(&old->lock);
    if (old->ops != NULL) {
        old->ops->release(old->context);
    }
    trp_free(old);
}

void trp_q_future_set_call(troupe_q_future *future, void *call)
{
    future->call = call;
}

void *trp_q_future_call(const troupe_q_future *future)
{
    return future->call;
}

/* ---- the end ---- */

/* Under the lock, which it gives up for each call: until no callback is left. */
static void run_callbacks(troupe_q_future *future)
{
    future->running = true;
    while (future->first != NULL) {
        struct callback *callback = future->first;
        future->first = callback->next;
        future->last = future->first != NULL ? future->last : &future->first;
        (void)pthread_mutex_unlock(&future->lock);
        callback->function(callback->context, future);
        trp_free(callback);
        (void)pthread_mutex_lock(&future->lock);
    }
    future->running = false;
}

/* Takes `value` over in every case. */
static troupe_status end(troupe_q_future *future, int state, troupe_q_value *value,
                         const troupe_failure *failure)
{
    troupe_q_future *held = troupe_q_future_ref(future); /* callbacks may let it go */

    (void)pthread_mutex_lock(&future->lock);
    bool first = future->state == PENDING;
    if (first) {
        future->state = state;
        future->value = value;
        if (failure != NULL) {
            future->failure = *failure;
            future->failure.text[sizeof(future->failure.text) - 1] = 0;
        }
        (void)pthread_cond_broadcast(&future->ended);
        run_callbacks(future);
    }
    (void)pthread_mutex_unlock(&future->lock);
    if (!first) {
        troupe_q_unref(&value);
    }
    troupe_q_future_unref(&held);
    return first ? TROUPE_OK : TROUPE_ESTATE;
}

troupe_status troupe_q_future_set_result(troupe_q_future *future, troupe_q_value *value)
{
    troupe_q_value *kept = NULL;

    if (value != NULL) {
        kept = troupe_q_ref(value);
    } else if (troupe_q_null(&kept) != TROUPE_OK) {
        return TROUPE_ENOMEM;
    }
    return end(future, RESULT, kept, NULL);
}

troupe_status troupe_q_future_set_exception(troupe_q_future *future,
                                            const troupe_failure *failure)
{
    if (failure == NULL || failure->status == TROUPE_OK) {
        return TROUPE_EINVAL;
    }
    return end(future, EXCEPTION, NULL, failure);
}

void trp_q_future_fail(troupe_q_future *future, troupe_status status, const char *text)
{
    troupe_failure failure;

    (void)trp_q_failed(&failure, status, "%s", text);
    (void)end(future, EXCEPTION, NULL, &failure);
}

troupe_status troupe_q_future_cancel(troupe_q_future *future, const char *message)
{
    troupe_failure failure;

    (void)trp_q_failed(
        &failure, TROUPE_ECANCELED,
        "This QFuture instance has been cancelled and cannot be awaited. %s.",
        message != NULL ? message : "");
    troupe_status status = end(future, CANCELLED, NULL, &failure);
    if (status == TROUPE_OK && future->ops != NULL && future->ops->cancelled != NULL) {
        future->ops->cancelled(future->context, future);
    }
    return status;
}

void trp_q_future_set_backtrace(troupe_q_future *future, troupe_q_value *backtrace)
{
    (void)pthread_mutex_lock(&future->lock);
    if (future->backtrace == NULL) {
        future->backtrace = troupe_q_ref(backtrace);
    }
    (void)pthread_mutex_unlock(&future->lock);
}

/* ---- looking and waiting ---- */

static int state_of(troupe_q_future *future)
{
    (void)pthread_mutex_lock(&future->lock);
    int state = future->state;
    (void)pthread_mutex_unlock(&future->lock);
    return state;
}

bool troupe_q_future_done(troupe_q_future *future)
{
    return state_of(future) != PENDING;
}

bool troupe_q_future_cancelled(troupe_q_future *future)
{
    return state_of(future) == CANCELLED;
}

troupe_status troupe_q_future_exception(troupe_q_future *future, troupe_failure *failure)
{
    switch (state_of(future)) {
    case PENDING:
        return trp_q_failed(failure, TROUPE_EAGAIN, "The result is not ready.");
    case RESULT:
        return TROUPE_OK;
    default: /* what it ended with stays */
        if (failure != NULL) {
            *failure = future->failure;
        }
        return future->failure.status;
    }
}

troupe_status troupe_q_future_result(troupe_q_future *future, troupe_q_value **out,
                                     troupe_failure *failure)
{
    troupe_status status = troupe_q_future_exception(future, failure);

    if (status == TROUPE_OK && out != NULL) {
        *out = troupe_q_ref(future->value);
    }
    return status;
}

troupe_q_value *troupe_q_future_backtrace(troupe_q_future *future)
{
    (void)pthread_mutex_lock(&future->lock);
    troupe_q_value *backtrace = future->backtrace;
    (void)pthread_mutex_unlock(&future->lock);
    return backtrace;
}

static void sleep_until_done(troupe_q_future *future, troupe_ns deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / TROUPE_S(1)),
                             .tv_nsec = (long)(deadline % TROUPE_S(1))};
    int error = 0;

    (void)pthread_mutex_lock(&future->lock);
    while (future->state == PENDING && error != ETIMEDOUT) {
        error = deadline == TROUPE_NEVER
                    ? pthread_cond_wait(&future->ended, &future->lock)
                    : pthread_cond_timedwait(&future->ended, &future->lock, &until);
    }
    (void)pthread_mutex_unlock(&future->lock);
}

troupe_status troupe_q_future_wait(troupe_q_future *future, troupe_ns timeout,
                                   troupe_q_value **out, troupe_failure *failure)
{
    if (trp_base_here != NULL) {
        return trp_q_failed(failure, TROUPE_EDEADLK, "%s",
                            troupe_status_text(TROUPE_EDEADLK));
    }
    if (timeout < 0) {
        return trp_q_failed(failure, TROUPE_EINVAL, "a timeout must not be negative");
    }
    troupe_ns now = trp_clock();
    troupe_ns deadline = timeout >= TROUPE_NEVER - now ? TROUPE_NEVER : now + timeout;
    if (future->ops == NULL || future->ops->drive == NULL) {
        sleep_until_done(future, deadline);
    } else {
        troupe_status status = TROUPE_OK;
        while (status == TROUPE_OK && !troupe_q_future_done(future)) {
            status = future->ops->drive(future->context, future, deadline);
        }
        if (status != TROUPE_OK && !troupe_q_future_done(future)) {
            return trp_q_failed(failure, status, "%s", troupe_status_text(status));
        }
    }
    return troupe_q_future_result(future, out, failure);
}

/* ---- callbacks ---- */

troupe_status troupe_q_future_add_done_callback(troupe_q_future *future,
                                                troupe_q_done function, void *context)
{
    if (function == NULL) {
        return TROUPE_EINVAL;
    }
    struct callback *callback = trp_alloc(sizeof(*callback));
    if (callback == NULL) {
        return TROUPE_ENOMEM;
    }
    *callback = (struct callback){NULL, function, context};
    (void)pthread_mutex_lock(&future->lock);
    *future->last = callback;
    future->last = &callback->next;
    if (future->state != PENDING && !future->running) {
        run_callbacks(future);
    }
    (void)pthread_mutex_unlock(&future->lock);
    return TROUPE_OK;
}

size_t troupe_q_future_remove_done_callback(troupe_q_future *future,
                                            troupe_q_done function, void *context)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&future->lock);
    struct callback **link = &future->first;
    while (*link != NULL) {
        struct callback *callback = *link;
        if (callback->function == function && callback->context == context) {
            *link = callback->next;
            trp_free(callback);
            count++;
        } else {
            link = &callback->next;
        }
    }
    future->last = link;
    (void)pthread_mutex_unlock(&future->lock);
    return count;
}
