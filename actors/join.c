/* SPDX-License-Identifier: MIT
 * join.c - several futures made into one: all, any, race.
 *
 * The parts stay in their owner's list, but answer the join; the result is a future
 * without a target. What it needs at its end is allocated at its beginning. */
#include "actors/runtime.h"

enum join_mode { JOIN_ALL, JOIN_ANY, JOIN_RACE };

struct trp_join {
    enum join_mode mode;
    uint32_t count, left;
    uint64_t result;    /* the future that is told */
    uint64_t *parts;    /* ids; 0 when answered */
    troupe_msg *bundle; /* all: a RESULTS message being filled */
};

static void results_drop(void *body)
{
    troupe_results *results = body;

    for (size_t i = 0; i < results->count; i++) {
        troupe_msg_free(&results->items[i]);
    }
    trp_free(results);
}

static troupe_status make_bundle(size_t count, troupe_msg **out)
{
    size_t size = sizeof(troupe_results) + count * sizeof(troupe_msg *);
    troupe_results *results = trp_calloc(1, size);

    if (results == NULL) {
        return TROUPE_ENOMEM;
    }
    results->count = count;
    results->items = (troupe_msg **)(void *)(results + 1);
    troupe_status status =
        troupe_msg_new_owned(TROUPE_KIND_RESULTS, results, size, results_drop, out);
    if (status != TROUPE_OK) {
        trp_free(results);
    }
    return status;
}

static void join_free(struct trp_join *join)
{
    if (join != NULL) {
        troupe_msg_free(&join->bundle);
        trp_free(join->parts);
        trp_free(join);
    }
}

static struct trp_join *join_new(enum join_mode mode, size_t count)
{
    struct trp_join *join = trp_calloc(1, sizeof(*join));

    if (join == NULL) {
        return NULL;
    }
    join->mode = mode;
    join->count = join->left = (uint32_t)count;
    join->parts = trp_calloc(count, sizeof(*join->parts));
    if (join->parts == NULL ||
        (mode == JOIN_ALL && make_bundle(count, &join->bundle) != TROUPE_OK)) {
        join_free(join);
        return NULL;
    }
    return join;
}

/* Cancels the parts that are open and ends the join. */
void trp_join_forget(struct trp_base *base, struct trp_join *join)
{
    for (uint32_t i = 0; i < join->count; i++) {
        struct trp_future *part = trp_future_of(base, join->parts[i]);
        if (join->parts[i] != 0 && part != NULL) {
            part->join = NULL;
            trp_future_forget(base, part, true);
        }
    }
    join_free(join);
}

static void finish(struct trp_base *base, struct trp_join *join, troupe_msg *msg)
{
    struct trp_future *result = trp_future_of(base, join->result);

    if (result == NULL || result->unpaid != 0) {
        trp_msg_drop(msg);
    } else {
        result->parts = NULL;
        trp_future_answer(base, result, msg);
        trp_join_forget(base, join);
    }
}

void trp_join_take(struct trp_base *base, struct trp_join *join, uint32_t part,
                   troupe_msg *msg)
{
    bool failed = troupe_msg_status(msg) != TROUPE_OK;

    join->parts[part] = 0;
    join->left--;
    if (join->mode == JOIN_ALL) {
        troupe_results *results = troupe_msg_body(join->bundle);
        results->items[part] = msg;
        if (join->left == 0) {
            troupe_msg *bundle = join->bundle;
            join->bundle = NULL;
            finish(base, join, bundle);
        }
        return;
    }
    if (join->mode == JOIN_ANY && failed && join->left != 0) {
        trp_msg_drop(msg);
        return;
    }
    finish(base, join, msg);
}

/* Checks that every part is self's and open, and none is named twice. */
static troupe_status check(troupe_self *self, const troupe_future *parts, size_t count,
                           troupe_ns timeout)
{
    if (parts == NULL || count == 0 || count > TROUPE_JOIN_MAX || timeout <= 0) {
        return TROUPE_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct trp_future *f = trp_future_of(self->base, parts[i].id.bits);
        if (f == NULL || f->answered || f->unpaid != 0) {
            return TROUPE_EGONE;
        }
        if (f->subscription || f->owner != self->actor->id || f->join != NULL) {
            return TROUPE_EINVAL;
        }
    }
    return TROUPE_OK;
}

/* Gives the parts to the join; false when one is named twice (then nothing is given). */
static bool give_parts(struct trp_base *base, struct trp_join *join,
                       const troupe_future *parts)
{
    for (uint32_t i = 0; i < join->count; i++) {
        struct trp_future *f = trp_future_of(base, parts[i].id.bits);
        if (f->join != NULL) {
            while (i-- > 0) {
                trp_future_of(base, parts[i].id.bits)->join = NULL;
            }
            return false;
        }
        f->join = join;
        f->part = i;
        join->parts[i] = f->self->id;
    }
    return true;
}

static troupe_status combine(troupe_self *self, enum join_mode mode,
                             const troupe_future *parts, size_t count, troupe_ns timeout,
                             uint64_t tag, troupe_future *out)
{
    struct trp_base *base = self->base;
    troupe_status status = check(self, parts, count, timeout);

    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_join *join = join_new(mode, count);
    struct trp_future *result =
        join != NULL ? trp_future_new(base, self->actor, "join") : NULL;
    if (result == NULL) {
        join_free(join);
        return trp_tally_read(&base->alive) >= base->system->options.actors_max
                   ? TROUPE_ELIMIT
                   : TROUPE_ENOMEM;
    }
    troupe_future made = {{result->self->id}};
    result->tag = tag;
    status = troupe_future_limit(self, made, timeout);
    if (status == TROUPE_OK && !give_parts(base, join, parts)) {
        status = TROUPE_EINVAL;
    }
    if (status != TROUPE_OK) {
        trp_future_forget(base, result, false);
        join_free(join);
        return status;
    }
    join->result = result->self->id;
    result->parts = join;
    if (out != NULL) {
        *out = made;
    }
    return TROUPE_OK;
}

troupe_status troupe_all(troupe_self *self, const troupe_future *parts, size_t count,
                         troupe_ns timeout, uint64_t tag, troupe_future *out)
{
    return combine(self, JOIN_ALL, parts, count, timeout, tag, out);
}

troupe_status troupe_any(troupe_self *self, const troupe_future *parts, size_t count,
                         troupe_ns timeout, uint64_t tag, troupe_future *out)
{
    return combine(self, JOIN_ANY, parts, count, timeout, tag, out);
}

troupe_status troupe_race(troupe_self *self, const troupe_future *parts, size_t count,
                          troupe_ns timeout, uint64_t tag, troupe_future *out)
{
    return combine(self, JOIN_RACE, parts, count, timeout, tag, out);
}
