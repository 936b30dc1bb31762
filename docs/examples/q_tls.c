/* SPDX-License-Identifier: MIT
 * q_tls.c - secure connections, to a server that takes plain ones as well.
 *
 *   example_q_tls FOLDER     with ca.pem, server.pem and server.key: see q_certs.sh */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>

#include <troupe/q_connection.h>

#include "q_example.h"

static char ca[512], certificate[512], key[512];

static troupe_q_connection *open_secure(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_tls_options trust = TROUPE_TLS_OPTIONS;
    troupe_q_connection *conn = NULL;

    trust.ca_cert_file = ca; /* NULL: as the environment says, else the system's */
    options.port = port;     /* of localhost, which the certificate must be for */
    options.tls = true;      /* makes it a SecureQConnection */
    options.tls_options = &trust;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static void by_environment(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.port = port;
    options.tls = true;
    fails(troupe_q_connection_open(sys, &options, &conn, &why), TROUPE_ETLS,
          "OpenSSL initialization failed"); /* nobody vouches for the server */
    (void)setenv("KX_SSL_CA_CERT_FILE", ca, 1);
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    troupe_q_connection_free(&conn);
    (void)unsetenv("KX_SSL_CA_CERT_FILE");
}

static void settings(troupe_q_connection *conn)
{
    troupe_q_value *info = NULL, *text = NULL;
    size_t size = 0;

    must(troupe_q_connection_ssl_info(conn, &info)); /* a dictionary, as -26!() */
    must(troupe_q_format_console(info, 25, 80, &text));
    const char *bytes = troupe_q_text(text, &size);
    (void)printf("%.*s", (int)size, bytes);
    troupe_q_unref(&text);
    troupe_q_unref(&info);
}

static void use(troupe_q_connection *conn)
{
    troupe_q_value *answer = NULL;

    must(troupe_q_connection_query(conn, "til 10", 0, NULL, &answer, &why));
    is(&answer, "0 1 2 3 4 5 6 7 8 9");
}

static troupe_q_connection *open_plain(void)
{
    troupe_q_connection_options options = TROUPE_Q_CONNECTION_OPTIONS;
    troupe_q_connection *conn = NULL;

    options.port = port;
    must(troupe_q_connection_open(sys, &options, &conn, &why));
    return conn;
}

static troupe_q_hub *serve_both(void)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_tls_options own = TROUPE_TLS_OPTIONS;

    own.cert_file = certificate;
    own.key_file = key;
    options.tls_mode = TROUPE_Q_TLS_BOTH; /* and plain, on one port */
    options.tls_options = &own;
    return serve(options);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(ca, sizeof(ca), "%s/ca.pem", argv[1]);
    (void)snprintf(certificate, sizeof(certificate), "%s/server.pem", argv[1]);
    (void)snprintf(key, sizeof(key), "%s/server.key", argv[1]);
    must(troupe_system_new(NULL, &sys));
    must(troupe_system_start(sys));
    troupe_q_hub *hub = serve_both();
    troupe_q_connection *secure = open_secure(), *plain = open_plain();
    use(secure);
    use(plain);
    settings(secure);
    by_environment();
    troupe_q_connection_free(&secure);
    troupe_q_connection_free(&plain);
    troupe_system_shutdown(sys, TROUPE_S(5));
    must(troupe_system_join(sys));
    troupe_system_free(&sys);
    troupe_q_hub_free(&hub);
    return 0;
}
