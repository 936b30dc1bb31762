/* SPDX-License-Identifier: MIT
 * dead_letters.c - drops as something one can subscribe to. */
#include "actors/runtime.h"

enum { SUBSCRIBERS_MAX = 64 };

static void report(struct trp_base *base, uint64_t subscriber,
                   const troupe_dead_letter *letter)
{
    struct trp_actor *to = trp_find(base, subscriber);
    troupe_msg *msg = NULL;

    if (to == NULL) {
        return;
    }
    if (to->mail >= to->limit ||
        trp_msg_new(TROUPE_KIND_DEAD_LETTER, sizeof(*letter), &msg) != TROUPE_OK) {
        base->dead_letters_missed++;
        return;
    }
    *(troupe_dead_letter *)troupe_msg_body(msg) = *letter;
    msg->tag = base->dead_letters_missed;
    if (trp_enqueue(base, to, msg) == TROUPE_OK) {
        base->dead_letters_missed = 0;
    } else {
        trp_msg_drop(msg);
    }
}

void trp_dead_letter(struct trp_base *base, const troupe_msg *msg, uint64_t to,
                     troupe_drop reason)
{
    if (TRP_LIKELY(base->dead_letter_count == 0) ||
        msg->kind == TROUPE_KIND_DEAD_LETTER) {
        return;
    }
    troupe_dead_letter letter = {.to = {to},
                                 .from = msg->from,
                                 .kind = msg->kind,
                                 .reason = reason,
                                 .tag = msg->tag,
                                 .size = troupe_msg_size(msg)};
    for (uint32_t i = 0; i < base->dead_letter_count; i++) {
        report(base, base->dead_letter_subscribers[i], &letter);
    }
}

void trp_dead_letters_forget(struct trp_base *base, uint64_t id)
{
    for (uint32_t i = 0; i < base->dead_letter_count; i++) {
        if (base->dead_letter_subscribers[i] == id) {
            base->dead_letter_subscribers[i] =
                base->dead_letter_subscribers[--base->dead_letter_count];
            return;
        }
    }
}

troupe_status troupe_dead_letters(troupe_self *self, bool on)
{
    struct trp_base *base = self->base;

    trp_dead_letters_forget(base, self->actor->id);
    if (!on) {
        return TROUPE_OK;
    }
    if (base->dead_letter_count == SUBSCRIBERS_MAX) {
        return TROUPE_ELIMIT;
    }
    if (base->dead_letter_subscribers == NULL) {
        base->dead_letter_subscribers =
            trp_calloc(SUBSCRIBERS_MAX, sizeof(*base->dead_letter_subscribers));
        if (base->dead_letter_subscribers == NULL) {
            return TROUPE_ENOMEM;
        }
    }
    base->dead_letter_subscribers[base->dead_letter_count++] = self->actor->id;
    return TROUPE_OK;
}
