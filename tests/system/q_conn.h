/* SPDX-License-Identifier: MIT
 * q_conn.h - a system with a q server that evaluates, and connections of the test's own
 * thread to it. */
#ifndef TRP_TESTS_Q_CONN_H
#define TRP_TESTS_Q_CONN_H

#include <troupe/q_connection.h>

#include "tests/support/suite.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

extern troupe_system *sys;
extern uint16_t port;
extern troupe_id engine;
extern troupe_failure failure; /* of the last call of this thread that takes one */

/* Plain, without Unix sockets, or as `options` says (hub and engine are set). */
void conn_begin(void);
void conn_begin_with(troupe_q_server_options options);
void conn_end(void);

/* Of that server, a kind; and opened, which must succeed. Lazy ones are awaited. */
troupe_q_connection_options conn_options(troupe_q_kind kind);
troupe_q_connection *conn_open(troupe_q_connection_options options);
troupe_q_connection *conn_sync(void);
troupe_q_connection *conn_async(void);

/* Opening must be refused with the status and text. */
void conn_refused(troupe_q_connection_options options, troupe_status status,
                  const char *text);

/* The value must print as the text, in one line; and is given back. */
void conn_is(troupe_q_value *value, const char *text);

/* The query's answer must print as the text. */
void conn_asks(troupe_q_connection *conn, const char *query, const char *text);

/* Calls asynchronously; and: the future must end with the text. */
troupe_q_future *conn_call(troupe_q_connection *conn, const char *query);
void conn_ends(troupe_q_future **future, const char *text);
/* Or with the status. */
void conn_fails(troupe_q_future **future, troupe_status status);

/* Polls, which must succeed: what came that ended no call, or NULL. */
troupe_q_value *conn_receive(troupe_q_connection *conn, int64_t amount);

#endif
