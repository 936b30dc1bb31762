/* SPDX-License-Identifier: MIT
 * q_encode.c - values to bytes: measured and checked first, then written without a check.
 */
#include "transports/q/q_codec.h"

#include "mailbox/alloc.h"
#include "mailbox/emit.h"
#include "transports/q/q_compress.h"
#include "transports/q/q_symbol.h"

enum { SHAPE = 6, SHAPE_WIDE = 10 }; /* type, attribute and count */

struct measure {
    uint64_t size; /* so far; grows by less than memory holds, so it cannot wrap */
    uint32_t depth;
    uint8_t capability;
    struct trp_q_why *why;
};

struct writer {
    uint8_t *at;
    bool big, swap;
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

static troupe_status measure_value(struct measure *m, const troupe_q_value *v);

static troupe_status measure_parts(struct measure *m, const troupe_q_value *v)
{
    troupe_status status = TROUPE_OK;

    if (++m->depth > TROUPE_Q_DEPTH_MAX) {
        return refuse(m, TROUPE_ELIMIT, "nested too deep");
    }
    for (size_t i = 0; status == TROUPE_OK && i < v->count; i++) {
        status = measure_value(m, TRP_Q_ITEMS(v)[i]);
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

static void write_parts(struct writer *out, const troupe_q_value *v)
{
    for (size_t i = 0; i < v->count; i++) {
        write_value(out, TRP_Q_ITEMS(v)[i]);
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

troupe_status trp_q_encoded_size(const troupe_q_value *value,
                                 const struct trp_q_encoding *how, uint64_t *out,
                                 struct trp_q_why *why)
{
    struct measure m = {.size = TRP_Q_HEADER, .capability = how->capability, .why = why};
    troupe_status status = TROUPE_OK;

    if (value->type == TROUPE_Q_ERROR && how->kind == TRP_Q_RESPONSE) {
        m.size += value->count + 2;
    } else {
        status = measure_value(&m, value);
    }
    if (status == TROUPE_OK && m.size > TRP_Q_SMALL_TOTAL &&
        how->capability < TRP_Q_CAP_LARGE) {
        status = refuse(&m, TROUPE_ELIMIT, "message too large for the peer");
    }
    if (status == TROUPE_OK && m.size > TRP_Q_TOTAL_MAX) {
        status = refuse(&m, TROUPE_ELIMIT, "message larger than a message can be");
    }
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

static troupe_status write_message(const troupe_q_value *value,
                                   const struct trp_q_encoding *how, uint64_t size,
                                   struct trp_buffer *out, struct trp_q_why *why)
{
    uint8_t *to = trp_buffer_reserve(out, (size_t)size);

    if (to == NULL) {
        return out_of_room(out, size, why);
    }
    struct trp_q_header header = {.total = size, .kind = how->kind, .big = how->big};
    struct writer w = {.at = to + TRP_Q_HEADER,
                       .big = how->big,
                       .swap = how->big != trp_q_host_is_big()};
    trp_q_header_write(to, &header);
    write_value(&w, value);
    trp_buffer_wrote(out, (size_t)size);
    return TROUPE_OK;
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
    uint64_t size = 0;
    troupe_status status = trp_q_encoded_size(value, how, &size, why);

    if (status != TROUPE_OK) {
        return status;
    }
    if (out->status != TROUPE_OK) {
        *why = (struct trp_q_why){"the buffer failed before", 0};
        return out->status;
    }
    bool pack = how->compress && how->capability >= TRP_Q_CAP_COMPRESS &&
                size > TRP_Q_COMPRESS_ABOVE;
    return pack ? write_packed(value, how, size, out, why)
                : write_message(value, how, size, out, why);
}
