/* SPDX-License-Identifier: MIT
 * cmd_q_eval.c - `troupe q eval`: one call to a q process. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "tools/cli/q_session.h"

static const char usage[] =
    "usage: troupe q eval [OPTION...] [USER:PASSWORD@]HOST:PORT EXPRESSION [ARG...]\n"
    "\n"
    "Evaluates EXPRESSION in a q process and prints the result as q does. With up to 8\n"
    "ARGs it is a function they are applied to; each is a q expression, evaluated here.\n"
    "\n"
    "  --user NAME:PASSWORD  log in as\n"
    "  --strings             send every ARG as the text it is\n"
    "  --timeout SECONDS     give up waiting for the answer\n"
    "  --help                print this\n"
    "\n"
    "Exit status: 0 printed; 1 an error of q ('type on stderr) or of the connection;\n"
    "2 wrong usage.\n";

struct request {
    struct trp_q_target target;
    bool strings;
    const char *user;
};

static const struct option options[] = {
    {"user", required_argument, NULL, 'u'},
    {"strings", no_argument, NULL, 's'},
    {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Returns -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct request *request)
{
    int option;

    while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        switch (option) {
        case 'u':
            request->user = optarg;
            break;
        case 's':
            request->strings = true;
            break;
        case 't':
            if (!trp_q_seconds(optarg, &request->target.timeout)) {
                return trp_cmd_fail(2, "--timeout wants seconds, not '%s'", optarg);
            }
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        case ':':
            return trp_cmd_fail(2, "%s wants a value; see troupe q eval --help",
                                argv[optind - 1]);
        default:
            return trp_cmd_fail(2, "there is no option %s; see troupe q eval --help",
                                argv[optind - 1]);
        }
    }
    return -1;
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

int trp_cmd_q_eval(int argc, char **argv)
{
    struct request request = {.strings = false};

    optind = 1;
    int code = read_options(argc, argv, &request);
    if (code >= 0) {
        return code;
    }
    if (argc - optind < 2) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (!trp_q_target_read(argv[optind], &request.target)) {
        return trp_cmd_fail(2, "'%s' is not [USER:PASSWORD@]HOST:PORT", argv[optind]);
    }
    if (request.user != NULL && !trp_q_target_user(request.user, &request.target)) {
        return trp_cmd_fail(2, "--user wants NAME:PASSWORD");
    }
    return evaluate(&request, argc - optind - 1, argv + optind + 1);
}
