/* SPDX-License-Identifier: MIT
 * sqlite_engine.c - SQL from an actor: parameters in, rows out, no thread waits. The
 * writes are told in one turn, so they are committed together. */
#include <stdio.h>
#include <string.h>

#include <troupe/sqlite.h>
#include <troupe/subscription.h>
#include <troupe/troupe.h>

enum { MADE = 1, ADDED, SUMMED, ROW };

static troupe_id database;

/* Asks the engine; the answer comes as a message with this tag. */
static troupe_status ask(troupe_self *self, troupe_msg **request, uint64_t tag)
{
    troupe_status status = troupe_ask(self, database, request, TROUPE_S(10), tag, NULL);

    troupe_msg_free(request); /* nothing when it was sent */
    return status;
}

static troupe_status add(troupe_self *self, const char *what, int64_t price)
{
    troupe_msg *request = NULL;
    troupe_status status =
        troupe_sql_new("INSERT INTO items(what, price) VALUES (?, ?)", &request);

    if (status == TROUPE_OK) {
        status = troupe_sql_bind_text(request, what, strlen(what));
    }
    if (status == TROUPE_OK) {
        status = troupe_sql_bind_int64(request, price);
    }
    return status == TROUPE_OK ? ask(self, &request, ADDED) : status;
}

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    troupe_msg *request = NULL;

    (void)state;
    (void)args;
    troupe_status status =
        troupe_sql_new("CREATE TABLE items(what TEXT, price INT)", &request);
    if (status == TROUPE_OK) {
        status = ask(self, &request, MADE);
    }
    if (status == TROUPE_OK) {
        status = add(self, "tea", 3);
    }
    if (status == TROUPE_OK) {
        status = add(self, "cake", 4);
    }
    if (status == TROUPE_OK) {
        status = troupe_sql_new("SELECT sum(price) FROM items", &request);
    }
    return status == TROUPE_OK ? ask(self, &request, SUMMED) : status;
}

/* Rows one by one, at most a hundred. */
static troupe_status stream(troupe_self *self)
{
    troupe_msg *request = NULL;
    troupe_status status =
        troupe_sql_new("SELECT what, price FROM items ORDER BY price", &request);

    if (status == TROUPE_OK) {
        status = troupe_sql_stream(request, 100);
    }
    if (status == TROUPE_OK) {
        status = troupe_subscribe(self, database, &request, 100, ROW, NULL);
    }
    troupe_msg_free(&request);
    return status;
}

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)state;
    if (troupe_msg_failure(*msg) != NULL) {
        printf("failed: %s\n", troupe_msg_failure(*msg)->text);
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(5));
        return TROUPE_OK;
    }
    if (troupe_msg_kind(*msg) == TROUPE_KIND_SQL_ROW) {
        printf("%s costs %lld\n", troupe_sql_text(*msg, 0, 0, NULL),
               (long long)troupe_sql_int64(*msg, 0, 1));
    } else if (troupe_msg_kind(*msg) == TROUPE_KIND_END) {
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(5));
    } else if (troupe_msg_tag(*msg) == SUMMED) {
        printf("together %lld\n", (long long)troupe_sql_int64(*msg, 0, 0));
        return stream(self);
    }
    return TROUPE_OK;
}

static const troupe_behavior shop = {.name = "shop", .start = start, .receive = receive};

int main(void)
{
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_sqlite_config config =
        TROUPE_SQLITE_CONFIG; /* in memory; set path for a file */
    troupe_system *sys = NULL;
    troupe_status status = troupe_system_new(NULL, &sys);

    options.config = &config;
    if (status == TROUPE_OK) {
        status = troupe_engine_open(sys, &troupe_engine_sqlite, &options, &database);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &shop, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_run(sys);
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK ? 0 : 1;
}
