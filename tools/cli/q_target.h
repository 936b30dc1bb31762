/* SPDX-License-Identifier: MIT
 * q_target.h - which q process a command means, and how it is reached. */
#ifndef TRP_TOOLS_Q_TARGET_H
#define TRP_TOOLS_Q_TARGET_H

#include <getopt.h>

#include <troupe/q.h>

enum { TRP_Q_PART_MAX = 256 /* bytes of a host, user name or password */ };

struct trp_q_target {
    char host[TRP_Q_PART_MAX], user[TRP_Q_PART_MAX], password[TRP_Q_PART_MAX];
    uint16_t port;
    bool unix_domain, uses_tls;
    troupe_q_unix_form form;
    troupe_tls_options tls; /* texts of the command line */
    troupe_ns timeout;      /* of a call; 0: none */
};

/* Options that say how, for getopt_long; `val` goes to trp_q_target_option. */
enum {
    TRP_Q_OPTION_USER = 1000,
    TRP_Q_OPTION_TIMEOUT,
    TRP_Q_OPTION_FORM,
    TRP_Q_OPTION_CA,
    TRP_Q_OPTION_CERT,
    TRP_Q_OPTION_KEY,
    TRP_Q_OPTION_NO_VERIFY
};

/* clang-format off */
#define TRP_Q_TARGET_OPTIONS \
    {"user", required_argument, NULL, TRP_Q_OPTION_USER}, \
    {"timeout", required_argument, NULL, TRP_Q_OPTION_TIMEOUT}, \
    {"unix-form", required_argument, NULL, TRP_Q_OPTION_FORM}, \
    {"ca", required_argument, NULL, TRP_Q_OPTION_CA}, \
    {"cert", required_argument, NULL, TRP_Q_OPTION_CERT}, \
    {"key", required_argument, NULL, TRP_Q_OPTION_KEY}, \
    {"no-verify", no_argument, NULL, TRP_Q_OPTION_NO_VERIFY}
/* clang-format on */

/* What --help says of addresses and these options. */
extern const char trp_q_target_usage[];

/* Takes one of these options from optarg. Prints what is wrong; returns -1 to go on, else
 * the exit code. */
int trp_q_target_option(int option, struct trp_q_target *out);

/* Reads an address: [SCHEME://][USER[:PASSWORD]@]HOST:PORT, or as q writes it,
 * :[SCHEME://]HOST:PORT[:USER[:PASSWORD]]. SCHEME is tcp, tcps or unix; a unix address is
 * a PORT alone, perhaps with ?form=exact, padded or file behind it. What it does not say
 * of the user stays as it is. Prints what is wrong; returns -1 to go on, else the exit
 * code. */
int trp_q_target_read(const char *text, struct trp_q_target *out);

/* Reads a number of seconds above 0. */
bool trp_q_seconds(const char *text, troupe_ns *out);

/* Reads a number of bytes above 0, perhaps with K, M or G behind it. */
bool trp_q_size(const char *text, size_t *out);

/* Reads a port; 0 only when `zero`. */
bool trp_q_port(const char *text, bool zero, uint16_t *out);

#endif
