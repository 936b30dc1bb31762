/* SPDX-License-Identifier: MIT
 * custom_engine.c - a library that must stay on one thread, as an engine: here a little
 * stack calculator. It is called from a foreign thread; a call that would never end is
 * given up, and the engine goes on. */
#include <stdio.h>

#include <troupe/troupe.h>

enum { PUSH = TROUPE_KIND_USER, ADD, LOOP, TOP };

struct calculator {
    int64_t stack[64];
    unsigned depth;
};

static struct calculator the_only_one; /* as such libraries have it */

static troupe_status calculator_open(troupe_self *self, const void *config, void **engine)
{
    (void)self;
    (void)config;
    *engine = &the_only_one;
    return TROUPE_OK;
}

static troupe_status push(struct calculator *calculator, int64_t value)
{
    if (calculator->depth == sizeof calculator->stack / sizeof *calculator->stack) {
        return TROUPE_ELIMIT; /* the caller gets it as a failure; the engine goes on */
    }
    calculator->stack[calculator->depth++] = value;
    return TROUPE_OK;
}

static troupe_status top(struct calculator *calculator, troupe_msg **answer)
{
    troupe_status status = troupe_msg_new(TOP, sizeof(int64_t), answer);

    if (status == TROUPE_OK) {
        *(int64_t *)troupe_msg_body(*answer) = calculator->stack[calculator->depth - 1];
    }
    return status;
}

/* Runs on the engine's thread, one call after the other, with no lock held. */
static troupe_status execute(troupe_self *self, void *engine, troupe_msg **request,
                             troupe_msg **answer)
{
    struct calculator *calculator = engine;

    switch (troupe_msg_kind(*request)) {
    case PUSH:
        return push(calculator, (int64_t)troupe_msg_tag(*request)); /* answer: DONE */
    case ADD:
        if (calculator->depth < 2) {
            troupe_status made = troupe_msg_new_failure(
                TROUPE_EREMOTE, troupe_self_id(self), answer, "needs two numbers");
            return made == TROUPE_OK ? TROUPE_EREMOTE : made;
        }
        calculator->depth--;
        calculator->stack[calculator->depth - 1] += calculator->stack[calculator->depth];
        return top(calculator, answer);
    case LOOP:
        while (!troupe_engine_interrupted(self)) { /* looks now and then */
        }
        return TROUPE_ECANCELED;
    default:
        return TROUPE_EUNSUPPORTED;
    }
}

static void calculator_close(troupe_self *self, void *engine)
{
    (void)self;
    ((struct calculator *)engine)->depth = 0;
}

static const troupe_engine_ops calculator = {
    .version = TROUPE_ENGINE_VERSION,
    .capabilities = TROUPE_ENGINE_SINGLETON | TROUPE_ENGINE_CAN_INTERRUPT,
    .name = "calculator",
    .open = calculator_open,
    .execute = execute,
    .close = calculator_close,
};

/* Asks and waits. The answer is the caller's; NULL when it failed. */
static troupe_msg *ask(troupe_system *sys, troupe_id engine, troupe_kind kind,
                       uint64_t tag, troupe_ns limit)
{
    troupe_msg *request = NULL, *answer = NULL;
    troupe_failure failure;

    if (troupe_msg_new(kind, 0, &request) != TROUPE_OK) {
        return NULL;
    }
    troupe_msg_set_tag(request, tag);
    if (troupe_call(sys, engine, &request, limit, &answer, &failure) != TROUPE_OK) {
        printf("failed: %s\n", failure.text);
        troupe_msg_free(&request);
    }
    return answer;
}

static troupe_status calculate(troupe_system *sys)
{
    troupe_id engine;
    troupe_status status = troupe_engine_open(sys, &calculator, NULL, &engine);

    if (status != TROUPE_OK) {
        return status;
    }
    for (uint64_t number = 40; number < 42; number++) {
        troupe_msg *done = ask(sys, engine, PUSH, number, TROUPE_S(5));
        troupe_msg_free(&done);
    }
    troupe_msg *nothing = ask(sys, engine, LOOP, 0, TROUPE_MS(50));
    troupe_msg_free(&nothing);
    troupe_msg *sum = ask(sys, engine, ADD, 0, TROUPE_S(5));
    status = sum != NULL ? TROUPE_OK : TROUPE_EREMOTE;
    if (sum != NULL) {
        printf("40 + 41 = %lld\n", (long long)*(int64_t *)troupe_msg_body(sum));
    }
    troupe_msg_free(&sum);
    return status;
}

int main(void)
{
    troupe_system *sys = NULL;
    troupe_status status = troupe_system_new(NULL, &sys);

    if (status == TROUPE_OK) {
        status = troupe_system_start(sys);
    }
    if (status == TROUPE_OK) {
        status = calculate(sys);
        troupe_system_shutdown(sys, TROUPE_S(5)); /* closes the engine too */
        (void)troupe_system_join(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
