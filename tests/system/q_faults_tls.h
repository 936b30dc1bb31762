/* SPDX-License-Identifier: MIT
 * q_faults_tls.h - TLS peers of the test's own, on blocking sockets. */
#ifndef TRP_TESTS_Q_FAULTS_TLS_H
#define TRP_TESTS_Q_FAULTS_TLS_H

#include <openssl/ssl.h>

#include "tests/system/q_faults.h"

/* Options of a client of Troupe that trusts ca.pem. */
troupe_q_options tls_client_options(void);

/* Accepts a client of Troupe as a server with this certificate, of TLS up to `version`;
 * NULL when there is no handshake. */
SSL *tls_try_accept(int listener, const char *name, int version);

/* The same, and lets it in. */
SSL *tls_welcome(int listener, const char *name, int version);

/* Connects to a server of Troupe; NULL when there is no handshake. And logs in. */
SSL *tls_try_connect(uint16_t to, int version);
SSL *tls_login(uint16_t to, int version);

bool tls_try(SSL *ssl, const void *bytes, size_t size);
void tls_send(SSL *ssl, const void *bytes, size_t size);
void tls_take(SSL *ssl, void *to, size_t size);
void tls_say(SSL *ssl, uint8_t kind, const char *text);
void tls_hear(SSL *ssl, uint8_t kind, const char *text);

/* Nothing comes any more but the end, of any kind. */
bool tls_ends(SSL *ssl);

/* The bytes on the wire that a message of a text makes; they are not sent. */
size_t tls_seal(SSL *ssl, uint8_t kind, const char *text, uint8_t *to, size_t room);

void tls_close(SSL **ssl); /* an orderly end */
void tls_cut(SSL **ssl);   /* an end of the connection without one of TLS */

#endif
