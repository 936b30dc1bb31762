/* SPDX-License-Identifier: MIT
 * q_verify.c - passwords to compare, as errands. */
#include "transports/q/q_verify.h"

#include <string.h>

#include <sodium.h>

#include "actors/runtime.h"
#include "mailbox/alloc.h"
#include "transports/errand.h"

struct trp_q_verify {
    struct trp_errand errand;
    troupe_q_users *users;
    const char *hash;
    bool known;    /* the hash is this user's own */
    bool answered; /* at once, without an errand */
    size_t size;
    char password[];
};

static struct trp_q_verify *verify_of(struct trp_errand *errand)
{
    return TRP_CONTAINER(errand, struct trp_q_verify, errand);
}

static void destroy(struct trp_errand *errand)
{
    struct trp_q_verify *verify = verify_of(errand);

    sodium_memzero(verify->password, verify->size);
    troupe_q_users_free(&verify->users);
    trp_free(verify);
}

static bool is_right(const struct trp_q_verify *verify)
{
    return verify->hash != NULL &&
           crypto_pwhash_str_verify(verify->hash, verify->password, verify->size) == 0 &&
           verify->known;
}

static troupe_msg *run(struct trp_errand *errand)
{
    bool right = is_right(verify_of(errand));
    troupe_msg *msg = NULL;

    if (troupe_msg_new(TRP_KIND_Q_VERIFIED, 0, &msg) != TROUPE_OK) {
        return NULL;
    }
    troupe_msg_set_tag(msg, right);
    return msg;
}

static struct trp_errands queue =
    TRP_ERRANDS(TRP_Q_VERIFIERS_MAX, TRP_Q_VERIFY_WAITING, run, destroy);

static troupe_status begin(troupe_self *self, struct trp_q_verify *verify)
{
    troupe_system *sys = troupe_self_system(self);
    troupe_id asker = troupe_self_id(self);

    if (!sys->options.simulated) {
        return trp_errand_begin(&queue, &verify->errand, sys, asker);
    }
    verify->answered = true;
    return troupe_signal(self, asker, TRP_KIND_Q_VERIFIED, is_right(verify));
}

troupe_status trp_q_verify_begin(troupe_self *self, troupe_q_users *users,
                                 const char *name, const char *password, size_t size,
                                 struct trp_q_verify **out)
{
    struct trp_q_verify *verify = trp_calloc(1, sizeof(*verify) + size);

    if (verify == NULL) {
        return TROUPE_ENOMEM;
    }
    verify->users = trp_q_users_ref(users);
    verify->hash = trp_q_users_hash(users, name, &verify->known);
    verify->size = size;
    if (size != 0) {
        memcpy(verify->password, password, size);
    }
    troupe_status status = begin(self, verify);
    if (status != TROUPE_OK) {
        destroy(&verify->errand);
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
    if (old == NULL) {
        return;
    }
    if (old->answered) {
        destroy(&old->errand);
    } else {
        trp_errand_forget(&old->errand);
    }
}
