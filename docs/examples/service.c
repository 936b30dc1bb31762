/* SPDX-License-Identifier: MIT
 * service.c - a small shop, composed of what the runtime has.
 *
 *   customer --ask--> router --the same request--> worker 1..3 --ask--> store (SQLite)
 *      ^                                           |  ^                 on its own thread
 *      +----------------- receipt -----------------+  | restarts
 *                                                  |  supervisor
 *                                topic "sold" <----+
 *                                 |         |
 *                               display   auditor: too slow, so it learns what it missed
 *
 * A worker dies of every tenth order; its supervisor starts another, and the customer
 * asks again. At the end everything stops in order, and the store last. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <troupe/sqlite.h>
#include <troupe/troupe.h>

enum { ORDER = TROUPE_KIND_USER, RECEIPT, SOLD, NEXT, AGAIN };
enum { ORDERS = 60, BURST = 6, WORKERS = 3 };

struct order {
    uint64_t number;
    uint64_t attempt;
};

/* Makes a message with a copy of a struct. */
static troupe_status make(troupe_kind kind, const void *body, size_t size,
                          troupe_msg **out)
{
    troupe_status status = troupe_msg_new(kind, size, out);

    if (status == TROUPE_OK && size != 0) {
        memcpy(troupe_msg_body(*out), body, size);
    }
    return status;
}

static troupe_status ask_store(troupe_self *self, const char *sql, int64_t number,
                               int64_t cents, uint64_t tag)
{
    troupe_msg *msg = NULL;
    troupe_id store;

    troupe_status status = troupe_whereis(troupe_self_system(self), "store", &store);
    if (status == TROUPE_OK) {
        status = troupe_sql_new(sql, &msg);
    }
    if (status == TROUPE_OK && cents != 0) {
        status = troupe_sql_bind_int64(msg, number);
    }
    if (status == TROUPE_OK && cents != 0) {
        status = troupe_sql_bind_int64(msg, cents);
    }
    if (status == TROUPE_OK) {
        status = troupe_ask(self, store, &msg, TROUPE_S(5), tag, NULL);
    }
    troupe_msg_free(&msg);
    return status;
}

/* ---- worker: prices an order, has it stored, answers, and tells the world. It is
 * serial: between asking the store and its answer it hears nothing else. */

struct worker {
    troupe_id customer;
    struct order order;
};

static int64_t price_of(const struct order *order)
{
    return 100 + (int64_t)(order->number * 37 % 500);
}

static troupe_status take_order(troupe_self *self, void *state, troupe_msg **msg)
{
    struct worker *worker = state;

    worker->customer = troupe_msg_from(*msg);
    memcpy(&worker->order, troupe_msg_body(*msg), sizeof(worker->order));
    if (worker->order.number % 10 == 0 && worker->order.attempt == 0) {
        return TROUPE_ESTATE; /* dies; whoever asked it is told, its supervisor too */
    }
    return ask_store(self, "insert or ignore into sold values (?, ?)",
                     (int64_t)worker->order.number, price_of(&worker->order), 0);
}

static troupe_status order_stored(troupe_self *self, void *state, troupe_msg **msg)
{
    struct worker *worker = state;
    int64_t cents = price_of(&worker->order);
    troupe_msg *out = NULL;

    (void)msg;
    troupe_status status = make(RECEIPT, &cents, sizeof(cents), &out);
    if (status == TROUPE_OK) {
        status = troupe_reply_to(self, worker->customer, &out);
        troupe_msg_free(&out); /* it may have given up: then the receipt is still ours */
    }
    if (status == TROUPE_OK || status == TROUPE_EGONE) {
        status = make(SOLD, &worker->order, sizeof(worker->order), &out);
    }
    if (status == TROUPE_OK) {
        status = troupe_publish(self, "sold", &out);
        troupe_msg_free(&out);
    }
    return status;
}

static troupe_status not_stored(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_status status =
        troupe_fail(self, ((struct worker *)state)->customer, troupe_msg_status(*msg),
                    "not stored: %s", troupe_msg_failure(*msg)->text);

    return status == TROUPE_EGONE ? TROUPE_OK : status;
}

static const troupe_handler worker_handlers[] = {{ORDER, take_order},
                                                 {TROUPE_KIND_SQL_RESULT, order_stored},
                                                 {TROUPE_KIND_FAILURE, not_stored}};
static const troupe_behavior worker_behavior = {.name = "worker",
                                                .state_size = sizeof(struct worker),
                                                .handlers = worker_handlers,
                                                .handler_count = 3,
                                                .flags = TROUPE_SERIAL};

/* ---- router: passes each order on to the next worker, who answers in its place. */

static const char *const worker_names[WORKERS] = {"worker 1", "worker 2", "worker 3"};

static troupe_status route(troupe_self *self, void *state, troupe_msg **msg)
{
    uint64_t *next = state;
    troupe_id worker;

    for (int tries = 0; tries < WORKERS; tries++) {
        const char *name = worker_names[(*next)++ % WORKERS];
        if (troupe_whereis(troupe_self_system(self), name, &worker) == TROUPE_OK &&
            troupe_tell(self, worker, msg) == TROUPE_OK) {
            return TROUPE_OK;
        }
    }
    return troupe_fail(self, troupe_msg_from(*msg), TROUPE_EBUSY, "no worker is free");
}

static const troupe_handler router_handlers[] = {{ORDER, route}};
static const troupe_behavior router_behavior = {.name = "router",
                                                .state_size = sizeof(uint64_t),
                                                .handlers = router_handlers,
                                                .handler_count = 1};

/* ---- display and auditor: both hear what was sold. */

struct listener {
    unsigned heard, missed;
};

static troupe_status listen_to_sold(troupe_self *self, void *state, const void *args)
{
    (void)state;
    (void)args;
    return troupe_topic_subscribe(self, "sold", 0);
}

static troupe_status display_sold(troupe_self *self, void *state, troupe_msg **msg)
{
    struct listener *display = state;

    (void)self;
    (void)msg;
    display->heard++;
    return TROUPE_OK;
}

static void stop_display(troupe_self *self, void *state, troupe_status reason)
{
    (void)self;
    (void)reason;
    printf("display: %u sales shown\n", ((struct listener *)state)->heard);
}

static const troupe_handler display_handlers[] = {{SOLD, display_sold}};
static const troupe_behavior display_behavior = {.name = "display",
                                                 .state_size = sizeof(struct listener),
                                                 .start = listen_to_sold,
                                                 .stop = stop_display,
                                                 .handlers = display_handlers,
                                                 .handler_count = 1};

/* Recounts everything for each sale, and meanwhile hears nothing. */
static troupe_status audit(troupe_self *self, void *state, troupe_msg **msg)
{
    struct listener *auditor = state;

    switch (troupe_msg_kind(*msg)) {
    case SOLD:
        auditor->heard++;
        return ask_store(self, "select count(*), sum(cents) from sold", 0, 0, 0);
    case TROUPE_KIND_GAP:
        auditor->missed += (unsigned)troupe_msg_tag(*msg);
        return TROUPE_OK;
    default:
        return TROUPE_OK; /* the count, or why there is none */
    }
}

static void stop_audit(troupe_self *self, void *state, troupe_status reason)
{
    const struct listener *auditor = state;

    (void)self;
    (void)reason;
    printf("auditor: %u sales audited, %u known to be missed\n", auditor->heard,
           auditor->missed);
}

static const troupe_behavior auditor_behavior = {.name = "auditor",
                                                 .state_size = sizeof(struct listener),
                                                 .start = listen_to_sold,
                                                 .receive = audit,
                                                 .stop = stop_audit,
                                                 .mailbox_limit = 1,
                                                 .flags = TROUPE_SERIAL};

/* ---- customer: some orders every few milliseconds; asks again when one fails. */

struct customer {
    troupe_id router;
    uint64_t ordered, received, repeated;
    troupe_timer timer;
};

static troupe_status place(troupe_self *self, const struct customer *customer,
                           uint64_t number, uint64_t attempt)
{
    struct order order = {number, attempt};
    troupe_msg *msg = NULL;

    troupe_status status = make(ORDER, &order, sizeof(order), &msg);
    if (status == TROUPE_OK) {
        status = troupe_ask(self, customer->router, &msg, TROUPE_S(2), number, NULL);
        troupe_msg_free(&msg);
    }
    return status;
}

static troupe_status enter(troupe_self *self, void *state, const void *args)
{
    struct customer *customer = state;

    customer->router = *(const troupe_id *)args;
    return troupe_every(self, TROUPE_MS(3), NEXT, 0, &customer->timer);
}

static troupe_status shop(troupe_self *self, void *state, troupe_msg **msg)
{
    struct customer *customer = state;
    uint64_t tag = troupe_msg_tag(*msg);
    troupe_status status = TROUPE_OK;

    switch (troupe_msg_kind(*msg)) {
    case NEXT:
        for (int i = 0; i < BURST && customer->ordered < ORDERS; i++) {
            status = place(self, customer, ++customer->ordered, 0);
            if (status != TROUPE_OK) {
                break;
            }
        }
        return status;
    case TROUPE_KIND_FAILURE:
        customer->repeated++;
        return troupe_after(self, TROUPE_MS(2), AGAIN, tag, NULL);
    case AGAIN:
        return place(self, customer, tag, 1);
    case RECEIPT:
        if (++customer->received < ORDERS) {
            return TROUPE_OK;
        }
        (void)troupe_timer_cancel(self, customer->timer);
        return ask_store(self, "select count(*), sum(cents) from sold", 0, 0, 0);
    case TROUPE_KIND_SQL_RESULT:
        printf("customer: %" PRIu64 " receipts, %" PRIu64 " orders repeated\n",
               customer->received, customer->repeated);
        printf("store: %" PRId64 " sales, %" PRId64 " cents\n",
               troupe_sql_int64(*msg, 0, 0), troupe_sql_int64(*msg, 0, 1));
        troupe_system_shutdown(troupe_self_system(self), TROUPE_S(10));
        return troupe_sql_int64(*msg, 0, 0) == ORDERS ? TROUPE_OK : TROUPE_EPROTO;
    default:
        return TROUPE_OK;
    }
}

static const troupe_behavior customer_behavior = {.name = "customer",
                                                  .state_size = sizeof(struct customer),
                                                  .start = enter,
                                                  .receive = shop};

/* ---- the service ---- */

static troupe_status open_store(troupe_system *sys, const char *path)
{
    troupe_sqlite_config config = TROUPE_SQLITE_CONFIG;
    troupe_engine_options options = TROUPE_ENGINE_OPTIONS;
    troupe_msg *msg = NULL;
    troupe_msg *answer = NULL;
    troupe_id store;

    config.path = path; /* NULL: in memory */
    options.name = "store";
    options.config = &config;
    troupe_status status =
        troupe_engine_open(sys, &troupe_engine_sqlite, &options, &store);
    if (status == TROUPE_OK) {
        status = troupe_sql_new("create table if not exists sold (number integer primary "
                                "key, cents integer not null) strict",
                                &msg);
    }
    if (status == TROUPE_OK) {
        status = troupe_call(sys, store, &msg, TROUPE_S(10), &answer, NULL);
    }
    troupe_msg_free(&answer);
    troupe_msg_free(&msg);
    return status;
}

static troupe_status spawn_workers(troupe_system *sys)
{
    troupe_child_spec children[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        children[i] = (troupe_child_spec){.name = worker_names[i],
                                          .behavior = &worker_behavior,
                                          .restart = TROUPE_PERMANENT};
    }
    troupe_supervisor_spec spec = {.strategy = TROUPE_ONE_FOR_ONE,
                                   .children = children,
                                   .child_count = WORKERS,
                                   .intensity = 20,
                                   .period = TROUPE_S(1)};
    return troupe_system_spawn(sys, &troupe_supervisor, &spec, NULL, NULL);
}

/* Whoever is spawned last is stopped first. */
static troupe_status open_shop(troupe_system *sys, const char *path)
{
    troupe_id router;

    troupe_status status = open_store(sys, path);
    if (status == TROUPE_OK) {
        status = spawn_workers(sys);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &router_behavior, NULL, NULL, &router);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &display_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &auditor_behavior, NULL, NULL, NULL);
    }
    if (status == TROUPE_OK) {
        status = troupe_system_spawn(sys, &customer_behavior, &router, NULL, NULL);
    }
    return status;
}

int main(int argc, char **argv)
{
    troupe_system *sys = NULL;
    troupe_stats stats = {0};

    troupe_status status = troupe_system_new(NULL, &sys);
    if (status == TROUPE_OK) {
        troupe_log_to(sys, TROUPE_LOG_WARN, troupe_log_stderr, NULL);
        status = troupe_system_start(sys);
    }
    if (status == TROUPE_OK) {
        status = open_shop(sys, argc > 1 ? argv[1] : NULL);
        if (status != TROUPE_OK) {
            troupe_system_shutdown(sys, 0);
        }
        (void)troupe_system_join(sys);
        troupe_system_stats(sys, &stats);
        printf("messages: %s\n", stats.accepted == stats.delivered + stats.dropped
                                     ? "every one is accounted for"
                                     : "some are lost");
    }
    if (status != TROUPE_OK) {
        (void)fprintf(stderr, "%s\n", troupe_status_text(status));
    }
    troupe_system_free(&sys);
    return status == TROUPE_OK && stats.accepted == stats.delivered + stats.dropped ? 0
                                                                                    : 1;
}
