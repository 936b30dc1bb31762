/* SPDX-License-Identifier: MIT */
#include "mailbox/buffer.h"
#include "tests/support/q_hex.h"
#include "tests/support/q_random.h"
#include "tests/support/suite.h"
#include "transports/q/q_compress.h"

static const struct trp_q_limits limits = TRP_Q_LIMITS;

/* A plain message of `size` bytes that repeats itself in ways that depend on the seed. */
static uint8_t *sample(uint64_t seed, size_t size)
{
    struct q_random random = {seed * 0x9e3779b97f4a7c15u};
    struct trp_q_header header = {
        .total = size, .kind = TRP_Q_ASYNC, .big = seed % 2 != 0};
    uint8_t *plain = trp_alloc(size);
    uint32_t alphabet = 1 + q_random_below(&random, 4);

    ck_assert_ptr_nonnull(plain);
    for (size_t i = 0; i < size; i++) {
        uint32_t back = 1 + q_random_below(&random, 40);
        bool repeat = i > back && q_random_below(&random, 8) != 0;
        plain[i] = repeat ? plain[i - back] : (uint8_t)q_random_below(&random, alphabet);
    }
    trp_q_header_write(plain, &header);
    return plain;
}

static troupe_status unpack(const uint8_t *message, size_t size, uint8_t **plain,
                            size_t *plain_size)
{
    struct trp_q_header header;
    struct trp_q_why why;
    troupe_status status = trp_q_header_read(message, size, &limits, &header, &why);

    if (status == TROUPE_OK) {
        status = trp_q_plain_size(message, size, &header, &limits, plain_size, &why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    *plain = trp_alloc(*plain_size + TRP_Q_SLACK);
    ck_assert_ptr_nonnull(*plain);
    status = trp_q_decompress(message, size, &header, *plain, *plain_size, &why);
    if (status != TROUPE_OK) {
        trp_free(*plain);
    }
    return status;
}

static void check_round_trip(const uint8_t *plain, size_t size, unsigned form)
{
    struct trp_buffer packed;
    uint8_t *back = NULL;
    size_t back_size = 0;

    trp_buffer_init(&packed, 1 << 24);
    ck_assert_int_eq(trp_q_compress(plain, size, form, &packed), TROUPE_OK);
    ck_assert_uint_lt(trp_buffer_size(&packed), size / 2 + 1);
    ck_assert_int_eq(
        unpack(trp_buffer_front(&packed), trp_buffer_size(&packed), &back, &back_size),
        TROUPE_OK);
    ck_assert_uint_eq(back_size, size);
    ck_assert(memcmp(back, plain, size) == 0);
    trp_free(back);
    trp_buffer_fini(&packed);
}

START_TEST(what_was_packed_comes_back)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct q_random random = {seed};
        size_t size = 2000 + q_random_below(&random, 4000);
        uint8_t *plain = sample(seed, size);
        struct trp_buffer packed;
        trp_buffer_init(&packed, 1 << 24);
        bool shrinks = trp_q_compress(plain, size, 0, &packed) == TROUPE_OK;
        trp_buffer_fini(&packed);
        if (shrinks) {
            check_round_trip(plain, size, 0);
            check_round_trip(plain, size, 2);
        }
        trp_free(plain);
    }
}
END_TEST

START_TEST(runs_of_every_period_come_back)
{
    for (size_t period = 1; period <= 8; period++) {
        size_t size = 5000 + period;
        struct trp_q_header header = {.total = size};
        uint8_t *plain = trp_alloc(size);
        ck_assert_ptr_nonnull(plain);
        for (size_t i = 0; i < size; i++) {
            plain[i] = (uint8_t)(1U << i % period |
                                 i % period >> 3); /* pairs differ in their xor */
        }
        trp_q_header_write(plain, &header);
        check_round_trip(plain, size, 1);
        trp_free(plain);
    }
}
END_TEST

START_TEST(what_does_not_shrink_to_half_is_not_packed)
{
    struct trp_buffer out;
    struct q_random random = {5};
    uint8_t noise[4000];

    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)q_random_below(&random, 256);
    }
    trp_buffer_init(&out, 1 << 20);
    ck_assert_int_eq(trp_q_compress(noise, sizeof(noise), 0, &out), TROUPE_EUNSUPPORTED);
    ck_assert_int_eq(trp_q_compress(noise, 10, 0, &out), TROUPE_EUNSUPPORTED);
    ck_assert_uint_eq(trp_buffer_size(&out), 0);
    trp_buffer_fini(&out);
}
END_TEST

/* Packs a message of 128 bytes: 14 of header, `literals` without a match, zeroes. */
static troupe_status pack_literals(size_t literals)
{
    struct trp_q_header header = {.total = 128, .kind = TRP_Q_RESPONSE};
    uint8_t plain[128] = {[8] = TROUPE_Q_BYTE, [10] = 114};
    struct trp_buffer out;

    trp_q_header_write(plain, &header);
    for (size_t i = 0; i < literals; i++) {
        plain[14 + i] = (uint8_t)(i * i * 7 + i * 3 + 1);
    }
    trp_buffer_init(&out, 1 << 10);
    troupe_status status = trp_q_compress(plain, sizeof(plain), 0, &out);
    trp_buffer_fini(&out);
    return status;
}

START_TEST(a_group_begins_only_with_room_for_a_whole_one)
{
    ck_assert_int_eq(pack_literals(24), TROUPE_OK);
    ck_assert_int_eq(pack_literals(26), TROUPE_EUNSUPPORTED);
}
END_TEST

START_TEST(damaged_data_is_refused_and_stays_inside_its_room)
{
    uint8_t *plain = sample(8, 3000);
    struct trp_buffer packed;
    struct q_random random = {11};

    trp_buffer_init(&packed, 1 << 20);
    ck_assert_int_eq(trp_q_compress(plain, 3000, 0, &packed), TROUPE_OK);
    size_t size = trp_buffer_size(&packed);
    uint8_t *copy = trp_alloc(size);
    for (int i = 0; i < 3000; i++) {
        uint8_t *back = NULL;
        size_t back_size = 0;
        memcpy(copy, trp_buffer_front(&packed), size);
        copy[8 + q_random_below(&random, (uint32_t)size - 8)] ^=
            (uint8_t)(1 + q_random_below(&random, 255));
        if (unpack(copy, size, &back, &back_size) == TROUPE_OK) {
            trp_free(back);
        }
    }
    trp_free(copy);
    trp_buffer_fini(&packed);
    trp_free(plain);
}
END_TEST

/* The format read literally, a byte at a time; false: damaged. */
static bool unpack_by_the_letter(const uint8_t *in, const uint8_t *end, uint8_t *plain,
                                 size_t total)
{
    size_t place[256] = {0}, at = 8, entered = 8;
    unsigned flags = 0;

    for (unsigned item = 0; at < total; item++, flags >>= 1) {
        if (item % 8 == 0) {
            if (in == end) {
                return false;
            }
            flags = *in++;
        }
        size_t needs = 1 + (flags & 1), n = 1, size = 0;
        if ((size_t)(end - in) < needs) {
            return false;
        }
        if (needs == 1) {
            plain[at] = *in++;
        } else {
            size_t from = place[in[0]];
            n = 2;
            size = 2U + in[1];
            in += 2;
            if (from == 0 || size > total - at) {
                return false;
            }
            for (size_t i = 0; i < size; i++) {
                plain[at + i] = plain[from + i];
            }
        }
        for (; entered < at + n - 1; entered++) {
            place[plain[entered] ^ plain[entered + 1]] = entered;
        }
        at += needs == 1 ? 1 : size;
        entered = needs == 1 ? entered : at;
    }
    return in == end;
}

static void check_by_the_letter(const uint8_t *message, size_t size)
{
    uint8_t *back = NULL;
    size_t back_size = 0, total = 0;

    memcpy(&total, message + 8, 4);
    if (total < 10 || total > 100000) {
        return;
    }
    uint8_t *letter = trp_calloc(1, total);
    bool good = unpack_by_the_letter(message + 12, message + size, letter, total);
    troupe_status status = unpack(message, size, &back, &back_size);
    ck_assert_int_eq(status, good ? TROUPE_OK : TROUPE_EPROTO);
    if (good) {
        ck_assert_uint_eq(back_size, total);
        ck_assert(memcmp(back + 8, letter + 8, total - 8) == 0);
        trp_free(back);
    }
    trp_free(letter);
}

/* Numbers of `width` bytes that grow, jump, stay and grow again. */
static uint8_t *numbers(uint64_t seed, size_t width, size_t size)
{
    struct q_random random = {seed * 0x9e3779b97f4a7c15u};
    struct trp_q_header header = {.total = size, .kind = TRP_Q_ASYNC};
    uint8_t *plain = trp_calloc(1, size + 8);
    uint64_t x = q_random_below(&random, 1000);

    for (size_t i = 8 + seed % 8, step = 1; i < size; i += width) {
        if (q_random_below(&random, 50) == 0) {
            step = q_random_below(&random, 4) == 0 ? 0x10001U << seed % 32 : seed % 3;
        }
        x += step;
        memcpy(plain + i, &x, 8);
    }
    trp_q_header_write(plain, &header);
    return plain;
}

START_TEST(numbers_are_unpacked_by_the_letter_damaged_or_not)
{
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct q_random random = {seed};
        size_t size = 3000 + 131 * seed;
        uint8_t *plain = numbers(seed, seed % 5 == 0 ? 4 : 8, size);
        struct trp_buffer packed;
        trp_buffer_init(&packed, 1 << 20);
        if (trp_q_compress(plain, size, 1, &packed) == TROUPE_OK) {
            size_t packed_size = trp_buffer_size(&packed);
            uint8_t *copy = trp_alloc(packed_size);
            check_round_trip(plain, size, 1);
            for (int i = 0; i < 40; i++) {
                memcpy(copy, trp_buffer_front(&packed), packed_size);
                copy[12 + q_random_below(&random, (uint32_t)packed_size - 12)] ^=
                    (uint8_t)(i == 0 ? 0 : 1 + q_random_below(&random, 255));
                check_by_the_letter(copy, packed_size);
            }
            trp_free(copy);
        }
        trp_buffer_fini(&packed);
        trp_free(plain);
    }
}
END_TEST

/* Literals and matches by dice, so that every kind of match follows every other. */
START_TEST(any_items_are_unpacked_by_the_letter)
{
    uint8_t message[12 + 3000] = {1, 0, 1, 0};

    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct q_random random = {seed * 0x9e3779b97f4a7c15u};
        uint32_t size = 2500 + q_random_below(&random, 500), total = 9;
        uint32_t alphabet = 1 + q_random_below(&random, 3);
        for (size_t i = 12; i < size;) {
            unsigned kinds = seed % 3 == 0 ? 0xaa : q_random_below(&random, 256);
            kinds = i == 12 ? 0 : kinds;
            message[i++] = (uint8_t)kinds;
            for (unsigned item = 0; item < 8 && i < size; item++, kinds >>= 1) {
                message[i++] = (uint8_t)q_random_below(&random, alphabet);
                total += (kinds & 1) == 0;
                if ((kinds & 1) != 0 && i < size) {
                    message[i] = (uint8_t)(q_random_below(&random, 9) == 0
                                               ? q_random_below(&random, 256)
                                               : q_random_below(&random, 8));
                    total += 2U + message[i++];
                }
            }
        }
        total -= 1;
        memcpy(message + 4, &size, 4);
        memcpy(message + 8, &total, 4);
        check_by_the_letter(message, size);
    }
}
END_TEST

START_TEST(data_cut_anywhere_is_refused)
{
    uint8_t *plain = sample(8, 2500);
    struct trp_buffer packed;

    trp_buffer_init(&packed, 1 << 20);
    ck_assert_int_eq(trp_q_compress(plain, 2500, 0, &packed), TROUPE_OK);
    for (size_t size = 12; size < trp_buffer_size(&packed); size++) {
        struct trp_q_header header = {.total = size, .compression = 1};
        uint8_t *cut = trp_alloc(size), *back = NULL;
        size_t back_size = 0;
        memcpy(cut, trp_buffer_front(&packed), size);
        trp_q_header_write(cut, &header);
        ck_assert_int_eq(unpack(cut, size, &back, &back_size), TROUPE_EPROTO);
        trp_free(cut);
    }
    trp_buffer_fini(&packed);
    trp_free(plain);
}
END_TEST

static size_t encoded_size(size_t count, uint8_t capability, bool compress)
{
    struct trp_q_encoding how = {.capability = capability, .compress = compress};
    struct trp_q_why why = {"", 0};
    struct trp_buffer out;
    troupe_q_value *value = NULL;

    trp_buffer_init(&out, 1 << 20);
    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_BYTE, count, NULL, &value), TROUPE_OK);
    ck_assert_int_eq(trp_q_encode(value, &how, &out, &why), TROUPE_OK);
    size_t size = trp_buffer_size(&out);
    trp_buffer_fini(&out);
    troupe_q_unref(&value);
    return size;
}

START_TEST(only_long_messages_to_peers_that_know_are_packed)
{
    ck_assert_uint_eq(encoded_size(TRP_Q_COMPRESS_ABOVE - 14, 6, true),
                      TRP_Q_COMPRESS_ABOVE);
    ck_assert_uint_lt(encoded_size(TRP_Q_COMPRESS_ABOVE - 13, 6, true), 100);
    ck_assert_uint_eq(encoded_size(5000, 0, true), 5014);
    ck_assert_uint_eq(encoded_size(5000, 6, false), 5014);
}
END_TEST

START_TEST(no_memory_is_an_answer)
{
    struct trp_q_encoding how = {.capability = 6, .compress = true};
    troupe_q_value *value = NULL;

    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_BYTE, 5000, NULL, &value), TROUPE_OK);
    for (uint64_t n = 1;; n++) {
        struct trp_q_why why = {"", 0};
        struct trp_buffer out;
        troupe_q_value *back = NULL;
        trp_buffer_init(&out, 1 << 20);
        trp_fail_nth(n);
        troupe_status status = trp_q_encode(value, &how, &out, &why);
        if (status == TROUPE_OK) {
            status = trp_q_decode(trp_buffer_front(&out), trp_buffer_size(&out), NULL,
                                  &limits, &back, &why);
        }
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        troupe_q_unref(&back);
        trp_buffer_fini(&out);
        if (!failed) {
            break;
        }
    }
    troupe_q_unref(&value);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_compress");
    TCase *tcase = tcase_create("q_compress");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, what_was_packed_comes_back);
    tcase_add_test(tcase, runs_of_every_period_come_back);
    tcase_add_test(tcase, what_does_not_shrink_to_half_is_not_packed);
    tcase_add_test(tcase, a_group_begins_only_with_room_for_a_whole_one);
    tcase_add_test(tcase, damaged_data_is_refused_and_stays_inside_its_room);
    tcase_add_test(tcase, numbers_are_unpacked_by_the_letter_damaged_or_not);
    tcase_add_test(tcase, any_items_are_unpacked_by_the_letter);
    tcase_add_test(tcase, data_cut_anywhere_is_refused);
    tcase_add_test(tcase, only_long_messages_to_peers_that_know_are_packed);
    tcase_add_test(tcase, no_memory_is_an_answer);
    suite_add_tcase(suite, tcase);
    return suite;
}
