/* SPDX-License-Identifier: MIT
 * process.c - programs that a test starts. */
#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"

static void child(const char *input, const char *const *argv, int out, int err)
{
    char *args[PROCESS_ARGS + 1] = {NULL};
    int in[2];

    for (size_t i = 0; argv[i] != NULL && i < PROCESS_ARGS; i++) {
        args[i] = strdup(argv[i]);
    }
    if (pipe(in) != 0 || dup2(in[0], STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(err, STDERR_FILENO) < 0) {
        _exit(127);
    }
    size_t size = input != NULL ? strlen(input) : 0; /* fits into a pipe */
    if (size > 0 && write(in[1], input, size) != (ssize_t)size) {
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(in[1]);
    (void)execv(args[0], args);
    _exit(127);
}

void process_start(struct process *process, const char *input, const char *const *argv)
{
    int out[2], err[2];

    ck_assert_int_eq(pipe(out), 0);
    ck_assert_int_eq(pipe(err), 0);
    (void)fcntl(out[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(err[0], F_SETFD, FD_CLOEXEC);
    process->text[0] = process->error[0] = 0;
    process->pid = fork();
    ck_assert_int_ge(process->pid, 0);
    if (process->pid == 0) {
        child(input, argv, out[1], err[1]);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    process->out = out[0];
    process->err = err[0];
}

/* Appends what comes next; false at the end. */
static bool read_more(int fd, char *text)
{
    size_t size = strlen(text);

    ck_assert_uint_lt(size, PROCESS_TEXT - 1);
    ssize_t got = read(fd, text + size, PROCESS_TEXT - 1 - size);
    text[size + (got > 0 ? (size_t)got : 0)] = 0;
    return got > 0;
}

bool process_expect(struct process *process, const char *text)
{
    while (strstr(process->text, text) == NULL) {
        if (!read_more(process->out, process->text)) {
            return false;
        }
    }
    return true;
}

int process_wait(struct process *process)
{
    int status;

    while (read_more(process->out, process->text)) {
    }
    while (read_more(process->err, process->error)) {
    }
    (void)close(process->out);
    (void)close(process->err);
    ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_run(struct process *process, const char *input, const char *const *argv)
{
    process_start(process, input, argv);
    return process_wait(process);
}

uint16_t process_serve(struct process *process, const char *const *extra)
{
    const char *argv[PROCESS_ARGS] = {TRP_PROGRAM, "q", "serve", "-p", "0"};
    size_t count = 5;

    while (extra != NULL && *extra != NULL) {
        argv[count++] = *extra++;
    }
    argv[count] = NULL;
    process_start(process, NULL, argv);
    ck_assert(process_expect(process, "\n"));
    const char *number = strstr(process->text, "listening on port ");
    ck_assert_ptr_nonnull(number);
    return (uint16_t)strtoul(number + strlen("listening on port "), NULL, 10);
}
