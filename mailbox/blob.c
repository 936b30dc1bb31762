/* SPDX-License-Identifier: MIT
 * blob.c - immutable counted bytes. */
#include <stdatomic.h>
#include <string.h>

#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "mailbox/blob.h"

struct troupe_blob {
    atomic_uint_fast32_t count; /* unref: release, last one: acquire */
    size_t size;
    const uint8_t *bytes;
    void (*drop)(void *context); /* NULL: the bytes lie behind this struct */
    void *context;
};

troupe_status troupe_blob_wrap(const void *bytes, size_t size,
                               void (*drop)(void *context), void *context,
                               troupe_blob **out)
{
    troupe_blob *blob = trp_alloc(sizeof(*blob));

    if (blob == NULL) {
        return TROUPE_ENOMEM;
    }
    *blob = (troupe_blob){.size = size, .bytes = bytes, .drop = drop, .context = context};
    atomic_init(&blob->count, 1);
    *out = blob;
    return TROUPE_OK;
}

troupe_status troupe_blob_new(const void *bytes, size_t size, troupe_blob **out)
{
    if ((bytes == NULL && size != 0) || size > SIZE_MAX - sizeof(troupe_blob)) {
        return TROUPE_EINVAL;
    }
    troupe_blob *blob = trp_alloc(sizeof(*blob) + size);
    if (blob == NULL) {
        return TROUPE_ENOMEM;
    }
    uint8_t *copy = (uint8_t *)(blob + 1);
    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    *blob = (troupe_blob){.size = size, .bytes = copy};
    atomic_init(&blob->count, 1);
    *out = blob;
    return TROUPE_OK;
}

troupe_blob *troupe_blob_ref(troupe_blob *blob)
{
    (void)atomic_fetch_add_explicit(&blob->count, 1, memory_order_relaxed);
    return blob;
}

void trp_blob_ref_many(troupe_blob *blob, uint32_t count)
{
    (void)atomic_fetch_add_explicit(&blob->count, count, memory_order_relaxed);
}

void trp_blob_unref_many(troupe_blob *blob, uint32_t count)
{
    (void)atomic_fetch_sub_explicit(&blob->count, count, memory_order_release);
}

void troupe_blob_unref(troupe_blob **blob)
{
    troupe_blob *old = *blob;

    *blob = NULL;
    if (old == NULL ||
        atomic_fetch_sub_explicit(&old->count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (old->drop != NULL) {
        old->drop(old->context);
    }
    trp_free(old);
}

const uint8_t *troupe_blob_bytes(const troupe_blob *blob)
{
    return blob->bytes;
}

size_t troupe_blob_size(const troupe_blob *blob)
{
    return blob->size;
}
