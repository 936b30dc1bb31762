/* SPDX-License-Identifier: MIT
 * certs.h - keys and certificates for tests of TLS, made when they are needed.
 *
 *   ca.pem             the authority; other_ca.pem: one that signed nothing here
 *   server.pem, .key   for localhost, 127.0.0.1 and ::1
 *   wrong.pem, .key    for elsewhere.example
 *   expired.pem, early.pem, with .key: as server, but past and not yet
 *   stray.pem, .key    as server, signed by an authority nobody has
 *   client.pem, .key   for a client called "client"
 *   locked.key         server.key behind a password
 *   junk.pem           no certificate at all */
#ifndef TRP_TESTS_CERTS_H
#define TRP_TESTS_CERTS_H

/* Makes them in a folder of their own below /tmp, removed by certs_remove; takes settings
 * of TLS out of the environment. */
void certs_make(void);
void certs_remove(void);

const char *certs_folder(void);

/* The path of one; lives until CERTS_PATHS more were asked for. */
enum { CERTS_PATHS = 32 };
const char *certs_path(const char *name);

#endif
