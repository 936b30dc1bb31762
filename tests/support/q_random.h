/* SPDX-License-Identifier: MIT
 * q_random.h - seeded random q values of every type. */
#ifndef TRP_TESTS_Q_RANDOM_H
#define TRP_TESTS_Q_RANDOM_H

#include <stdint.h>

#include "transports/q/q_value.h"

struct q_random {
    uint64_t state; /* the seed, not 0 */
};

uint32_t q_random_below(struct q_random *random, uint32_t bound);

/* A value nested at most `depth` deep, of at most about 20 items a level. NULL: no
 * memory. */
troupe_q_value *q_random_value(struct q_random *random, unsigned depth);

#endif
