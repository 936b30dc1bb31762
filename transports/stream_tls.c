/* SPDX-License-Identifier: MIT
 * stream_tls.c - TLS between the owner and another stream.
 *
 * OpenSSL reads from the block of the stream below and writes into its output: nothing
 * lies in between. Input is decrypted while there is room in our own block, so a slow
 * owner stops the stream below and in the end the peer. Output is encrypted while less
 * than TRP_TLS_AHEAD waits below. */
#include "transports/stream_tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "mailbox/alloc.h"
#include "transports/tls_error.h"

enum { NAME_MAX_BYTES = 255 };

struct tls {
    struct trp_stream stream;
    struct trp_tls_context *context;
    SSL *ssl;
    BIO_METHOD *method;
    bool failed;           /* OpenSSL must not be called any more */
    troupe_status no_room; /* why the stream below did not take what OpenSSL wrote */
    bool was_shut;
    char name[NAME_MAX_BYTES + 1]; /* to be in the certificate; "": any */
    char why[TRP_TLS_WHY];
};

static struct tls *tls_of(struct trp_stream *stream)
{
    return TRP_CONTAINER(stream, struct tls, stream);
}

/* ---- the stream below, as OpenSSL sees it ---- */

static int below_write(BIO *bio, const char *bytes, size_t size, size_t *wrote)
{
    struct tls *tls = BIO_get_data(bio);
    struct trp_stream *lower = tls->stream.lower;

    BIO_clear_retry_flags(bio);
    if (!lower->broken && trp_buffer_add(&lower->out, bytes, size) != TROUPE_OK) {
        tls->no_room = lower->out.status;
        lower->out.status = TROUPE_OK; /* nothing was added */
        return 0;
    }
    *wrote = size;
    return 1;
}

static int below_read(BIO *bio, char *bytes, size_t room, size_t *got)
{
    struct tls *tls = BIO_get_data(bio);
    size_t size;
    const uint8_t *view = trp_stream_view(tls->stream.lower, &size);

    BIO_clear_retry_flags(bio);
    if (size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *got = size < room ? size : room;
    memcpy(bytes, view, *got);
    trp_stream_consume(tls->stream.lower, *got);
    return 1;
}

static long below_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* done; it knows nothing else */
}

/* ---- the end ---- */

static void fail(struct tls *tls, troupe_status status, int system, const char *text)
{
    struct trp_stream *stream = &tls->stream;

    if (text != tls->why) {
        (void)snprintf(tls->why, sizeof(tls->why), "%s", text);
    }
    tls->failed = true;
    stream->why = tls->why;
    stream->ended = status;
    stream->system = system;
    trp_stream_break(stream);
}

static void fail_as_found(struct tls *tls)
{
    bool memory = trp_tls_error(tls->ssl, tls->name, tls->why, sizeof(tls->why));

    if (tls->no_room == TROUPE_ELIMIT) {
        fail(tls, TROUPE_ELIMIT, 0, "the peer does not read what TLS answers it");
    } else if (memory || tls->no_room != TROUPE_OK) {
        fail(tls, TROUPE_ENOMEM, 0, troupe_status_text(TROUPE_ENOMEM));
    } else {
        fail(tls, TROUPE_ETLS, 0, tls->why);
    }
}

/* The stream below has ended, and the peer did not say so inside TLS. */
static void fail_as_lost(struct tls *tls)
{
    int system = tls->stream.lower->system;

    fail(tls, TROUPE_ELOST, system != 0 ? system : ECONNABORTED,
         tls->stream.handshaking
             ? "the peer closed the connection during the TLS handshake"
             : "the peer closed the connection without ending TLS");
}

/* What to do after a call of OpenSSL that did not succeed. */
static void look_at(struct tls *tls, int result)
{
    struct trp_stream *lower = tls->stream.lower;
    size_t left;

    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        (void)trp_stream_view(lower, &left);
        if (left == 0 && lower->ended != TROUPE_OK) {
            fail_as_lost(tls);
        }
        break;
    case SSL_ERROR_ZERO_RETURN:
        if (tls->stream.handshaking) {
            fail_as_lost(tls);
        } else {
            tls->stream.ended = TROUPE_ELOST;
        }
        break;
    default:
        fail_as_found(tls);
        break;
    }
}

/* ---- moving bytes ---- */

static void shake_hands(struct tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1) {
        tls->stream.handshaking = false;
    } else {
        look_at(tls, result);
    }
}

/* Whether OpenSSL may have something to tell. */
static bool has_input(const struct tls *tls)
{
    size_t size;

    (void)trp_stream_view(tls->stream.lower, &size);
    return size > 0 || tls->stream.lower->ended != TROUPE_OK || SSL_has_pending(tls->ssl);
}

static void pull(struct tls *tls)
{
    struct trp_stream *stream = &tls->stream;

    while (stream->ended == TROUPE_OK && has_input(tls)) {
        size_t size, got = 0;
        uint8_t *room = trp_stream_room(stream, &size);
        if (room == NULL) {
            if (stream->in == NULL) {
                fail(tls, TROUPE_ENOMEM, 0, troupe_status_text(TROUPE_ENOMEM));
            }
            break;
        }
        ERR_clear_error();
        int result = SSL_read_ex(tls->ssl, room, size, &got);
        if (result != 1) {
            look_at(tls, result);
            break;
        }
        stream->in_end += got;
    }
    trp_stream_release(stream);
}

/* TLS ends what it sends; so does the stream below. */
static void say_the_end(struct tls *tls)
{
    if (!tls->was_shut) {
        tls->was_shut = true;
        ERR_clear_error();
        if (!tls->failed && !tls->stream.handshaking && SSL_shutdown(tls->ssl) < 0) {
            ERR_clear_error(); /* without memory it is no orderly end */
        }
    }
}

static void push(struct tls *tls)
{
    struct trp_stream *stream = &tls->stream;
    struct iovec pieces[TRP_STREAM_PIECES];
    size_t wrote;

    if (stream->lower->broken) {
        trp_stream_break(stream);
    }
    while (!tls->failed && trp_stream_waiting(stream) > 0 &&
           trp_stream_backlog(stream->lower) < TRP_TLS_AHEAD) {
        (void)trp_stream_pieces(stream, SSL3_RT_MAX_PLAIN_LENGTH, pieces);
        ERR_clear_error();
        int result =
            SSL_write_ex(tls->ssl, pieces[0].iov_base, pieces[0].iov_len, &wrote);
        if (result != 1) {
            look_at(tls, result);
            break;
        }
        trp_stream_advance(stream, wrote);
    }
    if (trp_stream_waiting(stream) == 0) {
        trp_buffer_clear(&stream->out, TRP_STREAM_KEEP);
    }
}

static void drive(struct tls *tls)
{
    if (!tls->failed && tls->stream.handshaking) {
        shake_hands(tls);
    }
    if (!tls->failed && !tls->stream.handshaking) {
        push(tls);
        pull(tls);
        if (tls->stream.shut && trp_stream_waiting(&tls->stream) == 0) {
            say_the_end(tls);
        }
    }
}

/* ---- as every stream ---- */

/* In the owner's turn: he looks at what came without being told. */
static void tls_flush(struct trp_stream *stream)
{
    struct tls *tls = tls_of(stream);
    struct trp_stream *lower = stream->lower;

    drive(tls);
    lower->want_empty = trp_stream_waiting(stream) > 0 || stream->want_empty;
    if ((tls->failed || tls->was_shut) && !lower->shut) {
        trp_stream_shut(lower); /* what is there goes first */
    }
    trp_stream_turn(lower);
    if (stream->want_empty && trp_stream_backlog(stream) == 0) {
        lower->want_empty = false;
        stream->want_empty = trp_stream_wake(stream) != TROUPE_OK;
    }
}

static void tls_resume(struct trp_stream *stream)
{
    struct tls *tls = tls_of(stream);
    size_t before = stream->in_end - stream->in_start;

    if (tls->failed || stream->handshaking || stream->ended != TROUPE_OK) {
        return;
    }
    pull(tls);
    if (stream->in_end - stream->in_start > before || stream->ended != TROUPE_OK) {
        (void)trp_stream_wake(stream);
    }
}

static void tls_shut(struct trp_stream *stream)
{
    tls_flush(stream);
}

static void free_tls(struct tls *tls)
{
    SSL_free(tls->ssl);
    BIO_meth_free(tls->method);
    trp_tls_context_unref(&tls->context);
    trp_stream_fini(&tls->stream);
    trp_free(tls);
}

/* An end of output that was cut short must not look like an orderly one. */
static void tls_close(struct trp_stream *stream)
{
    struct tls *tls = tls_of(stream);

    if (!tls->failed && !stream->handshaking) {
        push(tls);
        if (trp_stream_waiting(stream) == 0 && !stream->broken) {
            say_the_end(tls);
        }
    }
    trp_stream_close(&stream->lower);
    free_tls(tls);
}

static void tls_describe(const struct trp_stream *stream, char *text, size_t size)
{
    int head = snprintf(text, size, "tls ");

    if (head >= 0 && (size_t)head < size) {
        trp_stream_describe(stream->lower, text + head, size - (size_t)head);
    }
}

static const struct trp_stream_ops tls_ops = {
    .name = "tls",
    .flush = tls_flush,
    .resume = tls_resume,
    .shut = tls_shut,
    .close = tls_close,
    .describe = tls_describe,
};

/* ---- making one ---- */

static bool connect_below(struct tls *tls)
{
    tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "troupe stream");
    if (tls->method == NULL || BIO_meth_set_write_ex(tls->method, below_write) != 1 ||
        BIO_meth_set_read_ex(tls->method, below_read) != 1 ||
        BIO_meth_set_ctrl(tls->method, below_control) != 1) {
        return false;
    }
    BIO *bio = BIO_new(tls->method);
    if (bio == NULL) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}

static bool is_address(const char *name)
{
    uint8_t bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* Asks for the name, and for its being in the certificate. */
static bool name_peer(struct tls *tls)
{
    bool address = is_address(tls->name);

    if (!address && SSL_set_tlsext_host_name(tls->ssl, tls->name) != 1) {
        return false;
    }
    if (!trp_tls_context_checks_name(tls->context)) {
        return true;
    }
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(param, tls->name) == 1
                   : X509_VERIFY_PARAM_set1_host(param, tls->name, 0) == 1;
}

static bool prepare(struct tls *tls)
{
    tls->ssl = SSL_new(trp_tls_context_ssl(tls->context));
    if (tls->ssl == NULL || !connect_below(tls)) {
        return false;
    }
    if (trp_tls_context_role(tls->context) == TRP_TLS_SERVER) {
        SSL_set_accept_state(tls->ssl);
        return true;
    }
    SSL_set_connect_state(tls->ssl);
    return tls->name[0] == 0 || name_peer(tls);
}

/* The name to check, without the dot that ends an absolute one. */
static bool choose_name(const struct trp_tls_context *context, const char *host,
                        char name[NAME_MAX_BYTES + 1])
{
    const char *wanted = trp_tls_context_name(context);

    wanted = wanted != NULL ? wanted : host;
    size_t length = wanted != NULL ? strlen(wanted) : 0;
    if (length > 1 && wanted[length - 1] == '.') {
        length--;
    }
    if (trp_tls_context_role(context) == TRP_TLS_SERVER) {
        length = 0;
    } else if (length == 0 && trp_tls_context_checks_name(context)) {
        return false;
    }
    if (length > NAME_MAX_BYTES) {
        return false;
    }
    if (length > 0) {
        memcpy(name, wanted, length);
    }
    name[length] = 0;
    return true;
}

/* The owner, and what is known of the peer, are those of the stream below. */
static void stand_on(struct tls *tls, struct trp_stream *lower)
{
    struct trp_stream *stream = &tls->stream;

    stream->base = lower->base;
    stream->owner = lower->owner;
    stream->lower = lower;
    stream->address = lower->address;
    stream->local = lower->local;
    stream->handshaking = true;
    /* Below there is always room for what OpenSSL writes at once, but not for answers
     * without end to a peer that asks TLS for them and does not read. */
    lower->out.limit = (size_t)TRP_TLS_AHEAD * 4;
}

troupe_status trp_stream_tls_new(struct trp_stream **lower,
                                 struct trp_tls_context *context, const char *host,
                                 struct trp_stream **out)
{
    struct tls *tls = trp_calloc(1, sizeof(*tls));

    if (tls == NULL) {
        return TROUPE_ENOMEM;
    }
    trp_stream_init(&tls->stream, &tls_ops, NULL, (*lower)->out.limit);
    tls->context = trp_tls_context_ref(context);
    if (!choose_name(context, host, tls->name)) {
        free_tls(tls);
        return TROUPE_EINVAL;
    }
    ERR_clear_error();
    if (!prepare(tls)) {
        ERR_clear_error();
        free_tls(tls);
        return TROUPE_ENOMEM;
    }
    stand_on(tls, *lower);
    *lower = NULL;
    *out = &tls->stream;
    trp_stream_wrote(&tls->stream); /* the first turn begins the handshake */
    return TROUPE_OK;
}
