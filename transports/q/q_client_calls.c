/* SPDX-License-Identifier: MIT
 * q_client_calls.c - requests: sent, held until there is a connection, answered. */
#include <stdio.h>

#include "transports/q/q_client_state.h"

static bool is_call(const struct trp_q_client *c, const troupe_msg *msg)
{
    return trp_q_client_type(msg) == TRP_Q_SYNC ||
           (c->options.raw_any && troupe_msg_wants_answer(msg));
}

/* ---- refusing ---- */

void trp_q_client_fail(troupe_self *self, troupe_id asker, troupe_status status,
                       const char *text)
{
    if (troupe_fail(self, asker, status, "%s", text) == TROUPE_ENOMEM) {
        trp_answer_failure(trp_base_of(self), asker.bits, status, text);
    }
}

/* Who asked is told; of what was only told, the first of a time is logged. */
static void refuse(troupe_self *self, struct trp_q_client *c, const troupe_msg *msg,
                   troupe_status status, const char *text)
{
    if (troupe_msg_wants_answer(msg)) {
        trp_q_client_fail(self, troupe_msg_from(msg), status, text);
    } else if (!c->unsent_told) {
        c->unsent_told = true;
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-NOT-SENT",
                "a message was not sent: %s", text);
    }
}

static void not_written(troupe_self *self, struct trp_q_client *c, const troupe_msg *msg,
                        troupe_status status, const struct trp_q_why *why)
{
    char text[TROUPE_FAILURE_TEXT];

    if (status == TROUPE_EBUSY) {
        (void)snprintf(text, sizeof(text),
                       "more than %zu bytes wait to be written to %s:%u",
                       c->options.output_limit, c->host, c->options.port);
    } else {
        (void)snprintf(text, sizeof(text), "the message cannot be sent: %s",
                       why->text != NULL ? why->text : troupe_status_text(status));
    }
    refuse(self, c, msg, status, text);
}

/* ---- sending ---- */

static void answer_done(troupe_self *self, const troupe_msg *msg)
{
    troupe_msg *done = NULL;

    if (!troupe_msg_wants_answer(msg)) {
        return;
    }
    troupe_status status = troupe_msg_new(TROUPE_KIND_DONE, 0, &done);
    if (status != TROUPE_OK) {
        trp_q_client_fail(self, troupe_msg_from(msg), status, troupe_status_text(status));
        return;
    }
    trp_ignore(troupe_reply(self, msg, &done));
    troupe_msg_free(&done);
}

static void expect_answer(struct trp_q_client *c, troupe_msg **msg)
{
    struct trp_q_asker asker = {troupe_msg_from(*msg), troupe_msg_tag(*msg), NULL};

    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_AGAIN) {
        asker.kept = *msg;
        *msg = NULL;
    }
    trp_q_pending_put(&c->sent, asker);
}

static void send_now(troupe_self *self, struct trp_q_client *c, troupe_msg **msg)
{
    struct trp_q_why why = {NULL, 0};
    bool call = is_call(c, *msg);
    troupe_status status = call ? trp_q_pending_reserve(&c->sent) : TROUPE_OK;

    if (status == TROUPE_OK && call && c->sent.count >= c->options.pending_limit) {
        refuse(self, c, *msg, TROUPE_EBUSY, "too many calls wait for their answers");
        return;
    }
    if (status == TROUPE_OK) {
        status = trp_q_client_write(self, c, *msg, &why);
    }
    if (status != TROUPE_OK) {
        not_written(self, c, *msg, status, &why);
    } else if (call) {
        expect_answer(c, msg);
    } else {
        answer_done(self, *msg);
    }
}

/* ---- holding ---- */

static void hold(troupe_self *self, struct trp_q_client *c, troupe_msg **msg)
{
    if (c->held_count >= c->options.pending_limit) {
        refuse(self, c, *msg, TROUPE_EBUSY, "too many calls wait for the connection");
        return;
    }
    (*msg)->next = NULL;
    *c->held_end = *msg;
    c->held_end = &(*msg)->next;
    c->held_count++;
    *msg = NULL;
}

static troupe_msg *take_held(struct trp_q_client *c)
{
    troupe_msg *msg = c->held;

    if (msg != NULL) {
        c->held = msg->next;
        c->held_end = c->held != NULL ? c->held_end : &c->held;
        c->held_count--;
    }
    return msg;
}

void trp_q_client_request(troupe_self *self, struct trp_q_client *c, troupe_msg **msg)
{
    if (troupe_msg_body(*msg) == NULL ||
        (troupe_msg_kind(*msg) == TROUPE_KIND_Q_BYTES && troupe_msg_blob(*msg) == NULL)) {
        refuse(self, c, *msg, TROUPE_EINVAL, "the request carries nothing");
        return;
    }
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_RESPONSE && !c->options.raw) {
        refuse(self, c, *msg, TROUPE_ESTATE, "only raw connections send responses");
        return;
    }
    switch (c->link.phase) {
    case TRP_Q_READY:
        send_now(self, c, msg);
        break;
    case TRP_Q_DRAINING:
    case TRP_Q_CLOSED:
        refuse(self, c, *msg, c->why, c->text);
        break;
    case TRP_Q_DOWN:
        hold(self, c, msg);
        trp_q_client_start_over(self, c);
        break;
    default:
        hold(self, c, msg);
    }
}

void trp_q_client_send_held(troupe_self *self, struct trp_q_client *c)
{
    for (troupe_msg *msg; (msg = take_held(c)) != NULL;) {
        send_now(self, c, &msg);
        troupe_msg_free(&msg);
    }
}

/* Nobody waits for this any more: what is held is not sent, what was sent not again. */
void trp_q_client_cancelled(struct trp_q_client *c, troupe_id asker)
{
    for (troupe_msg **link = &c->held; *link != NULL; link = &(*link)->next) {
        troupe_msg *msg = *link;
        if (troupe_msg_wants_answer(msg) &&
            troupe_id_equal(troupe_msg_from(msg), asker)) {
            *link = msg->next;
            c->held_end = *link != NULL ? c->held_end : link;
            c->held_count--;
            troupe_msg_free(&msg);
            return;
        }
    }
    trp_q_pending_forget(&c->sent, asker);
}

/* ---- the end of a connection ---- */

void trp_q_client_sent_lost(troupe_self *self, struct trp_q_client *c, bool resend)
{
    struct trp_q_asker asker;
    troupe_msg *again = NULL, **end = &again;

    while (trp_q_pending_take(&c->sent, &asker)) {
        if (resend && asker.kept != NULL) {
            asker.kept->next = NULL;
            *end = asker.kept;
            end = &asker.kept->next;
            c->held_count++;
            continue;
        }
        trp_q_client_fail(self, asker.from, c->why, c->text);
        troupe_msg_free(&asker.kept);
    }
    if (again != NULL) {
        *end = c->held;
        c->held_end = c->held != NULL ? c->held_end : end;
        c->held = again;
    }
}

void trp_q_client_fail_all(troupe_self *self, struct trp_q_client *c)
{
    for (troupe_msg *msg; (msg = take_held(c)) != NULL;) {
        refuse(self, c, msg, c->why, c->text);
        troupe_msg_free(&msg);
    }
}
