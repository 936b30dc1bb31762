/* SPDX-License-Identifier: MIT
 * q_outgoing.h - two q processes in one: q code of the first opens connections, to the
 * second and to whatever the test listens as. */
#ifndef TRP_TESTS_Q_OUTGOING_H
#define TRP_TESTS_Q_OUTGOING_H

#include "tests/system/q_faults.h"

enum { OUTGOING_TEXT = 4096 };

extern troupe_id engine;   /* of the first, in `sys` */
extern uint16_t at, there; /* where the two serve */

/* call_limit   of the first; 0: none
 * serving      of the second, or NULL */
void outgoing_begin_with(troupe_ns call_limit, const troupe_q_server_options *serving);
void outgoing_begin(void);
troupe_q_hub *outgoing_hub(void); /* of the first */
/* Both answer, and their systems end; or end, whatever they do. */
void outgoing_end(void);
void outgoing_finish(void);
/* The second one ends before. */
void outgoing_end_there(void);

/* What a query answers, in one line, or its error after a '; of the first, and of the
 * second. Lives until the next one. */
__attribute__((format(printf, 1, 2))) const char *here(const char *format, ...);
__attribute__((format(printf, 1, 2))) const char *far(const char *format, ...);

/* Asks the first again and again until it answers so. */
void here_becomes(const char *text, const char *query);

/* Asks the first without waiting; and takes the answer. */
troupe_pending *here_asks(const char *query);
const char *here_says(troupe_pending **pending);

/* The first opens a connection to a socket of the test, as h. */
int here_welcomed(int listener, uint16_t port);

#define IS(text, ...)  ck_assert_str_eq(here(__VA_ARGS__), text)
#define FAR(text, ...) ck_assert_str_eq(far(__VA_ARGS__), text)

#endif
