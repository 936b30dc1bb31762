/* SPDX-License-Identifier: MIT
 * watch_and_link.c - being told of an end, and ending together. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { FALL = TROUPE_KIND_USER, BEGIN };

static troupe_status climb(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    return troupe_msg_kind(*msg) == FALL ? TROUPE_ELOST : TROUPE_OK;
}

static void end(troupe_self *self, void *state, troupe_status reason)
{
    (void)self;
    (void)state;
    printf("a climber ends: %s\n", troupe_status_text(reason));
}

static const troupe_behavior climber = {.name = "climber", .receive = climb, .stop = end};

/* Links itself to another climber: roped together. */
static troupe_status rope(troupe_self *self, void *state, const void *args)
{
    (void)state;
    return troupe_link(self, *(const troupe_id *)args);
}

static const troupe_behavior roped = {
    .name = "climber", .start = rope, .receive = climb, .stop = end};

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    troupe_spawn_options watched = TROUPE_SPAWN_OPTIONS;
    troupe_id first;

    (void)state;
    (void)args;
    watched.watch = true; /* before the child starts: nothing is missed */
    troupe_status status = troupe_spawn(self, &climber, NULL, &watched, &first);
    if (status == TROUPE_OK) {
        status = troupe_spawn(self, &roped, &first, &watched, NULL);
    }
    return status == TROUPE_OK ? troupe_signal(self, first, FALL, 0) : status;
}

static troupe_status hear(troupe_self *self, void *state, troupe_msg **msg)
{
    unsigned *ended = state;

    if (troupe_msg_kind(*msg) == TROUPE_KIND_DOWN) {
        const troupe_down *down = troupe_msg_body(*msg);
        printf("the base camp hears: %s\n", troupe_status_name(down->reason));
        if (++*ended == 2) {
            troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
        }
    }
    return TROUPE_OK;
}

static const troupe_behavior camp = {
    .name = "camp", .state_size = sizeof(unsigned), .start = start, .receive = hear};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &camp, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
