/* SPDX-License-Identifier: MIT
 * mail.h - the short way into a mailbox, shared by mail.c and send.c. */
#ifndef TRP_ACTORS_MAIL_H
#define TRP_ACTORS_MAIL_H

#include "actors/runtime.h"

static inline bool trp_mail_is_plain(const struct trp_actor *to, const troupe_msg *msg)
{
    return (msg->flags & ~TRP_MSG_BODY) == 0 && (to->flags & TRP_ACTOR_SPECIAL) == 0 &&
           to->mail < to->limit;
}

/* The plain case, short enough to stand in each sender. */
static inline void trp_mail_put(struct trp_base *base, struct trp_actor *to,
                                troupe_msg *msg)
{
    if (++to->mail > to->slot->high_water) {
        to->slot->high_water = to->mail;
    }
    msg->to.bits = to->id;
    to->slot->enqueued++;
    msg->trace = trp_tally_add(&base->next_message, 1);
    msg->next = NULL;
    if (to->head != NULL) {
        to->tail->next = msg;
    } else {
        to->head = msg;
    }
    to->tail = msg;
}

#endif
