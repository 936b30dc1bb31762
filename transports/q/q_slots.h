/* SPDX-License-Identifier: MIT
 * q_slots.h - responses that go out in the order of their requests. */
#ifndef TRP_TRANSPORTS_Q_SLOTS_H
#define TRP_TRANSPORTS_Q_SLOTS_H

#include "transports/q/q_value.h"

enum trp_q_slot_state { TRP_Q_SLOT_WAITING, TRP_Q_SLOT_DEFERRED, TRP_Q_SLOT_READY };

struct trp_q_slot {
    uint8_t state;
    troupe_q_value *value; /* of a ready one; NULL: `::` */
    uint64_t memory;       /* bytes that live for it */
};

/* A ring that doubles up to `limit`; `first` is the number of the oldest request, from 1.
 */
struct trp_q_slots {
    struct trp_q_slot *items;
    uint32_t capacity, count, limit;
    uint64_t first;
    uint64_t memory; /* of all slots */
};

void trp_q_slots_init(struct trp_q_slots *slots, uint32_t limit);
void trp_q_slots_fini(struct trp_q_slots *slots);

/* The number of a new request.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT. */
TROUPE_MUST_CHECK troupe_status trp_q_slots_add(struct trp_q_slots *slots,
                                                uint64_t *request);

/* The slot of a request that is not answered yet, or NULL; request 0: the oldest that is
 * deferred, or without one the oldest. */
struct trp_q_slot *trp_q_slots_find(struct trp_q_slots *slots, uint64_t request);

/* Says how many bytes live for a slot, until it is taken or something else is said. */
void trp_q_slots_note(struct trp_q_slots *slots, struct trp_q_slot *slot,
                      uint64_t memory);

/* Whether its response is the next to go out. */
bool trp_q_slots_is_first(const struct trp_q_slots *slots, const struct trp_q_slot *slot);

/* Makes a slot ready; *value is moved. */
void trp_q_slot_fill(struct trp_q_slot *slot, troupe_q_value **value);

/* The oldest response when it is ready; then the slot is gone. */
bool trp_q_slots_take(struct trp_q_slots *slots, troupe_q_value **value);

#endif
