/* SPDX-License-Identifier: MIT
 * eq_names.c - globals: one flat table of full names; namespaces are their common fronts.
 *
 * A binding once made stays until the interpreter ends, so trees may point to it. */
#include <stdlib.h>

#include "bindings/embedq/eq.h"
#include "transports/q/q_room.h"

static struct trp_eq_binding **place(struct trp_eq_binding **table, size_t room,
                                     const char *name)
{
    size_t i = trp_q_symbol_hash(name) & (room - 1);

    while (table[i] != NULL && table[i]->name != name) {
        i = (i + 1) & (room - 1);
    }
    return &table[i];
}

static bool grow(struct trp_embedq *q)
{
    size_t room = q->binding_room == 0 ? 256 : q->binding_room * 2;
    struct trp_eq_binding **table = trp_calloc(room, sizeof *table);

    if (table == NULL) {
        return trp_eq_oom(q) != NULL;
    }
    for (size_t i = 0; i < q->binding_room; i++) {
        if (q->bindings[i] != NULL) {
            *place(table, room, q->bindings[i]->name) = q->bindings[i];
        }
    }
    trp_free(q->bindings);
    q->bindings = table;
    q->binding_room = room;
    return true;
}

/* The full name: with the context before it when it is not absolute. */
static const char *full_name(struct trp_embedq *q, const char *context, const char *name)
{
    char text[2 * TRP_EQ_NAME_MAX + 2];
    const char *full = NULL;

    if (name[0] == '.' || context[0] == 0) {
        return name;
    }
    size_t front = strlen(context);
    size_t size = strlen(name);
    if (front > TRP_EQ_NAME_MAX || size > TRP_EQ_NAME_MAX) {
        return (void *)trp_eq_fail(q, "limit");
    }
    memcpy(text, context, front);
    text[front] = '.';
    memcpy(text + front + 1, name, size);
    if (trp_q_intern(text, front + 1 + size, &full) != TROUPE_OK) {
        return (void *)trp_eq_oom(q);
    }
    return full;
}

struct trp_eq_binding *trp_eq_binding(struct trp_embedq *q, const char *context,
                                      const char *name, bool make)
{
    const char *full = full_name(q, context, name);

    if (full == NULL || (q->binding_count * 2 >= q->binding_room && !grow(q))) {
        return NULL;
    }
    struct trp_eq_binding **at = place(q->bindings, q->binding_room, full);
    if (*at == NULL && make) {
        size_t size = sizeof **at + 4 * sizeof *at; /* with its part of the table */
        *at = trp_q_room_take_name(size) ? trp_calloc(1, sizeof **at) : NULL;
        if (*at == NULL) {
            return (void *)trp_eq_oom(q);
        }
        (*at)->name = full;
        q->binding_count++;
    }
    return *at;
}

/* .a.b.c where .a.b is a dictionary. */
static qv *dotted(struct trp_embedq *q, const char *full)
{
    for (const char *dot = strrchr(full, '.'); dot != NULL && dot != full;) {
        const char *front = NULL;
        if (trp_q_intern(full, (size_t)(dot - full), &front) != TROUPE_OK) {
            return NULL;
        }
        struct trp_eq_binding *b = *place(q->bindings, q->binding_room, front);
        qv *v = b != NULL && b->value != NULL ? troupe_q_ref(b->value) : NULL;
        for (const char *at = dot; v != NULL && *at == '.';) {
            const char *stop = strchr(at + 1, '.');
            size_t size = stop != NULL ? (size_t)(stop - at - 1) : strlen(at + 1);
            qv *key = trp_eq_symbol(q, at + 1, size);
            bool holds = trp_q_is_dict(v) || v->type == TROUPE_Q_TABLE;
            qv *next = key != NULL && holds ? trp_eq_index1(q, v, key) : NULL;
            trp_eq_drop(key);
            trp_eq_drop(v);
            v = next;
            at += size + 1;
        }
        if (v != NULL) {
            return v;
        }
        do {
            dot--;
        } while (dot > full && *dot != '.');
        if (dot <= full) {
            break;
        }
    }
    return NULL;
}

bool trp_eq_is_space(struct trp_embedq *q, const char *name)
{
    size_t size = strlen(name);

    if (size < 2 || name[0] != '.') {
        return size == 1 && name[0] == '.';
    }
    for (size_t i = 0; i < q->binding_room; i++) {
        const struct trp_eq_binding *b = q->bindings[i];
        if (b != NULL && b->value != NULL && strncmp(b->name, name, size) == 0 &&
            b->name[size] == '.') {
            return true;
        }
    }
    return false;
}

qv *trp_eq_get_quiet(struct trp_embedq *q, const char *context, const char *name)
{
    const char *full = full_name(q, context, name);
    const struct trp_eq_binding *b =
        full != NULL ? trp_eq_binding(q, "", full, false) : NULL;

    if (b != NULL && b->value != NULL) {
        return troupe_q_ref(b->value);
    }
    if (full == NULL || q->failed) {
        return NULL;
    }
    if (strncmp(full, ".z.", 3) == 0) {
        return trp_eq_dot_z(q, full);
    }
    if (strncmp(full, ".q.", 3) == 0) {
        const struct trp_eq_builtin *k = trp_eq_builtin(q, full + 3, strlen(full + 3));
        return k != NULL ? trp_eq_builtin_value(q, k) : NULL;
    }
    if (full[0] == '.') {
        const struct trp_eq_builtin *k = trp_eq_builtin(q, full, strlen(full));
        if (k != NULL && full[1] != 0) {
            return trp_eq_builtin_value(q, k);
        }
    }
    if (trp_eq_is_space(q, full)) {
        return trp_eq_space(q, full);
    }
    return strchr(full, '.') != NULL ? dotted(q, full) : NULL;
}

static int compare_words(const void *word, const void *member)
{
    return strcmp(word, *(const char *const *)member);
}

/* Whether a name is one of q's that the subset lacks. */
static bool is_q_word(const char *name)
{
    static const char *const words[] = {
        "aj0",   "ajf",   "ajf0", "asof", "avgs", "csv",   "dsave", "ej",  "fkeys",
        "ijf",   "inv",   "ljf",  "load", "lsq",  "md5",   "mmu",   "pj",  "reval",
        "rload", "rsave", "save", "ujf",  "view", "views", "wj",    "wj1", "ww"};

    return strncmp(name, ".Q.", 3) == 0 || strncmp(name, ".h.", 3) == 0 ||
           strncmp(name, ".j.", 3) == 0 ||
           bsearch(name, words, sizeof words / sizeof words[0], sizeof words[0],
                   compare_words) != NULL;
}

qv *trp_eq_get(struct trp_embedq *q, const char *context, const char *name)
{
    qv *v = trp_eq_get_quiet(q, context, name);

    if (v != NULL || q->failed) {
        return v;
    }
    return is_q_word(name) ? trp_eq_nyi(q, name) : trp_eq_fail(q, name);
}

/* A dictionary with the empty symbol first is a namespace. */
static bool is_space_value(const qv *v)
{
    if (!trp_q_is_dict(v)) {
        return false;
    }
    const qv *keys = TRP_Q_ITEMS(v)[0];
    return keys->type == TROUPE_Q_SYMBOL && keys->count > 0 &&
           TRP_Q_SYMS(keys)[0] == trp_q_empty_symbol;
}

static bool set_space(struct trp_embedq *q, const char *full, qv *value)
{
    qv *keys = TRP_Q_ITEMS(value)[0];
    bool good = true;

    for (size_t i = 0; good && i < keys->count; i++) {
        qv *item = trp_q_at(TRP_Q_ITEMS(value)[1], i);
        struct trp_eq_binding *b =
            item != NULL ? trp_eq_binding(q, full, TRP_Q_SYMS(keys)[i], true) : NULL;
        good = b != NULL;
        if (good) {
            troupe_q_unref(&b->value);
            b->value = item;
        } else {
            trp_eq_drop(item);
        }
    }
    return good;
}

bool trp_eq_set(struct trp_embedq *q, const char *context, const char *name, qv *value)
{
    const char *full = full_name(q, context, name);

    if (full == NULL || full[0] == 0) {
        return trp_eq_fail(q, "type") != NULL;
    }
    if (full[0] == '.' && is_space_value(value)) {
        return set_space(q, full, value);
    }
    struct trp_eq_binding *b = trp_eq_binding(q, "", full, true);
    if (b == NULL) {
        return false;
    }
    if (!trp_eq_may_keep(q, value)) {
        return false;
    }
    qv *old = b->value;
    b->value = troupe_q_ref(value);
    trp_eq_drop(old);
    return true;
}

bool trp_eq_unset(struct trp_embedq *q, const char *context, const char *name)
{
    struct trp_eq_binding *b = trp_eq_binding(q, context, name, false);

    if (b != NULL) {
        troupe_q_unref(&b->value);
    }
    return !q->failed;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The part of a full name that follows `space`, up to the next dot; NULL: not in it. */
static const char *member(const char *full, const char *space, size_t *size)
{
    size_t front = strlen(space);

    if (front <= 1) { /* the root: plain names */
        *size = strlen(full);
        return full[0] != '.' ? full : NULL;
    }
    if (strncmp(full, space, front) != 0 || full[front] != '.') {
        return NULL;
    }
    const char *dot = strchr(full + front + 1, '.');
    *size = dot != NULL ? (size_t)(dot - full) - front - 1 : strlen(full + front + 1);
    return full + front + 1;
}

qv *trp_eq_names_in(struct trp_embedq *q, const char *space)
{
    qv *v = trp_eq_new(q, TROUPE_Q_SYMBOL, q->binding_count);
    size_t n = 0;

    for (size_t i = 0; v != NULL && i < q->binding_room; i++) {
        const struct trp_eq_binding *b = q->bindings[i];
        size_t size = 0;
        const char *part =
            b != NULL && b->value != NULL ? member(b->name, space, &size) : NULL;
        const char *symbol = NULL;
        if (part == NULL || size == 0) {
            continue;
        }
        if (trp_q_intern(part, size, &symbol) != TROUPE_OK) {
            trp_eq_drop(v);
            return trp_eq_oom(q);
        }
        TRP_Q_SYMS(v)[n++] = symbol;
    }
    if (v == NULL) {
        return NULL;
    }
    qsort(TRP_Q_SYMS(v), n, sizeof(char *), by_text);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || TRP_Q_SYMS(v)[kept - 1] != TRP_Q_SYMS(v)[i]) {
            TRP_Q_SYMS(v)[kept++] = TRP_Q_SYMS(v)[i];
        }
    }
    v->count = kept;
    return v;
}

qv *trp_eq_space(struct trp_embedq *q, const char *space)
{
    qv *names = trp_eq_names_in(q, space);
    bool root = strlen(space) <= 1;
    size_t extra = root ? 0 : 1;
    qv *keys =
        names != NULL ? trp_eq_new(q, TROUPE_Q_SYMBOL, names->count + extra) : NULL;
    qv *values = keys != NULL ? trp_eq_new(q, TROUPE_Q_LIST, keys->count) : NULL;
    bool good = values != NULL;

    if (good && !root) {
        TRP_Q_SYMS(keys)[0] = trp_q_empty_symbol;
        TRP_Q_ITEMS(values)[0] = trp_eq_null(q);
        good = TRP_Q_ITEMS(values)[0] != NULL;
    }
    for (size_t i = 0; good && i < names->count; i++) {
        TRP_Q_SYMS(keys)[i + extra] = TRP_Q_SYMS(names)[i];
        qv *item = trp_eq_get(q, root ? "" : space, TRP_Q_SYMS(names)[i]);
        TRP_Q_ITEMS(values)[i + extra] = item;
        good = item != NULL;
    }
    trp_eq_drop(names);
    if (!good) {
        trp_eq_drop(keys);
        trp_eq_drop(values);
        return NULL;
    }
    return trp_eq_pair(q, TROUPE_Q_DICT, keys, values);
}

void trp_eq_names_fini(struct trp_embedq *q)
{
    for (size_t i = 0; i < q->binding_room; i++) {
        if (q->bindings[i] != NULL) {
            troupe_q_unref(&q->bindings[i]->value);
            trp_free(q->bindings[i]);
        }
    }
    trp_free(q->bindings);
    q->bindings = NULL;
    q->binding_room = q->binding_count = 0;
}
