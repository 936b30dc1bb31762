/* SPDX-License-Identifier: MIT
 * scratch.h - a directory of a test's own, below the one it runs in. */
#ifndef TRP_TESTS_SCRATCH_H
#define TRP_TESTS_SCRATCH_H

#include <stddef.h>

enum { SCRATCH_PATH = 512 };

/* Makes a fresh one; path gets its absolute name. */
void scratch_make(char path[SCRATCH_PATH]);

/* Removes it with all that is in it. */
void scratch_remove(const char *path);

/* Runs a shell command; its output (stdout and stderr) is cut to `size`. Returns its exit
 * code. */
int scratch_run(const char *command, char *output, size_t size);

#endif
