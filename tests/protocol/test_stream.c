/* SPDX-License-Identifier: MIT
 * test_stream.c - what is common to all streams, over pairs and sockets. */
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mailbox/alloc.h"
#include "tests/support/host.h"
#include "tests/support/suite.h"
#include "transports/stream.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

enum { ROOM = TRP_STREAM_BLOCK, LIMIT = 8 << 20, SHARED = 100000 };

static struct trp_stream *near_end, *far_end;
static atomic_int drops;

static void pair_begin(size_t room, size_t limit)
{
    OK(trp_stream_pair(room, limit, &near_end, &far_end));
}

static void pair_end(void)
{
    trp_stream_close(&near_end);
    trp_stream_close(&far_end);
}

/* ---- blobs whose end is counted, with bytes that say where they are ---- */

static uint8_t pattern_at(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

/* Asserting costs more than comparing. */
static void check_pattern(const uint8_t *bytes, size_t size, size_t at)
{
    size_t right = 0;

    while (right < size && bytes[right] == pattern_at(at + right)) {
        right++;
    }
    ck_assert_uint_eq(right, size);
}

static void drop_bytes(void *bytes)
{
    trp_free(bytes);
    drops++;
}

static troupe_blob *pattern(size_t from, size_t size)
{
    uint8_t *bytes = trp_alloc(size);
    troupe_blob *blob = NULL;

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = pattern_at(from + i);
    }
    OK(troupe_blob_wrap(bytes, size, drop_bytes, bytes, &blob));
    return blob;
}

/* What follows in the pattern, written as a blob or as plain bytes. */
static void write_next(struct trp_stream *stream, size_t *at, size_t size, bool shared)
{
    troupe_blob *blob = pattern(*at, size);

    if (shared) {
        OK(trp_stream_write_blob(stream, blob));
    } else {
        OK(trp_stream_write(stream, troupe_blob_bytes(blob), size));
    }
    troupe_blob_unref(&blob);
    *at += size;
}

/* Reads what has come; it must continue the pattern. */
static void read_next(struct trp_stream *stream, size_t *at)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(stream, &size);

    check_pattern(bytes, size, *at);
    *at += size;
    trp_stream_consume(stream, size);
}

START_TEST(shared_bytes_go_out_between_those_written_before_and_after)
{
    size_t wrote = 0, got = 0;
    int before = drops;

    pair_begin(ROOM, LIMIT);
    write_next(near_end, &wrote, ROOM, false); /* the far end is full */
    write_next(near_end, &wrote, SHARED, true);
    write_next(near_end, &wrote, SHARED, true);
    write_next(near_end, &wrote, 10, false);
    write_next(near_end, &wrote, 20, false);
    write_next(near_end, &wrote, 100, true); /* small: copied */
    write_next(near_end, &wrote, SHARED, true);
    write_next(near_end, &wrote, 30, false);
    ck_assert_int_eq(drops - before, 5);
    ck_assert_uint_eq(trp_stream_backlog(near_end), wrote - ROOM);
    ck_assert_uint_eq(trp_stream_sent(near_end), ROOM);
    while (got < wrote) {
        read_next(far_end, &got);
    }
    ck_assert_uint_eq(trp_stream_backlog(near_end), 0);
    ck_assert_uint_eq(trp_stream_sent(near_end), wrote);
    ck_assert_int_eq(drops - before, 8);
    pair_end();
}
END_TEST

START_TEST(a_blob_is_shared_by_many_streams_and_ends_with_the_last)
{
    enum { MANY = 5 };
    struct trp_stream *ends[MANY][2];
    int before = drops;
    troupe_blob *blob = pattern(0, SHARED);

    for (int i = 0; i < MANY; i++) {
        OK(trp_stream_pair(ROOM, LIMIT, &ends[i][0], &ends[i][1]));
        OK(trp_stream_write_blob(ends[i][0], blob));
    }
    troupe_blob_unref(&blob);
    for (int i = 0; i < MANY; i++) {
        size_t got = 0;
        ck_assert_int_eq(drops - before, 0);
        while (got < SHARED) {
            read_next(ends[i][1], &got);
        }
    }
    ck_assert_int_eq(drops - before, 1);
    for (int i = 0; i < MANY; i++) {
        trp_stream_close(&ends[i][0]);
        trp_stream_close(&ends[i][1]);
    }
}
END_TEST

START_TEST(shared_bytes_count_for_the_limit_of_output)
{
    size_t wrote = 0;

    pair_begin(1, SHARED + 10);
    troupe_blob *blob = pattern(0, SHARED);
    OK(trp_stream_write_blob(near_end, blob));
    ck_assert_int_eq(trp_stream_write_blob(near_end, blob), TROUPE_ELIMIT);
    ck_assert_uint_eq(trp_stream_backlog(near_end), SHARED - 1);
    troupe_blob_unref(&blob);
    write_next(near_end, &wrote, 10, false);
    pair_end();
}
END_TEST

START_TEST(a_blob_without_memory_leaves_the_output_as_it_was)
{
    size_t wrote = 0, got = 0;

    pair_begin(ROOM, LIMIT);
    write_next(near_end, &wrote, 100, false);
    troupe_blob *blob = pattern(wrote, SHARED);
    trp_fail_nth(1);
    ck_assert_int_eq(trp_stream_write_blob(near_end, blob), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    OK(trp_stream_write_blob(near_end, blob));
    wrote += SHARED;
    troupe_blob_unref(&blob);
    while (got < wrote) {
        read_next(far_end, &got);
    }
    pair_end();
}
END_TEST

START_TEST(what_nobody_will_read_is_dropped)
{
    int before = drops;

    pair_begin(1, LIMIT);
    troupe_blob *blob = pattern(0, SHARED);
    OK(trp_stream_write_blob(near_end, blob));
    trp_stream_close(&far_end);
    OK(trp_stream_write_blob(near_end, blob));
    ck_assert(near_end->broken);
    ck_assert_uint_eq(trp_stream_backlog(near_end), 0);
    troupe_blob_unref(&blob);
    ck_assert_int_eq(drops - before, 1);
    pair_end();
}
END_TEST

/* ---- sockets ---- */

static troupe_status open_pair(troupe_self *self, void *argument)
{
    int fds[2];

    (void)argument;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    OK(trp_stream_tcp_new(self, fds[0], LIMIT, &host_streams[0]));
    OK(trp_stream_tcp_new(self, fds[1], LIMIT, &host_streams[1]));
    return TROUPE_OK;
}

static size_t host_wrote, host_got;

static troupe_status write_a_lot(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    for (size_t i = 0; i < 200; i++) { /* more pieces than one call takes */
        write_next(host_streams[0], &host_wrote, 1 + i, false);
        write_next(host_streams[0], &host_wrote, 5000 + 97 * i, true);
    }
    return TROUPE_OK;
}

static troupe_status read_all(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    read_next(host_streams[1], &host_got);
    if (host_got < host_wrote) {
        return TROUPE_EAGAIN;
    }
    ck_assert_uint_eq(trp_stream_backlog(host_streams[0]), 0);
    ck_assert_uint_eq(trp_stream_sent(host_streams[0]), host_wrote);
    return TROUPE_OK;
}

START_TEST(many_pieces_cross_a_socket_in_order)
{
    host_wrote = host_got = 0;
    host_begin();
    OK(host_do(open_pair, NULL));
    OK(host_do(write_a_lot, NULL));
    OK(host_do(read_all, NULL));
    host_end();
}
END_TEST

static troupe_status nothing_more_is_sent(troupe_self *self, void *argument)
{
    uint64_t sent = trp_stream_sent(host_streams[0]);

    (void)self, (void)argument;
    ck_assert_uint_gt(sent, 0);
    ck_assert_uint_lt(sent, host_wrote);
    trp_stream_turn(host_streams[0]);
    ck_assert_uint_eq(trp_stream_sent(host_streams[0]), sent);
    return TROUPE_OK;
}

/* From the test's own thread: what the peer takes now. */
static void drain(int fd)
{
    uint8_t bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

    ck_assert_int_gt(got, 0);
    check_pattern(bytes, (size_t)got, host_got);
    host_got += (size_t)got;
}

static troupe_status open_one(troupe_self *self, void *fd)
{
    return trp_stream_tcp_new(self, *(int *)fd, LIMIT, &host_streams[0]);
}

START_TEST(output_that_a_peer_does_not_take_makes_no_progress)
{
    int fds[2];

    host_wrote = host_got = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    host_begin();
    OK(host_do(open_one, &fds[0]));
    OK(host_do(write_a_lot, NULL));
    OK(host_do(nothing_more_is_sent, NULL));
    while (host_got < host_wrote) { /* the peer reads at last */
        drain(fds[1]);
    }
    (void)close(fds[1]);
    host_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("stream");
    TCase *tcase = tcase_create("stream");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, shared_bytes_go_out_between_those_written_before_and_after);
    tcase_add_test(tcase, a_blob_is_shared_by_many_streams_and_ends_with_the_last);
    tcase_add_test(tcase, shared_bytes_count_for_the_limit_of_output);
    tcase_add_test(tcase, a_blob_without_memory_leaves_the_output_as_it_was);
    tcase_add_test(tcase, what_nobody_will_read_is_dropped);
    tcase_add_test(tcase, many_pieces_cross_a_socket_in_order);
    tcase_add_test(tcase, output_that_a_peer_does_not_take_makes_no_progress);
    suite_add_tcase(suite, tcase);
    return suite;
}
