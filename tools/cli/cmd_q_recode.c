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
    const struct trp_q_limits limits = TRP_Q_LIMITS;
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
    if (trp_q_recode(trp_buffer_front(bytes), trp_buffer_size(bytes), &limits, &out,
                     &why) == TROUPE_OK) {
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
    while (ferror(stdout) == 0 && read_line(&line)) {
        recode_line(&line, &bytes);
        (void)fflush(stdout); /* the program says so when that fails */
    }
    trp_buffer_fini(&line);
    trp_buffer_fini(&bytes);
    return ferror(stdin) != 0 ? trp_cmd_fail(1, "stdin cannot be read") : 0;
}
