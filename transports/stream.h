/* SPDX-License-Identifier: MIT
 * stream.h - bytes both ways, pulled by the actor that owns them.
 *
 * A stream reads ahead into one block and says so with a TRP_KIND_IO signal, at most one
 * on its way at a time. The owner answers each with trp_stream_turn, then looks at the
 * view and consumes what it understood. What it writes gathers in `out` and goes to the
 * peer in one piece at the next turn, or at once when nothing else is in the mailbox.
 *
 * tcp is a non-blocking socket, TCP or Unix, on the base's loop; a pair is memory, for
 * tests. */
#ifndef TRP_TRANSPORTS_STREAM_H
#define TRP_TRANSPORTS_STREAM_H

#include "actors/runtime.h"
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
    TRP_STREAM_TEXT = 80         /* room for a description */
};

struct trp_stream;

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
    troupe_id owner;       /* nobody: never told anything (the far end of a test) */
    struct trp_buffer out; /* not yet written */
    uint8_t *in;           /* a block, or NULL when nothing is read */
    size_t in_start, in_end;
    troupe_status ended; /* TROUPE_ELOST: nothing more will be read */
    int system;          /* errno, or 0 after an orderly end */
    uint32_t address;    /* the peer's IPv4 address, 0 when it has none */
    bool told;           /* a TRP_KIND_IO is on its way */
    bool local;          /* the peer is on this machine */
    bool shut;           /* output ends when `out` is empty */
    bool broken;         /* output goes nowhere; the end of input will follow */
    bool want_empty;     /* tell the owner when `out` becomes empty */
};

/* For implementations: the common part. `out_limit` bytes may wait in `out`. */
void trp_stream_init(struct trp_stream *stream, const struct trp_stream_ops *ops,
                     troupe_self *self, size_t out_limit);
void trp_stream_fini(struct trp_stream *stream);

/* Tells the owner once; TROUPE_ENOMEM when that could not be done. */
troupe_status trp_stream_wake(struct trp_stream *stream);

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
