/* SPDX-License-Identifier: MIT
 * q_call.c - calls: a query becomes a request message, an answer becomes a value. */
#include <troupe/q.h>

#include <string.h>

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

troupe_status troupe_q_call_with(troupe_self *self, troupe_q q, troupe_q_value **query,
                                 const troupe_q_call_options *options, troupe_future *out)
{
    troupe_msg *msg = NULL;

    if (options == NULL || options->size != sizeof(*options)) {
        return TROUPE_EINVAL;
    }
    troupe_status status =
        request(options->again ? TROUPE_KIND_Q_AGAIN : TROUPE_KIND_Q_SYNC, query, &msg);
    if (status != TROUPE_OK) {
        return status;
    }
    return give_back(troupe_ask(self, q.id, &msg, options->timeout, options->tag, out),
                     query, &msg);
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

troupe_status troupe_q_post_call_with(troupe_system *sys, troupe_q q,
                                      troupe_q_value **query,
                                      const troupe_q_call_options *options,
                                      troupe_pending **out)
{
    troupe_msg *msg = NULL;

    if (options == NULL || options->size != sizeof(*options)) {
        return TROUPE_EINVAL;
    }
    troupe_status status =
        request(options->again ? TROUPE_KIND_Q_AGAIN : TROUPE_KIND_Q_SYNC, query, &msg);
    if (status != TROUPE_OK) {
        return status;
    }
    return give_back(troupe_post_ask(sys, q.id, &msg, options->timeout, out), query,
                     &msg);
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

troupe_status troupe_q_ask_info(troupe_self *self, troupe_q q, troupe_ns timeout,
                                uint64_t tag, troupe_future *out)
{
    troupe_msg *msg = NULL;
    troupe_status status = troupe_msg_new(TROUPE_KIND_Q_INFO, 0, &msg);

    if (status == TROUPE_OK) {
        status = troupe_ask(self, q.id, &msg, timeout, tag, out);
    }
    troupe_msg_free(&msg);
    return status;
}

troupe_status troupe_q_wait_info(troupe_system *sys, troupe_q q, troupe_ns timeout,
                                 troupe_q_info *out)
{
    troupe_msg *msg = NULL, *answer = NULL;
    troupe_status status = troupe_msg_new(TROUPE_KIND_Q_INFO, 0, &msg);

    if (status == TROUPE_OK) {
        status = troupe_call(sys, q.id, &msg, timeout, &answer, NULL);
    }
    if (status == TROUPE_OK) {
        memcpy(out, troupe_msg_body(answer), sizeof(*out));
    }
    troupe_msg_free(&msg);
    troupe_msg_free(&answer);
    return status;
}

int troupe_q_message_type(const troupe_msg *msg)
{
    const uint8_t *bytes = troupe_msg_body(msg);

    switch (troupe_msg_kind(msg)) {
    case TROUPE_KIND_Q_PUSH:
        return TRP_Q_ASYNC;
    case TROUPE_KIND_Q_SYNC:
        return TRP_Q_SYNC;
    case TROUPE_KIND_Q_RESPONSE:
        return TRP_Q_RESPONSE;
    case TROUPE_KIND_Q_BYTES:
        return troupe_msg_size(msg) >= TRP_Q_HEADER ? bytes[1] : -1;
    default:
        return -1;
    }
}

troupe_q_value *troupe_q_take(troupe_msg *msg)
{
    switch (msg != NULL ? troupe_msg_kind(msg) : TROUPE_KIND_NONE) {
    case TROUPE_KIND_Q_VALUE:
    case TROUPE_KIND_Q_PUSH:
    case TROUPE_KIND_Q_SYNC:
    case TROUPE_KIND_Q_AGAIN:
    case TROUPE_KIND_Q_ASYNC:
    case TROUPE_KIND_Q_RESPONSE:
        return troupe_msg_take(msg);
    default:
        return NULL;
    }
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
