/* SPDX-License-Identifier: MIT
 * q_compress.h - the compression of q messages, both ways.
 *
 * A compressed message is a header, the plain length (4 bytes, or 8 when it does not fit)
 * and groups of a flag byte and 8 items: a byte as it is, or a hash and a length that
 * name bytes written before. */
#ifndef TRP_TRANSPORTS_Q_COMPRESS_H
#define TRP_TRANSPORTS_Q_COMPRESS_H

#include "transports/q/q_codec.h"

/* Appends the compressed form of a plain message.
 *
 * plain   `size` bytes, header included; byte order and kind are taken from it
 * form    1 or 2: width of the plain length 4 or 8; 0: what the size needs
 *
 * Returns TROUPE_OK; TROUPE_EUNSUPPORTED when it would not fit into half the size (then
 * send it plain); TROUPE_ENOMEM or TROUPE_ELIMIT of the buffer. On failure the buffer
 * holds what it held. */
TROUPE_MUST_CHECK troupe_status trp_q_compress(const uint8_t *plain, size_t size,
                                               unsigned form, struct trp_buffer *out);

/* The plain size of a compressed message, checked against the limits and against what the
 * data could at most expand to.
 *
 * Returns TROUPE_OK, TROUPE_EPROTO or TROUPE_ELIMIT. */
TROUPE_MUST_CHECK troupe_status trp_q_plain_size(const uint8_t *message, size_t size,
                                                 const struct trp_q_header *header,
                                                 const struct trp_q_limits *limits,
                                                 size_t *out, struct trp_q_why *why);

/* Writes the plain message, header included.
 *
 * plain        room for plain_size + TRP_Q_SLACK bytes; the slack may be written to
 * plain_size   what trp_q_plain_size said
 *
 * Returns TROUPE_OK or TROUPE_EPROTO. */
enum { TRP_Q_SLACK = 32 };
TROUPE_MUST_CHECK troupe_status trp_q_decompress(const uint8_t *message, size_t size,
                                                 const struct trp_q_header *header,
                                                 uint8_t *plain, size_t plain_size,
                                                 struct trp_q_why *why);

#endif
