/* SPDX-License-Identifier: MIT
 * emit.h - writing bytes for outside, with reserve-and-fill for lengths known later.
 *
 * Errors stick in the buffer's status; look at it once at the end. */
#ifndef TRP_MAILBOX_EMIT_H
#define TRP_MAILBOX_EMIT_H

#include "mailbox/buffer.h"

static inline void trp_emit_bytes(struct trp_buffer *out, const void *bytes, size_t size)
{
    if (trp_buffer_add(out, bytes, size) != TROUPE_OK) {
        return; /* sticks in out->status */
    }
}

/* A number of 1 to 8 bytes, least significant first (le) or last (be). */
static inline void trp_put_le(uint8_t *to, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static inline void trp_put_be(uint8_t *to, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        to[width - 1 - i] = (uint8_t)(value >> (8 * i));
    }
}

static inline void trp_emit_le(struct trp_buffer *out, uint64_t value, size_t width)
{
    uint8_t *to = trp_buffer_reserve(out, width);

    if (to != NULL) {
        trp_put_le(to, value, width);
        trp_buffer_wrote(out, width);
    }
}

static inline void trp_emit_be(struct trp_buffer *out, uint64_t value, size_t width)
{
    uint8_t *to = trp_buffer_reserve(out, width);

    if (to != NULL) {
        trp_put_be(to, value, width);
        trp_buffer_wrote(out, width);
    }
}

/* Leaves `width` zero bytes to be filled later; returns their offset from the front, to
 * be used with trp_buffer's front after success. */
static inline size_t trp_emit_gap(struct trp_buffer *out, size_t width)
{
    size_t at = trp_buffer_size(out);

    trp_emit_le(out, 0, width);
    return at;
}

#endif
