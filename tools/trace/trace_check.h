/* SPDX-License-Identifier: MIT
 * trace_check.h - is a trace complete? Every message was sent once; it was delivered
 * once, or dropped once, or lies in a mailbox whose depth says so.
 *
 * Only the window that all rings reach back to is judged. Numbers of messages grow with
 * their sends, so what was sent before the window is known by its number. */
#ifndef TRP_TOOLS_TRACE_CHECK_H
#define TRP_TOOLS_TRACE_CHECK_H

#include "tools/trace/trace_at.h"

enum { TRP_CHECK_MESSAGES_MAX = 1 << 26 };

struct trp_check {
    uint64_t sent, delivered, dropped;
    uint64_t queued;    /* sent, and neither delivered nor dropped */
    uint64_t depth;     /* what the table says about that */
    uint64_t unjudged;  /* actors that moved while the copy was taken */
    uint64_t explained; /* sent before the window */
    uint64_t turned;    /* delivered, by the clock, before they were sent */
    uint64_t overwritten;
    uint64_t window_ns; /* 0: all from the start */
    uint64_t violations;
};

/* tell   is called for each violation with one line of text
 *
 * Returns TROUPE_OK (then look at out->violations), TROUPE_ENOMEM or TROUPE_ELIMIT. */
TROUPE_MUST_CHECK troupe_status trp_check(struct trp_trace_at *at,
                                          void (*tell)(void *context, const char *text),
                                          void *context, struct trp_check *out);

#endif
