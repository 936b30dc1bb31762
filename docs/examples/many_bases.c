/* SPDX-License-Identifier: MIT
 * many_bases.c - actors on several threads; the API is the same. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { PART = TROUPE_KIND_USER, SUM, BASES = 3 };

/* Sums one third of the numbers, on its own base. */
static troupe_status sum_part(troupe_self *self, void *state, troupe_msg **msg)
{
    uint64_t part = troupe_msg_tag(*msg);
    uint64_t sum = 0;

    (void)state;
    for (uint64_t i = part; i <= 3000; i += BASES) {
        sum += i;
    }
    return troupe_signal(self, troupe_msg_from(*msg), SUM, sum);
}

static const troupe_behavior worker = {.name = "worker", .receive = sum_part};

struct total {
    uint64_t sum;
    unsigned parts;
};

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    const troupe_id *workers = args;
    troupe_status status = TROUPE_OK;

    (void)state;
    for (uint64_t i = 0; i < BASES && status == TROUPE_OK; i++) {
        status = troupe_signal(self, workers[i], PART, i + 1);
    }
    return status;
}

static troupe_status collect(troupe_self *self, void *state, troupe_msg **msg)
{
    struct total *total = state;

    total->sum += troupe_msg_tag(*msg);
    if (++total->parts == BASES) {
        printf("1 + ... + 3000 = %d\n", (int)total->sum);
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(1));
    }
    return TROUPE_OK;
}

static const troupe_behavior collector = {.name = "collector",
                                          .state_size = sizeof(struct total),
                                          .start = start,
                                          .receive = collect};

int main(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_spawn_options where = TROUPE_SPAWN_OPTIONS;
    troupe_system *sys = NULL;
    troupe_id workers[BASES];

    options.bases = BASES;
    troupe_status status = troupe_system_new(&options, &sys);
    for (uint32_t i = 0; i < BASES && status == TROUPE_OK; i++) {
        where.base = i + 1;
        status = troupe_system_spawn(sys, &worker, NULL, &where, &workers[i]);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &collector, workers, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys); /* base 1 here, the others on their threads */
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
