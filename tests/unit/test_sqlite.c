/* SPDX-License-Identifier: MIT
 * test_sqlite.c - the SQLite engine: its functions called directly, and in a simulated
 * system, where calls that wait together are committed together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <troupe/sqlite.h>

#include "mailbox/alloc.h"
#include "tests/support/sim.h"

static void *lite;
static char folder[64], path[96];

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(folder, sizeof(folder), "%.40s/troupe-XXXXXX",
                   base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
}

static void remove_folder(void)
{
    static const char *const files[] = {"test.db", "test.db-wal", "test.db-shm"};
    char name[128];

    for (size_t i = 0; i < TRP_COUNT(files); i++) {
        (void)snprintf(name, sizeof(name), "%s/%s", folder, files[i]);
        (void)unlink(name);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static void begin_with(const troupe_sqlite_config *config)
{
    ck_assert_int_eq(troupe_engine_sqlite.open(NULL, config, &lite), TROUPE_OK);
}

static void begin(void)
{
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;

    begin_with(&config);
}

static void end(void)
{
    troupe_engine_sqlite.close(NULL, lite);
}

static troupe_msg *sql(const char *text)
{
    troupe_msg *request = NULL;

    ck_assert_int_eq(troupe_sql_new(text, &request), TROUPE_OK);
    return request;
}

/* Runs a request, which is freed; the answer is the caller's. */
static troupe_status run_request(troupe_msg *request, troupe_msg **answer)
{
    *answer = NULL;
    troupe_status status = troupe_engine_sqlite.execute(NULL, lite, &request, answer);
    troupe_msg_free(&request);
    return status;
}

/* Runs SQL that must do. */
static void must(const char *text)
{
    troupe_msg *answer = NULL;

    troupe_status status = run_request(sql(text), &answer);
    ck_assert_msg(status == TROUPE_OK, "%s: %s", text,
                  answer != NULL ? troupe_msg_failure(answer)->text : "");
    troupe_msg_free(&answer);
}

/* Runs SQL that must fail; with what text it does. */
static const char *refused(const char *text, troupe_status status)
{
    static char said[TROUPE_FAILURE_TEXT];
    troupe_msg *answer = NULL;

    ck_assert_int_eq(run_request(sql(text), &answer), status);
    ck_assert_int_eq(troupe_msg_status(answer), status);
    memcpy(said, troupe_msg_failure(answer)->text, sizeof(said));
    troupe_msg_free(&answer);
    return said;
}

static int64_t number(const char *text)
{
    troupe_msg *answer = NULL;

    ck_assert_int_eq(run_request(sql(text), &answer), TROUPE_OK);
    ck_assert_uint_eq(troupe_sql_rows(answer), 1);
    int64_t value = troupe_sql_int64(answer, 0, 0);
    troupe_msg_free(&answer);
    return value;
}

/* ---- values ---- */

START_TEST(every_type_comes_back_as_it_went)
{
    troupe_msg *answer = NULL, *request = sql("SELECT ?,?,?,?,?,?");
    size_t size = 0;

    begin();
    ck_assert_int_eq(troupe_sql_bind_int64(request, INT64_MIN), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_bind_double(request, 1.5), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_bind_text(request, "a\0b", 3), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_bind_blob(request, "\0\xff", 2), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_bind_null(request), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_bind_blob(request, NULL, 0), TROUPE_OK);
    ck_assert_int_eq(run_request(request, &answer), TROUPE_OK);
    ck_assert_uint_eq(troupe_sql_columns(answer), 6);
    ck_assert_uint_eq(troupe_sql_rows(answer), 1);
    ck_assert(troupe_sql_int64(answer, 0, 0) == INT64_MIN);
    ck_assert(troupe_sql_double(answer, 0, 1) == 1.5);
    ck_assert_int_eq(memcmp(troupe_sql_text(answer, 0, 2, &size), "a\0b", 4), 0);
    ck_assert_uint_eq(size, 3);
    ck_assert_int_eq(memcmp(troupe_sql_blob(answer, 0, 3, &size), "\0\xff", 2), 0);
    ck_assert_uint_eq(size, 2);
    ck_assert_int_eq(troupe_sql_type_of(answer, 0, 4), TROUPE_SQL_NULL);
    ck_assert_str_eq(troupe_sql_column(answer, 0), "?");
    troupe_msg_free(&answer);
    end();
}
END_TEST

START_TEST(what_is_not_there_reads_as_nothing)
{
    troupe_msg *answer = NULL;
    size_t size = 9;

    begin();
    ck_assert_int_eq(run_request(sql("SELECT 1 AS a, 'x' AS b"), &answer), TROUPE_OK);
    ck_assert_str_eq(troupe_sql_column(answer, 1), "b");
    ck_assert_ptr_null(troupe_sql_column(answer, 2));
    ck_assert_int_eq(troupe_sql_int64(answer, 0, 1), 0);
    ck_assert_int_eq(troupe_sql_int64(answer, 1, 0), 0);
    ck_assert_ptr_null(troupe_sql_text(answer, 0, 0, &size));
    ck_assert_uint_eq(size, 0);
    ck_assert_uint_eq(troupe_sql_rows(NULL), 0);
    troupe_msg_free(&answer);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 0, &answer), TROUPE_OK);
    ck_assert_uint_eq(troupe_sql_rows(answer), 0);
    ck_assert_int_eq(troupe_sql_bind_null(answer), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_sql_stream(answer, 1), TROUPE_EINVAL);
    troupe_msg_free(&answer);
    end();
}
END_TEST

START_TEST(changes_and_rowid_are_told)
{
    troupe_msg *answer = NULL;

    begin();
    must("CREATE TABLE t(a)");
    ck_assert_int_eq(run_request(sql("INSERT INTO t VALUES (1),(2),(3)"), &answer),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_sql_changes(answer), 3);
    ck_assert_int_eq(troupe_sql_rowid(answer), 3);
    troupe_msg_free(&answer);
    ck_assert_int_eq(run_request(sql("INSERT INTO t VALUES (4) RETURNING a*10"), &answer),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_sql_int64(answer, 0, 0), 40);
    troupe_msg_free(&answer);
    end();
}
END_TEST

/* ---- statements ---- */

START_TEST(several_statements_are_one_transaction)
{
    troupe_msg *request =
        sql("INSERT INTO t VALUES (?); -- one\n INSERT INTO t VALUES (?);\n"
            "SELECT sum(a) FROM t WHERE a > ?;  ");
    troupe_msg *answer = NULL;

    begin();
    must("CREATE TABLE t(a UNIQUE)");
    for (int64_t i = 0; i < 3; i++) {
        ck_assert_int_eq(troupe_sql_bind_int64(request, i * 5), TROUPE_OK);
    }
    ck_assert_int_eq(run_request(request, &answer), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_type_of(answer, 0, 0), TROUPE_SQL_NULL);
    troupe_msg_free(&answer);
    ck_assert_int_eq(number("SELECT count(*) FROM t"), 2);
    (void)refused("INSERT INTO t VALUES (7); INSERT INTO t VALUES (7)", TROUPE_EREMOTE);
    ck_assert_int_eq(number("SELECT count(*) FROM t"), 2);
    must("");
    must(" ; -- nothing at all\n");
    end();
}
END_TEST

START_TEST(bad_sql_names_the_place)
{
    begin();
    ck_assert_str_eq(refused("SELEC 1", TROUPE_EREMOTE),
                     "near \"SELEC\": syntax error, at byte 0 of the SQL");
    ck_assert_str_eq(refused("SELECT 1; SELECT absent", TROUPE_EREMOTE),
                     "no such column: absent, at byte 17 of the SQL");
    ck_assert_str_eq(refused("SELECT ?", TROUPE_EINVAL),
                     "the SQL has more parameters than were bound");
    end();
}
END_TEST

START_TEST(too_many_parameters_change_nothing)
{
    troupe_msg *request = sql("INSERT INTO t VALUES (?)"), *answer = NULL;

    begin();
    must("CREATE TABLE t(a)");
    ck_assert_int_eq(troupe_sql_bind_int64(request, 1), TROUPE_OK);
    ck_assert_int_eq(troupe_sql_bind_int64(request, 2), TROUPE_OK);
    ck_assert_int_eq(run_request(request, &answer), TROUPE_EINVAL);
    troupe_msg_free(&answer);
    ck_assert_int_eq(number("SELECT count(*) FROM t"), 0);
    end();
}
END_TEST

START_TEST(transactions_and_settings_are_the_engines)
{
    static const char *const forbidden[] = {
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "ATTACH 'other' AS o",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA synchronous=OFF",
        "PRAGMA writable_schema=ON",
        "PRAGMA locking_mode=NORMAL",
        "PRAGMA foreign_keys=OFF",
    };

    begin();
    for (size_t i = 0; i < TRP_COUNT(forbidden); i++) {
        ck_assert_ptr_nonnull(strstr(refused(forbidden[i], TROUPE_EREMOTE), "not auth"));
    }
    must("PRAGMA user_version=7");
    ck_assert_int_eq(number("PRAGMA user_version"), 7);
    ck_assert_int_eq(number("PRAGMA foreign_keys"), 1);
    (void)refused("SELECT load_extension('x')", TROUPE_EREMOTE);
    end();
}
END_TEST

START_TEST(limits_of_rows_and_bytes_are_kept)
{
    static const char series[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 11) "
        "SELECT i FROM n";
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;

    config.rows_max = 10;
    config.bytes_max = 1000;
    begin_with(&config);
    ck_assert_str_eq(refused(series, TROUPE_ELIMIT),
                     "the answer has more rows than rows_max");
    ck_assert_str_eq(
        refused("SELECT hex(zeroblob(400)), hex(zeroblob(400))", TROUPE_ELIMIT),
        "the answer has more bytes than bytes_max");
    (void)refused("SELECT zeroblob(2000)", TROUPE_ELIMIT);
    must("SELECT 1");
    end();
}
END_TEST

/* ---- files ---- */

START_TEST(a_file_is_private_locked_and_durable)
{
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;
    struct stat about;
    void *second = NULL;
    troupe_msg *answer = NULL;

    make_folder();
    config.path = path;
    config.busy_timeout = TROUPE_MS(1);
    begin_with(&config);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
    must("CREATE TABLE t(a)");
    must("INSERT INTO t VALUES (42)");
    ck_assert_int_eq(run_request(sql("PRAGMA journal_mode"), &answer), TROUPE_OK);
    ck_assert_str_eq(troupe_sql_text(answer, 0, 0, NULL), "wal");
    troupe_msg_free(&answer);
    ck_assert_int_eq(number("PRAGMA synchronous"), 2);
    ck_assert_int_eq(troupe_engine_sqlite.open(NULL, &config, &second), TROUPE_EINUSE);
    end();
    begin_with(&config);
    ck_assert_int_eq(number("SELECT a FROM t"), 42);
    end();
    remove_folder();
}
END_TEST

START_TEST(a_config_out_of_range_is_refused)
{
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;
    void *engine = NULL;

    config.size = 1;
    ck_assert_int_eq(troupe_engine_sqlite.open(NULL, &config, &engine), TROUPE_EINVAL);
    config = TROUPE_SQLITE_CONFIG;
    config.busy_timeout = -1;
    ck_assert_int_eq(troupe_engine_sqlite.open(NULL, &config, &engine), TROUPE_EINVAL);
    config = TROUPE_SQLITE_CONFIG;
    config.path = "/nowhere/at/all.db";
    ck_assert_int_eq(troupe_engine_sqlite.open(NULL, &config, &engine), TROUPE_ESYSTEM);
}
END_TEST

/* ---- in a system: groups and streams ---- */

static troupe_id engine;

struct asks {
    const char *const *texts;
    size_t count;
};

/* All in one turn, so that they wait together. */
static troupe_status ask_all(troupe_self *self, void *argument)
{
    const struct asks *asks = argument;

    for (size_t i = 0; i < asks->count; i++) {
        troupe_msg *request = sql(asks->texts[i]);
        ck_assert_int_eq(troupe_ask(self, engine, &request, TROUPE_S(60), i, NULL),
                         TROUPE_OK);
    }
    return TROUPE_OK;
}

static void begin_system(uint32_t group_max)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;

    sim_begin(0);
    config.group_max = group_max;
    options.config = &config;
    ck_assert_int_eq(troupe_engine_open(sim, &troupe_engine_sqlite, &options, &engine),
                     TROUPE_OK);
}

static void ask_these(struct probe *probe, const char *const *texts, size_t count)
{
    struct asks asks = {texts, count};

    ck_assert_int_eq(act(probe, ask_all, &asks), TROUPE_OK);
    ck_assert_uint_eq(probe->count, count);
}

/* The answer to the n-th ask. */
static const struct heard *answer_to(const struct probe *probe, uint64_t tag)
{
    for (size_t i = 0; i < probe->count; i++) {
        if (probe->heard[i].tag == tag && probe->heard[i].answer) {
            return &probe->heard[i];
        }
    }
    ck_abort_msg("ask %d was not answered", (int)tag);
    return NULL;
}

static troupe_status last_value(troupe_self *self, void *state, troupe_msg **msg)
{
    struct probe *probe = probe_of(self, state);

    if (troupe_msg_kind(*msg) == TROUPE_KIND_SQL_RESULT && troupe_sql_rows(*msg) != 0) {
        *(int64_t *)probe->context = troupe_sql_int64(*msg, 0, 0);
    }
    return TROUPE_OK;
}

START_TEST(a_call_that_fails_in_a_group_undoes_itself_only)
{
    static const char *const texts[] = {
        "CREATE TABLE t(a UNIQUE)",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (3)",
        "nonsense",
        "SELECT sum(a) FROM t",
    };

    int64_t sum = 0;

    begin_system(_i == 0 ? 0 : (uint32_t)_i);
    struct probe *probe = probe_new();
    probe->context = &sum;
    probe->hook = last_value;
    ask_these(probe, texts, TRP_COUNT(texts));
    ck_assert_int_eq(answer_to(probe, 1)->status, TROUPE_OK);
    ck_assert_int_eq(answer_to(probe, 2)->status, TROUPE_EREMOTE);
    ck_assert_int_eq(answer_to(probe, 3)->status, TROUPE_OK);
    ck_assert_int_eq(answer_to(probe, 4)->status, TROUPE_EREMOTE);
    ck_assert_int_eq(answer_to(probe, 5)->status, TROUPE_OK);
    ck_assert_int_eq(sum, 4);
    sim_end();
}
END_TEST

START_TEST(a_lost_transaction_runs_the_others_again)
{
    /* A conflict clause makes one statement roll the whole transaction back, as an
     * interrupt or a full disk would. */
    static const char *const texts[] = {
        "CREATE TABLE t(a UNIQUE)", "INSERT INTO t VALUES (1)",
        "INSERT INTO t VALUES (2)", "INSERT OR ROLLBACK INTO t VALUES (1)",
        "INSERT INTO t VALUES (3)", "SELECT sum(a) FROM t",
    };
    int64_t sum = 0;

    begin_system(0);
    struct probe *probe = probe_new();
    probe->context = &sum;
    probe->hook = last_value;
    ask_these(probe, texts, TRP_COUNT(texts));
    for (uint64_t i = 0; i < TRP_COUNT(texts); i++) {
        ck_assert_int_eq(answer_to(probe, i)->status,
                         i == 3 ? TROUPE_EREMOTE : TROUPE_OK);
    }
    ck_assert_int_eq(sum, 6);
    sim_end();
}
END_TEST

static troupe_status subscribe(troupe_self *self, void *argument)
{
    troupe_msg *request =
        sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 10) "
            "SELECT i FROM n");
    const uint32_t *rows = argument;

    ck_assert_int_eq(troupe_sql_stream(request, *rows), TROUPE_OK);
    return troupe_subscribe(self, engine, &request, *rows, 5, NULL);
}

START_TEST(rows_stream_to_a_subscription)
{
    uint32_t enough = 10, few = 4;

    begin_system(0);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act(probe, subscribe, &enough), TROUPE_OK);
    ck_assert_uint_eq(heard_count(probe, TROUPE_KIND_SQL_ROW), 10);
    ck_assert_uint_eq(heard_last(probe)->kind, TROUPE_KIND_END);
    ck_assert_uint_eq(heard_last(probe)->tag, 5);
    forget(probe);
    ck_assert_int_eq(act(probe, subscribe, &few), TROUPE_OK);
    ck_assert_uint_eq(heard_count(probe, TROUPE_KIND_SQL_ROW), 4);
    ck_assert_int_eq(heard_last(probe)->status, TROUPE_ELIMIT);
    sim_end();
}
END_TEST

/* ---- failing allocations ---- */

START_TEST(every_failing_allocation_is_an_answer)
{
    bool happened = true;

    begin();
    must("CREATE TABLE t(a, b)");
    for (uint64_t n = 1; happened; n++) {
        troupe_msg *request = NULL, *answer = NULL;
        int64_t before = number("SELECT count(*) FROM t");
        trp_fail_nth(n);
        troupe_status status =
            troupe_sql_new("INSERT INTO t VALUES (?,?) RETURNING a, b", &request);
        if (status == TROUPE_OK) {
            status = troupe_sql_bind_text(request, "text", 4);
        }
        if (status == TROUPE_OK) {
            status = troupe_sql_bind_int64(request, (int64_t)n);
        }
        if (status == TROUPE_OK) {
            status = troupe_engine_sqlite.execute(NULL, lite, &request, &answer);
        }
        happened = trp_fail_happened();
        troupe_msg_free(&request);
        troupe_msg_free(&answer);
        ck_assert(status == TROUPE_OK || (happened && status == TROUPE_ENOMEM));
        ck_assert_int_eq(number("SELECT count(*) FROM t"),
                         before + (status == TROUPE_OK));
        ck_assert_uint_lt(n, 100);
    }
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("sqlite");
    TCase *tcase = tcase_create("sqlite");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_type_comes_back_as_it_went);
    tcase_add_test(tcase, what_is_not_there_reads_as_nothing);
    tcase_add_test(tcase, changes_and_rowid_are_told);
    tcase_add_test(tcase, several_statements_are_one_transaction);
    tcase_add_test(tcase, bad_sql_names_the_place);
    tcase_add_test(tcase, too_many_parameters_change_nothing);
    tcase_add_test(tcase, transactions_and_settings_are_the_engines);
    tcase_add_test(tcase, limits_of_rows_and_bytes_are_kept);
    tcase_add_test(tcase, a_file_is_private_locked_and_durable);
    tcase_add_test(tcase, a_config_out_of_range_is_refused);
    tcase_add_loop_test(tcase, a_call_that_fails_in_a_group_undoes_itself_only, 0, 4);
    tcase_add_test(tcase, a_lost_transaction_runs_the_others_again);
    tcase_add_test(tcase, rows_stream_to_a_subscription);
    tcase_add_test(tcase, every_failing_allocation_is_an_answer);
    suite_add_tcase(suite, tcase);
    return suite;
}
