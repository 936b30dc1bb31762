/* SPDX-License-Identifier: MIT
 * bench.h - what a workload is and what it reports. */
#ifndef TRP_TOOLS_BENCH_H
#define TRP_TOOLS_BENCH_H

#include <stdint.h>
#include <stdio.h>

#include <troupe/q.h>
#include <troupe/troupe.h>

/* What one run of a workload measured. Figures that do not apply are 0. */
struct bench_result {
    uint64_t messages;  /* what the rate counts, see the table of workloads */
    double seconds;     /* wall */
    double cpu_seconds; /* user and system, whole process */
    double bytes_each;  /* resident bytes per actor */
    double p50_ns, p99_ns;
    double ratio; /* against the baseline of the same run */
    const char *ratio_to;
    uint64_t bytes; /* moved in `best` seconds, the best of several rounds */
    double best;
    double target;      /* of the ratio; 0: none */
    bool at_most;       /* the ratio must not be above it; else not below */
    double rate_target; /* messages a second, not fewer; 0: none */
};

struct bench_workload {
    const char *name;
    uint64_t size; /* by default */
    int (*run)(uint64_t size, struct bench_result *out);
    const char *text;
};

extern const struct bench_workload bench_messages[];
extern const struct bench_workload bench_threads[];
extern const struct bench_workload bench_engine[];
extern const struct bench_workload bench_pieces[];
extern const struct bench_workload bench_q[];
extern const struct bench_workload bench_q_wire[];

/* ---- for workloads ---- */

/* Makes a system; the trace mode is that of the command line (off by default). */
troupe_system *bench_system(uint32_t bases, troupe_ns spin);

/* Spawns or ends the program with a sentence. */
troupe_id bench_spawn(troupe_system *sys, const troupe_behavior *behavior,
                      const void *args, uint32_t base);

enum { BENCH_GO = TROUPE_KIND_USER, BENCH_TOKEN, BENCH_KINDS };

/* A message with a number in it; and BENCH_GO, posted. */
troupe_msg *bench_message(troupe_kind kind, uint64_t value);
void bench_go(troupe_system *sys, troupe_id to);

/* Stops the clocks and ends the system of the actor that has seen the last message. */
troupe_status bench_finish(troupe_self *self, struct bench_result *result,
                           uint64_t messages);

/* Starts and stops the clocks around what is measured. */
void bench_begin(struct bench_result *result);
void bench_end(struct bench_result *result, uint64_t messages);

/* Runs the system until it is shut down by the workload, and frees it. */
void bench_run(troupe_system *sys);

/* Round trips are timed ten at a time: begin for at most `size` of them, call
 * bench_sample after each, end stores p50 and p99. */
void bench_samples_begin(uint64_t size);
void bench_sample(int64_t *since, unsigned *in_sample);
void bench_samples_end(struct bench_result *result);

/* How long spinning variants look for mail before they sleep. */
#define BENCH_SPIN TROUPE_US(20)

int64_t bench_clock(void);
size_t bench_resident(void);

/* (`upd; `trade; (1; `s1; 1.5)), the small message. */
troupe_q_value *bench_q_update(void);

/* Ends the program: a benchmark that cannot run has nothing to report. */
void bench_must(troupe_status status, const char *what);

extern const char *bench_trace;

#endif
