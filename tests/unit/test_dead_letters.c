/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

static struct probe *reader;

static troupe_status switch_letters(troupe_self *self, void *argument)
{
    return troupe_dead_letters(self, *(bool *)argument);
}

static void read_letters(struct probe *probe, bool on)
{
    ck_assert_int_eq(act(probe, switch_letters, &on), TROUPE_OK);
}

static void begin(int seed)
{
    sim_begin(seed);
    reader = probe_new();
    read_letters(reader, true);
}

static troupe_dead_letter letter(size_t n)
{
    troupe_dead_letter letter;
    const struct heard *heard = heard_nth(reader, TROUPE_KIND_DEAD_LETTER, n);

    ck_assert_uint_eq(heard->size, sizeof(letter));
    memcpy(&letter, heard->bytes, sizeof(letter));
    return letter;
}

START_TEST(mail_for_the_dead_is_reported)
{
    begin(_i);
    struct probe *dead = probe_new();
    crash(dead, TROUPE_EPROTO);
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_msg_new(KIND_B, 40, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, 5);
    ck_assert_int_eq(troupe_post(sim, dead->id, &msg), TROUPE_OK);
    settle();
    ck_assert_uint_eq(heard_count(reader, TROUPE_KIND_DEAD_LETTER), 1);
    ck_assert(troupe_id_equal(letter(0).to, dead->id));
    ck_assert_uint_eq(letter(0).kind, KIND_B);
    ck_assert_int_eq(letter(0).reason, TROUPE_DROP_DEAD);
    ck_assert_uint_eq(letter(0).tag, 5);
    ck_assert_uint_eq(letter(0).size, 40);
    sim_end();
}
END_TEST

START_TEST(what_an_ending_actor_leaves_is_reported)
{
    begin(_i);
    struct probe *sender = probe_new();
    struct probe *mute = probe_new();
    struct probe *busy = probe_make();
    busy->behavior.flags = TROUPE_SERIAL;
    probe_start(busy);
    ck_assert_int_eq(act_ask(busy, mute->id, KIND_C, TROUPE_NEVER, 0, NULL), TROUPE_OK);
    ck_assert_uint_eq(act_flood(sender, busy->id, KIND_A, 3), 3);
    ck_assert_int_eq(act_kill(sender, busy->id), TROUPE_OK);
    ck_assert_uint_eq(heard_count(reader, TROUPE_KIND_DEAD_LETTER), 3);
    ck_assert_int_eq(letter(0).reason, TROUPE_DROP_DEAD);
    ck_assert(troupe_id_equal(letter(2).from, sender->id));
    sim_end();
}
END_TEST

START_TEST(drops_of_a_full_mailbox_are_reported)
{
    begin(_i);
    struct probe *sender = probe_new();
    struct probe *narrow = probe_make();
    narrow->behavior.policy = TROUPE_DROP_OLDEST;
    narrow->behavior.mailbox_limit = 2;
    probe_start(narrow);
    ck_assert_uint_eq(act_flood(sender, narrow->id, KIND_A, 5), 5);
    ck_assert_uint_eq(heard_count(reader, TROUPE_KIND_DEAD_LETTER), 3);
    ck_assert_int_eq(letter(0).reason, TROUPE_DROP_FULL);
    ck_assert_uint_eq(letter(0).tag, 0);
    sim_end();
}
END_TEST

static const troupe_behavior deaf = {.name = "deaf"};

START_TEST(what_nobody_handles_is_reported)
{
    troupe_id id;

    begin(_i);
    ck_assert_int_eq(troupe_system_spawn(sim, &deaf, NULL, NULL, &id), TROUPE_OK);
    post(id, KIND_A, 0);
    ck_assert_int_eq(letter(0).reason, TROUPE_DROP_UNHANDLED);
    sim_end();
}
END_TEST

static troupe_status ask_and_cancel(troupe_self *self, void *argument)
{
    troupe_msg *msg = NULL;
    troupe_future future = {{0}};

    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(
        troupe_ask(self, *(troupe_id *)argument, &msg, TROUPE_S(1), 0, &future),
        TROUPE_OK);
    return troupe_future_cancel(self, future);
}

START_TEST(cancelled_asks_are_reported)
{
    begin(_i);
    struct probe *asker = probe_new();
    struct probe *target = probe_new();
    ck_assert_int_eq(act(asker, ask_and_cancel, &target->id), TROUPE_OK);
    ck_assert_int_eq(letter(0).reason, TROUPE_DROP_CANCELLED);
    sim_end();
}
END_TEST

START_TEST(refused_messages_are_not_dead_letters)
{
    begin(_i);
    struct probe *sender = probe_new();
    struct probe *dead = probe_new();
    crash(dead, TROUPE_EPROTO);
    ck_assert_int_eq(act_tell(sender, dead->id, KIND_A, 0), TROUPE_EGONE);
    ck_assert_uint_eq(reader->count, 0); /* the sender still has it */
    sim_end();
}
END_TEST

START_TEST(it_can_be_turned_off_and_ends_with_the_reader)
{
    begin(_i);
    struct probe *dead = probe_new();
    struct probe *other = probe_new();
    crash(dead, TROUPE_EPROTO);
    read_letters(other, true);
    read_letters(other, true); /* once is enough */
    post(dead->id, KIND_A, 0);
    ck_assert_uint_eq(other->count, 1);
    ck_assert_uint_eq(reader->count, 1);
    read_letters(reader, false);
    post(dead->id, KIND_A, 0);
    ck_assert_uint_eq(reader->count, 1);
    ck_assert_uint_eq(other->count, 2);
    crash(other, TROUPE_EPROTO);
    post(dead->id, KIND_A, 0);
    sim_end();
}
END_TEST

static troupe_status post_to_the_dead(troupe_self *self, void *argument)
{
    troupe_id dead = *(troupe_id *)argument;

    (void)self;
    for (int i = 0; i < 10; i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_post(sim, dead, &msg), TROUPE_OK);
    }
    return TROUPE_OK;
}

START_TEST(a_full_reader_learns_how_many_it_missed)
{
    sim_begin(_i);
    struct probe *dead = probe_new();
    crash(dead, TROUPE_EPROTO);
    reader = probe_make();
    reader->behavior.mailbox_limit = 4;
    probe_start(reader);
    read_letters(reader, true);
    struct probe *other = probe_new();
    ck_assert_int_eq(act(other, post_to_the_dead, &dead->id), TROUPE_OK);
    ck_assert_uint_eq(heard_count(reader, TROUPE_KIND_DEAD_LETTER), 4);
    post(dead->id, KIND_A, 0);
    ck_assert_uint_eq(heard_count(reader, TROUPE_KIND_DEAD_LETTER), 5);
    ck_assert_uint_eq(heard_last(reader)->tag, 6);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("dead letters");
    TCase *tcase = tcase_create("dead letters");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, mail_for_the_dead_is_reported);
    ADD(tcase, what_an_ending_actor_leaves_is_reported);
    ADD(tcase, drops_of_a_full_mailbox_are_reported);
    ADD(tcase, what_nobody_handles_is_reported);
    ADD(tcase, cancelled_asks_are_reported);
    ADD(tcase, refused_messages_are_not_dead_letters);
    ADD(tcase, it_can_be_turned_off_and_ends_with_the_reader);
    ADD(tcase, a_full_reader_learns_how_many_it_missed);
    suite_add_tcase(suite, tcase);
    return suite;
}
