/* SPDX-License-Identifier: MIT
 * resolve.h - asks the system's resolver, as an errand (errand.h). */
#ifndef TRP_TRANSPORTS_RESOLVE_H
#define TRP_TRANSPORTS_RESOLVE_H

#include <troupe/system.h>

#include "transports/address.h"

enum {
    TRP_HOST_MAX = 255,         /* bytes of a host name */
    TRP_RESOLVERS_MAX = 4,      /* helper threads of the process */
    TRP_RESOLVE_WAITING = 16384 /* names that wait for one */
};

/* Body of TRP_KIND_RESOLVED. */
struct trp_resolved {
    troupe_status status; /* TROUPE_OK or TROUPE_ERESOLVE */
    struct trp_addresses addresses;
};

struct trp_resolve;

/* Returns TROUPE_OK, TROUPE_EINVAL (host too long), TROUPE_ENOMEM, TROUPE_EBUSY
 * (TRP_RESOLVE_WAITING) or TROUPE_ESYSTEM. */
TROUPE_MUST_CHECK troupe_status trp_resolve_begin(troupe_system *sys, troupe_id asker,
                                                  const char *host, uint16_t port,
                                                  struct trp_resolve **out);

/* Must be called by the asker before it ends; clears the pointer, NULL is allowed. */
void trp_resolve_forget(struct trp_resolve **resolve);

#endif
