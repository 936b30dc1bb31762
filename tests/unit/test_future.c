/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/support/sim.h"

/* A server: answers A at once, keeps B to answer later, fails C, ignores the rest. */
struct server {
    troupe_id kept[8];
    size_t kept_count;
};

static troupe_status serve(troupe_self *self, void *state, troupe_msg **msg)
{
    struct server *server = probe_of(self, state)->context;
    troupe_msg *answer = NULL;

    if (!troupe_msg_wants_answer(*msg)) {
        return TROUPE_OK;
    }
    switch (troupe_msg_kind(*msg)) {
    case KIND_A:
        ck_assert_int_eq(troupe_msg_new(KIND_A, 4, &answer), TROUPE_OK);
        memcpy(troupe_msg_body(answer), "yes", 4);
        ck_assert_int_eq(troupe_reply(self, *msg, &answer), TROUPE_OK);
        break;
    case KIND_B:
        server->kept[server->kept_count++ % 8] = troupe_msg_from(*msg);
        break;
    case KIND_C:
        ck_assert_int_eq(
            troupe_fail(self, troupe_msg_from(*msg), TROUPE_EACCESS, "no %s", "entry"),
            TROUPE_OK);
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static struct server kept;
static struct probe *asker, *server;

static void begin(int seed)
{
    sim_begin(seed);
    kept = (struct server){0};
    asker = probe_new();
    server = probe_make();
    server->hook = serve;
    server->context = &kept;
    probe_start(server);
}

static troupe_status answer_kept(troupe_self *self, void *argument)
{
    troupe_msg *answer = NULL;
    size_t which = *(size_t *)argument;

    ck_assert_int_eq(troupe_msg_new(KIND_B, 0, &answer), TROUPE_OK);
    troupe_status status = troupe_reply_to(self, kept.kept[which], &answer);
    ck_assert((answer == NULL) == (status == TROUPE_OK));
    troupe_msg_free(&answer);
    return status;
}

static troupe_status answer(size_t which)
{
    return act(server, answer_kept, &which);
}

START_TEST(an_answer_comes_back_with_the_askers_tag)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_A, TROUPE_S(1), 42, NULL),
                     TROUPE_OK);
    ck_assert_uint_eq(asker->count, 1);
    const struct heard *heard = heard_last(asker);
    ck_assert_int_eq(heard->kind, KIND_A);
    ck_assert(heard->answer);
    ck_assert_uint_eq(heard->tag, 42);
    ck_assert_str_eq(heard->bytes, "yes");
    ck_assert(heard_nth(server, KIND_A, 0)->wants_answer);
    run_for(TROUPE_S(5));
    ck_assert_uint_eq(asker->count, 1); /* its limit is over with it */
    sim_end();
}
END_TEST

START_TEST(an_error_answer_carries_status_text_and_origin)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_C, TROUPE_S(1), 1, NULL), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->kind, TROUPE_KIND_FAILURE);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_EACCESS);
    ck_assert_str_eq(heard_last(asker)->bytes, "no entry");
    sim_end();
}
END_TEST

START_TEST(an_answer_may_come_later)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_NEVER, 9, NULL),
                     TROUPE_OK);
    run_for(TROUPE_S(100));
    ck_assert_uint_eq(asker->count, 0);
    ck_assert_int_eq(answer(0), TROUPE_OK);
    ck_assert_uint_eq(heard_last(asker)->tag, 9);
    sim_end();
}
END_TEST

START_TEST(an_ask_not_answered_in_time_fails_exactly_then)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_MS(10), 9, NULL),
                     TROUPE_OK);
    run_for(TROUPE_MS(10) - 1);
    ck_assert_uint_eq(asker->count, 0);
    run_for(1);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_ETIMEDOUT);
    ck_assert_uint_eq(heard_last(asker)->tag, 9);
    sim_end();
}
END_TEST

START_TEST(an_answer_that_comes_too_late_is_discarded)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_MS(10), 9, NULL),
                     TROUPE_OK);
    run_for(TROUPE_MS(11));
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    ck_assert_uint_eq(asker->count, 1);
    sim_end();
}
END_TEST

START_TEST(a_second_answer_is_discarded)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_S(1), 9, NULL), TROUPE_OK);
    ck_assert_int_eq(answer(0), TROUPE_OK);
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    ck_assert_uint_eq(asker->count, 1);
    sim_end();
}
END_TEST

START_TEST(an_ask_fails_when_the_target_ends)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_NEVER, 9, NULL),
                     TROUPE_OK);
    crash(server, TROUPE_EPROTO);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_EGONE);
    ck_assert_uint_eq(heard_last(asker)->tag, 9);
    sim_end();
}
END_TEST

START_TEST(asking_the_dead_is_refused_and_nothing_arrives)
{
    begin(_i);
    crash(server, TROUPE_EPROTO);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_A, TROUPE_S(1), 9, NULL),
                     TROUPE_EGONE);
    ck_assert_int_eq(act_ask(asker, TROUPE_NOBODY, KIND_A, TROUPE_S(1), 9, NULL),
                     TROUPE_EGONE);
    run_for(TROUPE_S(2));
    ck_assert_uint_eq(asker->count, 0);
    sim_end();
}
END_TEST

START_TEST(an_ask_needs_a_time_limit_above_zero)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_A, 0, 9, NULL), TROUPE_EINVAL);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_A, -1, 9, NULL), TROUPE_EINVAL);
    ck_assert_uint_eq(asker->count, 0);
    sim_end();
}
END_TEST

static troupe_status ask_many(troupe_self *self, void *argument)
{
    size_t *refused = argument;

    for (uint64_t i = 0; i < 12; i++) {
        troupe_msg *msg = NULL;
        ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &msg), TROUPE_OK);
        troupe_status status = troupe_ask(self, server->id, &msg, TROUPE_S(1), i, NULL);
        *refused += status == TROUPE_EBUSY;
        ck_assert((msg == NULL) == (status == TROUPE_OK));
        troupe_msg_free(&msg);
    }
    return TROUPE_OK;
}

START_TEST(asking_a_full_actor_is_refused_and_nothing_arrives)
{
    size_t refused = 0;

    begin(_i);
    server = probe_make();
    server->hook = serve;
    server->context = &kept;
    server->behavior.mailbox_limit = 8;
    probe_start(server);
    ck_assert_int_eq(act(asker, ask_many, &refused), TROUPE_OK);
    ck_assert_uint_eq(refused, 4);
    ck_assert_uint_eq(asker->count, 8);
    sim_end();
}
END_TEST

/* ---- then ---- */

static char path[16];

static troupe_status handle_then(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)probe_of(self, state);
    size_t length = strlen(path);
    path[length] = troupe_msg_status(*msg) == TROUPE_OK ? 't' : 'f';
    path[length + 1] = 0;
    return TROUPE_OK;
}

struct thenable {
    troupe_kind kind;
    troupe_future future;
};

static troupe_status ask_then(troupe_self *self, void *argument)
{
    struct thenable *then = argument;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(then->kind, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_ask(self, server->id, &msg, TROUPE_MS(5), 1, &then->future),
                     TROUPE_OK);
    return troupe_future_then(self, then->future, handle_then);
}

START_TEST(a_continuation_handles_the_answer_in_place_of_receive)
{
    struct thenable then = {.kind = KIND_A};

    begin(_i);
    path[0] = 0;
    ck_assert_int_eq(act(asker, ask_then, &then), TROUPE_OK);
    ck_assert_str_eq(path, "t");
    ck_assert_uint_eq(asker->count, 0);
    then.kind = KIND_B;
    ck_assert_int_eq(act(asker, ask_then, &then), TROUPE_OK);
    run_for(TROUPE_MS(6));
    ck_assert_str_eq(path, "tf"); /* failures too */
    ck_assert_uint_eq(asker->count, 0);
    sim_end();
}
END_TEST

static troupe_status set_then(troupe_self *self, void *argument)
{
    return troupe_future_then(self, *(troupe_future *)argument, handle_then);
}

static troupe_status cancel(troupe_self *self, void *argument)
{
    return troupe_future_cancel(self, *(troupe_future *)argument);
}

static troupe_status limit_to_2ms(troupe_self *self, void *argument)
{
    return troupe_future_limit(self, *(troupe_future *)argument, TROUPE_MS(2));
}

static troupe_status limit_to_nothing(troupe_self *self, void *argument)
{
    return troupe_future_limit(self, *(troupe_future *)argument, 0);
}

START_TEST(an_answered_future_is_gone)
{
    troupe_future future = {0};

    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_A, TROUPE_S(1), 1, &future),
                     TROUPE_OK);
    ck_assert_int_eq(act(asker, set_then, &future), TROUPE_EGONE);
    ck_assert_int_eq(act(asker, cancel, &future), TROUPE_EGONE);
    ck_assert_int_eq(act(asker, limit_to_2ms, &future), TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(a_future_belongs_to_who_asked)
{
    troupe_future future = {0};

    begin(_i);
    struct probe *other = probe_new();
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_S(1), 1, &future),
                     TROUPE_OK);
    ck_assert_int_eq(act(other, set_then, &future), TROUPE_EINVAL);
    ck_assert_int_eq(act(other, cancel, &future), TROUPE_EINVAL);
    ck_assert_int_eq(act(other, limit_to_2ms, &future), TROUPE_EINVAL);
    sim_end();
}
END_TEST

START_TEST(a_cancelled_ask_is_answered_as_cancelled)
{
    troupe_future future = {0};

    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_S(1), 6, &future),
                     TROUPE_OK);
    ck_assert_int_eq(act(asker, cancel, &future), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_ECANCELED);
    ck_assert_uint_eq(heard_last(asker)->tag, 6);
    ck_assert_int_eq(act(asker, cancel, &future), TROUPE_EGONE);
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    run_for(TROUPE_S(2));
    ck_assert_uint_eq(asker->count, 1);
    sim_end();
}
END_TEST

static troupe_status ask_and_cancel(troupe_self *self, void *argument)
{
    struct thenable *then = argument;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(then->kind, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_ask(self, server->id, &msg, TROUPE_MS(5), 1, &then->future),
                     TROUPE_OK);
    return troupe_future_cancel(self, then->future);
}

START_TEST(a_request_that_is_still_queued_when_cancelled_is_never_delivered)
{
    struct thenable then = {.kind = KIND_A};

    begin(_i);
    uint64_t before = stats().dropped;
    ck_assert_int_eq(act(asker, ask_and_cancel, &then), TROUPE_OK);
    ck_assert_uint_eq(server->count, 0);
    ck_assert_uint_eq(stats().dropped, before + 1);
    ck_assert_uint_eq(asker->count, 1);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_ECANCELED);
    sim_end();
}
END_TEST

START_TEST(a_limit_can_be_set_later_and_must_be_above_zero)
{
    troupe_future future = {0};

    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_NEVER, 6, &future),
                     TROUPE_OK);
    ck_assert_int_eq(act(asker, limit_to_nothing, &future), TROUPE_EINVAL);
    ck_assert_int_eq(act(asker, limit_to_2ms, &future), TROUPE_OK);
    run_for(TROUPE_MS(2));
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_ETIMEDOUT);
    sim_end();
}
END_TEST

/* ---- forwarding ---- */

static troupe_status forward(troupe_self *self, void *state, troupe_msg **msg)
{
    struct probe *probe = probe_of(self, state);

    return troupe_tell(self, *(troupe_id *)probe->context, msg);
}

START_TEST(a_forwarded_request_is_answered_by_the_last_in_the_chain)
{
    begin(_i);
    struct probe *middle = probe_make();
    middle->hook = forward;
    middle->context = &server->id;
    probe_start(middle);
    ck_assert_int_eq(act_ask(asker, middle->id, KIND_A, TROUPE_S(1), 4, NULL), TROUPE_OK);
    ck_assert_str_eq(heard_last(asker)->bytes, "yes");
    ck_assert_uint_eq(heard_last(asker)->tag, 4);
    sim_end();
}
END_TEST

START_TEST(a_forwarded_request_follows_its_new_target_to_the_grave)
{
    begin(_i);
    struct probe *middle = probe_make();
    middle->hook = forward;
    middle->context = &server->id;
    probe_start(middle);
    ck_assert_int_eq(act_ask(asker, middle->id, KIND_B, TROUPE_NEVER, 4, NULL),
                     TROUPE_OK);
    crash(middle, TROUPE_EPROTO);
    ck_assert_uint_eq(asker->count, 0); /* the server has it now */
    crash(server, TROUPE_EPROTO);
    ck_assert_int_eq(heard_last(asker)->status, TROUPE_EGONE);
    sim_end();
}
END_TEST

START_TEST(an_asker_that_ends_leaves_nothing_behind)
{
    begin(_i);
    ck_assert_int_eq(act_ask(asker, server->id, KIND_B, TROUPE_S(1), 4, NULL), TROUPE_OK);
    uint32_t alive = stats().actors;
    crash(asker, TROUPE_EPROTO);
    ck_assert_uint_eq(stats().actors, alive - 2); /* the asker and its future */
    ck_assert_int_eq(answer(0), TROUPE_EGONE);
    run_for(TROUPE_S(2));
    sim_end();
}
END_TEST

/* ---- serial actors and cycles ---- */

static troupe_status ask_next(troupe_self *self, void *state, troupe_msg **msg)
{
    struct probe *probe = probe_of(self, state);
    troupe_msg *question = NULL;

    if (troupe_msg_kind(*msg) != KIND_A) {
        return TROUPE_OK;
    }
    ck_assert_int_eq(troupe_msg_new(KIND_A, 0, &question), TROUPE_OK);
    troupe_status status =
        troupe_ask(self, *(troupe_id *)probe->context, &question, TROUPE_S(1), 8, NULL);
    troupe_msg_free(&question);
    ck_assert(status == TROUPE_OK || status == TROUPE_ECYCLE);
    if (status == TROUPE_ECYCLE && troupe_msg_wants_answer(*msg)) {
        status = troupe_fail(self, troupe_msg_from(*msg), status, "a cycle");
    }
    return TROUPE_OK;
}

START_TEST(a_serial_actor_sees_nothing_but_the_answer_it_waits_for)
{
    begin(_i);
    struct probe *serial = probe_make();
    serial->behavior.flags = TROUPE_SERIAL;
    serial->hook = ask_next;
    serial->context = &server->id;
    probe_start(serial);
    server->hook = serve;
    /* B is kept by the server: the serial actor waits. */
    ck_assert_int_eq(act_ask(serial, server->id, KIND_B, TROUPE_S(1), 8, NULL),
                     TROUPE_OK);
    post(serial->id, KIND_C, 0);
    post(serial->id, KIND_C, 1);
    ck_assert_uint_eq(serial->count, 0);
    ck_assert_int_eq(answer(0), TROUPE_OK);
    ck_assert_uint_eq(serial->count, 3);
    ck_assert_int_eq(serial->heard[0].kind, KIND_B);
    ck_assert_uint_eq(serial->heard[1].tag, 0);
    ck_assert_uint_eq(serial->heard[2].tag, 1);
    sim_end();
}
END_TEST

START_TEST(a_waiting_serial_actor_can_still_be_stopped_and_time_out)
{
    begin(_i);
    struct probe *serial = probe_make();
    serial->behavior.flags = TROUPE_SERIAL;
    probe_start(serial);
    ck_assert_int_eq(act_ask(serial, server->id, KIND_B, TROUPE_S(1), 8, NULL),
                     TROUPE_OK);
    post(serial->id, KIND_C, 0);
    run_for(TROUPE_S(1));
    ck_assert_uint_eq(serial->count, 2);
    ck_assert_int_eq(serial->heard[0].status, TROUPE_ETIMEDOUT);
    ck_assert_int_eq(serial->heard[1].kind, KIND_C);
    ck_assert_int_eq(act_ask(serial, server->id, KIND_B, TROUPE_S(1), 8, NULL),
                     TROUPE_OK);
    ck_assert_int_eq(troupe_system_stop_actor(sim, serial->id), TROUPE_OK);
    settle();
    ck_assert(serial->ended);
    sim_end();
}
END_TEST

START_TEST(a_cycle_of_serial_actors_is_refused_at_the_ask_that_closes_it)
{
    struct probe *ring[3];

    begin(_i);
    for (int i = 0; i < 3; i++) {
        ring[i] = probe_make();
        ring[i]->behavior.flags = TROUPE_SERIAL;
        ring[i]->hook = ask_next;
    }
    for (int i = 0; i < 3; i++) {
        ring[i]->context = &ring[(i + 1) % 3]->id;
        probe_start(ring[i]);
    }
    post(ring[0]->id, KIND_A, 0);
    /* ring[2] was refused and said so; that freed ring[1], which does not answer. */
    ck_assert_int_eq(heard_nth(ring[1], TROUPE_KIND_FAILURE, 0)->status, TROUPE_ECYCLE);
    run_for(TROUPE_S(2));
    ck_assert_int_eq(heard_nth(ring[0], TROUPE_KIND_FAILURE, 0)->status,
                     TROUPE_ETIMEDOUT);
    sim_end();
}
END_TEST

START_TEST(a_serial_actor_does_not_ask_itself)
{
    begin(_i);
    struct probe *serial = probe_make();
    serial->behavior.flags = TROUPE_SERIAL;
    probe_start(serial);
    ck_assert_int_eq(act_ask(serial, serial->id, KIND_A, TROUPE_S(1), 8, NULL),
                     TROUPE_ECYCLE);
    sim_end();
}
END_TEST

static troupe_status reuse_request(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (!troupe_msg_wants_answer(*msg)) {
        return TROUPE_OK;
    }
    troupe_msg_set_tag(*msg, 1);
    return troupe_reply(self, *msg, msg); /* the answer may be the request itself */
}

START_TEST(a_request_may_become_its_own_answer)
{
    begin(_i);
    struct probe *echo = probe_make();
    echo->hook = reuse_request;
    probe_start(echo);
    ck_assert_int_eq(act_ask(asker, echo->id, KIND_C, TROUPE_S(1), 30, NULL), TROUPE_OK);
    ck_assert_int_eq(heard_last(asker)->kind, KIND_C);
    ck_assert_uint_eq(heard_last(asker)->tag, 30);
    ck_assert(heard_last(asker)->answer);
    sim_end();
}
END_TEST

static void add_asking(Suite *suite)
{
    TCase *tcase = tcase_create("asking");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, an_answer_comes_back_with_the_askers_tag);
    ADD(tcase, an_error_answer_carries_status_text_and_origin);
    ADD(tcase, an_answer_may_come_later);
    ADD(tcase, an_ask_not_answered_in_time_fails_exactly_then);
    ADD(tcase, an_answer_that_comes_too_late_is_discarded);
    ADD(tcase, a_second_answer_is_discarded);
    ADD(tcase, an_ask_fails_when_the_target_ends);
    ADD(tcase, asking_the_dead_is_refused_and_nothing_arrives);
    ADD(tcase, an_ask_needs_a_time_limit_above_zero);
    ADD(tcase, asking_a_full_actor_is_refused_and_nothing_arrives);
    ADD(tcase, a_request_may_become_its_own_answer);
    ADD(tcase, an_asker_that_ends_leaves_nothing_behind);
    suite_add_tcase(suite, tcase);
}

Suite *test_suite(void)
{
    Suite *suite = suite_create("future");
    TCase *tcase = tcase_create("future");

    add_asking(suite);
    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_continuation_handles_the_answer_in_place_of_receive);
    ADD(tcase, an_answered_future_is_gone);
    ADD(tcase, a_future_belongs_to_who_asked);
    ADD(tcase, a_cancelled_ask_is_answered_as_cancelled);
    ADD(tcase, a_request_that_is_still_queued_when_cancelled_is_never_delivered);
    ADD(tcase, a_limit_can_be_set_later_and_must_be_above_zero);
    ADD(tcase, a_forwarded_request_is_answered_by_the_last_in_the_chain);
    ADD(tcase, a_forwarded_request_follows_its_new_target_to_the_grave);
    ADD(tcase, a_serial_actor_sees_nothing_but_the_answer_it_waits_for);
    ADD(tcase, a_waiting_serial_actor_can_still_be_stopped_and_time_out);
    ADD(tcase, a_cycle_of_serial_actors_is_refused_at_the_ask_that_closes_it);
    ADD(tcase, a_serial_actor_does_not_ask_itself);
    suite_add_tcase(suite, tcase);
    return suite;
}
