/* SPDX-License-Identifier: MIT
 * q_hex.h - q messages as hex text, for tests. */
#ifndef TRP_TESTS_Q_HEX_H
#define TRP_TESTS_Q_HEX_H

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "mailbox/alloc.h"
#include "transports/q/q_codec.h"

struct hex {
    uint8_t *bytes; /* exactly `size`, so that reading past them is seen */
    size_t size;
};

static inline unsigned hex_digit(char c)
{
    ck_assert((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Blanks are skipped. */
static inline struct hex hex_read(const char *text)
{
    struct hex out = {trp_alloc(strlen(text) / 2 + 1), 0};
    bool high = true;

    ck_assert_ptr_nonnull(out.bytes);
    for (; *text != 0; text++) {
        if (*text == ' ') {
            continue;
        }
        if (high) {
            out.bytes[out.size] = (uint8_t)(hex_digit(*text) << 4);
        } else {
            out.bytes[out.size] |= (uint8_t)hex_digit(*text);
            out.size++;
        }
        high = !high;
    }
    ck_assert(high);
    uint8_t *exact = trp_realloc(out.bytes, out.size);
    ck_assert_ptr_nonnull(exact);
    out.bytes = exact;
    return out;
}

/* A little-endian response with this body. */
static inline struct hex hex_message(const char *body)
{
    struct hex inner = hex_read(body);
    struct hex out = {trp_alloc(inner.size + TRP_Q_HEADER), inner.size + TRP_Q_HEADER};
    struct trp_q_header header = {.total = out.size, .kind = TRP_Q_RESPONSE};

    ck_assert_ptr_nonnull(out.bytes);
    trp_q_header_write(out.bytes, &header);
    memcpy(out.bytes + TRP_Q_HEADER, inner.bytes, inner.size);
    trp_free(inner.bytes);
    return out;
}

/* The value of a body that must be right. */
static inline troupe_q_value *hex_value(const char *body)
{
    const struct trp_q_limits limits = TRP_Q_LIMITS;
    struct hex message = hex_message(body);
    struct trp_q_why why = {"", 0};
    troupe_q_value *value = NULL;

    troupe_status status =
        trp_q_decode(message.bytes, message.size, NULL, &limits, &value, &why);
    ck_assert_msg(status == TROUPE_OK, "%s: %s at %d", body, why.text, (int)why.at);
    trp_free(message.bytes);
    return value;
}

#endif
