/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/protocol/q_stage.h"
#include "transports/q/q_cast.h"

enum { LIMIT = 1 << 20, PART = 16 << 10 };

static uint8_t zeros[PART];

static troupe_q_server_options with_limit(void)
{
    troupe_q_server_options options = with_function();

    options.memory_limit = LIMIT;
    room = TRP_STREAM_BLOCK;
    return options;
}

static void begin_with_limit(int seed)
{
    begin_with(seed, with_limit());
    login(far, ":\3", 3);
    login(other, ":\3", 3);
}

/* The header of a message of `total` bytes, a char vector. */
static void write_header(struct trp_stream *end, uint8_t kind, uint32_t total)
{
    const struct trp_q_header header = {.kind = kind, .total = total};
    uint8_t bytes[TRP_Q_HEADER + 6];
    uint32_t count = total - (uint32_t)sizeof(bytes);

    trp_q_header_write(bytes, &header);
    bytes[8] = TROUPE_Q_CHAR;
    bytes[9] = 0;
    memcpy(bytes + 10, &count, sizeof(count));
    script_write(end, bytes, sizeof(bytes), 0);
}

static void write_zeros(struct trp_stream *end, size_t size)
{
    for (; size > 0 && !script_closed(end); size -= PART) {
        script_write(end, zeros, PART, 0);
    }
}

START_TEST(who_makes_all_hold_too_much_is_closed_and_the_others_stay)
{
    begin_with_limit(_i);
    write_header(far, TRP_Q_ASYNC, 14 + (4 << 20));
    write_header(other, TRP_Q_ASYNC, 14 + (768 << 10));
    write_zeros(other, 256 << 10);
    ck_assert_uint_gt(service->memory, 256 << 10);
    write_zeros(far, 4 << 20);
    ck_assert(script_closed(far));
    ck_assert(!script_closed(other));
    ck_assert_uint_lt(service->memory, 512 << 10);
    write_zeros(other, 512 << 10); /* the rest, now that there is room */
    ck_assert(!script_closed(other));
    settle();
    ck_assert_str_eq(seen[seen_count - 1], "async 7  ");
    end();
}
END_TEST

START_TEST(who_holds_less_than_its_part_has_room_while_another_holds_all)
{
    begin_with_limit(_i);
    write_header(far, TRP_Q_ASYNC, 14 + (1 << 20));
    write_zeros(far, 640 << 10); /* with what it is given ahead almost all */
    ck_assert(!script_closed(far));
    service->memory += LIMIT; /* as if there were such clients */
    for (int i = 0; i < 20; i++) {
        script_message(other, TRP_Q_SYNC, "still here", 0);
        script_expect_message(other, TRP_Q_RESPONSE, "still here");
    }
    service->memory -= LIMIT;
    end();
}
END_TEST

/* Takes requests and keeps their values, as an engine that is busy. */
static troupe_status keep_busy(troupe_self *self, void *state, troupe_msg **msg)
{
    const troupe_q_event *event = troupe_q_event_of(*msg);

    (void)self, (void)state;
    seen_count += event != NULL && event->event == TROUPE_EMBEDQ_SYNC;
    return TROUPE_OK;
}

/* Two bytes of each of these become 40 and more. */
static void write_booleans(struct trp_stream *end, uint8_t kind)
{
    enum { COUNT = 3000, TOTAL = TRP_Q_HEADER + 6 + 2 * COUNT };
    const struct trp_q_header header = {.kind = kind, .total = TOTAL};
    uint8_t bytes[TOTAL] = {0};
    const uint32_t count = COUNT;

    trp_q_header_write(bytes, &header);
    memcpy(bytes + 10, &count, sizeof(count));
    for (size_t i = 14; i < TOTAL; i += 2) {
        bytes[i] = 0xff;
    }
    script_write(end, bytes, TOTAL, 0);
}

static void begin_busy(int seed)
{
    troupe_q_server_options options = with_limit();

    begin_with(seed, options);
    login(far, ":\3", 3);
    login(other, ":\3", 3);
    desk = probe_make();
    desk->behavior.mailbox_limit = 1024;
    probe_start(desk);
    desk->hook = keep_busy;
    seen_count = 0;
    service->options.handlers[TROUPE_EMBEDQ_SYNC] = (troupe_q_handler){.actor = desk->id};
    service->options.handlers[TROUPE_EMBEDQ_ASYNC] =
        (troupe_q_handler){.actor = desk->id};
}

START_TEST(values_that_wait_to_be_evaluated_count_as_what_they_take)
{
    begin_busy(_i);
    for (int i = 0; i < 20 && !script_closed(far); i++) {
        write_booleans(far, _i % 2 == 0 ? TRP_Q_SYNC : TRP_Q_ASYNC);
    }
    ck_assert(script_closed(far)); /* 2.4 MB of them */
    ck_assert_uint_le(service->memory, LIMIT + (256 << 10));
    script_message(other, TRP_Q_SYNC, "there is room", 0);
    ck_assert(!script_closed(other));
    end();
}
END_TEST

START_TEST(values_of_a_client_that_left_count_until_they_are_evaluated)
{
    begin_busy(_i);
    write_booleans(far, TRP_Q_SYNC);
    write_booleans(far, TRP_Q_SYNC);
    ck_assert_uint_eq(seen_count, 2);
    uint64_t held = service->memory;
    trp_stream_close(&far);
    run_for(TROUPE_S(6));
    ck_assert_uint_gt(held, 2 * 3000 * 40);
    ck_assert_uint_gt(service->memory, 2 * 3000 * 40);
    ck_assert_int_eq(troupe_system_stop_actor(sim, desk->id), TROUPE_OK);
    run_for(TROUPE_S(6)); /* their requests end with it */
    ck_assert_uint_lt(service->memory, 3000 * 40);
    end();
}
END_TEST

START_TEST(a_value_that_would_take_too_much_is_not_made)
{
    begin_with_limit(_i);
    enum { COUNT = 31000 };
    uint8_t *body = trp_calloc(1, 6 + 2 * COUNT);
    const struct trp_q_header header = {.total = TRP_Q_HEADER + 6 + 2 * COUNT};
    const uint32_t count = COUNT;
    uint8_t front[TRP_Q_HEADER];

    ck_assert_ptr_nonnull(body);
    trp_q_header_write(front, &header);
    memcpy(body + 2, &count, sizeof(count));
    for (size_t i = 6; i < 6 + 2 * COUNT; i += 2) {
        body[i] = 0xff;
    }
    script_write(far, front, sizeof(front), 0);
    script_write(far, body, 6 + 2 * COUNT, 0);
    ck_assert(script_closed(far));
    ck_assert(!script_closed(other));
    trp_free(body);
    end();
}
END_TEST

START_TEST(answers_that_wait_for_an_earlier_one_count)
{
    begin_with_limit(_i);
    script_message(far, TRP_Q_SYNC, "defer", 0);
    for (int i = 0; i < 60 && !script_closed(far); i++) {
        write_header(far, TRP_Q_SYNC, 14 + 4 * PART);
        write_zeros(far, 4 * PART);
    }
    ck_assert(script_closed(far));
    ck_assert_uint_lt(service->memory, 256 << 10);
    end();
}
END_TEST

START_TEST(answers_that_are_not_taken_count)
{
    begin_with_limit(_i);
    for (int i = 0; i < 60 && !script_closed(far); i++) {
        write_header(far, TRP_Q_SYNC, 14 + 4 * PART);
        write_zeros(far, 4 * PART);
    }
    ck_assert(script_closed(far));
    ck_assert(!script_closed(other));
    end();
}
END_TEST

static void cast_zeros(size_t size)
{
    troupe_q_value *value = NULL;
    struct trp_q_cast *cast = NULL;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_BYTE, size, NULL, &value), TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_new(sim, 1, value, NULL, TROUPE_NOBODY, 0, &cast),
                     TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_msg(cast, TRP_KIND_Q_CAST, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, peer, &msg), TROUPE_OK);
    trp_q_cast_unref(&cast);
    troupe_q_unref(&value);
    settle();
}

START_TEST(what_was_broadcast_and_not_taken_does_not_count)
{
    begin_with_limit(_i);
    for (int i = 0; i < 8; i++) {
        cast_zeros(LIMIT / 2);
    }
    ck_assert(!script_closed(far));
    ck_assert_uint_lt(service->memory, LIMIT / 2);
    end();
}
END_TEST

START_TEST(nothing_is_counted_when_all_have_left)
{
    begin_with_limit(_i);
    write_header(far, TRP_Q_ASYNC, 14 + (4 << 20));
    write_zeros(far, 256 << 10);
    write_header(other, TRP_Q_SYNC, 14 + PART);
    write_zeros(other, PART);
    script_message(other, TRP_Q_SYNC, "defer", 0);
    script_message(other, TRP_Q_SYNC, "waits behind it", 0);
    trp_stream_close(&far);
    trp_stream_close(&other);
    run_for(TROUPE_S(6));
    ck_assert_uint_eq(service->memory, 0);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_server_memory");
    TCase *tcase = tcase_create("memory");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, who_makes_all_hold_too_much_is_closed_and_the_others_stay);
    ADD(tcase, who_holds_less_than_its_part_has_room_while_another_holds_all);
    ADD(tcase, values_that_wait_to_be_evaluated_count_as_what_they_take);
    ADD(tcase, values_of_a_client_that_left_count_until_they_are_evaluated);
    ADD(tcase, a_value_that_would_take_too_much_is_not_made);
    ADD(tcase, answers_that_wait_for_an_earlier_one_count);
    ADD(tcase, answers_that_are_not_taken_count);
    ADD(tcase, what_was_broadcast_and_not_taken_does_not_count);
    ADD(tcase, nothing_is_counted_when_all_have_left);
    suite_add_tcase(suite, tcase);
    return suite;
}
