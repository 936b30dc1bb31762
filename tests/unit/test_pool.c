/* SPDX-License-Identifier: MIT
 * Blocks: kept by the thread that made them, home again from every other. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/pool.h"
#include "tests/support/suite.h"

enum { MANY = 1000 };

struct block {
    struct block *next;
    uint16_t home;
};

/* Under AddressSanitizer every block is an allocation of its own. */
static bool recycles(void)
{
    uint16_t home;
    void *block = trp_pool_get(0, &home);

    trp_pool_put(block, 0, home);
    return trp_pool_mine != NULL && trp_pool_mine->classes[0].keep != 0;
}

static struct block *get_many(unsigned class, int count)
{
    struct block *all = NULL;

    for (int i = 0; i < count; i++) {
        uint16_t home;
        struct block *block = trp_pool_get(class, &home);
        if (block == NULL) {
            abort();
        }
        memset(block, 0x5a, trp_pool_class_size(class));
        block->next = all;
        block->home = home;
        all = block;
    }
    return all;
}

static void put_all(struct block *all, unsigned class)
{
    while (all != NULL) {
        struct block *next = all->next;
        trp_pool_put(all, class, all->home);
        all = next;
    }
}

START_TEST(a_class_holds_what_it_says)
{
    for (size_t size = 1; size <= 1024; size++) {
        unsigned class = trp_pool_class_of(size);
        ck_assert_uint_lt(class, TRP_POOL_CLASSES);
        ck_assert_uint_ge(trp_pool_class_size(class), size);
        ck_assert(class == 0 || trp_pool_class_size(class - 1) < size);
    }
    ck_assert_uint_eq(trp_pool_class_of(0), 0);
    ck_assert_uint_eq(trp_pool_class_of(1025), TRP_POOL_NONE);
    ck_assert_uint_eq(trp_pool_class_of(SIZE_MAX), TRP_POOL_NONE);
}
END_TEST

START_TEST(the_last_block_put_is_the_next_one_got)
{
    uint16_t home, again;

    if (!recycles()) {
        return;
    }
    void *block = trp_pool_get(2, &home);
    trp_pool_put(block, 2, home);
    ck_assert_ptr_eq(trp_pool_get(2, &again), block);
    ck_assert_uint_eq(again, home);
    trp_pool_put(block, 2, home);
}
END_TEST

static bool is_whole(const struct block *block, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)block;
    size_t whole = sizeof(*block);

    while (whole < size && bytes[whole] == 0x5a) {
        whole++;
    }
    return whole == size;
}

START_TEST(blocks_of_all_classes_do_not_overlap)
{
    for (unsigned class = 0; class < TRP_POOL_CLASSES; class ++) {
        struct block *all = get_many(class, MANY);
        size_t size = trp_pool_class_size(class);
        for (struct block *block = all; block != NULL; block = block->next) {
            ck_assert(is_whole(block, size));
            memset((uint8_t *)block + sizeof(*block), 0, size - sizeof(*block));
        }
        for (struct block *block = all; block != NULL; block = block->next) {
            memset((uint8_t *)block + sizeof(*block), 0x5a, size - sizeof(*block));
        }
        put_all(all, class);
    }
}
END_TEST

START_TEST(a_class_keeps_no_more_than_its_limit)
{
    if (!recycles()) {
        return;
    }
    put_all(get_many(0, TRP_POOL_KEEP + 500), 0);
    ck_assert_int_le(trp_pool_mine->classes[0].count, TRP_POOL_KEEP);
    int kept = 0;
    for (struct trp_pool_block *block = trp_pool_mine->classes[0].free; block != NULL;
         block = block->next) {
        kept++;
    }
    ck_assert_int_le(kept, TRP_POOL_KEEP);
}
END_TEST

static void *free_there(void *blocks)
{
    put_all(blocks, 3);
    return NULL; /* its end sends the rest of the chain home */
}

static void free_elsewhere(struct block *blocks)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, free_there, blocks), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static int compare(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;

    return left < right ? -1 : left > right;
}

static void remember(const struct block *all, uintptr_t addresses[MANY])
{
    for (int i = 0; i < MANY; i++, all = all->next) {
        addresses[i] = (uintptr_t)all;
    }
    qsort(addresses, MANY, sizeof(addresses[0]), compare);
}

START_TEST(blocks_freed_on_another_thread_come_home)
{
    static uintptr_t went[MANY], came[MANY];

    if (!recycles()) {
        free_elsewhere(get_many(3, MANY));
        return;
    }
    trp_pool_bypass(true); /* starts from an empty pool */
    trp_pool_bypass(false);
    struct block *all = get_many(3, MANY);
    remember(all, went);
    struct trp_pool_block *spare = trp_pool_mine->classes[3].free;
    trp_pool_mine->classes[3].free = NULL; /* only what comes home can be got */
    free_elsewhere(all);
    all = get_many(3, MANY);
    remember(all, came);
    ck_assert_mem_eq(went, came, sizeof(went));
    ck_assert_ptr_null(trp_pool_mine->classes[3].free);
    trp_pool_mine->classes[3].free = spare;
    put_all(all, 3);
}
END_TEST

START_TEST(what_came_home_does_not_raise_the_limit)
{
    if (!recycles()) {
        return;
    }
    for (int i = 0; i < 20; i++) {
        free_elsewhere(get_many(3, MANY));
        put_all(get_many(3, MANY + 200), 3);
    }
    put_all(get_many(3, 2 * TRP_POOL_KEEP), 3);
    int kept = 0;
    for (struct trp_pool_block *block = trp_pool_mine->classes[3].free; block != NULL;
         block = block->next) {
        kept++;
    }
    ck_assert_int_le(kept, TRP_POOL_KEEP);
}
END_TEST

static void *note_home(void *home)
{
    put_all(get_many(0, 10), 0);
    *(uint16_t *)home = trp_pool_mine->home;
    return NULL;
}

START_TEST(a_thread_leaves_its_pool_to_the_next)
{
    uint16_t first = 0, second = 0;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, note_home, &first), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, note_home, &second), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_ne(first, 0);
    ck_assert_uint_eq(first, second);
}
END_TEST

static void *get_there(void *out)
{
    *(struct block **)out = get_many(1, MANY);
    return NULL;
}

START_TEST(blocks_outlive_the_thread_that_made_them)
{
    struct block *all = NULL;
    pthread_t thread;

    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, get_there, &all), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        put_all(all, 1);
        trp_pool_flush();
    }
}
END_TEST

START_TEST(while_allocations_fail_no_block_is_recycled)
{
    uint16_t home = 1;

    trp_fail_nth(2);
    void *block = trp_pool_get(0, &home);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(home, 0);
    uint16_t untouched;
    ck_assert_ptr_null(trp_pool_get(0, &untouched));
    ck_assert(trp_fail_happened());
    trp_pool_put(block, 0, home); /* knows that it is not a pool's */
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("pool");
    TCase *tcase = tcase_create("pool");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_class_holds_what_it_says);
    tcase_add_test(tcase, the_last_block_put_is_the_next_one_got);
    tcase_add_test(tcase, blocks_of_all_classes_do_not_overlap);
    tcase_add_test(tcase, a_class_keeps_no_more_than_its_limit);
    tcase_add_test(tcase, blocks_freed_on_another_thread_come_home);
    tcase_add_test(tcase, what_came_home_does_not_raise_the_limit);
    tcase_add_test(tcase, a_thread_leaves_its_pool_to_the_next);
    tcase_add_test(tcase, blocks_outlive_the_thread_that_made_them);
    tcase_add_test(tcase, while_allocations_fail_no_block_is_recycled);
    suite_add_tcase(suite, tcase);
    return suite;
}
