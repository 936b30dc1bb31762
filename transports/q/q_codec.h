/* SPDX-License-Identifier: MIT
 * q_codec.h - q values to messages and back.
 *
 * A message is an 8-byte header (byte order, kind, compression, 40-bit length) and one
 * object. Nothing here reads a socket or a clock. Whatever arrives is checked against
 * what is left of the message before memory is asked for it. */
#ifndef TRP_TRANSPORTS_Q_CODEC_H
#define TRP_TRANSPORTS_Q_CODEC_H

#include "mailbox/buffer.h"
#include "transports/q/q_value.h"

enum trp_q_kind { TRP_Q_ASYNC = 0, TRP_Q_SYNC = 1, TRP_Q_RESPONSE = 2 };

enum {
    TRP_Q_HEADER = 8,       /* bytes */
    TRP_Q_TOTAL_MIN = 10,   /* header and the smallest object */
    TRP_Q_CAPABILITY = 6,   /* the highest there is */
    TRP_Q_CAP_COMPRESS = 1, /* compression, timestamp, timespan */
    TRP_Q_CAP_GUID = 3,
    TRP_Q_CAP_LARGE = 5,         /* messages of 2 GiB and more */
    TRP_Q_CAP_HUGE = 6,          /* vectors of 2^31-1 items and more */
    TRP_Q_COMPRESS_ABOVE = 2008, /* plain totals above this are worth trying */
    TRP_Q_ALIAS_MIN = 4096,      /* smaller vectors are copied out of the message */
    TRP_Q_ALIAS_SHARE = 16       /* so are those below this part of the message */
};

#define TRP_Q_SMALL_TOTAL ((uint64_t)INT32_MAX) /* the largest total below CAP_LARGE */
#define TRP_Q_TOTAL_MAX   (((uint64_t)1 << 40) - 1)

/* What a peer may make us hold. */
struct trp_q_limits {
    uint64_t message; /* bytes as received, header included */
    uint64_t plain;   /* bytes once decompressed */
    uint32_t depth;   /* nesting, at most TROUPE_Q_DEPTH_MAX */
    uint64_t memory;  /* bytes the value may take; 0: any */
    uint64_t *taken;  /* receives how many it takes; NULL: nobody asks */
};

#define TRP_Q_MESSAGE_MAX ((uint64_t)64 << 30) /* the highest limit there is */
#define TRP_Q_MESSAGE     ((uint64_t)4 << 30)  /* where nothing else is said */
/* An initialiser: struct trp_q_limits limits = TRP_Q_LIMITS. */
#define TRP_Q_LIMITS                                                                     \
    {                                                                                    \
        TRP_Q_MESSAGE, TRP_Q_MESSAGE, TROUPE_Q_DEPTH_MAX, 0, NULL                        \
    }

/* Why something was refused: a text that lives for ever, and where in the (plain)
 * message. */
struct trp_q_why {
    const char *text;
    uint64_t at;
};

struct trp_q_header {
    uint64_t total;      /* bytes of the message, header included */
    uint8_t kind;        /* enum trp_q_kind */
    uint8_t compression; /* 0 none, 1 or 2: width of the plain length 4 or 8 */
    bool big;            /* most significant byte first */
};

/* Reads the header at the front of `bytes`.
 *
 * Returns TROUPE_OK, TROUPE_EAGAIN (fewer than 8 bytes), TROUPE_EPROTO or TROUPE_ELIMIT;
 * for the last two *why says more, and the connection cannot be used any longer. */
TROUPE_MUST_CHECK troupe_status trp_q_header_read(const uint8_t *bytes, size_t size,
                                                  const struct trp_q_limits *limits,
                                                  struct trp_q_header *out,
                                                  struct trp_q_why *why);

/* Memory for a message of `size` bytes, placed so that the items of a vector that is the
 * whole message are aligned. NULL: no memory. Freed with trp_q_message_free, or by the
 * last reference of the blob made of it. */
uint8_t *trp_q_message_new(size_t size);

/* The same memory with another size, moved without a copy when it is large; NULL inside
 * is allowed. NULL: no memory, and `message` is as it was. */
uint8_t *trp_q_message_resize(uint8_t *message, size_t size);
void trp_q_message_free(uint8_t *message);

/* Makes a blob of such memory, which is the blob's from then on.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM (the memory is still the caller's). */
TROUPE_MUST_CHECK troupe_status trp_q_message_blob(uint8_t *message, size_t size,
                                                   troupe_blob **out);

/* Decodes one whole message.
 *
 * message   `size` bytes, the header's total
 * owner     holds them, so that large vectors may point into them; NULL: all is copied
 * out       receives the value, an error value only for a response
 *
 * Returns TROUPE_OK, TROUPE_EPROTO, TROUPE_ETRUNCATED, TROUPE_ELIMIT or TROUPE_ENOMEM;
 * then *why says more and *out is untouched. */
TROUPE_MUST_CHECK troupe_status trp_q_decode(const uint8_t *message, size_t size,
                                             troupe_blob *owner,
                                             const struct trp_q_limits *limits,
                                             troupe_q_value **out, struct trp_q_why *why);

/* Decodes the object of a plain message: `body` is what follows the header. */
TROUPE_MUST_CHECK troupe_status trp_q_decode_body(const uint8_t *body, size_t size,
                                                  const struct trp_q_header *header,
                                                  troupe_blob *owner,
                                                  const struct trp_q_limits *limits,
                                                  troupe_q_value **out,
                                                  struct trp_q_why *why);

struct trp_q_encoding {
    uint8_t kind;       /* enum trp_q_kind */
    uint8_t capability; /* what both sides know, 0 to TRP_Q_CAPABILITY */
    bool compress;      /* try to, when capability and size allow */
    bool big;           /* most significant byte first */
};

/* Appends one message to `out`.
 *
 * Returns TROUPE_OK; TROUPE_ETYPE when the peer (by its capability) or the protocol
 * cannot take a type; TROUPE_ELIMIT when it is too large for the capability, too deep, or
 * for the buffer's limit; TROUPE_ENOMEM. On failure the buffer holds what it held. */
TROUPE_MUST_CHECK troupe_status trp_q_encode(const troupe_q_value *value,
                                             const struct trp_q_encoding *how,
                                             struct trp_buffer *out,
                                             struct trp_q_why *why);

enum { TRP_Q_FRONT = TRP_Q_HEADER + 10 }; /* the most bytes before a vector's items */

/* For a message whose items need not be copied, as they lie in memory as they are sent:
 * what comes before them.
 *
 * value   whose data is the rest of the message: a fixed-width vector
 * how     `compress` does not count
 * size    receives how much of `front` there is; 0: it is no such message
 *
 * Returns as trp_q_encode. */
TROUPE_MUST_CHECK troupe_status trp_q_encode_front(const troupe_q_value *value,
                                                   const struct trp_q_encoding *how,
                                                   uint8_t front[TRP_Q_FRONT],
                                                   size_t *size, struct trp_q_why *why);

/* The bytes of the plain message trp_q_encode would make, after the same checks. */
TROUPE_MUST_CHECK troupe_status trp_q_encoded_size(const troupe_q_value *value,
                                                   const struct trp_q_encoding *how,
                                                   uint64_t *out, struct trp_q_why *why);

/* Decodes a message and appends what its value encodes to, in the same byte order, kind
 * and compression: for a message a peer may send, the same bytes.
 *
 * Returns as trp_q_decode and trp_q_encode. */
TROUPE_MUST_CHECK troupe_status trp_q_recode(const uint8_t *message, size_t size,
                                             const struct trp_q_limits *limits,
                                             struct trp_buffer *out,
                                             struct trp_q_why *why);

/* Writes a header. */
void trp_q_header_write(uint8_t to[TRP_Q_HEADER], const struct trp_q_header *header);

/* Reverses the bytes of each of `count` items of `width` 2, 4 or 8 while copying. */
void trp_q_swap(void *to, const void *from, size_t count, size_t width);

static inline bool trp_q_host_is_big(void)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

#endif
