/* SPDX-License-Identifier: MIT
 * q_session.c - one connection to a q process. */
#include "tools/cli/q_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/cmd.h"
#include "transports/q/q_print.h"

enum { CLOSE_S = 2, SECONDS_MAX = 86400 };

static bool copy(char to[TRP_Q_PART_MAX], const char *text, size_t size)
{
    if (size >= TRP_Q_PART_MAX) {
        return false;
    }
    memcpy(to, text, size);
    to[size] = 0;
    return true;
}

bool trp_q_port(const char *text, bool zero, uint16_t *out)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != 0 || port > UINT16_MAX ||
        (port == 0 && !zero)) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

bool trp_q_seconds(const char *text, troupe_ns *out)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != 0 || !(seconds > 0 && seconds <= SECONDS_MAX)) {
        return false;
    }
    *out = (troupe_ns)(seconds * 1e9);
    return *out > 0;
}

bool trp_q_target_user(const char *text, struct trp_q_target *out)
{
    const char *colon = strchr(text, ':');
    size_t user = colon != NULL ? (size_t)(colon - text) : strlen(text);

    return copy(out->user, text, user) &&
           (colon == NULL || copy(out->password, colon + 1, strlen(colon + 1)));
}

bool trp_q_target_read(const char *text, struct trp_q_target *out)
{
    char user[2 * TRP_Q_PART_MAX];
    const char *at = strrchr(text, '@');
    const char *host = at != NULL ? at + 1 : text;
    const char *colon = strrchr(host, ':');

    if (colon == NULL || !trp_q_port(colon + 1, false, &out->port)) {
        return false;
    }
    if (at != NULL) {
        size_t size = (size_t)(at - text);
        if (size >= sizeof(user)) {
            return false;
        }
        memcpy(user, text, size);
        user[size] = 0;
        if (!trp_q_target_user(user, out)) {
            return false;
        }
    }
    size_t size = (size_t)(colon - host);
    if (size >= 2 && host[0] == '[' && colon[-1] == ']') { /* [::1]:5010 */
        host++;
        size -= 2;
    }
    return copy(out->host, size != 0 ? host : "localhost",
                size != 0 ? size : strlen("localhost"));
}

int trp_q_session_open(const struct trp_q_target *target, struct trp_q_session *out)
{
    troupe_options options = TROUPE_OPTIONS;
    troupe_q_options dial = TROUPE_Q_OPTIONS;
    troupe_system *sys = NULL;

    options.name = "troupe-q";
    dial.host = target->host;
    dial.port = target->port;
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
        return trp_cmd_fail(1, "the connection cannot be opened: %s",
                            troupe_status_text(status));
    }
    return 0;
}

void trp_q_session_close(struct trp_q_session *session)
{
    if (session->system != NULL) {
        troupe_system_shutdown(session->system, TROUPE_S(CLOSE_S));
        (void)troupe_system_join(session->system);
        troupe_system_free(&session->system);
    }
}

static int print(const troupe_q_value *value)
{
    const struct trp_q_format format = {.rows = TRP_Q_ROWS, .columns = TRP_Q_COLUMNS};
    struct trp_buffer text;

    if (trp_q_is_generic_null(value)) {
        return 0;
    }
    trp_buffer_init(&text, SIZE_MAX / 4);
    trp_q_print(&text, value, &format);
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

static int print_failure(troupe_status status, const troupe_failure *failure, bool *lost)
{
    if (status == TROUPE_EREMOTE) {
        (void)fprintf(stderr, "'%s\n", failure->text);
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
    if (status != TROUPE_OK) {
        return print_failure(status, &failure, lost);
    }
    int code = print(value);
    troupe_q_unref(&value);
    return code;
}
