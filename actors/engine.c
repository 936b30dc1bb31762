/* SPDX-License-Identifier: MIT
 * engine.c - the embedded-execution actor. */
#include "actors/runtime.h"

troupe_status trp_engine_admit(struct trp_base *base)
{
    (void)base;
    return TROUPE_OK;
}

void trp_engine_dequeued(struct trp_base *base)
{
    (void)base;
}

troupe_status trp_engine_inline(struct trp_base *here, troupe_msg **msg,
                                troupe_msg **answer)
{
    (void)here;
    (void)msg;
    (void)answer;
    return TROUPE_EUNSUPPORTED;
}

void trp_engine_interrupt(struct trp_base *base)
{
    (void)base;
}

bool trp_engine_end(struct trp_base *base)
{
    (void)base;
    return true;
}
