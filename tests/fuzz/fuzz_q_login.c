/* SPDX-License-Identifier: MIT
 * fuzz_q_login.c - the handshake from both ends, in any pieces. The first byte chooses:
 *
 *   bit 0  the server's connection reads a login, or the client's an answer to its own
 *   bit 1  the server has a list of users
 *   bit 2  the peer closes after its bytes, or says nothing more until the time is up
 *   rest   the size of the pieces
 *
 * A server answers the common capability to who may come in and nothing to others; a
 * client sends its login and nothing else before it is answered, and each of its calls
 * ends once. However it is cut, the same happens, and nobody is left afterwards. */
#include <string.h>

#include "tests/fuzz/law.h"
#include "transports/q/q_client.h"
#include "transports/q/q_codec.h"
#include "transports/q/q_login.h"
#include "transports/q/q_serving.h"

enum { OUT_LIMIT = 1 << 20, MESSAGE_LIMIT = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char user[] = "joe", password[] = "a:b";
static troupe_system *sys;
static troupe_ns now;
static struct trp_q_service *open_service, *closed_service;

/* What one conversation came to. */
struct outcome {
    struct trp_buffer heard; /* by the far end */
    bool ended;              /* the actor hung up before the peer did */
    troupe_status call;      /* of the client's call */
};

/* ---- the codec ---- */

static void same_login(const struct trp_q_login *a, const struct trp_q_login *b)
{
    must(a->user_size == b->user_size && a->password_size == b->password_size &&
         a->capability == b->capability && a->has_password == b->has_password);
    must(memcmp(a->user, b->user, a->user_size) == 0);
    must(memcmp(a->password, b->password, a->password_size) == 0);
}

/* A login that was read can be written and is read again the same. */
static void write_again(const struct trp_q_login *login)
{
    char name[TRP_Q_LOGIN_MAX], secret[TRP_Q_LOGIN_MAX];
    struct trp_q_login again;
    struct trp_buffer out;
    size_t used;

    if (!login->has_password) {
        return; /* the colon is always written */
    }
    memcpy(name, login->user, login->user_size);
    name[login->user_size] = 0;
    memcpy(secret, login->password, login->password_size);
    secret[login->password_size] = 0;
    trp_buffer_init(&out, OUT_LIMIT);
    must(trp_q_login_write(name, secret, login->capability, &out) == TROUPE_OK);
    must(trp_q_login_read(trp_buffer_front(&out), trp_buffer_size(&out), &again, &used) ==
         TROUPE_OK);
    must(used == trp_buffer_size(&out));
    same_login(login, &again);
    trp_buffer_fini(&out);
}

/* However much follows, the login is what stands before the NUL. */
static troupe_status read_whole(const uint8_t *data, size_t size,
                                struct trp_q_login *login, size_t *used)
{
    struct trp_q_login early;
    size_t early_used = 0;
    troupe_status status = trp_q_login_read(data, size, login, used);

    for (size_t some = 0; some <= size && some <= TRP_Q_LOGIN_MAX + 1; some++) {
        troupe_status then = trp_q_login_read(data, some, &early, &early_used);
        if (status == TROUPE_OK && some >= *used) {
            must(then == TROUPE_OK && early_used == *used);
            same_login(login, &early);
            break;
        }
        must(then == (some < TRP_Q_LOGIN_MAX ? TROUPE_EAGAIN : TROUPE_ELIMIT));
    }
    if (status == TROUPE_OK) {
        write_again(login);
    }
    return status;
}

/* ---- the actors ---- */

static void begin(void)
{
    static const troupe_q_user users[] = {{user, password}};
    troupe_options options = TROUPE_OPTIONS;
    troupe_q_server_options serving = TROUPE_Q_SERVER_OPTIONS;

    options.simulated = true;
    must(troupe_system_new(&options, &sys) == TROUPE_OK);
    serving.message_limit = MESSAGE_LIMIT;
    must(trp_q_service_new(sys, &serving, &open_service) == TROUPE_OK);
    serving.users = users;
    serving.user_count = 1;
    must(trp_q_service_new(sys, &serving, &closed_service) == TROUPE_OK);
}

/* Lets what can happen now happen, and takes what has come to the far end. */
static void settle(struct trp_stream *far, struct trp_buffer *heard)
{
    size_t size;

    (void)troupe_system_step(sys, now);
    const uint8_t *bytes = trp_stream_view(far, &size);
    while (size > 0) {
        must(trp_buffer_add(heard, bytes, size) == TROUPE_OK);
        trp_stream_consume(far, size);
        (void)troupe_system_step(sys, now);
        bytes = trp_stream_view(far, &size);
    }
}

/* Moves the clock until nothing is due any more. */
static void let_time_pass(struct trp_stream *far, struct trp_buffer *heard)
{
    for (;;) {
        settle(far, heard);
        troupe_ns due = troupe_system_step(sys, now);
        if (due == TROUPE_NEVER) {
            return;
        }
        now = due > now ? due : now + 1;
    }
}

static troupe_id start(bool server, bool listed, struct trp_stream *near)
{
    const struct trp_q_peer_args peer = {
        .service = listed ? closed_service : open_service, .fd = -1, .stream = near};
    troupe_q_options options = TROUPE_Q_OPTIONS, checked;
    troupe_id id;

    options.message_limit = MESSAGE_LIMIT;
    options.username = user;
    options.password = password;
    must(trp_q_client_check(&options, &checked) == TROUPE_OK);
    const struct trp_q_client_args client = {.options = &checked, .stream = near};
    must(troupe_system_spawn(sys, server ? &trp_q_peer : &trp_q_client,
                             server ? (const void *)&peer : &client, NULL,
                             &id) == TROUPE_OK);
    return id;
}

static troupe_pending *call(troupe_id id)
{
    troupe_pending *pending = NULL;
    troupe_q_value *query = NULL;

    must(troupe_q_query("1+1", 0, NULL, &query) == TROUPE_OK);
    must(troupe_q_post_call(sys, (troupe_q){id}, &query, TROUPE_NEVER, &pending) ==
         TROUPE_OK);
    return pending;
}

/* The status of a call that must have been answered by now. */
static troupe_status answer_of(troupe_pending **pending)
{
    troupe_msg *msg = NULL;
    const troupe_failure *failure;

    must(troupe_pending_wait(*pending, 0, &msg) == TROUPE_OK);
    failure = troupe_msg_failure(msg);
    troupe_status status = failure != NULL ? failure->status : TROUPE_OK;
    troupe_msg_free(&msg);
    troupe_pending_free(pending);
    return status;
}

static void talk(const uint8_t *data, size_t size, uint8_t mode, size_t piece,
                 struct outcome *out)
{
    bool server = (mode & 1) != 0, closes = (mode & 4) != 0;
    struct trp_stream *near = NULL, *far = NULL;
    troupe_pending *pending = NULL;

    trp_buffer_init(&out->heard, OUT_LIMIT);
    must(trp_stream_pair(TRP_STREAM_BLOCK, OUT_LIMIT, &near, &far) == TROUPE_OK);
    troupe_id id = start(server, (mode & 2) != 0, near);
    if (!server) {
        pending = call(id);
    }
    settle(far, &out->heard);
    while (size > 0) {
        size_t some = piece < size ? piece : size;
        must(trp_stream_write(far, data, some) == TROUPE_OK);
        settle(far, &out->heard);
        data += some;
        size -= some;
    }
    if (!closes) {
        let_time_pass(far, &out->heard);
    }
    out->ended = far->ended != TROUPE_OK;
    trp_stream_close(&far);
    (void)troupe_system_step(sys, now);
    out->call = server ? TROUPE_OK : answer_of(&pending);
    must(troupe_system_kill_actor(sys, id) == TROUPE_OK);
    (void)troupe_system_step(sys, now);
}

/* ---- the laws ---- */

static bool is(const char *text, size_t size, const char *expected)
{
    return size == strlen(expected) && memcmp(text, expected, size) == 0;
}

static void server_law(const uint8_t *data, size_t size, bool listed, bool closes,
                       const struct outcome *out)
{
    struct trp_q_login login;
    size_t used = 0, heard = trp_buffer_size(&out->heard);
    troupe_status status = read_whole(data, size, &login, &used);

    if (status == TROUPE_OK &&
        (!listed || (is(login.user, login.user_size, user) &&
                     is(login.password, login.password_size, password)))) {
        must(heard > 0 && trp_buffer_front(&out->heard)[0] ==
                              trp_q_common(TRP_Q_CAPABILITY, login.capability));
        return;
    }
    must(heard == 0);
    must(out->ended == (status != TROUPE_EAGAIN || !closes)); /* or it was too late */
}

static void client_law(size_t size, const struct outcome *out)
{
    static const char login[] = "joe:a:b\6";
    size_t heard = trp_buffer_size(&out->heard);

    must(heard >= sizeof(login));
    must(memcmp(trp_buffer_front(&out->heard), login, sizeof(login)) == 0);
    must(size > 0 || (heard == sizeof(login) && out->call != TROUPE_OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;
    troupe_stats stats;

    if (size < 1) {
        return 0;
    }
    if (sys == NULL) {
        begin();
    }
    uint8_t mode = data[0];
    talk(data + 1, size - 1, mode, size, &whole);
    talk(data + 1, size - 1, mode, (size_t)(mode >> 3) + 1, &cut);
    must(whole.ended == cut.ended && whole.call == cut.call);
    must(trp_buffer_size(&whole.heard) == trp_buffer_size(&cut.heard));
    must(trp_buffer_size(&whole.heard) == 0 ||
         memcmp(trp_buffer_front(&whole.heard), trp_buffer_front(&cut.heard),
                trp_buffer_size(&whole.heard)) == 0);
    if ((mode & 1) != 0) {
        server_law(data + 1, size - 1, (mode & 2) != 0, (mode & 4) != 0, &whole);
    } else {
        client_law(size - 1, &whole);
    }
    trp_buffer_fini(&whole.heard);
    trp_buffer_fini(&cut.heard);
    troupe_system_stats(sys, &stats);
    must(stats.actors == 0 && stats.queued == 0);
    return 0;
}
