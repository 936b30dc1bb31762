/* SPDX-License-Identifier: MIT
 * test_q_connection_names.c - names on the server, files, upd. */
#include <stdio.h>
#include <string.h>

#include "bindings/q/q_connection.h"
#include "mailbox/alloc.h"
#include "tests/support/scratch.h"
#include "tests/system/q_conn.h"

#define DISABLED "Attempted to use context interface after disabling it."

static troupe_q_value *make_long(int64_t number)
{
    troupe_q_value *value = NULL;

    OK(troupe_q_long(number, &value));
    return value;
}

/* ---- the context interface ---- */

START_TEST(attribute_access_applies_the_function_of_that_name)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *five = make_long(5), *answer = NULL;

    OK(troupe_q_connection_apply(conn, "til", 1, &five, &answer, &failure));
    conn_is(answer, "0 1 2 3 4");
    conn_asks(conn, ".my.f:{x+100}", "::");
    OK(troupe_q_connection_apply(conn, ".my.f", 1, &five, &answer, &failure));
    conn_is(answer, "105");
    ck_assert_int_eq(troupe_q_connection_apply(conn, "f", 0, NULL, &answer, &failure),
                     TROUPE_EINVAL);
    ck_assert_int_eq(troupe_q_connection_apply(conn, "none", 1, &five, NULL, &failure),
                     TROUPE_EREMOTE);
    troupe_q_unref(&five);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(a_look_up_tells_namespaces_functions_and_values)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *answer = NULL;
    troupe_q_name what = TROUPE_Q_NAME_VALUE;

    conn_asks(conn, ".my.f:{x+1};.my.a:42;d:`x`y!1 2;1", "1");
    OK(troupe_q_connection_context(conn, ".my", &what, &answer, &failure));
    ck_assert_int_eq(what, TROUPE_Q_NAME_NAMESPACE);
    conn_is(answer, "``a`f");
    OK(troupe_q_connection_context(conn, ".my.f", &what, &answer, &failure));
    ck_assert_int_eq(what, TROUPE_Q_NAME_FUNCTION);
    troupe_q_unref(&answer);
    OK(troupe_q_connection_context(conn, ".my.a", &what, &answer, &failure));
    ck_assert_int_eq(what, TROUPE_Q_NAME_VALUE);
    conn_is(answer, "42");
    OK(troupe_q_connection_context(conn, "d", &what, &answer, &failure));
    ck_assert_int_eq(what, TROUPE_Q_NAME_VALUE); /* a dictionary is no namespace */
    conn_is(answer, "`x`y!1 2");
    OK(troupe_q_connection_context(conn, ".q", &what, &answer, &failure));
    ck_assert_int_eq(what, TROUPE_Q_NAME_NAMESPACE);
    troupe_q_unref(&answer);
    OK(troupe_q_connection_context(conn, ".q", &what, NULL, &failure));
    answer = NULL;
    ck_assert_int_eq(
        troupe_q_connection_context(conn, "nowhere", &what, &answer, &failure),
        TROUPE_EREMOTE);
    ck_assert_ptr_null(answer);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(subscripts_get_and_set_globals)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *value = make_long(7), *answer = NULL;

    OK(troupe_q_connection_set(conn, "a", value, &failure));
    OK(troupe_q_connection_get(conn, "a", &answer, &failure));
    conn_is(answer, "7");
    conn_asks(conn, "a+1", "8");
    ck_assert_int_eq(troupe_q_connection_get(conn, "none", &answer, &failure),
                     TROUPE_EREMOTE);
    ck_assert_int_eq(troupe_q_connection_set(conn, "a", NULL, &failure), TROUPE_EINVAL);
    ck_assert_int_eq(troupe_q_connection_get(conn, NULL, &answer, &failure),
                     TROUPE_EINVAL);
    troupe_q_unref(&value);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(parameter_no_ctx_refuses_names_except_the_words_of_q)
{
    troupe_q_connection_options options = conn_options(TROUPE_Q_SYNC_CONNECTION);
    troupe_q_value *five = make_long(5), *answer = NULL;
    troupe_q_name what;

    options.no_ctx = true;
    troupe_q_connection *conn = conn_open(options);
    ck_assert_int_eq(troupe_q_connection_get(conn, "a", &answer, &failure),
                     TROUPE_ESTATE);
    ck_assert_str_eq(failure.text, DISABLED);
    ck_assert_int_eq(troupe_q_connection_set(conn, "a", five, &failure), TROUPE_ESTATE);
    ck_assert_str_eq(failure.text, DISABLED);
    ck_assert_int_eq(troupe_q_connection_context(conn, "a", &what, &answer, &failure),
                     TROUPE_ESTATE);
    ck_assert_int_eq(troupe_q_connection_apply(conn, ".my.f", 1, &five, NULL, &failure),
                     TROUPE_ESTATE);
    ck_assert_str_eq(failure.text, DISABLED);
    OK(troupe_q_connection_apply(conn, "til", 1, &five, &answer, &failure));
    conn_is(answer, "0 1 2 3 4");
    conn_asks(conn, "1+1", "2");
    troupe_q_unref(&five);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(connecting_sends_no_queries_of_its_own)
{
    troupe_q_connection *watcher = conn_sync();

    conn_asks(watcher, "n:0;.z.pg:.z.ps:{n::n+1;value x};1", "1");
    troupe_q_connection *conn = conn_sync();
    conn_asks(watcher, "n", "1"); /* this very query */
    troupe_q_connection_free(&conn);
    troupe_q_connection_free(&watcher);
}
END_TEST

START_TEST(reserved_words_are_known)
{
    ck_assert(trp_q_reserved("abs"));
    ck_assert(trp_q_reserved("til"));
    ck_assert(trp_q_reserved("xrank"));
    ck_assert(trp_q_reserved("aj0"));
    ck_assert(!trp_q_reserved("tile"));
    ck_assert(!trp_q_reserved(""));
    ck_assert(!trp_q_reserved(".q"));
}
END_TEST

/* ---- scripts ---- */

static void statements_are(const char *script, size_t count, const char *const *expected)
{
    struct trp_q_reader reader = {.at = script, .end = script + strlen(script)};

    for (size_t i = 0; i < count; i++) {
        OK(trp_q_reader_next(&reader));
        ck_assert_msg(reader.size == strlen(expected[i]) &&
                          memcmp(reader.text, expected[i], reader.size) == 0,
                      "%.*s instead of %s", (int)reader.size, reader.text, expected[i]);
    }
    ck_assert_int_eq(trp_q_reader_next(&reader), TROUPE_EAGAIN);
    trp_free(reader.text);
}

START_TEST(a_script_is_cut_into_statements)
{
    static const char *const lines[] = {"a:1", "b:2"};
    static const char *const more[] = {"f:{   x+1   }", "b:2"};
    static const char *const text[] = {"s:\"a / b\"", "t:\"\\\" / \"", "c:1"};

    statements_are("", 0, NULL);
    statements_are("a:1\nb:2", 2, lines);
    statements_are("\r\na:1\r\n\r\nb:2\r\n", 2, lines);
    statements_are("f:{\n  x+1\n  }\nb:2\n", 2, more);
    statements_are("f:{ / begins\n/ whole line\n  x+1 / adds\n\n }\nb:2", 2,
                   (const char *const[]){"f:{   x+1  }", "b:2"});
    statements_are("f:{\n  x+1\n}\nb:2\n", 2,
                   (const char *const[]){"f:{   x+1 }", "b:2"});
    statements_are("s:\"a / b\"\nt:\"\\\" / \" / end\nc:1", 3, text);
}
END_TEST

START_TEST(block_comments_are_skipped_and_a_lone_backslash_ends_the_script)
{
    static const char *const lines[] = {"a:1", "b:2"};

    statements_are("/\nnot\nthis\n\\\na:1\nb:2\n\\\nnor this\n", 2, lines);
    statements_are("a:1\n/\nopen to the end", 1, lines);
    statements_are("/ only a comment\n", 0, NULL);
}
END_TEST

/* ---- files ---- */

static char folder[SCRATCH_PATH], path[SCRATCH_PATH + 16];

static void write_file(const char *name, const char *text)
{
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void begin(void)
{
    scratch_make(folder);
    conn_begin();
}

static void end(void)
{
    conn_end();
    scratch_remove(folder);
}

START_TEST(file_execute_with_return_all_gives_the_list_of_results)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *results = NULL;

    write_file("all.q", "/ a file\na:1+1\nf:{\n  x*a\n  }\n\nf 21\n\\\nf `no\n");
    OK(troupe_q_connection_file_execute(conn, path, true, &results, &failure));
    ck_assert_uint_eq(troupe_q_count(results), 3);
    conn_is(troupe_q_ref(troupe_q_part(results, 2)), "42");
    troupe_q_unref(&results);
    write_file("empty.q", "");
    OK(troupe_q_connection_file_execute(conn, path, true, &results, &failure));
    ck_assert_uint_eq(troupe_q_count(results), 0);
    troupe_q_unref(&results);
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(file_execute_without_return_all_does_not_wait_nor_see_errors)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *result = NULL;

    write_file("quiet.q", "a:1\n1+`a\nb:2\n");
    OK(troupe_q_connection_file_execute(conn, path, false, &result, &failure));
    conn_is(result, "::");
    conn_asks(conn, "a,b", "1 2");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(file_execute_with_return_all_ends_at_the_first_error)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *results = NULL;

    write_file("bad.q", "a:1\n1+`a\na:2\n");
    ck_assert_int_eq(
        troupe_q_connection_file_execute(conn, path, true, &results, &failure),
        TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text, "type");
    ck_assert_ptr_null(results);
    conn_asks(conn, "a", "1");
    troupe_q_connection_free(&conn);
}
END_TEST

START_TEST(file_execute_knows_four_extensions)
{
    troupe_q_connection *conn = conn_sync();

    write_file("a.txt", "1\n");
    ck_assert_int_eq(troupe_q_connection_file_execute(conn, path, true, NULL, &failure),
                     TROUPE_EUNSUPPORTED);
    ck_assert_str_eq(failure.text, "Provided file type 'txt' unsupported");
    write_file("a.py", "print(1)\n");
    ck_assert_int_eq(troupe_q_connection_file_execute(conn, path, true, NULL, &failure),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text, "PyKX must be loaded on remote server");
    write_file("a.p", "1\n");
    ck_assert_int_eq(troupe_q_connection_file_execute(conn, path, true, NULL, &failure),
                     TROUPE_EREMOTE);
    write_file("a.k", "1\n"); /* is sent marked; our server knows no k */
    ck_assert_int_eq(troupe_q_connection_file_execute(conn, path, true, NULL, &failure),
                     TROUPE_EREMOTE);
    ck_assert_int_eq(
        troupe_q_connection_file_execute(conn, "no/such.q", true, NULL, &failure),
        TROUPE_ENOENT);
    troupe_q_connection_free(&conn);
}
END_TEST

/* ---- upd ---- */

START_TEST(upd_sends_the_columns_of_a_table)
{
    troupe_q_connection *conn = conn_sync();
    troupe_q_value *table = NULL;

    OK(troupe_q_connection_query(conn, "([]a:1 2;b:`x`y)", 0, NULL, &table, &failure));
    ck_assert_int_eq(troupe_q_connection_upd(conn, "trade", table, &failure),
                     TROUPE_EREMOTE);
    ck_assert_str_eq(failure.text,
                     "Update function '.u.upd' not defined on connected process");
    conn_asks(conn, ".u.upd:{[t;x]got::(t;x)}", "::");
    OK(troupe_q_connection_upd(conn, "trade", table, &failure));
    conn_asks(conn, "got", "(`trade;(1 2;`x`y))");
    troupe_q_unref(&table);
    OK(troupe_q_connection_query(conn, "(3;`z)", 0, NULL, &table, &failure));
    OK(troupe_q_connection_upd(conn, "trade", table, &failure));
    conn_asks(conn, "got", "(`trade;(3;`z))");
    troupe_q_unref(&table);
    troupe_q_connection_free(&conn);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_connection_names");
    TCase *tcase = tcase_create("names");

    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, attribute_access_applies_the_function_of_that_name);
    tcase_add_test(tcase, a_look_up_tells_namespaces_functions_and_values);
    tcase_add_test(tcase, subscripts_get_and_set_globals);
    tcase_add_test(tcase, parameter_no_ctx_refuses_names_except_the_words_of_q);
    tcase_add_test(tcase, connecting_sends_no_queries_of_its_own);
    tcase_add_test(tcase, reserved_words_are_known);
    tcase_add_test(tcase, a_script_is_cut_into_statements);
    tcase_add_test(tcase,
                   block_comments_are_skipped_and_a_lone_backslash_ends_the_script);
    tcase_add_test(tcase, file_execute_with_return_all_gives_the_list_of_results);
    tcase_add_test(tcase, file_execute_without_return_all_does_not_wait_nor_see_errors);
    tcase_add_test(tcase, file_execute_with_return_all_ends_at_the_first_error);
    tcase_add_test(tcase, file_execute_knows_four_extensions);
    tcase_add_test(tcase, upd_sends_the_columns_of_a_table);
    suite_add_tcase(suite, tcase);
    return suite;
}
