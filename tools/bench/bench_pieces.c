/* SPDX-License-Identifier: MIT
 * bench_pieces.c - timers, topics, and the price of a trace record. */
#include <stdlib.h>
#include <string.h>

#include <troupe/subscription.h>

#include "tools/bench/bench.h"

enum { KIND_NEWS = BENCH_KINDS, SUBSCRIBERS = 10000 };

static struct bench_result *report;
static uint64_t wanted;

static void run_actor(const troupe_behavior *behavior, uint64_t size,
                      struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);

    report = out;
    wanted = size;
    bench_go(sys, bench_spawn(sys, behavior, NULL, 0));
    bench_run(sys);
}

/* ---- timers ---- */

static troupe_timer *set_many(troupe_self *self, troupe_ns within)
{
    troupe_timer *timers = calloc(wanted, sizeof(*timers));

    bench_must(timers != NULL ? TROUPE_OK : TROUPE_ENOMEM, "memory");
    for (uint64_t i = 0; i < wanted; i++) {
        troupe_ns delay = (troupe_ns)(troupe_random(self) % (uint64_t)within);
        bench_must(troupe_after(self, delay, 0, i, &timers[i]), "a timer");
    }
    return timers;
}

static troupe_status adds(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state, (void)msg;
    bench_begin(report);
    troupe_timer *timers = set_many(self, TROUPE_S(3600));
    troupe_status status = bench_finish(self, report, wanted);
    free(timers);
    return status;
}

static troupe_status cancels(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state, (void)msg;
    troupe_timer *timers = set_many(self, TROUPE_S(3600));
    bench_begin(report);
    for (uint64_t i = 0; i < wanted; i++) {
        bench_must(troupe_timer_cancel(self, timers[i]), "a cancel");
    }
    free(timers);
    return bench_finish(self, report, wanted);
}

struct firing {
    uint64_t fired;
};

static troupe_status fires(troupe_self *self, void *state, troupe_msg **msg)
{
    struct firing *firing = state;

    if (troupe_msg_kind(*msg) == BENCH_GO) {
        bench_begin(report);
        free(set_many(self, TROUPE_S(1)));
        return TROUPE_OK;
    }
    return ++firing->fired == wanted ? bench_finish(self, report, wanted) : TROUPE_OK;
}

static const troupe_behavior adds_behavior = {.name = "timers", .receive = adds};
static const troupe_behavior cancels_behavior = {.name = "timers", .receive = cancels};
static const troupe_behavior fires_behavior = {
    .name = "timers", .state_size = sizeof(struct firing), .receive = fires};

static int run_timer_add(uint64_t size, struct bench_result *out)
{
    run_actor(&adds_behavior, size, out);
    return 0;
}

static int run_timer_del(uint64_t size, struct bench_result *out)
{
    run_actor(&cancels_behavior, size, out);
    return 0;
}

static int run_timerfire(uint64_t size, struct bench_result *out)
{
    run_actor(&fires_behavior, size, out);
    return 0;
}

/* ---- topics ---- */

static uint64_t read_so_far;

static troupe_status reader(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state, (void)msg;
    return ++read_so_far == report->messages ? bench_finish(self, report, read_so_far)
                                             : TROUPE_OK;
}

static troupe_status reader_start(troupe_self *self, void *state, const void *args)
{
    (void)state, (void)args;
    return troupe_topic_subscribe(self, "bench", 0);
}

static const troupe_behavior reader_behavior = {
    .name = "reader", .start = reader_start, .receive = reader};

struct publisher {
    uint64_t left;
    troupe_id topic;
};

/* One publication a handler; the next when the topic has spread this one. */
static troupe_status publish(troupe_self *self, void *state, troupe_msg **msg)
{
    struct publisher *publisher = state;
    troupe_msg *news = NULL;

    if (publisher->left == 0) {
        return TROUPE_OK;
    }
    bench_must(troupe_msg_new(KIND_NEWS, 8, &news), "a message");
    memset(troupe_msg_body(news), 0, 8);
    troupe_status status = troupe_tell(self, publisher->topic, &news);
    if (status == TROUPE_EBUSY) {
        troupe_msg_free(&news);
        return troupe_tell_when_room(self, publisher->topic, 0);
    }
    bench_must(status, "publishing");
    publisher->left--;
    return troupe_tell(self, troupe_self_id(self), msg);
}

static troupe_status publisher_start(troupe_self *self, void *state, const void *args)
{
    struct publisher *publisher = state;

    (void)args;
    publisher->left = wanted;
    return troupe_topic(self, "bench", &publisher->topic);
}

static const troupe_behavior publisher_behavior = {.name = "publisher",
                                                   .state_size = sizeof(struct publisher),
                                                   .start = publisher_start,
                                                   .receive = publish};

static int run_pubsub(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(1, 0);

    report = out;
    wanted = size / SUBSCRIBERS != 0 ? size / SUBSCRIBERS : 1;
    out->messages = wanted * SUBSCRIBERS;
    read_so_far = 0;
    for (unsigned i = 0; i < SUBSCRIBERS; i++) {
        (void)bench_spawn(sys, &reader_behavior, NULL, 0);
    }
    bench_go(sys, bench_spawn(sys, &publisher_behavior, NULL, 0));
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- tracing: the application's mark is one record and nothing else ---- */

static troupe_status marks(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state, (void)msg;
    bench_begin(report);
    for (uint64_t i = 0; i < wanted; i++) {
        troupe_mark(self, 1, (uint32_t)i);
    }
    return bench_finish(self, report, wanted);
}

static const troupe_behavior marks_behavior = {.name = "marks", .receive = marks};

static int run_marks(const char *mode, uint64_t size, struct bench_result *out)
{
    const char *before = bench_trace;

    bench_trace = mode;
    run_actor(&marks_behavior, size, out);
    bench_trace = before;
    return 0;
}

static int run_trace_on(uint64_t size, struct bench_result *out)
{
    return run_marks("ring", size, out);
}

static int run_trace_off(uint64_t size, struct bench_result *out)
{
    return run_marks("off", size, out);
}

const struct bench_workload bench_pieces[] = {
    {"timer_add", 1000000, run_timer_add, "set timers within an hour"},
    {"timer_del", 1000000, run_timer_del, "cancel them"},
    {"timerfire", 300000, run_timerfire, "timers within a second, all fire"},
    {"pubsub", 2000000, run_pubsub, "one topic, 10 000 subscribers; counts deliveries"},
    {"trace_on", 10000000, run_trace_on, "trace records, recording"},
    {"trace_off", 10000000, run_trace_off, "trace records, off"},
    {NULL, 0, NULL, NULL},
};
