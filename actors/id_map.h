/* SPDX-License-Identifier: MIT
 * id_map.h - 64-bit keys to 64-bit values: who is where in a table of many actors. */
#ifndef TRP_ACTORS_ID_MAP_H
#define TRP_ACTORS_ID_MAP_H

#include <troupe/status.h>

#include "mailbox/alloc.h"

struct trp_id_entry {
    uint64_t key; /* 0: free */
    uint64_t value;
};

/* Zeroed is empty. */
struct trp_id_map {
    struct trp_id_entry *entries;
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};

void trp_id_map_fini(struct trp_id_map *map);

/* Makes room, so that `more` puts cannot fail.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_id_map_reserve(struct trp_id_map *map, uint32_t more);

/* Sets the value of a key (not 0) for which there is room. */
void trp_id_map_put(struct trp_id_map *map, uint64_t key, uint64_t value);

/* Finds a key; *out is written when it is there. */
bool trp_id_map_get(const struct trp_id_map *map, uint64_t key, uint64_t *out);

/* Returns whether the key was there. */
bool trp_id_map_remove(struct trp_id_map *map, uint64_t key);

#endif
