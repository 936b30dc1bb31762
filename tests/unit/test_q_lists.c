/* SPDX-License-Identifier: MIT
 * Large mixed lists: their atoms are read in runs and live in slabs. */
#include "mailbox/buffer.h"
#include "tests/support/q_hex.h"
#include "tests/support/q_random.h"
#include "tests/support/suite.h"
#include "transports/q/q_room.h"
#include "transports/q/q_symbol.h"
#include "transports/q/q_value_slab.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static const struct trp_q_limits limits = TRP_Q_LIMITS;
static const struct trp_q_encoding plain = {.kind = TRP_Q_RESPONSE,
                                            .capability = TRP_Q_CAPABILITY};

static struct hex encode(const troupe_q_value *value, const struct trp_q_encoding *how)
{
    struct trp_buffer out;
    struct trp_q_why why = {"", 0};
    struct hex bytes = {NULL, 0};

    trp_buffer_init(&out, 1 << 28);
    ck_assert_msg(trp_q_encode(value, how, &out, &why) == TROUPE_OK, "%s", why.text);
    bytes.bytes = trp_buffer_take(&out, &bytes.size);
    trp_buffer_fini(&out);
    return bytes;
}

/* From memory that ends with the message. */
static troupe_status decode(const uint8_t *bytes, size_t size, troupe_q_value **out,
                            struct trp_q_why *why)
{
    uint8_t *exact = trp_alloc(size);

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    troupe_status status = trp_q_decode(exact, size, NULL, &limits, out, why);
    trp_free(exact);
    return status;
}

static troupe_q_value *atom(struct q_random *random, int base)
{
    uint8_t bytes[16];
    troupe_q_value *v = trp_q_new(-base, 1);

    ck_assert_ptr_nonnull(v);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)q_random_below(random, base == TROUPE_Q_BOOLEAN ? 2 : 256);
    }
    if (base == TROUPE_Q_SYMBOL) {
        bytes[3] = 0;
        OK(trp_q_intern((const char *)bytes, 4, TRP_Q_SYMS(v)));
    } else {
        memcpy(v->data, bytes, trp_q_width(base));
    }
    return v;
}

/* `count` items: runs of atoms of one type, at most `run` long, and now and then
 * something else. */
static troupe_q_value *list_of(uint64_t seed, size_t count, uint32_t run)
{
    struct q_random random = {seed * 0x9e3779b97f4a7c15u};
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, count);

    for (size_t i = 0; i < count;) {
        int base = 1 + (int)q_random_below(&random, TROUPE_Q_TIME);
        base = base == 3 ? TROUPE_Q_LONG : base;
        for (uint32_t n = 1 + q_random_below(&random, run); n != 0 && i < count; n--) {
            TRP_Q_ITEMS(list)[i++] = atom(&random, base);
        }
        if (i < count && q_random_below(&random, 8) == 0) {
            TRP_Q_ITEMS(list)[i++] = q_random_value(&random, 1);
        }
    }
    return list;
}

START_TEST(lists_of_any_atoms_come_back)
{
    static const size_t counts[] = {1, 2, 251, 252, 253, 254, 255, 505, 506, 507, 1300};

    for (uint64_t seed = 1; seed <= 22 * 3; seed++) {
        struct trp_q_encoding how = plain;
        how.big = seed % 2 != 0;
        uint32_t run = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 5 : 600;
        troupe_q_value *list = list_of(seed, counts[seed % TRP_COUNT(counts)], run);
        troupe_q_value *back = NULL;
        struct trp_q_why why = {"", 0};
        struct hex once = encode(list, &how);
        ck_assert_msg(decode(once.bytes, once.size, &back, &why) == TROUPE_OK, "%s",
                      why.text);
        ck_assert(troupe_q_match(list, back));
        struct hex twice = encode(back, &how);
        ck_assert_uint_eq(once.size, twice.size);
        ck_assert(memcmp(once.bytes, twice.bytes, once.size) == 0);
        trp_free(once.bytes);
        trp_free(twice.bytes);
        troupe_q_unref(&list);
        troupe_q_unref(&back);
    }
}
END_TEST

START_TEST(a_list_cut_anywhere_is_refused)
{
    troupe_q_value *list = list_of(4, 400, 30), *back = NULL;
    struct hex whole = encode(list, &plain);

    for (size_t size = TRP_Q_TOTAL_MIN; size < whole.size; size++) {
        struct trp_q_why why = {"", 0};
        struct trp_q_header header = {.total = size, .kind = TRP_Q_RESPONSE};
        trp_q_header_write(whole.bytes, &header);
        ck_assert_int_eq(decode(whole.bytes, size, &back, &why), TROUPE_ETRUNCATED);
        ck_assert_ptr_null(back);
    }
    trp_free(whole.bytes);
    troupe_q_unref(&list);
}
END_TEST

START_TEST(a_bad_boolean_in_a_run_is_found_where_it_is)
{
    enum { COUNT = 3000 };
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, COUNT), *back = NULL;

    for (size_t i = 0; i < COUNT; i++) {
        TRP_Q_ITEMS(list)[i] = trp_q_of_long(-TROUPE_Q_BOOLEAN, i % 2);
    }
    struct hex bytes = encode(list, &plain);
    for (size_t i = 0; i < COUNT; i += 111) {
        struct trp_q_why why = {"", 0};
        uint8_t *boolean = bytes.bytes + 14 + 2 * i + 1;
        *boolean |= 2;
        ck_assert_int_eq(decode(bytes.bytes, bytes.size, &back, &why), TROUPE_EPROTO);
        ck_assert_uint_eq(why.at, 14 + 2 * i + 1);
        ck_assert_ptr_null(back);
        *boolean &= 1;
    }
    trp_free(bytes.bytes);
    troupe_q_unref(&list);
}
END_TEST

static troupe_q_value *decoded_longs(size_t count)
{
    troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, count), *back = NULL;
    struct trp_q_why why = {"", 0};

    for (size_t i = 0; i < count; i++) {
        TRP_Q_ITEMS(list)[i] = trp_q_of_long(-TROUPE_Q_LONG, (int64_t)i);
    }
    struct hex bytes = encode(list, &plain);
    OK(decode(bytes.bytes, bytes.size, &back, &why));
    trp_free(bytes.bytes);
    troupe_q_unref(&list);
    return back;
}

START_TEST(an_atom_of_a_list_lives_as_long_as_it_is_held)
{
    enum { COUNT = 1000 };
    troupe_q_value *list = decoded_longs(COUNT), *kept[COUNT / 100];

    ck_assert(trp_q_is_short(TRP_Q_ITEMS(list)[0]));
    ck_assert_uint_eq(troupe_q_memory(TRP_Q_ITEMS(list)[0]), TRP_Q_SHORT);
    for (size_t i = 0; i < COUNT / 100; i++) {
        kept[i] = troupe_q_ref(troupe_q_part(list, i * 100));
        (void)troupe_q_ref(kept[i]);
    }
    troupe_q_unref(&list);
    list = decoded_longs(COUNT); /* what was free is used again */
    for (size_t i = 0; i < COUNT / 100; i++) {
        troupe_q_value *again = kept[i];
        troupe_q_unref(&again);
        ck_assert_int_eq(*TRP_Q_LONGS(kept[i]), (int64_t)i * 100);
        troupe_q_unref(&kept[i]);
    }
    troupe_q_unref(&list);
}
END_TEST

START_TEST(an_atom_of_a_list_is_copied_before_it_changes)
{
    troupe_q_value *list = decoded_longs(1000);
    troupe_q_value *item = troupe_q_ref(troupe_q_part(list, 7));

    ck_assert(!trp_q_sole(item));
    OK(trp_q_unique(&item));
    ck_assert(!trp_q_is_short(item) && trp_q_sole(item));
    *TRP_Q_LONGS(item) = 70;
    ck_assert_int_eq(*TRP_Q_LONGS(TRP_Q_ITEMS(list)[7]), 7);
    troupe_q_unref(&TRP_Q_ITEMS(list)[8]);
    TRP_Q_ITEMS(list)[8] = item;
    for (int i = 0; i < 3; i++) {
        troupe_q_value *more = trp_q_at(list, 9);
        OK(trp_q_push(&list, &more));
    }
    OK(trp_q_simplify(&list));
    ck_assert_int_eq(list->type, TROUPE_Q_LONG);
    ck_assert_int_eq(TRP_Q_LONGS(list)[8], 70);
    ck_assert_int_eq(TRP_Q_LONGS(list)[1002], 9);
    troupe_q_unref(&list);
}
END_TEST

START_TEST(a_list_takes_no_more_memory_than_it_may)
{
    enum { COUNT = 3000 };
    troupe_q_value *list = decoded_longs(COUNT), *back = NULL;
    struct hex bytes = encode(list, &plain);
    struct trp_q_limits tight = limits;
    struct trp_q_why why = {"", 0};
    uint64_t taken = 0, expected = sizeof(*list) + COUNT * (sizeof(list) + TRP_Q_SHORT);

    tight.taken = &taken;
    tight.memory = expected;
    OK(trp_q_decode(bytes.bytes, bytes.size, NULL, &tight, &back, &why));
    ck_assert_uint_eq(taken, expected);
    troupe_q_unref(&back);
    tight.memory = expected - 1;
    ck_assert_int_eq(trp_q_decode(bytes.bytes, bytes.size, NULL, &tight, &back, &why),
                     TROUPE_ELIMIT);
    ck_assert_str_eq(why.text, "the value takes too much memory");
    ck_assert_uint_eq(why.at, bytes.size - 9);
    ck_assert_ptr_null(back);
    trp_free(bytes.bytes);
    troupe_q_unref(&list);
}
END_TEST

START_TEST(the_account_of_a_thread_comes_out_even)
{
    int64_t before = trp_q_room.left;
    troupe_q_value *list = decoded_longs(1000);
    troupe_q_value *item = troupe_q_ref(troupe_q_part(list, 500));
    int64_t room = before - trp_q_room.left;

    ck_assert_int_ge(room, 1000 * (TRP_Q_SHORT + (int64_t)sizeof(item)));
    troupe_q_unref(&list);
    ck_assert_int_eq(before - trp_q_room.left, TRP_Q_SLAB_USED);
    troupe_q_unref(&item);
    ck_assert_int_eq(trp_q_room.left, before);
    list = list_of(9, 2000, 100);
    struct hex bytes = encode(list, &plain);
    troupe_q_unref(&list);
    for (int64_t left = 0; list == NULL; left += 3000) {
        struct trp_q_why why = {"", 0};
        trp_q_room.left = left;
        troupe_status status =
            trp_q_decode(bytes.bytes, bytes.size, NULL, &limits, &list, &why);
        ck_assert_int_eq(status, list != NULL ? TROUPE_OK : TROUPE_ENOMEM);
        ck_assert(list != NULL || trp_q_room.left == left);
        ck_assert_int_ge(trp_q_room.left, 0);
    }
    trp_q_room.left = before;
    trp_free(bytes.bytes);
    troupe_q_unref(&list);
    trp_q_room.left = before;
}
END_TEST

/* The message of a list, put together of the messages of its items. */
static struct hex encode_apart(const troupe_q_value *list)
{
    struct trp_buffer out;
    struct hex bytes = {NULL, 0};
    uint8_t front[14] = {0};
    struct trp_q_header header = {.kind = plain.kind};

    trp_buffer_init(&out, 1 << 28);
    OK(trp_buffer_add(&out, front, sizeof(front)));
    for (size_t i = 0; i < list->count; i++) {
        struct hex item = encode(TRP_Q_ITEMS(list)[i], &plain);
        OK(trp_buffer_add(&out, item.bytes + 8, item.size - 8));
        trp_free(item.bytes);
    }
    bytes.bytes = trp_buffer_take(&out, &bytes.size);
    trp_buffer_fini(&out);
    header.total = bytes.size;
    trp_q_header_write(bytes.bytes, &header);
    memcpy(bytes.bytes + 10, &list->count, 4);
    return bytes;
}

/* Into a buffer that holds exactly that much, and one with room for more. */
static void check_encoding(const troupe_q_value *list)
{
    struct hex apart = encode_apart(list);

    for (size_t more = 0; more <= 1 << 20; more += 1 << 20) {
        struct trp_buffer out;
        struct trp_q_why why = {"", 0};
        uint64_t size = 0;
        trp_buffer_init(&out, apart.size + 3 + more);
        OK(trp_buffer_add(&out, "abc", 3));
        OK(trp_q_encode(list, &plain, &out, &why));
        OK(trp_q_encoded_size(list, &plain, &size, &why));
        ck_assert_uint_eq(size, apart.size);
        ck_assert_uint_eq(trp_buffer_size(&out), apart.size + 3);
        ck_assert(memcmp(trp_buffer_front(&out) + 3, apart.bytes, apart.size) == 0);
        trp_buffer_fini(&out);
        trp_buffer_init(&out, apart.size - 1);
        ck_assert_int_eq(trp_q_encode(list, &plain, &out, &why), TROUPE_ELIMIT);
        ck_assert_uint_eq(trp_buffer_size(&out), 0);
        trp_buffer_fini(&out);
    }
    trp_free(apart.bytes);
}

START_TEST(a_long_list_is_sent_whatever_is_between_its_atoms)
{
    enum { COUNT = 5000 };
    static const size_t places[] = {0, 1, 311, 312, 2500, COUNT - 2, COUNT - 1};
    struct q_random random = {77};

    for (int base = 1; base <= TROUPE_Q_TIME; base++) {
        base += base == 3;
        troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            TRP_Q_ITEMS(list)[i] = atom(&random, base);
        }
        check_encoding(list);
        for (size_t i = 0; i < TRP_COUNT(places); i++) {
            troupe_q_value *other = i % 2 == 0 ? trp_q_of_text("a text among atoms", 18)
                                               : trp_q_of_long(-TROUPE_Q_LONG, 5);
            troupe_q_value *was = TRP_Q_ITEMS(list)[places[i]];
            TRP_Q_ITEMS(list)[places[i]] = other;
            check_encoding(list);
            TRP_Q_ITEMS(list)[places[i]] = was;
            troupe_q_unref(&other);
        }
        troupe_q_unref(&list);
    }
}
END_TEST

START_TEST(long_lists_inside_other_values_are_sent)
{
    enum { COUNT = 4200 };
    struct q_random random = {78};
    troupe_q_value *outer = trp_q_new(TROUPE_Q_LIST, 4);

    for (size_t k = 0; k < 4; k++) {
        troupe_q_value *list = trp_q_new(TROUPE_Q_LIST, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            TRP_Q_ITEMS(list)
            [i] = atom(&random, i % 3 == k ? TROUPE_Q_BOOLEAN : TROUPE_Q_SHORT);
        }
        TRP_Q_ITEMS(outer)[k] = list;
    }
    check_encoding(outer);
    troupe_q_value **last = &TRP_Q_ITEMS(TRP_Q_ITEMS(outer)[1])[COUNT - 1];
    troupe_q_unref(last);
    *last = trp_q_of_text("no atom", 7);
    check_encoding(outer);
    troupe_q_value *dict = NULL;
    OK(troupe_q_dict(TRP_Q_ITEMS(outer)[0], TRP_Q_ITEMS(outer)[1], &dict));
    struct hex bytes = encode(dict, &plain);
    troupe_q_value *back = NULL;
    struct trp_q_why why = {"", 0};
    OK(decode(bytes.bytes, bytes.size, &back, &why));
    ck_assert(troupe_q_match(dict, back));
    trp_free(bytes.bytes);
    troupe_q_unref(&back);
    troupe_q_unref(&dict);
    troupe_q_unref(&outer);
}
END_TEST

START_TEST(no_memory_for_atoms_leaves_nothing_behind)
{
    troupe_q_value *list = list_of(7, 2000, 300);
    struct hex bytes = encode(list, &plain);

    for (uint64_t n = 1;; n++) {
        troupe_q_value *back = NULL;
        struct trp_q_why why = {"", 0};
        trp_fail_nth(n);
        troupe_status status =
            trp_q_decode(bytes.bytes, bytes.size, NULL, &limits, &back, &why);
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        troupe_q_unref(&back);
        if (!failed) {
            ck_assert_uint_gt(n, 8);
            break;
        }
    }
    trp_free(bytes.bytes);
    troupe_q_unref(&list);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_lists");
    TCase *tcase = tcase_create("q_lists");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, lists_of_any_atoms_come_back);
    tcase_add_test(tcase, a_list_cut_anywhere_is_refused);
    tcase_add_test(tcase, a_bad_boolean_in_a_run_is_found_where_it_is);
    tcase_add_test(tcase, an_atom_of_a_list_lives_as_long_as_it_is_held);
    tcase_add_test(tcase, an_atom_of_a_list_is_copied_before_it_changes);
    tcase_add_test(tcase, a_list_takes_no_more_memory_than_it_may);
    tcase_add_test(tcase, the_account_of_a_thread_comes_out_even);
    tcase_add_test(tcase, a_long_list_is_sent_whatever_is_between_its_atoms);
    tcase_add_test(tcase, long_lists_inside_other_values_are_sent);
    tcase_add_test(tcase, no_memory_for_atoms_leaves_nothing_behind);
    suite_add_tcase(suite, tcase);
    return suite;
}
