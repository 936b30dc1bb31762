/* SPDX-License-Identifier: MIT
 * q_client_info.c - what others are told about a connection. */
#include <stdio.h>
#include <string.h>

#include "transports/q/q_client_state.h"

static troupe_q_phase phase_of(const struct trp_q_client *c)
{
    static const troupe_q_phase shown[] = {
        [TRP_Q_NEW] = TROUPE_Q_CONNECTING,      [TRP_Q_DIALING] = TROUPE_Q_CONNECTING,
        [TRP_Q_SECURING] = TROUPE_Q_CONNECTING, [TRP_Q_LOGIN] = TROUPE_Q_CONNECTING,
        [TRP_Q_READY] = TROUPE_Q_READY,         [TRP_Q_DRAINING] = TROUPE_Q_CLOSING,
        [TRP_Q_WAITING] = TROUPE_Q_WAITING,     [TRP_Q_DOWN] = TROUPE_Q_DOWN,
        [TRP_Q_CLOSED] = TROUPE_Q_CLOSED,
    };

    return shown[c->link.phase];
}

void trp_q_client_tell(troupe_self *self, struct trp_q_client *c, troupe_ns next)
{
    troupe_msg *msg = NULL;

    if (troupe_id_is_nobody(c->options.watcher) ||
        troupe_msg_new(TROUPE_KIND_Q_STATE, sizeof(troupe_q_state), &msg) != TROUPE_OK) {
        return;
    }
    troupe_q_state *state = troupe_msg_body(msg);
    *state = (troupe_q_state){
        .status = c->why, .phase = phase_of(c), .attempt = c->failures, .next = next};
    if (c->why != TROUPE_OK) {
        memcpy(state->text, c->text, sizeof(state->text));
    }
    troupe_msg_set_tag(msg, c->options.tag);
    trp_ignore(troupe_tell(self, c->options.watcher, &msg));
    troupe_msg_free(&msg);
}

void trp_q_client_inform(troupe_self *self, const struct trp_q_client *c,
                         const troupe_msg *msg)
{
    troupe_msg *answer = NULL;

    if (!troupe_msg_wants_answer(msg)) {
        return;
    }
    troupe_status status =
        troupe_msg_new(TROUPE_KIND_Q_INFO, sizeof(troupe_q_info), &answer);
    if (status != TROUPE_OK) {
        trp_q_client_fail(self, troupe_msg_from(msg), status, troupe_status_text(status));
        return;
    }
    troupe_q_info *info = troupe_msg_body(answer);
    *info = (troupe_q_info){
        .phase = phase_of(c),
        .why = c->why,
        .capability = c->wire.capability,
        .tls = c->options.tls,
        .unix_domain = c->options.unix_domain,
        .port = c->options.port,
        .sent = c->sent.count,
        .held = c->held_count,
        .logins = c->logins,
        .attempt = c->failures,
    };
    (void)snprintf(info->host, sizeof(info->host), "%s", c->host);
    if (c->wire.stream != NULL) {
        info->local = c->wire.stream->local;
        info->output = trp_stream_backlog(c->wire.stream);
        trp_stream_describe(c->wire.stream, info->address, sizeof(info->address));
    }
    trp_ignore(troupe_reply(self, msg, &answer));
    troupe_msg_free(&answer);
}
