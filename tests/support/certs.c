/* SPDX-License-Identifier: MIT
 * certs.c - certificates by the API of OpenSSL. */
#include "tests/support/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <check.h>

#include "tests/support/scratch.h"

enum { DAY = 24 * 60 * 60, YEAR = 365 * DAY };

struct authority {
    X509 *cert;
    EVP_PKEY *key;
};

static char folder[SCRATCH_PATH];
static long serial;

const char *certs_folder(void)
{
    return folder;
}

const char *certs_path(const char *name)
{
    static char paths[CERTS_PATHS][SCRATCH_PATH + 80];
    static unsigned next;
    char *path = paths[next++ % CERTS_PATHS];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static FILE *open_file(const char *name, const char *suffix)
{
    char full[64];

    (void)snprintf(full, sizeof(full), "%s%s", name, suffix);
    FILE *file = fopen(certs_path(full), "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

static void write_cert(X509 *cert, const char *name)
{
    FILE *file = open_file(name, ".pem");

    ck_assert_int_eq(PEM_write_X509(file, cert), 1);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_key(EVP_PKEY *key, const char *name, const char *password)
{
    FILE *file = open_file(name, ".key");

    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(
                         file, key, password != NULL ? EVP_aes_256_cbc() : NULL, password,
                         password != NULL ? (int)strlen(password) : 0, NULL, NULL),
                     1);
    ck_assert_int_eq(fclose(file), 0);
}

static void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *certify(const char *common_name, EVP_PKEY *key, long from, long to)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();

    ck_assert_ptr_nonnull(cert);
    ck_assert_ptr_nonnull(name);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)common_name, -1,
                                                -1, 0),
                     1);
    ck_assert_int_eq(X509_set_version(cert, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(cert), from));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(cert), to));
    ck_assert_int_eq(X509_set_subject_name(cert, name), 1);
    ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
    X509_NAME_free(name);
    return cert;
}

static void sign(X509 *cert, X509 *issuer, EVP_PKEY *key)
{
    ck_assert_int_eq(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), 1);
    ck_assert_int_ne(X509_sign(cert, key, EVP_sha256()), 0);
}

static struct authority found(const char *common_name, const char *file)
{
    struct authority made = {.key = EVP_EC_gen("P-256")};

    ck_assert_ptr_nonnull(made.key);
    made.cert = certify(common_name, made.key, -2L * YEAR, 10L * YEAR);
    extend(made.cert, NID_basic_constraints, "critical,CA:TRUE");
    extend(made.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(made.cert, made.cert, made.key);
    if (file != NULL) {
        write_cert(made.cert, file);
    }
    return made;
}

static void end_authority(struct authority *authority)
{
    X509_free(authority->cert);
    EVP_PKEY_free(authority->key);
}

static void issue(const struct authority *by, const char *file, const char *common_name,
                  const char *names, long from, long to)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    ck_assert_ptr_nonnull(key);
    X509 *cert = certify(common_name, key, from, to);
    extend(cert, NID_basic_constraints, "CA:FALSE");
    if (names != NULL) {
        extend(cert, NID_subject_alt_name, names);
    }
    sign(cert, by->cert, by->key);
    write_cert(cert, file);
    write_key(key, file, NULL);
    if (strcmp(file, "server") == 0) {
        write_key(key, "locked", "secret");
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void forget_settings(void)
{
    static const char *const names[] = {"KX_SSL_CERT_FILE",     "KX_SSL_KEY_FILE",
                                        "KX_SSL_CA_CERT_FILE",  "KX_SSL_CA_CERT_PATH",
                                        "KX_SSL_CIPHER_LIST",   "KX_SSL_CIPHERSUITES",
                                        "KX_SSL_MINPROTOCOL",   "KX_SSL_MAXPROTOCOL",
                                        "KX_SSL_VERIFY_SERVER", "KX_SSL_VERIFY_CLIENT"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(unsetenv(names[i]), 0);
        ck_assert_int_eq(unsetenv(names[i] + strlen("KX_")), 0);
    }
}

void certs_make(void)
{
    static const char here[] = "DNS:localhost,IP:127.0.0.1,IP:::1";

    forget_settings();
    (void)snprintf(folder, sizeof(folder), "/tmp/scratch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct authority ca = found("the authority", "ca");
    struct authority other = found("another authority", "other_ca");
    struct authority hidden = found("a hidden authority", NULL);
    issue(&ca, "server", "localhost", here, -DAY, YEAR);
    issue(&ca, "wrong", "elsewhere.example", "DNS:elsewhere.example", -DAY, YEAR);
    issue(&ca, "expired", "localhost", here, -YEAR, -DAY);
    issue(&ca, "early", "localhost", here, DAY, YEAR);
    issue(&ca, "client", "client", NULL, -DAY, YEAR);
    issue(&hidden, "stray", "localhost", here, -DAY, YEAR);
    end_authority(&ca);
    end_authority(&other);
    end_authority(&hidden);
    FILE *junk = open_file("junk", ".pem");
    ck_assert_int_ge(fputs("nothing of use\n", junk), 0);
    ck_assert_int_eq(fclose(junk), 0);
}

void certs_remove(void)
{
    scratch_remove(folder);
}
