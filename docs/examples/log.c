/* SPDX-License-Identifier: MIT
 * log.c - a sink for what the runtime has to say. It is silent without one. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { SECRET = TROUPE_KIND_USER };

/* Called on the thread that speaks; must not block for long, nor call the runtime. */
static void print_line(void *context, const troupe_log_line *line)
{
    unsigned *lines = context;

    ++*lines;
    printf("%s from %s: %s\n", line->event, line->actor_name, line->text);
}

static void drop_nothing(void *body)
{
    (void)body;
}

/* Tells a topic a message that has one owner: that cannot be published, and is logged. */
static troupe_status start(troupe_self *self, void *state, const void *args)
{
    static int only_one;
    troupe_msg *msg = NULL;
    troupe_id topic;

    (void)state;
    (void)args;
    troupe_status status = troupe_topic(self, "secrets", &topic);
    if (status == TROUPE_OK) {
        status =
            troupe_msg_new_owned(SECRET, &only_one, sizeof(only_one), drop_nothing, &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_tell(self, topic, &msg);
    }
    troupe_msg_free(&msg);
    return status;
}

static const troupe_behavior teller = {.name = "teller", .start = start};

int main(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;
    unsigned lines = 0;

    options.simulated = true;
    troupe_status status = troupe_system_new(&options, &sys);
    if (status == TROUPE_OK) {
        /* troupe_log_stderr is a ready sink that writes logfmt */
        troupe_log_to(sys, TROUPE_LOG_INFO, print_line, &lines);
        status = troupe_system_spawn(sys, &teller, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        (void)troupe_system_step(sys, 0);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK && lines == 1 ? 0 : 1;
}
