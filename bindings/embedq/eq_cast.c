/* SPDX-License-Identifier: MIT
 * eq_cast.c - from type to type: "j"$x `float$x "J"$"12" `$"text". */
#include <math.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_literal.h"
#include "bindings/embedq/eq_verbs.h"

#define NONE INT64_MIN

static int64_t floor_by(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t clock_unit(int kind)
{
    return kind == TROUPE_Q_MINUTE   ? 60 * TRP_EQ_SECOND
           : kind == TROUPE_Q_SECOND ? TRP_EQ_SECOND
           : kind == TROUPE_Q_TIME   ? 1000000
                                     : 1;
}

/* A temporal item as nanoseconds since 2000 (dates) or of the day (clocks). */
static int64_t to_ns(int kind, int64_t whole, double real)
{
    switch (kind) {
    case TROUPE_Q_MONTH: {
        int year = (int)(2000 + floor_by(whole, 12));
        return (int64_t)troupe_q_days(year, (int)(whole - 12 * floor_by(whole, 12)) + 1,
                                      1) *
               TRP_EQ_DAY;
    }
    case TROUPE_Q_DATE:
        return whole * TRP_EQ_DAY;
    case TROUPE_Q_DATETIME:
        return (int64_t)llrint(real * 86400e3) * 1000000;
    default:
        return whole * clock_unit(kind);
    }
}

static int64_t from_ns(int kind, bool dated, int64_t ns)
{
    int64_t days = floor_by(ns, TRP_EQ_DAY);
    int y = 0, m = 0, d = 0;

    switch (kind) {
    case TROUPE_Q_TIMESTAMP:
        return ns;
    case TROUPE_Q_DATE:
        return days;
    case TROUPE_Q_MONTH:
        troupe_q_civil((int32_t)days, &y, &m, &d);
        return (int64_t)(y - 2000) * 12 + m - 1;
    default:
        ns = dated ? ns - days * TRP_EQ_DAY : ns;
        return floor_by(ns, clock_unit(kind));
    }
}

static bool temporal(int kind)
{
    return kind >= TROUPE_Q_TIMESTAMP && kind <= TROUPE_Q_TIME;
}

static bool read_item(const qv *x, size_t i, int64_t *whole, double *real)
{
    int kind = x->type < 0 ? -x->type : x->type;

    if (trp_eq_class(kind) == 'f') {
        if (troupe_q_get_float(x, i, real) != TROUPE_OK) {
            return false;
        }
        *whole = isnan(*real)       ? NONE
                 : *real >= 9.2e18  ? INT64_MAX
                 : *real <= -9.2e18 ? -INT64_MAX
                                    : (int64_t)llrint(*real);
        return true;
    }
    if (troupe_q_get_long(x, i, whole) != TROUPE_OK) {
        return false;
    }
    *real = *whole == NONE         ? (double)NAN
            : *whole == INT64_MAX  ? (double)INFINITY
            : *whole == -INT64_MAX ? -(double)INFINITY
                                   : (double)*whole;
    return true;
}

static int64_t clamp(int64_t whole, int64_t most)
{
    return whole == NONE   ? -most - 1
           : whole > most  ? most
           : whole < -most ? -most
                           : whole;
}

static void write_item(qv *v, size_t i, int kind, int64_t whole, double real)
{
    switch (kind) {
    case TROUPE_Q_BOOLEAN:
        TRP_Q_BYTES(v)[i] = whole != 0 && (whole != NONE || isnan(real));
        break;
    case TROUPE_Q_BYTE:
    case TROUPE_Q_CHAR:
        TRP_Q_BYTES(v)[i] = (uint8_t)whole;
        break;
    case TROUPE_Q_SHORT:
        TRP_Q_SHORTS(v)[i] = (int16_t)clamp(whole, INT16_MAX);
        break;
    case TROUPE_Q_REAL:
        TRP_Q_REALS(v)[i] = (float)real;
        break;
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        TRP_Q_FLOATS(v)[i] = real;
        break;
    case TROUPE_Q_LONG:
    case TROUPE_Q_TIMESTAMP:
    case TROUPE_Q_TIMESPAN:
        TRP_Q_LONGS(v)[i] = whole;
        break;
    default:
        TRP_Q_INTS(v)[i] = (int32_t)clamp(whole, INT32_MAX);
    }
}

static qv *cast_flat(struct trp_embedq *q, int to, qv *x)
{
    int from = x->type < 0 ? -x->type : x->type;
    bool convert = temporal(from) && temporal(to) && from != to;
    bool dated = from <= TROUPE_Q_DATETIME;
    qv *v = trp_eq_new(q, x->type < 0 ? -to : to, x->count);

    for (size_t i = 0; v != NULL && i < x->count; i++) {
        int64_t whole = 0;
        double real = 0;
        if (!read_item(x, i, &whole, &real)) {
            trp_eq_drop(v);
            return trp_eq_fail(q, "type");
        }
        bool odd = whole == NONE || whole == INT64_MAX || whole == -INT64_MAX;
        if (convert && !odd) {
            int64_t ns = to_ns(from, whole, real);
            whole = from_ns(to, dated, ns);
            real =
                to == TROUPE_Q_DATETIME ? (double)ns / (double)TRP_EQ_DAY : (double)whole;
        }
        write_item(v, i, to, whole, real);
    }
    return v;
}

static qv *cast_each(struct trp_embedq *q, qv *x,
                     qv *(*f)(struct trp_embedq *, int, qv *), int type)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, x->count);

    for (size_t i = 0; v != NULL && i < x->count; i++) {
        TRP_Q_ITEMS(v)[i] = trp_eq_go_on(q) ? f(q, type, TRP_Q_ITEMS(x)[i]) : NULL;
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return trp_eq_simple(q, v);
}

static qv *to_symbols(struct trp_embedq *q, qv *x)
{
    size_t size = 0;

    if (x->type == TROUPE_Q_CHAR || x->type == -TROUPE_Q_CHAR) {
        const char *text = troupe_q_text(x, &size);
        while (size > 0 && text[size - 1] == ' ') {
            size--;
        }
        while (size > 0 && text[0] == ' ') {
            text++;
            size--;
        }
        return trp_eq_symbol(q, text, size);
    }
    return NULL;
}

qv *trp_eq_cast(struct trp_embedq *q, int type, qv *x)
{
    int kind = x->type < 0 ? -x->type : x->type;

    if (trp_q_is_dict(x)) {
        qv *values = trp_eq_cast(q, type, TRP_Q_ITEMS(x)[1]);
        return values != NULL ? trp_eq_pair(q, TROUPE_Q_DICT,
                                            troupe_q_ref(TRP_Q_ITEMS(x)[0]), values)
                              : NULL;
    }
    if (x->type == TROUPE_Q_LIST) {
        return x->count == 0 ? trp_eq_empty(q, type) : cast_each(q, x, trp_eq_cast, type);
    }
    if (kind == type) {
        return troupe_q_ref(x);
    }
    if (type == TROUPE_Q_SYMBOL) {
        qv *s = to_symbols(q, x);
        return s != NULL || q->failed ? s : trp_eq_fail(q, "type");
    }
    if (kind > TROUPE_Q_TIME || kind == TROUPE_Q_SYMBOL || kind == TROUPE_Q_GUID ||
        type == TROUPE_Q_GUID || type == TROUPE_Q_LIST) {
        return trp_eq_fail(q, "type");
    }
    return cast_flat(q, type, x);
}

static qv *parse_guid(struct trp_embedq *q, const char *text, size_t size)
{
    qv *v = trp_eq_null_of(q, TROUPE_Q_GUID);
    size_t n = 0;

    for (size_t i = 0; v != NULL && size == 36 && i < size; i++) {
        char c = text[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d >= 0 && n < 32) {
            uint8_t *to = &TRP_Q_BYTES(v)[n / 2];
            *to = (uint8_t)(*to | d << (n % 2 == 0 ? 4 : 0));
            n++;
        }
    }
    return v;
}

/* "J"$"12" */
static qv *tok(struct trp_embedq *q, int type, qv *x)
{
    size_t size = 0;

    if (x->type == TROUPE_Q_LIST) {
        return x->count == 0 ? trp_eq_empty(q, type) : cast_each(q, x, tok, type);
    }
    if (x->type == TROUPE_Q_SYMBOL) {
        qv *list = trp_eq_explode(q, x);
        qv *v = list != NULL ? cast_each(q, list, tok, type) : NULL;
        trp_eq_drop(list);
        return v;
    }
    const char *text = troupe_q_text(x, &size);
    if (text == NULL || trp_q_is_function(x)) {
        return trp_eq_fail(q, "type");
    }
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ') {
        size--;
    }
    switch (type) {
    case TROUPE_Q_SYMBOL:
        return trp_eq_symbol(q, text, size);
    case TROUPE_Q_CHAR:
        return troupe_q_ref(x);
    case TROUPE_Q_BOOLEAN:
        return trp_eq_made(
            q, trp_q_of_long(-TROUPE_Q_BOOLEAN,
                             size > 0 && strchr("1tTyY", *text) != NULL && *text != 0));
    case TROUPE_Q_GUID:
        return parse_guid(q, text, size);
    case TROUPE_Q_BYTE: {
        char hex[40] = "0x";
        size_t n = size < 32 ? size : 32;
        memcpy(hex + 2, text, n);
        return size > 0 ? trp_eq_number(q, hex, n + 2) : trp_eq_null_of(q, type);
    }
    default:
        return trp_eq_number_as(q, type, text, size);
    }
}

static const char *const type_names[TROUPE_Q_TIME + 1] = {
    "",     "boolean",  "guid",     "",       "byte",   "short",     "int",
    "long", "real",     "float",    "char",   "symbol", "timestamp", "month",
    "date", "datetime", "timespan", "minute", "second", "time"};

/* The type that the left side of $ means; negative: parse text; 0: none, 100: error. */
static int target(const qv *x, size_t i)
{
    int64_t n = 0;

    if (x->type == -TROUPE_Q_CHAR || x->type == TROUPE_Q_CHAR) {
        char c = TRP_Q_CHARS(x)[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (c == '*') {
            return 0;
        }
        int type = trp_eq_type_of_letter(upper ? (char)(c + 32) : c);
        return type < 0 ? 100 : upper ? -type : type;
    }
    if (trp_eq_class(x->type) == 's') {
        const char *name = TRP_Q_SYMS(x)[i];
        for (int t = 1; name[0] != 0 && t <= TROUPE_Q_TIME; t++) {
            if (strcmp(name, type_names[t]) == 0) {
                return t;
            }
        }
        return name[0] == 0 ? -TROUPE_Q_SYMBOL : 100;
    }
    if (troupe_q_get_long(x, i, &n) != TROUPE_OK || n < -TROUPE_Q_TIME ||
        n > TROUPE_Q_TIME) {
        return 100;
    }
    return (int)n;
}

static qv *cast_to(struct trp_embedq *q, int type, qv *y)
{
    if (type == 100) {
        return trp_eq_fail(q, "type");
    }
    if (type == 0) {
        return troupe_q_ref(y);
    }
    if (type == -TROUPE_Q_SYMBOL &&
        (y->type == TROUPE_Q_SYMBOL || y->type == -TROUPE_Q_SYMBOL)) {
        return troupe_q_ref(y);
    }
    return type < 0 ? tok(q, -type, y) : trp_eq_cast(q, type, y);
}

/* 10$"text" pads on the right, -10$"text" on the left. */
static qv *pad(struct trp_embedq *q, int64_t width, qv *y)
{
    if (y->type == TROUPE_Q_LIST) {
        qv *v = trp_eq_new(q, TROUPE_Q_LIST, y->count);
        for (size_t i = 0; v != NULL && i < y->count; i++) {
            TRP_Q_ITEMS(v)[i] = trp_eq_go_on(q) ? pad(q, width, TRP_Q_ITEMS(y)[i]) : NULL;
            if (TRP_Q_ITEMS(v)[i] == NULL) {
                trp_eq_drop(v);
                return NULL;
            }
        }
        return v;
    }
    if (y->type != TROUPE_Q_CHAR && y->type != -TROUPE_Q_CHAR) {
        return trp_eq_fail(q, "type");
    }
    size_t size = (size_t)(width < 0 ? -width : width);
    size_t kept = y->count < size ? y->count : size;
    qv *v = width > -(1 << 20) && width < 1 << 20 ? trp_eq_new(q, TROUPE_Q_CHAR, size)
                                                  : trp_eq_fail(q, "limit");
    if (v != NULL) {
        memset(TRP_Q_CHARS(v), ' ', size);
        size_t to = width < 0 ? size - kept : 0;
        size_t from = width < 0 ? y->count - kept : 0;
        memcpy(TRP_Q_CHARS(v) + to, TRP_Q_CHARS(y) + from, kept);
    }
    return v;
}

/* `hh$x, `year$x ...: a part of a date or time as an int. */
static qv *part_of(struct trp_embedq *q, const char *name, qv *x, bool *known)
{
    static const char *const names[] = {"hh", "uu", "ss", "year", "mm", "dd", "week"};
    size_t what = 0;

    while (what < TRP_COUNT(names) && strcmp(name, names[what]) != 0) {
        what++;
    }
    *known = what < TRP_COUNT(names);
    if (!*known) {
        return NULL;
    }
    bool clock = (x->type < 0 ? -x->type : x->type) >= TROUPE_Q_TIMESPAN;
    bool minutes = what < 3 || (what == 4 && clock);
    qv *flat = trp_eq_cast(q, minutes ? TROUPE_Q_SECOND : TROUPE_Q_DATE, x);
    qv *v = flat != NULL ? trp_eq_new(q, flat->type < 0 ? -TROUPE_Q_INT : TROUPE_Q_INT,
                                      flat->count)
                         : NULL;
    for (size_t i = 0; v != NULL && i < flat->count; i++) {
        int32_t a = TRP_Q_INTS(flat)[i];
        int y = 0, m = 0, d = 0;
        if (!minutes && a != INT32_MIN) {
            troupe_q_civil(a, &y, &m, &d);
        }
        int32_t monday = (int32_t)floor_by((int64_t)a - 2, 7) * 7 + 2;
        TRP_Q_INTS(v)
        [i] = a == INT32_MIN ? a
              : what == 0    ? a / 3600
              : what == 2    ? a % 60
              : minutes      ? a / 60 % 60
              : what == 3    ? y
              : what == 4    ? m
              : what == 5    ? d
                             : monday;
    }
    if (v != NULL && what == 6) {
        v->type = (int8_t)(v->type < 0 ? -TROUPE_Q_DATE : TROUPE_Q_DATE);
    }
    trp_eq_drop(flat);
    return v;
}

qv *trp_eq_v_cast(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t width = 0;
    bool texts = y->type == TROUPE_Q_CHAR || (y->type == TROUPE_Q_LIST && y->count > 0 &&
                                              TRP_Q_ITEMS(y)[0]->type == TROUPE_Q_CHAR);

    if ((x->type == -TROUPE_Q_LONG || x->type == -TROUPE_Q_INT) && texts &&
        trp_eq_int_of(x, &width)) {
        return pad(q, width, y);
    }
    bool known = false;
    if (x->type == -TROUPE_Q_SYMBOL &&
        (y->type < 0 ? -y->type : y->type) >= TROUPE_Q_TIMESTAMP) {
        qv *part = part_of(q, TRP_Q_SYMS(x)[0], y, &known);
        if (known) {
            return part;
        }
    }
    if (x->type < 0) {
        return cast_to(q, target(x, 0), y);
    }
    if (!trp_q_is_list(x) || x->type == TROUPE_Q_LIST || x->count == 0) {
        return trp_eq_fail(q, "type");
    }
    if (x->type == TROUPE_Q_FLOAT || (x->type == TROUPE_Q_LONG)) {
        return trp_eq_nyi(q, "matrix multiply");
    }
    bool list = trp_q_is_list(y);
    if (list && y->count != x->count) {
        return trp_eq_fail(q, "length");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, x->count);
    for (size_t i = 0; v != NULL && i < x->count; i++) {
        qv *item = list ? trp_eq_made(q, trp_q_at(y, i)) : troupe_q_ref(y);
        TRP_Q_ITEMS(v)[i] = item != NULL ? cast_to(q, target(x, i), item) : NULL;
        trp_eq_drop(item);
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return trp_eq_simple(q, v);
}
