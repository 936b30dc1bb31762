/* SPDX-License-Identifier: MIT
 * q_peer_input.c - messages of a client, as they come.
 *
 * While requests_max of them are being evaluated, or one waits for room where it is
 * handled, nothing is read. */
#include "transports/q/q_peer.h"

static troupe_status arrived(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                             troupe_q_value *value, struct trp_q_why *why)
{
    uint64_t request;

    if (kind == TRP_Q_RESPONSE) {
        *why = (struct trp_q_why){"a response that nobody asked for", 0};
        return TROUPE_EPROTO;
    }
    if (kind == TRP_Q_ASYNC) {
        p->asyncs++;
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_ASYNC, value, 0);
        return TROUPE_OK;
    }
    troupe_status status = trp_q_slots_add(&p->slots, &request);
    if (status == TROUPE_OK) {
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_SYNC, value, request);
        trp_q_peer_write_ready(self, p);
    }
    return status;
}

static void input_failed(troupe_self *self, struct trp_q_peer *p, troupe_status status,
                         const struct trp_q_why *why)
{
    if (status == TROUPE_ELOST) {
        trp_q_peer_close(self, p, why->text != NULL ? TROUPE_LOG_WARN : TROUPE_LOG_DEBUG,
                         "Q-CLIENT-LOST", why->text != NULL ? why->text : "it closed");
    } else {
        trp_q_peer_close(self, p, TROUPE_LOG_WARN, "Q-MALFORMED",
                         why->text != NULL ? why->text : troupe_status_text(status));
    }
}

/* A client that closed its side still gets the answers that are due. */
static bool answers_due(const struct trp_q_peer *p, troupe_status status)
{
    return status == TROUPE_ELOST && p->wire.stream->system == 0 && p->slots.count > 0;
}

static bool wants_input(const struct trp_q_peer *p)
{
    return p->link.phase == TRP_Q_PEER_READY && !trp_q_peer_holds(p) &&
           p->slots.count + p->asyncs < p->service->options.requests_max;
}

static void read_messages(troupe_self *self, struct trp_q_peer *p)
{
    struct trp_q_why why = {NULL, 0};
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && wants_input(p)) {
        troupe_q_value *value = NULL;
        uint8_t kind = 0;
        status = trp_q_conn_next(&p->wire, &kind, &value, &why);
        if (status == TROUPE_OK) {
            status = arrived(self, p, kind, value, &why);
            troupe_q_unref(&value);
        }
    }
    if (p->link.phase == TRP_Q_PEER_READY && status != TROUPE_OK &&
        status != TROUPE_EAGAIN) {
        if (answers_due(p, status)) {
            trp_q_peer_begin_end(self, p);
        } else {
            input_failed(self, p, status, &why);
        }
    }
}

void trp_q_peer_read(troupe_self *self, struct trp_q_peer *p)
{
    if (p->link.phase == TRP_Q_PEER_LOGIN) {
        trp_q_peer_read_login(self, p);
    }
    if (p->link.phase == TRP_Q_PEER_READY) {
        read_messages(self, p);
    }
    trp_q_peer_drain(self, p);
}
