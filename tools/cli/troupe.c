/* SPDX-License-Identifier: MIT
 * troupe.c - the program: finds the command, runs it, and looks that its output arrived.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <troupe/version.h>

#include "tools/cli/cmd.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
};

static const struct command commands[] = {
    {"q", trp_cmd_q, "q values and servers"},
    {"trace", trp_cmd_trace, "looks into traced programs"},
    {"bench", trp_cmd_bench, "workloads that measure the runtime"},
    {NULL, NULL, NULL},
};

static const char usage[] = "usage: troupe COMMAND [ARGUMENT...]\n";

int trp_cmd_fail(int code, const char *format, ...)
{
    va_list args;

    (void)fputs("troupe: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return code;
}

static void help(void)
{
    (void)fputs(usage, stdout);
    for (const struct command *c = commands; c->name != NULL; c++) {
        (void)printf("  %-8s %s\n", c->name, c->text);
    }
}

/* A descriptor below 3 that the caller closed would be the next one the runtime opens,
 * and reads of standard input would wait for that. */
static bool own_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

/* Output that a full disk or a closed pipe kept from arriving is not a success. */
static int finish(int code)
{
    bool lost = ferror(stdout) != 0;

    if (fflush(stdout) != 0) {
        lost = true;
    }
    return lost && code == 0
               ? trp_cmd_fail(1, "the output cannot be written: standard output failed")
               : code;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0) {
        help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)puts("troupe " TROUPE_VERSION);
        return 0;
    }
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strcmp(argv[1], c->name) == 0) {
            return c->run(argc - 1, argv + 1);
        }
    }
    return trp_cmd_fail(2, "there is no command '%s'; see troupe --help", argv[1]);
}

int main(int argc, char **argv)
{
    return own_standard_files() ? finish(run(argc, argv)) : 1;
}
