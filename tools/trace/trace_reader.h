/* SPDX-License-Identifier: MIT
 * trace_reader.h - the records of all rings of a trace, in order of time, one packet of
 * each ring in memory. */
#ifndef TRP_TOOLS_TRACE_READER_H
#define TRP_TOOLS_TRACE_READER_H

#include "tools/trace/trace_at.h"

struct trp_stream {
    uint32_t worker;
    bool slow;
    struct trp_packet_place *places;
    uint32_t count, next; /* packets */
    uint32_t holes;       /* places where packets are missing or out of order */
    uint8_t *packet;
    size_t at, size;            /* in the packet, bytes */
    troupe_trace_record record; /* the next one */
    bool over;
};

struct trp_reader {
    struct trp_trace_at *trace;
    struct trp_stream *streams;
    uint32_t count;
    uint32_t overwritten; /* packets lost while reading */
    uint64_t until;       /* of a running process: later records are left out */
    uint64_t window;      /* all fast rings reach back to here; 0: to the start */
};

TROUPE_MUST_CHECK troupe_status trp_reader_open(struct trp_trace_at *trace,
                                                struct trp_reader **out);
void trp_reader_close(struct trp_reader **reader);

/* The next record; false at the end. `stream` may be NULL. */
bool trp_reader_next(struct trp_reader *reader, troupe_trace_record *record,
                     const struct trp_stream **stream);

#endif
