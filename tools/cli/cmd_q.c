/* SPDX-License-Identifier: MIT
 * cmd_q.c - `troupe q`: finds the subcommand and runs it, or begins a session. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
};

static const struct subcommand subcommands[] = {
    {"serve", trp_cmd_q_serve, "serve q clients with the embedded q"},
    {"eval", trp_cmd_q_eval, "evaluate an expression in a q process"},
    {"shell", trp_cmd_q_shell, "a console on a q process"},
    {"passwd", trp_cmd_q_passwd, "set a user's password in a file for serve --users"},
    {"recode", trp_cmd_q_recode,
     "decode and encode hex messages, one a line, from stdin"},
    {NULL, NULL, NULL},
};

void trp_cmd_q_list(FILE *to)
{
    for (const struct subcommand *s = subcommands; s->name != NULL; s++) {
        (void)fprintf(to, "  %-8s %s\n", s->name, s->text);
    }
}

int trp_cmd_q(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        return trp_cmd_q_console(argc, argv);
    }
    for (const struct subcommand *s = subcommands; s->name != NULL; s++) {
        if (strcmp(argv[1], s->name) == 0) {
            return s->run(argc - 1, argv + 1);
        }
    }
    if (access(argv[1], R_OK) == 0) {
        return trp_cmd_q_console(argc, argv);
    }
    return trp_cmd_fail(2, "there is no command or script '%s'; see troupe q --help",
                        argv[1]);
}
