/* SPDX-License-Identifier: MIT
 * stream_pair.c - two ends in memory: what one writes the other reads. */
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "transports/stream.h"

/* Both ends lie in one block, which the second to close frees. */
struct end {
    struct trp_stream stream;
    struct end *other; /* NULL: closed */
    struct pair *pair;
    bool was_shut;
};

struct pair {
    struct end ends[2];
    size_t room;
    unsigned open;
};

static struct end *end_of(struct trp_stream *stream)
{
    return TRP_CONTAINER(stream, struct end, stream);
}

static size_t room_of(const struct end *end)
{
    size_t used = end->stream.in_end - end->stream.in_start;

    return used < end->pair->room ? end->pair->room - used : 0;
}

static void end_input(struct end *end)
{
    end->stream.ended = TROUPE_ELOST;
    (void)trp_stream_wake(&end->stream);
}

/* Moves bytes from an end's output to the other's input. */
static void pair_flush(struct trp_stream *stream)
{
    struct end *end = end_of(stream);
    struct end *other = end->other;

    if (other == NULL) {
        trp_stream_break(stream);
        return;
    }
    size_t left = trp_stream_waiting(stream);
    while (left > 0 && room_of(other) > 0) {
        struct iovec pieces[TRP_STREAM_PIECES];
        size_t size;
        uint8_t *to = trp_stream_room(&other->stream, &size);
        if (to == NULL) {
            break;
        }
        size = size < room_of(other) ? size : room_of(other);
        (void)trp_stream_pieces(stream, size, pieces);
        size = pieces[0].iov_len;
        memcpy(to, pieces[0].iov_base, size);
        other->stream.in_end += size;
        trp_stream_advance(stream, size);
        left -= size;
        (void)trp_stream_wake(&other->stream);
    }
    if (left == 0 && stream->want_empty) {
        stream->want_empty = false;
        (void)trp_stream_wake(stream);
    }
    if (left == 0 && stream->shut && !end->was_shut) {
        end->was_shut = true;
        end_input(other);
    }
}

static void pair_resume(struct trp_stream *stream)
{
    struct end *end = end_of(stream);

    if (end->other != NULL && trp_stream_waiting(&end->other->stream) > 0) {
        pair_flush(&end->other->stream);
    }
}

static void pair_close(struct trp_stream *stream)
{
    struct end *end = end_of(stream);
    struct pair *pair = end->pair;

    if (end->other != NULL) {
        pair_flush(stream);
        end->other->other = NULL;
        end_input(end->other);
    }
    trp_stream_fini(stream);
    if (--pair->open == 0) {
        trp_free(pair);
    }
}

static void pair_describe(const struct trp_stream *stream, char *text, size_t size)
{
    (void)stream;
    (void)snprintf(text, size, "pair");
}

static const struct trp_stream_ops pair_ops = {
    .name = "pair",
    .flush = pair_flush,
    .resume = pair_resume,
    .shut = pair_flush,
    .close = pair_close,
    .describe = pair_describe,
};

troupe_status trp_stream_pair(size_t room, size_t out_limit, struct trp_stream **a,
                              struct trp_stream **b)
{
    struct pair *pair = trp_calloc(1, sizeof(*pair));

    if (pair == NULL) {
        return TROUPE_ENOMEM;
    }
    for (int i = 0; i < 2; i++) {
        trp_stream_init(&pair->ends[i].stream, &pair_ops, NULL, out_limit);
        pair->ends[i].stream.local = true;
        pair->ends[i].pair = pair;
        pair->ends[i].other = &pair->ends[1 - i];
    }
    pair->room = room < TRP_STREAM_BLOCK ? room : TRP_STREAM_BLOCK;
    pair->open = 2;
    *a = &pair->ends[0].stream;
    *b = &pair->ends[1].stream;
    return TROUPE_OK;
}

void trp_stream_pair_own(struct trp_stream *end, struct trp_base *base, troupe_id owner)
{
    end->base = base;
    end->owner = owner;
    if (end->in != NULL || end->ended != TROUPE_OK) {
        (void)trp_stream_wake(end);
    }
}
