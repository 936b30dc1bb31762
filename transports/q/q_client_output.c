/* SPDX-License-Identifier: MIT
 * q_client_output.c - writing requests, and noticing that the peer does not read.
 *
 * While output waits and there is a limit, a timer looks four times within it whether
 * any went out; after four looks in a row at which none had, the peer does not read. */
#include "transports/q/q_client_state.h"

enum { LOOKS = 4 };

uint8_t trp_q_client_type(const troupe_msg *msg)
{
    const uint8_t *bytes = troupe_msg_body(msg);

    switch (troupe_msg_kind(msg)) {
    case TROUPE_KIND_Q_ASYNC:
        return TRP_Q_ASYNC;
    case TROUPE_KIND_Q_RESPONSE:
        return TRP_Q_RESPONSE;
    case TROUPE_KIND_Q_BYTES:
        return troupe_msg_size(msg) >= TRP_Q_HEADER ? bytes[1] : TRP_Q_ASYNC;
    default:
        return TRP_Q_SYNC;
    }
}

static void look_later(troupe_self *self, struct trp_q_client *c)
{
    troupe_ns each = c->options.send_limit / LOOKS;

    /* Without a timer nothing is noticed until the next write asks for one. */
    if (troupe_after(self, each > 0 ? each : 1, TRP_KIND_Q_STALL, c->link.round,
                     &c->stall) != TROUPE_OK) {
        c->stall = (troupe_timer){0};
    }
}

static void watch(troupe_self *self, struct trp_q_client *c)
{
    if (c->options.send_limit > 0 && c->stall.bits == 0) {
        c->quiet = 0;
        c->taken = trp_stream_sent(c->wire.stream);
        look_later(self, c);
    }
}

troupe_status trp_q_client_write(troupe_self *self, struct trp_q_client *c,
                                 const troupe_msg *msg, struct trp_q_why *why)
{
    size_t limit = c->options.output_limit;
    troupe_status status =
        troupe_msg_kind(msg) == TROUPE_KIND_Q_BYTES
            ? trp_q_conn_write_blob(&c->wire, troupe_msg_blob(msg), limit, why)
            : trp_q_conn_write(&c->wire, trp_q_client_type(msg), troupe_msg_body(msg),
                               limit, why);

    if (status == TROUPE_OK) {
        watch(self, c);
    }
    return status;
}

void trp_q_client_look(troupe_self *self, struct trp_q_client *c)
{
    if (c->stall.bits == 0) {
        return; /* of a connection before */
    }
    c->stall = (troupe_timer){0};
    if (c->link.phase != TRP_Q_READY && c->link.phase != TRP_Q_DRAINING) {
        return;
    }
    if (trp_stream_backlog(c->wire.stream) == 0) {
        return;
    }
    uint64_t now = trp_stream_sent(c->wire.stream);
    c->quiet = now == c->taken ? c->quiet + 1 : 0;
    c->taken = now;
    if (c->quiet < LOOKS) {
        look_later(self, c);
        return;
    }
    trp_q_client_describe(c, "was given up: the peer does not read");
    trp_q_client_failed(self, c, TROUPE_ETIMEDOUT);
}
