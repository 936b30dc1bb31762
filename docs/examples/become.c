/* SPDX-License-Identifier: MIT
 * become.c - a door that behaves differently when it is open. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { PUSH = TROUPE_KIND_USER, CLOSE_UP };

static const troupe_behavior open_door;
static const troupe_behavior closed_door;

static troupe_status when_closed(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (troupe_msg_kind(*msg) == PUSH) {
        printf("it opens\n");
        return troupe_become(self, &open_door); /* from the next message on */
    }
    printf("it is closed already\n");
    return TROUPE_OK;
}

static troupe_status when_open(troupe_self *self, void *state, troupe_msg **msg)
{
    unsigned *passed = state; /* the state stays */

    if (troupe_msg_kind(*msg) == CLOSE_UP) {
        printf("it closes after %u went through\n", *passed);
        return troupe_become(self, &closed_door);
    }
    ++*passed;
    return TROUPE_OK;
}

static const troupe_behavior open_door = {
    .name = "open door", .state_size = sizeof(unsigned), .receive = when_open};
static const troupe_behavior closed_door = {
    .name = "closed door", .state_size = sizeof(unsigned), .receive = when_closed};

int main(void)
{
    static const troupe_kind story[] = {CLOSE_UP, PUSH, PUSH, PUSH, CLOSE_UP, CLOSE_UP};
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;
    troupe_id door;

    options.simulated = true; /* stepped by hand: see simulated_clock.c */
    troupe_status status = troupe_system_new(&options, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &closed_door, NULL, NULL, &door);
    }
    for (size_t i = 0; i < sizeof(story) / sizeof(story[0]) && status == TROUPE_OK; i++) {
        troupe_msg *msg = NULL;
        status = troupe_msg_new(story[i], 0, &msg);
        if (status == TROUPE_OK) {
            status = troupe_post(sys, door, &msg);
            troupe_msg_free(&msg);
        }
    }
    if (sys != NULL) {
        (void)troupe_system_step(sys, 0);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
