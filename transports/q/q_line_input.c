/* SPDX-License-Identifier: MIT
 * q_line_input.c - from the peer to the engine.
 *
 * The client reads on only while few messages are here, so that a peer that is faster
 * than q code waits in its socket. */
#include <inttypes.h>

#include "transports/q/q_client.h"
#include "transports/q/q_line_state.h"

#define OFFER_AGAIN TROUPE_MS(2)

/* ---- answers to the peer ---- */

static void took(troupe_self *self, const struct trp_q_line *line)
{
    trp_ignore(troupe_signal(self, line->client, TRP_KIND_Q_TOOK, 0));
}

static void respond(troupe_self *self, struct trp_q_line *line)
{
    troupe_q_value *value = NULL;

    while (trp_q_slots_take(&line->slots, &value)) {
        troupe_msg *msg = NULL;
        troupe_status status = value != NULL ? TROUPE_OK : troupe_q_null(&value);
        if (status == TROUPE_OK) {
            status = trp_q_msg_new(TROUPE_KIND_Q_RESPONSE, &value, &msg);
        }
        if (status == TROUPE_OK) {
            trp_ignore(troupe_tell(self, line->client, &msg));
        }
        troupe_q_unref(&value);
        troupe_msg_free(&msg);
    }
}

static void fill(troupe_self *self, struct trp_q_line *line, uint64_t request,
                 troupe_q_value **value)
{
    struct trp_q_slot *slot = trp_q_slots_find(&line->slots, request);

    if (slot != NULL) {
        trp_q_slot_fill(slot, value);
    }
    troupe_q_unref(value);
    respond(self, line);
}

static void fill_error(troupe_self *self, struct trp_q_line *line, uint64_t request,
                       const char *text)
{
    troupe_q_value *error = NULL;

    (void)(troupe_q_error(text, TROUPE_Q_Z, &error) == TROUPE_OK);
    fill(self, line, request, &error);
}

void trp_q_line_defer(troupe_self *self, struct trp_q_line *line, troupe_msg *msg)
{
    troupe_q_value *value = troupe_msg_take(msg);

    fill(self, line, troupe_msg_tag(msg), &value);
}

/* ---- events ---- */

static troupe_status ask_engine(troupe_self *self, struct trp_q_line *line,
                                troupe_embedq_event event, troupe_q_value *value,
                                uint64_t request)
{
    const troupe_q_event what = {.event = event,
                                 .handle = line->handle,
                                 .user = "",
                                 .value = value,
                                 .connection = troupe_self_id(self),
                                 .request = request};
    troupe_msg *msg = NULL;
    troupe_status status = trp_q_hub_request(line->hub, &what, &msg);

    if (status == TROUPE_OK && event == TROUPE_EMBEDQ_CLOSED) {
        status = troupe_tell(self, line->engine, &msg);
    } else if (status == TROUPE_OK) {
        status =
            troupe_ask(self, line->engine, &msg, TROUPE_NEVER,
                       (uint64_t)TRP_Q_LINE_EVENT << TRP_Q_LINE_SHIFT | request, NULL);
        line->asked += status == TROUPE_OK;
    }
    troupe_msg_free(&msg);
    return status;
}

bool trp_q_line_tell_loss(troupe_self *self, struct trp_q_line *line)
{
    return ask_engine(self, line, TROUPE_EMBEDQ_CLOSED, NULL, 0) != TROUPE_EBUSY;
}

/* Offers one; TROUPE_EBUSY: again later. */
static troupe_status offer_one(troupe_self *self, struct trp_q_line *line,
                               troupe_msg *msg)
{
    bool sync = troupe_msg_kind(msg) == TROUPE_KIND_Q_SYNC;
    uint64_t request = troupe_msg_tag(msg);
    troupe_status status =
        ask_engine(self, line, sync ? TROUPE_EMBEDQ_SYNC : TROUPE_EMBEDQ_ASYNC,
                   troupe_msg_body(msg), request);

    if (status == TROUPE_EBUSY || status == TROUPE_OK) {
        return status;
    }
    took(self, line);
    if (sync) {
        fill_error(self, line, request, troupe_status_text(status));
    } else if (trp_worth_a_line(&line->failures)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-LINE",
                "a message on handle %d was not evaluated: %s", line->handle,
                troupe_status_text(status));
    }
    return TROUPE_OK;
}

void trp_q_line_offer(troupe_self *self, struct trp_q_line *line)
{
    if (line->offering) {
        return;
    }
    while (line->in.first != NULL) {
        if (offer_one(self, line, line->in.first) == TROUPE_EBUSY) {
            line->offering = troupe_after(self, OFFER_AGAIN, TRP_KIND_Q_OFFER, 0, NULL) ==
                             TROUPE_OK; /* else: with the next that comes */
            return;
        }
        troupe_msg *msg = trp_q_line_queue_take(&line->in);
        troupe_msg_free(&msg);
    }
}

void trp_q_line_arrived(troupe_self *self, struct trp_q_line *line, troupe_msg **msg)
{
    uint64_t request = 0;

    if (line->phase == TRP_Q_LINE_CLOSING || troupe_id_is_nobody(line->engine) ||
        troupe_msg_kind(*msg) == TROUPE_KIND_Q_RESPONSE) {
        took(self, line);
        return;
    }
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_SYNC &&
        trp_q_slots_add(&line->slots, &request) != TROUPE_OK) {
        took(self, line);
        trp_ignore(troupe_stop(self, line->client)); /* it asks and asks */
        return;
    }
    troupe_msg_set_tag(*msg, request);
    trp_q_line_queue_put(&line->in, msg);
    trp_q_line_offer(self, line);
}

void trp_q_line_handled(troupe_self *self, struct trp_q_line *line, troupe_msg *msg)
{
    const troupe_failure *failure = troupe_msg_failure(msg);
    uint64_t request = troupe_msg_tag(msg) & ((UINT64_C(1) << TRP_Q_LINE_SHIFT) - 1);
    bool stopped = failure != NULL && (failure->status == TROUPE_ECANCELED ||
                                       failure->status == TROUPE_ETIMEDOUT);
    const char *text = failure == NULL ? NULL : stopped ? "stop" : failure->text;

    line->asked--;
    took(self, line);
    if (request != 0 && troupe_msg_kind(msg) == TROUPE_KIND_Q_DEFERRED) {
        struct trp_q_slot *slot = trp_q_slots_find(&line->slots, request);
        if (slot != NULL) {
            slot->state = TRP_Q_SLOT_DEFERRED;
        }
    } else if (request != 0 && text != NULL) {
        fill_error(self, line, request, text);
    } else if (request != 0) {
        troupe_q_value *value = troupe_msg_take(msg);
        fill(self, line, request, &value);
    } else if (text != NULL && trp_worth_a_line(&line->failures)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-HANDLER-FAILED",
                "handle %d, time %" PRIu64 ": '%s", line->handle, line->failures, text);
    }
}
