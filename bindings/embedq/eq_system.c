/* SPDX-License-Identifier: MIT
 * eq_system.c - .z names, system commands, files, handles and -n! functions. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_literal.h"
#include "bindings/embedq/eq_random.h"
#include "bindings/embedq/eq_verbs.h"

static const troupe_embedq_host *host_of(struct trp_embedq *q)
{
    static const troupe_embedq_host none = {.size = sizeof none};

    return q->options.host != NULL ? q->options.host : &none;
}

qv *trp_eq_answered(struct trp_embedq *q, troupe_status status, qv *answer)
{
    if (status != TROUPE_OK) {
        trp_eq_drop(answer);
        if (status == TROUPE_ECANCELED) {
            atomic_store_explicit(&q->interrupt, true, memory_order_relaxed);
        }
        return trp_eq_failf(
            q, "%s", status == TROUPE_ECANCELED ? "stop" : troupe_status_text(status));
    }
    if (answer != NULL && answer->type == TROUPE_Q_ERROR) {
        size_t size = 0;
        const char *text = troupe_q_text(answer, &size);
        (void)trp_eq_failf(q, "%.*s", (int)(size < 250 ? size : 250), text);
        trp_eq_drop(answer);
        return NULL;
    }
    return answer != NULL ? answer : trp_eq_null(q);
}

static int64_t now(struct trp_embedq *q) /* nanoseconds since 2000 */
{
    struct timespec t = {0};

    if (host_of(q)->now != NULL) {
        return host_of(q)->now(q->options.context) - TROUPE_Q_EPOCH_NS;
    }
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * TRP_EQ_SECOND + t.tv_nsec - TROUPE_Q_EPOCH_NS;
}

static qv *arguments(struct trp_embedq *q)
{
    qv *v = trp_eq_new(q, TROUPE_Q_LIST, 0);

    for (size_t i = 0;
         v != NULL && q->options.arguments != NULL && q->options.arguments[i] != NULL;
         i++) {
        qv *text =
            trp_eq_text(q, q->options.arguments[i], strlen(q->options.arguments[i]));
        if (text == NULL || trp_q_push(&v, &text) != TROUPE_OK) {
            trp_eq_drop(text);
            trp_eq_drop(v);
            return trp_eq_oom(q);
        }
    }
    return v;
}

static qv *clock_name(struct trp_embedq *q, char letter)
{
    int64_t t = now(q);

    switch (letter | 32) {
    case 'p':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_TIMESTAMP, t));
    case 'd':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_DATE, t / TRP_EQ_DAY));
    case 't':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_TIME, t % TRP_EQ_DAY / 1000000));
    case 'n':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_TIMESPAN, t % TRP_EQ_DAY));
    default:
        return trp_eq_made(
            q, trp_q_of_float(-TROUPE_Q_DATETIME, (double)t / (double)TRP_EQ_DAY));
    }
}

qv *trp_eq_dot_z(struct trp_embedq *q, const char *name)
{
    char letter = name[3];

    if (letter == 0 || name[4] != 0) {
        return NULL;
    }
    switch (letter) {
    case 'p':
    case 'P':
    case 'd':
    case 'D':
    case 't':
    case 'T':
    case 'n':
    case 'N':
    case 'z':
    case 'Z':
        return clock_name(q, letter);
    case 'w':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, q->handle));
    case 'a':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, q->address));
    case 'W':
        return trp_eq_handles(q);
    case 'u':
        return trp_eq_symbol(q, q->user, strlen(q->user));
    case 'h':
        return trp_eq_symbol(q, "localhost", 9);
    case 'o':
        return trp_eq_symbol(q, "l64", 3);
    case 'K':
        return trp_eq_float(q, 4.0);
    case 'k':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_DATE, 8401));
    case 'i':
        return trp_eq_made(q, trp_q_of_long(-TROUPE_Q_INT, 1));
    case 'f':
        return trp_eq_symbol(q, q->options.file != NULL ? q->options.file : "",
                             q->options.file != NULL ? strlen(q->options.file) : 0);
    case 'q':
        return trp_eq_bool(q, false);
    case 's':
        return q->frame != NULL && q->frame->lambda != NULL
                   ? troupe_q_ref(q->frame->lambda->value)
                   : NULL;
    case 'x':
        return arguments(q);
    default:
        return NULL;
    }
}

/* ---- system ---- */

static bool number_after(const char *text, size_t size, int64_t *out)
{
    struct trp_eq_scan scan;

    if (!trp_eq_scan_word(text, size, &scan) || scan.type != TROUPE_Q_LONG || scan.null) {
        return false;
    }
    *out = scan.whole;
    return true;
}

/* A setting: with a number it changes, without it is read. */
static qv *setting(struct trp_embedq *q, const char *text, size_t size, int64_t *value,
                   int type)
{
    if (size == 0) {
        return trp_eq_made(q, trp_q_of_long(type, *value));
    }
    return number_after(text, size, value) ? trp_eq_null(q) : trp_eq_fail(q, "type");
}

/* \t: milliseconds between two .z.ts */
static qv *timer(struct trp_embedq *q, const char *text, size_t size)
{
    int64_t before = q->timer;
    qv *v = setting(q, text, size, &q->timer, -TROUPE_Q_INT);

    if (v == NULL || size == 0) {
        return v;
    }
    bool good = q->timer >= 0 && q->timer <= INT32_MAX;
    troupe_status status = !good ? TROUPE_EINVAL
                           : host_of(q)->timer != NULL
                               ? host_of(q)->timer(q->options.context, q->timer)
                               : TROUPE_OK;
    if (status != TROUPE_OK) {
        q->timer = before;
    }
    return good ? trp_eq_answered(q, status, v)
                : (trp_eq_drop(v), trp_eq_fail(q, "domain"));
}

/* \p, \p 5010, \p host:5010 */
static qv *port(struct trp_embedq *q, const char *text, size_t size)
{
    char where[TRP_EQ_NAME_MAX + 1];
    int64_t number = 0;

    if (host_of(q)->port == NULL) {
        return setting(q, text, size, &q->port, -TROUPE_Q_INT);
    }
    if (size >= sizeof where) {
        return trp_eq_fail(q, "limit");
    }
    memcpy(where, text, size);
    where[size] = 0;
    troupe_status status =
        host_of(q)->port(q->options.context, size != 0 ? where : NULL, &number);
    if (status == TROUPE_EINVAL) {
        return trp_eq_fail(q, "type");
    }
    if (status == TROUPE_EACCESS) {
        return trp_eq_fail(q, "access");
    }
    if (status == TROUPE_EUNSUPPORTED) {
        return trp_eq_nyi(q, "change of the port");
    }
    return trp_eq_answered(q, status,
                           size == 0 ? trp_q_of_long(-TROUPE_Q_INT, number) : NULL);
}

static qv *change_space(struct trp_embedq *q, const char *text, size_t size)
{
    const char *name = NULL;

    if (size == 0) {
        return trp_eq_symbol(q, q->context[0] != 0 ? q->context : ".",
                             q->context[0] != 0 ? strlen(q->context) : 1);
    }
    if (text[0] != '.' || size > TRP_EQ_NAME_MAX) {
        return trp_eq_failf(q, "%.*s", (int)(size < 100 ? size : 100), text);
    }
    if (trp_q_intern(text, size == 1 ? 0 : size, &name) != TROUPE_OK) {
        return trp_eq_oom(q);
    }
    q->context = name;
    return trp_eq_null(q);
}

static qv *load(struct trp_embedq *q, const char *text, size_t size)
{
    char path[1024];

    if (size + 2 > sizeof path || size == 0) {
        return trp_eq_fail(q, "limit");
    }
    path[0] = ':';
    memcpy(path + 1, text, size);
    path[size + 1] = 0;
    qv *lines = trp_eq_file(q, TROUPE_EMBEDQ_READ_LINES, path, NULL);
    qv *newline =
        lines != NULL ? trp_eq_made(q, trp_q_of_long(-TROUPE_Q_CHAR, '\n')) : NULL;
    qv *all = newline != NULL ? trp_eq_v_sv(q, newline, lines) : NULL;
    const char *context = q->context;
    bool good = all != NULL && trp_eq_script(q, TRP_Q_CHARS(all), all->count);
    q->context = context;
    trp_eq_drop(newline);
    trp_eq_drop(lines);
    trp_eq_drop(all);
    return good ? trp_eq_null(q) : NULL;
}

/* Sleeps in short pieces, so that an interrupt is seen. */
static bool sleep_here(struct trp_embedq *q, troupe_ns span)
{
    while (span > 0 && trp_eq_go_on(q)) {
        troupe_ns piece = span < TROUPE_MS(5) ? span : TROUPE_MS(5);
        struct timespec t = {.tv_nsec = (long)piece};
        (void)nanosleep(&t, NULL);
        span -= piece;
    }
    return trp_eq_go_on(q);
}

static qv *rest_asleep(struct trp_embedq *q, const char *text, size_t size)
{
    struct trp_eq_scan scan;

    if (!trp_eq_scan_word(text, size, &scan) || scan.real < 0 || scan.real > 1e6) {
        return trp_eq_fail(q, "type");
    }
    troupe_ns span = (troupe_ns)(scan.real * (double)TRP_EQ_SECOND);
    if (host_of(q)->sleep == NULL) {
        return !q->may_sleep         ? trp_eq_nyi(q, "sleep")
               : sleep_here(q, span) ? trp_eq_null(q)
                                     : NULL;
    }
    troupe_status status = host_of(q)->sleep(q->options.context, span);
    return status == TROUPE_OK && !trp_eq_go_on(q) ? NULL
                                                   : trp_eq_answered(q, status, NULL);
}

static qv *names_where(struct trp_embedq *q, const char *text, size_t size, char what)
{
    char space[TRP_EQ_NAME_MAX + 1];

    if (size >= sizeof space) {
        return trp_eq_fail(q, "limit");
    }
    memcpy(space, text, size);
    space[size] = 0;
    const char *in = size == 0 ? q->context : space;
    qv *names = trp_eq_names_in(q, in);
    size_t n = 0;
    for (size_t i = 0; names != NULL && i < names->count; i++) {
        qv *v = trp_eq_get_quiet(q, strlen(in) <= 1 ? "" : in, TRP_Q_SYMS(names)[i]);
        bool function = v != NULL && trp_q_is_function(v);
        if (v != NULL && (what == 'f') == function) {
            TRP_Q_SYMS(names)[n++] = TRP_Q_SYMS(names)[i];
        }
        trp_eq_drop(v);
    }
    if (names != NULL) {
        names->count = n;
    }
    return names;
}

/* \\c 25 80 */
static qv *console_size(struct trp_embedq *q, const char *text, size_t size)
{
    qv *v = size != 0 ? trp_eq_number(q, text, size) : NULL;
    int64_t rows = 0, columns = 0;

    if (size == 0) {
        v = trp_eq_new(q, TROUPE_Q_INT, 2);
        if (v != NULL) {
            TRP_Q_INTS(v)[0] = q->console_rows;
            TRP_Q_INTS(v)[1] = q->console_columns;
        }
        return v;
    }
    bool good = v != NULL && v->type == TROUPE_Q_LONG && v->count == 2 &&
                troupe_q_get_long(v, 0, &rows) == TROUPE_OK &&
                troupe_q_get_long(v, 1, &columns) == TROUPE_OK;
    trp_eq_drop(v);
    if (!good || rows < 10 || rows > 2000 || columns < 10 || columns > 2000) {
        return trp_eq_fail(q, good ? "limit" : "type");
    }
    q->console_rows = (int)rows;
    q->console_columns = (int)columns;
    return trp_eq_null(q);
}

static qv *letter_command(struct trp_embedq *q, char letter, const char *rest,
                          size_t size)
{
    const char *name = NULL;

    switch (letter) {
    case 'd':
        return change_space(q, rest, size);
    case 'l':
        return load(q, rest, size);
    case 'p':
        return port(q, rest, size);
    case 't':
        return timer(q, rest, size);
    case 'P': {
        int64_t digits = q->precision;
        qv *v = setting(q, rest, size, &digits, -TROUPE_Q_INT);
        q->precision = digits >= 0 && digits <= 17 ? (int)digits : q->precision;
        return v;
    }
    case 'c':
    case 'C':
        return console_size(q, rest, size);
    case 'S': {
        int64_t seed = 0;
        if (size == 0 || !number_after(rest, size, &seed)) {
            return trp_eq_fail(q, "type");
        }
        trp_eq_random_seed(&q->random, (uint64_t)seed);
        return trp_eq_null(q);
    }
    case 'a':
    case 'v':
    case 'f': {
        qv *space = trp_eq_symbol(q, q->context, strlen(q->context));
        qv *v = space == NULL   ? NULL
                : letter == 'a' ? trp_eq_v_tables(q, space)
                                : names_where(q, rest, size, letter);
        trp_eq_drop(space);
        return v;
    }
    case 'x':
        if (size > TRP_EQ_NAME_MAX || trp_q_intern(rest, size, &name) != TROUPE_OK) {
            return trp_eq_fail(q, "limit");
        }
        return trp_eq_unset(q, "", name) ? trp_eq_null(q) : NULL;
    default:
        return NULL;
    }
}

qv *trp_eq_command(struct trp_embedq *q, const char *text, size_t size)
{
    size_t word = 0;

    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\n')) {
        size--;
    }
    while (word < size && text[word] != ' ') {
        word++;
    }
    const char *rest = text + word;
    size_t left = size - word;
    while (left > 0 && *rest == ' ') {
        rest++;
        left--;
    }
    if (trp_eq_is_timing(text, word, rest, left)) {
        return trp_eq_timing(q, text, word, rest, left);
    }
    if (word == 1) {
        qv *v = letter_command(q, text[0], rest, left);
        if (v != NULL || q->failed) {
            return v;
        }
    }
    if (word == 5 && memcmp(text, "sleep", 5) == 0) {
        return rest_asleep(q, rest, left);
    }
    if (host_of(q)->system == NULL) {
        return trp_eq_failf(q, "nyi: system \"%.*s\"", (int)(size < 60 ? size : 60),
                            text);
    }
    qv *answer = NULL;
    troupe_status status = host_of(q)->system(q->options.context, text, size, &answer);
    return trp_eq_answered(q, status, answer);
}

qv *trp_eq_v_system(struct trp_embedq *q, qv *x)
{
    size_t size = 0;
    const char *text = x->type == TROUPE_Q_CHAR || x->type == -TROUPE_Q_CHAR
                           ? troupe_q_text(x, &size)
                           : NULL;

    return text != NULL ? trp_eq_command(q, text, size) : trp_eq_fail(q, "type");
}

qv *trp_eq_v_getenv(struct trp_embedq *q, qv *x)
{
    (void)x;
    return trp_eq_nyi(q, "getenv");
}

qv *trp_eq_v_setenv(struct trp_embedq *q, qv *x, qv *y)
{
    (void)x;
    (void)y;
    return trp_eq_nyi(q, "setenv");
}

qv *trp_eq_v_file2(struct trp_embedq *q, qv *x, qv *y)
{
    (void)x;
    (void)y;
    return trp_eq_nyi(q, "2:");
}

qv *trp_eq_v_ltime(struct trp_embedq *q, qv *x)
{
    (void)q;
    return troupe_q_ref(x); /* local time is UTC here */
}

qv *trp_eq_v_gtime(struct trp_embedq *q, qv *x)
{
    (void)q;
    return troupe_q_ref(x);
}

/* ---- -n!x ---- */

qv *trp_eq_internal(struct trp_embedq *q, int64_t code, qv *x)
{
    switch (code) {
    case INT64_MIN:
    case INT32_MIN: {
        qv *text = trp_eq_oneline(q, x);
        if (text == NULL) {
            return NULL;
        }
        trp_eq_print(q, 1, TRP_Q_CHARS(text), text->count);
        trp_eq_print(q, 1, "\n", 1);
        trp_eq_drop(text);
        return troupe_q_ref(x);
    }
    case -3:
        return trp_eq_oneline(q, x);
    case -8:
        return trp_eq_to_bytes(q, x);
    case -9:
        return trp_eq_from_bytes(q, x);
    case -11:
        return trp_eq_replay(q, x);
    case -25:
        return trp_eq_broadcast(q, x);
    case -30:
        return trp_eq_defer(q, x);
    case -120:
        return trp_eq_long(q, 0);
    default:
        return code < 0 ? trp_eq_failf(q, "nyi: %lld!", (long long)code)
                        : trp_eq_fail(q, "type");
    }
}
