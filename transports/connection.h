/* SPDX-License-Identifier: MIT
 * connection.h - what the connection actors of all protocols share: a phase, a deadline
 * for it, and the way from one to the next. A deadline that had passed when its phase was
 * left still comes: each carries the round of the phase it was set for. */
#ifndef TRP_TRANSPORTS_CONNECTION_H
#define TRP_TRANSPORTS_CONNECTION_H

#include "transports/fsm.h"
#include "transports/stream.h"

struct trp_connection {
    const struct trp_phase *phases;
    troupe_timer deadline;
    uint32_t round; /* grows with every phase */
    uint8_t phase;
};

/* Goes to another phase; after `limit` a TRP_KIND_DEADLINE comes, unless another phase
 * does first. 0 or TROUPE_NEVER: none.
 *
 * Returns TROUPE_OK, or what troupe_after said: the phase is entered, without deadline.
 */
troupe_status trp_connection_enter(troupe_self *self, struct trp_connection *connection,
                                   uint8_t phase, troupe_ns limit);

/* Whether a TRP_KIND_DEADLINE is for the present phase. */
bool trp_connection_overdue(const struct trp_connection *connection,
                            const troupe_msg *msg);

/* For sends whose failure changes nothing: nobody waits any more. */
static inline void trp_ignore(troupe_status status)
{
    (void)status;
}

/* For what a peer can make happen without end: counts, and says whether this time is
 * worth a line in the log. The 1st, 2nd, 4th, 8th... are. */
static inline bool trp_worth_a_line(uint64_t *times)
{
    uint64_t before = (*times)++;

    return (before & *times) == 0;
}

static inline const char *trp_connection_phase(const struct trp_connection *connection)
{
    return connection->phases[connection->phase].name;
}

#endif
