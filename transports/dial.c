/* SPDX-License-Identifier: MIT
 * dial.c - resolve, then connect to one address after the other. */
#include "transports/dial.h"

#include <errno.h>
#include <unistd.h>

#include <event2/event.h>

#include "mailbox/alloc.h"
#include "transports/resolve.h"

enum { REST_MS = 10 /* before a full Unix socket is asked again */ };

struct trp_dial {
    struct trp_base *base;
    struct event_base *loop;
    troupe_id owner;
    struct trp_resolve *resolve; /* until its answer has come */
    struct trp_addresses addresses;
    unsigned next; /* address to try */
    int fd;        /* being connected, or -1 */
    struct event *ready;
    bool done;            /* the socket says how it went */
    bool resting;         /* the address before `next` gets another attempt */
    int system;           /* of the last attempt */
    troupe_status failed; /* TROUPE_ERESOLVE, or TROUPE_OK */
};

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct trp_dial *dial = argument;

    (void)fd, (void)what;
    if (trp_io_signal(dial->base, dial->owner, TRP_KIND_IO, 0) == TROUPE_OK) {
        dial->done = true;
        (void)event_del(dial->ready);
    }
}

static void on_rested(evutil_socket_t fd, short what, void *argument)
{
    const struct timeval rest = {.tv_usec = REST_MS * 1000L};
    struct trp_dial *dial = argument;

    (void)fd, (void)what;
    if (trp_io_signal(dial->base, dial->owner, TRP_KIND_IO, 0) == TROUPE_OK) {
        dial->done = true;
    } else {
        (void)event_add(dial->ready, &rest);
    }
}

static void drop_socket(struct trp_dial *dial)
{
    if (dial->ready != NULL) {
        event_free(dial->ready);
        dial->ready = NULL;
    }
    if (dial->fd >= 0) {
        (void)close(dial->fd);
        dial->fd = -1;
    }
    dial->done = dial->resting = false;
}

/* Waits for the socket, or for the time to ask a full one again. */
static bool await(struct trp_dial *dial, bool full)
{
    const struct timeval rest = {.tv_usec = REST_MS * 1000L};

    dial->ready =
        full ? event_new(dial->loop, -1, 0, on_rested, dial)
             : event_new(dial->loop, dial->fd, EV_WRITE | EV_PERSIST, on_ready, dial);
    dial->resting = full;
    if (dial->ready != NULL && event_add(dial->ready, full ? &rest : NULL) == 0) {
        return true;
    }
    dial->system = ENOMEM;
    drop_socket(dial);
    return false;
}

/* Begins to connect to the next address; true when it is under way or done. */
static bool try_next(struct trp_dial *dial)
{
    const struct trp_address *to = &dial->addresses.items[dial->next++];

    dial->fd = socket(to->any.plain.sa_family, SOCK_STREAM, 0);
    if (dial->fd < 0) {
        dial->system = errno;
        return false;
    }
    (void)evutil_make_socket_nonblocking(dial->fd);
    (void)evutil_make_socket_closeonexec(dial->fd);
    if (connect(dial->fd, &to->any.plain, to->size) == 0) {
        dial->done = true;
        return true;
    }
    int error = errno;
    bool full = error == EAGAIN && to->any.plain.sa_family == AF_UNIX;
    if (error != EINPROGRESS && !full) {
        dial->system = error;
        drop_socket(dial);
        return false;
    }
    return await(dial, full);
}

static troupe_status status_of(int system)
{
    switch (system) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOENT: /* of a Unix socket's file */
    case EACCES:
        return TROUPE_EREFUSED;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return TROUPE_ESYSTEM;
    case ENOMEM:
        return TROUPE_ENOMEM;
    default:
        return TROUPE_EUNREACHABLE;
    }
}

/* How the attempt under way went: 0, EINPROGRESS or an errno. */
static int outcome(struct trp_dial *dial)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (!dial->done) {
        return EINPROGRESS;
    }
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    return error;
}

troupe_status trp_dial_poll(struct trp_dial *dial, int *fd, int *system)
{
    for (;;) {
        if (dial->resting && dial->done) {
            drop_socket(dial);
            dial->next--;
        } else if (dial->fd >= 0) {
            int error = outcome(dial);
            if (error == EINPROGRESS) {
                return TROUPE_EAGAIN;
            }
            if (error == 0) {
                *fd = dial->fd;
                dial->fd = -1;
                drop_socket(dial);
                return TROUPE_OK;
            }
            dial->system = error;
            drop_socket(dial);
        }
        if (dial->resolve != NULL) {
            return TROUPE_EAGAIN;
        }
        *system = dial->system;
        if (dial->failed != TROUPE_OK) {
            return dial->failed;
        }
        if (dial->next == dial->addresses.count) {
            return status_of(dial->system);
        }
        (void)try_next(dial);
    }
}

void trp_dial_resolved(struct trp_dial *dial, troupe_msg *msg)
{
    const struct trp_resolved *found = troupe_msg_body(msg);

    if (dial->resolve == NULL) {
        return;
    }
    trp_resolve_forget(&dial->resolve);
    dial->failed = found->status;
    dial->addresses = found->addresses;
}

static troupe_status dial_alloc(troupe_self *self, struct trp_dial **out)
{
    struct event_base *loop = trp_event_base(self);
    if (loop == NULL) {
        return TROUPE_EUNSUPPORTED;
    }
    struct trp_dial *dial = trp_calloc(1, sizeof(*dial));
    if (dial == NULL) {
        return TROUPE_ENOMEM;
    }
    dial->base = trp_base_of(self);
    dial->loop = loop;
    dial->owner = troupe_self_id(self);
    dial->fd = -1;
    *out = dial;
    return TROUPE_OK;
}

troupe_status trp_dial_new(troupe_self *self, const char *host, uint16_t port,
                           struct trp_dial **out)
{
    struct trp_dial *dial = NULL;
    troupe_status status = dial_alloc(self, &dial);

    if (status != TROUPE_OK) {
        return status;
    }
    if (trp_address_literal(host, port, &dial->addresses) != TROUPE_OK) {
        status = trp_resolve_begin(troupe_self_system(self), dial->owner, host, port,
                                   &dial->resolve);
        if (status != TROUPE_OK) {
            trp_free(dial);
            return status;
        }
    }
    *out = dial;
    return TROUPE_OK;
}

troupe_status trp_dial_addresses(troupe_self *self, const struct trp_addresses *to,
                                 struct trp_dial **out)
{
    if (to->count == 0 || to->count > TRP_ADDRESSES_MAX) {
        return TROUPE_EINVAL;
    }
    troupe_status status = dial_alloc(self, out);
    if (status == TROUPE_OK) {
        (*out)->addresses = *to;
    }
    return status;
}

void trp_dial_free(struct trp_dial **dial)
{
    if (*dial != NULL) {
        drop_socket(*dial);
        trp_resolve_forget(&(*dial)->resolve);
        trp_free(*dial);
        *dial = NULL;
    }
}
