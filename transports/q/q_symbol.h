/* SPDX-License-Identifier: MIT
 * q_symbol.h - symbols: every text once, for ever; equal symbols are equal pointers.
 *
 * Looking up a known symbol takes no lock. */
#ifndef TRP_TRANSPORTS_Q_SYMBOL_H
#define TRP_TRANSPORTS_Q_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/q_value.h>

/* What lies before the text of every symbol. */
struct trp_q_symbol {
    uint32_t hash; /* never 0; differs from process to process */
    uint32_t size; /* bytes, without the NUL that follows them */
    char text[];
};

/* The symbol with this text, which a NUL ends, made when it is new.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT. */
TROUPE_MUST_CHECK troupe_status trp_q_intern(const char *text, size_t size,
                                             const char **out);

/* The same for a text that ends with NUL no later than `end`; *next receives what follows
 * the NUL. TROUPE_ETRUNCATED: there is no NUL. */
TROUPE_MUST_CHECK troupe_status trp_q_intern_z(const uint8_t *text, const uint8_t *end,
                                               const uint8_t **next, const char **out);

/* The same for `count` texts, one after the other; *next receives what follows the last,
 * or on failure the text that failed. */
TROUPE_MUST_CHECK troupe_status trp_q_intern_many(const uint8_t *text, const uint8_t *end,
                                                  size_t count, const uint8_t **next,
                                                  const char **out);

/* The empty symbol. */
extern const char *const trp_q_empty_symbol;

static inline const struct trp_q_symbol *trp_q_symbol_of(const char *interned)
{
    return (
        const struct trp_q_symbol *)(const void *)(interned -
                                                   offsetof(struct trp_q_symbol, text));
}

static inline size_t trp_q_symbol_size(const char *interned)
{
    return trp_q_symbol_of(interned)->size;
}

static inline uint32_t trp_q_symbol_hash(const char *interned)
{
    return trp_q_symbol_of(interned)->hash;
}

/* How many symbols there are and the bytes of their texts. */
void trp_q_symbol_totals(uint64_t *count, uint64_t *bytes);

#endif
