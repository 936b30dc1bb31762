/* SPDX-License-Identifier: MIT
 * Messages above 2 and above 4 GiB, over TCP on this machine. Slow: run by hand with
 * `ctest -L slow`. */
#include <stdio.h>
#include <sys/resource.h>

#include <troupe/q_connection.h>

#include "tests/support/suite.h"
#include "transports/q/q_value.h"

#define GIB      ((uint64_t)1 << 30)
#define LIMIT    (6 * GIB)
#define PATIENT  TROUPE_S(280)
#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static troupe_system *sys;
static troupe_q_server server;
static uint16_t port;

static uint64_t word_at(uint64_t i)
{
    return i * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t words_of(const troupe_q_value *v)
{
    return v->count * trp_q_wire_width(v->type) / sizeof(uint64_t);
}

/* `count` items, filled with words that say where they are; what is left of one is 0. */
static troupe_q_value *pattern(int type, uint64_t count)
{
    troupe_q_value *v = trp_q_new(type, count);

    ck_assert_ptr_nonnull(v);
    memset(TRP_Q_BYTES(v) + words_of(v) * 8, 0,
           count * trp_q_wire_width(type) - words_of(v) * 8);
    for (uint64_t i = 0; i < words_of(v); i++) {
        TRP_Q_LONGS(v)[i] = (int64_t)word_at(i);
    }
    return v;
}

/* Whether it is that, every word of it. */
static bool is_pattern(const troupe_q_value *v, int type, uint64_t count)
{
    uint64_t wrong = 0;

    if (v->type != type || v->count != count) {
        return false;
    }
    for (uint64_t i = 0; i < words_of(v); i++) {
        uint64_t word;
        memcpy(&word, TRP_Q_BYTES(v) + 8 * i, sizeof(word));
        wrong |= word ^ word_at(i);
    }
    return wrong == 0;
}

#define ABOVE_2_GIB (2 * GIB + 12345)    /* bytes */
#define ABOVE_4_GIB (4 * GIB + 5)        /* bytes; the count takes 8 */
#define LONGS       (4 * GIB / 8 + 1000) /* longs; the count takes 4 */

/* A text asks for a vector of bytes; longs are judged; bytes come back. */
static troupe_status handle(troupe_self *self, void *context, const troupe_q_event *event,
                            troupe_q_value **answer)
{
    (void)self, (void)context;
    switch (troupe_q_type(event->value)) {
    case TROUPE_Q_CHAR:
        *answer = pattern(TROUPE_Q_BYTE, ABOVE_4_GIB);
        return TROUPE_OK;
    case TROUPE_Q_LONG:
        return troupe_q_boolean(is_pattern(event->value, TROUPE_Q_LONG, LONGS), answer);
    default:
        *answer = troupe_q_ref(event->value);
        return TROUPE_OK;
    }
}

static void begin(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    OK(troupe_system_new(NULL, &sys));
    OK(troupe_system_start(sys));
    options.handlers[TROUPE_EMBEDQ_SYNC].function = handle;
    options.message_limit = LIMIT;
    OK(troupe_q_serve(sys, &options, &server, &port));
}

static void end(const char *what)
{
    struct rusage usage;

    troupe_system_shutdown(sys, TROUPE_S(60));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    (void)fprintf(stderr,
                  "%s: at most %.2f GiB resident, %ld.%03ld s of user, %ld.%03ld s "
                  "of system\n",
                  what, (double)usage.ru_maxrss / (1 << 20), (long)usage.ru_utime.tv_sec,
                  (long)usage.ru_utime.tv_usec / 1000, (long)usage.ru_stime.tv_sec,
                  (long)usage.ru_stime.tv_usec / 1000);
}

static troupe_q open_client(bool small)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    options.host = "127.0.0.1";
    options.port = port;
    options.small_messages = small;
    options.message_limit = LIMIT;
    OK(troupe_q_open(sys, &options, &q));
    return q;
}

/* The query is the connection's: nobody here keeps it. */
static troupe_status ask(troupe_q q, troupe_q_value *query, troupe_q_value **answer)
{
    troupe_failure failure = {.text = ""};
    troupe_status status = troupe_q_wait(sys, q, &query, PATIENT, answer, &failure);

    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "%s\n", failure.text);
    }
    troupe_q_unref(&query);
    return status;
}

START_TEST(more_than_2_gib_goes_there_and_back)
{
    troupe_q_value *answer = NULL;

    begin();
    OK(ask(open_client(false), pattern(TROUPE_Q_BYTE, ABOVE_2_GIB), &answer));
    ck_assert(is_pattern(answer, TROUPE_Q_BYTE, ABOVE_2_GIB));
    troupe_q_unref(&answer);
    end("2 GiB both ways");
}
END_TEST

static void over_a_connection(troupe_q_kind kind)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_connection *conn = NULL;
    troupe_q_future *future = NULL;
    troupe_q_value *answer = NULL;

    options.kind = kind;
    options.host = "127.0.0.1";
    options.port = port;
    options.message_limit = LIMIT;
    OK(troupe_q_connection_open(sys, &options, &conn, NULL));
    OK(troupe_q_connection_await(conn, NULL));
    request.query = pattern(TROUPE_Q_BYTE, ABOVE_2_GIB);
    OK(troupe_q_connection_call_async(conn, &request, &future, NULL, NULL));
    troupe_q_unref(&request.query);
    OK(troupe_q_future_wait(future, PATIENT, &answer, NULL));
    ck_assert(is_pattern(answer, TROUPE_Q_BYTE, ABOVE_2_GIB));
    troupe_q_unref(&answer);
    troupe_q_future_unref(&future);
    troupe_q_connection_free(&conn);
}

START_TEST(more_than_2_gib_goes_over_async_and_raw_connections)
{
    begin();
    over_a_connection(TROUPE_Q_ASYNC_CONNECTION);
    over_a_connection(TROUPE_Q_RAW_CONNECTION);
    end("2 GiB over async and raw connections");
}
END_TEST

START_TEST(more_than_4_gib_goes_to_a_server)
{
    troupe_q_value *answer = NULL;

    begin();
    OK(ask(open_client(false), pattern(TROUPE_Q_LONG, LONGS), &answer));
    ck_assert_int_eq(troupe_q_type(answer), -TROUPE_Q_BOOLEAN);
    ck_assert_uint_eq(*TRP_Q_BYTES(answer), 1);
    troupe_q_unref(&answer);
    end("4 GiB to the server");
}
END_TEST

START_TEST(more_than_4_gib_of_more_than_4_giga_items_comes_from_a_server)
{
    troupe_q_value *answer = NULL, *text = NULL;

    begin();
    OK(troupe_q_string("give", TROUPE_Q_Z, &text));
    OK(ask(open_client(false), text, &answer));
    ck_assert(is_pattern(answer, TROUPE_Q_BYTE, ABOVE_4_GIB));
    troupe_q_unref(&answer);
    end("4 GiB from the server");
}
END_TEST

START_TEST(who_cannot_take_it_is_not_sent_it)
{
    troupe_q_value *answer = NULL, *text = NULL;

    begin();
    troupe_q q = open_client(true);
    ck_assert_int_eq(ask(q, pattern(TROUPE_Q_BYTE, ABOVE_2_GIB), &answer), TROUPE_ELIMIT);
    OK(troupe_q_string("give", TROUPE_Q_Z, &text));
    ck_assert_int_eq(ask(q, text, &answer), TROUPE_EREMOTE); /* 'limit */
    OK(ask(q, pattern(TROUPE_Q_BYTE, 8), &answer));          /* the connection lives on */
    troupe_q_unref(&answer);
    end("refused");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_large");
    TCase *tcase = tcase_create("over 2 and 4 GiB");

    tcase_set_timeout(tcase, 290);
    tcase_add_test(tcase, more_than_2_gib_goes_there_and_back);
    tcase_add_test(tcase, more_than_2_gib_goes_over_async_and_raw_connections);
    tcase_add_test(tcase, more_than_4_gib_goes_to_a_server);
    tcase_add_test(tcase, more_than_4_gib_of_more_than_4_giga_items_comes_from_a_server);
    tcase_add_test(tcase, who_cannot_take_it_is_not_sent_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
