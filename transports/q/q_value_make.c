/* SPDX-License-Identifier: MIT
 * q_value_make.c - making values. */
#include "transports/q/q_value.h"

#include "mailbox/alloc.h"
#include "transports/q/q_symbol.h"

static troupe_status give(troupe_q_value *made, troupe_q_value **out)
{
    if (made == NULL) {
        return TROUPE_ENOMEM;
    }
    *out = made;
    return TROUPE_OK;
}

static troupe_q_value *atom(int type, const void *item)
{
    troupe_q_value *v = trp_q_new(-type, 1);

    if (v != NULL) {
        memcpy(v->data, item, trp_q_width(type));
    }
    return v;
}

#define ATOM(name, ctype, type)                                                          \
    troupe_status troupe_q_##name(ctype x, troupe_q_value **out)                         \
    {                                                                                    \
        return give(atom(type, &x), out);                                                \
    }

ATOM(boolean, bool, TROUPE_Q_BOOLEAN)
ATOM(byte, uint8_t, TROUPE_Q_BYTE)
ATOM(short, int16_t, TROUPE_Q_SHORT)
ATOM(int, int32_t, TROUPE_Q_INT)
ATOM(long, int64_t, TROUPE_Q_LONG)
ATOM(real, float, TROUPE_Q_REAL)
ATOM(float, double, TROUPE_Q_FLOAT)
ATOM(char, char, TROUPE_Q_CHAR)
ATOM(timestamp, int64_t, TROUPE_Q_TIMESTAMP)
ATOM(month, int32_t, TROUPE_Q_MONTH)
ATOM(date, int32_t, TROUPE_Q_DATE)
ATOM(datetime, double, TROUPE_Q_DATETIME)
ATOM(timespan, int64_t, TROUPE_Q_TIMESPAN)
ATOM(minute, int32_t, TROUPE_Q_MINUTE)
ATOM(second, int32_t, TROUPE_Q_SECOND)
ATOM(time, int32_t, TROUPE_Q_TIME)
#undef ATOM

troupe_status troupe_q_guid(const uint8_t x[16], troupe_q_value **out)
{
    return give(atom(TROUPE_Q_GUID, x), out);
}

troupe_q_value *trp_q_of_long(int type, int64_t x)
{
    troupe_q_value *v = trp_q_new(type, 1);

    if (v == NULL) {
        return NULL;
    }
    switch (trp_q_width(type)) {
    case 1:
        *TRP_Q_BYTES(v) = (uint8_t)x;
        break;
    case 2:
        *TRP_Q_SHORTS(v) = (int16_t)x;
        break;
    case 4:
        *TRP_Q_INTS(v) = (int32_t)x;
        break;
    default:
        *TRP_Q_LONGS(v) = x;
        break;
    }
    return v;
}

troupe_q_value *trp_q_of_float(int type, double x)
{
    troupe_q_value *v = trp_q_new(type, 1);

    if (v != NULL && type == -TROUPE_Q_REAL) {
        *TRP_Q_REALS(v) = (float)x;
    } else if (v != NULL) {
        *TRP_Q_FLOATS(v) = x;
    }
    return v;
}

troupe_q_value *trp_q_of_symbol(const char *interned)
{
    troupe_q_value *v = trp_q_new(-TROUPE_Q_SYMBOL, 1);

    if (v != NULL) {
        *TRP_Q_SYMS(v) = interned;
    }
    return v;
}

troupe_q_value *trp_q_of_text(const char *text, size_t size)
{
    troupe_q_value *v = trp_q_new(TROUPE_Q_CHAR, size);

    if (v != NULL && size != 0) {
        memcpy(v->data, text, size);
    }
    return v;
}

troupe_q_value *trp_q_of_code(int type, unsigned code)
{
    troupe_q_value *v = trp_q_new(type, 1);

    if (v != NULL) {
        *TRP_Q_BYTES(v) = (uint8_t)code;
    }
    return v;
}

troupe_q_value *trp_q_of_parts(int type, size_t count, troupe_q_value *const *parts)
{
    troupe_q_value *v = trp_q_new(type, count);

    for (size_t i = 0; v != NULL && i < count; i++) {
        TRP_Q_ITEMS(v)[i] = parts[i];
    }
    return v;
}

troupe_status troupe_q_symbol(const char *text, size_t size, troupe_q_value **out)
{
    const char *symbol = NULL;

    size = size == TROUPE_Q_Z ? strlen(text) : size;
    if (size != 0 && memchr(text, 0, size) != NULL) {
        return TROUPE_EINVAL;
    }
    troupe_status status = trp_q_intern(text, size, &symbol);
    return status != TROUPE_OK ? status : give(trp_q_of_symbol(symbol), out);
}

troupe_status troupe_q_string(const char *text, size_t size, troupe_q_value **out)
{
    return give(trp_q_of_text(text, size == TROUPE_Q_Z ? strlen(text) : size), out);
}

troupe_status troupe_q_vector(int type, size_t count, const void *items,
                              troupe_q_value **out)
{
    if (type <= 0 || trp_q_wire_width(type) == 0) {
        return TROUPE_EINVAL;
    }
    troupe_q_value *v = trp_q_new(type, count);
    size_t size = count * trp_q_width(type);
    if (v != NULL && items != NULL && count != 0) {
        memcpy(v->data, items, size);
    } else if (v != NULL && count != 0) {
        memset(v->data, 0, size);
    }
    return give(v, out);
}

troupe_status troupe_q_symbols(size_t count, const char *const *names,
                               troupe_q_value **out)
{
    troupe_q_value *v = trp_q_new(TROUPE_Q_SYMBOL, count);
    troupe_status status = v == NULL ? TROUPE_ENOMEM : TROUPE_OK;

    for (size_t i = 0; status == TROUPE_OK && i < count; i++) {
        status = trp_q_intern(names[i], strlen(names[i]), &TRP_Q_SYMS(v)[i]);
    }
    if (status != TROUPE_OK) {
        troupe_q_unref(&v);
        return status;
    }
    return give(v, out);
}

/* A list or compound that holds references of its own to `items`. */
static troupe_status hold(int type, size_t count, troupe_q_value *const *items,
                          troupe_q_value **out)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i] == NULL || items[i]->type == TROUPE_Q_ERROR) {
            return TROUPE_EINVAL;
        }
    }
    troupe_q_value *v = trp_q_of_parts(type, count, items);
    for (size_t i = 0; v != NULL && i < count; i++) {
        (void)troupe_q_ref(items[i]);
    }
    return give(v, out);
}

troupe_status troupe_q_list(size_t count, troupe_q_value *const *items,
                            troupe_q_value **out)
{
    return hold(TROUPE_Q_LIST, count, items, out);
}

static bool countable(const troupe_q_value *v)
{
    return trp_q_is_list(v) || v->type == TROUPE_Q_TABLE || trp_q_is_dict(v);
}

troupe_status trp_q_check_dict(const troupe_q_value *keys, const troupe_q_value *values)
{
    if (!countable(keys) || !countable(values)) {
        return TROUPE_ETYPE;
    }
    return troupe_q_count(keys) == troupe_q_count(values) ? TROUPE_OK : TROUPE_EINVAL;
}

troupe_status trp_q_check_table(const troupe_q_value *names,
                                const troupe_q_value *columns)
{
    if (names->type != TROUPE_Q_SYMBOL || columns->type != TROUPE_Q_LIST) {
        return TROUPE_ETYPE;
    }
    if (names->count != columns->count) {
        return TROUPE_EINVAL;
    }
    for (size_t i = 0; i < columns->count; i++) {
        const troupe_q_value *column = TRP_Q_ITEMS(columns)[i];
        if (!trp_q_is_list(column) && column->type != TROUPE_Q_TABLE) {
            return TROUPE_ETYPE;
        }
        if (troupe_q_count(TRP_Q_ITEMS(columns)[i]) !=
            troupe_q_count(TRP_Q_ITEMS(columns)[0])) {
            return TROUPE_EINVAL;
        }
    }
    return TROUPE_OK;
}

troupe_status troupe_q_dict(troupe_q_value *keys, troupe_q_value *values,
                            troupe_q_value **out)
{
    troupe_status status = trp_q_check_dict(keys, values);

    return status != TROUPE_OK
               ? status
               : hold(TROUPE_Q_DICT, 2, (troupe_q_value *[]){keys, values}, out);
}

troupe_status troupe_q_table(troupe_q_value *names, troupe_q_value *columns,
                             troupe_q_value **out)
{
    troupe_status status = trp_q_check_table(names, columns);

    return status != TROUPE_OK
               ? status
               : hold(TROUPE_Q_TABLE, 2, (troupe_q_value *[]){names, columns}, out);
}

troupe_status troupe_q_table_of(size_t count, const char *const *names,
                                troupe_q_value *const *columns, troupe_q_value **out)
{
    troupe_q_value *header = NULL, *body = NULL;
    troupe_status status = troupe_q_symbols(count, names, &header);

    if (status == TROUPE_OK) {
        status = troupe_q_list(count, columns, &body);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_table(header, body, out);
    }
    troupe_q_unref(&header);
    troupe_q_unref(&body);
    return status;
}

troupe_status troupe_q_lambda(const char *context, const char *text, size_t size,
                              troupe_q_value **out)
{
    troupe_q_value *parts[2] = {NULL, NULL};
    troupe_status status = troupe_q_symbol(context, TROUPE_Q_Z, &parts[0]);

    if (status == TROUPE_OK) {
        status = troupe_q_string(text, size, &parts[1]);
    }
    if (status == TROUPE_OK) {
        status = hold(TROUPE_Q_LAMBDA, 2, parts, out);
    }
    troupe_q_unref(&parts[0]);
    troupe_q_unref(&parts[1]);
    return status;
}

troupe_status troupe_q_primitive(int type, unsigned code, troupe_q_value **out)
{
    return trp_q_code_exists(type, code) ? give(trp_q_of_code(type, code), out)
                                         : TROUPE_EINVAL;
}

troupe_status troupe_q_null(troupe_q_value **out)
{
    return give(trp_q_of_code(TROUPE_Q_UNARY, 0), out);
}

troupe_status troupe_q_derived(int type, size_t count, troupe_q_value *const *items,
                               troupe_q_value **out)
{
    bool members = type == TROUPE_Q_PROJECTION || type == TROUPE_Q_COMPOSITION;
    bool derived = type >= TROUPE_Q_EACH && type <= TROUPE_Q_EACH_LEFT;

    if ((!members && !derived) ||
        (derived ? count != 1 : count < 1 || count > INT32_MAX)) {
        return TROUPE_EINVAL;
    }
    return hold(type, count, items, out);
}

troupe_status troupe_q_error(const char *text, size_t size, troupe_q_value **out)
{
    size = size == TROUPE_Q_Z ? strlen(text) : size;
    const char *nul = size != 0 ? memchr(text, 0, size) : NULL;
    size = nul != NULL ? (size_t)(nul - text) : size;
    troupe_q_value *v = trp_q_new_room(TROUPE_Q_ERROR, size, size + 1);
    if (v != NULL) {
        if (size != 0) {
            memcpy(v->data, text, size);
        }
        TRP_Q_CHARS(v)[size] = 0;
    }
    return give(v, out);
}
