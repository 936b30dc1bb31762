/* SPDX-License-Identifier: MIT
 * tls_error.h - what OpenSSL found wrong, as a sentence. */
#ifndef TRP_TRANSPORTS_TLS_ERROR_H
#define TRP_TRANSPORTS_TLS_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;

/* Says why the last call for this connection failed, and empties OpenSSL's queue.
 *
 * name   that was to be in the certificate, or NULL
 *
 * Returns whether it was want of memory. */
bool trp_tls_error(const struct ssl_st *ssl, const char *name, char *text, size_t size);

#endif
