/* SPDX-License-Identifier: MIT */
#include "tests/system/q_faults.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "transports/q/q_codec.h"

troupe_system *sys;
uint16_t port;

static unsigned descriptors_before;
static troupe_id counter_id;
static atomic_uint logged;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned events[TROUPE_Q_EVENTS];

/* ---- the system ---- */

static void count_line(void *context, const troupe_log_line *line)
{
    (void)context, (void)line;
    atomic_fetch_add(&logged, 1);
}

unsigned faults_logged(void)
{
    return atomic_load(&logged);
}

static troupe_status echo(troupe_self *self, void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    size_t size;
    const char *text = troupe_q_text(event->value, &size);

    (void)self, (void)context;
    if (text != NULL && size == 4 && memcmp(text, "hang", 4) == 0) {
        return TROUPE_EAGAIN;
    }
    if (text != NULL && size == 4 && memcmp(text, "fail", 4) == 0) {
        return TROUPE_EINVAL;
    }
    *answer = troupe_q_ref(event->value);
    return TROUPE_OK;
}

static troupe_status note(troupe_self *self, void *context, const troupe_q_event *event,
                          troupe_q_value **answer)
{
    (void)self, (void)context, (void)answer;
    (void)pthread_mutex_lock(&lock);
    events[event->event]++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    return TROUPE_OK;
}

void faults_wait_for(troupe_embedq_event event, unsigned n)
{
    struct timespec until;
    int late = 0;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STUCK_S;
    (void)pthread_mutex_lock(&lock);
    while (events[event] < n && late == 0) {
        late = pthread_cond_timedwait(&changed, &lock, &until);
    }
    unsigned seen = events[event];
    (void)pthread_mutex_unlock(&lock);
    ck_assert_uint_ge(seen, n);
}

/* Counts actors where they live: on the base. */
static troupe_status count_actors(troupe_self *self, void *state, troupe_msg **msg)
{
    troupe_msg *answer = NULL;

    (void)state;
    troupe_status status =
        troupe_msg_new(TROUPE_KIND_USER, sizeof(troupe_stats), &answer);
    if (status == TROUPE_OK) {
        troupe_system_stats(troupe_self_system(self), troupe_msg_body(answer));
        status = troupe_reply(self, *msg, &answer);
    }
    troupe_msg_free(&answer);
    return status;
}

static const troupe_behavior counter = {.name = "counter", .receive = count_actors};

uint16_t faults_serve(const troupe_q_server_options *options, uint16_t at,
                      troupe_q_server *out)
{
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;
    uint16_t got = 0;

    if (options != NULL) {
        serving = *options;
    }
    serving.port = at;
    serving.handlers[TROUPE_EMBEDQ_SYNC].function = echo;
    serving.handlers[TROUPE_EMBEDQ_ASYNC].function = echo;
    serving.handlers[TROUPE_EMBEDQ_OPENED].function = note;
    serving.handlers[TROUPE_EMBEDQ_CLOSED].function = note;
    OK(troupe_q_serve(sys, &serving, out, &got));
    return got;
}

/* Asks an actor to close, and waits until it has. */
static void close_and_wait(troupe_id id)
{
    troupe_msg *msg = NULL, *done = NULL;

    OK(troupe_msg_new(TROUPE_KIND_Q_CLOSE, 0, &msg));
    troupe_status status = troupe_call(sys, id, &msg, TROUPE_S(STUCK_S), &done, NULL);
    ck_assert(status == TROUPE_OK || status == TROUPE_EGONE);
    troupe_msg_free(&msg);
    troupe_msg_free(&done);
}

void faults_unserve(troupe_q_server server)
{
    close_and_wait(server.id);
}

void faults_begin(const troupe_q_server_options *options)
{
    troupe_q_server server;

    descriptors_before = raw_descriptors();
    atomic_store(&logged, 0);
    memset(events, 0, sizeof(events));
    OK(troupe_system_new(NULL, &sys));
    troupe_log_to(sys, TROUPE_LOG_WARN, count_line, NULL);
    OK(troupe_system_start(sys));
    port = faults_serve(options, 0, &server);
    OK(troupe_system_spawn(sys, &counter, NULL, NULL, &counter_id));
}

void faults_end(void)
{
    troupe_system_shutdown(sys, TROUPE_S(STUCK_S));
    OK(troupe_system_join(sys));
    troupe_system_free(&sys);
    ck_assert_uint_le(raw_descriptors(), descriptors_before);
}

/* ---- Troupe's clients ---- */

troupe_q faults_open_with(uint16_t to, troupe_q_options options)
{
    troupe_q q;

    options.host = "127.0.0.1";
    options.port = to;
    OK(troupe_q_open(sys, &options, &q));
    return q;
}

troupe_q faults_open(uint16_t to)
{
    return faults_open_with(to, TROUPE_Q_OPTIONS);
}

void faults_close(troupe_q q)
{
    close_and_wait(q.id);
}

troupe_pending *faults_call(troupe_q q, const char *text, troupe_ns timeout)
{
    troupe_pending *pending = NULL;
    troupe_q_value *query = NULL;

    OK(troupe_q_query(text, 0, NULL, &query));
    OK(troupe_q_post_call(sys, q, &query, timeout, &pending));
    return pending;
}

static void is_text(troupe_msg *msg, const char *text)
{
    troupe_q_value *value = troupe_q_take(msg);
    size_t size = 0;

    const char *got = troupe_q_text(value, &size);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(got, text, size);
    troupe_q_unref(&value);
}

troupe_status faults_answer_or(troupe_pending **pending, const char *text)
{
    troupe_msg *msg = NULL;

    OK(troupe_pending_wait(*pending, TROUPE_S(STUCK_S), &msg));
    const troupe_failure *failure = troupe_msg_failure(msg);
    troupe_status status = failure != NULL ? failure->status : TROUPE_OK;
    if (status == TROUPE_OK && text != NULL) {
        is_text(msg, text);
    }
    troupe_msg_free(&msg);
    troupe_pending_free(pending);
    return status;
}

void faults_answer(troupe_pending **pending, const char *text)
{
    troupe_status status = faults_answer_or(pending, text);

    ck_assert_msg(status == TROUPE_OK, "%s: %s", text, troupe_status_name(status));
}

troupe_status faults_outcome(troupe_pending **pending)
{
    return faults_answer_or(pending, NULL);
}

void faults_echo(troupe_q q, const char *text)
{
    troupe_pending *pending = faults_call(q, text, TROUPE_S(STUCK_S));

    faults_answer(&pending, text);
}

struct faults_mark faults_mark(troupe_q honest)
{
    troupe_msg *msg = NULL, *answer = NULL;
    struct faults_mark mark;

    faults_echo(honest, "mark");
    OK(troupe_msg_new(TROUPE_KIND_USER, 0, &msg));
    OK(troupe_call(sys, counter_id, &msg, TROUPE_S(STUCK_S), &answer, NULL));
    mark.actors = ((const troupe_stats *)troupe_msg_body(answer))->actors;
    mark.descriptors = raw_descriptors();
    troupe_msg_free(&answer);
    return mark;
}

void faults_back_to(troupe_q honest, struct faults_mark mark)
{
    struct faults_mark now = faults_mark(honest);
    struct timespec begun, time;

    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    time = begun;
    while ((now.actors > mark.actors || now.descriptors > mark.descriptors) &&
           time.tv_sec - begun.tv_sec < STUCK_S) {
        now = faults_mark(honest);
        (void)clock_gettime(CLOCK_MONOTONIC, &time);
    }
    ck_assert_uint_eq(now.actors, mark.actors);
    ck_assert_uint_eq(now.descriptors, mark.descriptors);
}

/* ---- sockets of the test ---- */

static int new_socket(void)
{
    const struct timeval limit = {.tv_sec = STUCK_S};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    ck_assert_int_ge(fd, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static struct sockaddr_in loopback(uint16_t at)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(at),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int raw_listen(uint16_t *at)
{
    struct sockaddr_in address = loopback(0);
    struct sockaddr *any = (struct sockaddr *)(void *)&address;
    socklen_t size = sizeof(address);
    int fd = new_socket();

    ck_assert_int_eq(bind(fd, any, size), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    ck_assert_int_eq(getsockname(fd, any, &size), 0);
    *at = ntohs(address.sin_port);
    return fd;
}

int raw_accept(int listener)
{
    const struct timeval limit = {.tv_sec = STUCK_S};
    int fd = accept(listener, NULL, NULL), on = 1;

    ck_assert_int_ge(fd, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

int raw_connect(uint16_t to)
{
    struct sockaddr_in address = loopback(to);
    int fd = new_socket();

    ck_assert_int_eq(
        connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    return fd;
}

int raw_login(uint16_t to)
{
    uint8_t byte = 0;
    int fd = raw_connect(to);

    raw_send(fd, ":\6", 3);
    raw_take(fd, &byte, 1);
    ck_assert_uint_eq(byte, TRP_Q_CAPABILITY);
    return fd;
}

int raw_welcome(int listener)
{
    char login[3];
    int fd = raw_accept(listener);

    raw_take(fd, login, sizeof(login));
    ck_assert_mem_eq(login, ":\6", 3);
    raw_send(fd, "\6", 1);
    return fd;
}

bool raw_try(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        ck_assert(sent > 0 || (errno != EAGAIN && errno != EWOULDBLOCK)); /* stuck */
        if (sent <= 0) {
            return false;
        }
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

void raw_send(int fd, const void *bytes, size_t size)
{
    ck_assert(raw_try(fd, bytes, size));
}

static ssize_t receive(int fd, void *to, size_t size)
{
    ssize_t got;

    do {
        got = recv(fd, to, size, 0);
    } while (got < 0 && errno == EINTR);
    ck_assert(got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)); /* stuck */
    return got;
}

void raw_take(int fd, void *to, size_t size)
{
    uint8_t *at = to;

    while (size > 0) {
        ssize_t got = receive(fd, at, size);
        ck_assert_int_gt(got, 0);
        at += got;
        size -= (size_t)got;
    }
}

bool raw_ends(int fd)
{
    uint8_t byte;

    return receive(fd, &byte, 1) <= 0;
}

void raw_drain(int fd)
{
    uint8_t bytes[4096];

    while (receive(fd, bytes, sizeof(bytes)) > 0) {
    }
}

void raw_close(int *fd)
{
    (void)close(*fd);
    *fd = -1;
}

void raw_reset(int *fd)
{
    const struct linger at_once = {.l_onoff = 1};

    ck_assert_int_eq(setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)),
                     0);
    raw_close(fd);
}

unsigned raw_descriptors(void)
{
    DIR *open = opendir("/proc/self/fd");
    unsigned count = 0;

    ck_assert_ptr_nonnull(open);
    while (readdir(open) != NULL) {
        count++;
    }
    (void)closedir(open);
    return count;
}

size_t raw_message(uint8_t *to, uint8_t kind, const char *text)
{
    size_t size = strlen(text);
    bool error = text[0] == '\'';
    struct trp_q_header header = {.kind = kind};

    ck_assert_uint_lt(size, TEXT_MAX);
    header.total = error ? TRP_Q_HEADER + 1 + size : MESSAGE_TEXT + size;
    trp_q_header_write(to, &header);
    if (error) {
        to[TRP_Q_HEADER] = 0x80;
        memcpy(to + TRP_Q_HEADER + 1, text + 1, size); /* with NUL */
    } else {
        uint32_t count = (uint32_t)size;
        to[TRP_Q_HEADER] = TROUPE_Q_CHAR;
        to[TRP_Q_HEADER + 1] = 0;
        memcpy(to + TRP_Q_HEADER + 2, &count, sizeof(count));
        memcpy(to + MESSAGE_TEXT, text, size);
    }
    return (size_t)header.total;
}

void raw_say(int fd, uint8_t kind, const char *text)
{
    uint8_t message[MESSAGE_MAX];

    raw_send(fd, message, raw_message(message, kind, text));
}

void raw_hear(int fd, uint8_t kind, const char *text)
{
    uint8_t expected[MESSAGE_MAX], got[MESSAGE_MAX];
    size_t size = raw_message(expected, kind, text);

    raw_take(fd, got, size);
    ck_assert_mem_eq(got, expected, size);
}
