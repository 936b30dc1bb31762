/* SPDX-License-Identifier: MIT
 * cmd.h - the commands of the program. argv[0] is the command's own name. Each returns
 * the exit code: 0 done, 1 failed (a sentence on stderr), 2 wrong usage. */
#ifndef TRP_TOOLS_CMD_H
#define TRP_TOOLS_CMD_H

int trp_cmd_q(int argc, char **argv);
int trp_cmd_trace(int argc, char **argv);
int trp_cmd_bench(int argc, char **argv);

/* Prints "troupe: " and one sentence to stderr; returns `code`. */
int trp_cmd_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
