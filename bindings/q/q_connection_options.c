/* SPDX-License-Identifier: MIT
 * q_connection_options.c - what is wrong with a connection's options, and copies. */
#include "bindings/q/q_connection.h"

#include <string.h>

#include <sodium.h>

#include "mailbox/alloc.h"

bool trp_q_connection_lazy(const struct troupe_q_connection *conn)
{
    return conn->options.kind == TROUPE_Q_ASYNC_CONNECTION ||
           conn->options.kind == TROUPE_Q_RAW_CONNECTION;
}

static const char *wrong_raw(const troupe_q_connection_options *options)
{
    if (options->kind != TROUPE_Q_RAW_CONNECTION) {
        return options->as_server ? "as_server is only for a RawQConnection" : NULL;
    }
    if (options->lock != NULL) {
        return "a RawQConnection takes no lock";
    }
    if (options->as_server && options->reconnection_attempts != -1) {
        return "a server has nothing to reconnect to";
    }
    return options->as_server && options->unix_domain && options->port == 0
               ? "IPC port must be provided"
               : NULL;
}

const char *trp_q_connection_wrong(const troupe_q_connection_options *options)
{
    if (options == NULL || options->size != sizeof(*options)) {
        return "the options are not of this version's size";
    }
    if (options->kind < TROUPE_Q_SYNC_CONNECTION ||
        options->kind > TROUPE_Q_RAW_CONNECTION) {
        return "there is no such kind of connection";
    }
    if (options->port == 0 && !options->as_server) {
        return "IPC port must be provided";
    }
    if (options->tls && options->unix_domain) {
        return "Using both tls and unix is not possible with a QConnection.";
    }
    if (options->timeout < 0 || options->connection_timeout < 0 ||
        options->conn_gc_time < 0) {
        return "a time limit must not be negative";
    }
    if (options->lock != NULL &&
        (options->lock->acquire == NULL || options->lock->release == NULL)) {
        return "a lock needs both acquire and release";
    }
    return wrong_raw(options);
}

/* The string becomes the connection's own. */
static troupe_status own(struct troupe_q_connection *conn, size_t *at, const char **text)
{
    if (*text == NULL) {
        return TROUPE_OK;
    }
    char *copy = trp_strdup(*text);
    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    *text = copy;
    conn->texts[(*at)++] = copy;
    return TROUPE_OK;
}

troupe_status trp_q_connection_copy(struct troupe_q_connection *conn,
                                    const troupe_q_connection_options *options)
{
    conn->options = *options;
    conn->tls = options->tls_options != NULL ? *options->tls_options : TROUPE_TLS_OPTIONS;
    conn->options.tls_options = options->tls_options != NULL ? &conn->tls : NULL;
    if (options->lock != NULL) {
        conn->lock = *options->lock;
    }
    if (options->kind == TROUPE_Q_SYNC_CONNECTION && options->tls) {
        conn->options.kind = TROUPE_Q_SECURE_CONNECTION;
    }
    const char **texts[TRP_Q_TEXTS] = {
        &conn->options.host,     &conn->options.username, &conn->options.password,
        &conn->tls.cert_file,    &conn->tls.key_file,     &conn->tls.ca_cert_file,
        &conn->tls.ca_cert_path, &conn->tls.cipher_list,  &conn->tls.ciphersuites,
        &conn->tls.minprotocol,  &conn->tls.maxprotocol,  &conn->tls.server_name};
    size_t count = 0;
    for (size_t i = 0; i < TRP_Q_TEXTS; i++) {
        if (own(conn, &count, texts[i]) != TROUPE_OK) {
            return TROUPE_ENOMEM;
        }
    }
    return TROUPE_OK;
}

void trp_q_connection_free_copies(struct troupe_q_connection *conn)
{
    for (size_t i = 0; i < TRP_Q_TEXTS; i++) {
        if (conn->texts[i] != NULL) { /* the password is among them */
            sodium_memzero(conn->texts[i], strlen(conn->texts[i]));
            trp_free(conn->texts[i]);
            conn->texts[i] = NULL;
        }
    }
}
