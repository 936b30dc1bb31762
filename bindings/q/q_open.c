/* SPDX-License-Identifier: MIT
 * q_open.c - opening and closing connections and servers, from any thread. */
#include <troupe/q.h>

#include <pthread.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "transports/address.h"
#include "transports/q/q_client.h"
#include "transports/q/q_cast.h"
#include "transports/q/q_line.h"
#include "transports/q/q_peer.h"

static void name_kinds(void)
{
    static const struct {
        troupe_kind kind;
        const char *name;
    } names[] = {
        {TRP_KIND_IO, "io"},
        {TRP_KIND_RESOLVED, "resolved"},
        {TRP_KIND_DEADLINE, "deadline"},
        {TRP_KIND_Q_OUT, "q_out"},
        {TRP_KIND_Q_HANGUP, "q_hangup"},
        {TRP_KIND_Q_RETRY, "q_retry"},
        {TRP_KIND_Q_IDLE, "q_idle"},
        {TRP_KIND_Q_STUCK, "q_stuck"},
        {TRP_KIND_Q_VERIFIED, "q_verified"},
        {TRP_KIND_Q_CAST, "q_cast"},
        {TRP_KIND_Q_CAST_OUT, "q_cast_out"},
        {TROUPE_KIND_Q_SENT, "q_sent"},
        {TROUPE_KIND_Q_SYNC, "q_sync"},
        {TROUPE_KIND_Q_ASYNC, "q_async"},
        {TROUPE_KIND_Q_PUSH, "q_push"},
        {TROUPE_KIND_Q_CLOSE, "q_close"},
        {TROUPE_KIND_Q_STATE, "q_state"},
        {TROUPE_KIND_Q_EVENT, "q_event"},
        {TROUPE_KIND_Q_DEFER, "q_defer"},
        {TROUPE_KIND_Q_AGAIN, "q_again"},
        {TROUPE_KIND_Q_RESPONSE, "q_response"},
        {TROUPE_KIND_Q_BYTES, "q_bytes"},
        {TROUPE_KIND_Q_INFO, "q_info"},
        {TRP_KIND_Q_STALL, "q_stall"},
        {TRP_KIND_Q_TOOK, "q_took"},
        {TRP_KIND_Q_UNLISTEN, "q_unlisten"},
        {TRP_KIND_Q_ORDER_OPEN, "q_order_open"},
        {TRP_KIND_Q_ORDER_LISTEN, "q_order_listen"},
        {TRP_KIND_Q_ORDER_CALL, "q_order_call"},
        {TRP_KIND_Q_ORDER_FLUSH, "q_order_flush"},
        {TRP_KIND_Q_ORDER_NEXT, "q_order_next"},
        {TRP_KIND_Q_GIVE_UP, "q_give_up"},
        {TRP_KIND_Q_TIMER, "q_timer"},
        {TRP_KIND_Q_LOOK, "q_look"},
        {TRP_KIND_Q_OFFER, "q_offer"},
    };

    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        /* A kind without a name is shown as a number; nothing depends on it. */
        if (troupe_kind_register(names[i].kind, names[i].name) != TROUPE_OK) {
            return;
        }
    }
}

/* On a base's thread as a child of the actor that runs there, else from outside. */
static troupe_status spawn(troupe_system *sys, const troupe_behavior *behavior,
                           const void *args, troupe_id *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct trp_base *here = trp_base_here;

    (void)pthread_once(&once, name_kinds);
    if (here != NULL && here->system == sys && here->self.actor != NULL) {
        return troupe_spawn(&here->self, behavior, args, NULL, out);
    }
    return troupe_system_spawn(sys, behavior, args, NULL, out);
}

/* Judges options; `why` receives what is wrong, and *tls what their files say. */
static troupe_status judge(const troupe_q_options *options, char why[TROUPE_FAILURE_TEXT],
                           struct trp_tls_context **tls)
{
    const char *wrong = trp_q_client_wrong(options);

    *tls = NULL;
    why[0] = 0;
    if (wrong == NULL && options->port == 0) {
        wrong = "a port must be given";
    }
    if (wrong != NULL) {
        (void)snprintf(why, TROUPE_FAILURE_TEXT, "%s", wrong);
        return TROUPE_EINVAL;
    }
    return options->tls
               ? trp_tls_context_new(options->tls_options, TRP_TLS_CLIENT, why, tls)
               : TROUPE_OK;
}

troupe_status troupe_q_check(const troupe_q_options *options, char *text, size_t size)
{
    char why[TROUPE_FAILURE_TEXT];
    struct trp_tls_context *tls = NULL;
    troupe_status status = judge(options, why, &tls);

    trp_tls_context_unref(&tls);
    if (size != 0) {
        (void)snprintf(text, size, "%s", why);
    }
    return status;
}

troupe_status troupe_q_open(troupe_system *sys, const troupe_q_options *options,
                            troupe_q *out)
{
    troupe_q_options checked;
    char why[TROUPE_FAILURE_TEXT];
    struct trp_tls_context *tls = NULL;

    troupe_status status = judge(options, why, &tls);
    if (status == TROUPE_OK) {
        status = trp_q_client_check(options, &checked);
    }
    if (status == TROUPE_OK) {
        const struct trp_q_client_args args = {.options = &checked, .tls = tls};
        status = spawn(sys, &trp_q_client, &args, &out->id);
    }
    trp_tls_context_unref(&tls);
    return status;
}

/* An event as the embedded q's engine takes it. */
static troupe_status engine_request(const troupe_q_event *event, troupe_msg **out)
{
    const troupe_embedq_call call = {.size = sizeof(call),
                                     .event = event->event,
                                     .handle = event->handle,
                                     .user = event->user,
                                     .address = event->address,
                                     .value = event->value};

    return troupe_embedq_call_msg(&call, out);
}

static troupe_status address_of(const char *host, uint16_t port,
                                struct trp_addresses *out)
{
    if (host != NULL && host[0] == 0) {
        return TROUPE_EINVAL; /* an unset variable, not "*" */
    }
    if (trp_address_literal(host != NULL ? host : "127.0.0.1", port, out) == TROUPE_OK) {
        return TROUPE_OK;
    }
    return trp_address_resolve(host, port, out);
}

troupe_status troupe_q_serve(troupe_system *sys, const troupe_q_server_options *options,
                             troupe_q_server *out, uint16_t *port)
{
    struct trp_q_service *service = NULL;
    struct trp_addresses addresses;
    uint16_t bound = 0;

    troupe_status status = trp_q_service_new(sys, options, &service);
    if (status != TROUPE_OK) {
        return status;
    }
    service->engine_request = engine_request;
    status = address_of(options->host, options->port, &addresses);
    if (status == TROUPE_OK) {
        const struct trp_q_server_args args = {
            .service = service, .at = &addresses.items[0], .port = &bound};
        status = spawn(sys, &trp_q_server, &args, &out->id);
    }
    if (status != TROUPE_OK) {
        trp_q_service_release(&service);
        return status;
    }
    if (port != NULL) {
        *port = bound;
    }
    return TROUPE_OK;
}

troupe_status troupe_q_hub_new(troupe_system *sys, troupe_q_hub **out)
{
    troupe_q_hub *hub = NULL;
    troupe_id exchange;
    troupe_status status = trp_q_hub_new(sys, &hub);

    if (status == TROUPE_OK) {
        status = spawn(sys, &trp_q_exchange, &hub, &exchange);
    }
    if (status != TROUPE_OK) {
        trp_q_hub_unref(&hub);
        return status;
    }
    trp_q_hub_equip(hub, exchange, engine_request);
    *out = hub;
    return TROUPE_OK;
}

static troupe_status post_close(troupe_system *sys, troupe_id id)
{
    troupe_msg *msg = NULL;
    troupe_status status = troupe_msg_new(TROUPE_KIND_Q_CLOSE, 0, &msg);

    if (status == TROUPE_OK) {
        status = troupe_post(sys, id, &msg);
    }
    troupe_msg_free(&msg);
    return status;
}

troupe_status troupe_q_close(troupe_system *sys, troupe_q q)
{
    return post_close(sys, q.id);
}

troupe_status troupe_q_server_close(troupe_system *sys, troupe_q_server server)
{
    return post_close(sys, server.id);
}
