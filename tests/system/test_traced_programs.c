/* SPDX-License-Identifier: MIT
 * Random programs are recorded, and the checker of `troupe trace` must find every
 * message: sent once, and delivered once, dropped once or lying in a mailbox. TROUPE_SEED
 * runs one; TROUPE_PROGRAMS says how many. */
#include <stdio.h>
#include <stdlib.h>

#include "mailbox/alloc.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"
#include "tests/system/program.h"
#include "tools/trace/trace_check.h"

enum { PROGRAMS = 150 };

static char scratch[SCRATCH_PATH];
static uint64_t current, sent;

static void say(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "TROUPE_SEED=%llu: %s\n", (unsigned long long)current, text);
}

/* Copies the trace as it is now, and has the copy checked. */
static void check_trace(troupe_system *sys)
{
    char copy[SCRATCH_PATH + 32];
    struct trp_trace_at *at = NULL;
    struct trp_check found;

    (void)snprintf(copy, sizeof(copy), "%s/copy.trp", scratch);
    scratch_remove(copy);
    ck_assert_int_eq(troupe_trace_dump(sys, copy), TROUPE_OK);
    ck_assert_int_eq(trp_trace_find(copy, &at), TROUPE_OK);
    ck_assert_int_eq(trp_check(at, say, NULL, &found), TROUPE_OK);
    trp_trace_leave(&at);
    if (found.violations != 0) {
        program.wrong = "the trace is not complete";
    }
    sent += found.sent;
}

static void setup(void)
{
    (void)unsetenv("TROUPE_TRACE_DIR");
    (void)unsetenv("XDG_RUNTIME_DIR");
    (void)setenv("TROUPE_TRACE_BUF", "1M", 1);
    scratch_make(scratch);
    program_trace = "ring";
    program_look = check_trace;
    sent = 0;
}

static void teardown(void)
{
    (void)unsetenv("TROUPE_TRACE_BUF");
    scratch_remove(scratch);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(the_trace_of_every_program_is_complete)
{
    uint64_t one = from_environment("TROUPE_SEED", 0);
    uint64_t last = one != 0 ? one : from_environment("TROUPE_PROGRAMS", PROGRAMS);

    for (current = one != 0 ? one : 1; current <= last; current++) {
        if (!program_run(current)) {
            ck_abort_msg("%s; reproduce with TROUPE_SEED=%llu", program.wrong,
                         (unsigned long long)current);
        }
    }
    ck_assert_uint_gt(sent, last > 100 ? 10000 : 0); /* it was recorded */
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("traced programs");
    TCase *tcase = tcase_create("traced programs");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_trace_of_every_program_is_complete);
    suite_add_tcase(suite, tcase);
    return suite;
}
