/* SPDX-License-Identifier: MIT
 * trace_table.c - the table of actors in chunks, and reading a trace from inside. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/trace_source.h"
#include "actors/trace_state.h"
#include "mailbox/alloc.h"

/* ---- the table of actors ---- */

static troupe_trace_slot *loose_chunk(struct trp_trace_worker *worker, uint32_t chunk)
{
    troupe_trace_slot **grown =
        trp_realloc(worker->loose, ((size_t)chunk + 1) * sizeof(*grown));

    if (grown == NULL) {
        return NULL;
    }
    for (uint32_t i = worker->chunks; i <= chunk; i++) {
        grown[i] = NULL;
    }
    worker->loose = grown;
    worker->loose[chunk] = trp_calloc(TROUPE_TRACE_CHUNK, sizeof(troupe_trace_slot));
    return worker->loose[chunk];
}

static troupe_trace_slot *shared_chunk(struct trp_trace *trace, uint32_t base,
                                       uint32_t chunk)
{
    struct trp_trace_worker *worker = &trace->workers[base];
    uint32_t file = chunk / TROUPE_TRACE_CHUNKS_FILE;
    size_t offset = (size_t)(chunk % TROUPE_TRACE_CHUNKS_FILE) * TRP_CHUNK_BYTES;

    if (worker->actors[file] == NULL) {
        char name[TRP_AREA_NAME];
        (void)snprintf(name, sizeof(name), "actors.%" PRIu32 ".%" PRIu32, base, file);
        worker->actors[file] =
            trp_memory_area(trace->memory, name, TRP_FILE_BYTES, false);
    }
    if (worker->actors[file] == NULL ||
        !trp_memory_reserve(trace->memory, worker->actors[file], offset,
                            TRP_CHUNK_BYTES)) {
        return NULL;
    }
    return (troupe_trace_slot *)(void *)(worker->actors[file] + offset);
}

troupe_trace_slot *trp_trace_chunk(struct trp_trace *trace, uint32_t base, uint32_t chunk)
{
    troupe_trace_slot *slots = NULL;

    if (base >= TROUPE_TRACE_WORKERS ||
        chunk >= TRP_ACTORS_FILES * TROUPE_TRACE_CHUNKS_FILE) {
        return NULL;
    }
    (void)pthread_mutex_lock(&trace->lock);
    struct trp_trace_worker *worker = &trace->workers[base];
    if (trp_memory_is_shared(trace->memory) && worker->loose == NULL) {
        slots = shared_chunk(trace, base, chunk);
    }
    if (slots == NULL) {
        slots = loose_chunk(worker, chunk);
    }
    if (slots != NULL && chunk >= worker->chunks) {
        worker->chunks = chunk + 1;
        __atomic_store_n(&trace->info->workers[base].chunks, chunk + 1, __ATOMIC_RELEASE);
    }
    (void)pthread_mutex_unlock(&trace->lock);
    return slots;
}

/* ---- reading from inside ---- */

#if defined(__clang__) || defined(__GNUC__)
#define UNCHECKED __attribute__((no_sanitize_thread, noinline))
#else
#define UNCHECKED
#endif

/* What others write meanwhile; whole words, so that no number is torn. */
UNCHECKED static void copy_words(void *to, const void *from, size_t size)
{
    const volatile uint64_t *in = from;
    uint8_t *out = to;

    for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
        uint64_t word = in[i];
        memcpy(out + i * sizeof(word), &word, sizeof(word));
    }
}

static const uint8_t *find(const struct trp_trace *trace, enum trp_trace_part part,
                           uint32_t worker, uint64_t offset, size_t size)
{
    const struct trp_trace_worker *w = &trace->workers[worker];
    uint64_t packets = (uint64_t)trace->info->fast + trace->info->slow;
    uint64_t chunk = offset / TRP_CHUNK_BYTES, within = offset % TRP_CHUNK_BYTES;
    uint64_t names = TROUPE_TRACE_NAMES * sizeof(troupe_trace_name);

    switch (part) {
    case TRP_PART_INFO:
        return offset + size <= sizeof(*trace->info) + names
                   ? (const uint8_t *)trace->info + offset
                   : NULL;
    case TRP_PART_RING:
        return w->ring != NULL && offset + size <= packets * TROUPE_TRACE_PACKET
                   ? w->ring + offset
                   : NULL;
    case TRP_PART_ACTORS:
        if (chunk >= trace->info->workers[worker].chunks ||
            within + size > TRP_CHUNK_BYTES) {
            return NULL;
        }
        if (w->loose != NULL && w->loose[chunk] != NULL) {
            return (const uint8_t *)w->loose[chunk] + within;
        }
        return w->actors[chunk / TROUPE_TRACE_CHUNKS_FILE] != NULL
                   ? w->actors[chunk / TROUPE_TRACE_CHUNKS_FILE] + offset % TRP_FILE_BYTES
                   : NULL;
    }
    return NULL;
}

static bool read_inside(void *context, enum trp_trace_part part, uint32_t worker,
                        uint64_t offset, void *to, size_t size)
{
    struct trp_trace *trace = context;

    (void)pthread_mutex_lock(&trace->lock);
    const uint8_t *from =
        worker < TROUPE_TRACE_WORKERS ? find(trace, part, worker, offset, size) : NULL;
    if (from != NULL) {
        copy_words(to, from, size);
    }
    (void)pthread_mutex_unlock(&trace->lock);
    return from != NULL;
}

void trp_trace_inside(struct trp_trace *trace, struct trp_trace_source *out)
{
    *out = (struct trp_trace_source){.context = trace, .read = read_inside};
}
