/* SPDX-License-Identifier: MIT
 * eq_timing.c - \t and \ts: how long an evaluation takes, and what it makes. */
#include <time.h>

#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_literal.h"
#include "bindings/embedq/eq_verbs.h"

/* What stands in front of the text: t, ts, t:n or ts:n. */
struct timing {
    bool space;
    int64_t times;
};

static bool read_word(const char *word, size_t size, struct timing *out)
{
    struct trp_eq_scan scan;

    if (size == 0 || word[0] != 't') {
        return false;
    }
    out->space = size > 1 && word[1] == 's';
    out->times = 1;
    size_t at = out->space ? 2 : 1;
    if (at == size) {
        return true;
    }
    if (word[at] != ':' || !trp_eq_scan_word(word + at + 1, size - at - 1, &scan) ||
        scan.type != TROUPE_Q_LONG || scan.null || scan.whole < 1) {
        return false;
    }
    out->times = scan.whole;
    return true;
}

static int64_t now(struct trp_embedq *q)
{
    const troupe_embedq_host *host = q->options.host;
    struct timespec t = {0};

    if (host != NULL && host->now != NULL) {
        return host->now(q->options.context);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * TRP_EQ_SECOND + t.tv_nsec;
}

bool trp_eq_is_timing(const char *word, size_t size, const char *rest, size_t left)
{
    struct trp_eq_scan scan;
    struct timing timing;

    if (left == 0 || !read_word(word, size, &timing)) {
        return false;
    }
    return size > 1 || !trp_eq_scan_word(rest, left, &scan); /* \t 1000 is the timer */
}

qv *trp_eq_timing(struct trp_embedq *q, const char *word, size_t size, const char *rest,
                  size_t left)
{
    struct timing timing = {.times = 0};

    (void)read_word(word, size, &timing);
    uint64_t made = q->made;
    int64_t begin = now(q);
    for (int64_t i = 0; i < timing.times; i++) {
        qv *v = trp_eq_eval_text(q, rest, left, false);
        if (v == NULL) {
            return NULL;
        }
        trp_eq_drop(v);
    }
    int64_t milliseconds = (now(q) - begin) / 1000000;
    made = q->made - made;
    if (!timing.space) {
        return trp_eq_long(q, milliseconds);
    }
    qv *both = trp_eq_new(q, TROUPE_Q_LONG, 2);
    if (both != NULL) {
        TRP_Q_LONGS(both)[0] = milliseconds;
        TRP_Q_LONGS(both)[1] = (int64_t)made;
    }
    return both;
}
