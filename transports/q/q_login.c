/* SPDX-License-Identifier: MIT
 * q_login.c - reading and writing the login text. */
#include "transports/q/q_login.h"

#include <string.h>

enum { CAPABILITY_END = 0x20 }; /* text begins here; a last byte below is a capability */

static size_t size_of(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

troupe_status trp_q_login_read(const uint8_t *bytes, size_t size, struct trp_q_login *out,
                               size_t *used)
{
    size_t within = size < TRP_Q_LOGIN_MAX ? size : TRP_Q_LOGIN_MAX;
    const uint8_t *nul = within != 0 ? memchr(bytes, 0, within) : NULL;

    if (nul == NULL) {
        return size < TRP_Q_LOGIN_MAX ? TROUPE_EAGAIN : TROUPE_ELIMIT;
    }
    struct trp_q_login login = {.user = (const char *)bytes};
    const uint8_t *end = nul;
    if (end != bytes && end[-1] < CAPABILITY_END) {
        end--;
        login.capability = *end;
    }
    size_t text = (size_t)(end - bytes);
    const uint8_t *colon = text != 0 ? memchr(bytes, ':', text) : NULL;
    login.has_password = colon != NULL;
    login.user_size = colon != NULL ? (size_t)(colon - bytes) : text;
    login.password = (const char *)(colon != NULL ? colon + 1 : end);
    login.password_size = colon != NULL ? (size_t)(end - (colon + 1)) : 0;
    *out = login;
    *used = (size_t)(nul - bytes) + 1;
    return TROUPE_OK;
}

troupe_status trp_q_login_write(const char *user, const char *password, int capability,
                                struct trp_buffer *out)
{
    size_t user_size = size_of(user), password_size = size_of(password);
    size_t size = user_size + 1 + password_size + (capability > 0) + 1;

    if ((user_size != 0 && strchr(user, ':') != NULL) || capability >= CAPABILITY_END ||
        capability < TRP_Q_LOGIN_BARE) {
        return TROUPE_EINVAL;
    }
    if (capability <= 0 && password_size != 0 &&
        (uint8_t)password[password_size - 1] < CAPABILITY_END) {
        return TROUPE_EINVAL; /* would be read as a capability */
    }
    if (user_size > TRP_Q_LOGIN_MAX || password_size > TRP_Q_LOGIN_MAX ||
        size > TRP_Q_LOGIN_MAX) {
        return TROUPE_ELIMIT;
    }
    uint8_t *to = trp_buffer_reserve(out, size);
    if (to == NULL) {
        return out->status;
    }
    uint8_t *at = to;
    if (user_size != 0) {
        memcpy(at, user, user_size);
        at += user_size;
    }
    *at++ = ':';
    if (password_size != 0) {
        memcpy(at, password, password_size);
        at += password_size;
    }
    if (capability > 0) {
        *at++ = (uint8_t)capability;
    }
    *at = 0;
    trp_buffer_wrote(out, size);
    return TROUPE_OK;
}
