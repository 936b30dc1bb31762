/* SPDX-License-Identifier: MIT
 * runtime.h - what a system, a base and an actor are made of. Private to actors/, and to
 * transports through the few functions at the end.
 *
 *   system --> base 1..N (threads with a loop) --> chunks of actors, run queue, timers,
 * gate
 *          --> engine bases (threads that park)
 *
 * Only the thread of a base touches the base, except its gate, `asleep` and counters
 * marked atomic. */
#ifndef TRP_ACTORS_RUNTIME_H
#define TRP_ACTORS_RUNTIME_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include <troupe/future.h>
#include <troupe/log.h>
#include <troupe/system.h>
#include <troupe/trace.h>

#include "actors/recorder.h"
#include "actors/tally.h"
#include "actors/timers.h"
#include "mailbox/gate.h"
#include "mailbox/message.h"

enum {
    TRP_CHUNK = 4096,       /* actors a chunk */
    TRP_BASE_PENDING = 255, /* the base byte of ids that name a waiting foreign thread */
    TRP_SYSTEM_BASES = 254, /* bases and engines together */
    TRP_SMALL_STATE = 16,
    TRP_PASS_LOOK = 16,     /* turns between two looks at the clock */
    TRP_STEP_TURNS = 65536, /* turns a simulated step runs at most */
    TRP_NUMBER_BLOCK = 1024,
    TRP_AHEAD = 8 /* messages of a chain that are fetched before they are looked at */
};

/* A behaviour's flag: who no longer waits for a request that was delivered already is
 * told to it as TRP_KIND_CANCEL. */
enum { TRP_TRAP_CANCEL = 1u << 16 };

/* Kinds only the runtime speaks, between bases; never shown to a behaviour without such
 * a flag. */
enum {
    TRP_KIND_WATCH = 0x700,
    TRP_KIND_UNWATCH,
    TRP_KIND_LINK,
    TRP_KIND_UNLINK,
    TRP_KIND_KILL,
    TRP_KIND_CANCEL, /* from: the future or pending whose request shall be dropped */
    TRP_KIND_CALL,   /* body: struct trp_base_call */
    TRP_KIND_ROOM_WANTED,
    TRP_KIND_SUBSCRIPTION_END,
    TRP_KIND_SHUTDOWN, /* to base 1 */
    TRP_KIND_STOP_ALL, /* to a base */
    TRP_KIND_KILL_ALL, /* to a base */
    TRP_KIND_EMPTY,    /* to the shutdown actor: a base has no actors left */
    TRP_KIND_CALLS_END /* from: an engine that is stuck in the call of asker `tag` */
};

struct trp_base;
struct trp_actor;
struct trp_future;

struct troupe_self {
    struct trp_base *base;
    struct trp_actor *actor; /* who runs now; NULL between turns */
};

enum trp_phase_of_life { TRP_LIVE, TRP_ENDING, TRP_FREE };

enum {
    TRP_ACTOR_QUEUED = 1 << 0, /* in the run queue */
    TRP_ACTOR_LIGHT = 1 << 1,  /* a future or subscription: never runs */
    TRP_ACTOR_HIDDEN = 1 << 2, /* the runtime's own: not stopped at shutdown */
    TRP_ACTOR_WAITS = 1 << 3,  /* serial, and its ask is unanswered */
    TRP_ACTOR_ROOM = 1 << 4,   /* somebody waits for room here */
    TRP_ACTOR_ENGINE = 1 << 5, /* orders urgent calls first */
    TRP_ACTOR_NAMED = 1 << 6,
    TRP_ACTOR_SUPERVISED = 1 << 7,
    TRP_ACTOR_KEEPS_LAST = 1 << 8, /* TROUPE_KEEP_LAST: looks at every message */
    TRP_ACTOR_ATTENTION = 1 << 9,  /* it exits, or is ending: look after the handler */
    TRP_ACTOR_DEAD = 1 << 10, /* ending or free: as phase says, beside the other flags */
    /* None of these: its turn just goes on. */
    TRP_ACTOR_PAUSES = TRP_ACTOR_ATTENTION | TRP_ACTOR_ROOM | TRP_ACTOR_WAITS,
    /* None of these: what is told to it is simply appended. */
    TRP_ACTOR_SPECIAL =
        TRP_ACTOR_LIGHT | TRP_ACTOR_WAITS | TRP_ACTOR_KEEPS_LAST | TRP_ACTOR_DEAD
};

/* 112 bytes, in chunks; the slot beside it (128 bytes, shared) holds what a watcher sees.
 */
struct trp_actor {
    uint64_t id; /* 0: free */
    const troupe_behavior *behavior;
    void *state;
    troupe_msg *head, *tail;    /* the mailbox */
    struct trp_actor *run_next; /* run queue, or free list */
    troupe_trace_slot *slot;
    union {
        struct trp_side *side;     /* rare parts; NULL until needed */
        struct trp_future *future; /* of a light one */
    };
    uint32_t mail;       /* ordinary messages in the mailbox */
    uint32_t limit;      /* of `mail` */
    uint32_t timers;     /* first of its timers, 0: none */
    uint32_t state_size; /* what `state` has room for */
    int16_t reason;      /* of the end, while TRP_ENDING */
    uint8_t phase;
    uint16_t flags;
    uint64_t parent;
    uint64_t small[TRP_SMALL_STATE / 8]; /* state that is no larger lives here */
};

struct trp_chunk {
    troupe_trace_slot *slots;
    struct trp_actor actors[TRP_CHUNK];
};

struct trp_relation {
    uint64_t id;
    enum { TRP_REL_WATCHER, TRP_REL_LINK, TRP_REL_ROOM } type;
    troupe_msg *notice; /* what will be told, made when it was asked for: never lost */
};

/* What few actors need. */
struct trp_side {
    struct trp_relation *relations;
    uint32_t relation_count, relation_capacity;
    troupe_handler *handlers; /* registered while it lives */
    uint32_t handler_count, handler_capacity;
    struct trp_future *asked;     /* its own open asks and subscriptions */
    struct trp_future *answering; /* open asks it must answer */
};

/* Who waits for an answer, and how. One pool block, held by a light actor. */
struct trp_future {
    struct trp_actor *self; /* the light actor whose id stands in requests as `from` */
    uint64_t owner;         /* who is told */
    uint64_t target;        /* who must answer */
    uint64_t tag;
    troupe_receive then;    /* handles the answer in place of receive */
    struct trp_join *join;  /* it is part `part` of a join, which gets the answer */
    struct trp_join *parts; /* it is the result of a join */
    struct trp_future *unpaid_next; /* failed, but there was no memory to say so */
    int16_t unpaid;                 /* the status to be told then; 0: none */
    struct trp_future *owner_next, **owner_link;
    struct trp_future *target_next, **target_link; /* link NULL: not registered there */
    uint64_t created;                              /* ticks */
    uint32_t timer;                                /* its limit, 0: none */
    uint32_t part;
    uint32_t credit; /* of a subscription */
    bool subscription;
    bool starved;  /* the producer was refused for want of credit */
    bool remote;   /* the target is watched on another base */
    bool answered; /* kept only until `then` has run */
    uint16_t home;
    uint8_t class;
};

struct trp_outbox {
    troupe_msg *first, *last;
    uint32_t count;
    troupe_msg *recent[TRP_AHEAD]; /* the last few, by `count` */
};

/* A function another thread wants run on a base; it waits for `done`. */
struct trp_base_call {
    void (*run)(struct trp_base *base, void *argument);
    void *argument;
    struct trp_waiter *waiter;
};

/* Whether looking for mail before sleeping pays; the owner's. */
struct trp_look {
    troupe_ns budget;  /* time it may spend looking in vain */
    troupe_ns settled; /* when the budget last grew with time */
    bool told;         /* this pass told another base something */
    bool wrote;        /* or wrote to a socket */
    bool met_awake;    /* and found it awake */
    bool paid;         /* the last look found mail */
    bool everywhere;   /* this look is for input, too */
};

struct trp_base {
    struct troupe_self self; /* first: a self is its base */
    struct trp_recorder *recorder;
    struct trp_actor *run_head, *run_tail;
    troupe_ns now;
    trp_tally next_message; /* index << 48 | counter: how many were accepted */
    struct {
        trp_tally delivered, dropped, refused, spawned, ended;
    } count;
    struct trp_chunk **chunks;
    uint32_t chunk_count;
    struct trp_actor *free;
    uint32_t fresh;   /* first slot never used */
    trp_tally alive;  /* actors and futures */
    uint32_t bodies;  /* actors that are neither light nor hidden */
    trp_tally hidden; /* the runtime's own */
    uint32_t number, number_end;
    uint32_t ready; /* length of the run queue */
    bool in_pass;
    bool plain;    /* not observed, seeded or an engine's: turns take the short way */
    bool observed; /* somebody may look at the actor table: keep `state` and the like */
    bool exiting;  /* the running actor called troupe_exit */
    int16_t exit_reason;
    bool stopping_all;  /* shutdown has reached this base */
    bool dropping_mail; /* the deadline has passed: drops say shutdown */
    uint64_t random;
    bool seeded;
    uint32_t batch;
    struct trp_wheel wheel;
    uint64_t *dead_letter_subscribers;
    uint32_t dead_letter_count;
    uint32_t dead_letters_missed;
    struct trp_outbox *outboxes; /* one for each possible base, made when first used */
    uint64_t outbox_used[(TRP_SYSTEM_BASES + 64) / 64]; /* bit per box that holds mail */
    struct trp_look look;
    struct trp_future *unpaid; /* failures to be told when there is memory again */
    struct {
        const char *name;
        uint16_t kind;
    } kinds[64]; /* what trp_trace_kind said, by the address of the name */

    void (*schedule)(
        struct trp_base *base); /* work appeared outside a pass; may be NULL */

    /* Constant once others know the base: in lines that nobody writes, as every message
     * from another thread looks here. */
    alignas(128) struct troupe_system *system;
    uint32_t index; /* from 1 */
    bool is_engine;
    struct trp_loop *loop;     /* base.c */
    struct trp_engine *engine; /* engine.c */
    void (*wake)(struct trp_base *base);

    /* Shared with other threads. */
    alignas(128) struct trp_gate gate;
    atomic_uint_fast32_t gate_count; /* put and not yet admitted */
    atomic_bool asleep; /* set before sleeping, then look at the gate again */
    atomic_bool gone;   /* its thread has ended: nothing is admitted any more */
};

struct trp_name;

struct troupe_system {
    troupe_options options;
    char *name;
    struct trp_trace *trace;
    _Atomic(struct trp_base *)
        bases[TRP_SYSTEM_BASES + 1]; /* from 1; set once: release */
    uint32_t base_count;             /* with a loop; engines follow */
    atomic_uint_fast32_t top;        /* highest index in use */
    atomic_uint_fast32_t next_number;
    atomic_bool running;
    atomic_bool closing;  /* posts from outside are refused */
    atomic_bool finished; /* loops end */
    atomic_uint holders;  /* the owner, and engine threads that were abandoned */
    struct trp_shutdown *shutdown;
    struct trp_names *names;
    struct trp_pendings *pendings;
    struct trp_loops *loops; /* threads; base.c */
    troupe_log_level log_level;
    troupe_log_sink log_sink;
    void *log_context;
};

extern _Thread_local struct trp_base *trp_base_here; /* whose thread this is */

/* ---- ids ---- */

static inline uint32_t trp_id_base(uint64_t id)
{
    return (uint32_t)(id >> 56);
}

static inline uint32_t trp_id_slot(uint64_t id)
{
    return (uint32_t)(id >> 32) & 0xffffff;
}

static inline uint32_t trp_id_number(uint64_t id)
{
    return (uint32_t)id;
}

/* The sender as traces name it; a foreign thread that waits is outside, like all threads.
 */
static inline uint32_t trp_sender_number(const troupe_msg *msg)
{
    return trp_id_base(msg->from.bits) == TRP_BASE_PENDING
               ? 0
               : trp_id_number(msg->from.bits);
}

/* Who has an id of this base, living or ending (TRP_ACTOR_DEAD), or NULL. */
static inline struct trp_actor *trp_find_any(struct trp_base *base, uint64_t id)
{
    uint32_t slot = trp_id_slot(id);
    uint32_t chunk = slot / TRP_CHUNK;

    if (TRP_UNLIKELY(chunk >= base->chunk_count)) {
        return NULL;
    }
    struct trp_actor *actor = &base->chunks[chunk]->actors[slot % TRP_CHUNK];
    /* gcc computes the place anew for every member it touches unless it cannot see how.
     */
    __asm__("" : "+r"(actor));
    return TRP_LIKELY(actor->id == id) ? actor : NULL;
}

/* The actor of an id of this base that lives, or NULL. */
static inline struct trp_actor *trp_find(struct trp_base *base, uint64_t id)
{
    struct trp_actor *actor = trp_find_any(base, id);

    return actor != NULL && actor->phase == TRP_LIVE ? actor : NULL;
}

static inline struct trp_base *trp_base_at(struct troupe_system *sys, uint32_t index)
{
    return index == 0 || index > TRP_SYSTEM_BASES
               ? NULL
               : atomic_load_explicit(&sys->bases[index], memory_order_acquire);
}

/* Behind all that are ready; it has no place in the queue yet. */
static inline void trp_push_ready(struct trp_base *base, struct trp_actor *actor)
{
    actor->run_next = NULL;
    base->ready++;
    if (base->run_head != NULL) {
        base->run_tail->run_next = actor;
    } else {
        base->run_head = actor;
    }
    base->run_tail = actor;
}

static inline void trp_make_ready(struct trp_base *base, struct trp_actor *actor)
{
    if ((actor->flags & TRP_ACTOR_QUEUED) != 0) {
        return;
    }
    actor->flags |= TRP_ACTOR_QUEUED;
    trp_push_ready(base, actor);
    if (TRP_UNLIKELY(!base->in_pass) && base->schedule != NULL) {
        base->schedule(base);
    }
}

/* ---- actor.c ---- */
troupe_status trp_spawn(struct trp_base *base, uint64_t parent,
                        const troupe_behavior *behavior, const void *args,
                        const troupe_spawn_options *options, uint8_t flags,
                        troupe_id *out);
struct trp_actor *trp_slot_take(struct trp_base *base, const char *kind, uint64_t parent);
void trp_slot_give(struct trp_base *base, struct trp_actor *actor);
uint16_t trp_kind_of(struct trp_base *base, const char *name);
struct trp_side *
trp_side(struct trp_actor *actor); /* made when missing; NULL: no memory */
/* Ends an actor that does not run: at its next turn. */
void trp_end_soon(struct trp_base *base, struct trp_actor *actor, troupe_status reason);
void trp_end_now(struct trp_base *base, struct trp_actor *actor, troupe_status reason);
troupe_receive trp_handler_of(const struct trp_actor *actor, troupe_kind kind);

/* ---- turn.c ---- */
void trp_turns(struct trp_base *base, troupe_ns (*clock)(void));

/* ---- mail.c, door.c, send.c ---- */
/* Leaves for another base at the end of the pass: TROUPE_OK, TROUPE_EBUSY, TROUPE_ENOMEM.
 */
troupe_status trp_into_outbox(struct trp_base *base, struct trp_base *other,
                              troupe_msg *msg);
/* Puts a message into a live actor's mailbox; flags of msg say which lane. */
troupe_status trp_enqueue(struct trp_base *base, struct trp_actor *to, troupe_msg *msg);
/* Sends to any id; `from` and flags are set already. Takes msg only on TROUPE_OK. */
troupe_status trp_send(struct trp_base *base, uint64_t to, troupe_msg *msg);
/* A bodyless signal of the runtime; lost only without memory, which is returned. */
troupe_status trp_signal(struct trp_base *base, uint64_t from, uint64_t to,
                         troupe_kind kind, uint64_t tag);
/* Counts, records and reports a message that is not delivered, answers it when it is an
 * ask, and frees it. */
void trp_drop(struct trp_base *base, troupe_msg *msg, uint64_t to, troupe_drop reason);
/* An answer (or failure) for a future or pending, from anywhere. Takes it on OK. */
troupe_status trp_answer(struct trp_base *base, uint64_t asker, troupe_msg *msg);
/* The same made from a status; without memory the asker's own time limit must serve,
 * except for local futures, which fail without a message being made. */
void trp_answer_failure(struct trp_base *base, uint64_t asker, troupe_status status,
                        const char *text);
void trp_flush(struct trp_base *base);
void trp_admit(struct trp_base *base);
/* Takes all that waits at the door, in order; returns how many. */
uint32_t trp_door_each(struct trp_base *base,
                       void (*visit)(struct trp_base *base, troupe_msg *msg));
troupe_status trp_gate_post(struct troupe_system *sys, struct trp_base *base,
                            troupe_msg *msg, bool always);
/* The same for ordinary mail, whose `to` is set: counted when it is an engine's. */
troupe_status trp_gate_call(struct troupe_system *sys, struct trp_base *base,
                            troupe_msg *msg);
void trp_cancel_queued(struct trp_base *base, struct trp_actor *target, uint64_t asker);
void trp_room_check(struct trp_base *base, struct trp_actor *actor);

/* ---- future.c, join.c, subscription.c ---- */
void trp_future_answer(struct trp_base *base, struct trp_future *future, troupe_msg *msg);
void trp_future_fail(struct trp_base *base, struct trp_future *future,
                     troupe_status status, const char *text);
void trp_future_forget(struct trp_base *base, struct trp_future *future,
                       bool tell_target);
void trp_future_limit_passed(struct trp_base *base, uint64_t id);
void trp_future_retarget(struct trp_base *base, uint64_t asker, uint64_t to);
struct trp_future *trp_future_new(struct trp_base *base, struct trp_actor *owner,
                                  const char *kind);
struct trp_future *trp_future_of(struct trp_base *base, uint64_t id);
void trp_join_take(struct trp_base *base, struct trp_join *join, uint32_t part,
                   troupe_msg *msg);
void trp_join_forget(struct trp_base *base, struct trp_join *join);
void trp_futures_pay(struct trp_base *base);
/* A TRP_KIND_CALLS_END that reached this base. */
void trp_futures_end_calls(struct trp_base *base, const troupe_msg *msg);
bool trp_waits_on_asks(const struct trp_actor *actor);
void trp_subscription_signal(struct trp_base *base, const troupe_msg *msg);
void trp_subscription_end(struct trp_base *base, struct trp_future *sub,
                          troupe_status status);
/* A message told to a subscription's id on this base. */
troupe_status trp_subscription_deliver(struct trp_base *base, struct trp_future *sub,
                                       troupe_msg *msg);

/* ---- watch.c ---- */
void trp_relations_end(struct trp_base *base, struct trp_actor *actor,
                       troupe_status reason);
/* A TRP_KIND_WATCH ... or EXIT that reached its base; takes the message. */
void trp_watch_signal(struct trp_base *base, troupe_msg *msg);
/* Remembers a relation; takes the notice on TROUPE_OK (else TROUPE_ENOMEM, _ELIMIT). */
troupe_status trp_relate(struct trp_base *base, struct trp_actor *actor, uint64_t id,
                         int type, troupe_msg *notice);
bool trp_unrelate(struct trp_actor *actor, uint64_t id, int type);
/* Asks `to` to remember `from` with a message that will be the notice. */
troupe_status trp_relation_ask(struct trp_base *base, uint64_t from, uint64_t to,
                               troupe_kind kind, uint64_t tag);
/* Undoes it with TRP_KIND_UNWATCH or TRP_KIND_UNLINK. */
void trp_relation_end(struct trp_base *base, uint64_t from, uint64_t to,
                      troupe_kind kind);

/* ---- dead_letters.c ---- */
void trp_dead_letter(struct trp_base *base, const troupe_msg *msg, uint64_t to,
                     troupe_drop reason);
void trp_dead_letters_forget(struct trp_base *base, uint64_t id);

/* ---- names.c ---- */
enum { TRP_NAME_RESERVED = 1 }; /* the first byte of names that only the runtime takes */
troupe_status trp_names_new(struct trp_names **out);
void trp_names_free(struct trp_names **names);
troupe_status trp_name_take(struct trp_names *names, const char *name, uint64_t id);
bool trp_name_give(struct trp_names *names, const char *name, uint64_t id);
void trp_names_forget(struct trp_names *names, uint64_t id);

/* ---- await.c ---- */
troupe_status trp_pendings_new(struct trp_pendings **out);
void trp_pendings_free(struct trp_pendings **pendings);
troupe_status trp_pending_answer(struct troupe_system *sys, uint64_t id, troupe_msg *msg);
/* Ends a wait with a failure, if need be without memory for one (TROUPE_ENOMEM then). */
void trp_pending_fail(struct troupe_system *sys, uint64_t id, troupe_status status);
void trp_pending_retarget(struct troupe_system *sys, uint64_t id, uint64_t to);
void trp_pendings_target_ended(struct troupe_system *sys, uint64_t target);
void trp_pendings_fail_all(struct troupe_system *sys, troupe_status status);
/* Those that wait for an engine which is stuck in the call of the pending `running`. */
void trp_pendings_end_calls(struct troupe_system *sys, uint64_t target, uint64_t running);
/* Runs a function on a base's thread and waits for it; at once when nothing runs there.
 */
troupe_status trp_run_on(struct troupe_system *sys, struct trp_base *base,
                         void (*run)(struct trp_base *base, void *argument),
                         void *argument);
void trp_waiter_done(struct trp_waiter *waiter);

/* ---- system.c ---- */
troupe_status trp_base_new(struct troupe_system *sys, struct trp_engine *engine,
                           struct trp_base **out);
void trp_base_free(struct trp_base **base);
/* Stops everything on a base at once, with reason TROUPE_ECLOSED. */
void trp_base_clear(struct trp_base *base);
void trp_base_end_actors(struct trp_base *base);
/* Gives up a hold on the system; the last one frees it. */
void trp_system_release(struct troupe_system *sys);
troupe_ns trp_base_step(struct trp_base *base, troupe_ns now, troupe_ns (*clock)(void));
uint64_t trp_random(struct trp_base *base);
/* Whether it had to be woken. */
static inline bool trp_wake(struct trp_base *base)
{
    if (atomic_load_explicit(&base->asleep, memory_order_seq_cst) &&
        atomic_exchange_explicit(&base->asleep, false, memory_order_seq_cst)) {
        base->wake(base);
        return true;
    }
    return false;
}

/* ---- look.c ---- */
void trp_look_init(struct trp_look *look, troupe_ns now);
/* How long to look for mail now that there is nothing to do; 0: not at all. `option` is
 * the user's: 0 leaves it to what has paid lately. */
troupe_ns trp_look_time(struct trp_look *look, troupe_ns option, troupe_ns now);
/* A look took `spent`, and found something or not. */
void trp_look_end(struct trp_look *look, troupe_ns spent, bool found);
/* Looks at the gate; true when there is mail, or `also` (may be NULL) is set. */
bool trp_look(struct trp_base *base, troupe_ns now, troupe_ns time,
              const atomic_bool *also);

/* ---- shutdown.c ---- */
troupe_status trp_shutdown_new(struct trp_shutdown **out);
void trp_shutdown_free(struct trp_shutdown **shutdown);
/* Remembers an actor spawned from outside, for the order of the end. */
troupe_status trp_shutdown_root(struct troupe_system *sys, uint64_t id);
/* A base that is stopping has no actors left. */
void trp_shutdown_empty(struct trp_base *base);
/* A TRP_KIND_SHUTDOWN, STOP_ALL or KILL_ALL that reached its base. */
void trp_shutdown_signal(struct trp_base *base, const troupe_msg *msg);

/* ---- engine.c, engine_call.c, engine_thread.c ---- */
/* Counts a message for the actor `to` into the engine's queue when it is a call of it.
 * TROUPE_OK, TROUPE_EBUSY or TROUPE_ECLOSED. Any thread. */
troupe_status trp_engine_admit(struct trp_base *base, uint64_t to, troupe_msg *msg);
/* The message could not be sent after all. Any thread. */
void trp_engine_refused(struct trp_base *base, troupe_msg *msg);
/* A counted call leaves the queue without having run. The engine's thread. */
void trp_engine_dropped(struct trp_base *base, troupe_msg *msg);
/* Nanoseconds since a counted call was submitted. */
uint64_t trp_engine_waited(const struct trp_base *base, const troupe_msg *msg);
/* Runs a call on the engine's own thread, inside another call. Takes msg on TROUPE_OK. */
troupe_status trp_engine_inline(struct trp_base *here, uint64_t to, troupe_msg **msg,
                                troupe_msg **answer);
/* The end of a pass: what the engine held back, and its own end when it drains. */
void trp_engine_rest(struct trp_base *base);
void trp_engine_wake(struct trp_base *base);
/* Interrupts the running call of an engine base, if it can; or only that of an asker. */
void trp_engine_interrupt(struct trp_base *base);
void trp_engine_cancel_running(struct trp_base *base, uint64_t asker);
/* After `finished`: joins the thread of an engine base, or abandons it when its call does
 * not return; then it holds the system, and releases it when it ends. */
void trp_engine_end(struct trp_base *base);
void trp_engine_free(struct trp_engine **engine);

/* ---- clock.c ---- */
troupe_ns trp_clock(void);

/* Tells the processor that a loop waits for another thread. It takes up to 45 ns, so a
 * loop that must answer soon says it seldom. */
enum { TRP_PAUSE_EVERY = 8 };

static inline void trp_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* ---- log.c ---- */
void trp_log(struct trp_base *base, troupe_log_level level, const char *event,
             const char *format, ...) TROUPE_PRINTF(4, 5);

/* ---- base.c ---- */
void trp_loops_free(struct troupe_system *sys);

/* ---- for transports (base.c) ---- */
/* The libevent base of the loop that runs self, or NULL in a simulation. */
struct event_base *trp_event_base(troupe_self *self);
/* Tells an actor of this base something from a loop callback: never refused, no sender.
 * Returns TROUPE_OK, TROUPE_EGONE or TROUPE_ENOMEM. */
troupe_status trp_io_signal(struct trp_base *base, troupe_id to, troupe_kind kind,
                            uint64_t tag);

/* Somebody on a socket was written to, and may answer soon. */
static inline void trp_base_wrote(struct trp_base *base)
{
    base->look.wrote = true;
}

static inline struct trp_base *trp_base_of(troupe_self *self)
{
    return self->base;
}

#endif
