/* SPDX-License-Identifier: MIT
 * eq_text.c - strings: string, like, sv, vs, ss, ssr, trim. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"
#include "transports/q/q_print.h"

static qv *string_item(struct trp_embedq *q, const qv *x, size_t i)
{
    char text[TRP_Q_ITEM_TEXT];
    int type = x->type < 0 ? -x->type : x->type;

    if (type == TROUPE_Q_CHAR) {
        return trp_eq_text(q, TRP_Q_CHARS(x) + i, 1);
    }
    if (type == TROUPE_Q_SYMBOL) {
        const char *s = TRP_Q_SYMS(x)[i];
        return trp_eq_text(q, s, trp_q_symbol_size(s));
    }
    size_t size = trp_q_item_text(text, type, TRP_Q_BYTES(x) + i * trp_q_width(type),
                                  q->precision, true);
    return trp_eq_text(q, text, size);
}

qv *trp_eq_v_string(struct trp_embedq *q, qv *x)
{
    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    if (trp_q_is_dict(x) || x->type == TROUPE_Q_TABLE) {
        qv *values = trp_eq_v_string(q, TRP_Q_ITEMS(x)[1]);
        int type = x->type == TROUPE_Q_TABLE ? TROUPE_Q_TABLE : TROUPE_Q_DICT;
        return values != NULL
                   ? trp_eq_pair(q, type, troupe_q_ref(TRP_Q_ITEMS(x)[0]), values)
                   : NULL;
    }
    if (trp_q_is_function(x)) {
        return trp_eq_oneline(q, x);
    }
    if (x->type < 0) {
        return string_item(q, x, 0);
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, x->count);
    for (size_t i = 0; v != NULL && i < x->count; i++) {
        TRP_Q_ITEMS(v)
        [i] = x->type == TROUPE_Q_LIST ? trp_eq_v_string(q, TRP_Q_ITEMS(x)[i])
                                       : string_item(q, x, i);
        if (TRP_Q_ITEMS(v)[i] == NULL) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

/* One set [a-c^] at p; *next: after it. */
static bool in_set(const char *p, const char *end, char c, const char **next)
{
    bool negated = p < end && *p == '^';
    bool found = false;

    for (p += negated; p < end && *p != ']'; p++) {
        if (p + 2 < end && p[1] == '-' && p[2] != ']') {
            found = found || (c >= p[0] && c <= p[2]);
            p += 2;
        } else {
            found = found || *p == c;
        }
    }
    *next = p < end ? p + 1 : end;
    return found != negated;
}

/* The pattern's first element against c; *next: after the element. */
static bool one_char(const char *p, const char *end, char c, const char **next)
{
    *next = p + 1;
    return *p == '?' || (*p == '[' ? in_set(p + 1, end, c, next) : *p == c);
}

/* `like`: * any text, ? any character, [..] a set. False: interrupted. */
static bool matches(struct trp_embedq *q, const char *text, size_t size,
                    const char *pattern, size_t length, bool *out)
{
    const char *t = text, *p = pattern;
    const char *text_end = text + size, *end = pattern + length;
    const char *star = NULL, *back = NULL;

    *out = false;
    for (size_t turn = 0; t < text_end; turn++) {
        const char *next = NULL;
        if (!trp_eq_poll(q, turn)) {
            return false;
        }
        if (p < end && *p == '*') {
            star = ++p;
            back = t;
        } else if (p < end && one_char(p, end, *t, &next)) {
            p = next;
            t++;
        } else if (star != NULL) {
            p = star;
            t = ++back;
        } else {
            return true;
        }
    }
    while (p < end && *p == '*') {
        p++;
    }
    *out = p == end;
    return true;
}

static bool is_text(const qv *x)
{
    return x->type == TROUPE_Q_CHAR || x->type == -TROUPE_Q_CHAR;
}

qv *trp_eq_v_like(struct trp_embedq *q, qv *x, qv *y)
{
    size_t length = 0, size = 0;
    bool found = false;
    const char *pattern =
        is_text(y) || y->type == -TROUPE_Q_SYMBOL ? troupe_q_text(y, &length) : NULL;
    if (pattern == NULL) {
        return trp_eq_fail(q, "type");
    }
    if (is_text(x) || x->type == -TROUPE_Q_SYMBOL) {
        const char *text = troupe_q_text(x, &size);
        return matches(q, text, size, pattern, length, &found) ? trp_eq_bool(q, found)
                                                               : NULL;
    }
    if (trp_q_is_dict(x)) {
        qv *v = trp_eq_v_like(q, TRP_Q_ITEMS(x)[1], y);
        return v != NULL
                   ? trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(x)[0]), v)
                   : NULL;
    }
    if (x->type != TROUPE_Q_SYMBOL && x->type != TROUPE_Q_LIST) {
        return trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_BOOLEAN, x->count);
    for (size_t i = 0; v != NULL && i < x->count; i++) {
        const char *text = NULL;
        if (x->type == TROUPE_Q_SYMBOL) {
            text = TRP_Q_SYMS(x)[i];
            size = trp_q_symbol_size(text);
        } else if (is_text(TRP_Q_ITEMS(x)[i])) {
            text = troupe_q_text(TRP_Q_ITEMS(x)[i], &size);
        } else {
            trp_eq_drop(v);
            return trp_eq_fail(q, "type");
        }
        if (!trp_eq_poll(q, i) || !matches(q, text, size, pattern, length, &found)) {
            trp_eq_drop(v);
            return NULL;
        }
        TRP_Q_BYTES(v)[i] = found;
    }
    return v;
}

static bool add_text(struct trp_embedq *q, qv **out, const char *text, size_t size)
{
    return trp_q_append(out, text, size) == TROUPE_OK || trp_eq_oom(q) != NULL;
}

/* Texts joined with a separator between them (or after each). */
static qv *join_texts(struct trp_embedq *q, qv *list, const char *between, size_t size,
                      bool after)
{
    qv *v = trp_eq_new(q, TROUPE_Q_CHAR, 0);
    bool good = v != NULL;

    for (size_t i = 0; good && i < list->count; i++) {
        size_t n = 0;
        const char *text = NULL;
        if (list->type == TROUPE_Q_LIST && is_text(TRP_Q_ITEMS(list)[i])) {
            text = troupe_q_text(TRP_Q_ITEMS(list)[i], &n);
        } else if (list->type == TROUPE_Q_SYMBOL) {
            text = TRP_Q_SYMS(list)[i];
            n = trp_q_symbol_size(text);
        } else if (list->type == TROUPE_Q_CHAR) {
            text = TRP_Q_CHARS(list) + i;
            n = 1;
        } else {
            good = trp_eq_fail(q, "type") != NULL;
            break;
        }
        good = (i == 0 || after || add_text(q, &v, between, size)) &&
               add_text(q, &v, text, n) && (!after || add_text(q, &v, between, size));
    }
    if (!good) {
        trp_eq_drop(v);
        return NULL;
    }
    return v;
}

static qv *join_symbols(struct trp_embedq *q, qv *x, qv *y)
{
    bool path = y->type == TROUPE_Q_SYMBOL && y->count > 0 && TRP_Q_SYMS(y)[0][0] == ':';

    if (TRP_Q_SYMS(x)[0][0] != 0) {
        return trp_eq_fail(q, "type");
    }
    if (y->type == TROUPE_Q_LIST || y->type == TROUPE_Q_CHAR) {
        return join_texts(q, y, "\n", 1, true);
    }
    if (y->type != TROUPE_Q_SYMBOL) {
        return trp_eq_fail(q, "type");
    }
    qv *text = join_texts(q, y, path ? "/" : ".", 1, false);
    qv *v = text != NULL ? trp_eq_symbol(q, TRP_Q_CHARS(text), text->count) : NULL;
    trp_eq_drop(text);
    return v;
}

qv *trp_eq_v_sv(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t base = 0, digit = 0, acc = 0;

    if (x->type == -TROUPE_Q_SYMBOL) {
        return join_symbols(q, x, y);
    }
    if (is_text(x)) {
        return trp_q_is_list(y) ? join_texts(q, y, TRP_Q_CHARS(x), x->count, false)
                                : trp_eq_fail(q, "type");
    }
    if (!trp_eq_int_of(x, &base) || !trp_q_is_list(y)) {
        return trp_eq_fail(q, "type");
    }
    for (size_t i = 0; i < y->count; i++) {
        if (troupe_q_get_long(y, i, &digit) != TROUPE_OK) {
            return trp_eq_fail(q, "type");
        }
        acc = (int64_t)((uint64_t)acc * (uint64_t)(base == 0 ? 256 : base) +
                        (uint64_t)digit);
    }
    return trp_eq_long(q, acc);
}

static qv *split_text(struct trp_embedq *q, const char *by, size_t width,
                      const char *text, size_t size, bool symbols)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, 0);
    size_t start = 0;

    for (size_t i = 0; v != NULL && i <= size;) {
        bool end = i == size;
        if (!trp_eq_poll(q, i)) {
            trp_eq_drop(v);
            return NULL;
        }
        if (!end && (size - i < width || memcmp(text + i, by, width) != 0)) {
            i++;
            continue;
        }
        qv *piece = symbols ? trp_eq_symbol(q, text + start, i - start)
                            : trp_eq_text(q, text + start, i - start);
        if (piece == NULL || trp_q_push(&v, &piece) != TROUPE_OK) {
            trp_eq_drop(piece);
            trp_eq_drop(v);
            return trp_eq_oom(q);
        }
        i += end ? 1 : width;
        start = i;
    }
    return symbols ? trp_eq_simple(q, v) : v;
}

static qv *digits_of(struct trp_embedq *q, int64_t base, int64_t n)
{
    int64_t digits[64];
    size_t count = 0;

    if (base < 2 || n < 0) {
        return trp_eq_fail(q, "domain");
    }
    do {
        digits[count++] = n % base;
        n /= base;
    } while (n > 0);
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, count);
    for (size_t i = 0; v != NULL && i < count; i++) {
        TRP_Q_LONGS(v)[i] = digits[count - 1 - i];
    }
    return v;
}

qv *trp_eq_v_vs(struct trp_embedq *q, qv *x, qv *y)
{
    size_t size = 0;
    int64_t base = 0, n = 0;

    if (x->type == -TROUPE_Q_SYMBOL && y->type == -TROUPE_Q_SYMBOL) {
        const char *text = troupe_q_text(y, &size);
        const char *slash = text[0] == ':' ? strrchr(text, '/') : NULL;
        if (slash != NULL) {
            qv *both = trp_eq_new(q, TROUPE_Q_SYMBOL, 2);
            if (both != NULL && (trp_q_intern(text, (size_t)(slash - text),
                                              &TRP_Q_SYMS(both)[0]) != TROUPE_OK ||
                                 trp_q_intern(slash + 1, strlen(slash + 1),
                                              &TRP_Q_SYMS(both)[1]) != TROUPE_OK)) {
                trp_eq_drop(both);
                return trp_eq_oom(q);
            }
            return both;
        }
        return split_text(q, ".", 1, text, size, true);
    }
    if (x->type == -TROUPE_Q_SYMBOL && y->type == TROUPE_Q_CHAR) {
        const char *text = troupe_q_text(y, &size);
        size -= size > 0 && text[size - 1] == '\n';
        return split_text(q, "\n", 1, text, size, false);
    }
    if (is_text(x) && is_text(y) && x->count > 0) {
        return split_text(q, TRP_Q_CHARS(x), x->count, TRP_Q_CHARS(y), y->count, false);
    }
    return trp_eq_int_of(x, &base) && trp_eq_int_of(y, &n) ? digits_of(q, base, n)
                                                           : trp_eq_fail(q, "type");
}

/* How many characters the whole pattern takes at position i of x; 0: it does not match.
 */
static size_t match_at(const qv *x, size_t i, const qv *pattern)
{
    const char *p = TRP_Q_CHARS(pattern);
    const char *end = p + pattern->count;
    size_t k = i;

    while (p < end) {
        const char *next = NULL;
        if (k >= x->count || !one_char(p, end, TRP_Q_CHARS(x)[k], &next)) {
            return 0;
        }
        p = next;
        k++;
    }
    return k - i;
}

/* Positions where a pattern (of single characters) matches. */
qv *trp_eq_v_ss(struct trp_embedq *q, qv *x, qv *y)
{
    if (!is_text(x) || !is_text(y) || y->count == 0) {
        return trp_eq_fail(q, is_text(x) && is_text(y) ? "length" : "type");
    }
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, 0);
    for (size_t i = 0; v != NULL && i < x->count;) {
        size_t taken = match_at(x, i, y);
        if (!trp_eq_poll(q, i)) {
            trp_eq_drop(v);
            return NULL;
        }
        if (taken != 0 && trp_q_append(&v, &(int64_t){(int64_t)i}, 1) != TROUPE_OK) {
            trp_eq_drop(v);
            return trp_eq_oom(q);
        }
        i += taken != 0 ? taken : 1;
    }
    return v;
}

/* ssr[text;pattern;replacement] */
qv *trp_eq_v_ssr(struct trp_embedq *q, size_t count, qv **args)
{
    qv *at = count == 3 ? trp_eq_v_ss(q, args[0], args[1]) : trp_eq_fail(q, "rank");
    qv *v = at != NULL ? trp_eq_new(q, TROUPE_Q_CHAR, 0) : NULL;
    size_t from = 0;
    bool good = v != NULL;
    const qv *x = args[0];

    for (size_t i = 0; good && i < at->count; i++) {
        size_t start = (size_t)TRP_Q_LONGS(at)[i];
        size_t stop = start + match_at(x, start, args[1]);
        qv *found = trp_eq_text(q, TRP_Q_CHARS(x) + start, stop - start);
        qv *with = found == NULL                ? NULL
                   : trp_q_is_function(args[2]) ? trp_eq_apply1(q, args[2], found)
                                                : troupe_q_ref(args[2]);
        good = with != NULL && (is_text(with) || trp_eq_fail(q, "type")) &&
               add_text(q, &v, TRP_Q_CHARS(x) + from, start - from) &&
               add_text(q, &v, TRP_Q_CHARS(with), with->count);
        trp_eq_drop(found);
        trp_eq_drop(with);
        from = stop;
    }
    good = good && add_text(q, &v, TRP_Q_CHARS(x) + from, x->count - from);
    trp_eq_drop(at);
    if (!good) {
        trp_eq_drop(v);
        return NULL;
    }
    return v;
}

static qv *trimmed(struct trp_embedq *q, qv *x, bool left, bool right)
{
    if (x->type == TROUPE_Q_LIST) {
        qv *v = trp_eq_new(q, TROUPE_Q_LIST, x->count);
        for (size_t i = 0; v != NULL && i < x->count; i++) {
            TRP_Q_ITEMS(v)
            [i] = trp_eq_go_on(q) ? trimmed(q, TRP_Q_ITEMS(x)[i], left, right) : NULL;
            if (TRP_Q_ITEMS(v)[i] == NULL) {
                trp_eq_drop(v);
                return NULL;
            }
        }
        return v;
    }
    if (!is_text(x)) {
        return trp_eq_fail(q, "type");
    }
    size_t from = 0, to = x->count;
    while (left && from < to && TRP_Q_CHARS(x)[from] == ' ') {
        from++;
    }
    while (right && to > from && TRP_Q_CHARS(x)[to - 1] == ' ') {
        to--;
    }
    return trp_eq_text(q, TRP_Q_CHARS(x) + from, to - from);
}

qv *trp_eq_v_trim(struct trp_embedq *q, qv *x)
{
    return trimmed(q, x, true, true);
}

qv *trp_eq_v_ltrim(struct trp_embedq *q, qv *x)
{
    return trimmed(q, x, true, false);
}

qv *trp_eq_v_rtrim(struct trp_embedq *q, qv *x)
{
    return trimmed(q, x, false, true);
}
