/* SPDX-License-Identifier: MIT
 * tls_settings.h - troupe_tls_options with the environment looked up. */
#ifndef TRP_TRANSPORTS_TLS_SETTINGS_H
#define TRP_TRANSPORTS_TLS_SETTINGS_H

#include <troupe/message.h>
#include <troupe/tls.h>

/* What a client asks of servers and a server of clients. */
enum trp_tls_check {
    TRP_TLS_CHECK_NONE,
    TRP_TLS_CHECK_REQUEST, /* server: a certificate is asked for and not judged */
    TRP_TLS_CHECK_IF_PRESENT,
    TRP_TLS_CHECK_CHAIN, /* server: and there must be one */
    TRP_TLS_CHECK_HOST
};

/* Texts are the options' or the environment's; NULL: not set. */
struct trp_tls_settings {
    const char *cert_file, *key_file, *ca_cert_file, *ca_cert_path;
    const char *cipher_list, *ciphersuites, *server_name;
    const char *verify_server, *verify_client; /* as troupe_tls_info tells them */
    enum trp_tls_check server, client;         /* of the peer in that role */
    const char *system_file;      /* authorities to trust instead of the system's file */
    int min_version, max_version; /* as OpenSSL numbers them; 0: any */
};

/* options   NULL: the environment only
 *
 * Returns TROUPE_OK, or TROUPE_EINVAL with what is wrong in `why`. */
TROUPE_MUST_CHECK troupe_status trp_tls_settings(const troupe_tls_options *options,
                                                 char why[TROUPE_FAILURE_TEXT],
                                                 struct trp_tls_settings *out);

#endif
