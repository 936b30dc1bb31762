/* SPDX-License-Identifier: MIT
 * host.c - the owner of a test's streams. */
#include "tests/support/host.h"

#include <string.h>

#include <troupe/future.h>

#include "tests/support/suite.h"

enum { KIND_DO = TROUPE_KIND_USER + 1 };

struct deed {
    host_fn what;
    void *argument;
};

struct host {
    struct deed deed;
    troupe_msg *asker; /* waits until it is done, or NULL */
};

troupe_system *host_system;
struct trp_stream *host_streams[HOST_STREAMS];
static troupe_id host;

static void turn_streams(void)
{
    for (unsigned i = 0; i < HOST_STREAMS; i++) {
        if (host_streams[i] != NULL) {
            trp_stream_turn(host_streams[i]);
        }
    }
}

static troupe_status try_deed(troupe_self *self, struct host *state)
{
    troupe_msg *done = NULL;

    if (state->asker == NULL) {
        return TROUPE_OK;
    }
    troupe_status status = state->deed.what(self, state->deed.argument);
    if (status == TROUPE_EAGAIN) {
        return TROUPE_OK;
    }
    if (status == TROUPE_OK) {
        status = troupe_msg_new(TROUPE_KIND_DONE, 0, &done);
    } else {
        status = troupe_msg_new_failure(status, troupe_self_id(self), &done,
                                        "the deed failed");
    }
    ck_assert_int_eq(status, TROUPE_OK);
    status = troupe_reply(self, state->asker, &done);
    troupe_msg_free(&state->asker);
    return status;
}

static troupe_status host_receive(troupe_self *self, void *memory, troupe_msg **msg)
{
    struct host *state = memory;

    if (troupe_msg_kind(*msg) == KIND_DO) {
        memcpy(&state->deed, troupe_msg_body(*msg), sizeof(state->deed));
        state->asker = *msg;
        *msg = NULL;
    } else {
        turn_streams();
    }
    return try_deed(self, state);
}

static void host_stop(troupe_self *self, void *memory, troupe_status reason)
{
    struct host *state = memory;

    (void)self, (void)reason;
    for (unsigned i = 0; i < HOST_STREAMS; i++) {
        trp_stream_close(&host_streams[i]);
    }
    troupe_msg_free(&state->asker);
}

static const troupe_behavior host_behavior = {.name = "host",
                                              .state_size = sizeof(struct host),
                                              .receive = host_receive,
                                              .stop = host_stop};

void host_begin(void)
{
    ck_assert_int_eq(troupe_system_new(NULL, &host_system), TROUPE_OK);
    ck_assert_int_eq(troupe_system_start(host_system), TROUPE_OK);
    ck_assert_int_eq(troupe_system_spawn(host_system, &host_behavior, NULL, NULL, &host),
                     TROUPE_OK);
}

void host_end(void)
{
    troupe_system_shutdown(host_system, TROUPE_S(10));
    ck_assert_int_eq(troupe_system_join(host_system), TROUPE_OK);
    troupe_system_free(&host_system);
}

troupe_status host_do(host_fn what, void *argument)
{
    const struct deed deed = {what, argument};
    troupe_msg *msg = NULL, *answer = NULL;

    ck_assert_int_eq(troupe_msg_new(KIND_DO, sizeof(deed), &msg), TROUPE_OK);
    memcpy(troupe_msg_body(msg), &deed, sizeof(deed));
    troupe_status status =
        troupe_call(host_system, host, &msg, TROUPE_S(120), &answer, NULL);
    troupe_msg_free(&msg);
    troupe_msg_free(&answer);
    return status;
}
