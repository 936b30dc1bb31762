/* SPDX-License-Identifier: MIT
 * ask.c - one request, one answer, always: from the other actor, or a failure. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { DIVIDE = TROUPE_KIND_USER, QUOTIENT };

struct fraction {
    int64_t over, under;
};

static troupe_status divide(troupe_self *self, void *state, troupe_msg **msg)
{
    const struct fraction *fraction = troupe_msg_body(*msg);
    troupe_msg *answer = NULL;

    (void)state;
    if (fraction->under == 0) {
        return troupe_fail(self, troupe_msg_from(*msg), TROUPE_EINVAL,
                           "division by zero");
    }
    troupe_status status = troupe_msg_new(QUOTIENT, sizeof(int64_t), &answer);
    if (status == TROUPE_OK) {
        *(int64_t *)troupe_msg_body(answer) = fraction->over / fraction->under;
        status = troupe_reply(self, *msg, &answer);
        troupe_msg_free(&answer);
    }
    return status;
}

static const troupe_handler handlers[] = {{DIVIDE, divide}};
static const troupe_behavior divider = {
    .name = "divider", .handlers = handlers, .handler_count = 1};

static troupe_status ask(troupe_self *self, troupe_id whom, int64_t over, int64_t under,
                         uint64_t tag)
{
    troupe_msg *msg = NULL;
    troupe_status status = troupe_msg_new(DIVIDE, sizeof(struct fraction), &msg);

    if (status == TROUPE_OK) {
        *(struct fraction *)troupe_msg_body(msg) = (struct fraction){over, under};
        status = troupe_ask(self, whom, &msg, TROUPE_S(5), tag, NULL);
        troupe_msg_free(&msg);
    }
    return status;
}

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    troupe_id id;

    (void)state;
    (void)args;
    troupe_status status = troupe_spawn(self, &divider, NULL, NULL, &id);
    if (status == TROUPE_OK) {
        status = ask(self, id, 42, 6, 1);
    }
    return status == TROUPE_OK ? ask(self, id, 1, 0, 2) : status;
}

/* Answers carry the tag of the ask. */
static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    const troupe_failure *failure = troupe_msg_failure(*msg);

    (void)state;
    if (failure != NULL) {
        printf("ask %d: %s (%s)\n", (int)troupe_msg_tag(*msg), failure->text,
               troupe_status_name(failure->status));
    } else {
        printf("ask %d: %d\n", (int)troupe_msg_tag(*msg),
               (int)*(int64_t *)troupe_msg_body(*msg));
    }
    if (troupe_msg_tag(*msg) == 2) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    }
    return TROUPE_OK;
}

static const troupe_behavior asker = {
    .name = "asker", .start = start, .receive = receive};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &asker, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
