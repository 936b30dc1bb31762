/* SPDX-License-Identifier: MIT
 * q_pending.c - a ring of askers. */
#include "transports/q/q_pending.h"

#include "mailbox/alloc.h"

enum { PENDING_FIRST = 16 };

troupe_status trp_q_pending_reserve(struct trp_q_pending *pending)
{
    if (pending->count < pending->capacity) {
        return TROUPE_OK;
    }
    uint32_t capacity = pending->capacity != 0 ? pending->capacity * 2 : PENDING_FIRST;
    struct trp_q_asker *items = trp_calloc(capacity, sizeof(*items));
    if (items == NULL) {
        return TROUPE_ENOMEM;
    }
    for (uint32_t i = 0; i < pending->count; i++) {
        items[i] = pending->items[(pending->first + i) % pending->capacity];
    }
    trp_free(pending->items);
    pending->items = items;
    pending->first = 0;
    pending->capacity = capacity;
    return TROUPE_OK;
}

void trp_q_pending_put(struct trp_q_pending *pending, struct trp_q_asker asker)
{
    pending->items[(pending->first + pending->count++) % pending->capacity] = asker;
}

bool trp_q_pending_take(struct trp_q_pending *pending, struct trp_q_asker *out)
{
    if (pending->count == 0) {
        return false;
    }
    *out = pending->items[pending->first];
    pending->first = (pending->first + 1) % pending->capacity;
    pending->count--;
    return true;
}

void trp_q_pending_note(struct trp_q_pending *pending, const troupe_msg *msg)
{
    if (troupe_msg_wants_answer(msg) && trp_q_pending_reserve(pending) == TROUPE_OK) {
        trp_q_pending_put(pending, (struct trp_q_asker){troupe_msg_from(msg), 0, NULL});
    }
}

void trp_q_pending_forget(struct trp_q_pending *pending, troupe_id from)
{
    for (uint32_t i = 0; i < pending->count; i++) {
        struct trp_q_asker *asker =
            &pending->items[(pending->first + i) % pending->capacity];
        if (troupe_id_equal(asker->from, from)) {
            troupe_msg_free(&asker->kept);
            asker->from = TROUPE_NOBODY;
            return;
        }
    }
}

bool trp_q_pending_wanted(const struct trp_q_pending *pending)
{
    for (uint32_t i = 0; i < pending->count; i++) {
        uint32_t at = (pending->first + i) % pending->capacity;
        if (!troupe_id_is_nobody(pending->items[at].from)) {
            return true;
        }
    }
    return false;
}

void trp_q_pending_done(troupe_self *self, struct trp_q_pending *pending)
{
    struct trp_q_asker asker;

    while (trp_q_pending_take(pending, &asker)) {
        troupe_msg *done = NULL;
        troupe_status status = troupe_msg_new(TROUPE_KIND_DONE, 0, &done);
        if (status == TROUPE_OK &&
            troupe_reply_to(self, asker.from, &done) != TROUPE_OK) {
            troupe_msg_free(&done); /* nobody waits any more */
        }
    }
}

void trp_q_pending_fini(struct trp_q_pending *pending)
{
    trp_free(pending->items);
    *pending = (struct trp_q_pending){0};
}
