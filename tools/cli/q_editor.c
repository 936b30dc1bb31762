/* SPDX-License-Identifier: MIT
 * q_editor.c - libedit: editing, history, and signals while a line is typed. */
#include "tools/cli/q_editor.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include <histedit.h>

enum { END_KEY = 4 /* Ctrl-D */ };

/* ---- the history's file ---- */

/* Makes the folders on the way to a file; what cannot be made shows when it is saved. */
static void make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = 0;
        (void)mkdir(path, 0700);
        *at = '/';
    }
}

static void find_history(char path[TRP_Q_PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int size = -1;

    if (state != NULL && state[0] == '/') {
        size = snprintf(path, TRP_Q_PATH_MAX, "%s/troupe/q_history", state);
    } else if (home != NULL && home[0] == '/') {
        size = snprintf(path, TRP_Q_PATH_MAX, "%s/.local/state/troupe/q_history", home);
    }
    if (size < 0 || size >= TRP_Q_PATH_MAX) {
        path[0] = 0; /* nothing is remembered */
    } else {
        make_folders(path);
    }
}

/* Writes another file and puts it in place, so that sessions that end together leave one
 * whole history. */
static void save(const struct trp_q_reader *reader)
{
    char path[TRP_Q_PATH_MAX + 32];
    HistEvent event;

    (void)snprintf(path, sizeof(path), "%s.%ld", reader->history, (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    bool good = history(reader->past, &event, H_SAVE_FP, file) >= 0;
    good = fclose(file) == 0 && good;
    if (!good || rename(path, reader->history) != 0) {
        (void)unlink(path);
    }
}

/* ---- typing ---- */

/* News while a line is typed; true when it is dropped. */
static bool hear(struct trp_q_reader *reader)
{
    char byte;

    while (read(reader->signals->news, &byte, 1) == 1) {
        switch (byte) {
        case TRP_Q_NEWS_INTERRUPT:
            reader->interrupted = true;
            return true;
        case TRP_Q_NEWS_SIZE:
            el_resize(reader->editor);
            break;
        case TRP_Q_NEWS_CONTINUED:
            (void)el_set(reader->editor, EL_PREP_TERM, 1);
            (void)el_set(reader->editor, EL_REFRESH);
            break;
        default:
            reader->ended = true;
            return true;
        }
    }
    return false;
}

/* One character; bytes that are none in this locale are left out. */
static int read_character(wchar_t *out)
{
    mbstate_t state;
    unsigned char byte;
    size_t used = (size_t)-2;

    memset(&state, 0, sizeof(state));
    while (used == (size_t)-2) {
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got <= 0) {
            return (int)got;
        }
        byte = byte == 0 ? END_KEY : byte; /* so the kernel keeps one typed ahead */
        used = mbrtowc(out, (const char *)&byte, 1, &state);
        if (used == (size_t)-1) {
            memset(&state, 0, sizeof(state));
            used = (size_t)-2;
        }
    }
    return 1;
}

static int next_character(EditLine *editor, wchar_t *out)
{
    struct trp_q_reader *reader = NULL;

    (void)el_get(editor, EL_CLIENTDATA, &reader);
    for (;;) {
        struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = reader->signals->news, .events = POLLIN}};
        int ready = poll(fds, 2, -1);
        if (ready < 0 && errno != EINTR) {
            return -1;
        }
        if (ready > 0 && fds[1].revents != 0 && hear(reader)) {
            return -1;
        }
        if (ready > 0 && fds[0].revents != 0) {
            return read_character(out);
        }
    }
}

static char *prompt(EditLine *editor)
{
    struct trp_q_reader *reader = NULL;

    (void)el_get(editor, EL_CLIENTDATA, &reader);
    return reader->prompt;
}

/* What came before this line is typed is no news any more, but for the end. */
static bool is_over(struct trp_q_reader *reader)
{
    char byte;

    while (read(reader->signals->news, &byte, 1) == 1) {
        if (byte == TRP_Q_NEWS_SIZE) {
            el_resize(reader->editor);
        }
        reader->ended = reader->ended || byte == TRP_Q_NEWS_END;
    }
    return reader->ended;
}

enum trp_q_read trp_q_editor_line(struct trp_q_reader *reader, const char **line,
                                  size_t *size)
{
    HistEvent event;
    int count = 0;

    if (is_over(reader)) {
        return TRP_Q_READ_END;
    }
    reader->interrupted = false;
    (void)el_set(reader->editor, EL_PREP_TERM, 1); /* before the prompt invites keys */
    *line = el_gets(reader->editor, &count);
    if (*line == NULL || count <= 0) {
        el_reset(reader->editor);
        (void)fputs(reader->interrupted ? "^C\n" : "\n", stdout);
        (void)fflush(stdout);
        return reader->interrupted ? TRP_Q_READ_INTERRUPTED : TRP_Q_READ_END;
    }
    *size = (size_t)count;
    if ((*line)[strspn(*line, " \t\r\n")] != 0) {
        (void)history(reader->past, &event, H_ENTER, *line);
    }
    return TRP_Q_READ_ENTRY;
}

/* ---- life ---- */

bool trp_q_editor_open(struct trp_q_reader *reader)
{
    HistEvent event;

    (void)setlocale(LC_CTYPE, "");
    reader->editor = el_init("troupe", stdin, stdout, stderr);
    reader->past = history_init();
    if (reader->editor == NULL || reader->past == NULL) {
        return false;
    }
    find_history(reader->history);
    (void)history(reader->past, &event, H_SETSIZE, TRP_Q_HISTORY_LINES);
    (void)history(reader->past, &event, H_SETUNIQUE, 1);
    if (reader->history[0] != 0) {
        (void)history(reader->past, &event, H_LOAD, reader->history);
    }
    (void)el_set(reader->editor, EL_CLIENTDATA, reader);
    (void)el_set(reader->editor, EL_PROMPT, prompt);
    (void)el_set(reader->editor, EL_EDITOR, "emacs");
    (void)el_set(reader->editor, EL_HIST, history, reader->past);
    (void)el_set(reader->editor, EL_GETCFN, next_character);
    (void)el_source(reader->editor, NULL);
    return true;
}

void trp_q_editor_close(struct trp_q_reader *reader)
{
    if (reader->past != NULL) {
        if (reader->history[0] != 0) {
            save(reader);
        }
        history_end(reader->past);
        reader->past = NULL;
    }
    if (reader->editor != NULL) {
        el_end(reader->editor);
        reader->editor = NULL;
    }
}
