/* SPDX-License-Identifier: MIT
 * trace.c - what a program itself does about its trace: marks, and a copy to keep. */
#include "actors/runtime.h"
#include "actors/trace_ctf.h"
#include "mailbox/alloc.h"

void troupe_mark(troupe_self *self, uint16_t tag, uint32_t value)
{
    trp_record(self->base->recorder, TROUPE_EV_MARK, tag, trp_id_number(self->actor->id),
               self->actor->slot->message, 0, value);
}

troupe_status troupe_trace_dump(troupe_system *sys, const char *directory)
{
    struct trp_trace_source source;

    if (sys == NULL || directory == NULL || directory[0] == 0) {
        return TROUPE_EINVAL;
    }
    trp_trace_inside(sys->trace, &source);
    troupe_trace_info *info = trp_alloc(sizeof(*info));
    if (info == NULL) {
        return TROUPE_ENOMEM;
    }
    troupe_status status = trp_trace_info_read(&source, info);
    if (status == TROUPE_OK && info->mode != TROUPE_TRACE_RING) {
        status = TROUPE_EUNSUPPORTED;
    }
    if (status == TROUPE_OK) {
        info->latest_ns = trp_clock_ns();
        info->latest_ticks = info->taken = trp_ticks();
        info->settled = 2;
        status = trp_ctf_write(&source, info, directory);
    }
    trp_free(info);
    return status;
}
