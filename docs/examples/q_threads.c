/* SPDX-License-Identifier: MIT
 * q_threads.c - many threads, one table: calls to an embedded q and to a server. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/q_connection.h>

#include "q_example.h"

enum { THREADS = 20, ROWS = 50 };

static troupe_q_value *row(int64_t source, int64_t number)
{
    const int64_t items[2] = {source, number};
    troupe_q_value *value = NULL;

    must(troupe_q_vector(TROUPE_Q_LONG, 2, items, &value));
    return value;
}

/* Evaluated on the embedded q's own thread; this one sleeps until it is answered. */
static void *upsert_embedded(void *source)
{
    for (int64_t i = 0; i < ROWS; i++) {
        troupe_q_value *arg = row(*(const int64_t *)source, i), *query = NULL;
        troupe_msg *msg = NULL, *answer = NULL;
        must(troupe_q_query("{`table upsert x}", 1, &arg, &query));
        must(troupe_embedq_msg(TROUPE_KIND_Q_EVAL, &query, &msg));
        must(troupe_call(sys, embedded, &msg, TROUPE_NEVER, &answer, NULL));
        troupe_msg_free(&answer);
        troupe_q_unref(&arg);
    }
    return NULL;
}

static troupe_q_connection *shared; /* by all threads; it needs no lock */

/* Has all its calls under way at once, then blocks on their futures. */
static void *upsert_remote(void *source)
{
    troupe_q_future *futures[ROWS];

    for (int64_t i = 0; i < ROWS; i++) {
        troupe_q_request request = TROUPE_Q_REQUEST;
        troupe_q_value *arg = row(*(const int64_t *)source, i);
        request.text = "{`table upsert x}";
        request.count = 1;
        request.args = &arg;
        must(troupe_q_connection_call_async(shared, &request, &futures[i], NULL, NULL));
        troupe_q_unref(&arg);
    }
    for (int64_t i = 0; i < ROWS; i++) {
        must(troupe_q_future_wait(futures[i], TROUPE_NEVER, NULL, NULL));
        troupe_q_future_unref(&futures[i]);
    }
    return NULL;
}

static void with_threads(void *(*run)(void *))
{
    pthread_t threads[THREADS];
    int64_t sources[THREADS];

    for (int i = 0; i < THREADS; i++) {
        sources[i] = i;
        if (pthread_create(&threads[i], NULL, run, &sources[i]) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ---- a lock, for what must not overlap with a call ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned calls; /* under the mutex */

static void acquire(void *context)
{
    (void)pthread_mutex_lock(context);
    calls++;
}

static void release(void *context)
{
    (void)pthread_mutex_unlock(context);
}

static troupe_q_connection *open_locked(void)
{
    static const troupe_q_lock lock = {acquire, release, &mutex};
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.host = "127.0.0.1";
    options.port = port;
    options.lock = &lock; /* held around each call, its answer included */
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static void *upsert_locked(void *source)
{
    for (int64_t i = 0; i < ROWS; i++) {
        troupe_q_value *arg = row(*(const int64_t *)source, i);
        must(troupe_q_connection_query(shared, "{`table upsert x}", 1, &arg, NULL, NULL));
        troupe_q_unref(&arg);
    }
    return NULL;
}

/* ---- all of it ---- */

static troupe_q_connection *open_shared(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.kind = TROUPE_Q_ASYNC_CONNECTION;
    options.host = "127.0.0.1";
    options.port = port;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    must(troupe_q_connection_await(conn, &why));
    return conn;
}

static void query_is(const char *query, const char *expected)
{
    troupe_q_value *answer = NULL;

    must(troupe_q_connection_query(shared, query, 0, NULL, &answer, &why));
    is(&answer, expected);
}

int main(void)
{
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve(TROUPE_Q_SERVER_OPTIONS);
    shared = open_shared();
    query_is("table:([]a:10?10;b:10?10);", "::");
    with_threads(upsert_embedded);
    query_is("count table", "1010");
    with_threads(upsert_remote);
    query_is("count table", "2010");
    troupe_q_connection_free(&shared);
    shared = open_locked();
    with_threads(upsert_locked);
    query_is("count table", "3010");
    (void)printf("%u calls under the lock\n", calls);
    troupe_q_connection_free(&shared);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
