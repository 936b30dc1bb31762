/* SPDX-License-Identifier: MIT
 * cmd_q_shell.c - `troupe q shell`: a console on a q process. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "tools/cli/q_reader.h"
#include "tools/cli/q_session.h"

static const char usage[] =
    "usage: troupe q shell [--user NAME:PASSWORD] [--timeout SECONDS]\n"
    "                      [USER:PASSWORD@]HOST:PORT\n"
    "\n"
    "Reads q expressions, evaluates them in a q process and prints what it answers. \\\\ "
    "or\n"
    "the end of input leaves; Ctrl-C gives up waiting. On a terminal lines can be "
    "edited\n"
    "and are remembered in $XDG_STATE_HOME/troupe/q_history (~/.local/state when that is "
    "unset).\n"
    "\n"
    "Exit status: 0; 1 the connection failed, or, without a terminal, the last error;\n"
    "2 wrong usage.\n";

static const struct option options[] = {
    {"user", required_argument, NULL, 'u'},
    {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool is_leave(const char *text)
{
    return strncmp(text, "\\\\", 2) == 0 && text[2 + strspn(text + 2, " \t")] == 0;
}

/* Evaluates an entry. Returns false when the shell is over. */
static bool take_entry(struct trp_q_session *session, struct trp_q_reader *reader,
                       int *code)
{
    const char *text = (const char *)trp_buffer_front(&reader->entry);
    troupe_q_value *query = NULL;
    bool lost = false;

    if (text[strspn(text, " \t\n")] == 0) {
        return true;
    }
    troupe_status status =
        troupe_q_string(text, trp_buffer_size(&reader->entry) - 1, &query);
    if (status != TROUPE_OK) {
        *code = trp_cmd_fail(1, "%s", troupe_status_text(status));
        return false;
    }
    *code = trp_q_session_call(session, &query, &lost);
    return !lost;
}

static int take_entries(struct trp_q_session *session, struct trp_q_reader *reader)
{
    enum trp_q_read read = TRP_Q_READ_ENTRY;
    int code = 0;

    while ((read = trp_q_reader_next(reader, "q)")) != TRP_Q_READ_END) {
        if (read == TRP_Q_READ_FAILED) {
            return trp_cmd_fail(1, "an entry has more than %d bytes", TRP_Q_ENTRY_MAX);
        }
        if (read == TRP_Q_READ_INTERRUPTED) {
            continue;
        }
        if (is_leave((const char *)trp_buffer_front(&reader->entry))) {
            break;
        }
        if (!take_entry(session, reader, &code)) {
            return code;
        }
    }
    return reader->terminal ? 0 : code;
}

static int run(const struct trp_q_target *target)
{
    struct trp_q_session session = {0};
    struct trp_q_signals signals;
    struct trp_q_reader reader;

    if (!trp_q_signals_open(&signals)) {
        return trp_cmd_fail(1, "the signals cannot be taken");
    }
    int code = trp_q_reader_open(&signals, &reader);
    if (code == 0) {
        code = trp_q_session_open(target, &session);
    }
    if (code == 0) {
        session.signals = &signals;
        code = take_entries(&session, &reader);
        trp_q_session_close(&session);
    }
    trp_q_reader_close(&reader);
    trp_q_signals_close(&signals);
    return code;
}

int trp_cmd_q_shell(int argc, char **argv)
{
    struct trp_q_target target = {.port = 0};
    const char *user = NULL;
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option == 'u') {
            user = optarg;
        } else if (option != 't') {
            return trp_cmd_fail(2,
                                "%s: no such option, or without its value; see troupe q "
                                "shell --help",
                                argv[optind - 1]);
        } else if (!trp_q_seconds(optarg, &target.timeout)) {
            return trp_cmd_fail(2, "--timeout wants seconds, not '%s'", optarg);
        }
    }
    if (argc - optind != 1) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (!trp_q_target_read(argv[optind], &target)) {
        return trp_cmd_fail(2, "'%s' is not [USER:PASSWORD@]HOST:PORT", argv[optind]);
    }
    if (user != NULL && !trp_q_target_user(user, &target)) {
        return trp_cmd_fail(2, "--user wants NAME:PASSWORD");
    }
    return run(&target);
}
