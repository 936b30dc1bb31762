/* SPDX-License-Identifier: MIT
 * bench_messages.c - workloads on one base: how dear is a message, an actor, an answer.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

enum { KIND_MEET = BENCH_KINDS, KIND_PING, KIND_PONG, KIND_QUESTION, KIND_LINK_UP };

static struct bench_result *report;

/* ---- pingpong and ring: a token goes round ---- */

struct hop {
    troupe_id next;
    uint64_t size; /* of the run, in the first */
};

static troupe_status link_up(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    memcpy(&((struct hop *)state)->next, troupe_msg_body(*msg), sizeof(troupe_id));
    return TROUPE_OK;
}

static __attribute__((noinline)) troupe_status first_hop(troupe_self *self,
                                                         const struct hop *hop)
{
    troupe_msg *token = bench_message(BENCH_TOKEN, hop->size);

    bench_begin(report);
    return troupe_tell(self, hop->next, &token);
}

static troupe_status hop_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct hop *hop = state;

    if (troupe_msg_kind(*msg) != BENCH_TOKEN) {
        return troupe_msg_kind(*msg) == BENCH_GO ? first_hop(self, hop)
                                                 : link_up(self, state, msg);
    }
    uint64_t *left = troupe_msg_body(*msg);
    if (--*left == 0) {
        return bench_finish(self, report, report->messages);
    }
    return troupe_tell(self, hop->next, msg);
}

static troupe_status hop_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct hop *)state = *(const struct hop *)args;
    return TROUPE_OK;
}

static const troupe_behavior hop_behavior = {.name = "hop",
                                             .state_size = sizeof(struct hop),
                                             .start = hop_start,
                                             .receive = hop_receive};

static int go_round(uint64_t size, unsigned actors, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    struct hop hop = {.size = size};
    troupe_id first = {0};

    report = out;
    out->messages = size;
    for (unsigned i = 0; i < actors; i++) {
        troupe_id id = bench_spawn(sys, &hop_behavior, &hop, 0);
        first = i == 0 ? id : first;
        hop.next = id;
    }
    troupe_msg *link = NULL;
    bench_must(troupe_msg_new(KIND_LINK_UP, sizeof(hop.next), &link), "a message");
    memcpy(troupe_msg_body(link), &hop.next, sizeof(hop.next));
    bench_must(troupe_post(sys, first, &link), "a link");
    bench_go(sys, first);
    bench_run(sys);
    return 0;
}

static int run_pingpong(uint64_t size, struct bench_result *out)
{
    return go_round(size, 2, out);
}

static int run_ring(uint64_t size, struct bench_result *out)
{
    return go_round(size, 100, out);
}

/* ---- count and fanin: producers that stop when the mailbox is full ---- */

struct producer {
    troupe_id sink;
    uint64_t left;
};

struct sink {
    uint64_t seen, wanted;
};

static troupe_status produce(troupe_self *self, void *state, troupe_msg **msg)
{
    struct producer *producer = state;

    (void)msg;
    while (producer->left != 0) {
        troupe_msg *next = bench_message(BENCH_TOKEN, producer->left);
        troupe_status status = troupe_tell(self, producer->sink, &next);
        if (status == TROUPE_EBUSY) {
            troupe_msg_free(&next);
            return troupe_tell_when_room(self, producer->sink, 0);
        }
        bench_must(status, "telling");
        producer->left--;
    }
    return TROUPE_OK;
}

static troupe_status producer_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct producer *)state = *(const struct producer *)args;
    return TROUPE_OK;
}

static const troupe_behavior producer_behavior = {.name = "producer",
                                                  .state_size = sizeof(struct producer),
                                                  .start = producer_start,
                                                  .receive = produce};

static troupe_status sink_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct sink *sink = state;

    (void)msg;
    return ++sink->seen == sink->wanted ? bench_finish(self, report, sink->wanted)
                                        : TROUPE_OK;
}

static troupe_status sink_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    ((struct sink *)state)->wanted = *(const uint64_t *)args;
    return TROUPE_OK;
}

static const troupe_behavior sink_behavior = {.name = "sink",
                                              .state_size = sizeof(struct sink),
                                              .start = sink_start,
                                              .receive = sink_receive};

static int produce_from(uint64_t size, unsigned producers, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    uint64_t each = size / producers != 0 ? size / producers : 1;
    uint64_t wanted = each * producers;
    struct producer producer = {bench_spawn(sys, &sink_behavior, &wanted, 0), each};

    report = out;
    for (unsigned i = 0; i < producers; i++) {
        bench_go(sys, bench_spawn(sys, &producer_behavior, &producer, 0));
    }
    bench_begin(out);
    bench_run(sys);
    return 0;
}

static int run_count(uint64_t size, struct bench_result *out)
{
    return produce_from(size, 1, out);
}

static int run_fanin(uint64_t size, struct bench_result *out)
{
    return produce_from(size, 100, out);
}

/* ---- fanout: one source, 100 sinks, a round a handler ---- */

enum { SINKS = 100 };

struct source {
    troupe_id sinks[SINKS];
    uint64_t left;
};

static troupe_status quiet(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behavior quiet_behavior = {.name = "quiet", .receive = quiet};

static troupe_status source_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct source *source = state;

    for (unsigned i = 0; i < SINKS; i++) {
        troupe_msg *token = bench_message(BENCH_TOKEN, i);
        bench_must(troupe_tell(self, source->sinks[i], &token), "telling");
    }
    source->left -= source->left < SINKS ? source->left : SINKS;
    if (source->left == 0) {
        return bench_finish(self, report, report->messages);
    }
    return troupe_tell(self, troupe_self_id(self), msg);
}

static troupe_status source_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct source *)state = *(const struct source *)args;
    return TROUPE_OK;
}

static const troupe_behavior source_behavior = {.name = "source",
                                                .state_size = sizeof(struct source),
                                                .start = source_start,
                                                .receive = source_receive};

static int run_fanout(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    struct source source = {.left = size};

    for (unsigned i = 0; i < SINKS; i++) {
        source.sinks[i] = bench_spawn(sys, &quiet_behavior, NULL, 0);
    }
    report = out;
    out->messages = size;
    bench_go(sys, bench_spawn(sys, &source_behavior, &source, 0));
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- spawn: an actor is made, told once, tells once, ends ---- */

static troupe_status ephemeral(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    troupe_id collector;
    memcpy(&collector, troupe_msg_body(*msg), sizeof(collector));
    bench_must(troupe_tell(self, collector, msg), "telling");
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static const troupe_behavior ephemeral_behavior = {.name = "ephemeral",
                                                   .receive = ephemeral};

struct spawner {
    troupe_id collector;
    uint64_t left;
};

enum { SPAWN_SLICE = 64 };

static troupe_status spawner_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct spawner *spawner = state;

    for (unsigned i = 0; i < SPAWN_SLICE && spawner->left != 0; i++) {
        troupe_id child;
        troupe_msg *hello = bench_message(BENCH_TOKEN, spawner->collector.bits);
        bench_must(troupe_spawn(self, &ephemeral_behavior, NULL, NULL, &child),
                   "a spawn");
        bench_must(troupe_tell(self, child, &hello), "telling");
        spawner->left--;
    }
    return spawner->left != 0 ? troupe_tell(self, troupe_self_id(self), msg) : TROUPE_OK;
}

static troupe_status spawner_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct spawner *)state = *(const struct spawner *)args;
    return TROUPE_OK;
}

static const troupe_behavior spawner_behavior = {.name = "spawner",
                                                 .state_size = sizeof(struct spawner),
                                                 .start = spawner_start,
                                                 .receive = spawner_receive};

static int run_spawn(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    struct spawner spawner = {bench_spawn(sys, &sink_behavior, &size, 0), size};

    report = out;
    bench_go(sys, bench_spawn(sys, &spawner_behavior, &spawner, 0));
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- memory: idle actors ---- */

static troupe_status nursery(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)msg;
    uint64_t wanted = *(const uint64_t *)state;
    size_t before = bench_resident();
    for (uint64_t i = 0; i < wanted; i++) {
        bench_must(troupe_spawn(self, &quiet_behavior, NULL, NULL, NULL), "a spawn");
    }
    report->bytes_each = (double)(bench_resident() - before) / (double)wanted;
    bench_end(report, wanted);
    troupe_system_shutdown(troupe_self_system(self), 0);
    return TROUPE_OK;
}

static troupe_status nursery_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(uint64_t *)state = *(const uint64_t *)args;
    return TROUPE_OK;
}

static const troupe_behavior nursery_behavior = {.name = "nursery",
                                                 .state_size = sizeof(uint64_t),
                                                 .start = nursery_start,
                                                 .receive = nursery};

static int run_mem(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);

    report = out;
    bench_go(sys, bench_spawn(sys, &nursery_behavior, &size, 0));
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- chameneos: 100 creatures meet in a mall, 4 messages a meeting ---- */

enum { CREATURES = 100 };

struct mall {
    uint64_t left;
    troupe_id waiting;
};

static troupe_status mall_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct mall *mall = state;
    troupe_id from = troupe_msg_from(*msg);

    if (mall->left == 0) {
        return TROUPE_OK;
    }
    if (troupe_id_is_nobody(mall->waiting)) {
        mall->waiting = from;
        return TROUPE_OK;
    }
    troupe_msg *other = bench_message(KIND_MEET, 1);
    troupe_id first = mall->waiting;
    mall->waiting = TROUPE_NOBODY;
    bench_must(troupe_tell(self, first, &other), "telling");
    bench_must(troupe_tell(self, from, msg), "telling");
    return --mall->left == 0 ? bench_finish(self, report, report->messages) : TROUPE_OK;
}

static troupe_status mall_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    ((struct mall *)state)->left = *(const uint64_t *)args;
    return TROUPE_OK;
}

static const troupe_behavior mall_behavior = {.name = "mall",
                                              .state_size = sizeof(struct mall),
                                              .start = mall_start,
                                              .receive = mall_receive};

static troupe_status creature(troupe_self *self, void *state, troupe_msg **msg)
{
    return troupe_tell(self, *(const troupe_id *)state, msg);
}

static troupe_status creature_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(troupe_id *)state = *(const troupe_id *)args;
    return TROUPE_OK;
}

static const troupe_behavior creature_behavior = {.name = "creature",
                                                  .state_size = sizeof(troupe_id),
                                                  .start = creature_start,
                                                  .receive = creature};

static int run_chameneos(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    uint64_t meetings = size / 4 != 0 ? size / 4 : 1;
    troupe_id mall = bench_spawn(sys, &mall_behavior, &meetings, 0);

    report = out;
    out->messages = meetings * 4;
    for (unsigned i = 0; i < CREATURES; i++) {
        bench_go(sys, bench_spawn(sys, &creature_behavior, &mall, 0));
    }
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- big: 120 actors ping others at random, one outstanding each ---- */

enum { BIG = 120 };

struct big {
    uint64_t left;
};

static troupe_id big_ids[BIG];
static unsigned big_running;

static troupe_status big_next(troupe_self *self, struct big *big, troupe_msg **msg)
{
    if (big->left-- == 0) {
        return --big_running == 0 ? bench_finish(self, report, report->messages)
                                  : TROUPE_OK;
    }
    troupe_msg_set_kind(*msg, KIND_PING);
    return troupe_tell(self, big_ids[troupe_random(self) % BIG], msg);
}

static troupe_status big_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    if (troupe_msg_kind(*msg) == KIND_PING) {
        troupe_msg_set_kind(*msg, KIND_PONG);
        return troupe_tell(self, troupe_msg_from(*msg), msg);
    }
    return big_next(self, state, msg);
}

static troupe_status big_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    ((struct big *)state)->left = *(const uint64_t *)args;
    return TROUPE_OK;
}

static const troupe_behavior big_behavior = {.name = "big",
                                             .state_size = sizeof(struct big),
                                             .start = big_start,
                                             .receive = big_receive};

static int run_big(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    uint64_t pings = size / (2 * BIG) != 0 ? size / (2 * BIG) : 1;

    report = out;
    out->messages = pings * 2 * BIG;
    big_running = BIG;
    for (unsigned i = 0; i < BIG; i++) {
        big_ids[i] = bench_spawn(sys, &big_behavior, &pings, 0);
    }
    for (unsigned i = 0; i < BIG; i++) {
        bench_go(sys, big_ids[i]);
    }
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- ask: one future round trip after the other ---- */

static troupe_status answerer(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_msg *answer = bench_message(BENCH_TOKEN, 1);

    (void)state;
    return troupe_reply(self, *msg, &answer);
}

static const troupe_behavior answerer_behavior = {.name = "answerer",
                                                  .receive = answerer};

static troupe_status asker(troupe_self *self, void *state, troupe_msg **msg)
{
    struct spawner *asker_state = state;

    (void)msg;
    if (asker_state->left-- == 0) {
        return bench_finish(self, report, report->messages);
    }
    troupe_msg *question = bench_message(KIND_QUESTION, 1);
    return troupe_ask(self, asker_state->collector, &question, TROUPE_S(5), 0, NULL);
}

static const troupe_behavior asker_behavior = {.name = "asker",
                                               .state_size = sizeof(struct spawner),
                                               .start = spawner_start,
                                               .receive = asker};

static int run_ask(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);
    struct spawner state = {bench_spawn(sys, &answerer_behavior, NULL, 0), size};

    report = out;
    out->messages = size;
    bench_go(sys, bench_spawn(sys, &asker_behavior, &state, 0));
    bench_begin(out);
    bench_run(sys);
    return 0;
}

const struct bench_workload bench_messages[] = {
    {"pingpong", 2000000, run_pingpong, "two actors, one message to and fro"},
    {"ring", 2000000, run_ring, "100 actors in a ring, one token"},
    {"count", 2000000, run_count,
     "one producer, one counter, as fast as the bound allows"},
    {"fanin", 2000000, run_fanin, "100 producers, one counter"},
    {"fanout", 2000000, run_fanout, "one source, 100 sinks"},
    {"chameneos", 1000000, run_chameneos, "100 creatures meet in a mall"},
    {"big", 1000000, run_big, "120 actors, random pings, one outstanding each"},
    {"ask", 500000, run_ask, "sequential asks with a time limit"},
    {"spawn", 300000, run_spawn, "spawn, one message in, one out, end"},
    {"mem", 300000, run_mem, "resident bytes per idle actor"},
    {NULL, 0, NULL, NULL},
};
