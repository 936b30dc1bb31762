/* SPDX-License-Identifier: MIT
 * eq_random.c - ? with a number on the left: picks and deals. xoshiro256**, seeded. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_random.h"
#include "bindings/embedq/eq_verbs.h"

static uint64_t rotl(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t next(struct trp_eq_random *r)
{
    uint64_t result = rotl(r->state[1] * 5, 7) * 9;
    uint64_t t = r->state[1] << 17;

    r->state[2] ^= r->state[0];
    r->state[3] ^= r->state[1];
    r->state[1] ^= r->state[2];
    r->state[0] ^= r->state[3];
    r->state[2] ^= t;
    r->state[3] = rotl(r->state[3], 45);
    return result;
}

void trp_eq_random_seed(struct trp_eq_random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        r->state[i] = z ^ z >> 31;
    }
}

static uint64_t below(struct trp_eq_random *r, uint64_t limit)
{
    uint64_t reject = (0 - limit) % limit;
    uint64_t x = 0;

    do {
        x = next(r);
    } while (x < reject);
    return x % limit;
}

static double unit(struct trp_eq_random *r)
{
    return (double)(next(r) >> 11) * 0x1.0p-53;
}

static qv *pick_names(struct trp_embedq *q, size_t count, const char *how)
{
    char text[8];
    size_t size = how[0] >= '1' && how[0] <= '8' ? (size_t)(how[0] - '0') : 0;
    qv *v = size != 0 ? trp_eq_new(q, TROUPE_Q_SYMBOL, count) : trp_eq_fail(q, "type");

    for (size_t i = 0; v != NULL && i < count; i++) {
        for (size_t k = 0; k < size; k++) {
            text[k] = (char)('a' + below(&q->random, 16));
        }
        if (trp_q_intern(text, size, &TRP_Q_SYMS(v)[i]) != TROUPE_OK) {
            trp_eq_drop(v);
            return trp_eq_oom(q);
        }
    }
    return v;
}

static void put_random(struct trp_embedq *q, qv *v, size_t i, int type, int64_t limit,
                       double top)
{
    struct trp_eq_random *r = &q->random;
    uint64_t bits = limit > 0 ? below(r, (uint64_t)limit) : next(r);

    switch (type) {
    case TROUPE_Q_BOOLEAN:
        TRP_Q_BYTES(v)[i] = bits & 1;
        break;
    case TROUPE_Q_BYTE:
    case TROUPE_Q_CHAR:
        TRP_Q_BYTES(v)
        [i] = (uint8_t)(type == TROUPE_Q_CHAR && limit <= 0 ? bits % 94 + 33 : bits);
        break;
    case TROUPE_Q_GUID:
        memcpy(TRP_Q_BYTES(v) + 16 * i, &(uint64_t[2]){bits, next(r)}, 16);
        break;
    case TROUPE_Q_SHORT:
        TRP_Q_SHORTS(v)[i] = (int16_t)bits;
        break;
    case TROUPE_Q_REAL:
        TRP_Q_REALS(v)[i] = (float)(unit(r) * top);
        break;
    case TROUPE_Q_FLOAT:
    case TROUPE_Q_DATETIME:
        TRP_Q_FLOATS(v)[i] = unit(r) * top;
        break;
    case TROUPE_Q_LONG:
    case TROUPE_Q_TIMESTAMP:
    case TROUPE_Q_TIMESPAN:
        TRP_Q_LONGS(v)[i] = (int64_t)bits;
        break;
    default:
        TRP_Q_INTS(v)[i] = (int32_t)bits;
    }
}

static qv *pick_below(struct trp_embedq *q, size_t count, qv *from)
{
    int type = -from->type;
    int64_t limit = 0;
    double top = 0;

    if (type == TROUPE_Q_SYMBOL) {
        return pick_names(q, count, TRP_Q_SYMS(from)[0]);
    }
    if (trp_eq_class(type) == 'f') {
        if (troupe_q_get_float(from, 0, &top) != TROUPE_OK) {
            return trp_eq_fail(q, "type");
        }
    } else if (type != TROUPE_Q_GUID && type != TROUPE_Q_BOOLEAN &&
               type != TROUPE_Q_CHAR &&
               (troupe_q_get_long(from, 0, &limit) != TROUPE_OK || limit < 0)) {
        return trp_eq_fail(q, "domain");
    }
    qv *v = trp_eq_new(q, type, count);
    for (size_t i = 0; v != NULL && i < count; i++) {
        put_random(q, v, i, type, limit, top);
        if ((i & 0xffff) == 0xffff && !trp_eq_go_on(q)) {
            trp_eq_drop(v);
            return NULL;
        }
    }
    return v;
}

/* Different positions in 0 .. n-1. */
static bool deal(struct trp_embedq *q, int64_t *rows, size_t count, size_t n)
{
    int64_t *all =
        n <= q->options.memory_limit / 8 ? trp_eq_scratch(q, n + 1, sizeof *all) : NULL;

    if (all == NULL) {
        return trp_eq_oom(q) != NULL;
    }
    for (size_t i = 0; i < n; i++) {
        all[i] = (int64_t)i;
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = i + (size_t)below(&q->random, n - i);
        int64_t swap = all[i];
        all[i] = all[k];
        all[k] = swap;
        rows[i] = all[i];
    }
    trp_free(all);
    return true;
}

qv *trp_eq_roll(struct trp_embedq *q, int64_t count, qv *from)
{
    size_t n = (size_t)(count < 0 ? -count : count);
    bool list = trp_q_is_list(from) || from->type == TROUPE_Q_TABLE;
    int64_t limit = 0;

    if (count == INT64_MIN || n > q->options.memory_limit) {
        return count == INT64_MIN ? trp_eq_fail(q, "type") : trp_eq_oom(q);
    }
    if (!list && count >= 0) {
        return from->type < 0 ? pick_below(q, n, from) : trp_eq_fail(q, "type");
    }
    size_t have = list ? trp_eq_len(from) : 0;
    if (!list) {
        if (from->type == -TROUPE_Q_SYMBOL || from->type == -TROUPE_Q_GUID) {
            return pick_below(q, n, from);
        }
        if (!trp_eq_int_of(from, &limit) || limit < 0) {
            return trp_eq_fail(q, "type");
        }
        have = (size_t)limit;
    }
    if ((count < 0 && n > have) || (have == 0 && n != 0)) {
        return trp_eq_fail(q, "length");
    }
    int64_t *rows = trp_eq_scratch(q, n + 1, sizeof *rows);
    if (rows == NULL) {
        return trp_eq_oom(q);
    }
    bool good = true;
    for (size_t i = 0; count >= 0 && i < n; i++) {
        rows[i] = (int64_t)below(&q->random, have);
    }
    if (count < 0) {
        good = deal(q, rows, n, have);
    }
    qv *v = !good  ? NULL
            : list ? trp_eq_take_rows(q, from, rows, n)
                   : trp_eq_rows_of(q, rows, n);
    trp_free(rows);
    return v;
}
