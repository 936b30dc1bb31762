/* SPDX-License-Identifier: MIT
 * q_slots.c - a ring of responses. */
#include "transports/q/q_slots.h"

#include "mailbox/alloc.h"

enum { FIRST = 4 };

void trp_q_slots_init(struct trp_q_slots *slots, uint32_t limit)
{
    *slots = (struct trp_q_slots){.first = 1, .limit = limit};
}

static struct trp_q_slot *at(struct trp_q_slots *slots, uint64_t request)
{
    return &slots->items[request % slots->capacity];
}

void trp_q_slots_fini(struct trp_q_slots *slots)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        troupe_q_unref(&at(slots, slots->first + i)->value);
    }
    trp_free(slots->items);
    trp_q_slots_init(slots, slots->limit);
}

static troupe_status grow(struct trp_q_slots *slots)
{
    uint32_t capacity = slots->capacity != 0 ? slots->capacity : FIRST / 2;

    capacity = capacity < slots->limit / 2 ? capacity * 2 : slots->limit;
    struct trp_q_slots larger = *slots;
    larger.items = trp_calloc(capacity, sizeof(*larger.items));
    if (larger.items == NULL) {
        return TROUPE_ENOMEM;
    }
    larger.capacity = capacity;
    for (uint32_t i = 0; i < slots->count; i++) {
        *at(&larger, slots->first + i) = *at(slots, slots->first + i);
    }
    trp_free(slots->items);
    *slots = larger;
    return TROUPE_OK;
}

troupe_status trp_q_slots_add(struct trp_q_slots *slots, uint64_t *request)
{
    troupe_status status = slots->count < slots->capacity   ? TROUPE_OK
                           : slots->capacity < slots->limit ? grow(slots)
                                                            : TROUPE_ELIMIT;

    if (status == TROUPE_OK) {
        *request = slots->first + slots->count++;
        *at(slots, *request) = (struct trp_q_slot){.state = TRP_Q_SLOT_WAITING};
    }
    return status;
}

static struct trp_q_slot *oldest(struct trp_q_slots *slots, enum trp_q_slot_state state)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        struct trp_q_slot *slot = at(slots, slots->first + i);
        if (slot->state == state) {
            return slot;
        }
    }
    return NULL;
}

/* A handler may answer before it has said that it defers: then the oldest request that is
 * being evaluated is meant. */
static struct trp_q_slot *oldest_deferred(struct trp_q_slots *slots)
{
    struct trp_q_slot *slot = oldest(slots, TRP_Q_SLOT_DEFERRED);

    return slot != NULL ? slot : oldest(slots, TRP_Q_SLOT_WAITING);
}

struct trp_q_slot *trp_q_slots_find(struct trp_q_slots *slots, uint64_t request)
{
    if (request == 0) {
        return oldest_deferred(slots);
    }
    if (request < slots->first || request - slots->first >= slots->count) {
        return NULL;
    }
    struct trp_q_slot *slot = at(slots, request);
    return slot->state != TRP_Q_SLOT_READY ? slot : NULL;
}

void trp_q_slots_note(struct trp_q_slots *slots, struct trp_q_slot *slot, uint64_t memory)
{
    slots->memory += memory - slot->memory;
    slot->memory = memory;
}

bool trp_q_slots_is_first(const struct trp_q_slots *slots, const struct trp_q_slot *slot)
{
    return slot == &slots->items[slots->first % slots->capacity];
}

void trp_q_slot_fill(struct trp_q_slot *slot, troupe_q_value **value)
{
    slot->state = TRP_Q_SLOT_READY;
    slot->value = *value;
    *value = NULL;
}

bool trp_q_slots_take(struct trp_q_slots *slots, troupe_q_value **value)
{
    if (slots->count == 0 || at(slots, slots->first)->state != TRP_Q_SLOT_READY) {
        return false;
    }
    *value = at(slots, slots->first)->value;
    at(slots, slots->first)->value = NULL;
    trp_q_slots_note(slots, at(slots, slots->first), 0);
    slots->first++;
    slots->count--;
    return true;
}
