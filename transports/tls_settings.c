/* SPDX-License-Identifier: MIT
 * tls_settings.c - options first, then $KX_SSL_NAME, then $SSL_NAME. */
#include "transports/tls_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

/* An empty text sets nothing. */
static const char *setting(const char *option, const char *kx_name)
{
    const char *value = option;

    if (value == NULL || value[0] == 0) {
        value = getenv(kx_name);
    }
    if (value == NULL || value[0] == 0) {
        value = getenv(kx_name + strlen("KX_"));
    }
    return value != NULL && value[0] != 0 ? value : NULL;
}

struct word {
    const char *text;
    int value;
};

/* Also accepts no text: the word of value `unset`. */
static troupe_status find(const struct word *words, const char *name, const char *text,
                          int unset, char why[TROUPE_FAILURE_TEXT], int *out)
{
    if (text == NULL) {
        *out = unset;
        return TROUPE_OK;
    }
    for (; words->text != NULL; words++) {
        if (strcmp(words->text, text) == 0) {
            *out = words->value;
            return TROUPE_OK;
        }
    }
    (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s cannot be '%s'", name, text);
    return TROUPE_EINVAL;
}

static const char *word_of(const struct word *words, int value)
{
    while (words->text != NULL && words->value != value) {
        words++;
    }
    return words->text;
}

static const struct word server_words[] = {{"NO", TRP_TLS_CHECK_NONE},
                                           {"YES", TRP_TLS_CHECK_CHAIN},
                                           {"HOSTIP", TRP_TLS_CHECK_HOST},
                                           {NULL, 0}};

static const struct word client_words[] = {{"NO", TRP_TLS_CHECK_NONE},
                                           {"REQUESTONLY", TRP_TLS_CHECK_REQUEST},
                                           {"IFPRESENT", TRP_TLS_CHECK_IF_PRESENT},
                                           {"YES", TRP_TLS_CHECK_CHAIN},
                                           {NULL, 0}};

/* Older minima are met by TLS 1.2, which is the least there is. */
static const struct word min_words[] = {{"TLSv1", TLS1_2_VERSION},
                                        {"TLSv1.1", TLS1_2_VERSION},
                                        {"TLSv1.2", TLS1_2_VERSION},
                                        {"TLSv1.3", TLS1_3_VERSION},
                                        {NULL, 0}};

static const struct word max_words[] = {
    {"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}, {NULL, 0}};

static troupe_status read_checks(const troupe_tls_options *options,
                                 char why[TROUPE_FAILURE_TEXT],
                                 struct trp_tls_settings *out)
{
    int server = TRP_TLS_CHECK_HOST, client = TRP_TLS_CHECK_NONE;
    troupe_status status = TROUPE_OK;

    switch (options->verify) {
    case TROUPE_TLS_VERIFY_DEFAULT:
        status = find(server_words, "SSL_VERIFY_SERVER",
                      setting(NULL, "KX_SSL_VERIFY_SERVER"), server, why, &server);
        if (status == TROUPE_OK) {
            status = find(client_words, "SSL_VERIFY_CLIENT",
                          setting(NULL, "KX_SSL_VERIFY_CLIENT"), client, why, &client);
        }
        break;
    case TROUPE_TLS_VERIFY_NONE:
        server = client = TRP_TLS_CHECK_NONE;
        break;
    case TROUPE_TLS_VERIFY_CHAIN:
        server = TRP_TLS_CHECK_CHAIN;
        break;
    case TROUPE_TLS_VERIFY_HOST:
        break;
    case TROUPE_TLS_VERIFY_IF_PRESENT:
        client = TRP_TLS_CHECK_IF_PRESENT;
        break;
    case TROUPE_TLS_VERIFY_REQUIRE:
        client = TRP_TLS_CHECK_CHAIN;
        break;
    default:
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "verify cannot be %d",
                       (int)options->verify);
        status = TROUPE_EINVAL;
        break;
    }
    out->server = (enum trp_tls_check)server;
    out->client = (enum trp_tls_check)client;
    out->verify_server = word_of(server_words, server);
    out->verify_client = word_of(client_words, client);
    return status;
}

static troupe_status read_versions(const troupe_tls_options *options,
                                   char why[TROUPE_FAILURE_TEXT],
                                   struct trp_tls_settings *out)
{
    troupe_status status = find(min_words, "SSL_MINPROTOCOL",
                                setting(options->minprotocol, "KX_SSL_MINPROTOCOL"),
                                TLS1_2_VERSION, why, &out->min_version);

    if (status == TROUPE_OK) {
        status = find(max_words, "SSL_MAXPROTOCOL",
                      setting(options->maxprotocol, "KX_SSL_MAXPROTOCOL"), 0, why,
                      &out->max_version);
    }
    if (status == TROUPE_OK && out->max_version != 0 &&
        out->max_version < out->min_version) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT,
                       "SSL_MAXPROTOCOL is below SSL_MINPROTOCOL");
        status = TROUPE_EINVAL;
    }
    return status;
}

/* To everybody else SSL_CERT_FILE is OpenSSL's: authorities to trust. So it is here when
 * there is no key for it. */
static void tell_meanings_apart(const troupe_tls_options *options,
                                struct trp_tls_settings *out)
{
    if (out->key_file == NULL && out->cert_file != NULL &&
        setting(options->cert_file, "KX_SSL_CERT_FILE") == getenv("SSL_CERT_FILE")) {
        out->system_file = out->cert_file;
        out->cert_file = NULL;
    }
}

troupe_status trp_tls_settings(const troupe_tls_options *options,
                               char why[TROUPE_FAILURE_TEXT],
                               struct trp_tls_settings *out)
{
    const troupe_tls_options none = TROUPE_TLS_OPTIONS;
    const troupe_tls_options *from = options != NULL ? options : &none;

    if (from->size != sizeof(*from)) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "the TLS options have another size");
        return TROUPE_EINVAL;
    }
    struct trp_tls_settings found = {
        .cert_file = setting(from->cert_file, "KX_SSL_CERT_FILE"),
        .key_file = setting(from->key_file, "KX_SSL_KEY_FILE"),
        .ca_cert_file = setting(from->ca_cert_file, "KX_SSL_CA_CERT_FILE"),
        .ca_cert_path = setting(from->ca_cert_path, "KX_SSL_CA_CERT_PATH"),
        .cipher_list = setting(from->cipher_list, "KX_SSL_CIPHER_LIST"),
        .ciphersuites = setting(from->ciphersuites, "KX_SSL_CIPHERSUITES"),
        .server_name = from->server_name != NULL && from->server_name[0] != 0
                           ? from->server_name
                           : NULL,
    };
    tell_meanings_apart(from, &found);
    troupe_status status = read_checks(from, why, &found);
    if (status == TROUPE_OK) {
        status = read_versions(from, why, &found);
    }
    if (status == TROUPE_OK) {
        *out = found;
    }
    return status;
}
