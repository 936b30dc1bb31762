/* SPDX-License-Identifier: MIT
 * q_peer_login.c - who comes in: the users are asked first, then the handler of logins.
 */
#include <string.h>

#include "mailbox/alloc.h"
#include "transports/q/q_login.h"
#include "transports/q/q_peer.h"
#include "transports/stream_tls.h"

static void refuse(troupe_self *self, struct trp_q_peer *p)
{
    trp_q_peer_close(self, p, TROUPE_LOG_INFO, "Q-LOGIN-REFUSED", "the login is refused");
}

static void admit(troupe_self *self, struct trp_q_peer *p)
{
    uint8_t common = trp_q_common(TRP_Q_CAPABILITY, p->offered);

    if (trp_stream_write(p->wire.stream, &common, 1) != TROUPE_OK) {
        trp_q_peer_close(self, p, TROUPE_LOG_ERROR, "Q-CLIENT-MEMORY", "no memory");
        return;
    }
    p->wire.capability = common;
    (void)trp_connection_enter(self, &p->link, TRP_Q_PEER_READY, 0);
    p->seen = troupe_now(self);
    trp_q_peer_look_at_traffic(self, p);
    p->opened = true;
    trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_OPENED, NULL, 0);
    trp_q_peer_read(self, p);
}

void trp_q_peer_login_answered(troupe_self *self, struct trp_q_peer *p, bool failed,
                               const troupe_q_value *value)
{
    int64_t yes = 1;

    if (p->link.phase != TRP_Q_PEER_ADMISSION) {
        return;
    }
    if (failed ||
        (value != NULL && (troupe_q_get_long(value, 0, &yes) != TROUPE_OK || yes == 0))) {
        refuse(self, p);
    } else {
        admit(self, p);
    }
}

static void ask_handler(troupe_self *self, struct trp_q_peer *p,
                        troupe_q_value **password)
{
    trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_LOGIN, *password, 0);
    troupe_q_unref(password);
}

static void cannot(troupe_self *self, struct trp_q_peer *p, troupe_status status)
{
    trp_q_peer_close(self, p, TROUPE_LOG_WARN, "Q-LOGIN-REFUSED",
                     status == TROUPE_EBUSY ? "too many passwords wait to be looked at"
                                            : troupe_status_text(status));
}

void trp_q_peer_verified(troupe_self *self, struct trp_q_peer *p, bool right)
{
    troupe_q_value *password = NULL;
    size_t size;

    if (p->verify == NULL || p->link.phase != TRP_Q_PEER_ADMISSION) {
        return;
    }
    const char *text = trp_q_verify_password(p->verify, &size);
    troupe_status status =
        right ? troupe_q_string(text, size, &password) : TROUPE_EACCESS;
    trp_q_verify_forget(&p->verify);
    if (status == TROUPE_OK) {
        ask_handler(self, p, &password);
    } else if (status == TROUPE_EACCESS) {
        refuse(self, p);
    } else {
        cannot(self, p, status);
    }
}

/* The texts of the login are the stream's.
 *
 * Returns TROUPE_OK and the password; TROUPE_EAGAIN: it is being looked at;
 * TROUPE_EACCESS; or why that is not known. */
static troupe_status look_at(troupe_self *self, struct trp_q_peer *p,
                             const struct trp_q_login *login, troupe_q_value **password)
{
    const struct trp_q_service *service = p->service;

    p->user = trp_alloc(login->user_size + 1);
    if (p->user == NULL) {
        return TROUPE_ENOMEM;
    }
    memcpy(p->user, login->user, login->user_size);
    p->user[login->user_size] = 0;
    p->offered = login->capability;
    troupe_status status = trp_q_service_admits(service, login->user, login->user_size,
                                                login->password, login->password_size);
    if (status == TROUPE_OK) {
        return troupe_q_string(login->password, login->password_size, password);
    }
    if (status == TROUPE_EAGAIN) {
        status = trp_q_verify_begin(self, service->options.accounts, p->user,
                                    login->password, login->password_size, &p->verify);
        return status == TROUPE_OK ? TROUPE_EAGAIN : status;
    }
    return status;
}

static void take_login(troupe_self *self, struct trp_q_peer *p,
                       const struct trp_q_login *login, size_t used)
{
    troupe_q_value *password = NULL;

    (void)trp_connection_enter(self, &p->link, TRP_Q_PEER_ADMISSION,
                               p->service->options.login_limit);
    troupe_status status = look_at(self, p, login, &password);
    trp_stream_consume(p->wire.stream, used);
    if (status == TROUPE_OK) {
        ask_handler(self, p, &password);
    } else if (status == TROUPE_EACCESS) {
        refuse(self, p);
    } else if (status != TROUPE_EAGAIN) {
        cannot(self, p, status);
    }
}

/* By the first byte: no login begins with that of TLS. Whether to go on. */
static bool tell_apart(troupe_self *self, struct trp_q_peer *p)
{
    struct trp_stream *tls = NULL;
    size_t size;
    const uint8_t *bytes = trp_stream_view(p->wire.stream, &size);

    if (p->told_apart || p->service->tls == NULL || size == 0) {
        return true;
    }
    p->told_apart = true;
    if (bytes[0] != TRP_TLS_FIRST_BYTE) {
        if (p->service->options.tls_mode == TROUPE_Q_TLS_ONLY) {
            trp_q_peer_close(self, p, TROUPE_LOG_INFO, "Q-LOGIN-REFUSED",
                             "it does not speak TLS");
            return false;
        }
        return true;
    }
    troupe_status status =
        trp_stream_tls_new(&p->wire.stream, p->service->tls, NULL, &tls);
    if (status != TROUPE_OK) {
        cannot(self, p, status);
        return false;
    }
    p->wire.stream = tls;
    return true;
}

void trp_q_peer_read_login(troupe_self *self, struct trp_q_peer *p)
{
    struct trp_q_login login;
    size_t size, used;

    if (!tell_apart(self, p)) {
        return;
    }
    const uint8_t *bytes = trp_stream_view(p->wire.stream, &size);
    switch (trp_q_login_read(bytes, size, &login, &used)) {
    case TROUPE_OK:
        take_login(self, p, &login, used);
        break;
    case TROUPE_EAGAIN:
        if (p->wire.stream->ended != TROUPE_OK) {
            trp_q_peer_close(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-LOST", "no login came");
        }
        break;
    default:
        trp_q_peer_close(self, p, TROUPE_LOG_WARN, "Q-LOGIN-MALFORMED",
                         "the login is too long");
        break;
    }
}
