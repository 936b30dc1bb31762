/* SPDX-License-Identifier: MIT
 * Counted bytes: shared by many, ended once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "mailbox/blob.h"
#include "tests/support/suite.h"

static atomic_int drops;

static void drop(void *context)
{
    ck_assert_ptr_eq(context, &drops);
    atomic_fetch_add(&drops, 1);
}

static troupe_blob *wrap(void)
{
    troupe_blob *blob = NULL;

    atomic_store(&drops, 0);
    ck_assert_int_eq(troupe_blob_wrap("bytes", 5, drop, &drops, &blob), TROUPE_OK);
    return blob;
}

START_TEST(a_copy_is_the_blobs_own)
{
    char text[] = "first";
    troupe_blob *blob = NULL;

    ck_assert_int_eq(troupe_blob_new(text, 5, &blob), TROUPE_OK);
    text[0] = 'X';
    ck_assert_uint_eq(troupe_blob_size(blob), 5);
    ck_assert_mem_eq(troupe_blob_bytes(blob), "first", 5);
    troupe_blob_unref(&blob);
    ck_assert_ptr_null(blob);
    troupe_blob_unref(&blob); /* NULL inside is allowed */
}
END_TEST

START_TEST(the_last_reference_drops_once)
{
    troupe_blob *blob = wrap();
    troupe_blob *second = troupe_blob_ref(blob);

    trp_blob_ref_many(blob, 10);
    trp_blob_unref_many(blob, 10);
    troupe_blob_unref(&blob);
    ck_assert_int_eq(atomic_load(&drops), 0);
    ck_assert_mem_eq(troupe_blob_bytes(second), "bytes", 5);
    troupe_blob_unref(&second);
    ck_assert_int_eq(atomic_load(&drops), 1);
}
END_TEST

START_TEST(sizes_that_cannot_be_are_refused)
{
    troupe_blob *blob = NULL;

    ck_assert_int_eq(troupe_blob_new(NULL, 1, &blob), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_blob_new("", SIZE_MAX, &blob), TROUPE_EINVAL);
    ck_assert_ptr_null(blob);
    ck_assert_int_eq(troupe_blob_new(NULL, 0, &blob), TROUPE_OK);
    ck_assert_uint_eq(troupe_blob_size(blob), 0);
    troupe_blob_unref(&blob);
}
END_TEST

START_TEST(without_memory_nothing_is_taken)
{
    troupe_blob *blob = NULL;

    atomic_store(&drops, 0);
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_blob_wrap("x", 1, drop, &drops, &blob), TROUPE_ENOMEM);
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_blob_new("x", 1, &blob), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    ck_assert_ptr_null(blob);
    ck_assert_int_eq(atomic_load(&drops), 0);
}
END_TEST

START_TEST(a_message_of_a_blob_has_a_reference_of_its_own)
{
    troupe_blob *blob = wrap();
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new_blob(TROUPE_KIND_USER, blob, &msg), TROUPE_OK);
    troupe_blob_unref(&blob);
    ck_assert_uint_eq(troupe_msg_size(msg), 5);
    ck_assert_mem_eq(troupe_msg_body(msg), "bytes", 5);
    ck_assert_ptr_nonnull(troupe_msg_blob(msg));
    ck_assert_ptr_null(troupe_msg_take(msg)); /* shared, so nobody's to take */
    ck_assert_int_eq(atomic_load(&drops), 0);
    troupe_msg_free(&msg);
    ck_assert_int_eq(atomic_load(&drops), 1);

    blob = wrap();
    trp_fail_nth(1);
    ck_assert_int_eq(troupe_msg_new_blob(TROUPE_KIND_USER, blob, &msg), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    troupe_blob_unref(&blob); /* the failure took no reference */
    ck_assert_int_eq(atomic_load(&drops), 1);
}
END_TEST

enum { THREADS = 4, ROUNDS = 2000 };

static void *share(void *memory)
{
    troupe_blob *mine = memory;

    for (int i = 0; i < ROUNDS; i++) {
        troupe_blob *more = troupe_blob_ref(mine);
        troupe_msg *msg = NULL;
        if (troupe_msg_new_blob(TROUPE_KIND_USER, more, &msg) != TROUPE_OK) {
            abort();
        }
        troupe_blob_unref(&more);
        troupe_msg_free(&msg);
    }
    troupe_blob_unref(&mine);
    return NULL;
}

START_TEST(threads_that_share_a_blob_drop_it_once)
{
    troupe_blob *blob = wrap();
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, share, troupe_blob_ref(blob)),
                         0);
    }
    troupe_blob_unref(&blob);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_int_eq(atomic_load(&drops), 1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("blob");
    TCase *tcase = tcase_create("blob");

    tcase_add_test(tcase, a_copy_is_the_blobs_own);
    tcase_add_test(tcase, the_last_reference_drops_once);
    tcase_add_test(tcase, sizes_that_cannot_be_are_refused);
    tcase_add_test(tcase, without_memory_nothing_is_taken);
    tcase_add_test(tcase, a_message_of_a_blob_has_a_reference_of_its_own);
    tcase_add_test(tcase, threads_that_share_a_blob_drop_it_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
