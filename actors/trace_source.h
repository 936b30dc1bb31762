/* SPDX-License-Identifier: MIT
 * trace_source.h - where a trace's bytes come from: this process, another one, or files.
 * Whoever reads believes nothing: the bytes may belong to a broken or hostile process. */
#ifndef TRP_ACTORS_TRACE_SOURCE_H
#define TRP_ACTORS_TRACE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trp_trace_part { TRP_PART_INFO, TRP_PART_RING, TRP_PART_ACTORS };

struct trp_trace_source {
    void *context;
    /* Copies `size` bytes of one part; false when not all of them are there.
     *
     * offset   bytes; of TRP_PART_ACTORS: slot number of the worker * 128 */
    bool (*read)(void *context, enum trp_trace_part part, uint32_t worker,
                 uint64_t offset, void *to, size_t size);
};

#endif
