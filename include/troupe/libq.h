/* SPDX-License-Identifier: MIT
 * libq.h - a licensed q library of KX as an engine: loaded when it is opened, called by
 * its public C functions only, all of them on the engine's thread.
 *
 * Troupe brings no such library and needs none. Who has one, with a licence that allows
 * it to be embedded, names it here. */
#ifndef TROUPE_LIBQ_H
#define TROUPE_LIBQ_H

#include <troupe/embedq.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The config of troupe_engine_libq; all but size may be zero. */
typedef struct troupe_libq_config {
    size_t size;         /* sizeof(troupe_libq_config) */
    const char *path;    /* of the library; NULL: libq.so where the system looks */
    const char *home;    /* the folder of q.k; NULL: $QHOME */
    const char *licence; /* the folder of the licence; NULL: $QLIC, else the home */
    const char *const *arguments; /* of q's command line, NULL-terminated; NULL: none */
    uint64_t message_limit;       /* bytes of an answer on its way out; 0: 1 GiB */
    bool skip_probe;              /* start q without trying it in a child process first */
    troupe_ns probe_limit;        /* the child has so long; 0: 30 s */
    troupe_failure *failure; /* receives why it cannot be opened, with a text; or NULL */
} troupe_libq_config;

#define TROUPE_LIBQ_CONFIG ((troupe_libq_config){.size = sizeof(troupe_libq_config)})

/* The engine. It answers what troupe_engine_embedq answers (TROUPE_KIND_Q_EVAL and
 * TROUPE_KIND_Q_CALL); values cross as the bytes of -8!. One in a process, and once: q
 * cannot be started again. A running call cannot be interrupted. q prints to standard
 * output by itself, `exit` ends the process, and q's own ports and timer do nothing.
 *
 * A q that lacks its licence may end the process that starts it: a child process tries
 * first, and what it prints becomes the text of the failure.
 *
 * Opening fails with TROUPE_ENOENT (no library, or no home), TROUPE_EUNSUPPORTED (a
 * function is missing, or q is older than 3.0), TROUPE_EACCESS (q does not start: its
 * licence), TROUPE_ETIMEDOUT (the child does not come back), TROUPE_EEXIST (opened
 * before), TROUPE_EINVAL (size), TROUPE_ENOMEM or TROUPE_ESYSTEM. A call fails with
 * TROUPE_EREMOTE and q's text, TROUPE_ETYPE (a value that cannot cross), TROUPE_ELIMIT or
 * TROUPE_ENOMEM.
 * Source: bindings/libq/libq_engine.c */
TROUPE_API extern const troupe_engine_ops troupe_engine_libq;

#ifdef __cplusplus
}
#endif

#endif
