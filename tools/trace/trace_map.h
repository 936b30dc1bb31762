/* SPDX-License-Identifier: MIT
 * trace_map.h - numbers to entries of one size; grows up to a limit. Key 0 is allowed. */
#ifndef TRP_TOOLS_TRACE_MAP_H
#define TRP_TOOLS_TRACE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trp_map {
    uint8_t *places; /* used (1), key (8), entry */
    size_t entry, stride, capacity, count, limit;
};

/* entry   bytes of an entry; limit: the most entries */
void trp_map_init(struct trp_map *map, size_t entry, size_t limit);
void trp_map_fini(struct trp_map *map);

/* The entry of a key, or NULL. Valid until the next trp_map_add. */
void *trp_map_find(const struct trp_map *map, uint64_t key);

/* The same; makes one of zeroes when there is none. NULL: no memory, or the limit. */
void *trp_map_add(struct trp_map *map, uint64_t key);

/* Walks: start with *at = 0; NULL at the end. */
void *trp_map_next(const struct trp_map *map, size_t *at, uint64_t *key);

#endif
