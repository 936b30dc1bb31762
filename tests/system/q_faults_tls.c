/* SPDX-License-Identifier: MIT */
#include "tests/system/q_faults_tls.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tests/support/certs.h"
#include "transports/q/q_codec.h"

troupe_q_options tls_client_options(void)
{
    static troupe_tls_options tls;
    troupe_q_options options = TROUPE_Q_OPTIONS;

    tls = TROUPE_TLS_OPTIONS;
    tls.ca_cert_file = certs_path("ca.pem");
    options.tls = true;
    options.tls_options = &tls;
    return options;
}

/* The two hold each other: the context ends with the connection. */
static SSL *new_ssl(const SSL_METHOD *method, int version, int fd)
{
    SSL_CTX *context = SSL_CTX_new(method);

    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets without saying so */
    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(context, version), 1);
    (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    ck_assert_ptr_nonnull(ssl);
    ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
    return ssl;
}

static SSL *greeted(SSL *ssl, int result)
{
    if (result != 1) {
        tls_cut(&ssl);
    }
    return ssl;
}

SSL *tls_try_accept(int listener, const char *name, int version)
{
    SSL *ssl = new_ssl(TLS_server_method(), version, raw_accept(listener));
    char file[64];

    (void)snprintf(file, sizeof(file), "%s.pem", name);
    ck_assert_int_eq(SSL_use_certificate_file(ssl, certs_path(file), SSL_FILETYPE_PEM),
                     1);
    (void)snprintf(file, sizeof(file), "%s.key", name);
    ck_assert_int_eq(SSL_use_PrivateKey_file(ssl, certs_path(file), SSL_FILETYPE_PEM), 1);
    return greeted(ssl, SSL_accept(ssl));
}

SSL *tls_welcome(int listener, const char *name, int version)
{
    SSL *ssl = tls_try_accept(listener, name, version);
    char login[3];

    ck_assert_ptr_nonnull(ssl);
    tls_take(ssl, login, sizeof(login));
    ck_assert_mem_eq(login, ":\6", 3);
    tls_send(ssl, "\6", 1);
    return ssl;
}

SSL *tls_try_connect(uint16_t to, int version)
{
    SSL *ssl = new_ssl(TLS_client_method(), version, raw_connect(to));

    return greeted(ssl, SSL_connect(ssl));
}

SSL *tls_login(uint16_t to, int version)
{
    SSL *ssl = tls_try_connect(to, version);
    uint8_t byte = 0;

    ck_assert_ptr_nonnull(ssl);
    tls_send(ssl, ":\6", 3);
    tls_take(ssl, &byte, 1);
    ck_assert_uint_eq(byte, TRP_Q_CAPABILITY);
    return ssl;
}

bool tls_try(SSL *ssl, const void *bytes, size_t size)
{
    size_t wrote = 0;

    ERR_clear_error();
    return SSL_write_ex(ssl, bytes, size, &wrote) == 1 && wrote == size;
}

void tls_send(SSL *ssl, const void *bytes, size_t size)
{
    ck_assert(tls_try(ssl, bytes, size));
}

void tls_take(SSL *ssl, void *to, size_t size)
{
    uint8_t *at = to;
    size_t got;

    while (size > 0) {
        ERR_clear_error();
        ck_assert_int_eq(SSL_read_ex(ssl, at, size, &got), 1);
        at += got;
        size -= got;
    }
}

void tls_say(SSL *ssl, uint8_t kind, const char *text)
{
    uint8_t message[MESSAGE_MAX];

    tls_send(ssl, message, raw_message(message, kind, text));
}

void tls_hear(SSL *ssl, uint8_t kind, const char *text)
{
    uint8_t expected[MESSAGE_MAX], got[MESSAGE_MAX];
    size_t size = raw_message(expected, kind, text);

    tls_take(ssl, got, size);
    ck_assert_mem_eq(got, expected, size);
}

bool tls_ends(SSL *ssl)
{
    uint8_t byte;
    size_t got;

    ERR_clear_error();
    return SSL_read_ex(ssl, &byte, 1, &got) != 1;
}

size_t tls_seal(SSL *ssl, uint8_t kind, const char *text, uint8_t *to, size_t room)
{
    BIO *wire = SSL_get_wbio(ssl), *sealed = BIO_new(BIO_s_mem());

    ck_assert_ptr_nonnull(sealed);
    ck_assert_int_eq(BIO_up_ref(wire), 1);
    ck_assert_int_eq(BIO_up_ref(sealed), 1);
    SSL_set0_wbio(ssl, sealed);
    tls_say(ssl, kind, text);
    int size = BIO_read(sealed, to, (int)room);
    ck_assert_int_gt(size, 0);
    SSL_set0_wbio(ssl, wire);
    BIO_free(sealed);
    return (size_t)size;
}

void tls_close(SSL **ssl)
{
    ERR_clear_error();
    (void)SSL_shutdown(*ssl);
    tls_cut(ssl);
}

void tls_cut(SSL **ssl)
{
    int fd = SSL_get_fd(*ssl);

    SSL_free(*ssl);
    *ssl = NULL;
    (void)close(fd);
    ERR_clear_error();
}
