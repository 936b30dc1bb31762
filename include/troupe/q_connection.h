/* SPDX-License-Identifier: MIT
 * q_connection.h - connections to q processes for threads that are no base's, by the
 * names PyKX documents: SyncQConnection, SecureQConnection, AsyncQConnection,
 * RawQConnection.
 *
 * Behind each is a connection actor of q.h, which actors use directly. A connection may
 * be used by many threads at once. On a base's thread, where nothing may wait, every
 * function that says `any but base` returns TROUPE_EDEADLK.
 *
 * A function with a `failure` fills it in whenever it returns another status than
 * TROUPE_OK: the documented text, or q's own, is there. It may be NULL. */
#ifndef TROUPE_Q_CONNECTION_H
#define TROUPE_Q_CONNECTION_H

#include <troupe/q.h>
#include <troupe/q_future.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_q_connection troupe_q_connection;

typedef enum troupe_q_kind {
    TROUPE_Q_SYNC_CONNECTION, /* connects when opened; with tls it is SECURE */
    TROUPE_Q_SECURE_CONNECTION,
    TROUPE_Q_ASYNC_CONNECTION, /* connects when awaited; calls give futures */
    TROUPE_Q_RAW_CONNECTION    /* the same; sends and receives when told to */
} troupe_q_kind;

/* Types of messages, as on the wire. */
typedef enum troupe_q_message {
    TROUPE_Q_ASYNC_MSG = 0,
    TROUPE_Q_SYNC_MSG = 1,
    TROUPE_Q_RESP_MSG = 2
} troupe_q_message;

/* Held around each whole call: sending, and for sync calls the answer; not around calls
 * over a connection of their own. For programs whose own state a call must not overlap
 * with; the connection needs none. */
typedef struct troupe_q_lock {
    void (*acquire)(void *context);
    void (*release)(void *context);
    void *context;
} troupe_q_lock;

/* Handles an event of a server's client inside troupe_q_connection_poll_recv.
 *
 * answer   of a sync: the value or an error value, `::` when NULL. Of a login: a boolean
 *
 * Any status but TROUPE_OK answers a sync with its text as the error, and refuses a
 * login. */
typedef troupe_status (*troupe_q_answerer)(void *context, const troupe_q_event *event,
                                           troupe_q_value **answer);

/* Spans are nanoseconds. Everything is copied, what pointers of `lock` and functions lead
 * to is borrowed. */
typedef struct troupe_q_connection_options {
    size_t size;        /* sizeof(troupe_q_connection_options) */
    troupe_q_kind kind; /* (SYNC) */
    const char *host; /* NULL: localhost; unix_domain ignores it. Of a server: 0.0.0.0 */
    uint16_t port;    /* needed; of a server 0 is any free one */
    const char *username, *password; /* NULL: "" */
    troupe_ns timeout;               /* of each call; 0: none */
    bool large_messages;             /* log in for messages above 2 GiB (true) */
    bool tls;                        /* not with unix_domain */
    bool unix_domain;                /* "unix" in the documents, a macro of GNU C */
    troupe_q_unix_form unix_form;    /* which of the sockets of the port; not of a server,
                                        which listens on all (ANY: one after the other) */
    bool wait;                       /* for calls that do not say (true) */
    const troupe_q_lock *lock;       /* not of raw connections; NULL: none */
    bool no_ctx;                     /* the context interface is refused */
    int32_t reconnection_attempts;   /* -1: a lost connection stays closed; 0: any number;
                                        N: at most N in a row (-1) */
    troupe_ns reconnection_delay;    /* before the second attempt (0.5 s) */
    troupe_q_delay reconnection_function; /* the next from the last; NULL: twice that */
    void *reconnection_context;
    troupe_ns reconnection_delay_max; /* no wait is longer; 0: 30 s */
    double reconnection_jitter;       /* 0 to 1: of each wait, how much may be cut off */
    troupe_ns connection_timeout; /* of each attempt; 0: as timeout, and 10 s without */
    bool at_least_once; /* of sync connections with reconnection: a call whose connection
                           is lost is sent again, as documented; else only those that
                           say `idempotent` (true) */
    const troupe_tls_options *tls_options; /* NULL: as the environment says */
    troupe_ns send_limit;                  /* as in troupe_q_options, all five */
    troupe_ns close_limit;                 /* closing waits this long for answers */
    uint32_t
        pending_limit; /* also of messages a raw connection has not been polled for */
    size_t output_limit;
    uint64_t message_limit;
    bool compress; /* as in troupe_q_options */

    bool as_server;         /* raw: be the server at host and port */
    troupe_ns conn_gc_time; /* server: a client silent for so long is closed; 0: never */
    troupe_id engine;       /* server: who evaluates what has no handler; or nobody */
} troupe_q_connection_options;

#define TROUPE_Q_CONNECTION_OPTIONS                                                      \
    ((troupe_q_connection_options){.size = sizeof(troupe_q_connection_options),          \
                                   .large_messages = true,                               \
                                   .wait = true,                                         \
                                   .at_least_once = true,                                \
                                   .reconnection_attempts = -1,                          \
                                   .reconnection_delay = TROUPE_MS(500)})

/* Opens a connection. Sync and secure ones are logged in when this returns; async and raw
 * ones do nothing before troupe_q_connection_await.
 *
 * sys   runs, or will: opening waits for it
 * out   receives the connection, to be ended by troupe_q_connection_free before its
 *       system is
 *
 * Returns TROUPE_OK; TROUPE_EINVAL: options that are out of range or do not go together;
 * TROUPE_EDEADLK, TROUPE_ENOMEM; or why there is no connection: TROUPE_EACCESS
 * ("Authentication error"), TROUPE_ETIMEDOUT ("Timeout error"), TROUPE_ETLS, also
 * TROUPE_ENOENT of its files ("OpenSSL initialization failed"), TROUPE_EREFUSED,
 * TROUPE_EUNREACHABLE, TROUPE_ERESOLVE, TROUPE_ELOST ("Connection error"), each followed
 * by the particulars. Thread: any but base. Source: bindings/q/q_connection.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_open(troupe_system *sys, const troupe_q_connection_options *options,
                         troupe_q_connection **out, troupe_failure *failure);

/* Connects an async or raw connection, or has a server listen. Twice is harmless, and so
 * it is for sync ones.
 *
 * Returns as troupe_q_connection_open, or TROUPE_ECLOSED.
 * Thread: any but base. Source: bindings/q/q_connection.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_await(troupe_q_connection *conn, troupe_failure *failure);

/* Closes. Sync and async connections wait for the answers that are due (close_limit); the
 * futures of raw ones end with TROUPE_ELOST. Idempotent.
 *
 * Returns TROUPE_OK; TROUPE_ESTATE: async or raw and never awaited; TROUPE_EDEADLK.
 * Thread: any but base. Source: bindings/q/q_connection.c */
TROUPE_API troupe_status troupe_q_connection_close(troupe_q_connection *conn,
                                                   troupe_failure *failure);

/* Closes and frees, and clears the pointer; NULL inside is allowed. Its futures stay.
 * Thread: any but base. Source: bindings/q/q_connection.c */
TROUPE_API void troupe_q_connection_free(troupe_q_connection **conn);

/* Whether it was closed, or lost and not made again.
 * Thread: any. Source: bindings/q/q_connection.c */
TROUPE_API bool troupe_q_connection_closed(troupe_q_connection *conn);

/* How the connection is now (q.h); and the port: of a server, the one it got.
 *
 * Returns TROUPE_OK, TROUPE_ESTATE (not awaited, or a server), TROUPE_ECLOSED or
 * TROUPE_EDEADLK.
 * Thread: any but base. Source: bindings/q/q_connection.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_info(
    troupe_q_connection *conn, troupe_q_info *out, troupe_failure *failure);
TROUPE_API uint16_t troupe_q_connection_port(const troupe_q_connection *conn);

/* The connection in words, with the parameters that are not the defaults:
 * pykx.QConnection(port=5001), pykx.AsyncQConnection(port=5001). A password is shown as
 * '********'.
 *
 * out   receives a char vector, the caller's
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: bindings/q/q_connection_repr.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_repr(const troupe_q_connection *conn, troupe_q_value **out);

/* The TLS settings the connection has or would have, as a dictionary of symbols and texts
 * by the names of q's (-26!).
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT (symbols).
 * Thread: any; reads files. Source: bindings/q/q_connection_repr.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_ssl_info(const troupe_q_connection *conn, troupe_q_value **out);

/* ---- calls ----------------------------------------------------------------------- */

typedef enum troupe_q_choice {
    TROUPE_Q_DEFAULT, /* the connection's */
    TROUPE_Q_YES,
    TROUPE_Q_NO
} troupe_q_choice;

/* What is asked, and how. Borrowed for the call. */
typedef struct troupe_q_request {
    size_t size;           /* sizeof(troupe_q_request) */
    const char *text;      /* the query: a char vector is made of it */
    troupe_q_value *query; /* or any q value but an error */
    size_t count;          /* up to TROUPE_Q_ARGS_MAX */
    troupe_q_value *const *args;
    troupe_q_choice wait; /* NO: no answer is asked for, `::` is the result */
    bool debug; /* where an error came from is told (also by $PYKX_QDEBUG being set when
                   the connection is opened): the server evaluates under .Q.trp */
    bool skip_debug;   /* not even then */
    bool reuse;        /* false: over a connection of its own, closed after (true) */
    troupe_ns timeout; /* 0: the connection's */
    bool idempotent;   /* sync: may be sent again when the connection is lost */
    troupe_q_value **backtrace; /* sync with debug: receives it when there is an error,
                                   the caller's; NULL: not asked for */
} troupe_q_request;

#define TROUPE_Q_REQUEST                                                                 \
    ((troupe_q_request){.size = sizeof(troupe_q_request), .reuse = true})

/* Calls and waits.
 *
 * out   receives the answer, the caller's; may be NULL
 *
 * Returns TROUPE_OK; TROUPE_EREMOTE: q's error is the text; TROUPE_ETIMEDOUT ("Query
 * timed out"; the late answer is dropped in its place); TROUPE_EINVAL: the query cannot
 * be sent, or has too many parameters; TROUPE_ECLOSED ("Attempted to use a closed IPC
 * connection"); TROUPE_ESTATE ("The QConnection has not been initialized.", or it is
 * raw); TROUPE_EDEADLK; or as troupe_q_call answers. Thread: any but base. Source:
 * bindings/q/q_connection_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_call(troupe_q_connection *conn, const troupe_q_request *request,
                         troupe_q_value **out, troupe_failure *failure);

/* The same for a text with `count` arguments, as the connection's defaults say.
 * Returns and thread: the same. Source: bindings/q/q_connection_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_query(
    troupe_q_connection *conn, const char *text, size_t count,
    troupe_q_value *const *args, troupe_q_value **out, troupe_failure *failure);

/* Calls without waiting; raw connections queue the call until troupe_q_connection_
 * poll_send, or until its future is waited for. For these two `wait` is true unless the
 * request says otherwise, whatever the connection says. A call that is lost ends with
 * TROUPE_ELOST and is never sent again.
 *
 * out        receives the future, the caller's; without wait it has its result, `::`,
 *            except that of a raw connection, which the next message ends
 * response   not NULL asks for an asynchronous response, with wait NO and reuse false
 *            only: receives a future of the next message on the connection of its own
 *
 * Returns TROUPE_OK, or as troupe_q_connection_call what is known at once; TROUPE_EBUSY:
 * the system has no room.
 * Thread: any but base. Source: bindings/q/q_connection_call.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_call_async(
    troupe_q_connection *conn, const troupe_q_request *request, troupe_q_future **out,
    troupe_q_future **response, troupe_failure *failure);

/* ---- raw connections ------------------------------------------------------------- */

/* Sends calls that are queued, the oldest first.
 *
 * amount   how many at most; 0: all that are queued now; negative: none
 *
 * Returns TROUPE_OK, TROUPE_ESTATE, TROUPE_ECLOSED, TROUPE_EBUSY (what is left stays
 * queued) or TROUPE_EDEADLK.
 * Thread: any but base. Source: bindings/q/q_connection_raw.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_poll_send(
    troupe_q_connection *conn, int64_t amount, troupe_failure *failure);

/* Takes in messages. Of a client: each ends the oldest call that was sent and not
 * answered, whatever its type; one that comes when there is none is the result.
 * Of a server: each is handled, by who is registered for its kind.
 *
 * amount   how many at most; 0: of a client as many as calls are pending, or one; of a
 *          server all that are there; negative: none
 * out      receives the last message that ended no call, the caller's, or NULL: none
 *
 * Each is waited for as long as the connection's timeout says; without one, not at all.
 *
 * Returns TROUPE_OK; TROUPE_EREMOTE: such a message was an error; TROUPE_ESTATE,
 * TROUPE_ECLOSED or TROUPE_EDEADLK.
 * Thread: any but base. Source: bindings/q/q_connection_raw.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_poll_recv(troupe_q_connection *conn, int64_t amount,
                              troupe_q_value **out, troupe_failure *failure);

/* A future of the next message that ends no call. Until it is done, messages are taken in
 * as they come. Of a server: waiting for the future handles one message, then it is `::`.
 *
 * Returns as troupe_q_connection_poll_recv; TROUPE_ENOMEM.
 * Thread: any but base. Source: bindings/q/q_connection_raw.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_poll_recv_async(
    troupe_q_connection *conn, troupe_q_future **out, troupe_failure *failure);

/* Registers who handles an event of a server's clients: .z.pw (TROUPE_EMBEDQ_LOGIN),
 * .z.pg (SYNC), .z.ps (ASYNC), .z.po (OPENED), .z.pc (CLOSED). NULL: the engine; without
 * one logins are accepted and messages are answered 'nyi.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (event) or TROUPE_ESTATE (no server).
 * Thread: any. Source: bindings/q/q_connection_server.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_on(troupe_q_connection *conn, troupe_embedq_event event,
                       troupe_q_answerer handler, void *context);

/* How many clients a server has. Those that have gone are taken out as they go, without
 * any message to those that have not: there is nothing else to clean.
 *
 * Returns TROUPE_OK, TROUPE_ESTATE (no server, or not awaited) or TROUPE_ECLOSED.
 * Thread: any. Source: bindings/q/q_connection_server.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_clean_open_connections(
    troupe_q_connection *conn, size_t *out, troupe_failure *failure);

/* ---- what sync connections can do besides ---------------------------------------- */

typedef enum troupe_q_name {
    TROUPE_Q_NAME_VALUE,
    TROUPE_Q_NAME_FUNCTION,
    TROUPE_Q_NAME_NAMESPACE
} troupe_q_name;

/* The context interface: what names mean on the server, looked up when it is used and
 * not before. With no_ctx all return TROUPE_ESTATE, except that the words of q itself can
 * still be applied.
 *
 * context   what a name is; out receives the value of a value, the names in a namespace
 * get, set  the global of that name
 * apply     calls the function of that name with 1 to 8 arguments
 * out       may be NULL: the value is not wanted
 *
 * Return as troupe_q_connection_call; TROUPE_EREMOTE: there is no such name.
 * Thread: any but base. Source: bindings/q/q_connection_context.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_context(
    troupe_q_connection *conn, const char *name, troupe_q_name *what,
    troupe_q_value **out, troupe_failure *failure);
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_get(troupe_q_connection *conn, const char *name, troupe_q_value **out,
                        troupe_failure *failure);
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_set(troupe_q_connection *conn, const char *name,
                        troupe_q_value *value, troupe_failure *failure);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_apply(
    troupe_q_connection *conn, const char *name, size_t count,
    troupe_q_value *const *args, troupe_q_value **out, troupe_failure *failure);

/* Runs a local file on the server, statement by statement: a line that begins with a
 * blank belongs to the one before, comments are left out, a lone backslash ends it.
 *
 * path         .q, .k, .p or .py (the latter two need a server with PyKX), or without
 *              extension, which is q; up to 64 MiB
 * return_all   wait for each result; the first error ends it. Else all is sent and
 *              nothing is heard of it
 * out          receives the list of results, or `::`; may be NULL
 *
 * Returns as troupe_q_connection_call; TROUPE_ENOENT, TROUPE_ESYSTEM (reading);
 * TROUPE_ELIMIT; TROUPE_EUNSUPPORTED (extension).
 * Thread: any but base; reads a file. Source: bindings/q/q_connection_file.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_q_connection_file_execute(
    troupe_q_connection *conn, const char *path, bool return_all, troupe_q_value **out,
    troupe_failure *failure);

/* Gives rows to the .u.upd of a tickerplant and waits for it.
 *
 * data   a table, of which its columns are sent; or a list
 *
 * Returns as troupe_q_connection_call.
 * Thread: any but base. Source: bindings/q/q_connection_context.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_q_connection_upd(troupe_q_connection *conn, const char *table,
                        troupe_q_value *data, troupe_failure *failure);

#ifdef __cplusplus
}
#endif

#endif
