/* SPDX-License-Identifier: MIT
 * q_broadcast.c - one value to all clients of a server, encoded once, with a report of
 * who has it.
 *
 *   client --sync--> server; when three are there: every one of them gets `prices` */
#include <assert.h>
#include <stdio.h>

#include <troupe/q.h>

enum { CLIENTS = 3, PRICES = 100000 };

static troupe_system *sys;
static uint16_t port;
static troupe_id members[CLIENTS]; /* touched on the server's base only */
static size_t member_count;
static troupe_id teller;   /* gets the report */
static size_t sent, heard; /* read after the end */

/* .z.po: the last one that comes makes everybody be told. */
static troupe_status on_opened(troupe_self *self, void *context,
                               const troupe_q_event *event, troupe_q_value **answer)
{
    troupe_q_value *prices = NULL;

    (void)context, (void)answer;
    if (member_count == CLIENTS) {
        return TROUPE_ELIMIT;
    }
    members[member_count++] = event->connection;
    if (member_count < CLIENTS) {
        return TROUPE_OK;
    }
    troupe_status status = troupe_q_vector(TROUPE_Q_FLOAT, PRICES, NULL, &prices);
    if (status == TROUPE_OK) {
        status = troupe_q_broadcast(self, members, member_count, prices, teller, 1);
    }
    troupe_q_unref(&prices);
    return status;
}

static troupe_status open_clients(troupe_self *self, void *state, const void *args)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_status status = TROUPE_OK;
    troupe_q q;

    (void)state, (void)args;
    teller = options.handler = troupe_self_id(self);
    options.port = port;
    for (unsigned i = 0; i < CLIENTS && status == TROUPE_OK; i++) {
        status = troupe_q_open(sys, &options, &q);
    }
    return status;
}

static troupe_status hear(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_SENT) {
        const troupe_q_sent *report = troupe_msg_body(*msg);
        sent = report->sent;
        for (size_t i = 0; i < report->count; i++) {
            if (report->statuses[i] != TROUPE_OK) {
                (void)printf("client %zu does not have it: %s\n", i,
                             troupe_status_text(report->statuses[i]));
            }
        }
    } else if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_PUSH) {
        heard += troupe_q_count(troupe_msg_body(*msg)) == PRICES;
    }
    if (sent == CLIENTS && heard == CLIENTS) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(5));
    }
    return TROUPE_OK;
}

static const troupe_behavior clients = {
    .name = "clients", .start = open_clients, .receive = hear};

int main(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;

    troupe_status status = troupe_system_new(NULL, &sys);
    assert(status == TROUPE_OK);
    options.handlers[TROUPE_EMBEDQ_OPENED].function = on_opened;
    status = troupe_q_serve(sys, &options, &server, &port);
    assert(status == TROUPE_OK);
    status = troupe_system_spawn(sys, &clients, NULL, NULL, NULL);
    assert(status == TROUPE_OK);
    status = troupe_system_run(sys);
    assert(status == TROUPE_OK);
    assert(sent == CLIENTS && heard == CLIENTS);
    troupe_system_free(&sys);
    (void)status;
    return 0;
}
