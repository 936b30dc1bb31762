/* SPDX-License-Identifier: MIT
 * trace_text.c - quoting, and spans of time for people. */
#include "tools/trace/trace_text.h"

#include <inttypes.h>
#include <stdbool.h>

/* The length of the UTF-8 character at `text`, or 0. */
static unsigned utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    unsigned length = c[0] >= 0xf0 && c[0] < 0xf5   ? 4
                      : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
                      : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
                                                    : 0;
    for (unsigned i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool too_long = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    bool no_character = (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf4 && c[1] > 0x8f);
    return too_long || no_character ? 0 : length;
}

void trp_text_quoted(const char *text, FILE *out)
{
    (void)fputc('"', out);
    while (*text != 0) {
        unsigned char c = (unsigned char)*text;
        unsigned length = c < 0x80 ? 1 : utf8(text);
        if (c == '"' || c == '\\') {
            (void)fprintf(out, "\\%c", c);
        } else if (c < ' ' || c == 127 || length == 0) {
            (void)fputc('?', out);
        } else {
            (void)fwrite(text, 1, length, out);
        }
        text += length != 0 ? length : 1;
    }
    (void)fputc('"', out);
}

void trp_text_xml(const char *text, FILE *out)
{
    while (*text != 0) {
        unsigned char c = (unsigned char)*text;
        unsigned length = c < 0x80 ? 1 : utf8(text);
        if (c == '<' || c == '>' || c == '&' || c == '"') {
            (void)fprintf(out, "&#%d;", c);
        } else if (c < ' ' || c == 127 || length == 0) {
            (void)fputc('?', out);
        } else {
            (void)fwrite(text, 1, length, out);
        }
        text += length != 0 ? length : 1;
    }
}

void trp_text_span(uint64_t ns, char *text, size_t size)
{
    const uint64_t second = 1000000000;

    if (ns < 1000) {
        (void)snprintf(text, size, "%" PRIu64 "ns", ns);
    } else if (ns < 1000000) {
        (void)snprintf(text, size, "%.3gus", (double)ns / 1e3);
    } else if (ns < second) {
        (void)snprintf(text, size, "%.3gms", (double)ns / 1e6);
    } else if (ns < 100 * second) {
        (void)snprintf(text, size, "%.1fs", (double)ns / 1e9);
    } else if (ns < 7200 * second) {
        (void)snprintf(text, size, "%" PRIu64 "m%02" PRIu64 "s", ns / second / 60,
                       ns / second % 60);
    } else if (ns < 172800 * second) {
        (void)snprintf(text, size, "%" PRIu64 "h%02" PRIu64 "m", ns / second / 3600,
                       ns / second / 60 % 60);
    } else {
        (void)snprintf(text, size, "%" PRIu64 "d%02" PRIu64 "h", ns / second / 86400,
                       ns / second / 3600 % 24);
    }
}
