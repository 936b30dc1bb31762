/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/protocol/q_stage.h"
#include "transports/q/q_cast.h"
#include "transports/q/q_compress.h"

static troupe_id peers[3];
static troupe_q_value *big; /* 10 000 longs */

/* What the watcher is told. */
static struct {
    unsigned reports;
    uint64_t tag;
    size_t count, sent;
    troupe_status statuses[8];
} told;

static troupe_status hear(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_SENT) {
        const troupe_q_sent *sent = troupe_msg_body(*msg);
        told.reports++;
        told.tag = troupe_msg_tag(*msg);
        told.count = sent->count;
        told.sent = sent->sent;
        ck_assert_uint_le(sent->count, TRP_COUNT(told.statuses));
        memcpy(told.statuses, sent->statuses, sent->count * sizeof(troupe_status));
    }
    return TROUPE_OK;
}

static struct trp_stream *third;

static void begin_three_with(int seed, troupe_q_server_options options)
{
    begin_with(seed, options);
    trp_stream_close(&other);
    settle();
    peers[0] = peer;
    peers[1] = connect_peer(&other);
    peers[2] = connect_peer(&third);
    desk->hook = hear;
    memset(&told, 0, sizeof(told));
}

static void begin_three(int seed)
{
    begin_three_with(seed, with_function());
    login(far, ":\3", 3);
    login(other, ":\3", 3);
    script_write(third, ":\6", 3, 0);
    script_expect(third, "\6", 1);
}

static void end_three(void)
{
    trp_stream_close(&third);
    end();
}

struct broadcast {
    troupe_q_value *value;
    troupe_blob *message;
    uint64_t fail; /* the n-th allocation from here */
};

static troupe_status send_to_three(troupe_self *self, void *argument)
{
    const struct broadcast *b = argument;

    if (b->fail != 0) {
        trp_fail_nth(b->fail);
    }
    if (b->message != NULL) {
        return troupe_q_forward(self, peers, 3, b->message, desk->id, 7);
    }
    return troupe_q_broadcast(self, peers, 3, b->value,
                              b->fail != 0 ? TROUPE_NOBODY : desk->id, 7);
}

static void broadcast_text(const char *text)
{
    struct broadcast b = {NULL, NULL, 0};

    ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &b.value), TROUPE_OK);
    ck_assert_int_eq(act(desk, send_to_three, &b), TROUPE_OK);
    troupe_q_unref(&b.value);
    settle();
}

START_TEST(all_get_it_in_order_with_what_they_are_told_otherwise)
{
    begin_three(_i);
    push_to(peer, "before");
    broadcast_text("news");
    push_to(peer, "after");
    script_expect_message(far, TRP_Q_ASYNC, "before");
    script_expect_message(far, TRP_Q_ASYNC, "news");
    script_expect_message(far, TRP_Q_ASYNC, "after");
    script_expect_message(other, TRP_Q_ASYNC, "news");
    script_expect_message(third, TRP_Q_ASYNC, "news");
    ck_assert_uint_eq(told.reports, 1);
    ck_assert_uint_eq(told.tag, 7);
    ck_assert_uint_eq(told.count, 3);
    ck_assert_uint_eq(told.sent, 3);
    end_three();
}
END_TEST

START_TEST(one_that_is_gone_is_reported_and_the_others_get_it)
{
    begin_three(_i);
    trp_stream_close(&other);
    settle();
    broadcast_text("news");
    script_expect_message(far, TRP_Q_ASYNC, "news");
    script_expect_message(third, TRP_Q_ASYNC, "news");
    ck_assert_uint_eq(told.sent, 2);
    ck_assert_int_eq(told.statuses[0], TROUPE_OK);
    ck_assert_int_eq(told.statuses[1], TROUPE_EGONE);
    ck_assert_int_eq(told.statuses[2], TROUPE_OK);
    end_three();
}
END_TEST

START_TEST(one_that_does_not_read_is_reported_and_dropped)
{
    troupe_q_server_options options = with_function();
    char text[600];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    options.output_limit = 1000;
    begin_three_with(_i, options);
    login(far, ":\3", 3);
    login(other, ":\3", 3);
    login(third, ":\3", 3);
    for (int i = 0; i < 5; i++) {
        size_t size;
        broadcast_text(text);
        (void)trp_stream_view(far, &size);
        trp_stream_consume(far, size);
        settle();
        (void)trp_stream_view(third, &size);
        trp_stream_consume(third, size);
        settle();
    }
    ck_assert_uint_eq(told.reports, 5);
    ck_assert_int_eq(told.statuses[1], TROUPE_EBUSY);
    ck_assert(script_closed(other));
    ck_assert_uint_eq(told.sent, 2);
    ck_assert(!script_closed(far));
    end_three();
}
END_TEST

START_TEST(one_that_cannot_take_a_type_is_reported)
{
    struct broadcast b = {NULL, NULL, 0};
    static const uint8_t guid[16] = {1};

    begin_three_with(_i, with_function());
    login(far, ":\3", 3);
    script_write(other, ":\1", 3, 0);
    script_expect(other, "\1", 1);
    login(third, ":\3", 3);
    ck_assert_int_eq(troupe_q_guid(guid, &b.value), TROUPE_OK);
    ck_assert_int_eq(act(desk, send_to_three, &b), TROUPE_OK);
    troupe_q_unref(&b.value);
    settle();
    ck_assert_int_eq(told.statuses[0], TROUPE_OK);
    ck_assert_int_eq(told.statuses[1], TROUPE_ETYPE);
    ck_assert_int_eq(told.statuses[2], TROUPE_OK);
    script_expect_nothing(other);
    ck_assert(!script_closed(other));
    end_three();
}
END_TEST

START_TEST(it_is_encoded_once_for_all_of_a_kind)
{
    struct trp_q_cast *cast = NULL;
    troupe_blob *a = NULL, *b = NULL, *c = NULL;
    struct trp_q_why why;

    begin(_i);
    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, 10000, NULL, &big), TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_new(sim, 3, big, NULL, TROUPE_NOBODY, 0, &cast),
                     TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_bytes(cast, 3, false, &a, &why), TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_bytes(cast, 4, false, &b, &why), TROUPE_OK);
    ck_assert_ptr_eq(a, b);
    ck_assert_int_eq(trp_q_cast_bytes(cast, 3, true, &c, &why), TROUPE_OK);
    ck_assert_uint_lt(troupe_blob_size(c), troupe_blob_size(a));
    ck_assert_int_eq(trp_q_cast_bytes(cast, 4, true, &b, &why), TROUPE_OK);
    ck_assert_ptr_eq(c, b);
    trp_q_cast_unref(&cast);
    troupe_q_unref(&big);
    end();
}
END_TEST

/* ---- raw messages ---- */

static unsigned raw_seen;
static troupe_status raw_answer;

/* Whether the text of a message begins so. */
static bool says(const troupe_q_raw *raw, const char *text)
{
    size_t size = strlen(text);

    return troupe_blob_size(raw->message) >= 14 + size &&
           memcmp(troupe_blob_bytes(raw->message) + 14, text, size) == 0;
}

/* Forwards "on..." to the three; does not want "decode..."; else says raw_answer. */
static troupe_status look(troupe_self *self, void *context, const troupe_q_raw *raw)
{
    (void)context;
    raw_seen++;
    ck_assert_uint_ge(troupe_blob_size(raw->message), 10);
    if (says(raw, "on")) {
        return troupe_q_forward(self, peers, 3, raw->message, desk->id, 9);
    }
    if (says(raw, "decode")) {
        return TROUPE_EUNSUPPORTED;
    }
    if (raw_answer == TROUPE_EAGAIN) {
        deferred_peer = raw->connection;
        deferred[deferred_count++] = raw->request;
    }
    return raw_answer;
}

static void begin_raw(int seed)
{
    troupe_q_server_options options = with_function();

    raw_seen = 0;
    raw_answer = TROUPE_OK;
    options.raw = look;
    begin_three_with(seed, options);
    login(far, ":\3", 3);
    login(other, ":\3", 3);
    login(third, ":\3", 3);
    seen_count = 0;
}

START_TEST(a_message_is_forwarded_as_it_came_but_async)
{
    for (size_t piece = 0; piece < 4; piece++) {
        begin_raw(_i);
        script_message(far, TRP_Q_ASYNC, "on it goes", piece);
        script_message(far, TRP_Q_SYNC, "on and on", piece);
        script_expect_message(other, TRP_Q_ASYNC, "on it goes");
        script_expect_message(other, TRP_Q_ASYNC, "on and on");
        script_expect_message(third, TRP_Q_ASYNC, "on it goes");
        script_expect_message(third, TRP_Q_ASYNC, "on and on");
        script_expect_message(far, TRP_Q_ASYNC, "on it goes");
        ck_assert_uint_eq(raw_seen, 2);
        ck_assert_uint_eq(seen_count, 0);
        ck_assert_uint_eq(told.tag, 9);
        end_three();
    }
}
END_TEST

START_TEST(what_the_raw_handler_does_not_want_goes_the_usual_way)
{
    begin_raw(_i);
    script_message(far, TRP_Q_SYNC, "decode me", 0);
    script_message(far, TRP_Q_ASYNC, "decode too", 0);
    script_expect_message(far, TRP_Q_RESPONSE, "decode me");
    ck_assert_str_eq(seen[0], "sync 6  decode me");
    ck_assert_str_eq(seen[1], "async 6  decode too");
    end_three();
}
END_TEST

START_TEST(a_sync_that_the_raw_handler_took_is_answered)
{
    static const uint8_t null[] = {1, 2, 0, 0, 10, 0, 0, 0, 0x65, 0};

    begin_raw(_i);
    script_message(far, TRP_Q_SYNC, "fine", 0);
    script_expect(far, null, sizeof(null));
    raw_answer = TROUPE_EACCESS;
    script_message(far, TRP_Q_SYNC, "no", 0);
    char text[64];
    (void)snprintf(text, sizeof(text), "'%s", troupe_status_text(TROUPE_EACCESS));
    script_expect_message(far, TRP_Q_RESPONSE, text);
    raw_answer = TROUPE_EAGAIN;
    script_message(far, TRP_Q_SYNC, "later", 0);
    script_expect_nothing(far);
    ck_assert_uint_eq(deferred_count, 1);
    end_three();
}
END_TEST

START_TEST(messages_that_are_no_messages_close_the_client_before_the_handler)
{
    static const uint8_t wrong[] = {1, 3, 0, 0, 10, 0, 0, 0, 0x65, 0};
    static const uint8_t response[] = {1, 2, 0, 0, 10, 0, 0, 0, 0x65, 0};

    begin_raw(_i);
    script_write(far, wrong, sizeof(wrong), 1);
    ck_assert(script_closed(far));
    script_write(other, response, sizeof(response), 0);
    ck_assert(script_closed(other));
    ck_assert_uint_eq(raw_seen, 0);
    /* A good header and nonsense behind it is forwarded; who decodes it finds out. */
    static const uint8_t nonsense[] = {1, 1, 0, 0, 10, 0, 0, 0, 0x99, 0};
    script_write(third, nonsense, sizeof(nonsense), 0);
    ck_assert_uint_eq(raw_seen, 1);
    ck_assert(!script_closed(third));
    end_three();
}
END_TEST

START_TEST(a_large_message_is_forwarded_without_decoding)
{
    struct trp_q_encoding how = {.kind = TRP_Q_SYNC, .capability = 3};
    struct trp_buffer bytes;
    struct trp_q_why why;
    char *text = trp_alloc(30001);

    memset(text, 'o', 30000);
    text[1] = 'n';
    text[30000] = 0;
    begin_raw(_i);
    troupe_q_value *value = NULL;
    ck_assert_int_eq(troupe_q_string(text, 30000, &value), TROUPE_OK);
    trp_buffer_init(&bytes, 1 << 20);
    ck_assert_int_eq(trp_q_encode(value, &how, &bytes, &why), TROUPE_OK);
    script_write(far, trp_buffer_front(&bytes), trp_buffer_size(&bytes), 1000);
    size_t got = 0, size;
    bool same = true;
    bytes.bytes[bytes.start + 1] = TRP_Q_ASYNC;
    do {
        const uint8_t *view = trp_stream_view(other, &size);
        same &= size == 0 || memcmp(view, trp_buffer_front(&bytes) + got, size) == 0;
        got += size;
        trp_stream_consume(other, size);
        settle();
    } while (size > 0);
    ck_assert_uint_eq(got, trp_buffer_size(&bytes));
    ck_assert(same);
    trp_buffer_fini(&bytes);
    troupe_q_unref(&value);
    trp_free(text);
    end_three();
}
END_TEST

START_TEST(a_forwarded_message_is_encoded_again_for_who_knows_less)
{
    troupe_q_value *value = NULL, *back = NULL;
    troupe_blob *message = NULL, *bytes = NULL;
    struct trp_q_cast *cast = NULL;
    struct trp_q_why why;
    struct trp_q_encoding how = {.kind = TRP_Q_SYNC, .capability = 6, .compress = true};
    struct trp_buffer buffer;

    begin(_i);
    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, 10000, NULL, &value), TROUPE_OK);
    trp_buffer_init(&buffer, 1 << 20);
    ck_assert_int_eq(trp_q_encode(value, &how, &buffer, &why), TROUPE_OK);
    ck_assert_int_eq(
        troupe_blob_new(trp_buffer_front(&buffer), trp_buffer_size(&buffer), &message),
        TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_new(sim, 1, NULL, message, TROUPE_NOBODY, 0, &cast),
                     TROUPE_OK);
    ck_assert_int_eq(trp_q_cast_bytes(cast, 6, false, &bytes, &why), TROUPE_OK);
    ck_assert_uint_eq(troupe_blob_size(bytes), troupe_blob_size(message));
    ck_assert_int_eq(trp_q_cast_bytes(cast, 0, false, &bytes, &why), TROUPE_OK);
    ck_assert_uint_eq(troupe_blob_size(bytes), 14 + 80000);
    ck_assert_int_eq(troupe_q_message_value(message, 0, &back, NULL), TROUPE_OK);
    ck_assert(troupe_q_match(value, back));
    troupe_q_unref(&back);
    troupe_failure failure;
    ck_assert_int_eq(troupe_q_message_value(message, 1000, &back, &failure),
                     TROUPE_ELIMIT);
    trp_q_cast_unref(&cast);
    troupe_blob_unref(&message);
    trp_buffer_fini(&buffer);
    troupe_q_unref(&value);
    end();
}
END_TEST

START_TEST(without_memory_a_broadcast_fails_and_leaves_nothing_behind)
{
    for (uint64_t n = 1, more = true; more; n++) {
        struct broadcast b = {NULL, NULL, n};
        begin_three(_i);
        ck_assert_int_eq(troupe_q_string("news", TROUPE_Q_Z, &b.value), TROUPE_OK);
        (void)act(desk, send_to_three, &b);
        settle();
        more = trp_fail_happened();
        if (!more) {
            script_expect_message(far, TRP_Q_ASYNC, "news");
            script_expect_message(other, TRP_Q_ASYNC, "news");
            script_expect_message(third, TRP_Q_ASYNC, "news");
        }
        troupe_q_unref(&b.value);
        end_three();
    }
}
END_TEST

/* ---- q code ---- */

START_TEST(q_code_reaches_many_handles_or_none)
{
    const int64_t handles[] = {6, 8, 9}, bad[] = {6, 5000, 9};
    troupe_q_value *value = NULL;

    begin_three(_i);
    const troupe_embedq_host *host = troupe_q_hub_host(service->hub);
    ck_assert_int_eq(troupe_q_string("all", TROUPE_Q_Z, &value), TROUPE_OK);
    ck_assert_int_eq(host->broadcast(service->hub, 3, bad, value), TROUPE_EGONE);
    settle();
    script_expect_nothing(far);
    ck_assert_int_eq(host->broadcast(service->hub, 3, handles, value), TROUPE_OK);
    settle();
    script_expect_message(far, TRP_Q_ASYNC, "all");
    script_expect_message(other, TRP_Q_ASYNC, "all");
    script_expect_message(third, TRP_Q_ASYNC, "all");
    troupe_q_unref(&value);
    end_three();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_cast");
    TCase *tcase = tcase_create("many");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, all_get_it_in_order_with_what_they_are_told_otherwise);
    ADD(tcase, one_that_is_gone_is_reported_and_the_others_get_it);
    ADD(tcase, one_that_does_not_read_is_reported_and_dropped);
    ADD(tcase, one_that_cannot_take_a_type_is_reported);
    ADD(tcase, it_is_encoded_once_for_all_of_a_kind);
    ADD(tcase, a_message_is_forwarded_as_it_came_but_async);
    ADD(tcase, what_the_raw_handler_does_not_want_goes_the_usual_way);
    ADD(tcase, a_sync_that_the_raw_handler_took_is_answered);
    ADD(tcase, messages_that_are_no_messages_close_the_client_before_the_handler);
    ADD(tcase, a_large_message_is_forwarded_without_decoding);
    ADD(tcase, a_forwarded_message_is_encoded_again_for_who_knows_less);
    ADD(tcase, without_memory_a_broadcast_fails_and_leaves_nothing_behind);
    ADD(tcase, q_code_reaches_many_handles_or_none);
    suite_add_tcase(suite, tcase);
    return suite;
}
