/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "tests/protocol/q_stage.h"

/* The desk has room for one message at a time: what comes faster waits. */
static troupe_status take_event(troupe_self *self, void *state, troupe_msg **msg)
{
    const troupe_q_event *event = troupe_q_event_of(*msg);
    troupe_q_value *value = NULL;
    troupe_msg *answer = NULL;

    (void)state;
    if (event == NULL) {
        return TROUPE_OK;
    }
    see(event);
    if (!troupe_msg_wants_answer(*msg)) {
        return TROUPE_OK;
    }
    ck_assert_int_eq(troupe_q_string("done", TROUPE_Q_Z, &value), TROUPE_OK);
    if (event->event == TROUPE_EMBEDQ_LOGIN) {
        troupe_q_unref(&value);
        ck_assert_int_eq(troupe_q_boolean(true, &value), TROUPE_OK);
    }
    ck_assert_int_eq(trp_q_msg_new(TROUPE_KIND_Q_VALUE, &value, &answer), TROUPE_OK);
    if (troupe_reply(self, *msg, &answer) != TROUPE_OK) {
        troupe_msg_free(&answer);
    }
    return TROUPE_OK;
}

static void begin_with_small_desk(int seed)
{
    begin_with(seed, TROUPE_Q_SERVER_OPTIONS);
    trp_stream_close(&far);
    settle();
    desk = probe_make();
    desk->behavior.mailbox_limit = 1;
    probe_start(desk);
    desk->hook = take_event;
    for (size_t i = 0; i < TROUPE_Q_EVENTS; i++) {
        service->options.handlers[i].actor = desk->id;
    }
    peer = connect_peer(&far);
    script_write(far, "joe:x\3", 7, 0);
    run_for(TROUPE_S(1));
    script_expect(far, "\3", 1);
    seen_count = 0;
}

/* Asyncs "0" to "5" and a sync, in one piece. */
static void write_burst(void)
{
    struct trp_buffer all, one;
    char text[2] = "0";

    trp_buffer_init(&all, 1 << 20);
    for (int i = 0; i < 7; i++) {
        text[0] = (char)('0' + i);
        script_encode(&one, i < 6 ? TRP_Q_ASYNC : TRP_Q_SYNC, text);
        ck_assert_int_eq(
            trp_buffer_add(&all, trp_buffer_front(&one), trp_buffer_size(&one)),
            TROUPE_OK);
        trp_buffer_fini(&one);
    }
    script_write(far, trp_buffer_front(&all), trp_buffer_size(&all), 0);
    trp_buffer_fini(&all);
}

static void expect_burst(void)
{
    char text[48];

    ck_assert_uint_ge(seen_count, 7);
    for (int i = 0; i < 7; i++) {
        (void)snprintf(text, sizeof(text), "%s 8 joe %d", i < 6 ? "async" : "sync", i);
        ck_assert_str_eq(seen[i], text);
    }
}

START_TEST(what_a_handler_has_no_room_for_waits_and_keeps_its_order)
{
    begin_with_small_desk(_i);
    write_burst();
    ck_assert_uint_lt(seen_count, 7);
    run_for(TROUPE_S(1));
    expect_burst();
    script_expect_message(far, TRP_Q_RESPONSE, "done");
    script_expect_nothing(far);
    end();
}
END_TEST

START_TEST(what_a_client_sent_is_handled_when_it_closes_right_behind_it)
{
    begin_with_small_desk(_i);
    write_burst();
    trp_stream_close(&far);
    run_for(TROUPE_S(1));
    expect_burst();
    ck_assert_uint_eq(seen_count, 8);
    ck_assert_str_eq(seen[7], "closed 8 joe -");
    end();
}
END_TEST

/* Takes requests and keeps silent. */
static troupe_status keep_silent(troupe_self *self, void *state, troupe_msg **msg)
{
    const troupe_q_event *event = troupe_q_event_of(*msg);

    (void)self, (void)state;
    if (event != NULL) {
        see(event);
    }
    return TROUPE_OK;
}

START_TEST(a_closed_client_is_awaited_for_close_limit_when_the_server_stops)
{
    begin_with_small_desk(_i);
    desk->hook = keep_silent;
    script_message(far, TRP_Q_ASYNC, "never done", 0);
    trp_stream_close(&far);
    settle();
    ck_assert_int_eq(troupe_system_stop_actor(sim, peer), TROUPE_OK);
    run_for(TROUPE_MS(4999));
    ck_assert_uint_eq(seen_count, 1);
    run_for(TROUPE_S(1));
    ck_assert_str_eq(seen[1], "closed 8 joe -");
    end();
}
END_TEST

START_TEST(syncs_of_a_client_that_is_gone_are_awaited_for_close_limit_only)
{
    begin_with_small_desk(_i);
    desk->hook = keep_silent;
    script_message(far, TRP_Q_SYNC, "never answered", 0);
    trp_stream_close(&far);
    run_for(TROUPE_S(6)); /* it might have closed one side only */
    ck_assert_str_eq(seen[1], "closed 8 joe -");
    end();
}
END_TEST

START_TEST(handles_are_used_again_only_after_many_others)
{
    begin(_i);
    trp_stream_close(&far);
    for (int i = 0; i < 3000; i++) {
        struct trp_stream *end = NULL;
        (void)connect_peer(&end);
        trp_stream_close(&end);
        settle();
    }
    (void)connect_peer(&far);
    seen_count = 0;
    login(far, ":\3", 3);
    ck_assert_uint_ge(seen_count, 2);
    ck_assert_str_ne(seen[1], "opened 6  -");
    end();
}
END_TEST

START_TEST(an_idle_client_is_closed_and_sent_nothing)
{
    troupe_q_server_options options = with_function();

    options.idle_limit = TROUPE_S(10);
    begin_with(_i, options);
    login(far, ":\3", 3);
    login(other, ":\3", 3);
    run_for(TROUPE_S(9));
    push_to(peer, "still there");
    script_expect_message(far, TRP_Q_ASYNC, "still there");
    run_for(TROUPE_S(2));
    script_expect_nothing(other);
    ck_assert(script_closed(other));
    ck_assert(!script_closed(far));
    script_message(far, TRP_Q_SYNC, "defer", 0);
    run_for(TROUPE_S(60)); /* it is being evaluated */
    ck_assert(!script_closed(far));
    end();
}
END_TEST

START_TEST(without_idle_limit_a_silent_client_stays)
{
    begin(_i);
    login(far, ":\3", 3);
    run_for(TROUPE_S(1000000));
    ck_assert(!script_closed(far));
    end();
}
END_TEST

START_TEST(a_client_that_takes_nothing_for_send_limit_is_dropped)
{
    troupe_q_server_options options = with_function();
    char big[200];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    room = 300;
    options.send_limit = TROUPE_S(3);
    begin_with(_i, options);
    login(far, ":\3", 3);
    push_to(peer, big);
    push_to(peer, big); /* the second waits */
    run_for(TROUPE_S(2));
    script_expect_message(far, TRP_Q_ASYNC, big);
    run_for(TROUPE_S(2));
    ck_assert(!script_closed(far));
    push_to(peer, big);
    run_for(TROUPE_S(7));
    ck_assert(script_closed(far));
    end();
}
END_TEST

static struct {
    unsigned lines;
    char text[256];
} heard;

static void hear_line(void *context, const troupe_log_line *line)
{
    (void)context;
    if (strcmp(line->event, "Q-LOGIN-MALFORMED") == 0) {
        heard.lines++;
        (void)snprintf(heard.text, sizeof(heard.text), "%s", line->text);
    }
}

START_TEST(lines_that_are_not_shown_leave_room_for_those_that_are)
{
    char more[TRP_Q_LINE_MORE];

    begin(_i);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(trp_q_service_says(service, TROUPE_LOG_INFO, "Q-X", 0, more),
                         i < 10);
    }
    ck_assert(trp_q_service_says(service, TROUPE_LOG_WARN, "Q-X", 0, more));
    ck_assert_str_eq(more, "");
    end();
}
END_TEST

START_TEST(clients_do_not_fill_the_log_and_what_is_left_out_is_counted)
{
    char login_without_end[1024];

    memset(login_without_end, 'x', sizeof(login_without_end));
    heard.lines = 0;
    room = 2000;
    begin(_i);
    troupe_log_to(sim, TROUPE_LOG_INFO, hear_line, NULL);
    for (int i = 0; i < 100; i++) {
        struct trp_stream *end = NULL;
        (void)connect_peer(&end);
        script_write(end, login_without_end, sizeof(login_without_end), 0);
        ck_assert(script_closed(end));
        trp_stream_close(&end);
        settle();
    }
    ck_assert_uint_eq(heard.lines, 10);
    run_for(TROUPE_S(10));
    trp_stream_close(&other);
    (void)connect_peer(&other);
    script_write(other, login_without_end, sizeof(login_without_end), 0);
    ck_assert_uint_eq(heard.lines, 11);
    ck_assert_ptr_nonnull(strstr(heard.text, "(and 90 like it before)"));
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_server_pressure");
    TCase *tcase = tcase_create("pressure");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, what_a_handler_has_no_room_for_waits_and_keeps_its_order);
    ADD(tcase, what_a_client_sent_is_handled_when_it_closes_right_behind_it);
    ADD(tcase, a_closed_client_is_awaited_for_close_limit_when_the_server_stops);
    ADD(tcase, syncs_of_a_client_that_is_gone_are_awaited_for_close_limit_only);
    ADD(tcase, handles_are_used_again_only_after_many_others);
    ADD(tcase, an_idle_client_is_closed_and_sent_nothing);
    ADD(tcase, without_idle_limit_a_silent_client_stays);
    ADD(tcase, a_client_that_takes_nothing_for_send_limit_is_dropped);
    ADD(tcase, lines_that_are_not_shown_leave_room_for_those_that_are);
    ADD(tcase, clients_do_not_fill_the_log_and_what_is_left_out_is_counted);
    suite_add_tcase(suite, tcase);
    return suite;
}
