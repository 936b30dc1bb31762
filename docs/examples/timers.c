/* SPDX-License-Identifier: MIT
 * timers.c - once, again and again, and too late to matter. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { BEAT = TROUPE_KIND_USER, DEADLINE };

struct drummer {
    uint64_t round; /* alarms of older rounds are stale */
    unsigned beats;
    troupe_timer beat;
};

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    struct drummer *drummer = state;

    (void)args;
    drummer->round = 2;
    troupe_status status = troupe_every(self, TROUPE_MS(1), BEAT, 0, &drummer->beat);
    if (status == TROUPE_OK) {
        status = troupe_after(self, 0, DEADLINE, 1, NULL); /* of a round that is over */
    }
    return status == TROUPE_OK ? troupe_after(self, TROUPE_MS(5), DEADLINE, 2, NULL)
                               : status;
}

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct drummer *drummer = state;

    if (troupe_msg_kind(*msg) == BEAT) {
        drummer->beats++;
        return TROUPE_OK;
    }
    if (troupe_msg_tag(*msg) != drummer->round) {
        printf("a stale alarm does nothing\n");
        return TROUPE_OK;
    }
    printf("%s\n", drummer->beats != 0 ? "boom, boom" : "silence");
    (void)troupe_timer_cancel(self, drummer->beat);
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    return TROUPE_OK;
}

static const troupe_behavior drummer_behavior = {.name = "drummer",
                                                 .state_size = sizeof(struct drummer),
                                                 .start = start,
                                                 .receive = receive};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &drummer_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
