/* SPDX-License-Identifier: MIT
 * kinds.c - kind -> name, for logs and traces. Names are added and never removed, so a
 * reader needs no lock: it sees a published entry or none. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <troupe/message.h>

#include "mailbox/alloc.h"
#include "mailbox/kinds.h"

enum { NAME_SIZE = 32, TABLE_SIZE = 2 * TROUPE_KINDS_MAX };

struct entry {
    troupe_kind kind;
    char name[NAME_SIZE];
};

static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER; /* registration only */
static _Atomic(struct entry *) table[TABLE_SIZE]; /* open addressing; set once: release */
static uint32_t used;                             /* under write_lock */
static _Atomic(void (*)(troupe_kind, const char *)) observer;

static uint32_t first_place(troupe_kind kind)
{
    return (kind * UINT32_C(2654435769)) >> 19 & (TABLE_SIZE - 1);
}

/* The entry of a kind, or NULL with *place where it would go. */
static struct entry *find(troupe_kind kind, uint32_t *place)
{
    uint32_t at = first_place(kind);

    for (;;) {
        struct entry *entry = atomic_load_explicit(&table[at], memory_order_acquire);
        if (entry == NULL || entry->kind == kind) {
            *place = at;
            return entry;
        }
        at = (at + 1) & (TABLE_SIZE - 1);
    }
}

static troupe_status add(troupe_kind kind, const char *name)
{
    uint32_t place;
    struct entry *entry = find(kind, &place);

    if (entry != NULL) {
        return strcmp(entry->name, name) == 0 ? TROUPE_OK : TROUPE_EEXIST;
    }
    if (used >= TROUPE_KINDS_MAX) {
        return TROUPE_ELIMIT;
    }
    entry = trp_calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return TROUPE_ENOMEM;
    }
    entry->kind = kind;
    memcpy(entry->name, name, strlen(name) + 1);
    atomic_store_explicit(&table[place], entry, memory_order_release);
    used++;
    return TROUPE_OK;
}

troupe_status troupe_kind_register(troupe_kind kind, const char *name)
{
    if (kind < TROUPE_KIND_RESERVED || name == NULL || name[0] == 0 ||
        strlen(name) >= NAME_SIZE) {
        return TROUPE_EINVAL;
    }
    (void)pthread_mutex_lock(&write_lock);
    troupe_status status = add(kind, name);
    (void)pthread_mutex_unlock(&write_lock);
    void (*tell)(troupe_kind, const char *) = atomic_load(&observer);
    if (status == TROUPE_OK && tell != NULL) {
        tell(kind, name);
    }
    return status;
}

void trp_kinds_observe(void (*added)(troupe_kind kind, const char *name))
{
    atomic_store(&observer, added);
}

const char *troupe_kind_name(troupe_kind kind)
{
    uint32_t place;

    switch (kind) {
#define X(name, value, text)                                                             \
    case value:                                                                          \
        return text;
        TROUPE_KIND_MAP(X)
#undef X
    default:
        break;
    }
    struct entry *entry = find(kind, &place);
    return entry != NULL ? entry->name : "?";
}

void trp_kinds_each(void (*visit)(void *context, troupe_kind kind, const char *name),
                    void *context)
{
#define X(name, value, text) visit(context, value, text);
    TROUPE_KIND_MAP(X)
#undef X
    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        struct entry *entry = atomic_load_explicit(&table[i], memory_order_acquire);
        if (entry != NULL) {
            visit(context, entry->kind, entry->name);
        }
    }
}
