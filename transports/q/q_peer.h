/* SPDX-License-Identifier: MIT
 * q_peer.h - one client of a q server, for the files that make up its actor:
 *
 *   q_peer.c         its phases, its beginning and end
 *   q_peer_login.c   who comes in
 *   q_peer_input.c   messages, as they come
 *   q_peer_event.c   to the handlers and the engine, and what they answer
 *   q_peer_output.c  what goes to the client
 *   q_peer_memory.c  what it all takes */
#ifndef TRP_TRANSPORTS_Q_PEER_H
#define TRP_TRANSPORTS_Q_PEER_H

#include "transports/q/q_cast.h"
#include "transports/q/q_conn.h"
#include "transports/q/q_serving.h"
#include "transports/q/q_slots.h"
#include "transports/q/q_verify.h"

enum trp_q_peer_phase {
    TRP_Q_PEER_LOGIN,
    TRP_Q_PEER_ADMISSION,
    TRP_Q_PEER_READY,
    TRP_Q_PEER_DRAINING,
    TRP_Q_PEER_CLOSED
};

/* Kinds a connection tells itself. */
enum {
    TRP_KIND_Q_RETRY = TROUPE_KIND_RESERVED + 0x60, /* offer the held event again */
    TRP_KIND_Q_IDLE,                                /* look whether there was traffic */
    TRP_KIND_Q_STUCK                                /* look whether output moved */
};

struct trp_q_peer {
    struct trp_connection link;
    struct trp_q_conn wire;
    struct trp_q_service *service;
    struct trp_q_slots slots;
    /* An event whose handler had no room for it: nothing is read until it has. */
    struct {
        troupe_q_value *value;
        uint64_t request;
        troupe_ns wait; /* until the next try; 0: nothing is held */
        troupe_embedq_event event;
    } held;
    troupe_ns seen;            /* when there was traffic */
    uint64_t taken;            /* bytes of output, when it was looked at last */
    uint32_t asked;            /* handlers and the engine, without an answer yet */
    uint32_t asyncs;           /* being handled */
    uint64_t async_memory;     /* bytes of their values */
    uint64_t counted, weighed; /* bytes it holds, as the service knows; at the last
                                  trp_q_peer_weigh */
    uint64_t taken_by_value;   /* bytes of the value that was read last */
    uint64_t failures, unsent; /* of handlers, and pushes: they were logged */
    uint32_t address;          /* IPv4, 0: none */
    int32_t handle;
    uint8_t offered; /* the client's capability */
    bool watched;    /* a TRP_KIND_Q_STUCK will come */
    bool opened;     /* the handlers know it */
    bool told_apart; /* TLS from plain */
    bool hung_up;    /* by q code, which may be running for this very client */
    char *user;
    struct trp_q_verify *verify; /* the password is being looked at */
    char where[TRP_STREAM_TEXT];
};

/* ---- q_peer.c ---- */

void trp_q_peer_close(troupe_self *self, struct trp_q_peer *p, troupe_log_level level,
                      const char *event, const char *why);
void trp_q_peer_begin_end(troupe_self *self, struct trp_q_peer *p);

/* Ends a draining connection when nothing is due any more. */
void trp_q_peer_drain(troupe_self *self, struct trp_q_peer *p);

/* TRP_KIND_Q_IDLE came, or the first time. */
void trp_q_peer_look_at_traffic(troupe_self *self, struct trp_q_peer *p);

/* ---- q_peer_login.c ---- */

void trp_q_peer_read_login(troupe_self *self, struct trp_q_peer *p);
void trp_q_peer_verified(troupe_self *self, struct trp_q_peer *p, bool right);
void trp_q_peer_login_answered(troupe_self *self, struct trp_q_peer *p, bool failed,
                               const troupe_q_value *value);

/* ---- q_peer_input.c ---- */

/* Does what the bytes that have come allow to do. */
void trp_q_peer_read(troupe_self *self, struct trp_q_peer *p);

/* ---- q_peer_event.c ---- */

/* Takes an event to who handles it. `request`: of a sync its number, of an async the
 * bytes of its value. */
void trp_q_peer_dispatch(troupe_self *self, struct trp_q_peer *p,
                         troupe_embedq_event event, troupe_q_value *value,
                         uint64_t request);

/* Shows a message as it came to the handler of such.
 *
 * Returns TROUPE_OK, or TROUPE_EUNSUPPORTED: it must be decoded. */
TROUPE_MUST_CHECK troupe_status trp_q_peer_show_raw(troupe_self *self,
                                                    struct trp_q_peer *p, uint8_t kind,
                                                    uint64_t request,
                                                    troupe_blob *message);

/* TRP_KIND_Q_RETRY came; whether what was held is handled. */
bool trp_q_peer_retry(troupe_self *self, struct trp_q_peer *p);

/* The client is gone: of what is held only an async still matters. */
void trp_q_peer_let_go(struct trp_q_peer *p);

/* An answer of the engine or of an actor came; whether it lets something go on. */
bool trp_q_peer_answered(troupe_self *self, struct trp_q_peer *p, troupe_msg *msg);

/* The answer of a sync, late; moved. */
void trp_q_peer_fill(struct trp_q_peer *p, uint64_t request, troupe_q_value **value);

static inline bool trp_q_peer_holds(const struct trp_q_peer *p)
{
    return p->held.wait != 0;
}

/* ---- q_peer_memory.c ---- */

/* What it holds is known to the service; returns how much that is. */
uint64_t trp_q_peer_count(struct trp_q_peer *p);

/* Says how much the next value may take. */
void trp_q_peer_make_room(struct trp_q_peer *p);

/* Whether it must go, because it holds more than before and all hold too much. */
bool trp_q_peer_weighs_too_much(struct trp_q_peer *p);

/* ---- q_peer_output.c ---- */

/* Writes the responses whose turn it is. */
void trp_q_peer_write_ready(troupe_self *self, struct trp_q_peer *p);
void trp_q_peer_push(troupe_self *self, struct trp_q_peer *p,
                     const troupe_q_value *value);

void trp_q_peer_cast(troupe_self *self, struct trp_q_peer *p, struct trp_q_cast *cast,
                     uint64_t index);

/* TRP_KIND_Q_STUCK came. */
void trp_q_peer_look_at_output(troupe_self *self, struct trp_q_peer *p);

/* q's word for a status. */
const char *trp_q_error_text(troupe_status status, const struct trp_q_why *why);

#endif
