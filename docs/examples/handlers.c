/* SPDX-License-Identifier: MIT
 * handlers.c - handlers by kind: in the behaviour's table, and registered at run time. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { GREET = TROUPE_KIND_USER, LEARN, FORGET };

static troupe_status greet(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    printf("hello\n");
    return TROUPE_OK;
}

static troupe_status greet_in_french(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    printf("bonjour\n");
    return TROUPE_OK;
}

/* Registered handlers outrank the table, until they are removed. */
static troupe_status learn(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    (void)msg;
    return troupe_on(self, GREET, greet_in_french);
}

static troupe_status forget(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    (void)msg;
    return troupe_on(self, GREET, NULL);
}

static const troupe_handler table[] = {{GREET, greet}, {LEARN, learn}, {FORGET, forget}};
static const troupe_behavior host = {
    .name = "host", .handlers = table, .handler_count = 3};

int main(void)
{
    static const troupe_kind story[] = {GREET, LEARN, GREET, FORGET, GREET};
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;
    troupe_id id;

    troupe_status status = troupe_kind_register(GREET, "greet"); /* for logs and traces */
    options.simulated = true;
    if (status == TROUPE_OK) {
        status = troupe_system_new(&options, &sys);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &host, NULL, NULL, &id);
    }
    for (size_t i = 0; i < sizeof(story) / sizeof(story[0]) && status == TROUPE_OK; i++) {
        troupe_msg *msg = NULL;
        status = troupe_msg_new(story[i], 0, &msg);
        if (status == TROUPE_OK) {
            status = troupe_post(sys, id, &msg);
            troupe_msg_free(&msg);
        }
    }
    if (sys != NULL) {
        (void)troupe_system_step(sys, 0);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
