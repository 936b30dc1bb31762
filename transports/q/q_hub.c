/* SPDX-License-Identifier: MIT
 * q_hub.c - seats: connections by handle; the ports they come in by; a hub's life. */
#include "mailbox/alloc.h"
#include "transports/q/q_hub_state.h"

enum {
    SEAT_BITS = 16,
    SEATS_FRESH = 1024, /* used before one is used again */
    GENERATIONS = 1 << 14
};

#define NONE UINT32_MAX

/* ---- seats ---- */

int32_t trp_q_hub_handle(const struct troupe_q_hub *hub, uint32_t at)
{
    return (int32_t)(hub->seats[at].generation << SEAT_BITS) + (int32_t)at +
           TRP_Q_HANDLE_FIRST;
}

struct trp_q_seat *trp_q_hub_seat(struct troupe_q_hub *hub, int64_t handle)
{
    int64_t number = handle - TRP_Q_HANDLE_FIRST;

    if (number < 0 || handle > INT32_MAX) {
        return NULL;
    }
    uint32_t at = (uint32_t)number & ((1u << SEAT_BITS) - 1);
    if (at >= hub->count || troupe_id_is_nobody(hub->seats[at].connection) ||
        trp_q_hub_handle(hub, at) != handle) {
        return NULL;
    }
    return &hub->seats[at];
}

static troupe_status grow(struct troupe_q_hub *hub)
{
    uint32_t capacity = hub->capacity != 0 ? hub->capacity * 2 : 16;
    struct trp_q_seat *seats = trp_realloc(hub->seats, capacity * sizeof(*seats));

    if (seats == NULL) {
        return TROUPE_ENOMEM;
    }
    hub->seats = seats;
    hub->capacity = capacity;
    return TROUPE_OK;
}

/* A new seat while there are few, then the one that is free for longest. Under the lock.
 */
static troupe_status free_seat(struct troupe_q_hub *hub, uint32_t *out)
{
    if (hub->count >= SEATS_FRESH && hub->free_first != NONE) {
        *out = hub->free_first;
        hub->free_first = hub->seats[*out].next;
        hub->free_last = hub->free_first != NONE ? hub->free_last : NONE;
        return TROUPE_OK;
    }
    if (hub->count == TRP_Q_SEATS_MAX) {
        return TROUPE_ELIMIT;
    }
    troupe_status status = hub->count < hub->capacity ? TROUPE_OK : grow(hub);
    if (status == TROUPE_OK) {
        hub->seats[hub->count] = (struct trp_q_seat){0};
        *out = hub->count++;
    }
    return status;
}

static void leave_seat(struct troupe_q_hub *hub, uint32_t at)
{
    struct trp_q_seat *seat = &hub->seats[at];

    seat->connection = TROUPE_NOBODY;
    seat->generation = (seat->generation + 1) % GENERATIONS;
    seat->next = NONE;
    if (hub->free_last != NONE) {
        hub->seats[hub->free_last].next = at;
    } else {
        hub->free_first = at;
    }
    hub->free_last = at;
}

static troupe_status join(struct troupe_q_hub *hub, troupe_id connection, bool line,
                          int32_t *handle)
{
    uint32_t at;

    (void)pthread_mutex_lock(&hub->lock);
    troupe_status status = free_seat(hub, &at);
    if (status == TROUPE_OK) {
        hub->seats[at].connection = connection;
        hub->seats[at].line = line;
        hub->seats[at].queued = 0;
        *handle = trp_q_hub_handle(hub, at);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return status;
}

troupe_status trp_q_hub_join(struct troupe_q_hub *hub, troupe_id connection,
                             int32_t *handle)
{
    return join(hub, connection, false, handle);
}

troupe_status trp_q_hub_join_line(struct troupe_q_hub *hub, troupe_id line,
                                  int32_t *handle)
{
    return join(hub, line, true, handle);
}

bool trp_q_hub_leave(struct troupe_q_hub *hub, int32_t handle)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct trp_q_seat *seat = trp_q_hub_seat(hub, handle);
    if (seat != NULL) {
        leave_seat(hub, (uint32_t)(seat - hub->seats));
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return seat != NULL;
}

void trp_q_hub_taken(struct troupe_q_hub *hub, int32_t handle)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct trp_q_seat *seat = trp_q_hub_seat(hub, handle);
    if (seat != NULL && seat->queued > 0) {
        seat->queued--;
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

/* ---- ports ---- */

void trp_q_hub_listens(struct troupe_q_hub *hub, troupe_id server, uint16_t port)
{
    bool kept = port == 0;

    (void)pthread_mutex_lock(&hub->lock);
    for (unsigned i = 0; i < TRP_Q_PORTS_MAX; i++) {
        bool its = troupe_id_equal(hub->ports[i].server, server);
        if (port == 0 && its) {
            hub->ports[i].port = 0;
            hub->ports[i].server = TROUPE_NOBODY;
        } else if (!kept && hub->ports[i].port == 0) {
            hub->ports[i].port = port;
            hub->ports[i].server = server;
            kept = true;
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

bool trp_q_hub_listener(struct troupe_q_hub *hub, troupe_id *server, uint16_t *port)
{
    bool found = false;

    (void)pthread_mutex_lock(&hub->lock);
    for (unsigned i = 0; i < TRP_Q_PORTS_MAX && !found; i++) {
        found = hub->ports[i].port != 0;
        if (found) {
            *server = hub->ports[i].server;
            *port = hub->ports[i].port;
        }
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return found;
}

bool trp_q_hub_is_own(struct troupe_q_hub *hub, uint16_t port)
{
    bool own = false;

    (void)pthread_mutex_lock(&hub->lock);
    for (unsigned i = 0; i < TRP_Q_PORTS_MAX; i++) {
        own |= port != 0 && hub->ports[i].port == port;
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return own;
}

troupe_status trp_q_hub_listen(struct troupe_q_hub *hub, const char *host, uint16_t port,
                               troupe_q_server *out)
{
    return hub->listen != NULL ? hub->listen(hub->listen_context, host, port, out)
                               : TROUPE_EUNSUPPORTED;
}

void troupe_q_hub_on_listen(troupe_q_hub *hub, troupe_q_listen listen, void *context)
{
    hub->listen = listen;
    hub->listen_context = context;
}

/* ---- life ---- */

troupe_status trp_q_hub_new(troupe_system *sys, struct troupe_q_hub **out)
{
    struct troupe_q_hub *hub = trp_calloc(1, sizeof(*hub));

    if (hub == NULL) {
        return TROUPE_ENOMEM;
    }
    atomic_init(&hub->holders, 1);
    hub->system = sys;
    hub->free_first = hub->free_last = NONE;
    (void)pthread_mutex_init(&hub->lock, NULL);
    trp_q_hub_host_init(hub);
    *out = hub;
    return TROUPE_OK;
}

struct troupe_q_hub *trp_q_hub_ref(struct troupe_q_hub *hub)
{
    (void)atomic_fetch_add_explicit(&hub->holders, 1, memory_order_relaxed);
    return hub;
}

void trp_q_hub_unref(struct troupe_q_hub **hub)
{
    struct troupe_q_hub *old = *hub;

    *hub = NULL;
    if (old != NULL &&
        atomic_fetch_sub_explicit(&old->holders, 1, memory_order_acq_rel) == 1) {
        (void)pthread_mutex_destroy(&old->lock);
        trp_free(old->seats);
        trp_free(old);
    }
}

void trp_q_hub_equip(struct troupe_q_hub *hub, troupe_id exchange,
                     trp_q_request engine_request)
{
    hub->exchange = exchange;
    hub->engine_request = engine_request;
}

troupe_status trp_q_hub_request(const struct troupe_q_hub *hub,
                                const troupe_q_event *event, troupe_msg **out)
{
    return hub->engine_request(event, out);
}

void troupe_q_hub_free(troupe_q_hub **hub)
{
    trp_q_hub_unref(hub);
}

const troupe_embedq_host *troupe_q_hub_host(const troupe_q_hub *hub)
{
    return &hub->host;
}
