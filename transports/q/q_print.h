/* SPDX-License-Identifier: MIT
 * q_print.h - values as q writes them: on one line, or as its console shows them. */
#ifndef TRP_TRANSPORTS_Q_PRINT_H
#define TRP_TRANSPORTS_Q_PRINT_H

#include "mailbox/buffer.h"
#include "transports/q/q_value.h"

enum {
    TRP_Q_PRECISION = 7, /* digits of floats unless told otherwise */
    TRP_Q_PRECISION_MAX = 17,
    TRP_Q_ITEM_TEXT = 64, /* bytes that hold any fixed-width item's text */
    TRP_Q_ROWS = 25,      /* a console, unless told otherwise */
    TRP_Q_COLUMNS = 80
};

/* As q does it: a line holds at most one byte less than the console has columns, and two
 * of the rows are kept for the prompt. */
struct trp_q_format {
    size_t rows;    /* of the console; 0: no limit */
    size_t columns; /* of the console; 0: no limit */
    int precision;  /* significant digits, 1 to TRP_Q_PRECISION_MAX; 0: TRP_Q_PRECISION */
};

/* The text of one fixed-width item as it stands in a vector, without the type's suffix.
 *
 * cell   for a table: nulls are empty
 *
 * Returns the bytes written (at most TRP_Q_ITEM_TEXT). */
size_t trp_q_item_text(char to[TRP_Q_ITEM_TEXT], int base, const void *item,
                       int precision, bool cell);

/* What stands after an atom or vector of this base type; "" when nothing (float: decided
 * by its digits). */
const char *trp_q_suffix(int base);

/* The name of a base type ("long"), or "" when there is none. */
const char *trp_q_type_name(int base);

/* The text of a primitive by its code ("+", "avg", "~:"), or "". */
const char *trp_q_primitive_text(int type, unsigned code);

/* Appends one line, without its end, as -3! gives it; a line too long for the console's
 * columns is cut and ends in "..". Whether there was room or memory is in out->status. */
void trp_q_print_line(struct trp_buffer *out, const troupe_q_value *value,
                      const struct trp_q_format *format);

/* Appends the lines the console shows, each with its end. Errors: in out->status. */
void trp_q_print(struct trp_buffer *out, const troupe_q_value *value,
                 const struct trp_q_format *format);

/* Cuts what was written since `start` so that it fits into so many columns (0: any). */
void trp_q_print_cut(struct trp_buffer *out, size_t start, size_t columns);

/* Appends a string in quotes, with escapes. */
void trp_q_print_quoted(struct trp_buffer *out, const char *text, size_t size);

#endif
