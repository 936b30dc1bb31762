/* SPDX-License-Identifier: MIT
 * q_grammar.h - q programs made of bytes: each byte is a choice, so that what a fuzzer
 * changes a little stays a program and does something else. */
#ifndef TRP_TESTS_Q_GRAMMAR_H
#define TRP_TESTS_Q_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

enum { Q_PROGRAM_MAX = 4096 };

/* Writes a program of one statement a line; returns its size. */
size_t q_program(const uint8_t *bytes, size_t size, char text[Q_PROGRAM_MAX]);

#endif
