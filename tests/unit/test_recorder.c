/* SPDX-License-Identifier: MIT
 * test_recorder.c - rings, packets, shared memory, forks. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/recorder.h"
#include "actors/trace_ctf.h"
#include "mailbox/alloc.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { WORKER = 1 };

static struct trp_trace *trace;
static struct trp_recorder *recorder;
static struct trp_trace_source source;
static troupe_trace_info info;
static char scratch[SCRATCH_PATH];

static void open_with(const char *mode)
{
    trace = NULL;
    recorder = NULL;
    ck_assert_int_eq(trp_trace_open(mode, "test", &trace), TROUPE_OK);
    ck_assert_int_eq(trp_recorder_open(trace, WORKER, "base", &recorder), TROUPE_OK);
    trp_trace_inside(trace, &source);
    ck_assert_int_eq(trp_trace_info_read(&source, &info), TROUPE_OK);
}

static void setup(void)
{
    (void)unsetenv("TROUPE_TRACE_DIR");
    (void)unsetenv("RUNTIME_DIRECTORY");
    (void)unsetenv("XDG_RUNTIME_DIR");
    (void)setenv("TROUPE_TRACE_BUF", "64K", 1);
    scratch_make(scratch);
}

static void teardown(void)
{
    trp_recorder_close(&recorder);
    trp_trace_close(&trace);
    (void)unsetenv("TROUPE_TRACE_DIR");
    (void)unsetenv("TROUPE_TRACE_BUF");
    scratch_remove(scratch);
}

/* A record that can be seen to be whole. */
static void put(uint64_t number)
{
    trp_record(recorder, TROUPE_EV_SEND, (uint16_t)number, (uint32_t)number, number,
               (uint32_t)~number, (uint32_t)number);
}

static bool is_whole(const troupe_trace_record *r)
{
    return r->id == TROUPE_EV_SEND && r->actor == (uint32_t)r->msg &&
           r->peer == (uint32_t)~r->msg && r->tag == (uint16_t)r->msg &&
           r->arg == (uint32_t)r->msg;
}

START_TEST(the_image_is_a_valid_packet_after_every_record)
{
    open_with("ring");
    for (uint64_t i = 0; i < 3 * TROUPE_TRACE_RECORDS; i++) {
        put(i);
        troupe_trace_packet head;
        memcpy(&head, recorder->fast.packet, sizeof(head));
        ck_assert(trp_packet_is_valid(&head, &info));
        ck_assert_uint_eq(head.content_size,
                          8 * (TROUPE_TRACE_HEAD +
                               (i + 1) % TROUPE_TRACE_RECORDS * TROUPE_TRACE_RECORD));
        ck_assert_uint_eq(head.sequence, (i + 1) / TROUPE_TRACE_RECORDS);
        ck_assert_uint_ge(head.end, head.begin);
    }
}
END_TEST

START_TEST(a_full_ring_forgets_its_oldest_packet_first)
{
    struct trp_packet_place *places = NULL;
    uint32_t count = 0;
    uint8_t packet[TROUPE_TRACE_PACKET];

    open_with("ring");
    for (uint64_t i = 0; i < 10 * TROUPE_TRACE_RECORDS + 5; i++) {
        put(i);
    }
    ck_assert_int_eq(trp_ring_list(&source, &info, WORKER, false, &places, &count),
                     TROUPE_OK);
    ck_assert_uint_eq(count, 4);
    uint64_t next = 7 * TROUPE_TRACE_RECORDS;
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(places[i].sequence, 7 + i);
        ck_assert(trp_ring_copy(&source, &info, WORKER, false, &places[i], packet));
        troupe_trace_packet head;
        memcpy(&head, packet, sizeof(head));
        for (size_t at = TROUPE_TRACE_HEAD; at < head.content_size / 8;
             at += TROUPE_TRACE_RECORD) {
            troupe_trace_record record;
            memcpy(&record, packet + at, sizeof(record));
            ck_assert(is_whole(&record));
            ck_assert_uint_eq(record.msg, next++);
        }
    }
    ck_assert_uint_eq(next, 10 * TROUPE_TRACE_RECORDS + 5);
    trp_free(places);
}
END_TEST

START_TEST(rare_events_have_a_ring_of_their_own)
{
    open_with("ring");
    trp_record(recorder, TROUPE_EV_SPAWN, 1, 1, 0, 0, 1);
    for (uint64_t i = 0; i < 20 * TROUPE_TRACE_RECORDS; i++) {
        put(i);
    }
    troupe_trace_record record;
    memcpy(&record, recorder->slow.first + TROUPE_TRACE_HEAD + TROUPE_TRACE_RECORD,
           sizeof(record)); /* behind the start of the thread */
    ck_assert_uint_eq(record.id, TROUPE_EV_SPAWN);
}
END_TEST

START_TEST(off_and_count_record_nothing_but_keep_the_table)
{
    static const char *const quiet[] = {"off", "count"};

    for (size_t i = 0; i < TRP_COUNT(quiet); i++) {
        open_with(quiet[i]);
        ck_assert_uint_eq(recorder->mask, 0);
        put(1);
        troupe_trace_slot *slots = trp_trace_chunk(trace, WORKER, 0);
        ck_assert_ptr_nonnull(slots);
        slots[4095].id = 7;
        trp_recorder_close(&recorder);
        trp_trace_close(&trace);
    }
}
END_TEST

START_TEST(a_long_name_is_recorded_in_pieces)
{
    open_with("ring");
    trp_recorder_name(recorder, 9, "sixteen letters!and more");
    troupe_trace_record pieces[2];
    memcpy(pieces, (uint8_t *)recorder->slow.at - sizeof(pieces), sizeof(pieces));
    ck_assert_int_eq(memcmp(&pieces[0].msg, "sixteen letters!", 16), 0);
    ck_assert_int_eq(memcmp(&pieces[1].msg, "and more\0\0\0\0\0\0\0\0", 16), 0);
    ck_assert_uint_eq(pieces[1].tag, 1);
}
END_TEST

START_TEST(a_kind_has_one_number_and_message_kinds_are_known_whenever_named)
{
    troupe_trace_name name;
    bool before = false, after = false;

    ck_assert_int_eq(troupe_kind_register(TROUPE_KIND_USER + 901, "named_before"),
                     TROUPE_OK);
    open_with("ring");
    ck_assert_int_eq(troupe_kind_register(TROUPE_KIND_USER + 902, "named_after"),
                     TROUPE_OK);
    uint16_t first = trp_trace_kind(trace, "conn");
    ck_assert_uint_ne(first, 0);
    ck_assert_uint_ne(trp_trace_kind(trace, "store"), first);
    ck_assert_uint_eq(trp_trace_kind(trace, "conn"), first);
    ck_assert_int_eq(trp_trace_info_read(&source, &info), TROUPE_OK);
    for (uint32_t i = 0; i < info.names; i++) {
        ck_assert(trp_trace_name_read(&source, &info, i, &name));
        before = before || (name.type == 2 && strcmp(name.text, "named_before") == 0);
        after = after || (name.type == 2 && strcmp(name.text, "named_after") == 0 &&
                          name.number == TROUPE_KIND_USER + 902);
    }
    ck_assert(before);
    ck_assert(after);
}
END_TEST

/* ---- a reader beside the writer ---- */

static atomic_bool over;

static void *write_on(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; i < 400000; i++) {
        put(i);
    }
    atomic_store(&over, true);
    return NULL;
}

/* Looks at all packets once; returns how many it could copy. */
static uint32_t look(uint8_t *packet)
{
    struct trp_packet_place *places = NULL;
    uint32_t count = 0, copied = 0;

    ck_assert_int_eq(trp_ring_list(&source, &info, WORKER, false, &places, &count),
                     TROUPE_OK);
    for (uint32_t i = 0; i < count; i++) {
        if (!trp_ring_copy(&source, &info, WORKER, false, &places[i], packet)) {
            continue; /* overwritten */
        }
        troupe_trace_packet head;
        memcpy(&head, packet, sizeof(head));
        copied++;
        uint64_t first = head.sequence * TROUPE_TRACE_RECORDS;
        for (size_t at = TROUPE_TRACE_HEAD; at < head.content_size / 8;
             at += TROUPE_TRACE_RECORD) {
            troupe_trace_record record;
            memcpy(&record, packet + at, sizeof(record));
            ck_assert(is_whole(&record));
            ck_assert_uint_eq(record.msg, first++);
        }
    }
    trp_free(places);
    return copied;
}

START_TEST(a_copied_packet_is_never_torn)
{
    uint8_t packet[TROUPE_TRACE_PACKET];
    pthread_t writer;
    uint64_t copied = 0;

    open_with("ring");
    atomic_store(&over, false);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_on, NULL), 0);
    while (!atomic_load(&over)) {
        copied += look(packet);
    }
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
    copied += look(packet);
    ck_assert_uint_gt(copied, 0);
}
END_TEST

/* ---- traps ---- */

START_TEST(a_child_of_fork_writes_into_nothing_of_its_parent)
{
    static const char *const homes[] = {NULL, scratch};

    for (size_t i = 0; i < TRP_COUNT(homes); i++) {
        if (homes[i] != NULL) {
            ck_assert_int_eq(setenv("TROUPE_TRACE_DIR", homes[i], 1), 0);
        }
        open_with("ring");
        troupe_trace_slot *slots = trp_trace_chunk(trace, WORKER, 0);
        ck_assert_ptr_nonnull(slots);
        slots[0].delivered = 5;
        put(1);
        const uint8_t *before = (const uint8_t *)recorder->fast.at;
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            put(2);
            bool kept = (const uint8_t *)recorder->fast.at == before &&
                        slots[0].delivered == 5; /* it sees what was there */
            slots[0].delivered = 99;
            recorder->fast.at[-1].msg = 99;
            trp_recorder_close(&recorder);
            trp_trace_close(&trace); /* and removes no files */
            _exit(kept ? 0 : 1);
        }
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert_uint_eq(slots[0].delivered, 5);
        ck_assert_uint_eq(recorder->fast.at[-1].msg, 1);
        ck_assert(homes[i] == NULL || rmdir(scratch) != 0);
        trp_recorder_close(&recorder);
        trp_trace_close(&trace);
    }
}
END_TEST

START_TEST(files_are_private_and_removed_at_the_end)
{
    char output[4096], command[1024];

    ck_assert_int_eq(setenv("TROUPE_TRACE_DIR", scratch, 1), 0);
    open_with("ring");
    ck_assert_ptr_nonnull(trp_trace_chunk(trace, WORKER, 0));
    (void)snprintf(command, sizeof(command), "cd '%s' && stat -c '%%a' * */*", scratch);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
    ck_assert_str_eq(output, "700\n600\n600\n600\n");
    trp_recorder_close(&recorder);
    trp_trace_close(&trace);
    (void)snprintf(command, sizeof(command), "ls -A '%s'", scratch);
    ck_assert_int_eq(scratch_run(command, output, sizeof(output)), 0);
    ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(where_files_may_not_grow_memory_is_private_and_the_note_says_so)
{
    struct rlimit before, none = {.rlim_cur = 0};

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    struct trp_trace *opened = NULL;
    troupe_status status = trp_trace_open("ring", "test", &opened);
    struct trp_recorder *made = NULL;
    if (status == TROUPE_OK) {
        status = trp_recorder_open(opened, WORKER, "base", &made);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(status, TROUPE_OK);
    ck_assert_str_ne(trp_trace_note(opened), "");
    ck_assert_uint_ne(made->mask, 0);
    trace = opened;
    recorder = made;
    put(1);
}
END_TEST

START_TEST(a_program_may_not_ask_for_an_unknown_mode_but_the_environment_is_forgiven)
{
    ck_assert_int_eq(trp_trace_open("rung", "test", &trace), TROUPE_EINVAL);
    ck_assert_int_eq(setenv("TROUPE_TRACE", "rung", 1), 0);
    open_with(NULL);
    ck_assert_int_eq(unsetenv("TROUPE_TRACE"), 0);
    ck_assert_uint_ne(recorder->mask, 0);
    ck_assert_str_ne(trp_trace_note(trace), "");
}
END_TEST

START_TEST(without_memory_opening_fails_and_leaks_nothing)
{
    for (uint64_t n = 1;; n++) {
        struct trp_trace *opened = NULL;
        struct trp_recorder *made = NULL;
        trp_fail_nth(n);
        troupe_status status = trp_trace_open("ring", "test", &opened);
        if (status == TROUPE_OK) {
            status = trp_recorder_open(opened, WORKER, "base", &made);
        }
        bool happened = trp_fail_happened();
        trp_recorder_close(&made);
        trp_trace_close(&opened);
        if (!happened) {
            ck_assert_int_eq(status, TROUPE_OK);
            break;
        }
        ck_assert_int_eq(status, TROUPE_ENOMEM);
    }
}
END_TEST

START_TEST(ticks_become_nanoseconds)
{
    trp_clock_choose();
    uint64_t second = trp_clock_frequency();
    ck_assert_uint_ge(trp_ticks_to_ns(second), 999000000);
    ck_assert_uint_le(trp_ticks_to_ns(second), 1001000000);
    ck_assert_uint_ge(trp_ticks_to_ns(second * 100000) / 1000000000, 99900);
}
END_TEST

START_TEST(a_recorder_opened_again_goes_on_where_the_last_one_stopped)
{
    open_with("ring");
    put(0);
    trp_recorder_close(&recorder);
    ck_assert_int_eq(trp_recorder_open(trace, WORKER, "base", &recorder), TROUPE_OK);
    put(1);
    ck_assert_uint_eq(recorder->fast.packet->sequence, 1);
    ck_assert_uint_eq(recorder->fast.index, 1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("recorder");
    TCase *tcase = tcase_create("recorder");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_image_is_a_valid_packet_after_every_record);
    tcase_add_test(tcase, a_full_ring_forgets_its_oldest_packet_first);
    tcase_add_test(tcase, rare_events_have_a_ring_of_their_own);
    tcase_add_test(tcase, off_and_count_record_nothing_but_keep_the_table);
    tcase_add_test(tcase, a_long_name_is_recorded_in_pieces);
    tcase_add_test(tcase,
                   a_kind_has_one_number_and_message_kinds_are_known_whenever_named);
    tcase_add_test(tcase, a_copied_packet_is_never_torn);
    tcase_add_test(tcase, a_child_of_fork_writes_into_nothing_of_its_parent);
    tcase_add_test(tcase, files_are_private_and_removed_at_the_end);
    tcase_add_test(tcase,
                   where_files_may_not_grow_memory_is_private_and_the_note_says_so);
    tcase_add_test(
        tcase, a_program_may_not_ask_for_an_unknown_mode_but_the_environment_is_forgiven);
    tcase_add_test(tcase, without_memory_opening_fails_and_leaks_nothing);
    tcase_add_test(tcase, ticks_become_nanoseconds);
    tcase_add_test(tcase, a_recorder_opened_again_goes_on_where_the_last_one_stopped);
    suite_add_tcase(suite, tcase);
    return suite;
}
