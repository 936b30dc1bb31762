/* SPDX-License-Identifier: MIT
 * kinds.h - walking the table of kind names, for the trace's metadata. */
#ifndef TRP_MAILBOX_KINDS_H
#define TRP_MAILBOX_KINDS_H

#include <troupe/message.h>

/* Calls `visit` for every named kind. Thread: any. */
void trp_kinds_each(void (*visit)(void *context, troupe_kind kind, const char *name),
                    void *context);

/* Sets who is told of every kind that is named from now on; one for the process.
 * Thread: any. */
void trp_kinds_observe(void (*added)(troupe_kind kind, const char *name));

#endif
