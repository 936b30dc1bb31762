/* SPDX-License-Identifier: MIT
 * sim.h - one simulated system, a clock only the test moves, and probes: actors that
 * remember what they were told and do what the test says. */
#ifndef TRP_TESTS_SIM_H
#define TRP_TESTS_SIM_H

#include <troupe/future.h>
#include <troupe/subscription.h>
#include <troupe/system.h>

#include "tests/support/suite.h"

enum {
    KIND_DO = TROUPE_KIND_USER + 0xf00, /* a probe runs a function of the test */
    KIND_A = TROUPE_KIND_USER + 1,
    KIND_B,
    KIND_C,
    KIND_CRASH /* a probe ends with the status in the tag */
};

/* Adds a test that runs with three orders of ready actors; `begin(_i)` takes the seed. */
#define ADD(tcase, test) tcase_add_loop_test(tcase, test, 0, 3)

extern troupe_system *sim;

void sim_begin(int seed);
void sim_begin_with(troupe_options options); /* simulated is set here */
/* Checks the accounts and frees the system and the probes. */
void sim_end(void);

troupe_ns sim_now(void);
void settle(void);            /* runs what can run now */
void run_for(troupe_ns span); /* moves the clock from one due time to the next */
void run_until(troupe_ns when);

struct heard {
    troupe_kind kind;
    uint64_t tag;
    troupe_id from;
    troupe_status status; /* of a failure, a DOWN or an EXIT */
    troupe_id who;        /* of a DOWN or an EXIT */
    bool answer, wants_answer;
    size_t size;
    char bytes[160]; /* the beginning of the body; a failure's text */
    troupe_ns when;
};

struct probe {
    troupe_behavior behavior; /* change it between probe_make and probe_start */
    troupe_id id;
    bool started, ended;
    troupe_status reason;
    troupe_status start_with; /* what start returns */
    unsigned starts, ends;    /* times that start and stop were called */
    troupe_receive hook;      /* after remembering; may be NULL */
    void *context;            /* the test's own */
    struct heard *heard;
    size_t count, capacity;
    struct probe *next;
};

struct probe *probe_make(void);
void probe_start(struct probe *probe);
troupe_status probe_try_start(struct probe *probe, const troupe_spawn_options *options);
struct probe *probe_new(void);                          /* both */
struct probe *probe_of(troupe_self *self, void *state); /* in a hook */

/* How many messages of a kind, and the n-th (from 0) of them; it must be there. */
size_t heard_count(const struct probe *probe, troupe_kind kind);
const struct heard *heard_nth(const struct probe *probe, troupe_kind kind, size_t n);
const struct heard *heard_last(const struct probe *probe);
void forget(struct probe *probe);

/* Runs `what` in the probe's turn, and all that follows from it; returns what it says. */
typedef troupe_status (*act_fn)(troupe_self *self, void *argument);
troupe_status act(struct probe *probe, act_fn what, void *argument);

/* The calls of the API, made by a probe. */
troupe_status act_spawn(struct probe *by, struct probe *child,
                        const troupe_spawn_options *options);
troupe_status act_tell(struct probe *probe, troupe_id to, troupe_kind kind, uint64_t tag);
troupe_status act_ask(struct probe *probe, troupe_id to, troupe_kind kind,
                      troupe_ns timeout, uint64_t tag, troupe_future *out);
troupe_status act_watch(struct probe *probe, troupe_id target);
void act_unwatch(struct probe *probe, troupe_id target);
troupe_status act_link(struct probe *probe, troupe_id target);
void act_unlink(struct probe *probe, troupe_id target);
troupe_status act_stop(struct probe *probe, troupe_id target);
troupe_status act_kill(struct probe *probe, troupe_id target);
void act_exit(struct probe *probe, troupe_status reason);
troupe_status act_after(struct probe *probe, troupe_ns delay, troupe_kind kind,
                        uint64_t tag, troupe_timer *out);
troupe_status act_every(struct probe *probe, troupe_ns period, troupe_kind kind,
                        uint64_t tag, troupe_timer *out);

/* Tells `count` messages in one turn; returns how many were accepted. */
size_t act_flood(struct probe *probe, troupe_id to, troupe_kind kind, size_t count);

/* From outside. */
void post(troupe_id to, troupe_kind kind, uint64_t tag);
void crash(struct probe *probe, troupe_status reason);

troupe_stats stats(void);
void check_accounts(void);

#endif
