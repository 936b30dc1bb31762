/* SPDX-License-Identifier: MIT
 * q_line_state.h - what the files of a line share.
 *
 *   OPENING --logged in--> OPEN --hclose, stop--> CLOSING --what is sent is out--> end
 *      \--not made--> CLOSING     \--lost--> LOST --what came is handled, .z.pc--> end
 *
 *   q_line.c          the actor, its beginning and end
 *   q_line_output.c   from q code to the peer: calls, and messages in bounds
 *   q_line_input.c    from the peer to the engine, and answers back */
#ifndef TRP_TRANSPORTS_Q_LINE_STATE_H
#define TRP_TRANSPORTS_Q_LINE_STATE_H

#include "transports/connection.h"
#include "transports/q/q_conn.h"
#include "transports/q/q_line.h"
#include "transports/q/q_slots.h"

enum trp_q_line_phase {
    TRP_Q_LINE_OPENING,
    TRP_Q_LINE_OPEN,
    TRP_Q_LINE_LOST,
    TRP_Q_LINE_CLOSING
};

/* What an answer is about; the rest of its tag is the line's. */
enum trp_q_line_tag { TRP_Q_LINE_CALL = 1, TRP_Q_LINE_INFO, TRP_Q_LINE_EVENT };
enum { TRP_Q_LINE_SHIFT = 60, TRP_Q_LINE_ASKED = 32 };

/* Messages that wait. Zeroed is empty after trp_q_line_queue_init. */
struct trp_q_line_queue {
    troupe_msg *first, **end;
    uint32_t count;
};

struct trp_q_line {
    troupe_q_hub *hub;
    troupe_id engine, client;
    int32_t handle; /* 0: none yet */
    uint8_t phase;
    bool client_down;
    bool told; /* the engine knows of the loss */
    struct trp_q_wait *opener;

    struct trp_q_wait *call; /* the one that waits for an answer */
    troupe_future future;
    uint64_t round;          /* of the call */
    struct trp_q_wait *next; /* the one that waits for a message */

    struct trp_q_line_queue held; /* output for which there is no room */
    uint32_t unseen;              /* sent since the last look */
    bool looking;
    struct trp_q_wait *flush;

    struct trp_q_line_queue in; /* from the peer, for which the engine has no room */
    bool offering;              /* a TRP_KIND_Q_OFFER will come */
    uint32_t owed;              /* of which the client does not know that we have them */
    struct trp_q_line_asked {
        troupe_future future;
        uint64_t number;
        troupe_msg *msg;
    } asked[TRP_Q_LINE_ASKED]; /* of the engine, the oldest first */
    uint32_t asked_count;
    uint64_t number; /* of the last that was asked */
    uint64_t failures;
    struct trp_q_slots slots; /* queries of the peer */
};

void trp_q_line_queue_init(struct trp_q_line_queue *queue);
void trp_q_line_queue_put(struct trp_q_line_queue *queue, troupe_msg **msg);
troupe_msg *trp_q_line_queue_take(struct trp_q_line_queue *queue);
/* Takes one out of the middle; `at` points to it. */
troupe_msg *trp_q_line_queue_remove(struct trp_q_line_queue *queue, troupe_msg **at);
void trp_q_line_queue_fini(struct trp_q_line_queue *queue);

/* ---- q_line.c ---- */

/* Ends when nothing is due any more. */
void trp_q_line_rest(troupe_self *self, struct trp_q_line *line);

/* ---- q_line_output.c ---- */

void trp_q_line_call(troupe_self *self, struct trp_q_line *line,
                     struct trp_q_order *order);
void trp_q_line_next(troupe_self *self, struct trp_q_line *line,
                     struct trp_q_order *order);
void trp_q_line_answered(struct trp_q_line *line, troupe_msg *msg);
void trp_q_line_give_up(troupe_self *self, struct trp_q_line *line);
void trp_q_line_send(troupe_self *self, struct trp_q_line *line, troupe_msg **msg);
void trp_q_line_flush(troupe_self *self, struct trp_q_line *line,
                      struct trp_q_order *order);
void trp_q_line_look(troupe_self *self, struct trp_q_line *line);
void trp_q_line_looked(troupe_self *self, struct trp_q_line *line, const troupe_msg *msg);
/* What is held goes to the client now, whatever its output. */
void trp_q_line_send_all(troupe_self *self, struct trp_q_line *line);
/* Tells who waits that there is nothing to wait for. */
void trp_q_line_settle(struct trp_q_line *line, troupe_status status);

/* ---- q_line_input.c ---- */

void trp_q_line_arrived(troupe_self *self, struct trp_q_line *line, troupe_msg **msg);
/* Gives who waits for a message the first that has come. */
void trp_q_line_take_next(troupe_self *self, struct trp_q_line *line);
/* Tells the client how many of its messages are done with. */
void trp_q_line_pay(troupe_self *self, struct trp_q_line *line);
void trp_q_line_offer(troupe_self *self, struct trp_q_line *line);
void trp_q_line_handled(troupe_self *self, struct trp_q_line *line, troupe_msg *msg);
void trp_q_line_defer(troupe_self *self, struct trp_q_line *line, troupe_msg *msg);
/* Tells the engine that the connection is gone; false: it has no room now. */
bool trp_q_line_tell_loss(troupe_self *self, struct trp_q_line *line);

#endif
