/* SPDX-License-Identifier: MIT
 * q_console.h - a q session in this process: an engine, and perhaps a server beside it.
 */
#ifndef TRP_TOOLS_Q_CONSOLE_H
#define TRP_TOOLS_Q_CONSOLE_H

#include <troupe/q.h>

#include "tools/cli/q_libq.h"
#include "tools/cli/q_reader.h"

struct trp_q_console_options {
    size_t memory;          /* of the embedded q, bytes; 0: its default */
    troupe_ns time;         /* of one evaluation; 0: none */
    struct trp_q_libq libq; /* what evaluates */
    const char *script;     /* loaded first; NULL: none */
    char *const *words;     /* .z.x, NULL-terminated */
    const char *host;       /* to serve on; NULL: 127.0.0.1 */
    uint16_t port;
    int64_t timer; /* \\t, milliseconds; 0: none */
    bool serves, quiet;
};

/* Runs the session to its end. Returns the exit code. */
int trp_q_console_run(const struct trp_q_console_options *options);

#endif
