/* SPDX-License-Identifier: MIT
 * q_client.c - a connection to a q process: its phases and its end.
 *
 * Owns its stream and the requests that wait for one. Answers every call exactly once:
 * with the response that belongs to it by order, or with why there is none. */
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "transports/q/q_client_state.h"

enum { MAILBOX_LIMIT = 65536 };

#define TO_FAILED (TRP_TO(TRP_Q_WAITING) | TRP_TO(TRP_Q_DOWN) | TRP_TO(TRP_Q_CLOSED))

static const struct trp_phase phases[] = {
    [TRP_Q_NEW] = {"new", TRP_TO(TRP_Q_DIALING) | TRP_TO(TRP_Q_SECURING) | TO_FAILED},
    [TRP_Q_DIALING] = {"dialing", TRP_TO(TRP_Q_SECURING) | TO_FAILED},
    [TRP_Q_SECURING] = {"securing", TRP_TO(TRP_Q_LOGIN) | TO_FAILED},
    [TRP_Q_LOGIN] = {"login", TRP_TO(TRP_Q_READY) | TO_FAILED},
    [TRP_Q_READY] = {"ready", TRP_TO(TRP_Q_DRAINING) | TO_FAILED},
    [TRP_Q_DRAINING] = {"draining", TRP_TO(TRP_Q_CLOSED)},
    [TRP_Q_WAITING] = {"waiting", TRP_TO(TRP_Q_DIALING) | TRP_TO(TRP_Q_CLOSED)},
    [TRP_Q_DOWN] = {"down", TRP_TO(TRP_Q_DIALING) | TRP_TO(TRP_Q_CLOSED)},
    [TRP_Q_CLOSED] = {"closed", 0},
};

void trp_q_client_describe(struct trp_q_client *c, const char *what)
{
    if (c->options.unix_domain) {
        (void)snprintf(c->text, sizeof(c->text),
                       "the connection to the Unix socket of port %u %s", c->options.port,
                       what);
    } else {
        (void)snprintf(c->text, sizeof(c->text), "the connection to %s:%u %s", c->host,
                       c->options.port, what);
    }
}

/* ---- the end ---- */

void trp_q_client_drop(troupe_self *self, struct trp_q_client *c)
{
    (void)troupe_timer_cancel(self, c->stall);
    c->stall = (troupe_timer){0};
    trp_dial_free(&c->dial);
    trp_q_conn_fini(&c->wire);
}

static void finish(troupe_self *self, struct trp_q_client *c)
{
    trp_q_pending_done(self, &c->closers);
    troupe_exit(self, TROUPE_OK);
}

void trp_q_client_close(troupe_self *self, struct trp_q_client *c, troupe_status status)
{
    if (c->link.phase == TRP_Q_CLOSED) {
        return;
    }
    trp_log(trp_base_of(self),
            c->reported || status == TROUPE_ECLOSED ? TROUPE_LOG_DEBUG : TROUPE_LOG_WARN,
            "Q-CLOSED", "%s (%s)", c->text, troupe_status_name(status));
    (void)trp_connection_enter(self, &c->link, TRP_Q_CLOSED, 0);
    c->why = status;
    trp_q_client_drop(self, c);
    trp_q_client_sent_lost(self, c, false);
    trp_q_client_fail_all(self, c);
    trp_q_client_tell(self, c, 0);
    if (c->ending) {
        finish(self, c);
    }
}

void trp_q_client_drain(troupe_self *self, struct trp_q_client *c)
{
    if (c->link.phase != TRP_Q_DRAINING || trp_q_pending_wanted(&c->sent)) {
        return;
    }
    if (trp_stream_backlog(c->wire.stream) > 0 && !c->wire.stream->broken) {
        c->wire.stream->want_empty = true;
        return;
    }
    trp_q_client_close(self, c, TROUPE_ECLOSED);
}

static void begin_end(troupe_self *self, struct trp_q_client *c)
{
    c->ending = true;
    if (c->link.phase == TRP_Q_CLOSED) {
        finish(self, c);
    } else if (c->link.phase == TRP_Q_READY) {
        trp_q_client_describe(c, "is closed");
        c->why = TROUPE_ECLOSED;
        (void)trp_connection_enter(self, &c->link, TRP_Q_DRAINING,
                                   c->options.close_limit);
        trp_q_client_drain(self, c);
    } else if (c->link.phase != TRP_Q_DRAINING) {
        trp_q_client_describe(c, "is closed");
        trp_q_client_close(self, c, TROUPE_ECLOSED);
    }
}

/* ---- the actor ---- */

static void read_input(troupe_self *self, struct trp_q_client *c)
{
    if (c->link.phase == TRP_Q_LOGIN) {
        trp_q_client_read_login(self, c);
    }
    if (c->link.phase == TRP_Q_READY || c->link.phase == TRP_Q_DRAINING) {
        trp_q_client_read(self, c);
    }
}

static void take_io(troupe_self *self, struct trp_q_client *c)
{
    if (c->link.phase == TRP_Q_DIALING) {
        trp_q_client_dialled(self, c);
    } else if (c->wire.stream != NULL) {
        trp_stream_turn(c->wire.stream);
        if (c->link.phase == TRP_Q_SECURING) {
            trp_q_client_secured(self, c);
        }
        read_input(self, c);
    }
}

static void take_resolved(troupe_self *self, struct trp_q_client *c, troupe_msg *msg)
{
    if (c->link.phase == TRP_Q_DIALING && c->dial != NULL) {
        trp_dial_resolved(c->dial, msg);
        trp_q_client_dialled(self, c);
    }
}

static void too_late(troupe_self *self, struct trp_q_client *c)
{
    switch (c->link.phase) {
    case TRP_Q_DRAINING:
        trp_q_client_close(self, c, TROUPE_ECLOSED);
        break;
    case TRP_Q_WAITING:
        trp_q_client_dial(self, c);
        break;
    default:
        trp_q_client_describe(
            c, c->link.phase == TRP_Q_LOGIN      ? "had no answer to the login in time"
               : c->link.phase == TRP_Q_SECURING ? "had no TLS in time"
                                                 : "could not be made in time");
        trp_q_client_failed(self, c, TROUPE_ETIMEDOUT);
    }
}

static troupe_status client_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct trp_q_client *c = state;

    switch (troupe_msg_kind(*msg)) {
    case TRP_KIND_IO:
        take_io(self, c);
        break;
    case TROUPE_KIND_Q_SYNC:
    case TROUPE_KIND_Q_AGAIN:
    case TROUPE_KIND_Q_ASYNC:
    case TROUPE_KIND_Q_RESPONSE:
    case TROUPE_KIND_Q_BYTES:
        trp_q_client_request(self, c, msg);
        if (c->window != 0 && c->shown >= c->window && c->push == NULL) {
            read_input(self, c);
        }
        break;
    case TRP_KIND_CANCEL:
        trp_q_client_cancelled(c, troupe_msg_from(*msg));
        trp_q_client_drain(self, c);
        break;
    case TRP_KIND_RESOLVED:
        take_resolved(self, c, *msg);
        break;
    case TRP_KIND_DEADLINE:
        if (trp_connection_overdue(&c->link, *msg)) {
            too_late(self, c);
        }
        break;
    case TRP_KIND_Q_STALL:
        trp_q_client_look(self, c);
        break;
    case TROUPE_KIND_ROOM:
    case TROUPE_KIND_DOWN:
        if (c->push != NULL && trp_q_client_push(self, c)) {
            read_input(self, c);
        }
        break;
    case TRP_KIND_Q_TOOK:
        c->shown -=
            troupe_msg_tag(*msg) < c->shown ? (uint32_t)troupe_msg_tag(*msg) : c->shown;
        if (c->push == NULL) {
            read_input(self, c);
        }
        break;
    case TROUPE_KIND_Q_INFO:
        trp_q_client_inform(self, c, *msg);
        break;
    case TROUPE_KIND_Q_CLOSE:
        trp_q_pending_note(&c->closers, *msg);
        begin_end(self, c);
        break;
    case TROUPE_KIND_STOP:
        begin_end(self, c);
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static void free_options(struct trp_q_client *c)
{
    trp_free(c->host);
    trp_free(c->username);
    trp_free(c->password);
    trp_tls_context_unref(&c->tls);
}

static void client_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct trp_q_client *c = state;

    (void)reason;
    if (c->link.phase != TRP_Q_CLOSED) {
        c->ending = false;
        trp_q_client_describe(c, "is closed");
        trp_q_client_close(self, c, TROUPE_ECLOSED);
    }
    troupe_msg_free(&c->push);
    trp_q_pending_fini(&c->sent);
    trp_q_pending_fini(&c->closers);
    free_options(c);
}

static troupe_status copy_options(struct trp_q_client *c, const troupe_q_options *options)
{
    c->options = *options;
    c->host = trp_strdup(options->host);
    c->username = trp_strdup(options->username);
    c->password = trp_strdup(options->password);
    c->options.host = c->options.username = c->options.password = NULL;
    if (c->host == NULL || c->username == NULL || c->password == NULL) {
        free_options(c);
        return TROUPE_ENOMEM;
    }
    c->options.tls_options = NULL;
    return TROUPE_OK;
}

static troupe_status client_start(troupe_self *self, void *state, const void *arguments)
{
    const struct trp_q_client_args *args = arguments;
    struct trp_q_client *c = state;

    troupe_status status = copy_options(c, args->options);
    if (status != TROUPE_OK) {
        return status;
    }
    c->tls = args->tls != NULL ? trp_tls_context_ref(args->tls) : NULL;
    c->link.phases = phases;
    c->held_end = &c->held;
    c->connect = args->connect;
    c->connect_context = args->connect_context;
    c->window = args->window;
    c->reported = args->reported;
    if (args->stream != NULL) {
        c->limit = troupe_now(self) + c->options.connect_limit;
        trp_stream_pair_own(args->stream, trp_base_of(self), troupe_self_id(self));
        trp_q_client_connected(self, c, args->stream);
    } else {
        trp_q_client_dial(self, c);
    }
    return TROUPE_OK;
}

const troupe_behavior trp_q_client = {
    .name = "q_client",
    .state_size = sizeof(struct trp_q_client),
    .start = client_start,
    .receive = client_receive,
    .stop = client_stop,
    .mailbox_limit = MAILBOX_LIMIT,
    .flags = TROUPE_TRAP_STOP | TRP_TRAP_CANCEL,
};
