/* SPDX-License-Identifier: MIT
 * q_script.c - the far end of a stream pair. */
#include "tests/protocol/q_script.h"

#include <stdio.h>
#include <string.h>

void script_write(struct trp_stream *far, const void *bytes, size_t size, size_t piece)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        size_t now = piece != 0 && piece < size ? piece : size;
        ck_assert_int_eq(trp_stream_write(far, at, now), TROUPE_OK);
        at += now;
        size -= now;
        settle();
    }
}

void script_encode(struct trp_buffer *out, uint8_t kind, const char *text)
{
    struct trp_q_encoding how = {.kind = kind, .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why;
    troupe_q_value *value = NULL;

    trp_buffer_init(out, 1 << 20);
    if (text[0] == '\'') {
        ck_assert_int_eq(troupe_q_error(text + 1, TROUPE_Q_Z, &value), TROUPE_OK);
    } else {
        ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &value), TROUPE_OK);
    }
    ck_assert_int_eq(trp_q_encode(value, &how, out, &why), TROUPE_OK);
    troupe_q_unref(&value);
}

void script_message(struct trp_stream *far, uint8_t kind, const char *text, size_t piece)
{
    struct trp_buffer bytes;

    script_encode(&bytes, kind, text);
    script_write(far, trp_buffer_front(&bytes), trp_buffer_size(&bytes), piece);
    trp_buffer_fini(&bytes);
}

void script_expect(struct trp_stream *far, const void *bytes, size_t size)
{
    size_t got;
    const uint8_t *view = trp_stream_view(far, &got);

    ck_assert_uint_eq(got, size);
    ck_assert_mem_eq(view, bytes, size);
    trp_stream_consume(far, size);
    settle();
}

const char *script_text(const troupe_q_value *value)
{
    static char text[256];
    size_t size = 0;
    const char *bytes = troupe_q_text(value, &size);

    ck_assert_ptr_nonnull(bytes);
    (void)snprintf(text, sizeof(text), "%s%.*s",
                   troupe_q_type(value) == TROUPE_Q_ERROR ? "'" : "", (int)size, bytes);
    return text;
}

void script_expect_message(struct trp_stream *far, uint8_t kind, const char *text)
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_header header;
    struct trp_q_why why;
    troupe_q_value *value = NULL;
    size_t size;
    const uint8_t *view = trp_stream_view(far, &size);

    ck_assert_int_eq(trp_q_header_read(view, size, &limits, &header, &why), TROUPE_OK);
    ck_assert_uint_le(header.total, size);
    ck_assert_uint_eq(header.kind, kind);
    ck_assert_int_eq(
        trp_q_decode(view, (size_t)header.total, NULL, &limits, &value, &why), TROUPE_OK);
    ck_assert_str_eq(script_text(value), text);
    troupe_q_unref(&value);
    trp_stream_consume(far, (size_t)header.total);
    settle();
}

void script_expect_nothing(struct trp_stream *far)
{
    size_t size;

    (void)trp_stream_view(far, &size);
    ck_assert_uint_eq(size, 0);
}

bool script_closed(const struct trp_stream *far)
{
    return far->ended != TROUPE_OK;
}
