/* SPDX-License-Identifier: MIT
 * eq_find.c - looking for items: a hash of positions, find, in, distinct, group, sets. */
#include <math.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t hash_item(const qv *v, size_t i, int depth);

/* A few items a few levels down: enough to tell most values apart. */
static uint64_t hash_value(const qv *v, int depth)
{
    uint64_t h = (uint64_t)(v->type + 200) ^ v->count << 16;

    bool parts = trp_q_holds_values(v->type);
    for (size_t i = 0; depth < 3 && i < v->count && i < 32; i++) {
        h = mix(h ^ (parts ? hash_value(TRP_Q_ITEMS(v)[i], depth + 1)
                           : hash_item(v, i, depth + 1)));
    }
    return h;
}

static uint64_t hash_double(double x)
{
    uint64_t bits = 0;

    x = isnan(x) ? 0.5 : x == 0 ? 0 : x;
    memcpy(&bits, &x, sizeof bits);
    return mix(bits & ~UINT64_C(0xff)); /* close ones are equal */
}

static uint64_t hash_item(const qv *v, size_t i, int depth)
{
    int type = v->type < 0 ? -v->type : v->type;
    int64_t whole = 0;
    double real = 0;

    if (v->type == TROUPE_Q_TABLE) {
        const qv *columns = TRP_Q_ITEMS(v)[1];
        uint64_t h = 7;
        for (size_t c = 0; c < columns->count; c++) {
            h = mix(h ^ hash_item(TRP_Q_ITEMS(columns)[c], i, depth));
        }
        return h;
    }
    if (v->type == TROUPE_Q_LIST) {
        return hash_value(TRP_Q_ITEMS(v)[i], depth);
    }
    switch (trp_eq_class(type)) {
    case 's':
        return mix((uint64_t)(uintptr_t)TRP_Q_SYMS(v)[i]);
    case 'f':
        return troupe_q_get_float(v, i, &real) == TROUPE_OK ? hash_double(real) : 0;
    case 'i':
        return troupe_q_get_long(v, i, &whole) == TROUPE_OK ? mix((uint64_t)whole) : 0;
    case 'g':
        return mix(*(const uint64_t *)(const void *)(TRP_Q_BYTES(v) + 16 * i));
    default:
        return 0;
    }
}

static bool equal_items(const qv *x, size_t i, const qv *y, size_t j)
{
    if (x->type == TROUPE_Q_TABLE && y->type == TROUPE_Q_TABLE) {
        const qv *a = TRP_Q_ITEMS(x)[1];
        const qv *b = TRP_Q_ITEMS(y)[1];
        if (a->count != b->count) {
            return false;
        }
        for (size_t c = 0; c < a->count; c++) {
            if (!equal_items(TRP_Q_ITEMS(a)[c], i, TRP_Q_ITEMS(b)[c], j)) {
                return false;
            }
        }
        return true;
    }
    if (x->type == TROUPE_Q_LIST && y->type == TROUPE_Q_LIST) {
        return troupe_q_match(TRP_Q_ITEMS(x)[i], TRP_Q_ITEMS(y)[j]);
    }
    int a = x->type < 0 ? -x->type : x->type;
    int b = y->type < 0 ? -y->type : y->type;
    if (a != b) {
        return false;
    }
    switch (trp_eq_class(a)) {
    case 's':
        return TRP_Q_SYMS(x)[i] == TRP_Q_SYMS(y)[j];
    case 'f':
    case 'i':
        return trp_eq_compare(x, i, y, j) == 0;
    case 'g':
        return memcmp(TRP_Q_BYTES(x) + 16 * i, TRP_Q_BYTES(y) + 16 * j, 16) == 0;
    default:
        return false;
    }
}

static bool places_init(struct trp_embedq *q, struct places *p, const qv *list)
{
    size_t room = 16;

    if (!trp_eq_bounded(q, list)) {
        return false;
    }
    while (room < 2 * trp_eq_len(list)) {
        room *= 2;
    }
    *p = (struct places){
        .list = list, .mask = room - 1, .slots = trp_calloc(room, sizeof(size_t))};
    return p->slots != NULL || trp_eq_oom(q) != NULL;
}

/* The position of an item equal to item j of y; -1: none. `add`: remembers j when none.
 */
static int64_t places_find(struct places *p, const qv *y, size_t j, bool add)
{
    size_t at = (size_t)hash_item(y, j, 0) & p->mask;

    for (; p->slots[at] != 0; at = (at + 1) & p->mask) {
        if (equal_items(p->list, p->slots[at] - 1, y, j)) {
            return (int64_t)p->slots[at] - 1;
        }
    }
    if (add) {
        p->slots[at] = j + 1;
    }
    return -1;
}

/* Makes the table of places twice as large when it is half full. */
static bool places_widen(struct trp_embedq *q, struct places *p, size_t used)
{
    if (2 * used <= p->mask) {
        return true;
    }
    size_t room = 2 * (p->mask + 1);
    size_t *slots = trp_calloc(room, sizeof *slots);
    if (slots == NULL) {
        return trp_eq_oom(q) != NULL;
    }
    for (size_t i = 0; i <= p->mask; i++) {
        if (p->slots[i] != 0) {
            size_t at = (size_t)hash_item(p->list, p->slots[i] - 1, 0) & (room - 1);
            while (slots[at] != 0) {
                at = (at + 1) & (room - 1);
            }
            slots[at] = p->slots[i];
        }
    }
    trp_free(p->slots);
    p->slots = slots;
    p->mask = room - 1;
    return true;
}

static bool places_fill(struct trp_embedq *q, struct places *p, const qv *list);

/* ---- the rows of keyed tables that are added to again and again ---- */

struct places *trp_eq_keys_of(struct trp_embedq *q, const qv *keys)
{
    for (size_t i = 0; i < TRP_EQ_INDICES; i++) {
        struct places *p = &q->indices[i];
        if (p->list == keys) {
            qv *held = p->held;
            p->held = NULL; /* so that the table may change in place */
            trp_eq_drop(held);
            return p;
        }
    }
    struct places *p = &q->indices[q->next_index++ % TRP_EQ_INDICES];
    trp_eq_keys_forget(p);
    return places_fill(q, p, keys) ? p : NULL;
}

int64_t trp_eq_keys_find(struct places *p, const qv *rows, size_t row)
{
    return places_find(p, rows, row, false);
}

bool trp_eq_keys_added(struct trp_embedq *q, struct places *p, const qv *keys, size_t row)
{
    p->list = keys;
    if (!places_widen(q, p, row + 1)) {
        return false;
    }
    (void)places_find(p, keys, row, true);
    return true;
}

void trp_eq_keys_keep(struct places *p, qv *keys)
{
    p->list = keys;
    p->held = troupe_q_ref(keys);
}

void trp_eq_keys_forget(struct places *p)
{
    qv *held = p->held;

    trp_free(p->slots);
    *p = (struct places){0};
    trp_eq_drop(held);
}

static bool places_fill(struct trp_embedq *q, struct places *p, const qv *list)
{
    if (!places_init(q, p, list)) {
        return false;
    }
    for (size_t i = 0; i < trp_eq_len(list); i++) {
        (void)places_find(p, list, i, true);
        if (!trp_eq_poll(q, i)) {
            trp_free(p->slots);
            return false;
        }
    }
    return true;
}

#define SCAN(type)                                                                       \
    do {                                                                                 \
        type wanted;                                                                     \
        memcpy(&wanted, x->data, sizeof wanted);                                         \
        for (size_t i = 0; i < list->count; i++) {                                       \
            if (((const type *)list->data)[i] == wanted) {                               \
                return (int64_t)i;                                                       \
            }                                                                            \
        }                                                                                \
        return -1;                                                                       \
    } while (0)

/* The position of an atom among items of its own type that are compared bit by bit. */
static int64_t scan_for(const qv *list, const qv *x)
{
    switch (trp_q_width(list->type)) {
    case 1:
        SCAN(uint8_t);
    case 2:
        SCAN(uint16_t);
    case 4:
        SCAN(uint32_t);
    default:
        SCAN(uint64_t);
    }
}

int64_t trp_eq_find_item(const qv *list, const qv *x)
{
    size_t count = trp_eq_len(list);
    int class = trp_eq_class(list->type);

    if (list->type > TROUPE_Q_LIST && x->type == -list->type &&
        (class == 'i' || class == 's')) {
        return scan_for(list, x);
    }

    for (size_t i = 0; i < count; i++) {
        bool same = false;
        if (list->type == TROUPE_Q_LIST) {
            same = troupe_q_match(TRP_Q_ITEMS(list)[i], x);
        } else if (list->type == TROUPE_Q_TABLE) {
            const qv *columns = TRP_Q_ITEMS(list)[1];
            const qv *row = x->type == TROUPE_Q_DICT ? TRP_Q_ITEMS(x)[1] : x;
            same = x->type == TROUPE_Q_DICT || trp_q_is_list(x)
                       ? row->count == columns->count
                       : columns->count == 1;
            for (size_t c = 0; same && c < columns->count; c++) {
                const qv *column = TRP_Q_ITEMS(columns)[c];
                const qv *cell = row->type == TROUPE_Q_LIST ? TRP_Q_ITEMS(row)[c] : NULL;
                same = cell == NULL || column->type == TROUPE_Q_LIST
                           ? equal_items(column, i, row, c)
                           : cell->type < 0 && equal_items(column, i, cell, 0);
            }
        } else {
            same = x->type < 0 && equal_items(list, i, x, 0);
        }
        if (same) {
            return (int64_t)i;
        }
    }
    return -1;
}

qv *trp_eq_dict_find(struct trp_embedq *q, qv *dict, qv *key)
{
    qv *values = TRP_Q_ITEMS(dict)[1];
    int64_t at = trp_eq_find_item(TRP_Q_ITEMS(dict)[0], key);
    qv *row = trp_eq_long(q, at);
    qv *v = row != NULL ? trp_eq_index1(q, values, row) : NULL;

    trp_eq_drop(row);
    return v;
}

static bool nested(const qv *x)
{
    return x->type == TROUPE_Q_LIST && x->count > 0 && trp_q_is_list(TRP_Q_ITEMS(x)[0]);
}

/* Whether y is one item to be looked for in x, not many. */
static bool one_item(const qv *x, const qv *y)
{
    if (x->type == TROUPE_Q_TABLE) {
        return y->type != TROUPE_Q_TABLE && y->type != TROUPE_Q_LIST;
    }
    if (!trp_q_is_list(y)) {
        return true;
    }
    return nested(x) && !nested(y) && !(y->type == TROUPE_Q_LIST && y->count == 0);
}

static qv *find_many(struct trp_embedq *q, qv *x, qv *y)
{
    size_t count = trp_eq_len(y);
    struct places p;
    bool scans = (x->type == TROUPE_Q_LIST) != (y->type == TROUPE_Q_LIST);
    qv *v = trp_eq_new(q, TROUPE_Q_LONG, count);

    if (v == NULL || !places_fill(q, &p, x)) {
        trp_eq_drop(v);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t at = 0;
        if (y->type == TROUPE_Q_LIST && x->type != TROUPE_Q_LIST) {
            at = trp_eq_find_item(x, TRP_Q_ITEMS(y)[i]);
        } else if (x->type == TROUPE_Q_LIST && y->type != TROUPE_Q_LIST) {
            qv *item = trp_q_at(y, i);
            at = item != NULL ? trp_eq_find_item(x, item) : -1;
            trp_eq_drop(item);
        } else {
            at = places_find(&p, y, i, false);
        }
        TRP_Q_LONGS(v)[i] = at >= 0 ? at : (int64_t)trp_eq_len(x);
        if (!(scans ? trp_eq_go_on(q) : trp_eq_poll(q, i))) {
            trp_free(p.slots);
            trp_eq_drop(v);
            return NULL;
        }
    }
    trp_free(p.slots);
    return v;
}

qv *trp_eq_find(struct trp_embedq *q, qv *x, qv *y)
{
    if (!trp_eq_bounded(q, x) || !trp_eq_bounded(q, y)) {
        return NULL;
    }
    if (trp_q_is_dict(x)) {
        qv *at = trp_eq_find(q, TRP_Q_ITEMS(x)[1], y);
        qv *v = at != NULL ? trp_eq_index1(q, TRP_Q_ITEMS(x)[0], at) : NULL;
        trp_eq_drop(at);
        return v;
    }
    if (one_item(x, y)) {
        int64_t at = trp_eq_find_item(x, y);
        return trp_eq_long(q, at >= 0 ? at : (int64_t)trp_eq_len(x));
    }
    bool same = x->type == y->type || x->type == TROUPE_Q_LIST ||
                y->type == TROUPE_Q_LIST || x->count == 0;
    return same ? find_many(q, x, y) : trp_eq_fail(q, "type");
}

qv *trp_eq_v_in(struct trp_embedq *q, qv *x, qv *y)
{
    qv *list = trp_q_is_list(y) || y->type == TROUPE_Q_TABLE ? troupe_q_ref(y)
                                                             : trp_eq_v_enlist(q, y);
    if (trp_q_is_dict(x)) {
        qv *v = list != NULL ? trp_eq_v_in(q, TRP_Q_ITEMS(x)[1], list) : NULL;
        trp_eq_drop(list);
        return v != NULL
                   ? trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(x)[0]), v)
                   : NULL;
    }
    qv *at = list != NULL ? trp_eq_find(q, list, x) : NULL;
    qv *v = at != NULL
                ? trp_eq_new(q, at->type < 0 ? -TROUPE_Q_BOOLEAN : TROUPE_Q_BOOLEAN,
                             at->count)
                : NULL;
    for (size_t i = 0; v != NULL && i < at->count; i++) {
        TRP_Q_BYTES(v)[i] = TRP_Q_LONGS(at)[i] < (int64_t)trp_eq_len(list);
    }
    trp_eq_drop(at);
    trp_eq_drop(list);
    return v;
}

/* Positions where items appear for the first time. */
static int64_t *firsts(struct trp_embedq *q, const qv *x, size_t *count)
{
    size_t n = trp_eq_len(x);
    int64_t *rows = trp_eq_scratch(q, n + 1, sizeof *rows);
    struct places p;

    *count = 0;
    if (rows == NULL || !places_init(q, &p, x)) {
        trp_free(rows);
        return (void *)trp_eq_oom(q);
    }
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        if (places_find(&p, x, i, true) < 0) {
            rows[(*count)++] = (int64_t)i;
        }
        good = trp_eq_poll(q, i);
    }
    trp_free(p.slots);
    if (!good) {
        trp_free(rows);
        return NULL;
    }
    return rows;
}

qv *trp_eq_v_distinct(struct trp_embedq *q, qv *x)
{
    size_t count = 0;

    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return trp_q_is_dict(x) ? trp_eq_v_distinct(q, TRP_Q_ITEMS(x)[1])
                                : trp_eq_fail(q, "type");
    }
    int64_t *rows = firsts(q, x, &count);
    if (rows == NULL) {
        return NULL;
    }
    qv *v = count == 0 ? troupe_q_ref(x) : trp_eq_take_rows(q, x, rows, count);
    trp_free(rows);
    return v;
}

/* Per item which group it is in; *groups: how many; *rows: the first of each. */
static int64_t *grouping(struct trp_embedq *q, const qv *x, int64_t **rows,
                         size_t *groups)
{
    size_t n = trp_eq_len(x);
    int64_t *group = trp_eq_scratch(q, n + 1, sizeof *group);
    int64_t *first = trp_eq_scratch(q, n + 1, sizeof *first);
    struct places p = {0};

    *groups = 0;
    if (group == NULL || first == NULL || !places_init(q, &p, x)) {
        trp_free(group);
        trp_free(first);
        return (void *)trp_eq_oom(q);
    }
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        int64_t at = places_find(&p, x, i, true);
        group[i] = at < 0 ? (int64_t)*groups : group[at];
        if (at < 0) {
            first[(*groups)++] = (int64_t)i;
        }
        good = trp_eq_poll(q, i);
    }
    trp_free(p.slots);
    if (!good) {
        trp_free(group);
        trp_free(first);
        return NULL;
    }
    *rows = first;
    return group;
}

static qv *group_lists(struct trp_embedq *q, const int64_t *group, size_t n,
                       size_t groups)
{
    qv *lists = trp_eq_new(q, TROUPE_Q_LIST, groups);
    size_t *sizes = trp_calloc(groups + 1, sizeof *sizes);

    for (size_t i = 0; sizes != NULL && i < n; i++) {
        sizes[group[i]]++;
    }
    for (size_t g = 0; lists != NULL && g < groups; g++) {
        qv *v = sizes != NULL ? trp_eq_new(q, TROUPE_Q_LONG, sizes[g]) : trp_eq_oom(q);
        TRP_Q_ITEMS(lists)[g] = v;
        if (v == NULL) {
            trp_eq_drop(lists);
            lists = NULL;
        } else {
            sizes[g] = 0;
        }
    }
    for (size_t i = 0; lists != NULL && i < n; i++) {
        size_t g = (size_t)group[i];
        TRP_Q_LONGS(TRP_Q_ITEMS(lists)[g])[sizes[g]++] = (int64_t)i;
    }
    trp_free(sizes);
    return lists;
}

qv *trp_eq_v_group(struct trp_embedq *q, qv *x)
{
    size_t groups = 0;
    int64_t *first = NULL;

    if (trp_q_is_dict(x)) {
        qv *g = trp_eq_v_group(q, TRP_Q_ITEMS(x)[1]);
        qv *v = g != NULL ? trp_eq_index1(q, TRP_Q_ITEMS(x)[0], TRP_Q_ITEMS(g)[1]) : NULL;
        v = v != NULL ? trp_eq_pair(q, TROUPE_Q_DICT, troupe_q_ref(TRP_Q_ITEMS(g)[0]), v)
                      : NULL;
        trp_eq_drop(g);
        return v;
    }
    if (!trp_q_is_list(x) && x->type != TROUPE_Q_TABLE) {
        return trp_eq_fail(q, "type");
    }
    int64_t *group = grouping(q, x, &first, &groups);
    if (group == NULL) {
        return NULL;
    }
    qv *lists = group_lists(q, group, trp_eq_len(x), groups);
    qv *keys = lists == NULL ? NULL
               : groups == 0 ? troupe_q_ref(x)
                             : trp_eq_take_rows(q, x, first, groups);
    trp_free(group);
    trp_free(first);
    return trp_eq_pair(q, TROUPE_Q_DICT, keys, lists);
}

/* Items of x that are (or are not) in y. */
static qv *filter(struct trp_embedq *q, qv *x, qv *y, bool in)
{
    qv *items = trp_q_is_list(x) || x->type == TROUPE_Q_TABLE ? troupe_q_ref(x)
                                                              : trp_eq_v_enlist(q, x);
    qv *flags = items != NULL ? trp_eq_v_in(q, items, y) : NULL;
    qv *wanted = flags != NULL && !in ? trp_eq_v_not(q, flags) : flags;
    qv *rows = wanted != NULL ? trp_eq_v_where(q, wanted) : NULL;
    qv *v = rows != NULL ? trp_eq_index1(q, items, rows) : NULL;

    if (!in) {
        trp_eq_drop(wanted);
    }
    trp_eq_drop(flags);
    trp_eq_drop(rows);
    trp_eq_drop(items);
    return v;
}

qv *trp_eq_v_inter(struct trp_embedq *q, qv *x, qv *y)
{
    return filter(q, x, y, true);
}

qv *trp_eq_v_except(struct trp_embedq *q, qv *x, qv *y)
{
    return filter(q, x, y, false);
}

qv *trp_eq_v_union(struct trp_embedq *q, qv *x, qv *y)
{
    qv *both = trp_eq_v_join(q, x, y);
    qv *v = both != NULL ? trp_eq_v_distinct(q, both) : NULL;

    trp_eq_drop(both);
    return v;
}
