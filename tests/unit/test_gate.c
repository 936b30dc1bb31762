/* SPDX-License-Identifier: MIT
 * Many threads put, one takes all: nothing is lost, nobody's order is changed, and blocks
 * that end on another thread come home. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "mailbox/gate.h"
#include "mailbox/message.h"
#include "tests/support/suite.h"

START_TEST(the_oldest_comes_out_first)
{
    struct trp_gate gate;
    struct trp_gate_link links[3];

    trp_gate_init(&gate);
    ck_assert(trp_gate_is_empty(&gate));
    ck_assert_ptr_null(trp_gate_take(&gate));
    ck_assert(trp_gate_put(&gate, &links[0])); /* was empty: wake the taker */
    ck_assert(!trp_gate_put(&gate, &links[1]));
    ck_assert(!trp_gate_put(&gate, &links[2]));
    struct trp_gate_link *item = trp_gate_take(&gate);
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_eq(item, &links[i]);
        item = item->next;
    }
    ck_assert_ptr_null(item);
    ck_assert(trp_gate_is_empty(&gate));
    ck_assert(trp_gate_put(&gate, &links[1])); /* empty again */
}
END_TEST

START_TEST(a_chain_goes_in_whole)
{
    struct trp_gate gate;
    struct trp_gate_link links[4];

    trp_gate_init(&gate);
    (void)trp_gate_put(&gate, &links[0]);
    links[3].next = &links[2];
    links[2].next = &links[1];
    ck_assert(!trp_gate_put_chain(&gate, &links[3], &links[1]));
    struct trp_gate_link *item = trp_gate_take_stack(&gate);
    for (int i = 3; i >= 0; i--) {
        ck_assert_ptr_eq(item, &links[i]);
        item = item->next;
    }
    ck_assert_ptr_null(item);
}
END_TEST

/* ---- many threads ---- */

enum { PUTTERS = 6, EACH = 5000, SEEDS = 3 };

static struct trp_gate gate;
static atomic_uint wakes; /* puts that found the gate empty */

struct putter {
    pthread_t thread;
    uint32_t number, seed;
};

static uint32_t next_of(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static troupe_msg *make(uint32_t putter, uint32_t count, uint32_t size)
{
    troupe_msg *msg = NULL;

    if (troupe_msg_new(TROUPE_KIND_USER + putter, size, &msg) != TROUPE_OK) {
        abort();
    }
    troupe_msg_set_tag(msg, count);
    return msg;
}

/* Puts EACH messages in chains of random length, with random sizes and pauses. */
static void *put_all(void *context)
{
    struct putter *putter = context;
    uint32_t count = 0;

    while (count < EACH) {
        uint32_t length = 1 + next_of(&putter->seed) % 5;
        troupe_msg *oldest = NULL, *newest = NULL;
        for (uint32_t i = 0; i < length && count < EACH; i++, count++) {
            troupe_msg *msg = make(putter->number, count, next_of(&putter->seed) % 1100);
            msg->next = newest;
            newest = msg;
            oldest = oldest != NULL ? oldest : msg;
        }
        if (trp_gate_put_chain(&gate, (struct trp_gate_link *)(void *)newest,
                               (struct trp_gate_link *)(void *)oldest)) {
            atomic_fetch_add(&wakes, 1);
        }
        if (next_of(&putter->seed) % 64 == 0) {
            (void)sched_yield();
        }
    }
    return NULL;
}

/* Returns how many were there. */
static uint32_t take_some(uint32_t expected[PUTTERS])
{
    struct trp_gate_link *link = trp_gate_take(&gate);
    uint32_t taken = 0;

    while (link != NULL) {
        troupe_msg *msg = (troupe_msg *)(void *)link;
        link = link->next;
        uint32_t putter = troupe_msg_kind(msg) - TROUPE_KIND_USER;
        ck_assert_uint_lt(putter, PUTTERS);
        ck_assert_uint_eq(troupe_msg_tag(msg), expected[putter]);
        expected[putter]++;
        troupe_msg_free(&msg); /* a foreign block: goes home in a chain */
        taken++;
    }
    return taken;
}

START_TEST(putters_keep_their_order_and_nothing_is_lost)
{
    struct putter putters[PUTTERS];
    uint32_t expected[PUTTERS] = {0}, taken = 0, batches = 0;

    trp_gate_init(&gate);
    atomic_store(&wakes, 0);
    for (uint32_t i = 0; i < PUTTERS; i++) {
        putters[i].number = i;
        putters[i].seed = (uint32_t)_i * 7919 + i + 1;
        ck_assert_int_eq(pthread_create(&putters[i].thread, NULL, put_all, &putters[i]),
                         0);
    }
    while (taken < PUTTERS * EACH) {
        uint32_t some = take_some(expected);
        taken += some;
        batches += some != 0;
        if (some == 0) {
            trp_pool_flush();
            (void)sched_yield();
        }
    }
    for (uint32_t i = 0; i < PUTTERS; i++) {
        ck_assert_int_eq(pthread_join(putters[i].thread, NULL), 0);
        ck_assert_uint_eq(expected[i], EACH);
    }
    ck_assert_uint_eq(atomic_load(&wakes), batches); /* one wake-up per full change */
    ck_assert(trp_gate_is_empty(&gate));
    trp_pool_flush();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("gate");
    TCase *tcase = tcase_create("gate");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_oldest_comes_out_first);
    tcase_add_test(tcase, a_chain_goes_in_whole);
    tcase_add_loop_test(tcase, putters_keep_their_order_and_nothing_is_lost, 0, SEEDS);
    suite_add_tcase(suite, tcase);
    return suite;
}
