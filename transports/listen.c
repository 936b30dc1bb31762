/* SPDX-License-Identifier: MIT
 * listen.c - a listening socket on the base's loop. */
#include "transports/listen.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include <event2/event.h>

#include "mailbox/alloc.h"
#include "transports/connection.h"
#include "transports/unix_file.h"

enum { REST_MS = 100 /* without descriptors */ };

struct trp_listen {
    struct trp_base *base;
    troupe_id owner;
    int fd;
    struct event *ready, *rested;
    bool paused;
    int sockets[TRP_LISTEN_QUEUE];
    unsigned first, count;
    uint64_t starved;          /* times in a row */
    struct trp_unix_file file; /* made by bind */
};

/* Without a timer it goes on asking. */
static void rest(struct trp_listen *listener)
{
    const struct timeval span = {.tv_usec = REST_MS * 1000L};

    if (trp_worth_a_line(&listener->starved)) {
        trp_log(listener->base, TROUPE_LOG_WARN, "LISTEN-DESCRIPTORS",
                "no descriptor is left for a new connection, %" PRIu64
                " times in a row; trying again in %d ms",
                listener->starved, REST_MS);
    }
    if (event_add(listener->rested, &span) == 0) {
        (void)event_del(listener->ready);
    }
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct trp_listen *listener = argument;

    (void)what;
    if (listener->count == TRP_LISTEN_QUEUE) {
        (void)event_del(listener->ready);
        listener->paused = true;
        return;
    }
    int got = accept(fd, NULL, NULL);
    if (got >= 0) {
        (void)evutil_make_socket_closeonexec(got);
        unsigned at = (listener->first + listener->count++) % TRP_LISTEN_QUEUE;
        listener->sockets[at] = got;
        listener->starved = 0;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
               errno == ENOMEM) {
        rest(listener);
        return;
    }
    if (listener->count > 0) {
        (void)trp_io_signal(listener->base, listener->owner, TRP_KIND_IO, 0);
    }
}

static void on_rested(evutil_socket_t fd, short what, void *argument)
{
    struct trp_listen *listener = argument;

    (void)fd, (void)what;
    (void)event_add(listener->ready, NULL);
}

int trp_listen_take(struct trp_listen *listener)
{
    if (listener->count == 0) {
        return -1;
    }
    int fd = listener->sockets[listener->first];
    listener->first = (listener->first + 1) % TRP_LISTEN_QUEUE;
    listener->count--;
    if (listener->paused && event_add(listener->ready, NULL) == 0) {
        listener->paused = false;
    }
    return fd;
}

static troupe_status status_of(int system)
{
    switch (system) {
    case EADDRINUSE:
        return TROUPE_EINUSE;
    case EACCES:
    case EPERM:
        return TROUPE_EACCESS;
    case EADDRNOTAVAIL:
    case ENOENT: /* the folder of a Unix socket */
    case ENOTDIR:
        return TROUPE_EINVAL;
    default:
        return TROUPE_ESYSTEM;
    }
}

/* Of a Unix socket's file: binds once more when the one in the way is nobody's. */
static bool bind_socket(int fd, const struct trp_address *at, struct trp_unix_file *file)
{
    if (bind(fd, &at->any.plain, at->size) != 0) {
        int system = errno;
        if (system != EADDRINUSE || !trp_unix_file_stale(at)) {
            errno = system;
            return false;
        }
        if (bind(fd, &at->any.plain, at->size) != 0) {
            return false;
        }
    }
    return trp_address_file(at) == NULL || trp_unix_file_made(file, at);
}

static bool begin_listening(int fd, const struct trp_unix_file *file)
{
    if (listen(fd, TRP_LISTEN_BACKLOG) != 0) {
        return false;
    }
    if (file->path.sun_path[0] != 0 && !trp_unix_file_is_ours(file)) {
        errno = EADDRINUSE;
        return false;
    }
    return true;
}

static troupe_status open_socket(const struct trp_address *at, int *fd,
                                 struct trp_unix_file *file, uint16_t *port)
{
    struct trp_address bound = {.size = sizeof(bound.any)};
    int on = 1;
    int got = socket(at->any.plain.sa_family, SOCK_STREAM, 0);

    if (got < 0) {
        return TROUPE_ESYSTEM;
    }
    if (at->any.plain.sa_family != AF_UNIX) {
        (void)setsockopt(got, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    (void)evutil_make_socket_nonblocking(got);
    (void)evutil_make_socket_closeonexec(got);
    if (!bind_socket(got, at, file) || !begin_listening(got, file) ||
        getsockname(got, &bound.any.plain, &bound.size) != 0) {
        troupe_status status = status_of(errno);
        trp_unix_file_remove(file);
        (void)close(got);
        return status;
    }
    *fd = got;
    *port = trp_address_port(&bound);
    return TROUPE_OK;
}

troupe_status trp_listen_new(troupe_self *self, const struct trp_address *at,
                             struct trp_listen **out, uint16_t *port)
{
    struct event_base *loop = trp_event_base(self);
    if (loop == NULL) {
        return TROUPE_EUNSUPPORTED;
    }
    struct trp_listen *listener = trp_calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return TROUPE_ENOMEM;
    }
    listener->base = trp_base_of(self);
    listener->owner = troupe_self_id(self);
    troupe_status status = open_socket(at, &listener->fd, &listener->file, port);
    if (status != TROUPE_OK) {
        trp_free(listener);
        return status;
    }
    listener->ready =
        event_new(loop, listener->fd, EV_READ | EV_PERSIST, on_ready, listener);
    listener->rested = event_new(loop, -1, 0, on_rested, listener);
    if (listener->ready == NULL || listener->rested == NULL ||
        event_add(listener->ready, NULL) != 0) {
        trp_listen_free(&listener);
        return TROUPE_ENOMEM;
    }
    *out = listener;
    return TROUPE_OK;
}

void trp_listen_free(struct trp_listen **listener)
{
    if (*listener == NULL) {
        return;
    }
    int fd;
    if ((*listener)->ready != NULL) {
        event_free((*listener)->ready);
        (*listener)->ready = NULL;
    }
    if ((*listener)->rested != NULL) {
        event_free((*listener)->rested);
    }
    (*listener)->paused = false;
    while ((fd = trp_listen_take(*listener)) >= 0) {
        (void)close(fd);
    }
    trp_unix_file_remove(&(*listener)->file);
    (void)close((*listener)->fd);
    trp_free(*listener);
    *listener = NULL;
}
