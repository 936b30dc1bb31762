/* SPDX-License-Identifier: MIT
 * q_client_input.c - what the peer sends: answers, pushes, and what does not belong.
 *
 * Reading stops while the handler has no room for a push. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "transports/q/q_client_state.h"

/* A message that came: its value, or with raw_bytes the whole of it. */
struct incoming {
    uint8_t kind; /* enum trp_q_kind */
    troupe_q_value *value;
    troupe_blob *blob;
};

/* ---- to the handler ---- */

/* False when the handler has no room: the push is kept and reading stops. */
bool trp_q_client_push(troupe_self *self, struct trp_q_client *c)
{
    troupe_status status = troupe_tell(self, c->options.handler, &c->push);

    if (status == TROUPE_EBUSY &&
        troupe_tell_when_room(self, c->options.handler, 0) == TROUPE_OK) {
        return false;
    }
    if (status != TROUPE_OK && trp_worth_a_line(&c->dropped)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-PUSH-DROPPED",
                "pushed message %" PRIu64 " was dropped: %s", c->dropped,
                troupe_status_text(status));
    }
    c->shown += status == TROUPE_OK && c->window != 0;
    troupe_msg_free(&c->push);
    return true;
}

static troupe_status pushed(troupe_self *self, struct trp_q_client *c,
                            struct incoming *in)
{
    static const troupe_kind kinds[] = {[TRP_Q_ASYNC] = TROUPE_KIND_Q_PUSH,
                                        [TRP_Q_SYNC] = TROUPE_KIND_Q_SYNC,
                                        [TRP_Q_RESPONSE] = TROUPE_KIND_Q_RESPONSE};

    if (troupe_id_is_nobody(c->options.handler)) {
        return TROUPE_OK;
    }
    troupe_status status =
        in->blob != NULL ? troupe_msg_new_blob(TROUPE_KIND_Q_BYTES, in->blob, &c->push)
                         : trp_q_msg_new(kinds[in->kind], &in->value, &c->push);
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_msg_set_tag(c->push, c->options.tag);
    return trp_q_client_push(self, c) ? TROUPE_OK : TROUPE_EAGAIN;
}

/* ---- to who asked ---- */

static void answer(troupe_self *self, struct trp_q_client *c, struct incoming *in)
{
    struct trp_q_asker asker;
    troupe_msg *msg = NULL;

    (void)trp_q_pending_take(&c->sent, &asker);
    troupe_msg_free(&asker.kept);
    troupe_status status = in->blob != NULL
                               ? troupe_msg_new_blob(TROUPE_KIND_Q_BYTES, in->blob, &msg)
                               : trp_q_answer_msg(troupe_self_id(self), &in->value, &msg);
    if (status != TROUPE_OK) {
        trp_q_client_fail(self, asker.from, status, troupe_status_text(status));
        return;
    }
    troupe_msg_set_tag(msg, asker.tag);
    trp_ignore(troupe_reply_to(self, asker.from, &msg)); /* nobody waits: swallowed */
    troupe_msg_free(&msg);
}

/* ---- what came ---- */

static troupe_status arrived(troupe_self *self, struct trp_q_client *c,
                             struct incoming *in)
{
    c->proven = true;
    if (c->sent.count > 0 && (in->kind == TRP_Q_RESPONSE || c->options.raw_any)) {
        answer(self, c, in);
        return TROUPE_OK;
    }
    if (in->kind == TRP_Q_ASYNC || c->options.raw) {
        return pushed(self, c, in);
    }
    if (in->kind == TRP_Q_RESPONSE) {
        trp_q_client_describe(c, "carried a response that nobody asked for");
        return TROUPE_EPROTO;
    }
    return trp_q_conn_write_error(&c->wire, "a client connection takes no queries",
                                  c->options.output_limit);
}

static void input_failed(troupe_self *self, struct trp_q_client *c, troupe_status status,
                         const struct trp_q_why *why)
{
    char what[TROUPE_FAILURE_TEXT];

    if (status == TROUPE_ELOST || status == TROUPE_ETLS) {
        const struct trp_stream *stream = c->wire.stream;
        const char *more = stream->why != NULL   ? stream->why
                           : stream->system != 0 ? strerror(stream->system)
                                                 : NULL;
        (void)snprintf(what, sizeof(what), "was lost%s%s%s%s", more != NULL ? ": " : "",
                       more != NULL ? more : "", why->text != NULL ? ": " : "",
                       why->text != NULL ? why->text : "");
        trp_q_client_describe(c, what);
    } else if (why->text != NULL) {
        (void)snprintf(what, sizeof(what), "carried a message that cannot be read: %s",
                       why->text);
        trp_q_client_describe(c, what);
    } else if (status == TROUPE_ELIMIT) {
        trp_q_client_describe(c, "brought queries and did not take the answers");
    } else if (c->text[0] == 0) {
        trp_q_client_describe(c, troupe_status_text(status));
    }
    trp_q_client_failed(self, c, status == TROUPE_ETRUNCATED ? TROUPE_EPROTO : status);
}

static troupe_status next_message(struct trp_q_client *c, struct incoming *in,
                                  struct trp_q_why *why)
{
    return c->options.raw_bytes
               ? trp_q_conn_next_bytes(&c->wire, &in->kind, &in->blob, why)
               : trp_q_conn_next(&c->wire, &in->kind, &in->value, why);
}

void trp_q_client_read(troupe_self *self, struct trp_q_client *c)
{
    struct trp_q_why why = {NULL, 0};
    troupe_status status = TROUPE_OK;

    while (status == TROUPE_OK && c->push == NULL && !trp_q_client_waits(c)) {
        struct incoming in = {0, NULL, NULL};
        status = next_message(c, &in, &why);
        if (status == TROUPE_OK) {
            status = arrived(self, c, &in);
            troupe_q_unref(&in.value);
            troupe_blob_unref(&in.blob);
        }
    }
    if (status != TROUPE_OK && status != TROUPE_EAGAIN) {
        input_failed(self, c, status, &why);
        return;
    }
    trp_q_client_drain(self, c);
}
