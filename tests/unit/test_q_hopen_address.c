/* SPDX-License-Identifier: MIT
 * test_q_hopen_address.c - what hopen makes of what q code gives it. */
#include <string.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"
#include "transports/q/q_hopen.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

static troupe_embedq *q; /* makes the values */
static struct trp_q_hopen got;

static troupe_status reads(const char *text)
{
    troupe_q_value *value = NULL;

    OK(troupe_embedq_text(q, text, TROUPE_Q_Z, &value));
    troupe_status status = trp_q_hopen_read(value, &got);
    troupe_q_unref(&value);
    return status;
}

static void begin(void)
{
    OK(troupe_embedq_new(NULL, &q));
}

static void end(void)
{
    troupe_embedq_free(&q);
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "-";
}

START_TEST(the_parts_of_an_address_are_found)
{
    static const struct {
        const char *text;
        uint16_t port;
        const char *host, *user, *password;
    } rows[] = {
        {"5010", 5010, "-", "-", "-"},
        {"5010i", 5010, "-", "-", "-"},
        {"5010h", 5010, "-", "-", "-"},
        {"`::5010", 5010, "-", "-", "-"},
        {"\"5010\"", 5010, "-", "-", "-"},
        {"\"::5010\"", 5010, "-", "-", "-"},
        {"`:a.example:1", 1, "a.example", "-", "-"},
        {"\"a.example:65535\"", 65535, "a.example", "-", "-"},
        {"`:a:1:joe", 1, "a", "joe", "-"},
        {"`:a:1:joe:", 1, "a", "joe", ""},
        {"`:a:1::secret", 1, "a", "", "secret"},
        {"`$\":a:1:joe:se:cr/et\"", 1, "a", "joe", "se:cr/et"},
        {"`::1:joe:secret", 1, "-", "joe", "secret"},
        {"`$\":[::1]:5010\"", 5010, "::1", "-", "-"},
        {"`$\":[fe80::1]:5010:joe:x\"", 5010, "fe80::1", "joe", "x"},
        {"`$\":tcp://a:1:joe:x\"", 1, "a", "joe", "x"},
    };

    begin();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OK(reads(rows[i].text));
        ck_assert_uint_eq(got.options.port, rows[i].port);
        ck_assert_str_eq(or_none(got.options.host), rows[i].host);
        ck_assert_str_eq(or_none(got.options.username), rows[i].user);
        ck_assert_str_eq(or_none(got.options.password), rows[i].password);
        ck_assert(!got.options.tls && !got.options.unix_domain);
        ck_assert_int_eq(got.options.connect_limit, 0);
    }
    end();
}
END_TEST

START_TEST(sockets_and_tls_have_schemes)
{
    begin();
    OK(reads("`$\":unix://5010:joe:x\""));
    ck_assert(got.options.unix_domain && !got.options.tls);
    ck_assert_uint_eq(got.options.port, 5010);
    ck_assert_str_eq(got.options.username, "joe");
    OK(reads("`$\":tcps://a.example:5010\""));
    ck_assert(got.options.tls && !got.options.unix_domain);
    ck_assert_str_eq(got.options.host, "a.example");
    end();
}
END_TEST

START_TEST(a_pair_has_milliseconds)
{
    begin();
    OK(reads("(`:a:1;500)"));
    ck_assert_int_eq(got.options.connect_limit, TROUPE_MS(500));
    OK(reads("5010 500"));
    ck_assert_uint_eq(got.options.port, 5010);
    ck_assert_int_eq(got.options.connect_limit, TROUPE_MS(500));
    OK(reads("(5010i;500h)"));
    OK(reads("(`::1;0)"));
    ck_assert_int_eq(got.options.connect_limit, 0);
    OK(reads("(`::1;86400000)"));
    ck_assert_int_eq(reads("(`::1;86400001)"), TROUPE_EINVAL);
    ck_assert_int_eq(reads("(`::1;-1)"), TROUPE_EINVAL);
    ck_assert_int_eq(reads("(`::1;0N)"), TROUPE_EINVAL);
    ck_assert_int_eq(reads("(`::1;`x)"), TROUPE_ETYPE);
    end();
}
END_TEST

START_TEST(what_is_none_is_refused)
{
    static const char *const types[] = {
        "1f",       "::",        "()",   "1 2 3",       "(`::1;2;3)",  "{x}",
        "`a`b!1 2", "([]a:1 2)", "0x01", "enlist 5010", "((`::1;2);3)"};
    static const char *const values[] = {"0",
                                         "-1",
                                         "65536",
                                         "0N",
                                         "0W",
                                         "`",
                                         "`:",
                                         "`::",
                                         "`::x",
                                         "`:a",
                                         "`:a:",
                                         "`:a:0",
                                         "`:a:65536",
                                         "`:a:99999999999999999999",
                                         "`$\":a:1x\"",
                                         "`$\":a: 1\"",
                                         "`$\":a:+1\"",
                                         "`$\":a:-1\"",
                                         "`$\":[::1\"",
                                         "`$\":[::1]\"",
                                         "`$\":[::1]5010\"",
                                         "`$\":unix://\"",
                                         "`$\":unix://a:1\"",
                                         "`$\":tcps://\"",
                                         "\"\"",
                                         "\"a:1\\0002\"",
                                         "\"a:1:\",2000#\"x\""};

    begin();
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ck_assert_msg(reads(types[i]) == TROUPE_ETYPE, "%s", types[i]);
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ck_assert_msg(reads(values[i]) == TROUPE_EINVAL, "%s", values[i]);
    }
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_hopen_address");
    TCase *tests = tcase_create("address");

    tcase_add_test(tests, the_parts_of_an_address_are_found);
    tcase_add_test(tests, sockets_and_tls_have_schemes);
    tcase_add_test(tests, a_pair_has_milliseconds);
    tcase_add_test(tests, what_is_none_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
