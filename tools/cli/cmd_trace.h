/* SPDX-License-Identifier: MIT
 * cmd_trace.h - the subcommands of `troupe trace`. argv[0] is the subcommand's own name;
 * exit codes as in cmd.h, and: 1 check found a violation, 3 nothing matched. */
#ifndef TRP_TOOLS_CMD_TRACE_H
#define TRP_TOOLS_CMD_TRACE_H

#include "tools/trace/trace_at.h"

int trp_cmd_trace_ps(int argc, char **argv);
int trp_cmd_trace_gc(int argc, char **argv);
int trp_cmd_trace_list(int argc, char **argv);
int trp_cmd_trace_graph(int argc, char **argv);
int trp_cmd_trace_dump(int argc, char **argv);
int trp_cmd_trace_check(int argc, char **argv);

/* Opens what the user named (NULL: the only one); 0, or the exit code after a sentence.
 */
int trp_cmd_trace_open(const char *what, struct trp_trace_at **out);

/* Looks at argv[*at]: a flag without a value; one with a value ("--to dot", "-o F"). */
bool trp_cmd_trace_flag(char **argv, int *at, const char *name);
const char *trp_cmd_trace_value(int argc, char **argv, int *at, const char *name);

#endif
