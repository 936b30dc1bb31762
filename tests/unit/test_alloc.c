/* SPDX-License-Identifier: MIT
 * The allocator's edges, and the switch that makes the n-th allocation fail. */
#include <stdlib.h>

#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

START_TEST(the_nth_allocation_fails_once)
{
    trp_fail_nth(3);
    void *first = trp_alloc(1);
    char *second = trp_strdup("two");
    void *third = trp_calloc(1, 1);
    void *fourth = trp_alloc(1);
    ck_assert_ptr_nonnull(first);
    ck_assert_str_eq(second, "two");
    ck_assert_ptr_null(third);
    ck_assert_ptr_nonnull(fourth);
    ck_assert(trp_fail_happened());
    trp_free(first);
    trp_free(second);
    trp_free(fourth);
}
END_TEST

START_TEST(every_way_to_allocate_can_be_made_to_fail)
{
    char *kept = trp_strdup("kept");

    trp_fail_nth(1);
    ck_assert_ptr_null(trp_alloc(1));
    trp_fail_nth(1);
    ck_assert_ptr_null(trp_calloc(1, 1));
    trp_fail_nth(1);
    ck_assert_ptr_null(trp_realloc(kept, 1000));
    trp_fail_nth(1);
    ck_assert_ptr_null(trp_aligned(64, 64));
    trp_fail_nth(1);
    ck_assert_ptr_null(trp_strdup("x"));
    ck_assert(trp_fail_happened());
    ck_assert_str_eq(kept, "kept"); /* a failed realloc leaves the old memory */
    trp_free(kept);
}
END_TEST

START_TEST(asking_whether_it_failed_disarms)
{
    trp_fail_nth(1000);
    ck_assert(trp_fail_armed());
    ck_assert(!trp_fail_happened());
    ck_assert(!trp_fail_armed());
    for (int i = 0; i < 1100; i++) {
        void *memory = trp_alloc(1);
        ck_assert_ptr_nonnull(memory);
        trp_free(memory);
    }
}
END_TEST

START_TEST(while_armed_a_recycled_block_counts_as_an_allocation)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 8, &msg), TROUPE_OK);
    troupe_msg_free(&msg);
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 8, &msg), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    ck_assert_ptr_null(msg);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 8, &msg), TROUPE_OK);
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(sizes_of_zero_give_memory_and_overflowing_ones_none)
{
    void *nothing = trp_alloc(0);
    void *none = trp_calloc(0, 0);

    ck_assert_ptr_nonnull(nothing);
    ck_assert_ptr_nonnull(none);
    nothing = trp_realloc(nothing, 0);
    ck_assert_ptr_nonnull(nothing);
    trp_free(nothing);
    trp_free(none);
    trp_free(NULL);
    volatile size_t half = SIZE_MAX / 2; /* volatile: the compiler would warn */
    if (getenv("ASAN_OPTIONS") == NULL && getenv("TSAN_OPTIONS") == NULL) {
        ck_assert_ptr_null(trp_calloc(half, 3)); /* sanitizers end the process instead */
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("alloc");
    TCase *tcase = tcase_create("alloc");

    tcase_add_test(tcase, the_nth_allocation_fails_once);
    tcase_add_test(tcase, every_way_to_allocate_can_be_made_to_fail);
    tcase_add_test(tcase, asking_whether_it_failed_disarms);
    tcase_add_test(tcase, while_armed_a_recycled_block_counts_as_an_allocation);
    tcase_add_test(tcase, sizes_of_zero_give_memory_and_overflowing_ones_none);
    suite_add_tcase(suite, tcase);
    return suite;
}
