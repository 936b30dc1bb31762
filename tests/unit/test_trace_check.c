/* SPDX-License-Identifier: MIT
 * test_trace_check.c - the checker is silent about a complete trace, and not blind. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/recorder.h"
#include "actors/trace_ctf.h"
#include "mailbox/alloc.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"
#include "tools/trace/trace_check.h"
#include "tools/trace/trace_graph.h"

enum {
    WORKER = 1,
    MESSAGES = 60,
    RECEIVERS = 3,
    BYTES = 1 << 20 /* of one stream: more than is written here */
};

static char scratch[SCRATCH_PATH], copy[SCRATCH_PATH + 16], stream[SCRATCH_PATH + 32];
static struct trp_trace *trace;
static struct trp_recorder *recorder;
static troupe_trace_slot *slots;
static uint8_t *bytes;
static size_t size;
static unsigned complaints;

static uint64_t id_of(uint64_t number)
{
    return (uint64_t)WORKER << 48 | number;
}

/* Message n goes from 100 + n % 7 to receiver n % 3. Every fifth is dropped, of the last
 * six some lie in mailboxes. */
static void write_message(uint64_t n)
{
    uint32_t from = 100 + (uint32_t)(n % 7), to = 1 + (uint32_t)(n % RECEIVERS);
    troupe_trace_slot *slot = &slots[to];
    uint16_t kind = (uint16_t)(TROUPE_KIND_USER + n % 2);

    trp_record(recorder, TROUPE_EV_SEND, kind, from, id_of(n), to, 8);
    slot->enqueued++;
    trp_record(recorder, TROUPE_EV_WAKE, 0, 0, 0, 0, 0); /* room for a mutation */
    if (n % 5 == 0) {
        trp_record(recorder, TROUPE_EV_DROP, kind, to, id_of(n), from, TROUPE_DROP_FULL);
        slot->dropped++;
    } else if (n <= MESSAGES - 6) {
        trp_record(recorder, TROUPE_EV_DELIVER_BEGIN, kind, to, id_of(n), from, 1000);
        trp_record(recorder, TROUPE_EV_WAKE, 0, 0, 0, 0, 0);
        trp_record(recorder, TROUPE_EV_DELIVER_END, 0, to, id_of(n), from, 1000);
        slot->delivered++;
    }
    trp_record(recorder, TROUPE_EV_WAKE, 0, 0, 0, 0, 0);
}

static void write_copy(uint64_t messages)
{
    struct trp_trace_source source;
    troupe_trace_info info;

    slots = trp_trace_chunk(trace, WORKER, 0);
    ck_assert_ptr_nonnull(slots);
    for (uint32_t i = 1; i <= RECEIVERS; i++) {
        slots[i].id = (uint64_t)WORKER << 56 | (uint64_t)i << 32 | i;
        slots[i].kind = trp_trace_kind(trace, i == 1 ? "conn" : "store");
        trp_record(recorder, TROUPE_EV_SPAWN, slots[i].kind, i, 0, 0, WORKER);
    }
    for (uint64_t n = 1; n <= messages; n++) {
        write_message(n);
    }
    trp_trace_inside(trace, &source);
    ck_assert_int_eq(trp_trace_info_read(&source, &info), TROUPE_OK);
    info.taken = trp_ticks();
    info.settled = 2;
    ck_assert_int_eq(trp_ctf_write(&source, &info, copy), TROUPE_OK);
    ck_assert_uint_eq(info.settled, 2);
}

static void setup(void)
{
    (void)unsetenv("TROUPE_TRACE_DIR");
    (void)unsetenv("XDG_RUNTIME_DIR");
    (void)setenv("TROUPE_TRACE_BUF", "64K", 1);
    scratch_make(scratch);
    (void)snprintf(copy, sizeof(copy), "%s/copy.trp", scratch);
    (void)snprintf(stream, sizeof(stream), "%s/fast.1", copy);
    trace = NULL;
    recorder = NULL;
    ck_assert_int_eq(trp_trace_open("ring", "test", &trace), TROUPE_OK);
    ck_assert_int_eq(trp_recorder_open(trace, WORKER, "base", &recorder), TROUPE_OK);
    bytes = trp_alloc(BYTES);
    ck_assert_ptr_nonnull(bytes);
}

static void teardown(void)
{
    trp_free(bytes);
    trp_recorder_close(&recorder);
    trp_trace_close(&trace);
    (void)unsetenv("TROUPE_TRACE_BUF");
    scratch_remove(scratch);
}

static void count_complaint(void *context, const char *text)
{
    (void)context;
    (void)text;
    complaints++;
}

static struct trp_check check_copy(void)
{
    struct trp_trace_at *at = NULL;
    struct trp_check found;

    complaints = 0;
    ck_assert_int_eq(trp_trace_find(copy, &at), TROUPE_OK);
    ck_assert_int_eq(trp_check(at, count_complaint, NULL, &found), TROUPE_OK);
    ck_assert_uint_eq(found.violations, complaints);
    trp_trace_leave(&at);
    return found;
}

static void load(void)
{
    int fd = open(stream, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ssize_t got = read(fd, bytes, BYTES);
    ck_assert_int_gt(got, 0);
    size = (size_t)got;
    ck_assert_int_eq(close(fd), 0);
}

static void store(void)
{
    int fd = open(stream, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    ck_assert_int_eq(close(fd), 0);
}

static troupe_trace_record record_at(size_t at)
{
    troupe_trace_record record;

    memcpy(&record, bytes + at, sizeof(record));
    return record;
}

/* Changes one record, checks, and puts it back. */
static void expect_objection(size_t at, const troupe_trace_record *changed,
                             const char *what)
{
    troupe_trace_record before = record_at(at);

    memcpy(bytes + at, changed, sizeof(*changed));
    store();
    struct trp_check found = check_copy();
    ck_assert_msg(found.violations != 0, "event %u of message %u was %s unseen",
                  before.id, (unsigned)before.msg, what);
    memcpy(bytes + at, &before, sizeof(before));
}

static size_t end_of_packet(size_t at)
{
    troupe_trace_packet head;

    memcpy(&head, bytes + at / TROUPE_TRACE_PACKET * TROUPE_TRACE_PACKET, sizeof(head));
    return at / TROUPE_TRACE_PACKET * TROUPE_TRACE_PACKET +
           (size_t)(head.content_size / 8);
}

START_TEST(a_complete_trace_is_checked_in_silence)
{
    write_copy(MESSAGES);
    struct trp_check found = check_copy();

    ck_assert_uint_eq(found.violations, 0);
    ck_assert_uint_eq(found.sent, MESSAGES);
    ck_assert_uint_eq(found.dropped, MESSAGES / 5);
    ck_assert_uint_eq(found.queued, 4);
    ck_assert_uint_eq(found.depth, 4);
    ck_assert_uint_eq(found.sent, found.delivered + found.dropped + found.queued);
    ck_assert_uint_eq(found.window_ns, 0);
}
END_TEST

static bool lies_in_a_mailbox(uint64_t msg)
{
    uint64_t n = msg - id_of(0);

    return n > MESSAGES - 6 && n % 5 != 0;
}

START_TEST(one_record_removed_doubled_or_retargeted_is_found)
{
    unsigned mutations = 0;

    write_copy(MESSAGES);
    load();
    for (size_t at = TROUPE_TRACE_HEAD; at < end_of_packet(0);
         at += TROUPE_TRACE_RECORD) {
        troupe_trace_record record = record_at(at);
        if (record.id < TROUPE_EV_SEND || record.id > TROUPE_EV_DROP) {
            continue;
        }
        troupe_trace_record changed = record;
        changed.id = TROUPE_EV_WAKE;
        expect_objection(at, &changed, "removed");
        changed = record;
        changed.actor ^= 1;
        if (!lies_in_a_mailbox(record.msg)) { /* else nothing else tells the sender */
            expect_objection(at, &changed, "retargeted");
        }
        changed = record;
        changed.peer += 1;
        expect_objection(at, &changed, "given another peer");
        changed = record;
        changed.msg += 1000;
        expect_objection(at, &changed, "renumbered");
        size_t next = at + TROUPE_TRACE_RECORD;
        while (record_at(next).id != TROUPE_EV_WAKE) {
            next += TROUPE_TRACE_RECORD;
        }
        expect_objection(next, &record, "doubled");
        mutations += 5;
    }
    ck_assert_uint_gt(mutations, 500);
    store();
    ck_assert_uint_eq(check_copy().violations, 0);
}
END_TEST

START_TEST(a_wrapped_trace_is_judged_by_its_window_only)
{
    write_copy(2500);
    struct trp_check found = check_copy();

    ck_assert_uint_eq(found.violations, 0);
    ck_assert_uint_gt(found.window_ns, 0);
    ck_assert_uint_lt(found.sent, 2500);
}
END_TEST

START_TEST(a_packet_that_is_missing_from_a_ring_is_found)
{
    write_copy(300); /* some packets, and no wrap */
    load();
    size_t packets = size / TROUPE_TRACE_PACKET;
    ck_assert_uint_ge(packets, 3);
    for (size_t i = 0; i + 1 < packets; i++) {
        uint8_t *packet = bytes + i * TROUPE_TRACE_PACKET;
        uint8_t magic = packet[0];
        packet[0] = 0;
        store();
        ck_assert_msg(check_copy().violations != 0, "packet %zu", i);
        packet[0] = magic;
    }
    store();
    ck_assert_uint_eq(check_copy().violations, 0);
}
END_TEST

START_TEST(a_ring_without_a_file_is_found)
{
    static const char *const names[] = {"fast.1", "slow.1"};
    char path[SCRATCH_PATH + 64], aside[SCRATCH_PATH + 64];

    write_copy(MESSAGES);
    (void)snprintf(aside, sizeof(aside), "%s/aside", scratch);
    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", copy, names[i]);
        ck_assert_int_eq(rename(path, aside), 0);
        ck_assert_uint_ne(check_copy().violations, 0);
        ck_assert_int_eq(rename(aside, path), 0);
    }
    ck_assert_uint_eq(check_copy().violations, 0);
}
END_TEST

START_TEST(a_mailbox_that_holds_more_or_less_is_found)
{
    char actors[SCRATCH_PATH + 64];
    troupe_trace_slot slot;

    write_copy(MESSAGES);
    (void)snprintf(actors, sizeof(actors), "%s/troupe/actors", copy);
    for (int change = -1; change <= 1; change += 2) {
        int fd = open(actors, O_RDWR);
        ck_assert_int_eq(pread(fd, &slot, sizeof(slot), 0), (ssize_t)sizeof(slot));
        slot.enqueued += (uint64_t)(int64_t)change;
        ck_assert_int_eq(pwrite(fd, &slot, sizeof(slot), 0), (ssize_t)sizeof(slot));
        ck_assert_uint_ne(check_copy().violations, 0);
        slot.enqueued -= (uint64_t)(int64_t)change;
        ck_assert_int_eq(pwrite(fd, &slot, sizeof(slot), 0), (ssize_t)sizeof(slot));
        ck_assert_int_eq(close(fd), 0);
    }
    ck_assert_uint_eq(check_copy().violations, 0);
}
END_TEST

START_TEST(a_graph_by_kind_counts_what_was_sent)
{
    struct trp_trace_at *at = NULL;
    struct trp_graph graph;

    write_copy(MESSAGES);
    ck_assert_int_eq(trp_trace_find(copy, &at), TROUPE_OK);
    ck_assert_int_eq(trp_graph_init(&graph, at, true), TROUPE_OK);
    uint64_t sum = 0, key = 0;
    size_t place = 0;
    for (const struct trp_edge *edge;
         (edge = trp_map_next(&graph.edges, &place, &key)) != NULL;) {
        sum += edge->messages;
    }
    ck_assert_uint_eq(sum, MESSAGES);
    ck_assert_uint_eq(graph.edges.count, 2); /* unknown -> conn, unknown -> store */
    trp_graph_fini(&graph);
    trp_trace_leave(&at);
}
END_TEST

START_TEST(babeltrace_reads_a_copy_without_a_word)
{
    char command[2 * SCRATCH_PATH], output[4096];

    if (scratch_run("command -v babeltrace2", output, sizeof(output)) != 0) {
        return; /* not on this machine */
    }
    write_copy(2500);
    (void)snprintf(command, sizeof(command), "babeltrace2 '%s' >/dev/null", copy);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
    ck_assert_str_eq(output, "");
    (void)snprintf(command, sizeof(command), "babeltrace2 '%s' | grep -c ' send: '",
                   copy);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
    ck_assert_uint_eq(strtoul(output, NULL, 10), check_copy().sent);
}
END_TEST

START_TEST(broken_files_are_refused_or_read_but_never_believed)
{
    static const size_t places[] = {0, 8, 12, 24, 28, 40, 48, 60, 64, 68, 72, 200};
    char path[SCRATCH_PATH + 64];
    uint8_t good[512], bad[512];

    write_copy(MESSAGES);
    (void)snprintf(path, sizeof(path), "%s/troupe/info", copy);
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pread(fd, good, sizeof(good), 0), (ssize_t)sizeof(good));
    for (size_t i = 0; i < TRP_COUNT(places); i++) {
        memcpy(bad, good, sizeof(good));
        memset(bad + places[i], 0xff, 4);
        ck_assert_int_eq(pwrite(fd, bad, sizeof(bad), 0), (ssize_t)sizeof(bad));
        struct trp_trace_at *at = NULL;
        if (trp_trace_find(copy, &at) == TROUPE_OK) {
            struct trp_check found;
            ck_assert_int_eq(trp_check(at, count_complaint, NULL, &found), TROUPE_OK);
            trp_trace_leave(&at);
        }
    }
    ck_assert_int_eq(ftruncate(fd, 100), 0);
    struct trp_trace_at *at = NULL;
    ck_assert_int_eq(trp_trace_find(copy, &at), TROUPE_ETRUNCATED);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("trace check");
    TCase *tcase = tcase_create("trace check");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_complete_trace_is_checked_in_silence);
    tcase_add_test(tcase, one_record_removed_doubled_or_retargeted_is_found);
    tcase_add_test(tcase, a_wrapped_trace_is_judged_by_its_window_only);
    tcase_add_test(tcase, a_packet_that_is_missing_from_a_ring_is_found);
    tcase_add_test(tcase, a_ring_without_a_file_is_found);
    tcase_add_test(tcase, a_mailbox_that_holds_more_or_less_is_found);
    tcase_add_test(tcase, a_graph_by_kind_counts_what_was_sent);
    tcase_add_test(tcase, babeltrace_reads_a_copy_without_a_word);
    tcase_add_test(tcase, broken_files_are_refused_or_read_but_never_believed);
    suite_add_tcase(suite, tcase);
    return suite;
}
