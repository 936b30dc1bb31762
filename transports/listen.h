/* SPDX-License-Identifier: MIT
 * listen.h - accepts connections for the actor that owns it.
 *
 * Sockets that came wait in a short queue; the owner is told TRP_KIND_IO and takes them.
 * While the queue is full, or the process has no descriptor left, nothing is accepted. */
#ifndef TRP_TRANSPORTS_LISTEN_H
#define TRP_TRANSPORTS_LISTEN_H

#include "transports/address.h"
#include "transports/stream.h"

enum { TRP_LISTEN_QUEUE = 64, TRP_LISTEN_BACKLOG = 512 };

struct trp_listen;

/* Binds and listens.
 *
 * at     with port 0: any free one; of a Unix socket's file: one on which nobody answers
 *        is replaced, and it is removed at the end if it is still the one made here
 * port   receives the one it is; 0 for a Unix socket
 *
 * Returns TROUPE_OK, TROUPE_EINUSE, TROUPE_EACCESS (not allowed), TROUPE_EINVAL (not an
 * address of this machine, no such folder), TROUPE_ESYSTEM, TROUPE_ENOMEM or
 * TROUPE_EUNSUPPORTED. */
TROUPE_MUST_CHECK troupe_status trp_listen_new(troupe_self *self,
                                               const struct trp_address *at,
                                               struct trp_listen **out, uint16_t *port);

/* The next socket, the caller's, or -1. */
int trp_listen_take(struct trp_listen *listener);

/* Closes it and what nobody took; clears the pointer, NULL inside is allowed. */
void trp_listen_free(struct trp_listen **listener);

#endif
