/* SPDX-License-Identifier: MIT
 * subscription.c - many answers, with credit: the consumer says how many may come. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { COUNT_UP = TROUPE_KIND_USER, NUMBER, LAST_NUMBER = 10 };

/* The producer: offers numbers while it has credit, and goes on when there is more. */
struct producer {
    troupe_id to;
    int64_t next;
};

static troupe_status produce(troupe_self *self, struct producer *producer)
{
    while (producer->next <= LAST_NUMBER) {
        troupe_msg *item = NULL;
        troupe_status status = troupe_msg_new(NUMBER, sizeof(int64_t), &item);
        if (status != TROUPE_OK) {
            return status;
        }
        *(int64_t *)troupe_msg_body(item) = producer->next;
        status = troupe_offer(self, producer->to, &item);
        troupe_msg_free(&item);
        if (status == TROUPE_EBUSY) {
            printf("no credit left\n");
            return TROUPE_OK; /* TROUPE_KIND_CREDIT will come */
        }
        if (status != TROUPE_OK) {
            return status;
        }
        producer->next++;
    }
    return troupe_offer_end(self, producer->to, TROUPE_OK);
}

static troupe_status on_request(troupe_self *self, void *state, troupe_msg **msg)
{
    *(struct producer *)state = (struct producer){troupe_msg_from(*msg), 1};
    return produce(self, state);
}

static troupe_status on_credit(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)msg;
    return produce(self, state);
}

static const troupe_handler producer_handlers[] = {{COUNT_UP, on_request},
                                                   {TROUPE_KIND_CREDIT, on_credit}};
static const troupe_behavior producer_behavior = {.name = "producer",
                                                  .state_size = sizeof(struct producer),
                                                  .handlers = producer_handlers,
                                                  .handler_count = 2};

/* The consumer: grants four more whenever it has used four up. */
struct consumer {
    troupe_subscription subscription;
    unsigned used;
};

static troupe_status subscribe(troupe_self *self, void *state, const void *args)
{
    struct consumer *consumer = state;
    troupe_msg *request = NULL;
    troupe_id producer;

    (void)args;
    troupe_status status = troupe_spawn(self, &producer_behavior, NULL, NULL, &producer);
    if (status == TROUPE_OK) {
        status = troupe_msg_new(COUNT_UP, 0, &request);
    }
    if (status == TROUPE_OK) {
        status =
            troupe_subscribe(self, producer, &request, 4, 0, &consumer->subscription);
    }
    troupe_msg_free(&request);
    return status;
}

static troupe_status on_number(troupe_self *self, void *state, troupe_msg **msg)
{
    struct consumer *consumer = state;

    printf("%d\n", (int)*(int64_t *)troupe_msg_body(*msg));
    if (++consumer->used % 4 == 0) {
        return troupe_grant(self, consumer->subscription, 4);
    }
    return TROUPE_OK;
}

static troupe_status on_end(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    (void)msg;
    printf("that was all\n");
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    return TROUPE_OK;
}

static const troupe_handler consumer_handlers[] = {{NUMBER, on_number},
                                                   {TROUPE_KIND_END, on_end}};
static const troupe_behavior consumer_behavior = {.name = "consumer",
                                                  .state_size = sizeof(struct consumer),
                                                  .start = subscribe,
                                                  .handlers = consumer_handlers,
                                                  .handler_count = 2};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &consumer_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
