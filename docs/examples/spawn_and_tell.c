/* SPDX-License-Identifier: MIT
 * spawn_and_tell.c - two actors: one counts words, the other tells it some. */
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

enum { WORD = TROUPE_KIND_USER, LAST };

struct counter {
    unsigned words;
    size_t letters;
};

static troupe_status count(troupe_self *self, void *state, troupe_msg **msg)
{
    struct counter *counter = state;

    if (troupe_msg_kind(*msg) == WORD) {
        counter->words++;
        counter->letters += strlen(troupe_msg_body(*msg));
        return TROUPE_OK; /* the runtime frees the message */
    }
    printf("%u words, %zu letters\n", counter->words, counter->letters);
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    return TROUPE_OK;
}

static const troupe_behavior counter_behavior = {
    .name = "counter", .state_size = sizeof(struct counter), .receive = count};

/* An actor's start: it spawns another and talks to it. */
static troupe_status speak(troupe_self *self, void *state, const void *args)
{
    static const char *const words[] = {"all", "the", "world's", "a", "stage"};
    troupe_id counter;

    (void)state;
    (void)args;
    troupe_status status = troupe_spawn(self, &counter_behavior, NULL, NULL, &counter);
    for (size_t i = 0; i < 5 && status == TROUPE_OK; i++) {
        troupe_msg *msg = NULL;
        status = troupe_msg_new(WORD, strlen(words[i]) + 1, &msg);
        if (status == TROUPE_OK) {
            memcpy(troupe_msg_body(msg), words[i], strlen(words[i]) + 1);
            status = troupe_tell(self, counter, &msg); /* OK: it has moved, msg is NULL */
            troupe_msg_free(&msg);                     /* not sent: it is still ours */
        }
    }
    return status == TROUPE_OK ? troupe_signal(self, counter, LAST, 0) : status;
}

static const troupe_behavior speaker_behavior = {.name = "speaker", .start = speak};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &speaker_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys); /* until shutdown has finished */
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
