/* SPDX-License-Identifier: MIT
 * address.c - socket addresses. */
#include "transports/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void add_ip4(struct trp_addresses *to, in_addr_t ip, uint16_t port)
{
    struct trp_address *address = &to->items[to->count++];

    *address = (struct trp_address){.size = sizeof(address->any.ip4)};
    address->any.ip4.sin_family = AF_INET;
    address->any.ip4.sin_port = htons(port);
    address->any.ip4.sin_addr.s_addr = ip;
}

static void add_ip6(struct trp_addresses *to, const struct in6_addr *ip, uint16_t port)
{
    struct trp_address *address = &to->items[to->count++];

    *address = (struct trp_address){.size = sizeof(address->any.ip6)};
    address->any.ip6.sin6_family = AF_INET6;
    address->any.ip6.sin6_port = htons(port);
    address->any.ip6.sin6_addr = *ip;
}

troupe_status trp_address_literal(const char *host, uint16_t port,
                                  struct trp_addresses *out)
{
    struct in_addr ip4;
    struct in6_addr ip6;

    out->count = 0;
    if (host[0] == 0 || strcmp(host, "*") == 0) {
        add_ip4(out, htonl(INADDR_ANY), port);
    } else if (strcmp(host, "localhost") == 0) {
        add_ip4(out, htonl(INADDR_LOOPBACK), port);
        add_ip6(out, &in6addr_loopback, port);
    } else if (inet_pton(AF_INET, host, &ip4) == 1) {
        add_ip4(out, ip4.s_addr, port);
    } else if (inet_pton(AF_INET6, host, &ip6) == 1) {
        add_ip6(out, &ip6, port);
    }
    return out->count > 0 ? TROUPE_OK : TROUPE_ENOENT;
}

troupe_status trp_address_resolve(const char *host, uint16_t port,
                                  struct trp_addresses *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;

    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return TROUPE_ERESOLVE;
    }
    out->count = 0;
    for (struct addrinfo *at = list; at != NULL && out->count < TRP_ADDRESSES_MAX;
         at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            struct sockaddr_in ip4;
            memcpy(&ip4, at->ai_addr, sizeof(ip4));
            add_ip4(out, ip4.sin_addr.s_addr, port);
        } else if (at->ai_family == AF_INET6) {
            struct sockaddr_in6 ip6;
            memcpy(&ip6, at->ai_addr, sizeof(ip6));
            add_ip6(out, &ip6.sin6_addr, port);
        }
    }
    freeaddrinfo(list);
    return out->count > 0 ? TROUPE_OK : TROUPE_ERESOLVE;
}

troupe_status trp_address_unix(const char *name, enum trp_unix form,
                               struct trp_address *out)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t length = strlen(name);

    if (length == 0 || length >= sizeof(out->any.path.sun_path)) {
        return TROUPE_EINVAL;
    }
    memset(out, 0, sizeof(*out));
    out->any.path.sun_family = AF_UNIX;
    memcpy(out->any.path.sun_path + (form != TRP_UNIX_FILE), name, length);
    out->size = form == TRP_UNIX_EXACT ? (socklen_t)(head + 1 + length)
                                       : (socklen_t)sizeof(out->any.path);
    return TROUPE_OK;
}

const char *trp_address_file(const struct trp_address *address)
{
    return address->size > offsetof(struct sockaddr_un, sun_path) &&
                   address->any.plain.sa_family == AF_UNIX &&
                   address->any.path.sun_path[0] != 0
               ? address->any.path.sun_path
               : NULL;
}

bool trp_address_is_local(const struct trp_address *address)
{
    if (address->size == 0) {
        return false;
    }
    if (address->any.plain.sa_family == AF_UNIX) {
        return true;
    }
    if (address->any.plain.sa_family == AF_INET) {
        return ntohl(address->any.ip4.sin_addr.s_addr) >> 24 == 127;
    }
    const struct in6_addr *ip6 = &address->any.ip6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(ip6) ||
           (IN6_IS_ADDR_V4MAPPED(ip6) && ip6->s6_addr[12] == 127);
}

uint32_t trp_address_ipv4(const struct trp_address *address)
{
    if (address->size == 0 || address->any.plain.sa_family != AF_INET) {
        return 0;
    }
    return ntohl(address->any.ip4.sin_addr.s_addr);
}

uint16_t trp_address_port(const struct trp_address *address)
{
    if (address->size == 0 || address->any.plain.sa_family == AF_UNIX) {
        return 0;
    }
    return ntohs(address->any.plain.sa_family == AF_INET6 ? address->any.ip6.sin6_port
                                                          : address->any.ip4.sin_port);
}

/* The kernel's answers end a path with a NUL or with the size. */
static void print_unix(const struct trp_address *address, char *text, size_t size)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    const char *path = address->any.path.sun_path;
    size_t room = address->size > head ? address->size - head : 0;

    if (room == 0) {
        (void)snprintf(text, size, "unix");
    } else if (path[0] == 0) {
        (void)snprintf(text, size, "unix @%.*s", (int)(room - 1), path + 1);
    } else {
        (void)snprintf(text, size, "unix %.*s", (int)room, path);
    }
}

void trp_address_print(const struct trp_address *address, char *text, size_t size)
{
    char ip[INET6_ADDRSTRLEN];

    if (address->size != 0 && address->any.plain.sa_family == AF_INET &&
        inet_ntop(AF_INET, &address->any.ip4.sin_addr, ip, sizeof(ip)) != NULL) {
        (void)snprintf(text, size, "%s:%u", ip, trp_address_port(address));
    } else if (address->size != 0 && address->any.plain.sa_family == AF_INET6 &&
               inet_ntop(AF_INET6, &address->any.ip6.sin6_addr, ip, sizeof(ip)) != NULL) {
        (void)snprintf(text, size, "[%s]:%u", ip, trp_address_port(address));
    } else if (address->size != 0 && address->any.plain.sa_family == AF_UNIX) {
        print_unix(address, text, size);
    } else {
        (void)snprintf(text, size, "?");
    }
}
