/* SPDX-License-Identifier: MIT
 * q_line.h - connections that q code has opened, and the actor that opens them. */
#ifndef TRP_TRANSPORTS_Q_LINE_H
#define TRP_TRANSPORTS_Q_LINE_H

#include "transports/q/q_hopen.h"
#include "transports/q/q_hub.h"
#include "transports/q/q_wait.h"
#include "transports/tls_context.h"

/* Kinds told to lines and to the exchange, by hubs and by themselves. */
enum {
    TRP_KIND_Q_ORDER_OPEN = TROUPE_KIND_RESERVED + 0x78, /* more: struct trp_q_opening */
    TRP_KIND_Q_ORDER_LISTEN, /* value: the port or host:port */
    TRP_KIND_Q_ORDER_CALL,   /* value: the query */
    TRP_KIND_Q_ORDER_FLUSH,
    TRP_KIND_Q_ORDER_NEXT, /* the next message that comes is its answer */
    TRP_KIND_Q_GIVE_UP,    /* nobody waits for the call any more */
    TRP_KIND_Q_TIMER,      /* body: struct trp_q_timer; without: it fired */
    TRP_KIND_Q_LOOK,       /* how much output waits */
    TRP_KIND_Q_OFFER       /* offer the engine again what it had no room for */
};

/* What a line is made of. */
struct trp_q_opening {
    troupe_q_hub *hub; /* counted */
    troupe_id engine;  /* gets what comes */
    struct trp_tls_context *tls;
    struct trp_q_hopen where;
};

void trp_q_opening_free(void *opening);

struct trp_q_timer {
    troupe_id engine;
    int64_t milliseconds; /* 0: no more */
};

struct trp_q_line_args {
    struct trp_q_opening *opening; /* borrowed */
    struct trp_q_wait *wait;       /* settled with the handle; a reference is taken */
};

extern const troupe_behavior trp_q_line;

/* Given to start: the hub, counted; taken on success. */
extern const troupe_behavior trp_q_exchange;

#endif
