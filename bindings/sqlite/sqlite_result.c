/* SPDX-License-Identifier: MIT
 * sqlite_result.c - reading what a statement answered. */
#include "bindings/sqlite/sql.h"

void trp_sql_result_free(struct trp_sql_result **result)
{
    struct trp_sql_result *old = *result;

    *result = NULL;
    if (old != NULL) {
        trp_sql_values_fini(&old->values);
        trp_free(old);
    }
}

static void drop_result(void *body)
{
    struct trp_sql_result *result = body;

    trp_sql_result_free(&result);
}

troupe_status trp_sql_result_msg(troupe_kind kind, struct trp_sql_result **result,
                                 troupe_msg **out)
{
    size_t size = (*result)->values.used +
                  (*result)->values.count * sizeof(*(*result)->values.items);
    troupe_status status = troupe_msg_new_owned(kind, *result, size, drop_result, out);

    if (status == TROUPE_OK) {
        *result = NULL;
    }
    return status;
}

static const struct trp_sql_result *result_of(const troupe_msg *msg)
{
    bool is = msg != NULL && (troupe_msg_kind(msg) == TROUPE_KIND_SQL_RESULT ||
                              troupe_msg_kind(msg) == TROUPE_KIND_SQL_ROW);

    return is ? troupe_msg_body(msg) : NULL;
}

uint32_t troupe_sql_rows(const troupe_msg *msg)
{
    const struct trp_sql_result *result = result_of(msg);

    return result != NULL ? result->rows : 0;
}

uint32_t troupe_sql_columns(const troupe_msg *msg)
{
    const struct trp_sql_result *result = result_of(msg);

    return result != NULL ? result->columns : 0;
}

int64_t troupe_sql_changes(const troupe_msg *msg)
{
    const struct trp_sql_result *result = result_of(msg);

    return result != NULL ? result->changes : 0;
}

int64_t troupe_sql_rowid(const troupe_msg *msg)
{
    const struct trp_sql_result *result = result_of(msg);

    return result != NULL ? result->rowid : 0;
}

const char *troupe_sql_column(const troupe_msg *msg, uint32_t column)
{
    const struct trp_sql_result *result = result_of(msg);

    if (result == NULL || column >= result->columns) {
        return NULL;
    }
    return result->values.bytes + result->values.items[column].at;
}

static const struct trp_sql_value *cell(const troupe_msg *msg, uint32_t row,
                                        uint32_t column)
{
    const struct trp_sql_result *result = result_of(msg);

    if (result == NULL || row >= result->rows || column >= result->columns) {
        return NULL;
    }
    return &result->values.items[((size_t)row + 1) * result->columns + column];
}

troupe_sql_type troupe_sql_type_of(const troupe_msg *msg, uint32_t row, uint32_t column)
{
    const struct trp_sql_value *value = cell(msg, row, column);

    return value != NULL ? (troupe_sql_type)value->type : TROUPE_SQL_NULL;
}

int64_t troupe_sql_int64(const troupe_msg *msg, uint32_t row, uint32_t column)
{
    const struct trp_sql_value *value = cell(msg, row, column);

    return value != NULL && value->type == TROUPE_SQL_INT64 ? value->integer : 0;
}

double troupe_sql_double(const troupe_msg *msg, uint32_t row, uint32_t column)
{
    const struct trp_sql_value *value = cell(msg, row, column);

    if (value != NULL && value->type == TROUPE_SQL_INT64) {
        return (double)value->integer;
    }
    return value != NULL && value->type == TROUPE_SQL_DOUBLE ? value->real : 0;
}

static const char *bytes_of(const troupe_msg *msg, uint32_t row, uint32_t column,
                            troupe_sql_type type, size_t *size)
{
    const struct trp_sql_value *value = cell(msg, row, column);
    bool is = value != NULL && value->type == type;

    if (size != NULL) {
        *size = is ? value->size : 0;
    }
    return is ? result_of(msg)->values.bytes + value->at : NULL;
}

const char *troupe_sql_text(const troupe_msg *msg, uint32_t row, uint32_t column,
                            size_t *size)
{
    return bytes_of(msg, row, column, TROUPE_SQL_TEXT, size);
}

const void *troupe_sql_blob(const troupe_msg *msg, uint32_t row, uint32_t column,
                            size_t *size)
{
    return bytes_of(msg, row, column, TROUPE_SQL_BLOB, size);
}
