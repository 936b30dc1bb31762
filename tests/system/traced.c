/* SPDX-License-Identifier: MIT
 * traced.c - a program to be watched: a client asks a serial teller, which asks a vault;
 * a hoarder is told things it cannot take. Says "ready" when all have run, works on until
 * stdin ends, and leaves a copy of its trace in the directory it was given, if any.
 *
 *   client --ask--> teller --ask--> vault        sleeper: busy for ever, with mail */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/trace.h>
#include <troupe/troupe.h>

enum { ASK = TROUPE_KIND_USER + 40, FETCH, PILE, TICK };

static troupe_id vault, teller, hoarder, client;

static troupe_status vault_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_msg *answer = NULL;

    (void)state;
    if (troupe_msg_kind(*msg) != FETCH) {
        return TROUPE_OK;
    }
    troupe_status status = troupe_msg_new(TROUPE_KIND_DONE, 8, &answer);
    if (status == TROUPE_OK) {
        memset(troupe_msg_body(answer), 0, 8);
        status = troupe_reply(self, *msg, &answer);
        troupe_msg_free(&answer);
    }
    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

struct teller {
    troupe_id asker;
};

static troupe_status teller_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct teller *t = state;
    troupe_msg *out = NULL;
    troupe_status status = TROUPE_OK;

    if (troupe_msg_kind(*msg) == ASK) {
        t->asker = troupe_msg_from(*msg);
        status = troupe_msg_new(FETCH, 0, &out);
        if (status == TROUPE_OK) {
            status = troupe_ask(self, vault, &out, TROUPE_NEVER, 0, NULL);
        }
    } else if (troupe_msg_kind(*msg) == TROUPE_KIND_DONE) {
        status = troupe_reply_to(self, t->asker, msg);
    }
    troupe_msg_free(&out);
    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

/* Lets its mail lie: it asks somebody who never answers, and waits. */
static troupe_status hoarder_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_status status = TROUPE_OK;
    troupe_msg *out = NULL;

    (void)state;
    if (troupe_msg_kind(*msg) == PILE) {
        status = troupe_msg_new(PILE, 0, &out);
        if (status == TROUPE_OK) {
            status = troupe_ask(self, client, &out, TROUPE_NEVER, 0, NULL);
        }
        troupe_msg_free(&out);
    }
    return status;
}

struct client {
    uint32_t answers;
};

static troupe_status say_ready(const struct client *c)
{
    if (c->answers == 200 && (puts("ready") == EOF || fflush(stdout) != 0)) {
        return TROUPE_ESYSTEM;
    }
    return TROUPE_OK;
}

static troupe_status client_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct client *c = state;
    troupe_msg *out = NULL;
    troupe_status status = TROUPE_OK;

    switch (troupe_msg_kind(*msg)) {
    case TICK:
        status = troupe_signal(self, hoarder, PILE, 0);
        status = status == TROUPE_EBUSY ? TROUPE_OK : status;
        if (status == TROUPE_OK) {
            status = troupe_msg_new(ASK, 16, &out);
        }
        if (status == TROUPE_OK) {
            memset(troupe_msg_body(out), 0, 16);
            status = troupe_ask(self, teller, &out, TROUPE_NEVER, 0, NULL);
        }
        troupe_msg_free(&out);
        return status;
    case TROUPE_KIND_DONE:
        c->answers++;
        status = say_ready(c);
        return status == TROUPE_OK ? troupe_after(self, TROUPE_US(50), TICK, 0, NULL)
                                   : status;
    default:
        return TROUPE_OK;
    }
}

static const troupe_behavior vault_behavior = {.name = "vault", .receive = vault_receive};
static const troupe_behavior teller_behavior = {.name = "teller",
                                                .state_size = sizeof(struct teller),
                                                .receive = teller_receive,
                                                .flags = TROUPE_SERIAL};
static const troupe_behavior hoarder_behavior = {.name = "hoarder",
                                                 .receive = hoarder_receive,
                                                 .mailbox_limit = 20,
                                                 .flags = TROUPE_SERIAL};
static const troupe_behavior client_behavior = {
    .name = "client", .state_size = sizeof(struct client), .receive = client_receive};

static troupe_status spawn_all(troupe_system *sys)
{
    troupe_spawn_options named = TROUPE_SPAWN_OPTIONS;

    named.name = "vault of the northern branch"; /* longer than a slot's name */
    named.base = 2;
    troupe_status status =
        troupe_system_spawn(sys, &vault_behavior, NULL, &named, &vault);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &teller_behavior, NULL, NULL, &teller);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &hoarder_behavior, NULL, NULL, &hoarder);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &client_behavior, NULL, NULL, &client);
    }
    troupe_msg *first = NULL;
    if (status == TROUPE_OK) {
        status = troupe_msg_new(TICK, 0, &first);
    }
    if (status == TROUPE_OK) {
        status = troupe_post(sys, client, &first);
    }
    troupe_msg_free(&first);
    return status;
}

static troupe_status work(troupe_system *sys, const char *directory)
{
    char byte;
    troupe_status status = troupe_system_start(sys);

    if (status != TROUPE_OK) {
        return status;
    }
    status = spawn_all(sys);
    while (status == TROUPE_OK && read(STDIN_FILENO, &byte, 1) > 0) {
    }
    if (status == TROUPE_OK && directory != NULL) {
        status = troupe_trace_dump(sys, directory);
    }
    troupe_system_shutdown(sys, TROUPE_MS(500));
    troupe_status joined = troupe_system_join(sys);
    return status == TROUPE_OK ? joined : status;
}

int main(int argc, char **argv)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_system *sys = NULL;

    options.name = "traced";
    options.bases = 2;
    troupe_status status = troupe_kind_register(ASK, "ask_balance");
    if (status == TROUPE_OK) {
        status = troupe_system_new(&options, &sys);
    }
    if (status == TROUPE_OK) {
        status = troupe_kind_register(FETCH, "fetch"); /* known after the start */
    }
    if (status == TROUPE_OK) {
        status = work(sys, argc > 1 ? argv[1] : NULL);
    }
    troupe_system_free(&sys);
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "traced: %s\n", troupe_status_text(status));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
