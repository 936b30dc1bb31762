/* SPDX-License-Identifier: MIT */
#include "tests/support/sim.h"

static struct probe *trapping(void)
{
    struct probe *probe = probe_make();

    probe->behavior.flags = TROUPE_TRAP_EXIT;
    probe_start(probe);
    return probe;
}

START_TEST(a_watcher_is_told_of_the_end_and_its_reason)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *target = probe_new();
    ck_assert_int_eq(act_watch(watcher, target->id), TROUPE_OK);
    crash(target, TROUPE_ELOST);
    ck_assert_uint_eq(watcher->count, 1);
    const struct heard *down = heard_nth(watcher, TROUPE_KIND_DOWN, 0);
    ck_assert_int_eq(down->status, TROUPE_ELOST);
    ck_assert(troupe_id_equal(down->who, target->id));
    ck_assert(troupe_id_equal(down->from, target->id));
    sim_end();
}
END_TEST

START_TEST(every_way_to_end_is_told)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *targets[4] = {probe_new(), probe_new(), probe_new(), probe_new()};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(act_watch(watcher, targets[i]->id), TROUPE_OK);
    }
    ck_assert_int_eq(act_stop(watcher, targets[0]->id), TROUPE_OK);
    ck_assert_int_eq(act_kill(watcher, targets[1]->id), TROUPE_OK);
    act_exit(targets[2], TROUPE_EACCESS);
    crash(targets[3], TROUPE_ETLS);
    ck_assert_int_eq(watcher->heard[0].status, TROUPE_OK);
    ck_assert_int_eq(watcher->heard[1].status, TROUPE_EKILLED);
    ck_assert_int_eq(watcher->heard[2].status, TROUPE_EACCESS);
    ck_assert_int_eq(watcher->heard[3].status, TROUPE_ETLS);
    sim_end();
}
END_TEST

START_TEST(watching_twice_is_watching_once)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *target = probe_new();
    ck_assert_int_eq(act_watch(watcher, target->id), TROUPE_OK);
    ck_assert_int_eq(act_watch(watcher, target->id), TROUPE_OK);
    crash(target, TROUPE_ELOST);
    ck_assert_uint_eq(watcher->count, 1);
    sim_end();
}
END_TEST

START_TEST(watching_the_dead_is_told_at_once)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *target = probe_new();
    crash(target, TROUPE_ELOST);
    ck_assert_int_eq(act_watch(watcher, target->id), TROUPE_OK);
    ck_assert_int_eq(heard_nth(watcher, TROUPE_KIND_DOWN, 0)->status, TROUPE_EGONE);
    ck_assert(troupe_id_equal(heard_nth(watcher, TROUPE_KIND_DOWN, 0)->who, target->id));
    sim_end();
}
END_TEST

START_TEST(nobody_and_self_cannot_be_watched_or_linked)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act_watch(probe, TROUPE_NOBODY), TROUPE_EINVAL);
    ck_assert_int_eq(act_watch(probe, probe->id), TROUPE_EINVAL);
    ck_assert_int_eq(act_link(probe, TROUPE_NOBODY), TROUPE_EINVAL);
    ck_assert_int_eq(act_link(probe, probe->id), TROUPE_EINVAL);
    act_unwatch(probe, TROUPE_NOBODY);
    act_unlink(probe, TROUPE_NOBODY);
    sim_end();
}
END_TEST

START_TEST(who_stops_watching_is_not_told)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *target = probe_new();
    ck_assert_int_eq(act_watch(watcher, target->id), TROUPE_OK);
    act_unwatch(watcher, target->id);
    act_unwatch(watcher, target->id);
    crash(target, TROUPE_ELOST);
    ck_assert_uint_eq(watcher->count, 0);
    sim_end();
}
END_TEST

START_TEST(a_watcher_that_ends_does_not_disturb_the_watched)
{
    sim_begin(_i);
    struct probe *watcher = probe_new();
    struct probe *target = probe_new();
    ck_assert_int_eq(act_watch(watcher, target->id), TROUPE_OK);
    crash(watcher, TROUPE_ELOST);
    ck_assert(!target->ended);
    crash(target, TROUPE_ELOST);
    sim_end();
}
END_TEST

START_TEST(many_watch_one_and_one_watches_many)
{
    struct probe *many[50];

    sim_begin(_i);
    struct probe *one = probe_new();
    for (int i = 0; i < 50; i++) {
        many[i] = probe_new();
        ck_assert_int_eq(act_watch(many[i], one->id), TROUPE_OK);
        ck_assert_int_eq(act_watch(one, many[i]->id), TROUPE_OK);
    }
    for (int i = 0; i < 25; i++) {
        crash(many[i], TROUPE_ETLS);
    }
    ck_assert_uint_eq(heard_count(one, TROUPE_KIND_DOWN), 25);
    crash(one, TROUPE_ELOST);
    for (int i = 25; i < 50; i++) {
        ck_assert_uint_eq(many[i]->count, 1);
    }
    sim_end();
}
END_TEST

/* ---- links ---- */

START_TEST(linked_actors_end_together_with_the_same_reason)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    struct probe *third = probe_new();
    ck_assert_int_eq(act_link(first, second->id), TROUPE_OK);
    ck_assert_int_eq(act_link(second, third->id), TROUPE_OK);
    crash(third, TROUPE_ELOST);
    ck_assert(first->ended && second->ended);
    ck_assert_int_eq(second->reason, TROUPE_ELOST);
    ck_assert_int_eq(first->reason, TROUPE_ELOST);
    sim_end();
}
END_TEST

START_TEST(a_link_works_from_either_side)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(act_link(first, second->id), TROUPE_OK);
    crash(first, TROUPE_EKILLED);
    ck_assert_int_eq(second->reason, TROUPE_EKILLED);
    sim_end();
}
END_TEST

START_TEST(a_normal_end_does_not_take_the_linked_along)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    struct probe *trap = trapping();
    ck_assert_int_eq(act_link(first, second->id), TROUPE_OK);
    ck_assert_int_eq(act_link(trap, second->id), TROUPE_OK);
    act_exit(second, TROUPE_OK);
    ck_assert(second->ended);
    ck_assert(!first->ended && !trap->ended);
    ck_assert_uint_eq(first->count, 0);
    ck_assert_int_eq(heard_nth(trap, TROUPE_KIND_EXIT, 0)->status, TROUPE_OK);
    sim_end();
}
END_TEST

START_TEST(one_that_traps_exits_is_told_instead)
{
    sim_begin(_i);
    struct probe *trap = trapping();
    struct probe *other = probe_new();
    ck_assert_int_eq(act_link(trap, other->id), TROUPE_OK);
    crash(other, TROUPE_ETLS);
    ck_assert(!trap->ended);
    const struct heard *heard = heard_nth(trap, TROUPE_KIND_EXIT, 0);
    ck_assert_int_eq(heard->status, TROUPE_ETLS);
    ck_assert(troupe_id_equal(heard->who, other->id));
    sim_end();
}
END_TEST

START_TEST(a_link_that_was_undone_does_nothing)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(act_link(first, second->id), TROUPE_OK);
    ck_assert_int_eq(act_link(first, second->id), TROUPE_OK);
    act_unlink(second, first->id);
    crash(first, TROUPE_ETLS);
    ck_assert(!second->ended);
    sim_end();
}
END_TEST

START_TEST(linking_to_the_dead_is_told_at_once)
{
    sim_begin(_i);
    struct probe *trap = trapping();
    struct probe *plain = probe_new();
    struct probe *dead = probe_new();
    crash(dead, TROUPE_ETLS);
    ck_assert_int_eq(act_link(trap, dead->id), TROUPE_OK);
    ck_assert_int_eq(heard_nth(trap, TROUPE_KIND_EXIT, 0)->status, TROUPE_EGONE);
    ck_assert_int_eq(act_link(plain, dead->id), TROUPE_OK);
    ck_assert(plain->ended);
    ck_assert_int_eq(plain->reason, TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(a_ring_of_links_ends_as_a_whole)
{
    struct probe *ring[20];

    sim_begin(_i);
    for (int i = 0; i < 20; i++) {
        ring[i] = probe_new();
    }
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(act_link(ring[i], ring[(i + 1) % 20]->id), TROUPE_OK);
    }
    crash(ring[7], TROUPE_EPROTO);
    for (int i = 0; i < 20; i++) {
        ck_assert(ring[i]->ended);
        ck_assert_int_eq(ring[i]->reason, TROUPE_EPROTO);
    }
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("watch");
    TCase *tcase = tcase_create("watch");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_watcher_is_told_of_the_end_and_its_reason);
    ADD(tcase, every_way_to_end_is_told);
    ADD(tcase, watching_twice_is_watching_once);
    ADD(tcase, watching_the_dead_is_told_at_once);
    ADD(tcase, nobody_and_self_cannot_be_watched_or_linked);
    ADD(tcase, who_stops_watching_is_not_told);
    ADD(tcase, a_watcher_that_ends_does_not_disturb_the_watched);
    ADD(tcase, many_watch_one_and_one_watches_many);
    ADD(tcase, linked_actors_end_together_with_the_same_reason);
    ADD(tcase, a_link_works_from_either_side);
    ADD(tcase, a_normal_end_does_not_take_the_linked_along);
    ADD(tcase, one_that_traps_exits_is_told_instead);
    ADD(tcase, a_link_that_was_undone_does_nothing);
    ADD(tcase, linking_to_the_dead_is_told_at_once);
    ADD(tcase, a_ring_of_links_ends_as_a_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
