/* SPDX-License-Identifier: MIT
 * Random programs, each from a seed. TROUPE_SEED runs one; TROUPE_PROGRAMS says how many.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/system/program.h"

enum { PROGRAMS = 10000 };

static char seed_text[64];

static void say_seed(int number)
{
    ssize_t ignored = write(STDERR_FILENO, seed_text, strlen(seed_text));

    (void)ignored;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void remember_seed(uint64_t seed)
{
    (void)snprintf(seed_text, sizeof(seed_text), "TROUPE_SEED=%llu\n",
                   (unsigned long long)seed);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void run(uint64_t seed)
{
    remember_seed(seed);
    if (!program_run(seed)) {
        ck_abort_msg("%s; reproduce with TROUPE_SEED=%llu", program.wrong,
                     (unsigned long long)seed);
    }
}

START_TEST(every_message_is_accounted_for_and_every_ask_is_answered_once)
{
    uint64_t one = from_environment("TROUPE_SEED", 0);
    uint64_t count = from_environment("TROUPE_PROGRAMS", PROGRAMS);

    if (one != 0) {
        run(one);
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++) {
        run(seed);
    }
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
void __sanitizer_set_death_callback(void (*callback)(void));

static void say_seed_of_death(void)
{
    (void)fputs(seed_text, stderr);
}
#endif

Suite *test_suite(void)
{
    Suite *suite = suite_create("random programs");
    TCase *tcase = tcase_create("random programs");

    (void)signal(SIGSEGV, say_seed);
    (void)signal(SIGABRT, say_seed);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_set_death_callback(say_seed_of_death);
#endif
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_message_is_accounted_for_and_every_ask_is_answered_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
