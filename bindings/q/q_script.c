/* SPDX-License-Identifier: MIT
 * q_script.c - the statements of a q script, one by one.
 *
 * A line that begins with a blank, or is a closing brace, goes on with the statement
 * before. A line that begins with / is a comment, and so is what follows a blank and / on
 * a line, except in a string. A line that is / alone begins a comment that a line of \
 * alone ends; elsewhere such a line ends the script. */
#include <string.h>

#include "bindings/q/q_connection.h"

#include "mailbox/alloc.h"

struct line {
    const char *text;
    size_t size;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct line next_line(const struct trp_q_reader *reader, const char **after)
{
    size_t left = (size_t)(reader->end - reader->at);
    const char *feed = memchr(reader->at, '\n', left);
    const char *end = feed != NULL ? feed : reader->end;

    *after = feed != NULL ? feed + 1 : reader->end;
    while (end > reader->at && (blank(end[-1]) || end[-1] == '\r')) {
        end--;
    }
    return (struct line){reader->at, (size_t)(end - reader->at)};
}

static bool is(struct line line, char c)
{
    return line.size == 1 && line.text[0] == c;
}

static troupe_status put(struct trp_q_reader *reader, char c)
{
    enum { FIRST = 256 };

    if (reader->size == reader->capacity) {
        size_t capacity = reader->capacity != 0 ? reader->capacity * 2 : FIRST;
        char *text = trp_realloc(reader->text, capacity);
        if (text == NULL) {
            return TROUPE_ENOMEM;
        }
        reader->text = text;
        reader->capacity = capacity;
    }
    reader->text[reader->size++] = c;
    return TROUPE_OK;
}

static void trim(struct trp_q_reader *reader)
{
    while (reader->size > 0 && blank(reader->text[reader->size - 1])) {
        reader->size--;
    }
}

/* A line goes to the statement, without its comment; *string: inside a string at its end,
 * which then goes on after the line end. */
static troupe_status put_line(struct trp_q_reader *reader, struct line line, bool *string)
{
    troupe_status status = TROUPE_OK;

    if (reader->size > 0) {
        status = put(reader, *string ? '\n' : ' ');
    }
    for (size_t i = 0; i < line.size && status == TROUPE_OK; i++) {
        char c = line.text[i];
        bool comment = c == '/' && !*string && (i == 0 || blank(line.text[i - 1]));
        if (comment) {
            trim(reader);
            break;
        }
        status = put(reader, c);
        if (c == '\\' && *string && i + 1 < line.size && status == TROUPE_OK) {
            status = put(reader, line.text[++i]);
        } else if (c == '"') {
            *string = !*string;
        }
    }
    return status;
}

/* Skips what belongs to no statement; false at the end. */
static bool find_statement(struct trp_q_reader *reader)
{
    while (reader->at < reader->end && !reader->stopped) {
        const char *after;
        struct line line = next_line(reader, &after);
        if (reader->block) {
            reader->block = !is(line, '\\');
        } else if (is(line, '/')) {
            reader->block = true;
        } else if (is(line, '\\')) {
            reader->stopped = true;
        } else if (line.size > 0 && line.text[0] != '/' && !blank(line.text[0])) {
            return true;
        }
        reader->at = after;
    }
    return false;
}

static bool goes_on(struct line line, bool string)
{
    return line.size == 0 || string || blank(line.text[0]) || is(line, '}') ||
           (line.text[0] == '/' && line.size > 1);
}

troupe_status trp_q_reader_next(struct trp_q_reader *reader)
{
    bool string = false;

    reader->size = 0;
    if (!find_statement(reader)) {
        return TROUPE_EAGAIN;
    }
    do {
        const char *after;
        struct line line = next_line(reader, &after);
        if (reader->size > 0 && !goes_on(line, string)) {
            break;
        }
        if (line.size > 0 || string) {
            troupe_status status = put_line(reader, line, &string);
            if (status != TROUPE_OK) {
                return status;
            }
        }
        reader->at = after;
    } while (reader->at < reader->end);
    trim(reader);
    return TROUPE_OK;
}
