/* SPDX-License-Identifier: MIT
 * stream.h - bytes both ways, pulled by the actor that owns them.
 *
 * A stream reads ahead into one block and says so with a TRP_KIND_IO signal, at most one
 * on its way at a time. The owner answers each with trp_stream_turn, then looks at the
 * view and consumes what it understood. What it writes gathers in `out` and goes to the
 * peer in one piece at the next turn, or at once when nothing else is in the mailbox.
 *
 * Large bytes that many connections send are written as a blob: each counts a reference,
 * nobody copies. They go out between the bytes written to `out` before and after.
 *
 * tcp is a non-blocking socket, TCP or Unix, on the base's loop; a pair is memory, for
 * tests; tls stands on another stream, see stream_tls.h. */
#ifndef TRP_TRANSPORTS_STREAM_H
#define TRP_TRANSPORTS_STREAM_H

#include <sys/uio.h>

#include "actors/runtime.h"
#include "mailbox/blob.h"
#include "mailbox/buffer.h"

/* Kinds of the transports, told by them to the actors that own them. */
enum {
    TRP_KIND_IO = TROUPE_KIND_RESERVED + 0x10, /* look at your stream, dial or listener */
    TRP_KIND_RESOLVED,                         /* body: struct trp_resolved * */
    TRP_KIND_DEADLINE                          /* tag: the round it belongs to */
};

enum {
    TRP_STREAM_BLOCK = 64 << 10, /* bytes read ahead */
    TRP_STREAM_KEEP = 64 << 10,  /* bytes of output memory an idle stream keeps */
    TRP_STREAM_BLOCKS_KEPT = 64, /* free blocks the process keeps */
    TRP_STREAM_COPY = 4 << 10,   /* bytes of a blob that are copied rather than shared */
    TRP_STREAM_PIECES = 64,      /* of output, in one call of the system */
    TRP_STREAM_TEXT = 80         /* room for a description */
};

struct trp_stream;

/* A blob's bytes on their way out. */
struct trp_stream_shared {
    struct trp_stream_shared *next;
    troupe_blob *blob;
    const uint8_t *at; /* of the blob, `left` bytes are not yet written */
    size_t left;
    size_t before; /* bytes of `out` that go first, counted from the one before */
    bool lent;     /* others hold them anyway */
};

struct trp_stream_ops {
    const char *name;
    void (*flush)(struct trp_stream *stream);  /* write what is in `out` */
    void (*resume)(struct trp_stream *stream); /* there is room for input again */
    void (*shut)(struct trp_stream *stream);   /* no more output after what is there */
    void (*close)(struct trp_stream *stream);  /* ends it and frees it */
    void (*describe)(const struct trp_stream *stream, char *text, size_t size);
};

struct trp_stream {
    const struct trp_stream_ops *ops;
    struct trp_base *base;
    troupe_id owner;          /* nobody: never told anything (the far end of a test) */
    struct trp_stream *lower; /* what this one stands on, or NULL */
    struct trp_buffer out;    /* not yet written, but for what is shared */
    struct trp_stream_shared *shared, **shared_end;
    size_t shared_size; /* bytes of them */
    size_t lent_size;   /* of those, bytes that others hold anyway */
    size_t shared_mark; /* bytes of `out` that go before the last of them ends */
    uint64_t sent;      /* bytes written since the beginning: see trp_stream_sent */
    uint8_t *in;        /* a block, or NULL when nothing is read */
    size_t in_start, in_end;
    troupe_status ended; /* TROUPE_ELOST: nothing more will be read */
    int system;          /* errno, or 0 after an orderly end */
    const char *why;     /* more about the end, as long as the stream lives, or NULL */
    uint32_t address;    /* the peer's IPv4 address, 0 when it has none */
    bool told;           /* a TRP_KIND_IO is on its way */
    bool local;          /* the peer is on this machine */
    bool shut;           /* output ends when `out` is empty */
    bool broken;         /* output goes nowhere; the end of input will follow */
    bool handshaking;    /* nothing is known of the peer yet: see trp_stream_ready */
    bool want_empty;     /* tell the owner when no output waits any more */
};

/* For implementations: the common part. `out_limit` bytes may wait in `out`. */
void trp_stream_init(struct trp_stream *stream, const struct trp_stream_ops *ops,
                     troupe_self *self, size_t out_limit);
void trp_stream_fini(struct trp_stream *stream);

/* Tells the owner once; TROUPE_ENOMEM when that could not be done. */
troupe_status trp_stream_wake(struct trp_stream *stream);

/* The next pieces of output, at most TRP_STREAM_PIECES and `limit` bytes (> 0).
 *
 * Returns how many; 0: nothing waits. */
unsigned trp_stream_pieces(const struct trp_stream *stream, size_t limit,
                           struct iovec pieces[TRP_STREAM_PIECES]);

/* So many bytes of them are written. */
void trp_stream_advance(struct trp_stream *stream, size_t size);

/* Output goes nowhere: forgets what waits, and what will be written. */
void trp_stream_break(struct trp_stream *stream);

/* Gives back the block when nothing is in it. */
void trp_stream_release(struct trp_stream *stream);

/* Where input may be put: room in the block, moved together first; NULL when it is full
 * (*size 0) or there is no memory. */
uint8_t *trp_stream_room(struct trp_stream *stream, size_t *size);

/* For the owner, on TRP_KIND_IO: the next signal may come, output goes out. */
void trp_stream_turn(struct trp_stream *stream);

/* What was read and not consumed, borrowed until the next call. */
static inline const uint8_t *trp_stream_view(const struct trp_stream *stream,
                                             size_t *size)
{
    *size = stream->in_end - stream->in_start;
    return *size != 0 ? stream->in + stream->in_start : NULL;
}

void trp_stream_consume(struct trp_stream *stream, size_t size);

/* After bytes were added to stream->out: they will be written at the owner's next turn.
 */
void trp_stream_wrote(struct trp_stream *stream);
TROUPE_MUST_CHECK troupe_status trp_stream_write(struct trp_stream *stream,
                                                 const void *bytes, size_t size);

/* Writes all bytes of a blob, taking a reference of its own when that is cheaper than a
 * copy. Unchanged bytes are the blob's promise.
 *
 * Returns TROUPE_OK, TROUPE_ELIMIT (more than out_limit would wait) or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_stream_write_blob(struct trp_stream *stream,
                                                      troupe_blob *blob);

/* The same with a blob that many streams write: trp_stream_held does not count it. */
TROUPE_MUST_CHECK troupe_status trp_stream_lend_blob(struct trp_stream *stream,
                                                     troupe_blob *blob);

/* Memory that lives for this stream and those below. */
size_t trp_stream_held(const struct trp_stream *stream);

/* Bytes of this stream itself that wait to be written. */
static inline size_t trp_stream_waiting(const struct trp_stream *stream)
{
    return trp_buffer_size(&stream->out) + stream->shared_size;
}

/* Bytes that wait to be written, shared ones and those of the streams below included. */
size_t trp_stream_backlog(const struct trp_stream *stream);

/* Bytes the system or the peer has taken since the beginning. Whoever limits how long a
 * peer may take nothing looks from time to time: no change while there is a backlog. */
uint64_t trp_stream_sent(const struct trp_stream *stream);

/* How the handshake below the bytes went.
 *
 * Returns TROUPE_OK (done, or there is none), TROUPE_EAGAIN (a TRP_KIND_IO will come) or
 * why it failed: TROUPE_ETLS, TROUPE_ELOST, TROUPE_ELIMIT, TROUPE_ENOMEM; stream->why
 * says more. */
static inline troupe_status trp_stream_ready(const struct trp_stream *stream)
{
    if (!stream->handshaking) {
        return TROUPE_OK;
    }
    return stream->ended != TROUPE_OK ? stream->ended : TROUPE_EAGAIN;
}

/* Ends output after what is waiting has been written. */
void trp_stream_shut(struct trp_stream *stream);

/* Ends it and clears the pointer; NULL inside is allowed. */
void trp_stream_close(struct trp_stream **stream);

/* The peer's address, as trp_address_print writes it; of a Unix socket the name that was
 * dialled. */
void trp_stream_describe(const struct trp_stream *stream, char *text, size_t size);

/* A connected, non-blocking socket, the stream's from TROUPE_OK on.
 *
 * out_limit   the most bytes that may wait to be written
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_EUNSUPPORTED (simulated). */
TROUPE_MUST_CHECK troupe_status trp_stream_tcp_new(troupe_self *self, int fd,
                                                   size_t out_limit,
                                                   struct trp_stream **out);

/* Two ends in memory. Each end gets its owner by trp_stream_pair_own. `room`: how many
 * bytes an end takes before it is read, at most TRP_STREAM_BLOCK. */
TROUPE_MUST_CHECK troupe_status trp_stream_pair(size_t room, size_t out_limit,
                                                struct trp_stream **a,
                                                struct trp_stream **b);
void trp_stream_pair_own(struct trp_stream *end, struct trp_base *base, troupe_id owner);

#endif
