/* SPDX-License-Identifier: MIT
 * status.h - the error vocabulary of Troupe. */
#ifndef TROUPE_STATUS_H
#define TROUPE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TROUPE_API                 __attribute__((visibility("default")))
#define TROUPE_MUST_CHECK          __attribute__((warn_unused_result))
#define TROUPE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TROUPE_API
#define TROUPE_MUST_CHECK
#define TROUPE_PRINTF(text, first)
#endif

/* Hundreds tell who is to blame: -1 the call, -100 actors, -200 transport,
 * -300 the peer broke the protocol, -400 the peer reported an error. Values are
 * never reused. */
#define TROUPE_STATUS_MAP(X)                                                             \
    X(OK, 0, "success")                                                                  \
    X(EINVAL, -1, "an argument is outside its range")                                    \
    X(ENOMEM, -2, "memory could not be allocated")                                       \
    X(EAGAIN, -3, "more input or more room is needed")                                   \
    X(ELIMIT, -4, "a named limit would be exceeded")                                     \
    X(EEXIST, -5, "the name is already taken")                                           \
    X(ENOENT, -6, "nothing has this name")                                               \
    X(EDEADLK, -7, "the call would wait for its own thread")                             \
    X(ESTATE, -8, "not allowed in the present state")                                    \
    X(EUNSUPPORTED, -9, "this part cannot do that")                                      \
    X(ESYSTEM, -10, "the operating system reported an error")                            \
    X(ETYPE, -11, "the value has the wrong type")                                        \
    X(EGONE, -100, "the addressed actor no longer exists")                               \
    X(EBUSY, -101, "the mailbox or queue is full")                                       \
    X(ETIMEDOUT, -102, "the time limit passed")                                          \
    X(ECANCELED, -103, "the operation was cancelled")                                    \
    X(ECLOSED, -104, "the system or channel is shutting down")                           \
    X(EKILLED, -105, "the actor was killed")                                             \
    X(ECYCLE, -106, "the ask would wait for itself in a cycle")                          \
    X(ERESTARTS, -107, "a child was restarted too often")                                \
    X(EREFUSED, -200, "the connection was refused")                                      \
    X(ELOST, -201, "the connection was lost")                                            \
    X(EUNREACHABLE, -202, "the host cannot be reached")                                  \
    X(ERESOLVE, -203, "the host name cannot be resolved")                                \
    X(EACCESS, -204, "the login was refused")                                            \
    X(ETLS, -205, "the TLS handshake or certificate check failed")                       \
    X(EINUSE, -206, "the address is already in use")                                     \
    X(EPROTO, -300, "the peer violated the protocol")                                    \
    X(ETRUNCATED, -301, "the input ends in the middle of a value")                       \
    X(EREMOTE, -400, "the peer or the engine answered with an error")

typedef enum troupe_status {
#define X(name, value, text) TROUPE_##name = (value),
    TROUPE_STATUS_MAP(X)
#undef X
} troupe_status;

/* The constant's name without its prefix ("EBUSY"), or "E?" for an unknown value.
 * Thread: any. Source: mailbox/status.c */
TROUPE_API const char *troupe_status_name(troupe_status status);

/* One English clause that says what happened.
 * Thread: any. Source: mailbox/status.c */
TROUPE_API const char *troupe_status_text(troupe_status status);

/* Whether the same call may succeed later without a change by the caller.
 * Thread: any. Source: mailbox/status.c */
TROUPE_API bool troupe_status_retryable(troupe_status status);

/* A span of time or a point on the monotonic clock, in nanoseconds. */
typedef int64_t troupe_ns;

#define TROUPE_US(n) ((troupe_ns)(n)*INT64_C(1000))
#define TROUPE_MS(n) ((troupe_ns)(n)*INT64_C(1000000))
#define TROUPE_S(n)  ((troupe_ns)(n)*INT64_C(1000000000))
#define TROUPE_NEVER INT64_MAX

#ifdef __cplusplus
}
#endif

#endif
