/* SPDX-License-Identifier: MIT
 * q_exchange.c - opens connections and ports for q code, and keeps its timer.
 *
 * Its children are the lines and servers it has made; at its end it stops them and waits
 * until they have ended. Told by hubs, on the threads of engines. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "actors/id_map.h"
#include "mailbox/alloc.h"
#include "transports/connection.h"
#include "transports/q/q_line.h"
#include "transports/q/q_serving.h"

struct exchange {
    troupe_q_hub *hub;
    struct trp_id_map children; /* by their ids */
    bool ending;
    struct {
        troupe_id engine;
        troupe_timer timer;
        uint64_t round; /* grows with every setting */
        uint64_t failures;
        bool busy; /* .z.ts runs */
    } ticks;
};

void trp_q_opening_free(void *opening)
{
    struct trp_q_opening *it = opening;

    trp_q_hub_unref(&it->hub);
    trp_tls_context_unref(&it->tls);
    sodium_memzero(it->where.text, sizeof(it->where.text));
    trp_free(it);
}

/* ---- connections ---- */

static void open_line(troupe_self *self, struct exchange *x, struct trp_q_order *order)
{
    const struct trp_q_line_args args = {.opening = order->more, .wait = order->wait};
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    troupe_id line;

    options.watch = true;
    troupe_status status =
        x->ending ? TROUPE_ECLOSED : trp_id_map_reserve(&x->children, 1);
    if (status == TROUPE_OK) {
        status = troupe_spawn(self, &trp_q_line, &args, &options, &line);
    }
    if (status == TROUPE_OK) {
        trp_id_map_put(&x->children, line.bits, 0);
        trp_q_wait_unref(&order->wait); /* the line settles it */
    } else {
        trp_q_wait_settle(&order->wait, status, 0, NULL);
    }
}

/* ---- ports ---- */

/* port, host:port; a port of 0: none. */
static troupe_status read_where(const char *text, char host[TROUPE_Q_HOST_MAX + 1],
                                uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    const char *number = colon != NULL ? colon + 1 : text;
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    char *end = NULL;
    unsigned long value = strtoul(number, &end, 10);

    if (number[0] < '0' || number[0] > '9' || *end != 0 || value > UINT16_MAX ||
        size > TROUPE_Q_HOST_MAX) {
        return TROUPE_EINVAL;
    }
    memcpy(host, text, size);
    host[size] = 0;
    *port = (uint16_t)value;
    return TROUPE_OK;
}

static troupe_status serve(troupe_self *self, struct exchange *x, const char *host,
                           uint16_t port)
{
    troupe_q_server server;
    troupe_status status = trp_id_map_reserve(&x->children, 1);

    if (status == TROUPE_OK) {
        status = trp_q_hub_listen(x->hub, host[0] != 0 ? host : NULL, port, &server);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    trp_id_map_put(&x->children, server.id.bits, 0);
    status = troupe_watch(self, server.id);
    if (status != TROUPE_OK) {
        (void)trp_id_map_remove(&x->children, server.id.bits);
    }
    return status;
}

static troupe_status change_port(troupe_self *self, struct exchange *x, const char *where)
{
    char host[TROUPE_Q_HOST_MAX + 1];
    troupe_id before = TROUPE_NOBODY;
    uint16_t port = 0, now = 0;
    troupe_status status = read_where(where, host, &port);

    if (status != TROUPE_OK || (port != 0 && trp_q_hub_is_own(x->hub, port))) {
        return status;
    }
    bool listens = trp_q_hub_listener(x->hub, &before, &now);
    status = port != 0 ? serve(self, x, host, port) : TROUPE_OK;
    if (status == TROUPE_OK && listens) {
        trp_ignore(troupe_signal(self, before, TRP_KIND_Q_UNLISTEN, 0));
    }
    return status;
}

static void listen_at(troupe_self *self, struct exchange *x, struct trp_q_order *order)
{
    size_t size = 0;
    const char *text = troupe_q_text(order->value, &size);
    char where[TROUPE_Q_HOST_MAX + 8];
    troupe_status status = x->ending                               ? TROUPE_ECLOSED
                           : text == NULL || size >= sizeof(where) ? TROUPE_EINVAL
                                                                   : TROUPE_OK;

    if (status == TROUPE_OK) {
        memcpy(where, text, size);
        where[size] = 0;
        status = change_port(self, x, where);
    }
    trp_q_wait_settle(&order->wait, status, 0, NULL);
}

/* ---- the timer ---- */

static void set_timer(troupe_self *self, struct exchange *x,
                      const struct trp_q_timer *timer)
{
    (void)troupe_timer_cancel(self, x->ticks.timer);
    x->ticks.timer = (troupe_timer){0};
    x->ticks.engine = timer->engine;
    x->ticks.round++;
    if (timer->milliseconds > 0 && !x->ending &&
        troupe_every(self, TROUPE_MS(timer->milliseconds), TRP_KIND_Q_TIMER,
                     x->ticks.round, &x->ticks.timer) != TROUPE_OK) {
        trp_log(trp_base_of(self), TROUPE_LOG_ERROR, "Q-TIMER", "there is no timer: %s",
                troupe_status_text(TROUPE_ENOMEM));
    }
}

static troupe_status make_tick(struct exchange *x, troupe_msg **out)
{
    struct timespec now = {0};
    troupe_q_event what = {.event = TROUPE_EMBEDQ_TIMER, .user = ""};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    troupe_status status = troupe_q_timestamp(
        troupe_q_timestamp_from_unix((int64_t)now.tv_sec * TROUPE_S(1) + now.tv_nsec),
        &what.value);
    if (status == TROUPE_OK) {
        status = trp_q_hub_request(x->hub, &what, out);
    }
    troupe_q_unref(&what.value);
    return status;
}

/* A tick that comes while the one before is being handled is left out. */
static void tick(troupe_self *self, struct exchange *x, uint64_t round)
{
    troupe_msg *msg = NULL;

    if (round != x->ticks.round || x->ticks.busy || x->ending) {
        return;
    }
    troupe_status status = make_tick(x, &msg);
    if (status == TROUPE_OK) {
        status = troupe_ask(self, x->ticks.engine, &msg, TROUPE_NEVER, 0, NULL);
    }
    x->ticks.busy = status == TROUPE_OK;
    if (status == TROUPE_EGONE) {
        (void)troupe_timer_cancel(self, x->ticks.timer);
    }
    troupe_msg_free(&msg);
}

static void ticked(troupe_self *self, struct exchange *x, const troupe_msg *msg)
{
    const troupe_failure *failure = troupe_msg_failure(msg);

    x->ticks.busy = false;
    if (failure != NULL && trp_worth_a_line(&x->ticks.failures)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-HANDLER-FAILED",
                ".z.ts, time %" PRIu64 ": '%s", x->ticks.failures, failure->text);
    }
}

/* ---- the actor ---- */

static void end_if_empty(troupe_self *self, struct exchange *x)
{
    if (x->ending && x->children.count == 0) {
        troupe_exit(self, TROUPE_OK);
    }
}

static void begin_end(troupe_self *self, struct exchange *x)
{
    x->ending = true;
    for (uint32_t i = 0; i < x->children.capacity; i++) {
        if (x->children.entries[i].key != 0) {
            trp_ignore(troupe_stop(self, (troupe_id){x->children.entries[i].key}));
        }
    }
    end_if_empty(self, x);
}

static troupe_status exchange_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct exchange *x = state;

    if (troupe_msg_is_answer(*msg)) {
        ticked(self, x, *msg);
        return TROUPE_OK;
    }
    switch (troupe_msg_kind(*msg)) {
    case TRP_KIND_Q_ORDER_OPEN:
        open_line(self, x, troupe_msg_body(*msg));
        break;
    case TRP_KIND_Q_ORDER_LISTEN:
        listen_at(self, x, troupe_msg_body(*msg));
        break;
    case TRP_KIND_Q_TIMER:
        if (troupe_msg_size(*msg) == sizeof(struct trp_q_timer)) {
            set_timer(self, x, troupe_msg_body(*msg));
        } else {
            tick(self, x, troupe_msg_tag(*msg));
        }
        break;
    case TROUPE_KIND_DOWN:
        (void)trp_id_map_remove(&x->children,
                                ((const troupe_down *)troupe_msg_body(*msg))->id.bits);
        end_if_empty(self, x);
        break;
    case TROUPE_KIND_STOP:
        begin_end(self, x);
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static void exchange_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct exchange *x = state;

    (void)self, (void)reason;
    trp_id_map_fini(&x->children);
    trp_q_hub_unref(&x->hub);
}

static troupe_status exchange_start(troupe_self *self, void *state, const void *arguments)
{
    struct exchange *x = state;

    (void)self;
    x->hub = trp_q_hub_ref(*(troupe_q_hub *const *)arguments);
    return TROUPE_OK;
}

const troupe_behavior trp_q_exchange = {
    .name = "q_exchange",
    .state_size = sizeof(struct exchange),
    .start = exchange_start,
    .receive = exchange_receive,
    .stop = exchange_stop,
    .flags = TROUPE_TRAP_STOP,
};
