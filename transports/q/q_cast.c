/* SPDX-License-Identifier: MIT
 * q_cast.c - a message for many: encoded once, counted, reported. */
#include "transports/q/q_cast.h"

#include <pthread.h>
#include <stdatomic.h>

#include <troupe/q.h>

#include "mailbox/alloc.h"

enum { CLASSES = 5 };

/* The bytes for connections that know the same. */
struct class
{
    troupe_blob *blob;
    struct trp_q_why why;
    troupe_status status;
    bool made;
};

struct trp_q_cast {
    atomic_uint holders;
    troupe_system *system;
    pthread_mutex_t lock; /* of the classes and the value */
    troupe_q_value *value;
    troupe_blob *message; /* as it came, but async; NULL: there is only the value */
    struct class classes[CLASSES][2]; /* by capability, plain and compressed */
    troupe_id watcher;
    troupe_msg *report;
    troupe_q_sent *sent; /* its body */
};

/* ---- life ---- */

static struct trp_q_cast *cast_ref(struct trp_q_cast *cast)
{
    (void)atomic_fetch_add_explicit(&cast->holders, 1, memory_order_relaxed);
    return cast;
}

static void send_report(struct trp_q_cast *cast)
{
    if (cast->report != NULL) {
        for (size_t i = 0; i < cast->sent->count; i++) {
            cast->sent->sent += cast->sent->statuses[i] == TROUPE_OK;
        }
        /* Refused: the watcher is gone, or the system is ending. */
        if (troupe_post(cast->system, cast->watcher, &cast->report) != TROUPE_OK) {
            troupe_msg_free(&cast->report);
        }
    }
}

static void cast_free(struct trp_q_cast *cast)
{
    for (size_t i = 0; i < CLASSES; i++) {
        troupe_blob_unref(&cast->classes[i][0].blob);
        troupe_blob_unref(&cast->classes[i][1].blob);
    }
    troupe_q_unref(&cast->value);
    troupe_blob_unref(&cast->message);
    troupe_msg_free(&cast->report);
    (void)pthread_mutex_destroy(&cast->lock);
    trp_free(cast);
}

void trp_q_cast_unref(struct trp_q_cast **cast)
{
    struct trp_q_cast *old = *cast;

    *cast = NULL;
    if (old != NULL &&
        atomic_fetch_sub_explicit(&old->holders, 1, memory_order_acq_rel) == 1) {
        send_report(old);
        cast_free(old);
    }
}

static void drop(void *body)
{
    struct trp_q_cast *cast = body;

    trp_q_cast_unref(&cast);
}

/* All is made beforehand, so that nothing can be missing at the end. */
static troupe_status make_report(struct trp_q_cast *cast, size_t count, uint64_t tag)
{
    size_t size = sizeof(troupe_q_sent) + count * sizeof(troupe_status);
    troupe_status status = troupe_msg_new(TROUPE_KIND_Q_SENT, size, &cast->report);

    if (status == TROUPE_OK) {
        troupe_msg_set_tag(cast->report, tag);
        cast->sent = troupe_msg_body(cast->report);
        *cast->sent = (troupe_q_sent){.count = count};
        for (size_t i = 0; i < count; i++) {
            cast->sent->statuses[i] = TROUPE_EGONE;
        }
    }
    return status;
}

/* The same message as an async one: a copy unless it is. */
static troupe_status as_async(troupe_blob *message, troupe_blob **out)
{
    const uint8_t *bytes = troupe_blob_bytes(message);
    size_t size = troupe_blob_size(message);

    if (bytes[1] == TRP_Q_ASYNC) {
        *out = troupe_blob_ref(message);
        return TROUPE_OK;
    }
    uint8_t *copy = trp_q_message_new(size);
    if (copy == NULL) {
        return TROUPE_ENOMEM;
    }
    memcpy(copy, bytes, size);
    copy[1] = TRP_Q_ASYNC;
    troupe_status status = trp_q_message_blob(copy, size, out);
    if (status != TROUPE_OK) {
        trp_q_message_free(copy);
    }
    return status;
}

static troupe_status check_message(const troupe_blob *message)
{
    const struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_header header;
    struct trp_q_why why;
    size_t size = troupe_blob_size(message);
    troupe_status status =
        trp_q_header_read(troupe_blob_bytes(message), size, &limits, &header, &why);

    if (status == TROUPE_OK && header.total != size) {
        return TROUPE_EINVAL;
    }
    return status == TROUPE_EAGAIN ? TROUPE_EINVAL : status;
}

troupe_status trp_q_cast_new(troupe_system *sys, size_t count, troupe_q_value *value,
                             troupe_blob *message, troupe_id watcher, uint64_t tag,
                             struct trp_q_cast **out)
{
    troupe_status status = message != NULL ? check_message(message) : TROUPE_OK;
    struct trp_q_cast *cast = status == TROUPE_OK ? trp_calloc(1, sizeof(*cast)) : NULL;

    if (cast == NULL) {
        return status != TROUPE_OK ? status : TROUPE_ENOMEM;
    }
    atomic_init(&cast->holders, 1);
    (void)pthread_mutex_init(&cast->lock, NULL);
    cast->system = sys;
    cast->watcher = watcher;
    cast->value = value != NULL ? troupe_q_ref(value) : NULL;
    if (message != NULL) {
        status = as_async(message, &cast->message);
    }
    if (status == TROUPE_OK && !troupe_id_is_nobody(watcher)) {
        status = make_report(cast, count, tag);
    }
    if (status != TROUPE_OK) {
        cast_free(cast);
        return status;
    }
    *out = cast;
    return TROUPE_OK;
}

troupe_status trp_q_cast_msg(struct trp_q_cast *cast, troupe_kind kind, size_t index,
                             troupe_msg **out)
{
    troupe_status status = troupe_msg_new_owned(kind, cast, sizeof(*cast), drop, out);

    if (status == TROUPE_OK) {
        (void)cast_ref(cast);
        troupe_msg_set_tag(*out, index);
    }
    return status;
}

void trp_q_cast_note(struct trp_q_cast *cast, uint64_t index, troupe_status status)
{
    if (cast->sent != NULL && index < cast->sent->count) {
        cast->sent->statuses[index] = status; /* nobody else writes there */
    }
}

/* ---- the bytes ---- */

static size_t class_of(uint8_t capability)
{
    static const uint8_t knows[CLASSES - 1] = {TRP_Q_CAP_COMPRESS, TRP_Q_CAP_GUID,
                                               TRP_Q_CAP_LARGE, TRP_Q_CAP_HUGE};
    size_t at = 0;

    while (at < CLASSES - 1 && capability >= knows[at]) {
        at++;
    }
    return at;
}

/* Whether a connection can take the message as it came. Who knows guids knows all types;
 * lengths of 32 bits need nothing more, but what is compressed may be longer than it
 * looks. */
static bool fits(const troupe_blob *message, uint8_t capability)
{
    return capability >= TRP_Q_CAP_HUGE ||
           (capability >= TRP_Q_CAP_GUID && troupe_blob_bytes(message)[2] == 0 &&
            troupe_blob_size(message) <= TRP_Q_SMALL_TOTAL);
}

static void free_bytes(void *bytes)
{
    trp_free(bytes);
}

static troupe_status encode(struct trp_q_cast *cast, uint8_t capability, bool compress,
                            struct class *made)
{
    const struct trp_q_encoding how = {.kind = TRP_Q_ASYNC,
                                       .capability = capability,
                                       .compress = compress,
                                       .big = trp_q_host_is_big()};
    struct trp_buffer bytes;
    size_t size;

    trp_buffer_init(&bytes, TRP_Q_MESSAGE_MAX);
    troupe_status status = trp_q_encode(cast->value, &how, &bytes, &made->why);
    if (status == TROUPE_OK) {
        uint8_t *taken = trp_buffer_take(&bytes, &size);
        status = troupe_blob_wrap(taken, size, free_bytes, taken, &made->blob);
        if (status != TROUPE_OK) {
            trp_free(taken);
        }
    }
    trp_buffer_fini(&bytes);
    return status;
}

static troupe_status make(struct trp_q_cast *cast, uint8_t capability, bool compress,
                          struct class *made)
{
    const struct trp_q_limits limits = TRP_Q_LIMITS;
    troupe_status status = TROUPE_OK;

    if (cast->message != NULL && fits(cast->message, capability)) {
        made->blob = troupe_blob_ref(cast->message);
        return TROUPE_OK;
    }
    if (cast->value == NULL) {
        status = trp_q_decode(troupe_blob_bytes(cast->message),
                              troupe_blob_size(cast->message), cast->message, &limits,
                              &cast->value, &made->why);
    }
    return status == TROUPE_OK ? encode(cast, capability, compress, made) : status;
}

troupe_status trp_q_cast_bytes(struct trp_q_cast *cast, uint8_t capability, bool compress,
                               troupe_blob **out, struct trp_q_why *why)
{
    struct class *class = &cast->classes[class_of(capability)][compress];

    (void)pthread_mutex_lock(&cast->lock);
    if (!class->made) {
        class->status = make(cast, capability, compress, class);
        class->made = class->status != TROUPE_ENOMEM; /* the next may have more luck */
    }
    troupe_status status = class->status;
    if (status == TROUPE_OK) {
        *out = class->blob;
    } else {
        *why = class->why;
    }
    (void)pthread_mutex_unlock(&cast->lock);
    return status;
}
