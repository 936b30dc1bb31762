/* SPDX-License-Identifier: MIT
 * foreign.c - a stranger's program: one actor says hello and ends the system. */
#include <stdio.h>

#include <troupe/troupe.h>

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    puts("hello from " TROUPE_VERSION);
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    return TROUPE_OK;
}

int main(void)
{
    static const troupe_behavior greeter = {.name = "greeter", .start = start};
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &greeter, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
