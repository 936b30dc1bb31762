/* SPDX-License-Identifier: MIT
 * trace.h - the layout of trace records and of the actor table, for tools. */
#ifndef TROUPE_TRACE_H
#define TROUPE_TRACE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Event ids; append-only. */
enum {
    TROUPE_EV_SPAWN = 1,
    TROUPE_EV_EXIT,
    TROUPE_EV_LINK,
    TROUPE_EV_SEND,
    TROUPE_EV_DELIVER_BEGIN,
    TROUPE_EV_DELIVER_END,
    TROUPE_EV_DROP,
    TROUPE_EV_TIMER_SET,
    TROUPE_EV_TIMER_FIRE,
    TROUPE_EV_IO_WAIT,
    TROUPE_EV_IO_READY,
    TROUPE_EV_STATE,
    TROUPE_EV_FULL_ON,
    TROUPE_EV_FULL_OFF,
    TROUPE_EV_FUTURE_NEW,
    TROUPE_EV_FUTURE_RESOLVE,
    TROUPE_EV_FUTURE_CANCEL,
    TROUPE_EV_SUB_ADD,
    TROUPE_EV_SUB_DROP,
    TROUPE_EV_CALL_QUEUED,
    TROUPE_EV_CALL_BEGIN,
    TROUPE_EV_CALL_END,
    TROUPE_EV_SLEEP,
    TROUPE_EV_WAKE,
    TROUPE_EV_CAUSE,
    TROUPE_EV_NAME,
    TROUPE_EV_ASK_WAIT,
    TROUPE_EV_ASK_DONE,
    TROUPE_EV_THREAD,
    TROUPE_EV_MARK,
    TROUPE_EV_RECORDER
};

typedef struct troupe_trace_record {
    uint64_t ts; /* raw ticks */
    uint16_t id, tag;
    uint32_t actor;
    uint64_t msg;
    uint32_t peer, arg;
} troupe_trace_record;

enum {
    TROUPE_STATE_FREE,
    TROUPE_STATE_IDLE,
    TROUPE_STATE_READY,
    TROUPE_STATE_RUNNING,
    TROUPE_STATE_WAITING,
    TROUPE_STATE_STOPPING
};

/* One actor. The owner's line, then the line senders touch. Depth = enqueued - delivered
 * - dropped. Times are raw ticks. */
typedef struct troupe_trace_slot {
    uint64_t id;
    uint16_t kind;
    uint8_t state;
    uint8_t worker;
    uint32_t message_kind;
    uint64_t since;
    uint64_t message;
    uint64_t busy;
    uint64_t delivered;
    uint64_t waits_on;
    uint64_t waits_ask;
    uint64_t enqueued;
    uint32_t dropped;
    uint32_t high_water;
    uint64_t oldest;
    uint64_t spawned;
    uint32_t parent;
    uint32_t waits_since;
    char name[16];
    uint32_t version;
    uint32_t spare;
} troupe_trace_slot;

#ifdef __cplusplus
}
#endif

#endif
