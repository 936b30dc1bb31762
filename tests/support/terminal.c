/* SPDX-License-Identifier: MIT
 * terminal.c - a program on a terminal of its own. */
#include "tests/support/terminal.h"

#include <pty.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"

enum { WORDS = 16 };

static void child(const char *const *argv, const char *const *environment)
{
    char *args[WORDS + 1] = {NULL};

    for (size_t i = 0; argv[i] != NULL && i < WORDS; i++) {
        args[i] = strdup(argv[i]);
    }
    for (size_t i = 0; environment[i] != NULL; i++) {
        char *name = strdup(environment[i]);
        char *value = strchr(name, '=');
        *value = 0;
        (void)setenv(name, value + 1, 1);
    }
    (void)execv(args[0], args);
    _exit(127);
}

void terminal_start(struct terminal *terminal, const char *const *argv,
                    const char *const *environment)
{
    struct winsize size = {.ws_row = 40, .ws_col = 132};

    terminal->seen = 0;
    terminal->text[0] = 0;
    terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
    ck_assert_int_ge(terminal->pid, 0);
    if (terminal->pid == 0) {
        child(argv, environment);
    }
}

void terminal_type(struct terminal *terminal, const char *keys)
{
    ck_assert_int_eq(write(terminal->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Appends what comes next; false at the end, which a terminal shows as an error. */
static bool read_more(struct terminal *terminal)
{
    size_t size = strlen(terminal->text);

    ck_assert_uint_lt(size, TERMINAL_TEXT - 1);
    ssize_t got = read(terminal->fd, terminal->text + size, TERMINAL_TEXT - 1 - size);
    terminal->text[size + (got > 0 ? (size_t)got : 0)] = 0;
    return got > 0;
}

void terminal_expect(struct terminal *terminal, const char *text)
{
    const char *found;

    while ((found = strstr(terminal->text + terminal->seen, text)) == NULL) {
        ck_assert_msg(read_more(terminal), "'%s' did not come, but:\n%s", text,
                      terminal->text + terminal->seen);
    }
    terminal->seen = (size_t)(found - terminal->text) + strlen(text);
}

int terminal_wait(struct terminal *terminal)
{
    int status;

    while (read_more(terminal)) {
    }
    (void)close(terminal->fd);
    ck_assert_int_eq(waitpid(terminal->pid, &status, 0), terminal->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
