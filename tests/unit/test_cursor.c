/* SPDX-License-Identifier: MIT
 * Reading and writing bytes of outside: ends, orders, gaps. */
#include "mailbox/cursor.h"
#include "mailbox/emit.h"
#include "tests/support/suite.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

START_TEST(numbers_are_read_in_both_orders)
{
    for (size_t width = 1; width <= 8; width++) {
        struct trp_cursor in = trp_cursor_on(bytes, sizeof(bytes));
        uint64_t be = trp_cursor_be(&in, width);
        in = trp_cursor_on(bytes, sizeof(bytes));
        uint64_t le = trp_cursor_le(&in, width);
        uint8_t back[8];
        trp_put_be(back, be, width);
        ck_assert_mem_eq(back, bytes, width);
        trp_put_le(back, le, width);
        ck_assert_mem_eq(back, bytes, width);
        ck_assert_uint_eq(trp_cursor_left(&in), sizeof(bytes) - width);
    }
}
END_TEST

START_TEST(reading_past_the_end_yields_zero_and_says_so)
{
    struct trp_cursor in = trp_cursor_on(bytes, 3);

    ck_assert_uint_eq(trp_cursor_be(&in, 4), 0);
    ck_assert(in.short_of);
    ck_assert_uint_eq(trp_cursor_left(&in), 3); /* nothing was consumed */
}
END_TEST

START_TEST(once_short_everything_after_is_zero)
{
    struct trp_cursor in = trp_cursor_on(bytes, sizeof(bytes));
    size_t length = 77;

    ck_assert_ptr_null(trp_cursor_take(&in, SIZE_MAX));
    ck_assert_uint_eq(trp_cursor_be(&in, 1), 0);
    ck_assert_uint_eq(trp_cursor_le(&in, 1), 0);
    ck_assert_ptr_null(trp_cursor_text(&in, &length));
    ck_assert_uint_eq(length, 77);
    ck_assert(in.short_of);
}
END_TEST

START_TEST(everything_up_to_the_last_byte_can_be_taken)
{
    struct trp_cursor in = trp_cursor_on(bytes, sizeof(bytes));

    ck_assert_ptr_eq(trp_cursor_take(&in, sizeof(bytes)), bytes);
    ck_assert_uint_eq(trp_cursor_left(&in), 0);
    ck_assert(!in.short_of);
    ck_assert_ptr_null(trp_cursor_take(&in, 1));
    ck_assert(in.short_of);
}
END_TEST

START_TEST(no_bytes_at_all_is_an_end_too)
{
    struct trp_cursor in = trp_cursor_on(NULL, 0);
    size_t length;

    ck_assert_uint_eq(trp_cursor_left(&in), 0);
    ck_assert_ptr_null(trp_cursor_text(&in, &length));
    ck_assert(in.short_of);
}
END_TEST

START_TEST(a_text_needs_its_end)
{
    struct trp_cursor in = trp_cursor_on("ab\0cd", 5);
    size_t length = 0;

    ck_assert_str_eq(trp_cursor_text(&in, &length), "ab");
    ck_assert_uint_eq(length, 2);
    ck_assert_ptr_null(trp_cursor_text(&in, &length));
    ck_assert(in.short_of);
    ck_assert_uint_eq(trp_cursor_left(&in), 2);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("cursor");
    TCase *tcase = tcase_create("cursor");

    tcase_add_test(tcase, numbers_are_read_in_both_orders);
    tcase_add_test(tcase, reading_past_the_end_yields_zero_and_says_so);
    tcase_add_test(tcase, once_short_everything_after_is_zero);
    tcase_add_test(tcase, everything_up_to_the_last_byte_can_be_taken);
    tcase_add_test(tcase, no_bytes_at_all_is_an_end_too);
    tcase_add_test(tcase, a_text_needs_its_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
