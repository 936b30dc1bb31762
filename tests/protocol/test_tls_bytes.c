/* SPDX-License-Identifier: MIT
 * test_tls_bytes.c - much data through TLS, and none of it without memory. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "mailbox/alloc.h"
#include "tests/protocol/tls_pair.h"
#include "tests/support/certs.h"

enum {
    MUCH = 24 << 20, /* bytes each way */
    ROOM = TRP_STREAM_BLOCK,
    PIECE = 300000,
    BELOW = TRP_TLS_AHEAD + (64 << 10) /* one record may go above */
};

static struct trp_tls_context *ours, *theirs;

/* ---- both ways ---- */

struct way {
    struct trp_stream *from, *to;
    size_t wrote, got;
};

static uint8_t pattern_at(size_t at)
{
    return (uint8_t)(at * 5 + at / 509);
}

/* Every other piece is a blob. */
static void write_piece(struct way *way)
{
    troupe_blob *blob = NULL;
    size_t size = MUCH - way->wrote < PIECE ? MUCH - way->wrote : PIECE;
    uint8_t *bytes = trp_alloc(size);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = pattern_at(way->wrote + i);
    }
    if (way->wrote / PIECE % 2 == 0) {
        OK(trp_stream_write(way->from, bytes, size));
        trp_free(bytes);
    } else {
        OK(troupe_blob_wrap(bytes, size, trp_free, bytes, &blob));
        OK(trp_stream_write_blob(way->from, blob));
        troupe_blob_unref(&blob);
    }
    way->wrote += size;
}

static void read_piece(struct way *way)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(way->to, &size);

    ck_assert_uint_le(size, TRP_STREAM_BLOCK);
    size_t right = 0;
    while (right < size && bytes[right] == pattern_at(way->got + right)) {
        right++;
    }
    ck_assert_uint_eq(right, size);
    way->got += size;
    trp_stream_consume(way->to, size);
}

START_TEST(much_goes_both_ways_with_little_in_between)
{
    open_tls(ROOM);
    run();
    expect_ready();
    struct way ways[2] = {{client, server, 0, 0}, {server, client, 0, 0}};
    while (ways[0].got < MUCH || ways[1].got < MUCH) {
        for (int i = 0; i < 2; i++) {
            if (ways[i].wrote < MUCH && trp_stream_waiting(ways[i].from) < PIECE) {
                write_piece(&ways[i]);
            }
            trp_stream_turn(ways[i].from);
            read_piece(&ways[i]);
            ck_assert_uint_le(trp_stream_backlog(ways[i].from->lower), BELOW);
        }
    }
    ck_assert_int_eq(client->ended, TROUPE_OK);
    ck_assert_uint_eq(trp_stream_backlog(client), 0);
    ck_assert_uint_eq(trp_stream_backlog(server), 0);
    close_ends();
}
END_TEST

START_TEST(an_owner_that_does_not_read_stops_the_peer)
{
    static uint8_t bytes[4 << 20];
    size_t size;

    open_tls(ROOM);
    run();
    OK(trp_stream_write(client, bytes, sizeof(bytes)));
    run();
    uint64_t sent = trp_stream_sent(client);
    /* A block of ours, one below, what OpenSSL holds of a record, the handshake. */
    ck_assert_uint_le(sent, (uint64_t)(3 * TRP_STREAM_BLOCK));
    ck_assert_uint_ge(trp_stream_backlog(client), sizeof(bytes) - 3 * TRP_STREAM_BLOCK);
    run();
    ck_assert_uint_eq(trp_stream_sent(client), sent);
    (void)trp_stream_view(server, &size);
    ck_assert_uint_le(size, TRP_STREAM_BLOCK);
    trp_stream_consume(server, size);
    run();
    ck_assert_uint_gt(trp_stream_sent(client), sent);
    close_ends();
}
END_TEST

START_TEST(the_limit_of_output_is_that_of_the_stream_below)
{
    static uint8_t bytes[1 << 20];

    OK(trp_stream_pair(ROOM, 1000, &client, &server));
    wrap_client(client_options(), "localhost");
    ck_assert_int_eq(trp_stream_write(client, bytes, 1001), TROUPE_ELIMIT);
    OK(trp_stream_write(client, bytes, 1000));
    wrap_server(server_options("server"));
    run();
    expect_ready();
    close_ends();
}
END_TEST

/* ---- somebody in between ---- */

/* What the client sends passes through `taken` and `given`; at one place it is changed,
 * or the connection ends. */
struct between {
    struct trp_stream *taken, *given; /* the ends that lie between */
    size_t passed, place;
    bool cut;
};

static void pass_on(struct trp_stream *from, struct trp_stream *to, struct between *here)
{
    uint8_t bytes[TRP_STREAM_BLOCK];
    size_t size;
    const uint8_t *view = trp_stream_view(from, &size);

    if (size == 0) {
        return;
    }
    memcpy(bytes, view, size);
    trp_stream_consume(from, size);
    if (here != NULL && here->place - here->passed < size) {
        size_t at = here->place - here->passed;
        bytes[at] ^= 0x41;
        size = here->cut ? at : size;
    }
    if (here != NULL) {
        here->passed += size;
    }
    OK(trp_stream_write(to, bytes, size));
}

/* Returns how many bytes the client sent. */
static size_t converse_through(size_t place, bool cut)
{
    struct between here = {NULL, NULL, 0, place, cut};
    size_t size;

    OK(trp_stream_pair(ROOM, TLS_LIMIT, &client, &here.taken));
    OK(trp_stream_pair(ROOM, TLS_LIMIT, &server, &here.given));
    OK(trp_stream_tls_new(&client, ours, "localhost", &client));
    OK(trp_stream_tls_new(&server, theirs, NULL, &server));
    OK(trp_stream_write(client, "question", 8));
    for (int i = 0; i < 8; i++) {
        run();
        pass_on(here.taken, here.given, &here);
        pass_on(here.given, here.taken, NULL);
        if (cut && here.passed == place) {
            trp_stream_shut(here.taken);
            trp_stream_shut(here.given);
        }
    }
    const uint8_t *bytes = trp_stream_view(server, &size);
    ck_assert(size == 0 || (size == 8 && memcmp(bytes, "question", 8) == 0));
    if (cut) { /* else a length that became larger may still be waited for */
        ck_assert_int_eq(server->ended, TROUPE_ELOST);
        ck_assert_int_ne(server->system, 0);
    }
    close_ends();
    trp_stream_close(&here.taken);
    trp_stream_close(&here.given);
    return here.passed;
}

START_TEST(a_connection_may_be_cut_or_changed_anywhere)
{
    ours = make_context(client_options(), TRP_TLS_CLIENT);
    theirs = make_context(server_options("server"), TRP_TLS_SERVER);
    size_t whole = converse_through(SIZE_MAX, false);
    ck_assert_uint_gt(whole, 300);
    for (size_t place = 0; place < whole; place++) {
        (void)converse_through(place, _i == 0);
    }
    trp_tls_context_unref(&ours);
    trp_tls_context_unref(&theirs);
}
END_TEST

/* ---- without memory: OpenSSL allocates through us in this program ---- */

static void *ssl_alloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return trp_alloc(size);
}

static void *ssl_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return trp_realloc(old, size);
}

static void ssl_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    trp_free(memory);
}

/* A conversation that may end anywhere; true when it was whole. */
static bool converse(void)
{
    size_t size = 0;
    bool whole = false;

    if (trp_stream_pair(ROOM, TLS_LIMIT, &client, &server) != TROUPE_OK) {
        return false;
    }
    if (trp_stream_tls_new(&client, ours, "localhost", &client) == TROUPE_OK &&
        trp_stream_tls_new(&server, theirs, NULL, &server) == TROUPE_OK) {
        run();
        if (trp_stream_write(client, "question", 8) == TROUPE_OK) {
            run();
            (void)trp_stream_view(server, &size);
            whole = size == 8 && client->ended == TROUPE_OK;
        }
        ck_assert(whole || client->ended != TROUPE_OK || server->ended != TROUPE_OK ||
                  trp_fail_happened());
    }
    close_ends();
    return whole;
}

START_TEST(a_connection_without_memory_fails_and_harms_nobody)
{
    uint64_t n = 1;
    bool failed = true;

    ours = make_context(client_options(), TRP_TLS_CLIENT);
    theirs = make_context(server_options("server"), TRP_TLS_SERVER);
    ck_assert(converse());
    for (; failed; n += 1 + n / 25) {
        trp_fail_nth(n);
        bool whole = converse();
        failed = trp_fail_happened();
        ck_assert(failed || whole);
    }
    ck_assert_uint_gt(n, 100);
    ck_assert(converse());
    trp_tls_context_unref(&ours);
    trp_tls_context_unref(&theirs);
}
END_TEST

START_TEST(a_context_without_memory_is_not_made)
{
    troupe_tls_options options = server_options("server");
    bool failed = true;

    options.ca_cert_file = certs_path("ca.pem");
    options.verify = TROUPE_TLS_VERIFY_REQUIRE;
    options.server_name = "unused";
    for (uint64_t n = 1; failed; n += 1 + n / 50) {
        struct trp_tls_context *context = NULL;
        trp_fail_nth(n);
        troupe_status status =
            trp_tls_context_new(&options, TRP_TLS_SERVER, tls_why, &context);
        failed = trp_fail_happened();
        ck_assert(status != TROUPE_OK || context != NULL);
        ck_assert(failed || status == TROUPE_OK);
        trp_tls_context_unref(&context);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("tls bytes");
    TCase *tcase = tcase_create("tls bytes");

    (void)CRYPTO_set_mem_functions(ssl_alloc, ssl_realloc, ssl_free);
    tcase_add_unchecked_fixture(tcase, certs_make, certs_remove);
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, much_goes_both_ways_with_little_in_between);
    tcase_add_test(tcase, an_owner_that_does_not_read_stops_the_peer);
    tcase_add_test(tcase, the_limit_of_output_is_that_of_the_stream_below);
    tcase_add_loop_test(tcase, a_connection_may_be_cut_or_changed_anywhere, 0, 2);
    tcase_add_test(tcase, a_connection_without_memory_fails_and_harms_nobody);
    tcase_add_test(tcase, a_context_without_memory_is_not_made);
    suite_add_tcase(suite, tcase);
    return suite;
}
