/* SPDX-License-Identifier: MIT
 * cmd_q_eval.c - `troupe q eval`: one call to a q process. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "tools/cli/q_session.h"

static const char usage[] =
    "usage: troupe q eval [OPTION...] ADDRESS EXPRESSION [ARGUMENT...]\n"
    "       troupe q eval [OPTION...] --lines ADDRESS\n"
    "\n"
    "Evaluates EXPRESSION in a q process and prints the result as q does. With up to 8\n"
    "ARGUMENTs it is a function they are applied to; each is a q expression, evaluated\n"
    "here.\n"
    "\n"
    "  --strings             send every ARGUMENT as the text it is\n"
    "  --lines               evaluate each line of standard input, and print a line for\n"
    "                        each: the result in q's notation, or 'error\n"
    "  --help                print this\n"
    "\n"
    "%s"
    "\n"
    "Exit status: 0 printed; 1 an error of q ('type on stderr) or of the connection;\n"
    "2 wrong usage.\n";

struct request {
    struct trp_q_target target;
    bool strings, lines;
};

static const struct option options[] = {
    {"strings", no_argument, NULL, 's'},
    {"lines", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    TRP_Q_TARGET_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct request *request)
{
    int option, code = -1;

    while (code < 0 && (option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        switch (option) {
        case 's':
            request->strings = true;
            break;
        case 'l':
            request->lines = true;
            break;
        case 'h':
            (void)printf(usage, trp_q_target_usage);
            return 0;
        case ':':
            return trp_cmd_fail(2, "%s wants a value; see troupe q eval --help",
                                argv[optind - 1]);
        case '?':
            return trp_cmd_fail(2, "there is no option %s; see troupe q eval --help",
                                argv[optind - 1]);
        default:
            code = trp_q_target_option(option, &request->target);
        }
    }
    return code;
}

static int read_argument(troupe_embedq *q, bool string, const char *text,
                         troupe_q_value **out)
{
    troupe_status status = string ? troupe_q_string(text, TROUPE_Q_Z, out)
                                  : troupe_embedq_text(q, text, TROUPE_Q_Z, out);

    if (status == TROUPE_EREMOTE) {
        return trp_cmd_fail(2, "the argument %s is no q expression here: '%s", text,
                            troupe_embedq_error(q));
    }
    return status == TROUPE_OK ? 0 : trp_cmd_fail(1, "%s", troupe_status_text(status));
}

static int make_query(const struct request *request, int argc, char **argv,
                      troupe_q_value **out)
{
    troupe_q_value *args[TROUPE_Q_ARGS_MAX] = {NULL};
    troupe_embedq *q = NULL;
    int code = 0;

    if (argc - 1 > TROUPE_Q_ARGS_MAX) {
        return trp_cmd_fail(2, "there are %d arguments, and q takes no more than %d",
                            argc - 1, TROUPE_Q_ARGS_MAX);
    }
    troupe_status status = troupe_embedq_new(NULL, &q);
    for (int i = 1; status == TROUPE_OK && code == 0 && i < argc; i++) {
        code = read_argument(q, request->strings, argv[i], &args[i - 1]);
    }
    if (status == TROUPE_OK && code == 0) {
        status = troupe_q_query(argv[0], (size_t)(argc - 1), args, out);
    }
    for (size_t i = 0; i < TROUPE_Q_ARGS_MAX; i++) {
        troupe_q_unref(&args[i]);
    }
    troupe_embedq_free(&q);
    return status == TROUPE_OK ? code : trp_cmd_fail(1, "%s", troupe_status_text(status));
}

static int evaluate(const struct request *request, int argc, char **argv)
{
    struct trp_q_session session = {0};
    troupe_q_value *query = NULL;
    bool lost;
    int code = make_query(request, argc, argv, &query);

    if (code == 0) {
        code = trp_q_session_open(&request->target, &session);
    }
    if (code == 0) {
        code = trp_q_session_call(&session, &query, &lost);
        trp_q_session_close(&session);
    }
    troupe_q_unref(&query);
    return code;
}

/* Returns whether the connection lives. */
static bool evaluate_line(struct trp_q_session *session, const char *line, size_t size)
{
    troupe_q_value *query = NULL;
    bool lost = false;
    troupe_status status = troupe_q_string(line, size, &query);

    if (status != TROUPE_OK) {
        (void)trp_cmd_fail(1, "%s", troupe_status_text(status));
        return false;
    }
    (void)trp_q_session_call(session, &query, &lost);
    return !lost && fflush(stdout) == 0;
}

static int evaluate_lines(const struct request *request)
{
    struct trp_q_session session = {.lines = true};
    char *line = NULL;
    size_t room = 0;
    ssize_t size = 0;
    int code = trp_q_session_open(&request->target, &session);

    while (code == 0 && (size = getline(&line, &room, stdin)) > 0) {
        size -= line[size - 1] == '\n';
        code = evaluate_line(&session, line, (size_t)size) ? 0 : 1;
    }
    free(line); /* getline's own memory */
    trp_q_session_close(&session);
    return code;
}

int trp_cmd_q_eval(int argc, char **argv)
{
    struct request request = {.strings = false};

    optind = 1;
    int code = read_options(argc, argv, &request);
    if (code >= 0) {
        return code;
    }
    int words = argc - optind;
    if (request.lines ? words != 1 : words < 2) {
        return trp_cmd_fail(2, "%s; see troupe q eval --help",
                            request.lines ? "--lines wants an ADDRESS and nothing else"
                                          : "it wants an ADDRESS and an EXPRESSION");
    }
    code = trp_q_target_read(argv[optind], &request.target);
    if (code >= 0) {
        return code;
    }
    return request.lines ? evaluate_lines(&request)
                         : evaluate(&request, words - 1, argv + optind + 1);
}
