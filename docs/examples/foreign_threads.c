/* SPDX-License-Identifier: MIT
 * foreign_threads.c - threads that are no actors: post, call, and wait for a future. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { ADD = TROUPE_KIND_USER, TOTAL };

static troupe_status add_up(troupe_self *self, void *state, troupe_msg **msg)
{
    int64_t *total = state;
    troupe_msg *answer = NULL;

    if (troupe_msg_kind(*msg) == ADD) {
        *total += *(int64_t *)troupe_msg_body(*msg);
        return TROUPE_OK;
    }
    troupe_status status = troupe_msg_new(TOTAL, sizeof(*total), &answer);
    if (status == TROUPE_OK) {
        *(int64_t *)troupe_msg_body(answer) = *total;
        status = troupe_reply(self, *msg, &answer);
        troupe_msg_free(&answer);
    }
    return status;
}

static const troupe_behavior till = {
    .name = "till", .state_size = sizeof(int64_t), .receive = add_up};

static troupe_status post_sum(troupe_system *sys, troupe_id to, int64_t sum)
{
    troupe_msg *msg = NULL;

    troupe_status status = troupe_msg_new(ADD, sizeof(sum), &msg);
    if (status == TROUPE_OK) {
        *(int64_t *)troupe_msg_body(msg) = sum;
        status = troupe_post(sys, to, &msg); /* any thread; TROUPE_EBUSY when full */
        troupe_msg_free(&msg);
    }
    return status;
}

static troupe_status print_total(troupe_system *sys, troupe_id to)
{
    troupe_msg *msg = NULL;
    troupe_msg *answer = NULL;
    troupe_failure failure;

    troupe_status status = troupe_msg_new(TOTAL, 0, &msg);
    if (status != TROUPE_OK) {
        return status;
    }
    /* Blocks this thread, which is not a base: a base would be refused. */
    status = troupe_call(sys, to, &msg, TROUPE_S(5), &answer, &failure);
    if (status == TROUPE_OK) {
        printf("total %d\n", (int)*(int64_t *)troupe_msg_body(answer));
    }
    troupe_msg_free(&answer);
    troupe_msg_free(&msg);
    return status;
}

int main(void)
{
    troupe_system *sys = NULL;
    troupe_id id;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_start(sys); /* on threads of its own */
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &till, NULL, NULL, &id);
    }
    for (int64_t sum = 1; sum <= 100 && status == TROUPE_OK; sum++) {
        status = post_sum(sys, id, sum);
    }
    if (status == TROUPE_OK) {
        status = print_total(sys, id);
    }
    if (sys != NULL) {
        troupe_system_shutdown(sys, TROUPE_S(1));
        (void)troupe_system_join(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
