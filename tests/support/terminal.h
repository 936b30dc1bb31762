/* SPDX-License-Identifier: MIT
 * terminal.h - a program that a test talks to through a terminal of its own. */
#ifndef TRP_TESTS_TERMINAL_H
#define TRP_TESTS_TERMINAL_H

#include <stddef.h>
#include <sys/types.h>

enum { TERMINAL_TEXT = 64 << 10 };

struct terminal {
    pid_t pid;
    int fd;
    size_t seen; /* of the text: what was expected has come */
    char text[TERMINAL_TEXT];
};

/* Starts a program; arguments end with NULL, so do the NAME=VALUE it gets besides. */
void terminal_start(struct terminal *terminal, const char *const *argv,
                    const char *const *environment);

void terminal_type(struct terminal *terminal, const char *keys);

/* Reads until a text has come behind the last one that was expected. */
void terminal_expect(struct terminal *terminal, const char *text);

/* Reads to the end. Returns the exit code, or 128 + signal. */
int terminal_wait(struct terminal *terminal);

#endif
