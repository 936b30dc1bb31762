/* SPDX-License-Identifier: MIT
 * trace_at.h - finding and opening traces: of a running process, of a dead one (a
 * directory), or a copy (NAME.trp). Nothing the bytes say is believed unchecked. */
#ifndef TRP_TOOLS_TRACE_AT_H
#define TRP_TOOLS_TRACE_AT_H

#include <troupe/trace.h>

#include "actors/trace_ctf.h"

enum { TRP_AT_PATH = 1024 };

/* Where a trace is. */
struct trp_trace_place {
    uint32_t pid; /* who wrote it */
    bool alive;
    char state;             /* of the process, as in /proc/PID/stat; 0: dead */
    bool is_copy;           /* NAME.trp */
    char path[TRP_AT_PATH]; /* a directory; or "" when it lies in memory files */
    char key[17];           /* of memory files */
};

struct trp_trace_at {
    struct trp_trace_source source;
    struct trp_trace_place place;
    troupe_trace_info info;
    int info_fd, directory;             /* directory: -1 for memory files */
    int rings[TROUPE_TRACE_WORKERS][2]; /* a copy has two files */
    int actors[TROUPE_TRACE_WORKERS][4];
    bool tried[TROUPE_TRACE_WORKERS]; /* to open its files */
};

/* Calls visit for every trace that this user may see; it returns false to stop. */
void trp_traces_each(bool (*visit)(void *context, const struct trp_trace_place *place),
                     void *context);

/* Opens "PID", "PID/N" (the N-th trace of a process), or a directory.
 *
 * what   NULL: the only traced process there is
 *
 * Returns TROUPE_OK, TROUPE_ENOENT, TROUPE_EEXIST (NULL, and there are several),
 * TROUPE_EACCESS, TROUPE_EPROTO, TROUPE_ETRUNCATED (no trace) or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_trace_find(const char *what,
                                               struct trp_trace_at **out);
TROUPE_MUST_CHECK troupe_status trp_trace_open_place(const struct trp_trace_place *place,
                                                     struct trp_trace_at **out);
void trp_trace_leave(struct trp_trace_at **at);

/* Now, in the trace's ticks; of a dead process: the latest time it noted. */
uint64_t trp_trace_now(const struct trp_trace_at *at);
uint64_t trp_trace_ns(const struct trp_trace_at *at, uint64_t ticks);

/* Calls visit for every living actor in the table. */
void trp_trace_slots(struct trp_trace_at *at,
                     void (*visit)(void *context, const troupe_trace_slot *slot),
                     void *context);

#endif
