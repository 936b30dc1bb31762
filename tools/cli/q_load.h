/* SPDX-License-Identifier: MIT
 * q_load.h - the scripts of the command line, loaded by an engine before it serves. */
#ifndef TRP_TOOLS_Q_LOAD_H
#define TRP_TOOLS_Q_LOAD_H

#include "tools/cli/q_host.h"
#include "tools/cli/q_signals.h"

enum { TRP_Q_SCRIPTS_MAX = 64 };

struct trp_q_load {
    troupe_system *system;
    troupe_id engine;
    struct trp_q_host *host;
    struct trp_q_signals *signals; /* their end, and SIGINT, stops the scripts */
    const char *const *scripts;    /* NULL-terminated */
    int64_t timer;                 /* \t, milliseconds; 0: none */
    troupe_pending *pending;
    troupe_status status; /* of asking */
    int64_t port;         /* \p after the scripts; 0: none */
};

/* Asks the engine for it, before anybody else can; the scripts wait for one of the next
 * two. Failures show there. */
void trp_q_load_begin(struct trp_q_load *load);

/* Lets them run, and waits. TROUPE_EREMOTE: *failure has q's text. */
troupe_status trp_q_load_end(struct trp_q_load *load, troupe_failure *failure);

/* Does without them. */
void trp_q_load_drop(struct trp_q_load *load);

#endif
