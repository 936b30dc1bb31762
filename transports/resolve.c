/* SPDX-License-Identifier: MIT
 * resolve.c - a queue of names and a few helper threads. */
#include "transports/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "transports/dial.h"

struct trp_resolve {
    struct trp_resolve *next; /* in the queue */
    pthread_mutex_t lock;     /* of asker_here and holders */
    troupe_system *system;    /* NULL: nobody wants the answer */
    unsigned holders;         /* the asker, the helper */
    troupe_id asker;
    uint16_t port;
    char host[TRP_HOST_MAX + 1];
};

static struct {
    pthread_mutex_t lock;
    struct trp_resolve *first, **last;
    unsigned threads;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &queue.first};

static void release(struct trp_resolve *resolve)
{
    (void)pthread_mutex_lock(&resolve->lock);
    unsigned left = --resolve->holders;
    (void)pthread_mutex_unlock(&resolve->lock);
    if (left == 0) {
        (void)pthread_mutex_destroy(&resolve->lock);
        trp_free(resolve);
    }
}

/* Under the lock the asker cannot end, so neither can its system. */
static void answer(struct trp_resolve *resolve, const struct trp_resolved *found)
{
    troupe_msg *msg = NULL;

    (void)pthread_mutex_lock(&resolve->lock);
    if (resolve->system != NULL &&
        troupe_msg_new(TRP_KIND_RESOLVED, sizeof(*found), &msg) == TROUPE_OK) {
        memcpy(troupe_msg_body(msg), found, sizeof(*found));
        /* Not accepted (closing, no room): the asker's deadline serves. */
        if (troupe_post(resolve->system, resolve->asker, &msg) != TROUPE_OK) {
            troupe_msg_free(&msg);
        }
    }
    (void)pthread_mutex_unlock(&resolve->lock);
    release(resolve);
}

static struct trp_resolve *take(void)
{
    (void)pthread_mutex_lock(&queue.lock);
    struct trp_resolve *resolve = queue.first;
    if (resolve != NULL) {
        queue.first = resolve->next;
        if (queue.first == NULL) {
            queue.last = &queue.first;
        }
    } else {
        queue.threads--;
    }
    (void)pthread_mutex_unlock(&queue.lock);
    return resolve;
}

static void *help(void *argument)
{
    struct trp_resolve *resolve;

    while ((resolve = take()) != NULL) {
        struct trp_resolved found = {0};
        found.status =
            trp_address_resolve(resolve->host, resolve->port, &found.addresses);
        answer(resolve, &found);
    }
    return argument;
}

static troupe_status start_helper(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&thread, &attributes, help, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return failed == 0 ? TROUPE_OK : TROUPE_ESYSTEM;
}

/* With at least one helper running the name will be looked at. */
static troupe_status put(struct trp_resolve *resolve)
{
    troupe_status status = TROUPE_OK;

    (void)pthread_mutex_lock(&queue.lock);
    if (queue.threads < TRP_RESOLVERS_MAX) {
        status = start_helper();
        queue.threads += status == TROUPE_OK;
    }
    if (queue.threads > 0) {
        status = TROUPE_OK;
        *queue.last = resolve;
        queue.last = &resolve->next;
    }
    (void)pthread_mutex_unlock(&queue.lock);
    return status;
}

troupe_status trp_resolve_begin(troupe_system *sys, troupe_id asker, const char *host,
                                uint16_t port, struct trp_resolve **out)
{
    size_t length = strlen(host);
    if (length > TRP_HOST_MAX) {
        return TROUPE_EINVAL;
    }
    struct trp_resolve *resolve = trp_calloc(1, sizeof(*resolve));
    if (resolve == NULL) {
        return TROUPE_ENOMEM;
    }
    (void)pthread_mutex_init(&resolve->lock, NULL);
    resolve->system = sys;
    resolve->asker = asker;
    resolve->holders = 2;
    resolve->port = port;
    memcpy(resolve->host, host, length + 1);
    troupe_status status = put(resolve);
    if (status != TROUPE_OK) {
        (void)pthread_mutex_destroy(&resolve->lock);
        trp_free(resolve);
        return status;
    }
    *out = resolve;
    return TROUPE_OK;
}

void trp_resolve_forget(struct trp_resolve **resolve)
{
    if (*resolve != NULL) {
        (void)pthread_mutex_lock(&(*resolve)->lock);
        (*resolve)->system = NULL;
        (void)pthread_mutex_unlock(&(*resolve)->lock);
        release(*resolve);
        *resolve = NULL;
    }
}
