/* SPDX-License-Identifier: MIT
 * fuzz_q_conn.c - whatever bytes a peer sends and however they are cut, a connection says
 * the same and ends the same, and its system is empty afterwards. The first byte chooses
 * who is talked to, the server's connection or the client's, and the size of the pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "transports/q/q_client.h"
#include "transports/q/q_serving.h"

enum { OUT_LIMIT = 1 << 20, MESSAGE_LIMIT = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static troupe_system *sys;
static struct trp_q_service *service;

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static troupe_status echo(troupe_self *self, void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    (void)self, (void)context;
    *answer = troupe_q_ref(event->value);
    return TROUPE_OK;
}

static void begin(void)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;

    options.simulated = true;
    must(troupe_system_new(&options, &sys) == TROUPE_OK);
    serving.message_limit = MESSAGE_LIMIT;
    serving.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    must(trp_q_service_new(sys, &serving, &service) == TROUPE_OK);
}

static troupe_id start(bool server, struct trp_stream *near)
{
    const struct trp_q_peer_args peer = {.service = service, .fd = -1, .stream = near};
    troupe_q_options options = TROUPE_Q_OPTIONS, checked;
    troupe_id id;

    options.message_limit = MESSAGE_LIMIT;
    must(trp_q_client_check(&options, &checked) == TROUPE_OK);
    const struct trp_q_client_args client = {.options = &checked, .stream = near};
    must(troupe_system_spawn(sys, server ? &trp_q_peer : &trp_q_client,
                             server ? (const void *)&peer : &client, NULL,
                             &id) == TROUPE_OK);
    return id;
}

/* Takes what has come to the far end. */
static void listen_to(struct trp_stream *far, struct trp_buffer *heard)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(far, &size);

    while (size > 0) {
        must(trp_buffer_add(heard, bytes, size) == TROUPE_OK);
        trp_stream_consume(far, size);
        (void)troupe_system_step(sys, 0);
        bytes = trp_stream_view(far, &size);
    }
}

static bool talk(bool server, const uint8_t *data, size_t size, size_t piece,
                 struct trp_buffer *heard)
{
    struct trp_stream *near = NULL, *far = NULL;

    must(trp_stream_pair(TRP_STREAM_BLOCK, OUT_LIMIT, &near, &far) == TROUPE_OK);
    troupe_id id = start(server, near);
    (void)troupe_system_step(sys, 0);
    listen_to(far, heard);
    while (size > 0) {
        size_t now = piece < size ? piece : size;
        must(trp_stream_write(far, data, now) == TROUPE_OK);
        (void)troupe_system_step(sys, 0);
        listen_to(far, heard);
        data += now;
        size -= now;
    }
    bool ended = far->ended != TROUPE_OK;
    trp_stream_close(&far);
    (void)troupe_system_step(sys, 0);
    must(troupe_system_kill_actor(sys, id) == TROUPE_OK);
    (void)troupe_system_step(sys, 0);
    return ended;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trp_buffer whole, cut;
    troupe_stats stats;

    if (size < 2) {
        return 0;
    }
    if (sys == NULL) {
        begin();
    }
    bool server = (data[0] & 1) != 0;
    size_t piece = (size_t)(data[0] >> 1) + 1;
    trp_buffer_init(&whole, OUT_LIMIT);
    trp_buffer_init(&cut, OUT_LIMIT);
    bool ended = talk(server, data + 1, size - 1, size, &whole);
    must(talk(server, data + 1, size - 1, piece, &cut) == ended);
    must(trp_buffer_size(&whole) == trp_buffer_size(&cut));
    must(trp_buffer_size(&whole) == 0 ||
         memcmp(trp_buffer_front(&whole), trp_buffer_front(&cut),
                trp_buffer_size(&whole)) == 0);
    troupe_system_stats(sys, &stats);
    must(stats.actors == 0 && stats.queued == 0);
    trp_buffer_fini(&whole);
    trp_buffer_fini(&cut);
    return 0;
}
