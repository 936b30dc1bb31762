/* SPDX-License-Identifier: MIT
 * status.c - names and texts, generated from the one list. */
#include <troupe/status.h>

const char *troupe_status_name(troupe_status status)
{
    switch (status) {
#define X(name, value, text)                                                             \
    case TROUPE_##name:                                                                  \
        return #name;
        TROUPE_STATUS_MAP(X)
#undef X
    }
    return "E?";
}

const char *troupe_status_text(troupe_status status)
{
    switch (status) {
#define X(name, value, text)                                                             \
    case TROUPE_##name:                                                                  \
        return text;
        TROUPE_STATUS_MAP(X)
#undef X
    }
    return "an unknown status";
}

bool troupe_status_retryable(troupe_status status)
{
    switch (status) {
    case TROUPE_ENOMEM:
    case TROUPE_EAGAIN:
    case TROUPE_EBUSY:
    case TROUPE_ETIMEDOUT:
    case TROUPE_EREFUSED:
    case TROUPE_ELOST:
    case TROUPE_EUNREACHABLE:
    case TROUPE_ERESOLVE:
        return true;
    default:
        return false;
    }
}
