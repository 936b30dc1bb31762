/* SPDX-License-Identifier: MIT
 * cmd_q_shell.c - `troupe q shell`: a console on a q process. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <histedit.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "tools/cli/q_session.h"

enum { HISTORY_LINES = 1000, PATH_MAX_BYTES = 1024 };

static const char usage[] =
    "usage: troupe q shell [--user NAME:PASSWORD] [--timeout SECONDS]\n"
    "                      [USER:PASSWORD@]HOST:PORT\n"
    "\n"
    "Reads q expressions, one a line, evaluates them in a q process and prints what it\n"
    "answers. \\\\ or the end of input leaves. On a terminal lines can be edited and "
    "are\n"
    "remembered in $XDG_STATE_HOME/troupe/q_history (~/.local/state when that is "
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

/* Evaluates a line. Returns false when the shell is over. */
static bool take_line(struct trp_q_session *session, const char *line, int *code)
{
    size_t size = strcspn(line, "\r\n");
    troupe_q_value *query = NULL;
    bool lost = false;

    if (size == 2 && strncmp(line, "\\\\", 2) == 0) {
        return false;
    }
    if (strspn(line, " \t") >= size) {
        return true;
    }
    troupe_status status = troupe_q_string(line, size, &query);
    if (status != TROUPE_OK) {
        *code = trp_cmd_fail(1, "%s", troupe_status_text(status));
        return false;
    }
    *code = trp_q_session_call(session, &query, &lost);
    return !lost;
}

static int run_plain(struct trp_q_session *session)
{
    char *line = NULL;
    size_t room = 0;
    int code = 0;

    while (getline(&line, &room, stdin) > 0 && take_line(session, line, &code)) {
    }
    free(line); /* getline's own memory */
    return code;
}

/* ---- with a terminal ---- */

/* Makes the folders on the way to a file; what cannot be made shows when it is saved. */
static void make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = 0;
        (void)mkdir(path, 0700);
        *at = '/';
    }
}

static bool history_path(char path[PATH_MAX_BYTES])
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int size = -1;

    if (state != NULL && state[0] == '/') {
        size = snprintf(path, PATH_MAX_BYTES, "%s/troupe/q_history", state);
    } else if (home != NULL && home[0] == '/') {
        size = snprintf(path, PATH_MAX_BYTES, "%s/.local/state/troupe/q_history", home);
    }
    if (size < 0 || size >= PATH_MAX_BYTES) {
        return false;
    }
    make_folders(path);
    return true;
}

static char *prompt(EditLine *editor)
{
    static char text[] = "q)";

    (void)editor;
    return text;
}

static int run_edited(struct trp_q_session *session)
{
    EditLine *editor = el_init("troupe", stdin, stdout, stderr);
    History *past = history_init();
    char path[PATH_MAX_BYTES];
    HistEvent event;
    int code = 0, size;
    const char *line;

    if (editor == NULL || past == NULL) {
        return trp_cmd_fail(1, "the terminal cannot be used for editing");
    }
    bool kept = history_path(path);
    (void)history(past, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(past, &event, H_SETUNIQUE, 1);
    if (kept) {
        (void)history(past, &event, H_LOAD, path);
    }
    (void)el_set(editor, EL_PROMPT, prompt);
    (void)el_set(editor, EL_EDITOR, "emacs");
    (void)el_set(editor, EL_SIGNAL, 1);
    (void)el_set(editor, EL_HIST, history, past);
    bool more = true;
    while (more && (line = el_gets(editor, &size)) != NULL && size > 0) {
        if (line[0] != '\n') {
            (void)history(past, &event, H_ENTER, line);
        }
        more = take_line(session, line, &code);
    }
    if (more) {
        (void)fputc('\n', stdout); /* the end of input came on the prompt's line */
    }
    if (kept && history(past, &event, H_SAVE, path) >= 0) {
        (void)chmod(path, 0600);
    }
    history_end(past);
    el_end(editor);
    return more ? 0 : code;
}

int trp_cmd_q_shell(int argc, char **argv)
{
    struct trp_q_target target = {.port = 0};
    struct trp_q_session session = {0};
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
    int code = trp_q_session_open(&target, &session);
    if (code == 0) {
        code = isatty(STDIN_FILENO) ? run_edited(&session) : run_plain(&session);
        trp_q_session_close(&session);
    }
    return code;
}
