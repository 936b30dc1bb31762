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
    TROUPE_KIND_Q_ASYNC,    /* to a connection: send; asked: DONE once it is on its way */
    TROUPE_KIND_Q_PUSH,     /* from a connection: the peer sent this, async; tag: yours */
    TROUPE_KIND_Q_CLOSE,    /* to a connection or server; asked: DONE once it is closed */
    TROUPE_KIND_Q_STATE,    /* from a connection: body troupe_q_state; tag: yours */
    TROUPE_KIND_Q_EVENT,    /* from a server: body troupe_q_event * */
    TROUPE_KIND_Q_DEFER,    /* to a server's connection: a deferred answer */
    TROUPE_KIND_Q_AGAIN,    /* to a connection: as SYNC, and sent again after a loss */
    TROUPE_KIND_Q_RESPONSE, /* to and from a raw connection: a response */
    TROUPE_KIND_Q_BYTES,    /* to and from a connection: a blob, one whole message */
    TROUPE_KIND_Q_INFO      /* to a connection, asked: answered with troupe_q_info */
};

/* ---- clients --------------------------------------------------------------------- */

typedef struct troupe_q {
    troupe_id id;
} troupe_q;

/* How long to wait before the next attempt, when the last wait was `delay`. */
typedef troupe_ns (*troupe_q_delay)(void *context, troupe_ns delay);

/* Which of the Unix sockets of a port a client tries. */
typedef enum troupe_q_unix_form {
    TROUPE_Q_UNIX_FORM_ANY,    /* all, in this order */
    TROUPE_Q_UNIX_FORM_EXACT,  /* abstract, the name alone */
    TROUPE_Q_UNIX_FORM_PADDED, /* abstract, the name filled up with NULs */
    TROUPE_Q_UNIX_FORM_FILE
} troupe_q_unix_form;

typedef struct troupe_q_options {
    size_t size;      /* sizeof(troupe_q_options) */
    const char *host; /* name or address; NULL: localhost; unix_domain ignores it */
    uint16_t port;    /* 1 to 65535 */
    bool unix_domain; /* the Unix socket of `port` on this machine; not with tls */
    troupe_q_unix_form unix_form;          /* of unix_domain */
    bool tls;                              /* TLS first; how: tls_options */
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
    uint64_t message_limit; /* bytes of one message, also once decompressed; 0: 4 GiB, at
                               most 64 GiB */
    bool small_messages;    /* log in with capability 3 instead of 6 */
    bool compress;          /* large messages to peers that are not on this machine */
    bool raw;               /* see below */
    bool raw_any;           /* see below; raw as well */
    bool raw_bytes;         /* see below */
    troupe_id handler;      /* gets TROUPE_KIND_Q_PUSH; nobody: pushes are dropped */
    troupe_id watcher;      /* gets TROUPE_KIND_Q_STATE; nobody: nobody */
    uint64_t tag;           /* of what handler and watcher get */
} troupe_q_options;

#define TROUPE_Q_OPTIONS                                                                 \
    ((troupe_q_options){.size = sizeof(troupe_q_options), .reconnection_attempts = -1})

/* How a lost connection is made again. All calls that were sent and not answered are
 * answered TROUPE_ELOST, those of TROUPE_KIND_Q_AGAIN excepted. The first attempt is made
 * at once, each later one after a wait; a connection that is lost again before any
 * message came over it, or sooner than reconnection_delay, counts as a failed attempt.
 * What is asked meanwhile waits, within pending_limit and its own time limit. When the
 * attempts are used up, what waits is answered with the last reason, and the next request
 * starts over. The first connection of all is attempted once.
 *
 * Raw connections, for forwarding and for reading messages one by one:
 *
 * raw         what is no answer goes to the handler instead of being refused: queries as
 *             TROUPE_KIND_Q_SYNC, responses nobody asked for as TROUPE_KIND_Q_RESPONSE;
 *             a told TROUPE_KIND_Q_RESPONSE is sent to the peer
 * raw_any     a message of any type answers the oldest request that waits, also one of
 *             TROUPE_KIND_Q_ASYNC that was asked
 * raw_bytes   messages are not decoded: answers, and what the handler gets, come as
 *             TROUPE_KIND_Q_BYTES, errors among them */

typedef enum troupe_q_phase {
    TROUPE_Q_CONNECTING, /* for the first time, or again; TLS and login included */
    TROUPE_Q_READY,
    TROUPE_Q_WAITING, /* for the next attempt */
    TROUPE_Q_DOWN,    /* attempts are used up; the next request starts over */
    TROUPE_Q_CLOSING, /* for the answers that are due */
    TROUPE_Q_CLOSED
} troupe_q_phase;

/* Body of TROUPE_KIND_Q_STATE, told when a login was accepted (READY), a connection was
 * lost (WAITING, attempt 0 and next 0 when it is tried at once), an attempt failed
 * (WAITING), the attempts are used up (DOWN), and at the end (CLOSED). */
typedef struct troupe_q_state {
    troupe_status status; /* TROUPE_OK: ready; else why not: TROUPE_ELOST,
                             TROUPE_EACCESS, TROUPE_EREFUSED, TROUPE_EUNREACHABLE,
                             TROUPE_ERESOLVE, TROUPE_ETIMEDOUT, TROUPE_ETLS,
                             TROUPE_EPROTO, TROUPE_ELIMIT, TROUPE_ECLOSED (by us) */
    troupe_q_phase phase;
    uint32_t attempt; /* how many have failed in a row */
    troupe_ns next;   /* nanoseconds until the next */
    char text[TROUPE_FAILURE_TEXT];
} troupe_q_state;

enum { TROUPE_Q_HOST_MAX = 255 };

/* A connection as it is now. */
typedef struct troupe_q_info {
    troupe_q_phase phase;
    troupe_status why;  /* not READY: the last reason */
    uint8_t capability; /* what both sides know; 0 before the login */
    bool local;         /* the peer is on this machine */
    bool tls, unix_domain;
    uint16_t port;
    char host[TROUPE_Q_HOST_MAX + 1]; /* as given */
    char address[80];                 /* of the peer; "" when there is none */
    uint32_t sent;                    /* calls that were sent and are not answered */
    uint32_t held;                    /* requests that wait for a connection */
    uint64_t output;                  /* bytes waiting to be written */
    uint64_t logins;                  /* that were accepted so far */
    uint32_t attempt;                 /* failed in a row */
} troupe_q_info;

/* What is wrong with options, troupe_q_open's judgement, in words.
 *
 * text   receives the reason, cut to `size` bytes with its NUL; "" when all is well;
 *        may be NULL when size is 0
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, or of the files of tls_options, which are read:
 * TROUPE_ENOENT, TROUPE_ETLS, TROUPE_ENOMEM.
 * Thread: any. Source: bindings/q/q_open.c */
TROUPE_API troupe_status troupe_q_check(const troupe_q_options *options, char *text,
                                        size_t size);

/* Opens a connection; on a base thread it becomes a child of the actor that runs, on that
 * base. How connecting goes shows in the answers of calls and at the watcher.
 *
 * options   copied
 * out       receives the connection, to be ended by troupe_q_close (or by shutdown)
 *
 * Returns TROUPE_OK, as troupe_q_check, or as troupe_spawn.
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

/* How a call is made. */
typedef struct troupe_q_call_options {
    size_t size;       /* sizeof(troupe_q_call_options) */
    troupe_ns timeout; /* nanoseconds, > 0, or TROUPE_NEVER */
    uint64_t tag;      /* of the answer; not for troupe_q_post_call_with */
    bool again;        /* the query may run twice: when the connection is lost it is sent
                          again, once on each new one, until it is answered or given up */
} troupe_q_call_options;

#define TROUPE_Q_CALL_OPTIONS                                                            \
    ((troupe_q_call_options){.size = sizeof(troupe_q_call_options),                      \
                             .timeout = TROUPE_NEVER})

/* Calls as the options say.
 *
 * Return as troupe_q_call and troupe_q_post_call.
 * Thread: base; any but base. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_call_with(troupe_self *self, troupe_q q, troupe_q_value **query,
                   const troupe_q_call_options *options, troupe_future *out);
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_post_call_with(troupe_system *sys, troupe_q q, troupe_q_value **query,
                        const troupe_q_call_options *options, troupe_pending **out);

/* Asks how a connection is; the answer's body is a troupe_q_info. And the same, waiting,
 * from foreign threads.
 *
 * Return as troupe_ask and troupe_call.
 * Thread: base; any but base. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_ask_info(
    troupe_self *self, troupe_q q, troupe_ns timeout, uint64_t tag, troupe_future *out);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_wait_info(troupe_system *sys,
                                                              troupe_q q,
                                                              troupe_ns timeout,
                                                              troupe_q_info *out);

/* The type of the message that came: of a TROUPE_KIND_Q_PUSH 0, of a TROUPE_KIND_Q_SYNC
 * 1, of a TROUPE_KIND_Q_RESPONSE 2, of a TROUPE_KIND_Q_BYTES what it says; else -1.
 * Thread: the owner's. Source: bindings/q/q_call.c */
TROUPE_API int troupe_q_message_type(const troupe_msg *msg);

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
