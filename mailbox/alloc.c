/* SPDX-License-Identifier: MIT
 * alloc.c - the only file that calls the C library's allocator. */
#include "mailbox/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "mailbox/pool.h"

static _Thread_local uint64_t fail_countdown; /* 0: not armed, or happened */
static _Thread_local bool fail_armed;

void trp_fail_nth(uint64_t n)
{
    fail_countdown = n;
    fail_armed = n != 0;
    trp_pool_bypass(fail_armed);
}

bool trp_fail_happened(void)
{
    bool happened = fail_armed && fail_countdown == 0;

    trp_fail_nth(0);
    return happened;
}

bool trp_fail_armed(void)
{
    return fail_armed;
}

bool trp_fail_now(void)
{
    return TRP_UNLIKELY(fail_countdown != 0) && --fail_countdown == 0;
}

void *trp_alloc(size_t size)
{
    return trp_fail_now() ? NULL : malloc(size != 0 ? size : 1);
}

void *trp_calloc(size_t count, size_t size)
{
    return trp_fail_now() ? NULL : calloc(count != 0 ? count : 1, size != 0 ? size : 1);
}

void *trp_realloc(void *old, size_t size)
{
    return trp_fail_now() ? NULL : realloc(old, size != 0 ? size : 1);
}

void *trp_aligned(size_t alignment, size_t size)
{
    void *memory = NULL;

    if (trp_fail_now() || posix_memalign(&memory, alignment, size) != 0) {
        return NULL;
    }
    return memory;
}

char *trp_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = trp_alloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void trp_free(void *memory)
{
    free(memory);
}
