/* SPDX-License-Identifier: MIT
 * q_encode.c - values to bytes: measured and checked first, then written without a check.
 */
#include "transports/q/q_codec.h"

#include "mailbox/alloc.h"
#include "mailbox/emit.h"
#include "transports/q/q_compress.h"
#include "transports/q/q_symbol.h"

enum {
    SHAPE = 6, /* type, attribute and count */
    SHAPE_WIDE = 10,
    LONG_LIST = 4096, /* items; to look at so many twice costs more than to write them */
    SAMPLES = 16
};

struct measure {
    uint64_t size; /* so far; grows by less than memory holds, so it cannot wrap */
    uint32_t depth;
    uint8_t capability;
    bool guess;   /* a long list may be measured by a few of its items */
    bool guessed; /* one was, so that `size` is what it takes at most */
    struct trp_q_why *why;
};

struct writer {
    uint8_t *at, *end; /* before `end` more than an item may be written for a while */
    bool big, swap;
    bool guess; /* as when it was measured */
    bool wrong; /* a list is not what was guessed of it; the rest is not written */
};

static troupe_status refuse(struct measure *m, troupe_status status, const char *text)
{
    *m->why = (struct trp_q_why){text, m->size};
    return status;
}

static bool is_wide(const troupe_q_value *v)
{
    return (v->attr & TRP_Q_WIDE) != 0 || v->count > UINT32_MAX;
}

/* What an atom of up to 8 bytes takes, by the low byte of its type; 0: it is none. */
#define ATOM(base, size) [256 - (base)] = (size)
static const uint8_t atom_sizes[256] = {
    ATOM(TROUPE_Q_BOOLEAN, 2),  ATOM(TROUPE_Q_BYTE, 2),   ATOM(TROUPE_Q_SHORT, 3),
    ATOM(TROUPE_Q_INT, 5),      ATOM(TROUPE_Q_LONG, 9),   ATOM(TROUPE_Q_REAL, 5),
    ATOM(TROUPE_Q_FLOAT, 9),    ATOM(TROUPE_Q_CHAR, 2),   ATOM(TROUPE_Q_TIMESTAMP, 9),
    ATOM(TROUPE_Q_MONTH, 5),    ATOM(TROUPE_Q_DATE, 5),   ATOM(TROUPE_Q_DATETIME, 9),
    ATOM(TROUPE_Q_TIMESPAN, 9), ATOM(TROUPE_Q_MINUTE, 5), ATOM(TROUPE_Q_SECOND, 5),
    ATOM(TROUPE_Q_TIME, 5)};
#undef ATOM

static troupe_status measure_value(struct measure *m, const troupe_q_value *v);

/* The atoms from item `i` on. Returns where something else is, or the end. */
static size_t measure_atoms(struct measure *m, const troupe_q_value *v, size_t i)
{
    troupe_q_value *const *items = TRP_Q_ITEMS(v);
    size_t size = 0, each;

    for (; i < v->count && (each = atom_sizes[(uint8_t)items[i]->type]) != 0; i++) {
        size += each;
    }
    m->size += size;
    return i;
}

/* How much the items of a list take at most if all are like a few of them: atoms of no
 * more bytes. 0: they are not, or it is short. */
static __attribute__((noinline)) size_t guess_long(const troupe_q_value *v)
{
    size_t most = 0;

    for (size_t i = 0; i < SAMPLES; i++) {
        const troupe_q_value *item = TRP_Q_ITEMS(v)[v->count / SAMPLES * i];
        size_t size = atom_sizes[(uint8_t)item->type];
        if (size == 0) {
            return 0;
        }
        most = size > most ? size : most;
    }
    return v->count * most;
}

static inline size_t guess_of(const troupe_q_value *v)
{
    return v->count < LONG_LIST || v->type != TROUPE_Q_LIST ? 0 : guess_long(v);
}

static troupe_status measure_parts(struct measure *m, const troupe_q_value *v)
{
    troupe_status status = TROUPE_OK;
    bool all_known = m->capability >= TRP_Q_CAP_COMPRESS;
    size_t guess = all_known && m->guess ? guess_of(v) : 0;

    if (++m->depth > TROUPE_Q_DEPTH_MAX) {
        return refuse(m, TROUPE_ELIMIT, "nested too deep");
    }
    if (guess != 0) {
        m->size += guess;
        m->guessed = true;
        m->depth--;
        return TROUPE_OK;
    }
    for (size_t i = 0; status == TROUPE_OK && i < v->count;) {
        const troupe_q_value *item = TRP_Q_ITEMS(v)[i];
        if (all_known && atom_sizes[(uint8_t)item->type] != 0) {
            i = measure_atoms(m, v, i);
        } else {
            status = measure_value(m, item);
            i++;
        }
    }
    m->depth--;
    return status;
}

/* Whether the peer knows items of this base type. */
static troupe_status check_base(struct measure *m, int base)
{
    if (base == TROUPE_Q_GUID && m->capability < TRP_Q_CAP_GUID) {
        return refuse(m, TROUPE_ETYPE, "peer does not know guid");
    }
    if ((base == TROUPE_Q_TIMESTAMP || base == TROUPE_Q_TIMESPAN) &&
        m->capability < TRP_Q_CAP_COMPRESS) {
        return refuse(m, TROUPE_ETYPE, "peer does not know timestamp and timespan");
    }
    return TROUPE_OK;
}

static troupe_status measure_vector(struct measure *m, const troupe_q_value *v)
{
    if (v->count >= INT32_MAX && m->capability < TRP_Q_CAP_HUGE) {
        return refuse(m, TROUPE_ELIMIT, "vector too long for the peer");
    }
    m->size += is_wide(v) ? SHAPE_WIDE : SHAPE;
    if (v->type == TROUPE_Q_LIST) {
        return measure_parts(m, v);
    }
    if (v->type != TROUPE_Q_SYMBOL) {
        m->size += v->count * trp_q_wire_width(v->type);
        return check_base(m, v->type);
    }
    const char *const *symbols = v->data;
    uint64_t bytes = v->count;
    for (size_t i = 0; i < v->count; i++) {
        bytes += trp_q_symbol_size(symbols[i]);
    }
    m->size += bytes;
    return TROUPE_OK;
}

static troupe_status measure_value(struct measure *m, const troupe_q_value *v)
{
    if (trp_q_is_list(v)) {
        return measure_vector(m, v);
    }
    if (v->type == -TROUPE_Q_SYMBOL) {
        m->size += 2 + trp_q_symbol_size(*TRP_Q_SYMS(v));
        return TROUPE_OK;
    }
    if (trp_q_is_atom(v)) {
        m->size += 1 + trp_q_wire_width(v->type);
        return check_base(m, -v->type);
    }
    switch (v->type) {
    case TROUPE_Q_TABLE:
        m->size += 3;
        return measure_parts(m, v);
    case TROUPE_Q_LAMBDA:
        m->size += 2 + trp_q_symbol_size(*TRP_Q_SYMS(TRP_Q_ITEMS(v)[0]));
        return measure_vector(m, TRP_Q_ITEMS(v)[1]);
    case TROUPE_Q_UNARY:
    case TROUPE_Q_BINARY:
    case TROUPE_Q_ITERATOR:
        m->size += 2;
        return TROUPE_OK;
    case TROUPE_Q_PROJECTION:
    case TROUPE_Q_COMPOSITION:
        m->size += 5;
        return measure_parts(m, v);
    case TROUPE_Q_ERROR:
        return refuse(m, TROUPE_ETYPE, "error inside another value");
    default:
        m->size += 1;
        return trp_q_holds_values(v->type)
                   ? measure_parts(m, v)
                   : refuse(m, TROUPE_ETYPE, "value cannot be sent");
    }
}

static void write_u8(struct writer *out, unsigned x)
{
    *out->at++ = (uint8_t)x;
}

static void write_number(struct writer *out, uint64_t x, size_t width)
{
    if (out->big) {
        trp_put_be(out->at, x, width);
    } else {
        trp_put_le(out->at, x, width);
    }
    out->at += width;
}

static void write_items(struct writer *out, const void *items, size_t count, size_t width)
{
    if (out->swap && width > 1 && width < 16) {
        trp_q_swap(out->at, items, count, width);
    } else if (count != 0) {
        memcpy(out->at, items, count * width);
    }
    out->at += count * width;
}

static void write_symbol(struct writer *out, const char *symbol)
{
    size_t size = trp_q_symbol_size(symbol) + 1;

    memcpy(out->at, symbol, size);
    out->at += size;
}

static void write_value(struct writer *out, const troupe_q_value *v);

/* The atoms from item `i` on, 8 bytes of each, of which the next item covers what is too
 * much. Returns where something else is, or `end` is near. */
static size_t write_atoms(struct writer *out, const troupe_q_value *v, size_t i,
                          const uint8_t *end)
{
    troupe_q_value *const *items = TRP_Q_ITEMS(v);
    uint8_t *at = out->at;

    for (; i < v->count && end - at > 8; i++) {
        const troupe_q_value *item = items[i];
        uint8_t type = (uint8_t)item->type;
        if (atom_sizes[type] == 0) {
            break;
        }
        *at = type;
        memcpy(at + 1, item->data, 8);
        at += atom_sizes[type];
    }
    out->at = at;
    return i;
}

/* A list of which at most `guess` bytes were guessed. */
static void write_guessed(struct writer *out, const troupe_q_value *v, size_t guess)
{
    const uint8_t *end = out->at + guess;

    for (size_t i = write_atoms(out, v, 0, end); i < v->count; i++) {
        const troupe_q_value *item = TRP_Q_ITEMS(v)[i];
        size_t size = atom_sizes[(uint8_t)item->type];
        if (size == 0 || size > (size_t)(end - out->at)) {
            out->wrong = true;
            return;
        }
        write_value(out, item);
    }
}

static void write_parts(struct writer *out, const troupe_q_value *v)
{
    size_t guess = out->guess ? guess_of(v) : 0;

    if (guess != 0) {
        write_guessed(out, v, guess);
        return;
    }
    for (size_t i = 0; i < v->count && !out->wrong;) {
        const troupe_q_value *item = TRP_Q_ITEMS(v)[i];
        if (atom_sizes[(uint8_t)item->type] != 0 && !out->swap &&
            out->end - out->at > 8) {
            i = write_atoms(out, v, i, out->end);
        } else {
            write_value(out, item);
            i++;
        }
    }
}

static void write_shape(struct writer *out, const troupe_q_value *v)
{
    bool wide = is_wide(v);

    write_u8(out, (uint8_t)v->type);
    write_u8(out, wide ? v->attr | (unsigned)TRP_Q_WIDE : v->attr);
    write_number(out, v->count, wide ? 8 : 4);
}

static void write_vector(struct writer *out, const troupe_q_value *v)
{
    write_shape(out, v);
    if (v->type == TROUPE_Q_LIST) {
        write_parts(out, v);
        return;
    }
    if (v->type != TROUPE_Q_SYMBOL) {
        write_items(out, v->data, v->count, trp_q_wire_width(v->type));
        return;
    }
    const char *const *symbols = v->data;
    for (size_t i = 0; i < v->count; i++) {
        write_symbol(out, symbols[i]);
    }
}

static void write_function(struct writer *out, const troupe_q_value *v)
{
    switch (v->type) {
    case TROUPE_Q_LAMBDA:
        write_symbol(out, *TRP_Q_SYMS(TRP_Q_ITEMS(v)[0]));
        write_vector(out, TRP_Q_ITEMS(v)[1]);
        break;
    case TROUPE_Q_UNARY:
    case TROUPE_Q_BINARY:
    case TROUPE_Q_ITERATOR:
        write_u8(out, *TRP_Q_BYTES(v));
        break;
    case TROUPE_Q_PROJECTION:
    case TROUPE_Q_COMPOSITION:
        write_number(out, v->count, 4);
        write_parts(out, v);
        break;
    default: /* a dictionary or a derived function: its parts follow its type */
        write_parts(out, v);
        break;
    }
}

static void write_value(struct writer *out, const troupe_q_value *v)
{
    if (trp_q_is_list(v)) {
        write_vector(out, v);
        return;
    }
    write_u8(out, (uint8_t)v->type);
    if (v->type == -TROUPE_Q_SYMBOL) {
        write_symbol(out, *TRP_Q_SYMS(v));
    } else if (trp_q_is_atom(v)) {
        write_items(out, v->data, 1, trp_q_wire_width(v->type));
    } else if (v->type == TROUPE_Q_TABLE) {
        write_u8(out, v->attr);
        write_u8(out, TROUPE_Q_DICT);
        write_parts(out, v);
    } else if (v->type == TROUPE_Q_ERROR) {
        write_items(out, v->data, v->count + 1, 1);
    } else {
        write_function(out, v);
    }
}

static troupe_status measure_message(struct measure *m, const troupe_q_value *value,
                                     const struct trp_q_encoding *how)
{
    troupe_status status = TROUPE_OK;

    m->size = TRP_Q_HEADER;
    m->capability = how->capability;
    if (value->type == TROUPE_Q_ERROR && how->kind == TRP_Q_RESPONSE) {
        m->size += value->count + 2;
    } else {
        status = measure_value(m, value);
    }
    if (status == TROUPE_OK && m->size > TRP_Q_SMALL_TOTAL &&
        how->capability < TRP_Q_CAP_LARGE) {
        status = refuse(m, TROUPE_ELIMIT, "message too large for the peer");
    }
    if (status == TROUPE_OK && m->size > TRP_Q_TOTAL_MAX) {
        status = refuse(m, TROUPE_ELIMIT, "message larger than a message can be");
    }
    return status;
}

troupe_status trp_q_encoded_size(const troupe_q_value *value,
                                 const struct trp_q_encoding *how, uint64_t *out,
                                 struct trp_q_why *why)
{
    struct measure m = {.why = why};
    troupe_status status = measure_message(&m, value, how);

    if (status == TROUPE_OK) {
        *out = m.size;
    }
    return status;
}

/* What the buffer refused; it stays usable for smaller messages. */
static troupe_status out_of_room(struct trp_buffer *out, uint64_t at,
                                 struct trp_q_why *why)
{
    troupe_status status = out->status;

    out->status = TROUPE_OK;
    *why = (struct trp_q_why){
        status == TROUPE_ELIMIT ? "message larger than allowed" : "no memory", at};
    return status;
}

/* Writes a message to room of `size` bytes.
 *
 * guess   as when it was measured
 *
 * Returns how many it took; 0: the guess was wrong. */
static uint64_t write_to(uint8_t *to, const troupe_q_value *value,
                         const struct trp_q_encoding *how, uint64_t size, bool guess)
{
    struct trp_q_header header = {.kind = how->kind, .big = how->big};
    struct writer w = {.at = to + TRP_Q_HEADER,
                       .end = to + size,
                       .big = how->big,
                       .swap = how->big != trp_q_host_is_big(),
                       .guess = guess};

    write_value(&w, value);
    header.total = (uint64_t)(w.at - to);
    trp_q_header_write(to, &header);
    return w.wrong ? 0 : header.total;
}

static troupe_status write_message(const troupe_q_value *value,
                                   const struct trp_q_encoding *how, uint64_t size,
                                   struct trp_buffer *out, struct trp_q_why *why)
{
    uint8_t *to = trp_buffer_reserve(out, (size_t)size);

    if (to == NULL) {
        return out_of_room(out, size, why);
    }
    trp_buffer_wrote(out, (size_t)write_to(to, value, how, size, false));
    return TROUPE_OK;
}

/* Whether it could be written by a guess of its size. */
static bool write_guess(const troupe_q_value *value, const struct trp_q_encoding *how,
                        uint64_t size, struct trp_buffer *out)
{
    uint8_t *to = size <= out->limit ? trp_buffer_reserve(out, (size_t)size) : NULL;
    uint64_t took = to != NULL ? write_to(to, value, how, size, true) : 0;

    out->status = TROUPE_OK;
    trp_buffer_wrote(out, (size_t)took);
    return took != 0;
}

troupe_status trp_q_encode_front(const troupe_q_value *value,
                                 const struct trp_q_encoding *how,
                                 uint8_t front[TRP_Q_FRONT], size_t *size,
                                 struct trp_q_why *why)
{
    size_t width = value->type > 0 ? trp_q_wire_width(value->type) : 0;
    uint64_t total = 0;

    *size = 0;
    if (width == 0 || (how->big != trp_q_host_is_big() && width > 1 && width < 16)) {
        return TROUPE_OK;
    }
    troupe_status status = trp_q_encoded_size(value, how, &total, why);
    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_q_header header = {.total = total, .kind = how->kind, .big = how->big};
    struct writer w = {.at = front + TRP_Q_HEADER, .big = how->big};
    trp_q_header_write(front, &header);
    write_shape(&w, value);
    *size = (size_t)(w.at - front);
    return TROUPE_OK;
}

/* Plain into memory of its own, compressed from there; plain after all when that is no
 * smaller. */
static troupe_status write_packed(const troupe_q_value *value,
                                  const struct trp_q_encoding *how, uint64_t size,
                                  struct trp_buffer *out, struct trp_q_why *why)
{
    struct trp_buffer plain;

    trp_buffer_init(&plain, (size_t)size);
    troupe_status status = write_message(value, how, size, &plain, why);
    if (status == TROUPE_OK) {
        status = trp_q_compress(trp_buffer_front(&plain), (size_t)size, 0, out);
        if (status == TROUPE_EUNSUPPORTED) {
            status = trp_buffer_add(out, trp_buffer_front(&plain), (size_t)size);
        }
        if (status != TROUPE_OK) {
            status = out_of_room(out, size, why);
        }
    }
    trp_buffer_fini(&plain);
    return status;
}

troupe_status trp_q_encode(const troupe_q_value *value, const struct trp_q_encoding *how,
                           struct trp_buffer *out, struct trp_q_why *why)
{
    bool pack = how->compress && how->capability >= TRP_Q_CAP_COMPRESS;
    struct measure m = {.guess = !pack && how->big == trp_q_host_is_big(), .why = why};
    troupe_status status = measure_message(&m, value, how);

    if (out->status != TROUPE_OK && (status == TROUPE_OK || m.guessed)) {
        *why = (struct trp_q_why){"the buffer failed before", 0};
        return out->status;
    }
    if (m.guessed) {
        if (status == TROUPE_OK && write_guess(value, how, m.size, out)) {
            return TROUPE_OK;
        }
        m = (struct measure){.why = why};
        status = measure_message(&m, value, how);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    return pack && m.size > TRP_Q_COMPRESS_ABOVE
               ? write_packed(value, how, m.size, out, why)
               : write_message(value, how, m.size, out, why);
}
