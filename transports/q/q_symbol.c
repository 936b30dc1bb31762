/* SPDX-License-Identifier: MIT
 * q_symbol.c - the table of symbols: shards of open addressing over append-only arenas.
 *
 * A reader probes a shard's slots without a lock: a slot's key is published (release)
 * after its pointer, and read (acquire) before it. The key of a text of up to 7 bytes is
 * the text, so that such a symbol is found without looking at it. A writer holds the
 * shard's lock and
 * looks again. A grown shard publishes a new array; the old ones stay for readers that
 * are still in them, and together are smaller than the present one. */
#include "transports/q/q_symbol.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "mailbox/alloc.h"
#include "transports/q/q_room.h"

enum { SHARDS = 64, SHARD_SHIFT = 26, SLOTS_FIRST = 256, ARENA = 1 << 16, WORD = 8 };
enum { WINDOW = 64, SIZE_KEPT = 0x7fffff };

#define LONG_KEY (UINT64_C(1) << 63)

struct slot {
    _Atomic(uint64_t) key; /* 0: free */
    _Atomic(const struct trp_q_symbol *) symbol;
};

struct slots {
    size_t mask;
    struct slots *older;
    struct slot slot[];
};

/* What is changed under a shard's lock only. */
struct shard {
    pthread_mutex_t lock;
    size_t used;
    uint8_t *arena, *arena_end;
};

static struct shard shards[SHARDS];
static _Atomic(struct slots *) tables[SHARDS]; /* NULL until the first symbol */
static uint64_t seed;
static _Atomic(uint64_t) total_count, total_bytes;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool ready;

static const struct {
    uint32_t hash, size;
    char text[8];
} empty = {.hash = 1};

const char *const trp_q_empty_symbol = empty.text;

static void prepare(void)
{
    randombytes_buf(&seed, sizeof(seed));
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&shards[i].lock, NULL);
    }
    atomic_store_explicit(&ready, true, memory_order_release);
}

/* The middle of a 128-bit product, as in wyhash: with a secret seed nobody can aim. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static const uint64_t factor = UINT64_C(0xa0761d6478bd642f);

static inline uint64_t mix(uint64_t x, uint64_t word)
{
    return fold(x ^ word, factor);
}

/* The last word holds the 0 to 7 bytes that are left, followed by zeroes. As no byte of a
 * text is zero, the words say how long it is. */
static inline uint32_t finish(uint64_t x, uint64_t word)
{
    return (uint32_t)(fold(x ^ word, UINT64_C(0xe7037ed1a0b428db)) >> 32) | 1;
}

/* Up to 8 bytes as they lie in memory, followed by zeroes. */
static inline uint64_t word_of(const uint8_t *text, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, text, size);
    return word;
}

/* The 0 to 7 bytes behind the last whole word. */
static inline uint64_t last_word(const uint8_t *text, size_t size)
{
    size_t left = size % WORD;

    if (size < WORD || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
        return word_of(text + size - left, left);
    }
    return word_of(text + size - WORD, WORD) >> 1 >> (63 - 8 * left);
}

static inline uint32_t hash_of(const uint8_t *text, size_t size, uint64_t last)
{
    uint64_t x = seed;

    for (; size >= WORD; size -= WORD, text += WORD) {
        x = mix(x, word_of(text, WORD));
    }
    return finish(x, last);
}

/* What a slot is known by: all of a short text (its last byte is then 0), or the hash and
 * most of the size of a long one. `last`: the last word of the text. */
static inline uint64_t key_of(uint32_t hash, size_t size, uint64_t last)
{
    return size < WORD ? last : LONG_KEY | (uint64_t)(size & SIZE_KEPT) << 32 | hash;
}

static inline bool is_text(const struct trp_q_symbol *symbol, const void *text,
                           size_t size)
{
    return symbol->size == size && memcmp(symbol->text, text, size) == 0;
}

static inline const char *look(const struct slots *slots, uint32_t hash, const void *text,
                               size_t size, uint64_t last)
{
    if (TRP_UNLIKELY(slots == NULL)) {
        return NULL;
    }
    uint64_t key = key_of(hash, size, last);
    for (size_t i = (hash >> 1) & slots->mask;; i = (i + 1) & slots->mask) {
        uint64_t there = atomic_load_explicit(&slots->slot[i].key, memory_order_acquire);
        if (there == key) {
            const struct trp_q_symbol *symbol =
                atomic_load_explicit(&slots->slot[i].symbol, memory_order_relaxed);
            if (size < WORD || is_text(symbol, text, size)) {
                return symbol->text;
            }
        } else if (there == 0) {
            return NULL;
        }
    }
}

static void put(struct slots *slots, const struct trp_q_symbol *symbol)
{
    size_t i = (symbol->hash >> 1) & slots->mask;
    uint64_t last;

    memcpy(&last, symbol->text, WORD); /* of a long text any */
    while (atomic_load_explicit(&slots->slot[i].key, memory_order_relaxed) != 0) {
        i = (i + 1) & slots->mask;
    }
    atomic_store_explicit(&slots->slot[i].symbol, symbol, memory_order_relaxed);
    atomic_store_explicit(&slots->slot[i].key, key_of(symbol->hash, symbol->size, last),
                          memory_order_release);
}

/* Makes sure that one more fits at a load of at most a half. */
static troupe_status widen(struct shard *shard)
{
    _Atomic(struct slots *) *table = &tables[shard - shards];
    struct slots *old = atomic_load_explicit(table, memory_order_relaxed);
    size_t size = old == NULL ? SLOTS_FIRST : old->mask + 1;

    if (old != NULL && shard->used < size / 2) {
        return TROUPE_OK;
    }
    size = old == NULL ? size : 2 * size;
    struct slots *slots = trp_calloc(1, sizeof(*slots) + size * sizeof(struct slot));
    if (slots == NULL) {
        return TROUPE_ENOMEM;
    }
    slots->mask = size - 1;
    slots->older = old;
    for (size_t i = 0; old != NULL && i <= old->mask; i++) {
        const struct trp_q_symbol *symbol =
            atomic_load_explicit(&old->slot[i].symbol, memory_order_relaxed);
        if (symbol != NULL) {
            put(slots, symbol);
        }
    }
    atomic_store_explicit(table, slots, memory_order_release);
    return TROUPE_OK;
}

static uint8_t *carve(struct shard *shard, size_t size)
{
    size = (size + WORD - 1) & ~(size_t)(WORD - 1);
    if (size > ARENA / 4) {
        return trp_alloc(size);
    }
    if (size > (size_t)(shard->arena_end - shard->arena)) {
        uint8_t *arena = trp_alloc(ARENA);
        if (arena == NULL) {
            return NULL;
        }
        shard->arena = arena;
        shard->arena_end = arena + ARENA;
    }
    uint8_t *at = shard->arena;
    shard->arena += size;
    return at;
}

static bool full(size_t size)
{
    return size > UINT32_MAX - 64 ||
           atomic_load_explicit(&total_count, memory_order_relaxed) >=
               TROUPE_Q_SYMBOLS_MAX ||
           atomic_load_explicit(&total_bytes, memory_order_relaxed) + size >
               TROUPE_Q_SYMBOL_BYTES_MAX;
}

static troupe_status add(struct shard *shard, uint32_t hash, const void *text,
                         size_t size, const char **out)
{
    if (full(size)) {
        return TROUPE_ELIMIT;
    }
    size_t need = sizeof(struct trp_q_symbol) + size + 1;
    size_t taken = need + 4 * sizeof(struct slot); /* the table is half full or less */
    if (!trp_q_room_take_name(taken)) {
        return TROUPE_ENOMEM;
    }
    struct trp_q_symbol *symbol =
        widen(shard) == TROUPE_OK ? (void *)carve(shard, need) : NULL;
    if (symbol == NULL) {
        trp_q_room_give_name(taken);
        return TROUPE_ENOMEM;
    }
    symbol->hash = hash;
    symbol->size = (uint32_t)size;
    memset(symbol->text + (size & ~(size_t)(WORD - 1)), 0, WORD);
    memcpy(symbol->text, text, size);
    put(atomic_load_explicit(&tables[shard - shards], memory_order_relaxed), symbol);
    shard->used++;
    (void)atomic_fetch_add_explicit(&total_count, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&total_bytes, size, memory_order_relaxed);
    *out = symbol->text;
    return TROUPE_OK;
}

/* Looks again, and adds, under the lock. */
static troupe_status find_slowly(uint32_t hash, const void *text, size_t size,
                                 uint64_t last, const char **out)
{
    struct shard *shard = &shards[hash >> SHARD_SHIFT];
    troupe_status status = TROUPE_OK;

    (void)pthread_mutex_lock(&shard->lock);
    const char *known =
        look(atomic_load_explicit(&tables[hash >> SHARD_SHIFT], memory_order_relaxed),
             hash, text, size, last);
    if (known == NULL) {
        status = add(shard, hash, text, size, &known);
    }
    (void)pthread_mutex_unlock(&shard->lock);
    if (status == TROUPE_OK) {
        *out = known;
    }
    return status;
}

static inline troupe_status find(uint32_t hash, const void *text, size_t size,
                                 uint64_t last, const char **out)
{
    const char *known =
        look(atomic_load_explicit(&tables[hash >> SHARD_SHIFT], memory_order_acquire),
             hash, text, size, last);

    if (TRP_UNLIKELY(known == NULL)) {
        return find_slowly(hash, text, size, last, out);
    }
    *out = known;
    return TROUPE_OK;
}

static inline void begin(void)
{
    if (TRP_UNLIKELY(!atomic_load_explicit(&ready, memory_order_acquire))) {
        (void)pthread_once(&once, prepare);
    }
}

/* A text without a NUL. */
static __attribute__((noinline)) troupe_status intern_bytes(const uint8_t *text,
                                                            size_t size, const char **out)
{
    uint64_t last = last_word(text, size);

    if (size == 0) {
        *out = empty.text;
        return TROUPE_OK;
    }
    return find(hash_of(text, size, last), text, size, last, out);
}

troupe_status trp_q_intern(const char *text, size_t size, const char **out)
{
    const char *nul = size != 0 ? memchr(text, 0, size) : NULL;

    begin();
    return intern_bytes((const uint8_t *)text, nul != NULL ? (size_t)(nul - text) : size,
                        out);
}

static troupe_status intern_near_end(const uint8_t *text, const uint8_t *end,
                                     const uint8_t **next, const char **out)
{
    const uint8_t *nul = text < end ? memchr(text, 0, (size_t)(end - text)) : NULL;

    if (nul == NULL) {
        return TROUPE_ETRUNCATED;
    }
    troupe_status status = trp_q_intern((const char *)text, (size_t)(nul - text), out);
    if (status == TROUPE_OK) {
        *next = nul + 1;
    }
    return status;
}

/* Bit 7 of each zero byte, sure for the lowest one. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

troupe_status trp_q_intern_z(const uint8_t *text, const uint8_t *end,
                             const uint8_t **next, const char **out)
{
    const uint8_t *at = text;
    uint64_t zero = 0, word = 0;

    begin();
    uint64_t x = seed;
    /* Finds the end and hashes in one go, a word at a time. */
    for (;; at += WORD) {
        if (end - at < WORD || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
            return intern_near_end(text, end, next, out);
        }
        memcpy(&word, at, WORD);
        zero = zero_bytes(word);
        if (zero != 0) {
            break;
        }
        x = mix(x, word);
    }
    unsigned left = (unsigned)__builtin_ctzll(zero) / 8;
    word &= (UINT64_C(1) << (8 * left)) - 1;
    size_t size = (size_t)(at - text) + left;
    if (size == 0) {
        *next = text + 1;
        *out = empty.text;
        return TROUPE_OK;
    }
    troupe_status status = find(finish(x, word), text, size, word, out);
    if (status == TROUPE_OK) {
        *next = at + left + 1;
    }
    return status;
}

/* A bit for each zero byte of a window, the lowest for the first. */
static inline uint64_t zero_mask(const uint8_t *at)
{
    uint64_t mask = 0;

#ifdef __SSE2__
    for (unsigned i = 0; i < WINDOW; i += 16) {
        __m128i bytes = _mm_loadu_si128((const void *)(at + i));
        int zero = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
        mask |= (uint64_t)(unsigned)zero << i;
    }
#else
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    for (unsigned i = 0; i < WINDOW; i += WORD) {
        uint64_t word = word_of(at + i, WORD);
        uint64_t zero = ~(((word & low) + low) | word | low); /* bit 7 of each */
        mask |= ((zero >> 7) * UINT64_C(0x0102040810204080)) >> 56 << i;
    }
#endif
    return mask;
}

/* A short text that is the first in its place of the table, as most are; NULL: it must be
 * looked for, or it is empty. */
static inline const char *find_short(uint64_t word)
{
    uint32_t hash = finish(seed, word);
    const struct slots *slots =
        atomic_load_explicit(&tables[hash >> SHARD_SHIFT], memory_order_acquire);

    if (TRP_UNLIKELY(slots == NULL)) {
        return NULL;
    }
    const struct slot *slot = &slots->slot[(hash >> 1) & slots->mask];
    if (TRP_UNLIKELY(atomic_load_explicit(&slot->key, memory_order_acquire) != word)) {
        return NULL;
    }
    const struct trp_q_symbol *symbol =
        atomic_load_explicit(&slot->symbol, memory_order_relaxed);
    return TRP_LIKELY(word != 0) ? symbol->text : NULL;
}

/* The ends of many texts are found at once, so that one need not wait for the one before.
 */
troupe_status trp_q_intern_many(const uint8_t *text, const uint8_t *end, size_t count,
                                const uint8_t **next, const char **out)
{
    static const uint64_t kept[WORD] = {
        0,          0xff,         0xffff,         0xffffff,
        0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff};
    const char **out_end = out + count;
    troupe_status status = TROUPE_OK;

    begin();
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    for (const uint8_t *at = text; little && out != out_end && end - at >= WINDOW + WORD;
         at += WINDOW) {
        uint64_t mask = zero_mask(at);
        for (; mask != 0 && out != out_end; mask &= mask - 1, out++) {
            const uint8_t *nul = at + __builtin_ctzll(mask);
            size_t size = (size_t)(nul - text);
            const char *known = TRP_LIKELY(size < WORD)
                                    ? find_short(word_of(text, WORD) & kept[size])
                                    : NULL;
            if (TRP_UNLIKELY(known == NULL)) {
                status = intern_bytes(text, size, &known);
                if (status != TROUPE_OK) {
                    *next = text;
                    return status;
                }
            }
            *out = known;
            text = nul + 1;
        }
    }
    for (; status == TROUPE_OK && out != out_end; out++) {
        status = trp_q_intern_z(text, end, &text, out);
    }
    *next = text;
    return status;
}

void trp_q_symbol_totals(uint64_t *count, uint64_t *bytes)
{
    *count = atomic_load_explicit(&total_count, memory_order_relaxed);
    *bytes = atomic_load_explicit(&total_bytes, memory_order_relaxed);
}
