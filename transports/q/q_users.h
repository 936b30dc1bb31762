/* SPDX-License-Identifier: MIT
 * q_users.h - users with salted hashes, as a file holds them.
 *
 * A file has a user a line, `name:hash`; blank lines and those that begin with # are
 * skipped. The hashes are those of libsodium's crypto_pwhash_str. */
#ifndef TRP_TRANSPORTS_Q_USERS_H
#define TRP_TRANSPORTS_Q_USERS_H

#include <troupe/q.h>

enum {
    TRP_Q_USERS_FILE_MAX = 16 << 20, /* bytes of a file */
    TRP_Q_USERS_MAX = 65536,         /* users in it */
    TRP_Q_USER_NAME_MAX = 255        /* bytes of a name */
};

/* Reads what a file would hold.
 *
 * text      `size` bytes, written to: line ends become NUL
 * failure   receives the line and what is wrong with it
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (a line), TROUPE_ELIMIT or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_q_users_parse(char *text, size_t size,
                                                  troupe_q_users **out,
                                                  troupe_failure *failure);

troupe_q_users *trp_q_users_ref(troupe_q_users *users);

/* The hash of a user, lent. For a name that is not there another user's, so that looking
 * at it takes as long, and *known is false; NULL when there are no users. */
const char *trp_q_users_hash(const troupe_q_users *users, const char *name, bool *known);

#endif
