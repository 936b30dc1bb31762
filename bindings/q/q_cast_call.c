/* SPDX-License-Identifier: MIT
 * q_cast_call.c - one message to many connections. */
#include <stdio.h>

#include <troupe/q.h>

#include "transports/q/q_cast.h"

#define PLAIN_LIMIT ((uint64_t)1 << 30)

static troupe_status cast(troupe_self *self, const troupe_id *connections, size_t count,
                          troupe_q_value *value, troupe_blob *message, troupe_id watcher,
                          uint64_t tag)
{
    struct trp_q_cast *cast = NULL;

    if (count > TROUPE_Q_BROADCAST_MAX || (value == NULL && message == NULL)) {
        return TROUPE_EINVAL;
    }
    troupe_status status = trp_q_cast_new(troupe_self_system(self), count, value, message,
                                          watcher, tag, &cast);
    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        troupe_msg *msg = NULL;
        status = trp_q_cast_msg(cast, TRP_KIND_Q_CAST, i, &msg);
        if (status == TROUPE_OK) {
            troupe_status told = troupe_tell(self, connections[i], &msg);
            if (told != TROUPE_OK) {
                trp_q_cast_note(cast, i, told);
            }
        }
        troupe_msg_free(&msg);
    }
    trp_q_cast_unref(&cast);
    return status;
}

troupe_status troupe_q_broadcast(troupe_self *self, const troupe_id *connections,
                                 size_t count, troupe_q_value *value, troupe_id watcher,
                                 uint64_t tag)
{
    return cast(self, connections, count, value, NULL, watcher, tag);
}

troupe_status troupe_q_forward(troupe_self *self, const troupe_id *connections,
                               size_t count, troupe_blob *message, troupe_id watcher,
                               uint64_t tag)
{
    return cast(self, connections, count, NULL, message, watcher, tag);
}

troupe_status troupe_q_message_value(troupe_blob *message, uint64_t limit,
                                     troupe_q_value **out, troupe_failure *failure)
{
    uint64_t most = limit != 0 ? limit : PLAIN_LIMIT;
    const struct trp_q_limits limits = {troupe_blob_size(message), most,
                                        TROUPE_Q_DEPTH_MAX, 0, NULL};
    struct trp_q_why why = {NULL, 0};
    troupe_status status =
        trp_q_decode(troupe_blob_bytes(message), troupe_blob_size(message), message,
                     &limits, out, &why);

    if (status != TROUPE_OK && failure != NULL) {
        *failure = (troupe_failure){.status = status};
        (void)snprintf(failure->text, sizeof(failure->text), "%s",
                       why.text != NULL ? why.text : troupe_status_text(status));
    }
    return status;
}
