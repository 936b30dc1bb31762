/* SPDX-License-Identifier: MIT
 * trace_text.h - text of others, made harmless for JSON, DOT, XML and terminals. */
#ifndef TRP_TOOLS_TRACE_TEXT_H
#define TRP_TOOLS_TRACE_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* A JSON string with its quotes; it is a DOT string too. */
void trp_text_quoted(const char *text, FILE *out);
void trp_text_xml(const char *text, FILE *out);

/* "412us", "1.2s", "3d04h": at most 8 characters. */
void trp_text_span(uint64_t ns, char *text, size_t size);

#endif
