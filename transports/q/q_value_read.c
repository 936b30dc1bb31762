/* SPDX-License-Identifier: MIT
 * q_value_read.c - looking into values. */
#include "transports/q/q_value.h"

#include <math.h>

#include "mailbox/alloc.h"
#include "transports/q/q_symbol.h"

int troupe_q_type(const troupe_q_value *value)
{
    return value->type;
}

unsigned troupe_q_attr(const troupe_q_value *value)
{
    return value->attr & TRP_Q_ATTR_MASK;
}

size_t troupe_q_count(const troupe_q_value *value)
{
    if (value == NULL) {
        return 0;
    }
    while (!trp_q_is_list(value)) {
        if (trp_q_is_dict(value)) {
            value = TRP_Q_ITEMS(value)[0];
        } else if (value->type == TROUPE_Q_TABLE) {
            value = TRP_Q_ITEMS(value)[1];
            if (value->count == 0) {
                return 0;
            }
            value = TRP_Q_ITEMS(value)[0];
        } else {
            return 1;
        }
    }
    return value->count;
}

const void *troupe_q_data(const troupe_q_value *value)
{
    return value != NULL && value->type != 0 && value->type >= -TROUPE_Q_TIME &&
                   value->type <= TROUPE_Q_TIME
               ? value->data
               : NULL;
}

troupe_q_value *troupe_q_part(const troupe_q_value *value, size_t i)
{
    return value != NULL && trp_q_holds_values(value->type) && i < value->count
               ? TRP_Q_ITEMS(value)[i]
               : NULL;
}

/* Row `i` of a table: a dictionary of its columns' items. */
static troupe_status row(const troupe_q_value *table, size_t i, troupe_q_value **out)
{
    troupe_q_value *columns = TRP_Q_ITEMS(table)[1];
    troupe_q_value *items = trp_q_new(TROUPE_Q_LIST, columns->count);
    troupe_status status = items == NULL ? TROUPE_ENOMEM : TROUPE_OK;

    for (size_t c = 0; status == TROUPE_OK && c < columns->count; c++) {
        status = troupe_q_item(TRP_Q_ITEMS(columns)[c], i, &TRP_Q_ITEMS(items)[c]);
    }
    if (status == TROUPE_OK) {
        status = trp_q_simplify(&items);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_dict(TRP_Q_ITEMS(table)[0], items, out);
    }
    troupe_q_unref(&items);
    return status;
}

troupe_status troupe_q_item(const troupe_q_value *value, size_t i, troupe_q_value **out)
{
    if (value == NULL) {
        return TROUPE_ETYPE;
    }
    while (trp_q_is_dict(value)) {
        value = TRP_Q_ITEMS(value)[1];
    }
    if (!trp_q_is_list(value) && value->type != TROUPE_Q_TABLE) {
        return TROUPE_ETYPE;
    }
    if (i >= troupe_q_count(value)) {
        return TROUPE_EINVAL;
    }
    if (value->type == TROUPE_Q_TABLE) {
        return row(value, i, out);
    }
    troupe_q_value *item = trp_q_at(value, i);
    if (item == NULL) {
        return TROUPE_ENOMEM;
    }
    *out = item;
    return TROUPE_OK;
}

/* The base type when `i` is an item of an atom or vector, else 0. */
static int base_at(const troupe_q_value *v, size_t i)
{
    int base = v->type < 0 ? -v->type : v->type;

    return base <= TROUPE_Q_TIME && i < v->count ? base : 0;
}

static bool is_whole(int base)
{
    return base != 0 && base != TROUPE_Q_GUID && base != TROUPE_Q_SYMBOL &&
           base != TROUPE_Q_REAL && base != TROUPE_Q_FLOAT && base != TROUPE_Q_DATETIME;
}

static int64_t widen(int64_t x, int64_t null)
{
    return x == null        ? TROUPE_Q_NULL_LONG
           : x == -null - 1 ? TROUPE_Q_INF_LONG
           : x == null + 1  ? -TROUPE_Q_INF_LONG
                            : x;
}

static int64_t whole_at(const troupe_q_value *v, size_t i)
{
    switch (trp_q_width(v->type)) {
    case 1:
        return TRP_Q_BYTES(v)[i];
    case 2:
        return widen(TRP_Q_SHORTS(v)[i], INT16_MIN);
    case 4:
        return widen(TRP_Q_INTS(v)[i], INT32_MIN);
    default:
        return TRP_Q_LONGS(v)[i];
    }
}

troupe_status troupe_q_get_long(const troupe_q_value *value, size_t i, int64_t *out)
{
    if (value == NULL) {
        return TROUPE_ETYPE;
    }
    int base = value->type < 0 ? -value->type : value->type;
    if (base > TROUPE_Q_TIME || !is_whole(base)) {
        return TROUPE_ETYPE;
    }
    if (i >= value->count) {
        return TROUPE_EINVAL;
    }
    *out = whole_at(value, i);
    return TROUPE_OK;
}

troupe_status troupe_q_get_float(const troupe_q_value *value, size_t i, double *out)
{
    if (value == NULL) {
        return TROUPE_ETYPE;
    }
    int base = value->type < 0 ? -value->type : value->type;
    if (base == TROUPE_Q_REAL || base == TROUPE_Q_FLOAT || base == TROUPE_Q_DATETIME) {
        if (i >= value->count) {
            return TROUPE_EINVAL;
        }
        *out = base == TROUPE_Q_REAL ? (double)TRP_Q_REALS(value)[i]
                                     : TRP_Q_FLOATS(value)[i];
        return TROUPE_OK;
    }
    int64_t whole = 0;
    troupe_status status = troupe_q_get_long(value, i, &whole);
    if (status == TROUPE_OK) {
        bool signed_type = trp_q_width(value->type) > 1;
        *out = !signed_type                  ? (double)whole
               : whole == TROUPE_Q_NULL_LONG ? (double)NAN
               : whole == TROUPE_Q_INF_LONG  ? (double)INFINITY
               : whole == -TROUPE_Q_INF_LONG ? -(double)INFINITY
                                             : (double)whole;
    }
    return status;
}

const char *troupe_q_get_symbol(const troupe_q_value *value, size_t i)
{
    return value != NULL && base_at(value, i) == TROUPE_Q_SYMBOL ? TRP_Q_SYMS(value)[i]
                                                                 : NULL;
}

const char *troupe_q_text(const troupe_q_value *value, size_t *size)
{
    if (value == NULL) {
        return NULL;
    }
    switch (value->type) {
    case TROUPE_Q_CHAR:
    case -TROUPE_Q_CHAR:
    case TROUPE_Q_ERROR:
        *size = value->count;
        return value->data;
    case -TROUPE_Q_SYMBOL:
        *size = trp_q_symbol_size(*TRP_Q_SYMS(value));
        return *TRP_Q_SYMS(value);
    case TROUPE_Q_LAMBDA:
        return troupe_q_text(TRP_Q_ITEMS(value)[1], size);
    default:
        return NULL;
    }
}

int troupe_q_code(const troupe_q_value *value)
{
    return value->type >= TROUPE_Q_UNARY && value->type <= TROUPE_Q_ITERATOR
               ? *TRP_Q_BYTES(value)
               : -1;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;

    for (size_t i = 0; i < size; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool troupe_q_is_null(const troupe_q_value *value, size_t i)
{
    if (trp_q_is_generic_null(value)) {
        return true;
    }
    switch (base_at(value, i)) {
    case 0:
        return value->type == TROUPE_Q_LIST && i < value->count &&
               trp_q_is_generic_null(TRP_Q_ITEMS(value)[i]);
    case TROUPE_Q_BOOLEAN:
    case TROUPE_Q_BYTE:
        return false;
    case TROUPE_Q_GUID:
        return all_zero(TRP_Q_BYTES(value) + 16 * i, 16);
    case TROUPE_Q_CHAR:
        return TRP_Q_CHARS(value)[i] == ' ';
    case TROUPE_Q_SYMBOL:
        return *TRP_Q_SYMS(value)[i] == 0;
    case TROUPE_Q_REAL:
        return isnan(TRP_Q_REALS(value)[i]);
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        return isnan(TRP_Q_FLOATS(value)[i]);
    default:
        return whole_at(value, i) == TROUPE_Q_NULL_LONG;
    }
}

int troupe_q_is_infinite(const troupe_q_value *value, size_t i)
{
    double x = 0;

    if (base_at(value, i) == 0 || troupe_q_get_float(value, i, &x) != TROUPE_OK ||
        !isinf(x)) {
        return 0;
    }
    return x > 0 ? 1 : -1;
}

troupe_q_value *troupe_q_column(const troupe_q_value *table, const char *name)
{
    if (table == NULL) {
        return NULL;
    }
    if (trp_q_is_keyed(table)) {
        troupe_q_value *key = troupe_q_column(TRP_Q_ITEMS(table)[0], name);
        return key != NULL ? key : troupe_q_column(TRP_Q_ITEMS(table)[1], name);
    }
    if (table->type != TROUPE_Q_TABLE) {
        return NULL;
    }
    const troupe_q_value *names = TRP_Q_ITEMS(table)[0];
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(TRP_Q_SYMS(names)[i], name) == 0) {
            return TRP_Q_ITEMS(TRP_Q_ITEMS(table)[1])[i];
        }
    }
    return NULL;
}

static bool same_float(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    if (a == b) {
        return true;
    }
    double larger = fabs(a) > fabs(b) ? fabs(a) : fabs(b);
    return isfinite(a) && isfinite(b) && fabs(a - b) <= ldexp(larger, -43);
}

static bool same_items(const troupe_q_value *a, const troupe_q_value *b, int depth);

static bool same(const troupe_q_value *a, const troupe_q_value *b, int depth)
{
    if (a == b) {
        return true;
    }
    int type_a = a->type == TROUPE_Q_SORTED_DICT ? TROUPE_Q_DICT : a->type;
    int type_b = b->type == TROUPE_Q_SORTED_DICT ? TROUPE_Q_DICT : b->type;
    return depth < TROUPE_Q_DEPTH_MAX && type_a == type_b && a->count == b->count &&
           same_items(a, b, depth + 1);
}

static bool same_items(const troupe_q_value *a, const troupe_q_value *b, int depth)
{
    int base = a->type < 0 ? -a->type : a->type;

    for (size_t i = 0; trp_q_holds_values(a->type) && i < a->count; i++) {
        if (!same(TRP_Q_ITEMS(a)[i], TRP_Q_ITEMS(b)[i], depth)) {
            return false;
        }
    }
    if (trp_q_holds_values(a->type)) {
        return true;
    }
    if (base == TROUPE_Q_REAL) {
        for (size_t i = 0; i < a->count; i++) {
            if (!same_float((double)TRP_Q_REALS(a)[i], (double)TRP_Q_REALS(b)[i])) {
                return false;
            }
        }
        return true;
    }
    if (base == TROUPE_Q_FLOAT || base == TROUPE_Q_DATETIME) {
        for (size_t i = 0; i < a->count; i++) {
            if (!same_float(TRP_Q_FLOATS(a)[i], TRP_Q_FLOATS(b)[i])) {
                return false;
            }
        }
        return true;
    }
    return a->count == 0 ||
           memcmp(a->data, b->data, a->count * trp_q_width(a->type)) == 0;
}

bool troupe_q_match(const troupe_q_value *a, const troupe_q_value *b)
{
    return same(a, b, 0);
}

static size_t memory(const troupe_q_value *v, int depth)
{
    size_t size = sizeof(*v);

    if (trp_q_is_short(v)) {
        return TRP_Q_SHORT;
    }
    if (v->owner != NULL) {
        size += v->count * trp_q_width(v->type);
    } else if (v->data != v->small.bytes) {
        size += v->capacity * trp_q_width(v->type);
    }
    if (trp_q_holds_values(v->type) && depth < TROUPE_Q_DEPTH_MAX) {
        for (size_t i = 0; i < v->count; i++) {
            size += memory(TRP_Q_ITEMS(v)[i], depth + 1);
        }
    }
    return size;
}

size_t troupe_q_memory(const troupe_q_value *value)
{
    return memory(value, 0);
}
