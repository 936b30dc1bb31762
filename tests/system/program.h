/* SPDX-License-Identifier: MIT
 * program.h - random actor programs: actors that do random things to each other, and an
 * account of what was promised to them. */
#ifndef TRP_TESTS_PROGRAM_H
#define TRP_TESTS_PROGRAM_H

#include <troupe/future.h>
#include <troupe/subscription.h>
#include <troupe/supervisor.h>
#include <troupe/system.h>

enum {
    ASKS_MAX = 4096,
    CAST_MAX = 512,
    RING = 64,
    KIND_PLAY = TROUPE_KIND_USER + 1, /* to KIND_PLAY + 3: told, asked, timed, offered */
    KIND_NEXT = KIND_PLAY + 4
};

struct ask {
    uint32_t owner;   /* number in the cast */
    uint32_t answers; /* that arrived */
    bool joined;      /* a join answers in its place */
    bool endless;     /* no time limit: its target may keep silent */
};

struct player {
    troupe_id id;
    bool alive;
};

struct program {
    troupe_system *sys;
    uint64_t random;
    troupe_ns now;
    uint32_t budget; /* deeds left */
    struct player cast[CAST_MAX];
    uint32_t cast_count;
    struct ask asks[ASKS_MAX];
    uint32_t ask_count;
    struct {
        troupe_future future;
        uint32_t ask;
    } futures[RING];
    troupe_id kept[RING]; /* requests to answer later, and producers' handles */
    troupe_timer timers[RING];
    troupe_subscription subscriptions[RING];
    uint64_t owned_made, owned_ended;
    const char *wrong; /* the first promise that was broken */
};

extern struct program program;
extern uint32_t program_deeds;                   /* at most so many and 20 more */
extern const char *program_trace;                /* the system's option */
extern void (*program_look)(troupe_system *sys); /* before the end and after, or NULL */

/* A number below `limit` from the program's own generator. */
uint32_t program_random(uint32_t limit);

/* Lives through the program of a seed and frees its system. Returns whether everything
 * promised was kept; else program.wrong says what was not. */
bool program_run(uint64_t seed);

/* One random deed of the actor that runs now (deeds.c). */
void program_deed(troupe_self *self, uint32_t me);

/* A random behaviour, and a message with a random body; NULL without memory. */
const troupe_behavior *program_behavior(void);
troupe_msg *program_message(troupe_kind kind);

#endif
