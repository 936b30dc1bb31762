/* SPDX-License-Identifier: MIT
 * Messages, blobs, failures and names of kinds. */
#include <stdio.h>
#include <string.h>

#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "mailbox/blob.h"
#include "tests/support/suite.h"

static int drops;

static void count_drop(void *body)
{
    (void)body;
    drops++;
}

START_TEST(a_body_of_any_allowed_size_lies_inside_its_message)
{
    static const size_t sizes[] = {0, 1, 8, 9, 200, 201, 968, 969, 5000, TROUPE_BODY_MAX};

    for (size_t i = 0; i < TRP_COUNT(sizes); i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, sizes[i], &msg), TROUPE_OK);
        ck_assert_uint_eq(troupe_msg_size(msg), sizes[i]);
        ck_assert_uint_eq(troupe_msg_kind(msg), TROUPE_KIND_USER);
        ck_assert_uint_eq(troupe_msg_tag(msg), 0);
        ck_assert(troupe_id_is_nobody(troupe_msg_from(msg)));
        memset(troupe_msg_body(msg), 0x77, sizes[i]);
        ck_assert(!troupe_msg_wants_answer(msg) && !troupe_msg_is_answer(msg));
        ck_assert_int_eq(troupe_msg_status(msg), TROUPE_OK);
        ck_assert_ptr_null(troupe_msg_failure(msg));
        ck_assert_ptr_null(troupe_msg_blob(msg));
        ck_assert_ptr_null(troupe_msg_take(msg));
        troupe_msg_free(&msg);
        ck_assert_ptr_null(msg);
        troupe_msg_free(&msg);
    }
}
END_TEST

START_TEST(a_larger_body_is_refused)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, TROUPE_BODY_MAX + 1, &msg),
                     TROUPE_EINVAL);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, SIZE_MAX, &msg), TROUPE_EINVAL);
    ck_assert_ptr_null(msg);
}
END_TEST

START_TEST(kind_and_tag_can_be_set_before_sending)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 0, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, UINT64_MAX);
    troupe_msg_set_kind(msg, UINT32_MAX);
    troupe_msg_set_urgent(msg, true);
    troupe_msg_set_urgent(msg, false);
    ck_assert_uint_eq(troupe_msg_tag(msg), UINT64_MAX);
    ck_assert_uint_eq(troupe_msg_kind(msg), UINT32_MAX);
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(what_is_owned_ends_with_the_message_unless_taken)
{
    int thing;
    troupe_msg *msg = NULL;

    drops = 0;
    ck_assert_int_eq(
        troupe_msg_new_owned(TROUPE_KIND_USER, &thing, SIZE_MAX, count_drop, &msg),
        TROUPE_OK);
    ck_assert_uint_eq(troupe_msg_size(msg), SIZE_MAX); /* any value */
    ck_assert_ptr_eq(troupe_msg_body(msg), &thing);
    troupe_msg_free(&msg);
    ck_assert_int_eq(drops, 1);
    ck_assert_int_eq(troupe_msg_new_owned(TROUPE_KIND_USER, &thing, 4, count_drop, &msg),
                     TROUPE_OK);
    ck_assert_ptr_eq(troupe_msg_take(msg), &thing);
    ck_assert_ptr_null(troupe_msg_take(msg));
    ck_assert_ptr_null(troupe_msg_body(msg));
    ck_assert_uint_eq(troupe_msg_size(msg), 0);
    troupe_msg_free(&msg);
    ck_assert_int_eq(drops, 1);
    ck_assert_int_eq(troupe_msg_new_owned(TROUPE_KIND_USER, &thing, 4, NULL, &msg),
                     TROUPE_OK);
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(a_blob_lives_as_long_as_somebody_shares_it)
{
    troupe_blob *blob = NULL;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_blob_new("bytes", 6, &blob), TROUPE_OK);
    ck_assert_uint_eq(troupe_blob_size(blob), 6);
    ck_assert_int_eq(troupe_msg_new_blob(TROUPE_KIND_USER, blob, &msg), TROUPE_OK);
    ck_assert_ptr_eq(troupe_msg_blob(msg), blob);
    troupe_blob_unref(&blob);
    ck_assert_ptr_null(blob);
    troupe_blob_unref(&blob);
    ck_assert_str_eq(troupe_msg_body(msg), "bytes");
    ck_assert_uint_eq(troupe_msg_size(msg), 6);
    troupe_msg_free(&msg);
    ck_assert_int_eq(troupe_blob_new(NULL, 0, &blob), TROUPE_OK);
    troupe_blob_unref(&blob);
    ck_assert_int_eq(troupe_blob_new(NULL, 1, &blob), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_blob_new("x", SIZE_MAX, &blob), TROUPE_EINVAL);
}
END_TEST

START_TEST(wrapped_bytes_are_given_back_once)
{
    static const char bytes[] = "mine";
    troupe_blob *blob = NULL;

    drops = 0;
    ck_assert_int_eq(troupe_blob_wrap(bytes, sizeof(bytes), count_drop, NULL, &blob),
                     TROUPE_OK);
    ck_assert_ptr_eq(troupe_blob_bytes(blob), bytes);
    troupe_blob *second = troupe_blob_ref(blob);
    ck_assert_ptr_eq(second, blob);
    trp_blob_ref_many(blob, 100);
    trp_blob_unref_many(blob, 100);
    troupe_blob_unref(&blob);
    ck_assert_int_eq(drops, 0);
    troupe_blob_unref(&second);
    ck_assert_int_eq(drops, 1);
}
END_TEST

START_TEST(a_failure_says_who_what_and_why)
{
    troupe_id origin = {77};
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new_failure(TROUPE_OK, origin, &msg, "no"),
                     TROUPE_EINVAL);
    ck_assert_int_eq(
        troupe_msg_new_failure(TROUPE_ELOST, origin, &msg, "line %d is dead", 3),
        TROUPE_OK);
    ck_assert_int_eq(troupe_msg_status(msg), TROUPE_ELOST);
    const troupe_failure *failure = troupe_msg_failure(msg);
    ck_assert_str_eq(failure->text, "line 3 is dead");
    ck_assert(troupe_id_equal(failure->origin, origin));
    troupe_msg_add_context(msg, "dialling");
    ck_assert_str_eq(failure->text, "dialling: line 3 is dead");
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(the_text_of_a_failure_is_cut_and_always_ends)
{
    char sentence[1000];
    troupe_msg *msg = NULL;

    memset(sentence, 'x', sizeof(sentence));
    sentence[sizeof(sentence) - 1] = 0;
    ck_assert_int_eq(
        troupe_msg_new_failure(TROUPE_ELOST, TROUPE_NOBODY, &msg, "%s", sentence),
        TROUPE_OK);
    ck_assert_uint_eq(strlen(troupe_msg_failure(msg)->text), TROUPE_FAILURE_TEXT - 1);
    for (int i = 0; i < 10; i++) {
        troupe_msg_add_context(msg, sentence);
        ck_assert_uint_lt(strlen(troupe_msg_failure(msg)->text), TROUPE_FAILURE_TEXT);
    }
    troupe_msg_free(&msg);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, 4, &msg), TROUPE_OK);
    memset(troupe_msg_body(msg), 1, 4);
    troupe_msg_add_context(msg, "nothing"); /* not a failure: nothing happens */
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(a_message_of_kind_failure_with_a_small_body_is_no_failure)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_FAILURE, 4, &msg), TROUPE_OK);
    memset(troupe_msg_body(msg), 0xff, 4);
    ck_assert_ptr_null(troupe_msg_failure(msg));
    ck_assert_int_eq(troupe_msg_status(msg), TROUPE_OK);
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(kinds_have_names)
{
    enum { KIND_NAMED = TROUPE_KIND_USER + 0x777 };
    char long_name[33];

    memset(long_name, 'k', sizeof(long_name));
    long_name[32] = 0;
    ck_assert_str_eq(troupe_kind_name(TROUPE_KIND_DOWN), "down");
    ck_assert_str_eq(troupe_kind_name(KIND_NAMED), "?");
    ck_assert_int_eq(troupe_kind_register(KIND_NAMED, "named"), TROUPE_OK);
    ck_assert_str_eq(troupe_kind_name(KIND_NAMED), "named");
    ck_assert_int_eq(troupe_kind_register(KIND_NAMED, "named"), TROUPE_OK);
    ck_assert_int_eq(troupe_kind_register(KIND_NAMED, "other"), TROUPE_EEXIST);
    ck_assert_int_eq(troupe_kind_register(TROUPE_KIND_DOWN, "up"), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(KIND_NAMED, ""), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(KIND_NAMED, NULL), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(KIND_NAMED, long_name), TROUPE_EINVAL);
}
END_TEST

START_TEST(names_of_kinds_are_limited)
{
    troupe_status status = TROUPE_OK;
    troupe_kind kind = TROUPE_KIND_USER + 0x10000;

    for (int i = 0; i <= TROUPE_KINDS_MAX && status == TROUPE_OK; i++) {
        status = troupe_kind_register(kind++, "one of many");
    }
    ck_assert_int_eq(status, TROUPE_ELIMIT);
    ck_assert_str_eq(troupe_kind_name(kind - 2), "one of many");
}
END_TEST

START_TEST(without_memory_nothing_is_made)
{
    troupe_msg *msg = NULL;
    troupe_blob *blob = NULL;
    troupe_blob *shared = NULL;
    int thing;

    drops = 0;
    ck_assert_int_eq(troupe_blob_new("x", 2, &shared), TROUPE_OK);
    for (int call = 0; call < 7; call++) {
        troupe_status status = TROUPE_OK;
        trp_fail_nth(1);
        switch (call) {
        case 0:
            status = troupe_msg_new(TROUPE_KIND_USER, 10, &msg);
            break;
        case 1:
            status = troupe_msg_new(TROUPE_KIND_USER, 10000, &msg);
            break;
        case 2:
            status = troupe_msg_new_owned(TROUPE_KIND_USER, &thing, 4, count_drop, &msg);
            break;
        case 3:
            status = troupe_msg_new_blob(TROUPE_KIND_USER, shared, &msg);
            break;
        case 4:
            status = troupe_msg_new_failure(TROUPE_ELOST, TROUPE_NOBODY, &msg, "x");
            break;
        case 5:
            status = troupe_blob_new("x", 2, &blob);
            break;
        default:
            status = troupe_blob_wrap("x", 2, count_drop, NULL, &blob);
            break;
        }
        ck_assert(trp_fail_happened());
        ck_assert_int_eq(status, TROUPE_ENOMEM);
        ck_assert(msg == NULL && blob == NULL);
    }
    ck_assert_int_eq(drops, 0);
    troupe_blob_unref(&shared);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("message");
    TCase *tcase = tcase_create("message");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_body_of_any_allowed_size_lies_inside_its_message);
    tcase_add_test(tcase, a_larger_body_is_refused);
    tcase_add_test(tcase, kind_and_tag_can_be_set_before_sending);
    tcase_add_test(tcase, what_is_owned_ends_with_the_message_unless_taken);
    tcase_add_test(tcase, a_blob_lives_as_long_as_somebody_shares_it);
    tcase_add_test(tcase, wrapped_bytes_are_given_back_once);
    tcase_add_test(tcase, a_failure_says_who_what_and_why);
    tcase_add_test(tcase, the_text_of_a_failure_is_cut_and_always_ends);
    tcase_add_test(tcase, a_message_of_kind_failure_with_a_small_body_is_no_failure);
    tcase_add_test(tcase, kinds_have_names);
    tcase_add_test(tcase, without_memory_nothing_is_made);
    tcase_add_test(tcase, names_of_kinds_are_limited); /* last: the table stays full */
    suite_add_tcase(suite, tcase);
    return suite;
}
