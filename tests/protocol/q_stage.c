/* SPDX-License-Identifier: MIT
 * q_stage.c - a server's connections without a server: stream pairs. */
#include "tests/protocol/q_stage.h"

#include <stdio.h>
#include <string.h>

struct trp_stream *far, *other;
troupe_id peer;
struct trp_q_service *service;
struct probe *desk;

char seen[STAGE_SEEN][48];
unsigned seen_count;
uint64_t deferred[STAGE_DEFERRED];
unsigned deferred_count;
troupe_id deferred_peer;

void see(const troupe_q_event *event)
{
    static const char *const names[] = {"login", "opened", "sync",
                                        "async", "closed", "timer"};

    ck_assert_uint_lt(seen_count, TRP_COUNT(seen));
    (void)snprintf(seen[seen_count++], sizeof(seen[0]), "%s %d %s %s",
                   names[event->event], event->handle, event->user,
                   event->value != NULL ? script_text(event->value) : "-");
}

troupe_status handle(troupe_self *self, void *context, const troupe_q_event *event,
                     troupe_q_value **answer)
{
    const char *text = event->value != NULL ? script_text(event->value) : "";

    (void)self, (void)context;
    see(event);
    if (strcmp(text, "defer") == 0) {
        deferred_peer = event->connection;
        deferred[deferred_count++] = event->request;
        return TROUPE_EAGAIN;
    }
    if (strcmp(text, "fail") == 0) {
        return troupe_q_error("oops", TROUPE_Q_Z, answer);
    }
    if (strcmp(text, "refuse") == 0) {
        return troupe_q_boolean(false, answer);
    }
    if (event->event == TROUPE_EMBEDQ_SYNC) {
        *answer = troupe_q_ref(event->value);
    }
    return TROUPE_OK;
}

size_t room;

troupe_id connect_peer(struct trp_stream **end)
{
    struct trp_stream *near = NULL;
    troupe_id id;

    ck_assert_int_eq(trp_stream_pair(room, 1 << 20, &near, end), TROUPE_OK);
    const struct trp_q_peer_args args = {.service = service, .fd = -1, .stream = near};
    ck_assert_int_eq(troupe_system_spawn(sim, &trp_q_peer, &args, NULL, &id), TROUPE_OK);
    settle();
    return id;
}

void begin_with(int seed, troupe_q_server_options options)
{
    sim_begin(seed);
    room = room != 0 ? room : 1000;
    seen_count = deferred_count = 0;
    ck_assert_int_eq(trp_q_service_new(sim, &options, &service), TROUPE_OK);
    desk = probe_new();
    peer = connect_peer(&far);
    (void)connect_peer(&other);
}

troupe_q_server_options with_function(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    for (size_t i = 0; i < TROUPE_Q_EVENTS; i++) {
        options.handlers[i].function = handle;
    }
    return options;
}

void begin(int seed)
{
    begin_with(seed, with_function());
}

void login(struct trp_stream *end, const char *text, size_t size)
{
    script_write(end, text, size, 0);
    script_expect(end, "\3", 1);
}

void end(void)
{
    trp_stream_close(&far);
    trp_stream_close(&other);
    settle();
    trp_q_service_release(&service);
    room = 0;
    sim_end();
}

void push_to(troupe_id to, const char *text)
{
    troupe_q_value *value = NULL;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &value), TROUPE_OK);
    ck_assert_int_eq(trp_q_msg_new(TROUPE_KIND_Q_ASYNC, &value, &msg), TROUPE_OK);
    ck_assert_int_eq(troupe_post(sim, to, &msg), TROUPE_OK);
    settle();
}
