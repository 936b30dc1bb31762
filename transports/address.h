/* SPDX-License-Identifier: MIT
 * address.h - socket addresses: from names without asking anyone, and to text. */
#ifndef TRP_TRANSPORTS_ADDRESS_H
#define TRP_TRANSPORTS_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <troupe/status.h>

enum { TRP_ADDRESSES_MAX = 16 /* that a name may have */ };

struct trp_address {
    union {
        struct sockaddr plain;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un path; /* AF_UNIX */
    } any;
    socklen_t size; /* 0: none */
};

struct trp_addresses {
    unsigned count;
    struct trp_address items[TRP_ADDRESSES_MAX];
};

/* Addresses that need no name service: numbers, "localhost", and "" or "*" for all of
 * this machine's.
 *
 * Returns TROUPE_OK, or TROUPE_ENOENT: somebody must be asked. */
troupe_status trp_address_literal(const char *host, uint16_t port,
                                  struct trp_addresses *out);

/* Asks the system's resolver; blocks.
 *
 * Returns TROUPE_OK or TROUPE_ERESOLVE. */
troupe_status trp_address_resolve(const char *host, uint16_t port,
                                  struct trp_addresses *out);

/* The forms of a Unix socket's name. To Linux they are different addresses. */
enum trp_unix {
    TRP_UNIX_EXACT,  /* abstract, as long as the name */
    TRP_UNIX_PADDED, /* abstract, with NULs to the full length of sun_path */
    TRP_UNIX_FILE
};

/* Returns TROUPE_OK or TROUPE_EINVAL (an empty name or one that does not fit). */
TROUPE_MUST_CHECK troupe_status trp_address_unix(const char *name, enum trp_unix form,
                                                 struct trp_address *out);

/* A socket of the file system: its path, else NULL. */
const char *trp_address_file(const struct trp_address *address);

bool trp_address_is_local(const struct trp_address *address);
uint32_t trp_address_ipv4(const struct trp_address *address); /* host order, 0: none */
uint16_t trp_address_port(const struct trp_address *address);

/* "127.0.0.1:5010", "[::1]:5010", "unix @/tmp/kx.5010" (abstract), "unix /tmp/kx.5010",
 * or "?" */
void trp_address_print(const struct trp_address *address, char *text, size_t size);

#endif
