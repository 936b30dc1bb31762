/* SPDX-License-Identifier: MIT
 * q_conn.h - q messages on a stream: what client and server connections share.
 *
 * A message that is all in the stream's block is decoded from there; a larger one gathers
 * in memory of its own, which grows with what has arrived, and large vectors then point
 * into it. */
#ifndef TRP_TRANSPORTS_Q_CONN_H
#define TRP_TRANSPORTS_Q_CONN_H

#include "transports/q/q_codec.h"
#include "transports/stream.h"

enum {
    TRP_Q_GATHER_ABOVE = 16 << 10, /* bytes; smaller ones wait in the block */
    TRP_Q_GATHER_FIRST = 1 << 20,  /* bytes trusted to a header before they arrive */
    TRP_Q_SHARE_ABOVE = 1 << 20    /* bytes of a vector that is sent without a copy */
};

struct trp_q_conn {
    struct trp_stream *stream;
    struct trp_q_limits limits;
    struct trp_q_header header; /* of the message being gathered */
    uint8_t *gathered;          /* trp_q_message_new, or NULL: none */
    size_t have, room;          /* bytes in it */
    uint8_t capability;         /* what both sides know */
    bool compress;
    troupe_status broken; /* sticky: what is wrong with the input */
};

/* Takes the stream. */
void trp_q_conn_init(struct trp_q_conn *conn, struct trp_stream *stream,
                     const struct trp_q_limits *limits);
void trp_q_conn_fini(struct trp_q_conn *conn);

/* The next message that has arrived.
 *
 * kind    receives enum trp_q_kind
 * value   receives the value, the caller's
 *
 * Returns TROUPE_OK; TROUPE_EAGAIN (nothing whole yet); TROUPE_ELOST (the stream ended:
 * inside a message when *why has a text); else what is wrong, and *why may say more: the
 * connection cannot be used any longer. */
TROUPE_MUST_CHECK troupe_status trp_q_conn_next(struct trp_q_conn *conn, uint8_t *kind,
                                                troupe_q_value **value,
                                                struct trp_q_why *why);

/* The same without decoding: the whole message as it came, of which only the header was
 * looked at.
 *
 * blob   receives it, the caller's */
TROUPE_MUST_CHECK troupe_status trp_q_conn_next_bytes(struct trp_q_conn *conn,
                                                      uint8_t *kind, troupe_blob **blob,
                                                      struct trp_q_why *why);

/* Puts a message into the stream's output.
 *
 * Returns TROUPE_OK; TROUPE_EBUSY (more than `backlog` bytes wait already); or what
 * trp_q_encode says. */
TROUPE_MUST_CHECK troupe_status trp_q_conn_write(struct trp_q_conn *conn, uint8_t kind,
                                                 const troupe_q_value *value,
                                                 size_t backlog, struct trp_q_why *why);

/* Puts one whole message there as it is.
 *
 * Returns also TROUPE_EPROTO or TROUPE_ELIMIT (the bytes are not one message that the
 * peer takes), *why says more. */
TROUPE_MUST_CHECK troupe_status trp_q_conn_write_blob(struct trp_q_conn *conn,
                                                      troupe_blob *message,
                                                      size_t backlog,
                                                      struct trp_q_why *why);

/* Puts an error response there, with a text.
 *
 * Returns TROUPE_OK; TROUPE_ELIMIT (more than `backlog` bytes wait already); or what
 * trp_q_encode says. */
TROUPE_MUST_CHECK troupe_status trp_q_conn_write_error(struct trp_q_conn *conn,
                                                       const char *text, size_t backlog);

/* A message that owns a value; *value is moved on TROUPE_OK. */
TROUPE_MUST_CHECK troupe_status trp_q_msg_new(troupe_kind kind, troupe_q_value **value,
                                              troupe_msg **out);

/* What answers a call: TROUPE_KIND_Q_VALUE, *value moved; of an error value a failure
 * TROUPE_EREMOTE with its text. */
TROUPE_MUST_CHECK troupe_status trp_q_answer_msg(troupe_id origin, troupe_q_value **value,
                                                 troupe_msg **out);

/* A thread-safe end of the reference in such a message. */
void trp_q_msg_drop(void *value);

#endif
