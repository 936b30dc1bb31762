/* SPDX-License-Identifier: MIT
 * names.c - name -> id for the whole system, behind one lock (docs/adr/0012).
 *
 * Open addressing over pointers to entries; deletion closes the gap. */
#include <string.h>

#include "actors/runtime.h"

enum { NAMES_FIRST = 64, NAMES_MAX = 1 << 20 };

struct trp_name {
    uint64_t id;
    uint32_t hash;
    char text[];
};

struct trp_names {
    pthread_mutex_t lock;
    struct trp_name **table;
    uint32_t size, count; /* size is a power of two */
};

troupe_status trp_names_new(struct trp_names **out)
{
    struct trp_names *names = trp_calloc(1, sizeof(*names));

    if (names == NULL) {
        return TROUPE_ENOMEM;
    }
    names->table = trp_calloc(NAMES_FIRST, sizeof(*names->table));
    if (names->table == NULL) {
        trp_free(names);
        return TROUPE_ENOMEM;
    }
    names->size = NAMES_FIRST;
    (void)pthread_mutex_init(&names->lock, NULL);
    *out = names;
    return TROUPE_OK;
}

void trp_names_free(struct trp_names **names)
{
    struct trp_names *old = *names;

    *names = NULL;
    if (old == NULL) {
        return;
    }
    for (uint32_t i = 0; i < old->size; i++) {
        trp_free(old->table[i]);
    }
    (void)pthread_mutex_destroy(&old->lock);
    trp_free(old->table);
    trp_free(old);
}

static uint32_t hash_of(const char *text)
{
    uint32_t hash = UINT32_C(2166136261);

    for (; *text != 0; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT32_C(16777619);
    }
    return hash;
}

/* Where a name is, or where it would go. */
static uint32_t place_of(const struct trp_names *names, const char *text, uint32_t hash)
{
    uint32_t at = hash & (names->size - 1);

    while (names->table[at] != NULL && (names->table[at]->hash != hash ||
                                        strcmp(names->table[at]->text, text) != 0)) {
        at = (at + 1) & (names->size - 1);
    }
    return at;
}

static troupe_status grow(struct trp_names *names)
{
    if (names->count >= NAMES_MAX) {
        return TROUPE_ELIMIT;
    }
    if (names->count < names->size / 2) {
        return TROUPE_OK;
    }
    struct trp_names larger = {.size = names->size * 2};
    larger.table = trp_calloc(larger.size, sizeof(*larger.table));
    if (larger.table == NULL) {
        return TROUPE_ENOMEM;
    }
    for (uint32_t i = 0; i < names->size; i++) {
        struct trp_name *name = names->table[i];
        if (name != NULL) {
            larger.table[place_of(&larger, name->text, name->hash)] = name;
        }
    }
    trp_free(names->table);
    names->table = larger.table;
    names->size = larger.size;
    return TROUPE_OK;
}

static troupe_status insert(struct trp_names *names, const char *text, uint64_t id)
{
    troupe_status status = grow(names);

    if (status != TROUPE_OK) {
        return status;
    }
    uint32_t hash = hash_of(text);
    uint32_t at = place_of(names, text, hash);
    if (names->table[at] != NULL) {
        return TROUPE_EEXIST;
    }
    size_t size = strlen(text) + 1;
    struct trp_name *name = trp_alloc(sizeof(*name) + size);
    if (name == NULL) {
        return TROUPE_ENOMEM;
    }
    name->id = id;
    name->hash = hash;
    memcpy(name->text, text, size);
    names->table[at] = name;
    names->count++;
    return TROUPE_OK;
}

static void remove_at(struct trp_names *names, uint32_t at)
{
    uint32_t mask = names->size - 1;

    trp_free(names->table[at]);
    names->table[at] = NULL;
    names->count--;
    for (uint32_t next = (at + 1) & mask; names->table[next] != NULL;
         next = (next + 1) & mask) {
        struct trp_name *name = names->table[next];
        names->table[next] = NULL;
        names->table[place_of(names, name->text, name->hash)] = name;
    }
}

troupe_status trp_name_take(struct trp_names *names, const char *name, uint64_t id)
{
    (void)pthread_mutex_lock(&names->lock);
    troupe_status status = insert(names, name, id);
    (void)pthread_mutex_unlock(&names->lock);
    return status;
}

bool trp_name_give(struct trp_names *names, const char *name, uint64_t id)
{
    (void)pthread_mutex_lock(&names->lock);
    uint32_t at = place_of(names, name, hash_of(name));
    bool found = names->table[at] != NULL && names->table[at]->id == id;
    if (found) {
        remove_at(names, at);
    }
    (void)pthread_mutex_unlock(&names->lock);
    return found;
}

void trp_names_forget(struct trp_names *names, uint64_t id)
{
    (void)pthread_mutex_lock(&names->lock);
    for (uint32_t i = 0; i < names->size; i++) {
        while (names->table[i] != NULL && names->table[i]->id == id) {
            remove_at(names, i);
        }
    }
    (void)pthread_mutex_unlock(&names->lock);
}

static troupe_status find(struct trp_names *names, const char *name, uint64_t *id)
{
    (void)pthread_mutex_lock(&names->lock);
    const struct trp_name *found = names->table[place_of(names, name, hash_of(name))];
    if (found != NULL) {
        *id = found->id;
    }
    (void)pthread_mutex_unlock(&names->lock);
    return found != NULL ? TROUPE_OK : TROUPE_ENOENT;
}

troupe_status troupe_whereis(troupe_system *sys, const char *name, troupe_id *out)
{
    return name != NULL ? find(sys->names, name, &out->bits) : TROUPE_ENOENT;
}

troupe_status troupe_register(troupe_self *self, const char *name)
{
    struct trp_actor *actor = self->actor;
    size_t length = name != NULL ? strnlen(name, TROUPE_NAME_MAX + 1) : 0;

    if (length == 0 || length > TROUPE_NAME_MAX || name[0] == TRP_NAME_RESERVED) {
        return TROUPE_EINVAL;
    }
    troupe_status status = trp_name_take(self->base->system->names, name, actor->id);

    if (status == TROUPE_OK) {
        actor->flags |= TRP_ACTOR_NAMED;
        if (actor->slot->name[0] == 0) {
            (void)strncpy(actor->slot->name, name, sizeof(actor->slot->name) - 1);
        }
        trp_recorder_name(self->base->recorder, trp_id_number(actor->id), name);
    }
    return status;
}

troupe_status troupe_unregister(troupe_self *self, const char *name)
{
    struct trp_names *names = self->base->system->names;

    return name != NULL && trp_name_give(names, name, self->actor->id) ? TROUPE_OK
                                                                       : TROUPE_ENOENT;
}
