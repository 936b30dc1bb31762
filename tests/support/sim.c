/* SPDX-License-Identifier: MIT
 * sim.c - the system under test, its clock, and its probes. */
#include "tests/support/sim.h"

#include <string.h>

#include "mailbox/alloc.h"

troupe_system *sim;
static troupe_ns now;
static struct probe *probes;

struct deed {
    act_fn what;
    void *argument;
    troupe_status status;
    bool done;
};

/* ---- the system ---- */

void sim_begin_with(troupe_options options)
{
    options.simulated = true;
    now = 0;
    probes = NULL;
    sim = NULL;
    ck_assert_int_eq(troupe_system_new(&options, &sim), TROUPE_OK);
}

void sim_begin(int seed)
{
    troupe_options options = TROUPE_OPTIONS;

    options.seed = (uint64_t)seed;
    options.trace = "off";
    sim_begin_with(options);
}

void sim_end(void)
{
    if (sim != NULL) {
        check_accounts();
    }
    troupe_system_free(&sim);
    ck_assert_ptr_null(sim);
    while (probes != NULL) {
        struct probe *probe = probes;
        probes = probe->next;
        ck_assert_uint_eq(probe->ends, probe->starts);
        trp_free(probe->heard);
        trp_free(probe);
    }
}

troupe_ns sim_now(void)
{
    return now;
}

void run_until(troupe_ns when)
{
    for (;;) {
        troupe_ns next = troupe_system_step(sim, now);
        ck_assert(next >= now);
        if (next > when) {
            break;
        }
        now = next;
    }
    now = when;
    (void)troupe_system_step(sim, now);
}

void settle(void)
{
    while (troupe_system_step(sim, now) == now) {
    }
}

void run_for(troupe_ns span)
{
    run_until(now + span);
}

troupe_stats stats(void)
{
    troupe_stats out;

    troupe_system_stats(sim, &out);
    return out;
}

void check_accounts(void)
{
    troupe_stats all = stats();

    ck_assert_uint_eq(all.accepted, all.delivered + all.dropped + all.queued);
}

/* ---- probes ---- */

struct probe *probe_of(troupe_self *self, void *state)
{
    struct probe *probe = *(struct probe **)state;

    ck_assert(troupe_id_equal(troupe_self_id(self), probe->id));
    return probe;
}

static troupe_status probe_begins(troupe_self *self, void *state, const void *args)
{
    struct probe *probe = (struct probe *)(uintptr_t)args;

    *(struct probe **)state = probe;
    probe->id = troupe_self_id(self);
    probe->started = true;
    probe->starts++;
    probe->ended = false;
    return probe->start_with;
}

static void remember(struct probe *probe, const troupe_self *self, const troupe_msg *msg)
{
    if (probe->count == probe->capacity) {
        probe->capacity = probe->capacity != 0 ? probe->capacity * 2 : 16;
        probe->heard = trp_realloc(probe->heard, probe->capacity * sizeof(*probe->heard));
        ck_assert_ptr_nonnull(probe->heard);
    }
    struct heard *heard = &probe->heard[probe->count++];
    *heard = (struct heard){.kind = troupe_msg_kind(msg),
                            .tag = troupe_msg_tag(msg),
                            .from = troupe_msg_from(msg),
                            .status = troupe_msg_status(msg),
                            .answer = troupe_msg_is_answer(msg),
                            .wants_answer = troupe_msg_wants_answer(msg),
                            .size = troupe_msg_size(msg),
                            .when = troupe_now(self)};
    const void *bytes = troupe_msg_body(msg);
    size_t size = heard->size < sizeof(heard->bytes) ? heard->size : sizeof(heard->bytes);
    if (troupe_msg_failure(msg) != NULL) {
        bytes = troupe_msg_failure(msg)->text;
    }
    if (size != 0 && bytes != NULL) {
        memcpy(heard->bytes, bytes, size);
    }
    if (heard->kind == TROUPE_KIND_DOWN || heard->kind == TROUPE_KIND_EXIT) {
        troupe_down down;
        memcpy(&down, troupe_msg_body(msg), sizeof(down));
        heard->status = down.reason;
        heard->who = down.id;
    }
}

static troupe_status probe_hears(troupe_self *self, void *state, troupe_msg **msg)
{
    struct probe *probe = probe_of(self, state);

    if (troupe_msg_kind(*msg) == KIND_DO) {
        struct deed *deed;
        memcpy(&deed, troupe_msg_body(*msg), sizeof(struct deed *));
        deed->status = deed->what(self, deed->argument);
        deed->done = true;
        return TROUPE_OK;
    }
    if (troupe_msg_kind(*msg) == KIND_CRASH) {
        return (troupe_status)(int64_t)troupe_msg_tag(*msg);
    }
    remember(probe, self, *msg);
    return probe->hook != NULL ? probe->hook(self, state, msg) : TROUPE_OK;
}

static void probe_ends(troupe_self *self, void *state, troupe_status reason)
{
    struct probe *probe = *(struct probe **)state;

    (void)self;
    probe->ended = true;
    probe->reason = reason;
    probe->ends++;
}

struct probe *probe_make(void)
{
    struct probe *probe = trp_calloc(1, sizeof(*probe));

    ck_assert_ptr_nonnull(probe);
    probe->behavior = (troupe_behavior){.name = "probe",
                                        .state_size = sizeof(struct probe *),
                                        .start = probe_begins,
                                        .receive = probe_hears,
                                        .stop = probe_ends};
    probe->next = probes;
    probes = probe;
    return probe;
}

troupe_status probe_try_start(struct probe *probe, const troupe_spawn_options *options)
{
    return troupe_system_spawn(sim, &probe->behavior, probe, options, NULL);
}

void probe_start(struct probe *probe)
{
    ck_assert_int_eq(probe_try_start(probe, NULL), TROUPE_OK);
}

struct probe *probe_new(void)
{
    struct probe *probe = probe_make();

    probe_start(probe);
    return probe;
}

size_t heard_count(const struct probe *probe, troupe_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < probe->count; i++) {
        count += probe->heard[i].kind == kind;
    }
    return count;
}

const struct heard *heard_nth(const struct probe *probe, troupe_kind kind, size_t n)
{
    for (size_t i = 0; i < probe->count; i++) {
        if (probe->heard[i].kind == kind && n-- == 0) {
            return &probe->heard[i];
        }
    }
    ck_abort_msg("kind %s was heard %zu times only", troupe_kind_name(kind),
                 heard_count(probe, kind));
    return NULL;
}

const struct heard *heard_last(const struct probe *probe)
{
    ck_assert_uint_gt(probe->count, 0);
    return &probe->heard[probe->count - 1];
}

void forget(struct probe *probe)
{
    probe->count = 0;
}

/* ---- doing ---- */

troupe_status act(struct probe *probe, act_fn what, void *argument)
{
    struct deed deed = {.what = what, .argument = argument};
    struct deed *pointer = &deed;
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(KIND_DO, sizeof(struct deed *), &msg), TROUPE_OK);
    memcpy(troupe_msg_body(msg), &pointer, sizeof(struct deed *));
    ck_assert_int_eq(troupe_post(sim, probe->id, &msg), TROUPE_OK);
    settle();
    ck_assert_msg(deed.done, "the probe did not run");
    return deed.status;
}

struct call {
    troupe_id id;
    troupe_kind kind;
    uint64_t tag;
    troupe_ns time;
    size_t count;
    void *out;
    struct probe *child;
    const troupe_spawn_options *options;
};

static troupe_status do_spawn(troupe_self *self, void *argument)
{
    const struct call *call = argument;

    return troupe_spawn(self, &call->child->behavior, call->child, call->options, NULL);
}

troupe_status act_spawn(struct probe *by, struct probe *child,
                        const troupe_spawn_options *options)
{
    struct call call = {.child = child, .options = options};

    return act(by, do_spawn, &call);
}

static troupe_status do_tell(troupe_self *self, void *argument)
{
    const struct call *call = argument;

    return troupe_signal(self, call->id, call->kind, call->tag);
}

troupe_status act_tell(struct probe *probe, troupe_id to, troupe_kind kind, uint64_t tag)
{
    struct call call = {.id = to, .kind = kind, .tag = tag};

    return act(probe, do_tell, &call);
}

static troupe_status do_ask(troupe_self *self, void *argument)
{
    const struct call *call = argument;
    troupe_msg *msg = NULL;

    troupe_status status = troupe_msg_new(call->kind, 0, &msg);
    if (status == TROUPE_OK) {
        status = troupe_ask(self, call->id, &msg, call->time, call->tag, call->out);
        ck_assert((msg == NULL) == (status == TROUPE_OK));
        troupe_msg_free(&msg);
    }
    return status;
}

troupe_status act_ask(struct probe *probe, troupe_id to, troupe_kind kind,
                      troupe_ns timeout, uint64_t tag, troupe_future *out)
{
    struct call call = {.id = to, .kind = kind, .time = timeout, .tag = tag, .out = out};

    return act(probe, do_ask, &call);
}

static troupe_status do_watch(troupe_self *self, void *argument)
{
    return troupe_watch(self, ((struct call *)argument)->id);
}

troupe_status act_watch(struct probe *probe, troupe_id target)
{
    struct call call = {.id = target};

    return act(probe, do_watch, &call);
}

static troupe_status do_unwatch(troupe_self *self, void *argument)
{
    troupe_unwatch(self, ((struct call *)argument)->id);
    return TROUPE_OK;
}

void act_unwatch(struct probe *probe, troupe_id target)
{
    struct call call = {.id = target};

    (void)act(probe, do_unwatch, &call);
}

static troupe_status do_link(troupe_self *self, void *argument)
{
    return troupe_link(self, ((struct call *)argument)->id);
}

troupe_status act_link(struct probe *probe, troupe_id target)
{
    struct call call = {.id = target};

    return act(probe, do_link, &call);
}

static troupe_status do_unlink(troupe_self *self, void *argument)
{
    troupe_unlink(self, ((struct call *)argument)->id);
    return TROUPE_OK;
}

void act_unlink(struct probe *probe, troupe_id target)
{
    struct call call = {.id = target};

    (void)act(probe, do_unlink, &call);
}

static troupe_status do_stop(troupe_self *self, void *argument)
{
    return troupe_stop(self, ((struct call *)argument)->id);
}

troupe_status act_stop(struct probe *probe, troupe_id target)
{
    struct call call = {.id = target};

    return act(probe, do_stop, &call);
}

static troupe_status do_kill(troupe_self *self, void *argument)
{
    return troupe_kill(self, ((struct call *)argument)->id);
}

troupe_status act_kill(struct probe *probe, troupe_id target)
{
    struct call call = {.id = target};

    return act(probe, do_kill, &call);
}

static troupe_status do_exit(troupe_self *self, void *argument)
{
    troupe_exit(self, *(troupe_status *)argument);
    return TROUPE_OK;
}

void act_exit(struct probe *probe, troupe_status reason)
{
    (void)act(probe, do_exit, &reason);
}

static troupe_status do_after(troupe_self *self, void *argument)
{
    const struct call *call = argument;

    return troupe_after(self, call->time, call->kind, call->tag, call->out);
}

troupe_status act_after(struct probe *probe, troupe_ns delay, troupe_kind kind,
                        uint64_t tag, troupe_timer *out)
{
    struct call call = {.time = delay, .kind = kind, .tag = tag, .out = out};

    return act(probe, do_after, &call);
}

static troupe_status do_every(troupe_self *self, void *argument)
{
    const struct call *call = argument;

    return troupe_every(self, call->time, call->kind, call->tag, call->out);
}

troupe_status act_every(struct probe *probe, troupe_ns period, troupe_kind kind,
                        uint64_t tag, troupe_timer *out)
{
    struct call call = {.time = period, .kind = kind, .tag = tag, .out = out};

    return act(probe, do_every, &call);
}

static troupe_status do_flood(troupe_self *self, void *argument)
{
    struct call *call = argument;
    size_t accepted = 0;

    for (size_t i = 0; i < call->count; i++) {
        accepted += troupe_signal(self, call->id, call->kind, i) == TROUPE_OK;
    }
    call->count = accepted;
    return TROUPE_OK;
}

size_t act_flood(struct probe *probe, troupe_id to, troupe_kind kind, size_t count)
{
    struct call call = {.id = to, .kind = kind, .count = count};

    (void)act(probe, do_flood, &call);
    return call.count;
}

void post(troupe_id to, troupe_kind kind, uint64_t tag)
{
    troupe_msg *msg = NULL;

    ck_assert_int_eq(troupe_msg_new(kind, 0, &msg), TROUPE_OK);
    troupe_msg_set_tag(msg, tag);
    ck_assert_int_eq(troupe_post(sim, to, &msg), TROUPE_OK);
    settle();
}

void crash(struct probe *probe, troupe_status reason)
{
    unsigned before = probe->ends;

    post(probe->id, KIND_CRASH, (uint64_t)(int64_t)reason);
    ck_assert_uint_eq(probe->ends, before + 1);
}
