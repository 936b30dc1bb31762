/* SPDX-License-Identifier: MIT
 * combinators.c - several asks made into one answer: all, any, race, and then. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { PRICE = TROUPE_KIND_USER };
enum { ALL = 1, FASTEST };

/* A shop names its price after a while of its own. */
struct shop {
    troupe_id asker;
    uint64_t price;
};

static troupe_status open_shop(troupe_self *self, void *state, const void *args)
{
    (void)self;
    ((struct shop *)state)->price = *(const uint64_t *)args;
    return TROUPE_OK;
}

static troupe_status sell(troupe_self *self, void *state, troupe_msg **msg)
{
    struct shop *shop = state;
    troupe_msg *answer = NULL;

    if (troupe_msg_wants_answer(*msg)) {
        shop->asker = troupe_msg_from(*msg); /* answered later, when the timer fires */
        return troupe_after(self, TROUPE_MS(shop->price), TROUPE_KIND_TIMER, 0, NULL);
    }
    troupe_status status = troupe_msg_new(PRICE, sizeof(uint64_t), &answer);
    if (status == TROUPE_OK) {
        *(uint64_t *)troupe_msg_body(answer) = shop->price;
        status = troupe_reply_to(self, shop->asker, &answer);
        troupe_msg_free(&answer); /* a loser of a race has been cancelled */
    }
    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

static const troupe_behavior shop_behavior = {.name = "shop",
                                              .state_size = sizeof(struct shop),
                                              .start = open_shop,
                                              .receive = sell};

struct buyer {
    troupe_id shops[3];
};

static troupe_status ask_all(troupe_self *self, const struct buyer *buyer,
                             troupe_future parts[3])
{
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < 3 && status == TROUPE_OK; i++) {
        troupe_msg *msg = NULL;
        status = troupe_msg_new(PRICE, 0, &msg);
        if (status == TROUPE_OK) {
            status = troupe_ask(self, buyer->shops[i], &msg, TROUPE_S(5), i, &parts[i]);
            troupe_msg_free(&msg);
        }
    }
    return status;
}

/* Handles the fastest answer in place of receive. */
static troupe_status take_fastest(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    printf("the fastest asks %d\n", (int)*(uint64_t *)troupe_msg_body(*msg));
    troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    return TROUPE_OK;
}

static troupe_status compare(troupe_self *self, void *state, troupe_msg **msg)
{
    const troupe_results *all = troupe_msg_body(*msg);
    troupe_future parts[3];
    troupe_future fastest;

    for (size_t i = 0; i < all->count; i++) {
        printf("shop %zu asks %d\n", i, (int)*(uint64_t *)troupe_msg_body(all->items[i]));
    }
    troupe_status status = ask_all(self, state, parts);
    if (status == TROUPE_OK) {
        status = troupe_race(self, parts, 3, TROUPE_S(5), FASTEST, &fastest);
    }
    return status == TROUPE_OK ? troupe_future_then(self, fastest, take_fastest) : status;
}

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    static const uint64_t prices[] = {9, 3, 6};
    struct buyer *buyer = state;
    troupe_future parts[3];
    troupe_status status = TROUPE_OK;

    (void)args;
    for (size_t i = 0; i < 3 && status == TROUPE_OK; i++) {
        status = troupe_spawn(self, &shop_behavior, &prices[i], NULL, &buyer->shops[i]);
    }
    if (status == TROUPE_OK) {
        status = ask_all(self, buyer, parts);
    }
    return status == TROUPE_OK ? troupe_all(self, parts, 3, TROUPE_S(5), ALL, NULL)
                               : status;
}

static const troupe_handler handlers[] = {{TROUPE_KIND_RESULTS, compare}};
static const troupe_behavior buyer_behavior = {.name = "buyer",
                                               .state_size = sizeof(struct buyer),
                                               .start = start,
                                               .handlers = handlers,
                                               .handler_count = 1};

int main(void)
{
    troupe_system *sys = NULL;

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &buyer_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
