/* SPDX-License-Identifier: MIT
 * q_client_connect.c - from an address to an accepted login. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transports/q/q_addresses.h"
#include "transports/q/q_client_state.h"
#include "transports/q/q_login.h"
#include "transports/stream_tls.h"

enum { CAPABILITY_SMALL = 3 };

static int capability(const struct trp_q_client *c)
{
    return c->options.small_messages ? CAPABILITY_SMALL : TRP_Q_CAPABILITY;
}

static void not_made(troupe_self *self, struct trp_q_client *c, troupe_status status,
                     int system)
{
    char what[TROUPE_FAILURE_TEXT / 2];

    (void)snprintf(what, sizeof(what), "could not be made: %s",
                   system != 0 ? strerror(system) : troupe_status_text(status));
    trp_q_client_describe(c, what);
    trp_q_client_failed(self, c, status);
}

/* ---- dialling ---- */

static troupe_status begin_dial(troupe_self *self, struct trp_q_client *c)
{
    struct trp_addresses addresses;

    if (!c->options.unix_domain) {
        return trp_dial_new(self, c->host, c->options.port, &c->dial);
    }
    troupe_status status = trp_q_addresses_dial(c->options.port, &addresses);
    if (status == TROUPE_OK && c->options.unix_form != TROUPE_Q_UNIX_FORM_ANY) {
        addresses.items[0] = addresses.items[c->options.unix_form - 1];
        addresses.count = 1;
    }
    return status == TROUPE_OK ? trp_dial_addresses(self, &addresses, &c->dial) : status;
}

void trp_q_client_dial(troupe_self *self, struct trp_q_client *c)
{
    c->limit = troupe_now(self) + c->options.connect_limit;
    troupe_status status =
        trp_connection_enter(self, &c->link, TRP_Q_DIALING, c->options.connect_limit);
    if (status == TROUPE_OK && c->connect == NULL) {
        status = begin_dial(self, c);
    }
    if (status != TROUPE_OK) {
        not_made(self, c, status, 0);
        return;
    }
    trp_q_client_dialled(self, c);
}

/* The stream, when there is a connection. */
static troupe_status poll_dial(troupe_self *self, struct trp_q_client *c,
                               struct trp_stream **out, int *system)
{
    int fd = -1;

    if (c->connect != NULL) {
        return c->connect(c->connect_context, self, out);
    }
    troupe_status status = trp_dial_poll(c->dial, &fd, system);
    if (status != TROUPE_OK) {
        return status;
    }
    trp_dial_free(&c->dial);
    status =
        trp_stream_tcp_new(self, fd, c->options.output_limit + TRP_Q_MESSAGE_MAX, out);
    if (status != TROUPE_OK) {
        (void)close(fd);
    }
    return status;
}

void trp_q_client_dialled(troupe_self *self, struct trp_q_client *c)
{
    struct trp_stream *stream = NULL;
    int system = 0;
    troupe_status status = poll_dial(self, c, &stream, &system);

    if (status == TROUPE_OK) {
        trp_q_client_connected(self, c, stream);
    } else if (status != TROUPE_EAGAIN) {
        not_made(self, c, status, system);
    }
}

/* ---- TLS ---- */

static troupe_ns left(troupe_self *self, const struct trp_q_client *c)
{
    troupe_ns span = c->limit - troupe_now(self);

    return span > 0 ? span : 1;
}

/* The stream with TLS on it, when there shall be; it is taken in any case. */
static troupe_status secure(const struct trp_q_client *c, struct trp_stream **stream)
{
    struct trp_stream *secured = NULL;

    if (c->tls == NULL) {
        return TROUPE_OK;
    }
    troupe_status status = trp_stream_tls_new(stream, c->tls, c->host, &secured);
    if (status == TROUPE_OK) {
        *stream = secured;
    }
    return status;
}

void trp_q_client_connected(troupe_self *self, struct trp_q_client *c,
                            struct trp_stream *stream)
{
    struct trp_q_limits limits = {c->options.message_limit, c->options.message_limit,
                                  TROUPE_Q_DEPTH_MAX, 0, NULL};

    troupe_status status = secure(c, &stream);
    trp_q_conn_init(&c->wire, stream, &limits);
    if (status == TROUPE_OK) {
        status = trp_connection_enter(self, &c->link, TRP_Q_SECURING, left(self, c));
    }
    if (status != TROUPE_OK) {
        not_made(self, c, status, 0);
        return;
    }
    trp_q_client_secured(self, c);
}

/* ---- login ---- */

static void log_in(troupe_self *self, struct trp_q_client *c)
{
    struct trp_stream *stream = c->wire.stream;

    c->wire.compress = c->options.compress && !stream->local;
    troupe_status status =
        trp_connection_enter(self, &c->link, TRP_Q_LOGIN, left(self, c));
    if (status == TROUPE_OK) {
        status = trp_q_login_write(c->username, c->password, capability(c), &stream->out);
    }
    if (status != TROUPE_OK) {
        trp_q_client_describe(c, troupe_status_text(status));
        trp_q_client_failed(self, c, status);
        return;
    }
    trp_stream_wrote(stream);
}

void trp_q_client_secured(troupe_self *self, struct trp_q_client *c)
{
    const struct trp_stream *stream = c->wire.stream;
    char what[TROUPE_FAILURE_TEXT];
    troupe_status status = trp_stream_ready(stream);

    if (status == TROUPE_OK) {
        log_in(self, c);
    } else if (status != TROUPE_EAGAIN) {
        (void)snprintf(what, sizeof(what), "could not be made: %s",
                       stream->why != NULL   ? stream->why
                       : stream->system != 0 ? strerror(stream->system)
                                             : troupe_status_text(status));
        trp_q_client_describe(c, what);
        trp_q_client_failed(self, c, status);
    }
}

static void accepted(troupe_self *self, struct trp_q_client *c)
{
    (void)trp_connection_enter(self, &c->link, TRP_Q_READY, 0);
    c->why = TROUPE_OK;
    c->proven = c->unsent_told = false;
    c->since = troupe_now(self);
    if (++c->logins > 1 && c->loss_told) {
        trp_q_client_describe(c, "is there again");
        trp_log(trp_base_of(self), TROUPE_LOG_INFO, "Q-AGAIN", "%s", c->text);
    }
    c->text[0] = 0;
    trp_q_client_tell(self, c, 0);
    trp_q_client_send_held(self, c);
}

static void login_failed(troupe_self *self, struct trp_q_client *c,
                         const struct trp_stream *stream)
{
    char what[TROUPE_FAILURE_TEXT];
    troupe_status status = stream->ended;

    if (status == TROUPE_ELOST && stream->system == 0) {
        trp_q_client_describe(c, "was closed by the server: the login was refused");
        status = TROUPE_EACCESS;
    } else {
        (void)snprintf(what, sizeof(what), "was lost during the login%s%s",
                       stream->why != NULL ? ": " : "",
                       stream->why != NULL ? stream->why : "");
        trp_q_client_describe(c, what);
    }
    trp_q_client_failed(self, c, status);
}

void trp_q_client_read_login(troupe_self *self, struct trp_q_client *c)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(c->wire.stream, &size);

    if (size > 0) {
        c->wire.capability = trp_q_common((uint8_t)capability(c), bytes[0]);
        trp_stream_consume(c->wire.stream, 1);
        accepted(self, c);
    } else if (c->wire.stream->ended != TROUPE_OK) {
        login_failed(self, c, c->wire.stream);
    }
}
