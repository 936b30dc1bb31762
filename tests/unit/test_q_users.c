/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "mailbox/alloc.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"
#include "transports/q/q_users.h"

static char dir[SCRATCH_PATH], path[SCRATCH_PATH + 16];
static char joe[crypto_pwhash_STRBYTES], ann[crypto_pwhash_STRBYTES];
static troupe_failure failure;

/* The cheapest hashes there are. */
static void hash(char to[crypto_pwhash_STRBYTES], const char *password)
{
    ck_assert_int_eq(crypto_pwhash_str(to, password, strlen(password),
                                       crypto_pwhash_OPSLIMIT_MIN,
                                       crypto_pwhash_MEMLIMIT_MIN),
                     0);
}

static void begin(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    scratch_make(dir);
    (void)snprintf(path, sizeof(path), "%s/users", dir);
    hash(joe, "secret");
    hash(ann, "");
    failure = (troupe_failure){0};
}

static void end(void)
{
    scratch_remove(dir);
}

static troupe_status parse(const char *format, troupe_q_users **users)
{
    char text[1024];

    int size = snprintf(text, sizeof(text), format, joe, ann);
    return trp_q_users_parse(text, (size_t)size, users, &failure);
}

static bool verifies(const troupe_q_users *users, const char *name, const char *password)
{
    bool known;
    const char *hashed = trp_q_users_hash(users, name, &known);

    return hashed != NULL &&
           crypto_pwhash_str_verify(hashed, password, strlen(password)) == 0 && known;
}

START_TEST(a_file_has_a_user_a_line_and_comments)
{
    troupe_q_users *users = NULL;

    begin();
    ck_assert_int_eq(parse("# who may\n\njoe:%s\r\n   \nann:%s", &users), TROUPE_OK);
    ck_assert_uint_eq(troupe_q_users_count(users), 2);
    ck_assert(verifies(users, "joe", "secret"));
    ck_assert(!verifies(users, "joe", "secre"));
    ck_assert(!verifies(users, "joe", ""));
    ck_assert(verifies(users, "ann", ""));
    ck_assert(!verifies(users, "ann", "x"));
    troupe_q_users_free(&users);
    end();
}
END_TEST

START_TEST(an_unknown_user_costs_a_hash_too)
{
    troupe_q_users *users = NULL;
    bool known = true;

    begin();
    ck_assert_int_eq(parse("joe:%s\n", &users), TROUPE_OK);
    ck_assert_ptr_nonnull(trp_q_users_hash(users, "nobody", &known));
    ck_assert(!known);
    ck_assert(!verifies(users, "jo", "secret"));
    ck_assert(!verifies(users, "joee", "secret"));
    ck_assert(!verifies(users, "", "secret"));
    troupe_q_users_free(&users);
    ck_assert_int_eq(parse("# nobody\n", &users), TROUPE_OK);
    ck_assert_ptr_null(trp_q_users_hash(users, "nobody", &known));
    troupe_q_users_free(&users);
    end();
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_line)
{
    static const struct {
        const char *format, *text;
    } wrong[] = {
        {"joe:%s\nann\n", "line 2 is not name:hash"},
        {":%s\n", "line 1 is not name:hash"},
        {"\n\njoe:plain\n", "line 3 has no hash of a password"},
        {"joe:\n", "line 1 has no hash of a password"},
        {"joe:%s \n", "line 1 has no hash of a password"},
        {"joe:%s\n# x\njoe:%s\n", "line 3: the user of line 1 again"},
    };
    troupe_q_users *users = NULL;

    begin();
    for (size_t i = 0; i < TRP_COUNT(wrong); i++) {
        ck_assert_int_eq(parse(wrong[i].format, &users), TROUPE_EINVAL);
        ck_assert_ptr_null(users);
        ck_assert_str_eq(failure.text, wrong[i].text);
    }
    char nul[] = "joe\0:x";
    ck_assert_int_eq(trp_q_users_parse(nul, sizeof(nul), &users, &failure),
                     TROUPE_EINVAL);
    end();
}
END_TEST

START_TEST(a_file_is_bounded)
{
    size_t size = TRP_Q_USERS_FILE_MAX + 1;
    troupe_q_users *users = NULL;
    char *text = trp_alloc(size);

    begin();
    memset(text, '#', size);
    ck_assert_int_eq(trp_q_users_parse(text, size, &users, &failure), TROUPE_ELIMIT);
    memset(text, '\n', size - 1);
    ck_assert_int_eq(trp_q_users_parse(text, size - 1, &users, &failure), TROUPE_OK);
    ck_assert_uint_eq(troupe_q_users_count(users), 0);
    troupe_q_users_free(&users);
    trp_free(text);
    end();
}
END_TEST

START_TEST(without_memory_nothing_is_read)
{
    troupe_q_users *users = NULL;

    begin();
    uint64_t n = 1;
    for (;; n++) {
        trp_fail_nth(n);
        troupe_status status = parse("joe:%s\nann:%s\n", &users);
        if (!trp_fail_happened()) {
            ck_assert_int_eq(status, TROUPE_OK);
            break;
        }
        ck_assert_int_eq(status, TROUPE_ENOMEM);
        ck_assert_ptr_null(users);
    }
    ck_assert_uint_gt(n, 2);
    troupe_q_users_free(&users);
    end();
}
END_TEST

START_TEST(a_password_is_set_and_taken_out_in_a_file)
{
    troupe_q_users *users = NULL;
    struct stat about;

    begin();
    ck_assert_int_eq(troupe_q_users_load(path, &users, &failure), TROUPE_ENOENT);
    ck_assert_int_eq(troupe_q_users_set(path, "joe", NULL), TROUPE_ENOENT);
    ck_assert_int_eq(troupe_q_users_set(path, "joe", "first"), TROUPE_OK);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
    FILE *file = fopen(path, "a");
    (void)fputs("# kept", file);
    (void)fclose(file);
    ck_assert_int_eq(troupe_q_users_set(path, "joe", "second"), TROUPE_OK);
    ck_assert_int_eq(troupe_q_users_set(path, "jo", ""), TROUPE_OK);
    ck_assert_int_eq(troupe_q_users_load(path, &users, &failure), TROUPE_OK);
    ck_assert_uint_eq(troupe_q_users_count(users), 2);
    ck_assert(verifies(users, "joe", "second"));
    ck_assert(!verifies(users, "joe", "first"));
    ck_assert(verifies(users, "jo", ""));
    troupe_q_users_free(&users);
    ck_assert_int_eq(troupe_q_users_set(path, "joe", NULL), TROUPE_OK);
    ck_assert_int_eq(troupe_q_users_load(path, &users, &failure), TROUPE_OK);
    ck_assert(!verifies(users, "joe", "second"));
    troupe_q_users_free(&users);
    char text[64];
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
    ck_assert_str_eq(text, "# kept\n");
    (void)fclose(file);
    end();
}
END_TEST

START_TEST(names_that_a_login_cannot_have_are_refused)
{
    static const char *const names[] = {"", "a:b", "a\nb", "#a", "  "};

    begin();
    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        ck_assert_int_eq(troupe_q_users_set(path, names[i], "x"), TROUPE_EINVAL);
    }
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(troupe_q_users_set("no/such/dir/users", "a", "x"), TROUPE_ESYSTEM);
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_users");
    TCase *tcase = tcase_create("users");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, a_file_has_a_user_a_line_and_comments);
    tcase_add_test(tcase, an_unknown_user_costs_a_hash_too);
    tcase_add_test(tcase, what_is_wrong_is_said_with_its_line);
    tcase_add_test(tcase, a_file_is_bounded);
    tcase_add_test(tcase, without_memory_nothing_is_read);
    tcase_add_test(tcase, a_password_is_set_and_taken_out_in_a_file);
    tcase_add_test(tcase, names_that_a_login_cannot_have_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
