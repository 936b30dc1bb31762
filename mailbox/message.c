/* SPDX-License-Identifier: MIT
 * message.c - making, reading and ending messages. */
#include "mailbox/message.h"

#include <string.h>

static troupe_msg *large(troupe_kind kind, size_t size)
{
    troupe_msg *msg = trp_alloc(TRP_MSG_HEADER + size);

    if (msg != NULL) {
        memset(msg, 0, TRP_MSG_HEADER);
        msg->kind = kind;
        msg->size = (uint32_t)size;
        msg->class = TRP_POOL_NONE;
    }
    return msg;
}

troupe_status troupe_msg_new(troupe_kind kind, size_t size, troupe_msg **out)
{
    if (size <= 1024 - TRP_MSG_HEADER) {
        return trp_msg_new(kind, size, out);
    }
    if (size > TROUPE_BODY_MAX) {
        return TROUPE_EINVAL;
    }
    troupe_msg *msg = large(kind, size);
    if (msg == NULL) {
        return TROUPE_ENOMEM;
    }
    *out = msg;
    return TROUPE_OK;
}

troupe_status troupe_msg_new_owned(troupe_kind kind, void *body, size_t size,
                                   void (*drop)(void *body), troupe_msg **out)
{
    troupe_msg *msg = NULL;
    troupe_status status = trp_msg_new(kind, sizeof(struct trp_owned), &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_owned owned = {.body = body, .drop = drop, .size = size};
    memcpy(msg->body, &owned, sizeof(owned));
    msg->size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    msg->flags = TRP_MSG_OWNED;
    *out = msg;
    return TROUPE_OK;
}

troupe_status troupe_msg_new_blob(troupe_kind kind, troupe_blob *blob, troupe_msg **out)
{
    troupe_msg *msg = NULL;
    troupe_status status = trp_msg_new(kind, sizeof(troupe_blob *), &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    size_t size = troupe_blob_size(blob);
    (void)troupe_blob_ref(blob);
    memcpy(msg->body, &blob, sizeof(blob));
    msg->size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    msg->flags = TRP_MSG_BLOB;
    *out = msg;
    return TROUPE_OK;
}

static struct trp_owned owned_of(const troupe_msg *msg)
{
    struct trp_owned owned;

    memcpy(&owned, msg->body, sizeof(owned));
    return owned;
}

troupe_blob *troupe_msg_blob(const troupe_msg *msg)
{
    troupe_blob *blob = NULL;

    if ((msg->flags & TRP_MSG_BLOB) != 0) {
        memcpy(&blob, msg->body, sizeof(blob));
    }
    return blob;
}

void trp_msg_end(troupe_msg *msg)
{
    if ((msg->flags & TRP_MSG_OWNED) != 0) {
        struct trp_owned owned = owned_of(msg);
        if (owned.drop != NULL && owned.body != NULL) {
            owned.drop(owned.body);
        }
    } else if ((msg->flags & TRP_MSG_BLOB) != 0) {
        troupe_blob *blob = troupe_msg_blob(msg);
        troupe_blob_unref(&blob);
    }
    if (msg->class == TRP_POOL_NONE) {
        trp_free(msg);
    } else {
        trp_pool_put(msg, msg->class, msg->home);
    }
}

void troupe_msg_free(troupe_msg **msg)
{
    if (*msg != NULL) {
        trp_msg_drop(*msg);
        *msg = NULL;
    }
}

troupe_kind troupe_msg_kind(const troupe_msg *msg)
{
    return msg->kind;
}

uint64_t troupe_msg_tag(const troupe_msg *msg)
{
    return msg->tag;
}

troupe_id troupe_msg_from(const troupe_msg *msg)
{
    return msg->from;
}

size_t troupe_msg_size(const troupe_msg *msg)
{
    if ((msg->flags & TRP_MSG_OWNED) != 0) {
        return owned_of(msg).size;
    }
    return (msg->flags & TRP_MSG_BLOB) != 0 ? troupe_blob_size(troupe_msg_blob(msg))
                                            : msg->size;
}

/* Apart, so that reading an inline body needs no stack frame. */
static __attribute__((noinline)) void *body_elsewhere(const troupe_msg *msg)
{
    if ((msg->flags & TRP_MSG_OWNED) != 0) {
        return owned_of(msg).body;
    }
    return (void *)(uintptr_t)troupe_blob_bytes(troupe_msg_blob(msg));
}

void *troupe_msg_body(const troupe_msg *msg)
{
    return TRP_LIKELY((msg->flags & (TRP_MSG_OWNED | TRP_MSG_BLOB)) == 0)
               ? (void *)(uintptr_t)msg->body
               : body_elsewhere(msg);
}

bool troupe_msg_wants_answer(const troupe_msg *msg)
{
    return (msg->flags & TRP_MSG_ASK) != 0;
}

bool troupe_msg_is_answer(const troupe_msg *msg)
{
    return (msg->flags & TRP_MSG_ANSWER) != 0;
}

void troupe_msg_set_tag(troupe_msg *msg, uint64_t tag)
{
    msg->tag = tag;
}

void troupe_msg_set_kind(troupe_msg *msg, troupe_kind kind)
{
    msg->kind = kind;
}

void troupe_msg_set_urgent(troupe_msg *msg, bool urgent)
{
    msg->flags =
        (uint8_t)(urgent ? msg->flags | TRP_MSG_URGENT : msg->flags & ~TRP_MSG_URGENT);
}

void *troupe_msg_take(troupe_msg *msg)
{
    if ((msg->flags & TRP_MSG_OWNED) == 0) {
        return NULL;
    }
    void *body = owned_of(msg).body;
    struct trp_owned none = {0};
    memcpy(msg->body, &none, sizeof(none));
    return body;
}
