/* SPDX-License-Identifier: MIT
 * failure.h - making failure messages from a va_list. */
#ifndef TRP_MAILBOX_FAILURE_H
#define TRP_MAILBOX_FAILURE_H

#include <stdarg.h>

#include <troupe/message.h>

/* As troupe_msg_new_failure; system is errno or 0. */
TROUPE_MUST_CHECK troupe_status trp_failure_new(troupe_status status, troupe_id origin,
                                                int system, const char *format,
                                                va_list args, troupe_msg **out)
    TROUPE_PRINTF(4, 0);

#endif
