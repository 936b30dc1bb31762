/* SPDX-License-Identifier: MIT
 * trace_map.c - open addressing, doubled at three quarters. */
#include "tools/trace/trace_map.h"

#include <string.h>

#include "mailbox/alloc.h"

enum { FIRST_CAPACITY = 64, HEAD = 16 }; /* used, then the key */

void trp_map_init(struct trp_map *map, size_t entry, size_t limit)
{
    *map = (struct trp_map){
        .entry = entry, .stride = HEAD + (entry + 7) / 8 * 8, .limit = limit};
}

void trp_map_fini(struct trp_map *map)
{
    trp_free(map->places);
    map->places = NULL;
    map->capacity = map->count = 0;
}

static uint64_t *place(const struct trp_map *map, size_t at)
{
    return (uint64_t *)(void *)(map->places + at * map->stride);
}

/* Where the key is, or would go. */
static size_t seek(const struct trp_map *map, uint64_t key)
{
    uint64_t mixed = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(mixed >> 20) & (map->capacity - 1);

    while (place(map, at)[0] != 0 && place(map, at)[1] != key) {
        at = (at + 1) & (map->capacity - 1);
    }
    return at;
}

void *trp_map_find(const struct trp_map *map, uint64_t key)
{
    if (map->capacity == 0) {
        return NULL;
    }
    uint64_t *found = place(map, seek(map, key));
    return found[0] != 0 ? found + 2 : NULL;
}

static bool grow(struct trp_map *map)
{
    struct trp_map larger = *map;

    larger.capacity = map->capacity != 0 ? 2 * map->capacity : FIRST_CAPACITY;
    larger.places = trp_calloc(larger.capacity, larger.stride);
    if (larger.places == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (place(map, i)[0] != 0) {
            memcpy(place(&larger, seek(&larger, place(map, i)[1])), place(map, i),
                   map->stride);
        }
    }
    trp_free(map->places);
    *map = larger;
    return true;
}

void *trp_map_add(struct trp_map *map, uint64_t key)
{
    void *found = trp_map_find(map, key);

    if (found != NULL) {
        return found;
    }
    if (map->count >= map->limit || (map->count >= map->capacity / 4 * 3 && !grow(map))) {
        return NULL;
    }
    uint64_t *made = place(map, seek(map, key));
    made[0] = 1;
    made[1] = key;
    map->count++;
    return made + 2;
}

void *trp_map_next(const struct trp_map *map, size_t *at, uint64_t *key)
{
    while (*at < map->capacity) {
        uint64_t *found = place(map, (*at)++);
        if (found[0] != 0) {
            *key = found[1];
            return found + 2;
        }
    }
    return NULL;
}
