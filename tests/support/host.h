/* SPDX-License-Identifier: MIT
 * host.h - a running system with one actor that owns the streams, dials and listeners of
 * a test, and does what the test says in its turns. */
#ifndef TRP_TESTS_HOST_H
#define TRP_TESTS_HOST_H

#include <troupe/system.h>

#include "transports/stream.h"

enum { HOST_STREAMS = 8 };

extern troupe_system *host_system;
/* Turned whenever there is something to see; the test puts them here and closes them.
 * Touched in the host's turns only. */
extern struct trp_stream *host_streams[HOST_STREAMS];

void host_begin(void);
void host_end(void); /* closes the streams */

/* Runs `what` in the host's turn; while it says TROUPE_EAGAIN again after each signal.
 * Returns what it says at last. */
typedef troupe_status (*host_fn)(troupe_self *self, void *argument);
troupe_status host_do(host_fn what, void *argument);

#endif
