/* SPDX-License-Identifier: MIT
 * trace_memory.c - files, memory files or private memory. */
#define _GNU_SOURCE
#include "actors/trace_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailbox/alloc.h"

enum { PATH_SIZE = 1024, TRIES = 256 };

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

struct area {
    struct area *next;
    void *at;
    size_t size;
    int fd; /* -1: private */
    char name[TRP_AREA_NAME];
};

struct trp_memory {
    enum { PRIVATE, SEALED, FILES } kind;
    pid_t owner;
    uint64_t key; /* tells the memory files of one trace from another's */
    int directory;
    char path[PATH_SIZE];
    const char *note;
    struct area *areas;
};

uint64_t trp_memory_started(void)
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    if (size <= 0) {
        return 0;
    }
    text[size] = 0;
    const char *at = strrchr(text, ')'); /* the name may hold anything */
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* ---- where ---- */

/* The folder that holds the directories of all traced processes; false: no wish. */
static bool find_parent(char *path, size_t size)
{
    const char *own = secure_getenv("TROUPE_TRACE_DIR");
    const char *service = secure_getenv("RUNTIME_DIRECTORY");
    const char *session = secure_getenv("XDG_RUNTIME_DIR");
    int length = -1;

    if (own != NULL && own[0] != 0) {
        length = snprintf(path, size, "%s", own);
    } else if (service != NULL && service[0] == '/') {
        length = snprintf(path, size, "%.*s/troupe", (int)strcspn(service, ":"), service);
    } else if (session != NULL && session[0] == '/') {
        length = snprintf(path, size, "%s/troupe", session);
    }
    return length > 0 && (size_t)length < size;
}

/* Makes PARENT/PID.START and opens it. */
static bool make_directory(struct trp_memory *memory)
{
    char parent[PATH_SIZE];
    struct stat found;

    if (!find_parent(parent, sizeof(parent))) {
        return false;
    }
    (void)mkdir(parent, 0700);
    if (stat(parent, &found) != 0 || !S_ISDIR(found.st_mode)) {
        memory->note = "the trace directory cannot be made";
        return false;
    }
    for (unsigned i = 1; i <= TRIES; i++) {
        char more[16] = "";
        if (i > 1) {
            (void)snprintf(more, sizeof(more), "-%u", i);
        }
        int length = snprintf(memory->path, sizeof(memory->path), "%s/%ld.%" PRIu64 "%s",
                              parent, (long)getpid(), trp_memory_started(), more);
        if (length < 0 || (size_t)length >= sizeof(memory->path)) {
            break;
        }
        if (mkdir(memory->path, 0700) == 0) {
            memory->directory =
                open(memory->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            return memory->directory >= 0;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    memory->note = "the trace directory cannot be made";
    return false;
}

static uint64_t make_key(void)
{
    static const char somewhere = 0; /* its address differs between runs, at least */
    uint64_t key = 0;

    return getentropy(&key, sizeof(key)) == 0 ? key : (uint64_t)(uintptr_t)&somewhere;
}

struct trp_memory *trp_memory_open(bool shared)
{
    struct trp_memory *memory = trp_calloc(1, sizeof(*memory));

    if (memory == NULL) {
        return NULL;
    }
    memory->owner = getpid();
    memory->directory = -1;
    memory->note = "";
    memory->key = make_key();
    memory->kind = !shared ? PRIVATE : make_directory(memory) ? FILES : SEALED;
    return memory;
}

/* ---- areas ---- */

static int open_area(struct trp_memory *memory, const char *name)
{
    char full[64];

    switch (memory->kind) {
    case FILES:
        return openat(memory->directory, name,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    case SEALED:
        (void)snprintf(full, sizeof(full), "troupe.%016" PRIx64 ".%s", memory->key, name);
        return memfd_create(full, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    case PRIVATE:
        break;
    }
    return -1;
}

static void seal(int fd)
{
    int fixed = F_SEAL_GROW | F_SEAL_SHRINK;

    if (fcntl(fd, F_ADD_SEALS, fixed | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0 &&
        fcntl(fd, F_ADD_SEALS, fixed | F_SEAL_SEAL) != 0) {
        return; /* an old kernel: readers check every size anyway */
    }
}

static void forget_file(struct trp_memory *memory, const char *name, int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
    if (memory->kind == FILES) {
        (void)unlinkat(memory->directory, name, 0);
    }
}

/* Maps a shared area; false leaves nothing behind. */
static bool map_shared(struct trp_memory *memory, struct area *area, bool whole)
{
    int fd = open_area(memory, area->name);

    if (fd < 0) {
        return false;
    }
    if (ftruncate(fd, (off_t)area->size) != 0 ||
        (whole && memory->kind == FILES &&
         posix_fallocate(fd, 0, (off_t)area->size) != 0)) {
        forget_file(memory, area->name, fd);
        return false;
    }
    void *at =
        mmap(NULL, area->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (at == MAP_FAILED) {
        forget_file(memory, area->name, fd);
        return false;
    }
    if (memory->kind == SEALED) {
        seal(fd);
    }
    area->at = at;
    area->fd = fd;
    return true;
}

static bool map_private(struct trp_memory *memory, struct area *area)
{
    void *at = mmap(NULL, area->size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED) {
        return false;
    }
    if (memory->kind != PRIVATE) {
        memory->note = "shared memory is full or not allowed: a part is private";
    }
    area->at = at;
    area->fd = -1;
    return true;
}

void *trp_memory_area(struct trp_memory *memory, const char *name, size_t size,
                      bool whole)
{
    struct area *area = trp_calloc(1, sizeof(*area));

    if (area == NULL) {
        return NULL;
    }
    area->size = size;
    (void)snprintf(area->name, sizeof(area->name), "%s", name);
    if ((memory->kind == PRIVATE || !map_shared(memory, area, whole)) &&
        !map_private(memory, area)) {
        trp_free(area);
        return NULL;
    }
    area->next = memory->areas;
    memory->areas = area;
    return area->at;
}

bool trp_memory_reserve(struct trp_memory *memory, const void *where, size_t offset,
                        size_t size)
{
    if (memory->kind != FILES) {
        return true;
    }
    for (const struct area *area = memory->areas; area != NULL; area = area->next) {
        if (area->at == where && area->fd >= 0) {
            return posix_fallocate(area->fd, (off_t)offset, (off_t)size) == 0;
        }
    }
    return true;
}

bool trp_memory_is_shared(const struct trp_memory *memory)
{
    return memory->kind != PRIVATE;
}

const char *trp_memory_note(const struct trp_memory *memory)
{
    return memory->note;
}

void trp_memory_fork(struct trp_memory *memory)
{
    for (struct area *area = memory->areas; area != NULL; area = area->next) {
        if (area->fd < 0) {
            continue;
        }
        if (mmap(area->at, area->size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, area->fd, 0) == MAP_FAILED) {
            /* Zeroes are better than the parent's memory. */
            (void)mmap(area->at, area->size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | MAP_ANONYMOUS, -1, 0);
        }
    }
}

void trp_memory_remove(struct trp_memory *memory)
{
    bool ours = memory->owner == getpid();

    for (const struct area *area = memory->areas; area != NULL; area = area->next) {
        if (memory->kind == FILES && ours && area->fd >= 0 && memory->directory >= 0) {
            (void)unlinkat(memory->directory, area->name, 0);
        }
    }
    if (memory->directory >= 0) {
        (void)close(memory->directory);
        memory->directory = -1;
        if (ours) {
            (void)rmdir(memory->path);
        }
    }
}

void trp_memory_close(struct trp_memory **memory)
{
    struct trp_memory *old = *memory;

    *memory = NULL;
    if (old == NULL) {
        return;
    }
    trp_memory_remove(old);
    while (old->areas != NULL) {
        struct area *area = old->areas;
        old->areas = area->next;
        (void)munmap(area->at, area->size);
        if (area->fd >= 0) {
            (void)close(area->fd);
        }
        trp_free(area);
    }
    trp_free(old);
}
