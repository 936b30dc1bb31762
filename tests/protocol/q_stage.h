/* SPDX-License-Identifier: MIT
 * q_stage.h - two connections of one server, the test at the far end of both. */
#ifndef TRP_TESTS_Q_STAGE_H
#define TRP_TESTS_Q_STAGE_H

#include "tests/protocol/q_script.h"
#include "transports/q/q_serving.h"

enum { STAGE_SEEN = 64, STAGE_DEFERRED = 8 };

extern struct trp_stream *far, *other;
extern troupe_id peer; /* the connection whose far end is `far` */
extern struct trp_q_service *service;
extern struct probe *desk; /* handles what goes to actors */

extern size_t room; /* bytes a connection takes before they are read; 0: 1000 */

/* Events handled, as texts. */
extern char seen[STAGE_SEEN][48];
extern unsigned seen_count;
extern uint64_t deferred[STAGE_DEFERRED];
extern unsigned deferred_count;
extern troupe_id deferred_peer;

void begin_with(int seed, troupe_q_server_options options);
void begin(int seed); /* with `handle` */
void end(void);

troupe_id connect_peer(struct trp_stream **end);
void login(struct trp_stream *end, const char *text, size_t size);

/* Echoes; "defer" is answered later, "fail" with an error, "refuse" is a bad password. */
troupe_status handle(troupe_self *self, void *context, const troupe_q_event *event,
                     troupe_q_value **answer);
troupe_q_server_options with_function(void);
void see(const troupe_q_event *event);

void push_to(troupe_id to, const char *text);

#endif
