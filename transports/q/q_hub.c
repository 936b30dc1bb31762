/* SPDX-License-Identifier: MIT
 * q_hub.c - seats, and what q code does with them. */
#include "transports/q/q_hub.h"

#include <time.h>

#include "actors/runtime.h"
#include "mailbox/alloc.h"
#include "transports/q/q_cast.h"
#include "transports/q/q_conn.h"

enum {
    SEAT_BITS = 16,
    SEATS_FRESH = 1024, /* used before one is used again */
    GENERATIONS = 1 << 14,
    REST_NS = 100000
};

#define NONE UINT32_MAX

struct seat {
    troupe_id connection; /* nobody: free */
    uint32_t generation;
    union {
        uint32_t queued;
        uint32_t next; /* of a free seat: the one freed after it */
    };
};

struct troupe_q_hub {
    troupe_system *system;
    troupe_embedq_host host;
    pthread_mutex_t lock;
    struct seat *seats;
    uint32_t count, capacity;
    uint32_t free_first, free_last; /* freed earliest and latest; NONE */
};

/* ---- seats ---- */

static int32_t handle_of(const struct troupe_q_hub *hub, uint32_t at)
{
    return (int32_t)(hub->seats[at].generation << SEAT_BITS) + (int32_t)at +
           TRP_Q_HANDLE_FIRST;
}

/* The seat of a handle that is taken, or NULL. Under the lock. */
static struct seat *seat_of(struct troupe_q_hub *hub, int64_t handle)
{
    int64_t number = handle - TRP_Q_HANDLE_FIRST;

    if (number < 0 || handle > INT32_MAX) {
        return NULL;
    }
    uint32_t at = (uint32_t)number & ((1u << SEAT_BITS) - 1);
    if (at >= hub->count || troupe_id_is_nobody(hub->seats[at].connection) ||
        handle_of(hub, at) != handle) {
        return NULL;
    }
    return &hub->seats[at];
}

static troupe_status grow(struct troupe_q_hub *hub)
{
    uint32_t capacity = hub->capacity != 0 ? hub->capacity * 2 : 16;
    struct seat *seats = trp_realloc(hub->seats, capacity * sizeof(*seats));

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
        hub->seats[hub->count] = (struct seat){0};
        *out = hub->count++;
    }
    return status;
}

static void leave_seat(struct troupe_q_hub *hub, uint32_t at)
{
    struct seat *seat = &hub->seats[at];

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

troupe_status trp_q_hub_join(struct troupe_q_hub *hub, troupe_id connection,
                             int32_t *handle)
{
    uint32_t at;

    (void)pthread_mutex_lock(&hub->lock);
    troupe_status status = free_seat(hub, &at);
    if (status == TROUPE_OK) {
        hub->seats[at].connection = connection;
        hub->seats[at].queued = 0;
        *handle = handle_of(hub, at);
    }
    (void)pthread_mutex_unlock(&hub->lock);
    return status;
}

void trp_q_hub_leave(struct troupe_q_hub *hub, int32_t handle)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct seat *seat = seat_of(hub, handle);
    if (seat != NULL) {
        leave_seat(hub, (uint32_t)(seat - hub->seats));
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

void trp_q_hub_taken(struct troupe_q_hub *hub, int32_t handle)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct seat *seat = seat_of(hub, handle);
    if (seat != NULL && seat->queued > 0) {
        seat->queued--;
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

/* ---- what q code does ---- */

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
    struct seat *seat = seat_of(hub, handle);
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
    }
}

static troupe_status host_send(void *context, int64_t handle, bool async,
                               troupe_q_value *value, troupe_q_value **answer)
{
    struct troupe_q_hub *hub = context;
    troupe_msg *msg = NULL;

    (void)answer;
    if (!async) {
        return TROUPE_EUNSUPPORTED;
    }
    if (trp_q_is_generic_null(value)) {
        return TROUPE_OK; /* a flush: what was sent is on its way */
    }
    troupe_q_value *copy = troupe_q_ref(value);
    troupe_status status = trp_q_msg_new(TRP_KIND_Q_OUT, &copy, &msg);
    if (status != TROUPE_OK) {
        troupe_q_unref(&copy);
        return status;
    }
    status = send_async(hub, handle, &msg);
    troupe_msg_free(&msg);
    return status;
}

static troupe_status find(struct troupe_q_hub *hub, int64_t handle, troupe_id *to)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct seat *seat = seat_of(hub, handle);
    *to = seat != NULL ? seat->connection : TROUPE_NOBODY;
    (void)pthread_mutex_unlock(&hub->lock);
    return troupe_id_is_nobody(*to) ? TROUPE_EGONE : TROUPE_OK;
}

static troupe_status send_cast(struct troupe_q_hub *hub, struct trp_q_cast *cast,
                               size_t count, const int64_t *handles)
{
    troupe_status result = TROUPE_OK;

    for (size_t i = 0; i < count; i++) {
        troupe_msg *msg = NULL;
        troupe_status status = trp_q_cast_msg(cast, TRP_KIND_Q_CAST_OUT, i, &msg);
        if (status == TROUPE_OK) {
            status = send_async(hub, handles[i], &msg);
        }
        troupe_msg_free(&msg);
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

    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        status = find(hub, handles[i], &to);
    }
    if (status == TROUPE_OK) {
        status = trp_q_cast_new(hub->system, count, value, NULL, TROUPE_NOBODY, 0, &cast);
    }
    if (status == TROUPE_OK) {
        status = send_cast(hub, cast, count, handles);
    }
    trp_q_cast_unref(&cast);
    return status;
}

static troupe_status host_close(void *context, int64_t handle)
{
    struct troupe_q_hub *hub = context;
    troupe_msg *msg = NULL;
    troupe_id to;
    troupe_status status = find(hub, handle, &to);

    if (status == TROUPE_OK) {
        status = troupe_msg_new(TRP_KIND_Q_HANGUP, 0, &msg);
    }
    if (status == TROUPE_OK) {
        status = tell(hub, to, &msg);
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
    size_t size = 0;

    if (value == NULL) {
        return TROUPE_OK; /* the answer of the call says it is deferred */
    }
    troupe_status status = find(hub, handle, &to);
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

/* ---- life ---- */

troupe_status troupe_q_hub_new(troupe_system *sys, troupe_q_hub **out)
{
    struct troupe_q_hub *hub = trp_calloc(1, sizeof(*hub));

    if (hub == NULL) {
        return TROUPE_ENOMEM;
    }
    hub->system = sys;
    hub->free_first = hub->free_last = NONE;
    (void)pthread_mutex_init(&hub->lock, NULL);
    hub->host = (troupe_embedq_host){.size = sizeof(hub->host),
                                     .send = host_send,
                                     .close = host_close,
                                     .broadcast = host_broadcast,
                                     .defer = host_defer};
    *out = hub;
    return TROUPE_OK;
}

void troupe_q_hub_free(troupe_q_hub **hub)
{
    if (*hub != NULL) {
        (void)pthread_mutex_destroy(&(*hub)->lock);
        trp_free((*hub)->seats);
        trp_free(*hub);
        *hub = NULL;
    }
}

const troupe_embedq_host *troupe_q_hub_host(const troupe_q_hub *hub)
{
    return &hub->host;
}
