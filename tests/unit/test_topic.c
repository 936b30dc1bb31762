/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

struct topic_call {
    const char *name;
    uint64_t tag;
    size_t count;
    const char *text;
    troupe_blob *blob;
    troupe_id id;
};

static troupe_status do_subscribe(troupe_self *self, void *argument)
{
    const struct topic_call *call = argument;

    return troupe_topic_subscribe(self, call->name, call->tag);
}

static troupe_status subscribe(struct probe *probe, const char *name, uint64_t tag)
{
    struct topic_call call = {.name = name, .tag = tag};

    return act(probe, do_subscribe, &call);
}

static troupe_status do_unsubscribe(troupe_self *self, void *argument)
{
    return troupe_topic_unsubscribe(self, ((struct topic_call *)argument)->name);
}

static troupe_status unsubscribe(struct probe *probe, const char *name)
{
    struct topic_call call = {.name = name};

    return act(probe, do_unsubscribe, &call);
}

static troupe_status do_publish(troupe_self *self, void *argument)
{
    const struct topic_call *call = argument;
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < call->count && status == TROUPE_OK; i++) {
        troupe_msg *msg = NULL;
        if (call->blob != NULL) {
            ck_assert_int_eq(troupe_msg_new_blob(KIND_A, call->blob, &msg), TROUPE_OK);
        } else {
            size_t size = call->text != NULL ? strlen(call->text) + 1 : 0;
            ck_assert_int_eq(troupe_msg_new(KIND_A, size, &msg), TROUPE_OK);
            if (size != 0) {
                memcpy(troupe_msg_body(msg), call->text, size);
            }
        }
        status = troupe_publish(self, call->name, &msg);
        ck_assert((msg == NULL) == (status == TROUPE_OK));
        troupe_msg_free(&msg);
    }
    return status;
}

static troupe_status publish(struct probe *probe, const char *name, const char *text)
{
    struct topic_call call = {.name = name, .count = 1, .text = text};

    return act(probe, do_publish, &call);
}

static troupe_status do_find(troupe_self *self, void *argument)
{
    struct topic_call *call = argument;

    return troupe_topic(self, call->name, &call->id);
}

START_TEST(a_publication_reaches_every_subscriber_with_its_tag)
{
    sim_begin(_i);
    struct probe *publisher = probe_new();
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(subscribe(first, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(second, "news", 2), TROUPE_OK);
    ck_assert_int_eq(publish(publisher, "news", "extra"), TROUPE_OK);
    ck_assert_uint_eq(heard_nth(first, KIND_A, 0)->tag, 1);
    ck_assert_uint_eq(heard_nth(second, KIND_A, 0)->tag, 2);
    ck_assert_str_eq(heard_nth(first, KIND_A, 0)->bytes, "extra");
    ck_assert_str_eq(heard_nth(second, KIND_A, 0)->bytes, "extra");
    ck_assert(troupe_id_equal(heard_nth(first, KIND_A, 0)->from, publisher->id));
    sim_end();
}
END_TEST

START_TEST(topics_are_apart)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(subscribe(probe, "one", 1), TROUPE_OK);
    ck_assert_int_eq(publish(probe, "two", NULL), TROUPE_OK);
    ck_assert_uint_eq(probe->count, 0);
    ck_assert_int_eq(publish(probe, "one", NULL), TROUPE_OK);
    ck_assert_uint_eq(probe->count, 1); /* a publisher may be a subscriber */
    sim_end();
}
END_TEST

START_TEST(a_topic_is_no_name_that_an_actor_could_find_or_take)
{
    troupe_id found;
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(subscribe(probe, "news", 1), TROUPE_OK);
    ck_assert_int_eq(troupe_whereis(sim, "news", &found), TROUPE_ENOENT);
    options.name = "news";
    ck_assert_int_eq(probe_try_start(probe_make(), &options), TROUPE_OK);
    options.name = "\001"
                   "00other";
    ck_assert_int_eq(probe_try_start(probe_make(), &options), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(names_of_topics_are_bounded)
{
    char longest[TROUPE_NAME_MAX + 2];

    sim_begin(_i);
    struct probe *probe = probe_new();
    memset(longest, 'n', sizeof(longest));
    longest[TROUPE_NAME_MAX + 1] = 0;
    ck_assert_int_eq(subscribe(probe, longest, 1), TROUPE_EINVAL);
    ck_assert_int_eq(subscribe(probe, "", 1), TROUPE_EINVAL);
    ck_assert_int_eq(subscribe(probe, NULL, 1), TROUPE_EINVAL);
    ck_assert_int_eq(publish(probe, "", NULL), TROUPE_EINVAL);
    ck_assert_int_eq(unsubscribe(probe, ""), TROUPE_EINVAL);
    longest[TROUPE_NAME_MAX] = 0;
    ck_assert_int_eq(subscribe(probe, longest, 1), TROUPE_OK);
    ck_assert_int_eq(publish(probe, longest, NULL), TROUPE_OK);
    ck_assert_uint_eq(probe->count, 1);
    sim_end();
}
END_TEST

START_TEST(subscribing_again_changes_the_tag)
{
    sim_begin(_i);
    struct probe *probe = probe_new();
    ck_assert_int_eq(subscribe(probe, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(probe, "news", 9), TROUPE_OK);
    ck_assert_int_eq(publish(probe, "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(probe->count, 1);
    ck_assert_uint_eq(heard_last(probe)->tag, 9);
    sim_end();
}
END_TEST

START_TEST(who_unsubscribes_hears_no_more)
{
    sim_begin(_i);
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(unsubscribe(first, "news"), TROUPE_ENOENT);
    ck_assert_int_eq(subscribe(first, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(second, "news", 2), TROUPE_OK);
    ck_assert_int_eq(unsubscribe(first, "news"), TROUPE_OK);
    ck_assert_int_eq(publish(first, "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(first->count, 0);
    ck_assert_uint_eq(second->count, 1);
    ck_assert_int_eq(subscribe(first, "news", 3), TROUPE_OK);
    ck_assert_int_eq(publish(first, "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_last(first)->tag, 3);
    sim_end();
}
END_TEST

START_TEST(the_dead_leave)
{
    struct probe *many[40];

    sim_begin(_i);
    struct probe *publisher = probe_new();
    for (int i = 0; i < 40; i++) {
        many[i] = probe_new();
        ck_assert_int_eq(subscribe(many[i], "news", (uint64_t)i), TROUPE_OK);
    }
    for (int i = 0; i < 40; i += 2) {
        crash(many[i], TROUPE_EPROTO);
    }
    uint64_t dropped = stats().dropped;
    uint64_t refused = stats().refused;
    ck_assert_int_eq(publish(publisher, "news", NULL), TROUPE_OK);
    ck_assert_int_eq(publish(publisher, "news", NULL), TROUPE_OK);
    for (int i = 0; i < 40; i++) {
        ck_assert_uint_eq(many[i]->count, i % 2 == 0 ? 0 : 2);
    }
    ck_assert_uint_eq(stats().dropped, dropped);
    ck_assert_uint_eq(stats().refused, refused);
    sim_end();
}
END_TEST

START_TEST(blobs_are_shared)
{
    struct topic_call call = {.name = "news", .count = 3};

    sim_begin(_i);
    struct probe *publisher = probe_new();
    struct probe *first = probe_new();
    struct probe *second = probe_new();
    ck_assert_int_eq(troupe_blob_new("shared", 7, &call.blob), TROUPE_OK);
    ck_assert_int_eq(subscribe(first, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(second, "news", 1), TROUPE_OK);
    crash(second, TROUPE_EPROTO); /* its share is given back */
    ck_assert_int_eq(act(publisher, do_publish, &call), TROUPE_OK);
    ck_assert_uint_eq(first->count, 3);
    ck_assert_str_eq(heard_last(first)->bytes, "shared");
    troupe_blob_unref(&call.blob);
    sim_end();
}
END_TEST

static int drops;

static void count_drop(void *body)
{
    (void)body;
    drops++;
}

static troupe_status publish_owned(troupe_self *self, void *argument)
{
    static int thing;
    troupe_msg *msg = NULL;
    const troupe_id *to = argument;

    ck_assert_int_eq(troupe_msg_new_owned(KIND_A, &thing, 4, count_drop, &msg),
                     TROUPE_OK);
    troupe_status status =
        to == NULL ? troupe_publish(self, "news", &msg) : troupe_tell(self, *to, &msg);
    ck_assert((msg == NULL) == (status == TROUPE_OK));
    troupe_msg_free(&msg);
    return status;
}

static int lines;

static void count_line(void *context, const troupe_log_line *line)
{
    (void)context;
    lines += strcmp(line->event, "TOPIC-OWNED") == 0;
}

START_TEST(what_has_one_owner_is_not_published)
{
    struct topic_call call = {.name = "news"};

    sim_begin(_i);
    drops = lines = 0;
    troupe_log_to(sim, TROUPE_LOG_WARN, count_line, NULL);
    struct probe *probe = probe_new();
    ck_assert_int_eq(subscribe(probe, "news", 1), TROUPE_OK);
    ck_assert_int_eq(act(probe, publish_owned, NULL), TROUPE_ETYPE);
    ck_assert_int_eq(drops, 1);
    ck_assert_int_eq(act(probe, do_find, &call), TROUPE_OK);
    ck_assert_int_eq(act(probe, publish_owned, &call.id), TROUPE_OK);
    ck_assert_int_eq(drops, 2);
    ck_assert_int_eq(lines, 1);
    ck_assert_uint_eq(probe->count, 0);
    sim_end();
}
END_TEST

START_TEST(a_topic_that_is_asked_answers_when_all_have_been_told)
{
    struct topic_call call = {.name = "news"};

    sim_begin(_i);
    struct probe *probe = probe_new();
    struct probe *asker = probe_new();
    ck_assert_int_eq(subscribe(probe, "news", 1), TROUPE_OK);
    ck_assert_int_eq(act(asker, do_find, &call), TROUPE_OK);
    ck_assert_int_eq(act_ask(asker, call.id, KIND_A, TROUPE_S(1), 4, NULL), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->kind, TROUPE_KIND_DONE);
    ck_assert_uint_eq(probe->count, 1);
    ck_assert(!heard_last(probe)->wants_answer);
    sim_end();
}
END_TEST

/* ---- gaps ---- */

START_TEST(a_full_subscriber_is_told_how_many_it_missed)
{
    struct topic_call call = {.name = "news", .count = 10};

    sim_begin(0);
    struct probe *publisher = probe_new();
    struct probe *slow = probe_make();
    slow->behavior.mailbox_limit = 4;
    slow->behavior.flags = TROUPE_SERIAL;
    probe_start(slow);
    struct probe *fast = probe_new();
    struct probe *mute = probe_new();
    ck_assert_int_eq(subscribe(slow, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(fast, "news", 2), TROUPE_OK);
    ck_assert_int_eq(act_ask(slow, mute->id, KIND_C, TROUPE_S(1), 0, NULL), TROUPE_OK);
    ck_assert_int_eq(act(publisher, do_publish, &call), TROUPE_OK); /* slow waits */
    ck_assert_uint_eq(fast->count, 10);
    run_for(TROUPE_S(1)); /* slow goes on */
    ck_assert_uint_eq(heard_count(slow, KIND_A), 4);
    ck_assert_uint_eq(heard_count(slow, TROUPE_KIND_GAP), 0);
    ck_assert_int_eq(publish(publisher, "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_count(slow, KIND_A), 5);
    ck_assert_int_eq(slow->heard[slow->count - 2].kind, TROUPE_KIND_GAP);
    ck_assert_uint_eq(slow->heard[slow->count - 2].tag, 6);
    ck_assert_int_eq(act(publisher, do_find, &call), TROUPE_OK);
    ck_assert(troupe_id_equal(slow->heard[slow->count - 2].from, call.id));
    ck_assert_uint_eq(heard_count(fast, TROUPE_KIND_GAP), 0);
    ck_assert_int_eq(publish(publisher, "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_count(slow, TROUPE_KIND_GAP), 1);
    sim_end();
}
END_TEST

/* ---- across bases ---- */

static struct probe *on_base(uint32_t base)
{
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    struct probe *probe = probe_make();

    where.base = base;
    ck_assert_int_eq(probe_try_start(probe, &where), TROUPE_OK);
    return probe;
}

static void begin_bases(uint32_t gate_limit)
{
    troupe_options options = TROUPE_OPTIONS;

    options.bases = 3;
    options.gate_limit = gate_limit;
    sim_begin_with(options);
}

START_TEST(a_topic_is_one_on_all_bases)
{
    struct probe *all[6];

    begin_bases(0);
    for (uint32_t i = 0; i < 6; i++) {
        all[i] = on_base(i % 3 + 1);
        ck_assert_int_eq(subscribe(all[i], "news", i), TROUPE_OK);
    }
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(publish(all[i], "news", "flash"), TROUPE_OK);
    }
    for (uint32_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(all[i]->count, 3);
        ck_assert_uint_eq(heard_last(all[i])->tag, i);
        ck_assert_str_eq(heard_last(all[i])->bytes, "flash");
        ck_assert(troupe_id_equal(all[i]->heard[1].from, all[1]->id));
    }
    ck_assert_int_eq(unsubscribe(all[4], "news"), TROUPE_OK);
    crash(all[5], TROUPE_ELOST);
    ck_assert_int_eq(publish(all[0], "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(all[4]->count, 3);
    ck_assert_uint_eq(all[1]->count, 4);
    sim_end();
}
END_TEST

START_TEST(what_a_narrow_door_refused_is_a_gap_behind_it)
{
    struct topic_call call = {.name = "news", .count = 10};

    begin_bases(4);
    struct probe *near = on_base(1);
    struct probe *far = on_base(2);
    ck_assert_int_eq(subscribe(near, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(far, "news", 2), TROUPE_OK);
    ck_assert_int_eq(act(near, do_publish, &call), TROUPE_OK);
    ck_assert_uint_eq(near->count, 10);
    ck_assert_uint_eq(far->count, 4);
    ck_assert_int_eq(publish(near, "news", "at last"), TROUPE_OK);
    ck_assert_uint_eq(heard_nth(far, TROUPE_KIND_GAP, 0)->tag, 6);
    ck_assert_str_eq(heard_last(far)->bytes, "at last");
    ck_assert_uint_eq(heard_last(far)->tag, 2);
    ck_assert_uint_eq(heard_count(near, TROUPE_KIND_GAP), 0);
    sim_end();
}
END_TEST

START_TEST(a_topic_that_was_killed_is_made_anew)
{
    struct topic_call call = {.name = "news"};

    begin_bases(0);
    struct probe *near = on_base(1);
    struct probe *far = on_base(2);
    ck_assert_int_eq(subscribe(near, "news", 1), TROUPE_OK);
    ck_assert_int_eq(subscribe(far, "news", 2), TROUPE_OK);
    ck_assert_int_eq(act(near, do_find, &call), TROUPE_OK);
    ck_assert_int_eq(act_kill(near, call.id), TROUPE_OK);
    ck_assert_int_eq(publish(near, "news", NULL), TROUPE_OK); /* to nobody */
    ck_assert_uint_eq(near->count + far->count, 0);
    ck_assert_int_eq(subscribe(far, "news", 3), TROUPE_OK);
    ck_assert_int_eq(subscribe(near, "news", 4), TROUPE_OK);
    ck_assert_int_eq(publish(far, "news", NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_last(far)->tag, 3);
    ck_assert_uint_eq(heard_last(near)->tag, 4);
    sim_end();
}
END_TEST

/* ---- many ---- */

static unsigned reached;

static troupe_status count_reached(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    reached += troupe_msg_kind(*msg) == KIND_A;
    return TROUPE_OK;
}

static troupe_status join_at_start(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_topic_subscribe(self, "crowd", 1);
}

static const troupe_behavior one_of_many = {
    .name = "one of many", .start = join_at_start, .receive = count_reached};

enum { CROWD = 10000 };

START_TEST(a_crowd_is_reached_in_slices_and_in_order)
{
    struct topic_call call = {.name = "crowd", .count = 3};
    troupe_id some = TROUPE_NOBODY;

    sim_begin(_i);
    reached = 0;
    struct probe *publisher = probe_new();
    struct probe *latest = probe_new();
    for (int i = 0; i < CROWD; i++) {
        ck_assert_int_eq(
            troupe_system_spawn(sim, &one_of_many, NULL, NULL, i == 50 ? &some : NULL),
            TROUPE_OK);
    }
    ck_assert_int_eq(act(publisher, do_publish, &call), TROUPE_OK);
    ck_assert_uint_eq(reached, 3 * CROWD);
    ck_assert_int_eq(subscribe(latest, "crowd", 5), TROUPE_OK);
    ck_assert_int_eq(troupe_system_kill_actor(sim, some), TROUPE_OK);
    ck_assert_int_eq(publish(publisher, "crowd", NULL), TROUPE_OK);
    ck_assert_uint_eq(reached, 4 * CROWD - 1);
    ck_assert_uint_eq(latest->count, 1);
    sim_end();
}
END_TEST

static struct probe *stranger;

static troupe_status publish_join_leave(troupe_self *self, void *argument)
{
    troupe_msg *msg = NULL;

    (void)argument;
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_publish(self, "crowd", &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_topic_subscribe(self, "crowd", 8), TROUPE_OK);
    return troupe_signal(self, stranger->id, KIND_B, 0);
}

static troupe_status leave_now(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    return troupe_msg_kind(*msg) == KIND_B ? troupe_topic_unsubscribe(self, "crowd")
                                           : TROUPE_OK;
}

START_TEST(who_comes_or_goes_while_a_crowd_is_told_harms_nobody)
{
    sim_begin(_i);
    reached = 0;
    struct probe *publisher = probe_new();
    stranger = probe_make();
    stranger->hook = leave_now;
    probe_start(stranger);
    ck_assert_int_eq(subscribe(stranger, "crowd", 1), TROUPE_OK);
    for (int i = 0; i < CROWD; i++) {
        ck_assert_int_eq(troupe_system_spawn(sim, &one_of_many, NULL, NULL, NULL),
                         TROUPE_OK);
    }
    ck_assert_int_eq(act(publisher, publish_join_leave, NULL), TROUPE_OK);
    ck_assert_uint_eq(reached, CROWD);
    ck_assert_uint_eq(heard_count(publisher, KIND_A), 0); /* it came after */
    forget(stranger);
    ck_assert_int_eq(publish(publisher, "crowd", NULL), TROUPE_OK);
    ck_assert_uint_eq(reached, 2 * CROWD);
    ck_assert_uint_eq(heard_count(publisher, KIND_A), 1);
    ck_assert_uint_eq(stranger->count, 0);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("topic");
    TCase *tcase = tcase_create("topic");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_publication_reaches_every_subscriber_with_its_tag);
    ADD(tcase, topics_are_apart);
    ADD(tcase, a_topic_is_no_name_that_an_actor_could_find_or_take);
    ADD(tcase, names_of_topics_are_bounded);
    ADD(tcase, subscribing_again_changes_the_tag);
    ADD(tcase, who_unsubscribes_hears_no_more);
    ADD(tcase, the_dead_leave);
    ADD(tcase, blobs_are_shared);
    ADD(tcase, what_has_one_owner_is_not_published);
    ADD(tcase, a_topic_that_is_asked_answers_when_all_have_been_told);
    tcase_add_test(tcase, a_full_subscriber_is_told_how_many_it_missed);
    tcase_add_test(tcase, a_topic_is_one_on_all_bases);
    tcase_add_test(tcase, what_a_narrow_door_refused_is_a_gap_behind_it);
    tcase_add_test(tcase, a_topic_that_was_killed_is_made_anew);
    ADD(tcase, a_crowd_is_reached_in_slices_and_in_order);
    ADD(tcase, who_comes_or_goes_while_a_crowd_is_told_harms_nobody);
    suite_add_tcase(suite, tcase);
    return suite;
}
