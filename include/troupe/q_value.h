/* SPDX-License-Identifier: MIT
 * q_value.h - values of q: atoms, vectors, lists, dictionaries, tables, functions,
 * errors.
 *
 * A value is counted by reference and never changes once two hold it, so it may be passed
 * between threads freely. A function that makes a value gives the caller one reference;
 * a function that puts values into another takes references of its own and leaves the
 * caller's alone. Accessors that return a pointer lend it: it lives as long as the value.
 *
 * Text is bytes. Where a size is asked for, TROUPE_Q_Z means "up to the NUL". */
#ifndef TROUPE_Q_VALUE_H
#define TROUPE_Q_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_q_value troupe_q_value;

/* Types. An atom of a type has the negated number: -TROUPE_Q_LONG is one long. */
enum {
    TROUPE_Q_LIST = 0, /* items of any type */
    TROUPE_Q_BOOLEAN = 1,
    TROUPE_Q_GUID = 2,
    TROUPE_Q_BYTE = 4,
    TROUPE_Q_SHORT = 5,
    TROUPE_Q_INT = 6,
    TROUPE_Q_LONG = 7,
    TROUPE_Q_REAL = 8,
    TROUPE_Q_FLOAT = 9,
    TROUPE_Q_CHAR = 10,
    TROUPE_Q_SYMBOL = 11,
    TROUPE_Q_TIMESTAMP = 12, /* ns since 2000 */
    TROUPE_Q_MONTH = 13,     /* months since 2000 */
    TROUPE_Q_DATE = 14,      /* days since 2000 */
    TROUPE_Q_DATETIME = 15,  /* days since 2000, with a fraction */
    TROUPE_Q_TIMESPAN = 16,  /* ns */
    TROUPE_Q_MINUTE = 17,
    TROUPE_Q_SECOND = 18,
    TROUPE_Q_TIME = 19, /* ms */
    TROUPE_Q_TABLE = 98,
    TROUPE_Q_DICT = 99,
    TROUPE_Q_LAMBDA = 100,
    TROUPE_Q_UNARY = 101, /* code 0: the generic null `::`; TROUPE_Q_HOLE: left out */
    TROUPE_Q_BINARY = 102,
    TROUPE_Q_ITERATOR = 103,
    TROUPE_Q_PROJECTION = 104,
    TROUPE_Q_COMPOSITION = 105,
    TROUPE_Q_EACH = 106, /* 106 to 111: a function with an iterator applied to it */
    TROUPE_Q_OVER = 107,
    TROUPE_Q_SCAN = 108,
    TROUPE_Q_PRIOR = 109,
    TROUPE_Q_EACH_RIGHT = 110,
    TROUPE_Q_EACH_LEFT = 111,
    TROUPE_Q_SORTED_DICT = 127,
    TROUPE_Q_ERROR = -128
};

/* Attributes of vectors and tables. */
enum {
    TROUPE_Q_NONE = 0,
    TROUPE_Q_SORTED = 1,
    TROUPE_Q_UNIQUE = 2,
    TROUPE_Q_PARTED = 3,
    TROUPE_Q_GROUPED = 4
};

enum {
    TROUPE_Q_HOLE = 255,     /* code of the argument a projection leaves open */
    TROUPE_Q_UNARY_MAX = 44, /* the highest codes there are */
    TROUPE_Q_BINARY_MAX = 36,
    TROUPE_Q_ITERATOR_MAX = 5,
    TROUPE_Q_DEPTH_MAX = 500 /* nesting up to which values are compared, sized, sent */
};

/* Symbols are kept for ever, once each; these bound what peers can make a process keep.
 */
#define TROUPE_Q_SYMBOLS_MAX      ((uint64_t)64 << 20)
#define TROUPE_Q_SYMBOL_BYTES_MAX ((uint64_t)4 << 30)

#define TROUPE_Q_Z                SIZE_MAX

/* Nulls and infinities of the whole-number types. Timestamp and timespan are as long;
 * month, date, minute, second and time as int. Null of the others: NaN, blank, empty
 * symbol, zero guid; boolean and byte have none. */
#define TROUPE_Q_NULL_SHORT       INT16_MIN
#define TROUPE_Q_NULL_INT         INT32_MIN
#define TROUPE_Q_NULL_LONG        INT64_MIN
#define TROUPE_Q_INF_SHORT        INT16_MAX
#define TROUPE_Q_INF_INT          INT32_MAX
#define TROUPE_Q_INF_LONG         INT64_MAX

/* 2000-01-01 counted from 1970-01-01. */
#define TROUPE_Q_EPOCH_SECONDS    INT64_C(946684800)
#define TROUPE_Q_EPOCH_NS         (TROUPE_Q_EPOCH_SECONDS * INT64_C(1000000000))
#define TROUPE_Q_EPOCH_DAYS       10957
#define TROUPE_Q_EPOCH_MONTHS     360

/* Adds a reference and returns the value.
 * Thread: any. Source: transports/q/q_value.c */
TROUPE_API troupe_q_value *troupe_q_ref(troupe_q_value *value);

/* Gives one reference back and clears the pointer; NULL inside is allowed.
 * Thread: any. Source: transports/q/q_value.c */
TROUPE_API void troupe_q_unref(troupe_q_value **value);

/* Atoms. `out` receives the value. All return TROUPE_OK or TROUPE_ENOMEM.
 * guid: 16 bytes in the order they are written. Thread: any.
 * Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_boolean(bool x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_guid(const uint8_t x[16],
                                                         troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_byte(uint8_t x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_short(int16_t x,
                                                          troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_int(int32_t x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_long(int64_t x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_real(float x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_float(double x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_char(char x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_timestamp(int64_t x,
                                                              troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_month(int32_t x,
                                                          troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_date(int32_t x, troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_datetime(double x,
                                                             troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_timespan(int64_t x,
                                                             troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_minute(int32_t x,
                                                           troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_second(int32_t x,
                                                           troupe_q_value **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_time(int32_t x, troupe_q_value **out);

/* A symbol atom.
 *
 * size   bytes of text, or TROUPE_Q_Z; a NUL inside is TROUPE_EINVAL
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM or TROUPE_ELIMIT (TROUPE_Q_SYMBOLS_MAX,
 * TROUPE_Q_SYMBOL_BYTES_MAX).
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_symbol(const char *text, size_t size,
                                                           troupe_q_value **out);

/* A char vector.
 *
 * size   bytes of text, or TROUPE_Q_Z
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_string(const char *text, size_t size,
                                                           troupe_q_value **out);

/* A vector of a fixed-width type (not list, not symbol).
 *
 * type    TROUPE_Q_BOOLEAN to TROUPE_Q_TIME
 * items   `count` items in this machine's byte order, copied; NULL: all zero bytes
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (type) or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_vector(int type, size_t count,
                                                           const void *items,
                                                           troupe_q_value **out);

/* A symbol vector of `count` NUL-terminated names.
 *
 * Returns as troupe_q_symbol. Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_symbols(size_t count,
                                                            const char *const *names,
                                                            troupe_q_value **out);

/* A mixed list of `count` values.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (an item is NULL or an error) or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_list(size_t count,
                                                         troupe_q_value *const *items,
                                                         troupe_q_value **out);

/* A dictionary; of two tables: a keyed table.
 *
 * keys, values   lists or tables of equal count
 *
 * Returns TROUPE_OK, TROUPE_ETYPE (one is no list), TROUPE_EINVAL (counts) or
 * TROUPE_ENOMEM. Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_dict(troupe_q_value *keys,
                                                         troupe_q_value *values,
                                                         troupe_q_value **out);

/* A table.
 *
 * names     a symbol vector
 * columns   as many lists, all of one count, in a mixed list
 *
 * Returns TROUPE_OK, TROUPE_ETYPE (no symbols, no lists), TROUPE_EINVAL (counts) or
 * TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_table(troupe_q_value *names,
                                                          troupe_q_value *columns,
                                                          troupe_q_value **out);

/* The same from C arrays: `count` names and columns. Returns, thread and source: the
 * same. */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_table_of(size_t count, const char *const *names, troupe_q_value *const *columns,
                  troupe_q_value **out);

/* A lambda.
 *
 * context   the namespace it was made in, without the leading dot; "" is the root
 * text      its source with the braces; size in bytes or TROUPE_Q_Z
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT (symbols).
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_lambda(const char *context,
                                                           const char *text, size_t size,
                                                           troupe_q_value **out);

/* A primitive by its code.
 *
 * type   TROUPE_Q_UNARY (code 0 is `::`), TROUPE_Q_BINARY or TROUPE_Q_ITERATOR
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (no such type or code) or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_primitive(int type, unsigned code,
                                                              troupe_q_value **out);

/* The generic null `::`. Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_null(troupe_q_value **out);

/* A function made of others: a projection (function first, then arguments), a composition
 * (outermost first), or, from one function, TROUPE_Q_EACH to TROUPE_Q_EACH_LEFT.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (type, count, NULL or error inside) or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_derived(int type, size_t count,
                                                            troupe_q_value *const *items,
                                                            troupe_q_value **out);

/* An error, as a server answers it.
 *
 * size   bytes of text, or TROUPE_Q_Z; cut at a NUL
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_make.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_error(const char *text, size_t size,
                                                          troupe_q_value **out);

/* The type of a value (see the enum; negative: atom or error), its attribute, and its
 * count: items of a list, entries of a dictionary, rows of a table, 1 for all else.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API int troupe_q_type(const troupe_q_value *value);
TROUPE_API unsigned troupe_q_attr(const troupe_q_value *value);
TROUPE_API size_t troupe_q_count(const troupe_q_value *value);

/* The items of a fixed-width vector, or the one of an atom, in this machine's byte order,
 * aligned for their type; NULL for other values. Symbols: an array of const char *.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API const void *troupe_q_data(const troupe_q_value *value);

/* Item `i` of a mixed list, or part `i` of a compound value, lent: of a table its names
 * and its columns; of a dictionary keys and values; of a lambda its context (a symbol)
 * and its text; of a projection or composition its members. NULL when there is none; what
 * reads values (count, data, part, item, get_long, get_float, get_symbol, text, column)
 * finds nothing in a NULL, so that parts of parts need no question at each step.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API troupe_q_value *troupe_q_part(const troupe_q_value *value, size_t i);

/* Item `i` of any vector, list, table (a dictionary) or dictionary (its i-th value) as a
 * value of its own.
 *
 * out   receives a value the caller owns
 *
 * Returns TROUPE_OK, TROUPE_ETYPE (nothing to index), TROUPE_EINVAL (i) or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_item(const troupe_q_value *value,
                                                         size_t i, troupe_q_value **out);

/* Item `i` (0 for an atom) of a boolean, byte, char, short, int, long or temporal whole
 * number, widened; nulls become TROUPE_Q_NULL_LONG, infinities the long ones.
 *
 * Returns TROUPE_OK, TROUPE_ETYPE or TROUPE_EINVAL (i).
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_get_long(const troupe_q_value *value,
                                                             size_t i, int64_t *out);

/* The same as a double, and for real, float and datetime; nulls become NaN.
 * Returns, thread and source: the same. */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_get_float(const troupe_q_value *value,
                                                              size_t i, double *out);

/* Item `i` (0 for an atom) of a symbol or symbol vector; NULL for all else. The text
 * lives for ever, and equal symbols are equal pointers. Thread: any. Source:
 * transports/q/q_value_read.c */
TROUPE_API const char *troupe_q_get_symbol(const troupe_q_value *value, size_t i);

/* The bytes of a char, char vector, symbol atom, error or lambda source; NULL for all
 * else.
 *
 * size   receives how many; only symbols and errors are sure to be followed by a NUL
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API const char *troupe_q_text(const troupe_q_value *value, size_t *size);

/* The code of a primitive (types 101 to 103), or -1.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API int troupe_q_code(const troupe_q_value *value);

/* Whether item `i` (0 for an atom) is the null of its type; `::` is null too.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API bool troupe_q_is_null(const troupe_q_value *value, size_t i);

/* Whether item `i` (0 for an atom) is plus (1) or minus (-1) infinity, or neither (0).
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API int troupe_q_is_infinite(const troupe_q_value *value, size_t i);

/* A table's column by name, lent; of a keyed table keys are looked at first. NULL when it
 * is no table or has no such column.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API troupe_q_value *troupe_q_column(const troupe_q_value *table, const char *name);

/* Whether two values are the same for q (`~`): types and items are, attributes may
 * differ; floats are compared with q's tolerance, and NaN equals NaN. Values nested
 * deeper than TROUPE_Q_DEPTH_MAX are the same only when they are one. Thread: any.
 * Source: transports/q/q_value_read.c */
TROUPE_API bool troupe_q_match(const troupe_q_value *a, const troupe_q_value *b);

/* Bytes of memory that a value and all inside it occupy; symbol texts are not counted,
 * shared parts are counted each time, below TROUPE_Q_DEPTH_MAX nothing is.
 * Thread: any. Source: transports/q/q_value_read.c */
TROUPE_API size_t troupe_q_memory(const troupe_q_value *value);

/* Between Unix time and q's, in nanoseconds and days. Nulls and infinities of the q side
 * stay what they are; what does not fit becomes an infinity.
 * Thread: any. Source: transports/q/q_value_time.c */
TROUPE_API int64_t troupe_q_timestamp_from_unix(int64_t unix_ns);
TROUPE_API int64_t troupe_q_timestamp_to_unix(int64_t timestamp);
TROUPE_API int32_t troupe_q_date_from_unix(int32_t unix_days);
TROUPE_API int32_t troupe_q_date_to_unix(int32_t date);
TROUPE_API int32_t troupe_q_month_from_unix(int32_t unix_months);
TROUPE_API int32_t troupe_q_month_to_unix(int32_t month);

/* The calendar day of a q date (or the first of a q month): year 1 to 9999 and beyond.
 * Thread: any. Source: transports/q/q_value_time.c */
TROUPE_API void troupe_q_civil(int32_t date, int *year, int *month, int *day);
TROUPE_API int32_t troupe_q_days(int year, int month, int day);

/* The text q's console shows for a value: tables and dictionaries as grids, lists item by
 * item, every line with its end.
 *
 * rows, columns   the console's size (q's own is 25 by 80), what does not fit is ".."; 0:
 * no limit out             receives a char vector
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_print_console.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_format_console(
    const troupe_q_value *value, size_t rows, size_t columns, troupe_q_value **out);

/* The same on one line without an end, in q's notation (as `-3!` gives it).
 * Returns, thread and source: the same. */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_format_line(const troupe_q_value *value, size_t columns, troupe_q_value **out);

#ifdef __cplusplus
}
#endif

#endif
