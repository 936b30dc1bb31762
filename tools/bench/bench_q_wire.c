/* SPDX-License-Identifier: MIT
 * bench_q_wire.c - small messages from a client to a server, beside raw sockets.
 *
 *   caller ──► client ═══ socket ═══ server
 *
 * Client and server have a base each, as the raw baseline has a thread each. */
#include <string.h>

#include "mailbox/buffer.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_raw.h"
#include "transports/q/q_codec.h"

enum {
    BATCH = 1000,   /* asyncs before a call, whose answer asks for the next */
    BATCHES = 4,    /* under way at once */
    WARM_UP = 1000, /* calls before the clock starts */
    TAG_READY = 1,
    TAG_BATCH
};

struct run {
    struct bench_result *result;
    enum bench_wire wire;
    struct bench_certificate certificate;
    uint16_t port;
    uint64_t size;
    bool one_way;
    troupe_q_value *value;
};

static struct {
    struct run *run;
    uint64_t arrived;
} server;

struct caller {
    struct run *run;
    troupe_q q;
    uint64_t sent, answered, warm;
    int64_t since;
    unsigned in_sample;
};

/* ---- the server ---- */

static troupe_status answer(troupe_self *self, void *context, const troupe_q_event *event,
                            troupe_q_value **out)
{
    (void)self, (void)context;
    *out = troupe_q_ref(event->value);
    return TROUPE_OK;
}

static troupe_status count(troupe_self *self, void *context, const troupe_q_event *event,
                           troupe_q_value **out)
{
    (void)context, (void)event, (void)out;
    return ++server.arrived == server.run->size
               ? bench_finish(self, server.run->result, server.run->size)
               : TROUPE_OK;
}

static void serve(troupe_system *sys, struct run *run)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;
    troupe_q_server made;

    tls.cert_file = run->certificate.cert;
    tls.key_file = run->certificate.key;
    options.tls_mode = run->wire == BENCH_TLS ? TROUPE_Q_TLS_ONLY : TROUPE_Q_TLS_OFF;
    options.tls_options = run->wire == BENCH_TLS ? &tls : NULL;
    options.unix_domain =
        run->wire == BENCH_UNIX ? TROUPE_Q_UNIX_TRY : TROUPE_Q_UNIX_NONE;
    options.handlers[TROUPE_EMBEDQ_SYNC].function = answer;
    options.handlers[TROUPE_EMBEDQ_ASYNC].function = count;
    server.run = run;
    server.arrived = 0;
    bench_must(troupe_q_serve(sys, &options, &made, &run->port), "a server");
}

/* ---- the caller ---- */

static troupe_status call(troupe_self *self, struct caller *c, uint64_t tag)
{
    troupe_q_value *query = NULL;
    troupe_status status = troupe_q_long(1, &query);

    if (status == TROUPE_OK) {
        status = troupe_q_call(self, c->q, &query, TROUPE_NEVER, tag, NULL);
    }
    troupe_q_unref(&query);
    return status;
}

static troupe_status send_batch(troupe_self *self, struct caller *c)
{
    troupe_status status = TROUPE_OK;
    uint64_t until = c->run->size - c->sent < BATCH ? c->run->size : c->sent + BATCH;

    while (status == TROUPE_OK && c->sent < until) {
        troupe_q_value *update = troupe_q_ref(c->run->value);
        status = troupe_q_send(self, c->q, &update);
        troupe_q_unref(&update);
        c->sent++;
    }
    return status == TROUPE_OK ? call(self, c, TAG_BATCH) : status;
}

static troupe_status begin(troupe_self *self, struct caller *c)
{
    troupe_status status = TROUPE_OK;

    bench_begin(c->run->result);
    c->since = bench_clock();
    if (!c->run->one_way) {
        return call(self, c, TAG_BATCH);
    }
    for (int i = 0; status == TROUPE_OK && i < BATCHES && c->sent < c->run->size; i++) {
        status = send_batch(self, c);
    }
    return status;
}

static troupe_status open_client(troupe_self *self, void *state, const void *args)
{
    struct caller *c = state;
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;

    c->run = *(struct run *const *)args;
    tls.verify = TROUPE_TLS_VERIFY_HOST;
    tls.ca_cert_file = c->run->certificate.cert;
    options.port = c->run->port;
    options.tls = c->run->wire == BENCH_TLS;
    options.tls_options = options.tls ? &tls : NULL;
    options.unix_domain = c->run->wire == BENCH_UNIX;
    options.host = options.tls ? "localhost" : "127.0.0.1";
    bench_must(troupe_q_open(troupe_self_system(self), &options, &c->q), "a client");
    return call(self, c, TAG_READY);
}

static troupe_status answered(troupe_self *self, struct caller *c)
{
    if (c->run->one_way) {
        return c->sent < c->run->size ? send_batch(self, c) : TROUPE_OK;
    }
    bench_sample(&c->since, &c->in_sample);
    return ++c->answered == c->run->size ? bench_finish(self, c->run->result, c->answered)
                                         : call(self, c, TAG_BATCH);
}

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct caller *c = state;

    if (troupe_msg_kind(*msg) != TROUPE_KIND_Q_VALUE) {
        bench_must(troupe_msg_status(*msg), "a call");
        return TROUPE_OK;
    }
    if (troupe_msg_tag(*msg) == TAG_READY) {
        return ++c->warm < WARM_UP ? call(self, c, TAG_READY) : begin(self, c);
    }
    return answered(self, c);
}

static const struct troupe_behavior caller_behavior = {
    .name = "bench-caller",
    .state_size = sizeof(struct caller),
    .start = open_client,
    .receive = receive,
};

/* ---- runs ---- */

static double run_raw(const struct run *run)
{
    const struct trp_q_encoding how = {.kind = run->one_way ? TRP_Q_ASYNC : TRP_Q_SYNC,
                                       .capability = TRP_Q_CAPABILITY};
    struct trp_q_why why = {"", 0};
    struct trp_buffer message;

    trp_buffer_init(&message, 4096);
    bench_must(trp_q_encode(run->value, &how, &message, &why), "encoding");
    double seconds = (run->one_way ? bench_raw_one_way : bench_raw_round_trip)(
        run->wire, &run->certificate, trp_buffer_front(&message),
        trp_buffer_size(&message), run->size);
    trp_buffer_fini(&message);
    return seconds;
}

static int measure(struct run *run)
{
    struct bench_result *out = run->result;
    struct run *pointer = run;

    if (run->wire == BENCH_TLS) {
        bench_certify(&run->certificate);
    }
    troupe_system *sys = bench_system(2, 0);
    serve(sys, run);
    bench_samples_begin(run->size);
    (void)bench_spawn(sys, &caller_behavior, &pointer, 2);
    bench_run(sys);
    bench_samples_end(out);
    double raw = run_raw(run);
    double ours = run->one_way ? out->seconds : out->p50_ns / 1e9;
    out->ratio = raw > 0 ? ours / raw : 0;
    out->ratio_to = run->one_way ? "raw sender" : "raw ping-pong";
    if (run->wire == BENCH_TLS) {
        bench_uncertify(&run->certificate);
    }
    troupe_q_unref(&run->value);
    return 0;
}

static int one_way(enum bench_wire wire, uint64_t size, struct bench_result *out)
{
    struct run run = {.result = out,
                      .wire = wire,
                      .size = size,
                      .one_way = true,
                      .value = bench_q_update()};

    out->rate_target = 1e6;
    return measure(&run);
}

static int round_trip(enum bench_wire wire, uint64_t size, struct bench_result *out)
{
    struct run run = {.result = out, .wire = wire, .size = size};

    bench_must(troupe_q_long(1, &run.value), "a value");
    out->target = 1.3;
    out->at_most = true;
    return measure(&run);
}

#define WIRE(name, wire)                                                                 \
    static int run_one_way_##name(uint64_t size, struct bench_result *out)               \
    {                                                                                    \
        return one_way(wire, size, out);                                                 \
    }                                                                                    \
    static int run_round_trip_##name(uint64_t size, struct bench_result *out)            \
    {                                                                                    \
        return round_trip(wire, size, out);                                              \
    }

WIRE(tcp, BENCH_TCP)
WIRE(unix, BENCH_UNIX)
WIRE(tls, BENCH_TLS)

const struct bench_workload bench_q_wire[] = {
    {"q_round_trip_tcp", 100000, run_round_trip_tcp, "one call after the other, TCP"},
    {"q_round_trip_unix", 100000, run_round_trip_unix, "the same over a Unix socket"},
    {"q_round_trip_tls", 50000, run_round_trip_tls, "the same over TLS"},
    {"q_one_way_tcp", 2000000, run_one_way_tcp, "small async messages, TCP"},
    {"q_one_way_unix", 2000000, run_one_way_unix, "the same over a Unix socket"},
    {"q_one_way_tls", 2000000, run_one_way_tls, "the same over TLS"},
    {NULL, 0, NULL, NULL},
};
