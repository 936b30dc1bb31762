/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"
#include "transports/q/q_login.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

struct example {
    const char *text;
    size_t size;
    const char *user, *password;
    uint8_t capability;
    bool has_password;
};

#define EXAMPLE(text, ...)                                                               \
    {                                                                                    \
        text, sizeof(text) - 1, __VA_ARGS__                                              \
    }

static const struct example examples[] = {
    EXAMPLE(":\x03\0", "", "", 3, true),
    EXAMPLE("user:pass\x06\0", "user", "pass", 6, true),
    EXAMPLE("user:pass\0", "user", "pass", 0, true),
    EXAMPLE("user:pa:ss\x03\0", "user", "pa:ss", 3, true),
    EXAMPLE("user:pass \0", "user", "pass ", 0, true),
    EXAMPLE("user:pass\x1f\0", "user", "pass", 31, true),
    EXAMPLE("anonymous\x03\0", "anonymous", "", 3, false),
    EXAMPLE("user:\x01\0", "user", "", 1, true),
    EXAMPLE("\0", "", "", 0, false),
    EXAMPLE("\x06\0", "", "", 6, false),
};

START_TEST(a_login_is_read_in_any_pieces)
{
    const struct example *e = &examples[_i];
    struct trp_q_login login;
    size_t used = 0;

    for (size_t size = 0; size < e->size; size++) {
        ck_assert_int_eq(trp_q_login_read((const uint8_t *)e->text, size, &login, &used),
                         TROUPE_EAGAIN);
    }
    ck_assert_int_eq(trp_q_login_read((const uint8_t *)e->text, e->size, &login, &used),
                     TROUPE_OK);
    ck_assert_uint_eq(used, e->size);
    ck_assert_uint_eq(login.user_size, strlen(e->user));
    ck_assert(memcmp(login.user, e->user, login.user_size) == 0);
    ck_assert_uint_eq(login.password_size, strlen(e->password));
    ck_assert(memcmp(login.password, e->password, login.password_size) == 0);
    ck_assert_uint_eq(login.capability, e->capability);
    ck_assert(login.has_password == e->has_password);
}
END_TEST

START_TEST(what_follows_a_login_is_left_alone)
{
    struct trp_q_login login;
    size_t used = 0;

    ck_assert_int_eq(trp_q_login_read(BYTES("a:b\x03\0\x01\0\0\0"), &login, &used),
                     TROUPE_OK);
    ck_assert_uint_eq(used, 5);
}
END_TEST

START_TEST(a_login_without_end_is_refused)
{
    static uint8_t endless[TRP_Q_LOGIN_MAX + 10];
    struct trp_q_login login;
    size_t used = 0;

    memset(endless, 'a', sizeof(endless));
    ck_assert_int_eq(trp_q_login_read(endless, TRP_Q_LOGIN_MAX - 1, &login, &used),
                     TROUPE_EAGAIN);
    ck_assert_int_eq(trp_q_login_read(endless, TRP_Q_LOGIN_MAX, &login, &used),
                     TROUPE_ELIMIT);
    ck_assert_int_eq(trp_q_login_read(endless, sizeof(endless), &login, &used),
                     TROUPE_ELIMIT);
    endless[TRP_Q_LOGIN_MAX - 1] = 0;
    ck_assert_int_eq(trp_q_login_read(endless, sizeof(endless), &login, &used),
                     TROUPE_OK);
    ck_assert_uint_eq(used, TRP_Q_LOGIN_MAX);
}
END_TEST

static void check_written(const char *user, const char *password, int capability,
                          const char *want, size_t size)
{
    struct trp_buffer out;

    trp_buffer_init(&out, 4096);
    ck_assert_int_eq(trp_q_login_write(user, password, capability, &out), TROUPE_OK);
    ck_assert_uint_eq(trp_buffer_size(&out), size);
    ck_assert(memcmp(trp_buffer_front(&out), want, size) == 0);
    trp_buffer_fini(&out);
}

START_TEST(a_login_is_written)
{
    check_written(NULL, NULL, 6, ":\x06\0", 3);
    check_written("user", "pass", 3, "user:pass\x03\0", 11);
    check_written("user", "pass", TRP_Q_LOGIN_BARE, "user:pass\0", 10);
    check_written("user", "", 0, "user:\0", 6);
}
END_TEST

START_TEST(a_login_that_would_be_read_otherwise_is_not_written)
{
    static char long_text[TRP_Q_LOGIN_MAX + 1];
    struct trp_buffer out;

    memset(long_text, 'x', TRP_Q_LOGIN_MAX);
    trp_buffer_init(&out, 4096);
    ck_assert_int_eq(trp_q_login_write("a:b", "", 3, &out), TROUPE_EINVAL);
    ck_assert_int_eq(trp_q_login_write("a", "b\n", TRP_Q_LOGIN_BARE, &out),
                     TROUPE_EINVAL);
    ck_assert_int_eq(trp_q_login_write("a", "b", 32, &out), TROUPE_EINVAL);
    ck_assert_int_eq(trp_q_login_write("a", long_text, 3, &out), TROUPE_ELIMIT);
    ck_assert_uint_eq(trp_buffer_size(&out), 0);
    trp_fail_nth(1);
    ck_assert_int_eq(trp_q_login_write("a", "b", 3, &out), TROUPE_ENOMEM);
    ck_assert(trp_fail_happened());
    trp_buffer_fini(&out);
}
END_TEST

START_TEST(both_sides_can_what_the_lesser_can)
{
    ck_assert_uint_eq(trp_q_common(6, 3), 3);
    ck_assert_uint_eq(trp_q_common(1, 6), 1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_login");
    TCase *tcase = tcase_create("q_login");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, a_login_is_read_in_any_pieces, 0,
                        (int)TRP_COUNT(examples));
    tcase_add_test(tcase, what_follows_a_login_is_left_alone);
    tcase_add_test(tcase, a_login_without_end_is_refused);
    tcase_add_test(tcase, a_login_is_written);
    tcase_add_test(tcase, a_login_that_would_be_read_otherwise_is_not_written);
    tcase_add_test(tcase, both_sides_can_what_the_lesser_can);
    suite_add_tcase(suite, tcase);
    return suite;
}
