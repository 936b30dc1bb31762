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
    "usage: troupe q shell [OPTION...] ADDRESS\n"
    "\n"
    "Reads q expressions, evaluates them in a q process and prints what it answers. \\\\ "
    "or\n"
    "the end of input leaves; Ctrl-C gives up waiting. On a terminal lines can be "
    "edited\n"
    "and are remembered in $XDG_STATE_HOME/troupe/q_history (~/.local/state when that "
    "is\n"
    "unset).\n"
    "\n"
    "%s"
    "  --help                print this\n"
    "\n"
    "Exit status: 0; 1 the connection failed, or, without a terminal, the last error;\n"
    "2 wrong usage.\n";

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    TRP_Q_TARGET_OPTIONS,
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
    int option, code = -1;

    optind = 1;
    while (code < 0 && (option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        if (option == 'h') {
            (void)printf(usage, trp_q_target_usage);
            return 0;
        }
        if (option == '?' || option == ':') {
            return trp_cmd_fail(2,
                                "%s: no such option, or without its value; see troupe q "
                                "shell --help",
                                argv[optind - 1]);
        }
        code = trp_q_target_option(option, &target);
    }
    if (code < 0 && argc - optind != 1) {
        code = trp_cmd_fail(2, "it wants an ADDRESS; see troupe q shell --help");
    }
    if (code < 0) {
        code = trp_q_target_read(argv[optind], &target);
    }
    return code < 0 ? run(&target) : code;
}
