/* SPDX-License-Identifier: MIT
 * eq_random.h - the generator behind ?. */
#ifndef TRP_BINDINGS_EMBEDQ_RANDOM_H
#define TRP_BINDINGS_EMBEDQ_RANDOM_H

#include "bindings/embedq/eq.h"

void trp_eq_random_seed(struct trp_eq_random *r, uint64_t seed);

#endif
