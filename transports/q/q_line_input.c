/* SPDX-License-Identifier: MIT
 * q_line_input.c - from the peer to the engine.
 *
 * The client reads on only while few messages are here, so that a peer that is faster
 * than q code waits in its socket. */
#include <inttypes.h>

#include "transports/q/q_client.h"
#include "transports/q/q_line_state.h"

enum { HELD_MAX = 1 << 20 }; /* messages, while an answer is due behind them */

#define OFFER_AGAIN TROUPE_MS(2)

/* ---- answers to the peer ---- */

static void offer_later(troupe_self *self, struct trp_q_line *line)
{
    if (!line->offering) {
        line->offering =
            troupe_after(self, OFFER_AGAIN, TRP_KIND_Q_OFFER, 0, NULL) == TROUPE_OK;
    } /* without a timer: with the next that comes */
}

void trp_q_line_pay(troupe_self *self, struct trp_q_line *line)
{
    if (line->owed == 0) {
        return;
    }
    troupe_status status = troupe_signal(self, line->client, TRP_KIND_Q_TOOK, line->owed);
    if (status == TROUPE_OK || status == TROUPE_EGONE) {
        line->owed = 0;
    } else {
        offer_later(self, line);
    }
}

static void took(troupe_self *self, struct trp_q_line *line)
{
    line->owed++;
    trp_q_line_pay(self, line);
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

static troupe_status make_event(troupe_self *self, const struct trp_q_line *line,
                                troupe_embedq_event event, troupe_q_value *value,
                                uint64_t request, troupe_msg **out)
{
    const troupe_q_event what = {.event = event,
                                 .handle = line->handle,
                                 .user = "",
                                 .value = value,
                                 .connection = troupe_self_id(self),
                                 .request = request};

    return trp_q_hub_request(line->hub, &what, out);
}

bool trp_q_line_tell_loss(troupe_self *self, struct trp_q_line *line)
{
    troupe_msg *msg = NULL;
    troupe_status status = make_event(self, line, TROUPE_EMBEDQ_CLOSED, NULL, 0, &msg);

    if (status == TROUPE_OK) {
        status = troupe_tell(self, line->engine, &msg);
    }
    troupe_msg_free(&msg);
    return status != TROUPE_EBUSY;
}

/* Asks the engine to evaluate the first that waits. */
static troupe_status ask_engine(troupe_self *self, struct trp_q_line *line)
{
    struct trp_q_line_asked *slot = &line->asked[line->asked_count];
    troupe_msg *in = line->in.first, *msg = NULL;
    uint64_t tag = (uint64_t)TRP_Q_LINE_EVENT << TRP_Q_LINE_SHIFT | (line->number + 1);
    bool sync = troupe_msg_kind(in) == TROUPE_KIND_Q_SYNC;

    troupe_status status =
        make_event(self, line, sync ? TROUPE_EMBEDQ_SYNC : TROUPE_EMBEDQ_ASYNC,
                   troupe_msg_body(in), troupe_msg_tag(in), &msg);
    if (status == TROUPE_OK) {
        status = troupe_ask(self, line->engine, &msg, TROUPE_NEVER, tag, &slot->future);
    }
    troupe_msg_free(&msg);
    if (status == TROUPE_OK) {
        slot->number = ++line->number;
        slot->msg = trp_q_line_queue_take(&line->in);
        line->asked_count++;
    }
    return status;
}

/* The first that waits is not evaluated. */
static void refuse(troupe_self *self, struct trp_q_line *line, troupe_status status)
{
    troupe_msg *msg = trp_q_line_queue_take(&line->in);

    took(self, line);
    if (troupe_msg_kind(msg) == TROUPE_KIND_Q_SYNC) {
        fill_error(self, line, troupe_msg_tag(msg), troupe_status_text(status));
    } else if (trp_worth_a_line(&line->failures)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-LINE",
                "a message on handle %d was not evaluated: %s", line->handle,
                troupe_status_text(status));
    }
    troupe_msg_free(&msg);
}

void trp_q_line_offer(troupe_self *self, struct trp_q_line *line)
{
    while (!line->offering && line->in.first != NULL &&
           line->asked_count < TRP_Q_LINE_ASKED) {
        troupe_status status = ask_engine(self, line);
        if (status == TROUPE_EBUSY) {
            offer_later(self, line);
            return;
        }
        if (status != TROUPE_OK) {
            refuse(self, line, status);
        }
    }
}

/* ---- what arrives ---- */

/* Takes one that the engine has been asked to evaluate, or NULL. */
static troupe_msg *take_asked(struct trp_q_line *line, uint32_t i)
{
    troupe_msg *msg = line->asked[i].msg;

    line->asked_count--;
    for (; i < line->asked_count; i++) {
        line->asked[i] = line->asked[i + 1];
    }
    return msg;
}

/* The first message without a query that q code has not seen. What the engine has been
 * asked to evaluate it has not begun: its thread waits for this. */
static troupe_msg *first_push(troupe_self *self, struct trp_q_line *line)
{
    troupe_msg **at = &line->in.first;

    for (uint32_t i = 0; i < line->asked_count; i++) {
        if (troupe_msg_kind(line->asked[i].msg) == TROUPE_KIND_Q_PUSH &&
            troupe_future_cancel(self, line->asked[i].future) == TROUPE_OK) {
            return take_asked(line, i);
        }
    }
    while (*at != NULL && troupe_msg_kind(*at) != TROUPE_KIND_Q_PUSH) {
        at = &(*at)->next;
    }
    return trp_q_line_queue_remove(&line->in, at);
}

void trp_q_line_take_next(troupe_self *self, struct trp_q_line *line)
{
    if (line->next != NULL && trp_q_wait_given_up(line->next)) {
        trp_q_wait_unref(&line->next);
    }
    troupe_msg *msg = line->next != NULL ? first_push(self, line) : NULL;
    if (msg != NULL) {
        troupe_q_value *value = troupe_msg_take(msg);
        trp_q_wait_settle(&line->next, TROUPE_OK, 0, &value);
        troupe_msg_free(&msg);
        took(self, line);
    }
}

/* Whether q code waits for the peer, which must not wait for q code then. */
static bool waits(const struct trp_q_line *line)
{
    return line->call != NULL || line->next != NULL;
}

/* A query: it gets a number, or ends here. */
static bool numbered(troupe_self *self, struct trp_q_line *line, uint64_t *request)
{
    if (trp_q_slots_add(&line->slots, request) != TROUPE_OK) {
        took(self, line);
        trp_ignore(troupe_stop(self, line->client)); /* it asks and asks */
        return false;
    }
    if (waits(line)) {
        took(self, line);
        fill_error(self, line, *request,
                   "busy: the process waits for an answer on this handle");
        return false;
    }
    return true;
}

void trp_q_line_arrived(troupe_self *self, struct trp_q_line *line, troupe_msg **msg)
{
    uint64_t request = 0;

    if (line->phase == TRP_Q_LINE_CLOSING || troupe_id_is_nobody(line->engine) ||
        troupe_msg_kind(*msg) == TROUPE_KIND_Q_RESPONSE) {
        took(self, line);
        return;
    }
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_SYNC && !numbered(self, line, &request)) {
        return;
    }
    if (line->in.count >= HELD_MAX) {
        took(self, line);
        trp_ignore(troupe_stop(self, line->client)); /* it does not come to the answer */
        return;
    }
    troupe_msg_set_tag(*msg, request);
    trp_q_line_queue_put(&line->in, msg);
    trp_q_line_take_next(self, line);
    trp_q_line_offer(self, line);
}

/* What the engine says of a query or message. */
static void evaluated(troupe_self *self, struct trp_q_line *line, uint64_t request,
                      troupe_msg *answer)
{
    const troupe_failure *failure = troupe_msg_failure(answer);
    bool stopped = failure != NULL && (failure->status == TROUPE_ECANCELED ||
                                       failure->status == TROUPE_ETIMEDOUT);
    const char *text = failure == NULL ? NULL : stopped ? "stop" : failure->text;

    if (request != 0 && troupe_msg_kind(answer) == TROUPE_KIND_Q_DEFERRED) {
        struct trp_q_slot *slot = trp_q_slots_find(&line->slots, request);
        if (slot != NULL) {
            slot->state = TRP_Q_SLOT_DEFERRED;
        }
    } else if (request != 0 && text != NULL) {
        fill_error(self, line, request, text);
    } else if (request != 0) {
        troupe_q_value *value = troupe_msg_take(answer);
        fill(self, line, request, &value);
    } else if (text != NULL && trp_worth_a_line(&line->failures)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-HANDLER-FAILED",
                "handle %d, time %" PRIu64 ": '%s", line->handle, line->failures, text);
    }
}

void trp_q_line_handled(troupe_self *self, struct trp_q_line *line, troupe_msg *answer)
{
    uint64_t number = troupe_msg_tag(answer) & ((UINT64_C(1) << TRP_Q_LINE_SHIFT) - 1);

    for (uint32_t i = 0; i < line->asked_count; i++) {
        if (line->asked[i].number == number) {
            troupe_msg *msg = take_asked(line, i);
            took(self, line);
            evaluated(self, line, troupe_msg_tag(msg), answer);
            troupe_msg_free(&msg);
            return;
        }
    }
}
