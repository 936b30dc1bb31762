/* SPDX-License-Identifier: MIT
 * dead_letters.c - every message that is dropped is reported to who wants to know. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { LETTER = TROUPE_KIND_USER };

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_dead_letters(self, true);
}

static troupe_status read_report(troupe_self *self, void *state, troupe_msg **msg)
{
    static const char *const reasons[] = {
        [TROUPE_DROP_DEAD] = "the receiver had ended",
        [TROUPE_DROP_FULL] = "a full mailbox",
        [TROUPE_DROP_CANCELLED] = "cancelled",
        [TROUPE_DROP_SHUTDOWN] = "shutdown",
        [TROUPE_DROP_UNHANDLED] = "nobody handles the kind",
    };
    const troupe_dead_letter *letter = troupe_msg_body(*msg);

    (void)self;
    (void)state;
    printf("lost: tag %d, %zu bytes: %s\n", (int)letter->tag, letter->size,
           reasons[letter->reason]);
    return TROUPE_OK;
}

static const troupe_behavior postmaster = {
    .name = "postmaster", .start = start, .receive = read_report};
static const troupe_behavior deaf = {.name = "deaf"}; /* handles nothing */

static troupe_status post(troupe_system *sys, troupe_id to, uint64_t tag)
{
    troupe_msg *msg = NULL;

    troupe_status status = troupe_msg_new(LETTER, 12, &msg);
    if (status == TROUPE_OK) {
        troupe_msg_set_tag(msg, tag);
        status = troupe_post(sys, to, &msg);
        troupe_msg_free(&msg);
    }
    return status;
}

int main(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;
    troupe_id id;

    options.simulated = true;
    troupe_status status = troupe_system_new(&options, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &postmaster, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &deaf, NULL, NULL, &id);
    }
    if (status == TROUPE_OK) {
        status = post(sys, id, 1);
    }
    if (status == TROUPE_OK) {
        (void)troupe_system_step(sys, 0);
        status = troupe_system_kill_actor(sys, id);
    }
    if (status == TROUPE_OK) {
        status = post(sys, id, 2);
    }
    if (status == TROUPE_OK) {
        (void)troupe_system_step(sys, 0);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
