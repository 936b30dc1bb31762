/* SPDX-License-Identifier: MIT
 * threaded_upserts.c - many q connections fill one table of the embedded q.
 *
 *   q process --rows--> connection actor --push--> subscriber actor --ask--> engine actor
 *
 * Each of 20 connections is sent 1000 rows. Every row is upserted by a call to the
 * embedded-execution actor, which runs them one at a time, in the order of each caller;
 * the table starts with 10 rows and ends with 20 010. With --threads the callers are 20
 * threads that block on their futures instead of actors.
 *
 *   troupe q serve -p 5010 --load rows.q &
 *   threaded_upserts 127.0.0.1:5010 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <troupe/q.h>
#include <troupe/trace.h>

enum {
    CONNECTIONS_MAX = 256,
    FIRST_ROWS = 10,
    LOOK_MS = 100, /* between two progress lines */
    CALL_S = 60,
    KIND_REPORT = TROUPE_KIND_USER + 1, /* a subscriber to the desk: body struct report */
    KIND_WAIT,                          /* to the desk: answered when all have ended */
    KIND_LOOK                           /* to the desk: answered with the rows so far */
};

static const char script[] = "table:([]source:10#-1;number:til 10)\n"
                             "add:{`table upsert x}\n";

struct job {
    const char *program; /* for the graph: the troupe command, or NULL */
    const char *svg, *trace;
    char host[256];
    uint16_t port;
    unsigned connections;
    int64_t rows; /* of each connection */
    bool threads;
    troupe_system *system;
    troupe_id engine, desk;
};

struct report {
    unsigned source;
    int64_t rows; /* upserted so far */
    bool ended;
    troupe_status status; /* of the end */
    char text[160];
};

static struct job job = {.connections = 20, .rows = 1000};
static struct report reports[CONNECTIONS_MAX]; /* the desk's until it has answered WAIT */

static void must(troupe_status status, const char *what)
{
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "threaded_upserts: %s: %s\n", what,
                      troupe_status_text(status));
        exit(1);
    }
}

/* ---- values ---- */

/* (`add; row), what the engine evaluates for each row. Takes the row. */
static troupe_status upsert_msg(troupe_q_value **row, troupe_msg **out)
{
    troupe_q_value *items[2] = {NULL, *row}, *query = NULL;
    troupe_status status = troupe_q_symbol("add", TROUPE_Q_Z, &items[0]);

    if (status == TROUPE_OK) {
        status = troupe_q_list(2, items, &query);
    }
    if (status == TROUPE_OK) {
        status = troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, out);
    }
    troupe_q_unref(&items[0]);
    troupe_q_unref(row);
    troupe_q_unref(&query);
    return status;
}

/* "rows[3;1000]", for the q process. */
static troupe_status call_query(const char *function, unsigned source, int64_t number,
                                troupe_q_value **out)
{
    char text[80];

    (void)snprintf(text, sizeof(text), "%s[%u;%" PRId64 "]", function, source, number);
    return troupe_q_query(text, 0, NULL, out);
}

/* ---- the subscriber: one for each connection ---- */

/* It is serial: while an upsert is being answered it is told nothing else. Its mailbox
 * fills up, then its connection stops reading: rows wait where they are, none is lost. */
struct subscriber {
    unsigned source;
    troupe_q q;
    int64_t seen, done;
};

static troupe_status report(troupe_self *self, const struct subscriber *s,
                            troupe_status status, const char *text)
{
    troupe_msg *msg = NULL;
    troupe_status made = troupe_msg_new(KIND_REPORT, sizeof(struct report), &msg);

    if (made == TROUPE_OK) {
        struct report *r = troupe_msg_body(msg);
        *r = (struct report){.source = s->source,
                             .rows = s->done,
                             .ended = s->done == job.rows || status != TROUPE_OK,
                             .status = status};
        (void)snprintf(r->text, sizeof(r->text), "%s", text);
        made = troupe_tell(self, job.desk, &msg);
    }
    troupe_msg_free(&msg);
    return made;
}

static troupe_status take_row(troupe_self *self, struct subscriber *s, troupe_msg *push)
{
    troupe_q_value *row = troupe_q_take(push);
    int64_t source, number;
    troupe_msg *msg = NULL;

    if (troupe_q_get_long(row, 0, &source) != TROUPE_OK ||
        troupe_q_get_long(row, 1, &number) != TROUPE_OK || source != s->source ||
        number != s->seen) {
        troupe_q_unref(&row);
        return report(self, s, TROUPE_EPROTO, "a row came out of order");
    }
    s->seen++;
    troupe_status status = upsert_msg(&row, &msg);
    if (status == TROUPE_OK) {
        status = troupe_ask(self, job.engine, &msg, TROUPE_NEVER, 0, NULL);
    }
    troupe_msg_free(&msg);
    return status;
}

static troupe_status subscriber_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct subscriber *s = state;
    const troupe_q_state *now = troupe_msg_body(*msg);

    switch (troupe_msg_kind(*msg)) {
    case TROUPE_KIND_Q_PUSH:
        return take_row(self, s, *msg);
    case TROUPE_KIND_Q_VALUE: /* a row is in the table */
        s->done++;
        return s->done % 50 == 0 || s->done == job.rows ? report(self, s, TROUPE_OK, "")
                                                        : TROUPE_OK;
    case TROUPE_KIND_FAILURE:
        return report(self, s, troupe_msg_status(*msg), troupe_msg_failure(*msg)->text);
    case TROUPE_KIND_Q_STATE:
        return now->status != TROUPE_OK && s->done < job.rows
                   ? report(self, s, now->status, now->text)
                   : TROUPE_OK;
    default:
        return TROUPE_OK;
    }
}

static troupe_status subscriber_start(troupe_self *self, void *state, const void *args)
{
    struct subscriber *s = state;
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q_value *query = NULL;

    s->source = *(const unsigned *)args;
    options.host = job.host;
    options.port = job.port;
    options.handler = options.watcher = troupe_self_id(self);
    troupe_status status = troupe_q_open(job.system, &options, &s->q);
    if (status == TROUPE_OK) {
        status = call_query("rows", s->source, job.rows, &query);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_send(self, s->q, &query);
    }
    troupe_q_unref(&query);
    return status;
}

static const troupe_behavior subscriber = {
    .name = "subscriber",
    .state_size = sizeof(struct subscriber),
    .start = subscriber_start,
    .receive = subscriber_receive,
    .flags = TROUPE_SERIAL,
};

/* ---- the desk: knows how far everybody is ---- */

struct desk {
    unsigned ended;
    troupe_id waiting; /* who asked KIND_WAIT */
};

/* Answers with the rows that are in the table. */
static troupe_status answer_rows(troupe_self *self, troupe_id to)
{
    troupe_msg *msg = NULL;
    int64_t number = 0;

    for (unsigned i = 0; i < job.connections; i++) {
        number += reports[i].rows;
    }
    troupe_status status = troupe_msg_new(KIND_LOOK, sizeof(number), &msg);

    if (status == TROUPE_OK) {
        memcpy(troupe_msg_body(msg), &number, sizeof(number));
        status = troupe_reply_to(self, to, &msg);
    }
    troupe_msg_free(&msg);
    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

static troupe_status desk_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct desk *desk = state;
    const struct report *r = troupe_msg_body(*msg);
    troupe_status status = TROUPE_OK;

    switch (troupe_msg_kind(*msg)) {
    case KIND_REPORT:
        if (!reports[r->source].ended) {
            reports[r->source] = *r;
            desk->ended += r->ended;
        }
        break;
    case KIND_LOOK:
        return answer_rows(self, troupe_msg_from(*msg));
    case KIND_WAIT:
        desk->waiting = troupe_msg_from(*msg);
        break;
    default:
        break;
    }
    if (desk->ended == job.connections && !troupe_id_is_nobody(desk->waiting)) {
        status = answer_rows(self, desk->waiting);
        desk->waiting = TROUPE_NOBODY;
    }
    return status;
}

static const troupe_behavior desk = {
    .name = "desk", .state_size = sizeof(struct desk), .receive = desk_receive};

/* ---- waiting, with a progress line ---- */

static void show_progress(int64_t rows)
{
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\r%" PRId64 " of %" PRId64 " rows \r", rows,
                      job.rows * job.connections);
    }
}

static int64_t look(void)
{
    troupe_msg *msg = NULL, *answer = NULL;
    int64_t rows = 0;

    must(troupe_msg_new(KIND_LOOK, 0, &msg), "a message");
    if (troupe_call(job.system, job.desk, &msg, TROUPE_S(CALL_S), &answer, NULL) ==
        TROUPE_OK) {
        memcpy(&rows, troupe_msg_body(answer), sizeof(rows));
    }
    troupe_msg_free(&answer);
    troupe_msg_free(&msg);
    return rows;
}

static void run_actors(void)
{
    troupe_pending *pending = NULL;
    troupe_msg *msg = NULL, *answer = NULL;

    for (unsigned i = 0; i < job.connections; i++) {
        must(troupe_system_spawn(job.system, &subscriber, &i, NULL, NULL),
             "a subscriber");
    }
    must(troupe_msg_new(KIND_WAIT, 0, &msg), "a message");
    must(troupe_post_ask(job.system, job.desk, &msg, TROUPE_NEVER, &pending), "waiting");
    while (troupe_pending_wait(pending, TROUPE_MS(LOOK_MS), &answer) ==
           TROUPE_ETIMEDOUT) {
        show_progress(look());
    }
    troupe_msg_free(&answer);
    troupe_pending_free(&pending);
}

/* ---- the same by threads that block ---- */

static void *thread_main(void *argument)
{
    struct report *mine = argument;
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_q_value *query = NULL, *row = NULL;
    troupe_msg *msg = NULL, *answer = NULL;
    troupe_q q;

    options.host = job.host;
    options.port = job.port;
    troupe_status status = troupe_q_open(job.system, &options, &q);
    for (int64_t i = 0; status == TROUPE_OK && i < job.rows; i++) {
        status = call_query("row", mine->source, i, &query);
        if (status == TROUPE_OK) {
            status = troupe_q_wait(job.system, q, &query, TROUPE_NEVER, &row, &failure);
        }
        if (status == TROUPE_OK) {
            status = upsert_msg(&row, &msg);
        }
        if (status == TROUPE_OK) {
            status = troupe_call(job.system, job.engine, &msg, TROUPE_NEVER, &answer,
                                 &failure);
        }
        mine->rows += status == TROUPE_OK;
        troupe_q_unref(&query);
        troupe_msg_free(&msg);
        troupe_msg_free(&answer);
    }
    mine->status = status;
    (void)snprintf(mine->text, sizeof(mine->text), "%.150s", failure.text);
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[CONNECTIONS_MAX];

    for (unsigned i = 0; i < job.connections; i++) {
        reports[i].source = i;
        if (pthread_create(&threads[i], NULL, thread_main, &reports[i]) != 0) {
            must(TROUPE_ESYSTEM, "a thread");
        }
    }
    for (unsigned i = 0; i < job.connections; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ---- what came of it ---- */

static troupe_q_value *evaluate(const char *text)
{
    troupe_q_value *query = NULL, *value;
    troupe_msg *msg = NULL, *answer = NULL;
    troupe_failure failure;

    must(troupe_q_string(text, TROUPE_Q_Z, &query), text);
    must(troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, &msg), text);
    must(troupe_call(job.system, job.engine, &msg, TROUPE_S(CALL_S), &answer, &failure),
         text);
    value = troupe_q_take(answer);
    troupe_msg_free(&answer);
    return value;
}

static void print_table(const char *title, const char *expression)
{
    troupe_q_value *value = evaluate(expression), *text = NULL;
    size_t size;

    must(troupe_q_format_console(value, 25, 80, &text), expression);
    const char *bytes = troupe_q_text(text, &size);
    (void)printf("%s\n%.*s\n", title, (int)size, bytes);
    troupe_q_unref(&text);
    troupe_q_unref(&value);
}

/* How many connections have all their rows in the table, in order. */
static unsigned ordered(const troupe_q_value *table)
{
    const troupe_q_value *sources = troupe_q_column(table, "source");
    const troupe_q_value *numbers = troupe_q_column(table, "number");
    int64_t next[CONNECTIONS_MAX] = {0}, source, number;
    unsigned whole = 0;

    for (size_t i = FIRST_ROWS; i < troupe_q_count(table); i++) {
        if (troupe_q_get_long(sources, i, &source) == TROUPE_OK &&
            troupe_q_get_long(numbers, i, &number) == TROUPE_OK && source >= 0 &&
            source < CONNECTIONS_MAX && next[source] == number) {
            next[source]++;
        }
    }
    for (unsigned i = 0; i < job.connections; i++) {
        whole += next[i] == job.rows;
    }
    return whole;
}

static bool print_results(double seconds)
{
    troupe_engine_stats stats;
    troupe_q_value *table = evaluate("table");
    size_t rows = troupe_q_count(table);
    size_t expected = FIRST_ROWS + (size_t)job.rows * job.connections;
    unsigned whole = ordered(table);

    must(troupe_engine_stats_read(job.system, job.engine, &stats), "statistics");
    double calls = stats.calls != 0 ? (double)stats.calls : 1;
    (void)printf("%u connections of %" PRId64 " rows, by %s\n", job.connections, job.rows,
                 job.threads ? "threads that block" : "actors on the shared base");
    (void)printf("  table           %zu rows of %zu\n", rows, expected);
    (void)printf("  order kept      %u of %u connections\n", whole, job.connections);
    (void)printf("  time            %.3f s, %.0f rows/s\n", seconds,
                 (double)(rows - FIRST_ROWS) / seconds);
    (void)printf("  embedded calls  %" PRIu64 "\n", stats.calls);
    (void)printf("    in the queue  %.2f us each, at most %.2f us\n",
                 (double)stats.wait_total / calls / 1e3, (double)stats.wait_max / 1e3);
    (void)printf("    running       %.2f us each, at most %.2f us\n\n",
                 (double)stats.run_total / calls / 1e3, (double)stats.run_max / 1e3);
    troupe_q_unref(&table);
    print_table("first rows", "5#table");
    print_table("last rows", "-5#table");
    return rows == expected && whole == job.connections;
}

static bool print_losses(void)
{
    bool lost = false;

    for (unsigned i = 0; i < job.connections; i++) {
        const struct report *r = &reports[i];
        if (r->status != TROUPE_OK) {
            lost = true;
            (void)fprintf(stderr, "connection %u: %s after %" PRId64 " rows: %s\n", i,
                          troupe_status_name(r->status), r->rows, r->text);
        }
    }
    return lost;
}

/* The graph of this process, drawn by the program that watches from outside. */
static void write_graph(void)
{
    extern char **environ;
    char pid[16], program[] = "troupe", trace[] = "trace", graph[] = "graph",
                  to[] = "--to", svg[] = "svg";
    char *argv[] = {program, trace, graph, to, svg, pid, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int ended = -1;

    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, job.svg,
                                           O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (posix_spawnp(&child, job.program, &actions, NULL, argv, environ) == 0) {
        (void)waitpid(child, &ended, 0);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)printf(ended == 0 ? "graph: %s\n" : "graph: %s could not be written\n",
                 job.svg);
}

static void write_trace(void)
{
    troupe_status status = troupe_trace_dump(job.system, job.trace);

    (void)printf("trace: %s%s%s\n", job.trace,
                 status == TROUPE_OK ? "" : " not written: ",
                 status == TROUPE_OK ? "" : troupe_status_text(status));
}

/* ---- the program ---- */

static void begin(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;

    options.name = "threaded_upserts";
    q.script = script;
    engine.config = &q;
    must(troupe_kind_register(KIND_REPORT, "report"), "a name");
    must(troupe_kind_register(KIND_WAIT, "wait"), "a name");
    must(troupe_kind_register(KIND_LOOK, "look"), "a name");
    must(troupe_system_new(&options, &job.system), "the system");
    troupe_log_to(job.system, TROUPE_LOG_ERROR, troupe_log_stderr, NULL);
    must(troupe_system_start(job.system), "the system");
    must(troupe_engine_open(job.system, &troupe_engine_embedq, &engine, &job.engine),
         "the engine");
    must(troupe_system_spawn(job.system, &desk, NULL, NULL, &job.desk), "the desk");
}

static double seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(void)
{
    begin();
    double start = seconds_now();
    if (job.threads) {
        run_threads();
    } else {
        run_actors();
    }
    double seconds = seconds_now() - start;
    bool good = !print_losses() && print_results(seconds);
    if (job.svg != NULL) {
        write_graph();
    }
    if (job.trace != NULL) {
        write_trace();
    }
    troupe_system_shutdown(job.system, TROUPE_S(10));
    (void)troupe_system_join(job.system);
    troupe_system_free(&job.system);
    return good ? 0 : 1;
}

static int usage(void)
{
    (void)fputs("usage: threaded_upserts [--threads] [--connections N] [--rows N]\n"
                "           [--svg FILE [--program TROUPE]] [--trace DIRECTORY] "
                "HOST:PORT\n",
                stderr);
    return 2;
}

static bool read_number(const char *text, long most, long *out)
{
    char *end;

    *out = strtol(text, &end, 10);
    return end != text && *end == 0 && *out > 0 && *out <= most;
}

static bool read_target(const char *text)
{
    const char *colon = text != NULL ? strrchr(text, ':') : NULL;
    long port;

    if (colon == NULL || colon - text >= (long)sizeof(job.host) ||
        !read_number(colon + 1, UINT16_MAX, &port)) {
        return false;
    }
    memcpy(job.host, text, (size_t)(colon - text));
    job.port = (uint16_t)port;
    return true;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"threads", no_argument, NULL, 't'},
                                            {"connections", required_argument, NULL, 'c'},
                                            {"rows", required_argument, NULL, 'r'},
                                            {"svg", required_argument, NULL, 's'},
                                            {"trace", required_argument, NULL, 'd'},
                                            {"program", required_argument, NULL, 'p'},
                                            {NULL, 0, NULL, 0}};
    int option;
    long number;

    job.program = "troupe";
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't') {
            job.threads = true;
        } else if (option == 's') {
            job.svg = optarg;
        } else if (option == 'd') {
            job.trace = optarg;
        } else if (option == 'p') {
            job.program = optarg;
        } else if (option == 'c' && read_number(optarg, CONNECTIONS_MAX, &number)) {
            job.connections = (unsigned)number;
        } else if (option == 'r' && read_number(optarg, 100000000, &number)) {
            job.rows = number;
        } else {
            return usage();
        }
    }
    return read_target(argv[optind]) ? run() : usage();
}
