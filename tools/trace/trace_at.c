/* SPDX-License-Identifier: MIT
 * trace_at.c - an open trace: files read with pread, so that one that shrinks under us is
 * a short read and not a signal. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/recorder.h"
#include "mailbox/alloc.h"
#include "tools/trace/trace_at.h"

#define CHUNK_BYTES ((uint64_t)TROUPE_TRACE_CHUNK * sizeof(troupe_trace_slot))
#define FILE_BYTES  (CHUNK_BYTES * TROUPE_TRACE_CHUNKS_FILE)

enum { LINK_SIZE = 1200, BLOCK_SLOTS = 256, FDS_MAX = 65536 };

/* Opens the memory file of that name among the descriptors of its process. */
static int open_memory(const struct trp_trace_place *place, const char *name)
{
    char fds[64], wanted[128], link[LINK_SIZE];
    struct dirent *entry;
    int file = -1;

    (void)snprintf(fds, sizeof(fds), "/proc/%u/fd", place->pid);
    int length =
        snprintf(wanted, sizeof(wanted), "/memfd:troupe.%s.%s", place->key, name);
    DIR *dir = opendir(fds);
    for (int seen = 0;
         dir != NULL && file < 0 && seen < FDS_MAX && (entry = readdir(dir)) != NULL;
         seen++) {
        ssize_t size = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
        if (size < length) {
            continue;
        }
        link[size] = 0;
        if (strncmp(link, wanted, (size_t)length) == 0 &&
            (link[length] == 0 || link[length] == ' ')) {
            file = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return file;
}

static int open_file(const struct trp_trace_at *at, const char *name)
{
    return at->directory >= 0 ? openat(at->directory, name,
                                       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                              : open_memory(&at->place, name);
}

static void open_worker(struct trp_trace_at *at, uint32_t worker)
{
    char name[32];

    at->tried[worker] = true;
    if (at->place.is_copy) {
        (void)snprintf(name, sizeof(name), "fast.%u", worker);
        at->rings[worker][0] = open_file(at, name);
        (void)snprintf(name, sizeof(name), "slow.%u", worker);
        at->rings[worker][1] = open_file(at, name);
        return;
    }
    (void)snprintf(name, sizeof(name), "ring.%u", worker);
    at->rings[worker][0] = open_file(at, name);
    for (uint32_t i = 0; i < 4; i++) {
        if (at->info.workers[worker].chunks > i * TROUPE_TRACE_CHUNKS_FILE) {
            (void)snprintf(name, sizeof(name), "actors.%u.%u", worker, i);
            at->actors[worker][i] = open_file(at, name);
        }
    }
}

static bool read_all(int fd, void *to, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (fd >= 0 && done < size) {
        ssize_t got =
            pread(fd, (uint8_t *)to + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return done == size;
}

static bool read_part(void *context, enum trp_trace_part part, uint32_t worker,
                      uint64_t offset, void *to, size_t size)
{
    struct trp_trace_at *at = context;
    uint64_t fast = (uint64_t)at->info.fast * TROUPE_TRACE_PACKET;

    if (part == TRP_PART_INFO) {
        return read_all(at->info_fd, to, size, offset);
    }
    if (worker >= TROUPE_TRACE_WORKERS) {
        return false;
    }
    if (!at->tried[worker]) {
        open_worker(at, worker);
    }
    if (part == TRP_PART_RING) {
        bool second = at->place.is_copy && offset >= fast;
        return read_all(at->rings[worker][second], to, size,
                        second ? offset - fast : offset);
    }
    return !at->place.is_copy && offset < 4 * FILE_BYTES &&
           read_all(at->actors[worker][offset / FILE_BYTES], to, size,
                    offset % FILE_BYTES);
}

static uint64_t end_of_ring(struct trp_trace_at *at, uint32_t worker, bool slow)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < trp_ring_packets(&at->info, slow); i++) {
        troupe_trace_packet head;
        uint64_t offset =
            trp_ring_offset(&at->info, slow) + (uint64_t)i * TROUPE_TRACE_PACKET;
        if (read_part(at, TRP_PART_RING, worker, offset, &head, sizeof(head)) &&
            trp_packet_is_valid(&head, &at->info) && head.end > end) {
            end = head.end;
        }
    }
    return end;
}

/* The clock of a dead process stands at the last thing it recorded. */
static void find_the_end(struct trp_trace_at *at)
{
    uint64_t end = at->info.latest_ticks;

    for (uint32_t w = 1; w < TROUPE_TRACE_WORKERS; w++) {
        if (at->info.workers[w].open != 0 && at->info.mode == TROUPE_TRACE_RING) {
            uint64_t fast = end_of_ring(at, w, false), slow = end_of_ring(at, w, true);
            end = fast > end ? fast : end;
            end = slow > end ? slow : end;
        }
    }
    at->info.taken = end;
}

troupe_status trp_trace_open_place(const struct trp_trace_place *place,
                                   struct trp_trace_at **out)
{
    struct trp_trace_at *at = trp_calloc(1, sizeof(*at));
    troupe_status status;

    if (at == NULL) {
        return TROUPE_ENOMEM;
    }
    at->place = *place;
    at->source = (struct trp_trace_source){.context = at, .read = read_part};
    at->directory = at->info_fd = -1;
    memset(at->rings, 0xff, sizeof(at->rings));
    memset(at->actors, 0xff, sizeof(at->actors));
    if (place->path[0] != 0) {
        at->directory = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (place->path[0] == 0 || at->directory >= 0) {
        at->info_fd = open_file(at, place->is_copy ? "troupe/info" : "info");
    }
    if (at->info_fd < 0) {
        status = errno == EACCES || errno == EPERM ? TROUPE_EACCESS : TROUPE_ENOENT;
    } else {
        trp_clock_choose();
        status = trp_trace_info_read(&at->source, &at->info);
    }
    if (status != TROUPE_OK) {
        trp_trace_leave(&at);
        return status;
    }
    at->place.pid = at->info.pid;
    if (!at->place.alive && !at->place.is_copy) {
        find_the_end(at);
    }
    *out = at;
    return TROUPE_OK;
}

static void shut(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

void trp_trace_leave(struct trp_trace_at **at)
{
    struct trp_trace_at *old = *at;

    *at = NULL;
    if (old == NULL) {
        return;
    }
    for (uint32_t w = 0; w < TROUPE_TRACE_WORKERS; w++) {
        shut(old->rings[w][0]);
        shut(old->rings[w][1]);
        for (int i = 0; i < 4; i++) {
            shut(old->actors[w][i]);
        }
    }
    shut(old->info_fd);
    shut(old->directory);
    trp_free(old);
}

/* ---- time ---- */

uint64_t trp_trace_now(const struct trp_trace_at *at)
{
    if (!at->place.alive) {
        return at->info.taken != 0 ? at->info.taken : at->info.latest_ticks;
    }
    if (at->info.clock == TROUPE_CLOCK_MONOTONIC) {
        return trp_clock_ns();
    }
    if (at->info.clock == trp_clock_name() && trp_clock_is_counter) {
        return trp_ticks();
    }
    return at->info.latest_ticks +
           (uint64_t)((double)(trp_clock_ns() - at->info.latest_ns) *
                      (double)at->info.frequency / 1e9);
}

uint64_t trp_trace_ns(const struct trp_trace_at *at, uint64_t ticks)
{
    double ns = (double)ticks * 1e9 / (double)trp_trace_frequency(&at->info);

    return ns < 9e18 ? (uint64_t)ns : UINT64_MAX;
}

/* ---- the table ---- */

static void copied_slots(struct trp_trace_at *at,
                         void (*visit)(void *context, const troupe_trace_slot *slot),
                         void *context)
{
    int fd = openat(at->directory, "troupe/actors", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    troupe_trace_slot slot;

    for (uint64_t i = 0; i < TRP_TRACE_SLOTS_MAX; i++) {
        if (!read_all(fd, &slot, sizeof(slot), i * sizeof(slot))) {
            break;
        }
        slot.name[sizeof(slot.name) - 1] = 0;
        visit(context, &slot);
    }
    shut(fd);
}

void trp_trace_slots(struct trp_trace_at *at,
                     void (*visit)(void *context, const troupe_trace_slot *slot),
                     void *context)
{
    troupe_trace_slot block[BLOCK_SLOTS];
    uint64_t looked = 0;

    if (at->place.is_copy) {
        copied_slots(at, visit, context);
        return;
    }
    for (uint32_t w = 1; w < TROUPE_TRACE_WORKERS; w++) {
        uint64_t slots = (uint64_t)at->info.workers[w].chunks * TROUPE_TRACE_CHUNK;
        for (uint64_t i = 0; i < slots && looked < TRP_TRACE_SLOTS_MAX;
             i += BLOCK_SLOTS, looked += BLOCK_SLOTS) {
            if (!at->source.read(at->source.context, TRP_PART_ACTORS, w,
                                 i * sizeof(block[0]), block, sizeof(block))) {
                break;
            }
            for (uint64_t j = 0; j < BLOCK_SLOTS; j++) {
                if (block[j].id >> 56 == w && (block[j].id >> 32 & 0xffffff) == i + j) {
                    block[j].spare = 0;
                    block[j].name[sizeof(block[j].name) - 1] = 0;
                    visit(context, &block[j]);
                }
            }
        }
    }
}
