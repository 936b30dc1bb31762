/* SPDX-License-Identifier: MIT
 * failure.c - what went wrong, as a message that can be told. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mailbox/failure.h"
#include "mailbox/message.h"

troupe_status trp_failure_new(troupe_status status, troupe_id origin, int system,
                              const char *format, va_list args, troupe_msg **out)
{
    if (status == TROUPE_OK) {
        return TROUPE_EINVAL;
    }
    troupe_msg *msg = NULL;
    troupe_status made = trp_msg_new(TROUPE_KIND_FAILURE, sizeof(troupe_failure), &msg);
    if (made != TROUPE_OK) {
        return made;
    }
    troupe_failure *failure = troupe_msg_body(msg);
    memset(failure, 0, sizeof(*failure));
    failure->status = status;
    failure->system = system;
    failure->origin = origin;
    (void)vsnprintf(failure->text, sizeof(failure->text), format, args);
    *out = msg;
    return TROUPE_OK;
}

troupe_status troupe_msg_new_failure(troupe_status status, troupe_id origin,
                                     troupe_msg **out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    troupe_status made = trp_failure_new(status, origin, 0, format, args, out);
    va_end(args);
    return made;
}

void troupe_msg_add_context(troupe_msg *msg, const char *context)
{
    if (troupe_msg_failure(msg) == NULL) {
        return;
    }
    troupe_failure *failure = troupe_msg_body(msg);
    char old[TROUPE_FAILURE_TEXT];
    memcpy(old, failure->text, sizeof(old));
    (void)snprintf(failure->text, sizeof(failure->text), "%.100s: %.150s", context, old);
}

const troupe_failure *troupe_msg_failure(const troupe_msg *msg)
{
    return msg->kind == TROUPE_KIND_FAILURE && msg->size == sizeof(troupe_failure) &&
                   (msg->flags & TRP_MSG_BODY) == 0
               ? (const troupe_failure *)troupe_msg_body(msg)
               : NULL;
}

troupe_status troupe_msg_status(const troupe_msg *msg)
{
    const troupe_failure *failure = troupe_msg_failure(msg);

    return failure != NULL ? failure->status : TROUPE_OK;
}
