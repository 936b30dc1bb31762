/* SPDX-License-Identifier: MIT
 * topic.c - one publication reaches every subscriber; who is too slow learns what it
 * missed. */
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

enum { NEWS = TROUPE_KIND_USER, NAP, PUBLISH };

struct reader {
    const char *name;
};

static troupe_status start_reading(troupe_self *self, void *state, const void *args)
{
    ((struct reader *)state)->name = args;
    return troupe_topic_subscribe(self, "news", 1);
}

static troupe_status read_news(troupe_self *self, void *state, troupe_msg **msg)
{
    const char *name = ((struct reader *)state)->name;

    (void)self;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_GAP) {
        printf("%s has missed %d\n", name, (int)troupe_msg_tag(*msg));
    } else if (troupe_msg_kind(*msg) == NEWS) {
        printf("%s reads: %s\n", name, (const char *)troupe_msg_body(*msg));
    }
    return TROUPE_OK;
}

/* After each piece of news: asks nobody in particular, and waits 5 ms for no answer. It
 * is serial: meanwhile its mail piles up. */
static troupe_status read_slowly(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_msg *nap = NULL;
    troupe_id bed;

    if (troupe_msg_kind(*msg) != NEWS) {
        return read_news(self, state, msg);
    }
    troupe_status status = read_news(self, state, msg);
    if (status == TROUPE_OK) {
        status = troupe_whereis(troupe_self_system(self), "bed", &bed);
    }
    if (status == TROUPE_OK) {
        status = troupe_msg_new(NAP, 0, &nap);
    }
    if (status == TROUPE_OK) {
        status = troupe_ask(self, bed, &nap, TROUPE_MS(5), 0, NULL);
        troupe_msg_free(&nap);
    }
    return status;
}

static troupe_status keep_silent(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static const troupe_behavior bed_behavior = {.name = "bed", .receive = keep_silent};
static const troupe_behavior fast = {.name = "fast reader",
                                     .state_size = sizeof(struct reader),
                                     .start = start_reading,
                                     .receive = read_news};
static const troupe_behavior slow = {.name = "slow reader",
                                     .state_size = sizeof(struct reader),
                                     .start = start_reading,
                                     .receive = read_slowly,
                                     .mailbox_limit = 1,
                                     .flags = TROUPE_SERIAL};

static troupe_status publish(troupe_self *self, const char *text)
{
    troupe_msg *msg = NULL;

    troupe_status status = troupe_msg_new(NEWS, strlen(text) + 1, &msg);
    if (status == TROUPE_OK) {
        memcpy(troupe_msg_body(msg), text, strlen(text) + 1);
        status = troupe_publish(self, "news", &msg);
        troupe_msg_free(&msg);
    }
    return status;
}

static troupe_status edit(troupe_self *self, void *state, troupe_msg **msg)
{
    static const char *const headlines[] = {"one", "two", "three", "four"};
    troupe_status status = TROUPE_OK;

    (void)state;
    if (troupe_msg_tag(*msg) == 3) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
        return TROUPE_OK;
    }
    if (troupe_msg_tag(*msg) == 2) {
        status = publish(self, "late edition");
        return status == TROUPE_OK ? troupe_after(self, TROUPE_MS(20), PUBLISH, 3, NULL)
                                   : status;
    }
    for (size_t i = 0; i < 4 && status == TROUPE_OK; i++) {
        status = publish(self, headlines[i]); /* faster than anybody reads */
    }
    return status == TROUPE_OK ? troupe_after(self, TROUPE_MS(20), PUBLISH, 2, NULL)
                               : status;
}

static const troupe_behavior editor = {.name = "editor", .receive = edit};

int main(void)
{
    troupe_system *sys = NULL;
    troupe_msg *msg = NULL;
    troupe_id id;
    troupe_spawn_options named = TROUPE_SPAWN_OPTIONS;

    named.name = "bed";
    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &bed_behavior, NULL, &named, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &editor, NULL, NULL, &id);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &fast, "Fay", NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &slow, "Sid", NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_msg_new(PUBLISH, 0, &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_post(sys, id, &msg);
    }
    troupe_msg_free(&msg);
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
