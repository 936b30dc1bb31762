/* SPDX-License-Identifier: MIT
 * supervisor.h - actors that keep others alive.
 *
 * Spawn `troupe_supervisor` with a troupe_supervisor_spec as its args. */
#ifndef TROUPE_SUPERVISOR_H
#define TROUPE_SUPERVISOR_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum troupe_strategy {
    TROUPE_ONE_FOR_ONE, /* restart the child that ended */
    TROUPE_ONE_FOR_ALL, /* stop all others, restart all */
    TROUPE_REST_FOR_ONE /* stop and restart those started after it, too */
} troupe_strategy;

typedef enum troupe_restart {
    TROUPE_PERMANENT, /* always restarted */
    TROUPE_TRANSIENT, /* restarted when its reason was not TROUPE_OK */
    TROUPE_TEMPORARY  /* never restarted */
} troupe_restart;

typedef struct troupe_child_spec {
    const char *name; /* registered for each incarnation; NULL: none */
    const troupe_behavior *behavior;
    const void *args; /* kept by reference: must outlive the supervisor */
    troupe_restart restart;
    troupe_ns patience; /* from stop to kill, > 0; 0: 5 s */
} troupe_child_spec;

typedef struct troupe_supervisor_spec {
    troupe_strategy strategy;
    const troupe_child_spec *children; /* copied; started in this order */
    size_t child_count;                /* 0 to TROUPE_CHILDREN_MAX */
    uint32_t intensity;                /* restarts allowed within `period`, up to
                                          TROUPE_INTENSITY_MAX; 0: 3 */
    troupe_ns period;                  /* > 0; 0: 5 s */
    troupe_ns backoff;                 /* before the first restart; 0: at once */
    troupe_ns backoff_max;             /* it doubles up to here; 0: 30 s */
} troupe_supervisor_spec;

enum { TROUPE_CHILDREN_MAX = 65536, TROUPE_INTENSITY_MAX = 65536 };

/* The supervisor's behaviour. Its start fails when a child's does, and then ends those
 * that run. It ends with TROUPE_ERESTARTS when the intensity is exceeded, after stopping
 * its children, the youngest first; and the same way, with TROUPE_OK, when it is stopped.
 * A restart whose start fails counts as one and is tried again. A child that is not to be
 * restarted leaves the list. The back-off is short again for a child that has lived for a
 * period.
 * Source: actors/supervisor.c */
TROUPE_API extern const troupe_behavior troupe_supervisor;

/* Requests to a supervisor (ask it). */
enum {
    TROUPE_KIND_CHILD_ADD = TROUPE_KIND_RESERVED + 1, /* body: troupe_child_spec; answer:
                                                         body troupe_id of the child */
    TROUPE_KIND_CHILD_REMOVE, /* body: troupe_id; answer: TROUPE_KIND_DONE when it has
                                 ended */
    TROUPE_KIND_CHILD_LIST /* answer: body array of troupe_id, nobody while restarting */
};

#ifdef __cplusplus
}
#endif

#endif
