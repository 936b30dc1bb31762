/* SPDX-License-Identifier: MIT
 * cursor.h - reading bytes that came from outside.
 *
 * Reading past the end yields zeroes and sets `short_of`, so a header is read in one
 * breath and checked once. Work on a copy and assign it back when all was there. */
#ifndef TRP_MAILBOX_CURSOR_H
#define TRP_MAILBOX_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct trp_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_of; /* something was read that is not there */
};

static inline struct trp_cursor trp_cursor_on(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    return (struct trp_cursor){.at = at, .end = size != 0 ? at + size : at};
}

static inline size_t trp_cursor_left(const struct trp_cursor *in)
{
    return (size_t)(in->end - in->at);
}

/* The next `size` bytes, borrowed, or NULL (and short_of) when they are not all there. */
static inline const uint8_t *trp_cursor_take(struct trp_cursor *in, size_t size)
{
    if (in->short_of || size > trp_cursor_left(in)) {
        in->short_of = true;
        return NULL;
    }
    const uint8_t *bytes = in->at;
    in->at += size;
    return bytes;
}

/* An unsigned number of 1 to 8 bytes, most significant first (be) or last (le). */
static inline uint64_t trp_cursor_be(struct trp_cursor *in, size_t width)
{
    const uint8_t *bytes = trp_cursor_take(in, width);
    uint64_t value = 0;

    for (size_t i = 0; bytes != NULL && i < width; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static inline uint64_t trp_cursor_le(struct trp_cursor *in, size_t width)
{
    const uint8_t *bytes = trp_cursor_take(in, width);
    uint64_t value = 0;

    for (size_t i = 0; bytes != NULL && i < width; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

/* A text that ends with NUL, borrowed; *length without the NUL. NULL (and short_of) when
 * there is no NUL. */
static inline const char *trp_cursor_text(struct trp_cursor *in, size_t *length)
{
    size_t left = trp_cursor_left(in);
    const uint8_t *nul = in->short_of || left == 0 ? NULL : memchr(in->at, 0, left);

    if (nul == NULL) {
        in->short_of = true;
        return NULL;
    }
    const char *text = (const char *)in->at;
    *length = (size_t)(nul - in->at);
    in->at = nul + 1;
    return text;
}

#endif
