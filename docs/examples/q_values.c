/* SPDX-License-Identifier: MIT
 * q_values.c - q values: made, read, and in words. */
#include <stdio.h>

#include <troupe/q_connection.h>

#include "q_example.h"

/* Calls that make values give a reference, which is yours: give it back. */
static troupe_q_value *make_table(void)
{
    static const char *const names[] = {"sym", "size", "price", "time"};
    static const char *const syms[] = {"a", "b", "a"};
    static const int64_t sizes[] = {10, 20, TROUPE_Q_NULL_LONG};
    static const double prices[] = {1.5, 2, 2.5};
    int64_t times[3];
    troupe_q_value *columns[4] = {NULL, NULL, NULL, NULL}, *table = NULL;

    for (int64_t i = 0; i < 3; i++) { /* Unix nanoseconds become q's */
        times[i] = troupe_q_timestamp_from_unix(INT64_C(1700000000000000000) + i);
    }
    must(troupe_q_symbols(3, syms, &columns[0]));
    must(troupe_q_vector(TROUPE_Q_LONG, 3, sizes, &columns[1]));
    must(troupe_q_vector(TROUPE_Q_FLOAT, 3, prices, &columns[2]));
    must(troupe_q_vector(TROUPE_Q_TIMESTAMP, 3, times, &columns[3]));
    must(troupe_q_table_of(4, names, columns, &table));
    for (int i = 0; i < 4; i++) {
        troupe_q_unref(&columns[i]); /* the table has its own */
    }
    return table;
}

/* Parts are lent: they live as long as what they are part of. */
static void read_rows(const troupe_q_value *table)
{
    const troupe_q_value *sym = troupe_q_column(table, "sym");
    const troupe_q_value *size = troupe_q_column(table, "size");
    const troupe_q_value *time = troupe_q_column(table, "time");

    for (size_t i = 0; i < troupe_q_count(table); i++) {
        int64_t number = 0, timestamp = 0;
        must(troupe_q_get_long(size, i, &number));
        must(troupe_q_get_long(time, i, &timestamp));
        (void)printf("%s %lld%s at %lld\n", troupe_q_get_symbol(sym, i),
                     (long long)number, troupe_q_is_null(size, i) ? ", a null," : "",
                     (long long)troupe_q_timestamp_to_unix(timestamp));
    }
}

/* Vectors of fixed width are C arrays. */
static double sum(const troupe_q_value *table)
{
    const troupe_q_value *price = troupe_q_column(table, "price");
    double total = 0;

    if (troupe_q_type(price) == TROUPE_Q_FLOAT) {
        const double *items = troupe_q_data(price);
        for (size_t i = 0; i < troupe_q_count(price); i++) {
            total += items[i];
        }
    }
    return total;
}

/* As q's console shows it, on 25 rows of 80; and as -3! gives it, on one line. */
static void in_words(troupe_q_value *table)
{
    troupe_q_value *text = NULL, *sizes = troupe_q_ref(troupe_q_column(table, "size"));
    size_t size = 0;

    must(troupe_q_format_console(table, 25, 80, &text));
    const char *bytes = troupe_q_text(text, &size); /* not ended by a NUL */
    (void)printf("%.*s", (int)size, bytes);
    troupe_q_unref(&text);
    is(&sizes, "10 20 0N");
}

/* A list of anything; its items are parts. */
static void lists(void)
{
    troupe_q_value *items[2] = {NULL, NULL}, *list = NULL;

    must(troupe_q_symbol("upd", TROUPE_Q_Z, &items[0])); /* Z: as long as the text is */
    must(troupe_q_string("some text", TROUPE_Q_Z, &items[1]));
    must(troupe_q_list(2, items, &list));
    troupe_q_unref(&items[0]);
    troupe_q_unref(&items[1]);
    (void)printf("%s\n", troupe_q_get_symbol(troupe_q_part(list, 0), 0));
    is(&list, "(`upd;\"some text\")");
}

int main(void)
{
    troupe_q_value *table = make_table();
    read_rows(table);
    (void)printf("%g\n", sum(table));
    in_words(table);
    lists();
    troupe_q_unref(&table);
    return 0;
}
