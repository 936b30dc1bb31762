/* SPDX-License-Identifier: MIT
 * eq_handles.c - what q code does with handles, through the host: of its clients, of the
 * connections it opens, of files, and of the console. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

enum { HANDLES_MAX = 1 << 20 };

static const troupe_embedq_host *host_of(struct trp_embedq *q)
{
    static const troupe_embedq_host none = {.size = sizeof none};

    return q->options.host != NULL ? q->options.host : &none;
}

/* ---- opening and closing ---- */

/* q's word for why a connection is not there. */
static qv *not_open(struct trp_embedq *q, troupe_status status)
{
    switch (status) {
    case TROUPE_ECANCELED:
        return trp_eq_answered(q, status, NULL);
    case TROUPE_ETYPE:
        return trp_eq_fail(q, "type");
    case TROUPE_EINVAL:
        return trp_eq_fail(q, "domain");
    case TROUPE_EACCESS:
        return trp_eq_fail(q, "access");
    case TROUPE_ETIMEDOUT:
        return trp_eq_fail(q, "timeout");
    case TROUPE_ELIMIT:
        return trp_eq_fail(q, "conn");
    case TROUPE_ENOMEM:
        return trp_eq_oom(q);
    case TROUPE_EDEADLK:
        return trp_eq_fail(q, "hop: a process that calls itself waits for ever; handle 0 "
                              "evaluates here");
    default:
        return trp_eq_failf(q, "hop: %s", troupe_status_text(status));
    }
}

qv *trp_eq_v_hopen(struct trp_embedq *q, qv *x)
{
    int64_t handle = 0;

    if (trp_eq_is_path(x) && host_of(q)->file_open != NULL) {
        return trp_eq_open_file(q, TRP_Q_SYMS(x)[0]);
    }
    if (host_of(q)->open == NULL) {
        return trp_eq_nyi(q, "hopen");
    }
    qv *v =
        trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, 0)); /* before there is a handle */
    if (v == NULL) {
        return NULL;
    }
    troupe_status status = host_of(q)->open(q->options.context, x, &handle);
    if (status != TROUPE_OK) {
        trp_eq_drop(v);
        return not_open(q, status);
    }
    TRP_Q_INTS(v)[0] = (int32_t)handle;
    return v;
}

/* What went wrong with a handle that is, or was, a connection. */
static qv *failed(struct trp_embedq *q, int64_t handle, troupe_status status)
{
    switch (status) {
    case TROUPE_EGONE:
        return trp_eq_failf(q, "%lld is no handle of a connection", (long long)handle);
    case TROUPE_ELOST:
    case TROUPE_ECLOSED:
    case TROUPE_EPROTO:
        return trp_eq_fail(q, "close");
    case TROUPE_ETYPE:
        return trp_eq_fail(q, "type");
    case TROUPE_ELIMIT:
        return trp_eq_fail(q, "limit");
    case TROUPE_ENOMEM:
        return trp_eq_oom(q);
    case TROUPE_EUNSUPPORTED:
        return trp_eq_nyi(q, handle < 0 ? "send on a handle" : "call on this handle");
    default:
        return trp_eq_answered(q, status, NULL);
    }
}

qv *trp_eq_v_hclose(struct trp_embedq *q, qv *x)
{
    int64_t handle = 0;

    if (!trp_eq_int_of(x, &handle)) {
        return trp_eq_fail(q, "type");
    }
    if (trp_eq_is_file(q, handle)) {
        return trp_eq_close_file(q, handle);
    }
    if (host_of(q)->close == NULL) {
        return trp_eq_nyi(q, "hclose");
    }
    troupe_status status =
        host_of(q)->close(q->options.context, handle < 0 ? -handle : handle);
    return status == TROUPE_OK ? trp_eq_null(q) : failed(q, handle, status);
}

/* ---- sending ---- */

static bool is_text(const qv *x)
{
    return x->type == TROUPE_Q_CHAR || x->type == -TROUPE_Q_CHAR;
}

static bool print_line(struct trp_embedq *q, int stream, qv *x)
{
    size_t size = 0;
    qv *shown = is_text(x) ? troupe_q_ref(x) : trp_eq_console(q, x);
    const char *text = shown != NULL ? troupe_q_text(shown, &size) : NULL;

    if (text != NULL) {
        trp_eq_print(q, stream, text, size);
        if (is_text(x)) {
            trp_eq_print(q, stream, "\n", 1);
        }
    }
    trp_eq_drop(shown);
    return text != NULL;
}

/* -1 and -2: a line, or a line for each of several. */
static qv *print(struct trp_embedq *q, int stream, qv *f, qv *x)
{
    bool lines = x->type == TROUPE_Q_LIST && x->count > 0;

    for (size_t i = 0; lines && i < x->count; i++) {
        lines = is_text(TRP_Q_ITEMS(x)[i]);
    }
    if (!lines) {
        return print_line(q, stream, x) ? troupe_q_ref(f) : NULL;
    }
    for (size_t i = 0; i < x->count; i++) {
        if (!print_line(q, stream, TRP_Q_ITEMS(x)[i])) {
            return NULL;
        }
    }
    return troupe_q_ref(f);
}

static qv *send(struct trp_embedq *q, int64_t handle, qv *x)
{
    bool async = handle < 0;
    qv *answer = NULL;

    if (!trp_eq_bounded(q, x)) {
        return NULL;
    }
    if (host_of(q)->send == NULL) {
        return trp_eq_nyi(q, "send on a handle");
    }
    int64_t room = trp_eq_room_now();
    size_t leaves = trp_eq_room_leaves(q, x);
    troupe_status status = host_of(q)->send(q->options.context, async ? -handle : handle,
                                            async, x, async ? NULL : &answer);
    trp_eq_room_came(q, room, answer);
    trp_eq_room_left(q, x, leaves);
    if (status != TROUPE_OK) {
        trp_eq_drop(answer);
        return failed(q, handle, status);
    }
    return trp_eq_answered(q, status, answer);
}

qv *trp_eq_apply_handle(struct trp_embedq *q, int64_t handle, qv *f, qv *x)
{
    if (handle == 0) {
        return trp_eq_value(q, x);
    }
    if (handle == -1 || handle == -2) {
        return print(q, (int)-handle, f, x);
    }
    if (trp_eq_is_file(q, handle)) {
        return trp_eq_write_file(q, handle, f, x);
    }
    return send(q, handle, x);
}

bool trp_eq_is_address(const qv *x)
{
    const char *text = x->type == -TROUPE_Q_SYMBOL ? TRP_Q_SYMS(x)[0] : "";

    return text[0] == ':' && strchr(text + 1, ':') != NULL;
}

qv *trp_eq_call_once(struct trp_embedq *q, qv *address, qv *x)
{
    int64_t handle = 0;
    qv *opened = trp_eq_v_hopen(q, address);

    if (opened == NULL) {
        return NULL;
    }
    (void)trp_eq_int_of(opened, &handle);
    trp_eq_drop(opened);
    qv *answer = send(q, handle, x);
    if (host_of(q)->close != NULL) {
        /* It may be lost already; then there is nothing to close. */
        (void)!host_of(q)->close(q->options.context, handle);
    }
    return answer;
}

qv *trp_eq_handles(struct trp_embedq *q)
{
    qv *answer = NULL;

    if (host_of(q)->handles == NULL) {
        qv *none = trp_eq_new(q, TROUPE_Q_INT, 0);
        qv *v = none != NULL ? trp_eq_make_dict(q, none, none) : NULL;
        trp_eq_drop(none);
        return v;
    }
    troupe_status status = host_of(q)->handles(q->options.context, &answer);
    return trp_eq_answered(q, status, answer);
}

/* ---- the end ---- */

/* .z.exit is told; nothing is evaluated after the host knows. */
qv *trp_eq_v_exit(struct trp_embedq *q, qv *x)
{
    const char *name = NULL;
    int64_t code = 0;

    if (!trp_eq_int_of(x, &code)) {
        return trp_eq_fail(q, "type");
    }
    if (host_of(q)->exit == NULL) {
        return trp_eq_nyi(q, "exit");
    }
    qv *handler = trp_q_intern(".z.exit", 7, &name) == TROUPE_OK
                      ? trp_eq_get_quiet(q, "", name)
                      : NULL;
    if (handler != NULL) {
        trp_eq_drop(trp_eq_apply1(q, handler, x));
        trp_eq_drop(handler);
    }
    if (host_of(q)->exit(q->options.context, (int)code) != TROUPE_OK) {
        return trp_eq_fail(q, "access");
    }
    q->failed = false;
    return trp_eq_answered(q, TROUPE_ECANCELED, NULL);
}

/* ---- many, and later ---- */

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
