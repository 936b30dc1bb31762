/* SPDX-License-Identifier: MIT
 * bench_engine.c - calls into an empty engine on its own thread. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

enum { CALLERS = 20, IN_FLIGHT = 64 };

static struct bench_result *report;

/* ---- exec: an actor calls the engine, awaits, repeats; or keeps many in flight ---- */

static troupe_id open_null(troupe_system *sys, troupe_ns spin)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_id engine = {0};

    options.spin = spin;
    bench_must(troupe_engine_open(sys, &troupe_engine_null, &options, &engine),
               "opening the engine");
    return engine;
}

struct caller {
    troupe_id engine;
    int64_t since; /* when the sample began */
    unsigned in_sample;
    uint64_t to_send, to_come;
    unsigned in_flight;
};

static troupe_status call(troupe_self *self, struct caller *caller)
{
    troupe_msg *question = bench_message(BENCH_TOKEN, 1);

    caller->to_send--;
    return troupe_ask(self, caller->engine, &question, TROUPE_NEVER, 0, NULL);
}

static troupe_status caller_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct caller *caller = state;
    troupe_status status = TROUPE_OK;

    if (troupe_msg_kind(*msg) == BENCH_GO) {
        caller->since = bench_clock();
        for (unsigned i = 0; i < caller->in_flight && status == TROUPE_OK; i++) {
            status = call(self, caller);
        }
        return status;
    }
    bench_must(troupe_msg_status(*msg), "a call");
    if (caller->in_flight == 1) {
        bench_sample(&caller->since, &caller->in_sample);
    }
    if (--caller->to_come == 0) {
        bench_end(report, report->messages);
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(10));
        return TROUPE_OK;
    }
    return caller->to_send != 0 ? call(self, caller) : TROUPE_OK;
}

static troupe_status caller_start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(struct caller *)state = *(const struct caller *)args;
    return TROUPE_OK;
}

static const troupe_behavior caller_behavior = {.name = "caller",
                                                .state_size = sizeof(struct caller),
                                                .start = caller_start,
                                                .receive = caller_receive};

static int run_calls(uint64_t size, unsigned in_flight, troupe_ns spin,
                     struct bench_result *out)
{
    troupe_system *sys = bench_system(1, spin);
    uint64_t calls = size > in_flight ? size : in_flight;
    struct caller caller = {.to_send = calls, .to_come = calls, .in_flight = in_flight};

    caller.engine = open_null(sys, spin);
    bench_samples_begin(calls);
    report = out;
    out->messages = calls;
    troupe_msg *go = bench_message(BENCH_GO, 0);
    bench_must(troupe_post(sys, bench_spawn(sys, &caller_behavior, &caller, 1), &go),
               "a start");
    bench_begin(out);
    bench_run(sys);
    bench_samples_end(out);
    return 0;
}

static int run_exec(uint64_t size, struct bench_result *out)
{
    return run_calls(size, 1, TROUPE_NO_SPIN, out);
}

static int run_exec_spin(uint64_t size, struct bench_result *out)
{
    return run_calls(size, 1, BENCH_SPIN, out);
}

static int run_exec_look(uint64_t size, struct bench_result *out)
{
    return run_calls(size, 1, 0, out);
}

static int run_exec_many(uint64_t size, struct bench_result *out)
{
    return run_calls(size, IN_FLIGHT, 0, out);
}

/* ---- exec_threads: 20 threads block on their answers; beside it a plain queue ---- */

struct plain_call {
    struct plain_call *next;
    pthread_cond_t answered;
    bool done;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct plain_call *first, **last;
    bool over;
} plain;

/* What one would write without Troupe: a list under a mutex, a condition for each call.
 */
static void *plain_engine(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&plain.lock);
    while (!plain.over || plain.first != NULL) {
        struct plain_call *next = plain.first;
        if (next == NULL) {
            (void)pthread_cond_wait(&plain.arrived, &plain.lock);
            continue;
        }
        plain.first = next->next;
        plain.last = plain.first == NULL ? &plain.first : plain.last;
        (void)pthread_mutex_unlock(&plain.lock); /* the engine would run here */
        (void)pthread_mutex_lock(&plain.lock);
        next->done = true;
        (void)pthread_cond_signal(&next->answered);
    }
    (void)pthread_mutex_unlock(&plain.lock);
    return NULL;
}

static void plain_do(void)
{
    struct plain_call mine = {.answered = PTHREAD_COND_INITIALIZER};

    (void)pthread_mutex_lock(&plain.lock);
    *plain.last = &mine;
    plain.last = &mine.next;
    (void)pthread_cond_signal(&plain.arrived);
    while (!mine.done) {
        (void)pthread_cond_wait(&mine.answered, &plain.lock);
    }
    (void)pthread_mutex_unlock(&plain.lock);
    (void)pthread_cond_destroy(&mine.answered);
}

struct thread_args {
    troupe_system *sys; /* NULL: the plain queue */
    troupe_id engine;
    uint64_t calls;
};

static void *call_away(void *context)
{
    const struct thread_args *args = context;

    for (uint64_t i = 0; i < args->calls; i++) {
        if (args->sys == NULL) {
            plain_do();
            continue;
        }
        troupe_msg *question = bench_message(BENCH_TOKEN, i);
        troupe_msg *answer = NULL;
        bench_must(
            troupe_call(args->sys, args->engine, &question, TROUPE_NEVER, &answer, NULL),
            "a call");
        troupe_msg_free(&answer);
    }
    return NULL;
}

static double run_threads(const struct thread_args *args)
{
    pthread_t threads[CALLERS];
    int64_t begin = bench_clock();

    for (unsigned i = 0; i < CALLERS; i++) {
        struct thread_args *copy = (struct thread_args *)(uintptr_t)args;
        bench_must(pthread_create(&threads[i], NULL, call_away, copy) == 0
                       ? TROUPE_OK
                       : TROUPE_ESYSTEM,
                   "a thread");
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return (double)(bench_clock() - begin) / 1e9;
}

static double run_plain(uint64_t calls)
{
    struct thread_args args = {.calls = calls};
    pthread_t engine;

    (void)pthread_mutex_init(&plain.lock, NULL);
    (void)pthread_cond_init(&plain.arrived, NULL);
    plain.first = NULL;
    plain.last = &plain.first;
    plain.over = false;
    bench_must(pthread_create(&engine, NULL, plain_engine, NULL) == 0 ? TROUPE_OK
                                                                      : TROUPE_ESYSTEM,
               "a thread");
    double seconds = run_threads(&args);
    (void)pthread_mutex_lock(&plain.lock);
    plain.over = true;
    (void)pthread_cond_signal(&plain.arrived);
    (void)pthread_mutex_unlock(&plain.lock);
    (void)pthread_join(engine, NULL);
    return seconds;
}

static int run_exec_threads(uint64_t size, struct bench_result *out)
{
    uint64_t each = size / CALLERS != 0 ? size / CALLERS : 1;
    double plain_seconds = run_plain(each);
    troupe_system *sys = bench_system(1, 0);

    bench_must(troupe_system_start(sys), "starting");
    struct thread_args args = {sys, open_null(sys, 0), each};
    bench_begin(out);
    (void)run_threads(&args);
    bench_end(out, each * CALLERS);
    out->ratio = plain_seconds > 0 ? out->seconds / plain_seconds : 0;
    out->ratio_to = "mutex and condition";
    troupe_system_shutdown(sys, TROUPE_S(5));
    (void)troupe_system_join(sys);
    troupe_system_free(&sys);
    return 0;
}

const struct bench_workload bench_engine[] = {
    {"exec", 10000, run_exec, "an actor calls an empty engine, both asleep between"},
    {"exec_spin", 100000, run_exec_spin, "the same, looking 20 us before they sleep"},
    {"exec_look", 100000, run_exec_look, "the same, looking as long as it pays"},
    {"exec_many", 500000, run_exec_many, "64 calls in flight"},
    {"exec_threads", 20000, run_exec_threads, "20 threads that block on their answers"},
    {NULL, 0, NULL, NULL},
};
