/* SPDX-License-Identifier: MIT
 * q_hopen.h - the addresses q code opens: 5010, `:host:port:user:password, `:unix://5010,
 * `:tcps://host:port, and a pair of one of them and milliseconds. */
#ifndef TRP_TRANSPORTS_Q_HOPEN_H
#define TRP_TRANSPORTS_Q_HOPEN_H

#include <troupe/q.h>

enum { TRP_Q_HOPEN_MAX = 1024 /* bytes of an address */ };

struct trp_q_hopen {
    troupe_q_options options;       /* its strings point into `text` */
    char text[TRP_Q_HOPEN_MAX + 1]; /* cut in pieces */
};

/* Returns TROUPE_OK, TROUPE_ETYPE (no address) or TROUPE_EINVAL (not one of these). */
TROUPE_MUST_CHECK troupe_status trp_q_hopen_read(const troupe_q_value *x,
                                                 struct trp_q_hopen *out);

#endif
