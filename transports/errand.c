/* SPDX-License-Identifier: MIT
 * errand.c - a queue of errands and a few helper threads. */
#include "transports/errand.h"

#include <signal.h>

static void release(struct trp_errand *errand)
{
    (void)pthread_mutex_lock(&errand->lock);
    unsigned left = --errand->holders;
    (void)pthread_mutex_unlock(&errand->lock);
    if (left == 0) {
        (void)pthread_mutex_destroy(&errand->lock);
        errand->queue->destroy(errand);
    }
}

static bool is_wanted(struct trp_errand *errand)
{
    (void)pthread_mutex_lock(&errand->lock);
    bool wanted = errand->system != NULL;
    (void)pthread_mutex_unlock(&errand->lock);
    return wanted;
}

/* Under the lock the asker cannot end, so neither can its system. */
static void answer(struct trp_errand *errand, troupe_msg *msg)
{
    (void)pthread_mutex_lock(&errand->lock);
    if (errand->system != NULL && msg != NULL) {
        /* Not accepted (closing, no room): the asker's deadline serves. */
        (void)!troupe_post(errand->system, errand->asker, &msg);
    }
    (void)pthread_mutex_unlock(&errand->lock);
    troupe_msg_free(&msg);
}

/* The oldest errand; without one the calling helper is no longer counted. */
static struct trp_errand *take(struct trp_errands *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    struct trp_errand *errand = queue->first;
    if (errand != NULL) {
        queue->first = errand->next;
        queue->waiting--;
    } else {
        queue->threads--;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return errand;
}

static void *help(void *argument)
{
    struct trp_errands *queue = argument;
    struct trp_errand *errand;

    while ((errand = take(queue)) != NULL) {
        if (is_wanted(errand)) {
            answer(errand, queue->run(errand));
        }
        release(errand);
    }
    return NULL;
}

static troupe_status start_helper(struct trp_errands *queue)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&thread, &attributes, help, queue);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed == 0 ? TROUPE_OK : TROUPE_ESYSTEM;
}

/* Under the lock; with at least one helper running the errand will be run. */
static troupe_status put(struct trp_errands *queue, struct trp_errand *errand)
{
    troupe_status status = TROUPE_OK;

    if (queue->waiting >= queue->waiting_max) {
        return TROUPE_EBUSY;
    }
    if (queue->threads < queue->threads_max) {
        status = start_helper(queue);
        queue->threads += status == TROUPE_OK;
    }
    if (queue->threads == 0) {
        return status;
    }
    if (queue->first == NULL) {
        queue->first = errand;
    } else {
        queue->newest->next = errand;
    }
    queue->newest = errand;
    queue->waiting++;
    return TROUPE_OK;
}

troupe_status trp_errand_begin(struct trp_errands *queue, struct trp_errand *errand,
                               troupe_system *sys, troupe_id asker)
{
    (void)pthread_mutex_init(&errand->lock, NULL);
    errand->next = NULL;
    errand->queue = queue;
    errand->system = sys;
    errand->asker = asker;
    errand->holders = 2;
    (void)pthread_mutex_lock(&queue->lock);
    troupe_status status = put(queue, errand);
    (void)pthread_mutex_unlock(&queue->lock);
    if (status != TROUPE_OK) {
        (void)pthread_mutex_destroy(&errand->lock);
    }
    return status;
}

void trp_errand_forget(struct trp_errand *errand)
{
    (void)pthread_mutex_lock(&errand->lock);
    errand->system = NULL;
    (void)pthread_mutex_unlock(&errand->lock);
    release(errand);
}
