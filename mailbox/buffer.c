/* SPDX-License-Identifier: MIT
 * buffer.c - growing by doubling, never past the limit. */
#include "mailbox/buffer.h"

#include <string.h>

#include "mailbox/alloc.h"

enum { BUFFER_FIRST = 256 };

void trp_buffer_init(struct trp_buffer *buffer, size_t limit)
{
    *buffer = (struct trp_buffer){.limit = limit};
}

void trp_buffer_fini(struct trp_buffer *buffer)
{
    trp_free(buffer->bytes);
    *buffer = (struct trp_buffer){.limit = buffer->limit};
}

void trp_buffer_clear(struct trp_buffer *buffer, size_t keep)
{
    buffer->start = buffer->end = 0;
    buffer->status = TROUPE_OK;
    if (buffer->capacity > keep) {
        trp_buffer_fini(buffer);
    }
}

static void move_to_front(struct trp_buffer *buffer)
{
    size_t used = trp_buffer_size(buffer);

    if (buffer->start != 0) {
        if (used != 0) {
            memmove(buffer->bytes, buffer->bytes + buffer->start, used);
        }
        buffer->start = 0;
        buffer->end = used;
    }
}

static troupe_status grow(struct trp_buffer *buffer, size_t size)
{
    size_t used = trp_buffer_size(buffer);

    if (size > buffer->limit || used > buffer->limit - size) {
        return TROUPE_ELIMIT;
    }
    /* Moving is cheaper than growing, but only worth it when it frees half the room. */
    if (buffer->bytes != NULL && buffer->start >= buffer->capacity / 2 &&
        used + size <= buffer->capacity) {
        move_to_front(buffer);
        return TROUPE_OK;
    }
    move_to_front(buffer);
    if (used + size <= buffer->capacity && buffer->bytes != NULL) {
        return TROUPE_OK;
    }
    size_t capacity = buffer->capacity != 0          ? buffer->capacity
                      : buffer->limit < BUFFER_FIRST ? buffer->limit
                                                     : BUFFER_FIRST;
    while (capacity < used + size) {
        capacity = capacity > buffer->limit / 2 ? buffer->limit : capacity * 2;
    }
    uint8_t *bytes = trp_realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        return TROUPE_ENOMEM;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return TROUPE_OK;
}

uint8_t *trp_buffer_reserve(struct trp_buffer *buffer, size_t size)
{
    if (buffer->status != TROUPE_OK) {
        return NULL;
    }
    if (buffer->capacity - buffer->end < size || buffer->bytes == NULL) {
        buffer->status = grow(buffer, size);
        if (buffer->status != TROUPE_OK) {
            return NULL;
        }
    }
    return buffer->bytes + buffer->end;
}

void trp_buffer_wrote(struct trp_buffer *buffer, size_t size)
{
    buffer->end += size;
}

troupe_status trp_buffer_add(struct trp_buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0) {
        return buffer->status;
    }
    uint8_t *room = trp_buffer_reserve(buffer, size);
    if (room != NULL) {
        memcpy(room, bytes, size);
        buffer->end += size;
    }
    return buffer->status;
}

void trp_buffer_consume(struct trp_buffer *buffer, size_t size)
{
    size_t used = trp_buffer_size(buffer);

    buffer->start += size < used ? size : used;
    if (buffer->start == buffer->end) {
        buffer->start = buffer->end = 0;
    }
}

uint8_t *trp_buffer_take(struct trp_buffer *buffer, size_t *size)
{
    *size = trp_buffer_size(buffer);
    if (*size == 0) {
        return NULL;
    }
    move_to_front(buffer);
    uint8_t *bytes = buffer->bytes;
    *buffer = (struct trp_buffer){.limit = buffer->limit};
    return bytes;
}
