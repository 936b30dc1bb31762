/* SPDX-License-Identifier: MIT
 * q_recode.c - a message decoded and encoded again in the same form. */
#include "transports/q/q_codec.h"
#include "transports/q/q_compress.h"

static troupe_status pack(const struct trp_buffer *plain, unsigned form,
                          struct trp_buffer *out)
{
    const uint8_t *bytes = trp_buffer_front(plain);
    size_t size = trp_buffer_size(plain);
    troupe_status status = trp_q_compress(bytes, size, form, out);

    /* Too little to gain: then the plain message is the right one. */
    return status == TROUPE_EUNSUPPORTED ? trp_buffer_add(out, bytes, size) : status;
}

troupe_status trp_q_recode(const uint8_t *message, size_t size,
                           const struct trp_q_limits *limits, struct trp_buffer *out,
                           struct trp_q_why *why)
{
    struct trp_q_header header = {.total = 0};
    struct trp_buffer plain;
    troupe_q_value *value = NULL;
    troupe_status status = trp_q_decode(message, size, NULL, limits, &value, why);

    if (status == TROUPE_OK) {
        status = trp_q_header_read(message, size, limits, &header, why);
    }
    struct trp_q_encoding how = {
        .kind = header.kind, .capability = TRP_Q_CAPABILITY, .big = header.big};
    trp_buffer_init(&plain, out->limit);
    if (status == TROUPE_OK) {
        status = trp_q_encode(value, &how, header.compression != 0 ? &plain : out, why);
    }
    if (status == TROUPE_OK && header.compression != 0) {
        status = pack(&plain, header.compression, out);
        *why = (struct trp_q_why){"no memory", 0};
    }
    trp_buffer_fini(&plain);
    troupe_q_unref(&value);
    return status;
}
