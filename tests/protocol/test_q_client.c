/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/protocol/q_client_stage.h"

START_TEST(a_call_made_before_the_login_is_sent_after_it)
{
    begin(_i);
    call("early", TROUPE_NEVER, 1);
    script_expect(far, ":\6", 3);
    script_expect_nothing(far);
    script_write(far, "\6", 1, 0);
    script_expect_message(far, TRP_Q_SYNC, "early");
    script_message(far, TRP_Q_RESPONSE, "late", 0);
    ck_assert_uint_eq(got_count, 1);
    ck_assert_str_eq(got[0], "1 late");
    end();
}
END_TEST

START_TEST(answers_belong_to_calls_in_order_however_the_bytes_are_cut)
{
    for (size_t piece = 1; piece < 12; piece++) {
        begin(_i);
        accept_login();
        call("a", TROUPE_NEVER, 1);
        call("b", TROUPE_NEVER, 2);
        script_expect_message(far, TRP_Q_SYNC, "a");
        script_expect_message(far, TRP_Q_SYNC, "b");
        script_message(far, TRP_Q_RESPONSE, "A", piece);
        script_message(far, TRP_Q_ASYNC, "news", piece);
        script_message(far, TRP_Q_RESPONSE, "'type", piece);
        ck_assert_uint_eq(got_count, 3);
        ck_assert_str_eq(got[0], "1 A");
        ck_assert_str_eq(got[1], "99 push news");
        ck_assert_str_eq(got[2], "2 EREMOTE type");
        end();
    }
}
END_TEST

START_TEST(a_late_answer_is_swallowed_and_the_next_call_gets_its_own)
{
    begin(_i);
    accept_login();
    call("slow", TROUPE_MS(10), 1);
    run_for(TROUPE_MS(10));
    ck_assert_str_eq(got[0], "1 ETIMEDOUT no answer within the time limit");
    call("quick", TROUPE_NEVER, 2);
    script_message(far, TRP_Q_RESPONSE, "too late", 0);
    ck_assert_uint_eq(got_count, 1);
    script_message(far, TRP_Q_RESPONSE, "in time", 0);
    ck_assert_str_eq(got[1], "2 in time");
    end();
}
END_TEST

START_TEST(async_messages_expect_no_answer)
{
    begin(_i);
    accept_login();
    call("one way", 0, 0);
    call("two ways", TROUPE_NEVER, 1);
    script_expect_message(far, TRP_Q_ASYNC, "one way");
    script_expect_message(far, TRP_Q_SYNC, "two ways");
    script_message(far, TRP_Q_RESPONSE, "answer", 0);
    ck_assert_str_eq(got[0], "1 answer");
    end();
}
END_TEST

START_TEST(a_query_to_a_client_is_answered_with_an_error)
{
    begin(_i);
    accept_login();
    script_message(far, TRP_Q_SYNC, "1+1", 0);
    script_expect_message(far, TRP_Q_RESPONSE, "'a client connection takes no queries");
    end();
}
END_TEST

START_TEST(a_lost_connection_fails_every_call_that_waits)
{
    begin(_i);
    accept_login();
    call("a", TROUPE_NEVER, 1);
    call("b", TROUPE_NEVER, 2);
    trp_stream_close(&far);
    settle();
    ck_assert_uint_eq(got_count, 2);
    ck_assert_str_eq(got[0], "1 ELOST the connection to localhost:0 was lost");
    ck_assert_str_eq(got[1], "2 ELOST the connection to localhost:0 was lost");
    call("c", TROUPE_NEVER, 3);
    ck_assert_str_eq(got[2], "3 ELOST the connection to localhost:0 was lost");
    ck_assert_uint_eq(heard_count(user, TROUPE_KIND_Q_STATE), 2);
    end();
}
END_TEST

START_TEST(a_server_that_closes_instead_of_answering_the_login_has_refused_it)
{
    begin(_i);
    call("a", TROUPE_NEVER, 1);
    trp_stream_close(&far);
    settle();
    ck_assert_uint_eq(got_count, 1);
    ck_assert(strncmp(got[0], "1 EACCESS", 9) == 0);
    end();
}
END_TEST

START_TEST(a_server_that_is_silent_after_connecting_is_given_up)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.connect_limit = TROUPE_MS(100);
    begin_with(_i, options);
    call("a", TROUPE_NEVER, 1);
    run_for(TROUPE_MS(99));
    ck_assert_uint_eq(got_count, 0);
    run_for(TROUPE_MS(1));
    ck_assert(strncmp(got[0], "1 ETIMEDOUT", 11) == 0);
    ck_assert(script_closed(far));
    end();
}
END_TEST

START_TEST(closing_waits_for_the_answers_that_are_due)
{
    begin(_i);
    accept_login();
    call("a", TROUPE_NEVER, 1);
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    settle();
    ck_assert(!script_closed(far));
    call("b", TROUPE_NEVER, 2);
    ck_assert(strncmp(got[0], "2 ECLOSED", 9) == 0);
    script_message(far, TRP_Q_RESPONSE, "A", 0);
    ck_assert_str_eq(got[1], "1 A");
    ck_assert(script_closed(far));
    end();
}
END_TEST

START_TEST(answers_that_were_given_up_are_swallowed_while_closing)
{
    begin(_i);
    accept_login();
    call("a", TROUPE_MS(5), 1);
    call("b", TROUPE_MS(5), 2);
    run_for(TROUPE_MS(5));
    expect_got(0, "1 ETIMEDOUT");
    expect_got(1, "2 ETIMEDOUT");
    call("c", TROUPE_NEVER, 3);
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    settle();
    ck_assert(!script_closed(far));
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(!script_closed(far));
        script_message(far, TRP_Q_RESPONSE, "A", 0);
    }
    expect_got(2, "3 A");
    ck_assert(script_closed(far));
    end();
}
END_TEST

START_TEST(closing_is_at_once_when_nobody_waits_any_more)
{
    begin(_i);
    accept_login();
    call("a", TROUPE_MS(5), 1);
    run_for(TROUPE_MS(5));
    expect_got(0, "1 ETIMEDOUT");
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    settle();
    ck_assert(script_closed(far));
    ck_assert_uint_eq(stats().actors, 1);
    end();
}
END_TEST

START_TEST(closing_ends_when_the_last_who_waits_gives_up)
{
    begin(_i);
    accept_login();
    call("a", TROUPE_MS(5), 1);
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    settle();
    ck_assert(!script_closed(far));
    run_for(TROUPE_MS(5));
    expect_got(0, "1 ETIMEDOUT");
    ck_assert(script_closed(far));
    end();
}
END_TEST

START_TEST(closing_does_not_wait_for_ever)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.close_limit = TROUPE_MS(20);
    begin_with(_i, options);
    accept_login();
    call("a", TROUPE_NEVER, 1);
    ck_assert_int_eq(troupe_q_close(sim, q), TROUPE_OK);
    run_for(TROUPE_MS(20));
    ck_assert(strncmp(got[0], "1 ECLOSED", 9) == 0);
    ck_assert(script_closed(far));
    end();
}
END_TEST

static const struct {
    const char *name;
    const char *bytes;
    size_t size;
    const char *status;
} bad[] = {
    {"a kind that does not exist", "\1\3\0\0\12\0\0\0\145\0", 10, "EPROTO"},
    {"a byte order that does not exist", "\2\2\0\0\12\0\0\0\145\0", 10, "EPROTO"},
    {"a length that is too small", "\1\2\0\0\4\0\0\0", 8, "EPROTO"},
    {"a length above the limit", "\1\2\0\377\377\377\377\377", 8, "ELIMIT"},
    {"a count beyond the message", "\1\2\0\0\20\0\0\0\4\0\377\0\0\0\1\2", 16, "E"},
};

START_TEST(malformed_input_closes_the_connection_with_a_reason)
{
    begin(0);
    accept_login();
    call("a", TROUPE_NEVER, 1);
    script_write(far, bad[_i].bytes, bad[_i].size, 0);
    ck_assert_uint_ge(got_count, 1);
    ck_assert_ptr_nonnull(strstr(got[got_count - 1], bad[_i].status));
    ck_assert(script_closed(far));
    end();
}
END_TEST

START_TEST(too_many_waiting_calls_are_refused_as_busy)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.pending_limit = 2;
    begin_with(_i, options);
    accept_login();
    call("a", TROUPE_NEVER, 1);
    call("b", TROUPE_NEVER, 2);
    call("c", TROUPE_NEVER, 3);
    ck_assert_uint_eq(got_count, 1);
    ck_assert(strncmp(got[0], "3 EBUSY", 7) == 0);
    end();
}
END_TEST

START_TEST(a_peer_that_does_not_read_makes_calls_busy_at_the_limit)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    char big[600];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    options.output_limit = 1000;
    begin_with(_i, options);
    accept_login();
    for (uint64_t i = 1; i <= 5; i++) {
        call(big, TROUPE_NEVER, i); /* 1000 bytes fit into the pair, 1000 more may wait */
    }
    ck_assert_uint_eq(got_count, 1);
    ck_assert(strncmp(got[0], "5 EBUSY", 7) == 0);
    end();
}
END_TEST

START_TEST(a_response_that_nobody_asked_for_closes_the_connection)
{
    begin(_i);
    accept_login();
    script_message(far, TRP_Q_RESPONSE, "what", 0);
    call("a", TROUPE_NEVER, 1);
    ck_assert(strncmp(got[0], "1 EPROTO", 8) == 0);
    ck_assert(script_closed(far));
    end();
}
END_TEST

/* Reads nothing until it is told to; then a message a turn. */
static unsigned pushes_seen;

static troupe_status count_push(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state;
    pushes_seen += troupe_msg_kind(*msg) == TROUPE_KIND_Q_PUSH;
    return TROUPE_OK;
}

START_TEST(pushes_wait_while_their_handler_has_no_room)
{
    static const troupe_behavior narrow = {
        .name = "narrow", .receive = count_push, .mailbox_limit = 2, .batch = 1};
    troupe_q_options options = TROUPE_Q_OPTIONS, checked;
    struct trp_stream *near = NULL;
    struct trp_buffer bytes;
    troupe_id slow;

    pushes_seen = 0;
    sim_begin(_i);
    ck_assert_int_eq(troupe_system_spawn(sim, &narrow, NULL, NULL, &slow), TROUPE_OK);
    options.handler = slow;
    ck_assert_int_eq(trp_q_client_check(&options, &checked), TROUPE_OK);
    ck_assert_int_eq(trp_stream_pair(60000, 1 << 20, &near, &far), TROUPE_OK);
    const struct trp_q_client_args args = {.options = &checked, .stream = near};
    ck_assert_int_eq(troupe_system_spawn(sim, &trp_q_client, &args, NULL, &q.id),
                     TROUPE_OK);
    settle();
    accept_login();
    script_encode(&bytes, TRP_Q_ASYNC, "push");
    for (unsigned i = 0; i < 100; i++) {
        ck_assert_int_eq(
            trp_buffer_add(&far->out, trp_buffer_front(&bytes), trp_buffer_size(&bytes)),
            TROUPE_OK);
    }
    trp_stream_wrote(far);
    settle();
    ck_assert_uint_eq(pushes_seen, 100);
    trp_buffer_fini(&bytes);
    end();
}
END_TEST

static troupe_q_value *many(size_t count)
{
    troupe_q_value *value = NULL;

    ck_assert_int_eq(troupe_q_vector(TROUPE_Q_LONG, count, NULL, &value), TROUPE_OK);
    return value;
}

static size_t big_count;

static troupe_status keep_count(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_VALUE) {
        big_count = troupe_q_count(troupe_msg_body(*msg));
    }
    return TROUPE_OK;
}

START_TEST(a_large_answer_is_gathered_from_small_pieces)
{
    struct trp_q_encoding how = {.kind = TRP_Q_RESPONSE, .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why;
    struct trp_buffer bytes;
    troupe_q_value *value = many(300000);

    begin(_i);
    accept_login();
    call("a", TROUPE_NEVER, 1);
    script_expect_message(far, TRP_Q_SYNC, "a");
    user->hook = keep_count;
    trp_buffer_init(&bytes, 16 << 20);
    ck_assert_int_eq(trp_q_encode(value, &how, &bytes, &why), TROUPE_OK);
    script_write(far, trp_buffer_front(&bytes), trp_buffer_size(&bytes), 50000);
    ck_assert_uint_eq(big_count, 300000);
    trp_buffer_fini(&bytes);
    troupe_q_unref(&value);
    end();
}
END_TEST

/* Runs what is ready while the n-th allocation fails; false when there were fewer. */
static bool settle_failing(uint64_t n)
{
    trp_fail_nth(n);
    settle();
    return trp_fail_happened();
}

static void write_response(const char *text)
{
    struct trp_buffer bytes;

    script_encode(&bytes, TRP_Q_RESPONSE, text);
    ck_assert_int_eq(
        trp_stream_write(far, trp_buffer_front(&bytes), trp_buffer_size(&bytes)),
        TROUPE_OK);
    trp_buffer_fini(&bytes);
}

START_TEST(without_memory_every_call_is_still_answered)
{
    for (uint64_t n = 1, more = true; more; n++) {
        begin(_i);
        more = false;
        for (uint64_t i = 0; i < 32; i++) { /* the probe has room from now on */
            post(user->id, KIND_A, i);
        }
        settle();
        forget(user);
        call("early", TROUPE_NEVER, 1);
        ck_assert_int_eq(trp_stream_write(far, "\6", 1), TROUPE_OK);
        more |= settle_failing(n);
        call("a", TROUPE_NEVER, 2);
        write_response("A");
        write_response("B");
        more |= settle_failing(n);
        trp_stream_close(&far);
        settle();
        ck_assert_uint_eq(heard_count(user, TROUPE_KIND_Q_VALUE) +
                              heard_count(user, TROUPE_KIND_FAILURE),
                          2);
        end();
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_client");
    TCase *tcase = tcase_create("conversation");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_call_made_before_the_login_is_sent_after_it);
    ADD(tcase, answers_belong_to_calls_in_order_however_the_bytes_are_cut);
    ADD(tcase, a_late_answer_is_swallowed_and_the_next_call_gets_its_own);
    ADD(tcase, async_messages_expect_no_answer);
    ADD(tcase, a_query_to_a_client_is_answered_with_an_error);
    ADD(tcase, a_lost_connection_fails_every_call_that_waits);
    ADD(tcase, a_server_that_closes_instead_of_answering_the_login_has_refused_it);
    ADD(tcase, a_server_that_is_silent_after_connecting_is_given_up);
    ADD(tcase, closing_waits_for_the_answers_that_are_due);
    ADD(tcase, answers_that_were_given_up_are_swallowed_while_closing);
    ADD(tcase, closing_is_at_once_when_nobody_waits_any_more);
    ADD(tcase, closing_ends_when_the_last_who_waits_gives_up);
    ADD(tcase, closing_does_not_wait_for_ever);
    tcase_add_loop_test(tcase, malformed_input_closes_the_connection_with_a_reason, 0,
                        (int)TRP_COUNT(bad));
    ADD(tcase, a_response_that_nobody_asked_for_closes_the_connection);
    ADD(tcase, too_many_waiting_calls_are_refused_as_busy);
    ADD(tcase, a_peer_that_does_not_read_makes_calls_busy_at_the_limit);
    ADD(tcase, pushes_wait_while_their_handler_has_no_room);
    ADD(tcase, a_large_answer_is_gathered_from_small_pieces);
    ADD(tcase, without_memory_every_call_is_still_answered);
    suite_add_tcase(suite, tcase);
    return suite;
}
