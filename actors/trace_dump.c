/* SPDX-License-Identifier: MIT
 * trace_dump.c - copies a trace, which may belong to a running process, into a directory.
 *
 * The table is read before the rings and once more after them: a slot that is the same
 * both times belongs to an actor whose records are all in the copy. */
#include "actors/trace_ctf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailbox/alloc.h"

enum { BLOCK_SLOTS = 256, KEPT_PACKETS = 4096 /* 64 MiB */ };

struct dump {
    const struct trp_trace_source *source;
    troupe_trace_info *info;
    int directory, inner;
    uint8_t *packet; /* 16 KiB */
    bool moved;
};

/* ---- packets ---- */

bool trp_packet_is_valid(const troupe_trace_packet *head, const troupe_trace_info *info)
{
    uint64_t records = head->content_size / 8 - TROUPE_TRACE_HEAD;

    return head->magic == TROUPE_TRACE_MAGIC && head->stream == 0 &&
           memcmp(head->uuid, info->uuid, sizeof(head->uuid)) == 0 &&
           head->packet_size == 8 * TROUPE_TRACE_PACKET && head->content_size % 8 == 0 &&
           head->content_size >= 8 * TROUPE_TRACE_HEAD &&
           head->content_size <= 8 * TROUPE_TRACE_PACKET &&
           records % TROUPE_TRACE_RECORD == 0;
}

static int by_sequence(const void *a, const void *b)
{
    uint64_t x = ((const struct trp_packet_place *)a)->sequence;
    uint64_t y = ((const struct trp_packet_place *)b)->sequence;

    return x < y ? -1 : x > y;
}

troupe_status trp_ring_list(const struct trp_trace_source *source,
                            const troupe_trace_info *info, uint32_t worker, bool slow,
                            struct trp_packet_place **places, uint32_t *count)
{
    uint32_t packets = trp_ring_packets(info, slow), used = 0;
    struct trp_packet_place *list = trp_calloc(packets, sizeof(*list));

    if (list == NULL) {
        return TROUPE_ENOMEM;
    }
    for (uint32_t i = 0; i < packets; i++) {
        troupe_trace_packet head;
        uint64_t offset = trp_ring_offset(info, slow) + (uint64_t)i * TROUPE_TRACE_PACKET;
        if (source->read(source->context, TRP_PART_RING, worker, offset, &head,
                         sizeof(head)) &&
            trp_packet_is_valid(&head, info)) {
            list[used++] = (struct trp_packet_place){head.sequence, i};
        }
    }
    qsort(list, used, sizeof(*list), by_sequence);
    *places = list;
    *count = used;
    return TROUPE_OK;
}

/* Time never goes back, sizes agree, and what is behind the content is nobody's business.
 */
static void tidy(void *packet)
{
    troupe_trace_packet head;
    uint64_t last;

    memcpy(&head, packet, sizeof(head));
    size_t size = (size_t)(head.content_size / 8);
    last = head.begin;
    for (size_t at = TROUPE_TRACE_HEAD; at < size; at += TROUPE_TRACE_RECORD) {
        troupe_trace_record record;
        memcpy(&record, (uint8_t *)packet + at, sizeof(record));
        record.ts = record.ts < last ? last : record.ts;
        last = record.ts;
        if (trp_ctf_event(record.id) == NULL) {
            record.tag = record.id; /* of a later version than ours */
            record.id = TROUPE_EV_RECORDER;
        }
        memcpy((uint8_t *)packet + at, &record, sizeof(record));
    }
    head.end = last;
    head.spare = 0;
    memcpy(packet, &head, sizeof(head));
    memset((uint8_t *)packet + size, 0, TROUPE_TRACE_PACKET - size);
}

bool trp_ring_copy(const struct trp_trace_source *source, const troupe_trace_info *info,
                   uint32_t worker, bool slow, const struct trp_packet_place *place,
                   void *packet)
{
    uint64_t offset =
        trp_ring_offset(info, slow) + (uint64_t)place->index * TROUPE_TRACE_PACKET;
    troupe_trace_packet head, after;

    if (!source->read(source->context, TRP_PART_RING, worker, offset, &head,
                      sizeof(head)) ||
        !source->read(source->context, TRP_PART_RING, worker, offset, packet,
                      TROUPE_TRACE_PACKET) ||
        !source->read(source->context, TRP_PART_RING, worker, offset, &after,
                      sizeof(after))) {
        return false;
    }
    if (!trp_packet_is_valid(&head, info) || !trp_packet_is_valid(&after, info) ||
        head.sequence != place->sequence || after.sequence != place->sequence) {
        return false;
    }
    memcpy(packet, &head, sizeof(head)); /* what was complete before the copy */
    tidy(packet);
    return true;
}

/* ---- files ---- */

static FILE *create(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;

    if (file == NULL && fd >= 0) {
        (void)close(fd);
    }
    return file;
}

static troupe_status finish(FILE *file)
{
    bool bad = ferror(file) != 0;

    return fclose(file) == 0 && !bad ? TROUPE_OK : TROUPE_ESYSTEM;
}

/* Copies all packets at once if they are not too many: the writer does not wait, and a
 * file system takes its time. What could not be copied has no magic number. */
static uint8_t *copy_ring(const struct dump *dump, uint32_t worker, bool slow,
                          const struct trp_packet_place *places, uint32_t count)
{
    uint8_t *all = count <= KEPT_PACKETS ? trp_calloc(count, TROUPE_TRACE_PACKET) : NULL;

    for (uint32_t i = 0; all != NULL && i < count; i++) {
        uint8_t *packet = all + (size_t)i * TROUPE_TRACE_PACKET;
        if (!trp_ring_copy(dump->source, dump->info, worker, slow, &places[i], packet)) {
            memset(packet, 0, sizeof(uint32_t));
        }
    }
    return all;
}

static void write_packets(struct dump *dump, uint32_t worker, bool slow,
                          const struct trp_packet_place *places, uint32_t count,
                          FILE *file)
{
    uint8_t *all = copy_ring(dump, worker, slow, places, count);
    uint64_t end = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *packet =
            all != NULL ? all + (size_t)i * TROUPE_TRACE_PACKET : dump->packet;
        troupe_trace_packet head;
        bool copied = all != NULL || trp_ring_copy(dump->source, dump->info, worker, slow,
                                                   &places[i], dump->packet);
        memcpy(&head, packet, sizeof(head));
        if (!copied || head.magic != TROUPE_TRACE_MAGIC) {
            dump->info->overwritten++;
        } else if (head.begin >= end) { /* no writer of ours goes back */
            end = head.end;
            (void)fwrite(packet, TROUPE_TRACE_PACKET, 1, file);
        }
    }
    trp_free(all);
}

static troupe_status write_ring(struct dump *dump, uint32_t worker, bool slow)
{
    struct trp_packet_place *places = NULL;
    uint32_t count = 0;
    char name[32];
    troupe_status status =
        trp_ring_list(dump->source, dump->info, worker, slow, &places, &count);

    if (status != TROUPE_OK) {
        return status;
    }
    (void)snprintf(name, sizeof(name), "%s.%" PRIu32, slow ? "slow" : "fast", worker);
    FILE *file = create(dump->directory, name);
    if (file == NULL) {
        trp_free(places);
        return TROUPE_ESYSTEM;
    }
    write_packets(dump, worker, slow, places, count, file);
    trp_free(places);
    return finish(file);
}

/* ---- the table ---- */

static bool same(const troupe_trace_slot *a, const troupe_trace_slot *b)
{
    return a->id == b->id && a->enqueued == b->enqueued && a->delivered == b->delivered &&
           a->dropped == b->dropped;
}

static troupe_status write_actors(struct dump *dump, FILE *file)
{
    troupe_trace_slot *block = trp_calloc(BLOCK_SLOTS, sizeof(*block));
    uint64_t looked = 0;

    if (block == NULL) {
        return TROUPE_ENOMEM;
    }
    for (uint32_t worker = 1; worker < TROUPE_TRACE_WORKERS; worker++) {
        uint64_t slots =
            (uint64_t)dump->info->workers[worker].chunks * TROUPE_TRACE_CHUNK;
        for (uint64_t at = 0; at < slots && looked < TRP_TRACE_SLOTS_MAX;
             at += BLOCK_SLOTS, looked += BLOCK_SLOTS) {
            if (!dump->source->read(dump->source->context, TRP_PART_ACTORS, worker,
                                    at * sizeof(*block), block,
                                    BLOCK_SLOTS * sizeof(*block))) {
                break;
            }
            for (size_t i = 0; i < BLOCK_SLOTS; i++) {
                if (block[i].id != 0 && block[i].id >> 56 == worker &&
                    (block[i].id >> 32 & 0xffffff) == at + i) {
                    block[i].spare = 0;
                    (void)fwrite(&block[i], sizeof(*block), 1, file);
                }
            }
        }
    }
    trp_free(block);
    return ferror(file) == 0 ? TROUPE_OK : TROUPE_ESYSTEM;
}

/* Marks the slots that have changed since they were written. */
static void mark_moved(struct dump *dump, FILE *file)
{
    troupe_trace_slot was, now;

    (void)fflush(file);
    for (long at = 0;
         fseek(file, at, SEEK_SET) == 0 && fread(&was, sizeof(was), 1, file) == 1;
         at += (long)sizeof(was)) {
        uint64_t offset = (was.id >> 32 & 0xffffff) * sizeof(was);
        if (dump->source->read(dump->source->context, TRP_PART_ACTORS,
                               (uint32_t)(was.id >> 56), offset, &now, sizeof(now)) &&
            same(&was, &now)) {
            continue;
        }
        was.spare = 1;
        dump->moved = true;
        if (fseek(file, at, SEEK_SET) != 0 || fwrite(&was, sizeof(was), 1, file) != 1) {
            return; /* ferror says so later */
        }
    }
}

/* ---- all of it ---- */

static troupe_status write_info(struct dump *dump)
{
    FILE *file = create(dump->inner, "info");
    troupe_trace_name name;

    if (file == NULL) {
        return TROUPE_ESYSTEM;
    }
    bool still = !dump->moved && dump->info->overwritten == 0;
    dump->info->settled = !still ? 0 : dump->info->settled == 2 ? 2 : 1;
    (void)fwrite(dump->info, sizeof(*dump->info), 1, file);
    for (uint32_t i = 0; i < dump->info->names; i++) {
        if (!trp_trace_name_read(dump->source, dump->info, i, &name)) {
            memset(&name, 0, sizeof(name));
        }
        (void)fwrite(&name, sizeof(name), 1, file);
    }
    return finish(file);
}

static troupe_status write_metadata(struct dump *dump)
{
    FILE *file = create(dump->directory, "metadata");

    if (file == NULL) {
        return TROUPE_ESYSTEM;
    }
    trp_ctf_metadata(dump->source, dump->info, file);
    return finish(file);
}

static troupe_status write_all(struct dump *dump)
{
    FILE *actors = create(dump->inner, "actors");

    if (actors == NULL) {
        return TROUPE_ESYSTEM;
    }
    troupe_status status = write_actors(dump, actors);
    for (uint32_t worker = 1; worker < TROUPE_TRACE_WORKERS; worker++) {
        if (dump->info->workers[worker].open == 0 ||
            dump->info->mode != TROUPE_TRACE_RING) {
            continue;
        }
        status = status == TROUPE_OK ? write_ring(dump, worker, false) : status;
        status = status == TROUPE_OK ? write_ring(dump, worker, true) : status;
    }
    mark_moved(dump, actors);
    troupe_status end = finish(actors);
    status = status == TROUPE_OK ? end : status;
    status = status == TROUPE_OK ? write_info(dump) : status;
    return status == TROUPE_OK ? write_metadata(dump) : status;
}

troupe_status trp_ctf_write(const struct trp_trace_source *source,
                            troupe_trace_info *info, const char *directory)
{
    struct dump dump = {.source = source, .info = info, .directory = -1, .inner = -1};
    troupe_status status = TROUPE_ESYSTEM;

    if (mkdir(directory, 0700) != 0) {
        return errno == EEXIST ? TROUPE_EEXIST : TROUPE_ESYSTEM;
    }
    dump.packet = trp_alloc(TROUPE_TRACE_PACKET);
    if (dump.packet == NULL) {
        return TROUPE_ENOMEM;
    }
    info->overwritten = 0;
    dump.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dump.directory >= 0 && mkdirat(dump.directory, "troupe", 0700) == 0) {
        dump.inner = openat(dump.directory, "troupe", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (dump.inner >= 0) {
        status = write_all(&dump);
        (void)close(dump.inner);
    }
    if (dump.directory >= 0) {
        (void)close(dump.directory);
    }
    trp_free(dump.packet);
    return status;
}
