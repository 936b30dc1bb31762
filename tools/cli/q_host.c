/* SPDX-License-Identifier: MIT
 * q_host.c - what q code of a q process of ours may do outside.
 *
 *   AT_REST --trp_q_host_load--> TO_LOAD --attach--> LOADING --attach--> SERVING
 *        \--trp_q_host_release, nothing to load--------------------------^ */
#define _XOPEN_SOURCE 700 /* realpath */
#include "tools/cli/q_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_REST, TO_LOAD, LOADING, SERVING };

static const troupe_embedq_host *hub_of(const struct trp_q_host *host)
{
    return troupe_q_hub_host(host->hub);
}

/* Whether the code at work may do everything. */
static bool is_free(struct trp_q_host *host)
{
    return host->trusted || atomic_load(&host->phase) == LOADING;
}

/* ---- what the hub does ---- */

static troupe_status host_send(void *context, int64_t handle, bool async,
                               troupe_q_value *value, troupe_q_value **answer)
{
    struct trp_q_host *host = context;

    return hub_of(host)->send(host->hub, handle, async, value, answer);
}

static troupe_status host_close(void *context, int64_t handle)
{
    struct trp_q_host *host = context;

    return hub_of(host)->close(host->hub, handle);
}

static troupe_status host_broadcast(void *context, size_t count, const int64_t *handles,
                                    troupe_q_value *value)
{
    struct trp_q_host *host = context;

    return hub_of(host)->broadcast(host->hub, count, handles, value);
}

static troupe_status host_defer(void *context, int64_t handle, bool is_error,
                                troupe_q_value *value)
{
    struct trp_q_host *host = context;

    return hub_of(host)->defer(host->hub, handle, is_error, value);
}

static troupe_status host_timer(void *context, int64_t milliseconds)
{
    struct trp_q_host *host = context;

    return hub_of(host)->timer(host->hub, milliseconds);
}

static troupe_status host_port(void *context, const char *where, int64_t *port)
{
    struct trp_q_host *host = context;

    return where == NULL || is_free(host) || host->may_connect
               ? hub_of(host)->port(host->hub, where, port)
               : TROUPE_EACCESS;
}

static troupe_status host_handles(void *context, troupe_q_value **answer)
{
    struct trp_q_host *host = context;

    return hub_of(host)->handles(host->hub, answer);
}

/* ---- who asks ---- */

/* Called before each request: the one after the load is not the load any more. */
static void host_attach(void *context, troupe_self *self)
{
    struct trp_q_host *host = context;
    int phase = atomic_load(&host->phase);

    if (phase == TO_LOAD || phase == LOADING) {
        atomic_store(&host->phase, phase + 1);
    }
    if (hub_of(host)->attach != NULL) {
        hub_of(host)->attach(host->hub, self);
    }
}

/* A client could reach through it what it cannot reach itself. */
static troupe_status host_open(void *context, troupe_q_value *address, int64_t *handle)
{
    struct trp_q_host *host = context;

    return is_free(host) || host->may_connect
               ? hub_of(host)->open(host->hub, address, handle)
               : TROUPE_EACCESS;
}

static troupe_status host_exit(void *context, int code)
{
    struct trp_q_host *host = context;

    if (!is_free(host) && !host->may_exit) {
        return TROUPE_EACCESS;
    }
    host->exit(host->context, code);
    return TROUPE_OK;
}

/* ---- files ---- */

static const char *bare(const char *path)
{
    return path[0] == ':' ? path + 1 : path;
}

static bool goes_up(const char *path)
{
    while ((path = strstr(path, "..")) != NULL) {
        path += 2;
        if (*path == '/' || *path == 0) {
            return true;
        }
    }
    return false;
}

/* The real path of what is, or would be, under a path; of what is not there yet, what
 * stands behind the last folder that is. false: none. */
static bool real_path(const char *path, char *out)
{
    char front[TRP_Q_FOLDER_MAX];
    struct stat there;
    char *found = realpath(path, NULL);
    size_t size = strlen(path), cut = size;

    while (found == NULL && cut > 0 && size < sizeof(front)) {
        while (cut > 0 && path[cut - 1] != '/') {
            cut--;
        }
        (void)snprintf(front, sizeof(front), "%.*s", (int)cut, path);
        found = realpath(cut > 0 ? front : ".", NULL);
        cut -= found == NULL && cut > 0;
    }
    const char *rest = cut < size ? path + cut : "";
    int length =
        found != NULL ? snprintf(out, TRP_Q_FOLDER_MAX, "%s/%s", found, rest) : -1;
    free(found);
    return length > 0 && length < TRP_Q_FOLDER_MAX && !goes_up(rest) &&
           (rest[0] == 0 || lstat(path, &there) != 0); /* else it points to nowhere */
}

static bool is_granted(const struct trp_q_host *host, const char *path)
{
    char real[TRP_Q_FOLDER_MAX];
    size_t size = strlen(host->folder);

    return size > 0 && real_path(bare(path), real) &&
           (size == 1 || (strncmp(real, host->folder, size) == 0 && real[size] == '/'));
}

static bool may_use(struct trp_q_host *host, const char *path)
{
    (void)pthread_mutex_lock(&host->lock);
    while (host->held) {
        (void)pthread_cond_wait(&host->changed, &host->lock);
    }
    (void)pthread_mutex_unlock(&host->lock);
    return is_free(host) || is_granted(host, path);
}

static troupe_status no_access(troupe_q_value **answer)
{
    return troupe_q_error("access", TROUPE_Q_Z, answer);
}

/* A script that another one loads may lie beside it. */
static bool is_beside(const struct trp_q_host *host, const char *name, char *out)
{
    int size = name[0] != '/' && host->beside[0] != 0 && access(name, F_OK) != 0
                   ? snprintf(out, TRP_Q_FOLDER_MAX, "%s%s", host->beside, name)
                   : -1;

    return size > 0 && size < TRP_Q_FOLDER_MAX && access(out, F_OK) == 0;
}

static void remember_folder(struct trp_q_host *host, const char *name)
{
    const char *end = strrchr(name, '/');

    for (size_t i = 0; host->scripts != NULL && host->scripts[i] != NULL; i++) {
        if (strcmp(name, host->scripts[i]) == 0) {
            atomic_store(&host->script, host->scripts[i]);
            (void)snprintf(host->beside, sizeof(host->beside), "%.*s",
                           end != NULL ? (int)(end - name) + 1 : 2,
                           end != NULL ? name : "./");
        }
    }
}

static troupe_status host_file(void *context, troupe_embedq_file what, const char *path,
                               troupe_q_value *value, troupe_q_value **answer)
{
    struct trp_q_host *host = context;
    char beside[TRP_Q_FOLDER_MAX];

    if (!may_use(host, path)) {
        return no_access(answer);
    }
    if (what == TROUPE_EMBEDQ_READ_LINES && atomic_load(&host->phase) == LOADING) {
        path = is_beside(host, bare(path), beside) ? beside : path;
        remember_folder(host, bare(path));
    }
    return troupe_embedq_use_files(NULL, what, path, value, answer);
}

static troupe_status host_file_open(void *context, const char *path, int64_t *file)
{
    return may_use(context, path) ? troupe_embedq_use_open(NULL, path, file)
                                  : TROUPE_EACCESS;
}

/* cd, cd FOLDER */
static troupe_status change_folder(struct trp_q_host *host, const char *path,
                                   troupe_q_value **answer)
{
    char here[TRP_Q_FOLDER_MAX];

    if (!is_free(host) && !is_granted(host, path[0] != 0 ? path : ".")) {
        return no_access(answer);
    }
    if (path[0] == 0) {
        return getcwd(here, sizeof(here)) != NULL
                   ? troupe_q_string(here, TROUPE_Q_Z, answer)
                   : TROUPE_ESYSTEM;
    }
    return chdir(path) == 0 ? TROUPE_OK
                            : troupe_q_error(strerror(errno), TROUPE_Q_Z, answer);
}

static troupe_status host_system(void *context, const char *text, size_t size,
                                 troupe_q_value **answer)
{
    char command[TRP_Q_FOLDER_MAX + 8], error[80];

    if (size < sizeof(command) && size >= 2 && memcmp(text, "cd", 2) == 0 &&
        (size == 2 || text[2] == ' ')) {
        memcpy(command, text, size);
        command[size] = 0;
        return change_folder(context, command + 2 + strspn(command + 2, " "), answer);
    }
    (void)snprintf(error, sizeof(error), "nyi: system \"%.*s\"",
                   (int)(size < 60 ? size : 60), text);
    return troupe_q_error(error, TROUPE_Q_Z, answer);
}

/* ---- life ---- */

void trp_q_host_init(struct trp_q_host *host, troupe_q_hub *hub)
{
    *host = (struct trp_q_host){.hub = hub};
    host->host = (troupe_embedq_host){.size = sizeof(host->host),
                                      .attach = host_attach,
                                      .send = host_send,
                                      .open = host_open,
                                      .close = host_close,
                                      .broadcast = host_broadcast,
                                      .defer = host_defer,
                                      .system = host_system,
                                      .exit = host_exit,
                                      .file = host_file,
                                      .file_open = host_file_open,
                                      .file_append = troupe_embedq_use_append,
                                      .file_close = troupe_embedq_use_close,
                                      .timer = host_timer,
                                      .port = host_port,
                                      .handles = host_handles};
    atomic_init(&host->phase, AT_REST);
    (void)pthread_mutex_init(&host->lock, NULL);
    (void)pthread_cond_init(&host->changed, NULL);
}

bool trp_q_host_grant(struct trp_q_host *host, const char *folder)
{
    char *real = realpath(folder, NULL);
    struct stat what;
    bool good = real != NULL && strlen(real) < sizeof(host->folder) &&
                stat(real, &what) == 0 && S_ISDIR(what.st_mode);

    if (good) {
        memcpy(host->folder, real, strlen(real) + 1);
    }
    free(real);
    return good;
}

void trp_q_host_load(struct trp_q_host *host, const char *const *scripts)
{
    host->scripts = scripts;
    host->held = true;
    atomic_store(&host->phase, TO_LOAD);
}

void trp_q_host_release(struct trp_q_host *host)
{
    int rest = AT_REST;

    (void)atomic_compare_exchange_strong(&host->phase, &rest, SERVING);
    (void)pthread_mutex_lock(&host->lock);
    host->held = false;
    (void)pthread_cond_broadcast(&host->changed);
    (void)pthread_mutex_unlock(&host->lock);
}

void trp_q_host_refuse(struct trp_q_host *host)
{
    host->folder[0] = 0;
    host->trusted = false;
    atomic_store(&host->phase, SERVING);
    trp_q_host_release(host);
}

void trp_q_host_fini(struct trp_q_host *host)
{
    (void)pthread_cond_destroy(&host->changed);
    (void)pthread_mutex_destroy(&host->lock);
}
