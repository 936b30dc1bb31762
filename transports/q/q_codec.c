/* SPDX-License-Identifier: MIT
 * q_codec.c - headers and whole messages. */
#include "transports/q/q_codec.h"

#include "mailbox/alloc.h"
#include "mailbox/cursor.h"
#include "mailbox/emit.h"
#include "transports/q/q_compress.h"

enum {
    HOME = 16, /* bytes before a message; 2 of them shift it */
    SHIFT =
        2 /* 14 bytes of header lie before the items of a vector: 14 + 2 is even to 16 */
};

static troupe_status refuse(troupe_status status, const char *text, uint64_t at,
                            struct trp_q_why *why)
{
    *why = (struct trp_q_why){text, at};
    return status;
}

troupe_status trp_q_header_read(const uint8_t *bytes, size_t size,
                                const struct trp_q_limits *limits,
                                struct trp_q_header *out, struct trp_q_why *why)
{
    struct trp_cursor in = trp_cursor_on(bytes, size);
    struct trp_q_header header = {.big = false};
    uint64_t order = trp_cursor_le(&in, 1);

    header.kind = (uint8_t)trp_cursor_le(&in, 1);
    header.compression = (uint8_t)trp_cursor_le(&in, 1);
    header.big = order == 0;
    header.total = trp_cursor_le(&in, 1) << 32;
    header.total |= header.big ? trp_cursor_be(&in, 4) : trp_cursor_le(&in, 4);
    if (in.short_of) {
        return TROUPE_EAGAIN;
    }
    if (order > 1) {
        return refuse(TROUPE_EPROTO, "unknown byte order", 0, why);
    }
    if (header.kind > TRP_Q_RESPONSE) {
        return refuse(TROUPE_EPROTO, "unknown message type", 1, why);
    }
    if (header.compression > 2) {
        return refuse(TROUPE_EPROTO, "unknown compression", 2, why);
    }
    if (header.total < TRP_Q_TOTAL_MIN ||
        (header.compression != 0 && header.total < 8 + 4U * header.compression)) {
        return refuse(TROUPE_EPROTO, "length too small", 4, why);
    }
    if (header.total > limits->message) {
        return refuse(TROUPE_ELIMIT, "message larger than allowed", 4, why);
    }
    *out = header;
    return TROUPE_OK;
}

void trp_q_header_write(uint8_t to[TRP_Q_HEADER], const struct trp_q_header *header)
{
    to[0] = header->big ? 0 : 1;
    to[1] = header->kind;
    to[2] = header->compression;
    to[3] = (uint8_t)(header->total >> 32);
    if (header->big) {
        trp_put_be(to + 4, header->total & UINT32_MAX, 4);
    } else {
        trp_put_le(to + 4, header->total & UINT32_MAX, 4);
    }
}

uint8_t *trp_q_message_resize(uint8_t *message, size_t size)
{
    uint8_t *memory = message != NULL ? message - HOME - SHIFT : NULL;

    memory =
        size > SIZE_MAX - HOME - SHIFT ? NULL : trp_realloc(memory, HOME + SHIFT + size);
    return memory != NULL ? memory + HOME + SHIFT : NULL;
}

uint8_t *trp_q_message_new(size_t size)
{
    return trp_q_message_resize(NULL, size);
}

void trp_q_message_free(uint8_t *message)
{
    if (message != NULL) {
        trp_free(message - HOME - SHIFT);
    }
}

static void drop_message(void *message)
{
    trp_q_message_free(message);
}

troupe_status trp_q_message_blob(uint8_t *message, size_t size, troupe_blob **out)
{
    return troupe_blob_wrap(message, size, drop_message, message, out);
}

void trp_q_swap(void *to, const void *from, size_t count, size_t width)
{
    uint8_t *out = to;
    const uint8_t *in = from;

    if (width == 8) {
        for (size_t i = 0; i < count; i++) {
            uint64_t x;
            memcpy(&x, in + 8 * i, 8);
            x = __builtin_bswap64(x);
            memcpy(out + 8 * i, &x, 8);
        }
    } else if (width == 4) {
        for (size_t i = 0; i < count; i++) {
            uint32_t x;
            memcpy(&x, in + 4 * i, 4);
            x = __builtin_bswap32(x);
            memcpy(out + 4 * i, &x, 4);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            out[2 * i] = in[2 * i + 1];
            out[2 * i + 1] = in[2 * i];
        }
    }
}

/* Decompresses into memory of its own and decodes that. */
static troupe_status decode_packed(const uint8_t *message, size_t size,
                                   const struct trp_q_header *header,
                                   const struct trp_q_limits *limits,
                                   troupe_q_value **out, struct trp_q_why *why)
{
    size_t plain_size = 0;
    troupe_blob *owner = NULL;
    troupe_status status =
        trp_q_plain_size(message, size, header, limits, &plain_size, why);

    if (status != TROUPE_OK) {
        return status;
    }
    if (limits->memory != 0 && plain_size > limits->memory) {
        return refuse(TROUPE_ELIMIT, "the value takes too much memory", 0, why);
    }
    uint8_t *plain = trp_q_message_new(plain_size + TRP_Q_SLACK);
    if (plain == NULL) {
        return refuse(TROUPE_ENOMEM, "no memory", 0, why);
    }
    status = trp_q_decompress(message, size, header, plain, plain_size, why);
    if (status == TROUPE_OK &&
        trp_q_message_blob(plain, plain_size, &owner) != TROUPE_OK) {
        status = refuse(TROUPE_ENOMEM, "no memory", 0, why);
    }
    if (status == TROUPE_OK) {
        status = trp_q_decode_body(plain + TRP_Q_HEADER, plain_size - TRP_Q_HEADER,
                                   header, owner, limits, out, why);
        troupe_blob_unref(&owner);
    } else {
        trp_q_message_free(plain);
    }
    return status;
}

troupe_status trp_q_decode(const uint8_t *message, size_t size, troupe_blob *owner,
                           const struct trp_q_limits *limits, troupe_q_value **out,
                           struct trp_q_why *why)
{
    struct trp_q_header header;
    troupe_status status = trp_q_header_read(message, size, limits, &header, why);

    if (status == TROUPE_EAGAIN || (status == TROUPE_OK && header.total > size)) {
        return refuse(TROUPE_ETRUNCATED, "message is incomplete", size, why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    if (header.total < size) {
        return refuse(TROUPE_EPROTO, "bytes after the message", header.total, why);
    }
    if (header.compression != 0) {
        return decode_packed(message, size, &header, limits, out, why);
    }
    return trp_q_decode_body(message + TRP_Q_HEADER, size - TRP_Q_HEADER, &header, owner,
                             limits, out, why);
}
