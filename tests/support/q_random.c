/* SPDX-License-Identifier: MIT
 * q_random.c - seeded random q values of every type. */
#include "tests/support/q_random.h"

#include "transports/q/q_symbol.h"

static uint64_t next(struct q_random *random)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state;
}

uint32_t q_random_below(struct q_random *random, uint32_t bound)
{
    return (uint32_t)(next(random) >> 33) % bound;
}

static const char *symbol(struct q_random *random)
{
    char text[20];
    size_t size = q_random_below(random, sizeof(text));
    const char *interned = trp_q_empty_symbol;

    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + q_random_below(random, 3));
    }
    return trp_q_intern(text, size, &interned) == TROUPE_OK ? interned
                                                            : trp_q_empty_symbol;
}

static troupe_q_value *plain(struct q_random *random, int type, size_t count)
{
    troupe_q_value *v = trp_q_new(type, count);
    size_t width = trp_q_wire_width(type);

    if (v == NULL) {
        return NULL;
    }
    for (size_t i = 0; width == 0 && i < count; i++) {
        TRP_Q_SYMS(v)[i] = symbol(random);
    }
    for (size_t i = 0; i < count * width; i++) {
        TRP_Q_BYTES(v)[i] = (uint8_t)next(random);
        if (type == TROUPE_Q_BOOLEAN || type == -TROUPE_Q_BOOLEAN) {
            TRP_Q_BYTES(v)[i] &= 1;
        }
    }
    if (type > 0) {
        v->attr = (uint8_t)q_random_below(random, 5);
        v->attr |= q_random_below(random, 8) == 0 ? TRP_Q_WIDE : 0;
    }
    return v;
}

static int base_type(struct q_random *random)
{
    int base = 0;

    while (base == 0 || base == 3) {
        base = (int)q_random_below(random, TROUPE_Q_TIME + 1);
    }
    return base;
}

/* Gives its references away and stays whole when one part could not be made. */
static troupe_q_value *compound(int type, size_t count, troupe_q_value **parts)
{
    bool whole = true;

    for (size_t i = 0; i < count; i++) {
        whole = whole && parts[i] != NULL;
    }
    troupe_q_value *v = whole ? trp_q_of_parts(type, count, parts) : NULL;
    for (size_t i = 0; v == NULL && i < count; i++) {
        troupe_q_unref(&parts[i]);
    }
    return v;
}

static troupe_q_value *many(struct q_random *random, int type, size_t count,
                            unsigned depth)
{
    troupe_q_value *parts[8] = {NULL};

    for (size_t i = 0; i < count; i++) {
        parts[i] = q_random_value(random, depth - 1);
    }
    return compound(type, count, parts);
}

static troupe_q_value *table(struct q_random *random, size_t rows)
{
    size_t width = 1 + q_random_below(random, 4);
    troupe_q_value *columns[4] = {NULL}, *parts[2] = {NULL, NULL};

    for (size_t i = 0; i < width; i++) {
        columns[i] = plain(random, base_type(random), rows);
    }
    parts[0] = plain(random, TROUPE_Q_SYMBOL, width);
    parts[1] = compound(TROUPE_Q_LIST, width, columns);
    return compound(TROUPE_Q_TABLE, 2, parts);
}

static troupe_q_value *dict(struct q_random *random)
{
    size_t count = q_random_below(random, 6);
    troupe_q_value *parts[2] = {NULL, NULL};

    if (q_random_below(random, 2) == 0) {
        parts[0] = table(random, count);
        parts[1] = table(random, count);
    } else {
        parts[0] = plain(random, base_type(random), count);
        parts[1] = plain(random, base_type(random), count);
    }
    return compound(q_random_below(random, 2) == 0 ? TROUPE_Q_DICT : TROUPE_Q_SORTED_DICT,
                    2, parts);
}

static troupe_q_value *function(struct q_random *random, unsigned depth)
{
    troupe_q_value *parts[2] = {NULL, NULL};

    switch (q_random_below(random, 4)) {
    case 0:
        parts[0] = plain(random, -TROUPE_Q_SYMBOL, 1);
        parts[1] = plain(random, TROUPE_Q_CHAR, q_random_below(random, 40));
        return compound(TROUPE_Q_LAMBDA, 2, parts);
    case 1:
        return trp_q_of_code(TROUPE_Q_UNARY,
                             q_random_below(random, TROUPE_Q_UNARY_MAX + 1));
    case 2:
        return many(random, TROUPE_Q_PROJECTION + (int)q_random_below(random, 2),
                    1 + q_random_below(random, 4), depth);
    default:
        return many(random, TROUPE_Q_EACH + (int)q_random_below(random, 6), 1, depth);
    }
}

troupe_q_value *q_random_value(struct q_random *random, unsigned depth)
{
    switch (q_random_below(random, depth == 0 ? 5 : 9)) {
    case 0:
    case 1:
        return plain(random, -base_type(random), 1);
    case 2:
    case 3:
    case 4:
        return plain(random, base_type(random), q_random_below(random, 20));
    case 5:
        return many(random, TROUPE_Q_LIST, q_random_below(random, 8), depth);
    case 6:
        return table(random, q_random_below(random, 10));
    case 7:
        return dict(random);
    default:
        return function(random, depth);
    }
}
