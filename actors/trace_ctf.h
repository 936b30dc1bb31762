/* SPDX-License-Identifier: MIT
 * trace_ctf.h - the description of a trace in CTF 1.8's own language, and the directory
 * NAME.trp that holds a copy of a trace:
 *
 *   metadata        what babeltrace2 and others need to know
 *   fast.W slow.W   the packets of worker W's rings, oldest first
 *   troupe/info     a troupe_trace_info, then the names
 *   troupe/actors   slots of living actors; spare is 1 when the slot moved meanwhile */
#ifndef TRP_ACTORS_TRACE_CTF_H
#define TRP_ACTORS_TRACE_CTF_H

#include <stdio.h>

#include <troupe/trace.h>

#include "actors/trace_source.h"

/* The most that is believed of a trace, whoever wrote it. */
enum { TRP_TRACE_PACKETS_MAX = 65536, TRP_TRACE_SLOTS_MAX = 4 << 20 };

/* Reads the info and checks every number in it; texts end with NUL afterwards.
 *
 * Returns TROUPE_OK, TROUPE_ETRUNCATED or TROUPE_EPROTO (not a trace we know). */
TROUPE_MUST_CHECK troupe_status trp_trace_info_read(const struct trp_trace_source *source,
                                                    troupe_trace_info *out);

/* Reads name number `at` of info->names; false when it is not there (yet). */
bool trp_trace_name_read(const struct trp_trace_source *source,
                         const troupe_trace_info *info, uint32_t at,
                         troupe_trace_name *out);

/* Ticks a second, by the longest measurement there is. */
uint64_t trp_trace_frequency(const troupe_trace_info *info);

/* Writes the metadata. */
void trp_ctf_metadata(const struct trp_trace_source *source,
                      const troupe_trace_info *info, FILE *out);

/* The name of an event ("send"), or NULL. */
const char *trp_ctf_event(unsigned id);

/* Whether a copied packet is whole and ours. */
bool trp_packet_is_valid(const troupe_trace_packet *head, const troupe_trace_info *info);

/* Where a worker's rings begin in its ring file, in bytes, and how long they are. */
static inline uint64_t trp_ring_offset(const troupe_trace_info *info, bool slow)
{
    return slow ? (uint64_t)info->fast * TROUPE_TRACE_PACKET : 0;
}

static inline uint32_t trp_ring_packets(const troupe_trace_info *info, bool slow)
{
    return slow ? info->slow : info->fast;
}

struct trp_packet_place {
    uint64_t sequence;
    uint32_t index; /* in the ring */
};

/* Lists the packets in use of one ring, oldest first; *places is trp_free'd by the
 * caller.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_ring_list(const struct trp_trace_source *source,
                                              const troupe_trace_info *info,
                                              uint32_t worker, bool slow,
                                              struct trp_packet_place **places,
                                              uint32_t *count);

/* Copies one packet (16 KiB); false: it has been overwritten meanwhile. */
bool trp_ring_copy(const struct trp_trace_source *source, const troupe_trace_info *info,
                   uint32_t worker, bool slow, const struct trp_packet_place *place,
                   void *packet);

/* Writes NAME.trp.
 *
 * info   as read; `taken` is now (ticks), the latest clock pair is fresh, and `settled`
 * is 2 when the program itself writes
 *
 * Returns TROUPE_OK, TROUPE_EEXIST, TROUPE_ENOMEM or TROUPE_ESYSTEM. */
TROUPE_MUST_CHECK troupe_status trp_ctf_write(const struct trp_trace_source *source,
                                              troupe_trace_info *info,
                                              const char *directory);

#endif
