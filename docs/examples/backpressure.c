/* SPDX-License-Identifier: MIT
 * backpressure.c - a full mailbox refuses; the sender keeps its message and is told when
 * there is room. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { BRICK = TROUPE_KIND_USER, BRICKS = 20 };

static troupe_status lay(troupe_self *self, void *state, troupe_msg **msg)
{
    unsigned *laid = state;

    (void)msg;
    if (++*laid == BRICKS) {
        printf("the wall has %u bricks\n", *laid);
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    }
    return TROUPE_OK;
}

static const troupe_behavior mason = {
    .name = "mason", .state_size = sizeof(unsigned), .receive = lay, .mailbox_limit = 8};

struct carrier {
    troupe_id mason;
    unsigned carried;
};

static troupe_status carry(troupe_self *self, struct carrier *carrier)
{
    while (carrier->carried < BRICKS) {
        troupe_status status = troupe_signal(self, carrier->mason, BRICK, 0);
        if (status == TROUPE_EBUSY) {
            printf("wait after %u\n", carrier->carried);
            return troupe_tell_when_room(self, carrier->mason, 0);
        }
        if (status != TROUPE_OK) {
            return status;
        }
        carrier->carried++;
    }
    return TROUPE_OK;
}

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    struct carrier *carrier = state;

    (void)args;
    troupe_status status = troupe_spawn(self, &mason, NULL, NULL, &carrier->mason);
    return status == TROUPE_OK ? carry(self, carrier) : status;
}

static troupe_status on_room(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)msg;
    return carry(self, state);
}

static const troupe_handler handlers[] = {{TROUPE_KIND_ROOM, on_room}};
static const troupe_behavior carrier_behavior = {.name = "carrier",
                                                 .state_size = sizeof(struct carrier),
                                                 .start = start,
                                                 .handlers = handlers,
                                                 .handler_count = 1};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &carrier_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
