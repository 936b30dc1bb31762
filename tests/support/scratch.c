/* SPDX-License-Identifier: MIT
 * scratch.c - a directory of a test's own, and commands run in tests. */
#include "tests/support/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

void scratch_make(char path[SCRATCH_PATH])
{
    char here[SCRATCH_PATH - 32];

    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    (void)snprintf(path, SCRATCH_PATH, "%s/scratch-XXXXXX", here);
    ck_assert_ptr_nonnull(mkdtemp(path));
}

void scratch_remove(const char *path)
{
    char command[SCRATCH_PATH + 32];

    ck_assert_ptr_nonnull(strstr(path, "/scratch-"));
    (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", path);
    ck_assert_int_eq(system(command), 0);
}

int scratch_run(const char *command, char *output, size_t size)
{
    char all[4096];
    size_t used = 0;

    ck_assert_int_lt(snprintf(all, sizeof(all), "{ %s; } 2>&1", command),
                     (int)sizeof(all));
    FILE *pipe = popen(all, "r");
    ck_assert_ptr_nonnull(pipe);
    for (;;) {
        char rest[1024];
        size_t room = used + 1 < size ? size - 1 - used : 0;
        size_t got = room != 0 ? fread(output + used, 1, room, pipe)
                               : fread(rest, 1, sizeof(rest), pipe);
        if (got == 0) {
            break;
        }
        used += room != 0 ? got : 0;
    }
    output[used] = 0;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
