/* SPDX-License-Identifier: MIT
 * q_server.c - listens, and starts an actor for each client that comes.
 *
 * Owns the listening socket; its children are the connections. At its end it stops
 * listening, stops the children, and waits until they have ended. */
#include <inttypes.h>
#include <unistd.h>

#include "actors/id_map.h"
#include "transports/listen.h"
#include "transports/q/q_addresses.h"
#include "transports/q/q_pending.h"
#include "transports/q/q_serving.h"

enum { LISTENERS = 4 };

struct server {
    struct trp_q_service *service;
    struct trp_listen *listeners[LISTENERS]; /* TCP first */
    unsigned listening;
    struct trp_id_map clients; /* by their ids */
    uint64_t refused;          /* in a row */
    bool ending;
    struct trp_q_pending closers; /* asked Q_CLOSE */
};

static troupe_status start_client(troupe_self *self, struct server *s, int fd)
{
    const struct trp_q_peer_args args = {.service = s->service, .fd = fd};
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    troupe_id client;

    if (s->clients.count >= s->service->options.clients_max) {
        return TROUPE_ELIMIT;
    }
    troupe_status status = trp_id_map_reserve(&s->clients, 1);
    options.watch = true;
    if (status == TROUPE_OK) {
        status = troupe_spawn(self, &trp_q_peer, &args, &options, &client);
    }
    if (status == TROUPE_OK) {
        trp_id_map_put(&s->clients, client.bits, 0);
    }
    return status;
}

static int take_socket(struct server *s)
{
    int fd = -1;

    for (unsigned i = 0; i < s->listening && fd < 0; i++) {
        fd = trp_listen_take(s->listeners[i]);
    }
    return fd;
}

static void accept_clients(troupe_self *self, struct server *s)
{
    char more[TRP_Q_LINE_MORE];
    int fd;

    while ((fd = take_socket(s)) >= 0) {
        troupe_status status = start_client(self, s, fd);
        if (status == TROUPE_OK) {
            s->refused = 0;
            continue;
        }
        (void)close(fd);
        if (trp_worth_a_line(&s->refused) &&
            trp_q_service_says(s->service, TROUPE_LOG_WARN, "Q-CLIENT-REFUSED",
                               troupe_now(self), more)) {
            trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-CLIENT-REFUSED",
                    "a new connection was closed at once, %" PRIu64 " in a row: %s%s",
                    s->refused,
                    status == TROUPE_ELIMIT ? "there are clients_max already"
                                            : troupe_status_text(status),
                    more);
        }
    }
}

static void stop_listening(troupe_self *self, struct server *s)
{
    if (s->service != NULL) {
        trp_q_hub_listens(s->service->hub, troupe_self_id(self), 0);
    }
    while (s->listening > 0) {
        trp_listen_free(&s->listeners[--s->listening]);
    }
}

static void end_if_empty(troupe_self *self, struct server *s)
{
    if (!s->ending || s->clients.count > 0) {
        return;
    }
    trp_q_pending_done(self, &s->closers);
    troupe_exit(self, TROUPE_OK);
}

static void begin_end(troupe_self *self, struct server *s)
{
    if (!s->ending) {
        s->ending = true;
        stop_listening(self, s);
        for (uint32_t i = 0; i < s->clients.capacity; i++) {
            if (s->clients.entries[i].key != 0) {
                (void)troupe_stop(self, (troupe_id){s->clients.entries[i].key});
            }
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
        (void)trp_id_map_remove(&s->clients,
                                ((const troupe_down *)troupe_msg_body(*msg))->id.bits);
        end_if_empty(self, s);
        break;
    case TRP_KIND_Q_UNLISTEN:
        stop_listening(self, s);
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

    (void)reason;
    stop_listening(self, s);
    trp_q_pending_fini(&s->closers);
    trp_id_map_fini(&s->clients);
    trp_q_service_release(&s->service);
}

static troupe_status listen_at(troupe_self *self, struct server *s,
                               const struct trp_address *at, uint16_t *port)
{
    troupe_status status = trp_listen_new(self, at, &s->listeners[s->listening], port);

    s->listening += status == TROUPE_OK;
    return status;
}

/* Also at the Unix sockets of a port. */
static troupe_status listen_unix(troupe_self *self, struct server *s, troupe_q_unix how,
                                 uint16_t port)
{
    struct trp_addresses at = {.count = 0};
    char text[TRP_STREAM_TEXT] = "?";
    uint16_t none;

    troupe_status status =
        how == TROUPE_Q_UNIX_NONE ? TROUPE_OK : trp_q_addresses_listen(port, true, &at);
    for (unsigned i = 0; i < at.count; i++) {
        troupe_status one = listen_at(self, s, &at.items[i], &none);
        if (one != TROUPE_OK) {
            trp_address_print(&at.items[i], text, sizeof(text));
            trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-UNIX",
                    "not listening on %s: %s", text, troupe_status_text(one));
            status = status == TROUPE_OK ? one : status;
        }
    }
    return how == TROUPE_Q_UNIX_ALL ? status : TROUPE_OK;
}

static troupe_status server_start(troupe_self *self, void *state, const void *arguments)
{
    const struct trp_q_server_args *args = arguments;
    struct server *s = state;

    troupe_status status = TROUPE_OK;
    if (args->at != NULL) {
        status = listen_at(self, s, args->at, args->port);
        if (status == TROUPE_OK) {
            status =
                listen_unix(self, s, args->service->options.unix_domain, *args->port);
        }
    }
    if (status == TROUPE_OK) {
        s->service = args->service;
        if (args->at != NULL) {
            trp_q_hub_listens(s->service->hub, troupe_self_id(self), *args->port);
        }
    } else {
        stop_listening(self, s);
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
