/* SPDX-License-Identifier: MIT
 * The scripts of docs/examples/tick as processes: feeds, subscribers, and a tickerplant
 * that is killed in the middle and begins again with its log. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/system/q_conn.h"

#define SCRIPTS TRP_SOURCE_DIR "/docs/examples/tick/"

enum {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    ROWS = 10000,
#else
    ROWS = 100000,
#endif
    BATCH = 100,
    SUBSCRIBERS = 2,
    TEXT = 512
};

#define STUCK TROUPE_S(120) /* where nothing is wrong nothing takes as long */

static char folder[SCRATCH_PATH];
static struct process plant, feed, replay;
static uint16_t plant_port;

/* ---- processes ---- */

/* Starts `troupe q serve` with these, and waits until it serves. */
static uint16_t serve(struct process *process, uint16_t at, const char *const *extra)
{
    char number[8];
    const char *argv[PROCESS_ARGS] = {TRP_PROGRAM, "q",  "serve",
                                      "--no-unix", "-p", number};

    (void)snprintf(number, sizeof(number), "%u", at);
    for (size_t i = 6; *extra != NULL; i++) {
        argv[i] = *extra++;
    }
    process_start(process, NULL, argv);
    ck_assert(process_expect(process, "listening on port "));
    ck_assert(process_expect(process, "\n"));
    const char *line = strstr(process->text, "listening on port ");
    return (uint16_t)strtoul(line + strlen("listening on port "), NULL, 10);
}

/* late: rows are passed on by the timer. */
static void start_plant(uint16_t at, bool late)
{
    static const char *const extra[2][12] = {
        {"--files", ".", "--load", SCRIPTS "tick.q", "sym", "log", NULL},
        {"--files", ".", "--timer", "20", "--load", SCRIPTS "tick.q", "sym", "log",
         NULL}};

    plant_port = serve(&plant, at, extra[late]);
}

static void kill_plant(void)
{
    ck_assert_int_eq(kill(plant.pid, SIGKILL), 0);
    ck_assert_int_eq(process_wait(&plant), 128 + SIGKILL);
}

static void stop(struct process *process)
{
    ck_assert_int_eq(kill(process->pid, SIGTERM), 0);
    ck_assert_int_eq(process_wait(process), 0);
}

static troupe_q_connection *connect_to(uint16_t to, troupe_q_kind kind)
{
    troupe_q_connection_options options = conn_options(kind);

    options.port = to;
    options.timeout = STUCK;
    return conn_open(options);
}

static void begin(bool late)
{
    scratch_make(folder);
    ck_assert_int_eq(chdir(folder), 0);
    conn_begin();
    start_plant(0, late);
}

static void end(void)
{
    conn_end();
    ck_assert_int_eq(chdir(".."), 0);
    scratch_remove(folder);
}

static int64_t number_of(troupe_q_connection *conn, const char *query)
{
    troupe_q_value *value = NULL;
    int64_t number = 0;

    troupe_status status =
        troupe_q_connection_query(conn, query, 0, NULL, &value, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s: %s", query, failure.text);
    OK(troupe_q_get_long(value, 0, &number));
    troupe_q_unref(&value);
    return number;
}

/* ---- a feed and subscribers in C ---- */

static const char *const symbols[] = {"A", "B", "C", "D", "E"};
/* What each subscriber asks for, by the place in `symbols`. */
static const struct subscription {
    const char *query;
    bool wants[5];
} subscriptions[SUBSCRIBERS] = {
    {".u.sub[`trade;`A`B]", {true, true, false, false, false}},
    {".u.sub[`trade;`B`C`E]", {false, true, true, false, true}}};

static troupe_q_connection *feeder, *takers[SUBSCRIBERS];

static size_t symbol_at(int64_t row)
{
    return (size_t)(row * 7 % 5);
}

static void subscribe(size_t i)
{
    troupe_q_future *future;

    takers[i] = connect_to(plant_port, TROUPE_Q_RAW_CONNECTION);
    future = conn_call(takers[i], subscriptions[i].query);
    conn_ends(&future, "(`trade;+`time`sym`price`size!(`timespan$();`g#`symbol$();"
                       "`float$();`long$()))");
}

static void connect_all(void)
{
    feeder = connect_to(plant_port, TROUPE_Q_SYNC_CONNECTION);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        subscribe(i);
    }
}

static void disconnect_all(void)
{
    troupe_q_connection_free(&feeder);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        troupe_q_connection_free(&takers[i]);
    }
}

/* Rows first to first+BATCH-1, numbered by their size; returns when they are
 * acknowledged. */
static void send_batch(int64_t first)
{
    const char *names[BATCH];
    double prices[BATCH];
    int64_t sizes[BATCH];
    troupe_q_value *columns[3] = {NULL}, *rows = NULL;

    for (int64_t i = 0; i < BATCH; i++) {
        names[i] = symbols[symbol_at(first + i)];
        prices[i] = (double)(first + i) / 4;
        sizes[i] = first + i;
    }
    OK(troupe_q_symbols(BATCH, names, &columns[0]));
    OK(troupe_q_vector(TROUPE_Q_FLOAT, BATCH, prices, &columns[1]));
    OK(troupe_q_vector(TROUPE_Q_LONG, BATCH, sizes, &columns[2]));
    OK(troupe_q_list(3, columns, &rows));
    troupe_status status = troupe_q_connection_upd(feeder, "trade", rows, &failure);
    ck_assert_msg(status == TROUPE_OK, "%s", failure.text);
    troupe_q_unref(&rows);
    for (size_t i = 0; i < 3; i++) {
        troupe_q_unref(&columns[i]);
    }
}

/* The next push of a subscriber has the rows of the batch it wants, in order. */
static void take_batch(size_t who, int64_t first)
{
    troupe_q_value *push = conn_receive(takers[who], 1);
    ck_assert_ptr_nonnull(push);
    const troupe_q_value *columns = troupe_q_part(troupe_q_part(push, 2), 1);
    const troupe_q_value *names = troupe_q_part(columns, 1);
    const int64_t *sizes = troupe_q_data(troupe_q_part(columns, 3));
    size_t at = 0;

    ck_assert_str_eq(troupe_q_get_symbol(troupe_q_part(push, 0), 0), "upd");
    ck_assert_str_eq(troupe_q_get_symbol(troupe_q_part(push, 1), 0), "trade");
    for (int64_t i = first; i < first + BATCH; i++) {
        if (subscriptions[who].wants[symbol_at(i)]) {
            ck_assert_uint_lt(at, troupe_q_count(names));
            ck_assert_str_eq(troupe_q_get_symbol(names, at), symbols[symbol_at(i)]);
            ck_assert_int_eq(sizes[at], i);
            at++;
        }
    }
    ck_assert_uint_eq(troupe_q_count(names), at);
    troupe_q_unref(&push);
}

static void feed_rows(int64_t from, int64_t to)
{
    for (int64_t first = from; first < to; first += BATCH) {
        send_batch(first);
        for (size_t i = 0; i < SUBSCRIBERS; i++) {
            take_batch(i, first);
        }
    }
}

/* What another process finds in the log, on one line. */
static void replayed(const char *query, const char *text)
{
    static const char before[] =
        "trade:();quote:0\n"
        "upd:{[t;x]$[t=`trade;trade,:x 3;quote+:count x 0]}\n"
        "L:`$\":log/\",string last asc key`:log\nn:-11!L\n-1 .Q.s1 ";
    static char script[TEXT];
    const char *argv[] = {TRP_PROGRAM, "q", NULL};

    (void)snprintf(script, sizeof(script), "%s%s;\n", before, query);
    ck_assert_int_eq(process_run(&replay, script, argv), 0);
    ck_assert_str_eq(replay.error, "");
    ck_assert_str_eq(replay.text, text);
}

START_TEST(subscribers_get_exactly_their_symbols_and_the_log_all_that_is_acknowledged)
{
    static char text[TEXT];

    begin(false);
    connect_all();
    feed_rows(0, ROWS / 2);
    kill_plant();
    disconnect_all();
    (void)snprintf(text, sizeof(text), "(%d;1b)\n", ROWS / 2 / BATCH);
    replayed("(n;trade~til count trade)", text);
    start_plant(plant_port, false);
    connect_all();
    ck_assert_int_eq(number_of(feeder, ".u.j"), ROWS / 2 / BATCH);
    feed_rows(ROWS / 2, ROWS);
    kill_plant();
    disconnect_all();
    (void)snprintf(text, sizeof(text), "(%d;%d;1b)\n", ROWS / BATCH, ROWS);
    replayed("(n;count trade;trade~til count trade)", text);
    end();
}
END_TEST

/* ---- the scripts among themselves ---- */

/* Leaves the tail of a message at the end of the log, as a crash may. */
static void tear_log(void)
{
    static const uint8_t half[] = {1, 0, 0, 0, 200, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0xf5, 'u'};
    char name[TEXT];

    ck_assert_int_eq(scratch_run("ls log/sym.*", name, sizeof(name)), 0);
    name[strcspn(name, "\n")] = 0;
    int log = open(name, O_WRONLY | O_APPEND);
    ck_assert_int_ge(log, 0);
    ck_assert_int_eq(write(log, half, sizeof(half)), (ssize_t)sizeof(half));
    ck_assert_int_eq(close(log), 0);
}

static struct process readers[SUBSCRIBERS];
static uint16_t reader_ports[SUBSCRIBERS];
static troupe_q_connection *asks[SUBSCRIBERS];

static void start_reader(size_t i, const char *names)
{
    char address[16];
    const char *extra[] = {"--files", ".",           "--allow-connect",
                           "--load",  SCRIPTS "r.q", address,
                           names,     "day",         NULL};

    (void)snprintf(address, sizeof(address), ":%u", plant_port);
    reader_ports[i] = serve(&readers[i], 0, extra);
    asks[i] = connect_to(reader_ports[i], TROUPE_Q_SYNC_CONNECTION);
    ck_assert_int_eq(number_of(asks[i], "ready"), 1);
}

static void start_feed(void)
{
    char address[16], rows[16], batch[16];
    const char *argv[] = {TRP_PROGRAM,
                          "q",
                          "serve",
                          "--no-unix",
                          "-p",
                          "0",
                          "--load",
                          SCRIPTS "feed.q",
                          "--allow-connect",
                          "--allow-exit",
                          address,
                          rows,
                          batch,
                          NULL};

    (void)snprintf(address, sizeof(address), ":%u", plant_port);
    (void)snprintf(rows, sizeof(rows), "%d", ROWS);
    (void)snprintf(batch, sizeof(batch), "%d", BATCH);
    process_start(&feed, NULL, argv);
}

/* From half of the rows on nobody gets an answer: the next batch is in the log, but the
 * feed does not know. */
static void hang_in_the_middle(void)
{
    troupe_q_connection *conn = connect_to(plant_port, TROUPE_Q_SYNC_CONNECTION);
    char text[TEXT];

    (void)snprintf(text, sizeof(text),
                   "plain:.u.upd;seen:0;.u.upd:{[n;x]plain[n;x];"
                   "if[n=`trade;seen+:count x 0;if[seen>%d;`:hung set 1;while[1b;]]]};0",
                   ROWS / 2);
    ck_assert_int_eq(number_of(conn, text), 0);
    troupe_q_connection_free(&conn);
}

static void await(size_t reader, const char *query, int64_t number)
{
    while (number_of(asks[reader], query) != number) {
    }
}

static void check_readers(void)
{
    char text[TEXT];

    /* What the feed sent twice stands twice: it did not know. */
    await(0, "count trade", ROWS + BATCH);
    conn_asks(asks[0], "(til 1+max trade`size)~asc distinct trade`size", "1b");
    (void)snprintf(text, sizeof(text), "count distinct trade`size");
    ck_assert_int_eq(number_of(asks[0], text), ROWS);
    conn_asks(asks[0], "trade[`time]~asc trade`time", "1b");
    (void)snprintf(text, sizeof(text),
                   "his:(hopen %u)\"(trade;quote)\";"
                   "m:{select from x where sym in`A`B};0",
                   reader_ports[1]);
    ck_assert_int_eq(number_of(asks[0], text), 0);
    await(1, "count trade", number_of(asks[0], "count m trade"));
    await(1, "count quote", number_of(asks[0], "count m quote"));
    ck_assert_int_eq(number_of(asks[0], text), 0);
    conn_asks(asks[0], "(m each(trade;quote))~his", "1b");
    conn_asks(asks[1], "asc exec sym from latest", "`s#`A`B");
    conn_asks(asks[1], "latest~select last time,last price by sym from trade", "1b");
}

static void live_through_a_kill(bool late)
{
    begin(late);
    start_reader(0, "");
    start_reader(1, "A,B");
    hang_in_the_middle();
    start_feed();
    ck_assert(process_expect(&feed, "listening"));
    while (access("hung", F_OK) != 0) {
        (void)number_of(asks[0], "count trade");
    }
    kill_plant();
    tear_log();
    start_plant(plant_port, late);
    ck_assert_int_eq(process_wait(&feed), 0);
    ck_assert_ptr_nonnull(strstr(feed.text, " acknowledged\n"));
    check_readers();
}

START_TEST(the_scripts_live_through_a_kill_of_the_tickerplant)
{
    char text[TEXT];

    live_through_a_kill(false);
    (void)snprintf(text, sizeof(text), "(%d;1b)\n", ROWS + BATCH);
    replayed("(count trade;(til 1+max trade)~asc distinct trade)", text);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        troupe_q_connection_free(&asks[i]);
        stop(&readers[i]);
        ck_assert_ptr_nonnull(strstr(readers[i].error, "r: the tickerplant is gone"));
    }
    stop(&plant);
    ck_assert_ptr_nonnull(strstr(plant.error, "is torn behind message"));
    end();
}
END_TEST

START_TEST(the_day_ends_for_all)
{
    troupe_q_value *day = NULL;
    char text[TEXT];
    size_t size = 0;

    live_through_a_kill(true);
    troupe_q_connection *conn = connect_to(plant_port, TROUPE_Q_SYNC_CONNECTION);
    OK(troupe_q_connection_query(conn, "string .u.day", 0, NULL, &day, &failure));
    const char *name = troupe_q_text(day, &size);
    conn_asks(conn, ".u.endofday[]", "1610612736i");
    conn_asks(conn, "(.u.i;.u.j;count key`:log;.u.L~`$\":log/sym.\",string .u.day)",
              "(0;0;2;1b)");
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        await(i, "count trade", 0);
        conn_asks(asks[i], "(count latest;attr trade`sym)", "(0;`g)");
    }
    (void)snprintf(text, sizeof(text), "count get`:day/%.*s/trade", (int)size, name);
    ck_assert_int_eq(number_of(asks[0], text) > 0, 1);
    troupe_q_unref(&day);
    troupe_q_connection_free(&conn);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        troupe_q_connection_free(&asks[i]);
        stop(&readers[i]);
    }
    stop(&plant);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("tick");
    TCase *tcase = tcase_create("processes");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(
        tcase,
        subscribers_get_exactly_their_symbols_and_the_log_all_that_is_acknowledged);
    tcase_add_test(tcase, the_scripts_live_through_a_kill_of_the_tickerplant);
    tcase_add_test(tcase, the_day_ends_for_all);
    suite_add_tcase(suite, tcase);
    return suite;
}
