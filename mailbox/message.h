/* SPDX-License-Identifier: MIT
 * message.h - what a message is made of. One pool block: 64 bytes of header with room for
 * a body of 8, larger bodies behind it. */
#ifndef TRP_MAILBOX_MESSAGE_H
#define TRP_MAILBOX_MESSAGE_H

#include <troupe/message.h>

#include "mailbox/gate.h"
#include "mailbox/pool.h"

enum {
    TRP_MSG_OWNED = 1 << 0,   /* body: struct trp_owned */
    TRP_MSG_BLOB = 1 << 1,    /* body: troupe_blob * */
    TRP_MSG_ASK = 1 << 2,     /* `from` is a future or pending: it wants an answer */
    TRP_MSG_ANSWER = 1 << 3,  /* brought by a future to its owner; never refused */
    TRP_MSG_SIGNAL = 1 << 4,  /* the runtime's own: never refused, not bounded */
    TRP_MSG_URGENT = 1 << 5,  /* an engine call that jumps the queue */
    TRP_MSG_COUNTED = 1 << 6, /* an engine call that is counted in its engine's queue;
                                 `enqueued` is not in ticks, see actors/engine.h */
    TRP_MSG_BODY = TRP_MSG_OWNED | TRP_MSG_BLOB /* flags that say nothing of the lane */
};

struct troupe_msg {
    struct troupe_msg *next; /* in a mailbox, gate or free list */
    troupe_id to;
    troupe_id from;
    uint64_t tag;
    union {
        uint64_t trace;            /* message id in traces: base << 48 | counter */
        struct trp_gate_link door; /* of the first of a chain that waits at a gate */
        struct troupe_msg *ahead;  /* of the others there: who follows TRP_AHEAD later */
    };
    uint32_t kind;
    uint32_t size;     /* bytes of body the user sees (saturates for owned ones) */
    uint32_t enqueued; /* low 32 bits of the ticks when it was accepted */
    uint8_t flags;     /* TRP_MSG_... */
    uint8_t class;     /* pool class of this block, or TRP_POOL_NONE */
    uint16_t home;     /* pool this block belongs to */
    _Alignas(8) uint8_t body[];
};

struct trp_owned {
    void *body;
    void (*drop)(void *body);
    size_t size;
};

#define TRP_MSG_HEADER offsetof(struct troupe_msg, body)

_Static_assert(offsetof(struct troupe_msg, body) == 56, "a body of 8 fits 64 bytes");

/* Frees *msg, which must not be NULL. */
void trp_msg_end(troupe_msg *msg);

static inline troupe_status trp_msg_new(troupe_kind kind, size_t size, troupe_msg **out)
{
    if (TRP_LIKELY(size <= 1024 - TRP_MSG_HEADER)) {
        unsigned class = trp_pool_class_of(TRP_MSG_HEADER + size);
        uint16_t home;
        troupe_msg *msg = trp_pool_get(class, &home);
        if (TRP_UNLIKELY(msg == NULL)) {
            return TROUPE_ENOMEM;
        }
        msg->from = TROUPE_NOBODY;
        msg->tag = 0;
        msg->kind = kind;
        msg->size = (uint32_t)size;
        msg->flags = 0;
        msg->class = (uint8_t) class;
        msg->home = home;
        *out = msg;
        return TROUPE_OK;
    }
    return troupe_msg_new(kind, size, out);
}

static inline void trp_msg_drop(troupe_msg *msg)
{
    if (TRP_LIKELY((msg->flags & (TRP_MSG_OWNED | TRP_MSG_BLOB)) == 0 &&
                   msg->class != TRP_POOL_NONE)) {
        trp_pool_put(msg, msg->class, msg->home);
        return;
    }
    trp_msg_end(msg);
}

#endif
