/* SPDX-License-Identifier: MIT
 * q_verify.c - a queue of passwords and a few helper threads. */
#include "transports/q/q_verify.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <sodium.h>

#include "actors/runtime.h"
#include "mailbox/alloc.h"

struct trp_q_verify {
    struct trp_q_verify *next; /* in the queue */
    pthread_mutex_t lock;      /* of system and holders */
    troupe_system *system;     /* NULL: nobody wants the answer */
    unsigned holders;          /* the asker, the helper */
    troupe_id asker;
    troupe_q_users *users;
    const char *hash;
    bool known; /* the hash is this user's own */
    size_t size;
    char password[];
};

static struct {
    pthread_mutex_t lock;
    struct trp_q_verify *first, **last;
    unsigned threads, waiting;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &queue.first};

static void release(struct trp_q_verify *verify)
{
    (void)pthread_mutex_lock(&verify->lock);
    unsigned left = --verify->holders;
    (void)pthread_mutex_unlock(&verify->lock);
    if (left == 0) {
        (void)pthread_mutex_destroy(&verify->lock);
        sodium_memzero(verify->password, verify->size);
        troupe_q_users_free(&verify->users);
        trp_free(verify);
    }
}

static bool is_right(const struct trp_q_verify *verify)
{
    return verify->hash != NULL &&
           crypto_pwhash_str_verify(verify->hash, verify->password, verify->size) == 0 &&
           verify->known;
}

static bool is_wanted(struct trp_q_verify *verify)
{
    (void)pthread_mutex_lock(&verify->lock);
    bool wanted = verify->system != NULL;
    (void)pthread_mutex_unlock(&verify->lock);
    return wanted;
}

/* Under the lock the asker cannot end, so neither can its system. */
static void answer(struct trp_q_verify *verify, bool right)
{
    troupe_msg *msg = NULL;

    (void)pthread_mutex_lock(&verify->lock);
    if (verify->system != NULL &&
        troupe_msg_new(TRP_KIND_Q_VERIFIED, 0, &msg) == TROUPE_OK) {
        troupe_msg_set_tag(msg, right);
        /* Not accepted (closing, no room): the asker's deadline serves. */
        if (troupe_post(verify->system, verify->asker, &msg) != TROUPE_OK) {
            troupe_msg_free(&msg);
        }
    }
    (void)pthread_mutex_unlock(&verify->lock);
}

static struct trp_q_verify *take(void)
{
    (void)pthread_mutex_lock(&queue.lock);
    struct trp_q_verify *verify = queue.first;
    if (verify != NULL) {
        queue.first = verify->next;
        queue.waiting--;
        if (queue.first == NULL) {
            queue.last = &queue.first;
        }
    } else {
        queue.threads--;
    }
    (void)pthread_mutex_unlock(&queue.lock);
    return verify;
}

static void *help(void *argument)
{
    struct trp_q_verify *verify;

    while ((verify = take()) != NULL) {
        if (is_wanted(verify)) {
            answer(verify, is_right(verify));
        }
        release(verify);
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

/* With at least one helper running the password will be looked at. */
static troupe_status put(struct trp_q_verify *verify)
{
    troupe_status status = TROUPE_EBUSY;

    (void)pthread_mutex_lock(&queue.lock);
    if (queue.waiting < TRP_Q_VERIFY_WAITING) {
        status = TROUPE_OK;
        if (queue.threads < TRP_Q_VERIFIERS_MAX) {
            status = start_helper();
            queue.threads += status == TROUPE_OK;
            status = queue.threads > 0 ? TROUPE_OK : status;
        }
    }
    if (status == TROUPE_OK) {
        queue.waiting++;
        *queue.last = verify;
        queue.last = &verify->next;
    }
    (void)pthread_mutex_unlock(&queue.lock);
    return status;
}

static troupe_status begin(troupe_self *self, struct trp_q_verify *verify)
{
    if (!verify->system->options.simulated) {
        return put(verify);
    }
    verify->holders = 1;
    return troupe_signal(self, verify->asker, TRP_KIND_Q_VERIFIED, is_right(verify));
}

troupe_status trp_q_verify_begin(troupe_self *self, troupe_q_users *users,
                                 const char *name, const char *password, size_t size,
                                 struct trp_q_verify **out)
{
    struct trp_q_verify *verify = trp_calloc(1, sizeof(*verify) + size);

    if (verify == NULL) {
        return TROUPE_ENOMEM;
    }
    (void)pthread_mutex_init(&verify->lock, NULL);
    verify->system = troupe_self_system(self);
    verify->asker = troupe_self_id(self);
    verify->holders = 2;
    verify->users = trp_q_users_ref(users);
    verify->hash = trp_q_users_hash(users, name, &verify->known);
    verify->size = size;
    if (size != 0) {
        memcpy(verify->password, password, size);
    }
    troupe_status status = begin(self, verify);
    if (status != TROUPE_OK) {
        verify->holders = 1;
        release(verify);
        return status;
    }
    *out = verify;
    return TROUPE_OK;
}

const char *trp_q_verify_password(const struct trp_q_verify *verify, size_t *size)
{
    *size = verify->size;
    return verify->password;
}

void trp_q_verify_forget(struct trp_q_verify **verify)
{
    struct trp_q_verify *old = *verify;

    *verify = NULL;
    if (old != NULL) {
        (void)pthread_mutex_lock(&old->lock);
        old->system = NULL;
        (void)pthread_mutex_unlock(&old->lock);
        release(old);
    }
}
