/* SPDX-License-Identifier: MIT
 * cmd_trace.c - `troupe trace`: looking at programs that run, stand still, or are dead.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_trace.h"

static const struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *text;
} subcommands[] = {
    {"ps", trp_cmd_trace_ps, "[--json]                      traced processes"},
    {"list", trp_cmd_trace_list,
     "[--json] [--futures] [PID|DIR] [FILTER...]   actors, the fullest mailbox first"},
    {"graph", trp_cmd_trace_graph,
     "[--to dot|json|svg] [--by kind|actor] [PID|DIR]   who sends to whom"},
    {"dump", trp_cmd_trace_dump,
     "[--json] [PID|DIR] [-o NAME.trp]  a copy of the recorder"},
    {"check", trp_cmd_trace_check,
     "[--json] NAME.trp            is every message accounted for?"},
    {"gc", trp_cmd_trace_gc,
     "[--json]                      remove what dead processes left"},
};

static const char usage[] = "usage: troupe trace COMMAND [ARGUMENT...]\n";
static const char notes[] =
    "\n"
    "PID is a process, PID/2 its second system; DIR what a dead process left, or a "
    "copy.\n"
    "FILTERs are kind:NAME state:NAME name~TEXT worker:N depth>N delivered>N; all must\n"
    "hold.\n"
    "Exit status: 0; 1 it failed, or the trace is not complete; 2 wrong usage; 3 "
    "nothing\n"
    "matched.\n";

int trp_cmd_trace_open(const char *what, struct trp_trace_at **out)
{
    troupe_status status = trp_trace_find(what, out);

    switch (status) {
    case TROUPE_OK:
        return 0;
    case TROUPE_ENOENT:
        return what != NULL
                   ? trp_cmd_fail(1, "%s is no traced process, and no trace", what)
                   : trp_cmd_fail(3, "no process is traced; see troupe trace ps");
    case TROUPE_EEXIST:
        return trp_cmd_fail(2,
                            "several processes are traced; name one (troupe trace ps)");
    case TROUPE_EPROTO:
    case TROUPE_ETRUNCATED:
        return trp_cmd_fail(1, "%s is not a trace this version can read",
                            what != NULL ? what : "this");
    default:
        return trp_cmd_fail(1, "%s: %s", what != NULL ? what : "trace",
                            troupe_status_text(status));
    }
}

bool trp_cmd_trace_flag(char **argv, int *at, const char *name)
{
    if (strcmp(argv[*at], name) != 0) {
        return false;
    }
    ++*at;
    return true;
}

const char *trp_cmd_trace_value(int argc, char **argv, int *at, const char *name)
{
    size_t length = strlen(name);

    if (strncmp(argv[*at], name, length) != 0) {
        return NULL;
    }
    if (argv[*at][length] == '=') {
        return argv[(*at)++] + length + 1;
    }
    if (argv[*at][length] != 0 || *at + 1 >= argc) {
        return NULL;
    }
    *at += 2;
    return argv[*at - 1];
}

static void help(FILE *out)
{
    (void)fputs(usage, out);
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        (void)fprintf(out, "  %-6s %s\n", subcommands[i].name, subcommands[i].text);
    }
    (void)fputs(notes, out);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return true;
        }
    }
    return false;
}

int trp_cmd_trace(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (asks_for_help(argc, argv)) {
        help(stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    return trp_cmd_fail(2, "there is no command 'trace %s'; see troupe trace --help",
                        argv[1]);
}
