/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "tests/support/sim.h"

static troupe_status do_register(troupe_self *self, void *argument)
{
    return troupe_register(self, argument);
}

static troupe_status do_unregister(troupe_self *self, void *argument)
{
    return troupe_unregister(self, argument);
}

static troupe_status take(struct probe *probe, const char *name)
{
    return act(probe, do_register, (void *)(uintptr_t)name);
}

static troupe_status give(struct probe *probe, const char *name)
{
    return act(probe, do_unregister, (void *)(uintptr_t)name);
}

START_TEST(a_name_leads_to_who_has_it)
{
    troupe_id found = TROUPE_NOBODY;

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(troupe_whereis(sim, "clerk", &found), TROUPE_ENOENT);
    ck_assert(troupe_id_is_nobody(found));
    ck_assert_int_eq(take(probe, "clerk"), TROUPE_OK);
    ck_assert_int_eq(troupe_whereis(sim, "clerk", &found), TROUPE_OK);
    ck_assert(troupe_id_equal(found, probe->id));
    ck_assert_int_eq(troupe_whereis(sim, NULL, &found), TROUPE_ENOENT);
    sim_end();
}
END_TEST

START_TEST(a_name_has_one_owner)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(take(first, "clerk"), TROUPE_OK);
    ck_assert_int_eq(take(second, "clerk"), TROUPE_EEXIST);
    ck_assert_int_eq(take(first, "clerk"), TROUPE_EEXIST);
    ck_assert_int_eq(give(second, "clerk"), TROUPE_ENOENT);
    ck_assert_int_eq(give(first, "clerk"), TROUPE_OK);
    ck_assert_int_eq(give(first, "clerk"), TROUPE_ENOENT);
    ck_assert_int_eq(take(second, "clerk"), TROUPE_OK);
    sim_end();
}
END_TEST

START_TEST(an_actor_may_have_many_names_and_they_end_with_it)
{
    troupe_id found;
    char name[32];

    sim_begin(_i);
    struct probe *probe = probe_new();
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "name %d", i);
        ck_assert_int_eq(take(probe, name), TROUPE_OK);
    }
    for (int i = 0; i < 200; i += 3) {
        (void)snprintf(name, sizeof(name), "name %d", i);
        ck_assert_int_eq(give(probe, name), TROUPE_OK);
    }
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "name %d", i);
        ck_assert_int_eq(troupe_whereis(sim, name, &found),
                         i % 3 == 0 ? TROUPE_ENOENT : TROUPE_OK);
    }
    crash(probe, TROUPE_ELOST);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "name %d", i);
        ck_assert_int_eq(troupe_whereis(sim, name, &found), TROUPE_ENOENT);
    }
    sim_end();
}
END_TEST

START_TEST(names_have_a_length)
{
    char name[TROUPE_NAME_MAX + 2];

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(take(probe, ""), TROUPE_EINVAL);
    ck_assert_int_eq(take(probe, NULL), TROUPE_EINVAL);
    memset(name, 'x', sizeof(name));
    name[TROUPE_NAME_MAX + 1] = 0;
    ck_assert_int_eq(take(probe, name), TROUPE_EINVAL);
    name[TROUPE_NAME_MAX] = 0;
    ck_assert_int_eq(take(probe, name), TROUPE_OK);
    ck_assert_int_eq(take(probe, "\001"), TROUPE_EINVAL); /* the runtime's own */
    ck_assert_int_eq(give(probe, NULL), TROUPE_ENOENT);
    sim_end();
}
END_TEST

START_TEST(a_name_is_free_when_its_owners_watchers_are_told)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(take(first, "throne"), TROUPE_OK);
    ck_assert_int_eq(act_watch(second, first->id), TROUPE_OK);
    crash(first, TROUPE_ELOST);
    ck_assert_int_eq(heard_last(second)->kind, TROUPE_KIND_DOWN);
    ck_assert_int_eq(take(second, "throne"), TROUPE_OK);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = tcase_create("names");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_name_leads_to_who_has_it);
    ADD(tcase, a_name_has_one_owner);
    ADD(tcase, an_actor_may_have_many_names_and_they_end_with_it);
    ADD(tcase, names_have_a_length);
    ADD(tcase, a_name_is_free_when_its_owners_watchers_are_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
