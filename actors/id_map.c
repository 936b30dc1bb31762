/* SPDX-License-Identifier: MIT
 * id_map.c - open addressing with linear probing, at most half full. */
#include "actors/id_map.h"

enum { FIRST_CAPACITY = 16 };

void trp_id_map_fini(struct trp_id_map *map)
{
    trp_free(map->entries);
    *map = (struct trp_id_map){0};
}

static uint32_t home_of(const struct trp_id_map *map, uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->capacity - 1);
}

/* Where a key is, or the free place where it belongs. */
static uint32_t place_of(const struct trp_id_map *map, uint64_t key)
{
    uint32_t at = home_of(map, key);

    while (map->entries[at].key != 0 && map->entries[at].key != key) {
        at = (at + 1) & (map->capacity - 1);
    }
    return at;
}

troupe_status trp_id_map_reserve(struct trp_id_map *map, uint32_t more)
{
    uint64_t want = ((uint64_t)map->count + more) * 2;
    uint64_t capacity = map->capacity != 0 ? map->capacity : FIRST_CAPACITY;

    while (capacity < want) {
        capacity *= 2;
    }
    if (capacity == map->capacity) {
        return TROUPE_OK;
    }
    if (capacity > UINT32_MAX / 2) {
        return TROUPE_ENOMEM;
    }
    struct trp_id_map grown = {.capacity = (uint32_t)capacity};
    grown.entries = trp_calloc(grown.capacity, sizeof(*grown.entries));
    if (grown.entries == NULL) {
        return TROUPE_ENOMEM;
    }
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != 0) {
            trp_id_map_put(&grown, map->entries[i].key, map->entries[i].value);
        }
    }
    trp_free(map->entries);
    *map = grown;
    return TROUPE_OK;
}

void trp_id_map_put(struct trp_id_map *map, uint64_t key, uint64_t value)
{
    uint32_t at = place_of(map, key);

    map->count += map->entries[at].key == 0;
    map->entries[at] = (struct trp_id_entry){.key = key, .value = value};
}

bool trp_id_map_get(const struct trp_id_map *map, uint64_t key, uint64_t *out)
{
    if (map->capacity == 0 || key == 0) {
        return false;
    }
    const struct trp_id_entry *entry = &map->entries[place_of(map, key)];
    if (entry->key == 0) {
        return false;
    }
    *out = entry->value;
    return true;
}

bool trp_id_map_remove(struct trp_id_map *map, uint64_t key)
{
    if (map->capacity == 0 || key == 0) {
        return false;
    }
    uint32_t hole = place_of(map, key);
    if (map->entries[hole].key == 0) {
        return false;
    }
    uint32_t mask = map->capacity - 1;
    for (uint32_t at = (hole + 1) & mask; map->entries[at].key != 0;
         at = (at + 1) & mask) {
        uint32_t home = home_of(map, map->entries[at].key);
        if (((at - home) & mask) >=
            ((at - hole) & mask)) { /* may move back to the hole */
            map->entries[hole] = map->entries[at];
            hole = at;
        }
    }
    map->entries[hole].key = 0;
    map->count--;
    return true;
}
