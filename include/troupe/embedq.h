/* SPDX-License-Identifier: MIT
 * embedq.h - the embedded q: an interpreter of a named subset of q.
 *
 * What the subset holds is in docs/q-subset.md; everything else signals 'nyi with its
 * name. One interpreter is one island: it shares nothing with others and does no I/O of
 * its own. What reaches outside goes through the host's functions. */
#ifndef TROUPE_EMBEDQ_H
#define TROUPE_EMBEDQ_H

#include <troupe/engine.h>
#include <troupe/q_value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What q code may do with files. */
typedef enum troupe_embedq_file {
    TROUPE_EMBEDQ_READ_LINES,  /* read0, \l: answer a list of char vectors */
    TROUPE_EMBEDQ_READ_BYTES,  /* read1: answer a byte vector. value: NULL, or two longs:
                                  where to begin, and how many at most */
    TROUPE_EMBEDQ_WRITE_BYTES, /* path 1: x, path 0: x; value: bytes or chars */
    TROUPE_EMBEDQ_WRITE,       /* path set value, .[path;();:;value]; a list is kept as a
                                  log of its items */
    TROUPE_EMBEDQ_READ,        /* get path: answer the value; of a log its messages */
    TROUPE_EMBEDQ_LOG_COUNT,   /* -11!(-2;path): answer a long, or, when the end is torn,
                                  two: whole messages, and the bytes they take */
    TROUPE_EMBEDQ_LOG_READ,    /* -11!path: value: a long, where to begin (0: the first).
                                  Answer a list of three: messages, where the next begins,
                                  and the size of the file; no messages: the end, or a
                                  torn message */
    TROUPE_EMBEDQ_DELETE,      /* hdel */
    TROUPE_EMBEDQ_SIZE,        /* hcount: answer a long */
    TROUPE_EMBEDQ_KEY          /* key path: answer the path as a symbol, the names in a
                                  folder, or () when nothing is there */
} troupe_embedq_file;

/* What q code may do outside. A function that is NULL makes its q form signal 'nyi. A
 * status other than TROUPE_OK becomes a q error with that status' text; *answer may be an
 * error value instead (TROUPE_Q_ERROR), which becomes its own text. All are called on the
 * thread that evaluates; values are lent. */
typedef struct troupe_embedq_host {
    size_t size; /* sizeof(troupe_embedq_host) */

    /* The engine tells here, before each request, as whom the other functions may tell,
     * ask and publish; never called by an interpreter without an engine. */
    void (*attach)(void *context, troupe_self *self);

    /* Console output of show, 0N!, -1 and -2. stream: 1 or 2. NULL: standard output. */
    void (*print)(void *context, int stream, const char *text, size_t size);

    /* h x (sync, with an answer the callee makes) and (neg h) x (async, answer is NULL).
     * A value `::` sent async asks for a flush; sync, for the next message that comes. */
    troupe_status (*send)(void *context, int64_t handle, bool async,
                          troupe_q_value *value, troupe_q_value **answer);
    /* address: a port, a symbol or char vector `:host:port:user:password, or a pair of
     * one of them and milliseconds. TROUPE_EDEADLK: it is this process. */
    troupe_status (*open)(void *context, troupe_q_value *address, int64_t *handle);
    troupe_status (*close)(void *context, int64_t handle);

    /* -25!(handles; x): async to all of them, encoded once. TROUPE_EGONE: one of the
     * handles is nobody's, and nothing was sent. */
    troupe_status (*broadcast)(void *context, size_t count, const int64_t *handles,
                               troupe_q_value *value);

    /* -30!(::) for the request being served and -30!(handle; is error; value). value
     * NULL: the former. */
    troupe_status (*defer)(void *context, int64_t handle, bool is_error,
                           troupe_q_value *value);

    /* system commands the interpreter does not know itself; text without backslash. */
    troupe_status (*system)(void *context, const char *text, size_t size,
                            troupe_q_value **answer);

    /* Wall clock, nanoseconds since 1970 UTC; NULL: the machine's. */
    int64_t (*now)(void *context);

    /* system "sleep n": nanoseconds. NULL in an engine: its thread sleeps, and an
     * interrupt wakes it. */
    troupe_status (*sleep)(void *context, troupe_ns span);

    /* exit code. TROUPE_OK: the process will end, and the evaluation is interrupted;
     * TROUPE_EACCESS: q code may not. */
    troupe_status (*exit)(void *context, int code);

    /* Files. path is a symbol as q writes it, `:dir/name. */
    troupe_status (*file)(void *context, troupe_embedq_file what, const char *path,
                          troupe_q_value *value, troupe_q_value **answer);

    /* hopen `:path, h x or (neg h) x, and hclose h; *file is the host's own number. What
     * is appended: text or bytes as they are, text with (neg h) and a line end; the items
     * of any other list: messages of a log, or with (neg h) lines. */
    troupe_status (*file_open)(void *context, const char *path, int64_t *file);
    troupe_status (*file_append)(void *context, int64_t file, bool lines,
                                 troupe_q_value *value);
    troupe_status (*file_close)(void *context, int64_t file);

    /* \t n: TROUPE_EMBEDQ_TIMER is due every so many milliseconds; 0: no more. NULL: the
     * number is kept and nothing happens. */
    troupe_status (*timer)(void *context, int64_t milliseconds);

    /* \p: the port that is listened on, and \p n changes it; `where` is n or host:n, NULL
     * to read. NULL: the number is kept and nothing happens. */
    troupe_status (*port)(void *context, const char *where, int64_t *port);

    /* .z.W: a dictionary of the handles of connections, and how many messages wait on
     * their way to each. NULL: it is empty. */
    troupe_status (*handles)(void *context, troupe_q_value **answer);
} troupe_embedq_host;

/* Settings of an interpreter, and the config of troupe_engine_embedq. */
typedef struct troupe_embedq_options {
    size_t size;                    /* sizeof(troupe_embedq_options) */
    size_t memory_limit;            /* bytes of all values, then 'wsfull; 0: 1 GiB */
    uint64_t step_limit;            /* calls and loop turns of one evaluation, then 'stop;
                                       0: none */
    uint32_t call_depth;            /* lambdas inside each other, then 'stack; 0: 2000 */
    uint64_t seed;                  /* of ?; 0: q's habit, the same in every run */
    const char *script;             /* q text evaluated at the start, or NULL; borrowed */
    const char *const *arguments;   /* .z.x, NULL-terminated, or NULL; borrowed */
    const char *file;               /* .z.f, or NULL; borrowed */
    const troupe_embedq_host *host; /* or NULL; borrowed */
    void *context;                  /* given to the host's functions */
} troupe_embedq_options;

#define TROUPE_EMBEDQ_OPTIONS                                                            \
    ((troupe_embedq_options){.size = sizeof(troupe_embedq_options)})

typedef struct trp_embedq troupe_embedq;

/* File functions for hosts that let q code read and write the machine's files, with the
 * rights of the process and nothing held back. A value is kept as one q message, a log as
 * a mark and messages one after another: not what other q systems write. What is written
 * as a whole replaces the file as a whole, and missing folders are made. An append has
 * been taken by the system when it returns, in full or not at all; it survives the end of
 * the process, not that of the machine.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (path), TROUPE_ENOENT, TROUPE_ESYSTEM, TROUPE_ELIMIT
 * (a value, or a file read as one, above 1 GiB), TROUPE_ENOMEM, TROUPE_ETYPE (nothing
 * that can be written), or why what is in the file is no value. Thread: any.
 * Source: bindings/embedq/embedq_files.c, bindings/embedq/embedq_logs.c */
TROUPE_API troupe_status troupe_embedq_use_files(void *context, troupe_embedq_file what,
                                                 const char *path, troupe_q_value *value,
                                                 troupe_q_value **answer);
TROUPE_API troupe_status troupe_embedq_use_open(void *context, const char *path,
                                                int64_t *file);
TROUPE_API troupe_status troupe_embedq_use_append(void *context, int64_t file, bool lines,
                                                  troupe_q_value *value);
TROUPE_API troupe_status troupe_embedq_use_close(void *context, int64_t file);

/* Makes an interpreter.
 *
 * options  or NULL; strings, host and context are borrowed as long as it lives
 * out      receives the interpreter, to be ended by troupe_embedq_free
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (size), TROUPE_ENOMEM or TROUPE_EREMOTE (the script
 * failed).
 * Thread: any. Source: bindings/embedq/embedq.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_embedq_new(const troupe_embedq_options *options, troupe_embedq **out);

/* Ends an interpreter and clears the pointer; NULL inside is allowed.
 * Thread: the evaluating. Source: bindings/embedq/embedq.c */
TROUPE_API void troupe_embedq_free(troupe_embedq **q);

/* Evaluates a message as a q server does: a char vector is text, a list is a function and
 * its arguments, anything else answers itself or the value a symbol names.
 *
 * query   borrowed
 * out     receives the answer, the caller's
 *
 * Returns TROUPE_OK, TROUPE_EREMOTE (troupe_embedq_error has q's text), TROUPE_ENOMEM.
 * Thread: one at a time. Source: bindings/embedq/embedq.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_eval(troupe_embedq *q,
                                                              troupe_q_value *query,
                                                              troupe_q_value **out);

/* The same for text; several lines are several statements, the last one's value answers.
 *
 * size   bytes, or TROUPE_Q_Z
 *
 * Returns, thread and source: the same. */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_text(troupe_embedq *q,
                                                              const char *text,
                                                              size_t size,
                                                              troupe_q_value **out);

/* Runs a script: statements may go over indented lines, / starts comments, a lone \ ends
 * the script. The first error ends it.
 *
 * Returns TROUPE_OK, TROUPE_EREMOTE or TROUPE_ENOMEM.
 * Thread: one at a time. Source: bindings/embedq/eq_script.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_script(troupe_embedq *q,
                                                                const char *text,
                                                                size_t size);

/* The text of the last error, "" when there was none; lives until the next evaluation.
 * Thread: one at a time. Source: bindings/embedq/embedq.c */
TROUPE_API const char *troupe_embedq_error(const troupe_embedq *q);

/* Makes the evaluation that runs end soon with 'stop. With none running the next is not
 * touched.
 * Thread: any. Source: bindings/embedq/embedq.c */
TROUPE_API void troupe_embedq_interrupt(troupe_embedq *q);

/* Events of a connection and the q functions that handle them. */
typedef enum troupe_embedq_event {
    TROUPE_EMBEDQ_LOGIN,  /* .z.pw[user; password]; value: the password; answer boolean */
    TROUPE_EMBEDQ_OPENED, /* .z.po handle */
    TROUPE_EMBEDQ_SYNC,   /* .z.pg value */
    TROUPE_EMBEDQ_ASYNC,  /* .z.ps value */
    TROUPE_EMBEDQ_CLOSED, /* .z.pc handle */
    TROUPE_EMBEDQ_TIMER   /* .z.ts timestamp */
} troupe_embedq_event;

/* One call of a handler. .z.w, .z.u and .z.a have these values while it runs. */
typedef struct troupe_embedq_call {
    size_t size; /* sizeof(troupe_embedq_call) */
    troupe_embedq_event event;
    int32_t handle;
    const char *user;      /* borrowed; NULL: "" */
    uint32_t address;      /* IPv4, most significant byte first; 0: none */
    troupe_q_value *value; /* what was sent, or the password; borrowed; NULL: `::` */
} troupe_embedq_call;

/* Calls the q function that handles an event, or does what q does without one: a login is
 * accepted, messages are evaluated, the rest does nothing.
 *
 * out        receives the answer (`::` when there is none)
 * deferred   receives whether q code said it will answer later (-30!(::)); may be NULL
 *
 * Returns as troupe_embedq_eval, and TROUPE_EINVAL (event, size).
 * Thread: one at a time. Source: bindings/embedq/embedq.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_embedq_handle(troupe_embedq *q, const troupe_embedq_call *call, bool *deferred,
                     troupe_q_value **out);

/* Sets and reads a global by its full name (".a.b" or "b").
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (the name), TROUPE_ENOENT or TROUPE_ENOMEM.
 * Thread: one at a time. Source: bindings/embedq/embedq.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_set(troupe_embedq *q,
                                                             const char *name,
                                                             troupe_q_value *value);
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_get(troupe_embedq *q,
                                                             const char *name,
                                                             troupe_q_value **out);

/* The value as the console shows it, with its line ends; a char vector.
 *
 * Returns TROUPE_OK, TROUPE_EREMOTE or TROUPE_ENOMEM.
 * Thread: one at a time. Source: bindings/embedq/eq_show.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_show(troupe_embedq *q,
                                                              troupe_q_value *value,
                                                              troupe_q_value **out);

/* Messages of the engine. */
enum {
    /* Request: owned troupe_q_value, evaluated by troupe_embedq_eval. */
    TROUPE_KIND_Q_EVAL = TROUPE_KIND_RESERVED + 0x100,
    /* Answer: owned troupe_q_value (troupe_msg_take it, or it ends with the message). */
    TROUPE_KIND_Q_VALUE = TROUPE_KIND_RESERVED + 0x101,
    /* Request: what troupe_embedq_call_msg makes. */
    TROUPE_KIND_Q_CALL = TROUPE_KIND_RESERVED + 0x102,
    /* Answer to Q_CALL when q will answer later through the host's `defer`. */
    TROUPE_KIND_Q_DEFERRED = TROUPE_KIND_RESERVED + 0x103
};

/* A request or answer that carries a value.
 *
 * kind    TROUPE_KIND_Q_EVAL or TROUPE_KIND_Q_VALUE
 * value   moved on success: *value is cleared
 *
 * Returns TROUPE_OK or TROUPE_ENOMEM.
 * Thread: any. Source: bindings/embedq/embedq_engine.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_embedq_msg(troupe_kind kind,
                                                             troupe_q_value **value,
                                                             troupe_msg **out);

/* A TROUPE_KIND_Q_CALL request; copies `call`, takes a reference of its value.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL (size) or TROUPE_ENOMEM.
 * Thread: any. Source: bindings/embedq/embedq_engine.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status
troupe_embedq_call_msg(const troupe_embedq_call *call, troupe_msg **out);

/* The engine: config is a troupe_embedq_options or NULL. An error of q is answered as a
 * failure TROUPE_EREMOTE whose text is q's.
 * Source: bindings/embedq/embedq_engine.c */
TROUPE_API extern const troupe_engine_ops troupe_engine_embedq;

#ifdef __cplusplus
}
#endif

#endif
