/* SPDX-License-Identifier: MIT
 * q_conn.c - finds messages in the bytes of a stream, and puts them there. */
#include "transports/q/q_conn.h"

#include <string.h>

#include <troupe/embedq.h>

void trp_q_conn_init(struct trp_q_conn *conn, struct trp_stream *stream,
                     const struct trp_q_limits *limits)
{
    *conn = (struct trp_q_conn){.stream = stream, .limits = *limits};
}

static void drop_gathered(struct trp_q_conn *conn)
{
    if (conn->gathered != NULL) {
        trp_q_message_free(conn->gathered);
        conn->gathered = NULL;
    }
    conn->have = conn->room = 0;
}

void trp_q_conn_fini(struct trp_q_conn *conn)
{
    drop_gathered(conn);
    trp_stream_close(&conn->stream);
}

/* Makes room for at least `size` bytes of the message: half as much again as there was,
 * up to its total. Large memory is moved without a copy, so that there is never more than
 * that above what has arrived. */
static troupe_status gather_room(struct trp_q_conn *conn, size_t size)
{
    size_t total = (size_t)conn->header.total;
    size_t room = conn->room != 0 ? conn->room : TRP_Q_GATHER_FIRST;

    if (size <= conn->room) {
        return TROUPE_OK;
    }
    while (room < size) {
        room += room / 2;
    }
    room = room < total ? room : total;
    uint8_t *bytes = trp_q_message_resize(conn->gathered, room);
    if (bytes == NULL) {
        return TROUPE_ENOMEM;
    }
    conn->gathered = bytes;
    conn->room = room;
    return TROUPE_OK;
}

/* Moves what has arrived of the message being gathered. */
static troupe_status gather(struct trp_q_conn *conn)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(conn->stream, &size);
    size_t missing = (size_t)conn->header.total - conn->have;

    size = size < missing ? size : missing;
    if (size > 0) {
        troupe_status status = gather_room(conn, conn->have + size);
        if (status != TROUPE_OK) {
            return status;
        }
        memcpy(conn->gathered + conn->have, bytes, size);
        conn->have += size;
        trp_stream_consume(conn->stream, size);
    }
    return conn->have == conn->header.total ? TROUPE_OK : TROUPE_EAGAIN;
}

/* Where the next message goes: to a value, or undecoded to a blob; the other is NULL. */
struct taker {
    troupe_q_value **value;
    troupe_blob **blob;
};

static troupe_status take_gathered(struct trp_q_conn *conn, const struct taker *to,
                                   struct trp_q_why *why)
{
    troupe_blob *blob = NULL;
    troupe_status status = trp_q_message_blob(conn->gathered, conn->have, &blob);

    if (status != TROUPE_OK) {
        return status;
    }
    conn->gathered = NULL;
    if (to->blob != NULL) {
        *to->blob = blob;
    } else {
        status = trp_q_decode(troupe_blob_bytes(blob), conn->have, blob, &conn->limits,
                              to->value, why);
        troupe_blob_unref(&blob);
    }
    drop_gathered(conn);
    return status;
}

static troupe_status read_gathered(struct trp_q_conn *conn, uint8_t *kind,
                                   const struct taker *to, struct trp_q_why *why)
{
    troupe_status status = gather(conn);

    if (status != TROUPE_OK) {
        return status;
    }
    *kind = conn->header.kind;
    return take_gathered(conn, to, why);
}

static troupe_status read_view(struct trp_q_conn *conn, uint8_t *kind,
                               const struct taker *to, struct trp_q_why *why)
{
    struct trp_q_header header;
    size_t size;
    const uint8_t *bytes = trp_stream_view(conn->stream, &size);
    troupe_status status = TROUPE_EAGAIN;

    if (size >= TRP_Q_HEADER) {
        status = trp_q_header_read(bytes, size, &conn->limits, &header, why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    if (size < header.total) {
        if (header.total <= TRP_Q_GATHER_ABOVE) {
            return TROUPE_EAGAIN;
        }
        conn->header = header;
        return read_gathered(conn, kind, to, why);
    }
    status = to->blob != NULL ? troupe_blob_new(bytes, (size_t)header.total, to->blob)
                              : trp_q_decode(bytes, (size_t)header.total, NULL,
                                             &conn->limits, to->value, why);
    if (status == TROUPE_OK) {
        *kind = header.kind;
        trp_stream_consume(conn->stream, (size_t)header.total);
    }
    return status;
}

static troupe_status at_end(const struct trp_q_conn *conn, struct trp_q_why *why)
{
    size_t size;

    (void)trp_stream_view(conn->stream, &size);
    if (size > 0 || conn->have > 0) {
        *why = (struct trp_q_why){"it ended inside a message", conn->have + size};
    }
    return conn->stream->ended;
}

static troupe_status next(struct trp_q_conn *conn, uint8_t *kind, const struct taker *to,
                          struct trp_q_why *why)
{
    *why = (struct trp_q_why){NULL, 0};
    if (conn->broken != TROUPE_OK) {
        return conn->broken;
    }
    troupe_status status = conn->header.total != 0 && conn->have < conn->header.total
                               ? read_gathered(conn, kind, to, why)
                               : read_view(conn, kind, to, why);
    if (status == TROUPE_OK) {
        conn->header.total = 0;
        return status;
    }
    if (status == TROUPE_EAGAIN && conn->stream->ended != TROUPE_OK) {
        return at_end(conn, why);
    }
    if (status != TROUPE_EAGAIN) {
        conn->broken = status;
    }
    return status;
}

troupe_status trp_q_conn_next(struct trp_q_conn *conn, uint8_t *kind,
                              troupe_q_value **value, struct trp_q_why *why)
{
    return next(conn, kind, &(struct taker){value, NULL}, why);
}

troupe_status trp_q_conn_next_bytes(struct trp_q_conn *conn, uint8_t *kind,
                                    troupe_blob **blob, struct trp_q_why *why)
{
    return next(conn, kind, &(struct taker){NULL, blob}, why);
}

/* Puts what is before the items into the output, and the items as they lie in memory. */
static troupe_status write_shared(struct trp_stream *stream, const troupe_q_value *value,
                                  const uint8_t *front, size_t size)
{
    troupe_q_value *held = troupe_q_ref((troupe_q_value *)(uintptr_t)value);
    size_t bytes = value->count * trp_q_wire_width(value->type);
    troupe_blob *items = NULL;
    troupe_status status =
        troupe_blob_wrap(value->data, bytes, trp_q_msg_drop, held, &items);

    if (status != TROUPE_OK) {
        troupe_q_unref(&held);
        return status;
    }
    status = trp_buffer_add(&stream->out, front, size);
    stream->out.status = TROUPE_OK;
    if (status == TROUPE_OK) {
        status = trp_stream_write_blob(stream, items);
        stream->out.end -= status != TROUPE_OK ? size : 0; /* as it was */
    }
    troupe_blob_unref(&items);
    return status;
}

static bool may_share(const struct trp_q_conn *conn, const troupe_q_value *value,
                      const struct trp_q_encoding *how)
{
    return value->type > 0 && value->count >= TRP_Q_SHARE_ABOVE / 16 &&
           value->count * trp_q_wire_width(value->type) >= TRP_Q_SHARE_ABOVE &&
           value->data != value->small.bytes && !conn->stream->broken &&
           (!how->compress || how->capability < TRP_Q_CAP_COMPRESS);
}

static troupe_status write_value(struct trp_q_conn *conn, const troupe_q_value *value,
                                 const struct trp_q_encoding *how, struct trp_q_why *why)
{
    uint8_t front[TRP_Q_FRONT];
    size_t size = 0;
    troupe_status status = TROUPE_OK;

    if (may_share(conn, value, how)) {
        status = trp_q_encode_front(value, how, front, &size, why);
        if (status == TROUPE_OK && size != 0) {
            return write_shared(conn->stream, value, front, size);
        }
    }
    if (status == TROUPE_OK) {
        status = trp_q_encode(value, how, &conn->stream->out, why);
    }
    if (status == TROUPE_OK) {
        trp_stream_wrote(conn->stream);
    }
    return status;
}

troupe_status trp_q_conn_write(struct trp_q_conn *conn, uint8_t kind,
                               const troupe_q_value *value, size_t backlog,
                               struct trp_q_why *why)
{
    const struct trp_q_encoding how = {.kind = kind,
                                       .capability = conn->capability,
                                       .compress = conn->compress,
                                       .big = trp_q_host_is_big()};

    return trp_stream_backlog(conn->stream) > backlog
               ? TROUPE_EBUSY
               : write_value(conn, value, &how, why);
}

/* Whether the bytes are one message that the peer takes. */
static troupe_status judge(const struct trp_q_conn *conn, const uint8_t *message,
                           size_t size, struct trp_q_why *why)
{
    const struct trp_q_limits limits = {TRP_Q_MESSAGE_MAX, TRP_Q_MESSAGE_MAX,
                                        TROUPE_Q_DEPTH_MAX, 0, NULL};
    struct trp_q_header header;
    troupe_status status = trp_q_header_read(message, size, &limits, &header, why);

    if (status == TROUPE_EAGAIN || (status == TROUPE_OK && header.total != size)) {
        *why = (struct trp_q_why){"the bytes are not one whole message", 0};
        return TROUPE_EPROTO;
    }
    if (status != TROUPE_OK) {
        return status;
    }
    if (header.compression != 0 && conn->capability < TRP_Q_CAP_COMPRESS) {
        *why = (struct trp_q_why){"the peer does not know compression", 0};
        return TROUPE_EPROTO;
    }
    if (size > TRP_Q_SMALL_TOTAL && conn->capability < TRP_Q_CAP_LARGE) {
        *why = (struct trp_q_why){"the message is too large for the peer", 0};
        return TROUPE_ELIMIT;
    }
    return TROUPE_OK;
}

troupe_status trp_q_conn_write_blob(struct trp_q_conn *conn, troupe_blob *message,
                                    size_t backlog, struct trp_q_why *why)
{
    troupe_status status =
        judge(conn, troupe_blob_bytes(message), troupe_blob_size(message), why);

    if (status != TROUPE_OK) {
        return status;
    }
    return trp_stream_backlog(conn->stream) > backlog
               ? TROUPE_EBUSY
               : trp_stream_lend_blob(conn->stream, message);
}

troupe_status trp_q_conn_write_error(struct trp_q_conn *conn, const char *text,
                                     size_t backlog)
{
    struct trp_q_why why;
    troupe_q_value *error = NULL;
    troupe_status status = troupe_q_error(text, TROUPE_Q_Z, &error);

    if (status == TROUPE_OK) {
        status = trp_q_conn_write(conn, TRP_Q_RESPONSE, error, backlog, &why);
    }
    troupe_q_unref(&error);
    return status == TROUPE_EBUSY ? TROUPE_ELIMIT : status;
}

void trp_q_msg_drop(void *body)
{
    troupe_q_value *value = body;

    troupe_q_unref(&value);
}

troupe_status trp_q_msg_new(troupe_kind kind, troupe_q_value **value, troupe_msg **out)
{
    troupe_status status =
        troupe_msg_new_owned(kind, *value, sizeof(**value), trp_q_msg_drop, out);

    if (status == TROUPE_OK) {
        *value = NULL;
    }
    return status;
}

troupe_status trp_q_answer_msg(troupe_id origin, troupe_q_value **value, troupe_msg **out)
{
    size_t size;

    if (troupe_q_type(*value) != TROUPE_Q_ERROR) {
        return trp_q_msg_new(TROUPE_KIND_Q_VALUE, value, out);
    }
    const char *text = troupe_q_text(*value, &size);
    return troupe_msg_new_failure(
        TROUPE_EREMOTE, origin, out, "%.*s",
        size < TROUPE_FAILURE_TEXT ? (int)size : TROUPE_FAILURE_TEXT, text);
}
