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

typedef struct troupe_q_options {
    size_t size;             /* sizeof(troupe_q_options) */
    const char *host;        /* name or address; NULL: localhost */
    uint16_t port;           /* 1 to 65535 */
    const char *username;    /* without ':'; NULL: "" */
    const char *password;    /* NULL: "" */
    troupe_ns connect_limit; /* for name, connection and login together; 0: 10 s */
    troupe_ns close_limit;   /* closing waits this long for answers; 0: 5 s */
    uint32_t pending_limit;  /* calls without answer, waiting ones included; 0: 65536 */
    size_t output_limit; /* bytes waiting to be written, then TROUPE_EBUSY; 0: 64 MiB */
    uint64_t message_limit; /* bytes of one message, also once decompressed; 0: 4 GiB */
    bool small_messages;    /* log in with capability 3 instead of 6 */
    bool compress;          /* large messages to peers that are not on this machine */
    troupe_id handler;      /* gets TROUPE_KIND_Q_PUSH; nobody: pushes are dropped */
    troupe_id watcher;      /* gets TROUPE_KIND_Q_STATE; nobody: nobody */
    uint64_t tag;           /* of what handler and watcher get */
} troupe_q_options;

#define TROUPE_Q_OPTIONS ((troupe_q_options){.size = sizeof(troupe_q_options)})

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

/* ---- servers --------------------------------------------------------------------- */

typedef struct troupe_q_server {
    troupe_id id;
} troupe_q_server;

typedef struct troupe_q_user {
    const char *name, *password;
} troupe_q_user;

/* Something a client did. Borrowed while a handler runs. */
typedef struct troupe_q_event {
    troupe_embedq_event event; /* never TROUPE_EMBEDQ_TIMER */
    int32_t handle;            /* what q calls .z.w */
    const char *user;
    uint32_t address;      /* IPv4, most significant byte first; 0: none */
    troupe_q_value *value; /* sent, or the password; NULL for opened and closed */
    troupe_id connection;  /* the actor: tell it Q_ASYNC to push */
    uint64_t request;      /* of a sync: names it in troupe_q_answer */
} troupe_q_event;

/* Handles an event on the connection's base, in its turn.
 *
 * answer   of a sync: the value, or an error value; NULL is `::`. Of a login: a boolean;
 *          NULL accepts. Else ignored
 *
 * Returns TROUPE_OK; TROUPE_EAGAIN: a sync will be answered by troupe_q_answer; any other
 * status answers a sync with its text as the error, and refuses a login. */
typedef troupe_status (*troupe_q_handle)(troupe_self *self, void *context,
                                         const troupe_q_event *event,
                                         troupe_q_value **answer);

/* Who handles an event: a function; or an actor, which is asked TROUPE_KIND_Q_EVENT (read
 * it with troupe_q_event_of, answer TROUPE_KIND_Q_VALUE or a failure); or, with neither,
 * the engine; and without an engine, what q does by itself: logins are accepted, messages
 * are answered 'nyi. */
typedef struct troupe_q_handler {
    troupe_q_handle function;
    void *context;
    troupe_id actor;
} troupe_q_handler;

enum { TROUPE_Q_EVENTS = TROUPE_EMBEDQ_CLOSED + 1 };

/* Where q code of an embedded engine reaches the connections of servers by handle: give
 * its `host` and itself as context to troupe_engine_embedq, and it to the servers. */
typedef struct troupe_q_hub troupe_q_hub;

typedef struct troupe_q_server_options {
    size_t size;                /* sizeof(troupe_q_server_options) */
    const char *host;           /* address to listen on; NULL: 127.0.0.1; "*": all */
    uint16_t port;              /* 0: any free one */
    const troupe_q_user *users; /* `user_count` of them, copied; none: everybody may */
    size_t user_count;
    troupe_id engine;  /* evaluates (troupe_engine_embedq), or nobody */
    troupe_q_hub *hub; /* numbers the connections; NULL: one of its own */
    troupe_q_handler handlers[TROUPE_Q_EVENTS]; /* by troupe_embedq_event */
    uint32_t clients_max;   /* connections at once, others are closed; 0: 4096 */
    uint32_t requests_max;  /* of one connection being evaluated; 0: 64 */
    troupe_ns login_limit;  /* 0: 10 s */
    troupe_ns close_limit;  /* closing waits this long for answers; 0: 5 s */
    size_t output_limit;    /* bytes a client lets wait before it is dropped; 0: 64 MiB */
    uint64_t message_limit; /* bytes of one message, also once decompressed; 0: 1 GiB */
    bool compress;          /* large messages to clients that are not on this machine */
} troupe_q_server_options;

#define TROUPE_Q_SERVER_OPTIONS                                                          \
    ((troupe_q_server_options){.size = sizeof(troupe_q_server_options)})

/* Listens and serves; it listens when this returns. On a base thread the server becomes a
 * child of the actor that runs.
 *
 * options   copied; the hub is shared
 * out       receives the server, to be ended by troupe_q_server_close (or by shutdown)
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ERESOLVE, TROUPE_EINUSE, TROUPE_EACCESS (not
 * allowed to listen there), TROUPE_EUNSUPPORTED (simulated) or as troupe_spawn.
 * Thread: any. Source: bindings/q/q_open.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_serve(troupe_system *sys, const troupe_q_server_options *options,
               troupe_q_server *out, uint16_t *port);

/* Stops listening, then closes every connection after the answers that are due.
 *
 * Returns as troupe_q_close.
 * Thread: any. Source: bindings/q/q_open.c */
TROUPE_API troupe_status troupe_q_server_close(troupe_system *sys,
                                               troupe_q_server server);

/* Answers a sync that a handler deferred. Answers go out in the order of the requests.
 *
 * connection, request   from the event
 * value                 moved on TROUPE_OK; an error value is an error
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or as troupe_tell.
 * Thread: base. Source: bindings/q/q_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_answer(troupe_self *self,
                                                           troupe_id connection,
                                                           uint64_t request,
                                                           troupe_q_value **value);

/* The event in a TROUPE_KIND_Q_EVENT message; lives as long as the message.
 * Thread: the owner's. Source: transports/q/q_serving.c */
TROUPE_API const troupe_q_event *troupe_q_event_of(const troupe_msg *msg);

/* Makes a hub, which must outlive the servers and the engine that use it.
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: transports/q/q_hub.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_hub_new(troupe_system *sys,
                                                            troupe_q_hub **out);
TROUPE_API void troupe_q_hub_free(troupe_q_hub **hub);

/* The functions through which an embedded q sends to, closes and answers handles; their
 * context is the hub. Copy them to add your own.
 * Thread: any. Source: transports/q/q_hub.c */
TROUPE_API const troupe_embedq_host *troupe_q_hub_host(const troupe_q_hub *hub);

#ifdef __cplusplus
}
#endif

#endif
