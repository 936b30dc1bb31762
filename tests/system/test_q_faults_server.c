/* SPDX-License-Identifier: MIT
 * test_q_faults_server.c - what clients do to a server on real sockets: messages cut
 * anywhere, resets, lies about sizes, bombs, logins without end, answers nobody reads.
 * In all of it the wrongdoer is ended and an honest client is served. */
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mailbox/alloc.h"
#include "tests/system/q_faults.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_login.h"

enum { CACHES = 6 << 20 }; /* what streams and pools keep for the next */

static troupe_q honest;
static struct faults_mark calm;

static void begin(const troupe_q_server_options *options)
{
    faults_begin(options);
    honest = faults_open(port);
    calm = faults_mark(honest);
}

/* All that was done is over, and the server serves. */
static void end(void)
{
    faults_back_to(honest, calm);
    faults_end();
}

/* Bytes of memory in use; the allocators of sanitizers do not say. */
static size_t memory_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return SANITIZED ? 0 : info.uordblks + info.hblkhd;
}

/* Encodes a value, which ends. */
static void encode(troupe_q_value **value, bool compress, struct trp_buffer *out)
{
    const struct trp_q_encoding how = {
        .kind = TRP_Q_SYNC, .capability = TRP_Q_CAPABILITY, .compress = compress};
    struct trp_q_why why;

    trp_buffer_init(out, (size_t)1 << 30);
    OK(trp_q_encode(*value, &how, out, &why));
    troupe_q_unref(value);
}

/* Zeros, compressed as far as it goes. */
static void encode_zeros(size_t count, struct trp_buffer *out)
{
    troupe_q_value *zeros = NULL;

    OK(troupe_q_vector(TROUPE_Q_BYTE, count, NULL, &zeros));
    encode(&zeros, true, out);
    ck_assert_uint_eq(trp_buffer_front(out)[2], 1);
    ck_assert_uint_lt(trp_buffer_size(out), count / 50);
}

/* Sends these bytes after a login; the server must hang up. */
static void is_dropped(const void *bytes, size_t size)
{
    int fd = raw_login(port);

    (void)raw_try(fd, bytes, size);
    ck_assert(raw_ends(fd));
    raw_close(&fd);
}

/* ---- half messages ---- */

static void cut_everywhere(const uint8_t *message, size_t size)
{
    for (size_t cut = 0; cut < size; cut++) {
        int closes = raw_login(port), resets = raw_login(port);
        raw_send(closes, message, cut);
        raw_send(resets, message, cut);
        ck_assert_int_eq(shutdown(closes, SHUT_WR), 0);
        ck_assert(raw_ends(closes));
        raw_close(&closes);
        raw_reset(&resets);
    }
}

START_TEST(a_message_cut_anywhere_ends_its_client_alone)
{
    uint8_t message[MESSAGE_MAX];

    begin(NULL);
    cut_everywhere(message, raw_message(message, TRP_Q_SYNC, "half"));
    cut_everywhere(message, raw_message(message, TRP_Q_ASYNC, "half"));
    end();
}
END_TEST

START_TEST(a_compressed_message_cut_anywhere_ends_its_client_alone)
{
    struct trp_buffer packed;

    begin(NULL);
    encode_zeros(4000, &packed);
    cut_everywhere(trp_buffer_front(&packed), trp_buffer_size(&packed));
    trp_buffer_fini(&packed);
    end();
}
END_TEST

START_TEST(a_login_cut_anywhere_ends_its_client_alone)
{
    static const char login[] = "joe:secret\6";

    begin(NULL);
    for (size_t cut = 0; cut < sizeof(login); cut++) {
        int closes = raw_connect(port), resets = raw_connect(port);
        raw_send(closes, login, cut);
        raw_send(resets, login, cut);
        ck_assert_int_eq(shutdown(closes, SHUT_WR), 0);
        ck_assert(raw_ends(closes));
        raw_close(&closes);
        raw_reset(&resets);
    }
    end();
}
END_TEST

/* What comes before the cut is answered all the same. */
START_TEST(a_client_that_closes_its_side_gets_the_answers_that_are_due)
{
    begin(NULL);
    int fd = raw_login(port);
    raw_say(fd, TRP_Q_SYNC, "one");
    raw_say(fd, TRP_Q_SYNC, "two");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    raw_hear(fd, TRP_Q_RESPONSE, "one");
    raw_hear(fd, TRP_Q_RESPONSE, "two");
    ck_assert(raw_ends(fd));
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(a_reset_in_the_middle_of_a_body_gives_its_memory_back)
{
    enum { SENT = 4 << 20, ROUNDS = 20 };
    static uint8_t body[SENT] = {1, 1, 0, 0, 0, 0, 0, 16, TROUPE_Q_BYTE}; /* of 256 MiB */
    size_t before = 0;

    begin(NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int fd = raw_login(port);
        raw_send(fd, body, SENT);
        raw_reset(&fd);
        faults_back_to(honest, calm);
        if (round == 0) {
            before = memory_used(); /* what is kept is kept by now */
        }
    }
    ck_assert_uint_le(memory_used(), before + SENT);
    end();
}
END_TEST

/* ---- lies ---- */

START_TEST(a_length_is_not_believed_before_its_bytes_come)
{
    enum { CLIENTS = 64, EACH = 2 << 20 };
    static const uint8_t claim[] = {1,    1, 0, 0,    0,    0,    0,
                                    0x40, 4, 0, 0xf2, 0xff, 0xff, 0x3f};
    int fds[CLIENTS];

    begin(NULL);
    size_t before = memory_used();
    for (int i = 0; i < CLIENTS; i++) { /* of 1 GiB, all that is allowed */
        fds[i] = raw_login(port);
        raw_send(fds[i], claim, sizeof(claim));
    }
    faults_echo(honest, "served");
    ck_assert_uint_le(memory_used(), before + (size_t)CLIENTS * EACH);
    for (int i = 0; i < CLIENTS; i++) {
        raw_close(&fds[i]);
    }
    end();
}
END_TEST

#define LIE(text)                                                                        \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }

static const struct lie {
    const char *bytes;
    size_t size;
} lies[] = {
    LIE("\1\1\0\0\0\0\0\0"),                      /* no length at all */
    LIE("\1\1\0\0\7\0\0\0"),                      /* less than a header */
    LIE("\1\1\0\0\11\0\0\0\1"),                   /* no room for a value */
    LIE("\1\1\0\1\0\0\0\0"),                      /* 4 GiB */
    LIE("\1\1\0\377\377\377\377\377"),            /* 1 TiB */
    LIE("\0\1\0\377\377\377\377\377"),            /* from the other end */
    LIE("\1\3\0\0\12\0\0\0\377\1"),               /* a kind there is not */
    LIE("\1\377\0\0\12\0\0\0\377\1"),             /* or this */
    LIE("\1\2\0\0\12\0\0\0\377\1"),               /* an answer to nothing */
    LIE("\1\1\3\0\12\0\0\0\377\1"),               /* packed how? */
    LIE("\1\1\0\0\15\0\0\0\377\1\0\0\0"),         /* bytes left over */
    LIE("\1\1\0\0\15\0\0\0\354\1\0\0\0"),         /* no such type */
    LIE("\1\1\0\0\16\0\0\0\24\0\0\0\0\0"),        /* an enumeration */
    LIE("\1\1\0\0\16\0\0\0\7\0\377\377\377\377"), /* 4 Gi longs */
    LIE("\1\1\0\0\16\0\0\0\0\0\377\377\377\177"), /* 2 Gi values */
    LIE("\1\1\0\0\22\0\0\0\7\200\377\377\377\377\377\377\377\377"), /* 2^64 longs */
    LIE("\1\1\0\0\22\0\0\0\13\200\0\0\0\0\0\0\0\200"),              /* 2^63 symbols */
    LIE("\1\1\0\0\14\0\0\0\365abc"),                  /* a symbol without end */
    LIE("\1\1\0\0\15\0\0\0\200type\0"),               /* an error as a query */
    LIE("\1\1\0\0\12\0\0\0\145\70"),                  /* a primitive too many */
    LIE("\1\1\0\0\17\0\0\0\142\0\143\371\0\0\0"),     /* a table of an atom */
    LIE("\1\1\1\0\20\0\0\0\377\377\377\377\0\0\0\0"), /* 4 GiB out of 4 bytes */
    LIE("\1\1\2\0\24\0\0\0\377\377\377\377\377\377\377\177\0\0\0\0"), /* 2^63 */
    LIE("\1\1\1\0\13\0\0\0\12\0\0"),             /* half a plain length */
    LIE("\1\1\1\0\20\0\0\0\0\0\0\0\0\0\0\0"),    /* out of nothing */
    LIE("\1\1\1\0\20\0\0\0\13\0\0\0\1\0\377\0"), /* a match before the beginning */
};

START_TEST(a_message_that_cannot_be_is_the_end_of_its_client)
{
    begin(NULL);
    is_dropped(lies[_i].bytes, lies[_i].size);
    ck_assert_uint_le(faults_logged(), 1);
    end();
}
END_TEST

START_TEST(nesting_without_end_is_refused)
{
    enum { LEVELS = 200000, EACH = 6, SIZE = 8 + LEVELS * EACH };
    static uint8_t bomb[SIZE] = {1, 1, 0, 0};
    uint32_t total = SIZE;

    memcpy(bomb + 4, &total, sizeof(total));
    for (size_t i = 0; i < LEVELS; i++) {
        bomb[8 + i * EACH + 2] = 1; /* a list of one list */
    }
    begin(NULL);
    is_dropped(bomb, sizeof(bomb));
    end();
}
END_TEST

START_TEST(what_bursts_when_decompressed_is_refused)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    struct trp_buffer bomb;

    options.message_limit = 1 << 20;
    begin(&options);
    encode_zeros(64 << 20, &bomb);
    ck_assert_uint_lt(trp_buffer_size(&bomb), options.message_limit);
    size_t before = memory_used();
    is_dropped(trp_buffer_front(&bomb), trp_buffer_size(&bomb));
    ck_assert_uint_le(memory_used(), before + (2 << 20));
    trp_buffer_fini(&bomb);
    end();
}
END_TEST

/* ---- logins ---- */

START_TEST(a_login_without_end_is_cut_off)
{
    enum { CHUNK = 1 << 20 };
    static uint8_t text[CHUNK];
    size_t sent = 0;

    memset(text, 'x', sizeof(text));
    begin(NULL);
    int fd = raw_connect(port);
    while (sent < (size_t)1 << 30 && raw_try(fd, text, sizeof(text))) {
        sent += sizeof(text);
    }
    ck_assert_uint_lt(sent, (size_t)1 << 28); /* what sockets hold, and no more */
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(a_login_that_drips_is_ended_in_time)
{
    enum { DRIPPING = 16 };
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    struct pollfd fds[DRIPPING];
    unsigned alive = DRIPPING;

    options.login_limit = TROUPE_S(1);
    begin(&options);
    for (int i = 0; i < DRIPPING; i++) {
        fds[i] = (struct pollfd){.fd = raw_connect(port), .events = POLLIN};
    }
    for (unsigned drops = 0; alive > 0; drops++) { /* far fewer than a login may have */
        for (int i = 0; i < DRIPPING && drops < TRP_Q_LOGIN_MAX / 2; i++) {
            if (fds[i].fd >= 0 && !raw_try(fds[i].fd, "x", 1)) {
                raw_close(&fds[i].fd);
                alive--;
            }
        }
        faults_echo(honest, "served");
        ck_assert_int_ge(poll(fds, DRIPPING, 1), 0);
        for (int i = 0; i < DRIPPING; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0) {
                ck_assert(raw_ends(fds[i].fd));
                raw_close(&fds[i].fd);
                alive--;
            }
        }
    }
    end();
}
END_TEST

START_TEST(connections_without_logins_do_not_keep_others_out_for_ever)
{
    enum { SEATS = 32 };
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    int fds[SEATS];

    options.login_limit = TROUPE_S(1);
    options.clients_max = SEATS;
    begin(&options);
    for (int i = 0; i < SEATS; i++) { /* one too many: the honest one has a seat */
        fds[i] = raw_connect(port);
    }
    for (int i = 0; i < SEATS; i++) {
        ck_assert(raw_ends(fds[i]));
        raw_close(&fds[i]);
    }
    int fd = raw_login(port);
    raw_close(&fd);
    end();
}
END_TEST

/* ---- greed ---- */

START_TEST(a_client_that_never_reads_is_dropped_while_others_are_served)
{
    enum { BIG = 1 << 20 };
    static uint8_t big[BIG] = {1, 1, 0, 0, 0, 0, 16, 0, 4, 0, 0xf2, 0xff, 15, 0};
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    char text[TEXT_MAX];

    options.output_limit = 4 << 20;
    begin(&options);
    int fd = raw_login(port);
    for (unsigned k = 0; raw_try(fd, big, sizeof(big)); k++) {
        (void)snprintf(text, sizeof(text), "honest %u", k);
        faults_echo(honest, text);
    }
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(answers_come_in_the_order_of_ten_thousand_requests_sent_at_once)
{
    enum { COUNT = SANITIZED ? 2000 : 10000 };
    struct trp_buffer all;
    uint8_t message[MESSAGE_MAX];
    char text[TEXT_MAX];

    begin(NULL);
    trp_buffer_init(&all, (size_t)1 << 24);
    for (unsigned k = 0; k < COUNT; k++) {
        (void)snprintf(text, sizeof(text), "request %u", k);
        OK(trp_buffer_add(&all, message, raw_message(message, TRP_Q_SYNC, text)));
    }
    int fd = raw_login(port);
    raw_send(fd, trp_buffer_front(&all), trp_buffer_size(&all));
    for (unsigned k = 0; k < COUNT; k++) {
        (void)snprintf(text, sizeof(text), "request %u", k);
        raw_hear(fd, TRP_Q_RESPONSE, text);
    }
    raw_close(&fd);
    trp_buffer_fini(&all);
    end();
}
END_TEST

START_TEST(failing_messages_do_not_fill_the_log)
{
    enum { COUNT = 4000 };

    begin(NULL);
    int fd = raw_login(port);
    for (unsigned k = 0; k < COUNT; k++) {
        raw_say(fd, TRP_Q_ASYNC, "fail");
    }
    raw_say(fd, TRP_Q_SYNC, "done");
    raw_hear(fd, TRP_Q_RESPONSE, "done");
    ck_assert_uint_ge(faults_logged(), 1);
    ck_assert_uint_lt(faults_logged(), 50);
    raw_close(&fd);
    end();
}
END_TEST

START_TEST(clients_there_is_no_room_for_do_not_fill_the_log)
{
    enum { COUNT = 1000 };
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    options.clients_max = 1;
    begin(&options);
    for (unsigned k = 0; k < COUNT; k++) {
        int fd = raw_connect(port);
        ck_assert(raw_ends(fd));
        raw_close(&fd);
    }
    ck_assert_uint_ge(faults_logged(), 1);
    ck_assert_uint_lt(faults_logged(), 50);
    end();
}
END_TEST

START_TEST(a_thousand_clients_that_leave_in_every_way_leave_nothing)
{
    enum { ROUNDS = SANITIZED ? 300 : 1000 };
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;
    size_t before = 0;

    options.close_limit = TROUPE_MS(50); /* of those whose answers never come */
    begin(&options);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int fd = round % 5 == 0 ? raw_connect(port) : raw_login(port);
        if (round % 5 == 1) {
            raw_say(fd, TRP_Q_SYNC, "hang"); /* never answered */
        } else if (round % 5 > 2) {
            raw_say(fd, TRP_Q_SYNC, "echo");
        }
        if (round % 5 == 4) {
            raw_hear(fd, TRP_Q_RESPONSE, "echo");
        }
        if (round % 2 == 0) {
            raw_close(&fd);
        } else {
            raw_reset(&fd);
        }
        if (round % 50 == 49) { /* what is kept depends on how many are there at once */
            faults_back_to(honest, calm);
        }
        if (round == ROUNDS / 2 - 1) {
            before = memory_used();
        }
    }
    faults_back_to(honest, calm);
    ck_assert_uint_le(memory_used(), before + CACHES);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_server");
    TCase *tcase = tcase_create("clients");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_message_cut_anywhere_ends_its_client_alone);
    tcase_add_test(tcase, a_compressed_message_cut_anywhere_ends_its_client_alone);
    tcase_add_test(tcase, a_login_cut_anywhere_ends_its_client_alone);
    tcase_add_test(tcase, a_client_that_closes_its_side_gets_the_answers_that_are_due);
    tcase_add_test(tcase, a_reset_in_the_middle_of_a_body_gives_its_memory_back);
    tcase_add_test(tcase, a_length_is_not_believed_before_its_bytes_come);
    tcase_add_loop_test(tcase, a_message_that_cannot_be_is_the_end_of_its_client, 0,
                        (int)TRP_COUNT(lies));
    tcase_add_test(tcase, nesting_without_end_is_refused);
    tcase_add_test(tcase, what_bursts_when_decompressed_is_refused);
    tcase_add_test(tcase, a_login_without_end_is_cut_off);
    tcase_add_test(tcase, a_login_that_drips_is_ended_in_time);
    tcase_add_test(tcase, connections_without_logins_do_not_keep_others_out_for_ever);
    tcase_add_test(tcase, a_client_that_never_reads_is_dropped_while_others_are_served);
    tcase_add_test(tcase,
                   answers_come_in_the_order_of_ten_thousand_requests_sent_at_once);
    tcase_add_test(tcase, failing_messages_do_not_fill_the_log);
    tcase_add_test(tcase, clients_there_is_no_room_for_do_not_fill_the_log);
    tcase_add_test(tcase, a_thousand_clients_that_leave_in_every_way_leave_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
