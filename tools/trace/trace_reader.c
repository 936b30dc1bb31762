/* SPDX-License-Identifier: MIT
 * trace_reader.c - lists the packets of every ring, then merges their records. */
#include "tools/trace/trace_reader.h"

#include <string.h>

#include "mailbox/alloc.h"

/* Steps to the stream's next record, over the packet's end if need be. */
static void advance(struct trp_reader *reader, struct trp_stream *stream)
{
    while (stream->at + TROUPE_TRACE_RECORD > stream->size) {
        if (stream->next == stream->count) {
            stream->over = true;
            return;
        }
        const struct trp_packet_place *place = &stream->places[stream->next++];
        if (!trp_ring_copy(&reader->trace->source, &reader->trace->info, stream->worker,
                           stream->slow, place, stream->packet)) {
            reader->overwritten++;
            continue;
        }
        troupe_trace_packet head;
        memcpy(&head, stream->packet, sizeof(head));
        stream->at = TROUPE_TRACE_HEAD;
        stream->size = (size_t)(head.content_size / 8);
    }
    memcpy(&stream->record, stream->packet + stream->at, sizeof(stream->record));
    stream->at += TROUPE_TRACE_RECORD;
}

/* From where on a ring has no hole. 0: from its beginning. */
static uint64_t reaches_back(struct trp_reader *reader, const struct trp_stream *stream)
{
    uint32_t first = stream->count;

    while (first > 0 &&
           (first == stream->count ||
            stream->places[first].sequence == stream->places[first - 1].sequence + 1)) {
        first--;
    }
    if (stream->count == 0 || (first == 0 && stream->places[0].sequence == 0)) {
        return 0;
    }
    for (uint32_t i = first; i < stream->count; i++) {
        troupe_trace_packet head;
        if (trp_ring_copy(&reader->trace->source, &reader->trace->info, stream->worker,
                          stream->slow, &stream->places[i], stream->packet)) {
            memcpy(&head, stream->packet, sizeof(head));
            return head.begin;
        }
    }
    return UINT64_MAX;
}

/* A worker has a first packet in each of its rings from the moment it is there. A full
 * ring overwrites the oldest, and may be caught while it does. */
static uint32_t holes_of(const struct trp_stream *stream, uint32_t packets)
{
    uint32_t holes = stream->count == 0 ||
                     (stream->places[0].sequence != 0 && stream->count + 1 < packets);

    for (uint32_t i = 1; i < stream->count; i++) {
        holes += stream->places[i].sequence != stream->places[i - 1].sequence + 1;
    }
    return holes;
}

static troupe_status open_stream(struct trp_reader *reader, uint32_t worker, bool slow)
{
    struct trp_stream *stream = &reader->streams[reader->count++];

    stream->worker = worker;
    stream->slow = slow;
    stream->packet = trp_alloc(TROUPE_TRACE_PACKET);
    if (stream->packet == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = trp_ring_list(&reader->trace->source, &reader->trace->info,
                                         worker, slow, &stream->places, &stream->count);
    if (status != TROUPE_OK) {
        return status;
    }
    stream->holes = holes_of(stream, trp_ring_packets(&reader->trace->info, slow));
    uint64_t back = slow ? 0 : reaches_back(reader, stream);
    reader->window = back > reader->window ? back : reader->window;
    return TROUPE_OK;
}

troupe_status trp_reader_open(struct trp_trace_at *trace, struct trp_reader **out)
{
    struct trp_reader *reader = trp_calloc(1, sizeof(*reader));
    troupe_status status = TROUPE_OK;

    if (reader == NULL) {
        return TROUPE_ENOMEM;
    }
    reader->trace = trace;
    reader->until = trace->place.alive ? trp_trace_now(trace) : UINT64_MAX;
    reader->streams = trp_calloc(2 * TROUPE_TRACE_WORKERS, sizeof(*reader->streams));
    if (reader->streams == NULL) {
        trp_free(reader);
        return TROUPE_ENOMEM;
    }
    for (uint32_t w = 1; w < TROUPE_TRACE_WORKERS && status == TROUPE_OK; w++) {
        if (trace->info.workers[w].open == 0 || trace->info.mode != TROUPE_TRACE_RING) {
            continue;
        }
        status = open_stream(reader, w, false);
        status = status == TROUPE_OK ? open_stream(reader, w, true) : status;
    }
    if (status != TROUPE_OK) {
        trp_reader_close(&reader);
        return status;
    }
    for (uint32_t i = 0; i < reader->count; i++) {
        advance(reader, &reader->streams[i]);
    }
    *out = reader;
    return TROUPE_OK;
}

void trp_reader_close(struct trp_reader **reader)
{
    struct trp_reader *old = *reader;

    *reader = NULL;
    if (old == NULL) {
        return;
    }
    for (uint32_t i = 0; i < old->count; i++) {
        trp_free(old->streams[i].places);
        trp_free(old->streams[i].packet);
    }
    trp_free(old->streams);
    trp_free(old);
}

bool trp_reader_next(struct trp_reader *reader, troupe_trace_record *record,
                     const struct trp_stream **stream)
{
    struct trp_stream *first = NULL;

    for (uint32_t i = 0; i < reader->count; i++) {
        struct trp_stream *other = &reader->streams[i];
        if (!other->over && (first == NULL || other->record.ts < first->record.ts)) {
            first = other;
        }
    }
    if (first == NULL || first->record.ts > reader->until) {
        return false;
    }
    *record = first->record;
    if (stream != NULL) {
        *stream = first;
    }
    advance(reader, first);
    return true;
}
