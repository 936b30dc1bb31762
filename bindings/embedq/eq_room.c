/* SPDX-License-Identifier: MIT
 * eq_room.c - how much memory an evaluation may use: the limit, less what is kept from
 * one evaluation to the next.
 *
 * While one runs, makers and frees of values keep the account (transports/q/q_room.h), so
 * that nothing is counted twice and nothing is missed. Values come from other threads and
 * go there; what that does to the account is estimated, and from time to time all that is
 * kept is counted anew. */
#include "bindings/embedq/eq.h"
#include "transports/q/q_room.h"

enum { FLOOR = 1 << 18, TRIFLE = 1 << 10, SEEN_FIRST = 1 << 8 };

/* ---- sizes ---- */

/* Bytes of a value and all inside it; stops counting above `limit`. */
static size_t bytes_of(const qv *v, size_t limit, int depth)
{
    size_t size = trp_q_own_size(v);

    if (!trp_q_holds_values(v->type) || depth > TROUPE_Q_DEPTH_MAX) {
        return size;
    }
    for (size_t i = 0; i < v->count && size <= limit; i++) {
        const qv *item = TRP_Q_ITEMS(v)[i];
        size += item != NULL ? bytes_of(item, limit - size, depth + 1) : 0;
    }
    return size;
}

bool trp_eq_bounded(struct trp_embedq *q, const qv *v)
{
    size_t limit = q->options.memory_limit;

    if (!trp_q_holds_values(v->type)) {
        return true;
    }
    size_t bytes = bytes_of(v, limit, 0);
    q->steps += bytes >> 14; /* looking costs, too */
    return bytes <= limit || trp_eq_oom(q) != NULL;
}

static unsigned refs_of(const qv *v)
{
    return atomic_load_explicit(&v->refs, memory_order_relaxed);
}

/* Bytes of what has one holder (`sole`), or of what has more, inside a value. */
static size_t part_of(const qv *v, bool sole, size_t limit, int depth)
{
    if (refs_of(v) > 1) {
        return sole ? 0 : bytes_of(v, limit, depth);
    }
    size_t size = sole ? trp_q_own_size(v) : 0;
    if (!trp_q_holds_values(v->type) || depth > TROUPE_Q_DEPTH_MAX) {
        return size;
    }
    for (size_t i = 0; i < v->count; i++) {
        size += part_of(TRP_Q_ITEMS(v)[i], sole, limit, depth + 1);
    }
    return size;
}

/* ---- counting all that is kept ---- */

struct count {
    const void **seen; /* shared things that are counted already */
    size_t room, used, bytes;
    bool failed;
};

static const void **seen_place(const void **seen, size_t room, const void *thing)
{
    size_t i = (size_t)(((uintptr_t)thing >> 5) * UINT64_C(0x9e3779b97f4a7c15) >> 20);

    for (i &= room - 1; seen[i] != NULL && seen[i] != thing;) {
        i = (i + 1) & (room - 1);
    }
    return &seen[i];
}

static bool widen(struct count *count)
{
    size_t room = count->room == 0 ? SEEN_FIRST : 2 * count->room;
    const void **seen = trp_calloc(room, sizeof(*seen));

    if (seen == NULL) {
        count->failed = true;
        return false;
    }
    for (size_t i = 0; i < count->room; i++) {
        if (count->seen[i] != NULL) {
            *seen_place(seen, room, count->seen[i]) = count->seen[i];
        }
    }
    trp_free((void *)count->seen);
    count->seen = seen;
    count->room = room;
    return true;
}

/* Whether this is the first time; not when there is no memory to remember it. */
static bool first_time(struct count *count, const void *thing)
{
    if (2 * count->used >= count->room && !widen(count)) {
        return false;
    }
    const void **place = seen_place(count->seen, count->room, thing);
    bool first = *place == NULL;
    count->used += first;
    *place = thing;
    return first;
}

static void count_value(struct count *count, const qv *v, int depth)
{
    if (v == NULL || count->failed || (refs_of(v) > 1 && !first_time(count, v))) {
        return;
    }
    count->bytes += trp_q_own_size(v);
    if (trp_q_holds_values(v->type) && depth <= TROUPE_Q_DEPTH_MAX) {
        for (size_t i = 0; i < v->count; i++) {
            count_value(count, TRP_Q_ITEMS(v)[i], depth + 1);
        }
    }
}

static void count_code(struct count *count, const struct trp_eq_code *code)
{
    if (code == NULL || !first_time(count, code)) {
        return;
    }
    for (const struct trp_eq_node *node = code->values; node != NULL; node = node->next) {
        count_value(count, node->value, 0);
    }
}

static void count_all(const struct trp_embedq *q, struct count *count)
{
    for (size_t i = 0; i < q->binding_room; i++) {
        if (q->bindings[i] != NULL) {
            count_value(count, q->bindings[i]->value, 0);
        }
    }
    for (size_t i = 0; i < TRP_EQ_TEXTS; i++) {
        count_code(count, q->texts[i]);
        count_value(count, q->text_keys[i], 0);
    }
    for (size_t i = 0; i < TRP_EQ_LAMBDAS; i++) {
        if (q->lambdas[i].lambda != NULL) {
            count_value(count, q->lambdas[i].value, 0);
            count_code(count, q->lambdas[i].lambda->code);
        }
    }
}

/* Texts that are remembered must not take the room of what is to be evaluated. */
static void count_anew(struct trp_embedq *q)
{
    struct count count = {0};

    if (q->code_bytes > q->options.memory_limit / 4) {
        trp_eq_forget(q);
    }
    count_all(q, &count);
    if (!count.failed) {
        q->held = q->fixed + (int64_t)(q->code_bytes + count.bytes);
        q->drift = 0;
    }
    trp_free((void *)count.seen);
}

/* ---- the account ---- */

/* Keys of tables that are no more. */
static void forget_keys(struct trp_embedq *q)
{
    for (size_t i = 0; i < TRP_EQ_INDICES; i++) {
        if (q->indices[i].held != NULL && refs_of(q->indices[i].held) == 1) {
            trp_eq_keys_forget(&q->indices[i]);
        }
    }
}

void trp_eq_room_open(struct trp_embedq *q, const qv *query)
{
    int64_t limit = (int64_t)q->options.memory_limit;
    int64_t least = limit / 16 < FLOOR ? limit / 16 : FLOOR;

    forget_keys(q);
    if (q->drift > limit / 4 || (q->drift > limit / 64 && q->held > limit / 2)) {
        count_anew(q);
    }
    q->room.outside = trp_q_room.left;
    q->room.names_outside = trp_q_room.names;
    q->room.query_refs = query != NULL ? refs_of(query) : 0;
    q->room.made = q->made;
    q->room.begin = limit - q->held > least ? limit - q->held : least;
    q->room.lent = q->room.begin - (limit - q->held);
    q->room.names = limit / 4 - q->fixed > TRIFLE ? limit / 4 - q->fixed : TRIFLE;
    trp_q_room = (struct trp_q_room){q->room.begin, q->room.names};
}

void trp_eq_room_close(struct trp_embedq *q, const qv *query, const qv *answer)
{
    size_t limit = q->options.memory_limit;
    int64_t used = q->room.begin - trp_q_room.left;
    int64_t gone = answer != NULL ? (int64_t)part_of(answer, true, limit, 0) : 0;
    int64_t come = 0;

    if (query != NULL && refs_of(query) > q->room.query_refs) {
        come = (int64_t)bytes_of(query, limit, 0);
    } else if (query != NULL && q->room.query_refs == 1) {
        come = (int64_t)part_of(query, false, limit, 0);
    }
    q->fixed += q->room.names - trp_q_room.names;
    q->held += used - gone + come;
    q->held = q->held > 0 ? q->held : 0;
    q->drift += (used < 0 ? -used : used) + gone + come +
                (int64_t)((q->made - q->room.made) / 16);
    trp_q_room = (struct trp_q_room){q->room.outside, q->room.names_outside};
}

int64_t trp_eq_room_now(void)
{
    return trp_q_room.left;
}

void trp_eq_room_came(struct trp_embedq *q, int64_t before, const qv *v)
{
    if (v != NULL) {
        int64_t bytes = (int64_t)bytes_of(v, q->options.memory_limit, 0);
        trp_q_room.left = before - bytes;
        q->drift += bytes;
    }
}

size_t trp_eq_room_leaves(struct trp_embedq *q, const qv *v)
{
    (void)q;
    return part_of(v, true, q->options.memory_limit, 0);
}

void trp_eq_room_left(struct trp_embedq *q, const qv *v, size_t bytes)
{
    if (refs_of(v) > 1) {
        trp_q_room_give(bytes);
        q->drift += (int64_t)bytes;
    }
}

void *trp_eq_scratch(struct trp_embedq *q, size_t count, size_t size)
{
    bool fits = trp_q_room.left > 0 && count <= (uint64_t)trp_q_room.left / size;
    void *memory = fits ? trp_alloc(count * size) : NULL;

    return memory != NULL ? memory : trp_eq_oom(q);
}

bool trp_eq_may_keep(struct trp_embedq *q, const qv *v)
{
    return q->room.lent <= 0 || trp_q_room.left >= q->room.lent ||
           bytes_of(v, TRIFLE, 0) <= TRIFLE || trp_eq_oom(q) != NULL;
}
