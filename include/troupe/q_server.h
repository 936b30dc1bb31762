/* SPDX-License-Identifier: MIT
 * q_server.h - being a q process: who may come in, who answers, and how much of it.
 * Included by q.h. */
#ifndef TROUPE_Q_SERVER_H
#define TROUPE_Q_SERVER_H

#include <troupe/q.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_q_server {
    troupe_id id;
} troupe_q_server;

typedef struct troupe_q_user {
    const char *name, *password;
} troupe_q_user;

/* Users with salted hashes of their passwords (argon2id), from a file: a line each,
 * `name:hash`; blank lines and those that begin with # are skipped. */
typedef struct troupe_q_users troupe_q_users;

/* Reads such a file, of up to 16 MiB and 65536 users.
 *
 * out       receives the users; servers take references of their own
 * failure   receives what is wrong, with the number of the line; may be NULL
 *
 * Returns TROUPE_OK, TROUPE_ENOENT, TROUPE_ESYSTEM (not readable), TROUPE_EINVAL (a
 * line), TROUPE_ELIMIT or TROUPE_ENOMEM.
 * Thread: any; reads a file. Source: transports/q/q_users.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_users_load(const char *path,
                                                               troupe_q_users **out,
                                                               troupe_failure *failure);

/* Gives the reference back and clears the pointer; NULL inside is allowed.
 * Thread: any. Source: transports/q/q_users.c */
TROUPE_API void troupe_q_users_free(troupe_q_users **users);

/* How many there are. Thread: any. Source: transports/q/q_users.c */
TROUPE_API size_t troupe_q_users_count(const troupe_q_users *users);

/* Sets a user's password in such a file, which is replaced as a whole and readable by its
 * owner only; servers see it when they load it again.
 *
 * name       1 to 255 bytes without `:` and line ends, not beginning with #
 * password   NULL: the user is taken out
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (the name), TROUPE_ENOENT (no such user to take out),
 * TROUPE_ESYSTEM (not writable), TROUPE_ELIMIT or TROUPE_ENOMEM.
 * Thread: any but base; takes as long as a hash does. Source: transports/q/q_users.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_users_set(const char *path,
                                                              const char *name,
                                                              const char *password);

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

/* A message of a client as it came: header and body, in one piece, perhaps compressed.
 * Its header is valid; nobody has looked at the rest. Borrowed while the handler runs:
 * keep the blob with troupe_blob_ref. */
typedef struct troupe_q_raw {
    troupe_blob *message;
    troupe_embedq_event event; /* TROUPE_EMBEDQ_SYNC or TROUPE_EMBEDQ_ASYNC */
    int32_t handle;
    const char *user;
    uint32_t address;
    troupe_id connection;
    uint64_t request; /* of a sync: names it in troupe_q_answer */
} troupe_q_raw;

/* Handles a message without decoding it, on the connection's base, in its turn: to
 * forward it with troupe_q_forward, to look at it with troupe_q_message_value.
 *
 * Returns TROUPE_OK: done, a sync is answered `::`; TROUPE_EAGAIN: a sync will be
 * answered by troupe_q_answer; TROUPE_EUNSUPPORTED: it is decoded and goes to the handler
 * of its event; any other status answers a sync with its text, and is logged for an
 * async. */
typedef troupe_status (*troupe_q_handle_raw)(troupe_self *self, void *context,
                                             const troupe_q_raw *raw);

/* Where q code of an embedded engine reaches the connections of servers by handle: give
 * its `host` and itself as context to troupe_engine_embedq, and it to the servers. */
typedef struct troupe_q_hub troupe_q_hub;

/* Whether the Unix sockets of a port are listened to as well: DIR/kx.PORT in both
 * abstract forms and as a file, DIR being $QUDSPATH, or the system's temporary folder
 * without it. With an empty $QUDSPATH there are none. */
typedef enum troupe_q_unix {
    TROUPE_Q_UNIX_NONE,
    TROUPE_Q_UNIX_TRY, /* those that are free; a line in the log for each that is not */
    TROUPE_Q_UNIX_ALL  /* all, or the server is not made */
} troupe_q_unix;

/* What a connection may speak; told apart by its first byte, on one port. */
typedef enum troupe_q_tls {
    TROUPE_Q_TLS_OFF,
    TROUPE_Q_TLS_BOTH, /* TLS, and plain */
    TROUPE_Q_TLS_ONLY
} troupe_q_tls;

typedef struct troupe_q_server_options {
    size_t size;      /* sizeof(troupe_q_server_options) */
    const char *host; /* address to listen on; NULL: 127.0.0.1; "*": all */
    uint16_t port;    /* 0: any free one */
    troupe_q_unix unix_domain;
    troupe_q_tls tls_mode;
    const troupe_tls_options *tls_options; /* copied; NULL: as the environment says */
    const troupe_q_user *users; /* `user_count` of them, copied; none: everybody may, */
    size_t user_count;          /* unless there are accounts */
    troupe_q_users *accounts;   /* who else may; their passwords are looked at on threads
                                   of their own. NULL: nobody */
    troupe_id engine;           /* evaluates (troupe_engine_embedq), or nobody */
    troupe_q_hub *hub;          /* numbers the connections; NULL: one of its own */
    troupe_q_handler handlers[TROUPE_Q_EVENTS]; /* by troupe_embedq_event */
    troupe_q_handle_raw raw; /* sees messages before the handlers; NULL: nobody does */
    void *raw_context;
    uint32_t clients_max;   /* connections at once, others are closed; 0: 4096 */
    uint32_t requests_max;  /* of one connection being evaluated; 0: 64 */
    troupe_ns login_limit;  /* 0: 10 s */
    troupe_ns close_limit;  /* closing waits this long for answers; 0: 5 s */
    troupe_ns idle_limit;   /* a client without traffic either way and without a request
                               being evaluated is closed (conn_gc_time); 0: never */
    troupe_ns send_limit;   /* a client that takes nothing of what waits for it is dropped
                               after this to twice this; 0: never */
    size_t output_limit;    /* bytes a client lets wait before it is dropped; 0: 64 MiB */
    uint64_t message_limit; /* bytes of one message, also once decompressed; 0: 1 GiB, at
                               most 64 GiB */
    uint64_t memory_limit;  /* bytes that live for all clients together: input, values
                               being  evaluated, answers and pushes not taken; what was
                               broadcast does not count. Who comes to hold more while
                               they do, and more than the limit divided by the clients, is
                               closed. 0: 4 GiB, or four times message_limit if more */
    bool compress;          /* large messages to clients that are not on this machine */
    troupe_failure *failure; /* receives why a server is not made; may be NULL */
} troupe_q_server_options;

#define TROUPE_Q_SERVER_OPTIONS                                                          \
    ((troupe_q_server_options){.size = sizeof(troupe_q_server_options)})

/* Listens and serves; it listens when this returns. On a base thread the server becomes a
 * child of the actor that runs.
 *
 * options   copied; the hub is shared
 * out       receives the server, to be ended by troupe_q_server_close (or by shutdown)
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOENT and TROUPE_ETLS (of TLS),
 * TROUPE_ERESOLVE, TROUPE_EINUSE, TROUPE_EACCESS (not allowed to listen there),
 * TROUPE_EUNSUPPORTED (simulated) or as troupe_spawn. Thread: any. Source:
 * bindings/q/q_open.c */
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

/* How a broadcast went; its tag is yours. */
enum { TROUPE_KIND_Q_SENT = TROUPE_KIND_RESERVED + 0x130 /* body: troupe_q_sent */ };

/* Body of TROUPE_KIND_Q_SENT. */
typedef struct troupe_q_sent {
    size_t count, sent;       /* connections, and those whose status is TROUPE_OK */
    troupe_status statuses[]; /* in their order: TROUPE_OK: on its way to the client;
                                 TROUPE_EGONE: the connection has ended; TROUPE_EBUSY: its
                                 mailbox or its client's output is full (that client is
                                 dropped); TROUPE_ETYPE, TROUPE_ELIMIT: the client cannot
                                 take it; TROUPE_ENOMEM */
} troupe_q_sent;

enum { TROUPE_Q_BROADCAST_MAX = 1 << 20 /* connections of one broadcast */ };

/* Sends a value to many connections of servers, async. It is encoded once for all that
 * have the same capability, and its bytes are shared; each connection gets it in order
 * with all else that self tells it.
 *
 * connections   `count` of them, from events; copied
 * value         borrowed
 * watcher       is told TROUPE_KIND_Q_SENT with `tag` when the last has it or cannot;
 *               nobody: nobody is
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (count) or TROUPE_ENOMEM (some may have it: see the
 * report, which comes anyway unless there was no memory for it).
 * Thread: base. Source: bindings/q/q_cast_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_broadcast(troupe_self *self, const troupe_id *connections, size_t count,
                   troupe_q_value *value, troupe_id watcher, uint64_t tag);

/* The same with a message as it came, which is not decoded; a sync goes on as an async.
 * For clients that do not know guids, or lengths that it has, it is decoded and encoded
 * again.
 *
 * Returns as troupe_q_broadcast, and TROUPE_EPROTO or TROUPE_ELIMIT (no valid header).
 * Thread: base. Source: bindings/q/q_cast_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_forward(troupe_self *self, const troupe_id *connections, size_t count,
                 troupe_blob *message, troupe_id watcher, uint64_t tag);

/* Decodes such a message; large vectors point into it.
 *
 * limit     bytes it may have once decompressed; 0: 1 GiB
 * out       receives the value, the caller's
 * failure   receives what is wrong with it; may be NULL
 *
 * Returns TROUPE_OK, TROUPE_EPROTO, TROUPE_ETRUNCATED, TROUPE_ELIMIT or TROUPE_ENOMEM.
 * Thread: any. Source: bindings/q/q_cast_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_message_value(
    troupe_blob *message, uint64_t limit, troupe_q_value **out, troupe_failure *failure);

/* The event in a TROUPE_KIND_Q_EVENT message; lives as long as the message.
 * Thread: the owner's. Source: transports/q/q_serving.c */
TROUPE_API const troupe_q_event *troupe_q_event_of(const troupe_msg *msg);

/* Makes a hub, which must outlive the servers and the engine that use it. With it comes
 * an actor that opens connections for q code; on a base thread it is a child of the actor
 * that runs.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM, or as troupe_spawn.
 * Thread: any. Source: bindings/q/q_open.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_hub_new(troupe_system *sys,
                                                            troupe_q_hub **out);
TROUPE_API void troupe_q_hub_free(troupe_q_hub **hub);

/* What q code's \p does: serves on a port as the program would, troupe_q_serve with its
 * options. Called on a base.
 *
 * host   address, or NULL: the program's choice; lent
 * out    receives the server
 *
 * Returns as troupe_q_serve. */
typedef troupe_status (*troupe_q_listen)(void *context, const char *host, uint16_t port,
                                         troupe_q_server *out);

/* Lets q code change the port (before an engine uses the hub). The server that listened
 * stops to; its clients stay.
 * Thread: any. Source: transports/q/q_hub.c */
TROUPE_API void troupe_q_hub_on_listen(troupe_q_hub *hub, troupe_q_listen listen,
                                       void *context);

/* The functions through which an embedded q opens, calls, sends to, closes and answers
 * handles, and sets its timer and port; their context is the hub. Copy them to add your
 * own. On an engine's thread they block it, until the engine's call is interrupted.
 * Thread: any. Source: transports/q/q_hub.c */
TROUPE_API const troupe_embedq_host *troupe_q_hub_host(const troupe_q_hub *hub);

#ifdef __cplusplus
}
#endif

#endif
