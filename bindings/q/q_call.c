/* SPDX-License-Identifier: MIT
 * q_call.c - calls: a query becomes a request message, an answer becomes a value. */
#include <troupe/q.h>

#include "transports/q/q_conn.h"

troupe_status troupe_q_query(const char *text, size_t count, troupe_q_value *const *args,
                             troupe_q_value **out)
{
    troupe_q_value *items[TROUPE_Q_ARGS_MAX + 1] = {NULL};

    if (text == NULL || count > TROUPE_Q_ARGS_MAX) {
        return TROUPE_EINVAL;
    }
    if (count == 0) {
        return troupe_q_string(text, TROUPE_Q_Z, out);
    }
    troupe_status status = troupe_q_string(text, TROUPE_Q_Z, &items[0]);
    if (status != TROUPE_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        items[i + 1] = args[i];
    }
    status = troupe_q_list(count + 1, items, out);
    troupe_q_unref(&items[0]);
    return status;
}

/* Makes the request; on failure of what follows give_back returns the query. */
static troupe_status request(troupe_kind kind, troupe_q_value **query, troupe_msg **out)
{
    if (query == NULL || *query == NULL) {
        return TROUPE_EINVAL;
    }
    return trp_q_msg_new(kind, query, out);
}

static troupe_status give_back(troupe_status status, troupe_q_value **query,
                               troupe_msg **msg)
{
    if (status != TROUPE_OK && *msg != NULL) {
        *query = troupe_msg_take(*msg);
    }
    troupe_msg_free(msg);
    return status;
}

troupe_status troupe_q_call(troupe_self *self, troupe_q q, troupe_q_value **query,
                            troupe_ns timeout, uint64_t tag, troupe_future *out)
{
    troupe_msg *msg = NULL;
    troupe_status status = request(TROUPE_KIND_Q_SYNC, query, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    return give_back(troupe_ask(self, q.id, &msg, timeout, tag, out), query, &msg);
}

troupe_status troupe_q_send(troupe_self *self, troupe_q q, troupe_q_value **query)
{
    troupe_msg *msg = NULL;
    troupe_status status = request(TROUPE_KIND_Q_ASYNC, query, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    return give_back(troupe_tell(self, q.id, &msg), query, &msg);
}

troupe_status troupe_q_post_call(troupe_system *sys, troupe_q q, troupe_q_value **query,
                                 troupe_ns timeout, troupe_pending **out)
{
    troupe_msg *msg = NULL;
    troupe_status status = request(TROUPE_KIND_Q_SYNC, query, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    return give_back(troupe_post_ask(sys, q.id, &msg, timeout, out), query, &msg);
}

troupe_status troupe_q_post_send(troupe_system *sys, troupe_q q, troupe_q_value **query)
{
    troupe_msg *msg = NULL;
    troupe_status status = request(TROUPE_KIND_Q_ASYNC, query, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    return give_back(troupe_post(sys, q.id, &msg), query, &msg);
}

troupe_status troupe_q_wait(troupe_system *sys, troupe_q q, troupe_q_value **query,
                            troupe_ns timeout, troupe_q_value **out,
                            troupe_failure *failure)
{
    troupe_msg *msg = NULL, *answer = NULL;
    troupe_status status = request(TROUPE_KIND_Q_SYNC, query, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    status =
        give_back(troupe_call(sys, q.id, &msg, timeout, &answer, failure), query, &msg);
    if (status == TROUPE_OK) {
        *out = troupe_q_take(answer);
        status = *out != NULL ? TROUPE_OK : TROUPE_EPROTO;
    }
    troupe_msg_free(&answer);
    return status;
}

troupe_q_value *troupe_q_take(troupe_msg *msg)
{
    troupe_kind kind = msg != NULL ? troupe_msg_kind(msg) : TROUPE_KIND_NONE;

    return kind == TROUPE_KIND_Q_VALUE || kind == TROUPE_KIND_Q_PUSH ||
                   kind == TROUPE_KIND_Q_SYNC || kind == TROUPE_KIND_Q_ASYNC
               ? troupe_msg_take(msg)
               : NULL;
}

troupe_status troupe_q_answer(troupe_self *self, troupe_id connection,
                              uint64_t request_id, troupe_q_value **value)
{
    troupe_msg *msg = NULL;
    troupe_status status = request(TROUPE_KIND_Q_DEFER, value, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    troupe_msg_set_tag(msg, request_id);
    return give_back(troupe_tell(self, connection, &msg), value, &msg);
}
