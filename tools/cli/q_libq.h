/* SPDX-License-Identifier: MIT
 * q_libq.h - the options that choose a q library instead of the embedded q. */
#ifndef TRP_TOOLS_Q_LIBQ_H
#define TRP_TOOLS_Q_LIBQ_H

#include <getopt.h>

#include <troupe/libq.h>

struct trp_q_libq {
    bool used;        /* else the embedded q */
    const char *path; /* NULL: where the system looks */
};

enum { TRP_Q_OPTION_ENGINE = 1100, TRP_Q_OPTION_LIBQ };

/* clang-format off */
#define TRP_Q_LIBQ_OPTIONS \
    {"engine", required_argument, NULL, TRP_Q_OPTION_ENGINE}, \
    {"libq", required_argument, NULL, TRP_Q_OPTION_LIBQ}
/* clang-format on */

/* Takes one of them from optarg. Prints what is wrong; returns -1 to go on, else the exit
 * code. */
int trp_q_libq_option(int option, struct trp_q_libq *out);

/* Opens the engine, and evaluates a script there when `script` is not NULL. Prints why
 * not; returns -1 to go on, else the exit code.
 *
 * words   of q's command line, NULL-terminated, or NULL */
int trp_q_libq_open(troupe_system *sys, const struct trp_q_libq *libq,
                    const char *const *words, const char *script, troupe_id *out);

#endif
