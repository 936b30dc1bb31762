/* SPDX-License-Identifier: MIT
 * q_bridge.h - between a connection actor and the threads that hold its handle.
 *
 * The link is what both sides share. The bridge is an actor: it asks the connection for
 * the threads, ends their futures when answers come, and for raw connections puts what
 * comes on the link, where the threads find it when they poll.
 *
 *   q_bridge.c            the actor
 *   q_link.c              the link, and what threads post to the bridge
 *   q_connection.c        handles: opened, awaited, closed
 *   q_connection_options.c  what is wrong with options, and copies of them
 *   q_connection_repr.c   the connection and its TLS settings in words
 *   q_connection_call.c   calls that wait, and calls with a future
 *   q_connection_raw.c    polling
 *   q_connection_server.c the events of a server, handled while polling
 *   q_connection_context.c, q_connection_file.c  what sync connections can do besides */
#ifndef TRP_BINDINGS_Q_BRIDGE_H
#define TRP_BINDINGS_Q_BRIDGE_H

#include <pthread.h>
#include <stdatomic.h>

#include <troupe/q_connection.h>

#include "bindings/q/q_future.h"

#define TRP_Q_CLOSED_TEXT "Attempted to use a closed IPC connection"

/* A call on its way, or something that came: then `msg` is there. */
struct trp_q_call {
    struct trp_q_call *next, *previous;
    troupe_q_future *future; /* NULL: it came and ends no call */
    troupe_q_value *query;
    troupe_kind kind; /* of the request */
    troupe_ns timeout;
    bool debug;
    troupe_future ask;
    troupe_msg *msg;
};

struct trp_q_queue {
    struct trp_q_call *first, *last;
    uint32_t count;
};

struct trp_q_link {
    atomic_size_t references;
    troupe_system *sys;
    troupe_id bridge;
    troupe_id target; /* the connection or server; written before it is used */
    bool raw, server, single;
    bool mended;   /* a lost connection is made again */
    uint32_t most; /* items that came and are not polled for */
    atomic_bool closed;
    troupe_q_future *opened;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct trp_q_queue queued;    /* raw: calls not yet sent */
    struct trp_q_queue arrived;   /* raw: in the order they came */
    struct trp_q_queue kept;      /* raw: came while a call was waited for */
    struct trp_q_queue receivers; /* raw: their futures get what ends no call */
    uint32_t sent;                /* raw: calls whose answer has not arrived */
    size_t clients;               /* server */
};

extern const troupe_behavior trp_q_bridge; /* start: a struct trp_q_link * */

enum {
    TRP_KIND_BRIDGE_CALL = TROUPE_KIND_RESERVED + 0x140, /* owned struct trp_q_call */
    TRP_KIND_BRIDGE_CANCEL,                              /* owned troupe_q_future */
    TRP_KIND_BRIDGE_REPLY,                               /* owned struct trp_q_reply */
    TRP_KIND_BRIDGE_END /* asked: DONE once the connection is closed */
};

/* An answer to a server's connection. */
struct trp_q_reply {
    troupe_id to;
    troupe_msg *answer;
};

/* ---- q_link.c ---- */

TROUPE_MUST_CHECK troupe_status trp_q_link_new(troupe_system *sys,
                                               struct trp_q_link **out);
struct trp_q_link *trp_q_link_ref(struct trp_q_link *link);
void trp_q_link_unref(struct trp_q_link **link);

void trp_q_queue_put(struct trp_q_queue *queue, struct trp_q_call *call);
struct trp_q_call *trp_q_queue_take(struct trp_q_queue *queue); /* NULL: empty */
void trp_q_queue_remove(struct trp_q_queue *queue, struct trp_q_call *call);

void trp_q_call_free(struct trp_q_call **call);
/* Ends its future by the message in it, or by a failure, and frees it. */
void trp_q_call_end(struct trp_q_call **call);
void trp_q_call_fail(struct trp_q_call **call, troupe_status status, const char *text);
/* Ends all in a queue; what has no future is freed. */
void trp_q_queue_fail(struct trp_q_queue *queue, troupe_status status, const char *text);

/* What came is for a thread: the answer to a call, or not. */
void trp_q_link_arrived(struct trp_q_link *link, struct trp_q_call *call);

/* Moved on TROUPE_OK; else as troupe_post. */
TROUPE_MUST_CHECK troupe_status trp_q_link_post_call(struct trp_q_link *link,
                                                     struct trp_q_call **call);
TROUPE_MUST_CHECK troupe_status trp_q_link_post_reply(struct trp_q_link *link,
                                                      troupe_id to, troupe_msg **answer);

/* Takes what the debugging wrapper answers apart: *value becomes the result, or the error
 * with *backtrace (which may be NULL: not wanted) where it came from. */
void trp_q_debug_unwrap(troupe_q_value **value, troupe_q_value **backtrace);

#endif
