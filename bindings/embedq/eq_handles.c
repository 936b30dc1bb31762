/* SPDX-License-Identifier: MIT
 * eq_handles.c - what q code does with the handles of its clients, through the host. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

enum { HANDLES_MAX = 1 << 20 };

static qv *done(struct trp_embedq *q, troupe_status status)
{
    return status == TROUPE_OK ? trp_eq_null(q)
                               : trp_eq_failf(q, "%s", troupe_status_text(status));
}

/* -25!(handles; x) */
qv *trp_eq_broadcast(struct trp_embedq *q, qv *x)
{
    const troupe_embedq_host *host = q->options.host;

    if (host == NULL || host->broadcast == NULL) {
        return trp_eq_nyi(q, "-25!");
    }
    qv *handles = x->type == TROUPE_Q_LIST && x->count == 2 ? TRP_Q_ITEMS(x)[0] : NULL;
    if (handles == NULL ||
        (handles->type != TROUPE_Q_INT && handles->type != TROUPE_Q_LONG)) {
        return trp_eq_fail(q, "type");
    }
    int64_t *list =
        handles->count <= HANDLES_MAX ? trp_alloc(handles->count * sizeof(*list)) : NULL;
    if (list == NULL) {
        return trp_eq_fail(q, handles->count <= HANDLES_MAX ? "wsfull" : "limit");
    }
    troupe_status status = TROUPE_OK;
    for (size_t i = 0; i < handles->count && status == TROUPE_OK; i++) {
        status = troupe_q_get_long(handles, i, &list[i]);
    }
    if (status == TROUPE_OK) {
        status =
            host->broadcast(q->options.context, handles->count, list, TRP_Q_ITEMS(x)[1]);
    }
    trp_free(list);
    return done(q, status);
}

/* -30!(::), -30!(handle; is error; value) */
qv *trp_eq_defer(struct trp_embedq *q, qv *x)
{
    const troupe_embedq_host *host = q->options.host;
    int64_t handle = 0, error = 0;

    if (host == NULL || host->defer == NULL) {
        return trp_eq_nyi(q, "-30!");
    }
    if (trp_q_is_generic_null(x)) {
        q->deferred = true;
        return done(q, host->defer(q->options.context, q->handle, false, NULL));
    }
    if (x->type != TROUPE_Q_LIST || x->count != 3 ||
        !trp_eq_int_of(TRP_Q_ITEMS(x)[0], &handle) ||
        !trp_eq_int_of(TRP_Q_ITEMS(x)[1], &error)) {
        return trp_eq_fail(q, "type");
    }
    return done(q,
                host->defer(q->options.context, handle, error != 0, TRP_Q_ITEMS(x)[2]));
}
