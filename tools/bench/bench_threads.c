/* SPDX-License-Identifier: MIT
 * bench_threads.c - workloads between two bases. */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

static struct bench_result *report;

/* ---- xcount: a stream from one base to another ---- */

struct stream {
    troupe_id sink;
    uint64_t left;
};

static troupe_status stream_out(troupe_self *self, void *state, troupe_msg **msg)
{
    struct stream *stream = state;

    for (unsigned i = 0; i < 64 && stream->left != 0; i++) {
        troupe_msg *token = bench_message(BENCH_TOKEN, stream->left);
        troupe_status status = troupe_tell(self, stream->sink, &token);
        if (status == TROUPE_EBUSY) { /* the door is full: look again in a little while */
            troupe_msg_free(&token);
            return troupe_after(self, TROUPE_US(50), BENCH_GO, 0, NULL);
        }
        bench_must(status, "telling");
        stream->left--;
    }
    if (stream->left == 0) {
        return TROUPE_OK;
    }
    troupe_msg_set_kind(*msg, BENCH_GO);
    return troupe_tell(self, troupe_self_id(self), msg);
}

static troupe_status stream_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct stream *)state = *(const struct stream *)args;
    return TROUPE_OK;
}

static const troupe_behavior stream_behavior = {.name = "stream",
                                                .state_size = sizeof(struct stream),
                                                .start = stream_start,
                                                .receive = stream_out};

struct counter {
    uint64_t seen, wanted;
};

static troupe_status count(troupe_self *self, void *state, troupe_msg **msg)
{
    struct counter *counter = state;

    (void)msg;
    return ++counter->seen == counter->wanted
               ? bench_finish(self, report, counter->wanted)
               : TROUPE_OK;
}

static troupe_status counter_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    ((struct counter *)state)->wanted = *(const uint64_t *)args;
    return TROUPE_OK;
}

static const troupe_behavior counter_behavior = {.name = "counter",
                                                 .state_size = sizeof(struct counter),
                                                 .start = counter_start,
                                                 .receive = count,
                                                 .mailbox_limit = 1u << 31};

static int run_xcount(uint64_t size, struct bench_result *out)
{
    troupe_system *sys = bench_system(2, 0);
    struct stream stream = {bench_spawn(sys, &counter_behavior, &size, 1), size};

    report = out;
    bench_go(sys, bench_spawn(sys, &stream_behavior, &stream, 2));
    bench_begin(out);
    bench_run(sys);
    return 0;
}

/* ---- xping: there and back between two bases; samples of ten round trips ---- */

struct pinger {
    troupe_id other;
    uint64_t left;
    int64_t since;
    unsigned in_sample;
};

static troupe_status ping(troupe_self *self, void *state, troupe_msg **msg)
{
    struct pinger *pinger = state;

    if (troupe_msg_kind(*msg) == BENCH_GO) {
        pinger->since = bench_clock();
        troupe_msg_set_kind(*msg, BENCH_TOKEN);
    } else {
        bench_sample(&pinger->since, &pinger->in_sample);
    }
    return pinger->left-- == 0 ? bench_finish(self, report, report->messages)
                               : troupe_tell(self, pinger->other, msg);
}

static troupe_status pong(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    return troupe_tell(self, troupe_msg_from(*msg), msg);
}

static troupe_status pinger_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct pinger *)state = *(const struct pinger *)args;
    return TROUPE_OK;
}

static const troupe_behavior pinger_behavior = {.name = "pinger",
                                                .state_size = sizeof(struct pinger),
                                                .start = pinger_start,
                                                .receive = ping};
static const troupe_behavior pong_behavior = {.name = "ponger", .receive = pong};

static int run_ping_between(uint64_t size, troupe_ns spin, struct bench_result *out)
{
    troupe_system *sys = bench_system(2, spin);
    struct pinger pinger = {.other = bench_spawn(sys, &pong_behavior, NULL, 2),
                            .left = size};

    bench_samples_begin(size);
    report = out;
    out->messages = 2 * size;
    bench_go(sys, bench_spawn(sys, &pinger_behavior, &pinger, 1));
    bench_begin(out);
    bench_run(sys);
    bench_samples_end(out);
    return 0;
}

static int run_xping(uint64_t size, struct bench_result *out)
{
    return run_ping_between(size, TROUPE_NO_SPIN, out);
}

static int run_xping_spin(uint64_t size, struct bench_result *out)
{
    return run_ping_between(size, BENCH_SPIN, out);
}

const struct bench_workload bench_threads[] = {
    {"xcount", 1000000, run_xcount, "a stream between two bases"},
    {"xping", 10000, run_xping, "there and back between two bases, both asleep between"},
    {"xping_spin", 100000, run_xping_spin, "the same, looking 20 us before they sleep"},
    {NULL, 0, NULL, NULL},
};
