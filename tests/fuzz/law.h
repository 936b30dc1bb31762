/* SPDX-License-Identifier: MIT
 * law.h - what a fuzz target asserts: it says which law was broken, and aborts. */
#ifndef TRP_TESTS_LAW_H
#define TRP_TESTS_LAW_H

#include <stdio.h>
#include <stdlib.h>

#define must(law) ((law) ? (void)0 : law_broken(#law, __FILE__, __LINE__))

_Noreturn static inline void law_broken(const char *law, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, law);
    abort();
}

#endif
