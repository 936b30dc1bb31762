/* SPDX-License-Identifier: MIT
 * q_pending.h - who waits for an answer, in the order the answers will come. */
#ifndef TRP_TRANSPORTS_Q_PENDING_H
#define TRP_TRANSPORTS_Q_PENDING_H

#include <troupe/actor.h>

struct trp_q_asker {
    troupe_id from;
    uint64_t tag;
    troupe_msg
        *kept; /* the request, when it may be sent again; the ring's user frees it */
};

/* A ring that doubles. Zeroed is empty. */
struct trp_q_pending {
    struct trp_q_asker *items;
    uint32_t first, count, capacity;
};

/* Makes sure that one more can be put. */
TROUPE_MUST_CHECK troupe_status trp_q_pending_reserve(struct trp_q_pending *pending);
void trp_q_pending_put(struct trp_q_pending *pending, struct trp_q_asker asker);

/* The oldest; false when there is none. */
bool trp_q_pending_take(struct trp_q_pending *pending, struct trp_q_asker *out);

/* Puts who asked with this message, if anybody did; without memory it is forgotten. */
void trp_q_pending_note(struct trp_q_pending *pending, const troupe_msg *msg);

/* Somebody waits no more: frees what is kept of the request; its place stays, for the
 * answer will come. */
void trp_q_pending_forget(struct trp_q_pending *pending, troupe_id from);

/* Whether anybody waits still. */
bool trp_q_pending_wanted(const struct trp_q_pending *pending);

/* Answers all with TROUPE_KIND_DONE. */
void trp_q_pending_done(troupe_self *self, struct trp_q_pending *pending);

void trp_q_pending_fini(struct trp_q_pending *pending);

#endif
