/* SPDX-License-Identifier: MIT
 * q_cast.h - one message on its way to many connections.
 *
 * Each gets it as an ordinary message, in order with all else it is told; the bytes are
 * made by the first that needs them, once for all connections of the same capability and
 * compression, and shared. When the last is done the report goes out. */
#ifndef TRP_TRANSPORTS_Q_CAST_H
#define TRP_TRANSPORTS_Q_CAST_H

#include <troupe/system.h>

#include "transports/q/q_codec.h"

/* Kinds told to connections; the body is a struct trp_q_cast, the tag says which one of
 * its connections this is. */
enum {
    TRP_KIND_Q_CAST = TROUPE_KIND_RESERVED + 0x70,
    TRP_KIND_Q_CAST_OUT /* by q code: counted by the hub */
};

struct trp_q_cast;

/* Of a value, or of a message as it came (the other is NULL).
 *
 * watcher   gets the report with `tag`; nobody: none is made
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM, or what is wrong with the message. */
TROUPE_MUST_CHECK troupe_status trp_q_cast_new(troupe_system *sys, size_t count,
                                               troupe_q_value *value,
                                               troupe_blob *message, troupe_id watcher,
                                               uint64_t tag, struct trp_q_cast **out);
void trp_q_cast_unref(struct trp_q_cast **cast);

/* What tells connection `index`.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_q_cast_msg(struct trp_q_cast *cast, troupe_kind kind,
                                               size_t index, troupe_msg **out);

/* The bytes for a connection, lent.
 *
 * Returns TROUPE_OK, or as trp_q_encode. */
TROUPE_MUST_CHECK troupe_status trp_q_cast_bytes(struct trp_q_cast *cast,
                                                 uint8_t capability, bool compress,
                                                 troupe_blob **out,
                                                 struct trp_q_why *why);

/* How it went with connection `index`; TROUPE_EGONE while nobody says so. */
void trp_q_cast_note(struct trp_q_cast *cast, uint64_t index, troupe_status status);

#endif
