/* SPDX-License-Identifier: MIT
 * q_peer_output.c - what goes to a client: responses in their order, and pushes.
 *
 * A client that does not read what it is sent is dropped when output_limit bytes wait for
 * it; nobody else notices. */
#include "transports/q/q_peer.h"

#include <inttypes.h>

static void drop_slow(troupe_self *self, struct trp_q_peer *p)
{
    trp_q_peer_close(self, p, TROUPE_LOG_WARN, "Q-CLIENT-SLOW",
                     "it does not read what it is sent; dropped");
}

static void watch(troupe_self *self, struct trp_q_peer *p)
{
    troupe_ns limit = p->service->options.send_limit;

    p->taken = trp_stream_sent(p->wire.stream);
    p->watched = troupe_after(self, limit, TRP_KIND_Q_STUCK, 0, NULL) == TROUPE_OK;
}

/* After every message: what became of it. */
static void wrote(troupe_self *self, struct trp_q_peer *p, troupe_status status)
{
    if (status == TROUPE_OK) {
        p->seen = troupe_now(self);
        if (p->service->options.send_limit != 0 && !p->watched) {
            watch(self, p);
        }
    } else if (status == TROUPE_EBUSY) {
        drop_slow(self, p);
    }
}

void trp_q_peer_look_at_output(troupe_self *self, struct trp_q_peer *p)
{
    p->watched = false;
    if (p->wire.stream == NULL || trp_stream_backlog(p->wire.stream) == 0) {
        return;
    }
    if (trp_stream_sent(p->wire.stream) == p->taken) {
        drop_slow(self, p);
    } else {
        watch(self, p);
    }
}

static troupe_status write_message(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                                   const troupe_q_value *value, struct trp_q_why *why)
{
    troupe_status status =
        trp_q_conn_write(&p->wire, kind, value, p->service->options.output_limit, why);

    wrote(self, p, status);
    return status;
}

const char *trp_q_error_text(troupe_status status, const struct trp_q_why *why)
{
    switch (status) {
    case TROUPE_ETYPE:
        return "type";
    case TROUPE_ELIMIT:
        return "limit";
    case TROUPE_ENOMEM:
        return "wsfull";
    default:
        return why != NULL && why->text != NULL ? why->text : troupe_status_text(status);
    }
}

static void write_response(troupe_self *self, struct trp_q_peer *p, troupe_q_value *value)
{
    struct trp_q_why why = {NULL, 0};
    troupe_q_value *null = NULL;
    troupe_status status = value != NULL ? TROUPE_OK : troupe_q_null(&null);

    if (status == TROUPE_OK) {
        status =
            write_message(self, p, TRP_Q_RESPONSE, value != NULL ? value : null, &why);
    }
    troupe_q_unref(&null);
    if (status != TROUPE_OK && status != TROUPE_EBUSY &&
        trp_q_conn_write_error(&p->wire, trp_q_error_text(status, &why), SIZE_MAX) !=
            TROUPE_OK) {
        trp_q_peer_close(self, p, TROUPE_LOG_ERROR, "Q-CLIENT-MEMORY",
                         "no memory for a response");
    }
}

void trp_q_peer_write_ready(troupe_self *self, struct trp_q_peer *p)
{
    troupe_q_value *value = NULL;

    while (p->link.phase != TRP_Q_PEER_CLOSED && trp_q_slots_take(&p->slots, &value)) {
        write_response(self, p, value);
        troupe_q_unref(&value);
    }
}

static bool is_open(const struct trp_q_peer *p)
{
    return p->link.phase == TRP_Q_PEER_READY || p->link.phase == TRP_Q_PEER_DRAINING;
}

static void not_sent(troupe_self *self, struct trp_q_peer *p, troupe_status status,
                     const struct trp_q_why *why)
{
    char more[TRP_Q_LINE_MORE];

    if (status != TROUPE_OK && status != TROUPE_EBUSY && trp_worth_a_line(&p->unsent) &&
        trp_q_service_says(p->service, TROUPE_LOG_WARN, "Q-PUSH-DROPPED",
                           troupe_now(self), more)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-PUSH-DROPPED",
                "client %s (handle %d): message %" PRIu64 " was not sent: %s%s", p->where,
                p->handle, p->unsent, trp_q_error_text(status, why), more);
    }
}

void trp_q_peer_push(troupe_self *self, struct trp_q_peer *p, const troupe_q_value *value)
{
    struct trp_q_why why = {NULL, 0};

    if (is_open(p)) {
        not_sent(self, p, write_message(self, p, TRP_Q_ASYNC, value, &why), &why);
    }
}

void trp_q_peer_cast(troupe_self *self, struct trp_q_peer *p, struct trp_q_cast *cast,
                     uint64_t index)
{
    struct trp_q_why why = {NULL, 0};
    troupe_blob *bytes = NULL;

    if (!is_open(p)) {
        return;
    }
    troupe_status status =
        trp_q_cast_bytes(cast, p->wire.capability, p->wire.compress, &bytes, &why);
    if (status == TROUPE_OK) {
        status = trp_q_conn_write_blob(&p->wire, bytes, p->service->options.output_limit,
                                       &why);
        wrote(self, p, status);
    }
    trp_q_cast_note(cast, index, status);
    not_sent(self, p, status, &why);
}
