/* SPDX-License-Identifier: MIT
 * suite.h - what a test file defines. Check's own limit of 4 s a test is for idle
 * machines: a suite sets its own with tcase_set_timeout, or none (0) and leaves it to
 * ctest. */
#ifndef TRP_TESTS_SUITE_H
#define TRP_TESTS_SUITE_H

#include <check.h>

Suite *test_suite(void);

#endif
