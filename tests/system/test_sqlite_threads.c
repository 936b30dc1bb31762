/* SPDX-License-Identifier: MIT
 * test_sqlite_threads.c - twenty threads write to one table of a real file; an endless
 * query is interrupted. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/sqlite.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

enum { WRITERS = 20 };

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { UPSERTS = 100 };
#else
enum { UPSERTS = 1000 };
#endif

#define ENDLESS                                                                          \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "                     \
    "SELECT count(*) FROM n"

static troupe_system *sys;
static troupe_id engine;
static char folder[64], path[96];

static void open_it(void)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;

    config.path = path;
    options.config = &config;
    ck_assert_int_eq(troupe_engine_open(sys, &troupe_engine_sqlite, &options, &engine),
                     TROUPE_OK);
}

static void begin(void)
{
    const char *base = getenv("TMPDIR");
    troupe_options options = TROUPE_OPTIONS;

    (void)snprintf(folder, sizeof(folder), "%.40s/troupe-XXXXXX",
                   base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    options.trace = "off";
    ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    open_it();
}

static void end(void)
{
    char wal[112];

    troupe_system_shutdown(sys, TROUPE_S(30));
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    troupe_system_free(&sys);
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    (void)unlink(path);
    (void)unlink(wal);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Asks and waits; the request is taken. */
static troupe_status ask(troupe_msg *request, troupe_ns limit, troupe_msg **answer)
{
    troupe_failure failure = {.text = ""};

    *answer = NULL;
    troupe_status status = troupe_call(sys, engine, &request, limit, answer, &failure);
    troupe_msg_free(&request);
    return status;
}

static int64_t number(const char *text)
{
    troupe_msg *request = NULL, *answer = NULL;

    ck_assert_int_eq(troupe_sql_new(text, &request), TROUPE_OK);
    ck_assert_int_eq(ask(request, TROUPE_NEVER, &answer), TROUPE_OK);
    int64_t value = troupe_sql_int64(answer, 0, 0);
    troupe_msg_free(&answer);
    return value;
}

static void *upsert_often(void *context)
{
    int64_t writer = (int64_t)(uintptr_t)context;

    for (int64_t i = 0; i < UPSERTS; i++) {
        troupe_msg *request = NULL, *answer = NULL;
        ck_assert_int_eq(troupe_sql_new("INSERT INTO t(writer, n) VALUES (?, ?) "
                                        "ON CONFLICT(writer, n) DO UPDATE SET twice = 1",
                                        &request),
                         TROUPE_OK);
        ck_assert_int_eq(troupe_sql_bind_int64(request, writer), TROUPE_OK);
        ck_assert_int_eq(troupe_sql_bind_int64(request, i), TROUPE_OK);
        ck_assert_int_eq(ask(request, TROUPE_NEVER, &answer), TROUPE_OK);
        ck_assert_int_eq(troupe_sql_changes(answer), 1);
        troupe_msg_free(&answer);
    }
    return NULL;
}

START_TEST(twenty_threads_upsert_and_every_row_is_there_in_order)
{
    pthread_t threads[WRITERS];

    begin();
    (void)number("CREATE TABLE t(seq INTEGER PRIMARY KEY AUTOINCREMENT, writer, n, "
                 "twice DEFAULT 0, UNIQUE(writer, n))");
    for (uintptr_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, upsert_often, (void *)i), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    ck_assert_int_eq(troupe_engine_close(sys, engine, TROUPE_S(30)), TROUPE_OK);
    open_it(); /* what was answered is in the file */
    ck_assert_int_eq(number("SELECT count(*) FROM t"), WRITERS * UPSERTS);
    ck_assert_int_eq(number("SELECT sum(twice) FROM t"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM (SELECT n, lag(n) OVER (PARTITION BY "
                            "writer ORDER BY seq) AS before FROM t) "
                            "WHERE n <> coalesce(before + 1, 0)"),
                     0);
    end();
}
END_TEST

START_TEST(an_endless_query_ends_with_its_time_limit)
{
    troupe_msg *request = NULL, *answer = NULL;

    begin();
    ck_assert_int_eq(troupe_sql_new(ENDLESS, &request), TROUPE_OK);
    ck_assert_int_eq(ask(request, TROUPE_MS(20), &answer), TROUPE_ETIMEDOUT);
    ck_assert_int_eq(number("SELECT 42"), 42);
    end();
}
END_TEST

START_TEST(an_interrupted_write_does_not_undo_its_neighbours)
{
    static const char *const texts[] = {
        "INSERT INTO t VALUES (1)", "INSERT INTO t " ENDLESS, "INSERT INTO t VALUES (2)"};
    troupe_pending *pending[TRP_COUNT(texts)];
    troupe_engine_stats stats;

    begin();
    (void)number("CREATE TABLE t(a)");
    for (size_t i = 0; i < TRP_COUNT(texts); i++) {
        troupe_msg *request = NULL;
        ck_assert_int_eq(troupe_sql_new(texts[i], &request), TROUPE_OK);
        ck_assert_int_eq(
            troupe_post_ask(sys, engine, &request, TROUPE_NEVER, &pending[i]), TROUPE_OK);
    }
    do { /* until the second has left the queue and runs */
        ck_assert_int_eq(troupe_engine_stats_read(sys, engine, &stats), TROUPE_OK);
    } while (stats.queued > 1);
    for (size_t i = 0; i < TRP_COUNT(texts); i++) {
        troupe_msg *answer = NULL;
        if (i == 1) {
            troupe_pending_cancel(pending[1]);
        }
        if (i != 0) { /* the first is answered when the group is over */
            ck_assert_int_eq(troupe_pending_wait(pending[i], TROUPE_S(60), &answer),
                             TROUPE_OK);
            ck_assert_int_eq(troupe_msg_status(answer),
                             i == 1 ? TROUPE_ECANCELED : TROUPE_OK);
            troupe_msg_free(&answer);
        }
    }
    troupe_msg *answer = NULL;
    ck_assert_int_eq(troupe_pending_wait(pending[0], TROUPE_S(60), &answer), TROUPE_OK);
    ck_assert_int_eq(troupe_msg_status(answer), TROUPE_OK);
    troupe_msg_free(&answer);
    for (size_t i = 0; i < TRP_COUNT(texts); i++) {
        troupe_pending_free(&pending[i]);
    }
    ck_assert_int_eq(number("SELECT sum(a) FROM t"), 3);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("sqlite threads");
    TCase *tcase = tcase_create("threads");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, twenty_threads_upsert_and_every_row_is_there_in_order);
    tcase_add_test(tcase, an_endless_query_ends_with_its_time_limit);
    tcase_add_test(tcase, an_interrupted_write_does_not_undo_its_neighbours);
    suite_add_tcase(suite, tcase);
    return suite;
}
