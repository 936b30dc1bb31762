/* SPDX-License-Identifier: MIT
 * q.h - q connections: clients that call q processes, and servers that are one.
 *
 * A connection is an actor. It may be used from the moment it is opened: what is asked
 * before the login is answered waits in it. Calls are sent at once, in order, without
 * waiting for the answers of earlier ones; each answer is a future of its own. */
#ifndef TROUPE_Q_H
#define TROUPE_Q_H

#include <troupe/embedq.h>
#include <troupe/future.h>
#include <troupe/q_value.h>
#include <troupe/system.h>
#include <troupe/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of messages to and from connections. Their values are owned troupe_q_values; take
 * them with troupe_q_take. TROUPE_KIND_Q_VALUE (embedq.h) is what a call is answered. */
enum {
    TROUPE_KIND_Q_SYNC =
        TROUPE_KIND_RESERVED + 0x110, /* to a connection: call, answer me */
    TROUPE_KIND_Q_ASYNC, /* to a connection: send; asked: DONE once it is on its way */
    TROUPE_KIND_Q_PUSH,  /* from a connection: the peer sent this, async; tag: yours */
    TROUPE_KIND_Q_CLOSE, /* to a connection or server; asked: DONE once it is closed */
    TROUPE_KIND_Q_STATE, /* from a connection: body troupe_q_state; tag: yours */
    TROUPE_KIND_Q_EVENT, /* from a server: body troupe_q_event * */
    TROUPE_KIND_Q_DEFER  /* to a server's connection: a deferred answer */
};

/* ---- clients --------------------------------------------------------------------- */

typedef struct troupe_q {
    troupe_id id;
} troupe_q;

/* How long to wait before the next attempt, when the last wait was `delay`. */
typedef troupe_ns (*troupe_q_delay)(void *context, troupe_ns delay);

typedef struct troupe_q_options {
    size_t size;      /* sizeof(troupe_q_options) */
    const char *host; /* name or address; NULL: localhost; unix_domain ignores it */
    uint16_t port;    /* 1 to 65535 */
    bool unix_domain; /* the Unix socket of `port` on this machine; not with tls */
    bool tls;         /* TLS first; how: tls_options */
    const troupe_tls_options *tls_options; /* copied; NULL: as the environment says */
    const char *username;                  /* without ':'; NULL: "" */
    const char *password;                  /* NULL: "" */
    troupe_ns connect_limit; /* for name, connection, TLS and login together; 0: 10 s */
    troupe_ns send_limit;    /* output that the peer does not take for so long ends the
                                connection, TROUPE_ETIMEDOUT; 0: none */
    int32_t reconnection_attempts; /* -1: a lost connection stays closed; 0: any number;
                                      N: at most N in a row */
    troupe_ns reconnection_delay;  /* before the second attempt; 0: 0.5 s */
    troupe_ns reconnection_delay_max; /* no wait is longer; 0: 30 s */
    double reconnection_jitter; /* 0 to 1: each wait is shortened by up to this part */
    troupe_q_delay reconnection_function; /* NULL: twice the last wait */
    void *reconnection_context;
    troupe_ns close_limit;  /* closing waits this long for answers; 0: 5 s */
    uint32_t pending_limit; /* calls without answer, waiting ones included; 0: 65536 */
    size_t output_limit; /* bytes waiting to be written, then TROUPE_EBUSY; 0: 64 MiB */
    uint64_t message_limit; /* bytes of one message, also once decompressed; 0: 4 GiB */
    bool small_messages;    /* log in with capability 3 instead of 6 */
    bool compress;          /* large messages to peers that are not on this machine */
    troupe_id handler;      /* gets TROUPE_KIND_Q_PUSH; nobody: pushes are dropped */
    troupe_id watcher;      /* gets TROUPE_KIND_Q_STATE; nobody: nobody */
    uint64_t tag;           /* of what handler and watcher get */
} troupe_q_options;

#define TROUPE_Q_OPTIONS                                                                 \
    ((troupe_q_options){.size = sizeof(troupe_q_options), .reconnection_attempts = -1})

/* Body of TROUPE_KIND_Q_STATE: the login was accepted (TROUPE_OK), or the connection is
 * closed: TROUPE_ELOST, TROUPE_EACCESS, TROUPE_EREFUSED, TROUPE_EUNREACHABLE,
 * TROUPE_ERESOLVE, TROUPE_ETIMEDOUT, TROUPE_EPROTO, TROUPE_ELIMIT, TROUPE_ECLOSED (by
 * us). From then on calls are answered with this status. */
typedef struct troupe_q_state {
    troupe_status status;
    char text[TROUPE_FAILURE_TEXT];
} troupe_q_state;

/* Opens a connection; on a base thread it becomes a child of the actor that runs, on that
 * base. How connecting goes shows in the answers of calls and at the watcher.
 *
 * options   copied
 * out       receives the connection, to be ended by troupe_q_close (or by shutdown)
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (size, port, user name) or as troupe_spawn.
 * Thread: any. Source: bindings/q/q_open.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_open(troupe_system *sys,
                                                         const troupe_q_options *options,
                                                         troupe_q *out);

/* What a q process evaluates: a text, or a function's text or name with 1 to 8 arguments.
 *
 * text   a char vector is made of it; NUL-terminated
 * args   `count` values, references are taken; may be NULL when count is 0
 * out    receives the query, the caller's
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (more than TROUPE_Q_ARGS_MAX arguments, NULL inside)
 * or TROUPE_ENOMEM. Thread: any. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_query(const char *text, size_t count,
                                                          troupe_q_value *const *args,
                                                          troupe_q_value **out);

enum { TROUPE_Q_ARGS_MAX = 8 };

/* Calls; the answer comes to self with `tag`: TROUPE_KIND_Q_VALUE, or a failure:
 * TROUPE_EREMOTE (q's error is its text), TROUPE_ETIMEDOUT (a late answer is swallowed in
 * order), TROUPE_ELOST, TROUPE_EBUSY (limits), TROUPE_ETYPE and TROUPE_ELIMIT (the query
 * cannot be sent), or why the connection is closed.
 *
 * query     moved on TROUPE_OK: *query is cleared
 * timeout   nanoseconds, > 0, or TROUPE_NEVER
 *
 * Returns as troupe_ask.
 * Thread: base. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_call(troupe_self *self, troupe_q q,
                                                         troupe_q_value **query,
                                                         troupe_ns timeout, uint64_t tag,
                                                         troupe_future *out);

/* Sends without an answer. What cannot be sent is logged and dropped.
 *
 * Returns as troupe_tell.
 * Thread: base. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_send(troupe_self *self, troupe_q q,
                                                         troupe_q_value **query);

/* The same from foreign threads: with a future to wait on, blocking, and without answer.
 *
 * out       the answer, the caller's
 * failure   receives why not, with a text; may be NULL
 *
 * Return as troupe_post_ask, troupe_call and troupe_post.
 * Thread: any but base. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_post_call(troupe_system *sys,
                                                              troupe_q q,
                                                              troupe_q_value **query,
                                                              troupe_ns timeout,
                                                              troupe_pending **out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_wait(troupe_system *sys, troupe_q q,
                                                         troupe_q_value **query,
                                                         troupe_ns timeout,
                                                         troupe_q_value **out,
                                                         troupe_failure *failure);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_post_send(troupe_system *sys,
                                                              troupe_q q,
                                                              troupe_q_value **query);

/* Takes the value out of an answer or push.
 *
 * Returns the value, now the caller's, or NULL when the message carries none.
 * Thread: the owner's. Source: bindings/q/q_call.c */
TROUPE_API troupe_q_value *troupe_q_take(troupe_msg *msg);

/* Closes: new calls are refused with TROUPE_ECLOSED, answers that are due are waited for
 * (close_limit), then the connection actor ends. Idempotent.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM, TROUPE_EBUSY or TROUPE_ECLOSED (shutting down).
 * Thread: any. Source: bindings/q/q_open.c */
TROUPE_API troupe_status troupe_q_close(troupe_system *sys, troupe_q q);

#ifdef __cplusplus
}
#endif

#include <troupe/q_server.h>

#endif
