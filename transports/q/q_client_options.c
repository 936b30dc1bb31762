/* SPDX-License-Identifier: MIT
 * q_client_options.c - the defaults and ranges of a client's options. */
#include <string.h>

#include "transports/q/q_client.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_login.h"

enum {
    CONNECT_LIMIT_S = 10,
    CLOSE_LIMIT_S = 5,
    DELAY_MS = 500,
    DELAY_MAX_S = 30,
    PENDING_LIMIT = 65536,
    OUTPUT_LIMIT = 64 << 20,
    LOGIN_EXTRA = 3 /* colon, capability, NUL */
};

static size_t size_of(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

static const char *wrong_login(const troupe_q_options *given)
{
    if (given->username != NULL && strchr(given->username, ':') != NULL) {
        return "the user name must not contain a colon";
    }
    return size_of(given->username) + size_of(given->password) >
                   TRP_Q_LOGIN_MAX - LOGIN_EXTRA
               ? "user name and password are longer than a login may be"
               : NULL;
}

static const char *wrong_reconnection(const troupe_q_options *given)
{
    if (given->reconnection_attempts < -1) {
        return "reconnection_attempts is -1, 0 or how many";
    }
    if (given->reconnection_delay < 0 || given->reconnection_delay_max < 0) {
        return "a reconnection delay must not be negative";
    }
    return !(given->reconnection_jitter >= 0 && given->reconnection_jitter <= 1)
               ? "reconnection_jitter must be between 0 and 1"
               : NULL;
}

const char *trp_q_client_wrong(const troupe_q_options *given)
{
    if (given == NULL || given->size != sizeof(*given)) {
        return "the options are not of this version's size";
    }
    if (given->tls && given->unix_domain) {
        return "using both tls and unix_domain is not possible";
    }
    if ((unsigned)given->unix_form > TROUPE_Q_UNIX_FORM_FILE) {
        return "there is no such form of a Unix socket";
    }
    if (given->tls_options != NULL &&
        given->tls_options->size != sizeof(*given->tls_options)) {
        return "the TLS options are not of this version's size";
    }
    if (!given->unix_domain && size_of(given->host) > TROUPE_Q_HOST_MAX) {
        return "the host name is too long";
    }
    if (given->connect_limit < 0 || given->send_limit < 0 || given->close_limit < 0) {
        return "a time limit must not be negative";
    }
    if (given->message_limit > TRP_Q_MESSAGE_MAX) {
        return "message_limit is above the highest there is";
    }
    const char *why = wrong_login(given);
    return why != NULL ? why : wrong_reconnection(given);
}

troupe_status trp_q_client_check(const troupe_q_options *given, troupe_q_options *out)
{
    if (trp_q_client_wrong(given) != NULL) {
        return TROUPE_EINVAL;
    }
    *out = *given;
#define DEFAULT(field, value) out->field = out->field != 0 ? out->field : (value)
    DEFAULT(connect_limit, TROUPE_S(CONNECT_LIMIT_S));
    DEFAULT(close_limit, TROUPE_S(CLOSE_LIMIT_S));
    DEFAULT(reconnection_delay, TROUPE_MS(DELAY_MS));
    DEFAULT(reconnection_delay_max, TROUPE_S(DELAY_MAX_S));
    DEFAULT(pending_limit, PENDING_LIMIT);
    DEFAULT(output_limit, OUTPUT_LIMIT);
    DEFAULT(message_limit, TRP_Q_MESSAGE);
#undef DEFAULT
    out->raw = given->raw || given->raw_any;
    out->host = given->host != NULL ? given->host : "localhost";
    out->username = given->username != NULL ? given->username : "";
    out->password = given->password != NULL ? given->password : "";
    return TROUPE_OK;
}
