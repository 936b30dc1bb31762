/* SPDX-License-Identifier: MIT
 * eq_adverb.c - each, over, scan, each-prior, each-right, each-left. */
#include "bindings/embedq/eq.h"

enum { EACH, OVER, SCAN, PRIOR, RIGHT, LEFT };

static bool extends(const qv *v) /* an item per turn, not the same one each time */
{
    return trp_q_is_list(v) || trp_q_is_dict(v) || v->type == TROUPE_Q_TABLE;
}

static qv *turn_item(struct trp_embedq *q, qv *v, size_t i)
{
    qv *item = NULL;

    if (!extends(v)) {
        return troupe_q_ref(v);
    }
    if (trp_q_is_list(v)) {
        return trp_eq_made(q, trp_q_at(v, i));
    }
    return troupe_q_item(v, i, &item) == TROUPE_OK ? item : trp_eq_oom(q);
}

/* The result of an each gets the keys of a dictionary argument. */
static qv *with_keys(struct trp_embedq *q, size_t count, qv **args, qv *moved)
{
    for (size_t i = 0; moved != NULL && i < count; i++) {
        if (trp_q_is_dict(args[i])) {
            return trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(args[i])[0]),
                               moved);
        }
    }
    return moved;
}

static qv *each(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    qv *turn[TRP_EQ_ARGS_MAX];
    size_t rows = SIZE_MAX;

    for (size_t i = 0; i < count; i++) {
        if (extends(args[i])) {
            size_t n = trp_eq_len(args[i]);
            if (rows != SIZE_MAX && rows != n) {
                return trp_eq_fail(q, "length");
            }
            rows = n;
        }
    }
    if (rows == SIZE_MAX) {
        return trp_eq_apply(q, f, count, args);
    }
    qv *out = trp_eq_new(q, TROUPE_Q_LIST, rows);
    for (size_t r = 0; out != NULL && r < rows; r++) {
        bool good = true;
        for (size_t i = 0; i < count; i++) {
            turn[i] = good ? turn_item(q, args[i], r) : NULL;
            good = turn[i] != NULL;
        }
        qv *v = good ? trp_eq_apply(q, f, count, turn) : NULL;
        for (size_t i = 0; i < count; i++) {
            trp_eq_drop(turn[i]);
        }
        TRP_Q_ITEMS(out)[r] = v;
        if (v == NULL) {
            troupe_q_unref(&out);
        }
    }
    return with_keys(q, count, args, trp_eq_simple(q, out));
}

static bool push(struct trp_embedq *q, qv **list, qv *v)
{
    qv *item = troupe_q_ref(v);

    if (*list != NULL && trp_q_push(list, &item) != TROUPE_OK) {
        trp_eq_drop(item);
        return trp_eq_oom(q) != NULL;
    }
    if (*list == NULL) {
        trp_eq_drop(item);
    }
    return true;
}

/* Gives the gathered results of a scan, or the last value of an over. */
static qv *finish(struct trp_embedq *q, qv *list, qv *last)
{
    if (list == NULL) {
        return last;
    }
    if (last == NULL) {
        trp_eq_drop(list);
        return NULL;
    }
    trp_eq_drop(last);
    return trp_eq_simple(q, list);
}

/* f applied again and again: until nothing changes, n times, or while w says yes. */
static qv *iterate(struct trp_embedq *q, qv *f, qv *how, qv *x, bool scan)
{
    qv *list = scan ? trp_eq_new(q, TROUPE_Q_LIST, 0) : NULL;
    qv *v = troupe_q_ref(x);
    int64_t times = -1;

    if ((scan && list == NULL) || !push(q, &list, v)) {
        trp_eq_drop(v);
        return NULL;
    }
    if (how != NULL && !trp_q_is_function(how) && !trp_eq_int_of(how, &times)) {
        trp_eq_drop(v);
        return finish(q, list, trp_eq_fail(q, "type"));
    }
    for (int64_t n = 0; v != NULL && (times < 0 || n < times); n++) {
        bool yes = true;
        if (how != NULL && times < 0) {
            qv *answer = trp_eq_apply1(q, how, v);
            bool good = answer != NULL && trp_eq_truth(q, answer, &yes);
            trp_eq_drop(answer);
            if (!good || !yes) {
                return finish(q, list, good ? v : (trp_eq_drop(v), (qv *)NULL));
            }
        }
        qv *next = trp_eq_apply1(q, f, v);
        if (next != NULL && how == NULL && !trp_eq_bounded(q, next)) {
            troupe_q_unref(&next);
        }
        bool same = next != NULL && how == NULL &&
                    (troupe_q_match(next, v) || troupe_q_match(next, x));
        if (same) {
            trp_eq_drop(next);
            break;
        }
        trp_eq_drop(v);
        v = next;
        if (v != NULL && !push(q, &list, v)) {
            trp_eq_drop(v);
            v = NULL;
        }
    }
    return finish(q, list, v);
}

/* f[f[seed;x0;y0];x1;y1] ... */
static qv *fold(struct trp_embedq *q, qv *f, qv *seed, size_t count, qv **args, bool scan)
{
    qv *turn[TRP_EQ_ARGS_MAX];
    size_t rows = 1;
    qv *list = scan ? trp_eq_new(q, TROUPE_Q_LIST, 0) : NULL;
    qv *v = troupe_q_ref(seed);

    for (size_t i = 0; i < count; i++) {
        rows = extends(args[i]) ? trp_eq_len(args[i]) : rows;
    }
    for (size_t i = 0; i < count; i++) {
        if (extends(args[i]) && trp_eq_len(args[i]) != rows) {
            trp_eq_drop(v);
            return finish(q, list, trp_eq_fail(q, "length"));
        }
    }
    for (size_t r = 0; v != NULL && r < rows; r++) {
        turn[0] = v;
        bool good = true;
        for (size_t i = 0; i < count; i++) {
            turn[i + 1] = good ? turn_item(q, args[i], r) : NULL;
            good = turn[i + 1] != NULL;
        }
        v = good ? trp_eq_apply(q, f, count + 1, turn) : NULL;
        for (size_t i = 0; i <= count; i++) {
            trp_eq_drop(turn[i]);
        }
        if (v != NULL && !push(q, &list, v)) {
            trp_eq_drop(v);
            v = NULL;
        }
    }
    return finish(q, list, v);
}

/* f/x of a vector that a builtin sums up faster. */
static qv *quick_fold(struct trp_embedq *q, qv *f, qv *x, bool scan, bool *done)
{
    static const char *const names[2][8] = {
        {"+", "sum", "|", "max", "&", "min", ",", "raze"},
        {"+", "sums", "|", "maxs", "&", "mins", "", ""}};
    const struct trp_eq_builtin *b = trp_eq_builtin_of(q, f);
    bool fits = b != NULL && x->type >= TROUPE_Q_LIST && x->type <= TROUPE_Q_FLOAT &&
                x->count > 0 && b->name[0] != 0;

    *done = false;
    for (size_t i = 0; fits && i < 8; i += 2) {
        bool raze = names[scan][i][0] == ',';
        bool takes = raze ? x->type == TROUPE_Q_LIST
                          : x->type == TROUPE_Q_INT || x->type == TROUPE_Q_LONG ||
                                x->type == TROUPE_Q_FLOAT;
        if (takes && names[scan][i][0] != 0 && strcmp(b->name, names[scan][i]) == 0) {
            *done = true;
            const char *name = names[scan][i + 1];
            return trp_eq_builtin(q, name, strlen(name))->one(q, x);
        }
    }
    return NULL;
}

static qv *accumulate(struct trp_embedq *q, qv *f, size_t count, qv **args, bool scan)
{
    size_t rank = trp_q_is_function(f) ? trp_eq_rank(q, f) : 1;

    if (q->failed) {
        return NULL;
    }
    if (rank == 1 && count <= 2) {
        return iterate(q, f, count == 2 ? args[0] : NULL, args[count - 1], scan);
    }
    if (count == 1) {
        bool done = false;
        qv *quick = quick_fold(q, f, args[0], scan, &done);
        if (done) {
            return quick;
        }
        qv *x = trp_q_is_dict(args[0]) ? TRP_Q_ITEMS(args[0])[1] : args[0];
        size_t n = extends(x) ? trp_eq_len(x) : 0;
        if (n == 0) {
            return troupe_q_ref(x);
        }
        qv *items = trp_eq_explode(q, x);
        qv *first = items != NULL ? TRP_Q_ITEMS(items)[0] : NULL;
        qv *rest = items != NULL ? trp_eq_new(q, TROUPE_Q_LIST, n - 1) : NULL;
        for (size_t i = 1; rest != NULL && i < n; i++) {
            TRP_Q_ITEMS(rest)[i - 1] = troupe_q_ref(TRP_Q_ITEMS(items)[i]);
        }
        qv *out = rest != NULL ? fold(q, f, first, 1, &rest, scan) : NULL;
        if (out != NULL && scan) {
            qv *one = trp_eq_new(q, TROUPE_Q_LIST, 1);
            if (one != NULL) {
                TRP_Q_ITEMS(one)[0] = troupe_q_ref(first);
            }
            qv *all = one != NULL ? trp_eq_concat(q, one, out) : NULL;
            trp_eq_drop(one);
            trp_eq_drop(out);
            out = trp_eq_simple(q, all);
            out = with_keys(q, 1, args, out);
        }
        trp_eq_drop(rest);
        trp_eq_drop(items);
        return out;
    }
    return fold(q, f, args[0], count - 1, args + 1, scan);
}

static qv *prior(struct trp_embedq *q, qv *f, size_t count, qv **args)
{
    qv *x = args[count - 1];

    if (count == 1 && trp_eq_rank(q, f) == 1) {
        return each(q, f, count, args); /* parallel each, one after the other here */
    }
    qv *items = trp_eq_explode(q, x);
    qv *out = items != NULL ? trp_eq_new(q, TROUPE_Q_LIST, items->count) : NULL;
    qv *before = count == 2 ? troupe_q_ref(args[0]) : trp_eq_first_null(q, x);
    for (size_t i = 0; out != NULL && before != NULL && i < items->count; i++) {
        qv *item = TRP_Q_ITEMS(items)[i];
        const struct trp_eq_builtin *b =
            count == 1 && i == 0 ? trp_eq_builtin_of(q, f) : NULL;
        bool keep = b != NULL && (b->name[0] == '-' || b->name[0] == '+' ||
                                  b->name[0] == '%' || b->name[0] == '*');
        TRP_Q_ITEMS(out)
        [i] = keep ? troupe_q_ref(item) : trp_eq_apply2(q, f, item, before);
        trp_eq_drop(before);
        before = troupe_q_ref(item);
        if (TRP_Q_ITEMS(out)[i] == NULL) {
            trp_eq_drop(out);
            out = NULL;
        }
    }
    trp_eq_drop(before);
    trp_eq_drop(items);
    return with_keys(q, count, args, trp_eq_simple(q, out));
}

/* One side changes, the other stays. */
static qv *one_side(struct trp_embedq *q, qv *f, qv *x, qv *y, bool right)
{
    qv *moving = right ? y : x;

    if (!extends(moving)) {
        return trp_eq_apply2(q, f, x, y);
    }
    size_t count = trp_eq_len(moving);
    qv *out = trp_eq_new(q, TROUPE_Q_LIST, count);
    for (size_t i = 0; out != NULL && i < count; i++) {
        qv *item = turn_item(q, moving, i);
        TRP_Q_ITEMS(out)
        [i] = item == NULL ? NULL
              : right      ? trp_eq_apply2(q, f, x, item)
                           : trp_eq_apply2(q, f, item, y);
        trp_eq_drop(item);
        if (TRP_Q_ITEMS(out)[i] == NULL) {
            troupe_q_unref(&out);
        }
    }
    return with_keys(q, 1, &moving, trp_eq_simple(q, out));
}

qv *trp_eq_derived(struct trp_embedq *q, int iterator, qv *f, size_t count, qv **args)
{
    if (count == 0 || count > TRP_EQ_ARGS_MAX - 1 || !trp_eq_go_on(q)) {
        return trp_eq_fail(q, "rank");
    }
    switch (iterator) {
    case EACH:
        return each(q, f, count, args);
    case OVER:
    case SCAN:
        return accumulate(q, f, count, args, iterator == SCAN);
    case PRIOR:
        return count <= 2 ? prior(q, f, count, args) : trp_eq_fail(q, "rank");
    default:
        return count == 2 ? one_side(q, f, args[0], args[1], iterator == RIGHT)
                          : trp_eq_fail(q, "rank");
    }
}
