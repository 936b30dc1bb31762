/* SPDX-License-Identifier: MIT
 * sqlite_run.c - the statements of one request: prepare, bind, step, collect. */
#include <stdio.h>

#include "bindings/sqlite/sql.h"

enum { CACHED = 32 };

/* A statement that was prepared before; `sql` is a copy of the whole request's. */
struct trp_sql_cached {
    sqlite3_stmt *statement;
    char *sql;
    size_t length;
};

static troupe_status fail(struct trp_sqlite *lite, troupe_status status, const char *text)
{
    (void)snprintf(lite->text, sizeof(lite->text), "%s", text);
    return status;
}

/* What SQLite said, and where in the request when it knows. */
static troupe_status fail_code(struct trp_sqlite *lite, int code, size_t offset)
{
    int at = sqlite3_error_offset(lite->db);

    if (at >= 0) {
        (void)snprintf(lite->text, sizeof(lite->text), "%s, at byte %zu of the SQL",
                       sqlite3_errmsg(lite->db), offset + (size_t)at);
    } else {
        (void)snprintf(lite->text, sizeof(lite->text), "%s", sqlite3_errmsg(lite->db));
    }
    return trp_sqlite_status(code);
}

/* ---- prepared statements ---- */

void trp_sql_cache_free(struct trp_sqlite *lite)
{
    for (unsigned i = 0; lite->cache != NULL && i < CACHED; i++) {
        (void)sqlite3_finalize(lite->cache[i].statement);
        trp_free(lite->cache[i].sql);
    }
    trp_free(lite->cache);
    lite->cache = NULL;
}

static sqlite3_stmt *cached(const struct trp_sqlite *lite,
                            const struct trp_sql_request *request)
{
    for (unsigned i = 0; lite->cache != NULL && i < CACHED; i++) {
        const struct trp_sql_cached *entry = &lite->cache[i];
        if (entry->statement != NULL && entry->length == request->length &&
            memcmp(entry->sql, request->sql, request->length) == 0) {
            return entry->statement;
        }
    }
    return NULL;
}

/* Keeps a statement, which then lives until it is replaced; false without memory. */
static bool keep(struct trp_sqlite *lite, const struct trp_sql_request *request,
                 sqlite3_stmt *statement)
{
    if (lite->cache == NULL) {
        lite->cache = trp_calloc(CACHED, sizeof(*lite->cache));
    }
    char *sql = lite->cache != NULL ? trp_alloc(request->length + 1) : NULL;
    if (sql == NULL) {
        return false;
    }
    struct trp_sql_cached *entry = &lite->cache[lite->cache_next++ % CACHED];
    (void)sqlite3_finalize(entry->statement);
    trp_free(entry->sql);
    memcpy(sql, request->sql, request->length);
    *entry = (struct trp_sql_cached){statement, sql, request->length};
    return true;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\f;")] == 0;
}

/* Prepares the statement at *at and moves past it. *mine: finalize it after use. */
static troupe_status prepare(struct trp_sqlite *lite,
                             const struct trp_sql_request *request, const char **at,
                             sqlite3_stmt **out, bool *mine)
{
    bool first = *at == request->sql;
    const char *tail = NULL;

    *mine = false;
    *out = first ? cached(lite, request) : NULL;
    if (*out != NULL) {
        *at = request->sql + request->length;
        return TROUPE_OK;
    }
    size_t offset = (size_t)(*at - request->sql);
    int code = sqlite3_prepare_v2(lite->db, *at, (int)(request->length - offset + 1), out,
                                  &tail);
    if (code != SQLITE_OK) {
        return fail_code(lite, code, offset);
    }
    *mine = *out != NULL && !(first && is_blank(tail) && keep(lite, request, *out));
    *at = tail;
    return TROUPE_OK;
}

troupe_status trp_sql_reads_only(struct trp_sqlite *lite,
                                 const struct trp_sql_request *request, bool *out)
{
    const char *at = request->sql;
    sqlite3_stmt *statement = NULL;
    bool mine = false;
    troupe_status status = prepare(lite, request, &at, &statement, &mine);

    if (status == TROUPE_OK) {
        *out = is_blank(at) && (statement == NULL || sqlite3_stmt_readonly(statement));
        if (mine) {
            (void)sqlite3_finalize(statement);
        }
    }
    return status;
}

/* ---- parameters ---- */

static int bind_one(sqlite3_stmt *statement, int at, const struct trp_sql_values *values,
                    uint32_t which)
{
    const struct trp_sql_value *value = &values->items[which];

    switch ((troupe_sql_type)value->type) {
    case TROUPE_SQL_INT64:
        return sqlite3_bind_int64(statement, at, value->integer);
    case TROUPE_SQL_DOUBLE:
        return sqlite3_bind_double(statement, at, value->real);
    case TROUPE_SQL_TEXT:
        return sqlite3_bind_text(statement, at, values->bytes + value->at,
                                 (int)value->size, SQLITE_STATIC);
    case TROUPE_SQL_BLOB:
        return sqlite3_bind_blob(statement, at, values->bytes + value->at,
                                 (int)value->size, SQLITE_STATIC);
    case TROUPE_SQL_NULL:
        break;
    }
    return sqlite3_bind_null(statement, at);
}

static troupe_status bind_all(struct trp_sqlite *lite, sqlite3_stmt *statement,
                              const struct trp_sql_request *request, uint32_t *next)
{
    int count = sqlite3_bind_parameter_count(statement);

    if ((uint32_t)count > request->values.count - *next) {
        return fail(lite, TROUPE_EINVAL, "the SQL has more parameters than were bound");
    }
    for (int i = 1; i <= count; i++) {
        int code = bind_one(statement, i, &request->values, (*next)++);
        if (code != SQLITE_OK) {
            return fail_code(lite, code, 0);
        }
    }
    return TROUPE_OK;
}

/* ---- rows ---- */

static troupe_status add_text(struct trp_sql_values *values, const char *text)
{
    return trp_sql_add(
        values,
        (struct trp_sql_value){.type = TROUPE_SQL_TEXT, .size = (uint32_t)strlen(text)},
        text);
}

static troupe_status add_names(struct trp_sql_result *result, sqlite3_stmt *statement)
{
    result->columns = (uint32_t)sqlite3_column_count(statement);
    for (uint32_t i = 0; i < result->columns; i++) {
        const char *name = sqlite3_column_name(statement, (int)i);
        if (name == NULL || add_text(&result->values, name) != TROUPE_OK) {
            return TROUPE_ENOMEM;
        }
    }
    return TROUPE_OK;
}

static troupe_status add_cell(struct trp_sql_values *values, sqlite3_stmt *statement,
                              int column)
{
    struct trp_sql_value value = {.type = TROUPE_SQL_NULL};
    const void *bytes = NULL;

    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        value.type = TROUPE_SQL_INT64;
        value.integer = sqlite3_column_int64(statement, column);
        break;
    case SQLITE_FLOAT:
        value.type = TROUPE_SQL_DOUBLE;
        value.real = sqlite3_column_double(statement, column);
        break;
    case SQLITE_TEXT:
        value.type = TROUPE_SQL_TEXT;
        bytes = sqlite3_column_text(statement, column);
        break;
    case SQLITE_BLOB:
        value.type = TROUPE_SQL_BLOB;
        bytes = sqlite3_column_blob(statement, column);
        break;
    default:
        break;
    }
    if (value.type == TROUPE_SQL_TEXT || value.type == TROUPE_SQL_BLOB) {
        value.size = (uint32_t)sqlite3_column_bytes(statement, column);
        if (bytes == NULL && value.size != 0) {
            return TROUPE_ENOMEM;
        }
    }
    return trp_sql_add(values, value, bytes);
}

static troupe_status add_row(struct trp_sqlite *lite, struct trp_sql_result *result,
                             sqlite3_stmt *statement)
{
    if (result->rows == lite->config.rows_max) {
        return fail(lite, TROUPE_ELIMIT, "the answer has more rows than rows_max");
    }
    for (uint32_t i = 0; i < result->columns; i++) {
        if (add_cell(&result->values, statement, (int)i) != TROUPE_OK) {
            return fail(lite, TROUPE_ENOMEM, "no memory for the rows");
        }
    }
    result->rows++;
    if (result->values.used + result->values.count * sizeof(*result->values.items) >
        lite->config.bytes_max) {
        return fail(lite, TROUPE_ELIMIT, "the answer has more bytes than bytes_max");
    }
    return TROUPE_OK;
}

static troupe_status stream_row(struct trp_sqlite *lite, struct trp_sql_sink *sink,
                                sqlite3_stmt *statement)
{
    struct trp_sql_result *row = trp_calloc(1, sizeof(*row));
    troupe_msg *msg = NULL;
    troupe_status status = row != NULL ? add_names(row, statement) : TROUPE_ENOMEM;

    if (status == TROUPE_OK) {
        status = add_row(lite, row, statement);
    }
    if (status == TROUPE_OK) {
        status = trp_sql_result_msg(TROUPE_KIND_SQL_ROW, &row, &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_tell(sink->self, sink->to, &msg);
        troupe_msg_free(&msg);
    }
    trp_sql_result_free(&row);
    return status == TROUPE_OK ? TROUPE_OK
                               : fail(lite, status, troupe_status_text(status));
}

/* ---- running ---- */

static troupe_status step_all(struct trp_sqlite *lite, sqlite3_stmt *statement,
                              const struct trp_sql_request *request,
                              struct trp_sql_sink *sink)
{
    struct trp_sql_result *result = sink->result;
    uint32_t streamed = 0;
    troupe_status status = TROUPE_OK;
    int code;

    if (result != NULL) { /* only the last statement's is kept */
        result->values.count = result->rows = 0;
        result->values.used = 0;
        status = add_names(result, statement);
    }
    while (status == TROUPE_OK && (code = sqlite3_step(statement)) != SQLITE_DONE) {
        if (code != SQLITE_ROW) {
            return fail_code(lite, code, 0);
        }
        if (result != NULL) {
            status = add_row(lite, result, statement);
        } else if (streamed++ == request->stream) {
            status = fail(lite, TROUPE_ELIMIT, "there are more rows than were asked for");
        } else {
            status = stream_row(lite, sink, statement);
        }
    }
    if (result != NULL && status == TROUPE_OK) {
        result->changes =
            sqlite3_stmt_readonly(statement) ? 0 : sqlite3_changes64(lite->db);
        result->rowid = sqlite3_last_insert_rowid(lite->db);
    }
    return status;
}

troupe_status trp_sql_run(struct trp_sqlite *lite, const struct trp_sql_request *request,
                          struct trp_sql_sink *sink)
{
    const char *at = request->sql;
    uint32_t next = 0;
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && !is_blank(at)) {
        sqlite3_stmt *statement = NULL;
        bool mine = false;
        status = prepare(lite, request, &at, &statement, &mine);
        if (statement == NULL) {
            continue; /* a comment, or a failure */
        }
        status = bind_all(lite, statement, request, &next);
        if (status == TROUPE_OK) {
            status = step_all(lite, statement, request, sink);
        }
        (void)sqlite3_reset(statement); /* its failure has been told */
        (void)sqlite3_clear_bindings(statement);
        if (mine) {
            (void)sqlite3_finalize(statement);
        }
    }
    if (status == TROUPE_OK && next != request->values.count) {
        return fail(lite, TROUPE_EINVAL, "more parameters were bound than the SQL has");
    }
    return status;
}
