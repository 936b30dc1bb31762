/* SPDX-License-Identifier: MIT
 * q_session.h - one connection to a q process, for `troupe q eval` and `q shell`. */
#ifndef TRP_TOOLS_Q_SESSION_H
#define TRP_TOOLS_Q_SESSION_H

#include "tools/cli/q_signals.h"
#include "tools/cli/q_target.h"

struct trp_q_session {
    troupe_system *system;
    troupe_q q;
    troupe_ns timeout;
    bool lines;   /* one line for each answer, errors too, to standard output */
    bool gave_up; /* on the last call: its answer is nothing to wait for at the end */
    struct trp_q_signals *signals; /* an interrupt gives up waiting; NULL: none */
};

/* Begins; whether the server is there shows with the first call. Prints why not.
 * Returns the exit code. */
int trp_q_session_open(const struct trp_q_target *target, struct trp_q_session *out);
void trp_q_session_close(struct trp_q_session *session);

/* Calls, prints the answer as q does or the error to stderr; *query is consumed.
 * Returns the exit code; *lost is set when the connection is no more. */
int trp_q_session_call(struct trp_q_session *session, troupe_q_value **query, bool *lost);

#endif
