/* SPDX-License-Identifier: MIT
 * sqlite.h - SQLite as an engine: SQL with parameters in, rows out, durable when
 * answered. Link troupe::sqlite.
 *
 * Calls that wait together are committed together, each in a savepoint of its own: one
 * that fails undoes itself only, and no answer leaves before its work is on disk. */
#ifndef TROUPE_SQLITE_H
#define TROUPE_SQLITE_H

#include <troupe/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TROUPE_KIND_SQL = TROUPE_KIND_RESERVED + 0x200, /* a request: troupe_sql_new */
    TROUPE_KIND_SQL_STREAM, /* the same, answered row by row: troupe_sql_stream */
    TROUPE_KIND_SQL_RESULT, /* the answer */
    TROUPE_KIND_SQL_ROW,    /* one row of a stream; read like a result with one row */

    TROUPE_SQL_TEXT_MAX = 1 << 20, /* bytes of SQL */
    TROUPE_SQL_PARAMETERS_MAX = 32766
};

typedef enum troupe_sqlite_sync {
    TROUPE_SQLITE_FULL,  /* an answered write survives a power failure */
    TROUPE_SQLITE_NORMAL /* it survives a crash of the process; the last ones before a
                            power failure may be lost, the file stays whole */
} troupe_sqlite_sync;

/* The config of troupe_engine_sqlite; all but size may be zero. */
typedef struct troupe_sqlite_config {
    size_t size;      /* sizeof(troupe_sqlite_config) */
    const char *path; /* a file, made with mode 0600 when new; NULL: in memory */
    troupe_sqlite_sync synchronous;
    troupe_ns busy_timeout; /* to wait for the file's lock; 0: 5 s */
    uint32_t cache_kib;     /* page cache; 0: 65536 */
    uint32_t rows_max;      /* rows of one answer; 0: 100000 */
    size_t bytes_max;       /* bytes of one answer, and of one value; 0: 64 MiB */
    uint32_t group_max;     /* calls committed together; 0: 256; 1: each alone */
} troupe_sqlite_config;

#define TROUPE_SQLITE_CONFIG                                                             \
    ((troupe_sqlite_config){.size = sizeof(troupe_sqlite_config)})

/* The engine. The file is used by one connection, which locks it: a second engine or
 * process gets TROUPE_EINUSE. Settings: WAL, foreign keys on, defensive, no loadable
 * extensions. SQL may hold several statements: they are one transaction, and the answer
 * is the last one's. BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ATTACH and settings are refused.
 *
 * A call fails with TROUPE_EREMOTE and SQLite's text (for bad SQL also where),
 * TROUPE_ECANCELED (interrupted), TROUPE_ELIMIT (rows_max, bytes_max), TROUPE_EINVAL
 * (parameters) or TROUPE_ENOMEM; then it has changed nothing.
 * Source: bindings/sqlite/sqlite_engine.c */
TROUPE_API extern const troupe_engine_ops troupe_engine_sqlite;

/* Makes a request to ask the engine with.
 *
 * sql   copied; parameters are written ?, and bound in the order they stand
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT (TROUPE_SQL_TEXT_MAX).
 * Thread: any. Source: bindings/sqlite/sqlite_request.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_new(const char *sql,
                                                          troupe_msg **out);

/* Gives the next parameter of a request its value; text and blobs are copied.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (not a request), TROUPE_ENOMEM or TROUPE_ELIMIT
 * (TROUPE_SQL_PARAMETERS_MAX, 2^30 bytes).
 * Thread: the owner's. Source: bindings/sqlite/sqlite_request.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_bind_int64(troupe_msg *request,
                                                                 int64_t value);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_bind_double(troupe_msg *request,
                                                                  double value);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_bind_text(troupe_msg *request,
                                                                const char *text,
                                                                size_t size);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_bind_blob(troupe_msg *request,
                                                                const void *bytes,
                                                                size_t size);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_bind_null(troupe_msg *request);

/* Turns a request that only reads into one for troupe_subscribe: each row comes as a
 * TROUPE_KIND_SQL_ROW; the end as TROUPE_KIND_END, or a failure with its status:
 * TROUPE_ELIMIT when there were more rows.
 *
 * rows   at most so many, >= 1; a subscription needs at least as much credit
 *
 * Returns TROUPE_OK or TROUPE_EINVAL.
 * Thread: the owner's. Source: bindings/sqlite/sqlite_request.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_sql_stream(troupe_msg *request,
                                                             uint32_t rows);

typedef enum troupe_sql_type {
    TROUPE_SQL_NULL,
    TROUPE_SQL_INT64,
    TROUPE_SQL_DOUBLE,
    TROUPE_SQL_TEXT,
    TROUPE_SQL_BLOB
} troupe_sql_type;

/* What a TROUPE_KIND_SQL_RESULT (or _ROW) holds. Numbers outside, and messages of other
 * kinds, read as none, NULL and 0. Text and blobs are the message's, and end with it;
 * text has a NUL behind its `size` bytes.
 *
 * changes   rows that the last statement inserted, updated or deleted
 * rowid     of the last inserted row
 * Thread: the owner's. Source: bindings/sqlite/sqlite_result.c */
TROUPE_API uint32_t troupe_sql_rows(const troupe_msg *result);
TROUPE_API uint32_t troupe_sql_columns(const troupe_msg *result);
TROUPE_API int64_t troupe_sql_changes(const troupe_msg *result);
TROUPE_API int64_t troupe_sql_rowid(const troupe_msg *result);
TROUPE_API const char *troupe_sql_column(const troupe_msg *result, uint32_t column);
TROUPE_API troupe_sql_type troupe_sql_type_of(const troupe_msg *result, uint32_t row,
                                              uint32_t column);
TROUPE_API int64_t troupe_sql_int64(const troupe_msg *result, uint32_t row,
                                    uint32_t column);
TROUPE_API double troupe_sql_double(const troupe_msg *result, uint32_t row,
                                    uint32_t column);
TROUPE_API const char *troupe_sql_text(const troupe_msg *result, uint32_t row,
                                       uint32_t column, size_t *size);
TROUPE_API const void *troupe_sql_blob(const troupe_msg *result, uint32_t row,
                                       uint32_t column, size_t *size);

#ifdef __cplusplus
}
#endif

#endif
