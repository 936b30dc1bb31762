/* SPDX-License-Identifier: MIT
 * eq_misc.c - type, value, get, set, key, match, ?, @, . and the iterator keywords. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

const char *trp_eq_context(const struct trp_embedq *q)
{
    return q->context; /* names as symbols belong to \\d, wherever the code was written */
}

qv *trp_eq_v_type(struct trp_embedq *q, qv *x)
{
    int type = x->type == TROUPE_Q_SORTED_DICT ? TROUPE_Q_DICT : x->type;

    return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_SHORT, type));
}

qv *trp_eq_v_identity(struct trp_embedq *q, qv *x)
{
    (void)q;
    return troupe_q_ref(x);
}

qv *trp_eq_v_assign(struct trp_embedq *q, qv *x, qv *y)
{
    (void)q;
    (void)x;
    return troupe_q_ref(y);
}

qv *trp_eq_v_match(struct trp_embedq *q, qv *x, qv *y)
{
    bool bounded = trp_eq_bounded(q, x) && trp_eq_bounded(q, y);

    return bounded ? trp_eq_bool(q, troupe_q_match(x, y)) : NULL;
}

qv *trp_eq_v_enlist_mixed(struct trp_embedq *q, qv *x)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, 1);

    if (v != NULL) {
        TRP_Q_ITEMS(v)[0] = troupe_q_ref(x);
    }
    return v;
}

qv *trp_eq_meta_table(struct trp_embedq *q, qv *names, qv *types, qv *foreign, qv *attrs)
{
    static const char *const heads[] = {"c", "t", "f", "a"};
    qv *columns[] = {names, types, foreign, attrs};
    qv *table = NULL;

    if (troupe_q_table_of(4, heads, columns, &table) != TROUPE_OK) {
        return trp_eq_oom(q);
    }
    qv *v = trp_eq_enkey(q, 1, table);
    trp_eq_drop(table);
    return v;
}

qv *trp_eq_v_attr(struct trp_embedq *q, qv *x)
{
    static const char letters[] = " supg";
    unsigned attr = x->type >= 0 ? x->attr & TRP_Q_ATTR_MASK : 0;

    return trp_eq_symbol(q, letters + (attr <= 4 ? attr : 0), attr != 0 && attr <= 4);
}

/* ---- value ---- */

static bool is_text(const qv *x)
{
    return x->type == TROUPE_Q_CHAR || x->type == -TROUPE_Q_CHAR;
}

static qv *value_text(struct trp_embedq *q, qv *x)
{
    size_t size = 0;
    const char *text = troupe_q_text(x, &size);

    return trp_eq_eval_text(q, text, size, false);
}

/* (f; arguments): f by name, by text or itself. */
static qv *value_list(struct trp_embedq *q, qv *x)
{
    qv *args[TRP_EQ_ARGS_MAX] = {0};
    size_t count = x->count - 1;
    qv *head = trp_eq_made(q, trp_q_at(x, 0));
    qv *f = NULL;
    qv *v = NULL;

    if (head != NULL && is_text(head)) {
        f = value_text(q, head);
    } else if (head != NULL) {
        f = head->type == -TROUPE_Q_SYMBOL
                ? trp_eq_get(q, trp_eq_context(q), TRP_Q_SYMS(head)[0])
                : troupe_q_ref(head);
    }
    if (f == NULL && q->failed && head != NULL && head->type == -TROUPE_Q_SYMBOL &&
        q->returned == NULL) {
        const char *name = TRP_Q_SYMS(head)[0];
        const struct trp_eq_builtin *b = trp_eq_builtin(q, name, strlen(name));
        if (b != NULL) {
            q->failed = false;
            f = trp_eq_builtin_value(q, b);
        }
    }
    bool good = f != NULL && (count <= TRP_EQ_ARGS_MAX || trp_eq_fail(q, "rank"));
    for (size_t i = 0; good && i < count; i++) {
        args[i] = trp_eq_made(q, trp_q_at(x, i + 1));
        good = args[i] != NULL;
    }
    if (good) {
        v = count == 0 ? troupe_q_ref(f) : trp_eq_apply(q, f, count, args);
    }
    for (size_t i = 0; i < TRP_EQ_ARGS_MAX; i++) {
        trp_eq_drop(args[i]);
    }
    trp_eq_drop(f);
    trp_eq_drop(head);
    return v;
}

qv *trp_eq_value(struct trp_embedq *q, qv *x)
{
    if (!trp_eq_go_on(q)) {
        return NULL;
    }
    if (is_text(x)) {
        return value_text(q, x);
    }
    if (x->type == -TROUPE_Q_SYMBOL) {
        return trp_eq_v_get(q, x);
    }
    if (trp_q_is_dict(x)) {
        return troupe_q_ref(TRP_Q_ITEMS(x)[1]);
    }
    if (x->type == TROUPE_Q_TABLE) {
        return troupe_q_ref(TRP_Q_ITEMS(x)[1]);
    }
    if (trp_q_is_list(x)) {
        return x->count == 0 ? troupe_q_ref(x) : value_list(q, x);
    }
    return troupe_q_ref(x);
}

qv *trp_eq_v_value(struct trp_embedq *q, qv *x)
{
    return trp_eq_value(q, x);
}

static qv *builtin_names(struct trp_embedq *q)
{
    qv *v = trp_eq_new(q, TROUPE_Q_SYMBOL, 0);
    const char *empty = trp_q_empty_symbol;
    bool good = v != NULL && trp_q_append(&v, &empty, 1) == TROUPE_OK;

    for (size_t i = 0; good && i < q->builtin_room; i++) {
        const struct trp_eq_builtin *b = q->builtins[i];
        const char *symbol = NULL;
        if (b == NULL || !((b->name[0] >= 'a' && b->name[0] <= 'z'))) {
            continue;
        }
        good = trp_q_intern(b->name, strlen(b->name), &symbol) == TROUPE_OK &&
               trp_q_append(&v, &symbol, 1) == TROUPE_OK;
    }
    if (!good) {
        trp_eq_drop(v);
        return trp_eq_oom(q);
    }
    qv *sorted = trp_eq_v_asc(q, v);
    trp_eq_drop(v);
    if (sorted != NULL) {
        sorted->attr = 0;
    }
    return sorted;
}

qv *trp_eq_v_get(struct trp_embedq *q, qv *x)
{
    if (x->type != -TROUPE_Q_SYMBOL) {
        return trp_eq_value(q, x);
    }
    const char *name = TRP_Q_SYMS(x)[0];
    if (name[0] == ':') {
        return trp_eq_file(q, TROUPE_EMBEDQ_READ, name, NULL);
    }
    if (strcmp(name, ".q") == 0) {
        qv *keys = builtin_names(q);
        qv *values = keys != NULL ? trp_eq_new(q, TROUPE_Q_LIST, keys->count) : NULL;
        for (size_t i = 0; values != NULL && i < keys->count; i++) {
            const char *key = TRP_Q_SYMS(keys)[i];
            TRP_Q_ITEMS(values)
            [i] = i == 0 ? trp_eq_null(q)
                         : trp_eq_builtin_value(q, trp_eq_builtin(q, key, strlen(key)));
        }
        return trp_eq_pair(q, TROUPE_Q_DICT, keys, values);
    }
    if (strlen(name) <= 1 && name[0] == '.') {
        return trp_eq_space(q, "");
    }
    qv *v = trp_eq_get_quiet(q, trp_eq_context(q), name);
    const struct trp_eq_builtin *b =
        v == NULL && !q->failed ? trp_eq_builtin(q, name, strlen(name)) : NULL;
    return v != NULL || q->failed ? v
           : b != NULL            ? trp_eq_builtin_value(q, b)
                                  : trp_eq_fail(q, name);
}

qv *trp_eq_v_set(struct trp_embedq *q, qv *x, qv *y)
{
    if (x->type != -TROUPE_Q_SYMBOL) {
        return trp_eq_fail(q, "type");
    }
    if (TRP_Q_SYMS(x)[0][0] == ':') {
        qv *v = trp_eq_file(q, TROUPE_EMBEDQ_WRITE, TRP_Q_SYMS(x)[0], y);
        trp_eq_drop(v);
        return v != NULL ? troupe_q_ref(x) : NULL;
    }
    return trp_eq_set(q, trp_eq_context(q), TRP_Q_SYMS(x)[0], y) ? troupe_q_ref(x) : NULL;
}

/* Names of the namespaces under the root. */
static qv *spaces(struct trp_embedq *q)
{
    qv *v = trp_eq_new(q, TROUPE_Q_SYMBOL, 0);

    for (size_t i = 0; v != NULL && i < q->binding_room; i++) {
        const struct trp_eq_binding *b = q->bindings[i];
        if (b == NULL || b->value == NULL || b->name[0] != '.') {
            continue;
        }
        const char *dot = strchr(b->name + 1, '.');
        const char *symbol = NULL;
        size_t size = dot != NULL ? (size_t)(dot - b->name) - 1 : strlen(b->name) - 1;
        if (size == 0 || trp_q_intern(b->name + 1, size, &symbol) != TROUPE_OK ||
            trp_q_append(&v, &symbol, 1) != TROUPE_OK) {
            continue;
        }
    }
    qv *once = v != NULL ? trp_eq_v_distinct(q, v) : NULL;
    qv *sorted = once != NULL ? trp_eq_v_asc(q, once) : NULL;
    trp_eq_drop(v);
    trp_eq_drop(once);
    return sorted;
}

qv *trp_eq_v_key(struct trp_embedq *q, qv *x)
{
    if (trp_q_is_dict(x)) {
        return troupe_q_ref(TRP_Q_ITEMS(x)[0]);
    }
    if (x->type == TROUPE_Q_TABLE) {
        return trp_eq_v_cols(q, x);
    }
    if (x->type == -TROUPE_Q_SYMBOL) {
        const char *name = TRP_Q_SYMS(x)[0];
        if (name[0] == 0) {
            return spaces(q);
        }
        if (strcmp(name, ".q") == 0) {
            return builtin_names(q);
        }
        if (name[0] == '.' && name[1] == 0) {
            return trp_eq_names_in(q, "");
        }
        if (name[0] == ':') {
            return trp_eq_file(q, TROUPE_EMBEDQ_KEY, name, NULL);
        }
        qv *v = trp_eq_get_quiet(q, trp_eq_context(q), name);
        qv *k = v == NULL          ? (q->failed ? NULL : trp_eq_empty(q, TROUPE_Q_LIST))
                : trp_q_is_dict(v) ? trp_eq_v_key(q, v)
                                   : troupe_q_ref(x);
        trp_eq_drop(v);
        return k;
    }
    if (x->type < 0) {
        return trp_eq_v_til(q, x);
    }
    static const char *const names[] = {"",     "boolean", "guid", "",
                                        "byte", "short",   "int",  "long",
                                        "real", "float",   "char", "symbol"};
    return x->type > 0 && x->type < (int)TRP_COUNT(names)
               ? trp_eq_symbol(q, names[x->type], strlen(names[x->type]))
               : trp_eq_fail(q, "type");
}

qv *trp_eq_v_tables(struct trp_embedq *q, qv *x)
{
    const char *space = x->type == -TROUPE_Q_SYMBOL ? TRP_Q_SYMS(x)[0] : q->context;
    qv *names = trp_eq_names_in(q, space);
    size_t n = 0;

    for (size_t i = 0; names != NULL && i < names->count; i++) {
        qv *v =
            trp_eq_get_quiet(q, strlen(space) <= 1 ? "" : space, TRP_Q_SYMS(names)[i]);
        if (v != NULL && (v->type == TROUPE_Q_TABLE || trp_q_is_keyed(v))) {
            TRP_Q_SYMS(names)[n++] = TRP_Q_SYMS(names)[i];
        }
        trp_eq_drop(v);
    }
    if (names != NULL) {
        names->count = n;
        names->attr = TROUPE_Q_SORTED;
    }
    return names;
}

/* ---- @ . and the iterator words ---- */

qv *trp_eq_v_at(struct trp_embedq *q, qv *x, qv *y)
{
    return trp_eq_apply1(q, x, y);
}

qv *trp_eq_v_dot(struct trp_embedq *q, qv *x, qv *y)
{
    qv *args = trp_q_is_list(y) ? trp_eq_explode(q, y) : trp_eq_fail(q, "type");
    qv *v = NULL;

    if (args != NULL && args->count > TRP_EQ_ARGS_MAX) {
        (void)trp_eq_fail(q, "rank");
    } else if (args != NULL && args->count == 0) {
        v = trp_q_is_function(x) ? trp_eq_fail(q, "rank") : troupe_q_ref(x);
    } else if (args != NULL) {
        v = trp_eq_apply(q, x, args->count, TRP_Q_ITEMS(args));
    }
    trp_eq_drop(args);
    return v;
}

#define ITERATOR(name, code)                                                             \
    qv *trp_eq_v_##name(struct trp_embedq *q, qv *x, qv *y)                              \
    {                                                                                    \
        return trp_eq_derived(q, code, x, 1, &y);                                        \
    }
ITERATOR(each, 0)
ITERATOR(peach, 0)
ITERATOR(over, 1)
ITERATOR(scan, 2)
ITERATOR(prior, 3)

qv *trp_eq_v_sublist(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t from = 0, n = 0;
    int64_t have = (int64_t)trp_eq_len(y);

    if (x->type < 0 && trp_eq_int_of(x, &n)) {
        n = n > have ? have : n < -have ? -have : n;
        qv *count = trp_eq_long(q, n);
        qv *v = count != NULL ? trp_eq_v_take(q, count, y) : NULL;
        trp_eq_drop(count);
        return v;
    }
    if (!trp_q_is_list(x) || x->count != 2 ||
        troupe_q_get_long(x, 0, &from) != TROUPE_OK ||
        troupe_q_get_long(x, 1, &n) != TROUPE_OK) {
        return trp_eq_fail(q, "type");
    }
    from = from < 0 ? 0 : from > have ? have : from;
    n = n < 0 ? 0 : n > have - from ? have - from : n;
    int64_t *rows = trp_eq_scratch(q, (size_t)n + 1, sizeof *rows);
    for (int64_t i = 0; rows != NULL && i < n; i++) {
        rows[i] = from + i;
    }
    qv *v = rows != NULL ? trp_eq_take_rows(q, y, rows, (size_t)n) : trp_eq_oom(q);
    trp_free(rows);
    return v;
}

qv *trp_eq_v_roll(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t n = 0;

    if (trp_q_is_list(x) || trp_q_is_dict(x) || x->type == TROUPE_Q_TABLE) {
        return trp_eq_find(q, x, y);
    }
    return trp_eq_int_of(x, &n) ? trp_eq_roll(q, n, y) : trp_eq_fail(q, "type");
}

qv *trp_eq_v_eval(struct trp_embedq *q, qv *x)
{
    return trp_eq_eval_tree(q, x);
}

qv *trp_eq_v_bang(struct trp_embedq *q, qv *x, qv *y)
{
    int64_t code = 0;

    if (x->type < 0 && trp_eq_int_of(x, &code) && x->type != -TROUPE_Q_BOOLEAN) {
        bool keyed = y->type == TROUPE_Q_TABLE || trp_q_is_keyed(y);
        if (code < 0 || !keyed) {
            return trp_eq_internal(q, code, y);
        }
    }
    if (x->type == -TROUPE_Q_SYMBOL && trp_q_is_list(y)) {
        return trp_eq_nyi(q, "enumeration");
    }
    return trp_eq_make_dict(q, x, y);
}

/* PyKX asks this of every name it looks up. */
qv *trp_eq_v_marker(struct trp_embedq *q, qv *x)
{
    qv *v = trp_eq_value(q, x);

    if (v == NULL) {
        return NULL;
    }
    const qv *keys = trp_q_is_dict(v) ? TRP_Q_ITEMS(v)[0] : NULL;
    const char *marker = trp_q_is_function(v) ? "_pykx_fn_marker" : NULL;
    if (keys != NULL && keys->type == TROUPE_Q_SYMBOL && keys->count > 0 &&
        TRP_Q_SYMS(keys)[0] == trp_q_empty_symbol) {
        marker = "_pykx_ctx_marker";
    }
    if (marker == NULL) {
        return v;
    }
    trp_eq_drop(v);
    return trp_eq_symbol(q, marker, strlen(marker));
}

/* bin and binr: the last position not above y; the first not below. */
static qv *search(struct trp_embedq *q, qv *x, qv *y, bool right)
{
    if (y->type == TROUPE_Q_LIST || !trp_q_is_list(x) || x->type == TROUPE_Q_LIST ||
        (y->type != x->type && y->type != -x->type)) {
        return trp_eq_fail(q, "type");
    }
    qv *v = trp_eq_new(q, y->type < 0 ? -TROUPE_Q_LONG : TROUPE_Q_LONG, y->count);
    for (size_t i = 0; v != NULL && i < y->count; i++) {
        size_t low = 0;
        size_t high = x->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            int c = trp_eq_compare(x, middle, y, i);
            if (right ? c < 0 : c <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        TRP_Q_LONGS(v)[i] = right ? (int64_t)low : (int64_t)low - 1;
    }
    return v;
}

qv *trp_eq_v_bin(struct trp_embedq *q, qv *x, qv *y)
{
    return search(q, x, y, false);
}

qv *trp_eq_v_binr(struct trp_embedq *q, qv *x, qv *y)
{
    return search(q, x, y, true);
}

qv *trp_eq_v_within(struct trp_embedq *q, qv *x, qv *y)
{
    if (!trp_q_is_list(y) || y->count != 2) {
        return trp_eq_fail(q, "length");
    }
    qv *low = trp_eq_made(q, trp_q_at(y, 0));
    qv *high = trp_eq_made(q, trp_q_at(y, 1));
    qv *above = low != NULL && high != NULL ? trp_eq_v_ge(q, x, low) : NULL;
    qv *below = above != NULL ? trp_eq_v_le(q, x, high) : NULL;
    qv *v = below != NULL ? trp_eq_v_min(q, above, below) : NULL;

    trp_eq_drop(low);
    trp_eq_drop(high);
    trp_eq_drop(above);
    trp_eq_drop(below);
    return v;
}
