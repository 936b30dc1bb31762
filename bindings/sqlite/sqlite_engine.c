/* SPDX-License-Identifier: MIT
 * sqlite_engine.c - calls, and their grouping into transactions.
 *
 *   call --> BEGIN when none is open --> SAVEPOINT, run, RELEASE --> held
 *                                           \-- it failed: undone, answered at once
 *   nobody waits, the group is full or old --> COMMIT --> all held are answered
 *
 * Some failures (an interrupt, a full disk) make SQLite roll back the whole transaction.
 * Nobody in it has been answered, so the others just run again, each alone. */
#include <stdio.h>

#include <troupe/subscription.h>

#include "bindings/sqlite/sql.h"

#define GROUP_AGE TROUPE_MS(2)

/* A call that has run and waits for the commit. */
struct trp_sql_held {
    troupe_id asker;     /* nobody: it was told */
    troupe_msg *request; /* to run it again */
    troupe_msg *answer;
};

static troupe_status make_failure(const struct trp_sqlite *lite, troupe_status status,
                                  troupe_msg **answer)
{
    troupe_status made =
        troupe_msg_new_failure(status, TROUPE_NOBODY, answer, "%s", lite->text);

    return made == TROUPE_OK ? status : made;
}

/* Runs a request and makes its answer. */
static troupe_status run(struct trp_sqlite *lite, const troupe_msg *request,
                         troupe_msg **answer)
{
    struct trp_sql_result *result = trp_calloc(1, sizeof(*result));
    struct trp_sql_sink sink = {.result = result};
    troupe_status status = TROUPE_ENOMEM;

    (void)snprintf(lite->text, sizeof(lite->text), "%s", troupe_status_text(status));
    if (result != NULL) {
        status = trp_sql_run(lite, trp_sql_request_of(request), &sink);
        if (status == TROUPE_OK) {
            status = trp_sql_result_msg(TROUPE_KIND_SQL_RESULT, &result, answer);
        }
        trp_sql_result_free(&result);
    }
    return status;
}

/* One of the engine's own statements failed. */
static troupe_status own_failed(struct trp_sqlite *lite, const char *what, int code)
{
    (void)snprintf(lite->text, sizeof(lite->text), "%s: %s", what,
                   sqlite3_errmsg(lite->db));
    return (code & 0xff) == SQLITE_BUSY ? TROUPE_EBUSY : trp_sqlite_status(code);
}

static troupe_status begin(struct trp_sqlite *lite)
{
    int code = trp_sqlite_own(lite, lite->begin);

    return code == SQLITE_OK ? TROUPE_OK : own_failed(lite, "not begun", code);
}

static troupe_status commit(struct trp_sqlite *lite)
{
    int code = trp_sqlite_own(lite, lite->commit);

    if (code == SQLITE_OK) {
        return TROUPE_OK;
    }
    troupe_status status = own_failed(lite, "not committed", code);
    if (sqlite3_get_autocommit(lite->db) == 0) {
        (void)trp_sqlite_own(lite, lite->rollback);
    }
    return status;
}

/* A call in a transaction of its own. */
static troupe_status run_alone(struct trp_sqlite *lite, const troupe_msg *request,
                               troupe_msg **answer)
{
    troupe_status status = begin(lite);

    if (status != TROUPE_OK) {
        return status;
    }
    status = run(lite, request, answer);
    if (status == TROUPE_OK) {
        status = commit(lite);
    } else if (sqlite3_get_autocommit(lite->db) == 0) {
        (void)trp_sqlite_own(lite, lite->rollback);
    }
    if (status != TROUPE_OK) {
        troupe_msg_free(answer);
    }
    return status;
}

/* ---- groups ---- */

static void reply(troupe_self *self, struct trp_sql_held *held)
{
    if (!troupe_id_is_nobody(held->asker) && held->answer != NULL) {
        troupe_status status = troupe_reply_to(self, held->asker, &held->answer);
        (void)status; /* nobody waits any more */
    }
    troupe_msg_free(&held->answer);
    troupe_msg_free(&held->request);
}

/* Answers with a failure; without memory for one, the asker's own limit serves. */
static void reply_failure(struct trp_sqlite *lite, troupe_self *self,
                          struct trp_sql_held *held, troupe_status status)
{
    troupe_msg_free(&held->answer);
    (void)make_failure(lite, status, &held->answer);
    reply(self, held);
}

static void finish_group(struct trp_sqlite *lite, troupe_self *self)
{
    if (!lite->grouping) {
        return;
    }
    lite->grouping = false;
    uint32_t count = lite->held_count;
    lite->held_count = 0;
    troupe_status status = commit(lite);
    for (uint32_t i = 0; i < count; i++) {
        if (status == TROUPE_OK) {
            reply(self, &lite->held[i]);
        } else {
            reply_failure(lite, self, &lite->held[i], status);
        }
    }
}

/* The transaction is gone: what it held runs again. */
static void run_again(struct trp_sqlite *lite, troupe_self *self)
{
    uint32_t count = lite->held_count;

    lite->self = NULL; /* the interrupt was not meant for these */
    lite->grouping = false;
    lite->held_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct trp_sql_held *held = &lite->held[i];
        troupe_msg_free(&held->answer);
        troupe_status status = run_alone(lite, held->request, &held->answer);
        if (status == TROUPE_OK) {
            reply(self, held);
        } else {
            reply_failure(lite, self, held, status);
        }
    }
}

static void hold(struct trp_sqlite *lite, troupe_self *self, troupe_msg **request,
                 troupe_msg **answer)
{
    struct trp_sql_held *held = &lite->held[lite->held_count++];
    bool asked = troupe_msg_wants_answer(*request);

    *held =
        (struct trp_sql_held){.asker = asked ? troupe_msg_from(*request) : TROUPE_NOBODY,
                              .request = *request,
                              .answer = *answer};
    *request = *answer = NULL;
    if (lite->held_count == lite->config.group_max) {
        finish_group(lite, self);
    }
}

/* Runs a call inside the open group, in a savepoint. */
static troupe_status run_in_group(struct trp_sqlite *lite, troupe_self *self,
                                  const troupe_msg *request, troupe_msg **answer)
{
    int code = trp_sqlite_own(lite, lite->save);

    if (code != SQLITE_OK) {
        return own_failed(lite, "no savepoint", code);
    }
    troupe_status status = run(lite, request, answer);
    if (status == TROUPE_OK) {
        code = trp_sqlite_own(lite, lite->release);
        status = code == SQLITE_OK ? TROUPE_OK : own_failed(lite, "not released", code);
    }
    if (status == TROUPE_OK) {
        return TROUPE_OK;
    }
    troupe_msg_free(answer);
    if (sqlite3_get_autocommit(lite->db) == 0) {
        (void)trp_sqlite_own(lite, lite->undo);
        (void)trp_sqlite_own(lite, lite->release);
        return status;
    }
    char why[TROUPE_FAILURE_TEXT];
    memcpy(why, lite->text, sizeof(why));
    run_again(lite, self);
    memcpy(lite->text, why, sizeof(why));
    return status;
}

/* ---- the engine ---- */

static troupe_status stream(struct trp_sqlite *lite, troupe_self *self,
                            const troupe_msg *request)
{
    struct trp_sql_sink sink = {.self = self, .to = troupe_msg_from(request)};
    bool reads = false;

    finish_group(lite, self);
    troupe_status status = trp_sql_reads_only(lite, trp_sql_request_of(request), &reads);
    if (status == TROUPE_OK) {
        status = reads ? trp_sql_run(lite, trp_sql_request_of(request), &sink)
                       : TROUPE_EUNSUPPORTED;
    }
    troupe_status ended = troupe_offer_end(self, sink.to, status);
    (void)ended; /* the consumer may be gone */
    return status == TROUPE_OK ? TROUPE_EAGAIN : status;
}

/* A call in the open group, which begins now when there is none. */
static troupe_status join_group(struct trp_sqlite *lite, troupe_self *self,
                                const troupe_msg *request, troupe_msg **answer)
{
    if (!lite->grouping) {
        troupe_status status = begin(lite);
        if (status != TROUPE_OK) {
            return status;
        }
        lite->grouping = true;
        lite->since = troupe_now(self);
    }
    return run_in_group(lite, self, request, answer);
}

/* Without a `self`, or inside another call, there is nobody to answer later. */
static bool can_wait(const struct trp_sqlite *lite, const troupe_self *self,
                     const troupe_msg *request)
{
    return self != NULL && lite->config.group_max > 1 &&
           !troupe_id_equal(troupe_msg_from(request), troupe_self_id(self));
}

static troupe_status call(struct trp_sqlite *lite, troupe_self *self,
                          troupe_msg **request, troupe_msg **answer)
{
    bool waits = can_wait(lite, self, *request), reads = false;
    troupe_status status = trp_sql_reads_only(lite, trp_sql_request_of(*request), &reads);

    if (status == TROUPE_OK && (lite->grouping || (waits && !reads))) {
        status = join_group(lite, self, *request, answer);
        if (status == TROUPE_OK && waits) {
            hold(lite, self, request, answer);
            return TROUPE_EAGAIN;
        }
    } else if (status == TROUPE_OK) {
        status = reads ? run(lite, *request, answer) : run_alone(lite, *request, answer);
    }
    return status == TROUPE_OK ? TROUPE_OK : make_failure(lite, status, answer);
}

static troupe_status execute(troupe_self *self, void *engine, troupe_msg **request,
                             troupe_msg **answer)
{
    struct trp_sqlite *lite = engine;

    if (trp_sql_request_of(*request) == NULL) {
        return TROUPE_EUNSUPPORTED;
    }
    if (lite->grouping && troupe_now(self) - lite->since > GROUP_AGE) {
        finish_group(lite, self);
    }
    troupe_status status = TROUPE_EUNSUPPORTED;
    lite->self = self;
    if (troupe_msg_kind(*request) == TROUPE_KIND_SQL) {
        status = call(lite, self, request, answer);
    } else if (self != NULL && !troupe_msg_wants_answer(*request)) {
        status = stream(lite, self, *request);
    }
    lite->self = NULL;
    return status;
}

static void settle(troupe_self *self, void *engine)
{
    finish_group(engine, self);
}

static void interrupt(void *engine)
{
    struct trp_sqlite *lite = engine;

    sqlite3_interrupt(lite->db);
}

static void close_engine(troupe_self *self, void *engine)
{
    struct trp_sqlite *lite = engine;

    finish_group(lite, self);
    trp_sql_cache_free(lite);
    if (lite->config.synchronous == TROUPE_SQLITE_FULL) {
        lite->own = true;
        (void)sqlite3_exec(lite->db, "PRAGMA optimize", NULL, NULL, NULL);
        lite->own = false;
    }
    trp_sqlite_close(lite);
    trp_free(lite->held);
    trp_free(lite);
}

static troupe_status open_engine(troupe_self *self, const void *config, void **out)
{
    const troupe_sqlite_config defaults = TROUPE_SQLITE_CONFIG;
    struct trp_sqlite *lite = trp_calloc(1, sizeof(*lite));

    (void)self;
    if (lite == NULL) {
        return TROUPE_ENOMEM;
    }
    lite->config = config != NULL ? *(const troupe_sqlite_config *)config : defaults;
    troupe_status status = trp_sqlite_open(lite);
    if (status == TROUPE_OK) {
        lite->held = trp_calloc(lite->config.group_max, sizeof(*lite->held));
        if (lite->held == NULL) {
            trp_sqlite_close(lite);
            status = TROUPE_ENOMEM;
        }
    }
    if (status != TROUPE_OK) {
        trp_free(lite);
        return status;
    }
    *out = lite;
    return TROUPE_OK;
}

const troupe_engine_ops troupe_engine_sqlite = {
    .version = TROUPE_ENGINE_VERSION,
    .capabilities = TROUPE_ENGINE_CAN_INTERRUPT,
    .name = "sqlite",
    .open = open_engine,
    .execute = execute,
    .interrupt = interrupt,
    .close = close_engine,
    .settle = settle,
};
