/* SPDX-License-Identifier: MIT
 * test_q_faults_storm.c - everything at once: honest clients over TLS and plain, each
 * with calls in flight, while others come, say half of something or nonsense, and go in
 * any way. Every honest call gets its own answer. */
#include <stdio.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/support/certs.h"
#include "tests/system/q_faults_tls.h"
#include "transports/q/q_codec.h"

enum {
    HONEST = 6, /* half of them over TLS */
    CALLS = 8,  /* of each in flight */
    GUESTS = 12,
    ROUNDS = SANITIZED ? 40 : 100
};

/* Somebody who means no good. */
struct guest {
    int fd;   /* -1: not there */
    SSL *ssl; /* NULL: plain */
};

static uint32_t seed;
static struct guest guests[GUESTS];

static uint32_t roll(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % sides;
}

static void come(struct guest *guest)
{
    *guest = (struct guest){.fd = -1};
    if (roll(3) == 0) {
        guest->ssl = tls_login(port, roll(2) == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
        guest->fd = SSL_get_fd(guest->ssl);
    } else {
        guest->fd = roll(4) == 0 ? raw_connect(port) : raw_login(port);
    }
}

/* Whole messages, parts of them, and what is none. */
static void babble(const struct guest *guest)
{
    static const char *const texts[] = {"echo", "hang", "fail", "more"};
    uint8_t bytes[MESSAGE_MAX];
    size_t size = raw_message(bytes, (uint8_t)roll(2), texts[roll(4)]);

    switch (roll(4)) {
    case 0:
        size = roll((uint32_t)size) + 1;
        break;
    case 1:
        bytes[roll((uint32_t)size)] ^= (uint8_t)(1 << roll(8));
        break;
    default:
        break;
    }
    if (guest->ssl != NULL && roll(8) != 0) {
        (void)tls_try(guest->ssl, bytes, size);
    } else {
        (void)raw_try(guest->fd, bytes, size);
    }
}

static void go(struct guest *guest)
{
    if (guest->ssl != NULL && roll(2) == 0) {
        tls_close(&guest->ssl);
    } else if (guest->ssl != NULL) {
        tls_cut(&guest->ssl);
    } else if (roll(2) == 0) {
        raw_close(&guest->fd);
    } else {
        raw_reset(&guest->fd);
    }
    guest->fd = -1;
}

static void misbehave(void)
{
    for (int i = 0; i < GUESTS; i++) {
        struct guest *guest = &guests[i];
        if (guest->fd < 0) {
            come(guest);
        } else if (roll(3) == 0) {
            go(guest);
        } else {
            babble(guest);
        }
    }
}

static const char *text_of(char text[TEXT_MAX], unsigned round, unsigned who, unsigned k)
{
    (void)snprintf(text, TEXT_MAX, "call %u of %u in %u", k, who, round);
    return text;
}

static void one_round(const troupe_q honest[HONEST], unsigned round)
{
    troupe_pending *pending[HONEST][CALLS];
    char text[TEXT_MAX];

    for (unsigned k = 0; k < CALLS; k++) {
        for (unsigned who = 0; who < HONEST; who++) {
            pending[who][k] =
                faults_call(honest[who], text_of(text, round, who, k), TROUPE_S(STUCK_S));
        }
        misbehave();
    }
    for (unsigned who = 0; who < HONEST; who++) {
        for (unsigned k = 0; k < CALLS; k++) {
            faults_answer(&pending[who][k], text_of(text, round, who, k));
        }
    }
}

START_TEST(honest_calls_get_their_answers_whatever_others_do)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    troupe_tls_options tls = TROUPE_TLS_OPTIONS;
    troupe_q honest[HONEST];

    seed = 11 + (uint32_t)_i;
    certs_make();
    tls.cert_file = certs_path("server.pem");
    tls.key_file = certs_path("server.key");
    options.tls_mode = TROUPE_Q_TLS_BOTH;
    options.tls_options = &tls;
    options.close_limit = TROUPE_MS(50); /* of those whose answers never come */
    faults_begin(&options);
    for (unsigned who = 0; who < HONEST; who++) {
        honest[who] = who % 2 == 0 ? faults_open(port)
                                   : faults_open_with(port, tls_client_options());
        faults_echo(honest[who], "there");
    }
    struct faults_mark calm = faults_mark(honest[0]);
    for (int i = 0; i < GUESTS; i++) {
        guests[i] = (struct guest){.fd = -1};
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        one_round(honest, round);
    }
    for (int i = 0; i < GUESTS; i++) {
        if (guests[i].fd >= 0) {
            go(&guests[i]);
        }
    }
    faults_back_to(honest[0], calm);
    faults_end();
    certs_remove();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_storm");
    TCase *tcase = tcase_create("storm");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, honest_calls_get_their_answers_whatever_others_do, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
