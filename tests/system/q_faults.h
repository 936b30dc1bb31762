/* SPDX-License-Identifier: MIT
 * q_faults.h - a system with a q server on real sockets, and the peers that wrong it:
 * blocking sockets of the test's own thread. Every wait has a limit nobody reaches who
 * is not stuck. */
#ifndef TRP_TESTS_Q_FAULTS_H
#define TRP_TESTS_Q_FAULTS_H

#include <troupe/q.h>

#include "tests/support/suite.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* slow, and memory is not what it is */
#else
#define SANITIZED 0
#endif

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

enum {
    STUCK_S = 60,      /* a wait this long is a failure */
    TEXT_MAX = 64,     /* of the texts that go to and fro, with NUL */
    MESSAGE_TEXT = 14, /* where the text of a message of a text begins */
    MESSAGE_MAX = MESSAGE_TEXT + TEXT_MAX
};

/* ---- the system ---- */

extern troupe_system *sys;
extern uint16_t port; /* of its server */

/* Starts a system with a server that echoes: "hang" is never answered, "fail" fails. Of
 * `options` (NULL: defaults) the handler of sync messages is set. */
void faults_begin(const troupe_q_server_options *options);

/* Another server that echoes, on a port (0: a free one); and its end. */
uint16_t faults_serve(const troupe_q_server_options *options, uint16_t at,
                      troupe_q_server *out);
void faults_unserve(troupe_q_server server);

/* Shuts down in time; there are no more descriptors than before. */
void faults_end(void);

/* Waits until `n` connections have been opened or closed (all events so far). */
void faults_wait_for(troupe_embedq_event event, unsigned n);

unsigned faults_logged(void); /* lines of warnings and errors */

/* ---- Troupe's clients ---- */

troupe_q faults_open(uint16_t to);
troupe_q faults_open_with(uint16_t to, troupe_q_options options);
void faults_close(troupe_q q); /* and waits until it is closed */

/* Calls and waits: the echo must come. */
void faults_echo(troupe_q q, const char *text);

/* Calls without waiting; and waits: the answer must be the text; must be the text if it
 * is none of the failures; may be any. */
troupe_pending *faults_call(troupe_q q, const char *text, troupe_ns timeout);
void faults_answer(troupe_pending **pending, const char *text);
troupe_status faults_answer_or(troupe_pending **pending, const char *text);
troupe_status faults_outcome(troupe_pending **pending);

/* With an honest client: waits, call by call, until there are as many actors and
 * descriptors as `mark` says. */
struct faults_mark {
    unsigned actors, descriptors;
};
struct faults_mark faults_mark(troupe_q honest);
void faults_back_to(troupe_q honest, struct faults_mark mark);

/* ---- sockets of the test ---- */

int raw_listen(uint16_t *at);
int raw_accept(int listener);
int raw_connect(uint16_t to);
int raw_login(uint16_t to);    /* connected and let in */
int raw_welcome(int listener); /* accepts a client of Troupe and lets it in */
void raw_send(int fd, const void *bytes, size_t size);
bool raw_try(int fd, const void *bytes, size_t size); /* false: the peer has closed */
void raw_take(int fd, void *to, size_t size);
bool raw_ends(int fd);  /* nothing comes any more but the end */
void raw_drain(int fd); /* reads to the end, whatever comes */
void raw_close(int *fd);
void raw_reset(int *fd); /* the peer sees a reset */
unsigned raw_descriptors(void);

/* A message of a text; its size. Beginning with ': an error. */
size_t raw_message(uint8_t *to, uint8_t kind, const char *text);
void raw_say(int fd, uint8_t kind, const char *text);
/* The next message must be of that kind and text. */
void raw_hear(int fd, uint8_t kind, const char *text);

#endif
