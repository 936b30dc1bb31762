/* SPDX-License-Identifier: MIT
 * fuzz_q_codec.c - whatever decodes, encodes to the same bytes and can be printed;
 * whatever does not, leaves its output alone. The first byte chooses byte order and
 * message kind. */
#include <stdlib.h>

#include "mailbox/buffer.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void encode_again(const troupe_q_value *value, const struct trp_q_header *header,
                         const uint8_t *message)
{
    struct trp_q_encoding how = {
        .kind = header->kind, .capability = TRP_Q_CAPABILITY, .big = header->big};
    struct trp_buffer out;
    struct trp_q_why why;

    trp_buffer_init(&out, 1 << 20);
    must(trp_q_encode(value, &how, &out, &why) == TROUPE_OK);
    must(trp_buffer_size(&out) == header->total);
    must(memcmp(trp_buffer_front(&out), message, header->total) == 0);
    trp_buffer_fini(&out);
}

static void print(const troupe_q_value *value)
{
    const struct trp_q_format console = {.rows = TRP_Q_ROWS, .columns = TRP_Q_COLUMNS};
    const struct trp_q_format whole = {.rows = 0};
    struct trp_buffer out;

    trp_buffer_init(&out, 1 << 26);
    trp_q_print(&out, value, &console);
    must(out.status == TROUPE_OK);
    trp_buffer_clear(&out, SIZE_MAX);
    trp_q_print_line(&out, value, &whole);
    must(out.status == TROUPE_OK);
    trp_buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct trp_q_limits limits = {.message = 11000, .plain = 11000, .depth = 20};
    troupe_q_value *value = NULL;
    troupe_blob *owner = NULL;
    struct trp_q_why why = {NULL, 0};

    if (size < 3) {
        return 0;
    }
    struct trp_q_header header = {.total = size - 1 + TRP_Q_HEADER,
                                  .kind = (uint8_t)((data[0] >> 1) % 3),
                                  .big = (data[0] & 1) != 0};
    uint8_t *message = trp_q_message_new((size_t)header.total);
    must(message != NULL);
    trp_q_header_write(message, &header);
    memcpy(message + TRP_Q_HEADER, data + 1, size - 1);
    must(trp_q_message_blob(message, (size_t)header.total, &owner) == TROUPE_OK);
    troupe_status status =
        trp_q_decode(message, (size_t)header.total, owner, &limits, &value, &why);
    must(header.total <= limits.message || status == TROUPE_ELIMIT);
    if (status == TROUPE_OK) {
        encode_again(value, &header, message);
        must(troupe_q_match(value, value) && troupe_q_memory(value) != 0);
        print(value);
    } else {
        must(value == NULL && why.text != NULL && status != TROUPE_EAGAIN);
    }
    troupe_q_unref(&value);
    troupe_blob_unref(&owner);
    return 0;
}
