/* SPDX-License-Identifier: MIT
 * tls_context.c - an SSL_CTX of OpenSSL, filled from settings. */
#include "transports/tls_context.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mailbox/alloc.h"
#include "transports/tls_settings.h"

struct trp_tls_context {
    atomic_uint_fast32_t count; /* unref: release, last one: acquire */
    SSL_CTX *ssl;
    enum trp_tls_role role;
    bool checks_name;
    char *name; /* NULL: the host dialled */
};

/* ---- errors ---- */

static troupe_status no_use(char why[TROUPE_FAILURE_TEXT], const char *setting,
                            const char *value, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

    (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s '%s' %s%s%s", setting, value, what,
                   reason != NULL ? ": " : "", reason != NULL ? reason : "");
    ERR_clear_error();
    return TROUPE_ETLS;
}

/* OpenSSL says too little of files that are not there. */
static troupe_status must_be(bool folder, const char *setting, const char *path,
                             char why[TROUPE_FAILURE_TEXT])
{
    struct stat found;

    if (stat(path, &found) != 0) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s '%s' cannot be read: %s", setting,
                       path, strerror(errno));
        return TROUPE_ENOENT;
    }
    if (folder ? !S_ISDIR(found.st_mode) : !S_ISREG(found.st_mode)) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s '%s' is no %s", setting, path,
                       folder ? "folder" : "file");
        return TROUPE_EINVAL;
    }
    return TROUPE_OK;
}

/* ---- filling ---- */

/* Nobody is asked for a password: a locked key is an error. */
static int no_password(char *text, int size, int writing, void *context)
{
    (void)text, (void)size, (void)writing, (void)context;
    return 0;
}

static troupe_status fill_own(SSL_CTX *ssl, const struct trp_tls_settings *from,
                              enum trp_tls_role role, char why[TROUPE_FAILURE_TEXT])
{
    if (from->cert_file == NULL && from->key_file == NULL && role == TRP_TLS_CLIENT) {
        return TROUPE_OK;
    }
    if (from->cert_file == NULL || from->key_file == NULL) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s is not set%s",
                       from->key_file == NULL ? "SSL_KEY_FILE" : "SSL_CERT_FILE",
                       role == TRP_TLS_SERVER
                           ? ": a TLS server has a certificate and its key"
                           : ", and the other of certificate and key is");
        return TROUPE_EINVAL;
    }
    troupe_status status = must_be(false, "SSL_CERT_FILE", from->cert_file, why);
    if (status == TROUPE_OK) {
        status = must_be(false, "SSL_KEY_FILE", from->key_file, why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    SSL_CTX_set_default_passwd_cb(ssl, no_password);
    if (SSL_CTX_use_certificate_chain_file(ssl, from->cert_file) != 1) {
        return no_use(why, "SSL_CERT_FILE", from->cert_file,
                      "holds no usable certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, from->key_file, SSL_FILETYPE_PEM) != 1) {
        return no_use(why, "SSL_KEY_FILE", from->key_file,
                      "holds no usable key, or not that of the certificate");
    }
    return TROUPE_OK;
}

/* The system's authorities, without OpenSSL's reading of its own variables: one of them,
 * SSL_CERT_FILE, may be our certificate. */
static troupe_status fill_system(SSL_CTX *ssl, const struct trp_tls_settings *from)
{
    struct stat found;
    const char *file =
        from->system_file != NULL ? from->system_file : X509_get_default_cert_file();
    const char *folder = X509_get_default_cert_dir();

    if (stat(file, &found) == 0 && SSL_CTX_load_verify_file(ssl, file) != 1) {
        ERR_clear_error();
    }
    return SSL_CTX_load_verify_dir(ssl, folder) == 1 ? TROUPE_OK : TROUPE_ENOMEM;
}

static troupe_status fill_trust(SSL_CTX *ssl, const struct trp_tls_settings *from,
                                enum trp_tls_role role, char why[TROUPE_FAILURE_TEXT])
{
    const char *file = from->ca_cert_file, *folder = from->ca_cert_path;
    troupe_status status = TROUPE_OK;

    if (file == NULL && folder == NULL) {
        return fill_system(ssl, from);
    }
    if (file != NULL) {
        status = must_be(false, "SSL_CA_CERT_FILE", file, why);
        if (status == TROUPE_OK && SSL_CTX_load_verify_file(ssl, file) != 1) {
            status = no_use(why, "SSL_CA_CERT_FILE", file, "holds no usable certificate");
        }
        if (status == TROUPE_OK && role == TRP_TLS_SERVER) {
            SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(file));
        }
    }
    if (status == TROUPE_OK && folder != NULL) {
        status = must_be(true, "SSL_CA_CERT_PATH", folder, why);
        if (status == TROUPE_OK && SSL_CTX_load_verify_dir(ssl, folder) != 1) {
            status = no_use(why, "SSL_CA_CERT_PATH", folder, "cannot be used");
        }
    }
    return status;
}

static troupe_status fill_ciphers(SSL_CTX *ssl, const struct trp_tls_settings *from,
                                  char why[TROUPE_FAILURE_TEXT])
{
    if (from->cipher_list != NULL &&
        SSL_CTX_set_cipher_list(ssl, from->cipher_list) != 1) {
        (void)no_use(why, "SSL_CIPHER_LIST", from->cipher_list, "names no cipher");
        return TROUPE_EINVAL;
    }
    if (from->ciphersuites != NULL &&
        SSL_CTX_set_ciphersuites(ssl, from->ciphersuites) != 1) {
        (void)no_use(why, "SSL_CIPHERSUITES", from->ciphersuites, "names no cipher");
        return TROUPE_EINVAL;
    }
    return TROUPE_OK;
}

static int accept_any(int ok, X509_STORE_CTX *chain)
{
    (void)ok, (void)chain;
    return 1;
}

static void fill_checks(SSL_CTX *ssl, enum trp_tls_check check, enum trp_tls_role role)
{
    switch (check) {
    case TRP_TLS_CHECK_NONE:
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        break;
    case TRP_TLS_CHECK_REQUEST:
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
        break;
    case TRP_TLS_CHECK_IF_PRESENT:
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
        break;
    default:
        SSL_CTX_set_verify(
            ssl,
            SSL_VERIFY_PEER |
                (role == TRP_TLS_SERVER ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
            NULL);
        break;
    }
}

static troupe_status fill(SSL_CTX *ssl, const struct trp_tls_settings *from,
                          enum trp_tls_role role, char why[TROUPE_FAILURE_TEXT])
{
    static const unsigned char sessions[] = "troupe";

    (void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                    SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(ssl, from->min_version) != 1 ||
        SSL_CTX_set_max_proto_version(ssl, from->max_version) != 1 ||
        SSL_CTX_set_session_id_context(ssl, sessions, sizeof(sessions) - 1) != 1) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = fill_ciphers(ssl, from, why);
    if (status == TROUPE_OK) {
        status = fill_own(ssl, from, role, why);
    }
    enum trp_tls_check check = role == TRP_TLS_CLIENT ? from->server : from->client;
    if (status == TROUPE_OK && check > TRP_TLS_CHECK_REQUEST) {
        status = fill_trust(ssl, from, role, why);
    }
    fill_checks(ssl, check, role);
    return status;
}

/* ---- the object ---- */

static troupe_status role_allows(const troupe_tls_options *options,
                                 enum trp_tls_role role, char why[TROUPE_FAILURE_TEXT])
{
    troupe_tls_verify verify =
        options != NULL ? options->verify : TROUPE_TLS_VERIFY_DEFAULT;
    bool of_client =
        verify == TROUPE_TLS_VERIFY_CHAIN || verify == TROUPE_TLS_VERIFY_HOST;
    bool of_server =
        verify == TROUPE_TLS_VERIFY_IF_PRESENT || verify == TROUPE_TLS_VERIFY_REQUIRE;

    if (role == TRP_TLS_CLIENT ? of_server : of_client) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "this kind of verify is for %s only",
                       of_server ? "servers" : "clients");
        return TROUPE_EINVAL;
    }
    return TROUPE_OK;
}

troupe_status trp_tls_context_new(const troupe_tls_options *options,
                                  enum trp_tls_role role, char why[TROUPE_FAILURE_TEXT],
                                  struct trp_tls_context **out)
{
    struct trp_tls_settings settings;
    troupe_status status = trp_tls_settings(options, why, &settings);

    if (status == TROUPE_OK) {
        status = role_allows(options, role, why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s", troupe_status_text(TROUPE_ENOMEM));
    struct trp_tls_context *context = trp_calloc(1, sizeof(*context));
    if (context == NULL) {
        return TROUPE_ENOMEM;
    }
    atomic_init(&context->count, 1);
    context->role = role;
    context->checks_name =
        role == TRP_TLS_CLIENT && settings.server == TRP_TLS_CHECK_HOST;
    context->ssl =
        SSL_CTX_new(role == TRP_TLS_CLIENT ? TLS_client_method() : TLS_server_method());
    status =
        context->ssl != NULL ? fill(context->ssl, &settings, role, why) : TROUPE_ENOMEM;
    if (status == TROUPE_OK && settings.server_name != NULL) {
        context->name = trp_strdup(settings.server_name);
        status = context->name != NULL ? TROUPE_OK : TROUPE_ENOMEM;
    }
    ERR_clear_error();
    if (status != TROUPE_OK) {
        trp_tls_context_unref(&context);
        return status;
    }
    *out = context;
    return TROUPE_OK;
}

struct trp_tls_context *trp_tls_context_ref(struct trp_tls_context *context)
{
    (void)atomic_fetch_add_explicit(&context->count, 1, memory_order_relaxed);
    return context;
}

void trp_tls_context_unref(struct trp_tls_context **context)
{
    struct trp_tls_context *old = *context;

    *context = NULL;
    if (old == NULL ||
        atomic_fetch_sub_explicit(&old->count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    SSL_CTX_free(old->ssl);
    trp_free(old->name);
    trp_free(old);
}

SSL_CTX *trp_tls_context_ssl(const struct trp_tls_context *context)
{
    return context->ssl;
}

enum trp_tls_role trp_tls_context_role(const struct trp_tls_context *context)
{
    return context->role;
}

bool trp_tls_context_checks_name(const struct trp_tls_context *context)
{
    return context->checks_name;
}

const char *trp_tls_context_name(const struct trp_tls_context *context)
{
    return context->name;
}
