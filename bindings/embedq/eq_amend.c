/* SPDX-License-Identifier: MIT
 * eq_amend.c - changing parts of values: a[i]:x, @[d;i;f;y], .[d;i;f;y]; and traps. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

/* Whether a verb calls nothing that could reach the value being changed. */
bool trp_eq_is_calm(struct trp_embedq *q, const qv *verb)
{
    const struct trp_eq_builtin *b = verb != NULL ? trp_eq_builtin_of(q, verb) : NULL;

    return verb == NULL || (b != NULL && b->many == NULL && b->source == NULL &&
                            strchr("+-*%&|^=<>$,#_~", b->name[0]) != NULL);
}

/* Puts one value at the end of a list that may have to become mixed. */
static bool push_value(struct trp_embedq *q, qv **list, qv *v)
{
    if ((*list)->type != TROUPE_Q_LIST && v->type == -(*list)->type) {
        return trp_eq_append(q, list, v);
    }
    if ((*list)->type != TROUPE_Q_LIST) {
        qv *mixed = trp_eq_explode(q, *list);
        if (mixed == NULL) {
            return false;
        }
        trp_eq_drop(*list);
        *list = mixed;
    }
    qv *item = troupe_q_ref(v);
    if (trp_q_push(list, &item) != TROUPE_OK) {
        trp_eq_drop(item);
        return trp_eq_oom(q) != NULL;
    }
    return (*list)->count != 1 || trp_q_simplify(list) == TROUPE_OK ||
           trp_eq_oom(q) != NULL;
}

static bool unique(struct trp_embedq *q, qv **v)
{
    if (trp_q_unique(v) != TROUPE_OK) {
        return trp_eq_oom(q) != NULL;
    }
    if ((*v)->type <= TROUPE_Q_TIME) {
        (*v)->attr = 0;
    }
    return true;
}

/* The new value of a place: replaced, or computed from the old one. */
static qv *new_value(struct trp_embedq *q, qv *old, qv *verb, qv *value)
{
    if (verb == NULL) {
        return troupe_q_ref(value);
    }
    return value != NULL ? trp_eq_apply2(q, verb, old, value)
                         : trp_eq_apply1(q, verb, old);
}

static bool amend_item(struct trp_embedq *q, qv **target, size_t row, size_t count,
                       qv **index, qv *verb, qv *value)
{
    if (!unique(q, target)) {
        return false;
    }
    qv *x = *target;
    if (x->type == TROUPE_Q_LIST) {
        return trp_eq_amend_at(q, &TRP_Q_ITEMS(x)[row], count, index, verb, value) &&
               ((*target)->count > 1 || trp_q_simplify(target) == TROUPE_OK ||
                trp_eq_oom(q) != NULL);
    }
    if (count != 0) {
        return trp_eq_fail(q, "type") != NULL;
    }
    qv *old = verb != NULL ? trp_eq_made(q, trp_q_at(x, row)) : NULL;
    qv *item = verb != NULL && old == NULL ? NULL : new_value(q, old, verb, value);
    trp_eq_drop(old);
    bool good = item != NULL && item->type == -x->type;
    if (good) {
        size_t width = trp_q_width(x->type);
        memcpy(TRP_Q_BYTES(x) + row * width, item->data, width);
    } else if (item != NULL) {
        (void)trp_eq_fail(q, "type");
    }
    trp_eq_drop(item);
    return good;
}

/* A column that is replaced stays a column. */
static bool amend_column(struct trp_embedq *q, qv **column, size_t count, qv **index,
                         qv *verb, qv *value)
{
    if (count != 0) {
        return trp_eq_amend_at(q, column, count, index, verb, value);
    }
    qv *fresh = new_value(q, *column, verb, value);
    if (fresh == NULL) {
        return false;
    }
    bool list = trp_q_is_list(fresh) || fresh->type == TROUPE_Q_TABLE;
    if (!list || trp_eq_len(fresh) != trp_eq_len(*column)) {
        trp_eq_drop(fresh);
        return trp_eq_fail(q, list ? "length" : "type") != NULL;
    }
    trp_eq_drop(*column);
    *column = fresh;
    return true;
}

static bool amend_row(struct trp_embedq *q, qv **target, qv *key, size_t count,
                      qv **index, qv *verb, qv *value)
{
    int64_t row = 0;
    qv *columns = TRP_Q_ITEMS(*target)[1];

    if (key->type == -TROUPE_Q_SYMBOL) {
        int64_t at = trp_eq_find_column(*target, TRP_Q_SYMS(key)[0]);
        return at < 0 ? trp_eq_fail(q, TRP_Q_SYMS(key)[0]) != NULL
                      : unique(q, target) && unique(q, &TRP_Q_ITEMS(*target)[1]) &&
                            amend_column(q, &TRP_Q_ITEMS(TRP_Q_ITEMS(*target)[1])[at],
                                         count, index, verb, value);
    }
    if (!trp_eq_int_of(key, &row) || row < 0 || (size_t)row >= trp_eq_len(*target)) {
        return trp_eq_fail(q, "index") != NULL;
    }
    if (count >= 1 && index[0] != NULL && index[0]->type == -TROUPE_Q_SYMBOL) {
        qv *swapped[TRP_EQ_ARGS_MAX];
        swapped[0] = key;
        memcpy(swapped + 1, index + 1, (count - 1) * sizeof *swapped);
        return amend_row(q, target, index[0], count, swapped, verb, value);
    }
    if (count != 0 || verb != NULL || !unique(q, target) ||
        !unique(q, &TRP_Q_ITEMS(*target)[1])) {
        return trp_eq_fail(q, "type") != NULL;
    }
    columns = TRP_Q_ITEMS(*target)[1];
    for (size_t i = 0; i < columns->count; i++) {
        qv *name =
            trp_eq_made(q, trp_q_of_symbol(TRP_Q_SYMS(TRP_Q_ITEMS(*target)[0])[i]));
        qv *item = NULL;
        if (name != NULL && value->type == TROUPE_Q_DICT) {
            item = trp_eq_dict_find(q, value, name);
        } else if (name != NULL && trp_q_is_list(value) &&
                   value->count == columns->count) {
            item = trp_eq_made(q, trp_q_at(value, i));
        } else {
            (void)trp_eq_fail(q, "type");
        }
        bool good = item != NULL && amend_item(q, &TRP_Q_ITEMS(columns)[i], (size_t)row,
                                               0, NULL, NULL, item);
        trp_eq_drop(item);
        trp_eq_drop(name);
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool amend_key(struct trp_embedq *q, qv **target, qv *key, size_t count,
                      qv **index, qv *verb, qv *value)
{
    if (trp_q_is_keyed(*target)) {
        qv *width = TRP_Q_ITEMS(TRP_Q_ITEMS(*target)[0])[0];
        qv *row = key->type < 0 && width->count == 1 ? NULL : key;
        (void)row;
    }
    int64_t at = trp_eq_find_item(TRP_Q_ITEMS(*target)[0], key);
    if (!unique(q, target)) {
        return false;
    }
    (*target)->type = TROUPE_Q_DICT;
    qv **keys = &TRP_Q_ITEMS(*target)[0];
    qv **values = &TRP_Q_ITEMS(*target)[1];
    if (at >= 0) {
        qv *row = (*values)->type == TROUPE_Q_TABLE ? trp_eq_long(q, at) : NULL;
        bool good = row != NULL ? amend_row(q, values, row, count, index, verb, value)
                                : (*values)->type != TROUPE_Q_TABLE &&
                                      amend_item(q, values, (size_t)at, count, index,
                                                 verb, value);
        /* A vector of values gives way to a value of another type. */
        if (!good && row == NULL && count == 0 && verb == NULL && q->failed &&
            (*values)->type != TROUPE_Q_LIST && strcmp(q->error, "type") == 0) {
            q->failed = false;
            qv *mixed = trp_eq_explode(q, *values);
            if (mixed != NULL) {
                trp_eq_drop(*values);
                *values = mixed;
                good = amend_item(q, values, (size_t)at, count, index, verb, value);
            }
        }
        trp_eq_drop(row);
        return good;
    }
    if ((*keys)->type == TROUPE_Q_TABLE) {
        return trp_eq_nyi(q, "indexed assignment of a new key") != NULL;
    }
    qv *fresh = trp_eq_first_null(q, *values);
    if (fresh == NULL) {
        return false;
    }
    bool good = trp_eq_amend_at(q, &fresh, count, index, verb, value);
    good = good && push_value(q, keys, key) && push_value(q, values, fresh);
    trp_eq_drop(fresh);
    return good;
}

static bool amend_one(struct trp_embedq *q, qv **target, qv *key, size_t count,
                      qv **index, qv *verb, qv *value)
{
    int64_t row = 0;

    if (trp_q_is_dict(*target)) {
        return amend_key(q, target, key, count, index, verb, value);
    }
    if ((*target)->type == TROUPE_Q_TABLE) {
        return amend_row(q, target, key, count, index, verb, value);
    }
    if (!trp_q_is_list(*target) || !trp_eq_int_of(key, &row)) {
        return trp_eq_fail(q, "type") != NULL;
    }
    if (row < 0 || (size_t)row >= (*target)->count) {
        return trp_eq_fail(q, "index") != NULL;
    }
    return amend_item(q, target, (size_t)row, count, index, verb, value);
}

static bool many_keys(const qv *target, const qv *key)
{
    if (key->type == TROUPE_Q_TABLE) {
        return true;
    }
    if (!trp_q_is_list(key)) {
        return false;
    }
    return !(trp_q_is_dict(target) && TRP_Q_ITEMS(target)[0]->type == TROUPE_Q_LIST &&
             key->type != TROUPE_Q_LIST);
}

bool trp_eq_amend_at(struct trp_embedq *q, qv **target, size_t count, qv **index,
                     qv *verb, qv *value)
{
    if (!trp_eq_go_on(q)) {
        return false;
    }
    if (count == 0) {
        qv *fresh = new_value(q, *target, verb, value);
        if (fresh != NULL) {
            trp_eq_drop(*target);
            *target = fresh;
        }
        return fresh != NULL;
    }
    qv *key = index[0];
    bool all = key == NULL || trp_q_is_generic_null(key);
    if (!all && !many_keys(*target, key)) {
        return amend_one(q, target, key, count - 1, index + 1, verb, value);
    }
    qv *keys = NULL;
    if (!all) {
        keys = troupe_q_ref(key);
    } else if (trp_q_is_dict(*target)) {
        keys = troupe_q_ref(TRP_Q_ITEMS(*target)[0]);
    } else {
        qv *n = trp_eq_long(q, (int64_t)trp_eq_len(*target));
        keys = n != NULL ? trp_eq_builtin(q, "til", 3)->one(q, n) : NULL;
        trp_eq_drop(n);
    }
    size_t n = keys != NULL ? trp_eq_len(keys) : 0;
    bool each = value != NULL && (trp_q_is_list(value) || value->type == TROUPE_Q_TABLE);
    bool good =
        keys != NULL && (!each || trp_eq_len(value) == n || trp_eq_fail(q, "length"));
    for (size_t i = 0; good && i < n; i++) {
        qv *one = NULL;
        qv *item = NULL;
        good = troupe_q_item(keys, i, &one) == TROUPE_OK;
        if (good && each) {
            good = troupe_q_item(value, i, &item) == TROUPE_OK;
        }
        good = good ? amend_one(q, target, one, count - 1, index + 1, verb,
                                each ? item : value)
                    : trp_eq_oom(q) != NULL;
        trp_eq_drop(one);
        trp_eq_drop(item);
    }
    trp_eq_drop(keys);
    return good;
}

/* ---- @ and . with three and four arguments ---- */

static qv *trap(struct trp_embedq *q, qv *handler)
{
    if (q->returned != NULL || !q->failed || trp_eq_stopping(q)) {
        return NULL;
    }
    qv *text = trp_q_of_text(q->error, strlen(q->error));
    q->failed = false;
    qv *out = text == NULL                 ? trp_eq_oom(q)
              : trp_q_is_function(handler) ? trp_eq_apply1(q, handler, text)
                                           : troupe_q_ref(handler);
    trp_eq_drop(text);
    return out;
}

static bool replaces(const qv *f) /* the verb `:` */
{
    return f->type == TROUPE_Q_BINARY && TRP_Q_BYTES(f)[0] == 0;
}

/* @[`.;`a`b;f;y]: names of a namespace are its keys. */
static bool amend_space(struct trp_embedq *q, const char *space, size_t count, qv **index,
                        qv *verb, qv *value)
{
    const char *context = strlen(space) <= 1 ? "" : space;
    qv *keys = count != 0 && index[0] != NULL ? index[0] : NULL;

    if (keys == NULL ||
        (keys->type != -TROUPE_Q_SYMBOL && keys->type != TROUPE_Q_SYMBOL)) {
        return trp_eq_fail(q, "type") != NULL;
    }
    bool each = keys->type > 0 && value != NULL && trp_q_is_list(value);
    for (size_t i = 0; i < keys->count; i++) {
        const char *name = TRP_Q_SYMS(keys)[i];
        qv *work = trp_eq_get_quiet(q, context, name);
        qv *item =
            each ? trp_eq_made(q, trp_q_at(value, i < value->count ? i : 0)) : value;
        work = work != NULL || q->failed ? work : trp_eq_null(q);
        bool good = work != NULL &&
                    (!each || (item != NULL && value->count == keys->count)) &&
                    trp_eq_amend_at(q, &work, count - 1, index + 1, verb, item) &&
                    trp_eq_set(q, context, name, work);
        trp_eq_drop(work);
        trp_eq_drop(each ? item : NULL);
        if (!good) {
            return trp_eq_fail(q, "length") != NULL;
        }
    }
    return true;
}

static qv *amend_named(struct trp_embedq *q, qv *name, size_t count, qv **index, qv *verb,
                       qv *value)
{
    const char *text = TRP_Q_SYMS(name)[0];

    if (text[0] == ':') {
        return trp_eq_amend_file(q, name, count, verb, value);
    }
    if (text[0] == '.' && trp_eq_is_space(q, text)) {
        return amend_space(q, text, count, index, verb, value) ? troupe_q_ref(name)
                                                               : NULL;
    }
    struct trp_eq_binding *b = trp_eq_binding(q, q->context, text, true);
    if (b != NULL && b->value == NULL && verb == NULL && count == 0) {
        return trp_eq_set(q, q->context, text, value) ? troupe_q_ref(name) : NULL;
    }
    if (b == NULL || b->value == NULL) {
        return trp_eq_fail(q, text);
    }
    if (!trp_eq_is_calm(q, verb)) {
        qv *work = troupe_q_ref(b->value); /* the verb may touch the name itself */
        bool good = trp_eq_amend_at(q, &work, count, index, verb, value);
        qv *old = b->value;
        if (good) {
            b->value = work;
        }
        trp_eq_drop(good ? old : work);
        return good ? troupe_q_ref(name) : NULL;
    }
    return trp_eq_amend_at(q, &b->value, count, index, verb, value) ? troupe_q_ref(name)
                                                                    : NULL;
}

static qv *amend(struct trp_embedq *q, qv *target, size_t count, qv **index, qv *verb,
                 qv *value)
{
    bool replace = verb != NULL && replaces(verb);
    if (replace && value == NULL) {
        return trp_eq_fail(q, "rank"); /* `:` needs what to put there */
    }
    verb = replace ? NULL : verb;
    if (target->type == -TROUPE_Q_SYMBOL) {
        return amend_named(q, target, count, index, verb, value);
    }
    qv *work = troupe_q_ref(target);
    if (!trp_eq_amend_at(q, &work, count, index, verb, value)) {
        trp_eq_drop(work);
        return NULL;
    }
    return work;
}

/* A function, or a handle. */
static bool can_trap(const qv *f)
{
    return trp_q_is_function(f) || f->type == -TROUPE_Q_INT || f->type == -TROUPE_Q_LONG;
}

qv *trp_eq_amend(struct trp_embedq *q, size_t count, qv **args)
{
    if (count == 3 && can_trap(args[0])) {
        qv *v = trp_eq_apply1(q, args[0], args[1]);
        return v != NULL ? v : trap(q, args[2]);
    }
    if (count != 3 && count != 4) {
        return trp_eq_fail(q, "rank");
    }
    return amend(q, args[0], 1, &args[1], args[2], count == 4 ? args[3] : NULL);
}

qv *trp_eq_amend_dot(struct trp_embedq *q, size_t count, qv **args)
{
    qv *index = trp_q_is_list(args[1]) ? trp_eq_explode(q, args[1]) : trp_eq_null(q);
    qv *out = NULL;

    if (index == NULL) {
        return NULL;
    }
    if (!trp_q_is_list(args[1]) || index->count > TRP_EQ_ARGS_MAX) {
        (void)trp_eq_fail(q, trp_q_is_list(args[1]) ? "rank" : "type");
        if (count == 3 && can_trap(args[0])) {
            out = trap(q, args[2]);
        }
    } else if (count == 3 && can_trap(args[0])) {
        out = trp_eq_apply(q, args[0], index->count, TRP_Q_ITEMS(index));
        out = out != NULL ? out : trap(q, args[2]);
    } else {
        out = count == 3 || count == 4
                  ? amend(q, args[0], index->count, TRP_Q_ITEMS(index), args[2],
                          count == 4 ? args[3] : NULL)
                  : trp_eq_fail(q, "rank");
    }
    trp_eq_drop(index);
    return out;
}
