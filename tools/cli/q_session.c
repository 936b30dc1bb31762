/* SPDX-License-Identifier: MIT
 * q_session.c - one connection to a q process. */
#include "tools/cli/q_session.h"

#include <stdio.h>

#include "mailbox/emit.h"
#include "tools/cli/cmd.h"
#include "transports/q/q_print.h"

enum { CLOSE_S = 2 };

int trp_q_session_open(const struct trp_q_target *target, struct trp_q_session *out)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_q_options dial = TROUPE_Q_OPTIONS;
    troupe_system *sys = NULL;
    char why[TROUPE_FAILURE_TEXT] = "";

    options.name = "troupe-q";
    dial.host = target->host;
    dial.port = target->port;
    dial.unix_domain = target->unix_domain;
    dial.unix_form = target->form;
    dial.tls = target->uses_tls;
    dial.tls_options = &target->tls;
    dial.username = target->user;
    dial.password = target->password;
    troupe_status status = troupe_system_new(&options, &sys);
    if (status == TROUPE_OK) {
        status = troupe_system_start(sys);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_open(sys, &dial, &out->q);
    }
    out->system = sys;
    out->timeout = target->timeout != 0 ? target->timeout : TROUPE_NEVER;
    if (status != TROUPE_OK) {
        trp_q_session_close(out);
        (void)troupe_q_check(&dial, why, sizeof(why));
        return trp_cmd_fail(1, "the connection cannot be opened: %s",
                            why[0] != 0 ? why : troupe_status_text(status));
    }
    return 0;
}

void trp_q_session_close(struct trp_q_session *session)
{
    if (session->system != NULL) {
        troupe_system_shutdown(session->system, session->gave_up ? 0 : TROUPE_S(CLOSE_S));
        (void)troupe_system_join(session->system);
        troupe_system_free(&session->system);
    }
}

static int print(const struct trp_q_session *session, const troupe_q_value *value)
{
    const struct trp_q_format format = {.rows = session->lines ? 0 : TRP_Q_ROWS,
                                        .columns = session->lines ? 0 : TRP_Q_COLUMNS};
    struct trp_buffer text;

    if (trp_q_is_generic_null(value) && !session->lines) {
        return 0;
    }
    trp_buffer_init(&text, SIZE_MAX / 4);
    if (session->lines) {
        trp_q_print_line(&text, value, &format);
        trp_emit_bytes(&text, "\n", 1);
    } else {
        trp_q_print(&text, value, &format);
    }
    troupe_status status = text.status;
    if (status == TROUPE_OK) {
        size_t size = trp_buffer_size(&text);
        bool written = fwrite(trp_buffer_front(&text), 1, size, stdout) == size &&
                       fflush(stdout) == 0;
        status = written ? TROUPE_OK : TROUPE_ESYSTEM;
    }
    trp_buffer_fini(&text);
    return status == TROUPE_OK ? 0
                               : trp_cmd_fail(1, "the answer cannot be printed: %s",
                                              troupe_status_text(status));
}

static int print_failure(const struct trp_q_session *session, troupe_status status,
                         const troupe_failure *failure, bool *lost)
{
    if (status == TROUPE_EREMOTE) {
        (void)fprintf(session->lines ? stdout : stderr, "'%s\n", failure->text);
        return 1;
    }
    *lost = status != TROUPE_ETIMEDOUT && status != TROUPE_ETYPE &&
            status != TROUPE_ELIMIT && status != TROUPE_ECANCELED;
    return trp_cmd_fail(
        1, "%s", failure->text[0] != 0 ? failure->text : troupe_status_text(status));
}

static void give_up(void *pending)
{
    troupe_pending_cancel(pending);
}

/* Waits for the answer; an interrupt ends that with TROUPE_ECANCELED. */
static troupe_status wait_for(struct trp_q_session *session, troupe_pending *pending,
                              troupe_q_value **out, troupe_failure *failure)
{
    troupe_msg *answer = NULL;

    if (session->signals != NULL) {
        trp_q_signals_aim(session->signals, give_up, pending);
    }
    troupe_status status = troupe_pending_wait(pending, TROUPE_NEVER, &answer);
    if (session->signals != NULL) {
        trp_q_signals_aim(session->signals, NULL, NULL);
    }
    if (status == TROUPE_OK && troupe_msg_failure(answer) != NULL) {
        *failure = *troupe_msg_failure(answer);
        status = failure->status;
    } else if (status == TROUPE_OK) {
        *out = troupe_q_take(answer);
        status = *out != NULL ? TROUPE_OK : TROUPE_EPROTO;
    }
    troupe_msg_free(&answer);
    return status;
}

int trp_q_session_call(struct trp_q_session *session, troupe_q_value **query, bool *lost)
{
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_pending *pending = NULL;
    troupe_q_value *value = NULL;

    *lost = false;
    troupe_status status = troupe_q_post_call(session->system, session->q, query,
                                              session->timeout, &pending);
    troupe_q_unref(query);
    if (status == TROUPE_OK) {
        status = wait_for(session, pending, &value, &failure);
        troupe_pending_free(&pending);
    }
    session->gave_up = status == TROUPE_ETIMEDOUT || status == TROUPE_ECANCELED;
    if (status != TROUPE_OK) {
        return print_failure(session, status, &failure, lost);
    }
    int code = print(session, value);
    troupe_q_unref(&value);
    return code;
}
