/* SPDX-License-Identifier: MIT
 * eq_files.c - files, through the host: whole ones, handles of open ones, logs; and
 * values to bytes and back (-8! and -9!). */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"
#include "transports/q/q_codec.h"

/* Handles of files begin here, above all those of connections. */
enum { FIRST = 1610612736, JOIN = 12 /* the verb `,` */ };

static const troupe_embedq_host *host_of(struct trp_embedq *q)
{
    static const troupe_embedq_host none = {.size = sizeof none};

    return q->options.host != NULL ? q->options.host : &none;
}

/* What the host says; answer (moved, may be NULL) is an error, or what the form gives. */
static qv *answered(struct trp_embedq *q, const char *path, troupe_status status,
                    qv *answer)
{
    size_t size = 0;

    if (status == TROUPE_OK && (answer == NULL || answer->type != TROUPE_Q_ERROR)) {
        return answer != NULL ? answer : trp_eq_null(q);
    }
    const char *text = answer != NULL ? troupe_q_text(answer, &size) : NULL;
    if (status == TROUPE_ENOMEM) {
        (void)trp_eq_oom(q);
    } else if (status == TROUPE_ETYPE || status == TROUPE_EINVAL) {
        (void)trp_eq_fail(q, status == TROUPE_ETYPE ? "type" : "domain");
    } else if (status == TROUPE_EACCESS) {
        (void)trp_eq_fail(q, "access");
    } else if (status == TROUPE_OK && text != NULL) {
        (void)trp_eq_failf(q, "%.*s", (int)(size < 250 ? size : 250), text);
    } else {
        (void)trp_eq_failf(q, "%.150s: %s", path, troupe_status_text(status));
    }
    trp_eq_drop(answer);
    return NULL;
}

qv *trp_eq_file(struct trp_embedq *q, troupe_embedq_file what, const char *path,
                qv *value)
{
    qv *answer = NULL;

    if (host_of(q)->file == NULL) {
        return trp_eq_nyi(q, "file");
    }
    troupe_status status =
        host_of(q)->file(q->options.context, what, path, value, &answer);
    return answered(q, path, status, answer);
}

bool trp_eq_is_path(const qv *x)
{
    const char *text = x->type == -TROUPE_Q_SYMBOL ? TRP_Q_SYMS(x)[0] : "";

    return text[0] == ':' && text[1] != 0 && strchr(text + 1, ':') == NULL;
}

/* ---- handles ---- */

qv *trp_eq_open_file(struct trp_embedq *q, const char *path)
{
    for (int i = 0; i < TRP_EQ_FILES_MAX; i++) {
        if (!q->files[i].open) {
            int64_t file = 0;
            qv *v = trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, FIRST + i));
            troupe_status status =
                v != NULL ? host_of(q)->file_open(q->options.context, path, &file)
                          : TROUPE_ENOMEM;
            q->files[i].open = status == TROUPE_OK;
            q->files[i].file = file;
            if (status != TROUPE_OK) {
                trp_eq_drop(v);
                return answered(q, path, status, NULL);
            }
            return v;
        }
    }
    return trp_eq_fail(q, "limit");
}

static int64_t place(int64_t handle)
{
    return (handle < 0 ? -handle : handle) - FIRST;
}

bool trp_eq_is_file(const struct trp_embedq *q, int64_t handle)
{
    int64_t at = place(handle);

    return at >= 0 && at < TRP_EQ_FILES_MAX && q->files[at].open;
}

qv *trp_eq_write_file(struct trp_embedq *q, int64_t handle, qv *f, qv *x)
{
    if (host_of(q)->file_append == NULL) {
        return trp_eq_nyi(q, "write on a handle");
    }
    if (!trp_eq_bounded(q, x)) {
        return NULL;
    }
    troupe_status status = host_of(q)->file_append(
        q->options.context, q->files[place(handle)].file, handle < 0, x);
    qv *done = answered(q, "append", status, NULL);
    trp_eq_drop(done);
    return done != NULL ? troupe_q_ref(f) : NULL;
}

qv *trp_eq_close_file(struct trp_embedq *q, int64_t handle)
{
    int64_t at = place(handle);
    troupe_status status =
        host_of(q)->file_close != NULL
            ? host_of(q)->file_close(q->options.context, q->files[at].file)
            : TROUPE_OK;

    q->files[at].open = false;
    return answered(q, "hclose", status, NULL);
}

void trp_eq_files_fini(struct trp_embedq *q)
{
    for (int i = 0; i < TRP_EQ_FILES_MAX; i++) {
        if (q->files[i].open) {
            trp_eq_drop(trp_eq_close_file(q, FIRST + i));
        }
    }
}

/* ---- whole files ---- */

/* `:f or (`:f; where it begins; how many at most), the latter in *part. */
static const char *path_of(struct trp_embedq *q, qv *x, qv **part)
{
    int64_t numbers[2];
    qv *path = x->type == TROUPE_Q_LIST && x->count == 3 ? TRP_Q_ITEMS(x)[0] : x;

    *part = NULL;
    if (!trp_eq_is_path(path) ||
        (path != x && (!trp_eq_int_of(TRP_Q_ITEMS(x)[1], &numbers[0]) ||
                       !trp_eq_int_of(TRP_Q_ITEMS(x)[2], &numbers[1])))) {
        (void)trp_eq_fail(q, "type");
        return NULL;
    }
    if (path != x && troupe_q_vector(TROUPE_Q_LONG, 2, numbers, part) != TROUPE_OK) {
        (void)trp_eq_oom(q);
        return NULL;
    }
    return TRP_Q_SYMS(path)[0];
}

static qv *read_path(struct trp_embedq *q, qv *x, troupe_embedq_file what)
{
    qv *part = NULL;
    const char *path = path_of(q, x, &part);
    qv *v = path != NULL ? trp_eq_file(q, what, path, part) : NULL;

    trp_eq_drop(part);
    return v;
}

qv *trp_eq_v_read0(struct trp_embedq *q, qv *x)
{
    return read_path(q, x, TROUPE_EMBEDQ_READ_LINES);
}

qv *trp_eq_v_read1(struct trp_embedq *q, qv *x)
{
    return read_path(q, x, TROUPE_EMBEDQ_READ_BYTES);
}

qv *trp_eq_v_hcount(struct trp_embedq *q, qv *x)
{
    return trp_eq_is_path(x) ? trp_eq_file(q, TROUPE_EMBEDQ_SIZE, TRP_Q_SYMS(x)[0], NULL)
                             : trp_eq_fail(q, "type");
}

qv *trp_eq_v_hdel(struct trp_embedq *q, qv *x)
{
    qv *v = trp_eq_is_path(x)
                ? trp_eq_file(q, TROUPE_EMBEDQ_DELETE, TRP_Q_SYMS(x)[0], NULL)
                : trp_eq_fail(q, "type");

    trp_eq_drop(v);
    return v != NULL ? troupe_q_ref(x) : NULL;
}

static qv *written(struct trp_embedq *q, troupe_embedq_file what, qv *path, qv *value)
{
    qv *v = trp_eq_file(q, what, TRP_Q_SYMS(path)[0], value);

    trp_eq_drop(v);
    return v != NULL ? troupe_q_ref(path) : NULL;
}

/* path 0: lines */
qv *trp_eq_v_file0(struct trp_embedq *q, qv *x, qv *y)
{
    if (!trp_eq_is_path(x) || host_of(q)->file == NULL) {
        return trp_eq_nyi(q, "0:");
    }
    qv *newline = trp_eq_symbol(q, "", 0); /* ` sv: a line end behind each */
    qv *text = newline != NULL ? trp_eq_v_sv(q, newline, y) : NULL;
    qv *v = text == NULL ? NULL
            : text->type == TROUPE_Q_CHAR || text->count == 0
                ? written(q, TROUPE_EMBEDQ_WRITE_BYTES, x, text)
                : trp_eq_fail(q, "type");
    trp_eq_drop(newline);
    trp_eq_drop(text);
    return v;
}

/* path 1: bytes */
qv *trp_eq_v_file1(struct trp_embedq *q, qv *x, qv *y)
{
    return trp_eq_is_path(x) ? written(q, TROUPE_EMBEDQ_WRITE_BYTES, x, y)
                             : trp_eq_nyi(q, "1:");
}

/* Adds to a file as a handle of it would. */
static qv *added(struct trp_embedq *q, qv *path, qv *value)
{
    int64_t handle = 0;

    if (host_of(q)->file_open == NULL) {
        return trp_eq_nyi(q, "file amend");
    }
    qv *open = trp_eq_open_file(q, TRP_Q_SYMS(path)[0]);
    if (open == NULL) {
        return NULL;
    }
    (void)trp_eq_int_of(open, &handle);
    qv *v = trp_eq_write_file(q, handle, path, value);
    qv *closed = trp_eq_close_file(q, handle);
    trp_eq_drop(open);
    if (closed == NULL) {
        trp_eq_drop(v);
        return NULL;
    }
    trp_eq_drop(closed);
    return v;
}

qv *trp_eq_amend_file(struct trp_embedq *q, qv *path, size_t count, const qv *verb,
                      qv *value)
{
    bool joins =
        verb != NULL && verb->type == TROUPE_Q_BINARY && TRP_Q_BYTES(verb)[0] == JOIN;

    if (value == NULL) {
        return trp_eq_fail(q, "rank");
    }
    if (count != 0 || (verb != NULL && !joins)) {
        return trp_eq_nyi(q, "file amend");
    }
    return joins ? added(q, path, value) : written(q, TROUPE_EMBEDQ_WRITE, path, value);
}

/* ---- logs ---- */

/* The messages of a piece, one after the other, until *n are done. false: an error. */
static bool run(struct trp_embedq *q, const qv *messages, int64_t most, int64_t *n)
{
    for (size_t i = 0; i < messages->count && *n < most; i++) {
        qv *v = trp_eq_go_on(q) ? trp_eq_value(q, TRP_Q_ITEMS(messages)[i]) : NULL;
        if (v == NULL) {
            return false;
        }
        trp_eq_drop(v);
        *n += 1;
    }
    return true;
}

/* Reads the piece at *at; *torn: there is none, but more bytes. NULL: an error. */
static qv *piece(struct trp_embedq *q, const char *path, int64_t *at, bool *torn)
{
    int64_t size = 0;
    qv *from = trp_eq_long(q, *at);
    qv *answer = from != NULL ? trp_eq_file(q, TROUPE_EMBEDQ_LOG_READ, path, from) : NULL;

    trp_eq_drop(from);
    if (answer == NULL) {
        return NULL;
    }
    if (answer->type != TROUPE_Q_LIST || answer->count != 3 ||
        TRP_Q_ITEMS(answer)[0]->type != TROUPE_Q_LIST ||
        !trp_eq_int_of(TRP_Q_ITEMS(answer)[1], at) ||
        !trp_eq_int_of(TRP_Q_ITEMS(answer)[2], &size)) {
        trp_eq_drop(answer);
        return trp_eq_fail(q, "type");
    }
    qv *messages = troupe_q_ref(TRP_Q_ITEMS(answer)[0]);
    *torn = messages->count == 0 && *at < size;
    trp_eq_drop(answer);
    return messages;
}

/* -11!path, -11!(n;path), -11!(-1;path), -11!(-2;path) */
qv *trp_eq_replay(struct trp_embedq *q, qv *x)
{
    qv *path = x->type == TROUPE_Q_LIST && x->count == 2 ? TRP_Q_ITEMS(x)[1] : x;
    int64_t most = -1, n = 0, at = 0;
    bool torn = false, more = true;

    if (!trp_eq_is_path(path) ||
        (path != x && !trp_eq_int_of(TRP_Q_ITEMS(x)[0], &most))) {
        return trp_eq_fail(q, "type");
    }
    const char *name = TRP_Q_SYMS(path)[0];
    if (most == -2) {
        return trp_eq_file(q, TROUPE_EMBEDQ_LOG_COUNT, name, NULL);
    }
    most = most < 0 ? INT64_MAX : most;
    while (more && n < most) {
        qv *messages = piece(q, name, &at, &torn);
        more = messages != NULL && messages->count != 0;
        bool good = messages != NULL && run(q, messages, most, &n);
        trp_eq_drop(messages);
        if (!good) {
            return NULL;
        }
    }
    return torn ? trp_eq_fail(q, "badtail") : trp_eq_long(q, n);
}

/* ---- bytes ---- */

/* -8!x: the bytes of x as an async message. */
qv *trp_eq_to_bytes(struct trp_embedq *q, qv *x)
{
    struct trp_q_encoding how = {.kind = TRP_Q_ASYNC, .capability = TRP_Q_CAPABILITY};
    struct trp_buffer out;
    struct trp_q_why why = {0};

    if (!trp_eq_bounded(q, x)) {
        return NULL;
    }
    trp_buffer_init(&out, q->options.memory_limit);
    troupe_status status = trp_q_encode(x, &how, &out, &why);
    qv *v = NULL;
    if (status == TROUPE_OK) {
        v = trp_eq_new(q, TROUPE_Q_BYTE, trp_buffer_size(&out));
        if (v != NULL) {
            memcpy(TRP_Q_BYTES(v), trp_buffer_front(&out), v->count);
        }
    } else {
        (void)trp_eq_fail(q, status == TROUPE_ETYPE ? "type" : "limit");
    }
    trp_buffer_fini(&out);
    return v;
}

/* -9!bytes */
qv *trp_eq_from_bytes(struct trp_embedq *q, qv *x)
{
    struct trp_q_limits limits = TRP_Q_LIMITS;
    struct trp_q_why why = {0};
    qv *v = NULL;

    limits.message = limits.plain = q->options.memory_limit;
    if (x->type != TROUPE_Q_BYTE) {
        return trp_eq_fail(q, "type");
    }
    troupe_status status =
        trp_q_decode(TRP_Q_BYTES(x), x->count, NULL, &limits, &v, &why);
    if (status != TROUPE_OK || v->type == TROUPE_Q_ERROR) {
        trp_eq_drop(v);
        return trp_eq_fail(q, "badmsg");
    }
    return v;
}
