/* SPDX-License-Identifier: MIT
 * libq_call.c - a call: values become bytes, bytes objects of q, and back.
 *
 *   value --encode--> bytes --d9--> object --k--> object --b9--> bytes --decode--> value
 *
 * Every object is given back on the thread that made it, the engine's. */
#include <stdio.h>
#include <string.h>

#include "bindings/libq/libq.h"
#include "mailbox/buffer.h"
#include "transports/q/q_codec.h"

enum { LEVEL = 6 /* of b9: everything, however large */ };

static troupe_status describe(char error[TROUPE_FAILURE_TEXT], troupe_status status,
                              const char *text)
{
    (void)snprintf(error, TROUPE_FAILURE_TEXT, "%s", text);
    return status;
}

/* The text of an error, which is given back; false: it is none. */
static bool take_error(struct trp_libq *q, trp_k x, char error[TROUPE_FAILURE_TEXT])
{
    if (x != NULL && x->type != TRP_LIBQ_ERROR) {
        return false;
    }
    (void)describe(error, TROUPE_EREMOTE,
                   x != NULL && x->is.text != NULL ? x->is.text : "");
    if (x != NULL) {
        q->is.r0(x);
    }
    return true;
}

static troupe_status object_of(struct trp_libq *q, const struct trp_buffer *message,
                               trp_k *out, char error[TROUPE_FAILURE_TEXT])
{
    size_t size = trp_buffer_size(message);
    trp_k bytes = q->is.ktn(TRP_LIBQ_BYTES, (int64_t)size);

    if (bytes == NULL) {
        return describe(error, TROUPE_ENOMEM, troupe_status_text(TROUPE_ENOMEM));
    }
    memcpy(trp_libq_bytes(bytes), trp_buffer_front(message), size);
    bool good = q->is.okx(bytes) != 0;
    trp_k x = good ? q->is.ee(q->is.d9(bytes)) : NULL;
    q->is.r0(bytes);
    if (!good) {
        return describe(error, TROUPE_ETYPE, "q does not take this value");
    }
    if (take_error(q, x, error)) {
        return TROUPE_EREMOTE;
    }
    *out = x;
    return TROUPE_OK;
}

static troupe_status to_object(struct trp_libq *q, const troupe_q_value *value,
                               trp_k *out, char error[TROUPE_FAILURE_TEXT])
{
    struct trp_q_encoding how = {.kind = TRP_Q_ASYNC, .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why = {"", 0};
    struct trp_buffer message;

    trp_buffer_init(&message, SIZE_MAX / 4);
    troupe_status status = trp_q_encode(value, &how, &message, &why);
    if (status == TROUPE_OK) {
        status = object_of(q, &message, out, error);
    } else {
        (void)describe(error, status,
                       why.text[0] != 0 ? why.text : troupe_status_text(status));
    }
    trp_buffer_fini(&message);
    return status;
}

/* `bytes` stays the caller's. */
static troupe_status decode(const struct trp_libq *q, trp_k bytes, troupe_q_value **out,
                            char error[TROUPE_FAILURE_TEXT])
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_why why = {"", 0};
    uint64_t size = (uint64_t)bytes->is.count;

    if (bytes->type != TRP_LIBQ_BYTES || bytes->is.count < 0) {
        return describe(error, TROUPE_EPROTO, "the answer is no bytes");
    }
    if (size > q->message_limit) {
        return describe(error, TROUPE_ELIMIT, "the answer is larger than message_limit");
    }
    limits.message = limits.plain = q->message_limit;
    troupe_status status =
        trp_q_decode(trp_libq_bytes(bytes), (size_t)size, NULL, &limits, out, &why);
    return status == TROUPE_OK ? status : describe(error, status, why.text);
}

/* Gives `x` back. */
static troupe_status to_value(struct trp_libq *q, trp_k x, troupe_q_value **out,
                              char error[TROUPE_FAILURE_TEXT])
{
    trp_k bytes = q->is.ee(q->is.b9(LEVEL, x));

    q->is.r0(x);
    if (take_error(q, bytes, error)) {
        return TROUPE_EREMOTE;
    }
    troupe_status status = decode(q, bytes, out, error);
    q->is.r0(bytes);
    return status;
}

troupe_status trp_libq_call(struct trp_libq *q, const char *text,
                            troupe_q_value *const *args, size_t count,
                            troupe_q_value **out, char error[TROUPE_FAILURE_TEXT])
{
    trp_k objects[2] = {NULL, NULL};
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        status = to_object(q, args[i], &objects[i], error);
    }
    if (status != TROUPE_OK) {
        for (size_t i = 0; i < count; i++) {
            if (objects[i] != NULL) {
                q->is.r0(objects[i]);
            }
        }
        return status;
    }
    /* The first NULL ends the arguments; q takes those before it. */
    trp_k x = q->is.ee(q->is.k(0, text, objects[0], objects[1], (trp_k)NULL));
    return take_error(q, x, error) ? TROUPE_EREMOTE : to_value(q, x, out, error);
}
