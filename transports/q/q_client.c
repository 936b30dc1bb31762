/* SPDX-License-Identifier: MIT
 * q_client.c - a connection to a q process.
 *
 *   DIALING --connected--> LOGIN --one byte--> READY --close--> DRAINING
 *      |                     |                   |                 |
 *      +------ failed, refused, too late, lost --+-----------------+--> CLOSED
 *
 * Owns its stream and the requests that wait for the login. Answers every call exactly
 * once: with the response that belongs to it by order, or with why there is none. Tells
 * the handler what the peer pushes, and stops reading while the handler has no room. */
#include "transports/q/q_client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mailbox/alloc.h"
#include "transports/connection.h"
#include "transports/dial.h"
#include "transports/q/q_conn.h"
#include "transports/q/q_login.h"
#include "transports/q/q_pending.h"

enum { CAPABILITY_SMALL = 3, MAILBOX_LIMIT = 65536 };

enum phase { DIALING, LOGIN, READY, DRAINING, CLOSED };

static const struct trp_phase phases[] = {
    [DIALING] = {"dialing", TRP_TO(LOGIN) | TRP_TO(CLOSED)},
    [LOGIN] = {"login", TRP_TO(READY) | TRP_TO(CLOSED)},
    [READY] = {"ready", TRP_TO(DRAINING) | TRP_TO(CLOSED)},
    [DRAINING] = {"draining", TRP_TO(CLOSED)},
    [CLOSED] = {"closed", 0},
};

struct client {
    struct trp_connection link;
    struct trp_q_conn wire;
    struct trp_dial *dial;
    troupe_q_options options; /* its strings are ours */
    char *host, *username, *password;
    troupe_ns limit; /* when connecting is given up */
    struct trp_q_pending sent;
    troupe_msg *held, **held_end; /* requests before the login was answered */
    uint32_t held_count;
    troupe_msg *push;  /* the handler had no room for it */
    bool ending;       /* closed on purpose: end when closed */
    troupe_status why; /* it is closed or draining */
    char text[TROUPE_FAILURE_TEXT];
    struct trp_q_pending closers; /* asked Q_CLOSE */
};

/* ---- answering ---- */

static void refuse(troupe_self *self, const troupe_msg *msg, troupe_status status,
                   const char *text)
{
    if (troupe_msg_wants_answer(msg)) {
        trp_ignore(troupe_fail(self, troupe_msg_from(msg), status, "%s", text));
    } else {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-NOT-SENT",
                "a message was not sent: %s", text);
    }
}

static void answer(troupe_self *self, struct trp_q_asker asker, troupe_msg **msg)
{
    troupe_msg_set_tag(*msg, asker.tag);
    trp_ignore(troupe_reply_to(self, asker.from, msg)); /* nobody waits: swallowed */
    troupe_msg_free(msg);
}

/* ---- the end ---- */

static void tell_state(troupe_self *self, struct client *c, troupe_status status)
{
    troupe_msg *msg = NULL;

    if (troupe_id_is_nobody(c->options.watcher) ||
        troupe_msg_new(TROUPE_KIND_Q_STATE, sizeof(troupe_q_state), &msg) != TROUPE_OK) {
        return;
    }
    troupe_q_state *state = troupe_msg_body(msg);
    *state = (troupe_q_state){.status = status};
    if (status != TROUPE_OK) {
        memcpy(state->text, c->text, sizeof(state->text));
    }
    troupe_msg_set_tag(msg, c->options.tag);
    trp_ignore(troupe_tell(self, c->options.watcher, &msg));
    troupe_msg_free(&msg);
}

static void fail_all(troupe_self *self, struct client *c)
{
    struct trp_q_asker asker;

    while (trp_q_pending_take(&c->sent, &asker)) {
        trp_ignore(troupe_fail(self, asker.from, c->why, "%s", c->text));
    }
    while (c->held != NULL) {
        troupe_msg *msg = c->held;
        c->held = msg->next;
        refuse(self, msg, c->why, c->text);
        troupe_msg_free(&msg);
    }
    c->held_end = &c->held;
    c->held_count = 0;
}

static void finish(troupe_self *self, struct client *c)
{
    trp_q_pending_done(self, &c->closers);
    troupe_exit(self, TROUPE_OK);
}

/* Closes for a reason: everybody who waits is told it. */
static void close_with(troupe_self *self, struct client *c, troupe_status status)
{
    if (c->link.phase == CLOSED) {
        return;
    }
    trp_log(trp_base_of(self),
            status == TROUPE_ECLOSED ? TROUPE_LOG_DEBUG : TROUPE_LOG_WARN, "Q-CLOSED",
            "%s (%s)", c->text, troupe_status_name(status));
    (void)trp_connection_enter(self, &c->link, CLOSED, 0);
    c->why = status;
    trp_dial_free(&c->dial);
    trp_q_conn_fini(&c->wire);
    fail_all(self, c);
    tell_state(self, c, status);
    if (c->ending) {
        finish(self, c);
    }
}

static void describe(struct client *c, const char *what)
{
    (void)snprintf(c->text, sizeof(c->text), "the connection to %s:%u %s", c->host,
                   c->options.port, what);
}

/* ---- requests ---- */

static void request_failed(troupe_self *self, struct client *c, const troupe_msg *msg,
                           troupe_status status, const struct trp_q_why *why)
{
    char text[TROUPE_FAILURE_TEXT];

    if (status == TROUPE_EBUSY) {
        (void)snprintf(text, sizeof(text),
                       "more than %zu bytes wait to be written to %s:%u",
                       c->options.output_limit, c->host, c->options.port);
    } else {
        (void)snprintf(text, sizeof(text), "the message cannot be sent: %s",
                       why->text != NULL ? why->text : troupe_status_text(status));
    }
    refuse(self, msg, status, text);
}

static void answer_done(troupe_self *self, const troupe_msg *msg)
{
    troupe_msg *done = NULL;

    if (troupe_msg_wants_answer(msg) &&
        troupe_msg_new(TROUPE_KIND_DONE, 0, &done) == TROUPE_OK) {
        trp_ignore(troupe_reply(self, msg, &done));
        troupe_msg_free(&done);
    }
}

static void send_now(troupe_self *self, struct client *c, const troupe_msg *msg)
{
    struct trp_q_why why = {NULL, 0};
    bool sync = troupe_msg_kind(msg) == TROUPE_KIND_Q_SYNC;
    const troupe_q_value *value = troupe_msg_body(msg);
    troupe_status status = sync ? trp_q_pending_reserve(&c->sent) : TROUPE_OK;

    if (status == TROUPE_OK && sync && c->sent.count >= c->options.pending_limit) {
        refuse(self, msg, TROUPE_EBUSY, "too many calls wait for their answers");
        return;
    }
    if (status == TROUPE_OK) {
        status = trp_q_conn_write(&c->wire, sync ? TRP_Q_SYNC : TRP_Q_ASYNC, value,
                                  c->options.output_limit, &why);
    }
    if (status != TROUPE_OK) {
        request_failed(self, c, msg, status, &why);
    } else if (sync) {
        struct trp_q_asker asker = {troupe_msg_from(msg), troupe_msg_tag(msg)};
        trp_q_pending_put(&c->sent, asker);
    } else {
        answer_done(self, msg);
    }
}

static void hold(troupe_self *self, struct client *c, troupe_msg **msg)
{
    if (c->held_count >= c->options.pending_limit) {
        refuse(self, *msg, TROUPE_EBUSY, "too many calls wait for the login");
        return;
    }
    (*msg)->next = NULL;
    *c->held_end = *msg;
    c->held_end = &(*msg)->next;
    c->held_count++;
    *msg = NULL;
}

static void request(troupe_self *self, struct client *c, troupe_msg **msg)
{
    if (troupe_msg_body(*msg) == NULL) {
        refuse(self, *msg, TROUPE_EINVAL, "the request carries no value");
    } else if (c->link.phase == READY) {
        send_now(self, c, *msg);
    } else if (c->link.phase == DIALING || c->link.phase == LOGIN) {
        hold(self, c, msg);
    } else {
        refuse(self, *msg, c->why, c->text);
    }
}

static void send_held(troupe_self *self, struct client *c)
{
    while (c->held != NULL) {
        troupe_msg *msg = c->held;
        c->held = msg->next;
        send_now(self, c, msg);
        troupe_msg_free(&msg);
    }
    c->held_end = &c->held;
    c->held_count = 0;
}

/* ---- draining ---- */

static void drain_if_done(troupe_self *self, struct client *c)
{
    if (c->link.phase != DRAINING || c->sent.count > 0) {
        return;
    }
    if (trp_stream_backlog(c->wire.stream) > 0 && !c->wire.stream->broken) {
        c->wire.stream->want_empty = true;
        return;
    }
    close_with(self, c, TROUPE_ECLOSED);
}

static void begin_end(troupe_self *self, struct client *c)
{
    c->ending = true;
    if (c->link.phase == CLOSED) {
        finish(self, c);
    } else if (c->link.phase == READY) {
        describe(c, "is closed");
        c->why = TROUPE_ECLOSED;
        (void)trp_connection_enter(self, &c->link, DRAINING, c->options.close_limit);
        drain_if_done(self, c);
    } else if (c->link.phase != DRAINING) {
        describe(c, "is closed");
        close_with(self, c, TROUPE_ECLOSED);
    }
}

/* ---- what the peer sends ---- */

/* False when the handler has no room: the push is kept and reading stops. */
static bool give_push(troupe_self *self, struct client *c)
{
    troupe_status status = troupe_tell(self, c->options.handler, &c->push);

    if (status == TROUPE_EBUSY &&
        troupe_tell_when_room(self, c->options.handler, 0) == TROUPE_OK) {
        return false;
    }
    if (status != TROUPE_OK) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-PUSH-DROPPED",
                "a pushed message was dropped: %s", troupe_status_text(status));
    }
    troupe_msg_free(&c->push);
    return true;
}

static troupe_status pushed(troupe_self *self, struct client *c, troupe_q_value **value)
{
    if (troupe_id_is_nobody(c->options.handler)) {
        return TROUPE_OK;
    }
    troupe_status status = trp_q_msg_new(TROUPE_KIND_Q_PUSH, value, &c->push);
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_msg_set_tag(c->push, c->options.tag);
    return give_push(self, c) ? TROUPE_OK : TROUPE_EAGAIN;
}

static troupe_status responded(troupe_self *self, struct client *c,
                               troupe_q_value **value)
{
    struct trp_q_asker asker;
    troupe_msg *msg = NULL;

    if (!trp_q_pending_take(&c->sent, &asker)) {
        describe(c, "carried a response that nobody asked for");
        return TROUPE_EPROTO;
    }
    troupe_status status = trp_q_answer_msg(troupe_self_id(self), value, &msg);
    if (status != TROUPE_OK) {
        trp_ignore(
            troupe_fail(self, asker.from, status, "%s", troupe_status_text(status)));
        return TROUPE_OK;
    }
    answer(self, asker, &msg);
    return TROUPE_OK;
}

static troupe_status arrived(troupe_self *self, struct client *c, uint8_t kind,
                             troupe_q_value **value)
{
    switch (kind) {
    case TRP_Q_RESPONSE:
        return responded(self, c, value);
    case TRP_Q_ASYNC:
        return pushed(self, c, value);
    default:
        return trp_q_conn_write_error(&c->wire, "a client connection takes no queries",
                                      c->options.output_limit);
    }
}

static void input_failed(troupe_self *self, struct client *c, troupe_status status,
                         const struct trp_q_why *why)
{
    char what[TROUPE_FAILURE_TEXT / 2];

    if (status == TROUPE_ELOST) {
        int system = c->wire.stream->system;
        (void)snprintf(what, sizeof(what), "was lost%s%s%s%s", system != 0 ? ": " : "",
                       system != 0 ? strerror(system) : "", why->text != NULL ? ": " : "",
                       why->text != NULL ? why->text : "");
        describe(c, what);
    } else if (why->text != NULL) {
        (void)snprintf(what, sizeof(what), "carried a message that cannot be read: %s",
                       why->text);
        describe(c, what);
    } else if (status == TROUPE_ELIMIT) {
        describe(c, "brought queries and did not take the answers");
    }
    close_with(self, c, status == TROUPE_ETRUNCATED ? TROUPE_EPROTO : status);
}

static void read_messages(troupe_self *self, struct client *c)
{
    struct trp_q_why why = {NULL, 0};
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && c->push == NULL) {
        troupe_q_value *value = NULL;
        uint8_t kind = 0;
        status = trp_q_conn_next(&c->wire, &kind, &value, &why);
        if (status == TROUPE_OK) {
            status = arrived(self, c, kind, &value);
            troupe_q_unref(&value);
        }
    }
    if (status != TROUPE_OK && status != TROUPE_EAGAIN) {
        input_failed(self, c, status, &why);
        return;
    }
    drain_if_done(self, c);
}

/* ---- connecting ---- */

static void begin_login(troupe_self *self, struct client *c, struct trp_stream *stream)
{
    struct trp_q_limits limits = {c->options.message_limit, c->options.message_limit,
                                  TROUPE_Q_DEPTH_MAX};
    troupe_ns left = c->limit - troupe_now(self);

    trp_q_conn_init(&c->wire, stream, &limits);
    c->wire.compress = c->options.compress && !stream->local;
    troupe_status status =
        trp_connection_enter(self, &c->link, LOGIN, left > 0 ? left : 1);
    if (status == TROUPE_OK) {
        status = trp_q_login_write(c->username, c->password,
                                   c->options.small_messages ? CAPABILITY_SMALL
                                                             : TRP_Q_CAPABILITY,
                                   &stream->out);
    }
    if (status != TROUPE_OK) {
        describe(c, troupe_status_text(status));
        close_with(self, c, status);
        return;
    }
    trp_stream_wrote(stream);
}

static void read_login(troupe_self *self, struct client *c)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(c->wire.stream, &size);

    if (size > 0) {
        c->wire.capability = trp_q_common(
            c->options.small_messages ? CAPABILITY_SMALL : TRP_Q_CAPABILITY, bytes[0]);
        trp_stream_consume(c->wire.stream, 1);
        (void)trp_connection_enter(self, &c->link, READY, 0);
        tell_state(self, c, TROUPE_OK);
        send_held(self, c);
        if (c->ending) {
            begin_end(self, c);
        }
    } else if (c->wire.stream->ended != TROUPE_OK) {
        bool refused = c->wire.stream->system == 0;
        describe(c, refused ? "was closed by the server: the login was refused"
                            : "was lost during the login");
        close_with(self, c, refused ? TROUPE_EACCESS : TROUPE_ELOST);
    }
}

static void read_input(troupe_self *self, struct client *c)
{
    if (c->link.phase == LOGIN) {
        read_login(self, c);
    }
    if (c->link.phase == READY || c->link.phase == DRAINING) {
        read_messages(self, c);
    }
}

static void advance_dial(troupe_self *self, struct client *c)
{
    struct trp_stream *stream = NULL;
    int fd = -1, system = 0;
    troupe_status status = trp_dial_poll(c->dial, &fd, &system);

    if (status == TROUPE_EAGAIN) {
        return;
    }
    if (status == TROUPE_OK) {
        trp_dial_free(&c->dial);
        status = trp_stream_tcp_new(self, fd, c->options.output_limit + TRP_Q_MESSAGE_MAX,
                                    &stream);
        if (status != TROUPE_OK) {
            (void)close(fd);
        }
    }
    if (status != TROUPE_OK) {
        char what[TROUPE_FAILURE_TEXT / 2];
        (void)snprintf(what, sizeof(what), "could not be made: %s",
                       system != 0 ? strerror(system) : troupe_status_text(status));
        describe(c, what);
        close_with(self, c, status);
        return;
    }
    begin_login(self, c, stream);
}

/* ---- the actor ---- */

static void take_io(troupe_self *self, struct client *c)
{
    if (c->link.phase == DIALING && c->dial != NULL) {
        advance_dial(self, c);
    } else if (c->wire.stream != NULL) {
        trp_stream_turn(c->wire.stream);
        read_input(self, c);
    }
}

static void too_late(troupe_self *self, struct client *c)
{
    if (c->link.phase == DRAINING) {
        close_with(self, c, TROUPE_ECLOSED);
        return;
    }
    describe(c, c->link.phase == LOGIN ? "had no answer to the login in time"
                                       : "could not be made in time");
    close_with(self, c, TROUPE_ETIMEDOUT);
}

static troupe_status client_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct client *c = state;

    switch (troupe_msg_kind(*msg)) {
    case TRP_KIND_IO:
        take_io(self, c);
        break;
    case TROUPE_KIND_Q_SYNC:
    case TROUPE_KIND_Q_ASYNC:
        request(self, c, msg);
        break;
    case TRP_KIND_RESOLVED:
        if (c->link.phase == DIALING && c->dial != NULL) {
            trp_dial_resolved(c->dial, *msg);
            advance_dial(self, c);
        }
        break;
    case TRP_KIND_DEADLINE:
        if (trp_connection_overdue(&c->link, *msg)) {
            too_late(self, c);
        }
        break;
    case TROUPE_KIND_ROOM:
    case TROUPE_KIND_DOWN:
        if (c->push != NULL && give_push(self, c)) {
            read_input(self, c);
        }
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

static void free_options(struct client *c)
{
    trp_free(c->host);
    trp_free(c->username);
    trp_free(c->password);
}

static void client_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct client *c = state;

    (void)reason;
    if (c->link.phase != CLOSED) {
        c->ending = false;
        describe(c, "is closed");
        close_with(self, c, TROUPE_ECLOSED);
    }
    troupe_msg_free(&c->push);
    trp_q_pending_fini(&c->sent);
    trp_q_pending_fini(&c->closers);
    free_options(c);
}

static troupe_status copy_options(struct client *c, const troupe_q_options *options)
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
    return TROUPE_OK;
}

static troupe_status client_start(troupe_self *self, void *state, const void *arguments)
{
    const struct trp_q_client_args *args = arguments;
    struct client *c = state;

    troupe_status status = copy_options(c, args->options);
    if (status != TROUPE_OK) {
        return status;
    }
    c->link.phases = phases;
    c->held_end = &c->held;
    c->limit = troupe_now(self) + c->options.connect_limit;
    if (args->stream != NULL) {
        trp_stream_pair_own(args->stream, trp_base_of(self), troupe_self_id(self));
        begin_login(self, c, args->stream);
        return TROUPE_OK;
    }
    status = trp_dial_new(self, c->host, c->options.port, &c->dial);
    if (status == TROUPE_OK) {
        status = troupe_after(self, c->options.connect_limit, TRP_KIND_DEADLINE,
                              c->link.round, NULL);
    }
    if (status != TROUPE_OK) {
        describe(c, troupe_status_text(status));
        close_with(self, c, status);
        return TROUPE_OK;
    }
    advance_dial(self, c);
    return TROUPE_OK;
}

const troupe_behavior trp_q_client = {
    .name = "q_client",
    .state_size = sizeof(struct client),
    .start = client_start,
    .receive = client_receive,
    .stop = client_stop,
    .mailbox_limit = MAILBOX_LIMIT,
    .flags = TROUPE_TRAP_STOP,
};
