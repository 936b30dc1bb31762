/* SPDX-License-Identifier: MIT
 * q_print_item.c - single items: numbers, times, guids; and the names of things. */
#include "transports/q/q_print.h"

#include <math.h>
#include <stdio.h>

#include "mailbox/alloc.h"

enum { YEAR_MAX = 9999 }; /* years shown; before the first and after it zeroes are */

#define NS_SECOND INT64_C(1000000000)
#define NS_DAY    (INT64_C(86400) * NS_SECOND)

struct kind {
    char name[12];
    char suffix[2]; /* once, after an atom or vector */
    char letter[2]; /* after each null and infinity */
};

static const struct kind kinds[TROUPE_Q_TIME + 1] = {
    [TROUPE_Q_BOOLEAN] = {"boolean", "b", ""},
    [TROUPE_Q_GUID] = {"guid", "", ""},
    [TROUPE_Q_BYTE] = {"byte", "", ""},
    [TROUPE_Q_SHORT] = {"short", "h", ""},
    [TROUPE_Q_INT] = {"int", "i", ""},
    [TROUPE_Q_LONG] = {"long", "", ""},
    [TROUPE_Q_REAL] = {"real", "e", ""},
    [TROUPE_Q_FLOAT] = {"float", "", ""},
    [TROUPE_Q_CHAR] = {"char", "", ""},
    [TROUPE_Q_SYMBOL] = {"symbol", "", ""},
    [TROUPE_Q_TIMESTAMP] = {"timestamp", "", "p"},
    [TROUPE_Q_MONTH] = {"month", "m", ""},
    [TROUPE_Q_DATE] = {"date", "", "d"},
    [TROUPE_Q_DATETIME] = {"datetime", "", "z"},
    [TROUPE_Q_TIMESPAN] = {"timespan", "", "n"},
    [TROUPE_Q_MINUTE] = {"minute", "", "u"},
    [TROUPE_Q_SECOND] = {"second", "", "v"},
    [TROUPE_Q_TIME] = {"time", "", "t"},
};

static const char *const unary[TROUPE_Q_UNARY_MAX + 1] = {
    "::",   "+:",  "-:",   "*:",     "%:",   "&:",     "|:",   "^:",  "=:",
    "<:",   ">:",  "$:",   ",:",     "#:",   "_:",     "~:",   "!:",  "?:",
    "@:",   ".:",  "0::",  "1::",    "2::",  "avg",    "last", "sum", "prd",
    "min",  "max", "exit", "getenv", "abs",  "sqrt",   "log",  "exp", "sin",
    "asin", "cos", "acos", "tan",    "atan", "enlist", "var",  "dev", "hopen"};

static const char *const binary[TROUPE_Q_BINARY_MAX + 1] = {
    ":",    "+",   "-",    "*",      "%",      "&",    "|",   "^",  "=",      "<",
    ">",    "$",   ",",    "#",      "_",      "~",    "!",   "?",  "@",      ".",
    "0:",   "1:",  "2:",   "in",     "within", "like", "bin", "ss", "insert", "wsum",
    "wavg", "div", "xexp", "setenv", "binr",   "cov",  "cor"};

static const char *const iterators[TROUPE_Q_ITERATOR_MAX + 1] = {"'",  "/",  "\\",
                                                                 "':", "/:", "\\:"};

const char *trp_q_suffix(int base)
{
    return base >= 0 && base <= TROUPE_Q_TIME ? kinds[base].suffix : "";
}

const char *trp_q_type_name(int base)
{
    return base >= 0 && base <= TROUPE_Q_TIME ? kinds[base].name : "";
}

const char *trp_q_primitive_text(int type, unsigned code)
{
    if (!trp_q_code_exists(type, code) || code == TROUPE_Q_HOLE) {
        return "";
    }
    return type == TROUPE_Q_UNARY ? unary[code]
                                  : (type == TROUPE_Q_BINARY ? binary : iterators)[code];
}

static size_t put(char to[TRP_Q_ITEM_TEXT], int size)
{
    (void)to;
    return size > 0 && size < TRP_Q_ITEM_TEXT ? (size_t)size : 0;
}

#define PUT(...) put(to, snprintf(to, TRP_Q_ITEM_TEXT, __VA_ARGS__))

/* hours:minutes, then :seconds, then a fraction of `digits` digits. */
static size_t clock_text(char to[TRP_Q_ITEM_TEXT], const char *sign, int64_t seconds,
                         bool with_seconds, int64_t fraction, int digits)
{
    long long h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;

    if (digits != 0) {
        return PUT("%s%02lld:%02lld:%02lld.%0*lld", sign, h, m, s, digits,
                   (long long)fraction);
    }
    return with_seconds ? PUT("%s%02lld:%02lld:%02lld", sign, h, m, s)
                        : PUT("%s%02lld:%02lld", sign, h, m);
}

static size_t date_text(char to[TRP_Q_ITEM_TEXT], int32_t date)
{
    int year = 0, month = 0, day = 0;

    troupe_q_civil(date, &year, &month, &day);
    if (year < 1 || year > YEAR_MAX) {
        return PUT("0000.00.00");
    }
    return PUT("%04d.%02d.%02d", year, month, day);
}

static size_t timestamp_text(char to[TRP_Q_ITEM_TEXT], int64_t ns)
{
    int64_t day = ns / NS_DAY - (ns % NS_DAY < 0);
    int64_t rest = (ns % NS_DAY + NS_DAY) % NS_DAY;
    size_t size = date_text(to, (int32_t)day);
    char clock[TRP_Q_ITEM_TEXT];

    (void)clock_text(clock, "", rest / NS_SECOND, true, rest % NS_SECOND, 9);
    return put(to, snprintf(to + size, TRP_Q_ITEM_TEXT - size, "D%s", clock)) + size;
}

static size_t datetime_text(char to[TRP_Q_ITEM_TEXT], double days)
{
    if (fabs(days) > 1e8) { /* far outside of all years shown */
        return PUT("0000.00.00T00:00:00.000");
    }
    int64_t ms = (int64_t)floor(days * 86400000.0 + 0.5);
    int64_t day = ms / 86400000 - (ms % 86400000 < 0);
    int64_t rest = ms - day * 86400000;
    size_t size = date_text(to, (int32_t)day);
    char clock[TRP_Q_ITEM_TEXT];

    (void)clock_text(clock, "", rest / 1000, true, rest % 1000, 3);
    return put(to, snprintf(to + size, TRP_Q_ITEM_TEXT - size, "T%s", clock)) + size;
}

static size_t timespan_text(char to[TRP_Q_ITEM_TEXT], int64_t ns)
{
    uint64_t all = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    int64_t days = (int64_t)(all / (uint64_t)NS_DAY);
    int64_t rest = (int64_t)(all % (uint64_t)NS_DAY);
    char clock[TRP_Q_ITEM_TEXT];

    (void)clock_text(clock, "", rest / NS_SECOND, true, rest % NS_SECOND, 9);
    return PUT("%s%lldD%s", ns < 0 ? "-" : "", (long long)days, clock);
}

static size_t float_text(char to[TRP_Q_ITEM_TEXT], double x, int precision, bool real)
{
    if (isnan(x)) {
        return real ? PUT("0N") : PUT("0n");
    }
    return isinf(x) ? PUT(x < 0 ? "-0w" : "0w") : PUT("%.*g", precision, x);
}

static size_t guid_text(char to[TRP_Q_ITEM_TEXT], const uint8_t *guid)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            to[size++] = '-';
        }
        to[size++] = digits[guid[i] >> 4];
        to[size++] = digits[guid[i] & 15];
    }
    return size;
}

/* The value of a whole number, with null and infinities widened. */
static int64_t whole(size_t width, const void *item)
{
    int64_t x8 = 0;
    int32_t x4 = 0;
    int16_t x2 = 0;

    if (width == 8) {
        memcpy(&x8, item, 8);
        return x8;
    }
    if (width == 4) {
        memcpy(&x4, item, 4);
        return x4 == INT32_MIN    ? INT64_MIN
               : x4 == INT32_MAX  ? INT64_MAX
               : x4 == -INT32_MAX ? -INT64_MAX
                                  : x4;
    }
    memcpy(&x2, item, 2);
    return x2 == INT16_MIN ? INT64_MIN : x2; /* q shows no infinities of shorts */
}

static size_t whole_text(char to[TRP_Q_ITEM_TEXT], int base, int64_t x)
{
    const char *sign = x < 0 ? "-" : "";
    int64_t all = x < 0 ? -x : x; /* never the null here */

    switch (base) {
    case TROUPE_Q_TIMESTAMP:
        return timestamp_text(to, x);
    case TROUPE_Q_TIMESPAN:
        return timespan_text(to, x);
    case TROUPE_Q_DATE:
        return date_text(to, (int32_t)x);
    case TROUPE_Q_MONTH: {
        int64_t year = x / 12 - (x % 12 < 0);
        return PUT("%04lld.%02lld", (long long)(2000 + year),
                   (long long)(x - year * 12 + 1));
    }
    case TROUPE_Q_MINUTE:
        return clock_text(to, sign, all * 60, false, 0, 0);
    case TROUPE_Q_SECOND:
        return clock_text(to, sign, all, true, 0, 0);
    case TROUPE_Q_TIME:
        return clock_text(to, sign, all / 1000, true, all % 1000, 3);
    default:
        return PUT("%lld", (long long)x);
    }
}

static size_t floating_text(char to[TRP_Q_ITEM_TEXT], int base, const void *item,
                            int precision, bool cell)
{
    float real = 0;
    double x = 0;

    if (base == TROUPE_Q_REAL) {
        memcpy(&real, item, sizeof(real));
        x = (double)real;
    } else {
        memcpy(&x, item, sizeof(x));
    }
    if (isnan(x) && cell) {
        return 0;
    }
    if (base != TROUPE_Q_DATETIME) {
        return float_text(to, x, precision, base == TROUPE_Q_REAL);
    }
    if (isnan(x) || isinf(x)) {
        return PUT("%s", isnan(x) ? "0Nz" : x < 0 ? "-0wz" : "0wz");
    }
    return datetime_text(to, x);
}

size_t trp_q_item_text(char to[TRP_Q_ITEM_TEXT], int base, const void *item,
                       int precision, bool cell)
{
    switch (base) {
    case TROUPE_Q_BOOLEAN:
        return PUT("%d", *(const uint8_t *)item);
    case TROUPE_Q_BYTE:
        return PUT("%02x", *(const uint8_t *)item);
    case TROUPE_Q_GUID:
        return guid_text(to, item);
    case TROUPE_Q_REAL:
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        return floating_text(to, base, item, precision, cell);
    default:
        break;
    }
    int64_t x = whole(trp_q_width(base), item);
    if (x == TROUPE_Q_NULL_LONG) {
        return cell ? 0 : PUT("0N%s", kinds[base].letter);
    }
    if (x == TROUPE_Q_INF_LONG || x == -TROUPE_Q_INF_LONG) {
        return PUT("%s0W%s", x < 0 ? "-" : "", kinds[base].letter);
    }
    return whole_text(to, base, x);
}
