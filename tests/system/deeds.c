/* SPDX-License-Identifier: MIT
 * deeds.c - what an actor of a random program may do in its turn. Statuses are of no
 * interest here: the accounts are. */
#include <stdio.h>

#include "tests/system/program.h"

static uint32_t pick(uint32_t limit)
{
    return program_random(limit);
}

static troupe_id anybody(void)
{
    if (program.cast_count == 0 || pick(40) == 0) {
        return TROUPE_NOBODY;
    }
    uint32_t recent = program.cast_count < 8 ? program.cast_count : 8;
    uint32_t who =
        pick(2) == 0 ? pick(program.cast_count) : program.cast_count - 1 - pick(recent);
    return program.cast[who].id;
}

static const char *some_name(void)
{
    static const char *const names[] = {"ada", "bob", "cyd", "dee"};

    return names[pick(4)];
}

static troupe_ns some_time(void)
{
    static const troupe_ns times[] = {0, 1, TROUPE_US(70), TROUPE_MS(3), TROUPE_S(2)};

    return times[pick(5)];
}

static void tell(troupe_self *self)
{
    troupe_id to = anybody();

    for (uint32_t i = pick(8) == 0 ? 40 : 1 + pick(3); i > 0; i--) {
        troupe_msg *msg = program_message(KIND_PLAY);
        if (msg == NULL || troupe_tell(self, to, &msg) != TROUPE_OK) {
            troupe_msg_free(&msg);
            if (pick(2) == 0) {
                (void)!troupe_tell_when_room(self, to, pick(100));
            }
            return;
        }
    }
}

static troupe_status then(troupe_self *self, void *state, troupe_msg **msg);

static bool ask_one(troupe_self *self, uint32_t me, uint32_t place)
{
    troupe_msg *msg = program_message(KIND_PLAY + 1);
    bool endless = pick(10) == 0;
    uint32_t number = program.ask_count;

    if (msg == NULL || number == ASKS_MAX) {
        troupe_msg_free(&msg);
        return false;
    }
    program.asks[number] = (struct ask){.owner = me, .endless = endless};
    troupe_status status =
        troupe_ask(self, anybody(), &msg, endless ? TROUPE_NEVER : 1 + some_time(),
                   number, &program.futures[place].future);
    if (status == TROUPE_OK) {
        program.ask_count++;
        program.futures[place].ask = number;
    }
    if ((msg == NULL) != (status == TROUPE_OK)) {
        program.wrong =
            "a message was taken by an ask that failed, or not by one that did";
    }
    troupe_msg_free(&msg);
    return status == TROUPE_OK;
}

static void ask(troupe_self *self, uint32_t me)
{
    uint32_t place = pick(RING);

    if (!ask_one(self, me, place)) {
        return;
    }
    switch (pick(6)) {
    case 0:
        (void)!troupe_future_then(self, program.futures[place].future, then);
        break;
    case 1:
        (void)troupe_future_cancel(self, program.futures[place].future);
        break;
    case 2:
        (void)!troupe_future_limit(self, program.futures[place].future, 1 + some_time());
        break;
    default:
        break;
    }
}

static troupe_status join_parts(troupe_self *self, const troupe_future *parts,
                                uint32_t count, uint32_t number)
{
    troupe_ns limit = pick(3) == 0 ? TROUPE_NEVER : 1 + some_time();
    uint32_t place = pick(RING);
    troupe_future *out = &program.futures[place].future;
    troupe_status status;

    switch (pick(3)) {
    case 0:
        status = troupe_all(self, parts, count, limit, number, out);
        break;
    case 1:
        status = troupe_any(self, parts, count, limit, number, out);
        break;
    default:
        status = troupe_race(self, parts, count, limit, number, out);
        break;
    }
    if (status == TROUPE_OK) {
        program.futures[place].ask = number;
        program.asks[number].endless = limit == TROUPE_NEVER;
    }
    return status;
}

static void join(troupe_self *self, uint32_t me)
{
    troupe_future parts[4];
    uint32_t asks[4];
    uint32_t count = 0;

    for (uint32_t i = 1 + pick(4); i > 0; i--) {
        uint32_t place = pick(RING);
        if (ask_one(self, me, place)) {
            parts[count] = program.futures[place].future;
            asks[count++] = program.futures[place].ask;
        }
    }
    uint32_t number = program.ask_count;
    if (count == 0 || number == ASKS_MAX) {
        return;
    }
    program.asks[number] = (struct ask){.owner = me};
    if (join_parts(self, parts, count, number) == TROUPE_OK) {
        program.ask_count++;
        for (uint32_t i = 0; i < count; i++) {
            program.asks[asks[i]].joined = true;
        }
    }
}

static void answer_kept(troupe_self *self)
{
    troupe_msg *msg = program_message(KIND_PLAY);

    if (msg != NULL) {
        (void)!troupe_reply_to(self, program.kept[pick(RING)], &msg);
    }
    troupe_msg_free(&msg);
}

static void meddle_with_futures(troupe_self *self)
{
    troupe_future future = program.futures[pick(RING)].future;

    switch (pick(3)) {
    case 0:
        (void)troupe_future_cancel(self, future);
        break;
    case 1:
        (void)!troupe_future_limit(self, future, 1 + some_time());
        break;
    default:
        (void)!troupe_future_then(self, future, then);
        break;
    }
}

static void spawn(troupe_self *self)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    options.watch = pick(3) == 0;
    options.link = pick(4) == 0;
    options.name = pick(6) == 0 ? some_name() : NULL;
    options.mailbox_limit = pick(5) == 0 ? 1 : 0;
    (void)!troupe_spawn(self, program_behavior(), NULL, &options, NULL);
}

static void spawn_supervisor(troupe_self *self)
{
    troupe_child_spec children[3];

    for (uint32_t i = 0; i < 3; i++) {
        children[i] = (troupe_child_spec){.behavior = program_behavior(),
                                          .restart = (troupe_restart)pick(3),
                                          .patience = some_time()};
    }
    troupe_supervisor_spec spec = {.strategy = (troupe_strategy)pick(3),
                                   .children = children,
                                   .child_count = pick(4),
                                   .intensity = pick(4),
                                   .backoff = some_time()};
    uint32_t place = program.cast_count;
    troupe_id id;
    if (place < CAST_MAX &&
        troupe_spawn(self, &troupe_supervisor, &spec, NULL, &id) == TROUPE_OK &&
        program.cast_count < CAST_MAX) {
        program.cast[program.cast_count++] = (struct player){.id = id};
    }
}

static void end_somebody(troupe_self *self)
{
    switch (pick(5)) {
    case 0:
        (void)troupe_kill(self, anybody());
        break;
    case 1:
        troupe_exit(self, pick(2) == 0 ? TROUPE_OK : TROUPE_ELOST);
        break;
    default:
        (void)troupe_stop(self, anybody());
        break;
    }
}

static void relate(troupe_self *self)
{
    switch (pick(4)) {
    case 0:
        troupe_unwatch(self, anybody());
        break;
    case 1:
        troupe_unlink(self, anybody());
        break;
    case 2:
        (void)!troupe_link(self, anybody());
        break;
    default:
        (void)!troupe_watch(self, anybody());
        break;
    }
}

static void time_something(troupe_self *self)
{
    troupe_timer *timer = &program.timers[pick(RING)];

    switch (pick(4)) {
    case 0:
        (void)troupe_timer_cancel(self, *timer);
        break;
    case 1:
        (void)!troupe_every(self, TROUPE_MS(200) + some_time(), KIND_PLAY + 2, 0, timer);
        break;
    default:
        (void)!troupe_after(self, some_time(), KIND_PLAY + 2, 0, timer);
        break;
    }
}

static void use_topics(troupe_self *self)
{
    troupe_msg *msg = NULL;

    switch (pick(4)) {
    case 0:
        (void)troupe_topic_unsubscribe(self, some_name());
        break;
    case 1:
        (void)!troupe_topic_subscribe(self, some_name(), pick(9));
        break;
    default:
        msg = program_message(KIND_PLAY);
        if (msg != NULL) {
            (void)!troupe_publish(self, some_name(), &msg);
        }
        troupe_msg_free(&msg);
        break;
    }
}

static void use_subscriptions(troupe_self *self)
{
    troupe_subscription *subscription = &program.subscriptions[pick(RING)];
    troupe_msg *msg = NULL;

    switch (pick(5)) {
    case 0:
        (void)troupe_unsubscribe(self, *subscription);
        break;
    case 1:
        (void)!troupe_grant(self, *subscription, 1 + pick(4));
        break;
    case 2:
        (void)troupe_offer_end(self, program.kept[pick(RING)],
                               pick(2) == 0 ? TROUPE_OK : TROUPE_ELOST);
        break;
    case 3:
        msg = program_message(TROUPE_KIND_SUBSCRIBE);
        if (msg != NULL) {
            (void)!troupe_subscribe(self, anybody(), &msg, 1 + pick(4), 0, subscription);
        }
        break;
    default:
        msg = program_message(KIND_PLAY + 3);
        if (msg != NULL) {
            (void)!troupe_offer(self, program.kept[pick(RING)], &msg);
        }
        break;
    }
    troupe_msg_free(&msg);
}

static void change_self(troupe_self *self)
{
    switch (pick(4)) {
    case 0:
        (void)!troupe_become(self, program_behavior());
        break;
    case 1:
        (void)!troupe_register(self, some_name());
        break;
    case 2:
        (void)troupe_unregister(self, some_name());
        break;
    default:
        (void)!troupe_dead_letters(self, pick(2) == 0);
        break;
    }
}

void program_deed(troupe_self *self, uint32_t me)
{
    if (program.budget == 0) {
        return;
    }
    program.budget--;
    uint32_t what = pick(100);
    if (what < 20) {
        tell(self);
    } else if (what < 34) {
        ask(self, me);
    } else if (what < 39) {
        join(self, me);
    } else if (what < 46) {
        answer_kept(self);
    } else if (what < 49) {
        meddle_with_futures(self);
    } else if (what < 61) {
        spawn(self);
    } else if (what < 63) {
        spawn_supervisor(self);
    } else if (what < 69) {
        end_somebody(self);
    } else if (what < 76) {
        relate(self);
    } else if (what < 82) {
        time_something(self);
    } else if (what < 88) {
        use_topics(self);
    } else if (what < 96) {
        use_subscriptions(self);
    } else {
        change_self(self);
    }
}

static troupe_status then(troupe_self *self, void *state, troupe_msg **msg)
{
    const troupe_behavior *any = program_behavior();

    return any->receive(self, state, msg);
}
