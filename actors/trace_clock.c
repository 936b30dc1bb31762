/* SPDX-License-Identifier: MIT
 * trace_clock.c - ticks: the processor's counter where the kernel itself trusts it, else
 * CLOCK_MONOTONIC. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "actors/recorder.h"

enum { SHIFT = 24, CALIBRATION_NS = 2000000, SECOND_NS = 1000000000 };

bool trp_clock_is_counter; /* set in `choose`, before any recorder exists */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t frequency = SECOND_NS;
static uint64_t ns_per_tick = UINT64_C(1) << SHIFT; /* scaled */

uint64_t trp_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)
static bool never_stops(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;

    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0;
}

/* The counter is right when it never stops and the kernel keeps its own time by it. */
static bool counter_is_usable(void)
{
    char source[16] = "";
    FILE *file =
        fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");

    if (file == NULL) {
        return false;
    }
    bool read = fgets(source, sizeof(source), file) != NULL;
    (void)fclose(file);
    return read && strcmp(source, "tsc\n") == 0 && never_stops();
}
#elif defined(__aarch64__)
static bool counter_is_usable(void)
{
    return true;
}
#else
static bool counter_is_usable(void)
{
    return false;
}
#endif

/* A counter value and the time it belongs to: the closest of a few readings. */
static void read_pair(uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < 5; i++) {
        uint64_t before = trp_ticks();
        uint64_t now = trp_clock_ns();
        uint64_t width = trp_ticks() - before;
        if (width < best) {
            best = width;
            *ticks = before + width / 2;
            *ns = now;
        }
    }
}

static void measure(void)
{
    uint64_t ticks0 = 0, ns0 = 0, ticks1 = 0, ns1 = 0;

    read_pair(&ticks0, &ns0);
    do {
        read_pair(&ticks1, &ns1);
    } while (ns1 - ns0 < CALIBRATION_NS);
    frequency =
        (uint64_t)((double)(ticks1 - ticks0) * (double)SECOND_NS / (double)(ns1 - ns0));
    ns_per_tick =
        (uint64_t)((double)SECOND_NS / (double)frequency * (double)(1 << SHIFT) + 0.5);
}

static void choose(void)
{
    trp_clock_is_counter = counter_is_usable();
    if (trp_clock_is_counter) {
        measure();
    }
}

void trp_clock_choose(void)
{
    (void)pthread_once(&once, choose);
}

uint32_t trp_clock_name(void)
{
#if defined(__aarch64__)
    return TROUPE_CLOCK_CNTVCT;
#else
    return trp_clock_is_counter ? TROUPE_CLOCK_TSC : TROUPE_CLOCK_MONOTONIC;
#endif
}

uint64_t trp_clock_frequency(void)
{
    return frequency;
}

uint64_t trp_ticks_to_ns(uint64_t ticks)
{
    uint64_t high = ticks >> 32, low = ticks & UINT32_MAX;

    return (high * ns_per_tick << (32 - SHIFT)) + (low * ns_per_tick >> SHIFT);
}
