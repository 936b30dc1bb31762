/* SPDX-License-Identifier: MIT
 * q_reader.c - entries of a console: lines, put together while brackets are open. */
#include "tools/cli/q_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/cmd.h"
#include "tools/cli/q_editor.h"

enum { READ_SIZE = 64 << 10 };

/* Where a string that begins at `at` ends: behind its closing quote, or the end. */
static size_t after_string(const char *text, size_t size, size_t at)
{
    for (at++; at < size && text[at] != '"'; at++) {
        at += text[at] == '\\';
    }
    return at < size ? at + 1 : size;
}

static bool begins_comment(const char *text, size_t at)
{
    return text[at] == '/' && (at == 0 || text[at - 1] == ' ' || text[at - 1] == '\t' ||
                               text[at - 1] == '\n');
}

bool trp_q_text_is_open(const char *text, size_t size)
{
    size_t at = 0;
    long depth = 0;

    if (size != 0 && text[0] == '\\') {
        return false;
    }
    while (at < size && depth >= 0) {
        if (text[at] == '"') {
            at = after_string(text, size, at);
            continue;
        }
        if (begins_comment(text, at)) {
            const char *stop = memchr(text + at, '\n', size - at);
            at = stop != NULL ? (size_t)(stop - text) : size;
            continue;
        }
        depth += strchr("([{", text[at]) != NULL && text[at] != 0;
        depth -= strchr(")]}", text[at]) != NULL && text[at] != 0;
        at++;
    }
    return depth > 0;
}

/* ---- without a terminal ---- */

/* What the signals tell; true when the reading is over. */
static bool hear(struct trp_q_reader *reader)
{
    char byte;

    while (!reader->ended && read(reader->signals->news, &byte, 1) == 1) {
        reader->ended = byte == TRP_Q_NEWS_INTERRUPT || byte == TRP_Q_NEWS_END;
    }
    return reader->ended;
}

/* More of the input; false: there is none. */
static bool fill(struct trp_q_reader *reader)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = reader->signals->news, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if (hear(reader)) {
        return false;
    }
    uint8_t *room = trp_buffer_reserve(&reader->input, READ_SIZE);
    ssize_t got = room != NULL ? read(STDIN_FILENO, room, READ_SIZE) : 0;
    trp_buffer_wrote(&reader->input, got > 0 ? (size_t)got : 0);
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static size_t line_in(const struct trp_buffer *input)
{
    const uint8_t *front = trp_buffer_front(input);
    const uint8_t *stop =
        front != NULL ? memchr(front, '\n', trp_buffer_size(input)) : NULL;

    return stop != NULL ? (size_t)(stop - front) + 1 : 0;
}

/* The next line with its end, if it has one; NULL: there is none. */
static const char *plain_line(struct trp_q_reader *reader, size_t *size)
{
    size_t line = 0;

    if (hear(reader)) {
        return NULL;
    }
    while ((line = line_in(&reader->input)) == 0) {
        if (!fill(reader)) {
            line = reader->ended ? 0 : trp_buffer_size(&reader->input);
            break;
        }
    }
    *size = line;
    return line != 0 ? (const char *)trp_buffer_front(&reader->input) : NULL;
}

static enum trp_q_read next_line(struct trp_q_reader *reader, const char **line,
                                 size_t *size)
{
    if (reader->terminal) {
        return trp_q_editor_line(reader, line, size);
    }
    *line = plain_line(reader, size);
    if (*line == NULL) {
        return reader->input.status == TROUPE_OK ? TRP_Q_READ_END : TRP_Q_READ_FAILED;
    }
    return TRP_Q_READ_ENTRY;
}

/* ---- entries ---- */

/* Appends a line; true when the entry is complete. */
static bool add_line(struct trp_q_reader *reader, const char *line, size_t size)
{
    struct trp_buffer *entry = &reader->entry;
    size_t end = size;
    bool first = trp_buffer_size(entry) == 0;

    while (end > 0 && (line[end - 1] == '\n' || line[end - 1] == '\r')) {
        end--;
    }
    if ((!first && trp_buffer_add(entry, "\n ", 2) != TROUPE_OK) ||
        trp_buffer_add(entry, line, end) != TROUPE_OK) {
        return true; /* sticks in entry->status */
    }
    return end == 0 || !trp_q_text_is_open((const char *)trp_buffer_front(entry),
                                           trp_buffer_size(entry));
}

enum trp_q_read trp_q_reader_next(struct trp_q_reader *reader, const char *prompt)
{
    enum trp_q_read read = TRP_Q_READ_ENTRY;
    const char *line;
    size_t size;
    bool complete = false;

    trp_buffer_clear(&reader->entry, READ_SIZE);
    (void)snprintf(reader->prompt, sizeof(reader->prompt), "%s", prompt);
    while (read == TRP_Q_READ_ENTRY && !complete) {
        read = next_line(reader, &line, &size);
        if (read == TRP_Q_READ_ENTRY) {
            complete = add_line(reader, line, size);
            if (!reader->terminal) {
                trp_buffer_consume(&reader->input, size);
            }
            memset(reader->prompt, ' ', strlen(reader->prompt));
        }
    }
    bool cut = read == TRP_Q_READ_END && trp_buffer_size(&reader->entry) != 0;
    if (cut && !reader->ended) {
        read = TRP_Q_READ_ENTRY; /* the input ended inside brackets: they are the error */
    }
    if (read == TRP_Q_READ_ENTRY && trp_buffer_add(&reader->entry, "", 1) != TROUPE_OK) {
        read = TRP_Q_READ_FAILED;
    }
    return read;
}

int trp_q_reader_open(struct trp_q_signals *signals, struct trp_q_reader *reader)
{
    *reader = (struct trp_q_reader){.signals = signals};
    reader->terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
    trp_buffer_init(&reader->input, TRP_Q_ENTRY_MAX);
    trp_buffer_init(&reader->entry, TRP_Q_ENTRY_MAX);
    if (reader->terminal && !trp_q_editor_open(reader)) {
        return trp_cmd_fail(1, "the terminal cannot be used for editing");
    }
    return 0;
}

void trp_q_reader_close(struct trp_q_reader *reader)
{
    trp_q_editor_close(reader);
    trp_buffer_fini(&reader->input);
    trp_buffer_fini(&reader->entry);
}
