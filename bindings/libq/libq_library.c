/* SPDX-License-Identifier: MIT
 * libq_library.c - the library: found, tried in a child process, started.
 *
 *   dlopen --its functions--> a child starts q and says so --> q is started here, once */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bindings/libq/libq.h"
#include "mailbox/alloc.h"

enum { WORDS_MAX = 64, PROBE_LIMIT_S = 30, SAID_MAX = 512, VERSION_LEAST = 3 };

static const char started = 6; /* the child's last byte, when q has started there */

troupe_status trp_libq_fail(const troupe_libq_config *config, troupe_status status,
                            const char *format, ...)
{
    va_list list;

    if (config->failure != NULL) {
        *config->failure = (troupe_failure){.status = status};
        va_start(list, format);
        (void)vsnprintf(config->failure->text, sizeof(config->failure->text), format,
                        list);
        va_end(list);
    }
    return status;
}

/* ---- its functions ---- */

static const struct {
    const char *name;
    size_t place;
} functions[] = {
#define FUNCTION(name)                                                                   \
    {                                                                                    \
#name, offsetof(struct trp_libq_functions, name)                                 \
    }
    FUNCTION(qinit), FUNCTION(k),  FUNCTION(ktn), FUNCTION(b9),
    FUNCTION(d9),    FUNCTION(ee), FUNCTION(r0),  FUNCTION(okx),
#undef FUNCTION
};

/* Names of functions that are not there, or "". */
static void find_functions(struct trp_libq *q, char *missing, size_t room)
{
    size_t used = 0;

    missing[0] = 0;
    for (size_t i = 0; i < TRP_COUNT(functions); i++) {
        void *found = dlsym(q->library, functions[i].name);
        memcpy((char *)&q->is + functions[i].place, &found, sizeof(found));
        if (found == NULL && used < room) {
            int size = snprintf(missing + used, room - used, "%s%s",
                                used != 0 ? ", " : "", functions[i].name);
            used += size > 0 ? (size_t)size : 0;
        }
    }
}

troupe_status trp_libq_load(const troupe_libq_config *config, struct trp_libq *out)
{
    const char *path = config->path != NULL ? config->path : "libq.so";
    char missing[128];

    out->library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (out->library == NULL) {
        return trp_libq_fail(config, TROUPE_ENOENT, "the library cannot be loaded: %s",
                             dlerror());
    }
    find_functions(out, missing, sizeof(missing));
    if (missing[0] != 0) {
        (void)dlclose(out->library);
        return trp_libq_fail(config, TROUPE_EUNSUPPORTED,
                             "%s is no q library: it has no function %s", path, missing);
    }
    return TROUPE_OK;
}

/* ---- what q is started with ---- */

/* q may keep what it is given: this is never freed. */
struct start {
    int count;
    char *words[WORDS_MAX + 1];
    char *home, *licence;
};

static const char *or_environment(const char *given, const char *name)
{
    const char *value = given != NULL ? given : getenv(name);

    return value != NULL && value[0] != 0 ? value : NULL;
}

static bool add_word(struct start *start, const char *word)
{
    char *copy = start->count < WORDS_MAX ? trp_strdup(word) : NULL;

    if (copy == NULL) {
        return false;
    }
    start->words[start->count++] = copy;
    return true;
}

static void forget(struct start *start)
{
    for (int i = 0; i < start->count; i++) {
        trp_free(start->words[i]);
    }
    trp_free(start->home);
    trp_free(start->licence);
    trp_free(start);
}

static troupe_status make_start(const troupe_libq_config *config, struct start **out)
{
    const char *home = or_environment(config->home, "QHOME");
    const char *licence = or_environment(config->licence, "QLIC");

    if (home == NULL) {
        return trp_libq_fail(config, TROUPE_ENOENT,
                             "QHOME does not say in which folder q.k is");
    }
    struct start *start = trp_calloc(1, sizeof(*start));
    if (start == NULL) {
        return trp_libq_fail(config, TROUPE_ENOMEM, "%s",
                             troupe_status_text(TROUPE_ENOMEM));
    }
    start->home = trp_strdup(home);
    start->licence = trp_strdup(licence != NULL ? licence : home);
    bool good = start->home != NULL && start->licence != NULL && add_word(start, "q");
    const char *const *word = config->arguments;
    for (; good && word != NULL && *word != NULL; word++) {
        good = add_word(start, *word);
    }
    if (!good) {
        bool many = start->count == WORDS_MAX;
        forget(start);
        return many ? trp_libq_fail(config, TROUPE_ELIMIT, "more than %d arguments for q",
                                    WORDS_MAX - 1)
                    : trp_libq_fail(config, TROUPE_ENOMEM, "%s",
                                    troupe_status_text(TROUPE_ENOMEM));
    }
    *out = start;
    return TROUPE_OK;
}

static int run(const struct trp_libq *q, struct start *start)
{
    return q->is.qinit(start->count, start->words, start->home, start->licence, NULL);
}

/* ---- trying it in a child ---- */

static void try_there(const struct trp_libq *q, struct start *start, int out)
{
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    bool good = run(q, start) == 0;
    (void)fflush(NULL);
    _exit(good && write(out, &started, 1) == 1 ? 0 : 1);
}

static int64_t milliseconds_now(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what the child says, the end of it if it is much. False: not in time. */
static bool listen_to(int fd, troupe_ns limit, char said[SAID_MAX], size_t *size)
{
    int64_t end = milliseconds_now() + limit / 1000000;
    char piece[SAID_MAX];

    *size = 0;
    for (;;) {
        struct pollfd at = {.fd = fd, .events = POLLIN};
        int64_t left = end - milliseconds_now();
        int ready = poll(&at, 1, left > 0 ? (int)(left < 60000 ? left : 60000) : 0);
        if (ready == 0 && left <= 0) {
            return false;
        }
        ssize_t got = ready > 0 ? read(fd, piece, sizeof(piece)) : -1;
        if (got == 0 || (ready < 0 && errno != EINTR)) {
            return true;
        }
        if (got > 0) {
            size_t keep = SAID_MAX - (size_t)got < *size ? SAID_MAX - (size_t)got : *size;
            memmove(said, said + (*size - keep), keep);
            memcpy(said + keep, piece, (size_t)got);
            *size = keep + (size_t)got;
        }
    }
}

static void bury(pid_t child)
{
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* One line of what was said. */
static troupe_status refused(const troupe_libq_config *config, char *said, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        said[i] = said[i] >= ' ' && said[i] != 0x7f ? said[i] : ' ';
    }
    while (size > 0 && said[size - 1] == ' ') {
        size--;
    }
    return trp_libq_fail(
        config, TROUPE_EACCESS, "q does not start; is its licence there?%s%.*s",
        size != 0 ? " It says: " : "", (int)(size < 160 ? size : 160), said);
}

static troupe_status probe(const troupe_libq_config *config, const struct trp_libq *q,
                           struct start *start)
{
    troupe_ns limit =
        config->probe_limit > 0 ? config->probe_limit : TROUPE_S(PROBE_LIMIT_S);
    char said[SAID_MAX];
    size_t size = 0;
    int ends[2];

    if (pipe(ends) != 0) {
        return trp_libq_fail(config, TROUPE_ESYSTEM, "no pipe: %s", strerror(errno));
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) {
        try_there(q, start, ends[1]);
    }
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return trp_libq_fail(config, TROUPE_ESYSTEM, "no process: %s", strerror(errno));
    }
    bool ended = listen_to(ends[0], limit, said, &size);
    (void)close(ends[0]);
    if (!ended) {
        (void)kill(child, SIGKILL);
    }
    bury(child);
    if (!ended) {
        return trp_libq_fail(config, TROUPE_ETIMEDOUT, "q does not start in time");
    }
    bool good = size > 0 && said[size - 1] == started;
    return good ? TROUPE_OK : refused(config, said, size);
}

/* ---- starting it ---- */

static troupe_status check_version(const troupe_libq_config *config,
                                   const struct trp_libq *q)
{
    trp_k version = q->is.ee(q->is.k(0, ".z.K", (trp_k)NULL));
    bool known = version != NULL && version->type == TRP_LIBQ_FLOAT;
    double number = known ? version->is.real : 0;

    if (version != NULL) {
        q->is.r0(version);
    }
    return number >= VERSION_LEAST
               ? TROUPE_OK
               : trp_libq_fail(config, TROUPE_EUNSUPPORTED,
                               "the library is q %.1f, and %d.0 or later is needed",
                               number, VERSION_LEAST);
}

troupe_status trp_libq_start(const troupe_libq_config *config, struct trp_libq *q)
{
    static struct start *_Atomic running;
    struct start *none = NULL, *start = NULL;

    if (atomic_load(&running) != NULL) {
        return trp_libq_fail(config, TROUPE_EEXIST,
                             "q was opened before, and can be started only once");
    }
    troupe_status status = make_start(config, &start);
    if (status == TROUPE_OK && !config->skip_probe) {
        status = probe(config, q, start);
    }
    if (status != TROUPE_OK) {
        if (start != NULL) {
            forget(start);
        }
        return status;
    }
    if (!atomic_compare_exchange_strong(&running, &none, start)) {
        forget(start);
        return trp_libq_fail(config, TROUPE_EEXIST, "q is being opened elsewhere");
    }
    int code = run(q, start);
    return code == 0
               ? check_version(config, q)
               : trp_libq_fail(config, TROUPE_EACCESS,
                               "q does not start (%d); is its licence there?", code);
}
