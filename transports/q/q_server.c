/* SPDX-License-Identifier: MIT
 * q_server.c - listens, and starts an actor for each client that comes.
 *
 * Owns the listening socket; its children are the connections. At its end it stops
 * listening, stops the children, and waits until they have ended. */
#include <unistd.h>

#include "mailbox/alloc.h"
#include "transports/listen.h"
#include "transports/q/q_pending.h"
#include "transports/q/q_serving.h"

struct server {
    struct trp_q_service *service;
    struct trp_listen *listener;
    troupe_id *clients;
    uint32_t count, capacity;
    bool ending;
    struct trp_q_pending closers; /* asked Q_CLOSE */
};

static troupe_status remember(struct server *s, troupe_id client)
{
    if (s->count == s->capacity) {
        uint32_t capacity = s->capacity != 0 ? s->capacity * 2 : 16;
        troupe_id *clients = trp_realloc(s->clients, capacity * sizeof(*clients));
        if (clients == NULL) {
            return TROUPE_ENOMEM;
        }
        s->clients = clients;
        s->capacity = capacity;
    }
    s->clients[s->count++] = client;
    return TROUPE_OK;
}

static void forget(struct server *s, troupe_id client)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (troupe_id_equal(s->clients[i], client)) {
            s->clients[i] = s->clients[--s->count];
            return;
        }
    }
}

static troupe_status start_client(troupe_self *self, struct server *s, int fd)
{
    const struct trp_q_peer_args args = {.service = s->service, .fd = fd};
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    troupe_id client;

    if (s->count >= s->service->options.clients_max) {
        return TROUPE_ELIMIT;
    }
    options.watch = true;
    troupe_status status = troupe_spawn(self, &trp_q_peer, &args, &options, &client);
    if (status == TROUPE_OK && remember(s, client) != TROUPE_OK) {
        (void)troupe_kill(self, client);
    }
    return status;
}

static void accept_clients(troupe_self *self, struct server *s)
{
    int fd;

    while (s->listener != NULL && (fd = trp_listen_take(s->listener)) >= 0) {
        troupe_status status = start_client(self, s, fd);
        if (status != TROUPE_OK) {
            (void)close(fd);
            trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-CLIENT-REFUSED",
                    "a new connection was closed at once: %s",
                    status == TROUPE_ELIMIT ? "there are clients_max already"
                                            : troupe_status_text(status));
        }
    }
}

static void end_if_empty(troupe_self *self, struct server *s)
{
    if (!s->ending || s->count > 0) {
        return;
    }
    trp_q_pending_done(self, &s->closers);
    troupe_exit(self, TROUPE_OK);
}

static void begin_end(troupe_self *self, struct server *s)
{
    if (!s->ending) {
        s->ending = true;
        trp_listen_free(&s->listener);
        for (uint32_t i = 0; i < s->count; i++) {
            (void)troupe_stop(self, s->clients[i]);
        }
    }
    end_if_empty(self, s);
}

static troupe_status server_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct server *s = state;

    switch (troupe_msg_kind(*msg)) {
    case TRP_KIND_IO:
        accept_clients(self, s);
        break;
    case TROUPE_KIND_DOWN:
        forget(s, ((const troupe_down *)troupe_msg_body(*msg))->id);
        end_if_empty(self, s);
        break;
    case TROUPE_KIND_Q_CLOSE:
        trp_q_pending_note(&s->closers, *msg);
        begin_end(self, s);
        break;
    case TROUPE_KIND_STOP:
        begin_end(self, s);
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static void server_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct server *s = state;

    (void)self, (void)reason;
    trp_listen_free(&s->listener);
    trp_q_pending_fini(&s->closers);
    trp_free(s->clients);
    trp_q_service_release(&s->service);
}

static troupe_status server_start(troupe_self *self, void *state, const void *arguments)
{
    const struct trp_q_server_args *args = arguments;
    struct server *s = state;

    troupe_status status = TROUPE_OK;
    if (args->at != NULL) {
        status = trp_listen_new(self, args->at, &s->listener, args->port);
    }
    if (status == TROUPE_OK) {
        s->service = args->service;
    }
    return status;
}

const troupe_behavior trp_q_server = {
    .name = "q_server",
    .state_size = sizeof(struct server),
    .start = server_start,
    .receive = server_receive,
    .stop = server_stop,
    .flags = TROUPE_TRAP_STOP,
};
