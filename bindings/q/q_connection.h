/* SPDX-License-Identifier: MIT
 * q_connection.h - the handle of a connection, as its files share it. */
#ifndef TRP_BINDINGS_Q_CONNECTION_H
#define TRP_BINDINGS_Q_CONNECTION_H

#include "bindings/q/q_bridge.h"

enum { TRP_Q_TEXTS = 12 };

struct troupe_q_connection {
    troupe_system *sys;
    troupe_q_connection_options options; /* its strings are ours */
    troupe_tls_options tls;
    troupe_q_lock lock;       /* zeros: none */
    char *texts[TRP_Q_TEXTS]; /* the strings */
    bool debug;               /* the environment asks for it */
    uint16_t port;            /* of a server: the one it got */

    pthread_mutex_t opening;
    _Atomic(struct trp_q_link *) link; /* NULL: not awaited */
    pthread_mutex_t handling;          /* of the handlers */
    struct {
        troupe_q_answerer function;
        void *context;
    } handlers[TROUPE_Q_EVENTS];
};

/* What is wrong, in words, or NULL. */
const char *trp_q_connection_wrong(const troupe_q_connection_options *options);
TROUPE_MUST_CHECK troupe_status trp_q_connection_copy(
    struct troupe_q_connection *conn, const troupe_q_connection_options *options);
void trp_q_connection_free_copies(struct troupe_q_connection *conn);
bool trp_q_connection_lazy(const struct troupe_q_connection *conn);

/* Makes a link with its bridge and client, without waiting for the login. `single`: a
 * private one, which ends with its call; `any`: by a message of any type. */
TROUPE_MUST_CHECK troupe_status trp_q_connection_link(struct troupe_q_connection *conn,
                                                      bool single, bool any,
                                                      struct trp_q_link **out);

/* The link of a connection that can be used, lent; or why it cannot, with the failure. */
TROUPE_MUST_CHECK troupe_status trp_q_connection_ready(struct troupe_q_connection *conn,
                                                       struct trp_q_link **out,
                                                       troupe_failure *failure);

/* Sends up to `amount` of what is queued (0: all); EAGAIN: nothing came by `deadline`. */
TROUPE_MUST_CHECK troupe_status trp_q_raw_send(struct trp_q_link *link, int64_t amount);
troupe_status trp_q_raw_drive(void *link, troupe_q_future *future, troupe_ns deadline);
/* The next that came; NULL when nothing did by `deadline`, the link was closed, or
 * `future` (may be NULL) is done. */
struct trp_q_call *trp_q_raw_take(struct trp_q_link *link, troupe_q_future *future,
                                  troupe_ns deadline);
extern const struct trp_q_future_ops trp_q_raw_ops, trp_q_call_ops;

/* Handles up to `amount` messages of a server's clients (0: all there are), waiting for
 * the first until `deadline`. */
TROUPE_MUST_CHECK troupe_status trp_q_server_poll(struct troupe_q_connection *conn,
                                                  struct trp_q_link *link, int64_t amount,
                                                  troupe_ns deadline);

/* A future that handles a message when it is waited for. */
TROUPE_MUST_CHECK troupe_status trp_q_server_future(struct troupe_q_connection *conn,
                                                    struct trp_q_link *link,
                                                    troupe_q_future **out,
                                                    troupe_failure *failure);

/* Answers what waits to be polled for with a failure. */
void trp_q_server_abandon(struct trp_q_link *link);

/* Listens. `why` receives why not, when there are particulars. */
TROUPE_MUST_CHECK troupe_status trp_q_server_link(struct troupe_q_connection *conn,
                                                  struct trp_q_link **out,
                                                  troupe_failure *why);

/* Whether a name is one of q's own words. */
bool trp_q_reserved(const char *name);

/* One statement of a script, as it is sent: `text` belongs to the reader. */
struct trp_q_reader {
    const char *at, *end;
    char *text;
    size_t size, capacity;
    bool block, stopped;
};

/* TROUPE_OK and a statement; TROUPE_EAGAIN: there are no more; TROUPE_ENOMEM. Begins as
 * {.at = ..., .end = ...}; free text at the end. */
TROUPE_MUST_CHECK troupe_status trp_q_reader_next(struct trp_q_reader *reader);

#endif
