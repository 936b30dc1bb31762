/* SPDX-License-Identifier: MIT
 * unix_file.h - the file of a listening Unix socket: whose it is, and when it goes. */
#ifndef TRP_TRANSPORTS_UNIX_FILE_H
#define TRP_TRANSPORTS_UNIX_FILE_H

#include <sys/types.h>

#include "transports/address.h"

/* Which file it is, so that another's of the same name is left alone. */
struct trp_unix_file {
    struct sockaddr_un path; /* "": none */
    dev_t device;
    ino_t inode;
};

/* Removes a socket at this address on which nobody answers.
 *
 * Returns whether there was one. */
bool trp_unix_file_stale(const struct trp_address *at);

/* After bind: remembers the file and takes it from all but its owner and group; the rest
 * is as the umask says. False: it is not there. */
bool trp_unix_file_made(struct trp_unix_file *file, const struct trp_address *at);

bool trp_unix_file_is_ours(const struct trp_unix_file *file);

/* Removes it, if it is still the one that was made. */
void trp_unix_file_remove(struct trp_unix_file *file);

#endif
