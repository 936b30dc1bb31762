/* SPDX-License-Identifier: MIT
 * test_q_connection.c - the constructor: classes, parameters, what is refused. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/support/certs.h"
#include "tests/system/q_conn.h"

static const troupe_q_user users[] = {{"joe", "se:cret"}};

static troupe_q_server_options with_users(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.users = users;
    options.user_count = 1;
    return options;
}

static void repr_is(const troupe_q_connection *conn, const char *text)
{
    troupe_q_value *line = NULL;
    size_t size = 0;

    OK(troupe_q_connection_repr(conn, &line));
    const char *bytes = troupe_q_text(line, &size);
    ck_assert_msg(size == strlen(text) && memcmp(bytes, text, size) == 0, "%.*s",
                  (int)size, bytes);
    troupe_q_unref(&line);
}

/* ---- classes ---- */

START_TEST(class_sync_connects_at_construction)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_connection *conn = NULL;
    troupe_q_info info;

    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    OK(troupe_q_connection_info(conn, &info, &failure));
    ck_assert_int_eq(info.phase, TROUPE_Q_READY);
    ck_assert_uint_eq(info.logins, 1); /* and not two sockets */
    conn_asks(conn, "1+1", "2");
    troupe_q_connection_free(&conn);
    ck_assert_ptr_null(conn);
}
END_TEST

static void is_inert(troupe_q_kind kind)
{
    troupe_q_connection_options options = conn_options(kind);
    troupe_q_connection *conn = NULL;
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL;
    troupe_q_info info;
    const char *text = "The QConnection has not been initialized.";

    request.text = "1";
    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    ck_assert_int_eq(
        troupe_q_connection_call_async(conn, &request, &future, NULL, &failure),
        TROUPE_ESTATE);
    ck_assert_str_eq(failure.text, text);
    ck_assert_int_eq(troupe_q_connection_close(conn, &failure), TROUPE_ESTATE);
    ck_assert_str_eq(failure.text, text);
    ck_assert_int_eq(troupe_q_connection_info(conn, &info, &failure), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_poll_send(conn, 1, &failure), TROUPE_ESTATE);
    ck_assert_str_eq(failure.text, text);
    OK(troupe_q_connection_await(conn, &failure));
    OK(troupe_q_connection_await(conn, &failure)); /* twice is harmless */
    future = conn_call(conn, "1+1");
    conn_ends(&future, "2");
    troupe_q_connection_free(&conn);
}

START_TEST(class_async_is_inert_until_awaited)
{
    is_inert(TROUPE_Q_ASYNC_CONNECTION);
}
END_TEST

START_TEST(class_raw_is_inert_until_awaited)
{
    is_inert(TROUPE_Q_RAW_CONNECTION);
}
END_TEST

START_TEST(message_types_have_the_documented_names_and_numbers)
{
    ck_assert_int_eq(TROUPE_Q_ASYNC_MSG, 0);
    ck_assert_int_eq(TROUPE_Q_SYNC_MSG, 1);
    ck_assert_int_eq(TROUPE_Q_RESP_MSG, 2);
}
END_TEST

/* ---- parameters ---- */

START_TEST(parameter_host_is_localhost_by_default)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    options.host = NULL;
    troupe_q_connection *conn = conn_open(options);
    troupe_q_info info;
    OK(troupe_q_connection_info(conn, &info, &failure));
    ck_assert_str_eq(info.host, "localhost");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_port_must_be_provided)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    options.port = 0;
    conn_refused(options, TROUPE_EINVAL, "IPC port must be provided");
    options.unix_domain = true;
    conn_refused(options, TROUPE_EINVAL, "IPC port must be provided");
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    conn_refused(options, TROUPE_EINVAL, "IPC port must be provided");
}
END_TEST

START_TEST(parameter_large_messages_sets_the_capability_of_the_login)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_info info;

    ck_assert(options.large_messages);
    troupe_q_connection *conn = conn_open(options);
    OK(troupe_q_connection_info(conn, &info, &failure));
    ck_assert_uint_eq(info.capability, 6);
    troupe_q_connection_free(&conn);
    options.large_messages = false;
    conn = conn_open(options);
    OK(troupe_q_connection_info(conn, &info, &failure));
    ck_assert_uint_eq(info.capability, 3);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_wait_is_the_default_of_sync_calls)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_value *value = NULL;

    options.wait = false;
    troupe_q_connection *conn = conn_open(options);
    conn_asks(conn, "a:1", "::");
    request.text = "a";
    request.wait = TROUPE_Q_YES;
    OK(troupe_q_connection_call(conn, &request, &value, &failure));
    conn_is(value, "1");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_wait_is_not_used_by_async_and_raw)
{
    for (int kind = TROUPE_Q_ASYNC_CONNECTION; kind <= TROUPE_Q_RAW_CONNECTION; kind++) {
        troupe_q_connection_options options = conn_options((troupe_q_kind)kind);
        options.wait = false;
        troupe_q_connection *conn = conn_open(options);
        troupe_q_future *future = conn_call(conn, "1+1");
        conn_ends(&future, "2");
        troupe_q_connection_free(&conn);
    }
}
END_TEST

static int depth, calls;
static troupe_q_connection *looker; /* sees what the server has done, when released */

static void acquire(void *context)
{
    ck_assert_ptr_eq(context, &depth);
    ck_assert_int_eq(depth++, 0);
    calls++;
}

static void release(void *context)
{
    ck_assert_ptr_eq(context, &depth);
    if (looker != NULL) {
        conn_asks(looker, "done", "1b");
    }
    ck_assert_int_eq(--depth, 0);
}

START_TEST(parameter_lock_is_held_around_a_whole_call)
{
    static const troupe_q_lock lock = {acquire, release, &depth};
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    options.lock = &lock;
    troupe_q_connection *conn = conn_open(options);
    ck_assert_int_eq(calls, 0);
    looker = conn_sync();
    conn_asks(looker, "done:0b;1", "1");
    conn_asks(conn, "done:1b;2", "2"); /* still held when the server has evaluated it */
    ck_assert_int_eq(calls, 1);
    troupe_q_connection_free(&looker);
    ck_assert_int_eq(troupe_q_connection_query(conn, "`a+1", 0, NULL, NULL, &failure),
                     TROUPE_EREMOTE); /* released also then */
    ck_assert_int_eq(calls, 2);
    troupe_q_request request = TROUPE_Q_REQUEST;
    request.text = "1+1";
    request.reuse = false; /* over a connection of its own, without the lock */
    OK(troupe_q_connection_call(conn, &request, NULL, &failure));
    ck_assert_int_eq(calls, 2);
    troupe_q_connection_free(&conn);
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    conn = conn_open(options);
    troupe_q_future *future = conn_call(conn, "1+1");
    ck_assert_int_eq(calls, 3);
    conn_ends(&future, "2");
    ck_assert_int_eq(depth, 0);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_lock_is_not_for_raw)
{
    static const troupe_q_lock lock = {acquire, release, &depth};
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.lock = &lock;
    conn_refused(options, TROUPE_EINVAL, "a RawQConnection takes no lock");
}
END_TEST

/* ---- refused combinations ---- */

START_TEST(tls_and_unix_together_are_refused)
{
    for (int kind = TROUPE_Q_SYNC_CONNECTION; kind <= TROUPE_Q_RAW_CONNECTION; kind++) {
        troupe_q_connection_options options = conn_options((troupe_q_kind)kind);
        options.tls = options.unix_domain = true;
        conn_refused(options, TROUPE_EINVAL,
                     "Using both tls and unix is not possible with a QConnection.");
    }
}
END_TEST

START_TEST(as_server_is_for_raw_only)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    options.as_server = true;
    conn_refused(options, TROUPE_EINVAL, "as_server is only for a RawQConnection");
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_ASYNC_CONNECTION);

    options.username = "a:b";
    conn_refused(options, TROUPE_EINVAL, "the user name must not contain a colon");
    options = conn_options(TROUPE_Q_ASYNC_CONNECTION);
    options.reconnection_attempts = -2;
    conn_refused(options, TROUPE_EINVAL, "reconnection_attempts is -1, 0 or how many");
    options = conn_options((troupe_q_kind)9);
    conn_refused(options, TROUPE_EINVAL, "there is no such kind of connection");
    options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    options.size--;
    conn_refused(options, TROUPE_EINVAL, "the options are not of this version's size");
    options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    options.timeout = -1;
    conn_refused(options, TROUPE_EINVAL, "a time limit must not be negative");
}
END_TEST

/* ---- failures ---- */

START_TEST(nobody_listening_is_a_connection_error)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_RAW_CONNECTION);

    options.as_server = true; /* a port that was free */
    options.host = "127.0.0.1";
    options.port = 0;
    troupe_q_connection *server = conn_open(options);
    options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    options.port = troupe_q_connection_port(server);
    troupe_q_connection_free(&server);
    conn_refused(options, TROUPE_EREFUSED, "Connection error: ");
}
END_TEST

/* ---- repr ---- */

START_TEST(repr_shows_the_class_and_what_is_not_the_default)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_connection *conn = NULL;

    options.host = NULL;
    options.port = 5001;
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    repr_is(conn, "pykx.AsyncQConnection(port=5001)");
    troupe_q_connection_free(&conn);
    options.kind = TROUPE_Q_RAW_CONNECTION;
    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    repr_is(conn, "pykx.QConnection(port=5001)");
    troupe_q_connection_free(&conn);
    options.unix_domain = true;
    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    repr_is(conn, "pykx.QConnection(port=5001, unix=True)");
    troupe_q_connection_free(&conn);
    options.unix_domain = false;
    options.host = "localhost";
    options.username = "o'neil";
    options.password = "secret";
    options.timeout = TROUPE_S(2);
    options.connection_timeout = TROUPE_MS(2500);
    options.large_messages = false;
    options.no_ctx = true;
    options.reconnection_attempts = 5;
    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    repr_is(conn, "pykx.QConnection(port=5001, username='o\\'neil', "
                  "password='********', timeout=2.0, large_messages=False, no_ctx=True, "
                  "reconnection_attempts=5, connection_timeout=2.5)");
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- users ---- */

START_TEST(parameters_username_and_password_log_in)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    conn_end();
    conn_begin_with(with_users());
    options.port = port;
    options.username = "joe";
    options.password = "se:cret";
    troupe_q_connection *conn = conn_open(options);
    conn_asks(conn, ".z.u", "`joe");
    troupe_q_connection_free(&conn);
    options.username = options.password = NULL; /* which is "" and "" */
    conn_refused(options, TROUPE_EACCESS, "Authentication error: ");
}
END_TEST

START_TEST(a_wrong_password_is_an_authentication_error)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    conn_end();
    conn_begin_with(with_users());
    options.port = port;
    options.username = "joe";
    options.password = "wrong";
    conn_refused(options, TROUPE_EACCESS, "Authentication error: ");
    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    troupe_q_connection *conn = NULL;
    OK(troupe_q_connection_open(sys, &options, &conn, &failure));
    ck_assert_int_eq(troupe_q_connection_await(conn, &failure), TROUPE_EACCESS);
    ck_assert_int_eq(strncmp(failure.text, "Authentication error", 20), 0);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- ways to the server ---- */

START_TEST(parameter_unix_reaches_the_unix_socket_of_the_port)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;

    conn_end();
    server.unix_domain = TROUPE_Q_UNIX_ALL;
    conn_begin_with(server);
    for (int kind = TROUPE_Q_SYNC_CONNECTION; kind <= TROUPE_Q_RAW_CONNECTION; kind++) {
        troupe_q_connection_options options = conn_options((troupe_q_kind)kind);
        options.host = "no.such.host.example"; /* is ignored */
        options.unix_domain = true;
        troupe_q_connection *conn = conn_open(options);
        troupe_q_future *future = conn_call(conn, "1+1");
        conn_ends(&future, "2");
        troupe_q_info info;
        OK(troupe_q_connection_info(conn, &info, &failure));
        ck_assert(info.unix_domain);
        troupe_q_connection_free(&conn);
    }
}
END_TEST

START_TEST(unix_form_says_which_of_the_unix_sockets)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);

    options.unix_domain = true;
    options.unix_form = TROUPE_Q_UNIX_FORM_EXACT; /* this server has none */
    conn_refused(options, TROUPE_EREFUSED, "Connection error: ");
    conn_end();
    server.unix_domain = TROUPE_Q_UNIX_ALL;
    conn_begin_with(server);
    options.port = port;
    for (int form = TROUPE_Q_UNIX_FORM_EXACT; form <= TROUPE_Q_UNIX_FORM_FILE; form++) {
        options.unix_form = (troupe_q_unix_form)form;
        troupe_q_connection *conn = conn_open(options);
        conn_asks(conn, "1+1", "2");
        troupe_q_connection_free(&conn);
    }
}
END_TEST

static troupe_q_server_options with_tls(const troupe_tls_options *tls)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;

    server.tls_mode = TROUPE_Q_TLS_BOTH;
    server.tls_options = tls;
    return server;
}

START_TEST(parameter_tls_works_for_all_classes)
{
    troupe_tls_options own = TROUPE_TLS_OPTIONS, trust = TROUPE_TLS_OPTIONS;

    certs_make();
    own.cert_file = certs_path("server.pem");
    own.key_file = certs_path("server.key");
    trust.ca_cert_file = certs_path("ca.pem");
    conn_end();
    conn_begin_with(with_tls(&own));
    for (int kind = TROUPE_Q_SYNC_CONNECTION; kind <= TROUPE_Q_RAW_CONNECTION; kind++) {
        troupe_q_connection_options options = conn_options((troupe_q_kind)kind);
        options.tls = true;
        options.tls_options = &trust;
        troupe_q_connection *conn = conn_open(options);
        troupe_q_future *future = conn_call(conn, "1+1");
        conn_ends(&future, "2");
        troupe_q_info info;
        OK(troupe_q_connection_info(conn, &info, &failure));
        ck_assert(info.tls);
        troupe_q_connection_free(&conn);
    }
    certs_remove();
}
END_TEST

START_TEST(class_secure_without_tls_is_a_plain_connection)
{
    troupe_q_connection *conn = conn_open(conn_options(TROUPE_Q_SECURE_CONNECTION));
    troupe_q_info info;

    OK(troupe_q_connection_info(conn, &info, &failure));
    ck_assert(!info.tls);
    conn_asks(conn, "1+1", "2");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_certificate_nobody_vouches_for_is_refused)
{
    troupe_tls_options own = TROUPE_TLS_OPTIONS, trust = TROUPE_TLS_OPTIONS;

    certs_make();
    own.cert_file = certs_path("server.pem");
    own.key_file = certs_path("server.key");
    trust.ca_cert_file = certs_path("other_ca.pem");
    conn_end();
    conn_begin_with(with_tls(&own));
    troupe_q_connection_options options = conn_options(TROUPE_Q_SECURE_CONNECTION);
    options.tls = true;
    options.tls_options = &trust;
    conn_refused(options, TROUPE_ETLS, "OpenSSL initialization failed: ");
    certs_remove();
}
END_TEST

START_TEST(ssl_info_has_the_keys_of_q)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *info = NULL;

    OK(troupe_q_connection_ssl_info(conn, &info));
    ck_assert_int_eq(troupe_q_type(info), TROUPE_Q_DICT);
    conn_is(troupe_q_ref(troupe_q_part(info, 0)),
            "`SSLEAY_VERSION`SSL_CERT_FILE`SSL_CA_CERT_FILE`SSL_CA_CERT_PATH`SSL_KEY_FILE"
            "`SSL_CIPHER_LIST`SSL_VERIFY_CLIENT`SSL_VERIFY_SERVER`SSL_ERROR_INFO");
    troupe_q_unref(&info);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- memory ---- */

/* Every allocation of this thread fails once; returns whether one did. */
static bool open_and_call(uint64_t nth)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_ASYNC_CONNECTION);
    troupe_q_connection *conn = NULL;
    troupe_q_request request = TROUPE_Q_REQUEST;
    troupe_q_future *future = NULL, *alone = NULL;
    troupe_q_value *value = NULL;

    options.username = "joe";
    request.text = "1+1";
    request.debug = true;
    trp_fail_nth(nth);
    troupe_status status = troupe_q_connection_open(sys, &options, &conn, &failure);
    if (status == TROUPE_OK) {
        status = troupe_q_connection_await(conn, &failure);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_connection_call(conn, &request, &value, &failure);
        troupe_q_unref(&value);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_connection_call_async(conn, &request, &future, NULL, &failure);
    }
    if (status == TROUPE_OK) {
        request.reuse = false;
        request.wait = TROUPE_Q_NO;
        status = troupe_q_connection_call_async(conn, &request, &alone, NULL, &failure);
    }
    troupe_q_connection_free(&conn);
    bool failed = trp_fail_happened();
    ck_assert(failed || status == TROUPE_OK);
    troupe_q_future_unref(&future);
    troupe_q_future_unref(&alone);
    return failed;
}

START_TEST(without_memory_opening_and_calling_fail_and_leave_nothing)
{
    uint64_t nth = 1;

    while (open_and_call(nth)) {
        nth++;
    }
    ck_assert_uint_gt(nth, 10);
    troupe_q_connection *conn = conn_sync();
    conn_asks(conn, "1+1", "2");
    troupe_q_connection_free(&conn);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection");
    TCase *tcase = tcase_create("constructor");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, conn_begin, conn_end);
    tcase_add_test(tcase, class_sync_connects_at_construction);
    tcase_add_test(tcase, class_async_is_inert_until_awaited);
    tcase_add_test(tcase, class_raw_is_inert_until_awaited);
    tcase_add_test(tcase, message_types_have_the_documented_names_and_numbers);
    tcase_add_test(tcase, parameter_host_is_localhost_by_default);
    tcase_add_test(tcase, parameter_port_must_be_provided);
    tcase_add_test(tcase, parameter_large_messages_sets_the_capability_of_the_login);
    tcase_add_test(tcase, parameter_wait_is_the_default_of_sync_calls);
    tcase_add_test(tcase, parameter_wait_is_not_used_by_async_and_raw);
    tcase_add_test(tcase, parameter_lock_is_held_around_a_whole_call);
    tcase_add_test(tcase, parameter_lock_is_not_for_raw);
    tcase_add_test(tcase, tls_and_unix_together_are_refused);
    tcase_add_test(tcase, as_server_is_for_raw_only);
    tcase_add_test(tcase, options_out_of_range_are_refused);
    tcase_add_test(tcase, nobody_listening_is_a_connection_error);
    tcase_add_test(tcase, repr_shows_the_class_and_what_is_not_the_default);
    tcase_add_test(tcase, parameters_username_and_password_log_in);
    tcase_add_test(tcase, a_wrong_password_is_an_authentication_error);
    tcase_add_test(tcase, parameter_unix_reaches_the_unix_socket_of_the_port);
    tcase_add_test(tcase, unix_form_says_which_of_the_unix_sockets);
    tcase_add_test(tcase, parameter_tls_works_for_all_classes);
    tcase_add_test(tcase, class_secure_without_tls_is_a_plain_connection);
    tcase_add_test(tcase, a_certificate_nobody_vouches_for_is_refused);
    tcase_add_test(tcase, ssl_info_has_the_keys_of_q);
    tcase_add_test(tcase, without_memory_opening_and_calling_fail_and_leave_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
