/* SPDX-License-Identifier: MIT
 * q_signals.c - the signals of a console. */
#include "tools/cli/q_signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static void tell(struct trp_q_signals *signals, enum trp_q_news news)
{
    char byte = (char)news;
    ssize_t wrote = write(signals->tell, &byte, 1);

    (void)wrote; /* a full pipe has woken the reader already */
}

static void interrupt_target(struct trp_q_signals *signals)
{
    (void)pthread_mutex_lock(&signals->lock);
    if (signals->interrupt != NULL) {
        signals->interrupt(signals->context);
    }
    (void)pthread_mutex_unlock(&signals->lock);
}

static void take(struct trp_q_signals *signals, int number)
{
    switch (number) {
    case SIGINT:
        interrupt_target(signals);
        tell(signals, TRP_Q_NEWS_INTERRUPT);
        break;
    case SIGWINCH:
        tell(signals, TRP_Q_NEWS_SIZE);
        break;
    case SIGCONT:
        tell(signals, TRP_Q_NEWS_CONTINUED);
        break;
    default:
        interrupt_target(signals);
        tell(signals, TRP_Q_NEWS_END);
        break;
    }
}

static void *wait_for_signals(void *context)
{
    struct trp_q_signals *signals = context;
    int number;

    while (sigwait(&signals->set, &number) == 0 && !atomic_load(&signals->closing)) {
        take(signals, number);
    }
    return NULL;
}

static bool open_pipe(struct trp_q_signals *signals)
{
    int ends[2];

    if (pipe(ends) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    signals->news = ends[0];
    signals->tell = ends[1];
    return true;
}

bool trp_q_signals_open(struct trp_q_signals *signals)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};

    signals->interrupt = NULL;
    atomic_init(&signals->closing, false);
    (void)sigemptyset(&signals->set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaddset(&signals->set, numbers[i]);
    }
    if (!open_pipe(signals)) {
        return false;
    }
    (void)pthread_mutex_init(&signals->lock, NULL);
    (void)pthread_sigmask(SIG_BLOCK, &signals->set, &signals->before);
    if (pthread_create(&signals->thread, NULL, wait_for_signals, signals) == 0) {
        return true;
    }
    (void)pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    (void)pthread_mutex_destroy(&signals->lock);
    (void)close(signals->news);
    (void)close(signals->tell);
    return false;
}

void trp_q_signals_close(struct trp_q_signals *signals)
{
    atomic_store(&signals->closing, true);
    (void)pthread_kill(signals->thread, SIGCONT);
    (void)pthread_join(signals->thread, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    (void)pthread_mutex_destroy(&signals->lock);
    (void)close(signals->news);
    (void)close(signals->tell);
}

void trp_q_signals_aim(struct trp_q_signals *signals, void (*interrupt)(void *context),
                       void *context)
{
    (void)pthread_mutex_lock(&signals->lock);
    signals->interrupt = interrupt;
    signals->context = context;
    (void)pthread_mutex_unlock(&signals->lock);
}

void trp_q_signals_wait(struct trp_q_signals *signals)
{
    struct pollfd news = {.fd = signals->news, .events = POLLIN};
    char byte = 0;

    while (byte != TRP_Q_NEWS_END && byte != TRP_Q_NEWS_INTERRUPT) {
        if (read(signals->news, &byte, 1) != 1 && poll(&news, 1, -1) < 0 &&
            errno != EINTR) {
            return;
        }
    }
}

void trp_q_signals_end(struct trp_q_signals *signals)
{
    tell(signals, TRP_Q_NEWS_END);
}
