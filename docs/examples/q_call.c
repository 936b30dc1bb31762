/* SPDX-License-Identifier: MIT
 * q_call.c - a q process of our own, and calls to it from a thread that blocks.
 *
 * The server evaluates with the embedded q; a client may as well call any other q
 * process.
 */
#include <assert.h>
#include <string.h>

#include <troupe/q.h>

static troupe_system *sys;

/* Opens the engine that evaluates, then the server in front of it. */
static uint16_t serve(troupe_q_hub **hub)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server server;
    uint16_t port;

    troupe_status status = troupe_q_hub_new(sys, hub);
    assert(status == TROUPE_OK);
    q.host = troupe_q_hub_host(*hub);
    q.context = *hub;
    engine.config = &q;
    status = troupe_engine_open(sys, &troupe_engine_embedq, &engine, &options.engine);
    assert(status == TROUPE_OK);
    options.hub = *hub;
    status = troupe_q_serve(sys, &options, &server, &port);
    assert(status == TROUPE_OK);
    return status == TROUPE_OK ? port : 0;
}

static void call(troupe_q q)
{
    troupe_q_value *args[2] = {NULL, NULL}, *query = NULL, *sum = NULL;
    int64_t number = 0;

    troupe_status status = troupe_q_long(2, &args[0]);
    assert(status == TROUPE_OK);
    status = troupe_q_long(40, &args[1]);
    assert(status == TROUPE_OK);
    status = troupe_q_query("{x+y}", 2, args, &query);
    assert(status == TROUPE_OK);
    status = troupe_q_wait(sys, q, &query, TROUPE_S(10), &sum, NULL);
    assert(status == TROUPE_OK);
    status = troupe_q_get_long(sum, 0, &number);
    assert(status == TROUPE_OK && number == 42);
    troupe_q_unref(&sum);
    troupe_q_unref(&args[0]);
    troupe_q_unref(&args[1]);
    (void)status;
}

/* An error of q is an answer too: its text is in the failure. */
static void call_in_vain(troupe_q q)
{
    troupe_q_value *query = NULL, *answer = NULL;
    troupe_failure failure;

    troupe_status status = troupe_q_query("1+`a", 0, NULL, &query);
    assert(status == TROUPE_OK);
    status = troupe_q_wait(sys, q, &query, TROUPE_S(10), &answer, &failure);
    assert(status == TROUPE_EREMOTE && strcmp(failure.text, "type") == 0);
    (void)status;
}

int main(void)
{
    troupe_q_options options = TROUPE_Q_OPTIONS;
    troupe_q_hub *hub = NULL;
    troupe_q q;

    troupe_status status = troupe_system_new(NULL, &sys);
    assert(status == TROUPE_OK);
    status = troupe_system_start(sys);
    assert(status == TROUPE_OK);
    options.port = serve(&hub);
    status = troupe_q_open(sys, &options, &q); /* usable at once */
    assert(status == TROUPE_OK);
    call(q);
    call_in_vain(q);
    troupe_system_shutdown(sys, TROUPE_S(5));
    (void)troupe_system_join(sys);
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    (void)status;
    return 0;
}
