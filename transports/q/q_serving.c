/* SPDX-License-Identifier: MIT
 * q_serving.c - a server's settings, its users, and events as messages. */
#include "transports/q/q_serving.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "mailbox/alloc.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_users.h"

enum {
    CLIENTS_MAX = 4096,
    REQUESTS_MAX = 64,
    LOGIN_LIMIT_S = 10,
    CLOSE_LIMIT_S = 5,
    OUTPUT_LIMIT = 64 << 20,
    MESSAGE_LIMIT = 1 << 30,
    MESSAGES_LIMIT = 4, /* of the largest, in the memory of a server */
    USERS_MAX = 65536
};

/* ---- settings ---- */

static troupe_status check(const troupe_q_server_options *given,
                           troupe_q_server_options *out)
{
    if (given == NULL || given->size != sizeof(*given) || given->login_limit < 0 ||
        given->idle_limit < 0 || given->send_limit < 0 || given->close_limit < 0 ||
        given->user_count > USERS_MAX ||
        (given->users == NULL && given->user_count != 0) ||
        given->message_limit > TRP_Q_MESSAGE_MAX ||
        given->clients_max > TRP_Q_SEATS_MAX || given->unix_domain > TROUPE_Q_UNIX_ALL ||
        given->tls_mode > TROUPE_Q_TLS_ONLY) {
        return TROUPE_EINVAL;
    }
    *out = *given;
#define DEFAULT(field, value) out->field = out->field != 0 ? out->field : (value)
    DEFAULT(clients_max, CLIENTS_MAX);
    DEFAULT(requests_max, REQUESTS_MAX);
    DEFAULT(login_limit, TROUPE_S(LOGIN_LIMIT_S));
    DEFAULT(close_limit, TROUPE_S(CLOSE_LIMIT_S));
    DEFAULT(output_limit, OUTPUT_LIMIT);
    DEFAULT(message_limit, MESSAGE_LIMIT);
    DEFAULT(memory_limit,
            MESSAGES_LIMIT * (out->message_limit > MESSAGE_LIMIT ? out->message_limit
                                                                 : MESSAGE_LIMIT));
#undef DEFAULT
    out->host = NULL;
    out->users = NULL;
    out->tls_options = NULL;
    out->failure = NULL;
    return TROUPE_OK;
}

static troupe_status copy_users(struct trp_q_service *service,
                                const troupe_q_server_options *options)
{
    service->users = trp_calloc(options->user_count, sizeof(*service->users));
    if (service->users == NULL) {
        return TROUPE_ENOMEM;
    }
    for (size_t i = 0; i < options->user_count; i++) {
        const troupe_q_user *user = &options->users[i];
        if (user->name == NULL || user->password == NULL) {
            return TROUPE_EINVAL;
        }
        struct trp_q_account *account = &service->users[service->user_count++];
        account->name = trp_strdup(user->name);
        account->password = trp_strdup(user->password);
        if (account->name == NULL || account->password == NULL) {
            return TROUPE_ENOMEM;
        }
    }
    return TROUPE_OK;
}

static troupe_status make_tls(struct trp_q_service *service,
                              const troupe_q_server_options *options)
{
    char why[TROUPE_FAILURE_TEXT] = "";

    if (options->tls_mode == TROUPE_Q_TLS_OFF) {
        return TROUPE_OK;
    }
    troupe_status status =
        trp_tls_context_new(options->tls_options, TRP_TLS_SERVER, why, &service->tls);
    if (status != TROUPE_OK && options->failure != NULL) {
        *options->failure = (troupe_failure){.status = status};
        memcpy(options->failure->text, why, sizeof(why));
    }
    return status;
}

troupe_status trp_q_service_new(troupe_system *sys,
                                const troupe_q_server_options *options,
                                struct trp_q_service **out)
{
    troupe_q_server_options checked;
    troupe_status status = check(options, &checked);

    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_q_service *service = trp_calloc(1, sizeof(*service));
    if (service == NULL) {
        return TROUPE_ENOMEM;
    }
    service->holders = 1;
    service->options = checked;
    service->hub = options->hub;
    if (options->accounts != NULL) {
        (void)trp_q_users_ref(options->accounts);
    }
    status = copy_users(service, options);
    if (status == TROUPE_OK) {
        status = make_tls(service, options);
    }
    if (status == TROUPE_OK && service->hub == NULL) {
        service->own_hub = true;
        status = trp_q_hub_new(sys, &service->hub);
    }
    if (status != TROUPE_OK) {
        trp_q_service_release(&service);
        return status;
    }
    *out = service;
    return TROUPE_OK;
}

static void wipe(char *secret)
{
    if (secret != NULL) {
        sodium_memzero(secret, strlen(secret));
        trp_free(secret);
    }
}

void trp_q_service_release(struct trp_q_service **service)
{
    struct trp_q_service *old = *service;

    *service = NULL;
    if (old == NULL || --old->holders > 0) {
        return;
    }
    for (size_t i = 0; i < old->user_count; i++) {
        trp_free(old->users[i].name);
        wipe(old->users[i].password);
    }
    trp_free(old->users);
    troupe_q_users_free(&old->options.accounts);
    trp_tls_context_unref(&old->tls);
    if (old->own_hub) {
        trp_q_hub_unref(&old->hub);
    }
    trp_free(old);
}

static bool same(const char *known, const char *given, size_t size)
{
    size_t length = strlen(known);
    unsigned difference = length != size;

    for (size_t i = 0; i < size; i++) {
        difference |=
            (unsigned char)given[i] ^ (unsigned char)known[length != 0 ? i % length : 0];
    }
    return difference == 0;
}

troupe_status trp_q_service_admits(const struct trp_q_service *service, const char *user,
                                   size_t user_size, const char *password,
                                   size_t password_size)
{
    bool has_accounts = service->options.accounts != NULL;
    bool found = service->user_count == 0 && !has_accounts;

    for (size_t i = 0; i < service->user_count; i++) {
        bool right = same(service->users[i].password, password, password_size);
        found |= same(service->users[i].name, user, user_size) && right;
    }
    if (found) {
        return TROUPE_OK;
    }
    return has_accounts ? TROUPE_EAGAIN : TROUPE_EACCESS;
}

/* ---- the log ---- */

/* The last place is for all events for which there is no other. */
static struct trp_q_lines *lines_of(struct trp_q_service *service, const char *event,
                                    troupe_log_level level)
{
    size_t at = 0;

    while (at < TRP_Q_LINE_EVENTS - 1 && service->lines[at].event != NULL &&
           (strcmp(service->lines[at].event, event) != 0 ||
            service->lines[at].level != level)) {
        at++;
    }
    service->lines[at].event = event;
    service->lines[at].level = level;
    return &service->lines[at];
}

bool trp_q_service_says(struct trp_q_service *service, troupe_log_level level,
                        const char *event, troupe_ns now, char more[TRP_Q_LINE_MORE])
{
    struct trp_q_lines *lines = lines_of(service, event, level);

    more[0] = 0;
    if (level >= TROUPE_LOG_DEBUG) {
        return true;
    }
    if (lines->said == 0 || now - lines->since >= TRP_Q_LINES_SPAN) {
        lines->since = now;
        lines->said = 0;
    }
    if (lines->said == TRP_Q_LINES) {
        lines->left_out++;
        return false;
    }
    lines->said++;
    if (lines->left_out != 0) {
        (void)snprintf(more, TRP_Q_LINE_MORE, " (and %" PRIu64 " like it before)",
                       lines->left_out);
        lines->left_out = 0;
    }
    return true;
}

/* ---- events as messages ---- */

struct event_box {
    troupe_q_event event;
    char user[];
};

static void box_drop(void *body)
{
    struct event_box *box = body;

    troupe_q_unref(&box->event.value);
    trp_free(box);
}

troupe_status trp_q_event_msg(const troupe_q_event *event, troupe_msg **out)
{
    size_t length = strlen(event->user);
    struct event_box *box = trp_alloc(sizeof(*box) + length + 1);

    if (box == NULL) {
        return TROUPE_ENOMEM;
    }
    box->event = *event;
    memcpy(box->user, event->user, length + 1);
    box->event.user = box->user;
    troupe_status status = troupe_msg_new_owned(TROUPE_KIND_Q_EVENT, box,
                                                sizeof(*box) + length + 1, box_drop, out);
    if (status != TROUPE_OK) {
        trp_free(box);
        return status;
    }
    if (event->value != NULL) {
        box->event.value = troupe_q_ref(event->value);
    }
    return TROUPE_OK;
}

const troupe_q_event *troupe_q_event_of(const troupe_msg *msg)
{
    return troupe_msg_kind(msg) == TROUPE_KIND_Q_EVENT ? troupe_msg_body(msg) : NULL;
}
