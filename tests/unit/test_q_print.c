/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/support/q_hex.h"
#include "tests/support/suite.h"
#include "transports/q/q_print.h"

struct example {
    const char *body;
    const char *text;
};

static void check(const char *body, const char *text, bool console, size_t rows,
                  size_t columns)
{
    troupe_q_value *value = hex_value(body), *shown = NULL;
    size_t size = 0;
    troupe_status status = console ? troupe_q_format_console(value, rows, columns, &shown)
                                   : troupe_q_format_line(value, columns, &shown);

    ck_assert_int_eq(status, TROUPE_OK);
    const char *got = troupe_q_text(shown, &size);
    ck_assert_msg(size == strlen(text) && memcmp(got, text, size) == 0,
                  "%s\nis: %.*s|\nnot: %s|", body, (int)size, got, text);
    troupe_q_unref(&shown);
    troupe_q_unref(&value);
}

static const struct example lines[] = {
    {"ff01", "1b"},
    {"fc2a", "0x2a"},
    {"fe8c680a015a495aab5a65d4bfddb6a661", "8c680a01-5a49-5aab-5a65-d4bfddb6a661"},
    {"fb0100", "1h"},
    {"fb0080", "0Nh"},
    {"fb0180", "-32767h"},
    {"fa01000000", "1i"},
    {"faffffff7f", "0Wi"},
    {"f90000000000000080", "0N"},
    {"f9ffffffffffffff7f", "0W"},
    {"f9ffffffffffffffff", "-1"},
    {"f80000b040", "5.5e"},
    {"f80000c0ff", "0Ne"},
    {"f80000807f", "0we"},
    {"f7ac1c5a643bdf0940", "3.234"},
    {"f7000000000000f03f", "1f"},
    {"f7000000000000f87f", "0n"},
    {"f7000000000000f0ff", "-0w"},
    {"f7000000205fa00242", "1e+10"},
    {"f661", "\"a\""},
    {"f60a", "\"\\n\""},
    {"f5616200", "`ab"},
    {"f500", "`"},
    {"f400c0cafa20fe0000", "2000.01.04D05:36:57.600000000"},
    {"f4ffffffffffffffff", "1999.12.31D23:59:59.999999999"},
    {"f40000000000000080", "0Np"},
    {"f30c000000", "2001.01m"},
    {"f3ffffffff", "1999.12m"},
    {"f300000080", "0Nm"},
    {"f26e010000", "2001.01.01"},
    {"f2ffffff7e", "0000.00.00"},
    {"f1ac1c5a643bdf0940", "2000.01.04T05:36:57.600"},
    {"f1000000000000f87f", "0Nz"},
    {"f000c0dd4663120000", "0D05:36:57.600000000"},
    {"f0ffffffffffffffff", "-0D00:00:00.000000001"},
    {"efd1020000", "12:01"},
    {"efffffffff", "-00:01"},
    {"eeeca90000", "12:05:00"},
    {"ed73be9702", "12:04:59.123"},
    {"ed00000080", "0Nt"},
    {"000000000000", "()"},
    {"070000000000", "`long$()"},
    {"0a0000000000", "\"\""},
    {"0b0000000000", "`symbol$()"},
    {"010003000000 000100", "010b"},
    {"010001000000 01", ",1b"},
    {"040003000000 0102ff", "0x0102ff"},
    {"050003000000 010000800300", "1 0N 3h"},
    {"060001000000 01000000", ",1i"},
    {"060103000000 010000000200000003000000", "`s#1 2 3i"},
    {"070002000000 0100000000000000 0000000000000080", "1 0N"},
    {"080002000000 0000b040 0000c07f", "5.5 0Ne"},
    {"090002000000 000000000000f03f 0000000000000040", "1 2f"},
    {"090002000000 000000000000f03f 000000000000f87f", "1 0n"},
    {"090002000000 d7a3703d0ad70940 d7a3703d0ad71940", "3.23 6.46"},
    {"0a0003000000 612262", "\"a\\\"b\""},
    {"0a0001000000 61", ",\"a\""},
    {"0a0003000000 e4bda0", "\"\\344\\275\\240\""},
    {"0b0002000000 61006200", "`a`b"},
    {"0b0001000000 6100", ",`a"},
    {"0d0002000000 0c000000 00000080", "2001.01 0Nm"},
    {"0e0002000000 6e010000 00000080", "2001.01.01 0Nd"},
    {"000002000000 f90100000000000000 f56100", "(1;`a)"},
    {"000001000000 070001000000 0100000000000000", ",,1"},
    {"000001000000 0a0002000000 6162", ",\"ab\""},
    {"63 0b0002000000 61006200 060002000000 0200000003000000", "`a`b!2 3i"},
    {"7f 0b0102000000 61006200 060002000000 0200000003000000", "`s#`a`b!2 3i"},
    {"63 0b0001000000 6100 070001000000 0100000000000000", "(,`a)!,1"},
    {"63 000000000000 000000000000", "()!()"},
    {"62 00 63 0b0001000000 6100 000001000000 070001000000 0100000000000000",
     "+(,`a)!,,1"},
    {"6500", "::"},
    {"64 00 0a0005000000 7b782b797d", "{x+y}"},
    {"68 02000000 64000a00050000007b782b797d f90300000000000000", "{x+y}[3]"},
    {"68 03000000 6601 65ff f90100000000000000", "+[;1]"},
    {"68 02000000 661c f90100000000000000", "insert[1]"},
    {"69 02000000 651c 6802000000660bf662", "max$[\"b\"]"},
    {"6b 660c", ",/"},
    {"6c 6601", "+\\"},
    {"6d 6600", ":':"},
    {"650f", "~:"},
    {"6704", "/:"},
    {"80 7479706500", "'type"},
};

START_TEST(values_stand_on_a_line_as_q_writes_them)
{
    check(lines[_i].body, lines[_i].text, false, 0, 0);
}
END_TEST

#define TIL3  "070003000000 010000000000000002000000000000000300000000000000"
#define DATES "0e0003000000 6e010000 79000000 00000080"

static const struct example consoles[] = {
    {"63 000000000000 000000000000", ""},
    {"000002000000 000000000000 000000000000", "\n\n"},
    {"000002000000 070001000000 0100000000000000 070001000000 0200000000000000",
     "1\n2\n"},
    {"000002000000 070001000000 0100000000000000 070000000000", ",1\n`long$()\n"},
    {"63 0b0002000000 6e00 646f6200 000002000000 0b0002000000 6a61636b00 6d6500"
     "0e0002000000 6e010000 79000000",
     "n  | jack       me        \ndob| 2001.01.01 2000.05.01\n"},
    {"f90100000000000000", "1\n"},
    {"000003000000 f90100000000000000 f56100 0a0002000000 6162", "1\n`a\n\"ab\"\n"},
    {"000002000000 070002000000 0100000000000000 1400000000000000"
     "070002000000 2c01000000000000 0400000000000000",
     "1   20\n300 4 \n"},
    {"000002000000 0b0002000000 61006200 070002000000 0100000000000000 1400000000000000",
     "a b \n1 20\n"},
    {"63 0b0002000000 61006262 00 070002000000 0a00000000000000 0000000000000080",
     "a | 10\nbb|   \n"},
    {"63 0b0002000000 61006200 000002000000 f56100 0a0001000000 61",
     "a| `a  \nb| ,\"a\"\n"},
    {"62 00 63 0b0002000000 6e616d65006971 00 000002000000 0b0003000000 44656e7400 "
     "426565626c6562726f7800 5072656665637400 "
     "070003000000 620000000000000 02a000000000000007e00000000000000",
     "name       iq \n--------------\nDent       98 \nBeeblebrox 42 \nPrefect    126\n"},
    {"62 00 63 0b0002000000 6e616d6500697100 000002000000 0b0000000000 060000000000",
     "name iq\n-------\n"},
    {"63 6200630b00010000006569640000000100000007000300"
     "0000e903000000000000ea03000000000000eb03000000000000"
     "6200630b0002000000706f7300646174657300000002000000 "
     "0b0003000000643100643200643300" DATES,
     "eid | pos dates     \n----| --------------\n1001| d1  2001.01.01\n"
     "1002| d2  2000.05.01\n1003| d3            \n"},
    {"62 00 63 0b0001000000 6100 000001000000 000003000000 " TIL3
     " f90100000000000000 0a0002000000 6869",
     "a    \n-----\n1 2 3\n1    \n\"hi\" \n"},
};

START_TEST(the_console_shows_grids_and_lines)
{
    check(consoles[_i].body, consoles[_i].text, true, 25, 80);
}
END_TEST

static void check_long(size_t count, size_t rows, size_t columns, bool table,
                       size_t want_lines, const char *last)
{
    troupe_q_value *numbers = trp_q_new(TROUPE_Q_LONG, count), *value = NULL,
                   *shown = NULL;
    size_t size = 0, line_count = 0;

    for (size_t i = 0; i < count; i++) {
        TRP_Q_LONGS(numbers)[i] = (int64_t)i;
    }
    if (table) {
        ck_assert_int_eq(troupe_q_table_of(1, (const char *[]){"a"}, &numbers, &value),
                         TROUPE_OK);
    } else {
        value = troupe_q_ref(numbers);
    }
    ck_assert_int_eq(troupe_q_format_console(value, rows, columns, &shown), TROUPE_OK);
    const char *text = troupe_q_text(shown, &size);
    for (size_t i = 0; i < size; i++) {
        line_count += text[i] == '\n';
    }
    ck_assert_uint_eq(line_count, want_lines);
    ck_assert_uint_ge(size, strlen(last));
    ck_assert(memcmp(text + size - strlen(last), last, strlen(last)) == 0);
    troupe_q_unref(&shown);
    troupe_q_unref(&value);
    troupe_q_unref(&numbers);
}

START_TEST(what_exceeds_the_console_is_cut)
{
    check_long(100, 25, 80, false, 1, "24 25 26 27 28 ..\n");
    check_long(1000000, 25, 80, false, 1, "24 25 26 27 28 ..\n");
    check_long(100, 25, 80, true, 23, "\n18\n19\n..\n");
    check_long(21, 25, 80, true, 23, "\n19\n20\n");
    check_long(100, 0, 0, true, 102, "\n98\n99\n");
}
END_TEST

START_TEST(no_memory_is_an_answer)
{
    troupe_q_value *value = hex_value(consoles[13].body);

    for (uint64_t n = 1;; n++) {
        troupe_q_value *shown = NULL;
        trp_fail_nth(n);
        troupe_status status = troupe_q_format_console(value, 25, 80, &shown);
        bool failed = trp_fail_happened();
        ck_assert_int_eq(status, failed ? TROUPE_ENOMEM : TROUPE_OK);
        troupe_q_unref(&shown);
        if (!failed) {
            break;
        }
    }
    troupe_q_unref(&value);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_print");
    TCase *tcase = tcase_create("q_print");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, values_stand_on_a_line_as_q_writes_them, 0,
                        (int)TRP_COUNT(lines));
    tcase_add_loop_test(tcase, the_console_shows_grids_and_lines, 0,
                        (int)TRP_COUNT(consoles));
    tcase_add_test(tcase, what_exceeds_the_console_is_cut);
    tcase_add_test(tcase, no_memory_is_an_answer);
    suite_add_tcase(suite, tcase);
    return suite;
}
