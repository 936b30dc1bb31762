/* SPDX-License-Identifier: MIT
 * q_forward.c - a tickerplant that does not look into what it passes on.
 *
 *   feed --async (`upd; `trade; rows)--> server --the same bytes--> subscribers
 *
 * A subscriber logs in and sends a sync; whatever arrives async is forwarded to all
 * subscribers undecoded, and each client connection shares the same bytes. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <troupe/q.h>

enum { SUBSCRIBERS = 3, MESSAGES = 100, ROOM = 64 };

static troupe_system *sys;
static uint16_t port;

/* The connections that have subscribed; touched on the server's base only. */
static troupe_id subscribers[ROOM];
static size_t subscriber_count;

static unsigned heard[SUBSCRIBERS]; /* read after the end */

/* Syncs subscribe, and go on to be answered as usual; asyncs are passed on. */
static troupe_status on_raw(troupe_self *self, void *context, const troupe_q_raw *raw)
{
    (void)context;
    if (raw->event == TROUPE_EMBEDQ_ASYNC) {
        return troupe_q_forward(self, subscribers, subscriber_count, raw->message,
                                TROUPE_NOBODY, 0);
    }
    return TROUPE_EUNSUPPORTED;
}

static troupe_status on_sync(troupe_self *self, void *context,
                             const troupe_q_event *event, troupe_q_value **answer)
{
    (void)self, (void)context;
    if (subscriber_count == ROOM) {
        return TROUPE_ELIMIT;
    }
    subscribers[subscriber_count++] = event->connection;
    return troupe_q_boolean(true, answer);
}

static troupe_status on_closed(troupe_self *self, void *context,
                               const troupe_q_event *event, troupe_q_value **answer)
{
    (void)self, (void)context, (void)answer;
    for (size_t i = 0; i < subscriber_count; i++) {
        if (troupe_id_equal(subscribers[i], event->connection)) {
            subscribers[i] = subscribers[--subscriber_count];
            break;
        }
    }
    return TROUPE_OK;
}

/* ---- the clients, all in one actor ---- */

struct clients {
    unsigned subscribed, done;
};

static troupe_status send(troupe_self *self, troupe_q q, const char *text, uint64_t tag)
{
    troupe_q_value *query = NULL;

    troupe_status status = troupe_q_query(text, 0, NULL, &query);
    if (status == TROUPE_OK) {
        status = tag != 0 ? troupe_q_call(self, q, &query, TROUPE_S(30), tag, NULL)
                          : troupe_q_send(self, q, &query);
    }
    troupe_q_unref(&query);
    return status;
}

static troupe_status open_clients(troupe_self *self, void *state, const void *args)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_status status = TROUPE_OK;

    (void)state, (void)args;
    options.port = port;
    options.handler = troupe_self_id(self);
    for (unsigned i = 0; i < SUBSCRIBERS && status == TROUPE_OK; i++) {
        troupe_q q;
        options.tag = i;
        status = troupe_q_open(sys, &options, &q);
        if (status == TROUPE_OK) {
            status = send(self, q, "subscribe", 1);
        }
    }
    return status;
}

static troupe_status feed(troupe_self *self)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q q;

    options.port = port;
    troupe_status status = troupe_q_open(sys, &options, &q);
    for (int i = 0; i < MESSAGES && status == TROUPE_OK; i++) {
        status = send(self, q, "a row", 0);
    }
    return status;
}

static troupe_status hear(troupe_self *self, void *state, troupe_msg **msg)
{
    struct clients *c = state;

    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_VALUE && ++c->subscribed == SUBSCRIBERS) {
        return feed(self);
    }
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_PUSH &&
        ++heard[troupe_msg_tag(*msg)] == MESSAGES && ++c->done == SUBSCRIBERS) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(5));
    }
    return troupe_msg_status(*msg);
}

static const troupe_behavior clients = {.name = "clients",
                                        .state_size = sizeof(struct clients),
                                        .start = open_clients,
                                        .receive = hear};

int main(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;

    troupe_status status = troupe_system_new(NULL, &sys);
    assert(status == TROUPE_OK);
    options.raw = on_raw;
    options.handlers[TROUPE_EMBEDQ_SYNC].function = on_sync;
    options.handlers[TROUPE_EMBEDQ_CLOSED].function = on_closed;
    status = troupe_q_serve(sys, &options, &server, &port);
    assert(status == TROUPE_OK);
    status = troupe_system_spawn(sys, &clients, NULL, NULL, NULL);
    assert(status == TROUPE_OK);
    status = troupe_system_run(sys); /* until every subscriber has heard everything */
    assert(status == TROUPE_OK);
    for (unsigned i = 0; i < SUBSCRIBERS; i++) {
        assert(heard[i] == MESSAGES);
    }
    troupe_system_free(&sys);
    (void)status;
    return 0;
}
