/* SPDX-License-Identifier: MIT
 * eq_literal.c - numbers, dates and times as they are written; strings and symbols. */
#include <math.h>
#include <stdlib.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_literal.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Up to `most` digits as a number; false when there is none. */
static bool scan_digits(const char **at, const char *end, size_t most, int64_t *out)
{
    const char *start = *at;
    int64_t value = 0;

    while (*at < end && digit(**at) && (size_t)(*at - start) < most) {
        value = value * 10 + (**at - '0');
        (*at)++;
    }
    *out = value;
    return *at != start;
}

/* yyyy.mm.dd (or with - or /), days since 2000. */
static bool scan_date(const char **at, const char *end, int64_t *days)
{
    int64_t y = 0, m = 0, d = 0;
    const char *p = *at;

    if (!scan_digits(&p, end, 4, &y) || p - *at != 4 || p == end) {
        return false;
    }
    char mark = *p++;
    if ((mark != '.' && mark != '-' && mark != '/') || !scan_digits(&p, end, 2, &m) ||
        p == end || *p++ != mark || !scan_digits(&p, end, 2, &d) || m < 1 || m > 12 ||
        d < 1 || d > 31) {
        return false;
    }
    *days = troupe_q_days((int)y, (int)m, (int)d);
    *at = p;
    return true;
}

/* hh[:mm[:ss[.fff..]]], nanoseconds; *parts says how many there were, *places digits of
 * the fraction. */
static bool scan_clock(const char **at, const char *end, int64_t *ns, int *parts,
                       int *places)
{
    static const int64_t unit[] = {INT64_C(3600000000000), INT64_C(60000000000),
                                   INT64_C(1000000000)};
    const char *p = *at;

    *ns = 0;
    *places = 0;
    for (*parts = 0; *parts < 3; (*parts)++) {
        int64_t value = 0;
        if (!scan_digits(&p, end, *parts == 0 ? 6 : 2, &value)) {
            return false;
        }
        *ns += value * unit[*parts];
        if (p == end || *p != ':') {
            (*parts)++;
            break;
        }
        p++;
    }
    if (p < end && *p == '.') {
        int64_t scale = 100000000;
        for (p++; p < end && digit(*p) && scale > 0; p++, scale /= 10) {
            *ns += (*p - '0') * scale;
            (*places)++;
        }
        while (p < end && digit(*p)) {
            p++;
        }
        *parts = 4;
    }
    *at = p;
    return true;
}

static bool scan_plain_float(const char *text, size_t size, double *out)
{
    char copy[64];
    char *stop = NULL;

    if (size == 0 || size >= sizeof copy) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (!digit(c) && c != '.' && c != 'e' && c != 'E' && c != '-' && c != '+') {
            return false;
        }
        copy[i] = c;
    }
    copy[size] = 0;
    *out = strtod(copy, &stop);
    return stop == copy + size;
}

static bool scan_plain_long(const char *text, size_t size, int64_t *out)
{
    uint64_t value = 0;
    bool minus = size > 0 && text[0] == '-';

    if (size == (size_t)minus) {
        return false;
    }
    for (size_t i = minus; i < size; i++) {
        if (!digit(text[i]) || value > (uint64_t)INT64_MAX / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value > (uint64_t)INT64_MAX) {
        return false;
    }
    *out = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

int trp_eq_type_of_letter(char letter)
{
    static const char letters[] = " bg xhijefcspmdznuvt";
    const char *found = letter == ' ' || letter == 0 ? NULL : strchr(letters, letter);

    return found != NULL ? (int)(found - letters) : -1;
}

char trp_eq_letter_of_type(int type)
{
    static const char letters[] = " bg xhijefcspmdznuvt";
    int kind = type < 0 ? -type : type;

    return kind <= TROUPE_Q_TIME ? letters[kind] : ' ';
}

/* 0N 0W 0n 0w with an optional letter. */
static bool scan_special(const char *text, size_t size, struct trp_eq_scan *out)
{
    bool minus = text[0] == '-';
    const char *p = text + minus;
    size_t left = size - minus;

    if (left < 2 || left > 3 || p[0] != '0' || strchr("NWnw", p[1]) == NULL) {
        return false;
    }
    bool floating = p[1] == 'n' || p[1] == 'w';
    out->type = left == 3  ? trp_eq_type_of_letter(p[2])
                : floating ? TROUPE_Q_FLOAT
                           : TROUPE_Q_LONG;
    out->plain = left == 2 && !floating;
    if (out->type < 0) {
        return false;
    }
    bool infinite = p[1] == 'W' || p[1] == 'w';
    out->null = !infinite;
    out->infinite = infinite ? (minus ? -1 : 1) : 0;
    return true;
}

static bool scan_temporal(const char *text, size_t size, struct trp_eq_scan *out)
{
    bool minus = text[0] == '-';
    const char *p = text + minus;
    const char *end = text + size;
    const char *mark = memchr(p, 'D', size - minus);
    int64_t days = 0, ns = 0;
    int parts = 0, places = 0;

    if (mark == NULL) {
        mark = memchr(p, 'T', size - minus);
    }
    const char *at = p;
    bool dated = scan_date(&at, end, &days);
    if (dated && at == end) {
        *out = (struct trp_eq_scan){.type = TROUPE_Q_DATE, .whole = days};
        return true;
    }
    if (mark != NULL && dated && at == mark) {
        at = mark + 1;
        if (at != end && !scan_clock(&at, end, &ns, &parts, &places)) {
            return false;
        }
        bool stamp = *mark == 'D';
        out->type = stamp ? TROUPE_Q_TIMESTAMP : TROUPE_Q_DATETIME;
        out->whole = days * TRP_EQ_DAY + ns;
        out->real = (double)days + (double)ns / (double)TRP_EQ_DAY;
        return at == end;
    }
    if (mark != NULL && *mark == 'D') {
        at = p;
        if (!scan_digits(&at, mark, 6, &days) || at != mark) {
            return false;
        }
        at = mark + 1;
        if (at != end && !scan_clock(&at, end, &ns, &parts, &places)) {
            return false;
        }
        out->type = TROUPE_Q_TIMESPAN;
        out->whole = days * TRP_EQ_DAY + ns;
    } else {
        at = p;
        if (memchr(p, ':', size - minus) == NULL ||
            !scan_clock(&at, end, &ns, &parts, &places)) {
            return false;
        }
        out->type = parts == 2   ? TROUPE_Q_MINUTE
                    : parts == 3 ? TROUPE_Q_SECOND
                    : places > 3 ? TROUPE_Q_TIMESPAN
                                 : TROUPE_Q_TIME;
        out->whole = out->type == TROUPE_Q_TIMESPAN ? ns
                     : out->type == TROUPE_Q_TIME   ? ns / 1000000
                     : out->type == TROUPE_Q_SECOND ? ns / TRP_EQ_SECOND
                                                    : ns / (60 * TRP_EQ_SECOND);
    }
    if (minus) {
        out->whole = -out->whole;
    }
    return at == end;
}

static bool scan_month(const char *text, size_t size, struct trp_eq_scan *out)
{
    int64_t y = 0, m = 0;
    const char *p = text;

    if (size != 8 || text[7] != 'm' || !scan_digits(&p, text + 4, 4, &y) || *p++ != '.' ||
        !scan_digits(&p, text + 7, 2, &m) || p != text + 7 || m < 1 || m > 12) {
        return false;
    }
    *out = (struct trp_eq_scan){.type = TROUPE_Q_MONTH, .whole = (y - 2000) * 12 + m - 1};
    return true;
}

bool trp_eq_scan_word(const char *text, size_t size, struct trp_eq_scan *out)
{
    *out = (struct trp_eq_scan){0};
    if (size == 0) {
        return false;
    }
    if (scan_special(text, size, out) || scan_month(text, size, out) ||
        scan_temporal(text, size, out)) {
        return true;
    }
    char last = text[size - 1];
    if (scan_plain_long(text, size, &out->whole)) {
        *out = (struct trp_eq_scan){.type = TROUPE_Q_LONG,
                                    .whole = out->whole,
                                    .real = (double)out->whole,
                                    .plain = true};
        return true;
    }
    if (scan_plain_float(text, size, &out->real)) {
        out->type = TROUPE_Q_FLOAT;
        return true;
    }
    if (last == 'e' || last == 'f') {
        out->type = last == 'e' ? TROUPE_Q_REAL : TROUPE_Q_FLOAT;
        return scan_plain_float(text, size - 1, &out->real);
    }
    int type = trp_eq_type_of_letter(last);
    bool whole =
        type >= TROUPE_Q_SHORT && type != TROUPE_Q_CHAR && type != TROUPE_Q_SYMBOL;
    if (whole && scan_plain_long(text, size - 1, &out->whole)) {
        out->type = type;
        out->real = (double)out->whole;
        return true;
    }
    return false;
}

/* Writes what was scanned as item i of a vector. */
static void put_scanned(qv *v, size_t i, const struct trp_eq_scan *scan)
{
    int type = v->type < 0 ? -v->type : v->type;
    uint8_t *to = TRP_Q_BYTES(v) + i * trp_q_width(type);

    if (scan->null) {
        trp_eq_null_bits(type, to);
        return;
    }
    double real = scan->infinite != 0           ? scan->infinite * (double)INFINITY
                  : scan->type == TROUPE_Q_LONG ? (double)scan->whole
                                                : scan->real;
    int64_t whole = scan->whole;
    switch (type) {
    case TROUPE_Q_SHORT:
        whole = scan->infinite != 0 ? scan->infinite * INT16_MAX : whole;
        memcpy(to, &(int16_t){(int16_t)whole}, 2);
        break;
    case TROUPE_Q_LONG:
    case TROUPE_Q_TIMESTAMP:
    case TROUPE_Q_TIMESPAN:
        whole = scan->infinite != 0 ? scan->infinite * INT64_MAX : whole;
        memcpy(to, &whole, 8);
        break;
    case TROUPE_Q_REAL:
        memcpy(to, &(float){(float)real}, 4);
        break;
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        memcpy(to, &real, 8);
        break;
    default:
        whole = scan->infinite != 0 ? scan->infinite * INT32_MAX : whole;
        memcpy(to, &(int32_t){(int32_t)whole}, 4);
    }
}

static qv *literal_bits(struct trp_embedq *q, const char *text, size_t size)
{
    qv *v = trp_eq_new(q, size == 1 ? -TROUPE_Q_BOOLEAN : TROUPE_Q_BOOLEAN, size);

    for (size_t i = 0; v != NULL && i < size; i++) {
        TRP_Q_BYTES(v)[i] = text[i] == '1';
    }
    return v;
}

static int hex_digit(char c)
{
    return digit(c)               ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static qv *literal_bytes(struct trp_embedq *q, const char *text, size_t size)
{
    size_t count = (size + 1) / 2;
    qv *v = trp_eq_new(q, count == 1 ? -TROUPE_Q_BYTE : TROUPE_Q_BYTE, count);

    if (v == NULL) {
        return NULL;
    }
    memset(TRP_Q_BYTES(v), 0, count);
    for (size_t i = 0; i < size; i++) {
        int value = hex_digit(text[i]);
        size_t nibble = i + (size & 1);
        if (value < 0) {
            trp_eq_drop(v);
            return trp_eq_failf(q, "%.*s", (int)(size < 60 ? size : 60), text);
        }
        TRP_Q_BYTES(v)
        [nibble / 2] =
            (uint8_t)(TRP_Q_BYTES(v)[nibble / 2] | value << (nibble % 2 == 0 ? 4 : 0));
    }
    return v;
}

static bool all_bits(const char *text, size_t size)
{
    if (size < 2 || text[size - 1] != 'b') {
        return false;
    }
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] != '0' && text[i] != '1') {
            return false;
        }
    }
    return true;
}

static size_t next_word(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\t')) {
        (*at)++;
    }
    const char *stop = *at;
    while (stop < end && *stop != ' ' && *stop != '\t') {
        stop++;
    }
    return (size_t)(stop - *at);
}

/* The type of a run and how many words it has; -1: a word that is no number. */
static int run_type(struct trp_embedq *q, const char *text, size_t size, size_t *count)
{
    const char *at = text;
    int type = TROUPE_Q_LONG;

    *count = 0;
    for (size_t n; (n = next_word(&at, text + size)) != 0; at += n) {
        struct trp_eq_scan scan;
        if (!trp_eq_scan_word(at, n, &scan)) {
            (void)trp_eq_failf(q, "%.*s", (int)(n < 60 ? n : 60), at);
            return -1;
        }
        if (!scan.plain) {
            type = scan.type;
        }
        (*count)++;
    }
    return type;
}

qv *trp_eq_number(struct trp_embedq *q, const char *text, size_t size)
{
    size_t count = 0;

    if (size >= 2 && text[0] == '0' && text[1] == 'x' &&
        memchr(text, ' ', size) == NULL) {
        return literal_bytes(q, text + 2, size - 2);
    }
    if (all_bits(text, size)) {
        return literal_bits(q, text, size - 1);
    }
    int type = run_type(q, text, size, &count);
    if (type < 0) {
        return NULL;
    }
    if (type == TROUPE_Q_GUID || type == TROUPE_Q_SYMBOL || type == TROUPE_Q_BOOLEAN) {
        return count == 1 && type == TROUPE_Q_GUID ? trp_eq_null_of(q, type)
                                                   : trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_new(q, count == 1 ? -type : type, count);
    const char *at = text;
    for (size_t i = 0; v != NULL && i < count; i++) {
        size_t n = next_word(&at, text + size);
        struct trp_eq_scan scan;
        if (trp_eq_scan_word(at, n, &scan)) {
            put_scanned(v, i, &scan);
        }
        at += n;
    }
    return v;
}

qv *trp_eq_number_as(struct trp_embedq *q, int type, const char *text, size_t size)
{
    struct trp_eq_scan scan;
    bool good = trp_eq_scan_word(text, size, &scan);
    bool clock =
        type == TROUPE_Q_TIMESPAN || (type >= TROUPE_Q_MINUTE && type <= TROUPE_Q_TIME);

    if (good && scan.type != type && !scan.null && scan.infinite == 0) {
        bool number = scan.type == TROUPE_Q_LONG || scan.type == TROUPE_Q_FLOAT;
        if (type == TROUPE_Q_FLOAT || type == TROUPE_Q_REAL) {
            good = number;
        } else if (type < TROUPE_Q_REAL) {
            good = scan.type == TROUPE_Q_LONG;
        } else if (!number || clock) {
            qv *atom = trp_eq_new(q, -scan.type, 1);
            if (atom == NULL) {
                return NULL;
            }
            put_scanned(atom, 0, &scan);
            qv *cast = trp_eq_cast(q, type, atom);
            trp_eq_drop(atom);
            return cast;
        } else {
            good = false;
        }
    }
    if (!good) {
        return trp_eq_null_of(q, type);
    }
    qv *v = trp_eq_new(q, -type, 1);
    if (v != NULL) {
        put_scanned(v, 0, &scan);
    }
    return v;
}

qv *trp_eq_string_literal(struct trp_embedq *q, const char *text, size_t size)
{
    qv *v = trp_eq_new(q, TROUPE_Q_CHAR, size);
    size_t n = 0;

    if (v == NULL) {
        return NULL;
    }
    for (size_t i = 1; i + 1 < size; i++) {
        char c = text[i];
        if (c == '\\' && i + 2 < size) {
            c = text[++i];
            if (digit(c) && i + 3 < size && digit(text[i + 1]) && digit(text[i + 2])) {
                c = (char)((c - '0') * 64 + (text[i + 1] - '0') * 8 +
                           (text[i + 2] - '0'));
                i += 2;
            } else {
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
            }
        }
        TRP_Q_CHARS(v)[n++] = c;
    }
    v->count = n;
    if (n == 1) {
        qv *atom = trp_eq_made(q, trp_q_of_long(-TROUPE_Q_CHAR, TRP_Q_CHARS(v)[0]));
        trp_eq_drop(v);
        return atom;
    }
    return v;
}

qv *trp_eq_symbol_literal(struct trp_embedq *q, const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++) {
        count += text[i] == '`';
    }
    qv *v = trp_eq_new(q, count == 1 ? -TROUPE_Q_SYMBOL : TROUPE_Q_SYMBOL, count);
    const char *at = text + 1;
    for (size_t i = 0; v != NULL && i < count; i++) {
        const char *end = at;
        while (end < text + size && *end != '`') {
            end++;
        }
        const char *symbol = NULL;
        if (trp_q_intern(at, (size_t)(end - at), &symbol) != TROUPE_OK) {
            trp_eq_drop(v);
            return trp_eq_oom(q);
        }
        TRP_Q_SYMS(v)[i] = symbol;
        at = end + 1;
    }
    return v;
}
