/* SPDX-License-Identifier: MIT
 * q_client_state.h - what the files of a client connection share.
 *
 *   NEW --> DIALING --> SECURING --> LOGIN --one byte--> READY --close--> DRAINING
 *              ^                                         |                  |
 *              |<-- delay -- WAITING <------ failed, lost, too late --------|
 *              |<-- request ---- DOWN <-- attempts used up                  |
 *                                CLOSED <-- closed by us, or not made again-+
 *
 *   q_client.c          the actor, its phases and its end
 *   q_client_calls.c    requests: sent, held, answered
 *   q_client_input.c    what the peer sends
 *   q_client_connect.c  from an address to an accepted login
 *   q_client_again.c    what happens when that fails, or the connection is lost
 *   q_client_output.c   writing, and noticing that the peer does not read
 *   q_client_info.c     what others are told about it */
#ifndef TRP_TRANSPORTS_Q_CLIENT_STATE_H
#define TRP_TRANSPORTS_Q_CLIENT_STATE_H

#include "transports/connection.h"
#include "transports/dial.h"
#include "transports/q/q_client.h"
#include "transports/q/q_conn.h"
#include "transports/q/q_pending.h"

enum trp_q_phase {
    TRP_Q_NEW,
    TRP_Q_DIALING,
    TRP_Q_SECURING,
    TRP_Q_LOGIN,
    TRP_Q_READY,
    TRP_Q_DRAINING,
    TRP_Q_WAITING,
    TRP_Q_DOWN,
    TRP_Q_CLOSED
};

struct trp_q_client {
    struct trp_connection link;
    struct trp_q_conn wire;
    troupe_q_options options; /* its strings are ours */
    char *host, *username, *password;

    struct trp_tls_context *tls; /* NULL: none */
    struct trp_dial *dial;
    trp_q_connect connect; /* instead of it, or NULL */
    void *connect_context;
    troupe_ns limit; /* when this attempt is given up */

    struct trp_q_pending sent;
    troupe_msg *held, **held_end; /* requests that wait for a connection */
    uint32_t held_count;
    troupe_msg *push;       /* the handler had no room for it */
    uint64_t dropped;       /* pushes that the handler took no more */
    uint32_t window, shown; /* pushes that the handler may have, and has; 0: any number */
    bool reported;          /* the watcher tells of the end */

    troupe_ns delay;   /* the last wait, without jitter */
    uint32_t failures; /* attempts in a row */
    uint64_t logins;
    troupe_ns since; /* it is ready */
    uint64_t losses; /* for the log */
    bool loss_told;
    bool again;  /* this is an attempt to make a lost connection again */
    bool proven; /* a message came */

    troupe_timer stall;
    uint64_t taken; /* bytes of output, as of the last look */
    unsigned quiet; /* looks in a row at which nothing had gone out */

    bool ending;       /* closed on purpose: end when closed */
    bool unsent_told;  /* it was logged that a message was not sent */
    troupe_status why; /* it is not ready */
    char text[TROUPE_FAILURE_TEXT];
    struct trp_q_pending closers; /* asked Q_CLOSE */
};

/* q_client.c */
void trp_q_client_describe(struct trp_q_client *c, const char *what);
/* Ends it for a reason: everybody who waits is told. */
void trp_q_client_close(troupe_self *self, struct trp_q_client *c, troupe_status status);
void trp_q_client_drop(troupe_self *self, struct trp_q_client *c); /* stream and dial */
void trp_q_client_drain(troupe_self *self, struct trp_q_client *c);

/* q_client_calls.c */
/* Answers with a failure, also when there is no memory for its text. */
void trp_q_client_fail(troupe_self *self, troupe_id asker, troupe_status status,
                       const char *text);
void trp_q_client_request(troupe_self *self, struct trp_q_client *c, troupe_msg **msg);
void trp_q_client_cancelled(struct trp_q_client *c, troupe_id asker);
void trp_q_client_send_held(troupe_self *self, struct trp_q_client *c);
/* Answers what was sent; what may be sent again is held, before all others. */
void trp_q_client_sent_lost(troupe_self *self, struct trp_q_client *c, bool resend);
void trp_q_client_fail_all(troupe_self *self, struct trp_q_client *c);

/* Whether the handler has as many pushes as it may. An answer that is due may stand
 * behind more of them, and the handler wait for it. */
static inline bool trp_q_client_waits(const struct trp_q_client *c)
{
    return c->window != 0 && c->shown >= c->window && c->sent.count == 0;
}

/* q_client_input.c */
bool trp_q_client_push(troupe_self *self, struct trp_q_client *c);
void trp_q_client_read(troupe_self *self, struct trp_q_client *c);

/* q_client_connect.c */
void trp_q_client_dial(troupe_self *self, struct trp_q_client *c);
void trp_q_client_dialled(troupe_self *self, struct trp_q_client *c);
/* Takes a stream that is connected. */
void trp_q_client_connected(troupe_self *self, struct trp_q_client *c,
                            struct trp_stream *stream);
void trp_q_client_secured(troupe_self *self, struct trp_q_client *c);
void trp_q_client_read_login(troupe_self *self, struct trp_q_client *c);

/* q_client_again.c: the connection failed, or could not be made; c->text says more. */
void trp_q_client_failed(troupe_self *self, struct trp_q_client *c, troupe_status status);
void trp_q_client_start_over(troupe_self *self, struct trp_q_client *c);

/* q_client_output.c */
TROUPE_MUST_CHECK troupe_status trp_q_client_write(troupe_self *self,
                                                   struct trp_q_client *c,
                                                   const troupe_msg *msg,
                                                   struct trp_q_why *why);
uint8_t trp_q_client_type(const troupe_msg *msg); /* enum trp_q_kind of a request */
void trp_q_client_look(troupe_self *self, struct trp_q_client *c);

/* q_client_info.c */
void trp_q_client_tell(troupe_self *self, struct trp_q_client *c, troupe_ns next);
void trp_q_client_inform(troupe_self *self, const struct trp_q_client *c,
                         const troupe_msg *msg);

#endif
