/* SPDX-License-Identifier: MIT
 * eq_show.c - show, 0N!, .Q.s, .Q.s1, and where console output goes. */
#include <stdio.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"
#include "transports/q/q_print.h"

void trp_eq_print(struct trp_embedq *q, int stream, const char *text, size_t size)
{
    const troupe_embedq_host *host = q->options.host;

    if (host != NULL && host->print != NULL) {
        host->print(q->options.context, stream, text, size);
        return;
    }
    FILE *out = stream == 2 ? stderr : stdout;
    if (fwrite(text, 1, size, out) == size) {
        (void)fflush(out);
    }
}

/* NULL: no memory. */
static qv *text_of(const qv *x, const struct trp_q_format *format, bool line)
{
    struct trp_buffer text;

    trp_buffer_init(&text, SIZE_MAX / 4);
    (line ? trp_q_print_line : trp_q_print)(&text, x, format);
    qv *v =
        text.status == TROUPE_OK
            ? trp_q_of_text((const char *)trp_buffer_front(&text), trp_buffer_size(&text))
            : NULL;
    trp_buffer_fini(&text);
    return v;
}

static int digits(const struct trp_embedq *q) /* \P 0: all there are */
{
    return q->precision != 0 ? q->precision : TRP_Q_PRECISION_MAX;
}

static qv *console_text(const struct trp_embedq *q, const qv *x)
{
    const struct trp_q_format format = {.rows = (size_t)q->console_rows,
                                        .columns = (size_t)q->console_columns,
                                        .precision = digits(q)};

    return text_of(x, &format, false);
}

qv *trp_eq_console(struct trp_embedq *q, qv *x)
{
    return trp_eq_bounded(q, x) ? trp_eq_made(q, console_text(q, x)) : NULL;
}

qv *trp_eq_oneline(struct trp_embedq *q, qv *x)
{
    const struct trp_q_format format = {.precision = digits(q)};

    return trp_eq_bounded(q, x) ? trp_eq_made(q, text_of(x, &format, true)) : NULL;
}

qv *trp_eq_v_show(struct trp_embedq *q, qv *x)
{
    qv *text = trp_eq_console(q, x);

    if (text == NULL) {
        return NULL;
    }
    trp_eq_print(q, 1, TRP_Q_CHARS(text), text->count);
    trp_eq_drop(text);
    return trp_eq_null(q);
}

qv *trp_eq_v_dot_s(struct trp_embedq *q, qv *x)
{
    return trp_eq_console(q, x);
}

qv *trp_eq_v_dot_s1(struct trp_embedq *q, qv *x)
{
    return trp_eq_oneline(q, x);
}

qv *trp_eq_v_dot_sbt(struct trp_embedq *q, qv *x)
{
    return x->type == TROUPE_Q_CHAR ? troupe_q_ref(x) : trp_eq_text(q, "", 0);
}

/* .Q.trp[f;x;g]: g gets the error and a backtrace for .Q.sbt. */
qv *trp_eq_v_trp(struct trp_embedq *q, size_t count, qv **args)
{
    char where[2 * TROUPE_FAILURE_TEXT];

    if (count != 3) {
        return trp_eq_fail(q, "rank");
    }
    qv *v = trp_eq_apply1(q, args[0], args[1]);
    if (v != NULL || q->returned != NULL || !q->failed || trp_eq_stopping(q)) {
        return v;
    }
    qv *error = trp_q_of_text(q->error, strlen(q->error));
    qv *line = NULL;
    q->failed = false;
    if (error != NULL) {
        qv *call = trp_eq_oneline(q, args[1]);
        int shown = call != NULL && call->count < 200 ? (int)call->count : 0;
        int size = snprintf(where, sizeof where, "  [0]  %.*s\n", shown,
                            shown != 0 ? TRP_Q_CHARS(call) : "");
        line = trp_eq_text(q, where, (size_t)size);
        trp_eq_drop(call);
    }
    v = error != NULL && line != NULL ? trp_eq_apply2(q, args[2], error, line)
                                      : trp_eq_oom(q);
    trp_eq_drop(error);
    trp_eq_drop(line);
    return v;
}

troupe_status troupe_embedq_show(troupe_embedq *q, troupe_q_value *value,
                                 troupe_q_value **out)
{
    qv *text = console_text(q, value);

    if (text == NULL) {
        return TROUPE_ENOMEM;
    }
    *out = text;
    return TROUPE_OK;
}
