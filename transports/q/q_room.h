/* SPDX-License-Identifier: MIT
 * q_room.h - how many bytes of q values a thread may still make.
 *
 * Makers take from `left` and frees give back; when it does not suffice, makers say
 * ENOMEM. Whoever evaluates foreign texts sets it meanwhile; else it is out of reach.
 * Symbols are never freed: what they take comes from `names`, too. */
#ifndef TRP_TRANSPORTS_Q_ROOM_H
#define TRP_TRANSPORTS_Q_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox/alloc.h"

#define TRP_Q_ROOM_ANY   (INT64_MAX / 2)
#define TRP_Q_ROOM_BLOCK 128 /* a value's block, with what the allocator needs */

struct trp_q_room {
    int64_t left;
    int64_t names;
};

extern _Thread_local struct trp_q_room trp_q_room;

/* bytes   at most SIZE_MAX / 2 */
static inline bool trp_q_room_take(size_t bytes)
{
    if (TRP_UNLIKELY(trp_q_room.left < (int64_t)bytes)) {
        return false;
    }
    trp_q_room.left -= (int64_t)bytes;
    return true;
}

static inline void trp_q_room_give(size_t bytes)
{
    trp_q_room.left += (int64_t)bytes;
}

/* For what is never given back; `names` is what it may be in all. */
static inline bool trp_q_room_take_name(size_t bytes)
{
    if (trp_q_room.names < (int64_t)bytes || !trp_q_room_take(bytes)) {
        return false;
    }
    trp_q_room.names -= (int64_t)bytes;
    return true;
}

static inline void trp_q_room_give_name(size_t bytes)
{
    trp_q_room.names += (int64_t)bytes;
    trp_q_room_give(bytes);
}

#endif
