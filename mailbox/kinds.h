/* SPDX-License-Identifier: MIT
 * kinds.h - walking the table of kind names, for the trace's metadata. */
#ifndef TRP_MAILBOX_KINDS_H
#define TRP_MAILBOX_KINDS_H

#include <troupe/message.h>

/* Calls `visit` for every named kind. Thread: any. */
void trp_kinds_each(void (*visit)(void *context, troupe_kind kind, const char *name),
                    void *context);

#endif
