/* SPDX-License-Identifier: MIT
 * q_session.h - one connection to a q process, for `troupe q eval` and `q shell`. */
#ifndef TRP_TOOLS_Q_SESSION_H
#define TRP_TOOLS_Q_SESSION_H

#include <troupe/q.h>

#include "tools/cli/q_signals.h"

enum { TRP_Q_PART_MAX = 256 /* bytes of a host, user name or password */ };

struct trp_q_target {
    char host[TRP_Q_PART_MAX], user[TRP_Q_PART_MAX], password[TRP_Q_PART_MAX];
    uint16_t port;
    troupe_ns timeout; /* of a call; 0: none */
};

struct trp_q_session {
    troupe_system *system;
    troupe_q q;
    troupe_ns timeout;
    struct trp_q_signals *signals; /* an interrupt gives up waiting; NULL: none */
};

/* Reads [USER[:PASSWORD]@]HOST:PORT; false when it is not one. */
bool trp_q_target_read(const char *text, struct trp_q_target *out);

/* Reads NAME:PASSWORD. */
bool trp_q_target_user(const char *text, struct trp_q_target *out);

/* Reads a number of seconds above 0. */
bool trp_q_seconds(const char *text, troupe_ns *out);

/* Reads a port; 0 only when `zero`. */
bool trp_q_port(const char *text, bool zero, uint16_t *out);

/* Begins; whether the server is there shows with the first call. Prints why not.
 * Returns the exit code. */
int trp_q_session_open(const struct trp_q_target *target, struct trp_q_session *out);
void trp_q_session_close(struct trp_q_session *session);

/* Calls, prints the answer as q does or the error to stderr; *query is consumed.
 * Returns the exit code; *lost is set when the connection is no more. */
int trp_q_session_call(struct trp_q_session *session, troupe_q_value **query, bool *lost);

#endif
