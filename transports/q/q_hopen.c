/* SPDX-License-Identifier: MIT
 * q_hopen.c - the addresses q code opens. */
#include "transports/q/q_hopen.h"

#include <stdlib.h>
#include <string.h>

#include "transports/q/q_value.h"

enum { LIMIT_MS_MAX = 86400000 };

static troupe_status read_port(const char *text, uint16_t *out)
{
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != 0 || port == 0 || port > UINT16_MAX) {
        return TROUPE_EINVAL;
    }
    *out = (uint16_t)port;
    return TROUPE_OK;
}

/* Ends the text at its first colon; what follows, or NULL. */
static char *cut(char *text)
{
    char *colon = text != NULL ? strchr(text, ':') : NULL;

    if (colon != NULL) {
        *colon++ = 0;
    }
    return colon;
}

/* port, port:user, port:user:password */
static troupe_status read_rest(char *port, troupe_q_options *out)
{
    char *user = cut(port);
    char *password = cut(user);

    if (port == NULL) {
        return TROUPE_EINVAL;
    }
    out->username = user;
    out->password = password;
    return read_port(port, &out->port);
}

/* host:port..., [address]:port..., port */
static troupe_status read_host(char *text, troupe_q_options *out)
{
    char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    char *port;

    if (end != NULL) {
        *end = 0;
        text++;
        port = end[1] == ':' ? end + 2 : NULL;
    } else if (strchr(text, ':') == NULL) {
        return read_port(text, &out->port);
    } else {
        port = cut(text);
    }
    out->host = text[0] != 0 ? text : NULL;
    return read_rest(port, out);
}

static char *after(char *text, const char *scheme)
{
    size_t size = strlen(scheme);

    return strncmp(text, scheme, size) == 0 ? text + size : NULL;
}

static troupe_status read_text(const char *bytes, size_t size, struct trp_q_hopen *out)
{
    char *text = out->text, *rest;

    if (size > 0 && bytes[0] == ':') {
        bytes++;
        size--;
    }
    if (size > TRP_Q_HOPEN_MAX || memchr(bytes, 0, size) != NULL) {
        return TROUPE_EINVAL;
    }
    memcpy(text, bytes, size);
    text[size] = 0;
    if ((rest = after(text, "unix://")) != NULL) {
        out->options.unix_domain = true;
        return read_rest(rest, &out->options);
    }
    if ((rest = after(text, "tcps://")) != NULL) {
        out->options.tls = true;
        return read_host(rest, &out->options);
    }
    rest = after(text, "tcp://");
    return read_host(rest != NULL ? rest : text, &out->options);
}

static troupe_status read_address(const troupe_q_value *x, size_t at,
                                  struct trp_q_hopen *out)
{
    int type = troupe_q_type(x) < 0 ? -troupe_q_type(x) : troupe_q_type(x);
    int64_t port = 0;
    size_t size = 0;

    if (type == TROUPE_Q_SYMBOL || type == TROUPE_Q_CHAR) {
        const char *text = troupe_q_text(x, &size);
        return text != NULL ? read_text(text, size, out) : TROUPE_ETYPE;
    }
    if ((type != TROUPE_Q_INT && type != TROUPE_Q_LONG && type != TROUPE_Q_SHORT) ||
        troupe_q_get_long(x, at, &port) != TROUPE_OK) {
        return TROUPE_ETYPE;
    }
    if (port <= 0 || port > UINT16_MAX) {
        return TROUPE_EINVAL;
    }
    out->options.port = (uint16_t)port;
    return TROUPE_OK;
}

static troupe_status read_limit(const troupe_q_value *x, size_t at,
                                struct trp_q_hopen *out)
{
    int64_t ms = 0;

    if (troupe_q_get_long(x, at, &ms) != TROUPE_OK) {
        return TROUPE_ETYPE;
    }
    if (ms < 0 || ms > LIMIT_MS_MAX) {
        return TROUPE_EINVAL;
    }
    out->options.connect_limit = TROUPE_MS(ms);
    return TROUPE_OK;
}

troupe_status trp_q_hopen_read(const troupe_q_value *x, struct trp_q_hopen *out)
{
    int type = troupe_q_type(x);
    bool pair = type >= 0 && type != TROUPE_Q_CHAR;

    out->options = TROUPE_Q_OPTIONS;
    out->text[0] = 0;
    if (!pair) {
        return read_address(x, 0, out);
    }
    if (troupe_q_count(x) != 2) {
        return TROUPE_ETYPE;
    }
    bool list = type == TROUPE_Q_LIST;
    troupe_status status = read_address(list ? TRP_Q_ITEMS(x)[0] : x, 0, out);
    if (status == TROUPE_OK) {
        status = read_limit(list ? TRP_Q_ITEMS(x)[1] : x, list ? 0 : 1, out);
    }
    return status;
}
