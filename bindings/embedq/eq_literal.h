/* SPDX-License-Identifier: MIT
 * eq_literal.h - reading one number, date or time. */
#ifndef TRP_BINDINGS_EMBEDQ_LITERAL_H
#define TRP_BINDINGS_EMBEDQ_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRP_EQ_SECOND INT64_C(1000000000)
#define TRP_EQ_DAY    (INT64_C(86400) * TRP_EQ_SECOND)

struct trp_eq_scan {
    int type;
    bool plain; /* a long without a letter: takes the type of the others in its run */
    bool null;
    int infinite; /* -1, 0, 1 */
    int64_t whole;
    double real;
};

/* Whether the word is a number, date or time; what it is in *out. */
bool trp_eq_scan_word(const char *text, size_t size, struct trp_eq_scan *out);

/* Between types and the letters of q ("j" is 7); -1 and ' ' for what has none. */
int trp_eq_type_of_letter(char letter);
char trp_eq_letter_of_type(int type);

#endif
