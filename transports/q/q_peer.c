/* SPDX-License-Identifier: MIT
 * q_peer.c - one client of a q server: its phases, its beginning and its end.
 *
 *   LOGIN ----the login came----> ADMISSION --users, handler--> READY --> DRAINING
 *     |                                  |                           |          |
 *     +---- refused, too late, lost -----+------ lost, malformed ----+----------+
 *                                                                               v
 *                                          end <-- what it sent is handled -- CLOSED
 *
 * Owns its stream and its place in the hub. What a client sent without waiting for an
 * answer is handled even when it closes right behind it: the actor stays until then.
 * Syncs that nobody can be answered end with it. */
#include "transports/q/q_peer.h"

#include "mailbox/alloc.h"

enum {
    MAILBOX_LIMIT = 65536,
    LEFT_BEHIND = 64 << 10 /* bytes of requests nobody awaits that are forgotten */
};

static const struct trp_phase phases[] = {
    [TRP_Q_PEER_LOGIN] = {"login",
                          TRP_TO(TRP_Q_PEER_ADMISSION) | TRP_TO(TRP_Q_PEER_CLOSED)},
    [TRP_Q_PEER_ADMISSION] = {"admission",
                              TRP_TO(TRP_Q_PEER_READY) | TRP_TO(TRP_Q_PEER_CLOSED)},
    [TRP_Q_PEER_READY] = {"ready",
                          TRP_TO(TRP_Q_PEER_DRAINING) | TRP_TO(TRP_Q_PEER_CLOSED)},
    [TRP_Q_PEER_DRAINING] = {"draining", TRP_TO(TRP_Q_PEER_CLOSED)},
    [TRP_Q_PEER_CLOSED] = {"closed", TRP_TO(TRP_Q_PEER_CLOSED)},
};

/* ---- the end ---- */

/* Ends when all that must still be handled is. */
static void leave(troupe_self *self, struct trp_q_peer *p)
{
    bool heavy = p->hung_up || p->slots.memory > LEFT_BEHIND;

    if (trp_q_peer_holds(p) || p->asyncs > 0 || (heavy && p->asked > 0)) {
        return;
    }
    if (p->opened) {
        p->opened = false;
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_CLOSED, NULL, 0);
    }
    if (!trp_q_peer_holds(p)) {
        troupe_exit(self, TROUPE_OK);
    }
}

void trp_q_peer_close(troupe_self *self, struct trp_q_peer *p, troupe_log_level level,
                      const char *event, const char *why)
{
    char more[TRP_Q_LINE_MORE];

    if (p->link.phase == TRP_Q_PEER_CLOSED) {
        return;
    }
    if (trp_q_service_says(p->service, level, event, troupe_now(self), more)) {
        trp_log(trp_base_of(self), level, event, "client %s (handle %d, user '%s'): %s%s",
                p->where, p->handle, p->user != NULL ? p->user : "", why, more);
    }
    (void)trp_connection_enter(self, &p->link, TRP_Q_PEER_CLOSED, 0);
    trp_q_conn_fini(&p->wire);
    trp_q_verify_forget(&p->verify);
    trp_q_peer_let_go(p);
    (void)trp_q_peer_count(p);
    leave(self, p);
}

void trp_q_peer_drain(troupe_self *self, struct trp_q_peer *p)
{
    if (p->link.phase != TRP_Q_PEER_DRAINING || p->slots.count > 0 || p->asyncs > 0) {
        return;
    }
    if (trp_stream_backlog(p->wire.stream) > 0 && !p->wire.stream->broken) {
        p->wire.stream->want_empty = true;
        return;
    }
    trp_q_peer_close(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-CLOSED",
                     "closed by the server");
}

void trp_q_peer_begin_end(troupe_self *self, struct trp_q_peer *p)
{
    troupe_ns limit = p->service->options.close_limit;

    if (p->link.phase == TRP_Q_PEER_READY) {
        (void)trp_connection_enter(self, &p->link, TRP_Q_PEER_DRAINING, limit);
        trp_q_peer_drain(self, p);
    } else if (p->link.phase == TRP_Q_PEER_CLOSED) {
        if (trp_connection_enter(self, &p->link, TRP_Q_PEER_CLOSED, limit) != TROUPE_OK) {
            troupe_exit(self, TROUPE_OK);
        }
    } else if (p->link.phase != TRP_Q_PEER_DRAINING) {
        trp_q_peer_close(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-CLOSED",
                         "closed by the server");
    }
}

static void too_late(troupe_self *self, struct trp_q_peer *p)
{
    switch (p->link.phase) {
    case TRP_Q_PEER_CLOSED:
        troupe_exit(self, TROUPE_OK);
        break;
    case TRP_Q_PEER_DRAINING:
        trp_q_peer_close(self, p, TROUPE_LOG_INFO, "Q-CLIENT-CLOSED",
                         "closed with answers due");
        break;
    default:
        trp_q_peer_close(self, p, TROUPE_LOG_INFO, "Q-LOGIN-LATE", "no login in time");
        break;
    }
}

void trp_q_peer_look_at_traffic(troupe_self *self, struct trp_q_peer *p)
{
    troupe_ns limit = p->service->options.idle_limit, now = troupe_now(self);

    if (limit == 0 || p->link.phase != TRP_Q_PEER_READY) {
        return;
    }
    if (p->slots.count > 0 || p->asyncs > 0 || trp_q_peer_holds(p)) {
        p->seen = now;
    }
    troupe_ns quiet = now - p->seen;
    if (quiet >= limit ||
        troupe_after(self, limit - quiet, TRP_KIND_Q_IDLE, 0, NULL) != TROUPE_OK) {
        trp_q_peer_close(self, p, TROUPE_LOG_INFO, "Q-CLIENT-IDLE",
                         "no traffic for idle_limit");
    }
}

/* ---- the actor ---- */

/* Something was handled: go on with what waited for that. */
static void go_on(troupe_self *self, struct trp_q_peer *p)
{
    if (p->link.phase == TRP_Q_PEER_CLOSED) {
        leave(self, p);
    } else {
        trp_q_peer_write_ready(self, p);
        trp_q_peer_read(self, p);
    }
}

static void deferred_answer(troupe_self *self, struct trp_q_peer *p, troupe_msg *msg)
{
    troupe_q_value *value = troupe_msg_take(msg);

    if (p->link.phase != TRP_Q_PEER_CLOSED) {
        trp_q_peer_fill(p, troupe_msg_tag(msg), &value);
        go_on(self, p);
    }
    troupe_q_unref(&value);
}

static void hang_up(troupe_self *self, struct trp_q_peer *p)
{
    p->hung_up = true;
    trp_q_peer_close(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-CLOSED", "closed by q code");
}

static void told(troupe_self *self, struct trp_q_peer *p, troupe_msg *msg)
{
    switch (troupe_msg_kind(msg)) {
    case TRP_KIND_Q_OUT:
        trp_q_hub_taken(p->service->hub, p->handle);
        trp_q_peer_push(self, p, troupe_msg_body(msg));
        break;
    case TROUPE_KIND_Q_ASYNC:
        trp_q_peer_push(self, p, troupe_msg_body(msg));
        break;
    case TRP_KIND_Q_CAST_OUT:
        trp_q_hub_taken(p->service->hub, p->handle);
        trp_q_peer_cast(self, p, troupe_msg_body(msg), troupe_msg_tag(msg));
        break;
    case TRP_KIND_Q_CAST:
        trp_q_peer_cast(self, p, troupe_msg_body(msg), troupe_msg_tag(msg));
        break;
    case TROUPE_KIND_Q_DEFER:
        deferred_answer(self, p, msg);
        break;
    case TRP_KIND_Q_VERIFIED:
        trp_q_peer_verified(self, p, troupe_msg_tag(msg) != 0);
        break;
    case TRP_KIND_Q_RETRY:
        if (trp_q_peer_retry(self, p)) {
            go_on(self, p);
        }
        break;
    case TRP_KIND_Q_IDLE:
        trp_q_peer_look_at_traffic(self, p);
        break;
    case TRP_KIND_Q_STUCK:
        trp_q_peer_look_at_output(self, p);
        break;
    case TRP_KIND_Q_HANGUP: /* hclose: at once, without the answers that are due */
        hang_up(self, p);
        break;
    case TROUPE_KIND_Q_CLOSE:
    case TROUPE_KIND_STOP:
        trp_q_peer_begin_end(self, p);
        break;
    case TRP_KIND_DEADLINE:
        if (trp_connection_overdue(&p->link, msg)) {
            too_late(self, p);
        }
        break;
    default:
        break;
    }
}

static void turn(troupe_self *self, struct trp_q_peer *p)
{
    size_t size;

    if (p->wire.stream == NULL) {
        return;
    }
    trp_stream_turn(p->wire.stream);
    (void)trp_stream_view(p->wire.stream, &size);
    p->seen = size > 0 ? troupe_now(self) : p->seen;
    trp_q_peer_read(self, p);
}

static void received(troupe_self *self, struct trp_q_peer *p, troupe_msg **msg)
{
    if (troupe_msg_kind(*msg) == TRP_KIND_IO) {
        turn(self, p);
    } else if (!troupe_msg_is_answer(*msg)) {
        told(self, p, *msg);
    } else if (trp_q_peer_answered(self, p, *msg)) {
        go_on(self, p);
    }
}

static troupe_status peer_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct trp_q_peer *p = state;

    received(self, p, msg);
    if (trp_q_peer_weighs_too_much(p)) {
        trp_q_peer_close(self, p, TROUPE_LOG_WARN, "Q-CLIENT-MEMORY",
                         "the clients hold more than memory_limit; dropped");
    }
    return TROUPE_OK;
}

static void peer_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct trp_q_peer *p = state;

    (void)reason;
    troupe_q_unref(&p->held.value);
    if (p->opened) {
        p->opened = false;
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_CLOSED, NULL, 0);
    }
    trp_q_conn_fini(&p->wire);
    trp_q_verify_forget(&p->verify);
    (void)trp_q_hub_leave(p->service->hub, p->handle);
    trp_q_slots_fini(&p->slots);
    p->async_memory = 0;
    (void)trp_q_peer_count(p);
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
    struct trp_q_peer *p = state;
    struct trp_q_limits limits = {options->message_limit, options->message_limit,
                                  TROUPE_Q_DEPTH_MAX, 0, &p->taken_by_value};
    struct trp_stream *stream = NULL;

    p->link.phases = phases;
    trp_q_slots_init(&p->slots, options->requests_max);
    troupe_status status =
        trp_q_hub_join(args->service->hub, troupe_self_id(self), &p->handle);
    if (status != TROUPE_OK) {
        return status;
    }
    status =
        troupe_after(self, options->login_limit, TRP_KIND_DEADLINE, p->link.round, NULL);
    if (status == TROUPE_OK) {
        status = open_stream(self, args, &stream);
    }
    if (status != TROUPE_OK) {
        (void)trp_q_hub_leave(args->service->hub, p->handle);
        return status;
    }
    trp_q_conn_init(&p->wire, stream, &limits);
    p->wire.compress = options->compress && !stream->local;
    p->address = stream->address;
    trp_stream_describe(stream, p->where, sizeof(p->where));
    p->service = args->service;
    p->service->holders++;
    return TROUPE_OK;
}

const troupe_behavior trp_q_peer = {
    .name = "q_peer",
    .state_size = sizeof(struct trp_q_peer),
    .start = peer_start,
    .receive = peer_receive,
    .stop = peer_stop,
    .mailbox_limit = MAILBOX_LIMIT,
    .flags = TROUPE_TRAP_STOP,
};
