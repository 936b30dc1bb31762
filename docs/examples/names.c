/* SPDX-License-Identifier: MIT
 * names.c - actors found by name, from anywhere. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { RING = TROUPE_KIND_USER };

static troupe_status answer_bell(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    (void)msg;
    printf("the porter opens\n");
    return troupe_register(self, "night porter"); /* one may have several names */
}

static const troupe_behavior porter = {.name = "porter", .receive = answer_bell};

int main(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options named = TROUPE_SPAWN_OPTIONS;
    troupe_system *sys = NULL;
    troupe_id id;
    troupe_msg *msg = NULL;

    options.simulated = true;
    named.name = "porter";
    troupe_status status = troupe_system_new(&options, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &porter, NULL, &named, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_whereis(sys, "porter", &id);
    }
    if (status == TROUPE_OK) {
        status = troupe_msg_new(RING, 0, &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_post(sys, id, &msg);
    }
    troupe_msg_free(&msg);
    if (status == TROUPE_OK) {
        (void)troupe_system_step(sys, 0);
        status = troupe_whereis(sys, "night porter", &id);
        printf("night porter: %s\n", troupe_status_text(status));
        printf("cook: %s\n", troupe_status_text(troupe_whereis(sys, "cook", &id)));
        printf("a second porter: %s\n",
               troupe_status_text(troupe_system_spawn(sys, &porter, NULL, &named, NULL)));
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
