/* SPDX-License-Identifier: MIT
 * message.h - ids, messages that move, and blobs that are shared.
 *
 * A message has one owner. A function that takes `troupe_msg **` and succeeds has
 * taken the message and cleared the pointer; a function that fails has left both
 * alone. */
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names one actor for ever: base, slot and spawn number. An id that outlived its actor
 * is answered with TROUPE_EGONE and never reaches the slot's next tenant. */
typedef struct troupe_id {
    uint64_t bits;
} troupe_id;

#define TROUPE_NOBODY ((troupe_id){0})

static inline bool troupe_id_equal(troupe_id a, troupe_id b)
{
    return a.bits == b.bits;
}

static inline bool troupe_id_is_nobody(troupe_id id)
{
    return id.bits == 0;
}

/* What a message is. Values from TROUPE_KIND_USER on belong to the application. */
typedef uint32_t troupe_kind;

/* Kinds the runtime itself sends. */
#define TROUPE_KIND_MAP(X)                                                               \
    X(NONE, 0, "none")                                                                   \
    X(FAILURE, 1, "failure")     /* body: troupe_failure; the answer is an error */      \
    X(DOWN, 2, "down")           /* body: troupe_down; a watched actor ended */          \
    X(EXIT, 3, "exit")           /* body: troupe_down; a linked actor ended */           \
    X(STOP, 4, "stop")           /* told only to behaviours with TROUPE_TRAP_STOP */     \
    X(TIMER, 5, "timer")         /* a timer set without a kind of its own */             \
    X(ROOM, 6, "room")           /* a full mailbox has room again; from: whose */        \
    X(RESULTS, 7, "results")     /* what `all` answers, see future.h */                  \
    X(SUBSCRIBE, 8, "subscribe") /* to a producer, see subscription.h */                 \
    X(CREDIT, 9, "credit")       /* to a producer: tag says how many more */             \
    X(UNSUBSCRIBE, 10, "unsubscribe")                                                    \
    X(END, 11, "end")                 /* to a consumer: the subscription is over */      \
    X(GAP, 12, "gap")                 /* to a subscriber: tag says how many were lost */ \
    X(DEAD_LETTER, 13, "dead_letter") /* body: troupe_dead_letter */                     \
    X(DONE, 14, "done")               /* an answer that carries nothing */

enum {
#define X(name, value, text) TROUPE_KIND_##name = (value),
    TROUPE_KIND_MAP(X)
#undef X
        TROUPE_KIND_RESERVED = 0x800, /* up to USER: transports, bindings and engines */
    TROUPE_KIND_USER = 0x1000
};

/* Gives a kind a name for logs and traces.
 *
 * kind   TROUPE_KIND_RESERVED or above
 * name   1 to 31 bytes, copied
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM, TROUPE_ELIMIT (TROUPE_KINDS_MAX names)
 * or TROUPE_EEXIST when the kind has another name already.
 * Thread: any. Source: mailbox/kinds.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_kind_register(troupe_kind kind,
                                                                const char *name);

/* The name of a kind, or "?" when it has none. The string lives for ever.
 * Thread: any. Source: mailbox/kinds.c */
TROUPE_API const char *troupe_kind_name(troupe_kind kind);

enum { TROUPE_KINDS_MAX = 4096 };

typedef struct troupe_msg troupe_msg;
typedef struct troupe_blob troupe_blob;

/* The largest inline body, in bytes; larger things travel owned or as a blob. */
#define TROUPE_BODY_MAX ((size_t)16 << 20)

/* The longest text of a failure, in bytes with its NUL. */
enum { TROUPE_FAILURE_TEXT = 256 };

/* Body of TROUPE_KIND_FAILURE. */
typedef struct troupe_failure {
    troupe_status status;
    int32_t system;   /* errno, or 0 */
    troupe_id origin; /* who failed, or nobody */
    char text[TROUPE_FAILURE_TEXT];
} troupe_failure;

/* Body of TROUPE_KIND_DOWN and TROUPE_KIND_EXIT. */
typedef struct troupe_down {
    troupe_id id;
    troupe_status reason; /* TROUPE_OK after a normal end */
} troupe_down;

/* Makes a message whose body lies inside it.
 *
 * size   bytes of body, 0 to TROUPE_BODY_MAX; the body is not initialised
 * out    receives the message, owned by the caller
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (size) or TROUPE_ENOMEM.
 * Thread: any. Source: mailbox/message.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_msg_new(troupe_kind kind, size_t size,
                                                          troupe_msg **out);

/* Makes a message that owns `body` and ends it with `drop` unless somebody takes it.
 *
 * body   what to carry; on failure it stays the caller's
 * size   bytes, for accounting and traces; any value
 * drop   called once, on whichever thread frees the message; NULL: nothing to do
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: mailbox/message.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_msg_new_owned(troupe_kind kind,
                                                                void *body, size_t size,
                                                                void (*drop)(void *body),
                                                                troupe_msg **out);

/* Makes a message that shares a blob; takes a reference of its own.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: mailbox/message.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_msg_new_blob(troupe_kind kind,
                                                               troupe_blob *blob,
                                                               troupe_msg **out);

/* Makes a failure message.
 *
 * format, ...   a sentence for people, cut to TROUPE_FAILURE_TEXT; never a secret
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (status is TROUPE_OK) or TROUPE_ENOMEM.
 * Thread: any. Source: mailbox/failure.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_msg_new_failure(troupe_status status,
                                                                  troupe_id origin,
                                                                  troupe_msg **out,
                                                                  const char *format, ...)
    TROUPE_PRINTF(4, 5);

/* Puts "context: " before the text of a failure, on its way up.
 *
 * Does nothing to a message that is not a failure.
 * Thread: any. Source: mailbox/failure.c */
TROUPE_API void troupe_msg_add_context(troupe_msg *msg, const char *context);

/* Ends a message and clears the pointer; NULL inside is allowed.
 * Thread: any. Source: mailbox/message.c */
TROUPE_API void troupe_msg_free(troupe_msg **msg);

/* Read access. The body of a message is its inline bytes, what it owns, or the blob's
 * bytes (which must not be written).
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API troupe_kind troupe_msg_kind(const troupe_msg *msg);
TROUPE_API uint64_t troupe_msg_tag(const troupe_msg *msg);
TROUPE_API troupe_id troupe_msg_from(const troupe_msg *msg);
TROUPE_API size_t troupe_msg_size(const troupe_msg *msg);
TROUPE_API void *troupe_msg_body(const troupe_msg *msg);

/* Whether the sender waits for an answer (troupe_reply to it exactly once).
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API bool troupe_msg_wants_answer(const troupe_msg *msg);

/* Whether this is an answer (or failure) that a future brought; its tag is the asker's.
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API bool troupe_msg_is_answer(const troupe_msg *msg);

/* TROUPE_OK, or the status inside a failure message.
 * Thread: the owner's. Source: mailbox/failure.c */
TROUPE_API troupe_status troupe_msg_status(const troupe_msg *msg);

/* The failure inside, or NULL when the message is not one.
 * Thread: the owner's. Source: mailbox/failure.c */
TROUPE_API const troupe_failure *troupe_msg_failure(const troupe_msg *msg);

/* Write access before sending.
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API void troupe_msg_set_tag(troupe_msg *msg, uint64_t tag);
TROUPE_API void troupe_msg_set_kind(troupe_msg *msg, troupe_kind kind);

/* Makes a request jump the queue: it runs before all ordinary ones, after earlier urgent
 * ones. Set it before sending to an engine actor; other actors ignore it.
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API void troupe_msg_set_urgent(troupe_msg *msg, bool urgent);

/* Takes what an owned message carries; the message stays, empty, and will not drop it.
 *
 * Returns the body, now the caller's, or NULL when the message owns nothing.
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API void *troupe_msg_take(troupe_msg *msg);

/* Immutable bytes counted by reference, for fan-out without copying.
 *
 * bytes  copied; may be NULL when size is 0
 * out    receives the blob with one reference
 *
 * Returns TROUPE_OK, TROUPE_EINVAL or TROUPE_ENOMEM.
 * Thread: any. Source: mailbox/blob.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_blob_new(const void *bytes, size_t size,
                                                           troupe_blob **out);

/* The same without copying: `bytes` is kept and ended by `drop(context)`.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM (`bytes` is still the caller's).
 * Thread: any. Source: mailbox/blob.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_blob_wrap(const void *bytes,
                                                            size_t size,
                                                            void (*drop)(void *context),
                                                            void *context,
                                                            troupe_blob **out);

/* Adds a reference and returns the blob.
 * Thread: any. Source: mailbox/blob.c */
TROUPE_API troupe_blob *troupe_blob_ref(troupe_blob *blob);

/* Gives one reference back and clears the pointer; NULL inside is allowed.
 * Thread: any. Source: mailbox/blob.c */
TROUPE_API void troupe_blob_unref(troupe_blob **blob);

/* The bytes and how many.
 * Thread: any. Source: mailbox/blob.c */
TROUPE_API const uint8_t *troupe_blob_bytes(const troupe_blob *blob);
TROUPE_API size_t troupe_blob_size(const troupe_blob *blob);

/* The blob a message shares, borrowed, or NULL.
 * Thread: the owner's. Source: mailbox/message.c */
TROUPE_API troupe_blob *troupe_msg_blob(const troupe_msg *msg);

#ifdef __cplusplus
}
#endif

#endif
