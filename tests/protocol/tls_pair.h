/* SPDX-License-Identifier: MIT
 * tls_pair.h - a TLS client and a TLS server at the two ends of a stream pair. Nobody
 * owns them: the test takes their turns. */
#ifndef TRP_TESTS_TLS_PAIR_H
#define TRP_TESTS_TLS_PAIR_H

#include "tests/support/suite.h"
#include "transports/stream_tls.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

enum { TLS_LIMIT = 64 << 20 };

/* The ends; plain where a test left TLS away. */
extern struct trp_stream *client, *server;
extern char tls_why[TROUPE_FAILURE_TEXT];

/* Options that trust ca.pem, and those of a server with the certificate NAME.pem. */
troupe_tls_options client_options(void);
troupe_tls_options server_options(const char *name);

/* A context that must be right. */
struct trp_tls_context *make_context(troupe_tls_options options, enum trp_tls_role role);

/* Two plain ends of which each takes `room` bytes at a time. */
void open_ends(size_t room);
/* TLS on an end; the context is not kept. */
void wrap_client(troupe_tls_options options, const char *host);
void wrap_server(troupe_tls_options options);
/* All three, with ca.pem, server.pem and localhost. */
void open_tls(size_t room);
void close_ends(void);

/* Turns until nothing moves. */
void run(void);

/* Both ends must be ready, or the end must have failed with this and a text like it. */
void expect_ready(void);
void expect_failure(const struct trp_stream *end, troupe_status status, const char *like);

/* Writes, runs, and expects it at the other end. */
void say(struct trp_stream *from, struct trp_stream *to, const char *text);

#endif
