/* SPDX-License-Identifier: MIT
 * What went wrong, as a message. */
#include <string.h>

#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

START_TEST(a_failure_says_what_who_and_why)
{
    troupe_msg *msg = NULL;
    troupe_id origin = {.bits = 42};

    ck_assert_int_eq(
        troupe_msg_new_failure(TROUPE_ELOST, origin, &msg, "after %d bytes", 7),
        TROUPE_OK);
    ck_assert_int_eq(troupe_msg_status(msg), TROUPE_ELOST);
    ck_assert_int_eq(troupe_msg_failure(msg)->status, TROUPE_ELOST);
    ck_assert(troupe_id_equal(troupe_msg_failure(msg)->origin, origin));
    ck_assert_str_eq(troupe_msg_failure(msg)->text, "after 7 bytes");
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(success_is_no_failure)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new_failure(TROUPE_OK, TROUPE_NOBODY, &msg, "fine"),
                     TROUPE_EINVAL);
    ck_assert_ptr_null(msg);
}
END_TEST

START_TEST(context_goes_before_the_text_and_never_past_its_end)
{
    troupe_msg *msg = NULL;
    char longer[600];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    ck_assert_int_eq(
        troupe_msg_new_failure(TROUPE_EPROTO, TROUPE_NOBODY, &msg, "bad header"),
        TROUPE_OK);
    troupe_msg_add_context(msg, "feed");
    ck_assert_str_eq(troupe_msg_failure(msg)->text, "feed: bad header");
    for (int i = 0; i < 5; i++) {
        troupe_msg_add_context(msg, longer);
    }
    ck_assert_uint_lt(strlen(troupe_msg_failure(msg)->text), TROUPE_FAILURE_TEXT);
    troupe_msg_free(&msg);
    ck_assert_int_eq(
        troupe_msg_new_failure(TROUPE_EPROTO, TROUPE_NOBODY, &msg, "%s", longer),
        TROUPE_OK);
    ck_assert_uint_eq(strlen(troupe_msg_failure(msg)->text), TROUPE_FAILURE_TEXT - 1);
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(other_messages_are_successes)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_USER, sizeof(troupe_failure), &msg),
                     TROUPE_OK);
    ck_assert_ptr_null(troupe_msg_failure(msg));
    ck_assert_int_eq(troupe_msg_status(msg), TROUPE_OK);
    troupe_msg_add_context(msg, "nothing happens");
    troupe_msg_free(&msg);
    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_FAILURE, 4, &msg), TROUPE_OK);
    ck_assert_ptr_null(troupe_msg_failure(msg)); /* too small to be one */
    troupe_msg_free(&msg);
}
END_TEST

START_TEST(a_blob_is_not_written_whatever_its_kind)
{
    static const troupe_failure lookalike = {.status = TROUPE_ELOST, .text = "shared"};
    troupe_blob *blob = NULL;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_blob_wrap(&lookalike, sizeof(lookalike), NULL, NULL, &blob),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_msg_new_blob(TROUPE_KIND_FAILURE, blob, &msg), TROUPE_OK);
    ck_assert_ptr_null(troupe_msg_failure(msg));
    troupe_msg_add_context(msg, "into read-only memory");
    troupe_msg_free(&msg);
    troupe_blob_unref(&blob);
}
END_TEST

START_TEST(without_memory_there_is_no_message)
{
    troupe_msg *msg = NULL;

    trp_fail_nth(1);
    ck_assert_int_eq(troupe_msg_new_failure(TROUPE_ELOST, TROUPE_NOBODY, &msg, "x"),
                     TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    ck_assert_ptr_null(msg);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("failure");
    TCase *tcase = tcase_create("failure");

    tcase_add_test(tcase, a_failure_says_what_who_and_why);
    tcase_add_test(tcase, success_is_no_failure);
    tcase_add_test(tcase, context_goes_before_the_text_and_never_past_its_end);
    tcase_add_test(tcase, other_messages_are_successes);
    tcase_add_test(tcase, a_blob_is_not_written_whatever_its_kind);
    tcase_add_test(tcase, without_memory_there_is_no_message);
    suite_add_tcase(suite, tcase);
    return suite;
}
