/* SPDX-License-Identifier: MIT
 * fuzz_q_compress.c - what packs, unpacks to itself; anything unpacks to its promised
 * size or is refused. The first byte chooses the direction, byte order and form. */
#include <stdlib.h>

#include "mailbox/alloc.h"
#include "mailbox/buffer.h"
#include "transports/q/q_compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct trp_q_limits limits = {.message = 4000, .plain = 65536, .depth = 20};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* NULL: refused. */
static uint8_t *unpack(const uint8_t *message, size_t size, size_t *plain_size)
{
    struct trp_q_header header;
    struct trp_q_why why;

    if (trp_q_header_read(message, size, &limits, &header, &why) != TROUPE_OK ||
        trp_q_plain_size(message, size, &header, &limits, plain_size, &why) !=
            TROUPE_OK) {
        return NULL;
    }
    must(*plain_size <= limits.plain);
    uint8_t *plain = trp_alloc(*plain_size + TRP_Q_SLACK);
    must(plain != NULL);
    if (trp_q_decompress(message, size, &header, plain, *plain_size, &why) != TROUPE_OK) {
        trp_free(plain);
        return NULL;
    }
    return plain;
}

static void pack_and_unpack(uint8_t *plain, size_t size,
                            const struct trp_q_header *header)
{
    struct trp_buffer packed;
    size_t back_size = 0;

    trp_buffer_init(&packed, 1 << 16);
    trp_q_header_write(plain, header);
    if (trp_q_compress(plain, size, header->compression, &packed) == TROUPE_OK) {
        must(trp_buffer_size(&packed) <= size / 2);
        uint8_t *back =
            unpack(trp_buffer_front(&packed), trp_buffer_size(&packed), &back_size);
        struct trp_q_header bare = *header;
        bare.compression = 0;
        trp_q_header_write(plain, &bare);
        must(back != NULL && back_size == size && memcmp(back, plain, size) == 0);
        trp_free(back);
    }
    trp_buffer_fini(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t back_size = 0;

    if (size < 4) {
        return 0;
    }
    struct trp_q_header header = {.total = size - 1 + TRP_Q_HEADER,
                                  .kind = TRP_Q_RESPONSE,
                                  .compression = (data[0] & 2) != 0 ? 2 : 1,
                                  .big = (data[0] & 4) != 0};
    uint8_t *message = trp_alloc((size_t)header.total);
    must(message != NULL);
    trp_q_header_write(message, &header);
    memcpy(message + TRP_Q_HEADER, data + 1, size - 1);
    if ((data[0] & 1) != 0) {
        pack_and_unpack(message, (size_t)header.total, &header);
    } else {
        trp_free(unpack(message, (size_t)header.total, &back_size));
    }
    trp_free(message);
    return 0;
}
