/* SPDX-License-Identifier: MIT
 * `troupe q eval` with the table of expressions, over every transport, and the addresses
 * it understands. TROUPE_SLOW_TESTS=1 also asks what takes seconds. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/certs.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { ROWS_MAX = 400, LINE_SHOWN = 2048 };

struct row {
    char *text, *result;
};

static char table[128 << 10];
static struct row rows[ROWS_MAX];
static size_t row_count;
static struct process server, other;
static char scratch[SCRATCH_PATH];
static unsigned port;

/* ---- the table ---- */

static bool is_slow(const char *tier)
{
    const char *wish = getenv("TROUPE_SLOW_TESTS");

    return strstr(tier, "slow") != NULL && (wish == NULL || strcmp(wish, "1") != 0);
}

static char *cut_field(char **at)
{
    char *field = *at;
    size_t size = strcspn(field, "\t");

    *at = field + size + (field[size] != 0);
    field[size] = 0;
    return field;
}

static void read_table(void)
{
    FILE *file = fopen(TRP_SOURCE_DIR "/tests/vectors/q-expressions.tsv", "r");
    char *rest = NULL;

    ck_assert_ptr_nonnull(file);
    size_t size = fread(table, 1, sizeof(table) - 1, file);
    ck_assert_uint_lt(size, sizeof(table) - 1);
    table[size] = 0;
    (void)fclose(file);
    row_count = 0;
    for (char *line = strtok_r(table, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#' || is_slow(cut_field(&line))) {
            continue;
        }
        ck_assert_uint_lt(row_count, ROWS_MAX);
        rows[row_count].text = cut_field(&line);
        rows[row_count++].result = cut_field(&line);
    }
    ck_assert_uint_gt(row_count, 200);
}

static void write_questions(void)
{
    char path[SCRATCH_PATH + 32];

    (void)snprintf(path, sizeof(path), "%s/questions", scratch);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < row_count; i++) {
        ck_assert_int_ge(fprintf(file, "%s\n", rows[i].text), 0);
    }
    ck_assert_int_eq(fclose(file), 0);
}

/* ---- a server that is reached in every way ---- */

static void begin(void)
{
    certs_make();
    const char *const extra[] = {"--unix",
                                 "--tls",
                                 "both",
                                 "--tls-cert",
                                 certs_path("server.pem"),
                                 "--tls-key",
                                 certs_path("server.key"),
                                 NULL};
    port = process_serve(&server, extra);
    scratch_make(scratch);
}

static void end(void)
{
    ck_assert_int_eq(kill(server.pid, SIGTERM), 0);
    ck_assert_int_eq(process_wait(&server), 0);
    scratch_remove(scratch);
    certs_remove();
}

/* Begins of lines, the whole of those that fit. */
static bool next_answer(FILE *file, char answer[LINE_SHOWN])
{
    char more[LINE_SHOWN];

    if (fgets(answer, LINE_SHOWN, file) == NULL) {
        return false;
    }
    for (char *last = answer; strchr(last, '\n') == NULL && last != NULL;) {
        last = fgets(more, LINE_SHOWN, file);
        if (last == NULL || strchr(last, '\n') != NULL) {
            break;
        }
    }
    answer[strcspn(answer, "\n")] = 0;
    return true;
}

static void check(const struct row *row, const char *answer)
{
    bool error = answer[0] == '\'' && strcmp(row->result, "'*") != 0;

    if (strcmp(row->result, "*") == 0) {
        ck_assert_msg(!error, "%s: %s", row->text, answer);
    } else if (strcmp(row->result, "'*") == 0) {
        ck_assert_msg(answer[0] == '\'', "%s: %s", row->text, answer);
    } else {
        ck_assert_msg(strcmp(row->result, answer) == 0, "%s: %s, not %s", row->text,
                      answer, row->result);
    }
}

/* Asks all of one address; the last one closes the connection. */
static void ask_all(const char *address)
{
    char command[4 * SCRATCH_PATH], output[1024], answer[LINE_SHOWN];

    read_table();
    write_questions();
    (void)snprintf(command, sizeof(command),
                   "%s q eval --timeout 60 --ca '%s' --lines '%s' < '%s/questions' > "
                   "'%s/answers'",
                   TRP_PROGRAM, certs_path("ca.pem"), address, scratch, scratch);
    int code = scratch_run(command, output, sizeof(output));
    ck_assert_msg(code == 1 && strstr(output, "lost") != NULL, "%s: %d, %s", address,
                  code, output);
    (void)snprintf(command, sizeof(command), "%s/answers", scratch);
    FILE *file = fopen(command, "r");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i + 1 < row_count; i++) {
        ck_assert_msg(next_answer(file, answer), "%s: no answer", rows[i].text);
        check(&rows[i], answer);
    }
    ck_assert_str_eq(rows[row_count - 1].result, "closed");
    ck_assert(!next_answer(file, answer));
    (void)fclose(file);
}

static void over(const char *format)
{
    char address[64];

    begin();
    (void)snprintf(address, sizeof(address), format, port);
    ask_all(address);
    end();
}

START_TEST(every_expression_gets_its_answer_over_tcp)
{
    over("127.0.0.1:%u");
}
END_TEST

START_TEST(every_expression_gets_its_answer_over_the_abstract_socket)
{
    over("unix://%u?form=exact");
}
END_TEST

START_TEST(every_expression_gets_its_answer_over_the_padded_abstract_socket)
{
    over("unix://%u?form=padded");
}
END_TEST

START_TEST(every_expression_gets_its_answer_over_the_socket_file)
{
    over("unix://%u?form=file");
}
END_TEST

START_TEST(every_expression_gets_its_answer_over_tls)
{
    over("tcps://localhost:%u");
}
END_TEST

/* ---- calls by name, as PyKX's context interface makes them ---- */

static int eval(const char *address, const char *one, const char *two, const char *three)
{
    const char *argv[] = {TRP_PROGRAM, "q", "eval", address, one, two, three, NULL};

    return process_run(&other, NULL, argv);
}

START_TEST(calls_by_name_get_their_answers)
{
    static const char *const calls[][4] = {
        {"til", "3", NULL, "0 1 2\n"},
        {"mavg", "2", "til 4", "0 0.5 1.5 2.5\n"},
        {"upsert", "([]a:1 2)", "enlist 3", "a\n-\n1\n2\n3\n"},
        {"value", "\"1+1\"", NULL, "2\n"},
        {"meta", "([]a:1 2)", NULL, "c| t f a\n-| -----\na| j    \n"},
    };
    char address[64];

    begin();
    (void)snprintf(address, sizeof(address), "unix://%u", port);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        ck_assert_int_eq(eval(address, calls[i][0], calls[i][1], calls[i][2]), 0);
        ck_assert_str_eq(other.text, calls[i][3]);
    }
    end();
}
END_TEST

/* ---- addresses ---- */

static int eval_with(const char *option, const char *value, const char *format)
{
    char address[128];
    const char *argv[] = {TRP_PROGRAM, "q", "eval", address, "1+1", NULL, NULL, NULL};

    (void)snprintf(address, sizeof(address), format, port);
    if (option != NULL) {
        const char *words[] = {option, value, address, "1+1"};
        size_t at = 3;
        for (size_t i = 0; i < 4; i++) {
            if (words[i] != NULL) {
                argv[at++] = words[i];
            }
        }
    }
    return process_run(&other, NULL, argv);
}

START_TEST(addresses_are_written_in_many_ways)
{
    static const char *const formats[] = {
        "localhost:%u",
        ":%u",
        "127.0.0.1:%u",
        ":localhost:%u:joe:x:y@z",
        "::%u:joe:x",
        "joe:x@:%u",
        "tcp://localhost:%u",
        "unix://%u",
        "unix://joe:x@%u",
        ":unix://%u:joe:x",
        "unix://%u?form=file:joe:x",
    };

    begin();
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        ck_assert_msg(eval_with(NULL, NULL, formats[i]) == 0, "%s: %s", formats[i],
                      other.error);
        ck_assert_str_eq(other.text, "2\n");
    }
    ck_assert_int_eq(eval_with("--unix-form", "padded", "unix://%u"), 0);
    ck_assert_int_eq(eval_with("--unix-form", "padded", "localhost:%u"), 2);
    ck_assert_int_eq(eval_with("--unix-form", "round", "unix://%u"), 2);
    end();
}
END_TEST

START_TEST(what_is_no_address_is_wrong_usage)
{
    static const char *const wrong[] = {
        "localhost", "localhost:0", "localhost:70000",     "localhost:x", "unix://",
        "unix://x",  "tcps://5010", "unix://1?form=round", "[::1:5010"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(eval(wrong[i], "1", NULL, NULL) == 2, "%s", wrong[i]);
        ck_assert_ptr_nonnull(strstr(other.error, wrong[i]));
    }
}
END_TEST

START_TEST(a_certificate_is_checked_unless_told_not_to)
{
    begin();
    ck_assert_int_eq(eval_with(NULL, NULL, "tcps://localhost:%u"), 1);
    ck_assert_str_eq(other.text, "");
    ck_assert_ptr_nonnull(strstr(other.error, "certificate"));
    ck_assert_int_eq(eval_with("--ca", certs_path("ca.pem"), "tcps://localhost:%u"), 0);
    ck_assert_str_eq(other.text, "2\n");
    ck_assert_int_eq(eval_with("--ca", certs_path("ca.pem"), "tcps://127.0.0.1:%u"), 0);
    ck_assert_int_eq(eval_with("--no-verify", NULL, ":tcps://localhost:%u:joe:x"), 0);
    ck_assert_str_eq(other.text, "2\n");
    end();
}
END_TEST

START_TEST(the_shell_reaches_what_eval_reaches)
{
    char address[64];

    begin();
    (void)snprintf(address, sizeof(address), "tcps://localhost:%u", port);
    const char *argv[] = {TRP_PROGRAM,          "q",     "shell", "--ca",
                          certs_path("ca.pem"), address, NULL};
    ck_assert_int_eq(process_run(&other, "a:6\na*7\n", argv), 0);
    ck_assert_str_eq(other.text, "42\n");
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_expressions");
    TCase *tcase = tcase_create("eval");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_expression_gets_its_answer_over_tcp);
    tcase_add_test(tcase, every_expression_gets_its_answer_over_the_abstract_socket);
    tcase_add_test(tcase,
                   every_expression_gets_its_answer_over_the_padded_abstract_socket);
    tcase_add_test(tcase, every_expression_gets_its_answer_over_the_socket_file);
    tcase_add_test(tcase, every_expression_gets_its_answer_over_tls);
    tcase_add_test(tcase, calls_by_name_get_their_answers);
    tcase_add_test(tcase, addresses_are_written_in_many_ways);
    tcase_add_test(tcase, what_is_no_address_is_wrong_usage);
    tcase_add_test(tcase, a_certificate_is_checked_unless_told_not_to);
    tcase_add_test(tcase, the_shell_reaches_what_eval_reaches);
    suite_add_tcase(suite, tcase);
    return suite;
}
