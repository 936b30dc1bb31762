/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"
#include "transports/q/q_symbol.h"
#include "transports/q/q_value.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

START_TEST(atoms_hold_what_they_were_made_of)
{
    troupe_q_value *v = NULL;
    int64_t whole = 0;
    double number = 0;

    OK(troupe_q_short(TROUPE_Q_NULL_SHORT, &v));
    ck_assert_int_eq(troupe_q_type(v), -TROUPE_Q_SHORT);
    OK(troupe_q_get_long(v, 0, &whole));
    ck_assert_int_eq(whole, TROUPE_Q_NULL_LONG);
    OK(troupe_q_get_float(v, 0, &number));
    ck_assert(isnan(number));
    ck_assert(troupe_q_is_null(v, 0));
    ck_assert_int_eq(troupe_q_get_long(v, 1, &whole), TROUPE_EINVAL);
    troupe_q_unref(&v);
    ck_assert_ptr_null(v);
    OK(troupe_q_date(-TROUPE_Q_INF_INT, &v));
    ck_assert_int_eq(troupe_q_is_infinite(v, 0), -1);
    troupe_q_unref(&v);
    OK(troupe_q_real(2.5F, &v));
    OK(troupe_q_get_float(v, 0, &number));
    ck_assert_double_eq(number, 2.5);
    ck_assert_int_eq(troupe_q_get_long(v, 0, &whole), TROUPE_ETYPE);
    troupe_q_unref(&v);
}
END_TEST

START_TEST(equal_symbols_are_equal_pointers)
{
    const char *a = NULL, *b = NULL, *c = NULL;
    troupe_q_value *v = NULL;

    OK(trp_q_intern("abcdefghij", 10, &a));
    OK(trp_q_intern("abcdefghijk", 10, &b));
    OK(trp_q_intern("abcdefghijk", 11, &c));
    ck_assert_ptr_eq(a, b);
    ck_assert_ptr_ne(a, c);
    ck_assert_str_eq(c, "abcdefghijk");
    ck_assert_uint_eq(trp_q_symbol_size(c), 11);
    ck_assert_int_eq(troupe_q_symbol("a\0b", 3, &v), TROUPE_EINVAL);
    OK(troupe_q_symbol("", TROUPE_Q_Z, &v));
    ck_assert_ptr_eq(troupe_q_get_symbol(v, 0), trp_q_empty_symbol);
    ck_assert(troupe_q_is_null(v, 0));
    troupe_q_unref(&v);
}
END_TEST

START_TEST(many_symbols_stay_findable)
{
    enum { MANY = 50000 };
    char text[32];
    const char **first = trp_alloc(MANY * sizeof(*first));

    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            const char *symbol = NULL;
            int size = snprintf(text, sizeof(text), "symbol-%zu", i);
            OK(trp_q_intern(text, (size_t)size, &symbol));
            if (round == 0) {
                first[i] = symbol;
            } else {
                ck_assert_ptr_eq(first[i], symbol);
            }
        }
    }
    trp_free(first);
}
END_TEST

enum { THREADS = 4, EACH = 3000 };

static void *intern_all(void *context)
{
    const char **found = context;
    char text[32];

    for (size_t i = 0; i < EACH; i++) {
        int size = snprintf(text, sizeof(text), "shared-%zu", i);
        if (trp_q_intern(text, (size_t)size, &found[i]) != TROUPE_OK) {
            found[i] = NULL;
        }
    }
    return NULL;
}

START_TEST(threads_agree_on_symbols)
{
    static const char *found[THREADS][EACH];
    pthread_t threads[THREADS];

    for (size_t t = 0; t < THREADS; t++) {
        ck_assert_int_eq(pthread_create(&threads[t], NULL, intern_all, found[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
    }
    for (size_t i = 0; i < EACH; i++) {
        ck_assert_ptr_nonnull(found[0][i]);
        for (size_t t = 1; t < THREADS; t++) {
            ck_assert_ptr_eq(found[0][i], found[t][i]);
        }
    }
}
END_TEST

/* Texts of 0 to `longest` bytes, each with its NUL, in memory that ends with the last. */
static uint8_t *texts_of(size_t count, size_t longest, size_t *size)
{
    uint32_t random = (uint32_t)(count * 31 + longest + 1);
    size_t at = 0;
    uint8_t *bytes = trp_alloc(count * (longest + 1));

    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        for (size_t n = (random >> 8) % (longest + 1); n != 0; n--) {
            random = random * 1664525 + 1013904223;
            bytes[at++] = (uint8_t)(random >> 30 == 0 ? 0x80 + (random >> 28) : 'a');
        }
        bytes[at++] = 0;
    }
    *size = at;
    bytes = trp_realloc(bytes, at);
    ck_assert_ptr_nonnull(bytes);
    return bytes;
}

START_TEST(symbols_read_together_are_those_read_alone)
{
    static const char *many[300];

    for (size_t longest = 0; longest < 80; longest++) {
        for (size_t count = 1; count < 300; count += 1 + count) {
            size_t size = 0;
            uint8_t *bytes = texts_of(count, longest, &size);
            const uint8_t *next = NULL, *at = bytes;
            OK(trp_q_intern_many(bytes, bytes + size, count, &next, many));
            ck_assert_ptr_eq(next, bytes + size);
            for (size_t i = 0; i < count; i++) {
                const char *alone = NULL, *text = (const char *)at;
                OK(trp_q_intern(text, strlen(text), &alone));
                ck_assert_ptr_eq(alone, many[i]);
                ck_assert_str_eq(alone, text);
                OK(trp_q_intern_z(at, bytes + size, &at, &alone));
                ck_assert_ptr_eq(alone, many[i]);
            }
            ck_assert_int_eq(
                trp_q_intern_many(bytes, bytes + size, count + 1, &next, many),
                TROUPE_ETRUNCATED);
            ck_assert_ptr_eq(next, bytes + size);
            ck_assert_int_eq(
                trp_q_intern_many(bytes, bytes + size - 1, count, &next, many),
                TROUPE_ETRUNCATED);
            trp_free(bytes);
        }
    }
}
END_TEST

START_TEST(no_memory_for_a_symbol_is_said_where_it_is)
{
    const char *found[20];
    uint8_t bytes[20 * 6 + 80] = {0};
    const uint8_t *next = NULL;

    for (size_t i = 0; i < 20; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "nm%03zu", i);
        memcpy(bytes + i * 6, text, 5);
    }
    for (uint64_t n = 1;; n++) {
        trp_fail_nth(n);
        troupe_status status =
            trp_q_intern_many(bytes, bytes + sizeof(bytes), 20, &next, found);
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        if (!failed) {
            ck_assert_ptr_eq(next, bytes + 120);
            break;
        }
        ck_assert_uint_eq((size_t)(next - bytes) % 6, 0);
    }
}
END_TEST

START_TEST(a_shared_vector_is_copied_before_it_changes)
{
    troupe_q_value *v = NULL;
    int64_t more = 7;

    OK(troupe_q_vector(TROUPE_Q_LONG, 2, (int64_t[]){5, 6}, &v));
    troupe_q_value *other = troupe_q_ref(v);
    OK(trp_q_append(&v, &more, 1));
    ck_assert_ptr_ne(v, other);
    ck_assert_uint_eq(troupe_q_count(other), 2);
    ck_assert_uint_eq(troupe_q_count(v), 3);
    troupe_q_value *before = v;
    for (int i = 0; i < 1000; i++) {
        OK(trp_q_append(&v, &more, 1));
    }
    ck_assert_ptr_eq(v, before);
    ck_assert_int_eq(TRP_Q_LONGS(v)[0], 5);
    ck_assert_int_eq(TRP_Q_LONGS(v)[1002], 7);
    troupe_q_unref(&v);
    troupe_q_unref(&other);
}
END_TEST

START_TEST(a_vector_that_points_into_a_message_keeps_it_alive)
{
    static const int32_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};
    troupe_blob *blob = NULL;
    int32_t more = 9;

    OK(troupe_blob_new(numbers, sizeof(numbers), &blob));
    troupe_q_value *v = trp_q_alias(TROUPE_Q_INT, 8, troupe_blob_bytes(blob), blob);
    troupe_blob_unref(&blob);
    ck_assert_int_eq(TRP_Q_INTS(v)[7], 8);
    OK(trp_q_append(&v, &more, 1));
    ck_assert_ptr_null(v->owner);
    ck_assert_int_eq(TRP_Q_INTS(v)[8], 9);
    troupe_q_unref(&v);
}
END_TEST

START_TEST(very_deep_values_are_freed_without_recursion)
{
    troupe_q_value *v = NULL;

    OK(troupe_q_null(&v));
    for (int i = 0; i < 200000; i++) {
        troupe_q_value *outer = trp_q_of_parts(TROUPE_Q_LIST, 1, &v);
        ck_assert_ptr_nonnull(outer);
        v = outer;
    }
    ck_assert(troupe_q_match(v, v));
    ck_assert_uint_gt(troupe_q_memory(v), 0);
    troupe_q_unref(&v);
}
END_TEST

START_TEST(a_table_has_columns_of_one_count)
{
    troupe_q_value *columns[2] = {NULL, NULL}, *table = NULL, *row = NULL;
    const char *names[] = {"a", "b"};

    OK(troupe_q_vector(TROUPE_Q_LONG, 2, (int64_t[]){1, 2}, &columns[0]));
    OK(troupe_q_vector(TROUPE_Q_FLOAT, 3, NULL, &columns[1]));
    ck_assert_int_eq(troupe_q_table_of(2, names, columns, &table), TROUPE_EINVAL);
    ck_assert_ptr_null(table);
    troupe_q_unref(&columns[1]);
    OK(troupe_q_symbols(2, (const char *[]){"x", "y"}, &columns[1]));
    OK(troupe_q_table_of(2, names, columns, &table));
    ck_assert_uint_eq(troupe_q_count(table), 2);
    ck_assert_ptr_eq(troupe_q_column(table, "b"), columns[1]);
    ck_assert_ptr_null(troupe_q_column(table, "c"));
    OK(troupe_q_item(table, 1, &row));
    ck_assert_int_eq(troupe_q_type(row), TROUPE_Q_DICT);
    ck_assert_str_eq(troupe_q_get_symbol(troupe_q_part(troupe_q_part(row, 1), 1), 0),
                     "y");
    troupe_q_unref(&row);
    troupe_q_unref(&table);
    troupe_q_unref(&columns[0]);
    troupe_q_unref(&columns[1]);
}
END_TEST

/* So that what came from elsewhere can be looked into without a question at each step. */
START_TEST(parts_of_what_has_none_are_nothing_to_read)
{
    troupe_q_value *text = NULL, *item = NULL;
    int64_t number = 7;
    double real = 7;
    size_t size = 7;

    OK(troupe_q_string("text", TROUPE_Q_Z, &text));
    const troupe_q_value *none = troupe_q_part(troupe_q_part(text, 0), 0);
    ck_assert_ptr_null(none);
    ck_assert_ptr_null(troupe_q_column(none, "a"));
    ck_assert_ptr_null(troupe_q_get_symbol(none, 0));
    ck_assert_ptr_null(troupe_q_text(none, &size));
    ck_assert_ptr_null(troupe_q_data(none));
    ck_assert_uint_eq(troupe_q_count(none), 0);
    ck_assert_int_eq(troupe_q_get_long(none, 0, &number), TROUPE_ETYPE);
    ck_assert_int_eq(troupe_q_get_float(none, 0, &real), TROUPE_ETYPE);
    ck_assert_int_eq(troupe_q_item(none, 0, &item), TROUPE_ETYPE);
    ck_assert(number == 7 && real == 7 && size == 7 && item == NULL);
    troupe_q_unref(&text);
}
END_TEST

START_TEST(match_ignores_attributes_and_tiny_differences)
{
    troupe_q_value *a = NULL, *b = NULL;

    OK(troupe_q_vector(TROUPE_Q_FLOAT, 2, (double[]){1.0, NAN}, &a));
    OK(troupe_q_vector(TROUPE_Q_FLOAT, 2, (double[]){1.0 + 1e-15, -NAN}, &b));
    b->attr = TROUPE_Q_SORTED;
    ck_assert(troupe_q_match(a, b));
    TRP_Q_FLOATS(b)[0] = 1.001;
    ck_assert(!troupe_q_match(a, b));
    troupe_q_unref(&a);
    troupe_q_unref(&b);
}
END_TEST

START_TEST(a_list_of_equal_atoms_becomes_a_vector)
{
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, 0);

    for (int64_t i = 0; i < 10; i++) {
        troupe_q_value *item = trp_q_of_long(-TROUPE_Q_TIMESTAMP, i);
        OK(trp_q_push(&list, &item));
        ck_assert_ptr_null(item);
    }
    OK(trp_q_simplify(&list));
    ck_assert_int_eq(troupe_q_type(list), TROUPE_Q_TIMESTAMP);
    ck_assert_int_eq(TRP_Q_LONGS(list)[9], 9);
    troupe_q_unref(&list);
}
END_TEST

START_TEST(days_and_calendar_agree)
{
    int year = 0, month = 0, day = 0;

    ck_assert_int_eq(troupe_q_days(2000, 1, 1), 0);
    ck_assert_int_eq(troupe_q_days(1970, 1, 1), -TROUPE_Q_EPOCH_DAYS);
    ck_assert_int_eq(troupe_q_days(2001, 1, 1), 366);
    for (int32_t d = -800000; d < 800000; d += 37) {
        troupe_q_civil(d, &year, &month, &day);
        ck_assert_int_eq(troupe_q_days(year, month, day), d);
    }
    ck_assert_int_eq(troupe_q_timestamp_from_unix(0), -TROUPE_Q_EPOCH_NS);
    ck_assert_int_eq(troupe_q_timestamp_to_unix(TROUPE_Q_NULL_LONG), TROUPE_Q_NULL_LONG);
    ck_assert_int_eq(troupe_q_timestamp_from_unix(-INT64_MAX + 1), -TROUPE_Q_INF_LONG);
    ck_assert_int_eq(troupe_q_date_to_unix(INT32_MAX - 5), TROUPE_Q_INF_INT);
}
END_TEST

START_TEST(no_memory_leaves_everything_as_it_was)
{
    const char *names[] = {"a", "b"};
    troupe_q_value *columns[2] = {NULL, NULL};

    OK(troupe_q_vector(TROUPE_Q_LONG, 20, NULL, &columns[0]));
    OK(troupe_q_vector(TROUPE_Q_LONG, 20, NULL, &columns[1]));
    for (uint64_t n = 1;; n++) {
        troupe_q_value *table = NULL, *row = NULL, *lambda = NULL;
        trp_fail_nth(n);
        troupe_status status = troupe_q_table_of(2, names, columns, &table);
        if (status == TROUPE_OK) {
            status = troupe_q_item(table, 3, &row);
        }
        if (status == TROUPE_OK) {
            status = troupe_q_lambda("ns", "{a long enough text to need memory}",
                                     TROUPE_Q_Z, &lambda);
        }
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        troupe_q_unref(&table);
        troupe_q_unref(&row);
        troupe_q_unref(&lambda);
        if (!failed) {
            break;
        }
    }
    troupe_q_unref(&columns[0]);
    troupe_q_unref(&columns[1]);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_value");
    TCase *tcase = tcase_create("q_value");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, atoms_hold_what_they_were_made_of);
    tcase_add_test(tcase, equal_symbols_are_equal_pointers);
    tcase_add_test(tcase, many_symbols_stay_findable);
    tcase_add_test(tcase, threads_agree_on_symbols);
    tcase_add_test(tcase, symbols_read_together_are_those_read_alone);
    tcase_add_test(tcase, no_memory_for_a_symbol_is_said_where_it_is);
    tcase_add_test(tcase, a_shared_vector_is_copied_before_it_changes);
    tcase_add_test(tcase, a_vector_that_points_into_a_message_keeps_it_alive);
    tcase_add_test(tcase, very_deep_values_are_freed_without_recursion);
    tcase_add_test(tcase, a_table_has_columns_of_one_count);
    tcase_add_test(tcase, parts_of_what_has_none_are_nothing_to_read);
    tcase_add_test(tcase, match_ignores_attributes_and_tiny_differences);
    tcase_add_test(tcase, a_list_of_equal_atoms_becomes_a_vector);
    tcase_add_test(tcase, days_and_calendar_agree);
    tcase_add_test(tcase, no_memory_leaves_everything_as_it_was);
    suite_add_tcase(suite, tcase);
    return suite;
}
