/* SPDX-License-Identifier: MIT
 * q_signals.h - the signals of a console, taken by a thread of their own: an interrupt
 * goes to whoever is aimed at, and what the reader of lines must know comes through a
 * descriptor it can wait for. */
#ifndef TRP_TOOLS_Q_SIGNALS_H
#define TRP_TOOLS_Q_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What is read from `news`, one byte each. */
enum trp_q_news {
    TRP_Q_NEWS_INTERRUPT = 'i', /* SIGINT */
    TRP_Q_NEWS_SIZE = 'w',      /* the window has another size */
    TRP_Q_NEWS_CONTINUED = 'c', /* in the foreground again */
    TRP_Q_NEWS_END = 'e'        /* SIGTERM, SIGHUP, or trp_q_signals_end */
};

struct trp_q_signals {
    pthread_t thread;
    pthread_mutex_t lock;
    sigset_t set, before;
    int news, tell; /* the two ends of a pipe */
    atomic_bool closing;
    void (*interrupt)(void *context); /* under the lock */
    void *context;
};

/* Takes SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGCONT from now on; call it before other
 * threads are made. Returns false when the system refuses. */
bool trp_q_signals_open(struct trp_q_signals *signals);
void trp_q_signals_close(struct trp_q_signals *signals);

/* Whom SIGINT and the signals of the end interrupt, besides being news; NULL: nobody.
 * `interrupt` runs on the thread of the signals; none runs any more when this returns. */
void trp_q_signals_aim(struct trp_q_signals *signals, void (*interrupt)(void *context),
                       void *context);

/* Blocks until the signals of the end, SIGINT among them, or trp_q_signals_end. Only
 * where nobody else reads `news`. */
void trp_q_signals_wait(struct trp_q_signals *signals);

/* Ends the reading of lines from any thread. */
void trp_q_signals_end(struct trp_q_signals *signals);

#endif
