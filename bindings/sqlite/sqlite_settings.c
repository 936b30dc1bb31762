/* SPDX-License-Identifier: MIT
 * sqlite_settings.c - opening the one connection, and what SQL may not change. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bindings/sqlite/sql.h"

enum {
    CACHE_KIB = 65536,
    ROWS_MAX = 100000,
    GROUP_MAX = 256,
    GROUP_LIMIT = 65536,
    BUSY_MS = 5000,
    LOOK_EVERY = 1000 /* instructions of SQLite's machine */
};

#define BYTES_MAX   ((size_t)64 << 20)
#define BYTES_LIMIT ((size_t)1 << 30)

troupe_status trp_sqlite_status(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
        return TROUPE_OK;
    case SQLITE_NOMEM:
        return TROUPE_ENOMEM;
    case SQLITE_INTERRUPT:
        return TROUPE_ECANCELED;
    case SQLITE_TOOBIG:
        return TROUPE_ELIMIT;
    case SQLITE_CANTOPEN:
        return TROUPE_ESYSTEM;
    default:
        return TROUPE_EREMOTE;
    }
}

/* ---- what SQL may do ---- */

/* Settings are the engine's; these only look, or keep the file in shape. */
static bool is_harmless(const char *pragma, const char *argument)
{
    static const char *const harmless[] = {
        "application_id",  "compile_options", "foreign_key_check", "foreign_key_list",
        "freelist_count",  "index_info",      "index_list",        "index_xinfo",
        "integrity_check", "optimize",        "page_count",        "quick_check",
        "schema_version",  "table_info",      "table_list",        "table_xinfo",
        "user_version",
    };
    static const char *const to_read[] = {"foreign_keys", "journal_mode", "page_size",
                                          "synchronous"};

    for (size_t i = 0; i < TRP_COUNT(harmless); i++) {
        if (sqlite3_stricmp(pragma, harmless[i]) == 0) {
            return argument == NULL || sqlite3_stricmp(pragma, "schema_version") != 0;
        }
    }
    for (size_t i = 0; i < TRP_COUNT(to_read); i++) {
        if (sqlite3_stricmp(pragma, to_read[i]) == 0) {
            return argument == NULL;
        }
    }
    return false;
}

static int authorize(void *context, int action, const char *a, const char *b,
                     const char *schema, const char *trigger)
{
    const struct trp_sqlite *lite = context;

    (void)schema;
    (void)trigger;
    if (lite->own) {
        return SQLITE_OK;
    }
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return SQLITE_DENY;
    case SQLITE_PRAGMA:
        return is_harmless(a, b) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

/* Called now and then while a statement runs; an interrupt that came before SQLite began
 * is seen here. */
static int shall_stop(void *context)
{
    const struct trp_sqlite *lite = context;

    return !lite->own && lite->self != NULL && troupe_engine_interrupted(lite->self);
}

int trp_sqlite_own(struct trp_sqlite *lite, sqlite3_stmt *statement)
{
    lite->own = true;
    (void)sqlite3_step(statement);
    int code = sqlite3_reset(statement);
    lite->own = false;
    return code;
}

/* ---- opening ---- */

static troupe_status check(troupe_sqlite_config *config)
{
    if (config->size != sizeof(*config) || config->busy_timeout < 0 ||
        config->busy_timeout > TROUPE_S(3600) || config->group_max > GROUP_LIMIT ||
        config->bytes_max > BYTES_LIMIT || config->cache_kib > INT32_MAX ||
        (config->synchronous != TROUPE_SQLITE_FULL &&
         config->synchronous != TROUPE_SQLITE_NORMAL)) {
        return TROUPE_EINVAL;
    }
    config->cache_kib = config->cache_kib != 0 ? config->cache_kib : CACHE_KIB;
    config->rows_max = config->rows_max != 0 ? config->rows_max : ROWS_MAX;
    config->bytes_max = config->bytes_max != 0 ? config->bytes_max : BYTES_MAX;
    config->group_max = config->group_max != 0 ? config->group_max : GROUP_MAX;
    return TROUPE_OK;
}

/* SQLite would make it readable for everybody. An existing file is not opened here: to
 * close it again would take away the locks that this process has on it. */
static void make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0) {
        (void)close(fd);
    }
}

static int apply_settings(struct trp_sqlite *lite)
{
    const troupe_sqlite_config *config = &lite->config;
    char text[512];

    (void)sqlite3_db_config(lite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(lite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(lite->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(lite->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_limit(lite->db, SQLITE_LIMIT_LENGTH, (int)config->bytes_max);
    (void)sqlite3_limit(lite->db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_extended_result_codes(lite->db, 1);
    int busy = config->busy_timeout != 0 ? (int)(config->busy_timeout / TROUPE_MS(1))
                                         : (int)BUSY_MS;
    (void)sqlite3_busy_timeout(lite->db, busy);
    /* Exclusive before WAL: no shared memory file, and nobody else on a live file. */
    (void)snprintf(text, sizeof(text),
                   "PRAGMA locking_mode=EXCLUSIVE;"
                   "PRAGMA journal_mode=WAL;"
                   "PRAGMA synchronous=%s;"
                   "PRAGMA wal_autocheckpoint=4000;"
                   "PRAGMA journal_size_limit=67108864;"
                   "PRAGMA cache_size=-%u;"
                   "PRAGMA foreign_keys=ON;"
                   "PRAGMA mmap_size=0;"
                   "BEGIN IMMEDIATE; COMMIT;", /* takes the lock now */
                   config->synchronous == TROUPE_SQLITE_FULL ? "FULL" : "NORMAL",
                   (unsigned)config->cache_kib);
    return sqlite3_exec(lite->db, text, NULL, NULL, NULL);
}

static int prepare_own(struct trp_sqlite *lite)
{
    const struct {
        const char *sql;
        sqlite3_stmt **statement;
    } own[] = {
        {"BEGIN IMMEDIATE", &lite->begin},  {"COMMIT", &lite->commit},
        {"ROLLBACK", &lite->rollback},      {"SAVEPOINT troupe", &lite->save},
        {"RELEASE troupe", &lite->release}, {"ROLLBACK TO troupe", &lite->undo},
    };
    int code = SQLITE_OK;

    for (size_t i = 0; i < TRP_COUNT(own) && code == SQLITE_OK; i++) {
        code = sqlite3_prepare_v3(lite->db, own[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  own[i].statement, NULL);
    }
    return code;
}

troupe_status trp_sqlite_open(struct trp_sqlite *lite)
{
    troupe_status status = check(&lite->config);
    const char *path = lite->config.path != NULL ? lite->config.path : ":memory:";

    if (status != TROUPE_OK) {
        return status;
    }
    if (lite->config.path != NULL) {
        make_private(path);
    }
    int code = sqlite3_open_v2(
        path, &lite->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (code == SQLITE_OK) {
        code = apply_settings(lite);
    }
    if (code == SQLITE_OK) {
        code = prepare_own(lite);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_set_authorizer(lite->db, authorize, lite);
        sqlite3_progress_handler(lite->db, LOOK_EVERY, shall_stop, lite);
    }
    lite->config.path = NULL; /* it was borrowed */
    if (code != SQLITE_OK) {
        trp_sqlite_close(lite);
        return (code & 0xff) == SQLITE_BUSY ? TROUPE_EINUSE : trp_sqlite_status(code);
    }
    return TROUPE_OK;
}

void trp_sqlite_close(struct trp_sqlite *lite)
{
    (void)sqlite3_finalize(lite->begin);
    (void)sqlite3_finalize(lite->commit);
    (void)sqlite3_finalize(lite->rollback);
    (void)sqlite3_finalize(lite->save);
    (void)sqlite3_finalize(lite->release);
    (void)sqlite3_finalize(lite->undo);
    (void)sqlite3_close(lite->db);
    lite->db = NULL;
}
