/* SPDX-License-Identifier: MIT
 * test_q_faults_idle.c - ten thousand clients that log in and say nothing, while one
 * works. They live in a process of their own, so that each process needs a descriptor
 * for every connection and not two. */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mailbox/alloc.h"
#include "tests/system/q_faults.h"

enum {
    IDLE = 10000,
    SPARE = 200,    /* descriptors for all else */
    EACH = 4 << 10, /* bytes an idle client may cost */
    CALLS = 2000,
    AT_A_SOURCE = 5000 /* connections from one source address */
};

/* The process with the idle clients. */
static struct {
    pid_t pid;
    int orders, reports; /* pipes */
} crowd;

/* ---- in that process: nothing but system calls ---- */

/* The n-th connection, from an address of its own for every few thousand. */
static int connect_idle(uint16_t to, int n, bool log_in)
{
    uint32_t source = INADDR_LOOPBACK + 1 + (uint32_t)(n / AT_A_SOURCE);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(to),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    char byte;

    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&from, sizeof(from)) != 0 ||
        connect(fd, (const struct sockaddr *)(const void *)&at, sizeof(at)) != 0 ||
        (log_in &&
         (send(fd, ":\6", 3, MSG_NOSIGNAL) != 3 || recv(fd, &byte, 1, 0) != 1))) {
        return -1;
    }
    return fd;
}

/* Half of the clients will close in order, half reset. */
static void be_the_crowd(int orders, int reports, int count, bool log_in)
{
    const struct linger at_once = {.l_onoff = 1};
    uint16_t to;
    char byte = 0;

    if (read(orders, &to, sizeof(to)) != (ssize_t)sizeof(to)) {
        _exit(1);
    }
    for (int n = 0; n < count; n++) {
        int fd = connect_idle(to, n, log_in);
        if (fd < 0) {
            _exit(2);
        }
        if (n % 2 == 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        }
    }
    if (write(reports, "x", 1) != 1 || read(orders, &byte, 1) != 0) {
        _exit(3);
    }
    _exit(0); /* all of them at once */
}

/* ---- the test's own ---- */

static void gather(int count, bool log_in)
{
    int orders[2], reports[2];

    ck_assert_int_eq(pipe(orders), 0);
    ck_assert_int_eq(pipe(reports), 0);
    crowd.pid = fork(); /* before there are threads */
    ck_assert_int_ge(crowd.pid, 0);
    if (crowd.pid == 0) {
        (void)close(orders[1]);
        (void)close(reports[0]);
        be_the_crowd(orders[0], reports[1], count, log_in);
    }
    (void)close(orders[0]);
    (void)close(reports[1]);
    crowd.orders = orders[1];
    crowd.reports = reports[0];
}

static void let_in(void)
{
    char byte;

    ck_assert_int_eq(write(crowd.orders, &port, sizeof(port)), (ssize_t)sizeof(port));
    ck_assert_int_eq(read(crowd.reports, &byte, 1), 1); /* or it failed, and ended */
}

static void send_away(void)
{
    int status = 1;

    (void)close(crowd.orders);
    ck_assert_int_eq(waitpid(crowd.pid, &status, 0), crowd.pid);
    ck_assert_int_eq(status, 0);
    (void)close(crowd.reports);
}

static bool may_have(rlim_t descriptors)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < descriptors) {
        limit.rlim_cur = descriptors;
        if (limit.rlim_max < descriptors) {
            limit.rlim_max = descriptors; /* for those who may */
        }
        return setrlimit(RLIMIT_NOFILE, &limit) == 0;
    }
    return true;
}

static size_t memory_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return SANITIZED ? 0 : info.uordblks + info.hblkhd;
}

static void work(troupe_q active)
{
    char text[TEXT_MAX];

    for (unsigned k = 0; k < CALLS; k++) {
        (void)snprintf(text, sizeof(text), "call %u", k);
        faults_echo(active, text);
    }
}

START_TEST(ten_thousand_idle_clients_do_not_disturb_one_that_works)
{
    troupe_q_server_options options = TROUPE_Q_SERVER_OPTIONS;

    if (!may_have(IDLE + SPARE)) {
        (void)printf("skipped: a process may not have %d descriptors here\n",
                     IDLE + SPARE);
        return;
    }
    options.clients_max = IDLE + 1;
    gather(IDLE, true);
    faults_begin(&options);
    troupe_q active = faults_open(port);
    struct faults_mark calm = faults_mark(active);
    size_t before = memory_used();
    let_in();
    faults_wait_for(TROUPE_EMBEDQ_OPENED, IDLE + 1);
    ck_assert_uint_eq(faults_mark(active).descriptors, calm.descriptors + IDLE);
    ck_assert_uint_le(memory_used(), before + (size_t)IDLE * EACH);
    work(active);
    int late = raw_connect(port); /* there is no room for it */
    ck_assert(raw_ends(late));
    raw_close(&late);
    send_away();
    calm.descriptors -= 2; /* its pipes */
    work(active);
    faults_wait_for(TROUPE_EMBEDQ_CLOSED, IDLE);
    faults_back_to(active, calm);
    late = raw_login(port); /* now there is */
    raw_close(&late);
    faults_close(active);
    faults_end();
}
END_TEST

/* More come than there are descriptors for; some are let in, and the others wait in the
 * kernel until those have gone. */
START_TEST(clients_beyond_the_descriptors_wait_and_are_served_afterwards)
{
    enum { COUNT = 300, ROOM = 100 };
    struct rlimit before, tight;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    gather(COUNT, false);
    faults_begin(NULL);
    troupe_q active = faults_open(port);
    struct faults_mark calm = faults_mark(active);
    tight = before;
    tight.rlim_cur = calm.descriptors + ROOM;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    let_in();
    while (faults_logged() == 0) {
        work(active); /* until there is none left */
    }
    work(active);
    send_away();
    calm.descriptors -= 2;
    int late = raw_login(port);
    raw_close(&late);
    faults_back_to(active, calm);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    faults_close(active);
    faults_end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_faults_idle");
    TCase *tcase = tcase_create("crowd");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, ten_thousand_idle_clients_do_not_disturb_one_that_works);
    tcase_add_test(tcase, clients_beyond_the_descriptors_wait_and_are_served_afterwards);
    suite_add_tcase(suite, tcase);
    return suite;
}
