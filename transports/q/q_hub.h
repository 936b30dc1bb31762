/* SPDX-License-Identifier: MIT
 * q_hub.h - connections by handle, for q code on an engine's thread.
 *
 * A handle is a small number while seats are new; a seat that is used again gets another,
 * so that an answer that comes late does not reach a stranger. */
#ifndef TRP_TRANSPORTS_Q_HUB_H
#define TRP_TRANSPORTS_Q_HUB_H

#include <troupe/q.h>

enum {
    TRP_Q_HANDLE_FIRST = 6,
    TRP_Q_SEATS_MAX = 65000,
    TRP_Q_QUEUED_MAX = 16384, /* messages to one connection that it has not seen */
    TRP_Q_QUEUED_WAIT_S = 10  /* an engine waits this long for room, then 'busy */
};

/* Makes the request for an engine of an event. */
typedef troupe_status (*trp_q_request)(const troupe_q_event *event, troupe_msg **out);

/* Kinds a hub tells connections. */
enum {
    TRP_KIND_Q_OUT = TROUPE_KIND_RESERVED + 0x18, /* owned value: send async */
    TRP_KIND_Q_HANGUP
};

/* A hub without an exchange: q code opens nothing through it.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_q_hub_new(troupe_system *sys,
                                              struct troupe_q_hub **out);
struct troupe_q_hub *trp_q_hub_ref(struct troupe_q_hub *hub);
void trp_q_hub_unref(struct troupe_q_hub **hub);

/* The actor that opens connections for q code, and how an event becomes a request for the
 * engine. */
void trp_q_hub_equip(struct troupe_q_hub *hub, troupe_id exchange,
                     trp_q_request engine_request);
TROUPE_MUST_CHECK troupe_status trp_q_hub_request(const struct troupe_q_hub *hub,
                                                  const troupe_q_event *event,
                                                  troupe_msg **out);

/* Gives a connection a handle.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT (TRP_Q_SEATS_MAX). */
TROUPE_MUST_CHECK troupe_status trp_q_hub_join(struct troupe_q_hub *hub,
                                               troupe_id connection, int32_t *handle);
/* false: nobody has the handle any more. */
bool trp_q_hub_leave(struct troupe_q_hub *hub, int32_t handle);

/* The same for a connection that q code has opened: it can be called. */
TROUPE_MUST_CHECK troupe_status trp_q_hub_join_line(struct troupe_q_hub *hub,
                                                    troupe_id line, int32_t *handle);

/* Which ports the servers of the hub listen on; 0 takes a server's away. */
void trp_q_hub_listens(struct troupe_q_hub *hub, troupe_id server, uint16_t port);
/* One of them, and its server; false: there is none. */
bool trp_q_hub_listener(struct troupe_q_hub *hub, troupe_id *server, uint16_t *port);
bool trp_q_hub_is_own(struct troupe_q_hub *hub, uint16_t port);
/* Opens a port as the program has said; on a base.
 *
 * Returns as troupe_q_serve, or TROUPE_EUNSUPPORTED. */
TROUPE_MUST_CHECK troupe_status trp_q_hub_listen(struct troupe_q_hub *hub,
                                                 const char *host, uint16_t port,
                                                 troupe_q_server *out);

/* A TRP_KIND_Q_OUT has been taken from the mailbox. */
void trp_q_hub_taken(struct troupe_q_hub *hub, int32_t handle);

#endif
