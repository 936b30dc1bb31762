/* SPDX-License-Identifier: MIT
 * bench_raw.c - blocking sockets between two threads, plain or with OpenSSL on them. */
#include "tools/bench/bench_raw.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { BLOCK = 64 << 10, DAY = 24 * 60 * 60 };

static void must(bool done, const char *what)
{
    bench_must(done ? TROUPE_OK : TROUPE_ESYSTEM, what);
}

/* ---- certificates ---- */

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    must(cert != NULL, "a certificate");
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");

    must(names != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                        (const unsigned char *)"localhost", -1, -1,
                                        0) == 1 &&
             X509_set_issuer_name(cert, name) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(cert), DAY) != NULL &&
             X509_set_pubkey(cert, key) == 1 && X509_add_ext(cert, names, -1) == 1 &&
             X509_sign(cert, key, EVP_sha256()) != 0,
         "a certificate");
    X509_EXTENSION_free(names);
    return cert;
}

void bench_certify(struct bench_certificate *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL, "a key");
    X509 *cert = self_signed(key);

    (void)snprintf(out->folder, sizeof(out->folder), "/tmp/troupe-bench-XXXXXX");
    must(mkdtemp(out->folder) != NULL, "a folder");
    (void)snprintf(out->cert, sizeof(out->cert), "%s/cert.pem", out->folder);
    (void)snprintf(out->key, sizeof(out->key), "%s/key.pem", out->folder);
    FILE *cert_file = fopen(out->cert, "w");
    FILE *key_file = fopen(out->key, "w");
    must(cert_file != NULL && key_file != NULL && PEM_write_X509(cert_file, cert) == 1 &&
             PEM_write_PKCS8PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1,
         "writing the certificate");
    must(fclose(cert_file) == 0 && fclose(key_file) == 0, "writing the certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
}

void bench_uncertify(const struct bench_certificate *certificate)
{
    (void)unlink(certificate->cert);
    (void)unlink(certificate->key);
    (void)rmdir(certificate->folder);
}

/* ---- two ends ---- */

struct end {
    int fd;
    SSL *ssl; /* or NULL */
};

static void send_all(const struct end *end, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = end->ssl != NULL ? SSL_write(end->ssl, bytes, (int)size)
                                        : send(end->fd, bytes, size, MSG_NOSIGNAL);
        must(sent > 0, "sending");
        bytes += sent;
        size -= (size_t)sent;
    }
}

static size_t receive_some(const struct end *end, uint8_t *to, size_t room)
{
    ssize_t got =
        end->ssl != NULL ? SSL_read(end->ssl, to, (int)room) : recv(end->fd, to, room, 0);

    must(got > 0, "receiving");
    return (size_t)got;
}

static void receive_all(const struct end *end, uint8_t *to, size_t size)
{
    for (size_t have = 0; have < size;) {
        have += receive_some(end, to + have, size - have);
    }
}

struct task {
    struct end end;
    bool back; /* what comes is sent back, one message of `size` each */
    size_t size;
    uint64_t count;
};

static void *far_end(void *argument)
{
    struct task *task = argument;
    uint8_t *block = malloc(BLOCK);

    must(block != NULL && task->size <= BLOCK, "memory");
    if (task->end.ssl != NULL) {
        must(SSL_accept(task->end.ssl) == 1, "a TLS handshake");
    }
    if (task->back) {
        for (uint64_t i = 0; i < task->count; i++) {
            receive_all(&task->end, block, task->size);
            send_all(&task->end, block, task->size);
        }
    } else {
        for (uint64_t left = task->size * task->count; left > 0;) {
            left -= receive_some(&task->end, block, BLOCK);
        }
        send_all(&task->end, block, 1); /* all is here */
    }
    free(block);
    return NULL;
}

static void connect_tcp(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = (struct sockaddr *)(void *)&at;
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    must(listener >= 0 && bind(listener, address, size) == 0 &&
             getsockname(listener, address, &size) == 0 && listen(listener, 1) == 0,
         "listening");
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(fds[0] >= 0 && connect(fds[0], address, size) == 0, "connecting");
    fds[1] = accept(listener, NULL, NULL);
    must(fds[1] >= 0, "connecting");
    (void)close(listener);
    for (int i = 0; i < 2; i++) {
        must(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0,
             "connecting");
    }
}

static SSL *secure(SSL_CTX *context, int fd)
{
    SSL *ssl = SSL_new(context);

    must(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "TLS");
    return ssl;
}

static SSL_CTX *context_of(const SSL_METHOD *method,
                           const struct bench_certificate *certificate)
{
    SSL_CTX *context = SSL_CTX_new(method);

    must(context != NULL, "TLS");
    if (certificate != NULL) {
        must(SSL_CTX_use_certificate_chain_file(context, certificate->cert) == 1 &&
                 SSL_CTX_use_PrivateKey_file(context, certificate->key,
                                             SSL_FILETYPE_PEM) == 1,
             "a certificate");
    }
    return context;
}

/* Round trips: the median of one; else the time of all. */
static double exchange(const struct end *near, const struct task *task,
                       const uint8_t *bytes)
{
    struct bench_result result = {0};
    uint8_t *block = malloc(BLOCK);
    must(block != NULL, "memory");
    unsigned in_sample = 0;
    bench_samples_begin(task->count);
    int64_t begin = bench_clock(), since = begin;

    for (uint64_t i = 0; i < task->count; i++) {
        send_all(near, bytes, task->size);
        if (task->back) {
            receive_all(near, block, task->size);
            bench_sample(&since, &in_sample);
        }
    }
    if (!task->back) {
        receive_all(near, block, 1);
    }
    double seconds = (double)(bench_clock() - begin) / 1e9;
    bench_samples_end(&result);
    free(block);
    return task->back ? result.p50_ns / 1e9 : seconds;
}

static double run(enum bench_wire wire, const struct bench_certificate *certificate,
                  struct task *task, const uint8_t *bytes)
{
    SSL_CTX *contexts[2] = {NULL, NULL};
    int fds[2];
    pthread_t thread;

    if (wire == BENCH_UNIX) {
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "connecting");
    } else {
        connect_tcp(fds);
    }
    struct end near = {.fd = fds[0]};
    task->end = (struct end){.fd = fds[1]};
    if (wire == BENCH_TLS) {
        (void)signal(SIGPIPE, SIG_IGN);
        contexts[0] = context_of(TLS_client_method(), NULL);
        contexts[1] = context_of(TLS_server_method(), certificate);
        near.ssl = secure(contexts[0], fds[0]);
        task->end.ssl = secure(contexts[1], fds[1]);
    }
    must(pthread_create(&thread, NULL, far_end, task) == 0, "a thread");
    must(near.ssl == NULL || SSL_connect(near.ssl) == 1, "a TLS handshake");
    double seconds = exchange(&near, task, bytes);
    (void)pthread_join(thread, NULL);
    SSL_free(near.ssl);
    SSL_free(task->end.ssl);
    SSL_CTX_free(contexts[0]);
    SSL_CTX_free(contexts[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return seconds;
}

double bench_raw_one_way(enum bench_wire wire,
                         const struct bench_certificate *certificate,
                         const uint8_t *bytes, size_t size, uint64_t count)
{
    struct task task = {.size = size, .count = count};

    return run(wire, certificate, &task, bytes);
}

double bench_raw_round_trip(enum bench_wire wire,
                            const struct bench_certificate *certificate,
                            const uint8_t *bytes, size_t size, uint64_t count)
{
    struct task task = {.back = true, .size = size, .count = count};

    return run(wire, certificate, &task, bytes);
}
