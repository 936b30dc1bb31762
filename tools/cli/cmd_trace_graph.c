/* SPDX-License-Identifier: MIT
 * cmd_trace_graph.c - who sends to whom, drawn. SVG comes from graphviz when it is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_trace.h"
#include "tools/trace/trace_graph.h"

enum { MANY = 2000 };

static const char usage[] = "usage: troupe trace graph [--to dot|json|svg] [--json] "
                            "[--by kind|actor] [PID|DIR]";

static bool is_program(const char *name)
{
    const char *path = getenv("PATH");
    char file[1024];

    while (path != NULL && *path != 0) {
        size_t length = strcspn(path, ":");
        if (snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, name) <
                (int)sizeof(file) &&
            access(file, X_OK) == 0) {
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

/* Gives the drawing to graphviz, whose picture goes where ours would. */
static bool draw_by_graphviz(const struct trp_graph *graph)
{
    if (graph->nodes.count > MANY || !is_program("dot")) {
        return false;
    }
    (void)fflush(stdout);
    FILE *pipe = popen("dot -Tsvg", "w");
    if (pipe == NULL) {
        return false;
    }
    trp_graph_dot(graph, pipe);
    return pclose(pipe) == 0;
}

static void draw(const struct trp_graph *graph, const struct trp_trace_at *at,
                 const char *to)
{
    if (strcmp(to, "json") == 0) {
        trp_graph_json(graph, at->info.pid, at->info.overwritten, stdout);
    } else if (strcmp(to, "dot") == 0) {
        trp_graph_dot(graph, stdout);
    } else if (!draw_by_graphviz(graph)) {
        trp_graph_svg(graph, stdout);
    }
}

int trp_cmd_trace_graph(int argc, char **argv)
{
    const char *to = "dot", *by = "kind", *what = NULL;

    for (int i = 1; i < argc;) {
        const char *value = NULL;
        if (trp_cmd_trace_flag(argv, &i, "--json")) {
            to = "json";
        } else if ((value = trp_cmd_trace_value(argc, argv, &i, "--to")) != NULL) {
            to = value;
        } else if ((value = trp_cmd_trace_value(argc, argv, &i, "--by")) != NULL) {
            by = value;
        } else if (argv[i][0] == '-' || what != NULL) {
            return trp_cmd_fail(2, "%s", usage);
        } else {
            what = argv[i++];
        }
    }
    if ((strcmp(to, "dot") != 0 && strcmp(to, "json") != 0 && strcmp(to, "svg") != 0) ||
        (strcmp(by, "kind") != 0 && strcmp(by, "actor") != 0)) {
        return trp_cmd_fail(2, "%s", usage);
    }
    struct trp_trace_at *at = NULL;
    struct trp_graph graph;
    int code = trp_cmd_trace_open(what, &at);
    if (code != 0) {
        return code;
    }
    troupe_status status = trp_graph_init(&graph, at, strcmp(by, "kind") == 0);
    if (status == TROUPE_OK) {
        draw(&graph, at, to);
        trp_graph_fini(&graph);
    } else {
        code = trp_cmd_fail(1, "%s", troupe_status_text(status));
    }
    trp_trace_leave(&at);
    return code;
}
