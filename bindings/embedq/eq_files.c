/* SPDX-License-Identifier: MIT
 * eq_files.c - handles of files, and values to bytes and back (-8! and -9!). */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"
#include "transports/q/q_codec.h"

/* Handles of files begin here, far from those of connections. */
enum { FIRST = 1000000 };

qv *trp_eq_open_file(struct trp_embedq *q, const char *path)
{
    for (int i = 0; i < TRP_EQ_FILES_MAX; i++) {
        if (q->files[i] == NULL) {
            q->files[i] = path;
            return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, FIRST + i));
        }
    }
    return trp_eq_fail(q, "limit");
}

const char **trp_eq_file_of(struct trp_embedq *q, int64_t handle)
{
    int64_t at = (handle < 0 ? -handle : handle) - FIRST;

    return at >= 0 && at < TRP_EQ_FILES_MAX && q->files[at] != NULL ? &q->files[at]
                                                                    : NULL;
}

bool trp_eq_is_path(const qv *x)
{
    const char *text = x->type == -TROUPE_Q_SYMBOL ? TRP_Q_SYMS(x)[0] : "";

    return text[0] == ':' && text[1] != 0 && strchr(text + 1, ':') == NULL;
}

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
