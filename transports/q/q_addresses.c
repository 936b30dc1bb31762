/* SPDX-License-Identifier: MIT
 * q_addresses.c - the Unix sockets that belong to a q port. */
#include "transports/q/q_addresses.h"

#include <stdio.h>
#include <stdlib.h>

static troupe_status list(const char *folder, uint16_t port, bool file,
                          struct trp_addresses *out)
{
    static const enum trp_unix forms[] = {TRP_UNIX_EXACT, TRP_UNIX_PADDED, TRP_UNIX_FILE};
    char name[sizeof(out->items[0].any.path.sun_path)];
    int length = snprintf(name, sizeof(name), "%s/kx.%u", folder, port);
    troupe_status status = TROUPE_OK;

    if (length < 0 || (size_t)length >= sizeof(name)) {
        return TROUPE_EINVAL;
    }
    unsigned count = file ? 3 : 2;
    for (unsigned i = 0; i < count && status == TROUPE_OK; i++) {
        status = trp_address_unix(name, forms[i], &out->items[i]);
    }
    if (status == TROUPE_OK) {
        out->count = count;
    }
    return status;
}

troupe_status trp_q_addresses_dial(uint16_t port, struct trp_addresses *out)
{
    const char *folder = getenv("QUDSPATH");

    return list(folder != NULL && folder[0] != 0 ? folder : "/tmp", port, true, out);
}

troupe_status trp_q_addresses_listen(uint16_t port, bool file, struct trp_addresses *out)
{
    const char *folder = getenv("QUDSPATH");

    if (folder != NULL && folder[0] == 0) {
        out->count = 0;
        return TROUPE_OK;
    }
    return list(folder != NULL ? folder : "/tmp", port, file, out);
}
