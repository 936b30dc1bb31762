/* SPDX-License-Identifier: MIT
 * cmd_q_recode.c - `troupe q recode`: each line of stdin is a q message in hex; prints
 * the message that its value encodes to, in the same form (byte order, message type,
 * compression), or `error: reason`. */
#include <stdio.h>
#include <string.h>

#include "mailbox/emit.h"
#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_compress.h"

/* The longest line, in bytes. */
#define LINE_MAX_BYTES ((size_t)512 << 20)

static int digit(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line without its end; false: there is no more. */
static bool read_line(struct trp_buffer *line)
{
    char piece[4096];
    bool any = false;

    trp_buffer_clear(line, SIZE_MAX);
    while (fgets(piece, sizeof(piece), stdin) != NULL) {
        size_t size = strcspn(piece, "\r\n");
        any = true;
        trp_emit_bytes(line, piece, size); /* too long: sticks in line->status */
        if (piece[size] != 0) {
            break;
        }
    }
    return any;
}

static bool parse_hex(const struct trp_buffer *line, struct trp_buffer *bytes)
{
    const uint8_t *text = trp_buffer_front(line);
    size_t size = trp_buffer_size(line);

    trp_buffer_clear(bytes, SIZE_MAX);
    for (size_t i = 0; i + 1 < size; i += 2) {
        int high = digit(text[i]), low = digit(text[i + 1]);
        uint8_t byte = (uint8_t)(high * 16 + low);
        if (high < 0 || low < 0 || trp_buffer_add(bytes, &byte, 1) != TROUPE_OK) {
            return false;
        }
    }
    return size % 2 == 0;
}

static troupe_status compress_again(struct trp_buffer *message, unsigned form,
                                    struct trp_q_why *why)
{
    struct trp_buffer packed;

    trp_buffer_init(&packed, trp_buffer_size(message));
    troupe_status status = trp_q_compress(trp_buffer_front(message),
                                          trp_buffer_size(message), form, &packed);
    if (status == TROUPE_OK) {
        trp_buffer_fini(message);
        *message = packed;
        return TROUPE_OK;
    }
    trp_buffer_fini(&packed);
    if (status == TROUPE_EUNSUPPORTED) { /* too little to gain: plain is right */
        return TROUPE_OK;
    }
    *why = (struct trp_q_why){"no memory", 0};
    return status;
}

static troupe_status recode(const struct trp_buffer *in, struct trp_buffer *out,
                            struct trp_q_why *why)
{
    const struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_header header;
    troupe_q_value *value = NULL;
    troupe_status status = trp_q_decode(trp_buffer_front(in), trp_buffer_size(in), NULL,
                                        &limits, &value, why);

    if (status == TROUPE_OK) {
        status = trp_q_header_read(trp_buffer_front(in), trp_buffer_size(in), &limits,
                                   &header, why);
    }
    if (status == TROUPE_OK) {
        struct trp_q_encoding how = {
            .kind = header.kind, .capability = TRP_Q_CAPABILITY, .big = header.big};
        status = trp_q_encode(value, &how, out, why);
    }
    if (status == TROUPE_OK && header.compression != 0) {
        status = compress_again(out, header.compression, why);
    }
    troupe_q_unref(&value);
    return status;
}

static void print_hex(const struct trp_buffer *bytes)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = trp_buffer_front(bytes);

    for (size_t i = 0; i < trp_buffer_size(bytes); i++) {
        (void)putchar(digits[at[i] >> 4]);
        (void)putchar(digits[at[i] & 15]);
    }
    (void)putchar('\n');
}

static void recode_line(const struct trp_buffer *line, struct trp_buffer *bytes)
{
    struct trp_q_why why = {"", 0};
    struct trp_buffer out;

    if (line->status != TROUPE_OK) {
        (void)puts("error: line too long");
        return;
    }
    if (!parse_hex(line, bytes)) {
        (void)puts("error: not hex");
        return;
    }
    trp_buffer_init(&out, SIZE_MAX / 4);
    if (recode(bytes, &out, &why) == TROUPE_OK) {
        print_hex(&out);
    } else {
        (void)printf("error: %s at byte %llu\n", why.text, (unsigned long long)why.at);
    }
    trp_buffer_fini(&out);
}

int trp_cmd_q_recode(int argc, char **argv)
{
    struct trp_buffer line, bytes;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)puts("usage: troupe q recode < LINES-OF-HEX");
        return 0;
    }
    if (argc != 1) {
        return trp_cmd_fail(2, "usage: troupe q recode < LINES-OF-HEX");
    }
    trp_buffer_init(&line, LINE_MAX_BYTES);
    trp_buffer_init(&bytes, LINE_MAX_BYTES);
    while (read_line(&line)) {
        recode_line(&line, &bytes);
        (void)fflush(stdout);
    }
    trp_buffer_fini(&line);
    trp_buffer_fini(&bytes);
    return ferror(stdin) != 0 ? trp_cmd_fail(1, "stdin cannot be read") : 0;
}
