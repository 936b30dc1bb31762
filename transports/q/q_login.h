/* SPDX-License-Identifier: MIT
 * q_login.h - the login text of a q connection, and what both sides can.
 *
 * The client sends `user:password`, a capability byte and NUL; the server answers with
 * one byte, the common capability, or closes. */
#ifndef TRP_TRANSPORTS_Q_LOGIN_H
#define TRP_TRANSPORTS_Q_LOGIN_H

#include "mailbox/buffer.h"

enum {
    TRP_Q_LOGIN_MAX = 1024, /* bytes of a login, with its NUL */
    TRP_Q_LOGIN_BARE = -1   /* a login without a capability byte */
};

/* The texts lie in the bytes that were read and do not end with NUL. */
struct trp_q_login {
    const char *user, *password;
    size_t user_size, password_size;
    uint8_t capability; /* as the client says it; 0 when it says none */
    bool has_password;  /* there was a colon */
};

/* Reads a login from all bytes received so far.
 *
 * used   receives the bytes of the login; what follows belongs to the first message
 *
 * Returns TROUPE_OK, TROUPE_EAGAIN (call again with more bytes) or TROUPE_ELIMIT (longer
 * than TRP_Q_LOGIN_MAX). Outputs are untouched on error. */
TROUPE_MUST_CHECK troupe_status trp_q_login_read(const uint8_t *bytes, size_t size,
                                                 struct trp_q_login *out, size_t *used);

/* Appends a login.
 *
 * user         without colon and NUL; NULL is empty
 * password     without NUL; NULL is empty (the colon is sent)
 * capability   1 to 31; 0 and TRP_Q_LOGIN_BARE: none is written, a NUL would be the end
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ELIMIT or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_q_login_write(const char *user, const char *password,
                                                  int capability, struct trp_buffer *out);

/* What both sides can. */
static inline uint8_t trp_q_common(uint8_t ours, uint8_t theirs)
{
    return ours < theirs ? ours : theirs;
}

#endif
