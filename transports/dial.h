/* SPDX-License-Identifier: MIT
 * dial.h - from a host and a port to a connected socket, without blocking the base.
 *
 * Names that need a resolver are looked up on a helper thread. The addresses found are
 * tried one after the other; the owner's deadline limits the whole. The owner is told
 * TRP_KIND_IO when there is something to see and TRP_KIND_RESOLVED when names came. */
#ifndef TRP_TRANSPORTS_DIAL_H
#define TRP_TRANSPORTS_DIAL_H

#include "transports/address.h"
#include "transports/stream.h"

struct trp_dial;

/* Begins.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM, TROUPE_ESYSTEM (thread) or TROUPE_EUNSUPPORTED
 * (simulated). */
TROUPE_MUST_CHECK troupe_status trp_dial_new(troupe_self *self, const char *host,
                                             uint16_t port, struct trp_dial **out);

/* The same with addresses that are known already: 1 to TRP_ADDRESSES_MAX, tried in order.
 * Of Unix sockets whose queue of connections is full it is asked again until there is
 * room.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (none), TROUPE_ENOMEM or TROUPE_EUNSUPPORTED. */
TROUPE_MUST_CHECK troupe_status trp_dial_addresses(troupe_self *self,
                                                   const struct trp_addresses *to,
                                                   struct trp_dial **out);

/* On TRP_KIND_RESOLVED. */
void trp_dial_resolved(struct trp_dial *dial, troupe_msg *msg);

/* On TRP_KIND_IO, and after trp_dial_new and trp_dial_resolved.
 *
 * fd       on TROUPE_OK the connected socket, the caller's
 * system   receives errno, or 0
 *
 * Returns TROUPE_OK, TROUPE_EAGAIN (not yet), TROUPE_ERESOLVE, TROUPE_EREFUSED,
 * TROUPE_EUNREACHABLE or TROUPE_ESYSTEM. */
TROUPE_MUST_CHECK troupe_status trp_dial_poll(struct trp_dial *dial, int *fd,
                                              int *system);

/* Ends it, whatever it does, and clears the pointer; NULL inside is allowed. */
void trp_dial_free(struct trp_dial **dial);

#endif
