/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

static struct probe *probe_with(troupe_policy policy, uint32_t limit)
{
    struct probe *probe = probe_make();

    probe->behavior.policy = policy;
    probe->behavior.mailbox_limit = limit;
    probe_start(probe);
    return probe;
}

/* ---- tell ---- */

static troupe_status tell_bytes(troupe_self *self, void *argument)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(KIND_A, 5, &msg), TROUPE_OK);
    memcpy(troupe_msg_body(msg), "four", 5);
    troupe_msg_set_tag(msg, 99);
    troupe_status status = troupe_tell(self, *(troupe_id *)argument, &msg);
    ck_assert((msg == NULL) == (status == TROUPE_OK));
    troupe_msg_free(&msg);
    return status;
}

START_TEST(a_told_message_arrives_with_sender_kind_tag_and_body)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_new();
    ck_assert_int_eq(act(sender, tell_bytes, &receiver->id), TROUPE_OK);
    const struct heard *heard = heard_nth(receiver, KIND_A, 0);
    ck_assert(troupe_id_equal(heard->from, sender->id));
    ck_assert_uint_eq(heard->tag, 99);
    ck_assert_str_eq(heard->bytes, "four");
    ck_assert(!heard->answer && !heard->wants_answer);
    sim_end();
}
END_TEST

START_TEST(the_dead_and_nobody_are_gone_and_the_message_stays)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *dead = probe_new();
    troupe_id nobody = TROUPE_NOBODY;
    troupe_id nonsense = {.bits = UINT64_C(0x7f00000100000001)};
    crash(dead, TROUPE_EPROTO);
    uint64_t before = stats().refused;
    ck_assert_int_eq(act(sender, tell_bytes, &dead->id), TROUPE_EGONE);
    ck_assert_int_eq(act(sender, tell_bytes, &nobody), TROUPE_EGONE);
    ck_assert_int_eq(act(sender, tell_bytes, &nonsense), TROUPE_EGONE);
    ck_assert_uint_eq(stats().refused, before + 3);
    sim_end();
}
END_TEST

static troupe_status tell_nothing(troupe_self *self, void *argument)
{
    troupe_msg *none = NULL;

    return troupe_tell(self, *(troupe_id *)argument, &none);
}

START_TEST(telling_no_message_is_refused)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(act(probe, tell_nothing, &probe->id), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(messages_between_two_actors_stay_in_order)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_new();
    ck_assert_uint_eq(act_flood(sender, receiver->id, KIND_A, 300), 300);
    for (size_t i = 0; i < 300; i++) {
        ck_assert_uint_eq(heard_nth(receiver, KIND_A, i)->tag, i);
    }
    sim_end();
}
END_TEST

static troupe_status pass_on(troupe_self *self, void *state, troupe_msg **msg)
{
    struct probe *probe = probe_of(self, state);

    if (troupe_msg_kind(*msg) != KIND_A) {
        return TROUPE_OK;
    }
    const void *body = troupe_msg_body(*msg);
    troupe_status status = troupe_tell(self, *(troupe_id *)probe->context, msg);
    ck_assert_ptr_null(*msg);
    (void)body;
    return status;
}

START_TEST(a_received_message_can_be_passed_on_without_a_copy)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *last = probe_new();
    struct probe *middle = probe_make();
    middle->hook = pass_on;
    middle->context = &last->id;
    probe_start(middle);
    ck_assert_int_eq(act(sender, tell_bytes, &middle->id), TROUPE_OK);
    ck_assert_str_eq(heard_nth(last, KIND_A, 0)->bytes, "four");
    ck_assert(troupe_id_equal(heard_nth(last, KIND_A, 0)->from, middle->id));
    sim_end();
}
END_TEST

/* ---- owned and shared bodies ---- */

static int dropped;

static void count_drop(void *body)
{
    (void)body;
    dropped++;
}

static troupe_status tell_owned(troupe_self *self, void *argument)
{
    static int thing;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new_owned(KIND_A, &thing, 4, count_drop, &msg),
                     TROUPE_OK);
    troupe_status status = troupe_tell(self, *(troupe_id *)argument, &msg);
    troupe_msg_free(&msg);
    return status;
}

static troupe_status take_it(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    ck_assert_ptr_nonnull(troupe_msg_take(*msg));
    return TROUPE_OK;
}

START_TEST(what_a_message_owns_ends_once_unless_it_is_taken)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *keeper = probe_make();
    struct probe *other = probe_new();
    keeper->hook = take_it;
    probe_start(keeper);
    dropped = 0;
    ck_assert_int_eq(act(sender, tell_owned, &other->id), TROUPE_OK);
    ck_assert_int_eq(dropped, 1);
    ck_assert_int_eq(act(sender, tell_owned, &keeper->id), TROUPE_OK);
    ck_assert_int_eq(dropped, 1);
    crash(other, TROUPE_EPROTO);
    ck_assert_int_eq(act(sender, tell_owned, &other->id), TROUPE_EGONE);
    ck_assert_int_eq(dropped, 2);
    sim_end();
}
END_TEST

/* ---- full mailboxes ---- */

START_TEST(a_full_mailbox_refuses_by_default)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_REFUSE, 8);
    uint64_t before = stats().refused;
    ck_assert_uint_eq(act_flood(sender, receiver->id, KIND_A, 12), 8);
    ck_assert_uint_eq(stats().refused, before + 4);
    ck_assert_uint_eq(heard_count(receiver, KIND_A), 8);
    ck_assert_uint_eq(heard_nth(receiver, KIND_A, 7)->tag, 7);
    sim_end();
}
END_TEST

static troupe_status overfill(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;

    for (uint64_t i = 0; i < 4; i++) {
        ck_assert_int_eq(troupe_signal(self, id, KIND_A, i), TROUPE_OK);
    }
    return troupe_signal(self, id, KIND_B, 0);
}

START_TEST(signal_is_refused_by_a_full_mailbox_too)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_REFUSE, 4);
    ck_assert_int_eq(act(sender, overfill, &receiver->id), TROUPE_EBUSY);
    sim_end();
}
END_TEST

START_TEST(drop_oldest_keeps_the_newest)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_DROP_OLDEST, 8);
    uint64_t before = stats().dropped;
    ck_assert_uint_eq(act_flood(sender, receiver->id, KIND_A, 12), 12);
    ck_assert_uint_eq(stats().dropped, before + 4);
    ck_assert_uint_eq(heard_count(receiver, KIND_A), 8);
    ck_assert_uint_eq(heard_nth(receiver, KIND_A, 0)->tag, 4);
    ck_assert_uint_eq(heard_nth(receiver, KIND_A, 7)->tag, 11);
    sim_end();
}
END_TEST

START_TEST(drop_newest_keeps_the_oldest_and_says_ok)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_DROP_NEWEST, 8);
    uint64_t before = stats().dropped;
    ck_assert_uint_eq(act_flood(sender, receiver->id, KIND_A, 12), 12);
    ck_assert_uint_eq(stats().dropped, before + 4);
    ck_assert_uint_eq(heard_count(receiver, KIND_A), 8);
    ck_assert_uint_eq(heard_nth(receiver, KIND_A, 7)->tag, 7);
    sim_end();
}
END_TEST

static troupe_status tell_kinds(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;

    ck_assert_int_eq(troupe_signal(self, id, KIND_A, 1), TROUPE_OK);
    ck_assert_int_eq(troupe_signal(self, id, KIND_B, 1), TROUPE_OK);
    ck_assert_int_eq(troupe_signal(self, id, KIND_A, 2), TROUPE_OK);
    ck_assert_int_eq(troupe_signal(self, id, KIND_B, 2), TROUPE_OK);
    return troupe_signal(self, id, KIND_C, 3);
}

START_TEST(keep_last_keeps_one_of_each_kind)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *roomy = probe_with(TROUPE_KEEP_LAST, 8);
    struct probe *narrow = probe_with(TROUPE_KEEP_LAST, 2);
    ck_assert_int_eq(act(sender, tell_kinds, &roomy->id), TROUPE_OK);
    ck_assert_uint_eq(roomy->count, 3);
    ck_assert_uint_eq(heard_nth(roomy, KIND_A, 0)->tag, 2);
    ck_assert_uint_eq(heard_nth(roomy, KIND_B, 0)->tag, 2);
    ck_assert_int_eq(act(sender, tell_kinds, &narrow->id), TROUPE_EBUSY);
    ck_assert_uint_eq(narrow->count, 2);
    ck_assert_uint_eq(heard_nth(narrow, KIND_B, 0)->tag, 2);
    sim_end();
}
END_TEST

START_TEST(a_spawn_option_outranks_the_behaviours_limit)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_make();
    receiver->behavior.mailbox_limit = 100;
    options.mailbox_limit = 3;
    ck_assert_int_eq(probe_try_start(receiver, &options), TROUPE_OK);
    ck_assert_uint_eq(act_flood(sender, receiver->id, KIND_A, 10), 3);
    sim_end();
}
END_TEST

START_TEST(without_a_limit_of_its_own_the_systems_holds)
{
    troupe_options options = TROUPE_OPTIONS;
    options.mailbox_limit = 5;
    sim_begin_with(options);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_new();
    ck_assert_uint_eq(act_flood(sender, receiver->id, KIND_A, 10), 5);
    sim_end();
}
END_TEST

static troupe_status fill_then_end(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;

    while (troupe_signal(self, id, KIND_A, 0) == TROUPE_OK) {
    }
    return troupe_stop(self, id);
}

START_TEST(signals_of_the_runtime_are_never_refused)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_REFUSE, 4);
    ck_assert_int_eq(act(sender, fill_then_end, &receiver->id), TROUPE_OK);
    ck_assert_uint_eq(heard_count(receiver, KIND_A), 4);
    ck_assert(receiver->ended);
    sim_end();
}
END_TEST

/* ---- room ---- */

static troupe_status fill_and_wait(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;

    while (troupe_signal(self, id, KIND_A, 0) == TROUPE_OK) {
    }
    return troupe_tell_when_room(self, id, 77);
}

START_TEST(who_waits_for_room_is_told_once_when_half_is_free)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_REFUSE, 8);
    ck_assert_int_eq(act(sender, fill_and_wait, &receiver->id), TROUPE_OK);
    ck_assert_uint_eq(heard_count(sender, TROUPE_KIND_ROOM), 1);
    const struct heard *heard = heard_nth(sender, TROUPE_KIND_ROOM, 0);
    ck_assert_uint_eq(heard->tag, 77);
    ck_assert(troupe_id_equal(heard->from, receiver->id));
    sim_end();
}
END_TEST

static troupe_status ask_for_room(troupe_self *self, void *argument)
{
    return troupe_tell_when_room(self, *(troupe_id *)argument, 5);
}

START_TEST(who_asks_for_room_that_is_there_is_told_at_once)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_new();
    ck_assert_int_eq(act(sender, ask_for_room, &receiver->id), TROUPE_OK);
    ck_assert_uint_eq(heard_nth(sender, TROUPE_KIND_ROOM, 0)->tag, 5);
    sim_end();
}
END_TEST

static troupe_status fill_wait_kill(troupe_self *self, void *argument)
{
    troupe_id id = *(troupe_id *)argument;
    troupe_status status = fill_and_wait(self, argument);

    return status == TROUPE_OK ? troupe_kill(self, id) : status;
}

START_TEST(who_waits_for_room_is_told_when_the_target_ends)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *receiver = probe_with(TROUPE_REFUSE, 8);
    ck_assert_int_eq(act(sender, fill_wait_kill, &receiver->id), TROUPE_OK);
    ck_assert_uint_eq(heard_count(sender, TROUPE_KIND_ROOM), 0);
    ck_assert_uint_eq(heard_count(sender, TROUPE_KIND_DOWN), 1);
    ck_assert_int_eq(act(sender, ask_for_room, &receiver->id), TROUPE_EGONE);
    sim_end();
}
END_TEST

/* ---- answers ---- */

static troupe_status answer_told(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_msg *answer = NULL;

    (void)state;
    if (troupe_msg_kind(*msg) != KIND_A) {
        return TROUPE_OK;
    }
    ck_assert_int_eq(troupe_msg_new(KIND_B, 0, &answer), TROUPE_OK);
    troupe_msg_set_tag(answer, 3);
    troupe_status status = troupe_reply(self, *msg, &answer);
    troupe_msg_free(&answer);
    ck_assert(status == TROUPE_OK || status == TROUPE_EINVAL || status == TROUPE_EGONE);
    return TROUPE_OK;
}

START_TEST(a_told_request_is_answered_by_an_ordinary_message)
{
    sim_begin(_i);
    struct probe *sender = probe_new();
    struct probe *server = probe_make();
    server->hook = answer_told;
    probe_start(server);
    ck_assert_int_eq(act_tell(sender, server->id, KIND_A, 1), TROUPE_OK);
    ck_assert(!heard_nth(sender, KIND_B, 0)->answer);
    ck_assert(troupe_id_equal(heard_nth(sender, KIND_B, 0)->from, server->id));
    sim_end();
}
END_TEST

static troupe_status answer_nobody(troupe_self *self, void *argument)
{
    troupe_msg *answer = NULL;

    ck_assert_int_eq(troupe_msg_new(KIND_B, 0, &answer), TROUPE_OK);
    troupe_status status = troupe_reply_to(self, *(troupe_id *)argument, &answer);
    ck_assert((answer == NULL) == (status == TROUPE_OK));
    troupe_msg_free(&answer);
    return status;
}

START_TEST(answering_nobody_or_the_dead_is_refused)
{
    troupe_id nobody = TROUPE_NOBODY;

    sim_begin(_i);
    struct probe *probe = probe_new();
    struct probe *dead = probe_new();
    crash(dead, TROUPE_EPROTO);
    ck_assert_int_eq(act(probe, answer_nobody, &nobody), TROUPE_EINVAL);
    ck_assert_int_eq(act(probe, answer_nobody, &dead->id), TROUPE_EGONE);
    sim_end();
}
END_TEST

/* ---- batches ---- */

START_TEST(two_busy_actors_take_turns)
{
    troupe_options options = TROUPE_OPTIONS;
    options.batch = 4;
    sim_begin_with(options);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    for (int i = 0; i < 64; i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_post(sim, i < 32 ? first->id : second->id, &msg),
                         TROUPE_OK);
    }
    settle();
    ck_assert_uint_eq(first->count, 32);
    ck_assert_uint_eq(second->count, 32);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("send");
    TCase *tcase = tcase_create("send");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_told_message_arrives_with_sender_kind_tag_and_body);
    ADD(tcase, the_dead_and_nobody_are_gone_and_the_message_stays);
    ADD(tcase, telling_no_message_is_refused);
    ADD(tcase, messages_between_two_actors_stay_in_order);
    ADD(tcase, a_received_message_can_be_passed_on_without_a_copy);
    ADD(tcase, what_a_message_owns_ends_once_unless_it_is_taken);
    ADD(tcase, a_full_mailbox_refuses_by_default);
    ADD(tcase, signal_is_refused_by_a_full_mailbox_too);
    ADD(tcase, drop_oldest_keeps_the_newest);
    ADD(tcase, drop_newest_keeps_the_oldest_and_says_ok);
    ADD(tcase, keep_last_keeps_one_of_each_kind);
    ADD(tcase, a_spawn_option_outranks_the_behaviours_limit);
    tcase_add_test(tcase, without_a_limit_of_its_own_the_systems_holds);
    ADD(tcase, signals_of_the_runtime_are_never_refused);
    ADD(tcase, who_waits_for_room_is_told_once_when_half_is_free);
    ADD(tcase, who_asks_for_room_that_is_there_is_told_at_once);
    ADD(tcase, who_waits_for_room_is_told_when_the_target_ends);
    ADD(tcase, a_told_request_is_answered_by_an_ordinary_message);
    ADD(tcase, answering_nobody_or_the_dead_is_refused);
    tcase_add_test(tcase, two_busy_actors_take_turns);
    suite_add_tcase(suite, tcase);
    return suite;
}
