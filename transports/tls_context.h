/* SPDX-License-Identifier: MIT
 * tls_context.h - what the connections of one client or server show and check.
 *
 * Made from troupe_tls_options and the environment when the client or server is opened:
 * files are read then, mistakes are said then. It does not change afterwards and is
 * shared by many streams, on any thread. */
#ifndef TRP_TRANSPORTS_TLS_CONTEXT_H
#define TRP_TRANSPORTS_TLS_CONTEXT_H

#include <troupe/message.h>
#include <troupe/tls.h>

enum trp_tls_role { TRP_TLS_CLIENT, TRP_TLS_SERVER };

/* The first byte of a TLS connection; no q login begins with it. */
enum { TRP_TLS_FIRST_BYTE = 0x16 };

struct trp_tls_context;

/* options   NULL: as the environment says
 * why       on an error says which setting and what is wrong with it
 * out       receives one reference
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (a setting), TROUPE_ENOENT (a file that is not there),
 * TROUPE_ETLS (a file or a pair of them that is of no use) or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_tls_context_new(const troupe_tls_options *options,
                                                    enum trp_tls_role role,
                                                    char why[TROUPE_FAILURE_TEXT],
                                                    struct trp_tls_context **out);

struct trp_tls_context *trp_tls_context_ref(struct trp_tls_context *context);

/* Clears the pointer; NULL inside is allowed. */
void trp_tls_context_unref(struct trp_tls_context **context);

/* ---- for stream_tls.c ---- */

struct ssl_ctx_st *trp_tls_context_ssl(const struct trp_tls_context *context);
enum trp_tls_role trp_tls_context_role(const struct trp_tls_context *context);

/* Whether the peer's name must be in its certificate. */
bool trp_tls_context_checks_name(const struct trp_tls_context *context);

/* The name to check and ask for, or NULL: the host dialled. */
const char *trp_tls_context_name(const struct trp_tls_context *context);

#endif
