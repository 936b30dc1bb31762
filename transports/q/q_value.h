/* SPDX-License-Identifier: MIT
 * q_value.h - the inside of a q value, for the codec and the embedded q.
 *
 * A value is one 64-byte block of the pools or of a slab; small vectors live in it,
 * larger ones in memory of their own, and fixed-width vectors that were received may
 * point into the message (`owner`). The atoms of a large received list are the first half
 * of one. The single owner of a value (trp_q_sole) may change it in place; trp_q_unique
 * makes that so. "Moved" means: the reference is the callee's on success and still the
 * caller's on failure. NULL from a maker is ENOMEM, always. */
#ifndef TRP_TRANSPORTS_Q_VALUE_H
#define TRP_TRANSPORTS_Q_VALUE_H

#include <stdatomic.h>
#include <string.h>

#include <troupe/message.h>
#include <troupe/q_value.h>

enum {
    TRP_Q_WIDE = 0x80,      /* in `attr`: arrived with an 8-byte count */
    TRP_Q_ATTR_MASK = 0x7f, /* in `attr`: the attribute itself */
    TRP_Q_SMALL = 24,       /* bytes of items that fit into the block */
    TRP_Q_SHORT = 32        /* bytes of a short atom */
};

struct troupe_q_value {
    atomic_uint refs; /* the last unref sees what all holders did; 0: a short atom */
    int8_t type;
    uint8_t attr;
    uint16_t home; /* of the block, see mailbox/pool.h */
    size_t count;  /* items; 1 for atoms; parts of a compound */
    void *data;    /* items: small, memory of its own, or the owner's (read only) */
    union {
        size_t capacity;      /* items that fit; 0 when `owner` is set */
        troupe_q_value *next; /* while being freed */
        uint64_t item;        /* of a short atom, which ends here */
    };
    troupe_blob *owner; /* whose bytes `data` points into, or NULL */
    union {
        uint8_t bytes[TRP_Q_SMALL];
        int64_t align;
    } small;
};

/* Bytes a value takes itself, without the values in it. */
size_t trp_q_own_size(const troupe_q_value *v);

/* A short atom has no count of references: its slab counts those of all that live in it.
 * So nobody is its single owner. It is known by its address, without a look at it. */
static inline bool trp_q_is_short(const troupe_q_value *v)
{
    return ((uintptr_t)v & 8) != 0;
}

/* Makes a short atom of a type of up to 8 bytes at a place of a slab.
 * item   as it lies in memory */
static inline void trp_q_short_make(troupe_q_value *v, int type, uint64_t item)
{
    atomic_init(&v->refs, 0);
    v->type = (int8_t)type;
    v->attr = 0;
    v->home = 0;
    v->count = 1;
    v->data = &v->item;
    v->item = item;
}

/* Room for many values at once, for a decoder that makes them by the thousand: the memory
 * is freed with the last value in it. Start with NULL; end with trp_q_slab_close. */
struct trp_q_slab;

/* Items of a vector or the one of an atom. */
#define TRP_Q_BYTES(v)  ((uint8_t *)(v)->data)
#define TRP_Q_CHARS(v)  ((char *)(v)->data)
#define TRP_Q_SHORTS(v) ((int16_t *)(v)->data)
#define TRP_Q_INTS(v)   ((int32_t *)(v)->data)
#define TRP_Q_LONGS(v)  ((int64_t *)(v)->data)
#define TRP_Q_REALS(v)  ((float *)(v)->data)
#define TRP_Q_FLOATS(v) ((double *)(v)->data)
#define TRP_Q_SYMS(v)   ((const char **)(v)->data)
/* Items of a list, parts of a compound. */
#define TRP_Q_ITEMS(v)  ((troupe_q_value **)(v)->data)

/* Bytes an item of this type occupies in memory: lists and compounds hold pointers. */
size_t trp_q_width(int type);

/* Bytes an item takes on the wire; 0 for symbols and lists. */
size_t trp_q_wire_width(int type);

/* Whether the items are values themselves (list, table, dictionary, lambda, 104 to 111).
 */
static inline bool trp_q_holds_values(int type)
{
    return type == TROUPE_Q_LIST || (type >= TROUPE_Q_TABLE && type <= TROUPE_Q_LAMBDA) ||
           (type >= TROUPE_Q_PROJECTION && type <= TROUPE_Q_EACH_LEFT) ||
           type == TROUPE_Q_SORTED_DICT;
}

static inline bool trp_q_is_atom(const troupe_q_value *v)
{
    return v->type < 0 && v->type >= -TROUPE_Q_TIME;
}

static inline bool trp_q_is_list(const troupe_q_value *v) /* vectors and mixed lists */
{
    return v->type >= 0 && v->type <= TROUPE_Q_TIME;
}

static inline bool trp_q_is_dict(const troupe_q_value *v)
{
    return v->type == TROUPE_Q_DICT || v->type == TROUPE_Q_SORTED_DICT;
}

static inline bool trp_q_is_keyed(const troupe_q_value *v)
{
    return trp_q_is_dict(v) && TRP_Q_ITEMS(v)[0]->type == TROUPE_Q_TABLE &&
           TRP_Q_ITEMS(v)[1]->type == TROUPE_Q_TABLE;
}

static inline bool trp_q_is_function(const troupe_q_value *v)
{
    return v->type >= TROUPE_Q_LAMBDA && v->type <= TROUPE_Q_EACH_LEFT;
}

static inline bool trp_q_is_generic_null(const troupe_q_value *v)
{
    return v->type == TROUPE_Q_UNARY && TRP_Q_BYTES(v)[0] == 0;
}

/* A value of `count` items, not initialised (values: NULL, so that it can be unref'd at
 * any time). Atoms and primitives: count 1. NULL: no memory. */
troupe_q_value *trp_q_new(int type, size_t count);

/* The same with room for `capacity` >= count items. */
troupe_q_value *trp_q_new_room(int type, size_t count, size_t capacity);

/* The same with the block from a slab, which is renewed when it is full. */
troupe_q_value *trp_q_new_in(struct trp_q_slab **slab, int type, size_t count,
                             size_t capacity);

/* No more values will be made in it; NULL inside is allowed. */
void trp_q_slab_close(struct trp_q_slab **slab);

/* A fixed-width vector that points into `owner`'s bytes; takes a reference of its own.
 * items   aligned for the type */
troupe_q_value *trp_q_alias(int type, size_t count, const void *items,
                            troupe_blob *owner);

/* Atoms by value: booleans to chars by x's low bytes, temporals by their base type. */
troupe_q_value *trp_q_of_long(int type, int64_t x); /* type -1, -4 .. -7, -10, 12 .. 19 */
troupe_q_value *trp_q_of_float(int type, double x); /* type -8, -9, -15 */
troupe_q_value *trp_q_of_symbol(const char *interned);
troupe_q_value *trp_q_of_text(const char *text, size_t size);
troupe_q_value *trp_q_of_code(int type, unsigned code);

/* A compound of moved parts: dictionary, table, lambda, derived. */
troupe_q_value *trp_q_of_parts(int type, size_t count, troupe_q_value *const *parts);

static inline bool trp_q_sole(const troupe_q_value *v)
{
    return atomic_load_explicit(&v->refs, memory_order_acquire) == 1 && v->owner == NULL;
}

/* A copy of the value itself; what is inside is shared. Attribute kept. */
troupe_q_value *trp_q_copy(const troupe_q_value *v);

/* Makes *v changeable in place: itself when it has one owner, else a copy. On ENOMEM *v
 * is as it was. */
TROUPE_MUST_CHECK troupe_status trp_q_unique(troupe_q_value **v);

/* Makes *v unique with room for `extra` more items, doubling. */
TROUPE_MUST_CHECK troupe_status trp_q_reserve(troupe_q_value **v, size_t extra);

/* Appends raw items of the vector's own type; drops its attribute and wideness. */
TROUPE_MUST_CHECK troupe_status trp_q_append(troupe_q_value **v, const void *items,
                                             size_t count);

/* Appends a value to a mixed list; moved. */
TROUPE_MUST_CHECK troupe_status trp_q_push(troupe_q_value **list, troupe_q_value **item);

/* Item `i` as a value; NULL: no memory. i must be inside, v a list or table. */
troupe_q_value *trp_q_at(const troupe_q_value *v, size_t i);

/* Turns a non-empty mixed list of atoms of one type into a vector; anything else stays.
 * On ENOMEM *v is as it was. */
TROUPE_MUST_CHECK troupe_status trp_q_simplify(troupe_q_value **v);

/* Whether these make a dictionary or table: TROUPE_OK, TROUPE_ETYPE or TROUPE_EINVAL. */
TROUPE_MUST_CHECK troupe_status trp_q_check_dict(const troupe_q_value *keys,
                                                 const troupe_q_value *values);
TROUPE_MUST_CHECK troupe_status trp_q_check_table(const troupe_q_value *names,
                                                  const troupe_q_value *columns);

/* Whether a code of a primitive type exists. */
bool trp_q_code_exists(int type, unsigned code);

#endif
