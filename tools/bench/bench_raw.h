/* SPDX-License-Identifier: MIT
 * bench_raw.h - what blocking sockets do between two threads, as a baseline. */
#ifndef TRP_TOOLS_BENCH_RAW_H
#define TRP_TOOLS_BENCH_RAW_H

#include "tools/bench/bench.h"

enum bench_wire { BENCH_TCP, BENCH_UNIX, BENCH_TLS };

/* A key and its certificate for localhost, in files of a folder of their own. */
struct bench_certificate {
    char folder[64], cert[80], key[80];
};

void bench_certify(struct bench_certificate *out);
void bench_uncertify(const struct bench_certificate *certificate);

/* Sends `bytes` `count` times, one call each, to a thread that reads what there is; or
 * sends and gets them back each time.
 *
 * certificate   for BENCH_TLS
 *
 * Returns the seconds it took; of round trips the median of one, in seconds. */
double bench_raw_one_way(enum bench_wire wire,
                         const struct bench_certificate *certificate,
                         const uint8_t *bytes, size_t size, uint64_t count);
double bench_raw_round_trip(enum bench_wire wire,
                            const struct bench_certificate *certificate,
                            const uint8_t *bytes, size_t size, uint64_t count);

#endif
