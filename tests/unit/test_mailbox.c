/* SPDX-License-Identifier: MIT
 * What the mailbox layer is made of: buffers, cursors, pools, the gate; and the map of
 * ids. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "actors/id_map.h"
#include "mailbox/buffer.h"
#include "mailbox/cursor.h"
#include "mailbox/emit.h"
#include "mailbox/gate.h"
#include "mailbox/pool.h"
#include "tests/support/suite.h"

/* ---- buffers ---- */

START_TEST(a_buffer_grows_to_its_limit_and_not_beyond)
{
    struct trp_buffer buffer;

    trp_buffer_init(&buffer, 1000);
    ck_assert_ptr_null(trp_buffer_front(&buffer));
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(trp_buffer_add(&buffer, "0123456789", 10), TROUPE_OK);
    }
    ck_assert_uint_eq(trp_buffer_size(&buffer), 1000);
    ck_assert_int_eq(trp_buffer_add(&buffer, "x", 1), TROUPE_ELIMIT);
    ck_assert_int_eq(buffer.status, TROUPE_ELIMIT); /* it sticks */
    ck_assert_uint_eq(trp_buffer_size(&buffer), 1000);
    trp_buffer_clear(&buffer, 100);
    ck_assert_int_eq(buffer.status, TROUPE_OK);
    ck_assert_uint_eq(trp_buffer_size(&buffer), 0);
    ck_assert_ptr_null(trp_buffer_reserve(&buffer, SIZE_MAX));
    trp_buffer_fini(&buffer);
}
END_TEST

START_TEST(what_is_consumed_makes_room)
{
    struct trp_buffer buffer;
    size_t size = 0;

    trp_buffer_init(&buffer, 16);
    for (uint8_t i = 0; i < 200; i++) {
        ck_assert_int_eq(trp_buffer_add(&buffer, &i, 1), TROUPE_OK);
        if (i >= 10) {
            ck_assert_uint_eq(*trp_buffer_front(&buffer), i - 10u);
            trp_buffer_consume(&buffer, 1);
        }
    }
    uint8_t *bytes = trp_buffer_take(&buffer, &size);
    ck_assert_uint_eq(size, 10);
    ck_assert_uint_eq(bytes[0], 190);
    trp_free(bytes);
    ck_assert_uint_eq(trp_buffer_size(&buffer), 0);
    ck_assert_ptr_null(trp_buffer_take(&buffer, &size));
    trp_buffer_consume(&buffer, 99); /* at most all */
    trp_buffer_fini(&buffer);
}
END_TEST

START_TEST(a_buffer_without_memory_says_so_and_keeps_what_it_has)
{
    struct trp_buffer buffer;
    static const uint8_t zeroes[5000];

    trp_buffer_init(&buffer, 100000);
    ck_assert_int_eq(trp_buffer_add(&buffer, "kept", 5), TROUPE_OK);
    trp_fail_nth(1);
    ck_assert_int_eq(trp_buffer_add(&buffer, zeroes, sizeof(zeroes)), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    ck_assert_str_eq((const char *)trp_buffer_front(&buffer), "kept");
    trp_buffer_fini(&buffer);
}
END_TEST

/* ---- cursors and emitting ---- */

START_TEST(numbers_are_read_as_they_were_written)
{
    struct trp_buffer buffer;

    trp_buffer_init(&buffer, 1000);
    for (size_t width = 1; width <= 8; width++) {
        trp_emit_le(&buffer, UINT64_C(0x8877665544332211), width);
        trp_emit_be(&buffer, UINT64_C(0x8877665544332211), width);
    }
    struct trp_cursor in =
        trp_cursor_on(trp_buffer_front(&buffer), trp_buffer_size(&buffer));
    for (size_t width = 1; width <= 8; width++) {
        uint64_t mask = width == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
        uint64_t value = UINT64_C(0x8877665544332211) & mask;
        ck_assert_uint_eq(trp_cursor_le(&in, width), value);
        ck_assert_uint_eq(trp_cursor_be(&in, width), value);
    }
    ck_assert(!in.short_of);
    ck_assert_uint_eq(trp_cursor_left(&in), 0);
    trp_buffer_fini(&buffer);
}
END_TEST

START_TEST(reading_past_the_end_yields_zeroes_and_sticks)
{
    static const uint8_t bytes[] = {1, 2, 3};
    struct trp_cursor in = trp_cursor_on(bytes, sizeof(bytes));

    ck_assert_uint_eq(trp_cursor_be(&in, 2), 0x0102);
    ck_assert_uint_eq(trp_cursor_be(&in, 2), 0);
    ck_assert(in.short_of);
    ck_assert_uint_eq(trp_cursor_be(&in, 1), 0); /* although one is left */
    ck_assert_ptr_null(trp_cursor_take(&in, 1));
    struct trp_cursor none = trp_cursor_on(NULL, 0);
    ck_assert_ptr_null(trp_cursor_take(&none, 1));
    struct trp_cursor huge = trp_cursor_on(bytes, sizeof(bytes));
    ck_assert_ptr_null(trp_cursor_take(&huge, SIZE_MAX));
}
END_TEST

/* ---- pools ---- */

START_TEST(each_size_has_the_smallest_class_that_holds_it)
{
    for (size_t size = 1; size <= 1024; size++) {
        unsigned class = trp_pool_class_of(size);
        ck_assert_uint_lt(class, TRP_POOL_CLASSES);
        ck_assert_uint_ge(trp_pool_class_size(class), size);
        ck_assert(class == 0 || trp_pool_class_size(class - 1) < size);
    }
    ck_assert_uint_eq(trp_pool_class_of(1025), TRP_POOL_NONE);
}
END_TEST

enum { BLOCKS = 1000 };

static void *blocks[BLOCKS];
static uint16_t homes[BLOCKS];

static void *free_blocks(void *argument)
{
    (void)argument;
    for (int i = 0; i < BLOCKS; i++) {
        memset(blocks[i], 0xab, 128);
        trp_pool_put(blocks[i], 1, homes[i]);
    }
    return NULL; /* the rest goes home when the thread ends */
}

START_TEST(blocks_freed_on_another_thread_come_home)
{
    pthread_t thread;

    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = trp_pool_get(1, &homes[i]);
            ck_assert_ptr_nonnull(blocks[i]);
            memset(blocks[i], round, 128);
        }
        ck_assert_int_eq(pthread_create(&thread, NULL, free_blocks, NULL), 0);
        (void)pthread_join(thread, NULL);
    }
}
END_TEST

/* ---- the gate ---- */

enum { PUTTERS = 4, PUTS = 20000 };

struct item {
    struct trp_gate_link link;
    uint32_t who, number;
};

static struct trp_gate gate;
static atomic_uint wakes;

static void *put_many(void *argument)
{
    struct item *items = argument;

    for (uint32_t i = 0; i < PUTS; i++) {
        if (trp_gate_put(&gate, &items[i].link)) {
            (void)atomic_fetch_add(&wakes, 1);
        }
    }
    return NULL;
}

START_TEST(the_gate_keeps_the_order_of_each_putter_and_loses_nothing)
{
    pthread_t threads[PUTTERS];
    struct item *items[PUTTERS];
    uint32_t next[PUTTERS] = {0};
    uint32_t taken = 0;

    trp_gate_init(&gate);
    for (uint32_t who = 0; who < PUTTERS; who++) {
        items[who] = trp_calloc(PUTS, sizeof(struct item));
        ck_assert_ptr_nonnull(items[who]);
        for (uint32_t i = 0; i < PUTS; i++) {
            items[who][i].who = who;
            items[who][i].number = i;
        }
        ck_assert_int_eq(pthread_create(&threads[who], NULL, put_many, items[who]), 0);
    }
    while (taken < PUTTERS * PUTS) {
        struct trp_gate_link *link = trp_gate_take(&gate);
        for (; link != NULL; link = link->next, taken++) {
            const struct item *item = (const struct item *)(const void *)link;
            ck_assert_uint_eq(item->number, next[item->who]++);
        }
    }
    for (uint32_t who = 0; who < PUTTERS; who++) {
        (void)pthread_join(threads[who], NULL);
        trp_free(items[who]);
    }
    ck_assert(trp_gate_is_empty(&gate));
    ck_assert_uint_ge(atomic_load(&wakes), 1); /* one for each time it was empty */
}
END_TEST

/* ---- the map of ids ---- */

START_TEST(the_map_knows_what_was_put_and_not_removed)
{
    struct trp_id_map map = {0};
    uint64_t value = 0;
    enum { KEYS = 3000 };
    static uint64_t model[KEYS];

    memset(model, 0, sizeof(model));
    ck_assert(!trp_id_map_get(&map, 1, &value));
    ck_assert(!trp_id_map_remove(&map, 1));
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t which = (random >> 33) % KEYS;
        uint64_t key = (which + 1) << ((which % 3) * 16); /* some share their low bits */
        if ((random >> 20) % 2 == 0) {
            ck_assert_int_eq(trp_id_map_reserve(&map, 1), TROUPE_OK);
            trp_id_map_put(&map, key, (uint64_t)i + 1);
            model[which] = (uint64_t)i + 1;
        } else {
            ck_assert(trp_id_map_remove(&map, key) == (model[which] != 0));
            model[which] = 0;
        }
    }
    for (uint64_t which = 0; which < KEYS; which++) {
        uint64_t key = (which + 1) << ((which % 3) * 16);
        ck_assert(trp_id_map_get(&map, key, &value) == (model[which] != 0));
        ck_assert(model[which] == 0 || value == model[which]);
    }
    trp_id_map_fini(&map);
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tcase = tcase_create("mailbox");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_buffer_grows_to_its_limit_and_not_beyond);
    tcase_add_test(tcase, what_is_consumed_makes_room);
    tcase_add_test(tcase, a_buffer_without_memory_says_so_and_keeps_what_it_has);
    tcase_add_test(tcase, numbers_are_read_as_they_were_written);
    tcase_add_test(tcase, reading_past_the_end_yields_zeroes_and_sticks);
    tcase_add_test(tcase, each_size_has_the_smallest_class_that_holds_it);
    tcase_add_test(tcase, blocks_freed_on_another_thread_come_home);
    tcase_add_test(tcase, the_gate_keeps_the_order_of_each_putter_and_loses_nothing);
    tcase_add_test(tcase, the_map_knows_what_was_put_and_not_removed);
    suite_add_tcase(suite, tcase);
    return suite;
}
