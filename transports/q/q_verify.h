/* SPDX-License-Identifier: MIT
 * q_verify.h - compares a password with its hash, as an errand (errand.h): that costs as
 * much as hashing does, by intent, far too long for a base. */
#ifndef TRP_TRANSPORTS_Q_VERIFY_H
#define TRP_TRANSPORTS_Q_VERIFY_H

#include "transports/q/q_users.h"

enum {
    TRP_Q_VERIFIERS_MAX = 2,    /* helper threads of the process */
    TRP_Q_VERIFY_WAITING = 1024 /* questions that wait for one */
};

/* Told to the asker; tag: 1 when the password is the user's. */
enum { TRP_KIND_Q_VERIFIED = TROUPE_KIND_RESERVED + 0x68 };

struct trp_q_verify;

/* Asks; a simulated system is told at once.
 *
 * name       NUL-terminated
 * password   `size` bytes, copied
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM, TROUPE_EBUSY (TRP_Q_VERIFY_WAITING) or
 * TROUPE_ESYSTEM. */
TROUPE_MUST_CHECK troupe_status trp_q_verify_begin(troupe_self *self,
                                                   troupe_q_users *users,
                                                   const char *name, const char *password,
                                                   size_t size,
                                                   struct trp_q_verify **out);

/* The password that was asked about. */
const char *trp_q_verify_password(const struct trp_q_verify *verify, size_t *size);

/* Must be called by the asker, at the latest when it ends; clears the pointer, NULL is
 * allowed. */
void trp_q_verify_forget(struct trp_q_verify **verify);

#endif
