/* SPDX-License-Identifier: MIT
 * q_connection_repr.c - a connection, and its TLS settings, in words. */
#include "bindings/q/q_connection.h"

#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"

/* ---- repr ---- */

struct words {
    char *text; /* NULL: there was no memory */
    size_t size, capacity;
    bool any; /* a parameter was written */
};

static void put(struct words *w, const char *bytes, size_t size)
{
    if (w->text == NULL) {
        return;
    }
    if (w->size + size > w->capacity) {
        char *more = trp_realloc(w->text, (w->size + size) * 2);
        if (more == NULL) {
            trp_free(w->text);
            w->text = NULL;
            return;
        }
        w->text = more;
        w->capacity = (w->size + size) * 2;
    }
    memcpy(w->text + w->size, bytes, size);
    w->size += size;
}

static void name(struct words *w, const char *parameter)
{
    if (w->any) {
        put(w, ", ", 2);
    }
    w->any = true;
    put(w, parameter, strlen(parameter));
    put(w, "=", 1);
}

static void put_text(struct words *w, const char *parameter, const char *text)
{
    if (text == NULL || text[0] == 0) {
        return;
    }
    name(w, parameter);
    put(w, "'", 1);
    for (const char *at = text; *at != 0; at++) {
        if (*at == '\'' || *at == '\\') {
            put(w, "\\", 1);
        }
        put(w, at, 1);
    }
    put(w, "'", 1);
}

static void put_flag(struct words *w, const char *parameter, bool value, bool usual)
{
    if (value != usual) {
        name(w, parameter);
        put(w, value ? "True" : "False", value ? 4 : 5);
    }
}

static void put_number(struct words *w, const char *parameter, int64_t value,
                       int64_t usual)
{
    char text[32];

    if (value != usual) {
        name(w, parameter);
        put(w, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
    }
}

/* As seconds, always with a point. */
static void put_seconds(struct words *w, const char *parameter, troupe_ns value,
                        troupe_ns usual)
{
    char text[40];

    if (value == usual) {
        return;
    }
    name(w, parameter);
    int size = snprintf(text, sizeof(text), "%.12g", (double)value / 1e9);
    put(w, text, (size_t)size);
    if (strcspn(text, ".e") == (size_t)size) {
        put(w, ".0", 2);
    }
}

static void put_parameters(struct words *w, const struct troupe_q_connection *conn)
{
    const troupe_q_connection_options *o = &conn->options;
    const char *host =
        o->host != NULL && strcmp(o->host, "localhost") != 0 ? o->host : "";

    put_text(w, "host", host);
    put_number(w, "port", conn->port, 0);
    put_text(w, "username", o->username);
    put_text(w, "password", o->password != NULL && o->password[0] != 0 ? "********" : "");
    put_seconds(w, "timeout", o->timeout, 0);
    put_flag(w, "large_messages", o->large_messages, true);
    put_flag(w, "tls", o->tls, false);
    put_flag(w, "unix", o->unix_domain, false);
    put_flag(w, "wait", o->wait, true);
    put_flag(w, "no_ctx", o->no_ctx, false);
    put_number(w, "reconnection_attempts", o->reconnection_attempts, -1);
    put_seconds(w, "reconnection_delay", o->reconnection_delay, TROUPE_MS(500));
    put_seconds(w, "connection_timeout", o->connection_timeout, 0);
    put_flag(w, "as_server", o->as_server, false);
    put_seconds(w, "conn_gc_time", o->conn_gc_time, 0);
}

troupe_status troupe_q_connection_repr(const troupe_q_connection *conn,
                                       troupe_q_value **out)
{
    enum { FIRST = 128 };
    struct words w = {.text = trp_alloc(FIRST), .capacity = FIRST};
    const char *head = conn->options.kind == TROUPE_Q_ASYNC_CONNECTION
                           ? "pykx.AsyncQConnection("
                           : "pykx.QConnection(";

    put(&w, head, strlen(head));
    put_parameters(&w, conn);
    put(&w, ")", 1);
    troupe_status status =
        w.text != NULL ? troupe_q_string(w.text, w.size, out) : TROUPE_ENOMEM;
    trp_free(w.text);
    return status;
}

/* ---- TLS ---- */

enum { SETTINGS_MAX = 32 };

struct settings {
    const char *names[SETTINGS_MAX];
    char *kept[SETTINGS_MAX];
    troupe_q_value *texts[SETTINGS_MAX];
    size_t count;
    troupe_status status;
};

static void setting(void *context, const char *key, const char *text)
{
    struct settings *all = context;

    if (all->status != TROUPE_OK || all->count == SETTINGS_MAX) {
        return;
    }
    all->kept[all->count] = trp_strdup(key);
    all->names[all->count] = all->kept[all->count];
    all->status = all->names[all->count] != NULL
                      ? troupe_q_string(text, TROUPE_Q_Z, &all->texts[all->count])
                      : TROUPE_ENOMEM;
    all->count++;
}

troupe_status troupe_q_connection_ssl_info(const troupe_q_connection *conn,
                                           troupe_q_value **out)
{
    struct settings all = {.count = 0, .status = TROUPE_OK};
    troupe_q_value *keys = NULL, *values = NULL;

    troupe_tls_info(conn->options.tls_options, setting, &all);
    if (all.status == TROUPE_OK) {
        all.status = troupe_q_symbols(all.count, all.names, &keys);
    }
    if (all.status == TROUPE_OK) {
        all.status = troupe_q_list(all.count, all.texts, &values);
    }
    if (all.status == TROUPE_OK) {
        all.status = troupe_q_dict(keys, values, out);
    }
    troupe_q_unref(&keys);
    troupe_q_unref(&values);
    for (size_t i = 0; i < all.count; i++) {
        trp_free(all.kept[i]);
        troupe_q_unref(&all.texts[i]);
    }
    return all.status;
}
