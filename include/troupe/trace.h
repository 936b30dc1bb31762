/* SPDX-License-Identifier: MIT
 * trace.h - what a traced program shares with its watchers: records in rings, and the
 * table of actors. Tools read these layouts; a program that only wants to be traced needs
 * troupe_mark and troupe_trace_dump.
 *
 * A trace is a few files (or sealed memory files, found in /proc/PID/fd):
 *
 *   info          one troupe_trace_info, then names
 *   ring.W        of worker W: the fast ring, then the slow ring, in packets of 16 KiB
 *   actors.W.K    slots of worker W: 1024 chunks of 4096 slots each
 *
 * All numbers are in the machine's own byte order. */
#ifndef TROUPE_TRACE_H
#define TROUPE_TRACE_H

#include <stdint.h>

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Event ids; append-only. Number 0 is none. */
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

/* One event: 32 bytes. Which member means what depends on `id`, see docs/guide/trace.md.
 */
typedef struct troupe_trace_record {
    uint64_t ts; /* raw ticks */
    uint16_t id; /* TROUPE_EV_... */
    uint16_t tag;
    uint32_t actor; /* the subject: low 32 bits of its id; 0: outside */
    uint64_t msg;   /* message id: worker (16 bits) << 48 | that worker's counter */
    uint32_t peer, arg;
} troupe_trace_record;

enum {
    TROUPE_TRACE_PACKET = 16384,
    TROUPE_TRACE_HEAD = 96,
    TROUPE_TRACE_RECORD = 32,
    TROUPE_TRACE_RECORDS = 509 /* in one packet */
};

#define TROUPE_TRACE_MAGIC UINT32_C(0xc1fc1fc1) /* CTF's own */

/* The head of a packet is CTF's packet header and context: a packet is a valid piece of a
 * CTF 1.8 stream after every record. Sizes are in bits. content_size 0: not in use. A
 * copy is whole when `sequence` is the same before and after copying. */
typedef struct troupe_trace_packet {
    uint32_t magic;
    uint8_t uuid[16];
    uint32_t stream; /* 0 */
    uint64_t begin, end;
    uint64_t content_size, packet_size;
    uint64_t sequence;
    uint64_t discarded;
    uint32_t thread, worker;
    uint64_t message; /* the delivery in progress when the packet began, or 0 */
    uint32_t actor;
    uint32_t spare;
} troupe_trace_packet;

enum {
    TROUPE_TRACE_VERSION = 1,
    TROUPE_TRACE_WORKERS = 256,     /* worker 0 is not used */
    TROUPE_TRACE_CHUNK = 4096,      /* slots */
    TROUPE_TRACE_CHUNKS_FILE = 1024 /* chunks in one actors.W.K */
};

#define TROUPE_TRACE_INFO "TROUPETR"

enum { TROUPE_CLOCK_MONOTONIC = 1, TROUPE_CLOCK_TSC, TROUPE_CLOCK_CNTVCT };
enum { TROUPE_TRACE_OFF, TROUPE_TRACE_COUNT, TROUPE_TRACE_RING };

/* One worker, as the info file tells it. */
typedef struct troupe_trace_worker {
    uint32_t open;   /* 1: it has rings; 2: had, and ended */
    uint32_t chunks; /* of actor slots */
    char role[24];
} troupe_trace_worker;

typedef struct troupe_trace_name {
    uint32_t type;   /* 0: not there yet, 1: a kind of actor, 2: a kind of message */
    uint32_t number; /* slot.kind, or the message kind */
    char text[56];
} troupe_trace_name;

enum { TROUPE_TRACE_NAMES = 12288 };

/* The start of the info file; TROUPE_TRACE_NAMES names follow it. */
typedef struct troupe_trace_info {
    char magic[8];
    uint32_t version;
    uint32_t size; /* of this struct: where the names begin */
    uint32_t pid;
    uint32_t mode;
    uint64_t started; /* of the process: field 22 of /proc/PID/stat */
    uint8_t uuid[16];
    uint32_t clock;                   /* TROUPE_CLOCK_... */
    uint32_t fast, slow;              /* packets in each ring */
    uint32_t names;                   /* in use */
    uint64_t frequency;               /* ticks a second, as measured at the start */
    uint64_t first_ticks, first_ns;   /* CLOCK_MONOTONIC at the start */
    uint64_t first_real;              /* and CLOCK_REALTIME, ns */
    uint64_t latest_ticks, latest_ns; /* CLOCK_MONOTONIC, the latest pair measured */
    uint64_t taken;                   /* in a dump: when it was begun, ticks; else 0 */
    uint32_t settled;     /* in a dump: nothing moved; 2: the program wrote it */
    uint32_t overwritten; /* in a dump: packets lost while it was taken */
    char program[64];
    char note[128]; /* why a wish was not granted */
    troupe_trace_worker workers[TROUPE_TRACE_WORKERS];
} troupe_trace_info;

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

/* Writes what the recorder and the actor table hold now into a new directory: a CTF 1.8
 * trace that `troupe trace` and babeltrace2 read. The name should end in ".trp".
 *
 * directory   is made; must not exist
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_EEXIST, TROUPE_ENOMEM, TROUPE_EUNSUPPORTED
 * (the program is not recorded) or TROUPE_ESYSTEM; what was written stays after a
 * failure. Thread: any. Source: actors/trace.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_trace_dump(troupe_system *sys,
                                                             const char *directory);

#ifdef __cplusplus
}
#endif

#endif
