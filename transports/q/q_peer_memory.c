/* SPDX-License-Identifier: MIT
 * q_peer_memory.c - what a client's bytes and values take of the memory_limit of all.
 *
 * Counted are input that is not yet a value, values that are being evaluated, answers
 * that wait for others to go first, and output that was not taken; of what many are sent
 * nothing, as it is there once. While all together hold more than the limit, who comes to
 * hold more, and more than the part of the limit that would be its own if all had the
 * same, is closed: who holds little always has room. */
#include "transports/q/q_peer.h"

static uint64_t share_of_one(const struct trp_q_service *service)
{
    return service->options.memory_limit / (service->holders != 0 ? service->holders : 1);
}

uint64_t trp_q_peer_count(struct trp_q_peer *p)
{
    uint64_t now = p->wire.have + trp_stream_held(p->wire.stream) + p->async_memory +
                   p->slots.memory;

    p->service->memory += now - p->counted;
    p->counted = now;
    return now;
}

void trp_q_peer_make_room(struct trp_q_peer *p)
{
    const struct trp_q_service *service = p->service;
    uint64_t limit = service->options.memory_limit, share = share_of_one(service);
    uint64_t own = trp_q_peer_count(p) - p->wire.have; /* that becomes the value's */
    uint64_t all = service->memory - p->wire.have;

    own = own < share ? share - own : 1;
    uint64_t left = all < limit ? limit - all : 1;
    p->wire.limits.memory = left > own ? left : own;
}

bool trp_q_peer_weighs_too_much(struct trp_q_peer *p)
{
    uint64_t now = trp_q_peer_count(p);
    bool grew = now > p->weighed;

    p->weighed = now;
    return grew && p->service->memory > p->service->options.memory_limit &&
           now > share_of_one(p->service);
}
