/* SPDX-License-Identifier: MIT
 * q_load.c - one request for all scripts, so that no client's comes between them. */
#include "tools/cli/q_load.h"

/* Answers the port, which they may change. */
static const char text[] = "{[t;f]if[t;system\"t \",string t];system each\"l \",/:f;"
                           "system\"p\"}";

static troupe_status paths_of(const struct trp_q_load *load, troupe_q_value **out)
{
    troupe_q_value *paths[TRP_Q_SCRIPTS_MAX];
    troupe_status status = TROUPE_OK;
    size_t count = 0;

    while (status == TROUPE_OK && load->scripts[count] != NULL) {
        status = count < TRP_Q_SCRIPTS_MAX
                     ? troupe_q_string(load->scripts[count], TROUPE_Q_Z, &paths[count])
                     : TROUPE_ELIMIT;
        count += status == TROUPE_OK;
    }
    if (status == TROUPE_OK) {
        status = troupe_q_list(count, paths, out);
    }
    while (count > 0) {
        troupe_q_unref(&paths[--count]);
    }
    return status;
}

static troupe_status ask(struct trp_q_load *load)
{
    troupe_q_value *args[2] = {NULL, NULL}, *query = NULL;
    troupe_msg *msg = NULL;
    troupe_status status = troupe_q_long(load->timer, &args[0]);

    if (status == TROUPE_OK) {
        status = paths_of(load, &args[1]);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_query(text, 2, args, &query);
    }
    if (status == TROUPE_OK) {
        status = troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, &msg);
    }
    if (status == TROUPE_OK) {
        trp_q_host_load(load->host, load->scripts);
        status = troupe_post_ask(load->system, load->engine, &msg, TROUPE_NEVER,
                                 &load->pending);
    }
    troupe_msg_free(&msg);
    troupe_q_unref(&query);
    troupe_q_unref(&args[0]);
    troupe_q_unref(&args[1]);
    return status;
}

void trp_q_load_begin(struct trp_q_load *load)
{
    load->pending = NULL;
    load->status = load->scripts[0] != NULL || load->timer != 0 ? ask(load) : TROUPE_OK;
}

static void give_up(void *pending)
{
    troupe_pending_cancel(pending);
}

troupe_status trp_q_load_end(struct trp_q_load *load, troupe_failure *failure)
{
    troupe_status status = load->status;
    troupe_msg *answer = NULL;
    troupe_q_value *port = NULL;

    trp_q_host_release(load->host);
    if (status != TROUPE_OK || load->pending == NULL) {
        return status;
    }
    trp_q_signals_aim(load->signals, give_up, load->pending);
    status = troupe_pending_wait(load->pending, TROUPE_NEVER, &answer);
    trp_q_signals_aim(load->signals, NULL, NULL);
    if (status == TROUPE_OK && troupe_msg_failure(answer) != NULL) {
        *failure = *troupe_msg_failure(answer);
        status = failure->status;
    } else if (status == TROUPE_OK) {
        port = troupe_q_take(answer);
        load->port = 0;
        (void)!troupe_q_get_long(port, 0, &load->port);
    }
    troupe_q_unref(&port);
    troupe_msg_free(&answer);
    troupe_pending_free(&load->pending);
    return status;
}

void trp_q_load_drop(struct trp_q_load *load)
{
    trp_q_host_refuse(load->host);
    troupe_pending_free(&load->pending);
}
