/* SPDX-License-Identifier: MIT
 * What a call says when there is no memory, or when a limit is reached: its status, and
 * that it has taken nothing. */
#include <string.h>

#include <troupe/supervisor.h>

#include "actors/life.h"
#include "mailbox/alloc.h"
#include "tests/support/sim.h"

static troupe_id other;

/* ---- calls ---- */

static troupe_status keep_or_free(troupe_status status, troupe_msg **msg)
{
    if ((*msg == NULL) != (status == TROUPE_OK)) {
        status = TROUPE_EPROTO; /* it took a message and failed, or the reverse */
    }
    troupe_msg_free(msg);
    return status;
}

static troupe_status make_msg(troupe_kind kind, troupe_msg **out)
{
    return troupe_msg_new(kind, 100, out);
}

static troupe_status call_spawn(troupe_self *self)
{
    static const troupe_behavior behavior = {.name = "spawned", .state_size = 300};
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;

    options.watch = true;
    options.link = true;
    return troupe_spawn(self, &behavior, NULL, &options, NULL);
}

static troupe_status call_supervisor(troupe_self *self)
{
    static const troupe_behavior behavior = {.name = "child", .state_size = 300};
    troupe_child_spec children[] = {{.behavior = &behavior}, {.behavior = &behavior}};
    troupe_supervisor_spec spec = {.children = children, .child_count = 2};

    return troupe_spawn(self, &troupe_supervisor, &spec, NULL, NULL);
}

static troupe_status call_signal(troupe_self *self)
{
    return troupe_signal(self, other, KIND_A, 0);
}

static troupe_status call_tell(troupe_self *self)
{
    troupe_msg *msg = NULL;
    troupe_status status = make_msg(KIND_A, &msg);

    return status != TROUPE_OK ? status
                               : keep_or_free(troupe_tell(self, other, &msg), &msg);
}

static troupe_status call_ask(troupe_self *self)
{
    troupe_msg *msg = NULL;
    troupe_status status = make_msg(KIND_A, &msg);

    return status != TROUPE_OK
               ? status
               : keep_or_free(troupe_ask(self, other, &msg, TROUPE_S(9), 0, NULL), &msg);
}

static troupe_status call_subscribe(troupe_self *self)
{
    troupe_msg *msg = NULL;
    troupe_subscription subscription;
    troupe_status status = make_msg(TROUPE_KIND_SUBSCRIBE, &msg);

    return status != TROUPE_OK
               ? status
               : keep_or_free(troupe_subscribe(self, other, &msg, 4, 0, &subscription),
                              &msg);
}

static troupe_future open_futures[2];

static troupe_status call_all(troupe_self *self)
{
    return troupe_all(self, open_futures, 2, TROUPE_S(7), 0, NULL);
}

static troupe_status call_limit(troupe_self *self)
{
    return troupe_future_limit(self, open_futures[0], TROUPE_S(5));
}

static troupe_status call_watch(troupe_self *self)
{
    return troupe_watch(self, other);
}

static troupe_status call_link(troupe_self *self)
{
    return troupe_link(self, other);
}

static troupe_status call_after(troupe_self *self)
{
    return troupe_after(self, TROUPE_S(1), KIND_A, 0, NULL);
}

static troupe_status call_every(troupe_self *self)
{
    return troupe_every(self, TROUPE_S(1), KIND_A, 0, NULL);
}

static troupe_status call_register(troupe_self *self)
{
    return troupe_register(self, "registered");
}

static troupe_status handle(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static troupe_status call_on(troupe_self *self)
{
    return troupe_on(self, KIND_C, handle);
}

static troupe_status call_dead_letters(troupe_self *self)
{
    return troupe_dead_letters(self, true);
}

static troupe_status call_topic_subscribe(troupe_self *self)
{
    return troupe_topic_subscribe(self, "topic", 0);
}

static troupe_status call_publish(troupe_self *self)
{
    troupe_msg *msg = NULL;
    troupe_status status = make_msg(KIND_A, &msg);

    return status != TROUPE_OK ? status
                               : keep_or_free(troupe_publish(self, "new", &msg), &msg);
}

static troupe_status call_room(troupe_self *self)
{
    return troupe_tell_when_room(self, other, 0);
}

static troupe_status call_fail(troupe_self *self)
{
    return troupe_fail(self, other, TROUPE_ELOST, "lost");
}

struct call {
    const char *name;
    troupe_status (*make)(troupe_self *self);
    bool needs_slot;  /* of actors_max */
    bool needs_timer; /* of timers_max */
};

static const struct call calls[] = {
    {"spawn", call_spawn, true, false},
    {"supervisor", call_supervisor, true, false},
    {"signal", call_signal, false, false},
    {"tell", call_tell, false, false},
    {"ask", call_ask, true, true},
    {"subscribe", call_subscribe, true, false},
    {"limit", call_limit, false, true},
    {"all", call_all, true, true},
    {"watch", call_watch, false, false},
    {"link", call_link, false, false},
    {"after", call_after, false, true},
    {"every", call_every, false, true},
    {"register", call_register, false, false},
    {"on", call_on, false, false},
    {"dead letters", call_dead_letters, false, false},
    {"topic subscribe", call_topic_subscribe, true, false},
    {"publish", call_publish, true, false},
    {"room", call_room, false, false},
    {"fail", call_fail, false, false},
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* ---- no memory ---- */

struct attempt {
    const struct call *call;
    uint64_t nth;
    bool failed; /* an allocation did */
};

static troupe_status try_starved(troupe_self *self, void *argument)
{
    struct attempt *attempt = argument;

    trp_fail_nth(attempt->nth);
    troupe_status status = attempt->call->make(self);
    attempt->failed = trp_fail_happened();
    return status;
}

static void open_two(struct probe *probe)
{
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(act_ask(probe, other, KIND_A, TROUPE_NEVER, 0, &open_futures[i]),
                         TROUPE_OK);
    }
}

START_TEST(without_memory_every_call_says_so_and_takes_nothing)
{
    struct attempt attempt = {.call = &calls[_i]};

    trp_life_kinds(); /* once in a process, and not needed */
    sim_begin(0);
    struct probe *probe = probe_new();
    other = probe_new()->id;
    open_two(probe);
    do {
        attempt.nth++;
        troupe_status status = act(probe, try_starved, &attempt);
        ck_assert_msg(status == (attempt.failed ? TROUPE_ENOMEM : TROUPE_OK),
                      "%s, allocation %d: %s", attempt.call->name, (int)attempt.nth,
                      troupe_status_name(status));
        check_accounts();
    } while (attempt.failed);
    sim_end();
}
END_TEST

START_TEST(a_system_without_memory_is_not_made)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;
    bool failed = true;

    options.simulated = true;
    options.trace = "off";
    options.bases = 2;
    for (uint64_t nth = 1; failed; nth++) {
        trp_fail_nth(nth);
        troupe_status status = troupe_system_new(&options, &sys);
        failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        ck_assert((sys == NULL) == failed);
    }
    troupe_system_free(&sys);
}
END_TEST

/* ---- limits ---- */

static troupe_status try_call(troupe_self *self, void *argument)
{
    return ((const struct attempt *)argument)->call->make(self);
}

START_TEST(with_every_place_taken_what_needs_one_is_refused)
{
    struct attempt attempt = {.call = &calls[_i]};
    troupe_options options = TROUPE_OPTIONS;

    options.actors_max = 20;
    sim_begin_with(options);
    struct probe *probe = probe_new();
    other = probe_new()->id;
    open_two(probe);
    while (probe_try_start(probe_make(), NULL) == TROUPE_OK) {
    }
    ck_assert_int_eq(act(probe, try_call, &attempt),
                     attempt.call->needs_slot ? TROUPE_ELIMIT : TROUPE_OK);
    sim_end();
}
END_TEST

START_TEST(with_every_timer_set_what_needs_one_is_refused)
{
    struct attempt attempt = {.call = &calls[_i]};
    troupe_options options = TROUPE_OPTIONS;

    options.timers_max = 5;
    sim_begin_with(options);
    struct probe *probe = probe_new();
    other = probe_new()->id;
    open_two(probe);
    while (act_after(probe, TROUPE_S(100), KIND_B, 0, NULL) == TROUPE_OK) {
    }
    ck_assert_int_eq(act(probe, try_call, &attempt),
                     attempt.call->needs_timer ? TROUPE_ELIMIT : TROUPE_OK);
    sim_end();
}
END_TEST

START_TEST(a_full_door_between_bases_refuses)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;

    options.bases = 2;
    options.gate_limit = 6;
    sim_begin_with(options);
    struct probe *near = probe_new();
    struct probe *far = probe_make();
    where.base = 2;
    ck_assert_int_eq(probe_try_start(far, &where), TROUPE_OK);
    ck_assert_uint_eq(act_flood(near, far->id, KIND_A, 10), 6);
    ck_assert_uint_eq(heard_count(far, KIND_A), 6);
    ck_assert_uint_eq(act_flood(near, far->id, KIND_A, 10), 6);
    sim_end();
}
END_TEST

START_TEST(readers_of_dead_letters_are_limited)
{
    struct attempt attempt = {.call = &calls[14]};

    sim_begin(0);
    for (int i = 0; i < 64; i++) {
        ck_assert_int_eq(act(probe_new(), try_call, &attempt), TROUPE_OK);
    }
    ck_assert_int_eq(act(probe_new(), try_call, &attempt), TROUPE_ELIMIT);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("limits");
    TCase *tcase = tcase_create("limits");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, without_memory_every_call_says_so_and_takes_nothing, 0,
                        CALLS);
    tcase_add_test(tcase, a_system_without_memory_is_not_made);
    tcase_add_loop_test(tcase, with_every_place_taken_what_needs_one_is_refused, 0,
                        CALLS);
    tcase_add_loop_test(tcase, with_every_timer_set_what_needs_one_is_refused, 0, CALLS);
    tcase_add_test(tcase, a_full_door_between_bases_refuses);
    tcase_add_test(tcase, readers_of_dead_letters_are_limited);
    suite_add_tcase(suite, tcase);
    return suite;
}
