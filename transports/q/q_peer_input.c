/* SPDX-License-Identifier: MIT
 * q_peer_input.c - messages of a client, as they come.
 *
 * While requests_max of them are being evaluated, or one waits for room where it is
 * handled, nothing is read. */
#include "transports/q/q_peer.h"

/* `request`: the slot of a sync. */
static void decoded(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                    troupe_q_value *value, uint64_t request)
{
    uint64_t memory = p->taken_by_value;

    if (kind == TRP_Q_ASYNC) {
        p->asyncs++;
        p->async_memory += memory;
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_ASYNC, value, memory);
    } else {
        trp_q_slots_note(&p->slots, trp_q_slots_find(&p->slots, request), memory);
        trp_q_peer_dispatch(self, p, TROUPE_EMBEDQ_SYNC, value, request);
    }
}

static troupe_status arrived(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                             troupe_q_value *value, struct trp_q_why *why)
{
    uint64_t request = 0;

    if (kind == TRP_Q_RESPONSE) {
        *why = (struct trp_q_why){"a response that nobody asked for", 0};
        return TROUPE_EPROTO;
    }
    troupe_status status =
        kind == TRP_Q_SYNC ? trp_q_slots_add(&p->slots, &request) : TROUPE_OK;
    if (status == TROUPE_OK) {
        decoded(self, p, kind, value, request);
        trp_q_peer_write_ready(self, p);
    }
    return status;
}

static troupe_status read_value(troupe_self *self, struct trp_q_peer *p,
                                struct trp_q_why *why)
{
    troupe_q_value *value = NULL;
    uint8_t kind = 0;

    trp_q_peer_make_room(p);
    troupe_status status = trp_q_conn_next(&p->wire, &kind, &value, why);

    if (status == TROUPE_OK) {
        status = arrived(self, p, kind, value, why);
        troupe_q_unref(&value);
    }
    return status;
}

/* The handler of raw messages does not want this one. */
static troupe_status decode(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                            uint64_t request, troupe_blob *message, struct trp_q_why *why)
{
    troupe_q_value *value = NULL;

    trp_q_peer_make_room(p);
    troupe_status status =
        trp_q_decode(troupe_blob_bytes(message), troupe_blob_size(message), message,
                     &p->wire.limits, &value, why);

    if (status == TROUPE_OK) {
        decoded(self, p, kind, value, request);
        troupe_q_unref(&value);
    }
    return status;
}

static troupe_status show_raw(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                              troupe_blob *message, struct trp_q_why *why)
{
    uint64_t request = 0;
    troupe_status status =
        kind == TRP_Q_SYNC ? trp_q_slots_add(&p->slots, &request) : TROUPE_OK;

    if (status == TROUPE_OK) {
        status = trp_q_peer_show_raw(self, p, kind, request, message);
    }
    if (status == TROUPE_EUNSUPPORTED) {
        status = decode(self, p, kind, request, message, why);
    }
    trp_q_peer_write_ready(self, p);
    return status;
}

static troupe_status read_raw(troupe_self *self, struct trp_q_peer *p,
                              struct trp_q_why *why)
{
    uint8_t kind = 0;
    troupe_blob *message = NULL;
    troupe_status status = trp_q_conn_next_bytes(&p->wire, &kind, &message, why);

    if (status == TROUPE_OK && kind == TRP_Q_RESPONSE) {
        *why = (struct trp_q_why){"a response that nobody asked for", 0};
        status = TROUPE_EPROTO;
    }
    if (status == TROUPE_OK) {
        status = show_raw(self, p, kind, message, why);
    }
    troupe_blob_unref(&message);
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
        status = p->service->options.raw != NULL ? read_raw(self, p, &why)
                                                 : read_value(self, p, &why);
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

/* Nobody waits for the password to be looked at, and no request came with it. */
static bool left_in_vain(const struct trp_q_peer *p)
{
    size_t size;

    if (p->link.phase != TRP_Q_PEER_ADMISSION || p->verify == NULL) {
        return false;
    }
    (void)trp_stream_view(p->wire.stream, &size);
    return p->wire.stream->ended != TROUPE_OK &&
           (size == 0 || p->wire.stream->system != 0);
}

void trp_q_peer_read(troupe_self *self, struct trp_q_peer *p)
{
    if (p->link.phase == TRP_Q_PEER_LOGIN) {
        trp_q_peer_read_login(self, p);
    }
    if (left_in_vain(p)) {
        trp_q_peer_close(self, p, TROUPE_LOG_DEBUG, "Q-CLIENT-LOST",
                         "it closed before its login was looked at");
    }
    if (p->link.phase == TRP_Q_PEER_READY) {
        read_messages(self, p);
    }
    trp_q_peer_drain(self, p);
}
