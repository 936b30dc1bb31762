/* SPDX-License-Identifier: MIT
 * q_peer_login.c - who comes in: the users are asked first, then the handler of logins.
 */
#include <string.h>

#include "mailbox/alloc.h"
#include "transports/q/q_login.h"
#include "transports/q/q_peer.h"

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

/* Keeps what the login says; its bytes are about to go. */
static troupe_status keep(struct trp_q_peer *p, const struct trp_q_login *login,
                          troupe_q_value **password)
{
    troupe_status status =
        troupe_q_string(login->password, login->password_size, password);

    if (status != TROUPE_OK) {
        return status;
    }
    p->user = trp_alloc(login->user_size + 1);
    if (p->user == NULL) {
        return TROUPE_ENOMEM;
    }
    if (login->user_size != 0) {
        memcpy(p->user, login->user, login->user_size);
    }
    p->user[login->user_size] = 0;
    p->offered = login->capability;
    return TROUPE_OK;
}

void trp_q_peer_read_login(troupe_self *self, struct trp_q_peer *p)
{
    struct trp_q_login login;
    size_t size, used;
    const uint8_t *bytes = trp_stream_view(p->wire.stream, &size);
    troupe_status status = trp_q_login_read(bytes, size, &login, &used);
    troupe_q_value *password = NULL;

    if (status == TROUPE_EAGAIN) {
        if (p->wire.stream->ended != TROUPE_OK) {
            trp_q_peer_close(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-LOST", "no login came");
        }
        return;
    }
    if (status == TROUPE_OK) {
        status = keep(p, &login, &password);
    }
    if (status != TROUPE_OK) {
        troupe_q_unref(&password);
        trp_q_peer_close(self, p, TROUPE_LOG_WARN, "Q-LOGIN-MALFORMED",
                         status == TROUPE_ELIMIT ? "the login is too long" : "no memory");
        return;
    }
    bool admitted = trp_q_service_admits(p->service, login.user, login.user_size,
                                         login.password, login.password_size);
    trp_stream_consume(p->wire.stream, used);
    (void)trp_connection_enter(self, &p->link, TRP_Q_PEER_ADMISSION,
                               p->service->options.login_limit);
    if (admitted) {
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_LOGIN, password, 0);
    } else {
        refuse(self, p);
    }
    troupe_q_unref(&password);
}
