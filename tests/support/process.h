/* SPDX-License-Identifier: MIT
 * process.h - programs that a test starts, listens to and ends by their id. */
#ifndef TRP_TESTS_PROCESS_H
#define TRP_TESTS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_ARGS = 16, PROCESS_TEXT = 64 << 10 };

struct process {
    pid_t pid;
    int out, err;             /* what it prints, read ends */
    char text[PROCESS_TEXT];  /* of standard output so far */
    char error[PROCESS_TEXT]; /* of standard error, after process_wait */
};

/* Starts a program; `input` (may be NULL) is what it reads. Arguments end with NULL. */
void process_start(struct process *process, const char *input, const char *const *argv);

/* Reads standard output until a text has come; false at its end. */
bool process_expect(struct process *process, const char *text);

/* Waits for the end and reads the rest. Returns the exit code, or 128 + signal. */
int process_wait(struct process *process);

/* Runs to the end: both in one. */
int process_run(struct process *process, const char *input, const char *const *argv);

/* `troupe q serve -p 0` and these; returns its port. */
uint16_t process_serve(struct process *process, const char *const *extra);

#endif
