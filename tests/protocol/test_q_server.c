/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "mailbox/alloc.h"
#include "tests/protocol/q_stage.h"
#include "transports/q/q_users.h"

START_TEST(a_login_may_come_in_pieces_and_is_answered_once)
{
    begin(_i);
    script_write(far, "joe:sec", 7, 1);
    script_expect_nothing(far);
    script_write(far, "ret\3", 4, 1);
    script_expect_nothing(far);
    script_write(far, "", 1, 1);
    script_expect(far, "\3", 1);
    ck_assert_str_eq(seen[0], "login 6 joe secret");
    ck_assert_str_eq(seen[1], "opened 6 joe -");
    end();
}
END_TEST

START_TEST(the_common_capability_is_the_smaller_one)
{
    begin(_i);
    script_write(far, "joe\77", 5, 0); /* ? is text: none is said */
    script_expect(far, "\0", 1);
    script_write(other, ":\x1f", 3, 0);
    script_expect(other, "\6", 1);
    end();
}
END_TEST

START_TEST(a_refused_login_is_closed_without_a_byte)
{
    begin(_i);
    script_write(far, "joe:refuse\3", 12, 0);
    script_expect_nothing(far);
    ck_assert(script_closed(far));
    ck_assert_uint_eq(seen_count, 1); /* neither opened nor closed */
    login(other, "joe:good\3", 10);
    end();
}
END_TEST

START_TEST(users_are_checked_before_the_handler_is_asked)
{
    static const troupe_q_user users[] = {{"joe", "secret"}, {"ann", ""}};
    troupe_q_server_options options = with_function();

    options.users = users;
    options.user_count = 2;
    begin_with(_i, options);
    script_write(far, "joe:secre\3", 11, 0);
    ck_assert(script_closed(far));
    ck_assert_uint_eq(seen_count, 0);
    login(other, "ann:\3", 6);
    end();
}
END_TEST

START_TEST(accounts_with_hashes_are_asked_when_no_user_matches)
{
    static const troupe_q_user users[] = {{"joe", "plain"}};
    troupe_q_server_options options = with_function();
    char hash[crypto_pwhash_STRBYTES], text[256];

    ck_assert_int_eq(crypto_pwhash_str(hash, "secret", 6, crypto_pwhash_OPSLIMIT_MIN,
                                       crypto_pwhash_MEMLIMIT_MIN),
                     0);
    int size = snprintf(text, sizeof(text), "ann:%s\n", hash);
    ck_assert_int_eq(trp_q_users_parse(text, (size_t)size, &options.accounts, NULL),
                     TROUPE_OK);
    options.users = users;
    options.user_count = 1;
    begin_with(_i, options);
    login(far, "joe:plain\3", 11);
    script_write(other, "ann:secret\3", 12, 1);
    script_expect(other, "\3", 1);
    ck_assert_str_eq(seen[2], "login 7 ann secret");
    trp_stream_close(&other);
    (void)connect_peer(&other);
    script_write(other, "ann:secre\3", 11, 0);
    ck_assert(script_closed(other));
    trp_stream_close(&other);
    (void)connect_peer(&other);
    script_write(other, ":\3", 3, 0);
    ck_assert(script_closed(other));
    end();
    troupe_q_users_free(&options.accounts);
}
END_TEST

START_TEST(a_password_nobody_waits_for_is_not_looked_at)
{
    troupe_q_server_options options = with_function();
    char hash[crypto_pwhash_STRBYTES], text[256];

    ck_assert_int_eq(crypto_pwhash_str(hash, "secret", 6, crypto_pwhash_OPSLIMIT_MIN,
                                       crypto_pwhash_MEMLIMIT_MIN),
                     0);
    int size = snprintf(text, sizeof(text), "ann:%s\n", hash);
    ck_assert_int_eq(trp_q_users_parse(text, (size_t)size, &options.accounts, NULL),
                     TROUPE_OK);
    begin_with(_i, options);
    ck_assert_int_eq(trp_stream_write(far, "ann:secret\3", 12), TROUPE_OK);
    trp_stream_close(&far);
    settle();
    ck_assert_uint_eq(seen_count, 0);
    end();
    troupe_q_users_free(&options.accounts);
}
END_TEST

START_TEST(a_login_that_is_too_long_or_too_late_is_closed)
{
    troupe_q_server_options options = with_function();
    char text[1100];

    room = 2000;
    options.login_limit = TROUPE_MS(50);
    begin_with(_i, options);
    memset(text, 'x', sizeof(text));
    script_write(far, text, sizeof(text), 100);
    ck_assert(script_closed(far));
    script_write(other, "joe", 3, 0);
    run_for(TROUPE_MS(49));
    ck_assert(!script_closed(other));
    run_for(TROUPE_MS(1));
    ck_assert(script_closed(other));
    end();
}
END_TEST

START_TEST(answers_keep_the_order_of_the_requests_even_when_one_is_deferred)
{
    for (size_t piece = 1; piece < 10; piece++) {
        begin(_i);
        login(far, ":\3", 3);
        script_message(far, TRP_Q_SYNC, "one", piece);
        script_message(far, TRP_Q_SYNC, "defer", piece);
        script_message(far, TRP_Q_SYNC, "three", piece);
        script_message(far, TRP_Q_SYNC, "fail", piece);
        script_expect_message(far, TRP_Q_RESPONSE, "one");
        script_expect_nothing(far);
        troupe_q_value *value = NULL;
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_q_string("two", TROUPE_Q_Z, &value), TROUPE_OK);
        ck_assert_int_eq(trp_q_msg_new(TROUPE_KIND_Q_DEFER, &value, &msg), TROUPE_OK);
        troupe_msg_set_tag(msg, deferred[0]);
        ck_assert_int_eq(troupe_post(sim, deferred_peer, &msg), TROUPE_OK);
        settle();
        script_expect_message(far, TRP_Q_RESPONSE, "two");
        script_expect_message(far, TRP_Q_RESPONSE, "three");
        script_expect_message(far, TRP_Q_RESPONSE, "'oops");
        end();
    }
}
END_TEST

START_TEST(async_messages_are_handled_in_order_and_not_answered)
{
    begin(_i);
    login(far, ":\3", 3);
    script_message(far, TRP_Q_ASYNC, "a", 0);
    script_message(far, TRP_Q_SYNC, "b", 0);
    script_expect_message(far, TRP_Q_RESPONSE, "b");
    script_expect_nothing(far);
    ck_assert_str_eq(seen[2], "async 6  a");
    ck_assert_str_eq(seen[3], "sync 6  b");
    end();
}
END_TEST

START_TEST(malformed_messages_close_that_connection_only)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\1\3\0\0\12\0\0\0\145\0", 10},
        {"\5\1\0\0\12\0\0\0\145\0", 10},
        {"\1\1\0\0\3\0\0\0", 8},
        {"\1\1\0\377\377\377\377\377", 8},
        {"\1\1\0\0\20\0\0\0\4\0\377\0\0\0\1\2", 16},
        {"\1\2\0\0\12\0\0\0\145\0", 10}, /* a response */
    };

    for (size_t i = 0; i < TRP_COUNT(bad); i++) {
        begin(_i);
        login(far, ":\3", 3);
        login(other, ":\3", 3);
        script_write(far, bad[i].bytes, bad[i].size, 1);
        ck_assert(script_closed(far));
        script_message(other, TRP_Q_SYNC, "alive", 0);
        script_expect_message(other, TRP_Q_RESPONSE, "alive");
        ck_assert_str_eq(seen[seen_count - 2], "closed 6  -");
        end();
    }
}
END_TEST

START_TEST(pushes_come_between_responses)
{
    begin(_i);
    login(far, ":\3", 3);
    push_to(peer, "news");
    script_message(far, TRP_Q_SYNC, "b", 0);
    script_expect_message(far, TRP_Q_ASYNC, "news");
    script_expect_message(far, TRP_Q_RESPONSE, "b");
    end();
}
END_TEST

START_TEST(a_client_that_does_not_read_is_dropped_and_others_live)
{
    troupe_q_server_options options = with_function();
    char big[600];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    options.output_limit = 1000;
    begin_with(_i, options);
    login(far, ":\3", 3);
    login(other, ":\3", 3);
    for (int i = 0; i < 4; i++) {
        push_to(peer, big);
        ck_assert(!script_closed(far));
    }
    push_to(peer, big);
    ck_assert(script_closed(far));
    script_message(other, TRP_Q_SYNC, "alive", 0);
    script_expect_message(other, TRP_Q_RESPONSE, "alive");
    end();
}
END_TEST

START_TEST(a_client_that_asks_too_much_is_read_when_answers_went_out)
{
    troupe_q_server_options options = with_function();

    options.requests_max = 2;
    begin_with(_i, options);
    login(far, ":\3", 3);
    for (int i = 0; i < 4; i++) {
        script_message(far, TRP_Q_SYNC, "defer", 0);
    }
    ck_assert_uint_eq(deferred_count, 2);
    for (uint64_t i = 0; i < 4; i++) {
        troupe_q_value *value = NULL;
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_q_string("x", TROUPE_Q_Z, &value), TROUPE_OK);
        ck_assert_int_eq(trp_q_msg_new(TROUPE_KIND_Q_DEFER, &value, &msg), TROUPE_OK);
        troupe_msg_set_tag(msg, deferred[i]);
        ck_assert_int_eq(troupe_post(sim, deferred_peer, &msg), TROUPE_OK);
        settle();
        script_expect_message(far, TRP_Q_RESPONSE, "x");
    }
    ck_assert_uint_eq(deferred_count, 4);
    end();
}
END_TEST

static troupe_status answer_event(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    const troupe_q_event *event = troupe_q_event_of(*msg);
    if (event == NULL) {
        return TROUPE_OK;
    }
    see(event);
    troupe_q_value *value = NULL;
    troupe_msg *answer = NULL;
    if (event->event == TROUPE_EMBEDQ_LOGIN) {
        ck_assert_int_eq(troupe_q_boolean(true, &value), TROUPE_OK);
    } else {
        ck_assert_int_eq(troupe_q_string("from desk", TROUPE_Q_Z, &value), TROUPE_OK);
    }
    ck_assert_int_eq(trp_q_msg_new(TROUPE_KIND_Q_VALUE, &value, &answer), TROUPE_OK);
    if (!troupe_msg_wants_answer(*msg) ||
        troupe_reply(self, *msg, &answer) != TROUPE_OK) {
        troupe_msg_free(&answer);
    }
    return TROUPE_OK;
}

START_TEST(an_actor_can_handle_events)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    begin_with(_i, options);
    trp_stream_close(&far);
    settle();
    desk->hook = answer_event;
    for (size_t i = 0; i < TROUPE_Q_EVENTS; i++) {
        service->options.handlers[i].actor = desk->id;
    }
    (void)connect_peer(&far);
    login(far, "joe:x\3", 7);
    script_message(far, TRP_Q_SYNC, "question", 0);
    script_expect_message(far, TRP_Q_RESPONSE, "from desk");
    trp_stream_close(&far);
    settle();
    ck_assert_str_eq(seen[seen_count - 1], "closed 8 joe -");
    end();
}
END_TEST

START_TEST(stopping_sends_the_answers_that_are_due)
{
    begin(_i);
    login(far, ":\3", 3);
    script_message(far, TRP_Q_SYNC, "defer", 0);
    ck_assert_int_eq(troupe_system_stop_actor(sim, peer), TROUPE_OK);
    settle();
    ck_assert(!script_closed(far));
    push_to(peer, "last words");
    troupe_q_value *value = NULL;
    troupe_msg *msg = NULL;
    ck_assert_int_eq(troupe_q_string("due", TROUPE_Q_Z, &value), TROUPE_OK);
    ck_assert_int_eq(trp_q_msg_new(TROUPE_KIND_Q_DEFER, &value, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, deferred[0]);
    ck_assert_int_eq(troupe_post(sim, peer, &msg), TROUPE_OK);
    settle();
    script_expect_message(far, TRP_Q_ASYNC, "last words");
    script_expect_message(far, TRP_Q_RESPONSE, "due");
    ck_assert(script_closed(far));
    end();
}
END_TEST

START_TEST(without_memory_a_client_is_answered_or_closed)
{
    struct trp_buffer bytes;

    script_encode(&bytes, TRP_Q_SYNC, "question");
    for (uint64_t n = 1, more = true; more; n++) {
        begin(_i);
        more = false;
        ck_assert_int_eq(trp_stream_write(far, "joe:x\3", 7), TROUPE_OK);
        trp_fail_nth(n);
        settle();
        more |= trp_fail_happened();
        ck_assert_int_eq(
            trp_stream_write(far, trp_buffer_front(&bytes), trp_buffer_size(&bytes)),
            TROUPE_OK);
        trp_fail_nth(n);
        settle();
        more |= trp_fail_happened();
        size_t size;
        (void)trp_stream_view(far, &size);
        ck_assert(size > 1 || script_closed(far));
        end();
    }
    trp_buffer_fini(&bytes);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_server");
    TCase *tcase = tcase_create("conversation");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_login_may_come_in_pieces_and_is_answered_once);
    ADD(tcase, the_common_capability_is_the_smaller_one);
    ADD(tcase, a_refused_login_is_closed_without_a_byte);
    ADD(tcase, users_are_checked_before_the_handler_is_asked);
    ADD(tcase, accounts_with_hashes_are_asked_when_no_user_matches);
    ADD(tcase, a_password_nobody_waits_for_is_not_looked_at);
    ADD(tcase, a_login_that_is_too_long_or_too_late_is_closed);
    ADD(tcase, answers_keep_the_order_of_the_requests_even_when_one_is_deferred);
    ADD(tcase, async_messages_are_handled_in_order_and_not_answered);
    ADD(tcase, malformed_messages_close_that_connection_only);
    ADD(tcase, pushes_come_between_responses);
    ADD(tcase, a_client_that_does_not_read_is_dropped_and_others_live);
    ADD(tcase, a_client_that_asks_too_much_is_read_when_answers_went_out);
    ADD(tcase, an_actor_can_handle_events);
    ADD(tcase, stopping_sends_the_answers_that_are_due);
    ADD(tcase, without_memory_a_client_is_answered_or_closed);
    suite_add_tcase(suite, tcase);
    return suite;
}
