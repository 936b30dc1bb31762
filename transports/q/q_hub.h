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

/* Kinds a hub tells connections. */
enum {
    TRP_KIND_Q_OUT = TROUPE_KIND_RESERVED + 0x18, /* owned value: send async */
    TRP_KIND_Q_HANGUP
};

/* Gives a connection a handle.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT (TRP_Q_SEATS_MAX). */
TROUPE_MUST_CHECK troupe_status trp_q_hub_join(struct troupe_q_hub *hub,
                                               troupe_id connection, int32_t *handle);
void trp_q_hub_leave(struct troupe_q_hub *hub, int32_t handle);

/* A TRP_KIND_Q_OUT has been taken from the mailbox. */
void trp_q_hub_taken(struct troupe_q_hub *hub, int32_t handle);

#endif
