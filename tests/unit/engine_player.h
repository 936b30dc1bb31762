/* SPDX-License-Identifier: MIT
 * engine_player.h - an engine that does what a test asks of it, and remembers. */
#ifndef TRP_TESTS_ENGINE_PLAYER_H
#define TRP_TESTS_ENGINE_PLAYER_H

#include <troupe/engine.h>

#include "mailbox/alloc.h"
#include "tests/support/sim.h"

enum {
    CALL_NOTE = TROUPE_KIND_USER + 100, /* remembers its tag */
    CALL_ECHO,                          /* answers a copy with kind KIND_A */
    CALL_FAIL,                          /* fails with the status in its tag */
    CALL_EXPLAIN,                       /* fails with a text */
    CALL_LATER,                         /* is answered by the next CALL_NOW */
    CALL_NOW,
    CALL_TELL,    /* tells the actor in its body */
    CALL_NESTED,  /* calls itself as often as its tag says */
    CALL_GO_AWAY, /* ends the engine actor */
    CALL_TAKE     /* takes the request */
};

struct played {
    bool open;
    unsigned opens, closes, settles;
    uint64_t notes[4096];
    size_t count;
    troupe_id later;
    troupe_status open_with;
    const char *config;
};

extern struct played played;
extern const troupe_engine_ops player, single; /* single: at most one in a process */

#endif
