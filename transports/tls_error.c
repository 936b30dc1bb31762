/* SPDX-License-Identifier: MIT
 * tls_error.c - reasons of OpenSSL in our words, where ours say more. */
#include "transports/tls_error.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "mailbox/alloc.h"

static const char *certificate_text(long found)
{
    switch (found) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is not valid yet";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED:
        return "is from an authority that is not trusted";
    case X509_V_ERR_CERT_REVOKED:
        return "was revoked";
    default:
        return NULL;
    }
}

static void tell_certificate(const SSL *ssl, const char *name, char *text, size_t size)
{
    long found = SSL_get_verify_result(ssl);
    const char *what = certificate_text(found);

    if (found == X509_V_ERR_HOSTNAME_MISMATCH ||
        found == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        (void)snprintf(text, size, "the peer's certificate is not for '%s'",
                       name != NULL ? name : "");
    } else if (what != NULL) {
        (void)snprintf(text, size, "the peer's certificate %s", what);
    } else {
        (void)snprintf(text, size, "the peer's certificate cannot be trusted: %s",
                       X509_verify_cert_error_string(found));
    }
}

static const char *reason_text(int reason)
{
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        return "the peer does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "there is no version of TLS that both sides allow";
    case SSL_R_NO_SHARED_CIPHER:
        return "there is no cipher that both sides allow";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "the peer shows no certificate";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "the peer wants a certificate";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "the peer does not trust the authority of our certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "the peer says that our certificate has expired";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        return "the peer does not accept our certificate";
    case SSL_R_NO_RENEGOTIATION:
        return "the peer wanted to renegotiate";
    default:
        return NULL;
    }
}

bool trp_tls_error(const SSL *ssl, const char *name, char *text, size_t size)
{
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_REASON(error);
    bool memory = false;

    for (unsigned long each = ERR_get_error(); each != 0; each = ERR_get_error()) {
        memory = memory || ERR_GET_REASON(each) == ERR_R_MALLOC_FAILURE;
    }
    const char *plain = error != 0 ? ERR_reason_error_string(error) : NULL;
    if (memory) {
        (void)snprintf(text, size, "there is no memory for TLS");
    } else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        tell_certificate(ssl, name, text, size);
    } else if (reason_text(reason) != NULL) {
        (void)snprintf(text, size, "%s", reason_text(reason));
    } else if (reason > SSL_AD_REASON_OFFSET) {
        (void)snprintf(text, size, "the peer refused: %s", plain != NULL ? plain : "?");
    } else {
        (void)snprintf(text, size, "TLS failed: %s", plain != NULL ? plain : "?");
    }
    return memory;
}
