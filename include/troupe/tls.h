/* SPDX-License-Identifier: MIT
 * tls.h - how connections that use TLS show who they are and check who the peer is. */
#ifndef TROUPE_TLS_H
#define TROUPE_TLS_H

#include <stddef.h>

#include <troupe/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is asked of the peer's certificate. */
typedef enum troupe_tls_verify {
    TROUPE_TLS_VERIFY_DEFAULT,    /* as the environment says; else HOST for clients, NONE
                                     for servers */
    TROUPE_TLS_VERIFY_NONE,       /* nothing */
    TROUPE_TLS_VERIFY_CHAIN,      /* it comes from a trusted authority */
    TROUPE_TLS_VERIFY_HOST,       /* and carries the name or address that was dialled */
    TROUPE_TLS_VERIFY_IF_PRESENT, /* server: chain, when the client shows one */
    TROUPE_TLS_VERIFY_REQUIRE     /* server: the client must show one, and its chain */
} troupe_tls_verify;

/* What a server asks of its clients may also come as SSL_VERIFY_CLIENT=REQUESTONLY: a
 * certificate is asked for and not judged. SSL_VERIFY_SERVER=YES checks the chain, as
 * documented; without it clients check the name too. $SSL_CERT_FILE without a key means
 * what it means to OpenSSL: a file of authorities, used when none are given here.
 *
 * Paths are of PEM files. A NULL field takes its value from the environment: first
 * KX_SSL_NAME, then SSL_NAME, as it is when the connection or server is opened; then
 * the system's (trusted authorities) or none. */
typedef struct troupe_tls_options {
    size_t size;                           /* sizeof(troupe_tls_options) */
    const char *cert_file;                 /* own certificate and its chain, leaf first */
    const char *key_file;                  /* its private key */
    const char *ca_cert_file;              /* trusted authorities */
    const char *ca_cert_path;              /* folder of them, by hash */
    const char *cipher_list;               /* up to TLS 1.2, as OpenSSL names them */
    const char *ciphersuites;              /* TLS 1.3 */
    const char *minprotocol, *maxprotocol; /* "TLSv1.2", "TLSv1.3"; at least 1.2 */
    const char *server_name; /* name to check and to ask for; NULL: the host dialled */
    troupe_tls_verify verify;
} troupe_tls_options;

#define TROUPE_TLS_OPTIONS ((troupe_tls_options){.size = sizeof(troupe_tls_options)})

/* Gets one setting; the texts live until it returns. */
typedef void (*troupe_tls_each)(void *context, const char *name, const char *value);

/* Tells the settings that a client would have now, by the names q uses, in this order:
 * SSLEAY_VERSION, SSL_CERT_FILE, SSL_CA_CERT_FILE, SSL_CA_CERT_PATH, SSL_KEY_FILE,
 * SSL_CIPHER_LIST, SSL_VERIFY_CLIENT (NO, REQUESTONLY, IFPRESENT, YES), SSL_VERIFY_SERVER
 * (NO, YES: the chain, HOSTIP: and the name or address) and SSL_ERROR_INFO: why a client
 * could not be opened with them. What is not set or unknown is "".
 *
 * options   NULL: as the environment says
 * each      called for each of them
 *
 * Reads the files to find mistakes. Thread: any. Source: transports/tls_info.c */
TROUPE_API void troupe_tls_info(const troupe_tls_options *options, troupe_tls_each each,
                                void *context);

#ifdef __cplusplus
}
#endif

#endif
