/* SPDX-License-Identifier: MIT
 * test_unix_sockets.c - listening and dialling by names instead of ports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/host.h"
#include "tests/support/scratch.h"
#include "tests/support/suite.h"
#include "transports/dial.h"
#include "transports/listen.h"
#include "transports/q/q_addresses.h"

#define OK(call) ck_assert_int_eq((call), TROUPE_OK)

enum { PORT = 5010, NEAR = 0, FAR = 1, LIMIT = 1 << 20 };

static char folder[SCRATCH_PATH];
static struct trp_listen *listener;
static struct trp_dial *dial;
static struct trp_addresses names; /* of the port, in our own folder */

static void begin(void)
{
    /* Not below the build's folder, whose name may be longer than an address is. */
    (void)snprintf(folder, sizeof(folder), "/tmp/scratch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(setenv("QUDSPATH", folder, 1), 0);
    OK(trp_q_addresses_dial(PORT, &names));
    host_begin();
}

static void end(void)
{
    host_end();
    scratch_remove(folder);
}

static troupe_status do_listen(troupe_self *self, void *at)
{
    uint16_t port = 1;
    troupe_status status = trp_listen_new(self, at, &listener, &port);

    ck_assert(status != TROUPE_OK || port == 0);
    return status;
}

static troupe_status do_unlisten(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    trp_listen_free(&listener);
    return TROUPE_OK;
}

static troupe_status do_dial(troupe_self *self, void *to)
{
    return trp_dial_addresses(self, to, &dial);
}

static troupe_status do_dial_full(troupe_self *self, void *to)
{
    int fd = -1, system = 0;
    troupe_status status = do_dial(self, to);

    ck_assert_int_eq(trp_dial_poll(dial, &fd, &system), TROUPE_EAGAIN);
    return status;
}

/* The status of the dial; its socket becomes the near stream. */
static troupe_status do_connect(troupe_self *self, void *system)
{
    int fd = -1;
    troupe_status status = trp_dial_poll(dial, &fd, system);

    if (status == TROUPE_OK) {
        status = trp_stream_tcp_new(self, fd, LIMIT, &host_streams[NEAR]);
    }
    if (status != TROUPE_EAGAIN) {
        trp_dial_free(&dial);
    }
    return status;
}

static troupe_status do_accept(troupe_self *self, void *argument)
{
    int fd = trp_listen_take(listener);

    (void)argument;
    return fd < 0 ? TROUPE_EAGAIN
                  : trp_stream_tcp_new(self, fd, LIMIT, &host_streams[FAR]);
}

static troupe_status do_write(troupe_self *self, void *text)
{
    (void)self;
    return trp_stream_write(host_streams[NEAR], text, strlen(text));
}

static troupe_status do_read(troupe_self *self, void *wanted)
{
    size_t size;
    const uint8_t *bytes = trp_stream_view(host_streams[FAR], &size);

    (void)self;
    if (size < strlen(wanted)) {
        return TROUPE_EAGAIN;
    }
    ck_assert_mem_eq(bytes, wanted, strlen(wanted));
    trp_stream_consume(host_streams[FAR], size);
    return TROUPE_OK;
}

/* What both ends say of themselves. */
static troupe_status do_describe(troupe_self *self, void *wanted)
{
    char text[TRP_STREAM_TEXT];

    (void)self;
    for (unsigned i = NEAR; i <= FAR; i++) {
        const char *want = wanted;
        trp_stream_describe(host_streams[i], text, sizeof(text));
        ck_assert_msg(strncmp(text, want, sizeof(text) - 1) == 0, "%s, not %s", text,
                      want);
        ck_assert(host_streams[i]->local);
    }
    return TROUPE_OK;
}

static troupe_status do_hang_up(troupe_self *self, void *argument)
{
    (void)self, (void)argument;
    trp_stream_close(&host_streams[NEAR]);
    trp_stream_close(&host_streams[FAR]);
    return TROUPE_OK;
}

static void talk(struct trp_addresses *to, const char *description)
{
    char text[] = "over a Unix socket";
    int system = 0;

    OK(host_do(do_dial, to));
    OK(host_do(do_connect, &system));
    OK(host_do(do_accept, NULL));
    OK(host_do(do_write, text));
    OK(host_do(do_read, text));
    OK(host_do(do_describe, (void *)(uintptr_t)description));
    OK(host_do(do_hang_up, NULL));
}

START_TEST(each_form_of_the_name_is_found_by_a_dial_that_tries_all)
{
    char wanted[SCRATCH_PATH + 16];

    begin();
    ck_assert_uint_eq(names.count, 3);
    (void)snprintf(wanted, sizeof(wanted), "unix %s%s/kx.%d", _i < 2 ? "@" : "", folder,
                   PORT);
    OK(host_do(do_listen, &names.items[_i]));
    talk(&names, wanted);
    OK(host_do(do_unlisten, NULL));
    end();
}
END_TEST

START_TEST(the_two_abstract_forms_are_different_addresses)
{
    struct trp_listen *first;
    struct trp_addresses padded = {.count = 1};
    int system = 0;

    begin();
    padded.items[0] = names.items[1];
    OK(host_do(do_listen, &names.items[0]));
    first = listener;
    OK(host_do(do_dial, &padded));
    ck_assert_int_eq(host_do(do_connect, &system), TROUPE_EREFUSED);
    ck_assert_int_eq(system, ECONNREFUSED);
    ck_assert_int_eq(host_do(do_listen, &names.items[0]), TROUPE_EINUSE);
    OK(host_do(do_listen, &names.items[1]));
    OK(host_do(do_unlisten, NULL));
    listener = first;
    OK(host_do(do_unlisten, NULL));
    end();
}
END_TEST

START_TEST(a_dial_that_nobody_answers_is_refused)
{
    int system = 0;

    begin();
    OK(host_do(do_dial, &names));
    ck_assert_int_eq(host_do(do_connect, &system), TROUPE_EREFUSED);
    ck_assert_int_eq(system, ENOENT);
    end();
}
END_TEST

static const char *file_path(void)
{
    return trp_address_file(&names.items[2]);
}

START_TEST(the_file_is_not_for_others_and_goes_with_its_listener)
{
    struct stat found;

    begin();
    mode_t mask = umask(0);
    OK(host_do(do_listen, &names.items[2]));
    (void)umask(mask);
    ck_assert_int_eq(lstat(file_path(), &found), 0);
    ck_assert(S_ISSOCK(found.st_mode));
    ck_assert_uint_eq(found.st_mode & S_IRWXO, 0);
    ck_assert_uint_ne(found.st_mode & S_IWUSR, 0);
    OK(host_do(do_unlisten, NULL));
    ck_assert_int_ne(lstat(file_path(), &found), 0);
    end();
}
END_TEST

/* What a process leaves that was killed. */
static void leave_a_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, &names.items[2].any.plain, names.items[2].size), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    (void)close(fd);
}

START_TEST(a_file_on_which_nobody_answers_is_replaced)
{
    char wanted[SCRATCH_PATH + 16];

    begin();
    (void)snprintf(wanted, sizeof(wanted), "unix %s/kx.%d", folder, PORT);
    leave_a_socket();
    OK(host_do(do_listen, &names.items[2]));
    talk(&names, wanted);
    OK(host_do(do_unlisten, NULL));
    end();
}
END_TEST

START_TEST(a_file_on_which_somebody_answers_is_in_use)
{
    struct trp_listen *first;

    begin();
    OK(host_do(do_listen, &names.items[2]));
    first = listener;
    ck_assert_int_eq(host_do(do_listen, &names.items[2]), TROUPE_EINUSE);
    listener = first;
    ck_assert_int_eq(access(file_path(), F_OK), 0);
    OK(host_do(do_unlisten, NULL));
    end();
}
END_TEST

START_TEST(a_file_that_is_not_a_socket_is_left_alone)
{
    begin();
    FILE *file = fopen(file_path(), "w");
    ck_assert_ptr_nonnull(file);
    (void)fclose(file);
    ck_assert_int_eq(host_do(do_listen, &names.items[2]), TROUPE_EINUSE);
    ck_assert_int_eq(access(file_path(), F_OK), 0);
    end();
}
END_TEST

START_TEST(a_file_that_is_no_longer_ours_is_left_to_its_owner)
{
    begin();
    OK(host_do(do_listen, &names.items[2]));
    ck_assert_int_eq(unlink(file_path()), 0);
    leave_a_socket();
    OK(host_do(do_unlisten, NULL));
    ck_assert_int_eq(access(file_path(), F_OK), 0);
    end();
}
END_TEST

START_TEST(a_listener_without_its_folder_is_refused)
{
    begin();
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_int_eq(host_do(do_listen, &names.items[2]), TROUPE_EINVAL);
    end();
}
END_TEST

START_TEST(a_dial_waits_while_the_queue_of_connections_is_full)
{
    struct trp_addresses one = {.count = 1};
    int system = 0;
    int extra[3], opened = 0;

    begin();
    one.items[0] = names.items[0];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, &one.items[0].any.plain, one.items[0].size), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    for (; opened < 3; opened++) {
        extra[opened] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(extra[opened], &one.items[0].any.plain, one.items[0].size) != 0) {
            break;
        }
    }
    ck_assert_int_eq(errno, EAGAIN);
    OK(host_do(do_dial_full, &one));
    (void)close(accept(fd, NULL, NULL));
    OK(host_do(do_connect, &system));
    OK(host_do(do_hang_up, NULL));
    for (int i = 0; i <= opened; i++) {
        (void)close(extra[i]);
    }
    (void)close(fd);
    end();
}
END_TEST

START_TEST(the_folder_comes_from_the_environment)
{
    struct trp_addresses at;
    char text[TRP_STREAM_TEXT];
    char longest[256];

    ck_assert_int_eq(unsetenv("QUDSPATH"), 0);
    OK(trp_q_addresses_dial(65535, &at));
    trp_address_print(&at.items[0], text, sizeof(text));
    ck_assert_str_eq(text, "unix @/tmp/kx.65535");
    trp_address_print(&at.items[2], text, sizeof(text));
    ck_assert_str_eq(text, "unix /tmp/kx.65535");
    OK(trp_q_addresses_listen(1, false, &at));
    ck_assert_uint_eq(at.count, 2);
    OK(trp_q_addresses_listen(1, true, &at));
    ck_assert_uint_eq(at.count, 3);
    ck_assert_int_eq(setenv("QUDSPATH", "", 1), 0);
    OK(trp_q_addresses_listen(1, true, &at));
    ck_assert_uint_eq(at.count, 0);
    OK(trp_q_addresses_dial(1, &at));
    ck_assert_uint_eq(at.count, 3);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    ck_assert_int_eq(setenv("QUDSPATH", longest, 1), 0);
    ck_assert_int_eq(trp_q_addresses_dial(1, &at), TROUPE_EINVAL);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("unix sockets");
    TCase *tcase = tcase_create("unix sockets");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, each_form_of_the_name_is_found_by_a_dial_that_tries_all, 0,
                        3);
    tcase_add_test(tcase, the_two_abstract_forms_are_different_addresses);
    tcase_add_test(tcase, a_dial_that_nobody_answers_is_refused);
    tcase_add_test(tcase, the_file_is_not_for_others_and_goes_with_its_listener);
    tcase_add_test(tcase, a_file_on_which_nobody_answers_is_replaced);
    tcase_add_test(tcase, a_file_on_which_somebody_answers_is_in_use);
    tcase_add_test(tcase, a_file_that_is_not_a_socket_is_left_alone);
    tcase_add_test(tcase, a_file_that_is_no_longer_ours_is_left_to_its_owner);
    tcase_add_test(tcase, a_listener_without_its_folder_is_refused);
    tcase_add_test(tcase, a_dial_waits_while_the_queue_of_connections_is_full);
    tcase_add_test(tcase, the_folder_comes_from_the_environment);
    suite_add_tcase(suite, tcase);
    return suite;
}
