/* SPDX-License-Identifier: MIT
 * buffer.h - growing bytes with a mandatory maximum. */
#ifndef TRP_MAILBOX_BUFFER_H
#define TRP_MAILBOX_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

/* Bytes [start, end) of `bytes` are in use. Failure of a growth is sticky in `status`, so
 * an encoder may write on and look once at the end. */
struct trp_buffer {
    uint8_t *bytes;
    size_t start, end, capacity;
    size_t limit; /* the most it may hold, in bytes */
    troupe_status status;
};

/* limit   bytes, > 0 */
void trp_buffer_init(struct trp_buffer *buffer, size_t limit);
void trp_buffer_fini(struct trp_buffer *buffer);

/* Empties it, keeping at most `keep` bytes of memory; clears the sticky status. */
void trp_buffer_clear(struct trp_buffer *buffer, size_t keep);

/* Room for `size` more bytes behind the used ones.
 *
 * Returns where to write (then call trp_buffer_wrote), or NULL: buffer->status is
 * TROUPE_ELIMIT or TROUPE_ENOMEM. */
uint8_t *trp_buffer_reserve(struct trp_buffer *buffer, size_t size);
void trp_buffer_wrote(struct trp_buffer *buffer, size_t size);

/* Appends a copy. */
troupe_status trp_buffer_add(struct trp_buffer *buffer, const void *bytes, size_t size);

/* Drops `size` bytes, at most all, from the front. */
void trp_buffer_consume(struct trp_buffer *buffer, size_t size);

static inline size_t trp_buffer_size(const struct trp_buffer *buffer)
{
    return buffer->end - buffer->start;
}

/* The used bytes; NULL while the buffer has no memory. */
static inline const uint8_t *trp_buffer_front(const struct trp_buffer *buffer)
{
    return buffer->bytes != NULL ? buffer->bytes + buffer->start : NULL;
}

/* Hands over the memory: *size bytes at the returned pointer, to be trp_free'd; the
 * buffer is empty afterwards. NULL when it holds nothing. */
uint8_t *trp_buffer_take(struct trp_buffer *buffer, size_t *size);

#endif
