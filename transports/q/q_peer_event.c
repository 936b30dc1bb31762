/* SPDX-License-Identifier: MIT
 * q_peer_event.c - events of a client go to who handles them, and answers come back.
 *
 * A handler that is an actor, or the engine, may have no room for an event. Then the
 * event is held and offered again, more rarely each time, and meanwhile nothing is read
 * from the client: it waits, and nothing is lost. */
#include "transports/q/q_peer.h"

#include <inttypes.h>

enum { EVENT_SHIFT = 56 };

#define HELD_FIRST TROUPE_MS(1)
#define HELD_MAX   TROUPE_MS(64)

/* ---- what handlers answer ---- */

/* What lives for an answer that is not the next to go out, about: as much as it will take
 * on the wire. */
static uint64_t waiting_size(const struct trp_q_peer *p, const struct trp_q_slot *slot,
                             const troupe_q_value *value)
{
    const struct trp_q_encoding how = {.kind = TRP_Q_RESPONSE,
                                       .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why;
    uint64_t size = 0;

    return value == NULL || trp_q_slots_is_first(&p->slots, slot) ||
                   trp_q_encoded_size(value, &how, &size, &why) != TROUPE_OK
               ? 0
               : size;
}

void trp_q_peer_fill(struct trp_q_peer *p, uint64_t request, troupe_q_value **value)
{
    struct trp_q_slot *slot = trp_q_slots_find(&p->slots, request);

    if (slot != NULL) {
        trp_q_slots_note(&p->slots, slot, waiting_size(p, slot, *value));
        trp_q_slot_fill(slot, value);
    }
    troupe_q_unref(value);
}

static void fill_error(struct trp_q_peer *p, uint64_t request, const char *text)
{
    troupe_q_value *error = NULL;

    /* Without memory the answer is `::`; the client at least does not wait for ever. */
    (void)(troupe_q_error(text, TROUPE_Q_Z, &error) == TROUPE_OK);
    trp_q_peer_fill(p, request, &error);
}

static void failed(troupe_self *self, struct trp_q_peer *p, const char *error)
{
    char more[TRP_Q_LINE_MORE];

    if (trp_worth_a_line(&p->failures) &&
        trp_q_service_says(p->service, TROUPE_LOG_WARN, "Q-HANDLER-FAILED",
                           troupe_now(self), more)) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-HANDLER-FAILED",
                "client %s (handle %d), time %" PRIu64 ": '%s%s", p->where, p->handle,
                p->failures, error, more);
    }
}

/* An event was handled: `value` (moved) or the text of an error is the answer. `request`
 * as for trp_q_peer_dispatch. */
static void handled(troupe_self *self, struct trp_q_peer *p, troupe_embedq_event event,
                    uint64_t request, troupe_q_value **value, const char *error)
{
    switch (event) {
    case TROUPE_EMBEDQ_LOGIN:
        trp_q_peer_login_answered(self, p, error != NULL, *value);
        break;
    case TROUPE_EMBEDQ_SYNC:
        if (error != NULL) {
            fill_error(p, request, error);
        } else {
            trp_q_peer_fill(p, request, value);
        }
        break;
    default:
        p->asyncs -= event == TROUPE_EMBEDQ_ASYNC;
        p->async_memory -= event == TROUPE_EMBEDQ_ASYNC ? request : 0;
        if (error != NULL) {
            failed(self, p, error);
        }
        break;
    }
    troupe_q_unref(value);
}

/* An evaluation that was interrupted, or ran too long, ends as q says it. */
static const char *error_of(const struct trp_q_peer *p, troupe_embedq_event event,
                            const troupe_failure *failure)
{
    if (failure == NULL) {
        return NULL;
    }
    bool stopped =
        failure->status == TROUPE_ECANCELED || failure->status == TROUPE_ETIMEDOUT;
    return stopped && troupe_id_is_nobody(p->service->options.handlers[event].actor)
               ? "stop"
               : failure->text;
}

/* The tag says to what. */
bool trp_q_peer_answered(troupe_self *self, struct trp_q_peer *p, troupe_msg *msg)
{
    troupe_embedq_event event = (troupe_embedq_event)(troupe_msg_tag(msg) >> EVENT_SHIFT);
    uint64_t request = troupe_msg_tag(msg) & ((UINT64_C(1) << EVENT_SHIFT) - 1);
    const troupe_failure *failure = troupe_msg_failure(msg);
    troupe_q_value *value = NULL;

    p->asked--;
    bool deferred = troupe_msg_kind(msg) == TROUPE_KIND_Q_DEFERRED;
    if (deferred && event == TROUPE_EMBEDQ_SYNC) {
        struct trp_q_slot *slot = trp_q_slots_find(&p->slots, request);
        if (slot != NULL) {
            slot->state = TRP_Q_SLOT_DEFERRED;
            trp_q_slots_note(&p->slots, slot, 0);
        }
        return p->link.phase == TRP_Q_PEER_CLOSED;
    }
    if (failure == NULL && troupe_msg_kind(msg) == TROUPE_KIND_Q_VALUE) {
        value = troupe_msg_take(msg);
    }
    handled(self, p, event, request, &value,
            deferred ? "there is no answer to defer" : error_of(p, event, failure));
    return true;
}

/* ---- to the handlers ---- */

static troupe_q_event event_of(troupe_self *self, const struct trp_q_peer *p,
                               troupe_embedq_event event, troupe_q_value *value,
                               uint64_t request)
{
    return (troupe_q_event){.event = event,
                            .handle = p->handle,
                            .user = p->user != NULL ? p->user : "",
                            .address = p->address,
                            .value = value,
                            .connection = troupe_self_id(self),
                            .request = event == TROUPE_EMBEDQ_ASYNC ? 0 : request};
}

static void call_function(troupe_self *self, struct trp_q_peer *p,
                          const troupe_q_handler *handler, const troupe_q_event *event,
                          uint64_t request)
{
    troupe_q_value *answer = NULL;
    troupe_status status = handler->function(self, handler->context, event, &answer);

    if (status == TROUPE_EAGAIN && event->event == TROUPE_EMBEDQ_SYNC) {
        return;
    }
    handled(self, p, event->event, request, &answer,
            status != TROUPE_OK ? trp_q_error_text(status, NULL) : NULL);
}

troupe_status trp_q_peer_show_raw(troupe_self *self, struct trp_q_peer *p, uint8_t kind,
                                  uint64_t request, troupe_blob *message)
{
    const troupe_q_server_options *options = &p->service->options;
    troupe_embedq_event event =
        kind == TRP_Q_SYNC ? TROUPE_EMBEDQ_SYNC : TROUPE_EMBEDQ_ASYNC;
    const troupe_q_raw raw = {.message = message,
                              .event = event,
                              .handle = p->handle,
                              .user = p->user,
                              .address = p->address,
                              .connection = troupe_self_id(self),
                              .request = request};
    troupe_q_value *none = NULL;

    troupe_status status = options->raw(self, options->raw_context, &raw);
    if (status == TROUPE_EUNSUPPORTED) {
        return status;
    }
    if (kind == TRP_Q_SYNC && status != TROUPE_EAGAIN) {
        handled(self, p, event, request, &none,
                status != TROUPE_OK ? trp_q_error_text(status, NULL) : NULL);
    } else if (kind != TRP_Q_SYNC) {
        p->asyncs++; /* handled counts it down */
        handled(self, p, event, 0, &none,
                status != TROUPE_OK ? trp_q_error_text(status, NULL) : NULL);
    }
    return TROUPE_OK;
}

static troupe_status ask(troupe_self *self, struct trp_q_peer *p,
                         const troupe_q_event *event, uint64_t request, troupe_id to,
                         troupe_status (*make)(const troupe_q_event *, troupe_msg **))
{
    troupe_msg *msg = NULL;
    uint64_t tag = (uint64_t)event->event << EVENT_SHIFT | request;
    troupe_status status = make(event, &msg);

    if (status != TROUPE_OK) {
        return status;
    }
    if (event->event == TROUPE_EMBEDQ_CLOSED) { /* nobody will be there for the answer */
        status = troupe_tell(self, to, &msg);
    } else {
        status = troupe_ask(self, to, &msg, TROUPE_NEVER, tag, NULL);
        p->asked += status == TROUPE_OK;
    }
    troupe_msg_free(&msg);
    return status;
}

/* Keeps an event for later.
 *
 * Returns TROUPE_OK, or why it cannot be kept. */
static troupe_status hold(troupe_self *self, struct trp_q_peer *p,
                          const troupe_q_event *event, uint64_t request, troupe_ns wait)
{
    troupe_status status = troupe_after(self, wait, TRP_KIND_Q_RETRY, 0, NULL);

    if (status == TROUPE_OK) {
        p->held.value = event->value != NULL ? troupe_q_ref(event->value) : NULL;
        p->held.request = request;
        p->held.event = event->event;
        p->held.wait = wait;
    }
    return status;
}

/* `wait`: how long to hold it if there is no room. */
static void offer(troupe_self *self, struct trp_q_peer *p, const troupe_q_event *event,
                  uint64_t request, troupe_ns wait)
{
    const troupe_q_server_options *options = &p->service->options;
    const troupe_q_handler *handler = &options->handlers[event->event];
    troupe_q_value *none = NULL;
    troupe_status status = TROUPE_OK;

    if (handler->function != NULL) {
        call_function(self, p, handler, event, request);
    } else if (!troupe_id_is_nobody(handler->actor)) {
        status = ask(self, p, event, request, handler->actor, trp_q_event_msg);
    } else if (!troupe_id_is_nobody(options->engine) &&
               p->service->engine_request != NULL) {
        status =
            ask(self, p, event, request, options->engine, p->service->engine_request);
    } else {
        handled(self, p, event->event, request, &none,
                event->event == TROUPE_EMBEDQ_SYNC ? "nyi" : NULL);
    }
    if (status == TROUPE_EBUSY) {
        status = hold(self, p, event, request, wait);
    }
    if (status != TROUPE_OK) {
        handled(self, p, event->event, request, &none, trp_q_error_text(status, NULL));
    }
}

void trp_q_peer_dispatch(troupe_self *self, struct trp_q_peer *p,
                         troupe_embedq_event event, troupe_q_value *value,
                         uint64_t request)
{
    const troupe_q_event what = event_of(self, p, event, value, request);

    offer(self, p, &what, request, HELD_FIRST);
}

void trp_q_peer_let_go(struct trp_q_peer *p)
{
    if (trp_q_peer_holds(p) && p->held.event != TROUPE_EMBEDQ_ASYNC) {
        p->opened = p->opened && p->held.event != TROUPE_EMBEDQ_OPENED;
        troupe_q_unref(&p->held.value);
        p->held.wait = 0;
    }
}

bool trp_q_peer_retry(troupe_self *self, struct trp_q_peer *p)
{
    troupe_ns wait = p->held.wait < HELD_MAX / 2 ? p->held.wait * 2 : HELD_MAX;
    troupe_q_value *value = p->held.value;
    uint64_t request = p->held.request;
    const troupe_q_event what = event_of(self, p, p->held.event, value, request);

    if (!trp_q_peer_holds(p)) {
        return false;
    }
    p->held.value = NULL;
    p->held.wait = 0;
    offer(self, p, &what, request, wait);
    troupe_q_unref(&value);
    return !trp_q_peer_holds(p);
}
