/* SPDX-License-Identifier: MIT
 * threaded_player.c - what the player does with each kind of call. */
#include "tests/system/threaded_player.h"

#include <string.h>

struct played played;
troupe_system *sys;
troupe_id engine;

static troupe_status play_open(troupe_self *self, const void *config, void **out)
{
    (void)self;
    (void)config;
    played.thread = pthread_self();
    *out = &played;
    return TROUPE_OK;
}

/* The tag: caller << 32 | how many it has made. */
static troupe_status count(const troupe_msg *request)
{
    uint64_t tag = troupe_msg_tag(request);
    uint32_t caller = (uint32_t)(tag >> 32);

    ck_assert_uint_lt(caller, CALLERS);
    played.wrong += played.next[caller]++ != (uint32_t)tag;
    return TROUPE_OK;
}

static troupe_status spin(void)
{
    (void)sem_post(&played.running);
    while (!atomic_exchange(&played.stop, false)) {
    }
    return TROUPE_ECANCELED;
}

static troupe_status block(void)
{
    (void)sem_post(&played.running);
    while (sem_wait(&played.release) != 0) {
    }
    return TROUPE_OK;
}

static troupe_status play(troupe_self *self, void *opened, troupe_msg **request,
                          troupe_msg **answer)
{
    troupe_status status = TROUPE_EUNSUPPORTED;

    ck_assert_ptr_eq(opened, &played);
    ck_assert(pthread_equal(played.thread, pthread_self()));
    played.calls++;
    played.inside++;
    played.inside_max =
        played.inside > played.inside_max ? played.inside : played.inside_max;
    atomic_store(&played.stop, false);
    switch (troupe_msg_kind(*request)) {
    case CALL_COUNT:
        status = count(*request);
        break;
    case CALL_SPIN:
        status = spin();
        break;
    case CALL_BLOCK:
        status = block();
        break;
    case CALL_POLL:
        while (!troupe_engine_interrupted(self)) {
        }
        status = TROUPE_ECANCELED;
        break;
    case CALL_ECHO:
        *answer = *request;
        *request = NULL;
        status = TROUPE_OK;
        break;
    default:
        break;
    }
    played.inside--;
    return status;
}

static void play_interrupt(void *opened)
{
    ck_assert_ptr_eq(opened, &played);
    atomic_store(&played.stop, true);
}

static void play_close(troupe_self *self, void *opened)
{
    (void)self;
    (void)opened;
    ck_assert(pthread_equal(played.thread, pthread_self()));
}

const troupe_engine_ops player = {.version = TROUPE_ENGINE_VERSION,
                                  .capabilities = TROUPE_ENGINE_CAN_INTERRUPT,
                                  .name = "player",
                                  .open = play_open,
                                  .execute = play,
                                  .interrupt = play_interrupt,
                                  .close = play_close};

void begin_with(const troupe_engine_options *options)
{
    troupe_options system = TROUPE_OPTIONS;

    memset(&played, 0, sizeof(played));
    (void)sem_init(&played.running, 0, 0);
    (void)sem_init(&played.release, 0, 0);
    system.trace = "off";
    ck_assert_int_eq(troupe_system_new(&system, &sys), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(sys), TROUPE_OK);
    ck_assert_int_eq(troupe_engine_open(sys, &player, options, &engine), TROUPE_OK);
}

void begin(void)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;

    begin_with(&options);
}

void end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(5));
    ck_assert_int_eq(troupe_system_join(sys), TROUPE_OK);
    troupe_system_free(&sys);
    (void)sem_destroy(&played.running);
    (void)sem_destroy(&played.release);
}

troupe_status call(troupe_kind kind, uint64_t tag, troupe_ns timeout)
{
    troupe_msg *msg = NULL, *answer = NULL;

    ck_assert_int_eq(troupe_msg_new(kind, 0, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, tag);
    troupe_status status = troupe_call(sys, engine, &msg, timeout, &answer, NULL);
    troupe_msg_free(&msg);
    troupe_msg_free(&answer);
    return status;
}

troupe_pending *post_ask(troupe_kind kind, troupe_ns timeout)
{
    troupe_pending *pending = NULL;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(kind, 0, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post_ask(sys, engine, &msg, timeout, &pending), TROUPE_OK);
    return pending;
}

/* What it was answered with. */
troupe_status outcome(troupe_pending **pending)
{
    troupe_msg *answer = NULL;

    ck_assert_int_eq(troupe_pending_wait(*pending, TROUPE_S(60), &answer), TROUPE_OK);
    troupe_status status = troupe_msg_status(answer);
    troupe_msg_free(&answer);
    troupe_pending_free(pending);
    return status;
}

void wait_until_it_runs(void)
{
    while (sem_wait(&played.running) != 0) {
    }
}

const troupe_engine_ops stubborn = {.version = TROUPE_ENGINE_VERSION,
                                    .name = "stubborn",
                                    .open = play_open,
                                    .execute = play,
                                    .close = play_close};
