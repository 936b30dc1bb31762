/* SPDX-License-Identifier: MIT
 * stream.c - what all streams share: the block of input, the output, one signal. */
#include "transports/stream.h"

#include <string.h>

#include "mailbox/alloc.h"

/* Free blocks of the process; taken and given once for each burst of input. */
static struct {
    pthread_mutex_t lock;
    uint8_t *blocks[TRP_STREAM_BLOCKS_KEPT];
    unsigned count;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint8_t *block_get(void)
{
    uint8_t *block = NULL;

    (void)pthread_mutex_lock(&spare.lock);
    if (spare.count > 0) {
        block = spare.blocks[--spare.count];
    }
    (void)pthread_mutex_unlock(&spare.lock);
    return block != NULL ? block : trp_alloc(TRP_STREAM_BLOCK);
}

static void block_put(uint8_t *block)
{
    (void)pthread_mutex_lock(&spare.lock);
    if (block != NULL && spare.count < TRP_STREAM_BLOCKS_KEPT) {
        spare.blocks[spare.count++] = block;
        block = NULL;
    }
    (void)pthread_mutex_unlock(&spare.lock);
    trp_free(block);
}

void trp_stream_init(struct trp_stream *stream, const struct trp_stream_ops *ops,
                     troupe_self *self, size_t out_limit)
{
    *stream = (struct trp_stream){.ops = ops};
    if (self != NULL) {
        stream->base = trp_base_of(self);
        stream->owner = troupe_self_id(self);
    }
    stream->shared_end = &stream->shared;
    trp_buffer_init(&stream->out, out_limit);
}

/* ---- output ---- */

static void drop_first(struct trp_stream *stream)
{
    struct trp_stream_shared *first = stream->shared;

    stream->shared = first->next;
    if (stream->shared == NULL) {
        stream->shared_end = &stream->shared;
        stream->shared_mark = 0;
    }
    stream->shared_size -= first->left;
    stream->lent_size -= first->lent ? first->left : 0;
    troupe_blob_unref(&first->blob);
    trp_free(first);
}

static void drop_output(struct trp_stream *stream)
{
    while (stream->shared != NULL) {
        drop_first(stream);
    }
    trp_buffer_clear(&stream->out, 0);
}

static size_t add_piece(struct iovec pieces[TRP_STREAM_PIECES], unsigned *count,
                        const uint8_t *bytes, size_t size, size_t room)
{
    size = size < room ? size : room;
    if (size == 0 || *count == TRP_STREAM_PIECES) {
        return 0;
    }
    pieces[(*count)++] = (struct iovec){(void *)(uintptr_t)bytes, size};
    return size;
}

unsigned trp_stream_pieces(const struct trp_stream *stream, size_t limit,
                           struct iovec pieces[TRP_STREAM_PIECES])
{
    const uint8_t *out = trp_buffer_front(&stream->out);
    size_t left = trp_buffer_size(&stream->out);
    unsigned count = 0;

    for (const struct trp_stream_shared *at = stream->shared;
         at != NULL && limit > 0 && count < TRP_STREAM_PIECES; at = at->next) {
        limit -= add_piece(pieces, &count, out, at->before, limit);
        limit -= add_piece(pieces, &count, at->at, at->left, limit);
        out = at->before != 0 ? out + at->before : out;
        left -= at->before;
    }
    (void)add_piece(pieces, &count, out, left, limit);
    return count;
}

void trp_stream_advance(struct trp_stream *stream, size_t size)
{
    stream->sent += size;
    while (stream->shared != NULL) {
        struct trp_stream_shared *first = stream->shared;
        size_t own = size < first->before ? size : first->before;
        trp_buffer_consume(&stream->out, own);
        first->before -= own;
        stream->shared_mark -= own;
        size -= own;
        if (first->before > 0) {
            return;
        }
        size_t part = size < first->left ? size : first->left;
        first->at += part;
        first->left -= part;
        stream->shared_size -= part;
        stream->lent_size -= first->lent ? part : 0;
        size -= part;
        if (first->left > 0) {
            return;
        }
        drop_first(stream);
    }
    trp_buffer_consume(&stream->out, size);
}

void trp_stream_break(struct trp_stream *stream)
{
    stream->broken = true;
    drop_output(stream);
}

size_t trp_stream_backlog(const struct trp_stream *stream)
{
    size_t size = 0;

    for (; stream != NULL; stream = stream->lower) {
        size += trp_stream_waiting(stream);
    }
    return size;
}

uint64_t trp_stream_sent(const struct trp_stream *stream)
{
    while (stream->lower != NULL) {
        stream = stream->lower;
    }
    return stream->sent;
}

size_t trp_stream_held(const struct trp_stream *stream)
{
    size_t size = 0;

    for (; stream != NULL; stream = stream->lower) {
        size += trp_stream_waiting(stream) - stream->lent_size;
        size += stream->in != NULL ? TRP_STREAM_BLOCK : 0;
    }
    return size;
}

static troupe_status write_blob(struct trp_stream *stream, troupe_blob *blob, bool lent)
{
    size_t size = troupe_blob_size(blob);
    size_t waiting = trp_stream_waiting(stream);

    if (size > stream->out.limit || waiting > stream->out.limit - size) {
        return TROUPE_ELIMIT;
    }
    if (size <= TRP_STREAM_COPY) {
        return trp_stream_write(stream, troupe_blob_bytes(blob), size);
    }
    struct trp_stream_shared *shared = trp_alloc(sizeof(*shared));
    if (shared == NULL) {
        return TROUPE_ENOMEM;
    }
    *shared = (struct trp_stream_shared){
        .blob = troupe_blob_ref(blob),
        .at = troupe_blob_bytes(blob),
        .left = size,
        .before = trp_buffer_size(&stream->out) - stream->shared_mark,
        .lent = lent,
    };
    stream->shared_mark += shared->before;
    stream->shared_size += size;
    stream->lent_size += lent ? size : 0;
    *stream->shared_end = shared;
    stream->shared_end = &shared->next;
    trp_stream_wrote(stream);
    return TROUPE_OK;
}

troupe_status trp_stream_write_blob(struct trp_stream *stream, troupe_blob *blob)
{
    return write_blob(stream, blob, false);
}

troupe_status trp_stream_lend_blob(struct trp_stream *stream, troupe_blob *blob)
{
    return write_blob(stream, blob, true);
}

/* ---- input ---- */

void trp_stream_fini(struct trp_stream *stream)
{
    drop_output(stream);
    block_put(stream->in);
    stream->in = NULL;
}

troupe_status trp_stream_wake(struct trp_stream *stream)
{
    if (stream->told || troupe_id_is_nobody(stream->owner)) {
        return TROUPE_OK;
    }
    if (stream->lower != NULL) { /* one signal for both: it is the same owner */
        troupe_status status = trp_stream_wake(stream->lower);
        stream->told = stream->lower->told;
        return status;
    }
    troupe_status status = trp_io_signal(stream->base, stream->owner, TRP_KIND_IO, 0);
    stream->told = status == TROUPE_OK;
    return status;
}

uint8_t *trp_stream_room(struct trp_stream *stream, size_t *size)
{
    *size = 0;
    if (stream->in == NULL) {
        stream->in = block_get();
        stream->in_start = stream->in_end = 0;
        if (stream->in == NULL) {
            return NULL;
        }
    }
    if (stream->in_end == TRP_STREAM_BLOCK && stream->in_start > 0) {
        memmove(stream->in, stream->in + stream->in_start,
                stream->in_end - stream->in_start);
        stream->in_end -= stream->in_start;
        stream->in_start = 0;
    }
    *size = TRP_STREAM_BLOCK - stream->in_end;
    return *size != 0 ? stream->in + stream->in_end : NULL;
}

void trp_stream_turn(struct trp_stream *stream)
{
    stream->told = false;
    stream->ops->flush(stream);
}

void trp_stream_release(struct trp_stream *stream)
{
    if (stream->in_start == stream->in_end && stream->in != NULL) {
        block_put(stream->in);
        stream->in = NULL;
        stream->in_start = stream->in_end = 0;
    }
}

void trp_stream_consume(struct trp_stream *stream, size_t size)
{
    size_t used = stream->in_end - stream->in_start;

    stream->in_start += size < used ? size : used;
    trp_stream_release(stream);
    stream->ops->resume(stream);
}

void trp_stream_wrote(struct trp_stream *stream)
{
    if (stream->broken) {
        drop_output(stream);
        return;
    }
    if (trp_stream_wake(stream) != TROUPE_OK || troupe_id_is_nobody(stream->owner)) {
        stream->ops->flush(stream);
    }
}

troupe_status trp_stream_write(struct trp_stream *stream, const void *bytes, size_t size)
{
    troupe_status status = trp_buffer_add(&stream->out, bytes, size);

    if (status != TROUPE_OK) {
        stream->out.status = TROUPE_OK; /* nothing was added */
        return status;
    }
    trp_stream_wrote(stream);
    return TROUPE_OK;
}

void trp_stream_shut(struct trp_stream *stream)
{
    stream->shut = true;
    stream->ops->shut(stream);
}

void trp_stream_close(struct trp_stream **stream)
{
    if (*stream != NULL) {
        (*stream)->ops->close(*stream);
        *stream = NULL;
    }
}

void trp_stream_describe(const struct trp_stream *stream, char *text, size_t size)
{
    stream->ops->describe(stream, text, size);
}
