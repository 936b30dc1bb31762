/* SPDX-License-Identifier: MIT
 * cmd_q_passwd.c - `troupe q passwd`: sets a user's password in a file. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include <troupe/q.h>

#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"

enum { PASSWORD_MAX = 512 /* bytes; a login has 1024 for all */ };

static const char usage[] =
    "usage: troupe q passwd [--remove] FILE NAME\n"
    "\n"
    "Sets the password of the user NAME in FILE, which is made if it is not there; the\n"
    "password is read from the terminal, or from the first line of standard input. FILE\n"
    "is for troupe q serve --users, and holds a salted hash, not the password.\n"
    "\n"
    "  --remove   take the user out of the file\n"
    "  --help     print this\n"
    "\n"
    "Exit status: 0; 1 it could not be done; 2 wrong usage.\n";

/* One line of standard input without its end; -1, or an exit code. */
static int read_line(char text[PASSWORD_MAX + 2])
{
    if (fgets(text, PASSWORD_MAX + 2, stdin) == NULL) {
        return trp_cmd_fail(1, "no password was given");
    }
    size_t size = strlen(text);
    if (size > PASSWORD_MAX && text[size - 1] != '\n') {
        return trp_cmd_fail(1, "the password is longer than %d bytes", PASSWORD_MAX);
    }
    text[strcspn(text, "\r\n")] = 0;
    return text[0] != 0 ? -1 : trp_cmd_fail(1, "the password is empty");
}

static int prompt(const char *what, char text[PASSWORD_MAX + 2])
{
    struct termios before, quiet;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return read_line(text); /* no terminal */
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(stderr, "%s: ", what);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    int code = read_line(text);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fputc('\n', stderr);
    return code;
}

static int ask_password(char text[PASSWORD_MAX + 2])
{
    char again[PASSWORD_MAX + 2];

    int code = prompt("password", text);
    if (code < 0 && isatty(STDIN_FILENO)) {
        code = prompt("password again", again);
        if (code < 0 && strcmp(text, again) != 0) {
            code = trp_cmd_fail(1, "the passwords differ");
        }
        sodium_memzero(again, sizeof(again));
    }
    return code;
}

static int set(const char *path, const char *name, const char *password)
{
    switch (troupe_q_users_set(path, name, password)) {
    case TROUPE_OK:
        return 0;
    case TROUPE_EINVAL:
        return trp_cmd_fail(2, "'%s' cannot be a user's name", name);
    case TROUPE_ENOENT:
        return trp_cmd_fail(1, "there is no user %s in %s", name, path);
    case TROUPE_ENOMEM:
        return trp_cmd_fail(1, "%s", troupe_status_text(TROUPE_ENOMEM));
    case TROUPE_ELIMIT:
        return trp_cmd_fail(1, "%s is too large", path);
    default:
        return trp_cmd_fail(1, "%s cannot be read and written", path);
    }
}

int trp_cmd_q_passwd(int argc, char **argv)
{
    char password[PASSWORD_MAX + 2];
    int first = 1;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    bool remove = argc > 1 && strcmp(argv[1], "--remove") == 0;
    first += remove;
    if (argc != first + 2 || argv[first][0] == '-') {
        return trp_cmd_fail(2, "a file and a name; see troupe q passwd --help");
    }
    if (remove) {
        return set(argv[first], argv[first + 1], NULL);
    }
    int code = ask_password(password);
    if (code < 0) {
        code = set(argv[first], argv[first + 1], password);
    }
    sodium_memzero(password, sizeof(password));
    return code;
}
