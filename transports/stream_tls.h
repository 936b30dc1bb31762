/* SPDX-License-Identifier: MIT
 * stream_tls.h - TLS on any other stream.
 *
 * The owner sees one stream: signals, view, consume, out, blobs, shut and close are as of
 * every other. Until trp_stream_ready says TROUPE_OK nothing comes and what is written
 * waits. A server that serves both kinds on one port looks at the first byte of the plain
 * stream, and puts TLS on it when that is TRP_TLS_FIRST_BYTE: what was read already is
 * taken from there.
 *
 * An end of input is orderly (system 0) only if the peer said so inside TLS; a connection
 * that just stops is lost: `system` is an errno and `why` a text. */
#ifndef TRP_TRANSPORTS_STREAM_TLS_H
#define TRP_TRANSPORTS_STREAM_TLS_H

#include "transports/stream.h"
#include "transports/tls_context.h"

enum {
    TRP_TLS_AHEAD = 256 << 10, /* encrypted bytes that may wait below */
    TRP_TLS_WHY = 160          /* room for why it ended */
};

/* Puts TLS on a stream, for the same owner and with its limit of output.
 *
 * lower     taken on TROUPE_OK; nothing of it was consumed, nothing waits in its output
 * context   takes a reference of its own; its role is the stream's
 * host      client: the name or address that was dialled, for the check of the
 *           certificate, unless the context has another; server: NULL
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (no name to check) or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_stream_tls_new(struct trp_stream **lower,
                                                   struct trp_tls_context *context,
                                                   const char *host,
                                                   struct trp_stream **out);

#endif
