/* SPDX-License-Identifier: MIT
 * trace_places.c - who is traced: /proc for the living, known directories for the dead.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/trace/trace_at.h"

enum { LINK_SIZE = 1200, STAT_SIZE = 1024, FDS_MAX = 65536 };

struct search {
    bool (*visit)(void *context, const struct trp_trace_place *place);
    void *context;
    bool stop;
};

static void look_at(struct search *search, const struct trp_trace_place *place)
{
    if (!search->stop) {
        search->stop = !search->visit(search->context, place);
    }
}

/* The state and the start time of a process; false when there is none. */
static bool read_stat(uint32_t pid, char *state, uint64_t *started)
{
    char path[64], text[STAT_SIZE];

    (void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (size <= 0) {
        return false;
    }
    text[size] = 0;
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] == 0 || at[2] == 0) {
        return false;
    }
    *state = at[2];
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    *started = at != NULL ? strtoull(at, NULL, 10) : 0;
    return true;
}

/* "PID.START" or "PID.START-N". */
static bool parse_name(const char *name, uint32_t *pid, uint64_t *started)
{
    char *end;

    if (!isdigit((unsigned char)name[0])) {
        return false;
    }
    unsigned long long number = strtoull(name, &end, 10);
    if (*end != '.' || number == 0 || number > INT32_MAX ||
        !isdigit((unsigned char)end[1])) {
        return false;
    }
    *pid = (uint32_t)number;
    *started = strtoull(end + 1, &end, 10);
    return *end == 0 || *end == '-';
}

static void set_process(struct trp_trace_place *place, uint32_t pid, uint64_t started)
{
    uint64_t begun = 0;
    char state = 0;

    place->pid = pid;
    place->alive = read_stat(pid, &state, &begun) && state != 'Z' && begun == started;
    place->state = place->alive ? state : 0;
}

static void scan_directory(struct search *search, const char *parent)
{
    DIR *dir = opendir(parent);
    struct dirent *entry;

    while (dir != NULL && !search->stop && (entry = readdir(dir)) != NULL) {
        struct trp_trace_place place = {0};
        uint32_t pid = 0;
        uint64_t started = 0;
        if (!parse_name(entry->d_name, &pid, &started)) {
            continue;
        }
        int length =
            snprintf(place.path, sizeof(place.path), "%s/%s", parent, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(place.path)) {
            continue;
        }
        set_process(&place, pid, started);
        if (!place.alive) { /* the living are found in /proc, wherever they write */
            look_at(search, &place);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static void scan_known(struct search *search)
{
    static const struct {
        const char *variable, *below;
    } known[] = {{"TROUPE_TRACE_DIR", ""},
                 {"RUNTIME_DIRECTORY", "/troupe"},
                 {"XDG_RUNTIME_DIR", "/troupe"}};
    char path[TRP_AT_PATH];

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *value = getenv(known[i].variable);
        if (value != NULL && value[0] != 0 &&
            snprintf(path, sizeof(path), "%.*s%s",
                     (int)(known[i].below[0] != 0 ? strcspn(value, ":") : strlen(value)),
                     value, known[i].below) < (int)sizeof(path)) {
            scan_directory(search, path);
        }
    }
}

/* What one descriptor of a process is: the info of a trace, or nothing to us. */
static bool is_info(const char *link, uint32_t pid, struct trp_trace_place *place)
{
    static const char memory[] = "/memfd:troupe.";
    const char *key = link + sizeof(memory) - 1;

    if (strncmp(link, memory, sizeof(memory) - 1) == 0) {
        if (strlen(key) < 21 || strncmp(key + 16, ".info", 5) != 0 ||
            (key[21] != 0 && key[21] != ' ')) {
            return false;
        }
        memcpy(place->key, key, 16);
        return true;
    }
    const char *slash = strrchr(link, '/');
    if (slash == NULL || strcmp(slash, "/info") != 0 ||
        (size_t)(slash - link) >= sizeof(place->path)) {
        return false;
    }
    memcpy(place->path, link, (size_t)(slash - link));
    const char *name = strrchr(place->path, '/');
    uint32_t named = 0;
    uint64_t started = 0;
    return name != NULL && parse_name(name + 1, &named, &started) && named == pid;
}

/* Not a child that inherited the descriptor. */
static bool is_its_own(const char *fds, const char *fd, uint32_t pid, uint64_t started)
{
    char path[512];
    troupe_trace_info info;

    if (snprintf(path, sizeof(path), "%s/%s", fds, fd) >= (int)sizeof(path)) {
        return false;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return false;
    }
    size_t size = offsetof(troupe_trace_info, uuid);
    bool read = pread(file, &info, size, 0) == (ssize_t)size;
    (void)close(file);
    return read && memcmp(info.magic, TROUPE_TRACE_INFO, sizeof(info.magic)) == 0 &&
           info.pid == pid && info.started == started;
}

static void scan_process(struct search *search, uint32_t pid)
{
    char fds[64], link[LINK_SIZE];
    uint64_t started = 0;
    char state = 0;
    struct dirent *entry;

    (void)snprintf(fds, sizeof(fds), "/proc/%u/fd", pid);
    DIR *dir = opendir(fds);
    if (dir == NULL || !read_stat(pid, &state, &started)) {
        if (dir != NULL) {
            (void)closedir(dir);
        }
        return;
    }
    for (int seen = 0; !search->stop && seen < FDS_MAX && (entry = readdir(dir)) != NULL;
         seen++) {
        struct trp_trace_place place = {.pid = pid, .alive = true, .state = state};
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
        if (length <= 0) {
            continue;
        }
        link[length] = 0;
        if (is_info(link, pid, &place) && is_its_own(fds, entry->d_name, pid, started)) {
            look_at(search, &place);
        }
    }
    (void)closedir(dir);
}

void trp_traces_each(bool (*visit)(void *context, const struct trp_trace_place *place),
                     void *context)
{
    struct search search = {.visit = visit, .context = context};
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    while (proc != NULL && !search.stop && (entry = readdir(proc)) != NULL) {
        char *end;
        unsigned long pid = strtoul(entry->d_name, &end, 10);
        if (*end == 0 && pid > 0 && pid <= INT32_MAX) {
            scan_process(&search, (uint32_t)pid);
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    if (!search.stop) {
        scan_known(&search);
    }
}

/* ---- by what the user said ---- */

struct wanted {
    uint32_t pid, nth, seen; /* pid 0: any process that lives */
    bool found;
    struct trp_trace_place place;
};

static bool match(void *context, const struct trp_trace_place *place)
{
    struct wanted *wanted = context;

    if (wanted->pid == 0 ? !place->alive : place->pid != wanted->pid) {
        return true;
    }
    wanted->seen++;
    if (wanted->seen == wanted->nth) {
        wanted->place = *place;
        wanted->found = true;
    }
    return wanted->pid == 0 || !wanted->found;
}

static troupe_status open_directory(const char *path, struct trp_trace_at **out)
{
    struct trp_trace_place place = {0};
    char inner[TRP_AT_PATH + 16];
    struct stat found;

    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode)) {
        return TROUPE_ENOENT;
    }
    if (snprintf(place.path, sizeof(place.path), "%s", path) >= (int)sizeof(place.path)) {
        return TROUPE_ENOENT;
    }
    for (size_t end = strlen(place.path); end > 1 && place.path[end - 1] == '/'; end--) {
        place.path[end - 1] = 0;
    }
    (void)snprintf(inner, sizeof(inner), "%s/troupe/info", place.path);
    place.is_copy = stat(inner, &found) == 0;
    const char *name = strrchr(place.path, '/');
    uint32_t pid = 0;
    uint64_t started = 0;
    if (!place.is_copy &&
        parse_name(name != NULL ? name + 1 : place.path, &pid, &started)) {
        set_process(&place, pid, started);
    }
    return trp_trace_open_place(&place, out);
}

troupe_status trp_trace_find(const char *what, struct trp_trace_at **out)
{
    struct wanted wanted = {.nth = 1};
    char *end = NULL;

    if (what != NULL) {
        unsigned long pid = strtoul(what, &end, 10);
        if (!isdigit((unsigned char)what[0]) || (*end != 0 && *end != '/') || pid == 0 ||
            pid > INT32_MAX) {
            return open_directory(what, out);
        }
        wanted.pid = (uint32_t)pid;
        wanted.nth = *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 10) : 1;
        scan_process(&(struct search){.visit = match, .context = &wanted}, wanted.pid);
        if (!wanted.found) {
            wanted.seen = 0;
            scan_known(&(struct search){.visit = match, .context = &wanted});
        }
    } else {
        trp_traces_each(match, &wanted);
    }
    if (!wanted.found) {
        return TROUPE_ENOENT;
    }
    if (wanted.pid == 0 && wanted.seen > 1) {
        return TROUPE_EEXIST;
    }
    return trp_trace_open_place(&wanted.place, out);
}
