/* SPDX-License-Identifier: MIT
 * q_line.c - a connection that q code has opened: between its handle and the engine.
 *
 * Owns its client connection and its place in the hub. Told by hubs (q code's orders), by
 * the client (what comes, and how it is) and by the engine (answers). What the peer sent
 * without waiting for an answer is evaluated before .z.pc is. */
#include "transports/q/q_line_state.h"

#include "mailbox/message.h"
#include "transports/q/q_client.h"

enum { MAILBOX_LIMIT = 65536, WINDOW = 64, QUERIES_MAX = 4096 };

#define OUTPUT_LIMIT ((size_t)1 << 40)

/* ---- queues ---- */

void trp_q_line_queue_init(struct trp_q_line_queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
    queue->count = 0;
}

void trp_q_line_queue_put(struct trp_q_line_queue *queue, troupe_msg **msg)
{
    (*msg)->next = NULL;
    *queue->end = *msg;
    queue->end = &(*msg)->next;
    queue->count++;
    *msg = NULL;
}

troupe_msg *trp_q_line_queue_remove(struct trp_q_line_queue *queue, troupe_msg **at)
{
    troupe_msg *msg = *at;

    if (msg != NULL) {
        *at = msg->next;
        queue->end = *at != NULL ? queue->end : at;
        queue->count--;
        msg->next = NULL;
    }
    return msg;
}

troupe_msg *trp_q_line_queue_take(struct trp_q_line_queue *queue)
{
    return trp_q_line_queue_remove(queue, &queue->first);
}

void trp_q_line_queue_fini(struct trp_q_line_queue *queue)
{
    for (troupe_msg *msg; (msg = trp_q_line_queue_take(queue)) != NULL;) {
        troupe_msg_free(&msg);
    }
}

/* ---- the end ---- */

/* Whether q code still had the handle. */
static bool leave_hub(struct trp_q_line *line)
{
    return line->phase == TRP_Q_LINE_OPEN && trp_q_hub_leave(line->hub, line->handle);
}

void trp_q_line_rest(troupe_self *self, struct trp_q_line *line)
{
    bool lost = line->phase == TRP_Q_LINE_LOST;

    if ((!lost && line->phase != TRP_Q_LINE_CLOSING) || line->asked_count > 0 ||
        line->in.first != NULL) {
        return;
    }
    if (lost && !line->told && !troupe_id_is_nobody(line->engine)) {
        line->told = trp_q_line_tell_loss(self, line);
        if (!line->told) {
            if (troupe_after(self, TROUPE_MS(2), TRP_KIND_Q_OFFER, 0, NULL) ==
                TROUPE_OK) {
                return;
            }
            trp_log(trp_base_of(self), TROUPE_LOG_ERROR, "Q-LINE",
                    "the loss of handle %d is told to nobody: %s", line->handle,
                    troupe_status_text(TROUPE_ENOMEM));
        }
    }
    if (line->client_down) {
        troupe_exit(self, TROUPE_OK);
    }
}

static void lost(troupe_self *self, struct trp_q_line *line, troupe_status status)
{
    if (line->phase != TRP_Q_LINE_OPEN && line->phase != TRP_Q_LINE_OPENING) {
        return;
    }
    line->phase = leave_hub(line) ? TRP_Q_LINE_LOST : TRP_Q_LINE_CLOSING;
    trp_q_line_queue_fini(&line->held);
    trp_q_line_settle(line, status);
    trp_ignore(troupe_stop(self, line->client));
    trp_q_line_rest(self, line);
}

/* By us: what was sent still goes out, what comes is nobody's. */
static void hang_up(troupe_self *self, struct trp_q_line *line)
{
    if (line->phase == TRP_Q_LINE_OPEN) {
        trp_q_line_send_all(self, line);
    }
    (void)leave_hub(line);
    line->phase = TRP_Q_LINE_CLOSING;
    trp_q_line_queue_fini(&line->in);
    trp_q_line_settle(line, TROUPE_ECLOSED);
    trp_ignore(troupe_stop(self, line->client));
    trp_q_line_rest(self, line);
}

/* ---- the beginning ---- */

static void opened(troupe_self *self, struct trp_q_line *line)
{
    if (line->phase != TRP_Q_LINE_OPENING) {
        return;
    }
    if (trp_q_wait_given_up(line->opener)) {
        hang_up(self, line);
        return;
    }
    troupe_status status =
        trp_q_hub_join_line(line->hub, troupe_self_id(self), &line->handle);
    if (status != TROUPE_OK) {
        lost(self, line, status);
        return;
    }
    line->phase = TRP_Q_LINE_OPEN;
    trp_q_wait_settle(&line->opener, TROUPE_OK, line->handle, NULL);
}

static void take_state(troupe_self *self, struct trp_q_line *line, const troupe_msg *msg)
{
    const troupe_q_state *state = troupe_msg_body(msg);

    if (state->phase == TROUPE_Q_READY) {
        opened(self, line);
    } else if (state->phase == TROUPE_Q_CLOSED) {
        lost(self, line, state->status);
    }
}

/* ---- the actor ---- */

static void take_answer(troupe_self *self, struct trp_q_line *line, troupe_msg *msg)
{
    switch (troupe_msg_tag(msg) >> TRP_Q_LINE_SHIFT) {
    case TRP_Q_LINE_CALL:
        trp_q_line_answered(line, msg);
        break;
    case TRP_Q_LINE_INFO:
        trp_q_line_looked(self, line, msg);
        break;
    default:
        trp_q_line_handled(self, line, msg);
        trp_q_line_offer(self, line);
        trp_q_line_rest(self, line);
    }
}

static void take_down(troupe_self *self, struct trp_q_line *line, const troupe_msg *msg)
{
    const troupe_down *down = troupe_msg_body(msg);

    if (troupe_id_equal(down->id, line->client)) {
        line->client_down = true;
        lost(self, line, TROUPE_ELOST);
        trp_q_line_rest(self, line);
    }
}

static troupe_status line_receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct trp_q_line *line = state;

    if (troupe_msg_is_answer(*msg)) {
        take_answer(self, line, *msg);
        return TROUPE_OK;
    }
    switch (troupe_msg_kind(*msg)) {
    case TROUPE_KIND_Q_PUSH:
    case TROUPE_KIND_Q_SYNC:
    case TROUPE_KIND_Q_RESPONSE:
        trp_q_line_arrived(self, line, msg);
        break;
    case TRP_KIND_Q_OUT:
        trp_q_line_send(self, line, msg);
        break;
    case TRP_KIND_Q_ORDER_CALL:
        trp_q_line_call(self, line, troupe_msg_body(*msg));
        break;
    case TRP_KIND_Q_ORDER_NEXT:
        trp_q_line_next(self, line, troupe_msg_body(*msg));
        break;
    case TRP_KIND_Q_ORDER_FLUSH:
        trp_q_line_flush(self, line, troupe_msg_body(*msg));
        break;
    case TRP_KIND_Q_GIVE_UP:
        trp_q_line_give_up(self, line);
        break;
    case TROUPE_KIND_Q_DEFER:
        trp_q_line_defer(self, line, *msg);
        break;
    case TRP_KIND_Q_LOOK:
        line->looking = false;
        trp_q_line_look(self, line);
        break;
    case TRP_KIND_Q_OFFER:
        line->offering = false;
        trp_q_line_pay(self, line);
        trp_q_line_offer(self, line);
        trp_q_line_rest(self, line);
        break;
    case TROUPE_KIND_Q_STATE:
        take_state(self, line, *msg);
        break;
    case TROUPE_KIND_DOWN:
        take_down(self, line, *msg);
        break;
    case TRP_KIND_Q_HANGUP:
    case TROUPE_KIND_STOP:
        hang_up(self, line);
        break;
    default:
        break;
    }
    return TROUPE_OK;
}

static void line_stop(troupe_self *self, void *state, troupe_status reason)
{
    struct trp_q_line *line = state;

    (void)self, (void)reason;
    if (line->hub == NULL) {
        return; /* it did not start */
    }
    (void)leave_hub(line);
    trp_q_line_settle(line, TROUPE_ECLOSED);
    trp_q_line_queue_fini(&line->held);
    trp_q_line_queue_fini(&line->in);
    while (line->asked_count > 0) {
        troupe_msg_free(&line->asked[--line->asked_count].msg);
    }
    trp_q_slots_fini(&line->slots);
    trp_q_hub_unref(&line->hub);
}

static troupe_status start_client(troupe_self *self, struct trp_q_line *line,
                                  const struct trp_q_opening *opening)
{
    troupe_spawn_options spawn = TROUPE_SPAWN_OPTIONS;
    troupe_q_options given = opening->where.options, checked;

    given.raw = true;
    given.handler = given.watcher = troupe_self_id(self);
    given.output_limit = OUTPUT_LIMIT;
    given.compress = true;
    troupe_status status = trp_q_client_check(&given, &checked);
    if (status == TROUPE_OK) {
        const struct trp_q_client_args args = {
            .options = &checked, .tls = opening->tls, .window = WINDOW, .reported = true};
        spawn.watch = true;
        status = troupe_spawn(self, &trp_q_client, &args, &spawn, &line->client);
    }
    return status;
}

static troupe_status line_start(troupe_self *self, void *state, const void *arguments)
{
    const struct trp_q_line_args *args = arguments;
    struct trp_q_line *line = state;

    trp_q_line_queue_init(&line->held);
    trp_q_line_queue_init(&line->in);
    trp_q_slots_init(&line->slots, QUERIES_MAX);
    line->engine = args->opening->engine;
    line->hub = trp_q_hub_ref(args->opening->hub);
    troupe_status status = start_client(self, line, args->opening);
    if (status != TROUPE_OK) {
        trp_q_hub_unref(&line->hub);
        return status;
    }
    line->opener = trp_q_wait_ref(args->wait);
    return TROUPE_OK;
}

const troupe_behavior trp_q_line = {
    .name = "q_line",
    .state_size = sizeof(struct trp_q_line),
    .start = line_start,
    .receive = line_receive,
    .stop = line_stop,
    .mailbox_limit = MAILBOX_LIMIT,
    .flags = TROUPE_TRAP_STOP,
};
