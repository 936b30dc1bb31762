/* SPDX-License-Identifier: MIT
 * q_peer.c - one client of a q server.
 *
 *   LOGIN --admitted by the users--> ADMISSION --by the handler--> READY --> DRAINING
 *     |                                  |                           |          |
 *     +---- refused, too late, lost -----+------ lost, malformed ----+----------+--> end
 *
 * Owns its stream and its place in the hub. Each message goes to the handler of its event
 * or to the engine; responses go out in the order of the requests. While requests_max of
 * them are being evaluated nothing is read. A client that does not read what it is sent
 * is dropped when output_limit bytes wait for it; nobody else notices. */
#include <string.h>
#include <unistd.h>

#include "mailbox/alloc.h"
#include "transports/q/q_conn.h"
#include "transports/q/q_login.h"
#include "transports/q/q_serving.h"
#include "transports/q/q_slots.h"

enum { MAILBOX_LIMIT = 65536, EVENT_SHIFT = 56 };

enum phase { LOGIN, ADMISSION, READY, DRAINING, CLOSED };

static const struct trp_phase phases[] = {
    [LOGIN] = {"login", TRP_TO(ADMISSION) | TRP_TO(CLOSED)},
    [ADMISSION] = {"admission", TRP_TO(READY) | TRP_TO(CLOSED)},
    [READY] = {"ready", TRP_TO(DRAINING) | TRP_TO(CLOSED)},
    [DRAINING] = {"draining", TRP_TO(CLOSED)},
    [CLOSED] = {"closed", 0},
};

struct peer {
    struct trp_connection link;
    struct trp_q_conn wire;
    struct trp_q_service *service;
    struct trp_q_slots slots;
    uint32_t asyncs; /* being evaluated */
    int32_t handle;
    uint8_t offered; /* the client's capability */
    bool opened;
    char *user;
    char where[TRP_STREAM_TEXT];
};

static void read_input(troupe_self *self, struct peer *p);

static void close_with(troupe_self *self, struct peer *p, troupe_log_level level,
                       const char *event, const char *why)
{
    if (p->link.phase == CLOSED) {
        return;
    }
    trp_log(trp_base_of(self), level, event, "client %s (handle %d, user '%s'): %s",
            p->where, p->handle, p->user != NULL ? p->user : "", why);
    (void)trp_connection_enter(self, &p->link, CLOSED, 0);
    trp_q_conn_fini(&p->wire);
    troupe_exit(self, TROUPE_OK);
}

static void drain_if_done(troupe_self *self, struct peer *p)
{
    if (p->link.phase != DRAINING || p->slots.count > 0 || p->asyncs > 0) {
        return;
    }
    if (trp_buffer_size(&p->wire.stream->out) > 0 && !p->wire.stream->broken) {
        p->wire.stream->want_empty = true;
        return;
    }
    close_with(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-CLOSED", "closed by the server");
}

static void begin_end(troupe_self *self, struct peer *p)
{
    if (p->link.phase == READY) {
        (void)trp_connection_enter(self, &p->link, DRAINING,
                                   p->service->options.close_limit);
        drain_if_done(self, p);
    } else if (p->link.phase != DRAINING) {
        close_with(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-CLOSED", "closed by the server");
    }
}

/* ---- output ---- */

static troupe_status write_message(troupe_self *self, struct peer *p, uint8_t kind,
                                   const troupe_q_value *value, struct trp_q_why *why)
{
    troupe_status status =
        trp_q_conn_write(&p->wire, kind, value, p->service->options.output_limit, why);

    if (status == TROUPE_EBUSY) {
        close_with(self, p, TROUPE_LOG_WARN, "Q-CLIENT-SLOW",
                   "it does not read what it is sent; dropped");
    }
    return status;
}

static const char *error_text(troupe_status status, const struct trp_q_why *why)
{
    switch (status) {
    case TROUPE_ETYPE:
        return "type";
    case TROUPE_ELIMIT:
        return "limit";
    case TROUPE_ENOMEM:
        return "wsfull";
    default:
        return why != NULL && why->text != NULL ? why->text : troupe_status_text(status);
    }
}

static void write_response(troupe_self *self, struct peer *p, troupe_q_value *value)
{
    struct trp_q_why why = {NULL, 0};
    troupe_q_value *null = NULL;
    troupe_status status = value != NULL ? TROUPE_OK : troupe_q_null(&null);

    if (status == TROUPE_OK) {
        status =
            write_message(self, p, TRP_Q_RESPONSE, value != NULL ? value : null, &why);
    }
    troupe_q_unref(&null);
    if (status != TROUPE_OK && status != TROUPE_EBUSY &&
        trp_q_conn_write_error(&p->wire, error_text(status, &why)) != TROUPE_OK) {
        close_with(self, p, TROUPE_LOG_ERROR, "Q-CLIENT-MEMORY",
                   "no memory for a response");
    }
}

static void write_ready(troupe_self *self, struct peer *p)
{
    troupe_q_value *value = NULL;

    while (p->link.phase != CLOSED && trp_q_slots_take(&p->slots, &value)) {
        write_response(self, p, value);
        troupe_q_unref(&value);
    }
}

static void push(troupe_self *self, struct peer *p, const troupe_q_value *value)
{
    struct trp_q_why why = {NULL, 0};

    if (p->link.phase != READY && p->link.phase != DRAINING) {
        return;
    }
    troupe_status status = write_message(self, p, TRP_Q_ASYNC, value, &why);
    if (status != TROUPE_OK && status != TROUPE_EBUSY) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-PUSH-DROPPED",
                "client %s (handle %d): a message was not sent: %s", p->where, p->handle,
                error_text(status, &why));
    }
}

/* ---- what handlers answer ---- */

static void fill(struct peer *p, uint64_t request, troupe_q_value **value)
{
    struct trp_q_slot *slot = trp_q_slots_find(&p->slots, request);

    if (slot != NULL) {
        trp_q_slot_fill(slot, value);
    }
    troupe_q_unref(value);
}

static void fill_error(struct peer *p, uint64_t request, const char *text)
{
    troupe_q_value *error = NULL;

    /* Without memory the answer is `::`; the client at least does not wait for ever. */
    (void)(troupe_q_error(text, TROUPE_Q_Z, &error) == TROUPE_OK);
    fill(p, request, &error);
}

static void refuse_login(troupe_self *self, struct peer *p)
{
    close_with(self, p, TROUPE_LOG_INFO, "Q-LOGIN-REFUSED", "the login is refused");
}

static void dispatch(troupe_self *self, struct peer *p, troupe_embedq_event event,
                     troupe_q_value *value, uint64_t request);

static void admit(troupe_self *self, struct peer *p)
{
    uint8_t common = trp_q_common(TRP_Q_CAPABILITY, p->offered);

    if (trp_stream_write(p->wire.stream, &common, 1) != TROUPE_OK) {
        close_with(self, p, TROUPE_LOG_ERROR, "Q-CLIENT-MEMORY", "no memory");
        return;
    }
    p->wire.capability = common;
    (void)trp_connection_enter(self, &p->link, READY, 0);
    p->opened = true;
    dispatch(self, p, TROUPE_EMBEDQ_OPENED, NULL, 0);
    read_input(self, p);
}

static void login_answered(troupe_self *self, struct peer *p, bool failed,
                           const troupe_q_value *value)
{
    int64_t yes = 1;

    if (p->link.phase != ADMISSION) {
        return;
    }
    if (failed ||
        (value != NULL && (troupe_q_get_long(value, 0, &yes) != TROUPE_OK || yes == 0))) {
        refuse_login(self, p);
    } else {
        admit(self, p);
    }
}

/* An event was handled: `value` (moved) or the text of an error is the answer. */
static void handled(troupe_self *self, struct peer *p, troupe_embedq_event event,
                    uint64_t request, troupe_q_value **value, const char *error)
{
    switch (event) {
    case TROUPE_EMBEDQ_LOGIN:
        login_answered(self, p, error != NULL, *value);
        break;
    case TROUPE_EMBEDQ_SYNC:
        if (error != NULL) {
            fill_error(p, request, error);
        } else {
            fill(p, request, value);
        }
        break;
    default:
        p->asyncs -= event == TROUPE_EMBEDQ_ASYNC;
        if (error != NULL) {
            trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-HANDLER-FAILED",
                    "client %s (handle %d): '%s", p->where, p->handle, error);
        }
        break;
    }
    troupe_q_unref(value);
}

/* An answer of the engine or of an actor; the tag says to what. */
static void answered(troupe_self *self, struct peer *p, troupe_msg *msg)
{
    troupe_embedq_event event = (troupe_embedq_event)(troupe_msg_tag(msg) >> EVENT_SHIFT);
    uint64_t request = troupe_msg_tag(msg) & ((UINT64_C(1) << EVENT_SHIFT) - 1);
    const troupe_failure *failure = troupe_msg_failure(msg);
    troupe_q_value *value = NULL;

    if (troupe_msg_kind(msg) == TROUPE_KIND_Q_DEFERRED) {
        struct trp_q_slot *slot = trp_q_slots_find(&p->slots, request);
        if (slot != NULL) {
            slot->state = TRP_Q_SLOT_DEFERRED;
        }
        return;
    }
    if (failure == NULL && troupe_msg_kind(msg) == TROUPE_KIND_Q_VALUE) {
        value = troupe_msg_take(msg);
    }
    handled(self, p, event, request, &value, failure != NULL ? failure->text : NULL);
    if (p->link.phase != CLOSED) {
        write_ready(self, p);
        read_input(self, p);
    }
}

/* ---- to the handlers ---- */

static troupe_q_event event_of(troupe_self *self, const struct peer *p,
                               troupe_embedq_event event, troupe_q_value *value,
                               uint64_t request)
{
    return (troupe_q_event){.event = event,
                            .handle = p->handle,
                            .user = p->user != NULL ? p->user : "",
                            .address =
                                p->wire.stream != NULL ? p->wire.stream->address : 0,
                            .value = value,
                            .connection = troupe_self_id(self),
                            .request = request};
}

static void call_function(troupe_self *self, struct peer *p,
                          const troupe_q_handler *handler, const troupe_q_event *event)
{
    troupe_q_value *answer = NULL;
    troupe_status status = handler->function(self, handler->context, event, &answer);

    if (status == TROUPE_EAGAIN && event->event == TROUPE_EMBEDQ_SYNC) {
        return;
    }
    handled(self, p, event->event, event->request, &answer,
            status != TROUPE_OK ? error_text(status, NULL) : NULL);
}

static troupe_status ask(troupe_self *self, const troupe_q_event *event, troupe_id to,
                         troupe_status (*make)(const troupe_q_event *, troupe_msg **))
{
    troupe_msg *msg = NULL;
    uint64_t tag = (uint64_t)event->event << EVENT_SHIFT | event->request;
    troupe_status status = make(event, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    if (event->event == TROUPE_EMBEDQ_CLOSED) { /* nobody will be there for the answer */
        status = troupe_tell(self, to, &msg);
    } else {
        status = troupe_ask(self, to, &msg, TROUPE_NEVER, tag, NULL);
    }
    troupe_msg_free(&msg);
    return status;
}

static void dispatch(troupe_self *self, struct peer *p, troupe_embedq_event event,
                     troupe_q_value *value, uint64_t request)
{
    const troupe_q_server_options *options = &p->service->options;
    const troupe_q_handler *handler = &options->handlers[event];
    const troupe_q_event what = event_of(self, p, event, value, request);
    troupe_q_value *none = NULL;
    troupe_status status = TROUPE_OK;

    if (handler->function != NULL) {
        call_function(self, p, handler, &what);
    } else if (!troupe_id_is_nobody(handler->actor)) {
        status = ask(self, &what, handler->actor, trp_q_event_msg);
    } else if (!troupe_id_is_nobody(options->engine) &&
               p->service->engine_request != NULL) {
        status = ask(self, &what, options->engine, p->service->engine_request);
    } else {
        handled(self, p, event, request, &none,
                event == TROUPE_EMBEDQ_SYNC ? "nyi" : NULL);
    }
    if (status != TROUPE_OK) {
        handled(self, p, event, request, &none, error_text(status, NULL));
    }
}

/* ---- input ---- */

static void read_login(troupe_self *self, struct peer *p)
{
    struct trp_q_login login;
    size_t size, used;
    const uint8_t *bytes = trp_stream_view(p->wire.stream, &size);
    troupe_status status = trp_q_login_read(bytes, size, &login, &used);

    if (status == TROUPE_EAGAIN) {
        if (p->wire.stream->ended != TROUPE_OK) {
            close_with(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-LOST", "no login came");
        }
        return;
    }
    troupe_q_value *password = NULL;
    if (status == TROUPE_OK) {
        status = troupe_q_string(login.password, login.password_size, &password);
    }
    p->user = status == TROUPE_OK ? trp_alloc(login.user_size + 1) : NULL;
    if (p->user == NULL) {
        troupe_q_unref(&password);
        close_with(self, p, TROUPE_LOG_WARN, "Q-LOGIN-MALFORMED",
                   status == TROUPE_ELIMIT ? "the login is too long" : "no memory");
        return;
    }
    memcpy(p->user, login.user, login.user_size);
    p->user[login.user_size] = 0;
    p->offered = login.capability;
    bool admitted = trp_q_service_admits(p->service, login.user, login.user_size,
                                         login.password, login.password_size);
    trp_stream_consume(p->wire.stream, used);
    (void)trp_connection_enter(self, &p->link, ADMISSION,
                               p->service->options.login_limit);
    if (admitted) {
        dispatch(self, p, TROUPE_EMBEDQ_LOGIN, password, 0);
    } else {
        refuse_login(self, p);
    }
    troupe_q_unref(&password);
}

static troupe_status arrived(troupe_self *self, struct peer *p, uint8_t kind,
                             troupe_q_value *value, struct trp_q_why *why)
{
    if (kind == TRP_Q_RESPONSE) {
        *why = (struct trp_q_why){"a response that nobody asked for", 0};
        return TROUPE_EPROTO;
    }
    if (kind == TRP_Q_SYNC) {
        dispatch(self, p, TROUPE_EMBEDQ_SYNC, value, trp_q_slots_add(&p->slots));
        write_ready(self, p);
    } else {
        p->asyncs++;
        dispatch(self, p, TROUPE_EMBEDQ_ASYNC, value, 0);
    }
    return TROUPE_OK;
}

static void input_failed(troupe_self *self, struct peer *p, troupe_status status,
                         const struct trp_q_why *why)
{
    if (status == TROUPE_ELOST) {
        close_with(self, p, why->text != NULL ? TROUPE_LOG_WARN : TROUPE_LOG_DEBUG,
                   "Q-CLIENT-LOST", why->text != NULL ? why->text : "it closed");
    } else {
        close_with(self, p, TROUPE_LOG_WARN, "Q-MALFORMED",
                   why->text != NULL ? why->text : troupe_status_text(status));
    }
}

/* A client that closed its side still gets the answers that are due. */
static bool answers_due(const struct peer *p, troupe_status status)
{
    return status == TROUPE_ELOST && p->wire.stream->system == 0 && p->slots.count > 0;
}

static void read_messages(troupe_self *self, struct peer *p)
{
    struct trp_q_why why = {NULL, 0};
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && p->link.phase == READY &&
           p->slots.count + p->asyncs < p->service->options.requests_max) {
        troupe_q_value *value = NULL;
        uint8_t kind = 0;
        status = trp_q_conn_next(&p->wire, &kind, &value, &why);
        if (status == TROUPE_OK) {
            status = arrived(self, p, kind, value, &why);
            troupe_q_unref(&value);
        }
    }
    if (p->link.phase == READY && status != TROUPE_OK && status != TROUPE_EAGAIN) {
        if (answers_due(p, status)) {
            begin_end(self, p);
        } else {
            input_failed(self, p, status, &why);
        }
    }
}

static void read_input(troupe_self *self, struct peer *p)
{
    if (p->link.phase == LOGIN) {
        read_login(self, p);
    }
    if (p->link.phase == READY) {
        read_messages(self, p);
    }
    drain_if_done(self, p);
}

/* ---- the actor ---- */

static void too_late(troupe_self *self, struct peer *p)
{
    close_with(self, p, TROUPE_LOG_INFO,
               p->link.phase == DRAINING ? "Q-CLIENT-CLOSED" : "Q-LOGIN-LATE",
               p->link.phase == DRAINING ? "closed with answers due"
                                         : "no login in time");
}

static void deferred_answer(troupe_self *self, struct peer *p, troupe_msg *msg)
{
    troupe_q_value *value = troupe_msg_take(msg);

    if (p->link.phase != CLOSED) {
        fill(p, troupe_msg_tag(msg), &value);
        write_ready(self, p);
        read_input(self, p);
    }
    troupe_q_unref(&value);
}

static troupe_status told(troupe_self *self, struct peer *p, troupe_msg **msg)
{
    switch (troupe_msg_kind(*msg)) {
    case TRP_KIND_Q_OUT:
        trp_q_hub_taken(p->service->hub, p->handle);
        push(self, p, troupe_msg_body(*msg));
        break;
    case TROUPE_KIND_Q_ASYNC:
        push(self, p, troupe_msg_body(*msg));
        break;
    case TROUPE_KIND_Q_DEFER:
        deferred_answer(self, p, *msg);
        break;
    case TRP_KIND_Q_HANGUP: /* hclose: at once, without the answers that are due */
        close_with(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-CLOSED", "closed by q code");
        break;
    case TROUPE_KIND_Q_CLOSE:
    case TROUPE_KIND_STOP:
        begin_end(self, p);
        break;
    case TRP_KIND_DEADLINE:
        if (trp_connection_overdue(&p->link, *msg)) {
            too_late(self, p);
        }
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static troupe_status peer_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct peer *p = state;

    if (troupe_msg_kind(*msg) == TRP_KIND_IO) {
        if (p->wire.stream != NULL) {
            trp_stream_turn(p->wire.stream);
            read_input(self, p);
        }
        return TROUPE_OK;
    }
    if (troupe_msg_is_answer(*msg)) {
        if (p->link.phase != CLOSED) {
            answered(self, p, *msg);
        }
        return TROUPE_OK;
    }
    return told(self, p, msg);
}

static void peer_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct peer *p = state;

    (void)reason;
    if (p->opened) {
        p->opened = false;
        dispatch(self, p, TROUPE_EMBEDQ_CLOSED, NULL, 0);
    }
    trp_q_conn_fini(&p->wire);
    trp_q_hub_leave(p->service->hub, p->handle);
    trp_q_slots_fini(&p->slots);
    trp_q_service_release(&p->service);
    trp_free(p->user);
}

static troupe_status open_stream(troupe_self *self, const struct trp_q_peer_args *args,
                                 struct trp_stream **out)
{
    const troupe_q_server_options *options = &args->service->options;

    if (args->stream != NULL) {
        *out = args->stream;
        trp_stream_pair_own(*out, trp_base_of(self), troupe_self_id(self));
        return TROUPE_OK;
    }
    return trp_stream_tcp_new(self, args->fd, options->output_limit + TRP_Q_MESSAGE_MAX,
                              out);
}

static troupe_status peer_start(troupe_self *self, void *state, const void *arguments)
{
    const struct trp_q_peer_args *args = arguments;
    const troupe_q_server_options *options = &args->service->options;
    struct peer *p = state;
    struct trp_q_limits limits = {options->message_limit, options->message_limit,
                                  TROUPE_Q_DEPTH_MAX};
    struct trp_stream *stream = NULL;

    p->link.phases = phases;
    troupe_status status = trp_q_slots_init(&p->slots, options->requests_max);
    if (status == TROUPE_OK) {
        status = trp_q_hub_join(args->service->hub, troupe_self_id(self), &p->handle);
    }
    if (status == TROUPE_OK) {
        status = troupe_after(self, options->login_limit, TRP_KIND_DEADLINE,
                              p->link.round, NULL);
    }
    if (status == TROUPE_OK) {
        status = open_stream(self, args, &stream);
    }
    if (status != TROUPE_OK) {
        if (p->handle != 0) {
            trp_q_hub_leave(args->service->hub, p->handle);
        }
        trp_q_slots_fini(&p->slots);
        return status;
    }
    trp_q_conn_init(&p->wire, stream, &limits);
    p->wire.compress = options->compress && !stream->local;
    trp_stream_describe(stream, p->where, sizeof(p->where));
    p->service = args->service;
    p->service->holders++;
    return TROUPE_OK;
}

const troupe_behavior trp_q_peer = {
    .name = "q_peer",
    .state_size = sizeof(struct peer),
    .start = peer_start,
    .receive = peer_receive,
    .stop = peer_stop,
    .mailbox_limit = MAILBOX_LIMIT,
    .flags = TROUPE_TRAP_STOP,
};
