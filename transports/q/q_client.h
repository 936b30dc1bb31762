/* SPDX-License-Identifier: MIT
 * q_client.h - the actor of a connection to a q process. */
#ifndef TRP_TRANSPORTS_Q_CLIENT_H
#define TRP_TRANSPORTS_Q_CLIENT_H

#include <troupe/q.h>

#include "transports/stream.h"

/* Given to start. */
struct trp_q_client_args {
    const troupe_q_options *options; /* checked */
    struct trp_stream *stream;       /* connected already, taken; NULL: dial */
};

extern const troupe_behavior trp_q_client;

/* Fills in the defaults; TROUPE_EINVAL when something is out of range. */
TROUPE_MUST_CHECK troupe_status trp_q_client_check(const troupe_q_options *given,
                                                   troupe_q_options *out);

#endif
