/* SPDX-License-Identifier: MIT
 * q_hub_state.h - what the files of a hub share.
 *
 *   q_hub.c        seats, ports, its life
 *   q_hub_host.c   what q code does with them, on the engine's thread */
#ifndef TRP_TRANSPORTS_Q_HUB_STATE_H
#define TRP_TRANSPORTS_Q_HUB_STATE_H

#include <stdatomic.h>

#include "actors/runtime.h"
#include "transports/q/q_hub.h"

enum { TRP_Q_PORTS_MAX = 16 };

struct trp_q_seat {
    troupe_id connection; /* nobody: free */
    uint32_t generation;
    bool line; /* q code has opened it */
    union {
        uint32_t queued;
        uint32_t next; /* of a free seat: the one freed after it */
    };
};

struct troupe_q_hub {
    atomic_uint holders;
    troupe_system *system;
    troupe_embedq_host host;
    troupe_id exchange; /* nobody: q code opens nothing */
    trp_q_request engine_request;
    troupe_q_listen listen;
    void *listen_context;
    pthread_mutex_t lock;
    struct trp_q_seat *seats;
    uint32_t count, capacity;
    uint32_t free_first, free_last; /* freed earliest and latest; none: UINT32_MAX */
    struct {
        troupe_id server;
        uint16_t port; /* 0: free */
    } ports[TRP_Q_PORTS_MAX];
};

/* The seat of a handle that is taken, or NULL. Under the lock. */
struct trp_q_seat *trp_q_hub_seat(struct troupe_q_hub *hub, int64_t handle);

/* What a seat that is taken is called. Under the lock. */
int32_t trp_q_hub_handle(const struct troupe_q_hub *hub, uint32_t at);

/* Fills in the host's functions. */
void trp_q_hub_host_init(struct troupe_q_hub *hub);

#endif
