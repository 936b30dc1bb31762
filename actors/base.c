/* SPDX-License-Identifier: MIT
 * base.c - the machine on a libevent loop: one wake-up descriptor, one timer. The only
 * file of the runtime that knows the loop.
 *
 * The timer is a descriptor of our own, set only when it must ring earlier than it will:
 * the loop's would be set before each sleep. One that rings too early costs a pass.
 *
 * A pass is a callback: it steps the base and says when it wants to be called again. When
 * there is more to do, that is a timer of zero, never an event made active from its own
 * callback: descriptors come in between. */
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "actors/runtime.h"

struct trp_loop {
    struct trp_base *base;
    struct event_base *events;
    struct event *wake_event, *alarm_event, *timer; /* timer: of zero, or made active */
    int wake_fd, alarm_fd;
    troupe_ns alarm; /* when it rings; TROUPE_NEVER: it will not */
    bool own;        /* the event_base is ours */
    bool attached;
    troupe_ns look_since, look_until; /* looking for input, too; 0: not now */
    unsigned busy;    /* passes for which sleeps are long since many timers fired */
    bool dispatching; /* by us: a borrowed loop is left at the end, not run on */
    pthread_t thread;
    bool threaded; /* `thread` must be joined */
};

struct trp_loops {
    uint32_t count;
    struct trp_loop loops[]; /* [0] is base 1 */
};

static void wake(struct trp_base *base)
{
    uint64_t one = 1;

    /* A full counter means it is awake already; nothing else can fail here. */
    if (write(base->loop->wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

/* Short sleeps are stretched, so that timers close together share a wake-up (a sleep
 * costs 5 to 15 us of CPU): a little when few fire, more when a pass has fired many. */
#define QUANTUM      TROUPE_US(100)
#define QUANTUM_BUSY TROUPE_MS(1)
enum { MANY_TIMERS = 64, BUSY_PASSES = 4 };

static void call_now(struct trp_loop *loop)
{
    static const struct timeval at_once = {0, 0};

    (void)event_add(loop->timer, &at_once);
}

static void call_at(struct trp_loop *loop, troupe_ns now, troupe_ns next,
                    troupe_ns quantum)
{
    troupe_ns at = next < now + quantum ? now + quantum : next;
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at / TROUPE_S(1)),
                                           .tv_nsec = (long)(at % TROUPE_S(1))}};

    if (at >= loop->alarm) {
        return;
    }
    if (timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0) {
        loop->alarm = at;
    } else {
        call_now(loop);
    }
}

static void schedule(struct trp_base *base)
{
    event_active(base->loop->timer, EV_TIMEOUT, 1);
}

static void leave(struct trp_loop *loop)
{
    struct trp_base *base = loop->base;

    base->schedule = NULL;
    (void)event_del(loop->wake_event);
    (void)event_del(loop->alarm_event);
    (void)event_del(loop->timer);
    atomic_store_explicit(&base->gone, true, memory_order_release);
    if (loop->own || loop->dispatching) {
        (void)event_base_loopbreak(loop->events);
    }
}

/* Looks for mail, at the gate; or, a pass at a time, for input as well. */
static bool look(struct trp_loop *loop, troupe_ns now, troupe_ns *next)
{
    struct trp_base *base = loop->base;
    troupe_ns time = trp_look_time(&base->look, base->system->options.spin, now);

    if (time == 0 || *next <= now + time) {
        return false;
    }
    if (!base->look.everywhere) {
        return trp_look(base, now, time, NULL);
    }
    loop->look_since = now;
    loop->look_until = now + time;
    *next = now;
    return false;
}

/* Of a look that goes on: whether it found something, before the step; or is over. */
static void end_look(struct trp_loop *loop, bool found)
{
    trp_look_end(&loop->base->look, trp_clock() - loop->look_since, found);
    loop->look_until = 0;
}

/* Steps, and again while mail comes soon; `next`: when it wants to be called. */
static bool step(struct trp_loop *loop, troupe_ns *next)
{
    struct trp_base *base = loop->base;
    troupe_ns began = trp_clock();

    if (loop->look_until != 0 &&
        (base->run_head != NULL || !trp_gate_is_empty(&base->gate))) {
        end_look(loop, true);
    }
    for (troupe_ns now = began;; now = trp_clock()) {
        *next = trp_base_step(base, now, trp_clock);
        if (atomic_load_explicit(&base->system->finished, memory_order_acquire)) {
            return false;
        }
        if (*next <= now) {
            return true;
        }
        now = trp_clock();
        /* Descriptors are served between passes, however busy another thread keeps us. */
        if (now - began > base->system->options.pass || now < loop->look_until) {
            *next = now;
            return true;
        }
        if (loop->look_until != 0) {
            end_look(loop, false);
            return true;
        }
        if (!look(loop, now, next)) {
            return true;
        }
    }
}

static void pass(struct trp_loop *loop)
{
    struct trp_base *base = loop->base;
    uint64_t fired = trp_tally_read(&base->wheel.fired);
    troupe_ns next;

    atomic_store_explicit(&base->asleep, false, memory_order_relaxed);
    if (!step(loop, &next)) {
        leave(loop);
        return;
    }
    if (trp_tally_read(&base->wheel.fired) - fired > MANY_TIMERS) {
        loop->busy = BUSY_PASSES;
    } else if (loop->busy != 0) {
        loop->busy--;
    }
    troupe_ns quantum = loop->busy != 0 ? QUANTUM_BUSY : QUANTUM;
    troupe_ns now = trp_clock();
    bool work = base->run_head != NULL || !trp_gate_is_empty(&base->gate);
    if (next <= now && !work && loop->busy != 0) {
        next = now + 1; /* timers came due meanwhile: they share the next wake-up, too */
    }
    if (next <= now) {
        call_now(loop);
        return;
    }
    /* seq_cst on both sides: a put, or the end, either sees `asleep` or is seen here. */
    atomic_store_explicit(&base->asleep, true, memory_order_seq_cst);
    if (!trp_gate_is_empty(&base->gate) || atomic_load(&base->system->finished)) {
        atomic_store_explicit(&base->asleep, false, memory_order_relaxed);
        call_now(loop);
    } else if (next != TROUPE_NEVER) {
        call_at(loop, now, next, quantum);
    }
    trp_record(base->recorder, TROUPE_EV_SLEEP, 0, 0, 0, 0, 0);
}

/* One read takes the whole count; should it fail, the descriptor is served again. */
static void take_count(evutil_socket_t fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0) {
        return;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    struct trp_loop *loop = context;

    (void)what;
    take_count(fd);
    trp_record(loop->base->recorder, TROUPE_EV_WAKE, 0, 0, 0, 0, 1);
    pass(loop);
}

static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    struct trp_loop *loop = context;

    (void)what;
    take_count(fd);
    loop->alarm = TROUPE_NEVER;
    pass(loop);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    pass(context);
}

/* ---- making and attaching ---- */

static struct event_base *make_events(void)
{
    struct event_config *config = event_config_new();
    struct event_base *events = NULL;

    if (config != NULL) {
        (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        events = event_base_new_with_config(config);
        event_config_free(config);
    }
    return events;
}

static void loop_free(struct trp_loop *loop)
{
    if (loop->wake_event != NULL) {
        event_free(loop->wake_event);
    }
    if (loop->alarm_event != NULL) {
        event_free(loop->alarm_event);
    }
    if (loop->timer != NULL) {
        event_free(loop->timer);
    }
    if (loop->own && loop->events != NULL) {
        event_base_free(loop->events);
    }
    if (loop->wake_fd >= 0) {
        (void)close(loop->wake_fd);
    }
    if (loop->alarm_fd >= 0) {
        (void)close(loop->alarm_fd);
    }
    loop->wake_event = loop->alarm_event = loop->timer = NULL;
    loop->events = NULL;
    loop->wake_fd = loop->alarm_fd = -1;
}

static troupe_status loop_init(struct trp_loop *loop, struct trp_base *base,
                               struct event_base *borrowed)
{
    loop->base = base;
    loop->own = borrowed == NULL;
    loop->events = borrowed != NULL ? borrowed : make_events();
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->alarm = TROUPE_NEVER;
    if (loop->events == NULL || loop->wake_fd < 0 || loop->alarm_fd < 0) {
        return TROUPE_ESYSTEM;
    }
    loop->wake_event =
        event_new(loop->events, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    loop->alarm_event =
        event_new(loop->events, loop->alarm_fd, EV_READ | EV_PERSIST, on_alarm, loop);
    loop->timer = evtimer_new(loop->events, on_timer, loop);
    return loop->wake_event != NULL && loop->alarm_event != NULL && loop->timer != NULL
               ? TROUPE_OK
               : TROUPE_ENOMEM;
}

static troupe_status attach(struct trp_loop *loop)
{
    struct trp_base *base = loop->base;

    if (event_add(loop->wake_event, NULL) != 0 ||
        event_add(loop->alarm_event, NULL) != 0) {
        return TROUPE_ESYSTEM;
    }
    base->loop = loop;
    base->wake = wake;
    base->schedule = schedule;
    loop->attached = true;
    schedule(base);
    return TROUPE_OK;
}

static troupe_status make_loops(troupe_system *sys)
{
    if (sys->loops != NULL) {
        return TROUPE_OK;
    }
    struct trp_loops *loops =
        trp_calloc(1, sizeof(*loops) + sys->base_count * sizeof(struct trp_loop));
    if (loops == NULL) {
        return TROUPE_ENOMEM;
    }
    sys->loops = loops;
    for (uint32_t i = 0; i < sys->base_count; i++) {
        loops->loops[i].wake_fd = loops->loops[i].alarm_fd = -1;
    }
    loops->count = sys->base_count;
    troupe_status status = TROUPE_OK;
    for (uint32_t i = 0; i < sys->base_count && status == TROUPE_OK; i++) {
        status = loop_init(&loops->loops[i], trp_base_at(sys, i + 1),
                           i == 0 ? sys->options.event_base : NULL);
        if (status == TROUPE_OK) {
            status = attach(&loops->loops[i]);
        }
    }
    if (status != TROUPE_OK) {
        trp_loops_free(sys);
    }
    return status;
}

void trp_loops_free(troupe_system *sys)
{
    struct trp_loops *loops = sys->loops;

    sys->loops = NULL;
    for (uint32_t i = 0; loops != NULL && i < loops->count; i++) {
        loop_free(&loops->loops[i]);
    }
    trp_free(loops);
}

/* ---- threads ---- */

static void dispatch(struct trp_loop *loop)
{
    struct trp_base *before = trp_base_here;

    trp_base_here = loop->base;
    loop->dispatching = true;
    while (!atomic_load_explicit(&loop->base->gone, memory_order_acquire)) {
        if (event_base_dispatch(loop->events) < 0) {
            leave(loop);
        }
    }
    loop->dispatching = false;
    trp_base_here = before;
}

static void *thread_main(void *context)
{
    dispatch(context);
    return NULL;
}

static troupe_status start_thread(struct trp_loop *loop)
{
    sigset_t all, before;

    (void)sigfillset(&all); /* signals are for the application's threads */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&loop->thread, NULL, thread_main, loop);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    loop->threaded = failed == 0;
    return failed == 0 ? TROUPE_OK : TROUPE_ESYSTEM;
}

static void join_threads(troupe_system *sys)
{
    for (uint32_t i = 0; i < sys->loops->count; i++) {
        if (sys->loops->loops[i].threaded) {
            (void)pthread_join(sys->loops->loops[i].thread, NULL);
            sys->loops->loops[i].threaded = false;
        }
    }
}

/* Starts base `from` and those after it. */
static troupe_status begin(troupe_system *sys, uint32_t from)
{
    if (sys->options.simulated || atomic_exchange(&sys->running, true)) {
        return TROUPE_ESTATE;
    }
    troupe_status status = make_loops(sys);
    for (uint32_t i = from; status == TROUPE_OK && i < sys->base_count; i++) {
        status = start_thread(&sys->loops->loops[i]);
    }
    if (status != TROUPE_OK && sys->loops != NULL) {
        atomic_store(&sys->finished, true);
        for (uint32_t i = 0; i < sys->loops->count; i++) {
            wake(sys->loops->loops[i].base);
        }
        join_threads(sys);
    }
    return status;
}

troupe_status troupe_system_run(troupe_system *sys)
{
    troupe_status status = begin(sys, 1);

    if (status != TROUPE_OK) {
        return status;
    }
    dispatch(&sys->loops->loops[0]);
    join_threads(sys);
    return TROUPE_OK;
}

troupe_status troupe_system_start(troupe_system *sys)
{
    return begin(sys, sys->options.event_base != NULL ? 1 : 0);
}

troupe_status troupe_system_join(troupe_system *sys)
{
    if (sys->loops == NULL) {
        return TROUPE_ESTATE;
    }
    if (trp_base_here != NULL) {
        return TROUPE_EDEADLK;
    }
    join_threads(sys);
    return TROUPE_OK;
}

struct event_base *trp_event_base(troupe_self *self)
{
    troupe_system *sys = self->base->system;

    /* An actor spawned before the system runs may want descriptors already. */
    if (self->base->is_engine || sys->options.simulated ||
        (sys->loops == NULL && make_loops(sys) != TROUPE_OK)) {
        return NULL;
    }
    return self->base->loop->events;
}
