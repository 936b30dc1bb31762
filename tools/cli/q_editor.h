/* SPDX-License-Identifier: MIT
 * q_editor.h - lines edited on a terminal with libedit, for q_reader.c. */
#ifndef TRP_TOOLS_Q_EDITOR_H
#define TRP_TOOLS_Q_EDITOR_H

#include "tools/cli/q_reader.h"

/* The editor, with what earlier sessions typed. */
bool trp_q_editor_open(struct trp_q_reader *reader);

/* Saves what was typed, readable for its owner only; nothing when it is not open. */
void trp_q_editor_close(struct trp_q_reader *reader);

/* One line behind reader->prompt; lives until the next call. */
enum trp_q_read trp_q_editor_line(struct trp_q_reader *reader, const char **line,
                                  size_t *size);

#endif
