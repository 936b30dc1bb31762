/* SPDX-License-Identifier: MIT
 * q_decode.c - objects out of bytes nobody vouches for. */
#include "transports/q/q_codec.h"

#include "mailbox/alloc.h"
#include "transports/q/q_symbol.h"
#include "transports/q/q_value_slab.h"

enum {
    OBJECT_MIN = 2, /* bytes of the smallest object */
    MANY = 2048     /* bytes of a body that may hold many values */
};

struct reader {
    const uint8_t *start, *at, *end;
    troupe_blob *owner;
    size_t alias_min; /* bytes from which a vector may point into the owner */
    uint32_t depth, depth_max;
    bool swap;
    bool many;     /* large enough for values to come from slabs */
    bool spent;    /* the value takes more memory than it may */
    uint64_t room; /* bytes it may still take */
    struct trp_q_slab *slab, *shorts;
    struct trp_q_why *why;
};

static troupe_status refuse(struct reader *in, troupe_status status, const char *text)
{
    in->why->text = text;
    in->why->at = (uint64_t)(in->at - in->start) + TRP_Q_HEADER;
    return status;
}

static troupe_status no_memory(struct reader *in)
{
    return in->spent ? refuse(in, TROUPE_ELIMIT, "the value takes too much memory")
                     : refuse(in, TROUPE_ENOMEM, "no memory");
}

static troupe_status short_of(struct reader *in)
{
    return refuse(in, TROUPE_ETRUNCATED, "message ends inside an object");
}

/* `in` stands behind the type. */
static troupe_status unknown_type(struct reader *in, int type)
{
    in->at--;
    return refuse(in, TROUPE_EPROTO,
                  type >= 20 && type <= 97 ? "enumerated or mapped value"
                                           : "unknown type");
}

static size_t left(const struct reader *in)
{
    return (size_t)(in->end - in->at);
}

static void read_items(struct reader *in, void *to, size_t count, size_t width)
{
    if (in->swap && width > 1 && width < 16) {
        trp_q_swap(to, in->at, count, width);
    } else {
        memcpy(to, in->at, count * width);
    }
    in->at += count * width;
}

/* Whether the value may take so many bytes more. */
static bool pay(struct reader *in, uint64_t bytes)
{
    in->spent = bytes > in->room;
    in->room -= in->spent ? 0 : bytes;
    return !in->spent;
}

/* A value that has `count` items or no more than room for them. `room` is below the bytes
 * of a message. */
static troupe_q_value *make(struct reader *in, int type, size_t count, size_t room)
{
    uint64_t items = (uint64_t)room * trp_q_width(type);

    if (!pay(in, sizeof(troupe_q_value) + (items > TRP_Q_SMALL ? items : 0))) {
        return NULL;
    }
    return in->many ? trp_q_new_in(&in->slab, type, count, room)
                    : trp_q_new_room(type, count, room);
}

static troupe_status read_value(struct reader *in, troupe_q_value **out);

static troupe_status check_booleans(struct reader *in, const uint8_t *at, size_t count)
{
    uint8_t any = 0;

    for (size_t i = 0; i < count; i++) {
        any |= at[i];
    }
    return any > 1 ? refuse(in, TROUPE_EPROTO, "boolean is neither 0 nor 1") : TROUPE_OK;
}

static troupe_status judge_symbol(struct reader *in, troupe_status status)
{
    switch (status) {
    case TROUPE_OK:
        return TROUPE_OK;
    case TROUPE_ETRUNCATED:
        return refuse(in, status, "text without its end");
    case TROUPE_ELIMIT:
        return refuse(in, status, "too many symbols");
    default:
        return no_memory(in);
    }
}

static troupe_status read_symbol(struct reader *in, const char **out)
{
    return judge_symbol(in, trp_q_intern_z(in->at, in->end, &in->at, out));
}

static troupe_status read_atom(struct reader *in, int type, troupe_q_value **out)
{
    size_t width = trp_q_wire_width(type);
    const char *symbol = NULL;

    if (type == -TROUPE_Q_SYMBOL) {
        troupe_status status = read_symbol(in, &symbol);
        if (status != TROUPE_OK) {
            return status;
        }
    } else if (width == 0) {
        return unknown_type(in, type);
    } else if (width > left(in)) {
        return short_of(in);
    } else if (type == -TROUPE_Q_BOOLEAN && *in->at > 1) {
        return check_booleans(in, in->at, 1);
    }
    troupe_q_value *v = make(in, type, 1, 1);
    if (v == NULL) {
        return no_memory(in);
    }
    if (symbol != NULL) {
        *TRP_Q_SYMS(v) = symbol;
    } else {
        read_items(in, v->data, 1, width);
    }
    *out = v;
    return TROUPE_OK;
}

static uint32_t read_u32(struct reader *in)
{
    uint32_t x = 0;

    read_items(in, &x, 1, sizeof(x));
    return x;
}

/* Attribute and count of a vector; the count is checked against what is left. */
static troupe_status read_shape(struct reader *in, size_t item_min, uint8_t *attr,
                                size_t *count)
{
    if (left(in) < 1) {
        return short_of(in);
    }
    *attr = *in->at;
    if ((*attr & TRP_Q_ATTR_MASK) > TROUPE_Q_GROUPED) {
        return refuse(in, TROUPE_EPROTO, "unknown attribute");
    }
    in->at++;
    uint64_t items = 0;
    size_t width = (*attr & TRP_Q_WIDE) != 0 ? 8 : 4;
    if (left(in) < width) {
        return short_of(in);
    }
    if (width == 8) {
        read_items(in, &items, 1, 8);
    } else {
        items = read_u32(in);
    }
    if (items > left(in) / item_min) {
        in->at -= width;
        return refuse(in, TROUPE_ETRUNCATED, "count exceeds the message");
    }
    *count = (size_t)items;
    return TROUPE_OK;
}

static bool may_alias(const struct reader *in, size_t width, size_t bytes)
{
    return in->owner != NULL && bytes >= in->alias_min && (!in->swap || width == 1) &&
           ((uintptr_t)in->at & (width < 8 ? width - 1 : 7)) == 0;
}

static troupe_status read_vector(struct reader *in, int type, troupe_q_value **out)
{
    size_t width = trp_q_wire_width(type), count = 0;
    uint8_t attr = 0;

    if (width == 0) {
        return unknown_type(in, type);
    }
    troupe_status status = read_shape(in, width, &attr, &count);
    if (status == TROUPE_OK && type == TROUPE_Q_BOOLEAN) {
        status = check_booleans(in, in->at, count);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_q_value *v = NULL;
    if (may_alias(in, width, count * width)) {
        v = pay(in, sizeof(*v)) ? trp_q_alias(type, count, in->at, in->owner) : NULL;
        if (v == NULL) {
            return no_memory(in);
        }
        in->at += count * width;
    } else {
        v = make(in, type, count, count);
        if (v == NULL) {
            return no_memory(in);
        }
        read_items(in, v->data, count, width);
    }
    v->attr = attr;
    *out = v;
    return TROUPE_OK;
}

static troupe_status read_symbols(struct reader *in, troupe_q_value **out)
{
    size_t count = 0;
    uint8_t attr = 0;
    troupe_status status = read_shape(in, 1, &attr, &count);

    if (status != TROUPE_OK) {
        return status;
    }
    troupe_q_value *v = make(in, TROUPE_Q_SYMBOL, count, count);
    if (v == NULL) {
        return no_memory(in);
    }
    v->attr = attr;
    status = judge_symbol(
        in, trp_q_intern_many(in->at, in->end, count, &in->at, TRP_Q_SYMS(v)));
    if (status != TROUPE_OK) {
        troupe_q_unref(&v);
        return status;
    }
    *out = v;
    return TROUPE_OK;
}

/* The bytes of an item of an atom that can be a short one; 0: not this type. */
static size_t short_width(unsigned type)
{
    int base = -(int8_t)type;
    size_t width = base > 0 ? trp_q_wire_width(-base) : 0;

    return width <= 8 ? width : 0;
}

/* 8 bytes that begin with an item of `width`, as it is to lie in memory. */
static inline uint64_t item_of(uint64_t bytes, size_t width, bool swap)
{
    if (!swap) {
        return bytes;
    }
    bytes = __builtin_bswap64(bytes);
    return trp_q_host_is_big() ? bytes << (64 - 8 * width) : bytes >> (64 - 8 * width);
}

/* Atoms of one type into `items`, for as long as no step needs to be checked for room.
 *
 * Returns how many, at most `count`. */
static size_t read_run(struct reader *in, troupe_q_value *place, troupe_q_value **items,
                       size_t count, size_t width)
{
    const uint8_t *at = in->at;
    uint8_t type = *at;
    bool swap = in->swap;
    size_t i = 0;

    for (; i < count && in->end - at > 8 && *at == type; i++) {
        uint64_t bytes;
        memcpy(&bytes, at + 1, 8);
        if (type == (uint8_t)-TROUPE_Q_BOOLEAN && at[1] > 1) {
            break;
        }
        trp_q_short_make(place, (int8_t)type, item_of(bytes, width, swap));
        items[i] = place;
        place = (void *)((char *)place + TRP_Q_SHORT);
        at += 1 + width;
    }
    in->at = at;
    return i;
}

/* Atoms of fixed width at the front of what is left of a list: at least one object, or
 * none when it is no such atom.
 *
 * made   receives how many */
static troupe_status read_atoms(struct reader *in, troupe_q_value **items, size_t count,
                                size_t *made)
{
    *made = 0;
    while (*made < count && left(in) > 8) {
        size_t width = short_width(*in->at), room = 0;
        if (width == 0) {
            break;
        }
        troupe_q_value *place = trp_q_slab_shorts(&in->shorts, &room);
        if (place == NULL) {
            return no_memory(in);
        }
        room = room < count - *made ? room : count - *made;
        room = room < in->room / TRP_Q_SHORT ? room : (size_t)(in->room / TRP_Q_SHORT);
        if (!pay(in, room != 0 ? 0 : TRP_Q_SHORT)) {
            return no_memory(in);
        }
        size_t run = read_run(in, place, items + *made, room, width);
        if (run == 0) {
            break;
        }
        in->shorts->used += (unsigned)run;
        in->room -= run * TRP_Q_SHORT;
        *made += run;
    }
    return TROUPE_OK;
}

/* The objects of a value that has room for `count` and says what it has. */
static troupe_status read_objects(struct reader *in, troupe_q_value *v, size_t count)
{
    troupe_status status = TROUPE_OK;
    troupe_q_value **items = TRP_Q_ITEMS(v);

    while (status == TROUPE_OK && v->count < count) {
        size_t made = 0;
        if (in->many && left(in) > 8 && (int8_t)*in->at < 0) {
            status = read_atoms(in, items + v->count, count - v->count, &made);
        }
        if (made == 0 && status == TROUPE_OK) {
            status = read_value(in, &items[v->count]);
            made = status == TROUPE_OK;
        }
        v->count += made;
    }
    return status;
}

/* `count` objects into a value of this type. */
static troupe_status read_parts(struct reader *in, int type, uint8_t attr, size_t count,
                                troupe_q_value **out)
{
    if (++in->depth > in->depth_max) {
        return refuse(in, TROUPE_ELIMIT, "nested too deep");
    }
    troupe_q_value *v = make(in, type, 0, count);
    if (v == NULL) {
        return no_memory(in);
    }
    v->attr = attr;
    troupe_status status = read_objects(in, v, count);
    in->depth--;
    if (status != TROUPE_OK) {
        troupe_q_unref(&v);
        return status;
    }
    *out = v;
    return TROUPE_OK;
}

static troupe_status read_list(struct reader *in, troupe_q_value **out)
{
    size_t count = 0;
    uint8_t attr = 0;
    troupe_status status = read_shape(in, OBJECT_MIN, &attr, &count);

    return status != TROUPE_OK ? status : read_parts(in, TROUPE_Q_LIST, attr, count, out);
}

static troupe_status read_dict(struct reader *in, int type, troupe_q_value **out)
{
    troupe_q_value *dict = NULL;
    troupe_status status = read_parts(in, type, 0, 2, &dict);

    if (status != TROUPE_OK) {
        return status;
    }
    if (trp_q_check_dict(TRP_Q_ITEMS(dict)[0], TRP_Q_ITEMS(dict)[1]) != TROUPE_OK) {
        troupe_q_unref(&dict);
        return refuse(in, TROUPE_EPROTO, "keys and values of a dictionary do not match");
    }
    *out = dict;
    return TROUPE_OK;
}

static troupe_status read_table(struct reader *in, troupe_q_value **out)
{
    troupe_q_value *table = NULL;

    if (left(in) < 2) {
        return short_of(in);
    }
    uint8_t attr = *in->at++;
    if (attr > TROUPE_Q_GROUPED) {
        return refuse(in, TROUPE_EPROTO, "unknown attribute");
    }
    if (*in->at != TROUPE_Q_DICT) {
        return refuse(in, TROUPE_EPROTO, "table is not made of a dictionary");
    }
    in->at++;
    troupe_status status = read_parts(in, TROUPE_Q_TABLE, attr, 2, &table);
    if (status != TROUPE_OK) {
        return status;
    }
    if (trp_q_check_table(TRP_Q_ITEMS(table)[0], TRP_Q_ITEMS(table)[1]) != TROUPE_OK) {
        troupe_q_unref(&table);
        return refuse(in, TROUPE_EPROTO, "columns of a table do not match");
    }
    *out = table;
    return TROUPE_OK;
}

static troupe_status read_lambda(struct reader *in, troupe_q_value **out)
{
    const char *context = NULL;
    troupe_q_value *parts[2] = {NULL, NULL};
    troupe_status status = read_symbol(in, &context);

    if (status != TROUPE_OK) {
        return status;
    }
    if (left(in) < 1) {
        return short_of(in);
    }
    if (*in->at != TROUPE_Q_CHAR) {
        return refuse(in, TROUPE_EPROTO, "source of a lambda is no text");
    }
    status = read_value(in, &parts[1]);
    if (status != TROUPE_OK) {
        return status;
    }
    parts[0] = pay(in, 2 * sizeof(*parts[0])) ? trp_q_of_symbol(context) : NULL;
    troupe_q_value *v =
        parts[0] != NULL ? trp_q_of_parts(TROUPE_Q_LAMBDA, 2, parts) : NULL;
    if (v == NULL) {
        troupe_q_unref(&parts[0]);
        troupe_q_unref(&parts[1]);
        return no_memory(in);
    }
    *out = v;
    return TROUPE_OK;
}

static troupe_status read_primitive(struct reader *in, int type, troupe_q_value **out)
{
    if (left(in) < 1) {
        return short_of(in);
    }
    if (!trp_q_code_exists(type, *in->at)) {
        return refuse(in, TROUPE_EPROTO, "unknown primitive");
    }
    troupe_q_value *v = pay(in, sizeof(*v)) ? trp_q_of_code(type, *in->at) : NULL;
    if (v == NULL) {
        return no_memory(in);
    }
    in->at++;
    *out = v;
    return TROUPE_OK;
}

static troupe_status read_members(struct reader *in, int type, troupe_q_value **out)
{
    if (left(in) < 4) {
        return short_of(in);
    }
    uint32_t count = read_u32(in);
    if (count == 0 || count > left(in) / OBJECT_MIN) {
        in->at -= 4;
        return count == 0 ? refuse(in, TROUPE_EPROTO, "function without members")
                          : refuse(in, TROUPE_ETRUNCATED, "count exceeds the message");
    }
    return read_parts(in, type, 0, count, out);
}

static troupe_status read_other(struct reader *in, int type, troupe_q_value **out)
{
    switch (type) {
    case TROUPE_Q_TABLE:
        return read_table(in, out);
    case TROUPE_Q_DICT:
    case TROUPE_Q_SORTED_DICT:
        return read_dict(in, type, out);
    case TROUPE_Q_LAMBDA:
        return read_lambda(in, out);
    case TROUPE_Q_UNARY:
    case TROUPE_Q_BINARY:
    case TROUPE_Q_ITERATOR:
        return read_primitive(in, type, out);
    case TROUPE_Q_PROJECTION:
    case TROUPE_Q_COMPOSITION:
        return read_members(in, type, out);
    case TROUPE_Q_ERROR:
        in->at--;
        return refuse(in, TROUPE_EPROTO, "error inside another value");
    default:
        break;
    }
    if (type >= TROUPE_Q_EACH && type <= TROUPE_Q_EACH_LEFT) {
        return read_parts(in, type, 0, 1, out);
    }
    in->at--;
    return refuse(in, TROUPE_EPROTO,
                  type >= 20 && type <= 97 ? "enumerated or mapped value"
                                           : "unknown type");
}

static troupe_status read_value(struct reader *in, troupe_q_value **out)
{
    if (left(in) < OBJECT_MIN) {
        return short_of(in);
    }
    int type = (int8_t)*in->at++;
    if (type < 0 && type >= -TROUPE_Q_TIME) {
        return read_atom(in, type, out);
    }
    if (type == TROUPE_Q_LIST) {
        return read_list(in, out);
    }
    if (type == TROUPE_Q_SYMBOL) {
        return read_symbols(in, out);
    }
    return type > 0 && type <= TROUPE_Q_TIME ? read_vector(in, type, out)
                                             : read_other(in, type, out);
}

/* An error is a text that ends with NUL and is all of a response. */
static troupe_status read_error(struct reader *in, troupe_q_value **out)
{
    const uint8_t *text = in->at + 1;
    const uint8_t *nul = memchr(text, 0, (size_t)(in->end - text));

    if (nul == NULL) {
        return refuse(in, TROUPE_ETRUNCATED, "text without its end");
    }
    if (troupe_q_error((const char *)text, (size_t)(nul - text), out) != TROUPE_OK) {
        return no_memory(in);
    }
    in->at = nul + 1;
    return TROUPE_OK;
}

troupe_status trp_q_decode_body(const uint8_t *body, size_t size,
                                const struct trp_q_header *header, troupe_blob *owner,
                                const struct trp_q_limits *limits, troupe_q_value **out,
                                struct trp_q_why *why)
{
    struct reader in = {.start = body,
                        .at = body,
                        .end = body + size,
                        .owner = owner,
                        .depth_max = limits->depth < TROUPE_Q_DEPTH_MAX
                                         ? limits->depth
                                         : TROUPE_Q_DEPTH_MAX,
                        .many = size >= MANY,
                        .swap = header->big != trp_q_host_is_big(),
                        .room = limits->memory != 0 ? limits->memory : UINT64_MAX,
                        .why = why};
    uint64_t room = in.room;
    size_t share = size / TRP_Q_ALIAS_SHARE;
    in.alias_min = share > TRP_Q_ALIAS_MIN ? share : TRP_Q_ALIAS_MIN;
    bool error =
        size != 0 && (int8_t)body[0] == TROUPE_Q_ERROR && header->kind == TRP_Q_RESPONSE;
    troupe_q_value *value = NULL;
    troupe_status status = owner != NULL && !pay(&in, size) ? no_memory(&in)
                           : error                          ? read_error(&in, &value)
                                                            : read_value(&in, &value);

    if (status == TROUPE_OK && in.at != in.end) {
        status = refuse(&in, TROUPE_EPROTO, "bytes after the object");
    }
    trp_q_slab_close(&in.slab);
    trp_q_slab_close(&in.shorts);
    if (status != TROUPE_OK) {
        troupe_q_unref(&value);
        return status;
    }
    if (limits->taken != NULL) {
        *limits->taken = room - in.room;
    }
    *out = value;
    return TROUPE_OK;
}
