/* SPDX-License-Identifier: MIT
 * q_connection_call.c - calls: that wait for the answer, and that give a future.
 *
 * A call that waits goes to the connection actor directly; one with a future goes through
 * the bridge, which ends the future. */
#include "bindings/q/q_connection.h"

#include "mailbox/alloc.h"
#include "transports/q/q_conn.h"

/* Evaluates its argument as the server would, and says where an error came from. */
#define DEBUG_WRAPPER "{[q] .Q.trp[{(0b;value x)};q;{(1b;.Q.sbt y;x)}]}"

#define UNSENDABLE    "Cannot send object of passed type over IPC: "

/* A call whose request was judged. */
struct plan {
    struct trp_q_link *link;
    troupe_q_value *query; /* wrapped when debugging */
    troupe_ns timeout;
    bool wait, debug, again;
};

/* ---- the query ---- */

static const char *unsendable(const troupe_q_value *value)
{
    if (value == NULL) {
        return UNSENDABLE "NULL";
    }
    return troupe_q_type(value) == TROUPE_Q_ERROR ? UNSENDABLE "an error" : NULL;
}

static troupe_status judge(const troupe_q_request *request, troupe_failure *failure)
{
    if (request == NULL || request->size != sizeof(*request)) {
        return trp_q_failed(failure, TROUPE_EINVAL,
                            "the request is not of this version's size");
    }
    const char *wrong = request->text != NULL ? NULL : unsendable(request->query);
    if (request->count > TROUPE_Q_ARGS_MAX) {
        return trp_q_failed(
            failure, TROUPE_EINVAL,
            "Too many parameters - q queries cannot have more than %d parameters",
            TROUPE_Q_ARGS_MAX);
    }
    for (size_t i = 0; wrong == NULL && i < request->count; i++) {
        wrong = request->args != NULL ? unsendable(request->args[i]) : UNSENDABLE "NULL";
    }
    if (wrong == NULL && request->timeout < 0) {
        wrong = "a timeout must not be negative";
    }
    return wrong != NULL ? trp_q_failed(failure, TROUPE_EINVAL, "%s", wrong) : TROUPE_OK;
}

/* The query, or the list of it and its arguments. */
static troupe_status compose(const troupe_q_request *request, troupe_q_value **out)
{
    troupe_q_value *items[TROUPE_Q_ARGS_MAX + 1] = {NULL};

    if (request->text != NULL) {
        return troupe_q_query(request->text, request->count, request->args, out);
    }
    if (request->count == 0) {
        *out = troupe_q_ref(request->query);
        return TROUPE_OK;
    }
    items[0] = request->query;
    for (size_t i = 0; i < request->count; i++) {
        items[i + 1] = request->args[i];
    }
    return troupe_q_list(request->count + 1, items, out);
}

static troupe_status wrap(troupe_q_value **query)
{
    troupe_q_value *wrapped = NULL;
    troupe_status status = troupe_q_query(DEBUG_WRAPPER, 1, query, &wrapped);

    if (status == TROUPE_OK) {
        troupe_q_unref(query);
        *query = wrapped;
    }
    return status;
}

static troupe_status plan(troupe_q_connection *conn, const troupe_q_request *request,
                          bool wait, struct plan *out, troupe_failure *failure)
{
    struct plan p = {.query = NULL};
    troupe_status status = trp_q_connection_ready(conn, &p.link, failure);

    if (status == TROUPE_OK && p.link->server) {
        status = trp_q_failed(failure, TROUPE_ESTATE, "this connection is a server");
    }
    if (status == TROUPE_OK) {
        status = judge(request, failure);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_ns timeout = request->timeout != 0 ? request->timeout : conn->options.timeout;
    p.timeout = timeout != 0 ? timeout : TROUPE_NEVER;
    p.wait = request->wait == TROUPE_Q_DEFAULT ? wait : request->wait == TROUPE_Q_YES;
    p.debug = p.wait && (request->debug || (conn->debug && !request->skip_debug));
    p.again = request->idempotent || (p.link->mended && conn->options.at_least_once);
    status = compose(request, &p.query);
    if (status == TROUPE_OK && p.debug) {
        status = wrap(&p.query);
    }
    if (status != TROUPE_OK) {
        troupe_q_unref(&p.query);
        return trp_q_failed(failure, status, "%s", troupe_status_text(status));
    }
    *out = p;
    return TROUPE_OK;
}

static void acquire(const troupe_q_connection *conn)
{
    if (conn->lock.acquire != NULL) {
        conn->lock.acquire(conn->lock.context);
    }
}

static void release(const troupe_q_connection *conn)
{
    if (conn->lock.release != NULL) {
        conn->lock.release(conn->lock.context);
    }
}

/* ---- calls that wait ---- */

/* Says why not, in the documented words where there are some. */
static troupe_status failed(struct trp_q_link *link, troupe_status status,
                            const char *text, troupe_failure *failure)
{
    if (status == TROUPE_EGONE || status == TROUPE_ECLOSED) {
        atomic_store(&link->closed, true);
        return trp_q_failed(failure, TROUPE_ECLOSED, TRP_Q_CLOSED_TEXT);
    }
    if (status == TROUPE_ELOST && !link->mended) {
        atomic_store(&link->closed, true);
    }
    return trp_q_failed(failure, status, "%s",
                        status == TROUPE_ETIMEDOUT ? "Query timed out" : text);
}

static troupe_status take_answer(struct plan *p, const troupe_q_request *request,
                                 troupe_msg *answer, troupe_q_value **out,
                                 troupe_failure *failure)
{
    troupe_q_value *value = troupe_q_take(answer);

    if (value == NULL) {
        return trp_q_failed(failure, TROUPE_EPROTO, "MessageType unknown");
    }
    if (p->debug) {
        trp_q_debug_unwrap(&value, request->backtrace);
    }
    if (troupe_q_type(value) == TROUPE_Q_ERROR) {
        size_t size = 0;
        const char *text = troupe_q_text(value, &size);
        troupe_status status =
            trp_q_failed(failure, TROUPE_EREMOTE, "%.*s", (int)size, text);
        troupe_q_unref(&value);
        return status;
    }
    if (out != NULL) {
        *out = value;
    } else {
        troupe_q_unref(&value);
    }
    return TROUPE_OK;
}

static troupe_status ask(struct plan *p, const troupe_q_request *request,
                         troupe_q_value **out, troupe_failure *failure)
{
    troupe_q_call_options options = TROUPE_Q_CALL_OPTIONS;
    troupe_pending *pending = NULL;
    troupe_msg *answer = NULL;

    options.timeout = p->timeout;
    options.again = p->again;
    troupe_status status = troupe_q_post_call_with(
        p->link->sys, (troupe_q){p->link->target}, &p->query, &options, &pending);
    if (status == TROUPE_OK) {
        status = troupe_pending_wait(pending, TROUPE_NEVER, &answer);
    }
    troupe_pending_free(&pending);
    if (status != TROUPE_OK) {
        return failed(p->link, status, troupe_status_text(status), failure);
    }
    const troupe_failure *why = troupe_msg_failure(answer);
    status = why != NULL ? failed(p->link, why->status, why->text, failure)
                         : take_answer(p, request, answer, out, failure);
    troupe_msg_free(&answer);
    return status;
}

/* Waits until it is on its way, so that what cannot be sent is known. */
static troupe_status send(struct plan *p, troupe_q_value **out, troupe_failure *failure)
{
    troupe_msg *msg = NULL, *done = NULL;
    troupe_failure why = {.status = TROUPE_OK};
    troupe_status status = trp_q_msg_new(TROUPE_KIND_Q_ASYNC, &p->query, &msg);

    if (status == TROUPE_OK) {
        status =
            troupe_call(p->link->sys, p->link->target, &msg, p->timeout, &done, &why);
    }
    troupe_msg_free(&msg);
    troupe_msg_free(&done);
    if (status == TROUPE_OK && out != NULL) {
        status = troupe_q_null(out);
    }
    if (status == TROUPE_OK) {
        return TROUPE_OK;
    }
    return why.status != TROUPE_OK
               ? failed(p->link, why.status, why.text, failure)
               : failed(p->link, status, troupe_status_text(status), failure);
}

/* Over a connection of its own. */
static troupe_status call_alone(troupe_q_connection *conn,
                                const troupe_q_request *request, troupe_q_value **out,
                                troupe_failure *failure)
{
    troupe_q_request asked = *request;
    troupe_q_future *future = NULL;

    if (asked.wait == TROUPE_Q_DEFAULT) {
        asked.wait = conn->options.wait ? TROUPE_Q_YES : TROUPE_Q_NO;
    }
    troupe_status status =
        troupe_q_connection_call_async(conn, &asked, &future, NULL, failure);
    if (status == TROUPE_OK) {
        status = troupe_q_future_wait(future, TROUPE_NEVER, out, failure);
    }
    if (status != TROUPE_OK && future != NULL && request->backtrace != NULL &&
        troupe_q_future_backtrace(future) != NULL) {
        *request->backtrace = troupe_q_ref(troupe_q_future_backtrace(future));
    }
    troupe_q_future_unref(&future);
    return status;
}

troupe_status troupe_q_connection_call(troupe_q_connection *conn,
                                       const troupe_q_request *request,
                                       troupe_q_value **out, troupe_failure *failure)
{
    bool lazy = trp_q_connection_lazy(conn);
    struct plan p;

    if (conn->options.kind == TROUPE_Q_RAW_CONNECTION) {
        return trp_q_failed(failure, TROUPE_ESTATE,
                            "the calls of a RawQConnection give futures");
    }
    if (request != NULL && request->size == sizeof(*request) && !request->reuse) {
        return call_alone(conn, request, out, failure);
    }
    acquire(conn);
    troupe_status status = plan(conn, request, lazy || conn->options.wait, &p, failure);
    if (status == TROUPE_OK) {
        status = p.wait ? ask(&p, request, out, failure) : send(&p, out, failure);
        troupe_q_unref(&p.query);
    }
    release(conn);
    return status;
}

troupe_status troupe_q_connection_query(troupe_q_connection *conn, const char *text,
                                        size_t count, troupe_q_value *const *args,
                                        troupe_q_value **out, troupe_failure *failure)
{
    troupe_q_request request = TROUPE_Q_REQUEST;

    request.text = text;
    request.count = count;
    request.args = args;
    return troupe_q_connection_call(conn, &request, out, failure);
}

/* ---- futures ---- */

static void call_release(void *context)
{
    struct trp_q_link *link = context;

    trp_q_link_unref(&link);
}

static void drop_future(void *body)
{
    troupe_q_future *future = body;

    troupe_q_future_unref(&future);
}

/* A request that is not yet sent will not be. */
static void call_cancelled(void *context, troupe_q_future *future)
{
    struct trp_q_link *link = context;
    troupe_msg *msg = NULL;

    if (troupe_msg_new_owned(TRP_KIND_BRIDGE_CANCEL, troupe_q_future_ref(future),
                             sizeof(future), drop_future, &msg) != TROUPE_OK) {
        troupe_q_future_unref(&future);
        return;
    }
    /* Not posted: the answer comes, and is dropped as well. */
    (void)(troupe_post(link->sys, link->bridge, &msg) == TROUPE_OK);
    troupe_msg_free(&msg);
}

const struct trp_q_future_ops trp_q_call_ops = {NULL, call_cancelled, call_release};

/* Its `query` is moved on TROUPE_OK. */
static troupe_status call_new(struct plan *p, troupe_kind kind,
                              const struct trp_q_future_ops *ops, struct trp_q_call **out)
{
    struct trp_q_call *call = trp_calloc(1, sizeof(*call));

    if (call == NULL || trp_q_future_new(ops, p->link, &call->future) != TROUPE_OK) {
        trp_free(call);
        return TROUPE_ENOMEM;
    }
    (void)trp_q_link_ref(p->link);
    call->query = p->query;
    p->query = NULL;
    call->kind = kind;
    call->timeout = p->timeout;
    call->debug = p->debug;
    *out = call;
    return TROUPE_OK;
}

/* The future of a call without an answer. */
static troupe_status future_of_nothing(troupe_q_future **out)
{
    troupe_q_future *future = NULL;
    troupe_status status = troupe_q_future_new(&future);

    if (status == TROUPE_OK) {
        status = troupe_q_future_set_result(future, NULL);
    }
    if (status != TROUPE_OK) {
        troupe_q_future_unref(&future);
        return status;
    }
    *out = future;
    return TROUPE_OK;
}

/* Posts a call; `out` receives its future unless that is NULL. */
static troupe_status post(struct plan *p, troupe_kind kind, troupe_q_future **out)
{
    struct trp_q_call *call = NULL;
    troupe_status status = call_new(p, kind, &trp_q_call_ops, &call);

    if (status != TROUPE_OK) {
        return status;
    }
    troupe_q_future *future = troupe_q_future_ref(call->future);
    status = trp_q_link_post_call(p->link, &call);
    if (status == TROUPE_OK && out != NULL) {
        *out = future;
        return TROUPE_OK;
    }
    trp_q_call_free(&call);
    troupe_q_future_unref(&future);
    return status;
}

static troupe_status queue(struct plan *p, troupe_q_future **out)
{
    struct trp_q_call *call = NULL;
    struct trp_q_link *link = p->link;

    troupe_status status = call_new(p, p->wait ? TROUPE_KIND_Q_SYNC : TROUPE_KIND_Q_ASYNC,
                                    &trp_q_raw_ops, &call);
    if (status != TROUPE_OK) {
        return status;
    }
    call->timeout = TROUPE_NEVER; /* what is polled for has no limit of its own */
    (void)pthread_mutex_lock(&link->lock);
    bool full = link->queued.count + link->sent >= link->most;
    if (!full) {
        *out = troupe_q_future_ref(call->future);
        trp_q_queue_put(&link->queued, call);
    }
    (void)pthread_mutex_unlock(&link->lock);
    if (full) {
        trp_q_call_free(&call);
    }
    return full ? TROUPE_EBUSY : TROUPE_OK;
}

/* Over a connection of its own, which ends with the call. */
static troupe_status post_alone(troupe_q_connection *conn, struct plan *p,
                                troupe_q_future **out, troupe_q_future **response)
{
    struct plan alone = *p;
    troupe_q_future *nothing = NULL;
    troupe_status status = p->wait ? TROUPE_OK : future_of_nothing(&nothing);

    if (status == TROUPE_OK) {
        status = trp_q_connection_link(conn, true, response != NULL, &alone.link);
    }
    if (status == TROUPE_OK) {
        p->query = NULL;
        status = post(&alone, p->wait ? TROUPE_KIND_Q_SYNC : TROUPE_KIND_Q_ASYNC,
                      p->wait ? out : response);
        if (status != TROUPE_OK) {
            (void)troupe_q_close(conn->sys, (troupe_q){alone.link->target});
            (void)(troupe_system_stop_actor(conn->sys, alone.link->bridge) == TROUPE_OK);
        }
        troupe_q_unref(&alone.query);
        trp_q_link_unref(&alone.link);
    }
    if (status == TROUPE_OK && !p->wait) {
        *out = nothing;
        return TROUPE_OK;
    }
    troupe_q_future_unref(&nothing);
    return status;
}

static troupe_status judge_async(const troupe_q_request *request,
                                 troupe_q_future *const *response,
                                 troupe_failure *failure)
{
    if (request == NULL || request->size != sizeof(*request)) {
        return trp_q_failed(failure, TROUPE_EINVAL,
                            "the request is not of this version's size");
    }
    if (request->idempotent) {
        return trp_q_failed(failure, TROUPE_EINVAL,
                            "only calls that wait are sent again");
    }
    if (response == NULL) {
        return TROUPE_OK;
    }
    if (request->reuse) {
        return trp_q_failed(failure, TROUPE_EINVAL,
                            "Cannot use async_response=True without reuse=False.");
    }
    return request->wait != TROUPE_Q_NO
               ? trp_q_failed(failure, TROUPE_EINVAL,
                              "Cannot use async_response=True without wait=False.")
               : TROUPE_OK;
}

static troupe_status begin(troupe_q_connection *conn, struct plan *p, bool reuse,
                           troupe_q_future **out, troupe_q_future **response)
{
    if (!reuse) {
        return post_alone(conn, p, out, response);
    }
    if (p->link->raw) {
        return queue(p, out);
    }
    if (p->wait) {
        return post(p, TROUPE_KIND_Q_SYNC, out);
    }
    troupe_q_future *nothing = NULL;
    troupe_status status = future_of_nothing(&nothing);
    if (status == TROUPE_OK) {
        status = troupe_q_post_send(conn->sys, (troupe_q){p->link->target}, &p->query);
    }
    if (status != TROUPE_OK) {
        troupe_q_future_unref(&nothing);
        return status;
    }
    *out = nothing;
    return TROUPE_OK;
}

troupe_status troupe_q_connection_call_async(troupe_q_connection *conn,
                                             const troupe_q_request *request,
                                             troupe_q_future **out,
                                             troupe_q_future **response,
                                             troupe_failure *failure)
{
    struct plan p;
    troupe_status status = judge_async(request, response, failure);

    if (status != TROUPE_OK) {
        return status;
    }
    if (request->reuse) { /* else the call meets no other */
        acquire(conn);
    }
    status = plan(conn, request, true, &p, failure);
    if (status == TROUPE_OK) {
        status = begin(conn, &p, request->reuse, out, response);
        troupe_q_unref(&p.query);
        if (status != TROUPE_OK) {
            status = failed(p.link, status, troupe_status_text(status), failure);
        }
    }
    if (request->reuse) {
        release(conn);
    }
    return status;
}
