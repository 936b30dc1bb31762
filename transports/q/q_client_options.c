/* SPDX-License-Identifier: MIT
 * q_client_options.c - the defaults and ranges of a client's options. */
#include <string.h>

#include "transports/q/q_client.h"
#include "transports/q/q_codec.h"

enum {
    CONNECT_LIMIT_S = 10,
    CLOSE_LIMIT_S = 5,
    PENDING_LIMIT = 65536,
    OUTPUT_LIMIT = 64 << 20
};

troupe_status trp_q_client_check(const troupe_q_options *given, troupe_q_options *out)
{
    if (given == NULL || given->size != sizeof(*given) || given->connect_limit < 0 ||
        given->close_limit < 0 || given->message_limit > TRP_Q_MESSAGE_MAX ||
        (given->username != NULL && strchr(given->username, ':') != NULL)) {
        return TROUPE_EINVAL;
    }
    *out = *given;
#define DEFAULT(field, value) out->field = out->field != 0 ? out->field : (value)
    DEFAULT(connect_limit, TROUPE_S(CONNECT_LIMIT_S));
    DEFAULT(close_limit, TROUPE_S(CLOSE_LIMIT_S));
    DEFAULT(pending_limit, PENDING_LIMIT);
    DEFAULT(output_limit, OUTPUT_LIMIT);
    DEFAULT(message_limit, TRP_Q_MESSAGE_MAX);
#undef DEFAULT
    out->host = given->host != NULL ? given->host : "localhost";
    out->username = given->username != NULL ? given->username : "";
    out->password = given->password != NULL ? given->password : "";
    return TROUPE_OK;
}
