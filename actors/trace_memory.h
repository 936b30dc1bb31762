/* SPDX-License-Identifier: MIT
 * trace_memory.h - memory that outlives its writer, or can at least be seen by others.
 *
 * First wish: files in a directory of our own (0700) below $TROUPE_TRACE_DIR,
 * $RUNTIME_DIRECTORY/troupe or $XDG_RUNTIME_DIR/troupe; they are still there after
 * SIGKILL. Else: sealed memory files, to be found in /proc/PID/fd while the process
 * lives. Else, or when asked: private memory. */
#ifndef TRP_ACTORS_TRACE_MEMORY_H
#define TRP_ACTORS_TRACE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trp_memory;

enum { TRP_AREA_NAME = 24 };

/* shared   false: private memory at once. NULL without memory. */
struct trp_memory *trp_memory_open(bool shared);

/* Removes the files and unmaps everything. */
void trp_memory_close(struct trp_memory **memory);

/* Removes the files; the memory stays mapped. */
void trp_memory_remove(struct trp_memory *memory);

/* An area of zeroes, `size` bytes, named for readers; stays where it is until the close.
 *
 * whole   reserve it now, so that a full file system shows here and not as SIGBUS later
 *
 * NULL without memory. */
void *trp_memory_area(struct trp_memory *memory, const char *name, size_t size,
                      bool whole);

/* Reserves a part of an area; false: there is no room, do not touch it. */
bool trp_memory_reserve(struct trp_memory *memory, const void *area, size_t offset,
                        size_t size);

bool trp_memory_is_shared(const struct trp_memory *memory);
const char *trp_memory_note(const struct trp_memory *memory);

/* In the child of a fork: what it writes from now on is its own. */
void trp_memory_fork(struct trp_memory *memory);

/* Field 22 of /proc/self/stat; with the pid it names a process for ever. */
uint64_t trp_memory_started(void);

#endif
