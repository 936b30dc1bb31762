/* SPDX-License-Identifier: MIT
 * supervisor.c - keeps children alive.
 *
 *   a child:   RUNNING --ended--> WAITING --back-off--> RUNNING
 *                 +--asked to stop--> STOPPING --ended, or patience and kill--> WAITING
 *   the whole: WORKING --a group must restart--> CLEARING --all ended--> PAUSING -->
 * WORKING
 *                 +--stopped, or restarts exceeded--> ENDING --all ended--> exit
 *
 * CLEARING and ENDING stop the children from the youngest on, one at a time. A child that
 * is not to be restarted leaves the list.
 * Owns: its children, whom it watches. Told by: them, its timers, and who asks. */
#include <string.h>

#include <troupe/supervisor.h>

#include "actors/id_map.h"
#include "actors/life.h"
#include "actors/runtime.h"

enum { DEFAULT_INTENSITY = 3 };

#define DEFAULT_PERIOD      TROUPE_S(5)
#define DEFAULT_PATIENCE    TROUPE_S(5)
#define DEFAULT_BACKOFF_MAX TROUPE_S(30)

struct child {
    struct child *older, *younger;
    troupe_child_spec spec;
    uint64_t key; /* its id, or the last one while waiting; at first its age */
    uint64_t age; /* grows with every child */
    enum { WAITING, RUNNING, STOPPING } phase;
    bool removing;
    troupe_timer patience;
    troupe_id remover; /* who waits for its removal, or nobody */
    troupe_ns started;
    troupe_ns delay; /* of the last restart */
    char name[TROUPE_NAME_MAX + 1];
};

struct supervisor {
    struct child *oldest, *youngest;
    struct trp_id_map keys; /* key -> struct child * */
    uint32_t count;
    uint64_t ages;
    troupe_strategy strategy;
    uint32_t intensity;
    troupe_ns period, backoff, backoff_max;
    troupe_ns *restarts; /* times of the last `intensity` ones, a ring */
    uint64_t restart_count;
    enum { WORKING, CLEARING, PAUSING, ENDING } phase;
    uint64_t from; /* age of the oldest child of the group that restarts */
    troupe_ns pause;
    uint64_t round;
    troupe_status reason; /* of the end */
};

/* ---- the list of children ---- */

static struct child *child_of(const struct supervisor *sup, uint64_t key)
{
    uint64_t at = 0;

    return trp_id_map_get(&sup->keys, key, &at) ? (struct child *)(uintptr_t)at : NULL;
}

static void rekey(struct supervisor *sup, struct child *child, uint64_t key)
{
    (void)trp_id_map_remove(&sup->keys, child->key);
    child->key = key;
    trp_id_map_put(&sup->keys, key, (uintptr_t)child);
}

static troupe_status check_spec(const troupe_child_spec *spec)
{
    if (spec->behavior == NULL || spec->patience < 0 ||
        spec->restart < TROUPE_PERMANENT || spec->restart > TROUPE_TEMPORARY) {
        return TROUPE_EINVAL;
    }
    return spec->name == NULL ||
                   (spec->name[0] != 0 &&
                    strnlen(spec->name, TROUPE_NAME_MAX + 1) <= TROUPE_NAME_MAX)
               ? TROUPE_OK
               : TROUPE_EINVAL;
}

static troupe_status add(struct supervisor *sup, const troupe_child_spec *spec,
                         struct child **out)
{
    troupe_status status = check_spec(spec);

    if (status != TROUPE_OK || sup->count == TROUPE_CHILDREN_MAX) {
        return status != TROUPE_OK ? status : TROUPE_ELIMIT;
    }
    if (trp_id_map_reserve(&sup->keys, 1) != TROUPE_OK) {
        return TROUPE_ENOMEM;
    }
    struct child *child = trp_calloc(1, sizeof(*child));
    if (child == NULL) {
        return TROUPE_ENOMEM;
    }
    child->spec = *spec;
    if (spec->name != NULL) {
        (void)memcpy(child->name, spec->name, strlen(spec->name) + 1);
        child->spec.name = child->name;
    }
    child->spec.patience = spec->patience != 0 ? spec->patience : DEFAULT_PATIENCE;
    child->key = child->age = ++sup->ages;
    trp_id_map_put(&sup->keys, child->key, (uintptr_t)child);
    child->older = sup->youngest;
    *(sup->youngest != NULL ? &sup->youngest->younger : &sup->oldest) = child;
    sup->youngest = child;
    sup->count++;
    *out = child;
    return TROUPE_OK;
}

static void discard(struct supervisor *sup, struct child *child)
{
    (void)trp_id_map_remove(&sup->keys, child->key);
    *(child->older != NULL ? &child->older->younger : &sup->oldest) = child->younger;
    *(child->younger != NULL ? &child->younger->older : &sup->youngest) = child->older;
    sup->count--;
    trp_free(child);
}

/* ---- starting and stopping one ---- */

static troupe_status start_child(troupe_self *self, struct supervisor *sup,
                                 struct child *child)
{
    troupe_spawn_options options = TROUPE_SPAWN_OPTIONS;
    troupe_id id = TROUPE_NOBODY;

    options.name = child->spec.name;
    options.watch = true;
    troupe_status status =
        trp_spawn(self->base, self->actor->id, child->spec.behavior, child->spec.args,
                  &options, TRP_ACTOR_SUPERVISED, &id);
    if (status != TROUPE_OK) {
        return status;
    }
    rekey(sup, child, id.bits);
    child->phase = RUNNING;
    child->started = troupe_now(self);
    return TROUPE_OK;
}

static void stop_child(troupe_self *self, struct child *child)
{
    if (child->phase != RUNNING) {
        return;
    }
    child->phase = STOPPING;
    (void)troupe_stop(self, (troupe_id){child->key});
    if (troupe_after(self, child->spec.patience, TRP_KIND_CHILD_PATIENCE, child->key,
                     &child->patience) != TROUPE_OK) {
        (void)troupe_kill(self, (troupe_id){child->key}); /* nothing else would end it */
    }
}

/* ---- how often, and how soon ---- */

/* Returns whether one more restart is within the intensity. */
static bool allow_restart(struct supervisor *sup, troupe_ns now)
{
    troupe_ns *slot = &sup->restarts[sup->restart_count % sup->intensity];
    bool allowed = sup->restart_count < sup->intensity || now - *slot >= sup->period;

    *slot = now;
    sup->restart_count++;
    return allowed;
}

/* A child that has lived for a period begins again with the shortest delay. */
static troupe_ns next_delay(const struct supervisor *sup, struct child *child,
                            troupe_ns now)
{
    bool steady = child->phase == RUNNING && now - child->started >= sup->period;

    if (steady || child->delay == 0) {
        child->delay = sup->backoff;
    } else {
        child->delay =
            child->delay > sup->backoff_max / 2 ? sup->backoff_max : child->delay * 2;
    }
    if (child->delay > sup->backoff_max) {
        child->delay = sup->backoff_max;
    }
    return child->delay;
}

/* ---- ends ---- */

static void begin_end(troupe_self *self, struct supervisor *sup, troupe_status reason);
static void clear(troupe_self *self, struct supervisor *sup);

/* What a restart that cannot be made leads to. */
static bool may_try_again(troupe_self *self, struct supervisor *sup, troupe_status status)
{
    if (status == TROUPE_ECLOSED) {
        begin_end(self, sup, TROUPE_ECLOSED);
        return false;
    }
    if (!allow_restart(sup, troupe_now(self))) {
        trp_log(self->base, TROUPE_LOG_ERROR, "SUPERVISOR-RESTARTS",
                "more than %u restarts within %lld ms; the last reason was: %s",
                sup->intensity, (long long)(sup->period / 1000000),
                troupe_status_text(status));
        begin_end(self, sup, TROUPE_ERESTARTS);
        return false;
    }
    return true;
}

static void wait_or_end(troupe_self *self, struct supervisor *sup, troupe_ns delay,
                        troupe_kind kind, uint64_t tag)
{
    troupe_status status = troupe_after(self, delay, kind, tag, NULL);

    if (status != TROUPE_OK) {
        begin_end(self, sup, status);
    }
}

/* One for one: the child waits for its time, or starts at once when it comes from life.
 */
static void restart_one(troupe_self *self, struct supervisor *sup, struct child *child,
                        troupe_status reason)
{
    bool lived = child->phase != WAITING;
    troupe_ns delay = next_delay(sup, child, troupe_now(self));

    child->phase = WAITING;
    if (!may_try_again(self, sup, reason)) {
        return;
    }
    if (delay != 0 || !lived) {
        wait_or_end(self, sup, delay, TRP_KIND_CHILD_RESTART, child->key);
        return;
    }
    troupe_status status = start_child(self, sup, child);
    if (status != TROUPE_OK) {
        restart_one(self, sup, child, status);
    }
}

static void restart_waiting(troupe_self *self, struct supervisor *sup, uint64_t key)
{
    struct child *child = child_of(sup, key);

    if (sup->phase != WORKING || child == NULL || child->phase != WAITING) {
        return;
    }
    troupe_status status = start_child(self, sup, child);
    if (status != TROUPE_OK) {
        restart_one(self, sup, child, status);
    }
}

/* ---- groups ---- */

static void restart_group(troupe_self *self, struct supervisor *sup, struct child *child,
                          troupe_status reason)
{
    uint64_t from = sup->strategy == TROUPE_ONE_FOR_ALL ? 0 : child->age;

    sup->pause = next_delay(sup, child, troupe_now(self));
    child->phase = WAITING;
    if (!may_try_again(self, sup, reason)) {
        return;
    }
    sup->from = sup->phase == WORKING || from < sup->from ? from : sup->from;
    sup->phase = CLEARING;
    clear(self, sup);
}

static void start_group(troupe_self *self, struct supervisor *sup)
{
    sup->phase = WORKING;
    for (struct child *child = sup->oldest; child != NULL; child = child->younger) {
        if (child->phase != WAITING) {
            continue;
        }
        troupe_status status = start_child(self, sup, child);
        if (status != TROUPE_OK) {
            restart_group(self, sup, child, status);
            return;
        }
    }
}

/* Stops the youngest that still runs; when all have ended, goes on. */
static void clear(troupe_self *self, struct supervisor *sup)
{
    struct child *child = sup->youngest;

    while (child != NULL && child->age >= sup->from && child->phase == WAITING) {
        child = child->older;
    }
    if (child != NULL && child->age >= sup->from) {
        stop_child(self, child);
        return;
    }
    if (sup->phase == ENDING) {
        troupe_exit(self, sup->reason);
        return;
    }
    sup->phase = PAUSING;
    wait_or_end(self, sup, sup->pause, TRP_KIND_CHILDREN_RESTART, ++sup->round);
}

static void begin_end(troupe_self *self, struct supervisor *sup, troupe_status reason)
{
    if (sup->phase == ENDING) {
        return;
    }
    sup->phase = ENDING;
    sup->reason = reason;
    sup->from = 0;
    clear(self, sup);
}

/* ---- a child has ended ---- */

static bool is_restarted(const struct child *child, troupe_status reason)
{
    return !child->removing && child->spec.restart != TROUPE_TEMPORARY &&
           (child->spec.restart == TROUPE_PERMANENT || reason != TROUPE_OK);
}

static void answer_done(troupe_self *self, troupe_id to)
{
    troupe_msg *done = NULL;

    if (!troupe_id_is_nobody(to) &&
        trp_msg_new(TROUPE_KIND_DONE, 0, &done) == TROUPE_OK) {
        (void)!troupe_reply_to(self, to, &done);
        troupe_msg_free(&done);
    }
}

/* One that we stopped for the group's sake comes back with it, unless it is temporary. */
static void child_stopped(troupe_self *self, struct supervisor *sup, struct child *child)
{
    if (child->removing || child->spec.restart == TROUPE_TEMPORARY) {
        answer_done(self, child->remover);
        discard(sup, child);
        return;
    }
    child->phase = WAITING;
}

static void child_ended(troupe_self *self, struct supervisor *sup,
                        const troupe_down *down)
{
    struct child *child = child_of(sup, down->id.bits);

    if (child == NULL || child->phase == WAITING) {
        return;
    }
    (void)troupe_timer_cancel(self, child->patience);
    if (child->phase == STOPPING || sup->phase == ENDING) {
        child_stopped(self, sup, child);
    } else if (!is_restarted(child, down->reason)) {
        discard(sup, child);
    } else if (sup->strategy == TROUPE_ONE_FOR_ONE) {
        restart_one(self, sup, child, down->reason);
        return;
    } else if (sup->phase == WORKING || child->age < sup->from) {
        restart_group(self, sup, child, down->reason);
        return;
    } else {
        child->phase = WAITING; /* it was to be stopped anyway */
    }
    if (sup->phase == CLEARING || sup->phase == ENDING) {
        clear(self, sup);
    }
}

static void patience_is_over(troupe_self *self, struct supervisor *sup, uint64_t key)
{
    struct child *child = child_of(sup, key);

    if (child != NULL && child->phase == STOPPING) {
        trp_log(self->base, TROUPE_LOG_WARN, "SUPERVISOR-KILL",
                "child %s did not stop within %lld ms and is killed",
                child->spec.name != NULL ? child->spec.name : child->spec.behavior->name,
                (long long)(child->spec.patience / 1000000));
        (void)troupe_kill(self, (troupe_id){child->key});
    }
}

/* ---- requests ---- */

static troupe_status refuse(troupe_self *self, const troupe_msg *msg,
                            troupe_status status, const char *why)
{
    if (troupe_msg_wants_answer(msg)) {
        (void)!troupe_fail(self, msg->from, status, "%s", why);
    }
    return TROUPE_OK;
}

static troupe_status answer_bytes(troupe_self *self, const troupe_msg *request,
                                  const void *bytes, size_t size)
{
    troupe_msg *answer = NULL;
    troupe_status status = troupe_msg_new(request->kind, size, &answer);

    if (status != TROUPE_OK) {
        return refuse(self, request, status, "no memory for the answer");
    }
    if (size != 0) {
        memcpy(troupe_msg_body(answer), bytes, size);
    }
    if (troupe_msg_wants_answer(request)) {
        (void)!troupe_reply(self, request, &answer);
    }
    troupe_msg_free(&answer);
    return TROUPE_OK;
}

static troupe_status add_asked(troupe_self *self, struct supervisor *sup,
                               const troupe_msg *msg)
{
    troupe_child_spec spec;
    struct child *child = NULL;

    if (troupe_msg_size(msg) != sizeof(spec)) {
        return refuse(self, msg, TROUPE_EINVAL, "the body is not a troupe_child_spec");
    }
    if (sup->phase != WORKING) {
        return refuse(self, msg, sup->phase == ENDING ? TROUPE_ECLOSED : TROUPE_EBUSY,
                      "the supervisor is restarting or stopping its children");
    }
    memcpy(&spec, troupe_msg_body(msg), sizeof(spec));
    troupe_status status = add(sup, &spec, &child);
    if (status != TROUPE_OK) {
        return refuse(self, msg, status, "the child cannot be added");
    }
    status = start_child(self, sup, child);
    if (status != TROUPE_OK) {
        discard(sup, child);
        return refuse(self, msg, status, "the child did not start");
    }
    troupe_id id = {child->key};
    return answer_bytes(self, msg, &id, sizeof(id));
}

static troupe_status remove_asked(troupe_self *self, struct supervisor *sup,
                                  const troupe_msg *msg)
{
    troupe_id id;

    if (troupe_msg_size(msg) != sizeof(id)) {
        return refuse(self, msg, TROUPE_EINVAL, "the body is not a troupe_id");
    }
    memcpy(&id, troupe_msg_body(msg), sizeof(id));
    struct child *child = child_of(sup, id.bits);
    if (child == NULL || child->key == child->age) {
        return refuse(self, msg, TROUPE_ENOENT, "no child has this id");
    }
    if (child->removing) {
        return refuse(self, msg, TROUPE_ESTATE, "the child is being removed already");
    }
    if (child->phase == WAITING) {
        discard(sup, child);
        answer_done(self, troupe_msg_wants_answer(msg) ? msg->from : TROUPE_NOBODY);
        return TROUPE_OK;
    }
    child->removing = true;
    child->remover = troupe_msg_wants_answer(msg) ? msg->from : TROUPE_NOBODY;
    stop_child(self, child);
    return TROUPE_OK;
}

static troupe_status list_asked(troupe_self *self, const struct supervisor *sup,
                                const troupe_msg *msg)
{
    troupe_id *ids = trp_calloc(sup->count, sizeof(*ids));
    size_t count = 0;

    if (ids == NULL) {
        return refuse(self, msg, TROUPE_ENOMEM, "no memory for the list");
    }
    for (const struct child *child = sup->oldest; child != NULL; child = child->younger) {
        ids[count++].bits = child->phase != WAITING ? child->key : 0;
    }
    troupe_status status = answer_bytes(self, msg, ids, count * sizeof(*ids));
    trp_free(ids);
    return status;
}

/* ---- the actor ---- */

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    struct supervisor *sup = state;

    switch ((*msg)->kind) {
    case TROUPE_KIND_DOWN:
        if (((*msg)->flags & TRP_MSG_SIGNAL) !=
            0) { /* the runtime's word, nobody else's */
            child_ended(self, sup, troupe_msg_body(*msg));
        }
        return TROUPE_OK;
    case TRP_KIND_CHILD_PATIENCE:
        patience_is_over(self, sup, (*msg)->tag);
        return TROUPE_OK;
    case TRP_KIND_CHILD_RESTART:
        restart_waiting(self, sup, (*msg)->tag);
        return TROUPE_OK;
    case TRP_KIND_CHILDREN_RESTART:
        if (sup->phase == PAUSING && (*msg)->tag == sup->round) {
            start_group(self, sup);
        }
        return TROUPE_OK;
    case TROUPE_KIND_STOP:
        begin_end(self, sup, TROUPE_OK);
        return TROUPE_OK;
    case TROUPE_KIND_CHILD_ADD:
        return add_asked(self, sup, *msg);
    case TROUPE_KIND_CHILD_REMOVE:
        return remove_asked(self, sup, *msg);
    case TROUPE_KIND_CHILD_LIST:
        return list_asked(self, sup, *msg);
    default:
        return refuse(self, *msg, TROUPE_EUNSUPPORTED,
                      "a supervisor knows no such request");
    }
}

static troupe_status take_spec(struct supervisor *sup, const troupe_supervisor_spec *spec)
{
    if (spec == NULL || spec->strategy < TROUPE_ONE_FOR_ONE ||
        spec->strategy > TROUPE_REST_FOR_ONE || spec->child_count > TROUPE_CHILDREN_MAX ||
        (spec->child_count != 0 && spec->children == NULL) || spec->period < 0 ||
        spec->backoff < 0 || spec->backoff_max < 0 ||
        spec->intensity > TROUPE_INTENSITY_MAX) {
        return TROUPE_EINVAL;
    }
    sup->strategy = spec->strategy;
    sup->intensity = spec->intensity != 0 ? spec->intensity : DEFAULT_INTENSITY;
    sup->period = spec->period != 0 ? spec->period : DEFAULT_PERIOD;
    sup->backoff = spec->backoff;
    sup->backoff_max = spec->backoff_max != 0 ? spec->backoff_max : DEFAULT_BACKOFF_MAX;
    sup->restarts = trp_calloc(sup->intensity, sizeof(*sup->restarts));
    return sup->restarts != NULL ? TROUPE_OK : TROUPE_ENOMEM;
}

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    const troupe_supervisor_spec *spec = args;
    struct supervisor *sup = state;
    trp_life_kinds();
    troupe_status status = take_spec(sup, spec);

    for (size_t i = 0; status == TROUPE_OK && i < spec->child_count; i++) {
        struct child *child = NULL;
        status = add(sup, &spec->children[i], &child);
        if (status == TROUPE_OK) {
            status = start_child(self, sup, child);
        }
    }
    return status; /* on failure the runtime calls stop, which ends those that run */
}

/* After an orderly end nobody is left; after a kill or a failed start they are killed. */
static void stop(troupe_self *self, void *state, troupe_status reason)
{
    struct supervisor *sup = state;

    (void)reason;
    while (sup->youngest != NULL) {
        if (sup->youngest->phase != WAITING) {
            (void)troupe_kill(self, (troupe_id){sup->youngest->key});
        }
        discard(sup, sup->youngest);
    }
    trp_id_map_fini(&sup->keys);
    trp_free(sup->restarts);
}

const troupe_behavior troupe_supervisor = {
    .name = "supervisor",
    .state_size = sizeof(struct supervisor),
    .start = start,
    .receive = receive,
    .stop = stop,
    .flags = TROUPE_TRAP_STOP,
};
