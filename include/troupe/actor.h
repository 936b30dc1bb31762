/* SPDX-License-Identifier: MIT
 * actor.h - behaviours, and what a running actor can do.
 *
 * Every function here takes `self`, the context a handler was called with. It is valid
 * until that handler returns, on that thread only; `Thread: base` means just this. */
#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include <troupe/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_system troupe_system;
typedef struct troupe_self troupe_self;

/* Handles one message.
 *
 * state   the actor's own memory, zeroed before start
 * msg     leave *msg alone and the runtime frees it; pass msg on and it moves
 *
 * TROUPE_OK: go on. Any other status ends the actor, and is its exit reason. */
typedef troupe_status (*troupe_receive)(troupe_self *self, void *state, troupe_msg **msg);

typedef struct troupe_handler {
    troupe_kind kind;
    troupe_receive handle;
} troupe_handler;

/* What a full mailbox does with one more message. */
typedef enum troupe_policy {
    TROUPE_REFUSE,      /* the sender gets TROUPE_EBUSY and keeps the message */
    TROUPE_DROP_OLDEST, /* the oldest ordinary message is dropped and counted */
    TROUPE_DROP_NEWEST, /* the new message is dropped and counted; the sender sees OK */
    TROUPE_KEEP_LAST /* a queued message of the same kind is replaced, full or not; when
                        full of other kinds: as TROUPE_REFUSE */
} troupe_policy;

enum {
    TROUPE_TRAP_EXIT = 1u << 0, /* a linked actor's end arrives as TROUPE_KIND_EXIT */
    TROUPE_TRAP_STOP =
        1u << 1,            /* a stop arrives as TROUPE_KIND_STOP; end with troupe_exit */
    TROUPE_SERIAL = 1u << 2 /* after an ask, nothing but its answer (and signals) is
                               delivered until it has come; cycles are refused */
};

/* What an actor is: one constant table, shared by all actors of its kind.
 *
 * A message goes to the handler registered for its kind, else to `receive`, else it is a
 * dead letter with reason "unhandled". All members but `name` may be zero. */
typedef struct troupe_behavior {
    const char *name;  /* the actor's kind in graphs and traces */
    size_t state_size; /* bytes, 0 to TROUPE_STATE_MAX */
    troupe_status (*start)(troupe_self *self, void *state, const void *args);
    troupe_receive receive;
    void (*stop)(troupe_self *self, void *state, troupe_status reason);
    const troupe_handler *handlers;
    size_t handler_count;
    uint32_t mailbox_limit; /* messages; 0: the system's default */
    troupe_policy policy;
    uint32_t batch; /* messages a turn; 0: the system's default */
    uint32_t flags; /* TROUPE_TRAP_... */
} troupe_behavior;

enum { TROUPE_STATE_MAX = 1 << 20, TROUPE_HANDLERS_MAX = 1024, TROUPE_NAME_MAX = 63 };

typedef struct troupe_spawn_options {
    size_t size;            /* sizeof(troupe_spawn_options) */
    const char *name;       /* registered before start; NULL: none */
    uint32_t mailbox_limit; /* 0: the behaviour's */
    bool watch;             /* the spawner watches the child before it starts */
    bool link;              /* the spawner and the child are linked before it starts */
    uint32_t base; /* troupe_system_spawn only: 1-based number of the base; 0: base 1 */
} troupe_spawn_options;

#define TROUPE_SPAWN_OPTIONS                                                             \
    ((troupe_spawn_options){.size = sizeof(troupe_spawn_options)})

/* Starts an actor on the spawner's base; `start` runs inside this call. (Another base is
 * reached by troupe_system_spawn, or by asking an actor that lives there.)
 *
 * args      given to start, borrowed for the call
 * options   NULL for the defaults
 * out       receives the id; may be NULL
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM, TROUPE_ELIMIT (actors_max),
 * TROUPE_EEXIST (name), TROUPE_ECLOSED (shutting down) or what start returned.
 * Thread: base. Source: actors/actor.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_spawn(troupe_self *self, const troupe_behavior *behavior, const void *args,
             const troupe_spawn_options *options, troupe_id *out);

/* Who am I, who made me, where do I run, what time is it (the base's clock, read once a
 * pass; simulated when the system is).
 * Thread: base. Source: actors/actor.c */
TROUPE_API troupe_id troupe_self_id(const troupe_self *self);
TROUPE_API troupe_id troupe_self_parent(const troupe_self *self);
TROUPE_API troupe_system *troupe_self_system(const troupe_self *self);
TROUPE_API troupe_ns troupe_now(const troupe_self *self);

/* A number from the base's seeded generator: the same in every run of a simulation.
 * Thread: base. Source: actors/actor.c */
TROUPE_API uint64_t troupe_random(troupe_self *self);

/* Puts a message into an actor's mailbox. The sender is self.
 *
 * Returns TROUPE_OK; TROUPE_EGONE; TROUPE_EBUSY (its mailbox, or the door to its base, is
 * full); TROUPE_EINVAL (no message). On failure the message is still the caller's. To
 * another base TROUPE_OK means accepted at the door: what cannot be delivered there is a
 * dead letter, and an ask is answered with a failure.
 * Thread: base. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_tell(troupe_self *self, troupe_id to,
                                                       troupe_msg **msg);

/* Tells a message without a body.
 *
 * Returns as troupe_tell, or TROUPE_ENOMEM.
 * Thread: base. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_signal(troupe_self *self, troupe_id to,
                                                         troupe_kind kind, uint64_t tag);

/* Answers a request. Answers have a lane that is never refused. A request that was told,
 * not asked, is answered by an ordinary message to its sender.
 *
 * request   the message being answered (it may be *answer's own), or see troupe_reply_to
 *
 * Returns TROUPE_OK; TROUPE_EGONE: nobody waits any more, the answer is still the
 * caller's; TROUPE_EINVAL (the request has no sender).
 * Thread: base. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_reply(troupe_self *self,
                                                        const troupe_msg *request,
                                                        troupe_msg **answer);

/* Answers later: keep troupe_msg_from(request) and give it here.
 *
 * Returns as troupe_reply.
 * Thread: base. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_reply_to(troupe_self *self,
                                                           troupe_id from,
                                                           troupe_msg **answer);

/* Answers with a failure.
 *
 * status   not TROUPE_OK
 *
 * Returns as troupe_reply, or TROUPE_ENOMEM.
 * Thread: base. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_fail(troupe_self *self, troupe_id from,
                                                       troupe_status status,
                                                       const char *format, ...)
    TROUPE_PRINTF(4, 5);

/* Asks to be told once (TROUPE_KIND_ROOM, from: target, tag) when a full mailbox has
 * fallen to half its limit; at once when it already has, and TROUPE_KIND_DOWN if it ends.
 *
 * Returns TROUPE_OK, TROUPE_EGONE, TROUPE_ENOMEM or TROUPE_ELIMIT (TROUPE_WAITERS_MAX).
 * Thread: base. Source: actors/send.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_tell_when_room(troupe_self *self,
                                                                 troupe_id target,
                                                                 uint64_t tag);

enum { TROUPE_WAITERS_MAX = 1 << 20 };

/* Registers, replaces or (handle NULL) removes this actor's handler for one kind. It
 * outranks the behaviour's table from the next message on, and outlives a `become`.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM, TROUPE_ELIMIT (TROUPE_HANDLERS_MAX), TROUPE_ENOENT
 * (nothing to remove).
 * Thread: base. Source: actors/actor.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_on(troupe_self *self, troupe_kind kind,
                                                     troupe_receive handle);

/* Behaves differently from the next message on; the state stays. The new behaviour's
 * start is not called, its stop will be.
 *
 * Returns TROUPE_OK or TROUPE_EINVAL (needs more state than the actor has).
 * Thread: base. Source: actors/actor.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_become(troupe_self *self,
                                                         const troupe_behavior *behavior);

/* Ends this actor when the handler returns. What is left in its mailbox is dropped and
 * counted; asks in it are answered with TROUPE_EGONE.
 * Thread: base. Source: actors/actor.c */
TROUPE_API void troupe_exit(troupe_self *self, troupe_status reason);

/* Asks an actor to end after what is in its mailbox now (never refused), or ends it
 * before its next message with reason TROUPE_EKILLED.
 *
 * Returns TROUPE_OK or TROUPE_EGONE.
 * Thread: base. Source: actors/actor.c */
TROUPE_API troupe_status troupe_stop(troupe_self *self, troupe_id target);
TROUPE_API troupe_status troupe_kill(troupe_self *self, troupe_id target);

/* One-way: be told TROUPE_KIND_DOWN when `target` ends; at once with reason TROUPE_EGONE
 * when it has ended. Watching twice is watching once.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (nobody, or self) or TROUPE_ENOMEM.
 * Thread: base. Source: actors/watch.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_watch(troupe_self *self,
                                                        troupe_id target);
TROUPE_API void troupe_unwatch(troupe_self *self, troupe_id target);

/* Two-way: when one of both ends with a reason other than TROUPE_OK, the other ends with
 * the same reason, or is told TROUPE_KIND_EXIT if it traps exits. (One that traps is told
 * of a normal end too.)
 *
 * Returns as troupe_watch.
 * Thread: base. Source: actors/watch.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_link(troupe_self *self,
                                                       troupe_id target);
TROUPE_API void troupe_unlink(troupe_self *self, troupe_id target);

/* A timer of this actor. Zero is no timer. */
typedef struct troupe_timer {
    uint64_t bits;
} troupe_timer;

/* Sends `kind` with `tag` to self, once after `delay` or again and again every `period`.
 * Timers end with their actor.
 *
 * delay    nanoseconds, >= 0;  period   nanoseconds, > 0
 * out      receives the timer for cancelling; may be NULL
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM or TROUPE_ELIMIT (timers_max).
 * Thread: base. Source: actors/timers.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_after(troupe_self *self,
                                                        troupe_ns delay, troupe_kind kind,
                                                        uint64_t tag, troupe_timer *out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_every(troupe_self *self,
                                                        troupe_ns period,
                                                        troupe_kind kind, uint64_t tag,
                                                        troupe_timer *out);

/* Cancels. A firing already in the mailbox still arrives: give each phase its own tag.
 *
 * Returns TROUPE_OK or TROUPE_EGONE (fired, cancelled or never set).
 * Thread: base. Source: actors/timers.c */
TROUPE_API troupe_status troupe_timer_cancel(troupe_self *self, troupe_timer timer);

/* Takes a name for self, system-wide, until it ends or gives the name up.
 *
 * name   1 to TROUPE_NAME_MAX bytes, the first not \1
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_EEXIST, TROUPE_ENOMEM, TROUPE_ELIMIT.
 * Thread: base. Source: actors/names.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_register(troupe_self *self,
                                                           const char *name);
TROUPE_API troupe_status troupe_unregister(troupe_self *self, const char *name);

/* Finds who has a name.
 *
 * Returns TROUPE_OK or TROUPE_ENOENT.
 * Thread: any. Source: actors/names.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_whereis(troupe_system *sys,
                                                          const char *name,
                                                          troupe_id *out);

/* Why a message was dropped; also the `drop` reason in traces. */
typedef enum troupe_drop {
    TROUPE_DROP_DEAD = 1,  /* the receiver had ended */
    TROUPE_DROP_FULL,      /* mailbox policy, or no room after the door */
    TROUPE_DROP_CANCELLED, /* a cancelled ask, an answer nobody waits for */
    TROUPE_DROP_SHUTDOWN,  /* the system ended first */
    TROUPE_DROP_UNHANDLED  /* the receiver has no handler for the kind */
} troupe_drop;

/* Body of TROUPE_KIND_DEAD_LETTER. */
typedef struct troupe_dead_letter {
    troupe_id to, from;
    troupe_kind kind;
    troupe_drop reason;
    uint64_t tag;
    size_t size; /* bytes of the body that was dropped */
} troupe_dead_letter;

/* From now on every dropped message on this base is reported to self as a
 * TROUPE_KIND_DEAD_LETTER (ordinary mail: a full mailbox misses some, and the next
 * report's tag says how many). Lasts until self ends or turns it off.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT (64 readers on a base).
 * Thread: base. Source: actors/dead_letters.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_dead_letters(troupe_self *self,
                                                               bool on);

/* Leaves a mark of the application's own in the trace.
 * Thread: base. Source: actors/trace.c */
TROUPE_API void troupe_mark(troupe_self *self, uint16_t tag, uint32_t value);

#ifdef __cplusplus
}
#endif

#endif
