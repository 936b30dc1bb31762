/* SPDX-License-Identifier: MIT
 * sql.h - what the files of the SQLite engine share. Private to bindings/sqlite. Only the
 * public functions of libtroupe are used here: this is a library of its own. */
#ifndef TRP_BINDINGS_SQL_H
#define TRP_BINDINGS_SQL_H

#include <sqlite3.h>
#include <string.h>

#include <troupe/sqlite.h>

#include "mailbox/alloc.h"

/* A parameter or a cell. Bytes lie in the owner's `bytes`, at `at`. */
struct trp_sql_value {
    uint8_t type; /* troupe_sql_type */
    uint32_t size;
    union {
        int64_t integer;
        double real;
        size_t at;
    };
};

/* Values and the bytes they point into; both grow by doubling. */
struct trp_sql_values {
    struct trp_sql_value *items;
    uint32_t count, capacity;
    char *bytes;
    size_t used, room;
};

struct trp_sql_request {
    struct trp_sql_values values;
    uint32_t stream; /* rows at most; 0: not a stream */
    size_t length;
    char sql[];
};

/* Column names are the first `columns` values, then the rows. */
struct trp_sql_result {
    struct trp_sql_values values;
    uint32_t columns, rows;
    int64_t changes, rowid;
};

void trp_sql_values_fini(struct trp_sql_values *values);
/* Appends; text and blobs are copied, with a NUL behind. TROUPE_OK or TROUPE_ENOMEM. */
troupe_status trp_sql_add(struct trp_sql_values *values, struct trp_sql_value value,
                          const void *bytes);

/* Runs over the values of `from`; for the result of a whole statement. */
void trp_sql_result_free(struct trp_sql_result **result);

/* The request inside a message, or NULL. */
struct trp_sql_request *trp_sql_request_of(const troupe_msg *msg);
/* A message that carries the result; takes it on TROUPE_OK. */
troupe_status trp_sql_result_msg(troupe_kind kind, struct trp_sql_result **result,
                                 troupe_msg **out);

/* ---- sqlite_settings.c ---- */

struct trp_sqlite {
    sqlite3 *db;
    troupe_sqlite_config config;
    sqlite3_stmt *begin, *commit, *rollback, *save, *release, *undo;
    bool own;                /* the statement that runs is the engine's own */
    const troupe_self *self; /* of the call that runs, for its interrupt; or NULL */
    bool grouping;
    struct trp_sql_held *held; /* group_max of them */
    uint32_t held_count;
    troupe_ns since; /* when the group began */
    struct trp_sql_cached *cache;
    uint32_t cache_next;
    char text[TROUPE_FAILURE_TEXT]; /* why the last statement failed */
};

/* Opens and sets up; on failure everything is closed again. */
troupe_status trp_sqlite_open(struct trp_sqlite *lite);
void trp_sqlite_close(struct trp_sqlite *lite);
/* Runs one of the engine's own statements. Returns SQLite's code. */
int trp_sqlite_own(struct trp_sqlite *lite, sqlite3_stmt *statement);
troupe_status trp_sqlite_status(int code);

/* ---- sqlite_run.c ---- */

/* Where the rows of a call go. */
struct trp_sql_sink {
    troupe_self *self;
    troupe_id to;                  /* of a stream */
    struct trp_sql_result *result; /* else */
};

/* Whether all that a request does is reading; prepares it. */
troupe_status trp_sql_reads_only(struct trp_sqlite *lite,
                                 const struct trp_sql_request *request, bool *out);
/* Runs every statement of a request. Not TROUPE_OK: lite->text says why. */
troupe_status trp_sql_run(struct trp_sqlite *lite, const struct trp_sql_request *request,
                          struct trp_sql_sink *sink);
void trp_sql_cache_free(struct trp_sqlite *lite);

#endif
