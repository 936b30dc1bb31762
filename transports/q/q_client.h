/* SPDX-License-Identifier: MIT
 * q_client.h - the actor of a connection to a q process. */
#ifndef TRP_TRANSPORTS_Q_CLIENT_H
#define TRP_TRANSPORTS_Q_CLIENT_H

#include <troupe/q.h>

#include "transports/stream.h"
#include "transports/tls_context.h"

enum {
    TRP_KIND_Q_STALL = TROUPE_KIND_RESERVED + 0x1f, /* look whether output goes out */
    TRP_KIND_Q_TOOK =
        TROUPE_KIND_RESERVED + 0x72 /* tag: pushes the handler is done with */
};

/* Another way to the peer than sockets.
 *
 * Returns TROUPE_OK and the stream, taken; TROUPE_EAGAIN: asked again at the next
 * TRP_KIND_IO; or why there is none. */
typedef troupe_status (*trp_q_connect)(void *context, troupe_self *self,
                                       struct trp_stream **out);

/* Given to start. */
struct trp_q_client_args {
    const troupe_q_options *options; /* checked */
    struct trp_stream *stream;       /* connected already, taken; NULL: dial */
    trp_q_connect connect;           /* NULL: sockets */
    void *connect_context;
    struct trp_tls_context *tls; /* NULL: none; a reference is taken */
    /* Pushes without TRP_KIND_Q_TOOK, then nothing is read unless an answer is due; 0:
     * any number. */
    uint32_t window;
    bool reported; /* the watcher tells of the end: the log need not */
};

extern const troupe_behavior trp_q_client;

/* What is out of range, in words, or NULL. The port is not looked at. */
const char *trp_q_client_wrong(const troupe_q_options *given);

/* Fills in the defaults; TROUPE_EINVAL when something is out of range. */
TROUPE_MUST_CHECK troupe_status trp_q_client_check(const troupe_q_options *given,
                                                   troupe_q_options *out);

#endif
