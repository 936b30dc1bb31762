/* SPDX-License-Identifier: MIT
 * engine_player.c - what the player does with each kind of call. */
#include "tests/unit/engine_player.h"

#include <string.h>

struct played played;

static troupe_status play_open(troupe_self *self, const void *config, void **out)
{
    (void)self;
    played.config = config;
    if (played.open_with != TROUPE_OK) {
        return played.open_with;
    }
    ck_assert(!played.open);
    played.open = true;
    played.opens++;
    *out = &played;
    return TROUPE_OK;
}

static troupe_status nested(troupe_self *self, const troupe_msg *request,
                            troupe_msg **answer)
{
    troupe_msg *inner = NULL;
    uint64_t depth = troupe_msg_tag(request);

    if (depth == 0) {
        return troupe_msg_new(KIND_B, 0, answer);
    }
    troupe_status status = troupe_msg_new(CALL_NESTED, 0, &inner);
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_msg_set_tag(inner, depth - 1);
    status = troupe_call(troupe_self_system(self), troupe_self_id(self), &inner,
                         TROUPE_NEVER, answer, NULL);
    troupe_msg_free(&inner);
    return status;
}

static troupe_status tell_body(troupe_self *self, const troupe_msg *request)
{
    troupe_id to;

    memcpy(&to, troupe_msg_body(request), sizeof(to));
    return troupe_signal(self, to, KIND_C, troupe_msg_tag(request));
}

static troupe_status play(troupe_self *self, void *opened, troupe_msg **request,
                          troupe_msg **answer)
{
    ck_assert_ptr_eq(opened, &played);
    ck_assert(played.open);
    switch (troupe_msg_kind(*request)) {
    case CALL_NOTE:
        ck_assert_uint_lt(played.count, TRP_COUNT(played.notes));
        played.notes[played.count++] = troupe_msg_tag(*request);
        return TROUPE_OK;
    case CALL_ECHO:
        return troupe_msg_new(KIND_A, 0, answer);
    case CALL_FAIL:
        return (troupe_status)(int64_t)troupe_msg_tag(*request);
    case CALL_EXPLAIN: {
        troupe_status made = troupe_msg_new_failure(TROUPE_EREMOTE, troupe_self_id(self),
                                                    answer, "the q text is wrong");
        return made == TROUPE_OK ? TROUPE_EREMOTE : made;
    }
    case CALL_LATER:
        played.later = troupe_msg_from(*request);
        return TROUPE_EAGAIN;
    case CALL_NOW:
        return troupe_fail(self, played.later, TROUPE_EACCESS, "late");
    case CALL_TELL:
        return tell_body(self, *request);
    case CALL_NESTED:
        return nested(self, *request, answer);
    case CALL_GO_AWAY:
        troupe_exit(self, TROUPE_ELOST);
        return TROUPE_OK;
    case CALL_TAKE:
        troupe_msg_free(request);
        return TROUPE_OK;
    default:
        return TROUPE_EUNSUPPORTED;
    }
}

static void play_close(troupe_self *self, void *opened)
{
    (void)self;
    ck_assert_ptr_eq(opened, &played);
    ck_assert(played.open);
    played.open = false;
    played.closes++;
}

static void play_settle(troupe_self *self, void *opened)
{
    (void)opened;
    ck_assert_uint_ne(troupe_self_id(self).bits, 0);
    played.settles++;
}

const troupe_engine_ops player = {.version = TROUPE_ENGINE_VERSION,
                                  .name = "player",
                                  .open = play_open,
                                  .execute = play,
                                  .close = play_close,
                                  .settle = play_settle};

const troupe_engine_ops single = {.version = TROUPE_ENGINE_VERSION,
                                  .capabilities = TROUPE_ENGINE_SINGLETON,
                                  .name = "single",
                                  .open = play_open,
                                  .execute = play,
                                  .close = play_close};
