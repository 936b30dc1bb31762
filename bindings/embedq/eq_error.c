/* SPDX-License-Identifier: MIT
 * eq_error.c - errors, limits, and making values within them. */
#include <stdarg.h>
#include <stdio.h>

#include "bindings/embedq/eq.h"

qv *trp_eq_fail(struct trp_embedq *q, const char *error)
{
    return trp_eq_failf(q, "%s", error);
}

qv *trp_eq_failf(struct trp_embedq *q, const char *format, ...)
{
    if (q->failed) {
        return NULL; /* the first one counts */
    }
    va_list list;
    va_start(list, format);
    int size = vsnprintf(q->error, sizeof q->error, format, list);
    va_end(list);
    q->failed = true;
    if (size < 0) {
        q->error[0] = 0;
    }
    return NULL;
}

qv *trp_eq_nyi(struct trp_embedq *q, const char *construct)
{
    return trp_eq_failf(q, "nyi: %s", construct);
}

qv *trp_eq_oom(struct trp_embedq *q)
{
    return trp_eq_fail(q, "wsfull");
}

bool trp_eq_deep(struct trp_embedq *q)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t used = here > q->stack ? here - q->stack : q->stack - here;

    if (q->stack != 0 && used > TRP_EQ_STACK) {
        return trp_eq_fail(q, "stack") != NULL;
    }
    return true;
}

bool trp_eq_interrupted(const struct trp_embedq *q)
{
    return atomic_load_explicit(&q->interrupt, memory_order_relaxed);
}

bool trp_eq_stopping(const struct trp_embedq *q)
{
    return trp_eq_interrupted(q) ||
           (q->options.step_limit != 0 && q->steps > q->options.step_limit);
}

bool trp_eq_stopped(struct trp_embedq *q)
{
    return trp_eq_stopping(q) && trp_eq_fail(q, "stop") == NULL;
}

bool trp_eq_go_on(struct trp_embedq *q)
{
    q->steps++;
    if (trp_eq_stopping(q)) {
        return trp_eq_fail(q, "stop") != NULL;
    }
    return trp_eq_deep(q);
}

qv *trp_eq_new(struct trp_embedq *q, int type, size_t count)
{
    size_t width = trp_q_width(type < 0 ? -type : type);

    if (width == 0) { /* there is no type 3 */
        return trp_eq_fail(q, "type");
    }
    if (count > SIZE_MAX / 2 / width) {
        return trp_eq_oom(q);
    }
    q->made += sizeof(qv) + count * width;
    return trp_eq_made(q, trp_q_new(type, type < 0 ? 1 : count));
}

qv *trp_eq_made(struct trp_embedq *q, qv *v)
{
    return v != NULL ? v : trp_eq_oom(q);
}

qv *trp_eq_long(struct trp_embedq *q, int64_t x)
{
    return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_LONG, x));
}

qv *trp_eq_bool(struct trp_embedq *q, bool x)
{
    return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_BOOLEAN, x));
}

qv *trp_eq_float(struct trp_embedq *q, double x)
{
    return trp_eq_made(q, trp_q_of_float(-TROUPE_Q_FLOAT, x));
}

qv *trp_eq_symbol(struct trp_embedq *q, const char *text, size_t size)
{
    const char *symbol = NULL;

    if (trp_q_intern(text, size, &symbol) != TROUPE_OK) {
        return memchr(text, 0, size) != NULL ? trp_eq_fail(q, "type") : trp_eq_oom(q);
    }
    return trp_eq_made(q, trp_q_of_symbol(symbol));
}

qv *trp_eq_text(struct trp_embedq *q, const char *text, size_t size)
{
    qv *v = trp_eq_new(q, TROUPE_Q_CHAR, size);

    if (v != NULL && size != 0) {
        memcpy(TRP_Q_CHARS(v), text, size);
    }
    return v;
}

qv *trp_eq_null(struct trp_embedq *q)
{
    return trp_eq_made(q, trp_q_of_code(TROUPE_Q_UNARY, 0));
}

qv *trp_eq_empty(struct trp_embedq *q, int type)
{
    return trp_eq_new(q, type, 0);
}

void trp_eq_drop(qv *v)
{
    troupe_q_unref(&v);
}

qv *trp_eq_pair(struct trp_embedq *q, int type, qv *x, qv *y)
{
    qv *v = NULL;

    if (x != NULL && y != NULL) {
        if (type == TROUPE_Q_LIST) {
            v = trp_q_new(type, 2);
            if (v != NULL) {
                TRP_Q_ITEMS(v)[0] = x;
                TRP_Q_ITEMS(v)[1] = y;
                return v;
            }
        } else {
            troupe_status status =
                type == TROUPE_Q_TABLE ? trp_q_check_table(x, y) : trp_q_check_dict(x, y);
            if (status != TROUPE_OK) {
                (void)trp_eq_fail(q, status == TROUPE_ETYPE ? "type" : "length");
            } else {
                v = trp_q_of_parts(type, 2, (qv *[]){x, y});
                if (v != NULL) {
                    return v;
                }
            }
        }
        (void)trp_eq_oom(q);
    }
    trp_eq_drop(x);
    trp_eq_drop(y);
    return NULL;
}
