/* SPDX-License-Identifier: MIT
 * supervisor.c - a worker that fails now and then is kept alive under its name. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { WORK = TROUPE_KIND_USER, NEXT };

static troupe_status start_work(troupe_self *self, void *state, const void *args)
{
    (void)self;
    (void)state;
    (void)args;
    printf("a worker starts\n");
    return TROUPE_OK;
}

static troupe_status work(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    if (troupe_msg_tag(*msg) % 3 == 0) {
        printf("job %d kills it\n", (int)troupe_msg_tag(*msg));
        return TROUPE_ELOST; /* any status but OK ends the actor, and is its reason */
    }
    printf("job %d is done\n", (int)troupe_msg_tag(*msg));
    return TROUPE_OK;
}

static const troupe_behavior worker = {
    .name = "worker", .start = start_work, .receive = work};

/* Sends one job after the other to whoever has the name. */
static troupe_status send_jobs(troupe_self *self, void *state, troupe_msg **msg)
{
    uint64_t *job = state;
    troupe_id to;

    (void)msg;
    if (++*job == 8) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
        return TROUPE_OK;
    }
    troupe_status status = troupe_whereis(troupe_self_system(self), "worker", &to);
    if (status == TROUPE_OK) {
        status = troupe_signal(self, to, WORK, *job);
    }
    return status == TROUPE_OK ? troupe_after(self, TROUPE_MS(2), NEXT, 0, NULL) : status;
}

static troupe_status start_jobs(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_after(self, 0, NEXT, 0, NULL);
}

static const troupe_behavior client = {.name = "client",
                                       .state_size = sizeof(uint64_t),
                                       .start = start_jobs,
                                       .receive = send_jobs};

int main(void)
{
    troupe_child_spec children[] = {
        {.name = "worker", .behavior = &worker, .restart = TROUPE_PERMANENT}};
    troupe_supervisor_spec spec = {.strategy = TROUPE_ONE_FOR_ONE,
                                   .children = children,
                                   .child_count = 1,
                                   .intensity = 5,
                                   .period = TROUPE_S(1)};
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &troupe_supervisor, &spec, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &client, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
