/* SPDX-License-Identifier: MIT
 * sqlite_request.c - requests: SQL and the values of its parameters, in one message. */
#include "bindings/sqlite/sql.h"

#define VALUE_MAX ((size_t)1 << 30)

/* ---- values ---- */

void trp_sql_values_fini(struct trp_sql_values *values)
{
    trp_free(values->items);
    trp_free(values->bytes);
    *values = (struct trp_sql_values){0};
}

static troupe_status make_room(struct trp_sql_values *values, size_t bytes)
{
    if (values->count == values->capacity) {
        uint32_t capacity = values->capacity != 0 ? values->capacity * 2 : 8;
        struct trp_sql_value *items =
            capacity > values->capacity
                ? trp_realloc(values->items, (size_t)capacity * sizeof(*items))
                : NULL;
        if (items == NULL) {
            return TROUPE_ENOMEM;
        }
        values->items = items;
        values->capacity = capacity;
    }
    if (bytes > values->room - values->used) {
        size_t room = values->used + bytes + values->room;
        char *grown = room > values->used ? trp_realloc(values->bytes, room) : NULL;
        if (grown == NULL) {
            return TROUPE_ENOMEM;
        }
        values->bytes = grown;
        values->room = room;
    }
    return TROUPE_OK;
}

troupe_status trp_sql_add(struct trp_sql_values *values, struct trp_sql_value value,
                          const void *bytes)
{
    bool carries = value.type == TROUPE_SQL_TEXT || value.type == TROUPE_SQL_BLOB;
    troupe_status status = make_room(values, carries ? (size_t)value.size + 1 : 0);

    if (status != TROUPE_OK) {
        return status;
    }
    if (carries) {
        value.at = values->used;
        if (value.size != 0) {
            memcpy(values->bytes + value.at, bytes, value.size);
        }
        values->bytes[value.at + value.size] = 0;
        values->used += (size_t)value.size + 1;
    }
    values->items[values->count++] = value;
    return TROUPE_OK;
}

/* ---- requests ---- */

static void drop_request(void *body)
{
    struct trp_sql_request *request = body;

    trp_sql_values_fini(&request->values);
    trp_free(request);
}

troupe_status troupe_sql_new(const char *sql, troupe_msg **out)
{
    size_t length = strnlen(sql, TROUPE_SQL_TEXT_MAX + 1);

    if (length > TROUPE_SQL_TEXT_MAX) {
        return TROUPE_ELIMIT;
    }
    struct trp_sql_request *request = trp_calloc(1, sizeof(*request) + length + 1);
    if (request == NULL) {
        return TROUPE_ENOMEM;
    }
    request->length = length;
    memcpy(request->sql, sql, length);
    troupe_status status =
        troupe_msg_new_owned(TROUPE_KIND_SQL, request, length, drop_request, out);
    if (status != TROUPE_OK) {
        drop_request(request);
    }
    return status;
}

struct trp_sql_request *trp_sql_request_of(const troupe_msg *msg)
{
    bool is = msg != NULL && (troupe_msg_kind(msg) == TROUPE_KIND_SQL ||
                              troupe_msg_kind(msg) == TROUPE_KIND_SQL_STREAM);

    return is ? troupe_msg_body(msg) : NULL;
}

static troupe_status bind(troupe_msg *msg, struct trp_sql_value value, const void *bytes,
                          size_t size)
{
    struct trp_sql_request *request = trp_sql_request_of(msg);

    if (request == NULL || (bytes == NULL && size != 0)) {
        return TROUPE_EINVAL;
    }
    if (request->values.count == TROUPE_SQL_PARAMETERS_MAX || size > VALUE_MAX ||
        request->values.used > VALUE_MAX) {
        return TROUPE_ELIMIT;
    }
    value.size = (uint32_t)size;
    return trp_sql_add(&request->values, value, bytes);
}

troupe_status troupe_sql_bind_int64(troupe_msg *request, int64_t value)
{
    return bind(request,
                (struct trp_sql_value){.type = TROUPE_SQL_INT64, .integer = value}, NULL,
                0);
}

troupe_status troupe_sql_bind_double(troupe_msg *request, double value)
{
    return bind(request, (struct trp_sql_value){.type = TROUPE_SQL_DOUBLE, .real = value},
                NULL, 0);
}

troupe_status troupe_sql_bind_text(troupe_msg *request, const char *text, size_t size)
{
    return bind(request, (struct trp_sql_value){.type = TROUPE_SQL_TEXT}, text, size);
}

troupe_status troupe_sql_bind_blob(troupe_msg *request, const void *bytes, size_t size)
{
    return bind(request, (struct trp_sql_value){.type = TROUPE_SQL_BLOB}, bytes, size);
}

troupe_status troupe_sql_bind_null(troupe_msg *request)
{
    return bind(request, (struct trp_sql_value){.type = TROUPE_SQL_NULL}, NULL, 0);
}

troupe_status troupe_sql_stream(troupe_msg *msg, uint32_t rows)
{
    struct trp_sql_request *request = trp_sql_request_of(msg);

    if (request == NULL || rows == 0) {
        return TROUPE_EINVAL;
    }
    request->stream = rows;
    troupe_msg_set_kind(msg, TROUPE_KIND_SQL_STREAM);
    return TROUPE_OK;
}
