/* SPDX-License-Identifier: MIT
 * q_script.h - the far end of a stream pair, played by a test: it writes bytes and looks
 * at what came, in any pieces. */
#ifndef TRP_TESTS_Q_SCRIPT_H
#define TRP_TESTS_Q_SCRIPT_H

#include <troupe/q.h>

#include "tests/support/sim.h"
#include "transports/q/q_conn.h"

/* Writes to the actor at the other end; `piece` bytes at a time, running the system in
 * between (0: all at once). */
void script_write(struct trp_stream *far, const void *bytes, size_t size, size_t piece);

/* Writes a message of a text: a char vector, or, beginning with ', an error. */
void script_message(struct trp_stream *far, uint8_t kind, const char *text, size_t piece);

/* The bytes of such a message. */
void script_encode(struct trp_buffer *out, uint8_t kind, const char *text);

/* What came must be exactly these bytes. */
void script_expect(struct trp_stream *far, const void *bytes, size_t size);

/* What came must begin with a message of this kind and text; it is consumed. */
void script_expect_message(struct trp_stream *far, uint8_t kind, const char *text);

/* Nothing must have come, and the actor must (not) have closed. */
void script_expect_nothing(struct trp_stream *far);
bool script_closed(const struct trp_stream *far);

/* The text of a value: of a char vector, or of an error after '. */
const char *script_text(const troupe_q_value *value);

#endif
