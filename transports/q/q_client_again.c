/* SPDX-License-Identifier: MIT
 * q_client_again.c - a connection that failed is made again, as the options say.
 *
 * The first attempt follows a loss at once, each later one a wait that grows. A
 * connection that is lost again before it was of use, or sooner than after the first
 * wait, counts as a failed attempt: a peer that accepts everybody and serves nobody, or
 * only one message each, is not asked without end. */
#include "transports/q/q_client_state.h"

/* The wait before the next attempt. */
static troupe_ns next_delay(troupe_self *self, struct trp_q_client *c)
{
    const troupe_q_options *options = &c->options;
    troupe_ns most = options->reconnection_delay_max;

    if (c->delay == 0) {
        c->delay = options->reconnection_delay;
    } else if (options->reconnection_function != NULL) {
        c->delay =
            options->reconnection_function(options->reconnection_context, c->delay);
    } else {
        c->delay = c->delay > most / 2 ? most : c->delay * 2;
    }
    c->delay = c->delay < most ? c->delay : most;
    c->delay = c->delay > 0 ? c->delay : 1;
    double part = (double)(troupe_random(self) >> 11) * 0x1p-53; /* [0, 1) */
    double less = options->reconnection_jitter * part * (double)c->delay;
    return c->delay - (troupe_ns)less;
}

static void give_up(troupe_self *self, struct trp_q_client *c)
{
    (void)trp_connection_enter(self, &c->link, TRP_Q_DOWN, 0);
    trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-DOWN", "%s (%s), after %u attempts",
            c->text, troupe_status_name(c->why), c->failures);
    trp_q_client_fail_all(self, c);
    trp_q_client_tell(self, c, 0);
}

/* After a failed attempt. */
static void wait_for_next(troupe_self *self, struct trp_q_client *c)
{
    uint32_t most = (uint32_t)c->options.reconnection_attempts;

    if (!c->again || (most != 0 && c->failures >= most)) {
        give_up(self, c);
        return;
    }
    troupe_ns delay = next_delay(self, c);
    troupe_status status = trp_connection_enter(self, &c->link, TRP_Q_WAITING, delay);
    if (status != TROUPE_OK) { /* nothing would end the wait */
        c->why = status;
        trp_q_client_describe(c, "is not made again: there are no timers");
        give_up(self, c);
        return;
    }
    trp_q_client_tell(self, c, delay);
}

static void begin_again(struct trp_q_client *c)
{
    c->again = true;
    c->failures = 0;
    c->delay = 0;
}

static void tell_loss(troupe_self *self, struct trp_q_client *c, troupe_ns lasted)
{
    if (lasted >= c->options.reconnection_delay_max) {
        c->losses = 0;
    }
    c->loss_told = trp_worth_a_line(&c->losses);
    if (c->loss_told) {
        trp_log(trp_base_of(self), TROUPE_LOG_WARN, "Q-LOST", "%s (%s); it is made again",
                c->text, troupe_status_name(c->why));
    }
}

/* It was ready. */
static void lost(troupe_self *self, struct trp_q_client *c, bool resend)
{
    troupe_ns lasted = troupe_now(self) - c->since;
    bool of_use = lasted >= c->options.reconnection_delay_max ||
                  (c->proven && lasted >= c->options.reconnection_delay);

    tell_loss(self, c, lasted);
    trp_q_client_sent_lost(self, c, resend);
    if (c->again && !of_use) {
        c->failures++;
        wait_for_next(self, c);
        return;
    }
    begin_again(c);
    (void)trp_connection_enter(self, &c->link, TRP_Q_WAITING, 0);
    trp_q_client_tell(self, c, 0);
    trp_q_client_dial(self, c);
}

void trp_q_client_failed(troupe_self *self, struct trp_q_client *c, troupe_status status)
{
    uint8_t phase = c->link.phase;

    if (phase == TRP_Q_CLOSED) {
        return;
    }
    if (c->options.reconnection_attempts < 0 || c->ending) {
        trp_q_client_close(self, c, status);
        return;
    }
    c->why = status;
    trp_q_client_drop(self, c);
    if (phase == TRP_Q_READY) {
        lost(self, c, status == TROUPE_ELOST || status == TROUPE_ETIMEDOUT);
        return;
    }
    c->failures++;
    trp_log(trp_base_of(self), TROUPE_LOG_DEBUG, "Q-ATTEMPT", "%s (%s)", c->text,
            troupe_status_name(status));
    wait_for_next(self, c);
}

void trp_q_client_start_over(troupe_self *self, struct trp_q_client *c)
{
    begin_again(c);
    trp_q_client_dial(self, c);
}
