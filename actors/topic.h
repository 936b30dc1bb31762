/* SPDX-License-Identifier: MIT
 * topic.h - what topic.c shares with the registry and the blobs. */
#ifndef TRP_ACTORS_TOPIC_H
#define TRP_ACTORS_TOPIC_H

#include "actors/runtime.h"

enum {
    TRP_TOPIC_PREFIX = 3, /* bytes before the name in the registry */
    TRP_TOPIC_KEY = TRP_TOPIC_PREFIX + TROUPE_NAME_MAX + 1
};

/* Starts loading an actor that will soon be told something. */
static inline void trp_prefetch_actor(struct trp_base *base, uint64_t id)
{
    uint32_t slot = trp_id_slot(id);
    uint32_t chunk = slot / TRP_CHUNK;

    if (TRP_LIKELY(chunk < base->chunk_count)) {
        const char *actor = (const char *)&base->chunks[chunk]->actors[slot % TRP_CHUNK];
        __builtin_prefetch(actor, 1);
        __builtin_prefetch(actor + 64, 1);
    }
}

#endif
