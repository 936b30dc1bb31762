/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <troupe/q.h>

#include "tests/support/certs.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"
#include "transports/q/q_addresses.h"

/* A server on a free port of a system that runs on threads, and clients of it. */
static troupe_system *sys;
static troupe_q_server server;
static uint16_t port;

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static troupe_status echo(troupe_self *self, void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    (void)self, (void)context;
    *answer = troupe_q_ref(event->value);
    return TROUPE_OK;
}

static void begin_with(troupe_q_server_options options)
{
    OK(troupe_system_new(NULL, &sys));
    OK(troupe_system_start(sys));
    options.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    OK(troupe_q_serve(sys, &options, &server, &port));
}

static void end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(10));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
}

static troupe_q open_as(const char *user, const char *password)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    options.port = port;
    options.username = user;
    options.password = password;
    OK(troupe_q_open(sys, &options, &q));
    return q;
}

static troupe_status ask(troupe_q q, const char *text)
{
    troupe_q_value *query = NULL, *answer = NULL;

    OK(troupe_q_query(text, 0, NULL, &query));
    troupe_status status = troupe_q_wait(sys, q, &query, TROUPE_S(60), &answer, NULL);
    troupe_q_unref(&query);
    troupe_q_unref(&answer);
    return status;
}

START_TEST(users_of_a_file_log_in_and_others_do_not)
{
    static const troupe_q_user plain[] = {{"root", "toor"}};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
    troupe_q_users *users = NULL;

    scratch_make(dir);
    (void)snprintf(path, sizeof(path), "%s/users", dir);
    OK(troupe_q_users_set(path, "joe", "secret"));
    OK(troupe_q_users_load(path, &users, NULL));
    options.accounts = users;
    options.users = plain;
    options.user_count = 1;
    begin_with(options);
    troupe_q_users_free(&users); /* the server has a reference of its own */
    OK(ask(open_as("joe", "secret"), "x"));
    ck_assert_int_eq(ask(open_as("joe", "wrong"), "x"), TROUPE_EACCESS);
    ck_assert_int_eq(ask(open_as("ann", "secret"), "x"), TROUPE_EACCESS);
    ck_assert_int_eq(ask(open_as(NULL, NULL), "x"), TROUPE_EACCESS);
    OK(ask(open_as("root", "toor"), "x"));
    end();
    scratch_remove(dir);
}
END_TEST

START_TEST(shutting_down_while_passwords_are_looked_at_does_not_hang)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];

    scratch_make(dir);
    (void)snprintf(path, sizeof(path), "%s/users", dir);
    OK(troupe_q_users_set(path, "joe", "secret"));
    OK(troupe_q_users_load(path, &options.accounts, NULL));
    begin_with(options);
    for (int i = 0; i < 16; i++) {
        (void)open_as("joe", "secret");
    }
    OK(ask(open_as("joe", "secret"), "x"));
    end();
    troupe_q_users_free(&options.accounts);
    scratch_remove(dir);
}
END_TEST

/* Logs in at a socket and asks for an echo, byte by byte as the protocol has it. */
static void converse(const struct trp_address *at)
{
    static const uint8_t question[] = {1, 1, 0, 0, 10, 0, 0, 0, 0x65, 0};
    uint8_t answer[10];

    int fd = socket(at->any.plain.sa_family, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &at->any.plain, at->size), 0);
    ck_assert_int_eq(send(fd, ":\6", 3, MSG_NOSIGNAL), 3);
    ck_assert_int_eq(recv(fd, answer, 1, 0), 1);
    ck_assert_uint_eq(answer[0], 6);
    ck_assert_int_eq(send(fd, question, sizeof(question), MSG_NOSIGNAL), 10);
    ck_assert_int_eq(recv(fd, answer, sizeof(answer), MSG_WAITALL), 10);
    ck_assert_uint_eq(answer[1], 2);
    (void)close(fd);
}

START_TEST(both_abstract_forms_and_the_file_reach_the_server)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    struct trp_addresses at;

    options.unix_domain = TROUPE_Q_UNIX_ALL;
    begin_with(options);
    OK(trp_q_addresses_dial(port, &at));
    ck_assert_uint_eq(at.count, 3);
    for (unsigned i = 0; i < at.count; i++) {
        converse(&at.items[i]);
    }
    OK(ask(open_as(NULL, NULL), "x")); /* and TCP */
    end();
    for (unsigned i = 0; i < at.count; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_ne(connect(fd, &at.items[i].any.plain, at.items[i].size), 0);
        (void)close(fd);
    }
}
END_TEST

START_TEST(unix_sockets_that_are_taken_fail_the_server_or_not_as_it_says)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server second;
    struct trp_addresses at;
    uint16_t other = 0;

    begin_with(options);
    OK(trp_q_addresses_listen(port, false, &at));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, &at.items[0].any.plain, at.items[0].size), 0);
    options.host = "127.0.0.2";
    options.port = port;
    options.unix_domain = TROUPE_Q_UNIX_ALL;
    ck_assert_int_eq(troupe_q_serve(sys, &options, &second, &other), TROUPE_EINUSE);
    troupe_log_to(sys, TROUPE_LOG_ERROR, troupe_log_stderr, NULL);
    options.unix_domain = TROUPE_Q_UNIX_TRY;
    OK(troupe_q_serve(sys, &options, &second, &other));
    converse(&at.items[1]); /* the padded one was free */
    (void)close(fd);
    end();
}
END_TEST

/* ---- TLS ---- */

/* A connected socket of the test's own; what hangs fails. */
static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to)),
                     0);
    return fd;
}

/* The client's certificate is `name`.pem, or none. Whether the login was accepted. */
static bool speak_tls(const char *name)
{
    static const uint8_t question[] = {1, 1, 0, 0, 10, 0, 0, 0, 0x65, 0};
    uint8_t answer[16];
    char file[64];
    int fd = dial();

    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without saying so */
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (name != NULL) {
        (void)snprintf(file, sizeof(file), "%s.pem", name);
        ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(context, certs_path(file)),
                         1);
        (void)snprintf(file, sizeof(file), "%s.key", name);
        ck_assert_int_eq(
            SSL_CTX_use_PrivateKey_file(context, certs_path(file), SSL_FILETYPE_PEM), 1);
    }
    SSL *ssl = SSL_new(context);
    ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
    bool good = SSL_connect(ssl) == 1 && SSL_write(ssl, "joe:x\6", 7) == 7 &&
                SSL_read(ssl, answer, 1) == 1;
    if (good) {
        ck_assert_int_eq(SSL_write(ssl, question, sizeof(question)), sizeof(question));
        ck_assert_int_eq(SSL_read(ssl, answer, sizeof(answer)), 10);
        ck_assert_uint_eq(answer[1], 2);
        ck_assert_int_eq(SSL_shutdown(ssl), 0);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    (void)close(fd);
    return good;
}

static bool speak_plainly(void)
{
    char answer;
    int fd = dial();

    bool good = send(fd, "joe:x\6", 7, MSG_NOSIGNAL) == 7 && recv(fd, &answer, 1, 0) == 1;
    (void)close(fd);
    return good;
}

static troupe_tls_options server_certs(void)
{
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;

    tls.cert_file = certs_path("server.pem");
    tls.key_file = certs_path("server.key");
    tls.ca_cert_file = certs_path("ca.pem");
    return tls;
}

static void begin_tls(troupe_q_tls mode, troupe_tls_verify verify)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    certs_make();
    troupe_tls_options tls = server_certs();
    tls.verify = verify;
    options.tls_mode = mode;
    options.tls_options = &tls;
    begin_with(options);
}

static void end_tls(void)
{
    end();
    certs_remove();
}

START_TEST(one_port_serves_tls_and_plain)
{
    begin_tls(TROUPE_Q_TLS_BOTH, TROUPE_TLS_VERIFY_DEFAULT);
    ck_assert(speak_tls(NULL));
    ck_assert(speak_plainly());
    ck_assert(speak_tls("client"));
    end_tls();
}
END_TEST

START_TEST(a_server_of_tls_only_closes_others)
{
    begin_tls(TROUPE_Q_TLS_ONLY, TROUPE_TLS_VERIFY_DEFAULT);
    ck_assert(!speak_plainly());
    ck_assert(speak_tls(NULL));
    end_tls();
}
END_TEST

START_TEST(a_server_without_tls_closes_those_who_speak_it)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.login_limit = TROUPE_MS(200); /* a hello may look like half a login */
    begin_with(options);
    ck_assert(!speak_tls(NULL));
    ck_assert(speak_plainly());
    end();
}
END_TEST

START_TEST(certificates_of_clients_are_asked_for_and_checked)
{
    begin_tls(TROUPE_Q_TLS_BOTH, TROUPE_TLS_VERIFY_REQUIRE);
    ck_assert(!speak_tls(NULL));
    ck_assert(!speak_tls("stray"));
    ck_assert(speak_tls("client"));
    end_tls();
    begin_tls(TROUPE_Q_TLS_BOTH, TROUPE_TLS_VERIFY_IF_PRESENT);
    ck_assert(speak_tls(NULL));
    ck_assert(!speak_tls("stray"));
    ck_assert(speak_tls("client"));
    end_tls();
}
END_TEST

START_TEST(handshakes_that_go_wrong_harm_nobody_else)
{
    static const char wrong[] = "\x16\x03\x01\x02\x00\x01garbage that is no hello";
    char byte;

    begin_tls(TROUPE_Q_TLS_BOTH, TROUPE_TLS_VERIFY_DEFAULT);
    for (size_t size = 1; size < sizeof(wrong); size++) {
        int fd = dial();
        ck_assert_int_eq(send(fd, wrong, size, MSG_NOSIGNAL), (ssize_t)size);
        if (size % 2 == 0) {
            (void)shutdown(fd, SHUT_WR);
            while (recv(fd, &byte, 1, 0) > 0) {
            }
        }
        (void)close(fd);
    }
    ck_assert(speak_tls(NULL));
    ck_assert(speak_plainly());
    end_tls();
}
END_TEST

START_TEST(what_is_wrong_with_certificates_is_said)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_failure failure = {.status = TROUPE_OK};

    certs_make();
    troupe_tls_options tls = server_certs();
    tls.cert_file = certs_path("absent.pem");
    options.tls_mode = TROUPE_Q_TLS_BOTH;
    options.tls_options = &tls;
    options.failure = &failure;
    OK(troupe_system_new(NULL, &sys));
    ck_assert_int_eq(troupe_q_serve(sys, &options, &server, &port), TROUPE_ENOENT);
    ck_assert_int_eq(failure.status, TROUPE_ENOENT);
    ck_assert_ptr_nonnull(strstr(failure.text, "absent.pem"));
    tls.cert_file = certs_path("wrong.pem");
    ck_assert_int_eq(troupe_q_serve(sys, &options, &server, &port), TROUPE_ETLS);
    ck_assert_uint_ne(strlen(failure.text), 0);
    troupe_system_free(&sys);
    certs_remove();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_serving");
    TCase *tcase = tcase_create("sockets");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, users_of_a_file_log_in_and_others_do_not);
    tcase_add_test(tcase, shutting_down_while_passwords_are_looked_at_does_not_hang);
    tcase_add_test(tcase, both_abstract_forms_and_the_file_reach_the_server);
    tcase_add_test(tcase, unix_sockets_that_are_taken_fail_the_server_or_not_as_it_says);
    tcase_add_test(tcase, one_port_serves_tls_and_plain);
    tcase_add_test(tcase, a_server_of_tls_only_closes_others);
    tcase_add_test(tcase, a_server_without_tls_closes_those_who_speak_it);
    tcase_add_test(tcase, certificates_of_clients_are_asked_for_and_checked);
    tcase_add_test(tcase, handshakes_that_go_wrong_harm_nobody_else);
    tcase_add_test(tcase, what_is_wrong_with_certificates_is_said);
    suite_add_tcase(suite, tcase);
    return suite;
}
