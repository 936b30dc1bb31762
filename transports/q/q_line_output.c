/* SPDX-License-Identifier: MIT
 * q_line_output.c - from q code to the peer.
 *
 * After a number of messages the client is asked how much waits to be written; while it
 * is much, messages are held here, the hub counts them, and the engine waits. */
#include "transports/q/q_line_state.h"

enum {
    UNSEEN_MAX = 256,      /* messages between two looks */
    OUTPUT_HIGH = 16 << 20 /* bytes that may wait to be written */
};

#define LOOK_AGAIN TROUPE_MS(1)

/* ---- calls ---- */

void trp_q_line_give_up(troupe_self *self, struct trp_q_line *line)
{
    if (line->next != NULL && trp_q_wait_given_up(line->next)) {
        trp_q_wait_unref(&line->next);
    }
    if (line->call != NULL && trp_q_wait_given_up(line->call)) {
        trp_q_wait_unref(&line->call);
        line->round++;
        trp_ignore(troupe_future_cancel(self, line->future));
    }
}

void trp_q_line_call(troupe_self *self, struct trp_q_line *line,
                     struct trp_q_order *order)
{
    troupe_msg *msg = NULL;

    trp_q_line_give_up(self, line);
    troupe_status status = line->phase != TRP_Q_LINE_OPEN ? TROUPE_EGONE
                           : line->call != NULL           ? TROUPE_EBUSY
                                                          : TROUPE_OK;
    if (status == TROUPE_OK) {
        trp_q_line_send_all(self, line); /* it comes after what was sent before */
        status = trp_q_msg_new(TROUPE_KIND_Q_SYNC, &order->value, &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_ask(self, line->client, &msg, TROUPE_NEVER,
                            (uint64_t)TRP_Q_LINE_CALL << TRP_Q_LINE_SHIFT | ++line->round,
                            &line->future);
    }
    troupe_msg_free(&msg);
    if (status != TROUPE_OK) {
        trp_q_wait_settle(&order->wait, status, 0, NULL);
        return;
    }
    line->call = order->wait;
    order->wait = NULL;
}

void trp_q_line_answered(struct trp_q_line *line, troupe_msg *msg)
{
    const troupe_failure *failure = troupe_msg_failure(msg);
    uint64_t round = troupe_msg_tag(msg) & ((UINT64_C(1) << TRP_Q_LINE_SHIFT) - 1);
    troupe_status status = TROUPE_OK;
    troupe_q_value *value = NULL;

    if (line->call == NULL || round != line->round) {
        return;
    }
    if (failure == NULL) {
        value = troupe_msg_kind(msg) == TROUPE_KIND_Q_VALUE ? troupe_msg_take(msg) : NULL;
        status = value != NULL ? TROUPE_OK : TROUPE_EPROTO;
    } else if (failure->status == TROUPE_EREMOTE) {
        status = troupe_q_error(failure->text, TROUPE_Q_Z, &value);
    } else {
        status = failure->status;
    }
    trp_q_wait_settle(&line->call, status, 0, &value);
}

void trp_q_line_next(troupe_self *self, struct trp_q_line *line,
                     struct trp_q_order *order)
{
    trp_q_line_give_up(self, line);
    if (line->phase != TRP_Q_LINE_OPEN || line->next != NULL) {
        trp_q_wait_settle(&order->wait, line->next != NULL ? TROUPE_EBUSY : TROUPE_EGONE,
                          0, NULL);
        return;
    }
    line->next = order->wait;
    order->wait = NULL;
    trp_q_line_take_next(self, line);
}

void trp_q_line_settle(struct trp_q_line *line, troupe_status status)
{
    trp_q_wait_settle(&line->opener, status, 0, NULL);
    trp_q_wait_settle(&line->call, status, 0, NULL);
    trp_q_wait_settle(&line->next, status, 0, NULL);
    trp_q_wait_settle(&line->flush, status, 0, NULL);
}

/* ---- messages ---- */

/* A TRP_KIND_Q_OUT on its way; what cannot be sent is the client's to tell. */
static void forward(troupe_self *self, struct trp_q_line *line, troupe_msg *out)
{
    troupe_q_value *value = troupe_msg_take(out);
    troupe_msg *msg = NULL;

    trp_q_hub_taken(line->hub, line->handle);
    troupe_status status =
        value != NULL ? trp_q_msg_new(TROUPE_KIND_Q_ASYNC, &value, &msg) : TROUPE_EINVAL;
    if (status == TROUPE_OK) {
        status = troupe_tell(self, line->client, &msg);
    }
    if (status != TROUPE_OK && status != TROUPE_EGONE) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-NOT-SENT",
                "a message to handle %d was not sent: %s", line->handle,
                troupe_status_text(status));
    }
    line->unseen++;
    troupe_q_unref(&value);
    troupe_msg_free(&msg);
}

void trp_q_line_send_all(troupe_self *self, struct trp_q_line *line)
{
    for (troupe_msg *msg; (msg = trp_q_line_queue_take(&line->held)) != NULL;) {
        forward(self, line, msg);
        troupe_msg_free(&msg);
    }
}

void trp_q_line_send(troupe_self *self, struct trp_q_line *line, troupe_msg **msg)
{
    if (line->phase != TRP_Q_LINE_OPEN) {
        return;
    }
    trp_q_line_queue_put(&line->held, msg);
    while (line->held.first != NULL && line->unseen < UNSEEN_MAX) {
        troupe_msg *next = trp_q_line_queue_take(&line->held);
        forward(self, line, next);
        troupe_msg_free(&next);
    }
    if (line->unseen >= UNSEEN_MAX) {
        trp_q_line_look(self, line);
    }
}

/* ---- how much waits ---- */

static void look_later(troupe_self *self, struct trp_q_line *line)
{
    line->looking = troupe_after(self, LOOK_AGAIN, TRP_KIND_Q_LOOK, 0, NULL) == TROUPE_OK;
    if (!line->looking) { /* without a timer nothing is held back */
        trp_q_line_send_all(self, line);
        line->unseen = 0;
        trp_q_wait_settle(&line->flush, TROUPE_ENOMEM, 0, NULL);
    }
}

static void ask_client(troupe_self *self, struct trp_q_line *line)
{
    troupe_msg *msg = NULL;
    troupe_status status = troupe_msg_new(TROUPE_KIND_Q_INFO, 0, &msg);

    if (status == TROUPE_OK) {
        status = troupe_ask(self, line->client, &msg, TROUPE_NEVER,
                            (uint64_t)TRP_Q_LINE_INFO << TRP_Q_LINE_SHIFT, NULL);
    }
    troupe_msg_free(&msg);
    if (status != TROUPE_OK) {
        look_later(self, line);
    }
}

void trp_q_line_look(troupe_self *self, struct trp_q_line *line)
{
    if (!line->looking && line->phase == TRP_Q_LINE_OPEN) {
        line->looking = true;
        ask_client(self, line);
    }
}

void trp_q_line_looked(troupe_self *self, struct trp_q_line *line, const troupe_msg *msg)
{
    const troupe_q_info *info =
        troupe_msg_failure(msg) == NULL ? troupe_msg_body(msg) : NULL;
    uint64_t output = info != NULL ? info->output + info->held : 0;

    line->looking = false;
    if (line->phase != TRP_Q_LINE_OPEN) {
        return;
    }
    line->unseen = output < OUTPUT_HIGH ? 0 : line->unseen;
    while (line->held.first != NULL && line->unseen < UNSEEN_MAX) {
        troupe_msg *next = trp_q_line_queue_take(&line->held);
        forward(self, line, next);
        troupe_msg_free(&next);
        output++;
    }
    if (line->flush != NULL && output == 0) {
        trp_q_wait_settle(&line->flush, TROUPE_OK, 0, NULL);
    }
    if (line->held.first != NULL && line->unseen == UNSEEN_MAX && output < OUTPUT_HIGH) {
        trp_q_line_look(self, line);
    } else if (line->flush != NULL || line->held.first != NULL) {
        look_later(self, line);
    }
}

void trp_q_line_flush(troupe_self *self, struct trp_q_line *line,
                      struct trp_q_order *order)
{
    trp_q_wait_settle(&line->flush, TROUPE_EBUSY, 0, NULL);
    if (line->phase != TRP_Q_LINE_OPEN) {
        trp_q_wait_settle(&order->wait, TROUPE_EGONE, 0, NULL);
        return;
    }
    line->flush = order->wait;
    order->wait = NULL;
    trp_q_line_look(self, line);
}
