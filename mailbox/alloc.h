/* SPDX-License-Identifier: MIT
 * alloc.h - size-checked allocation, and the switch that makes the n-th one fail.
 *
 * Everything Troupe allocates comes through here, so a test can make every error path
 * happen: trp_fail_nth(n) lets n - 1 allocations of this thread succeed and fails the
 * next. */
#ifndef TRP_MAILBOX_ALLOC_H
#define TRP_MAILBOX_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRP_LIKELY(x)    __builtin_expect(!!(x), 1)
#define TRP_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define TRP_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TRP_CONTAINER(pointer, type, member)                                             \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* All return NULL when there is no memory (or count * size overflows); sizes of 0 give a
 * pointer that can be freed. trp_calloc zeroes. */
void *trp_alloc(size_t size);
void *trp_calloc(size_t count, size_t size);
void *trp_realloc(void *old, size_t size);
void *trp_aligned(size_t alignment, size_t size);
char *trp_strdup(const char *text);
void trp_free(void *memory);

/* Fails this thread's n-th allocation from now, once (0: none). While armed, pools hand
 * every block through here, so blocks count too. Threads that already run are not armed.
 */
void trp_fail_nth(uint64_t n);

/* Whether the armed failure has happened; also disarms. */
bool trp_fail_happened(void);

/* Used by pools: whether the next allocation must fail. */
bool trp_fail_now(void);
bool trp_fail_armed(void);

#endif
