/* SPDX-License-Identifier: MIT
 * q_reader.h - lines typed into a console: edited and remembered on a terminal, plain
 * without one. */
#ifndef TRP_TOOLS_Q_READER_H
#define TRP_TOOLS_Q_READER_H

#include <stdbool.h>

#include "mailbox/buffer.h"
#include "tools/cli/q_signals.h"

enum {
    TRP_Q_HISTORY_LINES = 1000,
    TRP_Q_ENTRY_MAX = 16 << 20, /* bytes of an entry: one statement */
    TRP_Q_PROMPT_MAX = 256,
    TRP_Q_PATH_MAX = 1024
};

enum trp_q_read {
    TRP_Q_READ_ENTRY,
    TRP_Q_READ_INTERRUPTED, /* what was typed is dropped */
    TRP_Q_READ_END,         /* of the input, or the program is asked to end */
    TRP_Q_READ_FAILED       /* an entry is too long, or there is no memory */
};

struct trp_q_reader {
    struct trp_q_signals *signals;
    bool terminal, ended;
    bool interrupted; /* the line that was typed */
    char prompt[TRP_Q_PROMPT_MAX];
    struct trp_buffer input; /* read, and not taken */
    struct trp_buffer entry; /* NUL-terminated once complete */
    void *editor, *past;     /* of libedit */
    char history[TRP_Q_PATH_MAX];
};

/* Reads standard input; `signals` is open and stays so. Prints why not; returns the exit
 * code. */
int trp_q_reader_open(struct trp_q_signals *signals, struct trp_q_reader *reader);

/* Remembers what was typed, for the next time. */
void trp_q_reader_close(struct trp_q_reader *reader);

/* Reads one entry: a line, or several as long as brackets are open; an empty line ends it
 * in any case. The text is in reader->entry, without the last line's end, NUL-terminated;
 * lines are joined by a line end and a blank, as a script would have them. */
enum trp_q_read trp_q_reader_next(struct trp_q_reader *reader, const char *prompt);

/* Whether brackets, or a string, are open at the end of a q text. */
bool trp_q_text_is_open(const char *text, size_t size);

#endif
