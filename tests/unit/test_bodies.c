/* SPDX-License-Identifier: MIT
 * Messages: what they carry, who drops it, and that failures take nothing. */
#include <string.h>

#include "mailbox/message.h"
#include "tests/support/suite.h"

static void drop(void *body)
{
    *(int *)body += 1;
}

START_TEST(bodies_of_every_size_are_aligned_and_whole)
{
    static const size_t sizes[] = {0,   1,   8,   9,    72,   73,    456,    457,
                                   967, 968, 969, 1024, 4096, 70000, 1000000};

    for (size_t i = 0; i < TRP_COUNT(sizes); i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, sizes[i], &msg), TROUPE_OK);
        uint8_t *body = troupe_msg_body(msg);
        ck_assert_uint_eq((uintptr_t)body % 8, 0);
        ck_assert_uint_eq(troupe_msg_size(msg), sizes[i]);
        memset(body, 0xa5, sizes[i]);
        ck_assert_uint_eq(troupe_msg_kind(msg), TROUPE_KIND_USER);
        ck_assert_uint_eq(troupe_msg_tag(msg), 0);
        ck_assert(troupe_id_is_nobody(troupe_msg_from(msg)));
        ck_assert(!troupe_msg_wants_answer(msg) && !troupe_msg_is_answer(msg));
        ck_assert_ptr_null(troupe_msg_blob(msg));
        ck_assert_ptr_null(troupe_msg_take(msg));
        troupe_msg_free(&msg);
        ck_assert_ptr_null(msg);
    }
}
END_TEST

START_TEST(a_block_that_comes_back_brings_nothing_of_its_past)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 8, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, 99);
    troupe_msg_set_urgent(msg, true);
    msg->from.bits = 7;
    troupe_msg_free(&msg);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER + 1, 8, &msg), TROUPE_OK);
    ck_assert_uint_eq(troupe_msg_tag(msg), 0);
    ck_assert_uint_eq(msg->flags, 0);
    ck_assert(troupe_id_is_nobody(troupe_msg_from(msg)));
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(the_largest_body_has_a_limit)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, TROUPE_BODY_MAX + 1, &msg),
                     TROUPE_EINVAL);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, SIZE_MAX, &msg), TROUPE_EINVAL);
    ck_assert_ptr_null(msg);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, TROUPE_BODY_MAX, &msg), TROUPE_OK);
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(an_owned_body_is_dropped_exactly_once)
{
    int body = 0;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new_owned(TROUPE_KIND_USER, &body, SIZE_MAX, drop, &msg),
                     TROUPE_OK);
    ck_assert_ptr_eq(troupe_msg_body(msg), &body);
    ck_assert_uint_eq(troupe_msg_size(msg), SIZE_MAX);
    troupe_msg_free(&msg);
    troupe_msg_free(&msg); /* NULL inside: nothing */
    ck_assert_int_eq(body, 1);
}
END_TEST

START_TEST(what_is_taken_is_not_dropped)
{
    int body = 0;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(
        troupe_msg_new_owned(TROUPE_KIND_USER, &body, sizeof(body), drop, &msg),
        TROUPE_OK);
    ck_assert_ptr_eq(troupe_msg_take(msg), &body);
    ck_assert_ptr_null(troupe_msg_take(msg));
    ck_assert_ptr_null(troupe_msg_body(msg));
    troupe_msg_free(&msg);
    ck_assert_int_eq(body, 0);
}
END_TEST

START_TEST(a_body_without_drop_stays_whoevers_it_is)
{
    int body = 0;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(
        troupe_msg_new_owned(TROUPE_KIND_USER, &body, sizeof(body), NULL, &msg),
        TROUPE_OK);
    troupe_msg_free(&msg);
    ck_assert_int_eq(body, 0);
}
END_TEST

START_TEST(without_memory_the_body_is_still_the_callers)
{
    static const size_t sizes[] = {8, 5000};
    int body = 0;
    troupe_msg *msg = NULL;

    for (size_t i = 0; i < TRP_COUNT(sizes); i++) {
        trp_fail_nth(1);
        ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, sizes[i], &msg), TROUPE_ENOMEM);
        ck_assert(trp_fail_happened());
    }
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_msg_new_owned(TROUPE_KIND_USER, &body, 4, drop, &msg),
                     TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    ck_assert_ptr_null(msg);
    ck_assert_int_eq(body, 0);
}
END_TEST

START_TEST(kind_tag_and_urgency_can_be_set_before_sending)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 0, &msg), TROUPE_OK);
    troupe_msg_set_kind(msg, TROUPE_KIND_USER + 5);
    troupe_msg_set_tag(msg, UINT64_MAX);
    troupe_msg_set_urgent(msg, true);
    ck_assert_uint_eq(troupe_msg_kind(msg), TROUPE_KIND_USER + 5);
    ck_assert_uint_eq(troupe_msg_tag(msg), UINT64_MAX);
    ck_assert_uint_eq(msg->flags, TRP_MSG_URGENT);
    troupe_msg_set_urgent(msg, false);
    ck_assert_uint_eq(msg->flags, 0);
    troupe_msg_free(&msg);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("bodies");
    TCase *tcase = tcase_create("bodies");

    tcase_add_test(tcase, bodies_of_every_size_are_aligned_and_whole);
    tcase_add_test(tcase, a_block_that_comes_back_brings_nothing_of_its_past);
    tcase_add_test(tcase, the_largest_body_has_a_limit);
    tcase_add_test(tcase, an_owned_body_is_dropped_exactly_once);
    tcase_add_test(tcase, what_is_taken_is_not_dropped);
    tcase_add_test(tcase, a_body_without_drop_stays_whoevers_it_is);
    tcase_add_test(tcase, without_memory_the_body_is_still_the_callers);
    tcase_add_test(tcase, kind_tag_and_urgency_can_be_set_before_sending);
    suite_add_tcase(suite, tcase);
    return suite;
}
