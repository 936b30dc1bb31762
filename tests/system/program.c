/* SPDX-License-Identifier: MIT
 * program.c - one random program: its cast, its course, its accounts. */
#include "tests/system/program.h"

#include <string.h>

#include "actors/runtime.h"

struct program program;
uint32_t program_deeds = 600;
const char *program_trace = "off";
void (*program_look)(troupe_system *sys);

uint32_t program_random(uint32_t limit)
{
    uint64_t z = program.random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % limit);
}

/* ---- messages ---- */

static void end_owned(void *body)
{
    program.owned_ended++;
    trp_free(body);
}

static troupe_msg *owned_message(troupe_kind kind)
{
    void *body = trp_alloc(24);
    troupe_msg *msg = NULL;

    if (body == NULL) {
        return NULL;
    }
    if (troupe_msg_new_owned(kind, body, 24, end_owned, &msg) != TROUPE_OK) {
        trp_free(body);
        return NULL;
    }
    program.owned_made++;
    return msg;
}

static troupe_msg *blob_message(troupe_kind kind)
{
    troupe_blob *blob = NULL;
    troupe_msg *msg = NULL;

    if (troupe_blob_new("immutable", 10, &blob) == TROUPE_OK &&
        troupe_msg_new_blob(kind, blob, &msg) != TROUPE_OK) {
        msg = NULL;
    }
    troupe_blob_unref(&blob);
    return msg;
}

troupe_msg *program_message(troupe_kind kind)
{
    troupe_msg *msg = NULL;
    size_t size = 0;

    switch (program_random(8)) {
    case 0:
        return owned_message(kind);
    case 1:
        return blob_message(kind);
    case 2:
        size = program_random(3000);
        break;
    default:
        size = program_random(64);
        break;
    }
    if (troupe_msg_new(kind, size, &msg) != TROUPE_OK) {
        return NULL;
    }
    memset(troupe_msg_body(msg), 0x5a, size);
    return msg;
}

/* ---- actors ---- */

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    (void)args;
    if (program_random(25) == 0) {
        *(uint32_t *)state = CAST_MAX;
        return TROUPE_EREFUSED;
    }
    if (program.cast_count == CAST_MAX) {
        *(uint32_t *)state = CAST_MAX;
        return TROUPE_ELIMIT;
    }
    uint32_t me = program.cast_count++;
    *(uint32_t *)state = me;
    program.cast[me] = (struct player){.id = troupe_self_id(self), .alive = true};
    if (program_random(3) == 0) {
        program_deed(self, me);
    }
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_status reason)
{
    uint32_t me = *(uint32_t *)state;

    (void)reason;
    if (me == CAST_MAX) {
        return;
    }
    if (!program.cast[me].alive) {
        program.wrong = "an actor ended twice";
    }
    program.cast[me].alive = false;
    if (program_random(6) == 0) {
        program_deed(self, me);
    }
}

static void count_answer(uint32_t me, const troupe_msg *msg)
{
    uint64_t number = troupe_msg_tag(msg);

    if (number >= program.ask_count || program.asks[number].owner != me) {
        program.wrong = "an answer came to somebody who had not asked";
    } else if (program.asks[number].joined) {
        program.wrong = "a part of a join answered by itself";
    } else if (++program.asks[number].answers > 1) {
        program.wrong = "an ask was answered twice";
    }
}

static void answer_or_keep(troupe_self *self, troupe_msg **msg)
{
    troupe_msg *answer = NULL;

    switch (program_random(8)) {
    case 0:
        program.kept[program_random(RING)] = troupe_msg_from(*msg);
        break;
    case 1:
        (void)!troupe_fail(self, troupe_msg_from(*msg), TROUPE_EACCESS, "no");
        break;
    case 2:
        (void)!troupe_reply(self, *msg, msg);
        break;
    case 3:
        if (program.cast_count != 0) {
            (void)!troupe_tell(self, program.cast[program_random(program.cast_count)].id,
                               msg);
        }
        break;
    case 4:
        break; /* keeps silent */
    default:
        answer = program_message(KIND_PLAY);
        if (answer != NULL) {
            (void)!troupe_reply(self, *msg, &answer);
        }
        troupe_msg_free(&answer);
        break;
    }
}

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    uint32_t me = *(uint32_t *)state;
    troupe_kind kind = troupe_msg_kind(*msg);

    if (!program.cast[me].alive) {
        program.wrong = "a message reached an actor that had ended";
    }
    if (troupe_msg_is_answer(*msg)) {
        count_answer(me, *msg);
    } else if (troupe_msg_wants_answer(*msg)) {
        answer_or_keep(self, msg);
    } else if (kind == TROUPE_KIND_SUBSCRIBE) {
        program.kept[program_random(RING)] = troupe_msg_from(*msg);
    } else if (kind == TROUPE_KIND_STOP && program_random(4) != 0) {
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    }
    for (uint32_t i = program_random(4); i > 0; i--) {
        program_deed(self, me);
    }
    return program_random(60) == 0 ? TROUPE_EPROTO : TROUPE_OK;
}

static troupe_behavior behaviors[16];

static void make_behaviors(void)
{
    for (uint32_t i = 0; i < 16; i++) {
        behaviors[i] = (troupe_behavior){.name = "player",
                                         .state_size = sizeof(uint32_t),
                                         .start = start,
                                         .receive = receive,
                                         .stop = stop,
                                         .mailbox_limit = i % 3 == 0 ? 3 : 0,
                                         .policy = (troupe_policy)(i % 4),
                                         .batch = i % 5 == 0 ? 1 : 0};
        behaviors[i].flags = (i & 4) != 0 ? TROUPE_TRAP_EXIT : 0;
        behaviors[i].flags |= i % 7 == 0 ? TROUPE_TRAP_STOP : 0u;
        behaviors[i].flags |= i % 6 == 0 ? TROUPE_SERIAL : 0u;
    }
}

const troupe_behavior *program_behavior(void)
{
    return &behaviors[program_random(16)];
}

/* ---- accounts ---- */

/* What lies in mailboxes and at doors, counted one by one. */
static uint64_t count_queued(void)
{
    uint64_t queued = 0;

    for (uint32_t b = 1; b <= TRP_SYSTEM_BASES; b++) {
        struct trp_base *base = trp_base_at(program.sys, b);
        for (uint32_t i = 0; base != NULL && i < base->fresh; i++) {
            const struct trp_actor *actor =
                &base->chunks[i / TRP_CHUNK]->actors[i % TRP_CHUNK];
            uint32_t mail = 0;
            if (actor->phase == TRP_FREE || (actor->flags & TRP_ACTOR_LIGHT) != 0) {
                continue;
            }
            for (const troupe_msg *msg = actor->head; msg != NULL; msg = msg->next) {
                queued++;
                mail += (msg->flags & (TRP_MSG_SIGNAL | TRP_MSG_ANSWER)) == 0;
            }
            if (mail != actor->mail) {
                program.wrong = "a mailbox has lost count of its mail";
            }
        }
        queued += base != NULL ? atomic_load(&base->gate_count) : 0;
    }
    return queued;
}

static void look(void)
{
    if (program_look != NULL) {
        program_look(program.sys);
    }
}

static void check_accounts(void)
{
    troupe_stats stats;

    troupe_system_stats(program.sys, &stats);
    if (stats.accepted != stats.delivered + stats.dropped + stats.queued ||
        stats.queued != count_queued()) {
        program.wrong = "accepted is not delivered, dropped and queued";
    }
}

/* Time has passed: whoever lives and asked with a limit has its answer. */
static void check_asks(void)
{
    for (uint32_t i = 0; i < program.ask_count; i++) {
        const struct ask *ask = &program.asks[i];
        if (ask->answers == 0 && !ask->joined && !ask->endless &&
            program.cast[ask->owner].alive) {
            program.wrong = "an ask was not answered";
        }
    }
}

/* ---- the course of a program ---- */

static void step(void)
{
    troupe_ns next = troupe_system_step(program.sys, program.now);

    if (next != program.now && program_random(3) == 0) {
        program.now += TROUPE_US(program_random(5000));
    } else if (next != TROUPE_NEVER && next > program.now) {
        program.now = next;
    }
}

/* Runs until nothing is left to do before `when`; false when that does not come. */
static bool run_until(troupe_ns when)
{
    for (uint32_t steps = 0; steps < 100000; steps++) {
        troupe_ns next = troupe_system_step(program.sys, program.now);
        if (next > when) {
            program.now = when;
            return true;
        }
        program.now = next;
    }
    program.wrong = "it does not come to rest";
    return false;
}

static void interfere(void)
{
    troupe_msg *msg = NULL;
    troupe_id who = program.cast_count != 0
                        ? program.cast[program_random(program.cast_count)].id
                        : TROUPE_NOBODY;
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    switch (program_random(8)) {
    case 0:
        (void)!troupe_system_kill_actor(program.sys, who);
        break;
    case 1:
        (void)!troupe_system_stop_actor(program.sys, who);
        break;
    case 2:
        options.base = 1 + program_random(3);
        (void)!troupe_system_spawn(program.sys, program_behavior(), NULL, &options, NULL);
        break;
    default:
        msg = program_message(KIND_PLAY);
        if (msg != NULL) {
            (void)!troupe_post(program.sys, who, &msg);
        }
        troupe_msg_free(&msg);
        break;
    }
}

static bool begin(uint64_t seed)
{
    troupe_options options = TROUPE_OPTIONS;

    memset(&program, 0, sizeof(program));
    program.random = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    make_behaviors();
    program.budget = 20 + program_random(program_deeds);
    options.simulated = true;
    options.seed = program_random(2) == 0 ? 0 : seed;
    options.trace = program_trace;
    options.bases = program_random(3) == 0 ? 1 + program_random(3) : 1;
    options.mailbox_limit = 2 + program_random(30);
    options.batch = 1 + program_random(20);
    options.gate_limit = program_random(4) == 0 ? 4 : 0;
    options.actors_max = program_random(4) == 0 ? 30 : 2000;
    options.timers_max = program_random(8) == 0 ? 10 : 0;
    return troupe_system_new(&options, &program.sys) == TROUPE_OK;
}

static void end_by_shutdown(void)
{
    troupe_stats stats;
    troupe_ns within = program_random(2) == 0 ? 0 : TROUPE_MS(program_random(3000));

    troupe_system_shutdown(program.sys, within);
    if (program_random(2) == 0) {
        interfere();
    }
    (void)run_until(program.now + within + TROUPE_S(1));
    check_accounts();
    troupe_system_stats(program.sys, &stats);
    if (!atomic_load(&program.sys->finished)) {
        program.wrong = "shutdown has not finished";
    } else if (!trp_fail_armed() && (stats.actors != 0 || stats.queued != 0)) {
        /* without memory for its order it ends at once and leaves the rest to free */
        program.wrong = "shutdown has left something behind";
    }
}

bool program_run(uint64_t seed)
{
    if (!begin(seed)) {
        return true; /* nothing was promised */
    }
    for (uint32_t i = 0; i < 4; i++) {
        (void)!troupe_system_spawn(program.sys, program_behavior(), NULL, NULL, NULL);
    }
    for (uint32_t i = 20 + program_random(120); i > 0 && program.wrong == NULL; i--) {
        if (program_random(2) == 0) {
            interfere();
        }
        step();
        check_accounts();
    }
    if (program_random(3) == 0) { /* else: the end comes in the middle of things */
        program.budget = 0;
        (void)run_until(program.now + TROUPE_S(20));
        check_accounts();
        check_asks();
    }
    look();
    if (program_random(8) != 0) {
        end_by_shutdown();
        look();
    }
    troupe_system_free(&program.sys);
    if (program.owned_made != program.owned_ended) {
        program.wrong = "what messages owned has not ended with them";
    }
    return program.wrong == NULL;
}
