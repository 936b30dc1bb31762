/* SPDX-License-Identifier: MIT
 * resolve.h - asks the system's resolver on a helper thread.
 *
 * Helpers are few, start with the first question and end when none is left. A question
 * outlives its asker if it must: forgetting it only makes the answer go nowhere. */
#ifndef TRP_TRANSPORTS_RESOLVE_H
#define TRP_TRANSPORTS_RESOLVE_H

#include <troupe/system.h>

#include "transports/address.h"

enum { TRP_HOST_MAX = 255 /* bytes of a host name */ };

/* Body of TRP_KIND_RESOLVED. */
struct trp_resolved {
    troupe_status status; /* TROUPE_OK or TROUPE_ERESOLVE */
    struct trp_addresses addresses;
};

struct trp_resolve;

/* Returns TROUPE_OK, TROUPE_EINVAL (host too long), TROUPE_ENOMEM or TROUPE_ESYSTEM. */
TROUPE_MUST_CHECK troupe_status trp_resolve_begin(troupe_system *sys, troupe_id asker,
                                                  const char *host, uint16_t port,
                                                  struct trp_resolve **out);

/* Must be called by the asker before it ends; clears the pointer, NULL is allowed. */
void trp_resolve_forget(struct trp_resolve **resolve);

#endif
