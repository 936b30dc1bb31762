/* SPDX-License-Identifier: MIT
 * Actors of three bases and threads that are no actors do random things to each other,
 * all at once. The order is the machine's; what must hold is the accounts, and that it
 * ends. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <troupe/future.h>
#include <troupe/subscription.h>
#include <troupe/supervisor.h>
#include <troupe/system.h>

#include "tests/support/suite.h"

enum {
    BASES = 3,
    THREADS = 3,
    CAST = 64,
    STORMS = 100,
    DEEDS = 400, /* of each thread */
    KIND_PLAY = TROUPE_KIND_USER,
    KIND_ITEM
};

static troupe_system *sys;
static atomic_uint_fast64_t cast[CAST]; /* ids of some who may live */
static atomic_uint_fast64_t starts, ends, asked, answered, given_up;

static uint64_t next_random(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct player {
    uint64_t random;
    uint64_t open; /* asks that were not answered */
    troupe_id kept;
    troupe_subscription subscription;
};

static uint32_t pick(struct player *player, uint32_t limit)
{
    return (uint32_t)(next_random(&player->random) % limit);
}

static troupe_id anybody(struct player *player)
{
    return (troupe_id){atomic_load(&cast[pick(player, CAST)])};
}

static const troupe_behavior behaviors[4];

/* ---- deeds ---- */

static void tell(troupe_self *self, struct player *player)
{
    troupe_msg *msg = NULL;

    if (troupe_msg_new(KIND_PLAY, pick(player, 200), &msg) == TROUPE_OK) {
        (void)!troupe_tell(self, anybody(player), &msg);
    }
    troupe_msg_free(&msg);
}

static void ask(troupe_self *self, struct player *player)
{
    troupe_msg *msg = NULL;
    troupe_future future = {{0}};

    if (troupe_msg_new(KIND_PLAY, pick(player, 200), &msg) == TROUPE_OK &&
        troupe_ask(self, anybody(player), &msg, TROUPE_US(1 + pick(player, 3000)), 0,
                   &future) == TROUPE_OK) {
        player->open++;
        (void)atomic_fetch_add(&asked, 1);
        if (pick(player, 8) == 0) {
            (void)troupe_future_cancel(self, future);
        }
    }
    troupe_msg_free(&msg);
}

static void answer_kept(troupe_self *self, struct player *player)
{
    troupe_msg *msg = NULL;

    if (troupe_msg_new(KIND_PLAY, 8, &msg) == TROUPE_OK) {
        (void)!troupe_reply_to(self, player->kept, &msg);
    }
    troupe_msg_free(&msg);
}

static void spawn(troupe_self *self, struct player *player)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    uint64_t seed = next_random(&player->random);

    options.link = pick(player, 6) == 0;
    options.watch = pick(player, 3) == 0;
    (void)!troupe_spawn(self, &behaviors[pick(player, 4)], &seed, &options, NULL);
}

static void publish(troupe_self *self, struct player *player)
{
    troupe_msg *msg = NULL;
    troupe_blob *blob = NULL;

    if (pick(player, 2) == 0) {
        (void)!troupe_topic_subscribe(self, "storm", 0);
    } else if (troupe_blob_new("thunder", 8, &blob) == TROUPE_OK &&
               troupe_msg_new_blob(KIND_ITEM, blob, &msg) == TROUPE_OK) {
        (void)!troupe_publish(self, "storm", &msg);
    }
    troupe_msg_free(&msg);
    troupe_blob_unref(&blob);
}

static void subscribe(troupe_self *self, struct player *player)
{
    troupe_msg *msg = NULL;

    switch (pick(player, 4)) {
    case 0:
        (void)troupe_unsubscribe(self, player->subscription);
        break;
    case 1:
        (void)!troupe_grant(self, player->subscription, 2);
        break;
    case 2:
        if (troupe_msg_new(KIND_ITEM, 8, &msg) == TROUPE_OK) {
            (void)!troupe_offer(self, player->kept, &msg);
        }
        break;
    default:
        if (troupe_msg_new(TROUPE_KIND_SUBSCRIBE, 0, &msg) == TROUPE_OK) {
            (void)!troupe_subscribe(self, anybody(player), &msg, 3, 0,
                                    &player->subscription);
        }
        break;
    }
    troupe_msg_free(&msg);
}

static void deed(troupe_self *self, struct player *player)
{
    switch (pick(player, 16)) {
    case 0:
        (void)!troupe_watch(self, anybody(player));
        break;
    case 1:
        (void)!troupe_link(self, anybody(player));
        break;
    case 2:
        (void)troupe_stop(self, anybody(player));
        break;
    case 3:
        (void)troupe_kill(self, anybody(player));
        break;
    case 4:
    case 5:
        spawn(self, player);
        break;
    case 6:
        publish(self, player);
        break;
    case 7:
        subscribe(self, player);
        break;
    case 8:
        (void)!troupe_after(self, TROUPE_US(pick(player, 500)), KIND_PLAY, 0, NULL);
        break;
    case 9:
        answer_kept(self, player);
        break;
    case 10:
        (void)!troupe_tell_when_room(self, anybody(player), 0);
        break;
    case 11:
    case 12:
        ask(self, player);
        break;
    default:
        tell(self, player);
        break;
    }
}

/* ---- the players ---- */

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    struct player *player = state;

    player->random = *(const uint64_t *)args;
    (void)atomic_fetch_add(&starts, 1);
    atomic_store(&cast[pick(player, CAST)], troupe_self_id(self).bits);
    deed(self, player);
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_status reason)
{
    (void)self;
    (void)reason;
    (void)atomic_fetch_add(&given_up, ((struct player *)state)->open);
    (void)atomic_fetch_add(&ends, 1);
}

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct player *player = state;
    troupe_msg *answer = NULL;

    if (troupe_msg_is_answer(*msg)) {
        player->open--;
        (void)atomic_fetch_add(&answered, 1);
    } else if (troupe_msg_wants_answer(*msg)) {
        switch (pick(player, 3)) {
        case 0:
            player->kept = troupe_msg_from(*msg);
            break;
        case 1:
            (void)!troupe_tell(self, anybody(player), msg);
            break;
        default:
            if (troupe_msg_new(KIND_PLAY, 8, &answer) == TROUPE_OK) {
                (void)!troupe_reply(self, *msg, &answer);
            }
            troupe_msg_free(&answer);
            break;
        }
    } else if (troupe_msg_kind(*msg) == TROUPE_KIND_SUBSCRIBE) {
        player->kept = troupe_msg_from(*msg);
    }
    if (pick(player, 5) < 4) {
        deed(self, player);
    }
    return TROUPE_OK;
}

static const troupe_behavior behaviors[4] = {
    {.name = "calm",
     .state_size = sizeof(struct player),
     .start = start,
     .receive = receive,
     .stop = stop,
     .mailbox_limit = 32},
    {.name = "forgetful",
     .state_size = sizeof(struct player),
     .start = start,
     .receive = receive,
     .stop = stop,
     .mailbox_limit = 4,
     .policy = TROUPE_DROP_OLDEST},
    {.name = "serial",
     .state_size = sizeof(struct player),
     .start = start,
     .receive = receive,
     .stop = stop,
     .mailbox_limit = 32,
     .flags = TROUPE_SERIAL | TROUPE_TRAP_EXIT},
    {.name = "fussy",
     .state_size = sizeof(struct player),
     .start = start,
     .receive = receive,
     .stop = stop,
     .mailbox_limit = 8,
     .policy = TROUPE_KEEP_LAST},
};

/* ---- threads ---- */

static void interfere(struct player *player)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    uint64_t seed = next_random(&player->random);
    troupe_msg *msg = NULL;
    troupe_msg *answer = NULL;

    if (troupe_msg_new(KIND_PLAY, 8, &msg) != TROUPE_OK) {
        return;
    }
    switch (pick(player, 6)) {
    case 0:
        options.base = 1 + pick(player, BASES);
        (void)!troupe_system_spawn(sys, &behaviors[pick(player, 4)], &seed, &options,
                                   NULL);
        break;
    case 1:
        (void)!troupe_system_kill_actor(sys, anybody(player));
        break;
    case 2:
        (void)!troupe_call(sys, anybody(player), &msg, TROUPE_US(200), &answer, NULL);
        troupe_msg_free(&answer);
        break;
    default:
        (void)!troupe_post(sys, anybody(player), &msg);
        break;
    }
    troupe_msg_free(&msg);
}

static void *thread_main(void *argument)
{
    struct player player = {.random = *(uint64_t *)argument};

    for (int i = 0; i < DEEDS; i++) {
        interfere(&player);
    }
    if (pick(&player, 2) == 0) { /* one or the other ends it in the middle of things */
        troupe_system_shutdown(sys, TROUPE_MS(pick(&player, 3)));
    }
    return NULL;
}

static void populate(uint64_t seed)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    for (uint32_t i = 0; i < 2 * BASES; i++) {
        options.base = i % BASES + 1;
        seed++;
        (void)!troupe_system_spawn(sys, &behaviors[i % 4], &seed, &options, NULL);
    }
}

static void storm(uint64_t seed)
{
    troupe_options options = TROUPE_OPTIONS;
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    troupe_stats stats;

    options.bases = BASES;
    options.trace = "off";
    options.actors_max = 2000;
    options.gate_limit = seed % 2 == 0 ? 64 : 0;
    for (int i = 0; i < CAST; i++) {
        atomic_store(&cast[i], 0);
    }
    ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    populate(seed);
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = seed * 1000 + (uint64_t)i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_main, &seeds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    troupe_system_shutdown(sys, TROUPE_MS(seed % 20));
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    troupe_system_stats(sys, &stats);
    ck_assert_uint_eq(stats.accepted, stats.delivered + stats.dropped + stats.queued);
    troupe_system_free(&sys);
    ck_assert_uint_eq(atomic_load(&starts), atomic_load(&ends));
    ck_assert_uint_eq(atomic_load(&asked),
                      atomic_load(&answered) + atomic_load(&given_up));
}

START_TEST(a_storm_ends_and_its_accounts_are_right)
{
    const char *text = getenv("TROUPE_SEED");
    uint64_t one = text != NULL ? strtoull(text, NULL, 10) : 0;

    for (uint64_t seed = one != 0 ? one : 1; seed <= (one != 0 ? one : STORMS); seed++) {
        storm(seed);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("storm");
    TCase *tcase = tcase_create("storm");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_storm_ends_and_its_accounts_are_right);
    suite_add_tcase(suite, tcase);
    return suite;
}
