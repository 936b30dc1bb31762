/* SPDX-License-Identifier: MIT
 * q_addresses.h - the Unix sockets that belong to a q port.
 *
 * They are called DIR/kx.PORT, DIR being $QUDSPATH, or /tmp without it. */
#ifndef TRP_TRANSPORTS_Q_ADDRESSES_H
#define TRP_TRANSPORTS_Q_ADDRESSES_H

#include "transports/address.h"

/* Where to look for a server, in this order: abstract of exact length, abstract padded,
 * file. An empty $QUDSPATH is as none. For trp_dial_addresses.
 *
 * Returns TROUPE_OK or TROUPE_EINVAL (the name does not fit into an address). */
TROUPE_MUST_CHECK troupe_status trp_q_addresses_dial(uint16_t port,
                                                     struct trp_addresses *out);

/* Where a server listens, each by a trp_listen_new: both abstract forms, since clients of
 * one do not find the other, and with `file` the file last. An empty $QUDSPATH means
 * nowhere: TROUPE_OK and a count of 0.
 *
 * port   the one that TCP clients use
 *
 * Returns TROUPE_OK or TROUPE_EINVAL (the name does not fit into an address). */
TROUPE_MUST_CHECK troupe_status trp_q_addresses_listen(uint16_t port, bool file,
                                                       struct trp_addresses *out);

#endif
