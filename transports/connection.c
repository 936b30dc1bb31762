/* SPDX-License-Identifier: MIT
 * connection.c - phases and their deadlines. */
#include "transports/connection.h"

troupe_status trp_connection_enter(troupe_self *self, struct trp_connection *connection,
                                   uint8_t phase, troupe_ns limit)
{
    trp_fsm_move(connection->phases, &connection->phase, phase);
    connection->round++;
    (void)troupe_timer_cancel(self, connection->deadline);
    connection->deadline = (troupe_timer){0};
    if (limit == 0 || limit == TROUPE_NEVER) {
        return TROUPE_OK;
    }
    return troupe_after(self, limit, TRP_KIND_DEADLINE, connection->round,
                        &connection->deadline);
}

bool trp_connection_overdue(const struct trp_connection *connection,
                            const troupe_msg *msg)
{
    return troupe_msg_tag(msg) == connection->round;
}
