/* SPDX-License-Identifier: MIT
 * clock.c - the monotonic clock, read in one place. */
#include <time.h>

#include "actors/runtime.h"

troupe_ns trp_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return TROUPE_S(now.tv_sec) + now.tv_nsec;
}
