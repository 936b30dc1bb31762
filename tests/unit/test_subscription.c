/* SPDX-License-Identifier: MIT */
#include "tests/support/sim.h"

static struct probe *consumer, *producer;
static troupe_subscription subscription;

static void begin(int seed)
{
    sim_begin(seed);
    consumer = probe_new();
    producer = probe_new();
    subscription = (troupe_subscription){{0}};
}

struct subscribing {
    troupe_id to;
    uint32_t credit;
    uint64_t tag;
};

static troupe_status do_subscribe(troupe_self *self, void *argument)
{
    const struct subscribing *how = argument;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(TROUPE_KIND_SUBSCRIBE, 0, &msg), TROUPE_OK);
    troupe_status status =
        troupe_subscribe(self, how->to, &msg, how->credit, how->tag, &subscription);
    ck_assert((msg == NULL) == (status == TROUPE_OK));
    troupe_msg_free(&msg);
    return status;
}

static troupe_status subscribe(uint32_t credit)
{
    struct subscribing how = {producer->id, credit, 71};

    return act(consumer, do_subscribe, &how);
}

static troupe_id handle(void)
{
    return heard_nth(producer, TROUPE_KIND_SUBSCRIBE, 0)->from;
}

struct offering {
    size_t count;
    troupe_status last;
};

static troupe_status do_offer(troupe_self *self, void *argument)
{
    struct offering *offering = argument;
    size_t sent = 0;

    offering->last = TROUPE_OK;
    for (; sent < offering->count && offering->last == TROUPE_OK; sent++) {
        troupe_msg *item = NULL;
        ck_assert_int_eq(troupe_msg_new(KIND_A, sizeof(size_t), &item), TROUPE_OK);
        *(size_t *)troupe_msg_body(item) = sent;
        offering->last = troupe_offer(self, handle(), &item);
        ck_assert((item == NULL) == (offering->last == TROUPE_OK));
        troupe_msg_free(&item);
    }
    offering->count = sent - (offering->last != TROUPE_OK);
    return offering->last;
}

/* Offers up to `count` items; returns how many were taken. */
static size_t offer(size_t count, troupe_status *last)
{
    struct offering offering = {.count = count};

    (void)act(producer, do_offer, &offering);
    *last = offering.last;
    return offering.count;
}

static troupe_status do_grant(troupe_self *self, void *argument)
{
    return troupe_grant(self, subscription, *(uint32_t *)argument);
}

static troupe_status grant(struct probe *by, uint32_t more)
{
    return act(by, do_grant, &more);
}

static troupe_status do_unsubscribe(troupe_self *self, void *argument)
{
    (void)argument;
    return troupe_unsubscribe(self, subscription);
}

static troupe_status do_offer_end(troupe_self *self, void *argument)
{
    return troupe_offer_end(self, handle(), *(troupe_status *)argument);
}

START_TEST(items_come_in_order_with_the_subscribers_tag)
{
    troupe_status last;

    begin(_i);
    ck_assert_int_eq(subscribe(100), TROUPE_OK);
    ck_assert_uint_eq(offer(10, &last), 10);
    ck_assert_uint_eq(heard_count(consumer, KIND_A), 10);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_uint_eq(heard_nth(consumer, KIND_A, i)->tag, 71);
        ck_assert_uint_eq(
            *(const size_t *)(const void *)heard_nth(consumer, KIND_A, i)->bytes, i);
    }
    sim_end();
}
END_TEST

START_TEST(a_producer_without_credit_is_held_back_and_told_when_there_is_more)
{
    troupe_status last;

    begin(_i);
    ck_assert_int_eq(subscribe(3), TROUPE_OK);
    ck_assert_uint_eq(offer(10, &last), 3);
    ck_assert_int_eq(last, TROUPE_EBUSY);
    ck_assert_uint_eq(heard_count(producer, TROUPE_KIND_CREDIT), 0);
    ck_assert_int_eq(grant(consumer, 5), TROUPE_OK);
    ck_assert_uint_eq(heard_count(producer, TROUPE_KIND_CREDIT), 1);
    ck_assert_uint_eq(heard_nth(producer, TROUPE_KIND_CREDIT, 0)->tag, 5);
    ck_assert(
        troupe_id_equal(heard_nth(producer, TROUPE_KIND_CREDIT, 0)->from, handle()));
    ck_assert_uint_eq(offer(10, &last), 5);
    sim_end();
}
END_TEST

START_TEST(credit_that_was_not_missed_is_not_announced)
{
    troupe_status last;

    begin(_i);
    ck_assert_int_eq(subscribe(3), TROUPE_OK);
    ck_assert_uint_eq(offer(2, &last), 2);
    ck_assert_int_eq(grant(consumer, 5), TROUPE_OK);
    ck_assert_uint_eq(heard_count(producer, TROUPE_KIND_CREDIT), 0);
    ck_assert_uint_eq(offer(10, &last), 6);
    sim_end();
}
END_TEST

START_TEST(items_are_not_refused_by_a_full_mailbox)
{
    troupe_status last;

    begin(_i);
    consumer = probe_make();
    consumer->behavior.mailbox_limit = 2;
    probe_start(consumer);
    ck_assert_int_eq(subscribe(50), TROUPE_OK);
    ck_assert_uint_eq(offer(50, &last), 50);
    ck_assert_uint_eq(heard_count(consumer, KIND_A), 50);
    sim_end();
}
END_TEST

START_TEST(credit_is_bounded)
{
    begin(_i);
    ck_assert_int_eq(subscribe(0), TROUPE_EINVAL);
    ck_assert_int_eq(subscribe(TROUPE_CREDIT_MAX + 1u), TROUPE_EINVAL);
    ck_assert_int_eq(subscribe(TROUPE_CREDIT_MAX), TROUPE_OK);
    ck_assert_int_eq(grant(consumer, 1), TROUPE_ELIMIT);
    ck_assert_uint_eq(heard_count(producer, TROUPE_KIND_SUBSCRIBE), 1);
    sim_end();
}
END_TEST

START_TEST(subscribing_to_the_dead_is_refused)
{
    begin(_i);
    crash(producer, TROUPE_EPROTO);
    ck_assert_int_eq(subscribe(5), TROUPE_EGONE);
    ck_assert_uint_eq(consumer->count, 0);
    sim_end();
}
END_TEST

START_TEST(a_subscription_belongs_to_its_consumer)
{
    begin(_i);
    struct probe *other = probe_new();
    ck_assert_int_eq(subscribe(5), TROUPE_OK);
    ck_assert_int_eq(grant(other, 1), TROUPE_EINVAL);
    ck_assert_int_eq(act(other, do_unsubscribe, NULL), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(the_consumer_ends_it_and_the_producer_is_told)
{
    troupe_status last;

    begin(_i);
    ck_assert_int_eq(subscribe(5), TROUPE_OK);
    ck_assert_int_eq(act(consumer, do_unsubscribe, NULL), TROUPE_OK);
    ck_assert_uint_eq(heard_count(producer, TROUPE_KIND_UNSUBSCRIBE), 1);
    ck_assert(
        troupe_id_equal(heard_nth(producer, TROUPE_KIND_UNSUBSCRIBE, 0)->from, handle()));
    ck_assert_uint_eq(offer(1, &last), 0);
    ck_assert_int_eq(last, TROUPE_EGONE);
    ck_assert_int_eq(act(consumer, do_unsubscribe, NULL), TROUPE_EGONE);
    ck_assert_int_eq(grant(consumer, 1), TROUPE_EGONE);
    ck_assert_uint_eq(consumer->count, 0);
    sim_end();
}
END_TEST

START_TEST(a_consumer_that_ends_unsubscribes)
{
    troupe_status last;

    begin(_i);
    ck_assert_int_eq(subscribe(5), TROUPE_OK);
    uint32_t alive = stats().actors;
    crash(consumer, TROUPE_EPROTO);
    ck_assert_uint_eq(stats().actors, alive - 2);
    ck_assert_uint_eq(heard_count(producer, TROUPE_KIND_UNSUBSCRIBE), 1);
    ck_assert_uint_eq(offer(1, &last), 0);
    ck_assert_int_eq(last, TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(the_producer_ends_it_after_what_was_offered)
{
    troupe_status last;
    troupe_status reason = TROUPE_OK;

    begin(_i);
    ck_assert_int_eq(subscribe(5), TROUPE_OK);
    ck_assert_uint_eq(offer(2, &last), 2);
    ck_assert_int_eq(act(producer, do_offer_end, &reason), TROUPE_OK);
    ck_assert_uint_eq(consumer->count, 3);
    ck_assert_int_eq(heard_last(consumer)->kind, TROUPE_KIND_END);
    ck_assert_uint_eq(heard_last(consumer)->tag, 71);
    ck_assert_int_eq(grant(consumer, 1), TROUPE_EGONE);
    ck_assert_int_eq(act(producer, do_offer_end, &reason), TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(the_producer_may_end_it_with_a_failure)
{
    troupe_status reason = TROUPE_ELOST;

    begin(_i);
    ck_assert_int_eq(subscribe(5), TROUPE_OK);
    ck_assert_int_eq(act(producer, do_offer_end, &reason), TROUPE_OK);
    ck_assert_int_eq(heard_last(consumer)->kind, TROUPE_KIND_FAILURE);
    ck_assert_int_eq(heard_last(consumer)->status, TROUPE_ELOST);
    ck_assert_uint_eq(heard_last(consumer)->tag, 71);
    sim_end();
}
END_TEST

START_TEST(a_producer_that_ends_ends_it)
{
    begin(_i);
    ck_assert_int_eq(subscribe(5), TROUPE_OK);
    crash(producer, TROUPE_ETLS);
    ck_assert_uint_eq(consumer->count, 1);
    ck_assert_int_eq(heard_last(consumer)->kind, TROUPE_KIND_FAILURE);
    ck_assert_uint_eq(heard_last(consumer)->tag, 71);
    ck_assert_int_eq(grant(consumer, 1), TROUPE_EGONE);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("subscription");
    TCase *tcase = tcase_create("subscription");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, items_come_in_order_with_the_subscribers_tag);
    ADD(tcase, a_producer_without_credit_is_held_back_and_told_when_there_is_more);
    ADD(tcase, credit_that_was_not_missed_is_not_announced);
    ADD(tcase, items_are_not_refused_by_a_full_mailbox);
    ADD(tcase, credit_is_bounded);
    ADD(tcase, subscribing_to_the_dead_is_refused);
    ADD(tcase, a_subscription_belongs_to_its_consumer);
    ADD(tcase, the_consumer_ends_it_and_the_producer_is_told);
    ADD(tcase, a_consumer_that_ends_unsubscribes);
    ADD(tcase, the_producer_ends_it_after_what_was_offered);
    ADD(tcase, the_producer_may_end_it_with_a_failure);
    ADD(tcase, a_producer_that_ends_ends_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
