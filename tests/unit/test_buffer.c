/* SPDX-License-Identifier: MIT
 * Growing bytes with a maximum that holds. */
#include <string.h>

#include "mailbox/alloc.h"
#include "mailbox/buffer.h"
#include "tests/support/suite.h"

static struct trp_buffer buffer;

static void begin(size_t limit)
{
    trp_buffer_init(&buffer, limit);
}

static void end(void)
{
    trp_buffer_fini(&buffer);
}

static void add(const char *text)
{
    ck_assert_int_eq(trp_buffer_add(&buffer, text, strlen(text)), TROUPE_OK);
}

static void holds(const char *text)
{
    ck_assert_uint_eq(trp_buffer_size(&buffer), strlen(text));
    ck_assert_mem_eq(trp_buffer_front(&buffer), text, strlen(text));
}

START_TEST(what_is_added_comes_out_in_order)
{
    begin(100);
    add("one");
    add("two");
    trp_buffer_consume(&buffer, 2);
    holds("etwo");
    trp_buffer_consume(&buffer, 99); /* at most all */
    ck_assert_uint_eq(trp_buffer_size(&buffer), 0);
    end();
}
END_TEST

START_TEST(the_maximum_holds_whatever_it_is)
{
    static const size_t limits[] = {1, 7, 100, 255, 256, 257, 1000, 4096, 5000};
    uint8_t bytes[64] = {0};

    for (size_t i = 0; i < TRP_COUNT(limits); i++) {
        begin(limits[i]);
        for (size_t size = 0; size < limits[i]; size++) {
            ck_assert_int_eq(trp_buffer_add(&buffer, bytes, 1), TROUPE_OK);
        }
        ck_assert_int_eq(trp_buffer_add(&buffer, bytes, 1), TROUPE_ELIMIT);
        ck_assert_uint_eq(trp_buffer_size(&buffer), limits[i]);
        ck_assert_uint_le(buffer.capacity, limits[i]);
        end();
    }
}
END_TEST

START_TEST(one_large_addition_is_refused_as_many_small_ones_are)
{
    uint8_t bytes[200] = {0};

    begin(100);
    add("x");
    ck_assert_ptr_null(trp_buffer_reserve(&buffer, SIZE_MAX));
    trp_buffer_clear(&buffer, 100);
    add("x");
    ck_assert_int_eq(trp_buffer_add(&buffer, bytes, sizeof(bytes)), TROUPE_ELIMIT);
    ck_assert_int_eq(trp_buffer_add(&buffer, bytes, 1), TROUPE_ELIMIT); /* sticky */
    holds("x");
    end();
}
END_TEST

START_TEST(room_that_was_consumed_is_used_again)
{
    uint8_t bytes[1000] = {0};

    begin(1000);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(trp_buffer_add(&buffer, bytes, 700), TROUPE_OK);
        trp_buffer_consume(&buffer, 650);
        ck_assert_int_eq(trp_buffer_add(&buffer, bytes, 300), TROUPE_OK);
        trp_buffer_consume(&buffer, 350);
        ck_assert_uint_eq(trp_buffer_size(&buffer), 0);
    }
    ck_assert_uint_le(buffer.capacity, 1000);
    end();
}
END_TEST

START_TEST(without_memory_it_keeps_what_it_has_and_says_so)
{
    uint8_t bytes[1000] = {0};

    begin(10000);
    add("kept");
    trp_fail_nth(1);
    ck_assert_int_eq(trp_buffer_add(&buffer, bytes, sizeof(bytes)), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    holds("kept");
    ck_assert_int_eq(trp_buffer_add(&buffer, bytes, 1), TROUPE_ENOMEM); /* sticky */
    trp_buffer_clear(&buffer, SIZE_MAX);
    add("again");
    holds("again");
    end();
}
END_TEST

START_TEST(clearing_keeps_no_more_memory_than_told)
{
    uint8_t bytes[4000] = {0};

    begin(10000);
    ck_assert_int_eq(trp_buffer_add(&buffer, bytes, sizeof(bytes)), TROUPE_OK);
    trp_buffer_clear(&buffer, 10000);
    ck_assert_ptr_nonnull(buffer.bytes);
    trp_buffer_clear(&buffer, 100);
    ck_assert_ptr_null(buffer.bytes);
    ck_assert_ptr_null(trp_buffer_front(&buffer));
    add("x"); /* the limit is still there */
    ck_assert_int_eq(trp_buffer_add(&buffer, bytes, sizeof(bytes)), TROUPE_OK);
    end();
}
END_TEST

START_TEST(taking_hands_the_memory_over)
{
    size_t size = 1;

    begin(100);
    ck_assert_ptr_null(trp_buffer_take(&buffer, &size));
    ck_assert_uint_eq(size, 0);
    add("skipped taken");
    trp_buffer_consume(&buffer, 8);
    uint8_t *bytes = trp_buffer_take(&buffer, &size);
    ck_assert_uint_eq(size, 5);
    ck_assert_mem_eq(bytes, "taken", 5);
    ck_assert_uint_eq(trp_buffer_size(&buffer), 0);
    trp_free(bytes);
    add("new");
    holds("new");
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tcase = tcase_create("buffer");

    tcase_add_test(tcase, what_is_added_comes_out_in_order);
    tcase_add_test(tcase, the_maximum_holds_whatever_it_is);
    tcase_add_test(tcase, one_large_addition_is_refused_as_many_small_ones_are);
    tcase_add_test(tcase, room_that_was_consumed_is_used_again);
    tcase_add_test(tcase, without_memory_it_keeps_what_it_has_and_says_so);
    tcase_add_test(tcase, clearing_keeps_no_more_memory_than_told);
    tcase_add_test(tcase, taking_hands_the_memory_over);
    suite_add_tcase(suite, tcase);
    return suite;
}
