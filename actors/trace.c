/* SPDX-License-Identifier: MIT
 * trace.c - the application's own marks. */
#include "actors/runtime.h"

void troupe_mark(troupe_self *self, uint16_t tag, uint32_t value)
{
    trp_record(self->base->recorder, TROUPE_EV_MARK, tag, trp_id_number(self->actor->id),
               self->actor->slot->message, 0, value);
}
