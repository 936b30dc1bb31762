/* SPDX-License-Identifier: MIT
 * q_handlers.c - a q server whose messages are handled in C, and a client actor that is
 * pushed to.
 *
 *   listener actor --async "subscribe"--> server: on_async pushes three numbers back */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <troupe/q.h>

static troupe_system *sys;
static uint16_t port;
static int64_t total; /* what the listener heard; read after the end */

/* Runs on the connection's base, in its turn: it must not block. */
static troupe_status on_async(troupe_self *self, void *context,
                              const troupe_q_event *event, troupe_q_value **answer)
{
    (void)context;
    (void)answer;
    for (int64_t i = 1; i <= 3; i++) {
        troupe_q_value *number = NULL;
        troupe_msg *msg = NULL;
        troupe_status status = troupe_q_long(i, &number);
        if (status == TROUPE_OK) {
            status = troupe_embedq_msg(TROUPE_KIND_Q_ASYNC, &number, &msg);
        }
        if (status == TROUPE_OK) {
            status = troupe_tell(self, event->connection, &msg);
        }
        troupe_q_unref(&number);
        troupe_msg_free(&msg);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    return TROUPE_OK;
}

static troupe_status listen_to(troupe_self *self, void *state, const void *args)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q_value *query = NULL;
    troupe_q q;

    (void)state;
    (void)args;
    options.port = port;
    options.handler = troupe_self_id(self);
    troupe_status status = troupe_q_open(sys, &options, &q);
    if (status == TROUPE_OK) {
        status = troupe_q_query("subscribe", 0, NULL, &query);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_send(self, q, &query);
    }
    troupe_q_unref(&query);
    return status;
}

static troupe_status hear(troupe_self *self, void *state, troupe_msg **msg)
{
    int64_t number = 0;

    (void)state;
    if (troupe_msg_kind(*msg) == TROUPE_KIND_Q_PUSH &&
        troupe_q_get_long(troupe_msg_body(*msg), 0, &number) == TROUPE_OK) {
        total += number;
    }
    if (number == 3) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(5));
    }
    return TROUPE_OK;
}

static const troupe_behavior listener = {
    .name = "listener", .start = listen_to, .receive = hear};

int main(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;

    troupe_status status = troupe_system_new(NULL, &sys);
    assert(status == TROUPE_OK);
    options.handlers[TROUPE_EMBEDQ_ASYNC].function = on_async;
    status = troupe_q_serve(sys, &options, &server, &port);
    assert(status == TROUPE_OK);
    status = troupe_system_spawn(sys, &listener, NULL, NULL, NULL);
    assert(status == TROUPE_OK);
    status = troupe_system_run(sys); /* until the listener has heard the third */
    assert(status == TROUPE_OK);
    assert(total == 6);
    troupe_system_free(&sys);
    (void)status;
    return 0;
}
