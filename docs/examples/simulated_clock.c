/* SPDX-License-Identifier: MIT
 * simulated_clock.c - a system without loop, thread or clock: the caller moves the time.
 * With a seed, the order of ready actors is another one, and the same in every run. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { ALARM = TROUPE_KIND_USER };

static troupe_status set_alarm(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_after(self, TROUPE_S(3600 * 24 * 365), ALARM, 0, NULL);
}

static troupe_status wake(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    (void)msg;
    printf("awake after %d days\n", (int)(troupe_now(self) / TROUPE_S(3600 * 24)));
    return TROUPE_OK;
}

static const troupe_behavior sleeper = {
    .name = "sleeper", .start = set_alarm, .receive = wake};

int main(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;

    options.simulated = true;
    options.seed = 7;
    troupe_status status = troupe_system_new(&options, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &sleeper, NULL, NULL, NULL);
    }
    for (troupe_ns now = 0; status == TROUPE_OK && now != TROUPE_NEVER;) {
        now = troupe_system_step(sys, now); /* says when it wants to be stepped again */
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
