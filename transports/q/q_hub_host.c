/* SPDX-License-Identifier: MIT
 * q_hub_host.c - what q code does with handles, on its own thread. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <troupe/engine.h>

#include "mailbox/alloc.h"
#include "transports/address.h"
#include "transports/q/q_cast.h"
#include "transports/q/q_conn.h"
#include "transports/q/q_hub_state.h"
#include "transports/q/q_line.h"

enum { REST_NS = 100000 };

#define WAIT_PIECE TROUPE_MS(10) /* between two looks whether to go on waiting */

/* ---- telling ---- */

/* From an engine's thread in order with its answers; from others through the door. */
static troupe_status tell(struct troupe_q_hub *hub, troupe_id to, troupe_msg **msg)
{
    struct trp_base *here = trp_base_here;

    if (here != NULL && here->system == hub->system && here->self.actor != NULL) {
        return troupe_tell(&here->self, to, msg);
    }
    return troupe_post(hub->system, to, msg);
}

/* Finds who has a handle and counts one more message on its way there.
 * TROUPE_EBUSY: too many are. */
static troupe_status reserve(struct troupe_q_hub *hub, int64_t handle, troupe_id *to)
{
    troupe_status status = TROUPE_EGONE;

    (void)pthread_mutex_lock(&hub->lock);
    struct trp_q_seat *seat = trp_q_hub_seat(hub, handle);
    if (seat != NULL) {
        status = seat->queued < TRP_Q_QUEUED_MAX ? TROUPE_OK : TROUPE_EBUSY;
        seat->queued += status == TROUPE_OK;
        *to = seat->connection;
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return status;
}

/* Lets the base take what waits for it; false where nobody else would run meanwhile. */
static bool rest(struct troupe_q_hub *hub)
{
    static const struct timespec span = {.tv_nsec = REST_NS};
    struct trp_base *here = trp_base_here;

    if (here == NULL || !here->is_engine || hub->system->options.simulated) {
        return false;
    }
    trp_flush(here);
    (void)nanosleep(&span, NULL);
    return true;
}

static bool is_interrupted(void)
{
    struct trp_base *here = trp_base_here;

    return here != NULL && here->self.actor != NULL &&
           troupe_engine_interrupted(&here->self);
}

/* *msg stays the caller's on failure. */
static troupe_status send_async(struct troupe_q_hub *hub, int64_t handle,
                                troupe_msg **msg)
{
    troupe_ns end = trp_clock() + TROUPE_S(TRP_Q_QUEUED_WAIT_S);
    troupe_id to = TROUPE_NOBODY;

    for (;;) {
        troupe_status status = reserve(hub, handle, &to);
        if (status == TROUPE_OK) {
            status = tell(hub, to, msg);
            if (status == TROUPE_OK) {
                return TROUPE_OK;
            }
            trp_q_hub_taken(hub, (int32_t)handle);
        }
        if (status != TROUPE_EBUSY || trp_clock() >= end || !rest(hub)) {
            return status;
        }
        if (is_interrupted()) {
            return TROUPE_ECANCELED;
        }
    }
}

/* ---- waiting ---- */

/* Whether this thread may block: no base may, and what it waits for must run meanwhile.
 */
static bool may_wait(const struct troupe_q_hub *hub)
{
    const struct trp_base *here = trp_base_here;

    return !hub->system->options.simulated && (here == NULL || here->is_engine);
}

/* Sends an order and waits until it is settled, or this call is interrupted. */
static troupe_status give_order(struct troupe_q_hub *hub, troupe_id to, troupe_kind kind,
                                struct trp_q_order *order, struct trp_q_outcome *out)
{
    troupe_msg *msg = NULL;

    if (!may_wait(hub)) {
        return TROUPE_EUNSUPPORTED;
    }
    troupe_status status = trp_q_wait_new(&order->wait);
    if (status == TROUPE_OK) {
        status = trp_q_order_msg(kind, order, &msg);
    }
    if (status == TROUPE_OK) {
        status = tell(hub, to, &msg);
    }
    troupe_msg_free(&msg);
    if (status == TROUPE_OK && trp_base_here != NULL) {
        trp_flush(trp_base_here);
    }
    while (status == TROUPE_OK &&
           trp_q_wait_for(order->wait, WAIT_PIECE, out) == TROUPE_EAGAIN) {
        if (is_interrupted()) {
            trp_q_wait_give_up(order->wait);
            status = TROUPE_ECANCELED;
        }
    }
    trp_q_wait_unref(&order->wait);
    return status == TROUPE_OK ? out->status : status;
}

/* ---- sending ---- */

static troupe_status find(struct troupe_q_hub *hub, int64_t handle, troupe_id *to,
                          bool *line)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct trp_q_seat *seat = trp_q_hub_seat(hub, handle);
    *to = seat != NULL ? seat->connection : TROUPE_NOBODY;
    *line = seat != NULL && seat->line;
    (void)pthread_mutex_unlock(&hub->lock);
    return troupe_id_is_nobody(*to) ? TROUPE_EGONE : TROUPE_OK;
}

/* kind   TRP_KIND_Q_ORDER_CALL or TRP_KIND_Q_ORDER_NEXT */
static troupe_status call(struct troupe_q_hub *hub, troupe_id line, troupe_kind kind,
                          troupe_q_value *value, troupe_q_value **answer)
{
    struct trp_q_order order = {.value = troupe_q_ref(value)};
    struct trp_q_outcome outcome = {TROUPE_OK, 0, NULL};
    troupe_msg *msg = NULL;
    troupe_status status = give_order(hub, line, kind, &order, &outcome);

    troupe_q_unref(&order.value);
    if (status == TROUPE_ECANCELED &&
        troupe_msg_new(TRP_KIND_Q_GIVE_UP, 0, &msg) == TROUPE_OK) {
        if (tell(hub, line, &msg) != TROUPE_OK) {
            troupe_msg_free(&msg); /* it is looked at with the next call */
        }
    }
    *answer = outcome.value;
    return status;
}

static troupe_status flush(struct troupe_q_hub *hub, troupe_id to, bool line)
{
    struct trp_q_order order = {NULL, NULL, NULL, NULL};
    struct trp_q_outcome outcome = {TROUPE_OK, 0, NULL};

    /* To a client: what was sent is on its way. */
    return line ? give_order(hub, to, TRP_KIND_Q_ORDER_FLUSH, &order, &outcome)
                : TROUPE_OK;
}

static troupe_status send_value(struct troupe_q_hub *hub, int64_t handle,
                                troupe_q_value *value)
{
    troupe_q_value *copy = troupe_q_ref(value);
    troupe_msg *msg = NULL;
    troupe_status status = trp_q_msg_new(TRP_KIND_Q_OUT, &copy, &msg);

    if (status != TROUPE_OK) {
        troupe_q_unref(&copy);
        return status;
    }
    status = send_async(hub, handle, &msg);
    troupe_msg_free(&msg);
    return status;
}

static troupe_status host_send(void *context, int64_t handle, bool async,
                               troupe_q_value *value, troupe_q_value **answer)
{
    struct troupe_q_hub *hub = context;
    troupe_id to;
    bool line;
    troupe_status status = find(hub, handle, &to, &line);

    if (status != TROUPE_OK) {
        return status;
    }
    if (!async) {
        return !line ? TROUPE_EUNSUPPORTED
                     : call(hub, to,
                            trp_q_is_generic_null(value) ? TRP_KIND_Q_ORDER_NEXT
                                                         : TRP_KIND_Q_ORDER_CALL,
                            value, answer);
    }
    return trp_q_is_generic_null(value) ? flush(hub, to, line)
                                        : send_value(hub, handle, value);
}

static troupe_status send_part(struct troupe_q_hub *hub, struct trp_q_cast *cast,
                               size_t i, int64_t handle)
{
    troupe_msg *msg = NULL;
    troupe_status status = trp_q_cast_msg(cast, TRP_KIND_Q_CAST_OUT, i, &msg);

    if (status == TROUPE_OK) {
        status = send_async(hub, handle, &msg);
    }
    troupe_msg_free(&msg);
    return status;
}

/* Clients share the bytes; the connections that q code has opened encode for themselves.
 */
static troupe_status send_cast(struct troupe_q_hub *hub, struct trp_q_cast *cast,
                               size_t count, const int64_t *handles,
                               troupe_q_value *value)
{
    troupe_status result = TROUPE_OK;

    for (size_t i = 0; i < count; i++) {
        troupe_id to;
        bool line;
        troupe_status status = find(hub, handles[i], &to, &line);
        if (status == TROUPE_OK) {
            status = line ? send_value(hub, handles[i], value)
                          : send_part(hub, cast, i, handles[i]);
        }
        /* Who closed meanwhile is told of by .z.pc; the others still get it. */
        if (status != TROUPE_OK && status != TROUPE_EGONE) {
            result = status;
        }
    }
    return result;
}

static troupe_status host_broadcast(void *context, size_t count, const int64_t *handles,
                                    troupe_q_value *value)
{
    struct troupe_q_hub *hub = context;
    struct trp_q_cast *cast = NULL;
    troupe_status status = TROUPE_OK;
    troupe_id to;
    bool line;

    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        status = find(hub, handles[i], &to, &line);
    }
    if (status == TROUPE_OK) {
        status = trp_q_cast_new(hub->system, count, value, NULL, TROUPE_NOBODY, 0, &cast);
    }
    if (status == TROUPE_OK) {
        status = send_cast(hub, cast, count, handles, value);
    }
    trp_q_cast_unref(&cast);
    return status;
}

static troupe_status host_close(void *context, int64_t handle)
{
    struct troupe_q_hub *hub = context;
    troupe_msg *msg = NULL;
    troupe_id to;
    bool line;
    troupe_status status = find(hub, handle, &to, &line);

    if (status == TROUPE_OK) {
        status = troupe_msg_new(TRP_KIND_Q_HANGUP, 0, &msg);
    }
    if (status == TROUPE_OK) {
        status = tell(hub, to, &msg);
    }
    if (status == TROUPE_OK && line) {
        (void)trp_q_hub_leave(hub, (int32_t)handle); /* at once, for q code */
    }
    troupe_msg_free(&msg);
    return status;
}

static troupe_status host_defer(void *context, int64_t handle, bool is_error,
                                troupe_q_value *value)
{
    struct troupe_q_hub *hub = context;
    troupe_q_value *copy = NULL;
    troupe_msg *msg = NULL;
    troupe_id to;
    bool line;
    size_t size = 0;

    if (value == NULL) {
        return TROUPE_OK; /* the answer of the call says it is deferred */
    }
    troupe_status status = find(hub, handle, &to, &line);
    if (status == TROUPE_OK && is_error) {
        const char *text = troupe_q_text(value, &size);
        status = text != NULL ? troupe_q_error(text, size, &copy) : TROUPE_ETYPE;
    } else if (status == TROUPE_OK) {
        copy = troupe_q_ref(value);
    }
    if (status == TROUPE_OK) {
        status = trp_q_msg_new(TROUPE_KIND_Q_DEFER, &copy, &msg);
    }
    if (status == TROUPE_OK) {
        status = tell(hub, to, &msg);
    }
    troupe_q_unref(&copy);
    troupe_msg_free(&msg);
    return status;
}

static troupe_status host_handles(void *context, troupe_q_value **answer)
{
    struct troupe_q_hub *hub = context;
    uint32_t count = 0;

    (void)pthread_mutex_lock(&hub->lock);
    troupe_q_value *handles = trp_q_new(TROUPE_Q_INT, hub->count);
    troupe_q_value *queued = trp_q_new(TROUPE_Q_LONG, hub->count);
    for (uint32_t at = 0; handles != NULL && queued != NULL && at < hub->count; at++) {
        if (!troupe_id_is_nobody(hub->seats[at].connection)) {
            TRP_Q_INTS(handles)[count] = trp_q_hub_handle(hub, at);
            TRP_Q_LONGS(queued)[count++] = hub->seats[at].queued;
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
    troupe_status status = TROUPE_ENOMEM;
    if (handles != NULL && queued != NULL) {
        handles->count = queued->count = count;
        status = troupe_q_dict(handles, queued, answer);
    }
    troupe_q_unref(&handles);
    troupe_q_unref(&queued);
    return status;
}

/* ---- opening, the timer, the port ---- */

/* The actor that asks the engine on whose thread this is. */
static troupe_id engine_here(void)
{
    struct trp_base *here = trp_base_here;

    return here != NULL && here->is_engine && here->self.actor != NULL
               ? troupe_self_id(&here->self)
               : TROUPE_NOBODY;
}

static bool is_this_machine(const char *host)
{
    struct trp_addresses addresses;
    char name[TROUPE_Q_HOST_MAX + 1] = "";

    if (host == NULL) {
        return true;
    }
    if (trp_address_literal(host, 0, &addresses) == TROUPE_OK) {
        return addresses.count > 0 && trp_address_is_local(&addresses.items[0]);
    }
    return gethostname(name, sizeof(name) - 1) == 0 && strcmp(name, host) == 0;
}

/* A process that calls itself would wait for itself. */
static bool is_self(struct troupe_q_hub *hub, const troupe_q_options *to)
{
    return trp_q_hub_is_own(hub, to->port) &&
           (to->unix_domain || is_this_machine(to->host));
}

static troupe_status make_opening(struct troupe_q_hub *hub, const troupe_q_value *address,
                                  struct trp_q_opening *opening)
{
    char why[TROUPE_FAILURE_TEXT];
    troupe_status status = trp_q_hopen_read(address, &opening->where);

    if (status == TROUPE_OK && is_self(hub, &opening->where.options)) {
        status = TROUPE_EDEADLK;
    }
    if (status == TROUPE_OK && opening->where.options.tls) {
        status = trp_tls_context_new(NULL, TRP_TLS_CLIENT, why, &opening->tls);
    }
    opening->engine = engine_here();
    opening->hub = trp_q_hub_ref(hub);
    return status;
}

static troupe_status host_open(void *context, troupe_q_value *address, int64_t *handle)
{
    struct troupe_q_hub *hub = context;
    struct trp_q_opening *opening = trp_calloc(1, sizeof(*opening));
    struct trp_q_order order = {.more = opening, .drop = trp_q_opening_free};
    struct trp_q_outcome outcome = {TROUPE_OK, 0, NULL};

    if (opening == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = make_opening(hub, address, opening);
    if (status == TROUPE_OK) {
        status =
            troupe_id_is_nobody(hub->exchange)
                ? TROUPE_EUNSUPPORTED
                : give_order(hub, hub->exchange, TRP_KIND_Q_ORDER_OPEN, &order, &outcome);
    }
    if (order.more != NULL) {
        trp_q_opening_free(order.more);
    }
    *handle = outcome.number;
    return status;
}

static troupe_status host_timer(void *context, int64_t milliseconds)
{
    struct troupe_q_hub *hub = context;
    troupe_msg *msg = NULL;

    if (troupe_id_is_nobody(hub->exchange) || troupe_id_is_nobody(engine_here())) {
        return TROUPE_EUNSUPPORTED;
    }
    troupe_status status =
        troupe_msg_new(TRP_KIND_Q_TIMER, sizeof(struct trp_q_timer), &msg);
    if (status == TROUPE_OK) {
        struct trp_q_timer *timer = troupe_msg_body(msg);
        *timer = (struct trp_q_timer){engine_here(), milliseconds};
        status = tell(hub, hub->exchange, &msg);
    }
    troupe_msg_free(&msg);
    return status;
}

static troupe_status host_port(void *context, const char *where, int64_t *port)
{
    struct troupe_q_hub *hub = context;
    struct trp_q_order order = {NULL, NULL, NULL, NULL};
    struct trp_q_outcome outcome = {TROUPE_OK, 0, NULL};
    troupe_id server;
    uint16_t now = 0;

    if (where == NULL) {
        (void)trp_q_hub_listener(hub, &server, &now);
        *port = now;
        return TROUPE_OK;
    }
    if (troupe_id_is_nobody(hub->exchange) || hub->listen == NULL) {
        return TROUPE_EUNSUPPORTED;
    }
    troupe_status status = troupe_q_string(where, TROUPE_Q_Z, &order.value);
    if (status == TROUPE_OK) {
        status =
            give_order(hub, hub->exchange, TRP_KIND_Q_ORDER_LISTEN, &order, &outcome);
    }
    troupe_q_unref(&order.value);
    *port = outcome.number;
    return status;
}

void trp_q_hub_host_init(struct troupe_q_hub *hub)
{
    hub->host = (troupe_embedq_host){.size = sizeof(hub->host),
                                     .send = host_send,
                                     .open = host_open,
                                     .close = host_close,
                                     .broadcast = host_broadcast,
                                     .defer = host_defer,
                                     .timer = host_timer,
                                     .port = host_port,
                                     .handles = host_handles};
}
