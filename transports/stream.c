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
    trp_buffer_init(&stream->out, out_limit);
}

void trp_stream_fini(struct trp_stream *stream)
{
    trp_buffer_fini(&stream->out);
    block_put(stream->in);
    stream->in = NULL;
}

troupe_status trp_stream_wake(struct trp_stream *stream)
{
    if (stream->told || troupe_id_is_nobody(stream->owner)) {
        return TROUPE_OK;
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

void trp_stream_consume(struct trp_stream *stream, size_t size)
{
    size_t used = stream->in_end - stream->in_start;

    stream->in_start += size < used ? size : used;
    if (stream->in_start == stream->in_end && stream->in != NULL) {
        block_put(stream->in);
        stream->in = NULL;
        stream->in_start = stream->in_end = 0;
    }
    stream->ops->resume(stream);
}

void trp_stream_wrote(struct trp_stream *stream)
{
    if (stream->broken) {
        trp_buffer_clear(&stream->out, 0);
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
