/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <troupe/status.h>

#include "tests/support/suite.h"

START_TEST(every_status_has_a_name_and_a_text)
{
#define X(name, value, text)                                                             \
    ck_assert_str_eq(troupe_status_name(TROUPE_##name), #name);                          \
    ck_assert_str_eq(troupe_status_text(TROUPE_##name), text);                           \
    ck_assert_int_eq(TROUPE_##name, value);
    TROUPE_STATUS_MAP(X)
#undef X
}
END_TEST

START_TEST(an_unknown_status_is_named_and_not_retried)
{
    ck_assert_str_eq(troupe_status_name((troupe_status)-9999), "E?");
    ck_assert_ptr_nonnull(strstr(troupe_status_text((troupe_status)-9999), "unknown"));
    ck_assert(!troupe_status_retryable((troupe_status)-9999));
}
END_TEST

START_TEST(only_what_may_pass_by_itself_is_retryable)
{
    ck_assert(troupe_status_retryable(TROUPE_EBUSY));
    ck_assert(troupe_status_retryable(TROUPE_ELOST));
    ck_assert(!troupe_status_retryable(TROUPE_OK));
    ck_assert(!troupe_status_retryable(TROUPE_EPROTO));
    ck_assert(!troupe_status_retryable(TROUPE_EACCESS));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = tcase_create("status");

    tcase_add_test(tcase, every_status_has_a_name_and_a_text);
    tcase_add_test(tcase, an_unknown_status_is_named_and_not_retried);
    tcase_add_test(tcase, only_what_may_pass_by_itself_is_retryable);
    suite_add_tcase(suite, tcase);
    return suite;
}
