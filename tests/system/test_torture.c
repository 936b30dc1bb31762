/* SPDX-License-Identifier: MIT
 * Random programs in which the n-th allocation fails, for every n until one runs through
 * untouched. TROUPE_SEED and TROUPE_NTH run one case; TROUPE_PROGRAMS says how many
 * seeds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"
#include "tests/system/program.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PROGRAMS = 12 };
#else
enum { PROGRAMS = 60 };
#endif

enum { DEEDS = 60, NTH_MAX = 100000 };

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* Returns whether an allocation failed. */
static bool run(uint64_t seed, uint64_t nth)
{
    trp_fail_nth(nth);
    bool kept = program_run(seed);
    bool failed = trp_fail_happened();

    if (!kept) {
        ck_abort_msg("%s; reproduce with TROUPE_SEED=%llu TROUPE_NTH=%llu", program.wrong,
                     (unsigned long long)seed, (unsigned long long)nth);
    }
    return failed;
}

START_TEST(whichever_allocation_fails_nothing_is_lost_and_nothing_hangs)
{
    uint64_t one = from_environment("TROUPE_SEED", 0);
    uint64_t count = from_environment("TROUPE_PROGRAMS", PROGRAMS);

    program_deeds = DEEDS;
    if (one != 0) {
        (void)run(one, from_environment("TROUPE_NTH", 1));
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++) {
        uint64_t nth = 1;
        while (run(seed, nth)) {
            nth++;
            ck_assert_uint_lt(nth, NTH_MAX);
        }
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("torture");
    TCase *tcase = tcase_create("torture");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, whichever_allocation_fails_nothing_is_lost_and_nothing_hangs);
    suite_add_tcase(suite, tcase);
    return suite;
}
