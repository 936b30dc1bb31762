/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "actors/runtime.h"
#include "tests/support/sim.h"

struct sink {
    int lines;
    troupe_log_level level;
    char event[32], text[600], name[32];
    troupe_id actor;
    int64_t when;
};

static void note(void *context, const troupe_log_line *line)
{
    struct sink *sink = context;

    sink->lines++;
    sink->level = line->level;
    sink->actor = line->actor;
    sink->when = line->unix_ns;
    (void)snprintf(sink->event, sizeof(sink->event), "%s", line->event);
    (void)snprintf(sink->text, sizeof(sink->text), "%s", line->text);
    (void)snprintf(sink->name, sizeof(sink->name), "%s", line->actor_name);
}

static troupe_status speak(troupe_self *self, void *argument)
{
    trp_log(self->base, TROUPE_LOG_INFO, "TEST-SPOKE", "%s spoke %d times",
            (const char *)argument, 3);
    return TROUPE_OK;
}

START_TEST(a_line_says_who_what_and_when)
{
    struct sink sink = {0};

    sim_begin(_i);
    troupe_log_to(sim, TROUPE_LOG_INFO, note, &sink);
    struct probe *probe = probe_new();
    run_until(TROUPE_S(5));
    (void)act(probe, speak, (void *)(uintptr_t) "somebody");
    ck_assert_int_eq(sink.lines, 1);
    ck_assert_int_eq(sink.level, TROUPE_LOG_INFO);
    ck_assert_str_eq(sink.event, "TEST-SPOKE");
    ck_assert_str_eq(sink.text, "somebody spoke 3 times");
    ck_assert_str_eq(sink.name, "probe");
    ck_assert(troupe_id_equal(sink.actor, probe->id));
    ck_assert_int_eq(sink.when, TROUPE_S(5)); /* simulated, too */
    sim_end();
}
END_TEST

START_TEST(less_important_lines_are_not_passed_on)
{
    struct sink sink = {0};

    sim_begin(_i);
    struct probe *probe = probe_new();
    (void)act(probe, speak, (void *)(uintptr_t) "nobody hears"); /* no sink: silence */
    troupe_log_to(sim, TROUPE_LOG_WARN, note, &sink);
    (void)act(probe, speak, (void *)(uintptr_t) "nobody hears");
    ck_assert_int_eq(sink.lines, 0);
    troupe_log_to(sim, TROUPE_LOG_DEBUG, note, &sink);
    (void)act(probe, speak, (void *)(uintptr_t) "somebody hears");
    ck_assert_int_eq(sink.lines, 1);
    troupe_log_to(sim, TROUPE_LOG_DEBUG, NULL, NULL);
    (void)act(probe, speak, (void *)(uintptr_t) "nobody hears");
    sim_end();
}
END_TEST

START_TEST(a_long_text_is_cut)
{
    struct sink sink = {0};
    char name[2000];

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = 0;
    sim_begin(_i);
    troupe_log_to(sim, TROUPE_LOG_INFO, note, &sink);
    (void)act(probe_new(), speak, name);
    ck_assert_uint_ge(strlen(sink.text), 100);
    ck_assert_uint_lt(strlen(sink.text), sizeof(sink.text));
    sim_end();
}
END_TEST

START_TEST(the_ready_sink_writes_logfmt_that_stays_on_its_line)
{
    char line[1024];
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    sim_begin(_i);
    troupe_log_to(sim, TROUPE_LOG_INFO, troupe_log_stderr, file);
    (void)act(probe_new(), speak, (void *)(uintptr_t) "a \"quoted\\\n name\x9b\x7f");
    rewind(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    ck_assert_ptr_nonnull(strstr(line, "level=info event=TEST-SPOKE actor=probe#"));
    ck_assert_ptr_nonnull(strstr(line, "ts=1970-01-01T00:00:00.000000Z "));
    ck_assert_ptr_nonnull(
        strstr(line, "text=\"a \\\"quoted\\\\  name\\x9b\\x7f spoke 3 times\"\n"));
    ck_assert_ptr_null(fgets(line, sizeof(line), file)); /* one line, whatever it says */
    (void)fclose(file);
    sim_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");

    tcase_set_timeout(tcase, 0);
    ADD(tcase, a_line_says_who_what_and_when);
    ADD(tcase, less_important_lines_are_not_passed_on);
    ADD(tcase, a_long_text_is_cut);
    ADD(tcase, the_ready_sink_writes_logfmt_that_stays_on_its_line);
    suite_add_tcase(suite, tcase);
    return suite;
}
