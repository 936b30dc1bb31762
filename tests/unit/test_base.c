/* SPDX-License-Identifier: MIT
 * The machine on real loops and threads. Nothing here measures time. */
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <troupe/future.h>
#include <troupe/subscription.h>
#include <troupe/system.h>

#include "tests/support/suite.h"

enum { KIND_BALL = TROUPE_KIND_USER, KIND_COUNT, KIND_TICK, KIND_NEXT, KIND_PUBLISH };

static troupe_system *sys;

static void make(troupe_options options)
{
    options.trace = "off";
    sys = NULL;
    ck_assert_int_eq(troupe_system_new(&options, &sys), TROUPE_OK);
}

static void finish(void)
{
    troupe_stats stats;

    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    troupe_system_stats(sys, &stats);
    ck_assert_uint_eq(stats.accepted, stats.delivered + stats.dropped);
    ck_assert_uint_eq(stats.actors, 0);
    troupe_system_free(&sys);
}

/* ---- fairness to descriptors ---- */

static uint64_t balls;

/* Throws every ball back; for ever busy. */
static troupe_status throw_back(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    balls++;
    troupe_id to = troupe_id_is_nobody(troupe_msg_from(*msg)) ? troupe_self_parent(self)
                                                              : troupe_msg_from(*msg);
    troupe_status status = troupe_tell(self, to, msg);
    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

static troupe_status start_game(troupe_self *self, void *state, const void *args)
{
    static const troupe_behavior partner = {.name = "partner", .receive = throw_back};
    troupe_id id;

    (void)state;
    (void)args;
    troupe_status status = troupe_spawn(self, &partner, NULL, NULL, &id);
    for (int i = 0; i < 200 && status == TROUPE_OK; i++) {
        status = troupe_signal(self, id, KIND_BALL, 0);
    }
    return status;
}

static const troupe_behavior player = {
    .name = "player", .start = start_game, .receive = throw_back};

struct served {
    int pipe[2];
    int times;
    uint64_t at;      /* balls when the byte was written */
    uint64_t longest; /* most balls between writing and serving */
};

static void serve(evutil_socket_t fd, short what, void *context)
{
    struct served *served = context;
    char byte;

    (void)what;
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    uint64_t waited = balls - served->at;
    served->longest = waited > served->longest ? waited : served->longest;
    if (++served->times == 200) {
        troupe_system_shutdown(sys, 0);
        return;
    }
    served->at = balls;
    ck_assert_int_eq(write(served->pipe[1], &byte, 1), 1);
}

START_TEST(a_busy_pair_of_actors_cannot_starve_a_socket)
{
    troupe_options options = TROUPE_OPTIONS;
    struct served served = {.times = 0};
    struct event_base *events = event_base_new();

    balls = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, served.pipe), 0);
    struct event *readable =
        event_new(events, served.pipe[0], EV_READ | EV_PERSIST, serve, &served);
    ck_assert_int_eq(event_add(readable, NULL), 0);
    options.event_base = events;
    options.pass = 1; /* a pass is as short as it can be: some turns of 64 messages */
    make(options);
    ck_assert_int_eq(troupe_system_spawn(sys, &player, NULL, NULL, NULL), TROUPE_OK);
    ck_assert_int_eq(write(served.pipe[1], "x", 1), 1);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_OK);
    ck_assert_int_eq(served.times, 200);
    ck_assert_uint_gt(balls, 200); /* they were busy all the time */
    ck_assert_uint_le(served.longest, 4 * 16 * 64);
    finish();
    event_free(readable);
    event_base_free(events);
    (void)close(served.pipe[0]);
    (void)close(served.pipe[1]);
}
END_TEST

enum { WARM = 1000 };

struct throw_args {
    int in; /* gets a byte when the game goes on */
    troupe_id wall;
};

/* Throws balls at the wall on another base. */
static troupe_status throw_at(troupe_self *self, void *state, troupe_msg **msg)
{
    const int *in = state;

    if (++balls == WARM && write(*in, "x", 1) != 1) {
        return TROUPE_ESYSTEM;
    }
    return troupe_tell(self, troupe_msg_from(*msg), msg);
}

static troupe_status start_throwing(troupe_self *self, void *state, const void *args)
{
    const struct throw_args *game = args;
    troupe_status status = TROUPE_OK;

    *(int *)state = game->in;
    for (int i = 0; i < 4 && status == TROUPE_OK; i++) {
        status = troupe_signal(self, game->wall, KIND_BALL, 0);
    }
    return status;
}

static troupe_status bounce(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    return troupe_tell(self, troupe_msg_from(*msg), msg);
}

/* Both bases are always answered while they look for mail. */
static void bounce_beside_a_socket(troupe_ns spin)
{
    static const troupe_behavior thrower = {.name = "thrower",
                                            .state_size = sizeof(int),
                                            .start = start_throwing,
                                            .receive = throw_at};
    static const troupe_behavior wall = {.name = "wall", .receive = bounce};
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    struct served served = {.times = 0};
    struct event_base *events = event_base_new();
    struct throw_args game;

    balls = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, served.pipe), 0);
    struct event *readable =
        event_new(events, served.pipe[0], EV_READ | EV_PERSIST, serve, &served);
    ck_assert_int_eq(event_add(readable, NULL), 0);
    options.event_base = events;
    options.bases = where.base = 2;
    options.spin = spin;
    game.in = served.pipe[1];
    make(options);
    ck_assert_int_eq(troupe_system_spawn(sys, &wall, NULL, &where, &game.wall),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_system_spawn(sys, &thrower, &game, NULL, NULL), TROUPE_OK);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_OK);
    ck_assert_uint_ge(balls, WARM);
    finish();
    event_free(readable);
    event_base_free(events);
    (void)close(served.pipe[0]);
    (void)close(served.pipe[1]);
}

START_TEST(a_busy_pair_on_two_bases_cannot_starve_a_socket)
{
    bounce_beside_a_socket(0);
    bounce_beside_a_socket(TROUPE_MS(50));
    bounce_beside_a_socket(TROUPE_NO_SPIN);
}
END_TEST

static int ticks;

static troupe_status count_ticks(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    (void)msg;
    if (++ticks == 20) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(5));
    }
    return TROUPE_OK;
}

static troupe_status start_ticks(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_every(self, TROUPE_US(100), KIND_TICK, 0, NULL);
}

static const troupe_behavior clock_behavior = {
    .name = "clock", .start = start_ticks, .receive = count_ticks};

START_TEST(a_busy_pair_of_actors_cannot_starve_a_timer)
{
    ticks = 0;
    balls = 0;
    make(TROUPE_OPTIONS);
    ck_assert_int_eq(troupe_system_spawn(sys, &player, NULL, NULL, NULL), TROUPE_OK);
    ck_assert_int_eq(troupe_system_spawn(sys, &clock_behavior, NULL, NULL, NULL),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_OK);
    ck_assert_int_ge(ticks, 20);
    finish();
}
END_TEST

/* ---- loops ---- */

static void stop_loop(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    troupe_system_shutdown(context, TROUPE_S(5));
}

START_TEST(the_callers_own_loop_runs_a_base)
{
    troupe_options options = TROUPE_OPTIONS;
    struct event_base *events = event_base_new();
    struct timeval soon = {.tv_usec = 1000};

    options.event_base = events;
    make(options);
    ck_assert_int_eq(troupe_system_spawn(sys, &player, NULL, NULL, NULL), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    struct event *stop = evtimer_new(events, stop_loop, sys);
    ck_assert_int_eq(event_add(stop, &soon), 0);
    ck_assert_int_ge(event_base_dispatch(events), 0); /* ends when nothing is left */
    finish();
    event_free(stop);
    event_base_free(events);
}
END_TEST

START_TEST(a_system_runs_once)
{
    make(TROUPE_OPTIONS);
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_ESTATE);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_ESTATE);
    troupe_system_shutdown(sys, TROUPE_S(5));
    finish();
}
END_TEST

static troupe_status refused[2];

static troupe_status call_what_blocks(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_system *system = troupe_self_system(self);

    (void)state;
    (void)msg;
    refused[0] = troupe_system_join(system);
    refused[1] = troupe_system_spawn(system, &player, NULL, NULL, NULL);
    troupe_system_shutdown(system, TROUPE_S(5));
    return TROUPE_OK;
}

START_TEST(a_base_refuses_to_wait_for_its_own_system)
{
    static const troupe_behavior blocker = {.name = "blocker",
                                            .receive = call_what_blocks};
    troupe_id id;
    troupe_msg *msg = NULL;

    make(TROUPE_OPTIONS);
    ck_assert_int_eq(troupe_system_spawn(sys, &blocker, NULL, NULL, &id), TROUPE_OK);
    ck_assert_int_eq(troupe_msg_new(KIND_BALL, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sys, id, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_OK);
    ck_assert_int_eq(refused[0], TROUPE_EDEADLK);
    ck_assert_int_eq(refused[1], TROUPE_EDEADLK);
    finish();
}
END_TEST

/* ---- other threads ---- */

enum { POSTERS = 4, POSTS = 5000 };

static atomic_uint_fast64_t counted;

static troupe_status count(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    uint64_t *last = state;
    uint64_t tag = troupe_msg_tag(*msg);
    uint64_t who = tag >> 32;

    if (troupe_msg_kind(*msg) == KIND_COUNT) {
        ck_assert_uint_eq(tag & 0xffffffff, last[who]++); /* in order from each thread */
        (void)atomic_fetch_add(&counted, 1);
    }
    return TROUPE_OK;
}

static const troupe_behavior counter = {
    .name = "counter", .state_size = POSTERS * sizeof(uint64_t), .receive = count};

struct poster {
    troupe_id to;
    uint64_t who;
    pthread_t thread;
};

static void *post_many(void *argument)
{
    const struct poster *poster = argument;

    for (uint64_t i = 0; i < POSTS; i++) {
        troupe_msg *msg = NULL;
        if (troupe_msg_new(KIND_COUNT, 0, &msg) != TROUPE_OK) {
            return NULL;
        }
        troupe_msg_set_tag(msg, poster->who << 32 | i);
        while (troupe_post(sys, poster->to, &msg) == TROUPE_EBUSY) {
            (void)sched_yield();
        }
        troupe_msg_free(&msg);
    }
    return NULL;
}

static void post_from_threads(troupe_options options)
{
    struct poster posters[POSTERS];
    troupe_spawn_options spawn = TROUPE_SPAWN_OPTIONS;

    atomic_store(&counted, 0);
    make(options);
    spawn.mailbox_limit = POSTERS * POSTS;
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    for (uint64_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.who = i};
        spawn.base = (uint32_t)(i % (options.bases != 0 ? options.bases : 1)) + 1;
        ck_assert_int_eq(troupe_system_spawn(sys, &counter, NULL, &spawn, &posters[i].to),
                         TROUPE_OK);
    }
    for (int i = 0; i < POSTERS; i++) {
        ck_assert_int_eq(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]),
                         0);
    }
    for (int i = 0; i < POSTERS; i++) {
        (void)pthread_join(posters[i].thread, NULL);
    }
    troupe_system_shutdown(sys, TROUPE_S(60));
    finish();
    ck_assert_uint_eq(atomic_load(&counted), POSTERS * POSTS);
}

START_TEST(what_other_threads_post_arrives_in_order)
{
    post_from_threads(TROUPE_OPTIONS);
}
END_TEST

START_TEST(a_narrow_door_loses_nothing)
{
    troupe_options options = TROUPE_OPTIONS;

    options.gate_limit = 16;
    options.bases = 2;
    post_from_threads(options);
}
END_TEST

START_TEST(a_spinning_base_loses_nothing)
{
    troupe_options options = TROUPE_OPTIONS;

    options.spin = TROUPE_US(50);
    post_from_threads(options);
}
END_TEST

static troupe_status look_on(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behavior bystander = {
    .name = "bystander", .start = start_ticks, .receive = look_on};

START_TEST(any_thread_may_read_the_accounts_while_bases_run)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    troupe_stats stats = {0};
    uint64_t before = 0;

    options.bases = 2;
    make(options);
    for (where.base = 1; where.base <= 2; where.base++) {
        ck_assert_int_eq(troupe_system_spawn(sys, &bystander, NULL, &where, NULL),
                         TROUPE_OK);
    }
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    while (stats.timers_fired < 20) {
        troupe_system_stats(sys, &stats);
        ck_assert_uint_ge(stats.delivered, before);
        ck_assert_uint_eq(stats.actors, 2);
        before = stats.delivered;
    }
    troupe_system_shutdown(sys, TROUPE_S(60));
    finish();
}
END_TEST

/* ---- bases ---- */

enum { BASES = 3, ROUNDS = 2000 };

static troupe_id ring[BASES];

static troupe_status pass_round(troupe_self *self, void *state, troupe_msg **msg)
{
    uint64_t round = troupe_msg_tag(*msg);

    (void)state;
    if (troupe_msg_kind(*msg) != KIND_NEXT) {
        return TROUPE_OK;
    }
    if (round == ROUNDS) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(60));
        return TROUPE_OK;
    }
    troupe_msg_set_tag(*msg, round + 1);
    return troupe_tell(self, ring[(round + 1) % BASES], msg);
}

START_TEST(a_message_travels_round_the_bases)
{
    static const troupe_behavior stage = {.name = "stage", .receive = pass_round};
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    troupe_msg *msg = NULL;

    options.bases = BASES;
    make(options);
    for (uint32_t i = 0; i < BASES; i++) {
        where.base = i + 1;
        ck_assert_int_eq(troupe_system_spawn(sys, &stage, NULL, &where, &ring[i]),
                         TROUPE_OK);
    }
    ck_assert_int_eq(troupe_msg_new(KIND_NEXT, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sys, ring[0], &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_OK);
    finish();
}
END_TEST

/* ---- topics across bases ---- */

enum { PUBLICATIONS = 500, LISTENERS = 9 };

static atomic_uint_fast64_t told;

static troupe_status listen_to(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_topic_subscribe(self, "world", 5);
}

struct hearing {
    uint64_t next; /* number of the next publication */
    bool begun, done;
};

static troupe_status hear(troupe_self *self, void *state, troupe_msg **msg)
{
    struct hearing *hearing = state;

    if (troupe_msg_kind(*msg) == TROUPE_KIND_GAP) {
        hearing->next += troupe_msg_tag(*msg);
    } else if (troupe_msg_kind(*msg) == KIND_COUNT) {
        uint64_t number;
        memcpy(&number, troupe_msg_body(*msg), sizeof(number));
        ck_assert_uint_eq(troupe_msg_tag(*msg), 5);
        if (hearing->begun) {
            ck_assert_uint_eq(number, hearing->next); /* a gap is known exactly */
        }
        hearing->begun = true;
        hearing->next = number + 1;
    }
    if (!hearing->done && hearing->begun && hearing->next >= PUBLICATIONS) {
        hearing->done = true;
        if (atomic_fetch_add(&told, 1) + 1 == LISTENERS) {
            troupe_system_shutdown(troupe_self_system(self), TROUPE_S(60));
        }
    }
    return TROUPE_OK;
}

static troupe_status publish_more(troupe_self *self, void *state, troupe_msg **msg)
{
    uint64_t *number = state;

    (void)msg;
    for (int i = 0; i < 7; i++, ++*number) {
        troupe_msg *news = NULL;
        ck_assert_int_eq(troupe_msg_new(KIND_COUNT, sizeof(*number), &news), TROUPE_OK);
        memcpy(troupe_msg_body(news), number, sizeof(*number));
        troupe_status status = troupe_publish(self, "world", &news);
        troupe_msg_free(&news);
        if (status != TROUPE_OK) {
            break; /* later: it keeps its number */
        }
    }
    return troupe_after(self, 0, KIND_PUBLISH, 0, NULL);
}

static const troupe_behavior listener = {.name = "listener",
                                         .state_size = sizeof(struct hearing),
                                         .start = listen_to,
                                         .receive = hear,
                                         .mailbox_limit = 8};
static const troupe_behavior publisher = {
    .name = "publisher", .state_size = sizeof(uint64_t), .receive = publish_more};

START_TEST(a_publication_reaches_every_base_and_gaps_are_exact)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    troupe_id id;
    troupe_msg *msg = NULL;

    atomic_store(&told, 0);
    options.bases = BASES;
    make(options);
    for (uint32_t i = 0; i < LISTENERS; i++) {
        where.base = i % BASES + 1;
        ck_assert_int_eq(troupe_system_spawn(sys, &listener, NULL, &where, NULL),
                         TROUPE_OK);
    }
    where.base = 1;
    ck_assert_int_eq(troupe_system_spawn(sys, &publisher, NULL, &where, &id), TROUPE_OK);
    ck_assert_int_eq(troupe_msg_new(KIND_PUBLISH, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sys, id, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_system_run(sys), TROUPE_OK);
    ck_assert_uint_eq(atomic_load(&told), LISTENERS);
    finish();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("base");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_busy_pair_of_actors_cannot_starve_a_socket);
    tcase_add_test(tcase, a_busy_pair_of_actors_cannot_starve_a_timer);
    tcase_add_test(tcase, a_busy_pair_on_two_bases_cannot_starve_a_socket);
    tcase_add_test(tcase, the_callers_own_loop_runs_a_base);
    tcase_add_test(tcase, a_system_runs_once);
    tcase_add_test(tcase, a_base_refuses_to_wait_for_its_own_system);
    tcase_add_test(tcase, what_other_threads_post_arrives_in_order);
    tcase_add_test(tcase, a_narrow_door_loses_nothing);
    tcase_add_test(tcase, a_spinning_base_loses_nothing);
    tcase_add_test(tcase, any_thread_may_read_the_accounts_while_bases_run);
    tcase_add_test(tcase, a_message_travels_round_the_bases);
    tcase_add_test(tcase, a_publication_reaches_every_base_and_gaps_are_exact);
    suite_add_tcase(suite, tcase);
    return suite;
}
