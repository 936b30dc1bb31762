/* SPDX-License-Identifier: MIT
 * Writing bytes for outside: orders, gaps, errors that stick. */
#include "mailbox/alloc.h"
#include "mailbox/cursor.h"
#include "mailbox/emit.h"
#include "tests/support/suite.h"

START_TEST(what_is_emitted_is_read_back)
{
    struct trp_buffer out;

    trp_buffer_init(&out, 1000);
    for (size_t width = 1; width <= 8; width++) {
        trp_emit_le(&out, UINT64_C(0x8877665544332211), width);
        trp_emit_be(&out, UINT64_C(0x8877665544332211), width);
    }
    trp_emit_bytes(&out, "end", 4);
    ck_assert_int_eq(out.status, TROUPE_OK);
    struct trp_cursor in = trp_cursor_on(trp_buffer_front(&out), trp_buffer_size(&out));
    for (size_t width = 1; width <= 8; width++) {
        uint64_t value = UINT64_C(0x8877665544332211) & (UINT64_MAX >> (64 - 8 * width));
        ck_assert_uint_eq(trp_cursor_le(&in, width), value);
        ck_assert_uint_eq(trp_cursor_be(&in, width), value);
    }
    size_t length;
    ck_assert_str_eq(trp_cursor_text(&in, &length), "end");
    ck_assert_uint_eq(trp_cursor_left(&in), 0);
    trp_buffer_fini(&out);
}
END_TEST

START_TEST(a_gap_is_zero_until_it_is_filled)
{
    struct trp_buffer out;

    trp_buffer_init(&out, 1000);
    trp_emit_bytes(&out, "head", 4);
    size_t gap = trp_emit_gap(&out, 4);
    trp_emit_bytes(&out, "body", 4);
    ck_assert_uint_eq(gap, 4);
    ck_assert_mem_eq(trp_buffer_front(&out), "head\0\0\0\0body", 12);
    trp_put_be(out.bytes + out.start + gap, 4, 4);
    ck_assert_mem_eq(trp_buffer_front(&out), "head\0\0\0\4body", 12);
    trp_buffer_fini(&out);
}
END_TEST

START_TEST(an_error_sticks_and_nothing_is_written_behind_it)
{
    struct trp_buffer out;

    trp_buffer_init(&out, 10);
    trp_emit_be(&out, 1, 8);
    trp_emit_be(&out, 2, 4); /* too much */
    trp_emit_be(&out, 3, 1); /* would fit */
    ck_assert_int_eq(out.status, TROUPE_ELIMIT);
    ck_assert_uint_eq(trp_buffer_size(&out), 8);
    trp_buffer_fini(&out);
}
END_TEST

START_TEST(an_encoder_without_memory_looks_once_at_the_end)
{
    struct trp_buffer out;

    trp_buffer_init(&out, 1000);
    trp_fail_nth(1);
    size_t gap = trp_emit_gap(&out, 4);
    trp_emit_bytes(&out, "x", 1);
    ck_assert(trp_fail_happened());
    ck_assert_uint_eq(gap, 0);
    ck_assert_int_eq(out.status, TROUPE_ENOMEM);
    ck_assert_uint_eq(trp_buffer_size(&out), 0);
    trp_buffer_fini(&out);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("emit");
    TCase *tcase = tcase_create("emit");

    tcase_add_test(tcase, what_is_emitted_is_read_back);
    tcase_add_test(tcase, a_gap_is_zero_until_it_is_filled);
    tcase_add_test(tcase, an_error_sticks_and_nothing_is_written_behind_it);
    tcase_add_test(tcase, an_encoder_without_memory_looks_once_at_the_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
