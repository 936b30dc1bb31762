/* SPDX-License-Identifier: MIT
 * test_q_connection_server.c - raw connections that are servers, driven by polling. */
#include <string.h>

#include "tests/support/certs.h"
#include "tests/system/q_conn.h"

static troupe_q_connection *open_server(troupe_id evaluator)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.as_server = true;
    options.port = 0;
    options.engine = evaluator;
    options.timeout = TROUPE_MS(10); /* of a poll with nothing to do */
    options.close_limit = TROUPE_S(60);
    return conn_open(options);
}

/* An actor's client, which logs in while the test polls. */
static troupe_pending *ask(troupe_q_connection *server, troupe_q *q, const char *text,
                           troupe_kind kind)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_pending *pending = NULL;
    troupe_q_value *query = NULL;
    troupe_msg *msg = NULL;

    if (q->id.bits == 0) {
        options.host = "127.0.0.1";
        options.port = troupe_q_connection_port(server);
        options.username = "joe";
        options.password = "secret";
        OK(troupe_q_open(sys, &options, q));
    }
    OK(troupe_q_query(text, 0, NULL, &query));
    OK(troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, &msg));
    troupe_msg_set_kind(msg, kind);
    OK(troupe_post_ask(sys, q->id, &msg, TROUPE_S(60), &pending));
    return pending;
}

/* Polls until there is an answer. */
static troupe_msg *serve(troupe_q_connection *server, troupe_pending **pending,
                         int64_t amount)
{
    troupe_msg *answer = NULL;

    while (troupe_pending_wait(*pending, 0, &answer) != TROUPE_OK) {
        ck_assert_ptr_null(conn_receive(server, amount));
    }
    troupe_pending_free(pending);
    return answer;
}

static void serve_is(troupe_q_connection *server, troupe_pending *pending,
                     const char *text)
{
    troupe_msg *answer = serve(server, &pending, 0);

    ck_assert_int_eq(troupe_msg_status(answer), TROUPE_OK);
    conn_is(troupe_q_take(answer), text);
    troupe_msg_free(&answer);
}

static void serve_fails(troupe_q_connection *server, troupe_pending *pending,
                        troupe_status status, const char *text)
{
    troupe_msg *answer = serve(server, &pending, 0);

    ck_assert_int_eq(troupe_msg_status(answer), status);
    if (text != NULL) {
        ck_assert_str_eq(troupe_msg_failure(answer)->text, text);
    }
    troupe_msg_free(&answer);
}

START_TEST(as_server_evaluates_by_default)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q q = {{0}};

    serve_is(server, ask(server, &q, "6*7", TROUPE_KIND_Q_SYNC), "42");
    serve_fails(server, ask(server, &q, "1+`a", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE,
                "type");
    serve_is(server, ask(server, &q, ".z.u", TROUPE_KIND_Q_SYNC), "`joe");
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(handlers_of_the_engines_q_are_used)
{
    troupe_q_connection *server = open_server(engine), *other = conn_sync();
    troupe_q q = {{0}};

    conn_asks(other, ".z.pg:{(`got;x)};.z.pw:{[u;p](u=`joe)and p~\"secret\"};1", "1");
    /* `other` is logged in already; its server has the same engine. */
    serve_is(server, ask(server, &q, "abc", TROUPE_KIND_Q_SYNC), "(`got;\"abc\")");
    troupe_q_connection_free(&other);
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_status answer_length(void *context, const troupe_q_event *event,
                                   troupe_q_value **answer)
{
    (*(int *)context)++;
    ck_assert_int_eq(event->event, TROUPE_EMBEDQ_SYNC);
    return troupe_q_long((int64_t)troupe_q_count(event->value), answer);
}

static troupe_status answer_error(void *context, const troupe_q_event *event,
                                  troupe_q_value **answer)
{
    (void)context, (void)event;
    return troupe_q_error("mine", TROUPE_Q_Z, answer);
}

static troupe_status answer_status(void *context, const troupe_q_event *event,
                                   troupe_q_value **answer)
{
    (void)context, (void)event, (void)answer;
    return TROUPE_ELIMIT;
}

static troupe_status keep(void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    troupe_q_value **kept = context;

    (void)answer;
    troupe_q_unref(kept);
    *kept = troupe_q_ref(event->value);
    return TROUPE_OK;
}

START_TEST(handlers_pg_and_ps_get_sync_and_async_messages)
{
    troupe_q_connection *server = open_server(TROUPE_NOBODY);
    troupe_q_value *kept = NULL;
    troupe_q q = {{0}};
    int asked = 0;

    serve_fails(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE, "nyi");
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_length, &asked));
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_ASYNC, keep, &kept));
    serve_is(server, ask(server, &q, "abcd", TROUPE_KIND_Q_SYNC), "4");
    ck_assert_int_eq(asked, 1);
    troupe_pending *sent = ask(server, &q, "told", TROUPE_KIND_Q_ASYNC);
    while (kept == NULL) {
        ck_assert_ptr_null(conn_receive(server, 1));
    }
    conn_is(kept, "\"told\"");
    troupe_pending_free(&sent);
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_error, NULL));
    serve_fails(server, ask(server, &q, "x", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE, "mine");
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_status, NULL));
    serve_fails(server, ask(server, &q, "x", TROUPE_KIND_Q_SYNC), TROUPE_EREMOTE,
                troupe_status_text(TROUPE_ELIMIT));
    ck_assert_int_eq(
        troupe_q_connection_on(server, TROUPE_EMBEDQ_TIMER, answer_error, NULL),
        TROUPE_EINVAL);
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_status judge(void *context, const troupe_q_event *event,
                           troupe_q_value **answer)
{
    size_t size = 0;
    const char *password = troupe_q_text(event->value, &size);
    const char *right = context;

    return troupe_q_boolean(strcmp(event->user, "joe") == 0 && size == strlen(right) &&
                                memcmp(password, right, size) == 0,
                            answer);
}

START_TEST(handler_pw_judges_logins)
{
    static char right[] = "secret", wrong[] = "other";
    troupe_q_connection *server = open_server(engine);
    troupe_q in = {{0}}, out = {{0}};

    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_LOGIN, judge, right));
    serve_is(server, ask(server, &in, "1", TROUPE_KIND_Q_SYNC), "1");
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_LOGIN, judge, wrong));
    serve_fails(server, ask(server, &out, "1", TROUPE_KIND_Q_SYNC), TROUPE_EACCESS, NULL);
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_status note_event(void *context, const troupe_q_event *event,
                                troupe_q_value **answer)
{
    unsigned *seen = context;

    (void)answer;
    *seen |= 1u << event->event;
    return TROUPE_OK;
}

START_TEST(handlers_po_and_pc_see_clients_come_and_go)
{
    troupe_q_connection *server = open_server(engine);
    const unsigned both = 1u << TROUPE_EMBEDQ_OPENED | 1u << TROUPE_EMBEDQ_CLOSED;
    unsigned seen = 0;
    troupe_q q = {{0}};

    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_OPENED, note_event, &seen));
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_CLOSED, note_event, &seen));
    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    ck_assert_uint_eq(seen, 1u << TROUPE_EMBEDQ_OPENED);
    OK(troupe_q_close(sys, q));
    while (seen != both) {
        ck_assert_ptr_null(conn_receive(server, 1));
    }
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(poll_recv_of_a_server_handles_at_most_as_many_messages)
{
    troupe_q_connection *server = open_server(TROUPE_NOBODY);
    troupe_pending *pending[5];
    troupe_q q = {{0}};
    int asked = 0;

    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_SYNC, answer_length, &asked));
    for (int i = 0; i < 5; i++) {
        pending[i] = ask(server, &q, "a", TROUPE_KIND_Q_SYNC);
    }
    ck_assert_ptr_null(conn_receive(server, -1));
    ck_assert_int_eq(asked, 0);
    while (asked == 0) {
        ck_assert_ptr_null(conn_receive(server, 1));
    }
    ck_assert_int_eq(asked, 1);
    while (asked < 4) { /* three or more serve as many */
        int before = asked;
        ck_assert_ptr_null(conn_receive(server, 3));
        ck_assert_int_le(asked, before + 3);
    }
    while (asked < 5) {
        ck_assert_ptr_null(conn_receive(server, 0));
    }
    for (int i = 0; i < 5; i++) {
        serve_is(server, pending[i], "1");
    }
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(poll_recv_async_of_a_server_handles_a_message_when_waited_for)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q_future *future = NULL;
    troupe_q q = {{0}};

    troupe_pending *pending = ask(server, &q, "6*7", TROUPE_KIND_Q_SYNC);
    OK(troupe_q_connection_poll_recv_async(server, &future, &failure));
    conn_ends(&future, "::");
    serve_is(server, pending, "42");
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(clean_open_connections_counts_and_sends_nothing)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q q = {{0}};
    size_t clients = 9;

    OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    ck_assert_uint_eq(clients, 0);
    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    ck_assert_uint_eq(clients, 1);
    serve_is(server, ask(server, &q, "2", TROUPE_KIND_Q_SYNC), "2"); /* and no `::` */
    OK(troupe_q_close(sys, q));
    while (clients > 0) { /* it is noticed without a message */
        ck_assert_ptr_null(conn_receive(server, 1));
        OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    }
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_q_connection *open_swept(troupe_ns conn_gc_time, unsigned *seen)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.as_server = true;
    options.port = 0;
    options.engine = engine;
    options.conn_gc_time = conn_gc_time;
    options.timeout = TROUPE_MS(1);
    troupe_q_connection *server = conn_open(options);
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_OPENED, note_event, seen));
    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_CLOSED, note_event, seen));
    return server;
}

static void poll_until(troupe_q_connection *server, const unsigned *seen,
                       troupe_embedq_event event)
{
    while ((*seen & 1u << event) == 0) {
        ck_assert_ptr_null(conn_receive(server, 1));
    }
}

/* Two servers with a silent client each: that of the second outlives that of the first.
 */
START_TEST(parameter_conn_gc_time_closes_clients_that_are_silent)
{
    unsigned swept = 0, kept = 0;
    troupe_q_connection *never = open_swept(0, &kept),
                        *server = open_swept(TROUPE_MS(20), &swept);
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q first, second;
    size_t clients = 0;

    options.host = "127.0.0.1";
    options.port = troupe_q_connection_port(never);
    OK(troupe_q_open(sys, &options, &first));
    poll_until(never, &kept, TROUPE_EMBEDQ_OPENED);
    options.port = troupe_q_connection_port(server);
    OK(troupe_q_open(sys, &options, &second));
    poll_until(server, &swept, TROUPE_EMBEDQ_CLOSED);
    OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    ck_assert_uint_eq(clients, 0);
    ck_assert_ptr_null(conn_receive(never, 0));
    OK(troupe_q_connection_clean_open_connections(never, &clients, &failure));
    ck_assert_uint_eq(clients, 1);
    troupe_q_connection_free(&never);
    troupe_q_connection_free(&server);
}
END_TEST

/* More queries than are taken of a client at once: the last come while the server closes,
 * which waits for their answers. */
START_TEST(closing_a_server_refuses_what_comes_meanwhile)
{
    enum { MANY = 300 };
    troupe_q_connection *server = open_server(engine);
    troupe_pending *pending[MANY];
    troupe_q_future *future = NULL;
    troupe_q q = {{0}};

    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    for (int i = 0; i < MANY; i++) {
        pending[i] = ask(server, &q, "2", TROUPE_KIND_Q_SYNC);
    }
    OK(troupe_q_connection_poll_recv_async(server, &future, &failure));
    troupe_q_connection_free(&server);
    conn_fails(&future, TROUPE_ECLOSED);
    for (int i = 0; i < MANY; i++) {
        troupe_msg *answer = NULL;
        OK(troupe_pending_wait(pending[i], TROUPE_S(60), &answer));
        ck_assert_int_ne(troupe_msg_status(answer), TROUPE_OK);
        troupe_msg_free(&answer);
        troupe_pending_free(&pending[i]);
    }
}
END_TEST

START_TEST(a_response_to_a_server_ends_that_client_alone)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q odd, even = {{0}};
    unsigned seen = 0;
    size_t clients = 0;

    OK(troupe_q_connection_on(server, TROUPE_EMBEDQ_CLOSED, note_event, &seen));
    options.host = "127.0.0.1";
    options.port = troupe_q_connection_port(server);
    options.raw = true; /* may send responses */
    OK(troupe_q_open(sys, &options, &odd));
    troupe_pending *sent = ask(server, &odd, "1", TROUPE_KIND_Q_RESPONSE);
    poll_until(server, &seen, TROUPE_EMBEDQ_CLOSED);
    OK(troupe_q_connection_clean_open_connections(server, &clients, &failure));
    ck_assert_uint_eq(clients, 0);
    troupe_pending_free(&sent);
    serve_is(server, ask(server, &even, "2", TROUPE_KIND_Q_SYNC), "2");
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(closing_a_server_answers_what_was_not_polled_for)
{
    troupe_q_connection *server = open_server(engine);
    troupe_q q = {{0}};
    troupe_msg *answer = NULL;

    serve_is(server, ask(server, &q, "1", TROUPE_KIND_Q_SYNC), "1");
    troupe_pending *pending = ask(server, &q, "2", TROUPE_KIND_Q_SYNC);
    OK(troupe_q_connection_close(server, &failure));
    OK(troupe_pending_wait(pending, TROUPE_S(60), &answer));
    ck_assert_int_ne(troupe_msg_status(answer), TROUPE_OK);
    troupe_msg_free(&answer);
    troupe_pending_free(&pending);
    troupe_q_connection_free(&server);
}
END_TEST

static troupe_q_connection *open_with_tls(const troupe_tls_options *own)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.as_server = options.tls = true;
    options.tls_options = own;
    options.port = 0;
    options.engine = engine;
    options.timeout = TROUPE_MS(10);
    return conn_open(options);
}

START_TEST(a_server_that_cannot_listen_says_why)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);
    troupe_tls_options own = TROUPE_TLS_OPTIONS;
    troupe_q_connection *server = NULL;

    options.as_server = true; /* the port is that of the fixture's server */
    OK(troupe_q_connection_open(sys, &options, &server, &failure));
    ck_assert_int_eq(troupe_q_connection_await(server, &failure), TROUPE_EINUSE);
    ck_assert_int_eq(strncmp(failure.text, "Connection error: ", 18), 0);
    troupe_q_connection_free(&server);
    own.cert_file = own.key_file = "/no/such.pem";
    options.tls = true;
    options.tls_options = &own;
    options.port = 0;
    OK(troupe_q_connection_open(sys, &options, &server, &failure));
    ck_assert_int_eq(troupe_q_connection_await(server, &failure), TROUPE_ENOENT);
    ck_assert_ptr_nonnull(
        strstr(failure.text, "OpenSSL initialization failed: SSL_CERT_FILE"));
    troupe_q_connection_free(&server);
}
END_TEST

START_TEST(a_polled_server_may_speak_tls)
{
    troupe_tls_options own = TROUPE_TLS_OPTIONS, trust = TROUPE_TLS_OPTIONS;
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    certs_make();
    own.cert_file = certs_path("server.pem");
    own.key_file = certs_path("server.key");
    trust.ca_cert_file = certs_path("ca.pem");
    troupe_q_connection *server = open_with_tls(&own);
    options.host = "127.0.0.1";
    options.port = troupe_q_connection_port(server);
    options.tls = true;
    options.tls_options = &trust;
    OK(troupe_q_open(sys, &options, &q));
    serve_is(server, ask(server, &q, "6*7", TROUPE_KIND_Q_SYNC), "42");
    troupe_q_connection_free(&server);
    certs_remove();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_server");
    TCase *tcase = tcase_create("polling");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, conn_begin, conn_end);
    tcase_add_test(tcase, as_server_evaluates_by_default);
    tcase_add_test(tcase, handlers_of_the_engines_q_are_used);
    tcase_add_test(tcase, handlers_pg_and_ps_get_sync_and_async_messages);
    tcase_add_test(tcase, handler_pw_judges_logins);
    tcase_add_test(tcase, handlers_po_and_pc_see_clients_come_and_go);
    tcase_add_test(tcase, poll_recv_of_a_server_handles_at_most_as_many_messages);
    tcase_add_test(tcase, poll_recv_async_of_a_server_handles_a_message_when_waited_for);
    tcase_add_test(tcase, clean_open_connections_counts_and_sends_nothing);
    tcase_add_test(tcase, parameter_conn_gc_time_closes_clients_that_are_silent);
    tcase_add_test(tcase, closing_a_server_refuses_what_comes_meanwhile);
    tcase_add_test(tcase, a_response_to_a_server_ends_that_client_alone);
    tcase_add_test(tcase, closing_a_server_answers_what_was_not_polled_for);
    tcase_add_test(tcase, a_server_that_cannot_listen_says_why);
    tcase_add_test(tcase, a_polled_server_may_speak_tls);
    suite_add_tcase(suite, tcase);
    return suite;
}
