/* SPDX-License-Identifier: MIT
 * q_serving.h - what a q server and its connections share; all on one base. */
#ifndef TRP_TRANSPORTS_Q_SERVING_H
#define TRP_TRANSPORTS_Q_SERVING_H

#include <troupe/q.h>

#include "transports/connection.h"
#include "transports/q/q_hub.h"
#include "transports/tls_context.h"

enum {
    TRP_Q_LINES = 10,       /* of one event, within TRP_Q_LINES_SPAN */
    TRP_Q_LINE_EVENTS = 16, /* that are told apart */
    TRP_Q_LINE_MORE = 48    /* room for what is said of lines left out */
};

#define TRP_Q_LINES_SPAN TROUPE_S(10)

/* Lines of one event in the log. */
struct trp_q_lines {
    const char *event; /* NULL: not used yet */
    troupe_log_level level;
    troupe_ns since;
    unsigned said;
    uint64_t left_out;
};

struct trp_q_service {
    troupe_q_server_options options; /* defaults filled in; strings are not kept */
    unsigned holders;
    struct trp_q_lines lines[TRP_Q_LINE_EVENTS];
    uint64_t memory; /* bytes that the clients hold: see q_peer_memory.c */
    bool own_hub;
    troupe_q_hub *hub;
    /* Makes the request for the engine; NULL: as if there were none. */
    trp_q_request engine_request;
    struct trp_tls_context *tls; /* NULL: plain only */
    size_t user_count;
    struct trp_q_account {
        char *name, *password;
    } * users;
};

/* Copies what the options say.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM, or as trp_tls_context_new. */
TROUPE_MUST_CHECK troupe_status trp_q_service_new(troupe_system *sys,
                                                  const troupe_q_server_options *options,
                                                  struct trp_q_service **out);
void trp_q_service_release(struct trp_q_service **service);

/* Whether the login may come in: TROUPE_OK, TROUPE_EACCESS, or TROUPE_EAGAIN: the
 * accounts must be asked. Takes as long for a wrong password as for the right one. */
troupe_status trp_q_service_admits(const struct trp_q_service *service, const char *user,
                                   size_t user_size, const char *password,
                                   size_t password_size);

/* Whether a line on a client goes into the log: what clients make happen does not fill
 * it. Debugging has all lines.
 *
 * event   a text that lives for ever
 * more    receives how many before it did not, or "" */
bool trp_q_service_says(struct trp_q_service *service, troupe_log_level level,
                        const char *event, troupe_ns now, char more[TRP_Q_LINE_MORE]);

/* Body of TROUPE_KIND_Q_EVENT: an event and what it borrows, ended together. */
TROUPE_MUST_CHECK troupe_status trp_q_event_msg(const troupe_q_event *event,
                                                troupe_msg **out);

/* ---- the actor of one connection ---- */

struct trp_q_peer_args {
    struct trp_q_service *service; /* one holder is the connection's from TROUPE_OK on */
    int fd;                        /* taken, also on failure; -1: see stream */
    struct trp_stream *stream;     /* taken on success */
};

extern const troupe_behavior trp_q_peer;

/* ---- the actor that listens ---- */

/* Told to it: stop listening; its clients stay. */
enum { TRP_KIND_Q_UNLISTEN = TROUPE_KIND_RESERVED + 0x74 };

struct trp_q_server_args {
    struct trp_q_service *service; /* taken on success */
    const struct trp_address *at;  /* NULL: nothing is listened to */
    uint16_t *port;                /* receives it */
};

extern const troupe_behavior trp_q_server;

#endif
