/* SPDX-License-Identifier: MIT
 * q_client_stage.h - a client connection with the test at the other end, and a probe that
 * uses it and watches it. */
#ifndef TRP_TESTS_Q_CLIENT_STAGE_H
#define TRP_TESTS_Q_CLIENT_STAGE_H

#include "tests/protocol/q_script.h"
#include "transports/q/q_client.h"

enum { STAGE_GOT = 64, STAGE_ATTEMPTS = 64 };

extern struct trp_stream *far; /* of the connection that was made last */
extern struct probe *user;
extern troupe_q q;
extern struct trp_tls_context *stage_tls; /* the client's; NULL: no TLS */

/* What the user got: the texts of answers, errors and pushes, by tag. */
extern char got[STAGE_GOT][96];
extern unsigned got_count;

/* Begins with the first connection made, and not yet logged in. */
void begin_with(int seed, troupe_q_options options);
void begin(int seed);
void end(void);

/* Instead: the connection dials, and each attempt meets what the plan says: a letter
 * each, the last for all that follow. */
enum { ACCEPTED = 'a', REFUSED = 'r', SILENT = 's' };
void begin_dialling(int seed, troupe_q_options options, const char *plan);
void plan_next(const char *plan);

/* When the attempts were made, since begin_dialling. */
extern troupe_ns attempts[STAGE_ATTEMPTS];
extern unsigned attempt_count;

void accept_login(void);
void lose(void); /* the peer closes */

/* The user calls; without a timeout it sends. */
void call(const char *text, troupe_ns timeout, uint64_t tag);
void call_again(const char *text, troupe_ns timeout, uint64_t tag);

void expect_got(unsigned n, const char *text); /* the beginning of it */
const troupe_q_state *state_nth(size_t n);     /* that the user was told */
size_t state_count(void);
uint32_t timers_set(void); /* in the whole system */

#endif
