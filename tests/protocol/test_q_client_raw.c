/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/protocol/q_client_stage.h"

/* Raw connections, the limit of sending, what is told about a connection, and options
 * that are refused. */

static void begin_raw(int seed, bool any, bool bytes)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.raw = true;
    options.raw_any = any;
    options.raw_bytes = bytes;
    begin_with(seed, options);
    accept_login();
}

START_TEST(a_raw_connection_hands_on_what_is_no_answer)
{
    begin_raw(_i, false, false);
    script_message(far, TRP_Q_RESPONSE, "what", 0);
    script_message(far, TRP_Q_SYNC, "why", 3);
    call("a", TROUPE_NEVER, 1);
    script_message(far, TRP_Q_ASYNC, "news", 0);
    script_message(far, TRP_Q_RESPONSE, "A", 0);
    ck_assert_uint_eq(got_count, 4);
    expect_got(0, "99 response what");
    expect_got(1, "99 query why");
    expect_got(2, "99 push news");
    expect_got(3, "1 A");
    end();
}
END_TEST

START_TEST(any_message_answers_the_oldest_call_when_that_is_asked_for)
{
    begin_raw(_i, true, false);
    call("a", TROUPE_NEVER, 1);
    call("b", TROUPE_NEVER, 2);
    script_message(far, TRP_Q_ASYNC, "news", 0);
    script_message(far, TRP_Q_RESPONSE, "'type", 0);
    script_message(far, TRP_Q_RESPONSE, "more", 0);
    ck_assert_uint_eq(got_count, 3);
    expect_got(0, "1 news");
    expect_got(1, "2 EREMOTE type");
    expect_got(2, "99 response more");
    end();
}
END_TEST

struct request {
    troupe_kind kind;
    const char *text; /* or bytes */
    size_t size;
    bool ask;
};

static troupe_status request_it(troupe_self *self, void *argument)
{
    const struct request *what = argument;
    troupe_q_value *value = NULL;
    troupe_blob *blob = NULL;
    troupe_msg *msg = NULL;

    if (what->kind == TROUPE_KIND_Q_BYTES) {
        ck_assert_int_eq(troupe_blob_new(what->text, what->size, &blob), TROUPE_OK);
        ck_assert_int_eq(troupe_msg_new_blob(what->kind, blob, &msg), TROUPE_OK);
        troupe_blob_unref(&blob);
    } else {
        ck_assert_int_eq(troupe_q_string(what->text, TROUPE_Q_Z, &value), TROUPE_OK);
        ck_assert_int_eq(trp_q_msg_new(what->kind, &value, &msg), TROUPE_OK);
    }
    return what->ask ? troupe_ask(self, q.id, &msg, TROUPE_NEVER, 7, NULL)
                     : troupe_tell(self, q.id, &msg);
}

static void request(troupe_kind kind, const char *text, size_t size, bool ask)
{
    struct request what = {kind, text, size, ask};

    ck_assert_int_eq(act(user, request_it, &what), TROUPE_OK);
}

START_TEST(an_asked_asynchronous_message_waits_for_any_answer)
{
    begin_raw(_i, true, false);
    request(TROUPE_KIND_Q_ASYNC, "push me", 0, true);
    script_expect_message(far, TRP_Q_ASYNC, "push me");
    ck_assert_uint_eq(got_count, 0);
    script_message(far, TRP_Q_ASYNC, "there", 0);
    expect_got(0, "7 there");
    end();
}
END_TEST

START_TEST(an_asked_asynchronous_message_is_done_when_it_is_on_its_way)
{
    begin(_i);
    accept_login();
    request(TROUPE_KIND_Q_ASYNC, "one way", 0, true);
    expect_got(0, "7 done");
    end();
}
END_TEST

START_TEST(only_raw_connections_send_responses)
{
    begin(_i);
    accept_login();
    request(TROUPE_KIND_Q_RESPONSE, "no", 0, true);
    expect_got(0, "7 ESTATE");
    script_expect_nothing(far);
    end();
    begin_raw(_i, false, false);
    request(TROUPE_KIND_Q_RESPONSE, "yes", 0, false);
    script_expect_message(far, TRP_Q_RESPONSE, "yes");
    end();
}
END_TEST

START_TEST(undecoded_messages_come_whole_and_go_out_as_they_are)
{
    struct trp_buffer bytes;
    char expected[64];

    script_encode(&bytes, TRP_Q_SYNC, "a query");
    size_t size = trp_buffer_size(&bytes);
    begin_raw(_i, false, true);
    request(TROUPE_KIND_Q_BYTES, (const char *)trp_buffer_front(&bytes), size, true);
    script_expect(far, trp_buffer_front(&bytes), size);
    script_message(far, TRP_Q_ASYNC, "news", 3);
    script_message(far, TRP_Q_RESPONSE, "'type", 3);
    ck_assert_uint_eq(got_count, 2);
    (void)snprintf(expected, sizeof(expected), "99 bytes 0 %d bytes", 14 + 4);
    expect_got(0, expected);
    (void)snprintf(expected, sizeof(expected), "7 bytes 2 %d bytes", 8 + 1 + 5);
    expect_got(1, expected);
    trp_buffer_fini(&bytes);
    end();
}
END_TEST

static size_t large_size;

static troupe_status keep_size(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_BYTES) {
        large_size = troupe_msg_size(*msg);
    }
    return TROUPE_OK;
}

START_TEST(a_large_undecoded_message_is_gathered)
{
    static char text[100000];
    struct trp_buffer bytes;

    memset(text, 'x', sizeof(text) - 1);
    script_encode(&bytes, TRP_Q_ASYNC, text);
    begin_raw(_i, false, true);
    user->hook = keep_size;
    script_write(far, trp_buffer_front(&bytes), trp_buffer_size(&bytes), 50000);
    ck_assert_uint_eq(large_size, trp_buffer_size(&bytes));
    trp_buffer_fini(&bytes);
    end();
}
END_TEST

static const struct {
    const char *bytes;
    size_t size;
} no_message[] = {
    {"\1\1\0\0\12\0\0\0\145", 9},    {"\1\1\0\0\11\0\0\0\145", 9},      {"\1", 1},
    {"\1\7\0\0\12\0\0\0\145\0", 10}, {"\1\1\0\0\12\0\0\0\145\0\0", 11},
};

START_TEST(bytes_that_are_not_one_message_are_not_sent)
{
    begin(0);
    accept_login();
    request(TROUPE_KIND_Q_BYTES, no_message[_i].bytes, no_message[_i].size, true);
    expect_got(0, "7 EPROTO the message cannot be sent");
    script_expect_nothing(far);
    end();
}
END_TEST

/* ---- the limit of sending ---- */

static void begin_stalled(int seed, int32_t how_often)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    char big[1500];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    options.send_limit = TROUPE_MS(400);
    options.reconnection_attempts = how_often;
    begin_dialling(seed, options, "a");
    accept_login();
    call(big, TROUPE_NEVER, 1); /* 1000 bytes fit into the pair */
}

START_TEST(a_peer_that_does_not_read_is_given_up)
{
    begin_stalled(_i, -1);
    run_for(TROUPE_MS(399));
    ck_assert_uint_eq(got_count, 0);
    run_for(TROUPE_MS(101)); /* it is looked at four times within the limit */
    expect_got(0, "1 ETIMEDOUT the connection to localhost:0 was given up");
    ck_assert_uint_eq(timers_set(), 0);
    end();
}
END_TEST

START_TEST(a_peer_that_reads_slowly_is_not_given_up)
{
    size_t size;

    begin_stalled(_i, -1);
    for (unsigned i = 0; i < 20; i++) {
        run_for(TROUPE_MS(250));
        (void)trp_stream_view(far, &size);
        trp_stream_consume(far, size < 50 ? size : 50);
        settle();
    }
    ck_assert_uint_eq(got_count, 0);
    ck_assert_uint_eq(timers_set(), 0); /* all is out */
    end();
}
END_TEST

START_TEST(a_connection_that_did_not_send_is_made_again)
{
    begin_stalled(_i, 0);
    run_for(TROUPE_MS(500));
    expect_got(0, "1 ETIMEDOUT");
    accept_login();
    ck_assert_int_eq(state_nth(state_count() - 1)->phase, TROUPE_Q_READY);
    ck_assert_uint_eq(timers_set(), 0);
    end();
}
END_TEST

/* ---- what is told about it ---- */

static troupe_status ask_info(troupe_self *self, void *argument)
{
    (void)argument;
    return troupe_q_ask_info(self, q, TROUPE_NEVER, 3, NULL);
}

static troupe_q_info info;

static troupe_status keep_info(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_INFO) {
        memcpy(&info, troupe_msg_body(*msg), sizeof(info));
    }
    return TROUPE_OK;
}

static const troupe_q_info *look(void)
{
    ck_assert_int_eq(act(user, ask_info, NULL), TROUPE_OK);
    return &info;
}

START_TEST(a_connection_says_how_it_is)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.host = "example.test";
    options.reconnection_attempts = 0;
    begin_dialling(_i, options, "a");
    user->hook = keep_info;
    ck_assert_int_eq(look()->phase, TROUPE_Q_CONNECTING);
    script_expect(far, ":\6", 3);
    script_write(far, "\3", 1, 0);
    ck_assert_int_eq(look()->phase, TROUPE_Q_READY);
    ck_assert_uint_eq(info.capability, 3);
    ck_assert_str_eq(info.host, "example.test");
    ck_assert_str_eq(info.address, "pair");
    ck_assert(info.local && !info.tls && !info.unix_domain);
    call("a", TROUPE_NEVER, 1);
    ck_assert_uint_eq(look()->sent, 1);
    plan_next("r");
    lose();
    call("b", TROUPE_NEVER, 2);
    ck_assert_int_eq(look()->phase, TROUPE_Q_WAITING);
    ck_assert_int_eq(info.why, TROUPE_EREFUSED);
    ck_assert_uint_eq(info.sent, 0);
    ck_assert_uint_eq(info.held, 1);
    ck_assert_uint_eq(info.attempt, 1);
    ck_assert_uint_eq(info.logins, 1);
    end();
}
END_TEST

/* ---- options ---- */

static troupe_q_options fine(void)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;

    options.port = 5010;
    return options;
}

static void expect_wrong(const troupe_q_options *options, const char *text)
{
    char why[128];
    troupe_q out;

    ck_assert_int_eq(troupe_q_check(options, why, sizeof(why)), TROUPE_EINVAL);
    ck_assert_ptr_nonnull(strstr(why, text));
    sim_begin(0);
    ck_assert_int_eq(troupe_q_open(sim, options, &out), TROUPE_EINVAL);
    sim_end();
}

#define WRONG(field, value, text)                                                        \
    do {                                                                                 \
        troupe_q_options options = fine();                                               \
        options.field = (value);                                                         \
        expect_wrong(&options, text);                                                    \
    } while (0)

START_TEST(options_are_refused_in_words)
{
    static char long_text[2000];
    static const troupe_tls_options tls = {.size = 1};
    troupe_q_options both = fine(), good = fine();
    char why[128];

    memset(long_text, 'x', sizeof(long_text) - 1);
    both.tls = both.unix_domain = true;
    expect_wrong(&both, "both tls and unix");
    expect_wrong(NULL, "size");
    WRONG(size, 8, "size");
    WRONG(port, 0, "port");
    WRONG(username, "a:b", "colon");
    WRONG(password, long_text, "longer");
    WRONG(host, long_text, "host");
    WRONG(connect_limit, -1, "time limit");
    WRONG(send_limit, -1, "time limit");
    WRONG(close_limit, -1, "time limit");
    WRONG(reconnection_attempts, -2, "reconnection_attempts");
    WRONG(reconnection_delay, -1, "delay");
    WRONG(reconnection_delay_max, -1, "delay");
    WRONG(reconnection_jitter, -0.1, "jitter");
    WRONG(reconnection_jitter, 1.1, "jitter");
    WRONG(reconnection_jitter, (double)NAN, "jitter");
    WRONG(message_limit, UINT64_MAX, "message_limit");
    WRONG(tls_options, &tls, "TLS options");
    ck_assert_int_eq(troupe_q_check(&good, why, sizeof(why)), TROUPE_OK);
    ck_assert_str_eq(why, "");
    ck_assert_int_eq(troupe_q_check(&good, NULL, 0), TROUPE_OK);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_client_raw");
    TCase *tcase = tcase_create("raw");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_raw_connection_hands_on_what_is_no_answer);
    ADD(tcase, any_message_answers_the_oldest_call_when_that_is_asked_for);
    ADD(tcase, an_asked_asynchronous_message_waits_for_any_answer);
    ADD(tcase, an_asked_asynchronous_message_is_done_when_it_is_on_its_way);
    ADD(tcase, only_raw_connections_send_responses);
    ADD(tcase, undecoded_messages_come_whole_and_go_out_as_they_are);
    ADD(tcase, a_large_undecoded_message_is_gathered);
    tcase_add_loop_test(tcase, bytes_that_are_not_one_message_are_not_sent, 0,
                        (int)TRP_COUNT(no_message));
    ADD(tcase, a_peer_that_does_not_read_is_given_up);
    ADD(tcase, a_peer_that_reads_slowly_is_not_given_up);
    ADD(tcase, a_connection_that_did_not_send_is_made_again);
    ADD(tcase, a_connection_says_how_it_is);
    tcase_add_test(tcase, options_are_refused_in_words);
    suite_add_tcase(suite, tcase);
    return suite;
}
