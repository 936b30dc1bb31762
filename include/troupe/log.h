/* SPDX-License-Identifier: MIT
 * log.h - where sentences about what happened go. Silent until a sink is set. */
#ifndef TROUPE_LOG_H
#define TROUPE_LOG_H

#include <troupe/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum troupe_log_level {
    TROUPE_LOG_ERROR = 1,
    TROUPE_LOG_WARN,
    TROUPE_LOG_INFO,
    TROUPE_LOG_DEBUG
} troupe_log_level;

typedef struct troupe_log_line {
    troupe_log_level level;
    const char *event; /* a stable word to search and alert on: "Q-HANDSHAKE" */
    const char *text;  /* one sentence, never a secret */
    troupe_id actor;   /* who says so, or nobody */
    const char *actor_name;
    uint64_t message; /* trace id of the delivery in progress, or 0 */
    int64_t unix_ns;
} troupe_log_line;

/* Receives a line; must not block for long and must not call the runtime. May be called
 * from several threads at once. */
typedef void (*troupe_log_sink)(void *context, const troupe_log_line *line);

struct troupe_system;

/* Sets the sink before the system runs; NULL for silence.
 *
 * level   the least important level to pass on
 * Thread: any, before the system runs. Source: actors/log.c */
TROUPE_API void troupe_log_to(struct troupe_system *sys, troupe_log_level level,
                              troupe_log_sink sink, void *context);

/* A ready sink: one logfmt line each to the FILE given as context (stderr when NULL).
 * Thread: any. Source: actors/log.c */
TROUPE_API void troupe_log_stderr(void *context, const troupe_log_line *line);

#ifdef __cplusplus
}
#endif

#endif
