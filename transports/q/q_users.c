/* SPDX-License-Identifier: MIT
 * q_users.c - reads and writes files of users. */
#include "transports/q/q_users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "mailbox/alloc.h"
#include "mailbox/buffer.h"

enum { READ_SIZE = 16 << 10, OWNER_ONLY = 0600 };

struct account {
    const char *name, *hash; /* in the text */
    size_t line;
};

struct troupe_q_users {
    atomic_uint holders;
    size_t count;
    char *text;
    struct account accounts[]; /* by name */
};

static troupe_status fail(troupe_failure *failure, troupe_status status,
                          const char *format, ...) TROUPE_PRINTF(3, 4);

static troupe_status fail(troupe_failure *failure, troupe_status status,
                          const char *format, ...)
{
    va_list arguments;

    if (failure != NULL) {
        *failure = (troupe_failure){.status = status};
        va_start(arguments, format);
        (void)vsnprintf(failure->text, sizeof(failure->text), format, arguments);
        va_end(arguments);
    }
    return status;
}

/* ---- reading ---- */

/* The line at *at, cut where it ends; *at goes behind it. Skips what is no user. */
static char *next_user(char **at, const char *end, size_t *line)
{
    while (*at < end) {
        char *text = *at;
        char *stop = memchr(text, '\n', (size_t)(end - text));
        *at = stop != NULL ? stop + 1 : text + strlen(text) + 1;
        ++*line;
        if (stop != NULL) {
            *stop = 0;
        }
        size_t size = strlen(text);
        if (size != 0 && text[size - 1] == '\r') {
            text[size - 1] = 0;
        }
        if (text[strspn(text, " \t")] != 0 && text[0] != '#') {
            return text;
        }
    }
    return NULL;
}

static size_t count_lines(const char *text, size_t size)
{
    size_t count = 1;

    for (size_t i = 0; i < size; i++) {
        count += text[i] == '\n';
    }
    return count;
}

static troupe_status read_account(char *text, size_t line, struct account *out,
                                  troupe_failure *failure)
{
    char *colon = strchr(text, ':');

    if (colon == NULL || colon == text || colon - text > TRP_Q_USER_NAME_MAX) {
        return fail(failure, TROUPE_EINVAL, "line %zu is not name:hash", line);
    }
    *colon = 0;
    if (strlen(colon + 1) >= crypto_pwhash_STRBYTES ||
        crypto_pwhash_str_needs_rehash(colon + 1, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                       crypto_pwhash_MEMLIMIT_INTERACTIVE) < 0) {
        return fail(failure, TROUPE_EINVAL, "line %zu has no hash of a password", line);
    }
    *out = (struct account){text, colon + 1, line};
    return TROUPE_OK;
}

static int by_name(const void *left, const void *right)
{
    const struct account *a = left, *b = right;
    int order = strcmp(a->name, b->name);

    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static troupe_status sort(troupe_q_users *users, troupe_failure *failure)
{
    if (users->count != 0) {
        qsort(users->accounts, users->count, sizeof(users->accounts[0]), by_name);
    }
    for (size_t i = 1; i < users->count; i++) {
        const struct account *a = &users->accounts[i];
        if (strcmp(a->name, a[-1].name) == 0) {
            return fail(failure, TROUPE_EINVAL, "line %zu: the user of line %zu again",
                        a->line, a[-1].line);
        }
    }
    return TROUPE_OK;
}

static troupe_status read_accounts(troupe_q_users *users, char *text, size_t size,
                                   troupe_failure *failure)
{
    troupe_status status = TROUPE_OK;
    size_t line = 0;
    char *at = text, *user;

    if (memchr(text, 0, size) != NULL) {
        return fail(failure, TROUPE_EINVAL, "it is not a text");
    }
    while (status == TROUPE_OK && (user = next_user(&at, text + size, &line)) != NULL) {
        if (users->count == TRP_Q_USERS_MAX) {
            return fail(failure, TROUPE_ELIMIT, "line %zu: there are %d users already",
                        line, TRP_Q_USERS_MAX);
        }
        status = read_account(user, line, &users->accounts[users->count], failure);
        users->count += status == TROUPE_OK;
    }
    return status == TROUPE_OK ? sort(users, failure) : status;
}

troupe_status trp_q_users_parse(char *text, size_t size, troupe_q_users **out,
                                troupe_failure *failure)
{
    size_t lines = size <= TRP_Q_USERS_FILE_MAX ? count_lines(text, size) : 0;
    size_t room = lines < TRP_Q_USERS_MAX ? lines : TRP_Q_USERS_MAX;
    troupe_q_users *users =
        trp_calloc(1, sizeof(*users) + room * sizeof(users->accounts[0]));

    if (lines == 0) {
        trp_free(users);
        return fail(failure, TROUPE_ELIMIT, "it has more than %d bytes",
                    TRP_Q_USERS_FILE_MAX);
    }
    if (users != NULL) {
        atomic_init(&users->holders, 1);
        users->text = trp_alloc(size + 1);
    }
    if (users == NULL || users->text == NULL) {
        trp_free(users);
        return fail(failure, TROUPE_ENOMEM, "no memory");
    }
    memcpy(users->text, text, size);
    users->text[size] = 0;
    troupe_status status = read_accounts(users, users->text, size, failure);
    if (status != TROUPE_OK) {
        troupe_q_users_free(&users);
        return status;
    }
    *out = users;
    return TROUPE_OK;
}

/* All of a file; a file that is not there is TROUPE_ENOENT. */
static troupe_status read_file(const char *path, struct trp_buffer *text)
{
    FILE *file = fopen(path, "rbe");
    size_t got = READ_SIZE;

    if (file == NULL) {
        return errno == ENOENT ? TROUPE_ENOENT : TROUPE_ESYSTEM;
    }
    while (got == READ_SIZE) {
        uint8_t *room = trp_buffer_reserve(text, READ_SIZE);
        got = room != NULL ? fread(room, 1, READ_SIZE, file) : 0;
        trp_buffer_wrote(text, got);
    }
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    return failed ? TROUPE_ESYSTEM : text->status;
}

troupe_status troupe_q_users_load(const char *path, troupe_q_users **out,
                                  troupe_failure *failure)
{
    struct trp_buffer text;

    trp_buffer_init(&text, TRP_Q_USERS_FILE_MAX + READ_SIZE);
    troupe_status status = read_file(path, &text);
    if (status != TROUPE_OK) {
        (void)fail(failure, status, "it cannot be read: %s", troupe_status_text(status));
    } else if (sodium_init() < 0) {
        status = fail(failure, TROUPE_ESYSTEM, "there is no source of random numbers");
    } else {
        uint8_t none = 0;
        uint8_t *bytes = trp_buffer_size(&text) != 0 ? text.bytes + text.start : &none;
        status = trp_q_users_parse((char *)bytes, trp_buffer_size(&text), out, failure);
    }
    trp_buffer_fini(&text);
    return status;
}

troupe_q_users *trp_q_users_ref(troupe_q_users *users)
{
    (void)atomic_fetch_add_explicit(&users->holders, 1, memory_order_relaxed);
    return users;
}

void troupe_q_users_free(troupe_q_users **users)
{
    troupe_q_users *old = *users;

    *users = NULL;
    if (old != NULL &&
        atomic_fetch_sub_explicit(&old->holders, 1, memory_order_acq_rel) == 1) {
        trp_free(old->text);
        trp_free(old);
    }
}

size_t troupe_q_users_count(const troupe_q_users *users)
{
    return users->count;
}

const char *trp_q_users_hash(const troupe_q_users *users, const char *name, bool *known)
{
    const struct account wanted = {.name = name, .line = SIZE_MAX};
    size_t low = 0, high = users->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_name(&users->accounts[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *known = low != 0 && strcmp(users->accounts[low - 1].name, name) == 0;
    if (users->count == 0) {
        return NULL;
    }
    return users->accounts[*known ? low - 1 : 0].hash;
}

/* ---- writing ---- */

static bool is_line_of(const char *line, size_t size, const char *name)
{
    size_t length = strlen(name);

    return size > length && memcmp(line, name, length) == 0 && line[length] == ':';
}

/* Copies the lines of others; whether the user was there. */
static bool copy_others(const struct trp_buffer *from, const char *name,
                        struct trp_buffer *to)
{
    const char *at = (const char *)trp_buffer_front(from);
    const char *end = at + trp_buffer_size(from);
    bool found = false;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((stop != NULL ? stop : end) - at);
        if (is_line_of(at, size, name)) {
            found = true;
        } else {
            (void)trp_buffer_add(to, at, size);
            (void)trp_buffer_add(to, "\n", 1);
        }
        at += size + 1;
    }
    return found;
}

static troupe_status add_user(struct trp_buffer *to, const char *name,
                              const char *password)
{
    char hash[crypto_pwhash_STRBYTES];

    if (crypto_pwhash_str(hash, password, strlen(password),
                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
        return TROUPE_ENOMEM;
    }
    (void)trp_buffer_add(to, name, strlen(name));
    (void)trp_buffer_add(to, ":", 1);
    (void)trp_buffer_add(to, hash, strlen(hash));
    return trp_buffer_add(to, "\n", 1);
}

/* Writes all of it to `fd`, down to the disk, and closes. */
static bool write_all(int fd, const struct trp_buffer *text)
{
    const uint8_t *at = trp_buffer_front(text);
    size_t left = trp_buffer_size(text);
    ssize_t put = 0;

    while (left > 0 && (put = write(fd, at, left)) > 0) {
        at += put;
        left -= (size_t)put;
    }
    bool good = left == 0 && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

/* The new file takes the old one's place at once, or not at all. */
static troupe_status replace_file(const char *path, const struct trp_buffer *text)
{
    static const char ending[] = ".XXXXXX";
    size_t length = strlen(path);
    char *fresh = trp_alloc(length + sizeof(ending));

    if (fresh == NULL) {
        return TROUPE_ENOMEM;
    }
    memcpy(fresh, path, length);
    memcpy(fresh + length, ending, sizeof(ending));
    int fd = mkstemp(fresh);
    bool good = fd >= 0;
    if (good) {
        good = fchmod(fd, OWNER_ONLY) == 0;
        good = write_all(fd, text) && good && rename(fresh, path) == 0;
        if (!good) {
            (void)unlink(fresh);
        }
    }
    trp_free(fresh);
    return good ? TROUPE_OK : TROUPE_ESYSTEM;
}

static bool is_name(const char *name)
{
    size_t size = strlen(name);

    return size != 0 && size <= TRP_Q_USER_NAME_MAX && name[0] != '#' &&
           strpbrk(name, ":\r\n") == NULL && name[strspn(name, " \t")] != 0;
}

troupe_status troupe_q_users_set(const char *path, const char *name, const char *password)
{
    struct trp_buffer old, fresh;

    if (!is_name(name)) {
        return TROUPE_EINVAL;
    }
    if (sodium_init() < 0) {
        return TROUPE_ESYSTEM;
    }
    trp_buffer_init(&old, TRP_Q_USERS_FILE_MAX);
    trp_buffer_init(&fresh, TRP_Q_USERS_FILE_MAX);
    troupe_status status = read_file(path, &old);
    if (status == TROUPE_OK || (status == TROUPE_ENOENT && password != NULL)) {
        bool found = trp_buffer_size(&old) != 0 && copy_others(&old, name, &fresh);
        status = password != NULL ? add_user(&fresh, name, password)
                 : found          ? TROUPE_OK
                                  : TROUPE_ENOENT;
    }
    status = status == TROUPE_OK ? fresh.status : status;
    if (status == TROUPE_OK) {
        status = replace_file(path, &fresh);
    }
    trp_buffer_fini(&old);
    trp_buffer_fini(&fresh);
    return status;
}
