/* SPDX-License-Identifier: MIT
 * q_client_stage.c - a client connection with the test at the other end. */
#include "tests/protocol/q_client_stage.h"

#include <stdio.h>
#include <string.h>

enum { ROOM = 1000, OUT_LIMIT = 1 << 20, TAG = 99 };

struct trp_stream *far;
struct probe *user;
troupe_q q;
struct trp_tls_context *stage_tls;

char got[STAGE_GOT][96];
unsigned got_count;

troupe_ns attempts[STAGE_ATTEMPTS];
unsigned attempt_count;

static const char *plan;
static bool under_way;
static troupe_ns began;

/* ---- the user ---- */

static const char *content(troupe_msg *msg)
{
    static char text[80];

    if (troupe_msg_kind(msg) == TROUPE_KIND_Q_BYTES) {
        (void)snprintf(text, sizeof(text), "%d %zu bytes", troupe_q_message_type(msg),
                       troupe_msg_size(msg));
        return text;
    }
    troupe_q_value *value = troupe_q_take(msg);
    (void)snprintf(text, sizeof(text), "%s", script_text(value));
    troupe_q_unref(&value);
    return text;
}

static void remember(const troupe_msg *msg, const char *what, const char *text)
{
    ck_assert_uint_lt(got_count, STAGE_GOT);
    (void)snprintf(got[got_count++], sizeof(got[0]), "%llu %s%s",
                   (unsigned long long)troupe_msg_tag(msg), what, text);
}

static troupe_status keep(troupe_self *self, void *state, troupe_msg **msg)
{
    (void)self, (void)state;
    switch (troupe_msg_kind(*msg)) {
    case TROUPE_KIND_Q_VALUE:
        remember(*msg, "", content(*msg));
        break;
    case TROUPE_KIND_Q_PUSH:
        remember(*msg, "push ", content(*msg));
        break;
    case TROUPE_KIND_Q_SYNC:
        remember(*msg, "query ", content(*msg));
        break;
    case TROUPE_KIND_Q_RESPONSE:
        remember(*msg, "response ", content(*msg));
        break;
    case TROUPE_KIND_Q_BYTES:
        remember(*msg, "bytes ", content(*msg));
        break;
    case TROUPE_KIND_DONE:
        remember(*msg, "", "done");
        break;
    case TROUPE_KIND_FAILURE: {
        const troupe_failure *failure = troupe_msg_failure(*msg);
        char text[80];
        (void)snprintf(text, sizeof(text), "%s %.60s",
                       troupe_status_name(failure->status), failure->text);
        remember(*msg, "", text);
        break;
    }
    default:
        break;
    }
    return TROUPE_OK;
}

struct call {
    const char *text;
    troupe_ns timeout;
    uint64_t tag;
    bool again;
};

static troupe_status call_it(troupe_self *self, void *argument)
{
    const struct call *what = argument;
    troupe_q_call_options how = TROUPE_Q_CALL_OPTIONS;
    troupe_q_value *query = NULL;

    how.timeout = what->timeout;
    how.tag = what->tag;
    how.again = what->again;
    ck_assert_int_eq(troupe_q_query(what->text, 0, NULL, &query), TROUPE_OK);
    return what->timeout != 0 ? troupe_q_call_with(self, q, &query, &how, NULL)
                              : troupe_q_send(self, q, &query);
}

void call(const char *text, troupe_ns timeout, uint64_t tag)
{
    struct call what = {text, timeout, tag, false};

    ck_assert_int_eq(act(user, call_it, &what), TROUPE_OK);
}

void call_again(const char *text, troupe_ns timeout, uint64_t tag)
{
    struct call what = {text, timeout, tag, true};

    ck_assert_int_eq(act(user, call_it, &what), TROUPE_OK);
}

void expect_got(unsigned n, const char *text)
{
    ck_assert_uint_gt(got_count, n);
    ck_assert_msg(strncmp(got[n], text, strlen(text)) == 0, "%s instead of %s", got[n],
                  text);
}

size_t state_count(void)
{
    return heard_count(user, TROUPE_KIND_Q_STATE);
}

const troupe_q_state *state_nth(size_t n)
{
    static troupe_q_state state;

    memset(&state, 0, sizeof(state));
    memcpy(&state, heard_nth(user, TROUPE_KIND_Q_STATE, n)->bytes,
           sizeof(heard_nth(user, TROUPE_KIND_Q_STATE, n)->bytes));
    state.text[sizeof(state.text) - 1] = 0;
    return &state;
}

uint32_t timers_set(void)
{
    return trp_base_at(sim, 1)->wheel.count;
}

/* ---- the peer ---- */

static troupe_status connect_as_planned(void *context, troupe_self *self,
                                        struct trp_stream **out)
{
    char now = plan[0];

    (void)context;
    if (!under_way) {
        ck_assert_uint_lt(attempt_count, STAGE_ATTEMPTS);
        attempts[attempt_count++] = troupe_now(self) - began;
    }
    under_way = now == SILENT;
    if (now != SILENT && plan[1] != 0) {
        plan++;
    }
    if (now != ACCEPTED) {
        return now == SILENT ? TROUPE_EAGAIN : TROUPE_EREFUSED;
    }
    trp_stream_close(&far);
    troupe_status status = trp_stream_pair(ROOM, OUT_LIMIT, out, &far);
    if (status == TROUPE_OK) {
        trp_stream_pair_own(*out, trp_base_of(self), troupe_self_id(self));
    }
    return status;
}

void plan_next(const char *next)
{
    plan = next;
    under_way = false;
}

static void open_with(int seed, troupe_q_options *options, bool dialling)
{
    troupe_q_options checked;
    struct trp_stream *near = NULL;

    sim_begin(seed);
    began = sim_now();
    got_count = attempt_count = 0;
    user = probe_make();
    user->hook = keep;
    probe_start(user);
    options->handler = options->watcher = user->id;
    options->tag = TAG;
    ck_assert_int_eq(trp_q_client_check(options, &checked), TROUPE_OK);
    if (!dialling) {
        ck_assert_int_eq(trp_stream_pair(ROOM, OUT_LIMIT, &near, &far), TROUPE_OK);
    }
    const struct trp_q_client_args args = {.options = &checked,
                                           .stream = near,
                                           .connect = connect_as_planned,
                                           .tls = stage_tls};
    ck_assert_int_eq(troupe_system_spawn(sim, &trp_q_client, &args, NULL, &q.id),
                     TROUPE_OK);
    settle();
}

void begin_with(int seed, troupe_q_options options)
{
    open_with(seed, &options, false);
}

void begin(int seed)
{
    begin_with(seed, TROUPE_Q_OPTIONS);
}

void begin_dialling(int seed, troupe_q_options options, const char *what)
{
    plan_next(what);
    open_with(seed, &options, true);
}

void end(void)
{
    trp_stream_close(&far);
    sim_end();
}

void accept_login(void)
{
    script_expect(far, ":\6", 3);
    script_write(far, "\6", 1, 0);
}

void lose(void)
{
    trp_stream_close(&far);
    settle();
}
