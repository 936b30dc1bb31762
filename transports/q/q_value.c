/* SPDX-License-Identifier: MIT
 * q_value.c - the life of a value: made, shared, changed by its single owner, freed. */
#include "transports/q/q_value.h"

#include <assert.h>

#include "mailbox/alloc.h"
#include "mailbox/pool.h"
#include "transports/q/q_room.h"
#include "transports/q/q_symbol.h"
#include "transports/q/q_value_slab.h"

static_assert(sizeof(struct troupe_q_value) == 64, "a value is one pool block");
static_assert(offsetof(struct troupe_q_value, owner) == TRP_Q_SHORT, "half of one");

_Thread_local struct trp_q_room trp_q_room = {TRP_Q_ROOM_ANY, TRP_Q_ROOM_ANY};

static const uint8_t widths[TROUPE_Q_TIME + 1] = {
    [TROUPE_Q_LIST] = sizeof(troupe_q_value *),
    [TROUPE_Q_BOOLEAN] = 1,
    [TROUPE_Q_GUID] = 16,
    [TROUPE_Q_BYTE] = 1,
    [TROUPE_Q_SHORT] = 2,
    [TROUPE_Q_INT] = 4,
    [TROUPE_Q_LONG] = 8,
    [TROUPE_Q_REAL] = 4,
    [TROUPE_Q_FLOAT] = 8,
    [TROUPE_Q_CHAR] = 1,
    [TROUPE_Q_SYMBOL] = sizeof(const char *),
    [TROUPE_Q_TIMESTAMP] = 8,
    [TROUPE_Q_MONTH] = 4,
    [TROUPE_Q_DATE] = 4,
    [TROUPE_Q_DATETIME] = 8,
    [TROUPE_Q_TIMESPAN] = 8,
    [TROUPE_Q_MINUTE] = 4,
    [TROUPE_Q_SECOND] = 4,
    [TROUPE_Q_TIME] = 4,
};

size_t trp_q_width(int type)
{
    if (type >= -TROUPE_Q_TIME && type <= TROUPE_Q_TIME) {
        return widths[type < 0 ? -type : type];
    }
    return trp_q_holds_values(type) ? sizeof(troupe_q_value *) : 1;
}

size_t trp_q_wire_width(int type)
{
    int base = type < 0 ? -type : type;

    return base == 0 || base > TROUPE_Q_TIME || base == TROUPE_Q_SYMBOL ? 0
                                                                        : widths[base];
}

bool trp_q_code_exists(int type, unsigned code)
{
    switch (type) {
    case TROUPE_Q_UNARY:
        return code <= TROUPE_Q_UNARY_MAX || code == TROUPE_Q_HOLE;
    case TROUPE_Q_BINARY:
        return code <= TROUPE_Q_BINARY_MAX;
    case TROUPE_Q_ITERATOR:
        return code <= TROUPE_Q_ITERATOR_MAX;
    default:
        return false;
    }
}

static inline void prepare(troupe_q_value *v, int type, size_t count)
{
    atomic_init(&v->refs, 1);
    v->type = (int8_t)type;
    v->attr = 0;
    v->count = count;
    v->owner = NULL;
    v->data = v->small.bytes;
}

static troupe_q_value *new_block(int type, size_t count)
{
    uint16_t home = 0;

    if (!trp_q_room_take(TRP_Q_ROOM_BLOCK)) {
        return NULL;
    }
    troupe_q_value *v = trp_pool_get(0, &home);
    if (v != NULL) {
        v->home = home;
        prepare(v, type, count);
    } else {
        trp_q_room_give(TRP_Q_ROOM_BLOCK);
    }
    return v;
}

static void free_block(troupe_q_value *v, struct trp_q_sweep *sweep)
{
    if (v->home == TRP_Q_IN_SLAB) {
        trp_q_sweep_one(sweep, v);
    } else {
        trp_pool_put(v, 0, v->home);
    }
}

/* Memory for items of a checked size, within the room there is. */
static void *take_items(size_t size)
{
    if (!trp_q_room_take(size)) {
        return NULL;
    }
    void *items = trp_alloc(size);
    if (items == NULL) {
        trp_q_room_give(size);
    }
    return items;
}

/* Gives a prepared value its items; on failure frees the block. NULL inside is allowed.
 */
static troupe_q_value *with_room(troupe_q_value *v, size_t capacity)
{
    if (v == NULL) {
        return NULL;
    }
    if (v->type < 0 && v->type >= -TROUPE_Q_TIME) {
        v->capacity = 1;
        return v;
    }
    size_t width = trp_q_width(v->type);
    v->capacity = TRP_Q_SMALL / width;
    if (capacity > v->capacity) {
        v->data = capacity > SIZE_MAX / 2 / width ? NULL : take_items(capacity * width);
        if (v->data == NULL) {
            struct trp_q_sweep sweep = {NULL, 0};
            trp_q_room_give(TRP_Q_ROOM_BLOCK);
            free_block(v, &sweep);
            trp_q_sweep_end(&sweep);
            return NULL;
        }
        v->capacity = capacity;
    }
    if (trp_q_holds_values(v->type) && v->count != 0) {
        memset(v->data, 0, v->count * width);
    }
    return v;
}

troupe_q_value *trp_q_new_room(int type, size_t count, size_t capacity)
{
    return with_room(new_block(type, count), capacity);
}

troupe_q_value *trp_q_new_in(struct trp_q_slab **slab, int type, size_t count,
                             size_t capacity)
{
    troupe_q_value *v = trp_q_slab_take(slab);

    if (v != NULL) {
        prepare(v, type, count);
    }
    return with_room(v, capacity);
}

troupe_q_value *trp_q_new(int type, size_t count)
{
    return trp_q_new_room(type, count, count);
}

troupe_q_value *trp_q_alias(int type, size_t count, const void *items, troupe_blob *owner)
{
    size_t size = count * trp_q_width(type);

    if (!trp_q_room_take(size)) { /* what it holds of the blob counts as its own */
        return NULL;
    }
    troupe_q_value *v = new_block(type, count);
    if (v == NULL) {
        trp_q_room_give(size);
    } else {
        v->capacity = 0;
        v->owner = troupe_blob_ref(owner);
        memcpy(&v->data, &items, sizeof(v->data)); /* never written while owner is set */
    }
    return v;
}

troupe_q_value *troupe_q_ref(troupe_q_value *value)
{
    atomic_uint *count =
        trp_q_is_short(value) ? &trp_q_slab_of(value)->users : &value->refs;

    (void)atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    return value;
}

/* Gives one reference back; true: it was the last. */
static bool release(troupe_q_value *v)
{
    if (atomic_load_explicit(&v->refs, memory_order_acquire) == 1) {
        return true;
    }
    return atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1;
}

size_t trp_q_own_size(const troupe_q_value *v)
{
    if (trp_q_is_short(v)) {
        return TRP_Q_SHORT;
    }
    size_t items = v->owner != NULL            ? v->count
                   : v->data != v->small.bytes ? v->capacity
                                               : 0;

    return TRP_Q_ROOM_BLOCK + (items != 0 ? items * trp_q_width(v->type) : 0);
}

/* Puts a value that nobody holds before the others; it forgets its capacity. */
static troupe_q_value *doom(troupe_q_value *v, troupe_q_value *others)
{
    trp_q_room_give(trp_q_own_size(v));
    v->next = others;
    return v;
}

/* Gives the references of a dying value's items back; those nobody holds any longer are
 * chained. */
static troupe_q_value *release_items(const troupe_q_value *v, troupe_q_value *doomed,
                                     struct trp_q_sweep *sweep)
{
    for (size_t i = 0; i < v->count; i++) {
        troupe_q_value *item = TRP_Q_ITEMS(v)[i];
        if (item == NULL) {
            continue;
        }
        if (trp_q_is_short(item)) {
            trp_q_sweep_one(sweep, item);
        } else if (release(item)) {
            doomed = doom(item, doomed);
        }
    }
    return doomed;
}

/* Frees values that nobody holds, and what they alone hold, without recursion: the ones
 * still to be done are chained through `next`. */
static void free_all(troupe_q_value *doomed)
{
    struct trp_q_sweep sweep = {NULL, 0};

    while (doomed != NULL) {
        troupe_q_value *v = doomed;
        doomed = v->next;
        if (trp_q_holds_values(v->type)) {
            doomed = release_items(v, doomed, &sweep);
        }
        if (v->owner != NULL) {
            troupe_blob_unref(&v->owner);
        } else if (v->data != v->small.bytes) {
            trp_free(v->data);
        }
        free_block(v, &sweep);
    }
    trp_q_sweep_end(&sweep);
}

void troupe_q_unref(troupe_q_value **value)
{
    troupe_q_value *v = *value;

    *value = NULL;
    if (v == NULL) {
        return;
    }
    if (trp_q_is_short(v)) {
        trp_q_slab_leave(trp_q_slab_of(v), 1);
    } else if (release(v)) {
        free_all(doom(v, NULL));
    }
}

static void ref_items(const troupe_q_value *v)
{
    if (!trp_q_holds_values(v->type)) {
        return;
    }
    for (size_t i = 0; i < v->count; i++) {
        (void)troupe_q_ref(TRP_Q_ITEMS(v)[i]);
    }
}

static troupe_q_value *copy_with_room(const troupe_q_value *v, size_t capacity)
{
    troupe_q_value *copy = trp_q_new_room(v->type, v->count, capacity);

    if (copy != NULL) {
        if (v->count != 0) {
            memcpy(copy->data, v->data, v->count * trp_q_width(v->type));
        }
        copy->attr = v->attr;
        ref_items(copy);
    }
    return copy;
}

troupe_q_value *trp_q_copy(const troupe_q_value *v)
{
    return copy_with_room(v, v->count);
}

troupe_status trp_q_unique(troupe_q_value **v)
{
    if (trp_q_sole(*v)) {
        return TROUPE_OK;
    }
    troupe_q_value *copy = trp_q_copy(*v);
    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_q_unref(v);
    *v = copy;
    return TROUPE_OK;
}

static troupe_status grow(troupe_q_value *v, size_t capacity)
{
    size_t width = trp_q_width(v->type);

    if (capacity > SIZE_MAX / 2 / width) {
        return TROUPE_ENOMEM;
    }
    bool small = v->data == v->small.bytes;
    size_t more = (capacity - (small ? 0 : v->capacity)) * width;
    if (!trp_q_room_take(more)) {
        return TROUPE_ENOMEM;
    }
    void *data = trp_realloc(small ? NULL : v->data, capacity * width);
    if (data == NULL) {
        trp_q_room_give(more);
        return TROUPE_ENOMEM;
    }
    if (small) {
        memcpy(data, v->small.bytes, TRP_Q_SMALL);
    }
    v->data = data;
    v->capacity = capacity;
    return TROUPE_OK;
}

troupe_status trp_q_reserve(troupe_q_value **v, size_t extra)
{
    size_t need = (*v)->count + extra;

    if (need < extra || need > SIZE_MAX / 4) {
        return TROUPE_ENOMEM;
    }
    size_t room = need > 2 * (*v)->count ? need : 2 * (*v)->count;
    if (trp_q_sole(*v)) {
        return need <= (*v)->capacity ? TROUPE_OK : grow(*v, room);
    }
    troupe_q_value *copy = copy_with_room(*v, room);
    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_q_unref(v);
    *v = copy;
    return TROUPE_OK;
}

troupe_status trp_q_append(troupe_q_value **v, const void *items, size_t count)
{
    troupe_status status = trp_q_reserve(v, count);

    if (status == TROUPE_OK && count != 0) {
        size_t width = trp_q_width((*v)->type);
        memcpy(TRP_Q_BYTES(*v) + (*v)->count * width, items, count * width);
        (*v)->count += count;
        (*v)->attr = 0;
    }
    return status;
}

troupe_status trp_q_push(troupe_q_value **list, troupe_q_value **item)
{
    troupe_status status = trp_q_append(list, item, 1);

    if (status == TROUPE_OK) {
        *item = NULL;
    }
    return status;
}

troupe_q_value *trp_q_at(const troupe_q_value *v, size_t i)
{
    if (v->type == TROUPE_Q_LIST) {
        return troupe_q_ref(TRP_Q_ITEMS(v)[i]);
    }
    troupe_q_value *item = NULL;
    if (v->type == TROUPE_Q_TABLE) {
        return troupe_q_item(v, i, &item) == TROUPE_OK ? item : NULL;
    }
    size_t width = trp_q_width(v->type);
    item = trp_q_new(-v->type, 1);
    if (item != NULL) {
        memcpy(item->data, TRP_Q_BYTES(v) + i * width, width);
    }
    return item;
}

static bool all_atoms_of(const troupe_q_value *v, int type)
{
    for (size_t i = 0; i < v->count; i++) {
        if (TRP_Q_ITEMS(v)[i]->type != type) {
            return false;
        }
    }
    return true;
}

troupe_status trp_q_simplify(troupe_q_value **v)
{
    troupe_q_value *list = *v;

    if (list->type != TROUPE_Q_LIST || list->count == 0 ||
        !trp_q_is_atom(TRP_Q_ITEMS(list)[0]) ||
        !all_atoms_of(list, TRP_Q_ITEMS(list)[0]->type)) {
        return TROUPE_OK;
    }
    int type = -TRP_Q_ITEMS(list)[0]->type;
    size_t width = trp_q_width(type);
    troupe_q_value *vector = trp_q_new(type, list->count);
    if (vector == NULL) {
        return TROUPE_ENOMEM;
    }
    for (size_t i = 0; i < list->count; i++) {
        memcpy(TRP_Q_BYTES(vector) + i * width, TRP_Q_ITEMS(list)[i]->data, width);
    }
    troupe_q_unref(v);
    *v = vector;
    return TROUPE_OK;
}
