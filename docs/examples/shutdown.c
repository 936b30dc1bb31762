/* SPDX-License-Identifier: MIT
 * shutdown.c - the ordered end: the youngest first, each after the mail it has; and a
 * deadline for who does not end. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { WORK = TROUPE_KIND_USER };

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    (void)self;
    *(const char **)state = args;
    return TROUPE_OK;
}

static troupe_status work(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    printf("%s %s\n", *(const char **)state,
           troupe_msg_kind(*msg) == TROUPE_KIND_STOP ? "does not listen" : "works");
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_status reason)
{
    (void)self;
    printf("%s ends: %s\n", *(const char **)state, troupe_status_text(reason));
}

static const troupe_behavior worker = {.name = "worker",
                                       .state_size = sizeof(const char *),
                                       .start = start,
                                       .receive = work,
                                       .stop = stop};

/* Is told of the stop in place of ending, and takes no notice. */
static const troupe_behavior stubborn = {.name = "stubborn",
                                         .state_size = sizeof(const char *),
                                         .start = start,
                                         .receive = work,
                                         .stop = stop,
                                         .flags = TROUPE_TRAP_STOP};

static troupe_status populate(troupe_system *sys)
{
    troupe_id id;
    troupe_msg *msg = NULL;

    troupe_status status = troupe_system_spawn(sys, &stubborn, "Stan", NULL, NULL);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &worker, "Will", NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &worker, "Wanda", NULL, &id);
    }
    if (status == TROUPE_OK) {
        status = troupe_msg_new(WORK, 0, &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_post(sys, id, &msg);
    }
    troupe_msg_free(&msg);
    return status;
}

int main(void)
{
    troupe_system *sys = NULL;
    troupe_stats stats;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = populate(sys);
    }
    if (status == TROUPE_OK) {
        troupe_system_shutdown(sys, TROUPE_MS(20)); /* any thread, any time */
        status = troupe_system_run(sys);
        troupe_system_stats(sys, &stats);
        printf("accepted %s delivered + dropped\n",
               stats.accepted == stats.delivered + stats.dropped ? "=" : "is not");
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
