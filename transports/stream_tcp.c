/* SPDX-License-Identifier: MIT
 * stream_tcp.c - a non-blocking socket, TCP or Unix, on the base's loop.
 *
 * Reading is level-triggered and takes one block a time; it pauses while the block is
 * full. Writing tries at once and waits for the socket only when it is full. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/event.h>

#include "mailbox/alloc.h"
#include "transports/address.h"
#include "transports/stream.h"

enum {
    SEND_MAX = 1 << 20, /* bytes one call offers to the socket */
    UNNAMED = offsetof(struct sockaddr_un, sun_path)
};

struct tcp {
    struct trp_stream stream;
    int fd;
    struct event *readable, *writable;
    bool paused;  /* the block is full: not listening for input */
    bool waiting; /* for the socket to take more */
    bool was_shut;
};

static struct tcp *tcp_of(struct trp_stream *stream)
{
    return TRP_CONTAINER(stream, struct tcp, stream);
}

static void pause_reading(struct tcp *tcp)
{
    (void)event_del(tcp->readable);
    tcp->paused = true;
}

static void end_input(struct tcp *tcp, int system)
{
    tcp->stream.ended = TROUPE_ELOST;
    tcp->stream.system = system;
    pause_reading(tcp);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct tcp *tcp = argument;
    struct trp_stream *stream = &tcp->stream;
    size_t size;

    (void)what;
    if (trp_stream_wake(stream) != TROUPE_OK) {
        return; /* no memory to say so: the loop will ask again */
    }
    uint8_t *room = trp_stream_room(stream, &size);
    if (room == NULL) {
        if (stream->in != NULL) {
            pause_reading(tcp);
        }
        return;
    }
    ssize_t got = recv(fd, room, size, 0);
    if (got > 0) {
        stream->in_end += (size_t)got;
    } else if (got == 0) {
        end_input(tcp, 0);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        end_input(tcp, errno);
    }
}

static void tcp_resume(struct trp_stream *stream)
{
    struct tcp *tcp = tcp_of(stream);

    if (tcp->paused && stream->ended == TROUPE_OK &&
        stream->in_end - stream->in_start < TRP_STREAM_BLOCK &&
        event_add(tcp->readable, NULL) == 0) {
        tcp->paused = false;
    }
}

static void wait_for_socket(struct tcp *tcp)
{
    if (!tcp->waiting && event_add(tcp->writable, NULL) == 0) {
        tcp->waiting = true;
    }
}

static void finish_output(struct tcp *tcp)
{
    struct trp_stream *stream = &tcp->stream;

    trp_buffer_clear(&stream->out, TRP_STREAM_KEEP);
    if (stream->shut && !tcp->was_shut) {
        tcp->was_shut = true;
        (void)shutdown(tcp->fd, SHUT_WR);
    }
    if (stream->want_empty) {
        stream->want_empty = trp_stream_wake(stream) != TROUPE_OK;
    }
}

static ssize_t send_pieces(const struct tcp *tcp)
{
    struct iovec pieces[TRP_STREAM_PIECES];
    struct msghdr header = {.msg_iov = pieces};

    header.msg_iovlen = trp_stream_pieces(&tcp->stream, SEND_MAX, pieces);
    return sendmsg(tcp->fd, &header, MSG_NOSIGNAL);
}

static void tcp_flush(struct trp_stream *stream)
{
    struct tcp *tcp = tcp_of(stream);
    size_t left = trp_stream_waiting(stream);

    if (left == 0 || tcp->waiting) {
        return;
    }
    ssize_t sent = stream->shared != NULL
                       ? send_pieces(tcp)
                       : send(tcp->fd, trp_buffer_front(&stream->out),
                              left < SEND_MAX ? left : SEND_MAX, MSG_NOSIGNAL);
    if (sent > 0) {
        trp_stream_advance(stream, (size_t)sent);
        trp_base_wrote(stream->base);
    } else if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        trp_stream_break(stream); /* reading will tell why */
    }
    if (trp_stream_waiting(stream) == 0) {
        finish_output(tcp);
    } else {
        wait_for_socket(tcp);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct tcp *tcp = argument;

    (void)fd, (void)what;
    tcp->waiting = false;
    tcp_flush(&tcp->stream);
}

static void tcp_shut(struct trp_stream *stream)
{
    if (trp_stream_waiting(stream) == 0) {
        finish_output(tcp_of(stream));
    }
}

static void tcp_close(struct trp_stream *stream)
{
    struct tcp *tcp = tcp_of(stream);

    if (!stream->broken && !tcp->waiting) {
        tcp_flush(stream);
    }
    if (tcp->readable != NULL) {
        event_free(tcp->readable);
    }
    if (tcp->writable != NULL) {
        event_free(tcp->writable);
    }
    (void)close(tcp->fd);
    trp_stream_fini(stream);
    trp_free(tcp);
}

static void tcp_describe(const struct trp_stream *stream, char *text, size_t size)
{
    const struct tcp *tcp = (const struct tcp *)(const void *)stream;
    struct trp_address peer = {.size = sizeof(peer.any)};

    if (getpeername(tcp->fd, &peer.any.plain, &peer.size) != 0) {
        peer.size = 0;
    } else if (peer.any.plain.sa_family == AF_UNIX && peer.size <= UNNAMED) {
        /* Who dials a Unix socket has no name: the one that was dialled says more. */
        peer.size = sizeof(peer.any);
        if (getsockname(tcp->fd, &peer.any.plain, &peer.size) != 0) {
            peer.size = 0;
        }
    }
    trp_address_print(&peer, text, size);
}

static const struct trp_stream_ops tcp_ops = {
    .name = "tcp",
    .flush = tcp_flush,
    .resume = tcp_resume,
    .shut = tcp_shut,
    .close = tcp_close,
    .describe = tcp_describe,
};

static void set_options(struct tcp *tcp)
{
    struct trp_address peer = {.size = sizeof(peer.any)};
    int on = 1;

    (void)evutil_make_socket_nonblocking(tcp->fd);
    if (getpeername(tcp->fd, &peer.any.plain, &peer.size) == 0) {
        tcp->stream.local = trp_address_is_local(&peer);
        tcp->stream.address = trp_address_ipv4(&peer);
    }
    if (peer.any.plain.sa_family != AF_UNIX) {
        (void)setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(tcp->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
}

troupe_status trp_stream_tcp_new(troupe_self *self, int fd, size_t out_limit,
                                 struct trp_stream **out)
{
    struct event_base *loop = trp_event_base(self);
    if (loop == NULL) {
        return TROUPE_EUNSUPPORTED;
    }
    struct tcp *tcp = trp_calloc(1, sizeof(*tcp));
    if (tcp == NULL) {
        return TROUPE_ENOMEM;
    }
    trp_stream_init(&tcp->stream, &tcp_ops, self, out_limit);
    tcp->readable = event_new(loop, fd, EV_READ | EV_PERSIST, on_readable, tcp);
    tcp->writable = event_new(loop, fd, EV_WRITE, on_writable, tcp);
    if (tcp->readable == NULL || tcp->writable == NULL ||
        event_add(tcp->readable, NULL) != 0) {
        if (tcp->readable != NULL) {
            event_free(tcp->readable);
        }
        if (tcp->writable != NULL) {
            event_free(tcp->writable);
        }
        trp_free(tcp);
        return TROUPE_ENOMEM;
    }
    tcp->fd = fd;
    set_options(tcp);
    *out = &tcp->stream;
    return TROUPE_OK;
}
