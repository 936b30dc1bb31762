/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

static struct probe *asker, *server;
static troupe_id kept[16];
static size_t kept_count;

/* Answers A with its tag; fails C; keeps B. */
static troupe_status serve(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_msg *answer = NULL;

    (void)state;
    if (!troupe_msg_wants_answer(*msg)) {
        return TROUPE_OK;
    }
    switch (troupe_msg_kind(*msg)) {
    case KIND_A:
        ck_assert_int_eq(troupe_msg_new(KIND_A, sizeof(uint64_t), &answer), TROUPE_OK);
        *(uint64_t *)troupe_msg_body(answer) = troupe_msg_tag(*msg);
        return troupe_reply(self, *msg, &answer);
    case KIND_C:
        return troupe_fail(self, troupe_msg_from(*msg), TROUPE_EACCESS, "no");
    default:
        kept[kept_count++ % 16] = troupe_msg_from(*msg);
        return TROUPE_OK;
    }
}

static uint64_t results[16];
static troupe_status statuses[16];
static size_t result_count;
static bool take_one;

static troupe_status look_at_results(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    if (troupe_msg_kind(*msg) != TROUPE_KIND_RESULTS) {
        return TROUPE_OK;
    }
    troupe_results *all = troupe_msg_body(*msg);
    result_count = all->count;
    for (size_t i = 0; i < all->count && i < 16; i++) {
        statuses[i] = troupe_msg_status(all->items[i]);
        results[i] = troupe_msg_kind(all->items[i]) == KIND_A
                         ? *(uint64_t *)troupe_msg_body(all->items[i])
                         : 0;
    }
    if (take_one) {
        troupe_msg_free(&all->items[0]);
        ck_assert_ptr_null(all->items[0]);
    }
    return TROUPE_OK;
}

static void begin(int seed)
{
    sim_begin(seed);
    kept_count = 0;
    result_count = 0;
    take_one = false;
    asker = probe_make();
    asker->hook = look_at_results;
    probe_start(asker);
    server = probe_make();
    server->hook = serve;
    probe_start(server);
}

typedef troupe_status (*join_fn)(troupe_self *self, const troupe_future *parts,
                                 size_t count, troupe_ns timeout, uint64_t tag,
                                 troupe_future *out);

struct joining {
    join_fn join;
    const char *kinds; /* one letter a part */
    troupe_ns timeout;
    size_t count; /* of parts joined, 0: all */
    troupe_future out;
    troupe_future parts[16];
};

static troupe_status do_join(troupe_self *self, void *argument)
{
    struct joining *joining = argument;
    size_t count = strlen(joining->kinds);

    for (size_t i = 0; i < count; i++) {
        troupe_msg *msg = NULL;
        troupe_kind kind = KIND_A + (troupe_kind)(joining->kinds[i] - 'a');
        ck_assert_int_eq(troupe_msg_new(kind, 0, &msg), TROUPE_OK);
        troupe_msg_set_tag(msg, 100 + i);
        ck_assert_int_eq(
            troupe_ask(self, server->id, &msg, TROUPE_NEVER, i, &joining->parts[i]),
            TROUPE_OK);
    }
    return joining->join(self, joining->parts,
                         joining->count != 0 ? joining->count : count, joining->timeout,
                         500, &joining->out);
}

static troupe_status join(join_fn how, const char *kinds, troupe_ns timeout)
{
    struct joining joining = {.join = how, .kinds = kinds, .timeout = timeout};

    return act(asker, do_join, &joining);
}

static troupe_status answer_kept(troupe_self *self, void *argument)
{
    troupe_msg *answer = NULL;

    ck_assert_int_eq(troupe_msg_new(KIND_A, sizeof(uint64_t), &answer), TROUPE_OK);
    *(uint64_t *)troupe_msg_body(answer) = 1000 + *(size_t *)argument;
    troupe_status status = troupe_reply_to(self, kept[*(size_t *)argument], &answer);
    troupe_msg_free(&answer);
    return status;
}

static troupe_status answer(size_t which)
{
    return act(server, answer_kept, &which);
}

START_TEST(all_gives_every_answer_in_the_order_of_the_futures)
{
    begin(_i);
    ck_assert_int_eq(join(troupe_all, "acab", TROUPE_NEVER), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 0);
    ck_assert_int_eq(answer(0), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 1);
    ck_assert_uint_eq(heard_last(asker)->tag, 500);
    ck_assert(heard_last(asker)->answer);
    ck_assert_uint_eq(result_count, 4);
    ck_assert_uint_eq(results[0], 100);
    ck_assert_int_eq(statuses[1], TROUPE_EACCESS);
    ck_assert_uint_eq(results[2], 102);
    ck_assert_uint_eq(results[3], 1000);
    sim_end();
}
END_TEST

START_TEST(a_handler_may_take_results_out)
{
    begin(_i);
    take_one = true;
    ck_assert_int_eq(join(troupe_all, "aa", TROUPE_NEVER), TROUPE_OK);
    ck_assert_uint_eq(result_count, 2);
    sim_end();
}
END_TEST

START_TEST(all_that_takes_too_long_fails_and_cancels_what_is_open)
{
    begin(_i);
    ck_assert_int_eq(join(troupe_all, "ab", TROUPE_MS(3)), TROUPE_OK);
    run_for(TROUPE_MS(3));
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_ETIMEDOUT);
    ck_assert_uint_eq(heard_last(asker)->tag, 500);
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    ck_assert_uint_eq(asker->count, 1);
    sim_end();
}
END_TEST

START_TEST(any_is_the_first_that_is_not_a_failure)
{
    begin(_i);
    ck_assert_int_eq(join(troupe_any, "cbb", TROUPE_NEVER), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 0);
    ck_assert_int_eq(answer(1), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->kind, KIND_A);
    ck_assert_uint_eq(heard_last(asker)->tag, 500);
    ck_assert_int_eq(answer(0), TROUPE_EGONE); /* the loser was cancelled */
    ck_assert_uint_eq(asker->count, 1);
    sim_end();
}
END_TEST

START_TEST(any_of_failures_is_the_last_failure)
{
    begin(_i);
    ck_assert_int_eq(join(troupe_any, "cc", TROUPE_NEVER), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 1);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_EACCESS);
    sim_end();
}
END_TEST

START_TEST(race_is_the_first_whatever_it_is)
{
    begin(_i);
    ck_assert_int_eq(join(troupe_race, "bcb", TROUPE_NEVER), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 1);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_EACCESS);
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    ck_assert_uint_eq(kept_count, 1); /* the third was still queued: never delivered */
    sim_end();
}
END_TEST

START_TEST(a_join_fails_with_its_target)
{
    begin(_i);
    ck_assert_int_eq(join(troupe_all, "bb", TROUPE_NEVER), TROUPE_OK);
    crash(server, TROUPE_EPROTO);
    ck_assert_uint_eq(result_count, 2);
    ck_assert_int_eq(statuses[0], TROUPE_EGONE);
    ck_assert_int_eq(statuses[1], TROUPE_EGONE);
    sim_end();
}
END_TEST

static troupe_status join_none(troupe_self *self, void *argument)
{
    troupe_future none[1] = {{{0}}};

    (void)argument;
    ck_assert_int_eq(troupe_any(self, none, 1, TROUPE_NEVER, 0, NULL), TROUPE_EGONE);
    ck_assert_int_eq(troupe_race(self, none, TROUPE_JOIN_MAX + 1, TROUPE_NEVER, 0, NULL),
                     TROUPE_EINVAL);
    return troupe_all(self, none, 0, TROUPE_NEVER, 0, NULL);
}

START_TEST(a_join_has_at_least_one_part_and_at_most_the_limit)
{
    begin(_i);
    ck_assert_int_eq(act(asker, join_none, NULL), TROUPE_EINVAL);
    ck_assert_int_eq(join(troupe_all, "b", 0), TROUPE_EINVAL);
    sim_end();
}
END_TEST

struct rejoin {
    troupe_future parts[2];
};

static troupe_status join_again(troupe_self *self, void *argument)
{
    return troupe_all(self, ((struct rejoin *)argument)->parts, 2, TROUPE_NEVER, 7, NULL);
}

START_TEST(an_answered_part_joins_nothing)
{
    struct rejoin rejoin;

    begin(_i);
    ck_assert_int_eq(
        act_ask(asker, server->id, KIND_A, TROUPE_NEVER, 1, &rejoin.parts[0]), TROUPE_OK);
    ck_assert_int_eq(
        act_ask(asker, server->id, KIND_B, TROUPE_NEVER, 2, &rejoin.parts[1]), TROUPE_OK);
    ck_assert_int_eq(act(asker, join_again, &rejoin), TROUPE_EGONE);
    forget(asker);
    ck_assert_int_eq(answer(0), TROUPE_OK); /* the other still answers by itself */
    ck_assert_uint_eq(heard_last(asker)->tag, 2);
    sim_end();
}
END_TEST

START_TEST(a_part_belongs_to_who_joins_and_to_one_join)
{
    struct rejoin rejoin;

    begin(_i);
    struct probe *other = probe_new();
    ck_assert_int_eq(
        act_ask(asker, server->id, KIND_B, TROUPE_NEVER, 1, &rejoin.parts[0]), TROUPE_OK);
    ck_assert_int_eq(
        act_ask(asker, server->id, KIND_B, TROUPE_NEVER, 2, &rejoin.parts[1]), TROUPE_OK);
    ck_assert_int_eq(act(other, join_again, &rejoin), TROUPE_EINVAL);
    rejoin.parts[1] = rejoin.parts[0];
    ck_assert_int_ne(act(asker, join_again, &rejoin), TROUPE_OK); /* twice the same */
    sim_end();
}
END_TEST

static troupe_status cancel_out(troupe_self *self, void *argument)
{
    return troupe_future_cancel(self, ((struct joining *)argument)->out);
}

START_TEST(cancelling_a_join_cancels_its_parts)
{
    struct joining joining = {.join = troupe_all, .kinds = "bb", .timeout = TROUPE_S(1)};

    begin(_i);
    ck_assert_int_eq(act(asker, do_join, &joining), TROUPE_OK);
    ck_assert_int_eq(act(asker, cancel_out, &joining), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 1);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_ECANCELED);
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    ck_assert_int_eq(answer(1), TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(an_asker_that_ends_takes_its_joins_along)
{
    begin(_i);
    uint32_t alive = stats().actors;
    ck_assert_int_eq(join(troupe_all, "bbab", TROUPE_S(1)), TROUPE_OK);
    crash(asker, TROUPE_EPROTO);
    ck_assert_uint_eq(stats().actors, alive - 1);
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    sim_end();
}
END_TEST

struct nested {
    troupe_future left[2], right[2], both[2];
};

static troupe_status join_joins(troupe_self *self, void *argument)
{
    struct nested *nested = argument;

    for (size_t i = 0; i < 4; i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(i == 3 ? KIND_B : KIND_A, 0, &msg), TROUPE_OK);
        ck_assert_int_eq(troupe_ask(self, server->id, &msg, TROUPE_S(1), i,
                                    i < 2 ? &nested->left[i] : &nested->right[i - 2]),
                         TROUPE_OK);
    }
    ck_assert_int_eq(troupe_all(self, nested->left, 2, TROUPE_NEVER, 1, &nested->both[0]),
                     TROUPE_OK);
    ck_assert_int_eq(
        troupe_race(self, nested->right, 2, TROUPE_NEVER, 1, &nested->both[1]),
        TROUPE_OK);
    return troupe_all(self, nested->both, 2, TROUPE_NEVER, 500, NULL);
}

START_TEST(joins_can_be_joined)
{
    struct nested nested;

    begin(_i);
    ck_assert_int_eq(act(asker, join_joins, &nested), TROUPE_OK);
    ck_assert_uint_eq(asker->count, 1);
    ck_assert_uint_eq(result_count, 2);
    ck_assert_uint_eq(heard_last(asker)->tag, 500);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("join");
    TCase *tcase = tcase_create("join");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, all_gives_every_answer_in_the_order_of_the_futures);
    ADD(tcase, a_handler_may_take_results_out);
    ADD(tcase, all_that_takes_too_long_fails_and_cancels_what_is_open);
    ADD(tcase, any_is_the_first_that_is_not_a_failure);
    ADD(tcase, any_of_failures_is_the_last_failure);
    ADD(tcase, race_is_the_first_whatever_it_is);
    ADD(tcase, a_join_fails_with_its_target);
    ADD(tcase, a_join_has_at_least_one_part_and_at_most_the_limit);
    ADD(tcase, an_answered_part_joins_nothing);
    ADD(tcase, a_part_belongs_to_who_joins_and_to_one_join);
    ADD(tcase, cancelling_a_join_cancels_its_parts);
    ADD(tcase, an_asker_that_ends_takes_its_joins_along);
    ADD(tcase, joins_can_be_joined);
    suite_add_tcase(suite, tcase);
    return suite;
}
