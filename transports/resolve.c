/* SPDX-License-Identifier: MIT
 * resolve.c - names to look up, as errands. */
#include "transports/resolve.h"

#include <string.h>

#include "mailbox/alloc.h"
#include "transports/dial.h"
#include "transports/errand.h"

struct trp_resolve {
    struct trp_errand errand;
    uint16_t port;
    char host[TRP_HOST_MAX + 1];
};

static void destroy(struct trp_errand *errand)
{
    trp_free(TRP_CONTAINER(errand, struct trp_resolve, errand));
}

static troupe_msg *run(struct trp_errand *errand)
{
    struct trp_resolve *resolve = TRP_CONTAINER(errand, struct trp_resolve, errand);
    struct trp_resolved found = {0};
    troupe_msg *msg = NULL;

    found.status = trp_address_resolve(resolve->host, resolve->port, &found.addresses);
    if (troupe_msg_new(TRP_KIND_RESOLVED, sizeof(found), &msg) != TROUPE_OK) {
        return NULL;
    }
    memcpy(troupe_msg_body(msg), &found, sizeof(found));
    return msg;
}

static struct trp_errands queue =
    TRP_ERRANDS(TRP_RESOLVERS_MAX, TRP_RESOLVE_WAITING, run, destroy);

troupe_status trp_resolve_begin(troupe_system *sys, troupe_id asker, const char *host,
                                uint16_t port, struct trp_resolve **out)
{
    size_t length = strlen(host);
    if (length > TRP_HOST_MAX) {
        return TROUPE_EINVAL;
    }
    struct trp_resolve *resolve = trp_calloc(1, sizeof(*resolve));
    if (resolve == NULL) {
        return TROUPE_ENOMEM;
    }
    resolve->port = port;
    memcpy(resolve->host, host, length + 1);
    troupe_status status = trp_errand_begin(&queue, &resolve->errand, sys, asker);
    if (status != TROUPE_OK) {
        destroy(&resolve->errand);
        return status;
    }
    *out = resolve;
    return TROUPE_OK;
}

void trp_resolve_forget(struct trp_resolve **resolve)
{
    struct trp_resolve *old = *resolve;

    *resolve = NULL;
    if (old != NULL) {
        trp_errand_forget(&old->errand);
    }
}
