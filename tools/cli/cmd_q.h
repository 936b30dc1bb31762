/* SPDX-License-Identifier: MIT
 * cmd_q.h - the subcommands of `troupe q`. argv[0] is the subcommand's own name; exit
 * codes as in cmd.h. */
#ifndef TRP_TOOLS_CMD_Q_H
#define TRP_TOOLS_CMD_Q_H

#include <stdio.h>

int trp_cmd_q_console(int argc, char **argv);
int trp_cmd_q_eval(int argc, char **argv);
int trp_cmd_q_passwd(int argc, char **argv);
int trp_cmd_q_recode(int argc, char **argv);
int trp_cmd_q_serve(int argc, char **argv);
int trp_cmd_q_shell(int argc, char **argv);

/* Prints the commands, one a line. */
void trp_cmd_q_list(FILE *to);

#endif
