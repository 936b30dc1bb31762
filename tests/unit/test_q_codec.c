/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <pthread.h>

#include "mailbox/buffer.h"
#include "tests/support/q_hex.h"
#include "tests/support/q_random.h"
#include "tests/support/suite.h"
#include "transports/q/q_symbol.h"

static const struct trp_q_limits limits = TRP_Q_LIMITS;
static const struct trp_q_encoding plain = {.kind = TRP_Q_RESPONSE,
                                            .capability = TRP_Q_CAPABILITY};

/* A keyed table, a nested list, a lambda and a projection: most of what there is. */
#define RICH                                                                             \
    "000004000000"                                                                       \
    "63 6200 63 0b0001000000 6b00 000001000000 070002000000"                             \
    "0100000000000000 0200000000000000"                                                  \
    "6200 63 0b0001000000 7600 000001000000 0b0002000000 61006200"                       \
    "000002000000 ff01 0a0003000000616263"                                               \
    "64 6400 0a0003000000 7b787d"                                                        \
    "68 03000000 6601 65ff fe000102030405060708090a0b0c0d0e0f"

static struct hex encode(const troupe_q_value *value, const struct trp_q_encoding *how)
{
    struct trp_buffer out;
    struct trp_q_why why = {"", 0};
    struct hex bytes = {NULL, 0};

    trp_buffer_init(&out, 1 << 24);
    troupe_status status = trp_q_encode(value, how, &out, &why);
    ck_assert_msg(status == TROUPE_OK, "%s", why.text);
    bytes.bytes = trp_buffer_take(&out, &bytes.size);
    trp_buffer_fini(&out);
    return bytes;
}

START_TEST(random_values_come_back_equal_in_both_byte_orders)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct q_random random = {seed * 0x9e3779b97f4a7c15u};
        struct trp_q_encoding how = plain;
        troupe_q_value *value = q_random_value(&random, 4), *back = NULL;
        struct trp_q_why why = {"", 0};
        how.big = seed % 2 != 0;
        how.compress = seed % 4 >= 2;
        struct hex once = encode(value, &how);
        troupe_status status =
            trp_q_decode(once.bytes, once.size, NULL, &limits, &back, &why);
        ck_assert_msg(status == TROUPE_OK, "seed %d: %s at %d", (int)seed, why.text,
                      (int)why.at);
        ck_assert_msg(troupe_q_match(value, back), "seed %d", (int)seed);
        struct hex twice = encode(back, &how);
        ck_assert_uint_eq(once.size, twice.size);
        ck_assert(memcmp(once.bytes, twice.bytes, once.size) == 0);
        trp_free(once.bytes);
        trp_free(twice.bytes);
        troupe_q_unref(&value);
        troupe_q_unref(&back);
    }
}
END_TEST

/* Decodes `size` bytes lying at the end of memory of exactly that size. */
static troupe_status decode_exact(const uint8_t *bytes, size_t size, troupe_q_value **out,
                                  struct trp_q_why *why)
{
    uint8_t *exact = trp_alloc(size);

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    troupe_status status = trp_q_decode(exact, size, NULL, &limits, out, why);
    trp_free(exact);
    return status;
}

START_TEST(a_message_cut_anywhere_is_refused)
{
    struct hex message = hex_message(RICH);

    for (size_t size = 0; size < message.size; size++) {
        troupe_q_value *value = NULL;
        struct trp_q_why why = {"", 0};
        ck_assert_int_eq(decode_exact(message.bytes, size, &value, &why),
                         TROUPE_ETRUNCATED);
        ck_assert_ptr_null(value);
        ck_assert_str_ne(why.text, "");
        if (size >= TRP_Q_TOTAL_MIN) { /* the same with a header that agrees */
            struct trp_q_header header = {.total = size, .kind = TRP_Q_RESPONSE};
            uint8_t *copy = trp_alloc(message.size);
            memcpy(copy, message.bytes, message.size);
            trp_q_header_write(copy, &header);
            troupe_status status = decode_exact(copy, size, &value, &why);
            ck_assert(status == TROUPE_ETRUNCATED || status == TROUPE_EPROTO);
            ck_assert_ptr_null(value);
            trp_free(copy);
        }
    }
    trp_free(message.bytes);
}
END_TEST

START_TEST(a_message_with_any_byte_changed_is_refused_or_comes_back)
{
    struct hex message = hex_message(RICH);

    for (size_t i = TRP_Q_HEADER; i < message.size; i++) {
        for (unsigned change = 1; change < 256; change <<= 1) {
            troupe_q_value *value = NULL;
            struct trp_q_why why = {"", 0};
            message.bytes[i] ^= (uint8_t)change;
            if (decode_exact(message.bytes, message.size, &value, &why) == TROUPE_OK) {
                struct hex again = encode(value, &plain);
                ck_assert_uint_eq(again.size, message.size);
                ck_assert(memcmp(again.bytes, message.bytes, again.size) == 0);
                trp_free(again.bytes);
            }
            troupe_q_unref(&value);
            message.bytes[i] ^= (uint8_t)change;
        }
    }
    trp_free(message.bytes);
}
END_TEST

START_TEST(a_header_is_judged_before_its_message_is_there)
{
    struct hex huge = hex_read("0102000000000080");
    struct trp_q_limits small = {.message = 1 << 20, .plain = 1 << 20, .depth = 10};
    struct trp_q_header header = {.total = 7};
    struct trp_q_why why = {"", 0};

    for (size_t size = 0; size < TRP_Q_HEADER; size++) {
        ck_assert_int_eq(trp_q_header_read(huge.bytes, size, &small, &header, &why),
                         TROUPE_EAGAIN);
    }
    ck_assert_int_eq(trp_q_header_read(huge.bytes, 8, &small, &header, &why),
                     TROUPE_ELIMIT);
    ck_assert_uint_eq(header.total, 7);
    ck_assert_int_eq(trp_q_header_read(huge.bytes, 8, &limits, &header, &why), TROUPE_OK);
    small.message = header.total;
    ck_assert_int_eq(trp_q_header_read(huge.bytes, 8, &small, &header, &why), TROUPE_OK);
    small.message--;
    ck_assert_int_eq(trp_q_header_read(huge.bytes, 8, &small, &header, &why),
                     TROUPE_ELIMIT);
    ck_assert_uint_eq(header.total, UINT64_C(1) << 31);
    trp_free(huge.bytes);
}
END_TEST

START_TEST(lengths_use_forty_bits)
{
    struct trp_q_limits large = limits;
    struct trp_q_header header = {.total = 0};
    struct trp_q_why why = {"", 0};
    struct hex bytes = hex_read("010000010e301a1e");
    uint8_t again[TRP_Q_HEADER];

    large.message = TRP_Q_TOTAL_MAX;
    ck_assert_int_eq(trp_q_header_read(bytes.bytes, 8, &large, &header, &why), TROUPE_OK);
    ck_assert_uint_eq(header.total, UINT64_C(4800000014));
    trp_q_header_write(again, &header);
    ck_assert(memcmp(again, bytes.bytes, 8) == 0);
    trp_free(bytes.bytes);
}
END_TEST

START_TEST(depth_is_limited_both_ways)
{
    struct trp_q_limits shallow = limits;
    struct trp_q_why why = {"", 0};
    struct trp_buffer out;
    struct hex message = hex_message("000001000000 000001000000 000000000000");
    troupe_q_value *value = NULL;

    shallow.depth = 2;
    ck_assert_int_eq(
        trp_q_decode(message.bytes, message.size, NULL, &shallow, &value, &why),
        TROUPE_ELIMIT);
    ck_assert_str_eq(why.text, "nested too deep");
    shallow.depth = 3;
    ck_assert_int_eq(
        trp_q_decode(message.bytes, message.size, NULL, &shallow, &value, &why),
        TROUPE_OK);
    for (int i = 0; i < TROUPE_Q_DEPTH_MAX; i++) {
        value = trp_q_of_parts(TROUPE_Q_LIST, 1, &value);
    }
    trp_buffer_init(&out, 1 << 20);
    ck_assert_int_eq(trp_q_encode(value, &plain, &out, &why), TROUPE_ELIMIT);
    ck_assert_uint_eq(trp_buffer_size(&out), 0);
    trp_buffer_fini(&out);
    trp_free(message.bytes);
    troupe_q_unref(&value);
}
END_TEST

/* Two bytes of a message may be a value of 64. */
START_TEST(a_value_takes_no_more_memory_than_it_may)
{
    enum { ITEMS = 100 };
    uint8_t body[6 + 2 * ITEMS] = {0, 0, ITEMS};
    const struct trp_q_header header = {.total = sizeof(body) + TRP_Q_HEADER};
    struct trp_q_limits tight = limits;
    struct trp_q_why why = {"", 0};
    troupe_q_value *value = NULL;
    uint64_t taken = 0;

    for (size_t i = 6; i < sizeof(body); i += 2) {
        body[i] = 0xff;
    }
    tight.taken = &taken;
    ck_assert_int_eq(
        trp_q_decode_body(body, sizeof(body), &header, NULL, &tight, &value, &why),
        TROUPE_OK);
    troupe_q_unref(&value);
    ck_assert_uint_eq(taken, (ITEMS + 1) * sizeof(*value) + ITEMS * sizeof(value));
    tight.memory = taken - 1;
    ck_assert_int_eq(
        trp_q_decode_body(body, sizeof(body), &header, NULL, &tight, &value, &why),
        TROUPE_ELIMIT);
    ck_assert_str_eq(why.text, "the value takes too much memory");
    tight.memory = taken;
    ck_assert_int_eq(
        trp_q_decode_body(body, sizeof(body), &header, NULL, &tight, &value, &why),
        TROUPE_OK);
    troupe_q_unref(&value);
}
END_TEST

static troupe_status try_encode(const char *body, uint8_t capability, uint8_t kind)
{
    troupe_q_value *value = hex_value(body);
    struct trp_q_encoding how = {.kind = kind, .capability = capability};
    struct trp_q_why why = {"", 0};
    struct trp_buffer out;

    trp_buffer_init(&out, 1 << 20);
    troupe_status status = trp_q_encode(value, &how, &out, &why);
    ck_assert((trp_buffer_size(&out) != 0) == (status == TROUPE_OK));
    trp_buffer_fini(&out);
    troupe_q_unref(&value);
    return status;
}

START_TEST(a_peer_is_sent_what_it_knows)
{
    static const char guid[] = "fe000102030405060708090a0b0c0d0e0f";
    static const char guids[] = "000001000000 020000000000";
    static const char timestamp[] = "f40000000000000000", timespans[] = "100000000000";

    ck_assert_int_eq(try_encode(guid, 2, TRP_Q_SYNC), TROUPE_ETYPE);
    ck_assert_int_eq(try_encode(guids, 2, TRP_Q_SYNC), TROUPE_ETYPE);
    ck_assert_int_eq(try_encode(guid, 3, TRP_Q_SYNC), TROUPE_OK);
    ck_assert_int_eq(try_encode(guids, 3, TRP_Q_SYNC), TROUPE_OK);
    ck_assert_int_eq(try_encode(timestamp, 0, TRP_Q_SYNC), TROUPE_ETYPE);
    ck_assert_int_eq(try_encode(timespans, 0, TRP_Q_SYNC), TROUPE_ETYPE);
    ck_assert_int_eq(try_encode(timestamp, 1, TRP_Q_SYNC), TROUPE_OK);
    ck_assert_int_eq(try_encode(timespans, 1, TRP_Q_SYNC), TROUPE_OK);
    ck_assert_int_eq(try_encode("80 7479706500", 3, TRP_Q_SYNC), TROUPE_ETYPE);
    ck_assert_int_eq(try_encode("80 7479706500", 3, TRP_Q_RESPONSE), TROUPE_OK);
}
END_TEST

START_TEST(a_vector_too_long_for_the_peer_is_refused_by_its_count)
{
    static const uint8_t byte = 0;
    troupe_blob *blob = NULL;
    struct trp_q_why why = {"", 0};
    uint64_t size = 0;

    ck_assert_int_eq(troupe_blob_new(&byte, 1, &blob), TROUPE_OK);
    /* Only measured: the items are never read. */
    troupe_q_value *value =
        trp_q_alias(TROUPE_Q_BYTE, INT32_MAX, troupe_blob_bytes(blob), blob);
    struct trp_q_encoding how = {.capability = TRP_Q_CAP_LARGE};
    ck_assert_int_eq(trp_q_encoded_size(value, &how, &size, &why), TROUPE_ELIMIT);
    how.capability = TRP_Q_CAP_HUGE;
    ck_assert_int_eq(trp_q_encoded_size(value, &how, &size, &why), TROUPE_OK);
    ck_assert_uint_eq(size, 8 + 6 + (uint64_t)INT32_MAX);
    value->count = (size_t)1 << 32;
    ck_assert_int_eq(trp_q_encoded_size(value, &how, &size, &why), TROUPE_OK);
    ck_assert_uint_eq(size, 8 + 10 + (UINT64_C(1) << 32));
    value->count = (size_t)1 << 40;
    ck_assert_int_eq(trp_q_encoded_size(value, &how, &size, &why), TROUPE_ELIMIT);
    value->count = INT32_MAX - 1;
    how.capability = TRP_Q_CAP_GUID;
    ck_assert_int_eq(trp_q_encoded_size(value, &how, &size, &why), TROUPE_ELIMIT);
    how.capability = TRP_Q_CAP_LARGE;
    ck_assert_int_eq(trp_q_encoded_size(value, &how, &size, &why), TROUPE_OK);
    value->count = 1;
    troupe_q_unref(&value);
    troupe_blob_unref(&blob);
}
END_TEST

START_TEST(a_large_vector_points_into_its_message)
{
    enum { COUNT = 4096 };
    troupe_q_value *value = NULL, *back = NULL;
    troupe_blob *blob = NULL;
    struct trp_q_why why = {"", 0};

    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, COUNT, NULL, &value), TROUPE_OK);
    TRP_Q_LONGS(value)[COUNT - 1] = 77;
    struct hex bytes = encode(value, &plain);
    uint8_t *message = trp_q_message_new(bytes.size);
    memcpy(message, bytes.bytes, bytes.size);
    ck_assert_int_eq(trp_q_message_blob(message, bytes.size, &blob), TROUPE_OK);
    ck_assert_int_eq(trp_q_decode(message, bytes.size, blob, &limits, &back, &why),
                     TROUPE_OK);
    ck_assert_ptr_eq(back->data, message + 14);
    troupe_blob_unref(&blob);
    ck_assert_int_eq(TRP_Q_LONGS(back)[COUNT - 1], 77);
    ck_assert_int_eq(trp_q_unique(&back), TROUPE_OK);
    ck_assert_ptr_null(back->owner);
    ck_assert(troupe_q_match(back, value));
    trp_free(bytes.bytes);
    troupe_q_unref(&value);
    troupe_q_unref(&back);
}
END_TEST

enum { ITEMS = 20000, THREADS = 4 };

static void *drop_items(void *context)
{
    troupe_q_value **items = context;

    for (size_t i = 0; i < ITEMS / THREADS; i++) {
        troupe_q_unref(&items[i]);
    }
    return NULL;
}

START_TEST(items_of_one_message_may_end_on_many_threads)
{
    static troupe_q_value *items[ITEMS];
    pthread_t threads[THREADS];
    struct trp_q_why why = {"", 0};

    for (int round = 0; round < 3; round++) {
        troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, ITEMS), *back = NULL;
        for (size_t i = 0; i < ITEMS; i++) {
            TRP_Q_ITEMS(list)[i] = trp_q_of_long(-TROUPE_Q_LONG, (int64_t)i);
        }
        struct hex bytes = encode(list, &plain);
        ck_assert_int_eq(
            trp_q_decode(bytes.bytes, bytes.size, NULL, &limits, &back, &why), TROUPE_OK);
        ck_assert(troupe_q_match(list, back));
        for (size_t i = 0; i < ITEMS; i++) {
            items[i] = troupe_q_ref(troupe_q_part(back, (i * 7919) % ITEMS));
        }
        troupe_q_unref(&list);
        for (size_t t = 0; t < THREADS; t++) {
            ck_assert_int_eq(pthread_create(&threads[t], NULL, drop_items,
                                            items + t * (ITEMS / THREADS)),
                             0);
        }
        troupe_q_unref(&back);
        for (size_t t = 0; t < THREADS; t++) {
            ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
        }
        trp_free(bytes.bytes);
    }
}
END_TEST

START_TEST(no_memory_for_many_values_leaves_nothing_behind)
{
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, 0);

    for (int i = 0; i < 300; i++) {
        troupe_q_value *item = trp_q_of_text("longer than a block holds it", 28);
        ck_assert_int_eq(trp_q_push(&list, &item), TROUPE_OK);
    }
    struct hex bytes = encode(list, &plain);
    for (uint64_t n = 1; n < 320; n += 3) {
        troupe_q_value *back = NULL;
        struct trp_q_why why = {"", 0};
        trp_fail_nth(n);
        troupe_status status =
            trp_q_decode(bytes.bytes, bytes.size, NULL, &limits, &back, &why);
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        troupe_q_unref(&back);
    }
    trp_free(bytes.bytes);
    troupe_q_unref(&list);
}
END_TEST

START_TEST(the_payload_of_a_null_survives)
{
    struct hex message = hex_message("f7 010000000000f8ff");
    troupe_q_value *value = hex_value("f7 010000000000f8ff");
    struct hex again = encode(value, &plain);

    ck_assert(troupe_q_is_null(value, 0));
    ck_assert(memcmp(again.bytes, message.bytes, message.size) == 0);
    troupe_q_unref(&value);
    ck_assert_int_eq(troupe_q_float((double)NAN, &value), TROUPE_OK);
    trp_free(again.bytes);
    again = encode(value, &plain);
    trp_free(message.bytes);
    message = hex_message("f7 000000000000f87f");
    ck_assert(memcmp(again.bytes, message.bytes, message.size) == 0);
    troupe_q_unref(&value);
    trp_free(message.bytes);
    trp_free(again.bytes);
}
END_TEST

START_TEST(no_memory_leaves_nothing_behind)
{
    struct hex message = hex_message(RICH);

    for (uint64_t n = 1;; n++) {
        struct trp_buffer out;
        struct trp_q_why why = {"", 0};
        trp_buffer_init(&out, 1 << 20);
        trp_fail_nth(n);
        troupe_status status =
            trp_q_recode(message.bytes, message.size, &limits, &out, &why);
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        ck_assert_uint_eq(trp_buffer_size(&out), failed ? 0 : message.size);
        trp_buffer_fini(&out);
        if (!failed) {
            ck_assert_uint_gt(n, 20);
            break;
        }
    }
    trp_free(message.bytes);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_stays_usable)
{
    troupe_q_value *large = NULL, *small = NULL;
    struct trp_buffer out;
    struct trp_q_why why = {"", 0};

    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, 100, NULL, &large), TROUPE_OK);
    ck_assert_int_eq(troupe_q_long(1, &small), TROUPE_OK);
    trp_buffer_init(&out, 64);
    ck_assert_int_eq(trp_q_encode(large, &plain, &out, &why), TROUPE_ELIMIT);
    ck_assert_int_eq(trp_q_encode(small, &plain, &out, &why), TROUPE_OK);
    ck_assert_uint_eq(trp_buffer_size(&out), 17);
    trp_buffer_fini(&out);
    troupe_q_unref(&large);
    troupe_q_unref(&small);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_codec");
    TCase *tcase = tcase_create("q_codec");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, random_values_come_back_equal_in_both_byte_orders);
    tcase_add_test(tcase, a_message_cut_anywhere_is_refused);
    tcase_add_test(tcase, a_message_with_any_byte_changed_is_refused_or_comes_back);
    tcase_add_test(tcase, a_header_is_judged_before_its_message_is_there);
    tcase_add_test(tcase, lengths_use_forty_bits);
    tcase_add_test(tcase, depth_is_limited_both_ways);
    tcase_add_test(tcase, a_value_takes_no_more_memory_than_it_may);
    tcase_add_test(tcase, a_peer_is_sent_what_it_knows);
    tcase_add_test(tcase, a_vector_too_long_for_the_peer_is_refused_by_its_count);
    tcase_add_test(tcase, a_large_vector_points_into_its_message);
    tcase_add_test(tcase, items_of_one_message_may_end_on_many_threads);
    tcase_add_test(tcase, no_memory_for_many_values_leaves_nothing_behind);
    tcase_add_test(tcase, the_payload_of_a_null_survives);
    tcase_add_test(tcase, no_memory_leaves_nothing_behind);
    tcase_add_test(tcase, a_buffer_that_is_too_small_stays_usable);
    suite_add_tcase(suite, tcase);
    return suite;
}
