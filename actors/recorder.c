/* SPDX-License-Identifier: MIT
 * recorder.c - rings: begun, rolled on to the next packet, ended. */
#define _GNU_SOURCE
#include "actors/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actors/trace_memory.h"
#include "actors/trace_state.h"
#include "mailbox/alloc.h"

_Static_assert(sizeof(troupe_trace_record) == TROUPE_TRACE_RECORD,
               "records are 32 bytes");
_Static_assert(sizeof(troupe_trace_packet) == TROUPE_TRACE_HEAD, "heads are 96 bytes");
_Static_assert(sizeof(troupe_trace_slot) == 128, "slots are two cache lines");
_Static_assert(TROUPE_TRACE_HEAD + TROUPE_TRACE_RECORDS * TROUPE_TRACE_RECORD ==
                   TROUPE_TRACE_PACKET,
               "a packet is full");

/* ---- rings ---- */

/* Every roll measures the clock again; one worker at a time does. */
static void pair_clock(struct trp_trace *trace)
{
    if (atomic_flag_test_and_set_explicit(&trace->pairing, memory_order_acquire)) {
        return;
    }
    __atomic_store_n(&trace->info->latest_ns, trp_clock_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&trace->info->latest_ticks, trp_ticks(), __ATOMIC_RELAXED);
    atomic_flag_clear_explicit(&trace->pairing, memory_order_release);
}

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan" /* the fence is for processors, not for TSan */
#endif

/* The packet is empty, then another one, then valid: a reader never sees a mixture. */
static void begin_packet(struct trp_recorder *recorder, struct trp_ring *ring,
                         uint64_t ts)
{
    troupe_trace_packet *head = ring->packet;

    __atomic_store_n(&head->content_size, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&head->sequence, ring->sequence++, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&head->magic, TROUPE_TRACE_MAGIC, __ATOMIC_RELAXED);
    for (size_t i = 0; i < sizeof(head->uuid); i++) {
        __atomic_store_n(&head->uuid[i], recorder->trace->info->uuid[i],
                         __ATOMIC_RELAXED);
    }
    __atomic_store_n(&head->begin, ts, __ATOMIC_RELAXED);
    __atomic_store_n(&head->end, ts, __ATOMIC_RELAXED);
    __atomic_store_n(&head->packet_size, 8 * TROUPE_TRACE_PACKET, __ATOMIC_RELAXED);
    __atomic_store_n(&head->thread, (uint32_t)syscall(SYS_gettid), __ATOMIC_RELAXED);
    __atomic_store_n(&head->worker, recorder->worker, __ATOMIC_RELAXED);
    __atomic_store_n(&head->message, recorder->current_message, __ATOMIC_RELAXED);
    __atomic_store_n(&head->actor, recorder->current_actor, __ATOMIC_RELAXED);
    ring->at = (troupe_trace_record *)(void *)((uint8_t *)head + TROUPE_TRACE_HEAD);
    ring->end = ring->at + TROUPE_TRACE_RECORDS;
    __atomic_store_n(&head->content_size, 8 * TROUPE_TRACE_HEAD, __ATOMIC_RELEASE);
}

void trp_ring_roll(struct trp_recorder *recorder, struct trp_ring *ring, uint64_t ts)
{
    ring->index = ring->index + 1 < ring->count ? ring->index + 1 : 0;
    ring->packet = (troupe_trace_packet *)(void *)(ring->first + (size_t)ring->index *
                                                                     TROUPE_TRACE_PACKET);
    begin_packet(recorder, ring, ts);
    pair_clock(recorder->trace);
}

static void begin_ring(struct trp_recorder *recorder, struct trp_ring *ring,
                       uint8_t *first)
{
    ring->first = first;
    ring->packet = (troupe_trace_packet *)(void *)(first + (size_t)ring->index *
                                                               TROUPE_TRACE_PACKET);
    begin_packet(recorder, ring, trp_ticks());
}

/* ---- recorders ---- */

static troupe_status begin_rings(struct trp_recorder *recorder)
{
    troupe_trace_info *info = recorder->trace->info;
    struct trp_trace_worker *worker = &recorder->trace->workers[recorder->worker];
    size_t fast = (size_t)info->fast * TROUPE_TRACE_PACKET;
    char name[TRP_AREA_NAME];

    if (worker->ring == NULL) {
        (void)snprintf(name, sizeof(name), "ring.%" PRIu32, recorder->worker);
        worker->ring =
            trp_memory_area(recorder->trace->memory, name,
                            fast + (size_t)info->slow * TROUPE_TRACE_PACKET, true);
    }
    if (worker->ring == NULL) {
        return TROUPE_ENOMEM;
    }
    recorder->fast = (struct trp_ring){.index = worker->fast_index % info->fast,
                                       .count = info->fast,
                                       .sequence = worker->fast_sequence};
    recorder->slow = (struct trp_ring){.index = worker->slow_index % info->slow,
                                       .count = info->slow,
                                       .sequence = worker->slow_sequence};
    begin_ring(recorder, &recorder->fast, worker->ring);
    begin_ring(recorder, &recorder->slow, worker->ring + fast);
    recorder->mask = (UINT64_C(1) << (TROUPE_EV_RECORDER + 1)) - 2;
    return TROUPE_OK;
}

static void begin_worker(struct trp_recorder *recorder, const char *role)
{
    troupe_trace_worker *worker = &recorder->trace->info->workers[recorder->worker];
    const char *note = trp_memory_note(recorder->trace->memory);

    (void)snprintf(worker->role, sizeof(worker->role), "%s", role);
    __atomic_store_n(&worker->open, 1, __ATOMIC_RELEASE);
    if (note[0] != 0) {
        (void)snprintf(recorder->trace->info->note, sizeof(recorder->trace->info->note),
                       "%s", note);
    }
    recorder->next = recorder->trace->recorders;
    recorder->trace->recorders = recorder;
}

troupe_status trp_recorder_open(struct trp_trace *trace, uint32_t worker,
                                const char *role, struct trp_recorder **out)
{
    troupe_status status = TROUPE_OK;

    if (worker == 0 || worker >= TROUPE_TRACE_WORKERS) {
        return TROUPE_EINVAL;
    }
    struct trp_recorder *recorder = trp_aligned(64, sizeof(*recorder));
    if (recorder == NULL) {
        return TROUPE_ENOMEM;
    }
    *recorder = (struct trp_recorder){.worker = worker, .trace = trace};
    (void)pthread_mutex_lock(&trp_traces_lock);
    (void)pthread_mutex_lock(&trace->lock);
    if (trace->info->mode == TROUPE_TRACE_RING) {
        status = begin_rings(recorder);
    }
    if (status == TROUPE_OK) {
        begin_worker(recorder, role);
    }
    (void)pthread_mutex_unlock(&trace->lock);
    (void)pthread_mutex_unlock(&trp_traces_lock);
    if (status != TROUPE_OK) {
        trp_free(recorder);
        return status;
    }
    trp_record(recorder, TROUPE_EV_THREAD, 1, worker, 0, 0,
               (uint32_t)syscall(SYS_gettid));
    *out = recorder;
    return TROUPE_OK;
}

void trp_recorder_close(struct trp_recorder **recorder)
{
    struct trp_recorder *old = *recorder;

    *recorder = NULL;
    if (old == NULL) {
        return;
    }
    trp_record(old, TROUPE_EV_THREAD, 2, old->worker, 0, 0,
               (uint32_t)syscall(SYS_gettid));
    (void)pthread_mutex_lock(&trp_traces_lock);
    (void)pthread_mutex_lock(&old->trace->lock);
    struct trp_trace_worker *worker = &old->trace->workers[old->worker];
    worker->fast_index = old->fast.index + 1;
    worker->slow_index = old->slow.index + 1;
    worker->fast_sequence = old->fast.sequence;
    worker->slow_sequence = old->slow.sequence;
    struct trp_recorder **link = &old->trace->recorders;
    while (*link != old) {
        link = &(*link)->next;
    }
    *link = old->next;
    __atomic_store_n(&old->trace->info->workers[old->worker].open, 2, __ATOMIC_RELEASE);
    (void)pthread_mutex_unlock(&old->trace->lock);
    (void)pthread_mutex_unlock(&trp_traces_lock);
    trp_free(old);
}

void trp_recorder_name(struct trp_recorder *recorder, uint32_t actor, const char *name)
{
    size_t left = strlen(name);

    for (uint16_t part = 0; trp_recording(recorder, TROUPE_EV_NAME); part++) {
        uint64_t words[2] = {0, 0};
        size_t size = left < sizeof(words) ? left : sizeof(words);
        memcpy(words, name, size);
        uint32_t halves[2];
        memcpy(halves, &words[1], sizeof(halves));
        trp_record(recorder, TROUPE_EV_NAME, part, actor, words[0], halves[0], halves[1]);
        left -= size;
        name += size;
        if (left == 0) {
            break;
        }
    }
}
