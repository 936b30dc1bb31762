/* SPDX-License-Identifier: MIT
 * tls_info.c - the settings in effect, by the names that are documented for them. */
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "transports/tls_context.h"
#include "transports/tls_settings.h"

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void troupe_tls_info(const troupe_tls_options *options, troupe_tls_each each,
                     void *context)
{
    char error[TROUPE_FAILURE_TEXT] = "";
    struct trp_tls_settings in = {0};
    struct trp_tls_context *client = NULL;

    if (trp_tls_settings(options, error, &in) == TROUPE_OK &&
        trp_tls_context_new(options, TRP_TLS_CLIENT, error, &client) == TROUPE_OK) {
        error[0] = 0;
    }
    trp_tls_context_unref(&client);
    if (in.ca_cert_file == NULL && in.ca_cert_path == NULL) {
        in.ca_cert_file =
            in.system_file != NULL ? in.system_file : X509_get_default_cert_file();
        in.ca_cert_path = X509_get_default_cert_dir();
    }
    each(context, "SSLEAY_VERSION", OpenSSL_version(OPENSSL_VERSION));
    each(context, "SSL_CERT_FILE", or_empty(in.cert_file));
    each(context, "SSL_CA_CERT_FILE", or_empty(in.ca_cert_file));
    each(context, "SSL_CA_CERT_PATH", or_empty(in.ca_cert_path));
    each(context, "SSL_KEY_FILE", or_empty(in.key_file));
    each(context, "SSL_CIPHER_LIST",
         in.cipher_list != NULL ? in.cipher_list : OSSL_default_cipher_list());
    each(context, "SSL_VERIFY_CLIENT", or_empty(in.verify_client));
    each(context, "SSL_VERIFY_SERVER", or_empty(in.verify_server));
    each(context, "SSL_ERROR_INFO", error);
}
