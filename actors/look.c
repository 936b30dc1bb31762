/* SPDX-License-Identifier: MIT
 * look.c - how long a thread looks for mail before it sleeps.
 *
 * Waking a thread costs both sides more than the work a message asks for, so a thread
 * that has just told another one something, or written to a socket, and may be answered
 * at once, looks a little. Unless the user says how long, looking must pay for itself out
 * of a budget of time: one percent of what passes, and what the wake-ups cost that were
 * saved. Whoever looks in vain (the other is slow, or waits for this processor) soon
 * sleeps at once. */
#include "actors/runtime.h"

#define TRIAL      TROUPE_US(60)  /* longer than the other takes to wake up */
#define LOOK       TROUPE_US(20)  /* enough when it is likely to pay */
#define WAKE_COST  TROUPE_US(20)  /* what a saved wake-up earns */
#define BUDGET_MAX TROUPE_US(500) /* so that what paid once does not pay for ever */
enum { SHARE = 100 };             /* of the time that passes: one part */

void trp_look_init(struct trp_look *look, troupe_ns now)
{
    *look = (struct trp_look){.budget = TRIAL, .settled = now};
}

troupe_ns trp_look_time(struct trp_look *look, troupe_ns option, troupe_ns now)
{
    bool told = look->told || look->wrote, likely = look->met_awake || look->paid;

    look->everywhere = look->wrote;
    look->told = look->wrote = look->met_awake = false;
    if (option != 0 || !told) {
        return option > 0 ? option : 0;
    }
    if (look->budget < TRIAL) {
        troupe_ns earned = (now - look->settled) / SHARE;
        look->budget += earned < TRIAL ? earned : TRIAL;
    }
    look->settled = now;
    troupe_ns time = look->budget < TRIAL ? look->budget : TRIAL;
    return time >= (likely ? LOOK : TRIAL) ? time : 0;
}

static bool watch(struct trp_gate *gate, const atomic_bool *also, troupe_ns until)
{
    do {
        for (unsigned i = 0; i < 32; i++) {
            if (!trp_gate_is_empty(gate) || (also != NULL && atomic_load(also))) {
                return true;
            }
            if (i % TRP_PAUSE_EVERY == TRP_PAUSE_EVERY - 1) {
                trp_pause();
            }
        }
    } while (trp_clock() < until);
    return false;
}

void trp_look_end(struct trp_look *look, troupe_ns spent, bool found)
{
    look->paid = found;
    look->budget += (found ? WAKE_COST : 0) - spent;
    if (found && look->budget > BUDGET_MAX) {
        look->budget = BUDGET_MAX;
    }
}

bool trp_look(struct trp_base *base, troupe_ns now, troupe_ns time,
              const atomic_bool *also)
{
    bool found = watch(&base->gate, also, now + time);

    trp_look_end(&base->look, trp_clock() - now, found);
    return found;
}
