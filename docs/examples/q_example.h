/* SPDX-License-Identifier: MIT
 * q_example.h - what the examples on q share: where they run, what must hold, and a q
 * process of their own to talk to. */
#ifndef Q_EXAMPLE_H
#define Q_EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/q_connection.h>

static troupe_system *sys;
static uint16_t port;
static troupe_id embedded; /* the engine of serve */
static troupe_failure why; /* of the last call that failed */

static inline void must(troupe_status status)
{
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "%s: %s\n", troupe_status_name(status), why.text);
        exit(1);
    }
}

static inline void fails(troupe_status status, troupe_status expected, const char *text)
{
    if (status != expected || strncmp(why.text, text, strlen(text)) != 0) {
        (void)fprintf(stderr, "%s: %s\n", troupe_status_name(status), why.text);
        exit(1);
    }
}

/* It prints as the text; and is given back. */
static inline void is(troupe_q_value **value, const char *text)
{
    troupe_q_value *line = NULL;
    size_t size = 0;

    must(troupe_q_format_line(*value, 0, &line));
    const char *bytes = troupe_q_text(line, &size);
    if (size != strlen(text) || memcmp(bytes, text, size) != 0) {
        (void)fprintf(stderr, "%.*s instead of %s\n", (int)size, bytes, text);
        exit(1);
    }
    troupe_q_unref(&line);
    troupe_q_unref(value);
}

/* A q process of our own: an embedded q, and a server in front of it. */
static inline troupe_q_hub *serve(troupe_q_server_options options)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    troupe_q_server server;
    troupe_q_hub *hub = NULL;

    must(troupe_q_hub_new(sys, &hub));
    q.host = troupe_q_hub_host(hub);
    q.context = hub;
    engine.config = &q;
    must(troupe_engine_open(sys, &troupe_engine_embedq, &engine, &embedded));
    options.engine = embedded;
    options.hub = hub;
    must(troupe_q_serve(sys, &options, &server, &port));
    return hub;
}

#endif
