/* SPDX-License-Identifier: MIT
 * Names of kinds: who may have one, how many there are. */
#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "mailbox/kinds.h"
#include "tests/support/suite.h"

START_TEST(a_kind_has_the_name_it_was_given)
{
    troupe_kind kind = TROUPE_KIND_USER + 1;

    ck_assert_str_eq(troupe_kind_name(kind), "?");
    ck_assert_int_eq(troupe_kind_register(kind, "row"), TROUPE_OK);
    ck_assert_str_eq(troupe_kind_name(kind), "row");
    ck_assert_int_eq(troupe_kind_register(kind, "row"), TROUPE_OK);
    ck_assert_int_eq(troupe_kind_register(kind, "line"), TROUPE_EEXIST);
    ck_assert_str_eq(troupe_kind_name(kind), "row");
}
END_TEST

START_TEST(the_runtimes_kinds_have_names_that_cannot_be_changed)
{
    ck_assert_str_eq(troupe_kind_name(TROUPE_KIND_FAILURE), "failure");
    ck_assert_int_eq(troupe_kind_register(TROUPE_KIND_FAILURE, "x"), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(TROUPE_KIND_RESERVED - 1, "x"), TROUPE_EINVAL);
}
END_TEST

START_TEST(a_name_has_1_to_31_bytes)
{
    troupe_kind kind = TROUPE_KIND_USER + 2;

    ck_assert_int_eq(troupe_kind_register(kind, NULL), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(kind, ""), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(kind, "12345678901234567890123456789012"),
                     TROUPE_EINVAL);
    ck_assert_int_eq(troupe_kind_register(kind, "1234567890123456789012345678901"),
                     TROUPE_OK);
}
END_TEST

START_TEST(without_memory_a_kind_stays_nameless)
{
    troupe_kind kind = TROUPE_KIND_USER + 3;

    trp_fail_nth(1);
    ck_assert_int_eq(troupe_kind_register(kind, "later"), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    ck_assert_str_eq(troupe_kind_name(kind), "?");
    ck_assert_int_eq(troupe_kind_register(kind, "later"), TROUPE_OK);
}
END_TEST

static void count(void *context, troupe_kind kind, const char *name)
{
    uint32_t *counted = context;

    ck_assert_str_eq(troupe_kind_name(kind), name);
    (*counted)++;
}

static uint32_t observed;

static void observe(troupe_kind kind, const char *name)
{
    ck_assert_str_eq(troupe_kind_name(kind), name);
    observed++;
}

/* Last: it leaves the table full. Kinds that share all low bits make it collide. */
START_TEST(the_table_has_a_limit_and_stays_whole_there)
{
    uint32_t before = 0, after = 0, added = 0;
    troupe_status status = TROUPE_OK;

    trp_kinds_each(count, &before);
    trp_kinds_observe(observe);
    while (status == TROUPE_OK && added <= TROUPE_KINDS_MAX) {
        status = troupe_kind_register(UINT32_C(0x100000) + (added << 16), "many");
        added += status == TROUPE_OK;
    }
    trp_kinds_observe(NULL);
    trp_kinds_each(count, &after);
    ck_assert_int_eq(status, TROUPE_ELIMIT);
    ck_assert_uint_eq(observed, added);
    ck_assert_uint_eq(after, before + added);
    ck_assert_uint_le(added, TROUPE_KINDS_MAX);
    ck_assert_str_eq(troupe_kind_name(UINT32_C(0x100000)), "many");
    ck_assert_str_eq(troupe_kind_name(TROUPE_KIND_USER + 999), "?");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("kinds");
    TCase *tcase = tcase_create("kinds");

    tcase_add_test(tcase, a_kind_has_the_name_it_was_given);
    tcase_add_test(tcase, the_runtimes_kinds_have_names_that_cannot_be_changed);
    tcase_add_test(tcase, a_name_has_1_to_31_bytes);
    tcase_add_test(tcase, without_memory_a_kind_stays_nameless);
    tcase_add_test(tcase, the_table_has_a_limit_and_stays_whole_there);
    suite_add_tcase(suite, tcase);
    return suite;
}
