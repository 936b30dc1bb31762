/* SPDX-License-Identifier: MIT
 * q_compress.c - greedy matching by a table of 256 places.
 *
 * Both sides keep, for each hash of two neighbouring bytes, the place where such a pair
 * was last entered; place 0 (in the header) means none. Pairs inside a match are not
 * entered. */
#include "transports/q/q_compress.h"

#include "mailbox/alloc.h"
#include "mailbox/cursor.h"
#include "mailbox/emit.h"

enum {
    PLACES = 256,
    GROUP = 8,           /* items a flag byte */
    GROUP_BYTES = 17,    /* the most a group takes: flags and 8 pairs */
    EXTENSION_MAX = 255, /* bytes of a match beyond its first two */
    MATCH_MAX = 2 + EXTENSION_MAX
};

static troupe_status refuse(troupe_status status, const char *text, uint64_t at,
                            struct trp_q_why *why)
{
    *why = (struct trp_q_why){text, at};
    return status;
}

/* ---- packing ---- */

struct packer {
    const uint8_t *plain;
    size_t size, at;
    uint8_t *out; /* the next byte goes here */
    const uint8_t *end;
    size_t place[PLACES];
    size_t pending; /* a literal not entered yet, or 0 */
    uint8_t pending_hash;
};

#define INLINE static inline __attribute__((always_inline))

/* How many bytes match beyond the first two. */
static size_t extension(const struct packer *p, size_t from, size_t to)
{
    size_t most = p->size - to < EXTENSION_MAX ? p->size - to : EXTENSION_MAX;
    size_t n = 0;

    while (n < most && p->plain[from + n] == p->plain[to + n]) {
        n++;
        while (n >= 8 && n + 8 <= most &&
               memcmp(p->plain + from + n, p->plain + to + n, 8) == 0) {
            n += 8;
        }
    }
    return n;
}

static void pack_literal(struct packer *p, uint8_t hash)
{
    p->pending = p->at;
    p->pending_hash = hash;
    *p->out++ = p->plain[p->at++];
}

/* One item; true: it was a match. */
static bool pack_item(struct packer *p)
{
    uint8_t hash = 0;
    size_t from = 0;

    if (p->size - p->at >= 3) {
        hash = p->plain[p->at] ^ p->plain[p->at + 1];
        from = p->place[hash];
    }
    bool match = from != 0 && p->plain[from] == p->plain[p->at];
    if (p->pending != 0) {
        p->place[p->pending_hash] = p->pending;
        p->pending = 0;
    }
    if (!match) {
        pack_literal(p, hash);
        return false;
    }
    p->place[hash] = p->at;
    size_t n = extension(p, from + 2, p->at + 2);
    *p->out++ = hash;
    *p->out++ = (uint8_t)n;
    p->at += 2 + n;
    return true;
}

/* Whether all went in before the room ran out. */
static bool pack(struct packer *p)
{
    while (p->at < p->size) {
        if (p->end - p->out < GROUP_BYTES) {
            return false;
        }
        uint8_t *flags = p->out++;
        unsigned bits = 0;
        for (unsigned i = 0; i < GROUP && p->at < p->size; i++) {
            bits |= (unsigned)pack_item(p) << i;
        }
        *flags = (uint8_t)bits;
    }
    return true;
}

troupe_status trp_q_compress(const uint8_t *plain, size_t size, unsigned form,
                             struct trp_buffer *out)
{
    size_t width = form == 2 || (form == 0 && size > UINT32_MAX) ? 8 : 4;
    size_t room = size / 2;

    if (room < TRP_Q_HEADER + width + GROUP_BYTES || (width == 4 && size > UINT32_MAX)) {
        return TROUPE_EUNSUPPORTED;
    }
    uint8_t *to = trp_buffer_reserve(out, room);
    if (to == NULL) {
        return out->status;
    }
    struct packer p = {.plain = plain,
                       .size = size,
                       .at = TRP_Q_HEADER,
                       .out = to + TRP_Q_HEADER + width,
                       .end = to + room};
    if (!pack(&p)) {
        return TROUPE_EUNSUPPORTED;
    }
    struct trp_q_header header = {.total = (uint64_t)(p.out - to),
                                  .kind = plain[1],
                                  .compression = width == 8 ? 2 : 1,
                                  .big = plain[0] == 0};
    trp_q_header_write(to, &header);
    if (header.big) {
        trp_put_be(to + TRP_Q_HEADER, size, width);
    } else {
        trp_put_le(to + TRP_Q_HEADER, size, width);
    }
    trp_buffer_wrote(out, (size_t)header.total);
    return TROUPE_OK;
}

/* ---- unpacking ---- */

static size_t data_offset(const struct trp_q_header *header)
{
    return TRP_Q_HEADER + 4U * header->compression;
}

troupe_status trp_q_plain_size(const uint8_t *message, size_t size,
                               const struct trp_q_header *header,
                               const struct trp_q_limits *limits, size_t *out,
                               struct trp_q_why *why)
{
    struct trp_cursor in = trp_cursor_on(message, size);
    size_t width = 4U * header->compression;

    (void)trp_cursor_take(&in, TRP_Q_HEADER);
    uint64_t total = header->big ? trp_cursor_be(&in, width) : trp_cursor_le(&in, width);
    if (in.short_of) {
        return refuse(TROUPE_EPROTO, "length too small", 4, why);
    }
    if (total < TRP_Q_TOTAL_MIN) {
        return refuse(TROUPE_EPROTO, "plain length too small", TRP_Q_HEADER, why);
    }
    if (total > limits->plain || total > SIZE_MAX - TRP_Q_SLACK) {
        return refuse(TROUPE_ELIMIT, "plain message larger than allowed", TRP_Q_HEADER,
                      why);
    }
    uint64_t groups = (trp_cursor_left(&in) + GROUP_BYTES - 1) / GROUP_BYTES;
    if (total > TRP_Q_HEADER + groups * GROUP * MATCH_MAX) {
        return refuse(TROUPE_EPROTO, "plain length exceeds what the data can hold",
                      TRP_Q_HEADER, why);
    }
    *out = (size_t)total;
    return TROUPE_OK;
}

struct unpacker {
    const uint8_t *in, *in_end;
    uint8_t *to;
    const uint8_t *end;
    bool pending; /* the pair that ends with the byte at `to` is to be entered */
    const uint8_t *place[PLACES];
};

/* Copies in words; may write up to 15 bytes more. The source is 8 or more before. */
static inline void copy_words(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, 8);
    memcpy(to + 8, from + 8, 8); /* most matches end here */
    for (size_t i = 16; i < size; i += 8) {
        memcpy(to + i, from + i, 8);
    }
}

/* Copies `size` bytes from a place `distance` before; may write up to 15 bytes more. */
static inline void copy_match(uint8_t *to, size_t distance, size_t size)
{
    const uint8_t *from = to - distance;

    if (distance >= 8) {
        copy_words(to, from, size);
    } else if (distance == 1) {
        memset(to, *from, size);
    } else { /* repeat the pattern until it is 8 long */
        size_t step = distance * ((7 + distance) / distance);
        for (size_t i = 0; i < step; i++) {
            to[i] = from[i];
        }
        if (size > step) {
            copy_words(to + step, to, size - step);
        }
    }
}

static inline void enter(struct unpacker *u, const uint8_t *at)
{
    u->place[at[0] ^ at[1]] = at;
}

static inline void unpack_literal(struct unpacker *u)
{
    *u->to = *u->in++;
    if (u->pending) {
        enter(u, u->to - 1);
    }
    u->pending = true;
    u->to++;
}

/* A match whose two bytes are there; false: it names nothing, or there is no room. */
static bool unpack_match(struct unpacker *u)
{
    const uint8_t *from = u->place[u->in[0]];
    size_t size = 2U + u->in[1];

    if (from == NULL || size > (size_t)(u->end - u->to)) {
        return false;
    }
    u->in += 2;
    copy_match(u->to, (size_t)(u->to - from), size);
    if (u->pending) {
        enter(u, u->to - 1);
    }
    enter(u, u->to);
    u->pending = false;
    u->to += size;
    return true;
}

/* A group near an end: every step is checked. */
static bool unpack_last(struct unpacker *u)
{
    if (u->in == u->in_end) {
        return false;
    }
    unsigned flags = *u->in++;
    for (unsigned i = 0; i < GROUP && u->to < u->end; i++, flags >>= 1) {
        if ((size_t)(u->in_end - u->in) < 1 + (flags & 1)) {
            return false;
        }
        if ((flags & 1) == 0) {
            unpack_literal(u);
        } else if (!unpack_match(u)) {
            return false;
        }
    }
    return true;
}

/* What is at hand while there is input and room enough for any 8 items. In an even group
 * the last bytes are kept here: to read them back, memory would have to wait for what was
 * written to it last. That does not pay where matches differ, as a wrong guess costs as
 * much. */
struct flight {
    const uint8_t *in;
    uint8_t *to;
    uint64_t last; /* the 8 bytes before `to`, lowest first; in an even group */
    bool pending;  /* as in the unpacker */
    bool uneven;   /* a match of this group was none that fly_repeat takes */
};

INLINE void load_last(struct flight *f)
{
    memcpy(&f->last, f->to - 8, 8);
}

INLINE void fly_literal(struct flight *f, struct unpacker *u, bool even)
{
    uint8_t byte = *f->in++;

    *f->to = byte;
    if (f->pending) {
        enter(u, f->to - 1);
    }
    if (even) {
        f->last = f->last >> 8 | (uint64_t)byte << 56;
    }
    f->pending = true;
    f->to++;
}

/* A match of 2 to 8 bytes with the 8 before it, as in numbers that change little. */
INLINE void fly_repeat(struct flight *f, struct unpacker *u, size_t size)
{
    uint64_t last = f->last;
    unsigned turn = 8 * (unsigned)size;

    memcpy(f->to, &last, 8);
    if (f->pending) {
        u->place[(uint8_t)(last >> 56 ^ last)] = f->to - 1;
    }
    u->place[(uint8_t)(last >> 8 ^ last)] = f->to;
    f->last = last >> (turn & 63) | last << (-turn & 63);
    f->to += size;
}

INLINE void fly_other(struct flight *f, struct unpacker *u, size_t distance, size_t size)
{
    copy_match(f->to, distance, size);
    if (f->pending) {
        enter(u, f->to - 1);
    }
    enter(u, f->to);
    f->to += size;
}

INLINE bool fly_match(struct flight *f, struct unpacker *u, bool even)
{
    const uint8_t *from = u->place[f->in[0]];
    size_t size = 2U + f->in[1];

    if (TRP_UNLIKELY(from == NULL)) {
        return false;
    }
    f->in += 2;
    size_t distance = (size_t)(f->to - from);
    if (even && distance == 8 && size <= 8) {
        fly_repeat(f, u, size);
    } else {
        fly_other(f, u, distance, size);
        f->uneven |= (distance != 8) | (size > 8);
        if (even) {
            load_last(f);
        }
    }
    f->pending = false;
    return true;
}

/* even   the group before had only matches that fly_repeat takes */
INLINE bool fly_group(struct flight *f, struct unpacker *u, bool even)
{
    unsigned flags = *f->in++;

    for (unsigned i = 0; i < GROUP; i++, flags >>= 1) {
        if ((flags & 1) == 0) {
            fly_literal(f, u, even);
        } else if (!fly_match(f, u, even)) {
            return false;
        }
    }
    return true;
}

/* Groups for as long as no step needs to be checked for room. */
static bool unpack_far(struct unpacker *u)
{
    const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    struct flight f = {.in = u->in, .to = u->to, .pending = u->pending};
    bool good = true, even = false;

    while (good && u->in_end - f.in >= GROUP_BYTES &&
           u->end - f.to >= GROUP * MATCH_MAX) {
        if (!even) {
            load_last(&f);
        }
        even = little && !f.uneven;
        f.uneven = false;
        good = even ? fly_group(&f, u, true) : fly_group(&f, u, false);
    }
    u->in = f.in;
    u->to = f.to;
    u->pending = f.pending;
    return good;
}

troupe_status trp_q_decompress(const uint8_t *message, size_t size,
                               const struct trp_q_header *header, uint8_t *plain,
                               size_t plain_size, struct trp_q_why *why)
{
    struct unpacker u = {.in = message + data_offset(header),
                         .in_end = message + size,
                         .to = plain + TRP_Q_HEADER,
                         .end = plain + plain_size};
    struct trp_q_header plain_header = *header;

    plain_header.compression = 0;
    plain_header.total = plain_size;
    trp_q_header_write(plain, &plain_header);
    bool good = unpack_far(&u);
    while (good && u.to < u.end) {
        good = unpack_last(&u);
    }
    if (!good) {
        return refuse(TROUPE_EPROTO, "compressed data is damaged",
                      (uint64_t)(u.in - message), why);
    }
    if (u.in != u.in_end) {
        return refuse(TROUPE_EPROTO, "bytes after the compressed data",
                      (uint64_t)(u.in - message), why);
    }
    return TROUPE_OK;
}
