/* SPDX-License-Identifier: MIT
 * cmd_bench.c - troupe bench [WORKLOAD [SIZE]] [OPTION...]; --pass makes a pass over
 * ready actors so long that instruction counts do not depend on the clock. `q` is all
 * workloads of q. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/cli/cmd.h"

const char *bench_trace = "off";
static troupe_ns bench_pass; /* 0: the default */

static const struct bench_workload *const groups[] = {
    bench_messages, bench_threads, bench_engine, bench_pieces, bench_q, bench_q_wire};
enum { ROUNDS = 10 };              /* round trips a sample */
#define NUMBER_MAX 1000000000000LL /* of a size, and of --pass */

static double *samples;
static size_t sample_count;
static double cpu_at_begin;
static int64_t clock_at_begin;

int64_t bench_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return TROUPE_S(now.tv_sec) + now.tv_nsec;
}

static double cpu(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

size_t bench_resident(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

void bench_must(troupe_status status, const char *what)
{
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "troupe: bench: %s failed: %s\n", what,
                      troupe_status_text(status));
        exit(1);
    }
}

troupe_system *bench_system(uint32_t bases, troupe_ns spin)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;

    options.name = "troupe-bench";
    options.bases = bases;
    options.spin = spin;
    options.trace = bench_trace;
    options.pass = bench_pass;
    options.actors_max = 1 << 24;
    bench_must(troupe_system_new(&options, &sys), "making a system");
    return sys;
}

troupe_id bench_spawn(troupe_system *sys, const troupe_behavior *behavior,
                      const void *args, uint32_t base)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    troupe_id id = {0};

    options.base = base;
    bench_must(troupe_system_spawn(sys, behavior, args, &options, &id), "a spawn");
    return id;
}

void bench_begin(struct bench_result *result)
{
    (void)result;
    cpu_at_begin = cpu();
    clock_at_begin = bench_clock();
}

void bench_end(struct bench_result *result, uint64_t messages)
{
    result->seconds = (double)(bench_clock() - clock_at_begin) / 1e9;
    result->cpu_seconds = cpu() - cpu_at_begin;
    result->messages = messages;
}

troupe_msg *bench_message(troupe_kind kind, uint64_t value)
{
    troupe_msg *msg = NULL;

    bench_must(troupe_msg_new(kind, sizeof(value), &msg), "a message");
    memcpy(troupe_msg_body(msg), &value, sizeof(value));
    return msg;
}

void bench_go(troupe_system *sys, troupe_id to)
{
    troupe_msg *msg = bench_message(BENCH_GO, 0);

    bench_must(troupe_post(sys, to, &msg), "a start");
}

troupe_status bench_finish(troupe_self *self, struct bench_result *result,
                           uint64_t messages)
{
    bench_end(result, messages);
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(10));
    return TROUPE_OK;
}

void bench_run(troupe_system *sys)
{
    bench_must(troupe_system_run(sys), "running");
    troupe_system_free(&sys);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

void bench_samples_begin(uint64_t size)
{
    samples = calloc(size / ROUNDS + 1, sizeof(*samples));
    sample_count = 0;
    bench_must(samples != NULL ? TROUPE_OK : TROUPE_ENOMEM, "memory");
}

void bench_sample(int64_t *since, unsigned *in_sample)
{
    if (++*in_sample == ROUNDS) {
        int64_t now = bench_clock();
        samples[sample_count++] = (double)(now - *since) / ROUNDS;
        *since = now;
        *in_sample = 0;
    }
}

void bench_samples_end(struct bench_result *result)
{
    if (sample_count != 0) {
        qsort(samples, sample_count, sizeof(*samples), by_value);
        result->p50_ns = samples[sample_count / 2];
        result->p99_ns = samples[sample_count * 99 / 100];
    }
    free(samples);
}

/* ---- printing ---- */

static double rate(const struct bench_result *r)
{
    return r->seconds > 0 ? (double)r->messages / r->seconds : 0;
}

static double megabytes(const struct bench_result *r)
{
    return r->best > 0 ? (double)r->bytes / r->best / 1e6 : 0;
}

static bool ratio_holds(const struct bench_result *r)
{
    return r->at_most ? r->ratio <= r->target : r->ratio >= r->target;
}

static const char *yes(bool holds)
{
    return holds ? "true" : "false";
}

static void print_targets_json(const struct bench_result *r)
{
    if (r->bytes != 0) {
        (void)printf(",\"mb_per_sec\":%.0f", megabytes(r));
    }
    if (r->target > 0) {
        (void)printf(",\"ratio_%s\":%.4f,\"ratio_holds\":%s",
                     r->at_most ? "at_most" : "at_least", r->target, yes(ratio_holds(r)));
    }
    if (r->rate_target > 0) {
        (void)printf(",\"rate_at_least\":%.0f,\"rate_holds\":%s", r->rate_target,
                     yes(rate(r) >= r->rate_target));
    }
}

static void print_targets_text(const struct bench_result *r)
{
    if (r->bytes != 0) {
        (void)printf("  %.0f MB/s", megabytes(r));
    }
    if (r->target > 0) {
        (void)printf("  [%s %.4f: %s]", r->at_most ? "at most" : "at least", r->target,
                     ratio_holds(r) ? "holds" : "missed");
    }
    if (r->rate_target > 0) {
        (void)printf("  [at least %.0f/s: %s]", r->rate_target,
                     rate(r) >= r->rate_target ? "holds" : "missed");
    }
}

static void print_json(const char *name, const struct bench_result *r)
{
    double each = r->messages != 0 ? r->cpu_seconds * 1e9 / (double)r->messages : 0;

    (void)printf("{\"workload\":\"%s\",\"messages\":%" PRIu64
                 ",\"seconds\":%.6f,\"msgs_per_sec\":%.0f,\"cpu_ns_per_msg\":%.1f",
                 name, r->messages, r->seconds, rate(r), each);
    if (r->bytes_each > 0) {
        (void)printf(",\"bytes_per_actor\":%.1f", r->bytes_each);
    }
    if (r->p50_ns > 0) {
        (void)printf(",\"p50_ns\":%.0f,\"p99_ns\":%.0f", r->p50_ns, r->p99_ns);
    }
    if (r->ratio_to != NULL) {
        (void)printf(",\"ratio\":%.4f,\"ratio_to\":\"%s\"", r->ratio, r->ratio_to);
    }
    print_targets_json(r);
    (void)puts("}");
}

static void print_text(const char *name, const struct bench_result *r)
{
    double each = r->messages != 0 ? r->cpu_seconds * 1e9 / (double)r->messages : 0;

    (void)printf("%-18s %10" PRIu64 " %9.3f %13.0f %14.1f", name, r->messages, r->seconds,
                 rate(r), each);
    if (r->bytes_each > 0) {
        (void)printf("  %.1f bytes/actor", r->bytes_each);
    }
    if (r->p50_ns > 0) {
        (void)printf("  p50 %.0f ns", r->p50_ns);
    }
    if (r->p99_ns > 0) {
        (void)printf("  p99 %.0f ns", r->p99_ns);
    }
    if (r->ratio_to != NULL) {
        (void)printf(r->ratio < 1 ? "  %.4f x %s" : "  %.2f x %s", r->ratio, r->ratio_to);
    }
    print_targets_text(r);
    (void)putchar('\n');
}

static int run_one(const struct bench_workload *workload, uint64_t size, bool json)
{
    struct bench_result result = {0};
    int code = workload->run(size != 0 ? size : workload->size, &result);

    if (code != 0) {
        return code;
    }
    (json ? print_json : print_text)(workload->name, &result);
    (void)fflush(stdout);
    return 0;
}

static const struct bench_workload *find(const char *name)
{
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct bench_workload *w = groups[g]; w->name != NULL; w++) {
            if (strcmp(w->name, name) == 0) {
                return w;
            }
        }
    }
    return NULL;
}

/* All workloads, or those of q. */
static int run_all(bool only_q, bool json)
{
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        bool of_q = groups[g] == bench_q || groups[g] == bench_q_wire;
        for (const struct bench_workload *w = groups[g]; w->name != NULL; w++) {
            int code = of_q || !only_q ? run_one(w, 0, json) : 0;
            if (code != 0) {
                return code;
            }
        }
    }
    return 0;
}

static int list(void)
{
    (void)puts(
        "usage: troupe bench [q|WORKLOAD [SIZE]] [--json] [--trace off|count|ring]\n"
        "                   [--pass MILLISECONDS]\n"
        "Prints: workload messages seconds msgs_per_sec cpu_ns_per_msg\n\nworkloads:");
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct bench_workload *w = groups[g]; w->name != NULL; w++) {
            (void)printf("  %-18s %9" PRIu64 "  %s\n", w->name, w->size, w->text);
        }
    }
    return 0;
}

struct arguments {
    const char *name;
    uint64_t size;
    bool json, help;
};

static int read_size(const char *text, uint64_t *out)
{
    char *end = NULL;
    unsigned long long size = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != 0 || size == 0 ||
        size > (unsigned long long)NUMBER_MAX) {
        return trp_cmd_fail(2, "bench: '%s' is not a whole number from 1 to %lld", text,
                            NUMBER_MAX);
    }
    *out = size;
    return 0;
}

static bool is_mode(const char *text)
{
    return strcmp(text, "off") == 0 || strcmp(text, "count") == 0 ||
           strcmp(text, "ring") == 0;
}

static int read_arguments(int argc, char **argv, struct arguments *out)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--list") == 0) {
            out->help = true;
        } else if (strcmp(argv[i], "--trace") == 0 && i + 1 < argc) {
            bench_trace = argv[++i];
            if (!is_mode(bench_trace)) {
                return trp_cmd_fail(
                    2, "bench: --trace wants off, count or ring, not '%s'", bench_trace);
            }
        } else if (strcmp(argv[i], "--pass") == 0 && i + 1 < argc) {
            uint64_t ms = 0;
            if (read_size(argv[++i], &ms) != 0) {
                return 2;
            }
            bench_pass = TROUPE_MS(ms);
        } else if (strcmp(argv[i], "--trace") == 0 || strcmp(argv[i], "--pass") == 0) {
            return trp_cmd_fail(2, "bench: %s wants a value; see troupe bench --help",
                                argv[i]);
        } else if (argv[i][0] == '-') {
            return trp_cmd_fail(2, "bench: unknown option '%s'; see troupe bench --help",
                                argv[i]);
        } else if (out->name == NULL) {
            out->name = argv[i];
        } else if (out->size != 0 || read_size(argv[i], &out->size) != 0) {
            return out->size != 0 ? trp_cmd_fail(2, "bench: too many arguments") : 2;
        }
    }
    return 0;
}

int trp_cmd_bench(int argc, char **argv)
{
    struct arguments arguments = {0};
    int code = read_arguments(argc, argv, &arguments);

    if (code != 0) {
        return code;
    }
    if (arguments.help) {
        return list();
    }
    bool only_q = arguments.name != NULL && strcmp(arguments.name, "q") == 0;
    if (only_q && arguments.size != 0) {
        return trp_cmd_fail(2, "bench: the workloads of q each have a size of their own");
    }
    if (arguments.name == NULL || only_q) {
        return run_all(only_q, arguments.json);
    }
    const struct bench_workload *workload = find(arguments.name);
    if (workload == NULL) {
        return trp_cmd_fail(2,
                            "bench: there is no workload '%s'; see troupe bench --list",
                            arguments.name);
    }
    return run_one(workload, arguments.size, arguments.json);
}
